"""Hostile hosts: other builds of the service, other logs under its keys, records past its gateway; and what an auditor has kept."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dragoman import wiring
from dragoman.domain import ids
from dragoman.domain import record as records
from dragoman.domain.channel import cid_of
from dragoman.domain.record import Record, parse
from dragoman.log import stream
from dragoman.log.broker import Endpoint
from dragoman.log.connection import connected
from dragoman.log.rebuilding import rebuild
from dragoman.settings import Settings
from dragoman.tlog import dsse, leaf, merkle
from service import Service

CHANNEL = "nato-china"
HOSTILE = Path(__file__).parents[1] / "attacks" / "hostile.py"
Forge = Callable[[list[bytes]], list[bytes]]


class Messages:
    """A log in memory."""

    def __init__(self, messages: Sequence[bytes]) -> None:
        self.messages = messages

    @property
    def size(self) -> int:
        return len(self.messages)

    def raw(self, position: int) -> bytes:
        return self.messages[position - 1]


class Hostile(Service):
    """A hostile build, as `dragoman up` would start it."""

    def __init__(self, data: Path, tricks: str, *arguments: str) -> None:
        self.program = (sys.executable, str(HOSTILE), tricks)
        super().__init__(data, *arguments)


class Auditor:
    """One side's auditor: cid, log key, token, a mirror, an export, a proof, an old head, all taken from the honest host."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.folder = folder
        self.token = folder / "token"
        self.token.write_text(service.token("china/auditor"))
        shown = json.loads(service.run("channel", "show", CHANNEL, "--token-file", str(self.token)).stdout)
        self.pins = ("--cid", shown["cid"], "--log", shown["log"])
        self.log = shown["log"]
        self.mirror, self.export = folder / "mirror", folder / "log.zip"
        self.ask(service, "mirror", str(self.mirror), "--once", *self.pins)
        self.ask(service, "export", "--to", str(self.export))

    def ask(self, service: Service, *arguments: str, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        """`dragoman audit …` on a host."""
        return service.run("audit", *arguments, "--channel", CHANNEL, "--token-file", str(self.token), check=check)

    def own_mirror(self) -> Path:
        """A copy of the mirror, which one test may go on with."""
        copy = self.folder / f"mirror-{time.monotonic_ns()}"
        shutil.copytree(self.mirror, copy)
        return copy


async def write(data: Path, messages: list[bytes]) -> None:
    """Write a log of these messages on a data directory that nothing runs on."""
    async with wiring.broker_of(Settings(data=data)) as endpoint:
        async with connected(endpoint.url, "steward", endpoint.seed("steward")) as steward:
            await stream.create(steward, CHANNEL)
        async with connected(endpoint.url, "gateway", endpoint.seed("gateway")) as bus:
            await rebuild(bus, CHANNEL, Messages(messages))


def decided_anew(messages: list[bytes]) -> list[bytes]:
    """The messages with each decided on the position before its own, as a host would see to it."""
    found = []
    for position, raw in enumerate(messages, 1):
        decided = int(parse(raw).envelope.decided)
        found.append(re.sub(rb'"decided":"[0-9]+"', b'"decided":"%d"' % min(decided, position - 1), raw, count=1))
    return found


async def append(host: Service, raw: bytes) -> int:
    """Write a message into a host's log as only the host can: past its gateway. The position."""
    async with connected(host.nats_url, "gateway", Endpoint(host.nats_url, "", host.data / "keys").seed("gateway")) as bus:
        last = await stream.last_of(bus, CHANNEL)
        answer: dict[str, Any] = json.loads((await bus.request(f"dragoman.v1.{CHANNEL}.contact.{last}", raw)).data)
        return int(answer["seq"])


class Given:
    """What an attack is made of: the honest log's records, and the trial's keys, which a hostile host has."""

    def __init__(self, host: Service) -> None:
        archive = host.data / "archive" / CHANNEL / "records"
        raw = archive.read_bytes()
        self.records: list[Record] = []
        at = 0
        while at < len(raw):
            size = int.from_bytes(raw[at : at + 4])
            self.records.append(parse(raw[at + 4 : at + 4 + size]))
            at += 4 + size
        self.genesis = self.records[0]
        self._keys = host.data / "keys" / "channels" / CHANNEL

    def seed(self, owner: str) -> bytes:
        return (self._keys / f"{owner}.seed").read_bytes()

    def record(self, actor: str, body: Mapping[str, object], *, signed_by: bytes | None = None, said_by: str = "", **changes: str) -> bytes:
        """A record as the host could write it, with members of its envelope changed."""
        name = str(body["act"])
        family = "channel" if name in ("officer", "key-addition") else "contact"
        id = ids.v7(1_800_000_000_000, len(repr(body)).to_bytes(10))
        subject = self.genesis.envelope.id if family == "channel" else id
        if signed_by is not None:
            body = {**body, "signed": {
                "channel": changes.pop("cid", "") or _cid(self.genesis), "type": f"dragoman.{name}.v1", "exchange": subject if family == "channel" else "",
                "id": id, "author": actor, "after": changes.pop("after", ""), "seen": {"size": 1, "root": changes.pop("root", _root(self.genesis))},
            }}  # fmt: skip
        act = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        signatures = "" if signed_by is None else dsse.write_signatures({dsse.key_id(dsse.public_of(signed_by)): dsse.sign(signed_by, act)})
        side, _, officer = actor.partition("/")
        source = f"/sides/{side}" if officer == "root" else f"/sides/{side}/offices/{'brussels' if side == 'nato' else 'beijing'}"
        given = {
            "id": id, "source": source, "name": name, "subject": subject, "time": self.records[-1].envelope.time, "channel": CHANNEL,
            "family": family, "actor": said_by or actor, "salt": "ab" * 32,
        }  # fmt: skip
        return records.build(records.envelope(version=1, decided=1, signatures=signatures, **{**given, **changes}), act)


def _cid(genesis: Record) -> str:
    return cid_of(genesis.act)


def _root(genesis: Record) -> str:
    return dsse.encode_base64(merkle.leaf_hash(leaf.entry(0, genesis.commit)))

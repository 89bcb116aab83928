"""Hostile hosts: other builds of the service, other logs under its keys, records past its gateway;
and what an auditor has kept.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from nacl import bindings

from dragoman import bootstrap
from dragoman.audit.replay import Replay
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.families.genesis import cid_of
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import parse
from dragoman.eventlog import stream_config
from dragoman.eventlog.archive import Archive
from dragoman.eventlog.nats_connection import connected
from dragoman.eventlog.restore import restore_log
from dragoman.settings import Settings
from dragoman.stores.signed_heads import SignedHeadStore
from dragoman.tlog import dsse
from patience import PATIENCE_S
from service import Gateway, Service

CHANNEL = "nato-china"
HOSTILE = Path(__file__).parents[1] / "attacks" / "hostile.py"
Forge = Callable[[list[bytes]], list[bytes]]

_HEAD_SECONDS = PATIENCE_S


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
    """One side's auditor: cid, log key, token, a mirror, an export, a proof, an old head, all taken
    from the honest host.
    """

    def __init__(self, service: Service, folder: Path) -> None:
        self.folder = folder
        self.token = folder / "token"
        self.token.write_text(service.token("china/auditor"))
        shown = json.loads(
            service.run("channel", "show", CHANNEL, "--token-file", str(self.token)).stdout
        )
        self.pins = ("--cid", shown["cid"], "--log", shown["log"])
        self.log = shown["log"]
        self.mirror, self.export = folder / "mirror", folder / "log.zip"
        self._wait_for_the_head(service)
        self.ask(service, "mirror", str(self.mirror), "--once", *self.pins)
        self.ask(service, "export", "--to", str(self.export))
        self.ask(service, "verify", *self.pins, *self.state("verify"))
        self.ask(service, "replay", "--sample", "0", *self.state("replay"))

    def state(self, command: str, to: Path | None = None) -> tuple[str, str]:
        """Return the option for a command that goes on from the audit of the honest host.

        It goes on from a copy of that audit, in the folder `to`, if one is given.
        """
        kept = self.folder / f"kept-{command}"
        return "--state", str(kept if to is None else shutil.copytree(kept, to / kept.name))

    def _wait_for_the_head(self, service: Gateway) -> None:
        """Wait until the log's signed head covers all records of the log."""
        state = json.loads(self._read(service, "state"))
        deadline = time.monotonic() + _HEAD_SECONDS
        while self._signed(service) < state["position"]:
            assert time.monotonic() < deadline, "no head of all records"
            time.sleep(0.05)

    def _signed(self, service: Gateway) -> int:
        """Of how many records a head is signed."""
        try:
            return int(self._read(service, "log/checkpoint").split(b"\n")[1])
        except HTTPError as error:
            error.close()
            if error.code != HTTPStatus.NOT_FOUND:
                raise
            return 0

    def _read(self, service: Gateway, what: str) -> bytes:
        asked = Request(
            f"{service.base_url}/v1/channels/{CHANNEL}/{what}",
            headers={"Authorization": f"Bearer {self.token.read_text()}"},
        )
        with urlopen(asked, timeout=10) as answer:
            return bytes(answer.read())

    def ask(
        self, service: Gateway, *arguments: str, check: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        """`dragoman audit …` on a host."""
        return service.run(
            "audit", *arguments, "--channel", CHANNEL, "--token-file", str(self.token), check=check
        )

    def own_mirror(self) -> Path:
        """A copy of the mirror, which one test may go on with."""
        copy = self.folder / f"mirror-{time.monotonic_ns()}"
        shutil.copytree(self.mirror, copy)
        return copy


def archived(data: Path) -> list[bytes]:
    """The messages in the archive of a host that has stopped."""
    archive = Archive(data / "archive" / CHANNEL)
    try:
        return [archive.raw(position) for position in range(1, archive.size + 1)]
    finally:
        archive.close()


async def write(data: Path, messages: list[bytes]) -> None:
    """Write a log of these messages on a data directory that nothing runs on."""
    async with bootstrap.broker_of(Settings(data=data)) as endpoint:
        async with connected(endpoint.url, "steward", endpoint.seed("steward")) as steward:
            await SignedHeadStore.create(steward, 1)
            await stream_config.create(steward, CHANNEL)
        async with connected(endpoint.url, "gateway", endpoint.seed("gateway")) as bus:
            await restore_log(bus, CHANNEL, Messages(messages))


def decided_anew(messages: list[bytes]) -> list[bytes]:
    """The messages with each decided on the position before its own, as a host would see to it."""
    found = []
    for position, raw in enumerate(messages, 1):
        decided = int(parse(raw).envelope.decided)
        found.append(
            re.sub(
                rb'"decided":"[0-9]+"', b'"decided":"%d"' % min(decided, position - 1), raw, count=1
            )
        )
    return found


async def append(host: Gateway, raw: bytes) -> int:
    """Write a message into a host's log as only the host can: past its gateway. The position."""
    async with host.endpoint.connected("gateway") as bus:
        last = await stream_config.last_position(bus, CHANNEL)
        answer: dict[str, Any] = json.loads(
            (await bus.request(f"dragoman.v1.{CHANNEL}.contact.{last}", raw)).data
        )
        return int(answer["seq"])


# Who signs what is made up

Signer = Callable[[bytes], tuple[str, bytes]]
"""Signs an act's bytes: the key's id, and the signature."""


def signer(
    seed: bytes, message: Callable[[bytes], bytes] = lambda act: dsse.pae(dsse.PAYLOAD_TYPE, act)
) -> Signer:
    """The key of a seed, over what is made of the act."""
    public, secret = bindings.crypto_sign_seed_keypair(seed)
    return lambda act: (dsse.key_id(public), bindings.crypto_sign(message(act), secret)[:64])


def public_of(seed: bytes) -> str:
    """A public key as acts name it."""
    return dsse.encode_base64(dsse.public_of(seed))


_ORDER = 2**252 + 27742317777372353535851937790883648493
_OF_ORDER_TWO = (2**255 - 20).to_bytes(32, "little")
_SECRET = int.from_bytes(hashlib.sha256(b"weak").digest(), "little") % _ORDER
_WEAK = bindings.crypto_core_ed25519_add(
    bindings.crypto_scalarmult_ed25519_base_noclamp(_SECRET.to_bytes(32, "little")), _OF_ORDER_TWO
)
WEAK = dsse.encode_base64(_WEAK)
"""A key with a part of order two: half of its signatures hold, by libsodium as by others, and what
holds is for its owner to choose.
"""


def weakly(act: bytes) -> tuple[str, bytes]:
    """A signature of the weak key that holds."""
    message = dsse.pae(dsse.PAYLOAD_TYPE, act)
    for nonce in count(1):
        point = bindings.crypto_scalarmult_ed25519_base_noclamp(nonce.to_bytes(32, "little"))
        challenge = (
            int.from_bytes(hashlib.sha512(point + _WEAK + message).digest(), "little") % _ORDER
        )
        if challenge % 2 == 0:
            return dsse.key_id(_WEAK), point + ((nonce + challenge * _SECRET) % _ORDER).to_bytes(
                32, "little"
            )
    raise AssertionError


class Given:
    """The material of an attack: the honest log's records, and the trial's keys, which a hostile
    host has.
    """

    def __init__(self, messages: Sequence[bytes], data: Path) -> None:
        self.records = [parse(raw) for raw in messages]
        self.genesis = self.records[0]
        self._data = data
        self._serial = count(1)
        self._replay = Replay()
        self._replay.take(messages)
        assert self._replay.standing.state.registry is not None
        self._etag = self._replay.standing.state.registry.etag
        self.seen = self.head(len(messages))

    def head(self, size: int) -> dict[str, object]:
        """The head of so many records, as an author has seen it."""
        return {"size": size, "root": dsse.encode_base64(self._replay.root(size))}

    def seed(self, owner: str) -> bytes:
        """The seed of an owner's key; `log/log` has the log's own."""
        keys = self._data / "keys"
        return (
            (keys / "log" / "log" if owner == "log/log" else keys / "channels" / CHANNEL)
            / f"{owner}.seed"
        ).read_bytes()

    def record(
        self,
        author: str,
        body: Mapping[str, object],
        *signers: Signer,
        signed: Mapping[str, object] | None = None,
        **changes: str,
    ) -> bytes:
        """A record as the host could write it, signed by these keys: lawful, but for what is said
        otherwise of `signed` and the envelope.
        """
        name = str(body["act"])
        family, version = str(RULES[name].family), RULES[name].version
        id = changes.pop("id", "") or ids.v7(1_800_000_000_000, next(self._serial).to_bytes(10))
        in_channel = family == "channel"
        subject = self.genesis.envelope.id if in_channel else id
        if signers:
            body = {**body, "signed": {
                "channel": cid_of(self.genesis.act), "type": f"dragoman.{name}.v{version}", "exchange": subject if in_channel else "", "id": id,
                "author": author, "after": self._etag if in_channel else "", "seen": self.seen, **(signed or {}),
            }}  # fmt: skip
        act = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        signatures = dsse.write_signatures(dict(each(act) for each in signers)) if signers else ""
        side, _, officer = author.partition("/")
        source = (
            f"/sides/{side}"
            if officer == "root"
            else f"/sides/{side}/offices/{'brussels' if side == 'nato' else 'beijing'}"
        )
        given = {
            "id": id, "source": source, "name": name, "subject": subject, "time": self.records[-1].envelope.time, "channel": CHANNEL,
            "family": family, "actor": author, "salt": "ab" * 32,
        }  # fmt: skip
        return records.build(
            records.envelope(
                version=version, decided=1, signatures=signatures, **{**given, **changes}
            ),
            act,
        )

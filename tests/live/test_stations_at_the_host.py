"""A host and the stations of its sides: tokens, acts that are handed in, and streams."""

import asyncio
import json
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec
import pytest

from dragoman.cli.signature import seed_of
from dragoman.domain.record import ids
from dragoman.station import link
from dragoman.tlog import dsse
from host import Host
from patience import PATIENCE_S
from service import Answer, Caller, new_key

C = "/v1/channels/nato-china"
NOTE = {"act": "contact-note", "form": "conversation", "text": "Met at the reception."}
RECORD_BYTES = 450


class AtHost:
    """A channel of two sides, each with a station, and officers whose keys are their own."""

    def __init__(self, host: Host, session: aiohttp.ClientSession) -> None:
        self.host, self.session = host, session
        self.cid = str(host.opened()["cid"])
        for side in ("nato", "china"):
            for key in ("station-1", "o-1"):
                host.key(f"{side}-{key}")
            signed = ("--sign", f"{side}-adm.pem", "--token-file", f"{side}-adm-1.token")
            host.run(
                "officer", "add", f"{side}/station-1", "--office", "hq", "--role", "station",
                "--key", f"{side}-station-1.pem", *signed,
            )  # fmt: skip
            host.run("keys", "enrol", f"{side}-o-1.pem", "--officer", "o-1", *signed)

    def seed(self, actor: str) -> bytes:
        return seed_of(self.host.folder / f"{actor.replace('/', '-')}.pem")

    def bearing(self, token: str) -> Caller:
        caller = Caller(self.session, self.host.service, "")
        caller.headers = {"Authorization": f"Bearer {token}"}
        return caller

    def station(self, side: str = "nato", **claims: Any) -> Caller:
        return self.bearing(self.token(side, **claims))

    def token(
        self, side: str = "nato", *, ago: float = 0.0, cid: str = "", signer: str = ""
    ) -> str:
        seed = self.seed(signer or f"{side}/station-1")
        return link.token(seed, f"{side}/station-1", [cid or self.cid], time.time() - ago)

    async def line(
        self, author: str = "nato/o-1", *, by: str = "", act: Any = NOTE, **more: Any
    ) -> bytes:
        """A line with an act, as its author's station would hand it in."""
        seed, id = self.seed(by or author), ids.from_key("nato-china", author, new_key())
        head = (await self.station().get(f"{C}/log/checkpoint")).body.decode().split("\n")
        signed = {
            "channel": self.cid,
            "type": "dragoman.contact-note.v1",
            "exchange": "",
            "id": id,
            "author": author,
            "after": "",
            "seen": {"size": int(head[1]), "root": head[2]},
        }
        raw = msgspec.json.encode({**act, "signed": signed})
        return msgspec.json.encode(
            {
                "act": msgspec.Raw(raw),
                "key_id": dsse.key_id(dsse.public_of(seed)),
                "signature": dsse.encode_base64(dsse.sign(seed, raw)),
                **more,
            }
        )


async def hand_in(caller: Caller, *lines: bytes) -> list[Any]:
    answer = await caller.call(
        "POST", f"{C}/acts", b"\n".join(lines), Content_Type="application/x-ndjson"
    )
    assert answer.status == 200, answer.body
    return [json.loads(outcome) for outcome in answer.body.splitlines()]


@asynccontextmanager
async def streaming(
    caller: Caller, after: int, **options: Any
) -> AsyncIterator[aiohttp.ClientResponse]:
    async with (
        asyncio.timeout(PATIENCE_S),
        caller.session.get(
            f"{caller.service.base_url}{C}/records?after={after}",
            headers={**caller.headers, "Accept": "text/event-stream", **options},
        ) as answer,
    ):
        assert answer.status == 200, await answer.read()
        yield answer


@pytest.fixture
def at(host: Host, session: aiohttp.ClientSession) -> AtHost:
    return AtHost(host, session)


def unauthenticated(answer: Answer) -> str:
    return str(answer.problem(401, "unauthenticated")["detail"])


async def test_a_station_speaks_by_its_key_and_for_its_time_alone(at: AtHost) -> None:
    answer = await at.station().get(f"{C}/state")
    assert answer.status == 200
    date = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert abs(date - time.time()) < PATIENCE_S
    assert (await at.station(ago=200).get(f"{C}/state")).status == 200
    refused = await at.station(ago=400).get(f"{C}/state")
    assert "not in time" in unauthenticated(refused) and "Date" in refused.headers
    assert "not in time" in unauthenticated(await at.station(ago=-100).get(f"{C}/state"))
    for token in (
        at.token(cid="0" * 64),
        at.token(signer="nato/o-1"),
        at.token(signer="china/station-1"),
        at.token()[:-8] + "AAAAAAA=",
    ):
        assert "must be in force" in unauthenticated(await at.bearing(token).get(f"{C}/state"))
    for junk in ("a.b.c", "..", "e30.e30.", "W10.W10.x"):
        assert (await at.bearing(junk).get(f"{C}/state")).status in (401, 429)


async def test_what_a_station_hands_in_is_its_authors_and_signed(at: AtHost) -> None:
    nato, china = at.station(), at.station("china")
    first, other = await at.line(), await at.line("china/o-1")
    recorded, foreign = await hand_in(nato, first, other)
    assert (recorded["status"], foreign["status"]) == (201, 201), (recorded, foreign)
    by = [
        (await nato.get(f"{C}/records/{each['recorded']['position']}")).json["actor"]
        for each in (recorded, foreign)
    ]
    assert by == ["nato/o-1", "china/o-1"]
    (again,) = await hand_in(china, first)
    assert again["replayed"] and again["recorded"]["id"] == recorded["recorded"]["id"]
    unsigned = msgspec.json.encode({"key": new_key(), "act": NOTE})
    bad = [unsigned, await at.line(by="china/o-1"), await at.line(by="nato/station-1")]
    bad += [await at.line(released_by="nato/adm-1"), await at.line("nato/station-1")]
    for outcome in await hand_in(nato, *bad):
        assert outcome["status"] in (403, 422), outcome
    (await nato.post(f"{C}/contacts", NOTE)).problem(403, "not-permitted")


async def test_what_a_side_keeps_is_not_kept_at_the_host_for_its_station(at: AtHost) -> None:
    nato = at.station()
    for path in ("/drafts", "/people"):
        assert (
            "on its own premises"
            in ((await nato.post(C + path, {})).problem(403, "not-permitted")["detail"])
        )
    (await nato.post("/v1/tokens", {})).problem(403, "not-permitted")
    taken = await nato.call("POST", f"{C}/log/cosignatures", b"junk", Content_Type="text/plain")
    assert 400 <= taken.status < 500 and b"on its own premises" not in taken.body, taken.body


async def test_a_stream_ends_with_the_key_of_its_station(at: AtHost) -> None:
    position = (await at.station().get(f"{C}/state")).json["position"]
    async with (
        streaming(at.station(), position) as answer,
        streaming(at.station("china"), position) as other,
    ):
        keyid = dsse.key_id(dsse.public_of(at.seed("nato/station-1")))
        await asyncio.to_thread(
            at.host.run, "keys", "revoke", keyid, "--sign", "nato-adm.pem",
            "--token-file", "nato-adm-1.token",
        )  # fmt: skip
        assert b"event: record" not in await answer.content.read()
        assert "must be in force" in unauthenticated(await at.station().get(f"{C}/state"))
        while b"key-revocation" not in (await other.content.readany()):
            pass


async def test_a_stream_of_a_station_has_heads_and_ends_and_costs_little(at: AtHost) -> None:
    nato = at.station()
    position = (await nato.get(f"{C}/state")).json["position"]
    raw = aiohttp.ClientSession(auto_decompress=False)
    caller = Caller(raw, at.host.service, "")
    caller.headers = at.station("china").headers
    async with raw, streaming(caller, 0, **{"Accept-Encoding": "deflate"}) as answer:
        assert answer.headers["Content-Encoding"] == "deflate"
        inflater, text = zlib.decompressobj(), b""

        async def read_until(part: bytes) -> int:
            nonlocal text
            length = 0
            while part not in text:
                piece = await answer.content.readany()
                length += len(piece)
                text += inflater.decompress(piece)
            return length

        await read_until(b"event: end\n")
        await read_until(b"id: %d\n" % position)
        assert b"event: head\n" in text
        lengths: list[int] = []
        for number in range(12):
            words = f"The patrol boat left the area of exercise at {number} hours local time. " * 3
            line = await at.line(act={**NOTE, "text": words})
            (outcome,) = await hand_in(nato, line)
            text = b""
            lengths.append(await read_until(b"id: %d\n" % outcome["recorded"]["position"]))
            size = len(text)
        assert 1_000 < size < 4_000
        assert min(lengths[4:]) <= RECORD_BYTES, lengths
    async with streaming(nato, 0) as answer:  # as the station's own client reads
        text = b""
        while b"event: end\n" not in text:
            text += await answer.content.readany()
    officer = at.host.caller(at.session, "nato/o-1")
    async with streaming(officer, 0) as answer:
        assert "Content-Encoding" not in answer.headers

"""Junk in a channel's stream is void, and stops nobody: whatever it is, posts are recorded after
it, and by a gateway that is started on it.
"""

import asyncio
from pathlib import Path
from typing import Final

import aiohttp

from dragoman.eventlog.nats_connection import connected
from dragoman.eventlog.stream_config import last_position
from house import CHANNEL, House
from service import NOTE, Caller

_SUBJECT: Final = f"dragoman.v1.{CHANNEL}.contact.".encode()
_HEADERS: Final = b"NATS/1.0\r\nNats-Sequence: 7\r\nNats-Subject: x\r\nNats-Msg-Id: \xff\xfe\r\n: \r\nno colon\r\n\r\n"
JUNK: Final[tuple[tuple[bytes, bytes, bytes], ...]] = (
    (_SUBJECT + b"x", b"", b""),
    (_SUBJECT + b"\xff\xfe", b"", b"junk on a subject that is no text"),
    (_SUBJECT + b"\xc3\xa9", b"", b"\x00\xff\n\r\n"),
    (_SUBJECT + b"x.y.z", b"", b'{"specversion":"1.0"}'),
    (_SUBJECT + b"large", b"", b"x" * 500_000),
    (_SUBJECT + b"headers", _HEADERS, b"with headers that no library reads"),
    (
        _SUBJECT + b"status",
        b"NATS/1.0 204 No Messages\r\n\r\n",
        b"a header line that says that a read has ended",
    ),
    (_SUBJECT + b"odd-status", b"NATS/1.0 \xff\xfe\xfd\r\n\r\n", b"a status that is no text"),
    (
        _SUBJECT + b"error-status",
        b"NATS/1.0 500 No\r\n\r\n",
        b"a header line that says that the broker cannot read",
    ),
)
"""Subject, headers, payload."""

_LOOK_SECONDS: Final = 0.01
_IDLE_SECONDS: Final = 0.3
"""After which a gateway waits to be told of the next message, instead of reading on."""


async def publish(house: House, subject: bytes, head: bytes, payload: bytes) -> None:
    """Put a message into the stream, byte by byte, as whoever holds a gateway's key can; returns
    when it is stored, which the broker does in its own time.
    """
    sizes = b"%d %d" % (len(head), len(head) + len(payload)) if head else b"%d" % len(payload)
    async with connected(house.broker.url, "gateway", house.broker.keys / "nats-gateway.nk") as bus:
        before = await last_position(bus, CHANNEL)
        await bus.client._send_command(
            b"%b %b %b\r\n%b%b\r\n" % (b"HPUB" if head else b"PUB", subject, sizes, head, payload)
        )
        await bus.client.flush()
        while await last_position(bus, CHANNEL) == before:
            await asyncio.sleep(_LOOK_SECONDS)


async def test_junk_in_the_stream_stops_nobody(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with House(tmp_path / "house") as house:
        officer = Caller(session, house.gateway, "nato/officer")
        first = (await officer.open(NOTE)).json["position"]
        last = first
        for each in JUNK:
            await asyncio.sleep(_IDLE_SECONDS)
            await publish(house, *each)
            posted = await officer.open(NOTE)
            assert (posted.status, posted.json.get("position")) == (201, last + 2), each
            last += 2
        said = await officer.get(f"/v1/channels/{CHANNEL}/records/{last}")
        with house.second(tmp_path / "second") as second:  # which folds all of it anew
            again = await Caller(session, second, "nato/officer").get(
                f"/v1/channels/{CHANNEL}/records/{last}"
            )
            assert again.headers["Dragoman-Digest"] == said.headers["Dragoman-Digest"]
            assert (await Caller(session, second, "china/officer").open(NOTE)).status == 201
        house.gateway.stop()
        house.gateway.start()
        async with aiohttp.ClientSession() as anew:
            assert (await Caller(anew, house.gateway, "nato/officer").open(NOTE)).status == 201
        assert [
            line
            for line in house.gateway.logged
            if line["event"] in ("log.broken", "service.failed")
        ] == []

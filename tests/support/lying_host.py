"""A host of one channel in memory, by HTTP, which tells the truth until a test has it lie; and the
station of a side in this process, which follows it.

    host = LyingHost(World(...))             the log, its key, and two sides
    station = station_of(host, folder)       an `Office` that joined it
    host.shown = other_raws                  from now on another log is shown, under signed heads
    host.is_answering = lambda act: …        what a post is answered with

It has the log's key, as every host has. Streams notice a change within 20 ms.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import Final, Self

import msgspec
from aiohttp import web
from msgspec import Raw

from dragoman import data_directory
from dragoman.application.clock import utc_now
from dragoman.audit import compare
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.decide import Submission, decide
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.record.codec import NotARecord, parse
from dragoman.domain.record.errors import Refusal
from dragoman.station import joined_channels
from dragoman.station.joined_channels import JoinedChannel, JoinedHost, JoinedHosts
from dragoman.station.kept_key_signer import STATION_KEY, WITNESS_KEY
from dragoman.station.station import keys_of
from dragoman.tlog import dsse, tiles
from dragoman.tlog.note import COSIGNATURE, Verifier
from dragoman_schemas.parcel_responses import ParcelList
from dragoman_schemas.responses import ActLine, ActOutcome, Covered, Entry, Recorded
from heads import head_over
from office import Office
from patience import PATIENCE_S
from world import SALT, World, public_of, seed_of

_LOOK_S: Final = 0.02
_BEAT_S: Final = 0.2
NATO: Final = "nato/st-1"
WITNESS: Final = "nato.example/witness"

C: Final = "/v1/channels/nato-china"


def world_of_stations(*, policy: bool = False) -> World:
    """A channel in which each side has a station, and nato's signs for its officer o-1."""
    world = World(clock=utc_now().replace(microsecond=0) - timedelta(hours=1))
    for side in world.sides:
        world.enter_station(side)
    key = {"act": "key-addition", "officer": "o-1", "keys": [public_of("nato/o-1")]}
    entered = world.attested({**key, "kept_by": "station"}, "nato/root", "nato/o-1")
    assert entered.valid, entered.refusal
    if policy:
        lines = [
            line
            for side in world.sides
            for line in (f"witness {side}-1 {_witness(side)}", f"group {side} any {side}-1")
        ]
        text = "\n".join([*lines, "group both all nato china", "quorum both", ""])
        for side in world.sides:
            adopted = world.keep(f"{side}/root", {"act": "policy-adoption", "policy": text})
            assert isinstance(adopted, Folded) and adopted.valid, adopted
    return world


def _witness(side: str) -> Verifier:
    public = dsse.public_of(seed_of(f"{side}/witness"))
    return Verifier(f"{side}.example/witness", COSIGNATURE, public)


class LyingHost:
    """A host whose answers a test chooses. It serves from a thread of its own."""

    def __init__(self, world: World) -> None:
        """Serve the truth of a channel."""
        self.world = world
        self.shown: Sequence[bytes] | None = None
        """The messages that are shown; None for the true ones."""
        self.covered: Callable[[int], bytes] | None = None
        """The head of so many records that is shown; None for the head of what is shown."""
        self.answer: Callable[[ActLine], bytes | None] | None = None
        """The answer to an act in place of a true one; None drops the connection."""
        self.tile: Callable[[bytes], bytes] = lambda tile: tile
        self.event: Callable[[int, bytes], bytes] = message
        """The event of a message in a stream."""
        self.refusal = ""
        """The reason for which everything is refused to this side."""
        self.requests: list[str] = []
        self.handed_in: list[ActLine] = []
        self.pushed: list[bytes] = []
        self._generation = 0
        self._notes: dict[int, bytes] = {}
        self.url = ""
        self._started: Future[None] = Future()
        self._stopping: asyncio.Event
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        self._started.result(PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(PATIENCE_S)

    def hang_up(self) -> None:
        """Close all streams: the station connects anew."""
        self._generation += 1

    def asked(self, method: str, path: str) -> int:
        """Return the number of requests for a path."""
        return sum(request.startswith(f"{method} {C}{path}") for request in self.requests)

    # What is shown

    @property
    def raws(self) -> Sequence[bytes]:
        """The messages that are shown now."""
        return self.world.raws if self.shown is None else self.shown

    def head(self) -> bytes:
        """Return the head that is shown now."""
        raws = [*self.raws]
        if self.covered is not None:
            return self.covered(len(raws))
        return self.over(raws)

    def over(self, raws: Sequence[bytes]) -> bytes:
        """Return the head over some messages, which the log's key signs."""
        if self.shown is not None:
            return head_over([*raws])
        if len(raws) not in self._notes:  # the true log only grows
            self._notes[len(raws)] = head_over([*raws])
        return self._notes[len(raws)]

    # Its service

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answered)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._started.set_result(None)
        await self._stopping.wait()
        self._generation += 1
        await runner.cleanup()

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        if request.path == "/livez":
            return web.Response(text="ok")
        if self.refusal:
            problem = {"type": "/problems/not-permitted", "title": "", "detail": self.refusal}
            return _json({**problem, "status": 403}, 403)
        match request.method, request.path.removeprefix(C):
            case "GET", "/log/checkpoint":
                return web.Response(body=self.head(), content_type="text/plain")
            case "GET", path if path.startswith("/log/tile/"):
                return self._tile(path.removeprefix("/log/"))
            case "GET", "/records" if "after" in request.query:
                return await self._stream(request, int(request.query["after"]))
            case "GET", "/records":
                return self._bulk(int(request.query["from"]))
            case "GET", "/parcels":
                return _json(ParcelList(parcels=()))
            case "POST", "/log/cosignatures":
                self.pushed.append(await request.read())
                return _json(Covered())
            case "POST", "/acts":
                return await self._post(request, await request.read())
        return web.Response(status=404, text="{}")

    def _tile(self, path: str) -> web.Response:
        tile = tiles.read_path(path)
        assert tile is not None
        nodes = compare.of_messages("", [*self.raws], None).nodes
        return web.Response(body=self.tile(tiles.hashes(tile, nodes)))

    def _bulk(self, first: int) -> web.Response:
        lines = [
            msgspec.json.encode(_entry(position, raw))
            for position, raw in enumerate(self.raws, 1)
            if position >= first
        ]
        return web.Response(body=b"\n".join(lines) + b"\n", content_type="application/x-ndjson")

    async def _stream(self, request: web.Request, after: int) -> web.StreamResponse:
        generation, sent, note, beaten = self._generation, after, b"", 0.0
        if after > len(self.raws):
            return _json(
                {"type": "/problems/behind", "title": "", "status": 503, "detail": ""}, 503
            )
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while generation == self._generation:
            raws = [*self.raws]
            events = b"".join(
                self.event(position, raws[position - 1])
                for position in range(sent + 1, len(raws) + 1)
            )
            sent = max(sent, len(raws))
            if (newest := self.head()) != note:
                note = newest
                events += _event("head", {"note": note.decode()})
            if time.monotonic() > beaten + _BEAT_S:
                beaten = time.monotonic()
                events += _event("end", {"position": len(raws), "time": ""})
            if events:
                try:
                    await response.write(events)
                except ConnectionError:
                    break
            await asyncio.sleep(_LOOK_S)
        return response

    async def _post(self, request: web.Request, body: bytes) -> web.StreamResponse:
        line = msgspec.json.decode(body, type=ActLine)
        self.handed_in.append(line)
        if self.answer is None:
            return _ndjson(self.record(line))
        answer = self.answer(line)
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return _ndjson(answer)

    def record(self, line: ActLine) -> bytes:
        """Decide and record an act that was handed in, and return its outcome."""
        act = bytes(line.act)
        raw, data = records.read_act(act, cut=False)
        assert not isinstance(data.signed, msgspec.UnsetType)
        for position, earlier in enumerate(self.world.raws, 1):
            if parse(earlier).envelope.id == data.signed.id:
                return outcome_at(position, earlier)
        decided = decide(
            self.world.ledger.standing.state,
            self.world.ledger,
            Submission(
                actor=data.signed.author,
                act=raw,
                data=data,
                id=data.signed.id,
                exchange=line.exchange,
            ),
            time=self.world.tick(),
            salt=SALT,
            signatures=dsse.write_signatures({line.key_id: _signature(line.signature)}),
        )
        if isinstance(decided, Refusal):
            problem = {
                "type": "/problems/invalid",
                "title": "",
                "status": 422,
                "detail": str(decided.detail),
            }
            return msgspec.json.encode({"line": 1, "status": 422, "problem": problem})
        folded = self.world.take(decided)
        assert folded.valid
        return outcome_at(self.world.position, decided.raw)


def outcome_at(position: int, raw: bytes) -> bytes:
    """Return the host's word that a record is at a position."""
    record = parse(raw)
    envelope = record.envelope
    recorded = Recorded(
        channel="nato-china",
        position=position,
        id=envelope.id,
        exchange=envelope.subject,
        act=record.name,
        family="contact",
        time=envelope.time,
        commit="",
        etag="",
    )
    return msgspec.json.encode(ActOutcome(line=1, status=201, recorded=recorded))


def _signature(text: str) -> bytes:
    signature = dsse.decode_base64(text, 64)
    assert signature is not None
    return signature


def _entry(position: int, raw: bytes) -> Entry:
    try:
        parse(raw)
    except NotARecord:
        return Entry(position=position, valid=False, commit="", junk=raw.hex())
    return Entry(position=position, valid=True, commit="", record=Raw(raw))


def message(position: int, raw: bytes) -> bytes:
    """Return the event of a message."""
    entry = _entry(position, raw)
    name, data = (b"junk", entry.junk.encode()) if entry.junk else (b"message", raw)
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (position, name, data)


def _event(name: str, data: Mapping[str, object]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(data))


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), status=status, content_type="application/json"
    )


def _ndjson(body: bytes) -> web.Response:
    return web.Response(body=body + b"\n", content_type="application/x-ndjson")


def station_of(host: LyingHost, data: Path, *, witness: bool = False) -> Office:
    """Start nato's station on its own data, joined to a host."""
    data_directory.adopt(data)
    registry = host.world.registry
    keys = keys_of(data)
    keys.keep(STATION_KEY[0], {STATION_KEY[1]: seed_of(NATO)})
    keys.keep(WITNESS_KEY[0], {WITNESS_KEY[1]: seed_of("nato/witness")})
    keys.keep(host.world.name, {"nato/o-1": seed_of("nato/o-1")})
    channel = JoinedChannel(
        name=host.world.name,
        cid=registry.cid,
        log=str(log_of(registry)),
        actor=NATO,
        witness=WITNESS if witness else "",
    )
    joined = JoinedHosts(hosts=(JoinedHost(url=host.url, channels=(channel,)),))
    joined_channels.write(data, joined)
    return Office(data, station=True)

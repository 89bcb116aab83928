"""The line from a station to one host: requests, and one stream for each channel.

Every request bears a JSON Web Token that the station's key has signed. It is dated by
the host's own `Date`, never by the clock here: a station whose clock is wrong can still
speak, and accuses nobody. The link says when anything was last heard from the host.
"""

import asyncio
import base64
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Final

import aiohttp
import msgspec
from msgspec import Raw, Struct

from dragoman.client import Client, Garbled, ProblemResponse, Unreachable
from dragoman.domain.record.nesting import decode, is_deeper
from dragoman.limits import DEPTH
from dragoman.tlog import dsse
from dragoman_schemas.responses import ActLine, ActOutcome, Entry

_TOKEN_SECONDS: Final = 240
"""The life of a token; a host takes one of at most 300 s."""

_RENEWED_SECONDS: Final = 120.0
HEARTBEAT_SECONDS: Final = 5.0
SILENT_SECONDS: Final = 9.0
"""The silence after which the line counts as cut: a heartbeat was missed."""

_CUT_SECONDS: Final = 1.5
"""The difference by which a `Date` is older than another one only by its cutting."""

_READ: Final = aiohttp.ClientTimeout(total=None, connect=5, sock_read=2 * HEARTBEAT_SECONDS)
_ANSWER: Final = aiohttp.ClientTimeout(total=30, connect=5, sock_read=2 * HEARTBEAT_SECONDS)
"""The time for one answer.

On a dead connection none comes, also when the line is back.
"""

_NDJSON: Final = "application/x-ndjson"


class Head(Struct, frozen=True):
    """A signed head that a stream brought."""

    note: bytes


class End(Struct, frozen=True):
    """The host's word that its log has so many records now."""

    position: int


class LogMessage(Struct, frozen=True):
    """A message of the log at a position, as its bytes are there."""

    position: int
    raw: bytes


StreamEvent = LogMessage | Head | End


class _HeadEvent(Struct):
    note: str


class _EndEvent(Struct):
    position: int


_head = msgspec.json.Decoder(_HeadEvent).decode
_end = msgspec.json.Decoder(_EndEvent).decode


class HostClock:
    """The time by a host's answers, which goes on by the monotonic clock here."""

    def __init__(self) -> None:
        """Begin without any answer."""
        self._ahead: float | None = None

    @property
    def is_set(self) -> bool:
        """Return whether the host has said what time it is."""
        return self._ahead is not None

    def note(self, date: str) -> None:
        """Note the `Date` of an answer; an unreadable one says nothing.

        It has whole seconds, cut off. So the latest of several is the nearest.
        """
        with suppress(ValueError, TypeError):
            ahead = parsedate_to_datetime(date).timestamp() - time.monotonic()
            if self._ahead is None or not self._ahead - _CUT_SECONDS < ahead < self._ahead:
                self._ahead = ahead

    def now(self) -> float:
        """Return the time in Unix seconds; that of this machine before any answer."""
        return time.time() if self._ahead is None else time.monotonic() + self._ahead


def token(seed: bytes, actor: str, cids: list[str], now: float) -> str:
    """Return a JSON Web Token by which a station speaks for a few minutes."""
    from joserfc import jwt
    from joserfc.jwk import OKPKey

    public = dsse.public_of(seed)
    key = OKPKey.import_key(
        {"kty": "OKP", "crv": "Ed25519", "x": _base64url(public), "d": _base64url(seed)}
    )
    header = {"alg": "Ed25519", "kid": dsse.key_id(public)}
    claims = {"iss": actor, "aud": cids, "iat": int(now), "exp": int(now) + _TOKEN_SECONDS}
    return jwt.encode(header, claims, key, algorithms=["Ed25519"])


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class HostLink:
    """The line to one host, for all channels there."""

    def __init__(self, url: str, seed: bytes, actor: str, cids: list[str]) -> None:
        """Speak as an officer entry of the role station, with its key."""
        self.url = url
        self.clock = HostClock()
        self.begun = asyncio.get_running_loop().time()
        self.heard = float("-inf")
        """The time of the event loop at which the host was last heard."""
        self._seed, self._actor, self._cids = seed, actor, cids
        answers = aiohttp.TraceConfig()
        answers.on_request_end.append(self._note_answer)
        self._session = aiohttp.ClientSession(trace_configs=[answers])
        self._token, self._renew_at = "", 0.0
        self.client = Client(self._session, url, self._bearer)

    async def aclose(self) -> None:
        """Close all connections to the host."""
        await self._session.close()

    def _bearer(self) -> str:
        """Return a token in force, by the host's time."""
        now = self.clock.now()
        if not self._token or now > self._renew_at:
            self._token = token(self._seed, self._actor, self._cids, now)
            self._renew_at = now + _RENEWED_SECONDS
        return self._token

    def headers(self) -> dict[str, str]:
        """Return the headers of a request on another connection than this link's."""
        return {"Authorization": f"Bearer {self._bearer()}"}

    def refused(self) -> None:
        """Make another token for the next request: the host did not take this one."""
        self._token = ""

    async def _note_answer(
        self,
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        """Note that the host has answered, and when by its own clock."""
        del session, context
        self.heard = asyncio.get_running_loop().time()
        self.clock.note(params.response.headers.get("Date", ""))

    async def learn_time(self) -> None:
        """Ask for the host's time, unless it is known. Raises `Unreachable`."""
        if not self.clock.is_set:
            await self.client.call("GET", "/livez", timeout=_ANSWER)

    async def tile(self, channel: str, path: str) -> bytes | None:
        """Return a tile of a channel's log, or None if it is not served."""
        try:
            path = f"/v1/channels/{channel}/log/{path}"
            return (await self.client.call("GET", path, timeout=_ANSWER)).body
        except ProblemResponse as error:
            if error.problem.status == 404:
                return None
            raise

    async def checkpoint(self, channel: str) -> bytes | None:
        """Return the newest signed head of a channel, if there is one."""
        return await self.tile(channel, "checkpoint")

    async def post(self, channel: str, line: ActLine) -> ActOutcome:
        """Hand one signed act in, and return its outcome.

        Raises `Unreachable`: then nobody knows whether it was recorded. Raises
        `ProblemResponse` if the whole request was refused.
        """
        answer = await self.client.call(
            "POST",
            f"/v1/channels/{channel}/acts",
            msgspec.json.encode(line),
            {"Content-Type": _NDJSON},
            _ANSWER,
        )
        try:
            return decode(answer.body, ActOutcome, 2 * DEPTH)
        except msgspec.DecodeError as error:
            raise Unreachable(f"the host answered what is not an outcome: {error}") from None

    def records(self, channel: str, first: int) -> AsyncIterator[list[Entry]]:
        """Yield the records of a channel from a position on, as a client does."""
        return self.client.records(channel, first, timeout=_READ)

    async def stream(self, channel: str, after: int) -> AsyncGenerator[list[StreamEvent], None]:
        """Yield the events of a channel's stream, all events of a read together.

        Raises `Unreachable` when the line is cut or silent, `Garbled` for what is no
        event, and `ProblemResponse`.
        """
        name, position = b"", 0
        lines = self.client.lines(
            f"/v1/channels/{channel}/records?after={after}", "text/event-stream", timeout=_READ
        )
        async for group in lines:
            self.heard = asyncio.get_running_loop().time()
            events: list[StreamEvent] = []
            for line in group:
                if line.startswith(b"event: "):
                    name = line[7:]
                elif line.startswith(b"id: ") and line[4:].isdigit():
                    position = int(line[4:])
                elif line.startswith(b"data: "):
                    event = _event(name, position, line[6:])
                    if event is not None:
                        events.append(event)
            if events:
                yield events


def _event(name: bytes, position: int, data: bytes) -> StreamEvent | None:
    """Return an event of a stream; None for one that says nothing here."""
    if is_deeper(data, 2 * DEPTH):
        raise Garbled("event", data[:60], ValueError("it is nested too deep"))
    try:
        match name:
            case b"message":
                return LogMessage(position, data)
            case b"junk":
                return LogMessage(position, bytes.fromhex(data.decode()))
            case b"head":
                return Head(_head(data).note.encode())
            case b"end":
                return End(_end(data).position)
            case _:
                return None
    except (msgspec.DecodeError, ValueError) as error:
        raise Garbled("event", data[:60], error) from None


def raw_of(entry: Entry) -> bytes:
    """Return the bytes of the message in an entry. Raises `Garbled` if none are."""
    try:
        return bytes(entry.record) if isinstance(entry.record, Raw) else bytes.fromhex(entry.junk)
    except ValueError as error:
        raise Garbled(f"message at position {entry.position}", b"", error) from None

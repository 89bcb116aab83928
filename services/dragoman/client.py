"""The client of the HTTP API: what the command line, the demonstration and an auditor's replay call."""

import asyncio
import io
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import msgspec

from dragoman.domain import ids
from dragoman.domain.record import decode_act
from dragoman.domain.table import PATHS, RULES
from dragoman.limits import FILE_SECONDS
from dragoman_schemas.answers import Alarm, Drafts, DraftView, Entry, Recorded
from dragoman_schemas.problems import Problem

_TRIES: Final = 5
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, connect=5)
FILES: Final = aiohttp.ClientTimeout(total=FILE_SECONDS, connect=5)
_STREAMING: Final = aiohttp.ClientTimeout(total=None, connect=5, sock_read=60)

_entry = msgspec.json.Decoder(Entry).decode
_alarm = msgspec.json.Decoder(Alarm).decode


class Unreachable(Exception):
    """No gateway answers at that address."""


class Answered(Exception):
    """The gateway answered with a problem."""

    def __init__(self, problem: Problem) -> None:
        """Keep the problem."""
        super().__init__(problem.detail)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The decoded body."""
        return msgspec.json.decode(self.body)


def new_key() -> str:
    """A new Idempotency-Key: a UUIDv7, so that it is the record's id as well."""
    return ids.v7(time.time_ns() // 1_000_000, secrets.token_bytes(10))


class Client:
    """Calls one gateway with one token. Posts are tried again with their key while their outcome is unknown."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, token: str) -> None:
        """Use the session for all calls."""
        self._session = session
        self.base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: aiohttp.ClientTimeout = _TIMEOUT,  # noqa: ASYNC109  # aiohttp's own
    ) -> Answer:
        """One call. Raises `Answered` with the problem, or `Unreachable`."""
        sent = {**self._headers, **(headers or {})}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        data = None if body is None else io.BytesIO(body)
        try:
            async with self._session.request(method, self.base_url + path, data=data, headers=sent, timeout=timeout) as response:
                answer = Answer(response.status, response.headers.copy(), await response.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"{self.base_url} does not answer ({type(error).__name__}); is `dragoman up` running there?") from None
        if answer.status >= 400:
            raise Answered(_problem(answer))
        return answer

    async def post(
        self, channel: str, act: bytes, *, key: str = "", exchange: str = "", if_match: str = "", headers: Mapping[str, str] | None = None
    ) -> tuple[Recorded, bool]:
        """Post an act where it belongs, with its signatures as headers; what was recorded, and whether it had been before."""
        if exchange:
            path = f"/v1/channels/{channel}/exchanges/{exchange}/acts"
        else:
            family = RULES[str(decode_act(act).__struct_config__.tag)].family
            where = next((path for path, of in PATHS.items() if of == family), "contacts")
            path = f"/v1/channels/{channel}/{where}"
        sent = {"Idempotency-Key": f'"{key or new_key()}"', **(headers or {})}
        if if_match:
            sent["If-Match"] = f'"{if_match.strip(chr(34))}"'
        return await self._recorded(path, act, sent)

    async def draft(
        self, channel: str, act: bytes, *, key: str = "", exchange: str = "", if_match: str = "", headers: Mapping[str, str] | None = None
    ) -> DraftView:
        """Draft an act for a colleague to release, with the drafter's signatures as headers."""
        body = msgspec.json.encode({"act": msgspec.Raw(act), "exchange": exchange, "if_match": if_match.strip('"')})
        sent = {"Idempotency-Key": f'"{key or new_key()}"', **(headers or {})}
        answer = await self.call("POST", f"/v1/channels/{channel}/drafts", body, sent)
        return msgspec.json.decode(answer.body, type=DraftView)

    async def drafts(self, channel: str) -> tuple[DraftView, ...]:
        """The drafts of the caller's side."""
        answer = await self.call("GET", f"/v1/channels/{channel}/drafts")
        return msgspec.json.decode(answer.body, type=Drafts).drafts

    async def release(self, channel: str, draft: DraftView, headers: Mapping[str, str] | None = None) -> tuple[Recorded, bool]:
        """Release a draft as it was read, with the releaser's signatures as headers; what was recorded, and whether it had been before."""
        sent = {"If-Match": draft.etag, **(headers or {})}
        return await self._recorded(f"/v1/channels/{channel}/drafts/{draft.id}/release", None, sent)

    async def _recorded(self, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[Recorded, bool]:
        for attempt in range(_TRIES):
            try:
                answer = await self.call("POST", path, body, headers)
            except Answered as error:
                if error.problem.status != 503 or attempt == _TRIES - 1:
                    raise
            except Unreachable:
                if attempt == _TRIES - 1:
                    raise
            else:
                return msgspec.json.decode(answer.body, type=Recorded), "Idempotent-Replayed" in answer.headers
            await asyncio.sleep(0.5 * (attempt + 1))
        raise AssertionError

    async def exchange_of(self, channel: str, named: str) -> str:
        """The id of an exchange that is named by its id or its number. Raises `Answered` where there is none."""
        if ids.is_id(named):
            return named
        number = named.upper() if named.upper().startswith(f"{channel.upper()}/") else f"{channel.upper()}/{named.upper()}"
        found = (await self.call("GET", f"/v1/channels/{channel}/exchanges?number={number}")).json()["exchanges"]
        if not found:
            raise Answered(
                Problem(
                    type="/problems/not-found",
                    title="",
                    status=404,
                    detail=f"There is no exchange {named} in {channel}; a number is written like NATO/26/0042/N07/O.",
                )
            )
        return str(found[0]["id"])

    async def records(self, channel: str, first: int = 1) -> AsyncIterator[list[Entry]]:
        """The records of a channel from a position to now."""
        async for lines in self._lines(f"/v1/channels/{channel}/records?from={first}", "application/x-ndjson"):
            yield [_entry(line) for line in lines]

    async def tail(self, channel: str, first: int = 0) -> AsyncIterator[Entry | Alarm]:
        """The records of a channel as they arrive, and alarms, for ever, over every reconnection; from a position, or from now."""
        after = first - 1
        if not first:  # from now on: a position, so that nothing is missed should the stream break before its first record
            after = int((await self.call("GET", f"/v1/channels/{channel}")).json()["position"])
        while True:
            event = b""
            try:
                async for lines in self._lines(f"/v1/channels/{channel}/records?after={after}", "text/event-stream"):
                    for line in lines:
                        if line.startswith(b"event: "):
                            event = line[7:]
                        elif line.startswith(b"data: ") and event == b"alarm":
                            yield _alarm(line[6:])
                        elif line.startswith(b"data: "):
                            entry = _entry(line[6:])
                            after = entry.position
                            yield entry
            except Unreachable:
                pass  # it is tried again, from where it broke
            await asyncio.sleep(1)

    async def _lines(self, path: str, media: str) -> AsyncIterator[list[bytes]]:
        headers = {**self._headers, "Accept": media}
        try:
            async with self._session.get(self.base_url + path, headers=headers, timeout=_STREAMING) as response:
                if response.status >= 400:
                    raise Answered(_problem(Answer(response.status, {}, await response.read())))
                rest = b""
                async for chunk in response.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    yield [line for line in lines if line]
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"{self.base_url} stopped answering ({type(error).__name__})") from None


def _problem(answer: Answer) -> Problem:
    try:
        return msgspec.json.decode(answer.body, type=Problem)
    except msgspec.DecodeError:
        return Problem(type="about:blank", title="", status=answer.status, detail=answer.body.decode(errors="replace")[:200])


@asynccontextmanager
async def client(base_url: str, token: str) -> AsyncIterator[Client]:
    """A client, closed at the end."""
    async with aiohttp.ClientSession(auto_decompress=True) as session:
        yield Client(session, base_url, token)

"""The client of the HTTP API, for the programs of an office.

    from dragoman.client import client

    async with client("https://liaison.example", token) as office:
        note = {"act": "contact-note", "form": "conversation", "text": "…"}
        posted = await office.post("nato-china", note)
        update = {"act": "update", "text": "…"}
        await office.act("nato-china", posted.recorded.exchange, update)
        async for entry in office.follow("nato-china", after=posted.recorded.position):
            ...

The command line uses the same client. A post is tried again with its key while its
outcome is unknown, or while the gateway asks to wait. It is recorded once. A stream
that breaks goes on after the last record that arrived. A refusal raises
`ProblemResponse`; the `detail` of its problem ends with a remedy. An act that is not
valid raises `Malformed` before any request. The record of an entry is JSON:
`msgspec.json.decode(bytes(entry.record))`.
"""

import asyncio
import io
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec
from msgspec.structs import replace

from dragoman.domain.acts import consent
from dragoman.domain.acts.act_registry import PATHS, RULES
from dragoman.domain.record import ids, nesting
from dragoman.domain.record.codec import decode_act
from dragoman.limits import ANSWER_BYTES, BATCH_ACTS, BODY_BYTES, DEPTH, FILE_SECONDS, LINE_BYTES
from dragoman_schemas.act_frame import Act
from dragoman_schemas.host_responses import ChannelView
from dragoman_schemas.problems import Problem
from dragoman_schemas.responses import (
    ActOutcome,
    Drafts,
    DraftView,
    Entry,
    ExchangeView,
    OutboxEntryView,
    Recorded,
    Row,
    Rows,
)
from dragoman_schemas.state import decode_exchange
from dragoman_schemas.state_responses import LiaisonState
from dragoman_schemas.watch_responses import Alarm

_TRIES: Final = 5
_LONGEST_WAIT: Final = 30.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, connect=5)
FILES: Final = aiohttp.ClientTimeout(total=FILE_SECONDS, connect=5)
_FAILED: Final = 500
_KEPT: Final = 202
_NOT_NOW: Final = 503
"""The status of a service that starts, is overloaded, or builds its copy anew."""

_STREAMING: Final = aiohttp.ClientTimeout(total=None, connect=5, sock_read=60)

_ANSWER_DEPTH: Final = 2 * DEPTH
"""Nesting of an answer: a record in a list of entries, or the content of an exchange,
with several objects around it.
"""

_Shape = TypeVar("_Shape")

_outcome = msgspec.json.Decoder(ActOutcome)
_entry = msgspec.json.Decoder(Entry)
_alarm = msgspec.json.Decoder(Alarm)
_any = msgspec.json.Decoder(Any)


class Unreachable(Exception):
    """An address at which no gateway answers.

    `never_left` says that no connection was made, so that nothing was sent.
    """

    def __init__(self, text: str, *, never_left: bool = False) -> None:
        """Say what does not answer, and whether anything was sent."""
        super().__init__(text)
        self.never_left = never_left


class Garbled(Exception):
    """An answer of a gateway that does not have the expected shape.

    The message names the expected content and shows the beginning of the answer.
    """

    def __init__(self, text: str, raw: bytes, error: Exception) -> None:
        """Describe the answer."""
        super().__init__(f"the gateway gave no {text} ({error}): {raw[:60]!r}")


class KeptInOutbox(Exception):
    """An act that a station keeps, and that the host has not recorded yet.

    Sending it again with the same key tells how far it is.
    """

    def __init__(self, entry: OutboxEntryView) -> None:
        """Name the entry of the outbox."""
        state = "no answer yet" if entry.left else "not sent"
        super().__init__(f"{state}: {entry.act} waits in the outbox of this station")
        self.entry = entry


class ProblemResponse(Exception):
    """An answer of the gateway that is a problem."""

    def __init__(self, problem: Problem, wait: float = 0.0, body: bytes = b"") -> None:
        """Keep the problem, how many seconds the gateway asks to wait, and the body."""
        super().__init__(problem.detail)
        self.problem = problem
        self.wait = wait
        self.body = body

    @property
    def is_unanswered(self) -> bool:
        """Return whether the gateway failed (5xx), so that the answer is not known."""
        return self.problem.status >= _FAILED


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A successful answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the decoded body. Raises `Garbled`."""
        return _read(_any, self.body, "JSON")

    def of(self, text: str, shape: type[_Shape]) -> _Shape:
        """Return the body in the expected shape. Raises `Garbled`."""
        return _read(msgspec.json.Decoder(shape), self.body, text)


@dataclass(frozen=True, slots=True)
class Posted:
    """An outcome of a post: the record, and whether it had been recorded before."""

    recorded: Recorded
    replayed: bool


Said = bytes | Mapping[str, Any] | Act
"""An act: its bytes, its members, or its shape."""


def _bytes(act: Said) -> bytes:
    return act if isinstance(act, bytes) else msgspec.json.encode(act)


def new_key() -> str:
    """Return a new Idempotency-Key: a UUIDv7, so that it is the record's id as well."""
    return ids.v7(time.time_ns() // 1_000_000, secrets.token_bytes(10))


def _requests(lines: Sequence[bytes], chosen: Sequence[int]) -> Iterator[list[int]]:
    """Yield the chosen lines in the parts that one request takes."""
    part: list[int] = []
    size = 0
    for index in chosen:
        length = len(lines[index]) + 1
        if part and (len(part) == BATCH_ACTS or size + length > BODY_BYTES):
            yield part
            part, size = [], 0
        part.append(index)
        size += length
    if part:
        yield part


class Client:
    """A client of one gateway, with one token.

    Posts are tried again with their key while their outcome is unknown.
    """

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, token: str | Callable[[], str]
    ) -> None:
        """Use the session for all calls.

        A token that does not last is given as a function, which each call asks anew.
        """
        self._session = session
        self.base_url = base_url.rstrip("/")
        self._token = token

    @property
    def _headers(self) -> dict[str, str]:
        token = self._token if isinstance(self._token, str) else self._token()
        return {"Authorization": f"Bearer {token}"} if token else {}

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: aiohttp.ClientTimeout = _TIMEOUT,  # aiohttp's own  # noqa: ASYNC109
    ) -> ApiResponse:
        """Send one request and return its answer.

        Raises `ProblemResponse` if the gateway answers with a problem, or
        `Unreachable`.
        """
        sent = {**self._headers, **(headers or {})}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        data = None if body is None else io.BytesIO(body)
        if self._session.closed:
            raise Unreachable(f"the line to {self.base_url} is closed here", never_left=True)
        try:
            async with self._session.request(
                method, self.base_url + path, data=data, headers=sent, timeout=timeout
            ) as response:
                answer = ApiResponse(
                    response.status, response.headers.copy(), await _whole(response)
                )
        except aiohttp.ClientConnectorCertificateError as error:
            raise Unreachable(
                f"the certificate of {self.base_url} is not trusted here: "
                f"{error.certificate_error}; name its CA's file in SSL_CERT_FILE",
                never_left=True,
            ) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(
                f"{self.base_url} does not answer ({type(error).__name__}); "
                "is `dragoman up` running there?",
                never_left=isinstance(
                    error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError
                ),
            ) from None
        if answer.status >= 400:
            header = answer.headers.get("Retry-After", "")
            wait = float(header) if header.isdigit() else 0.0
            raise ProblemResponse(_problem(answer), wait, answer.body)
        return answer

    async def post(
        self,
        channel: str,
        act: Said,
        *,
        key: str = "",
        exchange: str = "",
        if_match: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Posted:
        """Open an exchange, or carry on the one that is named.

        A new `key` is made unless one is passed. `headers` are the signatures of a
        signed act. Raises `ProblemResponse`, `Unreachable`.
        """
        body = _bytes(act)
        if exchange:
            path = f"/v1/channels/{channel}/exchanges/{exchange}/acts"
        else:
            family = RULES[str(decode_act(body).__struct_config__.tag)].family
            where = next((path for path, of in PATHS.items() if of == family), "contacts")
            path = f"/v1/channels/{channel}/{where}"
        sent = {"Idempotency-Key": f'"{key or new_key()}"', **(headers or {})}
        if if_match:
            sent["If-Match"] = f'"{if_match.strip(chr(34))}"'
        return await self._recorded(path, body, sent)

    async def post_batch(self, channel: str, lines: Sequence[bytes]) -> list[ActOutcome]:
        """Record many acts, and return the outcome of each line, in the same order.

        Each line is an `ActLine` as JSON, with a key. They go in requests of at most
        500 lines and 480 KiB. Lines that cannot be recorded now are sent again. Raises
        `ProblemResponse`, `Unreachable`; send the same lines again then.
        """
        path, headers = f"/v1/channels/{channel}/acts", {"Content-Type": "application/x-ndjson"}
        outcomes: dict[int, ActOutcome] = {}
        for attempt in range(_TRIES):
            waiting = [
                index
                for index in range(len(lines))
                if index not in outcomes or outcomes[index].status == _NOT_NOW
            ]
            if attempt and waiting:
                await asyncio.sleep(0.5 * attempt)
            for part in _requests(lines, waiting):
                body = b"\n".join(lines[index] for index in part)
                answer = await self._tried(path, body, headers)
                for line in answer.body.splitlines():
                    outcome = _read(_outcome, line, "outcome of an act")
                    index = part[outcome.line - 1]
                    outcomes[index] = replace(outcome, line=index + 1)
        return [outcomes[index] for index in range(len(lines))]

    async def act(
        self, channel: str, exchange: str, act: Said, *, key: str = "", if_match: str = ""
    ) -> Posted:
        """Carry on an exchange, which is named by its id or its number.

        An act of consent that names no terms gets those of the exchange as it is read
        here. Raises `ProblemResponse`, `Unreachable`.
        """
        id = await self.exchange_of(channel, exchange)
        return await self.post(
            channel,
            await self.with_terms(channel, id, _bytes(act)),
            key=key,
            exchange=id,
            if_match=if_match,
        )

    async def with_terms(self, channel: str, exchange: str, act: bytes) -> bytes:
        """Return an act of consent with the digest of the text as it is read here.

        Any other act, and an act that names its terms, is returned unchanged. The
        digest is computed from the text itself, so that the gateway need not be
        believed.
        """
        try:
            members = msgspec.json.decode(act, type=dict[str, msgspec.Raw])
            name = msgspec.json.decode(members["act"])
        except (msgspec.DecodeError, KeyError):
            return act  # the gateway refuses it
        if name not in consent.ACTS or "terms" in members:
            return act
        state = decode_exchange(bytes((await self.exchange(channel, exchange)).state))
        terms_fields: dict[str, Any] = {
            member: msgspec.json.decode(members[member])
            for member in ("of", "side", "fields")
            if member in members
        }
        if "side" not in terms_fields and len(authors := consent.authors(state, name)) == 1:
            terms_fields |= {"side": authors[0]}
        terms = consent.of_act(state, "", name, terms_fields)
        return act.rstrip()[:-1] + b',"terms":"%s"}' % terms.encode() if terms else act

    async def draft(
        self,
        channel: str,
        act: Said,
        *,
        key: str = "",
        exchange: str = "",
        if_match: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> DraftView:
        """Draft an act for a colleague to release.

        The headers are the drafter's signatures.
        """
        body = msgspec.json.encode(
            {"act": msgspec.Raw(_bytes(act)), "exchange": exchange, "if_match": if_match.strip('"')}
        )
        sent = {"Idempotency-Key": f'"{key or new_key()}"', **(headers or {})}
        answer = await self.call("POST", f"/v1/channels/{channel}/drafts", body, sent)
        return answer.of("draft", DraftView)

    async def drafts(self, channel: str) -> tuple[DraftView, ...]:
        """Return the drafts of the caller's side."""
        answer = await self.call("GET", f"/v1/channels/{channel}/drafts")
        return answer.of("list of drafts", Drafts).drafts

    async def release(
        self, channel: str, draft: DraftView, headers: Mapping[str, str] | None = None
    ) -> Posted:
        """Release a draft in the version that was read.

        The headers are the releaser's signatures. Returns the record, and whether it
        had been recorded before.
        """
        sent = {"If-Match": draft.etag, **(headers or {})}
        return await self._recorded(f"/v1/channels/{channel}/drafts/{draft.id}/release", None, sent)

    async def _recorded(self, path: str, body: bytes | None, headers: dict[str, str]) -> Posted:
        answer = await self._tried(path, body, headers)
        if answer.status == _KEPT:
            raise KeptInOutbox(answer.of("entry of the outbox", OutboxEntryView))
        return Posted(
            answer.of("outcome of a post", Recorded), "Idempotent-Replayed" in answer.headers
        )

    async def _tried(self, path: str, body: bytes | None, headers: dict[str, str]) -> ApiResponse:
        for attempt in range(_TRIES):
            wait = 0.5 * (attempt + 1)
            try:
                return await self.call("POST", path, body, headers)
            except ProblemResponse as error:
                if error.problem.status not in (429, 503) or attempt == _TRIES - 1:
                    raise
                wait = (
                    max(wait, min(error.wait, _LONGEST_WAIT))
                    if error.problem.status == 429
                    else wait
                )
            except Unreachable:
                if attempt == _TRIES - 1:
                    raise
            await asyncio.sleep(wait)
        raise AssertionError

    async def channel(self, channel: str) -> ChannelView:
        """Return a channel as its members see it. Raises `Garbled`."""
        return (await self.call("GET", f"/v1/channels/{channel}")).of(
            "description of a channel", ChannelView
        )

    async def state(self, channel: str, at: int | str = "") -> LiaisonState:
        """Return the liaison state, now or at an earlier position or time."""
        return (await self._read(f"/v1/channels/{channel}/state", at=at)).of("state", LiaisonState)

    async def exchange(self, channel: str, text: str, at: int | str = "") -> ExchangeView:
        """Return an exchange, named by its id or its number.

        With `at` it is the exchange at that position or time.
        """
        id = await self.exchange_of(channel, text)
        return (await self._read(f"/v1/channels/{channel}/exchanges/{id}", at=at)).of(
            "exchange", ExchangeView
        )

    async def exchanges(self, channel: str, **filters: str | int) -> AsyncIterator[Row]:
        """Yield all exchanges that pass the filters of the list, the newest first.

        All pages of the list are read.
        """
        while True:
            page = (await self._read(f"/v1/channels/{channel}/exchanges", **filters)).of(
                "list of exchanges", Rows
            )
            for row in page.exchanges:
                yield row
            if not page.next:
                return
            filters["cursor"] = page.next

    async def _read(self, path: str, **query: str | int) -> ApiResponse:
        text = urlencode({name: value for name, value in query.items() if value != ""})
        return await self.call("GET", f"{path}?{text}" if text else path)

    async def exchange_of(self, channel: str, text: str) -> str:
        """Return the id of an exchange that is named by its id or its number.

        Raises `ProblemResponse` if there is no such exchange.
        """
        if ids.is_id(text):
            return text
        number = (
            text.upper()
            if text.upper().startswith(f"{channel.upper()}/")
            else f"{channel.upper()}/{text.upper()}"
        )
        exchanges = (
            await self.call("GET", f"/v1/channels/{channel}/exchanges?number={number}")
        ).json()["exchanges"]
        if not exchanges:
            raise ProblemResponse(
                Problem(
                    type="/problems/not-found",
                    title="",
                    status=404,
                    detail=f"There is no exchange {text} in {channel}; "
                    "a number is written like NATO/26/0042/N07/O.",
                )
            )
        return str(exchanges[0]["id"])

    async def records(
        self,
        channel: str,
        first: int = 1,
        least: int = 0,
        timeout: aiohttp.ClientTimeout = _STREAMING,  # aiohttp's own  # noqa: ASYNC109
    ) -> AsyncIterator[list[Entry]]:
        """Yield the records of a channel from a position up to the present one.

        With `least`, up to that position at least. Raises `Garbled`.
        """
        async for lines in self.lines(
            f"/v1/channels/{channel}/records?from={first}", "application/x-ndjson", least, timeout
        ):
            yield [_read(_entry, line, "record") for line in lines]

    async def follow(self, channel: str, after: int | None = None) -> AsyncIterator[Entry | Alarm]:
        """Yield the records of a channel and its alarms for ever, as they arrive.

        They begin after a position, or from now on, and go on after every reconnection.
        Raises `ProblemResponse` once the token may not read any more.
        """
        if after is None:
            # A position, so that no record is missed if the stream breaks before the first.
            after = int((await self.call("GET", f"/v1/channels/{channel}")).json()["position"])
        while True:
            event = b""
            try:
                async for lines in self.lines(
                    f"/v1/channels/{channel}/records?after={after}", "text/event-stream"
                ):
                    for line in lines:
                        if line.startswith(b"event: "):
                            event = line[7:]
                        elif line.startswith(b"data: ") and event == b"alarm":
                            yield _read(_alarm, line[6:], "alarm")
                        elif line.startswith(b"data: "):
                            entry = _read(_entry, line[6:], "record")
                            after = entry.position
                            yield entry
            except Unreachable:
                pass  # the stream is opened again after the last record
            except ProblemResponse as error:
                if error.problem.status != _NOT_NOW:
                    raise
            await asyncio.sleep(1)

    async def lines(
        self,
        path: str,
        media: str,
        least: int = 0,
        timeout: aiohttp.ClientTimeout = _STREAMING,  # aiohttp's own  # noqa: ASYNC109
    ) -> AsyncIterator[list[bytes]]:
        """Yield the lines of an answer as they come, all of a read together.

        Raises `ProblemResponse`, `Unreachable`, and `Garbled` for a line without end.
        """
        headers = {**self._headers, "Accept": media} | (
            {"Dragoman-Min-Position": str(least)} if least else {}
        )
        try:
            async with self._session.get(
                self.base_url + path, headers=headers, timeout=timeout
            ) as response:
                if response.status >= 400:
                    raise ProblemResponse(
                        _problem(ApiResponse(response.status, {}, await response.read()))
                    )
                data = b""
                async for chunk in response.content.iter_any():
                    *lines, data = (data + chunk).split(b"\n")
                    yield [line for line in lines if line]
                    if len(data) > LINE_BYTES:
                        raise Garbled(
                            f"record of at most {LINE_BYTES} bytes",
                            data,
                            ValueError("the line is longer"),
                        )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(
                f"{self.base_url} stopped answering ({type(error).__name__})"
            ) from None


def _read(decoder: msgspec.json.Decoder[_Shape], raw: bytes, text: str) -> _Shape:
    try:
        nesting.check(raw, _ANSWER_DEPTH)
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Garbled(text, raw, error) from None


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """Return the body of an answer, up to the length of an honest one.

    Raises `Garbled` beyond it.
    """
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_BYTES:
            raise Garbled(
                f"answer of at most {ANSWER_BYTES} bytes",
                bytes(body[:60]),
                ValueError("there is more of it"),
            )
    return bytes(body)


def _problem(answer: ApiResponse) -> Problem:
    try:
        return msgspec.structs.replace(answer.of("problem", Problem), status=answer.status)
    except Garbled:
        return Problem(
            type="about:blank",
            title="",
            status=answer.status,
            detail=answer.body.decode(errors="replace")[:200],
        )


@asynccontextmanager
async def client(
    base_url: str, token: str, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Client]:
    """Yield a client, and close it at the end.

    `tls` says which authorities to trust; by default those of the system. The
    environment variable `SSL_CERT_FILE` names others.
    """
    connector = None if tls is None else aiohttp.TCPConnector(ssl=tls)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Client(session, base_url, token)

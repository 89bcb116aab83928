"""Requests to the gateway with the keys of this host, the keeper, to open a channel.

    dragoman.keeper.v1.open.<key>        a channel to open, or the terms of an opening;
                                         <key> is the hex SHA-256 of the host's log key,
                                         or `first` as long as the host has none

The keeper runs the whole opening, and answers with a position or with its refusal. Any
gateway may ask; only the broker's user `keeper` may answer.
"""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from dragoman.domain.record import nesting
from dragoman.domain.record.errors import FieldFault, Refusal, Refused, refuse
from dragoman.eventlog.event_log import LogUnreachable, NobodyListens
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.limits import KEEPER_OPENING_SECONDS, KEEPER_SECONDS
from dragoman.text import packed, unpacked
from dragoman_schemas.host_responses import NewChannel, Opening, OpeningTerms

OPEN: Final = "dragoman.keeper.v1.open."
FIRST: Final = f"{OPEN}first"
QUEUE: Final = "keeper"

_AGAIN_SECONDS: Final = 0.2


class TrialRequest(Struct, frozen=True, tag="open-trial", tag_field="do"):
    """A trial channel to open."""

    new: NewChannel


class OpeningRequest(Struct, frozen=True, tag="open-signed", tag_field="do"):
    """A channel to open, from an opening that its sides signed."""

    opening: Opening


class TermsRequest(Struct, frozen=True, tag="terms", tag_field="do"):
    """A question for the terms of an opening."""

    name: str


class OpenedAnswer(Struct, frozen=True, tag="opened", tag_field="answer"):
    """The position up to which the opened channel must be followed."""

    position: int


class TermsAnswer(Struct, frozen=True, tag="terms", tag_field="answer"):
    """The terms of an opening."""

    terms: OpeningTerms


class RefusedAnswer(Struct, frozen=True, kw_only=True, tag="refused", tag_field="answer"):
    """The keeper's refusal; its texts are packed, for the asker's language."""

    kind: str
    detail: str
    faults: tuple[tuple[str, str], ...] = ()
    allowed: tuple[str, ...] = ()
    at: int | UnsetType = UNSET

    @classmethod
    def of(cls, refusal: Refusal) -> "RefusedAnswer":
        """Return a refusal as an answer."""
        return cls(
            kind=refusal.kind,
            detail=packed(refusal.detail),
            faults=tuple((fault.pointer, packed(fault.detail)) for fault in refusal.faults),
            allowed=refusal.allowed,
            at=UNSET if refusal.position is None else refusal.position,
        )

    def refused(self) -> Refused:
        """Return the refusal as an exception."""
        return Refused(
            Refusal(
                kind=self.kind,
                detail=unpacked(self.detail),
                faults=tuple(
                    FieldFault(pointer=pointer, detail=unpacked(detail))
                    for pointer, detail in self.faults
                ),
                allowed=self.allowed,
                position=None if isinstance(self.at, UnsetType) else self.at,
            )
        )


Request = TrialRequest | OpeningRequest | TermsRequest
Answer = OpenedAnswer | TermsAnswer | RefusedAnswer

_request: Final[Callable[[bytes], Request]] = msgspec.json.Decoder(Request).decode
_answer: Final[Callable[[bytes], Answer]] = msgspec.json.Decoder(Answer).decode


def subject_of_key(log_key: bytes | None) -> str:
    """Return the subject on which the gateway with that log key opens channels."""
    return FIRST if log_key is None else OPEN + hashlib.sha256(log_key).hexdigest()


def read_request(payload: bytes) -> Request:
    """Return a request. Raises `msgspec.MsgspecError`."""
    nesting.check(payload)
    return _request(payload)


class OpeningRequests:
    """The requests of one gateway, over its own connection to the broker."""

    def __init__(self, bus: NatsConnection) -> None:
        """Ask through the bus."""
        self._bus = bus

    async def open(self, log_key: bytes | None, request: TrialRequest | OpeningRequest) -> int:
        """Have a channel opened, and return the position up to which it then goes.

        `log_key` is the host's. Raises `Refused`.
        """
        try:
            answer = await self._ask(subject_of_key(log_key), request, KEEPER_OPENING_SECONDS)
        except NobodyListens:
            raise _nobody_opens() from None
        except LogUnreachable as error:
            raise refuse(
                "unknown-outcome",
                "It is not known whether the channel was opened: %(error)s. Look for it in the "
                "list of channels before you try again.",
                error=error.said,
            ) from None
        if not isinstance(answer, OpenedAnswer):
            raise _unexpected()
        return answer.position

    async def terms(self, log_key: bytes | None, name: str) -> OpeningTerms:
        """Return the terms of an opening. Raises `Refused`."""
        try:
            answer = await self._ask(subject_of_key(log_key), TermsRequest(name), KEEPER_SECONDS)
        except LogUnreachable:
            raise _nobody_opens() from None
        if not isinstance(answer, TermsAnswer):
            raise _unexpected()
        return answer.terms

    async def _ask(self, subject: str, request: Request, seconds: float) -> Answer:
        """Return the answer to a request.

        While nobody listens, it is sent again for `KEEPER_SECONDS`: the keeper may just
        be starting. Raises `LogUnreachable`, and `Refused` as the keeper did.
        """
        loop = asyncio.get_running_loop()
        again_until = loop.time() + KEEPER_SECONDS
        payload = msgspec.json.encode(request)
        while True:
            try:
                message = await self._bus.request(subject, payload, seconds=seconds)
                break
            except NobodyListens:
                if loop.time() + _AGAIN_SECONDS > again_until:
                    raise
                await asyncio.sleep(_AGAIN_SECONDS)
        try:
            nesting.check(message.data)
            answer = _answer(message.data)
            if isinstance(answer, RefusedAnswer):
                raise answer.refused()
        except (msgspec.MsgspecError, AssertionError):
            raise _unexpected() from None
        return answer


def _nobody_opens() -> Refused:
    return refuse(
        "unavailable",
        "This gateway has no log key, and the gateway with the host's log key does not answer. "
        "Have the operator start that gateway, and try again, or open the channel there.",
    )


def _unexpected() -> Refused:
    return refuse(
        "unavailable",
        "The answer of the gateway with the host's keys cannot be read, perhaps because it runs "
        "another release. Have the operator compare the releases, and try again.",
    )

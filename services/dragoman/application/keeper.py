"""The keeper: the gateway that has keys of this host, and uses them for the others.

It signs acts of the trial channels whose keys it has, and opens channels under the
host's log key. It judges each act itself, on its own projection, as it would judge a
post: the actor must be in office and permitted, and the act legal now. It signs only
acts that root or an administrator of a side must sign. It gives no key away, and signs
no other bytes.
"""

import asyncio
from typing import Final

import msgspec
import structlog

from dragoman.application.keeper_requests import (
    FIRST,
    QUEUE,
    SIGN,
    Answer,
    OpenedAnswer,
    OpeningRequest,
    RecordedAnswer,
    RefusedAnswer,
    Request,
    SignedAnswer,
    SignRequest,
    TermsAnswer,
    TermsRequest,
    TrialRequest,
    read_request,
    subject_of_key,
)
from dragoman.application.service import Service
from dragoman.domain.decide import Submission
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import Malformed, Refusal, Refused, make_refusal, refuse
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.limits import INSPECT_SECONDS
from dragoman.projection.projection import NotYetApplied
from dragoman.stores.keystore import Keystore

log = structlog.get_logger()

_REACH_SECONDS: Final = 3.0
"""Seconds for the fold to reach the asker's position: less than the asker waits."""


class Keeper:
    """The answers of one gateway, over a connection as the broker's user `keeper`."""

    def __init__(self, service: Service, custody: Keystore, bus: NatsConnection) -> None:
        """Answer with the keys in custody, and with the service's log key."""
        self._service = service
        self._custody = custody
        self._bus = bus
        self._served: set[str] = set()

    async def run(self) -> None:
        """Answer for ever, also for channels that get their first key here later."""
        if self._service.identity.own_key is not None:
            for subject in (FIRST, subject_of_key(self._service.identity.own_key)):
                await self._serve(subject)
        while True:
            self._custody.made.clear()
            for channel in self._custody.channels():
                await self._serve(SIGN + channel)
            try:
                async with asyncio.timeout(INSPECT_SECONDS):
                    await self._custody.made.wait()
            except TimeoutError:
                continue

    async def _serve(self, subject: str) -> None:
        if subject in self._served:
            return
        await self._bus.serve(subject, QUEUE, self.answer)
        self._served.add(subject)
        log.debug("keeper.serves", subject=subject)

    async def answer(self, subject: str, payload: bytes) -> bytes:
        """Return the answer to a request, which is a refusal if anything is wrong."""
        try:
            answer = await self._answer(subject, read_request(payload))
        except msgspec.MsgspecError as error:
            log.warning("keeper.request_not_read", subject=subject, reason=str(error))
            answer = RefusedAnswer.of(
                make_refusal("invalid", "The keeper cannot read this request.")
            )
        except Malformed as error:
            answer = RefusedAnswer.of(
                Refusal(kind="invalid-act", detail=error.fault.detail, faults=error.faults)
            )
        except Refused as error:
            log.info("keeper.refused", subject=subject, reason=str(error.refusal.detail))
            answer = RefusedAnswer.of(error.refusal)
        except (NotYetApplied, LogBroken, LogUnreachable) as error:
            answer = RefusedAnswer.of(
                make_refusal(
                    "unavailable",
                    "Nothing was recorded: the keeper of this host's keys is not ready: "
                    "%(error)s. Try again.",
                    error=error.said,
                )
            )
        # Whatever it is, the asker gets an answer, and the log has the traceback.
        except Exception:
            log.critical("keeper.failed", subject=subject, exc_info=True)
            answer = RefusedAnswer.of(
                make_refusal(
                    "unavailable",
                    "Nothing was recorded: the keeper of this host's keys failed. Its log says "
                    "why; tell the operator.",
                )
            )
        return msgspec.json.encode(answer)

    async def _answer(self, subject: str, request: Request) -> Answer:
        match request:
            case SignRequest():
                return await self._sign(subject.removeprefix(SIGN), request)
            case TermsRequest(name=name):
                self._refuse_without_key()
                return TermsAnswer(await self._service.terms(name))
            case TrialRequest(new=new):
                self._refuse_without_key()
                projection = await self._service.open_channel(new)
            case OpeningRequest(opening=opening):
                self._refuse_without_key()
                projection = await self._service.open_signed(opening)
        log.info("keeper.opened", channel=projection.name)
        return OpenedAnswer(projection.state.position)

    def _refuse_without_key(self) -> None:
        """Raise `Refused` instead of passing a request on again."""
        if self._service.identity.own_key is None:
            raise refuse("invalid", "The keeper has no log key to open channels with.")

    async def _sign(self, channel: str, request: SignRequest) -> Answer:
        """Judge an act as its post would be, and sign it.

        Raises `Refused`, `Malformed`.
        """
        projection = self._service.channels.get(channel)
        if (
            projection is None
            or not projection.is_channel
            or projection.registry.custody != "host"
            or not self._custody.has_channel(channel)
        ):
            raise refuse(
                "not-found", "The keeper has no trial keys of %(channel)s.", channel=channel[:63]
            )
        await projection.reached(request.position, _REACH_SECONDS)
        position = projection.posted(request.id)
        if position is not None:
            return RecordedAnswer(position)
        act, data = read_act(request.act, cut=False)
        if act != request.act:
            raise refuse("invalid", "The keeper signs an act only in its compact form.")
        submission, signatures = self._service.command_handler.sign_if_legal(
            projection,
            Submission(
                actor=request.actor,
                act=act,
                data=data,
                id=request.id,
                exchange=request.exchange,
                family=request.family,
                if_match=request.if_match,
                released_by=request.released_by,
                caused_by=request.caused_by,
                signatures=request.signatures,
            ),
        )
        log.info(
            "keeper.signed",
            channel=channel,
            actor=request.actor,
            act=str(data.__struct_config__.tag),
            id=request.id,
            after=projection.state.position,
        )
        return SignedAnswer(submission.act, signatures, projection.state.position)

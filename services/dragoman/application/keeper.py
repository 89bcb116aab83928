"""The keeper: the gateway with the keys of this host.

It opens channels for the other gateways under the host's log key, as it opens its own,
and keeps the keys of trials. It gives no key away, and signs no other bytes.
"""

import asyncio

import msgspec
import structlog

from dragoman.application.channel_openings import ChannelOpenings
from dragoman.application.opening_requests import (
    FIRST,
    QUEUE,
    Answer,
    OpenedAnswer,
    OpeningRequest,
    RefusedAnswer,
    Request,
    TermsAnswer,
    TermsRequest,
    TrialRequest,
    read_request,
    subject_of_key,
)
from dragoman.domain.record.errors import Malformed, Refusal, Refused, make_refusal, refuse
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.projection.projection import NotYetApplied

log = structlog.get_logger()


class Keeper:
    """The answers of one gateway, over a connection as the broker's user `keeper`."""

    def __init__(self, openings: ChannelOpenings, bus: NatsConnection) -> None:
        """Open channels as this gateway opens its own."""
        self._openings = openings
        self._bus = bus

    async def run(self) -> None:
        """Answer for ever."""
        for subject in (FIRST, subject_of_key(self._openings.identity.own_key)):
            await self._bus.serve(subject, QUEUE, self.answer)
            log.debug("keeper.serves", subject=subject)
        await asyncio.Event().wait()

    async def answer(self, subject: str, payload: bytes) -> bytes:
        """Return the answer to a request, which is a refusal if anything is wrong."""
        try:
            answer = await self._answer(read_request(payload))
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

    async def _answer(self, request: Request) -> Answer:
        match request:
            case TermsRequest(name=name):
                self._refuse_without_key()
                return TermsAnswer(await self._openings.terms(name))
            case TrialRequest(new=new):
                self._refuse_without_key()
                projection = await self._openings.open_trial(new)
            case OpeningRequest(opening=opening):
                self._refuse_without_key()
                projection = await self._openings.open_signed(opening)
        log.info("keeper.opened", channel=projection.name)
        return OpenedAnswer(projection.state.position)

    def _refuse_without_key(self) -> None:
        """Raise `Refused` instead of passing a request on again."""
        if self._openings.identity.own_key is None:
            raise refuse("invalid", "The keeper has no log key to open channels with.")

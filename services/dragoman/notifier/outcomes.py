"""The outcomes of deliveries to a side, which the log of its channel records."""

from collections.abc import Callable, Iterable
from datetime import datetime

import structlog
from msgspec.structs import replace

from dragoman.application.clock import stamp
from dragoman.application.command_handler import CommandHandler
from dragoman.domain.acts.families import delivery_outcomes as rules
from dragoman.domain.record.errors import Refused
from dragoman.notifier.delivery import OutgoingItem
from dragoman.projection.projection import Projection
from dragoman.stores.endpoints import NotificationEndpoint, OutcomeToRecord, Progress
from dragoman_schemas.acts.office.watch import CourierOutcome

log = structlog.get_logger()


class OutcomeRecorder:
    """A recorder of outcomes through the command handler."""

    def __init__(self, desk: CommandHandler, now: Callable[[], datetime]) -> None:
        """Date outcomes by that clock."""
        self._desk = desk
        self._now = now

    def add(
        self,
        endpoint: NotificationEndpoint,
        projection: Projection,
        progress: Progress,
        item: OutgoingItem,
        outcome: str,
    ) -> Progress:
        """Return the progress with an outcome to record, if there is one.

        For a message to the side, it is that the message was delivered or given up.
        """
        exchange = projection.exchange(item.exchange)
        if (
            projection.is_copy
            or exchange is None
            or not rules.is_told(exchange, item.id, endpoint.side)
        ):
            return progress
        if endpoint.officer:
            return progress  # The other side does not learn how a person is reached.
        outcome_to_record = OutcomeToRecord(
            position=item.position,
            outcome="delivered" if outcome == "delivered" else "failed",
            at=stamp(self._now()),
        )
        return replace(progress, told=(*progress.told, outcome_to_record))

    async def unrecorded(
        self,
        endpoint: NotificationEndpoint,
        projection: Projection,
        outcomes: Iterable[OutcomeToRecord],
    ) -> tuple[OutcomeToRecord, ...]:
        """Record outcomes, and return those that are not on record yet."""
        return tuple(
            [
                outcome_to_record
                for outcome_to_record in outcomes
                if not await self._record_outcome(endpoint, projection, outcome_to_record)
            ]
        )

    async def _record_outcome(
        self,
        endpoint: NotificationEndpoint,
        projection: Projection,
        outcome_to_record: OutcomeToRecord,
    ) -> bool:
        """Record an outcome; return whether it is recorded or never will be."""
        if outcome_to_record.position > projection.state.position:
            return False
        record = projection.record_at(outcome_to_record.position)
        if record is None or not record.act:
            return True  # The record was erased meanwhile.
        envelope = record.envelope
        outcome = CourierOutcome(
            side=endpoint.side,
            means=endpoint.means,
            of=envelope.id,
            outcome=outcome_to_record.outcome,
            at=outcome_to_record.at,
        )
        exchange = projection.exchange(envelope.subject)
        if exchange is not None and rules.is_recorded(exchange, outcome):
            return True
        key, act = rules.key_of(outcome), rules.act_of(outcome)
        try:
            await self._desk.post_of_service(
                projection, rules.ACTOR, key, act, exchange=envelope.subject
            )
        except Refused as error:
            again = error.refusal.kind in ("unavailable", "unknown-outcome", "busy", "read-only")
            log.info(
                "courier.outcome_not_recorded",
                endpoint=endpoint.id,
                reason=str(error.refusal.detail),
                again=again,
            )
            return not again
        return True

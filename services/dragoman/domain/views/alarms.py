"""The alarm of an unacknowledged flash, which reaches further officers with time.

    at once      the duty officer on watch; every duty officer while nobody has it
    5 minutes    the deputies: the other duty officers of the side
    9 minutes    the head of office

It is repeated every minute until it is acknowledged. The sender sees the same, and whom
to ring next. All of it is derived from the exchange. Only the acknowledgement is
recorded.

A message that a side has not passed on by its limit rings for that side too, in the
same steps. It does so until every post of the onward list was told, the window is over,
or the matter has ended. The sender sees it as well.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from dragoman.domain.acts import event_windows, passing_on
from dragoman.domain.acts.deadlines import UNTIMED, is_timed, profile_of
from dragoman.domain.acts.families.exchange import ENDED, precedence_of, receipts_over
from dragoman_schemas.roster import RosterRung
from dragoman_schemas.state import Exchange, Message, Registry

REPEAT_SECONDS: Final = 60
RUNGS: Final[tuple[tuple[int, RosterRung], ...]] = (
    (0, "duty_officer"),
    (300, "deputy"),
    (540, "head_of_office"),
)
"""Seconds after the record, and the officers that the flash then reaches."""


_RINGS_FOR: Final = timedelta(days=1)
"""The time for which a message without a window rings that was not passed on."""

_NOTHING_AHEAD: Final = (*ENDED, "cleared", "completed", "reported", "ended", "refused")
"""Statuses in which nobody need be told of a window any more."""


class Escalation(Struct, frozen=True, kw_only=True):
    """An unacknowledged flash to one side.

    It has the time since when, the number of repeats, and the officers of the side that
    it has reached.
    """

    exchange: str
    message: str
    side: str
    since: datetime
    repeats: int
    rungs: tuple[RosterRung, ...]
    officers: tuple[str, ...]


def escalations(registry: Registry, exchange: Exchange, now: datetime) -> Iterator[Escalation]:
    """Yield every side that has not acknowledged a flash message of the exchange.

    Each is yielded once, with its oldest such message.
    """
    yielded: set[str] = set()
    is_over = registry.ended is not None or receipts_over(exchange) is not None
    for message in () if is_over else exchange.messages:
        if not rings(registry, exchange, message):
            continue
        since = datetime.fromisoformat(message.said.time)
        elapsed = max(0, int((now - since).total_seconds()))
        for side in message.to:
            if side in message.acknowledged or side in yielded:
                continue
            yielded.add(side)
            rungs = tuple(rung for _, rung in reached_by(message, now))
            yield Escalation(
                exchange=exchange.id,
                message=message.id,
                side=side,
                since=since,
                repeats=elapsed // REPEAT_SECONDS,
                rungs=rungs,
                officers=tuple(
                    dict.fromkeys(
                        officer for rung in rungs for officer in reached(registry, side, rung)
                    )
                ),
            )


class UnpassedMessage(Struct, frozen=True, kw_only=True):
    """A message that a side should have passed on by now, and has not.

    `posts` still wait. `since` is the limit. `opens` is the beginning of the window; it
    is None for a message without a window.
    """

    exchange: str
    message: str
    side: str
    posts: tuple[str, ...]
    since: datetime
    opens: datetime | None
    rungs: tuple[RosterRung, ...]
    officers: tuple[str, ...]


def may_be_unpassed(registry: Registry, exchange: Exchange) -> bool:
    """Return whether a side may have to pass an exchange on, at any time."""
    return (
        is_timed(registry)
        and not exchange.for_the_record
        and exchange.status not in _NOTHING_AHEAD
        and any(
            onward.format == exchange.act
            for adoptions in registry.onward.values()
            for adoption in adoptions
            for onward in adoption.lists
        )
    )


def unpassed(registry: Registry, exchange: Exchange, now: datetime) -> Iterator[UnpassedMessage]:
    """Yield every side that has not passed on the exchange's window by its limit."""
    if not may_be_unpassed(registry, exchange):
        return
    message, window = event_windows.naming_message(exchange), event_windows.window_of(exchange)
    if window is not None and now > window.last:
        return
    limits, _ = profile_of(registry)
    for side in message.to:
        onward = passing_on.list_of(registry, side, exchange.act, message.said.position)
        posts = passing_on.posts_to_tell(registry, exchange, side, message)
        if onward is None or not posts:
            continue
        since = passing_on.limit(exchange, message, onward, limits)
        if since <= now and (window is not None or now - since <= _RINGS_FOR):
            elapsed = (now - since).total_seconds()
            rungs = tuple(rung for seconds, rung in RUNGS if seconds <= elapsed)
            yield UnpassedMessage(
                exchange=exchange.id,
                message=message.id,
                side=side,
                posts=posts,
                since=since,
                opens=None if window is None else window.begins,
                rungs=rungs,
                officers=tuple(
                    dict.fromkeys(
                        officer for rung in rungs for officer in reached(registry, side, rung)
                    )
                ),
            )


def rings(registry: Registry, exchange: Exchange, message: Message) -> bool:
    """Return whether a message is a flash that rings for officers.

    A message rings for nobody if it is for the record, or was said by other means
    before.
    """
    if (
        registry.kind in UNTIMED
        or exchange.for_the_record
        or message.for_the_record
        or message.said.told
    ):
        return False
    return precedence_of(exchange, message) == "flash"


def was_to_ring(
    registry: Registry, exchange: Exchange, message: Message, side: str, now: datetime
) -> tuple[tuple[datetime, RosterRung], ...]:
    """Return the rungs for which a message was to ring before its acknowledgement.

    Each has its time. Empty for a message that does not ring. It follows from the rules
    alone: the log does not say whether anything rang.
    """
    if side not in message.to or not rings(registry, exchange, message):
        return ()
    acknowledged = message.acknowledged.get(side)
    return reached_by(
        message,
        now if acknowledged is None else min(now, datetime.fromisoformat(acknowledged.time)),
    )


def reached_by(message: Message, moment: datetime) -> tuple[tuple[datetime, RosterRung], ...]:
    """Return the rungs that an unacknowledged message has reached by a moment.

    Each has its time. The first rung is reached at once.
    """
    since = datetime.fromisoformat(message.said.time)
    times = [(since + timedelta(seconds=seconds), rung) for seconds, rung in RUNGS]
    return tuple((time, rung) for time, rung in times if time <= max(moment, since))


def reached(registry: Registry, side: str, rung: str) -> tuple[str, ...]:
    """Return the officers of a side whom a rung reaches."""
    in_office = {
        name: officer
        for name, officer in registry.officers.items()
        if name.startswith(f"{side}/") and officer.until is None
    }
    duty = tuple(name for name, officer in in_office.items() if "duty_officer" in officer.roles)
    watch = registry.watches.get(side)
    match rung:
        case "duty_officer":
            return (watch.since.by,) if watch is not None and watch.since.by in in_office else duty
        case "deputy":
            return duty
        case _:
            return tuple(
                name for name, officer in in_office.items() if "head_of_office" in officer.roles
            )

"""Messages that a side has not passed on by its limit: lines of the board, and alarms.

A message rings at its receiver from the limit on. It rings until every post of the
onward list was told, the window is over, or the matter has ended. The board of every
side shows it in the same words.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from msgspec import Raw, Struct

from dragoman.application.rosters import ladders
from dragoman.console.display.deadline_rows import Level
from dragoman.console.page.alarm_views import UnpassedNotice
from dragoman.console.page.context import PageContext
from dragoman.domain.acts import event_windows
from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.views import alarms
from dragoman.domain.views.alarms import UnpassedMessage
from dragoman.domain.views.titles import subject_of
from dragoman.projection.open_deadlines import OpenDeadline
from dragoman.projection.projection import Projection
from dragoman_schemas.state import Exchange, Registry

CLOCK: Final = "passed_on"
"""The name of the deadline for passing a message on."""

_SHOWN: Final = 20
_AHEAD: Final = timedelta(days=1)
"""The time by which a browser learns of an alarm before it rings.

No record tells the browser of the moment at which a limit passes.
"""


class UnpassedRow(Struct, frozen=True, kw_only=True):
    """A message that a side has not passed on to some posts.

    `since` is the limit. `opens` is the beginning of the window, empty for none.
    `is_acknowledged` says that the side has acknowledged the message.
    """

    level: Level
    side: str
    posts: tuple[str, ...]
    is_acknowledged: bool
    since: str
    opens: str
    exchange: str
    number: str
    subject: Raw
    act: str


def rows_of(context: PageContext, open_deadlines: Iterable[OpenDeadline]) -> Iterator[UnpassedRow]:
    """Yield the messages that any side had not passed on by the moment of a page."""
    now = context.moment
    late = dict.fromkeys(
        open_deadline.exchange
        for open_deadline in open_deadlines
        if open_deadline.clock.clock == CLOCK and open_deadline.clock.due <= now
    )
    for id in late:
        state = context.state_of(id)
        if state is not None:
            for message in alarms.unpassed(context.registry, state, now):
                yield _row(state, message, now)


def _row(state: Exchange, message: UnpassedMessage, now: datetime) -> UnpassedRow:
    is_open = message.opens is not None and message.opens <= now
    return UnpassedRow(
        level="critical" if is_open else "serious",
        side=message.side,
        posts=message.posts,
        is_acknowledged=any(
            message.side in item.acknowledged
            for item in state.messages
            if item.id == message.message
        ),
        since=timestamp(message.since),
        opens="" if message.opens is None else timestamp(message.opens),
        exchange=state.id,
        number=state.number,
        subject=subject_of(state),
        act=state.act,
    )


def notices(
    context: PageContext,
    projection: Projection,
    open_deadlines: Iterable[OpenDeadline],
    now: datetime,
) -> Iterator[UnpassedNotice]:
    """Yield the notices that ring for the reader's side now, or within a day."""
    duties = [
        open_deadline.clock
        for open_deadline in open_deadlines
        if open_deadline.clock.clock == CLOCK
        and open_deadline.clock.side == context.side
        and open_deadline.clock.due <= now + _AHEAD
    ]
    exchanges = {
        open_deadline.clock.started_by: open_deadline.exchange
        for open_deadline in open_deadlines
        if open_deadline.clock.clock == CLOCK
    }
    for clock in duties[:_SHOWN]:
        state = projection.exchange(exchanges[clock.started_by])
        if state is None:
            continue
        for message in alarms.unpassed(projection.registry, state, max(now, clock.due)):
            if message.side == context.side:
                yield _notice(context, projection, state, message, now)


def _notice(
    context: PageContext,
    projection: Projection,
    state: Exchange,
    message: UnpassedMessage,
    now: datetime,
) -> UnpassedNotice:
    window = event_windows.window_of(state)
    return UnpassedNotice(
        key=f"{message.message} {message.side}",
        channel=projection.name,
        exercise=projection.registry.kind == "exercise",
        exchange=state.id,
        number=state.number,
        posts=context.words.listed(message.posts),
        since=timestamp(message.since),
        opens="" if message.opens is None else timestamp(message.opens),
        until="" if window is None else timestamp(window.last),
        reaches_s=ladders.reaches_s(context.service, projection, message.side, context.grant.actor),
        is_late=message.since <= now,
    )


def is_listed(registry: Registry, act: str) -> bool:
    """Return whether a side has a list of posts for messages of a format."""
    return any(
        onward.format == act
        for adoptions in registry.onward.values()
        for onward in adoptions[-1].lists
    )

"""Notices to the watches that a window opens in an hour, and in ten minutes.

    notice    recorded                              not recorded
    60        from an hour before it opens          where the window was named later
    10        from ten minutes before it opens      once the window is open

The scheduler records them, and the notifier sends them to the endpoints of every side.
A notice binds nobody, so it needs no adopted profile. Like a reminder it is determined
to the byte.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from dragoman.domain.acts import event_windows
from dragoman.domain.acts.act_rules import Rule, Who
from dragoman.domain.acts.deadlines import instant, is_timed, timestamp
from dragoman.domain.acts.families.exchange import ENDED
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, make_refusal
from dragoman_schemas.acts.office.watch import WindowNotice
from dragoman_schemas.state import Exchange, Registry

STEPS: Final = (60, 10)
"""Minutes before a window opens."""

ANNOUNCED: Final = frozenset(
    {
        "danger-area",
        "launch-notice",
        "military-activity",
        "humanitarian-notification",
        "visit-invitation",
        "visit-request",
    }
)
"""Formats whose windows are announced, and open at a known time."""

_OVER: Final = (*ENDED, "cleared", "completed", "reported", "held", "left")


class DueNotice(Struct, frozen=True, kw_only=True):
    """A notice of one window: the record that named it, its step, and its opening."""

    started_by: str
    step: int
    opens: datetime

    @property
    def at(self) -> datetime:
        """Return the time from which the notice is due."""
        return self.opens - timedelta(minutes=self.step)


def due_notices(registry: Registry, exchange: Exchange) -> Iterator[DueNotice]:
    """Yield the notices of the present window that are not on record."""
    if (
        not is_timed(registry)
        or exchange.act not in ANNOUNCED
        or exchange.for_the_record
        or exchange.status in _OVER
        or event_windows.is_postponed(exchange)
    ):
        return
    window = event_windows.window_of(exchange)
    if window is None:
        return
    message = event_windows.naming_message(exchange)
    recorded = min(
        (
            int(bytes(item.content["step"]))
            for item in exchange.acts.get("window-notice", ())
            if bytes(item.content["started_by"]) == f'"{message.id}"'.encode()
        ),
        default=max(STEPS) + 1,
    )
    for step in STEPS:
        notice = DueNotice(started_by=message.id, step=step, opens=window.begins)
        if step < recorded and instant(message.said.time) < notice.at:
            yield notice


def reached_notice(registry: Registry, exchange: Exchange, now: datetime) -> DueNotice | None:
    """Return the last notice that is due at a time; None once the window is open."""
    reached = [
        notice for notice in due_notices(registry, exchange) if notice.at <= now < notice.opens
    ]
    return reached[-1] if reached else None


def act_of(notice: DueNotice) -> bytes:
    """Return the bytes of a notice, the same from every scheduler."""
    return b'{"act":"window-notice","started_by":"%s","step":%d,"opens":"%s"}' % (
        notice.started_by.encode(),
        notice.step,
        timestamp(notice.opens).encode(),
    )


def key_of(exchange: str, act: WindowNotice) -> str:
    """Return the idempotency key of a notice in an exchange."""
    return f"window-notice\n{exchange}\n{act.started_by}\n{act.step}"


def check(registry: Registry, exchange: Exchange, record: Record[WindowNotice]) -> Refusal | None:
    """Refuse a notice that no scheduler would record now."""
    now = datetime.fromisoformat(record.envelope.time).astimezone(UTC)
    notice = reached_notice(registry, exchange, now)
    if notice is None or record.act != act_of(notice):
        return make_refusal("void", "No such notice of a window is due.")
    return None


RULES: Final = (Rule(act="window-notice", shape=WindowNotice, who=Who.WATCH, kept=True),)

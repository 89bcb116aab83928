"""The windows that are open or near at a moment: what is in force now.

    near         it opens within two days
    open         it has opened, and is not over
    holding      its side says that it waits or stands still
    not_ended    it should be over, and its side has not said so

Listed are danger areas, launches, activities, movements and visits. An event that its
side completed, cleared, reported or cancelled is not in force. One that nobody ended
stays listed for four days, and one that is under way until its side ends it. A visit
without an end stays listed for a day. All of it follows from the exchanges and the
moment, so the board, the reports, the calendar and the exports list the same windows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from msgspec import Raw, Struct

from dragoman.domain.acts import event_windows, passing_on
from dragoman.domain.acts.deadlines import profile_of
from dragoman.domain.acts.event_windows import EventWindow
from dragoman.domain.acts.families.exchange import ENDED
from dragoman.domain.acts.window_notices import ANNOUNCED
from dragoman.domain.views.receipts import awaited_from
from dragoman_schemas.state import Exchange, Registry

NEAR: Final = timedelta(days=2)

_EXPECTED: Final = timedelta(days=1)
"""The time for which a visit without an end is listed, and nobody said it has begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFormat:
    """The facts of a format for lists, charts and warnings.

    `kind` is the member that says which kind of event it is. `mark` is its mark on a
    chart, and `heading` its heading in a warning.
    """

    kind: str
    mark: Literal["area", "launch", "meeting"]
    heading: str


EVENT_FORMATS: Final[Mapping[str, EventFormat]] = {
    "danger-area": EventFormat(kind="hazard", mark="area", heading="DANGER AREA"),
    "launch-notice": EventFormat(
        kind="phase", mark="launch", heading="LAUNCH OF A MISSILE OR SPACE VEHICLE"
    ),
    "military-activity": EventFormat(kind="type", mark="area", heading="MILITARY ACTIVITY"),
    "humanitarian-notification": EventFormat(
        kind="kind", mark="area", heading="HUMANITARIAN NOTIFICATION"
    ),
    "visit-invitation": EventFormat(kind="kind", mark="meeting", heading="VISIT"),
    "visit-request": EventFormat(kind="kind", mark="meeting", heading="VISIT"),
}
"""The formats whose windows are listed."""

Stage = Literal["near", "open", "holding", "not_ended"]

_OVER: Final = (*ENDED, "cleared", "completed", "reported", "held", "left", "refused")
_PLACES: Final = ("place", "launch_area", "impact_areas", "dropping_zones", "route")


class WindowInForce(Struct, frozen=True, kw_only=True):
    """One window at a moment, with its exchange.

    `places` are the members of the opening that say where it is. `not_passed_on` has
    the posts that each addressee has not said it told. `unacknowledged` are the sides
    that owe a receipt of the message that named the window.
    """

    exchange: Exchange
    window: EventWindow
    stage: Stage
    places: dict[str, Raw]
    not_passed_on: dict[str, tuple[str, ...]]
    unacknowledged: tuple[str, ...]


def windows_in_force(
    registry: Registry, exchanges: Iterable[Exchange], now: datetime
) -> list[WindowInForce]:
    """Return the windows that are open or near, in the order in which they open."""
    windows = (window_in_force(registry, exchange, now) for exchange in exchanges)
    return sorted(
        (window for window in windows if window is not None),
        key=lambda window: (window.window.begins, window.exchange.opened.position),
    )


def window_in_force(registry: Registry, exchange: Exchange, now: datetime) -> WindowInForce | None:
    """Return the window of an exchange; None where it is not in force at the moment."""
    if exchange.act not in ANNOUNCED or exchange.for_the_record or exchange.status in _OVER:
        return None
    if event_windows.is_postponed(exchange):
        return None
    window = event_windows.window_of(exchange)
    stage = None if window is None else _stage(registry, exchange, window, now)
    if window is None or stage is None:
        return None
    message = event_windows.naming_message(exchange)
    posts_by_side = {
        side: passing_on.posts_to_tell(registry, exchange, side, message) for side in message.to
    }
    return WindowInForce(
        exchange=exchange,
        window=window,
        stage=stage,
        places={name: exchange.content[name] for name in _PLACES if name in exchange.content},
        not_passed_on={side: posts for side, posts in posts_by_side.items() if posts},
        unacknowledged=awaited_from(registry, exchange, message),
    )


def _stage(
    registry: Registry, exchange: Exchange, window: EventWindow, now: datetime
) -> Stage | None:
    if exchange.status == "holding":
        return "holding"
    if now < window.begins:
        under_way = exchange.status in ("under_way", "arrived")
        return "open" if under_way else "near" if window.begins - now <= NEAR else None
    if now <= window.last or window.until_further_notice:
        return "open"
    if (
        exchange.act not in event_windows.ENDED_BY_WORD
        or event_windows.is_site(exchange)
        or event_windows.phase_of_launch(exchange) == "post_launch"
    ):
        waited_for = window.ends is None and now - window.begins <= _EXPECTED
        return "open" if exchange.status == "arrived" or waited_for else None
    limits, _ = profile_of(registry)
    stale = now - window.last > timedelta(seconds=limits.launch_valid)
    return None if stale and exchange.status != "under_way" else "not_ended"

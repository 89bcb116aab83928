"""The window of an announced event, and the message that named it last.

    format                      the window
    danger-area                 window, perhaps until further notice
    military-activity           window
    launch-notice               window, or its time
    terrorism-warning           window, unless the threat is ongoing
    humanitarian-notification   window, or departure to arrival
    visit-invitation            the dates, once every side has accepted
    visit-request               the arrival that was granted, to the end of the stay

An update, a correction or a postponement may name another window. What
follows from the window before, such as a limit, then follows from the new one. A
message that repeats the window, or gives an older value of it, names no other window.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from dragoman.domain.acts import developments, field_checks
from dragoman_schemas.fields import UNTIL_FURTHER_NOTICE
from dragoman_schemas.state import Exchange, Message, Said

ENDED_BY_WORD: Final = frozenset(
    {"danger-area", "launch-notice", "military-activity", "humanitarian-notification"}
)
"""Formats of announced events, of which the opener says that they are over."""

VISITS: Final = frozenset({"visit-invitation", "visit-request"})
"""Formats whose window is not known before other sides have agreed to it."""

MEETINGS: Final = ("meeting-request", "call-request", "visit-invitation")
"""Formats by which a side asks another to meet."""

DATED: Final = ENDED_BY_WORD | VISITS | {*MEETINGS, "terrorism-warning"}
"""Formats of events that have a time."""

_PROPOSING: Final = ("postponement", "counter-proposal")
"""Acts that may name another window."""


class EventWindow(Struct, frozen=True, kw_only=True):
    """The window of an event; `ends` is None where its end is not known.

    Nobody knows the end of a window that is until further notice.
    """

    begins: datetime
    ends: datetime | None = None
    until_further_notice: bool = False

    @property
    def last(self) -> datetime:
        """Return the end, or the beginning where the end is not known."""
        return self.begins if self.ends is None else self.ends


def asks_to_visit(exchange: Exchange) -> bool:
    """Return whether a side asks to see something, and another side grants it."""
    return exchange.act == "visit-request"


def window_of(exchange: Exchange) -> EventWindow | None:
    """Return the present window of an exchange; None where it has none."""
    match exchange.act:
        case "danger-area" | "military-activity" | "terrorism-warning":
            return _window(exchange, "window")
        case "launch-notice":
            return _window(exchange, "window") or _between(exchange, "time", "")
        case "humanitarian-notification":
            return _window(exchange, "window") or _between(exchange, "departure", "arrival")
        case "visit-invitation":
            accepted = exchange.status in ("accepted", "held")
            return _window(exchange, "dates") if accepted else None
        case "visit-request":
            return _visit(exchange)
        case _:
            return None


def is_until_further_notice(exchange: Exchange) -> bool:
    """Return whether the present window of an exchange has no end yet."""
    window = window_of(exchange)
    return window is not None and window.until_further_notice


def is_site(exchange: Exchange) -> bool:
    """Return whether a notification is of a site, which has no course of events."""
    return exchange.act == "humanitarian-notification" and _value(exchange, "kind") == "site"


def phase_of_launch(exchange: Exchange) -> str:
    """Return the phase of a launch; empty for any other event."""
    return str(_value(exchange, "phase")) if exchange.act == "launch-notice" else ""


def is_postponed(exchange: Exchange) -> bool:
    """Return whether an event is postponed to a time that no message has named yet."""
    postponements = exchange.acts.get("postponement", ())
    return (
        exchange.status == "postponed"
        and bool(postponements)
        and postponements[-1].said.position > naming_message(exchange).said.position
    )


def known_since(exchange: Exchange) -> datetime:
    """Return the time from which the present window is known.

    It is the time of the message that named it. A visit is known once it was accepted
    or granted.
    """
    stamps = [naming_message(exchange).said]
    if asks_to_visit(exchange):
        refused = max((item.said.position for item in exchange.acts.get("decline", ())), default=0)
        grants = (item.said for item in exchange.acts.get("grant", ()))
        stamps += [stamp for stamp in grants if stamp.position > refused][:1]
    if exchange.meeting is not None:
        stamps += [accepted.accepted for accepted in exchange.meeting.accepted.values()]
    return max(_utc(stamp.time) for stamp in stamps)


def naming_message(exchange: Exchange) -> Message:
    """Return the message that named the present window: the opening, or a later one."""
    if len(exchange.messages) == 1:
        return exchange.messages[0]
    positions = {*_changing(exchange), *_proposing(exchange)}
    return max(
        (message for message in exchange.messages if message.said.position in positions),
        key=lambda message: message.said.position,
        default=exchange.messages[0],
    )


def _changing(exchange: Exchange) -> Iterator[int]:
    """Yield the positions of the changes before which a window was not the present one.

    Each change keeps the value before it. A change that repeats the window, or gives an
    older value of it, comes after the present one and is not among them.
    """
    present = exchange.present
    for change in developments.changes(exchange):
        members = (name for name in _members(exchange) if name in change.fields)
        if any(not _is_same(change.was.get(name), present.get(name)) for name in members):
            yield developments.stamp_of(change).position


def _members(exchange: Exchange) -> tuple[str, ...]:
    """Return the members of the opening that name the window, or one end of it."""
    match exchange.act:
        case "launch-notice" if "window" not in exchange.present:
            return ("time",)
        case "humanitarian-notification" if "window" not in exchange.content:
            return ("departure", "arrival")
        case "visit-invitation":
            return ("dates",)
        case "visit-request":
            return ("arrival", "stay")
        case _:
            return ("window",)


def _proposing(exchange: Exchange) -> Iterator[int]:
    """Yield the positions of other acts that named another window."""
    for act in _PROPOSING:
        for item in exchange.acts.get(act, ()):
            if "windows" in item.content:
                yield item.said.position
    grants = exchange.acts.get("grant", ())
    for count, grant in enumerate(grants):
        if not _is_same(_granted_arrival(grants[:count]), _granted_arrival(grants[: count + 1])):
            yield grant.said.position


def _granted_arrival(grants: Sequence[Said]) -> Raw | None:
    """Return the arrival of the newest grants; None where it is as it was asked for.

    Of each side the newest grant counts.
    """
    newest = {grant.said.side: grant for grant in grants}
    naming = [grant for grant in newest.values() if "arrival" in grant.content]
    last = max(naming, key=lambda grant: grant.said.position, default=None)
    return None if last is None else last.content["arrival"]


def _is_same(before: Raw | None, after: Raw | None) -> bool:
    return (None if before is None else bytes(before)) == (None if after is None else bytes(after))


def _window(exchange: Exchange, name: str) -> EventWindow | None:
    value = _value(exchange, name)
    if not isinstance(value, dict) or "from" not in value:
        return None
    begins, ends = _utc(value["from"]), value["to"]
    if ends == UNTIL_FURTHER_NOTICE:
        return EventWindow(begins=begins, until_further_notice=True)
    return EventWindow(begins=begins, ends=_utc(ends))


def _between(exchange: Exchange, begins: str, ends: str) -> EventWindow | None:
    begin, end = _instant(_value(exchange, begins)), _instant(_value(exchange, ends))
    if begin is None:
        return None
    return EventWindow(begins=begin, ends=end if end is not None and end >= begin else None)


def _visit(exchange: Exchange) -> EventWindow | None:
    """Return the window of a visit that was granted.

    A grant may name another time of arrival than the request.
    """
    grants = exchange.acts.get("grant", ())
    if not grants or exchange.status in ("requested", "refused"):
        return None
    granted = _granted_arrival(grants)
    arrival = _instant(
        _value(exchange, "arrival") if granted is None else msgspec.json.decode(granted)
    )
    if arrival is None:
        return None
    stay = _window(exchange, "stay")
    ends = None if stay is None or stay.ends is None or stay.ends < arrival else stay.ends
    return EventWindow(begins=arrival, ends=ends)


def _value(exchange: Exchange, name: str) -> Any:
    raw = exchange.present.get(name)
    return None if raw is None else msgspec.json.decode(raw)


def _instant(value: Any) -> datetime | None:
    """Return the instant of a time, exact or rough; None where it is not known."""
    text = value.get("about") if isinstance(value, dict) else value
    return _utc(text) if isinstance(text, str) and text != field_checks.UNKNOWN else None


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)

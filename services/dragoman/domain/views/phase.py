"""The phase of a matter by its dates, besides its status; it is never stored.

N02   before valid_from: announced · then in_force · after valid_to: ended
N05   before the window: announced · in it: active · after it: ended
N08   four days after its last day: validity_ended
N10   before the window: announced · in it: active · after it: ended
N14   after its window: validity_ended
N15   after its window or its arrival: validity_ended
"""

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from dragoman.domain.acts.deadlines import profile_of
from dragoman.domain.acts.families.exchange import ENDED
from dragoman_schemas.fields import UNTIL_FURTHER_NOTICE
from dragoman_schemas.state import Exchange, Registry

_OVER: Final = (*ENDED, "cleared", "completed")


def phase_of(registry: Registry, exchange: Exchange, now: datetime) -> str:
    """Return the phase of an exchange at a moment.

    Empty where its dates say nothing, or it is over.
    """
    if exchange.status in _OVER:
        return ""
    content = {
        name: msgspec.json.decode(exchange.present[name])
        for name in _DATED
        if name in exchange.present
    }
    window = content.get("window")
    begins, ends = (
        _instant(window.get(end)) if isinstance(window, dict) else None for end in ("from", "to")
    )
    match exchange.act:
        case "point-of-contact":
            return _between(
                _instant(content.get("valid_from")),
                _instant(content.get("valid_to")),
                now,
                "in_force",
            )
        case "military-activity" | "danger-area":
            return _between(begins, ends, now, "active")
        case "launch-notice":
            last = ends or _instant(content.get("time"))
            limits, _ = profile_of(registry)
            return _ended(
                None if last is None else last + timedelta(seconds=limits.launch_valid), now
            )
        case "terrorism-warning":
            return _ended(ends, now)
        case "humanitarian-notification":
            return _ended(ends or _instant(content.get("arrival")), now)
        case _:
            return ""


_DATED: Final = ("window", "time", "valid_from", "valid_to", "arrival")


def _instant(value: Any) -> datetime | None:
    text = value.get("about") if isinstance(value, dict) else value
    if not isinstance(text, str) or text == UNTIL_FURTHER_NOTICE:
        return None
    return datetime.fromisoformat(text)


def _between(begins: datetime | None, ends: datetime | None, now: datetime, between: str) -> str:
    if begins is not None and now < begins:
        return "announced"
    return "ended" if ends is not None and now > ends else between


def _ended(last: datetime | None, now: datetime) -> str:
    return "validity_ended" if last is not None and now > last else ""

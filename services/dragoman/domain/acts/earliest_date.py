"""The first later days on which refused dates pass.

    refused    15 Dec 10:00 – 12:00    16 Dec 14:00 – 16:00
    earliest   18 Dec 10:00 – 12:00    19 Dec 14:00 – 16:00

Dates move by whole days and keep their hours. A window that begins after the earliest
time stays. The rule that refused the dates decides, so no second rule can differ.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from dragoman.domain.acts.deadline_builder import timestamp
from dragoman.domain.record.codec import Record, build, parse

_DAY: Final = timedelta(days=1)
_DAYS: Final = 366
"""The days that are searched. No limit of a profile needs more."""


def earliest(record: Record, rules: int, is_refused: Callable[[Record], bool]) -> datetime | None:
    """Return the beginning of the first window on the first later day that passes.

    Return None for an act without windows or dates, and if no day passes.
    """
    act = msgspec.json.decode(record.act)
    begins = _first(act)
    if begins is None:
        return None

    def passes(days: int) -> bool:
        moved = msgspec.json.encode(moved_to(act, begins + days * _DAY))
        return not is_refused(parse(build(record.envelope, moved), rules))

    passed_days = (datetime.fromisoformat(record.envelope.time) - begins) // _DAY
    first = max(1, passed_days)
    if not passes(first + _DAYS):
        return None
    days = next(days for days in range(first, first + _DAYS + 1) if passes(days))
    return begins + days * _DAY


def moved_to(act: Mapping[str, Any], earliest: datetime) -> dict[str, Any]:
    """Return an act whose first window begins at a time.

    All windows before that time move by the same number of days. Dates move likewise.
    """
    begins = _first(act)
    if begins is None:
        return dict(act)
    by = earliest - begins
    moved = dict(act)
    if "windows" in act:
        moved["windows"] = [
            _moved(window, by) if datetime.fromisoformat(window["from"]) < earliest else window
            for window in act["windows"]
        ]
    else:
        moved["dates"] = _moved(act["dates"], by)
    return moved


def _first(act: Mapping[str, Any]) -> datetime | None:
    """Return the earliest beginning of the windows or dates that an act names."""
    spans = act.get("windows") or [act.get("dates")]
    begins = [datetime.fromisoformat(span["from"]) for span in spans if isinstance(span, Mapping)]
    return min(begins, default=None)


def _moved(span: Mapping[str, str], by: timedelta) -> dict[str, str]:
    return {end: timestamp(datetime.fromisoformat(time) + by) for end, time in span.items()}

"""Times that were typed into a form, and the members of acts that hold such times."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Final, Literal
from zoneinfo import ZoneInfo

from dragoman.console.input import times
from dragoman.i18n.words import as_moment

AHEAD: Final = frozenset(
    {
        *(
            "next_update",
            "next_word_by",
            "reply_wanted_by",
            "due",
            "wanted_by",
            "valid_from",
            "valid_to",
            "window",
            "windows",
        ),
        *("dates", "period", "ends", "expires", "ready_by", "arrival", "departure"),
        *("by_when", "begins"),
    }
)
"""Members that hold future times: a time without a day means the next such time."""


DAYS: Final[Mapping[str, Literal["", "from", "to"]]] = {
    "period": "",
    "dates": "",
    "begins": "from",
    "valid_from": "from",
    "valid_to": "to",
    **dict.fromkeys(
        ("reply_wanted_by", "due", "wanted_by", "expires", "ready_by", "by_when"), "to"
    ),
}
"""Members that accept a day or a month alone, and the second that it then means.

`from` means its first second and `to` its last one. Empty is for both ends of a span.
"""


ENDS: Final = {"to": "from", "ended": "began", "valid_to": "valid_from", "arrival": "departure"}
"""Members that are the end of a span, and the members that are its beginning."""


def zulu(moment: datetime) -> str:
    """Return a moment as acts have it: in UTC, to the second, with a Z."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def read_moment(
    text: str,
    now: datetime,
    zone: ZoneInfo,
    *,
    ahead: bool,
    begins: str = "",
    days: Literal["", "from", "to"] = "",
    beside: str = "",
) -> datetime:
    """Return a time as it was typed.

    `zone` is the officer's own. `ahead` is true for members of times to come.
    `begins` is the beginning of the span that the time ends, and `beside` is the text
    that was typed for that beginning. `days` names the end of a span of days: a day
    alone then means its first or its last second in UTC. Raises `NotUnderstoodInput`.
    """
    if days:
        result = times.read_days(
            text, as_moment(begins).date() if begins else (now - times.BEGUN).date()
        )
        if result is not None:
            return datetime.combine(
                result[days == "to"], time(23, 59, 59) if days == "to" else time(), UTC
            )
    if begins:
        unsaid = times.zone_of(beside, zone)
        return times.read_end(text, now, zone, as_moment(begins), ahead=ahead, unsaid=unsaid)
    read = times.read_moment if ahead else times.read_time
    return read(text, now, zone)

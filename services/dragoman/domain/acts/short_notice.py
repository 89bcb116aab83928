"""The refusal of dates that leave another side too little time.

    a window, dates or a date of reply that are over     refused
    windows or dates of a meeting or an invitation       refused if the limit is short

Dates that are over are accepted in an act that is entered for the record. A limit is
short if another side's binding limit to answer, which is counted from the dates, would
end within 48 hours. The limits of calls, visits of concern and meetings on a ladder are
counted from the request alone, so no date makes them short.

Only a gateway refuses such dates when it posts. The fold ignores this rule, so old logs
stay valid.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw

from dragoman.domain.acts import deadlines
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import NameValue, sentence
from dragoman_schemas.act_frame import Continuing, OpeningAct
from dragoman_schemas.acts.continuing import Amendment, Correction, Update
from dragoman_schemas.state import Exchange, Registry

SHORTEST: Final = timedelta(hours=48)
_DATED: Final = ("windows", "dates")
_NAMES: Final = (b'"windows":', b'"dates":', b'"reply_wanted_by":')


def names_dates(record: Record) -> bool:
    """Return whether an act may name such a date.

    Most acts do not, and need not be checked.
    """
    return any(name in record.act for name in _NAMES)


def check(
    registry: Registry, exchange: Exchange, record: Record, calendars: dict[str, DutyCalendar]
) -> Refusal | None:
    """Refuse an officer's act whose dates are over or too soon.

    `exchange` is the exchange after the act.
    """
    data = record.data
    if (
        not isinstance(data, OpeningAct | Continuing)
        or getattr(data, "for_the_record", UNSET) is True
    ):
        return None
    if exchange.for_the_record:
        return None
    now = datetime.fromisoformat(record.envelope.time)
    return _over(exchange, record, now) or _short(registry, exchange, record, calendars, now)


def _over(exchange: Exchange, record: Record, now: datetime) -> Refusal | None:
    """Refuse an act that names a time which is over."""
    for pointer, text in _ends(exchange, record):
        if datetime.fromisoformat(text) <= now:
            return invalid(
                pointer, sentence("%(t)s is over; name a time that is still to come", t=text)
            )
    return None


def _ends(exchange: Exchange, record: Record) -> Iterator[tuple[str, str]]:
    """Yield the ends of the windows that an act names, with pointers to them.

    The time by which a reply is wanted is among them.
    """
    content = {
        name: msgspec.json.decode(value) for name, value in content_of(record.newest).items()
    }
    prefix = "/fields" if isinstance(record.data, Correction | Update | Amendment) else ""
    members: dict[str, Any] = content.get("fields", {}) if prefix else content
    if exchange.family == "meeting":
        for index, window in enumerate(members.get("windows", ())):
            yield f"{prefix}/windows/{index}/to", window["to"]
        if isinstance(members.get("dates"), dict):
            yield f"{prefix}/dates/to", members["dates"]["to"]
    if exchange.act == "contact-note" and isinstance(members.get("reply_wanted_by"), str):
        yield f"{prefix}/reply_wanted_by", members["reply_wanted_by"]


def _short(
    registry: Registry,
    exchange: Exchange,
    record: Record,
    calendars: dict[str, DutyCalendar],
    now: datetime,
) -> Refusal | None:
    """Refuse windows or dates that would make a binding limit to answer too short.

    An answer that is due at the proposed time itself has all the time there is.
    """
    if exchange.act not in ("meeting-request", "visit-invitation") or exchange.invokes:
        return None
    if bytes(exchange.content.get("kind", b"")) == b'"visit_of_concern"':
        return None
    content = content_of(record.newest)
    pointer = next((name for name in _DATED if name in content), "")
    for clock in deadlines.deadlines_of(registry, exchange, calendars) if pointer else ():
        is_set_now = (
            clock.clock == "answer"
            and clock.started_by == record.envelope.id
            and clock.binding
            and clock.side != record.side
        )
        is_at_proposed_time = clock.due in _begins(content)
        if is_set_now and not is_at_proposed_time and clock.due - now < SHORTEST:
            detail = sentence(
                "%(side)s would have to answer by %(t)s, which is less than 48 hours ahead; "
                "name a time that leaves it longer",
                side=NameValue("side", clock.side),
                t=deadlines.timestamp(max(clock.due, now)),
            )
            return invalid(f"/{pointer}", detail)
    return None


def _begins(content: dict[str, Raw]) -> set[datetime]:
    """Return the times at which the proposed windows begin."""
    windows = msgspec.json.decode(content["windows"]) if "windows" in content else []
    return {datetime.fromisoformat(window["from"]).astimezone(UTC) for window in windows}

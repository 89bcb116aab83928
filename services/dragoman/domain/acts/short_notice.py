"""What a gateway refuses to post because it would set another side a time that nobody can keep. The fold knows nothing of it: old logs stay valid.

    a window, dates or a date of reply that are over     refused, unless entered for the record
    windows or dates of a meeting or an invitation       refused where another side's binding limit to answer, which is counted from
                                                         them, would end within 48 hours

The limits of calls, visits of concern and meetings on a ladder are counted from the
request alone, so no date makes them short.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET

from dragoman.domain.acts import deadlines
from dragoman.domain.acts.deadlines import DutyCalendar
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
    """Say whether an act may name such a date: most do not, and need not be looked at."""
    return any(name in record.act for name in _NAMES)


def check(
    registry: Registry, exchange: Exchange, record: Record, calendars: dict[str, DutyCalendar]
) -> Refusal | None:
    """Refuse an officer's act whose dates are over or too soon; `exchange` is what the act makes of it."""
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
    for pointer, text in _ends(exchange, record):
        if datetime.fromisoformat(text) <= now:
            return invalid(
                pointer, sentence("%(t)s is over; name a time that is still to come", t=text)
            )
    return None


def _ends(exchange: Exchange, record: Record) -> Iterator[tuple[str, str]]:
    """Yield the ends of the windows that an act names, and when a reply is wanted, with pointers to them."""
    content = {
        name: msgspec.json.decode(value) for name, value in content_of(record.newest).items()
    }
    before = "/fields" if isinstance(record.data, Correction | Update | Amendment) else ""
    named: dict[str, Any] = content.get("fields", {}) if before else content
    if exchange.family == "meeting":
        for index, window in enumerate(named.get("windows", ())):
            yield f"{before}/windows/{index}/to", window["to"]
        if isinstance(named.get("dates"), dict):
            yield f"{before}/dates/to", named["dates"]["to"]
    if exchange.act == "contact-note" and isinstance(named.get("reply_wanted_by"), str):
        yield f"{before}/reply_wanted_by", named["reply_wanted_by"]


def _short(
    registry: Registry,
    exchange: Exchange,
    record: Record,
    calendars: dict[str, DutyCalendar],
    now: datetime,
) -> Refusal | None:
    if exchange.act not in ("meeting-request", "visit-invitation") or exchange.invokes:
        return None
    if bytes(exchange.content.get("kind", b"")) == b'"visit_of_concern"':
        return None
    raw_records = content_of(record.newest)
    pointer = next((name for name in _DATED if name in raw_records), "")
    for clock in deadlines.running(registry, exchange, calendars) if pointer else ():
        is_set_now = (
            clock.clock == "answer"
            and clock.started_by == record.envelope.id
            and clock.binding
            and clock.side != record.side
        )
        if is_set_now and clock.due - now < SHORTEST:
            text = sentence(
                "%(side)s would have to answer by %(t)s, which is less than 48 hours ahead; name a time that leaves it longer",
                side=NameValue("side", clock.side),
                t=deadlines.written(max(clock.due, now)),
            )
            return invalid(f"/{pointer}", text)
    return None

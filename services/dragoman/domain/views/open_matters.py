"""Open matters: every exchange that is not settled, and what is owed in it next.

A matter is open while one of these is true:

    incident       it is a hazardous incident, an encounter or an emergency,
                   and it is not closed or cancelled
    no answer      it is a request for explanation, a warning or an inquiry,
                   and its status says that the answer is missing
    duty           any side owes an acknowledgement, an answer to a question
                   or a report, with a limit or without
    draft          it goes round on a desk, and silence has not agreed to it yet

The yearly reconfirmation of a point of contact or a protected site is upkeep. It makes
a matter only when a test of the contact has failed, or the limit has passed on record.
Otherwise no channel that has a contact could ever be quiet.

All of it follows from the exchange and the channel at a position, and from no clock.
For the same position the list is always the same. The higher precedence comes first.
Then comes what waits for an acknowledgement, the oldest first, and then what is due
next.

A report that is joined to an earlier one is named in the row of that one. It has a row
of its own only while something is owed in it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from dragoman.domain.acts import (
    accounts,
    closing,
    consent,
    deadline_acts,
    deadline_outcomes,
    deadlines,
    two_keys,
)
from dragoman.domain.acts.deadlines import Deadline
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.acts.families.exchange import (
    ASKING,
    ENDED,
    owes_acknowledgement,
    owes_answer,
    owing_receipt,
)
from dragoman.domain.acts.families.joining import INCIDENTS
from dragoman.domain.acts.line_checks import is_line_check
from dragoman.domain.acts.window_notices import ANNOUNCED
from dragoman.domain.views import open_questions
from dragoman.domain.views.titles import subject_of
from dragoman_schemas.responses import JoinedReport
from dragoman_schemas.state import Exchange, Registry
from dragoman_schemas.state_responses import OpenMatter, Owing

_REPORTED_LATER: Final = {
    "military-activity": "after-activity-report",
    "immediate-notification": "amplification",
}
"""Formats that owe one more act, and that act."""

_OWED_LATER: Final = frozenset({"undertaking", "data-series", "transmittal", "roadmap-item"})
_CONFIRMED: Final = frozenset({"point-of-contact", "humanitarian-notification"})
_ANSWERS: Final = frozenset({"answer", "explanation_answer", "echo"})

ANSWER_DUTIES: Final = _ANSWERS | {"clarification", "transmittal_answer"}
"""Duties that a side ends by answering."""

RECEIPTS: Final = frozenset({"acknowledgement", "echo"})
"""Duties that a side ends with a receipt."""

WATCH: Final = timedelta(hours=24)
"""The time ahead that a watch looks at. Lists fold away what is due later."""

_PRECEDENCES: Final = ("flash", "immediate", "priority", "routine")
_KINDS: Final = ("kind", "hazard", "threat", "form")
_PLACES: Final = ("place", "launch_area", "venue")


def is_beyond_watch(clock: str, due: datetime, now: datetime) -> bool:
    """Return whether a duty is due beyond the watch; a receipt never is."""
    return clock not in RECEIPTS and due > now + WATCH


def open_matter(
    registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar]
) -> OpenMatter | None:
    """Return an exchange as an open matter; None where it is settled."""
    if registry.ended is not None or not may_be_open(exchange):
        return None
    owed = sorted(
        owing(registry, exchange, calendars),
        key=lambda duty: (duty.due or "~", duty.side, duty.clock, duty.started_by),
    )
    waits = exchange.status in ASKING.get(exchange.act, ()) or any(closing.silence_limits(exchange))
    if not (_is_incident(exchange) or waits or owed):
        return None
    newest = exchange.messages[-1]
    kind = next((exchange.content[name] for name in _KINDS if name in exchange.content), None)
    waiting = _unacknowledged(exchange)
    joined = exchange.joined
    fields = accounts.differing(exchange)
    return OpenMatter(
        exchange=exchange.id,
        number=exchange.number,
        act=exchange.act,
        family=exchange.family,
        status=exchange.status,
        side=exchange.side,
        to=exchange.to,
        precedence=exchange.precedence,
        subject=subject_of(exchange),
        kind="" if kind is None else str(msgspec.json.decode(kind)),
        place=next((exchange.present[name] for name in _PLACES if name in exchange.present), UNSET),
        opened=exchange.opened.time,
        newest_act=newest.act,
        newest_side=newest.said.side,
        newest_time=newest.said.time,
        acknowledged={side: time for side, time in _acknowledged(exchange) if side not in waiting},
        unacknowledged_by=tuple(sorted(waiting)),
        accounts=_accounts(exchange, fields),
        accounts_by=tuple(exchange.accounts),
        differing=tuple(dict.fromkeys(name for names in fields.values() for name in names)),
        owed=tuple(owed),
        joined_to=joined.of if joined is not None and joined.agreed is not None else "",
    )


def in_order(matters: Iterable[OpenMatter]) -> list[OpenMatter]:
    """Return matters, the most urgent first; reports of one event are one of them."""
    return sorted(_joined(matters), key=_urgency)


def _joined(matters: Iterable[OpenMatter]) -> Iterator[OpenMatter]:
    """Yield matters, each with the other reports that are one matter with it."""
    by_id = {matter.exchange: matter for matter in matters}
    pairs = [
        (matter, by_id[matter.joined_to]) for matter in by_id.values() if matter.joined_to in by_id
    ]
    for matter in by_id.values():
        others = [later for later, earlier in pairs if earlier is matter]
        earlier = by_id.get(matter.joined_to)
        if earlier is None or matter.owed or others:
            reports = (*others, *([] if earlier is None else [earlier]))
            yield replace(matter, joined=tuple(map(_report, reports))) if reports else matter


def _report(matter: OpenMatter) -> JoinedReport:
    return JoinedReport(
        exchange=matter.exchange,
        number=matter.number,
        act=matter.act,
        side=matter.side,
        status=matter.status,
        subject=matter.subject,
    )


def _urgency(matter: OpenMatter) -> tuple[int, bool, str, str, str]:
    waits = bool(matter.unacknowledged_by)
    due = "" if waits else next((duty.due for duty in matter.owed if duty.due), "~")
    return _PRECEDENCES.index(matter.precedence), not waits, due, matter.opened, matter.exchange


def may_be_open(exchange: Exchange) -> bool:
    """Return whether an exchange can be an open matter, under whatever limits.

    It is a quick test, which is false for most exchanges.
    """
    if owes_acknowledgement(exchange) or two_keys.due(exchange):
        return True
    if exchange.status in ENDED:
        return False
    return (
        _is_incident(exchange)
        or exchange.act in ASKING
        or exchange.act in ANNOUNCED
        or exchange.act in _OWED_LATER
        or exchange.act in _CONFIRMED
        or exchange.meeting is not None
        or bool(owes_answer(exchange))
        or (exchange.act in _REPORTED_LATER and _REPORTED_LATER[exchange.act] not in exchange.acts)
        or any(message.act == "clarification-request" for message in exchange.messages)
        or any(closing.objection_limits(exchange))
        or any(closing.silence_limits(exchange))
    )


def _is_incident(exchange: Exchange) -> bool:
    return exchange.act in INCIDENTS and exchange.status not in ENDED


# What is owed


def owing(
    registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar]
) -> Iterator[Owing]:
    """Yield the duties in an exchange, with the sides that owe them.

    A duty has a limit, or none where the channel or the act has none.
    """
    if registry.ended is not None:
        return
    limited: set[tuple[str, str]] = set()
    for clock in deadlines.deadlines_of(registry, exchange, calendars):
        if not deadline_outcomes.is_owed(exchange, clock) or _is_upkeep(exchange, clock):
            continue
        limited.add(("answer" if clock.clock in _ANSWERS else clock.clock, clock.side))
        yield Owing(
            clock=clock.clock,
            side=clock.side,
            due=deadlines.timestamp(clock.due),
            begins=deadlines.timestamp(clock.begins),
            started_by=clock.started_by,
            binding=clock.binding,
        )
    for what, side, message in _unlimited(exchange):
        if (what, side) not in limited:
            limited.add((what, side))
            yield Owing(clock=what, side=side, started_by=message)


def _unlimited(exchange: Exchange) -> Iterator[tuple[str, str, str]]:
    """Yield the duties that follow from the messages themselves.

    Each is the act, the side, and the message that asks for it.
    """
    for message in exchange.messages if not is_line_check(exchange) else ():
        for side in owing_receipt(exchange, message):
            yield "acknowledgement", side, message.id
    if exchange.status in ENDED:
        return
    for side in sorted(owes_answer(exchange)):
        yield "answer", side, exchange.id
    for questions in open_questions.unanswered(exchange):
        # The answer that is owed to an opening covers the opening's own questions.
        if questions.message != exchange.id:
            yield "clarification", questions.side, questions.message


def _unacknowledged(exchange: Exchange) -> set[str]:
    """Return the sides that have not acknowledged something.

    A missed line check waits for nobody.
    """
    return set() if exchange.status == "missed" else owes_acknowledgement(exchange)


def _acknowledged(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """Yield each addressee, with the time of its newest acknowledgement."""
    for message in exchange.messages:
        for side in message.to:
            if side in message.acknowledged:
                yield side, message.acknowledged[side].time


def _is_upkeep(exchange: Exchange, clock: Deadline) -> bool:
    """Return whether a deadline is for the next confirmation of a sound entry."""
    if clock.clock != "reconfirmation":
        return False
    failed = {test.id for test in deadlines.failed_tests(exchange)}
    return (
        clock.started_by not in failed
        and deadline_acts.recorded_step(exchange, clock) < deadlines.LAPSE
    )


def _accounts(
    exchange: Exchange, fields: dict[str, list[str]]
) -> Literal["", "beside", "differ", "agreed"]:
    if consent.is_facts_agreed(exchange):
        return "agreed"
    if not exchange.accounts:
        return ""
    return "differ" if any(fields.values()) else "beside"

"""Mechanisms with their meetings and matters: what talks and what does not.

    next due = the last meeting, or the coming into force if that is later,
               plus `period_months`

A mechanism has a next date only while it is in force and has a period. A meeting
belongs to the mechanism that its member `mechanism` names, by number or id. No status
of a mechanism has an effect on any message.
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct

from dragoman.domain.acts import consent
from dragoman.domain.acts.families import mechanism
from dragoman.domain.views import undertakings
from dragoman.domain.views.answers import answers
from dragoman_schemas.agreement_responses import MechanismView, MechanismWord
from dragoman_schemas.responses import Link
from dragoman_schemas.state import Exchange, Said, Stamp

_ASKED: Final = frozenset({"requested", "postponed", "accepted"})
"""The statuses of a meeting that is still to come."""


class MechanismMatters(Struct, frozen=True, kw_only=True):
    """A mechanism with the exchanges that refer to it, and the undertakings of these.

    `referring` are exchanges that name the mechanism. `undertakings` are those that
    came out of one of them.
    """

    mechanism: Exchange
    referring: tuple[Exchange, ...] = ()
    undertakings: tuple[Exchange, ...] = ()


def mechanism_view(matters: MechanismMatters, sides: Sequence[str], now: datetime) -> MechanismView:
    """Return a mechanism as it is at a moment."""
    state = matters.mechanism
    names = {state.id, state.number} - {""}
    meetings = [item for item in matters.referring if _word(item, "mechanism") in names]
    newest_meeting = max((time for item in meetings for time in _times_held(item)), default=None)
    in_force = _in_force_since(state)
    months = int(_decoded(state, "period_months", 0))
    begins = max((time for time in (newest_meeting, in_force) if time is not None), default=None)
    due = None if not months or in_force is None or begins is None else later(begins, months)
    out_of_it = {name for item in meetings for name in (item.id, item.number)} | names
    views = [
        undertakings.undertaking_view(item, sides, now)
        for item in matters.undertakings
        if _word(item, "of") in out_of_it
    ]
    ends = state.acts.get("mechanism-end", ())
    return MechanismView(
        exchange=state.id,
        number=state.number,
        name=Raw(state.content["name"]),
        level=_word(state, "level"),
        status=state.status,
        since=_since(state),
        answers=tuple(answers(state).values()),
        overdue=due is not None and now > due,
        chairs=_decoded(state, "chairs", {}),
        areas=tuple(_decoded(state, "areas", ())),
        instrument=_word(state, "instrument"),
        period_months=months or UNSET,
        suspended_by=tuple(_suspensions(state, sides)),
        ended_by=_said(ends[-1]) if ends and state.status == "ended" else UNSET,
        resuming=tuple(side for side in sides if side in mechanism.resumed_by(state))
        if state.status == "ended"
        else (),
        last_held="" if newest_meeting is None else _text(newest_meeting),
        next_due="" if due is None else _text(due),
        meetings=tuple(link(item) for item in meetings if item.status in _ASKED),
        undertakings=tuple(
            view for view in undertakings.in_order(views) if view.standing in undertakings.OPEN
        ),
        papers=tuple(
            link(item)
            for item in matters.referring
            if item.act == "reference-document"
            and names & {*_decoded(item, "references", ())}
            and item.cancellation is None
        ),
    )


def link(exchange: Exchange) -> Link:
    """Return an exchange as a link."""
    return Link(
        exchange=exchange.id,
        number=exchange.number,
        act=exchange.act,
        status=exchange.status,
        kind=_word(exchange, "kind"),
    )


def later(moment: datetime, months: int) -> datetime:
    """Return the moment some months later.

    In a month without that day, it is the last day of the month.
    """
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def _times_held(meeting: Exchange) -> Iterator[datetime]:
    """Yield the beginnings of a meeting, each time that it was held."""
    for item in () if meeting.meeting is None else meeting.meeting.held:
        if item.from_[:1].isdigit():
            yield datetime.fromisoformat(item.from_).astimezone(UTC)


def _suspensions(state: Exchange, sides: Sequence[str]) -> Iterator[MechanismWord]:
    """Yield each suspension that is not taken back, in the order of the sides."""
    if state.status != "suspended":
        return
    suspending = mechanism.suspended_by(state)
    newest = {item.said.side: item for item in state.acts.get("mechanism-suspension", ())}
    for side in sides:
        if side in suspending:
            yield _said(newest[side])


def _said(item: Said) -> MechanismWord:
    return MechanismWord(
        side=item.said.side,
        since=_when(item.said, item),
        position=item.said.position,
        reason=Raw(item.content["reason"]),
    )


def _in_force_since(state: Exchange) -> datetime | None:
    """Return since when a mechanism is in force; None if it is not."""
    if state.status != "in_force":
        return None
    agreements = consent.counting(state, ("agreement",), consent.text_terms(state))
    deciding = [*state.acts.get("mechanism-resumption", ()), *agreements]
    newest = max(deciding, key=lambda item: item.said.position, default=None)
    text = _opened(state) if newest is None else _when(newest.said, newest)
    return datetime.fromisoformat(text).astimezone(UTC)


def _since(state: Exchange) -> str:
    """Return the time of a mechanism's present status."""
    in_force = _in_force_since(state)
    if in_force is not None:
        return _text(in_force)
    if state.status == "suspended":
        sides = sorted(mechanism.suspended_by(state))
        return min(word.since for word in _suspensions(state, sides))
    ends = state.acts.get("mechanism-end", ())
    return _said(ends[-1]).since if state.status == "ended" else _opened(state)


def _opened(state: Exchange) -> str:
    return _word(state, "dtg") or state.opened.when


def _when(stamp: Stamp, item: Said) -> str:
    """Return the sender's own date of an act, or else the time when it was said."""
    dated = item.content.get("dtg")
    return stamp.when if dated is None else str(msgspec.json.decode(dated))


def _text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _word(state: Exchange, name: str) -> str:
    """Return a member as text; empty where the act does not have it."""
    return str(_decoded(state, name, ""))


def _decoded(state: Exchange, name: str, default: Any) -> Any:
    raw = state.content.get(name)
    return default if raw is None else msgspec.json.decode(bytes(raw))

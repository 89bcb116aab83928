"""Periods of statistics and reports, as officers write times in an address.

?from=24 Nov 2026&to=26 Nov 06:00Z
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct, field
from msgspec.structs import replace

from dragoman.console.page.context import PageContext
from dragoman.document.blocks import Form, FormField, line
from dragoman.domain.acts.deadlines import timestamp
from dragoman.i18n.words import as_moment
from dragoman.members import unread_input
from dragoman.members.input import not_understood, times
from dragoman.members.runs import PageLink, Runs, listed
from dragoman.projection.moments import after
from dragoman.projection.queries.snapshot import PeriodQuery

_LONGEST: Final = not_understood.LONGEST + 1
_MIDNIGHT: Final = " 00:00Z"


class TypedPeriod(Struct, frozen=True, kw_only=True):
    """The ends of a period, as they were typed."""

    from_: str = field(name="from", default="")
    to: str = ""


class PeriodFault(NamedTuple):
    """A field of a form that was not read, and a sentence that says what to do."""

    field: str
    sentence: str


class Period(Struct, frozen=True, kw_only=True):
    """A period as it was written, and the query for it.

    Where there are faults, the query must not be used.
    """

    from_: str
    to: str
    query: PeriodQuery
    faults: tuple[PeriodFault, ...] = ()


def period_of(context: PageContext) -> Period:
    """Return the period of a request, in any notation of times.

    A day alone begins at midnight UTC. An end that has not passed yet is left out.
    """
    query = context.asked(TypedPeriod)
    from_, to = query.from_[:_LONGEST], query.to[:_LONGEST]
    faults: list[PeriodFault] = []
    begins, ends = (
        _read(context, name, text, faults) for name, text in (("from", from_), ("to", to))
    )
    moment = _known(context)
    if ends is not None and ends >= moment:
        ends = None
    if not faults and ends is not None and ends <= as_moment(context.registry.opened.time):
        faults.append(
            PeriodFault(
                "to", context.words.say("The channel had not been opened then. Write a later end.")
            )
        )
    if not faults and begins is not None and begins >= (ends or moment):
        faults.append(
            PeriodFault(
                "from",
                context.words.say("The period begins when it is over. Write an earlier beginning."),
            )
        )
    period_query = replace(
        moment_query(context) if ends is None else PeriodQuery(to=timestamp(ends)),
        from_=None if begins is None else timestamp(begins),
    )
    return Period(from_=from_, to=to, query=period_query, faults=tuple(faults))


def moment_query(context: PageContext) -> PeriodQuery:
    """Return the query for everything up to the moment of a page."""
    if not context.past_time:
        return PeriodQuery(at=context.at)
    return PeriodQuery(at=context.at, to=timestamp(context.moment + timedelta(milliseconds=1)))


def too_much(context: PageContext, field: str) -> PeriodFault:
    """Return the fault of a period that has more exchanges than one answer can have."""
    return PeriodFault(
        field,
        context.words.say(
            "This period has too many exchanges for one answer. Choose a shorter period."
        ),
    )


def period_fields(context: PageContext, period: Period) -> tuple[FormField, FormField]:
    """Return the fields of a period as it was written, with its faults."""
    say, faults = context.words.say, dict(period.faults)
    begins = say("Any notation: 24 Nov 2026, 0305Z, 240305Z NOV 26.")
    ends = say("Empty is until now.")
    return (
        line("from", say("From"), period.from_, begins, faults.get("from", "")),
        line("to", say("To, not included"), period.to, ends, faults.get("to", "")),
    )


def period_form(
    context: PageContext, period: Period, page: str, *parts: FormField, fold: str = ""
) -> Form:
    """Return the form that asks for another period of a page."""
    say = context.words.say
    return Form(
        to=page,
        gets=True,
        label=say("Period"),
        parts=(*period_fields(context, period), *parts),
        button=say("Show the period"),
        beside=spans(context),
        fold=fold,
    )


def spans(context: PageContext, page: str = "") -> Runs:
    """Return links to the usual periods within the channel's life.

    They lead to a page of the channel, or to this page.
    """
    words, now = context.words, context.moment
    begins = (
        (words.say("24 hours"), now - timedelta(days=1)),
        (words.say("7 days"), now - timedelta(days=7)),
        (words.say("30 days"), now - timedelta(days=30)),
        (
            words.say("this year"),
            now.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0),
        ),
    )
    opened = as_moment(context.registry.opened.time)
    links = (span(context, name, moment, page) for name, moment in begins if opened < moment < now)
    return listed(links, " ")


def span(context: PageContext, name: str, begins: datetime, page: str = "") -> PageLink:
    """Return the link to a period until now."""
    query = {"from": f"{begins:%Y-%m-%dT%H:%M:%SZ}"}
    if page:
        return PageLink(name, page, query=query)
    return PageLink(name, f"/{context.again(**query, to='')}")


def _known(context: PageContext) -> datetime:
    """Return the time up to which the log is known, or that of the past position.

    A record that was folded since the end of the log was last seen counts, too.
    """
    as_of = "" if context.past else context.service.as_of(context.projection)
    if not as_of:
        return context.moment
    recorded = after(context.projection.state.time)
    return max(recorded, min(context.moment, as_moment(as_of)))


def _read(context: PageContext, name: str, text: str, faults: list[PeriodFault]) -> datetime | None:
    """Return a time of the form; None for an empty or unreadable field.

    A fault is added for an unreadable field.
    """
    if not text.strip():
        return None
    try:
        return _time(text, context.moment, context.zone)
    except not_understood.NotUnderstoodInput as unread:
        faults.append(PeriodFault(name, unread_input.explanation(context.words, unread)))
        return None


def _time(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return a time; a day alone begins at midnight.

    Such a day's year could be taken for a time of day.
    """
    try:
        return times.read_time(text, now, zone)
    except not_understood.NotUnderstoodInput as unread:
        if unread.code not in ("day_only", "ambiguous_time"):
            raise
        try:
            return times.read_time(text.strip() + _MIDNIGHT, now, zone)
        except not_understood.NotUnderstoodInput:
            raise unread from None

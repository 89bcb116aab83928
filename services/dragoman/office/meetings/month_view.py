"""The calendar of a month: duty days, holidays, hours, meetings, and announcements.

Every side's days look alike. A day is a day in UTC. Its date at a side's office says
whether it is a duty day or a holiday of that side.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, NamedTuple

import msgspec
from babel import Locale
from babel.dates import format_skeleton, get_day_names
from markupsafe import Markup
from msgspec import Raw, Struct

from dragoman.console.display.meeting_summary import (
    TimeWindow,
    instant,
    offices_of,
    state_of,
    windows,
)
from dragoman.console.display.office_clocks import Office
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.domain.acts import deadlines, event_windows
from dragoman.domain.acts.duty_calendar import WEEK, DutyCalendar
from dragoman.domain.acts.families.exchange import own_markings
from dragoman.domain.views.titles import subject_of
from dragoman.i18n.words import Words, stamp
from dragoman.projection.view import View
from dragoman.text import sentence
from dragoman_schemas.state import Exchange

_ANNOUNCED: Final = event_windows.ENDED_BY_WORD - {"humanitarian-notification"}
"""Formats of announced events on the page: those for which others keep clear."""

_TAKEN_BACK: Final = frozenset({"cancelled", "withdrawn", "declined"})
_MONTH: Final = re.compile(r"([1-9][0-9]{3})-(0[1-9]|1[0-2])")
_DAY: Final = timedelta(days=1)
_MOST: Final = 500
"""The most matters of one month on the page. Nobody reads more in a calendar."""


class DutyDay(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A side's day: a duty day, a holiday, a day off, or watched at all hours.

    `hours` are the office's hours within the day in UTC.
    """

    side: str
    state: Literal["duty", "holiday", "off", "always"]
    hours: tuple[TimeWindow, ...] = ()


class MonthEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event: a meeting in one of its windows, or an announcement.

    `state` is the state of a meeting. An announcement until further notice has no
    `ends`: it is on every day from its beginning.
    """

    exchange: str
    number: str
    act: str
    side: str
    subject: Raw
    status: str
    state: str = ""
    begins: str
    ends: str = ""
    marking: str = ""


class MonthDay(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A day of the calendar."""

    date: str
    within: bool
    duties: tuple[DutyDay, ...]
    events: tuple[MonthEvent, ...] = ()


class Month(Struct, frozen=True, kw_only=True):
    """A month in whole weeks, from Monday to Sunday.

    The days `within` belong to the month. `more` says that the page leaves events out.
    """

    channel: str
    position: int
    month: str
    days: tuple[MonthDay, ...]
    more: bool = False


class MonthRow(Struct, frozen=True, kw_only=True):
    """A side's day, or an event of a day, as a row of a table."""

    date: str
    side: str
    what: str
    state: str
    begins: str = ""
    ends: str = ""
    number: str = ""
    exchange: str = ""
    marking: str = ""


class _MonthParts(NamedTuple):
    month: Month
    offices: tuple[Office, ...]


class MonthQuery(Struct, frozen=True, kw_only=True):
    """The month, like 2026-11; empty for the page's own."""

    month: str = ""


async def calendar(context: PageContext) -> Page:
    """Return the page of a month."""
    first = _first(context)
    result = await context.ask(_read, first)
    weeks = [result.month.days[place : place + 7] for place in range(0, len(result.month.days), 7)]
    locale = Locale.parse(context.words.tag, sep="-")
    return Page(
        template="meeting_calendar.html",
        view=result.month,
        rows=[line for day in result.month.days if day.within for line in _lines(day)],
        values={
            "weeks": weeks,
            "first": first,
            "title": format_skeleton("yMMMM", first, locale=locale),
            "weekdays": [get_day_names("wide", locale=locale)[day] for day in range(7)],
            "day": date.fromisoformat,
            "before": f"{first - _DAY:%Y-%m}",
            "after": f"{_next(first):%Y-%m}",
            "today": context.moment.date().isoformat(),
            "offices": result.offices,
            "bar": bar,
            "span": lambda event, day: _span(event, day, context.words),
        },
    )


def _first(context: PageContext) -> date:
    """Return the first day of the requested month. Raises `Refused`."""
    text = context.asked(MonthQuery).month or f"{context.moment:%Y-%m}"
    read = _MONTH.fullmatch(text)
    if read is None or int(read[1]) < 1900:
        raise refused(
            "bad-request",
            sentence("There is no month %(month)s; write it like 2026-11.", month=text[:20]),
        )
    return date(int(read[1]), int(read[2]), 1)


def _next(first: date) -> date:
    return (first.replace(day=28) + 4 * _DAY).replace(day=1)


def _read(view: View, first: date) -> _MonthParts:
    begins = first - first.weekday() * _DAY
    last = _next(first) - _DAY
    ends = last + (7 - last.weekday()) * _DAY
    offices = offices_of(view)
    events = [event for event in _events(view) if _overlaps(event, begins, ends)]
    events.sort(key=lambda month_event: (month_event.begins, month_event.exchange))
    days = [begins + count * _DAY for count in range((ends - begins).days)]
    month = Month(
        channel=view.registry.name,
        position=view.position,
        month=f"{first:%Y-%m}",
        days=tuple(
            MonthDay(
                date=day.isoformat(),
                within=day.month == first.month,
                duties=tuple(duty(office, view.calendars[office.side], day) for office in offices),
                events=tuple(
                    event for event in events[:_MOST] if _overlaps(event, day, day + _DAY)
                ),
            )
            for day in days
        ),
        more=len(events) > _MOST,
    )
    return _MonthParts(month, offices)


def _overlaps(event: MonthEvent, begins: date, ends: date) -> bool:
    first, last = (
        stamp(datetime(item.year, item.month, item.day, tzinfo=UTC)) for item in (begins, ends)
    )
    return event.begins < last and (
        not event.ends or event.ends > first or event.begins == event.ends >= first
    )


# The events of a month


def _events(view: View) -> Iterator[MonthEvent]:
    for state in view.every(*event_windows.MEETINGS):
        stands = state_of(state)
        if stands != "over" or (state.meeting is not None and state.meeting.held):
            yield from (_event(state, window, stands) for window in windows(state))
    for state in view.every(*_ANNOUNCED):
        if state.status not in _TAKEN_BACK:
            yield from (_event(state, window) for window in _in_force(state))


def _event(exchange: Exchange, window: TimeWindow, state: str = "") -> MonthEvent:
    return MonthEvent(
        exchange=exchange.id,
        number=exchange.number,
        act=exchange.act,
        side=exchange.side,
        subject=subject_of(exchange),
        status=exchange.status,
        state=state,
        begins=window.begins,
        ends=window.ends,
        marking=own_markings(exchange),
    )


def _in_force(state: Exchange) -> Iterator[TimeWindow]:
    """Yield the times of an announced event, until it was cleared.

    An event until further notice ends when it was cleared or its matter was closed.
    """
    cleared = [
        instant(msgspec.json.decode(item.content["cleared_at"]))
        for item in state.acts.get("all-clear", ())
    ]
    until = stamp(cleared[-1]) if cleared and cleared[-1] is not None else ""
    for window in windows(state):
        yield TimeWindow(
            begins=window.begins, ends=min(window.ends, until) if until else window.ends
        )
    area = event_windows.window_of(state)
    if area is not None and area.until_further_notice:
        over = "" if state.closed is None else stamp(deadlines.instant(state.closed.time))
        yield TimeWindow(begins=stamp(area.begins), ends=until or over)
    present = state.present
    at = instant(msgspec.json.decode(present["time"])) if "time" in present else None
    if at is not None and "window" not in present:
        yield TimeWindow(begins=stamp(at), ends=stamp(at))


# The duty days


def duty(office: Office, calendar: DutyCalendar, day: date) -> DutyDay:
    """Return the kind of a side's day, by its date at the office."""
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    state: Literal["duty", "holiday", "off", "always"] = "duty"
    if office.always:
        state = "always"
    elif day.isoformat() in calendar.holidays:
        state = "holiday"
    elif WEEK[day.weekday()] not in calendar.days:
        state = "off"
    hours = tuple(
        TimeWindow(begins=stamp(opens), ends=stamp(closes))
        for opens, closes in office.bands(begins, begins + _DAY)
    )
    return DutyDay(side=office.side, state=state, hours=hours)


def bar(day: MonthDay, duty_day: DutyDay) -> Markup:
    """Return a side's hours of a day in UTC, as a bar of 24 hours.

    The page says the same in text beside it.
    """
    begins = datetime.fromisoformat(day.date).replace(tzinfo=UTC)
    bands = Markup("").join(
        Markup('<rect class="band" x="{:.4g}" width="{:.4g}" height="2"/>').format(
            (datetime.fromisoformat(hours.begins) - begins) / timedelta(hours=1),
            (datetime.fromisoformat(hours.ends) - datetime.fromisoformat(hours.begins))
            / timedelta(hours=1),
        )
        for hours in duty_day.hours
    )
    return Markup(
        '<svg class="hours" viewBox="0 0 24 2" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="24" height="2"/>{}</svg>'
    ).format(bands)


def _span(event: MonthEvent, day: MonthDay, words: Words) -> str:
    """Return the time of an event on a day.

    It includes the last day if the event ends on another day.
    """
    begins, ends = event.begins[:10], event.ends[:10]
    if not ends:
        return (
            words.say("from %(a)s, until further notice", a=words.written(event.begins, "hour"))
            if day.date == begins
            else words.say("all day, until further notice")
        )
    if begins == ends:
        return f"{words.written(event.begins, 'hour')}" + (
            f"\N{EN DASH}{words.written(event.ends, 'hour')}" if event.ends > event.begins else ""
        )
    if day.date == begins:
        return words.say(
            "from %(a)s, until %(b)s",
            a=words.written(event.begins, "hour"),
            b=words.written(event.ends, "minute"),
        )
    if day.date == ends:
        return words.say("until %(b)s", b=words.written(event.ends, "hour"))
    return words.say("all day, until %(b)s", b=words.written(event.ends, "minute"))


def _lines(day: MonthDay) -> Iterator[MonthRow]:
    for duty_day in day.duties:
        begins, ends = (
            (duty_day.hours[0].begins, duty_day.hours[-1].ends) if duty_day.hours else ("", "")
        )
        yield MonthRow(
            date=day.date,
            side=duty_day.side,
            what="office",
            state=duty_day.state,
            begins=begins,
            ends=ends,
        )
    for event in day.events:
        yield MonthRow(
            date=day.date,
            side=event.side,
            what=event.act,
            state=event.state or event.status,
            begins=event.begins,
            ends=event.ends,
            number=event.number,
            exchange=event.exchange,
            marking=event.marking,
        )


ROUTES: Final[tuple[PageRoute, ...]] = (PageRoute(path="/meetings/calendar", handler=calendar),)

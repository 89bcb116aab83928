"""Time travel: a form that shows any page as it was at another record.

The form works without scripts. It leads to the address of the same page with another
`at`.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal
from urllib.parse import parse_qsl, urlencode

from aiohttp import web
from markupsafe import Markup
from msgspec import Struct

from dragoman.application.http import submission
from dragoman.application.http.conditional_requests import past_by
from dragoman.application.http.queries import Whole
from dragoman.console.charts import charts
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import PageRoute
from dragoman.console.page.sessions import following, redirect
from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.record.errors import Refused
from dragoman.i18n.words import Words, as_moment
from dragoman.members import unread_input
from dragoman.members.input import times
from dragoman.members.input.not_understood import NotUnderstoodInput
from dragoman.projection.queries import timeline
from dragoman.projection.queries.timeline import TimelineMark

_DAYS: Final = 400
"""Days of the chart: a year, and the time that a review of it looks back to."""

_SHORT: Final = timedelta(days=3)
"""The chart of a younger channel begins at its opening, and not at the midnight before.
"""

_APART: Final = 60
"""The most marks of one kind that can be told apart over the width of the chart."""

_STEPS: Final = 500
"""The most steps of the slider over the axis of times."""

_ORIGIN: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""The left end of a chart whose places are records and no times."""


class Life(Struct, frozen=True, kw_only=True):
    """A channel from its opening to its newest record.

    `days` counts the records of each day from `first` on. `marks` are the notable
    moments.
    """

    opened: str
    newest: int
    newest_time: str
    first: str
    days: tuple[int, ...]
    marks: tuple[TimelineMark, ...]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The axis of the slider: of records, or of seconds since `begins`.

    `switches` are the two axes as words and addresses, with the one that is shown.
    """

    name: Literal["record", "time"]
    least: int
    most: int
    value: int
    step: int
    begins: str = ""
    switches: tuple[tuple[str, str, bool], ...] = ()


class PointInTimeFault(Exception):
    """An error in a field of the form, worded in the reader's language."""

    def __init__(self, field: str, typed: str, sentence: str) -> None:
        """Create the error from the field's name, its text, and the advice."""
        super().__init__(sentence)
        self.field = field
        self.typed = typed
        self.sentence = sentence


@dataclass(frozen=True, kw_only=True)
class Travel:
    """The form as a page shows it.

    `page` is the address to come back to. `shown` is the page's moment in the notation
    of its field. `axis` is that of the slider and of the chart above it. `compare` says
    whether the form also asks for a position to compare with.
    """

    life: Life
    page: str
    record: str
    time: str
    shown: str
    axis: Axis
    chart: Markup | None = None
    months: tuple[tuple[str, int], ...] = ()
    compare: bool = False
    compared: str = ""
    fault: PointInTimeFault | None = None


async def control(context: PageContext) -> Travel:
    """Return the form without its chart, which every page of a channel has.

    It asks the store for nothing.
    """
    return await _form(context, _span_of(context), compare=False)


def _span_of(context: PageContext) -> Life:
    """Return the ends of a channel's life, without its records and marks."""
    newest = context.projection.state.time
    return Life(
        opened=context.projection.registry.opened.time,
        newest=context.newest,
        newest_time=newest,
        first=_first_day(context, newest).isoformat(),
        days=(),
        marks=(),
    )


class TravelQuery(Struct, frozen=True, kw_only=True):
    """The form of time travel: its fields, what they were, and the button pressed.

    `page` is the page that the form stands on.
    """

    page: str = ""
    go: str = ""
    compare: str = ""
    axis: str = ""
    time: str = ""
    record: str = ""
    slider: Whole | None = None
    was: Whole = 0
    was_time: str = ""
    was_slid: Whole | None = None


async def travel(context: PageContext, *, compare: bool = False) -> Travel:
    """Return the form with its chart, with the error of the last attempt, if any."""
    life = await life_of(context)
    form = await _form(context, life, compare=compare)
    return replace(
        form, chart=_chart(context, life, form.axis), months=_by_month(context.words, life)
    )


async def _form(context: PageContext, life: Life, *, compare: bool) -> Travel:
    field, _, typed = context.said.partition(":")
    fault = await _fault(context, field, typed)
    shown_time = _time(context.moment if context.past else as_moment(life.newest_time))
    return Travel(
        life=life,
        page=context.again(at="", compare=""),
        record=typed if fault is not None and field == "record" else str(context.position),
        time=typed if fault is not None and field == "time" else shown_time,
        shown=shown_time,
        axis=_axis(context, life),
        compare=compare,
        compared=context.asked(TravelQuery).compare,
        fault=fault,
    )


async def _fault(context: PageContext, field: str, typed: str) -> PointInTimeFault | None:
    """Return the error in the text of a field; None if the text can be read."""
    try:
        if field == "record":
            await _at_record(context, typed)
        elif field == "time":
            await _at_time(context, "time", typed)
    except PointInTimeFault as fault:
        return fault
    return None


def _time(moment: datetime) -> str:
    """Return a moment in the notation of the form's field."""
    return timestamp(moment).replace("T", " ")


async def life_of(context: PageContext) -> Life:
    """Return a channel from its opening to now."""
    registry, newest = context.projection.registry, context.newest
    time = context.projection.state.time
    first = _first_day(context, time)
    days = await context.ask(lambda view: timeline.per_day(view.at(newest), first))
    marks = await context.ask(lambda view: timeline.marks(view.at(newest)))
    return Life(
        opened=registry.opened.time,
        newest=newest,
        newest_time=time,
        first=first.isoformat(),
        days=days,
        marks=marks,
    )


def _first_day(context: PageContext, newest: str) -> date:
    """Return the first day of the chart."""
    opened = as_moment(context.projection.registry.opened.time).date()
    return max(opened, as_moment(newest).date() - timedelta(days=_DAYS - 1))


def _begins(life: Life) -> datetime:
    """Return the time at the left end of the axis of times."""
    opened = as_moment(life.opened)
    if as_moment(life.newest_time) - opened < _SHORT:
        return opened
    return max(opened, as_moment(f"{life.first}T00:00:00Z"))


def _axis(context: PageContext, life: Life) -> Axis:
    """Return the axis that the address asks for: of records, or of times."""
    words = context.words
    by_time = context.asked(TravelQuery).axis == "time"
    switches = (
        (words.say("by record"), context.again(axis=""), not by_time),
        (words.say("by time"), context.again(axis="time"), by_time),
    )
    if not by_time:
        return Axis(
            name="record",
            least=1,
            most=life.newest,
            value=context.position,
            step=1,
            switches=switches,
        )
    begins, ends = _begins(life), as_moment(life.newest_time)
    whole = max(1, math.ceil((ends - begins).total_seconds()))
    at = context.moment if context.past else ends
    return Axis(
        name="time",
        least=0,
        most=whole,
        value=min(whole, max(0, math.floor((at - begins).total_seconds()))),
        step=max(1, whole // _STEPS),
        begins=timestamp(begins),
        switches=switches,
    )


def _chart(context: PageContext, life: Life, axis: Axis) -> Markup:
    """Return the chart above the slider, on the same axis as the slider."""
    words, ends = context.words, as_moment(life.newest_time)
    opened, begins = as_moment(life.opened), _begins(life)
    if axis.name == "record":
        return _chart_of_records(context, life)
    title = words.say(
        "Records by day, from %(a)s to %(b)s. The list below says the same.",
        a=words.day(begins),
        b=words.day(ends),
    )
    moments = list(
        _moments(words, life.marks, (ends - begins) / _APART, lambda mark: as_moment(mark.time))
    )
    if opened >= begins:
        moments.append(charts.RecordMark(opened, "opened", words.say("opened")))
    return charts.density(
        "density", title, begins, ends, life.days, moments, context.moment if context.past else ends
    )


def _chart_of_records(context: PageContext, life: Life) -> Markup:
    """Return the chart with one place for each record, and the days by their first."""
    words = context.words

    def place(position: int) -> datetime:
        return _ORIGIN + timedelta(seconds=position)

    title = words.say(
        "Records in their order, from 1 to %(n)s. The list below says the same.",
        n=words.number(life.newest),
    )
    near = timedelta(seconds=life.newest / _APART)
    moments = list(_moments(words, life.marks, near, lambda mark: place(mark.position)))
    position, last = life.newest - sum(life.days) + 1, place(0)
    for number, count in enumerate(life.days):
        at = place(position)
        if count and at - last >= near * 6:
            day = date.fromisoformat(life.first) + timedelta(days=number)
            moments.append(charts.RecordMark(at, "opened", f"{day:%m-%d}"))
            last = at
        position += count
    return charts.density(
        "density", title, place(1), place(life.newest), (), moments, place(context.position)
    )


def _moments(
    words: Words,
    marks: Sequence[TimelineMark],
    near: timedelta,
    place: Callable[[TimelineMark], datetime],
) -> Iterator[charts.RecordMark]:
    """Yield the marks of the chart, each at its place on the axis.

    Equal marks that are too near to tell apart become one.
    """
    gathered: list[list[TimelineMark]] = []
    for mark in sorted(
        marks,
        key=lambda timeline_mark: (
            timeline_mark.kind,
            timeline_mark.side if timeline_mark.kind == "late" else "",
            timeline_mark.time,
        ),
    ):
        last = gathered[-1][-1] if gathered else None
        alike = last is not None and label_of(words, last) == label_of(words, mark)
        if last is not None and alike and place(mark) - place(last) <= near:
            gathered[-1].append(mark)
        else:
            gathered.append([mark])
    for timeline_marks in gathered:
        label, count = label_of(words, timeline_marks[-1]), len(timeline_marks)
        yield charts.RecordMark(
            place(timeline_marks[-1]),
            timeline_marks[-1].kind,
            label
            if count == 1
            else words.say("%(what)s (%(n)s)", what=label, n=words.number(count)),
        )


def label_of(words: Words, mark: TimelineMark) -> str:
    """Return a mark's label of one or two words."""
    match mark.kind:
        case "late":
            return words.say("%(side)s late", side=mark.side.upper())
        case "blind":
            return words.say("blind")
        case _:
            return words.say("flash")


def _by_month(words: Words, life: Life) -> tuple[tuple[str, int], ...]:
    """Return the number of records in each month, the newest month first."""
    counted = Counter[str]()
    for number, count in enumerate(life.days):
        counted[(date.fromisoformat(life.first) + timedelta(days=number)).strftime("%Y-%m")] += (
            count
        )
    return tuple((month, counted[month]) for month in sorted(counted, reverse=True))


# The target of the form


async def go(context: PageContext) -> web.StreamResponse:
    """Redirect to the page at the requested moment.

    If a field cannot be read, redirect back to the page with the form.
    """
    try:
        return redirect(_address(context, at=await _target(context)))
    except PointInTimeFault as fault:
        return redirect(_address(context, at=context.asked_at, said=f"{fault.field}:{fault.typed}"))


def _address(context: PageContext, **changed: object) -> str:
    """Return the address of the form's page, with parts of its query changed."""
    query = context.asked(TravelQuery)
    path, _, query_text = following(query.page).partition("?")
    if path != f"/c/{context.name}" and not path.startswith(f"/c/{context.name}/"):
        path, query_text = f"/c/{context.name}/audit", ""
    compare = "".join(query.compare.replace(",", "").split())
    parts = {**dict(parse_qsl(query_text)), "compare": compare, **changed}
    parameters = urlencode({name: str(value) for name, value in parts.items() if value})
    return f"{path}?{parameters}" if parameters else path


async def _target(context: PageContext) -> str:
    """Return the record or the time to which the form leads; empty for now.

    Raises `PointInTimeFault`.
    """
    query = context.asked(TravelQuery)
    position = query.was or context.position
    match query.go:
        case "now":
            return ""
        case "first":
            return "1"
        case "before":
            return str(position if context.past_time else max(1, position - 1))
        case "after":
            return str(min(context.newest, position + 1))
        case "newest":
            return str(context.newest)
        case _:
            return await _asked(context, query, position)


async def _asked(context: PageContext, query: TravelQuery, number: int) -> str:
    """Return the record or the time that the reader wrote or moved the slider to.

    It is the field that differs from the page's own. Return the page's moment if all
    fields are unchanged.
    """
    slid = query.slider
    if query.time and query.time != query.was_time:
        return await _at_time(context, "time", query.time)
    if query.record and query.record != str(number):
        return await _at_record(context, query.record)
    if slid is None or slid == query.was_slid:
        return context.asked_at
    if query.axis == "time":
        span = _span_of(context)
        latest = (as_moment(span.newest_time) - _begins(span)).total_seconds()
        moment = _begins(span) + timedelta(seconds=min(slid, max(0, latest)))
        return timestamp(moment)
    return str(min(max(1, slid), context.newest))


async def _at_record(context: PageContext, text: str) -> str:
    position = submission.whole("".join(text.replace(",", "").split()))
    if position is None:
        return await _at_time(context, "record", text)
    if not 1 <= position <= context.newest:
        raise PointInTimeFault(
            "record",
            text,
            context.words.say(
                "Records are counted from 1 to %(n)s.", n=context.words.number(context.newest)
            ),
        )
    return str(position)


async def _at_time(context: PageContext, field: str, text: str) -> str:
    say = context.words.say
    try:
        moment = times.read_time(text, context.service.now(), context.zone)
    except NotUnderstoodInput as unread:
        sentence = unread_input.explanation(context.words, unread)
        raise PointInTimeFault(field, text, sentence) from None
    try:
        shown = await past_by(context.call, context.projection, moment)
    except Refused as refused:
        if refused.refusal.kind != "not-found":
            raise PointInTimeFault(field, text, say("That time is still to come.")) from None
        opened = context.words.written(context.projection.registry.opened.time)
        raise PointInTimeFault(
            field, text, say("The channel was not open then. It was opened on %(t)s.", t=opened)
        ) from None
    return timestamp(shown.clock)


ROUTES: Final = (PageRoute(path="/travel", handler=go),)

"""Time travel: the form by which any page is looked at as it stood at another record, and where it leads.

One form without scripts: whatever was moved or written in it becomes the same page's
address with another `at`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from aiohttp import web
from markupsafe import Markup
from msgspec import Struct

from dragoman.application.http import submission
from dragoman.console.charts import charts
from dragoman.console.dispatch import position_of
from dragoman.console.display.office_clocks import office_of
from dragoman.console.rendering import PageContext, PageRoute
from dragoman.console.sessions import following, see
from dragoman.domain import notation
from dragoman.domain.acts.deadlines import written
from dragoman.domain.notation import NotUnderstoodInput
from dragoman.domain.record.errors import Refused
from dragoman.i18n.words import Words, as_moment
from dragoman.projection.queries import timeline
from dragoman.projection.queries.timeline import TimelineMark

_DAYS: Final = 400
"""Days of the chart: a year, and what a review of it looks back to."""

_SHORT: Final = timedelta(days=3)
"""A channel that is younger is drawn from its opening on, and not from the midnight
before.
"""

_APART: Final = 60
"""As many marks of one kind are told apart over the width of the chart."""

_AMBIGUOUS: Final = frozenset(
    {"ambiguous_order", "ambiguous_time", "ambiguous_zone", "day_only", "no_such_zone"}
)


class Life(Struct, frozen=True, kw_only=True):
    """A channel from its opening to its newest record: how many records came on each day from `first` on, and what stands out."""

    opened: str
    newest: int
    newest_time: str
    first: str
    days: tuple[int, ...]
    marks: tuple[TimelineMark, ...]


class PointInTimeFault(Exception):
    """What is wrong with a field of the form, in the reader's language."""

    def __init__(self, field: str, typed: str, sentence: str) -> None:
        """The field's name, what was written in it, and what to do."""
        super().__init__(sentence)
        self.field = field
        self.typed = typed
        self.sentence = sentence


@dataclass(frozen=True, kw_only=True)
class Travel:
    """The form, as a page has it. `page` is the address to come back to, `shown` the page's moment as its field has it.

    `compare` says whether it asks with what to compare.
    """

    life: Life
    page: str
    record: str
    time: str
    shown: str
    chart: Markup
    months: tuple[tuple[str, int], ...]
    compare: bool = False
    compared: str = ""
    fault: PointInTimeFault | None = None


async def travel(context: PageContext, *, compare: bool = False) -> Travel:
    """Return the form for a page, with what was wrong in it, if anything was."""
    life = await life_of(context)
    field, _, typed = context.request.query.get("said", "").partition(":")
    fault = await _fault(context, field, typed)
    text = _time(context.moment if context.past else as_moment(life.newest_time))
    return Travel(
        life=life,
        page=context.again(at="", compare=""),
        record=typed if fault is not None and field == "record" else str(context.position),
        time=typed if fault is not None and field == "time" else text,
        shown=text,
        chart=_chart(context, life),
        months=_by_month(context.words, life),
        compare=compare,
        compared=context.request.query.get("compare", ""),
        fault=fault,
    )


async def _fault(context: PageContext, field: str, typed: str) -> PointInTimeFault | None:
    """Return what is wrong with what was written in a field; nothing where it can be read."""
    try:
        if field == "record":
            await _at_record(context, typed)
        elif field == "time":
            await _at_time(context, "time", typed)
    except PointInTimeFault as fault:
        return fault
    return None


def _time(moment: datetime) -> str:
    """Return a moment as the form's field has it."""
    return written(moment).replace("T", " ")


async def life_of(context: PageContext) -> Life:
    """Return a channel from its opening to now."""
    registry, store, newest = context.projection.registry, context.service.store, context.newest
    time = context.projection.state.time
    first = max(
        as_moment(registry.opened.time).date(), as_moment(time).date() - timedelta(days=_DAYS - 1)
    )
    days = await context.in_thread(timeline.per_day, store, context.name, first, newest)
    marks = await context.in_thread(timeline.marks, store, context.name, newest)
    return Life(
        opened=registry.opened.time,
        newest=newest,
        newest_time=time,
        first=first.isoformat(),
        days=days,
        marks=marks,
    )


def _chart(context: PageContext, life: Life) -> Markup:
    words, ends = context.words, as_moment(life.newest_time)
    begins = as_moment(f"{life.first}T00:00:00Z")
    opened = as_moment(life.opened)
    if ends - opened < _SHORT:
        begins = opened
    title = words.say(
        "Records by day, from %(a)s to %(b)s. The list below says the same.",
        a=words.day(begins),
        b=words.day(ends),
    )
    moments = list(_moments(words, life.marks, (ends - begins) / _APART))
    if opened >= begins:
        moments.append(charts.RecordMark(opened, "opened", words.say("opened")))
    return charts.density(
        "density", title, begins, ends, life.days, moments, context.moment if context.past else ends
    )


def _moments(
    words: Words, marks: Sequence[TimelineMark], near: timedelta
) -> Iterator[charts.RecordMark]:
    """Yield what stands out, as the chart has it: what is alike and too near to be told apart is one mark."""
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
        if last is not None and alike and as_moment(mark.time) - as_moment(last.time) <= near:
            gathered[-1].append(mark)
        else:
            gathered.append([mark])
    for timeline_marks in gathered:
        label, count = label_of(words, timeline_marks[-1]), len(timeline_marks)
        yield charts.RecordMark(
            as_moment(timeline_marks[-1].time),
            timeline_marks[-1].kind,
            label
            if count == 1
            else words.say("%(what)s (%(n)s)", what=label, n=words.number(count)),
        )


def label_of(words: Words, mark: TimelineMark) -> str:
    """Return what stands out, in a word or two."""
    match mark.kind:
        case "late":
            return words.say("%(side)s late", side=mark.side.upper())
        case "blind":
            return words.say("blind")
        case _:
            return words.say("flash")


def _by_month(words: Words, life: Life) -> tuple[tuple[str, int], ...]:
    """Return how many records came in each month, the newest first."""
    counted = Counter[str]()
    for number, count in enumerate(life.days):
        counted[(date.fromisoformat(life.first) + timedelta(days=number)).strftime("%Y-%m")] += (
            count
        )
    return tuple((month, counted[month]) for month in sorted(counted, reverse=True))


# Where it leads


async def go(context: PageContext) -> web.StreamResponse:
    """Lead to the page that the form asks for; back to where it was where something in it cannot be read."""
    try:
        return see(_address(context, at=await _target(context)))
    except PointInTimeFault as fault:
        return see(_address(context, at=context.at, said=f"{fault.field}:{fault.typed}"))


def _address(context: PageContext, **changed: object) -> str:
    """Return the address of the page on which the form stood, with some of its query changed."""
    path, _, text = following(context.request.query.get("page", "")).partition("?")
    if path != f"/c/{context.name}" and not path.startswith(f"/c/{context.name}/"):
        path, text = f"/c/{context.name}/audit", ""
    compare = "".join(context.request.query.get("compare", "").replace(",", "").split())
    query = {**dict(parse_qsl(text)), "compare": compare, **changed}
    asked = urlencode({name: str(value) for name, value in query.items() if value})
    return f"{path}?{asked}" if asked else path


async def _target(context: PageContext) -> int:
    """Return the position to which the form leads, 0 for now. Raises `Fault`."""
    position = submission.whole(context.request.query.get("was", "")) or context.position
    match context.request.query.get("go", ""):
        case "now":
            return 0
        case "first":
            return 1
        case "before":
            return max(1, position - 1)
        case "after":
            return min(context.newest, position + 1)
        case "newest":
            return context.newest
        case _:
            return await _asked(context, position)


async def _asked(context: PageContext, number: int) -> int:
    """Return the position that was written or slid to: whatever is not as it was when the page was made. 0 where nothing is."""
    query = context.request.query
    time, record, slid = (
        query.get("time", "").strip(),
        query.get("record", "").strip(),
        submission.whole(query.get("slider", "")),
    )
    if time and time != query.get("was_time", ""):
        return await _at_time(context, "time", time)
    if record and record != str(number):
        return await _at_record(context, record)
    if slid is not None and slid != number:
        return min(max(1, slid), context.newest)
    return context.at


async def _at_record(context: PageContext, text: str) -> int:
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
    return position


async def _at_time(context: PageContext, field: str, text: str) -> int:
    say = context.words.say
    zone = ZoneInfo(office_of(context.side, context.projection.office(context.side)).zone)
    try:
        moment = notation.read_time(text, context.service.now(), zone)
    except NotUnderstoodInput as unread:
        if unread.code == "in_future":
            raise PointInTimeFault(field, text, say("That time is still to come.")) from None
        if unread.code in _AMBIGUOUS:
            raise PointInTimeFault(
                field,
                text,
                say(
                    "That can be read in more than one way. Write the day, the month, the year and the time."
                ),
            ) from None
        raise PointInTimeFault(
            field,
            text,
            say("That is no time. Write one like 0305Z, 24 Nov 03:05 or 240305Z NOV 26."),
        ) from None
    try:
        return await position_of(context, written(moment))
    except Refused:
        opened = context.words.written(context.projection.registry.opened.time)
        raise PointInTimeFault(
            field, text, say("The channel was not open then. It was opened on %(t)s.", t=opened)
        ) from None


SHEETS: Final = (PageRoute(path="/travel", handler=go),)

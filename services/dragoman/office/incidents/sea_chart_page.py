"""The chart of a channel: the places of a period on a graticule, and a table of them.

/c/{channel}/chart                           the last 30 days, and what is in force
/c/{channel}/chart?from=1 Nov&to=24 Nov      another period
/c/{channel}/chart?part=15,116,120           120 nm around a place
/c/{channel}/chart?a=21.0&b=25.0             range and bearing between two marks

Each place that a record of the period names is a mark, or is in the list of those that
are not drawn.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

import msgspec
from markupsafe import Markup, escape
from msgspec import Struct

from dragoman.application.http.conditional_requests import turn
from dragoman.console.charts import land, sea_chart
from dragoman.console.charts.map_projection import MapPoint
from dragoman.console.charts.sea_chart import ChartLine, ChartMark, ChartPart
from dragoman.console.display.act_display import Display
from dragoman.console.display.office_clocks import office_of
from dragoman.console.matter import window_rows
from dragoman.console.page.context import PageContext
from dragoman.console.page.periods import (
    Period,
    PeriodFault,
    period_fields,
    period_of,
    span,
    spans,
    too_much,
)
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.domain.acts import geodesy
from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.acts.families.exchange import own_markings
from dragoman.domain.acts.field_checks import UNKNOWN
from dragoman.domain.record.errors import Refused
from dragoman.i18n.words import Words, as_moment
from dragoman.office.incidents import chart_places, windows_map
from dragoman.office.incidents.chart_places import ChartPlace, MeasuredRange, Reason
from dragoman.office.incidents.recorded_places import (
    PlacedExchange,
    PlacesOfPeriod,
    places_of_period,
)
from dragoman.text import sentence

_DAYS: Final = timedelta(days=30)
"""The period of a chart for which nobody asked for another one."""

_AROUND_NM: Final = 120
_EARTH: Final = ChartPart(0.0, 0.0, 10_800.0)
_PART: Final = re.compile(r"(-?\d{1,2}(?:\.\d{1,6})?),(-?\d{1,3}(?:\.\d{1,6})?),(\d{1,5}(?:\.\d)?)")


class ChartView(Struct, frozen=True, kw_only=True):
    """The places of a period of a channel, at a position.

    Marks come first, and then the places that are not drawn. There are none if the
    period could not be read.
    """

    channel: str
    exercise: bool
    position: int
    from_: str = msgspec.field(name="from", default="")
    to: str = ""
    faults: tuple[PeriodFault, ...] = ()
    places: tuple[ChartPlace, ...] = ()
    measured: MeasuredRange | None = None
    has_land: bool = False


class ChartRow(NamedTuple):
    """A place with what the page shows of it."""

    place: ChartPlace
    exchange: PlacedExchange
    where: Markup
    range: str
    reason: str


class ChartQuery(Struct, frozen=True, kw_only=True):
    """The two marks to measure between, and the part of the earth."""

    a: str = ""
    b: str = ""
    part: str = ""


async def chart(context: PageContext) -> Page:
    """Return the chart of a period."""
    query, period = context.asked(ChartQuery), _period(context)
    part = _part(query.part)
    faults, result = period.faults, None
    if not faults:
        try:
            async with turn(context.request, context.projection):
                end_seen = context.service.as_of(context.projection)
                result = await context.ask(places_of_period, period.query, end_seen)
        except Refused as error:
            if error.refusal.kind != "bad-request":
                raise
            faults = (too_much(context, "from"),)
    exercise = context.registry.kind == "exercise"
    view = ChartView(
        channel=context.name,
        exercise=exercise,
        position=context.position,
        faults=faults,
        has_land=land.is_there(),
    )
    values: dict[str, Any] = {
        "fields": period_fields(context, msgspec.structs.replace(period, faults=faults)),
        "spans": (
            *spans(context),
            " ",
            span(
                context,
                context.words.say("since the opening"),
                as_moment(context.registry.opened.time),
            ),
        ),
        "others": _other_charts(context),
        "live": context.past or context.service.is_live(context.projection),
        "found": result,
        "asked": query,
        "own_markings": own_markings,
    }
    if result is None:
        return Page(template="sea_chart.html", view=view, rows=(), values=values, status=400)
    places = chart_places.chart_places(result)
    measured = chart_places.measured(places, query.a, query.b)
    view = msgspec.structs.replace(
        view,
        from_=timestamp(result.begins),
        to=timestamp(result.ends),
        position=result.position,
        places=tuple(place for place, _ in places),
        measured=measured,
    )
    values |= _drawn(context, result, places, part, measured)
    return Page(template="sea_chart.html", view=view, rows=view.places, values=values)


# The request


def _period(context: PageContext) -> Period:
    """Return the period of a request, by default that of the last 30 days."""
    period = period_of(context)
    begins = context.moment - _DAYS
    if period.from_.strip() or period.to.strip() or period.faults:
        return period
    if begins <= as_moment(context.registry.opened.time):
        return period
    query = msgspec.structs.replace(period.query, from_=timestamp(begins))
    return msgspec.structs.replace(period, query=query)


def _part(text: str) -> ChartPart | None:
    """Return the part of the earth in an address; None for all marks."""
    if not text:
        return None
    match = _PART.fullmatch(text)
    part = None if match is None else ChartPart(*(float(number) for number in match.groups()))
    if part is None or abs(part.lat) > 90 or abs(part.lon) > 180 or part.height_nm <= 0:
        raise refused(
            "bad-request",
            sentence(
                "part is a latitude, a longitude and a height in nautical miles, like "
                "15.12,116.44,120; leave it out for all marks."
            ),
        )
    return part


def _written(part: ChartPart) -> str:
    return f"{part.lat:.4f},{part.lon:.4f},{part.height_nm:.1f}"


def _other_charts(context: PageContext) -> list[tuple[str, bool]]:
    """Return the channels that belong to this one, and whether each is an exercise.

    An exercise has a chart of its own, and its live channel has another.
    """
    registry = context.registry
    live = "" if registry.exercise_of is None else registry.exercise_of.name
    visible = context.service.visible(context.grant)
    return [
        (other.name, other.registry.kind == "exercise")
        for other in visible
        if other.name == live
        or (
            other.registry.exercise_of is not None
            and other.registry.exercise_of.name == context.name
        )
    ]


# The page


def _drawn(
    context: PageContext,
    result: PlacesOfPeriod,
    places: Sequence[tuple[ChartPlace, PlacedExchange]],
    part: ChartPart | None,
    measured: MeasuredRange | None,
) -> dict[str, Any]:
    """Return the values of the template for the places and the picture."""
    words = context.words
    offices = tuple(office_of(side, context.projection.office(side)) for side in context.sides)
    display = Display(words, offices, None, context.link)
    labels = {place.id: place.label for place, _ in places}
    rows = [_row(words, display, place, placed, labels) for place, placed in places]
    marks = [_mark(context, row) for row in rows if not row.place.reason]
    lines = list(_lines(words, rows, measured))
    view = sea_chart.view_of(marks, part)
    begins, ends = (words.written(moment, "minute") for moment in (result.begins, result.ends))
    title = words.say(
        "Chart of %(channel)s from %(a)s to %(b)s", channel=context.name, a=begins, b=ends
    )
    desc = words.say("The table after the chart has the same places, with links.")
    exercise = "EXERCISE EXERCISE EXERCISE" if result.registry.kind == "exercise" else ""
    drawing = sea_chart.drawn(
        f"{exercise} {title}".strip(), desc, marks, lines, _tracks(rows), view, words, exercise
    )
    shown = sea_chart.part_of(view)
    return {
        "marks": [row for row in rows if not row.place.reason],
        "undrawn": [row for row in rows if row.place.reason],
        "drawing": drawing,
        "labels": labels,
        "moves": _moves(context, shown),
        "parts_of_earth": _parts(words, rows, part),
        "shown": shown,
        "range_text": lambda metres, angle: sea_chart.range_text(metres, angle, words),
        "bearing_text": sea_chart.bearing_text,
        "stage_word": window_rows.stage_word,
        "in_force": sum(placed.window is not None for placed in result.exchanges),
        "source_word": source_word,
    }


def _row(
    words: Words,
    display: Display,
    place: ChartPlace,
    placed: PlacedExchange,
    labels: dict[str, str],
) -> ChartRow:
    value = msgspec.json.decode(place.place)
    where = Markup() if value is None else _where(words, display, value)
    text = ""
    if place.range_m is not None and place.bearing is not None:
        way = sea_chart.range_text(place.range_m, place.bearing, words)
        text = words.say("to %(mark)s: %(range)s", mark=labels[place.other], range=way)
    return ChartRow(place, placed, where, text, _reason_word(words, place.reason))


def _where(words: Words, display: Display, value: Any) -> Markup:
    """Return a place by its position and its names."""
    if value == UNKNOWN:
        return escape(words.value(UNKNOWN))
    if not isinstance(value, dict) or "circle" in value:
        return display.markup(window_rows.brief_place(words, value))
    names = {name: text for name, text in value.items() if name in ("name", "names", "text")}
    figure = {name: part for name, part in value.items() if name not in names}
    parts = [
        display.markup(window_rows.brief_place(words, part)) for part in (figure, names) if part
    ]
    if "lat" in figure:
        parts[0] = Markup('<span class="at">{}</span>').format(parts[0])
    return Markup("<br>").join(parts)


def _reason_word(words: Words, reason: Reason) -> str:
    """Return the words for the reason for which a place is not drawn."""
    match reason:
        case "":
            return ""
        case "words":
            return words.say("in words only")
        case "unknown":
            return words.say("the place is not known yet")
        case "none":
            return words.say("no place is given")
        case "corrected":
            return words.say("corrected or amended since")
        case "replaced":
            return words.say("replaced by a later statement of the same side")
        case "proposed":
            return words.say("only proposed")


def source_word(words: Words, place: ChartPlace) -> str:
    """Return the word for the kind of statement that names a place."""
    match place.source:
        case "account":
            return words.act("counter-account")
        case "people":
            return words.act("people-status")
        case "reply":
            return words.act("reply")
        case _:
            is_earlier = place.standing == "earlier"
            return words.say("report, earlier place") if is_earlier else words.say("report")


def _mark(context: PageContext, row: ChartRow) -> ChartMark:
    words, place, exchange = context.words, row.place, row.exchange.exchange
    figure = windows_map.figure(msgspec.json.decode(place.place))
    assert figure is not None
    _, subject = context.subject(exchange)
    stage = window_rows.stage_word(words, row.exchange.window.stage) if row.exchange.window else ""
    point = windows_map.middle(figure)
    return ChartMark(
        id=place.id,
        label=place.label,
        title=words.pause.join(
            part for part in (place.label, place.number, words.act(place.act), subject) if part
        ),
        link=context.link(f"/exchanges/{place.exchange}"),
        kind="other" if place.source == "people" else chart_places.KINDS.get(place.act, "incident"),
        is_opener=place.side == exchange.side,
        figure=figure,
        point=point,
        in_force=stage if place.stage else "",
    )


def _lines(
    words: Words, rows: Sequence[ChartRow], measured: MeasuredRange | None
) -> Iterator[ChartLine]:
    """Yield the ways between accounts, and that between two chosen marks.

    A bearing is that from the report to the account, and says so.
    """
    places = {row.place.id: row.place for row in rows}
    for account in places.values():
        report = places.get(account.other)
        if account.source != "account" or report is None or account.range_m is None:
            continue
        bearing = geodesy.bearing(chart_places.point_of(report), chart_places.point_of(account))
        text = sea_chart.range_text(account.range_m, bearing, words)
        yield ChartLine(
            report.id,
            account.id,
            words.say("%(range)s from %(side)s", range=text, side=report.side.upper()),
        )
    if measured is not None:
        text = sea_chart.range_text(measured.range_m, measured.bearing, words)
        yield ChartLine(measured.start, measured.end, text, of_form=True)


def _tracks(rows: Sequence[ChartRow]) -> list[list[MapPoint]]:
    """Return the ways of things that moved, and the routes of movements."""
    ways: dict[tuple[str, str], list[ChartPlace]] = {}
    for row in rows:
        place = row.place
        moves = place.member in ("place", "pos") and place.standing in ("current", "earlier")
        if not place.reason and place.source == "report" and (moves or place.member == "route"):
            ways.setdefault((place.exchange, place.member), []).append(place)
    tracks = []
    for (_, member), places in ways.items():
        ordered = places if member == "route" else sorted(places, key=lambda item: item.when)
        if len(ordered) > 1:
            tracks.append(
                windows_map.way([MapPoint(*chart_places.point_of(place)) for place in ordered])
            )
    return tracks


def _moves(context: PageContext, shown: ChartPart) -> list[tuple[str, str, str]]:
    """Return the links that move the chart: their names, words and addresses."""
    words = context.words
    steps = (
        ("closer", words.say("Closer"), 0.0, 0.0, 0.5),
        ("wider", words.say("Wider"), 0.0, 0.0, 2.0),
        ("north", words.say("North"), 0.3, 0.0, 1.0),
        ("south", words.say("South"), -0.3, 0.0, 1.0),
        ("west", words.say("West"), 0.0, -0.5, 1.0),
        ("east", words.say("East"), 0.0, 0.5, 1.0),
    )
    return [
        (name, word, context.again(part=_written(sea_chart.moved(shown, north, east, zoom))))
        for name, word, north, east, zoom in steps
    ]


def _parts(
    words: Words, rows: Sequence[ChartRow], part: ChartPart | None
) -> list[tuple[str, str, bool]]:
    """Return the parts of the form: value, words, and whether it is chosen."""
    options = [("", words.say("all marks")), (_written(_EARTH), words.say("the whole earth"))]
    for row in rows:
        if not row.place.reason:
            point = chart_places.point_of(row.place)
            value = _written(ChartPart(point.lat, point.lon, _AROUND_NM))
            options.append((value, words.say("around %(mark)s", mark=row.place.label)))
    chosen = "" if part is None else _written(part)
    if chosen not in {value for value, _ in options}:
        options.append((chosen, words.say("the part that is shown")))
    return [(value, text, value == chosen) for value, text in dict(options).items()]


ROUTES: Final = (PageRoute(path="/chart", handler=chart),)

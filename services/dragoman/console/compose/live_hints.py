"""Hints while an officer types: how the gateway reads a time or a place."""

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from aiohttp import web
from markupsafe import Markup
from msgspec import Struct

from dragoman.console.charts import map_sketch
from dragoman.console.display.act_display import Display
from dragoman.console.display.office_clocks import office_of
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import html
from dragoman.i18n import places
from dragoman.members import unread_input
from dragoman.members.input import places as places_module
from dragoman.members.input.mgrs import write_square
from dragoman.members.input.not_understood import NotUnderstoodInput
from dragoman.members.input.places import lettered
from dragoman.members.times import End, read_moment, zulu


class TypedValue(Struct, frozen=True, kw_only=True):
    """A time or a place that is being typed, and what the form says of its field.

    `days` tells an end of a span of days. `begun` is the beginning of the span that the
    time ends, as it was typed.
    """

    kind: str = ""
    text: str = ""
    ahead: Literal["", "yes"] = ""
    days: End = ""
    begun: str = ""


async def reading(context: PageContext) -> web.Response:
    """Return the reading of a time or a place that is being typed.

    The scripts of a form ask for it. Half a time is no error while somebody types it:
    the answer is 200, and `data-unread` marks a sentence that says what is missing.
    """
    query, words = context.asked(TypedValue), context.words
    zone = ZoneInfo(office_of(context.side, context.projection.office(context.side)).zone)
    now, ahead = context.service.now(), query.ahead == "yes"
    text, days = query.text[:200], query.days
    display = Display(
        words, tuple(office_of(side, context.projection.office(side)) for side in context.sides)
    )
    try:
        if query.kind == "place":
            point = places_module.read_place(text)
            markup = Markup("<b>{}</b> <small>{} · {}</small>").format(
                places.written_place(point),
                places.written_place(point, "decimal"),
                write_square(point),
            )
            sketch = map_sketch.sketch(
                "echo",
                words.say("Sketch of the places that were entered"),
                [(context.side.upper(), *point)],
                None,
                words,
            )
            return html(str(markup + sketch))
        beside = query.begun[:200]
        begun = _begun(beside, now, zone, ahead=ahead, days=days)
        moment = read_moment(text, now, zone, ahead=ahead, begins=begun, days=days, beside=beside)
        away = abs((now - moment).total_seconds())
        said_away = (
            words.say("%(d)s ago", d=words.span(away))
            if moment <= now
            else words.say("in %(d)s", d=words.span(away))
        )
        return html(
            str(Markup("<b>{}</b> <small>{}</small>").format(display.time(zulu(moment)), said_away))
        )
    except NotUnderstoodInput as error:
        explanation = Markup("<span data-unread>{}</span>").format(
            unread_input.explanation(words, error, days=days != "")
        )
        if error.suggestion is not None:
            place = lettered(error.suggestion)
            use = Markup(' <button type="button" data-use="{}">{}</button>')
            explanation += use.format(place, words.say("Use %(place)s", place=place))
        return html(str(explanation))


def _begun(text: str, now: datetime, zone: ZoneInfo, *, ahead: bool, days: End) -> str:
    """Return the beginning of the span that the time being typed ends.

    Empty where no readable beginning is typed.
    """
    try:
        begins: End = "from" if days else ""
        return zulu(read_moment(text, now, zone, ahead=ahead, days=begins)) if text else ""
    except NotUnderstoodInput:
        return ""

"""Hints while an officer types: how the gateway reads a time or a place."""

from collections.abc import Mapping
from typing import Literal
from zoneinfo import ZoneInfo

from aiohttp import web
from markupsafe import Markup

from dragoman.console.charts import map_sketch
from dragoman.console.context import PageContext
from dragoman.console.display.act_display import Display
from dragoman.console.display.office_clocks import office_of
from dragoman.console.forms import (
    form_times,
    form_writer,
    unread_input,
)
from dragoman.console.forms.form_parser import FormParser
from dragoman.console.input import places as places_module
from dragoman.console.input.mgrs import write_square
from dragoman.console.input.not_understood import NotUnderstoodInput
from dragoman.console.rendering import html
from dragoman.i18n import places


async def reading(context: PageContext) -> web.Response:
    """Return the reading of a time or a place that is being typed.

    The scripts of a form ask for it. Half a time is no error while somebody types it:
    the answer is 200, and `data-unread` marks a sentence that says what is missing.
    """
    query, words = context.request.query, context.words
    office = office_of(context.side, context.projection.office(context.side))
    typed = FormParser(
        form={},
        words=words,
        languages=context.registry.languages,
        sides=context.sides,
        now=context.service.now(),
        zone=ZoneInfo(office.zone),
    )
    text = query.get("text", "")[:200]
    display = Display(
        words, tuple(office_of(side, context.projection.office(side)) for side in context.sides)
    )
    days = _days(query)
    try:
        if query.get("kind") == "place":
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
        begun, beside = _begun(typed, query), query.get("after", "")[:200]
        moment = typed.moment(
            text, ahead=query.get("ahead") == "yes", begins=begun, days=days, beside=beside
        )
        away = abs((context.service.now() - moment).total_seconds())
        said_away = (
            words.say("%(d)s ago", d=words.span(away))
            if moment <= context.service.now()
            else words.say("in %(d)s", d=words.span(away))
        )
        return html(
            str(
                Markup("<b>{}</b> <small>{}</small>").format(
                    display.time(form_times.zulu(moment)), said_away
                )
            )
        )
    except NotUnderstoodInput as error:
        explanation = Markup("<span data-unread>{}</span>").format(
            unread_input.explanation(words, error, days=days != "")
        )
        if error.suggestion is not None:
            place = form_writer.lettered(error.suggestion)
            use = Markup(' <button type="button" data-use="{}">{}</button>')
            explanation += use.format(place, words.say("Use %(place)s", place=place))
        return html(str(explanation))


def _days(query: Mapping[str, str]) -> Literal["", "from", "to"]:
    """Return `from` or `to` for an end of a span of days; empty for another time."""
    match query.get("days", ""):
        case "from" | "to" as end:
            return end
        case _:
            return ""


def _begun(typed: FormParser, query: Mapping[str, str]) -> str:
    """Return the beginning of the span that the time being typed ends.

    Empty where no readable beginning is typed.
    """
    start = query.get("after", "")[:200]
    try:
        return (
            form_times.zulu(
                typed.moment(
                    start, ahead=query.get("ahead") == "yes", days="from" if _days(query) else ""
                )
            )
            if start
            else ""
        )
    except NotUnderstoodInput:
        return ""

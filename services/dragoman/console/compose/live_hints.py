"""Hints while an officer types: how times and places are read."""

from collections.abc import Mapping
from typing import Literal
from zoneinfo import ZoneInfo

from aiohttp import web
from markupsafe import Markup

from dragoman.console.charts import map_sketch
from dragoman.console.display.act_display import Display
from dragoman.console.display.office_clocks import office_of
from dragoman.console.forms import (
    form_parser,
    form_writer,
)
from dragoman.console.forms.form_parser import Typed
from dragoman.console.rendering import PageContext, html
from dragoman.domain import notation
from dragoman.domain.notation import NotUnderstoodInput


async def reading(context: PageContext) -> web.Response:
    """Return what a time or a place that is being typed would be read as, for the scripts of a form.

    Half a time is no error while somebody types it: the answer is 200, and
    `data-unread` marks a sentence that says what is missing.
    """
    query, words = context.request.query, context.words
    office = office_of(context.side, context.projection.office(context.side))
    typed = Typed(
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
            point = notation.read_place(text)
            markup = Markup("<b>{}</b> <small>{} · {}</small>").format(
                notation.written_place(point),
                notation.written_place(point, "decimal"),
                notation.written_place(point, "mgrs"),
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
                    display.time(form_parser.zulu(moment)), said_away
                )
            )
        )
    except NotUnderstoodInput as error:
        said = Markup("<span data-unread>{}</span>").format(typed.unread(error, days=days != ""))
        if error.suggestion is not None:
            place = form_writer.lettered(error.suggestion)
            use = Markup(' <button type="button" data-use="{}">{}</button>')
            said += use.format(place, words.say("Use %(place)s", place=place))
        return html(str(said))


def _days(query: Mapping[str, str]) -> Literal["", "from", "to"]:
    """Return of which end of a span of days a time is; empty for a time that is of none."""
    match query.get("days", ""):
        case "from" | "to" as end:
            return end
        case _:
            return ""


def _begun(typed: Typed, query: Mapping[str, str]) -> str:
    """Return when that begins which the time that is being typed ends; empty where nothing is typed there that can be read."""
    start = query.get("after", "")[:200]
    try:
        return (
            form_parser.zulu(
                typed.moment(
                    start, ahead=query.get("ahead") == "yes", days="from" if _days(query) else ""
                )
            )
            if start
            else ""
        )
    except NotUnderstoodInput:
        return ""

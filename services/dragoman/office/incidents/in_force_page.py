"""The page of all windows that are open or near, with a map and the exports.

/c/{channel}/in-force              the windows of now
/c/{channel}/in-force?at=21        the windows at the moment of record 21
/c/{channel}/in-force?moment=…     the windows at a moment, past or still to come
/c/{channel}/in-force?wall=1       for a screen that is read from two metres

A moment still to come has the windows that are announced by now. A page `at` a time
shows the windows of that time, by the records until then.
"""

from collections import Counter
from datetime import UTC
from typing import Final

from msgspec import Struct

from dragoman.console.matter import reading, window_rows
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.domain.acts.deadlines import timestamp
from dragoman.members import unread_input
from dragoman.members.input import times
from dragoman.members.input.not_understood import NotUnderstoodInput
from dragoman.office.incidents import windows_map
from dragoman_schemas.window_responses import Stage

EXPORTS: Final = (
    ("geojson", "GeoJSON"),
    ("navtex", "NAVTEX"),
)
"""The forms in which the API gives the windows, and their names."""


_STAGES: Final[tuple[Stage, ...]] = ("open", "holding", "not_ended", "near")


class InForceQuery(Struct, frozen=True, kw_only=True):
    """The moment of the windows, as it was typed, and whether a wall shows them."""

    moment: str = ""
    wall: bool = False


async def in_force(context: PageContext) -> Page:
    """Return the page of the windows that are open or near at a moment."""
    query = context.asked(InForceQuery)
    fault = _set_moment(context, query.moment)
    view = await window_rows.windows_of(context)
    words, w = window_rows.WindowWords(context), context.words
    windows = window_rows.displayed(context, view.windows)
    counts = Counter(window.stage for window in view.windows)
    states = (
        w.say("%(n)s %(state)s", n=w.number(counts[stage]), state=window_rows.stage_word(w, stage))
        for stage in _STAGES
        if counts[stage]
    )
    reading.note_read(context, context.projection)
    return Page(
        template="in_force.html",
        view=view,
        rows=view.windows,
        values={
            "table": words.table(windows, w.say("Windows"), numbered=True),
            "counts": w.pause.join(states),
            "asked_moment": query.moment,
            "shown_moment": timestamp(context.moment),
            "fault": fault,
            "map": windows_map.drawn(context.words, view.windows),
            "exports": EXPORTS,
            "live": context.past or context.service.is_live(context.projection),
            "wall": query.wall,
        },
    )


def _set_moment(context: PageContext, typed: str) -> str:
    """Set the page's moment to the one that the reader asks for.

    Return the sentence of a fault; empty if the moment can be read.
    """
    if not typed:
        return ""
    try:
        now = context.service.now()
        context.moment = times.read_moment(typed, now, context.zone).astimezone(UTC)
    except NotUnderstoodInput as unread:
        return unread_input.explanation(context.words, unread)
    return ""


ROUTES: Final = (PageRoute(path="/in-force", handler=in_force),)

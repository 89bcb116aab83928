"""The page of all windows that are open or near, with a map and the exports.

/c/{channel}/in-force              the windows of now
/c/{channel}/in-force?at=21        the windows at the moment of record 21
/c/{channel}/in-force?wall=1       for a screen that is read from two metres
"""

from typing import Final

from dragoman.console.context import PageContext
from dragoman.console.display.office_clocks import office_of
from dragoman.console.incident import window_rows, windows_map
from dragoman.console.pages import acknowledging
from dragoman.console.rendering import Page, PageRoute

EXPORTS: Final = (
    ("geojson", "GeoJSON"),
    ("kml", "KML"),
    ("navtex", "NAVTEX"),
    ("notam", "NOTAM"),
)
"""The forms in which the API gives the windows, and their names."""


async def in_force(context: PageContext) -> Page:
    """Return the page of the windows that are open or near at the page's moment."""
    view = await window_rows.windows_of(context)
    offices = tuple(office_of(side, context.projection.office(side)) for side in context.sides)
    windows = window_rows.displayed(context, view.windows, offices)
    acknowledging.note_read(context, context.projection)
    return Page(
        template="in_force.html",
        view=view,
        rows=view.windows,
        values={
            "windows": windows,
            "stage_word": window_rows.stage_word,
            "counts": {
                stage: sum(window.stage == stage for window in view.windows)
                for stage in ("open", "holding", "not_ended", "near")
            },
            "map": windows_map.drawn(context.words, view.windows),
            "exports": EXPORTS,
            "live": context.past or context.service.is_live(context.projection),
            "wall": "wall" in context.request.query,
        },
    )


ROUTES: Final = (PageRoute(path="/in-force", handler=in_force),)

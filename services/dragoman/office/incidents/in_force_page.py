"""The page of all windows that are open or near, with a map and the exports.

/c/{channel}/in-force              the windows of now
/c/{channel}/in-force?at=21        the windows at the moment of record 21
/c/{channel}/in-force?moment=…     the windows at a moment, past or still to come
/c/{channel}/in-force?wall=1       for a screen that is read from two metres

A moment still to come has the windows that are announced by now. A page `at` a time
shows the windows of that time, by the records until then.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC
from typing import Final

from msgspec import Struct

from dragoman.console.matter import reading, window_rows
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.document.blocks import (
    Drawing,
    Form,
    PageDocument,
    Points,
    Remark,
    Section,
    line,
    section,
)
from dragoman.domain.acts.deadlines import timestamp
from dragoman.i18n.words import Words
from dragoman.members import unread_input
from dragoman.members.input import times
from dragoman.members.input.not_understood import NotUnderstoodInput
from dragoman.members.runs import PageLink
from dragoman.office.incidents import windows_map
from dragoman_schemas.window_responses import InForce, InForceWindow, Stage

_STAGES: Final[tuple[Stage, ...]] = ("open", "holding", "not_ended", "near")


class InForceQuery(Struct, frozen=True, kw_only=True):
    """The moment of the windows, as it was typed, and whether a wall shows them."""

    moment: str = ""
    wall: bool = False


async def in_force(context: PageContext) -> Page:
    """Return the page of the windows that are open or near at a moment."""
    query = context.asked(InForceQuery)
    typed, fault = query.moment, _set_moment(context, query.moment)
    view = await window_rows.windows_of(context)
    w, say = context.words, context.words.say
    live = context.past or context.service.is_live(context.projection)
    now = say("In force then") if context.past or typed else say("In force now")
    reading.note_read(context, context.projection)
    form = Form(
        to="/in-force",
        gets=True,
        parts=(
            line("moment", say("At another moment, past or still to come"), typed, fault=fault),
        ),
        button=say("Show"),
        beside=(PageLink(say("Without a moment"), "/in-force"),) if typed else (),
    )
    document = PageDocument(
        title=say("In force now"),
        heading=(now if live else say("Not known."),),
        area="in-force",
        live=True,
        is_stale=not live,
        faults=(("moment", fault),) if fault else (),
        lead=w.sentences(
            (
                _counts(w, view.windows),
                say(
                    "Danger areas, launches, activities, convoys and visits: open, or opening "
                    "within two days."
                ),
            )
        ),
        sections=(
            section("", form),
            *((_windows(context, view),) if view.windows else ()),
            _exports(context, typed),
        ),
        foot=(
            PageLink(say("wall display"), f"/{context.again(wall='1')}"),
            PageLink(say("Chart"), "/chart"),
        ),
    )
    return Page(view=document, values={"wall": query.wall})


def _counts(w: Words, windows: Sequence[InForceWindow]) -> str:
    """Return the number of windows in each stage."""
    counts = Counter(window.stage for window in windows)
    states = (
        w.say("%(n)s %(state)s", n=w.number(counts[stage]), state=window_rows.stage_word(w, stage))
        for stage in _STAGES
        if counts[stage]
    )
    return w.pause.join(states) + w.stop if windows else w.say("No window is open or near.")


def _windows(context: PageContext, view: InForce) -> Section:
    """Return the windows as rows, and as a sketch with the numbers of the rows."""
    w, say = context.words, context.words.say
    rows = window_rows.displayed(context, view.windows)
    older = w.count(
        "%(n)s older announcement was not looked at.",
        "%(n)s older announcements were not looked at.",
        view.not_read,
    )
    sketch = windows_map.drawn(w, view.windows)
    caption = say("Sketch from the entries, WGS 84. The numbers are those of the list.")
    as_of = say("as of %(t)s", t=w.written(context.moment, "minute"))
    return section(
        say("Windows"),
        window_rows.WindowWords(context).table(rows, say("Windows"), numbered=True),
        Remark(older) if view.not_read else None,
        Drawing(str(sketch), (caption, " ", PageLink(say("Chart"), "/chart"))) if sketch else None,
        aside=w.listed((as_of, say("in the order in which they open"))),
    )


def _exports(context: PageContext, typed: str) -> Section:
    """Return the forms in which the API gives the windows of the moment."""
    say, query = context.words.say, dict[str, str]()
    if context.past:
        query["at"] = context.asked_at
    if context.past or typed:
        query["moment"] = timestamp(context.moment)
    path = f"//v1/channels/{context.name}/in-force"
    links = (
        (PageLink(name, path, "download", query={"as": form, **query}),)
        for form, name in (("geojson", "GeoJSON"), ("navtex", "NAVTEX"))
    )
    drafts = say(
        "The texts are drafts for your own services. They replace neither a NOTAM nor a NAVAREA "
        "warning."
    )
    return section(say("Take it along"), Points(tuple(links)), Remark(drafts))


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

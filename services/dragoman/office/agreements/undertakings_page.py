"""The page of undertakings: what each side undertook, by side and due date.

    /undertakings    late, due, said by one side only, done, and confirmed

Every side has the same columns. What a side did not agree to stands as said by its
author, and not confirmed.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from dragoman.console.matter.agreement_words import AgreementWords, counted
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.document.blocks import Empty, PageDocument, Section
from dragoman.domain.views.undertakings import ORDER
from dragoman.members.runs import Aside, Mark, PageLink
from dragoman.projection.queries import undertakings as projected
from dragoman_schemas.agreement_responses import SidesUndertakings, Undertakings


async def undertakings(context: PageContext) -> Page:
    """Return the page of undertakings."""
    result = await context.ask(projected.undertakings)
    return Page(view=laid_out(AgreementWords(context), result))


def laid_out(words: AgreementWords, result: Undertakings) -> PageDocument:
    """Return the undertakings of a channel as a document."""
    say = words.w.say
    counts = Counter(view.standing for side in result.sides for view in side.undertakings)
    states = ((counts[name], words.standing(name)) for name in ORDER)
    record = PageLink(say("Record an undertaking"), "/compose/undertaking", "button")
    return PageDocument(
        title=say("Undertakings, by side and due date"),
        area="meetings",
        crumbs=(PageLink(say("Meetings"), "/meetings"),),
        lead=counted(words, states, say("Nothing was undertaken yet.")),
        note=say(
            "Every side has the same columns. Until every addressed side agrees, an "
            "undertaking is shown as said by its author. Undertakings that are not confirmed "
            "are carried over into the next agenda."
        ),
        actions=(record,) if words.context.may_post else (),
        sections=tuple(_sections(words, result)),
    )


def _sections(words: AgreementWords, result: Undertakings) -> Iterator[Section]:
    for side in result.sides:
        yield _section(words, side)


def _section(words: AgreementWords, side: SidesUndertakings) -> Section:
    w, name, views = words.w, side.side.upper(), side.undertakings
    ours = (" ", Aside(w.say("ours"))) if side.side == words.context.side else ()
    label = w.say("What %(side)s undertook", side=name)
    nothing = Empty(
        w.say("It has undertaken nothing on record."),
        w.say("What it undertakes appears here, with its limit and whether it was done."),
    )
    return Section(
        (Mark("side", name), *ours),
        (words.undertakings(views, label) if views else nothing,),
        aside=(w.count("%(n)s undertaking", "%(n)s undertakings", len(views)),),
        names={"side": side.side},
    )


ROUTES: Final = (PageRoute(path="/undertakings", handler=undertakings),)

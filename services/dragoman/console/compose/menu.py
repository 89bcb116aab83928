"""The menu of acts that may be written: each form, and when to use it.

/compose               the forms of the reader's office, in groups, incidents first;
                       of more than 18, the six that the side has used most
/compose?all=1         every form
/compose?q=fishing     the forms whose name, purpose or code has this word

A list that is short says when to use each form. The form itself says so, too.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from dragoman.console.compose.writing import may_write, sending_of
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page
from dragoman.document.blocks import (
    Empty,
    Form,
    PageDocument,
    Paragraph,
    Points,
    Section,
    line,
    section,
)
from dragoman.domain.acts.act_registry import FORMATS, in_force
from dragoman.domain.views.offers import GROUPS, INCIDENT, MENU, Offer
from dragoman.i18n.words import Words
from dragoman.members.runs import PageLink
from dragoman.projection.view import View
from dragoman.text import Text

MOST: Final = 60
"""The number of characters of a search that are read."""


_SHORT: Final = 18
"""The most forms of a list that says when to use each."""

_FIRST: Final = 6
"""The number of forms that a long list shows at first."""


class MenuQuery(Struct, frozen=True, kw_only=True):
    """The words of an act, as they were typed, or `all` forms."""

    q: str = ""
    all: bool = False


async def menu(context: PageContext) -> Page:
    """Return the page that lists the acts that the reader may write."""
    writable = [
        act
        for act, form in in_force(context.registry).formats.items()
        if context.registry.kind in form.kinds and may_write(context, form.rule)
    ]
    query = context.asked(MenuQuery)
    typed = query.q[:MOST].rstrip()
    w, say = context.words, context.words.say
    every = [
        offer
        for offer in MENU
        if offer.purpose is not None
        and offer.act in writable
        and _matches(w, offer.act, offer.purpose, typed)
    ]
    first = [offer for offer in every if offer.act in context.office_kind.forms]
    forms = every if typed or query.all else first
    if len(forms) > _SHORT and forms is first:
        forms = await _most_used(context, first)
        headings = [(say("Most used by your side"), forms)]
    else:
        headings = [
            (w.sentence(heading), [offer for offer in forms if offer.group is heading])
            for heading in GROUPS
        ]
    groups = (
        section(heading, _forms(context, offers, explained=len(forms) <= _SHORT))
        for heading, offers in headings
        if offers
    )
    nothing = say(
        "Nothing can be written here: officers write, of now, while the log takes records."
    )
    document = PageDocument(
        title=say("Write"),
        area="compose",
        sections=(_search(context, typed, forms, every), *groups)
        if writable
        else (section("", Empty(nothing)),),
        foot=(PageLink(say("Drafts of your side"), "/drafts"),),
    )
    return Page(view=document)


async def _most_used(context: PageContext, offers: Sequence[Offer]) -> list[Offer]:
    """Return the form of an incident, and those that the side has used most.

    Forms that were used as often are in the order of the menu.
    """
    used = Counter(await context.ask(View.opened_by, context.side))
    first = sorted(offers, key=lambda offer: (offer.act != INCIDENT, -used[offer.act]))
    return first[:_FIRST]


def _search(
    context: PageContext, typed: str, forms: Sequence[Offer], every: Sequence[Offer]
) -> Section:
    """Return the field that finds a form by a word, its result, and the way to all."""
    w, say, count = context.words, context.words.say, len(forms)
    all_forms = PageLink((say("Show all forms"),), "/compose", query={"all": "1"})
    find = line("q", say("Find a form by a word"), typed)
    form = Form(to="/compose", gets=True, parts=(find,), button=say("Find"))
    if not typed:
        return section("", form, Paragraph((all_forms,)) if count < len(every) else None)
    result = w.count(
        "%(n)s form has “%(what)s”.", "%(n)s forms have “%(what)s”.", count, what=typed
    )
    none = say("No form has “%(what)s”. Try another word.", what=typed)
    return section("", form, Paragraph((result if count else none, " ", all_forms)))


def _forms(context: PageContext, offers: Sequence[Offer], *, explained: bool) -> Points:
    """Return forms, each with who sends it; `explained`, with when to use it."""
    w, points = context.words, []
    for offer in offers:
        assert offer.purpose is not None
        hands_over = sending_of(context, FORMATS[offer.act].rule).hands_over
        lines = [
            w.sentence(offer.purpose) if explained else "",
            w.say("A colleague sends it.") if hands_over else "",
        ]
        link = PageLink(w.act(offer.act), f"/compose/{offer.act}")
        points.append((link, " ", w.sentences(filter(None, lines))))
    return Points(tuple(points), tuple({"form": offer.act} for offer in offers), layout="forms")


def _matches(words: Words, act: str, purpose: Text, typed: str) -> bool:
    """Return whether a form has every word that was typed, in any place and case."""
    text = " ".join((words.act(act), words.sentence(purpose), FORMATS[act].code)).casefold()
    return all(part in text for part in typed.casefold().split())

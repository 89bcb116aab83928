"""The page of mechanisms: what talks and what does not.

/mechanisms    overdue, in force, suspended, ended, and proposed
"""

from collections.abc import Sequence
from typing import Final

from dragoman.console.matter.agreement_words import AgreementWords, counted
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.document.blocks import Group, Listing, PageDocument, Section
from dragoman.members.runs import Mark, PageLink
from dragoman.projection.queries import mechanisms as projected
from dragoman.text import capitalized
from dragoman_schemas.agreement_responses import Mechanisms, MechanismView

GROUPS: Final = {
    "overdue": "caution",
    "in_force": "normal",
    "suspended": "serious",
    "ended": "off",
    "proposed": "standby",
}
"""The groups of the page in their order, each with its level."""


async def mechanisms(context: PageContext) -> Page:
    """Return the page of mechanisms."""
    result = await context.ask(projected.mechanisms)
    return Page(view=laid_out(AgreementWords(context), result))


def laid_out(words: AgreementWords, result: Mechanisms) -> PageDocument:
    """Return the mechanisms of a channel as a document."""
    say = words.w.say
    groups = {
        name: [view for view in result.mechanisms if group_of(view) == name] for name in GROUPS
    }
    states = (
        (len(views), say("overdue") if name == "overdue" else words.w.status(name))
        for name, views in groups.items()
    )
    enter = PageLink(say("Enter a mechanism"), "/compose/mechanism", "button")
    return PageDocument(
        title=say("What talks and what does not"),
        area="meetings",
        crumbs=(PageLink(say("Meetings"), "/meetings"),),
        lead=counted(words, states, say("No mechanism was entered.")),
        note=say(
            "Line checks, incidents, coded messages and emergencies are sent whatever is suspended."
        ),
        actions=(enter,) if words.context.may_post else (),
        sections=tuple(_section(words, name, views) for name, views in groups.items() if views),
    )


def _section(words: AgreementWords, name: str, views: Sequence[MechanismView]) -> Section:
    say = words.w.say
    match name:
        case "overdue":
            heading = say("In force, and overdue")
        case "in_force":
            heading = say("In force")
        case "suspended":
            heading = capitalized(say("suspended"))
        case "ended":
            heading = say("Ended")
        case _:
            heading = say("Proposed, not agreed yet")
    head = (
        say("Mechanism"),
        say("Status, by whom and why"),
        say("Last held"),
        say("Waiting"),
    )
    rows = tuple(words.mechanism_row(view) for view in views)
    return Section(
        (Mark("state", heading, GROUPS[name]),),
        (Listing(heading, head, (Group(rows),)),),
        aside=(words.w.number(len(views)),),
        names={"group": name},
    )


def group_of(view: MechanismView) -> str:
    """Return the group of a mechanism; a closed one is with those that ended."""
    if view.overdue:
        return "overdue"
    return view.status if view.status in GROUPS else "ended"


ROUTES: Final = (PageRoute(path="/mechanisms", handler=mechanisms),)

"""The page of mechanisms: what talks and what does not.

/mechanisms    overdue, in force, suspended, ended, and proposed
"""

from typing import Final

from msgspec import Struct

from dragoman.console.context import PageContext
from dragoman.console.display.act_display import Display
from dragoman.console.rendering import Page, PageRoute
from dragoman.projection.queries import mechanisms as projected
from dragoman_schemas.agreement_responses import MechanismView

GROUPS: Final = ("overdue", "in_force", "suspended", "ended", "proposed")
"""The groups of the page, in their order."""


class MechanismsView(Struct, frozen=True, kw_only=True):
    """The mechanisms of a channel at a position."""

    channel: str
    position: int
    mechanisms: tuple[MechanismView, ...]


async def mechanisms(context: PageContext) -> Page:
    """Return the page of mechanisms."""
    result = await context.ask(projected.mechanisms)
    view = MechanismsView(
        channel=context.name, position=context.position, mechanisms=result.mechanisms
    )
    groups = {name: [item for item in view.mechanisms if group_of(item) == name] for name in GROUPS}
    return Page(
        template="mechanisms.html",
        view=view,
        rows=view.mechanisms,
        values={
            "groups": groups,
            "display": Display(context.words, (), {}, context.link),
        },
    )


def group_of(item: MechanismView) -> str:
    """Return the group of a mechanism; a closed one is with those that ended."""
    if item.overdue:
        return "overdue"
    return item.status if item.status in GROUPS else "ended"


ROUTES: Final = (PageRoute(path="/mechanisms", handler=mechanisms),)

"""The page of undertakings: what each side undertook, by side and due date.

    /undertakings    late, due, said by one side only, done, and confirmed

Every side has the same columns. What a side did not agree to stands as said by its
author, and not confirmed.
"""

from collections import Counter
from typing import Final

from msgspec import Struct

from dragoman.console.context import PageContext
from dragoman.console.display.act_display import Display
from dragoman.console.rendering import Page, PageRoute
from dragoman.domain.views.undertakings import OPEN, ORDER, next_acts
from dragoman.projection.queries import undertakings as projected
from dragoman_schemas.agreement_responses import (
    SidesUndertakings,
    UndertakingView,
)


class UndertakingsView(Struct, frozen=True, kw_only=True):
    """The undertakings of a channel at a position."""

    channel: str
    position: int
    sides: tuple[SidesUndertakings, ...]


async def undertakings(context: PageContext) -> Page:
    """Return the page of undertakings."""
    result = await context.ask(projected.undertakings)
    view = UndertakingsView(channel=context.name, position=context.position, sides=result.sides)
    every = [item for side in view.sides for item in side.undertakings]
    return Page(
        template="undertakings.html",
        view=view,
        rows=every,
        values={
            "counts": Counter(item.standing for item in every),
            "waiting": sum(item.standing in OPEN for item in every),
            "order": ORDER,
            "groups_of": _groups,
            "acts_of": lambda item: next_acts(item, context.side) if context.may_post else (),
            "display": Display(context.words, (), {}, context.link),
        },
    )


def _groups(side: SidesUndertakings) -> list[tuple[str, list[UndertakingView]]]:
    """Return the undertakings of a side by standing, in the order of the standings."""
    return [
        (standing, [item for item in side.undertakings if item.standing == standing])
        for standing in ORDER
    ]


ROUTES: Final = (PageRoute(path="/undertakings", handler=undertakings),)

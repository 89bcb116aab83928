"""Panels: the parts of a page that belong to other kinds of work than the page itself.

    app[MATTER_PANELS] = (Panel(place="main", of=people_panel.shown), ...)
    await shown_for(app[MATTER_PANELS], matter)     by place, without what says nothing

The page of an exchange and the board show their panels in the order of the table, and
know none of them.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

from aiohttp import web

from dragoman.console.display.act_display import Display
from dragoman.console.page.context import PageContext
from dragoman_schemas.responses import ExchangeView
from dragoman_schemas.state import Exchange

S = TypeVar("S")

Place = Literal["main", "side", "watch", "watch_links", "question"]
"""The place of a panel on its page.

`main` is above the message of an exchange, `side` beside it. `watch` and `watch_links`
are on the board, in the list and in the heading of the line and the watch. A `question`
stands on the board below all that waits.
"""


@dataclass(frozen=True)
class ShownMatter:
    """The matter of a page, as its reader sees it."""

    context: PageContext
    state: Exchange
    display: Display
    view: ExchangeView


@dataclass(frozen=True, kw_only=True)
class ShownPanel:
    """A panel with something to say: its template, and the value that this shows.

    The template has the value as `panel`. The page loads the `script`, if there is one.
    """

    template: str
    value: object = None
    script: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel(Generic[S]):
    """One kind of panel, and the function that fills it for the subject of a page."""

    place: Place
    of: Callable[[S], Awaitable[ShownPanel | None]]


MATTER_PANELS: Final[web.AppKey[tuple[Panel[ShownMatter], ...]]] = web.AppKey("matter_panels")
"""The panels on the page of an exchange, in their order."""

BOARD_PANELS: Final[web.AppKey[tuple[Panel[PageContext], ...]]] = web.AppKey("board_panels")
"""The panels on the board, in their order."""


async def shown_for(panels: tuple[Panel[S], ...], subject: S) -> dict[Place, list[ShownPanel]]:
    """Return the panels that have something to say of a subject, by their place."""
    shown: dict[Place, list[ShownPanel]] = defaultdict(list)
    for panel in panels:
        filled = await panel.of(subject)
        if filled is not None:
            shown[panel.place].append(filled)
    return shown

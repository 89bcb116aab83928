"""The page `/go`: the goals of what is typed in the search field of every page.

    /c/north/go?q=0016    the goals of the text; the page redirects to the only one

Groups have a fixed order, and so have the goals of a group. So the same text leads to
the same place on every screen.
"""

from typing import Final

from aiohttp import web
from msgspec import Struct

from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.console.page.sessions import redirect
from dragoman.console.search import exchange_goals, people_goals
from dragoman.console.search.goals import Goal, GoalGroup, channels_of, group, read
from dragoman.console.search.named_goals import best_of, named_goals, ranked
from dragoman.limits import GO_FOUND, SEARCH_CHARACTERS
from dragoman.text import sentence


class SearchResult(Struct, frozen=True, kw_only=True):
    """The typed text and its goals, in groups and in one list.

    `more` says that there are more goals than listed.
    """

    typed: str
    goals: tuple[Goal, ...] = ()
    groups: tuple[GoalGroup, ...] = ()
    more: bool = False


class SearchQuery(Struct, frozen=True, kw_only=True):
    """The typed text."""

    q: str = ""


async def search(context: PageContext) -> Page | web.StreamResponse:
    """Redirect to the goal of the typed text.

    List the goals if the text does not have exactly one.
    """
    typed, page_goals = _typed(context), list(named_goals(context))
    result = SearchResult(typed=typed)
    if typed:
        names = ranked(typed, page_goals)
        result, only = await _result(context, typed, names)
        if only is not None and not context.request.match_info.get("form"):
            return redirect(only.address)
    return Page(
        template="search.html",
        view=result,
        rows=result.goals,
        values={
            "searches": _searches(context, typed),
            "writes": any(item.goal.kind == "action" for item in page_goals),
        },
    )


def _typed(context: PageContext) -> str:
    """Return the typed text. Raises `Refused` if it is longer than a search."""
    typed = context.asked(SearchQuery).q
    if len(typed) > SEARCH_CHARACTERS:
        raise refused(
            "bad-request",
            sentence(
                "The text is too long. Type at most %(limit)s characters.", limit=SEARCH_CHARACTERS
            ),
        )
    return typed


def _searches(context: PageContext, typed: str) -> list[tuple[str, str]]:
    """Return the lists of the inboxes for the typed text, by their channels."""
    if not typed:
        return []
    return [
        (channel.name, context.to(f"/c/{channel.name}/inbox", q=typed))
        for channel in channels_of(context)
    ]


async def _result(
    context: PageContext, typed: str, names: list[tuple[int, Goal]]
) -> tuple[SearchResult, Goal | None]:
    """Return the goals of a typed text, and the one that it names exactly, if any."""
    sides = {side.name for channel in channels_of(context) for side in channel.registry.sides}
    text = read(typed, sides)
    places = await exchange_goals.numbered(context, text, GO_FOUND + 1)
    numbered = [
        *(exchange_goals.goal_of(context, place) for place in places),
        *exchange_goals.at_position(context, text),
    ]
    acts = exchange_goals.acts(context, places, text, GO_FOUND)
    addresses = {goal.address for goal in numbered}
    texts = await exchange_goals.worded(context, text, GO_FOUND + 1)
    groups = tuple(
        group(name, goals, GO_FOUND)
        for name, goals in (
            ("acts", acts if text.words else []),
            ("numbers", numbered),
            ("acts", [] if text.words else acts),
            ("pages", [goal for _, goal in names if goal.kind == "page"]),
            ("actions", [goal for _, goal in names if goal.kind == "action"]),
            ("channels", [goal for _, goal in names if goal.kind == "channel"]),
            ("people", await people_goals.people(context, text.text)),
            ("texts", [goal for goal in texts if goal.address not in addresses]),
        )
        if goals
    )
    result = SearchResult(
        typed=typed,
        goals=tuple(goal for goal_group in groups for goal in goal_group.goals),
        groups=groups,
        more=any(goal_group.more for goal_group in groups),
    )
    exact = numbered if not text.words else acts if text.is_number else []
    only = {goal.address: goal for goal in exact or (best_of(names) if names else [])}
    return result, next(iter(only.values())) if len(only) == 1 else None


async def palette(context: PageContext) -> web.StreamResponse:
    """Redirect an earlier address of the search to the page of today."""
    typed = context.asked(SearchQuery).q
    return redirect(context.to(context.request.path.replace("/palette", "/go"), q=typed))


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/go", handler=search, anywhere=True),
    PageRoute(path="/go", handler=search),
    PageRoute(path="/palette", handler=palette, anywhere=True),
    PageRoute(path="/palette", handler=palette),
)

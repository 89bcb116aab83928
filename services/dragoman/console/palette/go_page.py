"""The page `/go` and the fragment of the palette: the same goals for the same text.

    /c/north/go?q=0016         the page; it redirects to the only goal
    /c/north/palette?q=0016    the same groups as options, for the dialog over a page

A reader without scripts has the page. Groups have a fixed order, and so have the goals
of a group. So no goal moves under a finger while the reader goes on typing.
"""

from typing import Final

from aiohttp import web
from msgspec import Struct

from dragoman.console.context import PageContext
from dragoman.console.palette import exchange_goals, people_goals
from dragoman.console.palette.goals import Goal, GoalGroup, channels_of, group, read
from dragoman.console.palette.named_goals import (
    FIRST_PAGES,
    best_of,
    host_pages,
    named_goals,
    pages,
    ranked,
)
from dragoman.console.palette.recent_places import RECENT
from dragoman.console.rendering import (
    Page,
    PageRoute,
    compile_template,
    html,
    refused,
    render_template,
)
from dragoman.console.sessions import redirect
from dragoman.limits import GO_FOUND, SEARCH_CHARACTERS
from dragoman.text import sentence

_GOALS: Final = 6
"""Goals of each kind in the palette, so that all kinds are in sight on a screen."""


class Go(Struct, frozen=True, kw_only=True):
    """The typed text and its goals, in groups and in one list.

    `more` says that there are more goals than listed.
    """

    typed: str
    goals: tuple[Goal, ...]
    groups: tuple[GoalGroup, ...]
    more: bool = False


class _Answer(Struct, frozen=True, kw_only=True):
    """The groups of a typed text, and its one goal if it has exactly one.

    `writes` says that the reader may write something.
    """

    groups: tuple[GoalGroup, ...]
    only: Goal | None = None
    writes: bool = False


async def go(context: PageContext) -> Page | web.StreamResponse:
    """Redirect to the goal of the typed text.

    List the goals if the text does not have exactly one.
    """
    typed = _typed(context)
    result = await _answer(context, typed, GO_FOUND)
    if result.only is not None and not context.request.match_info.get("form"):
        return redirect(result.only.address)
    goals = tuple(goal for goal_group in result.groups for goal in goal_group.goals)
    more = any(goal_group.more for goal_group in result.groups)
    return Page(
        template="go.html",
        view=Go(typed=typed, goals=goals if typed else (), groups=result.groups, more=more),
        rows=goals,
        values={
            "searches": _searches(context, typed),
            "most": SEARCH_CHARACTERS,
            "writes": result.writes,
            "about": context.request.query.get("about", ""),
            "action": context.request.path.removesuffix(".json").removesuffix(".csv"),
        },
    )


async def palette(context: PageContext) -> web.StreamResponse:
    """Return the goals of the typed text as options, for the dialog over a page."""
    typed = _typed(context)
    result = await _answer(context, typed, _GOALS)
    await compile_template(context.words, "palette_options.html")
    return html(
        render_template(
            context,
            context.words,
            "palette_options.html",
            typed=typed,
            groups=result.groups,
            searches=_searches(context, typed),
            count=sum(len(goal_group.goals) for goal_group in result.groups),
        )
    )


def _typed(context: PageContext) -> str:
    """Return the typed text. Raises `Refused` if it is longer than a search."""
    typed = " ".join(context.request.query.get("q", "").split())
    if len(typed) > SEARCH_CHARACTERS:
        raise refused(
            "bad-request",
            sentence(
                "The text is too long. Type at most %(limit)s characters.", limit=SEARCH_CHARACTERS
            ),
        )
    return typed


def _searches(context: PageContext, typed: str) -> list[tuple[str, str]]:
    """Return the searches of the inboxes for the typed text, by their channels."""
    if not typed:
        return []
    return [
        (channel.name, context.to(f"/c/{channel.name}/inbox", q=typed))
        for channel in channels_of(context)
    ]


async def _answer(context: PageContext, typed: str, most: int) -> _Answer:
    """Return the groups of a typed text, with at most so many goals each."""
    page_goals = list(named_goals(context))
    writes = any(item.goal.kind == "action" for item in page_goals)
    if not typed:
        return _Answer(groups=tuple(_before_typing(context, most)), writes=writes)
    sides = {side.name for channel in channels_of(context) for side in channel.registry.sides}
    text = read(typed, sides)
    places = await exchange_goals.numbered(context, text, most + 1)
    numbered = [
        *(exchange_goals.goal_of(context, place) for place in places[: most + 1]),
        *exchange_goals.at_position(context, text),
    ]
    acts = await exchange_goals.acts(
        context, places, text, context.request.query.get("about", ""), most
    )
    names = ranked(typed, page_goals)
    people = await people_goals.people(context, text.text)
    texts = await exchange_goals.worded(context, text, most + 1)
    addresses = {goal.address for goal in numbered}
    groups = (
        *([group("acts", acts, most)] if text.words and text.is_number else []),
        group("numbers", numbered, most),
        *([group("acts", acts, most)] if not text.words else []),
        group("pages", (goal for _, goal in names if goal.kind == "page"), most),
        group("actions", (goal for _, goal in names if goal.kind == "action"), most),
        *([group("acts", acts, most)] if text.words and not text.is_number else []),
        group("channels", (goal for _, goal in names if goal.kind == "channel"), most),
        group("people", people, most),
        group("texts", (goal for goal in texts if goal.address not in addresses), most),
    )
    exact = numbered if not text.words else acts if text.is_number else []
    only = list({goal.address: goal for goal in exact}.values()) or (
        best_of(names) if names else []
    )
    return _Answer(
        groups=tuple(item for item in groups if item.goals),
        only=only[0] if len(only) == 1 else None,
        writes=writes,
    )


def _before_typing(context: PageContext, most: int) -> list[GoalGroup]:
    """Return the groups before anything is typed: recent exchanges, and the pages."""
    groups = [group("recent", _recent(context), most)]
    first = host_pages(context) if context.channel is None else pages(context, context.projection)
    groups.append(GoalGroup(name="pages", goals=tuple(item.goal for item in first)[:FIRST_PAGES]))
    return [item for item in groups if item.goals]


def _recent(context: PageContext) -> list[Goal]:
    """Return the exchanges that the session has last opened.

    What the reader may no longer see, and what was erased, is left out.
    """
    channels = {channel.name: channel for channel in channels_of(context)}
    goals = [
        exchange_goals.of_exchange(context, channels[name], exchange)
        for name, exchange in context.request.app[RECENT].of(context.request["session"])
        if name in channels
    ]
    return [goal for goal in goals if goal is not None]


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/go", handler=go, anywhere=True),
    PageRoute(path="/go", handler=go),
    PageRoute(path="/palette", handler=palette, anywhere=True),
    PageRoute(path="/palette", handler=palette),
)

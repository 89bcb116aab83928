"""The windows that are open or near at a moment, as rows of a page.

    open    CHINA  Launch of a rocket       closes 03:20Z   NATO must acknowledge
    near    NATO   Firing, 20-10N 110-45E   opens 11:00Z    NOT passed on by CHINA to
                                                            Air defence

The board, its wall display and the page of all windows show the same rows. Each row
says who has not acknowledged, and which posts a side has not told.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from markupsafe import Markup, escape
from msgspec import Struct

from dragoman.console.context import PageContext
from dragoman.console.display.act_display import Display
from dragoman.console.display.deadline_rows import Level
from dragoman.console.display.office_clocks import Office
from dragoman.domain.acts import event_windows, passing_on
from dragoman.domain.acts.deadlines import profile_of, timestamp
from dragoman.domain.acts.geodesy import GeoPoint
from dragoman.i18n.places import written_place
from dragoman.i18n.words import NBSP, Words, as_moment
from dragoman.projection.queries import in_force
from dragoman_schemas.fields import UNNAMED
from dragoman_schemas.state import Exchange, Registry
from dragoman_schemas.window_responses import InForce, InForceWindow, Stage

_TITLED: Final = frozenset({"danger-area"})
"""Formats whose kind says what the window is for."""

_SOON: Final = timedelta(hours=2)
_PLACES: Final = 3
"""The most places of a window that a row names."""


class UntoldPosts(Struct, frozen=True, kw_only=True):
    """The posts that a side has not said it told, and the limit for telling them."""

    side: str
    posts: tuple[str, ...]
    limit: str
    is_late: bool


class DisplayedWindow(Struct, frozen=True, kw_only=True):
    """One window as a page shows it: its state, its times, and who lacks it.

    `since` is the time from which the event is under way or held back, by its side's
    word; empty for none.
    """

    window: InForceWindow
    level: Level
    what: str
    where: Markup
    opens: Markup
    closes: Markup
    since: str
    untold: tuple[UntoldPosts, ...]


async def windows_of(context: PageContext) -> InForce:
    """Return the windows that are open or near at the moment of a page."""
    return await context.ask(in_force.in_force)


def displayed(
    context: PageContext, windows: Sequence[InForceWindow], offices: Sequence[Office]
) -> list[DisplayedWindow]:
    """Return windows with their texts, in the order in which they open."""
    display = Display(context.words, offices, None, context.link)
    return [_displayed(context, window, display) for window in windows]


def _displayed(context: PageContext, window: InForceWindow, display: Display) -> DisplayedWindow:
    state = context.state_of(window.exchange) if window.not_passed_on else None
    untold = () if state is None else tuple(untold_posts(context, state, window))
    return DisplayedWindow(
        window=window,
        level=level_of(context, window, untold),
        what=context.words.value(window.kind)
        if window.act in _TITLED and window.kind not in ("", *UNNAMED)
        else "",
        where=where(context.words, display, window),
        opens=moment(context, display, window.opens),
        closes=moment(context, display, window.closes) if window.closes else Markup(),
        since=window.holding or window.arrived or window.commenced,
        untold=untold,
    )


def untold_posts(
    context: PageContext, state: Exchange, window: InForceWindow
) -> Iterator[UntoldPosts]:
    """Yield the posts that each side has not told of a window, with the limit."""
    for side, posts in window.not_passed_on.items():
        limit = limit_of(context.registry, state, side)
        if limit:
            is_late = context.moment > as_moment(limit)
            yield UntoldPosts(side=side, posts=posts, limit=limit, is_late=is_late)


def limit_of(registry: Registry, state: Exchange, side: str) -> str:
    """Return the time by which a side passes a message on; empty without a list."""
    message = event_windows.naming_message(state)
    onward = passing_on.list_of(registry, side, state.act, message.said.position)
    if onward is None:
        return ""
    limits, _ = profile_of(registry)
    return timestamp(passing_on.limit(state, message, onward, limits))


def level_of(context: PageContext, window: InForceWindow, untold: Sequence[UntoldPosts]) -> Level:
    """Return the urgency of a window: the worst of all that is missing in it."""
    is_ahead = window.stage == "near"
    if any(posts.is_late for posts in untold):
        return "serious" if is_ahead else "critical"
    if window.stage == "not_ended":
        return "caution"
    is_soon = as_moment(window.opens) - context.moment <= _SOON
    if window.unacknowledged_by and (is_soon or not is_ahead):
        return "caution"
    return "standby" if is_ahead or window.stage == "holding" else "normal"


def where(words: Words, display: Display, window: InForceWindow) -> Markup:
    """Return the places of a window in few words; the exchange has them in full."""
    shown: list[Markup] = []
    for raw in window.places.values():
        value = msgspec.json.decode(bytes(raw))
        if value != "unknown":
            shown += [
                brief_place(words, display, item)
                for item in (value if isinstance(value, list) else [value])
            ]
    more = len(shown) - _PLACES
    if more > 0:
        text = words.count("and %(n)s more", "and %(n)s more", more)
        shown = [*shown[:_PLACES], escape(text)]
    return escape(words.semicolon).join(shown)


def brief_place(words: Words, display: Display, value: Any) -> Markup:
    """Return one place: by its name if it has one, else by its position."""
    if not isinstance(value, dict):
        return display.place(value)
    names = {name: value[name] for name in ("name", "names", "text") if name in value}
    if "circle" in value:
        return display.place({"circle": value["circle"], **names})
    if names:
        return display.place(names)
    if "polygon" in value:
        corners = value["polygon"]
        point = written_place(GeoPoint(corners[0]["lat"], corners[0]["lon"]), "dm")
        return escape(
            words.count(
                "area with %(n)s corner, %(p)s",
                "area with %(n)s corners, the first at %(p)s",
                len(corners),
                p=point,
            )
        )
    return escape(written_place(GeoPoint(value["lat"], value["lon"]), "dm"))


def moment(context: PageContext, display: Display, time: str) -> Markup:
    """Return a time with the offices' local times, and its day if not today."""
    instant, today = as_moment(time), context.moment.date()
    shown = context.words.time(instant, "hour" if instant.date() == today else "minute")
    local = [
        f"{name}{NBSP}{context.words.local(instant, ZoneInfo(zone))}"
        for zone, name in display.say.zones.items()
    ]
    if not local:
        return shown
    return Markup("{} <small>{}</small>").format(shown, context.words.listed(local))


def stage_word(words: Words, stage: Stage) -> str:
    """Return the word for the state of a window."""
    match stage:
        case "open":
            return words.say("open")
        case "holding":
            return words.say("holding")
        case "not_ended":
            return words.say("not ended")
        case _:
            return words.say("near")

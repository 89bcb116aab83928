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
from msgspec import Struct

from dragoman.console.display.deadline_rows import Level
from dragoman.console.display.office_clocks import places
from dragoman.console.page.context import PageContext
from dragoman.console.page_words import PageWords
from dragoman.document.blocks import Group, Listing, ListingRow
from dragoman.domain.acts import event_windows, passing_on
from dragoman.domain.acts.deadlines import profile_of, timestamp
from dragoman.domain.acts.geodesy import GeoPoint
from dragoman.i18n.places import written_place
from dragoman.i18n.words import NBSP, Words, as_moment
from dragoman.members.kind import Say
from dragoman.members.places import PlaceKind
from dragoman.members.runs import (
    Aside,
    Break,
    Cell,
    Mark,
    PageLink,
    QuotedText,
    Runs,
    StandingSource,
    joined,
    listed,
    sourced,
)
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
    """One window as a page shows it: its state, its countdown, and who lacks it.

    `what` is empty where the subject says what it is.
    """

    window: InForceWindow
    level: Level
    what: str
    countdown: str
    untold: tuple[UntoldPosts, ...]


async def windows_of(context: PageContext) -> InForce:
    """Return the windows that are open or near at the moment of a page."""
    return await context.ask(in_force.in_force)


def displayed(context: PageContext, windows: Sequence[InForceWindow]) -> list[DisplayedWindow]:
    """Return windows with their levels, in the order in which they open."""
    return [_displayed(context, window) for window in windows]


def _displayed(context: PageContext, window: InForceWindow) -> DisplayedWindow:
    state = context.state_of(window.exchange) if window.not_passed_on else None
    untold = () if state is None else tuple(untold_posts(context, state, window))
    return DisplayedWindow(
        window=window,
        level=level_of(context, window, untold),
        what=context.words.value(window.kind)
        if window.act in _TITLED and window.kind not in ("", *UNNAMED)
        else "",
        countdown=_countdown(context, window),
        untold=untold,
    )


def _countdown(context: PageContext, window: InForceWindow) -> str:
    """Return the time until a window opens or closes, or since it did."""
    w, say = context.words, context.words.say
    closes, since = window.closes, window.holding or window.arrived or window.commenced
    match window.stage:
        case "near":
            return say("opens in %(d)s", d=w.until(window.opens, context.moment))
        case "not_ended":
            return say("%(d)s past its end", d=w.until(closes or window.opens, context.moment))
        case "holding":
            return say("for %(d)s", d=w.until(since, context.moment)) if since else ""
        case _ if closes:
            return say("closes in %(d)s", d=w.until(closes, context.moment))
        case _:
            return say("for %(d)s", d=w.until(window.opens, context.moment))


class WindowWords(PageWords):
    """The words for windows as rows, for one page."""

    def table(
        self, windows: Sequence[DisplayedWindow], label: str, *, numbered: bool = False
    ) -> Listing:
        """Return windows as rows, with the numbers that a map has or without."""
        say = self.w.say
        head = (say("State"), say("Side"), say("What and where"), say("Window"))
        rows = (
            self._row(window, number if numbered else 0) for number, window in enumerate(windows, 1)
        )
        has = say("Who has it, who has passed it on")
        return Listing(label, (*head, has), (Group(tuple(rows)),), layout="windows")

    def _row(self, shown: DisplayedWindow, number: int) -> ListingRow:
        window, source = shown.window, StandingSource("in_force", shown.window.exchange)
        word = Mark("state", stage_word(self.w, window.stage), shown.level)
        cells: tuple[Cell, ...] = (
            sourced((word, Aside((shown.countdown,))), source),
            self.side(window.side),
            self._what(shown, number),
            sourced(self._times(window), source),
            self._receipts(shown),
        )
        return ListingRow(
            cells, {"state": shown.level, "window": window.exchange, "row": window.exchange}
        )

    def _what(self, shown: DisplayedWindow, number: int) -> Runs:
        w, window, parts = self.w, shown.window, list[Cell]()
        if number:
            parts += [Mark("strong", w.number(number)), " "]
        tag, text = self.context.subject(window)
        kind = f"{shown.what[:1].upper()}{shown.what[1:]}"
        name = kind or QuotedText(text, tag)
        title = StandingSource("title", window.exchange)
        parts.append(sourced(PageLink((name,), f"/exchanges/{window.exchange}"), title))
        parts += self.marked(window.marking)
        place = where(w, window)
        if place:
            source = StandingSource("in_force", window.exchange)
            parts.append(sourced(Aside(place), source))
        number_runs = self.number(window.number) if window.number else (w.act(window.act),)
        parts.append(Aside((*number_runs, w.comma, w.status(window.status))))
        return joined(parts)

    def _times(self, window: InForceWindow) -> Runs:
        say = self.w.say
        opens = say("opens") if window.stage == "near" else say("opened")
        parts: list[Cell] = [(opens, " ", *self._moment(window.opens))]
        if window.closes:
            closes = say("was to close") if window.stage == "not_ended" else say("closes")
            parts.append((closes, " ", *self._moment(window.closes)))
        elif window.until_further_notice:
            parts.append(say("until further notice"))
        else:
            parts.append(Aside((say("its end is not known"),)))
        return listed(parts, Break("; "))

    def _moment(self, time: str) -> Runs:
        """Return a time with the offices' local times, and its day if not today."""
        instant, today = as_moment(time), self.context.moment.date()
        shown = self.time(time, "hour" if instant.date() == today else "minute")
        local = [
            f"{name}{NBSP}{self.w.local(instant, ZoneInfo(zone))}"
            for zone, name in places(self.context.offices, self.w).items()
        ]
        return (shown, " ", Aside((self.w.listed(local),))) if local else (shown,)

    def _receipts(self, shown: DisplayedWindow) -> Runs:
        """Return the sides that must acknowledge, and the posts that nobody told."""
        say, id = self.w.say, shown.window.exchange
        owed = StandingSource("owed", id, duty=True)
        parts: list[Cell] = [
            sourced(say("%(side)s must acknowledge", side=side.upper()), owed)
            for side in shown.window.unacknowledged_by
        ]
        if not parts:
            parts.append(sourced(say("acknowledged"), StandingSource("owed", id)))
        parts += (sourced(self._not_passed(posts), owed) for posts in shown.untold)
        return listed(parts, Break("; "))

    def _not_passed(self, untold: UntoldPosts) -> Runs:
        w, posts, side = self.w, self.w.listed(untold.posts), untold.side.upper()
        text = w.say(
            "%(side)s has not said that it passed this on to %(posts)s", side=side, posts=posts
        )
        limit = w.written(untold.limit, "minute")
        rest = w.until(untold.limit, self.context.moment)
        if untold.is_late:
            remark = w.say("limit was %(t)s, %(d)s passed", t=limit, d=rest)
            return (Mark("strong", text), " ", Aside((remark,)))
        return (text, " ", Aside((w.say("by %(t)s, in %(d)s", t=limit, d=rest),)))


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


def where(words: Words, window: InForceWindow) -> Runs:
    """Return the places of a window in few words; the exchange has them in full."""
    values = [msgspec.json.decode(bytes(raw)) for raw in window.places.values()]
    items = [
        brief_place(words, item)
        for value in values
        if value != "unknown"
        for item in (value if isinstance(value, list) else [value])
    ]
    more = len(items) - _PLACES
    if more > 0:
        items = [*items[:_PLACES], (words.count("and %(n)s more", "and %(n)s more", more),)]
    return listed(items, words.semicolon)


def brief_place(words: Words, value: Any) -> Runs:
    """Return one place: by its name if it has one, else by its position."""
    kind, say = PlaceKind(), Say(words=words)
    if not isinstance(value, dict):
        return kind.runs(value, say)
    names = {name: value[name] for name in ("name", "names", "text") if name in value}
    if "circle" in value:
        return kind.runs({"circle": value["circle"], **names}, say)
    if names:
        return kind.runs(names, say)
    if "polygon" in value:
        corners = value["polygon"]
        point = written_place(GeoPoint(corners[0]["lat"], corners[0]["lon"]), "dm")
        return (
            words.count(
                "area with %(n)s corner, %(p)s",
                "area with %(n)s corners, the first at %(p)s",
                len(corners),
                p=point,
            ),
        )
    return (written_place(GeoPoint(value["lat"], value["lon"]), "dm"),)


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

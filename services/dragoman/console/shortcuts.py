"""The keyboard shortcuts: `/go` leads to a named goal, and `/help` lists every key.

A goal is a number, a record, a page or an action. A name that belongs to one goal leads
there at once. A name of several goals gives a list. The names of every page language
work, so an officer can use a colleague's screen in another language.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Final

from aiohttp import web
from msgspec import Struct

from dragoman.console.context import PageContext
from dragoman.console.display.deadline_rows import LEVELS, Level
from dragoman.console.rendering import Page, PageRoute, refused
from dragoman.console.sessions import redirect
from dragoman.domain.acts.act_registry import in_force
from dragoman.domain.acts.act_rules import OFFICERS, Format
from dragoman.i18n import words as languages
from dragoman.i18n.words import Words
from dragoman.limits import GO_FOUND, SEARCH_CHARACTERS
from dragoman.projection.projection import Projection
from dragoman.projection.queries import records
from dragoman.text import sentence
from dragoman_schemas.act_frame import Precedence
from dragoman_schemas.profiles import PROFILES

# Goals


class Goal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A goal of `/go`, with its name and its address.

    Its `kind` is `exchange`, `record`, `page`, `action` or `channel`.
    """

    kind: str
    label: str
    address: str
    channel: str = ""
    number: str = ""


class Go(Struct, frozen=True, kw_only=True):
    """The typed text and its goals.

    `more` says that there are more goals than listed.
    """

    typed: str
    goals: tuple[Goal, ...]
    more: bool = False


class _NamedGoal(Struct, frozen=True, kw_only=True):
    """A goal and all its names."""

    goal: Goal
    names: tuple[str, ...]


_POSITION: Final = re.compile(r"(#?)\s*([0-9][0-9,.\s]{0,18})")
_SERIAL: Final = re.compile(r"0[0-9]{1,7}")


async def go(context: PageContext) -> Page | web.StreamResponse:
    """Redirect to the goal of the typed text.

    List the goals if the text does not have exactly one.
    """
    typed = " ".join(context.request.query.get("q", "").split())
    if len(typed) > SEARCH_CHARACTERS:
        raise refused(
            "bad-request",
            sentence(
                "The text is too long. Type at most %(limit)s characters.", limit=SEARCH_CHARACTERS
            ),
        )
    channels = _channels(context)
    named_goals = list(_everything(context, channels))
    goals = _distinct(
        [*_at_position(context, channels, typed), *await _records(context, channels, typed)]
    ) or _called(typed, named_goals)
    if len(goals) == 1 and typed and not context.request.match_info.get("form"):
        return redirect(goals[0].address)
    return Page(
        template="go.html",
        view=Go(typed=typed, goals=tuple(goals[:GO_FOUND]), more=len(goals) > GO_FOUND),
        rows=goals[:GO_FOUND],
        values={
            "searches": [
                (channel.name, context.to(f"/c/{channel.name}/inbox", q=typed))
                for channel in channels
            ]
            if typed
            else [],
            "pages": []
            if typed or context.channel is None
            else [page.goal for page in _pages(context, context.projection)],
            "most": SEARCH_CHARACTERS,
            "writes": any(named_goal.goal.kind == "action" for named_goal in named_goals),
            "action": context.request.path.removesuffix(".json").removesuffix(".csv"),
        },
    )


def _channels(context: PageContext) -> list[Projection]:
    if context.channel is not None:
        return [context.projection]
    return [] if context.grant.is_operator else context.service.visible(context.grant)


def _distinct(goals: Iterable[Goal]) -> list[Goal]:
    return list({goal.address: goal for goal in goals}.values())


def _upto(context: PageContext, channel: Projection) -> int:
    """Return the last position of a channel that the search covers."""
    return context.position if context.channel is not None else channel.flushed


def _at_position(
    context: PageContext, channels: Iterable[Projection], typed: str
) -> Iterator[Goal]:
    """Yield the record at a position: `4488`, `#4488`, `4,488`.

    A number with a leading zero and no `#` is a serial number, and not a position.
    """
    match = _POSITION.fullmatch(typed)
    if match is None or (not match[1] and _SERIAL.fullmatch(typed)):
        return
    position = int(re.sub(r"\D", "", match[2]))
    for channel in channels:
        if 1 <= position <= _upto(context, channel):
            label = context.words.say("record %(n)s", n=context.words.number(position))
            yield Goal(
                kind="record",
                label=label,
                address=context.to(f"/c/{channel.name}/records/{position}"),
                channel=channel.name,
            )


async def _records(context: PageContext, channels: Iterable[Projection], typed: str) -> list[Goal]:
    """Return the exchanges and records that the typed text names.

    The text is an id, a number, or a part of a number.
    """
    fragment = f"/{typed}" if _SERIAL.fullmatch(typed) else typed
    if not typed or " " in fragment:
        return []
    extents = [(channel.name, _upto(context, channel)) for channel in channels]
    places: list[tuple[str, records.RecordPlace]] = await context.in_thread(
        _places, context, extents, fragment
    )
    return [_goal(context, channel, place) for channel, place in places]


def _places(
    context: PageContext, texts: Iterable[tuple[str, int]], text: str
) -> list[tuple[str, records.RecordPlace]]:
    return [
        (channel, place)
        for channel, at in texts
        for place in records.places(context.service.store, channel, at, text)
    ]


def _goal(context: PageContext, channel: str, place: records.RecordPlace) -> Goal:
    path = f"/exchanges/{place.exchange}" if place.exchange else f"/records/{place.position}"
    return Goal(
        kind="exchange" if place.exchange else "record",
        label=context.words.act(place.act),
        address=context.to(f"/c/{channel}{path}")
        + ("" if place.opens or not place.exchange else f"#r{place.position}"),
        channel=channel,
        number=place.number,
    )


# The goals by their names


def _everything(context: PageContext, channels: Sequence[Projection]) -> Iterator[_NamedGoal]:
    for channel in channels:
        yield from _pages(context, channel)
        yield from _actions(context, channel)
    for channel in (
        _channels(context) if context.channel is None else context.service.visible(context.grant)
    ):
        goal = Goal(
            kind="channel", label=channel.name, address=f"/c/{channel.name}", channel=channel.name
        )
        yield _NamedGoal(goal=goal, names=(channel.name,))
    keys = Goal(kind="page", label=context.words.say("All shortcuts"), address="/help")
    yield _NamedGoal(goal=keys, names=("help", *_in_all(lambda words: words.say("All shortcuts"))))


def _page_names(words: Words) -> dict[str, str]:
    """Return the names of a channel's pages, by their paths."""
    return {
        "": words.say("Board"),
        "/inbox": words.say("Inbox"),
        "/meetings": words.say("Meetings"),
        "/dialogue": words.say("Dialogue"),
        "/people": words.say("People"),
        "/reports": words.say("Reports"),
        "/audit": words.say("Audit"),
        "/log": words.say("Log"),
        "/statistics": words.say("Statistics"),
        "/drafts": words.say("Drafts"),
    }


def _pages(context: PageContext, channel: Projection) -> Iterator[_NamedGoal]:
    officer = not OFFICERS.isdisjoint(_roles(context, channel))
    for path, label in _page_names(context.words).items():
        if path == "/drafts" and (not officer or context.past):
            continue
        goal = Goal(
            kind="page",
            label=label,
            address=context.to(f"/c/{channel.name}{path}"),
            channel=channel.name,
        )
        names = (
            path.removeprefix("/") or "board",
            *_in_all(lambda words, path=path: _page_names(words)[path]),  # type: ignore[misc]
        )
        yield _NamedGoal(goal=goal, names=names)


def _actions(context: PageContext, channel: Projection) -> Iterator[_NamedGoal]:
    """Yield the reader's possible actions in a channel now.

    The report of an incident comes first, because it must not wait.
    """
    roles = _roles(context, channel)
    writable = context.service.is_writable(channel) and context.grant.scope != "read"
    if context.past or not writable or OFFICERS.isdisjoint(roles):
        return
    texts: list[tuple[str, Callable[[Words], str]]] = [
        ("/compose", lambda words: words.say("Write")),
        ("#watch", lambda words: words.say("Take the watch, or hand it over")),
        ("/reports/turn-over", lambda words: words.say("Turn-over note")),
    ]
    for path, name in texts:
        goal = Goal(
            kind="action",
            label=name(context.words),
            address=f"/c/{channel.name}{path}",
            channel=channel.name,
        )
        yield _NamedGoal(goal=goal, names=_in_all(name))
    for act, form in in_force(channel.registry).formats.items():
        if not _may_open(form, channel, roles):
            continue
        first = act == "hazardous-incident"
        label = context.words.say("Report an incident") if first else context.words.act(act)
        goal = Goal(
            kind="action",
            label=label,
            address=f"/c/{channel.name}/compose/{act}",
            channel=channel.name,
        )
        names = [act, form.code, *_in_all(lambda words, act=act: words.act(act))]  # type: ignore[misc]
        yield _NamedGoal(
            goal=goal,
            names=(
                *names,
                *(_in_all(lambda words: words.say("Report an incident")) if first else ()),
            ),
        )


def _may_open(form: Format, channel: Projection, roles: Sequence[str]) -> bool:
    """Return whether an officer with these roles may open such an exchange.

    The officer opens it alone, or with a second officer.
    """
    return channel.registry.kind in form.kinds and (
        form.rule.two_key or not form.rule.roles.isdisjoint(roles)
    )


def _roles(context: PageContext, channel: Projection) -> tuple[str, ...]:
    officer = channel.registry.officers.get(context.grant.actor)
    return () if officer is None or officer.until is not None else officer.roles


def _in_all(name: Callable[[Words], str]) -> tuple[str, ...]:
    """Return a name in every language of the pages."""
    return tuple(name(languages.words(language)) for language in languages.LANGUAGES)


def _called(typed: str, named_goals: Sequence[_NamedGoal]) -> list[Goal]:
    """Return the goals whose name equals the text.

    If there are none, return those whose name begins with it; or else those whose name
    has all its words.
    """
    if not typed:
        return []
    plain = _plain(typed)
    for matches in (_is, _begins, _has):
        goals = _distinct(
            named_goal.goal
            for named_goal in named_goals
            if any(matches(_plain(name), plain) for name in named_goal.names)
        )
        if goals:
            return goals
    return []


def _is(name: str, typed: str) -> bool:
    return name == typed


def _begins(name: str, typed: str) -> bool:
    return name.startswith(typed)


def _has(name: str, typed: str) -> bool:
    """Return whether every typed word begins a word of the name.

    Chinese has no spaces between words, so there a part of the name is enough.
    """
    if not typed.isascii():
        return typed in name
    words = re.split(r"[\s\u2019'-]+", name)
    return all(any(word.startswith(part) for word in words) for part in typed.split())


@cache
def _plain(text: str) -> str:
    """Return a name without case and accents."""
    return "".join(
        character
        for character in unicodedata.normalize("NFKD", text.casefold())
        if not unicodedata.combining(character)
    )


# Help


class Shortcut(Struct, frozen=True, kw_only=True):
    """A key and its effect."""

    key: str
    does: str


class Meaning(Struct, frozen=True, kw_only=True):
    """A level of urgency, with its word and its meaning."""

    level: Level
    word: str
    means: str


class Urgency(Struct, frozen=True, kw_only=True):
    """A precedence and its effect.

    `seconds` is the time within which a message must be acknowledged.
    """

    precedence: Precedence
    seconds: int
    does: str


class Help(Struct, frozen=True, kw_only=True):
    """The help page: all keys, the meaning of the symbols, and offline steps.

    `precedences` says what each precedence does. `letters` says whether single letters
    act as shortcuts. `lost` are the steps when the connection is lost.
    """

    letters: bool
    keys: tuple[Shortcut, ...]
    levels: tuple[Meaning, ...]
    precedences: tuple[Urgency, ...]
    lost: tuple[str, ...]


async def help(context: PageContext) -> Page:
    """Return the help page with all keys."""
    view = Help(
        letters=context.preferences.keys,
        keys=tuple(_keys(context.words)),
        levels=tuple(_meanings(context.words)),
        precedences=tuple(_urgencies(context.words)),
        lost=tuple(_lost(context.words)),
    )
    return Page(
        template="help.html",
        view=view,
        rows=view.keys,
        values={"said": context.request.query.get("said", "")},
    )


def level_words(words: Words) -> dict[Level, str]:
    """Return the word of each level."""
    return {
        "critical": words.say("Critical"),
        "serious": words.say("Serious"),
        "caution": words.say("Caution"),
        "standby": words.say("Standby"),
        "normal": words.say("Normal"),
        "off": words.say("Off"),
    }


def _keys(words: Words) -> Iterator[Shortcut]:
    say = words.say
    for key, does in (
        ("A", say("acknowledge receipt: in the flash, or of the row that has the focus")),
        ("Esc", say("silence this screen for %(d)s; leave a popup", d=words.span(30))),
        ("n", say("report an incident")),
        ("c", say("write")),
        ("r", say("reply")),
        ("h", say("holding reply")),
        ("t", say("record a call attempt")),
        ("Ctrl+Enter", say("to the check page; there: send")),
        ("x", say("exact bytes and proof")),
        ("p", say("print")),
        ("j", say("next row")),
        ("k", say("previous row")),
        ("Enter", say("open the row")),
        ("u", say("back to the list")),
        ("/", say("search")),
        ("Ctrl+K", say("go to a number, a record, a page or an action")),
        ("g b", say("board")),
        ("g i", say("inbox")),
        ("g m", say("meetings")),
        ("g d", say("dialogue")),
        ("g p", say("people")),
        ("g l", say("log")),
        ("w", say("when: to the field for a position or a time")),
        ("←", say("in the past: the record before")),
        ("→", say("in the past: the next record")),
        ("End", say("in the past: back to now")),
        ("l", say("next language, where several are shown side by side")),
        ("?", say("this page")),
    ):
        yield Shortcut(key=key, does=does)


def _meanings(words: Words) -> Iterator[Meaning]:
    means: dict[Level, str] = {
        "critical": words.say(
            "A person is needed now: a flash is not acknowledged, the connection is lost, nobody "
            "is on watch."
        ),
        "serious": words.say(
            "A limit has passed, an immediate message waits, the alarm is not armed, the line is "
            "degraded."
        ),
        "caution": words.say(
            "Half of a limit is spent, a priority message waits, one line check was missed."
        ),
        "standby": words.say("Something waits for someone, within its limit; or nothing binds."),
        "normal": words.say("In order, and inside every limit."),
        "off": words.say("Closed, cancelled, not in force, or not known. Off is not an emergency."),
    }
    level_names = level_words(words)
    for level in LEVELS:
        yield Meaning(level=level, word=level_names[level], means=means[level])


def _urgencies(words: Words) -> Iterator[Urgency]:
    does: dict[Precedence, str] = {
        "flash": words.say(
            "Takes every page of the duty officer it is addressed to, and rings until a person "
            "acknowledges."
        ),
        "immediate": words.say(
            "Rings every %(a)s for %(b)s, then every %(c)s.",
            a=words.span(30),
            b=words.span(300),
            c=words.span(60),
        ),
        "priority": words.say(
            "Sounds once when it comes, at half and at nine tenths of its limit."
        ),
        "routine": words.say("Silent. Counted in the duty days of the side that owes it."),
    }
    limits = PROFILES["default"].acknowledgement
    for precedence, effect in does.items():
        yield Urgency(precedence=precedence, seconds=limits[precedence], does=effect)


def _lost(words: Words) -> Iterator[str]:
    yield words.say(
        "Use the telephone. The board lists the people to ring under “If you must ring”, with "
        "their hours."
    )
    yield words.say("The page shows the state at its own time. That may have changed since.")
    yield words.say(
        "Leave the page open: what you typed is kept. Send it again later: it cannot be sent twice."
    )
    yield words.say(
        "Afterwards, record what you said by telephone, with the time of the call. Then it is not "
        "late."
    )


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/go", handler=go, anywhere=True),
    PageRoute(path="/go", handler=go),
    PageRoute(path="/help", handler=help, anywhere=True),
)

"""Goals that have a name: pages, forms to write, and channels.

The names of every page language work, so an officer can use a colleague's screen in
another language. A page whose name equals the typed text comes first. Then come the
names that begin with it, and then those that have all its words.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from dragoman.application import attachment_checks
from dragoman.console.page.context import PageContext
from dragoman.console.search.goals import Goal, channels_of
from dragoman.domain.acts.act_registry import in_force
from dragoman.domain.acts.act_rules import OFFICERS, Format
from dragoman.domain.views.offers import INCIDENT
from dragoman.i18n import words as languages
from dragoman.i18n.words import Words
from dragoman.projection.projection import Projection

_NAMES: Final = 8_192
"""The number of names whose plain form is kept. Typed texts are never kept."""

UNRANKED: Final = 3
"""The rank of a name that does not match at all. The rank of an equal name is 0."""


class NamedGoal(Struct, frozen=True, kw_only=True):
    """A goal and all its names."""

    goal: Goal
    names: tuple[str, ...]


def named_goals(context: PageContext) -> Iterator[NamedGoal]:
    """Yield all goals of the reader that have a name."""
    channels = channels_of(context)
    for channel in channels:
        yield from _pages(context, channel)
        yield from _actions(context, channel)
    for channel in channels if context.channel is None else context.service.visible(context.grant):
        goal = Goal(
            kind="channel", label=channel.name, address=f"/c/{channel.name}", channel=channel.name
        )
        yield NamedGoal(goal=goal, names=(channel.name,))
    yield from _host_pages(context)


def _host_pages(context: PageContext) -> Iterator[NamedGoal]:
    """Yield the pages that belong to no channel."""
    names: list[tuple[str, Callable[[Words], str]]] = [("/help", lambda words: words.say("Help"))]
    if context.grant.is_operator:
        names += [
            ("/host", lambda words: words.say("The host")),
            ("/host/open", lambda words: words.say("Open a trial channel")),
            ("/host/terms", lambda words: words.say("Open a channel with own keys")),
            ("/host/tokens", lambda words: words.say("Tokens")),
            ("/host/subjects", lambda words: words.say("Subjects")),
        ]
    else:
        names += [
            ("/board", lambda words: words.say("All channels")),
            ("/reach", lambda words: words.say("My reach")),
        ]
    names.append(("/sessions", lambda words: words.say("My sessions")))
    for address, name in names:
        goal = Goal(kind="page", label=name(context.words), address=address)
        yield NamedGoal(goal=goal, names=(address.rpartition("/")[2], *_in_all(name)))


_PAGES: Final[tuple[tuple[str, Callable[[Words], str]], ...]] = (
    ("", lambda words: words.say("Board")),
    ("/inbox", lambda words: words.say("Inbox")),
    ("/meetings", lambda words: words.say("Meetings")),
    ("/dialogue", lambda words: words.say("Dialogue")),
    ("/people", lambda words: words.say("People")),
    ("/reports", lambda words: words.say("Reports")),
    ("/audit", lambda words: words.say("Audit")),
    ("/log", lambda words: words.say("Log")),
    ("/statistics", lambda words: words.say("Statistics")),
    ("/drafts", lambda words: words.say("Drafts")),
    ("/outbox", lambda words: words.say("Outbox")),
    ("/in-force", lambda words: words.say("In force now")),
    ("/chart", lambda words: words.say("Chart")),
    ("/roster", lambda words: words.say("Roster")),
    ("/undertakings", lambda words: words.say("Undertakings")),
    ("/data-series", lambda words: words.say("Data series")),
    ("/mechanisms", lambda words: words.say("What talks and what does not")),
    ("/people/register", lambda words: words.say("Register of people")),
    ("/key", lambda words: words.say("Your key")),
    ("/admin", lambda words: words.say("Administration")),
    ("/admin/officers", lambda words: words.say("Officers")),
    ("/admin/keys", lambda words: words.say("Keys")),
    ("/admin/profiles", lambda words: words.say("Limits")),
    ("/admin/codebook", lambda words: words.say("Codebook")),
    ("/admin/policy", lambda words: words.say("Witnesses")),
    ("/admin/rules", lambda words: words.say("Rules")),
    ("/admin/endpoints", lambda words: words.say("Endpoints and links")),
    ("/admin/onward", lambda words: words.say("Onward lists")),
    ("/admin/erasures", lambda words: words.say("Erased records")),
)
"""The pages of a channel with their names, in the order of the navigation."""

_NOW_ONLY: Final = frozenset({"/drafts", "/key", "/people/register"})


def _pages(context: PageContext, channel: Projection) -> Iterator[NamedGoal]:
    """Yield the pages of a channel that the reader may open."""
    for path, name in _PAGES:
        if not _may_see(context, channel, path):
            continue
        goal = Goal(
            kind="page",
            label=name(context.words),
            address=context.to(f"/c/{channel.name}{path}"),
            channel=channel.name,
        )
        names = (path.rpartition("/")[2] or "board", *_in_all(name))
        yield NamedGoal(goal=goal, names=names)


def _may_see(context: PageContext, channel: Projection, path: str) -> bool:
    """Return whether a page of a channel shows anything to the reader."""
    if context.past and path in _NOW_ONLY:
        return False
    match path:
        case "/drafts":
            return not OFFICERS.isdisjoint(_roles(context, channel))
        case "/outbox":
            station = context.service.station
            return station is not None and station.line(channel.name) is not None
        case "/people/register":
            return attachment_checks.is_staff(channel, context.grant.actor)
        case "/key":
            return bool(_roles(context, channel))
        case _:
            return True


def _actions(context: PageContext, channel: Projection) -> Iterator[NamedGoal]:
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
        yield NamedGoal(goal=goal, names=_in_all(name))
    for act, form in in_force(channel.registry).formats.items():
        if not _may_open(form, channel, roles):
            continue
        first = act == INCIDENT
        label = context.words.say("Report an incident") if first else context.words.act(act)
        goal = Goal(
            kind="action",
            label=label,
            address=f"/c/{channel.name}/compose/{act}",
            channel=channel.name,
        )
        yield NamedGoal(goal=goal, names=(act, form.code, *_format_names(act)))


@lru_cache(maxsize=256)
def _format_names(act: str) -> tuple[str, ...]:
    names = _in_all(lambda words: words.act(act))
    if act == INCIDENT:
        names += _in_all(lambda words: words.say("Report an incident"))
    return names


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


# Names and typed texts


def ranked(typed: str, goals: Iterable[NamedGoal]) -> list[tuple[int, Goal]]:
    """Return the goals that a typed text names, with their ranks, the best first.

    The order within a rank is that of the pages, so that it never changes.
    """
    if not typed:
        return []
    text = plain(typed)
    ranks = [
        (rank, goal)
        for goal in goals
        if (rank := min((rank_of(name, text) for name in goal.names), default=UNRANKED)) < UNRANKED
    ]
    ranks.sort(key=lambda item: item[0])
    distinct: dict[str, tuple[int, Goal]] = {}
    for rank, item in ranks:
        distinct.setdefault(item.goal.address, (rank, item.goal))
    return list(distinct.values())


def best_of(goals: Sequence[tuple[int, Goal]]) -> list[Goal]:
    """Return the goals of the best rank."""
    return [goal for rank, goal in goals if rank == goals[0][0]]


def rank_of(name: str, text: str) -> int:
    """Return the rank of a name for a plain text, from 0 for an equal name."""
    plain_name, words = _plain_name(name)
    if plain_name == text:
        return 0
    if plain_name.startswith(text):
        return 1
    return 2 if _has(plain_name, words, text) else UNRANKED


def _has(name: str, words: Sequence[str], typed: str) -> bool:
    """Return whether every typed word begins a word of the name.

    Chinese has no spaces between words, so there a part of the name is enough.
    """
    if not typed.isascii():
        return typed in name
    return all(any(word.startswith(part) for word in words) for part in typed.split())


def plain(text: str) -> str:
    """Return a text without case and accents."""
    return "".join(
        character
        for character in unicodedata.normalize("NFKD", text.casefold())
        if not unicodedata.combining(character)
    )


@lru_cache(maxsize=_NAMES)
def _plain_name(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the plain form of a name, and its words."""
    text = plain(name)
    return text, tuple(re.split(r"[\s\u2019'-]+", text))

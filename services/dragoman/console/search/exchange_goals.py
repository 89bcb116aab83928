"""Goals in exchanges: by number, by their words, and the acts that are possible now.

An act leads to its form, and nothing is done by that. Looking here never counts as
opening an exchange.
"""

import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from dragoman.console.matter import inbox_lines
from dragoman.console.matter.shown_message import acts_of
from dragoman.console.page.context import PageContext
from dragoman.console.search.goals import Goal, TypedText, channels_of, upto, within
from dragoman.console.search.named_goals import UNRANKED, plain, rank_of
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.families.exchange import owes_acknowledgement
from dragoman.domain.views.offers import offered
from dragoman.i18n import words as languages
from dragoman.projection.projection import Projection
from dragoman.projection.queries import lists, records
from dragoman.projection.queries.records import RecordPlace
from dragoman.projection.store import Store
from dragoman.projection.view import open_view
from dragoman_schemas.responses import Rows
from dragoman_schemas.state import Exchange

_ACKNOWLEDGEMENT: Final = "acknowledgement"

_SEARCH_SECONDS: Final = 0.05
"""The time within which the channels of a reader are searched for words, one by one."""

Placed = tuple[Projection, RecordPlace]
"""A record that matches a number, with its channel."""


# By number


def at_position(context: PageContext, typed: TypedText) -> Iterator[Goal]:
    """Yield the record at a position: `4488`, `#4488`, `4,488`.

    A number with a leading zero and no `#` is a serial number, and not a position.
    """
    if not typed.position or typed.words:
        return
    for channel in channels_of(context):
        if 1 <= typed.position <= upto(context, channel):
            yield Goal(
                kind="record",
                label=context.words.say("record %(n)s", n=context.words.number(typed.position)),
                address=context.to(f"/c/{channel.name}/records/{typed.position}"),
                channel=channel.name,
            )


async def numbered(context: PageContext, typed: TypedText, most: int) -> list[Placed]:
    """Return the records that the typed id, number or part of a number names."""
    if not (typed.path or typed.parts):
        return []
    channels = {channel.name: channel for channel in channels_of(context)}
    extents = [(name, upto(context, channel)) for name, channel in channels.items()]
    places: list[tuple[str, RecordPlace]] = await context.in_thread(
        _places, context.service.store, extents, typed, most
    )
    return [(channels[name], place) for name, place in places]


def _places(
    store: Store, extents: Iterable[tuple[str, int]], typed: TypedText, most: int
) -> list[tuple[str, RecordPlace]]:
    places: list[tuple[str, RecordPlace]] = []
    for name, at in extents:
        with open_view(store, name) as newest:
            view = newest.at(at)
            matching = (
                records.places(view, typed.path)
                if typed.path
                else records.with_number(view, typed.parts, most)
            )
        places += [(name, place) for place in matching]
    return places


def goal_of(context: PageContext, placed: Placed) -> Goal:
    """Return the goal of a record: its exchange, or the record itself."""
    channel, place = placed
    path = f"/exchanges/{place.exchange}" if place.exchange else f"/records/{place.position}"
    act = context.words.act(place.act)
    state = within(context, channel).state_of(place.exchange) if place.exchange else None
    language, subject = ("", act) if state is None else _subject(context, channel, state)
    return Goal(
        kind="exchange" if place.exchange else "record",
        label=subject or act,
        address=context.to(f"/c/{channel.name}{path}")
        + ("" if place.opens or not place.exchange else f"#r{place.position}"),
        channel=channel.name,
        number=place.number,
        language=language,
        detail=act if subject and subject != act else "",
    )


def _subject(context: PageContext, channel: Projection, state: Exchange) -> tuple[str, str]:
    language, subject, _ = inbox_lines.subject_of(within(context, channel), state)
    return language, subject


# By words


async def worded(context: PageContext, typed: TypedText, most: int) -> list[Goal]:
    """Return the exchanges that the inbox lists for the typed words, newest first."""
    if (typed.is_number and not typed.words) or not _is_long_enough(typed.text):
        return []
    ends, goals = time.monotonic() + _SEARCH_SECONDS, list[Goal]()
    for channel in channels_of(context):
        if len(goals) >= most or time.monotonic() > ends:
            break
        rows = await _listed(context, channel, lists.Filter(q=typed.text), most)
        goals += [_text_goal(context, channel, row.id, typed.text) for row in rows.exchanges]
    return goals[:most]


def _is_long_enough(text: str) -> bool:
    """Return whether the text has two letters, or one of another script."""
    return len(text) > 1 or not text.isascii()


async def _listed(
    context: PageContext, channel: Projection, wanted: lists.Filter, most: int
) -> Rows:
    """Return the exchanges of a channel that a filter selects, at the page's moment."""
    return await within(context, channel).ask(lists.listed, wanted, most)


def _text_goal(context: PageContext, channel: Projection, exchange: str, text: str) -> Goal:
    state = within(context, channel).state_of(exchange)
    address = context.to(f"/c/{channel.name}/exchanges/{exchange}")
    if state is None:  # erased since the list was read
        return Goal(kind="text", label=exchange, address=address, channel=channel.name)
    language, subject = _subject(context, channel, state)
    act, hit = context.words.act(state.act), inbox_lines.hit_in(state, text.split())
    return Goal(
        kind="text",
        label=subject or act,
        address=address,
        channel=channel.name,
        number=state.number,
        language=language,
        detail=act if subject and subject != act else "",
        before=hit.before if hit else "",
        match=hit.hit if hit else "",
        after=hit.after if hit else "",
    )


# Acts


def acts(context: PageContext, places: Sequence[Placed], typed: TypedText, most: int) -> list[Goal]:
    """Return the acts that the reader may do now in the exchanges of a number.

    Words beside the number name the acts. A number alone gives all acts of the only
    exchange that it names.
    """
    numbered = {place.exchange: channel for channel, place in places if place.exchange}
    if not typed.words:
        return _of_one(context, numbered, most) if len(numbered) == 1 else []
    ranks = _ranks(typed.words)
    return _ranked(context, numbered.items(), ranks) if ranks else []


def _ranks(words: str) -> dict[str, int]:
    """Return the acts that the words name, with the rank of each."""
    text = plain(words)
    ranks = {act: min(rank_of(name, text) for name in _names(act)) for act in RULES if text}
    return {act: rank for act, rank in ranks.items() if rank < UNRANKED}


def _ranked(
    context: PageContext, exchanges: Iterable[tuple[str, Projection]], ranks: Mapping[str, int]
) -> list[Goal]:
    """Return the possible acts that have a rank, the best first."""
    ranked = [
        (ranks[act], goal)
        for exchange, channel in exchanges
        for act, goal in _acts_in(context, channel, exchange, ranks)
    ]
    ranked.sort(key=lambda item: item[0])
    return [goal for _, goal in ranked]


def _of_one(context: PageContext, exchanges: dict[str, Projection], most: int) -> list[Goal]:
    ((exchange, channel),) = exchanges.items()
    return [goal for _, goal in _acts_in(context, channel, exchange, RULES)][:most]


def _acts_in(
    context: PageContext, channel: Projection, exchange: str, wanted: Container[str]
) -> Iterator[tuple[str, Goal]]:
    """Yield the wanted acts that an exchange's page offers, with their goals."""
    inside = within(context, channel)
    state = None if context.past else channel.exchange(exchange)
    if state is None or not inside.may_post:
        return
    possible = offered(state, inside.registry, inside.reader)
    if not any(act in wanted for act in possible):
        return
    _, subject = _subject(context, channel, state)
    page = f"/c/{channel.name}/exchanges/{exchange}"
    first, others = acts_of(inside, possible, state)
    addresses = [(act, f"{page}/acts/{act}") for act in (*first, *others)]
    if _ACKNOWLEDGEMENT in possible and inside.side in owes_acknowledgement(state):
        addresses.insert(0, (_ACKNOWLEDGEMENT, page))
    for act, address in addresses:
        if act not in wanted:
            continue
        yield (
            act,
            Goal(
                kind="act",
                label=_label(context, act),
                address=address,
                channel=channel.name,
                number=state.number,
                detail=subject,
            ),
        )


def _label(context: PageContext, act: str) -> str:
    if act == _ACKNOWLEDGEMENT:
        return context.words.say("Acknowledge receipt")
    return context.words.verb(act)


@lru_cache(maxsize=256)
def _names(act: str) -> tuple[str, ...]:
    """Return the verb, the noun and the code of an act, in every language."""
    names = [act]
    for language in languages.LANGUAGES:
        words = languages.words(language)
        names += [words.verb(act), words.act(act)]
        if act == _ACKNOWLEDGEMENT:
            names.append(words.say("Acknowledge receipt"))
    return tuple(names)

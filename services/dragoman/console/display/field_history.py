"""Facts that developed, as pages show them.

A page shows the current value with the time that it is of, and the values before it.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace

from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.domain.acts import developments
from dragoman.domain.acts.developments import TimedValue
from dragoman.i18n.words import Words
from dragoman.members import shapes
from dragoman.members.kind import Member
from dragoman_schemas.state import Exchange


def dated(
    display: Display, state: Exchange, facts: Iterable[DisplayedMember]
) -> list[DisplayedMember]:
    """Return facts of an opening, with time and record beside each updated value."""
    developed = {*developments.developed(state)}
    return [
        replace(fact, shown=fact.shown + since(display.words, state, fact.name))
        if fact.name in developed
        else fact
        for fact in facts
    ]


def marked(
    display: Display, state: Exchange, facts: Iterable[DisplayedMember]
) -> list[DisplayedMember]:
    """Return facts of an opening as it was sent, with the record of each later value.

    The later value itself is another record's word, and appears in its own place.
    """
    later = {item.name: item for item in developments.later_values(state) if item.is_present}
    words = display.words
    return [
        replace(
            fact,
            shown=fact.shown
            + Markup(' <small data-since="{}">{}</small>').format(
                later[fact.name].said.position,
                words.say(
                    "changed since, record %(n)s", n=words.number(later[fact.name].said.position)
                ),
            ),
        )
        if fact.name in later
        else fact
        for fact in facts
    ]


class StandingValue(Struct, frozen=True, kw_only=True):
    """A value that a later record gave to a member, and the source of it in words.

    `is_present` is true for the value that stands now.
    """

    fact: DisplayedMember
    member: Member
    value: Any
    how: developments.How
    source: str
    position: int
    is_present: bool


def standing(display: Display, state: Exchange) -> list[StandingValue]:
    """Return the values that later records gave to members, oldest record first."""
    return [
        StandingValue(
            fact=display.at(item.said.position).fact(member, item.value),
            member=member,
            value=msgspec.json.decode(bytes(item.value)),
            how=item.how,
            source=_source(display.words, state, item),
            position=item.said.position,
            is_present=item.is_present,
        )
        for item in developments.later_values(state)
        if (member := shapes.member(state.act, item.name) or _proposed(item.name)) is not None
    ]


def _source(words: Words, state: Exchange, item: developments.LaterValue) -> str:
    """Return the kind of a later value, its side and its record, in words."""
    side = item.said.side.upper() if state.side else words.say("a participant")
    n = words.number(item.said.position)
    match item.how:
        case "corrected":
            return words.say("corrected by %(side)s, record %(n)s", side=side, n=n)
        case "updated":
            as_of = words.written(item.as_of, "minute")
            return words.say(
                "updated by %(side)s as of %(t)s, record %(n)s", side=side, t=as_of, n=n
            )
        case "retracted":
            return words.say(
                "stated by %(side)s when it took back its statement, record %(n)s", side=side, n=n
            )
        case "amended":
            return words.say(
                "amended as every side agreed; proposed by %(side)s, record %(n)s", side=side, n=n
            )
        case "proposed":
            return words.say("proposed by %(side)s, record %(n)s", side=side, n=n)


def _proposed(name: str) -> Member | None:
    """Return a member that only a proposal has, such as the venue of a visit."""
    return shapes.member("counter-proposal", name)


def since(words: Words, state: Exchange, name: str) -> Markup:
    """Return the time and the record of the current value of a field.

    Empty where the value is the opening's own.
    """
    newest = next(iter(developments.series(state, name)), None)
    if newest is None or newest.told.position == state.opened.position:
        return Markup("")
    return Markup(' <small data-as-of="{}">{}</small>').format(
        newest.told.position, _of(words, newest)
    )


def _of(words: Words, value: TimedValue) -> str:
    text = words.say("as of %(t)s", t=words.written(value.as_of, "minute"))
    return words.listed([text, words.say("record %(n)s", n=words.number(value.told.position))])


def series(display: Display, state: Exchange) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the label of each field that developed, and its values, newest first.

    Each value has the time that it is of, and its record.
    """
    for name in developments.developed(state):
        member = shapes.member(state.act, name)
        if member is not None:
            values = [
                {
                    "shown": display.at((timed_value.corrected or timed_value.told).position)
                    .fact(member, timed_value.value)
                    .shown,
                    "as_of": timed_value.as_of,
                    "told": timed_value.told,
                    "corrected": timed_value.corrected,
                    "retracted": timed_value.retracted,
                }
                for timed_value in developments.series(state, name)
            ]
            yield display.words.field(name), values

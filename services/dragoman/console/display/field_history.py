"""Facts that developed, as pages show them.

A page shows the current value with the time that it is of, and the values before it.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from markupsafe import Markup
from msgspec.structs import replace

from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.console.forms import field_types
from dragoman.domain.acts import developments
from dragoman.domain.acts.developments import TimedValue
from dragoman.i18n.words import Words
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
        member = field_types.member(state.act, name)
        if member is not None:
            values = [
                {
                    "shown": display.fact(member, timed_value.value).shown,
                    "as_of": timed_value.as_of,
                    "told": timed_value.told,
                    "corrected": timed_value.corrected,
                    "retracted": timed_value.retracted,
                }
                for timed_value in developments.series(state, name)
            ]
            yield display.words.field(name), values

"""How a report says what is not its own: a side's texts in the reader's language, and the members of an act as they are read.

A run is the service's own words, as text, or somebody else's, as `Said`. Sentences of
the catalogues are filled with both.
"""

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from dragoman.domain.acts.si_units import in_si
from dragoman.i18n.vocabulary import known
from dragoman.i18n.words import Words

_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_PLACE: Final = re.compile(r"%\((\w+)\)s")
_SPACE: Final = "\N{NO-BREAK SPACE}"


class QuotedText(Struct, frozen=True):
    """Words that are not the service's own: the text, its language where one is said, and which text prevails, as it is put after the text."""

    text: str
    language: str = ""
    note: str = ""


Run = str | QuotedText
Cell = Run | tuple[Run, ...]


def between(first: str, text: str) -> float:
    """Return the seconds from a time to another."""
    return (datetime.fromisoformat(text) - datetime.fromisoformat(first)).total_seconds()


def filled(sentence: str, **values: Cell) -> tuple[Run, ...]:
    """Return a sentence of the catalogues whose places are filled with what somebody said, which stays theirs."""
    parts: list[Cell] = [
        values[part] if index % 2 else part for index, part in enumerate(_PLACE.split(sentence))
    ]
    return _joined(parts)


def listed(parts: Iterable[Cell], between: str) -> tuple[Run, ...]:
    """Several of them, with something between."""
    cells: list[Cell] = []
    for part in parts:
        cells += [between, part] if cells else [part]
    return _joined(cells)


def _joined(parts: Iterable[Cell]) -> tuple[Run, ...]:
    """Runs after one another, the service's own words as one."""
    runs: list[Run] = []
    for run in (run for part in parts for run in (part if isinstance(part, tuple) else (part,))):
        if isinstance(run, str) and runs and isinstance(runs[-1], str):
            runs[-1] += run
        elif run:
            runs.append(run)
    return tuple(runs)


def said(raw: Raw, w: Words, language: str, original: str = "") -> QuotedText:
    """Return a text of a side: the only one, or that in the language that is wanted; it says whether another one prevails."""
    return _picked(msgspec.json.decode(raw), w, language, original)


def _picked(value: str | dict[str, str], w: Words, language: str, original: str) -> QuotedText:
    if isinstance(value, str):
        return QuotedText(value, original)
    wanted = (language, language.partition("-")[0], original)
    chosen = next(
        (
            tag
            for text in wanted
            for tag in value
            if text and (tag == text or tag.startswith(text + "-"))
        ),
        next(iter(value)),
    )
    if not original or len(value) == 1:
        return QuotedText(value[chosen], chosen)
    if chosen == original:
        return QuotedText(
            value[chosen], chosen, w.say(" (%(language)s, the original)", language=chosen)
        )
    return QuotedText(
        value[chosen],
        chosen,
        w.say(
            " (%(language)s, the original is in %(original)s)", language=chosen, original=original
        ),
    )


class Members(Struct, frozen=True):
    """How members of acts are read: whose words, in which language, between which sides, and which words were chosen, not written."""

    words: Words
    language: str
    sides: Collection[str] = ()
    chosen: Collection[tuple[str, str]] = frozenset()

    def told(self, name: str, raw: Raw, original: str = "") -> tuple[Run, ...]:
        """Return a member as it is read: texts by the reader's language, what is structured as its names and values."""
        value = msgspec.json.decode(raw)
        if self._in_languages(value):
            return (_picked(value, self.words, self.language, original),)
        return _joined([self._flat(name, value)])

    def _in_languages(self, value: Any) -> bool:
        """Return whether something is a text in several languages, and not what each side calls a place, or who speaks for it."""
        return (
            isinstance(value, dict)
            and bool(value)
            and all(
                isinstance(text, str) and _LANGUAGE.fullmatch(name) for name, text in value.items()
            )
            and not value.keys() <= {*self.sides}
        )

    def _flat(self, name: str, value: Any) -> Cell:
        w = self.words
        match value:
            case bool():
                return w.value("true" if value else "false")
            case None:
                return w.say("none")
            case {"commitment": str()}:
                return w.say("a person of the register")
            case {"value": float() | int() as number, "unit": str(unit)} if (
                si := in_si(value)
            ) is not None:
                return QuotedText(
                    f"{number:g}{_SPACE}{unit}"
                    + ("" if unit == si[1] else f" ({si[0]:,g}{_SPACE}{si[1]})")
                )
            case dict() if self._in_languages(value):
                return _picked(value, w, self.language, "")
            case dict():
                pairs = [
                    filled(
                        w.say("%(what)s: %(value)s"),
                        what=self._named(item),
                        value=self._flat(item, of),
                    )
                    for item, of in value.items()
                ]
                return listed(pairs, w.pause)
            case list():
                between = w.semicolon if any(isinstance(item, dict) for item in value) else w.comma
                return listed((self._flat(name, item) for item in value), between)
            case str() if (name, value) in self.chosen:
                return w.value(value)
            case _:
                return QuotedText(str(value))

    def _named(self, name: str) -> Run:
        if name in self.sides:
            return name.upper()
        return self.words.field(name) if ("field", name) in known() else QuotedText(name)

"""Texts of sides and members of acts, as a report shows them in the reader's language.

A run is the service's own words, as `str`, or a side's, as `QuotedText`. Sentences of
the catalogues are filled with both.
"""

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from dragoman.domain.acts.si_units import in_si
from dragoman.domain.views.attribution import HIDDEN
from dragoman.i18n.vocabulary import known
from dragoman.i18n.words import Words

_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_PLACE: Final = re.compile(r"%\((\w+)\)s")
_SPACE: Final = "\N{NO-BREAK SPACE}"


class QuotedText(Struct, frozen=True):
    """Words that are not the service's own.

    `language` is empty if none is named. `note` follows the text, and says which text
    prevails.
    """

    text: str
    language: str = ""
    note: str = ""


Run = str | QuotedText
Cell = Run | tuple[Run, ...]


def between(first: str, last: str) -> float:
    """Return the seconds from one time to another."""
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def filled(sentence: str, **values: Cell) -> tuple[Run, ...]:
    """Return a sentence of the catalogues with its places filled.

    Words of a side stay runs of their own.
    """
    parts: list[Cell] = [
        values[part] if index % 2 else part for index, part in enumerate(_PLACE.split(sentence))
    ]
    return _joined(parts)


def listed(parts: Iterable[Cell], between: str) -> tuple[Run, ...]:
    """Return several cells as a list, with a separator between them."""
    cells: list[Cell] = []
    for part in parts:
        cells += [between, part] if cells else [part]
    return _joined(cells)


def _joined(parts: Iterable[Cell]) -> tuple[Run, ...]:
    """Return runs, one after the other, with the service's own words joined."""
    runs: list[Run] = []
    for run in (run for part in parts for run in (part if isinstance(part, tuple) else (part,))):
        if isinstance(run, str) and runs and isinstance(runs[-1], str):
            runs[-1] += run
        elif run:
            runs.append(run)
    return tuple(runs)


def said(raw: Raw, w: Words, language: str, original: str = "") -> QuotedText:
    """Return a text of a side, in the wanted language if there is one.

    Its note says whether the text in another language prevails.
    """
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
    """A reader of members of acts.

    `words` and `language` are those of the reader. `chosen` are the words that were
    chosen from a list, not written.
    """

    words: Words
    language: str
    sides: Collection[str] = ()
    chosen: Collection[tuple[str, str]] = frozenset()

    def told(self, name: str, raw: Raw, original: str = "") -> tuple[Run, ...]:
        """Return a member for readers.

        A text is in the reader's language. A structure has the names and values of its
        parts.
        """
        value = msgspec.json.decode(raw)
        if self._in_languages(value):
            return (_picked(value, self.words, self.language, original),)
        return _joined([self._flat(name, value)])

    def _in_languages(self, value: Any) -> bool:
        """Return whether a value is a text in several languages.

        A value by side is not: what each side calls a place, for example.
        """
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
            case str() if name == "status" and ("status", value) in known():
                return w.status(value)
            case str() if value == HIDDEN:
                return w.say("a matter under the Chatham House Rule")
            case str() if (name, value) in self.chosen:
                return w.value(value)
            case _:
                return QuotedText(str(value))

    def _named(self, name: str) -> Run:
        if name in self.sides:
            return name.upper()
        return self.words.field(name) if ("field", name) in known() else QuotedText(name)

"""Kinds of texts: a side's own words, lines, and names of languages."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec
from babel import Locale, UnknownLocaleError
from msgspec import Raw

from dragoman.i18n.words import Words
from dragoman.members import text_rows
from dragoman.members.kind import EMPTY, Kind, Member, Say, TypedForm
from dragoman.members.phonetic_alphabet import spelt
from dragoman.members.runs import Aside, Break, Mark, QuotedText, Runs, joined, listed

_LONGEST_CODE: Final = 60


@dataclass(frozen=True)
class TextKind(Kind):
    """A text, in several languages where the act allows it.

    A `title` is one line. `code` is a text for programs.
    """

    control = "text"
    is_prose = True

    languages: bool = True
    title: bool = False
    code: bool = False

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the text, or the texts by language with the original first."""
        if not self.languages:  # a translation has a box for each paragraph of its original
            texts = [value.replace("\r\n", "\n").strip() for value in form.many(name)]
            return "\n\n".join(filter(None, texts)) or EMPTY
        by_language = {
            tag: text
            for tag in form.languages
            if (text := text_rows.joined(form.form, f"{name}.{tag}"))
        }
        if not by_language:
            return EMPTY
        ordered = _original_first(form, by_language)
        return next(iter(ordered.values())) if len(form.languages) == 1 else ordered

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the text of each language."""
        if isinstance(value, dict):
            yield from ((f"{name}.{tag}", text) for tag, text in value.items())
        else:
            yield f"{name}.{languages[0]}" if self.languages else name, str(value)

    def _runs(self, value: Any, say: Say) -> Runs:
        return own_text(value, say)

    def field_at(self, name: str, path: Sequence[str], languages: Sequence[str]) -> tuple[str, str]:
        """Return the box of the language at a path, or the first box."""
        return _box_at(name, path, languages) if self.languages else (name, name)


@dataclass(frozen=True)
class TextsKind(Kind):
    """Several texts, numbered from 1."""

    control = "texts"
    is_prose = True
    is_wide = True

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return texts that are separated by empty lines, or in boxes of their own.

        The texts of another language are in the same order.
        """
        by_language = {tag: _paragraphs(form, f"{name}.{tag}") for tag in form.languages}
        items = [
            _original_first(form, {cell.tag: cell.text for cell in row if cell.text})
            for row in text_rows.level(by_language)
        ]
        items = [item for item in items if item]
        if not items:
            return EMPTY
        return [next(iter(item.values())) for item in items] if len(form.languages) == 1 else items

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the texts of each language.

        A text without a language keeps its place in that language by an empty box.
        """
        items = [item if isinstance(item, dict) else {languages[0]: item} for item in value]
        for tag in dict.fromkeys(tag for item in items for tag in item):
            texts = [item.get(tag, "") for item in items]
            while not texts[-1]:
                texts.pop()
            for text in texts if "" in texts else ["\n\n".join(texts)]:
                yield f"{name}.{tag}", text

    def _runs(self, value: Any, say: Say) -> Runs:
        items = (
            joined((Mark("label", f"{place}."), " ", own_text(item, say)))
            for place, item in enumerate(value, 1)
        )
        return listed(items, Break(say.words.semicolon))

    def codes(self, value: Any, path: str, words: Words) -> Iterator[tuple[str, str, str]]:
        """Yield nothing: the texts are a side's own words."""
        return iter(())

    def field_at(self, name: str, path: Sequence[str], languages: Sequence[str]) -> tuple[str, str]:
        """Return the box of the language at a path, or the first box."""
        return _box_at(name, path, languages)


@dataclass(frozen=True)
class LineKind(Kind):
    """A line of at most `most` characters."""

    most: int = 500

    def _runs(self, value: Any, say: Say) -> Runs:
        return (QuotedText(str(value)),)

    def spelt(self, value: Any) -> Iterator[str]:
        """Yield the spelling of a line that is a code."""
        if is_code(value):
            yield spelt(value)


@dataclass(frozen=True)
class LinesKind(Kind):
    """Several lines."""

    control = "lines"
    is_wide = True
    at_least = True

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the lines."""
        return form.lines(name) or EMPTY

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the lines in one box."""
        yield name, "\n".join(map(str, value)) if isinstance(value, list) else str(value)

    def _runs(self, value: Any, say: Say) -> Runs:
        return listed((QuotedText(str(item)) for item in value), Break(say.words.semicolon))

    def spelt(self, value: Any) -> Iterator[str]:
        """Yield the spelling of lines that are codes."""
        yield from (spelt(line) for line in value if is_code(line))

    def codes(self, value: Any, path: str, words: Words) -> Iterator[tuple[str, str, str]]:
        """Yield nothing: the lines are a side's own words."""
        return iter(())


@dataclass(frozen=True)
class LanguageKind(Kind):
    """A language by its tag, or several languages."""

    control = "language"
    is_listed = True

    many: bool = False

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the tag, or the tags."""
        return (form.many(name) if self.many else form.one(name)) or EMPTY

    def _runs(self, value: Any, say: Say) -> Runs:
        tags = value if isinstance(value, list) else [value]
        return listed((Mark("language", language(tag), tag) for tag in tags), say.words.comma)

    def _code_word(self, code: str, words: Words) -> str:
        return language(code)


def own_text(value: str | Mapping[str, str], say: Say) -> Runs:
    """Return a side's own text.

    For a page it is in each of its languages, the original first. For a paper it is in
    the reader's language, and says which text prevails.
    """
    if say.language:
        return (quoted_in(value, say.words, say.language, say.original),)
    if isinstance(value, str):
        return (QuotedText(value),)
    texts = (
        (QuotedText(text, tag), " ", Aside(language(tag)))
        if len(value) > 1
        else (QuotedText(text, tag),)
        for tag, text in value.items()
    )
    return listed(texts, Break(say.words.semicolon))


def quoted_in(
    value: Raw | str | Mapping[str, str], words: Words, wanted: str, original: str = ""
) -> QuotedText:
    """Return a text of a side, in the wanted language if there is one.

    Its note says whether the text in another language prevails.
    """
    texts = msgspec.json.decode(value) if isinstance(value, Raw) else value
    if isinstance(texts, str):
        return QuotedText(texts, original)
    preferred = (wanted, wanted.partition("-")[0], original)
    chosen = next(
        (
            tag
            for text in preferred
            for tag in texts
            if text and (tag == text or tag.startswith(text + "-"))
        ),
        next(iter(texts)),
    )
    if not original or len(texts) == 1:
        return QuotedText(texts[chosen], chosen)
    if chosen == original:
        note = words.say(" (%(language)s, the original)", language=chosen)
        return QuotedText(texts[chosen], chosen, note)
    note = words.say(
        " (%(language)s, the original is in %(original)s)", language=chosen, original=original
    )
    return QuotedText(texts[chosen], chosen, note)


def is_code(text: str) -> bool:
    """Return whether a line is a code, and not words.

    A code is a call sign, a telephone number, or the number of a notice.
    """
    return (
        len(text) <= _LONGEST_CODE
        and text == text.upper()
        and any(letter.isdigit() for letter in text)
    )


@lru_cache(256)
def language(tag: str) -> str:
    """Return a language's name in the language itself."""
    try:
        locale = Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return tag
    return (locale.get_display_name() or tag).capitalize()


def _original_first(form: TypedForm, by_language: dict[str, str]) -> dict[str, str]:
    """Return the texts by language, the original first.

    It is the text in the language that the form names, or else in the reader's.
    """
    original = form.one("f.original") or form.words.language
    return dict(
        sorted(
            by_language.items(),
            key=lambda item: item[0] != original and item[0].partition("-")[0] != original,
        )
    )


def _paragraphs(form: TypedForm, name: str) -> list[str]:
    """Return the paragraphs of one language in order.

    An empty box keeps its place, for the paragraph beside it in another language.
    """
    return [
        part.strip()
        for box in text_rows.column(form.form, name)
        for part in (re.split(r"\n\s*\n", box) if box.strip() else [""])
        if part.strip() or not box.strip()
    ]


def _box_at(name: str, path: Sequence[str], languages: Sequence[str]) -> tuple[str, str]:
    text = next((tag for tag in path if tag in languages), "")
    return (f"{name}.{text}", f"{name}.{text}") if text else (name, f"{name}.{languages[0]}")

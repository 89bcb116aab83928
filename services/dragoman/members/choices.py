"""Kinds of values that are chosen: one of a list, several of it, yes or no."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dragoman.i18n.words import Words
from dragoman.members.kind import EMPTY, UNKNOWN, Kind, Member, Say, TypedForm
from dragoman.members.runs import Aside, Break, Mark, Runs, listed
from dragoman.members.times import SpanKind
from dragoman_schemas.codebook import CODEBOOKS


@dataclass(frozen=True)
class ChoiceKind(Kind):
    """A choice of one value; `context` is where the vocabulary has its words."""

    control = "choice"
    is_listed = True

    values: tuple[str, ...]
    context: Literal["value", "status"] = "value"

    def _runs(self, value: Any, say: Say) -> Runs:
        return (self._code_word(value, say.words) or str(value),)

    def _code_word(self, code: str, words: Words) -> str:
        return words.name(self.context, code) if str(code).islower() else ""


@dataclass(frozen=True)
class ChoicesKind(Kind):
    """A choice of several values."""

    control = "choices"
    is_listed = True

    values: tuple[str, ...]

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the chosen values."""
        return form.many(name) or EMPTY

    def _runs(self, value: Any, say: Say) -> Runs:
        return listed((say.words.value(item) for item in value), say.words.comma)

    def _code_word(self, code: str, words: Words) -> str:
        return words.value(code) if code.islower() else ""


@dataclass(frozen=True)
class FlagKind(Kind):
    """Yes or no; or `unknown`, where the act allows it."""

    control = "flag"
    is_listed = True

    unknown: bool = False

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return True, False or `unknown`."""
        return {"yes": True, "no": False, UNKNOWN: UNKNOWN}.get(form.one(name), EMPTY)

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the chosen answer."""
        yield name, {True: "yes", False: "no"}.get(value, UNKNOWN)

    def _runs(self, value: Any, say: Say) -> Runs:
        return (say.words.value("true" if value else "false"),)

    def codes(self, value: Any, path: str, words: Words) -> Iterator[tuple[str, str, str]]:
        """Yield the answer as a code with its word."""
        if isinstance(value, bool):
            code = "true" if value else "false"
            yield path, code, words.value(code)
        else:
            yield from super().codes(value, path, words)


@dataclass(frozen=True)
class PhrasesKind(Kind):
    """Agreed phrases, by their keys."""

    control = "phrases"
    is_listed = True

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the keys of the chosen phrases."""
        return form.many(name) or EMPTY

    def _runs(self, value: Any, say: Say) -> Runs:
        return listed(
            (Mark("phrase", phrase(key, say.words.language) or key) for key in value),
            Break(say.words.semicolon),
        )

    def _code_word(self, code: str, words: Words) -> str:
        return phrase(code, words.language)


@dataclass(frozen=True)
class PartKind(Kind):
    """A part of a text that is agreed to: a member, and the number of its item."""

    control = "part"
    is_listed = True

    def _runs(self, value: Any, say: Say) -> Runs:
        return (say.words.field(str(value)),)

    def _code_word(self, code: str, words: Words) -> str:
        return words.field(code)


@dataclass(frozen=True)
class OfferedKind(Kind):
    """One of the windows that were offered in the exchange, by its index from 0.

    A reader may be told the window itself, where the exchange is at hand.
    """

    control = "offered"
    is_listed = True

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the index of the chosen window."""
        return number_of_row(form.one(name))

    def _runs(self, value: Any, say: Say) -> Runs:
        words = say.words
        if isinstance(value, dict):
            return SpanKind().runs(value, say)
        return (words.say("time %(n)s of those offered", n=words.number(value + 1)),)


@dataclass(frozen=True)
class HandedKind(Kind):
    """A recommendation of the transmittal that is answered, by its number."""

    control = "handed"
    is_listed = True

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the number of the chosen recommendation."""
        return number_of_row(form.one(name))

    def _runs(self, value: Any, say: Say) -> Runs:
        return (say.words.number(value),)


@dataclass(frozen=True)
class PostKind(Kind):
    """A post of the side's own onward list, by its name."""

    control = "post"
    is_listed = True

    posts: tuple[str, ...] = ()


@dataclass(frozen=True)
class NamedKind(Kind):
    """One of some things of the channel, each by its value and its name."""

    control = "named"
    is_listed = True

    choices: tuple[tuple[str, str], ...] = ()
    whole: bool = False

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the value, as a number if it is `whole`."""
        return number_of_row(form.one(name)) if self.whole else form.one(name) or EMPTY

    def _runs(self, value: Any, say: Say) -> Runs:
        return (dict(self.choices).get(str(value), str(value)),)


@dataclass(frozen=True)
class FormatKind(NamedKind):
    """A format, by the act that opens its exchanges."""

    def _runs(self, value: Any, say: Say) -> Runs:
        return (say.words.act(str(value)),)

    def _code_word(self, code: str, words: Words) -> str:
        return words.act(code)


@dataclass(frozen=True)
class ReleasedKind(Kind):
    """Records of a matter that are published, without the members that are left out."""

    control = "released"
    is_listed = True
    is_wide = True

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the chosen records, each with the members that it goes without."""
        chosen = (
            {"record": id, "without": form.many(f"{name}.{id}.without")} for id in form.many(name)
        )
        return [item if item["without"] else {"record": item["record"]} for item in chosen] or EMPTY

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the chosen records and the members that they go without."""
        for item in value:
            yield name, item["record"]
            yield from (
                (f"{name}.{item['record']}.without", entry) for entry in item.get("without", ())
            )

    def _runs(self, value: Any, say: Say) -> Runs:
        return listed((_released(item, say) for item in value), Break(say.words.semicolon))

    def codes(self, value: Any, path: str, words: Words) -> Iterator[tuple[str, str, str]]:
        """Yield the members that the records go without."""
        for item in value:
            for name in item.get("without", ()):
                yield f"{path}/without", name, words.field(name)

    def is_filled(self, form: Any, name: str) -> bool:
        """Return whether a record is chosen."""
        return name in form


def _released(item: Any, say: Say) -> Runs:
    record = say.record(str(item["record"]))
    without = [say.words.field(name) for name in item.get("without", ())]
    if not without:
        return record
    fields = say.words.listed(without)
    return (*record, " ", Aside(say.words.say("without: %(fields)s", fields=fields)))


def number_of_row(text: str) -> Any:
    """Return the number of a choice; `EMPTY` for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else EMPTY


def phrase(key: str, language: str) -> str:
    """Return an agreed phrase in a language or in English; empty if it is unknown."""
    texts = next((book.phrases[key] for book in CODEBOOKS.values() if key in book.phrases), {})
    return texts.get(language) or texts.get("en", "")

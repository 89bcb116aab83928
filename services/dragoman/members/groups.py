"""Kinds of values that have members: groups, rows, pairs, and members of an opening."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dragoman.i18n.words import Words
from dragoman.members.kind import (
    EMPTY,
    Kind,
    Member,
    Say,
    TypedForm,
    form_fields,
    indexes,
)
from dragoman.members.runs import Break, Mark, QuotedText, Runs, filled, joined, listed

_WHOLE: Final = re.compile(r"-?[0-9]{1,17}")


@dataclass(frozen=True)
class GroupKind(Kind):
    """A group of members; or a word instead of it."""

    control = "group"
    is_wide = True

    members: tuple[Member, ...]

    @property
    def parts(self) -> tuple[Member, ...]:
        """Return the members of the group."""
        return self.members

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the members that are filled in."""
        return form.read(self.members, name) if self.is_filled(form.form, name) else EMPTY

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the fields of the members."""
        yield from form_fields(languages, self.members, value, name).items()

    def _runs(self, value: Any, say: Say) -> Runs:
        if not isinstance(value, dict):
            return (say.words.value(value),)
        sentence = say.words.say("%(what)s: %(value)s")
        parts = (
            filled(
                sentence,
                what=Mark("label", say.words.field(member.name, member.act)),
                value=member.runs(value[member.name], say),
            )
            for member in self.members
            if member.name in value
        )
        return listed(parts, say.words.semicolon)

    def codes(self, value: Any, path: str, words: Words) -> Iterator[tuple[str, str, str]]:
        """Yield the codes of the members, each under both names."""
        if not isinstance(value, Mapping):
            yield from super().codes(value, path, words)
            return
        for member in self.members:
            if member.name in value:
                yield from member.kind.codes(value[member.name], f"{path}/{member.name}", words)

    def is_filled(self, form: Mapping[str, Any], name: str) -> bool:
        """Return whether a member of the group is filled in."""
        return any(member.kind.is_filled(form, f"{name}.{member.name}") for member in self.members)


@dataclass(frozen=True)
class RowsKind(Kind):
    """Several rows of a group. With `or_none`, a table without rows is a value too."""

    control = "rows"
    is_wide = True
    at_least = True

    group: GroupKind
    or_none: bool = False

    @property
    def parts(self) -> tuple[Member, ...]:
        """Return the members of a row."""
        return self.group.members

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the rows that are filled in."""
        rows = [
            form.read(self.group.members, f"{name}.{index}")
            for index in form.indexes(name)
            if self.group.is_filled(form.form, f"{name}.{index}")
        ]
        return rows if rows or self.or_none else EMPTY

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the fields of each row."""
        for index, item in enumerate(value):
            yield from self.group.typed(f"{name}.{index}", item, languages)

    def _runs(self, value: Any, say: Say) -> Runs:
        return listed((self.group.runs(item, say) for item in value), Break(say.words.semicolon))

    def codes(self, value: Any, path: str, words: Words) -> Iterator[tuple[str, str, str]]:
        """Yield the codes of each row."""
        for item in value:
            yield from self.group.codes(item, path, words)

    def is_filled(self, form: Mapping[str, Any], name: str) -> bool:
        """Return whether a row is filled in."""
        return any(self.group.is_filled(form, f"{name}.{index}") for index in indexes(form, name))


@dataclass(frozen=True)
class PairsKind(Kind):
    """A line, or a number, for each name; with `sides`, for each side."""

    control = "pairs"
    is_wide = True

    sides: bool = False
    numbers: bool = False

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the lines or numbers by name."""
        if self.sides:
            return {
                side: text for side in form.sides if (text := form.one(f"{name}.{side}"))
            } or EMPTY
        pairs: dict[str, Any] = {}
        for line in form.lines(name):
            key, colon, value = line.rpartition(":")
            if not colon or (self.numbers and _WHOLE.fullmatch(value.strip()) is None):
                sentence = form.words.say("Write one a line: the name, a colon, the number.")
                return form.fault(member, name, sentence)
            pairs[key.strip()] = int(value) if self.numbers else value.strip()
        return pairs or EMPTY

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield a field for each side, or one line for each name."""
        if self.sides:
            yield from ((f"{name}.{side}", line) for side, line in value.items())
        else:
            yield name, "\n".join(f"{key}: {entry}" for key, entry in value.items())

    def _runs(self, value: Any, say: Say) -> Runs:
        pairs = (
            joined(
                (
                    name.upper() if self.sides else QuotedText(name),
                    say.words.colon,
                    say.words.exact(item) if self.numbers else QuotedText(str(item)),
                )
            )
            for name, item in value.items()
        )
        return listed(pairs, Break(say.words.semicolon))


@dataclass(frozen=True)
class OtherKind(Kind):
    """A member that only programs write."""

    control = "other"

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return nothing: no form asks for it."""
        return EMPTY

    def _runs(self, value: Any, say: Say) -> Runs:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return (say.words.exact(value),)
        return super()._runs(value, say)

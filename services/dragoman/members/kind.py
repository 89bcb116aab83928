"""A kind of value: how it is typed, read, said, and asked for.

    TimeKind(about=True)
      .read(form, member, "f.time")    0305 → {"about": "2026-11-24T03:05:00Z"}
      .typed("f.time", value, …)       the value → the texts of its fields
      .runs(value, say)                the value → about 24 Nov 2026 03:05Z
      .control                         "time": the control that asks for it

Everything that depends on the kind of a member is a method of its class.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Raw
from multidict import MultiDict, MultiDictProxy

from dragoman.i18n.words import Words
from dragoman.members.runs import Mark, Runs
from dragoman_schemas.responses import FileSeen, PersonSeen

PREFIX: Final = "f"
"""The first part of the names of all fields that belong to members."""

UNKNOWN: Final = "unknown"
"""The value of a member that its writer does not know."""


class _Empty:
    """The type of the mark for an empty field."""


EMPTY: Final = _Empty()
"""The value of a field that nobody filled in."""


@dataclass(frozen=True)
class FieldError:
    """A fault of one field: the field's name and label, and a sentence.

    `anchor` is the id to which a link leads, empty for a fault of the act as a whole;
    `suggestion` is a value that the officer may have meant. `earliest` is the earliest
    time that passes instead.
    """

    field: str
    label: str
    sentence: str
    anchor: str = ""
    suggestion: str = ""
    earliest: str = ""


def unnamed_record(id: str) -> Runs:
    """Return a record by its id alone."""
    return (Mark("record", id),)


@dataclass(frozen=True, kw_only=True)
class Say:
    """The reader to whom values are said.

    `zones` are the offices' time zones with their names. `people` are entries of the
    register by id, and `files` the states of files by digest. `language` is the tag in
    which a paper gives each text. A page leaves it empty, and gives all languages.
    `original` is the language of a message. `opening` is the act that opened the
    exchange. `numbered` gives the number of an exchange that is named by its id, and
    `record` the name of a record, by its id.
    """

    words: Words
    zones: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, PersonSeen] = field(default_factory=dict)
    files: Mapping[str, FileSeen] = field(default_factory=dict)
    language: str = ""
    original: str = ""
    opening: str = ""
    numbered: Callable[[str], str] = str
    record: Callable[[str], Runs] = unnamed_record


class Kind:
    """A kind of value."""

    control: ClassVar[str] = "line"
    """The name of the form control that asks for it."""

    is_wide: ClassVar[bool] = False
    """True for values that need a wide place on a page."""

    is_listed: ClassVar[bool] = False
    """True where a form lists the possible values, and an officer chooses."""

    is_prose: ClassVar[bool] = False
    """True for a side's own texts."""

    at_least: ClassVar[bool] = False
    """True where a form asks for several values, and too few of them are a fault."""

    def read(self, form: "TypedForm", member: "Member", name: str) -> Any:
        """Return the value that was typed under a name; `EMPTY` for none.

        What cannot be read is noted in the form's faults.
        """
        return form.one(name) or EMPTY

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the fields that one would fill in for a value, with their texts."""
        if isinstance(value, list):
            yield from ((name, str(choice)) for choice in value)
        else:
            yield name, str(value)

    def runs(self, value: Any, say: Say) -> Runs:
        """Return a value as it is said to a reader."""
        if value is None:
            return ("–",)
        if value == UNKNOWN:
            return (say.words.value(UNKNOWN),)
        return self._runs(value, say)

    def _runs(self, value: Any, say: Say) -> Runs:
        return (Mark("code", msgspec.json.encode(value).decode()),)

    def spelt(self, value: Any) -> Iterator[str]:
        """Yield the spelling of a value for a bad line; nothing for plain words."""
        return iter(())

    def codes(self, value: Any, path: str, words: Words) -> Iterator[tuple[str, str, str]]:
        """Yield the codes in a value: path, code, and the reader's word for it."""
        for item in value if isinstance(value, list) else (value,):
            word = self._code_word(item, words) if isinstance(item, str) else ""
            if word:
                yield path, item, word

    def _code_word(self, code: str, words: Words) -> str:
        """Return the word for a code; empty for any other text."""
        return words.value(UNKNOWN) if code == UNKNOWN else ""

    def field_at(self, name: str, path: Sequence[str], languages: Sequence[str]) -> tuple[str, str]:
        """Return the field that shows a fault at a path, and the field to correct."""
        return name, name

    def is_filled(self, form: Mapping[str, Any], name: str) -> bool:
        """Return whether somebody entered anything under a name.

        A browser sends the unit beside an empty number as well, because a list of
        choices always has one chosen. So a unit alone does not count.
        """
        return any(
            isinstance(value, str) and value.strip()
            for field, value in form.items()
            if field == name or (field.startswith(f"{name}.") and not field.endswith(".unit"))
        )

    @property
    def parts(self) -> tuple["Member", ...]:
        """Return the members inside a value of this kind."""
        return ()

    def holds(self, *kinds: type["Kind"]) -> bool:
        """Return whether this is one of some kinds, or has a member that is."""
        return isinstance(self, kinds) or any(part.kind.holds(*kinds) for part in self.parts)


@dataclass(frozen=True)
class Member:
    """A member of an act: its name, its kind, and whether it is required.

    `act` is the act whose label it has. It is empty for a part that many acts share.
    """

    name: str
    kind: Kind
    required: bool = False
    act: str = ""

    @property
    def control(self) -> str:
        """Return the name of the form control that asks for it."""
        return self.kind.control

    def runs(self, value: Any, say: Say) -> Runs:
        """Return the member's value as it is said to a reader."""
        decoded = msgspec.json.decode(bytes(value)) if isinstance(value, Raw) else value
        return self.kind.runs(decoded, say)


@dataclass(kw_only=True)
class TypedForm:
    """The text that was typed into a form.

    `languages` are the channel's languages, `zone` is the officer's own time zone.
    `labels` returns the form's label of a field. `read` collects what is wrong in
    `faults`.
    """

    form: Mapping[str, Any] | MultiDictProxy[Any]
    words: Words
    languages: tuple[str, ...]
    sides: tuple[str, ...]
    now: datetime
    zone: ZoneInfo
    labels: Callable[[Member, str], str] | None = None
    faults: list[FieldError] = field(default_factory=list)

    def one(self, name: str) -> str:
        """Return the text of one field, without surrounding white space."""
        value = self.form.get(name, "")
        return value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""

    def many(self, name: str) -> list[str]:
        """Return all values of a field that may have several."""
        values = (
            self.form.getall(name, []) if hasattr(self.form, "getall") else self.form.get(name, [])
        )
        return [value for value in values if isinstance(value, str) and value]

    def lines(self, name: str) -> list[str]:
        """Return the lines of a field that are not empty."""
        return [line.strip() for line in self.one(name).split("\n") if line.strip()]

    def indexes(self, name: str) -> list[int]:
        """Return the numbers of the rows under a name, in their order."""
        return indexes(self.form, name)

    def read(self, members: Iterable[Member], prefix: str = PREFIX) -> dict[str, Any]:
        """Return the filled-in members in their order, and note faults in `faults`."""
        content: dict[str, Any] = {}
        for member in members:
            name = f"{prefix}.{member.name}"
            value = member.kind.read(self, member, name)
            if value is not EMPTY:
                content[member.name] = value
            elif member.required and not any(
                fault.field == name or fault.field.startswith(f"{name}.") for fault in self.faults
            ):
                self._want(member, name)
        return content

    def _want(self, member: Member, name: str) -> None:
        """Note that a required member is empty; for a group, at each of its members."""
        parts = member.kind.parts if member.kind.control == "group" else ()
        for part in parts:
            self._want(part, f"{name}.{part.name}")
        if not parts:
            self.fault(member, name, self.missing(member, name))

    def missing(self, member: Member, name: str) -> str:
        """Return the sentence on a required field that is empty."""
        label = self.label(member, name)
        if member.kind.is_listed:
            return self.words.say("%(what)s: choose one.", what=label)
        return self.words.say("%(what)s: this must be filled in.", what=label)

    def fault(
        self, member: Member, name: str, sentence: str, suggestion: str = "", *, end: str = ""
    ) -> Any:
        """Note a fault of a member. Return `EMPTY`. `end` names an end of a span."""
        label = self.label(member, name)
        if end:
            word = self.words.say("From") if end == "from" else self.words.say("To")
            label = self.words.say("%(what)s (%(end)s)", what=label, end=word)
        self.faults.append(
            FieldError(field=name, label=label, sentence=sentence, suggestion=suggestion)
        )
        return EMPTY

    def label(self, member: Member, name: str) -> str:
        """Return the form's label of a field."""
        return (
            self.words.field(member.name, member.act)
            if self.labels is None
            else self.labels(member, name)
        )


def indexes(form: Mapping[str, Any], name: str) -> list[int]:
    """Return the numbers of the rows that a form holds under a name, in their order."""
    numbers = {
        int(match[1])
        for key in form
        if (match := re.match(rf"{re.escape(name)}\.([0-9]{{1,3}})\.", key)) is not None
    }
    return sorted(numbers)


def form_fields(
    languages: Sequence[str],
    members: Iterable[Member],
    content: Mapping[str, Any],
    prefix: str = PREFIX,
) -> MultiDict[str]:
    """Return the text that one would type for some members: for drafts and corrections.

    A value that no field can hold is left as it is written.
    """
    fields: MultiDict[str] = MultiDict()
    for member in members:
        if member.name in content:
            raw = content[member.name]
            value = msgspec.json.decode(bytes(raw)) if isinstance(raw, Raw) else raw
            for name, text in member.kind.typed(f"{prefix}.{member.name}", value, languages):
                fields.add(name, text)
    return fields

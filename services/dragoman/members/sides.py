"""Kinds of names: sides, officers, messages, matters, people and files."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from dragoman.domain.record import nesting
from dragoman.domain.views.attribution import HIDDEN
from dragoman.i18n.words import Words
from dragoman.members.kind import EMPTY, UNKNOWN, Kind, Member, Say, TypedForm
from dragoman.members.phonetic_alphabet import spelt
from dragoman.members.runs import Aside, Break, Mark, QuotedText, Run, Runs, listed
from dragoman_schemas.fields import UNNAMED
from dragoman_schemas.responses import PersonEntry

NOBODY_HERE: Final = "nobody_here"
"""The value that an act has instead of sides where no side's forces took part."""


@dataclass(frozen=True)
class SideKind(Kind):
    """A side; or several sides; or `unknown`; or `other`, which is nobody here."""

    control = "side"
    is_listed = True

    many: bool = False
    unknown: bool = False
    other: bool = False

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the side, or the sides."""
        return (form.many(name) if self.many else form.one(name)) or EMPTY

    def _runs(self, value: Any, say: Say) -> Runs:
        if isinstance(value, str) and value in UNNAMED:
            return (say.words.value(value),)
        return sides(value if isinstance(value, list) else [value])


@dataclass(frozen=True)
class WhoseKind(Kind):
    """Some sides, or nobody of this channel, or unknown."""

    control = "whose"

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the sides, `nobody_here`, or `unknown`."""
        chosen = form.many(name)
        alone = [choice for choice in chosen if choice in (NOBODY_HERE, UNKNOWN)]
        if alone and len(chosen) > 1:
            word = form.words.value(alone[0])
            sentence = form.words.say("Choose sides, or only “%(word)s”.", word=word)
            form.fault(member, name, sentence)
        return alone[0] if alone else chosen or EMPTY

    def _runs(self, value: Any, say: Say) -> Runs:
        return sides(value) if isinstance(value, list) else (say.words.value(value),)

    def codes(self, value: Any, path: str, words: Words) -> Iterator[tuple[str, str, str]]:
        """Yield the word that stands instead of sides."""
        if isinstance(value, str):
            yield path, value, words.value(value)


@dataclass(frozen=True)
class OfficerKind(Kind):
    """An officer of the reader's side, or several officers."""

    control = "officer"
    is_listed = True

    many: bool = False

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the officer, or the officers."""
        return (form.many(name) if self.many else form.one(name)) or EMPTY

    def _runs(self, value: Any, say: Say) -> Runs:
        return (value if isinstance(value, str) else say.words.listed(value),)


@dataclass(frozen=True)
class MessageKind(Kind):
    """A message of the exchange, by its id."""

    control = "message"
    is_listed = True

    def _runs(self, value: Any, say: Say) -> Runs:
        return say.record(str(value))


@dataclass(frozen=True)
class RecordKind(Kind):
    """A record of the channel, by its id."""

    def _runs(self, value: Any, say: Say) -> Runs:
        return say.record(str(value))


@dataclass(frozen=True)
class IssueKind(Kind):
    """An issue of the channel, named by the exchange that opened it."""

    control = "issue"

    def _runs(self, value: Any, say: Say) -> Runs:
        return (reference(str(value), say),)


@dataclass(frozen=True)
class MechanismKind(Kind):
    """A mechanism of the channel, named by its number or by its exchange."""

    control = "mechanism"

    def _runs(self, value: Any, say: Say) -> Runs:
        return (reference(str(value), say),)


@dataclass(frozen=True)
class ReferencesKind(Kind):
    """Numbers or ids of messages."""

    control = "references"

    many: bool = True

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the number, or the numbers that are written one a line."""
        return (form.lines(name) if self.many else form.one(name)) or EMPTY

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the numbers in one field."""
        yield name, "\n".join(map(str, value)) if isinstance(value, list) else str(value)

    def _runs(self, value: Any, say: Say) -> Runs:
        items = value if isinstance(value, list) else [value]
        return listed((reference(item, say) for item in items), Break(say.words.semicolon))

    def spelt(self, value: Any) -> Iterator[str]:
        """Yield the numbers letter by letter."""
        yield from (spelt(item) for item in (value if isinstance(value, list) else [value]))


@dataclass(frozen=True)
class _ChosenKind(Kind):
    """Things that a form offers, and that are chosen by their ids."""

    is_listed = True

    many: bool = False

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the chosen things, by id and commitment."""
        return _offered(form, member, name, many=self.many)

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the choices as JSON."""
        yield from _choices(name, value)


@dataclass(frozen=True)
class PersonKind(_ChosenKind):
    """A person in the people register, or several persons.

    `own_side` is true where only people of the writer's own side make sense.
    """

    control = "person"
    is_wide = True

    own_side: bool = False

    def _runs(self, value: Any, say: Say) -> Runs:
        items = value if isinstance(value, list) else [value]
        people = (person_of_register(item["id"], say) for item in items)
        return listed(people, Break(say.words.semicolon))


@dataclass(frozen=True)
class FilesKind(_ChosenKind):
    """Files that are stored beside the log."""

    control = "files"

    many: bool = True

    def _runs(self, value: Any, say: Say) -> Runs:
        items = value if isinstance(value, list) else [value]
        return listed((_file(item, say) for item in items), Break(say.words.semicolon))


def sides(names: Iterable[str]) -> Runs:
    """Return the names of some sides."""
    return listed((Mark("side", name.upper()) for name in names), ", ")


def reference(text: str, say: Say) -> Run:
    """Return a message's number or id."""
    if text == HIDDEN:
        return say.words.say("a matter under the Chatham House Rule")
    return Mark("reference", say.numbered(text), text)


def person_of_register(id: str, say: Say) -> Runs:
    """Return a person as the register has them, or the state of the entry."""
    words, holder = say.words, say.people.get(id)
    if holder is None:  # nobody has asked the register
        return (Mark("person", words.say("an entry of the register of people"), id),)
    if holder.unavailable:
        return (words.say("The register does not answer now."),)
    if holder.absent:
        return (words.say("somebody who is not in the register"),)
    if holder.erased:
        return (words.say("erased from the register"),)
    if isinstance(holder.entry, msgspec.UnsetType):
        side = holder.side.upper()
        return (words.say("a person of %(side)s who is not shown to you", side=side),)
    who = person(holder.side, holder.entry)
    if not holder.changed:
        return who
    changed = words.say("The entry was changed since this was written.")
    return (*who, Break(words.pause), Aside(changed))


def person(side: str, entry: PersonEntry, *, dialled: bool = True) -> Runs:
    """Return a person by name, side, post and first number.

    These distinguish people of the same name. The number is plain text where it is not
    to be `dialled`, as inside the label of a choice.
    """
    parts: list[Run] = [Mark("person", entry.name), Mark("side", side.upper())]
    if not isinstance(entry.post, msgspec.UnsetType):
        parts.append(QuotedText(entry.post))
    if not isinstance(entry.telephones, msgspec.UnsetType):
        number = entry.telephones[0]
        parts.append(Mark("telephone", number) if dialled else number)
    return listed(parts, ", ")


def _file(value: Any, say: Say) -> Runs:
    words, file = say.words, say.files.get(value["sha256"])
    size = Aside(f"{value['media_type']}, {words.number(value['bytes'])} {words.say('bytes')}")
    if file is not None and file.scanning:
        state = Mark("state", words.say("is being scanned"), "standby")
        return (QuotedText(value["title"]), " ", size, " ", state)
    if file is not None and file.refused:
        refused = words.say("refused by the scanner here: %(line)s", line=file.scanner)
        return (QuotedText(value["title"]), " ", size, " ", Mark("state", refused, "critical"))
    return (Mark("file", value["title"], value["sha256"]), " ", size)


def _choices(name: str, value: Any) -> Iterator[tuple[str, str]]:
    for entry in value if isinstance(value, list) else [value]:
        yield name, msgspec.json.encode(entry).decode()


def _offered(form: TypedForm, member: Member, name: str, *, many: bool) -> Any:
    """Return the value of a choice of people or files, which the form has as JSON.

    A choice that is not valid is a fault: the sender has made the value up.
    """
    values = []
    try:
        for text in form.many(name):
            nesting.check(text.encode())
            values.append(msgspec.json.decode(text))
    except (msgspec.DecodeError, UnicodeEncodeError):
        return form.fault(member, name, form.missing(member, name))
    if not values:
        return EMPTY
    return values if many else values[0]

"""Members of acts as pages show them.

Times are in UTC with the offices' local times beside them. Places are in one notation,
and texts carry their language. The service's words are in the reader's language. A
side's own words stay as they were written, marked with their language.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Final

import msgspec
from markupsafe import Markup
from msgspec import Raw, Struct

from dragoman.console.display.office_clocks import Office, places
from dragoman.document.html import markup, of_source
from dragoman.domain.acts import consent
from dragoman.i18n.words import NBSP, Words
from dragoman.members import shapes, texts
from dragoman.members.kind import UNKNOWN, Kind, Member, Say, unnamed_record
from dragoman.members.places import PlaceKind
from dragoman.members.runs import Mark, MessageSource, Runs, sourced
from dragoman.members.sides import ReferencesKind
from dragoman.members.texts import language
from dragoman.members.times import HoursKind, SpanKind, TimeKind
from dragoman_schemas.responses import FileSeen, PersonSeen
from dragoman_schemas.state import Exchange

# fmt: off
LANGUAGES: Final = (
    "ar", "bg", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fil", "fr", "he", "hi",
    "hr", "hu", "id", "is", "it", "ja", "kk", "km", "ko", "lt", "lv", "mk", "mn", "ms", "my",
    "nb", "nl", "pl", "ps", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "th",
    "tr", "uk", "ur", "vi", "zh",
)
# fmt: on
"""Languages that a form offers by their names, in addition to the channel's own.

An act may name any other language over the API.
"""


class DisplayedMember(Struct, frozen=True, kw_only=True):
    """One member as a page shows it: its name, its label and its value.

    `is_own_text` is true for a side's own text, `wide` for a value that needs room, and
    `unknown` for the value `unknown`.
    """

    name: str
    label: str
    shown: Markup
    is_own_text: bool = msgspec.field(name="said", default=False)
    wide: bool = False
    unknown: bool = False


class Display:
    """A display of values for one reader of one channel."""

    def __init__(
        self,
        words: Words,
        offices: Sequence[Office] = (),
        people: Mapping[str, PersonSeen] | None = None,
        link: Callable[..., str] | None = None,
        numbered: Callable[[str], str] = str,
        record: Callable[[str], Runs] = unnamed_record,
        files: Mapping[str, FileSeen] | None = None,
    ) -> None:
        """Show values in a language, with the offices' clocks.

        `link` makes an address from a path of the channel. `numbered` gives the number
        of an exchange that is named by its id, and `record` names a record.
        """
        self.words = words
        self.offices = offices
        self.link = link
        self.record = 0
        self.is_sheet = False
        self.say = Say(
            words=words,
            zones=places(offices, words),
            people=people or {},
            files=files or {},
            numbered=numbered,
            record=record,
        )

    def at(self, record: int) -> "Display":
        """Return a display of what one record says: each fact names it as its source.

        Without a record, 0, the facts name none.
        """
        display = copy(self)
        display.record = record
        return display

    def sheet(self, record: int) -> "Display":
        """Return a display of a sheet: its frame leads to the record for all facts."""
        display = self.at(record)
        display.is_sheet = True
        return display

    def in_words(self, words: Words) -> "Display":
        """Return the display of the same values in another language."""
        display = copy(self)
        display.words = words
        display.say = replace(self.say, words=words, zones=places(self.offices, words))
        return display

    # Members

    def facts(
        self, act: str, content: Mapping[str, Raw], *, leave: Iterable[str] = ()
    ) -> list[DisplayedMember]:
        """Return the members that an act has, in the order of its shape."""
        names = frozenset(leave)
        return [
            self.terms(content["terms"])
            if member.name == "terms" and act in consent.ACTS
            else self.fact(member, content[member.name])
            for member in shapes.members(act)
            if member.name in content and member.name not in names
        ]

    def draft(self, state: Exchange) -> list[DisplayedMember]:
        """Return the text and the files of the draft that was tabled last."""
        tabled = consent.tabled(state)
        if tabled is None:
            return []
        return self.facts("status-change", tabled.content, leave=("status", "remarks", "phrases"))

    def terms(self, raw: Raw) -> DisplayedMember:
        """Return the digest of the text to which an act of consent consents."""
        digest = str(msgspec.json.decode(bytes(raw)))
        return DisplayedMember(
            name="terms",
            label=self.words.say("Digest of the text"),
            shown=self._said("terms", (Mark("digest", digest[:16], digest),)),
        )

    def fact(self, member: Member, raw: Raw) -> DisplayedMember:
        """Return one member."""
        value = msgspec.json.decode(bytes(raw))
        return DisplayedMember(
            name=member.name,
            label=self.words.field(member.name, member.act),
            shown=self.value(member, value),
            is_own_text=member.kind.is_prose and value != UNKNOWN,
            wide=member.kind.is_wide,
            unknown=value == UNKNOWN,
        )

    def shown(self, kind: Kind, value: Any) -> Markup:
        """Return a value as a page shows it, by its kind."""
        return self.markup(kind.runs(value, self.say))

    def value(self, member: Member, value: Any) -> Markup:
        """Return the value of a member as a page shows it."""
        return self._said(member.name, member.kind.runs(value, self.say))

    def part(self, member: Member, value: Any) -> Markup:
        """Return the value of a member of a group; its record is that of the group."""
        return self._said("", member.kind.runs(value, self.say))

    def _said(self, name: str, runs: Runs) -> Markup:
        """Return the value of a member as HTML, with its record."""
        if not self.record:
            return self.markup(runs)
        source = MessageSource(self.record, name)
        if self.is_sheet:
            return of_source(self.markup(runs), source)
        return self.markup((sourced(runs, source),))

    def markup(self, runs: Runs) -> Markup:
        """Return runs as HTML, with the links of the channel."""
        return markup(runs, self.link)

    # Values that pages show beside acts

    def text(self, value: Any) -> Markup:
        """Return a side's own text in each of its languages, the original first."""
        return self._said("", texts.own_text(value, self.say))

    def time(self, value: Any) -> Markup:
        """Return a moment in UTC, the entered time, and the time at each office."""
        return self.shown(TimeKind(), value)

    def span(self, value: Any) -> Markup:
        """Return a span from one moment to another."""
        return self.shown(SpanKind(), value)

    def place(self, value: Any) -> Markup:
        """Return a place: a point, a circle, an area, names, or words."""
        return self.shown(PlaceKind(), value)

    def reference(self, text: str) -> Markup:
        """Return a message's number or id, with the way to it."""
        return self.shown(ReferencesKind(many=False), text)

    def hours(self, value: Any) -> Markup:
        """Return working hours, or that they are always."""
        return self.shown(HoursKind(), value)

    def metres(self, metres: float) -> str:
        """Return a distance in nautical miles and kilometres."""
        number = self.words.number
        if metres < 1_000:
            return f"{number(round(metres))}{NBSP}m"
        miles, kilometres = round(metres / 1_852, 1), round(metres / 1_000, 1)
        return f"{number(miles)}{NBSP}nm ({number(kilometres)}{NBSP}km)"


def other_languages(languages: Iterable[str], chosen: Iterable[str]) -> list[tuple[str, str]]:
    """Return languages besides a channel's own, with their names.

    Chosen languages are always among them.
    """
    names = frozenset(languages)
    others = dict.fromkeys(tag for tag in (*LANGUAGES, *chosen) if tag not in names)
    return sorted(((tag, language(tag)) for tag in others), key=lambda item: item[1].casefold())


def language_names(words: Words, tags: Iterable[str]) -> Markup:
    """Return languages as a list, each named and marked as in the language itself."""
    kind = texts.LanguageKind(many=True)
    return markup(kind.runs([*tags], Say(words=words)))

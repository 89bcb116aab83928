"""Members of acts as pages show them.

Times are in UTC with the offices' local times beside them. Places are in one notation,
and texts carry their language. The service's words are in the reader's language. A
side's own words stay as they were written, marked with their language.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from babel import Locale, UnknownLocaleError
from markupsafe import Markup, escape
from msgspec import Raw, Struct

from dragoman.console.display.invisible_characters import marked
from dragoman.console.display.office_clocks import Office, city, places
from dragoman.console.forms import field_types
from dragoman.domain.acts import consent, geodesy, si_units
from dragoman.domain.views.attribution import HIDDEN
from dragoman.i18n import places as places_module
from dragoman.i18n.words import NBSP, Words, as_moment
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.fields import UNNAMED, UNTIL_FURTHER_NOTICE
from dragoman_schemas.responses import PersonEntry, PersonSeen
from dragoman_schemas.state import Exchange

LANGUAGES: Final = (
    *(
        "ar",
        "bg",
        "cs",
        "da",
        "de",
        "el",
        "en",
        "es",
        "et",
        "fa",
        "fi",
        "fil",
        "fr",
        "he",
        "hi",
        "hr",
        "hu",
        "id",
        "is",
        "it",
        "ja",
        "kk",
    ),
    *(
        "km",
        "ko",
        "lt",
        "lv",
        "mk",
        "mn",
        "ms",
        "my",
        "nb",
        "nl",
        "pl",
        "ps",
        "pt",
        "ro",
        "ru",
        "sk",
        "sl",
        "sq",
        "sr",
        "sv",
        "sw",
        "ta",
    ),
    *("th", "tr", "uk", "ur", "vi", "zh"),
)
"""Languages that a form offers by their names, in addition to the channel's own.

An act may name any other language over the API.
"""

_br: Final = Markup("<br>")
_WIDE: Final = frozenset(
    {
        "TimeField",
        "SpanField",
        "SpansField",
        "PlaceField",
        "RowsField",
        "GroupField",
        "PairsField",
        "LinesField",
        "TextsField",
        "HoursField",
        "PersonField",
        "ReleasedField",
    }
)
"""Types of fields whose values need a wide place."""


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
        link: Any = None,
    ) -> None:
        """Show values in a language, with the offices' clocks.

        `link` makes an address from a path of the channel.
        """
        self.words = words
        self.zones = places(offices, words)
        self.people = people or {}
        self.link = link
        self.record: Callable[[str], Markup] | None = None
        """A function that names a record of the channel by its id; None without one."""
        self.numbered: Callable[[str], str] = str
        """A function that gives the number of an exchange that is named by its id."""

    # Members

    def facts(
        self, act: str, content: Mapping[str, Raw], *, leave: Iterable[str] = ()
    ) -> list[DisplayedMember]:
        """Return the members that an act has, in the order of its shape."""
        names = frozenset(leave)
        members = [
            member
            for member in field_types.members(act)
            if member.name in content and member.name not in names
        ]
        if act not in consent.ACTS:
            return [self.fact(member, content[member.name]) for member in members]
        return [
            self.terms(content["terms"])
            if member.name == "terms"
            else self.fact(member, content[member.name])
            for member in members
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
        markup = Markup('<code title="{}">{}</code>').format(digest, digest[:16])
        return DisplayedMember(
            name="terms", label=self.words.say("Digest of the text"), shown=markup
        )

    def fact(self, member: field_types.Member, raw: Raw) -> DisplayedMember:
        """Return one member."""
        value = msgspec.json.decode(bytes(raw))
        return DisplayedMember(
            name=member.name,
            label=self.words.field(member.name, member.act),
            shown=self.shown(member.kind, value),
            is_own_text=isinstance(member.kind, field_types.TextField | field_types.TextsField)
            and value != "unknown",
            wide=type(member.kind).__name__ in _WIDE,
            unknown=value == "unknown",
        )

    def shown(self, kind: field_types.Kind, value: Any) -> Markup:
        """Return a value as a page shows it, by the type of its field."""
        words = self.words
        if value is None:
            return Markup("–")
        if value == "unknown":
            return escape(words.value("unknown"))
        match kind:
            case field_types.ChoiceField():
                is_word = str(value).islower()
                return escape(words.name(kind.context, value) if is_word else value)
            case field_types.ChoicesField():
                return escape(words.listed(words.value(item) for item in value))
            case field_types.FlagField():
                return escape(words.value("true" if value else "false"))
            case field_types.TextField():
                return self.text(value)
            case field_types.TextsField():
                return _numbered([self.text(item) for item in value])
            case field_types.TimeField():
                return self.time(value)
            case field_types.SpanField():
                return self.span(value)
            case field_types.SpansField():
                return _joined([self.span(item) for item in value])
            case field_types.PlaceField():
                return (
                    _joined([self.place(item) for item in value])
                    if kind.many
                    else self.place(value)
                )
            case field_types.PointField():
                return self.place(value)
            case field_types.NumberField():
                return escape(words.number(value))
            case field_types.QuantityField():
                return self.quantity(value)
            case field_types.OfferedField():
                return escape(words.say("time %(n)s of those offered", n=words.number(value + 1)))
            case field_types.IssueField() | field_types.MechanismField():
                return self.reference(str(value))
            case field_types.HandedField():
                return escape(words.number(value))
            case field_types.ReleasedField():
                return _joined([self.released(item) for item in value])
            case field_types.WhoseField():
                return self.sides(value) if isinstance(value, list) else escape(words.value(value))
            case field_types.SideField() if isinstance(value, str) and value in UNNAMED:
                return escape(words.value(value))
            case field_types.SideField():
                return self.sides(value if isinstance(value, list) else [value])
            case field_types.LanguageField():
                return language_names(words, value if isinstance(value, list) else [value])
            case field_types.ReferencesField():
                return _joined(
                    [
                        self.reference(item)
                        for item in (value if isinstance(value, list) else [value])
                    ]
                )
            case field_types.PhrasesField():
                return _joined([self.phrase(item) for item in value])
            case field_types.PersonField():
                return _joined(
                    [
                        self.person(item["id"])
                        for item in (value if isinstance(value, list) else [value])
                    ]
                )
            case field_types.FilesField():
                return _joined(
                    [self.file(item) for item in (value if isinstance(value, list) else [value])]
                )
            case field_types.HoursField():
                return self.hours(value)
            case field_types.PairsField():
                return _joined(
                    [
                        Markup("{}{}{}").format(
                            name.upper() if kind.sides else name, self.words.colon, item
                        )
                        for name, item in value.items()
                    ]
                )
            case field_types.GroupField():
                return (
                    self.group(kind, value)
                    if isinstance(value, dict)
                    else escape(words.value(value))
                )
            case field_types.RowsField():
                return _joined([self.group(kind.group, item) for item in value])
            case field_types.LinesField() | field_types.DatesField():
                return _joined([_own(item) for item in value])
            case field_types.PartField():
                return escape(words.field(str(value)))
            case field_types.OfficerField() | field_types.MessageField():
                return escape(value if isinstance(value, str) else words.listed(value))
            case field_types.LineField():
                return _own(value)
            case _:
                return Markup('<code class="break">{}</code>').format(
                    msgspec.json.encode(value).decode()
                )

    def released(self, value: Mapping[str, Any]) -> Markup:
        """Return a record that is published, and the members that are left out."""
        id = str(value["record"])
        markup = Markup("<code>{}</code>").format(id) if self.record is None else self.record(id)
        without = [self.words.field(item) for item in value.get("without", ())]
        if not without:
            return markup
        return markup + Markup(" <small>{}</small>").format(
            self.words.say("without: %(fields)s", fields=self.words.listed(without))
        )

    # Kinds of values

    def text(self, value: Any) -> Markup:
        """Return a side's own text in each of its languages, the original first."""
        if isinstance(value, str):
            return _own(value)
        return Markup("").join(
            Markup('<span class="said break" dir="auto" lang="{}">{}</span>').format(
                tag, _lines(text)
            )
            + (Markup(" <small>{}</small>").format(language(tag)) if len(value) > 1 else Markup(""))
            + (_br if number < len(value) else Markup(""))
            for number, (tag, text) in enumerate(value.items(), 1)
        )

    def time(self, value: Any) -> Markup:
        """Return a moment in UTC, the entered time, and the time at each office."""
        about = isinstance(value, dict)
        text = value["about"] if about else value
        moment = as_moment(text)
        form = "full" if moment.second else "minute"
        markup = self.words.time(moment, form)
        if about:
            markup = Markup("{} {}").format(self.words.say("about"), markup)
        local = [
            f"{name}{NBSP}{self.words.local(moment, ZoneInfo(zone))}"
            for zone, name in self.zones.items()
        ]
        offset = (
            text[-6:] if text[-6:-5] in ("+", "-") and text[-6:] not in ("+00:00", "-00:00") else ""
        )
        if offset:
            entered = datetime.fromisoformat(text)
            local.append(self.words.say("entered %(t)s", t=f"{entered:%H:%M}{NBSP}{offset}"))
        return markup + (
            Markup(" <small>{}</small>").format(self.words.listed(local)) if local else Markup("")
        )

    def span(self, value: Any) -> Markup:
        """Return a span from one moment to another."""
        if isinstance(value, str):
            return escape(self.words.value(value))
        if value["to"] == UNTIL_FURTHER_NOTICE:
            return Markup("{} – {}").format(
                self.words.time(as_moment(value["from"]), "minute"),
                self.words.say("until further notice"),
            )
        begins, ends = (as_moment(value[end]) for end in ("from", "to"))
        same = begins.date() == ends.date()
        return Markup("{} – {}").format(
            self.words.time(begins, "minute"), self.words.time(ends, "hour" if same else "minute")
        )

    def place(self, value: Any) -> Markup:
        """Return a place: a point, a circle, an area, names, or words."""
        if isinstance(value, str):
            return _own(value)
        parts: list[Markup] = []
        if "lat" in value and "lon" in value:
            point = geodesy.GeoPoint(value["lat"], value["lon"])
            entered = places_module.written_place(point, "decimal")
            parts.append(
                Markup('<b class="num">{}</b> <small>{}</small>').format(
                    places_module.written_place(point), entered
                )
            )
        if "circle" in value:
            centre = geodesy.GeoPoint(value["circle"]["pos"]["lat"], value["circle"]["pos"]["lon"])
            entered = value["circle"]["radius"]
            radius = f"{self.words.number(entered['value'])}{NBSP}{entered['unit']}"
            parts.append(
                escape(
                    self.words.say(
                        "%(r)s around %(p)s", r=radius, p=places_module.written_place(centre)
                    )
                )
            )
        if "polygon" in value:
            corners = [
                places_module.written_place(geodesy.GeoPoint(item["lat"], item["lon"]), "dm")
                for item in value["polygon"]
            ]
            parts.append(escape(self.words.say("within %(p)s", p=self.words.listed(corners))))
        if "name" in value:
            parts.append(_own(value["name"]))
        for side, name in value.get("names", {}).items():
            parts.append(Markup("{}{}{}").format(side.upper(), self.words.colon, _own(name)))
        if "text" in value:
            parts.append(_own(value["text"]))
        return _joined(parts)

    def metres(self, metres: float) -> str:
        """Return a distance in nautical miles and kilometres."""
        if metres < 1_000:
            return f"{self.words.number(round(metres))}{NBSP}m"
        return f"{self.words.number(round(metres / 1_852, 1))}{NBSP}nm ({self.words.number(round(metres / 1_000, 1))}{NBSP}km)"

    def quantity(self, value: Any) -> Markup:
        """Return a number with its unit as it was entered, and in SI units."""
        entered = f"{self.words.number(value['value'])}{NBSP}{value['unit']}"
        si = si_units.in_si(value)
        if si is None or si[1] == value["unit"]:
            return escape(entered)
        number, unit = si
        return Markup("{} <small>{}{}{}</small>").format(
            entered, self.words.number(round(number, 1)), NBSP, unit
        )

    def sides(self, names: Iterable[str]) -> Markup:
        """Return the names of some sides."""
        return Markup(", ").join(
            Markup('<span class="side">{}</span>').format(name.upper()) for name in names
        )

    def reference(self, text: str) -> Markup:
        """Return a message's number or id, linked where it can be looked up."""
        if text == HIDDEN:
            return escape(self.words.say("a matter under the Chatham House Rule"))
        shown = number(self.numbered(text))
        if self.link is None:
            return shown
        return Markup('<a href="{}">{}</a>').format(self.link("/go", q=text), shown)

    def phrase(self, key: str) -> Markup:
        """Return an agreed phrase, in the reader's language."""
        texts = next((book.phrases[key] for book in CODEBOOKS.values() if key in book.phrases), {})
        text = texts.get(self.words.language) or texts.get("en") or key
        return Markup('<q class="said">{}</q>').format(text)

    def person(self, id: str) -> Markup:
        """Return a person as the register has them, or the state of the entry."""
        words, person_seen = self.words, self.people.get(id)
        if person_seen is None:  # nobody has asked the register
            markup = escape(words.say("an entry of the register of people"))
            return (
                markup
                if self.link is None
                else Markup('<a href="{}">{}</a>').format(
                    self.link(f"/people/register/{id}"), markup
                )
            )
        if person_seen.unavailable:
            return escape(words.say("The register does not answer now."))
        if person_seen.absent:
            return escape(words.say("somebody who is not in the register"))
        if person_seen.erased:
            return escape(words.say("erased from the register"))
        if isinstance(person_seen.entry, msgspec.UnsetType):
            return escape(
                words.say(
                    "a person of %(side)s who is not shown to you", side=person_seen.side.upper()
                )
            )
        changed = (
            words.say("The entry was changed since this was written.")
            if person_seen.changed
            else ""
        )
        return person(person_seen.side, person_seen.entry) + (
            Markup("<br><small>{}</small>").format(changed) if changed else Markup()
        )

    def file(self, value: Any) -> Markup:
        """Return a file beside the log, with a link that downloads it."""
        size = self.words.number(value["bytes"])
        markup = Markup("{} <small>{}, {} {}</small>").format(
            _own(value["title"]), value["media_type"], size, self.words.say("bytes")
        )
        if self.link is None:
            return markup
        channel = str(self.link("", at="")).removeprefix("/c/")
        return Markup('<a href="/v1/channels/{}/files/{}" download>{}</a>').format(
            channel, value["sha256"], markup
        )

    def hours(self, value: Any) -> Markup:
        """Return working hours, or that they are always."""
        if isinstance(value, str):
            return escape(self.words.say("at all hours"))
        days = self.words.listed(self.words.value(item) for item in value["days"])
        where = self.zones.get(value["zone"]) or city(value["zone"], self.words.language)
        return escape(f"{days}{self.words.pause}{value['from']}–{value['to']} {where}")

    def group(self, kind: field_types.GroupField, value: Any) -> Markup:
        """Return several members together, on one line."""
        return escape(self.words.semicolon).join(
            Markup("{} {}").format(
                Markup("<small>{}</small>").format(self.words.field(member.name, member.act)),
                self.shown(member.kind, value[member.name]),
            )
            for member in kind.members
            if member.name in value
        )


def number(text: str) -> Markup:
    """Return a number that breaks only after its slashes."""
    return Markup('<span class="num">{}</span>').format(
        Markup("/<wbr>").join(escape(part) for part in text.split("/"))
    )


def person(side: str, entry: PersonEntry, *, dialled: bool = True) -> Markup:
    """Return a person by name, side, post and first number.

    These distinguish people of the same name. The number is a link unless it must be
    plain text, as inside the label of a choice.
    """
    parts = [
        Markup('<b class="said">{}</b>').format(marked(entry.name)),
        Markup('<span class="side">{}</span>').format(side.upper()),
    ]
    if not isinstance(entry.post, msgspec.UnsetType):
        parts.append(Markup('<span class="said">{}</span>').format(marked(entry.post)))
    if not isinstance(entry.telephones, msgspec.UnsetType):
        number = entry.telephones[0]
        parts.append(
            Markup('<a href="tel:{}">{}</a>').format(dialling(number), number)
            if dialled
            else escape(number)
        )
    return Markup(", ").join(parts)


def dialling(number: str) -> str:
    """Return a telephone number in the form in which a link dials it."""
    return number[:1] * number.startswith("+") + "".join(
        character for character in number if character.isdigit()
    )


def _own(text: str) -> Markup:
    return Markup('<span class="said break" dir="auto">{}</span>').format(_lines(str(text)))


def _lines(text: str) -> Markup:
    return _br.join(marked(line) for line in text.splitlines())


def _joined(parts: Sequence[Markup]) -> Markup:
    return _br.join(parts)


def _numbered(parts: Sequence[Markup]) -> Markup:
    return _br.join(
        Markup("<small>{}.</small> {}").format(place, part) for place, part in enumerate(parts, 1)
    )


def other_languages(languages: Iterable[str], chosen: Iterable[str]) -> list[tuple[str, str]]:
    """Return languages besides a channel's own, with their names.

    Chosen languages are always among them.
    """
    names = frozenset(languages)
    others = dict.fromkeys(tag for tag in (*LANGUAGES, *chosen) if tag not in names)
    return sorted(((tag, language(tag)) for tag in others), key=lambda item: item[1].casefold())


def language_names(words: Words, tags: Iterable[str]) -> Markup:
    """Return languages as a list, each named and marked as in the language itself."""
    return escape(words.comma).join(
        Markup('<span lang="{}">{}</span>').format(tag, language(tag)) for tag in tags
    )


@lru_cache(256)
def language(tag: str) -> str:
    """Return a language's name in the language itself."""
    try:
        locale = Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return tag
    return (locale.get_display_name() or tag).capitalize()

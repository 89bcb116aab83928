"""A parser of filled-in forms: typed text is read into the members of an act.

    f.kind=near_miss                     "kind":"near_miss"
    f.time=0305                          "time":"2026-11-24T03:05:00Z"
    f.place=15-07N 116-26E               "place":{"lat":15.116667,"lon":116.433333}
    f.facts.en=…  f.facts.zh=…           "facts":{"en":"…","zh":"…"}
    f.units.0.type=…  f.units.1.type=…   "units":[{"type":"…"},{"type":"…"}]

Empty fields are left out of the act. Text that cannot be read is a fault of its field,
in the reader's language, and stays in the form. `form_writer` does the reverse.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from multidict import MultiDictProxy

from dragoman.console.forms import field_types, text_rows, unread_input
from dragoman.console.forms.field_types import Kind, Member
from dragoman.console.forms.form_errors import FieldError
from dragoman.console.forms.form_times import AHEAD, DAYS, ENDS, read_moment, zulu
from dragoman.console.forms.form_writer import (
    PREFIX,
    UNKNOWN,
    indexes,
    is_filled,
    lettered,
    tidy,
)
from dragoman.console.input import places
from dragoman.console.input.not_understood import NotUnderstoodInput
from dragoman.domain.record import nesting
from dragoman.i18n.words import Words
from dragoman_schemas.fields import UNTIL_FURTHER_NOTICE

NOBODY_HERE: Final = "nobody_here"
"""The value that an act has instead of sides where no side's forces took part."""


_NUMBER: Final = re.compile(r"-?[0-9]{1,17}([.,][0-9]{1,17})?")
_INDEX: Final = re.compile(r"[0-9]{1,3}")
_IN_ROW: Final = re.compile(r"\.[0-9]{1,3}\.")


class _Empty:
    """The type of the mark for an empty field."""


_EMPTY: Final = _Empty()
"""The value of a field that nobody filled in."""


@dataclass(kw_only=True)
class FormParser:
    """The text that was typed into a form, and its parser.

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

    # Raw text

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

    def any(self, kind: Kind, name: str) -> bool:
        """Return whether somebody entered anything under a name.

        A unit that the form chose itself does not count.
        """
        return is_filled(self.form, kind, name)

    # Reading

    def read(self, members: Iterable[Member], prefix: str = PREFIX) -> dict[str, Any]:
        """Return the filled-in members in their order, and note faults in `faults`."""
        content: dict[str, Any] = {}
        for member in members:
            name = f"{prefix}.{member.name}"
            value = self._value(member, name)
            if value is not _EMPTY:
                content[member.name] = value
            elif member.required and not any(
                fault.field == name or fault.field.startswith(f"{name}.") for fault in self.faults
            ):
                self._want(member, name)
        return content

    def _want(self, member: Member, name: str) -> None:
        """Note that a required member is empty.

        For a group, this is noted at each member of the group.
        """
        inner = member.kind.members if isinstance(member.kind, field_types.GroupField) else ()
        for item in inner:
            self._want(item, f"{name}.{item.name}")
        if not inner:
            self.fault(member, name, self._missing(member, name))

    def fault(self, member: Member, name: str, sentence: str, suggestion: str = "") -> None:
        """Note a fault of a member; for a span, the label names the end."""
        label = self.label(member, name)
        if isinstance(
            member.kind, field_types.SpanField | field_types.SpansField
        ) and name.endswith((".from", ".to")):
            end = self.words.say("From") if name.endswith(".from") else self.words.say("To")
            label = self.words.say("%(what)s (%(end)s)", what=label, end=end)
        self.faults.append(
            FieldError(field=name, label=label, sentence=sentence, suggestion=suggestion)
        )

    def label(self, member: Member, name: str) -> str:
        """Return the form's label of a field."""
        return (
            self.words.field(member.name, member.act)
            if self.labels is None
            else self.labels(member, name)
        )

    def _missing(self, member: Member, name: str) -> str:
        label = self.label(member, name)
        if isinstance(
            member.kind,
            field_types.ChoiceField
            | field_types.ChoicesField
            | field_types.FlagField
            | field_types.SideField
            | field_types.PersonField
            | field_types.FilesField
            | field_types.MessageField
            | field_types.LanguageField
            | field_types.OfferedField
            | field_types.HandedField
            | field_types.PartField
            | field_types.PostField
            | field_types.ReleasedField,
        ):
            return self.words.say("%(what)s: choose one.", what=label)
        return self.words.say("%(what)s: this must be filled in.", what=label)

    def _value(self, member: Member, name: str) -> Any:
        match member.kind:
            case (
                field_types.ChoiceField()
                | field_types.LineField()
                | field_types.MessageField()
                | field_types.PartField()
                | field_types.PostField()
                | field_types.IssueField()
                | field_types.MechanismField()
                | field_types.PhrasesField()
                | field_types.ChoicesField()
            ):
                return self._plain(member, name)
            case field_types.FlagField():
                return {"yes": True, "no": False, UNKNOWN: UNKNOWN}.get(self.one(name), _EMPTY)
            case field_types.TextField():
                return self._text(member.kind, name)
            case field_types.TextsField():
                return self._texts(name)
            case field_types.LinesField():
                return self.lines(name) or _EMPTY
            case field_types.ReferencesField():
                return (self.lines(name) if member.kind.many else self.one(name)) or _EMPTY
            case field_types.TimeField():
                return self._time(member, name)
            case field_types.SpanField():
                return self._span(member, name)
            case field_types.SpansField():
                spans = [self._span(member, f"{name}.{index}") for index in self._indexes(name)]
                return [span for span in spans if span is not _EMPTY] or _EMPTY
            case field_types.PlaceField():
                return self._places(member, name) if member.kind.many else self._place(member, name)
            case field_types.PointField():
                return self._point(member, name, self.one(name))
            case field_types.NumberField() | field_types.QuantityField():
                return self._number(member, name)
            case field_types.OfferedField() | field_types.HandedField():
                return int(text) if _INDEX.fullmatch(text := self.one(name)) else _EMPTY
            case field_types.SideField() | field_types.OfficerField() | field_types.LanguageField():
                return (
                    self.many(name) if getattr(member.kind, "many", False) else self.one(name)
                ) or _EMPTY
            case field_types.WhoseField():
                return self._whose(member, name)
            case field_types.ReleasedField():
                chosen = (
                    {"record": id, "without": self.many(f"{name}.{id}.without")}
                    for id in self.many(name)
                )
                return [
                    item if item["without"] else {"record": item["record"]} for item in chosen
                ] or _EMPTY
            case field_types.PersonField() | field_types.FilesField():
                return self._chosen(member, member.kind, name)
            case field_types.HoursField():
                return self._hours(member, name)
            case field_types.DatesField():
                return self._dates(member, name)
            case field_types.PairsField():
                return self._pairs(member, name)
            case field_types.GroupField():
                return (
                    self.read(member.kind.members, name) if self.any(member.kind, name) else _EMPTY
                )
            case field_types.RowsField():
                group = member.kind.group
                spans = [
                    self.read(group.members, f"{name}.{index}")
                    for index in self._indexes(name)
                    if self.any(group, f"{name}.{index}")
                ]
                return spans or _EMPTY
            case _:
                return _EMPTY

    def _whose(self, member: Member, name: str) -> Any:
        chosen = self.many(name)
        alone = [choice for choice in chosen if choice in (NOBODY_HERE, UNKNOWN)]
        if alone and len(chosen) > 1:
            word = self.words.value(alone[0])
            self.fault(member, name, self.words.say("Choose sides, or only “%(word)s”.", word=word))
        return alone[0] if alone else chosen or _EMPTY

    def _plain(self, member: Member, name: str) -> Any:
        if isinstance(member.kind, field_types.ChoicesField | field_types.PhrasesField):
            return self.many(name) or _EMPTY
        value = self.one(name)
        return value or _EMPTY

    def _text(self, kind: field_types.TextField, name: str) -> Any:
        if not kind.languages:  # a translation has a box for each paragraph of its original
            texts = [value.replace("\r\n", "\n").strip() for value in self.many(name)]
            return "\n\n".join(filter(None, texts)) or _EMPTY
        by_language = {tag: text_rows.joined(self.form, f"{name}.{tag}") for tag in self.languages}
        by_language = {tag: text for tag, text in by_language.items() if text}
        if not by_language:
            return _EMPTY
        ordered = self._original_first(by_language)
        return next(iter(ordered.values())) if len(self.languages) == 1 else ordered

    def _original_first(self, by_language: dict[str, str]) -> dict[str, str]:
        """Return the texts by language, the original first.

        It is the text in the language that the form names, or else in the reader's.
        """
        original = self.one("f.original") or self.words.language
        return dict(
            sorted(
                by_language.items(),
                key=lambda item: item[0] != original and item[0].partition("-")[0] != original,
            )
        )

    def _texts(self, name: str) -> Any:
        """Return texts that are separated by empty lines, or in boxes of their own.

        The texts of another language are in the same order.
        """
        by_language = {tag: self._paragraphs(f"{name}.{tag}") for tag in self.languages}
        items = [
            self._original_first({cell.tag: cell.text for cell in row if cell.text})
            for row in text_rows.level(by_language)
        ]
        items = [item for item in items if item]
        if not items:
            return _EMPTY
        return [next(iter(item.values())) for item in items] if len(self.languages) == 1 else items

    def _paragraphs(self, name: str) -> list[str]:
        """Return the paragraphs of one language in order.

        An empty box keeps its place, for the paragraph beside it in another language.
        """
        return [
            part.strip()
            for box in text_rows.column(self.form, name)
            for part in (re.split(r"\n\s*\n", box) if box.strip() else [""])
            if part.strip() or not box.strip()
        ]

    def moment(
        self,
        text: str,
        *,
        ahead: bool,
        begins: str = "",
        days: Literal["", "from", "to"] = "",
        beside: str = "",
    ) -> datetime:
        """Return a time as it was typed: see `form_times.read_moment`."""
        return read_moment(
            text, self.now, self.zone, ahead=ahead, begins=begins, days=days, beside=beside
        )

    def _time(self, member: Member, name: str) -> Any:
        text = self.one(name)
        assert isinstance(member.kind, field_types.TimeField)
        if not text:
            return UNKNOWN if self.one(f"{name}.unknown") else _EMPTY
        if member.kind.unknown and text.lower() in (UNKNOWN, self.words.value(UNKNOWN).lower()):
            return UNKNOWN
        written = self._moment(
            member, name, text, self._begun(member, name), self._beside(member, name)
        )
        if written is _EMPTY:
            return _EMPTY
        return {"about": written} if member.kind.about and self.one(f"{name}.about") else written

    def _begun(self, member: Member, name: str) -> str:
        """Return the beginning of the span that a time ends, as acts have it.

        Empty where the form does not ask for the beginning, or it cannot be read.
        """
        text = self._beside(member, name)
        try:
            return zulu(self.moment(text, ahead=ENDS[member.name] in AHEAD)) if text else ""
        except NotUnderstoodInput:
            return ""

    def _beside(self, member: Member, name: str) -> str:
        """Return the text typed for the beginning of the span that a time ends.

        Empty where the form does not ask for the beginning.
        """
        start = ENDS.get(member.name, "")
        return self.one(f"{name.rpartition('.')[0]}.{start}") if start else ""

    def _moment(
        self, member: Member, name: str, text: str, begins: str = "", beside: str = ""
    ) -> Any:
        """Return a time as acts have it, or note why it cannot be read.

        The end of a span takes the day and the zone of its beginning where it names
        none.
        """
        days: Literal["", "from", "to"] = ""
        if member.name in DAYS:
            days = DAYS[member.name] or ("to" if name.endswith(".to") else "from")
        try:
            return zulu(
                self.moment(
                    text, ahead=member.name in AHEAD, begins=begins, days=days, beside=beside
                )
            )
        except NotUnderstoodInput as error:
            self.fault(member, name, unread_input.explanation(self.words, error, days=days != ""))
            return _EMPTY

    def _span(self, member: Member, name: str) -> Any:
        if (
            isinstance(member.kind, field_types.SpanField)
            and member.kind.instead
            and self.one(f"{name}.instead")
        ):
            return member.kind.instead
        texts = {end: self.one(f"{name}.{end}") for end in ("from", "to")}
        if not any(texts.values()):
            return _EMPTY
        if self._is_open(member, name) and texts["from"] and not texts["to"]:
            begins = self._moment(member, f"{name}.from", texts["from"])
            return _EMPTY if begins is _EMPTY else {"from": begins, "to": UNTIL_FURTHER_NOTICE}
        empty = next((end for end, text in texts.items() if not text), "")
        if empty:
            self.fault(
                member, f"{name}.{empty}", self.words.say("Both ends of the time are needed.")
            )
            return _EMPTY
        begins = self._moment(member, f"{name}.from", texts["from"])
        ends = self._moment(
            member, f"{name}.to", texts["to"], "" if begins is _EMPTY else begins, texts["from"]
        )
        if _EMPTY in (begins, ends):
            return _EMPTY
        if ends < begins:
            self.fault(
                member,
                f"{name}.to",
                self.words.say("This ends before it begins. Check the end date."),
            )
            return _EMPTY
        return {"from": begins, "to": ends}

    def _is_open(self, member: Member, name: str) -> bool:
        """Return whether a span is marked as until further notice."""
        return (
            isinstance(member.kind, field_types.SpanField)
            and member.kind.open_ended
            and bool(self.one(f"{name}.open"))
        )

    def _point(self, member: Member, name: str, text: str) -> Any:
        if not text:
            return _EMPTY
        try:
            point = places.read_place(text)
        except NotUnderstoodInput as error:
            alone = text == self.one(name)
            self.fault(
                member,
                name,
                unread_input.explanation(self.words, error),
                lettered(error.suggestion) if alone and error.suggestion is not None else "",
            )
            return _EMPTY
        return {"lat": point.lat, "lon": point.lon}

    def _place(self, member: Member, name: str, typed: str | None = None) -> Any:
        """Return a point, a circle, an area, or a name in words.

        A text with digits is meant as a position.
        """
        text = self.one(name) if typed is None else typed
        own_name, radius, corners = (
            self.one(f"{name}.name"),
            self.one(f"{name}.radius"),
            self.lines(f"{name}.corners"),
        )
        place: dict[str, Any] = {}
        if text and not any(letter.isdigit() for letter in text):
            if not own_name and not corners and not radius:
                return text
            place["text"] = text
        elif text:
            point = self._point(member, name, text)
            if point is _EMPTY:
                return _EMPTY
            reach = self._radius(member, name, radius)
            place |= point if reach is None else {"circle": {"pos": point, "radius": reach}}
        if corners:
            points = [self._point(member, f"{name}.corners", line) for line in corners]
            if _EMPTY in points:
                return _EMPTY
            place["polygon"] = points
        if own_name:
            place["name"] = own_name
        return place or _EMPTY

    def _radius(self, member: Member, name: str, radius: str) -> dict[str, Any] | None:
        if not radius:
            return None
        number = _NUMBER.fullmatch(radius)
        if number is None:
            self.fault(member, f"{name}.radius", self.words.say("The radius is a number."))
            return None
        unit = self.one(f"{name}.radius.unit")
        return {
            "value": tidy(float(radius.replace(",", "."))),
            "unit": unit if unit in ("nm", "km", "ft") else "m",
        }

    def _places(self, member: Member, name: str) -> Any:
        places = [self._place(member, name, line) for line in self.lines(name)]
        return [place for place in places if place is not _EMPTY] or _EMPTY

    def _number(self, member: Member, name: str) -> Any:
        text = self.one(name).replace("\u202f", "").replace("\u00a0", "")
        kind = member.kind
        assert isinstance(kind, field_types.NumberField | field_types.QuantityField)
        if not text:
            # In a row that somebody filled in, an empty number is one that is not known.
            is_unsaid = kind.unknown and member.required and _IN_ROW.search(name) is not None
            return UNKNOWN if is_unsaid or self.one(f"{name}.unknown") else _EMPTY
        if kind.unknown and text.lower() in (UNKNOWN, self.words.value(UNKNOWN).lower()):
            return UNKNOWN
        if _NUMBER.fullmatch(text) is None:
            self.fault(
                member,
                name,
                self.words.say(
                    "%(what)s is a number, or left empty.", what=self.label(member, name)
                ),
            )
            return _EMPTY
        number = float(text.replace(",", "."))
        if isinstance(kind, field_types.QuantityField):
            return {"value": tidy(number), "unit": self.one(f"{name}.unit") or kind.units[0]}
        low, high = kind.least, kind.most
        if (low is not None and number < low) or (high is not None and number > high):
            values = {
                "what": self.label(member, name),
                "a": self.words.number(low or 0),
                "b": self.words.number(high or 0),
            }
            self.fault(member, name, self.words.say("%(what)s is from %(a)s to %(b)s.", **values))
            return _EMPTY
        return int(number) if kind.whole else tidy(number)

    def _chosen(
        self, member: Member, kind: field_types.PersonField | field_types.FilesField, name: str
    ) -> Any:
        """Return the value of a choice of people or files, which the form has as JSON.

        A choice that is not valid is a fault.
        """
        try:
            values = [_offered(value) for value in self.many(name)]
        except (msgspec.DecodeError, UnicodeEncodeError):
            self.fault(member, name, self._missing(member, name))
            return _EMPTY
        if not values:
            return _EMPTY
        return values if kind.many else values[0]

    def _hours(self, member: Member, name: str) -> Any:
        if self.one(f"{name}.always"):
            return "24x7"
        if not self.any(member.kind, name):
            return _EMPTY
        days = self.many(f"{name}.days")
        hours = {part: self.one(f"{name}.{part}") for part in ("from", "to", "zone")}
        if not days or not all(hours.values()):
            self.fault(
                member,
                name,
                self.words.say(
                    "Give the days, the beginning, the end and the time zone of the hours."
                ),
            )
            return _EMPTY
        return {"days": days, **hours}

    def _dates(self, member: Member, name: str) -> Any:
        dates = []
        for line in self.lines(name):
            try:
                dates.append(date.fromisoformat(line).isoformat())
            except ValueError:
                self.fault(
                    member,
                    name,
                    self.words.say(
                        "%(day)s is not a day. Write days like 2026-12-25, one a line.",
                        day=line[:40],
                    ),
                )
                return _EMPTY
        return dates or _EMPTY

    def _pairs(self, member: Member, name: str) -> Any:
        kind = member.kind
        assert isinstance(kind, field_types.PairsField)
        if kind.sides:
            return {
                side: self.one(f"{name}.{side}")
                for side in self.sides
                if self.one(f"{name}.{side}")
            } or _EMPTY
        pairs: dict[str, Any] = {}
        for line in self.lines(name):
            key, colon, value = line.rpartition(":")
            if not colon or (kind.numbers and _NUMBER.fullmatch(value.strip()) is None):
                self.fault(
                    member, name, self.words.say("Write one a line: the name, a colon, the number.")
                )
                return _EMPTY
            pairs[key.strip()] = int(value) if kind.numbers else value.strip()
        return pairs or _EMPTY

    def _indexes(self, name: str) -> list[int]:
        return indexes(self.form, name)


def _offered(value: str) -> Any:
    """Return the value of a choice that a form offered as JSON.

    Raises `DecodeError` if the sender has made the value up.
    """
    nesting.check(value.encode())
    return msgspec.json.decode(value)

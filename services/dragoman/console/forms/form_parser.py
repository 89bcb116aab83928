"""Acts as forms: what an officer typed is read into the members of an act, and an act's members are written back as what would be typed.

    f.kind=near_miss                     "kind":"near_miss"
    f.time=0305                          "time":"2026-11-24T03:05:00Z"
    f.place=15-07N 116-26E               "place":{"lat":15.116667,"lon":116.433333}
    f.facts.en=…  f.facts.zh=…           "facts":{"en":"…","zh":"…"}
    f.units.0.type=…  f.units.1.type=…   "units":[{"type":"…"},{"type":"…"}]

What was left empty is left out. What cannot be read is a fault at its field, in the
reader's language, and what was typed stays.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from multidict import MultiDictProxy

from dragoman.console.forms import field_types
from dragoman.console.forms.field_types import Kind, Member
from dragoman.console.forms.form_errors import FieldError
from dragoman.console.forms.form_writer import (
    PREFIX,
    UNKNOWN,
    indexes,
    is_filled,
    lettered,
    tidy,
)
from dragoman.domain import notation
from dragoman.domain.notation import NeedsHemisphere, NotUnderstoodInput
from dragoman.domain.record import nesting
from dragoman.i18n.words import Words, as_moment

NOBODY_HERE: Final = "nobody_here"
"""What stands instead of sides where forces of none took part."""

AHEAD: Final = frozenset(
    {
        *(
            "next_update",
            "next_word_by",
            "reply_wanted_by",
            "due",
            "wanted_by",
            "valid_from",
            "valid_to",
            "window",
            "windows",
        ),
        *("dates", "period", "ends", "expires", "ready_by", "arrival", "departure"),
    }
)
"""Members that are of times to come: without a day, the next such time is meant."""

DAYS: Final[Mapping[str, Literal["", "from", "to"]]] = {
    "period": "",
    "dates": "",
    "valid_from": "from",
    "valid_to": "to",
    **dict.fromkeys(("reply_wanted_by", "due", "wanted_by", "expires", "ready_by"), "to"),
}
"""Members of which a day or a month alone is read, and whether its first or its last
second is meant; empty for both ends of a span.
"""

ENDS: Final = {"to": "from", "ended": "began", "valid_to": "valid_from", "arrival": "departure"}
"""Members that end what another one begins."""

_NUMBER: Final = re.compile(r"-?[0-9]{1,17}([.,][0-9]{1,17})?")
_INDEX: Final = re.compile(r"[0-9]{1,3}")


class _Left:
    """What was not filled in."""


LEFT: Final = _Left()


@dataclass(kw_only=True)
class Typed:
    """What was typed into a form. `languages` are the channel's, `zone` the officer's own, `labels` says what the form calls a field."""

    form: Mapping[str, Any] | MultiDictProxy[Any]
    words: Words
    languages: tuple[str, ...]
    sides: tuple[str, ...]
    now: datetime
    zone: ZoneInfo
    labels: Callable[[Member, str], str] | None = None
    faults: list[FieldError] = field(default_factory=list)

    # What was typed

    def one(self, name: str) -> str:
        """Return one field, without the blanks around it."""
        value = self.form.get(name, "")
        return value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""

    def many(self, name: str) -> list[str]:
        """Return all values of a field that may have several."""
        values = (
            self.form.getall(name, []) if hasattr(self.form, "getall") else self.form.get(name, [])
        )
        return [value for value in values if isinstance(value, str) and value]

    def lines(self, name: str) -> list[str]:
        """Return a field's lines that are not empty."""
        return [line.strip() for line in self.one(name).split("\n") if line.strip()]

    def any(self, kind: Kind, name: str) -> bool:
        """Return whether somebody entered anything under a name; a unit that the form chose itself does not count."""
        return is_filled(self.form, kind, name)

    # Reading

    def read(self, members: Iterable[Member], prefix: str = PREFIX) -> dict[str, Any]:
        """Return the members that were filled in, in their order. What is wrong goes to `faults`."""
        result: dict[str, Any] = {}
        for member in members:
            name = f"{prefix}.{member.name}"
            value = self._value(member, name)
            if value is not LEFT:
                result[member.name] = value
            elif member.required and not any(
                fault.field == name or fault.field.startswith(f"{name}.") for fault in self.faults
            ):
                self._want(member, name)
        return result

    def _want(self, member: Member, name: str) -> None:
        """Note that a required member is empty: at each of its own, where it is made of several."""
        inner = member.kind.members if isinstance(member.kind, field_types.GroupField) else ()
        for item in inner:
            self._want(item, f"{name}.{item.name}")
        if not inner:
            self.fault(member, name, self._missing(member, name))

    def fault(self, member: Member, name: str, sentence: str, suggestion: str = "") -> None:
        """Note what is wrong with a member; of a span, at which end."""
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
        """Return what the form calls a field."""
        return self.words.field(member.name) if self.labels is None else self.labels(member, name)

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
            | field_types.PartField
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
                | field_types.IssueField()
                | field_types.PhrasesField()
                | field_types.ChoicesField()
            ):
                return self._plain(member, name)
            case field_types.FlagField():
                return {"yes": True, "no": False, UNKNOWN: UNKNOWN}.get(self.one(name), LEFT)
            case field_types.TextField():
                return self._text(member.kind, name)
            case field_types.TextsField():
                return self._texts(name)
            case field_types.LinesField():
                return self.lines(name) or LEFT
            case field_types.ReferencesField():
                return (self.lines(name) if member.kind.many else self.one(name)) or LEFT
            case field_types.TimeField():
                return self._time(member, name)
            case field_types.SpanField():
                return self._span(member, name)
            case field_types.SpansField():
                spans = [self._span(member, f"{name}.{index}") for index in self._indexes(name)]
                return [span for span in spans if span is not LEFT] or LEFT
            case field_types.PlaceField():
                return self._places(member, name) if member.kind.many else self._place(member, name)
            case field_types.PointField():
                return self._point(member, name, self.one(name))
            case field_types.NumberField() | field_types.QuantityField():
                return self._number(member, name)
            case field_types.OfferedField():
                return int(text) if _INDEX.fullmatch(text := self.one(name)) else LEFT
            case field_types.SideField() | field_types.OfficerField() | field_types.LanguageField():
                return (
                    self.many(name) if getattr(member.kind, "many", False) else self.one(name)
                ) or LEFT
            case field_types.WhoseField():
                return self._whose(member, name)
            case field_types.ReleasedField():
                chosen = (
                    {"record": id, "without": self.many(f"{name}.{id}.without")}
                    for id in self.many(name)
                )
                return [
                    item if item["without"] else {"record": item["record"]} for item in chosen
                ] or LEFT
            case field_types.PersonField() | field_types.FilesField():
                return self._chosen(member, member.kind, name)
            case field_types.HoursField():
                return self._hours(member, name)
            case field_types.DatesField():
                return self._dates(member, name)
            case field_types.PairsField():
                return self._pairs(member, name)
            case field_types.GroupField():
                return self.read(member.kind.members, name) if self.any(member.kind, name) else LEFT
            case field_types.RowsField():
                group = member.kind.group
                spans = [
                    self.read(group.members, f"{name}.{index}")
                    for index in self._indexes(name)
                    if self.any(group, f"{name}.{index}")
                ]
                return spans or LEFT
            case _:
                return LEFT

    def _whose(self, member: Member, name: str) -> Any:
        chosen = self.many(name)
        alone = [text for text in chosen if text in (NOBODY_HERE, UNKNOWN)]
        if alone and len(chosen) > 1:
            word = self.words.value(alone[0])
            self.fault(
                member, name, self.words.say("Choose sides, or “%(word)s” alone.", word=word)
            )
        return alone[0] if alone else chosen or LEFT

    def _plain(self, member: Member, name: str) -> Any:
        if isinstance(member.kind, field_types.ChoicesField | field_types.PhrasesField):
            return self.many(name) or LEFT
        value = self.one(name)
        return value or LEFT

    def _text(self, kind: field_types.TextField, name: str) -> Any:
        if not kind.languages:  # a translation has a box for each paragraph of its original
            texts = [value.replace("\r\n", "\n").strip() for value in self.many(name)]
            return "\n\n".join(filter(None, texts)) or LEFT
        given = {tag: self.one(f"{name}.{tag}") for tag in self.languages}
        given = {tag: text for tag, text in given.items() if text}
        if not given:
            return LEFT
        original = self.one("f.original") or self.words.language
        ordered = dict(sorted(given.items(), key=lambda item: item[0] != original))
        return next(iter(ordered.values())) if len(self.languages) == 1 else ordered

    def _texts(self, name: str) -> Any:
        """Texts stand under each other, with an empty line between them; those of another language in the same order."""
        by_language = {
            tag: [
                part.strip()
                for part in re.split(r"\n\s*\n", self.one(f"{name}.{tag}"))
                if part.strip()
            ]
            for tag in self.languages
        }
        most = max((len(texts) for texts in by_language.values()), default=0)
        if not most:
            return LEFT
        if len(self.languages) == 1:
            return by_language[self.languages[0]]
        return [
            {tag: texts[place] for tag, texts in by_language.items() if place < len(texts)}
            for place in range(most)
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
        """Return a time as it was typed; `begins` is when that began which it ends, as typed `beside` it. Raise `Unread`.

        `days` says of which end of a span of days it is: a day alone means its first or
        its last second in UTC.
        """
        if days:
            result = notation.read_days(
                text, as_moment(begins).date() if begins else (self.now - notation.BEGUN).date()
            )
            if result is not None:
                return datetime.combine(
                    result[days == "to"], time(23, 59, 59) if days == "to" else time(), UTC
                )
        if begins:
            unsaid = notation.zone_of(beside, self.zone)
            return notation.read_end(
                text, self.now, self.zone, as_moment(begins), ahead=ahead, unsaid=unsaid
            )
        read = notation.read_moment if ahead else notation.read_time
        return read(text, self.now, self.zone)

    def _time(self, member: Member, name: str) -> Any:
        text = self.one(name)
        assert isinstance(member.kind, field_types.TimeField)
        if not text:
            return UNKNOWN if self.one(f"{name}.unknown") else LEFT
        if member.kind.unknown and text.lower() in (UNKNOWN, self.words.value(UNKNOWN).lower()):
            return UNKNOWN
        written = self._moment(
            member, name, text, self._begun(member, name), self._beside(member, name)
        )
        if written is LEFT:
            return LEFT
        return {"about": written} if member.kind.about and self.one(f"{name}.about") else written

    def _begun(self, member: Member, name: str) -> str:
        """Return when that began which a time ends, if the form asks for that beside it and it can be read."""
        text = self._beside(member, name)
        try:
            return zulu(self.moment(text, ahead=ENDS[member.name] in AHEAD)) if text else ""
        except NotUnderstoodInput:
            return ""

    def _beside(self, member: Member, name: str) -> str:
        """Return what is typed for the beginning of what a time ends; empty where the form asks for none."""
        start = ENDS.get(member.name, "")
        return self.one(f"{name.rpartition('.')[0]}.{start}") if start else ""

    def _moment(
        self, member: Member, name: str, text: str, begins: str = "", beside: str = ""
    ) -> Any:
        """Return a time as acts have it; one that ends what begins then takes the day and the zone of its beginning where it has none."""
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
            self.fault(member, name, self.unread(error, days=days != ""))
            return LEFT

    def _span(self, member: Member, name: str) -> Any:
        if (
            isinstance(member.kind, field_types.SpanField)
            and member.kind.instead
            and self.one(f"{name}.instead")
        ):
            return member.kind.instead
        texts = {end: self.one(f"{name}.{end}") for end in ("from", "to")}
        if not any(texts.values()):
            return LEFT
        empty = next((end for end, text in texts.items() if not text), "")
        if empty:
            self.fault(
                member, f"{name}.{empty}", self.words.say("Both ends of the time are needed.")
            )
            return LEFT
        begins = self._moment(member, f"{name}.from", texts["from"])
        ends = self._moment(
            member, f"{name}.to", texts["to"], "" if begins is LEFT else begins, texts["from"]
        )
        if LEFT in (begins, ends):
            return LEFT
        if ends < begins:
            self.fault(
                member,
                f"{name}.to",
                self.words.say("This ends before it begins. Check the end date."),
            )
            return LEFT
        return {"from": begins, "to": ends}

    def _point(self, member: Member, name: str, text: str) -> Any:
        if not text:
            return LEFT
        try:
            point = notation.read_place(text)
        except NotUnderstoodInput as error:
            alone = text == self.one(name)
            self.fault(
                member,
                name,
                self.unread(error),
                lettered(error.suggestion) if alone and error.suggestion is not None else "",
            )
            return LEFT
        return {"lat": point.lat, "lon": point.lon}

    def _place(self, member: Member, name: str, typed: str | None = None) -> Any:
        """Return a point, a circle, corners, or a name in words: what has digits is meant as a position."""
        text = self.one(name) if typed is None else typed
        own, radius, corners = (
            self.one(f"{name}.name"),
            self.one(f"{name}.radius"),
            self.lines(f"{name}.corners"),
        )
        result: dict[str, Any] = {}
        if text and not any(letter.isdigit() for letter in text):
            if not own and not corners and not radius:
                return text
            result["text"] = text
        elif text:
            point = self._point(member, name, text)
            if point is LEFT:
                return LEFT
            reach = self._radius(member, name, radius)
            result |= point if reach is None else {"circle": {"pos": point, "radius": reach}}
        if corners:
            points = [self._point(member, f"{name}.corners", line) for line in corners]
            if LEFT in points:
                return LEFT
            result["polygon"] = points
        if own:
            result["name"] = own
        return result or LEFT

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
        return [place for place in places if place is not LEFT] or LEFT

    def _number(self, member: Member, name: str) -> Any:
        text = self.one(name).replace("\u202f", "").replace("\u00a0", "")
        kind = member.kind
        assert isinstance(kind, field_types.NumberField | field_types.QuantityField)
        if not text:
            return UNKNOWN if self.one(f"{name}.unknown") else LEFT
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
            return LEFT
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
            return LEFT
        return int(number) if kind.whole else tidy(number)

    def _chosen(
        self, member: Member, kind: field_types.PersonField | field_types.FilesField, name: str
    ) -> Any:
        """Return what a choice of people or files holds: the act's own value, as JSON."""
        try:
            values = [_offered(value) for value in self.many(name)]
        except (msgspec.DecodeError, UnicodeEncodeError):
            self.fault(member, name, self._missing(member, name))
            return LEFT
        if not values:
            return LEFT
        return values if kind.many else values[0]

    def _hours(self, member: Member, name: str) -> Any:
        if self.one(f"{name}.always"):
            return "24x7"
        if not self.any(member.kind, name):
            return LEFT
        days = self.many(f"{name}.days")
        result = {item: self.one(f"{name}.{item}") for item in ("from", "to", "zone")}
        if not days or not all(result.values()):
            self.fault(
                member,
                name,
                self.words.say("Hours have days, a beginning, an end and a time zone."),
            )
            return LEFT
        return {"days": days, **result}

    def _dates(self, member: Member, name: str) -> Any:
        names = []
        for line in self.lines(name):
            try:
                names.append(date.fromisoformat(line).isoformat())
            except ValueError:
                self.fault(
                    member,
                    name,
                    self.words.say(
                        "%(day)s is no day; write days like 2026-12-25, one a line.", day=line[:40]
                    ),
                )
                return LEFT
        return names or LEFT

    def _pairs(self, member: Member, name: str) -> Any:
        kind = member.kind
        assert isinstance(kind, field_types.PairsField)
        if kind.sides:
            return {
                side: self.one(f"{name}.{side}")
                for side in self.sides
                if self.one(f"{name}.{side}")
            } or LEFT
        result: dict[str, Any] = {}
        for line in self.lines(name):
            key, colon, value = line.rpartition(":")
            if not colon or (kind.numbers and _NUMBER.fullmatch(value.strip()) is None):
                self.fault(
                    member, name, self.words.say("Write one a line: the name, a colon, the number.")
                )
                return LEFT
            result[key.strip()] = int(value) if kind.numbers else value.strip()
        return result or LEFT

    def _indexes(self, name: str) -> list[int]:
        return indexes(self.form, name)

    # Words for what was not read

    def unread(self, error: NotUnderstoodInput, *, days: bool = False) -> str:
        """Return why a time or a place was not read, and what to do; `days` where a day or a month alone is read as well."""
        words = self.words
        if isinstance(error, NeedsHemisphere):
            return words.say(
                "Did you mean %(place)s? Write N or S and E or W.", place=lettered(error.suggestion)
            )
        match error.code:
            case "in_future":
                return words.say("This time is still to come. Check the day.")
            case "day_only":
                return words.say("The time of day is missing. Write it like 24 Nov 03:05Z.")
            case "no_such_day":
                return words.say("There is no such day.")
            case "no_such_time":
                return words.say("There is no such time.")
            case "ambiguous_order":
                return words.say("Day or month? Write the month as a word, like 24 Nov.")
            case "ambiguous_time" | "ambiguous_zone":
                return words.say(
                    "This can be read in two ways. Write the time like 03:05Z or 03:05+08."
                )
            case "latitude_range":
                return words.say("A latitude is at most 90. Check the order: latitude first.")
            case "longitude_range":
                return words.say("A longitude is at most 180.")
            case "minutes_range":
                return words.say("Minutes and seconds are below 60.")
            case "same_axis":
                return words.say("A latitude and a longitude are needed: N or S, and E or W.")
            case "bad_mgrs" | "polar_mgrs":
                return words.say("There is no such square of the grid.")
            case "too_long":
                return words.say("This is too long to be read.")
            case code if "place" in code or code in ("sign_and_letter", "digit_count", "no_place"):
                return words.say("This place was not read. Write it like 15-07N 116-26E.")
            case _ if days:
                return words.say(
                    "This was not read. Write a day like 24 Nov 2026, a month like Jan 2027, or a time like 24 Nov 03:05Z."
                )
            case _:
                return words.say("This time was not read. Write it like 24 Nov 03:05Z.")


def zulu(moment: datetime) -> str:
    """Return a moment as acts have it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _offered(value: str) -> Any:
    """Return a choice that a form offered, which is JSON, unless whoever sends it has made it up. Raises `DecodeError`."""
    nesting.check(value.encode())
    return msgspec.json.decode(value)


# Writing back

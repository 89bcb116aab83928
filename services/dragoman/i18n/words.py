"""The words of pages and reports in the reader's language.

`words("fr")` returns the `Words` of French. They translate sentences and names, and
write times, spans and numbers in one way everywhere.
"""

import gettext
import io
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from babel import Locale
from babel.dates import format_date, get_timezone_location
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import parse_pattern
from markupsafe import Markup, escape

from dragoman.domain.acts.geodesy import GeoPoint
from dragoman.i18n.places import written_place
from dragoman.i18n.vocabulary import CITIES, OWN_LABELS, derived
from dragoman.limits import SUBJECT_LENGTH
from dragoman.text import VERBATIM, MomentValue, NameValue, PlaceValue, Text, capitalized

LANGUAGES: Final = {"en": "English", "fr": "Français", "zh": "中文"}
"""The languages of the pages, with their own names."""

URGENT_LANGUAGES: Final = {"ru": "Русский"}
"""Languages in which only cards and takeovers are, beside those of the pages."""

TAGS: Final = {"en": "en", "fr": "fr", "zh": "zh-Hans", "ru": "ru"}
LOCALES: Final = Path(__file__).parent / "locales"

NBSP: Final = "\N{NO-BREAK SPACE}"
_THIN: Final = "\N{NARROW NO-BREAK SPACE}"
_CLOCKED_SECONDS: Final = 6000
_UNITS: Final = {
    "en": ("s", "min", "h", "d"),
    "fr": ("s", "min", "h", "j"),
    "zh": ("秒", "分", "小时", "天"),
    "ru": ("с", "мин", "ч", "д"),  # noqa: RUF001
}
_BETWEEN: Final = {
    "en": (", ", ", ", "; ", " ", ": "),
    "fr": (", ", ", ", f"{_THIN}; ", " ", f"{NBSP}: "),
    "zh": ("、", "，", "；", "", "："),  # noqa: RUF001
    "ru": (", ", ", ", "; ", " ", ": "),
}
"""Separators of each language, in this order.

Between words of a list, members of a group, groups and sentences, and before an
explanation.
"""

_NUMBER: Final = parse_pattern("#,##0.#")
_EXACT: Final = parse_pattern("#,##0.######")
_DAYS: Final = {
    "en": f"d{NBSP}MMM{NBSP}y",
    "fr": f"d{NBSP}MMM{NBSP}y",
    "zh": "y年M月d日",
    "ru": f"d{NBSP}MMM{NBSP}y",
}
_DAYS_WITH_WEEKDAY: Final = {
    "en": f"EEE{NBSP}{_DAYS['en']}",
    "fr": f"EEE{NBSP}{_DAYS['fr']}",
    "zh": f"{_DAYS['zh']}EEE",
    "ru": f"EEE{NBSP}{_DAYS['ru']}",
}
"""Patterns of days, as Babel reads them."""


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        """Read the catalogue of the language."""
        self.language = language
        self.tag = TAGS[language]
        self.translations = _translations(language)
        self.comma, self.pause, self.semicolon, self.space, self.colon = _BETWEEN[language]
        self.stop = "。" if language == "zh" else "."
        self._locale = Locale.parse("zh_Hans" if language == "zh" else language)

    # Sentences and names

    def say(self, message: str, /, **values: object) -> str:
        """Return a sentence of the catalogue, with its values."""
        text = self.translations.gettext(message)
        return text % values if values else text.replace("%%", "%")

    def sentence(self, text: Text, /) -> str:
        """Return a text that was made before the language was known."""
        return self.translations.gettext(text.message) % {
            name: self._spoken(value) for name, value in text.values.items()
        }

    def _spoken(self, value: object) -> object:
        match value:
            case Text():
                return self.sentence(value)
            case NameValue("side"):
                return value.name.upper()
            case NameValue("city") if value.name not in CITIES:
                return value.name
            case NameValue():
                name = self.name(value.context, value.name)
                return capitalized(name) if value.first else name
            case timedelta():
                return self.span(value.total_seconds())
            case MomentValue():
                return self.at_moment(as_moment(value.text))
            case PlaceValue():
                return written_place(GeoPoint(value.lat, value.lon))
            case date():
                return self.day(value)
            case tuple():
                return self.listed(str(self._spoken(item)) for item in value)
            case Mapping():
                return self.text(value)[1]
            case _:
                return value

    def whole(self, part: Text, /) -> str:
        """Return a part of a sentence as a sentence of its own.

        It gets a capital, unless a name begins it, and a full stop.
        """
        text = self.sentence(part)
        if text.replace("’", "").partition(" ")[0].isalpha():
            text = capitalized(text)
        return (
            text if text.endswith((".", "。")) else text + ("。" if self.language == "zh" else ".")
        )

    def count(self, one: str, many: str, number: int, /, **values: object) -> str:
        """Return a sentence about a number of things; `%(n)s` is the number."""
        return self.translations.ngettext(one, many, number) % {"n": self.number(number), **values}

    def name(self, context: str, name: str) -> str:
        """Return the reader's word for a name of the log; see `vocabulary`."""
        pgettext = self.translations.pgettext(context, name)
        if pgettext == name and self.language in URGENT_LANGUAGES:
            return words("en").name(context, name)
        return derived(context, name) if pgettext == name and self.language == "en" else pgettext

    def act(self, name: str) -> str:
        """Return the name of an act."""
        return self.name("act", name)

    def verb(self, name: str) -> str:
        """Return the label of a button that does an act in an exchange."""
        return self.name("verb", name)

    def field(self, name: str, act: str = "") -> str:
        """Return the name of a member.

        It is the name that the member has in this act alone, or its usual name.
        """
        in_act = f"{act}.{name}"
        return self.name("field", in_act if in_act in OWN_LABELS else name)

    def value(self, name: str) -> str:
        """Return the word for a value of a member."""
        return self.name("value", name)

    def status(self, name: str) -> str:
        """Return the status of an exchange."""
        return self.name("status", name)

    def clock(self, name: str) -> str:
        """Return the name of a deadline: of what is owed within a limit."""
        return self.name("clock", name)

    def duty(self, name: str) -> str:
        """Return the duty that a deadline is for, as in "is to answer"."""
        return self.name("duty", name)

    def near(self, time: str | datetime, now: datetime) -> str:
        """Return a time in UTC, without its day if that is today: 19:20Z."""
        moment = as_moment(time)
        return self.written(moment, "hour" if moment.date() == now.date() else "minute")

    def listed(self, parts: Iterable[str]) -> str:
        """Return several words as a list: a, b, c.

        Babel's lists end in "and", which says that nothing else is in them.
        """
        return self.comma.join(parts)

    def either(self, parts: Iterable[str]) -> str:
        """Return several words as alternatives: a, b or c."""
        *first, last = [*parts] or [""]
        return (
            self.say("%(first)s or %(last)s", first=self.listed(first), last=last)
            if first
            else last
        )

    def sentences(self, parts: Iterable[str]) -> str:
        """Return several whole sentences, one after the other."""
        return self.space.join(parts)

    # Numbers, times and spans

    def number(self, number: float) -> str:
        """Return a number with thousands separated, and one decimal place at most."""
        return str(_NUMBER.apply(number, self._locale))

    def exact(self, number: float) -> str:
        """Return a number that a side recorded, with up to six decimal places."""
        return str(_EXACT.apply(number, self._locale))

    def share(self, share: float | None, places: int = 0) -> str:
        """Return a fraction of one in per cent.

        It has so many decimal places, but one at most.
        """
        if share is None:
            return "–"
        return f"{self.number(round(share * 100, places))}{_THIN if self.language == 'fr' else ''}%"

    def day(self, moment: date, *, weekday: bool = False) -> str:
        """Return a day: 24 Nov 2026."""
        pattern = _DAYS_WITH_WEEKDAY if weekday else _DAYS
        return format_date(moment, pattern[self.language], self._locale)

    def written(self, time: str | datetime, form: str = "full") -> str:
        """Return a time in UTC, in one of these forms.

        full      24 Nov 2026 19:05:12Z
        minute    24 Nov 2026 19:05Z
        milli     24 Nov 2026 19:05:12.000Z
        clock     19:05:12Z
        hour      19:05Z
        day       24 Nov 2026
        """
        moment = as_moment(time)
        match form:
            case "clock":
                return f"{moment:%H:%M:%S}Z"
            case "hour":
                return f"{moment:%H:%M}Z"
            case "day":
                return self.day(moment)
            case "minute":
                return f"{self.day(moment)} {moment:%H:%M}Z"
            case "milli":
                return f"{self.day(moment)} {moment:%H:%M:%S}.{moment.microsecond // 1000:03}Z"
            case _:
                return f"{self.day(moment)} {moment:%H:%M:%S}Z"

    def at_moment(self, moment: datetime) -> str:
        """Return a moment that a side wrote, in UTC.

        It is to the minute, or to the second if the moment has seconds.
        """
        return self.written(moment, "full" if moment.second else "minute")

    def time(self, time: str | datetime | None, form: str = "full") -> Markup:
        """Return a time as an HTML element. It is always absolute."""
        if not time:
            return escape(self.say("never"))
        moment = as_moment(time)
        return Markup('<time datetime="{}">{}</time>').format(
            stamp(moment), self.written(moment, form)
        )

    def local(self, moment: datetime, zone: ZoneInfo, base: datetime | None = None) -> str:
        """Return a time of day in a zone.

        It has `+1` if the day there is one later than the day of `base`, which is UTC's
        day by default.
        """
        there = moment.astimezone(zone)
        days = (there.date() - (base or moment.astimezone(UTC)).date()).days
        return f"{there:%H:%M}" + (f"{NBSP}{days:+d}" if days else "")

    def span(self, seconds: float) -> str:
        """Return a span of time in at most two units: 41 s, 9 min 05 s, 3 d 4 h.

        Babel writes one unit, rounded; a deadline needs the second one as well.
        """
        whole = max(0, int(seconds))
        parts = _parts(whole)
        units = _UNITS[self.language]
        gap = "" if self.language == "zh" else NBSP
        return ("" if self.language == "zh" else NBSP).join(
            f"{digits}{gap}{units[unit]}" for digits, unit in parts
        )

    def until(self, time: str | datetime, now: datetime) -> str:
        """Return the span between a time and now, whether it is past or to come."""
        return self.span(abs((as_moment(time) - now).total_seconds()))

    def clocked(self, time: str | datetime, now: datetime) -> str:
        """Return the span since a time, in a width that does not grow: 00:41, 99:59.

        From 100 minutes on it is in hours.
        """
        whole = max(0, int((now - as_moment(time)).total_seconds()))
        return (
            f"{whole // 60:02d}:{whole % 60:02d}" if whole < _CLOCKED_SECONDS else self.span(whole)
        )

    def stamp(self, moment: datetime) -> str:
        """Return a moment as attributes of HTML have it."""
        return stamp(moment)

    # What the sides wrote

    def subject(self, raw: object, title: Text | None) -> tuple[str, str]:
        """Return the subject of an exchange, and the tag of its language.

        It is the subject that the opener gave, or the title that serves as one.
        """
        if title is None:
            return self.text(raw)
        tag, text = (
            self.text(title.values["text"])
            if title.message == VERBATIM
            else (self.tag, self.sentence(title))
        )
        return tag, text[:SUBJECT_LENGTH]

    def text(self, raw: object) -> tuple[str, str]:
        """Return a text of a side, and the tag of its language; the tag may be empty.

        It is the text in the reader's language, or else the first one.
        """
        value = msgspec.json.decode(bytes(raw)) if isinstance(raw, msgspec.Raw) else raw
        if isinstance(value, Mapping):
            tag = next(
                (tag for tag in value if tag.partition("-")[0] == self.language), None
            ) or next(iter(value), "")
            return tag, str(value.get(tag, ""))
        return "", str(value)


def _parts(whole: int) -> list[tuple[str, int]]:
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours_of_day = divmod(hours, 24)
    if whole < 60:
        return [(str(seconds), 0)]
    if hours < 1:
        return [(str(minutes), 1), *([(f"{seconds:02}", 0)] if seconds and minutes < 10 else [])]
    if days < 2:
        return [(str(hours), 2), *([(f"{minutes:02}", 1)] if minutes else [])]
    return [(str(days), 3), *([(str(hours_of_day), 2)] if hours_of_day and days < 14 else [])]


_CAPITALS: Final = {"Asia/Shanghai": "Beijing"}
"""Zones whose name has another city than the one that people say."""


@lru_cache(256)
def city(zone: str, language: str) -> str:
    """Return the city by which a time zone is known, in a language.

    The zone of all China is known by its capital, as in the offices' own entries.
    """
    if zone == "UTC":
        return "UTC"
    if zone in _CAPITALS:
        return words(language).name("city", _CAPITALS[zone])
    return get_timezone_location(
        zone, locale="zh_Hans" if language == "zh" else language, return_city=True
    )


def as_moment(time: str | datetime) -> datetime:
    """Return a time of a record as a moment in UTC."""
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    return moment.astimezone(UTC)


def stamp(moment: datetime) -> str:
    """Return a moment in RFC 3339 and UTC.

    It is to the second, or to the millisecond if the moment has any.
    """
    text = moment.astimezone(UTC).isoformat(
        timespec="milliseconds" if moment.microsecond else "seconds"
    )
    return text.replace("+00:00", "Z")


@cache
def words(language: str) -> Words:
    """Return the words of a language; of English if we do not have it."""
    return Words(language if language in TAGS else "en")


def of_tag(tag: str) -> Words:
    """Return the words for a language tag, such as `zh-Hans`; English by default."""
    language = tag.partition("-")[0]
    return words(language if language in LANGUAGES else "en")


def _translations(language: str) -> gettext.GNUTranslations:
    with (LOCALES / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale="zh" if language == "zh" else language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


_PREFERENCE: Final = re.compile(
    r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?))?\s*"
)


def preferred(accept: str) -> str:
    """Return the best language that we have for an Accept-Language header."""
    candidates: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept[:500].split(",")):
        match = _PREFERENCE.fullmatch(part)
        if match is not None and match[1].lower() in LANGUAGES:
            candidates.append((-float(match[2] or 1), place, match[1].lower()))
    return min(candidates)[2] if candidates else "en"


DAY: Final = timedelta(days=1)


def values_of(raw: object) -> Any:
    """Return the content of a raw member."""
    return msgspec.json.decode(bytes(raw)) if isinstance(raw, msgspec.Raw) else raw

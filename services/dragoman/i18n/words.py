"""The words of pages and reports in the reader's language, and the one way in which times, spans and numbers are written."""

import gettext
import io
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup, escape

from dragoman.domain.notation import GeoPoint, written_place
from dragoman.i18n.vocabulary import derived
from dragoman.limits import SUBJECT_LENGTH
from dragoman.text import VERBATIM, MomentValue, NameValue, PlaceValue, Text

LANGUAGES: Final = {"en": "English", "fr": "Français", "zh": "中文"}
"""The languages of the pages, by their names in themselves."""

TAGS: Final = {"en": "en", "fr": "fr", "zh": "zh-Hans"}
LOCALES: Final = Path(__file__).parent / "locales"

NBSP: Final = "\N{NO-BREAK SPACE}"
_THIN: Final = "\N{NARROW NO-BREAK SPACE}"
_CLOCKED_SECONDS: Final = 6000
_UNITS: Final = {
    "en": ("s", "min", "h", "d"),
    "fr": ("s", "min", "h", "j"),
    "zh": ("秒", "分", "小时", "天"),
}
_BETWEEN: Final = {
    "en": (", ", ", ", "; ", " ", ": "),
    "fr": (", ", ", ", f"{_THIN}; ", " ", f"{NBSP}: "),
    "zh": ("、", "，", "；", "", "："),  # noqa: RUF001
}
"""What stands between words of a list, between members of a group, between groups,
between sentences, before an explanation.
"""

_WEEKDAYS: Final = {"zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日")}


class Words:
    """One language."""

    def __init__(self, language: str) -> None:
        """Read its catalogue."""
        self.language = language
        self.tag = TAGS[language]
        self.translations = _translations(language)
        self.comma, self.pause, self.semicolon, self.space, self.colon = _BETWEEN[language]
        self._locale = Locale.parse("zh_Hans" if language == "zh" else language)

    # Sentences and names

    def say(self, message: str, /, **values: object) -> str:
        """Return a sentence of the catalogue."""
        text = self.translations.gettext(message)
        return text % values if values else text.replace("%%", "%")

    def sentence(self, text: Text, /) -> str:
        """Return a sentence that was made where no language was known."""
        return self.translations.gettext(text.message) % {
            name: self._spoken(value) for name, value in text.values.items()
        }

    def _spoken(self, value: object) -> object:
        match value:
            case Text():
                return self.sentence(value)
            case NameValue("side"):
                return value.name.upper()
            case NameValue():
                name = self.name(value.context, value.name)
                return name[:1].upper() + name[1:] if value.first else name
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

    def whole(self, said: Text, /) -> str:
        """Return a sentence that is part of another, by itself: with a capital, unless a name begins it, and a full stop."""
        text = self.sentence(said)
        if text.replace("’", "").partition(" ")[0].isalpha():
            text = text[:1].upper() + text[1:]
        return (
            text if text.endswith((".", "。")) else text + ("。" if self.language == "zh" else ".")
        )

    def count(self, one: str, many: str, number: int, /, **values: object) -> str:
        """Return a sentence about a number of things; `%(n)s` is the number."""
        return self.translations.ngettext(one, many, number) % {"n": self.number(number), **values}

    def name(self, context: str, name: str) -> str:
        """Return what a name of the log is called: see `vocabulary`."""
        pgettext = self.translations.pgettext(context, name)
        return derived(context, name) if pgettext == name and self.language == "en" else pgettext

    def act(self, name: str) -> str:
        """Return an act's name."""
        return self.name("act", name)

    def verb(self, name: str) -> str:
        """Return what a button says that does an act in an exchange."""
        return self.name("verb", name)

    def field(self, name: str) -> str:
        """Return a member's name."""
        return self.name("field", name)

    def value(self, name: str) -> str:
        """Return a word that a member may be."""
        return self.name("value", name)

    def status(self, name: str) -> str:
        """Return an exchange's status."""
        return self.name("status", name)

    def clock(self, name: str) -> str:
        """Return what is owed within a limit."""
        return self.name("clock", name)

    def listed(self, parts: Iterable[str]) -> str:
        """Several words after one another."""
        return self.comma.join(parts)

    def either(self, parts: Iterable[str]) -> str:
        """Return one of several words: a, b or c."""
        *first, last = [*parts] or [""]
        return (
            self.say("%(first)s or %(last)s", first=self.listed(first), last=last)
            if first
            else last
        )

    def sentences(self, parts: Iterable[str]) -> str:
        """Several whole sentences after one another."""
        return self.space.join(parts)

    # Numbers, times and spans

    def number(self, number: float) -> str:
        """Return a number with its thousands apart."""
        text = f"{number:,}" if isinstance(number, int) else f"{number:,.1f}".removesuffix(".0")
        return (
            text.replace(",", "\0").replace(".", ",").replace("\0", _THIN)
            if self.language == "fr"
            else text
        )

    def share(self, share: float | None, places: int = 0) -> str:
        """Return a fraction of one in per cent, to so many decimal places, one at most."""
        if share is None:
            return "–"
        return f"{self.number(round(share * 100, places))}{_THIN if self.language == 'fr' else ''}%"

    def day(self, moment: date, *, weekday: bool = False) -> str:
        """Return a day: 24 Nov 2026."""
        name = ""
        if weekday:
            name = (
                _WEEKDAYS["zh"][moment.weekday()]
                if self.language == "zh"
                else self._locale.days["format"]["abbreviated"][moment.weekday()]
            )
        if self.language == "zh":
            return f"{moment.year}年{moment.month}月{moment.day}日{name}"
        month = self._locale.months["format"]["abbreviated"][moment.month]
        day = f"{moment.day}{NBSP}{month}{NBSP}{moment.year}"
        return f"{name}{NBSP}{day}" if name else day

    def written(self, time: str | datetime, form: str = "full") -> str:
        """Return a time in UTC: `full` 24 Nov 2026 19:05:12Z, `minute` without the seconds, `milli` with thousandths, `clock` 19:05:12Z, `hour` 19:05Z, `day`."""
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
        """Return a moment that a side named, in UTC: to the minute, or to the second where it has one."""
        return self.written(moment, "full" if moment.second else "minute")

    def time(self, time: str | datetime | None, form: str = "full") -> Markup:
        """Return a time as an element; never relative alone."""
        if not time:
            return escape(self.say("never"))
        moment = as_moment(time)
        return Markup('<time datetime="{}">{}</time>').format(
            stamp(moment), self.written(moment, form)
        )

    def local(self, moment: datetime, zone: ZoneInfo, base: datetime | None = None) -> str:
        """Return a time of day in a zone; with `+1` where the day there is another than that of `base`, in UTC by default."""
        there = moment.astimezone(zone)
        days = (there.date() - (base or moment.astimezone(UTC)).date()).days
        return f"{there:%H:%M}" + (f"{NBSP}{days:+d}" if days else "")

    def span(self, seconds: float) -> str:
        """Return a span of time, in two units at most: 41 s, 9 min 05 s, 31 h 05 min, 3 d 4 h."""
        whole = max(0, int(seconds))
        parts = _parts(whole)
        units = _UNITS[self.language]
        gap = "" if self.language == "zh" else NBSP
        return ("" if self.language == "zh" else NBSP).join(
            f"{digits}{gap}{units[unit]}" for digits, unit in parts
        )

    def until(self, time: str | datetime, now: datetime) -> str:
        """Return how long it is from now, or since."""
        return self.span(abs((as_moment(time) - now).total_seconds()))

    def clocked(self, time: str | datetime, now: datetime) -> str:
        """Return how long it is since a time, in a width that does not grow with it: 00:41, 99:59, and from then on in hours."""
        whole = max(0, int((now - as_moment(time)).total_seconds()))
        return (
            f"{whole // 60:02d}:{whole % 60:02d}" if whole < _CLOCKED_SECONDS else self.span(whole)
        )

    def stamp(self, moment: datetime) -> str:
        """Return a moment as attributes have it."""
        return stamp(moment)

    # What the sides wrote

    def subject(self, raw: object, title: Text | None) -> tuple[str, str]:
        """Return what an exchange is about and the tag of its language: the subject that its opener gave, or the title that stands for one."""
        if title is None:
            return self.text(raw)
        tag, text = (
            self.text(title.values["text"])
            if title.message == VERBATIM
            else (self.tag, self.sentence(title))
        )
        return tag, text[:SUBJECT_LENGTH]

    def text(self, raw: object) -> tuple[str, str]:
        """Return a text of a side and the tag of its language, empty where it does not say: the reader's own, or else the first that is given."""
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


def as_moment(time: str | datetime) -> datetime:
    """Return a time of a record as a moment in UTC."""
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    return moment.astimezone(UTC)


def stamp(moment: datetime) -> str:
    """Return a moment as attributes have it: RFC 3339 in UTC, to the second or as exact as it is."""
    text = moment.astimezone(UTC).isoformat(
        timespec="milliseconds" if moment.microsecond else "seconds"
    )
    return text.replace("+00:00", "Z")


@cache
def words(language: str) -> Words:
    """Return a language's words."""
    return Words(language if language in LANGUAGES else "en")


def of_tag(tag: str) -> Words:
    """Return the words for whoever reads the language of a tag, `zh-Hans` say; English where it is none of ours."""
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
    numbers: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept[:500].split(",")):
        match = _PREFERENCE.fullmatch(part)
        if match is not None and match[1].lower() in LANGUAGES:
            numbers.append((-float(match[2] or 1), place, match[1].lower()))
    return min(numbers)[2] if numbers else "en"


DAY: Final = timedelta(days=1)


def values_of(raw: object) -> Any:
    """Return what a raw member holds."""
    return msgspec.json.decode(bytes(raw)) if isinstance(raw, msgspec.Raw) else raw

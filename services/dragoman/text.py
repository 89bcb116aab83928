"""A text for people: a message of the catalogues with its values.

    sentence("There is no channel %(channel)s.", channel="nato-china")

In English it is a string. Other languages translate the message and format the values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec

_encode: Final = msgspec.json.Encoder().encode

VERBATIM: Final = "%(text)s"
"""The message of a text that consists of nothing but somebody else's words."""


def capitalized(text: str) -> str:
    """Return a text with a capital letter, for the start of a line."""
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class NameValue:
    """A name of the log in a sentence, or a name that a side chose.

    `context` is the context in which the vocabulary lists the name. With `first` the
    name begins with a capital letter.
    """

    context: str
    name: str
    first: bool = False

    def __str__(self) -> str:
        """Return the name in English."""
        name = self.name if self.context == "city" else self.name.replace("_", " ")
        return name.capitalize() if self.first else name


@dataclass(frozen=True, slots=True)
class MomentValue:
    """A moment in a sentence, in the form in which a side entered it.

    Pages write it like every other time.
    """

    text: str

    def __str__(self) -> str:
        """Return the moment as it was entered, as subjects in the log have it."""
        return self.text


@dataclass(frozen=True, slots=True)
class PlaceValue:
    """A position in a sentence, in WGS-84 decimal degrees.

    Pages write it like every other place.
    """

    lat: float
    lon: float

    def __str__(self) -> str:
        """Return the position with as many digits as subjects in the log have."""
        return f"{self.lat:g} {self.lon:g}"


@dataclass(frozen=True, slots=True)
class Text:
    """A message with places like `%(act)s` for its values.

    A value is a word, a number, a day, a span, a moment, a position, a name, a tuple of
    these, or another text. Words may be a side's words in several languages, by their
    tags.
    """

    message: str
    values: Mapping[str, object]

    def __str__(self) -> str:
        """Return the sentence in English."""
        return self.message % {name: _plain(value) for name, value in self.values.items()}


class TextError(Exception):
    """An error with a sentence for people: the fault, and what to do.

    The sentence is in `said`.
    """

    def __init__(self, text: Text) -> None:
        """Keep the sentence."""
        super().__init__(text)
        self.said = text


def _plain(value: object) -> object:
    match value:
        case timedelta():
            return _span(value)
        case date():
            return f"{value:%-d %B %Y}"
        case tuple():
            return ", ".join(str(_plain(part)) for part in value)
        case Mapping():
            return next(iter(value.values()))
        case _:
            return value


def _span(value: timedelta) -> str:
    """Return a span to the second, without the units that are zero.

    It is in days from two days on. A notice that is a second short never reads as if it
    were not.
    """
    seconds = round(value.total_seconds())
    days = seconds // 86_400 if seconds >= 172_800 else 0
    hours, rest = divmod(seconds - days * 86_400, 3_600)
    parts = ((days, "days"), (hours, "hours"), (rest // 60, "minutes"), (rest % 60, "seconds"))
    return (
        " ".join(
            f"{number} {unit if number > 1 else unit[:-1]}" for number, unit in parts if number
        )
        or "0 seconds"
    )


def packed(text: Text) -> str:
    """Return a sentence as a string from which `unpacked` restores it.

    So it can be stored until the language of its reader is known.
    """
    return _encode(_parts(text)).decode()


def unpacked(text: str) -> Text:
    """Return the sentence that `packed` turned into a string."""
    whole = _whole(msgspec.json.decode(text))
    assert isinstance(whole, Text)
    return whole


def _parts(value: object) -> object:
    match value:
        case Text():
            return [
                "sentence",
                value.message,
                {name: _parts(item) for name, item in value.values.items()},
            ]
        case NameValue():
            return ["name", value.context, value.name, value.first]
        case MomentValue():
            return ["moment", value.text]
        case PlaceValue():
            return ["position", value.lat, value.lon]
        case timedelta():
            return ["span", value.total_seconds()]
        case list() | datetime():
            raise TypeError(f"{value!r} cannot be in a sentence: `unpacked` would not restore it")
        case date():
            return ["day", value.isoformat()]
        case tuple():
            return ["several", *map(_parts, value)]
        case Mapping():
            return dict(value)
        case _:
            return value


def _whole(value: Any) -> object:
    match value:
        case ["sentence", str(message), dict(values)]:
            return Text(message, {name: _whole(item) for name, item in values.items()})
        case ["name", str(context), str(name), bool(first)]:
            return NameValue(context, name, first)
        case ["moment", str(text)]:
            return MomentValue(text)
        case ["position", lat, lon]:
            return PlaceValue(lat, lon)
        case ["span", seconds]:
            return timedelta(seconds=seconds)
        case ["day", str(day)]:
            return date.fromisoformat(day)
        case ["several", *parts]:
            return tuple(map(_whole, parts))
        case _:
            return value


def sentence(message: str, /, **values: object) -> Text:
    """Return a sentence that the catalogues contain.

    The message must be a literal, because the catalogues are collected from the code.
    """
    return Text(message, values)


def verbatim(text: str | Mapping[str, str]) -> Text:
    """Return the words of somebody else, such as a side or a library.

    No catalogue contains them.
    """
    return Text(VERBATIM, {"text": text})

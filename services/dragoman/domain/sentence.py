"""A sentence of the catalogues with its values: in English as text, and sayable again in another language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

VERBATIM: Final = "%(text)s"
"""What is nothing but somebody else's words."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name of the log in a sentence, with the context in which the vocabulary has it; or a side's. `first`, it begins with a capital."""

    context: str
    name: str
    first: bool = False

    def __str__(self) -> str:
        """The name in English."""
        name = self.name.replace("_", " ")
        return name.capitalize() if self.first else name


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said, with places like `%(act)s` for its values: words, numbers, days, spans, names, several of these, or sentences themselves.

    Words may be a side's in several languages, by their tags.
    """

    message: str
    values: Mapping[str, object]

    def __str__(self) -> str:
        """The sentence in English."""
        return self.message % {name: _plain(value) for name, value in self.values.items()}


def _plain(value: object) -> object:
    match value:
        case timedelta() if value >= timedelta(days=2):
            return f"{value.days} days"
        case timedelta() if value < timedelta(hours=1):
            return f"{int(value.total_seconds() // 60)} minutes"
        case timedelta():
            return f"{int(value.total_seconds() // 3600)} hours"
        case date():
            return f"{value:%-d %B %Y}"
        case tuple():
            return ", ".join(str(_plain(each)) for each in value)
        case Mapping():
            return next(iter(value.values()))
        case _:
            return value


def sentence(message: str, /, **values: object) -> Sentence:
    """A sentence that the catalogues have; the message is a literal, so that it is found for them."""
    return Sentence(message, values)


def verbatim(text: str | Mapping[str, str]) -> Sentence:
    """Words of somebody else, such as a side's or a library's; no catalogue has them."""
    return Sentence(VERBATIM, {"text": text})

"""A sentence of the catalogues with its values: in English as text, and sayable again in another language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

_VERBATIM: Final = "%(text)s"


@dataclass(frozen=True, slots=True)
class Name:
    """A name of the log in a sentence, with the context in which the vocabulary has it; or a side's."""

    context: str
    name: str

    def __str__(self) -> str:
        """The name in English."""
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said, with places like `%(act)s` for its values: words, numbers, days, spans, names, several of these, or sentences themselves."""

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
        case _:
            return value


def sentence(message: str, /, **values: object) -> Sentence:
    """A sentence that the catalogues have; the message is a literal, so that it is found for them."""
    return Sentence(message, values)


def verbatim(text: str) -> Sentence:
    """Words of somebody else, such as a library's; no catalogue has them."""
    return Sentence(_VERBATIM, {"text": text})

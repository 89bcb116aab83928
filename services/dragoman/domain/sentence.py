"""A sentence of the catalogues with its values: in English as text, and sayable again in another language."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_VERBATIM: Final = "%(text)s"


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said, with places like `%(act)s` for its values; a value may be a sentence itself."""

    message: str
    values: Mapping[str, object]

    def __str__(self) -> str:
        """The sentence in English."""
        return self.message % self.values


def sentence(message: str, /, **values: object) -> Sentence:
    """A sentence that the catalogues have; the message is a literal, so that it is found for them."""
    return Sentence(message, values)


def verbatim(text: str) -> Sentence:
    """Words of somebody else, such as a library's; no catalogue has them."""
    return Sentence(_VERBATIM, {"text": text})

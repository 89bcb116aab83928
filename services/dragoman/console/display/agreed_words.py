"""Agreed phrases of the codebook in force, where they occur in a text.

    find(phrases, "Received. We will answer later.", "en")
    → "We will answer later", with its words in the other languages

Pages mark these phrases in messages. The check page warns with the same function of a
text that departs from one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from markupsafe import Markup, escape
from msgspec import Struct

from dragoman.i18n.words import Words
from dragoman_schemas.codebook import CODEBOOKS, Codebook
from dragoman_schemas.state import Registry

_SHORT: Final = 4
"""Letters below which a phrase, such as 收悉, is too short to be looked for."""

_TAG: Final = re.compile(r"(<[^<>]*>)")


class Occurrence(Struct, frozen=True, kw_only=True):
    """An agreed phrase in a text: its place, and its words by language."""

    begins: int
    ends: int
    texts: Mapping[str, str]


def in_force(registry: Registry) -> Codebook | None:
    """Return the codebook that every side has adopted; None where they differ."""
    adopted = [registry.codebooks.get(side.name) for side in registry.sides]
    names = {"" if book is None else book.codebook for book in adopted}
    codebook = CODEBOOKS.get(names.pop()) if len(names) == 1 else None
    if codebook is None or any(book and book.version < codebook.version for book in adopted):
        return None
    return codebook


def phrases_of(registry: Registry) -> list[Mapping[str, str]]:
    """Return the phrases that are looked for in texts, each by language.

    Phrases of one word are ordinary words and are not looked for.
    """
    codebook = in_force(registry)
    return [
        texts
        for texts in (() if codebook is None else codebook.phrases.values())
        if " " in texts["en"] and all(len(text) >= _SHORT for text in texts.values())
    ]


def find(phrases: Iterable[Mapping[str, str]], text: str, tag: str = "") -> Iterator[Occurrence]:
    """Yield the phrases of a language in a text; of all languages without a tag."""
    for texts in phrases:
        language = tag.partition("-")[0]
        words = [texts[language]] if language in texts else [] if language else texts.values()
        for word in dict.fromkeys(words):
            for match in re.finditer(re.escape(word), text, re.IGNORECASE):
                yield Occurrence(begins=match.start(), ends=match.end(), texts=texts)


def marking(
    registry: Registry, words: Words, link: Callable[[str], str]
) -> Callable[[Markup | str], Markup | str]:
    """Return a function that marks the agreed phrases in a shown text of a side.

    A mark leads to the record by which the last side adopted the codebook. It names the
    words of the other languages. The text stays as it is.
    """
    phrases = phrases_of(registry)
    if not phrases:
        return lambda shown: shown
    position = max(book.adopted.position for book in registry.codebooks.values())
    address = link(f"/records/{position}")

    def marked(shown: Markup | str) -> Markup:
        parts = _TAG.split(str(escape(shown)))
        return Markup("").join(
            Markup(part)  # noqa: S704  # it was escaped above
            if part.startswith("<")
            else _marked(phrases, words, address, Markup(part).unescape())  # noqa: S704
            for part in parts
        )

    return marked


def _marked(phrases: Iterable[Mapping[str, str]], words: Words, address: str, text: str) -> Markup:
    """Return a text with a link around each phrase, the longest where two meet."""
    result, end = Markup(""), 0
    occurrences = sorted(find(phrases, text), key=lambda place: (place.begins, -place.ends))
    for place in occurrences:
        if place.begins < end:
            continue
        phrase = text[place.begins : place.ends]
        others = (other for other in place.texts.values() if other.casefold() != phrase.casefold())
        title = words.say(
            "Agreed phrase, adopted by every side: %(texts)s", texts=" / ".join(others)
        )
        result += escape(text[end : place.begins])
        result += Markup('<a class="agreed" href="{}" title="{}">{}</a>').format(
            address, title, phrase
        )
        end = place.ends
    return result + escape(text[end:])

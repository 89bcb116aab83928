"""Words of urgent messages, in more languages than the pages have.

A channel may have a language in which the pages are not, such as Russian. Cards to be
read aloud and takeovers show these messages in that language too, beside the reader's.

beside(("en", "ru"))    the words of Russian: "en" is a language of the pages

Its catalogue has the messages of these papers alone. A test makes the papers of every
urgent format, with every choice, and finds each message that has no translation.
"""

from collections.abc import Iterable
from typing import Final

from dragoman.i18n.words import URGENT_LANGUAGES, Words, words

FORMATS: Final = frozenset(
    {
        "call-request",
        "emergency-notification",
        "hazardous-incident",
        "immediate-notification",
        "launch-notice",
        "terrorism-warning",
    }
)
"""The formats that may be sent as a flash by default, and calls."""


def beside(tags: Iterable[str]) -> tuple[Words, ...]:
    """Return the words of the languages of a channel in which no page is."""
    languages = dict.fromkeys(tag.partition("-")[0] for tag in tags)
    return tuple(words(language) for language in languages if language in URGENT_LANGUAGES)

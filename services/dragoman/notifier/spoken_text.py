"""Texts of calls that read a message aloud.

    A message waits for you. Urgency: FLASH.
    Read it: channel nato-china
    A message waits for you. Urgency: FLASH.
    Read it: channel nato-china

Whoever is woken by a call may miss its beginning, so it is said twice. Nobody can open
a link in a call: it names the channel, and a test says the digits of its code.
"""

from typing import Final
from xml.sax.saxutils import escape

from msgspec.structs import replace

from dragoman.notifier.delivery import OutgoingItem
from dragoman.notifier.message_text import message_of
from dragoman.stores.endpoints import NotificationEndpoint

_VOICES: Final = {
    "en": 'language="en-US"',
    "fr": 'language="fr-FR"',
    "zh": 'voice="Polly.Zhiyu" language="cmn-CN"',
}
"""The attributes of `Say` for each language, by the service Twilio's documentation."""


def spoken_text(endpoint: NotificationEndpoint, item: OutgoingItem) -> str:
    """Return the text of a call, in the language of its receiver."""
    slow = replace(item, test=", ".join(item.test))
    _, text = message_of(endpoint, slow, "")
    return f"{text}\n{text}"


def twiml(text: str, language: str) -> str:
    """Return a text as a document for Twilio, which is spoken in a language."""
    lines = "<Pause/>".join(
        f"<Say {_VOICES[language]}>{escape(line)}</Say>" for line in text.splitlines()
    )
    return f"<Response>{lines}</Response>"

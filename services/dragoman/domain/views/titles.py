"""The title of an exchange: its opener's subject, or a sentence of its format.

Readers get the sentence in their own language. It is made when it is read. It is in no
state and in no digest, so its wording can change.
"""

from typing import Final

import msgspec
from msgspec import Raw

from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.developments import as_of_record
from dragoman.domain.acts.families.exchange import event_of
from dragoman.domain.acts.families.exchange_content import opening_of
from dragoman.limits import SUBJECT_LENGTH
from dragoman.text import Text
from dragoman_schemas.fields import UNNAMED
from dragoman_schemas.state import Exchange

_DANGERS: Final = frozenset(
    {"hazardous-incident", "danger-area", "terrorism-warning", "emergency-notification"}
)
"""Formats whose kind says what the matter is about."""


def danger(act: str, kind: str) -> str:
    """Return the kind of danger that heads a matter.

    Empty for other formats, and for a kind that names nothing.
    """
    return kind if act in _DANGERS and kind not in UNNAMED else ""


def title_of(exchange: Exchange, position: int = 0) -> Text | None:
    """Return the sentence that replaces a subject; None where there is a subject.

    With a position, return the sentence after the record there. So a past row has the
    name that its matter had then.
    """
    if position:
        exchange = as_of_record(exchange, position)
    return (
        None
        if "subject" in exchange.content
        else FORMATS[exchange.act].title(opening_of(exchange, event_of(exchange)))
    )


def subject_of(exchange: Exchange, position: int = 0) -> Raw:
    """Return the opener's subject, or the English sentence in its place.

    With a position, return the one after the record there. The sentence has at most
    120 characters.
    """
    if position:
        exchange = as_of_record(exchange, position)
    title = title_of(exchange)
    return (
        exchange.content["subject"]
        if title is None
        else Raw(msgspec.json.encode(str(title)[:SUBJECT_LENGTH]))
    )

"""The name of an exchange: its opener's subject, or else a sentence of its format, which every reader gets in their own language.

The sentence is made when it is read. It is in no state and in no digest, so its wording
can change.
"""

import msgspec
from msgspec import Raw

from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.families.exchange import event_of
from dragoman.domain.acts.families.exchange_content import opening_of
from dragoman.limits import SUBJECT_LENGTH
from dragoman.text import Text
from dragoman_schemas.state import Exchange


def title_of(exchange: Exchange) -> Text | None:
    """Return the sentence that stands for a subject; None where the opener gave a subject."""
    return (
        None
        if "subject" in exchange.content
        else FORMATS[exchange.act].title(opening_of(exchange, event_of(exchange)))
    )


def subject_of(exchange: Exchange) -> Raw:
    """Return the subject that the opener gave, or the sentence that stands for one in English, of at most 120 characters."""
    title = title_of(exchange)
    return (
        exchange.content["subject"]
        if title is None
        else Raw(msgspec.json.encode(str(title)[:SUBJECT_LENGTH]))
    )

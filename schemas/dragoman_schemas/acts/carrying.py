"""The acts that carry any exchange on (message catalogue §3)."""

from typing import Annotated

from msgspec import UNSET, Meta, Raw, UnsetType

from dragoman_schemas.fields import Shape, Text, Timestamp, Words
from dragoman_schemas.frame import Answering, Continuing


class Answer(Shape, frozen=True, kw_only=True):
    """The answer to one numbered question."""

    q: Annotated[int, Meta(ge=1, le=200)]
    text: Words


class Acknowledgement(Answering, frozen=True, kw_only=True, tag="acknowledgement"):
    """A duty officer has the message. Nothing is said about its content."""


class Reply(Answering, frozen=True, kw_only=True, tag="reply"):
    """A substantive answer, by question number where questions were numbered."""

    answers: Annotated[tuple[Answer, ...], Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    final: bool | UnsetType = UNSET


class InterimReply(Answering, frozen=True, kw_only=True, tag="interim-reply"):
    """A holding answer: when the next word will come. It stops no clock."""

    next_word_by: Timestamp


class Correction(Continuing, frozen=True, kw_only=True, tag="correction"):
    """Named fields of the opening, replaced. The original stays visible."""

    fields: Annotated[dict[str, Raw], Meta(min_length=1, max_length=40)]
    reason: Text


class Cancellation(Continuing, frozen=True, kw_only=True, tag="cancellation"):
    """The originator takes the message back."""

    reason: Text


class Decline(Answering, frozen=True, kw_only=True, tag="decline"):
    """An addressed side says no; it need not say why."""

    reason: Text | UnsetType = UNSET


class Closure(Continuing, frozen=True, kw_only=True, tag="closure"):
    """The matter is done: by the originator, or by every side."""

    reason: Text | UnsetType = UNSET

"""`joint-report`: a text that the sides negotiate by paragraphs, with any dissent."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Answering, SignedText
from dragoman_schemas.fields import Authentic, Line, Words


class JointReport(SignedText, frozen=True, kw_only=True, tag="joint-report"):
    """A joint report: its title and its paragraphs, numbered from 1.

    `authentic` names the languages that are equally authentic. Every paragraph is in
    each of them, and a consent is to all of them at once.
    """

    title: Line
    paragraphs: Annotated[tuple[Words, ...], Meta(min_length=1, max_length=500)]
    authentic: Authentic | UnsetType = UNSET


class Dissent(Answering, frozen=True, kw_only=True, tag="dissent"):
    """One side's dissent from a paragraph, with its reasons."""

    paragraph: Annotated[int, Meta(ge=1, le=500)]
    text: Words

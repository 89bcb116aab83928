"""`reference-document`: a document that the sides speak about.

It is, for example, a declaration, a concept or an article.
"""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import SignedText
from dragoman_schemas.fields import Date, Hex32, Line, Words


class ReferenceDocument(SignedText, frozen=True, kw_only=True, tag="reference-document"):
    """A document: its issuer, title and day, and the passages that are meant.

    It has its digest, or the place where it was published, or both. Nobody is asked to
    sign it unless it names `signatories`.
    """

    issuer: Line
    title: Line
    date: Date
    passages: Annotated[tuple[Words, ...], Meta(min_length=1, max_length=100)]
    sha256: Hex32 | UnsetType = UNSET
    published: Line | UnsetType = UNSET

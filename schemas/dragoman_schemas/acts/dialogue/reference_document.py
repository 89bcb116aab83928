"""`reference-document`: a declaration, a concept or an article that the sides speak about."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import OpeningAct
from dragoman_schemas.fields import Date, Hex32, Line, Words


class ReferenceDocument(OpeningAct, frozen=True, kw_only=True, tag="reference-document"):
    """Who issued it, its title and day, the passages meant, and its digest or where it was published."""

    issuer: Line
    title: Line
    date: Date
    passages: Annotated[tuple[Words, ...], Meta(min_length=1, max_length=100)]
    sha256: Hex32 | UnsetType = UNSET
    published: Line | UnsetType = UNSET

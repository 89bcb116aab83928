"""`transmittal`: what a Track-2 group hands over to the officials, with its proofs."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Answering, Area, OpeningAct
from dragoman_schemas.fields import Attachment, Hex32, Id, Line, Shape, Titles, Words, of_kind


class HandedRecommendation(Shape, frozen=True, kw_only=True):
    """A recommendation as it was handed over, and its record in the Track-2 channel."""

    text: Words
    area: Area | UnsetType = UNSET
    record: Id | UnsetType = UNSET


class BundleSource(Shape, frozen=True, kw_only=True):
    """The release of a Track-2 channel to which the bundle belongs.

    `cid` identifies the channel. `release` and `terms` identify the text to which every
    group there consented.
    """

    cid: Hex32
    release: Id
    terms: Hex32


class Transmittal(OpeningAct, frozen=True, kw_only=True, tag="transmittal"):
    """A group's recommendations, handed over with a bundle of records and proofs.

    They are attributed to the `group` and to no speaker. `bundle` is the file, by its
    digest. Where it comes from a Track-2 channel, `source` says from which release. The
    recommendations are numbered from 1.
    """

    title: Titles
    group: Line
    bundle: Attachment
    source: BundleSource | UnsetType = UNSET
    recommendations: Annotated[tuple[HandedRecommendation, ...], Meta(min_length=1, max_length=50)]


class RecommendationAnswer(Answering, frozen=True, kw_only=True, tag="recommendation-answer"):
    """One side's answer to one recommendation, by its number.

    `taken_up_as` says as what it was taken up, for example a number or a programme.
    """

    q: Annotated[int, Meta(ge=1, le=50), of_kind("handed")]
    answer: Literal["noted", "taken_up", "declined"]
    taken_up_as: Line | UnsetType = UNSET

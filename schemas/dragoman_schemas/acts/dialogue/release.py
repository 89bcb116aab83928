"""`release` and `public-line`: records and words that the sides make public.

A `release` is of records, at a time that all sides agreed to. A `public-line` is words
for the public.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Answering, OpeningAct, SignedText
from dragoman_schemas.fields import FUTURE, Hex32, Id, Reference, Shape, Timestamp, Titles, Words

MemberName = Annotated[str, Meta(min_length=1, max_length=63)]


class ReleasedRecord(Shape, frozen=True, kw_only=True):
    """One record that is made public: its id, its exchange, and its commitment.

    Where members of its act are left out (`without`), `extract` is the SHA-256 of the
    act's bytes without them.
    """

    record: Id
    exchange: Id
    commit: Hex32
    without: Annotated[tuple[MemberName, ...], Meta(min_length=1, max_length=60)] | UnsetType = (
        UNSET
    )
    extract: Hex32 | UnsetType = UNSET


class Release(OpeningAct, frozen=True, kw_only=True, tag="release"):
    """Records that are made public at `publish_at`, exactly these and no others.

    They have this title and the `text` of the frame. Every side of the channel must
    consent to the release by its digest, or nothing is published. For the audience
    `members` the bundle is not public: any member may take it, and hand it over. Its
    records are then extracts, which name no speaker.
    """

    title: Titles
    records: Annotated[tuple[ReleasedRecord, ...], Meta(min_length=1, max_length=200)]
    publish_at: Annotated[Timestamp, FUTURE]
    audience: Literal["public", "members"] | UnsetType = UNSET


class ReleaseConsent(Answering, frozen=True, kw_only=True, tag="release-consent"):
    """One side's consent to a release, in exactly these terms.

    `terms` is the digest of the text that its officers have seen.
    """

    terms: Hex32


class PublicLine(SignedText, frozen=True, kw_only=True, tag="public-line"):
    """Words that this side will say to the public about a matter, not before a time.

    The side says them by itself, or only if it is asked. The other sides agree to the
    words, or answer before they are said. `matter` is the exchange that they are about,
    by its number or id.
    """

    line: Words
    use: Literal["active", "if_asked"]
    not_before: Annotated[Timestamp, FUTURE]
    matter: Reference | UnsetType = UNSET

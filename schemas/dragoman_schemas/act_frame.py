"""The frame of every act: the members that any opening or continuing act may have.

See `docs/spec/catalogue.md`, section 4. Only `act` and a format's own required fields
must be posted. Defaults are never written into an act. The fold fills them in, by rules
that are frozen with the act's version.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from dragoman_schemas.fields import (
    Attachment,
    Base64Of32,
    Hex32,
    Id,
    Language,
    Line,
    Message,
    Officer,
    PassedBy,
    Phrase,
    Provision,
    Reference,
    Remarks,
    Shape,
    Side,
    Timestamp,
    Titles,
    Words,
)

Precedence = Literal["flash", "immediate", "priority", "routine"]
Area = Literal[
    "maritime-security",
    "climate-change",
    "regional-security",
    "military-transparency-and-risk-reduction",
    "counter-terrorism",
    "general",
]
Attachments = Annotated[tuple[Attachment, ...], Meta(min_length=1, max_length=20)]
Phrases = Annotated[tuple[Phrase, ...], Meta(min_length=1, max_length=20)]
"""Agreed phrases by their keys in the codebook.

Readers see them in their own language.
"""

Sides = Annotated[tuple[Side, ...], Meta(min_length=1, max_length=64)]


class Seen(Shape, frozen=True, kw_only=True):
    """The head that the author's client had verified.

    It is a tree size in leaves, and the root at that size.
    """

    size: Annotated[int, Meta(ge=1)]
    root: Base64Of32


class Signed(Shape, frozen=True, kw_only=True):
    """The members that an author's signature binds the act to.

    See `docs/spec/record.md`, section 12.
    """

    channel: Hex32
    type: Annotated[str, Meta(max_length=90)]
    exchange: Annotated[str, Meta(max_length=36)]
    id: Id
    author: Annotated[str, Meta(max_length=127)]
    after: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$(?!\n)")]
    seen: Seen


class Act(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="act", gc=False):
    """One act of an officer or a service."""

    signed: Signed | UnsetType = UNSET


class OpeningAct(Act, frozen=True, kw_only=True):
    """An act that opens an exchange.

    `marking` is the marking of this message; by default it is that of the channel.
    """

    to: Sides | UnsetType = UNSET
    info: Sides | UnsetType = UNSET
    on_behalf_of: Sides | UnsetType = UNSET
    precedence: Precedence | UnsetType = UNSET
    subject: Titles | UnsetType = UNSET
    text: Words | UnsetType = UNSET
    original: Language | UnsetType = UNSET
    dtg: Timestamp | UnsetType = UNSET
    basis: Provision | Literal["goodwill"] | UnsetType = UNSET
    references: Annotated[tuple[Reference, ...], Meta(max_length=50)] | UnsetType = UNSET
    area: Area | UnsetType = UNSET
    capacity: Literal["official", "personal", "group"] | UnsetType = UNSET
    attribution: Literal["attributable", "chatham_house", "non_paper"] | UnsetType = UNSET
    releasability: Literal["sides_only", "auditors", "joint_release"] | UnsetType = UNSET
    without_prejudice: bool | UnsetType = UNSET
    for_the_record: bool | UnsetType = UNSET
    attachments: Attachments | UnsetType = UNSET
    acting_for: Officer | UnsetType = UNSET
    passed_by: PassedBy | UnsetType = UNSET
    phrases: Phrases | UnsetType = UNSET
    marking: Line | UnsetType = UNSET
    remarks: Remarks | UnsetType = UNSET


class SignedText(OpeningAct, frozen=True, kw_only=True):
    """An opening with a text that sides stand behind together.

    `signatories` are the sides that must consent to it. By default they are the opener
    and every action addressee. The other addressees are its recipients: they owe a
    receipt, and nothing else.
    """

    signatories: Sides | UnsetType = UNSET


class Continuing(Act, frozen=True, kw_only=True):
    """An act that carries an exchange on.

    `marking` is that of this message; by default it is that of the channel.
    """

    text: Words | UnsetType = UNSET
    dtg: Timestamp | UnsetType = UNSET
    attachments: Attachments | UnsetType = UNSET
    acting_for: Officer | UnsetType = UNSET
    passed_by: PassedBy | UnsetType = UNSET
    for_the_record: bool | UnsetType = UNSET
    phrases: Phrases | UnsetType = UNSET
    marking: Line | UnsetType = UNSET
    remarks: Remarks | UnsetType = UNSET


class Answering(Continuing, frozen=True, kw_only=True):
    """An act that answers a message.

    `of` is the message's id. By default it is the newest message to the answering side.
    """

    of: Message | UnsetType = UNSET

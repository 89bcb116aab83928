"""The acts that carry any exchange on (message catalogue §3)."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, UnsetType

from dragoman_schemas.act_frame import Answering, Continuing
from dragoman_schemas.fields import (
    About,
    Hex32,
    Id,
    Language,
    Line,
    Name,
    Shape,
    Text,
    Timestamp,
    TimestampOrUnknown,
    Unknown,
    Where,
    Words,
)


class Answer(Shape, frozen=True, kw_only=True):
    """The answer to one numbered question."""

    q: Annotated[int, Meta(ge=1, le=200)]
    text: Words


class Acknowledgement(Answering, frozen=True, kw_only=True, tag="acknowledgement"):
    """A duty officer has the message. Nothing is said about its content."""


class Reply(Answering, frozen=True, kw_only=True, tag="reply"):
    """A substantive answer, by question number where questions were numbered; one that says it is not `final` leaves the question open.

    Of an unusual activity it may also say the aims, the exact place, the end, the
    formations and the equipment.
    """

    answers: Annotated[tuple[Answer, ...], Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    final: bool | UnsetType = UNSET
    aims: Words | UnsetType = UNSET
    place: Where | UnsetType = UNSET
    ends: TimestampOrUnknown | About | UnsetType = UNSET
    formations: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    equipment: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=100)] | UnsetType = UNSET


class InterimReply(Answering, frozen=True, kw_only=True, tag="interim-reply"):
    """A holding answer: when the next word will come. It stops no clock."""

    next_word_by: Timestamp


class Correction(Continuing, frozen=True, kw_only=True, tag="correction"):
    """Named fields of the opening that were wrong, replaced. The original stays visible. What has changed since is an update."""

    fields: Annotated[dict[str, Raw], Meta(min_length=1, max_length=40)]
    reason: Text


class Update(Continuing, frozen=True, kw_only=True, tag="update"):
    """How things stand: in words, or as named fields of the opening `as_of` a time, the message's own where none is given.

    Nothing that was said before becomes wrong by it: the values of a field are a
    series. A value as of an earlier time than the newest takes its place in the series,
    and the newest stands.
    """

    fields: Annotated[dict[str, Raw], Meta(min_length=1, max_length=40)] | UnsetType = UNSET
    as_of: Timestamp | UnsetType = UNSET
    next_update: Timestamp | UnsetType = UNSET


class Cancellation(Continuing, frozen=True, kw_only=True, tag="cancellation"):
    """The originator takes the message back."""

    reason: Text


class Decline(Answering, frozen=True, kw_only=True, tag="decline"):
    """An addressed side says no; it need not say why."""

    reason: Text | UnsetType = UNSET


class Closure(Continuing, frozen=True, kw_only=True, tag="closure"):
    """The matter is done: by the originator, or by every side."""

    reason: Text | UnsetType = UNSET


class ClarificationRequest(Answering, frozen=True, kw_only=True, tag="clarification-request"):
    """Follow-up questions to what was said, numbered from 1."""

    questions: Annotated[tuple[Words, ...], Meta(min_length=1, max_length=50)]


class Assessment(Continuing, frozen=True, kw_only=True, tag="assessment"):
    """What the side that asked thinks of the answer; or that there was none."""

    result: Literal["satisfied", "insufficient", "no_answer"]


class NonAttendance(Continuing, frozen=True, kw_only=True, tag="non-attendance"):
    """A side was not there. A fact with a time, and no more."""

    side: Name


class Translation(Continuing, frozen=True, kw_only=True, tag="translation"):
    """A courtesy translation of a message; `of` is that message's id, by default the opening."""

    language: Language
    text: Text
    of: Id | UnsetType = UNSET


class TranslationAgreement(Continuing, frozen=True, kw_only=True, tag="translation-agreement"):
    """The other side agrees that a translation is as good as the original; `of` is the translation's id.

    `terms` is the digest of the original and the translation that its officer has seen.
    """

    of: Id
    terms: Hex32


class TranslationDispute(Continuing, frozen=True, kw_only=True, tag="translation-dispute"):
    """The other side reads the original otherwise, and says how; `of` is the translation's id."""

    of: Id
    reason: Text


class RepeatRequest(Continuing, frozen=True, kw_only=True, tag="repeat-request"):
    """Please send again: it came unreadable, or a number is missing."""

    reason: Text | UnsetType = UNSET


class Amendment(Continuing, frozen=True, kw_only=True, tag="amendment"):
    """Another text, proposed once a side stands behind the one that there is: named fields of the opening, and why.

    The others take it or leave it, and until all have taken it the old text stands.
    `terms` is the digest of the text as it would be.
    """

    fields: Annotated[dict[str, Raw], Meta(min_length=1, max_length=40)]
    reason: Text
    terms: Hex32


class AmendmentAgreement(Answering, frozen=True, kw_only=True, tag="amendment-agreement"):
    """This side takes an amendment; `of` is its id, `terms` the digest of the text as it would be."""

    of: Id
    terms: Hex32


class AmendmentRefusal(Answering, frozen=True, kw_only=True, tag="amendment-refusal"):
    """This side leaves an amendment, and the old text stands; `of` is its id."""

    of: Id
    reason: Text | UnsetType = UNSET


class Alternative(Answering, frozen=True, kw_only=True, tag="alternative"):
    """Other words of this side for a part of the text, which stand in brackets beside it until the side takes them back or consents.

    `field` is the member of the opening, `item` the paragraph of it, counted from 1.
    Without `text` the side lifts its brackets there.
    """

    field: Line
    item: Annotated[int, Meta(ge=1, le=500)] | UnsetType = UNSET


class ConsentWithdrawal(Continuing, frozen=True, kw_only=True, tag="consent-withdrawal"):
    """This side takes back an act of consent, or its amendment, as long as not every side has consented; `of` is that act's id."""

    of: Id
    reason: Text | UnsetType = UNSET


class Lesson(Continuing, frozen=True, kw_only=True, tag="lesson"):
    """What should be done better next time."""

    text: Words


class SecondKey(Continuing, frozen=True, kw_only=True, tag="second-key"):
    """A second officer stands behind the record that a colleague sent alone; `of` is that record's id."""

    of: Id


class CallAttemptV1(Continuing, frozen=True, kw_only=True, tag="call-attempt"):
    """Version 1, which did not say whose post was tried."""

    post: Line
    means: Literal["telephone", "radio", "e-mail", "in_person", "other"]
    outcome: Literal["reached", "no_answer", "busy", "line_dead"]
    at: Timestamp | UnsetType = UNSET


class CallAttempt(Continuing, frozen=True, kw_only=True, tag="call-attempt"):
    """Somebody on the next-call list was tried, or a point of contact tested: whose post, by what means, and what came of it."""

    side: Name | Unknown
    post: Line
    means: Literal["telephone", "radio", "e-mail", "page", "video", "in_person", "other"]
    outcome: Literal["reached", "no_answer", "busy", "line_dead"]
    at: Timestamp | UnsetType = UNSET


class Agreement(Answering, frozen=True, kw_only=True, tag="agreement"):
    """This side agrees to what was proposed, in exactly these terms: the digest of the text that its officer has seen.

    Said `ad_referendum`, it is subject to the side's capital, and does not count until
    the side agrees without that.
    """

    terms: Hex32
    ad_referendum: bool | UnsetType = UNSET


class StatusChange(Continuing, frozen=True, kw_only=True, tag="status-change"):
    """Where the matter stands now, in the words of its format."""

    status: Literal[
        "open",
        "closed",
        "running",
        "completed",
        "scheduled",
        "held",
        "deliverable_tabled",
        "adopted",
        "deferred",
        "dropped",
        "stated",
        "parked",
    ]


class Endorsement(Answering, frozen=True, kw_only=True, tag="endorsement"):
    """This side stands behind the text: of a recommendation, or of a joint report's paragraph, counted from 1, or of all of them.

    `terms` is the digest of the whole text that its officer has seen. Said
    `ad_referendum`, it is subject to the side's capital, and does not count until the
    side endorses without that.
    """

    terms: Hex32
    ad_referendum: bool | UnsetType = UNSET
    paragraph: Annotated[int, Meta(ge=1, le=500)] | UnsetType = UNSET


class Reaction(Answering, frozen=True, kw_only=True, tag="reaction"):
    """What a side says to a document."""

    text: Words

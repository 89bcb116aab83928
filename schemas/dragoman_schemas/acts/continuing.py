"""The acts that carry any exchange on (`docs/spec/catalogue.md`, section 5.4)."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, UnsetType

from dragoman_schemas.act_frame import Answering, Continuing
from dragoman_schemas.fields import (
    FUTURE,
    About,
    Hex32,
    Language,
    Line,
    Message,
    Shape,
    Side,
    Text,
    Timestamp,
    TimestampOrUnknown,
    Titles,
    Unknown,
    Where,
    Words,
    of_kind,
    with_facts,
    words_of,
)


class Answer(Shape, frozen=True, kw_only=True):
    """The answer to one numbered question."""

    q: Annotated[int, Meta(ge=1, le=200)]
    text: Words


class Acknowledgement(Answering, frozen=True, kw_only=True, tag="acknowledgement"):
    """A duty officer has the message.

    An acknowledgement says nothing about the message's content.
    """


class Reply(Answering, frozen=True, kw_only=True, tag="reply"):
    """A substantive answer, by question number where the questions have numbers.

    A reply that says it is not `final` leaves the question open. A reply about an
    unusual activity may also give the aims, the exact place, the end, the formations
    and the equipment.
    """

    answers: Annotated[tuple[Answer, ...], Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    final: bool | UnsetType = UNSET
    aims: Words | UnsetType = UNSET
    place: Where | UnsetType = UNSET
    ends: Annotated[TimestampOrUnknown | About, FUTURE] | UnsetType = UNSET
    formations: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    equipment: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=100)] | UnsetType = UNSET


class InterimReply(Answering, frozen=True, kw_only=True, tag="interim-reply"):
    """A holding answer: when the next word will come. It does not stop a deadline."""

    next_word_by: Annotated[Timestamp, FUTURE]


class Correction(Continuing, frozen=True, kw_only=True, tag="correction"):
    """Correct values for named fields of the opening that were wrong.

    It is for a slip, such as a wrong digit. The original stays visible. A fact that has
    changed since needs an update instead, and a statement that was not so a retraction.
    """

    fields: Annotated[dict[str, Raw], Meta(min_length=1, max_length=40)]
    reason: Words


class Retraction(Continuing, frozen=True, kw_only=True, tag="retraction"):
    """The side takes back what it itself stated, and says what was so instead.

    `of` is the message in which it stated it, by default its newest one with these
    fields: its opening, account, reply or final report. `fields` have the new values,
    or `unknown`. `known_since` is the time since when the side has known it. What was
    stated before stays visible.
    """

    of: Message | UnsetType = UNSET
    fields: Annotated[dict[str, Raw], Meta(min_length=1, max_length=40)]
    reason: Words
    known_since: TimestampOrUnknown | UnsetType = UNSET


class Update(Continuing, frozen=True, kw_only=True, tag="update"):
    """The present situation, in words or as named fields of the opening.

    The fields are `as_of` a time. Without it the message's own time is meant. An update
    does not make earlier values wrong: the values of a field are a series. A value as
    of an earlier time than the newest takes its place in the series, and the newest
    stays current.
    """

    fields: Annotated[dict[str, Raw], Meta(min_length=1, max_length=40)] | UnsetType = UNSET
    as_of: Timestamp | UnsetType = UNSET
    next_update: Annotated[Timestamp, FUTURE] | UnsetType = UNSET


class Cancellation(Continuing, frozen=True, kw_only=True, tag="cancellation"):
    """The originator takes the message back."""

    reason: Words


class Decline(Answering, frozen=True, kw_only=True, tag="decline"):
    """An addressed side says no; it need not say why."""

    reason: Words | UnsetType = UNSET


class Closure(Continuing, frozen=True, kw_only=True, tag="closure"):
    """A side has nothing more to say, and closes the matter for itself."""

    reason: Words | UnsetType = UNSET


class ClarificationRequest(Answering, frozen=True, kw_only=True, tag="clarification-request"):
    """Follow-up questions to what was said, numbered from 1."""

    questions: Annotated[tuple[Words, ...], Meta(min_length=1, max_length=50)]


class Assessment(Continuing, frozen=True, kw_only=True, tag="assessment"):
    """The view of the side that asked on the answer, or that there was none."""

    result: Literal["satisfied", "insufficient", "no_answer"]


class NonAttendance(Continuing, frozen=True, kw_only=True, tag="non-attendance"):
    """A side was not there. It is a fact with a time, and no more."""

    side: Side


class Translation(Continuing, frozen=True, kw_only=True, tag="translation"):
    """A courtesy translation of a message.

    `of` is that message's id, by default the opening.
    """

    language: Language
    text: Text
    of: Message | UnsetType = UNSET


class TranslationAgreement(Continuing, frozen=True, kw_only=True, tag="translation-agreement"):
    """The other side agrees that a translation is as good as the original.

    `of` is the translation's id. `terms` is the digest of the original and the
    translation that its officer has seen.
    """

    of: Message
    terms: Hex32


class TranslationDispute(Continuing, frozen=True, kw_only=True, tag="translation-dispute"):
    """The other side reads the original otherwise, and says how.

    `of` is the translation's id.
    """

    of: Message
    reason: Words


class RepeatRequest(Continuing, frozen=True, kw_only=True, tag="repeat-request"):
    """Please send again: it came unreadable, or a number is missing."""

    reason: Words | UnsetType = UNSET


class Amendment(Continuing, frozen=True, kw_only=True, tag="amendment"):
    """A proposal for another text, once a side has consented to the present one.

    It names fields of the opening, and the reason. The other sides accept or refuse it.
    Until all have accepted it the old text stays in force. `terms` is the digest of the
    text as it would be.
    """

    fields: Annotated[dict[str, Raw], Meta(min_length=1, max_length=40)]
    reason: Words
    terms: Hex32


class AmendmentAgreement(Answering, frozen=True, kw_only=True, tag="amendment-agreement"):
    """One side's acceptance of an amendment.

    `of` is its id, `terms` the digest of the text as it would be.
    """

    of: Message
    terms: Hex32


class AmendmentRefusal(Answering, frozen=True, kw_only=True, tag="amendment-refusal"):
    """One side's refusal of an amendment: the old text stays in force.

    `of` is the amendment's id.
    """

    of: Message
    reason: Words | UnsetType = UNSET


class Alternative(Answering, frozen=True, kw_only=True, tag="alternative"):
    """Other words of this side for a part of the text, in brackets beside it.

    They stay until the side takes them back or consents. `field` is the member of the
    opening, `item` the paragraph of it, counted from 1. Without `text` the side lifts
    its brackets there.
    """

    field: Annotated[Line, of_kind("part")]
    item: Annotated[int, Meta(ge=1, le=500), of_kind("other")] | UnsetType = UNSET


class ConsentWithdrawal(Continuing, frozen=True, kw_only=True, tag="consent-withdrawal"):
    """A withdrawal of the side's own act of consent, amendment or dissent.

    It is possible until every side has consented. `of` is that act's id.
    """

    of: Message
    reason: Words | UnsetType = UNSET


class Lesson(Continuing, frozen=True, kw_only=True, tag="lesson"):
    """A lesson: what should be done better next time."""

    text: Words


class SecondKey(Continuing, frozen=True, kw_only=True, tag="second-key"):
    """A second officer confirms the record that a colleague sent alone.

    `of` is that record's id.
    """

    of: Message


class CallAttemptV1(Continuing, frozen=True, kw_only=True, tag="call-attempt"):
    """An attempt to call, in version 1, which did not name the side of the post."""

    post: Line
    means: Literal["telephone", "radio", "e-mail", "in_person", "other"]
    outcome: Literal["reached", "no_answer", "busy", "line_dead"]
    at: Timestamp | UnsetType = UNSET


class CallAttempt(Continuing, frozen=True, kw_only=True, tag="call-attempt"):
    """An attempt to reach a post of the next-call list, or to test a point of contact.

    It has the side and the post, the means, and the outcome.
    """

    side: Side | Unknown
    post: Line
    means: Literal["telephone", "radio", "e-mail", "page", "video", "in_person", "other"]
    outcome: Literal["reached", "no_answer", "busy", "line_dead"]
    means_text: Annotated[Titles, words_of("means")] | UnsetType = UNSET
    at: Timestamp | UnsetType = UNSET


class Agreement(Answering, frozen=True, kw_only=True, tag="agreement"):
    """One side's agreement to a proposal, in exactly these terms.

    `terms` is the digest of the text that its officer has seen. With `ad_referendum`
    the agreement is subject to the side's capital. It does not count until the side
    agrees without that.
    """

    terms: Hex32
    ad_referendum: bool | UnsetType = UNSET


class StatusChange(Continuing, frozen=True, kw_only=True, tag="status-change"):
    """The present status of the matter, in the words of its format.

    A deliverable is tabled with its draft: a text, files, or both.
    """

    status: Annotated[
        Literal[
            "open",
            "closed",
            "running",
            "completed",
            "scheduled",
            "held",
            "deliverable_tabled",
            "deferred",
            "dropped",
            "stated",
            "parked",
        ],
        with_facts(context="status"),
    ]


class Adoption(Continuing, frozen=True, kw_only=True, tag="adoption"):
    """One side's adoption of the draft that was tabled last, in exactly these terms.

    `terms` is the digest of the draft that its officer has seen.
    """

    terms: Hex32


class Endorsement(Answering, frozen=True, kw_only=True, tag="endorsement"):
    """One side's endorsement of a recommendation, or of paragraphs of a joint report.

    `paragraph` is counted from 1; without it the endorsement is of the whole text.
    `terms` is the digest of the whole text that its officer has seen. With
    `ad_referendum` it is subject to the side's capital. It does not count until the
    side endorses without that.
    """

    terms: Hex32
    ad_referendum: bool | UnsetType = UNSET
    paragraph: Annotated[int, Meta(ge=1, le=500)] | UnsetType = UNSET


class Reaction(Answering, frozen=True, kw_only=True, tag="reaction"):
    """A side's reaction to a document."""

    text: Words

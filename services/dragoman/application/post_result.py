"""The result of a post: the answer that its record gives once the fold has judged it.

`result_at` waits until a position is folded, and returns the answer to the post at it.
It serves the first answer to a post, the same answer to a repeated post, and answers to
posts of long ago.
"""

from msgspec import UNSET, Struct

from dragoman.domain.acts import two_keys
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import Who
from dragoman.domain.decide import Submission
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, Refused, refuse
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.text import Text, sentence
from dragoman_schemas.responses import Recorded


class PostResult(Struct, frozen=True, kw_only=True):
    """The answer to a post; `replayed` means that it had been given before."""

    recorded: Recorded
    replayed: bool


def unknown_outcome(error: object) -> Text:
    """Return the message for a post of which nobody knows whether it was recorded."""
    return sentence(
        "It may or may not be recorded: %(error)s. Send it again with the same Idempotency-Key; "
        "it cannot be recorded twice.",
        error=error,
    )


async def wait_until_folded(
    projection: Projection, position: int, *, is_other_post: bool = False
) -> None:
    """Wait until a position is folded.

    `is_other_post` says that another post's record is at the position. Raises
    `Refused`: nothing was recorded if so, and otherwise the outcome is unknown.
    """
    try:
        await projection.reached(position)
    except NotYetApplied as error:
        if is_other_post:
            raise refuse(
                "unavailable",
                "Nothing was recorded: %(error)s. Send it again with the same Idempotency-Key; "
                "it cannot be recorded twice.",
                error=error.said,
            ) from None
        raise Refused(Refusal(kind="unknown-outcome", detail=unknown_outcome(error.said))) from None


async def result_at(
    projection: Projection, position: int, submission: Submission | None = None
) -> PostResult:
    """Return the answer to the post whose record is at a position.

    Raises `Refused` if the record is erased or has no effect. If a submission is
    passed, the record must have been made from it; otherwise `Refused` is raised too.
    """
    await wait_until_folded(projection, position)
    row = projection.row(position)
    record: Record | None
    if row is not None:
        fold_result: Folded = row.folded
        if fold_result.record is None:
            raise Refused(
                Refusal(
                    kind="void",
                    detail=sentence(
                        "There is no valid record at position %(position)s.", position=position
                    ),
                    position=position,
                )
            )
        record, number, void = fold_result.record, fold_result.number, fold_result.refusal
    else:
        record, number, void = projection.stored(position)
    if record is None or not record.act:
        raise refuse(
            "erased",
            "The record at position %(position)s was erased with the consent of every side.",
            position=position,
        )
    if submission is not None and not _is_made_from(projection, record, submission):
        raise refuse(
            "key-reused",
            "This Idempotency-Key was used before. Use a new key for something new.",
        )
    if void is not None:
        detail = sentence(
            "The record at position %(position)s has no effect: %(reason)s To try again, use a "
            "new Idempotency-Key.",
            position=position,
            reason=void.detail,
        )
        raise Refused(Refusal(kind="void", detail=detail, position=position, allowed=void.allowed))
    exchange = projection.exchange(record.envelope.subject)
    one_key = (
        exchange is not None and two_keys.one_key_entry(exchange, record.envelope.id) is not None
    )
    return PostResult(recorded=_recorded(record, number, position, one_key=one_key), replayed=False)


def _is_made_from(projection: Projection, record: Record, submission: Submission) -> bool:
    """Return whether a record was made from a submission.

    The act of both is the same, or the record's act is the one that the command handler
    completed and signed: for a trial, or at a station for its officers.
    """
    name = str(submission.data.__struct_config__.tag)
    envelope = record.envelope
    subject = (
        envelope.id
        if name in FORMATS
        else envelope.subject
        if RULES[name].family == "channel"
        else submission.exchange
    )
    if (envelope.actor, record.name, envelope.subject) != (submission.actor, name, subject):
        return False
    if record.act == submission.act:
        return True
    is_completed_here = RULES[name].who is Who.KEEPERS or projection.is_copy
    is_completed = is_completed_here and submission.data.signed is UNSET
    return is_completed and record.act.startswith(
        (submission.act[:-1] + b',"signed":', submission.act[:-1] + b',"keys":')
    )


def _recorded(record: Record, number: str, position: int, *, one_key: bool) -> Recorded:
    envelope = record.envelope
    return Recorded(
        channel=envelope.channel,
        position=position,
        id=envelope.id,
        exchange=envelope.subject,
        act=record.name,
        family=envelope.family,
        number=number,
        time=envelope.time,
        commit=record.commit,
        etag=f'"{record.commit}"',
        one_key=one_key,
    )

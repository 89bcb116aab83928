"""Rules of the acts that carry any exchange on, as `RULES`."""

from itertools import takewhile
from typing import Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from dragoman.domain.acts import closing, consent, two_keys
from dragoman.domain.acts.act_rules import Folding, Rule, Who
from dragoman.domain.acts.families import retracting
from dragoman.domain.acts.families.amendments import (
    check_alternative,
    check_amending,
    check_amendment_answer,
    check_terms,
    check_withdrawal,
)
from dragoman.domain.acts.families.exchange import JOINT, is_asker_satisfied, settled_by_all
from dragoman.domain.acts.families.replies import (
    check_absent,
    check_attempt,
    check_interim,
    check_reply,
    check_translation,
    check_update,
    mark_absent,
)
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import sentence
from dragoman_schemas.acts import continuing
from dragoman_schemas.state import (
    Exchange,
    Registry,
    Said,
    StateCancellation,
)


def answered_at_last(exchange: Exchange, status: str) -> str:
    """Return the status that follows a reply, if the reply is final."""
    return (
        exchange.status
        if bytes(exchange.acts["reply"][-1].content.get("final", b"")) == b"false"
        else status
    )


def by_all_addressed(exchange: Exchange, status: str) -> str:
    """Return a status that follows once all action addressees acknowledge it.

    They must have acknowledged the opening.
    """
    return (
        status if exchange.messages[0].acknowledged.keys() >= set(exchange.to) else exchange.status
    )


def _cancel(exchange: Exchange, folding: Folding[continuing.Cancellation]) -> Exchange:
    data = folding.record.data
    return replace(
        exchange,
        cancellation=StateCancellation(
            cancelled=folding.stamp, number=folding.number, reason=data.reason
        ),
    )


def _close(exchange: Exchange, folding: Folding) -> Exchange:
    id, side = folding.record.envelope.id, folding.record.side
    if two_keys.one_key_entry(exchange, id) is not None:
        return exchange
    return closing.with_closure(folding.registry, exchange, side, id, folding.stamp)


def _check_closure(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    """Refuse to close a matter twice, or while another side has an open question.

    A question is open while an addressee has not answered it and the side that asked
    has not said that it is satisfied.
    """
    assert exchange is not None
    if record.side in exchange.closures:
        return invalid(
            "/act",
            sentence(
                "%(side)s has closed it and has said nothing since; nothing more is needed",
                side=record.side,
            ),
        )
    for message in exchange.messages:
        by = message.said.side
        if (
            message.act in _ASKING
            and by != record.side
            and set(message.to) - message.answered.keys()
            and not is_asker_satisfied(exchange)
        ):
            return invalid(
                "/act",
                sentence(
                    "%(side)s has asked a question that is not answered yet; answer it first",
                    side=by,
                ),
            )
    return None


_ASKING: Final = frozenset({"clarification-request", "explanation-request", "ict-inquiry"})


def _decline(exchange: Exchange, folding: Folding) -> Exchange:
    meeting = exchange.meeting
    if meeting is None:
        return exchange
    return replace(
        exchange,
        meeting=replace(meeting, declined={**meeting.declined, folding.record.side: folding.stamp}),
    )


def changed_status(exchange: Exchange, status: str) -> str:
    """Return the status of the newest `status-change`.

    A joint step counts only once every side has said it, one after the other.
    """
    assert status == exchange.status
    step = said_status(exchange.acts["status-change"][-1])
    return (
        step
        if step not in JOINT or consent.parties(exchange) <= confirming(exchange)
        else exchange.status
    )


def _check_step(
    registry: Registry, exchange: Exchange | None, record: Record[continuing.StatusChange]
) -> Refusal | None:
    """Refuse to table a deliverable without a draft, or for a side without a part."""
    data = record.data
    assert exchange is not None
    if data.status != "deliverable_tabled":
        return None
    if data.text is data.attachments is UNSET:
        return invalid(
            "/text", sentence("this tables a draft; give its text, or attach it as a file")
        )
    owners = consent.parties(exchange) | consent.owners(exchange)
    if record.side in owners:
        return None
    return invalid(
        "/act",
        sentence(
            "%(side)s does not own this item; its owners are %(sides)s",
            side=record.side,
            sides=", ".join(sorted(owners)),
        ),
    )


def said_status(change: Said) -> str:
    """Return the status in a `status-change`."""
    return str(msgspec.json.decode(change.content["status"]))


def confirming(exchange: Exchange) -> set[str]:
    """Return the sides that have said the status of the newest `status-change`.

    Only the acts since that status was first said count. A `status-change` to another
    status in between starts it anew.
    """
    changes = exchange.acts.get("status-change", ())
    newest = takewhile(
        lambda change: said_status(change) == said_status(changes[-1]), reversed(changes)
    )
    return {change.said.side for change in newest}


def _check_translated(
    registry: Registry,
    exchange: Exchange | None,
    record: Record[continuing.TranslationAgreement | continuing.TranslationDispute],
) -> Refusal | None:
    data = record.data
    assert exchange is not None
    for translation in exchange.acts.get("translation", ()):
        if translation.id == data.of:
            if translation.said.by.partition("/")[0] == record.side:
                return invalid(
                    "/of",
                    sentence(
                        "this is your own translation; the other side agrees to it or disputes it"
                    ),
                )
            return (
                check_terms(registry, exchange, record)
                if isinstance(data, continuing.TranslationAgreement)
                else None
            )
    return invalid(
        "/of",
        sentence("%(id)s is not a translation in this exchange; name the id of one", id=data.of),
    )


def _check_second_key(
    registry: Registry, exchange: Exchange | None, record: Record[continuing.SecondKey]
) -> Refusal | None:
    data = record.data
    assert exchange is not None
    sent = next(
        (
            one_key.sent
            for one_key in two_keys.due(exchange)
            if one_key.id == data.of and one_key.sent.side == record.side
        ),
        None,
    )
    if sent is None:
        return invalid(
            "/of",
            sentence(
                "no confirmation by a second officer of your side is due for %(id)s", id=data.of
            ),
        )
    if sent.by == record.envelope.actor:
        return invalid(
            "/of", sentence("another officer must confirm it as second officer; ask a colleague")
        )
    return None


def _turn(exchange: Exchange, folding: Folding[continuing.SecondKey]) -> Exchange:
    """Turn a second key. A closure counts from this time."""
    id = folding.record.data.of
    turned = two_keys.with_second_key_turned(exchange, id, folding.stamp)
    entry = two_keys.one_key_entry(turned, id)
    if entry is None or entry.act != "closure":
        return turned
    return closing.with_closure(folding.registry, turned, entry.sent.side, id, folding.stamp)


RULES: Final = (
    Rule(
        act="acknowledgement",
        shape=continuing.Acknowledgement,
        who=Who.ADDRESSED,
        acknowledges=True,
        settle=by_all_addressed,
    ),
    Rule(
        act="reply",
        version=2,
        shape=continuing.Reply,
        who=Who.ADDRESSED,
        acknowledges=True,
        answers=True,
        message=True,
        kept=True,
        check=check_reply,
        settle=answered_at_last,
    ),
    Rule(
        act="interim-reply",
        version=2,
        shape=continuing.InterimReply,
        who=Who.ADDRESSED,
        acknowledges=True,
        message=True,
        kept=True,
        check=check_interim,
    ),
    Rule(
        act="clarification-request",
        version=2,
        shape=continuing.ClarificationRequest,
        who=Who.ADDRESSED,
        acknowledges=True,
        message=True,
        kept=True,
    ),
    Rule(
        act="assessment",
        shape=continuing.Assessment,
        who=Who.OPENER,
        consenting=True,
        acknowledges=True,
        message=True,
        kept=True,
    ),
    Rule(
        act="update",
        shape=continuing.Update,
        who=Who.OPENER,
        message=True,
        kept=True,
        check=check_update,
    ),
    Rule(
        act="decline",
        version=2,
        shape=continuing.Decline,
        who=Who.ADDRESSEE,
        acknowledges=True,
        answers=True,
        message=True,
        kept=True,
        evolve=_decline,
        settle=settled_by_all,
    ),
    Rule(
        act="correction",
        shape=continuing.Correction,
        who=Who.OPENER,
        consenting=True,
        message=True,
        numbered="C",
    ),
    Rule(
        act="cancellation",
        shape=continuing.Cancellation,
        who=Who.OPENER,
        consenting=True,
        message=True,
        numbered="X",
        evolve=_cancel,
    ),
    Rule(
        act="translation",
        shape=continuing.Translation,
        who=Who.ANY,
        kept=True,
        check=check_translation,
    ),
    Rule(
        act="translation-agreement",
        shape=continuing.TranslationAgreement,
        who=Who.ANY,
        consenting=True,
        kept=True,
        check=_check_translated,
    ),
    Rule(
        act="translation-dispute",
        shape=continuing.TranslationDispute,
        who=Who.ANY,
        kept=True,
        check=_check_translated,
    ),
    Rule(
        act="repeat-request",
        version=2,
        shape=continuing.RepeatRequest,
        who=Who.ADDRESSED,
        message=True,
        kept=True,
    ),
    Rule(
        act="consent-withdrawal",
        shape=continuing.ConsentWithdrawal,
        who=Who.ANY,
        message=True,
        kept=True,
        check=check_withdrawal,
    ),
    Rule(
        act="amendment",
        shape=continuing.Amendment,
        who=Who.SIGNATORY,
        consenting=True,
        message=True,
        kept=True,
        check=check_amending,
    ),
    Rule(
        act="amendment-agreement",
        shape=continuing.AmendmentAgreement,
        who=Who.SIGNATORY,
        consenting=True,
        acknowledges=True,
        answers=True,
        kept=True,
        check=check_amendment_answer,
        settle=consent.by_every_side,
    ),
    Rule(
        act="amendment-refusal",
        shape=continuing.AmendmentRefusal,
        who=Who.SIGNATORY,
        acknowledges=True,
        answers=True,
        message=True,
        kept=True,
        check=check_amendment_answer,
    ),
    Rule(
        act="alternative",
        shape=continuing.Alternative,
        who=Who.SIGNATORY,
        acknowledges=True,
        message=True,
        kept=True,
        check=check_alternative,
    ),
    Rule(
        act="second-key",
        shape=continuing.SecondKey,
        who=Who.ANY,
        check=_check_second_key,
        evolve=_turn,
    ),
    Rule(
        act="call-attempt",
        version=2,
        shape=continuing.CallAttempt,
        who=Who.ANY,
        kept=True,
        check=check_attempt,
    ),
    Rule(
        act="non-attendance",
        shape=continuing.NonAttendance,
        who=Who.ANY,
        kept=True,
        check=check_absent,
        evolve=mark_absent,
    ),
    Rule(
        act="agreement",
        shape=continuing.Agreement,
        who=Who.OTHER_SIGNATORY,
        consenting=True,
        acknowledges=True,
        answers=True,
        kept=True,
        check=check_terms,
        settle=consent.by_every_side,
    ),
    Rule(
        act="status-change",
        shape=continuing.StatusChange,
        who=Who.ANY,
        kept=True,
        check=_check_step,
        settle=changed_status,
    ),
    Rule(
        act="closure",
        shape=continuing.Closure,
        who=Who.ANY,
        consenting=True,
        kept=True,
        check=_check_closure,
        evolve=_close,
        settle=closing.settled,
    ),
    *retracting.RULES,
    Rule(act="lesson", shape=continuing.Lesson, who=Who.ANY, kept=True),
)

"""The newest answer of each side to what it was asked: yes, no, another, or nothing.

    agreed             behind the present text, the windows or the visit
    agreed_in_part     behind some paragraphs of a report, and not or not yet behind all
    agreed_earlier     behind a text that is not the present one
    refused            said no, with its reason
    withdrew           took its consent back
    proposed_otherwise gave other words or other windows
    proposed           gave the windows of which one is accepted
    ad_referendum      agreed, subject to its capital
    second_key_due     agreed by one officer, and the second key has not turned
    silent             nothing of these, on record

This is the only place that says which of them it is. A refusal is never silence, and
silence is never the word of a side.
"""

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import UNSET

from dragoman.domain.acts import consent
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.families.exchange import parties_to_answer
from dragoman_schemas.responses import AnswerKind, SideAnswer
from dragoman_schemas.state import Exchange, Meeting, Said, Stamp

_CONSENTS: Final = (*consent.BINDING, "amendment-agreement")


def answers(exchange: Exchange) -> dict[str, SideAnswer]:
    """Return the newest answer of each side that was asked, in the order of addressees.

    Empty where an exchange asks for no consent. The author of a text is not asked, and
    what was entered for the record asks nobody: there is no silence about it.
    """
    addressees = _asked(exchange)
    if not addressees:
        return {}
    newest: dict[str, SideAnswer] = {}
    for answer in sorted(_given(exchange), key=lambda answer: answer.position):
        newest[answer.side] = answer
    newest |= {answer.side: answer for answer in _agreements(exchange)}
    if exchange.messages[0].for_the_record:
        addressees &= newest.keys()
    return {
        side: newest.get(side, SideAnswer(side=side, answer="silent"))
        for side in (exchange.side, *exchange.to, *exchange.info)
        if side in addressees
    }


def _asked(exchange: Exchange) -> set[str]:
    if exchange.meeting is not None:
        return parties_to_answer(exchange) | ({exchange.meeting.proposed_by} - {exchange.side})
    if exchange.act == "visit-request":
        return {*exchange.to} - {*exchange.observers}
    if FORMATS[exchange.act].moves.keys() & {*consent.BINDING}:
        return consent.parties(exchange) - {exchange.side}
    return set()


def _given(exchange: Exchange) -> Iterator[SideAnswer]:
    """Yield everything by which a side answered, in no order."""
    if exchange.meeting is not None:
        yield from _to_windows(exchange, exchange.meeting)
        return
    for item in exchange.acts.get("decline", ()):
        yield _answer("refused", item.said, item)
    if exchange.act == "visit-request":
        for item in exchange.acts.get("grant", ()):
            yield _answer("agreed", item.said)
    else:
        yield from _to_text(exchange)


def _to_windows(exchange: Exchange, meeting: Meeting) -> Iterator[SideAnswer]:
    """Yield the answers to the windows that stand. Other windows ask anew."""
    proposal: AnswerKind = "proposed" if meeting.accepted else "proposed_otherwise"
    for item in exchange.acts.get("decline", ()):
        if item.said in meeting.declined.values():
            yield _answer("refused", item.said, item)
    for item in exchange.acts.get("counter-proposal", ()):
        if item.said.side == meeting.proposed_by:
            yield _answer(proposal, item.said)


def _to_text(exchange: Exchange) -> Iterator[SideAnswer]:
    """Yield the other words for a text, and the consents to it, which count or not."""
    for sides in consent.alternatives(exchange).values():
        for item in sides.values():
            yield _answer("proposed_otherwise", item.said)
    amendment = consent.open_amendment(exchange)
    if amendment is not None:
        yield _answer("proposed_otherwise", amendment.said)
    consents = {item.id: item.said for act in _CONSENTS for item in exchange.acts.get(act, ())}
    refused = {item.said.side: item.said.position for item in exchange.acts.get("decline", ())}
    for item in exchange.acts.get("consent-withdrawal", ()):
        agreement = consents.get(msgspec.json.decode(item.content["of"]))
        # Whoever refused since then has not agreed any more, and takes nothing back.
        if agreement is not None and agreement.position > refused.get(item.said.side, 0):
            yield _answer("withdrew", item.said, item)
    yield from _consents(exchange)


def _consents(exchange: Exchange) -> Iterator[SideAnswer]:
    """Yield the acts of consent to a text, whether they count or not."""
    present, withdrawn = consent.text_terms(exchange), consent.withdrawn(exchange)
    waiting = consent.ineffective_consents(exchange) - withdrawn
    for act in _CONSENTS:
        for item in exchange.acts.get(act, ()):
            if item.id in withdrawn:
                continue
            kind: AnswerKind = "agreed_earlier"
            if item.id in waiting:
                kind = "second_key_due"
            elif consent.is_ad_referendum(item):
                kind = "ad_referendum"
            elif consent.names_terms(item, present):
                kind = "agreed_in_part" if "paragraph" in item.content else "agreed"
            yield _answer(kind, item.said)


def _agreements(exchange: Exchange) -> Iterator[SideAnswer]:
    """Yield the answers of the sides that stand behind the present text or windows."""
    if exchange.meeting is not None:
        for accepted in exchange.meeting.accepted.values():
            yield _answer("agreed", accepted.accepted)
        return
    if exchange.act == "visit-request":
        return
    acts = (*_CONSENTS, "amendment")
    behind, newest = consent.agreed(exchange), dict[str, Stamp]()
    for item in consent.counting(exchange, acts, consent.text_terms(exchange)):
        before = newest.get(item.said.side)
        if before is None or before.position < item.said.position:
            newest[item.said.side] = item.said
    dissenting = consent.standing_dissents(exchange)
    for side, stamp in newest.items():
        if side in behind:
            yield _answer("agreed_in_part" if dissenting.get(side) else "agreed", stamp)


def _answer(kind: AnswerKind, stamp: Stamp, refusal: Said | None = None) -> SideAnswer:
    reason = UNSET if refusal is None else refusal.content.get("reason", UNSET)
    return SideAnswer(
        side=stamp.side, answer=kind, time=stamp.when, position=stamp.position, reason=reason
    )

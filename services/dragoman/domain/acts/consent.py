r"""Consent: the digest of the text that a side consents to, and the valid consents.

    terms = SHA-256("dragoman-terms/v1\n<exchange>\n<what>\n" ‖ JSON of the text)

The JSON has sorted members and values with the bytes that they have in the log. An act
of consent names the terms that its officer has seen. It is void if they are not the
terms of its position. Later it counts as long as the exchange says exactly this. So
nobody is ever said to have agreed to a text that they did not see.

    what       acts                                         the text
    text       agreement, endorsement, release-consent      the opening, as amended
    proposal   acceptance                                   the opening with the values
                                                            proposed, and their record
    text       amendment, amendment-agreement               the opening, if so amended
    accounts   accounts-agreement                           the opening, and each side's
                                                            newest account
    reading    translation-agreement                        the message, and its
                                                            translation
    view       fairness                                     the opening, and the newest
                                                            restatement
    agenda     agenda-agreement                             the version of the agenda
    readout    readout-agreement                            the readout that a side
                                                            proposed as joint
    draft      adoption                                     the text and files that were
                                                            tabled last
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from dragoman.domain.acts.developments import as_of_record
from dragoman_schemas.state import Exchange, Said, StateReadout

BESIDE: Final = frozenset(
    {"precedence", "area", "dtg", "for_the_record", "passed_by", "acting_for"}
)
"""Members of an opening that describe the message and are not part of its text.

For example, nobody consents to how urgent it was.
"""

OUTCOME: Final = {"people-programme": frozenset({"actual", "follow_up"})}
"""Members that say what came of a matter, by format. They are not part of its text.

Who came is a fact, and no side has to consent to it.
"""

ACTS: Final = frozenset(
    {
        "agreement",
        "endorsement",
        "acceptance",
        "accounts-agreement",
        "translation-agreement",
        "release-consent",
        "adoption",
    }
    | {"fairness", "agenda-agreement", "readout-agreement", "amendment", "amendment-agreement"}
)
"""The acts that name their terms."""

BINDING: Final = ("agreement", "endorsement", "release-consent")
"""The acts by which a side consents to a text as a whole.

Once one counts, only an amendment changes the text.
"""

REFUSED: Final = "refused"
"""The status of a text that a side has refused, and that a later agreement lifts."""
_DRAFT: Final = ("text", "attachments")
"""Members of the act that tables a deliverable: its draft."""

_TAKING: Final = ("amendment", "amendment-agreement")


def digest(exchange: str, what: str, text: Any) -> str:
    """Return the digest of a text of an exchange: 64 hexadecimal digits.

    The id of the exchange is part of the digest.
    """
    head = f"dragoman-terms/v1\n{exchange}\n{what}\n".encode()
    return hashlib.sha256(head + bytes_of(text)).hexdigest()


def bytes_of(text: Any) -> bytes:
    """Return the bytes of a text for its digest.

    They are JSON with sorted members and values with the bytes that they have in the
    log.
    """
    return msgspec.json.encode(text, order="deterministic")


def text_of(exchange: Exchange, fields: Mapping[str, Raw] | None = None) -> dict[str, Raw]:
    """Return the text of an opening, as amended until now, with the standing proposal.

    `fields` replace members of it.
    """
    return {
        name: value
        for name, value in {**exchange.present, **(fields or {})}.items()
        if not is_beside(exchange.act, name)
    }


def is_beside(act: str, name: str) -> bool:
    """Return whether a member of an opening is not part of the text of its format."""
    return name in BESIDE or name in OUTCOME.get(act, ())


def text_terms(exchange: Exchange, fields: Mapping[str, Raw] | None = None) -> str:
    """Return the terms of an exchange's text.

    `fields` replace members of the text.
    """
    return digest(exchange.id, "text", text_of(exchange, fields))


def proposal(exchange: Exchange) -> str:
    """Return the terms of an acceptance of the standing proposal.

    They name the record that proposes it: the same words of another side are another
    proposal.
    """
    return digest(exchange.id, "proposal", {"record": exchange.proposal, "text": text_of(exchange)})


def present_account(exchange: Exchange, side: str) -> dict[str, Raw]:
    """Return a side's newest account, with what the side took back of it since."""
    newest = exchange.accounts[side][-1]
    content = {**newest.content}
    ids = {
        message.id
        for message in exchange.messages
        if message.said.position == newest.given.position
    }
    for retraction in exchange.retractions:
        if retraction.of in ids:
            content |= retraction.fields
    return content


def accounts(exchange: Exchange) -> str:
    """Return the terms of an agreement on the common facts of the accounts."""
    contents = {side: present_account(exchange, side) for side in exchange.accounts}
    return digest(exchange.id, "accounts", {"opening": text_of(exchange), "accounts": contents})


def reading(exchange: Exchange, translation: Said) -> str:
    """Return the terms of an agreement to a translation."""
    of = _word(translation.content.get("of")) or exchange.id
    original = text_of(exchange) if of == exchange.id else content_of_message(exchange, of)
    return digest(
        exchange.id, "reading", {"original": original, "translation": translation.content}
    )


def content_of_message(exchange: Exchange, id: str) -> dict[str, Raw]:
    """Return the content of a message of an exchange, by its id.

    An account of an event is a message too. The content is empty if there is no such
    message.
    """
    position = next((message.said.position for message in exchange.messages if message.id == id), 0)
    accounts = (account for of_side in exchange.accounts.values() for account in of_side)
    account = next(
        (account.content for account in accounts if account.given.position == position), None
    )
    return (
        account
        if account is not None
        else next((message.content for message in _all(exchange) if message.id == id), {})
    )


def view(exchange: Exchange, restatement: Said | None = None) -> str:
    """Return the terms of a verdict on a restatement, by default the newest one.

    They are empty if nobody has restated the view.
    """
    restated = exchange.acts.get("restatement", ())
    if not restated:
        return ""
    text = (restatement or restated[-1]).content["text"]
    return digest(exchange.id, "view", {"opening": text_of(exchange), "restatement": text})


def agenda(exchange: Exchange, topics: Raw) -> str:
    """Return the terms of a version of the agenda."""
    return digest(exchange.id, "agenda", topics)


def readout(exchange: Exchange, side: str) -> str:
    """Return the terms of the readout that a side last proposed as joint.

    They are empty if its newest readout is not such a proposal, or if it has no
    readout.
    """
    state_readout = proposed_readouts(exchange).get(side)
    return (
        ""
        if state_readout is None
        else digest(
            exchange.id, "readout", {"topics": state_readout.topics, "text": state_readout.text}
        )
    )


def owners(exchange: Exchange) -> set[str]:
    """Return the owners of an item of the roadmap: by default its signatories."""
    raw = exchange.content.get("owners")
    sides = {} if raw is None else msgspec.json.decode(raw, type=dict[str, Raw])
    return {*sides} or parties(exchange)


def tabled(exchange: Exchange) -> Said | None:
    """Return the act by which the newest draft of a deliverable was tabled, or None."""
    drafts = [
        change
        for change in exchange.acts.get("status-change", ())
        if _word(change.content["status"]) == "deliverable_tabled"
    ]
    return drafts[-1] if drafts else None


def draft(exchange: Exchange) -> str:
    """Return the terms of the draft that was tabled last; empty without one."""
    tabling = tabled(exchange)
    if tabling is None:
        return ""
    text = {name: tabling.content[name] for name in _DRAFT if name in tabling.content}
    return digest(exchange.id, "draft", text)


def adopting(exchange: Exchange) -> set[str]:
    """Return the sides that adopt the draft that was tabled last."""
    return {item.said.side for item in counting(exchange, ("adoption",), draft(exchange))}


def proposed_readouts(exchange: Exchange) -> dict[str, StateReadout]:
    """Return the newest readouts that are still proposed as joint, by side.

    Not every side has said them yet.
    """
    readouts = {} if exchange.meeting is None else exchange.meeting.readouts
    return {
        side: newest[-1]
        for side, newest in readouts.items()
        if newest[-1].kind == "proposed_jointly"
    }


# Consents that count


def withdrawn(exchange: Exchange) -> set[str]:
    """Return the ids of the acts of consent that their sides took back.

    Amendments are among them.
    """
    return {
        _word(withdrawal.content["of"])
        for withdrawal in exchange.acts.get("consent-withdrawal", ())
    }


def ineffective_consents(exchange: Exchange) -> set[str]:
    """Return the ids of the acts of consent that do not count.

    Their sides took them back, or one officer sent them and the second key has not
    turned.
    """
    return withdrawn(exchange) | {
        one_key.id for one_key in exchange.one_key if one_key.second is None
    }


def is_ad_referendum(consent_act: Said) -> bool:
    """Return whether an act of consent is subject to its side's capital.

    Such an act does not count yet.
    """
    return bytes(consent_act.content.get("ad_referendum", b"")) == b"true"


def ad_referendum(exchange: Exchange) -> set[str]:
    """Return the sides whose consent to the present text is subject to their capital.

    Sides that have consented without this condition are not among them.
    """
    current_terms, ineffective, agreed_sides = (
        text_terms(exchange),
        ineffective_consents(exchange),
        agreed(exchange),
    )
    consents = (
        consent_act
        for act in BINDING
        for consent_act in exchange.acts.get(act, ())
        if _word(consent_act.content.get("terms")) == current_terms
    )
    return {
        consent_act.said.side
        for consent_act in consents
        if is_ad_referendum(consent_act)
        and consent_act.id not in ineffective
        and consent_act.said.side not in agreed_sides
    }


Part = tuple[str, int]
"""A part of a text: the member of the opening, and the item of its list.

Items are counted from 1. The item is 0 if the member is not a list.
"""


def alternatives(exchange: Exchange) -> dict[Part, dict[str, Said]]:
    """Return the brackets of a text: by part and side, that side's other words for it.

    A side's own consent to the text removes its brackets.
    """
    result: dict[Part, dict[str, Said]] = {}
    consented = {
        consent_act.said.side: consent_act.said.position
        for consent_act in counting(exchange, (*BINDING, *_TAKING), text_terms(exchange))
    }
    for alternative in exchange.acts.get("alternative", ()):
        part = (
            _word(alternative.content["field"]),
            int(bytes(alternative.content.get("item", b"0"))),
        )
        result.setdefault(part, {}).pop(alternative.said.side, None)
        lifted = (
            "text" not in alternative.content
            or consented.get(alternative.said.side, 0) > alternative.said.position
        )
        if not lifted and not says(part_of(exchange, part), alternative.content["text"]):
            result[part][alternative.said.side] = alternative
    return {part: sides for part, sides in result.items() if sides}


def says(part: Raw | None, words: Raw) -> bool:
    """Return whether a part of a text already has these words.

    It must have them in every language in which they are given.
    """
    if part is None:
        return False
    present, proposed = msgspec.json.decode(part), msgspec.json.decode(words)
    if isinstance(present, dict):
        return (
            all(present.get(tag) == text for tag, text in proposed.items())
            if isinstance(proposed, dict)
            else proposed in present.values()
        )
    return bool(present == proposed) or (
        isinstance(proposed, dict) and {*proposed.values()} == {present}
    )


def part_of(exchange: Exchange, part: Part) -> Raw | None:
    """Return a part of a text as it is now; None if there is no such part."""
    field, item = part
    raw = exchange.content.get(field)
    if raw is None or not item:
        return raw
    parts = msgspec.json.decode(raw, type=list[Raw]) if bytes(raw).startswith(b"[") else []
    return parts[item - 1] if item <= len(parts) else None


def names_terms(consent_act: Said, terms: str) -> bool:
    """Return whether an act of consent names these terms."""
    return _word(consent_act.content.get("terms")) == terms


def counting(exchange: Exchange, acts: tuple[str, ...], terms: str) -> Iterator[Said]:
    """Yield the acts of consent that name these terms and have effect."""
    ineffective = ineffective_consents(exchange)
    for act in acts:
        for consent_act in exchange.acts.get(act, ()):
            if (
                consent_act.id not in ineffective
                and not is_ad_referendum(consent_act)
                and _word(consent_act.content.get("terms")) == terms
            ):
                yield consent_act


def agreed(exchange: Exchange) -> set[str]:
    """Return the sides that consent to the present text, its author included.

    They consent to a report if they consent to every paragraph of it, except those from
    which their dissent stands.
    """
    current_terms = text_terms(exchange)
    number = (
        len(msgspec.json.decode(exchange.content["paragraphs"]))
        if exchange.act == "joint-report"
        else 1
    )
    paragraphs_of: dict[str, set[int]] = {}
    for consent_act in counting(exchange, (*BINDING, *_TAKING), current_terms):
        paragraph = consent_act.content.get("paragraph")
        paragraphs = (
            range(1, number + 1) if paragraph is None else (int(msgspec.json.decode(paragraph)),)
        )
        paragraphs_of.setdefault(consent_act.said.side, set()).update(paragraphs)
    refusing = refusals(exchange)
    dissents = standing_dissents(exchange)
    return {
        exchange.side,
        *(
            side
            for side, agreed_paragraphs in paragraphs_of.items()
            if len(agreed_paragraphs | dissents.get(side, {}).keys()) >= number
            and side not in refusing
        ),
    }


def refusals(exchange: Exchange) -> dict[str, Said]:
    """Return the refusals that stand, by side: each side's newest, with its reason.

    A later consent of the same side lifts its refusal. That to an amendment does so
    only once the text has the amendment: until then the refused text stands.
    """
    ineffective = ineffective_consents(exchange)
    amendments = {amended.of for amended in exchange.amended}
    consented: dict[str, int] = {}
    for act in (*BINDING, *_TAKING):
        for item in exchange.acts.get(act, ()):
            of = item.id if act == "amendment" else _word(item.content.get("of"))
            if item.id not in ineffective and (act not in _TAKING or of in amendments):
                side = item.said.side
                consented[side] = max(consented.get(side, 0), item.said.position)
    newest = {item.said.side: item for item in exchange.acts.get("decline", ())}
    return {
        side: item for side, item in newest.items() if item.said.position > consented.get(side, 0)
    }


def refused_or(start: str) -> Callable[[Exchange, str], str]:
    """Return a `holds` that keeps `refused` as long as a side refuses the text.

    Once no side refuses it any more, it is in `start` again, where it waits for the
    agreements that are missing.
    """

    def held(exchange: Exchange, status: str) -> str:
        if status not in (start, REFUSED):
            return status
        return REFUSED if refusals(exchange).keys() & parties(exchange) else start

    return held


def standing_dissents(exchange: Exchange) -> dict[str, dict[int, Said]]:
    """Return the dissents that stand in a report, by side and number of the paragraph.

    A side's newest dissent from a paragraph stands while the paragraph reads as it did
    then. It goes once the side takes it back or endorses this very paragraph. A consent
    to the report as a whole leaves it.
    """
    dissents = exchange.acts.get("dissent", ())
    if not dissents:
        return {}
    taken_back = withdrawn(exchange)
    lifting: dict[tuple[str, int], int] = {}
    for endorsement in counting(exchange, ("endorsement",), text_terms(exchange)):
        number = int(bytes(endorsement.content.get("paragraph", b"0")))
        lifting[endorsement.said.side, number] = endorsement.said.position
    present = paragraphs(exchange.content)
    result: dict[str, dict[int, Said]] = {}
    for dissent in dissents:
        side, number = dissent.said.side, int(bytes(dissent.content["paragraph"]))
        result.setdefault(side, {}).pop(number, None)
        original = paragraphs(as_of_record(exchange, dissent.said.position).content)
        if (
            dissent.id not in taken_back
            and lifting.get((side, number), 0) < dissent.said.position
            and number <= len(present)
            and bytes(original[number - 1]) == bytes(present[number - 1])
        ):
            result[side][number] = dissent
    return {side: items for side, items in result.items() if items}


def paragraphs(content: Mapping[str, Raw]) -> list[Raw]:
    """Return the paragraphs of a joint report."""
    return msgspec.json.decode(bytes(content["paragraphs"]), type=list[Raw])


def is_bound(exchange: Exchange) -> bool:
    """Return whether another side consents to the present text, or to a part of it."""
    consents = counting(exchange, (*BINDING, *_TAKING), text_terms(exchange))
    return any(consent_act.said.side != exchange.side for consent_act in consents) or bool(
        exchange.meeting and exchange.meeting.accepted
    )


def parties(exchange: Exchange) -> set[str]:
    """Return the sides that must stand behind a text: its signatories.

    They are the opener and the named `signatories`, by default every action addressee.
    Other addressees receive the text and owe no word on it. A release needs every side
    of the channel, and a document only the signatories that it names. Observers are
    never among them.
    """
    match exchange.act:
        case "release":
            everyone: tuple[str, ...] = (*exchange.to, *exchange.info)
        case "reference-document":
            everyone = ()
        case _:
            everyone = exchange.to
    return {exchange.side, *(exchange.signatories or everyone)} - {*exchange.observers}


def represented(exchange: Exchange) -> dict[str, bool]:
    """Return the sides for which the opener spoke, and whether each has confirmed it.

    A side confirms it by its own consent to the present text.
    """
    raw = exchange.content.get("on_behalf_of")
    if raw is None:
        return {}
    behind = agreed(exchange)
    sides = msgspec.json.decode(raw, type=list[str])
    return {side: side in behind for side in sides if side != exchange.side}


def may_sign(exchange: Exchange, side: str) -> bool:
    """Return whether a side's consent to a text is asked for.

    It is for a signatory, and for a side for which the opener spoke.
    """
    return side in parties(exchange) or side in represented(exchange)


def parties_to_facts(exchange: Exchange) -> set[str]:
    """Return the sides that must agree on the facts of an event.

    They are the opener, and the action addressees that gave an account or whose forces
    took part. Where nobody did, they are all action addressees.
    """
    addressees = {*exchange.to} - {*exchange.observers}
    whose = exchange.content.get("whose")
    forces = msgspec.json.decode(whose) if whose is not None else ()
    involved = addressees & {*exchange.accounts, *(forces if isinstance(forces, list) else ())}
    return {exchange.side, *(involved or addressees)} - {*exchange.observers}


def is_facts_agreed(exchange: Exchange) -> bool:
    """Return whether every party agrees on the facts of the present accounts."""
    return consenting_sides(exchange, "accounts-agreement") >= parties_to_facts(exchange)


def by_every_side(exchange: Exchange, status: str) -> str:
    """Return a status if every side consents to the present text.

    Otherwise return the status that the exchange has.
    """
    return status if parties(exchange) <= agreed(exchange) else exchange.status


WITHDRAWABLE: Final = (
    *BINDING,
    *_TAKING,
    "accounts-agreement",
    "translation-agreement",
    "common-ground",
    "adoption",
    "dissent",
)
"""Acts that may be taken back as long as not every side has consented."""


def withdrawable(exchange: Exchange, side: str) -> Iterator[tuple[str, Said]]:
    """Yield the acts of consent that a side may take back, each with its name."""
    back = withdrawn(exchange)
    for act in WITHDRAWABLE:
        for item in exchange.acts.get(act, ()):
            if item.said.side == side and item.id not in back and not is_complete(exchange, item):
                yield act, item


def is_complete(exchange: Exchange, consent_act: Said) -> bool:
    """Return whether every side has consented to the object of an act of consent.

    An amendment is complete once every side has agreed to it.
    """
    if consent_act.id in {item.id for item in exchange.acts.get("amendment", ())}:
        return is_taken(exchange, consent_act)
    if consent_act.id in {item.id for item in exchange.acts.get("accounts-agreement", ())}:
        return is_facts_agreed(exchange)
    if consent_act.id in {item.id for item in exchange.acts.get("common-ground", ())}:
        return parties(exchange) <= consenting_sides(exchange, "common-ground")
    if consent_act.id in {item.id for item in exchange.acts.get("dissent", ())}:
        return False
    if consent_act.id in {item.id for item in exchange.acts.get("adoption", ())}:
        return exchange.status == "adopted"
    if consent_act.id in {item.id for item in exchange.acts.get("translation-agreement", ())}:
        return True  # The translator's side consents by its translation, and one other is enough.
    if _word(consent_act.content.get("terms")) != text_terms(exchange):
        return False
    return parties(exchange) <= agreed(exchange)


def consenting_sides(exchange: Exchange, act: str) -> set[str]:
    """Return the sides whose newest act of consent counts for the present text.

    If the act gives a text of its own, the texts of all sides must be the same.
    """
    ineffective, newest = ineffective_consents(exchange), {}
    for consent_act in exchange.acts.get(act, ()):
        if consent_act.id not in ineffective and not is_ad_referendum(consent_act):
            newest[consent_act.said.side] = consent_act
    if act == "accounts-agreement":
        newest = {
            side: consent_act
            for side, consent_act in newest.items()
            if _word(consent_act.content["terms"]) == accounts(exchange)
        }
    text = {"accounts-agreement": "facts", "common-ground": "text"}.get(act)
    if (
        text is not None
        and len({bytes(consent_act.content[text]) for consent_act in newest.values()}) > 1
    ):
        return set()
    return set(newest)


# Amendments


def open_amendment(exchange: Exchange) -> Said | None:
    """Return the amendment that the sides have neither taken nor refused."""
    proposed = exchange.acts.get("amendment", ())
    if not proposed or proposed[-1].id in withdrawn(exchange) or is_taken(exchange, proposed[-1]):
        return None
    refused = {
        _word(refusal.content["of"]) for refusal in exchange.acts.get("amendment-refusal", ())
    }
    return None if proposed[-1].id in refused else proposed[-1]


def is_taken(exchange: Exchange, amendment: Said) -> bool:
    """Return whether every side has agreed to an amendment."""
    proposer = () if amendment.id in ineffective_consents(exchange) else (amendment.said.side,)
    return parties(exchange) <= {
        *proposer,
        *(agreement.said.side for agreement in taking(exchange, amendment)),
    }


def taking(exchange: Exchange, amendment: Said) -> tuple[Said, ...]:
    """Return the agreements to an amendment that have effect."""
    ineffective = ineffective_consents(exchange)
    return tuple(
        agreement
        for agreement in exchange.acts.get("amendment-agreement", ())
        if agreement.id not in ineffective and _word(agreement.content["of"]) == amendment.id
    )


def fields_of(amendment: Said) -> dict[str, Raw]:
    """Return the members that an amendment replaces."""
    return msgspec.json.decode(amendment.content["fields"], type=dict[str, Raw])


# Terms for a new act of consent


def terms(exchange: Exchange, act: str, *, of: str = "", side: str = "") -> str:
    """Return the terms that an act of consent must name now.

    They are empty if there is nothing to consent to. `of` is the translation or the
    amendment that the act names. `side` is the side whose version of the agenda, or
    whose readout, it takes.
    """
    terms_of: dict[str, Callable[[], str]] = {
        **dict.fromkeys(BINDING, lambda: text_terms(exchange)),
        "acceptance": lambda: proposal(exchange),
        "accounts-agreement": lambda: accounts(exchange),
        "fairness": lambda: view(exchange),
        "adoption": lambda: draft(exchange),
        "translation-agreement": lambda: next(
            (
                reading(exchange, item)
                for item in exchange.acts.get("translation", ())
                if item.id == of
            ),
            "",
        ),
        "amendment-agreement": lambda: next(
            (
                text_terms(exchange, fields_of(item))
                for item in exchange.acts.get("amendment", ())
                if item.id == of
            ),
            "",
        ),
        "readout-agreement": lambda: readout(exchange, side),
        "agenda-agreement": lambda: (
            agenda(exchange, topics) if (topics := versions(exchange).get(side)) is not None else ""
        ),
    }
    return terms_of[act]() if act in terms_of else ""


def every_terms(exchange: Exchange) -> Iterator[tuple[str, str, str, str]]:
    """Yield the consents that are possible now.

    Each has the act, the translation or amendment that it names, the side whose agenda
    or readout it takes, and the terms.
    """
    for act in (
        "agreement",
        "endorsement",
        "acceptance",
        "accounts-agreement",
        "fairness",
        "release-consent",
        "adoption",
    ):
        if current_terms := terms(exchange, act):
            yield act, "", "", current_terms
    for translation in exchange.acts.get("translation", ()):
        yield "translation-agreement", translation.id, "", reading(exchange, translation)
    amendment = open_amendment(exchange)
    if amendment is not None:
        yield (
            "amendment-agreement",
            amendment.id,
            "",
            terms(exchange, "amendment-agreement", of=amendment.id),
        )
    if exchange.meeting is not None:
        for side, topics in versions(exchange).items():
            yield "agenda-agreement", "", side, agenda(exchange, topics)
        for side in proposed_readouts(exchange):
            yield "readout-agreement", "", side, readout(exchange, side)


def of_act(exchange: Exchange, side: str, act: str, members: Mapping[str, Any]) -> str:
    """Return the terms that a side's act of consent must name, by its other members.

    They are empty for any other act.
    """
    if act == "amendment":
        fields = {
            name: Raw(value if isinstance(value, Raw) else msgspec.json.encode(value))
            for name, value in members["fields"].items()
        }
        return text_terms(exchange, fields)
    author = members.get("side", "")
    if not author:
        author = next((name for name in authors(exchange, act) if name != side), "")
    return terms(exchange, act, of=members.get("of", ""), side=author)


def authors(exchange: Exchange, act: str) -> list[str]:
    """Return the sides whose words an act takes, the opener first.

    The words are an agenda or a readout. The list is empty for any other act.
    """
    if act == "agenda-agreement":
        return [*versions(exchange)]
    return [*proposed_readouts(exchange)] if act == "readout-agreement" else []


def versions(exchange: Exchange) -> dict[str, Raw]:
    """Return each side's version of the agenda.

    The opener's own version is in its request.
    """
    agendas = {exchange.side: exchange.content["agenda"]} if "agenda" in exchange.content else {}
    return {**agendas, **(exchange.meeting.agendas if exchange.meeting is not None else {})}


def _all(exchange: Exchange) -> Iterator[Said]:
    for act in exchange.acts.values():
        yield from act


def _word(value: Raw | None) -> str:
    return "" if value is None else str(msgspec.json.decode(value))

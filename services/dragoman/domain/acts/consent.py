r"""Consent: the text that a side consents to, as a digest, and which consents count for the text as it stands.

    terms = SHA-256("dragoman-terms/v1\n<exchange>\n<what>\n" ‖ JSON of the text, members sorted, values as their bytes stand in the log)

An act of consent names the terms that its officer has seen, and is void where they are
not those of its position. Later it counts for as long as the exchange says exactly
this. So nobody is ever said to have agreed to what they did not see.

    act                                             what       the text
    agreement, endorsement, acceptance, amendment,  text       what the opening says, as amended; of an amendment, as it would be
    release-consent
    amendment-agreement                             text       the same, as it would be by that amendment
    accounts-agreement                              accounts   what the opening says, and each side's newest account
    translation-agreement                           reading    the message that was translated, and the translation
    fairness                                        view       what the opening says, and the newest restatement
    agenda-agreement                                agenda     the version of the agenda
    readout-agreement                               readout    the readout that a side proposed as joint
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from dragoman_schemas.state import Exchange, Said, StateReadout

BESIDE: Final = frozenset(
    {"precedence", "area", "dtg", "for_the_record", "passed_by", "acting_for"}
)
"""Members of an opening that are about the message and not part of its text: nobody
consents to how urgent it was.
"""

ACTS: Final = frozenset(
    {
        "agreement",
        "endorsement",
        "acceptance",
        "accounts-agreement",
        "translation-agreement",
        "release-consent",
    }
    | {"fairness", "agenda-agreement", "readout-agreement", "amendment", "amendment-agreement"}
)
"""The acts that name their terms."""

BINDING: Final = ("agreement", "endorsement", "release-consent")
"""The acts by which a side consents to a text as a whole. Once one counts, the text
changes by an amendment alone.
"""

_TAKING: Final = ("amendment", "amendment-agreement")


def digest(exchange: str, what: str, text: Any) -> str:
    """Return the digest of a text of an exchange, which its id names: 64 hexadecimal digits."""
    head = f"dragoman-terms/v1\n{exchange}\n{what}\n".encode()
    return hashlib.sha256(head + bytes_of(text)).hexdigest()


def bytes_of(text: Any) -> bytes:
    """Return the bytes of a text of which its digest is: JSON, members sorted, values as their bytes stand in the log."""
    return msgspec.json.encode(text, order="deterministic")


def text_of(exchange: Exchange, fields: Mapping[str, Raw] | None = None) -> dict[str, Raw]:
    """Return what an opening says, as amended until now, and with these members instead of its own."""
    return {
        name: value
        for name, value in {**exchange.content, **(fields or {})}.items()
        if name not in BESIDE
    }


def whole(exchange: Exchange, fields: Mapping[str, Raw] | None = None) -> str:
    """Return the terms of an exchange's text, or of the text that it would have with these members."""
    return digest(exchange.id, "text", text_of(exchange, fields))


def accounts(exchange: Exchange) -> str:
    """Return the terms of an agreement on what the accounts have in common."""
    contents = {side: account[-1].content for side, account in exchange.accounts.items()}
    return digest(exchange.id, "accounts", {"opening": text_of(exchange), "accounts": contents})


def reading(exchange: Exchange, translation: Said) -> str:
    """Return the terms of an agreement to a translation."""
    of = _word(translation.content.get("of")) or exchange.id
    original = text_of(exchange) if of == exchange.id else said_in(exchange, of)
    return digest(
        exchange.id, "reading", {"original": original, "translation": translation.content}
    )


def said_in(exchange: Exchange, id: str) -> dict[str, Raw]:
    """Return what a message of an exchange says, by its id, an account of an event among them; nothing where there is no such message."""
    position = next((message.said.position for message in exchange.messages if message.id == id), 0)
    accounts = (account for item in exchange.accounts.values() for account in item)
    account = next(
        (account.content for account in accounts if account.given.position == position), None
    )
    return (
        account
        if account is not None
        else next((item.content for item in _all(exchange) if item.id == id), {})
    )


def view(exchange: Exchange, restatement: Said | None = None) -> str:
    """Return the terms of a verdict on a restatement, the newest where none is given; empty where nobody has restated the view."""
    restated = exchange.acts.get("restatement", ())
    if not restated:
        return ""
    text = (restatement or restated[-1]).content["text"]
    return digest(exchange.id, "view", {"opening": text_of(exchange), "restatement": text})


def agenda(exchange: Exchange, topics: Raw) -> str:
    """Return the terms of a version of the agenda."""
    return digest(exchange.id, "agenda", topics)


def readout(exchange: Exchange, side: str) -> str:
    """Return the terms of the readout that a side proposed as joint last; empty where its newest is its own, or there is none."""
    state_readout = proposed_readouts(exchange).get(side)
    return (
        ""
        if state_readout is None
        else digest(
            exchange.id, "readout", {"topics": state_readout.topics, "text": state_readout.text}
        )
    )


def proposed_readouts(exchange: Exchange) -> dict[str, StateReadout]:
    """Return, by side, the newest readouts that were proposed as joint and that not every side has said yet."""
    readouts = {} if exchange.meeting is None else exchange.meeting.readouts
    return {
        side: newest[-1]
        for side, newest in readouts.items()
        if newest[-1].kind == "proposed_jointly"
    }


# Which consents count


def withdrawn(exchange: Exchange) -> set[str]:
    """Return the ids of the acts of consent, and of the amendments, that their sides took back."""
    return {_word(item.content["of"]) for item in exchange.acts.get("consent-withdrawal", ())}


def without_effect(exchange: Exchange) -> set[str]:
    """Return the ids of the acts of consent that do not count: taken back, or sent by one officer whose second key has not turned."""
    return withdrawn(exchange) | {
        one_key.id for one_key in exchange.one_key if one_key.second is None
    }


def is_ad_referendum(said: Said) -> bool:
    """Return whether an act of consent is subject to its side's capital: then it counts for nothing yet."""
    return bytes(said.content.get("ad_referendum", b"")) == b"true"


def ad_referendum(exchange: Exchange) -> set[str]:
    """Return the sides that consent to the text as it is subject to their capital, and no further."""
    now, back, behind = whole(exchange), without_effect(exchange), agreed(exchange)
    given = (
        item
        for act in BINDING
        for item in exchange.acts.get(act, ())
        if _word(item.content.get("terms")) == now
    )
    return {
        item.said.side
        for item in given
        if is_ad_referendum(item) and item.id not in back and item.said.side not in behind
    }


Part = tuple[str, int]
"""A part of a text: the member of the opening, and which item of it, counted from 1; 0
where it is no list.
"""


def alternatives(exchange: Exchange) -> dict[Part, dict[str, Said]]:
    """Return the brackets of a text: by part, and by side, its other words for it. A side's own consent to the text lifts its brackets."""
    result: dict[Part, dict[str, Said]] = {}
    consented = {
        entry.said.side: entry.said.position
        for entry in counting(exchange, (*BINDING, *_TAKING), whole(exchange))
    }
    for item in exchange.acts.get("alternative", ()):
        part = _word(item.content["field"]), int(bytes(item.content.get("item", b"0")))
        result.setdefault(part, {}).pop(item.said.side, None)
        lifted = "text" not in item.content or consented.get(item.said.side, 0) > item.said.position
        if not lifted and not says(part_of(exchange, part), item.content["text"]):
            result[part][item.said.side] = item
    return {part: sides for part, sides in result.items() if sides}


def says(part: Raw | None, words: Raw) -> bool:
    """Return whether a part of a text says these words already, in every language in which they are given."""
    if part is None:
        return False
    stands, other = msgspec.json.decode(part), msgspec.json.decode(words)
    if isinstance(stands, dict):
        return (
            all(stands.get(tag) == text for tag, text in other.items())
            if isinstance(other, dict)
            else other in stands.values()
        )
    return bool(stands == other) or (isinstance(other, dict) and {*other.values()} == {stands})


def part_of(exchange: Exchange, part: Part) -> Raw | None:
    """Return a part of a text as it stands; None where there is none of that kind."""
    field, item = part
    raw = exchange.content.get(field)
    if raw is None or not item:
        return raw
    parts = msgspec.json.decode(raw, type=list[Raw]) if bytes(raw).startswith(b"[") else []
    return parts[item - 1] if item <= len(parts) else None


def counting(exchange: Exchange, acts: tuple[str, ...], terms: str) -> Iterator[Said]:
    """Yield the acts of consent that name these terms and have effect."""
    back = without_effect(exchange)
    for act in acts:
        for item in exchange.acts.get(act, ()):
            if (
                item.id not in back
                and not is_ad_referendum(item)
                and _word(item.content.get("terms")) == terms
            ):
                yield item


def agreed(exchange: Exchange) -> set[str]:
    """Return the sides that stand behind the text as it is, its author's among them; of a report, behind every paragraph of it."""
    now = whole(exchange)
    count = (
        len(msgspec.json.decode(exchange.content["paragraphs"]))
        if exchange.act == "joint-report"
        else 1
    )
    behind: dict[str, set[int]] = {}
    for item in counting(exchange, (*BINDING, *_TAKING), now):
        paragraph = item.content.get("paragraph")
        named = range(1, count + 1) if paragraph is None else (int(msgspec.json.decode(paragraph)),)
        behind.setdefault(item.said.side, set()).update(named)
    return {exchange.side, *(side for side, done in behind.items() if len(done) >= count)}


def is_bound(exchange: Exchange) -> bool:
    """Return whether another side stands behind the text, or a part of it, as it is."""
    given = counting(exchange, (*BINDING, *_TAKING), whole(exchange))
    return any(item.said.side != exchange.side for item in given) or bool(
        exchange.meeting and exchange.meeting.accepted
    )


def parties(exchange: Exchange) -> set[str]:
    """Return every side that is named in an exchange."""
    return {exchange.side, *exchange.to, *exchange.info}


def by_every_side(exchange: Exchange, status: str) -> str:
    """Return a status that follows when every side stands behind the text as it is."""
    return status if parties(exchange) <= agreed(exchange) else exchange.status


WITHDRAWABLE: Final = (
    *BINDING,
    *_TAKING,
    "accounts-agreement",
    "translation-agreement",
    "common-ground",
)
"""Acts that may be taken back for as long as not every side has consented."""


def is_complete(exchange: Exchange, given: Said) -> bool:
    """Return whether every side has consented to what an act of consent is of, or taken the amendment that it is."""
    if given.id in {item.id for item in exchange.acts.get("amendment", ())}:
        return is_taken(exchange, given)
    for act in ("accounts-agreement", "common-ground"):
        if given.id in {item.id for item in exchange.acts.get(act, ())}:
            return parties(exchange) <= standing(exchange, act)
    if given.id in {item.id for item in exchange.acts.get("translation-agreement", ())}:
        return True  # the translator's side consents by its translation, and one other is enough
    if _word(given.content.get("terms")) != whole(exchange):
        return False
    return parties(exchange) <= agreed(exchange)


def standing(exchange: Exchange, act: str) -> set[str]:
    """Return the sides whose newest act of consent counts for what there is now; where it gives a text of its own, all the same text."""
    back, newest = without_effect(exchange), {}
    for item in exchange.acts.get(act, ()):
        if item.id not in back and not is_ad_referendum(item):
            newest[item.said.side] = item
    if act == "accounts-agreement":
        newest = {
            side: value
            for side, value in newest.items()
            if _word(value.content["terms"]) == accounts(exchange)
        }
    text = {"accounts-agreement": "facts", "common-ground": "text"}.get(act)
    if text is not None and len({bytes(entry.content[text]) for entry in newest.values()}) > 1:
        return set()
    return set(newest)


# Amendments


def open_amendment(exchange: Exchange) -> Said | None:
    """Return the amendment that the sides have neither taken nor left."""
    proposed = exchange.acts.get("amendment", ())
    if not proposed or proposed[-1].id in withdrawn(exchange) or is_taken(exchange, proposed[-1]):
        return None
    words = {_word(item.content["of"]) for item in exchange.acts.get("amendment-refusal", ())}
    return None if proposed[-1].id in words else proposed[-1]


def is_taken(exchange: Exchange, amendment: Said) -> bool:
    """Return whether every side has agreed to an amendment."""
    proposer = () if amendment.id in without_effect(exchange) else (amendment.said.side,)
    return parties(exchange) <= {
        *proposer,
        *(item.said.side for item in taking(exchange, amendment)),
    }


def taking(exchange: Exchange, amendment: Said) -> tuple[Said, ...]:
    """Return the agreements to an amendment that have effect."""
    back = without_effect(exchange)
    return tuple(
        item
        for item in exchange.acts.get("amendment-agreement", ())
        if item.id not in back and _word(item.content["of"]) == amendment.id
    )


def fields_of(amendment: Said) -> dict[str, Raw]:
    """Return the members that an amendment replaces."""
    return msgspec.json.decode(amendment.content["fields"], type=dict[str, Raw])


# For those who post


def terms(exchange: Exchange, act: str, *, of: str = "", side: str = "") -> str:
    """Return the terms that an act of consent has to name now; empty where there is nothing to consent to.

    `of` is the translation or the amendment that it names, `side` whose version of the
    agenda it takes, or whose readout.
    """
    named: dict[str, Callable[[], str]] = {
        **dict.fromkeys((*BINDING, "acceptance"), lambda: whole(exchange)),
        "accounts-agreement": lambda: accounts(exchange),
        "fairness": lambda: view(exchange),
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
                whole(exchange, fields_of(item))
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
    return named[act]() if act in named else ""


def every_terms(exchange: Exchange) -> Iterator[tuple[str, str, str, str]]:
    """Yield what may be consented to now: the act, the translation or amendment that it names, whose agenda or readout, and the terms."""
    for act in (
        "agreement",
        "endorsement",
        "acceptance",
        "accounts-agreement",
        "fairness",
        "release-consent",
    ):
        if text := terms(exchange, act):
            yield act, "", "", text
    for item in exchange.acts.get("translation", ()):
        yield "translation-agreement", item.id, "", reading(exchange, item)
    standing_now = open_amendment(exchange)
    if standing_now is not None:
        yield (
            "amendment-agreement",
            standing_now.id,
            "",
            terms(exchange, "amendment-agreement", of=standing_now.id),
        )
    if exchange.meeting is not None:
        for side, topics in versions(exchange).items():
            yield "agenda-agreement", "", side, agenda(exchange, topics)
        for side in proposed_readouts(exchange):
            yield "readout-agreement", "", side, readout(exchange, side)


def of_act(exchange: Exchange, side: str, act: str, members: Mapping[str, Any]) -> str:
    """Return the terms that an act of consent of a side has to name, by its other members; empty for any other act."""
    if act == "amendment":
        fields = {
            name: Raw(value if isinstance(value, Raw) else msgspec.json.encode(value))
            for name, value in members["fields"].items()
        }
        return whole(exchange, fields)
    whose = members.get("side", "")
    if not whose:
        whose = next((name for name in authors(exchange, act) if name != side), "")
    return terms(exchange, act, of=members.get("of", ""), side=whose)


def authors(exchange: Exchange, act: str) -> list[str]:
    """Return the sides of which an act takes the words, the opener first: an agenda, or a readout; nobody for any other act."""
    if act == "agenda-agreement":
        return [*versions(exchange)]
    return [*proposed_readouts(exchange)] if act == "readout-agreement" else []


def versions(exchange: Exchange) -> dict[str, Raw]:
    """Return each side's version of the agenda, the opener's own in its request among them."""
    raw_records = (
        {exchange.side: exchange.content["agenda"]} if "agenda" in exchange.content else {}
    )
    return {**raw_records, **(exchange.meeting.agendas if exchange.meeting is not None else {})}


def _all(exchange: Exchange) -> Iterator[Said]:
    for act in exchange.acts.values():
        yield from act


def _word(value: Raw | None) -> str:
    return "" if value is None else str(msgspec.json.decode(value))

"""Releases and public lines: what the sides say to the public together.

    release        proposed ──every release-consent──▶ agreed
    public-line    notified ──every agreement──▶ agreed

A release becomes public once every side of the channel has consented to the digest of
its text, with two officers each. Its time `publish_at` must have come. From then on
nobody can change its text or take it back. The records that prove it (`proving`) are
published with it. Nothing else that is said about it is published, before or
afterwards.

    extract({"act":"contact-note","form":"letter","text":"Met."}, without=("text",))
    {"act":"contact-note","form":"letter"}
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, Raw

from dragoman.domain.acts import consent, field_checks
from dragoman.domain.acts.act_rules import Format, Rule, Who, opening
from dragoman.domain.acts.families.amendments import check_terms
from dragoman.domain.acts.families.exchange import is_unattributed, moves_of_format
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import NameValue, Text, sentence, verbatim
from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts import continuing
from dragoman_schemas.acts.dialogue.release import (
    PublicLine,
    Release,
    ReleaseConsent,
    ReleasedRecord,
)
from dragoman_schemas.acts.office.channel import ErasedRecord
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import Exchange, Registry

_members = msgspec.json.Decoder(dict[str, Raw]).decode
_records = msgspec.json.Decoder(tuple[ReleasedRecord, ...]).decode

_CHANGES: Final = (
    continuing.Amendment
    | continuing.AmendmentAgreement
    | continuing.Correction
    | continuing.ConsentWithdrawal
)
_BESIDE: Final = ("text", "remarks", "attachments", "phrases")
"""Members of an act of consent that are no part of what a side consents to."""

PROVING: Final = frozenset(
    {"release", "correction", "amendment", "amendment-agreement", "release-consent", "second-key"}
)
"""Acts whose records may prove a release, and are then published with it."""

FIRST: Final = {"act"}
"""The member of an act that an extract always has."""

NAMING: Final = ("signed", "acting_for", "passed_by")
"""Members of any act that name an officer or a post.

A record in a release for members goes without them, whether it has them or not.
"""


def extract(act: bytes, without: Iterable[str]) -> bytes:
    """Return an act's bytes without some of its members.

    The other members keep their bytes and their order.
    """
    left_out = set(without) - FIRST
    members = (
        msgspec.json.encode(name) + b":" + bytes(value)
        for name, value in _members(act).items()
        if name not in left_out
    )
    return b"{" + b",".join(members) + b"}"


def records_of(exchange: Exchange) -> tuple[ReleasedRecord, ...]:
    """Return the records that a release names, as amended so far."""
    return _records(bytes(exchange.content["records"]))


def publish_at(exchange: Exchange) -> datetime:
    """Return the time from which a release is public, once all sides consent."""
    return datetime.fromisoformat(str(msgspec.json.decode(exchange.content["publish_at"])))


def fits(item: ReleasedRecord, record: Record) -> bool:
    """Return whether a record is the one in a release, and its extract matches."""
    data = extract(record.act, item.without or ())
    return item.commit == record.commit and (
        item.extract is UNSET or item.extract == hashlib.sha256(data).hexdigest()
    )


def proving(exchange: Exchange) -> set[int]:
    """Return the positions of the records of a release's own exchange that prove it.

    They are its opening, its corrections, and the amendments that every side accepted.
    They are also each side's consents that count for its text, and the second keys of
    all these. A reply, a question, or an amendment that was refused is not one of them.
    """
    accepted = [
        amendment
        for amendment in exchange.acts.get("amendment", ())
        if consent.is_taken(exchange, amendment)
    ]
    agreements = (
        agreement for amendment in accepted for agreement in consent.taking(exchange, amendment)
    )
    consents = consent.counting(exchange, ("release-consent",), consent.text_terms(exchange))
    changed = {
        exchange.opened.position,
        *(correction.corrected.position for correction in exchange.corrections),
    }
    positions = changed | {act.said.position for act in (*accepted, *agreements, *consents)}
    keys = (
        one_key.second.position
        for one_key in exchange.one_key
        if one_key.second is not None and one_key.sent.position in positions
    )
    return positions | {*keys}


def is_agreed(exchange: Exchange) -> bool:
    """Return whether every side consents to a release as it is."""
    return (
        exchange.act == "release"
        and exchange.cancellation is None
        and consent.parties(exchange) <= consent.agreed(exchange)
    )


def is_for_members(exchange: Exchange) -> bool:
    """Return whether a release is for the members alone, who may hand it over."""
    audience = exchange.content.get("audience")
    return audience is not None and msgspec.json.decode(audience) == "members"


def is_out(exchange: Exchange, now: datetime) -> bool:
    """Return whether the bundle of a release is given out at a moment."""
    return is_agreed(exchange) and publish_at(exchange) <= now


def is_public(exchange: Exchange, now: datetime) -> bool:
    """Return whether a release is public at a moment."""
    return is_out(exchange, now) and not is_for_members(exchange)


# Rules


def released_records(data: Act) -> tuple[tuple[ReleasedRecord, ...], str]:
    """Return the records that an act on a release names, and the pointer to them.

    The act is an opening, a correction or an amendment. Empty for any other act.
    """
    if isinstance(data, Release):
        return data.records, "/records"
    if (
        not isinstance(data, continuing.Correction | continuing.Amendment)
        or "records" not in data.fields
    ):
        return (), ""
    return _records(bytes(data.fields["records"])), "/fields/records"


def check(
    exchange_by_id: Callable[[str], Exchange | None],
    records: Callable[[str], Iterable[ErasedRecord]],
    data: Act,
) -> Refusal | None:
    """Refuse a release of records that may not be released.

    A record must be a record of the channel and have an effect. Its exchange must not
    be under the Chatham House Rule, since the release would name the speaker.
    `exchange_by_id` returns an exchange by its id, `records` its records. The function
    checks the records of an opening, and those that a correction or an amendment puts
    in their place.
    """
    return next(_faults(exchange_by_id, records, *released_records(data)), None)


def _faults(
    exchange_by_id: Callable[[str], Exchange | None],
    records: Callable[[str], Iterable[ErasedRecord]],
    items: tuple[ReleasedRecord, ...],
    pointer: str,
) -> Iterator[Refusal]:
    ids: set[str] = set()
    for index, item in enumerate(items):
        at = f"{pointer}/{index}"
        if item.record in ids:
            yield invalid(f"{at}/record", sentence("this is named twice; name it once"))
        ids.add(item.record)
        exchange = exchange_by_id(item.exchange)
        there = (
            next((record for record in records(item.exchange) if record.id == item.record), None)
            if exchange is not None
            else None
        )
        if exchange is None or there is None or there.void:
            detail = sentence(
                "%(id)s is not a record with effect in exchange %(exchange)s",
                id=item.record,
                exchange=item.exchange,
            )
            yield invalid(f"{at}/record", detail)
            continue
        if there.commit != item.commit:
            yield invalid(
                f"{at}/commit",
                sentence("this is not the commitment of record %(id)s", id=item.record),
            )
        if (item.without is UNSET) != (item.extract is UNSET):
            yield invalid(
                f"{at}/extract",
                sentence("name the members that are left out together with the digest of the rest"),
            )
        if is_unattributed(exchange):
            detail = sentence(
                "record %(id)s is under the Chatham House Rule: releasing it would name who spoke",
                id=item.record,
            )
            yield invalid(f"{at}/record", detail)
    yield from _without_dissent(exchange_by_id, items, pointer)


def _without_dissent(
    exchange_by_id: Callable[[str], Exchange | None],
    items: tuple[ReleasedRecord, ...],
    pointer: str,
) -> Iterator[Refusal]:
    """Yield a refusal for each report without a dissent that stands."""
    ids = {item.record for item in items}
    for index, item in enumerate(items):
        report = exchange_by_id(item.exchange) if item.record == item.exchange else None
        if report is None:
            continue
        for side, dissents in consent.standing_dissents(report).items():
            for number, dissent in dissents.items():
                if dissent.id not in ids:
                    detail = sentence(
                        "%(side)s dissents from paragraph %(n)s of %(report)s; release record "
                        "%(id)s with it",
                        side=side,
                        n=number,
                        report=report.number,
                        id=dissent.id,
                    )
                    yield invalid(f"{pointer}/{index}/record", detail)


def check_continuing(exchange: Exchange, record: Record) -> Refusal | None:
    """Refuse changes of a public release, and other words in acts that are published.

    A release is public by the time of the record. Acts of consent are published as its
    proof, so they must not have words of their own.
    """
    data = record.data
    fault = _check_change(exchange, data)
    if fault is not None:
        return fault
    if isinstance(data, _CHANGES) and is_out(
        exchange, datetime.fromisoformat(record.envelope.time)
    ):
        return invalid(
            "/act", sentence("this release is public; what is public cannot be taken back")
        )
    if not isinstance(data, ReleaseConsent | continuing.AmendmentAgreement | continuing.SecondKey):
        return None
    beside = next((name for name in _BESIDE if getattr(data, name) is not UNSET), "")
    return (
        invalid(
            f"/{beside}",
            sentence(
                "this act is published unchanged, so it must not have this member; write the rest in a reply"
            ),
        )
        if beside
        else None
    )


def _check_release(
    registry: Registry, exchange: Exchange | None, record: Record[Release]
) -> Refusal | None:
    data = record.data
    if data.audience == "members":
        refusal = _check_extracts(data.records, "/records")
        if refusal is not None:
            return refusal
    return field_checks.times(publish_at=data.publish_at)


def _check_change(exchange: Exchange, data: Act) -> Refusal | None:
    """Refuse a change after which a release for members would name an officer."""
    if not isinstance(data, continuing.Correction | continuing.Amendment):
        return None
    content = {**exchange.content, **data.fields}
    if bytes(content.get("audience", b"")) != b'"members"':
        return None
    changed = "records" if "records" in data.fields else "audience"
    return _check_extracts(_records(bytes(content["records"])), f"/fields/{changed}")


def _check_extracts(items: tuple[ReleasedRecord, ...], pointer: str) -> Refusal | None:
    """Refuse a record in a release for members that may name an officer."""
    for index, item in enumerate(items):
        if not {*NAMING} <= {*or_default(item.without, ())}:
            return invalid(
                f"{pointer}/{index}/without",
                sentence(
                    "a release for members names no speaker, so it takes only extracts; name "
                    "%(names)s in `without`, whether the record has them or not",
                    names=", ".join(NAMING),
                ),
            )
    return None


def _release_title(data: Release) -> Text:
    return sentence("Release: %(title)s", title=verbatim(data.title))


RELEASE: Final = Format(
    rule=opening("release", Release, "dialogue", two_key=True, check=_check_release),
    code="RELEASE",
    start="proposed",
    moves=moves_of_format(
        ("proposed", "agreed"),
        {"release-consent": {"proposed": "agreed", "agreed": "agreed"}},
        cancellable=("proposed",),
    ),
    kinds=frozenset({"official", "track2"}),
    copied_to_all=True,
    title=_release_title,
)


def _check_line(
    registry: Registry, exchange: Exchange | None, record: Record[PublicLine]
) -> Refusal | None:
    return field_checks.times(not_before=record.data.not_before)


def _line_title(data: PublicLine) -> Text:
    use = NameValue("value", data.use)
    return sentence("Public line, %(use)s: %(line)s", use=use, line=verbatim(data.line))


PUBLIC_LINE: Final = Format(
    rule=opening("public-line", PublicLine, "dialogue", check=_check_line),
    code="LINE",
    start="notified",
    moves=moves_of_format(
        ("notified", "refused", "agreed"),
        {"agreement": dict.fromkeys(("notified", "refused"), "agreed")},
        cancellable=("notified", "refused"),
        declinable=("notified", "refused"),
    ),
    holds=consent.refused_or("notified"),
    title=_line_title,
)

FORMATS: Final = (RELEASE, PUBLIC_LINE)

RULES: Final = (
    Rule(
        act="release-consent",
        shape=ReleaseConsent,
        who=Who.OTHER_SIGNATORY,
        consenting=True,
        acknowledges=True,
        answers=True,
        kept=True,
        check=check_terms,
        settle=consent.by_every_side,
    ),
)

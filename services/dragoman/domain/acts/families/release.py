"""Releases and public lines are what the sides say to the public together.

    release        proposed ──every release-consent──▶ agreed; public from `publish_at` on
    public-line    notified ──every agreement──▶ agreed

A release is public once every side of the channel consents to the digest of its text,
with two officers each, and its time has come. From then on its text cannot be changed
or taken back. With the records that it names, those are published that prove it
(`proving`), and nothing else that is said of it, before or afterwards.

    extract({"act":"contact-note","form":"letter","text":"Met."}, without=("text",))    {"act":"contact-note","form":"letter"}
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
from dragoman.domain.acts.families.exchange import is_unattributed, life
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
"""Members of an act of consent that nobody consents to."""

PROVING: Final = frozenset(
    {"release", "correction", "amendment", "amendment-agreement", "release-consent", "second-key"}
)
"""Acts whose records may prove a release, and are published with it then."""

FIRST: Final = {"act"}
"""The member of an act that an extract always has."""


def extract(act: bytes, without: Iterable[str]) -> bytes:
    """Return an act's bytes without some of its members; what is left stands as it did, in its order."""
    left_out = set(without) - FIRST
    members = (
        msgspec.json.encode(name) + b":" + bytes(value)
        for name, value in _members(act).items()
        if name not in left_out
    )
    return b"{" + b",".join(members) + b"}"


def records_of(exchange: Exchange) -> tuple[ReleasedRecord, ...]:
    """Return the records that a release names, as amended until now."""
    return _records(bytes(exchange.content["records"]))


def publish_at(exchange: Exchange) -> datetime:
    """Return the time from which a release is public, once all sides consent."""
    return datetime.fromisoformat(str(msgspec.json.decode(exchange.content["publish_at"])))


def fits(item: ReleasedRecord, record: Record) -> bool:
    """Return whether a record is the one that a release names, and its extract what is left of it."""
    data = extract(record.act, item.without or ())
    return item.commit == record.commit and (
        item.extract is UNSET or item.extract == hashlib.sha256(data).hexdigest()
    )


def proving(exchange: Exchange) -> set[int]:
    """Return the positions of the records of a release's own exchange that prove it.

    They are its opening and corrections, the amendments that every side took, each
    side's consents that count for its text, and the second keys of all these. A reply,
    a question, or an amendment that was left is none of them.
    """
    taken = [
        item for item in exchange.acts.get("amendment", ()) if consent.is_taken(exchange, item)
    ]
    takers = (item for amendment in taken for item in consent.taking(exchange, amendment))
    consents = consent.counting(exchange, ("release-consent",), consent.whole(exchange))
    changed = {
        exchange.opened.position,
        *(correction.corrected.position for correction in exchange.corrections),
    }
    result = changed | {taker.said.position for taker in (*taken, *takers, *consents)}
    keys = (
        one_key.second.position
        for one_key in exchange.one_key
        if one_key.second is not None and one_key.sent.position in result
    )
    return result | {*keys}


def is_agreed(exchange: Exchange) -> bool:
    """Return whether every side consents to a release as it is."""
    return (
        exchange.act == "release"
        and exchange.cancellation is None
        and consent.parties(exchange) <= consent.agreed(exchange)
    )


def is_public(exchange: Exchange, now: datetime) -> bool:
    """Return whether a release is public at a moment."""
    return is_agreed(exchange) and publish_at(exchange) <= now


# Rules


def named(data: Act) -> tuple[tuple[ReleasedRecord, ...], str]:
    """Return the records that an opening, a correction or an amendment of a release names, and where it names them."""
    if isinstance(data, Release):
        return data.records, "/records"
    if (
        not isinstance(data, continuing.Correction | continuing.Amendment)
        or "records" not in data.fields
    ):
        return (), ""
    return _records(bytes(data.fields["records"])), "/fields/records"


def check(
    known: Callable[[str], Exchange | None],
    records: Callable[[str], Iterable[ErasedRecord]],
    data: Act,
) -> Refusal | None:
    """Refuse to release what is no record of the channel, has no effect, or would name a speaker under the Chatham House Rule.

    `known` gives an exchange by its id, `records` its records. Looks at the records of
    an opening, and at those that a correction or an amendment puts in their place.
    """
    return next(_faults(known, records, *named(data)), None)


def _faults(
    known: Callable[[str], Exchange | None],
    records: Callable[[str], Iterable[ErasedRecord]],
    items: tuple[ReleasedRecord, ...],
    pointer: str,
) -> Iterator[Refusal]:
    texts: set[str] = set()
    for index, item in enumerate(items):
        at = f"{pointer}/{index}"
        if item.record in texts:
            yield invalid(f"{at}/record", sentence("a record is named twice; name it once"))
        texts.add(item.record)
        exchange = known(item.exchange)
        there = (
            next((record for record in records(item.exchange) if record.id == item.record), None)
            if exchange is not None
            else None
        )
        if exchange is None or there is None or there.void:
            detail = sentence(
                "%(id)s is no record with effect in exchange %(exchange)s",
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


def check_continuing(exchange: Exchange, record: Record) -> Refusal | None:
    """Refuse to change a release that is public by the time of the record, and words beside what is published as its proof."""
    data = record.data
    if isinstance(data, _CHANGES) and is_public(
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
            f"/{beside}", sentence("this act is published as it stands; say the rest in a reply")
        )
        if beside
        else None
    )


def _check_release(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    assert isinstance(record.data, Release)
    return field_checks.times(publish_at=record.data.publish_at)


def _release_title(data: Act) -> Text:
    assert isinstance(data, Release)
    return sentence("Release: %(title)s", title=verbatim(data.title))


RELEASE: Final = Format(
    rule=opening("release", Release, "dialogue", two_key=True, check=_check_release),
    code="RELEASE",
    start="proposed",
    moves=life(
        ("proposed", "agreed"),
        {"release-consent": {"proposed": "agreed", "agreed": "agreed"}},
        cancellable=("proposed",),
    ),
    kinds=frozenset({"official", "track2"}),
    copied_to_all=True,
    title=_release_title,
)


def _check_line(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    assert isinstance(record.data, PublicLine)
    return field_checks.times(not_before=record.data.not_before)


def _line_title(data: Act) -> Text:
    assert isinstance(data, PublicLine)
    use = NameValue("value", data.use)
    return sentence("Public line, %(use)s: %(line)s", use=use, line=verbatim(data.line))


PUBLIC_LINE: Final = Format(
    rule=opening("public-line", PublicLine, "dialogue", check=_check_line),
    code="LINE",
    start="notified",
    moves=life(
        ("notified", "agreed"), {"agreement": {"notified": "agreed"}}, cancellable=("notified",)
    ),
    title=_line_title,
)

FORMATS: Final = (RELEASE, PUBLIC_LINE)

RULES: Final = (
    Rule(
        act="release-consent",
        shape=ReleaseConsent,
        who=Who.OTHER,
        consenting=True,
        acknowledges=True,
        answers=True,
        kept=True,
        check=check_terms,
        settle=consent.by_every_side,
    ),
)

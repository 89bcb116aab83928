"""Exchanges that every side consented to take out of the record, and the entries that stand in a log for what they said (record.md §7).

    erasure-consent     root or an administrator of a side: names every record of whole exchanges
    erasure             root or an administrator of every side: the same, and what of each record is kept

In a trial, whose keys the host keeps, it signs an erasure for each side that has
consented, and an erasure is void without their consents. Where the sides keep their own
keys every side signs the erasure itself; a consent says before it that a side will.

From an erasure on its exchanges are gone from the state, on every gateway and in every
replay, whether the bytes are still in the log or not. Where they are not, the record's
leaf entry stands in their place, so that tree, proofs and heads stay as they were
signed. Such an entry is no more than junk unless an erasure further on names it: who
folds a log that has one must know the erasures before it begins. The fold takes the
record with an empty act: its id stays used up, its number counted, its time passed; it
is not judged again.

An exchange stays where the legality of others' records rests on it: a liaison office,
by whose calendar clocks are judged, and a request for explanation, on whose ladder
meetings stand; and where a service opened it, which said nothing of its own.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import islice
from typing import Final

from msgspec import UNSET, Raw, Struct
from msgspec.structs import replace

from dragoman.domain.acts.access import ROOT, SERVICE
from dragoman.domain.record.codec import NotARecord, Record, parse
from dragoman.domain.record.errors import Refusal, invalid, make_refusal
from dragoman.limits import CONSENTED_EXCHANGES
from dragoman.text import NameValue, sentence
from dragoman.tlog import leaf
from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts.office.channel import ErasedRecord, Erasure, ErasureConsent
from dragoman_schemas.record import Envelope
from dragoman_schemas.state import Consent, Registry, Stamp

LASTING: Final = frozenset({"liaison-office", "explanation-request"})
"""Formats whose exchanges stay: other exchanges' records were legal by them."""

_MARK: Final = b',"type":"dragoman.erasure.v'

Naming = Erasure | ErasureConsent
"""What names every record of whole exchanges."""

RecordsOf = Callable[[str], Iterable[ErasedRecord]]
"""Every record of an exchange, void ones too, in the order of the log."""


class Withheld(Struct, frozen=True, kw_only=True, gc=False):
    """A record whose bytes may be gone, as an erasure at the position `by` has it."""

    record: ErasedRecord
    by: int


Named = Mapping[int, Withheld]
"""What erasures say of records, by position. Whether those erasures are legal is found
out when the fold comes to them.
"""


def left_of(position: int, record: Record, *, void: bool) -> ErasedRecord:
    """Return what of a record an erasure keeps."""
    e = record.envelope
    return ErasedRecord(
        position=position,
        commit=record.commit,
        id=e.id,
        type=e.type,
        subject=e.subject,
        time=e.time,
        actor=e.actor,
        void=void,
    )


def named_in(messages: Iterable[tuple[int, bytes]]) -> dict[int, Withheld]:
    """Return what the erasures among these messages name, by position; the first of several is the one that counts."""
    withheld_records: dict[int, Withheld] = {}
    for position, raw in messages:
        if _MARK not in raw:
            continue
        try:
            data = parse(raw).data
        except NotARecord:
            continue
        if isinstance(data, Erasure):
            for record in data.records:
                if record.position < position:
                    withheld_records.setdefault(
                        record.position, Withheld(record=record, by=position)
                    )
    return withheld_records


def entry_of(record: ErasedRecord) -> bytes:
    """Return the leaf entry that stands for the record."""
    return leaf.entry(record.position - 1, record.commit)


def exchanges_of(data: Naming) -> tuple[str, ...]:
    """Return the exchanges that are taken out, each once."""
    return tuple(dict.fromkeys(record.subject for record in data.records))


def hash_of(data: Naming) -> str:
    """Return what an erasure and the consents to it have in common: the hash of the records that they name."""
    text = "".join(f"{record.position} {record.commit}\n" for record in data.records)
    return hashlib.sha256(f"dragoman-erasure/v1\n{text}".encode()).hexdigest()


def consenting(registry: Registry, records: str) -> dict[str, Stamp]:
    """Return the sides that have consented to the erasure of just these records, and who when: root or an administrator who is still in office."""
    sides = next((consent.sides for consent in registry.consents if consent.records == records), {})
    return {side: stamp for side, stamp in sides.items() if _speaks(registry, stamp.by)}


def _speaks(registry: Registry, actor: str) -> bool:
    """Return whether an actor still has a key and, if no root, an administrator's office."""
    officer = registry.officers.get(actor)
    in_office = officer is not None and officer.until is None and "administrator" in officer.roles
    return (in_office or actor.endswith(f"/{ROOT}")) and any(
        key.owner == actor and key.until is None for key in registry.keys.values()
    )


def consents_after(
    registry: Registry, data: ErasureConsent, side: str, stamp: Stamp
) -> tuple[Consent, ...]:
    """Return the consents after one more, or after one was taken back. A side has one word on each exchange, its last."""
    exchanges, records = exchanges_of(data), hash_of(data)
    consents = [
        replace(
            consent, sides={name: value for name, value in consent.sides.items() if name != side}
        )
        if side in consent.sides and not set(exchanges).isdisjoint(consent.exchanges)
        else consent
        for consent in registry.consents
    ]
    if data.withdrawn is not True:
        sides = next((consent.sides for consent in consents if consent.records == records), {})
        consents = [consent for consent in consents if consent.records != records]
        consents.append(Consent(exchanges=exchanges, records=records, sides={**sides, side: stamp}))
    return tuple(consent for consent in consents if consent.sides)


def consents_without(registry: Registry, gone: Collection[str]) -> tuple[Consent, ...]:
    """Return the consents that are left when exchanges are gone."""
    return tuple(
        consent for consent in registry.consents if set(consent.exchanges).isdisjoint(gone)
    )


def names_records(raw: bytes) -> bool:
    """Return whether a message may be an erasure or a consent to one."""
    return b',"type":"dragoman.erasure' in raw


def leaf_entry(position: int, raw: bytes, withhelds: Named) -> bytes:
    """Return the leaf entry of a message: the message itself, where it stands for a record."""
    return (
        leaf.entry(position - 1, leaf.commit(raw))
        if standing_in(raw, position, withhelds.get) is None
        else raw
    )


def standing_in(
    raw: bytes, position: int, named: Callable[[int], Withheld | None]
) -> ErasedRecord | None:
    """Return the record that a message stands for; None where it is no entry, or is named by no erasure."""
    entry = leaf.read_entry(raw)
    withheld = None if entry is None else named(position)
    return (
        withheld.record
        if withheld is not None and entry == (position - 1, withheld.record.commit)
        else None
    )


def emptied(channel: str, family: str, erased_record: ErasedRecord, raw: bytes) -> Record:
    """Return a record with an empty act, of what is left of it."""
    act = erased_record.type.split(".")[1]
    envelope = Envelope(
        id=erased_record.id,
        source="",
        type=erased_record.type,
        subject=erased_record.subject,
        time=erased_record.time,
        dataschema="",
        channel=channel,
        family=family,
        actor=erased_record.actor,
        decided="0",
        attestation="host",
        salt="",
        data=Raw(),
    )
    side = erased_record.actor.partition("/")[0]
    return Record(
        envelope=envelope,
        act=b"",
        newest=b"",
        data=Act(signed=UNSET),
        raw=raw,
        commit=erased_record.commit,
        name=act,
        side=side,
    )


def check(
    registry: Registry, formats: Iterable[str], records_of: RecordsOf, side: str, data: Naming
) -> Refusal | None:
    """Whole exchanges that may be erased, each with every record that it has, by consent. `formats` are the acts that open exchanges."""
    return _check_records(registry, formats, records_of, data) or _check_consents(
        registry, side, data
    )


def _check_consents(registry: Registry, side: str, data: Naming) -> Refusal | None:
    stamps = consenting(registry, hash_of(data))
    if isinstance(data, ErasureConsent):
        return _check_consent(registry, side, data, consented=side in stamps)
    if registry.custody != "host":
        return None
    if data.reason is not UNSET:
        return invalid(
            "/reason", sentence("in a trial each side's reason stands in its consent; leave it out")
        )
    silent = [
        side_state.name for side_state in registry.sides if side_state.name not in (side, *stamps)
    ]
    return not_consented(silent) if silent else None


def _check_consent(
    registry: Registry, side: str, data: ErasureConsent, *, consented: bool
) -> Refusal | None:
    if data.withdrawn is True:
        there = any(
            side in consent.sides and consent.records == hash_of(data)
            for consent in registry.consents
        )
        return (
            None
            if there
            else invalid(
                "/withdrawn",
                sentence("%(side)s has not consented to this", side=NameValue("side", side)),
            )
        )
    if consented:
        return invalid(
            "/records",
            sentence("%(side)s has consented to this already", side=NameValue("side", side)),
        )
    exchanges = set(exchanges_of(data))
    rows = (
        consent.exchanges
        for consent in registry.consents
        if side in consent.sides and exchanges.isdisjoint(consent.exchanges)
    )
    if len(exchanges.union(*rows)) <= CONSENTED_EXCHANGES:
        return None
    detail = sentence(
        "%(n)s exchanges wait for the other sides at once, and no more; carry some out first",
        n=CONSENTED_EXCHANGES,
    )
    return invalid("/records", detail)


def not_consented(sides: Iterable[str]) -> Refusal:
    """Return why an erasure in a trial is void without the consents of these."""
    return make_refusal(
        "not-permitted",
        "%(sides)s has not consented to the erasure of just these records; an administrator there posts erasure-consent with them first.",
        sides=tuple(NameValue("side", side) for side in sides),
    )


def _check_records(
    registry: Registry, formats: Iterable[str], records_of: RecordsOf, data: Naming
) -> Refusal | None:
    erased_records: list[ErasedRecord] = []
    for exchange in exchanges_of(data):
        gone = exchange == registry.id or exchange in registry.erased
        records = (
            () if gone else tuple(islice(records_of(exchange), len(data.records) + 1))
        )  # with one too many it is wrong already
        opening = next(
            (record for record in records if not record.void and record.id == exchange), None
        )
        act = "" if opening is None else opening.type.split(".")[1]
        if act not in formats:
            return invalid(
                "/records",
                sentence(
                    "there is no exchange %(exchange)s that could be erased: the channel's own acts stay, and what is gone is gone",
                    exchange=exchange,
                ),
            )
        if act in LASTING or (opening is not None and opening.actor.startswith(f"{SERVICE}/")):
            return invalid(
                "/records",
                sentence(
                    "%(exchange)s is a %(act)s that others' records rest on, or of a service: it stays",
                    exchange=exchange,
                    act=act,
                ),
            )
        erased_records += records
        if len(erased_records) > len(data.records):
            break
    if list(data.records) != sorted(
        erased_records, key=lambda erased_record: erased_record.position
    ):
        return invalid(
            "/records",
            sentence(
                "name every record of these exchanges as the log has them by now; draft it anew"
            ),
        )
    return None

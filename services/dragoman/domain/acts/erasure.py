"""Erasure: all sides together take whole exchanges out of the record.

    erasure-consent   root or an administrator of a side; names every record
    erasure           root or an administrator of every side; the same, and what stays

In a trial the host keeps all keys. It signs an erasure for each side that has
consented, and without their consents an erasure is void. Where the sides keep their own
keys, every side signs the erasure itself. A consent announces that a side will.

An erasure removes its exchanges from the state, on every gateway and in every replay,
whether the bytes are still in the log or not. If the bytes are gone, the record's leaf
entry (the stub) is in their place, so that tree, proofs and heads stay valid. A stub is
junk unless a later erasure names it, so a reader must know all erasures before it
folds. The fold takes the record with an empty act. Its id stays used up, its number and
its time count, and it is not judged again.

Some exchanges cannot be erased, because other records are legal by them: a liaison
office (its calendar sets deadlines), a request for explanation (meetings rest on it),
and exchanges that a service opened. See docs/spec/record.md §15.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping
from itertools import islice
from typing import Final

from msgspec import UNSET, Raw, Struct
from msgspec.structs import replace

from dragoman.domain.acts.access import ROOT, SERVICE, full_sides
from dragoman.domain.record.codec import NotARecord, Record, parse_stored
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
"""An act that names every record of whole exchanges."""

RecordsOf = Callable[[str], Iterable[ErasedRecord]]
"""Every record of an exchange, void ones too, in the order of the log."""


class Withheld(Struct, frozen=True, kw_only=True, gc=False):
    """A record whose bytes may be gone, as an erasure at the position `by` names it.

    `others` are the positions of further erasures that name it alike, in order. The
    first may be void, because two administrators may post the same erasure at the same
    time.
    """

    record: ErasedRecord
    by: int
    others: tuple[int, ...] = ()


Named = Mapping[int, Withheld]
"""Records that erasures name, by position. The fold finds out later whether those
erasures are legal.
"""


def left_of(position: int, record: Record, *, void: bool) -> ErasedRecord:
    """Return the values of a record that an erasure keeps."""
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
    """Return the records that erasures among these messages name, by position.

    The first erasure that names a position decides. Later erasures that name the record
    alike are listed with it; those that say something else of it are passed over.
    """
    withheld_records: dict[int, Withheld] = {}
    for position, raw in messages:
        if _MARK not in raw:
            continue
        try:
            data = parse_stored(raw).data
        except NotARecord:
            continue
        if isinstance(data, Erasure):
            for record in data.records:
                if record.position < position:
                    _name(withheld_records, record, position)
    return withheld_records


def _name(withheld_records: dict[int, Withheld], record: ErasedRecord, by: int) -> None:
    earlier = withheld_records.get(record.position)
    if earlier is None:
        withheld_records[record.position] = Withheld(record=record, by=by)
    elif earlier.record == record:
        withheld_records[record.position] = replace(earlier, others=(*earlier.others, by))


def merge_named(earlier: Named, later: Named) -> dict[int, Withheld]:
    """Return the records that erasures name in two successive parts of a log."""
    merged = dict(earlier)
    for withheld in later.values():
        for by in (withheld.by, *withheld.others):
            _name(merged, withheld.record, by)
    return merged


def wait_for_next(
    unproven: MutableMapping[int, int], withheld_records: Named, position: int
) -> None:
    """Let records that waited for a void erasure wait for the next that names them.

    `unproven` holds, by the position of a withheld record, the position of the erasure
    that is to prove it. A record that no later erasure names still waits for the void
    one, and the caller reports it.
    """
    for at in [at for at, by in unproven.items() if by == position]:
        following = next((by for by in withheld_records[at].others if by > position), 0)
        if following:
            unproven[at] = following


def entry_of(record: ErasedRecord) -> bytes:
    """Return the leaf entry that stands for the record."""
    return leaf.entry(record.position - 1, record.commit)


def exchanges_of(data: Naming) -> tuple[str, ...]:
    """Return the exchanges that are taken out, each once."""
    return tuple(dict.fromkeys(record.subject for record in data.records))


def hash_of(data: Naming) -> str:
    """Return the hash of the records that an erasure, or a consent to it, names."""
    text = "".join(f"{record.position} {record.commit}\n" for record in data.records)
    return hashlib.sha256(f"dragoman-erasure/v1\n{text}".encode()).hexdigest()


def consenting(registry: Registry, records: str) -> dict[str, Stamp]:
    """Return the sides that consented to the erasure of these records, with stamps.

    A consent counts while the root or administrator who gave it is in office.
    """
    sides = next((consent.sides for consent in registry.consents if consent.records == records), {})
    return {side: stamp for side, stamp in sides.items() if _speaks(registry, stamp.by)}


def _speaks(registry: Registry, actor: str) -> bool:
    """Return whether an actor has a key, and is root or an administrator in office."""
    officer = registry.officers.get(actor)
    in_office = officer is not None and officer.until is None and "administrator" in officer.roles
    return (in_office or actor.endswith(f"/{ROOT}")) and any(
        key.owner == actor and key.until is None for key in registry.keys.values()
    )


def consents_after(
    registry: Registry, data: ErasureConsent, side: str, stamp: Stamp
) -> tuple[Consent, ...]:
    """Return the consents after one more consent, or after one was withdrawn.

    Of each side, only its last word on an exchange counts.
    """
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


def leaf_entry(position: int, raw: bytes, withheld_records: Named) -> bytes:
    """Return the leaf entry of a message; a stub is its own leaf entry."""
    return (
        leaf.entry(position - 1, leaf.commit(raw))
        if standing_in(raw, position, withheld_records.get) is None
        else raw
    )


def standing_in(
    raw: bytes, position: int, withheld_at: Callable[[int], Withheld | None]
) -> ErasedRecord | None:
    """Return the record that a stub stands for; None if the message is not a stub."""
    entry = leaf.read_entry(raw)
    withheld = None if entry is None else withheld_at(position)
    return (
        withheld.record
        if withheld is not None and entry == (position - 1, withheld.record.commit)
        else None
    )


def act_of(erased_record: ErasedRecord) -> str:
    """Return the act in the type of an erased record; empty if there is no act."""
    return erased_record.type.partition(".")[2].partition(".")[0]


def emptied(channel: str, family: str, erased_record: ErasedRecord, raw: bytes) -> Record:
    """Return a record with an empty act, of what is left of it."""
    act = act_of(erased_record)
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
    """Return the refusal of an erasure, or None.

    It must name whole exchanges that may be erased, with every record, by consent.
    `formats` are the acts that open exchanges.
    """
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
            "/reason",
            sentence("in a trial each side gives its reason in its consent; leave it out"),
        )
    silent = [name for name in full_sides(registry) if name not in (side, *stamps)]
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
    """Return the refusal of a trial's erasure without the consents of these sides."""
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
        act = "" if opening is None else act_of(opening)
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
                "name every record of these exchanges as the log has them now; draft it again"
            ),
        )
    return None

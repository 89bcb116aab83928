"""The verification of a published bundle, with only the log's key.

    proved = verify(path.read_bytes(), log=verifier, cid="")
    proved.sides        every side of the channel; two officers of each consented
    proved.whole        records whose bytes are in the log exactly so
    proved.extracts     extracts on which every side agreed; the log proves that their
                        records are there
    proved.is_public    false where the sides released it for the members alone

There are six steps, in this order:

    1. the signed head
    2. the proof of each record
    3. the sides, by the channel's opening
    4. the text, by the release's own records
    5. each side's consent to the digest of the text
    6. the records, as the text lists them

The bundle proves only what is in it. It does not prove that an officer was in office. A
record outside the bundle may have taken a consent back, or changed or cancelled the
release. Only the whole log shows that.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct

from dragoman.domain.acts import consent
from dragoman.domain.acts.families import genesis as genesis_module
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.acts.families.release import NAMING
from dragoman.domain.record import nesting
from dragoman.domain.record.codec import NotARecord, Record, parse_stored
from dragoman.text import Text, sentence
from dragoman.tlog import checkpoint, dsse, leaf, note, proof
from dragoman.tlog.note import NotANote, Verifier
from dragoman_schemas.acts.continuing import (
    Amendment,
    AmendmentAgreement,
    ConsentWithdrawal,
    Correction,
    SecondKey,
)
from dragoman_schemas.acts.dialogue.release import Release, ReleaseConsent, ReleasedRecord
from dragoman_schemas.acts.office.channel import (
    ChannelOpening,
    GenesisSide,
    LogHandover,
    SideAdmission,
)
from dragoman_schemas.fields import or_default
from dragoman_schemas.release_bundle import Bundle, BundledRecord

_records: Final = msgspec.json.Decoder(tuple[ReleasedRecord, ...]).decode
_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode


_MEMBERS: Final = b'"members"'
_NONE: Final = BundledRecord(position=1, proof="")
"""A placeholder for a missing opening: it is no record."""


class NotProved(Exception):
    """A bundle that does not prove its content; the message says why."""

    def __init__(self, text: Text) -> None:
        """Keep the reason."""
        super().__init__(str(text))
        self.said = text


class Proved(Struct, frozen=True, kw_only=True):
    """The proven content of a bundle: records of a channel at positions under a head.

    `head` is the number of records of the head, and `sides` are the sides that released
    the records. `text` has the members of the release to which every side consented,
    and `terms` their digest. `whole`, `extracts` and `withheld` are positions. `acts`
    has the act of each record as the bundle shows it, by the record's id.
    """

    channel: str
    cid: str
    log: str
    head: int
    sides: tuple[str, ...]
    release: str
    terms: str
    text: dict[str, Raw]
    acts: dict[str, str]
    whole: tuple[int, ...]
    extracts: tuple[int, ...]
    withheld: tuple[int, ...]

    @property
    def is_public(self) -> bool:
        """Return whether the sides released the records for anybody to read."""
        return bytes(self.text.get("audience", b"")) != _MEMBERS


def verify(raw: bytes, *, log: Verifier | None = None, cid: str = "") -> Proved:
    """Verify a bundle by the log's key or the channel's id. Raises `NotProved`.

    A reader has either from a side. After a handover of the log it must be the id: only
    that binds the roots that have signed it. Without both, the bundle is verified by
    the key that it names itself. Then it only proves that it agrees with itself.
    """
    try:
        bundle = nesting.decode(raw, Bundle)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotProved(sentence("this is not a bundle: %(error)s", error=str(error))) from None
    verifier = _verifier(bundle.log)
    if log is not None and str(log) != str(verifier):
        raise NotProved(
            sentence(
                "it is of the log %(log)s, and not of the one that was asked for", log=bundle.log
            )
        )
    keys = _keys(bundle, verifier)
    if log is not None and not cid and keys.later:
        raise NotProved(
            sentence(
                "its log was handed over to another key, which its first key does not prove: "
                "give the channel’s id, too"
            )
        )
    sizes = {
        _check_proof(bundled_record, keys)
        for bundled_record in (*bundle.opening, *bundle.consents, *bundle.records)
    }
    sides = _sides(bundle, verifier, cid)
    release_records = _read_release(bundle)
    text = _text(bundle, release_records, sides)
    _check_consents(bundle, release_records, sides)
    whole, extracts, withheld = _check_records(bundle, text)
    return Proved(
        channel=bundle.channel,
        cid=bundle.cid,
        log=bundle.log,
        head=max(sizes),
        sides=tuple(sorted(sides)),
        release=bundle.release,
        terms=bundle.terms,
        text=text,
        acts=_acts(bundle, text),
        whole=whole,
        extracts=extracts,
        withheld=withheld,
    )


def _keys(bundle: Bundle, log: Verifier) -> Verifier:
    """Return the log's key with those of the handovers in a bundle.

    A handover counts by the root keys of every side. One that administrators have
    signed is followed by a replay alone.
    """
    records = [(item.position, _record(item)) for item in bundle.opening if item.record]
    records.sort(key=lambda pair: pair[0])
    sides: list[GenesisSide] = []
    for position, record in records:
        match record.data:
            case ChannelOpening() as data:
                sides += data.sides
            case SideAdmission() as data:
                sides.append(data.side)
            case LogHandover():
                log = genesis_module.handed_over(log, bundle.cid, sides, position, record)
    return log


def _verifier(text: str) -> Verifier:
    try:
        return note.read_verifier(text)
    except NotANote as error:
        raise NotProved(sentence("its log has no key: %(error)s", error=error.said)) from None


def _check_proof(bundled_record: BundledRecord, log: Verifier) -> int:
    """Prove that a record is at its position, and return the size of the head.

    Raises `NotProved`.
    """
    try:
        record_proof = proof.read(bundled_record.proof.encode())
        commit = (
            leaf.commit(bundled_record.record.encode())
            if bundled_record.record
            else bundled_record.commit
        )
        head = checkpoint.read(
            proof.verify(record_proof, leaf.entry(record_proof.index, commit), log).text
        )
    except (NotANote, ValueError) as error:
        raise NotProved(
            sentence(
                "record %(n)s is not proved: %(error)s", n=bundled_record.position, error=str(error)
            )
        ) from None
    if record_proof.index != bundled_record.position - 1:
        raise NotProved(
            sentence(
                "record %(n)s is not proved: its proof is of record %(other)s",
                n=bundled_record.position,
                other=record_proof.index + 1,
            )
        )
    return head.size


def _record(bundled_record: BundledRecord) -> Record:
    try:
        return parse_stored(bundled_record.record.encode())
    except NotARecord as error:
        raise NotProved(
            sentence(
                "record %(n)s is not a record: %(error)s",
                n=bundled_record.position,
                error=error.said,
            )
        ) from None


def _sides(bundle: Bundle, log: Verifier, cid: str) -> set[str]:
    """Return the sides of the channel at the proposal of the release.

    They come from the opening and the admissions, without the observers. Raises
    `NotProved`.
    """
    genesis, *admissions = sorted(
        bundle.opening, key=lambda bundled_record: bundled_record.position
    ) or [_NONE]
    opened = _record(genesis)
    if genesis.position != 1 or not isinstance(opened.data, ChannelOpening):
        raise NotProved(sentence("it does not begin with the opening of the channel"))
    text = genesis_module.cid_of(opened.act)
    if bundle.cid != text or (cid and cid != text) or bundle.channel != opened.data.name:
        raise NotProved(
            sentence(
                "it is of the channel %(cid)s, and not of the one that was asked for", cid=text
            )
        )
    key = Verifier(
        opened.data.origin, note.ED25519, dsse.decode_base64(opened.data.log_key, 32) or bytes(32)
    )
    if str(key) != str(log):
        raise NotProved(sentence("the opening of the channel names another log than the bundle"))
    proposed = min((record.position for record in bundle.consents), default=0)
    members = [*opened.data.sides]
    for admission in admissions:
        data = _record(admission).data
        if isinstance(data, SideAdmission) and admission.position < proposed:
            members.append(data.side)
    sides = {side.name for side in members if side.observer is not True}
    if {*bundle.sides} != sides:
        raise NotProved(
            sentence(
                "its sides are not those of the channel: %(sides)s", sides=", ".join(sorted(sides))
            )
        )
    return sides


class _ReleaseRecords(Struct, frozen=True, kw_only=True):
    """The records of the release itself, in order.

    `counting` are the ids of the records that have two officers behind them and were
    not taken back.
    """

    records: tuple[Record, ...]
    counting: frozenset[str]


def _read_release(bundle: Bundle) -> _ReleaseRecords:
    """Return the release's own records. Raises `NotProved`."""
    records = []
    for bundled_record in sorted(
        bundle.consents, key=lambda bundled_record: bundled_record.position
    ):
        record = _record(bundled_record)
        if record.envelope.subject != bundle.release:
            raise NotProved(
                sentence(
                    "record %(n)s is of another exchange than the release",
                    n=bundled_record.position,
                )
            )
        records.append(record)
    back = {record.data.of for record in records if isinstance(record.data, ConsentWithdrawal)}
    seconds = {
        (record.data.of, record.envelope.actor)
        for record in records
        if isinstance(record.data, SecondKey)
    }
    seconds |= {
        (record.envelope.id, str(record.envelope.releasedby))
        for record in records
        if record.envelope.releasedby is not UNSET
    }
    counting = (
        record.envelope.id
        for record in records
        for of, second in seconds
        if of == record.envelope.id
        and second != record.envelope.actor
        and second.partition("/")[0] == record.side
    )
    return _ReleaseRecords(records=tuple(records), counting=frozenset(counting) - back)


def _text(bundle: Bundle, release_records: _ReleaseRecords, sides: set[str]) -> dict[str, Raw]:
    """Return the members of the text, as the release's records give it for all sides.

    Raises `NotProved`.
    """
    try:
        release = nesting.decode(bundle.text.encode(), _Text)
        text = _members(bundle.text.encode())
        at = f"{datetime.fromisoformat(release.publish_at).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (msgspec.MsgspecError, UnicodeEncodeError, ValueError) as error:
        raise NotProved(sentence("its text is not valid: %(error)s", error=str(error))) from None
    _check_text(bundle, release_records, sides, text)
    if bundle.publish_at != at:
        raise NotProved(sentence("the time that it names is not the one of its text"))
    return text


class _Text(Struct, frozen=True, kw_only=True):
    """The members of a release's text that its bundle also has."""

    publish_at: str
    records: tuple[ReleasedRecord, ...]


def _check_text(
    bundle: Bundle, release_records: _ReleaseRecords, sides: set[str], text: dict[str, Raw]
) -> None:
    """Check the text against the release's records. Raises `NotProved`.

    They are its opening, its author's corrections, and the amendments of every side.
    """
    expected: dict[str, Raw] = {}
    amendments: dict[str, dict[str, Raw]] = {}
    takers: dict[str, set[str]] = {}
    for record in release_records.records:
        id, data = record.envelope.id, record.data
        counts = id in release_records.counting
        match data:
            case Release() if id == bundle.release:
                expected = {
                    name: value
                    for name, value in content_of(record.act).items()
                    if name not in consent.BESIDE
                }
            case Correction():
                expected |= {
                    name: value for name, value in data.fields.items() if name not in consent.BESIDE
                }
            case Amendment():
                amendments[id], takers[id] = data.fields, {record.side} if counts else set()
            case AmendmentAgreement() if counts:
                takers.setdefault(data.of, set()).add(record.side)
    for id, fields in amendments.items():
        if sides <= takers[id]:
            expected |= fields
    if bundle.text.encode() != consent.bytes_of(expected):
        raise NotProved(sentence("its text is not the one that the records of the release give"))
    if consent.digest(bundle.release, "text", text) != bundle.terms:
        raise NotProved(sentence("its terms are not the digest of its text"))


def _check_consents(bundle: Bundle, release_records: _ReleaseRecords, sides: set[str]) -> None:
    """Check that each side has consented to these terms by two officers.

    Nothing in the bundle may take a consent back. Raises `NotProved`.
    """
    agreed = {
        record.side
        for record in release_records.records
        if record.envelope.id in release_records.counting
        and (isinstance(record.data, Release) or _terms(record) == bundle.terms)
    }
    missing = sorted(sides - agreed)
    if missing:
        raise NotProved(
            sentence(
                "no consent of %(sides)s by two officers to these terms is in it",
                sides=", ".join(missing),
            )
        )


def _terms(record: Record) -> str:
    return (
        record.data.terms
        if isinstance(record.data, ReleaseConsent | Amendment | AmendmentAgreement)
        else ""
    )


def _check_records(
    bundle: Bundle, text: dict[str, Raw]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Check the records against the text, and return their positions by kind.

    The kinds are whole, in extracts, and withheld. Raises `NotProved`.
    """
    records: Any = _records(bytes(text["records"]))
    if len(records) != len(bundle.records):
        raise NotProved(
            sentence(
                "it has %(n)s records, and its text lists %(m)s",
                n=len(bundle.records),
                m=len(records),
            )
        )
    whole, extracts, withheld = [], [], []
    for_members = bytes(text.get("audience", b"")) == _MEMBERS
    for item, record in zip(records, bundle.records, strict=True):
        if for_members and not {*NAMING} <= {*or_default(item.without, ())}:
            raise NotProved(
                sentence(
                    "record %(n)s may name an officer, in a release that is only for the members",
                    n=record.position,
                )
            )
        commit = leaf.commit(record.record.encode()) if record.record else record.commit
        if commit != item.commit:
            raise NotProved(
                sentence("record %(n)s is another one than its text lists", n=record.position)
            )
        if item.without is UNSET and record.record and not record.extract:
            whole.append(record.position)
        elif item.without is not UNSET and record.extract and not record.record:
            _check_extract(item, record)
            extracts.append(record.position)
        elif record.record or record.extract:
            raise NotProved(
                sentence(
                    "record %(n)s shows other members than every side agreed to", n=record.position
                )
            )
        else:
            withheld.append(record.position)
    return tuple(whole), tuple(extracts), tuple(withheld)


def _acts(bundle: Bundle, text: dict[str, Raw]) -> dict[str, str]:
    """Return the acts of the records that are shown, by the ids of the records."""
    shown = zip(_records(bytes(text["records"])), bundle.records, strict=True)
    return {
        item.record: record.extract or _record(record).act.decode()
        for item, record in shown
        if record.extract or record.record
    }


def _check_extract(item: ReleasedRecord, bundled_record: BundledRecord) -> None:
    if hashlib.sha256(bundled_record.extract.encode()).hexdigest() != item.extract:
        raise NotProved(
            sentence(
                "the extract of record %(n)s is another one than every side agreed to",
                n=bundled_record.position,
            )
        )
    if nesting.is_deeper(bundled_record.extract.encode(), nesting.RECORD_DEPTH):
        raise NotProved(
            sentence("the extract of record %(n)s is nested too deep", n=bundled_record.position)
        )

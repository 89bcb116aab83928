"""Verifies a published bundle: with the log's key, and nothing else from anybody.

    found = verify(path.read_bytes(), log=verifier, cid="")
    found.sides             every side of the channel, each of which consented by two officers
    found.whole             records whose bytes are in the log exactly so
    found.extracts          extracts, which every side agreed to say so; the log proves that their records stand there

Six steps, in this order: the signed head; the proof of each record; the sides, by the
channel's opening; the text, by the release's own records; each side's consent to the
digest of the text; and the records, as the text lists them. What is not in the bundle
is not proved by it: whether an officer was in office, and whether a consent that is in
it was taken back, or the release changed or cancelled, by a record that was left out of
it. That is asked of the whole log.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct

from dragoman.domain.acts import consent
from dragoman.domain.acts.families import channel
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.record.codec import NotARecord, Record, parse
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
from dragoman_schemas.acts.office.channel import ChannelOpening, SideAdmission
from dragoman_schemas.release_bundle import Bundle, BundledRecord

_records: Final = msgspec.json.Decoder(tuple[ReleasedRecord, ...]).decode
_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode


_NONE: Final = BundledRecord(position=1, proof="")
"""Stands where a bundle has no opening: it is no record."""


class NotProved(Exception):
    """A bundle that does not prove what it says, and why."""

    def __init__(self, text: Text) -> None:
        """Say why."""
        super().__init__(str(text))
        self.said = text


class Proved(Struct, frozen=True, kw_only=True):
    """A bundle proves this: records of a channel and its log, at positions under a head of so many, released by these sides.

    `text` are the members of the release that every side consented to, and `terms`
    their digest; `whole`, `extracts` and `withheld` the positions.
    """

    channel: str
    cid: str
    log: str
    head: int
    sides: tuple[str, ...]
    terms: str
    text: dict[str, Raw]
    whole: tuple[int, ...]
    extracts: tuple[int, ...]
    withheld: tuple[int, ...]


def verify(raw: bytes, *, log: Verifier | None = None, cid: str = "") -> Proved:
    """Verify a bundle, by the log's key or the channel's id as a reader has them from a side. Raises `NotProved`.

    Without either it is verified by the key that it names itself: then it proves that
    it agrees with itself, and no more.
    """
    try:
        bundle = msgspec.json.decode(raw, type=Bundle)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotProved(sentence("this is no bundle: %(error)s", error=str(error))) from None
    verifier = _verifier(bundle.log)
    if log is not None and str(log) != str(verifier):
        raise NotProved(
            sentence(
                "it is of the log %(log)s, and not of the one that was asked for", log=bundle.log
            )
        )
    sizes = {
        _proved(bundled_record, verifier)
        for bundled_record in (*bundle.opening, *bundle.consents, *bundle.records)
    }
    sides = _sides(bundle, verifier, cid)
    release_records = _said(bundle)
    text = _text(bundle, release_records, sides)
    _check_consents(bundle, release_records, sides)
    whole, extracts, withheld = _check_records(bundle, text)
    return Proved(
        channel=bundle.channel,
        cid=bundle.cid,
        log=bundle.log,
        head=max(sizes),
        sides=tuple(sorted(sides)),
        terms=bundle.terms,
        text=text,
        whole=whole,
        extracts=extracts,
        withheld=withheld,
    )


def _verifier(text: str) -> Verifier:
    try:
        return note.read_verifier(text)
    except NotANote as error:
        raise NotProved(sentence("its log has no key: %(error)s", error=error.said)) from None


def _proved(bundled_record: BundledRecord, log: Verifier) -> int:
    """Prove that a record stands at its position, and return the size of the head. Raises `NotProved`."""
    try:
        given = proof.read(bundled_record.proof.encode())
        commit = (
            leaf.commit(bundled_record.record.encode())
            if bundled_record.record
            else bundled_record.commit
        )
        head = checkpoint.read(proof.verify(given, leaf.entry(given.index, commit), log).text)
    except (NotANote, ValueError) as error:
        raise NotProved(
            sentence(
                "record %(n)s is not proved: %(error)s", n=bundled_record.position, error=str(error)
            )
        ) from None
    if given.index != bundled_record.position - 1:
        raise NotProved(
            sentence(
                "record %(n)s is not proved: its proof is of record %(other)s",
                n=bundled_record.position,
                other=given.index + 1,
            )
        )
    return head.size


def _record(bundled_record: BundledRecord) -> Record:
    try:
        return parse(bundled_record.record.encode())
    except NotARecord as error:
        raise NotProved(
            sentence("record %(n)s is none: %(error)s", n=bundled_record.position, error=error.said)
        ) from None


def _sides(bundle: Bundle, log: Verifier, cid: str) -> set[str]:
    """Return the sides of the channel when the release was proposed, by its opening and admissions. Raises `NotProved`."""
    genesis, *admissions = sorted(
        bundle.opening, key=lambda bundled_record: bundled_record.position
    ) or [_NONE]
    opened = _record(genesis)
    if genesis.position != 1 or not isinstance(opened.data, ChannelOpening):
        raise NotProved(sentence("it does not begin with the opening of the channel"))
    text = channel.cid_of(opened.act)
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
    sides = {side.name for side in opened.data.sides}
    for admission in admissions:
        data = _record(admission).data
        if isinstance(data, SideAdmission) and admission.position < proposed:
            sides.add(data.side.name)
    if {*bundle.sides} != sides:
        raise NotProved(
            sentence(
                "its sides are not those of the channel: %(sides)s", sides=", ".join(sorted(sides))
            )
        )
    return sides


class _ReleaseRecords(Struct, frozen=True, kw_only=True):
    """The records of the release itself, in order, and the ids of those that have two officers behind them and were not taken back."""

    records: tuple[Record, ...]
    counting: frozenset[str]


def _said(bundle: Bundle) -> _ReleaseRecords:
    """Read the release's own records. Raises `NotProved`."""
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
    """Return the members of the text, which is what the release's records give, as all took it. Raises `NotProved`."""
    try:
        text = _members(bundle.text.encode())
        release = msgspec.json.decode(bundle.text, type=_Text)
        at = f"{datetime.fromisoformat(release.publish_at).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (msgspec.MsgspecError, UnicodeEncodeError, ValueError) as error:
        raise NotProved(sentence("its text is none: %(error)s", error=str(error))) from None
    _hold(bundle, release_records, sides, text)
    if bundle.publish_at != at:
        raise NotProved(sentence("the time that it names is not the one of its text"))
    return text


class _Text(Struct, frozen=True, kw_only=True):
    """The members of a release's text that its bundle repeats, or lists records by."""

    publish_at: str
    records: tuple[ReleasedRecord, ...]


def _hold(
    bundle: Bundle, release_records: _ReleaseRecords, sides: set[str], text: dict[str, Raw]
) -> None:
    """Hold the text against the release's records: its opening, what its author corrected, and what every side took. Raises `NotProved`."""
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
    """Each side has consented to these terms, by two officers, and nothing in the bundle takes it back. Raises `NotProved`."""
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
    """Hold the records against the text, one by one, and return where they stand: whole, in extracts, withheld. Raises `NotProved`."""
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
    for item, record in zip(records, bundle.records, strict=True):
        commit = leaf.commit(record.record.encode()) if record.record else record.commit
        if commit != item.commit:
            raise NotProved(
                sentence("record %(n)s is another one than its text lists", n=record.position)
            )
        if item.without is UNSET and record.record:
            whole.append(record.position)
        elif item.without is not UNSET and record.extract:
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


def _check_extract(item: ReleasedRecord, bundled_record: BundledRecord) -> None:
    if hashlib.sha256(bundled_record.extract.encode()).hexdigest() != item.extract:
        raise NotProved(
            sentence(
                "the extract of record %(n)s is another one than every side agreed to",
                n=bundled_record.position,
            )
        )

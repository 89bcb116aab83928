"""Folded messages as they go into a projection's file."""

import msgspec

from dragoman.domain.acts.erasure import entry_of
from dragoman.domain.fold import Folded
from dragoman.domain.record import ids
from dragoman.domain.step import FoldStep
from dragoman.eventlog.event_log import subject_of
from dragoman.projection.tables import SNAPSHOT_RECORDS, encode_frontier
from dragoman.projection.writer_messages import (
    Batch,
    FoldedLine,
)
from dragoman.text import packed
from dragoman_schemas.acts.office.channel import ErasedRecord
from dragoman_schemas.state import Exchange, encode


class StoredRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One folded message as it goes into the file.

    `subject` is the message's subject in NATS, `erased` the records that it erases.
    """

    step: FoldStep
    subject: str
    erased: tuple[ErasedRecord, ...] = ()

    @property
    def folded(self) -> Folded:
        """The result of folding the message."""
        return self.step.folded

    @property
    def commit(self) -> str:
        """The message's commitment."""
        return self.step.commit

    @property
    def weight(self) -> int:
        """Return the approximate bytes of memory that the message takes.

        Only the bytes of the record and of the encoded state count.
        """
        return len(self.folded.raw) + len(self.step.encoded or b"")


def batch(channel: str, rows: list[StoredRow]) -> Batch:
    """Return the message to the writer for consecutive rows of a channel."""
    last = rows[-1].step.standing
    registry = last.state.registry
    return Batch(
        channel=channel,
        cid="" if registry is None else registry.cid,
        state=encode(last.state),
        frontier=encode_frontier(last.frontier),
        lines=[_line(row) for row in rows],
    )


def _line(row: StoredRow) -> FoldedLine:
    folded, standing = row.folded, row.step.standing
    record, refusal = folded.record, folded.refusal
    envelope = None if record is None else record.envelope
    return FoldedLine(
        position=folded.position,
        subject=row.subject,
        raw=folded.raw,
        commit=row.commit,
        number=folded.number,
        valid=folded.valid,
        time=standing.state.time,
        total=standing.total.to_bytes(512),
        frontier=encode_frontier(standing.frontier)
        if folded.position % SNAPSHOT_RECORDS == 0
        else b"",
        id=None
        if envelope is None or not ids.uses_up(envelope.id, envelope.actor)
        else envelope.id,
        exchange=None if envelope is None else envelope.subject,
        actor=None if envelope is None else envelope.actor,
        act=None if record is None else record.name,
        said=None if envelope is None else envelope.time,
        reason=None if refusal is None else refusal.kind,
        detail=None if refusal is None else packed(refusal.why),
        state=row.step.encoded,
        of_exchange=isinstance(folded.state, Exchange),
        is_misplaced=record is None
        or not folded.raw.startswith(b"{")
        or subject_of(record) != row.subject,
        erased=[(erased_record.position, entry_of(erased_record)) for erased_record in row.erased],
    )

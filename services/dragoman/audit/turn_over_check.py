"""The check of a signed turn-over against a verified log.

    check_sheet(file, messages, void)    what the sheet is, and each fault of it

The id of the record that took the watch commits to the whole sheet. The points that
follow from the log are derived again, as at the position and the time of the list. So
the check names the points that were changed, added or left out. Points beside the log
(matters set aside, silenced screens, drafts) have only the commitment.
"""

import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.record.codec import NotARecord, Record, parse_stored
from dragoman.domain.record.errors import Refused
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.projection.moments import instant
from dragoman.projection.projection import Projection
from dragoman.projection.queries.snapshot import PeriodQuery, open_snapshot
from dragoman.projection.store import Store
from dragoman.reports import turn_over_points, turn_over_sheet, watch_handover
from dragoman_schemas.acts.office.channel import WatchAssumption
from dragoman_schemas.watch_responses import TurnOverFile, TurnOverPoint, TurnOverSheet


class CheckedSheet(Struct, frozen=True, kw_only=True):
    """The result of a check: the record, and the faults of the sheet.

    `position` is the position of the record, and 0 if the log has no such record.
    `is_committed` says that the record's id follows from the sheet. `changed`, `added`
    and `left_out` are keys of points that differ from those of the log. `unproven` are
    points that do not follow from the log, with the commitment as their only proof.
    """

    record: str
    position: int
    officer: str
    is_committed: bool
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Return whether the record commits to the sheet, and no fault was found."""
        return self.is_committed and not self.faults


async def check_sheet(
    file: TurnOverFile,
    messages: Sequence[bytes],
    *,
    channel: str,
    cid: str,
    void: Collection[int] = (),
) -> CheckedSheet:
    """Check a sheet against the messages of a log that was verified before.

    The channel and the cid are those of the log. `void` are positions without effect.
    """
    sheet = file.sheet
    if (channel, cid) != (sheet.channel, sheet.cid):
        return CheckedSheet(
            record=file.record,
            position=0,
            officer=sheet.officer,
            is_committed=False,
            faults=(
                f"it is of the channel {sheet.channel}, cid {sheet.cid}, and this log is of "
                f"{channel}, cid {cid}",
            ),
        )
    position, record = _record(file.record, messages, void)
    is_committed = record is not None and turn_over_sheet.commits(file.record, sheet)
    faults = [*_faults(file, record, is_committed=is_committed)]
    changed, added, left_out = tuple[str, ...](), tuple[str, ...](), tuple[str, ...]()
    try:
        erased, points = await _derived(sheet, messages)
    except Refused as error:
        faults.append(
            f"its list cannot be made again for record {sheet.position} and {sheet.time}: "
            f"{error.refusal.detail}"
        )
    else:
        changed, added, left_out = _differences(sheet, points, erased)
    faults += [
        f"{what}: {key}"
        for what, keys in (
            ("a point was changed", changed),
            ("a point was added", added),
            ("a point was left out", left_out),
        )
        for key in keys
    ]
    if record is not None and not is_committed and not (changed or added or left_out):
        faults.append(
            "all points of the log are in it as they were: an answer, a reason, another member, "
            "or a point beside the log was changed, added or left out"
        )
    return CheckedSheet(
        record=file.record,
        position=position,
        officer=sheet.officer,
        is_committed=is_committed,
        changed=changed,
        added=added,
        left_out=left_out,
        unproven=tuple(point.key for point in sheet.points if not point.in_log),
        faults=tuple(faults),
    )


def _record(
    id: str, messages: Sequence[bytes], void: Collection[int]
) -> tuple[int, Record[WatchAssumption] | None]:
    """Return the valid record that took a watch under an id, and its position."""
    for position, raw in enumerate(messages, 1):
        if position in void or id.encode() not in raw:
            continue
        try:
            record = parse_stored(raw)
        except NotARecord:
            continue
        if record.envelope.id == id and isinstance(record.data, WatchAssumption):
            return position, record
    return 0, None


async def _derived(
    sheet: TurnOverSheet, messages: Sequence[bytes]
) -> tuple[Collection[str], tuple[TurnOverPoint, ...]]:
    """Return the exchanges that were erased since, and the points of the sheet's list.

    Raises `Refused` if the log was not at that position at that time.
    """
    known_until = timestamp(instant("to", sheet.time))
    with tempfile.TemporaryDirectory(prefix="dragoman-turn-over-") as folder:
        store = Store(Path(folder) / "projection.sqlite")
        try:
            projection = Projection(MemoryLog(sheet.channel), store)
            projection.take(
                [
                    StoredMessage(position=position, subject="", raw=raw)
                    for position, raw in enumerate(messages, 1)
                ]
            )
            await projection.in_file()
            query = PeriodQuery(at=sheet.position, to=sheet.time)
            with open_snapshot(store, sheet.channel, query, known_until) as snapshot:
                span = snapshot.span(watch_handover.begins(snapshot, sheet.side))
                note = watch_handover.turn_over(snapshot, span, sheet.side, live=True)
            return projection.registry.erased.keys(), turn_over_points.log_points(note)
        finally:
            store.close()


def _faults(
    file: TurnOverFile,
    record: Record[WatchAssumption] | None,
    *,
    is_committed: bool,
) -> Iterator[str]:
    sheet = file.sheet
    if record is None:
        yield f"no valid record of this log took a watch under the id {file.record}"
        return
    if record.envelope.actor != sheet.officer or record.side != sheet.side:
        yield f"another officer took this watch: {record.envelope.actor}"
    if not is_committed:
        yield (
            "the record does not commit to this sheet"
            if sheet.salt
            else "the watch was taken without its list, and no record commits to this sheet"
        )
    counts = Counter(point.key for point in sheet.points)
    for key, count in counts.items():
        if count > 1:
            yield f"a point comes twice: {key}"


def _differences(
    sheet: TurnOverSheet, points: Sequence[TurnOverPoint], erased: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the keys of the points that were changed, added and left out.

    A point about an exchange that was erased since cannot be derived, and is no fault.
    """
    derived = {point.key: point for point in points}
    signed = {point.key: point for point in sheet.points if point.in_log}
    changed = [key for key, point in signed.items() if key in derived and derived[key] != point]
    added = [
        key for key, point in signed.items() if key not in derived and point.exchange not in erased
    ]
    return tuple(changed), tuple(added), tuple(key for key in derived if key not in signed)

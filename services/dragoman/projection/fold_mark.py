"""Fold marks: the meaning of a log at a position, in a file beside its other mark.

    marks/gateway/nato-china.json    how far the log had come (`high_water_mark`)
    marks/gateway/nato-china.fold    what the records up to a position meant:
      {"position": 412, "root": "…", "digest": "9f3c…", "void": 3,
       "release": "0.1.0", "program": "51d0…"}

The bytes of a log never change. Their meaning follows from the program that folds them.
A program that judges kept records otherwise gives the same log another digest, and
perhaps another number of void records. So each whole fold is compared with the mark
that was kept before it. A difference makes the channel read-only: `judged_otherwise`.
The mark then stays as it is until somebody removes it.

`root` is the root of the tree at the position. A mark of another root is of another
log, and is not compared. An erasure takes the digests at earlier positions away. There
the number of void records is compared alone.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from dragoman import __version__
from dragoman.domain.record import nesting
from dragoman.domain.step import FoldState
from dragoman.eventlog import durable
from dragoman.limits import MARK_SECONDS
from dragoman.projection.fold_digest import JudgedOtherwise, fold_digest
from dragoman.projection.folded_history import FoldedHistory
from dragoman.projection.projection import Projection
from dragoman.projection.row_keys import row_key
from dragoman.projection.stored_row import StoredRow
from dragoman.tlog import dsse

log = structlog.get_logger()

SUFFIX: Final = ".fold"

_KEEP_SECONDS: Final = 5 * MARK_SECONDS
"""The seconds between two writes of a mark."""

_PROGRAM_DIGITS: Final = 12


class FoldMark(Struct, frozen=True, kw_only=True):
    """The content of the file.

    `digest` is that of the state after the record at `position`, `void` the number of
    messages without effect up to there. `release` and `program` name the program that
    folded them: its version, and `fold_digest`. Members that a later release adds are
    ignored.
    """

    position: int
    root: str
    digest: str
    void: int
    release: str
    program: str

    @property
    def folded_by(self) -> str:
        """The release, with the first digits of its program: two builds may differ."""
        return f"{self.release} ({self.program[:_PROGRAM_DIGITS]})"


class LogMeaning(Struct, frozen=True, kw_only=True):
    """The meaning that a fold gives the records up to a position.

    `root` is the root of their tree, in base64. `digest` is that of the state, empty
    where an erasure has taken it away. `void` is the number of void records.
    """

    root: str
    digest: str
    void: int


def meaning_at(history: FoldedHistory, position: int) -> LogMeaning:
    """Return the meaning that a fold gives the records up to a folded position."""
    pending = history.row(position)
    if pending is not None:
        digest = pending.step.standing.digest
    elif position == history.state.position:
        digest = history.standing.digest
    else:
        digest = history.bytes_at(position)[2]
    base = history.store.base(history.name)
    (void_after,) = (
        history.store.reader()
        .execute(
            "SELECT count(*) FROM records WHERE key > ? AND key <= ? AND NOT valid",
            (row_key(base, position), row_key(base, history.flushed)),
        )
        .fetchone()
    )
    for unwritten in range(max(position, history.flushed) + 1, history.state.position + 1):
        row = history.row(unwritten)
        void_after += row is not None and not row.folded.valid
    return LogMeaning(
        root=dsse.encode_base64(history.root(position)),
        digest="" if history.is_erased_after(position) else digest,
        void=history.standing.void - void_after,
    )


def read(raw: bytes) -> FoldMark:
    """Return the mark in these bytes. Raises `msgspec.MsgspecError`."""
    return nesting.decode(raw, FoldMark)


class _ChannelMark:
    """One channel's fold mark, and the fold with which it is compared."""

    def __init__(self, path: Path, projection: Projection) -> None:
        """Begin with the mark in the file. The fold may have passed its position."""
        self.path = path
        self.projection = projection
        self.kept: FoldMark | None = None
        try:
            self.kept = read(path.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError) as error:
            log.warning(
                "mark.not_read",
                path=str(path),
                reason=str(error),
                do="compare the channel with another gateway; a new mark is kept from now on",
            )
        self._is_compared = self.kept is None
        self.compare()
        if not self._is_compared:
            projection.listeners.add(self._note)

    def _note(self, row: StoredRow) -> None:
        assert self.kept is not None
        if row.folded.position >= self.kept.position:
            self.projection.listeners.discard(self._note)
            self.compare()

    def compare(self, *, refolded: bool = False) -> None:
        """Compare the fold with the mark, if it has passed the mark's position.

        `refolded` says that the whole log was just folded again.
        """
        mark, projection = self.kept, self.projection
        if mark is None or mark.position > projection.state.position or projection.newer:
            return
        meaning = meaning_at(projection, mark.position)
        self._is_compared, projection.judged_otherwise = True, None
        if meaning.root != mark.root or _agree(mark, meaning):
            return
        if mark.program != fold_digest():
            self._judged_otherwise(mark, meaning)
        elif not refolded:
            # This program folds a log in one way only. So its file was changed, or its memory.
            projection.store.report_difference(
                projection.name, f"its digest at position {mark.position} is not that of the mark"
            )
        else:
            log.warning(
                "mark.of_other_fold",
                channel=projection.name,
                position=mark.position,
                do="find out who changed the file of the projection before it was built again",
            )
            self.kept = None

    def _judged_otherwise(self, mark: FoldMark, meaning: LogMeaning) -> None:
        error = JudgedOtherwise(
            self.projection.name, mark.position, mark.folded_by, now=meaning.void, before=mark.void
        )
        self.projection.judged_otherwise = error
        log.critical(
            "log.judged_otherwise",
            channel=self.projection.name,
            release=mark.folded_by,
            position=mark.position,
            reason=str(error),
            do=f"go back to release {mark.folded_by}; see docs/upgrading.md, check after",
        )

    @property
    def has_moved(self) -> bool:
        """Return whether a newer mark may be kept."""
        projection = self.projection
        return (
            self._is_compared
            and projection.state.position > (0 if self.kept is None else self.kept.position)
            and not projection.broken
            and not projection.doubt
        )

    def write(self, standing: FoldState) -> None:
        """Write the mark of a state, whole or not at all. It runs in a thread."""
        mark = FoldMark(
            position=standing.state.position,
            root=dsse.encode_base64(standing.frontier.root()),
            digest=standing.digest,
            void=standing.void,
            release=__version__,
            program=fold_digest(),
        )
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            durable.write(self.path, msgspec.json.encode(mark))
        except OSError as error:
            log.warning(
                "mark.not_kept",
                path=str(self.path),
                reason=str(error),
                do="make room, or let this user write there",
            )
        else:
            self.kept = mark


def _agree(mark: FoldMark, meaning: LogMeaning) -> bool:
    """Return whether a fold gives the log the meaning that a mark has."""
    return meaning.void == mark.void and meaning.digest in ("", mark.digest)


class FoldMarks:
    """The fold marks of one process, which owns their files."""

    def __init__(self, folder: Path) -> None:
        """Keep the marks in a folder."""
        self._folder = folder
        self._marks: dict[str, _ChannelMark] = {}

    def follow(self, projection: Projection) -> None:
        """Compare a channel with its mark once it is folded so far, and keep marks."""
        path = self._folder / f"{projection.name}{SUFFIX}"
        self._marks[projection.name] = _ChannelMark(path, projection)

    def compare(self) -> None:
        """Compare all channels again, since their logs were folded again as a whole."""
        for mark in self._marks.values():
            mark.compare(refolded=True)

    async def run(self) -> None:
        """Keep the marks of channels that have moved, every few seconds, for ever."""
        while True:
            await asyncio.sleep(_KEEP_SECONDS)
            await self.keep()

    async def keep(self) -> None:
        """Write the marks of the channels that have moved since the last time."""
        moved = [
            (mark, mark.projection.standing) for mark in self._marks.values() if mark.has_moved
        ]
        if moved:
            await asyncio.to_thread(_write, moved)


def _write(marks: Iterable[tuple[_ChannelMark, FoldState]]) -> None:
    for mark, standing in marks:
        mark.write(standing)

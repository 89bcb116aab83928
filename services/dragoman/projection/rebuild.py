"""The rebuilding of a projection's file, at the start or while a gateway runs.

    damage       SQLite says that the file is damaged, or a row cannot be read
                 (`Store.damage`): every channel waits
    difference   the check finds a row that its records do not make
                 (`Store.differing`): that channel waits
    rebuild      every log is folded again into a file beside, which takes the name of
                 the damaged one; records that came meanwhile are folded on top, and
                 each listener receives every record once

    prepared     `dragoman prepare` of another release has folded the logs into a file
                 of its own, while this one runs; its first start takes that file over

A full or busy disk is neither damage nor a difference: the writer tries again
(`Store`).
"""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from dragoman.eventlog.event_log import Log, LogUnreachable
from dragoman.limits import REBUILD_SECONDS
from dragoman.projection.fold_digest import fold_digest
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.projection.store import Store
from dragoman.projection.stored_row import StoredRow
from dragoman.projection.tables import VERSION
from dragoman.projection.writer import PREPARED
from dragoman.projection.writer_messages import StoreBusy, StoreDamaged, StoreFull
from dragoman.projection.writer_queue import WriterFailed
from dragoman.supervision import cancel_until_ended

log = structlog.get_logger()

OpenLog = Callable[[str], Log]
"""A function that opens a channel's log for reading."""

_LOOK_SECONDS: Final = 0.1
_AGAIN_SECONDS: Final = 2.0


BUILDING: Final = ".building"
PREPARING: Final = ".preparing"
"""Suffixes of unfinished files: of a start or a running gateway, and of `prepare`."""

_DIGITS: Final = 16


def prepared_file(file: Path) -> Path:
    """Return the file that this program's `prepare` leaves for a projection's file."""
    return file.with_name(f"{file.stem}.{fold_digest()[:_DIGITS]}{PREPARED}")


def is_of_this_program(file: Path) -> bool:
    """Return whether a projection's file is of this program. The file may be in use."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()
            made_by = connection.execute("SELECT digest FROM made_by").fetchone()
    except sqlite3.DatabaseError:
        return False
    return bool(version == (VERSION,) and made_by == (fold_digest(),))


def copy_prepared(file: Path, other: Path) -> None:
    """Give another projection's file what was prepared for this one, which is equal."""
    copy = other.with_suffix(PREPARING)
    shutil.copyfile(prepared_file(file), copy)
    copy.rename(prepared_file(other))


def remove(file: Path) -> None:
    """Remove a projection's file, and the files that belong to it."""
    for suffix in ("", "-wal", "-shm", ".lock"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


async def opened(
    file: Path,
    names: list[str],
    open_log: OpenLog,
    building: Callable[[Callable[[], int]], None] = lambda count: None,
) -> Store:
    """Open a projection's file; if it cannot be used, build it again first.

    A file that was prepared for this program is taken over, and brought up to date.
    `building` is called once it is built again, with a function that counts the logs
    that are read to their end.

    Raises `StoreBusy` or `StoreFull`.
    """
    prepared, beside = prepared_file(file), file.with_suffix(BUILDING)
    if file.exists() or not prepared.exists():
        try:
            store = await asyncio.to_thread(Store, file)
        except StoreDamaged as error:
            log.warning("projection.rebuilding", reason=str(error))
        else:
            try:
                for name in names:
                    Projection(open_log(name), store)  # reads every row that a start needs
            except StoreDamaged as error:
                log.warning("projection.rebuilding", reason=str(error))
                await asyncio.to_thread(store.close)
            else:
                remove(prepared)
                return store
    if prepared.exists():
        remove(beside)
        prepared.rename(beside)
        log.info("projection.prepared_taken", file=prepared.name)
    twins = await _continued(
        beside, names, open_log, watched=lambda twins: building(twins.caught_up)
    )
    store = twins.store
    remove(file)
    await asyncio.to_thread(store.move, file)
    log.info("projection.rebuilt", channels=len(names))
    return store


async def prepare(
    file: Path,
    names: list[str],
    open_log: OpenLog,
    watched: Callable[[Callable[[], int]], None] = lambda count: None,
) -> int:
    """Fold every log into a file that the next start of this program takes over.

    Return the number of records in it. An earlier one is brought up to date, and those
    of other programs are removed. `watched` is called with a function that counts the
    logs that are read to their end. Raises `StoreBusy` or `StoreFull`, and
    `StoreDamaged` if a log cannot be read to its end.
    """
    prepared, beside = prepared_file(file), file.with_suffix(PREPARING)
    for other in file.parent.glob(f"{file.stem}.*{PREPARED}"):
        if other != prepared:
            remove(other)
    if prepared.exists():
        remove(beside)
        prepared.rename(beside)
    twins = await _continued(
        beside, names, open_log, watched=lambda twins: watched(twins.caught_up)
    )
    await asyncio.to_thread(twins.store.close)
    if fault := twins.fault():
        raise StoreDamaged(fault)
    beside.rename(prepared)
    remove(beside)  # its lock file
    return sum(fold.state.position for fold in twins.folds.values())


class _Twins:
    """A file beside another one, and the folds of all channels into it."""

    def __init__(self, store: Store, names: list[str], open_log: OpenLog) -> None:
        self.store = store
        self.folds = {name: Projection(open_log(name), store) for name in names}

    def caught_up(self) -> int:
        """Return the number of logs that are read to their end."""
        return sum(fold.caught_up.is_set() for fold in self.folds.values())

    def fault(self) -> str:
        """Return the reason why the file is not what the logs make; empty if it is."""
        broken = (str(fold.broken) for fold in self.folds.values() if fold.broken is not None)
        return next(iter((*self.store.differing.values(), *broken)), "")


async def _continued(
    beside: Path,
    names: list[str],
    open_log: OpenLog,
    watched: Callable[[_Twins], None],
) -> _Twins:
    """Fold every log to its end, on top of a file's content if that can be used."""
    if beside.exists():
        try:
            twins = await _built(beside, names, open_log, watched=watched)
        except StoreDamaged as error:
            fault = str(error)
        else:
            if not (fault := twins.fault()):
                return twins
            await asyncio.to_thread(twins.store.close)
        log.warning(
            "projection.beside_refused",
            file=beside.name,
            reason=fault,
            do="nothing: the logs are folded again, which takes longer",
        )
        remove(beside)
    return await _built(beside, names, open_log, watched=watched)


async def _built(
    beside: Path, names: list[str], open_log: OpenLog, watched: Callable[[_Twins], None]
) -> _Twins:
    """Fold every log to its end into a file, on top of what it has already.

    `watched` is called as soon as the folds exist. Raises `StoreDamaged`.
    """
    store = await asyncio.to_thread(Store, beside)
    try:
        twins = _Twins(store, names, open_log)
        watched(twins)
        following = [asyncio.create_task(fold.run()) for fold in twins.folds.values()]
        try:
            for fold in twins.folds.values():
                while not fold.caught_up.is_set():
                    _refuse_damage(store)
                    for task in following:
                        if (
                            task.done()
                            and not task.cancelled()
                            and (error := task.exception()) is not None
                        ):
                            raise error
                    await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await cancel_until_ended(following)
        for fold in twins.folds.values():
            await _to_the_end(fold)
    except BaseException:
        await asyncio.shield(asyncio.to_thread(store.close))
        raise
    return twins


async def _to_the_end(fold: Projection) -> None:
    """Fold all messages that are in the log now, and wait until the file has them."""
    while fold.broken is None:
        try:
            await fold.bring()
        except LogUnreachable:
            await asyncio.sleep(_LOOK_SECONDS)
        else:
            break
    while fold.flushed < fold.state.position:
        _refuse_damage(fold.store)
        try:
            await fold.in_file(fold.state.position, seconds=1.0)
        except NotYetApplied:
            continue


def _refuse_damage(store: Store) -> None:
    if store.damage:
        raise StoreDamaged(store.damage)


class Rebuilder:
    """The rebuilding of one gateway's file, as long as the gateway runs."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Projection],
        open_log: OpenLog,
        *,
        settled: Callable[[], None],
    ) -> None:
        """Watch a store, and the channels that are folded into it.

        `settled` is called when another file has taken the store's place.
        """
        self._store = store
        self._channels = channels
        self._open_log = open_log
        self._settled = settled
        self._since: dict[str, list[StoredRow]] = {}
        self._missed: dict[str, list[StoredRow]] = {}

    async def run(self) -> None:
        """Build another file whenever this one is damaged or differs, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            # Threads report damage and differences, so this polls.
            while not (self._store.damage or self._store.differing):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)
            begun = loop.time()
            log.warning(
                "projection.rebuilding", reason=self._store.damage or str(self._store.differing)
            )
            try:
                await self._rebuild()
            except (StoreDamaged, StoreBusy, StoreFull, WriterFailed, OSError) as error:
                log.critical(
                    "projection.not_rebuilt",
                    reason=str(error),
                    do="see to its disk: this is tried again",
                )
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            log.info(
                "projection.rebuilt",
                channels=len(self._channels),
                seconds=round(loop.time() - begun, 1),
            )
            await asyncio.sleep(max(0.0, min(REBUILD_SECONDS, 10 * (loop.time() - begun))))

    async def _rebuild(self) -> None:
        self._since, self._missed = {}, {}
        listeners: dict[str, Callable[[StoredRow], None]] = {}

        def listen(name: str) -> None:
            self._since[name], self._missed[name] = [], []
            listeners[name] = self._since[name].append
            self._channels[name].listeners.add(listeners[name])

        try:
            for name in self._channels:
                listen(name)
            beside = self._store.path.with_suffix(BUILDING)
            remove(beside)
            twins = await _built(beside, sorted(listeners), self._open_log, self._watch)
            while (
                late := self._channels.keys() - twins.folds.keys()
            ):  # channels that were opened while the twins were built
                for name in late:
                    listen(name)
                    twins.folds[name] = Projection(self._open_log(name), twins.store)
                    self._watch(twins)
                    await _to_the_end(twins.folds[name])
        finally:
            for name, listener in listeners.items():
                self._channels[name].listeners.discard(listener)
        # No other task runs from here to the end, so folds and file change together.
        self._store.replace(twins.store)
        for name, projection in self._channels.items():
            projection.take_over(twins.folds[name], self._since[name], self._missed[name])
        self._settled()

    def _watch(self, twins: _Twins) -> None:
        """Collect the messages that the twins fold beyond the channels in use.

        The folds of these channels may have stopped.
        """
        for name, fold in twins.folds.items():
            fold.listeners = {partial(self._note, name)}

    def _note(self, name: str, row: StoredRow) -> None:
        if row.folded.position > self._channels[name].state.position:
            self._missed[name].append(row)

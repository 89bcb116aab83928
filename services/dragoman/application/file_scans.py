"""The scans of files that other sides sent.

    await scans.run()                         scan what arrives, for ever
    verdict = await scans.holding(files, …)   why a file is held back; None if it is not

At a station the scanner is the side's own, and the files of the side pass without it.
At a host it is that of the host's operator, and every file is scanned. Each digest is
scanned once. A gateway claims it first, so that no other gateway scans it too.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from dragoman import metrics
from dragoman.application import file_scanner
from dragoman.application.clock import stamp
from dragoman.application.file_scanner import ScanFailed
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.limits import POLL_SECONDS
from dragoman.settings import FileSettings
from dragoman.stores.files import File, FileStore
from dragoman.stores.scan_verdicts import ScanVerdict, ScanVerdicts

log = structlog.get_logger()

_CLAIM_SECONDS: Final = 30.0
"""Seconds after its time limit in which a scan must be over. Then another may begin."""

_PAUSE_SECONDS: Final = 30.0
_LONGEST_PAUSE_SECONDS: Final = 900.0


class FileScans:
    """The scans of one installation. `own_sides` are the sides of a station, by cid."""

    def __init__(
        self,
        files: FileStore,
        verdicts: ScanVerdicts,
        settings: FileSettings,
        own_sides: Mapping[str, str],
        now: Callable[[], datetime],
    ) -> None:
        """Scan the files of a store."""
        self._files, self._verdicts, self._settings = files, verdicts, settings
        self._own_sides, self._now = own_sides, now
        self._settled: set[str] = set()

    async def holding(self, files: Sequence[File], side: str) -> ScanVerdict | None:
        """Return the verdict that holds copies of one file back from a side.

        None if the file has passed, if a copy is the side's own, or if no copy is
        stored. Raises `LogUnreachable`.
        """
        stored = [file for file in files if file.kept]
        if not stored or any(file.side == side for file in stored):
            return None
        verdict = self._verdicts.known(stored[0].sha256)
        if verdict is None or verdict.outcome == "waiting":
            await self._verdicts.refresh()
            verdict = self._verdicts.known(stored[0].sha256) or ScanVerdict()
        return None if verdict.outcome == "passed" else verdict

    async def run(self) -> None:
        """Scan what arrives, for ever."""
        while True:
            try:
                if await self.scan_newest():
                    continue
            except LogUnreachable as error:
                log.debug("file.scans_put_off", reason=str(error))
            await asyncio.sleep(POLL_SECONDS)

    async def scan_newest(self) -> bool:
        """Scan the newest file that is due, and return whether there was one.

        Raises `LogUnreachable`.
        """
        await self._verdicts.refresh()
        now, oldest, due = self._now(), stamp(self._now()), list[tuple[str, File]]()
        for cid, file in await self._files.kept_except(self._settled):
            verdict = self._verdicts.known(file.sha256)
            if verdict is not None and verdict.outcome != "waiting":
                self._settled.add(file.sha256)
            elif file.side != self._own_sides.get(cid):
                oldest = min(oldest, file.at)
                if verdict is None or verdict.again <= stamp(now):
                    due.append((cid, file))
        metrics.FILES_HELD_OLDEST.set((now - datetime.fromisoformat(oldest)).total_seconds())
        if not due:
            return False
        await self._scan(*max(due, key=lambda entry: entry[1].at))
        return True

    async def _scan(self, cid: str, file: File) -> None:
        """Scan a file, and store the verdict. Raises `LogUnreachable`."""
        before, timeout_s = self._verdicts.known(file.sha256), self._settings.scanner_timeout_s
        earlier = before or ScanVerdict()
        claim = ScanVerdict(
            at=earlier.at,
            line=earlier.line,
            tries=earlier.tries,
            again=self._in(timeout_s + _CLAIM_SECONDS),
        )
        if not await self._verdicts.put(file.sha256, claim, before):
            return
        try:
            is_passed, line = await file_scanner.scan(
                self._settings.scanner, timeout_s, _checked(self._files.read(cid, file), file)
            )
        except ScanFailed as error:
            pause = min(_PAUSE_SECONDS * 2**earlier.tries, _LONGEST_PAUSE_SECONDS)
            verdict = ScanVerdict(
                at=stamp(self._now()),
                line=str(error),
                tries=earlier.tries + 1,
                again=self._in(pause),
            )
            log.warning(
                "file.not_scanned",
                sha256=file.sha256,
                side=file.side,
                tries=verdict.tries,
                reason=verdict.line,
                do="the file is held and tried again: see that the scanner runs; docs/scanning.md",
            )
        else:
            verdict = ScanVerdict(
                outcome="passed" if is_passed else "refused", at=stamp(self._now()), line=line
            )
            if not is_passed:
                log.warning(
                    "file.refused",
                    sha256=file.sha256,
                    side=file.side,
                    media_type=file.media_type,
                    reason=line,
                )
        await self._verdicts.put(file.sha256, verdict, claim)
        outcome = "failed" if verdict.outcome == "waiting" else verdict.outcome
        metrics.FILE_SCANS.labels(outcome).inc()

    def _in(self, seconds: float) -> str:
        return stamp(self._now() + timedelta(seconds=seconds))


async def _checked(pieces: AsyncIterator[bytes], file: File) -> AsyncIterator[bytes]:
    """Yield a file's pieces.

    Raises `ScanFailed` before the last one ends the file, if they are not the file's
    bytes: a verdict on other bytes would count for the digest.
    """
    hasher = hashlib.sha256()
    async for piece in pieces:
        hasher.update(piece)
        yield piece
    if hasher.hexdigest() != file.sha256:
        raise ScanFailed("the stored bytes do not match the digest")

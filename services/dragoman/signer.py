"""The signer: signs the head of every channel's log.

A side that keeps one head can show any later change of the records before it.

    follow     each message goes into the signer's own archive, on a disk outside the
               broker
    sign       at most half a second later: origin, size and root, by the log key of the
               genesis
    seal       the signed head is kept in the archive, then written to `DRAGOMAN_SEAL`
               over the head that was read there, and then kept as sealed
    cosign     the sides' witnesses are asked; their cosignatures are sealed with the
               head while it is still the newest one
    agree      after a start, a lost connection or a surprise, a witness must agree with
               the archive before more is signed
    again      every five minutes the present head is signed again, so that silence
               shows

A head is signed only if it goes on from the heads that were signed before, here or by
another signer. Signing of a channel stops when a state cannot be explained: a log
shorter than the archive, another message in place of an archived one, or a sealed head
that is not of these leaves. This is logged as critical, and signing stays stopped until
an operator has acted. On a cluster it stops only after the state has lasted as long as
an election takes.

Any number of signers may run. One of them is first, and the others follow.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from dragoman import metrics
from dragoman.application.disk_space import DiskSpace
from dragoman.data_directory import UNCONFIRMED, Confirmation
from dragoman.eventlog import stream_config, tail
from dragoman.eventlog.archive import Archive, ArchiveBusy, ArchiveDamaged
from dragoman.eventlog.erasures import has_entries, named_from
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.limits import (
    ELECTION_SECONDS,
    POLL_SECONDS,
    READ_RECORDS,
    SEAL_SECONDS,
)
from dragoman.readiness import PLACED
from dragoman.sealing import LogContradiction, Sealing
from dragoman.stores.signed_heads import SignedHeadStore
from dragoman.supervision import cancel_until_ended, supervise
from dragoman.text import Text
from dragoman.tlog.note import NotANote
from dragoman.witness_client import LogConfirmation, Witnesses, confirmation_of
from dragoman_schemas.host_responses import Check

log = structlog.get_logger()

_GATHER_SECONDS: Final = 0.1
"""Seconds for which records gather before they are read, once the end of the log is
reached. Each read costs three writes for which those of the broker wait.
"""

LATE_SECONDS: Final = 30.0
"""Seconds for which records may wait for a head before the signer counts as late."""

_DISK_SECONDS: Final = 1.0
_DISK_WORKS_SECONDS: Final = 60.0
"""Seconds without a failure after which the archive's disk works again."""
_AGAIN_SECONDS: Final = 0.2
_LOOK_SECONDS: Final = 1.0


class Signer:
    """The signer of all channels of a broker whose genesis names this log key."""

    def __init__(
        self,
        bus: NatsConnection,
        folder: Path,
        seeds: Sequence[bytes],
        *,
        replicas: int,
        now: Callable[[], datetime],
        witnesses: Callable[[], Witnesses],
        read_only_reason: Callable[[], Text | None] = lambda: None,
        awaited: Mapping[str, int] | None = None,
    ) -> None:
        """Keep an archive of each channel in a folder, and sign with the keys of seeds.

        `witnesses` gives the witnesses of one channel. No head is signed while
        `read_only_reason` gives a reason. A restored channel gets no head either before
        it has as many records as are `awaited`.
        """
        self._awaited = awaited or {}
        self._read_only_reason = read_only_reason
        self._sealings: dict[str, Sealing] = {}
        self._witnesses = witnesses
        self._bus = bus
        self._folder = folder
        self._disks = DiskSpace(folder.parent)
        self._seeds = seeds
        self._replicas = replicas
        self._now = now
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._explained: dict[str, float] = {}
        self._checked: set[str] = set()

    async def run(self) -> None:
        """Sign for ever.

        A channel that cannot be explained does not stop the others.
        """
        try:
            while True:
                try:
                    for name in await stream_config.channels(self._bus):
                        if name not in self._tasks:
                            self._tasks[name] = asyncio.create_task(self._keep(name))
                    await tail.news(self._bus, POLL_SECONDS)
                except LogUnreachable as error:
                    log.debug("registrar.waits", reason=str(error))
                    await asyncio.sleep(SEAL_SECONDS)
        finally:
            await cancel_until_ended(self._tasks.values())

    async def confirmation(self) -> Confirmation:
        """Ask the witnesses of all logs about the newest heads here."""
        try:
            names = await stream_config.channels(self._bus)
        except LogUnreachable as error:
            return Confirmation(reason=UNCONFIRMED, detail=str(error))
        answers: dict[str, LogConfirmation] = {}
        for name in names:
            sealing = self._sealings.get(name)
            if sealing is not None and self._is_awaiting(sealing):
                continue  # It is read-only by itself.
            answers[name] = (
                LogConfirmation(waiting=("the log is not followed",))
                if sealing is None
                else await sealing.confirmation()
            )
        return confirmation_of(answers)

    async def checks(self) -> Sequence[Check]:
        """Return the conditions for signing, and whether heads are signed."""
        read_only = self._read_only_reason()
        late = [
            name for name, sealing in self._sealings.items() if sealing.unsigned_s > LATE_SECONDS
        ]
        stopped = len(self._tasks) - len(self._sealings)
        detail = f"{len(late)} logs wait for a head, {stopped} of {len(self._tasks)} are stopped"
        return (
            Check(name="broker connected", ok=self._bus.up, detail=""),
            Check(name=PLACED, ok=read_only is None, detail=str(read_only or "")),
            Check(
                name="the logs are signed here",
                ok=not late and not stopped,
                detail=detail if late or stopped else "",
            ),
        )

    def ask_anew(self) -> None:
        """Ask the witnesses that the settings name now, from the next head on."""
        for sealing in self._sealings.values():
            sealing.ask(self._witnesses())

    async def measure(self) -> None:
        """Set the gauges of the signer."""
        sealings = list(self._sealings.values())
        self._bus.measure()
        self._disks.measure()
        metrics.UNSIGNED.set(max((sealing.unsigned_s for sealing in sealings), default=0.0))
        metrics.UNCOSIGNED.set(max((sealing.uncosigned_s for sealing in sealings), default=0.0))

    async def _keep(self, channel: str) -> None:
        """Sign for one channel, and go on after failures that pass.

        A contradiction stops it, which is logged as critical.
        """

        async def sign(_: Callable[[], None]) -> None:
            try:
                await self._sign_on_a_disk(channel)
            except (LogContradiction, ArchiveBusy, ArchiveDamaged, LogBroken, NotANote) as error:
                log.critical(
                    "registrar.stopped",
                    channel=channel,
                    reason=str(error),
                    do="stop posting; see docs/operating-faults.md, when a head is not signed",
                )

        await supervise("registrar", sign, channel=channel)

    async def _sign_on_a_disk(self, channel: str) -> None:
        """Sign until something stops it; go on after errors of the archive's disk."""
        failed_at = -_DISK_WORKS_SECONDS
        while True:
            try:
                await self._sign_beyond_doubt(channel)
            except OSError as error:
                # It is tried every second, and said once for each time that the disk fails.
                now = asyncio.get_running_loop().time()
                if now - failed_at >= _DISK_WORKS_SECONDS:
                    log.critical(
                        "registrar.waits_for_its_disk",
                        channel=channel,
                        reason=str(error),
                        do="free or repair the archive's disk; it is tried again",
                    )
                failed_at = now
                await asyncio.sleep(_DISK_SECONDS)

    async def _sign_beyond_doubt(self, channel: str) -> None:
        """Sign until a contradiction lasts.

        On a cluster, a node that was cut off may show old heads before it notices. So
        the log is compared again for as long as an election takes.
        """
        loop = asyncio.get_running_loop()
        doubted: float | None = None
        while True:
            try:
                await self._sign_from_archive(channel)
            except LogContradiction as error:
                now = loop.time()
                if doubted is None or self._explained.get(channel, doubted) > doubted:
                    doubted = now
                if self._replicas == 1 or now > doubted + ELECTION_SECONDS:
                    raise
                log.warning("registrar.looks_again", channel=channel, reason=str(error))
                await asyncio.sleep(_LOOK_SECONDS)

    async def _sign_from_archive(self, channel: str) -> None:
        archive = await self._archive(channel)
        sealing = self._sealings[channel] = Sealing(
            channel, archive, SignedHeadStore(self._bus), self._seeds, self._now, self._witnesses()
        )
        try:
            await self._follow(sealing)
        finally:
            del self._sealings[channel]
            archive.close()

    async def _archive(self, channel: str) -> Archive:
        """Open a channel's archive, which is checked as a whole the first time.

        Raises `ArchiveBusy`, `ArchiveDamaged`, `OSError`.
        """
        opening = asyncio.ensure_future(
            asyncio.to_thread(Archive, self._folder / channel, checked=channel not in self._checked)
        )
        try:
            archive = await asyncio.shield(opening)
        except asyncio.CancelledError:
            with suppress(ArchiveBusy, ArchiveDamaged, OSError):
                (await opening).close()
            raise
        self._checked.add(channel)
        for notice in archive.notices:
            log.warning("archive.made_good", channel=channel, what=notice)
        return archive

    async def _follow(self, sealing: Sealing) -> None:
        event_log = JetStreamLog(sealing.channel, self._bus, replicas=self._replicas)
        signer = asyncio.create_task(self._sign(sealing))
        follower = asyncio.create_task(self._read(sealing, event_log))
        try:
            done, _ = await asyncio.wait((signer, follower), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await cancel_until_ended((signer, follower))

    async def _read(self, sealing: Sealing, event_log: JetStreamLog) -> None:
        async for messages in event_log.follow(lambda: sealing.archive.size + 1):
            if messages is None:
                await self._compare(sealing, event_log)
            elif messages:
                if sealing.named is None and has_entries(messages):
                    sealing.named = await named_from(event_log, messages[0].position)
                await sealing.take_in_thread(messages)
                await asyncio.sleep(0 if len(messages) == READ_RECORDS else _GATHER_SECONDS)

    async def _compare(self, sealing: Sealing, event_log: JetStreamLog) -> None:
        while True:
            try:
                await SignedHeadStore(self._bus).check(self._replicas)
                await sealing.compare(event_log)
            except LogUnreachable as error:
                sealing.waits(error)
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                sealing.changed.set()
                return

    async def _sign(self, sealing: Sealing) -> None:
        """Sign when the archive has grown, and when a head or a cosignature is due."""
        while True:
            if (seconds := sealing.due_seconds()) > 0:
                sealing.rest()
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await sealing.changed.wait()
            await asyncio.sleep(SEAL_SECONDS)
            if self._read_only_reason() is not None or self._is_awaiting(sealing):
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            sealing.changed.clear()
            try:
                await sealing.seal()
                if sealing.trusted:
                    self._explained[sealing.channel] = asyncio.get_running_loop().time()
                await sealing.countersign()
            except LogUnreachable as error:
                # The head may have been sealed: the sealed head is checked first.
                sealing.trusted = False
                sealing.waits(error)
                await self._look_again(sealing)

    def _is_awaiting(self, sealing: Sealing) -> bool:
        """Return whether a restored log still waits for records."""
        return sealing.archive.size < self._awaited.get(sealing.channel, 0)

    async def _look_again(self, sealing: Sealing) -> None:
        try:
            sealing.sealed = await SignedHeadStore(self._bus).newest(sealing.channel)
        except LogUnreachable as error:
            sealing.waits(error)

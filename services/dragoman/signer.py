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
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from dragoman.data_directory import UNCONFIRMED, Confirmation
from dragoman.domain.acts.erasure import Named, standing_in
from dragoman.domain.record.codec import NotARecord, parse
from dragoman.eventlog import stream_config, tail
from dragoman.eventlog.archive import Archive, ArchiveBusy, ArchiveDamaged
from dragoman.eventlog.erasures import has_entries, named_from
from dragoman.eventlog.event_log import LogBroken, LogUnreachable, StoredMessage
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.limits import (
    ELECTION_SECONDS,
    POLL_SECONDS,
    READ_RECORDS,
    RESEAL_SECONDS,
    SEAL_SECONDS,
)
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.signed_heads import SignedHeadStore, StoredHead, StreamMissing
from dragoman.supervision import cancel_until_ended, finish_in_thread, supervise
from dragoman.text import Text
from dragoman.tlog import checkpoint, dsse, note
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.note import ED25519, NotANote, Verifier
from dragoman.witness_client import LogConfirmation, WitnessConflict, Witnesses, confirmation_of
from dragoman_schemas.acts.office.channel import ChannelOpening

log = structlog.get_logger()

_GATHER_SECONDS: Final = 0.1
"""Seconds for which records gather before they are read, once the end of the log is
reached. Each read costs three writes for which those of the broker wait.
"""

_DISK_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 0.2
_LOOK_SECONDS: Final = 1.0
_TELL_SECONDS: Final = 60.0


class LogContradiction(Exception):
    """A contradiction between a channel and its signed head.

    No further head of the channel is signed.
    """


class _Sealing:
    """The archive of one channel, and its sealed head."""

    def __init__(
        self,
        channel: str,
        archive: Archive,
        seals: SignedHeadStore,
        seed: bytes,
        now: Callable[[], datetime],
        witnesses: Witnesses,
    ) -> None:
        self._witnesses = witnesses
        self.channel = channel
        self.archive = archive
        self._seals = seals
        self._seed = seed
        self._now = now
        self._signed_at: datetime | None = None
        self._before: tuple[bytes, Checkpoint] | None = None
        self._uses = 0
        self.changed = asyncio.Event()
        self._verifier: Verifier | None = None
        self.sealed: StoredHead | None = None
        self.compared = self.trusted = False
        self.named: Named | None = None
        self._told = datetime.min.replace(tzinfo=UTC)

    @property
    def verifier(self) -> Verifier | None:
        """Return the log's key, as the genesis names it.

        None if the log has no genesis yet, or if the key belongs to another signer.
        """
        if self._verifier is None and self.archive.size:
            try:
                opening = parse(self.archive.raw(1)).data
            except NotARecord:
                return None
            public = dsse.public_of(self._seed)
            if isinstance(opening, ChannelOpening) and opening.log_key == dsse.encode_base64(
                public
            ):
                self._verifier = Verifier(opening.origin, ED25519, public)
        return self._verifier

    def take(self, messages: list[StoredMessage]) -> None:
        """Archive new messages, which must follow the archived ones.

        Raises `LogContradiction` if a position is missing.
        """
        fresh = [message for message in messages if message.position > self.archive.size]
        if fresh and fresh[0].position != self.archive.size + 1:
            raise LogContradiction(f"position {self.archive.size + 1} is missing in the log")
        if fresh:
            entries = {
                stored_message.position
                for stored_message in fresh
                if standing_in(stored_message.raw, stored_message.position, (self.named or {}).get)
                is not None
            }
            self.archive.add([message.raw for message in fresh], entries)

    async def take_in_thread(self, messages: list[StoredMessage]) -> None:
        """Archive new messages in a thread. Raises `LogContradiction`."""
        self._uses += 1
        try:
            await finish_in_thread(self.take, messages)
        finally:
            self._uses -= 1
            self.changed.set()

    def rest(self) -> None:
        """Close the archive's files until the next use, unless a thread uses them."""
        if not self._uses:
            self.archive.rest()

    def due_seconds(self) -> float:
        """Return the seconds after which there is work although no record was added."""
        if self.verifier is None:
            return RESEAL_SECONDS
        if not self.compared or not self.trusted or self.sealed is None or self._signed_at is None:
            return 0.0
        age = (self._now() - self._signed_at).total_seconds()
        again = self._witnesses.again_seconds(note.read(self.sealed.note))
        return max(0.0, min(RESEAL_SECONDS - age, RESEAL_SECONDS if again is None else again))

    async def compare(self, event_log: JetStreamLog) -> None:
        """Compare the log and its sealed head with the archive.

        The log must still hold the last archived message. The sealed head must be of
        these leaves, or of some to come. Raises `LogContradiction`.
        """
        size = self.archive.size
        if size:
            messages = await event_log.read_kept(size, 1)
            if not messages or messages[0].raw != self.archive.raw(size):
                content = "nothing" if not messages else "another message"
                raise LogContradiction(
                    f"at position {size} the log holds {content} where a record was kept"
                )
        self.sealed = await self._seals.newest(self.channel)
        if (
            self.sealed is None
            and self.archive.staged is None
            and not await self._seals.knew(self.channel)
        ):
            raise LogContradiction(
                "it has no signed head, and the store of signed heads was made after the log: "
                "the heads that were signed before are lost; call `dragoman log rebuild` "
                "with a side's mirror or an export, which has the newest head"
            )
        self.compared, self.trusted = True, False

    def _explain(self, signed: bytes, verifier: Verifier) -> Checkpoint:
        """Return a signed head after comparing it with the archive.

        If the archive has that many leaves, the head must be of them. Raises
        `LogContradiction`, `ArchiveDamaged`.
        """
        try:
            head, _ = checkpoint.read_signed(signed, verifier)
        except NotANote as error:
            raise LogContradiction(f"the sealed head is not valid: {error}") from None
        if head.size <= self.archive.size and self.archive.root(head.size) != head.root:
            self.archive.self_check()
            raise LogContradiction(
                f"the sealed head of {head.size} records is not that of the records that were kept"
            )
        return head

    async def seal(self) -> None:
        """Sign the present head, if there is a new one to sign.

        Raises `LogContradiction`, `LogUnreachable`.
        """
        verifier, now = self.verifier, self._now()
        if verifier is None or not self.compared:
            return
        if not self.trusted:
            self._trust(verifier)
            self.trusted = self.trusted and await self._is_agreed(verifier)
        if not self.trusted:
            return
        frontier = self.archive.frontier
        stale = self._signed_at is None or (now - self._signed_at).total_seconds() >= RESEAL_SECONDS
        before = None if self.sealed is None else self._head_of(self.sealed.note, verifier)
        if before is not None and before.size == frontier.size and not stale:
            return
        head = Checkpoint(verifier.name, frontier.size, frontier.root())
        signed = note.encode(head.text, [note.sign(verifier.name, self._seed, head.text)])
        await finish_in_thread(self.archive.keep_staged, signed)
        try:
            self.sealed = await self._seals.put(self.channel, signed, self.sealed)
        except WriteConflict:
            self.sealed = await self._seals.newest(self.channel)
            # Another signer was first: its head is checked before ours goes on from it.
            self.trusted = False
        else:
            self._signed_at = now
            await finish_in_thread(self.archive.keep_sealed, signed)

    def _head_of(self, signed: bytes, verifier: Verifier) -> Checkpoint:
        """Return a signed head, which is verified once."""
        if self._before is None or self._before[0] != signed:
            self._before = signed, checkpoint.read_signed(signed, verifier)[0]
        return self._before[1]

    async def countersign(self) -> None:
        """Have the newest head cosigned, once by each witness, and seal the result.

        Raises `LogUnreachable`.
        """
        verifier = self.verifier
        if verifier is None or not self.trusted or self.sealed is None:
            return
        head = self._head_of(self.sealed.note, verifier)
        if head.size > self.archive.size:
            return
        result = note.read(self.sealed.note)
        fresh = await self._witnesses.cosigned(head, result, self.archive.nodes)
        if not fresh:
            return
        cosigned = note.encode(head.text, [*result.signatures, *fresh])
        try:
            self.sealed = await self._seals.put(self.channel, cosigned, self.sealed)
        except WriteConflict:
            self.sealed = await self._seals.newest(self.channel)
            self.trusted = False
        else:
            await finish_in_thread(self.archive.keep_sealed, cosigned)
            await finish_in_thread(self.archive.keep_witnessed, cosigned)

    async def confirmation(self) -> LogConfirmation:
        """Ask the witnesses whether the newest head here is the newest known one."""
        verifier = self.verifier
        if not self.compared:
            return LogConfirmation(waiting=("the log is not read yet",))
        if verifier is None:
            return LogConfirmation()  # the log has no record yet, or belongs to another signer
        return await self._witnesses.confirm(
            verifier,
            self._root_at,
            self.archive.nodes,
            None if self.sealed is None else self.sealed.note,
        )

    async def _is_agreed(self, verifier: Verifier) -> bool:
        """Return whether a witness agrees with the archive.

        True as well if no witness has a say, because then nobody needs to agree. Raises
        `LogContradiction`.
        """
        raw = self.archive.witnessed
        try:
            agreed = await self._witnesses.agree(
                verifier,
                self._root_at,
                None if raw is None else note.read(raw),
                None if self.sealed is None else self.sealed.note,
            )
        except WitnessConflict as error:
            self.sealed = await self._seals.newest(self.channel)
            if (
                error.beyond
                and self.sealed is not None
                and self._explain(self.sealed.note, verifier).size >= error.size
            ):
                # Another signer has sealed it meanwhile, and this archive will reach it.
                return False
            raise LogContradiction(
                f"{error}: an old copy was put back; "
                "put back the newest, from a side's mirror if need be"
            ) from None
        if not agreed and self._is_time_to_tell():
            log.warning(
                "registrar.waits_for_a_witness",
                channel=self.channel,
                do="ask the sides to start their witnesses",
            )
        return agreed

    def waits(self, error: LogUnreachable) -> None:
        """Log the reason why no head is signed.

        The line is critical if the store of the signed heads is gone.
        """
        if not isinstance(error, StreamMissing):
            log.debug("registrar.waits", channel=self.channel, reason=str(error))
        elif self._is_time_to_tell():
            log.critical(
                "registrar.no_store_of_heads",
                channel=self.channel,
                reason=str(error),
                do="put the broker's store back from its newest whole copy, or call "
                "`dragoman log rebuild` on this signer's archive; nothing is signed before",
            )

    def _is_time_to_tell(self) -> bool:
        now = self._now()
        if (now - self._told).total_seconds() < _TELL_SECONDS:
            return False
        self._told = now
        return True

    def _root_at(self, size: int) -> bytes | None:
        return self.archive.root(size) if size <= self.archive.size else None

    def _trust(self, verifier: Verifier) -> None:
        """Check that signing can go on from the earlier heads.

        These are the head that this archive has signed, the one that it knows as
        sealed, and the one that is sealed now. Raises `LogContradiction`.
        """
        staged, sealed_here = (
            self._stored_head(raw, verifier) for raw in (self.archive.staged, self.archive.sealed)
        )
        sealed = None if self.sealed is None else self._explain(self.sealed.note, verifier)
        for head in (staged, sealed_here):
            if head is not None and head.size > self.archive.size:
                raise LogContradiction(
                    f"{head.size} records were signed here, "
                    f"and the archive holds {self.archive.size}"
                )
        if sealed_here is not None and (sealed is None or sealed.size < sealed_here.size):
            text = "none" if sealed is None else f"one of {sealed.size}"
            raise LogContradiction(
                f"a head of {sealed_here.size} records was sealed, and {text} is shown: "
                "the broker's store is an old one"
            )
        # If the archive has fewer records than the sealed head, it must catch up first.
        self.trusted = sealed is None or sealed.size <= self.archive.size
        if self.sealed is not None:
            self._signed_at = self._signed_at or self.sealed.taken or self._now()

    def _stored_head(self, raw: bytes | None, verifier: Verifier) -> Checkpoint | None:
        return None if raw is None else self._explain(raw, verifier)


class Signer:
    """The signer of all channels of a broker whose genesis names this log key."""

    def __init__(
        self,
        bus: NatsConnection,
        folder: Path,
        seed: bytes,
        *,
        replicas: int,
        now: Callable[[], datetime],
        witnesses: Callable[[], Witnesses],
        read_only_reason: Callable[[], Text | None] = lambda: None,
    ) -> None:
        """Keep an archive of each channel in a folder, and sign with the key of a seed.

        `witnesses` gives the witnesses of one channel. No head is signed while
        `read_only_reason` gives a reason.
        """
        self._read_only_reason = read_only_reason
        self._sealings: dict[str, _Sealing] = {}
        self._witnesses = witnesses
        self._bus = bus
        self._folder = folder
        self._seed = seed
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
            answers[name] = (
                LogConfirmation(waiting=("the log is not followed",))
                if sealing is None
                else await sealing.confirmation()
            )
        return confirmation_of(answers)

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
                    do="stop posting; see docs/operating.md, when a head is not signed",
                )

        await supervise("registrar", sign, channel=channel)

    async def _sign_on_a_disk(self, channel: str) -> None:
        """Sign until something stops it; go on after errors of the archive's disk."""
        while True:
            try:
                await self._sign_beyond_doubt(channel)
            except OSError as error:
                log.critical(
                    "registrar.waits_for_its_disk",
                    channel=channel,
                    reason=str(error),
                    do="free or repair the archive's disk; it is tried again",
                )
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
        sealing = self._sealings[channel] = _Sealing(
            channel, archive, SignedHeadStore(self._bus), self._seed, self._now, self._witnesses()
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

    async def _follow(self, sealing: _Sealing) -> None:
        event_log = JetStreamLog(sealing.channel, self._bus, replicas=self._replicas)
        signer = asyncio.create_task(self._sign(sealing))
        follower = asyncio.create_task(self._read(sealing, event_log))
        try:
            done, _ = await asyncio.wait((signer, follower), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await cancel_until_ended((signer, follower))

    async def _read(self, sealing: _Sealing, event_log: JetStreamLog) -> None:
        async for messages in event_log.follow(lambda: sealing.archive.size + 1):
            if messages is None:
                await self._compare(sealing, event_log)
            elif messages:
                if sealing.named is None and has_entries(messages):
                    sealing.named = await named_from(event_log, messages[0].position)
                await sealing.take_in_thread(messages)
                await asyncio.sleep(0 if len(messages) == READ_RECORDS else _GATHER_SECONDS)

    async def _compare(self, sealing: _Sealing, event_log: JetStreamLog) -> None:
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

    async def _sign(self, sealing: _Sealing) -> None:
        """Sign when the archive has grown, and when a head or a cosignature is due."""
        while True:
            if (seconds := sealing.due_seconds()) > 0:
                sealing.rest()
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await sealing.changed.wait()
            await asyncio.sleep(SEAL_SECONDS)
            if self._read_only_reason() is not None:
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

    async def _look_again(self, sealing: _Sealing) -> None:
        try:
            sealing.sealed = await SignedHeadStore(self._bus).newest(sealing.channel)
        except LogUnreachable as error:
            sealing.waits(error)

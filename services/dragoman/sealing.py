"""The archive of one channel, and its signed head.

The signer has one `Sealing` for each channel. It checks the log and the earlier heads
against its archive, signs the present head, and has it cosigned.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog

from dragoman import metrics
from dragoman.domain.acts.erasure import Named, standing_in
from dragoman.domain.record.codec import NotARecord, parse
from dragoman.eventlog.archive import Archive
from dragoman.eventlog.event_log import LogUnreachable, StoredMessage
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.kept_handovers import KeptHandovers, follow_own
from dragoman.limits import (
    RESEAL_SECONDS,
)
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.signed_heads import SignedHeadStore, StoredHead, StreamMissing
from dragoman.supervision import finish_in_thread
from dragoman.tlog import checkpoint, dsse, note
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.note import ED25519, NotANote, Verifier
from dragoman.witness_client import LogConfirmation, WitnessConflict, Witnesses
from dragoman_schemas.acts.office.channel import ChannelOpening

log = structlog.get_logger()

_TELL_SECONDS: Final = 60.0
_ANOTHER_KEY_SECONDS: Final = 3600.0


class LogContradiction(Exception):
    """A contradiction between a channel and its signed head.

    No further head of the channel is signed.
    """


class Sealing:
    """The archive of one channel, and its sealed head."""

    def __init__(
        self,
        channel: str,
        archive: Archive,
        seals: SignedHeadStore,
        seeds: Sequence[bytes],
        now: Callable[[], datetime],
        witnesses: Witnesses,
    ) -> None:
        """Sign with the keys of seeds, and have heads cosigned by these witnesses."""
        self._witnesses = witnesses
        self.channel = channel
        self.archive = archive
        self._seals = seals
        self._seeds = {dsse.public_of(seed): seed for seed in seeds}
        self._handovers = KeptHandovers(archive.folder)
        self._now = now
        self._signed_at: datetime | None = None
        self._before: tuple[bytes, Checkpoint] | None = None
        self._uses = 0
        self.changed = asyncio.Event()
        self._first_key: Verifier | None = None
        self.sealed: StoredHead | None = None
        self.compared = self.trusted = False
        self.named: Named | None = None
        self._whole_at = self._cosigned_at = time.monotonic()
        self._told = self._told_key = datetime.min.replace(tzinfo=UTC)

    @property
    def verifier(self) -> Verifier | None:
        """Return the log's key, as the genesis names it, with those that came later.

        None if the log has no genesis yet, or if the key in force belongs to another
        signer.
        """
        size, log = self.archive.size, self._log
        return log if log is not None and log.at(size).public in self._seeds else None

    @property
    def _log(self) -> Verifier | None:
        """Return the log's keys, whoever has them; None before its genesis."""
        if self._first_key is None and (opening := self._opening) is not None:
            public = dsse.decode_base64(opening.log_key, 32) or bytes(32)
            self._first_key = Verifier(opening.origin, ED25519, public)
        return None if self._first_key is None else self._handovers.of(self._first_key)

    @property
    def _opening(self) -> ChannelOpening | None:
        """Return the opening in the log's genesis; None if the log has none yet."""
        if not self.archive.size:
            return None
        try:
            opening = parse(self.archive.raw(1)).data
        except NotARecord:
            return None
        return opening if isinstance(opening, ChannelOpening) else None

    def _tell_another_key(self, now: datetime) -> None:
        """Log once, and then each hour, that this signer does not sign the channel."""
        if (now - self._told_key).total_seconds() < _ANOTHER_KEY_SECONDS:
            return
        if (log_keys := self._log) is not None:
            self._told_key = now
            log.error(
                "registrar.another_key",
                channel=self.channel,
                log_key=dsse.encode_base64(log_keys.at(self.archive.size).public),
                key=", ".join(map(dsse.encode_base64, self._seeds)),
                do="start a signer with the log's key on the data directory that has it; "
                "without one the channel's heads stay unsigned: see "
                "docs/operating-faults.md, when a head is not signed",
            )

    def take(self, messages: list[StoredMessage]) -> None:
        """Archive new messages, which must follow the archived ones.

        A handover is followed before it is archived. So nobody signs a head of it with
        the old key, whatever else runs meanwhile. Raises `LogContradiction` if a
        position is missing.
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
            follow_own(self._handovers, ((message.position, message.raw) for message in fresh))
            self.archive.add([message.raw for message in fresh], entries)

    async def take_in_thread(self, messages: list[StoredMessage]) -> None:
        """Archive new messages in a thread. Raises `LogContradiction`."""
        self._uses += 1
        try:
            await finish_in_thread(self.take, messages)
        finally:
            self._uses -= 1
            self.changed.set()

    def ask(self, witnesses: Witnesses) -> None:
        """Ask other witnesses from now on."""
        self._witnesses = witnesses
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
        if verifier is None:
            self._tell_another_key(now)
        if verifier is None or not self.compared:
            return
        if not self.trusted:
            self._trust(verifier)
            self.trusted = self.trusted and await self._is_agreed(verifier)
        if not self.trusted:
            return
        frontier = self.archive.frontier
        verifier = self.verifier  # The archive may have taken a handover since.
        if verifier is None:
            return
        stale = self._signed_at is None or (now - self._signed_at).total_seconds() >= RESEAL_SECONDS
        before = None if self.sealed is None else self._head_of(self.sealed.note, verifier)
        if before is not None and before.size == frontier.size:
            self._whole_at = time.monotonic()
            if not stale:
                return
        head = Checkpoint(verifier.name, frontier.size, frontier.root())
        seed = self._seeds.get(verifier.at(head.size).public)
        if seed is None:
            return
        signed = note.encode(head.text, [note.sign(verifier.name, seed, head.text)])
        await finish_in_thread(self.archive.keep_staged, signed)
        try:
            self.sealed = await self._seals.put(self.channel, signed, self.sealed)
        except WriteConflict:
            self.sealed = await self._seals.newest(self.channel)
            # Another signer was first: its head is checked before ours goes on from it.
            self.trusted = False
        else:
            self._signed_at, self._whole_at = now, time.monotonic()
            metrics.HEADS_SIGNED.inc()
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
        if self._witnesses.again_seconds(result) is None:
            self._cosigned_at = time.monotonic()
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

    @property
    def unsigned_s(self) -> float:
        """The seconds for which records wait for a signed head; 0 if none waits."""
        if self.verifier is None:
            return 0.0
        whole = self._before is not None and self._before[1].size >= self.archive.size
        return 0.0 if whole else time.monotonic() - self._whole_at

    @property
    def uncosigned_s(self) -> float:
        """The seconds for which a head waits for a witness; 0 if none waits."""
        if self.verifier is None or self.sealed is None or self._witnesses.is_empty:
            return 0.0
        if self._witnesses.again_seconds(note.read(self.sealed.note)) is None:
            return 0.0
        return time.monotonic() - self._cosigned_at

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
        # A head from a copy proves no signer, so it is signed again at once.
        if self.sealed is not None and not self.sealed.restored:
            self._signed_at = self._signed_at or self.sealed.taken or self._now()

    def _stored_head(self, raw: bytes | None, verifier: Verifier) -> Checkpoint | None:
        return None if raw is None else self._explain(raw, verifier)

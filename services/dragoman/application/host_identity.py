"""The identity of a host: one log key for all gateways on one broker.

    has the host's log key    opens channels itself
    has no log key            has channels opened by the gateway that has it
    has another log key       reads and posts, and opens no channel

The first opening enters the key in the broker. A host of an earlier release has
channels and no entry. The genesis of its oldest channel then names the host's key,
whichever gateway asks. So no gateway makes its own key that of a host with another one.
Only the gateway that has that key enters it.

Whoever puts a copy of a log into another broker has its records, and not its log key.
Nobody could sign what is recorded there. So a channel is read-only where nobody has
proved its log key (`LogKeyProofs`):

    this gateway has the key       it is in keys/log
    the host has the key           its holder entered it in the broker
    a signer here has the key      it has signed a head over the newest records
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import structlog

from dragoman.domain.acts import log_policy
from dragoman.domain.acts.families import genesis
from dragoman.domain.record.codec import NotARecord, parse
from dragoman.domain.record.errors import refuse
from dragoman.eventlog import stream_config
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.limits import POLL_SECONDS, RESEAL_SECONDS
from dragoman.projection.projection import Projection
from dragoman.stores.host_key import HostKeyStore
from dragoman.stores.signed_heads import SignedHeadStore, StreamMissing
from dragoman.text import sentence
from dragoman.tlog import checkpoint, dsse
from dragoman.tlog.note import NotANote
from dragoman_schemas.acts.office.channel import ChannelOpening

log = structlog.get_logger()

_KEY_BYTES = 32

_LATE_SECONDS: Final = 30.0
"""The seconds for which the newest records may have no head of the signer yet."""


class HostIdentity:
    """The log key of this gateway beside that of its host."""

    def __init__(
        self,
        bus: NatsConnection,
        store: HostKeyStore,
        log_keys: Sequence[bytes],
        *,
        replicas: int = 1,
    ) -> None:
        """Compare the public `log_keys` of this gateway, if it has any.

        The newest is the last one. A channel is opened under that.
        """
        self._bus = bus
        self._store = store
        self._replicas = replicas
        self.own_keys = log_keys
        self.own_key = log_keys[-1] if log_keys else None
        self._oldest: bytes | None = None
        self.known: bytes | None = None
        """The host's log key, once it was read; it never changes."""

    async def log_key(self) -> bytes | None:
        """Return the host's log key; None if the host has no channel yet.

        Raises `LogUnreachable`.
        """
        if await self.entered() is None:
            self._oldest = self._oldest or await self._key_of_oldest_channel()
            if self._oldest is None or self._oldest not in self.own_keys:
                return self._oldest
            self.known = await self._store.enter(self._oldest)
            log.info("host.log_key_adopted", key=dsse.encode_base64(self.known))
        return self.known

    async def entered(self) -> bytes | None:
        """Return the log key that its holder has entered as the host's, if it has.

        Raises `LogUnreachable`.
        """
        if self.known is None:
            self.known = await self._store.read()
        return self.known

    async def opens_here(self) -> bool:
        """Return whether this gateway opens channels itself; another one does if not.

        Raises `Refused` if this gateway has another log key than the host.
        """
        try:
            key = await self.log_key()
        except LogUnreachable as error:
            raise refuse(
                "unavailable",
                "No channel can be opened now, because the host's log key cannot be read: "
                "%(error)s. Try again.",
                error=error.said,
            ) from None
        if self.own_key is None:
            return False
        self._refuse_another(key)
        return True

    async def claim(self) -> bytes:
        """Enter this gateway's key as the host's at the first opening, and return it.

        Raises `Refused` if the host has another key by now.
        """
        assert self.own_key is not None
        if self.known is None:
            try:
                self.known = await self._store.enter(self.own_key)
            except LogUnreachable as error:
                raise refuse(
                    "unavailable",
                    "The channel is not opened: %(error)s. Try again.",
                    error=error.said,
                ) from None
            log.info("host.log_key_entered", key=dsse.encode_base64(self.known))
        self._refuse_another(self.known)
        return self.own_key

    def _refuse_another(self, key: bytes | None) -> None:
        if key is None or self.own_key is None or key in self.own_keys:
            return
        raise refuse(
            "not-permitted",
            "This gateway opens no channel: its log key is %(own)s, and the host's is "
            "%(key)s. Heads are signed only under the host's key. Open it at the gateway with "
            "the host's key. Or have the operator stop this gateway and move its folder "
            "keys/log away: it then has channels opened by that gateway.",
            own=dsse.encode_base64(self.own_key),
            key=dsse.encode_base64(key),
        )

    async def _key_of_oldest_channel(self) -> bytes | None:
        """Return the log key that the oldest genesis names; None without any channel.

        Each genesis is read from the log itself. A channel that this gateway does not
        follow counts as well. Raises `LogUnreachable`.
        """
        openings: list[tuple[str, str, str]] = []
        for channel in await stream_config.channels(self._bus):
            event_log = JetStreamLog(channel, self._bus, replicas=self._replicas)
            for message in (await event_log.read(1, 1))[:1]:
                try:
                    record = parse(message.raw)
                except NotARecord:
                    continue
                if (
                    isinstance(record.data, ChannelOpening)
                    and genesis.check_genesis(record) is None
                ):
                    openings.append((record.envelope.time, channel, record.data.log_key))
        return dsse.decode_base64(min(openings)[2], _KEY_BYTES) if openings else None


class LogKeyProofs:
    """The proofs of log keys. Nothing is recorded in a channel without one."""

    def __init__(
        self, identity: HostIdentity, heads: SignedHeadStore, channels: Mapping[str, Projection]
    ) -> None:
        """Watch channels, more of which may come."""
        self._identity = identity
        self._heads = heads
        self._channels = channels
        self._proved: set[tuple[str, str]] = set()
        self._behind: dict[str, float] = {}

    async def run(self) -> None:
        """Look again every second, for ever. A signer may start or stop."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            with suppress(LogUnreachable):
                await self.look()

    async def begin(self) -> None:
        """Have the holder of the host's key enter it, and look for the first time.

        Raises `LogUnreachable`.
        """
        await self._identity.log_key()
        await self.look()

    async def look(self) -> None:
        """Note which channels lack a proof. Raises `LogUnreachable`."""
        unproved = [
            (projection, log_policy.key_in_force(projection.registry))
            for projection in self._channels.values()
            if projection.is_channel and not projection.is_copy
        ]
        unproved = [
            (projection, key)
            for projection, key in unproved
            if (projection.name, key) not in self._proved
        ]
        if not unproved:
            return
        keys = {*self._identity.own_keys, await self._identity.entered()}
        proved_keys = {dsse.encode_base64(key) for key in keys if key is not None}
        for projection, key in unproved:
            projection.heirs = proved_keys
            if key in proved_keys:
                self._proved.add((projection.name, key))
                self._note(projection, unsigned=False)
            else:
                self._note(projection, unsigned=not await self._is_signed(projection))

    def _note(self, projection: Projection, *, unsigned: bool) -> None:
        if unsigned == (projection.unsigned is not None):
            return
        projection.unsigned = None
        if not unsigned:
            log.info("channel.signed_here", channel=projection.name)
            return
        projection.unsigned = sentence(
            "no signer of this host has the log key of %(channel)s, so nobody could prove what "
            "is recorded here: go on at the host of that channel, or start a signer with that key",
            channel=projection.name,
        )
        log.critical(
            "channel.not_signed_here",
            channel=projection.name,
            key=log_policy.key_in_force(projection.registry),
            do="start the signer that has this log key, or use the channel's own host; see "
            "docs/operating-faults.md, a host that cannot sign",
        )

    async def _is_signed(self, projection: Projection) -> bool:
        """Return whether a signer has signed a head over the newest records of late.

        A head that was written from a copy of the log proves no signer.
        """
        try:
            head = await self._heads.newest(projection.name)
        except StreamMissing:
            return False
        if head is None or head.restored or head.taken is None:
            return False
        try:
            signed, _ = checkpoint.read_signed(head.note, log_policy.log_of(projection.registry))
        except NotANote:
            return False
        now = time.monotonic()
        if signed.size >= projection.state.position:
            self._behind[projection.name] = now
        behind = now - self._behind.setdefault(projection.name, now)
        age = (datetime.now(UTC) - head.taken).total_seconds()
        return behind <= _LATE_SECONDS and age <= RESEAL_SECONDS + _LATE_SECONDS

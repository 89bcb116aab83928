"""The identity of a host: one log key for all gateways on one broker.

    has the host's log key    opens channels itself
    has no log key            has channels opened by the gateway that has it
    has another log key       reads and posts, and opens no channel

The first opening enters the key in the broker. A host of an earlier release has
channels and no entry. The genesis of its oldest channel then names the host's key,
whichever gateway asks. So no gateway makes its own key that of a host with another one.
"""

import structlog

from dragoman.domain.acts.families import genesis
from dragoman.domain.record.codec import NotARecord, parse
from dragoman.domain.record.errors import refuse
from dragoman.eventlog import stream_config
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.stores.host_key import HostKeyStore
from dragoman.tlog import dsse
from dragoman_schemas.acts.office.channel import ChannelOpening

log = structlog.get_logger()

_KEY_BYTES = 32


class HostIdentity:
    """The log key of this gateway beside that of its host."""

    def __init__(
        self, bus: NatsConnection, store: HostKeyStore, log_key: bytes | None, *, replicas: int = 1
    ) -> None:
        """Compare the public `log_key` of this gateway, if it has one."""
        self._bus = bus
        self._store = store
        self._replicas = replicas
        self.own_key = log_key
        self.known: bytes | None = None
        """The host's log key, once it was read; it never changes."""

    async def log_key(self) -> bytes | None:
        """Return the host's log key; None if the host has no channel yet.

        Raises `LogUnreachable`.
        """
        if self.known is None:
            self.known = await self._store.read()
        if self.known is None:
            oldest = await self._key_of_oldest_channel()
            if oldest is not None:
                self.known = await self._store.enter(oldest)
                log.info("host.log_key_adopted", key=dsse.encode_base64(self.known))
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
        if key is None or self.own_key is None or key == self.own_key:
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

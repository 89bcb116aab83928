"""The running service: what every handler works with.

It has the channels, the command handler, the stores beside the log, and the background
tasks of a gateway.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog

from dragoman.application.access_refresh import AccessRefresh
from dragoman.application.channel_openings import ChannelOpenings
from dragoman.application.clock import stamp
from dragoman.application.command_handler import CommandHandler
from dragoman.application.deliveries import DeliveryTracker
from dragoman.application.disk_space import DiskSpace
from dragoman.application.file_scans import FileScans
from dragoman.application.finality import Coverage
from dragoman.application.host_identity import HostIdentity
from dragoman.application.loop_watchdog import Watchdog
from dragoman.application.pushed_cosignatures import PushedCosignatures
from dragoman.application.station_port import StationPort
from dragoman.application.ways_to_reach import Ways
from dragoman.domain.acts import access as rules
from dragoman.domain.acts.act_rules import OFFICERS
from dragoman.domain.record.errors import refuse
from dragoman.eventlog.durability_guard import DurabilityGuard
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.interop.ssrf_guard import AddressGuard as Urls
from dragoman.lifecycle import Lifecycle
from dragoman.limits import POLL_SECONDS
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.projection.tree import Trees
from dragoman.settings import TokenSettings
from dragoman.stores.drafts import DraftStore
from dragoman.stores.endpoints import NotificationEndpoints
from dragoman.stores.files import FileStore
from dragoman.stores.identities import Identities
from dragoman.stores.opened_exchanges import OpenedExchanges
from dragoman.stores.parcels import Parcels
from dragoman.stores.people import PeopleStore
from dragoman.stores.rosters import RosterStore
from dragoman.stores.signed_heads import SignedHeadStore
from dragoman.stores.tokens_and_sessions import Grant, StationGrant, TokensAndSessions
from dragoman.supervision import forever, supervise

log = structlog.get_logger()

_COUNTED_ANEW: Final = 50
"""The number of channels up to which they are counted anew for each answer."""

_COUNTED_SECONDS: Final = 0.5


@dataclass(slots=True, kw_only=True)
class Service:
    """One gateway process.

    `issuer` is the OIDC provider whose tokens are accepted. `public_url` is the address
    of the service for callers outside, if it is known. `ways` are the ways to reach
    people that the operator offers. Each is tested every `proof_days` days.
    `token_life` says when new tokens end. `station` is that of a side's own premises,
    if this process is one. `scans` are there if a scanner must pass the files of other
    sides.
    """

    command_handler: CommandHandler
    access: TokensAndSessions
    access_refresh: AccessRefresh
    identities: Identities
    drafts: DraftStore
    notification_endpoints: NotificationEndpoints
    urls: Urls
    people: PeopleStore
    rosters: RosterStore
    opened_exchanges: OpenedExchanges
    files: FileStore
    signed_heads: SignedHeadStore
    coverage: Coverage
    pushed: PushedCosignatures
    parcels: Parcels
    trees: Trees
    store: Store
    bus: NatsConnection
    guard: DurabilityGuard
    identity: HostIdentity
    openings: ChannelOpenings
    deliveries: DeliveryTracker
    channels: dict[str, Projection]
    station: StationPort | None = None
    scans: FileScans | None = None
    issuer: str = ""
    public_url: str = ""
    ways: Ways = field(default_factory=Ways)
    proof_days: int = 30
    token_life: TokenSettings = field(default_factory=TokenSettings)
    lifecycle: Lifecycle = field(default_factory=lambda: Lifecycle("service"))
    disks: DiskSpace = field(default_factory=DiskSpace)
    counted: tuple[float, tuple[int, int, int]] = (float("-inf"), (0, 0, 0))
    by_cid: dict[str, Projection] = field(default_factory=dict)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    watchdog: Watchdog = field(default_factory=Watchdog)
    failing: set[str] = field(default_factory=set)
    """Names of background tasks that fail now and are tried again.

    They are tasks of no single channel.
    """

    # Who calls, and what they may see

    def channel(self, grant: Grant, name: str) -> Projection:
        """Return a channel that the caller may read.

        Raises the same `Refused` for a channel that does not exist and for one of
        others.
        """
        projection = self.channels.get(name)
        if projection is None or not projection.is_channel or not self.may_see(grant, projection):
            raise refuse(
                "not-found",
                "There is no channel %(channel)s for this token; GET /v1/channels lists those "
                "there are.",
                channel=name[:63],
            )
        if projection.doubt:
            raise refuse("behind", "%(error)s. Ask again in a moment.", error=projection.doubt)
        return projection

    def may_see(self, grant: Grant, projection: Projection) -> bool:
        """Return whether a token is for the channel, and its officer in office there.

        The key of a station must be in force there.
        The operator sees only names and settings, and no channel.
        """
        if not projection.is_channel:
            return False
        if grant.is_operator:
            return False
        registry = projection.registry
        if isinstance(grant, StationGrant) and not rules.is_station_key(
            registry, grant.actor, grant.keyid
        ):
            return False
        return (
            self.access.covers(grant, registry.cid)
            and rules.may_read(registry, grant.actor) is None
        )

    def visible(self, grant: Grant) -> list[Projection]:
        """Return the channels that the caller may see, by name.

        The operator sees all names.
        """
        if grant.is_operator:
            return [channel for _, channel in sorted(self.channels.items()) if channel.is_channel]
        channels = (self.channel_with(cid) for cid in self.access.cids(grant))
        return sorted(
            (channel for channel in channels if channel and self.may_see(grant, channel)),
            key=lambda channel: channel.name,
        )

    def channel_with(self, cid: str) -> Projection | None:
        """Return the channel with a cid, or None if it is not on this host."""
        if len(self.by_cid) < len(self.channels) and cid not in self.by_cid:
            self.by_cid.update(
                (projection.registry.cid, projection)
                for projection in self.channels.values()
                if projection.is_channel
            )
        projection = self.by_cid.get(cid)
        return projection if projection and projection.is_channel else None

    def receiving_side(self, grant: Grant, projection: Projection) -> str:
        """Return the side that receives what the caller reads.

        Empty for auditors and administrators, who read for themselves.
        """
        officer = projection.registry.officers.get(grant.actor)
        return "" if officer is None or OFFICERS.isdisjoint(officer.roles) else grant.side

    # How fresh

    def as_of(self, projection: Projection) -> str:
        """Return the time at which this gateway last saw the end of the log.

        Empty if it never did.
        """
        return "" if projection.checked is None else stamp(projection.checked)

    def is_live(self, projection: Projection) -> bool:
        """Return whether this gateway saw the end of the log just now."""
        checked = projection.checked
        if checked is None or projection.broken or projection.doubt or self.store.stalled:
            return False
        return (self.now() - checked).total_seconds() <= projection.log.end.lasts

    def channel_counts(self) -> tuple[int, int, int]:
        """Return the numbers of channels that are not live, broken, and in doubt.

        A copy is as late as its line, which is no fault here. With many channels the
        counts are up to half a second old.
        """
        now = time.monotonic()
        if len(self.channels) <= _COUNTED_ANEW or now - self.counted[0] > _COUNTED_SECONDS:
            projections = list(self.channels.values())
            self.counted = (
                now,
                (
                    sum(self._is_late(projection) for projection in projections),
                    sum(projection.broken is not None for projection in projections),
                    sum(projection.doubt is not None for projection in projections),
                ),
            )
        return self.counted[1]

    def _is_late(self, projection: Projection) -> bool:
        if projection.is_copy:
            return bool(projection.broken or projection.doubt)
        return not self.is_live(projection) or projection.unwritable is not None

    @property
    def is_down(self) -> bool:
        """Return whether the broker is away: not connected, silent or not durable."""
        return not self.bus.up or self.guard.is_silent or not self.guard.proven

    def is_writable(self, projection: Projection) -> bool:
        """Return whether anything can be recorded in a channel now."""
        return (
            (projection.is_copy or self.guard.proven)
            and projection.unwritable is None
            and not projection.read_only
            and not projection.doubt
            and self.command_handler.read_only_reason is None
        )

    # In the background

    async def keep(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a task of no single channel for ever.

        While it fails, the service says that it is not ready.
        """

        def failed(task: str, _: Exception) -> None:
            self.failing.add(task)

        await supervise(name, forever(run), failed=failed, recovered=self.failing.discard)

    async def keep_erasing(self) -> None:
        """Finish the erasures that a gateway began and could not finish."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.people.sweep()
                await self.rosters.sweep()
                await self.files.sweep()
                for projection in list(self.channels.values()):
                    if projection.is_channel:
                        registry = projection.registry
                        await self.opened_exchanges.sweep(registry.cid, registry.erased)
            except LogUnreachable as error:
                log.debug("erasing.put_off", reason=str(error))

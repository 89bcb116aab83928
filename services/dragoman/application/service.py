"""The running service: what every handler works with.

It has the channels, the command handler, the stores beside the log, and the background
tasks of a gateway.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog
from msgspec import UNSET

from dragoman.application.channel_genesis import append_genesis, make_genesis, make_trial_genesis
from dragoman.application.clock import stamp
from dragoman.application.command_handler import CommandHandler
from dragoman.application.disk_space import DiskSpace
from dragoman.application.finality import Coverage
from dragoman.application.host_identity import HostIdentity
from dragoman.application.loop_watchdog import Watchdog
from dragoman.application.new_channels import check_new_channel, is_half_opened
from dragoman.application.opening_requests import OpeningRequest, OpeningRequests, TrialRequest
from dragoman.application.ways_to_reach import Ways
from dragoman.domain.acts import access as rules
from dragoman.domain.acts import act_registry
from dragoman.domain.acts.act_rules import OFFICERS
from dragoman.domain.acts.families import channel as channels
from dragoman.domain.acts.families import genesis as genesis_module
from dragoman.domain.decide import Submission
from dragoman.domain.record import ids
from dragoman.domain.record.codec import is_name, read_act
from dragoman.domain.record.errors import Refused, refuse
from dragoman.eventlog.durability_guard import DurabilityGuard
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.interop.ssrf_guard import AddressGuard as Urls
from dragoman.lifecycle import Lifecycle
from dragoman.limits import DELIVERY_SECONDS, POLL_SECONDS
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.projection.store import Store
from dragoman.projection.tree import Trees
from dragoman.settings import TokenSettings
from dragoman.stores.drafts import DraftStore
from dragoman.stores.endpoints import NotificationEndpoints
from dragoman.stores.files import FileStore
from dragoman.stores.identities import Identities
from dragoman.stores.keystore import Keystore
from dragoman.stores.opened_exchanges import OpenedExchanges
from dragoman.stores.people import PeopleStore
from dragoman.stores.rosters import RosterStore
from dragoman.stores.signed_heads import SignedHeadStore
from dragoman.stores.tokens_and_sessions import Grant, TokensAndSessions
from dragoman.supervision import forever, supervise
from dragoman.tlog import dsse
from dragoman_schemas.acts import rules_versions
from dragoman_schemas.acts.office.channel import ChannelOpening, LiveChannel
from dragoman_schemas.fields import or_default
from dragoman_schemas.host_responses import NewChannel, Opening, OpeningTerms

log = structlog.get_logger()

_LOOK_SECONDS: Final = 0.2
_COUNTED_ANEW: Final = 50
"""The number of channels up to which they are counted anew for each answer."""

_COUNTED_SECONDS: Final = 0.5


class OpenLog(Protocol):
    """A function that follows a channel's log. Raises `LogBroken`, `LogUnreachable`."""

    async def __call__(self, channel: str, *, new: bool = False) -> Projection:
        """Return the channel's projection; the stream of a `new` one is made first."""


@dataclass(slots=True)
class DeliveryTracker:
    """The position up to which each side has received the log, until it is recorded."""

    noted: dict[tuple[str, str], int] = field(default_factory=dict)

    def note(self, channel: str, side: str, position: int) -> None:
        """Note that a station of the side has received everything up to a position.

        The record at that position is another side's act.
        """
        if position > self.noted.get((channel, side), 0):
            self.noted[channel, side] = position


@dataclass(slots=True, kw_only=True)
class Service:
    """One gateway process.

    `open_log` follows a channel's stream, which it makes for a new channel; it is
    passed in when the services are built. `custody` has the keys of trials. `origin`
    is the origin of a new channel's log, with `{channel}` and `{key}` in it. `issuer`
    is the OIDC provider whose tokens are accepted. `public_url` is the address of the
    service for callers outside, if it is known. `ways` are the ways to reach people
    that the operator offers. Each is tested every `proof_days` days. `token_life` says
    when new tokens end.
    """

    command_handler: CommandHandler
    access: TokensAndSessions
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
    trees: Trees
    store: Store
    bus: NatsConnection
    guard: DurabilityGuard
    open_log: OpenLog
    identity: HostIdentity
    keeper: OpeningRequests
    custody: Keystore
    origin: str
    issuer: str = ""
    public_url: str = ""
    ways: Ways = field(default_factory=Ways)
    proof_days: int = 30
    token_life: TokenSettings = field(default_factory=TokenSettings)
    lifecycle: Lifecycle = field(default_factory=lambda: Lifecycle("service"))
    disks: DiskSpace = field(default_factory=DiskSpace)
    channels: dict[str, Projection] = field(default_factory=dict)
    counted: tuple[float, tuple[int, int, int]] = (float("-inf"), (0, 0, 0))
    by_cid: dict[str, Projection] = field(default_factory=dict)
    deliveries: DeliveryTracker = field(default_factory=DeliveryTracker)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    watchdog: Watchdog = field(default_factory=Watchdog)
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    looked: float = 0.0
    ended_listeners: list[Callable[[], None]] = field(default_factory=list)
    """Functions that are called when tokens, mappings or sessions have ended."""

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

        The operator sees only names and settings, and no channel.
        """
        if not projection.is_channel:
            return False
        if grant.is_operator:
            return False
        return (
            self.access.covers(grant, projection.registry.cid)
            and rules.may_read(projection.registry, grant.actor) is None
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

    def station(self, grant: Grant, projection: Projection) -> str:
        """Return the side at one of whose stations the caller works.

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
        return (self.now() - checked).total_seconds() <= 2 * POLL_SECONDS + 1

    def channel_counts(self) -> tuple[int, int, int]:
        """Return the numbers of channels that are not live, broken, and in doubt.

        With many channels the counts are up to half a second old.
        """
        now = time.monotonic()
        if len(self.channels) <= _COUNTED_ANEW or now - self.counted[0] > _COUNTED_SECONDS:
            projections = list(self.channels.values())
            self.counted = (
                now,
                (
                    sum(
                        not self.is_live(projection) or projection.log.unwritable is not None
                        for projection in projections
                    ),
                    sum(projection.broken is not None for projection in projections),
                    sum(projection.doubt is not None for projection in projections),
                ),
            )
        return self.counted[1]

    @property
    def is_down(self) -> bool:
        """Return whether the broker is away: not connected, silent or not durable."""
        return not self.bus.up or self.guard.is_silent or not self.guard.proven

    def is_writable(self, projection: Projection) -> bool:
        """Return whether anything can be recorded in a channel now."""
        return (
            self.guard.proven
            and projection.log.unwritable is None
            and not projection.read_only
            and not projection.doubt
            and self.command_handler.read_only_reason is None
        )

    # Beginning a channel

    def _refuse_to_open(self) -> None:
        """Raise `Refused` if no channel can be opened now."""
        self.command_handler.refuse_if_read_only()
        self.disks.refuse_if_scarce()

    async def open_channel(self, new: NewChannel) -> Projection:
        """Open a trial channel, and enter its first officers as root.

        A gateway without a log key has it opened by the gateway with the host's. Raises
        `Refused`.
        """
        check_new_channel(new)
        self._refuse_to_open()
        if not await self.identity.opens_here():
            return await self._opened_elsewhere(new.name, TrialRequest(new))
        async with self.opening:
            exercise_of = None
            if isinstance(new.exercise_of, str):
                live = self.channels.get(new.exercise_of)
                if live is None or not live.is_channel:
                    raise refuse(
                        "invalid",
                        "There is no channel %(channel)s to exercise; open that one first.",
                        channel=new.exercise_of,
                    )
                exercise_of = (live.name, live.registry.cid)
            projection = self.channels.get(new.name)
            if projection is None or not projection.is_channel:
                genesis = make_trial_genesis(
                    self.custody,
                    new,
                    exercise_of=exercise_of,
                    log_key=await self.identity.claim(),
                    origin=self._origin(new.name),
                    rules=or_default(new.rules, self._rules()),
                    moment=self.now(),
                )
                projection = projection or await self.open_log(new.name, new=True)
                self.channels[new.name] = projection
                self.command_handler.refuse_if_read_only()
                await append_genesis(projection.log, genesis)
                await projection.reached(1)
            elif not is_half_opened(projection, new):
                raise refuse(
                    "exists",
                    "There is a channel %(channel)s already; choose another name.",
                    channel=new.name,
                )
            for officer in new.officers:
                body = b'{"act":"officer","officer":"%s","office":"%s","roles":[%s]}' % (
                    officer.officer.encode(),
                    officer.office.encode(),
                    ",".join(f'"{role}"' for role in officer.roles).encode(),
                )
                act, data = read_act(body, cut=False)
                actor = f"{officer.side}/root"
                id = ids.from_key(new.name, actor, f"opening-officer/{officer.officer}")
                await self.command_handler.post(
                    projection, Submission(actor=actor, act=act, data=data, id=id, family="channel")
                )
            return projection

    async def open_signed(self, opening: Opening) -> Projection:
        """Open a channel whose sides keep their own keys, from a signed opening.

        The opening is signed by the root keys of all sides. The same opening again
        changes nothing. A gateway without a log key has the channel opened by the
        gateway with the host's. Raises `Refused`.
        """
        self._refuse_to_open()
        opens_here = await self.identity.opens_here()
        act, data = read_act(bytes(opening.act), cut=False)
        if not isinstance(data, ChannelOpening):
            raise refuse(
                "invalid", "This is not a channel-opening; draft one with `dragoman channel draft`."
            )
        if not opens_here:
            return await self._opened_elsewhere(data.name, OpeningRequest(opening))
        self._check_signed(data)
        signatures = " ".join(
            sorted({part for line in opening.signatures for part in line.split()})
        )
        genesis = make_genesis(data.name, act, data, signatures, moment=self.now())
        async with self.opening:
            projection = self.channels.get(data.name)
            if projection is not None and projection.is_channel:
                if projection.registry.cid != genesis_module.cid_of(act):
                    raise refuse(
                        "exists",
                        "There is a channel %(channel)s already; choose another name.",
                        channel=data.name,
                    )
                return projection
            await self.identity.claim()
            projection = projection or await self.open_log(data.name, new=True)
            self.channels[data.name] = projection
            self.command_handler.refuse_if_read_only()
            await append_genesis(projection.log, genesis)
            await projection.reached(1)
            return projection

    async def _opened_elsewhere(
        self, name: str, request: TrialRequest | OpeningRequest
    ) -> Projection:
        """Have a channel opened by the gateway with the host's log key, and follow it.

        Raises `Refused`.
        """
        # Meanwhile the channel must not be followed twice.
        async with self.opening:
            position = await self.keeper.open(self.identity.known, request)
            projection = self.channels.get(name)
            try:
                if projection is None:
                    projection = self.channels[name] = await self.open_log(name)
                await projection.reached(position)
            except (LogBroken, LogUnreachable, NotYetApplied) as error:
                raise refuse(
                    "behind",
                    "The channel %(channel)s is open, and this gateway does not show it yet: "
                    "%(error)s. Look for it in a moment; do not open it again.",
                    channel=name,
                    error=error.said,
                ) from None
        return projection

    async def terms(self, name: str) -> OpeningTerms:
        """Return the log key and the origin that this host puts into an opening.

        The key signs the heads of the log, which the origin names. Raises `Refused`.
        """
        if not await self.identity.opens_here():
            return await self.keeper.terms(self.identity.known, name)
        return self._terms(name)

    def _terms(self, name: str) -> OpeningTerms:
        if not is_name(name):
            raise refuse(
                "invalid",
                "%(name)s is not a valid name: use small letters and digits, with hyphens between.",
                name=name[:63],
            )
        return OpeningTerms(
            log_key=dsse.encode_base64(self._own_key),
            origin=self._origin(name),
            rules=self._rules(),
        )

    def _rules(self) -> int:
        """Return the version of the rules that a new channel names by default.

        It is the highest one in force in a channel here. So an opening during an
        upgrade stops no gateway that lacks a later one. A host without channels has the
        newest.
        """
        versions = {
            act_registry.in_force(p.registry).number for p in self.channels.values() if p.is_channel
        }
        return max(versions, default=rules_versions.NEWEST)

    @property
    def _own_key(self) -> bytes:
        assert self.identity.own_key is not None
        return self.identity.own_key

    def _origin(self, name: str) -> str:
        """Return the origin of a channel's log.

        Raises `Refused` if another channel has it.
        """
        origin = self.origin.replace("{channel}", name).replace(
            "{key}", hashlib.sha256(self._own_key).hexdigest()
        )
        channels_with_origin = [
            p.name
            for p in self.channels.values()
            if p.is_channel and p.name != name and p.registry.origin == origin
        ]
        if channels_with_origin:
            raise refuse(
                "invalid",
                "%(origin)s is the origin of %(channel)s: the setting `origin` must have "
                "{channel} in it where there are several channels.",
                origin=origin,
                channel=channels_with_origin[0],
            )
        return origin

    def _check_signed(self, data: ChannelOpening) -> None:
        terms = self._terms(data.name)
        if (data.log_key, data.origin) != (terms.log_key, terms.origin):
            raise refuse(
                "invalid",
                "This host signs the heads of %(channel)s as %(origin)s with %(key)s; draft the "
                "opening with those.",
                channel=data.name,
                origin=terms.origin,
                key=terms.log_key,
            )
        if data.custody is not UNSET:
            raise refuse("invalid", "The sides' own keys signed this opening: leave out `custody`.")
        if isinstance(data.exercise_of, LiveChannel):
            live = self.channels.get(data.exercise_of.name)
            if live is None or not live.is_channel or live.registry.cid != data.exercise_of.cid:
                raise refuse(
                    "invalid",
                    "There is no such channel %(channel)s here to exercise.",
                    channel=data.exercise_of.name,
                )

    async def look_again(self) -> bool:
        """Read new tokens for an unknown caller, and return whether that was done.

        It is done at most a few times a second.
        """
        now = asyncio.get_running_loop().time()
        if not self.bus.up or now - self.looked < _LOOK_SECONDS:
            return False
        self.looked = now
        try:
            await self.access.refresh()
        except LogUnreachable:
            return False
        return True

    # In the background

    async def keep(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a task of no single channel for ever.

        While it fails, the service says that it is not ready.
        """

        def failed(task: str, _: Exception) -> None:
            self.failing.add(task)

        await supervise(name, forever(run), failed=failed, recovered=self.failing.discard)

    async def keep_delivering(self) -> None:
        """Record up to which position other sides' acts were delivered to each side.

        It records that at most once a second for each side.
        """
        while True:
            await asyncio.sleep(DELIVERY_SECONDS)
            for (name, side), upto in list(self.deliveries.noted.items()):
                projection = self.channels[name]
                before = projection.registry.delivered.get(side)
                if before is not None and before.upto >= upto:
                    del self.deliveries.noted[name, side]
                    continue
                await self._deliver(projection, side, upto)

    async def _deliver(self, projection: Projection, side: str, upto: int) -> None:
        raw, data = read_act(channels.delivery_act(side, upto), cut=False)
        actor = "service/gateway"
        id = self.command_handler.own_id(projection, actor, channels.delivery_key(side, upto))
        try:
            await self.command_handler.post(
                projection,
                Submission(actor=actor, act=raw, data=data, id=id, exchange="", family="channel"),
            )
        except Refused as error:
            log.warning(
                "delivery.not_recorded",
                channel=projection.name,
                side=side,
                upto=upto,
                reason=str(error.refusal.detail),
            )
        except LogBroken as error:
            log.warning(
                "delivery.not_recorded",
                channel=projection.name,
                side=side,
                upto=upto,
                reason=str(error),
            )
        # The deliveries of other channels go on. The side's next delivery includes this one.
        except Exception:
            self.deliveries.noted.pop((projection.name, side), None)
            log.critical(
                "delivery.failed", channel=projection.name, side=side, upto=upto, exc_info=True
            )

    async def keep_access_fresh(self) -> None:
        """Read tokens issued and revoked elsewhere, and prove the broker again."""
        fresh = True
        removals = self.access.bucket.removals
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.guard.prove()
                await self.access.refresh()
                await self.rosters.refresh()
                await self.access.write_uses()
            except LogUnreachable as error:
                if fresh:
                    log.warning(
                        "access.not_fresh",
                        reason=str(error),
                        do="see the broker: what is revoked elsewhere holds here until it answers",
                    )
                fresh = False
            else:
                if not fresh:
                    log.info("access.fresh")
                fresh = True
            if self.access.bucket.removals != removals:
                removals = self.access.bucket.removals
                for listener in self.ended_listeners:
                    listener()

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

"""The construction of a service: connections, stores and the channels that it follows.

`running_service` connects to the broker and folds every channel to the end of its log.
`bootstrap` uses it for the gateway, the scheduler and the notifier.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
import structlog

from dragoman import telemetry, witness_client
from dragoman.application.access_refresh import AccessRefresh
from dragoman.application.act_signer import OwnKeySigner, Signers
from dragoman.application.channel_openings import ChannelOpenings, OpenLog
from dragoman.application.clock import AdjustableClock, stamp, utc_now
from dragoman.application.command_handler import CommandHandler
from dragoman.application.deliveries import DeliveryTracker
from dragoman.application.disk_space import DiskSpace
from dragoman.application.file_scans import FileScans
from dragoman.application.finality import Coverage
from dragoman.application.host_identity import HostIdentity, LogKeyProofs
from dragoman.application.opening_requests import OpeningRequests
from dragoman.application.pushed_cosignatures import PushedCosignatures
from dragoman.application.service import Service
from dragoman.application.takeover import TakeOver
from dragoman.application.trial_signer import TrialSigner
from dragoman.application.ways_to_reach import Ways
from dragoman.data_directory import PlaceGuard
from dragoman.eventlog import stream_config, tail
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.durability_guard import DurabilityGuard
from dragoman.eventlog.event_log import Log, LogBroken, LogUnreachable
from dragoman.eventlog.group_commit import GroupCommitLog
from dragoman.eventlog.high_water_mark import HighWaterMark
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.interop.ssrf_guard import AddressGuard
from dragoman.lifecycle import Lifecycle
from dragoman.limits import POLL_SECONDS
from dragoman.projection import rebuild
from dragoman.projection.checking import IntegrityCheck
from dragoman.projection.fold_mark import FoldMarks
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.projection.tree import Trees
from dragoman.settings import Settings, SettingsError
from dragoman.station.command_handler import StationCommandHandler
from dragoman.station.kept_key_signer import KeptKeySigner
from dragoman.station.station import Station
from dragoman.stores import (
    drafts,
    endpoints,
    files,
    opened_exchanges,
    people,
    rosters,
    scan_verdicts,
    streams,
)
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.erasable import Erasable
from dragoman.stores.host_key import HostKeyStore
from dragoman.stores.identities import Identities
from dragoman.stores.key_value import Bucket
from dragoman.stores.keystore import Keystore
from dragoman.stores.outbox import Outbox
from dragoman.stores.parcels import Parcels
from dragoman.stores.scan_verdicts import ScanVerdicts
from dragoman.stores.signed_heads import SignedHeadStore
from dragoman.stores.tokens_and_sessions import BUCKET, OPERATOR, Grant, TokensAndSessions
from dragoman.supervision import (
    Backoff,
    StartTask,
    Work,
    alarm,
    background_tasks,
    forever,
    supervise,
)
from dragoman.text import sentence
from dragoman.tlog import dsse
from dragoman.tlog.note import NotANote
from dragoman.witness_client import WitnessEndpoint, Witnesses

log = structlog.get_logger()
seldom = telemetry.Seldom(log)

_RETRY_SECONDS: Final = 0.5
T = TypeVar("T")


@asynccontextmanager
async def running_service(
    settings: Settings,
    endpoint: BrokerEndpoint,
    name: str,
    permit: PlaceGuard,
    lifecycle: Lifecycle,
    clock: AdjustableClock | None = None,
    station: Station | None = None,
) -> AsyncIterator[tuple[Service, StartTask]]:
    """Yield a service that follows all channels, and a function that starts tasks.

    Every channel is folded to the end of its log first. The tasks last as long as the
    context. The projection and the high-water marks are stored under `name`. `clock` is
    the clock of the service, if another than that of the machine is wanted. A `station`
    brings the copies of shared channels.
    """
    clock = clock or AdjustableClock()
    lifecycle.begins(sentence("connecting to the broker"))
    async with AsyncExitStack() as stack:
        warden = await stack.enter_async_context(endpoint.connected("warden"))
        steward = await stack.enter_async_context(endpoint.connected("steward"))
        bus = await stack.enter_async_context(endpoint.connected("gateway"))
        guard = DurabilityGuard(warden, server_name=endpoint.server_name)
        await guard.prove()
        for create in streams.creations(steward, settings.nats.replicas):
            await _retry(create)
        second_bus = await stack.enter_async_context(endpoint.connected("gateway"))
        access = TokensAndSessions(Bucket(bus, BUCKET))
        await _retry(access.refresh)
        await _retry(lambda: _issue_operator_token(settings.data, access))
        file = settings.data / "projection" / f"{name}.sqlite"
        opener = _LogOpener(settings, name, bus, steward, guard, permit, clock, station)
        names = await _retry(opener.names)
        lifecycle.begins(sentence("opening the copy of the logs"))

        def building(count: Callable[[], int]) -> None:
            lifecycle.begins(
                sentence("building the copy of the logs again"), lambda: (count(), len(names))
            )

        opener.store = store = await rebuild.opened(file, names, opener.log_of, building)
        stack.callback(store.close)
        stack.push_async_callback(opener.fold_marks.keep)
        opener.start = start = await stack.enter_async_context(background_tasks())
        outbox = Outbox(beside_drafts := Bucket(bus, drafts.BUCKET))
        pushed = PushedCosignatures(beside_drafts)
        openings = _channel_openings(
            settings,
            bus=bus,
            steward=steward,
            clock=clock,
            permit=permit,
            open_log=opener.open,
            disks=DiskSpace(settings.data, guard),
            station=station,
            outbox=outbox,
        )
        roster_store = rosters.RosterStore(Erasable(bus, rosters.STREAM, rosters.PREFIX))
        file_store = files.FileStore(Erasable(second_bus, files.STREAM, files.PREFIX))
        service = Service(
            signed_heads=SignedHeadStore(second_bus),
            coverage=Coverage(SignedHeadStore(second_bus), pushed),
            pushed=pushed,
            parcels=Parcels(beside_drafts),
            trees=Trees(store),
            command_handler=openings.command_handler,
            access=access,
            access_refresh=AccessRefresh(bus, guard, access, roster_store),
            identities=Identities(access.bucket),
            drafts=drafts.DraftStore(Bucket(bus, drafts.BUCKET)),
            notification_endpoints=endpoints.NotificationEndpoints(Bucket(bus, endpoints.BUCKET)),
            urls=address_guard(settings),
            people=people.PeopleStore(Erasable(bus, people.STREAM, people.PREFIX)),
            rosters=roster_store,
            opened_exchanges=opened_exchanges.OpenedExchanges(
                Erasable(bus, opened_exchanges.STREAM, opened_exchanges.PREFIX)
            ),
            files=file_store,
            scans=_file_scans(settings, file_store, second_bus, clock, station),
            store=store,
            bus=bus,
            guard=guard,
            identity=openings.identity,
            openings=openings,
            deliveries=DeliveryTracker(openings.command_handler, openings.channels),
            channels=openings.channels,
            issuer=settings.oidc.issuer,
            public_url=settings.http.public_url.rstrip("/"),
            ways=Ways(settings.courier.ways, settings.courier.private_networks),
            proof_days=settings.courier.proof_days,
            token_life=settings.tokens,
            now=clock.now,
            lifecycle=lifecycle,
            disks=openings.disks,
            station=station,
        )
        backoffs: dict[str, Backoff] = {}
        lifecycle.begins(
            sentence("reading the logs"),
            lambda: (
                sum(channel.caught_up.is_set() for channel in service.channels.values()),
                len(names),
            ),
        )
        proofs = await _follow_all(service, names, backoffs)

        def rebuilt() -> None:
            service.trees.forget()
            opener.fold_marks.compare()
            if station is not None:
                station.refolded()

        rebuilder = rebuild.Rebuilder(store, service.channels, opener.log_of, settled=rebuilt)
        _start_tasks(
            service,
            start,
            {
                "rebuild": rebuilder.run,
                "fold-marks": opener.fold_marks.run,
                "log-keys": proofs.run,
                "integrity": IntegrityCheck(store).run,
                "watchdog": service.watchdog.run,
                "access": service.access_refresh.run,
                "new-channels": partial(_follow_new_channels, service, backoffs),
            },
        )
        if station is not None:
            await _begin_station(stack, settings, endpoint, service, station, outbox, start, permit)
        if permit.read_only_reason() is not None:
            confirm = (
                TakeOver(service, await witness_factory(stack, settings)).confirmation
                if settings.registrar.witnesses
                else None
            )
            start(supervise("place", lambda _: permit.run(confirm)))
        yield service, start


class _LogOpener:
    """The opening of the logs that a service follows.

    `store` and `start` are set before the first log is followed.
    """

    store: Store
    start: StartTask

    def __init__(
        self,
        settings: Settings,
        name: str,
        bus: NatsConnection,
        steward: NatsConnection,
        guard: DurabilityGuard,
        permit: PlaceGuard,
        clock: AdjustableClock,
        station: Station | None,
    ) -> None:
        """Open logs on the broker, and the copies of a station, if this is one."""
        self._settings, self._bus, self._steward, self._guard = settings, bus, steward, guard
        self._permit, self._clock, self._station = permit, clock, station
        self._copies = {} if station is None else station.copies
        self._marks = settings.data / "marks" / name
        self.fold_marks = FoldMarks(self._marks)

    async def names(self) -> list[str]:
        """Return the channels to follow: on the broker, marked here, and joined."""
        channels = await stream_config.channels(self._bus)
        marked = (path.stem for path in self._marks.glob("*.json"))
        return sorted({*channels, *marked, *self._copies})

    def log_of(self, channel: str) -> Log:
        """Return the log of a channel, to read it."""
        if channel in self._copies:
            return self._copies[channel]
        return JetStreamLog(channel, self._bus, replicas=self._settings.nats.replicas)

    async def open(self, channel: str, *, new: bool = False) -> Projection:
        """Follow a channel's log. Raises `LogBroken`, `LogUnreachable`."""
        if new:
            await _create_log(self._settings, self._steward, self._bus, channel)
        if self._station is not None and channel in self._copies:
            projection = self._followed(self._copies[channel])
            self._station.opened(projection)
        else:
            event_log = JetStreamLog(
                channel,
                self._bus,
                self._guard,
                replicas=self._settings.nats.replicas,
                mark=HighWaterMark(self._marks / f"{channel}.json"),
            )
            projection = self._followed(GroupCommitLog(event_log))
            projection.awaited = self._permit.awaited.get(channel, 0)
        self.fold_marks.follow(projection)
        _start_following(projection, self.start)
        return projection

    def _followed(self, log: Log) -> Projection:
        return Projection(log, self.store, now=self._clock.now, ago=self._clock.ago)


async def _begin_station(
    stack: AsyncExitStack,
    settings: Settings,
    endpoint: BrokerEndpoint,
    service: Service,
    station: Station,
    outbox: Outbox,
    start: StartTask,
    permit: PlaceGuard,
) -> None:
    """Begin the lines of a station, whose copies are folded already.

    In data that were moved, copied or restored, officers decide on what was on its way.
    They are held before these data are taken over, so that a crash forgets nothing.
    """
    steward = await stack.enter_async_context(endpoint.connected("steward"))
    registrar = await stack.enter_async_context(endpoint.connected("registrar"))
    await _retry(lambda: SignedHeadStore.create(steward, settings.nats.replicas))
    await _retry(outbox.begin)
    if permit.read_only_reason() is not None:
        count = await _retry(lambda: outbox.hold(stamp(utc_now())))
        log.warning(
            "station.outbox_held",
            acts=count,
            do="these data were moved, copied or restored: nothing is sent by itself; have the "
            "officers go through the page Outbox; see docs/operating-station.md",
        )
    handler = service.command_handler
    assert isinstance(handler, StationCommandHandler)
    await station.begin(service, handler, outbox, SignedHeadStore(registrar), start, permit)
    stack.push_async_callback(station.aclose)


async def _create_log(
    settings: Settings, steward: NatsConnection, bus: NatsConnection, channel: str
) -> None:
    """Create the stream of a channel, and for the first one the store of signed heads.

    The store is only checked on a host that had a channel before.
    """
    channels = (
        any((settings.data / "marks").glob("*/*.json"))
        or any((settings.data / "archive").glob("*"))
        or await stream_config.channels(bus)
    )
    await (
        SignedHeadStore(bus).check(settings.nats.replicas)
        if channels
        else SignedHeadStore.create(steward, settings.nats.replicas)
    )
    await stream_config.create(steward, channel, settings.nats.replicas)


def _start_following(projection: Projection, start: StartTask) -> None:
    """Start the tasks that fold a channel and compare it with its log."""
    tasks: dict[str, Work] = {
        "fold": projection.run,
        "comparison": projection.walk,
        "ids": forever(projection.remember),
    }
    for task, work in tasks.items():
        start(
            supervise(
                task,
                work,
                failed=projection.fail,
                recovered=projection.recover,
                channel=projection.name,
            )
        )


def _start_tasks(
    service: Service, start: StartTask, tasks: Mapping[str, Callable[[], Awaitable[None]]]
) -> None:
    for task, run in tasks.items():
        start(service.keep(task, run))


class WitnessFactory:
    """Makes the witnesses of one log from the settings; each log needs its own."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        """Ask through an HTTP session.

        Raises `SettingsError` if a witness line is not valid.
        """
        self._session = session
        self.take(settings)

    def take(self, settings: Settings) -> None:
        """Make the witnesses of other settings from now on. Raises `SettingsError`."""
        self._witnesses = read_witnesses(settings)

    def __call__(self) -> Witnesses:
        """Return new witnesses for a log."""
        return Witnesses(self._session, self._witnesses)


async def witness_factory(stack: AsyncExitStack, settings: Settings) -> WitnessFactory:
    """Return a factory of witnesses whose session ends with the stack.

    Raises `SettingsError` if a witness line is not valid.
    """
    return WitnessFactory(await stack.enter_async_context(aiohttp.ClientSession()), settings)


def read_witnesses(settings: Settings) -> list[WitnessEndpoint]:
    """Return the witnesses that the settings name. Raises `SettingsError`."""
    try:
        return [witness_client.read(line) for line in settings.registrar.witnesses]
    except NotANote as error:
        raise SettingsError(f"registrar.witnesses: {error}") from None


def address_guard(settings: Settings) -> AddressGuard:
    """Return the guard over the addresses of webhooks. Raises `SettingsError`."""
    try:
        return AddressGuard(settings.courier.private_networks)
    except ValueError as error:
        raise SettingsError(
            f"courier.private_networks: {error}; name networks like 10.1.0.0/16"
        ) from None


async def _retry(request: Callable[[], Awaitable[T]]) -> T:
    """Return the answer to a request, repeated while the broker does not answer.

    A cluster may still be electing a leader when a process starts. The operator sees
    for what the process waits, at its own address and in the log.
    """
    while True:
        try:
            return await request()
        except LogUnreachable as error:
            seldom.warning(
                "broker.awaited",
                reason=str(error),
                do="see that the broker runs and has a leader; this goes on by itself then",
            )
            await asyncio.sleep(_RETRY_SECONDS)


def _channel_openings(
    settings: Settings,
    *,
    bus: NatsConnection,
    steward: NatsConnection,
    clock: AdjustableClock,
    permit: PlaceGuard,
    open_log: OpenLog,
    disks: DiskSpace,
    station: Station | None,
    outbox: Outbox,
) -> ChannelOpenings:
    """Return the openings of a service, with its command handler and its identity."""
    custody = Keystore(settings.data / "keys" / "channels")
    signers: Signers = {"host": TrialSigner(custody), "sides": OwnKeySigner()}
    handler = CommandHandler if station is None else partial(_station_handler, station, outbox)
    return ChannelOpenings(
        command_handler=handler(
            signers,
            now=clock.now,
            is_clock_set=lambda: clock.is_set,
            read_only_reason=permit.read_only_reason,
        ),
        identity=HostIdentity(
            bus,
            HostKeyStore(bus, steward),
            [
                dsse.public_of(seed)
                for seed in Keystore(settings.data / "keys" / "log").seeds("log", "log")
            ],
            replicas=settings.nats.replicas,
        ),
        keeper=OpeningRequests(bus),
        custody=custody,
        origin=settings.origin or f"dragoman.invalid/{settings.data.resolve().name}/{{channel}}",
        open_log=open_log,
        disks=disks,
        channels={},
        now=clock.now,
    )


def _file_scans(
    settings: Settings,
    file_store: files.FileStore,
    bus: NatsConnection,
    clock: AdjustableClock,
    station: Station | None,
) -> FileScans | None:
    """Return the scans of files, or None without a scanner."""
    if not settings.files.scanner:
        return None
    channels = () if station is None else station.channels.values()
    return FileScans(
        file_store,
        ScanVerdicts(Erasable(bus, scan_verdicts.STREAM, scan_verdicts.PREFIX)),
        settings.files,
        {channel.cid: channel.side for channel in channels},
        clock.now,
    )


def _station_handler(
    station: Station, outbox: Outbox, signers: Signers, **arguments: Any
) -> StationCommandHandler:
    """Return the command handler of a station. The other arguments are those of any."""
    actors = {name: channel.actor for name, channel in station.channels.items()}
    return StationCommandHandler(signers, KeptKeySigner(station.keys, actors), outbox, **arguments)


async def _issue_operator_token(data: Path, access: TokensAndSessions) -> None:
    """Issue the operator's token from the data directory, unless it is known."""
    path = data / "operator.token"
    if path.exists():
        token = path.read_text().strip()
        if not access.was_known(token):
            # The token may have been issued, and perhaps revoked, after the last refresh.
            with suppress(WriteConflict):
                grant = Grant(actor=OPERATOR, issued=stamp(utc_now()), label="made by init")
                await access.issue(grant, secret=token, over=0)


async def _follow_if_possible(service: Service, name: str, backoffs: dict[str, Backoff]) -> None:
    """Follow a channel, unless its last failure was too recent.

    A channel that cannot be followed is logged and does not block the others. It is
    tried again, each time after a longer wait.
    """
    backoff = backoffs.setdefault(name, Backoff())
    if not backoff.due:
        return
    try:
        service.channels[name] = await service.openings.open_log(name)
    except (LogBroken, LogUnreachable) as error:
        backoff.failed()
        log.critical(
            "channel.not_followed",
            channel=name,
            reason=str(error),
            do="see docs/operating-faults.md, when a log is read-only",
        )
    except Exception as error:  # whatever it is, the other channels are followed  # noqa: BLE001
        alarm("follow", error, backoff.failed(), channel=name)


async def _follow_all(
    service: Service, names: list[str], backoffs: dict[str, Backoff]
) -> LogKeyProofs:
    """Follow channels to the ends of their logs, and see which can be signed here."""
    for channel in names:
        await _follow_if_possible(service, channel, backoffs)
    for projection in service.channels.values():
        await projection.caught_up.wait()
    proofs = LogKeyProofs(service.identity, service.signed_heads, service.channels)
    await _retry(proofs.begin)
    return proofs


async def _follow_new_channels(service: Service, backoffs: dict[str, Backoff]) -> None:
    """Follow the channels that another gateway opened."""
    while True:
        try:
            channels = await tail.news(service.bus, POLL_SECONDS)
        except LogUnreachable:
            await asyncio.sleep(POLL_SECONDS)
            continue
        for name in channels:
            if name not in service.channels and not service.openings.lock.locked():
                await _follow_if_possible(service, name, backoffs)

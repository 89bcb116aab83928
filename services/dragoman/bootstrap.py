"""The construction of every service from its settings, by hand.

    async with bootstrap.broker_of(settings) as endpoint:
        async with bootstrap.gateway(settings, endpoint, lifecycle) as running:
            await lifecycle.until_stopped()

Each service is an async context manager. What it opened is closed in reverse order.
"""

import hashlib
import json
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import web

from dragoman import admin_door, data_directory
from dragoman.admin_door import AdminDoor
from dragoman.api.auth.authentication import networks
from dragoman.api.auth.oidc import Provider
from dragoman.application import file_scanner, ways_to_reach
from dragoman.application.clock import AdjustableClock, utc_now
from dragoman.application.identity_provider import code_flow
from dragoman.application.keeper import Keeper
from dragoman.application.operations import host_health
from dragoman.application.outage_recorder import OutageRecorder
from dragoman.application.rosters import ladders
from dragoman.application.service import Service
from dragoman.data_directory import PlaceGuard, lasting_id
from dragoman.eventlog import broker
from dragoman.eventlog.broker import BrokerEndpoint, BrokerError
from dragoman.eventlog.nats_connection import BrokerTls, BrokerTlsError
from dragoman.eventlog.prefetch import Page, read_ahead
from dragoman.lifecycle import Lifecycle
from dragoman.notifier import mail, roster_subscriptions, webhook
from dragoman.notifier.allowances import Allowances
from dragoman.notifier.delivery import Transport
from dragoman.notifier.dispatcher import Dispatcher
from dragoman.notifier.messaging.messages import MessageTransport
from dragoman.notifier.messaging.processes import SenderProcesses
from dragoman.notifier.roster_reminders import RosterReminders
from dragoman.scheduler import Scheduler
from dragoman.server import host_gauges, listener
from dragoman.server.listener import RunningGateway
from dragoman.server.tls import Certificate
from dragoman.service_factory import (
    address_guard,
    read_witnesses,
    running_service,
    witness_factory,
)
from dragoman.service_processes import FIRST_GATEWAY
from dragoman.settings import Settings, SettingsError
from dragoman.signer import Signer
from dragoman.station import joined_channels
from dragoman.station.station import Station
from dragoman.stores import endpoint_secrets
from dragoman.stores.keystore import Keystore
from dragoman.stores.tokens_and_sessions import new_token
from dragoman.supervision import StartTask, background_tasks, forever, supervise
from dragoman.text import sentence
from dragoman_schemas.host_responses import Check
from dragoman_schemas.responses import Means

log = structlog.get_logger()


def initialise(data: Path) -> bool:
    """Make a data directory, and return whether it is new.

    It gets its place, the keys of the broker's users, the log key and the operator's
    token. Whatever is there already stays.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    _close_to_others(data)
    data_directory.adopt(data)
    keys = data / "keys"
    fresh = not (data / "operator.token").exists()
    broker.make_user_keys(keys)
    Keystore(keys / "log").make("log", "log/log")
    if fresh:
        broker.write_secret(data / "operator.token", new_token().encode())
    return fresh


_USERS: Final = {
    "gateway": ("steward", "gateway", "warden"),
    "scheduler": ("steward", "gateway", "warden"),
    "notifier": ("steward", "gateway", "warden"),
    "signer": ("registrar",),
}
"""The broker's users of which each service needs the seed."""


def require_keys(settings: Settings, service: str) -> None:
    """Raise `BrokerError` if a key is missing that a service needs.

    `serve` makes no key: a second key in the place of a lost or forgotten one would
    begin a second host.
    """
    keys = settings.nats.keys or settings.data / "keys"
    for user in _USERS[service]:
        path = BrokerEndpoint(settings.nats.url, "", keys).seed(user)
        if not path.exists():
            raise BrokerError(
                f"{path} is missing, the key of the broker's user {user}: copy it from the "
                "machine where `dragoman init` made the keys of this host, and name its folder "
                "with --nats-keys; on a new host call `dragoman init --data DIR` first, once"
            )
    log_keys = Keystore(settings.data / "keys" / "log")
    if service == "signer" and not log_keys.holds("log", "log/log"):
        raise BrokerError(
            f"{log_keys.path('log', 'log/log')} is missing, the key that signs the logs: copy the "
            "folder keys/log from the data directory where `dragoman init` or `dragoman up` made "
            "it; a new key could not sign the channels that exist"
        )


def _close_to_others(data: Path) -> None:
    """Remove the rights of other users on a data directory that existed before.

    If the directory belongs to another user, its rights stay, and a warning is logged.
    """
    mode = stat.S_IMODE(data.stat().st_mode)
    if not mode & 0o077:
        return
    try:
        data.chmod(mode & 0o700)
    except OSError as error:
        log.warning(
            "data.open_to_others",
            data=str(data),
            reason=str(error),
            do="chmod 700 that directory: keys and what was said are in it",
        )
    else:
        log.info(
            "data.closed_to_others",
            data=str(data),
            before=f"{mode:04o}",
            after=f"{mode & 0o700:04o}",
        )


def broker_tls(settings: Settings) -> BrokerTls | None:
    """Return the files with which connections to the broker are encrypted, if they are.

    Raises `SettingsError`.
    """
    nats = settings.nats
    if (nats.certificate is None) != (nats.key is None):
        raise SettingsError("nats.certificate and nats.key go together: name both, PEM files")
    if nats.ca is None:
        if nats.certificate is not None:
            raise SettingsError("nats.certificate needs nats.ca, the authorities of the broker")
        return None
    tls = BrokerTls(
        ca=str(nats.ca.resolve()),
        certificate="" if nats.certificate is None else str(nats.certificate.resolve()),
        key="" if nats.key is None else str(nats.key.resolve()),
    )
    try:
        tls.context()
    except BrokerTlsError as error:
        raise SettingsError(str(error)) from None
    return tls


@asynccontextmanager
async def broker_of(settings: Settings) -> AsyncIterator[BrokerEndpoint]:
    """Yield the broker that the settings name.

    If they name none, run a broker on the data directory.
    """
    if settings.nats.url:
        keys = settings.nats.keys or settings.data / "keys"
        yield BrokerEndpoint(settings.nats.url, "", keys, broker_tls(settings))
        return
    server = broker.find(settings.nats.server)
    async with broker.supervised(settings.data, server) as endpoint:
        yield endpoint


@asynccontextmanager
async def gateway(
    settings: Settings,
    endpoint: BrokerEndpoint,
    lifecycle: Lifecycle,
    name: str = FIRST_GATEWAY,
    *,
    whole: bool = False,
    take_over: bool = False,
    clock: AdjustableClock | None = None,
    station: Station | None = None,
    routes: Sequence[web.RouteDef] = (),
) -> AsyncIterator[RunningGateway]:
    """Yield a gateway that is ready on a broker.

    It answers from the start. Until every channel is folded to the end of its log, it
    answers that it is starting.

    Where several gateways share the port, all but the first answer once they are ready.
    With `whole`, the process also runs the scheduler, the notifier and the signer; the
    signer runs elsewhere if `registrar.beside` is set. `clock` is the clock of the
    gateway, if another than that of the machine is wanted. A `station` brings the
    copies of shared channels. `routes` are answered beside the usual ones.
    """
    permit = PlaceGuard(settings.data, take_over=take_over)
    clock = clock or AdjustableClock()
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(admin_door.opened(settings, lifecycle))
        certificate = listener.certificate_of(settings)
        door = await stack.enter_async_context(
            listener.opened(settings, lifecycle, certificate, is_first=name == FIRST_GATEWAY)
        )
        service, start = await stack.enter_async_context(
            running_service(settings, endpoint, name, permit, lifecycle, clock, station)
        )
        outages = OutageRecorder(
            service.channels, service.command_handler, lambda: service.is_down, service.watchdog
        )
        for task, run in (
            ("deliveries", service.deliveries.run),
            ("outages", outages.run),
            ("erasing", service.keep_erasing),
        ):
            start(service.keep(task, partial(permit.when_allowed, run)))
        if service.scans is not None:
            start(service.keep("scans", partial(permit.when_allowed, service.scans.run)))
        keep_keys = partial(_keep_keys, endpoint, service)
        start(supervise("keeper", lambda _: permit.when_allowed(keep_keys)))
        deadlines = Scheduler(service.channels, service.command_handler, now=clock.now)
        if whole:
            start(service.keep("watch", partial(permit.when_allowed, deadlines.run)))
            dispatcher = await _dispatcher(stack, settings, service, start, name)
            start(service.keep("courier", partial(permit.when_allowed, dispatcher.run)))
            await _keep_rosters(stack, service, dispatcher, start, permit)
            if not settings.registrar.beside:
                signing = await _signer(stack, settings, endpoint, permit, lifecycle)
                start(service.keep("registrar", partial(permit.when_allowed, signing.run)))
                operator.measurements.append(signing.measure)

        async def settle() -> None:
            await deadlines.tick()
            if not whole:
                deadlines.leave()  # another process keeps them from now on

        running = await door.serve(service, stack, start, certificate, settle, routes)
        operator.check = partial(host_health.checks, running.app, is_operator=True)
        lifecycle.checks.append(check)
        if certificate is not None:
            lifecycle.reloads.append(lambda _: certificate.reload())
        gauges = host_gauges.HostGauges(running.app, settings, certificate)
        operator.measurements.insert(0, gauges.measure)
        start(service.keep("gauges", gauges.run))
        lifecycle.serves()
        yield running


def station_of(settings: Settings) -> Station:
    """Return the station of a data directory, with its copies opened and checked.

    Raises `SettingsError` if it has joined no channel.
    """
    joined = joined_channels.read(settings.data)
    if not joined.channels():
        raise SettingsError(
            f"the station of {settings.data} has joined no channel: call `dragoman station join` "
            "with the invitation of a host first"
        )
    return Station(settings.data, joined)


async def _keep_keys(endpoint: BrokerEndpoint, service: Service) -> None:
    """Open channels with the log key of this data directory for gateways without one.

    Returns at once if the directory has none. A copy of the directory that may not
    write does not begin: it would take requests from the keeper.
    """
    if service.identity.own_key is None:
        return
    seed = endpoint.seed("keeper")
    if not seed.exists():
        log.warning(
            "keeper.no_user",
            file=str(seed),
            do="other gateways cannot have channels opened with the log key here: make that file "
            "with `dragoman init --data DIR`, and give its public part to the broker; see "
            "docs/operating-faults.md",
        )
        return
    async with endpoint.connected("keeper") as bus:
        await Keeper(service.openings, bus).run()


def _serves(operator: AdminDoor, service: Service, lifecycle: Lifecycle) -> None:
    """Show the state of a service that has no public address, from now on."""

    async def check() -> Sequence[Check]:
        return host_health.checks_of(host_health.own_conditions(service, is_operator=True))

    operator.check = check
    operator.measurements.append(host_gauges.of_service(service))
    lifecycle.serves()


@asynccontextmanager
async def scheduler(
    settings: Settings,
    endpoint: BrokerEndpoint,
    lifecycle: Lifecycle,
    name: str = "watch",
    *,
    take_over: bool = False,
) -> AsyncIterator[None]:
    """Yield while a scheduler runs alone.

    Any number of schedulers may run, beside any number of gateways.
    """
    permit = PlaceGuard(settings.data, take_over=take_over)
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(admin_door.opened(settings, lifecycle))
        service, start = await stack.enter_async_context(
            running_service(settings, endpoint, name, permit, lifecycle)
        )
        deadlines = Scheduler(service.channels, service.command_handler, now=utc_now)
        start(service.keep("watch", partial(permit.when_allowed, deadlines.run)))
        _serves(operator, service, lifecycle)
        log.info("watch.keeping", channels=len(service.channels))
        yield


@asynccontextmanager
async def notifier(
    settings: Settings,
    endpoint: BrokerEndpoint,
    lifecycle: Lifecycle,
    name: str = "courier",
    *,
    take_over: bool = False,
) -> AsyncIterator[None]:
    """Yield while a notifier runs alone.

    Several notifiers may run. One of them at a time serves an endpoint.
    """
    permit = PlaceGuard(settings.data, take_over=take_over)
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(admin_door.opened(settings, lifecycle))
        service, start = await stack.enter_async_context(
            running_service(settings, endpoint, name, permit, lifecycle)
        )
        dispatcher = await _dispatcher(stack, settings, service, start, name)
        start(service.keep("courier", partial(permit.when_allowed, dispatcher.run)))
        await _keep_rosters(stack, service, dispatcher, start, permit)
        _serves(operator, service, lifecycle)
        log.info("courier.bringing", channels=len(service.channels))
        yield


def notifier_name(data: Path, process: str) -> str:
    """Return the name of a notifier among all of the host, which lasts over restarts.

    Two processes of one name on one directory cannot both run, because the lock of the
    projection admits one. So both together identify the notifier. The path does not: on
    most machines it is the same.
    """
    return hashlib.sha256(f"{lasting_id(data)}/{process}".encode()).hexdigest()[:16]


async def _dispatcher(
    stack: AsyncExitStack, settings: Settings, service: Service, start: StartTask, name: str
) -> Dispatcher:
    webhooks = webhook.Webhooks(service.urls)
    stack.push_async_callback(webhooks.aclose)
    processes = SenderProcesses(settings.courier.private_networks)
    stack.push_async_callback(processes.aclose)
    if service.ways and processes.is_installed():
        start(supervise("messages", forever(processes.run)))
    transports: dict[Means, Transport] = {
        "webhook": webhooks,
        "e-mail": mail.Mails(settings.courier.smtp, settings.http.public_url),
        "message": MessageTransport(service.ways, processes, settings.http.public_url),
    }
    return Dispatcher(
        service.channels,
        service.command_handler,
        service.notification_endpoints,
        transports,
        retries_s=settings.courier.retries_s,
        name=notifier_name(settings.data, name),
        now=utc_now,
        allowances=Allowances(service.notification_endpoints, service.ways),
        find_key=partial(
            endpoint_secrets.notifier_key, settings.data / "keys", service.notification_endpoints
        ),
        proof_days=settings.courier.proof_days,
        is_spoken=service.ways.is_spoken,
        ladder=lambda projection, side, rung: (
            ladders.people_of(service, projection, side, rung).officers
        ),
    )


async def _keep_rosters(
    stack: AsyncExitStack,
    service: Service,
    dispatcher: Dispatcher,
    start: StartTask,
    permit: PlaceGuard,
) -> None:
    """Start the keeper of the rosters and their reminders, parts of the notifier."""
    keeper = await stack.enter_async_context(roster_subscriptions.keeper(service))
    start(service.keep("rosters", partial(permit.when_allowed, keeper.run)))
    roster_reminders = RosterReminders(service, dispatcher)
    start(service.keep("reminders", partial(permit.when_allowed, roster_reminders.run)))


@asynccontextmanager
async def signer(
    settings: Settings,
    endpoint: BrokerEndpoint,
    lifecycle: Lifecycle,
    *,
    take_over: bool = False,
) -> AsyncIterator[None]:
    """Yield while a signer runs alone, with the log key of this data directory.

    Several signers may run, each with its own archive. A signer follows the logs at
    once, and signs as soon as it may.
    """
    permit = PlaceGuard(settings.data, take_over=take_over)
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(admin_door.opened(settings, lifecycle))
        start = await stack.enter_async_context(background_tasks())
        lifecycle.begins(sentence("connecting to the broker"))
        signing = await _signer(stack, settings, endpoint, permit, lifecycle)
        start(supervise("registrar", forever(signing.run)))
        confirm = signing.confirmation if settings.registrar.witnesses else None
        start(supervise("place", lambda _: permit.run(confirm)))
        operator.check = signing.checks
        operator.measurements.append(signing.measure)
        lifecycle.serves()
        log.info("registrar.sealing")
        yield


async def _signer(
    stack: AsyncExitStack,
    settings: Settings,
    endpoint: BrokerEndpoint,
    permit: PlaceGuard,
    lifecycle: Lifecycle,
) -> Signer:
    bus = await stack.enter_async_context(endpoint.connected("registrar"))
    seeds = Keystore(settings.data / "keys" / "log").seeds("log", "log")
    witnesses = await witness_factory(stack, settings)
    signing = Signer(
        bus,
        settings.data / "archive",
        seeds,
        replicas=settings.nats.replicas,
        now=utc_now,
        awaited=permit.awaited,
        witnesses=witnesses,
        read_only_reason=permit.read_only_reason,
    )

    def reload(settings: Settings) -> None:
        witnesses.take(settings)
        signing.ask_anew()

    lifecycle.checks.append(read_witnesses)
    lifecycle.reloads.append(reload)
    return signing


def check(settings: Settings) -> None:
    """Check that the files, networks and addresses in settings are valid.

    Raises `SettingsError`.
    """
    if settings.http.certificate is not None or settings.http.key is not None:
        Certificate(*listener.certificate_files(settings))
    broker_tls(settings)
    read_witnesses(settings)
    _check_addresses(settings)
    networks(settings.http.trusted_proxies)
    address_guard(settings)
    if settings.files.scanner:
        file_scanner.check(settings.files.scanner)
    if faults := ways_to_reach.faults(settings.courier.ways):
        raise SettingsError("; ".join(faults))
    if settings.oidc.issuer:
        Provider.check(settings.oidc)
    if settings.oidc.client_id:
        scheme = "http" if settings.http.certificate is None else "https"
        code_flow.check(
            settings.oidc, settings.http.public_url or f"{scheme}://{settings.http.host}"
        )


def _check_addresses(settings: Settings) -> None:
    """Check the addresses that must differ, and those that others get to see.

    Raises `SettingsError`.
    """
    http, admin = settings.http, settings.admin
    is_shared = admin.socket is None and admin.port == http.port != 0
    if is_shared and admin.host in (http.host, "0.0.0.0", "::"):  # noqa: S104  # nothing is bound
        raise SettingsError(
            f"admin.port: {admin.port} is http.port too; name another one for the operator"
        )
    parts = urlsplit(http.public_url)
    if http.public_url and not (parts.scheme in ("http", "https") and parts.hostname):
        raise SettingsError(
            f"http.public_url: {http.public_url} is not a URL; write it like https://liaison.example.org"
        )
    if "://" in settings.origin or any(map(str.isspace, settings.origin)):
        raise SettingsError(
            f"origin: {settings.origin} has a scheme or a space; write it like "
            "liaison.example.org/{channel}"
        )


def messages_of(
    endpoint: BrokerEndpoint, channel: str, first: int = 1
) -> AsyncGenerator[Page, None]:
    """Return the messages of a channel's log from a position on, page by page.

    They are read from the broker as the auditor, the user with no right but to read.
    """
    return read_ahead(endpoint.url, endpoint.seed("auditor"), channel, endpoint.tls, first)


def broker_of_gateway(file: Path, keys: Path) -> BrokerEndpoint:
    """Return the broker that a gateway on this machine uses, from its `server.json`.

    `keys` is the folder with the seeds of the broker's users, if the file names none.
    """
    server = json.loads(file.read_text())
    tls = None
    if "nats_ca" in server:
        files = {name: str(server[f"nats_{name}"]) for name in ("ca", "certificate", "key")}
        tls = BrokerTls(**files)
    return BrokerEndpoint(str(server["nats_url"]), "", Path(server.get("nats_keys") or keys), tls)


def write_server_file(data: Path, base_url: str, endpoint: BrokerEndpoint, name: str = "") -> None:
    """Write the addresses of gateway and broker for commands on this machine.

    The folder with the keys of the broker's users is written too. A gateway with a name
    of its own has a file of its own, so that it leaves commands to the other one.
    """
    addresses = {
        "base_url": base_url,
        "nats_url": endpoint.url,
        "nats_keys": str(endpoint.keys.resolve()),
    }
    if endpoint.tls is not None:
        addresses |= {
            f"nats_{name}": value for name, value in msgspec.structs.asdict(endpoint.tls).items()
        }
    file = data / (f"server-{name}.json" if name else "server.json")
    file.write_text(json.dumps(addresses) + "\n")

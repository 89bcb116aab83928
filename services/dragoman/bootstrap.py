"""The wiring: from settings to running services, by hand, each an async context manager, closed in reverse."""

import asyncio
import hashlib
import json
import signal
import socket
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
import msgspec
import structlog
from aiohttp import web

from dragoman import data_directory, witness_client
from dragoman.api.auth.authentication import networks
from dragoman.api.auth.oidc import Provider
from dragoman.application.command_handler import CommandHandler, stamp, utc_now
from dragoman.application.finality import Coverage
from dragoman.application.service import Service
from dragoman.application.takeover import TakeOver
from dragoman.data_directory import PlaceGuard
from dragoman.domain.record import nesting
from dragoman.eventlog import broker, stream_config
from dragoman.eventlog.broker import BrokerEndpoint, BrokerError
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.eventlog.group_commit import CoalescingLog
from dragoman.eventlog.high_water_mark import HighWaterMark
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import DurabilityGuard as BrokerGuard
from dragoman.eventlog.nats_connection import connected
from dragoman.eventlog.prefetch import Page, read_ahead
from dragoman.interop.ssrf_guard import AddressGuard
from dragoman.limits import ELECTION_SECONDS, JWKS_BYTES, POLL_SECONDS, REQUEST_SECONDS
from dragoman.notifier import mail, webhook
from dragoman.notifier.delivery import Transport
from dragoman.notifier.dispatcher import Rounds
from dragoman.projection import rebuild
from dragoman.projection.checking import IntegrityCheck
from dragoman.projection.projection import Projection
from dragoman.projection.tree import Trees
from dragoman.scheduler import Scheduler
from dragoman.server.app import application, rejection
from dragoman.server.connections import Connections, Site, connections_room
from dragoman.server.tls import Certificate, is_in_clear
from dragoman.settings import Settings, SettingsError
from dragoman.signer import Signer
from dragoman.stores import drafts, files, people
from dragoman.stores import endpoints as couriers
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.erasable import Erasable
from dragoman.stores.key_value import Bucket
from dragoman.stores.keystore import Custody
from dragoman.stores.signed_heads import SignedHeadStore
from dragoman.stores.tokens_and_sessions import BUCKET, OPERATOR, Access, new_token
from dragoman.supervision import Backoff, Work, alarm, cancel_until_ended, forever, supervise
from dragoman.tlog.note import NotANote
from dragoman.witness_client import Witnesses
from dragoman_schemas.responses import Means

log = structlog.get_logger()

_ASK_SECONDS: Final = 0.5
T = TypeVar("T")


_Start = Callable[[Coroutine[Any, Any, None]], None]


@dataclass(frozen=True, slots=True)
class RunningGateway:
    """A gateway that answers, where it is called from outside, and where it listens itself."""

    service: Service
    base_url: str
    own_url: str


def initialise(data: Path) -> bool:
    """Make a data directory: its place, the keys of our users, the log key, the operator's token. False where it was there already."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    _close_to_others(data)
    data_directory.adopt(data)
    keys = data / "keys"
    fresh = not (data / "operator.token").exists()
    broker.make_user_keys(keys)
    Custody(keys / "log").make("log", "log/log")
    if fresh:
        broker.write_secret(data / "operator.token", new_token().encode())
    return fresh


def _close_to_others(data: Path) -> None:
    """Take from other users what they may do in a data directory that was there before; a directory of somebody else's is logged."""
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


@asynccontextmanager
async def broker_of(settings: Settings) -> AsyncIterator[BrokerEndpoint]:
    """Yield the broker: an own one on the data directory, or the one that the settings name."""
    if settings.nats.url:
        yield BrokerEndpoint(settings.nats.url, "", settings.nats.keys or settings.data / "keys")
        return
    server = broker.find(settings.nats.server)
    async with broker.supervised(settings.data, server) as endpoint:
        yield endpoint


@asynccontextmanager
async def gateway(
    settings: Settings,
    endpoint: BrokerEndpoint,
    name: str = "gateway",
    *,
    whole: bool = False,
    take_over: bool = False,
) -> AsyncIterator[RunningGateway]:
    """Yield a gateway on a broker, ready: every channel folded to the end of its log before the first request is taken.

    The `whole` office keeps the clocks and signs the heads as well.
    """
    permit = PlaceGuard(settings.data, take_over=take_over)
    async with AsyncExitStack() as stack:
        service, following = await stack.enter_async_context(
            _followed(settings, endpoint, name, permit)
        )
        following(service.keep("deliveries", partial(permit.then, service.keep_delivering)))
        following(service.keep("outages", partial(permit.then, service.keep_outages)))
        following(service.keep("erasing", partial(permit.then, service.keep_erasing)))
        if whole:
            following(
                service.keep(
                    "watch",
                    partial(
                        permit.then, Scheduler(service.channels, service.desk, now=utc_now).run
                    ),
                )
            )
            following(
                service.keep(
                    "courier",
                    partial(permit.then, (await _courier(stack, settings, service, name)).run),
                )
            )
            if not settings.registrar.beside:
                following(
                    service.keep(
                        "registrar",
                        partial(
                            permit.then, (await _registrar(stack, settings, endpoint, permit)).run
                        ),
                    )
                )
        yield await _listening(settings, service, stack, following)


@asynccontextmanager
async def watch(
    settings: Settings, endpoint: BrokerEndpoint, name: str = "watch", *, take_over: bool = False
) -> AsyncIterator[None]:
    """Yield a watch alone: any number may run, beside any number of gateways."""
    permit = PlaceGuard(settings.data, take_over=take_over)
    async with _followed(settings, endpoint, name, permit) as (service, following):
        following(
            service.keep(
                "watch",
                partial(permit.then, Scheduler(service.channels, service.desk, now=utc_now).run),
            )
        )
        log.info("watch.keeping", channels=len(service.channels))
        yield


@asynccontextmanager
async def courier(
    settings: Settings, endpoint: BrokerEndpoint, name: str = "courier", *, take_over: bool = False
) -> AsyncIterator[None]:
    """Yield a courier alone: several may run, and each endpoint is one's at a time."""
    permit = PlaceGuard(settings.data, take_over=take_over)
    async with AsyncExitStack() as stack:
        service, following = await stack.enter_async_context(
            _followed(settings, endpoint, name, permit)
        )
        following(
            service.keep(
                "courier",
                partial(permit.then, (await _courier(stack, settings, service, name)).run),
            )
        )
        log.info("courier.bringing", channels=len(service.channels))
        yield


async def _courier(
    stack: AsyncExitStack, settings: Settings, service: Service, name: str
) -> Rounds:
    webhooks = webhook.Webhooks(service.urls)
    stack.push_async_callback(webhooks.aclose)
    by: dict[Means, Transport] = {
        "webhook": webhooks,
        "e-mail": mail.Mails(settings.courier.smtp, settings.http.public_url),
    }
    hexdigest = hashlib.sha256(f"{settings.data.resolve()}/{name}".encode()).hexdigest()[
        :16
    ]  # of two with one name the projection's lock lets one begin
    return Rounds(
        service.channels,
        service.desk,
        service.courier,
        by,
        retries_s=settings.courier.retries_s,
        name=hexdigest,
        now=utc_now,
    )


@asynccontextmanager
async def registrar(
    settings: Settings, endpoint: BrokerEndpoint, *, take_over: bool = False
) -> AsyncIterator[None]:
    """Yield a registrar alone, with the log key of this data directory: several may run, each with an archive of its own."""
    permit = PlaceGuard(settings.data, take_over=take_over)
    async with AsyncExitStack() as stack:
        following = await stack.enter_async_context(_tasks())
        signing = await _registrar(stack, settings, endpoint, permit)
        following(
            supervise("registrar", forever(signing.run))
        )  # it follows the logs at once, and signs once it may
        following(permit.run(signing.confirmation if settings.registrar.witnesses else None))
        log.info("registrar.sealing")
        yield


async def _witnesses(stack: AsyncExitStack, settings: Settings) -> Callable[[], Witnesses]:
    """Return the witnesses that the settings name, made anew for each log. Raises `SettingsError`."""
    session = await stack.enter_async_context(aiohttp.ClientSession())
    try:
        witness = [witness_client.read(item) for item in settings.registrar.witnesses]
    except NotANote as error:
        raise SettingsError(f"registrar.witnesses: {error}") from None
    return lambda: Witnesses(session, witness)


async def _registrar(
    stack: AsyncExitStack, settings: Settings, endpoint: BrokerEndpoint, permit: PlaceGuard
) -> Signer:
    bus = await stack.enter_async_context(
        connected(endpoint.url, "registrar", endpoint.seed("registrar"))
    )
    seed = Custody(settings.data / "keys" / "log").seed("log", "log/log")
    return Signer(
        bus,
        settings.data / "archive",
        seed,
        replicas=settings.nats.replicas,
        now=utc_now,
        witnesses=await _witnesses(stack, settings),
        read_only_reason=permit.read_only_reason,
    )


@asynccontextmanager
async def _followed(
    settings: Settings, endpoint: BrokerEndpoint, name: str, permit: PlaceGuard
) -> AsyncIterator[tuple[Service, _Start]]:
    """Yield all channels of a broker, folded to the end of their logs, and what starts tasks that last as long."""
    async with AsyncExitStack() as stack:
        warden = await stack.enter_async_context(
            connected(endpoint.url, "warden", endpoint.seed("warden"))
        )
        steward = await stack.enter_async_context(
            connected(endpoint.url, "steward", endpoint.seed("steward"))
        )
        bus = await stack.enter_async_context(
            connected(endpoint.url, "gateway", endpoint.seed("gateway"))
        )
        guard = BrokerGuard(warden, server_name=endpoint.server_name)
        await guard.prove()
        await _patiently(lambda: Bucket.create(steward, BUCKET, settings.nats.replicas))
        await _patiently(
            lambda: Bucket.create(steward, drafts.BUCKET, settings.nats.replicas, drafts.BYTES)
        )
        await _patiently(
            lambda: Bucket.create(steward, couriers.BUCKET, settings.nats.replicas, couriers.BYTES)
        )
        for beside in (people, files):
            await _patiently(
                partial(
                    Erasable.create,
                    steward,
                    beside.STREAM,
                    beside.SUBJECTS,
                    settings.nats.replicas,
                    beside.BYTES,
                )
            )
        apart = await stack.enter_async_context(
            connected(endpoint.url, "gateway", endpoint.seed("gateway"))
        )
        access = Access(Bucket(bus, BUCKET))
        await _patiently(access.refresh)
        await _patiently(lambda: _know_operator(settings.data, access))
        file = settings.data / "projection" / f"{name}.sqlite"
        marks = settings.data / "marks" / name
        names = sorted(
            {
                *await _patiently(lambda: stream_config.channels(bus)),
                *(path.stem for path in marks.glob("*.json")),
            }
        )

        def log_of(channel: str) -> JetStreamLog:
            return JetStreamLog(channel, bus, replicas=settings.nats.replicas)

        store = await rebuild.opened(file, names, log_of)
        stack.callback(store.close)
        following = await stack.enter_async_context(_tasks())

        async def open_log(channel: str, *, new: bool = False) -> Projection:
            if new:
                channels = (
                    any(marks.parent.glob("*/*.json"))
                    or any((settings.data / "archive").glob("*"))
                    or await stream_config.channels(bus)
                )
                await (
                    SignedHeadStore(bus).check(settings.nats.replicas)
                    if channels
                    else SignedHeadStore.create(steward, settings.nats.replicas)
                )
                await stream_config.create(steward, channel, settings.nats.replicas)
            mark = HighWaterMark(marks / f"{channel}.json")
            event_log = JetStreamLog(
                channel, bus, guard, replicas=settings.nats.replicas, mark=mark
            )
            projection = Projection(CoalescingLog(event_log), store)
            tasks: dict[str, Work] = {
                "fold": projection.run,
                "comparison": projection.walk,
                "ids": forever(projection.remember),
            }
            for task, work in tasks.items():
                following(
                    supervise(
                        task,
                        work,
                        failed=projection.fail,
                        recovered=projection.recover,
                        channel=channel,
                    )
                )
            return projection

        service = Service(
            seals=SignedHeadStore(apart),
            coverage=Coverage(SignedHeadStore(apart)),
            trees=Trees(store),
            desk=CommandHandler(
                Custody(settings.data / "keys" / "channels"),
                read_only_reason=permit.read_only_reason,
            ),
            access=access,
            drafts=drafts.DraftStore(Bucket(bus, drafts.BUCKET)),
            courier=couriers.NotificationEndpoints(Bucket(bus, couriers.BUCKET)),
            urls=_urls(settings),
            people=people.PeopleStore(Erasable(bus, people.STREAM, people.PREFIX)),
            files=files.FileStore(Erasable(apart, files.STREAM, files.PREFIX)),
            store=store,
            bus=bus,
            guard=guard,
            open_log=open_log,
            log_key=Custody(settings.data / "keys" / "log").make("log", "log/log"),
            issuer=settings.oidc.issuer,
            public_url=settings.http.public_url.rstrip("/"),
            origin=settings.origin
            or f"dragoman.invalid/{settings.data.resolve().name}/{{channel}}",
        )
        following_again: dict[str, Backoff] = {}
        for channel in names:
            await _follow_if_possible(service, channel, following_again)
        for projection in service.channels.values():
            await projection.caught_up.wait()
        following(
            service.keep(
                "rebuild",
                rebuild.Rebuilder(
                    store, service.channels, log_of, settled=service.trees.forget
                ).run,
            )
        )
        following(service.keep("integrity", IntegrityCheck(store).run))
        following(service.keep("watchdog", service.watchdog.run))
        following(service.keep("access", service.keep_access_fresh))
        following(service.keep("new-channels", partial(_find_channels, service, following_again)))
        if permit.read_only_reason() is not None:
            check = (
                TakeOver(service, await _witnesses(stack, settings))
                if settings.registrar.witnesses
                else None
            )
            following(permit.run(check.confirmation if check is not None else None))
        yield service, following


def check(settings: Settings) -> None:
    """What settings name is there and fits. Raises `SettingsError`."""
    if settings.http.certificate is not None or settings.http.key is not None:
        Certificate(*_pair(settings))
    networks(settings.http.trusted_proxies)
    _urls(settings)
    if settings.oidc.issuer:
        Provider.check(settings.oidc)


def _urls(settings: Settings) -> AddressGuard:
    try:
        return AddressGuard(settings.courier.private_networks)
    except ValueError as error:
        raise SettingsError(
            f"courier.private_networks: {error}; name networks like 10.1.0.0/16"
        ) from None


async def _patiently(asking: Callable[[], Awaitable[T]]) -> T:
    """Return what is asked of a broker while a gateway starts: a cluster may still be electing. Raises `BrokerError`."""
    deadline = asyncio.get_running_loop().time() + ELECTION_SECONDS
    while True:
        try:
            return await asking()
        except LogUnreachable as error:
            if asyncio.get_running_loop().time() > deadline:
                raise BrokerError(
                    f"the broker does not answer: {error}; see that it runs and has a leader, then start again"
                ) from None
            log.warning("broker.awaited", reason=str(error))
            await asyncio.sleep(_ASK_SECONDS)


async def _know_operator(data: Path, access: Access) -> None:
    """The operator's token, which `init` wrote into a file, gives what the operator may do."""
    path = data / "operator.token"
    if path.exists():
        token = path.read_text().strip()
        if not access.was_known(token):
            with suppress(
                WriteConflict
            ):  # it was issued, and perhaps revoked, beyond what was shown here
                await access.issue(
                    OPERATOR,
                    (),
                    issued=stamp(utc_now()),
                    label="made by init",
                    secret=token,
                    over=0,
                )


async def _follow_if_possible(service: Service, name: str, again: dict[str, Backoff]) -> None:
    """Follow a channel; one that cannot be followed is said so, holds no other up, and is tried again later each time."""
    backoff = again.setdefault(name, Backoff())
    if not backoff.due:
        return
    try:
        service.channels[name] = await service.open_log(name)
    except (LogBroken, LogUnreachable) as error:
        backoff.failed()
        log.critical(
            "channel.not_followed",
            channel=name,
            reason=str(error),
            do="see docs/operating.md, when a log is read-only",
        )
    except Exception as error:  # whatever it is, the other channels are followed  # noqa: BLE001
        alarm("follow", error, backoff.failed(), channel=name)


async def _find_channels(service: Service, again: dict[str, Backoff]) -> None:
    """Follow channels that another gateway opened."""
    while True:
        await asyncio.sleep(POLL_SECONDS)
        try:
            channels = await stream_config.channels(service.bus)
        except LogUnreachable:
            continue
        for name in channels:
            if name not in service.channels and not service.opening.locked():
                await _follow_if_possible(service, name, again)


@asynccontextmanager
async def _tasks() -> AsyncIterator[_Start]:
    """Start tasks that last as long as the context; one that fails takes the process down, loudly."""
    tasks: set[asyncio.Task[None]] = set()
    owner = asyncio.current_task()

    def start(coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        tasks.add(task)
        task.add_done_callback(ended)

    def ended(task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.critical("service.failed", exc_info=task.exception())
            if owner is not None:
                owner.cancel()

    try:
        yield start
    finally:
        while tasks:  # one that ends may have begun another
            await cancel_until_ended(tuple(tasks))


async def _listening(
    settings: Settings, service: Service, stack: AsyncExitStack, following: _Start
) -> RunningGateway:
    app = application(service, settings, await _provider(settings, service, stack, following))
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2.0)
    certificate = None
    if settings.http.certificate is not None or settings.http.key is not None:
        certificate = Certificate(*_pair(settings))
        following(service.keep("certificate", certificate.keep_fresh))
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    listener = _bound(settings.http.host, settings.http.port)
    port = listener.getsockname()[1]
    connections = Connections(
        listener,
        reject=rejection(app),
        per_address=settings.budgets.connections,
        most=connections_room(),
        proxies=networks(settings.http.trusted_proxies),
        context=certificate.context if certificate else None,
        keepalive_timeout=settings.http.idle_s,
        access_log=None,
        auto_decompress=False,
    )
    await Site(runner, listener, connections, secure=certificate is not None).start()
    own_url = f"{'https' if certificate else 'http'}://{settings.http.host}:{port}"
    base_url = settings.http.public_url or own_url
    log.info("gateway.listening", url=base_url)
    if is_in_clear(settings.http, listener.getsockname()[0]):
        log.warning(
            "gateway.without_tls",
            url=own_url,
            do="name http.certificate and http.key, or put a proxy with TLS before it and set http.public_url: tokens cross the network in clear",
        )
    return RunningGateway(service, base_url, own_url)


def _pair(settings: Settings) -> tuple[Path, Path]:
    if settings.http.certificate is None or settings.http.key is None:
        raise SettingsError("http.certificate and http.key go together: name both, PEM files")
    return settings.http.certificate, settings.http.key


async def _provider(
    settings: Settings, service: Service, stack: AsyncExitStack, following: _Start
) -> Provider | None:
    if not settings.oidc.issuer:
        return None
    session = await stack.enter_async_context(
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS))
    )

    async def fetch(url: str) -> Any:
        try:
            async with session.get(url, allow_redirects=False) as response:
                if response.status != 200:
                    raise ValueError(f"{url} answers {response.status}")
                raw = await response.read()
                if len(raw) > JWKS_BYTES:
                    raise ValueError(f"{url} is larger than any such document")
                nesting.check(raw)
                return msgspec.json.decode(raw)
        except msgspec.DecodeError as error:
            raise ValueError(f"{url} gives no JSON: {error}") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(f"{url}: {error or type(error).__name__}") from None

    provider = Provider(settings.oidc, fetch)
    following(service.keep("oidc", provider.run))
    return provider


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise BrokerError(
            f"{host}:{port} cannot be listened on: {error.strerror}; choose another with --port, or 0 for a free one"
        ) from None
    return listener


def messages_of(url: str, keys: Path, channel: str) -> AsyncGenerator[Page, None]:
    """Return the messages of a channel's log, read from the broker as the user who may only read, page by page."""
    return read_ahead(url, BrokerEndpoint(url, "", keys).seed("auditor"), channel)


def write_server_file(data: Path, base_url: str, nats_url: str) -> None:
    """Tell the command line on this machine where the gateway is, and its broker."""
    (data / "server.json").write_text(
        json.dumps({"base_url": base_url, "nats_url": nats_url}) + "\n"
    )


async def until_stopped() -> None:
    """Wait for SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()

"""The commands `dragoman up`, `serve` and `init`, which start services."""

import asyncio
import ctypes
import gc
import importlib.util
import resource
import shutil
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from cyclopts import App, Parameter

from dragoman import bootstrap, service_processes, telemetry
from dragoman.application.clock import AdjustableClock
from dragoman.cli import demo as demonstration
from dragoman.cli import demo_stations, past_event
from dragoman.cli.common import UsageError, out, renamed, say
from dragoman.eventlog import broker
from dragoman.eventlog.broker import BrokerError
from dragoman.lifecycle import Lifecycle
from dragoman.office.host.demonstration_lines import RelayedLines
from dragoman.settings import Settings, load

Data = Annotated[
    Path | None,
    Parameter(help="The data directory. It is made if it does not exist. Default: dragoman-data."),
]
Config = Annotated[Path | None, Parameter(help="A settings file in TOML.")]
TakeOver = Annotated[
    bool,
    Parameter(
        negative=(),
        help="Go on here with data that were copied, moved or restored. "
        "First stop the service that the data came from, for good.",
    ),
]


Port = Annotated[
    int | None, Parameter(help="The port to listen on; 0 chooses a free one. Default: 8470.")
]
Host = Annotated[str | None, Parameter(help="The address to listen on. Default: 127.0.0.1.")]
LogFormat = Annotated[
    Literal["auto", "json", "console"] | None,
    Parameter(help="The form of the log. Default: auto, which is JSON except on a terminal."),
]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"] | None,
    Parameter(help="The least important lines that are logged. Default: info."),
]

_GARBAGE: Final = (10_000, 10, 10)
"""The thresholds of `gc`: some 5 MiB of pages wait for the collector."""

_M_ARENA_MAX: Final = -8
"""The option of mallopt(3) for the number of heaps."""

_PROCESS_NAMES: Final = {"gateway": "gateway", "scheduler": "watch", "notifier": "courier"}
"""The default name of each process, which names its files in the data directory. These
names are frozen: another one would rebuild the projection, and would start without the
high-water marks.
"""


def settings_of(config: Path | None, flags: Mapping[str, object]) -> Settings:
    """Return the settings, and set up the log by them. Raises `SettingsError`.

    Names of `flags` have two underscores for a dot.
    """
    settings = read_settings(config, flags)
    telemetry.configure(settings.log.format, settings.log.level)
    return settings


def read_settings(config: Path | None, flags: Mapping[str, object]) -> Settings:
    """Return the settings. Raises `SettingsError`."""
    settings, _ = load(
        {name.replace("__", "."): value for name, value in flags.items()}, config=config
    )
    return settings


def run(
    service: str,
    settings: Settings,
    main: Callable[[Lifecycle], Coroutine[Any, Any, None]],
    again: Callable[[], Settings] | None = None,
) -> None:
    """Run a service until a signal stops it.

    `again` reads the settings once more, for SIGHUP.
    """
    _bound_free_memory()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Each open stream is a file, so the process may open as many as the system permits.
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard) if soft < hard else (soft, hard))
    factory = None
    if settings.uvloop and importlib.util.find_spec("uvloop") is not None:
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_until_stopped(Lifecycle(service, again), main))


def _bound_free_memory() -> None:
    """Bound the memory that a service no longer uses and does not give back.

    A page that was rendered is freed by the collector of cycles. The GNU C library
    gives each thread a heap of its own by default, and a thread does not use what
    another one has freed.
    """
    gc.set_threshold(*_GARBAGE)
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_ARENA_MAX, 1)


async def _until_stopped(
    lifecycle: Lifecycle, main: Callable[[Lifecycle], Coroutine[Any, Any, None]]
) -> None:
    async with lifecycle.running():
        await main(lifecycle)


def up(
    *,
    data: Data = None,
    port: Port = None,
    host: Host = None,
    demo: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Fill it with the demonstration, and write its tokens to DIR/demo.json.",
        ),
    ] = False,
    scenario: Annotated[
        str,
        Parameter(
            help="With --demo: a past event instead, recorded at the times of then. "
            f"One of {', '.join(past_event.NAMES)}.",
        ),
    ] = "",
    stations: Annotated[
        bool,
        Parameter(
            negative=(),
            help="With --demo: also a station of each side, in DIR/stations, on the two ports "
            "after the host's. A page of the host cuts their lines.",
        ),
    ] = False,
    fresh: Annotated[
        bool, Parameter(negative=(), help="Delete the data directory first, with everything in it.")
    ] = False,
    station: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Run the station of your side: with copies of the channels that it has joined "
            "(`dragoman station join`), whose hosts may be away.",
        ),
    ] = False,
    take_over: TakeOver = False,
    nats_server: Annotated[
        Path | None, Parameter(help="The nats-server program to run as the broker.")
    ] = None,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
    config: Config = None,
) -> int:
    """Run everything but the witness, with its own broker, until Ctrl-C.

    Where there are more than two processors, the scheduler, the notifier and the signer
    are processes of their own (setting `services`).
    An empty data directory is initialised first, as with `dragoman init`.
    """
    flags = {
        "data": data,
        "http__port": port,
        "http__host": host,
        "nats__server": nats_server,
        "log__format": log_format,
        "log__level": log_level or ("warning" if demo else None),
    }
    settings = settings_of(config, flags)
    if scenario and not demo:
        raise UsageError("--scenario is for the demonstration: give --demo as well")
    if scenario:
        past_event.check_name(scenario)
    if stations and (scenario or not demo):
        raise UsageError("--stations is for the demonstration: give --demo, and no --scenario")
    if stations:
        demo_stations.check(settings)
    main = partial(
        _up,
        settings,
        demo=demo,
        scenario=scenario,
        stations=stations,
        fresh=fresh,
        is_station=station,
        take_over=take_over,
        config=config,
    )
    run("up", settings, main, partial(read_settings, config, flags))
    return 0


async def _up(
    settings: Settings,
    lifecycle: Lifecycle,
    *,
    demo: bool,
    scenario: str,
    stations: bool,
    fresh: bool,
    is_station: bool,
    take_over: bool,
    config: Path | None,
) -> None:
    if scenario:  # its clock is that of one process
        http = msgspec.structs.replace(settings.http, gateways=1)
        settings = msgspec.structs.replace(settings, services="together", http=http)
    if fresh:
        await _delete(settings.data)
    if scenario:
        past_event.check(scenario, settings)
    elif demo:
        demonstration.check(settings.data)
    if bootstrap.initialise(settings.data):
        say(
            f"initialised {settings.data}; "
            f"the operator's token is in {settings.data / 'operator.token'}"
        )
    clock = AdjustableClock()
    if stations:  # this process alone cuts their lines
        http = msgspec.structs.replace(settings.http, gateways=1)
        settings = msgspec.structs.replace(settings, http=http)
    lines = RelayedLines(demonstration.OFFICES)
    if is_station:  # one process sends what waits, and each copy has one owner
        http = msgspec.structs.replace(settings.http, gateways=1)
        settings = msgspec.structs.replace(settings, services="together", http=http)
    station = await asyncio.to_thread(bootstrap.station_of, settings) if is_station else None
    async with (
        bootstrap.broker_of(settings) as endpoint,
        bootstrap.gateway(
            settings,
            endpoint,
            lifecycle,
            whole=settings.services == "together",
            take_over=take_over,
            clock=clock,
            station=station,
            routes=lines.routes if stations else (),
        ) as running,
        service_processes.running(
            settings,
            endpoint,
            lifecycle,
            running.service.keep,
            url=running.own_url,
            config=config,
        ),
        AsyncExitStack() as beside,
    ):
        bootstrap.write_server_file(settings.data, running.base_url, endpoint)
        if scenario:
            addresses = running.base_url, running.own_url
            past = await past_event.seed(running.service, clock, settings, addresses, scenario)
            past_event.introduce(past, say)
        elif demo:
            seeded = await demonstration.seed(
                settings.data,
                running.base_url,
                running.own_url,
                settings.http.certificate,
                has_stations=stations,
            )
            await running.settle()  # what was overdue in it has lapsed before anybody looks
            demonstration.introduce(seeded, say)
            if stations:
                seeded = await beside.enter_async_context(
                    demo_stations.running(settings, running, seeded, lines)
                )
                demo_stations.introduce(seeded, say)
        else:
            say(f"listening at {running.base_url}")
        out(running.base_url)
        await lifecycle.until_stopped(settings.http.drain_s)


async def _delete(data: Path) -> None:
    if not data.exists():
        return
    if any(data.iterdir()) and not (data / "lease").exists():
        raise BrokerError(f"{data} is not a data directory of dragoman; it was not deleted")
    async with broker.lease(data):
        shutil.rmtree(data)


serve = App(
    name="serve",
    help="Run one service on a running broker, or your side's own witness.",
)
serve.command(
    "dragoman.cli.audit.witness:serve_witness",
    name="witness",
    help="Mirror a log and cosign its heads, for your own side.",
)
renamed(serve, "serve watch", "serve scheduler")
renamed(serve, "serve courier", "serve notifier")
renamed(serve, "serve registrar", "serve signer")


@serve.default
def serve_one(
    service: Annotated[
        Literal["gateway", "scheduler", "notifier", "signer"],
        Parameter(
            help="gateway: the API and the pages. scheduler: reminders and lapses of deadlines. "
            "notifier: webhooks and e-mail. signer: signed heads of the logs."
        ),
    ],
    *,
    data: Data = None,
    port: Port = None,
    host: Host = None,
    nats_url: Annotated[
        str | None, Parameter(help="The broker's URL; of a cluster several, with commas between.")
    ] = None,
    nats_keys: Annotated[
        Path | None,
        Parameter(help="The folder with the keys of the broker's users. Default: DIR/keys."),
    ] = None,
    name: Annotated[
        str,
        Parameter(
            help="The name of this process, under which its files are kept. "
            "Default: gateway, watch or courier; the signer has none."
        ),
    ] = "",
    take_over: TakeOver = False,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
    config: Config = None,
) -> int:
    """Run one service on a running broker.

    Several processes of each service may run side by side, each with its own data
    directory. No key is made here: --nats-keys names those of the broker's users, which
    `dragoman init` made, and the signer needs the log key in DIR/keys/log as well.
    """
    flags = {
        "data": data,
        "http__port": port,
        "http__host": host,
        "nats__url": nats_url,
        "nats__keys": nats_keys,
        "log__format": log_format,
        "log__level": log_level,
    }
    settings = settings_of(config, flags)
    if not settings.nats.url:
        raise BrokerError(
            "serve needs a broker: name it with --nats-url or in the settings, "
            "or use `dragoman up`, which runs its own"
        )
    bootstrap.require_keys(settings, service)
    services = {
        "gateway": _gateway,
        "scheduler": _scheduler,
        "notifier": _notifier,
        "signer": _signer,
    }
    process = name or _PROCESS_NAMES.get(service, "")
    main = partial(services[service], settings, name=process, take_over=take_over)
    run(service, settings, main, partial(read_settings, config, flags))
    return 0


async def _gateway(settings: Settings, lifecycle: Lifecycle, *, name: str, take_over: bool) -> None:
    async with (
        bootstrap.broker_of(settings) as endpoint,
        bootstrap.gateway(settings, endpoint, lifecycle, name, take_over=take_over) as running,
    ):
        own_name = "" if name == _PROCESS_NAMES["gateway"] else name
        bootstrap.write_server_file(settings.data, running.base_url, endpoint, own_name)
        out(running.base_url)
        await lifecycle.until_stopped(settings.http.drain_s)


async def _scheduler(
    settings: Settings, lifecycle: Lifecycle, *, name: str, take_over: bool
) -> None:
    async with (
        bootstrap.broker_of(settings) as endpoint,
        bootstrap.scheduler(settings, endpoint, lifecycle, name, take_over=take_over),
    ):
        out("watching")
        await lifecycle.until_stopped()


async def _notifier(
    settings: Settings, lifecycle: Lifecycle, *, name: str, take_over: bool
) -> None:
    async with (
        bootstrap.broker_of(settings) as endpoint,
        bootstrap.notifier(settings, endpoint, lifecycle, name, take_over=take_over),
    ):
        out("bringing")
        await lifecycle.until_stopped()


async def _signer(settings: Settings, lifecycle: Lifecycle, *, name: str, take_over: bool) -> None:
    del name  # a signer has no files of its own name
    async with (
        bootstrap.broker_of(settings) as endpoint,
        bootstrap.signer(settings, endpoint, lifecycle, take_over=take_over),
    ):
        out("sealing")
        await lifecycle.until_stopped()


def init(*, data: Data = None, config: Config = None) -> int:
    """Make a data directory, with keys and the operator's token.

    The keys are those of the broker's users, and the key that signs the logs.
    """
    settings = settings_of(config, {"data": data})
    fresh = bootstrap.initialise(settings.data)
    say(f"{'initialised' if fresh else 'was initialised already:'} {settings.data}")
    say(
        f"the operator's token is in {settings.data / 'operator.token'}; "
        "it opens channels and issues tokens, and nothing else"
    )
    say(
        "next: `dragoman up` (on a broker of your own: `dragoman serve gateway`), then "
        "`dragoman channel new FILE`"
    )
    return 0

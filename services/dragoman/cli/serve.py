"""`dragoman up`, `serve` and `init`: begin and run."""

import asyncio
import importlib.util
import resource
import shutil
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from dragoman import bootstrap, telemetry
from dragoman.cli import demo as demonstration
from dragoman.cli.common import out, say
from dragoman.eventlog import broker
from dragoman.eventlog.broker import BrokerError
from dragoman.settings import Settings, load

Data = Annotated[
    Path | None,
    Parameter(help="The data directory; made if it is not there. Default: dragoman-data."),
]
Config = Annotated[Path | None, Parameter(help="A settings file, TOML.")]
TakeOver = Annotated[
    bool,
    Parameter(
        negative=(),
        help="Go on here with data that were copied, moved or restored. Stop the service that they came from first, for good.",
    ),
]


def _settings(config: Path | None, **flags: object) -> Settings:
    settings, _ = load(
        {name.replace("__", "."): value for name, value in flags.items()}, config=config
    )
    telemetry.configure(settings.log.format, settings.log.level)
    return settings


def _run(settings: Settings, main: Coroutine[Any, Any, None]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (hard, hard) if soft < hard else (soft, hard)
    )  # each open stream is a file
    factory = None
    if settings.uvloop and importlib.util.find_spec("uvloop") is not None:
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)


def up(
    *,
    data: Data = None,
    port: Annotated[
        int | None, Parameter(help="The port to listen on; 0 takes a free one. Default: 8470.")
    ] = None,
    host: str | None = None,
    demo: Annotated[
        bool, Parameter(negative=(), help="Seed the demonstration, and write DIR/demo.json.")
    ] = False,
    fresh: Annotated[
        bool, Parameter(negative=(), help="Throw the data directory away first.")
    ] = False,
    take_over: TakeOver = False,
    nats_server: Annotated[Path | None, Parameter(help="The nats-server to run.")] = None,
    log_format: Literal["auto", "json", "console"] | None = None,
    log_level: Literal["debug", "info", "warning", "error"] | None = None,
    config: Config = None,
) -> int:
    """Run everything in one process, beside a broker of its own. Stops on Ctrl-C.

    An empty data directory is initialised first, as `dragoman init` does.
    """
    settings = _settings(
        config,
        data=data,
        http__port=port,
        http__host=host,
        nats__server=nats_server,
        log__format=log_format,
        log__level=log_level or ("warning" if demo else None),
    )
    _run(settings, _up(settings, demo=demo, fresh=fresh, take_over=take_over))
    return 0


async def _up(settings: Settings, *, demo: bool, fresh: bool, take_over: bool) -> None:
    if fresh:
        await _throw_away(settings.data)
    if bootstrap.initialise(settings.data):
        say(
            f"initialised {settings.data}; the operator's token is in {settings.data / 'operator.token'}"
        )
    async with (
        bootstrap.broker_of(settings) as endpoint,
        bootstrap.gateway(settings, endpoint, whole=True, take_over=take_over) as running,
    ):
        bootstrap.write_server_file(settings.data, running.base_url, endpoint.url)
        if demo:
            seeded = await demonstration.seed(
                settings.data, running.base_url, running.own_url, settings.http.certificate
            )
            demonstration.introduce(seeded, say)
        else:
            say(f"listening at {running.base_url}")
        out(running.base_url)
        await bootstrap.until_stopped()


async def _throw_away(data: Path) -> None:
    if not data.exists():
        return
    if any(data.iterdir()) and not (data / "lease").exists():
        raise BrokerError(f"{data} is no data directory of dragoman; it is not thrown away")
    async with broker.lease(data):
        shutil.rmtree(data)


serve = App(
    name="serve",
    help="Run one service on a broker that runs already, or a side's witness on its own machine.",
)
serve.command(
    "dragoman.cli.witness:serve_witness",
    name="witness",
    help="Mirror a log and cosign its heads, for your own side.",
)


@serve.default
def serve_one(
    service: Literal["gateway", "watch", "courier", "registrar"],
    *,
    data: Data = None,
    port: int | None = None,
    host: str | None = None,
    nats_url: Annotated[str | None, Parameter(help="The broker's URL.")] = None,
    nats_keys: Annotated[
        Path | None, Parameter(help="The folder with our users' seeds. Default: DIR/keys.")
    ] = None,
    name: Annotated[
        str,
        Parameter(
            help="This process's name; its projection is kept under it. Default: the service's."
        ),
    ] = "",
    take_over: TakeOver = False,
    log_format: Literal["auto", "json", "console"] | None = None,
    log_level: Literal["debug", "info", "warning", "error"] | None = None,
    config: Config = None,
) -> int:
    """Run one service on a broker that runs already. Several of each may run side by side, each with a data directory of its own."""
    settings = _settings(
        config,
        data=data,
        http__port=port,
        http__host=host,
        nats__url=nats_url,
        nats__keys=nats_keys,
        log__format=log_format,
        log__level=log_level,
    )
    if not settings.nats.url:
        raise BrokerError(
            "serve needs a broker: name it with --nats-url or in the settings, or use `dragoman up`, which runs its own"
        )
    serving = {"gateway": _serve, "watch": _watch, "courier": _bring, "registrar": _seal}[service]
    _run(settings, serving(settings, name or service, take_over=take_over))
    return 0


async def _serve(settings: Settings, name: str, *, take_over: bool) -> None:
    async with (
        bootstrap.broker_of(settings) as endpoint,
        bootstrap.gateway(settings, endpoint, name, take_over=take_over) as running,
    ):
        out(running.base_url)
        await bootstrap.until_stopped()


async def _watch(settings: Settings, name: str, *, take_over: bool) -> None:
    async with (
        bootstrap.broker_of(settings) as endpoint,
        bootstrap.watch(settings, endpoint, name, take_over=take_over),
    ):
        out("watching")
        await bootstrap.until_stopped()


async def _bring(settings: Settings, name: str, *, take_over: bool) -> None:
    async with (
        bootstrap.broker_of(settings) as endpoint,
        bootstrap.courier(settings, endpoint, name, take_over=take_over),
    ):
        out("bringing")
        await bootstrap.until_stopped()


async def _seal(settings: Settings, _name: str, *, take_over: bool) -> None:
    async with (
        bootstrap.broker_of(settings) as endpoint,
        bootstrap.registrar(settings, endpoint, take_over=take_over),
    ):
        out("sealing")
        await bootstrap.until_stopped()


def init(*, data: Data = None, config: Config = None) -> int:
    """Make a data directory: keys for the broker's users, the log's key, and the operator's token."""
    settings = _settings(config, data=data)
    fresh = bootstrap.initialise(settings.data)
    say(f"{'initialised' if fresh else 'was initialised already:'} {settings.data}")
    say(
        f"the operator's token is in {settings.data / 'operator.token'}; it opens channels and issues tokens, and nothing else"
    )
    say("next: dragoman up, then dragoman channel new FILE")
    return 0

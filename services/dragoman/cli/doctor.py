"""The commands `dragoman doctor` and `config`, which check an installation."""

import asyncio
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from dragoman import data_directory, telemetry
from dragoman.application.disk_space import rooms_of, shortage_of
from dragoman.certificates import ends_of
from dragoman.cli.common import (
    EVERYWHERE,
    FAILED,
    USAGE,
    Target,
    UsageError,
    connected,
    home,
    in_context,
    out,
    out_json,
    say,
    server_of,
    table,
)
from dragoman.client import Garbled, ProblemResponse, Unreachable, client
from dragoman.domain.record import nesting
from dragoman.eventlog import broker
from dragoman.eventlog.broker import BrokerEndpoint, BrokerError
from dragoman.eventlog.durability_guard import DurabilityGuard, certificate_end
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.settings import SettingsError, flattened, load


class _Check(msgspec.Struct, frozen=True):
    name: str
    ok: bool
    detail: str = ""


class _Readiness(msgspec.Struct, frozen=True):
    checks: tuple[_Check, ...]


_DISK_BYTES = 1024**3
_BROKER_SECONDS = 5.0
_WARNED = timedelta(days=14)
_RENEWAL = "see docs/operating-runbooks.md, a certificate that ends"

Config = Annotated[
    Path | None,
    Parameter(name="--config", help="A settings file. Default: as for all commands."),
]

config = App(name="config", help="Show and check the settings.")


@config.command(name="show")
def config_show(
    *,
    file: Config = None,
    json: Annotated[bool, Parameter(negative=(), help="Print them as JSON.")] = False,
) -> int:
    """Print every setting with its source."""
    settings, sources = load(config=file)
    if json:
        out_json(
            [
                {"setting": name, "value": msgspec.to_builtins(value, enc_hook=str), "from": source}
                for name, value in flattened(settings)
                if (source := sources[name])
            ]
        )
        return 0
    table(
        [[name, _as_json(value), sources[name]] for name, value in flattened(settings)],
        ["SETTING", "VALUE", "FROM"],
    )
    return 0


def _as_json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


@config.command(name="schema")
def config_schema() -> int:
    """Print the JSON Schema of a settings file, for an editor."""
    from dragoman.api import settings_page

    out_json(settings_page.schema())
    return 0


@config.command(name="check")
def config_check(*, file: Config = None) -> int:
    """Check the settings.

    A fault is printed with its place and its source, and the exit code is 2.
    """
    try:
        _checked(file)
    except SettingsError as error:
        say(f"dragoman: {error}")
        return USAGE
    say("the settings are in order")
    return 0


def _checked(file: Path | None) -> None:
    """Load the settings, and check the files and networks that they name.

    Raises `SettingsError`.
    """
    from dragoman import bootstrap

    settings, _ = load(config=file)
    bootstrap.check(settings)


async def doctor(*, file: Config = None, target: Target = EVERYWHERE) -> int:
    """Check everything that can be checked from here, and say how to fix each fault."""
    findings = await findings_of(target, file)
    if target.json:
        out_json([{"check": name, "ok": not fault, "fault": fault} for name, fault in findings])
    else:
        for name, fault in findings:
            out(f"{'ok  ' if not fault else 'FAIL'}  {name}{f': {fault}' if fault else ''}")
    return FAILED if any(fault for _, fault in findings) else 0


async def findings_of(target: Target, file: Path | None = None) -> list[tuple[str, str]]:
    """Return the name of each check and its fault, which is empty if all is well."""
    telemetry.set_level("critical")  # The findings say what a log line would say.
    return [
        _settings(file),
        *_certificates(file),
        *await _broker(target.data, file),
        *([] if _is_elsewhere(target) else _data(target.data)),
        *await _gateway(target),
    ]


def _is_elsewhere(target: Target) -> bool:
    """Return whether the gateway is elsewhere: no data directory is named."""
    return (
        target.data == EVERYWHERE.data
        and not target.data.exists()
        and in_context(target).server is not None
    )


def _settings(file: Path | None) -> tuple[str, str]:
    try:
        _checked(file)
    except SettingsError as error:
        return "settings", str(error)
    return "settings", ""


def _certificates(file: Path | None) -> list[tuple[str, str]]:
    """Return the findings about the certificates that the settings name."""
    try:
        settings, _ = load(config=file)
    except SettingsError:
        return []  # `_settings` says why
    nats = settings.nats
    ends = ends_of(gateway=settings.http.certificate, client=nats.certificate, authority=nats.ca)
    return [_certificate(what, end) for what, end in ends.items()]


def _certificate(what: str, end: datetime) -> tuple[str, str]:
    """Return the finding about a certificate: a fault if it ends in two weeks."""
    return (
        f"certificate ({what}) until {end:%Y-%m-%d}",
        "" if end > datetime.now(UTC) + _WARNED else f"renew it: {_RENEWAL}",
    )


async def _broker(data: Path, file: Path | None) -> list[tuple[str, str]]:
    """Return the findings about the broker that the services use.

    It is that of the settings, or that of the gateway on this machine. If neither is
    known, the program is looked for that would be started.
    """
    from dragoman import bootstrap

    try:
        settings, _ = load(config=file)
        if settings.nats.url:
            keys = settings.nats.keys or data / "keys"
            endpoint = BrokerEndpoint(settings.nats.url, "", keys, bootstrap.broker_tls(settings))
            return await _asked(endpoint, settings.nats.replicas)
        if (server_file := data_directory.server_file(data)) is not None:
            return await _asked(bootstrap.broker_of_gateway(server_file, data / "keys"))
        server = broker.find(settings.nats.server)
    except (BrokerError, SettingsError) as error:
        return [("broker", str(error))]
    return [(f"nats-server {'.'.join(map(str, broker.version_of(server)))} at {server}", "")]


async def _asked(endpoint: BrokerEndpoint, nodes: int = 1) -> list[tuple[str, str]]:
    """Ask a broker whether its nodes answer, sync every write and have our time.

    `nodes` is the number that has a copy of each log; the addresses may be more.
    """
    nodes = max(nodes, endpoint.url.count(",") + 1)
    name, seed = f"broker at {endpoint.url}", endpoint.seed("warden")
    if not seed.exists():
        return [(name, f"{seed} is missing, so it was not asked: name the folder with [nats] keys")]
    try:
        async with asyncio.timeout(_BROKER_SECONDS), endpoint.connected("warden") as bus:
            guard = DurabilityGuard(bus)
            await guard.prove()
            servers = await bus.ask_servers("$SYS.REQ.SERVER.PING.VARZ")
    except (TimeoutError, LogUnreachable) as error:
        why = str(error) or "nothing answers there, or it does not know our key"
        return [(name, f"{why}: see that nats-server runs, with this configuration and these keys")]
    versions = sorted({str(answer.get("server", {}).get("ver", "?")) for answer in servers})
    return [
        (
            f"{name}, nats-server {', '.join(versions)}",
            f"only {len(servers)} of {nodes} nodes answer: start the others; without most of "
            "them nothing is recorded"
            if len(servers) < nodes
            else "",
        ),
        *(
            _certificate(f"node {answer['server']['name']}", end)
            for answer in servers
            if (end := certificate_end(answer)) is not None
        ),
        ("broker syncs every write", str(guard.reason or "")),
        ("the broker's store has room", str(shortage_of(rooms_of(None, guard.store)) or "")),
    ]


def _data(data: Path) -> list[tuple[str, str]]:
    if not data.exists():
        return [
            (f"data directory {data}", "is not there; run `dragoman init`, or name it with --data")
        ]
    findings = []
    mode = stat.S_IMODE(data.stat().st_mode)
    findings.append(
        (
            "data directory is private",
            f"others may enter it; run chmod 700 {data}" if mode & 0o077 else "",
        )
    )
    open_keys = [
        str(path)
        for path in (data / "keys").rglob("*")
        if path.is_file() and path.stat().st_mode & 0o077
    ]
    findings.append(
        (
            "keys are private",
            f"others may read {', '.join(open_keys)}; run chmod 600 on them" if open_keys else "",
        )
    )
    findings.append(
        (
            "data directory is where it was written",
            data_directory.advice(data_directory.fault_of(data)),
        )
    )
    rooms = rooms_of(data, None)
    short = [room for room in rooms if room.free < _DISK_BYTES]
    findings.append(
        (
            "disk",
            str(
                shortage_of(rooms)
                or (f"only {short[0].free // 2**20} MiB are free; make room" if short else "")
            ),
        )
    )
    findings.append(
        (
            "data directory can be written",
            "" if os.access(data, os.W_OK) else "give this user the right to write",
        )
    )
    return findings


def _operator_token(target: Target) -> str:
    """Return the operator's token if it is here; with it the gateway names channels."""
    path = in_context(target, operator=True).token_file or target.data / "operator.token"
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _ending(expires: str) -> str:
    """Return the fault of a token that ends in two weeks; empty for any other."""
    if not expires or datetime.fromisoformat(expires) > datetime.now(UTC) + _WARNED:
        return ""
    return f"it ends {expires}; ask the operator for another: dragoman token issue"


def _is_operators(target: Target) -> bool:
    """Return whether the only token here is the operator's."""
    resolved = in_context(target)
    has_own = resolved.token_file is not None or (home() / "token").exists()
    return not has_own and (target.data / "operator.token").exists()


async def _gateway(target: Target) -> list[tuple[str, str]]:
    try:
        address = server_of(target)
    except (UsageError, SettingsError) as error:
        return [("gateway", str(error))]
    findings: list[tuple[str, str]] = []
    async with client(address, _operator_token(target)) as caller:
        try:
            health = (await caller.call("GET", "/healthz")).of("state of a gateway", _Readiness)
        except ProblemResponse as error:
            try:
                health = nesting.decode(error.body, _Readiness)
            except msgspec.DecodeError:
                return [(f"gateway at {address}", f"is not ready: {error.problem.detail}")]
        except (Unreachable, Garbled) as error:
            return [("gateway", str(error))]
    is_ready = all(check.ok for check in health.checks)
    findings.append((f"gateway at {address}", "" if is_ready else "not all is well, as follows"))
    findings += [
        (check.name, "" if check.ok else check.detail or "not in order") for check in health.checks
    ]
    try:
        async with connected(target, operator=_is_operators(target)) as caller:
            me = (await caller.call("GET", "/v1/me")).json()
            findings.append(
                (
                    f"token speaks for {me['actor']} in "
                    f"{', '.join(me['channels']) or 'no channel'}",
                    _ending(me.get("expires", "")),
                )
            )
    except (ProblemResponse, UsageError, SettingsError) as error:
        findings.append(("token", str(error)))
    return findings

"""The page docs/log-events.md, made from the calls that write log lines.

The code says which events there are, at which level, with which members and in which
module. The tables of `dragoman.log_events` say what they mean.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import dragoman
from dragoman.log_events import SECTIONS
from dragoman.log_events.entry import LogEvent

_PACKAGE: Final = Path(dragoman.__file__).parent

_HEAD: Final = """# Log events

After this page you know each event that the services log, and what to do about it. \
[operating-faults.md](operating-faults.md) starts from what you see instead. This page \
is generated (`make schemas`).

"""

_ABOUT: Final = """
Each line is one JSON object, or coloured text on a terminal. These members are on every line:

| member | content |
|---|---|
| `event` | the name, as on this page |
| `level` | `debug`, `info`, `warning`, `error` or `critical`. `[log] level` sets the least one \
that is written |
| `timestamp` | the time in UTC, with microseconds |
| `request_id`, `trace_id` | the request that caused the line, if one did. The same ids are in \
its answer and in the headers of its records |

These members mean the same on every line that has them:

| member | content |
|---|---|
| `reason`, `error` | why, in words or as the name of an exception |
| `do` | what to do, in a few words |
| `exception` | a traceback without values |
| `channel`, `position`, `side`, `actor` | what the line is about |

`watch.*` events are the scheduler's, `courier.*` the notifier's and `registrar.*` the signer's: \
the names are from before these services were renamed. A name stays within a release series \
([upgrading.md](upgrading.md#what-stays-the-same-for-callers)). Lines of libraries have no name of \
this page: their `event` is a sentence.

No line has a body, a token or a salt.
"""

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_METHODS: Final = {level: level for level in LEVELS} | {"warn": "warning", "exception": "error"}

_SERVICES: Final = {
    "admin_door": "every service",
    "api": "gateway",
    "application": "gateway",
    "audit": "`dragoman audit`",
    "backup": "`dragoman backup`",
    "bootstrap": "every service",
    "console": "gateway",
    "data_directory": "every service but the witness",
    "eventlog": "every service but the witness",
    "eventlog.broker": "`dragoman up`",
    "lifecycle": "every service",
    "notifier": "notifier",
    "office": "gateway",
    "station": "station",
    "projection": "gateway, scheduler and notifier",
    "scheduler": "scheduler",
    "sealing": "signer",
    "server": "gateway",
    "service_factory": "gateway, scheduler and notifier",
    "service_processes": "`dragoman up`",
    "signer": "signer",
    "stores": "gateway, scheduler and notifier",
    "supervision": "every service",
    "telemetry": "every service",
    "witness": "witness",
    "witness_client": "signer",
}
"""The services that run a module or a folder; the longest name that fits decides."""

_OF_EVENTS: Final = {
    "access.fresh": "gateway, scheduler and notifier",
    "access.not_fresh": "gateway, scheduler and notifier",
    "courier.bringing": "notifier",
    "keeper.no_user": "gateway",
    "registrar.sealing": "signer",
    "request": "gateway and witness",
    "watch.keeping": "scheduler",
}
"""The services that write an event, where its module does not say so."""


class LogCall(NamedTuple):
    """A call in the code that writes a log line.

    `event` is None if the call does not show the name of its event.
    """

    event: str | None
    levels: tuple[str, ...]
    members: tuple[str, ...]
    module: str


def log_calls(package: Path = _PACKAGE) -> Iterator[LogCall]:
    """Yield all calls in a package that write a log line, module by module."""
    for path in sorted(package.rglob("*.py")):
        module = ".".join(path.relative_to(package).with_suffix("").parts)
        tree = ast.parse(path.read_text())
        chosen = _chosen_methods(tree)
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute() | ast.Name()):
                    levels, arguments = _levels(node, chosen)
                    if levels and (call := _call(node, levels, arguments, module)) is not None:
                        yield call
                case ast.JoinedStr():
                    yield from _rendered(node, module)
                case _:
                    pass


def _chosen_methods(tree: ast.Module) -> dict[str, tuple[str, ...]]:
    """Return the names that a module gives to methods of its logger, with their levels.

    say = log.debug if often else log.info
    """
    return {
        target.id: levels
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
        and not isinstance(node.value, ast.Call)
        and (levels := _in_order(_methods_within(node.value)))
    }


def _methods_within(value: ast.expr) -> Iterator[str]:
    for node in ast.walk(value):
        match node:
            case ast.Attribute(value=ast.Name(id="log"), attr=method) if method in _METHODS:
                yield _METHODS[method]
            case _:
                pass


def _levels(
    node: ast.Call, chosen: dict[str, tuple[str, ...]]
) -> tuple[tuple[str, ...], list[ast.expr]]:
    """Return the levels of a call, and its arguments from the event on.

    The levels are empty if the call is of something other than a logger.
    """
    match node.func:
        case ast.Name(id=name):
            return chosen.get(name, ()), node.args
        case ast.Attribute(attr="log") if len(node.args) > 1:
            constants = (
                part.attr.lower()
                for part in ast.walk(node.args[0])
                if isinstance(part, ast.Attribute)
            )
            return _in_order(name for name in constants if name in LEVELS), node.args[1:]
        case ast.Attribute(attr=method) if method in _METHODS and node.args:
            return (_METHODS[method],), node.args
        case _:
            return (), []


def _call(
    node: ast.Call, levels: tuple[str, ...], arguments: list[ast.expr], module: str
) -> LogCall | None:
    """Return a call of a logger; None if it is a call of something else."""
    members = dict.fromkeys(
        "exception" if keyword.arg == "exc_info" else keyword.arg
        for keyword in node.keywords
        if keyword.arg is not None
    )
    if isinstance(node.func, ast.Attribute) and node.func.attr == "exception":
        members["exception"] = None
    match arguments:
        case [ast.Constant(value=str() as event)]:
            return LogCall(event, levels, tuple(members), module)
        case [ast.Dict()]:
            return None  # an information metric
        case _:
            return LogCall(None, levels, tuple(members), module)


def _rendered(node: ast.JoinedStr, module: str) -> Iterator[LogCall]:
    """Yield the line that a string with holes is, written without a logger."""
    text = "".join(
        str(part.value) if isinstance(part, ast.Constant) else "0" for part in node.values
    )
    members = dict(re.findall(r'"(\w+)":"?([\w.]+)', text))
    if "event" in members and members.get("level") in LEVELS:
        event, level = members.pop("event"), members.pop("level")
        yield LogCall(event, (level,), tuple(members), module)


def _in_order(levels: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(set(levels), key=LEVELS.index))


def page() -> str:
    """Return the page. Raises `LookupError` for an event that no table explains."""
    calls: dict[str, list[LogCall]] = defaultdict(list)
    for call in log_calls():
        if call.event is not None:
            calls[call.event].append(call)
    explained = {name for section in SECTIONS for name in section.events}
    if missing := sorted(calls.keys() - explained):
        raise LookupError(f"enter these events in dragoman/log_events/: {', '.join(missing)}")
    lines = [f"- [{section.title}](#{_anchor(section.title)})" for section in SECTIONS]
    lines.append(_ABOUT)
    for section in SECTIONS:
        lines.append(f"## {section.title}\n")
        for name, event in section.events.items():
            lines += _entry(name, event, calls[name])
    return _HEAD + "\n".join(lines)


def _entry(name: str, event: LogEvent, calls: list[LogCall]) -> Iterator[str]:
    """Yield the lines of one event."""
    levels = " or ".join(_in_order(level for call in calls for level in call.levels))
    services = ", ".join(dict.fromkeys(_service(name, call.module) for call in calls))
    modules = ", ".join(dict.fromkeys(f"`{call.module.replace('.', '/')}.py`" for call in calls))
    shown = (member for call in calls for member in call.members)
    members = dict.fromkeys((*shown, *event.members))
    yield f"### `{name}`\n"
    yield f"{event.meaning}\n"
    yield f"- Do: {event.action}"
    yield f"- Level: {levels}. Written by: {services} ({modules})."
    if members:
        yield f"- Members: {', '.join(f'`{member}`' for member in members)}."
    yield ""


def _service(event: str, module: str) -> str:
    """Return the services that write an event in a module."""
    if event in _OF_EVENTS:
        return _OF_EVENTS[event]
    parts = module.split(".")
    while ".".join(parts) not in _SERVICES:
        parts.pop()
    return _SERVICES[".".join(parts)]


def _anchor(title: str) -> str:
    """Return the anchor of a heading, as code hosts make it."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")

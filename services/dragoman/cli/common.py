"""What all commands share: where the gateway is, with which token, how to print, and which exit code says what.

    0 ok · 1 failed · 2 usage · 3 not found · 4 denied · 5 conflict · 6 unreachable · 7 verification failed

Data go to standard output, words to standard error.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
from cyclopts import Parameter

from dragoman.client import Client, ProblemResponse, client
from dragoman.printable import escaped, one_line
from dragoman_schemas.host_responses import Channels
from dragoman_schemas.responses import Entry, ExchangeView

FAILED, USAGE, NOT_FOUND, DENIED, CONFLICT, UNREACHABLE, UNVERIFIED = 1, 2, 3, 4, 5, 6, 7

_CODES: Final = {
    401: DENIED,
    403: DENIED,
    404: NOT_FOUND,
    409: CONFLICT,
    412: CONFLICT,
    503: UNREACHABLE,
}

HEAD_SECONDS: Final = 5.0
"""How long a first head, or a cosignature, is waited for."""

_NO_HEAD: Final = 404
_AGAIN_SECONDS: Final = 0.25


class UsageError(Exception):
    """The command was called in a way that cannot be carried out; the message says how to call it."""


class Unverified(Exception):
    """What was given is no log that holds; the message says where the first lie is."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Target:
    """Which gateway, with which token, in which channel, and in which form to print."""

    server: Annotated[
        str | None,
        Parameter(env_var="DRAGOMAN_SERVER", help="The gateway's URL; by default that of --data."),
    ] = None
    token_file: Annotated[
        Path | None, Parameter(env_var="DRAGOMAN_TOKEN_FILE", help="A file with the bearer token.")
    ] = None
    channel: Annotated[
        str | None,
        Parameter(env_var="DRAGOMAN_CHANNEL", help="The channel; by default the only one."),
    ] = None
    data: Annotated[
        Path,
        Parameter(env_var="DRAGOMAN_DATA", help="The data directory of a gateway on this machine."),
    ] = Path("dragoman-data")
    json: Annotated[bool, Parameter(negative=(), help="Print JSON.")] = False


File = Annotated[str, Parameter(allow_leading_hyphen=True, help="A file, or - for standard input.")]


async def head_of(caller: Client, channel: str, *, wait_s: float = 0.0) -> bytes | None:
    """Return the newest signed head, if there is one within that time: a channel that has just been opened gets its first in a moment."""
    until = time.monotonic() + wait_s
    while True:
        try:
            return (await caller.call("GET", f"/v1/channels/{channel}/log/checkpoint")).body
        except ProblemResponse as error:
            if error.problem.status != _NO_HEAD:
                raise
        if time.monotonic() >= until:
            return None
        await asyncio.sleep(_AGAIN_SECONDS)


def home() -> Path:
    """Return where a person's own settings are."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "dragoman"


def server_of(target: Target) -> str:
    """Return the address of the gateway that is meant. Raises `UsageError` where none is known."""
    if target.server:
        return target.server
    context = target.data / "server.json"
    if context.exists():
        return str(json.loads(context.read_text())["base_url"])
    saved = home() / "server"
    if saved.exists():
        return saved.read_text().strip()
    raise UsageError(
        f"no gateway is known: start one with `dragoman up`, or name one with --server (looked for {context})"
    )


def _token(target: Target, *, operator: bool) -> str:
    own = home() / "token"
    candidates = (
        [target.token_file]
        if target.token_file
        else [target.data / "operator.token"]
        if operator
        else [own]
    )
    for path in candidates:
        if path.exists():
            return path.read_text().strip()
    text = (
        "the operator's token is in the data directory, made by `dragoman init`"
        if operator
        else "issue one with `dragoman token issue --save`"
    )
    raise UsageError(f"no token at {candidates[0]}: {text}, or name a file with --token-file")


@asynccontextmanager
async def connected(target: Target, *, operator: bool = False) -> AsyncIterator[Client]:
    """Yield a client for the target, as an officer or as the operator. Ctrl-C ends at once whatever waits for it."""
    with _interruptible():
        async with client(server_of(target), _token(target, operator=operator)) as caller:
            yield caller


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C wake the loop: a plain handler is not run when the signal comes just before the loop begins to wait."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is not None:
        loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def channel_of(target: Target, caller: Client) -> str:
    """Return the channel that is meant: the named one, or the only one that the token sees."""
    if target.channel:
        return target.channel
    channels = (await caller.call("GET", "/v1/channels")).of("list of channels", Channels)
    names = [channel.name for channel in channels.channels]
    if len(names) == 1:
        return names[0]
    raise UsageError(f"name a channel with --channel: {', '.join(names) or 'this token sees none'}")


async def timeline_of(
    caller: Client, channel: str, exchange: str, view: ExchangeView, at: int | None = None
) -> tuple[Entry, ...]:
    """Return all records of an exchange, page by page from the newest page, which is `view`."""
    timeline = view.timeline
    path = f"/v1/channels/{quote(channel)}/exchanges/{quote(exchange)}?" + (
        f"at={at}&" if at else ""
    )
    before = view.earlier
    while before:
        view = msgspec.json.decode(
            (await caller.call("GET", f"{path}cursor={view.earlier}")).body, type=ExchangeView
        )
        timeline = (*view.timeline, *timeline)
        before = (
            view.earlier if view.earlier < before else 0
        )  # a gateway that lies cannot make this endless
    return timeline


def out(text: str, *, lines: bool = False) -> None:
    """Print data. What a terminal would obey is written as an escape; an end of a line too, unless the text is `lines` of ours."""
    sys.stdout.write((escaped(text) if lines else one_line(text)) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Print words for a person, in a line that nobody's text can end or change."""
    sys.stderr.write(one_line(text) + "\n")


def out_json(value: Any) -> None:
    """Print a value as JSON."""
    raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
    out(msgspec.json.format(raw, indent=2).decode(), lines=True)


def table(rows: list[list[str]], head: list[str]) -> None:
    """Print a table: aligned columns, one line a row."""
    lines = [[one_line(cell) for cell in line] for line in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        out("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def exit_code(error: ProblemResponse) -> int:
    """Return the exit code for a problem."""
    if error.problem.type.endswith("/key-reused"):
        return CONFLICT
    return _CODES.get(error.problem.status, FAILED)


def read_input(path: str) -> bytes:
    """Return a file's bytes, or those of standard input for `-`."""
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None

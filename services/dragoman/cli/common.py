"""Functions that all commands share: gateway, token, output and exit codes.

Data go to standard output, messages for people to standard error.
"""

import asyncio
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
from cyclopts import App, Parameter

from dragoman import data_directory
from dragoman.client import ApiResponse, Client, Garbled, ProblemResponse, client
from dragoman.domain.record import nesting
from dragoman.interop.side_texts import in_language
from dragoman.printable import escaped, one_line
from dragoman_schemas.host_responses import Channels
from dragoman_schemas.responses import Entry, ExchangeView

FAILED, USAGE, NOT_FOUND, DENIED, CONFLICT, UNREACHABLE, UNVERIFIED, NEWER = range(1, 9)
INTERRUPTED: Final = 130

EXIT_CODES: Final = {
    0: "It worked.",
    FAILED: "It failed. The message says why.",
    USAGE: "The call, a setting or an input is not valid. Nothing was sent.",
    NOT_FOUND: "There is no such thing, or this token may not see it.",
    DENIED: "The token is not valid, or its officer may not do this.",
    CONFLICT: "The state has changed, or something else is in its place. Read it again.",
    UNREACHABLE: "The gateway or the broker cannot be reached, or failed. Try again.",
    UNVERIFIED: "A verification failed: a log, a copy or an answer is not what it should be.",
    NEWER: "The log goes on by rules that this release lacks. The message names the release.",
    INTERRUPTED: "It was interrupted with Ctrl-C.",
}
"""The meaning of each exit code."""

_CODES: Final = {
    401: DENIED,
    403: DENIED,
    404: NOT_FOUND,
    409: CONFLICT,
    412: CONFLICT,
}

HEAD_SECONDS: Final = 5.0
"""Seconds to wait for the first head, or for a cosignature."""

_NO_HEAD: Final = 404
_AGAIN_SECONDS: Final = 0.25


class UsageError(Exception):
    """A call of a command that cannot be carried out.

    The message says how to call it.
    """


class Unverified(Exception):
    """A log that is not valid.

    The message names the first fault.
    """


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Target:
    """The gateway, the token, the channel and the output form of a command."""

    context: Annotated[
        str | None,
        Parameter(
            env_var="DRAGOMAN_CONTEXT",
            help="The saved gateway and token to use (`dragoman context`). "
            "Default: the current one, unless --server or --data is given.",
        ),
    ] = None
    server: Annotated[
        str | None,
        Parameter(
            env_var="DRAGOMAN_SERVER",
            help="The URL of the gateway. Default: the gateway of --data.",
        ),
    ] = None
    token_file: Annotated[
        Path | None,
        Parameter(
            env_var="DRAGOMAN_TOKEN_FILE",
            help="A file with the bearer token. Default: your saved token.",
        ),
    ] = None
    channel: Annotated[
        str | None,
        Parameter(
            env_var="DRAGOMAN_CHANNEL", help="The channel. Default: the only one that you can see."
        ),
    ] = None
    data: Annotated[
        Path,
        Parameter(env_var="DRAGOMAN_DATA", help="The data directory of a gateway on this machine."),
    ] = Path("dragoman-data")
    json: Annotated[bool, Parameter(negative=(), help="Print JSON.")] = False


EVERYWHERE: Final = Target()
"""The target of a command that gives none: the settings of the environment."""


File = Annotated[str, Parameter(allow_leading_hyphen=True, help="A file, or - for standard input.")]


async def head_of(caller: Client, channel: str, *, wait_s: float = 0.0) -> bytes | None:
    """Return the newest signed head; None if no head appears within some seconds.

    A new channel gets its first head after a moment.
    """
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
    """Return the folder of a person's own settings."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "dragoman"


def in_context(target: Target, *, operator: bool = False) -> Target:
    """Return a target with the members that its context has, or the current context.

    Members that are given stay. A gateway or a data directory that is given, or the
    operator's token in the data directory, keeps the current context out. Raises
    `UsageError`, and `SettingsError` for a file of contexts that cannot be read.
    """
    from dragoman.cli import saved_contexts

    is_here = operator and (target.data / "operator.token").exists()
    if target.context is None and (target.server or target.data != EVERYWHERE.data or is_here):
        return target
    contexts = saved_contexts.read(home())
    name = target.context or contexts.current
    saved = contexts.contexts.get(name)
    if saved is None:
        if target.context is None:
            return target
        names = ", ".join(sorted(contexts.contexts)) or "none"
        raise UsageError(f"there is no context {name}; saved: {names}")
    return replace(
        target,
        context=None,
        server=target.server or saved.server,
        token_file=target.token_file or Path(saved.token_file),
        channel=target.channel or saved.channel,
    )


def server_of(target: Target) -> str:
    """Return the address of the gateway to call.

    Raises `UsageError` if no address is known.
    """
    return _address(in_context(target))


def _address(target: Target) -> str:
    if target.server:
        return target.server
    server_file = data_directory.server_file(target.data)
    if server_file is not None:
        return str(json.loads(server_file.read_text())["base_url"])
    saved = home() / "server"
    if saved.exists():
        return saved.read_text().strip()
    raise UsageError(
        "no gateway is known: start one with `dragoman up`, or name one with --server "
        f"(looked for {target.data / 'server.json'})"
    )


def _token(target: Target, *, operator: bool) -> str:
    saved = home() / "token"
    candidates = (
        [target.token_file]
        if target.token_file
        else [target.data / "operator.token"]
        if operator
        else [saved]
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
    """Yield a client for the target, as an officer or as the operator.

    Ctrl-C ends every wait at once.
    """
    target = in_context(target, operator=operator)
    with _interruptible():
        async with client(_address(target), _token(target, operator=operator)) as caller:
            yield caller


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C wake the event loop.

    A plain handler does not run if the signal comes just before the loop begins to
    wait. A command that is called in another thread than the main one gets no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is not None:
        loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def channel_of(target: Target, caller: Client) -> str:
    """Return the named channel, or the only one that the token can see."""
    channel = in_context(target).channel
    if channel is not None:
        return channel
    channels = (await caller.call("GET", "/v1/channels")).of("list of channels", Channels)
    names = [channel.name for channel in channels.channels]
    if len(names) == 1:
        return names[0]
    raise UsageError(f"name a channel with --channel: {', '.join(names) or 'this token sees none'}")


async def timeline_of(
    caller: Client, channel: str, exchange: str, view: ExchangeView, at: int | None = None
) -> tuple[Entry, ...]:
    """Return all records of an exchange, page by page from the newest page `view`."""
    timeline = view.timeline
    path = f"/v1/channels/{quote(channel)}/exchanges/{quote(exchange)}?" + (
        f"at={at}&" if at else ""
    )
    before = view.earlier
    while before:
        answer = await caller.call("GET", f"{path}cursor={view.earlier}")
        view = answer.of("exchange", ExchangeView)
        timeline = (*view.timeline, *timeline)
        # A dishonest gateway cannot make this loop endless.
        before = view.earlier if view.earlier < before else 0
    return timeline


def out(text: str, *, lines: bool = False) -> None:
    """Print data.

    Characters that a terminal would obey are escaped, and so are ends of lines, unless
    the text consists of our own `lines`.
    """
    sys.stdout.write((escaped(text) if lines else one_line(text)) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Print a message for a person, in a line that foreign text cannot change."""
    sys.stderr.write(one_line(text) + "\n")


def say_whether_live(answer: ApiResponse) -> None:
    """Warn if the gateway did not see the end of the log when it gave an answer."""
    if answer.headers.get("Dragoman-Stale"):
        say(f"NOT LIVE: this is as of {answer.headers.get('Dragoman-As-Of', '')}")


def in_one_language(text: msgspec.Raw) -> str:
    """Return a text of a side in the language of the caller's locale.

    Return it in its first language if it is not in that of the locale. Raises
    `Garbled`.
    """
    try:
        value = msgspec.convert(nesting.decode(bytes(text), object), str | dict[str, str])
    except msgspec.DecodeError as error:
        raise Garbled("text", bytes(text), error) from None
    language = locale_language()
    tags = value if isinstance(value, dict) else ()
    return in_language(value, next((tag for tag in tags if tag.split("-")[0] == language), ""))


def locale_language() -> str:
    """Return the language of the caller's locale; empty if it names none."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((os.environ[name] for name in names if os.environ.get(name)), "")
    language = re.split(r"[_.@-]", locale)[0].lower()
    return "" if language in ("c", "posix") else language


def out_json(value: Any) -> None:
    """Print a value as JSON."""
    raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
    out(msgspec.json.format(raw, indent=2).decode(), lines=True)


def table(rows: list[list[str]], head: list[str]) -> None:
    """Print a table with aligned columns, one line for each row.

    The columns are computed here, because `rich` takes 50 times as long for a long
    list: 6 s instead of 0.1 s for 20,000 rows.
    """
    lines = [[one_line(cell) for cell in line] for line in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        out("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def renamed(app: App, old: str, new: str) -> None:
    """Let the old name of a command fail with an error that gives its new name.

    Both names include the group, for example "serve watch".
    """

    def moved(*_arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> int:
        raise UsageError(f"`dragoman {old}` is now `dragoman {new}`; call it by that name")

    app.command(moved, name=old.rpartition(" ")[2], show=False)


def exit_code(error: ProblemResponse) -> int:
    """Return the exit code of a problem.

    After an error of the gateway itself nothing is known of the answer.
    """
    if error.is_unanswered:
        return UNREACHABLE
    if error.problem.type.endswith("/key-reused"):
        return CONFLICT
    return _CODES.get(error.problem.status, FAILED)


def read_input(path: str) -> bytes:
    """Return the bytes of a file, or of standard input for `-`.

    Raises `UsageError`.
    """
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None

"""The commands of `dragoman context`: gateways that one calls by a name."""

import re
import stat
import sys
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from cyclopts import App, Parameter

from dragoman.cli import saved_contexts
from dragoman.cli.common import Target, UsageError, connected, home, out_json, say, table
from dragoman.cli.saved_contexts import SavedContext, SavedContexts
from dragoman.client import ProblemResponse, Unreachable
from dragoman.eventlog.broker import write_secret

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

context = App(
    name="context", help="Save gateways with your tokens under names, and choose between them."
)


@context.command
async def add(
    name: Annotated[str, Parameter(help="The name of the context.")],
    *,
    server: Annotated[str, Parameter(help="The URL of the gateway.")],
    token_file: Annotated[
        str,
        Parameter(
            allow_leading_hyphen=True,
            help="The file with your token there, or - to read the token from standard input.",
        ),
    ],
    channel: Annotated[
        str | None, Parameter(help="The channel that commands take without --channel.")
    ] = None,
) -> int:
    """Save a gateway and your token there under a name. The first one becomes current.

    A name that exists is replaced. With `--token-file -` the token is saved in a file
    of your own settings; else only the name of the file is.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a name for a context: take small letters, digits, dots and hyphens"
        )
    parts = urlsplit(server)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise UsageError("--server is a URL such as https://liaison.example.org, without a token")
    path = _token_file(name, token_file)
    contexts = saved_contexts.read(home())
    added = SavedContext(server=server.rstrip("/"), token_file=str(path), channel=channel)
    current = contexts.current if contexts.current in contexts.contexts else name
    saved_contexts.write(
        home(), SavedContexts(current=current, contexts=contexts.contexts | {name: added})
    )
    say(f"{name} is saved" + (", and current" if current == name else ""))
    await _tell_owner(added)
    return 0


def _token_file(name: str, file: str) -> Path:
    """Return the file with the token, written if the token came by standard input."""
    if file != "-":
        path = Path(file).expanduser().absolute()
        if not path.is_file():
            raise UsageError(f"there is no file {path}: put the token into it first")
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            say(f"others may read {path}: run chmod 600 on it")
        return path
    token = sys.stdin.read().strip()
    if not token:
        raise UsageError("no token came by standard input")
    path = home() / "tokens" / name
    write_secret(path, f"{token}\n".encode())
    return path


async def _tell_owner(added: SavedContext) -> None:
    """Say for whom the token speaks, or that the gateway did not answer."""
    target = Target(server=added.server, token_file=Path(added.token_file))
    try:
        async with connected(target) as caller:
            me = (await caller.call("GET", "/v1/me")).json()
    except Unreachable as error:
        say(f"the gateway was not asked: {error}")
    except ProblemResponse as error:
        say(f"the gateway does not take this token: {error.problem.detail}")
    else:
        channels = ", ".join(me.get("channels") or ()) or "no channel yet"
        say(f"the token speaks for {me['actor']} in {channels}")


@context.command
def use(name: Annotated[str, Parameter(help="The name of the context.")]) -> int:
    """Make a context the current one, which commands take if nothing else is named."""
    contexts = saved_contexts.read(home())
    _known(contexts, name)
    saved_contexts.write(home(), SavedContexts(current=name, contexts=contexts.contexts))
    say(f"{name} is current: {contexts.contexts[name].server}")
    return 0


@context.command(name="list")
def list_(*, json: Annotated[bool, Parameter(negative=(), help="Print JSON.")] = False) -> int:
    """List the contexts, and mark the current one."""
    contexts = saved_contexts.read(home())
    rows = [
        [
            "*" if name == contexts.current else "",
            name,
            saved.server,
            saved.channel or "",
            saved.token_file
            if Path(saved.token_file).exists()
            else f"{saved.token_file} (missing)",
        ]
        for name, saved in sorted(contexts.contexts.items())
    ]
    if json:
        out_json(
            [
                {
                    "name": name,
                    "current": bool(current),
                    "server": server,
                    "channel": channel or None,
                }
                for current, name, server, channel, _ in rows
            ]
        )
    elif rows:
        table(rows, ["", "NAME", "SERVER", "CHANNEL", "TOKEN FILE"])
    else:
        say("no context is saved yet: dragoman context add NAME --server URL --token-file FILE")
    return 0


@context.command
def remove(name: Annotated[str, Parameter(help="The name of the context.")]) -> int:
    """Remove a context, and its token if it was saved with the context.

    The token stays valid: the operator revokes it.
    """
    contexts = saved_contexts.read(home())
    removed = _known(contexts, name)
    rest = {other: saved for other, saved in contexts.contexts.items() if other != name}
    current = "" if contexts.current == name else contexts.current
    saved_contexts.write(home(), SavedContexts(current=current, contexts=rest))
    token_file = Path(removed.token_file)
    if token_file.parent == home() / "tokens":
        token_file.unlink(missing_ok=True)
    say(f"{name} is removed; its token is valid until it is revoked")
    return 0


def _known(contexts: SavedContexts, name: str) -> SavedContext:
    if name not in contexts.contexts:
        names = ", ".join(sorted(contexts.contexts)) or "none"
        raise UsageError(f"there is no context {name}; saved: {names}")
    return contexts.contexts[name]

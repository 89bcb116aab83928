"""The command `dragoman quickstart`: a host, a first channel and four tokens."""

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import aiohttp
from cyclopts import Parameter

from dragoman import bootstrap
from dragoman.cli import demo, serve
from dragoman.cli.common import UsageError, out, say
from dragoman.client import Client, ProblemResponse
from dragoman.domain.record.codec import is_name
from dragoman.eventlog.broker import write_secret
from dragoman.lifecycle import Lifecycle
from dragoman.settings import Settings

FILE: Final = "quickstart.json"
TOKENS: Final = "tokens"
PROFILE: Final = "default"
_OFFICERS: Final = {
    "d-1": ("officer", "duty_officer", "head_of_office", "auditor"),
    "adm-1": ("administrator",),
}
"""The officers of each side with their roles: who talks, and who administers."""


def quickstart(
    channel: Annotated[str, Parameter(help="The name of the first channel.")] = "first-channel",
    *,
    sides: Annotated[
        tuple[str, str], Parameter(help="The names of its two sides, such as nato china.")
    ] = ("north", "south"),
    data: serve.Data = None,
    port: serve.Port = None,
    host: serve.Host = None,
    log_level: serve.LogLevel = None,
    config: serve.Config = None,
) -> int:
    """Run a host with a channel of two sides, and print its page and four tokens.

    It is `dragoman up`, and the first channel is opened as a trial, in which the host
    keeps the keys of both sides. The tokens are in DIR/quickstart.json, and one a file
    in DIR/tokens, for --token-file. A second start goes on with what is there.
    """
    for name in (channel, *sides):
        if not is_name(name):
            raise UsageError(
                f"{name} is not a name: names have small letters, digits and single hyphens"
            )
    if sides[0] == sides[1]:
        raise UsageError("the two sides have different names")
    flags = {
        "data": data,
        "http__port": port,
        "http__host": host,
        "log__level": log_level or "warning",
    }
    settings = serve.settings_of(config, flags)
    main = partial(_run, settings, channel=channel, sides=sides)
    serve.run("up", settings, main, partial(serve.read_settings, config, flags))
    return 0


async def _run(
    settings: Settings, lifecycle: Lifecycle, *, channel: str, sides: tuple[str, str]
) -> None:
    bootstrap.initialise(settings.data)
    async with (
        bootstrap.broker_of(settings) as endpoint,
        bootstrap.gateway(settings, endpoint, lifecycle, whole=True) as running,
    ):
        bootstrap.write_server_file(settings.data, running.base_url, endpoint)
        session = aiohttp.ClientSession(connector=demo.connector(settings.http.certificate))
        async with session:
            begun = await _begun(session, settings.data, running.own_url, channel, sides)
        _introduce(running.base_url, begun, settings.data / FILE)
        out(running.base_url)
        await lifecycle.until_stopped(settings.http.drain_s)


async def _begun(
    session: aiohttp.ClientSession, data: Path, url: str, channel: str, sides: tuple[str, str]
) -> dict[str, Any]:
    """Open the channel and issue the tokens, or return those of an earlier start."""
    path = data / FILE
    if path.exists():
        begun: dict[str, Any] = json.loads(path.read_text())
        return begun
    operator = Client(session, url, (data / "operator.token").read_text().strip())
    officers = [
        {"side": side, "officer": name, "office": "secretariat", "roles": roles}
        for side in sides
        for name, roles in _OFFICERS.items()
    ]
    opening = {"name": channel, "sides": sides, "officers": officers}
    try:
        await operator.call("POST", "/v1/channels", json.dumps(opening).encode())
    except ProblemResponse as error:
        if not error.problem.type.endswith("/exists"):
            raise
    tokens = {}
    for side in sides:
        for name in _OFFICERS:
            body = {"actor": f"{side}/{name}", "channels": [channel], "label": "quickstart"}
            answer = await operator.call("POST", "/v1/tokens", json.dumps(body).encode())
            issued = answer.json()
            tokens[f"{side}/{name}"] = issued["token"]
    for side in sides:
        act = json.dumps({"act": "profile-adoption", "profile": PROFILE}).encode()
        administrator = Client(session, url, tokens[f"{side}/adm-1"])
        await administrator.post(channel, act, key=f"quickstart-adopts-{channel}-{side}")
    for actor, token in tokens.items():
        write_secret(data / TOKENS / actor.replace("/", "-"), f"{token}\n".encode())
    ends = issued.get("expires", "")
    begun = {"channel": channel, "sides": sides, "tokens": tokens, "expires": ends}
    write_secret(path, f"{json.dumps(begun, indent=1)}\n".encode())
    return begun


def _introduce(base_url: str, begun: dict[str, Any], path: Path) -> None:
    say("")
    say(f"  Open {base_url}/ and sign in with a token. Channel: {begun['channel']}.")
    if begun.get("expires"):
        say(f"  The tokens end {begun['expires'][:10]}; `dragoman token issue` gives others.")
    say("")
    width = max(map(len, begun["tokens"]))
    for actor, token in begun["tokens"].items():
        what = "administers" if actor.endswith("/adm-1") else "writes and reads"
        say(f"  {actor.ljust(width)}  {token}  {what}")
    say("")
    say(f"  They are in {path} too. Sign in as the other side in another browser.")
    say("  The host keeps the keys of both sides: this is a trial. Ctrl-C stops it.")
    say("")

"""The command `dragoman health`, which asks a process on this machine for its state."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any, Final, Literal

import aiohttp
from cyclopts import Parameter

from dragoman.admin_door import PORTS
from dragoman.cli.common import FAILED, UNREACHABLE, UsageError, out, out_json, say
from dragoman.settings import Settings, load

_SECONDS: Final = 5.0

Service = Literal["up", "gateway", "scheduler", "notifier", "signer", "witness", "mirror"]


async def health(
    service: Annotated[
        Service, Parameter(help="The service to ask. It decides the port, if none is set.")
    ] = "gateway",
    *,
    json: Annotated[bool, Parameter(negative=(), help="Print the answer as JSON.")] = False,
    quiet: Annotated[
        bool, Parameter(negative=(), help="Print nothing if the service is ready.")
    ] = False,
) -> int:
    """Ask a service at the operator's address whether it is ready, and print why not.

    The address is that of the settings `[admin]`. The exit code is 0 if the service is
    ready, 1 if it is not, and 6 if nothing answers. A service is ready although
    something is wrong with the host as a whole: that is printed all the same, and
    `dragoman doctor` fails for it.
    """
    settings, _ = load()
    try:
        status, answer = await _answer(settings, service)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        say(
            f"dragoman: nothing answers at {address_of(settings, service)}: "
            f"{error or type(error).__name__}; see that the service runs, and that [admin] here "
            "names its address"
        )
        return UNREACHABLE
    is_ready = status == 200
    if json:
        out_json(answer)
    elif not (quiet and is_ready):
        for check in answer.get("checks", ()):
            why = f": {check['detail']}" if check.get("detail") else ""
            out(f"{'ok  ' if check['ok'] else 'FAIL'}  {check['name']}{why}")
        out(answer["status"])
    return 0 if is_ready else FAILED


async def _answer(settings: Settings, service: str) -> tuple[int, dict[str, Any]]:
    socket = settings.admin.socket
    connector = None if socket is None else aiohttp.UnixConnector(str(socket))
    url = "http://admin" if socket is not None else address_of(settings, service)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        asyncio.timeout(_SECONDS),
        session.get(f"{url}/readyz") as answer,
    ):
        body: dict[str, Any] = {}
        with suppress(ValueError, aiohttp.ContentTypeError):
            body = await answer.json()
        if "status" not in body:
            raise OSError("what answers there is not a process of Dragoman")
        return answer.status, body


def address_of(settings: Settings, service: str) -> str:
    """Return the operator's address of a service. Raises `UsageError` if it is off."""
    admin = settings.admin
    if admin.socket is not None:
        return str(admin.socket)
    port = PORTS[service] if admin.port is None else admin.port
    if port == 0:
        raise UsageError("admin.port is 0, which turns the address off: name the service's port")
    host = f"[{admin.host}]" if ":" in admin.host else admin.host
    return f"http://{host}:{port}"

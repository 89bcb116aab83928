"""The commands `dragoman serve witness` and `dragoman witness`.

A side's own witness cosigns the heads of a log that the side mirrors. The side can hold
it.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final

from aiohttp import web
from cyclopts import App, Parameter

from dragoman import admin_door, metrics, telemetry
from dragoman.application.clock import utc_now
from dragoman.audit.mirror import Mirror
from dragoman.cli.audit.mirror import (
    follow,
    mirror_conditions,
    mirror_measurement,
    mirror_of,
    sign_off,
    verdict,
    verify_again,
)
from dragoman.cli.common import EVERYWHERE, Target, UsageError, channel_of, connected, out, say
from dragoman.cli.signature import seed_of
from dragoman.lifecycle import Lifecycle
from dragoman.server.connections import Connections, connections_room
from dragoman.server.headers import set_headers
from dragoman.server.listener import bind
from dragoman.settings import load
from dragoman.supervision import cancel_until_ended
from dragoman.tlog.dsse import public_of
from dragoman.tlog.note import COSIGNATURE, NotANote, Verifier
from dragoman.witness import SILENT_SECONDS, CosigningWitness

_REQUEST_BYTES: Final = 2 * 2**20
_BODY_SECONDS: Final = 5.0
"""Seconds for which a body may take to arrive. A client waits for a second."""
_IDLE_SECONDS: Final = 75.0
_CONNECTIONS: Final = 100
"""Connections of one address. A log and a few monitors need one each."""
_LOOK_SECONDS: Final = 5.0

witness = App(
    name="witness", help="Hold and release your side's witness, and print its verifier key."
)

Name = Annotated[
    str,
    Parameter(
        help="The name in the witness's verifier key: a URL without a scheme, "
        "like nato.example/witness."
    ),
]


@witness.command
def key(
    file: Annotated[Path, Parameter(help="The file of the witness's key.")], *, name: Name
) -> int:
    """Print the verifier key of the witness whose key is in FILE.

    The settings of the log and every auditor name that verifier key.
    """
    out(str(Verifier(name, COSIGNATURE, public_of(seed_of(file)))))
    return 0


@witness.command
def hold(folder: Annotated[Path, Parameter(help="The folder of the witness.")]) -> int:
    """Cosign nothing until the witness is released.

    Records that are posted meanwhile are not final.
    """
    (folder / "held").touch()
    say(f"the witness in {folder} is held")
    return 0


@witness.command
def release(folder: Annotated[Path, Parameter(help="The folder of the witness.")]) -> int:
    """Let a held witness cosign again."""
    (folder / "held").unlink(missing_ok=True)
    say(f"the witness in {folder} cosigns")
    return 0


async def serve_witness(
    folder: Annotated[
        Path, Parameter(help="The folder of your side's copy. It is made if it does not exist.")
    ],
    *,
    key: Annotated[
        Path,
        Parameter(
            help="The witness's key, made with `dragoman keys new` and used for nothing else."
        ),
    ],
    name: Name,
    cid: Annotated[
        str, Parameter(help="The channel's id, from your own side's notes of the opening.")
    ],
    log: Annotated[
        str,
        Parameter(help="The verifier key of the log, from your own side's notes of the opening."),
    ],
    host: Annotated[str, Parameter(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="The port to listen on.")] = 8475,
    from_start: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Verify every kept record again, and not only those after the last audit.",
        ),
    ] = False,
    target: Target = EVERYWHERE,
) -> int:
    """Mirror a log into FOLDER and cosign its heads.

    A head is cosigned only when every record of it is here and verified. The witness
    ends at the first fault of the log.
    """
    mirror, state = mirror_of(folder, cid, log, from_start=from_start)
    try:
        cosigner = CosigningWitness(mirror, folder, name, seed_of(key), now=utc_now)
        verify_again(mirror, state)
        if mirror.lie is None:
            settings, _ = load()
            lifecycle = Lifecycle("witness")
            async with lifecycle.running(), admin_door.opened(settings, lifecycle) as door:
                door.check = mirror_conditions(mirror)
                door.measurements.append(mirror_measurement(mirror))
                await _cosign(mirror, cosigner, (host, port), target, lifecycle)
            sign_off(mirror, state)
    except NotANote as error:
        raise UsageError(
            f"the cosigned head in {folder} is not a head of this log: {error}"
        ) from None
    finally:
        mirror.close()
        state.close()
    return verdict(mirror)


async def _cosign(
    mirror: Mirror,
    cosigner: CosigningWitness,
    address: tuple[str, int],
    target: Target,
    lifecycle: Lifecycle,
) -> None:
    host, port = address
    async with listening(mirror, cosigner, host, port) as listened_at:
        out(f"http://{host}:{listened_at}")
        say(f"cosigning as {cosigner.verifier}")
        lifecycle.serves()
        async with connected(target) as caller:
            following = asyncio.create_task(
                follow(
                    mirror,
                    caller,
                    await channel_of(target, caller),
                    once=False,
                    event=cosigner.wanted,
                )
            )
            silence = asyncio.create_task(_watch(cosigner))
            stopped = asyncio.create_task(lifecycle.until_stopped())
            done, pending = await asyncio.wait(
                (following, silence, stopped), return_when=asyncio.FIRST_COMPLETED
            )
            await cancel_until_ended(pending)
            for task in done:
                task.result()


@asynccontextmanager
async def listening(
    mirror: Mirror, cosigner: CosigningWitness, host: str, port: int
) -> AsyncIterator[int]:
    """Yield the port at which a witness answers.

    Its connections have the limits of a gateway's: anybody who reaches the port may
    open some. Raises `BrokerError` if the address cannot be used.
    """
    listener = bind(host, port)
    runner = web.AppRunner(application(mirror, cosigner), shutdown_timeout=2.0)
    await runner.setup()
    connections = Connections(
        listener,
        per_address=_CONNECTIONS,
        most=connections_room(),
        keepalive_timeout=_IDLE_SECONDS,
        access_log=None,
        auto_decompress=False,
    )
    assert runner.server is not None
    connections.start(runner.server, _reject)
    try:
        yield int(listener.getsockname()[1])
    finally:
        connections.close()
        await runner.cleanup()


def _reject(request: web.BaseRequest, status: int, error: BaseException | None) -> web.Response:
    """Answer a request that is not valid HTTP, without its bytes."""
    telemetry.request_done(
        {"status": status, "address": request.remote or "", "error": type(error).__name__}
    )
    return _short(status)


def _short(status: int) -> web.Response:
    """Return an answer that says no more than its status."""
    response = web.Response(status=status, text=f"{HTTPStatus(status).phrase}\n")
    set_headers(response.headers, "/", secure=False)
    return response


def _last(status: int) -> web.Response:
    """Return an answer to a body that is not read, and close the connection."""
    response = _short(status)
    response.force_close()
    return response


@web.middleware
async def _answered(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Add the headers of every answer. An error names no version and quotes nothing."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        response = _short(error.status)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
    set_headers(response.headers, "/", secure=False)
    return response


async def _watch(cosigner: CosigningWitness) -> None:
    """Warn the side when nobody has asked for a cosignature for long."""
    warned = False
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        silent = cosigner.silent > SILENT_SECONDS
        if silent and not warned:
            say(f"no head was brought for {SILENT_SECONDS / 60:g} minutes: ask the host why")
        warned = silent


def application(mirror: Mirror, cosigner: CosigningWitness) -> web.Application:
    """Return the HTTP application of a witness.

    It serves `add-checkpoint`, and the newest cosigned head for monitors.
    """
    origin = hashlib.sha256(mirror.log.name.encode()).hexdigest()

    async def add(request: web.Request) -> web.Response:
        if (request.content_length or 0) > _REQUEST_BYTES:
            return _last(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                raw = await request.read()
        except TimeoutError:
            return _last(HTTPStatus.REQUEST_TIMEOUT)
        answer = await cosigner.add(raw)
        (metrics.COSIGNED if answer.status == 200 else metrics.COSIGN_REFUSED).inc()
        return web.Response(
            status=answer.status, body=answer.body, headers={"Content-Type": answer.media}
        )

    async def newest(request: web.Request) -> web.Response:
        newest = cosigner.newest if request.match_info["origin"] == origin else None
        if newest is None:
            return web.Response(status=404, text="nothing of that origin was cosigned here\n")
        return web.Response(
            body=newest,
            headers={"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "max-age=5"},
        )

    app = web.Application(client_max_size=_REQUEST_BYTES, middlewares=[_answered])
    app.router.add_post("/add-checkpoint", add)
    app.router.add_get("/{origin}/checkpoint", newest)
    return app

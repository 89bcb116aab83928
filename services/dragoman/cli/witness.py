"""The commands `dragoman serve witness` and `dragoman witness`.

A side's own witness cosigns the heads of a log that the side mirrors. The side can hold
it.
"""

import asyncio
import hashlib
from pathlib import Path
from typing import Annotated, Final

from aiohttp import web
from cyclopts import App, Parameter

from dragoman import admin_door, metrics
from dragoman.application.clock import utc_now
from dragoman.audit.mirror import Mirror
from dragoman.cli.audit.mirror import (
    follow,
    mirror_health,
    mirror_measurement,
    mirror_of,
    verdict,
)
from dragoman.cli.common import EVERYWHERE, Target, UsageError, channel_of, connected, out, say
from dragoman.cli.signature import seed_of
from dragoman.lifecycle import Lifecycle
from dragoman.settings import load
from dragoman.supervision import cancel_until_ended
from dragoman.tlog.dsse import public_of
from dragoman.tlog.note import COSIGNATURE, NotANote, Verifier
from dragoman.witness import SILENT_SECONDS, CosigningWitness

_REQUEST_BYTES: Final = 2 * 2**20
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
def key(file: Path, *, name: Name) -> int:
    """Print the verifier key of the witness whose key is in FILE.

    The settings of the log and every auditor name that verifier key.
    """
    out(str(Verifier(name, COSIGNATURE, public_of(seed_of(file)))))
    return 0


@witness.command
def hold(folder: Path) -> int:
    """Cosign nothing until the witness is released.

    Records that are posted meanwhile are not final.
    """
    (folder / "held").touch()
    say(f"the witness in {folder} is held")
    return 0


@witness.command
def release(folder: Path) -> int:
    """Let a held witness cosign again."""
    (folder / "held").unlink(missing_ok=True)
    say(f"the witness in {folder} cosigns")
    return 0


async def serve_witness(
    folder: Path,
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
    target: Target = EVERYWHERE,
) -> int:
    """Mirror a log into FOLDER and cosign its heads.

    A head is cosigned only when every record of it is here and verified. The witness
    ends at the first fault of the log.
    """
    mirror = mirror_of(folder, cid, log)
    try:
        cosigner = CosigningWitness(mirror, folder, name, seed_of(key), now=utc_now)
        mirror.again()
        if mirror.lie is None:
            settings, _ = load()
            lifecycle = Lifecycle("witness")
            async with lifecycle.running(), admin_door.opened(settings, lifecycle) as door:
                door.readiness = mirror_health(mirror)
                door.measurements.append(mirror_measurement(mirror))
                await _cosign(mirror, cosigner, (host, port), target, lifecycle)
    except NotANote as error:
        raise UsageError(
            f"the cosigned head in {folder} is not a head of this log: {error}"
        ) from None
    finally:
        mirror.close()
    return verdict(mirror)


async def _cosign(
    mirror: Mirror,
    cosigner: CosigningWitness,
    address: tuple[str, int],
    target: Target,
    lifecycle: Lifecycle,
) -> None:
    host, port = address
    runner = web.AppRunner(application(mirror, cosigner))
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    out(f"http://{host}:{runner.addresses[0][1]}")
    say(f"cosigning as {cosigner.verifier}")
    lifecycle.serves()
    try:
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
    finally:
        await runner.cleanup()


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
        answer = await cosigner.add(await request.read())
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

    app = web.Application(client_max_size=_REQUEST_BYTES)
    app.router.add_post("/add-checkpoint", add)
    app.router.add_get("/{origin}/checkpoint", newest)
    return app

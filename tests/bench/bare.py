"""The bare program that the service is compared with: it decodes a post and awaits its publication,
and nothing else.

    bare.py [--uvloop] DATA CHANNEL

Has a broker of its own, with the service's configuration, users and stream settings, runs on the
event loop that the service runs on, and prints its URL once it listens.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import nats
from aiohttp import web
from nats.js import JetStreamContext

from dragoman import bootstrap, telemetry
from dragoman.eventlog import broker, stream_config
from dragoman.eventlog.nats_connection import connected
from dragoman_schemas.acts.notification.danger_area import DangerArea
from dragoman_schemas.acts.notification.emergency_notification import EmergencyNotification
from dragoman_schemas.acts.notification.encounter_report import EncounterReport
from dragoman_schemas.acts.notification.hazardous_incident import HazardousIncident

T = TypeVar("T")

_decode: Final = msgspec.json.Decoder(
    HazardousIncident | EncounterReport | DangerArea | EmergencyNotification
).decode


def application(jetstream: JetStreamContext, channel: str) -> web.Application:
    async def post(request: web.Request) -> web.Response:
        body = await request.read()
        _decode(body)
        key = request.headers["Idempotency-Key"]
        headers = {"Nats-Msg-Id": key, "Nats-Expected-Last-Subject-Sequence": "0"}
        kept = await jetstream.publish(
            f"dragoman.v1.{channel}.notification.{key}", body, headers=headers
        )
        return web.Response(
            body=b'{"position":%d}' % kept.seq, status=201, content_type="application/json"
        )

    app = web.Application()
    app.router.add_post("/v1/channels/{channel}/notifications", post)
    return app


def run(main: Coroutine[Any, Any, T], *, uvloop: bool) -> T:
    """Run a program on the one event loop or the other."""
    factory = None
    if uvloop:
        from uvloop import new_event_loop

        factory = new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


async def serve(data: Path, channel: str) -> None:
    async with broker.supervised(data, broker.find()) as endpoint:
        async with connected(endpoint.url, "steward", endpoint.seed("steward")) as steward:
            await stream_config.create(steward, channel)
        client = await nats.connect(
            endpoint.url, nkeys_seed=str(endpoint.seed("gateway")), inbox_prefix=b"_INBOX_gateway"
        )
        runner = web.AppRunner(application(client.jetstream(), channel), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        bootstrap.write_server_file(data, f"http://{host}:{port}", endpoint)
        sys.stdout.write(f"http://{host}:{port}\n")
        sys.stdout.flush()
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await stopped.wait()
        await runner.cleanup()
        await client.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("channel")
    parser.add_argument("--uvloop", action="store_true", help="on uvloop, as the service")
    given = parser.parse_args()
    telemetry.configure("json")
    run(serve(given.data, given.channel), uvloop=given.uvloop)


if __name__ == "__main__":
    main()

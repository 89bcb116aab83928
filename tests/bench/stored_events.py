"""A small program on pyeventsourcing and PostgreSQL that takes the posts of the load.

    stored_events.py PORT USER PASSWORD_FILE     the port and the account of PostgreSQL

Each post becomes an aggregate with one event of its own. The library is synchronous, so that
threads wait for the database, one for each connection to it. Prints its URL once it
listens. Runs on the Python of `requirements/peers.lock`, without the service.
"""

import argparse
import asyncio
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
import uvloop
from aiohttp import web
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

_POOL: Final = 8
"""Connections to the database: 4 and 16 were slower."""


class Notification(Aggregate):  # type: ignore[misc]
    """An aggregate for one posted act, whose id is the key of the post."""

    @event("Posted")  # type: ignore[untyped-decorator]
    def __init__(self, key: str, act: str) -> None:
        self.key = key
        self.act = act

    @staticmethod
    def create_id(key: str) -> UUID:
        """Return the key as a UUID."""
        return UUID(key)


def application(log: Application[UUID], threads: ThreadPoolExecutor) -> web.Application:
    decode = msgspec.json.Decoder(dict[str, Any]).decode

    def append(key: str, act: str) -> int:
        recorded = log.save(Notification(key=key, act=act))
        return int(recorded[0].notification.id)

    async def post(request: web.Request) -> web.Response:
        body = await request.read()
        decode(body)
        position = await asyncio.get_running_loop().run_in_executor(
            threads, append, request.headers["Idempotency-Key"], body.decode()
        )
        return web.Response(
            body=b'{"position":%d}' % position, status=201, content_type="application/json"
        )

    app = web.Application()
    app.router.add_post("/v1/channels/{channel}/notifications", post)
    return app


async def serve(port: str, user: str, password: str) -> None:
    log: Application[UUID] = Application(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_HOST": "127.0.0.1",
            "POSTGRES_PORT": port,
            "POSTGRES_USER": user,
            "POSTGRES_PASSWORD": password,
            "POSTGRES_DBNAME": "postgres",
            "POSTGRES_POOL_SIZE": str(_POOL),
            "POSTGRES_ENABLE_DB_FUNCTIONS": "y",
        }
    )
    with ThreadPoolExecutor(_POOL) as threads:
        runner = web.AppRunner(application(log, threads), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        sys.stdout.write(f"http://{host}:{port}\n")
        sys.stdout.flush()
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await stopped.wait()
        await runner.cleanup()
    log.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("port", "user", "password_file"):
        parser.add_argument(name)
    given = parser.parse_args()
    password = Path(given.password_file).read_text()
    uvloop.run(serve(given.port, given.user, password))

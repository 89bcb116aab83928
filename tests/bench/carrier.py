"""Receivers of messages, in a process of their own: a mail server, and services that speak the HTTP
of ntfy, Gotify and an SMS gateway. One more port takes connections and never answers.

    carrier.py

Prints one JSON object with its ports, and then a line for each message: the way, the time at which
it arrived, and whether it is about a flash. It ends with its standard input.
"""

import asyncio
import json
import socket
import sys
import time
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session


def _arrived(way: str, text: str) -> None:
    line = {"way": way, "at": time.time(), "flash": "FLASH" in text}
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()


async def _push(request: web.Request) -> web.Response:
    _arrived("ntfy", (await request.json())["title"])
    return web.json_response({"id": "1"})


async def _message(request: web.Request) -> web.Response:
    _arrived("gotify", (await request.json())["title"])
    return web.json_response({"id": 1})


async def _sms(request: web.Request) -> web.Response:
    _arrived("sms", (await request.json())["params"]["message"])
    return web.json_response({"result": {"message_id": "1", "status": "ok"}})


class _Mails:
    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content: Any = envelope.content
        _arrived("mail", content.decode(errors="replace"))
        return "250 OK"


async def _main() -> None:
    app = web.Application()
    app.router.add_post("/", _push)
    app.router.add_post("/message", _message)
    app.router.add_post("/jsonrpc/sms", _sms)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    mails = await asyncio.get_running_loop().create_server(lambda: SMTP(_Mails()), "127.0.0.1", 0)
    silent = socket.create_server(("127.0.0.1", 0), backlog=1024)
    ports = {
        "http": runner.addresses[0][1],
        "mail": mails.sockets[0].getsockname()[1],
        "silent": silent.getsockname()[1],
    }
    sys.stdout.write(f"{json.dumps(ports)}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    mails.close()
    silent.close()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_main())

"""Services that carry messages to people, in the test's own process: they speak the documented HTTP
of ntfy, Gotify, an SMS gateway (SMSEagle), Twilio's calls and a voice gateway that takes JSON. They
keep what they were sent.
"""

import asyncio
import base64
import json
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from patience import PATIENCE_S

SMS_TOKEN = "k" * 20
GOTIFY_TOKEN = "A" * 15
TWILIO_ACCOUNT = f"AC{'0f' * 16}"
TWILIO_TOKEN = "5e" * 16
TWILIO_HOST = "api.twilio.com"
TWILIO_ADDRESS = "127.64.0.1"
"""The loopback address at which the tests' Twilio listens: the plug-in knows its name alone."""


class Carrier:
    """A machine with three services, and the messages that people have got from them: each the
    service, the recipient, the title with the text, and when it came.
    """

    def __init__(self) -> None:
        self.port = 0
        self.delay = 0.0
        self.status = 200
        self.got: list[tuple[str, str, str, float]] = []
        self.arrived = 0

    def _take(self, service: str, recipient: str, text: str) -> None:
        self.got.append((service, recipient, text, time.time()))

    async def publish(self, request: web.Request) -> web.Response:
        """ntfy: a POST of JSON to the root, with the topic inside."""
        body = await request.json()
        self.arrived += 1
        await asyncio.sleep(self.delay)
        if self.status == 200:
            self._take("ntfy", body["topic"], f"{body.get('title', '')}\n{body['message']}")
        return web.json_response({"id": "1", "topic": body["topic"]}, status=self.status)

    async def message(self, request: web.Request) -> web.Response:
        """Gotify: a POST of JSON, with the application's token in a header."""
        token = request.headers.get("X-Gotify-Key", "")
        if token != GOTIFY_TOKEN:
            return web.json_response({"error": "Unauthorized"}, status=401)
        body = await request.json()
        self._take("gotify", "", f"{body['title']}\n{body['message']}")
        return web.json_response({"id": 1})

    async def send_sms(self, request: web.Request) -> web.Response:
        """SMSEagle: a JSON-RPC call with the access token in its parameters."""
        parameters = (await request.json())["params"]
        if parameters["access_token"] != SMS_TOKEN:
            return web.json_response({"result": {"error_text": "Invalid token", "status": "error"}})
        self._take("sms", parameters["to"], parameters["message"].replace("\r\n", "\n"))
        return web.json_response({"result": {"message_id": "1", "status": "ok"}})

    async def call(self, request: web.Request) -> web.Response:
        """A voice gateway: a POST of JSON, with the number and the language in its path."""
        body = await request.json()
        place = request.match_info
        self._take(f"call {place['language']}", place["to"], f"{body['title']}\n{body['message']}")
        return web.json_response({"queued": True}, status=202)

    async def call_by_twilio(self, request: web.Request) -> web.Response:
        """Twilio: a form for the account's calls, with the account and its token as Basic."""
        account = request.match_info["account"]
        secrets = base64.b64encode(f"{TWILIO_ACCOUNT}:{TWILIO_TOKEN}".encode()).decode()
        if account != TWILIO_ACCOUNT or request.headers.get("Authorization") != f"Basic {secrets}":
            problem = {"code": 20003, "message": "Authenticate", "status": 401}
            return web.json_response(problem, status=401)
        form = await request.post()
        self._take(f"twilio from {form['From']!s}", f"{form['To']!s}", f"{form['Twiml']!s}")
        return web.json_response({"sid": f"CA{'1' * 32}", "status": "queued"}, status=201)

    async def elsewhere(self, request: web.Request) -> web.Response:
        """A service that sends its callers to another path."""
        await request.read()
        raise web.HTTPTemporaryRedirect(f"http://127.0.0.1:{self.port}/")

    async def until(self, count: int, seconds: float = PATIENCE_S) -> None:
        """Wait until people have got so many."""
        async with asyncio.timeout(seconds):
            while len(self.got) < count:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def at_twilio(carrier: Carrier, folder: Path) -> AsyncIterator[dict[str, str]]:
    """Twilio's calls at a carrier, over TLS; yields the environment in which its name leads there.

    The lookup of one name and the authority that vouches for it are all that differs from a host
    that is connected to the world. Raises `PermissionError` where port 443 is not ours.
    """
    chain, key = folder / "twilio.pem", folder / "twilio.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", f"/CN={TWILIO_HOST}"]
    command += ["-addext", f"subjectAltName=DNS:{TWILIO_HOST}", "-out", str(chain)]
    subprocess.run([*command, "-keyout", str(key)], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    app = web.Application()
    app.router.add_post("/2010-04-01/Accounts/{account}/Calls.json", carrier.call_by_twilio)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, TWILIO_ADDRESS, 443, ssl_context=context).start()
        (folder / "sitecustomize.py").write_text(
            "import socket\n"
            "lookup = socket.getaddrinfo\n"
            "def looked_up(host, *more, **named):\n"
            f"    place = {TWILIO_ADDRESS!r} if host == {TWILIO_HOST!r} else host\n"
            "    return lookup(place, *more, **named)\n"
            "socket.getaddrinfo = looked_up\n"
        )
        yield {"PYTHONPATH": str(folder), "REQUESTS_CA_BUNDLE": str(chain.resolve())}
    finally:
        await runner.cleanup()


@asynccontextmanager
async def carrying() -> AsyncIterator[Carrier]:
    """The services on loopback."""
    carrier = Carrier()
    app = web.Application()
    app.router.add_post("/", carrier.publish)
    app.router.add_post("/message", carrier.message)
    app.router.add_post("/jsonrpc/sms", carrier.send_sms)
    app.router.add_post("/call/{language}/{to}", carrier.call)
    app.router.add_post("/away/", carrier.elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    carrier.port = runner.addresses[0][1]
    yield carrier
    await runner.cleanup()


def ways_of(carrier: Carrier, folder: Path) -> list[dict[str, Any]]:
    """The ways of an operator who uses these services, with the files that they name."""
    secrets = f"{TWILIO_ACCOUNT}:{TWILIO_TOKEN}"
    addresses = {
        "twilio": f"twilio://{secrets}@+15550100200/{{to}}?method=call",
        "voice": f"json://127.0.0.1:{carrier.port}/call/{{language}}/{{to}}",
        "push": f"ntfy://127.0.0.1:{carrier.port}/{{to}}",
        "sms": f"smseagle://{SMS_TOKEN}@127.0.0.1:{carrier.port}/{{to}}",
    }
    for name, address in addresses.items():
        path = folder / f"{name}.url"
        path.touch(mode=0o600)
        path.write_text(f"{address}\n")
    return [
        {"name": "push", "title": "Push", "to": "topic", "url_file": str(folder / "push.url")},
        {"name": "sms", "title": "SMS", "url_file": str(folder / "sms.url")},
        {"name": "pager", "title": "House pager", "to": "url", "services": ["gotify"]},
    ]


def calls_of(folder: Path) -> list[dict[str, Any]]:
    """The ways of an operator who uses two services that place calls, after `ways_of`."""
    return [
        {"name": name, "title": title, "spoken": True, "url_file": str(folder / f"{name}.url")}
        for name, title in (("twilio", "Call"), ("voice", "House exchange"))
    ]


def settings_of(ways: list[dict[str, Any]], **more: str) -> dict[str, str]:
    """The environment of a service with these ways, which may call loopback."""
    return {
        "DRAGOMAN_COURIER__PRIVATE_NETWORKS": '["127.0.0.0/8"]',
        "DRAGOMAN_COURIER__RETRIES_S": "[0.2, 0.2]",
        "DRAGOMAN_COURIER__WAYS": json.dumps(ways),
        **more,
    }

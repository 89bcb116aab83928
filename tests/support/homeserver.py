"""A real Matrix server (Synapse) on loopback, with two people and a room of theirs."""

import asyncio
import hashlib
import hmac
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from patience import PATIENCE_S
from ports import free_port

NAME = "liaison.example"
_SECRET = "registration"
_CONFIG = """\
server_name: {name}
pid_file: {folder}/homeserver.pid
listeners:
  - port: {port}
    bind_addresses: ["127.0.0.1"]
    type: http
    tls: false
    resources: [{{names: [client]}}]
database: {database}
log_config: {folder}/log.yaml
media_store_path: {folder}/media
registration_shared_secret: {secret}
macaroon_secret_key: macaroon
form_secret: form
signing_key_path: {folder}/signing.key
trusted_key_servers: []
report_stats: false
suppress_key_server_warning: true
rc_message: {{per_second: 1000, burst_count: 1000}}
rc_login:
  address: {{per_second: 1000, burst_count: 1000}}
  account: {{per_second: 1000, burst_count: 1000}}
"""
_LOG = """\
version: 1
handlers: {{file: {{class: logging.FileHandler, filename: {folder}/homeserver.log}}}}
root: {{level: WARNING, handlers: [file]}}
"""


@dataclass(frozen=True)
class Homeserver:
    """A running server. The bot writes into the room, and the officer reads there."""

    pid: int
    port: int
    bot_token: str
    officer_token: str
    room: str
    session: aiohttp.ClientSession

    async def texts(self) -> list[str]:
        """The messages that the officer sees in the room, the oldest first."""
        path = f"/_matrix/client/v3/rooms/{self.room}/messages?dir=b&limit=100"
        body = await _call(self.session, self.port, "GET", path, token=self.officer_token)
        return [
            event["content"]["body"]
            for event in reversed(body["chunk"])
            if event["type"] == "m.room.message"
        ]

    async def until(self, count: int) -> list[str]:
        """Wait until the officer sees so many."""
        async with asyncio.timeout(PATIENCE_S):
            while len(texts := await self.texts()) < count:
                await asyncio.sleep(0.05)
        return texts


@asynccontextmanager
async def homeserver(
    folder: Path, *, python: str = sys.executable, database: Mapping[str, Any] | None = None
) -> AsyncIterator[Homeserver]:
    """Start a server in a folder, enter both people, and stop it afterwards.

    Without a `database` it keeps a file of SQLite.
    """
    port = free_port()
    config = folder / "homeserver.yaml"
    database = database or {"name": "sqlite3", "args": {"database": f"{folder}/homeserver.db"}}
    config.write_text(
        _CONFIG.format(
            name=NAME, folder=folder, port=port, secret=_SECRET, database=json.dumps(database)
        )
    )
    (folder / "log.yaml").write_text(_LOG.format(folder=folder))
    command = [python, "-m", "synapse.app.homeserver", "--config-path", str(config)]
    await asyncio.to_thread(
        subprocess.run, [*command, "--generate-keys"], check=True, capture_output=True
    )
    with (folder / "output.log").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
    try:
        async with aiohttp.ClientSession() as session:
            await _started(session, port, process, folder)
            bot = await _registered(session, port, "duty-bot")
            officer = await _registered(session, port, "officer")
            room = (
                await _call(
                    session,
                    port,
                    "POST",
                    "/_matrix/client/v3/createRoom",
                    {"preset": "private_chat", "invite": [f"@officer:{NAME}"]},
                    token=bot,
                )
            )["room_id"]
            await _call(session, port, "POST", f"/_matrix/client/v3/join/{room}", {}, token=officer)
            yield Homeserver(process.pid, port, bot, officer, room, session)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)


async def _started(
    session: aiohttp.ClientSession, port: int, process: subprocess.Popen[bytes], folder: Path
) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            assert process.poll() is None, (folder / "output.log").read_text()[-2000:]
            try:
                await _call(session, port, "GET", "/_matrix/client/versions")
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
            else:
                return


async def _registered(session: aiohttp.ClientSession, port: int, name: str) -> str:
    """Enter a person by the shared secret of the server; the person's access token."""
    path = "/_synapse/admin/v1/register"
    nonce = (await _call(session, port, "GET", path))["nonce"]
    mac = hmac.new(_SECRET.encode(), digestmod=hashlib.sha1)
    mac.update(b"\0".join([nonce.encode(), name.encode(), b"password", b"notadmin"]))
    body = {
        "nonce": nonce,
        "username": name,
        "password": "password",
        "admin": False,
        "mac": mac.hexdigest(),
    }
    return str((await _call(session, port, "POST", path, body))["access_token"])


async def _call(
    session: aiohttp.ClientSession,
    port: int,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str = "",
) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"http://127.0.0.1:{port}{path}"
    async with session.request(method, url, json=body, headers=headers) as response:
        answer = await response.json(content_type=None)
        assert response.status == 200, answer
        return answer

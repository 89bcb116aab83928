"""A Firefox of the distribution as a browser that Playwright drives, over WebDriver BiDi.

Playwright starts a program, reads the address of its BiDi endpoint from its standard error, and
connects to it. It then sends `emulation.setMediaFeaturesOverride` for every browser context, even
if no colour scheme is asked for. Firefox 153 does not know this command, and Playwright gives up.
So the program is this module: it starts Firefox, prints the address of a relay, and passes every
message on. If Firefox does not know that one command, the relay reports success instead. A Firefox
that knows it answers itself.
"""

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession, ClientWebSocketResponse, web

FIREFOX: Final = Path("/usr/bin/firefox-esr")
OPTIONAL: Final = "emulation.setMediaFeaturesOverride"

_LISTENING: Final = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


def launcher(folder: Path, firefox: Path = FIREFOX) -> Path:
    """Write a program that starts Firefox behind the relay, and return its path."""
    program = folder / "firefox"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "{firefox}" "$@"\n')
    program.chmod(0o755)
    return program


class Relay:
    """A WebSocket endpoint in front of Firefox's own."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._optional: set[int] = set()

    async def start(self) -> str:
        """Listen on the loopback interface, and return the address."""
        app = web.Application()
        app.router.add_get("/session", self._serve)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return "ws://{}:{}".format(*runner.addresses[0])

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        playwright = web.WebSocketResponse(max_msg_size=0)
        await playwright.prepare(request)
        async with (
            ClientSession() as session,
            session.ws_connect(f"{self._endpoint}/session", max_msg_size=0) as firefox,
        ):
            answers = asyncio.create_task(self._answers(firefox, playwright))
            async for message in playwright:
                if OPTIONAL in message.data:
                    self._optional.add(json.loads(message.data)["id"])
                await firefox.send_str(message.data)
            answers.cancel()
        return playwright

    async def _answers(
        self, firefox: ClientWebSocketResponse, playwright: web.WebSocketResponse
    ) -> None:
        async for message in firefox:
            await playwright.send_str(
                self._answer(message.data) if self._optional else message.data
            )
        await playwright.close()

    def _answer(self, text: str) -> str:
        answer: dict[str, Any] = json.loads(text)
        if answer.get("id") not in self._optional:
            return text
        self._optional.discard(answer["id"])
        if answer.get("error") != "unknown command":
            return text
        return json.dumps({"type": "success", "id": answer["id"], "result": {}})


async def run(*command: str) -> int:
    """Run Firefox behind the relay until it ends; return its exit code."""
    process = await asyncio.create_subprocess_exec(*command, stderr=PIPE)
    try:
        await _pass_on(process)
    finally:
        if process.returncode is None:
            process.terminate()
    return await process.wait()


async def _pass_on(process: Process) -> None:
    assert process.stderr is not None
    async for raw in process.stderr:
        line = raw.decode(errors="replace")
        if listening := _LISTENING.search(line):
            line = line.replace(listening[1], await Relay(listening[1]).start())
        sys.stderr.write(line)
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(run(*sys.argv[1:])))

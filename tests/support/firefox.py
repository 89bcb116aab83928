"""A Firefox of the distribution as a browser that Playwright drives, over WebDriver BiDi.

Playwright starts a program, reads the address of its BiDi endpoint from its standard error, and
connects to it. It then sends `emulation.setMediaFeaturesOverride` for every browser context, even
if no colour scheme is asked for. Firefox 153 does not know this command, and Playwright gives up.
So the program is this module: it starts Firefox, prints the address of a relay, and passes every
message on. If Firefox does not know that one command, the relay reports success instead. A Firefox
that knows it answers itself.

A page that still loads may change its own address, and so use up the number that Firefox has set
aside for a navigation asked of it. The answer then has that number, and the navigation another.
Playwright takes it for two navigations, and gives up. So the relay puts the number of the
navigation into the answer.
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
NAVIGATE: Final = "browsingContext.navigate"
COMMITTED: Final = "browsingContext.navigationCommitted"

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
        self._asked: dict[int, tuple[str, str]] = {}
        self._committed: dict[tuple[str, str], str] = {}

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
                if OPTIONAL in message.data or NAVIGATE in message.data:
                    self.ask(json.loads(message.data))
                await firefox.send_str(message.data)
            answers.cancel()
        return playwright

    async def _answers(
        self, firefox: ClientWebSocketResponse, playwright: web.WebSocketResponse
    ) -> None:
        async for message in firefox:
            await playwright.send_str(self.answer(message.data))
        await playwright.close()

    def ask(self, command: dict[str, Any]) -> None:
        """Note a command of Playwright whose answer may need a change."""
        if command["method"] == OPTIONAL:
            self._optional.add(command["id"])
        elif command["method"] == NAVIGATE:
            place = (command["params"]["context"], command["params"]["url"])
            self._asked[command["id"]] = place
            self._committed.pop(place, None)

    def answer(self, text: str) -> str:
        """Return the message for Playwright that comes of a message of Firefox."""
        if not (self._optional or self._asked):
            return text
        answer: dict[str, Any] = json.loads(text)
        if answer.get("method") == COMMITTED:
            committed = answer["params"]
            self._committed[committed["context"], committed["url"]] = committed["navigation"]
        elif answer.get("id") in self._optional:
            self._optional.discard(answer["id"])
            if answer.get("error") == "unknown command":
                return json.dumps({"type": "success", "id": answer["id"], "result": {}})
        elif place := self._asked.pop(answer.get("id", -1), None):
            number = self._committed.pop(place, None)
            if number and answer["type"] == "success" and answer["result"]["navigation"] != number:
                answer["result"]["navigation"] = number
                return json.dumps(answer)
        return text


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

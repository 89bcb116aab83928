"""The lines of the demonstration's stations, and the page that cuts them.

    /demo/lines      at the host of the demonstration, for callers on its machine alone

Each station reaches the host through a relay here. A line is cut as a cable is: what is
on the way stays there, nobody learns that it does, and no new connection is made.
"""

import asyncio
import ipaddress
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from aiohttp import web

from dragoman.console.page import stranger_pages
from dragoman.console.page.sessions import form_of, own_origin, redirect, said, words_of
from dragoman.document.blocks import PageDocument, columns, section
from dragoman.domain.record.errors import refuse
from dragoman.members.runs import PressButton
from dragoman.supervision import cancel_until_ended

PATH: Final = "/demo/lines"
_LOOPBACK: Final = "127.0.0.1"
_BYTES: Final = 65_536


class RelayedLine:
    """The line of one station: a relay to the host, which can be cut."""

    def __init__(self, side: str) -> None:
        """Begin without a relay."""
        self.side = side
        self.url = ""
        self._host = ("", 0)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._passing = asyncio.Event()
        self._passing.set()
        self._relayed: set[asyncio.Task[None]] = set()

    @property
    def is_cut(self) -> bool:
        """Return whether nothing passes now."""
        return not self._passing.is_set()

    async def open(self, host: str, port: int) -> None:
        """Relay to the host at an address from now on."""
        self._host = (host, port)
        await self._listen()
        self.url = f"http://{_LOOPBACK}:{self._port}"

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._relay, _LOOPBACK, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Let nothing pass, in either direction, and refuse new connections."""
        self._passing.clear()
        if self._server is not None:
            self._server.close()
            self._server = None

    async def restore(self) -> None:
        """Let everything pass again, and first of all what was on the way."""
        self._passing.set()
        if self._server is None:
            await self._listen()

    async def aclose(self) -> None:
        """Close the relay and its connections."""
        if self._server is not None:
            self._server.close()
        await cancel_until_ended(list(self._relayed))

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._relayed.add(task)
        task.add_done_callback(self._relayed.discard)
        try:
            there = await asyncio.open_connection(*self._host)
        except OSError:
            writer.close()
            return
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, there[1]))
                both.create_task(self._pass_on(there[0], writer))
        except* OSError:
            pass  # One end has closed the connection, and the other one learns it.
        finally:
            writer.close()
            there[1].close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_BYTES):
            await self._passing.wait()
            writer.write(data)
            await writer.drain()
        await self._passing.wait()
        with suppress(OSError):
            writer.write_eof()


class RelayedLines:
    """The lines of all stations, and the page that cuts them."""

    def __init__(self, sides: Iterable[str]) -> None:
        """Have a line for the station of each side."""
        self.lines = {side: RelayedLine(side) for side in sides}

    @property
    def routes(self) -> list[web.RouteDef]:
        """The routes of the page."""
        return [web.get(PATH, self._show), web.post(PATH, self._press)]

    async def _show(self, request: web.Request) -> web.Response:
        """Show each line with its button."""
        _refuse_strangers(request)
        words = words_of(request)
        say = words.say

        def button(line: RelayedLine) -> tuple[PressButton]:
            label = say("Restore the line") if line.is_cut else say("Cut the line")
            do = "restore" if line.is_cut else "cut"
            values = {"side": line.side, "do": do}
            return (PressButton(label, f"/{PATH}", values, line.side.upper()),)

        table = columns(
            say("Lines of the demonstration"),
            self.lines.values(),
            (say("Station"), lambda line: line.side.upper()),
            (
                say("State"),
                lambda line: say("The line is cut") if line.is_cut else say("The line is up"),
            ),
            ("", button),
        )
        view = PageDocument(
            title=say("Lines of the demonstration"),
            lead=say("A demonstration: cut the line of a station to this host, and restore it."),
            sections=(section("", table),),
        )
        return await stranger_pages.document(request, words, view)

    async def _press(self, request: web.Request) -> web.Response:
        """Cut a line, or restore it."""
        _refuse_strangers(request)
        own_origin(request)
        form = await form_of(request)
        line = self.lines.get(said(form, "side"))
        if line is None:
            raise refuse("not-found", "There is no such line.")
        await (line.cut() if said(form, "do") == "cut" else line.restore())
        return redirect(PATH)


def _refuse_strangers(request: web.Request) -> None:
    """Raise `Refused` unless the caller is on this machine."""
    if not ipaddress.ip_address(request.remote or "0.0.0.0").is_loopback:  # noqa: S104  # nobody
        raise refuse("not-permitted", "The lines of the demonstration are cut on its machine.")

"""The two processes that send messages, from the notifier's side.

Both are started before the first message, because a flash should not wait for them.
They are started again after either has ended.
"""

import asyncio
import os
import secrets
import ssl
import threading
from contextlib import suppress
from importlib.util import find_spec
from typing import Final

import msgspec
import structlog

from dragoman.domain.record import nesting
from dragoman.notifier.messaging.relay import RelayAddress, RelayStart
from dragoman.notifier.messaging.sender import (
    REPLY_SECONDS,
    SenderReply,
    SenderRequest,
    SenderStart,
)
from dragoman.supervision import finish_in_thread
from dragoman.worker_process import WorkerProcess

log = structlog.get_logger()

_PACKAGE: Final = "dragoman.notifier.messaging"
START_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 1.0


class NotSent(Exception):
    """A message that no process could send."""


class SenderProcesses:
    """The relay and the sender process, and the replies that are awaited."""

    def __init__(self, networks: tuple[str, ...]) -> None:
        """Let the relay reach these networks as well as public addresses."""
        self._networks = networks
        self._processes: tuple[WorkerProcess, WorkerProcess] | None = None
        self._starting = asyncio.Lock()
        self._awaited: dict[int, asyncio.Future[SenderReply]] = {}
        self._n = 0

    @staticmethod
    def is_installed() -> bool:
        """Return whether the library that sends messages is installed."""
        return find_spec("apprise") is not None

    async def run(self) -> None:
        """Keep both processes running, without end. Raises `NotSent`."""
        while True:
            await self._running()
            await asyncio.sleep(LOOK_SECONDS)

    async def aclose(self) -> None:
        """End both processes."""
        processes, self._processes = self._processes, None
        for process in processes or ():
            await asyncio.to_thread(process.end)

    def kill(self) -> None:
        """End both processes at once. They are started again with the next message."""
        for process in self._processes or ():
            process.kill()

    async def send(
        self, url: str, title: str, body: str, *, side: str, is_own: bool
    ) -> SenderReply:
        """Send a message of a side to an address. Raises `NotSent`.

        The address is the side's own, or the operator's.
        """
        self._n += 1
        return await self._ask(
            SenderRequest(n=self._n, url=url, title=title, body=body, side=side, is_own=is_own)
        )

    async def _ask(self, request: SenderRequest) -> SenderReply:
        sender = await self._running()
        reply: asyncio.Future[SenderReply] = asyncio.get_running_loop().create_future()
        self._awaited[request.n] = reply
        try:
            # The pipe holds a MiB and the process reads at once, so this does not wait.
            sender.wire.send(msgspec.json.encode(request))
            async with asyncio.timeout(REPLY_SECONDS):
                return await reply
        except TimeoutError:
            raise NotSent(f"no reply within {REPLY_SECONDS:.0f} s") from None
        except OSError as error:
            raise NotSent(f"the sender process has ended: {error}") from None
        finally:
            self._awaited.pop(request.n, None)

    async def _running(self) -> WorkerProcess:
        """Return the sender process; start both processes if one has ended."""
        async with self._starting:
            processes = self._processes
            if processes is not None and any(process.ended for process in processes):
                log.warning("courier.sender_ended", pids=[process.pid for process in processes])
                await self.aclose()
            if self._processes is None:
                await finish_in_thread(self._start, asyncio.get_running_loop())
            assert self._processes is not None
            return self._processes[1]

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start both processes and a thread that reads replies. Raises `NotSent`."""
        self._processes = _started(self._networks)
        threading.Thread(target=self._read, args=(self._processes[1], loop), daemon=True).start()

    def _read(self, sender: WorkerProcess, loop: asyncio.AbstractEventLoop) -> None:
        """Pass on the replies of a sender process until it ends.

        A pipe that is closed while it is read may also raise a `TypeError`.
        """
        with suppress(EOFError, OSError, RuntimeError, TypeError):
            while True:
                reply = nesting.decode(sender.wire.receive(), SenderReply)
                loop.call_soon_threadsafe(self._take, reply)
        with suppress(RuntimeError):  # The loop has ended.
            loop.call_soon_threadsafe(self._fail)

    def _take(self, reply: SenderReply) -> None:
        future = self._awaited.get(reply.n)
        if future is not None and not future.done():
            future.set_result(reply)

    def _fail(self) -> None:
        for future in self._awaited.values():
            if not future.done():
                future.set_exception(NotSent("the sender process has ended"))


def _started(networks: tuple[str, ...]) -> tuple[WorkerProcess, WorkerProcess]:
    """Start both processes. Raises `NotSent`."""
    authorities = ssl.get_default_verify_paths().cafile
    if authorities is not None:
        os.environ.setdefault("REQUESTS_CA_BUNDLE", os.path.realpath(authorities))
    password = secrets.token_urlsafe(24)
    relay = WorkerProcess(f"{_PACKAGE}.relay")
    try:
        relay.wire.send(msgspec.json.encode(RelayStart(password=password, networks=networks)))
        if not relay.wire.poll(START_SECONDS):
            raise NotSent("the relay has not started in time")
        port = nesting.decode(relay.wire.receive(), RelayAddress).port
        sender = WorkerProcess(f"{_PACKAGE}.sender")
        sender.wire.send(msgspec.json.encode(SenderStart(port=port, password=password)))
    except (OSError, EOFError) as error:
        relay.kill()
        raise NotSent(f"the relay has not started: {error}") from None
    except NotSent:
        relay.kill()
        raise
    return relay, sender

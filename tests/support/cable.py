"""A cable between a gateway and its broker, on which a test may hold back any message of either,
and no other.

cable.withhold(told_by_the_log)            the gateway no longer learns what others recorded; its own posts are acknowledged
answered = cable.saw(acknowledgement)      an event, set once the broker has answered a post
cable.release()                            what was held back goes on, in its order
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

_WITH_PAYLOAD = (b"MSG ", b"HMSG ", b"PUB ", b"HPUB ")
_BATCH = re.compile(rb"""(?:\r\nNats-Batch-Id: |"batch":")([^"\r]+)""")
_READ = re.compile(
    rb"\r\nNats-Stream: (DRAGOMAN_LOG_[^\r]+)\r\n(?:.*\r\n)*?Nats-Sequence: (\d+)\r\n"
)
_BATCH_SEQUENCE = re.compile(rb"\r\nNats-Batch-Sequence: (\d+)\r\n")


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of the NATS protocol with its payload, on its way from the broker, or to it."""

    from_broker: bool
    line: bytes
    payload: bytes = b""

    @property
    def bytes(self) -> bytes:
        """The bytes of the frame as it came."""
        return self.line + self.payload

    @property
    def batch(self) -> str:
        """The id of the atomic batch that it belongs to, or acknowledges."""
        found = _BATCH.search(self.payload)
        return "" if found is None else found[1].decode()


def told(frame: Frame) -> tuple[bytes, int]:
    """The log and the position of the message that a frame tells; position 0 for none."""
    found = _READ.search(frame.payload) if frame.from_broker else None
    return (b"", 0) if found is None else (found[1], int(found[2]))


Which = Callable[[Frame], bool]


def told_by_the_log(frame: Frame) -> bool:
    """Return whether a frame shows the content of a log: a nudge, or a message that was read."""
    nudge = frame.line.startswith((b"MSG tail.", b"HMSG tail."))
    return frame.from_broker and (nudge or b"\r\nNats-Stream: DRAGOMAN_LOG_" in frame.payload)


def told_by_the_log_or_at_its_end(frame: Frame) -> bool:
    """Return whether a frame shows the content of a log, or says that a read has ended."""
    return told_by_the_log(frame) or (
        frame.from_broker and frame.payload.startswith(b"NATS/1.0 204")
    )


def acknowledgement(frame: Frame) -> bool:
    """Return whether a frame is the broker's answer to an append, accepted or refused."""
    return (
        frame.from_broker
        and b'"stream":"DRAGOMAN_LOG_' in frame.payload
        and b'"seq":' in frame.payload
    )


def acknowledgement_of_a_batch(frame: Frame) -> bool:
    """Return whether a frame says that the broker accepted an atomic batch."""
    return acknowledgement(frame) and b'"batch":' in frame.payload


def in_a_batch_after(sequence: int) -> Which:
    """Return a function that tells whether a frame is a message of an atomic batch, after that many
    others.
    """

    def comes_after(frame: Frame) -> bool:
        found = None if frame.from_broker else _BATCH_SEQUENCE.search(frame.payload)
        return found is not None and int(found[1]) > sequence

    return comes_after


class Cable:
    """Carries every connection to the port at which it is laid on to the broker's."""

    def __init__(self, broker_port: int) -> None:
        self.url = ""
        self._broker_port = broker_port
        self._withheld: Which = lambda frame: False
        self._known: dict[bytes, int] = {}
        self._held: list[tuple[asyncio.StreamWriter, Frame]] = []
        self._watching: list[tuple[Which, asyncio.Event]] = []

    @property
    def held(self) -> list[Frame]:
        """The frames that are held back."""
        return [frame for _, frame in self._held]

    def withhold(self, which: Which) -> None:
        """Hold back such frames from now on, but for what a log has told before: a gateway may look
        again at what it knows.
        """
        known = dict(self._known)

        def is_new(frame: Frame) -> bool:
            log, position = told(frame)
            return not position or position > known.get(log, 0)

        self._withheld = lambda frame: which(frame) and is_new(frame)

    def release(self) -> None:
        """Let everything pass, what was held back first."""
        self._withheld = lambda frame: False
        for writer, frame in self._held:
            writer.write(frame.bytes)
        self._held.clear()

    def saw(self, which: Which) -> asyncio.Event:
        """Set when such a frame has come, from now on; a frame that is held back has come."""
        event = asyncio.Event()
        self._watching.append((which, event))
        return event

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection, until either end is gone."""
        broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", self._broker_port)
        ways = [
            asyncio.create_task(self._carry(reader, broker_writer, from_broker=False)),
            asyncio.create_task(self._carry(broker_reader, writer, from_broker=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            self._held = [
                (held, frame) for held, frame in self._held if held not in (writer, broker_writer)
            ]
            writer.close()
            broker_writer.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_broker: bool
    ) -> None:
        while line := await reader.readline():
            size = int(line.split()[-1]) + 2 if line.startswith(_WITH_PAYLOAD) else 0
            frame = Frame(from_broker, line, await reader.readexactly(size))
            log, position = told(frame)
            if self._withheld(frame):
                self._held.append((writer, frame))
            else:
                self._known[log] = max(position, self._known.get(log, 0))
                writer.write(frame.bytes)
            for which, event in self._watching:
                if which(frame):
                    event.set()


@asynccontextmanager
async def laid_to(nats_url: str) -> AsyncIterator[Cable]:
    """A cable to the broker at that URL."""
    cable = Cable(int(nats_url.rpartition(":")[2]))
    server = await asyncio.start_server(cable.connect, "127.0.0.1", 0)
    cable.url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield cable
    finally:
        server.close()

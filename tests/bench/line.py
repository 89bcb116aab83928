"""A narrow line to a port of loopback: 64 kbit/s each way, and 600 ms there and back.

    line.py PORT         prints its URL, and carries until it is stopped

All connections share the line. A new connection costs a round trip before its first byte.
"""

import asyncio
import signal
import sys
from collections.abc import Callable
from typing import Final

_BYTES_PER_SECOND: Final = 8_000
_ONE_WAY_SECONDS: Final = 0.3
_PACKET: Final = 1_400


class Direction:
    """One direction of the line, which carries one packet at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry what one connection sends, until its end."""
        while packet := await reader.read(_PACKET):
            async with self._turn:
                await asyncio.sleep(len(packet) / _BYTES_PER_SECOND)
            _later(writer.write, packet)
        _later(writer.close)


def _later(call: Callable[..., object], *arguments: object) -> None:
    asyncio.get_running_loop().call_later(_ONE_WAY_SECONDS, call, *arguments)


async def serve(port: int) -> None:
    there, back = Direction(), Direction()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * _ONE_WAY_SECONDS)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(
            there.carry(reader, far_writer), back.carry(far_reader, writer), return_exceptions=True
        )

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))

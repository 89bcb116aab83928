"""The first openings of exchanges by each side, beside the log.

    dragoman.chunks.opened.<cid>.<side>.<exchange>.<position>   a `FirstOpening`

The position is that of the newest record of another side that was in the exchange then.
Of several openings after that record the first one is stored, at whichever gateway it
was. So an exchange has at most as many openings of a side as records of other sides,
and none of them is ever changed.

They are in the stream of files, which the broker can overwrite. No user of the broker
needs a further right.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import msgspec

from dragoman.stores import files
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.erasable import Erasable
from dragoman_schemas.knowledge_responses import FirstOpening

STREAM: Final = files.STREAM
PREFIX: Final = f"{files.CHUNKS}opened."

_decode = msgspec.json.Decoder(FirstOpening).decode


class OpenedExchanges:
    """The first openings of all sides. No gateway has a copy: the broker is asked."""

    def __init__(self, entries: Erasable) -> None:
        """Store the openings in the stream of `entries`."""
        self._entries = entries
        self._deleted: set[tuple[str, str]] = set()

    async def of(self, cid: str, side: str, exchange: str) -> tuple[FirstOpening, ...]:
        """Return a side's openings of an exchange, oldest first.

        Raises `LogUnreachable`.
        """
        messages = await self._entries.messages(f"{PREFIX}{cid}.{side}.{exchange}.>")
        return tuple(
            sorted((_decode(message.data) for message in messages), key=lambda item: item.after)
        )

    async def add(self, cid: str, side: str, exchange: str, opening: FirstOpening) -> None:
        """Store an opening, unless one after the same record is stored already.

        Raises `LogUnreachable`.
        """
        subject = f"{PREFIX}{cid}.{side}.{exchange}.{opening.after}"
        with suppress(WriteConflict):
            await self._entries.publish(subject, msgspec.json.encode(opening), 0)

    async def delete(self, cid: str, exchange: str) -> None:
        """Overwrite all sides' openings of an exchange. Raises `LogUnreachable`."""
        for message in await self._entries.messages(f"{PREFIX}{cid}.*.{exchange}.>"):
            await self._entries.erase(message.seq)

    async def sweep(self, cid: str, erased: Iterable[str]) -> None:
        """Delete the openings of erased exchanges, of each once in this process.

        Raises `LogUnreachable`.
        """
        for exchange in erased:
            if (cid, exchange) not in self._deleted:
                await self.delete(cid, exchange)
                self._deleted.add((cid, exchange))

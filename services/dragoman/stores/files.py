"""Files beside the log, by the SHA-256 of their bytes, a copy for each side.

    dragoman.files.<cid>.<side>.<sha256>                the entry of the file
    dragoman.chunks.<cid>.<side>.<sha256>.<upload>.<n>  its bytes, in pieces

Each channel has its own files. A file is *coming* while its pieces are written, then
*kept*. It is *erasing* until the last piece is overwritten, then *erased*.

Pieces belong to one upload, so that two simultaneous uploads never mix. The slower one
overwrites its own pieces. Erasing overwrites the pieces of all uploads, and is repeated
once after a while. In a cluster, a node that was cut off may have said that there are
no pieces.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Container
from typing import Final, Literal

import msgspec
from msgspec import Struct

from dragoman.eventlog.event_log import LogUnreachable
from dragoman.limits import CHUNK_BYTES, ELECTION_SECONDS
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.erasable import Erasable
from dragoman.text import sentence
from dragoman_schemas.fields import Hex32

STREAM: Final = "DRAGOMAN_FILES"
PREFIX: Final = "dragoman.files."
CHUNKS: Final = "dragoman.chunks."
SUBJECTS: Final = (f"{PREFIX}>", f"{CHUNKS}>")
BYTES: Final = CHUNK_BYTES + 4_096


class File(Struct, frozen=True, kw_only=True):
    """A side's copy of a file. An erased one still has the digest that acts name."""

    sha256: Hex32
    side: str
    at: str
    stage: Literal["coming", "kept", "erasing", "erased"]
    media_type: str = ""
    bytes: int = 0
    upload: str = ""

    @property
    def kept(self) -> bool:
        """Return whether all of its bytes are stored."""
        return self.stage == "kept"

    @property
    def erased(self) -> bool:
        """Return whether its side has erased it."""
        return self.stage in ("erasing", "erased")


_KEPT: Final = b'"stage":"kept"'
_ERASING: Final = b'"stage":"erasing"'
_ERASED: Final = b'"stage":"erased"'
_SURELY: Final = b'"upload":""'
"""The mark of an erased file whose erasing was repeated."""
_decode = msgspec.json.Decoder(File).decode


class FileStore:
    """The files of all sides.

    The broker is asked every time, so that a file erased elsewhere is not given out.
    """

    def __init__(self, entries: Erasable) -> None:
        """Store files in `entries`, which has a connection of its own.

        Their bytes then delay no post.
        """
        self._entries = entries
        self._erased: dict[tuple[str, int], float] = {}

    async def found(self, cid: str, sides: tuple[str, ...], sha256: str) -> list[File]:
        """Return some sides' copies of a file, in that order, also erased ones.

        Raises `LogUnreachable`.
        """
        await self._entries.refresh()
        values = [self._entries.values.get(f"{cid}.{side}.{sha256}") for side in sides]
        return [_decode(value) for value in values if value is not None]

    async def listed(self, cid: str, side: str) -> list[File]:
        """Return a side's files that are not erased, the newest first.

        Raises `LogUnreachable`.
        """
        await self._entries.refresh()
        files = [
            _decode(value)
            for key, value in self._entries.values.items()
            if key.startswith(f"{cid}.{side}.")
        ]
        return sorted(
            (file for file in files if not file.erased), key=lambda file: file.at, reverse=True
        )

    async def kept_except(self, digests: Container[str]) -> list[tuple[str, File]]:
        """Return all sides' kept files, each with its cid, except some digests.

        Raises `LogUnreachable`.
        """
        await self._entries.refresh()
        return [
            (key.partition(".")[0], _decode(value))
            for key, value in self._entries.values.items()
            if _KEPT in value and key.rpartition(".")[2] not in digests
        ]

    async def keep(
        self, cid: str, file: File, content: bytes | bytearray, over: File | None
    ) -> bool:
        """Store a file whose digest was checked, over the copy that was read.

        Returns False if another writer was faster. Raises `LogUnreachable`. Pieces that
        were written until then are overwritten when the file is stored again, or
        erased.
        """
        coming = msgspec.structs.replace(file, stage="coming", upload=secrets.token_hex(8))
        if not await self._put(cid, coming, over):
            return False
        if over is not None and over.upload:
            await self._overwrite(_chunks(cid, over))
        view = memoryview(content)
        for number, start in enumerate(range(0, len(content), CHUNK_BYTES)):
            await self._entries.publish(
                f"{_chunks(cid, coming)}{number}", bytes(view[start : start + CHUNK_BYTES])
            )
        if await self._put(cid, msgspec.structs.replace(coming, stage="kept"), coming):
            return True
        await self._overwrite(_chunks(cid, coming))
        return False

    async def read(self, cid: str, file: File) -> AsyncGenerator[bytes, None]:
        """Yield the pieces of a kept file, in order.

        Raises `LogUnreachable` if one is missing.
        """
        for number in range(-(-file.bytes // CHUNK_BYTES)):
            message = await self._entries.next(f"{_chunks(cid, file)}{number}", 1)
            if message is None:
                raise LogUnreachable(
                    sentence("the broker has no piece %(number)s of the file", number=number)
                )
            yield message.data

    async def read_from_replica(self, cid: str, file: File) -> AsyncGenerator[bytes, None]:
        """Yield the pieces of a kept file, in order, as any replica has them.

        This costs the broker much less than `read`. The caller must check the digest:
        a replica that is behind leaves pieces out. Raises `LogUnreachable`.
        """
        first = 1
        for _ in range(-(-file.bytes // CHUNK_BYTES)):
            piece = await self._entries.next_on_replica(f"{_chunks(cid, file)}>", first)
            if piece is None:
                return
            yield piece.data
            first = int(piece.header(b"Nats-Sequence")) + 1

    async def erase(self, cid: str, file: File, at: str) -> File | None:
        """Overwrite all bytes of a file, and return its erased entry.

        Returns None if another writer was faster. Raises `LogUnreachable`.
        """
        erasing = (
            file
            if file.stage == "erasing"
            else File(
                sha256=file.sha256, side=file.side, at=at, stage="erasing", upload=file.upload
            )
        )
        if erasing is not file and not await self._put(cid, erasing, file):
            return None
        if not await self._overwrite_all(cid, erasing):
            return None
        erased = msgspec.structs.replace(erasing, stage="erased")
        await self._put(cid, erased, erasing)  # False if another gateway did it first
        return erased

    async def sweep(self) -> None:
        """Finish erasing that other gateways began, and repeat recent erasing once.

        Raises `LogUnreachable`.
        """
        await self._entries.refresh()
        await self._entries.sweep()
        now, lately = asyncio.get_running_loop().time(), dict[tuple[str, int], float]()
        for key, revision in list(self._entries.revisions.items()):
            value = self._entries.values[key]
            if _ERASING in value:
                file = _decode(value)
                await self.erase(key.partition(".")[0], file, file.at)
            elif _ERASED in value and _SURELY not in value:
                since = lately[key, revision] = self._erased.get((key, revision), now)
                if now > since + ELECTION_SECONDS:
                    await self._erase_surely(key.partition(".")[0], _decode(value))
        self._erased = lately

    async def _erase_surely(self, cid: str, file: File) -> None:
        if await self._overwrite_all(cid, file):
            await self._put(cid, msgspec.structs.replace(file, upload=""), file)

    def _is(self, cid: str, file: File) -> bool:
        """Return whether this is the newest entry of the file."""
        data = self._entries.values.get(_key(cid, file))
        return data is not None and _decode(data) == file

    async def _put(self, cid: str, file: File, over: File | None) -> bool:
        key = _key(cid, file)
        if key in self._entries.values if over is None else not self._is(cid, over):
            return False
        try:
            await self._entries.put(
                key, msgspec.json.encode(file), self._entries.revisions.get(key, 0)
            )
        except WriteConflict:
            return False
        return True

    async def _overwrite_all(self, cid: str, file: File) -> bool:
        """Erase the pieces of this upload, and of every upload before its entry.

        Pieces of later uploads stay. Returns False if the entry is no longer the
        newest.
        """
        if not self._is(cid, file):
            return False
        before = self._entries.revisions[_key(cid, file)]
        await self._overwrite(_chunks(cid, file))
        await self._overwrite(f"{CHUNKS}{_key(cid, file)}.", before)
        return True

    async def _overwrite(self, pieces: str, before: int | None = None) -> None:
        """Erase the pieces whose subjects begin with `pieces`.

        With `before`, only pieces before that sequence.
        """
        first = 1
        while (message := await self._entries.next(f"{pieces}>", first)) is not None and (
            before is None or message.seq < before
        ):
            await self._entries.erase(message.seq)
            first = message.seq + 1


def _key(cid: str, file: File) -> str:
    return f"{cid}.{file.side}.{file.sha256}"


def _chunks(cid: str, file: File) -> str:
    """Return the prefix of the subjects of one upload's pieces."""
    return f"{CHUNKS}{_key(cid, file)}.{file.upload}."

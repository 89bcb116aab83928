"""Files between a station and the host, by their digests.

    bring    the files that an act names, to the host, before the act leaves
    fetch    the files that others' records name, from the host, once they are folded

They go over a connection of their own, and after each piece it rests as long as the
piece took: so they use half of the line, and an urgent message is not behind them. What
arrives is kept only if it has the digest that the record names.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
import structlog

from dragoman.application.clock import stamp, utc_now
from dragoman.client import Unreachable
from dragoman.domain.acts import references
from dragoman.eventlog import durable
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.limits import FILE_BYTES, FILE_SECONDS
from dragoman.projection.stored_row import StoredRow
from dragoman.station.link import HostLink
from dragoman.stores.files import File, FileStore
from dragoman_schemas.fields import Attachment

log = structlog.get_logger()

_PIECE: Final = 64 * 1024
_AGAIN_SECONDS: Final = 5.0
_OK: Final = (200, 201)
_TIMEOUT: Final = aiohttp.ClientTimeout(total=FILE_SECONDS, connect=5)


class NotBrought(Exception):
    """A file that the host did not take; the message says why."""


class WantedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file to fetch: what the record says of it, and the side whose record it is."""

    sha256: str
    media_type: str
    bytes: int
    side: str


class FileCarrier:
    """The carrier of one channel's files."""

    def __init__(
        self, link: HostLink, files: FileStore, channel: str, cid: str, side: str, pending: Path
    ) -> None:
        """Carry the files of a side; those to fetch are remembered in a file."""
        self._link, self._files = link, files
        self._channel, self._cid, self._side = channel, cid, side
        self._pending_file = pending
        self._pending: dict[str, WantedFile] = (
            msgspec.json.decode(pending.read_bytes(), type=dict[str, WantedFile])
            if pending.exists()
            else {}
        )
        self._there: set[str] = set()
        self._changed = asyncio.Event()
        if self._pending:
            self._changed.set()

    # To the host

    async def bring(self, act: bytes) -> None:
        """Bring the files that an act names to the host, unless it has them.

        Raises `Unreachable`, `NotBrought`, and `LogUnreachable`.
        """
        if not references.may_name(act):
            return
        for _, attachment in references.attachments(msgspec.json.decode(act)):
            if attachment.sha256 not in self._there:
                await self._bring(attachment)
                self._there.add(attachment.sha256)

    async def _bring(self, attachment: Attachment) -> None:
        copies = await self._files.found(self._cid, (self._side,), attachment.sha256)
        file = next((copy for copy in copies if copy.kept), None)
        if file is None:
            return  # the host may have it from another side's act
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as session,
                session.put(
                    f"{self._link.url}{self._path(file.sha256)}",
                    data=self._pieces(file),
                    headers={**self._link.headers(), "Content-Type": file.media_type},
                ) as answer,
            ):
                if answer.status not in _OK:
                    raise NotBrought(f"{answer.status}: {(await answer.text())[:300]}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"the file did not reach the host ({type(error).__name__})") from None

    async def _pieces(self, file: File) -> AsyncIterator[bytes]:
        """Yield a file's pieces at half of the pace at which the line takes them."""
        loop = asyncio.get_running_loop()
        async for chunk in self._files.read(self._cid, file):
            for at in range(0, len(chunk), _PIECE):
                begun = loop.time()
                yield chunk[at : at + _PIECE]
                await asyncio.sleep(loop.time() - begun)

    # From the host

    def folded(self, row: StoredRow) -> None:
        """Note the files that another side's record names."""
        record = row.folded.record
        if record is None or not row.folded.valid or record.side == self._side:
            return
        if not references.may_name(record.act):
            return
        for _, attachment in references.attachments(msgspec.json.decode(record.act)):
            if attachment.bytes <= FILE_BYTES:
                self._pending[attachment.sha256] = WantedFile(
                    sha256=attachment.sha256,
                    media_type=attachment.media_type,
                    bytes=attachment.bytes,
                    side=record.side,
                )
                self._changed.set()

    async def run(self) -> None:
        """Fetch what is wanted, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._remember()
            for wanted in list(self._pending.values()):
                try:
                    await self._fetch(wanted)
                except (aiohttp.ClientError, TimeoutError, LogUnreachable, NotBrought) as error:
                    log.info(
                        "station.file_awaited",
                        channel=self._channel,
                        sha256=wanted.sha256,
                        reason=str(error) or type(error).__name__,
                    )
                else:
                    self._pending.pop(wanted.sha256, None)
            self._remember()
            if self._pending:
                await asyncio.sleep(_AGAIN_SECONDS)
                self._changed.set()

    def _remember(self) -> None:
        durable.write(self._pending_file, msgspec.json.encode(self._pending))

    async def _fetch(self, wanted: WantedFile) -> None:
        """Fetch one file, unless it is here. Raises `NotBrought` if it is not whole."""
        copies = await self._files.found(self._cid, (wanted.side,), wanted.sha256)
        if any(copy.kept or copy.erased for copy in copies):
            return
        loop, content, digest = asyncio.get_running_loop(), bytearray(), hashlib.sha256()
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.get(
                f"{self._link.url}{self._path(wanted.sha256)}", headers=self._link.headers()
            ) as answer,
        ):
            if answer.status == 404:
                return  # it was erased
            if answer.status not in _OK:
                raise NotBrought(f"the host answers {answer.status}")
            begun = loop.time()
            async for piece in answer.content.iter_chunked(_PIECE):
                content += piece
                digest.update(piece)
                if len(content) > wanted.bytes:
                    raise NotBrought("the host gives more bytes than the record names")
                await asyncio.sleep(loop.time() - begun)
                begun = loop.time()
        if digest.hexdigest() != wanted.sha256:
            raise NotBrought("the host gives other bytes than the record names")
        file = File(
            sha256=wanted.sha256,
            side=wanted.side,
            at=stamp(utc_now()),
            stage="kept",
            media_type=wanted.media_type,
            bytes=len(content),
        )
        await self._files.keep(self._cid, file, content, next(iter(copies), None))

    def _path(self, digest: str) -> str:
        return f"/v1/channels/{self._channel}/files/{digest}"

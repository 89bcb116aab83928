"""Files beside the log over HTTP: put by a side, fetched by the others once an act of that side names them, erased by it."""

import asyncio
from collections import defaultdict
from typing import Any, Final, get_args

from aiohttp import web

from dragoman.application import attachment_checks
from dragoman.application.command_handler import stamp
from dragoman.application.http.request import ApiReply, ApiRequest
from dragoman.domain.record.errors import refuse
from dragoman.limits import FILES_AT_ONCE, SPARE_BYTES
from dragoman.projection.projection import Projection
from dragoman.stores.files import File
from dragoman_schemas.fields import MediaType
from dragoman_schemas.responses import FileView

TYPES: Final[tuple[str, ...]] = get_args(MediaType)
TAKING: Final = web.AppKey("taking", defaultdict[tuple[str, str], asyncio.Semaphore])


def taking() -> defaultdict[tuple[str, str], asyncio.Semaphore]:
    """Return how many files each side of each channel, by its cid, may send at once."""
    return defaultdict(lambda: asyncio.Semaphore(FILES_AT_ONCE))


def _view(file: File, *, flag: bool) -> FileView:
    return FileView(
        sha256=file.sha256,
        side=file.side,
        media_type=file.media_type,
        bytes=file.bytes,
        at=file.at,
        named=flag,
        arriving=file.stage == "coming",
        erased=file.erased,
    )


async def _named(
    call: ApiRequest[Any], projection: Projection, side: str, files: list[File]
) -> set[str]:
    """Return those of a side's files that a valid act of the side names."""
    naming = await attachment_checks.naming(
        call.service, projection, tuple(file.sha256 for file in files)
    )
    return {digest for digest, sides in naming.items() if side in sides}


async def keep(
    call: ApiRequest[Any],
    projection: Projection,
    side: str,
    digest: str,
    media_type: str,
    content: bytearray,
) -> ApiReply:
    """Keep a file of a side beside the log, or answer with it again. Raises `Refused`."""
    service, cid = call.service, projection.registry.cid
    where = {"Location": f"/v1/channels/{projection.name}/files/{digest}", "ETag": f'"{digest}"'}
    known = next(iter(await service.files.found(cid, (side,), digest)), None)
    if known is not None and known.kept:
        if known.media_type != media_type:
            raise refuse(
                "exists",
                "Your side has put this file as %(media_type)s; erase it before you put it as another type.",
                media_type=known.media_type,
            )
        names = await _named(call, projection, side, [known])
        return ApiReply(body=_view(known, flag=bool(names)), headers=where)
    files = [file for file in await service.files.listed(cid, side) if file.sha256 != digest]
    names = await _named(call, projection, side, files)
    if sum(file.bytes for file in files if file.sha256 not in names) + len(content) > SPARE_BYTES:
        raise refuse(
            "no-room",
            "The files of your side that no act names have %(n)s MiB here together; post what names them, or erase those no longer needed: GET /files lists them.",
            n=SPARE_BYTES // 2**20,
        )
    service.desk.refuse_if_read_only()
    file = File(
        sha256=digest,
        side=side,
        at=stamp(service.now()),
        stage="kept",
        media_type=media_type,
        bytes=len(content),
    )
    if not await service.files.keep(cid, file, content, known):
        raise refuse(
            "busy",
            "The same file was put or erased at the same time; look under /files, and send it again.",
        )
    return ApiReply(body=_view(file, flag=False), status=201, headers=where)

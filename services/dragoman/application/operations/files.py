"""Files beside the log, over HTTP.

A side puts a file and erases it. The other sides get it once an act of that side names
it.
"""

import asyncio
from collections import defaultdict
from typing import Any, Final, get_args

from aiohttp import web

from dragoman.application import attachment_checks
from dragoman.application.clock import stamp
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
    """Return a semaphore for each side of each channel, by cid.

    It limits the number of files that the side may send at once.
    """
    return defaultdict(lambda: asyncio.Semaphore(FILES_AT_ONCE))


def file_view(file: File, *, is_named: bool) -> FileView:
    """Return the view of a file. `is_named` says whether an act names it."""
    return FileView(
        sha256=file.sha256,
        side=file.side,
        media_type=file.media_type,
        bytes=file.bytes,
        at=file.at,
        named=is_named,
        arriving=file.stage == "coming",
        erased=file.erased,
    )


async def digests_in_acts(
    call: ApiRequest[Any], projection: Projection, side: str, files: list[File]
) -> set[str]:
    """Return the digests of a side's files that a valid act of the side names."""
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
    """Store a file of a side beside the log, or return it again. Raises `Refused`."""
    service, cid = call.service, projection.registry.cid
    where = {"Location": f"/v1/channels/{projection.name}/files/{digest}", "ETag": f'"{digest}"'}
    existing = next(iter(await service.files.found(cid, (side,), digest)), None)
    if existing is not None and existing.kept:
        if existing.media_type != media_type:
            raise refuse(
                "exists",
                "Your side has put this file as %(media_type)s; erase it before you put it as "
                "another type.",
                media_type=existing.media_type,
            )
        names = await digests_in_acts(call, projection, side, [existing])
        return ApiReply(body=file_view(existing, is_named=bool(names)), headers=where)
    files = [file for file in await service.files.listed(cid, side) if file.sha256 != digest]
    names = await digests_in_acts(call, projection, side, files)
    if sum(file.bytes for file in files if file.sha256 not in names) + len(content) > SPARE_BYTES:
        raise refuse(
            "no-room",
            "The files of your side that no act names have %(n)s MiB here together; post what "
            "names them, or erase those no longer needed: GET /files lists them.",
            n=SPARE_BYTES // 2**20,
        )
    service.command_handler.refuse_if_read_only()
    service.disks.refuse_if_scarce()
    file = File(
        sha256=digest,
        side=side,
        at=stamp(service.now()),
        stage="kept",
        media_type=media_type,
        bytes=len(content),
    )
    if not await service.files.keep(cid, file, content, existing):
        raise refuse(
            "busy",
            "The same file was put or erased at the same time; look under /files, and send it "
            "again.",
        )
    return ApiReply(body=file_view(file, is_named=False), status=201, headers=where)

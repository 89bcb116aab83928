"""Routes of files."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from aiohttp import web

from dragoman.api import examples
from dragoman.api.routing import CHANNEL, May, Route
from dragoman.application import attachment_checks
from dragoman.application.clock import stamp
from dragoman.application.http import submission
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.operations import (
    files,
)
from dragoman.application.operations.files import TAKING, TYPES, digests_in_acts, file_view, keep
from dragoman.domain.acts.access import is_station
from dragoman.domain.record.errors import Refused, make_refusal, refuse
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.limits import FILE_BYTES, FILE_SECONDS
from dragoman_schemas.responses import (
    Files,
    FileView,
)

log = structlog.get_logger()


_SHA256: Final = re.compile(r"[0-9a-f]{64}")


_PIECE: Final = 64 * 1024


_AS_IT_IS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
"""Headers that keep a browser from opening a file as one of our pages.

They also keep it from showing the file once it is erased.
"""


def _digest(call: ApiRequest[Any]) -> str:
    digest = call.path("sha256")
    if _SHA256.fullmatch(digest) is None:
        raise refuse(
            "bad-request", "A file is named by its SHA-256: 64 lower-case hexadecimal digits."
        )
    return digest


def _gone() -> Refused:
    return Refused(
        make_refusal(
            "not-found", "There is no such file here for your side; what was erased is gone."
        )
    )


async def list_files(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the files that the caller's side has put."""
    projection, actor = submission.staff_of(call)
    side = actor.partition("/")[0]
    result = await call.service.files.listed(projection.registry.cid, side)
    names = await digests_in_acts(call, projection, side, result)
    views = tuple(file_view(file, is_named=file.sha256 in names) for file in result)
    spare = sum(file.bytes for file in result if file.sha256 not in names)
    return ApiReply(
        body=Files(files=views, spare_bytes=spare), headers={"Cache-Control": "no-store"}
    )


async def put_file(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Store a file of the caller's side; a station brings those of its officers."""
    actor = call.grant.actor
    projection = call.channel
    if not is_station(projection.registry, actor):
        submission.staff_of(call)
    side, digest, media_type = actor.partition("/")[0], _digest(call), call.request.content_type
    if media_type not in TYPES:
        raise refuse(
            "media-type",
            "Files of the type %(media_type)s are not accepted; send one of %(types)s.",
            media_type=media_type,
            types=", ".join(TYPES),
        )
    if (call.request.content_length or 0) > FILE_BYTES:
        raise _too_large()
    turn = call.request.app[TAKING][projection.registry.cid, side]
    async with _in_time():
        await turn.acquire()
    try:
        async with _in_time():
            content = await _received(call.request, digest)
        return await keep(call, projection, side, digest, media_type, content)
    finally:
        turn.release()


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(FILE_SECONDS):
            yield
    except TimeoutError:
        raise refuse(
            "unavailable",
            "The file did not arrive within %(n)s s; send it again, one at a time.",
            n=f"{FILE_SECONDS:g}",
        ) from None


async def _received(request: web.Request, digest: str) -> bytearray:
    """Return the body, in memory once, whose digest is computed as it arrives.

    Raises `Refused`.
    """
    content, hasher = bytearray(), hashlib.sha256()
    async for piece in request.content.iter_chunked(_PIECE):
        content += piece
        hasher.update(piece)
        if len(content) > FILE_BYTES:
            raise _too_large()
    if not content:
        raise refuse("invalid", "The file is empty; send its bytes as the body.")
    if hasher.hexdigest() != digest:
        raise refuse(
            "invalid",
            "The bytes that arrived have the SHA-256 %(sha256)s, not the one in the path. Send "
            "the file again, or put that SHA-256 into the path.",
            sha256=hasher.hexdigest(),
        )
    return content


def _too_large() -> Refused:
    return Refused(
        make_refusal(
            "too-large",
            "A file has at most %(limit)s MiB; split it, or send less of it.",
            limit=FILE_BYTES // 2**20,
        )
    )


async def fetch_file(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the bytes of a file."""
    projection, digest = call.channel, _digest(call)
    service, cid = call.service, projection.registry.cid
    copies = await attachment_checks.copies(service, projection, call.grant, digest)
    file = next((file for file in copies if file.kept), None)
    if file is None:
        raise _gone()
    verdict = await attachment_checks.holding(service, projection, call.grant, copies)
    if verdict is not None:
        raise attachment_checks.refuse_held(verdict)
    headers = {**_AS_IT_IS, "ETag": f'"{digest}"'}
    if call.request.headers.get("If-None-Match", "").strip() == headers["ETag"]:
        return web.Response(status=304, headers=headers)
    response = web.StreamResponse(
        headers={**headers, "Content-Type": file.media_type, "Content-Length": str(file.bytes)}
    )
    pieces = service.files.read(cid, file)
    piece = await anext(pieces)  # If the broker is away, this fails before the headers are sent.
    await response.prepare(call.request)
    if call.request.method == "HEAD":
        await pieces.aclose()
        await response.write_eof()
        return response
    return await _streamed(call.request, response, piece, pieces, digest)


async def _streamed(
    request: web.Request,
    response: web.StreamResponse,
    piece: bytes,
    pieces: AsyncIterator[bytes],
    digest: str,
) -> web.StreamResponse:
    """Send the rest of a file.

    Its last piece is sent only after the digest is checked, so that nobody takes a
    damaged file for a whole one.
    """
    hasher = hashlib.sha256(piece)
    try:
        async for following in pieces:
            await response.write(piece)
            piece = following
            hasher.update(piece)
    except LogUnreachable as error:
        log.warning("file.cut_off", sha256=digest, reason=str(error))
    if hasher.hexdigest() == digest:
        await response.write(piece)
        await response.write_eof()
        return response
    log.error(
        "file.not_whole",
        sha256=digest,
        do="ask for it again; if it stays so, restore the broker's store from a copy",
    )
    if request.transport is not None:
        request.transport.abort()
    return response


async def erase_file(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Erase a file; its bytes are overwritten when this returns.

    If the file is erased already, the erasure is completed and the answer is the same.
    """
    projection, actor = submission.staff_of(call)
    side, digest = actor.partition("/")[0], _digest(call)
    service, cid = call.service, projection.registry.cid
    file = next(iter(await service.files.found(cid, (side,), digest)), None)
    if file is None:
        raise _gone()
    service.command_handler.refuse_if_read_only()
    erased = (
        file
        if file.stage == "erased"
        else await service.files.erase(cid, file, stamp(service.now()))
    )
    if erased is None:
        raise refuse(
            "busy",
            "The same file was put or erased at the same time; look under /files, and try again.",
        )
    log.info("file.erased", channel=projection.name, sha256=digest, side=side)
    return ApiReply(
        body=file_view(
            erased, is_named=bool(await digests_in_acts(call, projection, side, [erased]))
        ),
        headers={"Cache-Control": "no-store"},
    )


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/files",
        list_files,
        "The files that the caller's side has put here",
        NoBody,
        {200: Files},
        may=May.OWN_OFFICE,
    ),
    Route(
        "PUT",
        f"{CHANNEL}/files/{{sha256}}",
        put_file,
        "Put a file",
        NoBody,
        {200: FileView, 201: FileView},
        takes=files.TYPES,
        example=examples.FILE,
        may=May.OWN_OFFICE,
        refusals=(
            "no-room",
            "busy",
        ),
        stations=True,
    ),
    Route(
        "GET",
        f"{CHANNEL}/files/{{sha256}}",
        fetch_file,
        "A file's bytes",
        NoBody,
        {200: None, 304: None},
        media=files.TYPES,
        headers=("If-None-Match",),
        may=May.MEMBER,
        refusals=("file-held", "file-refused"),
    ),
    Route(
        "DELETE",
        f"{CHANNEL}/files/{{sha256}}",
        erase_file,
        "Erase a file of the caller's side",
        NoBody,
        {200: FileView},
        may=May.OWN_OFFICE,
        refusals=("busy",),
    ),
)

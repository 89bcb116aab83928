"""The style sheet, the scripts and the signs of the pages.

    GET  /static/{release}/{file}   a file by its release: a browser keeps it for a year
    GET  /static/{file}             the same file: a browser asks each time whether it
                                    is still the same

`release` is the first half of a SHA-256 over all files. A page names the files of its
own release, so no browser runs a new page with scripts that it kept of an older one. A
page of another release, from another gateway of the host, gets the files of this
gateway. Its browser does not keep them.
"""

import asyncio
import gzip
import hashlib
import mimetypes
from functools import cache
from pathlib import Path
from typing import Final

from aiohttp import web

FOLDER: Final = Path(__file__).parents[1] / "static"

_FOR_A_YEAR: Final = "public, max-age=31536000, immutable"


@cache
def files() -> dict[str, Path]:
    """Return the files by their names below the folder, such as `vendor/land.json`."""
    paths = (path for path in FOLDER.rglob("*") if path.is_file())
    return {path.relative_to(FOLDER).as_posix(): path for path in sorted(paths)}


@cache
def release() -> str:
    """Return the part of an address that changes with any byte of any file."""
    return release_of(files())


def release_of(paths: dict[str, Path]) -> str:
    """Return 32 hexadecimal digits for the names and bytes of these files."""
    digest = hashlib.sha256()
    for name, path in paths.items():
        digest.update(hashlib.sha256(name.encode()).digest())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def address(name: str) -> str:
    """Return the address of a file. Raises `LookupError` for an unknown name."""
    if name not in files():
        raise LookupError(f"no page has a file {name}")
    return f"/static/{release()}/{name}"


def register(app: web.Application) -> None:
    """Add the routes of the files, and read the files once."""
    release()
    app.router.add_get("/static/{release:[0-9a-f]{32}}/{file:.+}", _by_release)
    app.router.add_get("/static/{file:.+}", _by_name)


async def _by_release(request: web.Request) -> web.Response:
    is_ours = request.match_info["release"] == release()
    return await _answer(request, _FOR_A_YEAR if is_ours else "no-store")


async def _by_name(request: web.Request) -> web.Response:
    return await _answer(request, "no-cache")


async def _answer(request: web.Request, caching: str) -> web.Response:
    name = request.match_info["file"]
    if name not in files():
        raise web.HTTPNotFound
    is_packed = "gzip" in request.headers.get("Accept-Encoding", "")
    body, etag = await asyncio.to_thread(_packed if is_packed else _plain, name)
    headers = {"Cache-Control": caching, "ETag": f'"{etag}"', "Vary": "Accept-Encoding"}
    if any(tag.value == etag for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    if is_packed:
        headers["Content-Encoding"] = "gzip"
    content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    charset = "utf-8" if content_type.startswith("text/") else None
    return web.Response(body=body, headers=headers, content_type=content_type, charset=charset)


@cache
def _plain(name: str) -> tuple[bytes, str]:
    """Return a file and its entity tag."""
    body = files()[name].read_bytes()
    return body, hashlib.sha256(body).hexdigest()[:32]


@cache
def _packed(name: str) -> tuple[bytes, str]:
    """Return a file in gzip, and the entity tag of this form."""
    body, etag = _plain(name)
    return gzip.compress(body, mtime=0), f"{etag}-gzip"

"""The command `dragoman file`: files beside the log, by the SHA-256 of their bytes."""

import hashlib
import mimetypes
import sys
from pathlib import Path
from typing import Annotated, Final, get_args
from urllib.parse import quote

from cyclopts import App, Parameter
from msgspec import json

from dragoman.cli.common import (
    EVERYWHERE,
    UNVERIFIED,
    File,
    Target,
    UsageError,
    channel_of,
    connected,
    out,
    out_json,
    read_input,
    say,
    table,
)
from dragoman.client import FILES, Client
from dragoman_schemas.fields import Attachment, MediaType
from dragoman_schemas.responses import Files, FileView

file = App(name="file", help="Upload, download and erase files, which acts name by SHA-256.")
_TYPES: Final[tuple[MediaType, ...]] = get_args(MediaType)


@file.command(name="put")
async def file_put(
    path: File,
    *,
    type: Annotated[
        str, Parameter(help="Its media type. Default: the type that its name suggests.")
    ] = "",
    title: Annotated[
        str, Parameter(help="Its title in the printed attachment. Default: its name.")
    ] = "",
    target: Target = EVERYWHERE,
) -> int:
    """Upload a file, and print the attachment by which acts name it.

    The other sides may fetch it once an act of yours names it.
    """
    content = read_input(path)
    media_type = next(
        (
            known_type
            for known_type in _TYPES
            if known_type == (type or mimetypes.guess_type(path)[0])
        ),
        None,
    )
    if media_type is None:
        raise UsageError(f"say with --type what {path} is: {', '.join(_TYPES)}")
    digest = hashlib.sha256(content).hexdigest()
    async with connected(target) as caller:
        path_of_file = f"{await _files(target, caller)}/{digest}"
        answer = await caller.call(
            "PUT", path_of_file, content, {"Content-Type": media_type}, FILES
        )
    if target.json:
        out_json(answer.body)
        return 0
    attachment = Attachment(
        sha256=digest,
        media_type=media_type,
        bytes=len(content),
        title=(title or Path(path).name)[:120],
    )
    out(json.encode(attachment).decode())
    say(f"{'put' if answer.status == 201 else 'there already'}; this is how acts attach it")
    return 0


@file.command(name="list")
async def file_list(*, target: Target = EVERYWHERE) -> int:
    """List the files that your side has uploaded to a channel."""
    async with connected(target) as caller:
        answer = await caller.call("GET", await _files(target, caller))
        files = answer.of("list of files", Files)
    if target.json:
        out_json(files)
        return 0
    table(
        [
            [f.sha256, str(f.bytes), f.media_type, f.at, "yes" if f.named else "no"]
            for f in files.files
        ],
        ["SHA-256", "BYTES", "TYPE", "PUT", "NAMED"],
    )
    return 0


@file.command(name="get")
async def file_get(
    sha256: Annotated[str, Parameter(help="The SHA-256 of the file, in hex.")],
    *,
    output: Annotated[
        Path | None,
        Parameter(help="The file to write. Default: standard output, unless it is a terminal."),
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Download a file, and check that it has this SHA256."""
    async with connected(target) as caller:
        content = (
            await caller.call(
                "GET", f"{await _files(target, caller)}/{quote(sha256)}", timeout=FILES
            )
        ).body
    if hashlib.sha256(content).hexdigest() != sha256:
        say("dragoman: VERIFICATION FAILED: the gateway sent another file; nothing was written")
        return UNVERIFIED
    if output is None and sys.stdout.isatty():
        raise UsageError(
            "a file may hold characters that a terminal obeys; name a file with --output, or send "
            "standard output to a file or a program"
        )
    if output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    else:
        output.write_bytes(content)
        say(f"{len(content)} bytes in {output}")
    return 0


@file.command(name="erase")
async def file_erase(
    sha256: Annotated[str, Parameter(help="The SHA-256 of the file, in hex.")],
    *,
    target: Target = EVERYWHERE,
) -> int:
    """Erase your side's copy of a file.

    Acts that name it show "erased".
    """
    async with connected(target) as caller:
        answer = await caller.call("DELETE", f"{await _files(target, caller)}/{quote(sha256)}")
    if target.json:
        out_json(answer.body)
    else:
        say(f"erased {answer.of('file', FileView).at}")
    return 0


async def _files(target: Target, caller: Client) -> str:
    return f"/v1/channels/{quote(await channel_of(target, caller))}/files"

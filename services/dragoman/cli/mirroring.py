"""`dragoman audit mirror`, `compare` and `fork`: a side's own copy of a log, and what two copies come to."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from cyclopts import Parameter

from dragoman.audit import copy
from dragoman.audit.copy import Compared, Copy, Head
from dragoman.audit.mirror import Mirror, NotThisChannel, Pinned
from dragoman.audit.replay import Hole, Page, erasures_in, messages_of
from dragoman.cli.auditing import checked_cid, verifier_of
from dragoman.cli.common import (
    HEAD_SECONDS,
    UNVERIFIED,
    Target,
    UsageError,
    channel_of,
    connected,
    head_of,
    out,
    out_json,
    read_input,
    say,
)
from dragoman.cli.verifying import archive_in, audit, there
from dragoman.client import Client, Garbled, Unreachable
from dragoman.tlog.note import NotANote, Verifier

EVERYWHERE = Target()
_LOOK_SECONDS: Final = 1.0
_GATEWAY: Final = "gateway"


@audit.command(name="mirror")
async def mirror_command(
    folder: Path,
    *,
    cid: Annotated[str, Parameter(help="The channel's id as your own side wrote it down at the opening.")],
    log: Annotated[str, Parameter(help="The verifier key of the log, as your own side wrote it down at the opening.")],
    once: Annotated[bool, Parameter(negative=(), help="Stop when the copy has come to the end of the log.")] = False,
    target: Target = EVERYWHERE,
) -> int:
    """Keep your side's own copy of a log in FOLDER, each record verified before it is kept. Ends with exit code 7 at the first lie."""
    mirror = mirror_of(folder, cid, log)
    try:
        mirror.again()
        if mirror.lie is None:
            say(f"{mirror.archive.size} records are kept in {folder}, and verified again")
            async with connected(target) as caller:
                await follow(mirror, caller, await channel_of(target, caller), once=once)
    finally:
        mirror.close()
    return verdict(mirror)


def mirror_of(folder: Path, cid: str, log: str) -> Mirror:
    """The mirror in a folder, or a new one there. Raises `UsageError`, and what an archive raises."""
    try:
        return Mirror(folder, Pinned(cid=checked_cid(cid), log=str(verifier_of(log))))
    except NotThisChannel as error:
        raise UsageError(str(error)) from None


def verdict(mirror: Mirror) -> int:
    """Say the first lie that a mirror has found; the exit code."""
    if mirror.lie is None:
        return 0
    say(f"dragoman: VERIFICATION FAILED: {mirror.lie.check} at position {mirror.lie.position}: {mirror.lie.what}")
    say(f"keep as evidence: {mirror.lie.evidence}")
    return UNVERIFIED


async def follow(mirror: Mirror, caller: Client, channel: str, *, once: bool, wanted: asyncio.Event | None = None) -> None:
    """Take what comes until the end of the log, or for ever, looking every second and whenever `wanted` is set; ends at the first lie."""
    wanted = wanted or asyncio.Event()
    while mirror.lie is None:
        before = mirror.archive.size
        try:
            async for page in _pages(caller, channel, before + 1):
                messages = [raw for _, raw in page if isinstance(raw, bytes)]
                if mirror.verification.asks_for_erasures(messages):
                    mirror.expect(await erasures_in(partial(_pages, caller, channel, before + 1)))
                _take(mirror, page)
                if mirror.lie is not None:
                    return
            signed = await head_of(caller, channel, wait_s=HEAD_SECONDS if once else 0.0)
        except (Unreachable, Garbled) as error:
            if once:
                raise
            say(f"{error}; it is tried again")
            signed = None
        if signed is not None:
            await asyncio.to_thread(partial(mirror.head, signed, patient=not once))
        if mirror.archive.size > before:
            say(f"{mirror.archive.size} records are kept")
        if once and signed is not None and mirror.awaited and mirror.archive.size == before:
            mirror.cut_off(signed)
        if once and not mirror.awaited:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await wanted.wait()
        wanted.clear()


def _pages(caller: Client, channel: str, first: int) -> AsyncGenerator[Page, None]:
    return messages_of(caller.records(channel, first))


def _take(mirror: Mirror, page: list[tuple[int, Any]]) -> None:
    following = mirror.archive.size + 1
    if page and page[0][0] != following:
        raise Hole(f"position {following} is missing: {page[0][0]} comes in its place")
    mirror.take(raw if isinstance(raw, bytes) else raw.raw for _, raw in page)


@audit.command(name="compare")
async def compare_command(
    one: str,
    other: str,
    *,
    log: Annotated[str, Parameter(help="The verifier key of the log, as your own side wrote it down.")] = "",
    to: Annotated[Path | None, Parameter(help="Where to write the evidence of a fork. Default: fork.json.")] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Compare two copies: exports, mirrors' folders, or `gateway`. The same, one extends the other, or a fork: exit code 7.

    One of them may be a signed head that you have kept, or a record's .tlog-proof: whoever has forked the log since is convicted by it alone.
    """
    with ExitStack() as opened:
        found = await asyncio.to_thread(
            _compared, await _opened(opened, one, target), await _opened(opened, other, target), verifier_of(log) if log else None
        )
    if target.json:
        out_json(msgspec.to_builtins({"result": found.result, "position": found.position, "detail": found.detail}))
    else:
        out(f"{found.result}: {found.detail}")
    if found.evidence is not None:
        path = to or Path("fork.json")
        path.write_bytes(found.evidence)
        say(f"{path} convicts whoever holds the log's key: check it anywhere with: dragoman audit fork {path} --log …")
    elif found.result == copy.FORK:
        say("keep both copies: at most one of them is under a signed head, and no signature convicts anybody yet")
    elif found.result == copy.SHORTER:
        say("keep what you have: it shows that there was more")
    return 0 if found.result in (copy.SAME, copy.EXTENDS) else UNVERIFIED


def _compared(one: Copy | Head, other: Copy | Head, log: Verifier | None) -> Compared:
    """What two copies come to, or a head and a copy. Raises `UsageError`."""
    try:
        match one, other:
            case Head(), Copy():
                return copy.held(one, other, log)
            case Copy(), Head():
                return copy.held(other, one, log)
            case Copy(), Copy():
                return copy.compare(one, other, log)
            case _:
                raise UsageError("two heads have no records to be compared by: name a copy beside one of them")
    except NotANote as error:
        raise UsageError(f"the head that was kept shows nothing of this log: {error}") from None


async def _opened(opened: ExitStack, where: str, target: Target) -> Copy | Head:
    if where == _GATEWAY:
        async with connected(target) as caller:
            channel = await channel_of(target, caller)
            signed = await head_of(caller, channel, wait_s=HEAD_SECONDS)
            messages = [raw async for page in messages_of(caller.records(channel)) for _, raw in page if isinstance(raw, bytes)]
        return copy.of_messages(f"the gateway {target.server or ''}".strip(), messages, signed)
    path = there(Path(where))
    if path.is_dir():
        archive = archive_in(path)
        opened.callback(archive.close)
        return copy.of_archive(where, archive)
    return copy.head_in(path) or copy.of_export(path)


@audit.command(name="fork")
def fork_command(file: Path, *, log: Annotated[str, Parameter(help="The verifier key of the log, as your own side wrote it down.")]) -> int:
    """Check the evidence of a fork that `audit compare` wrote, offline and without either copy."""
    raw, verifier = read_input(str(file)), verifier_of(log)
    try:
        out(copy.convicts(raw, verifier))
    except NotANote as error:
        say(f"dragoman: {error}")
        return UNVERIFIED
    return 0


__all__ = ["audit"]

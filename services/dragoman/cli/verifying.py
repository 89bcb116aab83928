"""`dragoman audit export` and `verify`: take a log to an island, and find every lie in it there."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dragoman.audit import export
from dragoman.audit.export import Export, NotAnExport
from dragoman.audit.replay import Hole, messages_of
from dragoman.audit.verify import Verification, Verified
from dragoman.cli.auditing import audit, checked_cid, verifier_of
from dragoman.cli.common import HEAD_SECONDS, UNVERIFIED, Target, UsageError, channel_of, connected, head_of, out, out_json, say, table
from dragoman.client import Client
from dragoman.log.archive import Archive, ArchiveBusy, ArchiveDamaged
from dragoman.tlog import checkpoint
from dragoman.tlog.note import NotANote, Verifier

EVERYWHERE = Target()

Cid = Annotated[str, Parameter(help="The channel's id as your own side wrote it down at the opening.")]
Witnesses = Annotated[tuple[str, ...], Parameter(help="The verifier key of a witness that must have cosigned the head; once for each.")]
Log = Annotated[str, Parameter(help="The verifier key of the log, as your own side wrote it down at the opening.")]


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


@audit.command(name="export")
async def export_command(
    *,
    to: Annotated[Path | None, Parameter(help="Where to write it. Default: CHANNEL.zip.")] = None,
    witness: Witnesses = (),
    target: Target = EVERYWHERE,
) -> int:
    """Write the log, its signed head and its tiles into one archive that needs no server. People and files are not in it."""
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        signed = await _cosigned(caller, channel, [verifier_of(each, "--witness") for each in witness])
        about = (await caller.call("GET", f"/v1/channels/{channel}")).json()
        messages: list[bytes] = []
        try:
            with _progress("exporting", about["position"]) as told:
                async for page in messages_of(caller.records(channel)):
                    messages += [raw for _, raw in page if isinstance(raw, bytes)]
                    told(len(messages))
        except Hole as error:
            say(f"dragoman: VERIFICATION FAILED: the log is not whole: {error}")
            return UNVERIFIED
    size = _size_of(signed)
    if size is None or size > len(messages):
        say(
            f"dragoman: VERIFICATION FAILED: the gateway gave {len(messages)} records under a head that is none of theirs: nothing is written"
        )
        return UNVERIFIED
    path = to or Path(f"{channel}.zip")
    kept = {name: about[name] for name in ("name", "cid", "kind", "custody", "sides", "log")}
    try:
        export.write(path, messages, {**kept, "records": len(messages)}, signed, size)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    out(str(path))
    say(f"{len(messages)} records, under a signed head of {size}; verify it anywhere with: dragoman audit verify {path} --cid … --log …")
    return 0


def _size_of(signed: bytes | None) -> int | None:
    """How many records a head speaks of: none where there is no head, and None where it is no head at all."""
    try:
        return 0 if signed is None else checkpoint.read(signed.decode().rpartition("\n\n")[0] + "\n").size
    except (NotANote, UnicodeDecodeError):
        return None


@audit.command(name="verify")
async def verify_command(
    file: Annotated[Path | None, Parameter(help="An export, or a mirror's folder; without one, the log as the gateway gives it.")] = None,
    *,
    cid: Cid = "",
    log: Log = "",
    witness: Witnesses = (),
    target: Target = EVERYWHERE,
) -> int:
    """Verify a log from its first record, trusting --cid, --log, --witness alone. The first lie: what, where, whom it convicts; exit code 7."""
    witnesses = [verifier_of(each, "--witness") for each in witness]
    verification = Verification(cid=checked_cid(cid), log=verifier_of(log) if log else None, witnesses=witnesses)
    try:
        if file is None:
            await _from_server(verification, target, witnesses)
        else:
            _from_export(verification, file)
    except NotAnExport as error:
        say(f"dragoman: VERIFICATION FAILED: {error}")
        return UNVERIFIED
    except (Hole, ArchiveDamaged) as error:
        say(f"dragoman: VERIFICATION FAILED: the log is not whole: {error}")
        return UNVERIFIED
    except ArchiveBusy as error:
        raise UsageError(str(error)) from None
    result = verification.result()
    _print(result, target, pinned=bool(cid and log))
    return 0 if result.lie is None else UNVERIFIED


def _from_export(verification: Verification, file: Path) -> None:
    if file.is_dir():
        _from_mirror(verification, file)
        return
    with Export(file) as opened:
        records = opened.about.get("records")
        with _progress("verifying", records if isinstance(records, int) else None) as told:
            verification.take(opened.messages(), told)
        verification.described(opened.about)
        verification.head(opened.checkpoint)
        verification.readme(opened.readme)
        verification.tiles(opened.tiles())


def _from_mirror(verification: Verification, folder: Path) -> None:
    archive = Archive(folder)
    try:
        with _progress("verifying", archive.size) as told:
            verification.take((archive.raw(position) for position in range(1, archive.size + 1)), told)
        verification.head(archive.sealed)
    finally:
        archive.close()


async def _from_server(verification: Verification, target: Target, witnesses: Sequence[Verifier]) -> None:
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        signed = await _cosigned(caller, channel, witnesses)
        total = (await caller.call("GET", f"/v1/channels/{channel}")).json()["position"]
        with _progress("verifying", total) as told:
            async for page in messages_of(caller.records(channel)):
                verification.take([raw for _, raw in page if isinstance(raw, bytes)])
                told(verification.replay.standing.state.position)
                if verification.lie is not None:
                    break
        verification.head(signed)


async def _cosigned(caller: Client, channel: str, witnesses: Sequence[Verifier]) -> bytes | None:
    """The signed head, once every witness is under it, or as it is after a while."""
    until = time.monotonic() + HEAD_SECONDS
    while True:
        signed = await head_of(caller, channel, wait_s=HEAD_SECONDS)
        lines = "" if signed is None else signed.decode(errors="replace")
        if time.monotonic() > until or all(f"\u2014 {each.name} " in lines for each in witnesses):
            return signed
        await asyncio.sleep(0.25)


def _print(result: Verified, target: Target, *, pinned: bool) -> None:
    if target.json:
        out_json(msgspec.to_builtins(result))
        return
    if result.lie is not None:
        where = f" at position {result.lie.position}" if result.lie.position else ""
        say(f"dragoman: VERIFICATION FAILED: {result.lie.check}{where}: {result.lie.what}")
        say(f"keep as evidence: {result.lie.evidence}")
        return
    out(f"{result.channel}, cid {result.cid}, position {result.position}")
    out(f"digest {result.digest}\n")
    table([[finding.check, finding.found, finding.word] for finding in result.findings], ["CHECK", "FOUND", "ON WHOSE WORD"])
    for void in result.void:
        out(f"void at {void}")
    if not pinned:
        say("give --cid and --log from your own side's notes: without them this is the log that was given, whichever that is")
    say("no lie was found")


__all__ = ["audit"]

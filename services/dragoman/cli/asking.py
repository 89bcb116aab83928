"""`dragoman audit owed` and `exceptions`: what an auditor asks of a log, from an export, a mirror, or the log as the gateway gives it."""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from dragoman.audit import questions
from dragoman.audit.export import Export, NotAnExport
from dragoman.audit.replay import Hole, Replay, messages_of
from dragoman.cli.common import UNVERIFIED, Target, UsageError, channel_of, connected, out_json, say, table
from dragoman.cli.mirroring import audit
from dragoman.log.archive import Archive, ArchiveBusy, ArchiveDamaged

EVERYWHERE = Target()

Source = Annotated[Path | None, Parameter(help="An export, or a mirror's folder; without one, the log as the gateway gives it.")]


@audit.command(name="owed")
async def owed_command(file: Source = None, *, target: Target = EVERYWHERE) -> int:
    """List what every side owed and did not do in time, and what is open, as of the last record. Verify the log first."""
    found = await _replayed(file, target)
    if found is None:
        return UNVERIFIED
    rows = questions.owed(found[0])
    if target.json:
        out_json(msgspec.to_builtins(rows))
        return 0
    table(
        [
            [row.side, row.clock, row.number, row.due, row.came or ("open" if row.open else "ended"), "courtesy" if row.courtesy else ""]
            for row in rows
        ],
        ["SIDE", "WHAT", "UNDER", "UNTIL", "CAME", ""],
    )
    say(f"{sum(not row.open for row in rows)} limits passed, {sum(row.open for row in rows)} are open")
    return 0


@audit.command(name="exceptions")
async def exceptions_command(file: Source = None, *, target: Target = EVERYWHERE) -> int:
    """List every exception: one key, by voice, acting, entered later, late, corrected, without effect. Verify the log first."""
    found = await _replayed(file, target)
    if found is None:
        return UNVERIFIED
    rows = questions.exceptions(*found)
    if target.json:
        out_json(msgspec.to_builtins(rows))
        return 0
    table([[str(row.position), row.kind, row.side, row.number, row.detail] for row in rows], ["POSITION", "KIND", "SIDE", "UNDER", "WHAT"])
    say(f"{len(rows)} exceptions")
    return 0


async def _replayed(file: Path | None, target: Target) -> tuple[Replay, list[bytes]] | None:
    try:
        messages = await _messages(file, target)
    except (NotAnExport, ArchiveDamaged, Hole) as error:
        say(f"dragoman: VERIFICATION FAILED: {error}")
        return None
    except ArchiveBusy as error:
        raise UsageError(str(error)) from None
    replay = Replay()
    replay.take(messages)
    return replay, messages


async def _messages(file: Path | None, target: Target) -> list[bytes]:
    if file is None:
        async with connected(target) as caller:
            pages = messages_of(caller.records(await channel_of(target, caller)))
            return [raw async for page in pages for _, raw in page if isinstance(raw, bytes)]
    if not file.is_dir():
        with Export(file) as opened:
            return list(opened.messages())
    archive = Archive(file)
    try:
        return [archive.raw(position) for position in range(1, archive.size + 1)]
    finally:
        archive.close()

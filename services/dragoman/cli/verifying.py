"""`dragoman audit export` and `verify`: take a log to an island, and find every lie in it there."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dragoman.audit import export
from dragoman.audit.export import Export
from dragoman.audit.replay import erasures_in, messages_of
from dragoman.audit.strictly import read_strictly
from dragoman.audit.verify import Verification, Verified
from dragoman.cli.auditing import audit, checked_cid, verifier_of
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
    table,
)
from dragoman.client import Client
from dragoman.domain import heads
from dragoman.domain.erasure import named_in
from dragoman.log.archive import Archive
from dragoman.tlog import checkpoint, note, policy
from dragoman.tlog.note import NotANote, Verifier
from dragoman.tlog.policy import Policy

EVERYWHERE = Target()

Cid = Annotated[str, Parameter(help="The channel's id as your own side wrote it down at the opening.")]
Witnesses = Annotated[tuple[str, ...], Parameter(help="The verifier key of a witness that must have cosigned the head; once for each.")]
Log = Annotated[str, Parameter(help="The verifier key of the log, as your own side wrote it down at the opening.")]


PolicyFile = Annotated[
    Path | None, Parameter(name="--policy", help="A C2SP tlog-policy of your own side's, whose quorum must have cosigned the head.")
]


MaxAge = Annotated[
    int | None,
    Parameter(
        help="How old, in seconds, the named witnesses' newest cosignature may be. Default: 900 for a log from a gateway, any in a file."
    ),
]
_FRESH_SECONDS: Final = 900
"""Heads are cosigned again every five minutes, though nothing comes: three times that is silence."""


class Asked(Struct, frozen=True, kw_only=True):
    """Whose cosignatures a reader wants under the head, by the own side's notes."""

    witnesses: tuple[Verifier, ...] = ()
    policy: Policy | None = None

    def are_under(self, signed: bytes | None) -> bool:
        """Whether all of them are; what is no head is for the verification to tell."""
        try:
            head = note.read(signed or b"")
            quorum = self.policy is None or self.policy.satisfied(self.policy.witnessed(head))
            return quorum and all(head.signed_by(each) is not None for each in self.witnesses)
        except NotANote:
            return True

    def verification(self, cid: str, log: str, not_before: int) -> Verification:
        """A verification that asks for them, and for a cid and a log key where they are given. Raises `UsageError`."""
        return Verification(
            cid=checked_cid(cid),
            log=verifier_of(log) if log else None,
            witnesses=self.witnesses,
            policy=self.policy,
            not_before=not_before,
        )


def asked_for(witness: Sequence[str], file: Path | None, log: str) -> Asked:
    """What the options ask for. A policy without a `log` line is of the log that is given. Raises `UsageError`."""
    witnesses = tuple(verifier_of(each, "--witness") for each in witness)
    if file is None:
        return Asked(witnesses=witnesses)
    text = read_input(str(file)).decode(errors="replace")
    try:
        own = not any(line.split()[:1] == ["log"] for line in text.splitlines())
        if own and not log:
            raise UsageError(f"{file} has no `log` line: add it, or give --log")
        return Asked(witnesses=witnesses, policy=policy.read(heads.written(verifier_of(log), text) if own else text))
    except NotANote as error:
        raise UsageError(f"{file} is no policy: {error}") from None


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, and what moves it."""
    columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


@audit.command(name="export")
async def export_command(
    *,
    to: Annotated[Path | None, Parameter(help="Where to write it. Default: CHANNEL.zip.")] = None,
    log: Log = "",
    witness: Witnesses = (),
    policy_file: PolicyFile = None,
    target: Target = EVERYWHERE,
) -> int:
    """Write the log, its signed head and its tiles into one archive that needs no server. People and files are not in it."""
    asked = asked_for(witness, policy_file, log)
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        signed = await cosigned(caller, channel, asked)
        about = (await caller.call("GET", f"/v1/channels/{channel}")).json()
        messages: list[bytes] = []
        with progress("exporting", about["position"]) as told:
            async for page in messages_of(caller.records(channel)):
                messages += [raw for _, raw in page if isinstance(raw, bytes)]
                told(len(messages))
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
    policy_file: PolicyFile = None,
    max_age: MaxAge = None,
    target: Target = EVERYWHERE,
) -> int:
    """Verify a log from its first record, trusting what you give and nothing else. The first lie: what, where, whom it convicts; exit code 7."""
    asked = asked_for(witness, policy_file, log)
    verification = asked.verification(cid, log, not_before(file, max_age))
    if file is None:
        await _from_server(verification, target, asked)
    else:
        _from_export(verification, file)
    result = verification.result()
    _print(result, target, pinned=bool(cid and log))
    return 0 if result.lie is None else UNVERIFIED


def not_before(file: Path | None, max_age: int | None) -> int:
    """When the newest cosignature must have been made at the earliest."""
    age = _FRESH_SECONDS if max_age is None and file is None else max_age
    return 0 if age is None else int(time.time()) - age


def _from_export(verification: Verification, file: Path) -> None:
    if file.is_dir():
        _from_mirror(verification, file)
        return
    with Export(file) as opened:
        records = opened.about.get("records")
        with progress("verifying", records if isinstance(records, int) else None) as told:
            verification.erasures = lambda: named_in(enumerate(opened.messages(), 1))
            verification.take(read_strictly(opened.messages(), verification.keys), told)
        verification.described(opened.about)
        verification.head(opened.checkpoint)
        verification.readme(opened.readme)
        verification.tiles(opened.tiles())


def _from_mirror(verification: Verification, folder: Path) -> None:
    archive = Archive(folder)
    try:
        with progress("verifying", archive.size) as told:
            verification.erasures = lambda: named_in(enumerate(archive.messages(), 1))
            verification.take(read_strictly(archive.messages(), verification.keys), told)
        verification.head(archive.sealed)
    finally:
        archive.close()


async def _from_server(verification: Verification, target: Target, asked: Asked) -> None:
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        signed = await cosigned(caller, channel, asked)
        total = (await caller.call("GET", f"/v1/channels/{channel}")).json()["position"]
        with progress("verifying", total) as told:
            async for page in messages_of(caller.records(channel)):
                messages = [raw for _, raw in page if isinstance(raw, bytes)]
                if verification.asks_for_erasures(messages):
                    verification.expect(await erasures_in(lambda: messages_of(caller.records(channel))))
                verification.take(messages)
                told(verification.replay.standing.state.position)
                if verification.lie is not None:
                    break
        verification.head(signed)


async def cosigned(caller: Client, channel: str, asked: Asked) -> bytes | None:
    """The signed head, once whoever is asked for is under it, or as it is after a while."""
    until = time.monotonic() + HEAD_SECONDS
    while True:
        signed = await head_of(caller, channel, wait_s=HEAD_SECONDS)
        if time.monotonic() > until or asked.are_under(signed):
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

"""`dragoman audit export` and `verify`: take a log to an island, and find every lie in it there."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dragoman.audit import compare, export
from dragoman.audit.checks import Keep, check_export, check_folder, forget
from dragoman.audit.export import Export
from dragoman.audit.replay import erasures_in, messages_of
from dragoman.audit.verification import LogInconsistent, Verification, Verified
from dragoman.cli.audit.copies import archive_in, there
from dragoman.cli.audit.replay import audit, checked_cid, verifier_of
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
from dragoman.client import Client, Garbled, ProblemResponse, Unreachable
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.erasure import Named
from dragoman.limits import COMPARED_GROWTH
from dragoman.tlog import checkpoint, leaf, note, policy, tiles
from dragoman.tlog.difference import sources_of
from dragoman.tlog.merkle import Nodes
from dragoman.tlog.note import NotANote, Verifier
from dragoman.tlog.policy import Policy
from dragoman.witness import times_in

EVERYWHERE = Target()

Cid = Annotated[
    str, Parameter(help="The channel's id as your own side wrote it down at the opening.")
]
Witnesses = Annotated[
    tuple[str, ...],
    Parameter(
        help="The verifier key of a witness that must have cosigned the head; once for each."
    ),
]
Log = Annotated[
    str,
    Parameter(help="The verifier key of the log, as your own side wrote it down at the opening."),
]


PolicyFile = Annotated[
    Path | None,
    Parameter(
        name="--policy",
        help="A C2SP tlog-policy of your own side's, whose quorum must have cosigned the head.",
    ),
]


MaxAge = Annotated[
    int | None,
    Parameter(
        help="How old, in seconds, the named witnesses' newest cosignature may be. Default: 900 for a log from a gateway, any in a file."
    ),
]
_AGAIN_SECONDS: Final = 0.25
_PATIENT_SECONDS: Final = 60.0
_NOT_THERE: Final = 404
_LATER: Final = (429, 503)
"""What a gateway answers that has no time for it now."""

_FRESH_SECONDS: Final = 900
"""Heads are cosigned again every five minutes, though nothing comes: three times that
is silence.
"""


class RequiredCosigners(Struct, frozen=True, kw_only=True):
    """Whose cosignatures a reader wants under the head, by the own side's notes."""

    witnesses: tuple[Verifier, ...] = ()
    policy: Policy | None = None

    def are_under(self, signed: bytes | None) -> bool:
        """Return whether all of them are; what is no head is for the verification to tell."""
        try:
            head = note.read(signed or b"")
            quorum = self.policy is None or self.policy.satisfied(self.policy.witnessed(head))
            return quorum and all(head.signed_by(witness) is not None for witness in self.witnesses)
        except NotANote:
            return True

    def verification(self, cid: str, log: str, not_before: int, file: Path | None) -> Verification:
        """Return a verification that asks for them, and for a cid and a log key where they are given. Raises `UsageError`.

        A folder in which the own side's witness has its mirror says when each record
        came.
        """
        return Verification(
            cid=checked_cid(cid),
            log=verifier_of(log) if log else None,
            witnesses=self.witnesses,
            policy=self.policy,
            not_before=not_before,
            cosigned=times_in(file) if file is not None and file.is_dir() else (),
            live=file is None,
        )


def asked_for(witness: Sequence[str], file: Path | None, log: str) -> RequiredCosigners:
    """Return what the options ask for. A policy without a `log` line is of the log that is given. Raises `UsageError`."""
    witnesses = tuple(verifier_of(item, "--witness") for item in witness)
    if file is None:
        return RequiredCosigners(witnesses=witnesses)
    text = read_input(str(file)).decode(errors="replace")
    try:
        own = not any(line.split()[:1] == ["log"] for line in text.splitlines())
        if own and not log:
            raise UsageError(f"{file} has no `log` line: add it, or give --log")
        result = policy.read(log_policy.written(verifier_of(log), text) if own else text)
        if log and verifier_of(log) not in result.logs.values():
            raise UsageError(
                f"{file} is a policy of another log than --log: name the same key in both"
            )
        return RequiredCosigners(witnesses=witnesses, policy=result)
    except NotANote as error:
        raise UsageError(f"{file} is no policy: {error}") from None


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yield a bar on standard error, and what moves it."""
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
    required_cosigners = asked_for(witness, policy_file, log)
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        about = await caller.channel(channel)
        with progress("exporting", about.position) as told:
            messages, signed = await given(caller, channel, required_cosigners, told)
    size = _size_of(signed)
    if size is None or size > len(messages):
        say(
            f"dragoman: VERIFICATION FAILED: the gateway gave {len(messages)} records under a head that is none of theirs: nothing is written"
        )
        return UNVERIFIED
    if signed is not None and not await asyncio.to_thread(_is_of, messages, signed, size):
        say(
            f"dragoman: VERIFICATION FAILED: the signed head of {size} records is of other records than those that the gateway gave: "
            "nothing is written; `dragoman audit verify` says where"
        )
        return UNVERIFIED
    if signed is not None and size < len(messages):
        say(
            f"{len(messages) - size} records at the end stand under no signed head, and are left out: export them once one is signed"
        )
        del messages[size:]
    path = to or Path(f"{channel}.zip")
    kept = {
        name: getattr(about, name) for name in ("name", "cid", "kind", "custody", "sides", "log")
    }
    try:
        export.write(path, messages, {**kept, "records": len(messages)}, signed, size)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    out(str(path))
    say(
        f"{len(messages)} records, under a signed head of {size}; verify it anywhere with: dragoman audit verify {path} --cid … --log …"
    )
    return 0


def _size_of(signed: bytes | None) -> int | None:
    """Return how many records a head speaks of: none where there is no head, and None where it is no head at all."""
    try:
        return (
            0
            if signed is None
            else checkpoint.read(signed.decode().rpartition("\n\n")[0] + "\n").size
        )
    except (NotANote, UnicodeDecodeError):
        return None


def _is_of(messages: Sequence[bytes], signed: bytes, size: int) -> bool:
    """Return whether a head of that size, whoever signed it, is of the first of these messages."""
    try:
        return (
            compare.of_messages("", messages, None).root(size)
            == checkpoint.read(note.read(signed).text).root
        )
    except NotANote:
        return False


@audit.command(name="verify")
async def verify_command(
    file: Annotated[
        Path | None,
        Parameter(
            help="An export, or a mirror's folder; without one, the log as the gateway gives it."
        ),
    ] = None,
    *,
    cid: Cid = "",
    log: Log = "",
    witness: Witnesses = (),
    policy_file: PolicyFile = None,
    max_age: MaxAge = None,
    target: Target = EVERYWHERE,
) -> int:
    """Verify a log from its first record, trusting what you give and nothing else. The first lie: what, where, whom it convicts; exit code 7."""
    required_cosigners = asked_for(witness, policy_file, log)
    verification = required_cosigners.verification(cid, log, not_before(file, max_age), file)
    await look_through(verification, file, target, required_cosigners)
    result = verification.result()
    _print(result, target, pinned=bool(cid and (log or policy_file)))
    return 0 if result.lie is None else UNVERIFIED


def not_before(file: Path | None, max_age: int | None) -> int:
    """Return when the newest cosignature must have been made at the earliest."""
    age = _FRESH_SECONDS if max_age is None and file is None else max_age
    return 0 if age is None else int(time.time()) - age


async def look_through(
    verification: Verification,
    file: Path | None,
    target: Target,
    required_cosigners: RequiredCosigners,
    keep: Keep = forget,
    *,
    tiled: bool = True,
) -> None:
    """Make all checks of a log, wherever it is. Raises `UsageError`, and what reading raises.

    This is the one way in which commands read a log, so that what one of them finds no
    other passes over. `keep` is given each message. Where a log that a gateway gives
    need not be `tiled`, its tiles are not fetched.
    """
    if file is None:
        await _from_server(verification, target, required_cosigners, keep, tiled=tiled)
    elif there(file).is_dir():
        _from_mirror(verification, file, keep)
    else:
        _from_export(verification, file, keep)


def _from_export(verification: Verification, file: Path, keep: Keep) -> None:
    with Export(file) as opened:
        records = opened.about.get("records")
        with progress("verifying", records if isinstance(records, int) else None) as told:
            check_export(verification, opened, told, keep)


def _from_mirror(verification: Verification, folder: Path, keep: Keep) -> None:
    archive = archive_in(folder)
    try:
        with progress("verifying", archive.size) as told:
            check_folder(verification, archive, told, keep)
    finally:
        archive.close()


async def _from_server(
    verification: Verification,
    target: Target,
    required_cosigners: RequiredCosigners,
    keep: Keep,
    *,
    tiled: bool,
) -> None:
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        with progress("verifying", (await caller.channel(channel)).position) as told:
            log = GatewayLog(caller, channel, required_cosigners)
            async for messages in log.pages():
                if verification.asks_for_erasures(messages):
                    verification.expect(log.named)
                for message in messages:
                    keep(message)
                verification.take(messages)
                told(verification.size)
                if verification.lie is not None and verification.lie.check == "opening":
                    return
        await asyncio.to_thread(verification.head, log.head, sources=_sources(caller, channel))
        if verification.lie is None and tiled:
            await _look_at_tiles(verification, caller, channel)


def _sources(caller: Client, channel: str) -> Callable[[int], list[Nodes]]:
    """Return the tiles that a gateway serves, for a thread beside the one that fetches them; one that does not come leads nowhere."""
    loop = asyncio.get_running_loop()

    def read(path: str) -> bytes | None:
        try:
            return asyncio.run_coroutine_threadsafe(tile_of(caller, channel, path), loop).result()
        except (ProblemResponse, Unreachable, Garbled):
            return None

    return lambda size: sources_of(size, read)[
        :1
    ]  # what is cheap: the others would fetch every tile


async def _look_at_tiles(verification: Verification, caller: Client, channel: str) -> None:
    """Have the tiles that the gateway serves under the head looked at, one after the other."""
    wanted = list(tiles.tiles_of(verification.signed))
    with progress("its tiles", len(wanted)) as told:
        for number, tile in enumerate(wanted, 1):
            raw = await tile_of(caller, channel, tile.path)
            if raw is not None:
                verification.tile(tile.path, raw)
            if raw is None or verification.lie is not None:
                break
            told(number)
    verification.tiled("the gateway")


async def tile_of(caller: Client, channel: str, path: str) -> bytes | None:
    """Return a tile, as patiently as the gateway asks for it, for a minute; None where it has none."""
    until = time.monotonic() + _PATIENT_SECONDS
    while True:
        try:
            return (await caller.call("GET", f"/v1/channels/{channel}/log/{path}")).body
        except ProblemResponse as error:
            if error.problem.status == _NOT_THERE:
                return None
            if error.problem.status not in _LATER or time.monotonic() > until:
                raise
            await asyncio.sleep(max(error.wait, _AGAIN_SECONDS))


class GatewayLog:
    """A log as the gateway gives it: its pages, and after the last one the `head` of just these records, where one is signed in time.

    Where entries stand for records the gateway is asked, once, what its erasures name
    (`named`): the log is taken as far as these, which may have come meanwhile.
    """

    def __init__(self, caller: Client, channel: str, required_cosigners: RequiredCosigners) -> None:
        """Ask for a channel's, with these cosignatures under the head."""
        self._caller = caller
        self._channel = channel
        self._asked = required_cosigners
        self.head: bytes | None = None
        self.named: Named = {}

    async def pages(self) -> AsyncGenerator[list[bytes], None]:
        """Return the messages, page by page, and then those that came meanwhile and are under the head."""
        size = number = 0
        most = (
            _size_of(await head_of(self._caller, self._channel, wait_s=HEAD_SECONDS)) or 0
        ) + COMPARED_GROWTH
        async for page in messages_of(self._caller.records(self._channel)):
            if size > most:
                break  # no head speaks of so many, and a gateway may go on without end
            size += len(page)
            stubs = [
                position
                for position, raw in page
                if isinstance(raw, bytes) and leaf.read_entry(raw) is not None
            ]
            if stubs and not self.named:
                self.named = await erasures_in(
                    lambda: messages_of(self._caller.records(self._channel)), most
                )
            number = max(
                number,
                *(self.named[position].by for position in stubs if position in self.named),
                0,
            )
            yield [raw for _, raw in page if isinstance(raw, bytes)]
        self.head = await cosigned(self._caller, self._channel, self._asked, max(size, number))
        missing = (_size_of(self.head) or 0) - size
        if missing > 0:
            async for page in messages_of(self._caller.records(self._channel, size + 1)):
                yield [raw for _, raw in page[:missing] if isinstance(raw, bytes)]
                missing -= len(page)
                if missing <= 0:
                    break


async def given(
    caller: Client,
    channel: str,
    required_cosigners: RequiredCosigners,
    told: Callable[[int], None] = lambda position: None,
) -> tuple[list[bytes], bytes | None]:
    """Return the messages of a log as the gateway gives it, and the head of just these where one is signed in time."""
    log, messages = GatewayLog(caller, channel, required_cosigners), list[bytes]()
    async for page in log.pages():
        messages += page
        told(len(messages))
    return messages, log.head


async def cosigned(
    caller: Client, channel: str, required_cosigners: RequiredCosigners, size: int = 0
) -> bytes | None:
    """Return the signed head, once it is of so many records and whoever is asked for is under it, or as it is after a while."""
    until = time.monotonic() + HEAD_SECONDS
    while True:
        signed = await head_of(caller, channel, wait_s=HEAD_SECONDS)
        if (
            time.monotonic() > until
            or signed is None
            or (required_cosigners.are_under(signed) and (_size_of(signed) or size) >= size)
        ):
            return signed
        await asyncio.sleep(_AGAIN_SECONDS)


def told_of(lie: LogInconsistent) -> str:
    """Return a lie in words: which check found it, where, and what it is."""
    return f"{lie.check}{f' at position {lie.position}' if lie.position else ''}: {lie.what}"


def say_failed(lie: LogInconsistent) -> None:
    """Say what a verification found, and what to keep."""
    say(f"dragoman: VERIFICATION FAILED: {told_of(lie)}")
    say(f"keep as evidence: {lie.evidence}")


def _print(result: Verified, target: Target, *, pinned: bool) -> None:
    if target.json:
        out_json(msgspec.to_builtins(result))
        return
    if result.lie is not None:
        say_failed(result.lie)
        return
    out(f"{result.channel}, cid {result.cid}, position {result.position}")
    out(f"digest {result.digest}\n")
    table(
        [[finding.check, finding.found, finding.word] for finding in result.findings],
        ["CHECK", "FOUND", "ON WHOSE WORD"],
    )
    for void in result.void:
        out(f"void at {void}")
    for disputed in result.disputed:
        out(f"disputed at {disputed}")
    if not pinned:
        say(
            "give --cid and --log from your own side's notes: without them this is the log that was given, whichever that is"
        )
    say("no lie was found")


__all__ = ["audit"]

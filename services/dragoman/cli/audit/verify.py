"""The commands `dragoman audit export` and `verify`.

An export is a log in one file, which needs no server. `verify` finds the first fault of
a log.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dragoman.audit import compare, export
from dragoman.audit.checks import Keep, NotAsAudited, check_export, check_folder, forget, sums_of
from dragoman.audit.export import Export
from dragoman.audit.kept_audit import KeptAudit
from dragoman.audit.replay import erasures_in, messages_of
from dragoman.audit.turn_over_check import CheckedSheet, check_sheet
from dragoman.audit.verification import Verification
from dragoman.audit.verification_result import LogInconsistent, Verified
from dragoman.cli.audit.audit_state import AuditState, FromStart, State, audit_state
from dragoman.cli.audit.copies import archive_in, existing_path
from dragoman.cli.audit.evidence import is_evidence, verify_evidence
from dragoman.cli.audit.replay import audit, checked_cid, verifier_of
from dragoman.cli.audit.turn_over import Sheet, print_sheet, read_sheet
from dragoman.cli.common import (
    EVERYWHERE,
    HEAD_SECONDS,
    NEWER,
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

Cid = Annotated[str, Parameter(help="The channel's id, from your own side's notes of the opening.")]
Witnesses = Annotated[
    tuple[str, ...],
    Parameter(
        help="The verifier key of a witness that must have cosigned the head; may be repeated."
    ),
]
Log = Annotated[
    str,
    Parameter(help="The verifier key of the log, from your own side's notes of the opening."),
]


PolicyFile = Annotated[
    Path | None,
    Parameter(
        name="--policy",
        help="Your own side's C2SP tlog-policy, whose quorum must have cosigned the head.",
    ),
]


MaxAge = Annotated[
    int | None,
    Parameter(
        help="The highest age of the witnesses' newest cosignature, in seconds. Needs --witness "
        "or --policy. Default: 900 for the log of a gateway, any age in a file."
    ),
]
_AGAIN_SECONDS: Final = 0.25
_PATIENT_SECONDS: Final = 60.0
_NOT_THERE: Final = 404
_LATER: Final = (429, 503)
"""Status codes of a gateway that has no time now."""

_FRESH_SECONDS: Final = 900
"""The age from which a cosignature is a sign of silence. Heads are cosigned again every
five minutes, even without new records; this is three times as long.
"""


class RequiredCosigners(Struct, frozen=True, kw_only=True):
    """The cosignatures that a head must have, by a side's own notes."""

    witnesses: tuple[Verifier, ...] = ()
    policy: Policy | None = None

    def are_under(self, signed: bytes | None) -> bool:
        """Return whether a head has all required cosignatures.

        True for a text that is not a head, which the verification reports.
        """
        try:
            head = note.read(signed or b"")
            quorum = self.policy is None or self.policy.satisfied(self.policy.witnessed(head))
            return quorum and all(head.signed_by(witness) is not None for witness in self.witnesses)
        except NotANote:
            return True

    def not_before(self, file: Path | None, max_age: int | None) -> int:
        """Return the earliest permitted time of the newest cosignature.

        Raises `UsageError` for an age without a witness whose clock could tell it.
        """
        if max_age is not None and not self.witnesses and self.policy is None:
            raise UsageError(
                "--max-age needs --witness or --policy: without a cosignature only the "
                "host says how old a head is; name the witnesses of your own notes"
            )
        age = _FRESH_SECONDS if max_age is None and file is None else max_age
        return 0 if age is None else int(time.time()) - age

    def verification(
        self,
        cid: str,
        log: str,
        file: Path | None,
        max_age: int | None = None,
        base: KeptAudit | None = None,
    ) -> Verification:
        """Return a verification that requires these cosignatures.

        It also requires a cid and a log key if they are not empty. A folder with the
        mirror of a side's witness tells when each record arrived. The verification goes
        on from a `kept` audit. Raises `UsageError`.
        """
        return Verification(
            cid=checked_cid(cid),
            log=verifier_of(log) if log else None,
            witnesses=self.witnesses,
            policy=self.policy,
            not_before=self.not_before(file, max_age),
            cosigned=times_in(file) if file is not None and file.is_dir() else (),
            live=file is None,
            base=base,
        )


def cosigners_of(witness: Sequence[str], file: Path | None, log: str) -> RequiredCosigners:
    """Return the cosignatures that the options require.

    A policy without a `log` line is of the log in `log`. Raises `UsageError`.
    """
    witnesses = tuple(verifier_of(key, "--witness") for key in witness)
    if file is None:
        return RequiredCosigners(witnesses=witnesses)
    text = read_input(str(file)).decode(errors="replace")
    try:
        lacks_log = not any(line.split()[:1] == ["log"] for line in text.splitlines())
        if lacks_log and not log:
            raise UsageError(f"{file} has no `log` line: add it, or give --log")
        result = policy.read(log_policy.policy_file(verifier_of(log), text) if lacks_log else text)
        if log and verifier_of(log) not in result.logs.values():
            raise UsageError(
                f"{file} is a policy of another log than --log: name the same key in both"
            )
        return RequiredCosigners(witnesses=witnesses, policy=result)
    except NotANote as error:
        raise UsageError(f"{file} is not a policy: {error}") from None


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on standard error, and yield a function that moves it."""
    columns = TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)


@audit.command(name="export")
async def export_command(
    *,
    to: Annotated[Path | None, Parameter(help="The file to write. Default: CHANNEL.zip.")] = None,
    log: Log = "",
    witness: Witnesses = (),
    policy_file: PolicyFile = None,
    target: Target = EVERYWHERE,
) -> int:
    """Write the log, its signed head and its tiles into one archive.

    The archive can be verified without a server. It does not contain people and files.
    """
    required_cosigners = cosigners_of(witness, policy_file, log)
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        about = await caller.channel(channel)
        with progress("exporting", about.position) as report:
            messages, signed = await gateway_log(caller, channel, required_cosigners, report)
    size = _size_of(signed)
    if size is None or size > len(messages):
        say(
            f"dragoman: VERIFICATION FAILED: the gateway gave {len(messages)} records under a "
            "head that is not of these: nothing is written"
        )
        return UNVERIFIED
    if signed is not None and not await asyncio.to_thread(_is_of, messages, signed, size):
        say(
            f"dragoman: VERIFICATION FAILED: the signed head of {size} records is of other "
            "records than those that the gateway gave: nothing is written; "
            "`dragoman audit verify` says where"
        )
        return UNVERIFIED
    if signed is not None and size < len(messages):
        say(
            f"{len(messages) - size} records at the end are under no signed head, "
            "and are left out: export them once one is signed"
        )
        del messages[size:]
    path = to or Path(f"{channel}.zip")
    description = {
        name: getattr(about, name) for name in ("name", "cid", "kind", "custody", "sides", "log")
    }
    try:
        export.write(path, messages, {**description, "records": len(messages)}, signed, size)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    out(str(path))
    say(
        f"{len(messages)} records, under a signed head of {size}; verify it anywhere with: "
        f"dragoman audit verify {path} --cid … --log …"
    )
    return 0


def _size_of(signed: bytes | None) -> int | None:
    """Return the number of records of a head.

    0 if there is no head, None if the text is not a head.
    """
    try:
        return (
            0
            if signed is None
            else checkpoint.read(signed.decode().rpartition("\n\n")[0] + "\n").size
        )
    except (NotANote, UnicodeDecodeError):
        return None


def _is_of(messages: Sequence[bytes], signed: bytes, size: int) -> bool:
    """Return whether a head of some size is of the first of these messages."""
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
            help="An export, a mirror's folder, or an evidence file. Without one, the log of "
            "the gateway."
        ),
    ] = None,
    *,
    cid: Cid = "",
    log: Log = "",
    witness: Witnesses = (),
    policy_file: PolicyFile = None,
    max_age: MaxAge = None,
    turn_over: Sheet = None,
    state: State = None,
    from_start: FromStart = False,
    target: Target = EVERYWHERE,
) -> int:
    """Verify a log from its first record, trusting only your own options.

    With --state the command goes on from the last audit that it kept there.

    An evidence file has the records of one exchange, and is verified as far as that
    goes. A signed turn-over is verified with the log in which its watch was taken.

    For the first fault the command prints what it is, where it is, and whom it
    convicts: exit code 7.
    """
    required_cosigners = cosigners_of(witness, policy_file, log)
    sheet = None if turn_over is None else read_sheet(turn_over)
    if file is not None and is_evidence(file):
        if sheet is not None:
            raise UsageError("a turn-over needs the whole log: name an export or a mirror's folder")
        return verify_evidence(
            file,
            cid=checked_cid(cid),
            log=verifier_of(log) if log else None,
            witnesses=required_cosigners.witnesses,
            policy=required_cosigners.policy,
            not_before=required_cosigners.not_before(file, max_age),
            as_json=target.json,
        )
    if sheet is not None and state is not None:
        raise UsageError("a turn-over needs every record: give it without --state")
    messages: list[bytes] = []
    verifying = partial(required_cosigners.verification, cid, log, file, max_age)
    kept_state = audit_state(state, from_start=from_start, cid=checked_cid(cid), checked=True)
    if kept_state is None:
        verification = verifying()
        keep = forget if sheet is None else messages.append
        await check_log(verification, file, target, required_cosigners, keep)
    else:
        try:
            verification = await _go_on(kept_state, verifying, file, target, required_cosigners)
        finally:
            kept_state.close()
    result = verification.result()
    checked = (
        None
        if sheet is None or exit_code_of(result)
        else await check_sheet(
            sheet,
            messages,
            channel=result.channel,
            cid=result.cid,
            void=verification.replay.void,
        )
    )
    _print(result, target, pinned=bool(cid and (log or policy_file)), checked=checked)
    return exit_code_of(result) if checked is None else print_sheet(checked, as_json=target.json)


async def _go_on(
    state: AuditState,
    verifying: Callable[..., Verification],
    file: Path | None,
    target: Target,
    required_cosigners: RequiredCosigners,
) -> Verification:
    """Verify a log from where the kept audit ended, and keep this one.

    If anything is wrong, the log is verified from its first record: the first fault is
    then the same as without a kept audit. Raises the errors of `check_log`.
    """
    verification = verifying(base=state.base)
    if state.base is not None and verification.is_bounded and not state.base.is_bounded:
        state.begin_anew("the kept audit did not compare dates with this witness's times")
        verification = verifying()
    if verification.lie is None:
        fault = ""
        try:
            await check_log(verification, file, target, required_cosigners, sums=True)
        except NotAsAudited as error:
            if error.position <= 1:
                raise UsageError(
                    f"{error}: this is another log than that of {state.folder}, or its opening "
                    "was changed; name another folder, or leave out --state"
                ) from None
            fault = str(error)
        if not fault and file is None and verification.signed < verification.begins_after:
            fault = "no signed head was shown that goes on from the kept audit"
        if state.base is not None and (fault or verification.lie is not None):
            lie = verification.lie
            state.begin_anew(fault if lie is None else fault_in_words(lie))
            verification = verifying()
            await check_log(verification, file, target, required_cosigners, sums=True)
    if verification.lie is None and state.base is None:
        verification.lie = state.hold(verification.replay, verification.shown)
    if verification.lie is None and (reason := verification.keep(state.folder)):
        say(f"this audit is not kept in {state.folder}: {reason}")
    return verification


async def check_log(
    verification: Verification,
    file: Path | None,
    target: Target,
    required_cosigners: RequiredCosigners,
    keep: Keep = forget,
    *,
    tiled: bool = True,
    sums: bool = False,
) -> None:
    """Run all checks of a log, wherever the log is.

    All commands read a log in this way, so that no command misses a fault that another
    one finds. `keep` receives each message. The tiles of a gateway are fetched only if
    the log must be `tiled`. The digests of a mirror are computed only if its `sums` are
    wanted. Raises `UsageError`, `NotAsAudited`, and the errors of reading.
    """
    if file is None:
        await _from_server(verification, target, required_cosigners, keep, tiled=tiled)
    elif existing_path(file).is_dir():
        _from_mirror(verification, file, keep, sums=sums)
    else:
        _from_export(verification, file, keep)


def _from_export(verification: Verification, file: Path, keep: Keep) -> None:
    with Export(file) as opened:
        records = opened.about.get("records")
        with progress("verifying", records if isinstance(records, int) else None) as report:
            check_export(verification, opened, report, keep)


def _from_mirror(verification: Verification, folder: Path, keep: Keep, *, sums: bool) -> None:
    archive = archive_in(folder, None if verification.base is None else verification.base.earlier)
    try:
        with progress("verifying", archive.size) as report:
            check_folder(verification, archive, report, keep)
        if sums and verification.lie is None:
            verification.copied = sums_of(verification, archive)
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
        first = verification.begins_after + 1
        with progress("verifying", (await caller.channel(channel)).position) as report:
            log = GatewayLog(caller, channel, required_cosigners, first)
            async for messages in log.pages():
                if verification.asks_for_erasures(messages):
                    verification.expect(log.named)
                for message in messages:
                    keep(message)
                verification.take(messages)
                report(verification.size)
                if verification.lie is not None and verification.lie.check == "opening":
                    return
        await asyncio.to_thread(verification.head, log.head, sources=_sources(caller, channel))
        if verification.lie is None and tiled:
            await _look_at_tiles(verification, caller, channel)


def _sources(caller: Client, channel: str) -> Callable[[int], list[Nodes]]:
    """Return the tiles that a gateway serves, for a thread beside the event loop.

    A tile that does not arrive leads nowhere.
    """
    loop = asyncio.get_running_loop()

    def read(path: str) -> bytes | None:
        try:
            return asyncio.run_coroutine_threadsafe(tile_of(caller, channel, path), loop).result()
        except (ProblemResponse, Unreachable, Garbled):
            return None

    # Only the cheap source: the others would fetch every tile.
    return lambda size: sources_of(size, read)[:1]


async def _look_at_tiles(verification: Verification, caller: Client, channel: str) -> None:
    """Check the tiles that the gateway serves under the head, one after another."""
    wanted = [
        tile
        for tile in tiles.tiles_of(verification.signed)
        if not tile.is_full_within(verification.tiled)
    ]
    with progress("its tiles", len(wanted)) as report:
        for number, tile in enumerate(wanted, 1):
            raw = await tile_of(caller, channel, tile.path)
            if raw is not None:
                verification.tile(tile.path, raw)
            if raw is None or verification.lie is not None:
                break
            report(number)
    verification.all_tiled("the gateway", verification.tiled)
    if verification.lie is None:
        verification.tiled = verification.signed


async def tile_of(caller: Client, channel: str, path: str) -> bytes | None:
    """Return a tile, or None if the gateway does not have it.

    For a minute the gateway is asked again as often as it says.
    """
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
    """A log as the gateway gives it: its pages, and then its `head`.

    The head is of exactly these records, if it is signed in time. If entries replace
    records, the gateway is asked once for the records that its erasures name (`named`).
    The log is then read as far as these erasures, which may be later.
    """

    def __init__(
        self, caller: Client, channel: str, required_cosigners: RequiredCosigners, first: int = 1
    ) -> None:
        """Read the log of a channel from a position on.

        Its head must have the required cosignatures.
        """
        self._first = first
        self._caller = caller
        self._channel = channel
        self._asked = required_cosigners
        self.head: bytes | None = None
        self.named: Named = {}

    async def pages(self) -> AsyncGenerator[list[bytes], None]:
        """Yield the messages by page, and then the later ones under the head."""
        size = number = self._first - 1
        most = (
            _size_of(await head_of(self._caller, self._channel, wait_s=HEAD_SECONDS)) or 0
        ) + COMPARED_GROWTH
        async for page in messages_of(self._caller.records(self._channel, self._first)):
            if size > most:
                break  # no head has so many records, and a gateway could go on without end
            size += len(page)
            stubs = [
                position
                for position, raw in page
                if isinstance(raw, bytes) and leaf.read_entry(raw) is not None
            ]
            if stubs and not self.named:
                self.named = await erasures_in(
                    lambda: messages_of(self._caller.records(self._channel, self._first)), most
                )
            number = max(
                number,
                *(self.named[position].by for position in stubs if position in self.named),
                0,
            )
            yield [raw for _, raw in page if isinstance(raw, bytes)]
        self.head = await cosigned_head(self._caller, self._channel, self._asked, max(size, number))
        missing = (_size_of(self.head) or 0) - size
        if missing > 0:
            async for page in messages_of(self._caller.records(self._channel, size + 1)):
                yield [raw for _, raw in page[:missing] if isinstance(raw, bytes)]
                missing -= len(page)
                if missing <= 0:
                    break


async def gateway_log(
    caller: Client,
    channel: str,
    required_cosigners: RequiredCosigners,
    report: Callable[[int], None] = lambda position: None,
) -> tuple[list[bytes], bytes | None]:
    """Return the messages of the gateway's log, and the head of exactly these.

    The head is None if it is not signed in time.
    """
    log, messages = GatewayLog(caller, channel, required_cosigners), list[bytes]()
    async for page in log.pages():
        messages += page
        report(len(messages))
    return messages, log.head


async def cosigned_head(
    caller: Client, channel: str, required_cosigners: RequiredCosigners, size: int = 0
) -> bytes | None:
    """Return the signed head, once it has enough records and all cosignatures.

    After a while the present head is returned.
    """
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


def exit_code_of(result: Verified) -> int:
    """Return the exit code of a verification."""
    if result.lie is not None:
        return UNVERIFIED
    return NEWER if result.newer else 0


def fault_in_words(lie: LogInconsistent) -> str:
    """Return a fault in words.

    They are the check that found it, its position and its description.
    """
    return f"{lie.check}{f' at position {lie.position}' if lie.position else ''}: {lie.what}"


def say_failed(lie: LogInconsistent) -> None:
    """Print the fault that a verification found, and the evidence to keep."""
    say(f"dragoman: VERIFICATION FAILED: {fault_in_words(lie)}")
    say(f"keep as evidence: {lie.evidence}")


def _print(
    result: Verified, target: Target, *, pinned: bool, checked: CheckedSheet | None = None
) -> None:
    if target.json:
        sheet = {} if checked is None else {"turn_over": msgspec.to_builtins(checked)}
        counted = {"void_count": len(result.void)}
        out_json({**msgspec.to_builtins(result), **counted, **sheet})
        return
    if result.lie is not None:
        say_failed(result.lie)
        return
    out(f"{result.channel}, cid {result.cid}, position {result.position}")
    out(f"digest {result.digest}")
    out("")
    table(
        [[finding.check, finding.found, finding.word] for finding in result.findings],
        ["CHECK", "FOUND", "ON WHOSE WORD"],
    )
    for void in result.void:
        out(f"void at {void}")
    for disputed in result.disputed:
        out(f"disputed at {disputed}")
    if result.newer:
        say(f"dragoman: {result.newer}: what follows is only hashed{_voids(result)}")
        return
    if not pinned:
        say("give --cid and --log from your own side's notes: without them any log could be given")
    say(f"no lie was found{_voids(result)}")


def _voids(result: Verified) -> str:
    """Return the number of void records in words; empty if none is void."""
    if not result.void:
        return ""
    return f"; {len(result.void)} of {result.position} records are void, without any effect"


__all__ = ["audit"]

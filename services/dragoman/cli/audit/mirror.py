"""The commands `dragoman audit mirror`, `compare`, `repair` and `fork`.

A mirror is a side's own copy of a log. Two copies can be compared.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack, aclosing, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from msgspec import Struct

from dragoman import admin_door, metrics
from dragoman.audit import compare
from dragoman.audit.checks import NotAsAudited
from dragoman.audit.compare import CopyComparison, KeptHead, LogCopy
from dragoman.audit.mirror import Mirror
from dragoman.audit.replay import Hole, Page, erasures_in, messages_of
from dragoman.cli.audit.audit_state import AuditState
from dragoman.cli.audit.copies import archive_in, existing_path
from dragoman.cli.audit.replay import checked_cid, verifier_of
from dragoman.cli.audit.verify import Cid, Log, audit, tile_of
from dragoman.cli.common import (
    EVERYWHERE,
    HEAD_SECONDS,
    NEWER,
    UNVERIFIED,
    Target,
    Unverified,
    UsageError,
    channel_of,
    connected,
    head_of,
    out,
    out_json,
    read_input,
    say,
)
from dragoman.client import Client, Garbled, ProblemResponse, Unreachable
from dragoman.domain.record import nesting
from dragoman.eventlog import repair
from dragoman.eventlog.archive_format import Pinned
from dragoman.eventlog.settled_copy import (
    BATCH,
    CopyOfAnotherChannel,
    ServedTree,
    UnprovenHead,
)
from dragoman.lifecycle import Lifecycle
from dragoman.settings import load
from dragoman.supervision import cancel_until_ended
from dragoman.tlog.note import NotANote, Verifier
from dragoman_schemas.host_responses import Check

_LOOK_SECONDS: Final = 1.0
_UNSIGNED_SECONDS: Final = 10.0
"""Seconds for which records may be without a signed head before a warning. A head comes
within half a second.
"""

_LATER: Final = (429, 503)
_GATEWAY: Final = "gateway"


@audit.command(name="mirror")
async def mirror_command(
    folder: Annotated[
        Path, Parameter(help="The folder of the copy. It is made if it does not exist.")
    ],
    *,
    cid: Cid,
    log: Log,
    once: Annotated[
        bool, Parameter(negative=(), help="Stop when the copy has reached the end of the log.")
    ] = False,
    from_start: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Verify every kept record again, and not only those after the last audit.",
        ),
    ] = False,
    target: Target = EVERYWHERE,
) -> int:
    """Keep your side's own copy of a log in FOLDER.

    Each record is verified before it is stored. The audit is kept in FOLDER/audit, and
    the next start goes on from it. The command ends with exit code 7 at the first fault
    of the log.
    """
    mirror, state = mirror_of(folder, cid, log, from_start=from_start)
    try:
        verify_again(mirror, state)
        if mirror.lie is None:
            say(f"{mirror.archive.size} records are kept in {folder}, and {_verified(state)}")
            if once:
                await _follow(mirror, target, once=True)
            else:
                await _serve(mirror, target)
        sign_off(mirror, state)
    finally:
        mirror.close()
        state.close()
    return verdict(mirror)


def _verified(state: AuditState) -> str:
    """Return a text that says from where on they were verified."""
    return "verified again" if state.base is None else f"verified after the {state.base.described}"


async def _follow(mirror: Mirror, target: Target, *, once: bool) -> None:
    async with connected(target) as caller:
        await follow(mirror, caller, await channel_of(target, caller), once=once)


async def _serve(mirror: Mirror, target: Target) -> None:
    """Follow the log until a signal or a fault, with an address for the operator."""
    settings, _ = load()
    lifecycle = Lifecycle("mirror")
    async with lifecycle.running(), admin_door.opened(settings, lifecycle) as door:
        door.check = mirror_conditions(mirror)
        door.measurements.append(mirror_measurement(mirror))
        lifecycle.serves()
        following = asyncio.create_task(_follow(mirror, target, once=False))
        stopped = asyncio.create_task(lifecycle.until_stopped())
        done, pending = await asyncio.wait(
            (following, stopped), return_when=asyncio.FIRST_COMPLETED
        )
        await cancel_until_ended(pending)
        for task in done:
            task.result()


def mirror_conditions(mirror: Mirror) -> admin_door.Conditions:
    """Return the function that gives the conditions of a mirror."""

    async def check() -> Sequence[Check]:
        lie = mirror.lie
        detail = "" if lie is None else f"{lie.check} at position {lie.position}: {lie.what}"
        return (Check(name="the log is verified", ok=lie is None, detail=detail),)

    return check


def mirror_measurement(mirror: Mirror) -> admin_door.Measurement:
    """Return the function that sets the gauges of a mirror."""

    async def measure() -> None:
        metrics.MIRRORED.set(mirror.archive.size)
        metrics.MIRROR_LIE.set(mirror.lie is not None)

    return measure


def mirror_of(folder: Path, cid: str, log: str, *, from_start: bool) -> tuple[Mirror, AuditState]:
    """Return the mirror in a folder, or a new one there, and its kept audit.

    Raises `UsageError`, `KeptAuditUnusable`, and the errors of an archive.
    """
    pins = Pinned(cid=checked_cid(cid), log=str(verifier_of(log)))
    state = AuditState(folder / "audit", from_start=from_start, cid=pins.cid, checked=True)
    try:
        mirror = Mirror(folder, pins, state.base)
    except CopyOfAnotherChannel as error:
        raise UsageError(str(error)) from None
    for notice in mirror.archive.notices:
        say(f"{folder}: {notice}")
    return mirror, state


def verify_again(mirror: Mirror, state: AuditState) -> None:
    """Verify the records on the disk that the kept audit lacks, and keep the audit.

    If anything is wrong, all of them are verified.
    """
    try:
        mirror.again()
        fault = "" if mirror.lie is None else mirror.lie.what
    except NotAsAudited as error:
        fault = str(error)
    if state.base is not None and fault:
        state.begin_anew(fault)
        mirror.begin_anew()
        mirror.again()
    if state.base is None and mirror.lie is None:
        mirror.verification.lie = state.hold(mirror.verification.replay, mirror.archive.sealed)
        sign_off(mirror, state)


def sign_off(mirror: Mirror, state: AuditState) -> None:
    """Keep the audit of a mirror that found nothing wrong, if it has new records."""
    size = 0 if state.base is None else state.base.size
    if (
        mirror.lie is None
        and mirror.archive.size > size
        and (reason := mirror.sign_off(state.folder))
    ):
        say(f"this audit is not kept in {state.folder}: {reason}")


def verdict(mirror: Mirror) -> int:
    """Print the first fault that a mirror has found, and return the exit code."""
    newer = mirror.verification.newer
    if mirror.lie is None and newer is not None:
        say(f"dragoman: {newer}: what follows is kept and hashed, and not judged")
        return NEWER
    if mirror.lie is None:
        return 0
    say(
        f"dragoman: VERIFICATION FAILED: {mirror.lie.check} "
        f"at position {mirror.lie.position}: {mirror.lie.what}"
    )
    say(f"keep as evidence: {mirror.lie.evidence}")
    return UNVERIFIED


async def follow(
    mirror: Mirror, caller: Client, channel: str, *, once: bool, event: asyncio.Event | None = None
) -> None:
    """Store new records until the end of the log, or for ever.

    The gateway is asked every second, and whenever `event` is set. The function ends at
    the first fault. No record is stored that no signed head covers. Raises `Unverified`
    if `once` is set and no head is signed in time.
    """
    unsigned, is_witness = Unsigned(), event is not None
    event = event or asyncio.Event()
    while mirror.lie is None:
        before = mirror.archive.size
        signed: bytes | None = None
        try:
            signed = await _newest_head(
                mirror, caller, channel, HEAD_SECONDS if once else 0.0, follows=not is_witness
            )
            if signed is not None:
                await _take_under(signed, mirror, caller, channel, patient=not once)
            if mirror.lie is None and (signed is None or not mirror.awaited):
                more = await _goes_on(caller, channel, mirror.archive.size + 1)
                unsigned.note(
                    mirror.archive.size, more=more, is_new=mirror.archive.size > before, once=once
                )
                if once and more and signed is None:
                    raise Unverified(
                        "no head is signed: the host could deny these records tomorrow, "
                        "and none of them is kept"
                    )
            elif mirror.lie is None and not once:
                unsigned.withheld(
                    mirror.archive.size, mirror.awaited, is_new=mirror.archive.size > before
                )
        except (Unreachable, Garbled, UnprovenHead) as error:
            if once:
                raise
            unsigned.tell(f"{error}; it is tried again")
        except ProblemResponse as error:
            if once or error.problem.status not in _LATER:
                raise
            unsigned.tell(
                f"{error.problem.title or 'refused'}: {error.problem.detail}; "
                "nothing is kept, and it is tried again"
            )
        if mirror.archive.size > before:
            say(f"{mirror.archive.size} records are kept")
        if once and signed is not None and mirror.awaited and mirror.archive.size == before:
            mirror.cut_off(signed)
        if once and not mirror.awaited:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await event.wait()
        event.clear()


async def _newest_head(
    mirror: Mirror, caller: Client, channel: str, wait_s: float, *, follows: bool
) -> bytes | None:
    """Return the newest signed head.

    If it is of another key, the host is asked for the handovers, and the mirror judges
    them. A witness `follows` none of these. A host that has none to show is judged by
    the head alone.
    """
    signed = await head_of(caller, channel, wait_s=wait_s)
    if signed is None or not follows or mirror.size_of(signed) is not None:
        return signed
    with suppress(ProblemResponse, Garbled, msgspec.MsgspecError):
        answer = await caller.call("GET", f"/v1/channels/{channel}/state")
        positions = [
            handover.since for handover in nesting.decode(answer.body, _State).registry.handovers
        ]
        paths = (f"/v1/channels/{channel}/records/{position}" for position in positions)
        mirror.expect_handovers(
            [
                (at, (await caller.call("GET", path)).body)
                for at, path in zip(positions, paths, strict=True)
            ]
        )
    return signed


class _Handover(Struct):
    since: int


class _Registry(Struct):
    handovers: tuple[_Handover, ...] = ()


class _State(Struct):
    registry: _Registry


class Unsigned:
    """Records without a signed head, for which a mirror waits.

    A warning is printed once as long as they are the same.
    """

    def __init__(self) -> None:
        """Begin without such records."""
        self._since: float | None = None
        self._told = ""

    def note(self, number: int, *, more: bool, is_new: bool, once: bool) -> None:
        """Note whether the log has more records than the mirror.

        The records may be new, and the mirror may just have grown.
        """
        if not more or is_new:
            self._since, self._told = None, ""
        if more:
            self._since = self._since or time.monotonic()
            if once or time.monotonic() - self._since > _UNSIGNED_SECONDS:
                where = (
                    f"the records from position {number + 1} on are given under no signed head yet"
                )
                self.tell(
                    f"{where}, and are left out"
                    if once
                    else f"{where}: none is kept before one covers it; ask the host why"
                )

    def withheld(self, number: int, signed: int, *, is_new: bool) -> None:
        """Note that a head is of more records than the gateway gives."""
        if is_new:
            self._since, self._told = None, ""
        self._since = self._since or time.monotonic()
        if time.monotonic() - self._since > _UNSIGNED_SECONDS:
            self.tell(
                f"a head of {signed} records is signed, and {number} are given: "
                "ask the host for the others, and keep that head"
            )

    def tell(self, text: str) -> None:
        """Print the reason why no record is stored, once as long as it is the same."""
        if text != self._told:
            say(text)
        self._told = text


async def _take_under(
    signed: bytes, mirror: Mirror, caller: Client, channel: str, *, patient: bool
) -> None:
    """Store the records of a signed head that the mirror lacks.

    Each is stored only after the head is shown to begin with all records before it.
    """
    size = mirror.size_of(signed)
    if size is None or size <= mirror.archive.size:
        await asyncio.to_thread(partial(mirror.head, signed, patient=patient))
        return
    batch: list[bytes] = []
    tree = ServedTree(size, partial(tile_of, caller, channel))

    def from_here() -> AsyncGenerator[Page, None]:
        return _pages(caller, channel, mirror.archive.size + 1)

    async with aclosing(from_here()) as pages:
        async for page in pages:
            following = mirror.archive.size + len(batch) + 1
            if page and page[0][0] != following:
                raise Hole(f"position {following} is missing: {page[0][0]} comes in its place")
            batch += [raw if isinstance(raw, bytes) else raw.raw for _, raw in page]
            have = min(size, mirror.archive.size + len(batch))
            count = (have if have == size else have // BATCH * BATCH) - mirror.archive.size
            if count > 0:
                await _take(batch[:count], signed, tree, mirror, from_here)
                del batch[:count]
            if mirror.lie is not None or mirror.archive.size >= size:
                return
    await _take(batch, signed, tree, mirror, from_here)  # the log ends before its head
    mirror.head(signed)


async def _take(
    messages: list[bytes],
    signed: bytes,
    tree: ServedTree,
    mirror: Mirror,
    from_here: Callable[[], AsyncGenerator[Page, None]],
) -> None:
    if mirror.verification.asks_for_erasures(messages):
        mirror.expect(await erasures_in(from_here))
    sizes = mirror.archive.size, mirror.archive.size + len(messages)
    nodes = await tree.nodes(*sizes) if sizes[1] < tree.size and messages else None
    if messages:
        mirror.take(messages, signed, nodes)


async def _goes_on(caller: Client, channel: str, first: int) -> bool:
    """Return whether the log has a record from a position on."""
    async with aclosing(_pages(caller, channel, first)) as pages:
        async for page in pages:
            if page:
                return True
    return False


def _pages(caller: Client, channel: str, first: int) -> AsyncGenerator[Page, None]:
    return messages_of(caller.records(channel, first))


@audit.command(name="compare")
async def compare_command(
    one: Annotated[
        str, Parameter(help="An export, a mirror's folder, a signed head, a proof, or `gateway`.")
    ],
    other: Annotated[str, Parameter(help="The other one, of the same kinds.")],
    *,
    log: Log = "",
    to: Annotated[
        Path | None, Parameter(help="The file for the evidence of a fork. Default: fork.json.")
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Compare two copies: exports, mirrors' folders, or `gateway`.

    They are the same, or one extends the other, or they are a fork: exit code 7. One of
    them may be a signed head that you have kept, or a record's .tlog-proof. It alone
    convicts the signer who has forked the log since.
    """
    with ExitStack() as opened:
        copy_comparison = await asyncio.to_thread(
            _compare,
            await _open_copy(opened, one, target),
            await _open_copy(opened, other, target),
            verifier_of(log) if log else None,
        )
    if target.json:
        out_json(
            msgspec.to_builtins(
                {
                    "result": copy_comparison.result,
                    "position": copy_comparison.position,
                    "detail": copy_comparison.detail,
                }
            )
        )
    else:
        out(f"{copy_comparison.result}: {copy_comparison.detail}")
    if copy_comparison.evidence is not None:
        path = to or Path("fork.json")
        path.write_bytes(copy_comparison.evidence)
        say(
            f"{path} convicts the owner of the log's key: "
            f"check it anywhere with: dragoman audit fork {path} --log …"
        )
    elif copy_comparison.result == compare.FORK:
        say(
            "keep both copies: at most one of them is under a signed head, "
            "and no signature convicts anybody yet"
        )
    elif copy_comparison.result == compare.SHORTER:
        say("keep what you have: it shows that there was more")
    return 0 if copy_comparison.result in (compare.SAME, compare.EXTENDS) else UNVERIFIED


def _compare(
    one: LogCopy | KeptHead, other: LogCopy | KeptHead, log: Verifier | None
) -> CopyComparison:
    """Return the comparison of two copies, or of a head and a copy.

    Raises `UsageError`.
    """
    try:
        match one, other:
            case KeptHead(), LogCopy():
                return compare.compare_head(one, other, log)
            case LogCopy(), KeptHead():
                return compare.compare_head(other, one, log)
            case LogCopy(), LogCopy():
                return compare.compare(one, other, log)
            case _:
                raise UsageError(
                    "two heads have no records to be compared by: name a copy beside one of them"
                )
    except NotANote as error:
        raise UsageError(f"the kept head shows nothing of this log: {error}") from None


async def _open_copy(opened: ExitStack, where: str, target: Target) -> LogCopy | KeptHead:
    if where == _GATEWAY:
        async with connected(target) as caller:
            channel = await channel_of(target, caller)
            signed = await head_of(caller, channel, wait_s=HEAD_SECONDS)
            messages = [
                raw
                async for page in messages_of(caller.records(channel))
                for _, raw in page
                if isinstance(raw, bytes)
            ]
        return compare.of_messages(f"the gateway {target.server or ''}".strip(), messages, signed)
    path = existing_path(Path(where))
    if path.is_dir():
        archive = archive_in(path)
        opened.callback(archive.close)
        return compare.of_archive(where, archive)
    return compare.head_in(path) or compare.of_export(path)


@audit.command(name="repair")
def repair_command(
    folder: Annotated[Path, Parameter(help="The folder of the mirror.")],
    *,
    cid: Annotated[
        str,
        Parameter(
            help="The channel's id, from your own side's notes, if `pinned.json` is damaged."
        ),
    ] = "",
    log: Annotated[
        str,
        Parameter(
            help="The verifier key of the log, from your own side's notes, if `pinned.json` is "
            "damaged."
        ),
    ] = "",
) -> int:
    """Repair a mirror's FOLDER.

    Only data that its records and its signed head prove are written. A replaced file
    stays as NAME.damaged.
    """
    pins = Pinned(cid=checked_cid(cid), log=str(verifier_of(log))) if cid and log else None
    try:
        done = repair.repair(existing_path(folder), pins)
    except repair.ArchiveOfAnotherChannel as error:
        raise UsageError(f"{error}; give --cid and --log of that channel") from None
    for line in done or ["nothing is damaged"]:
        out(line)
    return 0


@audit.command(name="fork")
def fork_command(
    file: Annotated[Path, Parameter(help="The evidence that `audit compare` wrote.")],
    *,
    log: Log,
) -> int:
    """Check the evidence of a fork from `audit compare`, offline and without a copy."""
    raw, verifier = read_input(str(file)), verifier_of(log)
    try:
        out(compare.convicts(raw, verifier))
    except NotANote as error:
        say(f"dragoman: {error}")
        return UNVERIFIED
    return 0


__all__ = ["audit"]

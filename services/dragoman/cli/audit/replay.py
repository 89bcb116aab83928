"""The commands `dragoman audit replay`, `proof`, `check` and `release`.

`replay` folds a log without trusting the gateway. `proof` and `check` save and check
the proof of one record. `release` verifies a published bundle.
"""

import re
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from dragoman import bootstrap, data_directory
from dragoman.audit.answer_comparison import AnswerComparison
from dragoman.audit.comparison_questions import drawn_seed
from dragoman.audit.export import Export
from dragoman.audit.kept_audit import keep
from dragoman.audit.replay import (
    Hole,
    KeptReplay,
    Page,
    Replay,
    Replayed,
    Source,
    erasures_in,
    messages_of,
    replay,
)
from dragoman.cli.audit import answers
from dragoman.cli.audit.answers import QUICK, SAMPLE
from dragoman.cli.audit.audit_state import AuditState, FromStart, State, audit_state
from dragoman.cli.audit.copies import archive_in, existing_path
from dragoman.cli.common import (
    EVERYWHERE,
    HEAD_SECONDS,
    UNREACHABLE,
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
    table,
)
from dragoman.client import Client
from dragoman.domain import release_bundle as bundles
from dragoman.domain.acts.log_policy import log_of
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.limits import COMPARED_GROWTH, RECORDS_PAGE
from dragoman.tlog import checkpoint, leaf
from dragoman.tlog import proof as proofs
from dragoman.tlog.note import NotANote, Verifier, read_verifier

audit = App(
    name="audit", help="Replay, verify and export a channel's log without trusting anybody."
)


@audit.command(name="replay")
async def replay_command(
    file: Annotated[
        Path | None,
        Parameter(help="An export, or a mirror's folder. Without one, the log of the gateway."),
    ] = None,
    *,
    at: Annotated[int | None, Parameter(help="Fold up to this position only.")] = None,
    from_log: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Read the log from the broker, with the keys in --data, not from the gateway.",
        ),
    ] = False,
    cid: Annotated[
        str | None,
        Parameter(help="The channel's id, from your own side's notes of the opening."),
    ] = None,
    sample: Annotated[
        int,
        Parameter(help="The number of answers of each kind to compare with the gateway's, or 0."),
    ] = SAMPLE,
    all: Annotated[
        bool,
        Parameter(negative=(), help="Compare every answer, which may take long."),
    ] = False,
    quick: Annotated[
        bool,
        Parameter(negative=(), help="Compare ten answers of the sample only, for a first look."),
    ] = False,
    seed: Annotated[int | None, Parameter(help="Draw the same sample again.")] = None,
    state: State = None,
    from_start: FromStart = False,
    target: Target = EVERYWHERE,
) -> int:
    """Fold the log from its first record, and compare the result with the gateway's.

    The command prints the state and its digest. It compares the digest, and a sample of
    whole answers, with those of the gateway. Exit code 7 means another digest at the
    same position, another answer, a head that is not of these records, or another
    channel than --cid. With --at only the digest is compared. With --state the fold
    goes on from the last one that was kept there. Whole answers are always compared
    with a fold of all records.
    """
    cid = None if cid is None else checked_cid(cid)
    if sample < 0:
        raise UsageError("--sample is a number of answers, 0 or more")
    if at is not None and (all or quick or seed is not None):
        raise UsageError(
            "answers are compared at the end of the log: leave out --at, or --all, --quick and "
            "--seed"
        )
    if quick and all:
        raise UsageError("--quick compares ten answers, and --all every one: give one of them")
    if file is not None and from_log:
        raise UsageError("the log is read from FILE or by --from-log: give one of them")
    if state is not None and (file is not None or at is not None):
        raise UsageError(
            "--state is for the whole log of the gateway or of the broker: leave out FILE and --at"
        )
    seed = drawn_seed() if seed is None else seed
    with ExitStack() as opened:
        folder = audit_state(state, from_start=from_start, cid=cid or "", checked=False)
        if folder is not None:
            opened.callback(folder.close)
        return await _replay(
            target,
            file,
            folder,
            at=at,
            from_log=from_log,
            cid=cid,
            sample=None if not (all or sample) else 0 if all else sample,
            most=QUICK if quick else None,
            seed=seed,
        )


async def _replay(
    target: Target,
    file: Path | None,
    state: AuditState | None,
    *,
    at: int | None,
    from_log: bool,
    cid: str | None,
    sample: int | None,
    most: int | None,
    seed: int,
) -> int:
    """Replay a log, print the result, and return the exit code.

    `sample` is the number of answers of each kind to compare: 0 for all of them, and
    None for none. Raises `UsageError`.
    """
    async with connected(target, operator=False) as caller:
        channel = await channel_of(target, caller)
        head = await head_of(caller, channel, wait_s=HEAD_SECONDS)
        newest = (await caller.channel(channel)).position
        _hold_to_head(head, newest, at)
        after = partial(_source, caller, channel, _broker_of(target) if from_log else None)
        source = after(1) if file is None else _copy_source(file)
        # An audit is kept under a head of its records.
        end = newest if state is None or head is None else min(newest, _size_of(head))
        try:
            fold = await _go_on(state, after, end, head, caller, channel)
            if fold is None:
                fold = await _fold(source, at or (end if file is None else 0))
            last = at or (end if file is None else fold.standing.state.position)
            if at is None and max(fold.unproven.values(), default=0) > last:
                # A record was erased meanwhile.
                last = (await caller.channel(channel)).position
                fold = await _fold(source, last)
        except (Hole, LogBroken) as error:
            say(f"dragoman: VERIFICATION FAILED: the log is not whole: {error}")
            return UNVERIFIED
        except LogUnreachable as error:
            say(f"dragoman: the broker's log cannot be read: {error}")
            return UNREACHABLE
        result = fold.result()
        if result.position > newest:
            say(
                f"dragoman: VERIFICATION FAILED: {file} has {result.position} records, "
                f"and the gateway's log ends at {newest}"
            )
            return UNVERIFIED
        live = (
            await caller.call("GET", f"/v1/channels/{channel}/records/{result.position}")
        ).headers.get("Dragoman-Digest", "")
        forgotten = not live and await _erased_since(caller, channel, result.position)
        lie = _fault(fold, head, cid, last, whole=at is None)
        lie = lie or _contradiction(state, fold, head)
        compared = None
        if not lie and at is None and sample is not None:
            try:
                with _progress() as progress:
                    compared = await answers.compare(
                        caller,
                        channel,
                        fold,
                        source,
                        sample=sample,
                        seed=seed,
                        report=progress,
                        most=most,
                    )
            except (Hole, LogBroken, answers.GatewayChanged) as error:
                lie = f"while answers were compared: {error}"
    _print(result, target, live, compared)
    if compared is not None:
        answers.tell(compared)
    if lie:
        say(f"dragoman: VERIFICATION FAILED: {lie}")
        return UNVERIFIED
    code = _conclude(result, live, compared, head, forgotten=forgotten)
    if code == 0:
        _keep(state, fold, head if live else None)
    return code


def _contradiction(state: AuditState | None, fold: Replay, head: bytes | None) -> str:
    """Return the contradiction between a log and the kept audit, or an empty text.

    It names the evidence.
    A fold that went on from the kept audit was compared with a signed head.
    """
    fault = None if state is None or state.base is not None else state.hold(fold, head)
    return "" if fault is None else f"{fault.what}; keep as evidence: {fault.evidence}"


def _keep(state: AuditState | None, fold: Replay, head: bytes | None) -> None:
    """Keep a replay that agrees with the gateway.

    A signed head must be of exactly its records.
    """
    if state is None:
        return
    if head is not None and _size_of(head) == fold.standing.frontier.size:
        keep(state.folder, fold, head, before=state.base)
    else:
        say(f"this audit is not kept in {state.folder}: no signed head is of these records")


async def _go_on(
    state: AuditState | None,
    after: Callable[[int], Source],
    last: int,
    head: bytes | None,
    caller: Client,
    channel: str,
) -> Replay | None:
    """Fold the records after a kept audit, up to a position.

    Return None if the log has to be folded from its first record, after the reason was
    printed. `after` gives the log from a position on.
    """
    if state is None or (base := state.base) is None:
        return None
    if head is None or last < base.size:
        state.begin_anew("no signed head was shown that goes on from the kept audit")
        return None
    fold = await _fold(after(base.size + 1), last, base.replay)
    digest = (await caller.call("GET", f"/v1/channels/{channel}/records/{last}")).headers.get(
        "Dragoman-Digest", ""
    )
    fault = _head_fault(fold, head)
    if not fault and fold.standing.frontier.size != last:
        fault = f"the log ends at {fold.standing.frontier.size}, the gateway speaks of {last}"
    if not fault and (fold.unproven or digest != fold.standing.digest):
        fault = f"the replay and the gateway do not agree at position {last}"
    if fault:
        state.begin_anew(fault)
        return None
    return fold


def _fault(fold: Replay, head: bytes | None, cid: str | None, last: int, *, whole: bool) -> str:
    """Return the first fault of a replayed log, before answers are compared.

    Empty if it has none.
    """
    result = fold.result()
    if cid is not None and cid != result.cid:
        return f"this is the channel {result.cid}, and not {cid}: it was opened by other keys"
    lie = _withheld_fault(fold, whole=whole) or _head_fault(fold, head)
    if not lie and result.position != last:
        lie = f"the log ends at {result.position}, the gateway speaks of {last}"
    if not lie and head is not None and 0 < (size := _size_of(head)) <= result.position:
        say(f"the signed head of {size} records is that of these records")
    return lie


def _conclude(
    result: Replayed,
    live: str,
    compared: AnswerComparison | None,
    head: bytes | None,
    *,
    forgotten: bool,
) -> int:
    """Report whether the gateway agrees with the replay, and return the exit code."""
    if forgotten:
        say(
            f"the gateway keeps no digest of position {result.position}, because a record was "
            "erased later; compare at a position after the erasure"
        )
    elif live != result.digest:
        say(
            f"dragoman: VERIFICATION FAILED: at position {result.position} "
            f"the replay gives {result.digest}, the gateway says {live}"
        )
        return UNVERIFIED
    if compared is not None and compared.mismatches:
        return UNVERIFIED
    if compared is not None and compared.unanswered:
        say(
            f"dragoman: {len(compared.unanswered)} questions were not answered: "
            "nothing is known of these answers; ask again later"
        )
        return UNREACHABLE
    if forgotten:
        return 0
    say(f"the replay and the gateway agree at position {result.position}")
    if head is None:
        say("no head of this log is signed: nothing but this replay speaks for it")
    return 0


async def _erased_since(caller: Client, channel: str, position: int) -> bool:
    """Return whether a later erasure names a record up to a position."""
    erasures = await erasures_in(lambda: messages_of(caller.records(channel)))
    return any(at <= position < erasure.by for at, erasure in erasures.items())


def checked_cid(text: str) -> str:
    """Return a channel's id in lower case; empty for none. Raises `UsageError`."""
    if text and not _CID.fullmatch(text.lower()):
        raise UsageError(
            "--cid is 64 hexadecimal digits: "
            "the channel's id, from your own side's notes of the opening"
        )
    return text.lower()


_CID = re.compile(r"[0-9a-f]{64}")


def verifier_of(text: str, option: str = "--log") -> Verifier:
    """Return the verifier key that an option gives. Raises `UsageError`."""
    try:
        return read_verifier(text)
    except NotANote as error:
        raise UsageError(f"{option}: {error}") from None


def _withheld_fault(fold: Replay, *, whole: bool) -> str:
    """Return the fault of entries that replace records; empty if they have none.

    A fault that a later check reports is left to that check.
    """
    unproven = {
        at: by for at, by in fold.unproven.items() if whole or by <= fold.standing.state.position
    }
    if unproven:
        at = min(unproven)
        return (
            f"the record at position {at} is withheld, and the record at {unproven[at]} "
            "is not an erasure of it that has effect"
        )
    if fold.unproven:
        say(
            f"{len(fold.unproven)} records are withheld; the gateway says that they were erased "
            "later: `dragoman audit verify` checks it"
        )
    return ""


def _hold_to_head(head: bytes | None, newest: int, at: int | None) -> None:
    """Check the size of the log against its head, and `at` against its size.

    Raises `Unverified` if the gateway speaks of far more records than its head has, and
    `UsageError` if `at` is not one of its positions.
    """
    if head is not None and newest > _size_of(head) + COMPARED_GROWTH:
        raise Unverified(
            f"the gateway speaks of {newest} records, "
            f"and its newest signed head is of {_size_of(head)}: keep both"
        )
    if at is not None and not 1 <= at <= newest:
        raise UsageError(f"--at is a position from 1 to {newest}")


def _size_of(signed: bytes) -> int:
    """Return the number of records of a head, whoever signed it.

    0 if it is not a head, which a later check reports.
    """
    try:
        return checkpoint.read(signed.decode().rpartition("\n\n")[0] + "\n").size
    except (NotANote, UnicodeDecodeError):
        return 0


def _head_fault(fold: Replay, signed: bytes | None) -> str:
    """Return the fault of a signed head beside the replayed records.

    Empty if the head is of these records, or beyond them.
    """
    registry = fold.standing.state.registry
    if signed is None or registry is None:
        return ""
    try:
        head, _ = checkpoint.read_signed(signed, log_of(registry))
    except NotANote as error:
        return f"the signed head is not of the key that the genesis names: {error}"
    if head.size > fold.standing.frontier.size:
        return ""
    if fold.root(head.size) != head.root:
        return (
            f"the signed head of {head.size} records is of other records than these: "
            "`dragoman audit verify` finds the first, keep both"
        )
    return ""


@audit.command(name="proof")
async def proof_command(
    position: Annotated[int, Parameter(help="The position of the record in the log.")],
    *,
    to: Annotated[
        Path | None,
        Parameter(
            help="The file of the proof; the record goes beside it. "
            "Default: CHANNEL-POSITION.tlog-proof."
        ),
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Save the record at POSITION, and the proof that it is in the log.

    They are two files, which can be checked without any server.
    """
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        body = (await caller.call("GET", f"/v1/channels/{channel}/records/{position}/proof")).body
        record = (await caller.call("GET", f"/v1/channels/{channel}/records/{position}")).body
        log = (await caller.channel(channel)).log
    path = to or Path(f"{channel}-{position}.tlog-proof")
    if path.suffix == ".json":
        raise UsageError(
            "--to names the proof; the record goes beside it as .json: choose another ending"
        )
    try:
        path.write_bytes(body)
        path.with_suffix(".json").write_bytes(record)
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}") from None
    out(str(path))
    say(
        f"check it anywhere with: "
        f"dragoman audit check {path} {path.with_suffix('.json')} --log '{log}'"
    )
    return 0


@audit.command(name="check")
def check_command(
    proof_file: Annotated[Path, Parameter(help="The file of the proof.")],
    record_file: Annotated[Path, Parameter(help="The file of the record.")],
    *,
    log: Annotated[str, Parameter(help="The log's verifier key, from your side's notes.")],
) -> int:
    """Check offline that the record in RECORD_FILE is in the log of a key.

    If the proof is not valid: exit code 7.
    """
    record, data, verifier = (
        read_input(str(record_file)),
        read_input(str(proof_file)),
        verifier_of(log),
    )
    try:
        proof = proofs.read(data)
        erased = leaf.read_entry(record)
        entry = (
            leaf.entry(proof.index, leaf.commit(record))
            if erased is None or erased[0] != proof.index
            else record
        )
        note = proofs.verify(proof, entry, verifier)
    except NotANote as error:
        say(f"dragoman: VERIFICATION FAILED: {error}")
        return UNVERIFIED
    head = checkpoint.read(note.text)
    subject = "the record" if entry is not record else "a record of which the bytes are not here"
    say(
        f"{subject} is at position {proof.index + 1} of {head.origin}, "
        f"under its signed head of {head.size} records"
    )
    return 0


@audit.command(name="release")
def release_command(
    bundle_file: Annotated[Path, Parameter(help="The file of the bundle.")],
    *,
    log: Annotated[str, Parameter(help="The log's verifier key, from one of the sides.")] = "",
    cid: Annotated[str, Parameter(help="The channel's id, from one of the sides.")] = "",
) -> int:
    """Verify a published bundle offline.

    Its records must be in the log, and every side must have agreed to publish them. If
    not: exit code 7. BUNDLE_FILE is the answer of GET /v1/releases/CHANNEL/EXCHANGE, or
    of GET /v1/channels/CHANNEL/releases/EXCHANGE/bundle.
    """
    try:
        proved = bundles.verify(
            read_input(str(bundle_file)),
            log=verifier_of(log) if log else None,
            cid=checked_cid(cid),
        )
    except bundles.NotProved as error:
        say(f"dragoman: VERIFICATION FAILED: {error}")
        return UNVERIFIED
    say(f"{proved.channel}, under a signed head of {proved.head} records of {proved.log}")
    say(
        f"agreed to by {' and '.join(proved.sides)}, with two officers each, "
        f"in the terms {proved.terms}"
    )
    if not proved.is_public:
        say("only for the members of the channel: its records name no officer")
    for form, positions in (
        ("whole", proved.whole),
        ("in extract, as every side agreed", proved.extracts),
        ("withheld", proved.withheld),
    ):
        if positions:
            say(f"{form}: {', '.join(f'record {position}' for position in positions)}")
    if not log and not cid:
        say(
            "by the key that the bundle names itself: "
            "ask a side for its log key, and give it with --log"
        )
    return 0


def _broker_of(target: Target) -> BrokerEndpoint:
    """Return the broker of the gateway on this machine."""
    path = data_directory.server_file(target.data)
    if path is None:
        raise UsageError(
            f"no gateway ran on {target.data}; --from-log needs the data directory of the gateway: "
            "name it with --data"
        )
    return bootstrap.broker_of_gateway(path, target.data / "keys")


def _source(caller: Client, channel: str, broker: BrokerEndpoint | None, first: int = 1) -> Source:
    """Return the log of the gateway, or of the broker, from a position on."""
    if broker is None:
        return lambda: messages_of(caller.records(channel, first))
    return lambda: bootstrap.messages_of(broker, channel, first)


def _copy_source(file: Path) -> Source:
    """Return the log in an export or in a mirror's folder. Raises `UsageError`."""
    if existing_path(file).is_dir():
        archive_in(file).close()

    async def pages() -> AsyncGenerator[Page, None]:
        with ExitStack() as stack:
            if file.is_dir():
                archive = archive_in(file)
                stack.callback(archive.close)
                messages: Iterator[bytes] = archive.messages()
            else:
                messages = stack.enter_context(Export(file)).messages()
            numbered = enumerate(messages, 1)
            while page := [*islice(numbered, RECORDS_PAGE)]:
                yield [(position, raw) for position, raw in page]

    return pages


async def _fold(source: Source, last: int, base: KeptReplay | None = None) -> Replay:
    """Fold the log to a position, or to its end if that is 0.

    A kept fold is gone on from: the log is then given after its last position.
    """
    with _progress() as progress:
        return await replay(
            source,
            upto=last,
            progress=lambda position: progress("replaying", position, last or position),
            base=base,
        )


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar on standard error, and yield a function that moves it.

    Its arguments are the step, the present count and the total.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, TaskID] = {}

        def report(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(step, total=total)
            progress.update(tasks[step], completed=done)

        yield report


def _print(result: Replayed, target: Target, live: str, compared: AnswerComparison | None) -> None:
    if target.json:
        comparison = {} if compared is None else {"compared": msgspec.to_builtins(compared)}
        out_json({**msgspec.to_builtins(result), "live_digest": live, **comparison})
        return
    out(f"{result.channel}, cid {result.cid}")
    out(
        f"position {result.position}, channel time {result.time}, "
        f"{result.exchanges} exchanges, {len(result.void)} void records"
    )
    out(f"tree root {result.root}")
    out(f"digest    {result.digest}")
    out("")
    table(
        [[c.family, c.status, str(c.exchanges)] for c in result.counts],
        ["FAMILY", "STATUS", "EXCHANGES"],
    )
    out("")
    rows = [
        [owed.side, str(owed.unacknowledged), str(owed.unanswered), str(owed.delivered)]
        for owed in result.owed
    ]
    table(rows, ["SIDE", "NOT ACKNOWLEDGED", "NOT ANSWERED", "DELIVERED UP TO"])
    for void in result.void:
        out(f"void at {void.position}: {void.reason}")
    if compared is not None:
        answers.show(compared)

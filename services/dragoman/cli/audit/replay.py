"""`dragoman audit`: replay a log without trusting the gateway, and take and check the proof of one record."""

import json
import re
import secrets
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack, contextmanager
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

from dragoman import bootstrap
from dragoman.audit import release_bundle as bundles
from dragoman.audit.answer_comparison import AnswerComparison
from dragoman.audit.export import Export
from dragoman.audit.replay import (
    Hole,
    Page,
    Replay,
    Replayed,
    Source,
    erasures_in,
    messages_of,
    replay,
)
from dragoman.cli.audit import answers
from dragoman.cli.audit.answers import SAMPLE
from dragoman.cli.audit.copies import archive_in, there
from dragoman.cli.common import (
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
from dragoman.domain.acts.log_policy import log_of
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.limits import COMPARED_GROWTH, RECORDS_PAGE
from dragoman.tlog import checkpoint, leaf
from dragoman.tlog import proof as proofs
from dragoman.tlog.note import NotANote, Verifier, read_verifier

EVERYWHERE = Target()

audit = App(name="audit", help="Replay, verify and export a channel's log, believing nobody.")


@audit.command(name="replay")
async def replay_command(
    file: Annotated[
        Path | None,
        Parameter(
            help="An export, or a mirror's folder, whose log is replayed; without one, the log as the gateway gives it."
        ),
    ] = None,
    *,
    at: Annotated[int | None, Parameter(help="Fold up to this position only.")] = None,
    from_log: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Read the broker's log itself, with the keys in --data, not the gateway's copy.",
        ),
    ] = False,
    cid: Annotated[
        str | None,
        Parameter(help="The channel's id as your own side wrote it down at the opening."),
    ] = None,
    sample: Annotated[
        int,
        Parameter(
            help="How many answers of each kind are compared with the gateway's; 0 compares none."
        ),
    ] = SAMPLE,
    all: Annotated[
        bool,
        Parameter(negative=(), help="Compare every answer that there is, which may take long."),
    ] = False,
    seed: Annotated[int | None, Parameter(help="Draw the same sample again.")] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Fold the log from the first record, print the state and its digest, and compare both and whole answers with the gateway's.

    Unequal to what the gateway says of the same position, an answer that the replay
    gives otherwise, a head that is not of these records, another channel than that of
    --cid: exit code 7. With --at only the digest is compared.
    """
    cid = None if cid is None else checked_cid(cid)
    if sample < 0:
        raise UsageError("--sample is a number of answers, 0 or more")
    if at is not None and (all or seed is not None):
        raise UsageError(
            "answers are compared where the log ends: leave --at out, or --all and --seed"
        )
    if file is not None and from_log:
        raise UsageError("the log is read from FILE or by --from-log: give one of them")
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    async with connected(target, operator=False) as caller:
        channel = await channel_of(target, caller)
        head = await head_of(caller, channel, wait_s=HEAD_SECONDS)
        newest = (await caller.channel(channel)).position
        _hold_to_head(head, newest, at)
        source = (
            _source(caller, channel, _broker_of(target) if from_log else None, target.data)
            if file is None
            else _copied(file)
        )
        try:
            fold = await _fold(source, at or (newest if file is None else 0))
            last = at or (newest if file is None else fold.standing.state.position)
            if (
                at is None and max(fold.unproven.values(), default=0) > last
            ):  # something was erased meanwhile
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
                f"dragoman: VERIFICATION FAILED: {file} has {result.position} records, and the gateway's log ends at {newest}"
            )
            return UNVERIFIED
        live = (
            await caller.call("GET", f"/v1/channels/{channel}/records/{result.position}")
        ).headers.get("Dragoman-Digest", "")
        forgotten = not live and await _erased_since(caller, channel, result.position)
        lie = _lie(fold, head, cid, last, whole=at is None)
        compared = None
        if not lie and at is None and (all or sample):
            try:
                with _progress() as progress:
                    compared = await answers.compare(
                        caller,
                        channel,
                        fold,
                        source,
                        sample=0 if all else sample,
                        seed=seed,
                        told=progress,
                    )
            except (Hole, LogBroken, answers.GatewayChanged) as error:
                lie = f"while answers were compared: {error}"
    _print(result, target, live, compared)
    if compared is not None:
        answers.tell(compared)
    if lie:
        say(f"dragoman: VERIFICATION FAILED: {lie}")
        return UNVERIFIED
    return _concluded(result, live, compared, head, forgotten=forgotten)


def _lie(fold: Replay, head: bytes | None, cid: str | None, last: int, *, whole: bool) -> str:
    """Return the fault of a log that was replayed, before anything is compared; empty where there is none."""
    result = fold.result()
    if cid is not None and cid != result.cid:
        return f"this is the channel {result.cid}, and not {cid}: it was opened by other keys"
    lie = _withheld(fold, whole=whole) or _beside(fold, head)
    if not lie and result.position != last:
        lie = f"the log ends at {result.position}, the gateway speaks of {last}"
    return lie


def _concluded(
    result: Replayed,
    live: str,
    compared: AnswerComparison | None,
    head: bytes | None,
    *,
    forgotten: bool,
) -> int:
    """Tell if the gateway agrees with the replay. Return the exit code."""
    if forgotten:
        say(
            f"the gateway keeps no digest of position {result.position}: something that stood there was erased later; compare one from then on"
        )
    elif live != result.digest:
        say(
            f"dragoman: VERIFICATION FAILED: at position {result.position} the replay gives {result.digest}, the gateway says {live}"
        )
        return UNVERIFIED
    if compared is not None and compared.mismatches:
        return UNVERIFIED
    if compared is not None and compared.unanswered:
        say(
            f"dragoman: {len(compared.unanswered)} questions were not answered: nothing is known of these answers; ask again later"
        )
        return UNREACHABLE
    if forgotten:
        return 0
    say(f"the replay and the gateway agree at position {result.position}")
    if head is None:
        say("no head of this log is signed: nothing but this replay speaks for it")
    return 0


async def _erased_since(caller: Client, channel: str, position: int) -> bool:
    """Return whether a record up to a position is named by an erasure after it."""
    erasures = await erasures_in(lambda: messages_of(caller.records(channel)))
    return any(at <= position < erasure.by for at, erasure in erasures.items())


def checked_cid(text: str) -> str:
    """Return a channel's id as it was written down; empty for none. Raises `UsageError`."""
    if text and not _CID.fullmatch(text.lower()):
        raise UsageError(
            "--cid is 64 hexadecimal digits: the channel's id as your own side wrote it down at the opening"
        )
    return text.lower()


_CID = re.compile(r"[0-9a-f]{64}")


def verifier_of(text: str, option: str = "--log") -> Verifier:
    """Return the verifier key that an option gives, as it was written down. Raises `UsageError`."""
    try:
        return read_verifier(text)
    except NotANote as error:
        raise UsageError(f"{option}: {error}") from None


def _withheld(fold: Replay, *, whole: bool) -> str:
    """Return what is wrong with entries that stand for records, in a log or in its beginning; empty where nothing is, or where that is told further on."""
    unproven = {
        at: by for at, by in fold.unproven.items() if whole or by <= fold.standing.state.position
    }
    if unproven:
        at = min(unproven)
        return f"the record at position {at} is withheld, and what stands at {unproven[at]} is no erasure of it that has effect"
    if fold.unproven:
        say(
            f"{len(fold.unproven)} records are withheld that were erased later, as the gateway says: `dragoman audit verify` finds out"
        )
    return ""


def _hold_to_head(head: bytes | None, newest: int, at: int | None) -> None:
    """Raise `Unverified` where a gateway speaks of far more records than its head has, and `UsageError` where `at` is none of them."""
    if head is not None and newest > _size_of(head) + COMPARED_GROWTH:
        raise Unverified(
            f"the gateway speaks of {newest} records, and its newest signed head is of {_size_of(head)}: keep both"
        )
    if at is not None and not 1 <= at <= newest:
        raise UsageError(f"--at is a position from 1 to {newest}")


def _size_of(signed: bytes) -> int:
    """Return the number of records of a head, whoever signed it; 0 where it is no head, as is told further on."""
    try:
        return checkpoint.read(signed.decode().rpartition("\n\n")[0] + "\n").size
    except (NotANote, UnicodeDecodeError):
        return 0


def _beside(fold: Replay, signed: bytes | None) -> str:
    """Return what is wrong with a signed head beside the records that were replayed; empty where it is theirs, or beyond them."""
    registry = fold.standing.state.registry
    if signed is None or registry is None:
        return ""
    try:
        head, _ = checkpoint.opened(signed, log_of(registry))
    except NotANote as error:
        return f"the signed head is not of the key that the genesis names: {error}"
    if head.size > fold.standing.frontier.size:
        return ""
    if fold.root(head.size) != head.root:
        return f"the signed head of {head.size} records is of other records than these: `dragoman audit verify` finds the first, keep both"
    say(f"the signed head of {head.size} records is that of these records")
    return ""


@audit.command(name="proof")
async def proof_command(
    position: int,
    *,
    to: Annotated[
        Path | None,
        Parameter(
            help="Where to write it. Default: CHANNEL-POSITION.tlog-proof, and the record beside it."
        ),
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Take the proof that the record at POSITION stands in the log, and the record, as files that need no server any more."""
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
        f"check it anywhere with: dragoman audit check {path} {path.with_suffix('.json')} --log '{log}'"
    )
    return 0


@audit.command(name="check")
def check_command(
    proof_file: Path,
    record_file: Path,
    *,
    log: Annotated[str, Parameter(help="The log's verifier key, as your own side wrote it down.")],
) -> int:
    """Check a proof offline: that the record in RECORD_FILE stands in the log of that key. Else exit code 7."""
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
    what = "the record" if entry is not record else "a record of which the bytes are not here"
    say(
        f"{what} stands at position {proof.index + 1} of {head.origin}, under its signed head of {head.size} records"
    )
    return 0


@audit.command(name="release")
def release_command(
    bundle_file: Path,
    *,
    log: Annotated[
        str, Parameter(help="The log's verifier key, as a side has told it to you.")
    ] = "",
    cid: Annotated[str, Parameter(help="The channel's id, as a side has told it to you.")] = "",
) -> int:
    """Verify a published bundle offline: that these records stand in the log, and that every side agreed to make them public. Else exit code 7.

    BUNDLE_FILE is what GET /v1/releases/CHANNEL/EXCHANGE gives.
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
        f"agreed to by {' and '.join(proved.sides)}, with two officers each, in the terms {proved.terms}"
    )
    for what, positions in (
        ("whole", proved.whole),
        ("in extract, as every side agreed", proved.extracts),
        ("withheld", proved.withheld),
    ):
        if positions:
            say(f"{what}: {', '.join(f'record {position}' for position in positions)}")
    if not log and not cid:
        say(
            "by the key that the bundle names itself: ask a side for its log key, and give it with --log"
        )
    return 0


def _broker_of(target: Target) -> str:
    path = target.data / "server.json"
    if not path.exists():
        raise UsageError(
            f"{path} is not there; --from-log needs the data directory of the gateway, with --data"
        )
    return str(json.loads(path.read_text())["nats_url"])


def _source(caller: Client, channel: str, broker: str | None, data: Path) -> Source:
    """Return the log as the gateway gives it, or as the broker has it."""
    if broker is None:
        return lambda: messages_of(caller.records(channel))
    return lambda: bootstrap.messages_of(broker, data / "keys", channel)


def _copied(file: Path) -> Source:
    """Return the log in an export or in a mirror's folder. Raises `UsageError`."""
    if there(file).is_dir():
        archive_in(file).close()

    async def pages() -> AsyncGenerator[Page, None]:
        with ExitStack() as stack:
            if file.is_dir():
                archive = archive_in(file)
                stack.callback(archive.close)
                messages = archive.messages()
            else:
                messages = stack.enter_context(Export(file)).messages()
            numbered = enumerate(messages, 1)
            while page := [*islice(numbered, RECORDS_PAGE)]:
                yield [(position, raw) for position, raw in page]

    return pages


async def _fold(source: Source, last: int) -> Replay:
    """Fold the log to a position, or to its end where that is 0."""
    with _progress() as progress:
        return await replay(
            source,
            upto=last,
            progress=lambda position: progress("replaying", position, last or position),
        )


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar on standard error. Yield a function that moves it: the step, how far it came, how much there is."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, TaskID] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done)

        yield told


def _print(result: Replayed, target: Target, live: str, compared: AnswerComparison | None) -> None:
    if target.json:
        said = {} if compared is None else {"compared": msgspec.to_builtins(compared)}
        out_json({**msgspec.to_builtins(result), "live_digest": live, **said})
        return
    out(f"{result.channel}, cid {result.cid}")
    out(
        f"position {result.position}, channel time {result.time}, {result.exchanges} exchanges, {len(result.void)} void records"
    )
    out(f"tree root {result.root}")
    out(f"digest    {result.digest}\n")
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

"""The commands `dragoman audit`, `owed`, `findings`, `tables` and `diff`.

They read a log from an export, from a mirror, or from the gateway.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from msgspec import UnsetType

from dragoman.audit import accountability, tables
from dragoman.audit.replay import Replay, replayed
from dragoman.audit.replay_view import ReplayedChannel
from dragoman.cli.audit.mirror import audit
from dragoman.cli.audit.verify import (
    Cid,
    Log,
    PolicyFile,
    RequiredCosigners,
    Witnesses,
    check_log,
    cosigners_of,
    exit_code_of,
    fault_in_words,
    say_failed,
)
from dragoman.cli.common import (
    EVERYWHERE,
    UNVERIFIED,
    Target,
    Unverified,
    UsageError,
    out,
    out_json,
    renamed,
    say,
    table,
)
from dragoman.document.markdown import markdown
from dragoman.i18n.words import of_tag
from dragoman.reports.audit_answers import answers, paper
from dragoman.reports.log_findings import LogFinding
from dragoman.text import verbatim
from dragoman_schemas.state_responses import Change

Source = Annotated[
    Path | None,
    Parameter(help="An export, or a mirror's folder. Without one, the log of the gateway."),
]


@audit.default
async def audit_command(
    file: Source = None,
    *,
    at: Annotated[int | None, Parameter(help="The log as it was at this position.")] = None,
    cid: Cid = "",
    log: Log = "",
    witness: Witnesses = (),
    policy_file: PolicyFile = None,
    language: Annotated[
        str,
        Parameter(
            help="The language of the page: en, fr or zh. Texts stay in the languages of their "
            "authors."
        ),
    ] = "en",
    target: Target = EVERYWHERE,
) -> int:
    """Verify a log, and answer the auditor's five questions on one page.

    Nobody's word is trusted. If the log is not valid: exit code 7.
    """
    required_cosigners = cosigners_of(witness, policy_file, log)
    verification = required_cosigners.verification(cid, log, file)
    messages: list[bytes] = []
    await check_log(verification, file, target, required_cosigners, messages.append)
    if at is not None and not 1 <= at <= len(messages):
        raise UsageError(f"--at is a position from 1 to {len(messages)}")
    result = verification.result()
    replay = verification.replay
    if result.lie is not None:
        say_failed(result.lie)
    elif result.newer:
        say(f"dragoman: {result.newer}: what follows is not judged here")
    if replay.standing.state.registry is None:
        return exit_code_of(result) or UNVERIFIED
    if at is not None:
        replay = replayed(messages, at)
    messages = messages[: replay.standing.state.position]
    past = ReplayedChannel(replay, messages)
    lie = "" if result.lie is None else f"VERIFICATION FAILED: {fault_in_words(result.lie)}"
    whole = [
        LogFinding(
            check=verbatim(finding.check),
            found=verbatim(finding.found),
            word=verbatim(finding.word),
        )
        for finding in result.findings
    ]
    audit_answers = answers(past, past.period(), 1, whole, lie=lie)
    if target.json:
        out_json(msgspec.json.encode(audit_answers.report))
    else:
        out(markdown(paper(audit_answers, of_tag(language), language)).rstrip("\n"), lines=True)
    if not (cid and (log or policy_file)):
        say("give --cid and --log from your own side's notes: without them any log could be given")
    return exit_code_of(result)


@audit.command(name="owed")
async def owed_command(file: Source = None, *, target: Target = EVERYWHERE) -> int:
    """List the obligations that the sides did not meet in time, and the open ones.

    The list is as of the last record. Verify the log first.
    """
    result = await _replay(file, target)
    rows = accountability.owed(result[0])
    if target.json:
        out_json(msgspec.to_builtins(rows))
        return 0
    table(
        [
            [
                row.side,
                row.clock,
                row.number,
                row.due,
                row.came or row.state,
                "courtesy" if row.courtesy else "",
            ]
            for row in rows
        ],
        ["SIDE", "WHAT", "UNDER", "UNTIL", "CAME", ""],
    )
    passed, overdue = sum(row.passed for row in rows), sum(row.state == "overdue" for row in rows)
    say(
        f"{passed} limits passed, {sum(row.open for row in rows)} are open, "
        f"of which {overdue} are overdue"
    )
    return 0


renamed(audit, "audit exceptions", "audit findings")


@audit.command(name="findings")
async def findings_command(file: Source = None, *, target: Target = EVERYWHERE) -> int:
    """List the findings that an auditor looks for. Verify the log first.

    They are acts with one key, by voice, of an acting officer, entered later, late,
    corrected or without effect.
    """
    result = await _replay(file, target)
    rows = accountability.findings(*result)
    if target.json:
        out_json(msgspec.to_builtins(rows))
        return 0
    table(
        [[str(row.position), row.kind, row.side, row.number, row.detail] for row in rows],
        ["POSITION", "KIND", "SIDE", "UNDER", "WHAT"],
    )
    say(f"{len(rows)} findings")
    return 0


@audit.command(name="tables")
async def tables_command(
    to: Annotated[
        Path, Parameter(help="A file that ends in .sqlite, or a folder for Parquet files.")
    ],
    file: Source = None,
    *,
    target: Target = EVERYWHERE,
) -> int:
    """Write a log as tables for analysis: records, exchanges, receipts.

    The tables prove nothing. Verify the log first.
    """
    result = await _replay(file, target)
    if result[0].standing.state.registry is None:
        say("dragoman: VERIFICATION FAILED: position 1 is not a genesis: this is not a channel")
        return UNVERIFIED
    rows = tables.rows(*result)
    try:
        if to.suffix == ".sqlite":
            await asyncio.to_thread(tables.write_sqlite, to, rows)
        else:
            await asyncio.to_thread(tables.write_parquet, to, rows)
    except ImportError:
        raise UsageError(
            "Parquet needs the extra: pip install dragoman[audit]; "
            "a name that ends in .sqlite does not"
        ) from None
    except (OSError, sqlite3.Error) as error:
        raise UsageError(f"{to} cannot be written: {error}") from None
    out(str(to))
    say(f"{result[0].standing.state.position} records, as {', '.join(tables.COLUMNS)}")
    return 0


@audit.command(name="diff")
async def diff_command(
    first: Annotated[int, Parameter(help="The position after which changes are listed.")],
    last: Annotated[int, Parameter(help="The position of the last record.")],
    file: Source = None,
    *,
    target: Target = EVERYWHERE,
) -> int:
    """List the changes after the record at FIRST, up to the record at LAST.

    They are listed by exchange and member. Verify the log first.
    """
    _, messages = await _replay(file, target)
    if not 0 <= first < last <= len(messages):
        raise UsageError(
            f"FIRST and LAST are positions from 0 to {len(messages)}, and FIRST is below LAST"
        )
    difference = accountability.difference(messages, first, last)
    if target.json:
        out_json(msgspec.json.encode(difference))
        return 0
    for exchange in difference.exchanges:
        became = (
            f"{exchange.was} \u2192 {exchange.status}"
            if exchange.was
            else f"opened, {exchange.status}"
        )
        out(
            f"{exchange.number or exchange.exchange}  {exchange.act}  {became}  "
            f"(records {', '.join(map(str, exchange.positions))})"
        )
        _print_changes(exchange.changes)
    if difference.channel:
        out("the channel")
        _print_changes(difference.channel)
    say(f"{len(difference.exchanges)} exchanges changed between {first} and {last}")
    return 0


def _print_changes(changes: Sequence[Change]) -> None:
    for change in changes:
        was, now = (
            "nothing" if isinstance(raw, UnsetType) else bytes(raw).decode()
            for raw in (change.was, change.now)
        )
        out(f"  {change.pointer}: {was} \u2192 {now}")


async def _replay(file: Path | None, target: Target) -> tuple[Replay, list[bytes]]:
    """Return a log that is valid without a cid, a key or a witness.

    Raises `Unverified`.
    """
    required_cosigners = RequiredCosigners()
    verification = required_cosigners.verification("", "", file)
    messages: list[bytes] = []
    await check_log(verification, file, target, required_cosigners, messages.append, tiled=False)
    if verification.lie is not None:
        raise Unverified(
            f"{fault_in_words(verification.lie)}; keep as evidence: {verification.lie.evidence}"
        )
    return verification.replay, messages

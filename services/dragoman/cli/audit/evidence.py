"""The command `dragoman audit evidence`, and the verification of an evidence file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from dragoman.audit.evidence_checks import check_evidence
from dragoman.cli.audit.replay import audit
from dragoman.cli.common import (
    EVERYWHERE,
    UNVERIFIED,
    Target,
    UsageError,
    channel_of,
    connected,
    out,
    out_json,
    say,
    table,
)
from dragoman.domain.evidence import EvidenceRefuted
from dragoman.reports import evidence_file
from dragoman.tlog.note import Verifier
from dragoman.tlog.policy import Policy


@audit.command(name="evidence")
async def evidence_command(
    exchange: Annotated[str, Parameter(help="The exchange, by its number or id.")],
    *,
    to: Annotated[
        Path | None, Parameter(help="The file to write. Default: NUMBER-evidence.html.")
    ] = None,
    language: Annotated[
        str, Parameter(help="The language of the page: en, fr or zh. Default: en.")
    ] = "",
    target: Target = EVERYWHERE,
) -> int:
    """Save the records of an exchange and their proofs as one page.

    The page verifies itself in a browser, without a server.
    """
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        id = await caller.exchange_of(channel, exchange)
        query = f"?language={language}" if language else ""
        answer = await caller.call("GET", f"/v1/channels/{channel}/exchanges/{id}/evidence{query}")
    path = to or Path(f"{exchange.replace('/', '-')}-evidence.html")
    try:
        path.write_bytes(answer.body)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    out(str(path))
    say(
        "open it in a browser, or verify it anywhere with: "
        f"dragoman audit verify {path} --cid … --log …"
    )
    return 0


def is_evidence(file: Path) -> bool:
    """Return whether a file may be an evidence file: it begins as a page does."""
    try:
        with file.open("rb") as opened:
            return evidence_file.is_page(opened.read(64))
    except OSError:
        return False


def verify_evidence(
    file: Path,
    *,
    cid: str,
    log: Verifier | None,
    witnesses: Sequence[Verifier],
    policy: Policy | None,
    not_before: int,
    as_json: bool,
) -> int:
    """Verify an evidence file, and print each check and on whose word it rests.

    Returns the exit code: 7 if the file is not valid. Raises `UsageError`.
    """
    if file.stat().st_size > evidence_file.FILE_BYTES:
        raise UsageError(f"{file} is too large for an evidence file")
    try:
        result = check_evidence(
            evidence_file.read(file.read_bytes()),
            cid=cid,
            log=log,
            witnesses=witnesses,
            policy=policy,
            not_before=not_before,
        )
    except evidence_file.EvidenceCut as error:
        say(f"dragoman: {file} is incomplete: {error}")
        return UNVERIFIED
    except evidence_file.NotEvidence as error:
        raise UsageError(f"{file} is not an evidence file: {error}") from None
    except EvidenceRefuted as error:
        where = f"record {error.position}: " if error.position else ""
        say(f"dragoman: VERIFICATION FAILED: {where}{error}")
        say(
            "this accuses nobody: anybody who had the file may have changed it; fetch it again "
            "(`dragoman audit evidence`)"
        )
        return UNVERIFIED
    if as_json:
        out_json(msgspec.to_builtins(result))
        return 0
    out(f"{result.channel}, cid {result.cid}, exchange {result.exchange}")
    out(f"records {', '.join(map(str, result.positions))} under a head of {result.size}")
    out("")
    table(
        [[finding.check, finding.found, finding.word] for finding in result.findings],
        ["CHECK", "FOUND", "ON WHOSE WORD"],
    )
    for position in result.disputed:
        out(f"disputed at {position}: a key that signed it may have been stolen before")
    if not cid or (log is None and policy is None):
        say("give --cid and --log from your own side's notes: without them any log could be given")
    say("no lie was found")
    return 0

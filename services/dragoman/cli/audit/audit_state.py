"""The options `--state` and `--from-start`: an audit that goes on from a kept one."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dragoman.audit.kept_audit import (
    KeptAudit,
    KeptAuditUnusable,
    contradiction,
    kept_in,
    set_aside,
)
from dragoman.audit.replay import Replay
from dragoman.audit.verification_result import LogInconsistent
from dragoman.cli.common import UsageError, say

State = Annotated[
    Path | None,
    Parameter(
        name="--state",
        help="The folder of a kept audit: go on from it, and then keep this audit there.",
    ),
]
FromStart = Annotated[
    bool,
    Parameter(
        negative=(),
        help="Audit everything from the first record, and replace the kept audit of --state.",
    ),
]


class AuditState:
    """The folder of `--state`, with the audit that it keeps, if it keeps one.

    `earlier` is this audit, and `base` is it too if the command may go on from it.
    """

    def __init__(self, folder: Path, *, from_start: bool, cid: str, checked: bool) -> None:
        """Open the folder, and say why the command begins from the first record.

        An audit of `audit verify` has `checked` signatures, and one of `audit replay`
        has not. Raises `UsageError`, `KeptAuditUnusable`.
        """
        self.folder = folder
        self.earlier: KeptAudit | None = None
        try:
            self.earlier = kept_in(folder)
        except KeptAuditUnusable as error:
            if not from_start:
                raise
            say(f"{error}; it is now in {set_aside(folder)}")
        earlier = self.earlier
        if earlier is not None and (refusal := _refusal(earlier, cid, checked=checked)):
            earlier.close()
            raise UsageError(f"{folder} {refusal}: name another folder")
        self.base = None if from_start else earlier
        if earlier is not None and self.base is not None and not earlier.is_of_program:
            self.begin_anew(f"another program judged the {earlier.described}")

    def begin_anew(self, reason: str) -> None:
        """Say why nothing of the kept audit is used, and use nothing of it."""
        say(f"{reason}: everything is audited from the first record")
        self.base = None

    def hold(self, replay: Replay, shown: bytes | None) -> LogInconsistent | None:
        """Return the contradiction between a log and the kept audit, or None.

        The log was audited from the first record. The head that was `shown` is kept as
        evidence. Raises `UsageError` for the log of another channel.
        """
        earlier, registry = self.earlier, replay.standing.state.registry
        if earlier is None:
            return None
        if registry is not None and registry.cid != earlier.cid:
            raise UsageError(
                f"{self.folder} keeps an audit of the channel {earlier.cid}, and this is the "
                f"channel {registry.cid}: name another folder"
            )
        return contradiction(earlier, replay, shown)

    def close(self) -> None:
        """Close the files of the kept audit."""
        if self.earlier is not None:
            self.earlier.close()


def _refusal(earlier: KeptAudit, cid: str, *, checked: bool) -> str:
    """Return the reason why a folder is not for this command, or an empty text."""
    if cid and cid != earlier.cid:
        return f"keeps an audit of the channel {earlier.cid}, and --cid names {cid}"
    if checked != (earlier.checks is not None):
        return f"is kept by `audit {'replay' if checked else 'verify'}`"
    return ""


def audit_state(
    folder: Path | None, *, from_start: bool, cid: str, checked: bool
) -> AuditState | None:
    """Return the folder that `--state` names, or None. Raises `UsageError`."""
    if folder is None:
        if from_start:
            raise UsageError("--from-start needs --state: without it everything is audited anyway")
        return None
    return AuditState(folder, from_start=from_start, cid=cid, checked=checked)

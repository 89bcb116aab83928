"""The verification of a signed turn-over by `dragoman audit verify --turn-over`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dragoman.audit.turn_over_check import CheckedSheet
from dragoman.cli.common import UNVERIFIED, UsageError, out, say
from dragoman.reports import turn_over_sheet
from dragoman_schemas.watch_responses import TurnOverFile

Sheet = Annotated[
    Path | None,
    Parameter(
        name="--turn-over",
        help="A signed turn-over of your side, downloaded from its page. The command says "
        "whether a record of this log commits to it, and which points differ from the log.",
    ),
]


def read_sheet(path: Path) -> TurnOverFile:
    """Return the content of a sheet's file. Raises `UsageError`."""
    try:
        if path.stat().st_size > turn_over_sheet.SHEET_BYTES:
            raise UsageError(f"{path} is too large for a turn-over")
        return turn_over_sheet.read(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except turn_over_sheet.NotASheet as error:
        raise UsageError(
            f"{path} is not a signed turn-over, as the page of the turn-over gives it: {error}"
        ) from None


def print_sheet(checked: CheckedSheet, *, as_json: bool) -> int:
    """Print what the check of a sheet found, and return the exit code.

    As JSON it is in the result of the verification already.
    """
    if as_json:
        return 0 if checked.is_valid else UNVERIFIED
    out("")
    if not checked.is_valid:
        for fault in checked.faults:
            say(f"dragoman: TURN-OVER NOT VERIFIED: {fault}")
        return UNVERIFIED
    out(f"turn-over of {checked.officer}: record {checked.position} commits to it")
    out("every point that follows from the log is in it, unchanged, and no other")
    for key in checked.unproven:
        out(f"beside the log, so that only the sheet says it: {key}")
    return 0

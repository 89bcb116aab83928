"""The end of a failed command: its message and its exit code."""

import asyncio
import sys
import traceback

from cyclopts import CycloptsError

from dragoman.audit.export import NotAnExport
from dragoman.audit.kept_audit import KeptAuditUnusable
from dragoman.audit.replay import Hole
from dragoman.backup.manifest import BackupError, BackupInvalid
from dragoman.cli import common
from dragoman.client import Garbled, KeptInOutbox, ProblemResponse, Unreachable
from dragoman.data_directory import DataError
from dragoman.domain.fold import NewerRules
from dragoman.domain.record.errors import Malformed
from dragoman.eventlog.archive import ArchiveBusy, ArchiveDamaged
from dragoman.eventlog.broker import BrokerError
from dragoman.eventlog.settled_copy import UnprovenHead
from dragoman.printable import escaped
from dragoman.projection.writer_messages import StoreBusy, StoreFull
from dragoman.settings import SettingsError


def report(error: BaseException) -> int | None:
    """Print a message for an error, and return the exit code.

    None for an error that was not expected.
    """
    match error:
        case ProblemResponse():
            _say_refused(error)
            return common.exit_code(error)
        case Unreachable() | KeptInOutbox():
            common.say(f"dragoman: {error}")
            return common.UNREACHABLE
        case NewerRules():
            common.say(f"dragoman: {error}")
            return common.NEWER
        case BackupInvalid():
            common.say(f"dragoman: VERIFICATION FAILED: {error}")
            return common.UNVERIFIED
        case ArchiveDamaged() | KeptAuditUnusable():
            common.say(f"dragoman: {error}")
            return common.UNVERIFIED
        case NotAnExport() | UnprovenHead() | Hole() | Garbled() | common.Unverified():
            common.say(
                "dragoman: VERIFICATION FAILED: "
                f"{'the log is not whole: ' if isinstance(error, Hole) else ''}{error}"
            )
            return common.UNVERIFIED
        case common.UsageError() | SettingsError() | Malformed() | ArchiveBusy():
            common.say(f"dragoman: {error}")
            return common.USAGE
        case BrokerError() | StoreBusy() | StoreFull() | BackupError() | DataError():
            common.say(f"dragoman: {error}")
            return common.FAILED
        case CycloptsError():  # cyclopts has printed it
            return common.USAGE
        # Ctrl-C raises the one without a gateway, and the other with one.
        case KeyboardInterrupt() | asyncio.CancelledError():
            return common.INTERRUPTED
        case BrokenPipeError():
            return 0
        case _:
            return None


def trace(error: BaseException) -> None:
    """Print the traceback of an unexpected error, safe for a terminal."""
    sys.stderr.write(escaped("".join(traceback.format_exception(error))))


def _say_refused(error: ProblemResponse) -> None:
    problem = error.problem
    if error.is_unanswered and not problem.title:
        common.say(f"dragoman: not answered: {problem.status}: {problem.detail}; ask again later")
    else:
        common.say(f"dragoman: {problem.title or 'refused'}: {problem.detail}")
    for fault in problem.errors:
        common.say(f"  {fault.pointer or '/'}: {fault.detail}")
        if fault.earliest:
            common.say(f"  earliest: {fault.earliest}")
    if problem.allowed:
        common.say(f"  allowed: {', '.join(problem.allowed)}")

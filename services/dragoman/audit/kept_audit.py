"""An audit that was signed off, in a folder, for the next audit to go on from.

    audit.json       the position, the tree's edge, the digest, the counts of each check
    fold-….sqlite    the fold (`dragoman.audit.kept_fold`)
    head.note        the signed head of exactly these records
    *.sum            the digests of the two small files (`dragoman.eventlog.durable`)

An audit is kept only if it found nothing wrong, and if a signed head is of exactly its
records. Before it is used, every file is compared with its digests (decision 0026). The
folder names the program that judged. Another program begins from the first record.

Whoever goes on from it learns nothing new about the earlier records. Their root must
still lead to every later head: then the log begins with the records that were audited.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from dragoman import __version__
from dragoman.audit.kept_fold import FoldFile, KeptFold, write
from dragoman.audit.record_checks import KeptChecks
from dragoman.audit.replay import FoldSummary, KeptReplay, Replay
from dragoman.audit.verification_result import LogInconsistent
from dragoman.domain.record import nesting
from dragoman.eventlog import durable
from dragoman.eventlog.archive import ArchiveSums, EarlierCheck
from dragoman.projection.fold_digest import program_digest
from dragoman.tlog import merkle

_AUDIT: Final = "audit.json"
HEAD: Final = "head.note"
_FORMAT: Final = 1
_FOLDS: Final = "fold-*.sqlite"


class KeptAuditUnusable(Exception):
    """A kept audit cannot be gone on from. The message says why, and what to do."""


class KeptAuditDamaged(KeptAuditUnusable):
    """A file of a kept audit is not what was written."""

    def __init__(self, folder: Path, what: str) -> None:
        """Name the folder and the damage."""
        super().__init__(
            f"the kept audit is damaged: {what}. It accuses nobody. Put {folder} back from a "
            "backup; or verify everything with --from-start, which sets it aside"
        )


class _Description(Struct, frozen=True, kw_only=True):
    """The file `audit.json`."""

    format: int
    release: str
    program: str
    kept_at: str
    cid: str
    channel: str
    records: int
    root: str
    digest: str
    fold: FoldSummary
    files: tuple[FoldFile, ...]
    checks: KeptChecks | None = None
    tiled: int = 0
    bounded: bool = False
    archive: ArchiveSums | None = None


class KeptAudit:
    """A kept audit that was checked against its digests.

    `size` is the number of its records. `is_of_program` tells whether this program
    judged them.
    """

    def __init__(self, folder: Path) -> None:
        """Read a folder. Raises `KeptAuditDamaged`, `KeptAuditUnusable`."""
        self.folder = folder
        for name in (_AUDIT, HEAD):
            try:
                fits = durable.is_as_written(folder / name)
            except (OSError, durable.SumDamaged):
                raise KeptAuditDamaged(
                    folder, f"{folder / name}{durable.SUM} is missing, or was changed"
                ) from None
            if not fits:
                raise KeptAuditDamaged(folder, f"{folder / name} is not what was written")
        try:
            self._description = nesting.decode((folder / _AUDIT).read_bytes(), _Description)
        except msgspec.DecodeError as error:
            raise KeptAuditUnusable(
                f"{folder / _AUDIT} was written by another release: {error}. Verify everything "
                "with --from-start, which sets it aside"
            ) from None
        for file in self._description.files:
            path = folder / file.name
            if not path.exists() or durable.block_digests(path) != file.digests:
                raise KeptAuditDamaged(folder, f"{path} is missing, or is not what was written")
        self.fold = KeptFold(folder, self._description.files)

    @property
    def files(self) -> tuple[FoldFile, ...]:
        """The files of the fold."""
        return self._description.files

    @property
    def size(self) -> int:
        """The number of records of the audit."""
        return self._description.records

    @property
    def cid(self) -> str:
        """The id of the channel."""
        return self._description.cid

    @property
    def root(self) -> bytes:
        """The root of the tree of its records."""
        return bytes.fromhex(self._description.root)

    @property
    def checks(self) -> KeptChecks | None:
        """The counts of the checks of single records; None if a replay kept it."""
        return self._description.checks

    @property
    def tiled(self) -> int:
        """The number of records whose tiles were compared at the gateway."""
        return self._description.tiled

    @property
    def is_bounded(self) -> bool:
        """Return whether the dates were compared with a witness's cosignatures."""
        return self._description.bounded

    @property
    def archive(self) -> ArchiveSums | None:
        """The digests of the mirror that was verified, or None."""
        return self._description.archive

    @property
    def earlier(self) -> EarlierCheck | None:
        """The check of the mirror that was verified, or None."""
        sums = self.archive
        return None if sums is None else EarlierCheck(sums=sums, nodes=self.fold.node)

    @property
    def replay(self) -> KeptReplay:
        """The fold, for a `Replay` that goes on from it."""
        return KeptReplay(fold=self.fold, summary=self._description.fold)

    @property
    def described(self) -> str:
        """A text that names the audit: its records, its time and its program."""
        return (
            f"{self.size} records that release {self._description.release} verified on "
            f"{self._description.kept_at}"
        )

    @property
    def is_of_program(self) -> bool:
        """Return whether this program judged the records."""
        return self._description.program == audit_program()

    def close(self) -> None:
        """Close the files."""
        self.fold.close()


def kept_in(folder: Path) -> KeptAudit | None:
    """Return the audit that a folder keeps, or None if the folder keeps none.

    Raises `KeptAuditUnusable`.
    """
    if not folder.exists() or not any(folder.iterdir()):
        return None
    return KeptAudit(folder)


def contradiction(base: KeptAudit, replay: Replay, shown: bytes | None) -> LogInconsistent | None:
    """Return the contradiction between a log and a kept audit of it, or None.

    The log was folded from its first record. The head that was `shown` is written
    beside the kept one, because the two together are the evidence.
    """
    size = replay.standing.frontier.size
    if size >= base.size and merkle.root_of(replay.nodes, base.size) == base.root:
        return None
    what = (
        f"the log has {size} records, and goes back behind the {base.described}: it was cut "
        "off, or this is an older copy"
        if size < base.size and replay.root(size) == merkle.root_of(base.fold.node, size)
        else f"the log does not begin with the {base.described}: it was forked"
    )
    evidence = f"{base.folder / HEAD}, the signed head of these records"
    if shown is not None:
        path = base.folder / f"contradiction-{size}.note"
        durable.write(path, shown, summed=True)
        evidence += f", and {path}, the head that was shown now"
    return LogInconsistent(check="kept audit", position=0, what=what, evidence=evidence)


def set_aside(folder: Path) -> Path:
    """Rename a folder that cannot be used, and return its new path. It is evidence."""
    number = 1
    while (aside := folder.with_name(f"{folder.name}.aside-{number}")).exists():
        number += 1
    return folder.rename(aside)


def audit_program() -> str:
    """Return the digest of the rules, the shapes and the checks of this program."""
    return program_digest(("domain", "tlog", "projection", "audit"))


def keep(
    folder: Path,
    replay: Replay,
    signed: bytes,
    *,
    before: KeptAudit | None,
    signers: Mapping[str, Sequence[int]] = {},
    checks: KeptChecks | None = None,
    tiled: int = 0,
    bounded: bool = False,
    archive: ArchiveSums | None = None,
) -> None:
    """Keep an audit that found nothing wrong, under a signed head of its records.

    `before` is the audit in the folder from which it went on. Without one, the folder
    is written anew.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    change = replay.change(signers)
    files = list(before.files) if before is not None else []
    if change.last >= change.first:
        files = write(folder, files, change)
    registry = replay.standing.state.registry
    assert registry is not None
    description = _Description(
        format=_FORMAT,
        release=__version__,
        program=audit_program(),
        kept_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        cid=registry.cid,
        channel=registry.name,
        records=change.last,
        root=replay.standing.frontier.root().hex(),
        digest=replay.standing.digest,
        fold=replay.summary(),
        files=tuple(files),
        checks=checks,
        tiled=tiled,
        bounded=bounded,
        archive=archive,
    )
    # The head is written first: a crash in between leaves a newer head of the same log.
    durable.write(folder / HEAD, signed, summed=True)
    durable.write(folder / _AUDIT, msgspec.json.encode(description), summed=True)
    for path in folder.glob(_FOLDS):
        if path.name not in {file.name for file in files}:
            path.unlink()

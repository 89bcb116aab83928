"""All checks of a copy of a log, which every command that uses a copy runs.

The verification runs them, and so do all audit commands. The order: first the signed
head, then the copy's description of itself, then the bytes around it.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing

from dragoman.audit.export import Export, NotAnExport
from dragoman.audit.kept_audit import KeptAudit
from dragoman.audit.parallel_parse import read_strictly
from dragoman.audit.verification import Verification
from dragoman.domain.acts.erasure import named_in
from dragoman.eventlog.archive import Archive, ArchiveSums
from dragoman.tlog import leaf
from dragoman.tlog.difference import Read, sources_of
from dragoman.tlog.merkle import Nodes

Keep = Callable[[bytes], None]
"""Takes each message that was read."""


def forget(message: bytes) -> None:
    """Keep nothing of a message."""


class NotAsAudited(Exception):
    """A copy does not begin with the messages of a kept audit.

    `position` is the first position at which it has others, or none.
    """

    def __init__(self, position: int, base: KeptAudit | None) -> None:
        """Name the position and the audit."""
        described = "" if base is None else base.described
        super().__init__(f"position {position} of the copy is not that of the {described}")
        self.position = position


def _after_kept(
    verification: Verification, messages: Generator[bytes], first: int = 1
) -> Iterator[bytes]:
    """Yield the messages after a kept audit; compare those before with their leaves.

    The messages begin at position `first`. Raises `NotAsAudited` at the first
    difference.
    """
    base = verification.base
    with closing(messages):
        for position, commit in enumerate(() if base is None else base.fold.commits(first), first):
            raw = next(messages, None)
            if raw is None or leaf.commit(raw) != commit:
                raise NotAsAudited(position, base)
        yield from messages


def check_export(
    verification: Verification,
    opened: Export,
    progress: Callable[[int], None] = lambda position: None,
    keep: Keep = forget,
) -> None:
    """Check the whole content of an export against its signed head.

    Raises `NotAnExport` if it cannot be read, and `NotAsAudited`.
    """
    broken: list[NotAnExport] = []
    verification.erasures = lambda: named_in(enumerate(_readable(opened.messages(), broken), 1))
    new_messages = _after_kept(verification, _readable(opened.messages(), broken))
    verification.take(read_strictly(_kept(new_messages, keep), verification.keys), progress)
    verification.head(opened.checkpoint, sources=lambda size: sources_of(size, tile_in(opened)))
    lie = verification.lie
    if broken and not (
        lie is not None and 0 < lie.position < (broken[0].position or verification.size + 1)
    ):
        raise broken[0]
    verification.contained(_unended(opened), opened.unended)
    verification.contained(_headless(opened))
    verification.described(opened.about, opened.description)
    verification.readme(opened.readme)
    if verification.lie is None and (strange := opened.strange_tile(verification.signed)):
        verification.contained(
            f"the file has {strange} in it, which no export under a head of "
            f"{verification.signed} records has",
            beside=True,
        )
    verification.tiles(opened.tiles())
    if verification.lie is None:
        verification.contained(opened.beside(), beside=True)


def check_folder(
    verification: Verification,
    archive: Archive,
    progress: Callable[[int], None] = lambda position: None,
    keep: Keep = forget,
) -> None:
    """Check the whole content of a mirror's folder against its signed head.

    Raises `ArchiveDamaged` if it is not what was written, and `NotAsAudited`.
    """
    verification.erasures = lambda: named_in(enumerate(archive.messages(), 1))
    verification.take(
        read_strictly(_kept(new_in(verification, archive), keep), verification.keys), progress
    )
    verification.head(archive.sealed, whole=False, sources=lambda size: [nodes_of(archive)])


def new_in(verification: Verification, archive: Archive) -> Iterator[bytes]:
    """Yield the messages of a mirror that a verification has yet to take.

    The messages before them are compared, except those that the archive's own check
    found unchanged. Raises `NotAsAudited`.
    """
    first = min(archive.unchanged, verification.begins_after) + 1
    return _after_kept(verification, archive.messages(first), first)


def sums_of(verification: Verification, archive: Archive) -> ArchiveSums:
    """Return the digests of a mirror that was verified."""
    base = verification.base
    return archive.sums(base.archive if base is not None and archive.unchanged else None)


def _readable(messages: Iterable[bytes], broken: list[NotAnExport]) -> Generator[bytes]:
    """Yield the messages up to the first unreadable one, and put its error in `broken`.

    The readable messages are checked all the same.
    """
    try:
        yield from messages
    except NotAnExport as error:
        broken[:] = [error]


def _kept(messages: Iterable[bytes], keep: Keep) -> Iterator[bytes]:
    for message in messages:
        keep(message)
        yield message


def tile_in(opened: Export) -> Read:
    """Return a reader of an export's tiles, which returns None on failure."""

    def read(path: str) -> bytes | None:
        try:
            return opened.tile(path)
        except NotAnExport:
            return None

    return read


def nodes_of(archive: Archive) -> Nodes:
    """Return the subtrees of an archive."""

    def node(level: int, index: int) -> bytes:
        if (index + 1) << level > archive.size:
            raise IndexError(index)
        return archive.nodes(level, index)

    return node


def _headless(opened: Export) -> str:
    return (
        "the tiles of a signed head are here, and the head is not: `checkpoint` was taken out"
        if opened.is_headless
        else ""
    )


def _unended(opened: Export) -> str:
    return (
        "the last line of records.ndjson has no line feed, which it has in every export: it was "
        "cut off, or changed"
        if opened.unended
        else ""
    )

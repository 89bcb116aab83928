"""All checks of a copy of a log, which every command that uses a copy runs.

The verification runs them, and so do all audit commands. The order: first the signed
head, then the copy's description of itself, then the bytes around it.
"""

from collections.abc import Callable, Iterable, Iterator

from dragoman.audit.export import Export, NotAnExport
from dragoman.audit.parallel_parse import read_strictly
from dragoman.audit.verification import Verification
from dragoman.domain.acts.erasure import named_in
from dragoman.eventlog.archive import Archive
from dragoman.tlog.difference import Read, sources_of
from dragoman.tlog.merkle import Nodes

Keep = Callable[[bytes], None]
"""Takes each message that was read."""


def forget(message: bytes) -> None:
    """Keep nothing of a message."""


def check_export(
    verification: Verification,
    opened: Export,
    progress: Callable[[int], None] = lambda position: None,
    keep: Keep = forget,
) -> None:
    """Check the whole content of an export against its signed head.

    Raises `NotAnExport` if it cannot be read.
    """
    broken: list[NotAnExport] = []
    verification.erasures = lambda: named_in(enumerate(_readable(opened.messages(), broken), 1))
    verification.take(
        read_strictly(_kept(_readable(opened.messages(), broken), keep), verification.keys),
        progress,
    )
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

    Raises `ArchiveDamaged` if it is not what was written.
    """
    verification.erasures = lambda: named_in(enumerate(archive.messages(), 1))
    verification.take(read_strictly(_kept(archive.messages(), keep), verification.keys), progress)
    verification.head(archive.sealed, whole=False, sources=lambda size: [nodes_of(archive)])


def _readable(messages: Iterable[bytes], broken: list[NotAnExport]) -> Iterator[bytes]:
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

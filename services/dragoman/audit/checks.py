"""All checks of a copy of a log: the same ones for whoever verifies it, asks the five questions of it, or takes anything else from it.

What was signed comes before what the copy says of itself, and that before the bytes
around it.
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
    told: Callable[[int], None] = lambda position: None,
    keep: Keep = forget,
) -> None:
    """Hold everything that is in an export against its signed head. Raises `NotAnExport` where it cannot be read."""
    broken: list[NotAnExport] = []
    verification.erasures = lambda: named_in(enumerate(_readable(opened.messages(), broken), 1))
    verification.take(
        read_strictly(_kept(_readable(opened.messages(), broken), keep), verification.keys), told
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
            f"the file has {strange} in it, which no export under a head of {verification.signed} records has",
            beside=True,
        )
    verification.tiles(opened.tiles())
    if verification.lie is None:
        verification.contained(opened.beside(), beside=True)


def check_folder(
    verification: Verification,
    archive: Archive,
    told: Callable[[int], None] = lambda position: None,
    keep: Keep = forget,
) -> None:
    """Hold everything that is in a mirror's folder against its signed head. Raises `ArchiveDamaged` where it is not what was written."""
    verification.erasures = lambda: named_in(enumerate(archive.messages(), 1))
    verification.take(read_strictly(_kept(archive.messages(), keep), verification.keys), told)
    verification.head(archive.sealed, whole=False, sources=lambda size: [nodes_of(archive)])


def _readable(messages: Iterable[bytes], broken: list[NotAnExport]) -> Iterator[bytes]:
    """Yield the messages up to where they cannot be read, and why not: what came before is looked at all the same."""
    try:
        yield from messages
    except NotAnExport as error:
        broken[:] = [error]


def _kept(messages: Iterable[bytes], keep: Keep) -> Iterator[bytes]:
    for message in messages:
        keep(message)
        yield message


def tile_in(opened: Export) -> Read:
    """Gives the tiles of an export; of one that cannot be read nothing follows."""

    def read(path: str) -> bytes | None:
        try:
            return opened.tile(path)
        except NotAnExport:
            return None

    return read


def nodes_of(archive: Archive) -> Nodes:
    """Return the subtrees that an archive keeps."""

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
        "the last line of records.ndjson has no line feed, which it has in every export: it was cut off, or changed"
        if opened.unended
        else ""
    )

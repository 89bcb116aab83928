"""An export: a channel's log in one archive that needs no server.

It can be verified with tools of other authors. Its members:

    README.md         a description, and how to verify the export without Dragoman
    channel.json      the channel: name, cid, the log's verifier key, the number of
                      records, the time of the export
    records.ndjson    every message of the log, one a line, exactly as in the log; a
                      message that is no record, in hex under "junk"
    checkpoint        the signed head of these records, if one was signed
    tile/…            the tiles of the tree under that head (C2SP tlog-tiles)

People and files are not in it: they are beside the log, and can be erased there.
"""

import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final, Self, cast

import msgspec

from dragoman.audit.container import beside_members
from dragoman.domain.acts.erasure import leaf_entry, named_in
from dragoman.domain.record import nesting
from dragoman.limits import LINE_BYTES
from dragoman.tlog import checkpoint as checkpoints
from dragoman.tlog import tiles
from dragoman.tlog.merkle import leaf_hash, nodes_of
from dragoman.tlog.note import NotANote
from dragoman.tlog.tiles import ENTRIES

_JUNK: Final = re.compile(rb'\{"junk":"([0-9a-f]*)"\}')
_RECORD: Final = b'{"specversion":'
_DATE: Final = (2026, 1, 1, 0, 0, 0)
"""The date of every member: exports of the same records are the same bytes."""

_README_HEAD: Final = """# A channel's log, exported

`records.ndjson` has the log of the channel {name}, one message a line, exactly as it stands \
there: position 1 first. A line that
begins with `{{"junk":` is a message that is no record, in hex. `channel.json` says which \
channel it is and what signs its heads.
**Take cid and verifier key from your own side's notes of the opening, not from this file.**

With Dragoman, on a machine without a network:

    dragoman audit verify {name}.zip --cid {cid} --log '{log}'

Without it, with `sha256sum` and a reader of C2SP tiles and checkpoints:

"""

_README_1: Final = (
    _README_HEAD
    + """\
1. The commitment of a message is SHA-256 of `dragoman-commit/v1`, a line feed, and its bytes.
2. The entry of the message at position n is `dragoman-entry/v1`, `index <n-1>`, `commit <hex>`, \
each with a line feed. `tile/entries/…` has them.
3. The tree over the entries is RFC 6962's; `tile/…` has its hashes. Its root at {size} entries \
is in `checkpoint`, signed as C2SP signed-note.
4. The cid is SHA-256 of `dragoman-channel/v1`, a line feed, and the act of the first record: \
what follows its first `,"data":`, without
   the last brace. Every side's root keys signed that act (Ed25519 over DSSE's encoding), and \
nothing can be taken from it.

People and files are not here: they stand in registers beside the log. Where an exchange names a \
person, there is an id and a commitment.
"""
)

_README_2: Final = (
    _README_HEAD
    + """\
1. The bytes of a message are its line without the line feed at the end; of a line that begins \
with `{{"junk":`, the bytes that its hex spells.
   The commitment of a message is SHA-256 of `dragoman-commit/v1`, a line feed, and its bytes, \
in lower-case hex.
2. The entry of the message at position n is three lines, each with a line feed: \
`dragoman-entry/v1`, `index <n-1>`, `commit <commitment>`.
3. An erased record is the exception to step 2. In its place stands a message that is itself \
such three lines, with the index n-1: these bytes, as
   they are, are the entry of position n. Check three things.
   - A later record of the type `dragoman.erasure.v1` has, among the `records` of its `data`, \
one with this `position` and this `commit`. If
     no such record comes, nothing was erased: the record is withheld. Ask whoever gave you this \
file for it.
   - Every side consented: a key of each side signed that erasure. `signatures` has the SHA-256 \
of each key in hex, a colon, and an Ed25519 signature over
     DSSE's encoding of the erasure's act (step 6), with the type \
`application/vnd.dragoman.act.v1+json`. Where `custody` in the first record is `host`,
     the host keeps all keys: then each side but that of the erasure's `actor` also has an \
earlier record of the type `dragoman.erasure-consent.v1`
     with the same `records`, and none after it that takes it back (`withdrawn`).
   - The keys are the sides' own. The first record, and those of the type \
`dragoman.side-admission.v1`, have each side's `roots`; records of the types
     `dragoman.officer.v1`, `dragoman.key-addition.v1`, `dragoman.key-revocation.v1` and \
`dragoman.root-rotation.v1` say which keys came and went. Whether who signed was an \
administrator at that
     position, and whether all records of an exchange were named, is judged by `dragoman audit \
verify`.
4. `tile/entries/…` has the entries of all messages, 256 in a file, each after its length in two \
bytes. Compare each with yours.
5. The tree over the entries is RFC 6962's; `tile/…` has its hashes. Its root at {size} entries \
is in `checkpoint`, signed as C2SP signed-note.
6. The act of a record is what follows its first `,"data":`, without the last brace. The cid is \
SHA-256 of `dragoman-channel/v1`, a line feed, and the act
   of the first record. Every side's root keys signed that act (Ed25519 over DSSE's encoding), \
and nothing can be taken from it.

People and files are not here: they stand in registers beside the log. Where an exchange names a \
person, there is an id and a commitment.
"""
)

_STEP_5_END: Final = "is in `checkpoint`, signed as C2SP signed-note.\n"
_README_3: Final = _README_2.replace(
    _STEP_5_END,
    f"{_STEP_5_END}   From a record of the type `dragoman.log-handover.v1` on, if every side "
    "signed it as in step 3, the checkpoint is signed by the `key` named there.\n",
)

READMES: Final = (_README_1, _README_2, _README_3)
"""Every text that a release has put into exports, the oldest first.

Exports are kept for years, and an old one is as honest as a new one. Never change one
of these texts: add a text at the end, and its digest in `tests/audit/test_readme.py`.
"""


_MEMBERS: Final = frozenset({"records.ndjson", "checkpoint", "channel.json", "README.md"})
_BUFFER_BYTES: Final = 2**18
_MEMBER_BYTES: Final = 2**20
"""A limit that no tile, bundle, head or description reaches."""


TAKE_ANEW: Final = "get the file again from the side that exported it"


class NotAnExport(Exception):
    """A file that is not an export, or one that is cut off.

    The message says what is missing, and then what to do. `position` is the record at
    which reading failed, or 0 if it is not known.
    """

    def __init__(self, what: str, position: int = 0) -> None:
        """Describe the part that cannot be read."""
        super().__init__(f"{f'at position {position}: ' if position else ''}{what}; {TAKE_ANEW}")
        self.position = position


def line_of(raw: bytes) -> bytes:
    """Return a message as a line."""
    return (
        raw
        if raw.startswith(_RECORD) and b"\n" not in raw and b"\r" not in raw
        else b'{"junk":"%s"}' % raw.hex().encode()
    )


def message_of(line: bytes, position: int = 0) -> bytes:
    """Return the message of a line. Each message has only one form as a line.

    Raises `NotAnExport`.
    """
    result = _JUNK.fullmatch(line)
    raw = line if result is None or len(result[1]) % 2 else bytes.fromhex(result[1].decode())
    if line_of(raw) != line:
        raise NotAnExport(
            f"a line of records.ndjson is neither a record nor junk: {line[:60]!r}", position
        )
    return raw


def write(
    path: Path,
    messages: Sequence[bytes],
    about: Mapping[str, Any],
    checkpoint: bytes | None,
    size: int,
) -> None:
    """Write an export either whole or not at all. Raises `OSError`.

    `size` is the number of records under the checkpoint.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        _write(fresh, messages, about, checkpoint, size)
        fresh.rename(path)
    finally:
        fresh.unlink(missing_ok=True)


def _write(
    path: Path,
    messages: Sequence[bytes],
    about: Mapping[str, Any],
    checkpoint: bytes | None,
    size: int,
) -> None:
    withheld_records = named_in(enumerate(messages, 1))
    entries = [
        leaf_entry(position, raw, withheld_records) for position, raw in enumerate(messages, 1)
    ]
    leaves = [leaf_hash(entry) for entry in entries]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        with archive.open(_member("records.ndjson"), "w") as lines:
            for raw in messages:
                lines.write(line_of(raw) + b"\n")
        for tile in tiles.tiles_of(size):
            body = (
                tiles.bundle(entries[tile.first : tile.first + tile.width])
                if tile.level == ENTRIES
                else tiles.hashes(tile, nodes_of(leaves))
            )
            archive.writestr(_member(tile.path), body)
        if checkpoint is not None:
            archive.writestr(_member("checkpoint"), checkpoint)
        archive.writestr(_member("channel.json"), description_of(about))
        archive.writestr(
            _member("README.md"), readme_of(about["name"], about["cid"], about["log"], size)
        )


def description_of(about: Mapping[str, Any]) -> bytes:
    """Return the export's description for programs."""
    return json.dumps(dict(about), indent=1, ensure_ascii=False).encode() + b"\n"


def readme_of(name: str, cid: str, log: str, size: int) -> str:
    """Return the export's description in words.

    `size` is the number of records under the checkpoint.
    """
    return READMES[-1].format(name=name, cid=cid, log=log, size=size)


def readmes_of(name: str, cid: str, log: str, size: int) -> list[str]:
    """Return the description in words as each release has written it."""
    return [text.format(name=name, cid=cid, log=log, size=size) for text in READMES]


def is_readme_of(text: bytes, name: str, cid: str, log: str, size: int) -> bool:
    """Return whether a text is the description in words as some release has written it.

    Before its first release, the first text had the export's own file name in its
    command. So any name is accepted there.
    """
    texts, decoded = readmes_of(name, cid, log, size), text.decode(errors="replace")
    before, file, after = texts[0].partition(f"{name}.zip")
    pattern = rf"{re.escape(before)}[\w.-]+\.zip{re.escape(after)}"
    return decoded in texts or bool(file and re.fullmatch(pattern, decoded))


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _DATE)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    return member


class Export:
    """An export that is open for reading. Use it as a context manager."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises `NotAnExport`."""
        with _readable(str(path)):
            self._archive = zipfile.ZipFile(path)
        self._path = path
        names = self._archive.namelist()
        strange = [name for name in names if name not in _MEMBERS and not name.startswith("tile/")]
        if strange or len(set(names)) != len(names):
            raise NotAnExport(
                f"{path} has {strange[0]!r} in it, which no export has"
                if strange
                else f"{path} has a member twice, which no export has"
            )
        about = self._json("channel.json")
        if not isinstance(about, dict):
            raise NotAnExport("channel.json describes no channel")
        self.about: dict[str, Any] = about
        self.unended = 0
        """The position of a last line without a line feed, after all messages were
        read.
        """

    def __enter__(self) -> Self:
        """Return the export itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._archive.close()

    @property
    def checkpoint(self) -> bytes | None:
        """The signed head, if there is one. Raises `NotAnExport`."""
        return self._read("checkpoint") if "checkpoint" in self._archive.namelist() else None

    @property
    def is_headless(self) -> bool:
        """Return whether there are tiles without a signed head."""
        names = self._archive.namelist()
        return "checkpoint" not in names and any(name.startswith("tile/") for name in names)

    @property
    def readme(self) -> bytes | None:
        """The description in words, if there is one. Raises `NotAnExport`."""
        return self._read("README.md") if "README.md" in self._archive.namelist() else None

    @property
    def description(self) -> bytes:
        """The description for programs, as its bytes. Raises `NotAnExport`."""
        return self._read("channel.json")

    def messages(self) -> Iterator[bytes]:
        """Yield every message, in order. Raises `NotAnExport` if the file is damaged.

        Of the messages beyond the head, only the first is yielded: it convicts the
        author of the file.
        """
        with (
            _readable("records.ndjson"),
            io.BufferedReader(
                cast("io.RawIOBase", self._archive.open("records.ndjson")), _BUFFER_BYTES
            ) as lines,
        ):
            for position in self._signed():
                line = lines.readline(LINE_BYTES)
                if not line:
                    return
                if len(line) == LINE_BYTES:
                    raise NotAnExport(
                        "a line of records.ndjson is longer than any message may be", position + 1
                    )
                self.unended = 0 if line.endswith(b"\n") else position + 1
                yield message_of(line.removesuffix(b"\n"), position + 1)

    def tile(self, path: str) -> bytes | None:
        """Return a tile by its path, if the file has it. Raises `NotAnExport`."""
        return self._read(path) if path in self._archive.NameToInfo else None

    def _signed(self) -> Iterable[int]:
        """Count the messages to read: those of the head and one more.

        Without a head, count all messages.
        """
        signed = self.checkpoint
        try:
            return (
                count()
                if signed is None
                else range(checkpoints.read(signed.decode().rpartition("\n\n")[0] + "\n").size + 1)
            )
        except (NotANote, UnicodeDecodeError):
            return count()  # It is no head; the verification reports that later.

    def tiles(self) -> Iterator[tuple[str, bytes]]:
        """Yield the tiles with their paths. Raises `NotAnExport`."""
        for name in self._archive.namelist():
            if name.startswith("tile/"):
                yield name, self._read(name)

    def strange_tile(self, size: int) -> str:
        """Return the path of a tile that no export under a head of `size` records has.

        The text is empty if the file has no such tile.
        """
        paths = {tile.path for tile in tiles.tiles_of(size)}
        return next(
            (
                name
                for name in self._archive.namelist()
                if name.startswith("tile/") and name not in paths
            ),
            "",
        )

    def beside(self) -> str:
        """Return a description of the bytes beside the members, or an empty text.

        Raises `NotAnExport`.
        """
        with _readable(str(self._path)):
            return beside_members(self._path, self._archive)

    def _json(self, name: str) -> object:
        with _readable(name):
            raw = self._read(name)
            nesting.check(raw)
            return msgspec.json.decode(raw)

    def _read(self, name: str) -> bytes:
        with _readable(name):
            if self._archive.getinfo(name).file_size > _MEMBER_BYTES:
                raise NotAnExport(f"{name} is larger than in any export")
            return self._archive.read(name)


@contextmanager
def _readable(what: str) -> Iterator[None]:
    """Raise `NotAnExport` in place of any exception that reading the archive raises.

    A damaged or hostile archive makes Python's reader raise many exceptions. The
    message names the part of the archive.
    """
    try:
        yield
    except (
        OSError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        ValueError,
        RuntimeError,
        msgspec.DecodeError,
    ) as error:
        raise NotAnExport(f"{what} cannot be read: {error}") from None

"""The files in which the broker keeps a stream, so that a test can damage one where it wants to.

A block is a row of messages: u32 length, its highest bit set where there are headers; u64 sequence;
i64 time; u16 length of the subject; the subject; where there are headers u32 their length, and
they; the payload; 8 bytes of checksum.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from dragoman.eventlog.stream_config import stream_of

Part = Literal[
    "length",
    "sequence",
    "time",
    "subject's length",
    "subject",
    "headers' length",
    "headers",
    "payload",
    "checksum",
]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
_HEAD: Final = struct.Struct("<IQqH")
_HEADERS: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class Stored:
    """One message of a block: where it begins, and its parts, each as the bytes that it takes."""

    position: int
    begin: int
    parts: dict[Part, range]


def of(data: Path, channel: str) -> list[Path]:
    """A channel's blocks, the oldest first."""
    folder = (
        data
        / "nats"
        / "jetstream"
        / "jetstream"
        / "DRAGOMAN"
        / "streams"
        / stream_of(channel)
        / "msgs"
    )
    return sorted(folder.glob("*.blk"), key=lambda block: int(block.stem))


def messages(block: Path) -> list[Stored]:
    """The messages of a block."""
    raw = block.read_bytes()
    found: list[Stored] = []
    begin = 0
    while begin < len(raw):
        length, sequence, _, subject = _HEAD.unpack_from(raw, begin)
        end = begin + (length & ~_HEADERS)
        text = begin + _HEAD.size
        headers = payload = after = text + subject
        if length & _HEADERS:
            headers += 4
            payload = headers + int.from_bytes(raw[after:headers], "little")
        parts: dict[Part, range] = {
            "length": range(begin, begin + 4),
            "sequence": range(begin + 4, begin + 12),
            "time": range(begin + 12, begin + 20),
            "subject's length": range(begin + 20, text),
            "subject": range(text, after),
            "headers' length": range(after, headers),
            "headers": range(headers, payload),
            "payload": range(payload, end - 8),
            "checksum": range(end - 8, end),
        }
        found.append(Stored(sequence, begin, parts))
        begin = end
    return found


def flip(block: Path, place: int, bit: int) -> None:
    """Turn one bit over."""
    raw = bytearray(block.read_bytes())
    raw[place] ^= 1 << bit
    block.write_bytes(raw)


def truncate(block: Path, size: int) -> None:
    """Leave only the first bytes."""
    block.write_bytes(block.read_bytes()[:size])

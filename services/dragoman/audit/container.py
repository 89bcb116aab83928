"""The bytes of a zip file that belong to none of its members.

Something could be hidden there that no reader of the members sees. The parts of a file:

    local header, compressed body     once for each member, the first at the beginning
                                      of the file, without a gap
    central directory                 the members again
    end record                        without a comment, and nothing after it

Programs read a zip file from its end. So they pass over any bytes before, between or
after these parts.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

_LOCAL: Final = struct.Struct("<4s2B4HL2L2H")
"""The members of a local header.

They are signature, version and system, flags, method, time, date, checksum, two sizes,
and the lengths of name and extra field.
"""
_CENTRAL_BYTES: Final = 46
_END: Final = struct.Struct("<4s4H2LH")
_DESCRIBED_AFTER: Final = 0x08
_CHUNK: Final = 2**18
_ELSEWHERE: Final = "the file was packed by another program than the export"


def beside_members(path: Path, archive: zipfile.ZipFile) -> str:
    """Return a description of the bytes beside the members, or an empty text.

    `archive` is the file, opened.
    """
    with path.open("rb") as file:
        return next(_oddities(file, path.stat().st_size, archive), "")


def _oddities(file: BinaryIO, length: int, archive: zipfile.ZipFile) -> Iterator[str]:
    at = 0
    for member in sorted(archive.infolist(), key=lambda zip_info: zip_info.header_offset):
        if member.header_offset != at:
            where = (
                "before its first member"
                if at == 0
                else f"before {member.filename}, and in no member"
            )
            yield f"the file has {member.header_offset - at} bytes {where}"
            return
        file.seek(at)
        header = file.read(_LOCAL.size)
        name, extra = _LOCAL.unpack(header)[-2:]
        if _header_of(member, name) != header or file.read(name) != member.filename.encode():
            yield (
                f"the header before {member.filename} is not that of the directory of the "
                f"file: {_ELSEWHERE}, or changed"
            )
        if extra or member.extra or member.comment:
            yield (
                f"the file has more than name and sizes in the header of {member.filename}: "
                f"{_ELSEWHERE}"
            )
        at += _LOCAL.size + name + extra
        if not _is_whole(file, at, member):
            yield f"the file has bytes after the end of {member.filename}, and in no member"
        at += member.compress_size
    if archive.start_dir != at:
        yield f"the file has {archive.start_dir - at} bytes after its last member, and in no member"
        return
    members = archive.infolist()
    directory = sum(
        _CENTRAL_BYTES
        + len(zip_info.filename.encode())
        + len(zip_info.extra)
        + len(zip_info.comment)
        for zip_info in members
    )
    file.seek(at + directory)
    if file.read(_END.size) != _END.pack(
        b"PK\x05\x06", 0, 0, len(members), len(members), directory, at, 0
    ):
        yield (
            "the end of the file does not describe its members and nothing else: "
            f"{_ELSEWHERE}, or changed"
        )
    after = length - at - directory - _END.size
    if after > 0:
        yield f"the file has {after} bytes after its end"


def _header_of(member: zipfile.ZipInfo, name: int) -> bytes:
    """Return the local header of a member, as the central directory describes it.

    `name` is the length of the member's name.
    """
    year, month, day, hour, minute, second = member.date_time
    time, date = hour << 11 | minute << 5 | second // 2, year - 1980 << 9 | month << 5 | day
    flags = member.flag_bits & ~_DESCRIBED_AFTER
    sizes = member.CRC, member.compress_size, member.file_size
    return _LOCAL.pack(
        b"PK\x03\x04",
        member.extract_version,
        member.reserved,
        flags,
        member.compress_type,
        time,
        date,
        *sizes,
        name,
        0,
    )


def _is_whole(file: BinaryIO, begin: int, member: zipfile.ZipInfo) -> bool:
    """Return whether a member's compressed body ends exactly at its size."""
    if member.compress_type == zipfile.ZIP_STORED:
        return member.compress_size == member.file_size
    if member.compress_type != zipfile.ZIP_DEFLATED:
        return False
    file.seek(begin)
    stream, compress_size = zlib.decompressobj(-zlib.MAX_WBITS), member.compress_size
    while compress_size and not stream.eof:
        chunk = file.read(min(_CHUNK, compress_size))
        if not chunk:
            return False
        compress_size -= len(chunk)
        while chunk and not stream.eof:
            stream.decompress(chunk, _CHUNK)
            chunk = stream.unconsumed_tail
    return stream.eof and not compress_size and not stream.unused_data

"""Records whose frame is almost right, and others that are none: what every reader of records must
say the same of.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from dragoman.domain.record import codec as records
from dragoman.domain.record import strict_json
from dragoman.domain.record.codec import NotARecord
from dragoman.domain.record.errors import Malformed
from dragoman.tlog import leaf

SAMPLES: Final = Path(__file__).parents[2] / "schemas" / "samples" / "records"
_SPOILT: Final = 1_500
_VALUES: Final = (
    *("", " ", "\\u0061", "a\\", "caf\u00e9", "\u202e", "\x7f", "1.1", "1", "author", "host", "application/cloudevents+json", "service/desk", "0", "00"),
    *("01", "-1", "+1", "1e3", "9" * 16, "9" * 17, "0192f0c1-2f3a-4c4d-8e5f-112233445566", "0192f0c1-2f3a-7c4d-8e5f-112233445566", "A" * 64),
    *("0192F0C1-2F3A-7C4D-8E5F-112233445566", "0192f0c1-2f3a-7c4d-7e5f-112233445566", "00000000-0000-0000-0000-000000000000", "ab" * 32, "ab" * 31),
    *("2026-02-29T00:00:00.000Z", "2024-02-29T00:00:00.000Z", "2100-02-29T00:00:00.000Z", "0000-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000Z"),
    *("2026-11-31T00:00:00.000Z", "2026-11-24T24:00:00.000Z", "2026-11-24T23:59:60.000Z", "2026-11-24T12:00:00Z", "2026-11-24T12:00:00.000z"),
    *("2026-11-24 12:00:00.000Z", "2026-11-24T12:00:00.000+00:00", "2026-11-24T12:00:00.0000Z", "+02026-11-24T12:00:00.000Z", "2026-13-01T00:00:00.000Z"),
)  # fmt: skip
_PIECES: Final = (
    *(b" ", b"\n", b"\r\n", b"\t", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xc3\xa9", b"{", b"}", b"[", b"]", b",", b":", b'"', b"'", b"\\", b"\\u0061"),
    *(b"null", b"0", b"1.0", b',"data":', b'"data":{}', b',"salt":"', b'"":"",', b"//", b"NaN"),
)  # fmt: skip


def is_record(raw: bytes) -> bool:
    """Return whether our reader finds a valid frame, and in it an act that is strict JSON. The name
    of the act is not checked.
    """
    try:
        _, act = records._parts(raw)
        return strict_json.read(act, cut=False) == act and isinstance(
            msgspec.json.decode(act), dict
        )
    except (NotARecord, Malformed, msgspec.DecodeError):
        return False


def corpus() -> list[bytes]:
    """Return the frames that the readers are asked about. They are sound records, records spoilt in
    one place of the frame or in any places, and junk.
    """
    lots = random.Random(1954)
    sound = [path.read_bytes() for path in sorted(SAMPLES.glob("*.v*.json"))]
    kinds = {frozenset(json.loads(raw)): raw for raw in sound}
    junk = [
        b"",
        b"{}",
        b"null",
        b"[]",
        b'"',
        b"\x00junk\n",
        b"\xff\xfe",
        b"{" * 500,
        b" " * 600_000,
    ]
    entries = [leaf.entry(index, leaf.commit(raw)) for index, raw in enumerate(sound[:3])]
    acts = [records.parse(raw).act for raw in sound[:3]]
    framed = [spoilt for raw in kinds.values() for spoilt in _framed_otherwise(raw)]
    return [
        *sound,
        *framed,
        *junk,
        *entries,
        *acts,
        *(_struck(lots.choice(sound), lots) for _ in range(_SPOILT)),
    ]


def _framed_otherwise(raw: bytes) -> Iterator[bytes]:
    """A record with one change of its members: gone, doubled, in another place, of another value or
    kind, or with white space beside them.
    """
    record = records.parse(raw)
    members = [
        (name, json.dumps(value, ensure_ascii=False))
        for name, value in json.loads(raw).items()
        if name != "data"
    ]
    act = record.act.decode()
    members.append(("data", act))
    assert _written(members) == raw
    for at, (name, value) in enumerate(members):
        rest = members[:at] + members[at + 1 :]
        yield _written(rest)
        yield _written([*members[: at + 1], (name, value), *members[at + 1 :]])
        yield _written([*members, (name, value)])
        yield _written([(name, '"x"'), *members])
        yield from (
            _written([*rest[:to], (name, value), *rest[to:]])
            for to in {0, max(0, at - 1), at + 1, len(rest)}
            if to != at
        )
        yield from (
            _written([*members[:at], (other, value), *members[at + 1 :]])
            for other in (name.upper(), f"{name} ", "", "extra", "__proto__")
        )
        if name != "data":
            wrong = (
                "null",
                "1",
                "true",
                "[]",
                "{}",
                f"[{value}]",
                f" {value}",
                f"{value} ",
                f'{value[:-1]}\n"',
                value.replace('"', "'"),
            )
            given = (*wrong, *(f'"{each}"' for each in _VALUES))
            yield from (
                _written([*members[:at], (name, each), *members[at + 1 :]]) for each in given
            )
    kinds = (
        "null",
        "[]",
        "{}",
        '""',
        "0",
        f"[{act}]",
        f" {act}",
        f"{act} ",
        act.replace(":", ": ", 1),
        act.replace(",", ", ", 1),
        act[:-1],
        f"{act}}}",
    )
    yield from (_written([*members[:-1], ("data", each)]) for each in kinds)
    for optional in ("releasedby", "causationid", "signatures"):
        if optional not in dict(members):
            yield from (
                _written([*members[:at], (optional, '"nato/o-1"'), *members[at:]])
                for at in range(len(members) + 1)
            )
    yield from (
        before + raw + after
        for before in (b"", b" ", b"\n", b"\xef\xbb\xbf", b"[")
        for after in (b"", b" ", b"\n", b"\x00", b"}", b"]", raw)
    )
    yield from (raw[:end] for end in (1, 2, len(raw) // 2, len(raw) - 1))


def _written(members: list[tuple[str, str]]) -> bytes:
    return ("{" + ",".join(f'"{name}":{value}' for name, value in members) + "}").encode()


def _struck(sound: bytes, lots: random.Random) -> bytes:
    """A record in whose frame a few bytes were changed, put in or cut out."""
    raw = bytearray(sound)
    frame = sound.index(b',"data":') + 8
    for _ in range(lots.randint(1, 2)):
        at = lots.randrange(frame) if lots.random() < 0.9 else len(raw)
        raw[at : at + lots.choice((0, 0, 1, 2))] = lots.choice(
            (b"", *_PIECES, bytes([lots.randrange(256)]), bytes([lots.randrange(48, 123)]))
        )
    return bytes(raw)

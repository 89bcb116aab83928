"""Parsers of what comes from strangers: whatever bytes come, they say no in their own words, or
read what writes itself the same again.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.domain.record import codec as records
from dragoman.domain.record import strict_json
from dragoman.domain.record.codec import NotARecord
from dragoman.domain.record.errors import Malformed
from dragoman.limits import SIGNATURES
from dragoman.text import verbatim
from dragoman.tlog import checkpoint, dsse, leaf, merkle, note, policy, proof, tiles
from dragoman.tlog.checkpoint import Addition, Checkpoint
from dragoman.tlog.note import COSIGNATURE, ED25519, NotANote, Verifier
from dragoman.tlog.proof import Proof

SEED = bytes(range(32))
LOG = Verifier("example.org/log", ED25519, dsse.public_of(SEED))
WITNESS = Verifier("example.org/witness", COSIGNATURE, dsse.public_of(SEED))
HEAD = Checkpoint("example.org/log", 1_234_067, bytes(range(32)))
SIGNED = note.encode(
    HEAD.text,
    [
        note.sign(LOG.name, SEED, HEAD.text),
        note.cosign(WITNESS.name, SEED, HEAD.text, 1_764_072_000),
    ],
)
ACT = b'{"act":"contact-note","form":"letter","text":"\\u00e9 \xe4\xb8\xad \\n","n":-1.50,"list":[1,true,{}]}'
RECORDS = [
    each.read_bytes()
    for each in sorted(
        (Path(__file__).parents[2] / "schemas" / "samples" / "records").glob("*.v*.json")
    )
]
"""One of every act: attested by the host or signed, released by a second one, caused by another
record.
"""
ENTRIES = [leaf.entry(index, leaf.commit(raw)) for index, raw in enumerate(RECORDS)]


def _record(raw: bytes) -> bytes:
    record = records.parse(raw)
    return records.build(record.envelope, record.act)


def _signatures(raw: bytes) -> bytes:
    found = dsse.read_signatures(raw.decode(), SIGNATURES)
    if found is None:
        raise NotANote(verbatim("none"))
    return dsse.write_signatures(found).encode()


def _path(raw: bytes) -> bytes:
    tile = tiles.read_path(raw.decode())
    if tile is None:
        raise NotANote(verbatim("none"))
    return tile.path.encode()


def _entry(raw: bytes) -> bytes:
    found = leaf.read_entry(raw)
    if found is None:
        raise NotANote(verbatim("none"))
    return leaf.entry(*found)


def _bundle(raw: bytes) -> bytes:
    found = tiles.read_bundle(raw)
    if found is None:
        raise NotANote(verbatim("none"))
    return tiles.bundle(found)


def _policy(raw: bytes) -> bytes:
    """Has no one form; it is read, or refused."""
    policy.read(raw.decode())
    return raw


PARSERS: dict[str, tuple[Callable[[bytes], bytes], list[bytes]]] = {
    "note": (lambda raw: str(note.read(raw)).encode(), [SIGNED]),
    "checkpoint": (lambda raw: checkpoint.read(raw.decode()).text.encode(), [HEAD.text.encode()]),
    "verifier key": (
        lambda raw: str(note.read_verifier(raw.decode())).encode(),
        [str(LOG).encode(), str(WITNESS).encode()],
    ),
    "addition": (
        lambda raw: bytes(checkpoint.read_addition(raw)),
        [
            bytes(Addition(old=3, proof=(bytes(32), bytes(range(32))), checkpoint=SIGNED)),
            bytes(Addition(old=0, proof=(), checkpoint=SIGNED)),
        ],
    ),
    "proof": (
        lambda raw: bytes(proof.read(raw)),
        [bytes(Proof(7, (bytes(32), merkle.EMPTY), SIGNED))],
    ),
    "tile's path": (_path, [b"tile/3/x001/x234/067.p/12", b"tile/entries/000"]),
    "leaf entry": (_entry, ENTRIES),
    "entry bundle": (
        _bundle,
        [tiles.bundle(ENTRIES[:3]), tiles.bundle(RECORDS[:3]), tiles.bundle([b"", b"x"])],
    ),
    "signatures": (
        _signatures,
        [dsse.write_signatures({dsse.key_id(dsse.public_of(SEED)): dsse.sign(SEED, ACT)}).encode()],
    ),
    "policy": (_policy, [f"log {LOG}\nwitness w {WITNESS}\ngroup g any w\nquorum g\n".encode()]),
    "act": (lambda raw: strict_json.read(raw, cut=False), [ACT]),
    "record": (_record, RECORDS),
}
JUNK = [
    b"",
    b"{}",
    b"null",
    b"\xff\xfe",
    b"[" * 200,
    b'{"specversion":"1.0"}',
    *(each for _, sound in PARSERS.values() for each in sound),
]
"""Inputs that no parser is made for, and the inputs of the other parsers."""

REFUSALS = (NotANote, NotARecord, Malformed, UnicodeDecodeError)


@st.composite
def changed(draw: st.DrawFn, sound: bytes) -> bytes:
    """Bytes that are almost right: a few of them changed, cut out, doubled, put in, or something
    else altogether.
    """
    raw = bytearray(sound)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(raw) - 1)))
        match draw(st.integers(0, 5)):
            case 0:
                raw[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case 1:
                del raw[at : at + draw(st.integers(1, 9))]
            case 2:
                raw[at:at] = raw[at : at + draw(st.integers(1, 40))]
            case 3:
                raw[at:at] = draw(
                    st.sampled_from(
                        [
                            b"\n",
                            b"\r\n",
                            b" ",
                            b"+",
                            b"0",
                            b"=",
                            b"\xe2\x80\x94",
                            b"\x00",
                            b'"',
                            b"\\u0000",
                            b"1e5",
                            b"\xed\xa0\x80",
                        ]
                    )
                )
            case 4:
                raw[at:at] = draw(st.binary(max_size=9))
            case _:
                raw += draw(st.binary(max_size=9))
    return bytes(raw)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=250)
@given(data=st.data())
def test_what_is_read_writes_itself_the_same_and_the_rest_is_refused_in_words(
    name: str, data: st.DataObject
) -> None:
    parse, sound = PARSERS[name]
    raw = data.draw(changed(data.draw(st.sampled_from(sound) | st.sampled_from(JUNK))))
    found = _tried(parse, raw)
    assert found == raw or (found is None and raw not in sound), (
        "a second form of the same is no form"
    )


@pytest.mark.parametrize("name", PARSERS)
def test_what_is_sound_is_read_and_what_is_another_thing_is_refused_or_writes_itself_the_same(
    name: str,
) -> None:
    parse, sound = PARSERS[name]
    assert [_tried(parse, raw) for raw in sound] == sound
    assert all(_tried(parse, raw) in (None, raw) for raw in JUNK)


def _tried(parse: Callable[[bytes], bytes], raw: bytes) -> bytes | None:
    """Return the parsed value as it is written, or None if the parser refuses it in words."""
    try:
        return parse(raw)
    except REFUSALS:
        return None

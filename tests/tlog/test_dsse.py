"""DSSE: known answers, and the keys and signatures that one verifier refuses everywhere."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from dragoman.tlog import dsse

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "notes.json").read_text()
)


@pytest.mark.parametrize("vector", VECTORS["dsse"])
def test_the_encoding_is_the_known_one(vector: dict[str, str]) -> None:
    encoded = dsse.pae(vector["type"], vector["body"].encode())
    if "pae" in vector:
        assert vector["pae"].encode() == encoded
    else:
        assert vector["pae_sha256"] == hashlib.sha256(encoded).hexdigest()


@pytest.mark.parametrize("key", VECTORS["keys_to_refuse_hex"])
def test_unsound_keys_are_refused(key: str) -> None:
    assert not dsse.is_sound(bytes.fromhex(key))
    assert not dsse.verify(
        bytes.fromhex(key),
        b"anything",
        bytes.fromhex(VECTORS["signature_valid_for_any_message_under_first_key_hex"]),
    )


def test_a_signature_whose_r_is_the_identity_is_refused() -> None:
    public = dsse.public_of(bytes(32))
    assert not dsse.verify(public, b"{}", bytes([1]) + bytes(63))


def test_any_changed_bit_of_a_signature_is_seen() -> None:
    seed, act = bytes(range(32)), b'{"act":"reply"}'
    public, good = dsse.public_of(seed), dsse.sign(seed, act)
    assert dsse.verify(public, act, good)
    for bit in range(0, 512, 7):
        changed = bytearray(good)
        changed[bit // 8] ^= 1 << bit % 8
        assert not dsse.verify(public, act, bytes(changed))


@pytest.mark.parametrize("text", ["", "abc", "a" * 64 + ":", "a" * 64 + ":AAAA", " "])
def test_signatures_that_are_not_written_canonically_are_refused(text: str) -> None:
    assert dsse.read_signatures(text, 64) is None


def test_signatures_out_of_order_or_twice_are_refused() -> None:
    written = dsse.write_signatures({"a" * 64: bytes(64), "b" * 64: bytes(64)})
    first, second = written.split(" ")
    assert dsse.read_signatures(written, 64)
    assert dsse.read_signatures(f"{second} {first}", 64) is None
    assert dsse.read_signatures(f"{first} {first}", 64) is None
    assert dsse.read_signatures(written, 1) is None

"""Signed notes and cosignatures: known answers, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.tlog import checkpoint, dsse, note
from dragoman.tlog.note import COSIGNATURE, ED25519, NotANote, Verifier, key_id

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "notes.json").read_text()
)
LOG, WITNESS = VECTORS["log"], VECTORS["witness"]
LOG_SEED, WITNESS_SEED = bytes.fromhex(LOG["seed_hex"]), bytes.fromhex(WITNESS["seed_hex"])
SIGNED = VECTORS["checkpoint_size_8_with_cosignature"].encode()
LOG_KEY = note.read_verifier(LOG["vkey"])
WITNESS_KEY = note.read_verifier(WITNESS["vkey_cosignature"])


def test_verifier_keys_are_the_known_ones() -> None:
    public = bytes.fromhex(WITNESS["public_hex"])
    for verifier, text in (
        (Verifier("log.example/liaison", ED25519, bytes.fromhex(LOG["public_hex"])), LOG["vkey"]),
        (Verifier("witness.example/a", COSIGNATURE, public), WITNESS["vkey_cosignature"]),
        (Verifier("witness.example/a", ED25519, public), WITNESS["vkey_ed25519"]),
    ):
        assert (str(verifier), note.read_verifier(text)) == (text, verifier)


def test_a_known_checkpoint_is_signed_and_cosigned_again() -> None:
    head, opened = checkpoint.read_signed(SIGNED, LOG_KEY)
    assert (head.origin, head.size) == ("log.example/liaison", 8)
    cosigned = opened.signed_by(WITNESS_KEY)
    assert cosigned is not None
    assert cosigned.time == int(WITNESS["timestamp"])
    again = note.encode(
        head.text,
        [
            note.sign("log.example/liaison", LOG_SEED, head.text),
            note.cosign("witness.example/a", WITNESS_SEED, head.text, int(WITNESS["timestamp"])),
        ],
    )
    assert again == SIGNED


def test_the_known_checkpoint_of_nothing() -> None:
    head, _ = checkpoint.read_signed(VECTORS["checkpoint_size_0"].encode(), LOG_KEY)
    assert head.size == 0


def test_a_line_of_an_unknown_key_is_passed_over() -> None:
    grease = note.sign("grease.example", bytes(range(32)), "x\n").line.encode()
    _, opened = checkpoint.read_signed(SIGNED + grease, LOG_KEY)
    assert opened.signed_by(Verifier("grease.example/other", ED25519, LOG_KEY.public)) is None


@given(st.integers(0, len(SIGNED) - 1), st.integers(0, 7))
def test_no_bit_of_a_signed_checkpoint_can_be_changed(at: int, bit: int) -> None:
    raw = bytearray(SIGNED)
    raw[at] ^= 1 << bit
    try:
        _, opened = checkpoint.read_signed(bytes(raw), LOG_KEY)
        assert opened.signed_by(WITNESS_KEY) is None, (
            "a signature of another key may have taken the place of the witness's"
        )
    except NotANote:
        pass


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\n\n",
        b"text\n",
        b"text\n\n",
        b"text\n\n\xe2\x80\x94 name\n",
        b"text\n\n- name AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 na+me AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 name AAAA\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAB=\n",
        b"te\rxt\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"te\xffxt\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAA=",
        b"text\n\n" + b"\xe2\x80\x94 name AAAAAAA=\n" * 101,
    ],
)
def test_what_is_no_note_is_refused(wrong: bytes) -> None:
    with pytest.raises(NotANote):
        note.read(wrong)


def test_a_note_may_have_an_empty_line_of_its_own() -> None:
    assert (
        note.read(note.encode("one\n\ntwo\n", [note.sign("name", LOG_SEED, "one\n\ntwo\n")])).text
        == "one\n\ntwo\n"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "log.example/liaison+f50325d9+" + LOG["vkey"].rpartition("+")[2],
        LOG["vkey"].replace("+AQ", "+Bg"),
        LOG["vkey"][:-1],
        "name with space+" + LOG["vkey"].partition("+")[2],
        "name",
        *(
            f"n+{key_id('n', 1, bytes.fromhex(key)).hex()}+"
            + dsse.encode_base64(b"\x01" + bytes.fromhex(key))
            for key in VECTORS["keys_to_refuse_hex"]
        ),
    ],
)
def test_what_is_no_verifier_key_is_refused(wrong: str) -> None:
    with pytest.raises(NotANote):
        note.read_verifier(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "origin\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\nextension\n",
        "origin\n08\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
        "origin\n-8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
        "origin\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyh=\n",
        "origin\n0\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
        "\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
        "origin\n8\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NotANote):
        checkpoint.read(text)


def test_another_logs_checkpoint_is_not_this_ones() -> None:
    other = Verifier("log.example/other", ED25519, LOG_KEY.public)
    with pytest.raises(NotANote):
        checkpoint.read_signed(SIGNED, other)


@given(st.integers(0, 10**9), st.lists(st.binary(min_size=32, max_size=32), max_size=63))
def test_a_request_to_a_witness_is_read_as_it_is_written(old: int, proof: list[bytes]) -> None:
    addition = checkpoint.Addition(old, tuple(proof), SIGNED)
    assert checkpoint.read_addition(bytes(addition)) == addition


@pytest.mark.parametrize(
    "wrong",
    [
        b"old 1\n" + SIGNED,
        b"old 01\n\n" + SIGNED,
        b"new 1\n\n" + SIGNED,
        b"old 1\nAAAA\n\n" + SIGNED,
        b"old 1\n" + b"A" * 43 + b"=\n" * 1,
        b"old 1\n" + (b"A" * 43 + b"=\n") * 64 + b"\n" + SIGNED,
    ],
)
def test_what_is_no_request_to_a_witness_is_refused(wrong: bytes) -> None:
    with pytest.raises(NotANote):
        checkpoint.read_addition(wrong)

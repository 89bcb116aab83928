"""The strict reader of acts: record.md §2, its known answers, and its two readers held against each
other.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.domain.record import codec as records
from dragoman.domain.record import strict_json
from dragoman.domain.record.errors import Malformed
from dragoman.limits import ACT_BYTES

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "record.json").read_text()
)


@pytest.mark.parametrize(
    "vector", VECTORS["acts_to_refuse"], ids=lambda vector: vector["why"].replace(" ", "_")
)
def test_every_act_to_refuse_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        records.read_act(bytes.fromhex(vector["act_hex"]), cut=True)


@pytest.mark.parametrize(
    "vector",
    [v for v in VECTORS["acts_to_refuse"] if v["why"] != "unknown key"],
    ids=lambda vector: vector["why"].replace(" ", "_"),
)
def test_all_but_the_unknown_key_are_refused_before_any_schema(vector: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        strict_json.read(bytes.fromhex(vector["act_hex"]), cut=True)


@pytest.mark.parametrize("vector", VECTORS["acts_to_cut"])
def test_white_space_is_cut_token_by_token(vector: dict[str, str]) -> None:
    assert strict_json.read(vector["posted"].encode(), cut=True).decode() == vector["recorded"]


@pytest.mark.parametrize("vector", VECTORS["acts_to_cut"])
def test_a_record_with_white_space_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(Malformed, match="compact"):
        strict_json.read(vector["posted"].encode(), cut=False)


@pytest.mark.parametrize(
    ("act", "pointer"),
    [
        ('{"act":"reply","text":"\\u202e"}', "/text"),
        ('{"act":"reply","answers":[{"q":1,"text":"a"},{"q":1e0}]}', "/answers/1/q"),
        ('{"act":"reply","answers":[{"q":123456789012345678}]}', "/answers/0/q"),
        ('{"act":"reply","answers":[{"q":00}]}', "/answers/0/q"),
        ('{"act":"reply","deep":{"a":1,"b":2,"a":3}}', "/deep"),
        ('{"act":"reply","text":"a\\rb"}', "/text"),
        ('{"act":"reply","text":"\\ud83d"}', "/text"),
        ('{"act":"reply","text":"\\udc00\\ud83d"}', "/text"),
        ('{"act":"reply" "text":1}', ""),
    ],
)
def test_a_fault_is_pointed_at(act: str, pointer: str) -> None:
    with pytest.raises(Malformed) as caught:
        strict_json.read(act.encode(), cut=True)
    assert pointer == caught.value.fault.pointer


@pytest.mark.parametrize(
    "act",
    [
        '{"act":"reply","text":"\\ud83d\\ude00 \\u4e24\\n\\t\\"\\\\\\/"}',
        '{"act":"reply","a":[{"q":1},{"q":2}],"b":-0.5,"c":12345678901234567,"d":9007199254740991}'.replace(
            "12345678901234567", "-9007199254740991"
        ),
        '{"act":"reply","text":",\\"x\\":","b":"{"}',
        '{"act":"reply","text":":,","z":":"}',
    ],
)
def test_what_is_permitted_is_kept_byte_by_byte(act: str) -> None:
    assert act.encode() == strict_json.read(act.encode(), cut=False)


@pytest.mark.parametrize(
    "act",
    [
        '{"act":"reply","text":',
        '{"act":"reply",}',
        '{"act":"reply":1}',
        '{"act":"correction","fields":{"a":1-2}}',
        "{",
        "",
    ],
)
def test_tokens_that_are_no_json_are_refused(act: str) -> None:
    with pytest.raises(Malformed):
        records.read_act(act.encode(), cut=True)


def test_an_act_has_at_most_240_kib() -> None:
    frame = len('{"act":"reply","text":""}')
    assert strict_json.read(
        b'{"act":"reply","text":"' + b"x" * (ACT_BYTES - frame) + b'"}', cut=True
    )
    with pytest.raises(Malformed, match="bytes"):
        strict_json.read(
            b'{"act":"reply","text":"' + b"x" * (ACT_BYTES - frame + 1) + b'"}', cut=True
        )


def test_depth_32_is_read_and_33_is_not() -> None:
    def nested(depth: int) -> bytes:
        return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"

    assert nested(32) == strict_json.read(nested(32), cut=False)
    with pytest.raises(Malformed, match="deeper"):
        strict_json.read(nested(33), cut=False)


PIECES = st.sampled_from(
    [
        *'{}[],:"\\a01-.e \n',
        *(
            "act",
            '"a"',
            '"b":',
            "null",
            "true",
            "\\u0041",
            "\\ud800",
            "\\udc00",
            "\u202e",
            "\u0085",
            "\x00",
            "两",
        ),
        *("\\n", "\\r", '{"a":1}', ',"x":', '"}', "9007199254740992", "12345678.123456789"),
    ]
)
VALUES = st.recursive(
    st.text(max_size=6)
    | st.integers(-(10**17), 10**17)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab1_-,: {", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def both(text: str) -> tuple[bool, bytes | None]:
    everyday = strict_json._is_everyday(text)
    try:
        return everyday, strict_json._Scan(text, cut=False).run().encode()
    except Malformed:
        return everyday, None


@given(st.lists(PIECES, max_size=14).map("".join).map(lambda text: "{" + text))
def test_the_everyday_reader_vouches_for_nothing_that_the_scan_refuses_among_pieces(
    text: str,
) -> None:
    everyday, scanned = both(text)
    if everyday and scanned is None:
        # The everyday reader looks at tokens and keys; that they make up JSON is the decoder's
        # part.
        with pytest.raises(Malformed):
            records.decode_act(text.encode(errors="surrogatepass"))
    elif everyday:
        assert scanned == text.encode()


@given(st.dictionaries(st.text("abc1_-", min_size=1, max_size=4), VALUES, min_size=1, max_size=4))
def test_both_readers_agree_on_json(value: dict[str, Any]) -> None:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    everyday, scanned = both(text)
    if everyday:
        assert scanned == text.encode()
    if scanned is not None:
        assert json.loads(scanned) == value
        assert (
            strict_json.read(json.dumps(value, indent=1, ensure_ascii=False).encode(), cut=True)
            == scanned
        )

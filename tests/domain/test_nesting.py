"""Depth is counted over the bytes as a decoder would enter it; what was a record stays one, byte
for byte.
"""

import ast
import json
import re
import time
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dragoman
from dragoman.domain.record import strict_json
from dragoman.domain.record.codec import NotARecord, parse
from dragoman.domain.record.errors import Malformed
from dragoman.domain.record.nesting import RECORD_DEPTH, TooDeep, check, is_deeper
from dragoman.limits import DEPTH
from hostile import RECORD, corpus, more
from world import NOTE, World

JSON = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.text(alphabet='[]{}"\\x\u00e9\n', max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(alphabet='[{"\\', max_size=3), inner, max_size=3),
    ),
    max_leaves=40,
)


def depth_of(value: Any) -> int:
    """The depth, of the decoded value."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(JSON, st.integers(0, 1))
def test_the_depth_is_that_of_the_value(value: Any, plain: int) -> None:
    raw = json.dumps(value, ensure_ascii=bool(plain)).encode()
    depth = depth_of(value)
    assert not is_deeper(raw, depth)
    assert depth == 0 or is_deeper(raw, depth - 1)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":', b' [\n{ "]" :'])
@pytest.mark.parametrize("depth", [1, 31, 32, 33, 34, 1_000, 100_000])
def test_the_limit_is_exact(opening: bytes, depth: int) -> None:
    levels = opening.count(b"[") + opening.count(b"{")
    raw = opening * depth
    assert is_deeper(raw, levels * depth - 1)
    assert not is_deeper(raw, levels * depth)
    assert is_deeper(raw, RECORD_DEPTH) == (levels * depth > RECORD_DEPTH)


def test_an_error_of_decoding_says_so() -> None:
    check(b"[" * RECORD_DEPTH)
    with pytest.raises(TooDeep, match="nested deeper than 33"):
        check(b"[" * (RECORD_DEPTH + 1))


@pytest.mark.parametrize(
    "text", ["[" * 1_000, '"[{' * 100, "\\" * 33 + "{" * 100, "}]" * 50 + "[{" * 50]
)
def test_brackets_in_a_string_are_text(text: str) -> None:
    world = World()
    world.open("nato/o-1", {**NOTE, "text": text})
    assert parse(world.raws[-1]).raw == world.raws[-1]


def test_an_act_of_the_greatest_depth_is_read_and_one_deeper_is_not() -> None:
    for raw, valid in (
        (b'{"a":' + b"[" * (DEPTH - 1) + b"]" * (DEPTH - 1) + b"}", True),
        (b'{"a":' + b"[" * DEPTH + b"]" * DEPTH + b"}", False),
    ):
        assert is_deeper(b'{"data":' + raw + b"}", RECORD_DEPTH) != valid
        if valid:
            assert strict_json.read(raw, cut=False) == raw
        else:
            with pytest.raises(Malformed):
                strict_json.read(raw, cut=False)


def test_no_hostile_message_raises_anything_but_that_it_is_no_record(
    request: pytest.FixtureRequest,
) -> None:
    long = bool(request.config.getoption("--long"))
    seed = request.config.getoption("--seed") or 1
    for name, raw in [*corpus(), *islice(more(Random(seed)), 20_000 if long else 300)]:
        try:
            record = parse(raw)
        except NotARecord:
            pass
        else:
            assert raw == record.raw and (raw.startswith(RECORD[:60]) or "bit" in name), name
        for cut in (True, False):
            try:
                strict_json.read(raw, cut=cut)
            except Malformed:
                continue


def test_counting_costs_little() -> None:
    """A thousand ordinary records in a few milliseconds, and the worst message in less than a tenth
    of a second.
    """
    begun = time.process_time()
    for _ in range(1_000):
        is_deeper(RECORD, RECORD_DEPTH)
    assert time.process_time() - begun < 0.1
    for unit in (b"[]", b'"[{', b"\\", b'"\\"[', b"["):
        raw = (unit * 524_288)[:524_288]
        begun = time.process_time()
        is_deeper(raw, RECORD_DEPTH)
        assert time.process_time() - begun < 0.5, unit


OUTSIDE = (
    "api",
    "application",
    "audit",
    "backup",
    "cli",
    "eventlog",
    "notifier",
    "server",
    "station",
    "stores",
)
"""The packages that read bytes of others: files, bodies, answers, messages."""

COUNTED_BEFORE = {
    "office/exchanges/exchange_routes _csv",
    "office/exchanges/exchange_routes show_exchange",
    "application/attachment_checks check",
    "application/attachment_checks seen",
    "application/operations/drafts check_draft",
    "application/operations/linked_channels joined",
    "application/operations/people_register entry_of",
    "office/exchanges/public_releases _published",
    "application/operations/transmittals _with_origin",
    "application/operations/transmittals view_of",
    "audit/answer_comparison _member",
    "audit/answer_comparison _next_page",
    "eventlog/settled_copy _pin",
    "eventlog/settled_copy named",
    "application/http/submission outbox_view",
    "station/file_carrier __init__",
    "station/file_carrier bring",
    "station/file_carrier folded",
    "station/joined_channels read",
    "station/own_records __init__",
    "station/parcel_carrier __init__",
    "station/parcel_carrier folded",
    "audit/replayed_answers _exchange",
    "audit/tables _exchange",
    "audit/tables _members",
    "bootstrap broker_of_gateway",
    "cli/common _address",
    "cli/demo check",
    "cli/demo seed",
    "cli/demo tokens_of",
    "cli/demo_stations _earlier",
    "cli/host/quickstart _begun",
    "cli/past_event check",
    "cli/past_event seed",
    "cli/post draft",
    "cli/scenario_posts scenario",
    "cli/show _line",
    "cli/webhook _forward",
    "client with_terms",
    "data_directory last_backup",
    "eventlog/broker _listening",
    "eventlog/high_water_mark accept_stream",
    "eventlog/prefetch run",
    "notifier/selection _item",
    "settings _environment_value",
    "text unpacked",
}
"""Functions that decode what was counted before, or what this program wrote itself."""


def decoders(path: Path) -> set[str]:
    """Return the functions of a module that decode JSON without counting its depth."""
    tree = ast.parse(path.read_text())
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    found = set()
    for function in functions:
        text = ast.unparse(function)
        decodes = re.search(r"\bjson\.(loads|decode)\(", text)
        if decodes and not re.search(r"\bnesting\.|\bis_deeper\(", text):
            found.add(function.name)
    return found


def test_every_decoder_of_bytes_from_outside_counts_their_depth() -> None:
    package = Path(dragoman.__file__).parent
    modules = [package / "domain" / "release_bundle.py", *package.glob("*.py")]
    modules += [path for name in OUTSIDE for path in (package / name).rglob("*.py")]
    rooms = {path: path.read_text() for path in (package / "office").rglob("*.py")}
    modules += [  # pages show what was counted before
        path
        for path, text in rooms.items()
        if "application.http" in text and "dragoman.console" not in text
    ]
    found = {
        f"{path.relative_to(package).with_suffix('')} {name}"
        for path in modules
        for name in decoders(path)
    }
    assert found == COUNTED_BEFORE

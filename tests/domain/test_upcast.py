"""Records of older versions: read for ever, brought up to the newest, and never posted again."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.record.codec import NotARecord, Record, parse
from dragoman.domain.record.errors import Malformed
from dragoman_schemas.acts import OLDER
from world import SALT, World, compact

ND, C = "nato/d-1", "china/o-1"
V1 = {
    "act": "call-attempt",
    "post": "Deputy duty officer",
    "means": "telephone",
    "outcome": "no_answer",
    "at": "2026-11-24T03:20Z",
}


def old(
    world: World,
    exchange: str,
    act: Mapping[str, object],
    version: int = 1,
    schema: int | None = None,
) -> bytes:
    """A record of version 1, as a service of that time wrote it."""
    envelope = records.envelope(
        id=f"0192f3a4-5b6c-7d8e-8f90-{world.serial:012x}",
        source="/sides/nato/offices/hq",
        name="call-attempt",
        version=version,
        subject=exchange,
        time=world.tick(),
        channel="nato-china",
        family="contact",
        actor=ND,
        decided=world.position,
        salt=SALT,
    )
    raw = records.build(envelope, compact({**act}))
    return (
        raw
        if schema is None
        else raw.replace(
            f"schema:call-attempt:{version}".encode(), f"schema:call-attempt:{schema}".encode()
        )
    )


@pytest.fixture
def note(world: World) -> str:
    return world.open(
        C, {"act": "contact-note", "form": "conversation", "text": "Met the counterpart."}
    )


def test_an_attempt_of_version_1_says_of_whom_it_is_unknown(world: World, note: str) -> None:
    raw = old(world, note, V1)
    folded = world.take(raw)
    assert isinstance(folded.record, Record) and folded.valid
    assert (folded.record.act, folded.record.raw) == (compact(V1), raw), "the log's bytes stay"
    (said,) = world.exchange(note).acts["call-attempt"]
    assert {name: json.loads(bytes(value)) for name, value in said.content.items()} == {
        **{name: value for name, value in V1.items() if name != "act"},
        "side": "unknown",
    }


def test_the_newest_version_stands_beside_it(world: World, note: str) -> None:
    world.take(old(world, note, V1))
    kept = world.keep(ND, {**V1, "side": "china"}, note)
    assert isinstance(kept, Folded) and kept.record is not None
    assert kept.record.envelope.type == "dragoman.call-attempt.v2"
    assert [
        json.loads(bytes(said.content["side"]))
        for said in world.exchange(note).acts["call-attempt"]
    ] == ["unknown", "china"]


def test_version_1_is_not_posted_any_more() -> None:
    with pytest.raises(Malformed) as caught:
        records.read_act(compact(V1), cut=False)
    assert caught.value.fault.pointer == "/side"


@pytest.mark.parametrize(
    "act",
    [
        {**V1, "side": "china"},
        {**V1, "post": 7},
        {"act": "call-attempt"},
        {"act": "acknowledgement"},
    ],
)
def test_what_did_not_fit_version_1_is_no_record_of_it(
    world: World, note: str, act: dict[str, object]
) -> None:
    with pytest.raises(NotARecord):
        parse(old(world, note, act))


@pytest.mark.parametrize(("version", "schema"), [(3, None), (1, 2), (2, 1)])
def test_a_version_that_never_was_or_two_of_them_are_void(
    world: World, note: str, version: int, schema: int | None
) -> None:
    act = V1 if version == 1 else {**V1, "side": "china"}
    assert not world.take(old(world, note, act, version, schema)).valid


def test_the_shape_of_every_version_stays_published() -> None:
    published = Path(__file__).parents[2] / "schemas" / "published" / "acts"
    assert all((published / f"{name}.v{version}.json").exists() for name, version in OLDER)

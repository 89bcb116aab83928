"""The record to the byte: every known answer of the vectors, and what is no record."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from dragoman.domain.acts.families import genesis
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import NotARecord
from dragoman.domain.record.errors import Malformed
from dragoman.domain.record.validation_errors import faults_of
from dragoman.limits import FAULTS
from dragoman.tlog import dsse, leaf, merkle
from dragoman_schemas.host_responses import NewChannel
from dragoman_schemas.record import Envelope
from world import INCIDENT, World

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "record.json").read_text()
)
RECORDS = ("signed_record", "host_record", "genesis_record")


def envelope_of(name: str) -> Envelope:
    return msgspec.json.decode(VECTORS[name]["record"], type=Envelope)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_built_from_its_envelope_and_its_act(name: str) -> None:
    vector = VECTORS[name]
    assert vector["record"].encode() == records.build(envelope_of(name), vector["act"].encode())


@pytest.mark.parametrize("name", ["signed_record", "host_record"])
def test_a_record_is_read_back(name: str) -> None:
    vector = VECTORS[name]
    record = records.parse(vector["record"].encode())
    assert (vector["act"].encode(), vector["commit"]) == (record.act, record.commit)
    assert vector["record_bytes"] == len(record.raw)
    assert record == records.reread(record.raw, record.commit)


@pytest.mark.parametrize("name", [*RECORDS, "junk_leaf", "erased_record"])
def test_commitment_entry_and_leaf_are_the_known_ones(name: str) -> None:
    vector = VECTORS[name]
    if "record" in vector:
        commit = leaf.commit(vector["record"].encode())
    elif "message_hex" in vector:
        commit = leaf.commit(bytes.fromhex(vector["message_hex"]))
    else:
        commit = VECTORS["host_record"]["commit"]
        assert vector["stub_message"].encode() == leaf.entry(vector["index"], commit)
        own = leaf.commit(vector["stub_message"].encode())
        assert (
            vector["leaf_hash_without_the_act"]
            == merkle.leaf_hash(leaf.entry(vector["index"], own)).hex()
        )
    entry = leaf.entry(vector["index"], commit)
    assert vector["leaf_hash"] == merkle.leaf_hash(entry).hex()
    if "commit" in vector:
        assert (vector["commit"], vector["entry"]) == (commit, entry.decode())


def test_the_cid_is_made_from_the_genesis_act() -> None:
    assert VECTORS["cid"] == genesis.cid_of(VECTORS["channel_opening_act"].encode())
    assert VECTORS["genesis_record"]["cid"] == genesis.cid_of(
        VECTORS["genesis_record"]["act"].encode()
    )


def test_the_known_signature_is_made_and_holds() -> None:
    key, vector = VECTORS["author_key"], VECTORS["signed_record"]
    seed, act = bytes.fromhex(key["seed_hex"]), vector["act"].encode()
    assert key["public_hex"] == dsse.public_of(seed).hex()
    assert key["keyid"] == dsse.key_id(dsse.public_of(seed))
    assert vector["signature_b64"] == dsse.encode_base64(dsse.sign(seed, act))
    assert dsse.verify(dsse.public_of(seed), act, dsse.sign(seed, act))


def test_the_genesis_signatures_hold_and_are_sorted() -> None:
    genesis, first, second = (
        VECTORS["genesis_record"],
        VECTORS["author_key"],
        VECTORS["genesis_record"]["second_key"],
    )
    act = genesis["act"].encode()
    signed = {
        key["keyid"]: dsse.sign(bytes.fromhex(key["seed_hex"]), act) for key in (second, first)
    }
    written = dsse.write_signatures(signed)
    assert envelope_of("genesis_record").signatures == written
    assert signed == dsse.read_signatures(written, 64)


@pytest.mark.parametrize("vector", VECTORS["id_from_key"])
def test_ids_are_made_from_keys(vector: dict[str, str]) -> None:
    assert vector["id"] == ids.from_key(vector["channel"], vector["actor"], vector["key"])


def test_the_namespace_is_the_known_one() -> None:
    assert VECTORS["id_namespace"] == str(ids.NAMESPACE)


def test_a_uuid7_is_its_own_id() -> None:
    own = "0192f0c1-2f3a-7c4d-8e5f-112233445566"
    assert own == ids.from_key("nato-china", "nato/o-17", own)


def test_a_made_uuid7_is_one() -> None:
    made = ids.v7(1_795_538_292_917, bytes(range(10)))
    assert made == ids.from_key("nato-china", "nato/o-17", made), "a UUIDv7 is its own id"
    assert made.startswith("01a20e6c")


@pytest.mark.parametrize(("header", "key"), [('"0123456789abcdef"', "0123456789abcdef"), ("0123456789abcdef", "0123456789abcdef"), ("short", None), ("x" * 129, None), ("é" * 20, None), ("with space in it 12", None)])  # fmt: skip
def test_a_key_may_be_quoted_and_has_16_to_128_printable_bytes(
    header: str, key: str | None
) -> None:
    assert key == ids.read_key(header)


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b'"specversion":"1.0",', b'"specversion":"1.0", '),
        lambda raw: raw.replace(b'"salt"', b'"extra":"x","salt"'),
        lambda raw: raw.replace(b'"attestation":"host"', b'"attestation":"author"'),
        lambda raw: raw.replace(b"china/o-3", b"china\\u002fo-3"),
        lambda raw: raw.replace(b'"decided":"9"', b'"decided":"09"'),
        lambda raw: raw.replace(b"13:00:41.000Z", b"13:00:41Z"),
        lambda raw: raw.replace(b"2026-11-24T13", b"2026-02-30T13"),
        lambda raw: raw.replace(b"2026-11-24T13", b"9999-99-99T99"),
        lambda raw: raw.replace(b"2026-11-24T13", b"2026-11-24T24"),
        lambda raw: raw.replace(b"/offices/beijing", b"/offices/beijing\\n"),
        lambda raw: raw.replace(b"aabbccddeeff", b"AABBCCDDEEFF"),
        lambda raw: raw + b"\n",
        lambda raw: raw[:-1],
        lambda raw: raw.replace(b'{"act":"acknowledgement"}', b'{"act": "acknowledgement"}'),
        lambda raw: raw.replace(
            b'{"act":"acknowledgement"}', b'{"act":"acknowledgement","tone":"warm"}'
        ),
        lambda raw: raw.replace(b'{"act":"acknowledgement"}', b'{"act":"nod"}'),
        lambda raw: raw.replace(b"o-3", b"o-3\xff"),
        lambda raw: b"\x00\xffnot a record",
        lambda raw: b"",
    ],
)
def test_what_is_not_exactly_a_record_is_none(change: Any) -> None:
    raw = VECTORS["host_record"]["record"].encode()
    with pytest.raises(NotARecord):
        records.parse(change(raw))


def test_the_same_post_is_channel_exchange_type_actor_and_act_bytes(world: World) -> None:
    one = world.decide("nato/d-1", INCIDENT)
    assert isinstance(one, records.Record)
    later = records.assemble(
        replace(one.envelope, time="2026-11-24T23:00:00.000Z", salt="cd" * 32, decided="3"),
        one.act,
        one.data,
    )
    assert one.raw != later.raw
    assert records.same_post(one, later)
    for member, value in {
        "channel": "x",
        "subject": ids.v7(1, bytes(10)),
        "actor": "nato/d-2",
        "type": "dragoman.reply.v1",
    }.items():
        assert not records.same_post(
            one, records.assemble(replace(one.envelope, **{member: value}), one.act, one.data)
        )
    assert not records.same_post(one, records.assemble(one.envelope, one.act + b" ", one.data))


@pytest.mark.parametrize(
    "change",
    [
        {"actor": 'nato/o"1'},
        {"actor": "nato/o\\1"},
        {"source": "/sides/nató"},
        {"source": "/sides/\n"},
        {"time": "2026-02-30T00:00:00.000Z"},
        {"id": "1"},
        {"salt": "AB" * 32},
        {"decided": "07"},
        {"attestation": "author"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_no_reader_would_read_is_not_built(world: World, change: dict[str, str]) -> None:
    good = world.decide("nato/d-1", INCIDENT)
    assert isinstance(good, records.Record)
    records.check_built(good)
    assert records.parse(good.raw) == records.Record(
        **{**_members(good), "envelope": records.parse(good.raw).envelope}
    )
    bad = records.assemble(replace(good.envelope, **change), good.act, good.data)
    with pytest.raises(NotARecord):
        records.check_built(bad)
    with pytest.raises(NotARecord):
        records.parse(bad.raw)


def _members(record: records.Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"act": "contact-note"}, ["/text", "/form"]),
        (
            {"act": "contact-note", "form": "shout", "text": 5, "colour": "red"},
            ["/form", "/text", "/colour"],
        ),
        ({"act": "contact-note", "colour": "red", "form": "shout"}, ["/colour", "/form", "/text"]),
        (
            {"act": "hazardous-incident", "kind": "near_miss", "time": 3, "place": {"lat": 95}},
            ["/time", "/place/lat", "/facts"],
        ),
        ({"act": "shout", "form": 3}, ["/act"]),
    ],
)
def test_all_that_is_wrong_with_the_members_is_told_at_once(
    body: dict[str, Any], pointers: list[str]
) -> None:
    with pytest.raises(Malformed) as caught:
        records.read_act(json.dumps(body).encode(), cut=True)
    assert [each.pointer for each in caught.value.faults] == pointers
    assert caught.value.fault == caught.value.faults[0]
    assert all(pointer in str(caught.value) for pointer in pointers)


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"3",
        b'{"act":"contact-note","form":"letter","text":"x","text":"y"}',
        b'{"form":"letter"}',
    ],
)
def test_what_is_no_act_at_all_has_one_fault(raw: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        records.read_act(raw, cut=False)
    assert len(caught.value.faults) == 1


def test_of_a_body_with_thousands_of_strange_members_some_are_told() -> None:
    body = {"act": "contact-note", **{f"m{n}": n for n in range(8_000)}}
    with pytest.raises(Malformed) as caught:
        records.read_act(json.dumps(body).encode(), cut=True)
    assert [each.pointer for each in caught.value.faults] == [
        *(f"/m{n}" for n in range(FAULTS)),
        "/text",
        "/form",
    ]


def test_in_a_body_that_is_no_act_strange_names_are_pointed_at_as_well() -> None:
    raw = json.dumps({"a/b": 1, "c~d": 2, "id": 3}).encode()
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(raw, type=NewChannel)
    found = faults_of(caught.value, raw, NewChannel)
    assert [each.pointer for each in found.faults] == ["/a~1b", "/c~0d", "/id", "/name", "/sides"]

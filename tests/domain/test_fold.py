"""The fold: records judged at their own position, void ones without effect, and the audit's
independence of who wrote them.
"""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from dragoman.domain.acts.families.channel import delivery_act, delivery_key
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record
from dragoman.tlog import dsse
from dragoman_schemas.record import Envelope
from world import INCIDENT, NOTE, SALT, World, compact, public_of, refused, signatures


def decided(world: World, actor: str, act: dict[str, Any], exchange: str = "") -> Record:
    record = world.decide(actor, act, exchange)
    assert isinstance(record, Record), record
    return record


def changed(record: Record, **members: Any) -> Record:
    return records.assemble(replace(record.envelope, **members), record.act, record.data)


# Genesis


def test_nothing_but_a_genesis_opens_a_log() -> None:
    world = World()
    stray = decided(world, "nato/d-1", INCIDENT)
    fresh = type(world.ledger)()
    fresh.take([stray.raw, world.raws[0]])
    assert fresh.standing.state.registry is None
    assert [*fresh.void] == [1, 2]


@pytest.mark.parametrize(
    "change",
    [
        {"signers": ["nato/root"]},
        {"signers": ["nato/root", "china/root", "mars/root"]},
        {"name": "other-name"},
        {"sides": [{"name": "nato", "roots": [public_of("nato/root")], "threshold": 2}]},
        {
            "sides": [{"name": "service", "roots": [public_of("service/root")], "threshold": 1}],
            "signers": ["service/root"],
        },
        {
            "sides": [
                {"name": s, "roots": [public_of("nato/root")], "threshold": 1}
                for s in ("nato", "china")
            ],
            "signers": ["nato/root"],
        },
        {"log_key": public_of("nato/root")},
        {"log_key": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"kind": "exercise"},
        {"exercise_of": {"name": "x", "cid": "00" * 32}},
    ],
)
def test_a_genesis_that_the_sides_did_not_sign_as_it_stands_is_void(change: dict[str, Any]) -> None:
    fresh = type(World().ledger)()
    fresh.take([World().genesis(**change).raw])
    assert fresh.standing.state.registry is None


@pytest.mark.parametrize(
    "members",
    [
        {"family": "contact"},
        {"type": "dragoman.channel-opening.v2"},
        {"dataschema": "urn:dragoman:schema:channel-opening:2"},
        {"releasedby": "nato/h-1"},
        {"causationid": "0192f0c1-2f3a-7c4d-8e5f-112233445566"},
        {"decided": "1"},
        {"subject": "0192f0c1-2f3a-7c4d-8e5f-112233445566"},
    ],
)
def test_a_genesis_whose_members_are_not_what_they_must_be_is_void(members: dict[str, Any]) -> None:
    fresh = type(World().ledger)()
    fresh.take([changed(World().genesis(), **members).raw])
    assert fresh.standing.state.registry is None


def test_a_second_genesis_is_void(world: World) -> None:
    assert refused(world.take(changed(world.genesis(), id=ids.v7(1, bytes(10))))).kind == "void"


# Void records


@pytest.mark.parametrize(
    "members",
    [
        {"type": "dragoman.hazardous-incident.v2"},
        {"type": "dragoman.reply.v2"},
        {"type": "dragoman.echo.v1"},
        {"source": "/sides/nato/offices/elsewhere"},
        {"source": "/sides/nato"},
        {"dataschema": "urn:dragoman:schema:hazardous-incident:2"},
        {"channel": "other"},
        {"family": "contact"},
        {"subject": "0192f0c1-2f3a-7c4d-8e5f-112233445566"},
        {"actor": "nato/o-99", "source": "/sides/nato"},
        {"actor": "nato/o-1"},
        {"actor": "mars/d-1", "source": "/sides/mars"},
        {"actor": "service/gateway", "source": "/services/gateway"},
        {"decided": "999"},
        {"releasedby": "nato/h-1"},
        {"causationid": "0192f0c1-2f3a-7c4d-8e5f-112233445566"},
    ],
)
def test_a_record_whose_members_are_not_what_they_must_be_is_void(
    world: World, members: dict[str, Any]
) -> None:
    record = changed(decided(world, "nato/d-1", INCIDENT), **members)
    before = world.ledger.standing
    folded = world.take(record)
    assert not folded.valid
    assert folded.record is not None
    assert (before.total, before.state.time, before.state.tally) == (
        world.ledger.standing.total,
        world.ledger.standing.state.time,
        world.ledger.standing.state.tally,
    )


def test_a_void_record_uses_up_its_id(world: World) -> None:
    good = decided(world, "nato/d-1", INCIDENT)
    world.take(changed(good, decided="999"))
    assert "already used its id" in str(refused(world.take(good)).detail)


def test_junk_is_passed_and_stops_nobody(world: World) -> None:
    assert not world.take(b"\x00\xffnot a record").valid
    assert world.open("nato/d-1", INCIDENT)
    assert world.position == len(world.raws)


def test_a_record_is_judged_at_its_own_position(world: World) -> None:
    late = decided(world, "china/d-1", NOTE)
    world.keep("china/root", {"act": "officer-revocation", "officer": "d-1"})
    folded = world.take(late)
    assert refused(folded).kind == "not-permitted"
    assert world.ledger.exchange(late.envelope.subject) is None
    assert world.ledger.used(late.envelope.id)


def test_two_decisions_on_one_state_leave_one_valid(world: World) -> None:
    id = world.open("nato/o-1", NOTE)
    world.keep("china/o-1", {"act": "closure"}, id, seen=True)
    first = world.decide("nato/o-1", {"act": "closure"}, id, if_match=world.exchange(id).etag)
    second = world.decide(
        "nato/o-1", {"act": "cancellation", "reason": "x"}, id, if_match=world.exchange(id).etag
    )
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert world.take(first).valid
    assert refused(world.take(second)).kind == "not-allowed-in-state"


# Signed acts of the channel's family


def posted(
    world: World,
    act: dict[str, Any],
    actor: str = "nato/root",
    *,
    owners: list[str] | None = None,
    host: bool = False,
    **changes: Any,
) -> Folded:
    id = ids.from_key(world.name, actor, f"signed-act-{world.position:08d}")
    raw, signed = world.sign(actor, act, id, owners, **changes)
    if host:
        raw, signed = compact(act), ""
    side, _, name = actor.partition("/")
    source = f"/sides/{side}" if name == "root" else f"/sides/{side}/offices/hq"
    envelope = records.envelope(
        id=id, source=source, name=act["act"], version=1, subject=world.registry.id, time=world.tick(), channel=world.name,
        family="channel", actor=actor, decided=world.position, salt=SALT, signatures=signed,
    )  # fmt: skip
    return world.take(records.build(envelope, raw))


ENTER = {"act": "officer", "officer": "o-9", "office": "hq", "roles": ["officer"]}


def test_root_enters_an_officer(world: World) -> None:
    assert posted(world, ENTER).valid
    assert world.registry.officers["nato/o-9"].since == world.position


@pytest.mark.parametrize(
    "changes",
    [
        {"host": True},
        {"owners": ["china/root"]},
        {"owners": ["nato/root", "china/root"]},
        {"owners": ["nato/stranger"]},
        {"channel": "00" * 32},
        {"type": "dragoman.officer-revocation.v1"},
        {"exchange": ""},
        {"id": "0192f0c1-2f3a-7c4d-8e5f-112233445566"},
        {"author": "china/root"},
        {"after": "00" * 32},
        {"after": ""},
        {"seen": {"size": 1, "root": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}},
        {"seen": {"size": 999, "root": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}},
    ],
)
def test_a_change_of_the_registry_that_is_not_signed_as_it_must_be_is_void(
    world: World, changes: dict[str, Any]
) -> None:
    before = world.registry
    assert not posted(world, ENTER, **changes).valid
    assert before == world.registry


def test_an_administrator_signs_with_the_key_that_root_gave(world: World) -> None:
    assert not posted(world, ENTER, "nato/adm-1").valid
    key = {
        "act": "officer",
        "officer": "adm-2",
        "office": "hq",
        "roles": ["administrator"],
        "keys": [public_of("nato/adm-2")],
    }
    assert not posted(world, key).valid, "the new key must sign as well"
    assert posted(world, key, owners=["nato/root", "nato/adm-2"]).valid
    assert posted(world, ENTER, "nato/adm-2").valid
    assert posted(world, {"act": "officer-revocation", "officer": "adm-2"}).valid
    assert not posted(world, {**ENTER, "officer": "o-10"}, "nato/adm-2").valid


def test_a_revoked_name_and_a_used_key_do_not_return(world: World) -> None:
    keyed = {
        "act": "officer",
        "officer": "adm-2",
        "office": "hq",
        "roles": ["administrator"],
        "keys": [public_of("nato/adm-2")],
    }
    assert posted(world, keyed, owners=["nato/root", "nato/adm-2"]).valid
    assert posted(world, {"act": "officer-revocation", "officer": "adm-2"}).valid
    assert not posted(world, {**ENTER, "officer": "adm-2"}).valid
    assert not posted(
        world, {**keyed, "officer": "adm-3"}, owners=["nato/root", "nato/adm-2"]
    ).valid
    assert not posted(
        world,
        {**keyed, "officer": "adm-3", "keys": [public_of("china/root")]},
        owners=["nato/root"],
    ).valid


def test_an_officer_may_not_be_called_root(world: World) -> None:
    assert not posted(world, {**ENTER, "officer": "root"}).valid


def test_root_says_nothing_but_changes_of_the_registry(world: World) -> None:
    assert refused(world.keep("nato/root", NOTE)).kind == "not-permitted"


# Delivery


def deliver(world: World, side: str, upto: int, **members: Any) -> Folded:
    actor = "service/gateway"
    id = ids.from_key(world.name, actor, delivery_key(side, upto))
    raw = members.pop("act", delivery_act(side, upto))
    envelope = records.envelope(
        id=id, source="/services/gateway", name="delivery", version=1, subject=world.registry.id, time=world.tick(),
        channel=world.name, family="channel", actor=actor, decided=world.position, salt=SALT,
    )  # fmt: skip
    return world.take(records.build(replace(envelope, **members), raw))


def test_a_delivery_raises_the_sides_watermark_and_is_silent(world: World) -> None:
    world.open("nato/o-1", NOTE)
    etag, upto = world.registry.etag, world.position
    assert deliver(world, "china", upto).valid
    assert (upto, etag) == (world.registry.delivered["china"].upto, world.registry.etag)


def test_a_delivery_ends_on_an_act_of_another_side_and_only_rises(world: World) -> None:
    world.open("nato/o-1", NOTE)
    first = world.position
    world.open("china/o-1", NOTE)
    own = world.position
    assert not deliver(world, "china", own).valid
    assert not deliver(world, "china", 1).valid
    assert not deliver(world, "china", 999).valid
    assert not deliver(world, "china", 2).valid, "root entered an officer there, and said nothing"
    assert deliver(world, "china", first).valid
    assert not deliver(world, "china", 3).valid
    assert not deliver(world, "mars", first).valid


def test_the_bytes_and_the_id_of_a_delivery_are_determined(world: World) -> None:
    world.open("nato/o-1", NOTE)
    upto = world.position
    assert not deliver(
        world, "china", upto, act=b'{"act":"delivery","upto":%d,"side":"china"}' % upto
    ).valid
    assert not deliver(world, "china", upto, id=ids.v7(1, bytes(10))).valid


def test_nobody_posts_a_delivery_but_the_gateway(world: World) -> None:
    world.open("nato/o-1", NOTE)
    assert (
        refused(
            world.keep("china/d-1", {"act": "delivery", "side": "china", "upto": world.position})
        ).kind
        == "not-permitted"
    )


# Signed acts of officers, whose signatures the fold already judges


def test_a_forged_author_is_void(world: World) -> None:
    id = "0192f0c1-2f3a-7c4d-8e5f-112233445566"
    signed = {
        "channel": world.registry.cid, "type": "dragoman.contact-note.v1", "exchange": "", "id": id, "author": "nato/o-1", "after": "",
        "seen": {"size": world.position, "root": dsse.encode_base64(world.ledger.root(world.position))},
    }  # fmt: skip
    raw = compact({**NOTE, "signed": signed})
    envelope: Envelope = replace(
        decided(world, "nato/o-1", NOTE).envelope,
        id=id,
        subject=id,
        attestation="author",
        signatures=signatures(["china/root"], raw),
    )
    assert refused(world.take(records.build(envelope, raw))).kind == "not-permitted"


def test_a_replay_in_one_go_and_step_by_step_agree(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    world.keep("china/d-1", {"act": "acknowledgement"}, id)
    world.take(b"junk")
    world.keep("china/d-1", {"act": "counter-account", "facts": "Other."}, id)
    fresh = type(world.ledger)()
    fresh.take(world.raws)
    assert (world.ledger.standing.digest, world.ledger.standing.frontier) == (
        fresh.standing.digest,
        fresh.standing.frontier,
    )
    assert [world.position - 1] == [*fresh.void]
    assert msgspec.json.encode(fresh.result())

"""The registry: what a genesis says stands there, what keys may sign and from when to when, and
what changes it.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from dragoman.audit.replay import Replay
from dragoman.domain.acts import membership
from dragoman.domain.acts.families import channel
from dragoman.domain.acts.families import genesis as genesis_module
from dragoman.domain.acts.families.channel import delivery_act, delivery_key, outage_act, outage_key
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record
from dragoman.tlog import dsse
from dragoman_schemas.state import Registry
from samples import act
from world import NOTE, SALT, World, public_of, refused, seed_of

N, C, NH, ND, CD = "nato/o-1", "china/o-1", "nato/h-1", "nato/d-1", "china/d-1"
CID = "ab" * 32


def opened(**changes: Any) -> Registry | None:
    """The registry that a genesis opens; None where it is void."""
    fresh = Replay()
    fresh.take([World().genesis(**changes).raw])
    return fresh.standing.state.registry


def side(name: str, *owners: str, threshold: int = 1) -> dict[str, Any]:
    return {"name": name, "roots": [public_of(owner) for owner in owners], "threshold": threshold}


# Genesis


def test_what_the_sides_signed_stands_in_the_registry() -> None:
    genesis = World().genesis(
        languages=["en", "zh"],
        marking="RESTRICTED",
        required_signatures=["notification", "meeting"],
        custody="host",
    )
    fresh = Replay()
    fresh.take([genesis.raw])
    registry = fresh.standing.state.registry
    assert registry is not None
    assert (registry.id, registry.name, registry.kind, registry.rules) == (
        genesis.envelope.id,
        "nato-china",
        "official",
        1,
    )
    assert (registry.languages, registry.marking, registry.custody) == (
        ("en", "zh"),
        "RESTRICTED",
        "host",
    )
    assert (registry.required_signatures, registry.exercise_of) == (
        ("notification", "meeting"),
        None,
    )
    assert (registry.log_key, registry.origin, registry.policy) == (
        public_of("log"),
        "example.org/nato-china",
        "",
    )
    assert (registry.cid, registry.etag) == (genesis_module.cid_of(genesis.act), genesis.commit)
    assert (registry.opened.position, registry.opened.by, registry.opened.time) == (
        1,
        "service/desk",
        genesis.envelope.time,
    )
    nato = dsse.key_id(dsse.public_of(seed_of("nato/root")))
    assert [(each.name, each.threshold) for each in registry.sides] == [("nato", 1), ("china", 1)]
    assert registry.sides[0].roots == (nato,)
    assert (registry.keys[nato].owner, registry.keys[nato].public, registry.keys[nato].since) == (
        "nato/root",
        public_of("nato/root"),
        0,
    )


def test_what_a_genesis_leaves_out_is_by_default() -> None:
    registry = opened()
    assert registry is not None
    assert (
        registry.marking,
        registry.custody,
        registry.required_signatures,
        registry.exercise_of,
    ) == ("SIDES ONLY", "sides", (), None)


def test_the_id_of_a_channel_is_the_hash_of_its_genesis() -> None:
    assert (
        genesis_module.cid_of(b"{}")
        == "7f2c4a04d036f6785ec6c11ce5d81a1dd8bd9399c627acda20dac05e13d0f1a1"
    )


def test_an_exercise_names_its_live_channel_in_its_genesis_and_in_its_name() -> None:
    world = World()
    world.name = "nato-china-exercise"
    live = {"name": "nato-china", "cid": CID}
    for changes, valid in (
        ({"kind": "exercise", "exercise_of": live}, True),
        ({"kind": "exercise"}, False),
        ({"kind": "official", "exercise_of": live}, False),
        ({"kind": "official"}, False),
    ):
        fresh = Replay()
        fresh.take([world.genesis(**changes).raw])
        registry = fresh.standing.state.registry
        assert (registry is not None) == valid
        if registry is not None:
            assert registry.exercise_of is not None
            assert (registry.kind, registry.exercise_of.name, registry.exercise_of.cid) == (
                "exercise",
                "nato-china",
                CID,
            )
    assert opened(kind="exercise", exercise_of=live) is None, "its name does not say so"


@pytest.mark.parametrize(
    ("threshold", "signers", "valid"),
    [
        (2, ["nato/root", "nato/root-2", "china/root"], True),
        (2, ["nato/root", "china/root"], False),
        (1, ["nato/root-2", "china/root"], True),
        (3, ["nato/root", "nato/root-2", "china/root"], False),
    ],
)
def test_each_sides_threshold_of_root_keys_signs_the_genesis(
    threshold: int, signers: list[str], *, valid: bool
) -> None:
    sides = [
        side("nato", "nato/root", "nato/root-2", threshold=threshold),
        side("china", "china/root"),
    ]
    assert (opened(sides=sides, signers=signers) is not None) == valid


@pytest.mark.parametrize(
    "sides",
    [
        [side("nato", "nato/root"), side("nato", "china/root")],
        [side("nato", "nato/root", "nato/root"), side("china", "china/root")],
    ],
)
def test_a_side_and_a_key_are_named_once(sides: list[dict[str, Any]]) -> None:
    assert opened(sides=sides) is None


def judged(record: Record) -> str:
    """Return the place of the fault in a genesis, or an empty string if it is valid. Return `whole`
    if no member of it is at fault.
    """
    refusal = genesis_module.check_genesis(record)
    return (
        ""
        if refusal is None
        else (refusal.faults[0].pointer or "whole")
        if refusal.faults
        else refusal.kind
    )


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({}, ""),
        ({"name": "other-name"}, "/name"),
        ({"kind": "exercise"}, "/kind"),
        ({"log_key": public_of("nato/root")}, "/sides"),
        ({"sides": [side("service", "service/root")], "signers": ["service/root"]}, "/sides"),
        ({"sides": [side("nato", "nato/root", threshold=2)], "signers": ["nato/root"]}, "/sides"),
        ({"log_key": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, "/sides"),
    ],
)
def test_a_genesis_that_does_not_hold_is_pointed_at(changes: dict[str, Any], pointer: str) -> None:
    assert judged(World().genesis(**changes)) == pointer


def test_position_1_is_a_genesis_and_no_other_act() -> None:
    world = World()
    note = world.decide(N, NOTE)
    assert isinstance(note, Record)
    assert judged(note) == "invalid-act"


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"actor": "service/gateway"}, "/act"),
        ({"source": "/services/gateway"}, "/act"),
        ({"decided": "1"}, "/act"),
        ({"channel": "other"}, "/name"),
        ({"subject": "0192f0c1-2f3a-7c4d-8e5f-112233445566"}, "/name"),
        ({"attestation": "host"}, "/name"),
    ],
)
def test_the_record_of_a_genesis_agrees_with_it(members: dict[str, Any], pointer: str) -> None:
    genesis = World().genesis()
    assert (
        judged(records.assemble(replace(genesis.envelope, **members), genesis.act, genesis.data))
        == pointer
    )


def test_a_genesis_that_its_sides_have_not_signed_is_at_fault_as_a_whole() -> None:
    assert judged(World().genesis(signers=["nato/root"])) == "whole"
    assert judged(World().genesis(signers=["nato/root", "china/root", "nato/x"])) == "whole"


def found_to_hold(record: Record, keys: dict[str, bytes], **changes: Any) -> Record:
    """A record of which signatures under these keys were verified when it was read."""
    return replace(record, verified=tuple(keys.items()), **changes)


def test_what_was_found_to_hold_when_it_was_read_counts_under_the_keys_that_there_are() -> None:
    genesis = World().genesis()
    keys = {
        dsse.key_id(dsse.public_of(seed_of(owner))): dsse.public_of(seed_of(owner))
        for owner in ("nato/root", "china/root")
    }
    read = found_to_hold(genesis, keys)
    assert membership.valid_signers(read, keys.get) == set(keys)
    assert membership.valid_signers(read, {**keys, next(iter(keys)): bytes(32)}.get) is None
    assert membership.valid_signers(read, {"00" * 32: bytes(32)}.get) is None
    half = found_to_hold(genesis, dict([*keys.items()][:1]), act=genesis.act + b" ")
    assert membership.valid_signers(half, keys.get) is None, (
        "of which one was found to hold, all are verified"
    )


def test_signatures_that_are_none_or_of_other_keys_sign_nothing() -> None:
    genesis = World().genesis()
    keys = {
        dsse.key_id(dsse.public_of(seed_of(owner))): dsse.public_of(seed_of(owner))
        for owner in ("nato/root", "china/root")
    }
    assert membership.valid_signers(genesis, keys.get) == set(keys)
    assert membership.valid_signers(genesis, dict(list(keys.items())[:1]).get) is None
    for text in (UNSET, "", "x"):
        assert (
            membership.valid_signers(
                records.assemble(
                    replace(genesis.envelope, signatures=text), genesis.act, genesis.data
                ),
                keys.get,
            )
            is None
        )


@pytest.mark.parametrize(("count", "valid"), [(64, True), (65, False)])
def test_a_record_has_at_most_64_signatures(count: int, *, valid: bool) -> None:
    owners = {name: [f"{name}/root-{n}" for n in range(13)] for name in ("a", "b", "c", "d", "e")}
    signers = [owner for each in owners.values() for owner in each][:count]
    assert (
        opened(sides=[side(name, *each) for name, each in owners.items()], signers=signers)
        is not None
    ) == valid


# Signed acts


def posted(
    world: World, body: dict[str, Any], actor: str = "nato/root", owners: list[str] | None = None
) -> Folded:
    return world.attested(body, *owners or (), actor=actor)


def keyed(name: str, *owners: str) -> dict[str, Any]:
    return {
        "act": "officer",
        "officer": name,
        "office": "hq",
        "roles": ["administrator"],
        "keys": [public_of(owner) for owner in owners],
    }


def test_a_key_is_its_officers_from_the_entry_to_the_revocation_and_others_keys_stay() -> None:
    world = World()
    for name in ("adm-2", "adm-3"):
        assert posted(
            world, keyed(name, f"nato/{name}"), owners=["nato/root", f"nato/{name}"]
        ).valid
    key = {
        name: dsse.key_id(dsse.public_of(seed_of(f"nato/{name}"))) for name in ("adm-2", "adm-3")
    }
    since = world.position
    assert (world.registry.keys[key["adm-3"]].owner, world.registry.keys[key["adm-3"]].since) == (
        "nato/adm-3",
        since,
    )
    assert posted(world, {"act": "officer-revocation", "officer": "adm-2"}).valid
    assert {name: world.registry.keys[key[name]].until for name in key} == {
        "adm-2": world.position,
        "adm-3": None,
    }
    assert posted(
        world,
        {"act": "officer", "officer": "o-9", "office": "hq", "roles": ["officer"]},
        "nato/adm-3",
    ).valid


def test_an_officer_who_is_entered_again_has_other_roles_and_keeps_the_keys() -> None:
    world = World()
    assert posted(world, keyed("adm-2", "nato/adm-2"), owners=["nato/root", "nato/adm-2"]).valid
    assert posted(
        world, {"act": "officer", "officer": "adm-2", "office": "annex", "roles": ["officer"]}
    ).valid
    officer = world.registry.officers["nato/adm-2"]
    assert (officer.office, officer.roles, officer.since) == ("annex", ("officer",), world.position)
    assert any(
        each.owner == "nato/adm-2" and each.until is None for each in world.registry.keys.values()
    )


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"act": "officer", "officer": "root", "office": "hq", "roles": ["officer"]}, "/officer"),
        ({"act": "officer-revocation", "officer": "nobody"}, "/officer"),
        (keyed("adm-2", "nato/root"), "/keys/0"),
        (
            {
                **keyed("adm-2"),
                "keys": [public_of("x"), "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="],
            },
            "/keys/1",
        ),
        (act("codebook-adoption", version=2), "/codebook"),
        (act("codebook-adoption", codebook="other"), "/codebook"),
        (
            act(
                "profile-adoption",
                line_check={"at": ["09:00"], "zone": "Nowhere", "sent_by": "nato"},
            ),
            "/line_check/zone",
        ),
        (
            act("profile-adoption", line_check={"at": ["09:00"], "zone": "UTC", "sent_by": "mars"}),
            "/line_check/sent_by",
        ),
        (
            act(
                "profile-adoption",
                line_check={
                    "at": ["09:00"],
                    "zone": "UTC",
                    "sent_by": "nato",
                    "from": "2026-02-30T00:00Z",
                },
            ),
            "/line_check/from",
        ),
    ],
)
def test_a_change_of_the_registry_that_does_not_hold_is_pointed_at(
    body: dict[str, Any], pointer: str, world: World
) -> None:
    check = channel.check(
        world.registry, world.unsigned("nato/root", body), world.position + 1, world.ledger.actor
    )
    assert check is not None
    assert check.faults[0].pointer == pointer


@pytest.mark.parametrize("sent_by", ["alternating", "nato"])
def test_a_profile_is_adopted_with_the_schedule_of_line_checks_as_it_was_written(
    sent_by: str, world: World
) -> None:
    schedule = {"at": ["09:00", "16:00"], "zone": "Europe/Brussels", "sent_by": sent_by}
    assert isinstance(
        world.keep(
            "nato/root", {"act": "profile-adoption", "profile": "vienna", "line_check": schedule}
        ),
        Folded,
    )
    adopted = world.registry.profiles["nato"]
    assert isinstance(adopted.line_check, msgspec.Raw)
    assert (adopted.profile, msgspec.json.decode(adopted.line_check)) == ("vienna", schedule)
    world.keep("china/root", {"act": "profile-adoption", "profile": "default"})
    assert set(world.registry.profiles) == {"nato", "china"}
    assert (
        world.registry.profiles["china"].line_check,
        world.registry.profiles["china"].adopted.by,
    ) == (UNSET, "china/root")


def test_a_codebook_is_adopted_by_each_side_for_itself(world: World) -> None:
    for name in ("nato", "china"):
        world.keep(f"{name}/root", act("codebook-adoption"))
    assert {
        name: (book.codebook, book.version) for name, book in world.registry.codebooks.items()
    } == {
        "nato": ("starter", 1),
        "china": ("starter", 1),
    }


@pytest.mark.parametrize("status", ["in_force", "degraded", "suspended", "resumed"])
def test_the_status_of_the_channel_says_since_when_and_why(status: str, world: World) -> None:
    assert isinstance(
        world.keep(
            NH,
            {"act": "channel-status", "status": status, "reason": "Maintenance."},
            released_by=ND,
        ),
        Folded,
    )
    found = world.registry.status
    assert found is not None
    assert (found.status, found.said.position, found.reason) == (
        status,
        world.position,
        msgspec.Raw(b'"Maintenance."'),
    )
    if status != "suspended":
        assert isinstance(
            world.keep(NH, {"act": "channel-status", "status": status}, released_by=ND), Folded
        )


def test_each_side_has_a_watch_of_its_own(world: World) -> None:
    for actor in (ND, CD, NH):
        assert isinstance(world.keep(actor, act("watch-assumption")), Folded)
    assert {name: watch.since.by for name, watch in world.registry.watches.items()} == {
        "nato": NH,
        "china": CD,
    }
    for to in ("o-1", "a-1", "nobody"):
        assert refused(world.keep(CD, {"act": "watch-relief", "to": to})).faults[0].pointer == "/to"
    world.keep("china/root", {"act": "officer-revocation", "officer": "h-1"})
    assert refused(world.keep(CD, {"act": "watch-relief", "to": "h-1"})).faults[0].pointer == "/to"
    assert isinstance(world.keep(CD, {"act": "watch-relief"}), Folded)
    assert set(world.registry.watches) == {"nato"}


def test_an_act_of_the_channel_moves_its_etag_unless_it_is_silent(world: World) -> None:
    world.keep(ND, act("watch-assumption"))
    assert world.registry.etag == records.parse(world.raws[-1]).commit


def refusal_at(
    world: World, position: int, body: dict[str, Any], actor: str, owners: list[str]
) -> str:
    """Return the reason why a signed act is not valid at a position, or an empty string if it is
    valid.
    """
    raw, signed = world.sign(actor, body, ids.v7(1, bytes(10)), owners)
    record = world.unsigned(actor, body)
    record = records.assemble(
        replace(record.envelope, attestation="author", signatures=signed),
        raw,
        records.decode_act(raw),
    )
    refusal = membership.check_signed(world.registry, record, position)
    assert refusal is None or refusal.kind == "not-permitted"
    return "" if refusal is None else str(refusal.detail)


def test_a_key_signs_after_it_was_added_and_up_to_its_own_revocation() -> None:
    world = World()
    assert posted(world, keyed("adm-2", "nato/adm-2"), owners=["nato/root", "nato/adm-2"]).valid
    since = world.position
    world.open(N, NOTE)
    revocation = {"act": "officer-revocation", "officer": "adm-2"}
    assert posted(world, revocation, "nato/adm-2").valid, "a key may revoke itself"
    until = world.position
    found = {
        position: refusal_at(world, position, revocation, "nato/adm-2", ["nato/adm-2"])
        for position in (since, since + 1, until, until + 1)
    }
    assert [bool(detail) for detail in found.values()] == [True, False, False, True]


def test_an_act_is_signed_by_its_actor_by_every_key_that_it_adds_and_by_no_other_side() -> None:
    world = World()
    position = world.position + 1
    entry = keyed("adm-2", "nato/adm-2", "nato/adm-2-spare")
    for owners, detail in (
        (["nato/root", "nato/adm-2", "nato/adm-2-spare"], ""),
        (["nato/root", "nato/adm-2"], "A signature is missing"),
        (["nato/adm-2", "nato/adm-2-spare"], "Root of nato must sign with 1 of its keys"),
        (["nato/root", "nato/adm-2", "nato/adm-2-spare", "china/root"], "A key of another side"),
        (["nato/root", "nato/adm-2", "nato/adm-2-spare", "nato/x"], "A signature is missing"),
    ):
        found = refusal_at(world, position, entry, "nato/root", owners)
        assert found == "" if not detail else found.startswith(detail)
    assert posted(world, keyed("adm-3", "nato/adm-3"), owners=["nato/root", "nato/adm-3"]).valid
    assert refusal_at(
        world,
        world.position + 1,
        entry,
        "nato/adm-1",
        ["nato/adm-3", "nato/adm-2", "nato/adm-2-spare"],
    ).startswith("No valid key")
    assert (
        refusal_at(
            world,
            world.position + 1,
            {**entry, "keys": [public_of("nato/adm-4")]},
            "nato/adm-3",
            ["nato/adm-3", "nato/adm-4"],
        )
        == ""
    )


def test_root_signs_by_its_threshold() -> None:
    world = World()
    fresh = Replay()
    fresh.take(
        [
            world.genesis(
                sides=[
                    side("nato", "nato/root", "nato/root-2", threshold=2),
                    side("china", "china/root"),
                ],
                signers=["nato/root", "nato/root-2", "china/root"],
            ).raw
        ]
    )
    world.ledger = fresh
    entry = {"act": "officer", "officer": "o-1", "office": "hq", "roles": ["officer"]}
    assert (
        refusal_at(world, 2, entry, "nato/root", ["nato/root"])
        == "Root of nato must sign with 2 of its keys."
    )
    assert refusal_at(world, 2, entry, "nato/root", ["nato/root", "nato/root-2"]) == ""


def test_a_revoked_name_is_pointed_at(world: World) -> None:
    world.keep("nato/root", {"act": "officer-revocation", "officer": "o-1"})
    entry = {"act": "officer", "officer": "o-1", "office": "hq", "roles": ["officer"]}
    assert refused(world.keep("nato/root", entry)).faults[0].pointer == "/officer"
    assert (
        refused(world.keep("nato/root", {"act": "officer-revocation", "officer": "o-1"}))
        .faults[0]
        .pointer
        == "/officer"
    )


# Delivery


def deliver(world: World, name: str, upto: int, **members: Any) -> Folded:
    actor = "service/gateway"
    envelope = records.envelope(
        id=ids.from_key(world.name, actor, delivery_key(name, upto)), source="/services/gateway", name="delivery", version=1,
        subject=world.registry.id, time=world.tick(), channel=world.name, family="channel", actor=actor, decided=world.position, salt=SALT,
    )  # fmt: skip
    return world.take(records.build(replace(envelope, **members), delivery_act(name, upto)))


def test_the_key_and_the_bytes_of_a_delivery() -> None:
    assert delivery_key("china", 12) == "delivery\nchina\n12"
    assert delivery_act("china", 12) == b'{"act":"delivery","side":"china","upto":12}'


def pointed_at(folded: Folded) -> str:
    """Return the place of the fault in a record, or an empty string if the record is valid."""
    return "" if folded.valid else refused(folded).faults[0].pointer


def test_a_delivery_ends_before_its_own_position_and_rises(world: World) -> None:
    world.open(N, NOTE)
    first = world.position
    world.open(N, NOTE)
    second = world.position
    world.open(N, NOTE)
    third = world.position
    assert [
        pointed_at(deliver(world, "china", upto)) for upto in (third + 1, second, first, third)
    ] == ["/upto", "", "/upto", ""]
    mark = world.registry.delivered["china"]
    assert (mark.upto, mark.recorded.by) == (third, "service/gateway")
    world.open(C, NOTE)
    assert deliver(world, "nato", world.position).valid
    assert set(world.registry.delivered) == {"nato", "china"}


def test_a_delivery_ends_on_an_act_of_an_officer_of_another_side_and_is_of_a_side(
    world: World,
) -> None:
    world.open(N, NOTE)
    upto = world.position
    assert [pointed_at(deliver(world, name, upto)) for name in ("nato", "mars")] == [
        "/upto",
        "/upto",
    ]
    assert pointed_at(deliver(world, "china", 2)) == "/upto", "root entered an officer there"
    other = deliver(world, "china", upto, id=ids.v7(1, bytes(10)))
    assert not other.valid


def test_what_a_service_recorded_is_not_delivered(world: World) -> None:
    world.open(N, NOTE)
    assert deliver(world, "china", world.position).valid
    assert not deliver(world, "nato", world.position).valid


# Outages


def outage(world: World, since: str, until: str, cause: str = "broker", **members: Any) -> Folded:
    actor = "service/gateway"
    envelope = records.envelope(
        id=ids.from_key(world.name, actor, outage_key(since, until)), source="/services/gateway", name="broker-outage", version=1,
        subject=world.registry.id, time=world.tick(), channel=world.name, family="channel", actor=actor, decided=world.position, salt=SALT,
    )  # fmt: skip
    return world.take(records.build(replace(envelope, **members), outage_act(since, until, cause)))


def test_an_outage_with_a_time_that_does_not_exist_is_refused_after_another(world: World) -> None:
    assert outage(world, "2026-01-25T10:00:00.000Z", "2026-03-25T10:01:00.000Z").valid
    assert not outage(world, "2026-02-01T10:00:00.000Z", "2026-02-30T10:01:00.000Z").valid


def test_an_outage_is_told_by_the_gateway_alone_once_it_is_over(world: World) -> None:
    assert outage_key("a", "b") == "broker-outage\na\nb"
    before = world.registry
    world.clock = datetime(2026, 11, 25, 12, tzinfo=UTC)
    since = "2026-11-25T11:00:00.000Z"
    found = [
        pointed_at(outage(world, since, until))
        for until in ("2026-11-25T12:00:03.000Z", "2026-11-25T12:01:00.000Z")
    ]
    assert found == ["", "/to"]
    assert pointed_at(outage(world, since, "2026-11-25T10:00:00.000Z")) == "/to"
    other = outage(world, since, "2026-11-25T11:30:00.000Z", id=ids.v7(1, bytes(10)))
    assert not other.valid
    assert refused(world.keep("nato/root", act("broker-outage"))).kind == "not-permitted"
    known = world.registry.outage
    assert known is not None
    assert (known.from_, known.to, known.cause) == (since, "2026-11-25T12:00:03.000Z", "broker")
    assert replace(world.registry, outage=None) == before, (
        "it changes nothing but what is known of the time"
    )


def test_an_outage_that_lies_within_the_one_on_record_is_told_once(world: World) -> None:
    world.clock = datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert outage(world, "2026-11-25T11:00:00.000Z", "2026-11-25T11:30:00.000Z").valid
    for since, until, again in (
        ("00", "30", True),
        ("05", "20", True),
        ("05", "31", False),
        ("32", "40", False),
    ):
        told = outage(
            world,
            f"2026-11-25T11:{since}:00.001Z",
            f"2026-11-25T11:{until}:00.000Z",
            cause="gateway",
        )
        assert told.valid != again, (since, until)


def test_the_watch_is_not_handed_to_who_has_it(world: World) -> None:
    world.keep("nato/d-1", {"act": "watch-assumption"})
    assert (
        refused(world.keep("nato/d-1", {"act": "watch-relief", "to": "d-1"})).faults[0].pointer
        == "/to"
    )
    assert isinstance(world.keep("nato/d-1", {"act": "watch-relief", "to": "h-1"}), Folded)
    assert (
        refused(world.keep("nato/d-1", {"act": "watch-relief", "to": "h-1"})).faults[0].pointer
        == "/to"
    )

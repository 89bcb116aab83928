"""Acts that officers sign, the second officer of two, and what a record's derived members must be
(record.md §3, §4).
"""

from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.audit.accountability import findings
from dragoman.audit.replay import Replay
from dragoman.audit.verification import Verification
from dragoman.domain.acts import membership
from dragoman.domain.acts.families.channel import delivery_act, delivery_key
from dragoman.domain.fold import Folded, fold
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record
from dragoman.domain.views.offers import allowed
from dragoman.tlog import dsse
from dragoman_schemas.state import ChannelState
from samples import act
from world import NOTE, SALT, World, public_of, refused, seed_of

N, C, NH, ND, SIGNER = "nato/o-1", "china/o-1", "nato/h-1", "nato/d-1", "nato/signer"
NOWHERE = "0192f0c1-2f3a-7c4d-8e5f-112233445566"


def with_signer(*required: str) -> World:
    """A channel in which an officer of nato has a key, and in which acts of some families must be
    signed.
    """
    world = World()
    if required:
        world.ledger, world.raws = Replay(), []
        genesis = world.genesis(required_signatures=list(required))
        assert world.take(genesis).valid
        for actor, name, role in ((N, "o-1", "officer"), (C, "o-1", "officer")):
            side = actor.partition("/")[0]
            world.keep(
                f"{side}/root", {"act": "officer", "officer": name, "office": "hq", "roles": [role]}
            )
    entry = {
        "act": "officer",
        "officer": "signer",
        "office": "hq",
        "roles": ["officer"],
        "keys": [public_of(SIGNER)],
    }
    id = ids.from_key(world.name, "nato/root", "the-signer-is-entered")
    raw, signatures = world.sign("nato/root", entry, id, ["nato/root", SIGNER])
    assert world.take(
        built(
            world,
            "nato/root",
            "officer",
            raw,
            id,
            world.registry.id,
            "channel",
            signatures,
            source="/sides/nato",
        )
    ).valid
    return world


def built(
    world: World,
    actor: str,
    name: str,
    raw: bytes,
    id: str,
    subject: str,
    family: str,
    signatures: str,
    **members: Any,
) -> Record:
    side = actor.partition("/")[0]
    envelope = records.envelope(
        id=id, source=members.pop("source", f"/sides/{side}/offices/hq"), name=name, version=1, subject=subject, time=world.tick(),
        channel=world.name, family=family, actor=actor, decided=world.position, salt=SALT, signatures=signatures,
    )  # fmt: skip
    return records.assemble(replace(envelope, **members), raw, records.decode_act(raw))


def signed(
    world: World,
    body: dict[str, Any],
    exchange: str = "",
    /,
    *,
    owners: list[str] | None = None,
    **changes: Any,
) -> Folded:
    """The signer posts an act: an opening, or one that relies on the exchange as it stands."""
    id = ids.from_key(world.name, SIGNER, f"signed-by-officer-{world.position:06d}")
    after = world.exchange(exchange).etag if exchange else ""
    raw, signatures = world.sign(
        SIGNER, body, id, owners, **{"exchange": exchange, "after": after} | changes
    )
    family = world.exchange(exchange).family if exchange else "contact"
    return world.take(
        built(world, SIGNER, body["act"], raw, id, exchange or id, family, signatures)
    )


def test_a_signed_opening_is_attested_by_its_author_and_its_signature_is_no_content() -> None:
    world = with_signer()
    folded = signed(world, NOTE)
    assert folded.valid and folded.record is not None
    assert folded.record.envelope.attestation == "author"
    assert set(world.exchange(folded.record.envelope.id).content) == {"form", "text"}


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"channel": "00" * 32}, "does not agree"),
        ({"type": "dragoman.reply.v1"}, "does not agree"),
        ({"exchange": NOWHERE}, "does not agree"),
        ({"id": NOWHERE}, "does not agree"),
        ({"author": N}, "does not agree"),
        (
            {"seen": {"size": 3, "root": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}},
            "not a head of this log",
        ),
        ({"owners": ["china/root"]}, "A key of another side"),
        ({"owners": [N]}, "its key is not valid here"),
        ({"owners": ["nato/root"]}, "No valid key of nato/signer"),
    ],
)
def test_a_signed_opening_that_is_not_what_it_says_is_void(
    changes: dict[str, Any], detail: str
) -> None:
    assert detail in str(refused(signed(with_signer(), NOTE, **changes)).detail)


def test_what_was_seen_is_a_head_before_the_record_and_may_be_an_old_one() -> None:
    world = with_signer()
    for ahead, valid in ((-3, True), (0, True), (1, False)):
        size = world.position + ahead
        root = dsse.encode_base64(world.ledger.root(min(size, world.position)))
        folded = signed(world, NOTE, seen={"size": size, "root": root})
        assert folded.valid == valid
        assert valid or "not a head of this log" in str(refused(folded).detail)


def test_a_signed_consenting_act_follows_the_newest_record_and_any_other_act_any_earlier_one() -> (
    None
):
    world = with_signer()
    id = world.open(N, NOTE)
    first = world.exchange(id).etag
    world.keep(C, act("reply"), id)
    assert signed(world, {"act": "update", "text": "x"}, id, after=first).valid
    assert (
        refused(signed(world, {"act": "update", "text": "x"}, id, after="00" * 32)).kind == "moved"
    )
    assert refused(signed(world, {"act": "closure"}, id, after=first)).kind == "moved"
    assert signed(world, {"act": "closure"}, id).valid


def test_an_opening_follows_nothing() -> None:
    assert refused(signed(with_signer(), NOTE, after="00" * 32)).kind == "moved"


def test_what_is_signed_is_attested_by_its_author_and_nothing_else_is() -> None:
    world = with_signer()
    note = world.decide(N, NOTE)
    assert isinstance(note, Record)
    assert (
        refused(
            world.take(
                records.assemble(
                    replace(note.envelope, attestation="author", signatures="x" * 64),
                    note.act,
                    note.data,
                )
            )
        ).kind
        == "void"
    )


def test_a_channel_may_ask_for_signatures_by_family_and_asks_none_of_its_services() -> None:
    world = with_signer("contact")
    refusal = refused(world.keep(N, NOTE))
    assert (refusal.kind, "must be signed" in str(refusal.detail)) == ("not-permitted", True)
    folded = signed(world, NOTE)
    assert folded.valid and folded.record is not None
    id = folded.record.envelope.id
    assert "must be signed" in str(refused(world.keep(C, act("reply"), id)).detail)
    assert isinstance(world.decide(N, act("perception")), Record), "of another family"


def test_a_delivery_is_not_signed_where_acts_of_the_channel_have_to_be() -> None:
    world = with_signer("channel")
    world.keep(N, NOTE)
    upto, key = world.position, delivery_key("china", world.position)
    record = built(
        world, "service/gateway", "delivery", delivery_act("china", upto), ids.from_key(world.name, "service/gateway", key),
        world.registry.id, "channel", "", source="/services/gateway",
    )  # fmt: skip
    assert world.take(record).valid


# Two officers


LADDER = {
    "act": "meeting-request",
    "purpose": "x",
    "windows": [{"from": "2026-12-01T08:00Z", "to": "2026-12-01T10:00Z"}],
}


def asked() -> tuple[World, str]:
    world = World()
    return world, world.open(NH, act("explanation-request"))


@pytest.mark.parametrize("where", ["references", "trigger"])
@pytest.mark.parametrize("how", ["id", "number"])
def test_a_meeting_is_on_the_ladder_that_refers_to_a_request_for_explanation(
    where: str, how: str
) -> None:
    world, request = asked()
    value = request if how == "id" else world.exchange(request).number
    body = {**LADDER, where: [NOWHERE, value] if where == "references" else value}
    assert refused(world.decide(N, body)).kind == "second-key-required"
    kept = world.keep(N, body, released_by=NH)
    assert isinstance(kept, Folded) and kept.record is not None
    assert world.exchange(kept.record.envelope.id).invokes == request


def test_a_meeting_that_refers_to_something_else_is_on_no_ladder() -> None:
    world, _ = asked()
    note = world.open(N, NOTE)
    for body in (LADDER, {**LADDER, "references": [note, NOWHERE]}, {**LADDER, "trigger": note}):
        assert world.exchange(world.open(N, body)).invokes == ""
        assert refused(world.decide(N, body, released_by=NH)).kind == "void"


def test_the_ladder_asks_for_the_head_of_office_as_one_of_the_two() -> None:
    world, request = asked()
    body = {**LADDER, "references": [request]}
    for actor, second, kind in ((N, ND, "not-permitted"), (N, NH, ""), (NH, N, "")):
        decided = world.decide(actor, body, released_by=second)
        assert isinstance(decided, Record) if not kind else refused(decided).kind == kind


@pytest.mark.parametrize(
    ("second", "kind"),
    [
        (N, "second-key-required"),
        (C, "second-key-required"),
        ("nato/a-1", "not-permitted"),
        ("nato/adm-1", "not-permitted"),
        ("nato/nobody", "not-permitted"),
    ],
)
def test_who_releases_is_another_officer_in_office_of_the_same_side(second: str, kind: str) -> None:
    assert refused(World().decide(N, act("military-activity"), released_by=second)).kind == kind


def test_who_was_revoked_releases_nothing() -> None:
    world = World()
    world.keep("nato/root", {"act": "officer-revocation", "officer": "d-1"})
    assert (
        refused(world.decide(N, act("military-activity"), released_by=ND)).kind == "not-permitted"
    )


def test_on_one_key_a_duty_officer_may_send_what_is_urgent_and_nothing_else() -> None:
    world = World()
    assert refused(world.decide(ND, act("launch-notice"))).kind == "second-key-required"
    assert isinstance(world.decide(ND, act("launch-notice", phase="deviation")), Record)
    assert (
        refused(world.decide(N, act("launch-notice", phase="deviation"))).kind
        == "second-key-required"
    )


# Derived members


def test_the_source_of_a_record_is_its_actors_office_its_side_or_the_service(world: World) -> None:
    world.keep(
        "nato/root", {"act": "officer", "officer": "o-2", "office": "annex", "roles": ["officer"]}
    )
    decided = world.decide("nato/o-2", NOTE)
    assert isinstance(decided, Record)
    assert decided.envelope.source == "/sides/nato/offices/annex"
    assert records.parse(world.raws[1]).envelope.source == "/sides/nato"


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        ({"type": "dragoman.reply.v3"}, "derived member"),
        ({"type": "dragoman.reply.v1"}, "derived member"),
        ({"dataschema": "urn:dragoman:schema:reply:1"}, "derived member"),
        ({"dataschema": "urn:dragoman:schema:reply:3"}, "derived member"),
        ({"family": "meeting"}, "derived member"),
        ({"channel": "other"}, "derived member"),
        ({"source": "/sides/china"}, "source"),
        ({"causationid": NOWHERE}, "a member that this act does not have"),
    ],
)
def test_a_continuing_record_whose_members_are_not_what_they_must_be_is_void(
    members: dict[str, Any], detail: str, world: World
) -> None:
    id = world.open(N, NOTE)
    reply = world.decide(C, act("reply"), id)
    assert isinstance(reply, Record)
    refusal = refused(
        world.take(records.assemble(replace(reply.envelope, **members), reply.act, reply.data))
    )
    assert (refusal.kind, detail in str(refusal.detail)) == ("void", True)


def test_a_record_of_an_exchange_that_there_is_not_is_void(world: World) -> None:
    id = world.open(N, NOTE)
    reply = world.decide(C, act("reply"), id)
    assert isinstance(reply, Record)
    assert (
        refused(
            world.take(
                records.assemble(replace(reply.envelope, subject=NOWHERE), reply.act, reply.data)
            )
        ).kind
        == "not-found"
    )


def test_a_record_is_decided_on_a_position_before_its_own(world: World) -> None:
    for decided, valid in ((world.position, True), (world.position + 2, False)):
        note = world.decide(N, NOTE)
        assert isinstance(note, Record)
        assert (
            world.take(
                records.assemble(replace(note.envelope, decided=str(decided)), note.act, note.data)
            ).valid
            == valid
        )


# What a fold says


def test_the_time_of_a_channel_never_goes_back_and_counts_valid_records_alone(world: World) -> None:
    late = world.decide(N, NOTE)
    assert isinstance(late, Record)
    future = records.assemble(
        replace(late.envelope, time="2027-01-01T00:00:00.000Z"), late.act, late.data
    )
    assert world.take(future).channel.time == "2027-01-01T00:00:00.000Z"
    assert isinstance(world.keep(N, NOTE), Folded)
    assert world.ledger.standing.state.time == "2027-01-01T00:00:00.000Z"
    void = world.decide(N, NOTE)
    assert isinstance(void, Record)
    folded = world.take(
        records.assemble(
            replace(void.envelope, time="2028-01-01T00:00:00.000Z", decided="999"),
            void.act,
            void.data,
        )
    )
    assert (folded.channel.time, folded.valid, folded.record is not None) == (
        "2027-01-01T00:00:00.000Z",
        False,
        True,
    )


def test_a_genesis_folds_to_the_registry_and_its_time_is_the_channels() -> None:
    genesis = World().genesis()
    folded = fold(ChannelState(), Replay(), genesis.raw)
    assert folded.state is not None
    assert folded.state is folded.channel.registry
    assert (folded.position, folded.channel.position, folded.channel.time) == (
        1,
        1,
        genesis.envelope.time,
    )


def test_what_has_no_number_has_an_empty_one(world: World) -> None:
    id = world.open(N, NOTE)
    kept = world.keep(C, act("acknowledgement"), id)
    assert isinstance(kept, Folded)
    assert kept.number == ""


def test_a_fold_says_where_it_is_what_it_read_and_what_it_became(world: World) -> None:
    note = world.keep(N, NOTE)
    assert isinstance(note, Folded)
    assert (note.position, note.raw, note.number) == (
        world.position,
        world.raws[-1],
        "NATO-CHINA/NATO/26/0001/N03/O",
    )
    assert note.channel.tally == {"nato/2026": 1}
    junk = world.take(b"junk")
    assert (junk.position, junk.raw, junk.record, junk.valid, junk.state) == (
        world.position,
        b"junk",
        None,
        False,
        None,
    )
    assert junk.refusal is not None
    assert junk.refusal.kind == "void"
    assert world.registry is junk.channel.registry


def test_an_exchange_has_the_etag_and_the_time_of_its_newest_record_that_is_not_silent(
    world: World,
) -> None:
    id = world.open(N, NOTE)
    assert world.exchange(id).etag == records.parse(world.raws[-1]).commit
    world.keep(C, act("reply"), id)
    assert world.exchange(id).etag == records.parse(world.raws[-1]).commit
    assert (world.exchange(id).updated.position, world.exchange(id).opened.position) == (
        world.position,
        world.position - 1,
    )


def test_a_correction_counts_in_the_series_of_its_side_and_shows_the_format_that_it_corrects(
    world: World,
) -> None:
    id = world.open("nato/d-1", act("hazardous-incident"))
    world.open(N, NOTE)
    kept = world.keep(
        "nato/d-1", {"act": "correction", "reason": "x", "fields": {"facts": "x"}}, id, seen=True
    )
    assert isinstance(kept, Folded)
    assert kept.number == "NATO-CHINA/NATO/26/0003/N07/C"
    other = world.keep("nato/d-1", {"act": "cancellation", "reason": "x"}, id, seen=True)
    assert isinstance(other, Folded)
    assert other.number == "NATO-CHINA/NATO/26/0004/N07/X"


def test_what_is_not_allowed_is_refused_with_what_is_for_that_side(world: World) -> None:
    id = world.open(N, NOTE)
    world.close(id)
    refusal = refused(world.decide(N, {"act": "update", "text": "x"}, id))
    assert (refusal.kind, refusal.allowed) == (
        "not-allowed-in-state",
        tuple(allowed(world.registry, world.exchange(id), "nato")),
    )
    assert set(allowed(world.registry, world.exchange(id), "nato")) ^ set(
        allowed(world.registry, world.exchange(id), "china")
    ) == {
        "acknowledgement",
        "passed-on",
        "repeat-request",
        "reply",
    }


# Keys


def keyed(world: World, actor: str, body: dict[str, Any], *owners: str) -> Folded:
    """An act on keys, signed by these."""
    id = ids.from_key(world.name, actor, f"keyed-{world.position:012d}")
    raw, signatures = world.sign(actor, body, id, [*owners] or None)
    source = "/sides/nato" if actor.endswith("/root") else "/sides/nato/offices/hq"
    return world.take(
        built(
            world,
            actor,
            body["act"],
            raw,
            id,
            world.registry.id,
            "channel",
            signatures,
            source=source,
        )
    )


def key_id(owner: str) -> str:
    return dsse.key_id(dsse.public_of(seed_of(owner)))


def adding(owner: str, officer: str = "signer") -> dict[str, Any]:
    return {"act": "key-addition", "officer": officer, "keys": [public_of(owner)]}


def with_administrator() -> World:
    world = with_signer()
    entry = {
        "act": "officer",
        "officer": "adm-2",
        "office": "hq",
        "roles": ["administrator"],
        "keys": [public_of("nato/adm-2")],
    }
    assert keyed(world, "nato/root", entry, "nato/root", "nato/adm-2").valid
    return world


def test_root_or_an_administrator_adds_keys_and_the_new_key_signs_as_well() -> None:
    world = with_administrator()
    assert "missing" in str(
        refused(keyed(world, "nato/root", adding("second"), "nato/root")).detail
    )
    assert keyed(world, "nato/root", adding("second"), "nato/root", "second").valid
    assert keyed(world, "nato/adm-2", adding("third"), "nato/adm-2", "third").valid
    assert {world.registry.keys[key_id(name)].owner for name in ("second", "third")} == {SIGNER}
    assert signed(world, NOTE, owners=["third"]).valid
    assert refused(keyed(world, SIGNER, adding("fourth"), SIGNER, "fourth")).kind == "not-permitted"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (adding("second", "nobody"), "/officer"),
        ({**adding("second"), "keys": [public_of(SIGNER)]}, "/keys/0"),
        ({**adding("second"), "keys": ["A" * 43 + "="]}, "/keys/0"),
    ],
)
def test_a_key_is_new_and_sound_and_of_an_officer_in_office(
    body: dict[str, Any], pointer: str
) -> None:
    refusal = refused(keyed(with_signer(), "nato/root", body, "nato/root"))
    assert [fault.pointer for fault in refusal.faults] == [
        pointer
    ] or "its key is not valid here" in str(refusal.detail)


def test_a_key_of_nobody_in_office_is_pointed_at_though_it_has_signed() -> None:
    refusal = refused(
        keyed(with_signer(), "nato/root", adding("second", "nobody"), "nato/root", "second")
    )
    assert [(fault.pointer, str(fault.detail)) for fault in refusal.faults] == [
        ("/officer", "nato/nobody is not in office; enter the officer first")
    ]


def test_a_key_that_is_revoked_signs_nothing_more_and_does_not_return() -> None:
    world = with_administrator()
    assert keyed(world, "nato/adm-2", {"act": "key-revocation", "key": key_id(SIGNER)}).valid
    assert world.registry.keys[key_id(SIGNER)].until == world.position
    assert "its key is not valid here" in str(refused(signed(world, NOTE)).detail)
    again = refused(keyed(world, "nato/root", adding(SIGNER), "nato/root", SIGNER))
    assert again.faults[0].pointer == "/keys/0"
    twice = refused(keyed(world, "nato/root", {"act": "key-revocation", "key": key_id(SIGNER)}))
    assert twice.faults[0].pointer == "/key"


def test_what_a_stolen_key_has_signed_stays_valid_and_is_listed_as_disputed() -> None:
    world = with_administrator()
    own = [signed(world, NOTE) for _ in range(2)]
    theirs = [signed(world, NOTE) for _ in range(2)]
    revocation = {
        "act": "key-revocation",
        "key": key_id(SIGNER),
        "suspect_from": theirs[0].position,
    }
    revoked = keyed(world, "nato/adm-2", revocation)
    assert revoked.valid
    assert world.registry.keys[key_id(SIGNER)].suspect_from == theirs[0].position
    for folded in (*own, *theirs):
        assert folded.record is not None and folded.valid
        expected = [key_id(SIGNER)] if folded in theirs else []
        assert membership.disputed(world.registry, folded.record, folded.position) == expected
    first, second = (each.position for each in theirs)
    verification = Verification(cid=world.registry.cid)
    verification.take(world.raws)
    whose = f"by a key of {SIGNER}, which ended at {revoked.position} and is held for stolen from {first} on"
    assert verification.result().disputed == (f"{first}: {whose}", f"{second}: {whose}")
    listed = [
        (each.kind, each.position, each.side, each.detail)
        for each in findings(world.ledger, world.raws)
    ]
    assert listed == [
        (
            "disputed",
            revoked.position,
            "nato",
            f"from record {first} on, with the key {key_id(SIGNER)}",
        )
    ]


def test_the_revocation_that_a_suspected_key_signs_itself_is_not_disputed() -> None:
    world = with_signer()
    taken = signed(world, NOTE)
    revoked = keyed(
        world,
        SIGNER,
        {"act": "key-revocation", "key": key_id(SIGNER), "suspect_from": taken.position},
    )
    assert revoked.valid and revoked.record is not None and taken.record is not None
    assert membership.disputed(world.registry, taken.record, taken.position) == [key_id(SIGNER)]
    assert membership.disputed(world.registry, revoked.record, revoked.position) == []
    verification = Verification(cid=world.registry.cid)
    verification.take(world.raws)
    assert [each.partition(":")[0] for each in verification.result().disputed] == [
        str(taken.position)
    ]


def test_a_host_that_says_that_it_decided_long_ago_keeps_no_revocation_from_taking_effect() -> None:
    world = with_signer()
    taken = signed(world, NOTE)
    id = ids.from_key(world.name, "nato/root", "the-host-helps-the-thief")
    revocation = {"act": "key-revocation", "key": key_id(SIGNER), "suspect_from": taken.position}
    raw, signatures = world.sign(
        "nato/root",
        revocation,
        id,
        ["nato/root"],
        exchange=world.registry.id,
        after=world.registry.etag,
    )
    record = built(
        world,
        "nato/root",
        "key-revocation",
        raw,
        id,
        world.registry.id,
        "channel",
        signatures,
        source="/sides/nato",
        decided="0",
    )
    assert world.take(record).valid
    assert world.registry.keys[key_id(SIGNER)].until == world.position


@pytest.mark.parametrize("ended_by", ["revocation", "officer", "rotation"])
def test_of_a_key_that_has_ended_it_is_said_later_from_where_on_it_is_suspected(
    ended_by: str,
) -> None:
    world = with_administrator()
    first, second = signed(world, NOTE), signed(world, NOTE)
    key, other = key_id(SIGNER), key_id("nato/root-2")
    root = "nato/root"
    if ended_by == "revocation":
        assert keyed(world, root, {"act": "key-revocation", "key": key}).valid
    elif ended_by == "officer":
        assert keyed(world, root, {"act": "officer-revocation", "officer": "signer"}).valid
    else:
        key = key_id("nato/root")
        rotation = {"act": "root-rotation", "roots": [public_of("nato/root-2")], "threshold": 1}
        assert keyed(world, root, rotation, root, "nato/root-2").valid
        assert world.registry.keys[other].until is None
    ended = world.registry.keys[key].until
    assert ended is not None
    suspected = {"act": "key-revocation", "key": key}
    assert refused(keyed(world, "nato/adm-2", suspected)).faults[0].pointer == "/key"
    assert (
        refused(keyed(world, "nato/adm-2", suspected | {"suspect_from": ended})).faults[0].pointer
        == "/suspect_from"
    )
    for position, says in (
        (second.position, None),
        (second.position, "/key"),
        (first.position, None),
    ):
        said = keyed(world, "nato/adm-2", suspected | {"suspect_from": position})
        assert said.valid if says is None else refused(said).faults[0].pointer == says
        assert (world.registry.keys[key].until, world.registry.keys[key].suspect_from) == (
            ended,
            position,
        )


@pytest.mark.parametrize("away", [0, 1_000])
def test_a_key_is_suspected_from_a_position_at_which_it_could_sign(away: int) -> None:
    world = with_signer()
    first = world.registry.keys[key_id(SIGNER)].since + 1
    signed(world, NOTE)
    last = world.position
    suspected = {"act": "key-revocation", "key": key_id(SIGNER), "suspect_from": away or first - 1}
    refusal = refused(keyed(world, "nato/root", suspected))
    assert [(fault.pointer, str(fault.detail)) for fault in refusal.faults] == [
        (
            "/suspect_from",
            f"the key could sign from position {first} to {last}; give one of these, or leave it out",
        )
    ]
    assert keyed(world, "nato/root", suspected | {"suspect_from": first}).valid


def test_a_key_may_revoke_itself_and_no_other_officers() -> None:
    world = with_administrator()
    assert keyed(world, "nato/root", adding("second"), "nato/root", "second").valid
    for key in (key_id("nato/adm-2"), key_id("second")):
        assert (
            refused(keyed(world, SIGNER, {"act": "key-revocation", "key": key})).kind
            == "not-permitted"
        )
    assert keyed(world, SIGNER, {"act": "key-revocation", "key": key_id("second")}, "second").valid
    assert keyed(world, SIGNER, {"act": "key-revocation", "key": key_id(SIGNER)}).valid


@pytest.mark.parametrize("key", [key_id("china/root"), key_id("nato/root"), "00" * 32])
def test_no_key_of_another_side_and_no_root_is_revoked_so(key: str) -> None:
    refusal = refused(keyed(with_signer(), "nato/root", {"act": "key-revocation", "key": key}))
    assert refusal.faults[0].pointer == "/key"


def test_what_two_officers_sign_has_a_key_of_each() -> None:
    world = with_signer()
    entry = {
        "act": "officer",
        "officer": "second",
        "office": "hq",
        "roles": ["head_of_office"],
        "keys": [public_of("nato/second")],
    }
    assert keyed(world, "nato/root", entry, "nato/root", "nato/second").valid
    body = act("military-activity")
    for owners, valid in (
        ([SIGNER], False),
        (["nato/second"], False),
        ([SIGNER, "nato/second"], True),
    ):
        id = ids.from_key(world.name, SIGNER, f"two-officers-{world.position:06d}")
        raw, signatures = world.sign(SIGNER, body, id, owners, exchange="", after="")
        record = built(
            world,
            SIGNER,
            "military-activity",
            raw,
            id,
            id,
            "notification",
            signatures,
            releasedby="nato/second",
        )
        folded = world.take(record)
        assert folded.valid == valid, owners
        assert valid or refused(folded).kind == "not-permitted"

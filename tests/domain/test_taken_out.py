"""Exchanges that every side takes out of the record: gone from the state, and the same whether
their bytes are still there or not.
"""

import hashlib
from typing import Any

import msgspec
import pytest

from dragoman.audit.replay import Replay, Replayed
from dragoman.domain.acts.erasure import (
    Withheld,
    entry_of,
    hash_of,
    leaf_entry,
    named_in,
    names_records,
    standing_in,
)
from dragoman.domain.fold import Folded, fold
from dragoman.domain.record.codec import Record, read_act
from dragoman.i18n.words import words
from dragoman.limits import CONSENTED_EXCHANGES
from dragoman.tlog import dsse, leaf
from dragoman_schemas.acts.office.channel import Erasure
from world import INCIDENT, NOTE, World, compact, public_of, refused

BOTH = ("nato/root", "china/root")


@pytest.fixture
def world() -> World:
    return World()


def spoken(world: World) -> str:
    """An exchange in which something of every kind was said: numbered, void, corrected, answered."""
    id = world.open("nato/d-1", INCIDENT)
    world.keep("china/d-1", {"act": "acknowledgement"}, id)
    correction = {
        "act": "correction",
        "fields": {"facts": "It was one aircraft."},
        "reason": "Recordings.",
    }
    world.keep("nato/h-1", correction, id, seen=True)
    late = world.decide("nato/h-1", correction, id, world.exchange(id).etag)
    world.close(id)
    assert isinstance(late, Record) and not world.take(late).valid
    world.take(b"junk that belongs to nobody")
    return id


def erasure(world: World, *exchanges: str) -> dict[str, Any]:
    """The act that names every record of these exchanges."""
    found = sorted(
        (each for id in exchanges for each in world.ledger.records_of(id)),
        key=lambda each: each.position,
    )
    return {"act": "erasure", "records": [msgspec.to_builtins(each) for each in found]}


def without_bytes(world: World) -> list[bytes]:
    """The log with an entry in place of each record that was erased."""
    return [
        raw if (left := world.ledger.erased.get(position)) is None else entry_of(left)
        for position, raw in enumerate(world.raws, 1)
    ]


def folded_anew(raws: list[bytes], *, knowing: bool = True) -> Replay:
    replay = Replay()
    if knowing:
        replay.expect(named_in(enumerate(raws, 1)))
    replay.take(raws)
    return replay


def known(replay: Replay) -> tuple[Replayed, list[int]]:
    """Return the result of a replay and the positions of the void records. No reason can be given
    for an erased record.
    """
    result = replay.result()
    return msgspec.structs.replace(result, void=()), [each.position for each in result.void]


def test_what_is_erased_is_gone_and_its_numbers_are_not_given_again(world: World) -> None:
    id = spoken(world)
    number = world.exchange(id).number
    other = world.open("nato/o-1", NOTE)
    assert world.attested(erasure(world, id), *BOTH).removed == (id,)
    assert world.ledger.exchange(id) is None and [each.id for each in world.ledger.exchanges()] == [
        other
    ]
    assert world.registry.erased[id].position == world.position
    assert refused(world.keep("china/d-1", {"act": "acknowledgement"}, id)).kind == "not-found"
    assert number == "NATO-CHINA/NATO/26/0001/N07/O"
    assert world.exchange(world.open("nato/o-1", NOTE)).number == "NATO-CHINA/NATO/26/0004/N03/O"


def test_a_log_folds_to_the_same_with_the_bytes_and_without(world: World) -> None:
    before = world.open("china/o-1", NOTE)
    id, other = spoken(world), spoken(world)
    world.attested(erasure(world, id), *BOTH)
    world.keep("nato/o-1", {"act": "acknowledgement"}, before)
    raws = without_bytes(world)
    assert raws != world.raws and b"Recordings." in b"".join(raws), (
        "the other exchange still says what it said"
    )
    stubbed = folded_anew(raws)
    assert known(stubbed) == known(world.ledger)
    assert stubbed.standing == world.ledger.standing
    assert stubbed.encoded.keys() == world.ledger.encoded.keys() and other in stubbed.encoded
    assert not stubbed.unproven and not stubbed.entries and stubbed.erased == world.ledger.erased


def test_an_entry_counts_as_its_record_did(world: World) -> None:
    id = spoken(world)
    world.attested(erasure(world, id), *BOTH)
    whole, less = Replay(), Replay()
    less.expect(named_in(enumerate(without_bytes(world), 1)))
    replaced = 0
    for raw, entry in zip(world.raws, without_bytes(world), strict=True):
        was, now = fold(whole.standing.state, whole, raw), fold(less.standing.state, less, entry)
        assert (now.position, now.number, now.valid, now.channel) == (
            was.position,
            was.number,
            was.valid,
            was.channel,
        )
        if raw != entry:
            replaced += 1
            assert was.record is not None and now.record is not None
            e, left = was.record.envelope, now.record
            assert (
                left.envelope.id,
                left.envelope.subject,
                left.envelope.time,
                left.envelope.actor,
            ) == (e.id, e.subject, e.time, e.actor)
            assert (left.envelope.family, left.envelope.type, left.name, left.side) == (
                e.family,
                e.type,
                was.record.name,
                was.record.side,
            )
            assert (left.act, left.newest, left.envelope.source, left.envelope.salt) == (
                b"",
                b"",
                "",
                "",
            ), "nothing of what it said"
            assert (left.envelope.decided, left.envelope.dataschema, left.commit, left.raw) == (
                "0",
                "",
                was.record.commit,
                entry,
            )
            assert now.state is None and (now.valid or refused(now).kind == "void")
        whole.take([raw])
        less.take([entry])
    assert replaced == 6


def test_a_desks_own_matter_has_no_number_without_its_bytes_either() -> None:
    world = World(name="nato-desk", kind="desk", sides=("nato",))
    id = world.open(
        "nato/h-1", {"act": "tasking", "officers": ["o-1"], "text": "Prepare the call."}
    )
    world.attested(erasure(world, id), "nato/root")
    assert known(folded_anew(without_bytes(world))) == known(world.ledger)
    assert world.ledger.standing.state.tally == {}


def test_a_leaf_is_over_the_message_or_is_the_message_that_stands_for_a_record(
    world: World,
) -> None:
    id = world.open("nato/o-1", NOTE)
    (left,) = world.ledger.records_of(id)
    raw, entry = world.raws[left.position - 1], entry_of(left)
    named = {left.position: Withheld(record=left, by=99)}
    assert (
        leaf_entry(left.position, raw, named)
        == leaf.entry(left.position - 1, leaf.commit(raw))
        == entry
    )
    assert leaf_entry(left.position, entry, named) == entry
    assert leaf_entry(left.position, entry, {}) == leaf.entry(left.position - 1, leaf.commit(entry))
    assert leaf_entry(
        left.position + 1, entry, {left.position + 1: named[left.position]}
    ) == leaf.entry(left.position, leaf.commit(entry))
    assert standing_in(b"no entry", left.position, named.get) is None


def test_an_erasure_names_what_stands_before_it_alone(world: World) -> None:
    id = world.open("nato/o-1", NOTE)
    act = erasure(world, id)
    later = {**act["records"][0], "position": world.position + 1}
    raw = world.attested({**act, "records": [*act["records"], later]}, *BOTH).raw
    junk = b'{"x":1,"type":"dragoman.erasure.v1"}'
    named = named_in([(1, b"none"), (2, junk), (world.position, raw)])
    assert (
        named.keys() == {act["records"][0]["position"]}
        and named[act["records"][0]["position"]].by == world.position
    )


def test_several_exchanges_go_at_once(world: World) -> None:
    one, other = spoken(world), spoken(world)
    assert set(world.attested(erasure(world, one, other), *BOTH).removed) == {one, other}
    assert known(folded_anew(without_bytes(world))) == known(world.ledger)


def test_entries_of_which_no_erasure_speaks_are_junk(world: World) -> None:
    id = world.open("nato/o-1", NOTE)
    raw = world.raws[-1]
    raws = [*world.raws[:-1], leaf.entry(world.position - 1, leaf.commit(raw))]
    replay = folded_anew(raws)
    assert replay.exchange(id) is None and replay.entries == [world.position]
    assert replay.standing.frontier.root() != world.ledger.standing.frontier.root(), (
        "a signed head is of other leaves"
    )


def test_who_does_not_know_the_erasures_beforehand_takes_entries_for_junk(world: World) -> None:
    world.attested(erasure(world, spoken(world)), *BOTH)
    replay = folded_anew(without_bytes(world), knowing=False)
    assert len(replay.entries) == 6
    assert replay.standing.frontier.root() != world.ledger.standing.frontier.root()


def test_an_erasure_that_is_void_proves_nothing(world: World) -> None:
    id = world.open("nato/o-1", NOTE)
    forged = world.attested(erasure(world, id), "nato/root")
    assert not forged.valid
    at = world.exchange(id).opened.position
    raws = [*world.raws]
    raws[at - 1] = leaf.entry(at - 1, leaf.commit(raws[at - 1]))
    assert folded_anew(raws).unproven == {at: world.position}


def _named(act: dict[str, Any], **changes: Any) -> dict[str, Any]:
    first, *rest = act["records"]
    return {**act, "records": [{**first, **changes}, *rest]}


@pytest.mark.parametrize(
    ("change", "owners"),
    [
        (lambda act: act, ("nato/root",)),
        (lambda act: act, ("china/root",)),
        (lambda act: {**act, "records": act["records"][:-1]}, BOTH),
        (lambda act: {**act, "records": act["records"][1:]}, BOTH),
        (lambda act: {**act, "records": act["records"][::-1]}, BOTH),
        (lambda act: {**act, "records": [*act["records"], act["records"][-1]]}, BOTH),
        (lambda act: _named(act, commit="0" * 64), BOTH),
        (lambda act: _named(act, void=True), BOTH),
        (lambda act: _named(act, type="dragoman.reply.v1"), BOTH),
        (lambda act: _named(act, actor="china/o-1"), BOTH),
        (lambda act: _named(act, time="2026-11-24T12:00:00.000Z"), BOTH),
        (lambda act: _named(act, subject="00000000-0000-7000-8000-000000000000"), BOTH),
    ],
)
def test_every_side_signs_and_every_record_is_named_as_it_is(
    change: Any, owners: tuple[str, ...], world: World
) -> None:
    id = world.open("nato/o-1", NOTE)
    world.keep("china/o-1", {"act": "acknowledgement"}, id)
    refusal = refused(world.attested(change(erasure(world, id)), *owners))
    assert (
        [fault.pointer for fault in refusal.faults] == ["/records"]
        if owners == BOTH
        else refusal.kind == "not-permitted"
    )
    assert world.ledger.exchange(id) is not None


def test_what_others_rest_on_stays(world: World) -> None:
    office = {"act": "liaison-office", "side": "nato", "seat": "Geneva", "status": "proposed"}
    opened = world.keep("nato/h-1", office)
    assert isinstance(opened, Folded) and opened.record is not None, opened
    place = {"text": "Border area"}
    request = {
        "act": "explanation-request",
        "cause": "Forces",
        "type": "concentration",
        "place": place,
        "questions": ["What is it?"],
    }
    asked = world.open("nato/h-1", request)
    for id in (opened.record.envelope.id, asked):
        (fault,) = refused(world.attested(erasure(world, id), *BOTH)).faults
        assert fault.pointer == "/records" and "it stays" in str(fault.detail)
    act = erasure(world, world.registry.id)
    assert (
        refused(world.attested({**act, "records": act["records"][1:]}, *BOTH)).faults[0].pointer
        == "/records"
    )


def test_what_is_gone_is_not_erased_again(world: World) -> None:
    act = erasure(world, spoken(world))
    assert world.attested(act, *BOTH).valid
    assert not world.attested(act, *BOTH).valid


def test_an_administrator_consents_for_a_side(world: World) -> None:
    entry = {
        "act": "officer",
        "officer": "adm-2",
        "office": "hq",
        "roles": ["administrator"],
        "keys": [public_of("china/adm-2")],
    }
    assert world.attested(entry, "china/root", "china/adm-2", actor="china/root").valid
    assert world.attested(
        erasure(world, world.open("nato/o-1", NOTE)), "nato/root", "china/adm-2"
    ).valid


# Consents


def consent(world: World, *exchanges: str) -> dict[str, Any]:
    return {**erasure(world, *exchanges), "act": "erasure-consent"}


def consents(world: World) -> list[tuple[tuple[str, ...], dict[str, str]]]:
    return [
        (each.exchanges, {side: stamp.by for side, stamp in each.sides.items()})
        for each in world.registry.consents
    ]


@pytest.fixture
def trial() -> World:
    return World(custody="host")


def test_in_a_trial_nothing_is_erased_without_every_sides_recorded_consent(trial: World) -> None:
    id = spoken(trial)
    signed = trial.attested(erasure(trial, id), *BOTH)
    assert (
        signed.refusal is not None
        and "china has not consented to the erasure of just these records"
        in str(signed.refusal.detail)
    )
    assert "china has not consented" in str(
        refused(trial.attested(erasure(trial, id), "nato/root")).detail
    ), "nor without its signature"
    assert trial.attested(consent(trial, id), "china/root", actor="china/root").valid
    assert consents(trial) == [((id,), {"china": "china/root"})]
    assert not trial.attested(erasure(trial, id), "nato/root").valid, (
        "the host signs for a side that consented, and its signature is asked for"
    )
    other = spoken(trial)
    assert trial.attested(consent(trial, other), "china/root", actor="china/root").valid
    assert trial.attested(erasure(trial, id), *BOTH).removed == (id,)
    assert consents(trial) == [((other,), {"china": "china/root"})], (
        "what was carried out waits for nobody"
    )


def test_a_consent_is_to_just_these_records(trial: World) -> None:
    id, other = spoken(trial), trial.open("nato/o-1", NOTE)
    assert trial.attested(consent(trial, id, other), "china/root", actor="china/root").valid
    assert not trial.attested(erasure(trial, id), *BOTH).valid, (
        "to both exchanges, not to one of them"
    )
    trial.keep("china/o-1", {"act": "acknowledgement"}, other)
    assert not trial.attested(erasure(trial, id, other), *BOTH).valid, "something was said since"
    assert trial.attested(consent(trial, id, other), "nato/root").valid
    assert consents(trial) == [
        ((id, other), {"china": "china/root"}),
        ((id, other), {"nato": "nato/root"}),
    ]
    assert trial.attested(consent(trial, id, other), "china/root", actor="china/root").valid
    assert consents(trial) == [((id, other), {"nato": "nato/root", "china": "china/root"})], (
        "a side has one word on an exchange"
    )
    assert trial.attested(erasure(trial, id, other), *BOTH).removed == (id, other)
    assert consents(trial) == []


def test_a_consent_names_whole_exchanges_once_and_comes_from_an_administrator(world: World) -> None:
    id = spoken(world)
    less = consent(world, id)
    less["records"] = less["records"][:-1]
    assert "name every record" in str(refused(world.attested(less, "nato/root")).faults[0].detail)
    assert world.attested(consent(world, id), "nato/root").valid
    again = refused(world.attested(consent(world, id), "nato/root"))
    assert "has consented to this already" in str(again.faults[0].detail)
    assert (
        refused(world.attested(consent(world, id), "nato/o-1", actor="nato/o-1")).kind
        == "not-permitted"
    )


def test_where_the_sides_keep_their_keys_an_erasure_takes_their_signatures_consented_or_not(
    world: World,
) -> None:
    id, other = spoken(world), spoken(world)
    for side in ("nato", "china"):
        assert world.attested(consent(world, id), f"{side}/root", actor=f"{side}/root").valid
    assert consents(world) == [((id,), {"nato": "nato/root", "china": "china/root"})]
    assert "china has not signed" in str(
        refused(world.attested(erasure(world, id), "nato/root")).detail
    )
    assert world.attested(erasure(world, other), *BOTH).removed == (other,), (
        "consents are no condition"
    )
    assert world.attested(erasure(world, id), *BOTH).removed == (id,) and consents(world) == []


def test_a_consent_rests_on_the_channel_as_it_stood(world: World) -> None:
    id = spoken(world)
    before = world.registry.etag
    body = consent(world, id)
    world.keep("nato/d-1", {"act": "watch-assumption"})
    assert before != world.registry.etag
    assert refused(world.attested(body, "nato/root", after=before)).kind == "moved"
    assert world.attested(body, "nato/root").valid


def test_the_host_signs_no_word_that_a_side_has_not_read(trial: World) -> None:
    id = spoken(trial)
    assert trial.attested(
        {**consent(trial, id), "reason": "We agree."}, "china/root", actor="china/root"
    ).valid
    said = refused(trial.attested({**erasure(trial, id), "reason": "China admits it."}, *BOTH))
    assert (said.faults[0].pointer, "its reason in its consent" in str(said.why)) == (
        "/reason",
        True,
    )
    assert trial.attested(erasure(trial, id), *BOTH).valid


def test_a_consent_is_taken_back_until_something_has_come_of_it(trial: World) -> None:
    id = spoken(trial)
    back = {**consent(trial, id), "withdrawn": True}
    assert "has not consented to this" in str(
        refused(trial.attested(back, "china/root", actor="china/root")).why
    )
    assert trial.attested(consent(trial, id), "china/root", actor="china/root").valid
    assert "has not consented" in str(refused(trial.attested(back, "nato/root")).why), (
        "nobody takes another side's back"
    )
    assert trial.attested(back, "china/root", actor="china/root").valid and consents(trial) == []
    assert not trial.attested(erasure(trial, id), *BOTH).valid
    assert trial.attested(consent(trial, id), "china/root", actor="china/root").valid
    assert trial.attested(erasure(trial, id), *BOTH).removed == (id,)


def test_a_consent_ends_with_the_office_of_who_gave_it_and_another_gives_it_anew(
    trial: World,
) -> None:
    id = spoken(trial)
    for name in ("adm-7", "adm-8"):
        entry = {
            "act": "officer",
            "officer": name,
            "office": "hq",
            "roles": ["administrator"],
            "keys": [public_of(f"china/{name}")],
        }
        assert trial.attested(entry, "china/root", f"china/{name}", actor="china/root").valid
    assert trial.attested(consent(trial, id), "china/adm-7", actor="china/adm-7").valid
    assert "has consented to this already" in str(
        refused(trial.attested(consent(trial, id), "china/adm-8", actor="china/adm-8")).why
    )
    assert trial.attested(
        {"act": "officer-revocation", "officer": "adm-7"}, "china/root", actor="china/root"
    ).valid
    assert "china has not consented" in str(
        refused(trial.attested(erasure(trial, id), *BOTH)).detail
    )
    assert trial.attested(consent(trial, id), "china/adm-8", actor="china/adm-8").valid
    revoked = {
        "act": "key-revocation",
        "key": dsse.key_id(dsse.decode_base64(public_of("china/adm-8"), 32) or b""),
    }
    assert trial.attested(revoked, "china/root", actor="china/root").valid
    assert not trial.attested(erasure(trial, id), *BOTH).valid, (
        "and with the last key of who gave it"
    )
    assert trial.attested(consent(trial, id), "china/root", actor="china/root").valid
    assert trial.attested(erasure(trial, id), *BOTH).removed == (id,)


def test_a_sides_consents_do_not_grow_without_end(world: World) -> None:
    ids = [world.open("nato/o-1", NOTE) for _ in range(CONSENTED_EXCHANGES + 1)]
    assert world.attested(consent(world, *ids[:3]), "nato/root").valid
    assert world.attested(consent(world, *ids[1:]), "nato/root").valid
    assert [len(each.exchanges) for each in world.registry.consents] == [CONSENTED_EXCHANGES], (
        "the first shared an exchange with it"
    )
    assert "100 exchanges wait for the other sides" in str(
        refused(world.attested(consent(world, ids[0]), "nato/root")).why
    )
    assert world.attested(consent(world, ids[0]), "china/root", actor="china/root").valid
    assert world.attested({**consent(world, *ids[1:]), "withdrawn": True}, "nato/root").valid
    assert world.attested(consent(world, ids[0]), "nato/root").valid
    assert consents(world) == [((ids[0],), {"china": "china/root", "nato": "nato/root"})]


def test_what_can_never_be_erased_is_refused_before_it_is_counted(world: World) -> None:
    body = consent(world, spoken(world))
    genesis = {**body["records"][0], "subject": world.registry.id}
    for records in ([genesis], [genesis, *body["records"]]):
        assert "there is no exchange" in str(
            refused(world.attested({**body, "records": records}, "nato/root")).why
        )


def test_who_is_refused_is_told_which_member_of_which_side_in_any_language(trial: World) -> None:
    id = spoken(trial)
    told = trial.attested(erasure(trial, id), *BOTH).refusal
    assert (
        told is not None
        and told.kind == "not-permitted"
        and words("fr").sentence(told.detail).startswith("CHINA n’a pas consenti")
    )
    back = refused(trial.attested({**consent(trial, id), "withdrawn": True}, "nato/root"))
    assert [(each.pointer, words("fr").sentence(each.detail)) for each in back.faults] == [
        ("/withdrawn", "NATO n’y a pas consenti")
    ]
    given = trial.attested(consent(trial, id), "nato/root")
    again = refused(trial.attested(consent(trial, id), "nato/root"))
    assert [(each.pointer, words("fr").sentence(each.detail)) for each in again.faults] == [
        ("/records", "NATO y a déjà consenti")
    ]
    assert names_records(given.raw) and not names_records(trial.raws[0])
    ids = [trial.open("nato/o-1", NOTE) for _ in range(CONSENTED_EXCHANGES)]
    many = refused(trial.attested(consent(trial, *ids), "nato/root"))
    assert [each.pointer for each in many.faults] == [
        "/records"
    ] and f"{CONSENTED_EXCHANGES} exchanges wait" in str(many.why)


def test_what_a_consent_is_to_is_a_hash_that_anybody_can_make(world: World) -> None:
    ids = [world.open("nato/o-1", NOTE) for _ in range(2)]
    body = erasure(world, *ids)
    lines = "".join(f"{each['position']} {each['commit']}\n" for each in body["records"])
    (_, data) = read_act(compact(body), cut=False)
    assert isinstance(data, Erasure) and len(data.records) == 2
    assert hash_of(data) == hashlib.sha256(b"dragoman-erasure/v1\n" + lines.encode()).hexdigest()

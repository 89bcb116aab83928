"""The notifier records the delivery of a message that was said to a side, once for each means and
outcome. Nothing rests on such a record.
"""

import pytest
from msgspec.structs import replace

from dragoman.domain.acts.families import delivery_outcomes
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.record.codec import Record
from dragoman_schemas.acts.office.watch import CourierOutcome
from services_ids import outcome_id
from world import SALT, World, refused

AT = "2026-11-24T12:00:05.000Z"


def outcome(
    world: World,
    exchange: str,
    outcome: CourierOutcome,
    *,
    id: str = "",
    act: bytes = b"",
    actor: str = delivery_outcomes.ACTOR,
) -> Record:
    """The record that a courier would write."""
    raw = act or delivery_outcomes.act_of(outcome)
    envelope = records.envelope(
        id=id or outcome_id(world.name, outcome), source="/services/courier", name="courier-outcome", version=1, subject=exchange,
        time=world.tick(), channel=world.name, family=world.exchange(exchange).family, actor=actor, decided=world.position, salt=SALT,
    )  # fmt: skip
    return records.assemble(envelope, raw, records.decode_act(raw))


def test_an_outcome_stands_among_the_acts_and_moves_nothing(world: World) -> None:
    id = world.open("nato/o-1", {"act": "contact-note", "form": "conversation", "text": "x"})
    before = world.exchange(id)
    told = CourierOutcome(side="china", means="webhook", of=id, outcome="failed", at=AT)
    assert world.take(outcome(world, id, told)).valid
    later = CourierOutcome(side="china", means="webhook", of=id, outcome="delivered", at=AT)
    assert world.take(outcome(world, id, later)).valid
    after = world.exchange(id)
    assert (after.status, after.etag, after.messages) == (
        before.status,
        before.etag,
        before.messages,
    )
    assert [bytes(each.content["outcome"]) for each in after.acts["courier-outcome"]] == [
        b'"failed"',
        b'"delivered"',
    ]


@pytest.mark.parametrize(
    "change",
    [{"side": "nato"}, {"side": "osce"}, {"of": "0192f3a4-5b6c-7d8e-8f90-a1b2c3d4e5f8"}],
)
def test_what_was_not_said_to_a_side_was_not_brought_to_it(
    world: World, change: dict[str, str]
) -> None:
    id = world.open("nato/o-1", {"act": "contact-note", "form": "conversation", "text": "x"})
    told = replace(
        CourierOutcome(side="china", means="e-mail", of=id, outcome="delivered", at=AT), **change
    )
    taken = world.take(outcome(world, id, told))
    assert not taken.valid and taken.refusal is not None and taken.refusal.kind == "void"


def test_who_is_told_for_information_is_told_as_well() -> None:
    world = World(sides=("nato", "china", "osce"))
    id = world.open(
        "nato/o-1",
        {
            "act": "contact-note",
            "form": "conversation",
            "text": "x",
            "to": ["china"],
            "info": ["osce"],
        },
    )
    told = CourierOutcome(side="osce", means="webhook", of=id, outcome="delivered", at=AT)
    assert world.take(outcome(world, id, told)).valid


def test_the_bytes_and_the_id_are_determined(world: World) -> None:
    id = world.open("nato/o-1", {"act": "contact-note", "form": "conversation", "text": "x"})
    told = CourierOutcome(side="china", means="webhook", of=id, outcome="delivered", at=AT)
    assert delivery_outcomes.ACTOR == "service/courier"
    assert delivery_outcomes.act_of(told).startswith(
        b'{"act":"courier-outcome","side":"china","means":"webhook","of":"'
    )
    ids = {outcome_id("nato-china", told)}
    for change in (
        {"means": "e-mail"},
        {"outcome": "failed"},
        {"side": "osce"},
        {"of": "0192f3a4-5b6c-7d8e-8f90-a1b2c3d4e5f8"},
    ):
        ids.add(outcome_id("nato-china", replace(told, **change)))
    assert len(ids) == 5
    assert outcome_id("nato-china", told) == outcome_id(
        "nato-china", replace(told, at="2027-01-01T00:00:00.000Z")
    )
    for spoilt in (
        outcome(world, id, told, id="0192f3a4-5b6c-7d8e-8f90-a1b2c3d4e5f8"),
        outcome(
            world,
            id,
            told,
            act=delivery_outcomes.act_of(told)
            .replace(b'"act":"courier-outcome",', b"")
            .replace(b"}", b',"act":"courier-outcome"}'),
        ),
    ):
        taken = world.take(spoilt)
        assert not taken.valid and taken.refusal is not None
        assert taken.refusal.kind == "void" and "determine" in str(taken.refusal.detail)


@pytest.mark.parametrize(
    "actor", ["nato/o-1", "china/d-1", "nato/root", "service/watch", "service/gateway"]
)
def test_nobody_but_the_courier_records_an_outcome(world: World, actor: str) -> None:
    id = world.open("nato/o-1", {"act": "contact-note", "form": "conversation", "text": "x"})
    act = {
        "act": "courier-outcome",
        "side": "china",
        "means": "webhook",
        "of": id,
        "outcome": "delivered",
        "at": AT,
    }
    assert refused(world.keep(actor, act, id)).kind == "not-permitted"


def test_an_outcome_may_come_after_the_end(world: World) -> None:
    id = world.open("nato/o-1", {"act": "contact-note", "form": "conversation", "text": "x"})
    assert isinstance(world.keep("nato/o-1", {"act": "closure"}, id, seen=True), Folded)
    told = CourierOutcome(side="china", means="e-mail", of=id, outcome="delivered", at=AT)
    assert world.take(outcome(world, id, told)).valid

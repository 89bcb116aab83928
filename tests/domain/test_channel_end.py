"""A channel that all sides end: nothing more is said or owed, and erasures stay possible."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from dragoman.domain.acts import deadline_outcomes, deadlines, line_checks
from dragoman.domain.views.offers import allowed
from dragoman.domain.views.open_matters import open_matter
from dragoman_schemas.acts.office.channel import Successor
from world import INCIDENT, NOTE, World, public_of, refused

BOTH = ("nato/root", "china/root")
END: dict[str, Any] = {"act": "channel-end", "reason": {"en": "We go on elsewhere."}}
ON = {"successor": {"name": "nato-china-2", "cid": "ab" * 32}}
LATER = datetime(2026, 12, 24, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    """A channel with limits and line checks."""
    world = World()
    checks = {"at": ["06:00"], "zone": "UTC", "sent_by": "nato"}
    for side in world.sides:
        world.keep(
            f"{side}/root", {"act": "profile-adoption", "profile": "default", "line_check": checks}
        )
    return world


def test_all_sides_end_a_channel_and_say_where_they_go_on(world: World) -> None:
    assert world.attested({**END, **ON}, *BOTH).valid
    ended = world.registry.ended
    assert ended is not None and (ended.said.position, ended.said.by) == (
        world.position,
        "nato/root",
    )
    assert bytes(ended.reason) == b'{"en":"We go on elsewhere."}'
    assert ended.successor == Successor(name="nato-china-2", cid="ab" * 32)


@pytest.mark.parametrize("signer", BOTH)
def test_an_end_that_one_side_signed_is_void(signer: str, world: World) -> None:
    assert not world.attested(END, signer).valid
    assert world.registry.ended is None


def test_a_channel_is_not_its_own_successor(world: World) -> None:
    own = {"name": "next", "cid": world.registry.cid}
    refusal = refused(world.attested({**END, "successor": own}, *BOTH))
    assert [fault.pointer for fault in refusal.faults] == ["/successor/cid"]


def test_an_observer_need_not_sign() -> None:
    world = World()
    entering = {
        "name": "osce",
        "roots": [public_of("osce/root")],
        "threshold": 1,
        "observer": True,
    }
    assert world.attested({"act": "side-admission", "side": entering}, *BOTH, "osce/root").valid
    assert world.attested(END, *BOTH).valid


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (ON, "All sides ended the channel; go on in nato-china-2."),
        ({}, "All sides ended the channel; nothing more can be said in it."),
    ],
)
def test_every_further_act_is_refused_with_the_name_of_the_successor(
    more: dict[str, Any], sentence: str, world: World
) -> None:
    id = world.open("china/o-1", NOTE)
    assert world.attested({**END, **more}, *BOTH).valid
    posts: list[tuple[str, dict[str, Any], str]] = [
        ("nato/o-1", NOTE, ""),
        ("nato/o-1", {"act": "acknowledgement", "of": id}, id),
        ("nato/d-1", {"act": "watch-assumption"}, ""),
        ("nato/root", {"act": "codebook-adoption", "codebook": "starter", "version": 1}, ""),
        ("service/gateway", {"act": "delivery", "side": "nato", "upto": world.position - 1}, ""),
        (
            "service/gateway",
            {
                "act": "broker-outage",
                "from": "2026-11-24T11:00Z",
                "to": "2026-11-24T11:01Z",
                "cause": "broker",
            },
            "",
        ),
    ]
    for actor, act, exchange in posts:
        refusal = refused(world.keep(actor, act, exchange))
        assert (refusal.kind, str(refusal.detail)) == ("not-allowed-in-state", sentence), act
    assert str(refused(world.attested(END, *BOTH)).detail) == sentence


def test_the_sides_still_erase_and_keep_their_officers_and_keys(world: World) -> None:
    id = world.open("china/o-1", NOTE)
    assert world.attested(END, *BOTH).valid
    entry = {"act": "officer", "officer": "o-9", "office": "hq", "roles": ["auditor"]}
    added = [public_of("nato/o-9")]
    for act, *more in (
        (entry,),
        ({"act": "key-addition", "officer": "o-9", "keys": added}, "nato/o-9"),
        ({"act": "officer-revocation", "officer": "o-1"},),
        ({"act": "root-rotation", "roots": [public_of("nato/root-2")]}, "nato/root-2"),
    ):
        folded = world.attested(act, "nato/root", *more)
        assert folded.valid, folded.refusal
    records = [msgspec.to_builtins(record) for record in world.ledger.records_of(id)]
    erased = world.attested(
        {"act": "erasure", "records": records}, "nato/root", "nato/root-2", "china/root"
    )
    assert not erased.valid, "the first root was replaced"
    assert world.attested({"act": "erasure", "records": records}, "nato/root-2", "china/root").valid
    assert id in world.registry.erased


def test_nothing_is_owed_any_more_and_what_was_late_stays_late(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    before = deadlines.deadlines_of(world.registry, world.exchange(id), {})
    assert {clock.open for clock in before} == {True}
    assert line_checks.schedule_of(world.registry) is not None
    world.clock = max(clock.due for clock in before if clock.clock == "acknowledgement")
    assert world.attested(END, *BOTH).valid
    registry, exchange = world.registry, world.exchange(id)
    assert registry.ended is not None
    after = deadlines.deadlines_of(registry, exchange, {})
    assert {clock.ended for clock in after} == {registry.ended.said}
    outcomes = {
        clock.clock: outcome
        for clock, outcome in deadline_outcomes.outcomes(registry, exchange, {}, LATER)
    }
    assert outcomes["acknowledgement"] == "unmet"
    assert outcomes["final_report"] == "ended"
    assert deadlines.open_deadlines(registry, exchange, {}) == []
    assert open_matter(registry, exchange, {}) is None
    assert list(allowed(registry, exchange, "china")) == []
    assert line_checks.schedule_of(registry) is None

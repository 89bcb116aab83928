"""Tests of the messages for which a receipt is owed. An answer acknowledges the message that it
answers. No receipt is owed for a message that was answered and closed by its opener.
"""

from datetime import timedelta
from typing import Any

import pytest

from dragoman.domain.acts import deadlines
from dragoman.domain.acts.deadlines import Deadline
from dragoman.domain.acts.families.exchange import owes_acknowledgement
from dragoman.domain.fold import Folded
from dragoman.domain.views import alarms, receipts
from dragoman.domain.views.open_matters import open_matter
from samples import act
from world import INCIDENT, World, refused

N, ND, C, CD = "nato/o-1", "nato/d-1", "china/o-1", "china/d-1"


def said(world: World, id: str, actor: str, body: dict[str, Any]) -> None:
    assert isinstance(
        world.keep(actor, body, id, seen=body["act"] in ("closure", "assessment")), Folded
    ), body


def owed(world: World, id: str) -> list[tuple[str, str]]:
    running: list[Deadline] = list(deadlines.deadlines_of(world.registry, world.exchange(id), {}))
    return [
        (each.clock, each.side) for each in running if each.open and each.clock == "acknowledgement"
    ]


@pytest.mark.parametrize(
    ("opening", "steps"),
    [
        (
            act("explanation-request"),
            [(C, act("reply")), ("nato/h-1", act("assessment", result="satisfied"))],
        ),
        (act("emergency-notification"), [(C, act("help-offer")), (ND, act("help-acceptance"))]),
        (act("emergency-notification"), [(C, act("help-offer")), (ND, {"act": "help-delivery"})]),
    ],
    ids=["assessment", "help-acceptance", "help-delivery"],
)
def test_an_answering_act_acknowledges_what_it_answers(
    opening: dict[str, Any], steps: list[tuple[str, dict[str, Any]]]
) -> None:
    world = World()
    opener = "nato/h-1" if opening["act"] == "explanation-request" else ND
    id = world.open(opener, opening)
    for actor, step in steps:
        said(world, id, actor, step)
    assert owes_acknowledgement(world.exchange(id)) == {"china"}, (
        "the newest word is China's to acknowledge, and nothing is NATO's"
    )


def test_what_was_answered_and_is_closed_by_its_opener_waits_for_nobody() -> None:
    world = World()
    id = world.open(ND, {**INCIDENT, "precedence": "flash"})
    said(world, id, CD, {"act": "reply", "text": "We have it."})
    said(world, id, ND, {"act": "update", "text": "All are safe."})
    exchange = world.exchange(id)
    now = world.clock + timedelta(hours=1)
    assert {side for _, side in owed(world, id)} == {"nato", "china"}
    assert {each.side for each in alarms.escalations(world.registry, exchange, now)} == {
        "nato",
        "china",
    }
    world.close(id)
    exchange = world.exchange(id)
    assert owed(world, id) == []
    assert owes_acknowledgement(exchange) == set()
    assert list(alarms.escalations(world.registry, exchange, now)) == []
    assert open_matter(world.registry, exchange, {}) is None
    newest = exchange.messages[-1]
    assert not receipts.receipts_of(world.registry, exchange, newest, "china", "").owes
    assert receipts.receipts_of(world.registry, exchange, exchange.messages[0], "china", "").owes, (
        "a receipt that was given was owed"
    )
    said(world, id, CD, {"act": "acknowledgement"})  # may still be given


@pytest.mark.parametrize(
    "end",
    [
        [(ND, {"act": "closure"})],
        [(CD, {"act": "reply", "text": "Yes."}), (CD, {"act": "closure"})],
    ],
)
def test_what_is_not_answered_or_not_closed_by_its_opener_is_still_to_be_acknowledged(
    end: list[tuple[str, dict[str, Any]]],
) -> None:
    world = World()
    id = world.open(ND, INCIDENT)
    said(world, id, ND, {"act": "update", "text": "One is damaged."})
    for actor, body in end:
        said(world, id, actor, body)
    if end[0][0] == CD:
        said(world, id, ND, {"act": "update", "text": "It sank."})
    assert "china" in owes_acknowledgement(world.exchange(id))


def test_what_was_cancelled_is_still_to_be_acknowledged() -> None:
    world = World()
    id = world.open(ND, INCIDENT)
    assert isinstance(
        world.keep(ND, {"act": "cancellation", "reason": "Sent in error."}, id, seen=True), Folded
    )
    assert owes_acknowledgement(world.exchange(id)) == {"china"}


def test_what_was_said_by_voice_before_waits_for_nobody() -> None:
    world = World()
    passed = {"means": "voice", "at": "2026-11-24T03:00Z", "to_post": "duty officer"}
    id = world.open(ND, {**INCIDENT, "passed_by": passed})
    assert owes_acknowledgement(world.exchange(id)) == set()


# Help


def test_help_is_offered_to_others_and_taken_or_given_only_where_it_was_offered() -> None:
    world = World()
    id = world.open(ND, act("emergency-notification"))
    for actor, body, words in (
        (ND, {"act": "help-offer", "text": "Two ships."}, "help to itself"),
        (ND, {"act": "help-acceptance"}, "no other side has offered help"),
        (CD, {"act": "help-delivery"}, "nobody has offered help"),
    ):
        assert words in str(refused(world.keep(actor, body, id)).faults[0].detail)
    said(world, id, CD, {"act": "help-offer", "text": "Two ships."})
    assert "no other side" in str(
        refused(world.keep(CD, {"act": "help-acceptance"}, id)).faults[0].detail
    ), "its own offer is not its to take"
    said(world, id, ND, {"act": "help-acceptance"})
    said(world, id, CD, {"act": "help-delivery"})
    said(world, id, CD, {"act": "help-request", "text": "A doctor."})
    said(world, id, ND, {"act": "help-offer", "text": "A doctor."})

"""The receiver of a warning says what came of it, while the warning is live and after its end."""

import pytest

from samples import act
from world import World, refused

OUTCOME = act("warning-outcome")


def warned() -> tuple[World, str]:
    world = World()
    return world, world.open("nato/o-1", act("terrorism-warning"))


@pytest.mark.parametrize("end", ["", "closure", "cancellation"])
def test_the_receiver_says_what_came_of_a_warning_also_after_its_end(end: str) -> None:
    world, id = warned()
    if end:
        world.keep("nato/o-1", act(end), id, seen=True)
    status = world.exchange(id).status
    world.keep("china/o-1", OUTCOME, id)
    exchange = world.exchange(id)
    (said,) = exchange.acts["warning-outcome"]
    assert (said.said.side, bytes(said.content["result"])) == ("china", b'"arrests"')
    assert exchange.status == status


def test_an_outcome_is_no_answer_and_the_sender_has_none_to_say() -> None:
    world, id = warned()
    world.keep("china/o-1", OUTCOME, id)
    assert "china" not in world.exchange(id).messages[0].answered
    assert "china" in world.exchange(id).messages[0].acknowledged
    assert refused(world.decide("nato/o-1", OUTCOME, id)).kind == "not-permitted"


def test_another_outcome_has_words_and_none_is_of_the_future() -> None:
    world, id = warned()
    refusal = refused(world.decide("china/o-1", OUTCOME | {"result": "other"}, id))
    assert refusal.faults[0].pointer == "/result_text"
    refusal = refused(world.decide("china/o-1", OUTCOME | {"as_of": "2030-01-01T00:00Z"}, id))
    assert refusal.faults[0].pointer == "/as_of"

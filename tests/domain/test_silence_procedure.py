"""A draft goes round on a side's own desk: whoever is silent until its time agrees."""

from datetime import timedelta

from dragoman.domain.acts import deadlines
from dragoman.domain.acts.deadline_builder import Deadline
from dragoman.domain.fold import Folded
from dragoman.domain.views.flags import flags
from dragoman.domain.views.open_matters import may_be_open, open_matter
from dragoman.i18n.words import NBSP, words
from owing import ND, NH, N, at, fault, lapse, post
from samples import act
from world import World, refused

DRAFT = act("silence-procedure")


def desk() -> World:
    return World(sides=("nato",), name="nato-desk", kind="desk")


def limits(world: World, id: str) -> list[Deadline]:
    return deadlines.open_deadlines(world.registry, world.exchange(id), {})


def is_listed(world: World, id: str) -> bool:
    """Return whether a board lists the draft among the open matters."""
    return open_matter(world.registry, world.exchange(id), {}) is not None


def said(world: World, id: str) -> str:
    """Return the note on the page of the draft; empty for none."""
    found = flags(world.registry, world.exchange(id), (), None)
    return "".join(words("en").sentence(each.detail) for each in found).replace(NBSP, " ")


def test_a_draft_to_which_nobody_objects_is_adopted_at_its_time_and_not_before() -> None:
    world = desk()
    id = world.open(N, DRAFT)
    (limit,) = limits(world, id)
    assert (limit.clock, limit.due) == ("silence", at(DRAFT["until"]))
    assert may_be_open(world.exchange(id)), "a service that begins asks what may be open"
    assert is_listed(world, id) and said(world, id).endswith("silence agrees at 26 Nov 2026 12:00Z")
    refused(lapse(world, id, limit))
    world.clock = limit.due + timedelta(seconds=1)
    folded = lapse(world, id, limit)
    assert isinstance(folded, Folded) and folded.valid
    assert world.exchange(id).status == "adopted"
    assert limits(world, id) == []
    assert not may_be_open(world.exchange(id)) and not is_listed(world, id)
    assert "none of them objected" in said(world, id)
    assert fault(world, NH, act("silence-break"), id) == "not-allowed-in-state"


def test_one_objection_breaks_the_silence_and_its_time_adopts_nothing() -> None:
    world = desk()
    id = world.open(N, DRAFT)
    post(world, NH, act("silence-break"), id)
    assert (world.exchange(id).status, limits(world, id)) == ("broken", [])
    assert not is_listed(world, id) and not said(world, id)


def test_nobody_objects_to_whom_the_draft_did_not_go() -> None:
    world = desk()
    id = world.open(N, DRAFT)
    assert fault(world, ND, act("silence-break"), id) == "/act"


def test_a_draft_goes_to_officers_of_the_side_and_gives_them_time() -> None:
    world = desk()
    assert fault(world, N, DRAFT | {"officers": ["nobody"]}) == "/officers/0"
    assert fault(world, N, DRAFT | {"until": "2020-01-01T00:00Z"}) == "/until"

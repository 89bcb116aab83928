"""Transmittals: each side's answer to each recommendation, and fates by side."""

import hashlib
import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from dragoman.domain.acts.families import dialogue, release, transmittal
from dragoman.domain.fold import Folded
from dragoman.domain.views.transmittals import recommendations
from dragoman_schemas.profiles import DAY
from owing import THREE, C, N, T, at, bound, clocks, fault, lapse, limit, post, written
from samples import act
from world import World, compact

NOTED = {"act": "recommendation-answer", "answer": "noted"}
DECLINED = NOTED | {"answer": "declined"}
TAKEN_UP = NOTED | {"answer": "taken_up", "taken_up_as": "A programme"}
FIVE = [{"text": f"Recommendation {number}"} for number in range(1, 6)]


def handed(world: World, count: int = 5, **changes: Any) -> str:
    """Hand recommendations over."""
    return world.open(N, act("transmittal", recommendations=FIVE[:count]) | changes)


def answer(world: World, id: str, q: int, body: dict[str, Any] = NOTED, actor: str = C) -> str:
    """Answer a recommendation, and return the status after it."""
    post(world, actor, body | {"q": q}, id)
    return world.exchange(id).status


def test_it_is_answered_once_every_side_has_answered_everything() -> None:
    world = bound(sides=THREE)
    id = handed(world, 2)
    assert [answer(world, id, q) for q in (2, 1)] == ["transmitted", "transmitted"]
    owed = clocks(world, id)
    assert [owed["transmittal_answer", side].open for side in ("china", "osce")] == [False, True]
    assert answer(world, id, 1, actor=T) == "transmitted"
    assert answer(world, id, 1, TAKEN_UP, T) == "transmitted", "the same again is no other one"
    assert answer(world, id, 2, actor=T) == "answered"
    assert not clocks(world, id)["transmittal_answer", "osce"].open
    assert answer(world, id, 2, DECLINED, T) == "answered"


def test_the_newest_answer_of_a_side_counts_and_stands_beside_the_others() -> None:
    world = World(sides=THREE)
    id = handed(world, 2)
    for body, actor in ((NOTED, C), (DECLINED, T), (TAKEN_UP, C)):
        answer(world, id, 1, body, actor)
    rows = recommendations(world.exchange(id), world.sides, at("2026-11-30T12:00Z"))
    assert [(item.side, item.answer, item.taken_up_as) for item in rows[0].answers] == [
        ("china", "taken_up", "A programme"),
        ("osce", "declined", ""),
    ]
    assert [(item.side, item.answer, item.silent_days) for item in rows[1].answers] == [
        ("china", "", 5),
        ("osce", "", 5),
    ]


def test_the_side_that_handed_them_over_answers_too_and_is_not_waited_for() -> None:
    world = World(sides=THREE)
    id = handed(world, 1)
    assert answer(world, id, 1, TAKEN_UP, N) == "transmitted"
    for actor in (C, T):
        answer(world, id, 1, NOTED, actor)
    assert world.exchange(id).status == "answered"
    (row,) = recommendations(world.exchange(id), world.sides, at("2026-11-30T12:00Z"))
    assert [(item.side, item.answer) for item in row.answers] == [
        ("nato", "taken_up"),
        ("china", "noted"),
        ("osce", "noted"),
    ]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (NOTED | {"q": 6}, "/q"),
        (NOTED | {"q": 0}, "/q"),
        (NOTED | {"q": 1.0}, "/q"),
        (NOTED | {"q": 1, "taken_up_as": "A programme"}, "/taken_up_as"),
        (DECLINED | {"q": 1, "taken_up_as": "A programme"}, "/taken_up_as"),
        (NOTED | {"q": 1, "answer": "taken_up"}, "/taken_up_as"),
        (NOTED | {"q": 1, "answer": "endorsed"}, "/answer"),
    ],
)
def test_an_answer_names_one_of_the_recommendations_and_as_what_it_is_taken_up(
    body: dict[str, Any], pointer: str, world: World
) -> None:
    assert fault(world, C, body, handed(world)) == pointer


def test_a_side_that_only_reads_does_not_answer() -> None:
    world = bound(sides=THREE)
    id = handed(world, 1, to=["china"], info=["osce"])
    assert fault(world, T, NOTED | {"q": 1}, id) == "not-permitted"
    assert ("transmittal_answer", "osce") not in clocks(world, id)
    assert answer(world, id, 1) == "answered"


@pytest.mark.parametrize(("kind", "fits"), [("official", True), ("track2", False)])
def test_it_is_handed_over_in_an_official_channel(kind: str, fits: bool) -> None:
    world = World(kind=kind, name="talks")
    if fits:
        handed(world)
    else:
        assert fault(world, N, act("transmittal")) == "/act"


def test_it_is_answered_within_ninety_days_or_lapses_for_the_side_that_is_silent() -> None:
    world = bound(sides=THREE)
    id = handed(world, 2)
    for q in (1, 2):
        answer(world, id, q)
    answer(world, id, 1, actor=T)
    clock = clocks(world, id)["transmittal_answer", "osce"]
    assert limit(clock) == 90 * DAY
    world.clock = clock.due
    assert isinstance(lapse(world, id, clock), Folded)
    done = clocks(world, id)["transmittal_answer", "china"]
    assert not isinstance(lapse(world, id, done), Folded)
    answer(world, id, 2, actor=T)
    assert clocks(world, id)["transmittal_answer", "osce"].late(world.clock)


def test_a_reply_is_no_answer_to_a_recommendation() -> None:
    world = bound()
    id = handed(world, 1)
    post(world, C, {"act": "reply", "text": "Thank you."}, id)
    assert clocks(world, id)["transmittal_answer", "china"].open


def test_recommendations_that_were_answered_are_not_rewritten() -> None:
    world = bound()
    id = handed(world)
    fields = {"recommendations": [{"text": "Withdraw all ships."}]}
    body = {"act": "correction", "reason": "A slip.", "fields": {"recommendations": FIVE[:4]}}
    post(world, N, body, id, seen=True)
    answer(world, id, 4, TAKEN_UP)
    for body in (
        {"act": "correction", "reason": "A slip.", "fields": fields},
        {"act": "update", "fields": fields},
    ):
        assert fault(world, N, body, id, seen=True) == "/fields/recommendations"
    assert transmittal.count_of(world.exchange(id)) == 4


def test_whatever_the_order_of_the_answers_it_is_answered_by_the_last_that_was_missing() -> None:
    chance = random.Random(23)
    for _ in range(20):
        world = bound(sides=THREE)
        id = handed(world, 3)
        todo = [(side, q) for side in ("china", "osce") for q in (1, 2, 3)]
        missing = {*todo}
        while missing:
            side, q = chance.choice(todo)
            missing.discard((side, q))
            body = chance.choice((NOTED, DECLINED, TAKEN_UP))
            status = answer(world, id, q, body, f"{side}/o-1")
            assert status == ("transmitted" if missing else "answered")
            owed = clocks(world, id)
            for name in ("china", "osce"):
                is_silent = any(name == silent for silent, _ in missing)
                assert owed["transmittal_answer", name].open is is_silent


def test_one_that_was_answered_is_not_taken_back(world: World) -> None:
    id = handed(world, 1)
    body = {"act": "cancellation", "reason": "Another bundle."}
    other = handed(world, 1)
    post(world, N, body, other, seen=True)
    answer(world, id, 1)
    assert fault(world, N, body, id, seen=True) == "not-allowed-in-state"
    post(world, N, {"act": "closure"}, id, seen=True)


# The bundle


def test_a_release_for_members_is_not_public_however_its_letters_are_written(world: World) -> None:
    note = world.open(N, act("recommendation"))
    (record,) = world.ledger.records_of(note)
    without = ["addressees", "signed", "acting_for", "passed_by"]
    parts = release.extract(compact(act("recommendation")), without)
    item: dict[str, Any] = {"record": record.id, "exchange": note, "commit": record.commit}
    item |= {"without": without, "extract": hashlib.sha256(parts).hexdigest()}
    body = act("release") | {"records": [item], "publish_at": "2026-11-24T12:00Z"}
    raw = msgspec.json.encode(body | {"audience": "members"})
    for number, audience in enumerate((b'"members"', b'"\\u006dembers"'), 1):
        id = f"0192f3a4-5b6c-7d8e-8f90-{number:012x}"
        bundle = raw.replace(b'"members"', audience)
        record_of = written(
            world, N, bundle, id, name="release", version=1, id=id, released_by="nato/d-1"
        )
        folded = world.take(record_of)
        assert folded.valid, folded.refusal
        post(world, C, act("release-consent"), id, seen=True)
        now = world.clock + timedelta(days=1)
        assert release.is_out(world.exchange(id), now)
        assert not release.is_public(world.exchange(id), now)


# Fates by side


def fate(world: World, id: str, result: str, official: str = "", actor: str = N) -> str:
    """Record the fate of a recommendation, and return its status."""
    body = {"act": "fate", "result": result} | ({"answered_by": official} if official else {})
    post(world, actor, body, id)
    return world.exchange(id).status


@pytest.fixture
def talks() -> World:
    return World(kind="track2", name="talks")


def test_fates_are_by_official_side_and_not_of_whoever_spoke_last(talks: World) -> None:
    id = talks.open(N, act("recommendation"))
    assert fate(talks, id, "taken_up", "NATO") == "taken_up"
    assert fate(talks, id, "declined", "China") == "mixed"
    assert dialogue.fates(talks.exchange(id)) == {"NATO": "taken_up", "China": "declined"}
    assert fate(talks, id, "noted", "China", C) == "mixed"
    assert fate(talks, id, "taken_up", "China") == "taken_up"
    assert fate(talks, id, "no_response", "Japan") == "mixed"


def test_a_fate_of_the_matter_as_a_whole_replaces_all_and_is_replaced(talks: World) -> None:
    id = talks.open(N, act("recommendation"))
    for official in ("NATO", "China", "Japan"):
        fate(talks, id, "taken_up" if official == "NATO" else "noted", official)
    assert fate(talks, id, "no_response") == "no_response"
    assert dialogue.fates(talks.exchange(id)) == {"": "no_response"}
    assert fate(talks, id, "declined", "China") == "declined"
    assert dialogue.fates(talks.exchange(id)) == {"China": "declined"}


def test_a_recommendation_that_one_side_declined_can_still_be_taken_up_by_another(
    talks: World,
) -> None:
    id = talks.open(N, act("recommendation"))
    assert fate(talks, id, "declined", "China") == "declined"
    assert fate(talks, id, "taken_up", "NATO") == "mixed"
    post(talks, C, {"act": "endorsement"}, id, seen=True)
    assert talks.exchange(id).status == "mixed"


def test_older_logs_have_fates_that_replace_each_other(talks: World) -> None:
    id = talks.open(N, act("recommendation"))
    for result in ("taken_up", "declined", "no_response", "taken_up"):
        assert fate(talks, id, result) == result


def test_whatever_fates_are_recorded_the_newest_of_each_side_decide(talks: World) -> None:
    chance = random.Random(23)
    id = talks.open(N, act("recommendation"))
    newest: dict[str, str] = {}
    for _ in range(200):
        official = chance.choice(("", "NATO", "China", "Japan"))
        result = chance.choice(("taken_up", "declined", "no_response", "noted"))
        if not official:
            newest.clear()
        newest.pop("", None)
        newest[official] = result
        wanted = {*newest.values()}
        assert fate(talks, id, result, official) == (wanted.pop() if len(wanted) == 1 else "mixed")

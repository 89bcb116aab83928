"""Questions: which are answered by which reply, which stay open, and what may not be closed over
them.
"""

from typing import Any

import pytest

from dragoman.domain.acts import deadlines
from dragoman.domain.fold import Folded
from dragoman.domain.views import open_questions as questions
from dragoman_schemas.profiles import DAY
from samples import act
from world import World, refused

N, C, NH, CH, ND, CD = "nato/o-1", "china/o-1", "nato/h-1", "china/h-1", "nato/d-1", "china/d-1"
ASKS = act("explanation-request", questions=["Why?", "Where?", "Until when?"])


def open_questions(world: World, id: str) -> list[tuple[str, str, tuple[int, ...]]]:
    return [
        (each.asked_by, each.side, each.numbers)
        for each in questions.unanswered(world.exchange(id))
    ]


def replies(world: World, id: str, *numbers: int, by: str = C, **more: Any) -> None:
    answers = (
        {"answers": [{"q": number, "text": "So."} for number in numbers]}
        if numbers
        else {"text": "So."}
    )
    assert isinstance(world.keep(by, {"act": "reply", **answers, **more}, id), Folded)


def test_each_number_is_open_until_a_reply_has_it() -> None:
    world = World(sides=("nato", "china", "osce"))
    id = world.open(NH, {**ASKS, "to": ["china", "osce"]})
    assert open_questions(world, id) == [("nato", "china", (1, 2, 3)), ("nato", "osce", (1, 2, 3))]
    replies(world, id, 1, 3)
    assert open_questions(world, id) == [("nato", "china", (2,)), ("nato", "osce", (1, 2, 3))]
    replies(world, id, 2)
    assert open_questions(world, id) == [("nato", "osce", (1, 2, 3))]
    (left,) = questions.unanswered(world.exchange(id))
    assert [bytes(each) for each in left.questions] == [b'"Why?"', b'"Where?"', b'"Until when?"']


def test_words_without_numbers_answer_one_question_and_not_several(world: World) -> None:
    several, one = world.open(NH, ASKS), world.open(NH, {**ASKS, "questions": ["Why?"]})
    for id in (several, one):
        replies(world, id)
    assert (open_questions(world, several), open_questions(world, one)) == (
        [("nato", "china", (1, 2, 3))],
        [],
    )


def test_a_reply_answers_the_message_that_it_names_else_the_newest_questions(world: World) -> None:
    id = world.open(NH, ASKS)
    asked = {"act": "clarification-request", "questions": ["Which ships?", "How many?"]}
    replies(world, id, 1, 2)
    world.keep(N, asked, id)
    assert open_questions(world, id) == [("nato", "china", (3,)), ("nato", "china", (1, 2))]
    replies(world, id, 2)
    assert open_questions(world, id) == [("nato", "china", (3,)), ("nato", "china", (1,))]
    replies(world, id, 3, of=id)
    assert open_questions(world, id) == [("nato", "china", (1,))]


def test_nothing_is_open_that_the_asker_calls_answered_or_that_is_history(world: World) -> None:
    id = world.open(NH, ASKS)
    replies(world, id, 1)
    world.keep(NH, act("assessment", result="insufficient"), id, seen=True)
    assert open_questions(world, id) == [("nato", "china", (2, 3))]
    world = World()
    id = world.open(NH, ASKS)
    replies(world, id, 1)
    world.keep(NH, act("assessment", result="satisfied"), id, seen=True)
    assert open_questions(world, id) == []
    assert open_questions(world, world.open(NH, {**ASKS, "for_the_record": True})) == []


def test_a_reply_that_is_not_final_acknowledges_and_answers_nothing_yet() -> None:
    world = World()
    for side in world.sides:
        world.keep(f"{side}/root", {"act": "profile-adoption", "profile": "vienna"})
    id = world.open(NH, ASKS)
    replies(world, id, 1, final=False)
    exchange = world.exchange(id)
    assert (
        exchange.status,
        "china" in exchange.messages[0].acknowledged,
        exchange.messages[0].answered,
    ) == ("requested", True, {})
    (clock,) = (
        each
        for each in deadlines.deadlines_of(world.registry, exchange, {})
        if each.clock == "explanation_answer"
    )
    assert clock.open
    replies(world, id, 2, 3, final=True)
    assert (world.exchange(id).status, [*world.exchange(id).messages[0].answered]) == (
        "answered",
        ["china"],
    )


@pytest.mark.parametrize(("opener", "opening"), [(NH, "explanation-request"), (N, "ict-inquiry")])
def test_who_was_asked_does_not_close_over_an_open_question(
    opener: str, opening: str, world: World
) -> None:
    id = world.open(opener, act(opening))
    refusal = refused(world.keep(CH, act("closure"), id, seen=True))
    assert (refusal.kind, "nato has asked a question" in str(refusal.faults[0].detail)) == (
        "invalid-act",
        True,
    )
    world.keep(CH, act("reply"), id)
    assert isinstance(world.keep(CH, act("closure"), id, seen=True), Folded)
    id = world.open(opener, act(opening))
    assert isinstance(world.keep(NH, act("closure"), id, seen=True), Folded), (
        "who asked may let it be"
    )


@pytest.mark.parametrize("name", ["aims", "place", "ends", "formations", "equipment"])
def test_a_reply_says_of_an_unusual_activity_what_it_is(name: str, world: World) -> None:
    said = {
        "aims": "Training.",
        "place": {"lat": 1, "lon": 2},
        "ends": "unknown",
        "formations": ["1st"],
        "equipment": ["Tanks"],
    }
    id = world.open(NH, ASKS)
    assert isinstance(world.keep(C, {"act": "reply", name: said[name]}, id), Folded)
    elsewhere = world.open(N, act("ict-inquiry"))
    assert (
        refused(world.keep(C, {"act": "reply", name: said[name], "text": "x"}, elsewhere))
        .faults[0]
        .pointer
        == f"/{name}"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("place", {"lat": 1}),
        ("ends", "2026-02-30T00:00Z"),
        ("ends", {"about": "2026-02-30T00:00Z"}),
    ],
)
def test_a_reply_says_a_place_and_an_end_that_there_are(
    name: str, value: object, world: World
) -> None:
    id = world.open(NH, ASKS)
    assert (
        refused(world.keep(C, {"act": "reply", "text": "x", name: value}, id)).faults[0].pointer
        == f"/{name}"
    )


@pytest.mark.parametrize(
    ("opener", "opening", "seconds"),
    [(ND, "hazardous-incident", DAY), (NH, "annual-exchange", 30 * DAY)],
)
def test_a_question_about_an_incident_or_about_yearly_data_has_a_limit(
    opener: str, opening: str, seconds: int
) -> None:
    world = World()
    id = world.open(opener, act(opening))
    for number in (1, 2):
        world.keep(C, {"act": "clarification-request", "questions": [f"{number}?"]}, id)

    def found() -> list[tuple[str, int, bool]]:
        running = deadlines.deadlines_of(world.registry, world.exchange(id), {})
        return [
            (each.side, round((each.due - each.begins).total_seconds()), each.open)
            for each in running
            if each.clock == "clarification"
        ]

    assert found() == [("nato", seconds, True)] * 2
    world.keep(N, {"act": "reply", "text": "x", "final": False}, id)
    assert found() == [("nato", seconds, True)] * 2
    world.keep(N, {"act": "reply", "text": "x", "of": world.exchange(id).messages[1].id}, id)
    assert found() == [("nato", seconds, False), ("nato", seconds, True)]
    world.keep(C, {"act": "clarification-request", "questions": ["3?"], "for_the_record": True}, id)
    assert len(found()) == 2

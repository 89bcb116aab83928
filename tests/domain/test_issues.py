"""Issues: views that belong to one, whoever spells it how, and every view that a side has had of
it.
"""

from typing import Any

import msgspec
import pytest
from msgspec import UNSET, Raw

from dragoman.console.display import dialogue_views
from dragoman.domain.acts.families import dialogue
from dragoman.projection.queries.dialogue import issues_of
from dragoman_schemas.state import Exchange
from world import World

N, C = "nato/o-1", "china/o-1"


def stated(world: World, *views: tuple[str, Any, str, str]) -> tuple[list[str], list[Exchange]]:
    """Views by who says them, what they call the issue, what they think, and the number of the view
    whose issue it is, from 1; none for ``.
    """
    ids: list[str] = []
    for actor, issue, own_view, under in views:
        body = {
            "act": "perception",
            "issue": issue,
            "own_view": own_view,
            **({"under": ids[int(under) - 1]} if under else {}),
        }
        ids.append(world.open(actor, body))
    return ids, [world.exchange(id) for id in ids]


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("Intentions", "intentions"),
        ("Intentions", " Intentions  "),
        ("Safe  conduct", "safe conduct"),
        ({"en": "Intentions", "zh": "意图"}, "意图"),
        ("意图", {"zh": "意图", "en": "Intentions"}),
    ],
)
def test_an_issue_that_is_called_the_same_in_any_language_is_one(mine: Any, theirs: Any) -> None:
    world = World()
    ids, states = stated(
        world, (N, mine, "We see it so.", ""), (C, theirs, "We see it otherwise.", "")
    )
    (issue,) = dialogue.issues(states)
    assert (issue.id, [each.id for each in issue.views]) == (ids[0], ids)


def test_what_is_called_otherwise_belongs_to_the_issue_that_it_names_and_else_is_one_of_its_own() -> (
    None
):
    world = World()
    ids, states = stated(
        world,
        (N, "Intentions", "A.", ""),
        (C, {"zh": "意图"}, "B.", "1"),
        (C, "Offices", "C.", ""),
        (N, "意图", "D.", ""),
        (N, "x", "E.", "2"),
    )
    first, second = dialogue.issues(states)
    assert [each.id for each in first.views] == [ids[0], ids[1], ids[3], ids[4]]
    assert [each.id for each in second.views] == [ids[2]]
    assert msgspec.json.decode(first.title) == {"und": "Intentions", "zh": "意图"}
    assert msgspec.json.decode(second.title) == "Offices"


def test_a_newer_view_replaces_none_and_each_has_its_date() -> None:
    world = World()
    ids, _ = stated(
        world, (N, "Exercises", "They keep the peace.", ""), (C, "Exercises", "They threaten.", "")
    )
    world.keep(
        N, {"act": "update", "fields": {"own_view": "They keep the peace, if announced."}}, ids[0]
    )
    later, _ = stated(world, (N, "exercises", "They are too large.", ""))
    (issue,) = dialogue.issues([world.exchange(id) for id in (*ids, *later)])
    said = [
        (msgspec.json.decode(value.value), value.told.position)
        for _, value in dialogue.said_before(issue.of("nato"))
    ]
    assert [text for text, _ in said] == [
        "They keep the peace, if announced.",
        "They keep the peace.",
    ]
    assert [position for _, position in said] == sorted(
        (position for _, position in said), reverse=True
    )
    assert [each.id for each in issue.of("china")] == [ids[1]]


def test_what_is_said_later_of_an_older_view_stands_first_among_what_was_said_before() -> None:
    world = World()
    ids, _ = stated(
        world,
        (N, "Exercises", "They are many.", ""),
        (N, "exercises", "They grow.", ""),
        (N, "exercises", "unknown", ""),
    )
    world.keep(
        N, {"act": "update", "fields": {"own_view": "They are many, and announced."}}, ids[0]
    )
    (issue,) = dialogue.issues([world.exchange(id) for id in ids])
    said = [msgspec.json.decode(value.value) for _, value in dialogue.said_before(issue.of("nato"))]
    assert said == ["They are many, and announced.", "They grow.", "They are many."]


def test_common_ground_is_of_a_view_that_its_side_still_holds() -> None:
    world = World()
    ids, _ = stated(world, (N, "The line", "It is needed.", ""))
    for officer in (N, C):
        world.keep(
            officer,
            {"act": "common-ground", "text": "It is to be tested daily."},
            ids[0],
            seen=True,
        )
    every = list(world.sides)
    (issue,) = dialogue.issues([world.exchange(ids[0])])
    assert issue.common_ground(every) == Raw(b'"It is to be tested daily."')
    later, _ = stated(world, (N, "the line", "It is not needed any more.", ""))
    states = [world.exchange(id) for id in (*ids, *later)]
    (answered,), (shown,) = issues_of(states, every), dialogue_views.issues(states, every)
    assert answered.common_ground is UNSET is shown.common_ground, (
        "the answer and the page say the same"
    )


def test_what_was_cancelled_opens_no_issue() -> None:
    world = World()
    ids, _ = stated(world, (N, "Exercises", "A.", ""))
    world.keep(N, {"act": "cancellation", "reason": "Too early."}, ids[0], seen=True)
    assert dialogue.issues([world.exchange(ids[0])]) == []

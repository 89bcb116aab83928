"""Accounts of one event: what is compared, what is shown only, and that flags and tables say the
same.
"""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.domain.acts import accounts
from dragoman.domain.acts.accounts import AccountStatement, point
from dragoman.domain.acts.families.incidents import NARRATIVE
from dragoman.domain.views.flags import flags
from dragoman.members import shapes
from dragoman.members.groups import RowsKind
from dragoman.members.sides import FilesKind
from dragoman.members.texts import LineKind, LinesKind, TextKind, TextsKind
from dragoman.members.times import TimeKind
from samples import act
from world import World, refused

_WRITTEN = TextKind | TextsKind | LineKind | LinesKind | RowsKind | FilesKind

_GIVEN: dict[str, st.SearchStrategy[Any]] = {
    "time": st.sampled_from(
        [
            "2026-11-24T03:05+08:00",
            "2026-11-23T19:05Z",
            "2026-11-23T19:06Z",
            {"about": "2026-11-23T19:05Z"},
        ]
    ),
    "place": st.sampled_from(
        [
            {"lat": 15.12, "lon": 116.44},
            {"lat": 15.120001, "lon": 116.44},
            {"lat": 15.2, "lon": 116.44},
            {"text": "at sea"},
            "unknown",
        ]
    ),
    "casualties": st.sampled_from([0, 1, "unknown"]),
    "damage": st.sampled_from(["None.", "Some.", {"en": "None.", "fr": "Aucun."}]),
    "whose": st.sampled_from(
        [["nato"], ["china"], ["nato", "china"], ["china", "nato"], "nobody_here", "unknown"]
    ),
    "continuing": st.sampled_from([True, False, "unknown"]),
}


def test_words_are_the_members_that_are_written() -> None:
    for name in NARRATIVE:
        compared = [each for each in shapes.members(name) if each.name in kinds_of_account()]
        assert {each.name for each in compared if isinstance(each.kind, _WRITTEN)} <= accounts.WORDS
        assert (
            not {each.name for each in compared if not isinstance(each.kind, _WRITTEN)}
            & accounts.WORDS
        )
        assert {
            each.name for each in compared if isinstance(each.kind, TimeKind)
        } == accounts.TIMES & {each.name for each in compared}


def kinds_of_account() -> set[str]:
    """The members that another side's account may give."""
    return {
        each.name for each in shapes.members("counter-account")
    } - accounts.OF_THE_MESSAGE | set(NARRATIVE.values())


@given(
    mine=st.fixed_dictionaries({}, optional=_GIVEN),
    theirs=st.fixed_dictionaries(
        {"facts": st.sampled_from(["Two aircraft passed close.", "Otherwise."])}, optional=_GIVEN
    ),
    third=st.none() | st.fixed_dictionaries({"facts": st.just("A third view.")}, optional=_GIVEN),
)
def test_a_flag_names_a_field_exactly_where_the_table_has_a_difference(
    mine: dict[str, Any], theirs: dict[str, Any], third: dict[str, Any] | None
) -> None:
    world = World(sides=("nato", "china", "osce"))
    given = {name: value for name, value in mine.items() if (name, value) != ("place", "unknown")}
    id = world.open("nato/d-1", act("hazardous-incident", **given))
    world.keep("china/d-1", {"act": "counter-account", **theirs}, id)
    if third is not None:
        world.keep("osce/d-1", {"act": "counter-account", **third}, id)
    state = world.exchange(id)
    told = accounts.accounts_of(state)
    table = {
        (side, name)
        for name in {name for each in told for name in each.content} - accounts.OF_THE_MESSAGE
        for side in point(name, told).otherwise
    }
    found = flags(world.registry, state, [])
    flagged = {side: fields for side, fields in accounts.differing(state).items() if fields}
    assert {(side, name) for side, fields in flagged.items() for name in fields} == {
        each for each in table if each[0] != "nato"
    }
    assert sum(each.flag == "accounts_differ" for each in found) == len(flagged)
    assert sum(each.flag == "own_account" for each in found) == len(state.accounts) - len(flagged)


@pytest.mark.parametrize(
    ("name", "one", "other", "result"),
    [
        ("time", "2026-11-24T03:05+08:00", "2026-11-23T19:05Z", "same"),
        ("time", "2026-11-24T03:05+08:00", "2026-11-23T19:06Z", "differs"),
        ("place", {"lat": 15.12, "lon": 116.44}, {"lat": 15.120001, "lon": 116.44}, "same"),
        ("place", {"lat": 15.12, "lon": 116.44}, {"lat": 15.13, "lon": 116.44}, "differs"),
        ("place", {"lat": 15.12, "lon": 116.44}, "unknown", "one"),
        ("place", {"lat": 15.12, "lon": 116.44}, "the western channel", "words"),
        ("place", "the western channel", {"text": "west of the shoal"}, "words"),
        ("place", "the western channel", "the western channel", "same"),
        ("facts", "Passed close.", "Passed far.", "words"),
        ("casualties", 0, 1, "differs"),
        ("cpa", {"value": 0.5, "unit": "nm"}, {"value": 926, "unit": "m"}, "same"),
        ("cpa", {"value": 0.5, "unit": "nm"}, {"value": 927, "unit": "m"}, "differs"),
    ],
)
def test_two_statements_are_the_same_when_they_mean_the_same(
    name: str, one: Any, other: Any, result: str
) -> None:
    told = [
        AccountStatement(
            side=side,
            position=1,
            time="2026-11-24T12:00:00.000Z",
            content={name: msgspec.Raw(msgspec.json.encode(value))},
        )
        for side, value in (("nato", one), ("china", other))
    ]
    assert point(name, told).result == result


SIDES = ("nato", "china", "osce", "asean")


@pytest.mark.parametrize("count", [2, 3, 4])
def test_whose_forces_took_part_is_one_statement_whoever_makes_it(count: int) -> None:
    """Every pair of statements over two to four sides: the same exactly where both name the same
    sides; unknown states nothing.
    """
    sides = SIDES[:count]
    several = [
        list(each) for size in range(1, count + 1) for each in itertools.permutations(sides, size)
    ]
    for mine, theirs in itertools.product([*several, "nobody_here", "unknown"], repeat=2):
        told = [
            AccountStatement(
                side=side,
                position=n,
                time="",
                content={"whose": msgspec.Raw(msgspec.json.encode(value))},
            )
            for n, (side, value) in enumerate(zip(sides, (mine, theirs), strict=False), 1)
        ]
        unknown = [mine, theirs].count("unknown")
        meant = [frozenset(each) if isinstance(each, list) else each for each in (mine, theirs)]
        expected = {1: "one", 2: "none"}.get(unknown) or (
            "same" if meant[0] == meant[1] else "differs"
        )
        assert point("whose", told).result == expected, (mine, theirs)


@pytest.mark.parametrize(
    ("whose", "pointer", "words"),
    [
        (["nato", "ours"], "/whose/1", "ours is not a side of nato-china"),
        (["nato", "nato"], "/whose/1", "nato is named twice"),
    ],
)
def test_whose_names_sides_of_the_channel_and_each_once(
    whose: list[str], pointer: str, words: str
) -> None:
    world = World()
    id = world.open("nato/d-1", act("hazardous-incident"))
    for refusal in (
        refused(world.decide("nato/d-1", act("hazardous-incident", whose=whose))),
        refused(
            world.decide(
                "china/d-1", {"act": "counter-account", "facts": "Otherwise.", "whose": whose}, id
            )
        ),
    ):
        assert [fault.pointer for fault in refusal.faults] == [pointer]
        assert words in str(refusal.faults[0].detail)

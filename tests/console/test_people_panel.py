"""The panel of people: both sides' words beside each other.

Held and rescued people are never one row.
"""

from typing import Any

import pytest

from dragoman.console.display.act_display import Display
from dragoman.domain.views.people import SidesPeople, people_of
from dragoman.i18n.words import words
from dragoman.office.incidents.people_panel import people_rows, waiting_text
from world import INCIDENT, World

EN = words("en")


def stated(**groups: list[dict[str, Any]]) -> dict[str, SidesPeople]:
    """Return each side's word on the people of one incident."""
    world = World()
    id = world.open("nato/d-1", INCIDENT)
    for side, members in groups.items():
        body = {"act": "people-status", "as_of": "2026-11-24T04:00Z", "groups": members}
        assert world.keep(f"{side}/d-1", body, id)
    return {status.side: status for status in people_of(world.exchange(id))}


def rows(statuses: dict[str, SidesPeople]) -> dict[str, tuple[str, str, list[str]]]:
    """Each kind with its result, the result in words, and the cells."""
    shown = people_rows(Display(EN), sorted(statuses), statuses)
    return {row.kind: (row.result, row.result_text, [*map(str, row.cells)]) for row in shown}


def test_whom_one_side_holds_and_another_rescued_has_two_rows_that_differ() -> None:
    shown = rows(
        stated(
            nato=[{"kind": "held", "number": 24, "of": "nato"}],
            china=[{"kind": "rescued", "number": 24, "of": "nato"}],
        )
    )
    assert [*shown] == ["rescued", "held"]
    assert shown["rescued"][0] == shown["held"][0] == "differs"
    assert shown["rescued"][1] == "stated by CHINA only; NATO: held"
    china, nato = shown["held"][2]
    assert china == "" and nato.startswith("<b>24</b>, of NATO")


@pytest.mark.parametrize(
    ("nato", "china", "result", "text"),
    [
        (24, 24, "same", "stated by both"),
        (24, 20, "differs", "differs by 4"),
        (24, "unknown", "one", "number not known to every side"),
        ("unknown", "unknown", "same", ""),
    ],
)
def test_numbers_of_one_kind_are_compared(nato: Any, china: Any, result: str, text: str) -> None:
    shown = rows(
        stated(
            nato=[{"kind": "missing", "number": nato}], china=[{"kind": "missing", "number": china}]
        )
    )
    assert shown["missing"][:2] == (result, text)


def test_several_groups_of_one_kind_are_compared_by_their_sum() -> None:
    shown = rows(
        stated(
            nato=[{"kind": "safe", "number": 3, "place": "Ship"}, {"kind": "safe", "number": 2}],
            china=[{"kind": "safe", "number": 5}],
        )
    )
    assert shown["safe"][0] == "same"


def test_of_one_side_alone_nothing_is_compared() -> None:
    assert rows(stated(nato=[{"kind": "held", "number": 24}]))["held"][:2] == ("", "")


def test_access_that_was_asked_and_not_given_is_said_to_be_missing() -> None:
    requested = {"kind": "held", "number": 24, "access_asked": "2026-11-24T04:00Z"}
    (cell,) = rows(stated(nato=[requested]))["held"][2]
    assert "access asked" in cell and "access NOT given yet" in cell
    seen_by_them = {**requested, "access_given": "2026-11-24T05:00Z"}
    (cell,) = rows(stated(nato=[seen_by_them]))["held"][2]
    assert "access given" in cell and "NOT" not in cell


def test_for_how_many_the_sides_wait_is_said_once_where_they_agree() -> None:
    agreed = stated(
        nato=[{"kind": "held", "number": 24}], china=[{"kind": "rescued", "number": 24}]
    )
    assert waiting_text(EN, [*agreed.values()]) == "waiting for 24 people"
    differing = stated(
        nato=[{"kind": "held", "number": 24}, {"kind": "missing", "number": 1}],
        china=[{"kind": "rescued", "number": 24, "handed_over": "2026-11-24T06:00Z"}],
    )
    assert (
        waiting_text(EN, [*differing.values()])
        == "CHINA: waiting for nobody; NATO: waiting for 25 people"
    )
    unknown = stated(nato=[{"kind": "missing", "number": "unknown"}])
    assert waiting_text(EN, [*unknown.values()]) == "waiting for people, number not known"


def test_the_same_people_by_both_sides_are_one_row_that_both_state() -> None:
    """Held and handed over by one side's word, safe by the other's: the same ten."""
    shown = rows(
        stated(
            china=[
                {"kind": "held", "number": 10, "of": "nato", "handed_over": "2026-11-24T03:50Z"}
            ],
            nato=[{"kind": "safe", "number": 10}],
        )
    )
    assert [*shown] == ["safe"]
    result, text, (china, nato) = shown["safe"]
    assert (result, text) == ("same", "stated by both")
    assert china.startswith("<b>10</b>, held, of NATO, handed over") and nato == "<b>10</b>"


def test_as_many_people_of_other_sides_are_not_the_same_people() -> None:
    shown = rows(
        stated(
            nato=[{"kind": "missing", "number": 2, "of": "nato"}],
            china=[{"kind": "missing", "number": 2, "of": "china"}],
        )
    )
    assert shown["missing"][:2] == ("differs", "of different sides")

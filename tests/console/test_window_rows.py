"""Rows of the windows in force: their levels, and their places in few words."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from dragoman.console.charts.map_projection import MapPoint
from dragoman.console.matter import window_rows
from dragoman.domain.views.in_force import window_in_force
from dragoman.i18n.words import words
from dragoman.members.runs import plain
from dragoman.office.incidents import windows_map
from dragoman.projection.queries.in_force import window_view
from dragoman_schemas.window_responses import InForceWindow
from samples import act
from world import World

EN = words("en")
OPENS = datetime(2026, 11, 24, 18, tzinfo=UTC)
AREA = {"from": "2026-11-24T18:00Z", "to": "2026-11-24T20:00Z"}
LIST = {
    "act": "onward-adoption",
    "entries": [{"format": "danger-area", "posts": ["Early warning", "Air defence"]}],
}


def at(minutes: float) -> datetime:
    """A moment counted from the opening of the window."""
    return OPENS + timedelta(minutes=minutes)


def announced(*, adopted: bool = True, **changes: Any) -> tuple[World, str]:
    """Return a channel with NATO's danger area; China perhaps has a list of posts."""
    world = World()
    if adopted:
        world.keep("china/h-1", LIST)
    return world, world.open("nato/d-1", act("danger-area", window=AREA, **changes))


def shown(world: World, id: str, now: datetime) -> tuple[str, str, list[bool]]:
    """The level and the stage of a window at a moment, and which limits have passed."""
    state = world.exchange(id)
    window = window_in_force(world.registry, state, now)
    assert window is not None
    context: Any = SimpleNamespace(registry=world.registry, moment=now)
    view = window_view(window)
    untold = [*window_rows.untold_posts(context, state, view)]
    return (
        window_rows.level_of(context, view, untold),
        view.stage,
        [posts.is_late for posts in untold],
    )


def test_a_window_that_nobody_was_told_of_gets_worse_with_its_limit_and_its_opening() -> None:
    world, id = announced()
    world.keep("china/d-1", {"act": "acknowledgement"}, id)
    assert shown(world, id, at(-130)) == ("standby", "near", [False])
    assert shown(world, id, at(-110)) == ("serious", "near", [True])
    assert shown(world, id, at(1)) == ("critical", "open", [True])
    for post in ("Early warning", "Air defence"):
        world.keep(
            "china/d-1", {"act": "passed-on", "to_post": post, "at": "2026-11-24T12:00Z"}, id
        )
    assert shown(world, id, at(1)) == ("normal", "open", [])


@pytest.mark.parametrize(
    ("minutes", "level", "stage"),
    [
        (-300, "standby", "near"),
        (-30, "caution", "near"),
        (1, "caution", "open"),
        (121, "caution", "not_ended"),
    ],
)
def test_a_window_that_nobody_acknowledged_is_a_caution_from_two_hours_before(
    minutes: int, level: str, stage: str
) -> None:
    world, id = announced(adopted=False)
    assert shown(world, id, at(minutes)) == (level, stage, [])


def row(places: dict[str, Any]) -> InForceWindow:
    """A window with these places."""
    world, id = announced(adopted=False, **places)
    window = window_in_force(world.registry, world.exchange(id), at(0))
    assert window is not None
    return window_view(window)


CORNERS = [{"lat": 15, "lon": 116}, {"lat": 15.5, "lon": 116}, {"lat": 15.5, "lon": 116.5}]


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ({"polygon": CORNERS, "name": "North of the shoal"}, "North of the shoal"),
        ({"polygon": CORNERS}, "area with 3 corners, the first at 15-00N 116-00E"),
        ({"lat": 15, "lon": 116.5}, "15-00N 116-30E"),
        ("The old range", "The old range"),
    ],
)
def test_a_row_says_where_in_few_words(place: Any, text: str) -> None:
    shown = plain(window_rows.where(EN, row({"place": place})))
    assert shown.replace("\u00a0", " ") == text


def test_an_area_across_the_date_line_has_its_mark_in_its_middle() -> None:
    polygon = [{"lat": 10, "lon": 179}, {"lat": 12, "lon": 179}, {"lat": 11, "lon": -178}]
    figure = windows_map.figure({"polygon": polygon})
    assert figure is not None
    assert windows_map.middle(figure) == MapPoint(11, 180.0 - 360)


def test_the_map_has_the_outline_of_an_area_and_the_number_of_its_row() -> None:
    drawn = windows_map.drawn(EN, [row({"place": {"polygon": CORNERS}}), row({"place": "Words"})])
    assert "1 NATO" in drawn and "2 NATO" not in drawn
    assert drawn.count('class="line"') == 1
    assert windows_map.drawn(EN, [row({"place": "Words"})]) == ""

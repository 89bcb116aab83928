"""A verdict on a restatement stands on the page for as long as the view and the restatement are
those that it is of.
"""

import pytest

from dragoman.console.display import dialogue_views
from dragoman.domain.fold import Folded
from samples import act
from world import World

N, C = "nato/h-1", "china/h-1"


def verdict(world: World, id: str) -> str:
    """Return the verdict that the page shows for the newest restatement."""
    (issue,) = dialogue_views.issues([world.exchange(id)], ["nato", "china"])
    (column,) = issue.columns
    return column.restated[-1].verdict


@pytest.mark.parametrize(
    ("actor", "later"),
    [
        (
            N,
            {
                "act": "correction",
                "fields": {"own_view": "They come too near."},
                "reason": "Word from home.",
            },
        ),
        (C, act("restatement")),
    ],
)
def test_a_verdict_is_gone_once_the_view_or_the_restatement_is_another_one(
    world: World, actor: str, later: dict[str, object]
) -> None:
    id = world.open(N, act("perception"))
    world.keep(C, act("restatement"), id, seen=True)
    world.keep(N, act("fairness"), id, seen=True)
    assert verdict(world, id) == "fair"
    assert isinstance(world.keep(actor, later, id, seen=True), Folded)
    assert verdict(world, id) == ""

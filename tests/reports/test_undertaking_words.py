"""The standing of an undertaking is one answer on the roadmap, in lists and in reports."""

import pytest

from dragoman.domain.views.undertakings import OPEN, undertaking_view
from dragoman.i18n.words import words
from dragoman.office.dialogue import undertaking_lane
from dragoman.reports.undertaking_words import standing_of
from samples import act
from world import World


@pytest.mark.parametrize("language", ["en", "fr", "zh"])
def test_a_refused_undertaking_is_refused_wherever_it_is_shown(language: str) -> None:
    world, w = World(), words(language)
    id = world.open("nato/h-1", act("undertaking"))
    world.keep("china/h-1", {"act": "decline", "reason": "We did not undertake that."}, id)
    view = undertaking_view(world.exchange(id), world.sides, world.clock)
    assert view.standing == "refused" in OPEN
    refusal = standing_of(w, view)
    assert "CHINA" in refusal
    assert refusal in undertaking_lane.described(w, view)
    (step,) = undertaking_lane.drawn(w, view).steps
    assert refusal in step.label

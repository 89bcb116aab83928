"""The list of what is to be done: each duty in words, and each row in a count."""

import itertools
import random
from typing import get_args

import pytest
from msgspec import Raw

from dragoman.console.matter.matter_list import (
    SHOWN,
    WHOSE,
    MatterRow,
    first_of,
    is_named_by,
    lead_of,
)
from dragoman.console.matter.turn import Whose
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.i18n.words import LANGUAGES, words
from dragoman_schemas.acts.office.watch import ClockName


def row(act: str, clock: str, whose: Whose = "mine") -> MatterRow:
    return MatterRow(
        whose=whose,
        level="standby",
        exchange="x",
        number="",
        act=act,
        subject=Raw(b'""'),
        opener="nato",
        precedence="routine",
        clock=clock,
        owed_by=("china",),
        begins="2026-12-02T08:00:00Z",
        message_act=act,
        by="nato/o-1",
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_words_of_a_side_stand_for_a_duty(language: str) -> None:
    said = words(language)
    for act, clock in itertools.product(FORMATS, get_args(ClockName)):
        duty = row(act, clock)
        lead = lead_of(said, duty)
        assert lead, (act, clock)
        if lead != said.act(act):  # the title of an undertaking is the service's own
            assert not is_named_by(said, duty, f"{lead} of last week"), (act, clock)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_title_of_an_undertaking_is_its_duty_for_the_side_that_undertook_it(
    language: str,
) -> None:
    said = words(language)
    title = f"{said.act('undertaking')}: a draft"
    names_it = said.clock("undertaking") == said.act("undertaking")
    assert is_named_by(said, row("undertaking", "undertaking"), title) is names_it
    assert names_it or language != "en"
    assert not is_named_by(said, row("undertaking", "undertaking", "theirs"), title)


def test_the_first_rows_and_those_left_out_are_all_rows() -> None:
    dice = random.Random(7)
    for _ in range(50):
        rows = [
            row("undertaking", "update", dice.choice(WHOSE)) for _ in range(dice.randrange(200))
        ]
        first, left_out = first_of(rows)
        for whose in WHOSE:
            group = [each for each in rows if each.whose == whose]
            assert [each for each in first if each.whose == whose] == group[:SHOWN]
            assert left_out[whose] == max(0, len(group) - SHOWN)

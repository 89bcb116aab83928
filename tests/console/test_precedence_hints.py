"""The precedence by the rule, as forms say it before a message is sent."""

from datetime import UTC, datetime

import pytest

from dragoman.console.forms.precedence_hints import rule_of
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.record.codec import decode_act
from dragoman.members import shapes
from samples import SAMPLES
from world import compact

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize("act", FORMATS)
def test_what_a_form_says_is_what_the_rule_makes_of_the_act(act: str) -> None:
    form, rule = FORMATS[act], rule_of(FORMATS[act], NOW)
    member = shapes.member(act, rule.member) if rule.member else None
    flags: dict[str, bool] = {"yes": True, "no": False}
    values: dict[str, object] = {value: flags.get(value, value) for value in rule.levels} or {
        "": None
    }
    for name, value in values.items():
        sample = {each: held for each, held in SAMPLES[act].items() if each != rule.member}
        given = sample if member is None or name == "" else {**sample, rule.member: value}
        said = rule.level(name)
        assert said in ("", form.precedence(decode_act(compact(given)), NOW.isoformat())), (
            name,
            said,
        )
    assert said or act == "terrorism-warning", "only a warning depends on more than one choice"


def test_every_choice_is_in_one_group_and_the_largest_is_not_listed() -> None:
    rule = rule_of(FORMATS["hazardous-incident"], NOW)
    groups = rule.groups()
    assert [level for level, _ in groups] == ["flash", "immediate"]
    assert [bool(values) for _, values in groups] == [True, False]

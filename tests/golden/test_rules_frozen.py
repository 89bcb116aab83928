"""No shape, table, profile or codebook of rules 1 ever changes.

A change of any of them makes logs that are there say something else. A change is made in a later
version beside it (docs/adding-rules.md).
"""

import json

import frozen_rules
from dragoman.domain.acts.act_registry import RULES, VERSIONS
from dragoman_schemas.acts import SHAPES, rules_versions


def test_no_part_of_rules_1_ever_changes() -> None:
    was, now = json.loads(frozen_rules.FILE.read_text()), frozen_rules.digests()
    told = "rules 1 is frozen: put it back, and make the change in a later version of the rules"
    differ = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
    assert not differ, f"{told}: {differ[:10]}"


def test_the_tables_and_the_list_of_acts_have_the_same_versions() -> None:
    assert VERSIONS.keys() == rules_versions.ACTS.keys()
    for number, acts in rules_versions.ACTS.items():
        rules = VERSIONS[number].rules
        assert {name: rule.version for name, rule in rules.items()} == acts, number
    assert SHAPES.keys() == RULES.keys()

"""No shape, table, profile or codebook of rules 1 changes unnoticed.

A change of any of them makes logs that are there say something else. Rules 1 is open until it is
frozen (decision 0054). So the change is made in place, and the edition of the rules says so to data
of before.
"""

import json

import frozen_rules
from dragoman.domain.acts.act_registry import RULES, VERSIONS
from dragoman_schemas.acts import SHAPES, rules_versions
from dragoman_schemas.acts.rules_edition import EDITION


def test_no_part_of_rules_1_changes_unnoticed() -> None:
    was, now = json.loads(frozen_rules.FILE.read_text()), frozen_rules.digests()
    told = (
        "if the change of rules 1 is meant, `make schemas` writes its digests and its edition anew"
    )
    differ = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
    assert not differ, f"{told}: {differ[:10]}"
    assert frozen_rules.edition(now) == EDITION, told


def test_the_tables_and_the_list_of_acts_have_the_same_versions() -> None:
    assert VERSIONS.keys() == rules_versions.ACTS.keys()
    for number, acts in rules_versions.ACTS.items():
        rules = VERSIONS[number].rules
        assert {name: rule.version for name, rule in rules.items()} == acts, number
    assert SHAPES.keys() == RULES.keys()

"""The rules that later versions of the rules add or change.

    CHANGES[2] = Changes(rules=(Rule(act="new-act", …),), formats=(replace(FORMAT, …),))

The tables of the families are rules 1, and frozen. A later version has whole rules and
whole formats here, which take the place of those of the same act. Where code outside
the tables differs between versions, it asks `registry.rules`. See
`docs/adding-rules.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dragoman.domain.acts.act_rules import Format, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The changes of one version of the rules against the version before it."""

    rules: tuple[Rule, ...] = ()
    formats: tuple[Format, ...] = ()


CHANGES: Final[Mapping[int, Changes]] = {}
"""The changes of each later version, by its number."""

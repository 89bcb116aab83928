"""The versions of the rules, and the acts that each version of the rules lists.

    ACTS[1]["reply"]        2: under rules 1 a reply is of version 2, or of an older one
    ACTS[2]["new-act"]      KeyError under rules 1: no such act

Rules 1 is frozen with 0.1.0. A later version names only its changes, in `CHANGES`: an
act that is new, or that has another version, because its members or its effect are
others. A new one is in `ADDED`, too. The sides of a channel adopt a version by
`rules-adoption`, and only then is it in force there. An act, a version or a member that
the version in force does not list is void. So programs of different releases agree on
every record.

How to add a version is written in `docs/adding-rules.md`.
"""

from collections.abc import Mapping
from typing import Final

from dragoman_schemas.acts import SHAPES

_OF_VERSION_2: Final = (
    "call-attempt clarification-request decline help-acceptance help-delivery help-offer "
    "help-request interim-reply repeat-request reply"
)

ADDED: Final[frozenset[str]] = frozenset()
"""The acts that came after rules 1; all others are of rules 1."""

RULES_1: Final[Mapping[str, int]] = {
    act: 2 if act in _OF_VERSION_2.split() else 1 for act in SHAPES if act not in ADDED
}
"""The acts of rules 1, with the newest version of each."""

CHANGES: Final[Mapping[int, Mapping[str, int]]] = {}
"""The acts that a later version of the rules adds or changes, by that version."""


def _acts() -> dict[int, Mapping[str, int]]:
    """Return the acts of every version of the rules."""
    acts: dict[int, Mapping[str, int]] = {1: RULES_1}
    for number, changes in sorted(CHANGES.items()):
        acts[number] = {**acts[number - 1], **changes}
    return acts


ACTS: Final = _acts()
NEWEST: Final = max(ACTS)
"""The newest version of the rules that this program has."""

"""The reader's words for codes in the records of an evidence file.

    wording_of(words, acts, "hazardous-incident")
    {"hazardous-incident": {"kind": {"near_miss": "near miss"}}}

Each word is under its act, its member and its code. The member of a group is under both
names: `units/kind`. No record has these words, and no signature covers them. A page
shows them beside the codes, and the verification of a file reads none of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dragoman.i18n.words import Words
from dragoman.members import shapes
from dragoman.members.groups import GroupKind
from dragoman.members.shapes import FieldsKind
from dragoman_schemas.acts import SHAPES

Wording = dict[str, dict[str, dict[str, str]]]
"""Words by act, member and code."""


def wording_of(words: Words, acts: Iterable[Mapping[str, Any]], opener: str) -> Wording:
    """Return the words for the codes in some acts.

    `opener` is the act that opened the exchange. Corrections name its members. A code
    that is its own word has none.
    """
    result: Wording = {}
    for act in acts:
        name = act["act"]
        for path, code, word in _of_act(words, act, name, opener):
            if word != code:
                result.setdefault(name, {}).setdefault(path, {})[code] = word
    return result


def _of_act(
    words: Words, act: Mapping[str, Any], name: str, opener: str
) -> Iterator[tuple[str, str, str]]:
    if name not in SHAPES:
        return
    for member in shapes.members(name):
        kind = member.kind
        if isinstance(kind, FieldsKind) and opener in SHAPES:
            kind = GroupKind(shapes.members(opener))
        if member.name in act:
            yield from kind.codes(act[member.name], member.name, words)

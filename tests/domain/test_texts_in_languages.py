"""A text of a side may be in every language of the channel: also a reason, a purpose, a counterpart,
a deliverable, and the condition of people.
"""

from typing import Any

import pytest
from msgspec import inspect

from dragoman.domain.views.titles import title_of
from dragoman.i18n.words import words
from dragoman.interop.cap import alert
from dragoman_schemas.acts import SHAPES
from samples import act
from world import World

IN_LANGUAGES = ("reason", "purpose", "deliverable", "condition", "counterpart")
BOTH = {"en": "Read off wrongly.", "zh": "读数有误。"}


def members(kind: Any, visited: set[type]) -> list[tuple[str, Any]]:
    """Every member inside a shape."""
    match kind:
        case inspect.StructType() if kind.cls not in visited:
            visited.add(kind.cls)
            return [
                each
                for member in kind.fields
                for each in ((member.encode_name, member.type), *members(member.type, visited))
            ]
        case inspect.UnionType():
            return [each for item in kind.types for each in members(item, visited)]
        case inspect.VarTupleType():
            return members(kind.item_type, visited)
        case inspect.Metadata():
            return members(kind.type, visited)
        case _:
            return []


@pytest.mark.parametrize("name", SHAPES)
def test_no_reason_or_purpose_is_in_one_language_alone(name: str) -> None:
    for member, kind in members(inspect.type_info(SHAPES[name]), set()):
        if member in IN_LANGUAGES:
            text = kind.type if isinstance(kind, inspect.Metadata) else kind
            assert isinstance(text, inspect.UnionType), f"{name}.{member}"
            assert any(
                isinstance(getattr(item, "type", item), inspect.DictType) for item in text.types
            )


def test_a_correction_gives_its_reason_in_two_languages_and_alerts_take_one() -> None:
    world = World()
    id = world.open("nato/d-1", act("hazardous-incident"))
    change = {"act": "correction", "fields": {"facts": "One aircraft."}, "reason": BOTH}
    world.keep("nato/o-1", change, id, seen=True)
    exchange = world.exchange(id)
    assert exchange.corrections[0].reason == BOTH
    assert BOTH["en"].encode() in alert(world.registry, exchange)
    world.keep("nato/o-1", {"act": "cancellation", "reason": BOTH}, id, seen=True)
    assert world.exchange(id).cancellation is not None


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("meeting-request", "purpose"),
        ("visit-invitation", "purpose"),
        ("call-request", "counterpart"),
    ],
)
def test_a_title_is_in_the_reader_s_language(name: str, member: str) -> None:
    world = World()
    body = {
        key: value for key, value in act(name).items() if key != "subject" or name == "call-request"
    }
    body |= {member: {"en": "Chief of staff", "zh": "参谋长"}}
    if name == "call-request":
        body.pop("precedence", None)
    title = title_of(world.exchange(world.open("nato/h-1", body)))
    assert title is None or "参谋长" in words("zh").sentence(title)

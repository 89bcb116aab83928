"""The precedence that a message has by the rule of its format, said before it is sent: on its form for each choice, on its check page for what was chosen.

    rule_of(FORMATS["hazardous-incident"], now)
    Rule(member="kind", levels={"collision": "flash", "near_miss": "immediate", …})

The rules are functions of the act. They are asked for every value of one choice, so no
page repeats them.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from dragoman.console.forms import field_types
from dragoman.domain.acts.act_rules import Format
from dragoman_schemas.act_frame import Act, Precedence
from dragoman_schemas.acts import SHAPES

ORDER: Final[tuple[Precedence, ...]] = ("flash", "immediate", "priority", "routine")
_FEW: Final = 6
_YES: Final = {"yes": True, "no": False}


@dataclass(frozen=True)
class PrecedenceRule:
    """The precedence of a format: one for all its messages, or one for each value of a member; neither where the rule looks at more."""

    always: str = ""
    member: str = ""
    levels: dict[str, str] = field(default_factory=dict)

    def level(self, chosen: str) -> str:
        """Return the precedence by the rule where that value was chosen; empty where it is not known yet."""
        return self.always or self.levels.get(chosen, "")

    def groups(self) -> list[tuple[str, list[str]]]:
        """Return each precedence with the values that have it, the most urgent first; without values where they are too many to be read."""
        rows = [
            (level, [value for value, text in self.levels.items() if value and text == level])
            for level in ORDER
        ]
        used = [(level, values) for level, values in rows if values]
        most = max((len(values) for _, values in used), default=0)
        return [(level, values if len(values) < max(most, _FEW) else []) for level, values in used]


def rule_of(form: Format | None, now: datetime) -> PrecedenceRule:
    """Return the rule of a format, for messages that are recorded now."""
    if form is None:
        return PrecedenceRule()
    act = form.rule.act
    members = field_types.members(act)
    empty: dict[str, Any] = dict.fromkeys(_required(act))
    always = _level(form, empty, now)
    for member in members:
        values: dict[str, Any] = _YES if isinstance(member.kind, field_types.FlagField) else {}
        if isinstance(member.kind, field_types.ChoiceField):
            values = {value: value for value in member.kind.values}
        levels = {
            name: _level(form, {**empty, _attribute(act, member.name): value}, now)
            for name, value in values.items()
        }
        if len(set(levels.values()) - {""}) > 1 and all(levels.values()):
            return PrecedenceRule(
                member=member.name, levels={**({} if member.required else {"": always}), **levels}
            )
    return PrecedenceRule(always=always)


def _required(act: str) -> list[str]:
    """Return the names by which a shape is built of the members without which it cannot be."""
    return [
        name
        for name, member in zip(
            SHAPES[act].__struct_fields__, SHAPES[act].__struct_encode_fields__, strict=True
        )
        if _needs(act, member)
    ]


def _needs(act: str, name: str) -> bool:
    member = field_types.member(act, name)
    return member is not None and member.required


def _attribute(act: str, name: str) -> str:
    return dict(
        zip(SHAPES[act].__struct_encode_fields__, SHAPES[act].__struct_fields__, strict=True)
    )[name]


def _level(form: Format, values: dict[str, Any], now: datetime) -> str:
    """Return the precedence of an act with these values; empty where the rule looks at something else as well."""
    try:
        data: Act = SHAPES[form.rule.act](**values)
        return form.precedence(data, now.isoformat())
    except (AttributeError, AssertionError, TypeError, ValueError):
        return ""

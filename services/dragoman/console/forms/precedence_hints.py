"""The precedence that a format's rule gives a message, shown before it is sent.

    rule_of(FORMATS["hazardous-incident"], now)
    PrecedenceRule(member="kind", levels={"collision": "flash", …})

A form shows the precedence of each choice, and its check page that of the chosen one.
The rules are functions of the act. They are evaluated for every value of one choice, so
no page repeats them.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from dragoman.domain.acts.act_rules import Format
from dragoman.members import shapes
from dragoman.members.choices import ChoiceKind, FlagKind
from dragoman_schemas.act_frame import Act, Precedence
from dragoman_schemas.acts import SHAPES

ORDER: Final[tuple[Precedence, ...]] = ("flash", "immediate", "priority", "routine")
"""Precedences, the most urgent first."""
_FEW: Final = 6
_YES: Final = {"yes": True, "no": False}


@dataclass(frozen=True)
class PrecedenceRule:
    """The precedence of a format: one for all messages, or one for each choice.

    A choice is a value of the member `member`. Both are empty where the rule depends on
    more than one member.
    """

    always: str = ""
    member: str = ""
    levels: dict[str, str] = field(default_factory=dict)

    def level(self, chosen: str) -> str:
        """Return the precedence for a chosen value; empty where it is not known yet."""
        return self.always or self.levels.get(chosen, "")

    def groups(self) -> list[tuple[str, list[str]]]:
        """Return each precedence with its values, the most urgent first.

        A precedence with too many values to be read has an empty list.
        """
        groups = [
            (level, [value for value, text in self.levels.items() if value and text == level])
            for level in ORDER
        ]
        used = [(level, values) for level, values in groups if values]
        most = max((len(values) for _, values in used), default=0)
        return [(level, values if len(values) < max(most, _FEW) else []) for level, values in used]


def rule_of(form: Format | None, now: datetime) -> PrecedenceRule:
    """Return the rule of a format, for messages that are recorded now."""
    if form is None:
        return PrecedenceRule()
    act = form.rule.act
    members = shapes.members(act)
    empty: dict[str, Any] = dict.fromkeys(_required(act))
    always = _level(form, empty, now)
    for member in members:
        values: dict[str, Any] = _YES if isinstance(member.kind, FlagKind) else {}
        if isinstance(member.kind, ChoiceKind):
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
    """Return the constructor names of a shape's required members."""
    return [
        name
        for name, member in zip(
            SHAPES[act].__struct_fields__, SHAPES[act].__struct_encode_fields__, strict=True
        )
        if _needs(act, member)
    ]


def _needs(act: str, name: str) -> bool:
    member = shapes.member(act, name)
    return member is not None and member.required


def _attribute(act: str, name: str) -> str:
    return dict(
        zip(SHAPES[act].__struct_encode_fields__, SHAPES[act].__struct_fields__, strict=True)
    )[name]


def _level(form: Format, values: dict[str, Any], now: datetime) -> str:
    """Return the precedence of an act with these values.

    Empty where the rule depends on something else as well.
    """
    try:
        data: Act = SHAPES[form.rule.act](**values)
        return form.precedence(data, now.isoformat())
    except (AttributeError, TypeError, ValueError):
        return ""

"""The registry of all acts, and of all formats with the life of their exchanges.

A format of rules 1 is a line in the `FORMATS` of its family. Its own acts are lines in
the `RULES` of its family. What a later version of the rules adds or changes is in
`later_rules`. A channel is judged by the version that is in force there: `in_force`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dragoman.domain.acts import deadline_acts, passing_on, window_notices
from dragoman.domain.acts.act_rules import Format, Rule
from dragoman.domain.acts.families import (
    channel,
    common_acts,
    contact,
    delivery_outcomes,
    dialogue,
    internal_tasks,
    meeting,
    notification,
    release,
)
from dragoman.domain.acts.versions import later_rules
from dragoman_schemas.acts import rules_versions
from dragoman_schemas.state import Registry

_FORMATS_1: Final[dict[str, Format]] = {
    form.rule.act: form
    for family in (
        contact.FORMATS,
        meeting.FORMATS,
        notification.FORMATS,
        dialogue.FORMATS,
        release.FORMATS,
        internal_tasks.FORMATS,
    )
    for form in family
}

_RULES_1: Final[dict[str, Rule]] = {
    rule.act: rule
    for rule in (
        *(form.rule for form in _FORMATS_1.values()),
        *common_acts.RULES,
        *contact.RULES,
        *meeting.RULES,
        *notification.RULES,
        *dialogue.RULES,
        *release.RULES,
        *internal_tasks.RULES,
        *passing_on.RULES,
        *deadline_acts.RULES,
        *window_notices.RULES,
        *delivery_outcomes.RULES,
        *channel.RULES,
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesVersion:
    """One version of the rules: its acts and its formats, by the name of their act."""

    number: int
    rules: Mapping[str, Rule]
    formats: Mapping[str, Format]


def _versions() -> dict[int, RulesVersion]:
    """Return every version of the rules; each later one changes the one before it."""
    version = RulesVersion(number=1, rules=_RULES_1, formats=_FORMATS_1)
    versions = {1: version}
    for number, changes in sorted(later_rules.CHANGES.items()):
        formats = {**version.formats, **{form.rule.act: form for form in changes.formats}}
        rules = {
            **version.rules,
            **{form.rule.act: form.rule for form in changes.formats},
            **{rule.act: rule for rule in changes.rules},
        }
        version = RulesVersion(number=number, rules=rules, formats=formats)
        versions[number] = version
    return versions


VERSIONS: Final = _versions()
"""Every version of the rules that this program has, by its number."""

_NEWEST: Final = VERSIONS[rules_versions.NEWEST]
RULES: Final[Mapping[str, Rule]] = _NEWEST.rules
"""The acts of the newest version of the rules. What is judged goes by `in_force`."""

FORMATS: Final[Mapping[str, Format]] = _NEWEST.formats
"""The formats of the newest version of the rules."""


def in_force(registry: Registry) -> RulesVersion:
    """Return the version of the rules that is in force in a channel.

    It is the newest one for a channel whose version this program lacks. Such a channel
    is only read: nothing is judged there (`NewerRules`).
    """
    return VERSIONS.get(registry.rules, _NEWEST)


PATHS: Final[dict[str, str]] = {
    "contacts": "contact",
    "meetings": "meeting",
    "notifications": "notification",
    "dialogue": "dialogue",
    "desk": "desk",
    "channel": "channel",
}
"""The path segment under a channel to which the acts of a family are posted."""


def states() -> str:
    """Return the lives of all formats as a Markdown document.

    Each format has one Mermaid diagram.
    """
    lines = [
        "# States of exchanges",
        "",
        "Drawn from the tables in `services/dragoman/domain` by `make schemas`.",
        "",
    ]
    for form in FORMATS.values():
        lines += [
            f"## {form.code} `{form.rule.act}`",
            "",
            "```mermaid",
            "stateDiagram-v2",
            f"  [*] --> {form.start}",
        ]
        for act, moves in sorted(form.moves.items()):
            lines += [
                f"  {before} --> {after}: {act}"
                for before, after in moves.items()
                if before != after
            ]
        lines += [
            f"  {before} --> {after}: status-change"
            for before, changes in form.changes.items()
            for after in changes
        ]
        lines += ["```", "", "| act | who | allowed in | consenting |", "|---|---|---|---|"]
        for act, moves in sorted(form.moves.items()):
            rule = RULES[act]
            lines.append(
                f"| `{act}` | {rule.who.wording} | {', '.join(moves)} "
                f"| {'yes' if rule.consenting else ''} |"
            )
        lines.append("")
    return "\n".join(lines)

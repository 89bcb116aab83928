"""The registry of all acts, and of all formats with the life of their exchanges.

A new format is a line in the `FORMATS` of its family. Its own acts are lines in the
`RULES` of its family.
"""

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

FORMATS: Final[dict[str, Format]] = {
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

RULES: Final[dict[str, Rule]] = {
    rule.act: rule
    for rule in (
        *(form.rule for form in FORMATS.values()),
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
                f"| `{act}` | {rule.who.value} | {', '.join(moves)} "
                f"| {'yes' if rule.consenting else ''} |"
            )
        lines.append("")
    return "\n".join(lines)

"""The form of a side's onward list: which of its posts it tells of which messages.

    /admin/acts/onward-adoption?format=danger-area     with a row for that format

The act replaces the whole list, so the form begins with the list in force.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from msgspec import Struct

from dragoman.console.page.context import PageContext
from dragoman.domain.acts.act_registry import FORMATS, in_force
from dragoman.domain.acts.deadlines import profile_of
from dragoman.domain.acts.families.joining import INCIDENTS
from dragoman.domain.acts.window_notices import ANNOUNCED
from dragoman.members import shapes
from dragoman.members.choices import FormatKind
from dragoman.members.groups import RowsKind
from dragoman.members.kind import Kind


class OnwardFormQuery(Struct, frozen=True, kw_only=True):
    """The format for which the form has a row."""

    format: str = ""


def list_in_force(context: PageContext) -> dict[str, Any]:
    """Return the side's list, with a row for the format that the address names."""
    adoptions = context.registry.onward.get(context.side, ())
    entries: list[dict[str, Any]] = [
        {"format": item.format, "posts": list(item.posts)}
        | ({} if item.before_min is None else {"before_min": item.before_min})
        for item in (adoptions[-1].lists if adoptions else ())
    ]
    wanted = context.asked(OnwardFormQuery).format
    if wanted and not any(entry["format"] == wanted for entry in entries):
        entries.append({"format": wanted, "posts": []})
    return {"entries": entries}


def onward_kinds(context: PageContext) -> dict[str, Kind | None]:
    """Return the rows of a list, which may be empty, and the choice of a format."""
    member = shapes.member("onward-adoption", "entries")
    assert member is not None and isinstance(member.kind, RowsKind)
    choices = tuple(
        (act, f"{context.words.act(act)}, {FORMATS[act].code}") for act in _formats(context)
    )
    return {
        "entries": replace(member.kind, or_none=True),
        "entries.format": FormatKind(choices),
    }


def _formats(context: PageContext) -> list[str]:
    """Return the formats of the channel, those with windows and the incidents first."""
    acts = [
        act
        for act, form in in_force(context.registry).formats.items()
        if context.registry.kind in form.kinds and form.rule.message
    ]
    urgent = ANNOUNCED | INCIDENTS
    return sorted(acts, key=lambda act: (act not in urgent, FORMATS[act].code))


def onward_hints(context: PageContext) -> dict[str, str]:
    """Return the hints of a row, with the limits of the profile."""
    words, (limits, _) = context.words, profile_of(context.registry)
    return {
        "posts": words.say(
            "Kinds of posts, such as Early warning or Air defence. Names of units stay on "
            "your own desk."
        ),
        "before_min": words.say(
            "Left empty: %(d)s. A message without a window is passed on within %(s)s.",
            d=words.span(limits.passed_on_before),
            s=words.span(limits.passed_on),
        ),
    }


def after_onward(context: PageContext, content: Mapping[str, Any]) -> list[str]:
    """Return the consequences of a list."""
    say = context.words.say
    first = (
        say("This replaces the whole list of %(side)s.", side=context.side.upper())
        if content["entries"]
        else say("This ends the list of %(side)s.", side=context.side.upper())
    )
    return [first, say("A message follows the list that was in force when it was sent.")]

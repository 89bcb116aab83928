"""The texts with which the form of an act begins, before anybody has typed.

/compose/visit-request?f.kind=consular_access     what the link says
people-status                                     the side's own newest word
agenda                                            the version that there is
commenced, arrival, passed-on …                   the time now
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from dragoman.console.compose.writing import Writing
from dragoman.console.page.context import PageContext
from dragoman.domain.acts import consent
from dragoman.members.kind import PREFIX, form_fields

_AGENDA: Final = "agenda"
_PEOPLE: Final = "people-status"

_NOW: Final = {
    "commenced": "at",
    "holding": "at",
    "completed": "at",
    "arrival": "at",
    "departure": "at",
    "passed-on": "at",
    _PEOPLE: "as_of",
}
"""Acts about a time that is mostly now, and the member that has it."""

_MOST: Final = 20
"""The most fields that a link fills in."""


def linked_members(context: PageContext) -> set[str]:
    """Return the members that a link fills in, which the form shows unfolded.

    The names are those of the form's own fields, so no Struct can declare them.
    """
    names = (name.split(".") for name in context.request.query)
    return {parts[1] for parts in names if parts[0] == PREFIX and len(parts) > 1}


def beginnings(writing: Writing) -> Iterator[tuple[str, str]]:
    """Yield the fields with which a form begins, by name."""
    context = writing.context
    linked = [
        (name, text)
        for name, text in context.request.query.items()
        if name.startswith(f"{PREFIX}.")
    ]
    yield from linked[:_MOST]
    names = {name for name, _ in linked}
    member = _NOW.get(writing.act)
    if member is not None and f"{PREFIX}.{member}" not in names:
        yield f"{PREFIX}.{member}", f"{context.service.now():%H:%M}Z"
    if writing.act == _PEOPLE and not any(name.startswith("f.groups") for name in names):
        yield from _newest_people(writing)
    if writing.act == _AGENDA and f"{PREFIX}.topics" not in names:
        yield from _present_agenda(writing)


def _present_agenda(writing: Writing) -> Iterator[tuple[str, str]]:
    """Yield the topics of the side's own agenda, or else of another side's."""
    context, state = writing.context, writing.exchange
    versions = {} if state is None else consent.versions(state)
    topics = versions.get(context.side, next(reversed(versions.values()), None))
    if topics is not None:
        content = {"topics": msgspec.json.decode(topics)}
        yield from form_fields(context.registry.languages, writing.members(), content).items()


def _newest_people(writing: Writing) -> Iterator[tuple[str, str]]:
    """Yield the groups of the side's newest word, which the new one replaces."""
    context, state = writing.context, writing.exchange
    newest = [
        item
        for item in (() if state is None else state.acts.get(writing.act, ()))
        if item.said.side == context.side
    ][-1:]
    members = [member for member in writing.members() if member.name == "groups"]
    if newest:
        groups = {"groups": msgspec.json.decode(newest[0].content["groups"])}
        yield from form_fields(context.registry.languages, members, groups).items()

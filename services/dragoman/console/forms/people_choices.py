"""People of the register as pages offer and show them.

    offered = await choices(context)              people whom a form may offer
    people = await seen_in(context, content)      people whom an act's members name
    warnings = of_other_sides(context, "point-of-contact", content, people)

People who look alike are distinguished by side, post and number. A person of another
side is warned of where an act names people of the writer's own side.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from markupsafe import Markup
from msgspec import Raw, Struct, UnsetType

from dragoman.application import attachment_checks
from dragoman.console.page.context import PageContext
from dragoman.document.html import markup
from dragoman.document.invisible_characters import marked
from dragoman.domain.acts import references
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.members import shapes
from dragoman.members.kind import Member
from dragoman.members.sides import PersonKind, person
from dragoman.stores.people import StoredPerson
from dragoman_schemas.fields import Person, or_default
from dragoman_schemas.responses import PersonEntry, PersonSeen


class PersonChoice(Struct, frozen=True, kw_only=True):
    """A person who may be chosen in a form: the act's value, the side, and a label.

    `is_chosen` is true where the person is chosen already.
    """

    value: str
    side: str
    label: Markup
    is_chosen: bool = False


async def choices(context: PageContext) -> list[PersonChoice]:
    """Return the people of the register whom the reader may name.

    The reader's own side comes first. Raises `LogUnreachable`.
    """
    people = [
        (stored_person, stored_person.person)
        for stored_person in await context.service.people.listed(context.registry.cid)
        if not stored_person.erased and stored_person.open_to(context.grant.actor)
    ]
    entries = [
        (stored_person, entry)
        for stored_person, entry in people
        if not isinstance(entry, UnsetType)
    ]
    alike = Counter(
        person(stored_person.side, entry, dialled=False) for stored_person, entry in entries
    )
    entries.sort(
        key=lambda item: (
            item[0].side != context.side,
            item[0].side,
            item[1].name.casefold(),
            item[0].created,
        )
    )
    return [
        PersonChoice(
            value=msgspec.json.encode(
                Person(id=stored_person.id, commitment=stored_person.commitment)
            ).decode(),
            side=stored_person.side,
            label=_label(
                context,
                stored_person,
                entry,
                alone=alike[person(stored_person.side, entry, dialled=False)] == 1,
            ),
        )
        for stored_person, entry in entries
    ]


def _label(
    context: PageContext, stored_person: StoredPerson, entry: PersonEntry, *, alone: bool
) -> Markup:
    """Return the label of a choice.

    It has more of the entry where it would read like the label of another person.
    """
    shown = markup(person(stored_person.side, entry, dialled=False))
    if alone:
        return shown
    more = (
        []
        if isinstance(entry.institution, UnsetType)
        else [Markup('<span class="said">{}</span>').format(marked(entry.institution))]
    )
    for rows in (entry.telephones, entry.emails):
        more += [Markup("{}").format(one) for one in (or_default(rows, ()))]
    more.append(
        Markup("{}").format(
            context.words.say(
                "entered %(t)s", t=context.words.written(stored_person.created, "minute")
            )
        )
    )
    return Markup("{} <small>{}</small>").format(shown, Markup(", ").join(more))


def offered(people: Iterable[PersonChoice], side: str, chosen: Iterable[str]) -> list[PersonChoice]:
    """Return the choices of a member.

    With a `side`, only its people are offered. People who are chosen already are always
    offered, so that no choice is lost unseen.
    """
    commitments = {_commitment(value) for value in chosen}
    marked_up = (
        msgspec.structs.replace(
            person_choice, is_chosen=_commitment(person_choice.value) in commitments
        )
        for person_choice in people
    )
    return [
        person_choice
        for person_choice in marked_up
        if not side or person_choice.side == side or person_choice.is_chosen
    ]


def _commitment(value: str) -> str:
    """Return the commitment in the value of a choice, however its JSON is written.

    It names one revision of one entry. Empty for an invalid value.
    """
    try:
        return msgspec.json.decode(value.encode(), type=Person).commitment
    except (msgspec.DecodeError, UnicodeEncodeError):
        return ""


def id_of(value: str) -> str:
    """Return the id of the entry that the value of a choice names; empty for none."""
    try:
        return msgspec.json.decode(value.encode(), type=Person).id
    except (msgspec.DecodeError, UnicodeEncodeError):
        return ""


async def seen_in(context: PageContext, *values: Any) -> dict[str, PersonSeen]:
    """Return the people whom decoded acts name, as the register has them now."""
    mentioned: dict[str, set[str]] = {}
    for _, id, commitment in (item for value in values for item in references.people(value)):
        mentioned.setdefault(id, set()).add(commitment)
    return await seen(context, mentioned)


async def seen(context: PageContext, mentioned: Mapping[str, set[str]]) -> dict[str, PersonSeen]:
    """Return the people of some ids, each with the commitments by which acts name them.

    Where the register does not answer, every person is marked as unavailable.
    """
    try:
        return await attachment_checks.people_seen(
            context.service, context.projection, context.grant, mentioned
        )
    except LogUnreachable:
        return {id: PersonSeen(unavailable=True) for id in mentioned}


def decoded(content: Mapping[str, Raw]) -> dict[str, Any]:
    """Return the members of an act, decoded."""
    return {name: msgspec.json.decode(bytes(raw)) for name, raw in content.items()}


def of_other_sides(
    context: PageContext, act: str, content: Mapping[str, Any], people: Mapping[str, PersonSeen]
) -> list[str]:
    """Return a warning for each person of another side in a member for the own side.

    Such a member names people of the writer's own side.
    """
    return list(dict.fromkeys(_of_other_sides(context, shapes.members(act), content, people)))


def _of_other_sides(
    context: PageContext,
    members: Iterable[Member],
    content: Mapping[str, Any],
    people: Mapping[str, PersonSeen],
) -> Iterator[str]:
    words = context.words
    for member in members:
        if (
            member.name not in content
            or not isinstance(member.kind, PersonKind)
            or not member.kind.own_side
        ):
            continue
        for _, id, _ in references.people(content[member.name]):
            person_seen = people.get(id)
            if person_seen is None or person_seen.side in ("", context.side):
                continue
            entry = person_seen.entry
            name = words.say("somebody") if isinstance(entry, UnsetType) else entry.name
            yield words.say(
                "%(field)s: %(name)s is of %(side)s, and not of %(own)s.",
                field=words.field(member.name, member.act),
                name=name,
                side=person_seen.side.upper(),
                own=context.side.upper(),
            )

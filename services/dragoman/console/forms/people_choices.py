"""People of the register as pages offer and show them: told apart by side, post and number, and checked for the side that they are of.

offered = await choices(here)                 the people whom a form may offer
seen = await seen_in(here, content)           who is meant by an act's members
warnings = of_other_sides(here, "point-of-contact", content, seen)
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from markupsafe import Markup
from msgspec import Raw, Struct, UnsetType

from dragoman.application import attachment_checks
from dragoman.console.display.act_display import person
from dragoman.console.display.invisible_characters import marked
from dragoman.console.forms import field_types
from dragoman.console.rendering import PageContext
from dragoman.domain.acts import references
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.stores.people import StoredPerson
from dragoman_schemas.fields import Person
from dragoman_schemas.responses import PersonEntry, PersonSeen


class PersonChoice(Struct, frozen=True, kw_only=True):
    """Somebody who may be chosen in a form: the value that the act would hold, their side, how they are told apart.

    `held` where they are chosen already.
    """

    value: str
    side: str
    label: Markup
    held: bool = False


async def choices(here: PageContext) -> list[PersonChoice]:
    """Return the people of the register whom the reader may name, the reader's own side first. Raise `LogUnreachable`."""
    found = [
        (kept, kept.person)
        for kept in await here.service.people.listed(here.registry.cid)
        if not kept.erased and kept.open_to(here.grant.actor)
    ]
    known = [(kept, entry) for kept, entry in found if not isinstance(entry, UnsetType)]
    alike = Counter(person(kept.side, entry, dialled=False) for kept, entry in known)
    known.sort(
        key=lambda each: (
            each[0].side != here.side,
            each[0].side,
            each[1].name.casefold(),
            each[0].created,
        )
    )
    return [
        PersonChoice(
            value=msgspec.json.encode(Person(id=kept.id, commitment=kept.commitment)).decode(),
            side=kept.side,
            label=_label(
                here, kept, entry, alone=alike[person(kept.side, entry, dialled=False)] == 1
            ),
        )
        for kept, entry in known
    ]


def _label(here: PageContext, kept: StoredPerson, entry: PersonEntry, *, alone: bool) -> Markup:
    """Return what stands beside a choice; more of the entry where it would read like another one's."""
    shown = person(kept.side, entry, dialled=False)
    if alone:
        return shown
    more = (
        []
        if isinstance(entry.institution, UnsetType)
        else [Markup('<span class="said">{}</span>').format(marked(entry.institution))]
    )
    for each in (entry.telephones, entry.emails):
        more += [Markup("{}").format(one) for one in (() if isinstance(each, UnsetType) else each)]
    more.append(
        Markup("{}").format(
            here.words.say("entered %(t)s", t=here.words.written(kept.created, "minute"))
        )
    )
    return Markup("{} <small>{}</small>").format(shown, Markup(", ").join(more))


def offered(people: Iterable[PersonChoice], own: str, chosen: Iterable[str]) -> list[PersonChoice]:
    """Return the choices of a member: of one side where `own` names it, and whoever was chosen already, so that no choice is lost unseen."""
    held = {_commitment(each) for each in chosen}
    marked_up = (
        msgspec.structs.replace(each, held=_commitment(each.value) in held) for each in people
    )
    return [each for each in marked_up if not own or each.side == own or each.held]


def _commitment(value: str) -> str:
    """Return which revision of which entry the value of a choice names, however its JSON is written."""
    try:
        return msgspec.json.decode(value.encode(), type=Person).commitment
    except (msgspec.DecodeError, UnicodeEncodeError):
        return ""


def id_of(value: str) -> str:
    """Return which entry the value of a choice names; empty for none."""
    try:
        return msgspec.json.decode(value.encode(), type=Person).id
    except (msgspec.DecodeError, UnicodeEncodeError):
        return ""


async def seen_in(here: PageContext, *values: Any) -> dict[str, PersonSeen]:
    """Return who is meant in decoded acts, as the register has them now."""
    mentioned: dict[str, set[str]] = {}
    for _, id, commitment in (each for value in values for each in references.people(value)):
        mentioned.setdefault(id, set()).add(commitment)
    return await seen(here, mentioned)


async def seen(here: PageContext, mentioned: Mapping[str, set[str]]) -> dict[str, PersonSeen]:
    """Return who is meant by ids and the commitments that go with them; where the register does not answer, that."""
    try:
        return await attachment_checks.people_seen(
            here.service, here.projection, here.grant, mentioned
        )
    except LogUnreachable:
        return {id: PersonSeen(unavailable=True) for id in mentioned}


def decoded(content: Mapping[str, Raw]) -> dict[str, Any]:
    """Return the members of an act, decoded."""
    return {name: msgspec.json.decode(bytes(raw)) for name, raw in content.items()}


def of_other_sides(
    here: PageContext, act: str, content: Mapping[str, Any], people: Mapping[str, PersonSeen]
) -> list[str]:
    """Return a warning for each person of another side who stands where an act names people of the writer's own side."""
    return list(dict.fromkeys(_of_other_sides(here, field_types.members(act), content, people)))


def _of_other_sides(
    here: PageContext,
    members: Iterable[field_types.Member],
    content: Mapping[str, Any],
    people: Mapping[str, PersonSeen],
) -> Iterator[str]:
    words = here.words
    for member in members:
        if (
            member.name not in content
            or not isinstance(member.kind, field_types.PersonField)
            or not member.kind.own
        ):
            continue
        for _, id, _ in references.people(content[member.name]):
            known = people.get(id)
            if known is None or known.side in ("", here.side):
                continue
            entry = known.entry
            name = words.say("somebody") if isinstance(entry, UnsetType) else entry.name
            yield words.say(
                "%(field)s: %(name)s is of %(side)s, and not of %(own)s.",
                field=words.field(member.name),
                name=name,
                side=known.side.upper(),
                own=here.side.upper(),
            )

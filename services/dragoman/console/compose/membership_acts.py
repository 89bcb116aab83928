"""Forms of the acts on a channel's members: officers, keys, and the status.

They say what the shapes do not: the first content, the choices, and the consequences.
"""

from collections.abc import Mapping
from typing import Any, Final, get_args

from msgspec import Struct, field

from dragoman.console.forms.admin_forms import colleagues
from dragoman.console.page.context import PageContext
from dragoman.domain.acts.access import ROOT
from dragoman.i18n.words import Words
from dragoman.members.choices import ChoicesKind, NamedKind
from dragoman.members.kind import Kind
from dragoman_schemas.acts.office.channel import Role

_ROLES: Final[tuple[Role, ...]] = get_args(Role)


# Officers


class OfficerFormQuery(Struct, frozen=True, kw_only=True):
    """The officer whom the address names."""

    officer: str = field(name="f.officer", default="")


def present_officer(context: PageContext) -> dict[str, Any]:
    """Return the office and the roles of the officer whom the address names."""
    name = context.asked(OfficerFormQuery).officer
    officer = context.registry.officers.get(f"{context.side}/{name}")
    if officer is None or officer.until is not None:
        return {}
    return {"office": officer.office, "roles": list(officer.roles)}


def officer_kinds(context: PageContext) -> dict[str, Kind | None]:
    """Return the roles in their order, without keys: a key signs its own entry."""
    return {"keys": None, "roles": ChoicesKind(_ROLES)}


def officer_hints(context: PageContext) -> dict[str, str]:
    """Return the hints of an officer's form: the offices that the side has."""
    say = context.words.say
    offices = sorted(
        {
            officer.office
            for name, officer in context.registry.officers.items()
            if name.startswith(f"{context.side}/")
        }
    )
    return {
        "officer": say(
            "Like o-17, and never a person’s name. For a name in office, this changes the "
            "officer. A revoked name cannot be used again."
        ),
        "office": say("Offices so far: %(offices)s.", offices=context.words.listed(offices))
        if offices
        else say("Like brussels."),
    }


def work_of_roles(words: Words) -> dict[str, str]:
    """Return the work of each role, in a few words."""
    return {
        "officer": words.say("writes and answers"),
        "duty_officer": words.say(
            "has the watch; sends urgent messages at once, and a second officer confirms them later"
        ),
        "head_of_office": words.say("opens what binds the side; suspends the channel"),
        "auditor": words.say("reads the log, and posts nothing"),
        "administrator": words.say("enters officers, adopts limits"),
        "station": words.say(
            "a program on your premises; says what reached it, and writes nothing"
        ),
    }


def after_entry(context: PageContext, content: Mapping[str, Any]) -> list[str]:
    """Return the consequences of an officer's entry, or of a change."""
    words, actor = context.words, f"{context.side}/{content['officer']}"
    officer = context.registry.officers.get(actor)
    if officer is None:
        return [
            words.say(
                "Once this is recorded, the officer is in office. To sign in, the officer "
                "needs a token from the operator."
            )
        ]
    return [
        words.say(
            "%(officer)s is in office in %(office)s now, with these roles: %(roles)s. This "
            "replaces both.",
            officer=actor,
            office=officer.office,
            roles=words.listed(words.value(role) for role in officer.roles),
        )
    ]


def officers_in_office(context: PageContext) -> dict[str, Kind | None]:
    """Return the choice of an officer in office of the reader's side."""
    names = sorted(
        name.partition("/")[2]
        for name, officer in context.registry.officers.items()
        if name.startswith(f"{context.side}/") and officer.until is None
    )
    return {"officer": NamedKind(tuple((name, name) for name in names))}


def after_revocation(context: PageContext, content: Mapping[str, Any]) -> list[str]:
    """Return the consequences of an officer's revocation."""
    say, registry = context.words.say, context.registry
    actor = f"{context.side}/{content['officer']}"
    follows = [
        say(
            "Once this is recorded, %(officer)s can no longer read or do anything in this channel.",
            officer=actor,
        ),
        say("Open pages and streams of the officer end. Calendar links end too."),
        say(
            "What %(officer)s has said and signed stays in the record, and stays valid.",
            officer=actor,
        ),
        say("Nobody can be entered under this name again."),
    ]
    keys = sum(key.owner == actor and key.until is None for key in registry.keys.values())
    if keys:
        follows.append(
            context.words.count(
                "%(n)s key signs nothing more.", "%(n)s keys sign nothing more.", keys
            )
        )
    watch = registry.watches.get(context.side)
    if watch is not None and watch.since.by == actor:
        follows.append(
            say("%(officer)s has the watch now. Have a colleague take it first.", officer=actor)
        )
    if colleagues(context) == (content["officer"],):
        follows.append(
            say(
                "%(officer)s is the only administrator of %(side)s in office.",
                officer=actor,
                side=context.side.upper(),
            )
            + " "
            + say("After this nobody can enter or revoke officers of this side.")
        )
    return follows


# Keys


def valid_keys(context: PageContext) -> dict[str, Kind | None]:
    """Return the choice of a valid key of an officer of the reader's side."""
    keys = sorted(
        (key.owner, id)
        for id, key in context.registry.keys.items()
        if key.owner.partition("/")[0] == context.side
        and key.until is None
        and not key.owner.endswith(f"/{ROOT}")
    )
    say = context.words.say
    choices = ((id, say("%(what)s: %(value)s", what=owner, value=id)) for owner, id in keys)
    return {"key": NamedKind(tuple(choices))}


def key_hints(context: PageContext) -> dict[str, str]:
    """Return the hint of the first record in doubt."""
    return {
        "suspect_from": context.words.say(
            "If the key may have been stolen: the first record that somebody else may have "
            "signed with it."
        )
    }


def after_key_revocation(context: PageContext, content: Mapping[str, Any]) -> list[str]:
    """Return the consequences of a key's revocation."""
    say, key = context.words.say, context.registry.keys.get(content["key"])
    if key is None:
        return []
    follows = [
        say(
            "Once this is recorded, the key %(key)s can sign nothing more. It cannot be "
            "entered again.",
            key=content["key"],
        ),
        say("Its signatures stay in the record, and stay valid."),
        say("%(officer)s stays in office, and can be given another key.", officer=key.owner),
    ]
    if "suspect_from" in content:
        first = context.words.number(content["suspect_from"])
        follows.insert(2, say("From record %(n)s on they are shown as disputed.", n=first))
    return follows


# The status of the channel


def status_hints(context: PageContext) -> dict[str, str]:
    """Return the hint of the reason."""
    return {"reason": context.words.say("Needed for a suspension; both sides read it.")}


def after_status(context: PageContext, content: Mapping[str, Any]) -> list[str]:
    """Return the consequences of a new status."""
    if content["status"] != "suspended":
        return []
    return [
        context.words.say(
            "A suspension blocks nothing. Messages that are sent during it are marked."
        )
    ]

"""The acts of a channel itself, as officers and administrators write them on pages.

    /compose/officer?f.officer=o-17     the form, filled in with an officer in office

They open no exchange and continue none. Each is an act of its shape with the generated
form and the check page of all acts. This table adds what the shape does not say: the
page of administration that lists them, the first content of the form, the choices that
the channel has, and the consequences.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from dragoman.console.admin.admin_forms import colleagues, hindrance
from dragoman.console.context import PageContext
from dragoman.console.rendering import refused
from dragoman.domain.acts.access import ROOT
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.act_rules import OFFICERS, Who
from dragoman.domain.acts.families.channel import ADMINISTRATORS
from dragoman.i18n.words import Words
from dragoman.members.choices import ChoicesKind, NamedKind
from dragoman.members.groups import GroupKind, RowsKind
from dragoman.members.kind import Kind, Member
from dragoman.text import NameValue, Text, sentence
from dragoman_schemas.acts.office.channel import Role

_ROLES: Final[tuple[Role, ...]] = get_args(Role)

Content = dict[str, Any]
"""The members of an act, by name."""

Kinds = Mapping[str, Kind | None]
"""Kinds in place of those of the shape, by path. The form does not ask for None."""


@dataclass(frozen=True, kw_only=True)
class ChannelAct:
    """One act of the channel: who writes it on a page, and what its form says.

    `page` is the page of administration that lists such acts. `begin` returns the first
    content of the form, and `kinds` the kinds that depend on the channel. `follows`
    returns the consequences, for the check page. `hints` explain members and `choices`
    values, by name. `lead` is a sentence at the top of the form.
    """

    page: str
    roles: frozenset[Role] = ADMINISTRATORS
    begin: Callable[[PageContext], Content] = lambda context: {}
    kinds: Callable[[PageContext], Kinds] = lambda context: {}
    follows: Callable[[PageContext, Content], list[str]] = lambda context, content: []
    hints: Callable[[PageContext], Mapping[str, str]] = lambda context: {}
    choices: Callable[[Words], Mapping[str, str]] = lambda words: {}
    lead: Text | None = None


def refuse_others(context: PageContext, act: str) -> None:
    """Raise `Refused` where the reader may not write an act of the channel now."""
    match hindrance(context, CHANNEL_ACTS[act].roles, flag=is_of_keepers(act)):
        case "":
            return
        case "past":
            detail = sentence("You cannot write at a past moment. Go back to now.")
        case "role":
            detail = sentence(
                "You cannot do this as %(held)s: %(act)s. Only these roles can: %(roles)s.",
                held=_names(context.roles),
                act=NameValue("act", act),
                roles=_names(sorted(CHANNEL_ACTS[act].roles)),
            )
        case "signed":
            detail = sentence(
                "This act is signed with a key of yours, and you have none in this channel yet. "
                "The page “Your key” makes one; the command line signs with a key in a file."
            )
        case _:
            detail = sentence("Nothing can be recorded now.")
    raise refused("not-permitted", detail)


def _names(roles: Iterable[str]) -> tuple[NameValue, ...]:
    return tuple(NameValue("value", role) for role in roles)


def is_of_keepers(act: str) -> bool:
    """Return whether root or an administrator must sign an act."""
    return RULES[act].who is Who.KEEPERS


def with_kinds(members: Iterable[Member], kinds: Kinds, path: str = "") -> Iterator[Member]:
    """Yield members with the kinds that the channel gives them."""
    for member in members:
        name = path + member.name
        kind = kinds.get(name, member.kind)
        match kind:
            case None:
                continue
            case GroupKind():
                kind = GroupKind(tuple(with_kinds(kind.members, kinds, f"{name}.")))
            case RowsKind():
                parts = tuple(with_kinds(kind.parts, kinds, f"{name}."))
                kind = RowsKind(GroupKind(parts))
        yield replace(member, kind=kind)


# Officers


def _officer(context: PageContext) -> Content:
    """Return the office and the roles of the officer whom the address names."""
    name = context.request.query.get("f.officer", "")
    officer = context.registry.officers.get(f"{context.side}/{name}")
    if officer is None or officer.until is not None:
        return {}
    return {"office": officer.office, "roles": list(officer.roles)}


def _officer_hints(context: PageContext) -> dict[str, str]:
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


def _work_of_roles(words: Words) -> dict[str, str]:
    return {
        "officer": words.say("writes and answers"),
        "duty_officer": words.say(
            "has the watch; sends urgent messages at once, and a second officer confirms them later"
        ),
        "head_of_office": words.say("opens what binds the side; suspends the channel"),
        "auditor": words.say("reads the log, and posts nothing"),
        "administrator": words.say("enters officers, adopts limits"),
    }


def _after_entry(context: PageContext, content: Content) -> list[str]:
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


def _officers_in_office(context: PageContext) -> Kinds:
    names = sorted(
        name.partition("/")[2]
        for name, officer in context.registry.officers.items()
        if name.startswith(f"{context.side}/") and officer.until is None
    )
    return {"officer": NamedKind(tuple((name, name) for name in names))}


def _after_revocation(context: PageContext, content: Content) -> list[str]:
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


def _valid_keys(context: PageContext) -> Kinds:
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


def _key_hints(context: PageContext) -> dict[str, str]:
    return {
        "suspect_from": context.words.say(
            "If the key may have been stolen: the first record that somebody else may have "
            "signed with it."
        )
    }


def _after_key_revocation(context: PageContext, content: Content) -> list[str]:
    say, key = context.words.say, context.registry.keys[content["key"]]
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


def _after_status(context: PageContext, content: Content) -> list[str]:
    if content["status"] != "suspended":
        return []
    return [
        context.words.say(
            "A suspension blocks nothing. Messages that are sent during it are marked."
        )
    ]


# The table

CHANNEL_ACTS: Final[Mapping[str, ChannelAct]] = {
    "officer": ChannelAct(
        page="/admin/officers",
        begin=_officer,
        kinds=lambda context: {"keys": None, "roles": ChoicesKind(_ROLES)},
        hints=_officer_hints,
        choices=_work_of_roles,
        follows=_after_entry,
        lead=sentence(
            "Who may do what in this channel, by names of office and never by people’s own."
        ),
    ),
    "officer-revocation": ChannelAct(
        page="/admin/officers",
        kinds=_officers_in_office,
        follows=_after_revocation,
    ),
    "key-revocation": ChannelAct(
        page="/admin/keys",
        kinds=_valid_keys,
        hints=_key_hints,
        follows=_after_key_revocation,
    ),
    "channel-status": ChannelAct(
        page="/admin",
        roles=OFFICERS,
        hints=lambda context: {
            "reason": context.words.say("Needed for a suspension; both sides read it.")
        },
        follows=_after_status,
        lead=sentence(
            "Two officers say this: a colleague releases the draft. One of the two is a head "
            "of office."
        ),
    ),
}
"""The acts of the channel that a page asks for, by name."""

"""The acts of a channel itself, as officers and administrators write them on pages.

    /admin/acts/officer?f.officer=o-17     the form, filled in with an officer in office

They open no exchange and continue none. Their forms are below `/admin`, which proxies
send to the gateway with the keys of a trial. Each is an act of its shape with the
generated form and the check page of all acts. This table adds what the shape does not
say: the page of administration that lists them, the first content of the form, the
choices that the channel has, and the consequences.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from dragoman.console.compose import adoption_acts, erasure_acts, membership_acts, onward_acts
from dragoman.console.forms.admin_forms import hindrance
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import refused
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.act_rules import HEADS, OFFICERS, Who
from dragoman.domain.acts.families.channel import ADMINISTRATORS, check_ended
from dragoman.i18n.words import Words
from dragoman.members.groups import GroupKind, RowsKind
from dragoman.members.kind import Kind, Member
from dragoman.text import NameValue, Text, sentence
from dragoman_schemas.acts.office.channel import Role

Content = dict[str, Any]
"""The members of an act, by name."""

Kinds = Mapping[str, Kind | None]
"""Kinds in place of those of the shape, by path. The form does not ask for None."""


@dataclass(frozen=True, kw_only=True)
class KeepersAct:
    """One act of the channel: who writes it on a page, and what its form says.

    `page` is the page of administration that lists such acts. `begin` returns the first
    content of the form, and `kinds` the kinds that depend on the channel. `complete`
    returns the act with what no officer types. `follows` returns the consequences, for
    the check page. `hints` explain members and `choices` values, by name. `lead` is a
    sentence at the top of the form. The check page leaves out the members that `leave`
    names, since the consequences say the same. Pages record an act that is `trial_only`
    where the host keeps the keys.
    """

    page: str
    roles: frozenset[Role] = ADMINISTRATORS
    begin: Callable[[PageContext], Content] = lambda context: {}
    kinds: Callable[[PageContext], Kinds] = lambda context: {}
    complete: Callable[[PageContext, Content], Content] = lambda context, content: content
    follows: Callable[[PageContext, Content], list[str]] = lambda context, content: []
    hints: Callable[[PageContext], Mapping[str, str]] = lambda context: {}
    choices: Callable[[Words], Mapping[str, str]] = lambda words: {}
    lead: Text | None = None
    leave: tuple[str, ...] = ()
    trial_only: bool = False


def refuse_others(context: PageContext, act: str) -> None:
    """Raise `Refused` where the reader may not write an act of the channel now."""
    if (refusal := check_ended(context.registry, act)) is not None:
        raise refused(refusal.kind, refusal.detail)
    if CHANNEL_ACTS[act].trial_only and context.registry.custody != "host":
        detail = sentence("Every side signs the erasure itself as well, on the command line.")
        raise refused("not-permitted", detail)
    match hindrance(context, CHANNEL_ACTS[act].roles, flag=is_of_keepers(act)):
        case "" | "unwritable":  # A form always opens: only sending waits.
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
        case "reading":
            detail = sentence("Your token only allows reading. Ask the operator for another token.")
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
                kind = replace(kind, group=GroupKind(parts))
        yield replace(member, kind=kind)


# The table

_ERASED: Final = sentence(
    "All sides together can take whole exchanges out of the record. That something was said "
    "stays; what it was does not."
)

CHANNEL_ACTS: Final[Mapping[str, KeepersAct]] = {
    "officer": KeepersAct(
        page="/admin/officers",
        begin=membership_acts.present_officer,
        kinds=membership_acts.officer_kinds,
        hints=membership_acts.officer_hints,
        choices=membership_acts.work_of_roles,
        follows=membership_acts.after_entry,
        lead=sentence(
            "Who may do what in this channel, by names of office and never by people’s own."
        ),
    ),
    "officer-revocation": KeepersAct(
        page="/admin/officers",
        kinds=membership_acts.officers_in_office,
        follows=membership_acts.after_revocation,
    ),
    "key-revocation": KeepersAct(
        page="/admin/keys",
        kinds=membership_acts.valid_keys,
        hints=membership_acts.key_hints,
        follows=membership_acts.after_key_revocation,
    ),
    "channel-status": KeepersAct(
        page="/admin",
        roles=OFFICERS,
        hints=membership_acts.status_hints,
        follows=membership_acts.after_status,
        lead=sentence(
            "Two officers say this: a colleague releases the draft. One of the two is a head "
            "of office."
        ),
    ),
    "profile-adoption": KeepersAct(
        page="/admin/profiles",
        begin=adoption_acts.newest_profile,
        kinds=adoption_acts.senders_of_checks,
        complete=adoption_acts.with_checks_as_adopted,
        hints=adoption_acts.profile_hints,
        choices=adoption_acts.ladders,
        follows=adoption_acts.after_adoption,
        lead=sentence("The form begins with the newest adoption of any side."),
    ),
    "codebook-adoption": KeepersAct(
        page="/admin/codebook",
        begin=adoption_acts.newest_codebook,
        kinds=adoption_acts.codebooks,
        follows=adoption_acts.after_adoption,
    ),
    "policy-adoption": KeepersAct(
        page="/admin/policy",
        begin=adoption_acts.newest_policy,
        complete=adoption_acts.with_policy_as_adopted,
        hints=adoption_acts.policy_hints,
        follows=adoption_acts.after_policy,
    ),
    "rules-adoption": KeepersAct(
        page="/admin/rules",
        begin=adoption_acts.later_rules,
        kinds=adoption_acts.rules_kinds,
        complete=adoption_acts.with_release,
        follows=adoption_acts.after_rules,
    ),
    "onward-adoption": KeepersAct(
        page="/admin/onward",
        roles=HEADS,
        begin=onward_acts.list_in_force,
        kinds=onward_acts.onward_kinds,
        hints=onward_acts.onward_hints,
        follows=onward_acts.after_onward,
        lead=sentence(
            "Each side says to which of its own posts it passes on which messages. From then "
            "on both sides see whether it did, and a limit runs."
        ),
    ),
    "erasure-consent": KeepersAct(
        page="/admin/erasures",
        kinds=erasure_acts.consent_kinds,
        complete=erasure_acts.with_records,
        hints=erasure_acts.erasure_hints,
        follows=erasure_acts.after_consent,
        lead=_ERASED,
        leave=("records",),
    ),
    "erasure": KeepersAct(
        page="/admin/erasures",
        kinds=erasure_acts.erasure_kinds,
        complete=erasure_acts.with_records,
        hints=erasure_acts.erasure_hints,
        follows=erasure_acts.after_erasure,
        lead=_ERASED,
        leave=("records",),
        trial_only=True,
    ),
}
"""The acts of the channel that a page asks for, by name."""

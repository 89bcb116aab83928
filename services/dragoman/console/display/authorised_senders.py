"""Officers who may send an act, named to somebody who is about to write it.

    sending = authorised_senders.of(registry, "nato/o-1", rule)
    sending.alone         whether the reader sends it without a colleague
    sending.colleagues    officers besides the reader who send or release it
    authorised_senders.senders_text(words, sending)    the same in a sentence

The sentence has no identifiers but the officers' names. A form shows it before its
first field, and not after the last one.
"""

from typing import Final

from msgspec import Struct

from dragoman.domain.acts.act_rules import OFFICERS, Rule
from dragoman.i18n.words import Words
from dragoman_schemas.acts.office.channel import Role
from dragoman_schemas.state import Registry

_ROLES: Final[tuple[Role, ...]] = ("duty_officer", "head_of_office", "officer")
"""The roles of officers in order: of several roles, the first is named."""


class Colleague(Struct, frozen=True, kw_only=True):
    """An officer of the reader's side, and the role for which they may send the act."""

    name: str
    role: Role


class Sending(Struct, frozen=True, kw_only=True):
    """The officers of a side who may send one act.

    `alone` is true where the reader needs no colleague. `second` is true where one
    officer writes the act and another releases it. `needed` are the roles that the act
    asks for.
    """

    alone: bool
    second: bool
    colleagues: tuple[Colleague, ...]
    needed: tuple[Role, ...]

    @property
    def hands_over(self) -> bool:
        """Return whether the reader writes the act for a colleague.

        The colleague sends it as their own.
        """
        return not self.alone and not self.second


def senders_of(registry: Registry, actor: str, rule: Rule, *, second: bool = False) -> Sending:
    """Return the officers of the actor's side who may send an act.

    `second` is true where this very act takes two officers, though others of its kind
    do not.
    """
    two_officers = rule.two_key or second
    officer = registry.officers.get(actor)
    roles = frozenset[Role]() if officer is None else frozenset(officer.roles)
    side = actor.partition("/")[0]
    colleagues = []
    for name, other in registry.officers.items():
        if (
            not name.startswith(f"{side}/")
            or name == actor
            or other.until is not None
            or OFFICERS.isdisjoint(other.roles)
        ):
            continue
        if rule.roles.isdisjoint((*other.roles, *roles) if two_officers else other.roles):
            continue
        roles_held = [name_of_role for name_of_role in _ROLES if name_of_role in other.roles]
        role = next(
            (name_of_role for name_of_role in roles_held if name_of_role in rule.roles),
            roles_held[0],
        )
        colleagues.append(Colleague(name=name.partition("/")[2], role=role))
    return Sending(
        alone=not two_officers and not rule.roles.isdisjoint(roles),
        second=two_officers,
        colleagues=tuple(
            sorted(colleagues, key=lambda colleague: (_ROLES.index(colleague.role), colleague.name))
        ),
        needed=tuple(name_of_role for name_of_role in _ROLES if name_of_role in rule.roles),
    )


def names(words: Words, sending: Sending) -> str:
    """Return the colleagues' names as a button shows them: "d-1 or h-1"."""
    return words.either(colleague.name for colleague in sending.colleagues)


def senders_text(words: Words, sending: Sending) -> str:
    """Return the officers who may send, in sentences.

    Empty where the reader sends without a colleague.
    """
    if sending.alone:
        return ""
    roles = words.either(words.value(text) for text in sending.needed)
    if not sending.colleagues:
        return words.say(
            "Only a %(roles)s can send this, and nobody of your side is one. Ask your "
            "administrator to enter one.",
            roles=roles,
        )
    who = words.either(
        words.say("%(role)s (%(name)s)", role=words.value(colleague.role), name=colleague.name)
        for colleague in sending.colleagues
    )
    if sending.second:
        return words.say(
            "This takes a second officer. Write it and check it, then the %(who)s can release it.",
            who=who,
        )
    return words.say(
        "Only the %(who)s can send this. Write it and check it, then hand it over: they see "
        "it at once.",
        who=who,
    )


def role_and_name(words: Words, registry: Registry, actor: str) -> str:
    """Return an officer's role and name as pages show them: "duty officer d-1"."""
    officer = registry.officers.get(actor)
    name = actor.partition("/")[2] or actor
    if officer is None or not officer.roles:
        return name
    role = next((text for text in _ROLES if text in officer.roles), officer.roles[0])
    return words.say("%(role)s %(name)s", role=words.value(role), name=name)

"""Officers who may send an act, said to somebody who is about to write it: before the first field, and not after the last.

sending = senders.of(registry, "nato/o-1", rule)
sending.alone                     whether the reader sends it without a colleague
sending.colleagues                who else does, or releases what the reader wrote
senders.told(words, sending)      the same in a sentence, without any identifier but the officers' names
"""

from typing import Final

from msgspec import Struct

from dragoman.domain.acts.act_rules import OFFICERS, Rule
from dragoman.i18n.words import Words
from dragoman_schemas.acts.office.channel import Role
from dragoman_schemas.state import Registry

_ROLES: Final[tuple[Role, ...]] = ("duty_officer", "head_of_office", "officer")
"""The role that is named of somebody who has several, the first of these."""


class Colleague(Struct, frozen=True, kw_only=True):
    """An officer of the reader's side: name, and the role for which they may send the act."""

    name: str
    role: Role


class Sending(Struct, frozen=True, kw_only=True):
    """Who of a side may send one act; `second` where one officer writes it and another releases it, `needed` the roles that it asks for."""

    alone: bool
    second: bool
    colleagues: tuple[Colleague, ...]
    needed: tuple[Role, ...]

    @property
    def hands_over(self) -> bool:
        """Return whether the reader writes the act for a colleague, who sends it as their own."""
        return not self.alone and not self.second


def of(registry: Registry, actor: str, rule: Rule, *, second: bool = False) -> Sending:
    """Return who of the actor's side may send an act. `second` where this very act takes two officers, though others of its kind do not."""
    two = rule.two_key or second
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
        if rule.roles.isdisjoint((*other.roles, *roles) if two else other.roles):
            continue
        texts = [text for text in _ROLES if text in other.roles]
        role = next((text for text in texts if text in rule.roles), texts[0])
        colleagues.append(Colleague(name=name.partition("/")[2], role=role))
    return Sending(
        alone=not two and not rule.roles.isdisjoint(roles),
        second=two,
        colleagues=tuple(
            sorted(colleagues, key=lambda colleague: (_ROLES.index(colleague.role), colleague.name))
        ),
        needed=tuple(text for text in _ROLES if text in rule.roles),
    )


def names(words: Words, sending: Sending) -> str:
    """Return the colleagues' names, as a button says them: d-1 or h-1."""
    return words.either(colleague.name for colleague in sending.colleagues)


def told(words: Words, sending: Sending) -> str:
    """Return who may send, in sentences; empty where the reader does without a colleague."""
    if sending.alone:
        return ""
    roles = words.either(words.value(text) for text in sending.needed)
    if not sending.colleagues:
        return words.say(
            "Only a %(roles)s can send this, and nobody of your side is one. Ask your administrator to enter one.",
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
        "Only the %(who)s can send this. Write it and check it, then hand it over: they see it at once.",
        who=who,
    )


def titled(words: Words, registry: Registry, actor: str) -> str:
    """Return an officer as pages name them: duty officer d-1."""
    officer = registry.officers.get(actor)
    name = actor.partition("/")[2] or actor
    if officer is None or not officer.roles:
        return name
    role = next((text for text in _ROLES if text in officer.roles), officer.roles[0])
    return words.say("%(role)s %(name)s", role=words.value(role), name=name)

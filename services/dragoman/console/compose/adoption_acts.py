"""Forms of adoptions: limits, a codebook, rules, and a policy of witnesses.

An adoption binds only if every side has made it alike, to the letter. So a form begins
with the newest adoption of any side. An adoption that means the same as another side's
is recorded as that side has written it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UnsetType

from dragoman import __version__
from dragoman.console.page.context import PageContext
from dragoman.domain.acts.versions import adoption
from dragoman.i18n.words import Words, as_moment
from dragoman.members.choices import NamedKind
from dragoman.members.kind import Kind
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.state import Adopted

# Limits


def newest_profile(context: PageContext) -> dict[str, Any]:
    """Return the newest adoption of a profile by any side."""
    adoptions = context.registry.profiles.values()
    newest = max(adoptions, key=lambda item: item.adopted.position, default=None)
    if newest is None:
        return {"profile": "default"}
    checks = _checks_of(newest)
    return {"profile": newest.profile} | ({} if checks is None else {"line_check": checks})


def _checks_of(adopted: Adopted) -> dict[str, Any] | None:
    if isinstance(adopted.line_check, UnsetType):
        return None
    checks: dict[str, Any] = msgspec.json.decode(adopted.line_check)
    return checks


def senders_of_checks(context: PageContext) -> dict[str, Kind | None]:
    """Return the choice of who sends line checks: a side, or the sides in turn."""
    choices = [
        ("alternating", context.words.say("the sides in turn")),
        *((side, side.upper()) for side in context.sides),
    ]
    return {"line_check.sent_by": NamedKind(tuple(choices))}


def profile_hints(context: PageContext) -> dict[str, str]:
    """Return the hints of the schedule of line checks."""
    say = context.words.say
    return {
        "line_check": say("Left empty, the line is not checked by schedule."),
        "at": say("Like 06:00 18:00."),
        "zone": say("Like Europe/Brussels or Asia/Shanghai."),
        "from": say("Left empty, from when the last side adopts it."),
    }


def ladders(words: Words) -> dict[str, str]:
    """Return the ladder of each profile, in a few words."""
    return {
        "default": words.say("every limit, without a ladder"),
        "vienna": words.say("with a ladder of two days each"),
        "shanghai": words.say("with a ladder of seven days"),
    }


def with_checks_as_adopted(context: PageContext, content: dict[str, Any]) -> dict[str, Any]:
    """Return an adoption with line checks as another side wrote the same."""
    if "line_check" not in content:
        return content
    checks = content["line_check"]
    if "from" in checks:
        checks = {**checks, "from": f"{as_moment(checks['from']):%Y-%m-%dT%H:%MZ}"}
    for item in context.registry.profiles.values():
        adopted = _checks_of(item)
        if adopted is not None and _meaning(adopted) == _meaning(checks):
            checks = adopted
    return {**content, "line_check": checks}


def _meaning(checks: Mapping[str, Any]) -> dict[str, Any]:
    begin = as_moment(checks["from"]) if "from" in checks else None
    return {**checks, "at": sorted(checks["at"]), "from": begin}


def after_adoption(context: PageContext, content: Mapping[str, Any]) -> list[str]:
    """Return the consequence of an adoption."""
    return [context.words.say("It binds once every side has adopted the same.")]


# The codebook


def newest_codebook(context: PageContext) -> dict[str, Any]:
    """Return the newest version of a codebook."""
    book = next(iter(CODEBOOKS.values()))
    return {"codebook": book.name, "version": book.version}


def codebooks(context: PageContext) -> dict[str, Kind | None]:
    """Return the choice of a codebook."""
    return {"codebook": NamedKind(tuple((name, name) for name in CODEBOOKS))}


# Rules


def later_rules(context: PageContext) -> dict[str, Any]:
    """Return the next version of the rules that the side may adopt."""
    versions = adoption.adoptable(context.registry, context.side)
    return next(({"rules": number} for number in versions if number > context.registry.rules), {})


def rules_kinds(context: PageContext) -> dict[str, Kind | None]:
    """Return the choice of a version. No form asks for its first release."""
    registry, say = context.registry, context.words.say
    choices = [
        (
            str(number),
            say("Rules %(n)s", n=number)
            if number > registry.rules
            else say("Take the adoption back"),
        )
        for number in adoption.adoptable(registry, context.side)
    ]
    return {"rules": NamedKind(tuple(choices), whole=True), "release": None}


def with_release(context: PageContext, content: dict[str, Any]) -> dict[str, Any]:
    """Return an adoption with the release that has the later rules."""
    is_later = content["rules"] > context.registry.rules
    return {**content, "release": __version__} if is_later else content


def after_rules(context: PageContext, content: Mapping[str, Any]) -> list[str]:
    """Return the consequences of an adoption of rules, or of taking one back."""
    say = context.words.say
    if content["rules"] <= context.registry.rules:
        return []
    return [
        say("It binds once every side has adopted the same."),
        say(
            "Before a side adopts a later version, every program that reads the channel should "
            "have it: gateways, mirrors and witnesses of all sides. One that lacks it stops "
            "there and says so."
        ),
    ]


# Witnesses


def newest_policy(context: PageContext) -> dict[str, Any]:
    """Return the newest policy that any side adopted, or else that of the opening."""
    adoptions = context.registry.policies.values()
    newest = max(adoptions, key=lambda item: item.adopted.position, default=None)
    policy = context.registry.policy if newest is None else newest.policy
    return {"policy": policy} if policy else {}


def policy_hints(context: PageContext) -> dict[str, str]:
    """Return the hint of a policy's text."""
    return {
        "policy": context.words.say(
            "Every side must adopt the same text, to the letter. The form begins with the "
            "newest adoption of any side."
        )
    }


def with_policy_as_adopted(context: PageContext, content: dict[str, Any]) -> dict[str, Any]:
    """Return a policy as another side wrote the same; otherwise with a line end."""
    registry, text = context.registry, content["policy"]
    policies = [registry.policy, *(item.policy for item in registry.policies.values())]
    written = next((policy for policy in policies if policy.strip() == text), f"{text}\n")
    return {**content, "policy": written}


def after_policy(context: PageContext, content: Mapping[str, Any]) -> list[str]:
    """Return the consequence of a policy's adoption."""
    return [context.words.say("It is in force once every side has adopted the same.")]

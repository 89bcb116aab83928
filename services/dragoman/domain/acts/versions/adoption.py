"""The adoption of a version of the rules, side by side.

    rules-adoption      keepers; signed

A version is in force once every side that is no observer has adopted the same one. The
version in force only rises. A side may adopt a version that this program lacks: others
may have it, and the sides decide what they go by.
"""

from msgspec.structs import replace

from dragoman.domain.acts.access import full_sides
from dragoman.domain.acts.act_rules import Folding
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import sentence
from dragoman_schemas.acts import rules_versions
from dragoman_schemas.acts.office.channel import RulesAdoption
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import AdoptedRules, Registry


def check(registry: Registry, side: str, data: RulesAdoption) -> Refusal | None:
    """Refuse a version that is past, and an adoption that changes nothing."""
    if data.rules < registry.rules:
        return invalid(
            "/rules",
            sentence(
                "rules %(rules)s are in force, and rules do not go back; adopt a later version",
                rules=registry.rules,
            ),
        )
    if data.rules == _standing(registry, side):
        return invalid(
            "/rules",
            sentence("%(side)s has adopted rules %(rules)s already", side=side, rules=data.rules),
        )
    return None


def _standing(registry: Registry, side: str) -> int:
    """Return the version that a side has adopted; without one, the one in force."""
    adopted = registry.rules_adopted.get(side)
    return registry.rules if adopted is None else max(adopted.rules, registry.rules)


def adoptable(registry: Registry, side: str) -> tuple[int, ...]:
    """Return the versions of this program that a side may adopt now.

    The version in force is among them if the side takes an adoption back by it.
    """
    standing = _standing(registry, side)
    return tuple(
        number for number in rules_versions.ACTS if number >= registry.rules and number != standing
    )


def evolve(registry: Registry, folding: Folding[RulesAdoption]) -> Registry:
    """Return the registry after an adoption, with the version that is in force then."""
    data = folding.record.data
    adopted = {
        **registry.rules_adopted,
        folding.record.side: AdoptedRules(
            adopted=folding.stamp, rules=data.rules, release=or_default(data.release, "")
        ),
    }
    after = replace(registry, rules_adopted=adopted)
    versions = {_standing(after, side) for side in full_sides(registry)}
    return replace(after, rules=versions.pop()) if len(versions) == 1 else after


def release_of(registry: Registry, rules: int) -> str:
    """Return the release that the sides named for a version; empty if none did."""
    return next(
        (
            adopted.release
            for adopted in registry.rules_adopted.values()
            if adopted.rules == rules and adopted.release
        ),
        "",
    )


def pending(registry: Registry) -> dict[int, tuple[str, ...]]:
    """Return the versions that some sides have adopted and that are not in force.

    The sides that have adopted each version are named.
    """
    waiting: dict[int, tuple[str, ...]] = {}
    for side, adopted in registry.rules_adopted.items():
        if adopted.rules > registry.rules:
            waiting[adopted.rules] = (*waiting.get(adopted.rules, ()), side)
    return waiting

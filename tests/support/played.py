"""A scenario of the package, played into a world without a service, at the times of then."""

from datetime import datetime, timedelta
from typing import Any

from dragoman.cli import scenario_posts
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.fold import Folded
from dragoman.domain.record import ids
from world import OFFICERS, World


def played(name: str, until: str = "9999-01-01T00:00:00Z") -> tuple[World, dict[str, str]]:
    """The first channel of a scenario, up to a time, and its exchanges by their names there."""
    content = scenario_posts.scenario(name)
    channel = content["channels"][0]
    opens = datetime.fromisoformat(content["opens"])
    world = World(
        sides=tuple(channel["sides"]),
        name=channel["name"],
        kind=channel["kind"],
        languages=channel["languages"],
        clock=opens,
    )
    for side in world.sides:
        body = {"act": "profile-adoption", "profile": content["profile"]}
        assert isinstance(world.keep(f"{side}/root", body), Folded)
    exchanges: dict[str, str] = {}
    alone = {
        entry["body"]["of"] for entry in content["entries"] if entry["body"]["act"] == "second-key"
    }
    for entry in content["entries"]:
        time = datetime.fromisoformat(entry["at"])
        if entry["channel"] != world.name or time > datetime.fromisoformat(until):
            continue
        world.clock = max(world.clock, time - timedelta(seconds=1))
        body = scenario_posts._with_ids(entry["body"], exchanges)
        if "person" in entry:
            member, person = scenario_posts._person_of(entry)
            id = ids.from_key(world.name, f"{entry['side']}/o-1", str(person["name"]))
            body |= {member: {"id": id, "commitment": "3f" * 32}}
        actor, drafter = (
            f"{entry['side']}/{OFFICERS[role]}" for role in (entry["role"], "officer")
        )
        label = entry["post"].partition("exchanges/")[2].removesuffix("/acts")
        exchange = exchanges.get(label, "")
        two_key = entry.get("two_key", False)
        folded = world.keep(
            drafter if two_key else actor,
            body,
            exchange,
            seen=RULES[body["act"]].consenting and bool(exchange),
            released_by=actor if two_key else "" if _names(entry) & alone else None,
        )
        assert isinstance(folded, Folded), (entry, folded)
        assert folded.valid and folded.record is not None, (entry, folded)
        exchanges |= dict.fromkeys(_names(entry), folded.record.envelope.id)
    return world, exchanges


def _names(entry: Any) -> set[str]:
    """Return the names that a scenario gives to what an entry records."""
    return {entry[given] for given in ("as", "record_as") if given in entry}

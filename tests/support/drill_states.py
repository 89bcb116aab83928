"""The recorded states of the five-minute drill, written from a channel in memory.

PYTHONPATH=tests/support python tests/support/drill_states.py
"""

from pathlib import Path

import msgspec

from dragoman_schemas.state import encode
from world import World

TARGET = Path(__file__).parents[2] / "services" / "dragoman" / "office" / "alarm" / "drill.json"
FLASH = {
    "act": "hazardous-incident",
    "precedence": "flash",
    "kind": "near_miss",
    "time": "2026-11-24T03:05+08:00",
    "place": {"lat": 15.12, "lon": 116.44},
    "facts": {
        "en": "EXERCISE EXERCISE EXERCISE. Two aircraft passed close to each other. No damage is known.",
        "fr": "EXERCISE EXERCISE EXERCISE. Deux aéronefs sont passés très près l’un de l’autre. Aucun dommage connu.",
        "zh-Hans": "EXERCISE EXERCISE EXERCISE。两架飞机近距离交会。尚不知有无损失。",
    },
}


def recorded() -> bytes:
    """Return the registry, and the exchange when sent, acknowledged and answered."""
    world = World(sides=("north", "south"), name="drill", languages=["en", "fr", "zh-Hans"])
    for side in world.sides:
        world.keep(f"{side}/root", {"act": "profile-adoption", "profile": "default"})
    exchange = world.open("north/d-1", FLASH)
    states = {"sent": world.exchange(exchange)}
    world.keep("south/d-1", {"act": "acknowledgement"}, exchange)
    states["acknowledged"] = world.exchange(exchange)
    world.keep("south/d-1", {"act": "reply", "text": "EXERCISE. Received."}, exchange)
    states["answered"] = world.exchange(exchange)
    assert states["answered"].messages[0].answered
    whole = {
        "registry": msgspec.Raw(encode(world.registry)),
        **{name: msgspec.Raw(encode(state)) for name, state in states.items()},
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n"


if __name__ == "__main__":
    TARGET.write_bytes(recorded())

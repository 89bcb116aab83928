"""The facts of a flash stand first on its page, however many sides there are."""

from pathlib import Path

import pytest

from dragoman.office.exchanges import exchange_page
from dragoman.projection.store import Store
from served import page_of, served, spoken
from world import INCIDENT, World

SIDES = ("estonia", "latvia", "lithuania", "russia")
"""The sides besides the two that are always there."""

FIRST = 600
"""The number of characters of a page within which its facts stand."""


@pytest.mark.parametrize("number", [2, 6])
async def test_the_facts_of_a_flash_stand_before_what_grows_with_the_sides(
    number: int, tmp_path: Path
) -> None:
    sides = tuple(sorted(("china", "nato", *SIDES)[:number]))
    world = World(sides=sides)
    flash = {**INCIDENT, "precedence": "flash", "casualties": 3}
    exchange = world.open("nato/d-1", flash)
    for side in sides:
        account = {"act": "counter-account", "facts": "Seen from afar.", "casualties": 3}
        world.keep(f"{side}/d-1", account, exchange, seen=True)
    store = Store(tmp_path / "facts.sqlite")
    async with served(world, store, tmp_path) as (app, service, projection):
        handler, found = exchange_page.exchange, {"exchange": exchange}
        _, text = await page_of(app, service, projection, "china/o-1", handler=handler, found=found)
    words = spoken(text).strip()
    facts = words[words.index("Facts, as stated now") : words.index("Who has it")]
    for label in ("Time", "Place", "Casualties"):
        assert words.index(facts) + facts.index(label) < FIRST
    assert words.index("Who has it") < FIRST, words[:FIRST]
    store.close()

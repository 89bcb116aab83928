"""What the pages show in their own place: titles, reports, errors, and lists, as rendered HTML."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.console.pages import meetings_page
from dragoman.projection.store import Store
from served import page_of, served, spoken
from world import REQUEST, World


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A projection file of its own."""
    store = Store(tmp_path / "projection.sqlite")
    yield store
    store.close()


async def test_a_side_that_never_answered_a_held_meeting_is_not_waited_for(
    store: Store, tmp_path: Path
) -> None:
    world = World()
    id = world.open("nato/o-1", {**REQUEST, "for_the_record": True})
    held = {"act": "meeting-held", "from": "2010-06-01T08:00Z", "to": "2010-06-01T09:00Z"}
    world.keep("nato/o-1", {**held, "for_the_record": True}, id)
    async with served(world, store, tmp_path) as (app, service, projection):
        _, html = await page_of(
            app, service, projection, "nato/o-1", handler=meetings_page.meetings
        )
    assert re.search("CHINA *: no answer is recorded", spoken(html))
    assert "#i-due" not in html

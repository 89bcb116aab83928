"""After its end nothing waits in a channel: no page and no report says that a receipt is awaited."""

from pathlib import Path

import pytest

from dragoman.office.alarm import board
from dragoman.office.auditing import reports_page
from dragoman.office.exchanges import exchange_page, inbox
from dragoman.projection.store import Store
from served import Handler, page_of, served, spoken
from world import INCIDENT, World

END = {"act": "channel-end", "reason": {"en": "We go on elsewhere."}}
PAGES: dict[Handler, tuple[str, str]] = {
    board.board: ("1 waits for you", "Nothing waits for an acknowledgement."),
    inbox.inbox: ("waiting", "Near miss"),
    exchange_page.exchange: ("Not acknowledged yet waiting", "Not acknowledged –"),
    reports_page.situation: ("The channel is in force.", "The channel has been ended since"),
}
"""Words of each page that stand before the end alone, and words that stand after it."""


@pytest.mark.parametrize("handler", PAGES)
async def test_nobody_is_said_to_owe_a_receipt_after_the_end(
    handler: Handler, tmp_path: Path
) -> None:
    store, world = Store(tmp_path / "projection.sqlite"), World()
    id = world.open("nato/d-1", INCIDENT)
    before = world.position
    assert world.attested(END, "nato/root", "china/root").valid
    waits, ended = PAGES[handler]
    try:
        async with served(world, store, tmp_path) as (app, service, projection):
            texts = [
                spoken(
                    (
                        await page_of(
                            app, service, projection, "china/d-1", at, handler, {"exchange": id}
                        )
                    )[1]
                )
                for at in (before, 0)
            ]
    finally:
        store.close()
    assert [waits in text for text in texts] == [True, False], texts
    assert ended in texts[1], texts[1]

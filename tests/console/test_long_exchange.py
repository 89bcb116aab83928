"""Pages of a long exchange: a timeline comes in pages of so many bytes, and no template is compiled
on the event loop.
"""

import threading
from pathlib import Path
from typing import Any

import jinja2
import pytest
from msgspec import Raw

from dragoman.console.page import rendering
from dragoman.limits import TIMELINE_BYTES
from dragoman.office.exchanges import exchange_page
from dragoman.projection.queries.exchange_view import exchange_view
from dragoman.projection.store import Store
from samples import SAMPLES
from served import page_of, served
from views import found
from world import World

UPDATES = 20


def long_exchange() -> tuple[World, str]:
    """An exchange of more than a megabyte."""
    world = World()
    exchange = world.open("nato/h-1", {**SAMPLES["hazardous-incident"]})
    for number in range(UPDATES):
        world.keep(
            "nato/h-1", {"act": "update", "text": f"Update {number}. " + "word " * 11_900}, exchange
        )
    return world, exchange


async def test_a_timeline_comes_in_pages_of_so_many_bytes(tmp_path: Path) -> None:
    world, exchange = long_exchange()
    store = Store(tmp_path / "long.sqlite")
    async with served(world, store, tmp_path) as (_, _, projection):
        positions: list[int] = []
        cursor, pages = 0, 0
        while cursor or not pages:
            view = found(
                store, world.name, exchange_view, exchange, "", "nato", (), cursor, now=world.clock
            )
            assert (
                sum(
                    len(bytes(each.record))
                    for each in view.timeline
                    if isinstance(each.record, Raw)
                )
                <= TIMELINE_BYTES
            )
            positions = [*(entry.position for entry in view.timeline), *positions]
            cursor, pages = view.earlier, pages + 1
        assert pages >= UPDATES * 60_000 // TIMELINE_BYTES
        assert positions == sorted(set(positions))
        assert len(positions) == UPDATES + 1
        whole = found(
            store, world.name, exchange_view, exchange, "", "nato", (), 0, 0, now=world.clock
        )
        assert [entry.position for entry in whole.timeline] == positions, "what is printed is whole"
        assert projection.state.position == len(world.raws)
    store.close()


async def test_no_template_of_a_page_is_compiled_on_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendering.environment.cache_clear()
    rendering._READY.clear()
    monkeypatch.setattr(rendering, "_COMPILED", rendering._CompiledTemplates())
    threads: set[int] = set()
    compile = jinja2.Environment.compile

    def watched(self: jinja2.Environment, *arguments: Any, **keywords: Any) -> Any:
        threads.add(threading.get_ident())
        return compile(self, *arguments, **keywords)

    monkeypatch.setattr(jinja2.Environment, "compile", watched)
    world, exchange = long_exchange()
    store = Store(tmp_path / "long.sqlite")
    async with served(world, store, tmp_path) as (app, service, projection):
        _, page = await page_of(
            app,
            service,
            projection,
            "nato/h-1",
            handler=exchange_page.exchange,
            found={"exchange": exchange},
        )
    store.close()
    assert "Update 19." in page
    assert threads
    assert threading.get_ident() not in threads
    threads.clear()
    for language in ("fr", "zh"):
        rendering.environment(language).get_template("exchange.html")
    assert not threads, "one compilation serves every language"

"""A message is sealed: nothing that is recorded later changes a letter inside its frame.

A frame with check words shows only what is in the bytes of the record whose words they are. So over
the whole life of an exchange the frame stays what it was when its record was the newest. That goes
for the page, the printed form, and the card to be read aloud. Beside the frame stands the present
state, whose values each name the record that has them.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import histories
from dragoman.console.matter import print_views
from dragoman.domain.acts import developments
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import parse_stored
from dragoman.domain.views import attribution
from dragoman.office.exchanges import exchange_page
from dragoman.projection.store import Store
from dragoman_schemas.responses import ExchangeView
from dragoman_schemas.state import Exchange
from lives import LIVES, C, N
from played import played
from samples import act
from served import Handler, page_of, served
from world import REQUEST, World

FRAMES: dict[Handler, re.Pattern[str]] = {
    exchange_page.exchange: re.compile(r'<article class="sheet".*?</article>', re.DOTALL),
    print_views.form: re.compile(r"<table [^>]*data-message>.*?</table>", re.DOTALL),
    print_views.card: re.compile(r'<ol class="card-lines">.*?</ol>', re.DOTALL),
}
BESIDE = re.compile(r"<small data-since=.*?</small>|<li data-later>.*?</li>", re.DOTALL)
"""The service's mark that a later record changed a value, and the words of that record."""
SCENARIOS = ("rocket-1995", "convoy-2024", "explosion-2022")


def frame_of(html: str, handler: Handler) -> str:
    """The words inside the frame of a message, without what the service adds to it."""
    found = FRAMES[handler].search(html)
    assert found is not None, html
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", BESIDE.sub("", found[0])))


def lived(life: str) -> World:
    """A channel with the life of one format."""
    world = World()
    (opener, opening, _), *steps = LIVES[life]
    id = world.open(opener, act(opening) if isinstance(opening, str) else opening)
    for actor, step, _ in steps:
        kept = world.keep(actor, act(step) if isinstance(step, str) else step, id, seen=True)
        assert isinstance(kept, Folded) and kept.valid, kept
    return world


def arranged() -> World:
    """A meeting whose dates each side replaces, and a launch that is postponed and corrected."""
    world = World()
    id = world.open(N, {**REQUEST, "venue": "Brussels"})
    world.keep(C, act("counter-proposal"), id)
    world.keep(N, act("postponement"), id)
    world.keep(C, {"act": "acceptance", "window": 0}, id, seen=True)
    launch = world.open(N, act("launch-notice"))
    world.keep(N, act("postponement"), launch)
    subject = {"act": "correction", "reason": "A slip.", "fields": {"subject": "As it was meant"}}
    assert isinstance(world.keep("nato/h-1", subject, launch, seen=True), Folded)
    return world


def within(exchange: Exchange, world: World) -> None:
    """Check that the members of an opening, and all later values, are in their own records."""

    def content(position: int) -> tuple[str, dict[str, Any]]:
        record = parse_stored(world.raws[position - 1])
        return record.envelope.actor, content_of(record.newest)

    _, opened = content(exchange.opened.position)
    sent = developments.opening_as_sent(exchange)
    assert {name: bytes(value) for name, value in sent.items()} == {
        name: bytes(value) for name, value in opened.items()
    }
    for item in developments.later_values(exchange):
        by, members = content(item.said.position)
        assert by == item.said.by
        assert any(bytes(item.value) in bytes(value) for value in members.values()), item
    opener_values = {
        item.name for item in developments.later_values(exchange) if item.how != "proposed"
    }
    for name, value in exchange.content.items():
        assert bytes(value) == bytes(opened.get(name, b"")) or name in opener_values, name


def exchanges(world: World) -> list[Exchange]:
    """The exchanges of a channel."""
    ids = {parse_stored(raw).envelope.id for raw in world.raws}
    known = map(world.ledger.exchange, sorted(ids))
    return sorted(
        (exchange for exchange in known if isinstance(exchange, Exchange)),
        key=lambda exchange: exchange.opened.position,
    )


@pytest.mark.parametrize("life", LIVES)
def test_the_values_of_a_message_and_of_its_changes_are_in_their_own_records(life: str) -> None:
    world = lived(life)
    for exchange in exchanges(world):
        within(exchange, world)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_in_any_history_the_values_are_in_their_own_records(data: st.DataObject) -> None:
    steps = (
        *histories.STEPS,
        *("counter-proposal", "postponement", "acceptance", "correction", "update"),
        *("amendment", "amendment-agreement", "agreement", "grant", "agenda", "counter-account"),
    )
    world = histories.a_history(data, openings=histories.WIDE, steps=steps, most=25)
    for exchange in exchanges(world):
        within(exchange, world)


@pytest.mark.parametrize("name", ["arranged", *SCENARIOS, *LIVES])
async def test_no_later_record_changes_a_letter_in_the_frame_of_a_message(
    name: str, tmp_path: Path
) -> None:
    world = arranged() if name == "arranged" else lived(name) if name in LIVES else played(name)[0]
    store = Store(tmp_path / "projection.sqlite")
    async with served(world, store, tmp_path) as (app, service, projection):
        for exchange in exchanges(world):
            if attribution.unattributed(exchange):
                continue
            of = {"channel": world.name, "exchange": exchange.id}
            for handler in FRAMES:
                frames = {
                    at: frame_of(
                        (await page_of(app, service, projection, N, at, handler, of))[1], handler
                    )
                    for at in (exchange.opened.position, exchange.updated.position)
                }
                first, *later = frames.values()
                assert first.strip()
                assert all(frame == first for frame in later), frames
    store.close()


async def test_each_value_beside_a_message_names_its_record_and_its_side(tmp_path: Path) -> None:
    world = arranged()
    meeting, launch = exchanges(world)
    store = Store(tmp_path / "projection.sqlite")
    async with served(world, store, tmp_path) as (app, service, projection):

        async def read(handler: Handler, exchange: Exchange) -> str:
            of = {"channel": world.name, "exchange": exchange.id}
            html = (await page_of(app, service, projection, N, 0, handler, of))[1]
            return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))

        for handler in FRAMES:
            text = await read(handler, meeting)
            for item in meeting.proposed.values():
                side = item.said.side.upper()
                assert f"proposed by {side}, record {item.said.position}" in text
            assert "proposed by NATO" in await read(handler, launch)
        card = await read(print_views.card, meeting)
        for item in meeting.proposed.values():  # the end of a card has the words of each record
            assert f", record {item.said.position} " in card.partition("The words come")[0]
    store.close()


async def test_the_words_come_first_and_receipts_are_one_row_a_side(tmp_path: Path) -> None:
    """Four sides and three messages: three rows of receipts, below the words."""
    world = World(sides=("nato", "china", "osce", "un"))
    id = world.open("nato/d-1", act("hazardous-incident"))
    for _ in range(2):
        world.keep("nato/d-1", {"act": "reply", "text": "More will follow."}, id)
        world.keep("nato/d-1", act("update"), id)
    store = Store(tmp_path / "projection.sqlite")
    async with served(world, store, tmp_path) as (app, service, projection):
        of = {"channel": world.name, "exchange": id}
        page, html = await page_of(
            app, service, projection, "china/d-1", 0, exchange_page.exchange, of
        )
    store.close()
    assert isinstance(page.view, ExchangeView)
    addressed = [receipt.side for receipt in page.view.receipts]
    assert addressed == ["china", "osce", "un"]
    assert re.findall(r'<tr data-side="(\w+)"', html) == addressed
    words, rows = html.index('<article class="sheet"'), html.index("data-sides")
    assert html.index('class="facts-now"') < rows < words

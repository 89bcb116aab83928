"""Pages as rendered HTML: titles, errors, lists, the wall display and the past."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from markupsafe import Markup

from dragoman.console.display.card_tables import cards
from dragoman.console.matter.reading import READ_POSITIONS
from dragoman.office.alarm import board
from dragoman.office.auditing import audit_log
from dragoman.office.exchanges import inbox
from dragoman.office.meetings import meetings_page
from dragoman.projection.store import Store
from dragoman.stores.read_positions import ReadPosition
from dragoman.stores.read_positions import _key as read_key
from served import Handler, page_of, served, spoken
from world import INCIDENT, NOTE, REQUEST, World


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


def _flash(number: int) -> dict[str, object]:
    return {**INCIDENT, "precedence": "flash", "facts": f"Report {number} of a long night."}


def _on_wall(html: str) -> list[str]:
    return re.findall(r'data-(?:exchange|matter)="([^"]+)"', html)


async def test_the_wall_display_has_no_control_and_the_worst_first(
    store: Store, tmp_path: Path
) -> None:
    world = World()
    for number in range(6):
        world.open("nato/o-1", {**NOTE, "text": f"Note {number}. " + "A long subject. " * 8})
    flash = world.open("nato/d-1", _flash(1))
    async with served(world, store, tmp_path) as (app, service, projection):
        _, html = await page_of(app, service, projection, "china/d-1", query="wall=1")
        _, past = await page_of(app, service, projection, "china/d-1", 12, query="wall=1")
        _, whole = await page_of(app, service, projection, "china/d-1")
    for display in (html, past):
        assert not re.search(r"<(a|button|form|input|select|dialog)[ >]", display)
    assert "data-flash" in html[: html.index("</li>")]
    shown = _on_wall(html)
    assert shown[0] == flash
    assert f"{whole.count('<li data-state=') - len(shown)} more on the board" in html
    assert "You are looking at the past." in past


async def test_no_waiting_flash_is_among_those_that_have_no_room_on_the_wall(
    store: Store, tmp_path: Path
) -> None:
    world = World()
    world.open("nato/o-1", {**NOTE, "text": "A note. " + "A long subject. " * 8})
    ids = [world.open("nato/d-1", _flash(number)) for number in range(7)]
    async with served(world, store, tmp_path) as (app, service, projection):
        _, html = await page_of(app, service, projection, "china/d-1", query="wall")
        _, whole = await page_of(app, service, projection, "china/d-1")
    assert "6 more FLASH messages wait." in html
    for id in ids[1:]:
        assert "/".join(world.exchange(id).number.split("/")[1:4]) in html
    assert _on_wall(html)[0] == ids[0]
    rows = re.findall("<li data-state=[^>]*>", whole)
    others = sum("data-flash" not in row for row in rows)
    assert len(rows) - others == len(ids)
    displayed = len(re.findall("<li data-state=(?![^>]*data-flash)", html))
    assert f"{others - displayed} more on the board" in html, "no flash"


@pytest.mark.parametrize(
    ("handler", "path"),
    [(board.board, ""), (inbox.inbox, ""), (meetings_page.meetings, ""), (audit_log.log, "")],
    ids=["board", "inbox", "meetings", "log"],
)
async def test_every_page_has_the_control_of_the_past_in_its_own_place(
    store: Store, tmp_path: Path, handler: Handler, path: str
) -> None:
    world = World()
    world.open("nato/o-1", NOTE)
    async with served(world, store, tmp_path) as (app, service, projection):
        _, now = await page_of(app, service, projection, "nato/o-1", handler=handler)
        _, past = await page_of(app, service, projection, "nato/o-1", 5, handler=handler)
    assert past.count('id="travel"') == 1
    assert past.count('id="travel-slider"') == past.count('id="travel-record"') == 1
    assert 'name="page" value="/c/nato-china"' in past, "it leads back to the page that it is on"
    assert now.count('id="travel"') + now.count('class="travel-now"') == 1, "or a link to it"
    assert 'id="cell-then-moment"' in past
    forms = re.findall(r"<form[^>]*>", past[past.index('<main id="main"') : past.index("</main>")])
    assert not [form for form in forms if 'method="post"' in form]
    links = re.findall(r'href="(/c/[^"]*)"', past)
    assert not [link for link in links if "at=" not in link and link != "/c/nato-china"]


@pytest.mark.parametrize("axis", ["record", "time"])
async def test_the_slider_and_the_chart_above_it_show_the_moment_at_the_same_place(
    store: Store, tmp_path: Path, axis: str
) -> None:
    world = World()
    for hours in (1, 30, 31, 400):
        world.clock += timedelta(hours=hours)
        world.open("nato/o-1", NOTE)
    at = world.position - 1
    async with served(world, store, tmp_path) as (app, service, projection):
        _, html = await page_of(
            app,
            service,
            projection,
            "nato/o-1",
            at,
            handler=audit_log.log,
            query=f"axis={axis}",
        )
    slider = re.search(r'min="(\d+)" max="(\d+)" step="\d+" value="(\d+)"', html)
    cursor = re.search(r'<path class="heavy" d="M([\d.]+)', html)
    wide = re.search(r'viewBox="0 0 ([\d.]+)', html[html.index('class="chart density"') - 200 :])
    assert slider and cursor and wide
    least, most, value = map(int, slider.groups())
    share = (float(cursor[1]) - 8) / (float(wide[1]) - 16)
    assert (value - least) / (most - least) == pytest.approx(share, abs=0.01)
    assert share > 0.8 if axis == "record" else share < 0.2


async def test_a_line_of_the_inbox_has_a_subject_that_says_what_it_is_about(
    store: Store, tmp_path: Path
) -> None:
    world = World()
    long = "The launch was towed to the northern harbour by a tug that happened to pass there."
    world.open("nato/o-1", {**NOTE, "text": {"en": long}})
    world.open("nato/d-1", {**INCIDENT, "precedence": "flash"})
    async with served(world, store, tmp_path) as (app, service, projection):
        _, html = await page_of(app, service, projection, "nato/a-1", handler=inbox.inbox)
        _, found = await page_of(
            app, service, projection, "nato/a-1", handler=inbox.inbox, query="q=HARBOUR"
        )
    links = re.findall(r'<td class="subject">.*?<a href="[^"]+">(.*?)</a>', html)
    subjects = [re.sub(r"<[^>]+>", "", link) for link in links]
    assert subjects[0].replace("\N{NO-BREAK SPACE}", " ") == (
        "Near miss, 15°07′N 116°26′E, 23 Nov 2026 19:05Z"
    )
    assert subjects[1] == "The launch was towed to the northern harbour by a tug that …"
    assert re.search(r'lang="en">The launch', html)
    assert "<mark>harbour</mark> by a tug" in found


async def test_the_inbox_opens_on_what_waits_for_the_reader_and_on_everything_if_nothing_does(
    store: Store, tmp_path: Path
) -> None:
    world = World()
    world.open("nato/o-1", {**REQUEST})
    async with served(world, store, tmp_path) as (app, service, projection):
        for actor in ("nato/o-1", "china/a-1"):
            _, html = await page_of(app, service, projection, actor, handler=inbox.inbox)
            assert html.count("data-exchange=") == 1, actor
        with pytest.raises(AssertionError):  # it is no page, but leads to what waits
            await page_of(app, service, projection, "china/o-1", handler=inbox.inbox)
        _, html = await page_of(
            app, service, projection, "china/o-1", handler=inbox.inbox, query="waits=all"
        )
    assert re.search(r'aria-current="true">Everything', html)


async def test_news_of_an_exchange_are_marked_until_its_reader_has_read_them(
    store: Store, tmp_path: Path
) -> None:
    world = World()
    first, second = (world.open("nato/o-1", NOTE) for _ in range(2))
    async with served(world, store, tmp_path) as (app, service, projection):
        positions, cid = app[READ_POSITIONS], projection.registry.cid
        entry = ReadPosition(actor="china/o-1", cid=cid, floor=1, exchanges={first: world.position})
        service.access.bucket.values[read_key("china/o-1", cid)] = msgspec.json.encode(entry)
        assert positions.of("china/o-1", cid) == entry
        for actor, new in (("china/o-1", [second]), ("china/o-2", []), ("nato/o-1", [])):
            _, html = await page_of(
                app, service, projection, actor, handler=inbox.inbox, query="waits=all"
            )
            rows = re.findall(r'data-exchange="([^"]+)" data-row data-unread', html)
            assert rows == new, actor


def test_the_cells_of_a_table_name_their_columns_for_a_narrow_screen() -> None:
    table = Markup(
        '<table class="log"><thead><tr><th scope="col">Officer</th><th scope="col">Roles '
        '&amp; office</th></tr></thead><tbody><tr><th scope="row">d-1</th><td>duty</td></tr>'
        "</tbody></table>"
    )
    html = cards(table)
    assert 'class="log cards"' in html
    assert '<th scope="row" data-of="Officer">d-1</th>' in html
    assert '<td data-of="Roles &amp; office">duty</td>' in html
    figures = cards(Markup(str(table).replace('"log"', '"log roomy figures"')))
    assert 'class="log cards roomy figures"' in figures and 'data-of="Officer"' in figures
    own = Markup(str(table).replace('"log"', '"log roomy sea-table"'))
    assert cards(own) == own, "its narrow form is its own"
    named = cards(Markup(str(table).replace("<td>", '<td data-of="SOUTH">')))
    assert '<td data-of="SOUTH">duty</td>' in named, "a template's own name stays"
    spanned = table.replace("<td>", '<td colspan="2">')
    assert cards(spanned) == spanned, "a cell over several columns has no one name"

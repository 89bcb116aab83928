"""A page of the past has two coordinates: the newest record then, and the clock of then. What was
recorded follows from the record; limits, windows and ages follow from the clock.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dragoman.application.service import Service
from dragoman.console.matter import print_views
from dragoman.console.page import point_in_time
from dragoman.domain.record.errors import Refused
from dragoman.office.agreements import mechanisms_page, undertakings_page
from dragoman.office.alarm import board
from dragoman.office.auditing import audit_log, reports_page, statistics_page
from dragoman.office.dialogue import dialogue_page
from dragoman.office.duty import since_watch
from dragoman.office.exchanges import exchange_page, inbox
from dragoman.office.incidents import in_force_page, knowledge_page, sea_chart_page
from dragoman.office.meetings import meetings_page, month_view
from dragoman.office.people import contacts
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.stores.tokens_and_sessions import Grant
from played import played
from served import Handler, context_of, page_of, reads_of, served, spoken

LAUNCH = "1995-01-25T06:24:00Z"
READER = "russia/d-1"
PAGES: tuple[Handler, ...] = (
    board.board,
    inbox.inbox,
    meetings_page.meetings,
    month_view.calendar,
    contacts.people,
    dialogue_page.dialogue,
    statistics_page.statistics,
    reports_page.reports,
    reports_page.situation,
    reports_page.record_of_the_period,
    reports_page.turn_over,
    in_force_page.in_force,
    sea_chart_page.chart,
    undertakings_page.undertakings,
    mechanisms_page.mechanisms,
    since_watch.since_watch,
    audit_log.log,
)
OF_EXCHANGES: tuple[Handler, ...] = (
    exchange_page.exchange,
    knowledge_page.lanes,
    print_views.form,
    print_views.card,
)


class Rocket(NamedTuple):
    """The channel of the rocket, as it is served long after, and its exchanges by name."""

    app: web.Application
    service: Service
    projection: Projection
    named: dict[str, str]
    newest_at_launch: int

    async def page(self, handler: Handler, query: str, exchange: str = "") -> str:
        """A page's body as Russia's duty officer reads it."""
        found = {"channel": self.projection.name}
        if exchange:
            found["exchange"] = self.named[exchange]
        _, text = await page_of(
            self.app, self.service, self.projection, READER, 0, handler, found, query
        )
        return text


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("rocket") / "projection.sqlite")
    yield store
    store.close()


@pytest.fixture
async def rocket(store: Store, tmp_path: Path) -> AsyncIterator[Rocket]:
    world, named = played("rocket-1995")
    before, _ = played("rocket-1995", until=LAUNCH)
    world.clock = datetime(1995, 3, 1, tzinfo=UTC)
    async with served(world, store, tmp_path) as (app, service, projection):
        yield Rocket(app, service, projection, named, before.position)


async def test_the_board_of_the_launch_is_of_its_minute_and_not_of_the_record_before(
    rocket: Rocket,
) -> None:
    body = await rocket.page(board.board, f"at={LAUNCH}")
    text = spoken(body)
    past = spoken(body, 'div class="past"')
    assert "25 Jan 1995 06:24:00Z; newest record then: " in past
    assert f"newest record then: {rocket.newest_at_launch}, of 22 Dec 1994 08:00" in past
    assert "late by 10 d" in text


async def test_the_lanes_begin_at_the_minute_that_was_asked_for(rocket: Rocket) -> None:
    at = "1995-01-25T06:33:10Z"
    text = spoken(await rocket.page(knowledge_page.lanes, f"at={at}", "ALARM"))
    assert "At 25 Jan 1995 06:33:10Z" in text


async def test_a_window_that_has_been_open_for_ten_days_is_open(rocket: Rocket) -> None:
    text = spoken(await rocket.page(in_force_page.in_force, f"at={LAUNCH}"))
    assert "1 open" in text
    assert "opens in" not in text
    page = spoken(await rocket.page(exchange_page.exchange, f"at={LAUNCH}", "ROCKET"))
    assert re.search(r"limit was 15 Jan 1995 03:00Z, 10 d 3 h", page), page


@pytest.mark.parametrize("handler", PAGES, ids=lambda handler: handler.__name__)
async def test_every_link_of_a_page_of_the_past_keeps_its_clock(
    rocket: Rocket, handler: Handler
) -> None:
    await keeps_clock(rocket, handler)


@pytest.mark.parametrize("handler", OF_EXCHANGES, ids=lambda handler: handler.__name__)
async def test_every_link_of_a_page_of_an_exchange_keeps_its_clock(
    rocket: Rocket, handler: Handler
) -> None:
    await keeps_clock(rocket, handler, "ROCKET")


async def keeps_clock(rocket: Rocket, handler: Handler, exchange: str = "") -> None:
    """Every address with `at` names the time, but those that lead to another record."""
    body = await rocket.page(handler, f"at={LAUNCH}", exchange)
    body = re.sub(r'<div class="past".*?</div>\s*</div>', "", body, flags=re.DOTALL)
    body = re.sub(r'<form class="travel".*?</form>', "", body, flags=re.DOTALL)
    addresses = re.findall(r'(?:href|action|data-next)="([^"]+)"', body.replace("&amp;", "&"))
    for address in addresses:
        query = parse_qs(urlsplit(address).query)
        at = query.get("at", query.get("to", [LAUNCH]) if "/reports/" in address else [LAUNCH])[0]
        if query.get("to") == ["1995-01-25T06:24:00.001Z"]:
            continue  # the address of a report has the record and the time
        assert re.fullmatch(r"1995-01-25T06:24:00(\.000)?Z", at), address
    for at in re.findall(r'name="at" value="([^"]*)"', body):
        assert re.fullmatch(r"1995-01-25T06:24:00(\.000)?Z", at)


@pytest.mark.parametrize(
    ("go", "leads"),
    [
        ("go=before", "at={newest}"),
        ("go=after", "at={after}"),
        ("go=now", ""),
        ("", "at=1995-01-25T06%3A24%3A00.000Z"),
        ("time=1994-12-21T12:00Z", "at=1994-12-21T12%3A00%3A00.000Z"),
        ("record=7", "at=7"),
        ("time=now", "at=1995-02-28T23%3A59%3A59.999Z"),
        ("axis=time&slider=86400&was_slid=0", "at=1994-12-02T08%3A00%3A01.000Z"),
        ("slider=9&was_slid=1", "at=9"),
    ],
)
async def test_the_control_of_the_past_leads_to_records_and_to_times(
    rocket: Rocket, go: str, leads: str
) -> None:
    query = f"at={LAUNCH}&page=/c/norway-russia&{go}"
    served_at = (rocket.app, rocket.service, rocket.projection)
    answer = await point_in_time.go(await context_of(*served_at, READER, query=query))
    expected = leads.format(newest=rocket.newest_at_launch, after=rocket.newest_at_launch + 1)
    address = "/c/norway-russia" + (f"?{expected}" if expected else "")
    assert answer.headers["Location"] == address


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("1995-03-02T00:00Z", "The log is known here until 1995-03-01"),
        ("1994-11-30T00:00Z", "The channel was not open then."),
        ("1995-01-25", "is not a valid time"),
        ("1995-01-25T06:24", "is not a valid time"),
        ("yesterday", "is not a valid time"),
        ("999", "Records are counted from 1 to 36"),
    ],
)
async def test_a_moment_that_there_was_not_is_answered_clearly(
    rocket: Rocket, at: str, says: str
) -> None:
    with pytest.raises(Refused) as refused:
        await rocket.page(board.board, f"at={at}")
    assert says in str(refused.value.refusal.detail)


async def test_the_time_of_a_record_is_the_moment_of_that_record(rocket: Rocket) -> None:
    """The two addresses say the same, and both lead on by the record."""
    by_record = await rocket.page(board.board, f"at={rocket.newest_at_launch}")
    time = re.search(r"The channel as it was at record \d+, (.*?)\.<", by_record)
    assert time is not None
    moment = datetime.strptime(time[1], "%d %b %Y %H:%M:%SZ").replace(tzinfo=UTC)
    by_time = await rocket.page(board.board, f"at={moment:%Y-%m-%dT%H:%M:%SZ}")
    assert spoken(by_time) == spoken(by_record)
    later = await rocket.page(board.board, f"at={moment + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}")
    assert spoken(later) != spoken(by_record)


# The API


@pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")
async def test_the_api_works_limits_and_windows_out_for_the_time_that_is_asked_for(
    rocket: Rocket,
) -> None:
    registry = rocket.projection.registry
    grant = Grant(id="reader", actor=READER, channels=(registry.cid,))
    app = reads_of(rocket.service, grant)
    channel, exchange = f"/v1/channels/{rocket.projection.name}", rocket.named["ROCKET"]

    async with TestClient(TestServer(app)) as client:

        async def read(path: str, at: str) -> tuple[Any, Mapping[str, str]]:
            answer = await client.get(f"{channel}{path}", params={"at": at})
            assert answer.status == 200, await answer.text()
            return await answer.json(), answer.headers

        newest = str(rocket.newest_at_launch)
        for path in ("/state", "/watch", "/in-force", "/undertakings", "/mechanisms"):
            _, headers = await read(path, LAUNCH)
            assert headers["Dragoman-Moment"] == "1995-01-25T06:24:00.000Z", path
            assert headers["Dragoman-Position"] == newest, path
            _, headers = await read(path, newest)
            assert headers["Dragoman-Moment"].startswith("1994-12-22T08:00"), path
        then, headers = await read(f"/exchanges/{exchange}", LAUNCH)
        earlier, _ = await read(f"/exchanges/{exchange}", newest)
        assert "ETag" not in headers, "two clocks on one position are two answers"
        late = [
            {
                clock["clock"]: clock.get("late", False)
                for clock in view["clocks"]
                if clock["side"] == "russia"
            }
            for view in (earlier, then)
        ]
        assert (late[0]["passed_on"], late[1]["passed_on"]) == (False, True)
        windows, _ = await read("/in-force", LAUNCH)
        assert [window["stage"] for window in windows["windows"]] == ["open"]
        windows, _ = await read("/in-force", newest)
        assert [window["stage"] for window in windows["windows"]] != ["open"]
        watch, _ = await read("/watch", LAUNCH)
        assert "not_passed_on" in [alarm["alarm"] for alarm in watch["alarms"]]
        watch, _ = await read("/watch", newest)
        assert "not_passed_on" not in [alarm["alarm"] for alarm in watch["alarms"]]
        state, headers = await read("/state", LAUNCH)
        same, tagged = await read("/state", newest)
        assert headers["ETag"] == tagged["ETag"]
        assert {**state, "as_of": ""} == {**same, "as_of": ""}, "it follows from the records alone"
        for at, status in (("1995-03-02T00:00Z", 400), ("1994-11-30T00:00Z", 404)):
            refused = await client.get(f"{channel}/state", params={"at": at})
            assert refused.status == status

"""An operator sees how the line, the copies and the outbox of a station are."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw
from msgspec.structs import replace

from dragoman import metrics
from dragoman.application.clock import stamp, utc_now
from dragoman.application.station_port import HostLine
from dragoman.cli.serve import read_settings
from dragoman.server.host_gauges import HostGauges
from dragoman.station import station as stations
from dragoman.station.copy_log import LineEnd
from dragoman.station.submitter import AGE_SECONDS, Submitter
from dragoman.stores.outbox import BACK, ON_THE_WAY, OutboxEntry
from joining import issue, join
from office import Office
from patience import PATIENCE_S
from person import Person
from service import NOTE

C = "/v1/channels/nato-china"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Office]:
    """A host with the demonstration."""
    office = Office(tmp_path / "host", demo=True)
    yield office
    office.stop()


@pytest.fixture
def station(host: Office, tmp_path: Path) -> Iterator[Office]:
    """The station of one of its sides, whose copy is whole."""
    join(host, tmp_path / "nato", "nato")
    office = Office(tmp_path / "nato", station=True)
    until(lambda: not lines(office)[0].is_cut and bool(lines(office)[0].last_known))
    yield office
    office.stop()


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def lines(office: Office) -> list[HostLine]:
    """The lines of a station, read on its own loop."""

    async def read() -> list[HostLine]:
        service = office.running.service
        assert service.station is not None
        return [line for name in service.channels if (line := service.station.line(name))]

    return office.do(read())


def health(office: Office, path: str, name: str = "operator") -> tuple[int, dict[str, Any]]:
    answer = office.api(name, lambda caller: caller.get(path))
    return answer.status, answer.json


def faults(body: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["detail"] for check in body["checks"] if not check["ok"]}


def gauges(office: Office) -> dict[str, float]:
    """The gauges of a station, as they are measured now."""
    settings = read_settings(None, {"data": office.data})
    office.do(HostGauges(office.running.app, settings, None).measure())
    return {
        "".join([sample.name, *sample.labels.values()]): sample.value
        for family in metrics.REGISTRY.collect()
        for sample in family.samples
        if sample.name.startswith("dragoman_station_")
    }


def test_a_station_whose_line_is_cut_is_ready_and_says_since_when(
    host: Office, station: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(lambda: health(station, "/healthz")[0] == 200)
    assert gauges(station)["dragoman_station_line_silent_seconds"] < 9
    host.stop()
    monkeypatch.setattr(stations, "SILENT_SECONDS", 0.0)
    monkeypatch.setattr(LineEnd, "lasts", 0.0)
    status, body = health(station, "/readyz")
    assert (status, body["status"]) == (200, "ok")
    cut = {"the lines to hosts are up"}
    assert {thing["name"] for thing in body["degraded"]} == cut
    status, body = health(station, "/healthz")
    assert (status, body["status"], set(faults(body))) == (503, "degraded", cut)
    since = lines(station)[0].last_known
    (said,) = faults(body).values()
    assert f"the line to {host.base_url} is cut since {since}" in said
    measured = gauges(station)
    assert measured["dragoman_station_line_silent_seconds"] > 0
    assert measured["dragoman_station_copies_in_doubt"] == 0
    token = station.api(
        "operator", lambda caller: caller.post("/v1/tokens", {"actor": "nato/o-1"})
    ).json["token"]
    file = station.data / "officer"
    file.touch(mode=0o600)
    file.write_text(token)
    at_station = ("--token-file", str(file), "--channel", "nato-china")
    listed = Person(station.base_url, token).open("/c/nato-china/inbox").links()
    exchange = next(path for path in listed.values() if "/exchanges/" in path).rpartition("/")[2]
    for command in (("watch", "show"), ("show", str(exchange))):
        assert f"NOT LIVE: this is as of {since}" in station.run(*command, *at_station).stderr
    late, broken, _ = station.running.service.channel_counts()
    assert (late, broken) == (0, 0), "the broker here is not away"


def test_the_page_of_an_exchange_shows_what_waits_for_it_and_the_other_side_is_told_nothing(
    host: Office, station: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(station, "nato/officer")
    exchange = station.api("nato/officer", lambda nato: nato.open(NOTE)).json["exchange"]
    path = f"/c/nato-china/exchanges/{exchange}"
    assert "is not in the record" not in station.person("nato/officer").open(path).text
    host.stop()
    monkeypatch.setattr("dragoman.station.submitter.SILENT_SECONDS", 0.0)
    update = {"act": "update", "text": "More was said."}
    kept = station.api("nato/officer", lambda nato: nato.act(exchange, update))
    assert kept.status == 202
    page = station.person("nato/officer").open(path).text
    assert "Update of your side is not in the record. Not sent." in page


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_station_whose_clock_is_wrong_posts_by_the_time_of_its_host_and_says_so(
    station: Office, hours: int
) -> None:
    station.set(utc_now() + timedelta(hours=hours))
    said = "the clocks here and at the hosts agree"
    assert said in faults(health(station, "/healthz")[1])
    issue(station, "nato/officer")
    spoken = {"means": "voice", "at": stamp(utc_now() - timedelta(minutes=1)), "to_post": "Watch"}
    told = {**NOTE, "passed_by": spoken}
    answer = station.api("nato/officer", lambda nato: nato.open(told))
    assert answer.status == 201
    time = datetime.fromisoformat(answer.json["time"])
    assert abs(time - utc_now()) < timedelta(minutes=5)
    page = station.person("nato/officer").open("/c/nato-china").text
    assert "the clocks here and at the host differ by" in page


def test_a_copy_in_doubt_and_an_old_outbox_are_told_and_named_to_the_operator_alone(
    station: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = station.running.service
    assert isinstance(service.station, stations.Station)
    old = entry("ended", utc_now() - timedelta(hours=2))
    monkeypatch.setattr(service.station, "entries", lambda _: [old])
    line = replace(lines(station)[0], hindrance="the host of nato-china answers 403: unheard")
    monkeypatch.setattr(
        service.station, "line", lambda name: line if name == "nato-china" else None
    )
    _, body = health(station, "/healthz")
    said = faults(body)
    assert "nato-china" in said["the copies of hosts' logs are not in doubt"]
    assert "1 acts wait for too long" in said["the outbox is not old"]
    assert health(station, "/readyz")[0] == 200
    measured = gauges(station)
    assert measured["dragoman_station_copies_in_doubt"] == 1
    assert measured["dragoman_station_outbox_entriesended"] == 1
    assert measured["dragoman_station_outbox_old"] == 1
    _, strangers = health(station, "/healthz", "")
    assert "nato-china" not in str(strangers)


def entry(state: Any, kept: Any, precedence: str = "routine", name: str = "remark") -> OutboxEntry:
    return OutboxEntry(
        id="1",
        channel="nato-china",
        cid="c",
        actor="nato/o-1",
        act=Raw(json.dumps(NOTE).encode()),
        name=name,
        precedence=precedence,
        kept=stamp(kept),
        state=state,
    )


def test_an_urgent_act_that_waits_is_the_first_bar_and_its_text_is_read(
    station: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = station.api(
        "operator", lambda caller: caller.post("/v1/tokens", {"actor": "nato/o-1"})
    ).json["token"]
    officer = Person(station.base_url, token)
    service = station.running.service
    assert isinstance(service.station, stations.Station)
    waiting = replace(
        entry("waiting", utc_now(), "immediate", "remark"),
        act=Raw(json.dumps({"text": {"en": "Come at once.", "fr": "Venez."}}).encode()),
    )
    monkeypatch.setattr(service.station, "entries", lambda _: [waiting])
    line = replace(lines(station)[0], is_cut=True)
    monkeypatch.setattr(service.station, "line", lambda _: line)
    page = officer.open("/c/nato-china/outbox").see("Come at once.").miss("{'en'", "Venez.")
    assert page.xpath("//main[@data-live]"), "the page renews itself when an act is recorded"
    bars = [" ".join(bar.text_content().split()) for bar in page.xpath("//*[@id='bars']/div")]
    assert bars[0].startswith("An urgent message is not recorded: telephone.")
    assert "the line to the host is cut" in bars[1]
    assert not any("NATO," in bar for bar in bars), "nobody is to ring the own side"


def test_a_station_without_a_copy_does_not_say_that_an_officer_is_not_in_office(
    station: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = station.api(
        "operator", lambda caller: caller.post("/v1/tokens", {"actor": "nato/o-1"})
    ).json["token"]
    officer = Person(station.base_url, token)
    monkeypatch.setattr(type(station.running.service), "visible", lambda *_: [])
    officer.open("/").see("first fetches its copy").miss("Ask an administrator")


class Clock:
    """A line that only knows the time."""

    clock: "Clock"

    def __init__(self) -> None:
        self.clock = self

    def now(self) -> float:
        return utc_now().timestamp()


@pytest.mark.parametrize("precedence", sorted(AGE_SECONDS))
@pytest.mark.parametrize("name", ["remark", "acknowledgement"])
def test_an_entry_is_old_beyond_its_age_or_an_hour_after_it_came_back(
    precedence: str, name: str
) -> None:
    submitter = Submitter.__new__(Submitter)
    submitter._link = Clock()  # type: ignore[assignment]  # only its clock is asked
    age, now = timedelta(seconds=AGE_SECONDS[precedence]), utc_now()
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    for state in sorted(ON_THE_WAY):
        assert not submitter.is_old(entry(state, now - age + minute, precedence, name))
        assert submitter.is_old(entry(state, now - age - minute, precedence, name))
    for state in sorted(BACK):
        kept = entry(state, now - age - hour - minute, precedence, name)
        assert not submitter.is_old(replace(kept, came_back=stamp(now - hour + minute)))
        assert submitter.is_old(replace(kept, came_back=stamp(now - hour - minute)))
    assert not submitter.is_old(entry("recorded", now - 10 * age, precedence, name))

"""`dragoman up --demo --scenario NAME`: past events as demonstrations that anybody can start."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from dragoman.cli import past_event
from dragoman.cli.scenario_posts import scenario
from patience import PATIENCE_S
from service import DRAGOMAN, NOTE, Caller, Service


def refused(*arguments: str | Path) -> str:
    """Return the complaint of `dragoman up`, which must not start."""
    done = subprocess.run(
        [DRAGOMAN, "up", *arguments], capture_output=True, check=False, text=True, timeout=60
    )
    assert done.returncode == 2, (done.stdout, done.stderr)
    return done.stderr


@pytest.fixture(scope="module")
def rocket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The demonstration of one past event, which tests only read."""
    service = Service(
        tmp_path_factory.mktemp("rocket") / "data", "--demo", "--scenario", "rocket-1995"
    )
    yield service
    service.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
        yield session


def test_an_unknown_name_lists_the_names_and_starts_nothing(tmp_path: Path) -> None:
    complaint = refused("--demo", "--scenario", "flood-1953", "--data", tmp_path / "data")
    assert all(name in complaint for name in past_event.NAMES)
    assert not (tmp_path / "data").exists()


def test_a_scenario_is_for_the_demonstration_alone(tmp_path: Path) -> None:
    assert "--demo" in refused("--scenario", "rocket-1995", "--data", tmp_path / "data")


def test_a_scenario_is_not_played_where_witnesses_date_the_heads(tmp_path: Path) -> None:
    settings = tmp_path / "dragoman.toml"
    settings.write_text('[registrar]\nwitnesses = ["nato+00000000+AAAA https://w.example"]\n')
    complaint = refused(
        "--demo", "--scenario", "rocket-1995", "--data", tmp_path / "data", "--config", settings
    )
    assert "witnesses" in complaint


@pytest.mark.parametrize("name", past_event.NAMES)
def test_each_fact_names_its_source_and_each_moment_lies_in_the_scenario(name: str) -> None:
    scene = scenario(name)
    assert scene["scenario"] == name
    assert all(entry["source"] for entry in scene["entries"])
    times = [datetime.fromisoformat(entry["at"]) for entry in scene["entries"]]
    assert times == sorted(times) and datetime.fromisoformat(scene["opens"]) < times[0]
    moments = [datetime.fromisoformat(moment["at"]) for moment in scene["moments"]]
    assert moments == sorted(moments) and times[0] < moments[0]
    assert all(moment < datetime.now(UTC) for moment in moments)


def test_a_moment_of_a_second_channel_is_shown_there() -> None:
    scene, lines = scenario("rivers-2017"), list[str]()
    channels = [channel["name"] for channel in scene["channels"]]
    seeded = {"base_url": "", "scenario": "", "channels": channels, "tokens": {"a/officer": ""}}
    past_event.introduce(seeded | {"moments": scene["moments"]}, lines.append)
    places = [line.strip().partition("?")[0] for line in lines if "?at=" in line]
    assert places == [f"/c/{channels[0]}"] * 4 + [f"/c/{channels[1]}"] * 2


async def test_it_was_recorded_then_and_goes_on_now(
    rocket: Service, session: aiohttp.ClientSession
) -> None:
    assert (rocket.demo["scenario"], rocket.demo["channels"]) == ("rocket-1995", ["norway-russia"])
    norway = Caller(session, rocket, "norway/officer")
    moment = "1995-01-25T06:24:00Z"
    then = (await norway.get(f"/v1/channels/norway-russia/state?at={moment}")).json
    assert (then["time"], len(then["open_matters"])) == ("1995-01-15T04:50:00.000Z", 1)
    times = []
    for _ in range(2):
        posted = (await norway.open(NOTE, "norway-russia")).json
        times.append(datetime.fromisoformat(posted["time"]))
        await asyncio.sleep(0.3)
    assert abs(datetime.now(UTC) - times[-1]) < timedelta(minutes=5)
    assert times[1] - times[0] >= timedelta(seconds=0.2), "the clock runs again"


def test_the_auditor_says_what_was_not_passed_on(rocket: Service, tmp_path: Path) -> None:
    token = tmp_path / "auditor.token"
    token.write_text(rocket.token("russia/auditor"))
    options = ("--channel", "norway-russia", "--token-file", str(token))
    page = rocket.run("audit", *options, "--at", "24").stdout.replace("\N{NO-BREAK SPACE}", " ")
    assert "1 message is acknowledged, without a word that every post was told." in page
    assert "RUSSIA has not said that it passed this on to Early warning." in page
    replayed = json.loads(rocket.run("audit", *options, "--json").stdout)
    assert [row["not_passed_on"] for row in replayed["receiving"] if "not_passed_on" in row] == []


async def test_a_second_start_plays_nothing_again(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    service = Service(tmp_path / "data", "--demo", "--scenario", "convoy-2024")
    try:
        before = service.demo["tokens"]
        relief = Caller(session, service, "relief/officer")
        channel = "/v1/channels/relief-israel"
        position = (await relief.get(channel)).json["position"]
        service.restart()
        relief = Caller(session, service, "relief/officer")
        assert (service.demo["tokens"], (await relief.get(channel)).json["position"]) == (
            before,
            position,
        )
    finally:
        service.stop()
    other = ("--demo", "--scenario", "rocket-1995", "--data", tmp_path / "data")
    assert "another demonstration" in refused(*other)
    assert "another demonstration" in refused("--demo", "--data", tmp_path / "data")

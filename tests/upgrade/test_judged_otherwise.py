"""A release that judges kept records otherwise records nothing in those channels.

Everything says so and names the release to go back to, and that one goes on.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

import next_release
from read_files import UPGRADED
from service import INCIDENT, NOTE, Caller, Service

pytestmark = pytest.mark.reads(*UPGRADED)

C = "/v1/channels/nato-china"
JUDGED = "records mean what they meant before"


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A release in which no contact note was ever legal, and which says so nowhere."""
    return next_release.built(
        tmp_path_factory.mktemp("faulty"),
        {
            "services/dragoman/__init__.py": next_release.VERSION,
            "services/dragoman/domain/judge.py": (
                (
                    "    rule = in_force(registry).rules[record.name]\n",
                    "    rule = in_force(registry).rules[record.name]\n"
                    '    if rule.act == "contact-note":\n'
                    '        return make_void(sentence("A channel is opened once, at position 1."))\n',
                ),
            ),
        },
    )


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Iterator[Service]:
    """A demonstration with an address of its operator."""
    door = tmp_path_factory.mktemp("door") / "admin.sock"
    started = Service(
        tmp_path / "data", "--demo", environment={"DRAGOMAN_ADMIN__SOCKET": str(door)}
    )
    started.arguments = ()  # what the demonstration says is said once
    yield started
    started.stop()


async def metrics(service: Service) -> str:
    connector = aiohttp.UnixConnector(service.environment["DRAGOMAN_ADMIN__SOCKET"])
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get("http://admin/metrics") as answer,
    ):
        return await answer.text()


def run_as(service: Service, build: dict[str, str]) -> None:
    """Go on as another release on the same data."""
    service.stop()
    names = service.environment.keys() - {"PYTHONPATH"}
    service.environment = {name: service.environment[name] for name in names} | build
    service.start()


async def health(caller: Caller) -> tuple[bool, str]:
    answer = await caller.get("/readyz")
    (check,) = [check for check in answer.json["checks"] if check["name"] == JUDGED]
    return check["ok"], check.get("detail", "")


def doctor(service: Service) -> str:
    return service.run("doctor", check=None, DRAGOMAN_SERVER=service.base_url).stdout


async def test_a_release_that_voids_records_records_nothing_and_names_the_one_before(
    service: Service, faulty: dict[str, str], session: aiohttp.ClientSession
) -> None:
    note = (await Caller(session, service, "nato/officer").open(NOTE)).json
    assert await health(Caller(session, service)) == (True, "")
    run_as(service, faulty)
    path = service.data / "marks" / "gateway" / "nato-china.fold"
    mark = json.loads(path.read_bytes())
    assert mark["position"] >= note["position"] and mark["void"] == 0, "of a clean stop"
    release = f"0.1.0 ({mark['program'][:12]})"
    for _ in range(2):  # the second start is on the file that the first one has made
        nato = Caller(session, service, "nato/officer")
        answer = await nato.post(f"{C}/notifications", INCIDENT)
        assert f"than release {release} did" in answer.problem(503, "read-only")["detail"]
        ok, why = await health(nato)
        assert not ok and f"go back to release {release}" in why
        assert f"go back to release {release}" in doctor(service)
        (line, *_) = await service.said(
            lambda line: line["event"] == "log.judged_otherwise" and line["channel"] == "nato-china"
        )
        assert line["release"] == release and line["position"] == mark["position"]
        assert 'dragoman_channels{state="judged_otherwise"} 0.0' not in await metrics(service)
        service.restart()
    assert json.loads(path.read_bytes()) == mark

    run_as(service, {})
    nato = Caller(session, service, "nato/officer")
    assert (await nato.get(f"{C}/exchanges/{note['exchange']}")).status == 200
    assert (await nato.open(NOTE)).status == 201
    assert await health(nato) == (True, "")


async def test_an_operator_may_have_it_so(
    service: Service, faulty: dict[str, str], session: aiohttp.ClientSession
) -> None:
    """An operator who has compared stops the service and removes the marks."""
    await Caller(session, service, "nato/officer").open(NOTE)
    service.stop()
    for mark in (service.data / "marks").glob("*/*.fold"):
        mark.unlink()
    run_as(service, faulty)
    nato = Caller(session, service, "nato/duty_officer")
    assert (await nato.post(f"{C}/notifications", INCIDENT)).status == 201

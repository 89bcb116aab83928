"""Gateways of two releases on one broker, under traffic: before the sides adopt the next rules, while
they do, and after it. The older one stops only where it must, and says what it needs.
"""

import asyncio
import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import next_release
from patience import PATIENCE_S
from read_files import UPGRADED
from service import DRAGOMAN, NOTE, Caller, Second, Service

pytestmark = pytest.mark.reads(*UPGRADED)

CHANNEL = "nato-china"
C = f"/v1/channels/{CHANNEL}"
COURTESY = {"act": "courtesy", "text": "Good morning."}
_LONGEST_REFUSAL_S = 2.0


class Released(Second):
    """A gateway of a release, by `dragoman serve`, which another release may take over."""

    def run_as(self, release: dict[str, str]) -> None:
        """Stop it, and start it on the same data as a release."""
        self.stop()
        names = self.environment.keys() - {"PYTHONPATH"}
        self.environment = {name: self.environment[name] for name in names} | release
        self.start()


@pytest.fixture
def newer(own: Service, tmp_path: Path, build: dict[str, str]) -> Iterator[Released]:
    """A gateway of the next release, beside one of this release that has scheduler and signer."""
    service = Released(own, tmp_path / "newer")
    service.run_as(build)
    yield service
    service.stop()


def _command(
    build: dict[str, str], service: Service, *arguments: str, who: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line of a release as somebody of the demonstration."""
    token = service.data.parent / f"{who.replace('/', '-')}.token"
    token.write_text(service.token(who))
    return subprocess.run(
        [DRAGOMAN, *arguments, "--channel", CHANNEL, "--server", service.base_url,
         "--token-file", token],
        env={**os.environ, **build, "XDG_CONFIG_HOME": str(service.data.parent / "home")},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


async def _digests(
    session: aiohttp.ClientSession, gateways: tuple[Service, ...], positions: list[int]
) -> list[set[str]]:
    """The digests that gateways have at positions: one each, if they agree."""
    found: list[set[str]] = []
    for position in positions:
        digests = set[str]()
        for gateway in gateways:
            answer = await Caller(session, gateway, "nato/officer").get(
                f"{C}/state?at={position}", Dragoman_Min_Position=str(position)
            )
            assert answer.status == 200, answer.body
            digests.add(answer.json["digest"])
        found.append(digests)
    return found


async def _traffic(callers: list[Caller], stop: asyncio.Event) -> list[dict[str, Any]]:
    """Post through all gateways until it is time to stop; what was recorded."""
    recorded: list[dict[str, Any]] = []
    while not stop.is_set():
        for caller in callers:
            posted = await caller.open({**NOTE, "text": f"Note {len(recorded)}."})
            recorded.append(posted.json)
        await asyncio.sleep(0.02)
    return recorded


async def _adopt(build: dict[str, str], service: Service, rules: int, side: str) -> str:
    done = await asyncio.to_thread(
        _command, build, service, "adopt", "rules", str(rules), who=f"{side}/administrator"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def _until(caller: Caller, path: str, status: int) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await caller.get(path)).status != status:
            await asyncio.sleep(0.05)
    return answer


async def test_two_releases_agree_until_the_sides_adopt_and_the_older_one_says_what_it_needs(
    own: Service, newer: Released, build: dict[str, str], session: aiohttp.ClientSession,
    pytestconfig: pytest.Config,
) -> None:  # fmt: skip
    old, new = (Caller(session, gateway, "nato/officer") for gateway in (own, newer))
    china = Caller(session, newer, "china/officer")
    note = (await new.open(NOTE)).json
    # What only the next rules have is refused before they are adopted, and says so.
    refused = await new.post(f"{C}/exchanges/{note['exchange']}/acts", COURTESY)
    assert refused.status == 422, refused.body
    assert "comes with rules 2" in refused.json["errors"][0]["detail"]
    moody = await new.post(f"{C}/contacts", {**NOTE, "mood": "calm"})
    assert (moody.status, moody.json["errors"][0]["pointer"]) == (422, "/mood")
    view = (await new.get(f"{C}/exchanges/{note['exchange']}")).json
    assert "courtesy" not in view["allowed"]

    stop = asyncio.Event()
    traffic = asyncio.create_task(_traffic([old, new], stop))
    await asyncio.sleep(1.0)
    await _adopt(build, own, 2, "nato")
    await asyncio.sleep(1.0)
    stop.set()
    recorded = await traffic
    newest = recorded[-1]["position"]
    draw = random.Random(pytestconfig.getoption("seed"))
    positions = sorted(draw.sample(range(1, newest + 1), min(20, newest)))
    assert all(len(digests) == 1 for digests in await _digests(session, (own, newer), positions))
    assert (await old.get("/healthz")).status == 200

    # A rollback before the adoption is clean: the earlier release folds its file anew.
    newer.run_as({})
    assert (await _digests(session, (own, newer), [newest])) == (
        await _digests(session, (own,), [newest])
    )
    newer.run_as(build)
    new = Caller(session, newer, "nato/officer")
    china = Caller(session, newer, "china/officer")

    adopted = int((await _state(new))["position"]) + 1
    await _adopt(build, own, 2, "china")
    state = await _state(new)
    assert state["registry"]["rules"] == 2
    courtesy = await china.post(f"{C}/exchanges/{note['exchange']}/acts", COURTESY)
    assert courtesy.status == 201, courtesy.body
    assert (await new.open({**NOTE, "mood": "calm"})).status == 201

    # The older release stops there, says what it needs, and reads on.
    await _until(Caller(session, own), "/healthz", 503)
    ready = (await old.get("/healthz")).json
    failing = {check["name"] for check in ready["checks"] if not check["ok"]}
    assert "the rules of channels are known" in failing
    refused = await old.post(f"{C}/contacts", NOTE)
    assert (refused.status, refused.json["type"].rpartition("/")[2]) == (503, "read-only")
    assert next_release.RELEASE in refused.json["detail"]
    stopped = [
        json.loads(line)
        for line in own.log.read_text().splitlines()
        if "channel.newer_rules" in line
    ]
    assert [(line["rules"], line["release"]) for line in stopped] == [(2, next_release.RELEASE)]
    at = stopped[0]["position"]
    assert at >= adopted
    assert all(len(digests) == 1 for digests in await _digests(session, (own, newer), [at]))
    assert (await old.get(f"{C}/exchanges")).status == 200
    # Other channels of that gateway go on.
    other = await old.post("/v1/channels/nato-china-exercise/contacts", NOTE)
    assert other.status == 201, other.body

    # The older auditor says that it is older, and not that the host lies.
    audit = await asyncio.to_thread(
        _command, {}, newer, "audit", "replay", who="china/auditor"
    )  # fmt: skip
    assert audit.returncode == 8, (audit.stdout, audit.stderr)
    assert "FAILED" not in audit.stderr
    assert next_release.RELEASE in audit.stderr
    audit = await asyncio.to_thread(_command, build, newer, "audit", "replay", who="china/auditor")
    assert audit.returncode == 0, audit.stderr

    # A restart of the older release says it again; the next release goes on where it stopped.
    newer.run_as({})
    assert (await _until(Caller(session, newer), "/healthz", 503)).status == 503
    newer.run_as(build)
    assert (
        await Caller(session, newer, "china/officer").open({**NOTE, "mood": "calm"})
    ).status == 201


async def _state(caller: Caller) -> Any:
    return (await caller.get(f"{C}/state")).json

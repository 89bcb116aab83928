"""`dragoman prepare` of a release folds the logs while another one answers: the restart folds only
what came since, there and back.
"""

import json
import os
import subprocess
from collections.abc import Mapping

import aiohttp
import pytest

from patience import PATIENCE_S
from read_files import UPGRADED
from service import DRAGOMAN, NOTE, Caller, Service

pytestmark = pytest.mark.reads(*UPGRADED)

C = "/v1/channels/nato-china"


def events(service: Service, since: int) -> list[str]:
    lines = service.log.read_text().splitlines()[since:]
    return [json.loads(line).get("event", "") for line in lines if line.startswith("{")]


def lines_of(service: Service) -> int:
    return len(service.log.read_text().splitlines())


def prepare(service: Service, environment: Mapping[str, str]) -> str:
    """Call the command of a release; what it says."""
    return subprocess.run(
        [DRAGOMAN, "prepare", "--data", service.data],
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    ).stderr


async def test_a_restart_takes_over_what_was_prepared_there_and_back(
    own: Service, build: dict[str, str], session: aiohttp.ClientSession
) -> None:
    own.arguments = ()  # what the demonstration says is said once
    old = dict(own.environment)
    new = {name: old[name] for name in old.keys() - {"PYTHONPATH"}} | build
    nato = Caller(session, own, "nato/officer")
    for environment in (new, old):
        said = prepare(own, environment)
        assert "prepared" in said and "gateway" in said, said
        position = (await nato.open(NOTE)).json["position"]
        since = lines_of(own)
        own.stop()
        own.environment = environment
        own.start()
        started = events(own, since)
        assert "projection.prepared_taken" in started
        assert "projection.beside_refused" not in started
        assert (await nato.get(f"{C}/records/{position}")).status == 200
        assert "nothing to prepare" in prepare(own, environment)

"""The first command: a host, a channel of two sides and four tokens at once."""

import asyncio
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from patience import PATIENCE_S
from service import DRAGOMAN, INCIDENT, Caller, Gateway, Service

README = Path(__file__).parents[2] / "README.md"
C = "/v1/channels/border-desk"


class Started(Service):
    """A host that the command started."""

    log_format = ()

    def command(self) -> list[str | Path]:
        """The README's own command, on another directory."""
        (line,) = re.findall(r"(?m)^dragoman (quickstart .*)$", README.read_text())
        words = [str(self.data) if word == "first" else word for word in shlex.split(line)]
        assert str(self.data) in words
        return [*words, "--log-level", "info"]

    def start(self) -> None:
        """Without a flag for the form of the log: it is JSON because it is no terminal."""
        self.environment = {**self.environment, "DRAGOMAN_LOG__FORMAT": "json"}
        super().start()

    def token(self, name: str) -> str:
        kept = json.loads((self.data / "quickstart.json").read_text())
        return str(kept["tokens"][name])


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Gateway]:
    service = Started(tmp_path / "data")
    yield service
    service.stop()


async def test_both_sides_talk_at_once_and_a_second_start_goes_on(
    started: Service, session: aiohttp.ClientSession
) -> None:
    told = started.log.read_text()
    assert started.token("south/d-1") in told and "border-desk" in told
    assert (started.data / "quickstart.json").stat().st_mode & 0o077 == 0
    north, south = (Caller(session, started, f"{side}/d-1") for side in ("north", "south"))
    flash = await north.open({**INCIDENT, "precedence": "flash"}, "border-desk")
    shown = (await south.get(f"{C}/exchanges/{flash.json['exchange']}")).json
    assert shown["state"]["side"] == "north"
    acknowledgement = {"act": "acknowledgement"}
    acknowledged = await south.act(flash.json["exchange"], acknowledgement, "border-desk")
    assert acknowledged.status == 201, acknowledged.body
    about = (await south.get(f"{C}")).json
    owed = shown["clocks"]
    assert [(each["clock"], each["binding"]) for each in owed][:1] == [("acknowledgement", True)]
    token = started.token("north/d-1")
    await asyncio.to_thread(started.restart)
    assert started.token("north/d-1") == token
    again = (await Caller(session, started, "north/d-1").get(f"{C}")).json
    assert again["cid"] == about["cid"] and again["position"] >= acknowledged.json["position"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["Not A Name"], "is not a name"),
        (["a-channel", "--sides", "north", "north"], "different names"),
    ],
)
def test_names_that_cannot_be_are_refused_before_anything_is_made(
    arguments: list[str], word: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    done = subprocess.run(
        [DRAGOMAN, "quickstart", *arguments, "--data", data],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 2 and word in done.stderr
    assert not data.exists()

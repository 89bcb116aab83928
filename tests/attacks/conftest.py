"""An honest log, what each side kept of it, and hostile hosts."""

import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from forging import CHANNEL, Auditor, Forge, Given, Hostile, archived, write
from patience import PATIENCE_S
from service import NOTE, Demonstration, Service


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The demonstration, with a few notes on its log, stopped: its data are copied."""
    service = Demonstration(tmp_path_factory.mktemp("honest") / "data")
    token = service.data.parent / "officer"
    token.write_text(service.token("nato/officer"))
    for number in range(4):
        (file := service.data.parent / "note.json").write_text(
            json.dumps({**NOTE, "text": f"Note {number}, as it was written."})
        )
        service.run("post", str(file), "--channel", CHANNEL, "--token-file", str(token))
    yield service
    service.stop()


@pytest.fixture(scope="session")
def auditor(honest: Service, tmp_path_factory: pytest.TempPathFactory) -> Auditor:
    """An auditor who kept a copy of the honest log. The honest host is stopped then."""
    auditor = Auditor(honest, tmp_path_factory.mktemp("auditor"))
    honest.stop()
    return auditor


@pytest.fixture(scope="session")
def given(honest: Service, auditor: Auditor) -> Given:
    """The honest records and data from which a hostile host makes up records."""
    return Given(archived(honest.data), honest.data)


@pytest.fixture
def hostile(honest: Service, auditor: Auditor, tmp_path: Path) -> Iterator[Callable[..., Hostile]]:
    """A hostile build on the data of the honest host."""
    running: list[Hostile] = []

    def start(tricks: str, *arguments: str) -> Hostile:
        data = tmp_path / f"hostile-{len(running)}"
        shutil.copytree(honest.data, data, ignore=shutil.ignore_patterns("place.json"))
        running.append(host := Hostile(data, tricks, *arguments))
        return host

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def forged(
    honest: Service, auditor: Auditor, tmp_path: Path
) -> Iterator[Callable[..., Awaitable[Service]]]:
    """The honest program on a log that the host has made up out of the honest one, with all of the
    host's keys.
    """
    running: list[Service] = []

    async def start(forge: Forge, *arguments: str) -> Service:
        data = tmp_path / f"forged-{len(running)}"
        data.mkdir()
        for name in ("keys", "operator.token", "demo.json"):
            source = honest.data / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, data / name)
        access = shutil.copytree(honest.data / "nats", data / "nats")
        for found in access.rglob("DRAGOMAN_LOG_NATO-CHINA"):
            shutil.rmtree(found)
        for found in access.rglob("DRAGOMAN_SEAL"):
            shutil.rmtree(found)
        await write(data, forge(archived(honest.data)))
        running.append(host := Service(data, *arguments))
        return host

    yield start
    for each in running:
        each.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """HTTP connections."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
        yield session

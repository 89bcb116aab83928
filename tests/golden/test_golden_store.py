"""The current version reads the data of earlier versions with the same meaning. This holds for
every digest, root, number and void record, an export, and a data directory.

`tests/golden/make.py` made each store from the version that its folder is named after. A change
that breaks one of these tests breaks somebody's log; a decision record says which digest changes,
and why.
"""

import asyncio
import base64
import hashlib
import json
import lzma
import os
import random
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

import commands
from dragoman.audit import export
from dragoman.audit.replay import Replay
from dragoman.domain.acts.erasure import hash_of, named_in
from dragoman.domain.record import codec as records
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.stores.host_key import HostKeyStore
from dragoman.stores.key_value import Bucket
from dragoman.stores.tokens_and_sessions import BUCKET, Grant, TokensAndSessions
from dragoman.tlog import leaf, merkle
from dragoman_schemas.acts.office.channel import Erasure
from patience import PATIENCE_S
from service import NOTE, Service

HERE = Path(__file__).parent


_FOLDERS = sorted(path for path in HERE.iterdir() if (path / "about.json").exists())
STORES = [pytest.param(store, id=store.name) for store in _FOLDERS]
LOGS = [
    pytest.param(path, id=f"{store.name}/{path.stem}")
    for store in _FOLDERS
    for path in sorted(store.glob("logs/*.xz"))
]
SAMPLE = 40
"""Positions of each channel that are asked for; all of them with --long."""

ACTS = 148
"""Acts that stand with effect somewhere in the first store: every one that there was."""


def lines(path: Path) -> list[dict[str, str]]:
    """Return the facts that a version recorded about each position of a log."""
    return [json.loads(line) for line in lzma.decompress(path.read_bytes()).splitlines()]


def about(store: Path) -> dict[str, Any]:
    """Return the description of a store's data directory."""
    found: dict[str, Any] = json.loads((store / "about.json").read_text())
    return found


@pytest.mark.parametrize("path", LOGS)
def test_a_log_folds_to_the_same_at_every_position(path: Path) -> None:
    known = lines(path)
    raws = [base64.b64decode(line["raw"]) for line in known]
    replay = Replay()
    for position, (line, raw) in enumerate(zip(known, raws, strict=True), 1):
        replay.take([raw])
        standing = replay.standing
        assert standing.digest == line["digest"], (
            f"the digest at position {position} of {path.stem} is another one"
        )
        assert base64.b64encode(standing.frontier.root()).decode() == line["root"], position
        tally = msgspec.json.encode(standing.state.tally, order="sorted")
        assert hashlib.sha256(tally).hexdigest()[:16] == line["tally"], (
            f"the numbers counted by position {position} are others"
        )
        assert (position in replay.void) == bool(line["void"]), (
            position,
            line["void"],
            replay.void.get(position),
        )


@pytest.mark.parametrize("store", STORES)
def test_a_store_has_every_act_with_effect_and_most_without(store: Path) -> None:
    counted: Counter[tuple[str, bool]] = Counter()
    for path in store.glob("logs/*.xz"):
        for line in lines(path):
            try:
                name = records.parse(base64.b64decode(line["raw"])).name
            except records.NotARecord:
                name = "junk"
            counted[name, not line["void"]] += 1
    legal, void = ({name for name, valid in counted if valid == wanted} for wanted in (True, False))
    assert len(legal) == ACTS
    assert len(void) > ACTS / 2 and "junk" in void


def test_the_examples_of_the_specification_are_of_this_store() -> None:
    page = (HERE.parent.parent / "docs" / "spec" / "record.md").read_text()
    examples = page.partition("### 20.5")[2].partition("\n## ")[0]
    store = HERE / "v0.1.0"
    about = json.loads((store / "about.json").read_text())
    with zipfile.ZipFile(store / "after.zip") as archive:
        messages = archive.read("records.ndjson").split(b"\n")
    opening, erasure = (records.parse(messages[position - 1]) for position in (1, 14))
    assert isinstance(erasure.data, Erasure)
    stubs = [leaf.entry(item.position - 1, item.commit) for item in erasure.data.records]
    for value in (
        about["cid"],
        about["erased"],
        opening.commit,
        base64.b64encode(merkle.leaf_hash(leaf.entry(0, opening.commit))).decode(),
        hash_of(erasure.data),
        *(item.commit for item in erasure.data.records),
        merkle.leaf_hash(stubs[0]).hex(),
        merkle.leaf_hash(leaf.entry(7, leaf.commit(stubs[0]))).hex(),
        *(each[:8] for each in str(erasure.envelope.signatures).split(" ")),
    ):
        assert value in examples, value
    assert opening.act.decode() in examples.replace("\n", "")


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("name", ["before.zip", "after.zip"])
def test_an_export_is_still_found_honest_and_folds_to_the_same(store: Path, name: str) -> None:
    known = about(store)
    arguments = ["audit", "verify", store / name, "--cid", known["cid"], "--log", known["log"]]
    done = commands.run(arguments, environment=dict(os.environ))
    assert done.returncode == 0, (done.stdout, done.stderr)
    with export.Export(store / name) as archive:
        raws = list(archive.messages())
    replay = Replay()
    replay.expect(named_in(enumerate(raws, 1)))
    for position, raw in enumerate(raws, 1):
        replay.take([raw])
        expected = known["digests"]["nato-china"][position - 1]
        assert not expected or replay.standing.digest == expected, position


@pytest.fixture(params=STORES)
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Service]]:
    """A service on the data directory that an earlier version left.

    A golden store has no keys. So the host's log key is entered in the broker, as its
    holder would have done.
    """
    with tarfile.open(request.param / "data.tar.xz") as archive:
        archive.extractall(tmp_path / "data", filter="data")
    service = Service(tmp_path / "data")
    log_key = base64.b64decode(about(request.param)["log"].split("+", 2)[2])[1:]
    asyncio.run(enter(service, log_key))
    yield request.param, service
    service.stop()


async def test_a_data_directory_goes_on_with_the_same_state(
    office: tuple[Path, Service], request: pytest.FixtureRequest
) -> None:
    store, service = office
    known, lots = about(store), random.Random(1)
    async with aiohttp.ClientSession() as session:
        for channel, digests in known["digests"].items():
            reader = (
                (store / "auditor.token").read_text().strip()
                if channel == "nato-china"
                else await token(service, session, channel)
            )
            asked = [position for position, digest in enumerate(digests, 1) if digest]
            if not request.config.getoption("--long"):
                asked = sorted({*lots.sample(asked, min(SAMPLE, len(asked))), asked[-1]})
            for position in asked:
                url = f"{service.base_url}/v1/channels/{channel}/state?at={position}"
                async with session.get(
                    url, headers={"Authorization": f"Bearer {reader}"}
                ) as answer:
                    assert answer.status == 200, await answer.text()
                    assert (await answer.json())["digest"] == digests[position - 1], (
                        channel,
                        position,
                    )
        headers = {
            "Authorization": f"Bearer {(store / 'officer.token').read_text().strip()}",
            "Idempotency-Key": "golden-" * 4,
        }
        async with session.post(
            f"{service.base_url}/v1/channels/nato-china/contacts", json=NOTE, headers=headers
        ) as posted:
            assert posted.status == 201, await posted.text()


async def enter(service: Service, log_key: bytes) -> None:
    """Enter a log key as the host's, if none is entered yet."""
    endpoint = BrokerEndpoint(service.nats_url, "", service.data / "keys")
    async with endpoint.connected("gateway") as bus, endpoint.connected("steward") as steward:
        await HostKeyStore(bus, steward).enter(log_key)


async def token(service: Service, session: aiohttp.ClientSession, channel: str) -> str:
    """Return a token of somebody who may read a channel.

    No gateway issues one where the log key of the channel is not proved.
    """
    headers = {"Authorization": f"Bearer {service.operator}"}
    async with session.get(f"{service.base_url}/v1/channels/{channel}", headers=headers) as answer:
        cid = (await answer.json())["cid"]
    endpoint = BrokerEndpoint(service.nats_url, "", service.data / "keys")
    async with endpoint.connected("gateway") as bus:
        access = TokensAndSessions(Bucket(bus, BUCKET))
        await access.refresh()
        issued, _ = await access.issue(
            Grant(actor="nato/a-1", channels=(cid,), issued="2026-11-28T12:00:00Z")
        )
    url = f"{service.base_url}/v1/channels/{channel}/state"
    headers = {"Authorization": f"Bearer {issued}"}
    async with asyncio.timeout(PATIENCE_S):
        while True:  # the gateway reads new tokens a few times a second
            async with session.get(url, headers=headers) as answer:
                if answer.status == 200:
                    return issued
            await asyncio.sleep(0.1)

"""A station that was restored sends nothing by itself, and notices a host that went back."""

import asyncio
import json
import shutil
import signal
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest
from msgspec import Raw

from dragoman.backup import station_files
from dragoman.domain.acts.log_policy import log_of
from dragoman.eventlog.archive_format import RESTORED_HEAD, Pinned
from dragoman.eventlog.settled_copy import SettledCopy
from dragoman.station.cosigner import Cosigner
from dragoman.stores.outbox import ON_THE_WAY, Outbox, OutboxEntry
from heads import head_over
from patience import PATIENCE_S
from premises import Premises
from service import NOTE
from world import World

N = "nato/o-1"
C = "/v1/channels/nato-china"


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_recorded(premises: Premises, id: str) -> bool:
    """Return whether the host has recorded the opening of an exchange."""
    try:
        premises.host.call("GET", f"{C}/exchanges/{id}", token=premises.host.token("nato/officer"))
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return False
    return True


def world_of(notes: int, text: str = "Something.") -> World:
    world = World()
    for _ in range(notes):
        world.open(N, {**NOTE, "text": text})
    return world


def copy_of(folder: Path, world: World) -> SettledCopy:
    return SettledCopy(folder, Pinned(cid=world.registry.cid, log=str(log_of(world.registry))))


@pytest.mark.parametrize("newer", [0, 3, 7])
def test_only_a_host_that_shows_what_had_settled_fills_a_restored_copy(
    newer: int, tmp_path: Path
) -> None:
    world, other = world_of(8), world_of(8, "Something else.")
    raws, branch, settled = world.raws, other.raws, len(world.raws) - newer
    for name, shown, is_same in (("same", raws, True), ("branch", branch, False)):
        folder = tmp_path / name / "copy"
        folder.mkdir(parents=True)
        (folder / RESTORED_HEAD).write_bytes(head_over(raws[:settled]))
        copy = copy_of(folder, world)
        assert copy.prove(shown, head_over(shown)) is is_same
        if not is_same:
            assert copy.conviction is not None and copy.conviction.position == settled
            assert copy.archive.size == 0
        copy.close()


def test_a_host_that_shows_less_than_had_settled_went_back(tmp_path: Path) -> None:
    world = world_of(8)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / RESTORED_HEAD).write_bytes(head_over(world.raws))
    copy = copy_of(tmp_path / "copy", world)
    older = head_over(world.raws[:6])
    assert copy.prove(world.raws[:6], older)
    copy.keep(world.raws[:6], older)
    copy.head(older)
    assert copy.conviction is not None and "went back" in copy.conviction.what
    copy.close()


def test_only_paths_of_a_station_come_out_of_a_backup() -> None:
    for key in ("station/joined.json", f"copies/nato-china/{RESTORED_HEAD}", "copies/a/times"):
        assert station_files.is_key(key)
    for key in ("station/../operator.token", "copies/../x/held", "keys/log/log", "copies/a/sealed"):
        assert not station_files.is_key(key)


class Bucket:
    """A bucket in memory."""

    def __init__(self, values: dict[str, bytes]) -> None:
        self.values = values

    async def refresh(self) -> None:
        """Take no notice."""

    async def put(self, key: str, value: Any) -> None:
        self.values[key] = value


def entry(state: Any) -> OutboxEntry:
    return OutboxEntry(
        id=state,
        channel="nato-china",
        cid="c",
        actor=N,
        act=Raw(json.dumps(NOTE).encode()),
        name="contact",
        precedence="routine",
        kept="2026-12-02T20:00:00Z",
        state=state,
    )


async def test_each_entry_on_its_way_is_held_and_no_other() -> None:
    outbox = Outbox(Bucket({}))  # type: ignore[arg-type]  # it stands for one
    states = (*sorted(ON_THE_WAY), "returned", "ended", "recorded")
    for state in states:
        await outbox.put(entry(state))
    assert await outbox.hold("2026-12-02T21:00:00Z") == len(ON_THE_WAY)
    for state in states:
        kept = outbox.find("c", state)
        assert kept is not None
        assert kept.held is (state in ON_THE_WAY)
        assert kept.state == ("ended" if kept.held else state)
    assert await outbox.hold("2026-12-02T21:00:01Z") == len(ON_THE_WAY), "a crash changes nothing"


@pytest.mark.process
def test_a_restored_station_asks_its_officers_before_it_sends(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    key, backups, new = tmp_path / "backup.key", tmp_path / "backups", tmp_path / "new"
    key.write_text(str(identity))
    with Premises(tmp_path / "of") as premises:
        station = premises.station("nato")
        officer = station.token("nato/officer")
        station.wire.cut()
        until(lambda: bool(station.line()["cut"]))  # so that no act leaves
        sent, dropped = (
            station.call("POST", f"{C}/contacts", NOTE, officer)["id"] for _ in range(2)
        )
        station.run("backup", str(backups), "--recipient", str(identity.to_public()))
        station.run("backup", "verify", str(backups))
        station.call("DELETE", f"{C}/outbox/{dropped}", token=officer)
        station.wire.mend()
        until(lambda: is_recorded(premises, sent))
        station.stop(signal.SIGKILL)
        shutil.rmtree(station.data)
        done = station.run("restore", str(backups), "--data", str(new), "--identity", str(key))
        assert "this is a station" in done.stderr and "up --station" in done.stderr
        assert (new / "copies" / "nato-china" / RESTORED_HEAD).exists()
        station.wire.cut()
        station.data, station.arguments = new, ("--station", "--take-over")
        station.start()
        (held,) = (line for line in station.logged if line["event"] == "station.outbox_held")
        assert held["acts"] == 2
        station.wire.mend()

        def states() -> dict[str, str]:
            try:
                return {entry["id"]: entry["state"] for entry in station.line()["entries"]}
            except urllib.error.HTTPError:
                return {sent: "its officer is not in the copy yet"}

        until(lambda: states().get(sent, "recorded") == "recorded")
        assert states()[dropped] == "ended"
        assert not is_recorded(premises, dropped)
        station.call("POST", f"{C}/outbox/{dropped}/send", token=officer)
        until(lambda: is_recorded(premises, dropped))
        premises.audit()


async def test_a_released_witness_cosigns_the_head_that_waited(tmp_path: Path) -> None:
    pushed = []

    class Pushing(Cosigner):
        def __init__(self) -> None:
            self._folder, self._newest = tmp_path, b"head"
            self._changed = asyncio.Event()
            self._changed.set()

        async def _push(self, signed: bytes) -> None:
            pushed.append(signed)

    held = tmp_path / "held"
    held.touch()
    running = asyncio.create_task(Pushing().run())
    await asyncio.sleep(0.05)
    assert not pushed
    held.unlink()
    async with asyncio.timeout(PATIENCE_S):
        while not pushed:
            await asyncio.sleep(0.05)
    running.cancel()
    assert pushed == [b"head"]

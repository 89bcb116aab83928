"""A witness cosigns what goes on from its last head and what its side holds itself, and nothing
else.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman.audit.mirror import Mirror
from dragoman.audit.verification_result import CosigningTime
from dragoman.cli.audit import witness
from dragoman.domain.acts.erasure import named_in
from dragoman.domain.acts.log_policy import log_of
from dragoman.eventlog.archive_format import Pinned
from dragoman.eventlog.cosign_times import TIMES
from dragoman.tlog import leaf, note
from dragoman.witness import SIZE, CosigningWitness, times_in
from heads import asking, head_over
from world import NOTE, World, seed_of

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


class House:
    """A log, a mirror of some of it, and the witness."""

    def __init__(self, folder: Path, notes: int = 8) -> None:
        self.world = World()
        for _ in range(notes):
            self.world.open("nato/o-1", NOTE)
        self.folder = folder / "mirror"
        self.raws = self.world.raws
        self.now = NOW
        self.mirror = self.opened()
        self.witness = self.started()

    def opened(self) -> Mirror:
        return Mirror(
            self.folder, Pinned(cid=self.world.registry.cid, log=str(log_of(self.world.registry)))
        )

    def close(self) -> None:
        self.mirror.close()

    def started(self) -> CosigningWitness:
        return CosigningWitness(
            self.mirror,
            self.folder,
            "nato.example/witness",
            seed_of("witness"),
            now=lambda: self.now,
        )

    def ask(self, raw: bytes) -> tuple[int, bytes]:
        answer = asyncio.run(self.witness.add(raw))
        return answer.status, answer.body


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


@pytest.fixture
def house(empty: House) -> House:
    empty.mirror.take(empty.raws, head_over(empty.raws))
    return empty


def test_a_head_is_cosigned_and_the_next_one_that_goes_on_from_it(house: House) -> None:
    for old, new in ((0, 5), (5, 5), (5, 12), (12, len(house.raws))):
        status, body = house.ask(asking(house.raws, old, new))
        assert status == 200, body
        found = note.read(head_over(house.raws[:new]) + body)
        signature = found.signed_by(house.witness.verifier)
        assert signature is not None
        assert signature.time == int(NOW.timestamp())
        assert house.witness.newest == head_over(house.raws[:new]) + body, (
            "it is kept before it is given"
        )
    assert house.started().size == len(house.raws), "and found again"


def test_another_size_than_the_witness_has_is_answered_with_its_own(house: House) -> None:
    assert house.ask(asking(house.raws, 0, 7))[0] == 200
    answer = asyncio.run(house.witness.add(asking(house.raws, 5, 9)))
    assert (answer.status, answer.body, answer.media) == (409, b"7\n", SIZE)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"checkpoint": b"nothing\n"}, 400),
        ({"old": 12}, 400),
        ({"checkpoint": "another origin"}, 404),
        ({"checkpoint": "another key"}, 403),
        ({"checkpoint": "spoilt"}, 403),
        ({"proof": ()}, 422),
        ({"proof": (bytes(32),) * 3}, 422),
    ],
)
def test_what_is_no_request_or_not_the_logs_is_refused(
    change: dict[str, Any], status: int, house: House
) -> None:
    assert house.ask(asking(house.raws, 0, 7))[0] == 200
    heads = {
        "another origin": head_over(house.raws[:11], origin="example.org/other"),
        "another key": head_over(house.raws[:11], "another"),
        "spoilt": head_over(house.raws[:11]).replace(b"\n11\n", b"\n10\n"),
    }
    change = {
        name: heads.get(value, value) if isinstance(value, str) else value
        for name, value in change.items()
    }
    assert house.ask(asking(house.raws, 7, 11, **change))[0] == status
    assert house.witness.size == 7


def test_records_that_have_not_come_are_waited_for(empty: House) -> None:
    empty.mirror.take(empty.raws[:6], head_over(empty.raws[:6]))
    assert empty.ask(asking(empty.raws, 0, 9))[0] == 503
    empty.mirror.take(empty.raws[6:], head_over(empty.raws))
    assert empty.ask(asking(empty.raws, 0, 9))[0] == 200


def test_a_head_of_other_records_is_refused_and_kept_as_evidence(empty: House) -> None:
    house, other = empty, World()
    for _ in range(8):
        other.open("nato/o-1", NOTE)
    other.open("china/o-1", NOTE)
    house.world.open("nato/o-1", NOTE)
    house.mirror.take(house.raws, head_over(house.raws))
    theirs = other.raws
    assert len(theirs) == len(house.raws)
    assert house.ask(asking(theirs, 0, len(theirs)))[0] == 422
    assert (house.folder / f"contradiction-{len(theirs)}.note").read_bytes() == head_over(theirs)
    assert house.ask(asking(house.raws, 0, len(house.raws)))[0] == 200
    assert house.ask(asking(theirs, len(theirs), len(theirs)))[0] == 422
    assert house.witness.size == len(house.raws)


@pytest.mark.parametrize(
    ("old", "size", "status"), [(7, 9, 422), (9, 9, 409), (0, 5, 409), (5, 9, 409), (9, 7, 400)]
)
def test_a_fork_is_told_and_kept_however_it_is_asked_for(
    old: int, size: int, status: int, house: House
) -> None:
    assert house.ask(asking(house.raws, 0, 7))[0] == 200
    forked = head_over([*house.raws[: size - 1], house.raws[size]])
    assert house.ask(asking(house.raws, 7, 9, old=old, checkpoint=forked))[0] == status
    kept = house.folder / f"contradiction-{size}.note"
    assert (kept.exists() and kept.read_bytes() == forked) == (status != 400)
    assert house.witness.size == 7


def test_a_witness_whose_own_copy_is_damaged_cosigns_nothing_and_accuses_nobody(
    house: House,
) -> None:
    path = house.folder / "leaves"
    raw = bytearray(path.read_bytes())
    raw[32 * 3] ^= 4
    path.write_bytes(raw)
    status, body = house.ask(asking(house.raws, 0, 9))
    assert (status, body) == (503, b"the copy that this witness keeps is damaged\n")
    assert not list(house.folder.glob("contradiction-*"))


def test_a_stub_whose_erasure_has_not_come_is_no_record_that_is_held(tmp_path: Path) -> None:
    house = House(tmp_path)
    try:
        id = house.world.open("nato/o-1", NOTE)
        at = house.world.exchange(id).opened.position
        house.world.attested(
            {
                "act": "erasure",
                "records": [
                    msgspec.to_builtins(each) for each in house.world.ledger.records_of(id)
                ],
            },
            "nato/root",
            "china/root",
        )
        raws = [*house.raws]
        raws[at - 1] = leaf.entry(at - 1, leaf.commit(raws[at - 1]))
        house.mirror.expect(named_in(enumerate(raws, 1)))
        house.mirror.take(raws[:at], head_over(house.raws[:at]))
        assert (house.mirror.archive.size, house.mirror.held) == (at, at - 1)
        assert house.ask(asking(house.raws, 0, at))[0] == 503
        house.mirror.take(raws[at:], head_over(house.raws))
        assert house.mirror.lie is None
        assert house.mirror.held == len(raws)
        assert house.ask(asking(house.raws, 0, len(raws)))[0] == 200
    finally:
        house.close()


def test_when_was_cosigned_is_kept_between_which_times_each_record_came(house: House) -> None:
    for size, seconds in ((7, 0), (7, 300), (9, 400), (9, 700), (11, 900)):
        house.now = NOW + timedelta(seconds=seconds)
        assert house.ask(asking(house.raws, house.witness.size, size))[0] == 200
        if seconds == 300:
            house.witness = house.started()
    begin = int(NOW.timestamp())
    found = [(each.size, each.time - begin) for each in times_in(house.folder)]
    assert found == [(7, 0), (7, 300), (9, 400), (9, 700), (11, 900)]
    with (house.folder / TIMES).open("ab") as file:
        file.write(b"[12,")
    house.world.open("nato/o-1", NOTE)
    house.mirror.take(house.raws[len(house.raws) - 1 :], head_over(house.raws))
    house.now = NOW + timedelta(seconds=1_000)
    assert house.ask(asking(house.raws, 11, len(house.raws)))[0] == 200
    assert times_in(house.folder)[-1] == CosigningTime(size=len(house.raws), time=begin + 1_000), (
        "what a crash left half written is passed over"
    )


def test_a_side_may_hold_its_witness_and_let_it_go(house: House) -> None:
    (house.folder / "held").touch()
    assert house.ask(asking(house.raws, 0, 9))[0] == 503
    (house.folder / "held").unlink()
    assert house.ask(asking(house.raws, 0, 9))[0] == 200


def test_silence_is_measured_from_the_last_head_of_the_logs_own_key(house: House) -> None:
    house.now = NOW + timedelta(seconds=700)
    house.ask(asking(house.raws, 0, 9, checkpoint=head_over(house.raws[:9], "another")))
    assert house.witness.silent == 700
    house.ask(asking(house.raws, 0, 9))
    assert house.witness.silent == 0
    house.now += timedelta(seconds=650)
    assert house.ask(asking(house.raws, 0, 9))[0] == 409
    assert house.ask(asking(house.raws, 9, 11, proof=()))[0] == 422
    assert house.witness.silent == 650, "an old head that is brought again is no news of the log"


async def test_the_side_is_told_once_of_each_silence(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(witness, "_LOOK_SECONDS", 0.001)
    watching = asyncio.create_task(witness._watch(house.witness))
    said = []
    for silent in (599, 601, 5_000):
        house.now = NOW + timedelta(seconds=silent)
        await asyncio.sleep(0.05)
        said.append(
            capsys.readouterr().err.count("no head was brought for 10 minutes: ask the host why")
        )
    await house.witness.add(asking(house.raws, 0, 9))
    await asyncio.sleep(0.05)
    house.now += timedelta(seconds=601)
    await asyncio.sleep(0.05)
    said.append(capsys.readouterr().err.count("no head was brought"))
    watching.cancel()
    assert said == [0, 1, 0, 1]


async def test_of_two_requests_at_once_one_is_told_the_others_size(house: House) -> None:
    answers = await asyncio.gather(
        *(house.witness.add(asking(house.raws, 0, new)) for new in (7, 9))
    )
    assert sorted(answer.status for answer in answers) == [200, 409]

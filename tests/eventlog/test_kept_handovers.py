"""A side's copy follows a handover of its log once its own side has said so, and no other."""

from pathlib import Path
from typing import Any

import pytest

from dragoman.audit.mirror import Mirror
from dragoman.domain.acts.log_policy import log_of
from dragoman.eventlog.archive_format import COSIGNED, Pinned
from dragoman.eventlog.kept_handovers import (
    KeptHandover,
    KeptHandovers,
    digest_of,
    follow_own,
    handovers_in,
)
from dragoman.eventlog.settled_copy import SettledCopy, UnprovenHead
from handovers import BOTH, handover, with_policy
from heads import head_over
from world import NOTE, World, public_of


@pytest.fixture
def world() -> World:
    """A log that was handed over with a cut, and went on."""
    world = with_policy()
    assert world.attested(handover(cut=True), *BOTH).valid
    world.open("nato/o-1", NOTE)
    return world


@pytest.fixture
def at(world: World) -> int:
    return world.position - 1


def head(raws: list[bytes], key: str = "log") -> bytes:
    return head_over([*raws], key, World().registry.origin)


def copy_of(path: Path, world: World, size: int) -> SettledCopy:
    """A copy that has taken the first records under the old key."""
    pinned = Pinned(cid=world.registry.cid, log=str(log_of(world.registry)))
    copy = SettledCopy(path / "copy", pinned)
    signed = head(world.raws[:size])
    assert copy.prove(world.raws[:size], signed)
    copy.keep(world.raws[:size], signed)
    copy.head(signed)
    return copy


def kept(world: World, at: int, **more: Any) -> KeptHandover:
    ((_, record),) = handovers_in([(at, world.raws[at - 1])])
    return KeptHandover(key=public_of("heir"), act=digest_of(record.act), **more)


def takes(copy: SettledCopy, world: World, key: str) -> bool:
    """Return whether a copy keeps the rest of the log under a head of a key."""
    rest, signed = world.raws[copy.archive.size :], head(world.raws, key)
    if copy.size_of(signed) is None or not copy.prove(rest, signed):
        return False
    copy.keep(rest, signed)
    copy.head(signed)
    return copy.conviction is None


def test_no_record_of_a_host_moves_a_copy_whose_side_has_said_nothing(
    world: World, at: int, tmp_path: Path
) -> None:
    copy = copy_of(tmp_path, world, at - 1)
    assert not takes(copy, world, "heir")
    assert copy.conviction is None and copy.archive.size == at - 1
    copy.close()


@pytest.mark.parametrize("is_known", [True, False])
def test_it_goes_on_under_the_new_key_and_takes_the_old_one_no_more(
    is_known: bool, world: World, at: int, tmp_path: Path
) -> None:
    copy = copy_of(tmp_path, world, at - 1)
    copy.handovers.add(kept(world, at, first=at if is_known else 0, cut=is_known))
    assert copy.size_of(head(world.raws)) is None or not is_known
    assert takes(copy, world, "heir")
    assert copy.handovers.every[0].first == at and copy.cut_ahead is None
    assert copy.size_of(head(world.raws)) is None, "a head of the old key beyond it"
    assert copy.size_of(head(world.raws[: at - 1])) == at - 1
    copy.archive.self_check()
    copy.close()
    again = SettledCopy(tmp_path / "copy", Pinned(cid=copy.cid, log=str(copy.log)))
    assert again.log == log_of(world.registry)
    again.close()


def test_another_record_in_its_place_proves_nothing(world: World, at: int, tmp_path: Path) -> None:
    copy = copy_of(tmp_path, world, at - 1)
    copy.handovers.add(kept(world, at, first=at, cut=True))
    assert copy.cut_ahead is not None
    other = [*world.raws[: at - 1], world.raws[-1]]
    with pytest.raises(UnprovenHead):
        copy.prove(other[at - 1 :], head(other, "heir"))
    assert copy.archive.size == at - 1 and copy.conviction is None
    copy.close()


def test_a_signer_follows_what_its_own_host_judged_on_the_record_before(
    world: World, at: int, tmp_path: Path
) -> None:
    handovers = KeptHandovers(tmp_path)
    messages = [*enumerate(world.raws, 1)]
    follow_own(handovers, messages)
    assert handovers.of(log_of(world.registry).first) == log_of(world.registry)
    follow_own(handovers, messages)
    assert len(handovers.every) == 1, "it is followed once"
    elsewhere = KeptHandovers(tmp_path / "other")
    follow_own(elsewhere, [(at + 1, world.raws[at - 1])])
    assert not elsewhere.every


@pytest.mark.parametrize("owners", [BOTH, BOTH[:1]])
def test_a_mirror_judges_the_handover_that_a_host_shows_it(
    owners: tuple[str, ...], tmp_path: Path
) -> None:
    world = with_policy()
    assert world.attested(handover(cut=True), *owners).valid == (owners == BOTH)
    mirror = Mirror(
        tmp_path / "mirror",
        Pinned(cid=world.registry.cid, log=str(log_of(world.registry))),
    )
    signed = head(world.raws, "heir")
    assert mirror.size_of(signed) is None
    mirror.expect_handovers([(world.position, world.raws[-1])])
    mirror.take(world.raws, signed)
    assert (mirror.lie is None) == (owners == BOTH)
    mirror.close()


def test_a_witness_is_led_by_no_host(tmp_path: Path) -> None:
    world = with_policy()
    assert world.attested(handover(cut=True), *BOTH).valid
    folder = tmp_path / "mirror"
    mirror = Mirror(folder, Pinned(cid=world.registry.cid, log=str(log_of(world.registry))))
    (folder / COSIGNED).touch()
    mirror.expect_handovers([(world.position, world.raws[-1])])
    assert mirror.size_of(head(world.raws, "heir")) is None
    mirror.close()

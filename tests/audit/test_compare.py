"""Two copies of a log: the same, one the beginning of the other, or a fork, of which signed heads
convict the host.
"""

from pathlib import Path

import msgspec
import pytest

from dragoman.audit import compare
from dragoman.audit.compare import LogCopy
from dragoman.audit.mirror import Mirror
from dragoman.domain.acts.log_policy import log_of
from dragoman.eventlog.archive import ArchiveDamaged
from dragoman.eventlog.archive_format import Pinned
from dragoman.eventlog.settled_copy import CopyOfAnotherChannel
from dragoman.tlog import checkpoint, leaf, merkle, note, proof
from dragoman.tlog.note import NotANote
from world import NOTE, World, seed_of

N, C = "nato/o-1", "china/o-1"


def head_over(messages: list[bytes], owner: str = "log") -> bytes:
    nodes = compare.of_messages("", messages, None).nodes
    text = checkpoint.Checkpoint(
        "example.org/nato-china", len(messages), merkle.root_of(nodes, len(messages))
    ).text
    return note.encode(text, [note.sign("example.org/nato-china", seed_of(owner), text)])


def of(messages: list[bytes], *, head: int | None = None, where: str = "a copy") -> LogCopy:
    return compare.of_messages(where, messages, None if head == 0 else head_over(messages[:head]))


def told(notes: int) -> World:
    world = World()
    for _ in range(notes):
        world.open(N, NOTE)
    return world


def forked(at: int, one: int, other: int) -> tuple[World, list[bytes], list[bytes]]:
    """Two logs of one channel that part at a position."""
    world = told(at - World().position - 1)
    mine, theirs = list(world.raws), list(world.raws)
    while len(mine) < one:
        world.open(N, NOTE)
        mine = list(world.raws)
    other_world = told(at - World().position - 1)
    other_world.open(C, NOTE)
    while len(other_world.raws) < other:
        other_world.open(C, NOTE)
    theirs = list(other_world.raws)
    assert mine[: at - 1] == theirs[: at - 1]
    assert mine[at - 1] != theirs[at - 1]
    return world, mine, theirs


def test_the_same_records_are_the_same_whatever_heads_came_with_them() -> None:
    raws = told(5).raws
    assert compare.compare(of(raws), of(raws, head=3)).result == compare.SAME


def test_a_longer_copy_extends_a_shorter_one() -> None:
    raws = told(5).raws
    for one, other in ((raws, raws[:-3]), (raws[:-3], raws)):
        found = compare.compare(of(one), of(other))
        assert (found.result, "3 more" in found.detail) == (compare.EXTENDS, True)


def test_a_copy_that_withholds_what_one_side_alone_has_erased_is_not_the_same() -> None:
    world = told(3)
    id = world.open(N, NOTE)
    at = world.exchange(id).opened.position
    world.attested(
        {
            "act": "erasure",
            "records": [msgspec.to_builtins(each) for each in world.ledger.records_of(id)],
        },
        "nato/root",
    )
    less = [*world.raws]
    less[at - 1] = leaf.entry(at - 1, leaf.commit(less[at - 1]))
    found = compare.compare(of(world.raws), of(less, where="theirs"))
    assert (found.result, found.position) == (compare.FORK, at)
    assert (
        "in theirs there is a leaf entry, and no erasure that has effect in that copy names it"
        in found.detail
    )


def test_a_copy_in_which_an_erasure_was_changed_differs_at_the_erasure() -> None:
    world = told(3)
    id = world.open(N, NOTE)
    at = world.exchange(id).opened.position
    erasure = {
        "act": "erasure",
        "records": [msgspec.to_builtins(each) for each in world.ledger.records_of(id)],
    }
    by = world.attested(erasure, "nato/root", "china/root").position
    world.open(N, NOTE)
    mine = [*world.raws]
    mine[at - 1] = leaf.entry(at - 1, leaf.commit(mine[at - 1]))
    theirs = [*mine]
    theirs[by - 1] = theirs[by - 1].replace(b'"void":false', b'"void":true', 1)
    found = compare.compare(of(mine), of(theirs))
    assert (found.result, found.position) == (compare.FORK, by), "the entry is the same in both"


def test_two_openings_under_one_name_are_two_channels() -> None:
    world = World()
    other = World(name="nato-china", languages=["fr"])
    assert compare.compare(of(world.raws), of(other.raws)).result == compare.OTHER
    assert compare.compare(of(world.raws), of([])).result == compare.OTHER


@pytest.mark.parametrize(
    ("at", "one", "other"), [(12, 12, 12), (12, 20, 13), (15, 16, 31), (17, 17, 40), (20, 33, 20)]
)
def test_a_fork_is_located_and_two_signed_heads_convict_the_host(
    at: int, one: int, other: int
) -> None:
    world, mine, theirs = forked(at, one, other)
    found = compare.compare(of(mine), of(theirs))
    assert (found.result, found.position) == (compare.FORK, at)
    assert found.evidence is not None
    assert "does not begin the second" in compare.convicts(found.evidence, log_of(world.registry))


def test_heads_from_before_the_fork_convict_nobody() -> None:
    _, mine, theirs = forked(15, 20, 22)
    for one, other in (
        (of(mine, head=14), of(theirs)),
        (of(mine, head=0), of(theirs)),
        (of(mine), of(theirs, head=10)),
    ):
        found = compare.compare(one, other)
        assert (found.result, found.position, found.evidence) == (compare.FORK, 15, None)


def test_evidence_that_shows_nothing_is_refused() -> None:
    world, mine, theirs = forked(15, 20, 22)
    evidence = compare.compare(of(mine), of(theirs)).evidence
    assert evidence is not None
    log = log_of(world.registry)
    found = msgspec.json.decode(evidence, type=compare.Evidence)
    honest = compare.of_messages("", theirs, None)
    for change in (
        {"one": head_over(theirs[:20]).decode(), "root": found.root},
        {"one": head_over(mine, "another").decode()},
        {"root": "A" * 43 + "="},
        {"proof": found.proof[:-1]},
        {"proof": (*found.proof, found.root)},
        {"other": found.one},
        {"root": "nothing"},
    ):
        with pytest.raises(NotANote):
            compare.convicts(msgspec.json.encode(msgspec.structs.replace(found, **change)), log)
    for raw in (b"", b"{}", evidence[:-9]):
        with pytest.raises(NotANote):
            compare.convicts(raw, log)
    assert honest.root(20) != compare.of_messages("", mine, None).root(20)


# Mirrors


def pinned(world: World) -> Pinned:
    return Pinned(cid=world.registry.cid, log=str(log_of(world.registry)))


def test_a_mirror_keeps_what_follows_and_verifies_it_again_from_its_disk(tmp_path: Path) -> None:
    world = told(4)
    mirror = Mirror(tmp_path / "m", pinned(world))
    mirror.take(world.raws[:9], head_over(world.raws[:9]))
    mirror.take(world.raws[9:], head_over(world.raws))
    mirror.close()
    again = Mirror(tmp_path / "m", pinned(world))
    again.again()
    assert (again.archive.size, again.lie) == (len(world.raws), None)
    assert again.verification.replay.standing.digest == world.ledger.standing.digest
    assert (
        compare.compare(compare.of_archive("m", again.archive), of(world.raws)).result
        == compare.SAME
    )
    again.head(head_over(world.raws))
    again.head(head_over(world.raws[:3]), patient=True)
    assert again.archive.sealed == head_over(world.raws) and again.lie is None, (
        "an older head is no newer one"
    )
    again.head(head_over(world.raws[:3]))
    assert again.lie is not None and "the log went back" in again.lie.what
    again.close()
    with pytest.raises(CopyOfAnotherChannel):
        Mirror(tmp_path / "m", Pinned(cid="00" * 32, log=str(log_of(world.registry))))


def test_a_mirror_takes_nothing_of_another_opening(tmp_path: Path) -> None:
    world, other = World(), World(languages=["fr"])
    mirror = Mirror(tmp_path / "m", pinned(world))
    mirror.take(other.raws, head_over(other.raws))
    assert mirror.lie is not None
    assert (mirror.lie.check, mirror.archive.size) == ("opening", 0)
    mirror.close()


def test_a_head_of_other_records_is_a_lie_and_is_kept_as_evidence(tmp_path: Path) -> None:
    world, mine, theirs = forked(15, 20, 22)
    mirror = Mirror(tmp_path / "m", pinned(world))
    mirror.take(mine, head_over(mine))
    mirror.head(head_over(theirs))
    assert mirror.lie is None, "it is ahead of what is kept"
    mirror.head(head_over(theirs[:18]))
    assert mirror.lie is not None
    assert (mirror.lie.check, mirror.lie.position) == ("head", 18)
    assert (tmp_path / "m" / "contradiction-18.note").read_bytes() == head_over(theirs[:18])
    mirror.close()


def test_a_head_of_another_key_is_a_lie(tmp_path: Path) -> None:
    world = told(2)
    mirror = Mirror(tmp_path / "m", pinned(world))
    mirror.take(world.raws, head_over(world.raws))
    mirror.head(head_over(world.raws, "another"))
    assert mirror.lie is not None
    mirror.close()


def test_a_record_that_was_changed_on_the_mirrors_disk_is_found(tmp_path: Path) -> None:
    world = told(3)
    mirror = Mirror(tmp_path / "m", pinned(world))
    mirror.take(world.raws, head_over(world.raws))
    mirror.close()
    path = tmp_path / "m" / "records"
    path.write_bytes(path.read_bytes().replace(b"reception", b"Reception", 1))
    with pytest.raises(
        ArchiveDamaged,
        match=r"records, byte \d+ \(position 12\): the record is not the one that was kept",
    ):
        Mirror(tmp_path / "m", pinned(world))


# A head that was kept


def kept(path: Path, signed: bytes) -> compare.KeptHead:
    path.write_bytes(signed)
    head = compare.head_in(path)
    assert head is not None
    return head


def test_a_head_that_was_kept_is_of_the_copy_begins_it_or_convicts_whoever_forked_it(
    tmp_path: Path,
) -> None:
    world, mine, theirs = forked(15, 20, 22)
    log = log_of(world.registry)
    head = kept(tmp_path / "head", head_over(mine))
    assert compare.compare_head(head, of(mine), log).result == compare.SAME
    assert (
        compare.compare_head(kept(tmp_path / "older", head_over(mine[:17])), of(mine)).result
        == compare.EXTENDS
    )
    found = compare.compare_head(head, of(theirs), log)
    assert (found.result, found.position) == (compare.FORK, 20)
    assert found.evidence is not None
    assert compare.convicts(found.evidence, log).endswith("the first does not begin the second")
    for other in (of(theirs, head=0), of(theirs, head=18)):
        found = compare.compare_head(head, other, log)
        assert (found.result, found.evidence) == (compare.FORK, None), (
            "no head of the copy goes as far as the one that was kept"
        )


def test_a_head_of_more_records_than_there_are_shows_that_the_log_was_cut_off(
    tmp_path: Path,
) -> None:
    raws = told(5).raws
    found = compare.compare_head(kept(tmp_path / "head", head_over(raws)), of(raws[:-2]))
    assert (found.result, found.position) == (compare.SHORTER, len(raws) - 1)
    assert "was cut off, or is an old one" in found.detail


def test_the_head_in_a_records_proof_convicts_as_one_that_was_kept_alone(tmp_path: Path) -> None:
    world, mine, theirs = forked(15, 20, 22)
    nodes = of(mine).nodes
    shown = proof.Proof(2, tuple(merkle.inclusion(nodes, 2, len(mine))), head_over(mine))
    found = compare.compare_head(
        kept(tmp_path / "x.tlog-proof", bytes(shown)), of(theirs), log_of(world.registry)
    )
    assert found.result == compare.FORK and found.evidence is not None


def test_a_head_of_another_key_shows_nothing_and_what_is_no_head_is_none(tmp_path: Path) -> None:
    raws = told(2).raws
    with pytest.raises(NotANote):
        compare.compare_head(kept(tmp_path / "head", head_over(raws, "another")), of(raws))
    (tmp_path / "words").write_text("no head")
    assert compare.head_in(tmp_path / "words") is None

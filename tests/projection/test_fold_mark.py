"""The meaning of a log is kept beside its bytes. A program that judges kept records
otherwise makes the channel read-only, and no other start does.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from dragoman.application.post_checks import refuse_if_unavailable
from dragoman.domain import fold
from dragoman.domain.acts.erasure import entry_of
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refused, make_refusal
from dragoman.eventlog.memory import MemoryLog
from dragoman.projection import fold_mark
from dragoman.projection.fold_mark import FoldMarks
from dragoman.projection.projection import Projection
from dragoman.projection.rebuild import Rebuilder
from dragoman.projection.store import Store
from followed import until
from histories import a_history
from world import NOTE, World

_NUMBERS = itertools.count()
MARK = "nato-china.fold"


@pytest.fixture
def other_program(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Go on as another program; the acts in `void` are then void at every position."""

    def become(*void: str, program: str = "ab" * 32) -> None:
        judged = vars(fold)["judge"]

        def judge(before: Any, history: Any, record: Record) -> Any:
            if record.name in void:
                return make_refusal("void", "This program has it otherwise.")
            return judged(before, history, record)

        monkeypatch.setattr(fold, "judge", judge)
        monkeypatch.setattr(fold_mark, "fold_digest", lambda: program)

    return become


@asynccontextmanager
async def following(
    raws: Sequence[bytes], folder: Path, *, begun: int = 0, name: str = "", keeps: bool = True
) -> AsyncIterator[Projection]:
    """A channel with its mark in a folder.

    `begun` records are folded before the mark is read. A file of another `name` is
    folded as a whole.
    """
    log = MemoryLog("nato-china")
    for position, raw in enumerate(raws, 1):
        await log.inject(f"dragoman.v1.nato-china.x.{position}", raw)
    store, marks = Store(folder / f"{name or next(_NUMBERS)}.sqlite"), FoldMarks(folder)
    projection = Projection(log, store)
    projection.take(await log.read(1, begun) if begun else [])
    marks.follow(projection)
    rebuilder = Rebuilder(store, {"nato-china": projection}, lambda _: log, settled=marks.compare)
    tasks = [asyncio.create_task(projection.run()), asyncio.create_task(rebuilder.run())]
    try:
        await projection.caught_up.wait()
        await until(lambda: projection.doubt is None)
        await projection.in_file()
        yield projection
        if keeps:
            await marks.keep()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(store.close)


def a_log() -> World:
    world = World()
    for _ in range(3):
        id = world.open("nato/o-1", NOTE)
        world.keep("china/o-1", {"act": "reply", "text": "We have looked into it."}, id)
    junk(world, b"{}")
    return world


def junk(world: World, raw: bytes) -> None:
    """Bytes that are no record, which use up a position."""
    world.raws.append(raw)
    world.ledger.take([raw])


async def test_records_that_another_program_judges_otherwise_make_the_channel_read_only(
    tmp_path: Path, other_program: Callable[..., None]
) -> None:
    raws = a_log().raws
    async with following(raws, tmp_path):
        pass
    content = (tmp_path / MARK).read_bytes()
    mark = json.loads(content)
    assert (mark["position"], mark["void"], mark["release"]) == (len(raws), 1, "0.1.0")
    other_program("reply")
    for name in ("whole", "whole"):  # the second start is on a file that is there
        with capture_logs() as lines:
            async with following(raws, tmp_path, name=name) as projection:
                (line,) = [line for line in lines if line["event"] == "log.judged_otherwise"]
                assert line["position"] == len(raws)
                assert line["release"] == f"0.1.0 ({mark['program'][:12]})"
                with pytest.raises(Refused, match="4 of them are void now, and 1 were") as refused:
                    refuse_if_unavailable(projection)
                assert refused.value.refusal.kind == "read-only"
        assert (tmp_path / MARK).read_bytes() == content, "it stays until somebody has looked"


async def test_the_mark_that_is_removed_is_kept_anew(
    tmp_path: Path, other_program: Callable[..., None]
) -> None:
    raws = a_log().raws
    async with following(raws, tmp_path):
        pass
    other_program("reply")
    (tmp_path / MARK).unlink()
    async with following(raws, tmp_path, name="whole") as projection:
        assert projection.broken is None
    assert json.loads((tmp_path / MARK).read_bytes())["void"] == 4


async def test_the_earlier_program_goes_on(
    tmp_path: Path, other_program: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    raws = a_log().raws
    async with following(raws, tmp_path):
        pass
    with monkeypatch.context():
        other_program("contact-note")
        async with following(raws, tmp_path) as projection:
            assert projection.broken is not None
    monkeypatch.undo()
    async with following(raws, tmp_path) as projection:
        assert projection.broken is None


async def test_a_mark_of_another_log_is_not_compared(
    tmp_path: Path, other_program: Callable[..., None]
) -> None:
    async with following(a_log().raws, tmp_path):
        pass
    other_program()
    world = a_log()
    world.raws[-1] = b"[]"
    async with following(world.raws, tmp_path) as projection:
        assert projection.broken is None


async def test_members_that_a_later_release_adds_are_ignored_and_junk_is_replaced(
    tmp_path: Path, other_program: Callable[..., None]
) -> None:
    raws = a_log().raws
    async with following(raws, tmp_path):
        pass
    mark = json.loads((tmp_path / MARK).read_bytes())
    (tmp_path / MARK).write_text(json.dumps({**mark, "sums": {"records": "9f"}}))
    other_program("reply")
    async with following(raws, tmp_path) as projection:
        assert projection.broken is not None
    (tmp_path / MARK).write_bytes(b"\x00" * 100)
    async with following(raws, tmp_path) as projection:
        assert projection.broken is None
    assert json.loads((tmp_path / MARK).read_bytes())["position"] == len(raws)


async def test_a_file_that_this_program_did_not_make_so_is_built_again(tmp_path: Path) -> None:
    """The program folds a log in one way only. A file that differs was changed."""
    raws = a_log().raws
    async with following(raws, tmp_path):
        pass
    mark = json.loads((tmp_path / MARK).read_bytes())
    (tmp_path / MARK).write_text(json.dumps({**mark, "digest": "00" * 32}))
    with capture_logs() as lines:
        async with following(raws, tmp_path) as projection:
            assert projection.broken is None
    events = [line["event"] for line in lines]
    assert "projection.differs" in events and "mark.of_other_fold" in events
    assert json.loads((tmp_path / MARK).read_bytes()) == mark


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_start_is_judged_otherwise_but_that_of_a_program_that_judges_otherwise(
    data: st.DataObject, tmp_path: Path
) -> None:
    world = a_history(data)
    for raw in data.draw(st.lists(st.just(b"{}"), max_size=2)):
        junk(world, raw)
    raws = world.raws
    marked = data.draw(st.integers(1, len(raws)), label="marked at")
    begun = data.draw(st.integers(0, len(raws)), label="folded before the mark is read")
    void = data.draw(st.sampled_from(("", "reply", "contact-note", "closure")), label="void")
    folder = tmp_path / f"{next(_NUMBERS)}"
    folder.mkdir()

    async def start() -> None:
        async with following(raws[:marked], folder) as projection:
            states = projection.store.reader().execute(
                "SELECT count(*) FROM records WHERE act = ? AND valid", (void,)
            )
            differs = states.fetchone()[0] > 0
        with pytest.MonkeyPatch.context() as patched:
            judged = vars(fold)["judge"]
            patched.setattr(fold_mark, "fold_digest", lambda: "ab" * 32)
            patched.setattr(
                fold,
                "judge",
                lambda before, history, record: (
                    make_refusal("void", "Otherwise.")
                    if record.name == void
                    else judged(before, history, record)
                ),
            )
            async with following(raws, folder, begun=begun) as projection:
                assert (projection.judged_otherwise is not None) == differs

    asyncio.run(start())


@pytest.mark.parametrize("before", range(1, 6))
async def test_what_every_side_erased_since_is_not_judged_otherwise(
    tmp_path: Path, other_program: Callable[..., None], before: int
) -> None:
    """The mark is of a position before the erasure or after it.

    Before it, no program can compute the digest any more.
    """
    world = a_log()
    id = world.open("nato/o-1", NOTE)
    world.open("china/o-1", NOTE)
    gone = [*world.ledger.records_of(id)]
    records = [msgspec.to_builtins(record) for record in gone]
    world.attested({"act": "erasure", "records": records}, "nato/root", "china/root")
    world.open("china/o-1", NOTE)
    raws = list(world.raws)
    async with following(raws[:-before], tmp_path):
        pass
    entries = {record.position: entry_of(record) for record in gone}
    without = [entries.get(position, raw) for position, raw in enumerate(raws, 1)]
    other_program()
    for name in ("whole", "whole"):  # the second start is on a file that is there
        async with following(without, tmp_path, name=name, keeps=False) as projection:
            assert projection.broken is None
    other_program("contact-note", program="cd" * 32)
    async with following(without, tmp_path) as projection:
        assert projection.judged_otherwise is not None, "void records are counted all the same"

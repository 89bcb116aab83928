"""A signed turn-over against the log in which its watch was taken: the honest one, and every lie."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from dragoman.audit.turn_over_check import CheckedSheet, check_sheet
from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.fold import Folded
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.projection.projection import Projection
from dragoman.projection.queries.snapshot import PeriodQuery, open_snapshot
from dragoman.projection.store import Store
from dragoman.reports import turn_over_points, turn_over_sheet, watch_handover
from dragoman.reports.turn_over_sheet import NotASheet, file_of, id_of_sheet, key_of_sheet, sealed
from dragoman_schemas.watch_responses import (
    PointAnswer,
    TurnOverFile,
    TurnOverPoint,
    TurnOverSheet,
)
from world import INCIDENT, World

RELIEF: Final = "nato/d-1"
DRAFT: Final = TurnOverPoint(
    key="draft/018f3a2b-9c4d-7e5f-8a6b-7c8d9e0f1a2b",
    kind="draft",
    state="77",
    act="reply",
    text="o-1",
    in_log=False,
)
SHELVED: Final = TurnOverPoint(
    key="shelved/1/answer", kind="shelved", state="88", side="china", text="Rung.", in_log=False
)
WATCH: Final = {"act": "watch-assumption"}


def derived(world: World, folder: Path, time: str) -> tuple[TurnOverPoint, ...]:
    """The points of a list that is made now, from a projection file."""
    store = Store(folder / "projection.sqlite")

    async def points() -> tuple[TurnOverPoint, ...]:
        projection = Projection(MemoryLog(world.name), store)
        projection.take(
            [
                StoredMessage(position=position, subject=f"s.{position}", raw=raw)
                for position, raw in enumerate(world.raws, 1)
            ]
        )
        await projection.in_file()
        query = PeriodQuery(at=world.position, to=time)
        with open_snapshot(store, world.name, query, time) as snapshot:
            span = snapshot.span(watch_handover.begins(snapshot, "nato"))
            note = watch_handover.turn_over(snapshot, span, "nato", live=True)
        return turn_over_points.points_of(note)

    try:
        return asyncio.run(points())
    finally:
        store.close()


class Watch:
    """A log in which a watch was taken with a sheet, and the sheet."""

    def __init__(self, folder: Path, **changed: Any) -> None:
        self.world = World(**changed)
        self.taken("nato/h-1")
        for facts in ("Two aircraft passed close.", "A buoy went adrift."):
            self.world.open("china/d-1", {**INCIDENT, "facts": facts})
        time = timestamp(self.world.clock + timedelta(milliseconds=500))
        points = derived(self.world, folder, time)
        assert len(points) > 3
        self.sheet = TurnOverSheet(
            channel=self.world.name,
            cid=self.world.registry.cid,
            side="nato",
            officer=RELIEF,
            relieved="nato/h-1",
            position=self.world.position,
            time=time,
            salt="5" * 32,
            points=(*points, SHELVED, DRAFT),
            answers=(
                PointAnswer(key=points[0].key, answer="not_clear", reason="Which buoy?"),
                PointAnswer(key=DRAFT.key, answer="taken_over"),
            ),
        )
        self.taken(RELIEF, key_of_sheet(self.sheet))
        self.position = self.world.position
        self.world.open("china/d-1", INCIDENT)

    def taken(self, officer: str, key: str = "") -> str:
        folded = self.world.keep(officer, WATCH, key=key)
        assert isinstance(folded, Folded) and folded.valid and folded.record is not None, folded
        return folded.record.envelope.id

    def check(self, file: TurnOverFile, void: tuple[int, ...] = ()) -> CheckedSheet:
        return asyncio.run(
            check_sheet(
                file,
                self.world.raws,
                channel=self.world.name,
                cid=self.world.registry.cid,
                void=void,
            )
        )

    def file(self, **changed: Any) -> TurnOverFile:
        """The sheet under its own record, with members that are changed afterwards."""
        return TurnOverFile(record=id_of_sheet(self.sheet), sheet=replace(self.sheet, **changed))


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    return Watch(tmp_path_factory.mktemp("watch"))


def test_the_sheet_that_was_signed_is_the_one_to_which_the_record_commits(watch: Watch) -> None:
    for sheet in (watch.sheet, sealed(watch.sheet)):
        file = turn_over_sheet.read(file_of(id_of_sheet(watch.sheet), sheet))
        checked = watch.check(file)
        assert checked.is_valid and checked.faults == (), checked
        assert (checked.position, checked.officer) == (watch.position, RELIEF)
        assert len(checked.unproven) == 2


def test_an_auditor_s_sheet_has_no_draft_and_commits_all_the_same(watch: Watch) -> None:
    file = file_of(id_of_sheet(watch.sheet), sealed(watch.sheet))
    assert DRAFT.key.partition("/")[2].encode() not in file and b"o-1" not in file
    assert sealed(sealed(watch.sheet)) == sealed(watch.sheet)
    assert [answer.key for answer in sealed(watch.sheet).answers] == [watch.sheet.points[0].key]
    redrafted = replace(DRAFT, text="o-2")
    others = (*watch.sheet.points[:-1], redrafted)
    assert key_of_sheet(replace(watch.sheet, points=others)) != key_of_sheet(watch.sheet)


def in_log(watch: Watch) -> TurnOverPoint:
    return next(point for point in watch.sheet.points if point.kind == "matter")


def without(watch: Watch, *keys: str) -> tuple[TurnOverPoint, ...]:
    return tuple(point for point in watch.sheet.points if point.key not in keys)


def edited(watch: Watch, edits: str, **changed: Any) -> tuple[TurnOverPoint, ...]:
    return tuple(
        replace(point, **changed) if point.key == edits else point for point in watch.sheet.points
    )


INVENTED: Final = TurnOverPoint(key="matter/invented", kind="matter", state="1", side="china")
ALL_THERE: Final = "all points of the log are in it as they were"

LIES: Final[dict[str, tuple[str, Callable[[Watch], dict[str, Any]]]]] = {
    "a point's state is another": (
        "a point was changed: {matter}",
        lambda watch: {"points": edited(watch, in_log(watch).key, state="0" * 16)},
    ),
    "a point is owed by the other side": (
        "a point was changed: {matter}",
        lambda watch: {"points": edited(watch, in_log(watch).key, side="nato")},
    ),
    "a point says that it is beside the log": (
        "a point was left out: {matter}",
        lambda watch: {"points": edited(watch, in_log(watch).key, in_log=False)},
    ),
    "a point is left out": (
        "a point was left out: {matter}",
        lambda watch: {"points": without(watch, in_log(watch).key)},
    ),
    "a point is renamed": (
        "a point was added: matter/other",
        lambda watch: {"points": edited(watch, in_log(watch).key, key="matter/other")},
    ),
    "a point is added": (
        "a point was added: matter/invented",
        lambda watch: {"points": (*watch.sheet.points, INVENTED)},
    ),
    "all points are left out": ("a point was left out: {matter}", lambda watch: {"points": ()}),
    "a point of the log comes twice": (
        "a point comes twice: {matter}",
        lambda watch: {"points": (*watch.sheet.points, in_log(watch))},
    ),
    "the points changed places": (
        ALL_THERE,
        lambda watch: {"points": tuple(reversed(watch.sheet.points))},
    ),
    "a shelved caution is left out": (
        ALL_THERE,
        lambda watch: {"points": without(watch, SHELVED.key)},
    ),
    "a shelved caution has another reason": (
        ALL_THERE,
        lambda watch: {"points": edited(watch, SHELVED.key, text="Asleep.")},
    ),
    "a draft is left out": (ALL_THERE, lambda watch: {"points": without(watch, DRAFT.key)}),
    "a point beside the log is added": (
        ALL_THERE,
        lambda watch: {"points": (*watch.sheet.points, replace(SHELVED, key="shelved/2/answer"))},
    ),
    "not clear became taken over": (
        ALL_THERE,
        lambda watch: {
            "answers": (
                PointAnswer(key=watch.sheet.answers[0].key, answer="taken_over"),
                watch.sheet.answers[1],
            )
        },
    ),
    "a reason is another": (
        ALL_THERE,
        lambda watch: {
            "answers": (replace(watch.sheet.answers[0], reason="None."), watch.sheet.answers[1])
        },
    ),
    "an answer is left out": (ALL_THERE, lambda watch: {"answers": watch.sheet.answers[1:]}),
    "the answer to a draft is left out": (
        ALL_THERE,
        lambda watch: {"answers": watch.sheet.answers[:1]},
    ),
    "an answer is added": (
        ALL_THERE,
        lambda watch: {
            "answers": (
                *watch.sheet.answers,
                PointAnswer(key=in_log(watch).key, answer="taken_over"),
            )
        },
    ),
    "the salt is another": (ALL_THERE, lambda watch: {"salt": "6" * 32}),
    "another officer was relieved": (ALL_THERE, lambda watch: {"relieved": "nato/o-1"}),
    "another officer signed it": (
        "another officer took this watch: nato/d-1",
        lambda watch: {"officer": "nato/h-1"},
    ),
    "it is of the other side": (
        "another officer took this watch: nato/d-1",
        lambda watch: {"side": "china"},
    ),
    "the list is of an earlier record": (
        "a point was added: receipt/",
        lambda watch: {"position": watch.sheet.position - 1},
    ),
    "the list is of a later time": (
        "cannot be made again for record",
        lambda watch: {"time": "2027-01-01T00:00:00.000Z"},
    ),
    "the time is none": ("cannot be made again", lambda watch: {"time": "soon"}),
    "the list is of a record that is not there": (
        "cannot be made again",
        lambda watch: {"position": 10_000},
    ),
    "it is of another channel": ("this log is of nato-china", lambda watch: {"channel": "other"}),
    "it is of another log of that name": (
        "this log is of nato-china",
        lambda watch: {"cid": "ab" * 32},
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_every_lie_is_found_and_named(lie: str, watch: Watch) -> None:
    expected, change = LIES[lie]
    checked = watch.check(watch.file(**change(watch)))
    assert not checked.is_valid and not checked.is_committed
    expected = expected.format(matter=in_log(watch).key)
    assert any(expected in fault for fault in checked.faults), checked.faults


def test_a_sheet_under_another_record_is_not_the_one_to_which_it_commits(
    watch: Watch, tmp_path: Path
) -> None:
    other = Watch(tmp_path)
    later = replace(other.sheet, salt="7" * 32)
    plain = other.taken("nato/h-1")
    assert not other.check(TurnOverFile(record=plain, sheet=other.sheet)).is_valid
    id = other.taken(RELIEF, key_of_sheet(later))
    assert other.check(TurnOverFile(record=id, sheet=later)).is_valid
    wrong = other.check(TurnOverFile(record=id, sheet=other.sheet))
    assert not wrong.is_valid and "the record does not commit to this sheet" in wrong.faults
    for nothing in ("", "0192f0c1-2f3a-7c4d-8e5f-112233445566", "nato", '"act"'):
        lost = other.check(TurnOverFile(record=nothing, sheet=other.sheet))
        assert lost.position == 0 and not lost.is_valid
        assert any("took a watch under the id" in fault for fault in lost.faults)
    void = watch.check(watch.file(), void=(watch.position,))
    assert not void.is_valid and void.position == 0


def test_a_list_with_a_point_too_few_is_found_even_if_the_record_commits_to_it(
    tmp_path: Path,
) -> None:
    """A host that left a point out of the list, before the officer signed it."""
    watch = Watch(tmp_path)
    watch.taken("nato/h-1")
    time = timestamp(watch.world.clock + timedelta(milliseconds=500))
    folder = tmp_path / "later"
    folder.mkdir()
    points = derived(watch.world, folder, time)
    now = replace(watch.sheet, position=watch.world.position, time=time, points=points[1:])
    id = watch.taken(RELIEF, key_of_sheet(now))
    checked = watch.check(TurnOverFile(record=id, sheet=now))
    assert checked.is_committed and checked.left_out == (points[0].key,)
    assert not checked.is_valid


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b'"answer":"taken_over"', b'"answer":"taken_over","by":"x"', 1),
        lambda raw: raw.replace(b'"salt"', b'"salt":"x","salt"', 1),
        lambda raw: raw.replace(b'"points":[', b'"points": [', 1),
        lambda raw: raw.replace(b'"answer":"taken_over"', b'"answer":"read"', 1),
        lambda raw: raw[:-20],
        lambda raw: raw + b"{}",
        lambda raw: b"\xff" + raw,
        lambda raw: b"[" * 100_000,
        lambda raw: b"",
    ],
)
def test_a_file_with_any_other_byte_is_not_read(
    change: Callable[[bytes], bytes], watch: Watch
) -> None:
    raw = file_of(id_of_sheet(watch.sheet), watch.sheet)
    assert turn_over_sheet.read(raw).sheet == watch.sheet
    assert change(raw) != raw
    with pytest.raises(NotASheet) as error:
        turn_over_sheet.read(change(raw))
    assert re.search(r"\w", str(error.value))

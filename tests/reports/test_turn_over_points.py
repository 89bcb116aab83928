"""The points of a turn-over: derived from the log, and the same whenever they are derived again."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from dragoman.application.operations import report_requests
from dragoman.application.operations.turn_overs import states_of
from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.record import ids
from dragoman.i18n.words import LANGUAGES, words
from dragoman.projection.queries.snapshot import PeriodQuery, open_snapshot
from dragoman.projection.store import Store
from dragoman.reports.turn_over_points import log_points, point_text, points_of
from dragoman.reports.turn_over_sheet import id_of_sheet, key_of_sheet
from dragoman.stores.watch_floor import Floor, ShelvedAlarm
from dragoman_schemas.report_shapes import HandedOver, TurnOver
from dragoman_schemas.watch_responses import (
    KeptSheet,
    PointAnswer,
    TurnOverFollowUp,
    TurnOverPoint,
    TurnOverSheet,
)
from world import INCIDENT, World

from .test_documents import keep

CHANNEL = "nato-china"


@contextmanager
def stored(world: World, folder: Path) -> Iterator[Store]:
    """A projection file with a world's records."""
    folder.mkdir(exist_ok=True)
    store = Store(folder / "projection.sqlite")
    asyncio.run(keep(store, world.raws))
    yield store
    store.close()


@pytest.fixture
def world() -> World:
    world = World(languages=["en", "fr", "zh-Hans"])
    for side in world.sides:
        world.keep(f"{side}/root", {"act": "profile-adoption", "profile": "default"})
        world.keep(f"{side}/d-1", {"act": "watch-assumption"})
    world.open("china/d-1", {**INCIDENT, "precedence": "flash"})
    return world


def note_of(store: Store, query: PeriodQuery, *, as_of: str = "") -> TurnOver:
    floor = Floor(
        since=4,
        silenced=2,
        silenced_last="2026-11-24T03:00:00.000Z",
        shelved=(
            ShelvedAlarm(
                exchange="x",
                number="N/1",
                clock="answer",
                started_by="y",
                owed_by="china",
                reason="They ring at noon.",
                by="nato/d-1",
                until="2040-01-01T00:00:00.000Z",
            ),
        ),
    )
    draft = HandedOver(draft="d", act="contact-note", author="nato/o-1", since="2026-11-24T03:00Z")
    gather = report_requests.turn_over_of(query, "nato", floor, [draft])
    with open_snapshot(store, CHANNEL, query, as_of) as snapshot:
        report = gather(snapshot, True).report
    assert isinstance(report, TurnOver)
    return report


def test_the_points_of_the_log_are_the_same_whenever_they_are_derived_again(
    world: World, tmp_path: Path
) -> None:
    now = timestamp(world.clock + timedelta(minutes=20))
    with stored(world, tmp_path) as store:
        note = note_of(store, PeriodQuery(), as_of=now)
    points = points_of(note)
    kinds = {point.kind for point in points}
    assert {"receipt", "matter", "owed", "line", "shelved", "silenced", "draft"} <= kinds
    assert len({point.key for point in points}) == len(points)
    assert {point.kind for point in points if not point.in_log} == {"shelved", "silenced", "draft"}

    opened = note.position
    world.clock += timedelta(hours=1)
    world.open("china/d-1", {**INCIDENT, "precedence": "immediate"})
    with stored(world, tmp_path / "later") as store:
        again = note_of(store, PeriodQuery(at=opened, to=note.to), as_of=timestamp(world.clock))
        newest = note_of(store, PeriodQuery(), as_of=timestamp(world.clock + timedelta(hours=2)))
    assert log_points(again) == log_points(note)
    assert not {point.key for point in points_of(again)} - {point.key for point in log_points(note)}
    assert {point.key for point in log_points(newest)} > {point.key for point in log_points(note)}


def test_a_point_reads_in_every_language_and_names_no_word_of_another(
    world: World, tmp_path: Path
) -> None:
    with stored(world, tmp_path) as store:
        points = points_of(note_of(store, PeriodQuery(), as_of=timestamp(world.clock)))
    texts = {
        language: [point_text(point, words(language)) for point in points] for language in LANGUAGES
    }
    for number, point in enumerate(points):
        said = {texts[language][number] for language in LANGUAGES}
        assert len(said) == len(LANGUAGES), (point.kind, said)


def sheet(**changed: object) -> TurnOverSheet:
    points = (
        TurnOverPoint(key="a", kind="matter", state="1"),
        TurnOverPoint(key="b", kind="line", state="2"),
        TurnOverPoint(key="c", kind="draft", state="3", in_log=False),
    )
    whole = TurnOverSheet(
        channel=CHANNEL,
        cid="0" * 64,
        side="nato",
        officer="nato/d-1",
        relieved="nato/h-1",
        position=9,
        time="2026-11-24T03:00:00.000Z",
        salt="0" * 32,
        points=points,
        answers=(PointAnswer(key="a", answer="not_clear", reason="Which buoy?"),),
    )
    return msgspec.structs.replace(whole, **changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"answers": ()},
        {"answers": (PointAnswer(key="a", answer="taken_over"),)},
        {"points": ()},
        {"position": 8},
        {"time": "2026-11-24T03:00:00.001Z"},
        {"salt": "1" * 32},
        {"relieved": ""},
    ],
)
def test_the_id_of_the_record_commits_to_everything_on_the_sheet(
    changed: dict[str, object],
) -> None:
    assert ids.read_key(key_of_sheet(sheet())) == key_of_sheet(sheet())
    assert ids.is_id(id_of_sheet(sheet()))
    assert id_of_sheet(sheet()) == ids.from_key(CHANNEL, "nato/d-1", key_of_sheet(sheet()))
    assert id_of_sheet(sheet(**changed)) != id_of_sheet(sheet())


def test_a_point_that_is_not_clear_stays_so_until_it_is_explained_and_clear() -> None:
    def answers(*kinds: str) -> dict[str, str]:
        words = tuple(
            msgspec.convert(
                {"key": "a", "kind": kind, "by": "nato/h-1", "at": "", "text": "x"},
                TurnOverFollowUp,
            )
            for kind in kinds
        )
        kept = KeptSheet(sheet=sheet(), follow_ups=words)
        return {state.point.key: state.answer for state in states_of(kept, ("duty_officer",))}

    assert answers() == {"a": "not_clear", "b": "", "c": ""}
    assert answers("explained")["a"] == "explained"
    assert answers("explained", "clear")["a"] == "taken_over"
    assert answers("explained", "not_clear")["a"] == "not_clear"
    auditor = states_of(KeptSheet(sheet=sheet()), ("auditor",))
    assert [state.point.key for state in auditor] == ["a", "b"], "drafts are not for auditors"

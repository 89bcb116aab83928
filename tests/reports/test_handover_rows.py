"""The list of a turn-over note: each matter once, and nothing that is owed left out."""

import asyncio
from datetime import timedelta

import pytest

from dragoman.application.operations import report_requests
from dragoman.domain.views.open_matters import WATCH
from dragoman.i18n.words import as_moment
from dragoman.projection.queries.snapshot import open_snapshot
from dragoman.projection.store import Store
from dragoman.reports.handover_rows import HandoverDuty, list_of
from dragoman_schemas.report_shapes import TurnOver

from .test_documents import ALL, keep, told


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[TurnOver]]:
    """Each side's notes, as the watch goes on."""
    world = told()
    store = Store(tmp_path_factory.mktemp("notes") / "projection.sqlite")
    asyncio.run(keep(store, world.raws))
    found: dict[str, list[TurnOver]] = {}
    for side in world.sides:
        gather = report_requests.turn_over_of(ALL, side)
        for later in range(0, 12, 3):
            moment = world.clock + timedelta(days=later)
            with open_snapshot(store, "nato-china", ALL, moment.isoformat()) as snapshot:
                note = gather(snapshot, True).report
            assert isinstance(note, TurnOver)
            found.setdefault(side, []).append(note)
    store.close()
    return found


@pytest.mark.parametrize("side", ["nato", "china"])
def test_each_matter_is_once_in_the_list_and_what_is_owed_is_there_or_counted(
    notes: dict[str, list[TurnOver]], side: str
) -> None:
    for note in notes[side]:
        shown = list_of(note)
        exchanges = [row.matter.exchange for row in shown.rows]
        assert len(set(exchanges)) == len(exchanges)
        rows = {row.matter.exchange: row for row in shown.rows}
        last, beyond = as_moment(note.to) + WATCH, 0
        for due in (*note.owed, *note.awaited):
            duty = HandoverDuty(due.due, due.side, due.clock, due.courtesy)
            row = rows.get(due.matter.exchange)
            if row is not None and duty in row.duties:
                assert row.whose == "mine" or due.side != side
            else:
                assert as_moment(due.due) > last
                beyond += 1
        windows = [each for each in note.in_force if each not in shown.ahead]
        assert all(as_moment(each.from_) > last for each in windows)
        assert len(shown.later) == beyond + len(windows)
        for urgent in note.unacknowledged:
            clocks = {
                duty.clock
                for duty in rows[urgent.matter.exchange].duties
                if duty.side in (side, "")
            }
            assert clocks & {"acknowledgement", "echo"}, urgent
    assert {row.whose for note in notes[side] for row in list_of(note).rows} >= {"mine", "theirs"}

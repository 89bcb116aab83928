"""The roster in the ladder of a flash, and what the notifier is to tell of it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from dragoman.application.rosters import ladders, reminders
from dragoman.stores.rosters import StoredRoster
from dragoman_schemas.roster import RosterEvent, RosterRung, RosterShift
from world import World

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def shift(
    officer: str, begins: float, ends: float, rung: RosterRung = "duty_officer"
) -> RosterShift:
    hour = timedelta(hours=1)
    return RosterShift(
        rung=rung, officer=officer, begins=NOW + begins * hour, ends=NOW + ends * hour
    )


class Gateway:
    """A service with a roster of China's, and a clock."""

    def __init__(self, *shifts: RosterShift, source: Any = "file") -> None:
        self.moment = NOW
        self.projection: Any = SimpleNamespace(name="nato-china", registry=World().registry)
        event = RosterEvent(
            id="1", officer="d-1", rung="duty_officer", begins="", seconds=1, zone="UTC"
        )
        roster = StoredRoster(
            cid=self.projection.registry.cid, side="china", source=source, read=NOW, shifts=shifts,
            events=(event,), until=NOW + timedelta(days=62),
        )  # fmt: skip
        self.rosters = SimpleNamespace(
            known=lambda cid, side: roster if side == "china" else StoredRoster(cid=cid, side=side),
            all_known=lambda: [roster],
        )

    def now(self) -> datetime:
        return self.moment

    def channel_with(self, cid: str) -> Any:
        return self.projection

    def reach(self, actor: str) -> int | None:
        side = actor.partition("/")[0]
        service: Any = self
        return ladders.reaches_s(service, self.projection, side, actor)


def test_a_flash_reaches_earlier_whom_the_roster_puts_on_a_rung_and_nobody_later() -> None:
    without = Gateway()
    assert [without.reach(f"china/{name}") for name in ("d-1", "h-1", "o-1")] == [0, 540, None]
    gateway = Gateway(shift("h-1", -1, 1), shift("o-1", -1, 1, "deputy"))
    assert [gateway.reach(f"china/{name}") for name in ("d-1", "h-1", "o-1")] == [0, 0, 300]
    assert gateway.reach("nato/h-1") == 540, "the other side's ladder is its own"
    gateway.moment += timedelta(hours=2)
    assert [gateway.reach(f"china/{name}") for name in ("d-1", "h-1", "o-1")] == [0, 540, None]
    stale = Gateway(shift("h-1", -100, 100), source="subscription")
    stale.moment += timedelta(days=3, seconds=1)
    assert stale.reach("china/h-1") == 540, "the log's ladder holds"


def test_a_reminder_and_an_alert_have_the_same_id_whenever_they_are_looked_for() -> None:
    gateway: Any = Gateway(shift("d-1", -40, 1), shift("h-1", 1, 30), shift("x-9", 30, 31))
    found = [*reminders.reminders_due(gateway)]
    assert [(each.officer, each.reminder.kind) for each in found] == [
        ("china/d-1", "ends"),
        ("china/h-1", "begins"),
    ]
    assert str(found[1].text) == (
        "Your shift as duty officer begins within 1 hour; you take over from d-1."
    )
    alerts = [*reminders.alerts_due(gateway)]
    assert {each.fault.kind for each in alerts} == {"gap", "not_in_office"}
    gateway.moment += timedelta(minutes=10)
    assert [each.id for each in reminders.reminders_due(gateway)] == [each.id for each in found]
    assert [each.id for each in reminders.alerts_due(gateway)] == [each.id for each in alerts]
    gateway.moment += timedelta(minutes=40)
    assert not {each.id for each in reminders.reminders_due(gateway)} & {each.id for each in found}


@pytest.mark.parametrize("minutes", [-61, 61])
def test_nobody_is_reminded_too_early_or_too_late(minutes: int) -> None:
    gateway: Any = Gateway(shift("d-1", -40, 0), shift("h-1", 0, 30))
    gateway.moment = NOW + timedelta(minutes=minutes)
    assert [*reminders.reminders_due(gateway)] == []


def test_nobody_is_reminded_of_a_shift_in_a_channel_that_all_sides_have_ended() -> None:
    gateway: Any = Gateway(shift("d-1", 0.1, 8))
    assert [*reminders.reminders_due(gateway)] != []
    world = World()
    end = {"act": "channel-end", "reason": "We stop."}
    assert world.attested(end, "nato/root", "china/root").valid
    gateway.projection.registry = world.registry
    assert [*reminders.reminders_due(gateway), *reminders.alerts_due(gateway)] == []

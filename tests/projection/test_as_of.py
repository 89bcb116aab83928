"""Every past position is what it was: counted out anew, the tally, what is owed and what waits are
the same.
"""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import views
from dragoman.domain.acts.families.exchange import owes_acknowledgement, owes_answer
from dragoman.domain.fold import Folded
from dragoman.domain.record.errors import Refusal
from dragoman.domain.views.open_matters import in_order, open_matter
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.projection.projection import Projection
from dragoman.projection.queries import liaison_state
from dragoman.projection.store import Store
from dragoman.projection.tables import PRECEDENCES, SNAPSHOT_RECORDS
from dragoman_schemas.state import Exchange, decode_registry
from world import INCIDENT, NOTE, REQUEST, World

RECORDS = 3 * SNAPSHOT_RECORDS + 40


class Told:
    """A random history of a channel, and every exchange as it stood at each position."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.world = World()
        self.now: dict[str, Exchange] = {}
        self.at: list[dict[str, Exchange]] = [{}] * (self.world.position + 1)
        while self.world.position < RECORDS:
            self._something()

    def _something(self) -> None:
        world, chance, before = self.world, self.chance, self.world.position
        side, other = chance.choice([("nato", "china"), ("china", "nato")])
        if chance.random() < 0.05:
            kept: Folded | Refusal = world.take(b"junk %d" % before)
        elif not self.now or chance.random() < 0.3:
            opening = chance.choice([INCIDENT, NOTE, REQUEST]) | chance.choice(
                [{}, {"precedence": "flash"}, {"for_the_record": True}]
            )
            kept = world.keep(f"{side}/d-1", opening)
        else:
            act: dict[str, Any] = chance.choice(
                [
                    {"act": "acknowledgement"},
                    {"act": "reply", "text": "Noted."},
                    {"act": "cancellation", "reason": "sent in error"},
                    {"act": "closure"},
                    {"act": "decline", "reason": "other"},
                    {
                        "act": "correction",
                        "reason": "typing error",
                        "fields": {"precedence": chance.choice(PRECEDENCES)},
                    },
                ]
            )
            id = chance.choice(list(self.now)[-30:])
            kept = world.keep(
                f"{other}/d-1",
                act,
                id,
                seen=act["act"] in ("cancellation", "closure", "correction"),
            )
        if isinstance(kept, Folded):
            if isinstance(kept.state, Exchange):
                self.now = {**self.now, kept.state.id: kept.state}
            self.at.append(self.now)


@pytest.fixture(scope="module")
def told() -> Told:
    return Told(7)


@pytest.mark.parametrize("together", [1, 7, pytest.param(300, marks=pytest.mark.long), RECORDS])
async def test_every_past_position_is_what_it_was(
    told: Told, store: Store, tmp_path: Path, together: int
) -> None:
    projection = Projection(MemoryLog("nato-china"), store)
    given = [
        StoredMessage(position=n, subject=f"s.{n}", raw=raw)
        for n, raw in enumerate(told.world.raws, 1)
    ]
    for start in range(0, len(given), together):
        projection.take(given[start : start + together])
        if together > 1:
            await projection.in_file()
    await projection.in_file()
    for at in (*range(1, len(given), 1 if together == 300 else 23), len(given)):
        expect(store, at, told.at[at])
    query = liaison_state.liaison_state
    assert views.found(store, "nato-china", query, "", live=True) == views.found(
        store, "nato-china", query, "", live=True, at=at
    )


async def test_a_file_goes_on_where_another_process_left_it(told: Told, tmp_path: Path) -> None:
    given = [
        StoredMessage(position=n, subject=f"s.{n}", raw=raw)
        for n, raw in enumerate(told.world.raws, 1)
    ]
    for upto in (SNAPSHOT_RECORDS - 1, SNAPSHOT_RECORDS + 3, len(given)):
        store = Store(tmp_path / "projection.sqlite")
        projection = Projection(MemoryLog("nato-china"), store)
        projection.take(given[:upto])
        await projection.in_file()
        for at in range(max(1, upto - 30), upto + 1):
            expect(store, at, told.at[at])
        store.close()


def expect(store: Store, at: int, exchanges: dict[str, Exchange]) -> None:
    """The liaison state at a position is what the exchanges come to when they are counted out."""
    found = views.found(store, "nato-china", liaison_state.liaison_state, "", live=True, at=at)
    counts = Counter((exchange.family, exchange.status) for exchange in exchanges.values())
    assert {key: n for key, n in counts.items() if n} == {
        (count.family, count.status): count.exchanges for count in found.counts
    }
    for owed in found.owed:
        assert (
            sum(owed.side in owes_acknowledgement(exchange) for exchange in exchanges.values())
            == owed.unacknowledged
        )
        assert (
            sum(owed.side in owes_answer(exchange) for exchange in exchanges.values())
            == owed.unanswered
        )
    waiting = [exchange for exchange in exchanges.values() if owes_acknowledgement(exchange)]
    waiting.sort(
        key=lambda exchange: (PRECEDENCES.index(exchange.precedence), exchange.opened.position)
    )
    flashes = [exchange for exchange in waiting if exchange.precedence == "flash"]
    shown = [*flashes, *waiting[len(flashes) :][:200]]  # every flash, and a page of the others
    assert [(e.id, e.status, e.updated.position) for e in shown] == [
        (r.id, r.status, r.position) for r in found.unacknowledged
    ]
    registry = decode_registry(bytes(found.registry))
    matters = in_order(
        each
        for exchange in exchanges.values()
        if (each := open_matter(registry, exchange, {})) is not None
    )
    if found.open_matters_left_off == 0:
        assert list(found.open_matters) == matters
    else:
        assert (
            {each.exchange for each in matters}
            >= {each.exchange for each in found.open_matters}
            >= {flash.id for flash in flashes}
        )

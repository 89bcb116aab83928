"""The matters that a side's watch has set aside, and who may set one aside."""

from collections.abc import Container, Iterable
from datetime import datetime
from typing import Final

from dragoman.console.matter.matter_list import MatterRow
from dragoman.console.page.context import PageContext
from dragoman.domain.acts.act_rules import DUTY
from dragoman.stores.watch_floor import Floor, ShelvedAlarm

LEVELS_ASIDE: Final = frozenset({"caution", "standby"})
"""The levels that can be set aside. A row that is worse comes back by itself."""


def may_shelve(context: PageContext) -> bool:
    """Return whether the reader may set a matter aside.

    The reader must be a duty officer or head of office, and the side's watch must be
    taken.
    """
    return (
        context.may_post
        and not DUTY.isdisjoint(context.roles)
        and context.side in context.registry.watches
    )


def in_force(floor: Floor, now: datetime) -> dict[tuple[str, str, str], ShelvedAlarm]:
    """Return the duties set aside, by exchange, deadline, and the id of the start."""
    return {
        (shelved_alarm.exchange, shelved_alarm.clock, shelved_alarm.started_by): shelved_alarm
        for shelved_alarm in floor.standing(now)
    }


def unshelved(
    rows: Iterable[MatterRow], shelved: Container[tuple[str, str, str]]
) -> list[MatterRow]:
    """Return the rows that are not set aside."""
    return [row for row in rows if row.level not in LEVELS_ASIDE or row.key not in shelved]

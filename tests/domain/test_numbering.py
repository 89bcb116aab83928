"""Numbers are counted from the log."""

from datetime import UTC, datetime

import pytest

from dragoman.domain.record import numbering
from world import INCIDENT, NOTE, World


def test_each_side_has_a_series_of_its_own(world: World) -> None:
    numbers = [
        world.exchange(world.open(actor, act)).number
        for actor, act in [("nato/d-1", INCIDENT), ("china/o-1", NOTE), ("nato/o-1", NOTE)]
    ]
    assert numbers == [
        "NATO-CHINA/NATO/26/0001/N07/O",
        "NATO-CHINA/CHINA/26/0001/N03/O",
        "NATO-CHINA/NATO/26/0002/N03/O",
    ]


def test_the_series_begins_anew_with_the_utc_year(world: World) -> None:
    world.clock = datetime(2026, 12, 31, 23, 59, 58, tzinfo=UTC)
    old, new = (
        world.exchange(world.open("nato/o-1", NOTE)),
        world.exchange(world.open("nato/o-1", NOTE)),
    )
    assert (old.number, new.number) == (
        "NATO-CHINA/NATO/26/0001/N03/O",
        "NATO-CHINA/NATO/27/0001/N03/O",
    )


def test_a_void_record_has_no_number(world: World) -> None:
    world.take(b"junk")
    assert world.exchange(world.open("nato/o-1", NOTE)).number.split("/")[3] == "0001"


def test_acknowledgements_and_replies_have_none(world: World) -> None:
    id = world.open("nato/o-1", NOTE)
    world.keep("china/o-1", {"act": "reply", "text": "Seen."}, id)
    assert world.exchange(world.open("china/o-1", NOTE)).number.split("/")[3] == "0001"


@pytest.mark.parametrize(("serial", "shown"), [(0, "0001"), (9998, "9999"), (9999, "10000")])
def test_four_digits_at_least(serial: int, shown: str) -> None:
    _, number = numbering.count(
        {"nato/2026": serial}, "nato-china", "nato", "2026-11-24T12:00:00.000Z", "N03", "O"
    )
    assert shown == number.split("/")[3]

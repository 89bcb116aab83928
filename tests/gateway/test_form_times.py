"""Times as forms read them: an end is in the zone and on the day of its beginning where it names neither."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from dragoman.gateway.console import kinds
from dragoman.gateway.console.forms import Typed
from dragoman.language.words import words


@pytest.mark.parametrize(
    ("begins", "ends", "read"),
    [
        ("7 Dec 2026 0900+01", "11:00", ("2026-12-07T08:00:00Z", "2026-12-07T10:00:00Z")),
        ("7 Dec 2026 0900+01", "11:00Z", ("2026-12-07T08:00:00Z", "2026-12-07T11:00:00Z")),
        ("7 Dec 2026 09:00", "11:00", ("2026-12-07T09:00:00Z", "2026-12-07T11:00:00Z")),
    ],
)
def test_an_end_without_a_zone_is_in_the_zone_of_its_beginning(begins: str, ends: str, read: tuple[str, str]) -> None:
    typed = Typed(
        form={"f.window.from": begins, "f.window.to": ends},
        words=words("en"),
        languages=("en",),
        sides=("nato", "china"),
        now=datetime(2026, 11, 27, 8, tzinfo=UTC),
        zone=ZoneInfo("Europe/Brussels"),
    )
    members = [each for each in kinds.members("danger-area") if each.name == "window"]
    assert typed.read(members) == {"window": {"from": read[0], "to": read[1]}}

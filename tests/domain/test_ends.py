"""An end without a day, read from the beginning that stands beside it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.members.input.not_understood import NotUnderstoodInput
from dragoman.members.input.times import read_end, read_moment, zone_of

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
BRUSSELS = ZoneInfo("Europe/Brussels")


@given(minutes=st.integers(1, 1_000_000), hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_a_time_of_day_ends_within_a_day_of_its_beginning(
    minutes: int, hour: int, minute: int
) -> None:
    begins = NOW + timedelta(minutes=minutes)
    ends = read_end(f"{hour:02d}:{minute:02d}Z", NOW, BRUSSELS, begins, ahead=True)
    assert begins <= ends < begins + timedelta(days=1)
    assert (ends.hour, ends.minute) == (hour, minute)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("10:00Z", datetime(2026, 12, 15, 10, 0, tzinfo=UTC)),
        ("07:00Z", datetime(2026, 12, 16, 7, 0, tzinfo=UTC)),
        ("16 Dec 10:00Z", datetime(2026, 12, 16, 10, 0, tzinfo=UTC)),
        ("2027-01-01 10:00Z", datetime(2027, 1, 1, 10, 0, tzinfo=UTC)),
        ("+2 h", NOW + timedelta(hours=2)),
    ],
)
def test_a_day_that_is_written_stays_and_what_counts_from_now_does(
    text: str, ends: datetime
) -> None:
    assert (
        read_end(text, NOW, BRUSSELS, datetime(2026, 12, 15, 8, 0, tzinfo=UTC), ahead=True) == ends
    )


@pytest.mark.parametrize(
    ("begins", "ends", "hour"),
    [("09:00+01", "11:00", 10), ("09:00+01", "11:00Z", 11), ("0900Z", "1100", 11)],
)
def test_an_end_without_a_zone_is_in_the_zone_of_its_beginning(
    begins: str, ends: str, hour: int
) -> None:
    beside = f"7 Dec 2026 {begins}"
    from_ = read_moment(beside, NOW, BRUSSELS)
    assert read_end(
        ends, NOW, BRUSSELS, from_, ahead=True, unsaid=zone_of(beside, BRUSSELS)
    ) == datetime(2026, 12, 7, hour, tzinfo=UTC)


def test_what_has_ended_is_not_still_to_come() -> None:
    begins = datetime(2026, 11, 27, 7, 0, tzinfo=UTC)
    assert read_end("07:30Z", NOW, BRUSSELS, begins, ahead=False) == datetime(
        2026, 11, 27, 7, 30, tzinfo=UTC
    )
    with pytest.raises(NotUnderstoodInput) as unread:
        read_end("12:30Z", NOW, BRUSSELS, begins, ahead=False)
    assert unread.value.code == "in_future"

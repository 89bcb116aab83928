"""A roster's calendar: whose each event is, when it recurs, and what is refused of strangers' files."""

import contextlib
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.application.rosters import reading, worker
from dragoman.application.rosters.reading_messages import ReadingRequest
from dragoman.interop import NotUnderstood
from dragoman.interop.calendar_lines import zone_named
from dragoman.interop.roster_calendar import EVENTS, expand, read
from dragoman.interop.roster_feed import feed
from dragoman.limits import CALENDAR_BYTES
from dragoman_schemas.roster import ROSTER_RUNGS, RosterShift
from libical import errors
from world import World

OFFICERS = ("d-1", "d-2", "h-1")
BEGINS = datetime(2026, 10, 24, tzinfo=UTC)


def event(
    *lines: str, uid: str = "1", start: str = "20261024T060000Z", end: str = "20261024T180000Z"
) -> str:
    given_lines = "\r\n".join(lines)
    times = f"DTSTART{start}" if start.startswith(";") else f"DTSTART:{start}"
    ending = "" if not end else f"DTEND{end}\r\n" if end.startswith(";") else f"DTEND:{end}\r\n"
    return f"BEGIN:VEVENT\r\nUID:{uid}\r\n{times}\r\n{ending}{given_lines}\r\nEND:VEVENT\r\n"


def calendar(*events: str, head: str = "") -> bytes:
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{head}{''.join(events)}END:VCALENDAR\r\n".encode()


def shifts(*events: str, days: int = 5, head: str = "") -> list[str]:
    """The shifts of a calendar in the days after its first event, in short."""
    entries = read(calendar(*events, head=head), "china", OFFICERS)
    return [
        f"{each.officer} {each.rung[0]} {each.begins:%d %H:%M}-{each.ends:%d %H:%M}"
        for each in expand(entries, BEGINS, BEGINS + timedelta(days=days))
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["X-DRAGOMAN-OFFICER:d-1", "SUMMARY:d-2 night"], ["d-1 d"]),
        (["X-DRAGOMAN-OFFICER:china/d-1"], ["d-1 d"]),
        (["X-DRAGOMAN-OFFICER:d-2,d-1"], ["d-2 d", "d-1 d"]),
        (["ATTENDEE;CN=Li Wei:mailto:D-1@office.example"], ["d-1 d"]),
        (
            ["ATTENDEE:mailto:d-1@x.example", "ATTENDEE:urn:dragoman:north:china/d-2"],
            ["d-1 d", "d-2 d"],
        ),
        (["SUMMARY:d-1: day watch", "CATEGORIES:Deputy"], ["d-1 d"]),
        (["SUMMARY:h-1", "CATEGORIES:office,head"], ["h-1 h"]),
        (["SUMMARY:h-1", "CATEGORIES:head", "X-DRAGOMAN-RUNG:watch"], ["h-1 d"]),
    ],
)
def test_the_officers_and_the_rung_follow_one_rule(lines: list[str], expected: list[str]) -> None:
    entries = read(calendar(event(*lines)), "china", OFFICERS)
    assert [f"{each.officer} {each.rung[0]}" for each in entries] == expected


def test_a_series_has_its_exceptions_and_its_moved_times_across_a_change_of_the_clocks() -> None:
    brussels = ";TZID=Europe/Brussels:"
    series = event(
        "SUMMARY:d-1",
        "RRULE:FREQ=DAILY;COUNT=4",
        f"EXDATE{brussels}20261025T080000",
        start=f"{brussels}20261024T080000",
        end=f"{brussels}20261024T200000",
    )
    moved = event(
        "SUMMARY:d-2",
        f"RECURRENCE-ID{brussels}20261026T080000",
        start=f"{brussels}20261026T100000",
        end=f"{brussels}20261026T110000",
    )
    off = event("SUMMARY:d-1", "STATUS:CANCELLED", f"RECURRENCE-ID{brussels}20261027T080000")
    assert shifts(series) == [
        "d-1 d 24 06:00-24 18:00",
        "d-1 d 26 07:00-26 19:00",
        "d-1 d 27 07:00-27 19:00",
    ]
    assert shifts(series, moved) == [
        "d-1 d 24 06:00-24 18:00",
        "d-2 d 26 09:00-26 10:00",
        "d-1 d 27 07:00-27 19:00",
    ]
    assert shifts(series, moved, off)[-1] == "d-2 d 26 09:00-26 10:00"


def test_days_and_times_without_a_zone_are_those_of_the_calendar() -> None:
    day = event("SUMMARY:d-1", start=";VALUE=DATE:20261024", end="")
    floating = event("SUMMARY:d-2", start="20261025T080000", end="20261025T100000", uid="2")
    assert shifts(day, floating) == ["d-1 d 24 00:00-25 00:00", "d-2 d 25 08:00-25 10:00"]
    assert shifts(day, floating, head="X-WR-TIMEZONE:Asia/Shanghai\r\n") == [
        "d-1 d 23 16:00-24 16:00",
        "d-2 d 25 00:00-25 02:00",
    ]
    until = event(
        "SUMMARY:d-1", "RRULE:FREQ=DAILY;UNTIL=20261025", start=";VALUE=DATE:20261024", end=""
    )
    assert shifts(until) == ["d-1 d 24 00:00-25 00:00", "d-1 d 25 00:00-26 00:00"]


def test_a_zone_by_its_windows_name_is_known_and_a_vtimezone_is_not_believed() -> None:
    lie = (
        "BEGIN:VTIMEZONE\r\nTZID:Europe/Brussels\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
        "TZOFFSETFROM:+1400\r\nTZOFFSETTO:+1400\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )
    for zone in ("Europe/Brussels", "Romance Standard Time"):
        each = event(
            "SUMMARY:d-1",
            start=f";TZID={zone}:20261026T080000",
            end=f";TZID={zone}:20261026T090000",
        )
        assert shifts(lie, each) == ["d-1 d 26 07:00-26 08:00"]


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("UTC", "Etc/UTC"),
        ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("China Standard Time", "Asia/Shanghai"),
        ("/freeassociation.sourceforge.net/Europe/Berlin", "Europe/Berlin"),
        (
            "/mozilla.org/20070129_1/America/Argentina/Buenos_Aires",
            "America/Argentina/Buenos_Aires",
        ),
        ("Local", None),
        ("Europe", None),
        ("right", None),
        ("localhost/../etc", None),
        ("/example.org/Local", None),
        ("A,B", None),
        ("/", None),
        ("a" * 9000, None),
        ("a/" * 9000, None),
    ],
)
def test_a_time_zone_is_known_by_its_name(text: str, zone: str | None) -> None:
    assert zone_named(text) == zone


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not one calendar"),
        (b"\xff\xfe", "not valid UTF-8"),
        (b"BEGIN:VCALENDAR\r\n" * 500, "too deep"),
        (b"x" * (CALENDAR_BYTES + 1), "at most"),
        (b"\n" * 30_000, "lines"),
        (
            calendar(event("SUMMARY:Night watch")),
            r"event 1 \(Night watch, 20261024T060000Z\): it names no officer",
        ),
        (calendar(event("SUMMARY:zz-9 nights")), "it names no officer: “zz-9”, with which"),
        (calendar(event("ATTENDEE:http://x")), "it names no officer; add"),
        (calendar(event(*(f"ATTENDEE:mailto:d-{n}@x" for n in range(6)))), "6 officers"),
        (calendar(event("SUMMARY:d-1", "X-DRAGOMAN-RUNG:king")), "is not a rung"),
        (calendar(event("SUMMARY:d-1", "RRULE:FREQ=SECONDLY")), "RRULE has a FREQ"),
        (calendar(event("SUMMARY:d-1", "RRULE:FREQ=DAILY;BYSECOND=1,2")), "a BYSECOND"),
        (calendar(event("SUMMARY:d-1", "RRULE:FREQ=DAILY;FREQ=DAILY")), "a FREQ"),
        (calendar(event("SUMMARY:d-1", "RRULE:FREQ=DAILY;BYDAY=QQ")), "RRULE"),
        (calendar(event("SUMMARY:d-1", "RRULE:FREQ=DAILY", "RRULE:FREQ=DAILY")), "more than once"),
        (calendar(event("SUMMARY:d-1", end="20261024T050000Z")), "ends before it begins"),
        (calendar(event("SUMMARY:d-1", start="20261399T050000Z")), "not a valid time"),
        (calendar(event("SUMMARY:d-1", start=";TZID=Mars/Base:20261024T050000")), "time zone"),
        (calendar(event("SUMMARY:d-1", start="00010101T000000")), "the year 1"),
        (
            calendar(event("SUMMARY:d-1", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261024T060000Z")),
            "THISANDFUTURE",
        ),
        (
            calendar(event("SUMMARY:d-1", f"EXDATE:{','.join(['20261024T060000Z'] * 401)}")),
            "401 times",
        ),
        (calendar(*(event("SUMMARY:d-1", uid=str(n)) for n in range(EVENTS + 1))), "events"),
    ],
)
def test_a_bad_or_hostile_file_is_refused_with_what_to_do(raw: bytes, message: str) -> None:
    with pytest.raises(NotUnderstood, match=message):
        read(raw, "china", OFFICERS)


def test_every_fault_of_a_file_is_named_at_once() -> None:
    with pytest.raises(NotUnderstood) as error:
        read(
            calendar(event("SUMMARY:x"), event("SUMMARY:d-1"), event("SUMMARY:y", uid="3")),
            "china",
            OFFICERS,
        )
    assert "event 1" in str(error.value) and "event 3" in str(error.value)
    assert "event 2" not in str(error.value)


def test_too_many_shifts_or_people_at_once_are_refused() -> None:
    hourly = [
        event("SUMMARY:d-1", "RRULE:FREQ=HOURLY", uid=str(n), end="20261024T060100Z")
        for n in range(2)
    ]
    with pytest.raises(NotUnderstood, match="more than 2000 shifts"):
        expand(read(calendar(*hourly), "china", OFFICERS), BEGINS, BEGINS + timedelta(days=62))
    crowd = [event("SUMMARY:d-1", uid=str(n)) for n in range(11)]
    with pytest.raises(NotUnderstood, match="more than 10 people"):
        shifts(*crowd)


@given(st.binary(max_size=300), st.integers(0, 8))
def test_no_bytes_raise_another_error(noise: bytes, at: int) -> None:
    lines = calendar(event("SUMMARY:d-1", "RRULE:FREQ=DAILY")).split(b"\r\n")
    with contextlib.suppress(NotUnderstood):
        expand(
            read(b"\r\n".join([*lines[:at], noise, *lines[at:]]), "china", OFFICERS),
            BEGINS,
            BEGINS + timedelta(days=2),
        )


@pytest.fixture
def world() -> World:
    return World()


async def test_a_repetition_without_end_is_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No thirtieth of February ever comes, and the library looks for it until the year 9999."""
    monkeypatch.setattr(reading, "READING_SECONDS", 1.5)
    bomb = event(
        "X-DRAGOMAN-OFFICER:d-1",
        "RRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        start="19700101T000000Z",
        end="19700101T010000Z",
    )
    begun = time.monotonic()
    with pytest.raises(NotUnderstood, match="take more than 2 seconds"):
        await reading.read(world.registry, "china", BEGINS, raw=calendar(bomb))
    assert time.monotonic() - begun < 30


async def test_a_calendar_is_read_in_a_process_of_its_own(world: World) -> None:
    raw = calendar(event("X-DRAGOMAN-OFFICER:d-1", "RRULE:FREQ=WEEKLY"))
    result = await reading.read(world.registry, "china", BEGINS, raw=raw)
    request = ReadingRequest(
        side="china",
        officers=(),
        begins=BEGINS - reading.PAST,
        ends=BEGINS + reading.AHEAD,
        raw=raw,
    )
    assert result == worker.result_of(request).reading
    assert len(result.shifts) == 9
    again = await reading.read(world.registry, "china", BEGINS, events=result.events)
    assert again == result


SHIFTS = st.lists(
    st.builds(
        lambda rung, officer, begins, hours: RosterShift(
            rung=rung,
            officer=officer,
            begins=BEGINS + timedelta(hours=begins),
            ends=BEGINS + timedelta(hours=begins + hours),
        ),
        st.sampled_from(ROSTER_RUNGS),
        st.sampled_from(OFFICERS),
        st.integers(0, 40),
        st.integers(1, 12),
    ),
    max_size=6,
    unique_by=lambda each: (each.rung, each.officer, each.begins),
)


@given(SHIFTS)
def test_an_exported_roster_is_valid_and_reads_back_the_same(duty: list[RosterShift]) -> None:
    raw = feed("nato-china", "ab" * 32, "china", duty, BEGINS, {})
    assert errors(raw) == []
    back = expand(read(raw, "china", ()), BEGINS - timedelta(days=1), BEGINS + timedelta(days=9))
    parts = lambda each: (each.begins, each.rung, each.officer, each.ends)  # noqa: E731
    assert sorted(map(parts, back)) == sorted(map(parts, duty))

"""Calendars: what libical reads and allows, what a calendar program needs to follow a matter from a
request to its end.
"""

from datetime import UTC, datetime
from typing import Any

from icalendar import Calendar
from msgspec.structs import replace

from dragoman.interop.icalendar import feed
from libical import errors
from samples import SAMPLES
from world import REQUEST, World

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def events(world: World, since: datetime = LONG_AGO) -> list[Any]:
    raw = feed(world.registry, world.ledger.exchanges(), since)
    assert errors(raw) == []
    assert all(len(line) <= 75 and b"\n" not in line for line in raw.split(b"\r\n"))
    calendar = Calendar.from_ical(raw)
    assert str(calendar["METHOD"]) == "PUBLISH"
    return list(calendar.walk("VEVENT"))


def told(event: Any) -> tuple[str, str, int, str]:
    return (
        str(event["SUMMARY"]),
        str(event["STATUS"]),
        int(event["SEQUENCE"]),
        f"{event['DTSTART'].dt:%d %H:%M}",
    )


def test_a_request_stands_in_each_window_until_one_is_accepted() -> None:
    world = World()
    id = world.open("nato/o-1", REQUEST)
    asked = events(world)
    assert [told(each) for each in asked] == [
        (REQUEST["purpose"], "TENTATIVE", 0, "26 08:00"),
        (REQUEST["purpose"], "TENTATIVE", 0, "27 08:00"),
    ]
    assert len({str(each["UID"]) for each in asked}) == 2
    world.keep("china/o-1", {"act": "acceptance", "window": 1}, id, seen=True)
    (agreed,) = events(world)
    assert told(agreed) == (REQUEST["purpose"], "CONFIRMED", 0, "27 08:00")
    assert f"{agreed['DTEND'].dt:%d %H:%M}" == "27 10:00" and "ATTENDEE" not in agreed


def test_a_counter_proposal_raises_the_sequence_and_a_cancellation_cancels() -> None:
    world = World()
    id = world.open("nato/o-1", {**REQUEST, "windows": REQUEST["windows"][:1]})
    (first,) = events(world)
    moved = {"from": "2026-11-28T08:00Z", "to": "2026-11-28T10:00Z"}
    world.keep("china/o-1", {"act": "counter-proposal", "windows": [moved]}, id)
    (second,) = events(world)
    assert second["UID"] == first["UID"] and told(second)[1:] == ("TENTATIVE", 1, "28 08:00")
    world.keep("nato/o-1", {"act": "cancellation", "reason": "Not needed any more."}, id, seen=True)
    (third,) = events(world)
    assert third["UID"] == first["UID"] and told(third)[1:] == ("CANCELLED", 2, "28 08:00")


def test_calls_visits_and_announced_windows_are_in_it_and_what_is_long_over_is_not() -> None:
    world = World()
    for name, actor in (
        ("call-request", "nato/h-1"),
        ("danger-area", "nato/h-1"),
        ("launch-notice", "nato/h-1"),
    ):
        world.open(actor, SAMPLES[name])
    found = {str(each["CATEGORIES"].cats[0]): each for each in events(world)}
    assert found.keys() == {"call-request", "danger-area", "launch-notice"}
    assert str(found["danger-area"]["TRANSP"]) == "TRANSPARENT" and "黄岩岛以北海域" in str(
        found["danger-area"]["LOCATION"]
    )
    assert events(world, datetime(2030, 1, 1, tzinfo=UTC)) == []


def test_movements_and_launches_with_a_time_alone_are_in_it() -> None:
    world = World()
    convoy = world.open("nato/d-1", SAMPLES["humanitarian-notification"])
    launch = {name: value for name, value in SAMPLES["launch-notice"].items() if name != "window"}
    world.open("nato/h-1", {**launch, "time": {"about": "2026-12-05T04:00Z"}})
    moved, launched = events(world)
    assert (f"{moved['DTSTART'].dt:%d %H:%M}", f"{moved['DTEND'].dt:%d %H:%M}") == (
        "01 05:00",
        "01 12:00",
    )
    assert (str(moved["LOCATION"]), str(moved["TRANSP"])) == ("Port - Camp", "TRANSPARENT")
    assert f"{launched['DTSTART'].dt:%d %H:%M}" == "05 04:00" and "DTEND" not in launched
    assert told(moved)[1:3] == ("CONFIRMED", 0)
    world.keep("nato/d-1", {"act": "withdrawal"}, convoy)
    assert told(events(world)[0])[1:3] == ("CANCELLED", 1)


def test_a_request_to_see_is_tentative_until_it_is_granted_and_then_at_the_granted_time() -> None:
    world = World()
    id = world.open("nato/o-1", SAMPLES["visit-request"])
    (asked,) = events(world)
    assert told(asked)[1:] == ("TENTATIVE", 0, "11 08:00")
    assert f"{asked['DTEND'].dt:%d %H:%M}" == "13 08:00"
    world.keep("china/o-1", {"act": "decline", "reason": "Not now."}, id)
    assert told(events(world)[0])[1] == "CANCELLED"
    world.keep("china/o-1", {"act": "grant", "arrival": "2027-01-12T06:00Z"}, id)
    (granted,) = events(world)
    assert (granted["UID"], told(granted)[1:]) == (asked["UID"], ("CONFIRMED", 1, "12 06:00"))
    assert f"{granted['DTEND'].dt:%d %H:%M}" == "13 08:00"


def test_an_event_that_is_under_way_says_so() -> None:
    world = World()
    id = world.open("nato/d-1", SAMPLES["danger-area"])
    world.keep("nato/d-1", {"act": "commenced", "at": "2026-11-24T12:00Z"}, id)
    (found,) = events(world)
    assert (told(found)[1], str(found["DESCRIPTION"]).endswith(", under_way")) == (
        "CONFIRMED",
        True,
    )


def test_an_exercise_says_so() -> None:
    exercise = replace(World().registry, name="nato-china-exercise", kind="exercise")
    assert b"X-WR-CALNAME:nato-china-exercise (exercise)\r\n" in feed(exercise, (), LONG_AGO)


def test_the_other_reader_finds_what_is_wanting() -> None:
    world = World()
    world.open("nato/o-1", REQUEST)
    raw = feed(world.registry, world.ledger.exchanges(), LONG_AGO)
    assert errors(raw.replace(b"ORGANIZER", b"X-ORGANIZER")) != []


def test_a_subject_in_several_languages_is_a_summary_in_one() -> None:
    world = World()
    world.open(
        "nato/o-1",
        {
            **REQUEST,
            "subject": {"en": "Search and rescue", "zh-Hans": "搜救"},
            "windows": REQUEST["windows"][:1],
        },
    )
    (asked,) = events(world)
    assert told(asked)[0] == "Search and rescue"

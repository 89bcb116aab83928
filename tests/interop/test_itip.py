"""Meetings as iTIP messages: what each act is to a calendar program."""

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar
from msgspec.structs import replace

from dragoman.interop import NotUnderstood, itip
from dragoman.interop.icalendar import feed
from gobuild import required
from libical import errors
from patience import PATIENCE_S
from samples import SAMPLES
from world import REQUEST, World

ROOT = Path(__file__).parents[2]
ICAL_JS = ROOT / "node_modules" / "ical.js" / "dist" / "ical.js"
ONE = {**REQUEST, "windows": REQUEST["windows"][:1]}
MOVED = {"from": "2026-11-28T08:00Z", "to": "2026-11-28T10:00Z"}
LATER = {"from": "2026-11-29T08:00Z", "to": "2026-11-29T09:30Z"}
ID = "b5d45ce5-180c-579c-bf9a-60227c3c1d26"
UID = f"{ID}@f269d2d027a60822.dragoman"
STAMP = "DTSTAMP:20261125T090000Z"
SIDE = "ATTENDEE;PARTSTAT=ACCEPTED;CN=china:urn:dragoman:nato-china:china"


class Told:
    """A message as other people's programs read it."""

    def __init__(self, world: World, exchange: str) -> None:
        raw = itip.message(world.registry, world.exchange(exchange))
        assert raw is not None
        assert errors(raw) == []
        assert all(len(line) <= 75 and b"\n" not in line for line in raw.split(b"\r\n"))
        assert b"RSVP=TRUE" not in raw, "nobody here reads what a calendar program answers"
        self.raw = raw
        calendar = Calendar.from_ical(raw)
        self.method = str(calendar["METHOD"])
        assert itip.media(raw) == f"text/calendar; method={self.method}; charset=utf-8"
        self.event: Any
        (self.event,) = calendar.walk("VEVENT")
        assert (
            str(self.event["ORGANIZER"]) == "urn:dragoman:nato-china:nato"
            and str(self.event["CLASS"]) == "CONFIDENTIAL"
        )
        assert str(self.event["UID"]) == f"{exchange}@{world.registry.cid[:16]}.dragoman"

    def __getitem__(self, name: str) -> str:
        value = self.event.get(name)
        return (
            f"{value.dt:%d %H:%M}" if hasattr(value, "dt") else "" if value is None else str(value)
        )

    @property
    def sequence(self) -> int:
        return int(self.event["SEQUENCE"])

    @property
    def attendees(self) -> dict[str, str]:
        given = self.event["ATTENDEE"]
        return {
            each.params["CN"]: each.params.get("PARTSTAT", "")
            for each in (given if isinstance(given, list) else [given])
        }


def published(world: World) -> Any:
    """The one event of the feed."""
    (event,) = Calendar.from_ical(
        feed(world.registry, world.ledger.exchanges(), datetime(2020, 1, 1, tzinfo=UTC))
    ).walk("VEVENT")
    return event


def agree(told: Told, world: World) -> None:
    """A program that has both the feed and the message sees one event."""
    event = published(world)
    names = ("UID", "SEQUENCE", "STATUS", "SUMMARY")
    assert [str(told.event[name]) for name in names] == [str(event[name]) for name in names]
    assert told.event["DTSTART"].dt == event["DTSTART"].dt


# What each act is


def test_a_request_invites_every_side_in_its_first_window_and_names_the_others() -> None:
    world = World(sides=("nato", "china", "india"))
    id = world.open("nato/o-1", {**REQUEST, "to": ["china"], "info": ["india"], "venue": "Geneva"})
    told = Told(world, id)
    assert (told.method, told.sequence, told["STATUS"], told["DTSTART"], told["DTEND"]) == (
        "REQUEST",
        0,
        "TENTATIVE",
        "26 08:00",
        "26 10:00",
    )
    assert told.attendees == {"china": "NEEDS-ACTION", "india": ""} and told["LOCATION"] == "Geneva"
    assert told["SUMMARY"] == REQUEST["purpose"]
    assert "It could also be from 2026-11-27 08:00 to 2026-11-27 10:00 UTC" in told["DESCRIPTION"]
    assert told["X-WR-CALNAME"] == "" and b"X-WR-CALNAME:nato-china\r\n" in told.raw


def test_an_acceptance_is_a_reply_in_the_window_that_was_accepted() -> None:
    world = World()
    id = world.open("nato/o-1", REQUEST)
    world.keep("china/o-1", {"act": "acceptance", "window": 1}, id, seen=True)
    told = Told(world, id)
    assert (told.method, told.sequence, told.attendees, told["DTSTART"]) == (
        "REPLY",
        0,
        {"china": "ACCEPTED"},
        "27 08:00",
    )
    assert told["UID"] == str(published(world)["UID"]) and told["STATUS"] == ""


def test_a_decline_is_a_reply_that_gives_the_reason() -> None:
    world = World()
    id = world.open("nato/o-1", REQUEST)
    world.keep("china/o-1", {"act": "decline", "reason": "Not now;\nperhaps, later."}, id)
    told = Told(world, id)
    assert (told.method, told.sequence, told.attendees) == ("REPLY", 0, {"china": "DECLINED"})
    assert told["COMMENT"] == "Not now;\nperhaps, later."


def test_a_decline_need_not_say_why() -> None:
    world = World()
    id = world.open("nato/o-1", REQUEST)
    world.keep("china/o-1", {"act": "decline"}, id)
    assert (Told(world, id).method, Told(world, id)["COMMENT"]) == ("REPLY", "")


def test_a_counter_proposal_answers_the_request_with_its_sequence_and_accepting_it_is_a_new_request() -> (
    None
):
    world = World()
    id = world.open("nato/o-1", ONE)
    proposal = {"act": "counter-proposal", "windows": [MOVED], "venue": "Vienna"}
    world.keep("china/o-1", proposal, id)
    told = Told(world, id)
    assert (told.method, told.sequence, told["DTSTART"], told.attendees) == (
        "COUNTER",
        0,
        "28 08:00",
        {"china": "TENTATIVE"},
    )
    world.keep("china/o-1", {"act": "agenda", "topics": ["Radio procedure"]}, id)
    assert Told(world, id).method == "COUNTER", "an agenda leaves the proposal the newest word"
    world.keep("nato/o-1", {"act": "acceptance"}, id, seen=True)
    accepted = Told(world, id)
    assert (accepted.method, accepted.sequence, accepted["STATUS"], accepted["LOCATION"]) == (
        "REQUEST",
        1,
        "CONFIRMED",
        "Vienna",
    )
    assert accepted.attendees == {"china": "ACCEPTED"}
    agree(accepted, world)


def test_a_counter_proposal_of_several_windows_names_the_others_in_a_comment() -> None:
    world = World()
    id = world.open("nato/o-1", ONE)
    world.keep("china/o-1", {"act": "counter-proposal", "windows": [MOVED, LATER]}, id)
    told = Told(world, id)
    assert (
        told["COMMENT"] == "It could also be from 2026-11-29 08:00 to 2026-11-29 09:30 UTC"
        and told["LOCATION"] == ""
    )
    assert told["DTSTART"] == "28 08:00"


def test_a_counter_proposal_of_the_convener_is_a_request_that_is_newer() -> None:
    world = World()
    id = world.open("nato/o-1", ONE)
    world.keep("china/o-1", {"act": "counter-proposal", "windows": [MOVED]}, id)
    world.keep("nato/o-1", {"act": "counter-proposal", "windows": [LATER]}, id)
    told = Told(world, id)
    assert (told.method, told.sequence, told["DTSTART"], told.attendees) == (
        "REQUEST",
        2,
        "29 08:00",
        {"china": "NEEDS-ACTION"},
    )
    agree(told, world)


def test_a_no_of_the_convener_to_a_counter_proposal_cancels() -> None:
    world = World()
    id = world.open("nato/o-1", ONE)
    world.keep("china/o-1", {"act": "counter-proposal", "windows": [MOVED]}, id)
    world.keep("nato/o-1", {"act": "decline", "reason": "That day is taken."}, id)
    told = Told(world, id)
    assert (told.method, told.sequence, told["STATUS"], told["COMMENT"]) == (
        "CANCEL",
        1,
        "CANCELLED",
        "That day is taken.",
    )


def test_a_postponement_with_windows_is_a_request_of_the_convener_and_a_counter_of_another() -> (
    None
):
    world = World()
    id = world.open("nato/o-1", ONE)
    world.keep("china/o-1", {"act": "acceptance"}, id, seen=True)
    world.keep("nato/o-1", {"act": "postponement", "windows": [MOVED]}, id)
    told = Told(world, id)
    assert (told.method, told.sequence, told["STATUS"], told.attendees) == (
        "REQUEST",
        1,
        "TENTATIVE",
        {"china": "NEEDS-ACTION"},
    )
    agree(told, world)
    world.keep("china/o-1", {"act": "postponement", "windows": [LATER]}, id)
    assert (Told(world, id).method, Told(world, id).sequence, Told(world, id)["DTSTART"]) == (
        "COUNTER",
        1,
        "29 08:00",
    )


def test_a_postponement_to_no_known_time_is_tentative_again() -> None:
    world = World()
    id = world.open("nato/o-1", ONE)
    world.keep("china/o-1", {"act": "acceptance"}, id, seen=True)
    world.keep("nato/o-1", {"act": "postponement", "reason": "Weather."}, id)
    told = Told(world, id)
    assert (told.method, told.sequence, told["STATUS"]) == ("REQUEST", 1, "TENTATIVE")
    agree(told, world)
    world.keep("china/o-1", {"act": "postponement"}, id)
    assert (Told(world, id).method, Told(world, id).attendees) == (
        "REQUEST",
        {"china": "NEEDS-ACTION"},
    )


def test_a_correction_is_a_request_that_is_newer() -> None:
    world = World()
    id = world.open("nato/o-1", {**ONE, "venue": "Geneva"})
    world.keep(
        "nato/o-1",
        {"act": "correction", "fields": {"venue": "Bern"}, "reason": "Wrong city."},
        id,
        seen=True,
    )
    told = Told(world, id)
    assert (told.method, told.sequence, told["LOCATION"]) == ("REQUEST", 1, "Bern")
    agree(told, world)


def test_a_correction_of_something_else_leaves_a_counter_proposal_the_newest_word() -> None:
    world = World()
    id = world.open("nato/o-1", ONE)
    world.keep("china/o-1", {"act": "counter-proposal", "windows": [MOVED]}, id)
    world.keep(
        "nato/o-1",
        {"act": "correction", "fields": {"purpose": "The incident"}, "reason": "Shorter."},
        id,
        seen=True,
    )
    told = Told(world, id)
    assert (told.method, told.sequence, told["DTSTART"], told["SUMMARY"]) == (
        "COUNTER",
        0,
        "28 08:00",
        "The incident",
    )
    world.keep("nato/o-1", {"act": "acceptance"}, id, seen=True)
    agree(Told(world, id), world)


def test_a_cancellation_goes_to_every_side_with_a_sequence_that_is_raised() -> None:
    world = World(sides=("nato", "china", "india"))
    id = world.open("nato/o-1", {**ONE, "to": ["china"], "info": ["india"]})
    world.keep("nato/o-1", {"act": "cancellation", "reason": "Not needed any more."}, id, seen=True)
    told = Told(world, id)
    assert (told.method, told.sequence, told["STATUS"], told["DTSTART"]) == (
        "CANCEL",
        1,
        "CANCELLED",
        "26 08:00",
    )
    assert told.attendees.keys() == {"china", "india"} and told["UID"] == str(
        published(world)["UID"]
    )
    assert told["COMMENT"] == "Not needed any more."


def test_a_meeting_that_was_held_is_the_request_at_the_time_that_it_took() -> None:
    world = World()
    id = world.open("nato/o-1", ONE)
    world.keep("china/o-1", {"act": "acceptance"}, id, seen=True)
    world.keep(
        "china/o-1",
        {"act": "meeting-held", "from": "2026-11-26T08:10Z", "to": "2026-11-26T11:00Z"},
        id,
    )
    told = Told(world, id)
    assert (told.method, told["STATUS"], told["DTSTART"], told["DTEND"]) == (
        "REQUEST",
        "CONFIRMED",
        "26 08:10",
        "26 11:00",
    )
    agree(told, world)
    world.keep("nato/o-1", {"act": "closure"}, id, seen=True)
    agree(Told(world, id), world)


def test_what_is_closed_and_was_never_agreed_to_is_cancelled_in_the_feed_too() -> None:
    world = World()
    id = world.open("nato/o-1", ONE)
    world.keep("china/o-1", {"act": "decline"}, id)
    world.close(id)
    told = Told(world, id)
    assert told.method == "CANCEL"
    agree(told, world)


def test_among_several_sides_each_answers_for_itself() -> None:
    world = World(sides=("nato", "china", "india"))
    id = world.open("nato/o-1", ONE)
    world.keep("china/o-1", {"act": "acceptance"}, id, seen=True)
    assert Told(world, id).attendees == {"china": "ACCEPTED"}
    world.keep("india/o-1", {"act": "decline"}, id)
    assert Told(world, id).attendees == {"india": "DECLINED"}
    world.keep(
        "nato/o-1",
        {"act": "correction", "fields": {"area": "maritime-security"}, "reason": "Shorter."},
        id,
        seen=True,
    )
    told = Told(world, id)
    assert (
        told.attendees == {"china": "ACCEPTED", "india": "DECLINED"}
        and told["STATUS"] == "CONFIRMED"
    )


def test_calls_and_visits_are_meetings_too() -> None:
    for name, where in (("call-request", ""), ("visit-invitation", "Training area north")):
        world = World()
        id = world.open("nato/h-1", SAMPLES[name])
        told = Told(world, id)
        assert (told.method, told["LOCATION"], told.attendees) == (
            "REQUEST",
            where,
            {"china": "NEEDS-ACTION"},
        )
        agree(told, world)
        world.keep("china/o-1", {"act": "acceptance"}, id, seen=True)
        assert (Told(world, id).method, Told(world, id).attendees) == (
            "REPLY",
            {"china": "ACCEPTED"},
        )


def test_a_call_at_any_time_is_in_no_calendar_but_its_answer_is() -> None:
    world = World()
    call = {key: value for key, value in SAMPLES["call-request"].items() if key != "windows"}
    id = world.open("nato/h-1", call)
    assert itip.message(world.registry, world.exchange(id)) is None
    world.keep("china/o-1", {"act": "acceptance"}, id, seen=True)
    told = Told(world, id)
    assert (told.method, told["DTSTART"]) == ("REPLY", "")


def test_an_exercise_says_so() -> None:
    world = World()
    id = world.open("nato/o-1", ONE)
    raw = itip.message(replace(world.registry, kind="exercise"), world.exchange(id))
    assert raw is not None and b"X-WR-CALNAME:nato-china (exercise)\r\n" in raw


def test_the_other_reader_finds_what_is_wanting() -> None:
    world = World()
    raw = Told(world, world.open("nato/o-1", REQUEST)).raw
    assert errors(raw.replace(b"ATTENDEE", b"X-ATTENDEE")) != []


def test_a_calendar_without_a_method_is_no_message() -> None:
    with pytest.raises(NotUnderstood, match="no METHOD"):
        itip.media(b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")


def test_a_reader_in_javascript_reads_every_message() -> None:
    required(shutil.which("node") is not None and ICAL_JS.exists(), "npm, and with it node_modules")
    world = World()
    id = world.open("nato/o-1", {**REQUEST, "purpose": "黄岩岛以北海域的事件, " * 9})
    messages = [Told(world, id)]
    for actor, act in (
        ("china/o-1", {"act": "counter-proposal", "windows": [MOVED, LATER]}),
        ("nato/o-1", {"act": "acceptance"}),
        ("nato/o-1", {"act": "cancellation", "reason": "Not needed; any more."}),
    ):
        world.keep(actor, act, id, seen=True)
        messages.append(Told(world, id))
    program = f"""
        import ICAL from {json.dumps(ICAL_JS.as_uri())};
        const given = JSON.parse(await new Response(process.stdin).text());
        console.log(JSON.stringify(given.map((raw) => {{
            const whole = new ICAL.Component(ICAL.parse(raw));
            const event = new ICAL.Event(whole.getFirstSubcomponent("vevent"));
            return [whole.getFirstPropertyValue("method"), event.uid, event.sequence, event.summary, event.startDate.toString()];
        }})));
    """
    asked = json.dumps([each.raw.decode() for each in messages])
    node = shutil.which("node") or ""
    said = subprocess.run(
        [node, "--input-type=module", "-e", program],
        input=asked,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert json.loads(said.stdout) == [
        [
            each.method,
            each["UID"],
            each.sequence,
            each["SUMMARY"],
            f"{each.event['DTSTART'].dt:%Y-%m-%dT%H:%M:%SZ}",
        ]
        for each in messages
    ]

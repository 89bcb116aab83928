"""Meetings as iTIP messages: what each act is to a calendar program, what its answers are here, and
what is refused in words.
"""

import json
import shutil
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from icalendar import Calendar
from msgspec.structs import replace

from dragoman.domain.acts import consent
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.interop import NotUnderstood, itip, itip_reader
from dragoman.interop.icalendar import feed
from dragoman.interop.itip_reader import ItipReply
from gobuild import required
from libical import errors
from patience import PATIENCE_S
from samples import SAMPLES
from world import REQUEST, SAMPLE_TERMS, World, compact

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

    @property
    def read(self) -> ItipReply:
        return read(self.raw)


def read(raw: bytes) -> ItipReply:
    """Return the reply that the reader understands. Assert that it is an act, and that its times
    have their form.
    """
    answered = itip_reader.read(raw)
    terms = (
        {"terms": SAMPLE_TERMS} if answered.act["act"] == "acceptance" else {}
    )  # which they are, the exchange says
    records.read_act(compact({**answered.act, **terms}), cut=False)
    for time in (answered.dtstamp, answered.begins or answered.dtstamp):
        assert time.endswith("Z") and datetime.fromisoformat(time).tzinfo == UTC
    return answered


def written(method: str, *lines: str, uid: str = UID, around: str = "", end: str = "\r\n") -> bytes:
    """A message of a calendar program."""
    zones = [around] if around else []
    head = [
        "BEGIN:VCALENDAR",
        "PRODID:-//Example//Calendar//EN",
        "VERSION:2.0",
        f"METHOD:{method}",
        *zones,
        "BEGIN:VEVENT",
    ]
    text = end.join([*head, f"UID:{uid}", *lines, "END:VEVENT", "END:VCALENDAR", ""])
    return text.encode()


def refusal(raw: bytes) -> str:
    with pytest.raises(NotUnderstood) as caught:
        itip_reader.read(raw)
    return str(caught.value)


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
    before = world.exchange(id)
    world.keep("china/o-1", {"act": "acceptance", "window": 1}, id, seen=True)
    told = Told(world, id)
    assert (told.method, told.sequence, told.attendees, told["DTSTART"]) == (
        "REPLY",
        0,
        {"china": "ACCEPTED"},
        "27 08:00",
    )
    assert told["UID"] == str(published(world)["UID"]) and told["STATUS"] == ""
    assert (told.read.exchange, told.read.side, told.read.sequence) == (id, "china", 0)
    assert itip_reader.fitted(told.read, before) == {
        "act": "acceptance",
        "terms": consent.text_terms(before),
        "window": 1,
    }


def test_a_decline_is_a_reply_that_gives_the_reason() -> None:
    world = World()
    id = world.open("nato/o-1", REQUEST)
    world.keep("china/o-1", {"act": "decline", "reason": "Not now;\nperhaps, later."}, id)
    told = Told(world, id)
    assert (told.method, told.sequence, told.attendees) == ("REPLY", 0, {"china": "DECLINED"})
    assert told.read.act == {"act": "decline", "reason": "Not now;\nperhaps, later."}


def test_a_decline_need_not_say_why() -> None:
    world = World()
    id = world.open("nato/o-1", REQUEST)
    world.keep("china/o-1", {"act": "decline"}, id)
    assert Told(world, id).read.act == {"act": "decline"}


def test_a_counter_proposal_answers_the_request_with_its_sequence_and_accepting_it_is_a_new_request() -> (
    None
):
    world = World()
    id = world.open("nato/o-1", ONE)
    before = world.exchange(id)
    proposal = {"act": "counter-proposal", "windows": [MOVED], "venue": "Vienna"}
    world.keep("china/o-1", proposal, id)
    told = Told(world, id)
    assert (told.method, told.sequence, told["DTSTART"], told.attendees) == (
        "COUNTER",
        0,
        "28 08:00",
        {"china": "TENTATIVE"},
    )
    assert itip_reader.fitted(told.read, before) == {
        "act": "counter-proposal",
        "windows": [{"from": "2026-11-28T08:00:00Z", "to": "2026-11-28T10:00:00Z"}],
        "venue": "Vienna",
    }
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
    assert [each["from"] for each in told.read.act["windows"]] == ["2026-11-28T08:00:00Z"]


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
    before = world.exchange(id)
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
    assert itip_reader.fitted(told.read, before) == {
        "act": "cancellation",
        "reason": "Not needed any more.",
    }
    assert told.read.side == "nato"


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
    assert isinstance(world.keep("nato/o-1", {"act": "closure"}, id, seen=True), Folded)
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
        before = world.exchange(id)
        world.keep("china/o-1", {"act": "acceptance"}, id, seen=True)
        assert itip_reader.fitted(Told(world, id).read, before) == {
            "act": "acceptance",
            "terms": consent.text_terms(before),
            "window": 0,
        }


def test_a_call_at_any_time_is_in_no_calendar_but_its_answer_is() -> None:
    world = World()
    call = {key: value for key, value in SAMPLES["call-request"].items() if key != "windows"}
    id = world.open("nato/h-1", call)
    before = world.exchange(id)
    assert itip.message(world.registry, before) is None
    world.keep("china/o-1", {"act": "acceptance"}, id, seen=True)
    told = Told(world, id)
    assert (told.method, told["DTSTART"]) == ("REPLY", "")
    assert itip_reader.fitted(told.read, before) == {
        "act": "acceptance",
        "terms": consent.text_terms(before),
    }


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


# What calendar programs send

BERLIN = """BEGIN:VTIMEZONE
TZID:Europe/Berlin
X-LIC-LOCATION:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE""".replace("\n", "\r\n")


def test_a_reply_with_folded_lines_and_properties_of_its_own_is_an_acceptance() -> None:
    raw = (
        "BEGIN:VCALENDAR\r\nPRODID:-//Example Inc//Example Calendar 70.9054//EN\r\nVERSION:2.0\r\nCALSCALE:GREGORIAN\r\nMETHOD:REPLY\r\n"
        "BEGIN:VEVENT\r\nDTSTART:20261126T080000Z\r\nDTEND:20261126T100000Z\r\nDTSTAMP:20261125T101500Z\r\n"
        "ORGANIZER;CN=nato:urn:dragoman:nato-china:nato\r\n"
        "UID:b5d45ce5-180c-579c-bf9a-60227c3c1d26@f269d2d\r\n 027a60822.dragoman\r\n"
        'ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN="China: \r\n liaison, office";X-NUM-GUESTS=0:mailto:'
        "liaison@example.org\r\nX-EXAMPLE-CONFERENCE:https://example.org/abc\r\nCREATED:20261124T120012Z\r\n"
        "DESCRIPTION:One\\, two\\; three\r\nLAST-MODIFIED:20261125T101500Z\r\nSEQUENCE:0\r\nSTATUS:CONFIRMED\r\nTRANSP:OPAQUE\r\n"
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    assert read(raw.encode()) == ItipReply(
        exchange=ID,
        act={"act": "acceptance"},
        sequence=0,
        dtstamp="2026-11-25T10:15:00Z",
        begins="2026-11-26T08:00:00Z",
    )


def test_small_letters_bare_line_feeds_and_a_fold_within_a_character_are_read() -> None:
    raw = written(
        "reply",
        STAMP,
        "attendee;partstat=declined:urn:dragoman:nato-china:china",
        "Sequence:3",
        "comment:Übermorgen",
        end="\n",
    )
    folded = raw.replace("Ü".encode(), b"\xc3\n \x9c").replace(b"END:VCALENDAR\n", b"end:vcalendar")
    assert read(b"\xef\xbb\xbf" + folded) == ItipReply(
        exchange=ID,
        act={"act": "decline", "reason": "Übermorgen"},
        sequence=3,
        dtstamp="2026-11-25T09:00:00Z",
        side="china",
    )


def test_a_counter_in_a_time_zone_is_a_proposal_in_utc() -> None:
    lines = (
        "ATTENDEE;PARTSTAT=TENTATIVE:mailto:liaison@example.org",
        "COMMENT;LANGUAGE=en-US:Better so.",
        'DTSTART;TZID="Europe/Berlin":20270705T143000',
        "DURATION:PT1H30M",
        "LOCATION;LANGUAGE=en-US:Vienna\\, Hofburg",
        "SEQUENCE:1",
        STAMP,
        "X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE",
    )
    answered = read(written("COUNTER", *lines, around=BERLIN))
    assert answered.act == {
        "act": "counter-proposal",
        "windows": [{"from": "2027-07-05T12:30:00Z", "to": "2027-07-05T14:00:00Z"}],
        "venue": "Vienna, Hofburg",
    }
    assert (answered.sequence, answered.begins) == (1, "2027-07-05T12:30:00Z")


def test_an_answer_to_an_open_window_of_the_feed_is_for_that_window() -> None:
    assert read(written("REPLY", STAMP, SIDE, uid=UID.replace("@", "-2@"))).act == {
        "act": "acceptance",
        "window": 1,
    }
    assert read(
        written("REPLY", STAMP, SIDE.replace("ACCEPTED", "DECLINED"), uid=UID.replace("@", "-2@"))
    ).act == {"act": "decline"}


def test_a_cancellation_gives_its_reason() -> None:
    lines = (
        "ORGANIZER:urn:dragoman:nato-china:nato",
        STAMP,
        "SEQUENCE:2",
        "STATUS:CANCELLED",
        "COMMENT:Ill.",
        "COMMENT:Sorry.",
    )
    answered = read(written("CANCEL", *lines))
    assert (answered.act, answered.side, answered.sequence) == (
        {"act": "cancellation", "reason": "Ill.\nSorry."},
        "nato",
        2,
    )


def test_a_request_of_another_program_is_a_request_to_meet() -> None:
    lines = (
        "SUMMARY:Talks on radio\\, and more",
        "DTSTART:20261201T080000Z",
        "DTEND:20261201T093000Z",
        "LOCATION:",
        STAMP,
        SIDE,
    )
    assert read(written("REQUEST", *lines, uid="040000008200E00074C5B7101A82E008")) == ItipReply(
        exchange="",
        act={
            "act": "meeting-request",
            "purpose": "Talks on radio, and more",
            "windows": [{"from": "2026-12-01T08:00:00Z", "to": "2026-12-01T09:30:00Z"}],
        },
        sequence=0,
        dtstamp="2026-11-25T09:00:00Z",
        begins="2026-12-01T08:00:00Z",
    )


OWN = BERLIN.replace("Europe/Berlin", "Local")


@pytest.mark.parametrize(
    ("zone", "local", "in_utc"),
    [
        ("Europe/Berlin", "20261126T090000", "2026-11-26T08:00:00Z"),
        ("Europe/Berlin", "20260329T015959", "2026-03-29T00:59:59Z"),
        (
            "Europe/Berlin",
            "20260329T023000",
            "2026-03-29T01:30:00Z",
        ),  # skipped: by the clock before
        ("Europe/Berlin", "20260329T030000", "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "20261025T023000", "2026-10-25T00:30:00Z"),  # twice: the first
        ("Europe/Berlin", "20261025T030000", "2026-10-25T02:00:00Z"),
        ("America/New_York", "20060315T090000", "2006-03-15T14:00:00Z"),
        ("America/New_York", "20261101T090000", "2026-11-01T14:00:00Z"),
        ("America/Argentina/Buenos_Aires", "20261126T090000", "2026-11-26T12:00:00Z"),
        ("UTC", "20261126T090000", "2026-11-26T09:00:00Z"),
        ("W. Europe Standard Time", "20260701T090000", "2026-07-01T07:00:00Z"),
        ("China Standard Time", "20261126T160000", "2026-11-26T08:00:00Z"),
        (
            "/freeassociation.sourceforge.net/Europe/Berlin",
            "20261126T090000",
            "2026-11-26T08:00:00Z",
        ),
        (
            "/mozilla.org/20070129_1/America/Argentina/Buenos_Aires",
            "20261126T090000",
            "2026-11-26T12:00:00Z",
        ),
        ("Local", "20261126T080000Z", "2026-11-26T08:00:00Z"),  # in UTC, whatever the zone
    ],
)
def test_a_time_zone_is_known_by_its_name(zone: str, local: str, in_utc: str) -> None:
    answered = read(written("COUNTER", STAMP, f"DTSTART;TZID={zone}:{local}", around=OWN))
    assert answered.begins == in_utc and answered.act["windows"] == [{"from": in_utc, "to": in_utc}]


@pytest.mark.parametrize(
    "shifted",
    [
        BERLIN.replace(":+0", ":+1"),
        BERLIN.replace("FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "FREQ=SECONDLY"),
    ],
)
def test_what_a_message_says_of_a_time_zone_is_not_believed_and_its_rules_are_not_run(
    shifted: str,
) -> None:
    line = "DTSTART;TZID=Europe/Berlin:20261126T090000"
    assert read(written("COUNTER", STAMP, line, around=shifted)).begins == "2026-11-26T08:00:00Z"


# What fits the exchange


def test_an_answer_to_an_earlier_proposal_is_refused() -> None:
    world = World()
    id = world.open("nato/o-1", ONE)
    uid = f"{id}@{world.registry.cid[:16]}.dragoman"
    world.keep("nato/o-1", {"act": "postponement", "windows": [MOVED]}, id)
    for method, lines in (("REPLY", [SIDE]), ("COUNTER", ["DTSTART:20261201T080000Z"])):
        with pytest.raises(NotUnderstood, match="earlier proposal"):
            itip_reader.fitted(read(written(method, STAMP, *lines, uid=uid)), world.exchange(id))
    newest = read(written("REPLY", STAMP, SIDE, "SEQUENCE:1", "DTSTART:20261128T080000Z", uid=uid))
    assert itip_reader.fitted(newest, world.exchange(id)) == {
        "act": "acceptance",
        "terms": consent.text_terms(world.exchange(id)),
        "window": 0,
    }


def test_an_acceptance_is_for_the_window_that_begins_when_it_says() -> None:
    world = World()
    id = world.open("nato/o-1", REQUEST)
    second = read(written("REPLY", STAMP, SIDE, "DTSTART:20261127T080000Z"))
    assert itip_reader.fitted(second, world.exchange(id)) == {
        "act": "acceptance",
        "terms": consent.text_terms(world.exchange(id)),
        "window": 1,
    }
    with pytest.raises(NotUnderstood, match="send it as a COUNTER"):
        itip_reader.fitted(
            read(written("REPLY", STAMP, SIDE, "DTSTART:20261127T090000Z")), world.exchange(id)
        )


# What is refused


ROOM = ("DTSTART:20261201T080000Z", STAMP)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (written("REPLY", STAMP, SIDE.replace("ACCEPTED", "TENTATIVE")), "a tentative answer is not an answer; accept, decline"),
        (written("REPLY", STAMP, SIDE.replace("ACCEPTED", "DELEGATED")), "a side answers for itself"),
        (written("REPLY", STAMP, SIDE.replace("ACCEPTED", "NEEDS-ACTION")), "NEEDS-ACTION says neither yes nor no; accept, decline"),
        (written("REPLY", STAMP, SIDE.replace(";PARTSTAT=ACCEPTED", "")), "NEEDS-ACTION says neither yes nor no"),
        (written("REPLY", STAMP, SIDE, SIDE), "one ATTENDEE"),
        (written("REPLY", STAMP), "one ATTENDEE"),
        (written("REPLY", STAMP, SIDE, uid="someone@example.org"), "answer the invitation that came from here"),
        (written("COUNTER", *ROOM, uid=UID.replace("-", "", 1)), "answer the invitation that came from here"),
        (written("REPLY", STAMP, SIDE, uid=UID.replace("@", "-21@")), "window: "),
        (written("REPLY", STAMP, SIDE, uid=UID.replace("@", "-0@")), "answer the invitation that came from here"),
        (written("CANCEL", STAMP), "give the reason as its comment"),
        (written("CANCEL", STAMP, "COMMENT:  "), "give the reason as its comment"),
        (written("REQUEST", *ROOM), "propose another time (COUNTER), or cancel it and ask again"),
        (written("REQUEST", *ROOM, uid="else"), "purpose: "),
        (written("REQUEST", *ROOM, f"SUMMARY:{'x' * 501}", uid="else"), "purpose: "),
        (written("PUBLISH", *ROOM), "the method 'PUBLISH' is not understood; send REPLY, COUNTER, CANCEL, REQUEST"),
        (written("DECLINECOUNTER", STAMP), "the method 'DECLINECOUNTER' is not understood; send REPLY"),
        (written("REFRESH", STAMP, SIDE), "the method 'REFRESH' is not understood; send REPLY"),
        (written("ADD", *ROOM), "the method 'ADD' is not understood; send REPLY"),
        (written("REPLY", STAMP, SIDE).replace(b"METHOD:REPLY\r\n", b""), "METHOD is missing from VCALENDAR; give it once"),
        (written("REPLY", STAMP, SIDE, f"UID:{UID}"), "UID is more than once in VEVENT; give it once"),
        (written("REPLY", SIDE), "DTSTAMP is missing from VEVENT"),
        (written("REPLY", STAMP, SIDE, "SEQUENCE:-1"), "SEQUENCE is a number"),
        (written("REPLY", STAMP, SIDE, "END:VEVENT", "BEGIN:VEVENT", "UID:other"), "it has 2 events (VEVENT); send one at a time"),
        (written("REPLY", STAMP, SIDE).replace(b"VEVENT", b"VTODO"), "it has 0 events (VEVENT)"),
        (written("COUNTER", *ROOM, "RRULE:FREQ=WEEKLY"), "a meeting that recurs is not kept; ask for each by itself"),
        (written("COUNTER", *ROOM, "RDATE:20261202T080000Z"), "a meeting that recurs"),
        (written("REPLY", *ROOM, SIDE, "RECURRENCE-ID:20261202T080000Z"), "a meeting that recurs"),
        (written("COUNTER", STAMP), "DTSTART is missing"),
        (written("COUNTER", STAMP, "DTSTART:20261201T080000"), "DTSTART has no time zone, and nobody knows whose clock is meant; give it in UTC"),
        (written("COUNTER", STAMP, "DTSTART;VALUE=DATE:20261201"), "DTSTART is not a time but '20261201'; give the day and the hour"),
        (written("COUNTER", STAMP, "DTSTART:20261301T080000Z"), "DTSTART is not a valid time"),
        (written("COUNTER", STAMP, "DTSTART:09991201T080000Z"), "in the years 1000 to 9000"),
        (written("COUNTER", *ROOM, "DTEND:20261201T070000Z"), "the time ends before it begins"),
        (written("COUNTER", *ROOM, "DURATION:1H"), "'1H' is not a valid DURATION of a meeting; write it like PT1H30M"),
        (written("COUNTER", *ROOM, "DURATION:-PT1H"), "the time ends before it begins"),
        (written("COUNTER", "DTSTART:99991231T080000Z", STAMP, "DURATION:P9999W"), "'P9999W' is not a valid DURATION of a meeting"),
        (written("COUNTER", STAMP, "DTSTART;TZID=Asia/Shanghai:00010101T000000"), "DTSTART is not a valid time"),
        (written("COUNTER", *ROOM, f"LOCATION:{'x' * 501}"), "venue: "),
        (written("REPLY", STAMP, SIDE.replace("ACCEPTED", "DECLINED"), "COMMENT:a\x07b"), "reason: "),
        (written("REPLY", STAMP, SIDE, "no property"), "'no property' is not a property; write NAME:value"),
        (written("REPLY", STAMP, SIDE).removesuffix(b"END:VCALENDAR\r\n"), "send one VCALENDAR, from its BEGIN to its END"),
        (written("REPLY", STAMP, SIDE) * 2, "send one VCALENDAR"),
        (written("REPLY", STAMP, SIDE).replace(b"VCALENDAR", b"VCARD"), "send one VCALENDAR"),
        (b"", "send one VCALENDAR"),
        (b"END:VCALENDAR\r\n", "ends what did not begin"),
        (b"\xff\xfe", "send it as UTF-8"),
        (b"x" * (256 * 1024 + 1), "leave out what is attached"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused_with_what_to_do(raw: bytes, words: str) -> None:
    assert words in refusal(raw)


@pytest.mark.parametrize(
    "zone",
    [
        "Local",
        "Europe",
        "Berlin",
        "right",
        "localhost/../etc",
        "/example.org/Local",
        "A,B",
        "/",
        "a" * 9000,
        "a/" * 9000,
    ],
)
def test_a_time_zone_of_no_known_name_is_refused_whatever_the_message_says_of_it(zone: str) -> None:
    raw = written("COUNTER", STAMP, f"DTSTART;TZID={zone}:20261126T090000", around=OWN)
    assert "send times in UTC, or in a zone by its IANA name" in refusal(raw)


# Whatever comes

VALID = (
    written("REPLY", *ROOM, SIDE, "SEQUENCE:1", "COMMENT:Yes\\, gladly."),
    written(
        "COUNTER",
        STAMP,
        "DTSTART;TZID=Europe/Berlin:20270705T143000",
        "DURATION:P1DT1H",
        "LOCATION:Vienna",
        around=BERLIN,
    ),
    written("CANCEL", STAMP, "SEQUENCE:1", "COMMENT:Ill."),
    written(
        "REQUEST",
        STAMP,
        "DTSTART;TZID=China Standard Time:20261126T090000",
        "DTEND:20261126T160000Z",
        "SUMMARY:Talks",
        uid="else",
        around=OWN,
    ),
)
PIECES = (
    *(b"\r\n", b"\n", b"\r\n ", b":", b";", b"=", b'"', b"\\", b"\\n", b",", b"\x00", b"\x85", b"\xff", "\u202e".encode(), b"\xed\xa0\x80"),
    *(b"BEGIN:VEVENT\r\n", b"END:VEVENT\r\n", b"BEGIN:VTIMEZONE\r\n", b"TZID=", b"UNTIL=99991231T235959Z", b"99991231T235959", b"00010101T000000"),
    *(b"0", b"9999999999", b"-", b"+2359", b"-2359", b"Z", b"T", b"P", b"COUNT=9", b"FREQ=SECONDLY", b"BYMONTHDAY=31", b"BYMONTH=2"),
)  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A message with pieces cut out and put in."""
    raw = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw)))
        raw = (
            raw[:at] + draw(st.sampled_from((*PIECES, b""))) + raw[at + draw(st.integers(0, 12)) :]
        )
    return raw


def test_what_is_spoilt_below_holds_before() -> None:
    assert [read(raw).act["act"] for raw in VALID] == [
        "acceptance",
        "counter-proposal",
        "cancellation",
        "meeting-request",
    ]


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.binary(max_size=400), spoilt()))
@example(b"BEGIN:VCALENDAR\nEND:VCALENDAR\nEND:\n")
def test_whatever_bytes_come_they_are_an_act_or_refused_in_words(raw: bytes) -> None:
    with suppress(NotUnderstood):
        read(raw)

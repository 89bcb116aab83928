"""Contacts: what two strict readers of cards find in ours."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from dragoman.interop.vcard import cards
from dragoman_schemas.responses import PersonEntry, PointView
from gobuild import required
from patience import PATIENCE_S
from world import World

ROOT = Path(__file__).parents[2]
PERSON, DEPUTY = "0192f3a4-5b6c-7d8e-8f90-a1b2c3d4e5f6", "0192f3a4-5b6c-7d8e-8f90-a1b2c3d4e5f7"
HOURS = {
    "days": ["mon", "tue", "wed", "thu", "fri"],
    "from": "08:00",
    "to": "18:00",
    "zone": "Europe/Brussels",
}
POINT = PointView(
    side="nato",
    exchange="0192f3a4-0000-7d8e-8f90-a1b2c3d4e5f6",
    number="NATO-CHINA 7",
    role="Duty officer, hotline",
    institution="Liaison office, Brussels",
    person=PERSON,
    deputy=DEPUTY,
    languages=("en", "zh"),
    means=("telephone", "e-mail", "other"),
    means_text=Raw(b'{"zh":"\xe4\xbf\xa1\xe4\xbd\xbf","en":"Embassy courier"}'),
    hours=Raw(json.dumps(HOURS).encode()),
    stage="in_force",
    confirmed="2026-11-24T12:00:00.250Z",
)
PEOPLE = {
    PERSON: PersonEntry(
        name="王小明",
        post="Captain; watch",
        telephones=("+32 (2) 707-41.11", "1234"),
        emails=("duty@example.org", "o,d@example.org"),
        note="Ask for\nthe watch.",
    ),
    DEPUTY: PersonEntry(name="Ana Marković", telephones=("+86 10 1234 5678",)),
}
WHERE = "/v1/channels/nato-china/points-of-contact"
_VCARD4 = """
import { parse } from 'vcard4';
let raw = ''; for await (const each of process.stdin) raw += each;
const found = [].concat(parse(raw)).map((card) => card.repr ? card.repr() : String(card));
console.log(found.length);
"""
_JCARD = """
import ICAL from 'ical.js';
let raw = ''; for await (const each of process.stdin) raw += each;
const found = ICAL.parse(raw);
console.log(JSON.stringify(found[0] === 'vcard' ? [found] : found));
"""


def of_node(program: str, library: str, raw: bytes) -> Any:
    node = shutil.which("node")
    required(
        node is not None and (ROOT / "node_modules" / library).is_dir(), f"Node, or {library},"
    )
    asked = [str(node), "--input-type=module", "-e", program]
    return json.loads(
        subprocess.run(
            asked, input=raw, capture_output=True, check=True, timeout=PATIENCE_S, cwd=ROOT
        ).stdout
    )


def written(*points: PointView, people: dict[str, PersonEntry] = PEOPLE) -> bytes:
    raw = cards(World().registry, points, people, source=WHERE)
    assert all(
        len(line) <= 75 and line.decode() is not None and b"\n" not in line
        for line in raw.split(b"\r\n")
    )
    return raw


def lines(raw: bytes) -> list[list[str]]:
    """Each card's lines, unfolded."""
    whole = raw.decode().replace("\r\n ", "")
    found = [
        each.split("\r\n") for each in whole.removesuffix("END:VCARD\r\n").split("END:VCARD\r\n")
    ]
    assert all(each[:2] == ["BEGIN:VCARD", "VERSION:4.0"] for each in found)
    return [[line for line in each[2:] if line] for each in found]


def test_a_point_is_its_person_s_card_and_the_deputy_s_stands_beside_it() -> None:
    person, deputy = lines(written(POINT))
    uid = next(line.removeprefix("UID:") for line in deputy if line.startswith("UID:"))
    assert person == [
        "PRODID:-//Dragoman//Points of contact//EN",
        "UID:urn:uuid:0192f3a4-0000-7d8e-8f90-a1b2c3d4e5f6",
        "KIND:individual",
        "FN:王小明",
        "N:王小明;;;;",
        "ORG:Liaison office\\, Brussels",
        "ROLE:Duty officer\\, hotline",
        "TITLE:Captain; watch",
        "TEL;VALUE=uri;PREF=1:tel:+3227074111",
        "TEL;VALUE=text;PREF=2:1234",
        "EMAIL;PREF=1:duty@example.org",
        "EMAIL;PREF=2:o\\,d@example.org",
        "LANG;PREF=1:en",
        "LANG;PREF=2:zh",
        "TZ:Europe/Brussels",
        "NOTE:Mon-Fri 08:00-18:00 Europe/Brussels\\nReached by telephone\\, e-mail\\, Embassy courier.\\nAsk for\\nthe watch.",
        "CATEGORIES:nato-china,nato",
        f"RELATED;TYPE=agent:{uid}",
        "REV:20261124T120000Z",
        f"SOURCE:{WHERE}",
    ]
    assert {
        "FN:Ana Marković",
        "ROLE:Deputy: Duty officer\\, hotline",
        "TEL;VALUE=uri;PREF=1:tel:+861012345678",
    } <= set(deputy)


def test_a_point_whose_person_is_not_to_be_seen_is_the_office_s_card_without_a_name() -> None:
    (office,) = lines(written(POINT, people={}))
    assert {"KIND:org", "FN:Duty officer\\, hotline\\, Liaison office\\, Brussels"} <= set(office)
    assert not [
        line for line in office if line.startswith(("N:", "TEL", "EMAIL", "TITLE", "RELATED"))
    ]


def test_one_deputy_of_two_points_has_a_card_at_each() -> None:
    other = replace(POINT, exchange="0192f3a4-0001-7d8e-8f90-a1b2c3d4e5f6", hours=Raw(b'"24x7"'))
    found = [
        line for card in lines(written(POINT, other)) for line in card if line.startswith("UID:")
    ]
    assert len(set(found)) == 4


def test_a_point_that_is_not_in_force_and_one_of_an_exercise_say_so() -> None:
    exercise = replace(World().registry, kind="exercise")
    raw = cards(exercise, [replace(POINT, stage="ended", hours=Raw(b'"24x7"'))], {}, source=WHERE)
    (note,) = (line for line in lines(raw)[0] if line.startswith("NOTE:"))
    assert (
        note
        == "NOTE:At all hours\\, every day\\nReached by telephone\\, e-mail\\, Embassy courier.\\nNo longer in force.\\nExercise."
    )


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "Mon-Sun"),
        (["sat", "mon"], "Mon, Sat"),
        (["sun", "fri", "tue", "wed", "thu"], "Tue-Fri, Sun"),
        (["mon", "tue"], "Mon, Tue"),
    ],
)
def test_days_in_a_row_are_written_as_a_span(days: list[str], words: str) -> None:
    (card,) = lines(
        written(replace(POINT, hours=Raw(json.dumps({**HOURS, "days": days}).encode())), people={})
    )
    assert any(
        line.startswith(f"NOTE:{words.replace(',', chr(92) + ',')} 08:00-18:00") for line in card
    )


HARD = {
    PERSON: replace(
        PEOPLE[PERSON],
        name="司" * 100 + "\\,;",
        note="a\x00b\x1b[31m\r\nc\u2028d\u0085e\tf 😀" * 20,
    )
}


def test_a_strict_reader_of_cards_takes_every_one() -> None:
    assert of_node(_VCARD4, "vcard4", written(POINT, replace(POINT, hours=Raw(b'"24x7"')))) == 4
    assert of_node(_VCARD4, "vcard4", written(POINT, POINT, people=HARD)) == 2
    with pytest.raises(subprocess.CalledProcessError):
        of_node(_VCARD4, "vcard4", written(POINT).replace(b"FN:", b"X-FN:"))


def test_another_reader_finds_the_same_words() -> None:
    ((_, properties, *_),) = of_node(_JCARD, "ical.js", written(POINT, people=HARD))
    found = {name: values for name, _, _, *values in properties}
    assert (found["fn"], found["tel"]) == (["司" * 100 + "\\,;"], ["1234"])
    assert found["note"][0].endswith("a b [31m\nc d e\tf 😀") and found["categories"] == [
        "nato-china",
        "nato",
    ]
    assert found["n"][0][0] == found["fn"][0]


@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=200))
@settings(max_examples=200, deadline=None)
def test_whatever_a_name_and_a_role_are_the_card_s_lines_are_its_own(name: str, role: str) -> None:
    (card,) = lines(written(replace(POINT, role=role), people={PERSON: PersonEntry(name=name)}))
    assert [line.partition(":")[0].partition(";")[0] for line in card] == [
        *(
            "PRODID",
            "UID",
            "KIND",
            "FN",
            "N",
            "ORG",
            "ROLE",
            "LANG",
            "LANG",
            "TZ",
            "NOTE",
            "CATEGORIES",
            "REV",
            "SOURCE",
        )
    ]


def test_no_points_are_no_cards() -> None:
    assert written() == b""

"""The subject of a message whose author gave none: made from its format, kind, place and time, in
English in the state, and sayable in every language.
"""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue import OPENINGS
from dragoman.domain.acts import geodesy
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.record.codec import read_act
from dragoman.domain.views.titles import subject_of, title_of
from dragoman.i18n import places
from dragoman.i18n.words import words
from dragoman.text import packed, unpacked
from samples import SAMPLES, act
from world import World, compact


def title(body: dict[str, Any]) -> str:
    return str(FORMATS[body["act"]].title(read_act(compact(body), cut=False)[1]))[:120]


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_has_a_title_of_its_own(name: str) -> None:
    assert title(SAMPLES[name]) == OPENINGS[name].title


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (act("contact-note", form="note_verbale"), "Contact, note verbale"),
        (
            {key: value for key, value in SAMPLES["people-programme"].items() if key != "title"},
            "Exchange of students, host nato",
        ),
        (
            act("encounter-report", domain="air"),
            "Encounter in the air, 15.12 116.44, 2026-11-20T04:10Z",
        ),
        (act("annual-exchange", nil_return=True), "Annual calendar 2027, nil return"),
        (
            act("explanation-request", type="other", place={"text": "North of the river"}),
            "Request for explanation: other, North of the river",
        ),
        (
            act("launch-notice", launch_area={"lat": -7.5, "lon": 100}),
            "Launch, pre launch, -7.5 100",
        ),
        (
            act(
                "terrorism-warning",
                threat="hostage_taking",
                place={"names": {"nato": "The strait"}},
            ),
            "Warning: hostage taking, shipping, area as given",
        ),
        (act("hazardous-incident", place="unknown"), "Near miss, unknown, 2026-11-24T03:05+08:00"),
        (act("tasking", officers=["o-1", "d-1"]), "Task for o-1, d-1"),
        (act("recommendation", text={"fr": "Deux mots"}), "Deux mots"),
        (act("roadmap-item", text={"fr": "Deux mots"}), "Deux mots"),
        (act("recommendation", text="a" * 130), "a" * 120),
        (act("roadmap-item", text="a" * 130), "a" * 120),
        (act("reference-document", issuer="i" * 100, title="t" * 100), "i" * 100 + ": " + "t" * 18),
    ],
)
def test_a_title_says_what_was_given(body: dict[str, Any], expected: str) -> None:
    assert title(body) == expected


def test_a_subject_that_was_given_stands_and_a_long_title_is_cut_to_120_characters(
    world: World,
) -> None:
    given = world.exchange(world.open("nato/o-1", act("contact-note", subject="Piracy")))
    assert bytes(subject_of(given)) == b'"Piracy"'
    long = world.exchange(world.open("nato/o-1", act("meeting-request", purpose="p" * 200)))
    assert msgspec.json.decode(subject_of(long)) == "p" * 120


OWN_WORDS = {
    "people-programme", "meeting-request", "immediate-notification", "perception", "recommendation", "roadmap-item", "joint-report",
    "reference-document",
}  # fmt: skip
"""Formats of which a title is somebody's words and nothing else."""

IN_THE_LANGUAGES_GIVEN = {"mechanism": {"en": "en", "fr": "en", "zh": "zh"}}
"""Formats whose title is somebody's words in several languages, by the reader's language."""


@pytest.mark.parametrize("name", FORMATS)
def test_a_title_is_said_in_the_readers_language(name: str) -> None:
    title = FORMATS[name].title(read_act(compact(act(name)), cut=False)[1])
    said = {
        each: words(each).subject(msgspec.json.encode(str(title)), title)
        for each in ("en", "fr", "zh")
    }
    if name in OWN_WORDS:
        assert len(set(said.values())) == 1
        return
    if name in IN_THE_LANGUAGES_GIVEN:
        assert said == {
            reader: (language, SAMPLES[name]["name"][language])
            for reader, language in IN_THE_LANGUAGES_GIVEN[name].items()
        }
        return
    assert {tag for tag, _ in said.values()} == {"en", "fr", "zh-Hans"}
    assert len({text for _, text in said.values()}) >= 2, said
    assert "_" not in said["en"][1] and "%" not in "".join(text for _, text in said.values())


def test_a_place_that_is_not_known_is_said_so_in_every_language() -> None:
    title = FORMATS["hazardous-incident"].title(
        read_act(compact(act("hazardous-incident", place="unknown")), cut=False)[1]
    )
    for language in ("fr", "zh"):
        assert words(language).name("value", "unknown") in words(language).sentence(title)


@pytest.mark.parametrize("language", ["en", "fr", "zh"])
@pytest.mark.parametrize("name", FORMATS)
def test_no_title_shows_a_time_or_a_place_as_machines_write_it(name: str, language: str) -> None:
    title = FORMATS[name].title(read_act(compact(act(name)), cut=False)[1])
    _, said = words(language).subject(b"", title)
    assert not re.search(r"\d{4}-\d{2}-\d{2}T|-?\d+\.\d+ -?\d+\.\d+", said), said


def test_a_title_states_the_place_and_the_time_as_pages_write_them_everywhere() -> None:
    place, time = {"lat": 15.1167, "lon": 116.433}, "2026-11-28T00:05:30+08:00"
    title = FORMATS["hazardous-incident"].title(
        read_act(compact(act("hazardous-incident", place=place, time=time)), cut=False)[1]
    )
    en = words("en")
    assert words("en").subject(b"", title)[1] == ", ".join(
        (
            "Near miss",
            places.written_place(geodesy.GeoPoint(15.1167, 116.433)),
            en.written("2026-11-27T16:05:30Z"),
        )
    )
    assert str(title) == "Near miss, 15.1167 116.433, 2026-11-28T00:05:30+08:00"
    assert unpacked(packed(title)) == title


@pytest.mark.parametrize(
    ("body", "french", "chinese"),
    [
        (act("contact-note"), "Contact, entretien", "接触：谈话"),
        (act("liaison-office"), "Bureau de liaison de CHINA à Bruxelles", "CHINA驻布鲁塞尔联络处"),
        (
            act("emergency-notification"),
            "Urgence, déversement d’hydrocarbures, 15°07′12″\xa0N 116°26′24″\xa0E, vers 24\xa0nov.\xa02026 01:00Z",
            "紧急情况，溢油，15°07′12″\xa0N 116°26′24″\xa0E，约2026年11月24日 01:00Z",
        ),
        (
            act("danger-area"),
            "Zone dangereuse, tirs, zone telle qu’indiquée",
            "危险区，射击，区域见正文",
        ),
        (act("annual-exchange"), "Calendrier annuel 2027", "2027年年度日历"),
    ],
)
def test_titles_read_well(body: dict[str, Any], french: str, chinese: str) -> None:
    title = FORMATS[body["act"]].title(read_act(compact(body), cut=False)[1])
    assert [words(each).subject(b"", title)[1] for each in ("fr", "zh")] == [french, chinese]


def test_a_text_in_several_languages_is_a_title_in_the_readers(world: World) -> None:
    exchange = world.exchange(
        world.open(
            "nato/o-1",
            act("recommendation", text={"en": "Two words", "fr": "Deux mots", "zh-Hans": "两个词"}),
        )
    )
    assert msgspec.json.decode(subject_of(exchange)) == "Two words"
    said = [
        words(each).subject(subject_of(exchange), title_of(exchange)) for each in ("en", "fr", "zh")
    ]
    assert said == [("en", "Two words"), ("fr", "Deux mots"), ("zh-Hans", "两个词")]


def test_a_subject_that_was_given_is_never_translated(world: World) -> None:
    exchange = world.exchange(
        world.open("nato/o-1", act("contact-note", subject="Contact, conversation"))
    )
    assert title_of(exchange) is None
    assert words("fr").subject(subject_of(exchange), title_of(exchange)) == (
        "",
        "Contact, conversation",
    )


def test_a_title_follows_a_correction(world: World) -> None:
    id = world.open("nato/o-1", act("contact-note"))
    world.keep(
        "nato/o-1",
        {"act": "correction", "reason": "It came in writing.", "fields": {"form": "letter"}},
        id,
        seen=True,
    )
    title = title_of(world.exchange(id))
    assert title is not None and words("fr").sentence(title) == "Contact, lettre"


CHANGES = (
    ("nato/d-1", {"act": "correction", "fields": {"kind": "crash"}, "reason": "misread"}),
    (
        "nato/d-1",
        {"act": "correction", "fields": {"place": {"lat": 1.5, "lon": 2.5}}, "reason": "slip"},
    ),
    ("nato/d-1", {"act": "update", "fields": {"place": {"lat": 3.5, "lon": 4.5}}}),
    ("nato/d-1", {"act": "update", "as_of": "2026-11-24T09:00Z", "fields": {"casualties": 2}}),
    (
        "nato/d-1",
        {"act": "correction", "fields": {"subject": "The event of Tuesday"}, "reason": "slip"},
    ),
    ("china/d-1", {"act": "acknowledgement"}),
)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.sampled_from(CHANGES), max_size=8))
def test_a_past_row_has_the_name_that_its_matter_had_then(
    steps: list[tuple[str, dict[str, Any]]],
) -> None:
    world = World()
    id = world.open("nato/d-1", act("hazardous-incident"))
    named = {world.position: subject_of(world.exchange(id))}
    for by, body in steps:
        world.keep(by, body, id, seen=True)
        named[world.position] = subject_of(world.exchange(id))
    for position, name in named.items():
        assert subject_of(world.exchange(id), position) == name

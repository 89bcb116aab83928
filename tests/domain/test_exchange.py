"""Tests of the acts that carry any exchange on: acknowledgement, answer, correction, cancellation
and closing.
"""

from typing import Any

import msgspec
import pytest

from dragoman.domain.acts.families.exchange import owes_acknowledgement, owes_answer
from dragoman.domain.fold import Folded
from dragoman.domain.record.errors import Refusal
from dragoman.domain.views.offers import allowed
from dragoman.domain.views.titles import subject_of
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.state import encode
from samples import act
from world import INCIDENT, NOTE, REQUEST, World, refused


def test_an_opening_is_addressed_to_all_other_sides() -> None:
    world = World(sides=("nato", "china", "osce"))
    exchange = world.exchange(world.open("nato/o-1", NOTE))
    assert exchange.to == ("china", "osce")
    assert {"china", "osce"} == owes_acknowledgement(exchange)


def test_info_addressees_owe_nothing() -> None:
    world = World(sides=("nato", "china", "osce"))
    exchange = world.exchange(
        world.open("nato/o-1", {**NOTE, "info": ["osce"], "reply_wanted_by": "2026-12-01T12:00Z"})
    )
    assert (exchange.to, exchange.info) == (("china",), ("osce",))
    assert {"china"} == owes_acknowledgement(exchange) == owes_answer(exchange)


def test_defaults_are_folded_and_never_written(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    exchange = world.exchange(id)
    assert b"goodwill" not in world.raws[-1]
    assert exchange.precedence == "immediate"
    assert exchange.area == "military-transparency-and-risk-reduction"
    assert (
        bytes(subject_of(exchange)).decode() == '"Near miss, 15.12 116.44, 2026-11-24T03:05+08:00"'
    )
    assert bytes(exchange.defaults["casualties"]) == b'"unknown"'
    assert bytes(exchange.defaults["basis"]) == b'"goodwill"'
    assert f'"{exchange.opened.time}"'.encode() == bytes(exchange.defaults["dtg"])


def test_unknown_is_never_turned_into_zero(world: World) -> None:
    unknown = world.exchange(world.open("nato/d-1", {**INCIDENT, "casualties": "unknown"}))
    zero = world.exchange(world.open("nato/d-1", {**INCIDENT, "casualties": 0}))
    assert (bytes(unknown.content["casualties"]), bytes(zero.content["casualties"])) == (
        b'"unknown"',
        b"0",
    )


def test_authors_own_bytes_stand_in_the_state(world: World) -> None:
    id = world.open(
        "nato/d-1", {**INCIDENT, "place": {"lat": 15.10, "lon": 116.0}, "facts": "两机接近 \u00e9"}
    )
    assert bytes(world.exchange(id).content["facts"]).decode() == '"两机接近 é"'
    assert bytes(world.exchange(id).content["place"]) == b'{"lat":15.1,"lon":116.0}'


def test_acknowledging_says_when_and_by_whom(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    world.keep("china/d-1", {"act": "acknowledgement"}, id)
    stamp = world.exchange(id).messages[0].acknowledged["china"]
    assert ("china/d-1", world.position) == (stamp.by, stamp.position)
    assert world.exchange(id).messages[0].answered == {}


def test_a_second_acknowledgement_changes_nothing_that_was_said(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    world.keep("china/d-1", {"act": "acknowledgement"}, id)
    before = world.exchange(id).messages
    assert isinstance(world.keep("china/o-1", {"act": "acknowledgement"}, id), Folded)
    assert before == world.exchange(id).messages


def test_the_opener_has_nothing_to_acknowledge(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    assert refused(world.keep("nato/d-1", {"act": "acknowledgement"}, id)).kind == "not-permitted"


def test_acknowledging_the_newest_covers_the_earlier_ones(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    world.keep(
        "nato/d-1",
        {"act": "correction", "reason": "typing", "fields": {"kind": "collision"}},
        id,
        seen=True,
    )
    world.keep("china/d-1", {"act": "acknowledgement"}, id)
    assert set() == owes_acknowledgement(world.exchange(id))


def test_acknowledging_a_named_message_leaves_later_ones_open(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    world.keep(
        "nato/d-1",
        {"act": "correction", "reason": "typing", "fields": {"kind": "collision"}},
        id,
        seen=True,
    )
    world.keep("china/d-1", {"act": "acknowledgement", "of": id}, id)
    first, second = world.exchange(id).messages
    assert ({"china"}, set()) == (set(first.acknowledged), set(second.acknowledged))


def test_of_must_name_a_message_to_that_side(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    other = world.open("nato/d-1", INCIDENT)
    assert (
        refused(world.keep("china/d-1", {"act": "acknowledgement", "of": other}, id))
        .faults[0]
        .pointer
        == "/of"
    )


def test_a_reply_acknowledges_and_answers_and_is_itself_to_be_acknowledged(world: World) -> None:
    id = world.open("nato/o-1", NOTE)
    world.keep("china/o-1", {"act": "reply", "text": "Agreed to talk."}, id)
    exchange = world.exchange(id)
    assert ({"china"}, {"china"}) == (
        set(exchange.messages[0].acknowledged),
        set(exchange.messages[0].answered),
    )
    assert {"nato"} == owes_acknowledgement(exchange)
    assert set() == owes_answer(exchange)


def test_a_holding_reply_acknowledges_and_answers_nothing(world: World) -> None:
    id = world.open("nato/o-1", {**NOTE, "reply_wanted_by": "2026-12-01T12:00Z"})
    world.keep("china/o-1", {"act": "interim-reply", "next_word_by": "2026-11-24T06:00Z"}, id)
    exchange = world.exchange(id)
    assert ({"china"}, set()) == (
        set(exchange.messages[0].acknowledged),
        set(exchange.messages[0].answered),
    )
    assert {"china"} == owes_answer(exchange)


def test_a_reply_says_something(world: World) -> None:
    id = world.open("nato/o-1", NOTE)
    assert refused(world.keep("china/o-1", {"act": "reply"}, id)).faults[0].pointer == "/text"


def test_a_decline_answers_an_incident_and_ends_nothing(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    world.keep("china/d-1", {"act": "decline"}, id)
    assert world.exchange(id).status == "open"
    assert set() == owes_answer(world.exchange(id))


def test_a_correction_keeps_the_original_visible(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    world.keep(
        "nato/d-1",
        {
            "act": "correction",
            "reason": "typing",
            "fields": {"facts": "Three aircraft.", "known_at": "2026-11-24T03:10Z"},
        },
        id,
        seen=True,
    )
    exchange = world.exchange(id)
    (correction,) = exchange.corrections
    assert bytes(exchange.content["facts"]) == b'"Three aircraft."'
    assert {name: bytes(was) for name, was in correction.was.items()} == {
        "facts": b'"Two aircraft passed close. Rest unknown."'
    }
    assert (correction.reason, correction.number) == ("typing", "NATO-CHINA/NATO/26/0002/N07/C")


def test_a_correction_that_raises_the_kind_raises_the_precedence(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    world.keep(
        "nato/d-1",
        {"act": "correction", "reason": "typing", "fields": {"kind": "collision"}},
        id,
        seen=True,
    )
    assert world.exchange(id).precedence == "flash"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"facs": "x"}, "/fields/facs"),
        ({"kind": "unheard_of"}, "/fields/kind"),
        ({"time": "2026-02-30T00:00Z"}, "/fields/time"),
        ({"place": {"lat": 15.0}}, "/fields/place"),
        ({"to": ["china"]}, "/fields/to"),
        ({"act": "reply"}, "/fields/act"),
        ({"text": "word " * 201}, "/fields/text"),
    ],
)
def test_a_correction_must_leave_a_whole_message(
    world: World, fields: dict[str, object], pointer: str
) -> None:
    id = world.open("nato/d-1", INCIDENT)
    outcome = refused(
        world.keep(
            "nato/d-1", {"act": "correction", "reason": "typing", "fields": fields}, id, seen=True
        )
    )
    assert pointer == outcome.faults[0].pointer


def test_only_the_opener_corrects_and_cancels(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    assert (
        refused(
            world.keep("china/d-1", {"act": "cancellation", "reason": "no"}, id, seen=True)
        ).kind
        == "not-permitted"
    )
    assert (
        refused(
            world.keep(
                "china/d-1",
                {"act": "correction", "reason": "no", "fields": {"facts": "x"}},
                id,
                seen=True,
            )
        ).kind
        == "not-permitted"
    )


def test_a_cancellation_is_numbered_and_still_to_be_acknowledged(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    world.keep("nato/d-1", {"act": "cancellation", "reason": "test"}, id, seen=True)
    exchange = world.exchange(id)
    assert exchange.cancellation is not None
    assert (exchange.status, exchange.cancellation.number) == (
        "cancelled",
        "NATO-CHINA/NATO/26/0002/N07/X",
    )
    assert isinstance(world.keep("china/d-1", {"act": "acknowledgement"}, id), Folded)
    assert set() == owes_acknowledgement(world.exchange(id))


def test_after_a_cancellation_the_refusal_names_what_is_allowed(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    world.keep("nato/d-1", {"act": "cancellation", "reason": "test"}, id, seen=True)
    refusal = refused(world.keep("china/d-1", {"act": "reply", "text": "Seen."}, id))
    assert refusal.kind == "not-allowed-in-state"
    assert refusal.allowed == (
        "acknowledgement",
        "translation",
        "translation-agreement",
        "translation-dispute",
        "repeat-request",
        "consent-withdrawal",
        "retraction",
        "lesson",
        "passed-on",
    )


def test_others_cannot_close_what_they_did_not_open() -> None:
    world = World(sides=("nato", "china", "osce"))
    id = world.open("nato/o-1", NOTE)
    for actor in ("china/o-1", "osce/o-1"):
        world.keep(actor, {"act": "closure"}, id, seen=True)
        assert world.exchange(id).status == "open"
    world.keep("nato/o-1", {"act": "closure"}, id, seen=True)
    assert world.exchange(id).status == "closed"


@pytest.mark.parametrize(
    "act",
    [
        {"act": "closure"},
        {"act": "cancellation", "reason": "x"},
        {"act": "correction", "reason": "x", "fields": {"text": "y"}},
    ],
)
def test_consenting_acts_say_what_they_rest_on(world: World, act: dict[str, object]) -> None:
    id = world.open("nato/o-1", NOTE)
    assert refused(world.keep("nato/o-1", act, id)).kind == "precondition-required"
    stale = world.exchange(id).etag
    world.keep("china/o-1", {"act": "reply", "text": "Wait."}, id)
    decided = world.decide("nato/o-1", act, id, if_match=stale)
    assert isinstance(decided, Refusal)
    assert decided.kind == "moved"


def test_what_is_for_the_record_owes_nothing(world: World) -> None:
    exchange = world.exchange(world.open("nato/o-1", {**NOTE, "for_the_record": True}))
    assert (set(), set()) == (owes_acknowledgement(exchange), owes_answer(exchange))


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"to": ["mars"]}, "/to/0"),
        ({"to": ["nato"]}, "/to/0"),
        ({"to": ["china", "china"]}, "/to/1"),
        ({"to": ["china"], "info": ["china"]}, "/info/0"),
        ({"dtg": "2026-13-01T00:00Z"}, "/dtg"),
        ({"original": "fr"}, "/original"),
        ({"precedence": "flash", "text": "word " * 201}, "/text"),
        ({"precedence": "flash", "text": {"zh": "两" * 402}}, "/text"),
        ({"precedence": "urgent"}, "/precedence"),
        ({"acting_for": "nobody"}, "/acting_for"),
        ({"attachments": []}, "/attachments"),
        ({"participants": []}, "/participants"),
    ],
)
def test_a_frame_that_does_not_hold_is_pointed_at(
    world: World, change: dict[str, object], pointer: str
) -> None:
    refusal = refused(world.keep("nato/o-1", {**NOTE, **change}))
    assert ("invalid-act", pointer) == (refusal.kind, refusal.faults[0].pointer)


def test_a_flash_of_200_words_is_taken(world: World) -> None:
    assert world.open("nato/o-1", {**NOTE, "precedence": "flash", "text": "word " * 200})
    assert world.open("nato/o-1", {**NOTE, "precedence": "flash", "text": "两" * 400})


CIRCLE = {"pos": {"lat": 1, "lon": 1}, "radius": {"value": 5, "unit": "m"}}
TRIANGLE = [{"lat": 1, "lon": 1}, {"lat": 2, "lon": 1}, {"lat": 2, "lon": 2}]


@pytest.mark.parametrize(
    "place",
    [
        {"lat": 15.0},
        {"lat": 91, "lon": 0},
        {},
        {
            "lat": 1,
            "lon": 1,
            "circle": {"pos": {"lat": 1, "lon": 1}, "radius": {"value": 5, "unit": "m"}},
        },
        {"polygon": [{"lat": 1, "lon": 1}]},
        {"name": "x", "lat": 1, "lon": 1, "circle": CIRCLE},
        {"name": "x", "lat": 1, "lon": 1, "polygon": TRIANGLE},
        {"name": "x", "polygon": TRIANGLE, "circle": CIRCLE},
    ],
)
def test_a_place_is_one_thing(world: World, place: dict[str, object]) -> None:
    assert (
        refused(world.keep("nato/d-1", {**INCIDENT, "place": place}))
        .faults[0]
        .pointer.startswith("/place")
    )


@pytest.mark.parametrize(
    "place",
    [
        "off the north cape",
        {"name": "Scarborough Shoal"},
        {"names": {"china": "黄岩岛"}},
        {"lat": 15, "lon": 116.5, "name": "x"},
    ],
)
def test_a_place_may_be_a_name(world: World, place: object) -> None:
    assert world.open("nato/d-1", {**INCIDENT, "place": place})


def test_only_duty_officers_report_incidents(world: World) -> None:
    assert refused(world.keep("nato/o-1", INCIDENT)).kind == "not-permitted"
    assert refused(world.keep("nato/a-1", NOTE)).kind == "not-permitted"
    assert refused(world.keep("nato/adm-1", NOTE)).kind == "not-permitted"
    assert world.open("nato/h-1", INCIDENT)


def test_the_counter_account_stands_beside_the_report(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    world.keep(
        "china/d-1",
        {"act": "counter-account", "facts": "The passage was at more than 50 m.", "of": id},
        id,
    )
    exchange = world.exchange(id)
    assert [
        {name: bytes(value) for name, value in account.content.items()}
        for account in exchange.accounts["china"]
    ] == [{"facts": b'"The passage was at more than 50 m."'}]
    assert INCIDENT["facts"] == msgspec.json.decode(bytes(exchange.content["facts"]))
    assert (
        refused(world.keep("nato/d-1", {"act": "counter-account", "facts": "No."}, id)).kind
        == "not-permitted"
    )


def test_an_act_of_another_format_is_not_allowed(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    refusal = refused(world.keep("china/d-1", {"act": "acceptance", "window": 0}, id, seen=True))
    assert refusal.kind == "not-allowed-in-state"
    assert tuple(allowed(world.registry, world.exchange(id), "china")) == refusal.allowed


def test_an_opening_posted_as_an_act_is_sent_where_it_belongs(world: World) -> None:
    id = world.open("nato/o-1", NOTE)
    refusal = refused(world.keep("nato/o-1", REQUEST, id))
    assert refusal.kind == "invalid"
    assert "/meetings" in str(refusal.detail)


def test_the_encoding_of_a_state_is_the_same_for_the_same_log(world: World) -> None:
    id = world.open("nato/d-1", INCIDENT)
    again = World()
    again.open("nato/d-1", INCIDENT)
    assert encode(world.exchange(id)) == encode(again.exchange(id))
    assert world.ledger.standing.digest == again.ledger.standing.digest


def test_an_agreed_phrase_is_a_reply(world: World) -> None:
    id = world.open("nato/o-1", NOTE)
    assert refused(world.keep("china/o-1", {"act": "reply"}, id)).faults[0].pointer == "/text"
    assert (
        refused(world.keep("china/o-1", {"act": "reply", "phrases": ["received", "no_such"]}, id))
        .faults[0]
        .pointer
        == "/phrases/1"
    )
    assert isinstance(
        world.keep(
            "china/o-1", {"act": "reply", "phrases": ["received", "no_further_information"]}, id
        ),
        Folded,
    )


def test_every_phrase_and_coded_message_is_there_in_every_language_of_a_channel() -> None:
    for book in CODEBOOKS.values():
        assert 35 <= len(book.phrases) <= 45
        for texts in (*book.phrases.values(), *book.texts.values()):
            assert texts.keys() == {"en", "fr", "zh", "ru"}
            assert all(text.strip() for text in texts.values())


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"code_word": "EGRET"}, "/code_word"),
        ({"codebook_version": 2}, "/code_word"),
        ({"designator": 7}, "/designator"),
    ],
)
def test_a_coded_message_is_of_a_codebook_that_there_is(
    world: World, change: dict[str, Any], pointer: str
) -> None:
    assert (
        refused(world.decide("nato/d-1", act("immediate-notification", **change))).faults[0].pointer
        == pointer
    )


def test_a_track_2_channel_knows_no_precedence() -> None:
    track2 = World(kind="track2", sides=("group-a", "group-b"), name="talks")
    assert (
        refused(track2.decide("group-a/o-1", {**NOTE, "precedence": "flash"})).faults[0].pointer
        == "/precedence"
    )
    exchange = track2.exchange(track2.open("group-a/o-1", act("encounter-report")))
    assert (exchange.precedence, bytes(exchange.defaults["attribution"])) == (
        "routine",
        b'"chatham_house"',
    )

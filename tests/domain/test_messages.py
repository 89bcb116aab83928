"""Messages of an exchange: to whom they go, who acknowledges which, and what a correction leaves
behind.
"""

from typing import Any

import msgspec
import pytest

from dragoman.domain.acts.families.exchange import (
    owes_acknowledgement,
    owes_answer,
    parties_to_answer,
)
from dragoman.domain.fold import Folded
from dragoman.domain.views.titles import subject_of
from dragoman_schemas.state import Exchange
from samples import SAMPLES, act
from world import INCIDENT, NOTE, World, refused

N, C, NH, ND, CD, OSCE = "nato/o-1", "china/o-1", "nato/h-1", "nato/d-1", "china/d-1", "osce/o-1"
THREE = ("nato", "china", "osce")


def opened(
    *, sides: tuple[str, ...] = THREE, kind: str = "official", actor: str = N, **members: Any
) -> Exchange:
    world = World(sides=sides, kind=kind)
    return world.exchange(world.open(actor, {**NOTE, **members}))


# Addressees


@pytest.mark.parametrize(
    ("members", "to", "info"),
    [
        ({}, ("china", "osce"), ()),
        ({"to": ["china"]}, ("china",), ()),
        ({"info": ["china"]}, ("osce",), ("china",)),
        ({"to": ["osce"], "info": ["china"]}, ("osce",), ("china",)),
    ],
)
def test_an_opening_goes_to_whom_it_names_or_to_all_others(
    members: dict[str, Any], to: tuple[str, ...], info: tuple[str, ...]
) -> None:
    exchange = opened(**members)
    assert (exchange.to, exchange.info) == (to, info)
    assert (exchange.messages[0].to, exchange.messages[0].info) == (to, info)


def test_what_follows_goes_to_the_others_of_the_exchange_and_for_information_where_the_opening_did() -> (
    None
):
    world = World(sides=(*THREE, "mars"))
    id = world.open(N, {**NOTE, "to": ["china"], "info": ["osce"]})
    for actor, body in (
        (C, {"act": "alternative", "at": "/text", "text": "x"}),
        (C, {"act": "consent-withdrawal"}),
        (N, {"act": "update", "text": "x"}),
    ):
        world.keep(actor, body, id)
    assert [(message.to, message.info) for message in world.exchange(id).messages] == [
        (("china",), ("osce",)),
        (("china",), ("osce",)),
    ]


def test_an_answer_to_a_side_outside_of_the_exchange_goes_to_its_sides_as_any_message_does() -> (
    None
):
    world = World(sides=(*THREE, "mars"))
    id = world.open("nato/d-1", {**INCIDENT, "to": ["china"], "info": ["mars"]})
    asked = world.keep(OSCE, act("help-request"), id)
    assert isinstance(asked, Folded) and asked.record is not None, asked
    body = act("clarification-request", of=asked.record.envelope.id)
    assert isinstance(world.keep(C, body, id), Folded)
    message = world.exchange(id).messages[-1]
    assert (message.to, message.info) == (("nato",), ("mars",))


def test_a_reply_to_a_reply_goes_to_the_author_of_that_one() -> None:
    world = World(sides=(*THREE, "mars"))
    id = world.open(N, {**NOTE, "to": ["china", "osce"], "info": ["mars"]})
    question = world.keep(OSCE, act("clarification-request"), id)
    assert isinstance(question, Folded) and question.record is not None
    about = question.record.envelope.id
    for actor, of in ((C, about), (N, None), ("mars/o-1", None), ("mars/o-1", about)):
        kept = world.keep(actor, act("reply", **({} if of is None else {"of": of})), id)
        assert isinstance(kept, Folded), kept
    assert [(message.to, message.info) for message in world.exchange(id).messages[1:]] == [
        (("nato",), ("china", "mars")),
        (("osce",), ("nato", "mars")),
        (("osce",), ("china", "mars")),
        (("nato",), ("china", "osce")),
        (("osce",), ("nato", "china")),
    ]


def test_a_message_says_what_it_is_of_whom_and_whether_it_was_said_before_or_is_for_the_record() -> (
    None
):
    world = World()
    id = world.open(N, NOTE)
    passed = {"means": "voice", "at": "2026-11-24T03:00Z", "to_post": "x"}
    for change in ({}, {"passed_by": passed}, {"for_the_record": True}):
        world.keep(C, act("reply", **change), id)
    first, *replies = world.exchange(id).messages
    assert (first.id, first.act, first.said.by, first.said.told, first.for_the_record) == (
        id,
        "contact-note",
        N,
        "",
        False,
    )
    assert [(each.act, each.said.by, each.said.told, each.for_the_record) for each in replies] == [
        ("reply", C, "", False),
        ("reply", C, "2026-11-24T03:00:00.000Z", False),
        ("reply", C, "", True),
    ]
    assert len({each.id for each in (first, *replies)}) == 4


# Acknowledging


def test_nobody_acknowledges_what_it_said_itself() -> None:
    world = World()
    id = world.open(N, NOTE)
    world.keep(C, act("reply"), id)
    own = world.exchange(id).messages[1].id
    assert refused(world.keep(C, act("acknowledgement", of=own), id)).faults[0].pointer == "/of"
    world.keep(C, act("acknowledgement"), id)
    assert [set(message.acknowledged) for message in world.exchange(id).messages] == [
        {"china"},
        set(),
    ]


def test_acknowledging_what_is_named_acknowledges_what_came_before_it_and_answering_answers_it() -> (
    None
):
    world = World()
    id = world.open(N, NOTE)
    for text in ("a", "b"):
        world.keep(N, {"act": "update", "text": text}, id)
    second = world.exchange(id).messages[1].id
    world.keep(CD, act("acknowledgement", of=second), id)
    world.keep(C, act("reply", of=second), id)
    marks = [
        (
            [stamp.by for stamp in message.acknowledged.values()],
            [stamp.by for stamp in message.answered.values()],
        )
        for message in world.exchange(id).messages[:3]
    ]
    assert marks == [([CD], [C]), ([CD], [C]), ([], [])]


def test_the_first_acknowledgement_and_the_first_answer_of_a_side_count() -> None:
    world = World()
    id = world.open(N, NOTE)
    for actor in (CD, C):
        world.keep(actor, act("reply"), id)
    (first, *_) = world.exchange(id).messages
    assert (first.acknowledged["china"].by, first.answered["china"].by) == (CD, CD)


def test_a_format_moves_when_the_last_addressee_acknowledges_the_opening_and_who_is_told_does_not_count() -> (
    None
):
    world = World(sides=(*THREE, "mars"))
    id = world.open(N, act("military-activity", to=["china", "mars"], info=["osce"]))
    for actor, status in ((OSCE, "notified"), (C, "notified"), ("mars/o-1", "acknowledged")):
        world.keep(actor, act("acknowledgement"), id)
        assert world.exchange(id).status == status


def test_who_owes_what_follows_from_the_messages() -> None:
    world = World(sides=THREE)
    id = world.open(N, {**NOTE, "reply_wanted_by": "2026-12-01T12:00Z"})
    assert (owes_acknowledgement(world.exchange(id)), owes_answer(world.exchange(id))) == (
        {"china", "osce"},
        {"china", "osce"},
    )
    world.keep(C, act("reply"), id)
    assert (owes_acknowledgement(world.exchange(id)), owes_answer(world.exchange(id))) == (
        {"nato", "osce"},
        {"osce"},
    )
    world.close(id)
    assert owes_answer(world.exchange(id)) == set()


def test_a_message_that_asks_for_no_answer_waits_for_none(world: World) -> None:
    id = world.open(N, NOTE)
    assert owes_acknowledgement(world.exchange(id)) == {"china"}
    assert owes_answer(world.exchange(id)) == set()


def test_what_was_cancelled_owes_no_answer(world: World) -> None:
    id = world.open(N, NOTE)
    world.keep(N, act("cancellation"), id, seen=True)
    assert owes_answer(world.exchange(id)) == set()
    assert owes_acknowledgement(world.exchange(id)) == {"china"}


def test_of_windows_that_were_named_anew_those_owe_an_answer_who_did_not_name_them_while_it_is_open() -> (
    None
):
    world = World(sides=THREE)
    id = world.open(N, act("meeting-request"))
    world.keep(C, act("counter-proposal"), id)
    assert (
        parties_to_answer(world.exchange(id)) == owes_answer(world.exchange(id)) == {"nato", "osce"}
    )
    world.keep(OSCE, act("decline"), id)
    assert owes_answer(world.exchange(id)) == {"nato"}
    world.keep(N, act("meeting-held"), id)
    assert owes_answer(world.exchange(id)) == set(), "it was held"


# Defaults


def test_the_frame_has_its_defaults_and_a_track_2_channel_others() -> None:
    usual = {name: bytes(value) for name, value in opened().defaults.items() if name != "dtg"}
    assert usual == {
        "basis": b'"goodwill"',
        "capacity": b'"official"',
        "attribution": b'"attributable"',
        "releasability": b'"auditors"',
        "without_prejudice": b"true",
    }
    track2 = {
        name: bytes(value)
        for name, value in opened(kind="track2").defaults.items()
        if name != "dtg"
    }
    assert track2 == {**usual, "capacity": b'"personal"', "attribution": b'"chatham_house"'}


def test_what_was_said_has_no_default() -> None:
    exchange = opened(
        capacity="group",
        dtg="2026-11-24T03:00Z",
        area="climate-change",
        precedence="priority",
        subject="x",
    )
    assert "capacity" not in exchange.defaults
    assert "dtg" not in exchange.defaults
    assert (exchange.area, exchange.precedence, bytes(subject_of(exchange))) == (
        "climate-change",
        "priority",
        b'"x"',
    )


def test_an_exchange_opens_with_who_released_it_and_etag_and_times() -> None:
    world = World()
    id = world.open(N, act("military-activity"))
    exchange = world.exchange(id)
    assert (exchange.released_by, exchange.one_key, exchange.side, exchange.family) == (
        ND,
        (),
        "nato",
        "notification",
    )
    assert exchange.opened == exchange.updated == exchange.messages[0].said
    plain = world.exchange(world.open(N, NOTE))
    assert (
        plain.released_by,
        plain.one_key,
        plain.messages[0].suspended,
        plain.for_the_record,
        plain.invokes,
        plain.meeting,
    ) == (
        "",
        (),
        False,
        False,
        "",
        None,
    )
    assert world.exchange(world.open(N, {**NOTE, "for_the_record": True})).for_the_record


# Corrections


def test_a_correction_changes_what_is_made_of_the_fields_and_takes_their_defaults() -> None:
    world = World()
    id = world.open(ND, INCIDENT)
    assert "casualties" in world.exchange(id).defaults
    fields = {
        "kind": "collision",
        "casualties": 2,
        "area": "maritime-security",
        "dtg": "2026-11-24T03:00Z",
    }
    world.keep(ND, {"act": "correction", "reason": "x", "fields": fields}, id, seen=True)
    exchange = world.exchange(id)
    assert (exchange.precedence, exchange.area) == ("flash", "maritime-security")
    assert bytes(subject_of(exchange)) == b'"Collision, 15.12 116.44, 2026-11-24T03:05+08:00"'
    assert exchange.defaults.keys().isdisjoint({"casualties", "dtg"})
    assert {"damage", "basis"} <= exchange.defaults.keys()
    world.keep(
        ND, {"act": "correction", "reason": "x", "fields": {"subject": "Other"}}, id, seen=True
    )
    assert bytes(subject_of(world.exchange(id))) == b'"Other"'
    assert [each.number.rpartition("/")[0][-8:] for each in world.exchange(id).corrections] == [
        "0002/N07",
        "0003/N07",
    ]


@pytest.mark.parametrize("field", ["act", "signed", "to", "info", "for_the_record"])
def test_what_it_is_and_to_whom_it_went_cannot_be_corrected(field: str, world: World) -> None:
    id = world.open(N, NOTE)
    refusal = refused(
        world.keep(N, {"act": "correction", "reason": "x", "fields": {field: True}}, id, seen=True)
    )
    assert (refusal.faults[0].pointer, "cannot be corrected" in str(refusal.faults[0].detail)) == (
        f"/fields/{field}",
        True,
    )


def test_windows_may_be_corrected_until_one_was_accepted(world: World) -> None:
    id = world.open(N, act("meeting-request"))
    fields = {"windows": [{"from": "2026-12-01T08:00Z", "to": "2026-12-01T10:00Z"}]}
    for expected in ("", "/fields/windows"):
        outcome = world.keep(
            N, {"act": "correction", "reason": "x", "fields": fields}, id, seen=True
        )
        assert (
            isinstance(outcome, Folded)
            if not expected
            else refused(outcome).faults[0].pointer == expected
        )
        world.keep(C, act("acceptance", window=0), id, seen=True)
    assert isinstance(
        world.keep(
            N,
            {"act": "correction", "reason": "x", "fields": {"precedence": "priority"}},
            id,
            seen=True,
        ),
        Folded,
    )


def test_a_correction_of_what_is_too_long_for_a_flash_says_so_under_its_fields(
    world: World,
) -> None:
    id = world.open(N, {**NOTE, "precedence": "flash"})
    refusal = refused(
        world.keep(
            N,
            {"act": "correction", "reason": "x", "fields": {"text": "word " * 201}},
            id,
            seen=True,
        )
    )
    assert (refusal.kind, refusal.faults[0].pointer) == ("invalid-act", "/fields/text")


# The end


def test_who_asked_a_question_may_close_and_who_was_asked_may_not(world: World) -> None:
    id = world.open(N, NOTE)
    world.keep(C, act("clarification-request"), id)
    refusal = refused(world.keep(N, act("closure"), id, seen=True))
    assert (refusal.faults[0].pointer, str(refusal.faults[0].detail).partition(" ")[0]) == (
        "/act",
        "china",
    )
    world.keep(C, act("closure"), id, seen=True)
    assert set(world.exchange(id).closures) == {"china"}


def test_a_side_closes_it_once() -> None:
    world = World(sides=THREE)
    id = world.open(N, NOTE)
    world.keep(CD, act("closure"), id, seen=True)
    refusal = refused(world.keep(C, act("closure"), id, seen=True))
    assert (
        refusal.faults[0].pointer,
        "nothing more is needed" in str(refusal.faults[0].detail),
    ) == (
        "/act",
        True,
    )
    closures = world.exchange(id).closures
    assert {side: closure.closed.by for side, closure in closures.items()} == {"china": CD}


def test_a_cancellation_says_when_by_whom_and_why(world: World) -> None:
    id = world.open(N, NOTE)
    world.keep(NH, {"act": "cancellation", "reason": "Sent in error."}, id, seen=True)
    cancellation = world.exchange(id).cancellation
    assert cancellation is not None
    assert (cancellation.cancelled.by, cancellation.reason) == (NH, "Sent in error.")


def test_a_status_that_may_not_follow_is_refused_with_those_that_may(world: World) -> None:
    id = world.open(N, SAMPLES["people-programme"])
    refusal = refused(world.keep(N, act("status-change", status="running"), id))
    assert str(refusal.faults[0].detail).endswith("what may follow: dropped")
    world.keep(C, act("agreement"), id, seen=True)
    refusal = refused(world.keep(N, act("status-change", status="completed"), id))
    assert str(refusal.faults[0].detail).endswith("what may follow: running, dropped")


def test_what_is_kept_stands_with_its_own_bytes_and_without_its_name(world: World) -> None:
    id = world.open(N, NOTE)
    world.keep(C, act("reply"), id)
    (kept,) = world.exchange(id).acts["reply"]
    assert {name: msgspec.json.decode(value) for name, value in kept.content.items()} == {
        name: value for name, value in SAMPLES["reply"].items() if name != "act"
    }
    assert kept.id == world.exchange(id).messages[1].id

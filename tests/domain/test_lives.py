"""The lives of the formats: what opens, what follows, and where it ends."""

from typing import Any

import pytest
from msgspec import UNSET

from dragoman.domain.acts.families.exchange import owes_answer
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal
from lives import CD, CH, LIVES, ND, NH, C, N
from samples import SAMPLES, act
from world import World, refused


@pytest.mark.parametrize("life", LIVES)
def test_the_life_of(life: str, world: World) -> None:
    (opener, opening, begins), *steps = LIVES[life]
    id = world.open(opener, act(opening) if isinstance(opening, str) else opening)
    assert world.exchange(id).status == begins
    for actor, step, status in steps:
        body = act(step) if isinstance(step, str) else step
        kept = world.keep(actor, body, id, seen=True)
        assert isinstance(kept, Folded) and kept.valid, (body["act"], kept)
        assert world.exchange(id).status == status, body["act"]


def open_(world: World, name: str, actor: str = N, **changes: Any) -> str:
    return world.open(actor, act(name, **changes))


def test_no_status_is_skipped_by_a_status_change(world: World) -> None:
    id = open_(world, "roadmap-item")
    assert (
        refused(world.keep(N, act("status-change", status="deliverable_tabled", text="A."), id))
        .faults[0]
        .pointer
        == "/status"
    )
    assert world.exchange(id).status == "proposed"


def test_who_named_the_windows_is_not_the_one_to_accept_them(world: World) -> None:
    id = open_(world, "meeting-request")
    assert owes_answer(world.exchange(id)) == {"china"}
    world.keep(C, act("counter-proposal"), id)
    assert owes_answer(world.exchange(id)) == {"nato"}
    assert refused(world.keep(C, act("acceptance"), id, seen=True)).kind == "not-permitted"


def test_two_versions_of_an_agenda_stand_until_one_is_agreed(world: World) -> None:
    id = open_(world, "meeting-request")
    world.keep(C, act("agenda"), id)
    meeting = world.exchange(id).meeting
    assert meeting is not None
    assert meeting.agenda is UNSET
    assert set(meeting.agendas) == {"china"}
    world.keep(C, act("agenda-agreement"), id, seen=True)
    meeting = world.exchange(id).meeting
    assert meeting is not None
    assert meeting.agenda == meeting.agendas["nato"] == meeting.agendas["china"]


def test_an_exchange_with_an_open_question_is_not_closed_by_who_was_asked(world: World) -> None:
    id = open_(world, "military-activity")
    world.keep(C, act("clarification-request"), id)
    assert "has asked a question" in str(
        refused(world.keep(N, act("closure"), id, seen=True)).faults[0].detail
    )
    world.keep(N, act("reply"), id)
    assert isinstance(world.keep(N, act("closure"), id, seen=True), Folded)


def test_what_an_update_makes_known_stands_in_the_opening(world: World) -> None:
    id = open_(world, "hazardous-incident", ND)
    world.keep(ND, act("update"), id)
    exchange = world.exchange(id)
    assert (
        bytes(exchange.content["cause_established"])
        == b'"Both were on the same frequency but in different languages."'
    )
    assert exchange.corrections == ()
    assert refused(world.keep(ND, {"act": "update"}, id)).faults[0].pointer == "/text"


def test_unknown_is_never_zero(world: World) -> None:
    body = {
        name: value
        for name, value in SAMPLES["hazardous-incident"].items()
        if name in ("act", "kind", "time", "place", "facts")
    }
    exchange = world.exchange(world.open(ND, body))
    assert bytes(exchange.defaults["casualties"]) == b'"unknown"'
    told = world.exchange(world.open(ND, {**body, "casualties": 0}))
    assert bytes(told.content["casualties"]) == b"0"
    assert "casualties" not in told.defaults


def test_only_the_other_side_agrees_to_a_translation_or_disputes_it(world: World) -> None:
    id = open_(world, "contact-note")
    world.keep(N, act("translation"), id)
    (translation,) = world.exchange(id).acts["translation"]
    assert (
        refused(world.keep(N, act("translation-agreement", of=translation.id), id, seen=True))
        .faults[0]
        .pointer
        == "/of"
    )
    assert (
        refused(world.keep(C, act("translation-agreement"), id, seen=True)).faults[0].pointer
        == "/of"
    )
    assert isinstance(world.keep(C, act("translation-dispute", of=translation.id), id), Folded)


@pytest.mark.parametrize(
    ("name", "actor", "change", "pointer"),
    [
        ("line-check", ND, {"side": "nato"}, "/side"),
        ("point-of-contact", NH, {"valid_to": "2026-11-01T00:00Z"}, "/valid_to"),
        (
            "point-of-contact",
            NH,
            {"hours": {"days": ["mon"], "from": "08:00", "to": "18:00", "zone": "Mars/Olympus"}},
            "/hours/zone",
        ),
        ("point-of-contact", NH, {"channels": ["telephone", "telephone"]}, "/channels"),
        ("call-record", N, {"posts": {"mars": "x"}}, "/posts/mars"),
        ("liaison-office", NH, {"status": "open"}, "/status"),
        ("liaison-office", NH, {"holidays": ["2027-02-30"]}, "/holidays/0"),
        ("people-programme", N, {"host": "mars"}, "/host"),
        (
            "call-request",
            NH,
            {"windows": [{"from": "2026-12-01T10:00Z", "to": "2026-12-01T08:00Z"}]},
            "/windows/0",
        ),
        (
            "visit-invitation",
            N,
            {"dates": {"from": "2026-12-32T10:00Z", "to": "2026-12-01T08:00Z"}},
            "/dates",
        ),
        (
            "military-activity",
            N,
            {
                "phases": [
                    {
                        "name": "x",
                        "window": {"from": "2027-01-02T00:00Z", "to": "2027-01-01T00:00Z"},
                    }
                ]
            },
            "/phases/0/window",
        ),
        ("explanation-request", NH, {"bring_in": ["mars"]}, "/bring_in/0"),
        ("encounter-report", N, {"place": {"lat": 1}}, "/place"),
        ("danger-area", N, {"place": {}}, "/place"),
        ("humanitarian-notification", N, {"kind": "site"}, "/place"),
        ("annual-exchange", NH, {"nil_return": True}, "/nil_return"),
        ("annual-exchange", NH, {"as_of": "2026-02-29"}, "/as_of"),
        ("roadmap-item", N, {"owners": {"mars": "x"}}, "/owners/mars"),
        ("contact-note", N, {"acting_for": "nobody"}, "/acting_for"),
        (
            "contact-note",
            N,
            {"passed_by": {"means": "voice", "at": "2026-02-30T00:00Z", "to_post": "x"}},
            "/passed_by/at",
        ),
    ],
)
def test_what_does_not_hold_together_is_pointed_at(
    name: str, actor: str, change: dict[str, Any], pointer: str, world: World
) -> None:
    body = act(name, **change)
    refusal = world.decide(actor, body, released_by=world.second(actor, body))
    assert isinstance(refusal, Refusal)
    assert refusal.faults[0].pointer == pointer


def test_a_launch_without_a_time_and_a_document_without_a_place_are_pointed_at(
    world: World,
) -> None:
    for name, left_out, pointer in (
        ("launch-notice", "window", "/window"),
        ("reference-document", "published", "/published"),
    ):
        body = {key: value for key, value in SAMPLES[name].items() if key != left_out}
        assert (
            refused(world.decide(N, body, released_by=world.second(N, body))).faults[0].pointer
            == pointer
        )


@pytest.mark.parametrize(
    "name",
    [
        "line-check",
        "point-of-contact",
        "explanation-request",
        "annual-exchange",
        "emergency-notification",
    ],
)
def test_what_asks_for_a_post_is_not_for_every_officer(name: str, world: World) -> None:
    assert refused(world.decide(N, act(name))).kind == "not-permitted"


def test_a_desk_channel_is_for_the_own_desk_and_no_other_channel_is() -> None:
    desk = World(sides=("nato",), name="nato-desk", kind="desk")
    id = desk.open(N, act("tasking"))
    assert isinstance(desk.keep(N, act("seen-by"), id), Folded)
    assert refused(desk.decide(N, act("contact-note"))).faults[0].pointer == "/act"
    assert refused(World().decide(N, act("tasking"))).faults[0].pointer == "/act"
    asked = desk.open(N, act("instruction-request"))
    desk.keep(NH, act("instruction"), asked)
    assert desk.exchange(asked).status == "instructed"


def test_in_a_channel_of_three_each_acknowledges_for_itself() -> None:
    world = World(sides=("nato", "china", "mars"))
    id = world.open(N, act("military-activity"))
    world.keep(CD, act("acknowledgement"), id)
    assert world.exchange(id).status == "notified"
    world.keep("mars/d-1", act("acknowledgement"), id)
    assert world.exchange(id).status == "acknowledged"


# Keys


def test_a_two_key_act_of_one_officer_says_where_to_draft_it(world: World) -> None:
    refusal = refused(world.decide(NH, act("explanation-request")))
    assert (refusal.kind, "/drafts" in str(refusal.detail)) == ("second-key-required", True)


@pytest.mark.parametrize(
    ("second", "kind"),
    [(NH, "second-key-required"), (CH, "second-key-required"), ("nato/a-1", "not-permitted")],
)
def test_the_second_key_is_another_officers_of_the_same_side(
    second: str, kind: str, world: World
) -> None:
    assert refused(world.decide(NH, act("explanation-request"), released_by=second)).kind == kind


def test_the_role_is_held_by_one_of_the_two(world: World) -> None:
    assert isinstance(world.decide(N, act("explanation-request"), released_by=NH), Record)
    assert isinstance(world.decide(NH, act("explanation-request"), released_by=N), Record)
    assert (
        refused(world.decide(N, act("explanation-request"), released_by=ND)).kind == "not-permitted"
    )


def test_a_one_key_act_has_no_second_officer(world: World) -> None:
    assert refused(world.decide(N, act("contact-note"), released_by=NH)).kind == "void"


def test_who_released_stands_with_the_exchange(world: World) -> None:
    kept = world.keep(N, act("military-activity"), released_by=NH)
    assert isinstance(kept, Folded) and kept.record is not None
    exchange = world.exchange(kept.record.envelope.id)
    assert (exchange.released_by, exchange.one_key) == (NH, ())
    assert (
        refused(world.keep(NH, act("second-key", of=exchange.id), exchange.id)).faults[0].pointer
        == "/of"
    )


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("launch-notice", {"phase": "deviation"}),
        ("terrorism-warning", {"imminent": True}),
        ("point-of-contact", {"duty_number_dead": True}),
    ],
)
def test_what_is_urgent_goes_on_one_key_and_the_second_follows(
    name: str, change: dict[str, Any], world: World
) -> None:
    assert refused(world.decide(N, act(name, **change))).kind in (
        "second-key-required",
        "not-permitted",
    )
    kept = world.keep(ND, act(name, **change))
    assert isinstance(kept, Folded) and kept.record is not None
    id = kept.record.envelope.id
    assert world.exchange(id).one_key
    assert refused(world.keep(ND, act("second-key", of=id), id)).faults[0].pointer == "/of"
    assert refused(world.keep(CH, act("second-key", of=id), id)).faults[0].pointer == "/of"
    world.keep(NH, act("second-key", of=id), id)
    second = world.exchange(id).one_key[0].second
    assert second is not None
    assert second.by == NH
    assert refused(world.keep(NH, act("second-key", of=id), id)).faults[0].pointer == "/of"

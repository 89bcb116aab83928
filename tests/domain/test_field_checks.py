"""Several members of an act are checked together. Each act that has times, places, windows or sides
is refused if these do not fit each other.
"""

from typing import Any

import pytest
from msgspec import UNSET

from dragoman.domain.acts import deadlines, field_checks
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import Record
from dragoman_schemas.fields import Window
from samples import SAMPLES, act
from world import NOTE, World, refused

N, C, NH, CH, ND, CD = "nato/o-1", "china/o-1", "nato/h-1", "china/h-1", "nato/d-1", "china/d-1"
NEVER = "2026-02-30T00:00Z"
BACKWARDS = {"from": "2026-12-01T10:00Z", "to": "2026-12-01T08:00Z"}
NOWHERE: dict[str, Any] = {}
HALF = {"lat": 1}


@pytest.mark.parametrize(
    ("name", "actor", "change", "pointer"),
    [
        ("contact-note", N, {"reply_wanted_by": NEVER}, "/reply_wanted_by"),
        ("contact-note", N, {"dtg": NEVER}, "/dtg"),
        ("point-of-contact", NH, {"valid_from": NEVER}, "/valid_from"),
        ("point-of-contact", NH, {"valid_to": NEVER}, "/valid_to"),
        (
            "point-of-contact",
            NH,
            {"hours": {"days": ["mon", "mon"], "from": "08:00", "to": "18:00", "zone": "UTC"}},
            "/hours/days",
        ),
        ("call-record", N, {"began": "2026-11-24T06:20Z", "ended": "2026-11-24T06:10Z"}, "/ended"),
        ("liaison-office", NH, {"side": "mars"}, "/side"),
        (
            "liaison-office",
            NH,
            {"hours": {"days": ["mon"], "from": "08:00", "to": "18:00", "zone": "Nowhere"}},
            "/hours/zone",
        ),
        ("liaison-office", NH, {"holidays": ["2027-02-06", "2027-02-30"]}, "/holidays/1"),
        ("liaison-office", NH, {"status": "agreed"}, "/status"),
        ("people-programme", N, {"period": BACKWARDS}, "/period"),
        ("meeting-request", N, {"host": "mars"}, "/host"),
        ("visit-invitation", N, {"place": HALF}, "/place"),
        ("visit-invitation", N, {"dates": BACKWARDS}, "/dates"),
        ("military-activity", N, {"window": BACKWARDS}, "/window"),
        ("military-activity", N, {"place": NOWHERE}, "/place"),
        ("military-activity", N, {"decided_at": NEVER}, "/decided_at"),
        (
            "military-activity",
            N,
            {
                "phases": [
                    {
                        "name": "x",
                        "place": HALF,
                        "window": {"from": "2027-01-10T00:00Z", "to": "2027-01-11T00:00Z"},
                    }
                ]
            },
            "/phases/0/place",
        ),
        ("explanation-request", NH, {"place": HALF}, "/place"),
        ("explanation-request", NH, {"since": NEVER}, "/since"),
        ("explanation-request", NH, {"bring_in": ["china", "mars"]}, "/bring_in/1"),
        ("hazardous-incident", ND, {"time": NEVER}, "/time"),
        ("hazardous-incident", ND, {"time": {"about": NEVER}}, "/time"),
        ("hazardous-incident", ND, {"known_at": NEVER}, "/known_at"),
        ("hazardous-incident", ND, {"next_update": NEVER}, "/next_update"),
        ("launch-notice", N, {"window": BACKWARDS}, "/window"),
        ("launch-notice", N, {"time": NEVER}, "/time"),
        ("launch-notice", N, {"launch_area": HALF}, "/launch_area"),
        ("launch-notice", N, {"impact_areas": ["sea", HALF]}, "/impact_areas/1"),
        ("launch-notice", N, {"dropping_zones": [HALF]}, "/dropping_zones/0"),
        ("encounter-report", N, {"time": NEVER}, "/time"),
        ("danger-area", N, {"window": BACKWARDS}, "/window"),
        ("immediate-notification", ND, {"time": NEVER}, "/time"),
        ("emergency-notification", ND, {"time": NEVER}, "/time"),
        ("emergency-notification", ND, {"next_update": NEVER}, "/next_update"),
        ("emergency-notification", ND, {"place": HALF}, "/place"),
        ("terrorism-warning", N, {"place": HALF}, "/place"),
        ("terrorism-warning", N, {"window": BACKWARDS}, "/window"),
        ("humanitarian-notification", N, {"window": BACKWARDS}, "/window"),
        ("humanitarian-notification", N, {"place": HALF}, "/place"),
        ("humanitarian-notification", N, {"route": ["Port", HALF]}, "/route/1"),
        ("humanitarian-notification", N, {"departure": NEVER}, "/departure"),
        ("humanitarian-notification", N, {"arrival": NEVER}, "/arrival"),
        ("annual-exchange", NH, {"changed_at": NEVER}, "/changed_at"),
        ("ict-inquiry", N, {"time": NEVER}, "/time"),
        ("roadmap-item", N, {"period": BACKWARDS}, "/period"),
        ("roadmap-item", N, {"host": "mars"}, "/host"),
        ("reference-document", N, {"date": "2026-02-30"}, "/date"),
        ("contact-note", N, {"to": ["china"], "info": ["mars"]}, "/info/0"),
        ("contact-note", N, {"on_behalf_of": ["mars"]}, "/on_behalf_of/0"),
    ],
)
def test_an_opening_that_does_not_hold_together_is_refused_where_it_does_not(
    name: str, actor: str, change: dict[str, Any], pointer: str, world: World
) -> None:
    body = act(name, **change)
    refusal = refused(world.decide(actor, body, released_by=world.second(actor, body)))
    assert [fault.pointer for fault in refusal.faults] == [pointer]


def without(name: str, *members: str) -> dict[str, Any]:
    return {key: value for key, value in SAMPLES[name].items() if key not in members}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (without("humanitarian-notification", "route"), "/route"),
        (without("humanitarian-notification", "departure"), "/departure"),
        (without("annual-exchange", "file", "totals"), "/nil_return"),
        (without("launch-notice", "window"), "/window"),
        (without("reference-document", "published", "sha256"), "/published"),
    ],
)
def test_what_a_kind_of_message_needs_is_missed_by_name(
    body: dict[str, Any], pointer: str, world: World
) -> None:
    actor = NH if body["act"] == "annual-exchange" else N
    assert (
        refused(world.decide(actor, body, released_by=world.second(actor, body))).faults[0].pointer
        == pointer
    )


def test_what_a_movement_needs_is_named_together(world: World) -> None:
    (fault,) = refused(world.decide(N, without("humanitarian-notification", "route"))).faults
    assert str(fault.detail) == "a movement has route and departure; give route"
    (fault,) = refused(
        world.decide(N, without("humanitarian-notification", "route", "place") | {"kind": "site"})
    ).faults
    assert str(fault.detail) == "a site has place; give place"


@pytest.mark.parametrize(
    "body",
    [
        without("humanitarian-notification", "route", "departure", "arrival")
        | {"kind": "site", "place": "Camp"},
        without("annual-exchange", "file", "totals") | {"nil_return": True},
        without("annual-exchange", "file"),
        without("annual-exchange", "totals"),
        without("launch-notice", "window") | {"time": "2026-12-05T00:00Z"},
        without("reference-document", "published") | {"sha256": "5d" * 32},
        act("liaison-office", status="open", for_the_record=True),
        act("people-programme", period={"from": "2027-03-01T00:00Z", "to": "2027-03-01T00:00Z"}),
        act("contact-note", on_behalf_of=["nato", "china"]),
        act("terrorism-warning", window={"from": "2026-12-01T08:00Z", "to": "2026-12-01T10:00Z"}),
    ],
)
def test_what_holds_together_is_taken(body: dict[str, Any], world: World) -> None:
    assert isinstance(world.decide(NH, body, released_by=world.second(NH, body)), Record)


@pytest.mark.parametrize(
    ("opening", "opener", "body", "actor", "pointer"),
    [
        ("contact-note", N, act("interim-reply", next_word_by=NEVER), C, "/next_word_by"),
        ("contact-note", N, act("reply", dtg=NEVER), C, "/dtg"),
        ("contact-note", N, act("reply", acting_for="nobody"), C, "/acting_for"),
        (
            "contact-note",
            N,
            act("reply", passed_by={"means": "voice", "at": NEVER, "to_post": "x"}),
            C,
            "/passed_by/at",
        ),
        (
            "contact-note",
            N,
            act(
                "reply",
                answers=[{"q": 1, "text": "a"}, {"q": 2, "text": "b"}, {"q": 1, "text": "c"}],
            ),
            C,
            "/answers/2/q",
        ),
        ("contact-note", N, act("call-attempt", at=NEVER), ND, "/at"),
        ("contact-note", N, act("call-attempt", side="mars"), ND, "/side"),
        (
            "contact-note",
            N,
            act("translation", of="0192f3a4-5b6c-7d8e-8f90-a1b2c3d4e5f8"),
            N,
            "/of",
        ),
        ("contact-note", N, act("translation-dispute"), C, "/of"),
        ("contact-note", N, act("update", next_update=NEVER), N, "/next_update"),
        ("contact-note", N, act("update", as_of=NEVER), N, "/as_of"),
        ("meeting-request", N, act("non-attendance", side="mars"), N, "/side"),
        ("meeting-request", N, act("counter-proposal", windows=[BACKWARDS]), C, "/windows/0"),
        ("meeting-request", N, act("postponement", windows=[BACKWARDS]), C, "/windows/0"),
        ("hazardous-incident", ND, act("counter-account", time=NEVER), C, "/time"),
        ("hazardous-incident", ND, act("counter-account", place=HALF), C, "/place"),
        ("hazardous-incident", ND, act("contained", at=NEVER), ND, "/at"),
        ("military-activity", N, act("after-activity-report", ended_at=NEVER), N, "/ended_at"),
        ("danger-area", N, act("all-clear", cleared_at=NEVER), ND, "/cleared_at"),
        ("emergency-notification", ND, act("ended", ended_at=NEVER), ND, "/ended_at"),
        ("line-check", ND, {"act": "echo", "designator": 5}, CD, "/text"),
        ("line-check", ND, {"act": "echo", "designator": 5, "text": "x"}, CD, "/text"),
        ("line-check", ND, {"act": "echo"}, CD, "/text"),
        ("immediate-notification", ND, {"act": "echo", "text": "x"}, CD, "/designator"),
        ("immediate-notification", ND, {"act": "echo"}, CD, "/designator"),
        ("perception", N, act("fairness"), N, "/act"),
        ("recommendation", N, act("endorsement", paragraph=1), C, "/paragraph"),
        ("joint-report", N, act("endorsement", paragraph=3), C, "/paragraph"),
        ("joint-report", N, act("dissent", paragraph=3), C, "/paragraph"),
        (
            "encounter-report",
            N,
            {"act": "counter-account", "facts": "x", "time": NEVER},
            C,
            "/time",
        ),
        (
            "hazardous-incident",
            ND,
            {"act": "counter-account", "facts": "x", "known_at": NEVER},
            C,
            "/known_at",
        ),
        (
            "hazardous-incident",
            ND,
            {"act": "counter-account", "facts": "x", "next_update": NEVER},
            C,
            "/next_update",
        ),
        ("call-record", N, {"act": "counter-account", "facts": "x", "began": NEVER}, C, "/began"),
        ("call-record", N, {"act": "counter-account", "facts": "x", "ended": NEVER}, C, "/ended"),
        (
            "call-record",
            N,
            {"act": "counter-account", "facts": "x", "posts": {"mars": "x"}},
            C,
            "/posts/mars",
        ),
        (
            "call-record",
            N,
            {"act": "counter-account", "facts": "x", "casualties": 0},
            C,
            "/casualties",
        ),
        (
            "hazardous-incident",
            ND,
            {"act": "counter-account", "facts": "x", "cpa": "unknown"},
            C,
            "/cpa",
        ),
        (
            "encounter-report",
            N,
            {"act": "counter-account", "facts": "x", "interpreter": True},
            C,
            "/interpreter",
        ),
        (
            "contact-note",
            N,
            act("reply", passed_by={"means": "voice", "at": "2027-01-01T00:00Z", "to_post": "x"}),
            C,
            "/passed_by/at",
        ),
    ],
)
def test_what_carries_on_and_does_not_hold_together_is_refused_where_it_does_not(
    opening: str, opener: str, body: dict[str, Any], actor: str, pointer: str, world: World
) -> None:
    id = world.open(opener, act(opening))
    assert [fault.pointer for fault in refused(world.keep(actor, body, id, seen=True)).faults] == [
        pointer
    ]


def test_a_desks_task_is_for_its_own_officers_and_due_at_a_time_that_there_is() -> None:
    desk = World(sides=("nato",), name="nato-desk", kind="desk")
    assert (
        refused(desk.decide(N, act("tasking", officers=["o-1", "nobody"]))).faults[0].pointer
        == "/officers/1"
    )
    assert refused(desk.decide(N, act("tasking", due=NEVER))).faults[0].pointer == "/due"
    assert (
        refused(desk.decide(N, act("instruction-request", wanted_by=NEVER))).faults[0].pointer
        == "/wanted_by"
    )
    id = desk.open(N, act("tasking"))
    assert (
        refused(desk.decide(N, act("seen-by", officers=["nobody"]), id)).faults[0].pointer
        == "/officers/0"
    )


def test_the_same_file_is_attached_once(world: World) -> None:
    one, other = (
        {"sha256": digit * 64, "media_type": "text/plain", "bytes": 1, "title": "x"}
        for digit in "ab"
    )
    assert isinstance(world.decide(N, act("contact-note", attachments=[one, other])), Record)
    refusal = refused(world.decide(N, act("contact-note", attachments=[one, other, one])))
    assert refusal.faults[0].pointer == "/attachments/2/sha256"


def test_who_stands_in_for_an_officer_names_one_of_the_own_side(world: World) -> None:
    assert isinstance(world.decide(N, act("contact-note", acting_for="h-1")), Record)
    world.keep(
        "china/root", {"act": "officer", "officer": "o-7", "office": "hq", "roles": ["officer"]}
    )
    assert (
        refused(world.decide(N, act("contact-note", acting_for="o-7"))).faults[0].pointer
        == "/acting_for"
    )


ENDS_OF_TIME = ["0001-01-01T00:00+14:00", "9999-12-31T23:59:59-12:00"]


@pytest.mark.parametrize("text", ENDS_OF_TIME)
@pytest.mark.parametrize(
    ("actor", "name", "field"),
    [
        ("nato/d-1", "hazardous-incident", "next_update"),
        (N, "danger-area", "window"),
        (N, "visit-invitation", "dates"),
        (N, "meeting-request", "windows"),
    ],
)
def test_no_time_is_taken_that_clocks_cannot_reckon_with(
    world: World, actor: str, name: str, field: str, text: str
) -> None:
    window = {"from": text, "to": text}
    value = {"next_update": text, "windows": [window]}.get(field, window)
    assert (
        refused(world.decide(actor, act(name, **{field: value})))
        .faults[0]
        .pointer.startswith(f"/{field}")
    )


@pytest.mark.parametrize("text", ["1000-01-01T00:00+14:00", "9000-12-31T23:59:59-12:00"])
def test_clocks_reckon_with_every_time_that_is_taken(world: World, text: str) -> None:
    assert field_checks.moment(text) is not None
    window = {"from": text, "to": text}
    for actor, post in (
        ("nato/d-1", act("hazardous-incident", next_update=text)),
        (N, act("danger-area", window=window)),
        (N, act("visit-invitation", dates=window)),
        (N, act("meeting-request", windows=[window])),
    ):
        exchange = world.exchange(world.open(actor, post))
        assert deadlines.deadlines_of(world.registry, exchange, {})


# The checks themselves


def test_a_window_may_be_an_instant_and_does_not_end_before_it_begins() -> None:
    assert (
        field_checks.window("/w", Window(from_="2026-12-01T10:00Z", to="2026-12-01T18:00+08:00"))
        is None
    )
    assert (
        field_checks.window("/w", Window(from_="2026-12-01T10:00Z", to="2026-12-01T17:59+08:00"))
        is not None
    )
    for one, other in ((NEVER, "2026-12-01T10:00Z"), ("2026-12-01T10:00Z", NEVER)):
        refusal = field_checks.window("/w", Window(from_=one, to=other))
        assert refusal is not None
        assert "is not a valid time" in str(refusal.faults[0].detail)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("two words", 2),
        ("两机接近", 2),
        ("两机接", 2),
        ("两 and 机", 2),
        ({"en": "one two three", "zh": "两机"}, 3),
        ({"en": "one", "zh": "两机接近两机接近"}, 4),
        ("𠀀𠀁", 1),
        ("㐀㐁豈更", 2),
    ],
)
def test_words_are_counted_and_two_han_characters_are_one(text: Any, count: int) -> None:
    assert field_checks.words(text) == count


def test_a_flash_may_say_200_words_in_its_text_and_in_its_facts(world: World) -> None:
    for name in ("text", "facts"):
        assert isinstance(
            world.decide(ND, act("hazardous-incident", **{name: "word " * 200})), Record
        )
        assert (
            refused(world.decide(ND, act("hazardous-incident", **{name: "word " * 201})))
            .faults[0]
            .pointer
            == f"/{name}"
        )
        assert (
            refused(world.decide(ND, act("hazardous-incident", **{name: "a " * 201})))
            .faults[0]
            .pointer
            == f"/{name}"
        )
    assert isinstance(world.decide(N, {**NOTE, "text": "word " * 201}), Record), (
        "routine may be longer"
    )
    assert (
        refused(world.decide(N, {**NOTE, "text": "word " * 201, "precedence": "immediate"}))
        .faults[0]
        .pointer
        == "/text"
    )


def test_every_member_is_looked_at_after_one_that_is_not_there_or_short() -> None:
    late, long = (
        field_checks.times(one=UNSET, other=NEVER),
        field_checks.brief(one="short", other="word " * 201),
    )
    assert late is not None and long is not None
    assert (late.faults[0].pointer, long.faults[0].pointer) == ("/other", "/other")


def test_no_text_has_no_words() -> None:
    assert field_checks.words(UNSET) == 0


def test_the_original_is_one_of_the_versions(world: World) -> None:
    for text, original, taken in (
        ({"en": "a", "zh": "b"}, "zh", True),
        ({"en": "a"}, "zh", False),
        ("a", "en", False),
    ):
        assert (
            isinstance(world.decide(N, act("contact-note", text=text, original=original)), Record)
            == taken
        )


@pytest.mark.parametrize(
    ("place", "holds"),
    [
        ({"lat": 1, "lon": 2}, True),
        ({"lon": 2}, False),
        ({"polygon": [{"lat": 1, "lon": 1}, {"lat": 1, "lon": 2}, {"lat": 2, "lon": 2}]}, True),
        ({"circle": {"pos": {"lat": 1, "lon": 1}, "radius": {"value": 5, "unit": "m"}}}, True),
        ({"circle": {"pos": {"lat": 1, "lon": 1}, "radius": {"value": 2_699, "unit": "nm"}}}, True),
        (
            {"circle": {"pos": {"lat": 1, "lon": 1}, "radius": {"value": 2_700, "unit": "nm"}}},
            False,
        ),
        (
            {
                "polygon": [{"lat": 1, "lon": 1}, {"lat": 1, "lon": 2}, {"lat": 2, "lon": 2}],
                "circle": {"pos": {"lat": 1, "lon": 1}, "radius": {"value": 5, "unit": "m"}},
            },
            False,
        ),
        ({"text": "off the cape"}, True),
        ({"name": "Cape"}, True),
        ({"names": {"nato": "Cape"}}, True),
        ({}, False),
        ("off the cape", True),
    ],
)
def test_a_place_is_a_point_an_area_or_words(place: Any, *, holds: bool, world: World) -> None:
    assert isinstance(world.decide(ND, act("hazardous-incident", place=place)), Record) == holds


def test_hours_are_on_days_that_are_named_once_in_a_zone_that_there_is(world: World) -> None:
    kept = world.keep(
        NH,
        act(
            "liaison-office",
            side="nato",
            hours={"days": ["mon", "tue"], "from": "08:00", "to": "18:00", "zone": "Asia/Shanghai"},
        ),
    )
    assert isinstance(kept, Folded)

"""No list of kinds is complete: each has `other`, with words for what it is. One event may have
several places.
"""

from typing import Any

import msgspec
import pytest

from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.fold import Folded
from dragoman.domain.views.audit_findings import of_record
from dragoman.domain.views.titles import title_of
from dragoman.i18n.words import words
from dragoman.interop.cap import alert
from dragoman.interop.cap_reader import read
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.fields import OTHER, PassedBy, words_members
from samples import act
from world import World, refused

KINDS = ("kind", "nature", "hazard", "threat", "target", "affected", "form", "type")
OPENINGS = [
    (name, member)
    for name, shape in SHAPES.items()
    for member in words_members(shape)
    if name in FORMATS
]


def item_kind(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    """The kind of the items of a list, and any other kind itself."""
    bare = kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind
    return bare.item_type if isinstance(bare, msgspec.inspect.VarTupleType) else bare


def choices(shape: type) -> dict[str, set[str]]:
    """The members of a shape that are a choice, with what may be chosen."""
    info = msgspec.inspect.type_info(shape)
    assert isinstance(info, msgspec.inspect.StructType)
    found = {}
    for member in info.fields:
        kinds = (
            member.type.types
            if isinstance(member.type, msgspec.inspect.UnionType)
            else (member.type,)
        )
        for kind in map(item_kind, kinds):
            if isinstance(kind, msgspec.inspect.LiteralType):
                found[member.encode_name] = {str(value) for value in kind.values}
    return found


@pytest.mark.parametrize("name", [*SHAPES, "passed_by"])
def test_wherever_other_may_be_chosen_there_is_a_member_for_the_words(name: str) -> None:
    shape = SHAPES.get(name, PassedBy)
    for member, values in choices(shape).items():
        if OTHER in values:
            assert member in words_members(shape), f"{name} has no words for {member}"


@pytest.mark.parametrize(
    "name",
    [
        *("hazardous-incident", "emergency-notification", "danger-area", "military-activity"),
        *("terrorism-warning", "annual-exchange", "ict-inquiry", "contact-note"),
        *("people-programme", "visit-request", "visit-invitation", "meeting-request"),
    ],
)
def test_each_list_of_kinds_has_other(name: str) -> None:
    lists = [member for member in choices(SHAPES[name]) if member in KINDS]
    assert lists
    assert all(OTHER in choices(SHAPES[name])[member] for member in lists)


@pytest.mark.parametrize(("name", "member"), OPENINGS)
def test_other_needs_words_in_every_format(name: str, member: str) -> None:
    world = World()
    actor = "nato/h-1"
    several = isinstance(act(name).get(member), list)
    body = act(name) | {member: ["telephone", OTHER] if several else OTHER}
    body.pop(f"{member}_text", None)
    refusal = refused(world.decide(actor, body, released_by=world.second(actor, body)))
    assert [fault.pointer for fault in refusal.faults] == [f"/{member}_text"]
    world.open(actor, body | {f"{member}_text": {"en": "Ice jam", "zh": "冰坝"}})


def test_other_means_of_contact_need_words_wherever_they_are_named() -> None:
    world = World()
    id = world.open("nato/d-1", act("hazardous-incident"))
    words_of = {"means_text": {"en": "Through the port agent", "zh": "经港口代理"}}
    attempt = act("call-attempt") | {"means": OTHER}
    refusal = refused(world.keep("nato/d-1", attempt, id))
    assert [fault.pointer for fault in refusal.faults] == ["/means_text"]
    assert isinstance(world.keep("nato/d-1", attempt | words_of, id), Folded)
    passed = {"means": OTHER, "at": "2026-11-24T03:00Z", "to_post": "Watch"}
    reply = {"act": "reply", "text": "Read."}
    refusal = refused(world.keep("china/d-1", reply | {"passed_by": passed}, id))
    assert [fault.pointer for fault in refusal.faults] == ["/passed_by/means_text"]
    folded = world.keep("china/d-1", reply | {"passed_by": passed | words_of}, id)
    assert isinstance(folded, Folded) and folded.record is not None
    (finding,) = of_record(folded.position, folded.record, world.exchange(id))
    assert "经港口代理" in words("zh").sentence(finding.detail)


@pytest.mark.parametrize(
    ("name", "change", "en", "zh"),
    [
        ("hazardous-incident", {"kind": "other"}, "Ice jam", "冰坝"),
        ("emergency-notification", {"nature": "other"}, "Ice jam", "冰坝"),
        ("danger-area", {"hazard": "other"}, "Ice jam", "冰坝"),
        ("annual-exchange", {"kind": "other"}, "Ice jam", "冰坝"),
    ],
)
def test_a_title_has_the_words_of_the_side_and_never_other(
    name: str, change: dict[str, Any], en: str, zh: str
) -> None:
    (member,) = change
    world = World()
    id = world.open(
        "nato/h-1", act(name) | change | {f"{member}_text": {"en": "Ice jam", "zh": "冰坝"}}
    )
    title = title_of(world.exchange(id))
    assert title is not None
    assert en in words("en").sentence(title) and "other" not in words("en").sentence(title)
    assert zh in words("zh").sentence(title)


def test_that_something_happened_can_be_said_before_anybody_knows_what() -> None:
    world = World()
    id = world.open("nato/d-1", act("hazardous-incident") | {"kind": "unknown"})
    title = title_of(world.exchange(id))
    assert title is not None
    assert words("en").sentence(title).startswith("Incident, kind not known yet")
    world.keep("nato/o-1", {"act": "update", "fields": {"kind": "sabotage"}}, id)
    assert b"sabotage" in bytes(world.exchange(id).content["kind"])


def test_readiness_has_no_troops_and_an_exercise_has() -> None:
    world = World()
    exercise = act("military-activity")
    exercise.pop("troops")
    second = world.second("nato/h-1", exercise)
    refusal = refused(world.decide("nato/h-1", exercise, released_by=second))
    assert refusal.faults[0].pointer == "/troops"
    world.open("nato/h-1", exercise | {"type": "air_defence_readiness"})


LEAKS = [
    {"lat": 55.55, "lon": 15.78},
    {"lat": 55.53, "lon": 15.70},
    {"lat": 54.88, "lon": 15.41},
]


@pytest.mark.parametrize("name", ["hazardous-incident", "emergency-notification"])
def test_one_event_has_several_places_in_title_alert_and_draft(name: str) -> None:
    world = World()
    kind = {"kind": "gas_leak"} if name == "hazardous-incident" else {"nature": "gas_leak"}
    id = world.open("nato/d-1", act(name) | kind | {"place": LEAKS[0], "places": LEAKS[1:]})
    exchange = world.exchange(id)
    title = title_of(exchange)
    assert title is not None and "2 further places" in words("en").sentence(title)
    xml = alert(world.registry, exchange)
    assert all(f"{leak['lat']},{leak['lon']}" in xml.decode() for leak in LEAKS)
    draft = read(xml)
    assert (draft.act["place"], draft.act["places"]) == (LEAKS[0], LEAKS[1:])


def test_a_further_place_that_is_nowhere_is_refused() -> None:
    body = act("hazardous-incident") | {"places": [{"lat": 1}]}
    assert refused(World().decide("nato/d-1", body)).faults[0].pointer == "/places/0"

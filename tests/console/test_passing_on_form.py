"""The short forms of passing on and of people, with the least that they need."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from multidict import MultiDict, MultiDictProxy

from dragoman.console.matter.receipt_rows import posts_of
from dragoman.i18n.words import words
from dragoman.members import shapes
from dragoman.members.groups import RowsKind
from dragoman.members.kind import TypedForm, form_fields
from dragoman.members.sides import SideKind
from dragoman.office.alarm.unpassed_messages import is_listed
from dragoman.office.incidents.passing_on_page import fields_of
from dragoman_schemas.responses import PassedOnTo
from world import World

EN = words("en")
NOW = datetime(2026, 11, 24, 3, 20, 41, tzinfo=UTC)


def pressed(**fields: str) -> dict[str, str]:
    """The fields of the act that a press of the short form means."""
    form: Any = MultiDictProxy(MultiDict(fields))
    return {name: text for name, text in fields_of(form, NOW).items() if name.startswith("f.")}


def test_a_time_that_nobody_changed_is_that_of_the_press() -> None:
    page = {"at": "03:02Z", "shown": "03:02Z", "post": "Early warning"}
    assert pressed(**page) == {"f.to_post": "Early warning", "f.at": "03:20Z"}
    assert pressed(**{**page, "at": "0255"})["f.at"] == "0255"
    assert pressed(**page, confirmed="0310")["f.confirmed_at"] == "0310"


@pytest.mark.parametrize(
    ("first", "confirmed"),
    [("2026-11-24T03:02:00Z", "03:20Z"), ("2026-11-24T03:20:30Z", "2026-11-24T03:20:30Z")],
)
def test_a_confirmation_is_never_before_the_telling(first: str, confirmed: str) -> None:
    fields = pressed(confirm="Air defence", **{"told Air defence": first})
    assert fields == {"f.to_post": "Air defence", "f.at": first, "f.confirmed_at": confirmed}


def test_a_post_is_named_once_with_its_first_time_and_its_confirmation() -> None:
    first = PassedOnTo(post="Fleet", at="2026-11-24T03:00Z", said="2026-11-24T03:01Z")
    later = PassedOnTo(
        post="Fleet",
        at="2026-11-24T03:00Z",
        confirmed_at="2026-11-24T03:09Z",
        said="2026-11-24T03:10Z",
    )
    other = PassedOnTo(post="Air", at="2026-11-24T03:05Z", said="2026-11-24T03:05Z")
    merged = posts_of([first, other, later])
    assert [(post.post, post.confirmed_at) for post in merged] == [
        ("Fleet", "2026-11-24T03:09Z"),
        ("Air", ""),
    ]
    assert merged[0].said == first.said


def test_only_formats_on_a_list_make_browsers_ask_for_their_alarms() -> None:
    world = World()
    assert not is_listed(world.registry, "launch-notice")
    lists = [{"format": "launch-notice", "posts": ["Early warning"]}]
    world.keep("china/h-1", {"act": "onward-adoption", "entries": lists})
    assert is_listed(world.registry, "launch-notice")
    assert not is_listed(world.registry, "danger-area")
    world.keep("china/h-1", {"act": "onward-adoption", "entries": []})
    assert not is_listed(world.registry, "launch-notice")


def read(**fields: str) -> tuple[dict[str, Any], list[str]]:
    """The act that the form of people gives, and the fields with a fault."""
    parser = TypedForm(
        form=MultiDict(fields),
        words=EN,
        languages=("en",),
        sides=("nato", "china"),
        now=NOW,
        zone=ZoneInfo("UTC"),
    )
    act = parser.read(shapes.members("people-status"))
    return act, [fault.field for fault in parser.faults]


def test_one_kind_is_the_least_that_the_form_of_people_needs() -> None:
    act, faults = read(**{"f.as_of": "03:20Z", "f.groups.0.kind": "held"})
    assert not faults
    assert act["groups"] == [{"kind": "held", "number": "unknown"}]
    act, faults = read(**{"f.as_of": "03:20Z", "f.groups.0.number": "24"})
    assert faults == ["f.groups.0.kind"]


def test_the_side_of_people_comes_back_from_the_form() -> None:
    members = [item for item in shapes.members("people-status") if item.name == "groups"]
    rows = members[0].kind
    assert isinstance(rows, RowsKind)
    whose = next(item for item in rows.group.members if item.name == "of")
    assert whose.kind == SideKind(unknown=True, other=True)
    groups = [
        {"kind": "held", "number": 24, "of": "nato", "condition": "In good health"},
        {"kind": "missing", "number": "unknown", "of": "unknown"},
    ]
    fields = form_fields(("en",), members, {"groups": groups})
    act, faults = read(**{"f.as_of": "03:20Z"}, **dict(fields))
    assert not faults
    assert act["groups"] == groups

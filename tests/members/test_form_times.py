"""Times as forms read them: an end is in the zone and on the day of its beginning where it names
neither.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from dragoman.i18n.words import words
from dragoman.members import shapes
from dragoman.members.kind import TypedForm, form_fields


@pytest.mark.parametrize(
    ("begins", "ends", "read"),
    [
        ("7 Dec 2026 0900+01", "11:00", ("2026-12-07T08:00:00Z", "2026-12-07T10:00:00Z")),
        ("7 Dec 2026 0900+01", "11:00Z", ("2026-12-07T08:00:00Z", "2026-12-07T11:00:00Z")),
        ("7 Dec 2026 09:00", "11:00", ("2026-12-07T09:00:00Z", "2026-12-07T11:00:00Z")),
    ],
)
def test_an_end_without_a_zone_is_in_the_zone_of_its_beginning(
    begins: str, ends: str, read: tuple[str, str]
) -> None:
    typed = TypedForm(
        form={"f.window.from": begins, "f.window.to": ends},
        words=words("en"),
        languages=("en",),
        sides=("nato", "china"),
        now=datetime(2026, 11, 27, 8, tzinfo=UTC),
        zone=ZoneInfo("Europe/Brussels"),
    )
    members = [each for each in shapes.members("danger-area") if each.name == "window"]
    assert typed.read(members) == {"window": {"from": read[0], "to": read[1]}}


@pytest.mark.parametrize("unit", ["m", "km", "nm", "ft"])
def test_a_radius_keeps_the_unit_in_which_it_was_entered(unit: str) -> None:
    members = [each for each in shapes.members("danger-area") if each.name == "place"]
    written = {"f.place": "15-07N 116-26E", "f.place.radius": "2.5", "f.place.radius.unit": unit}
    sides, now = ("nato", "china"), datetime(2026, 11, 27, 8, tzinfo=UTC)
    typed = TypedForm(
        form=written,
        words=words("en"),
        languages=("en",),
        sides=sides,
        now=now,
        zone=ZoneInfo("UTC"),
    )
    place = typed.read(members)["place"]
    assert place["circle"]["radius"] == {"value": 2.5, "unit": unit}
    again = dict(form_fields(("en",), members, {"place": place}))
    assert {again[name] for name in written if name != "f.place"} == {"2.5", unit}, (
        "what was recorded is what would be typed again"
    )


@pytest.mark.parametrize(
    ("act", "name"), [("release", "publish_at"), ("public-line", "not_before")]
)
def test_what_becomes_public_may_have_a_time_to_come(act: str, name: str) -> None:
    typed = TypedForm(
        form={f"f.{name}": "10 Dec 2026 10:00Z"},
        words=words("en"),
        languages=("en",),
        sides=("nato", "china"),
        now=datetime(2026, 11, 27, 8, tzinfo=UTC),
        zone=ZoneInfo("Europe/Brussels"),
    )
    members = [each for each in shapes.members(act) if each.name == name]
    assert typed.read(members) == {name: "2026-12-10T10:00:00Z"}
    assert typed.faults == []

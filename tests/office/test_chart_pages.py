"""The chart of a channel: marks of both sides, range and bearing, parts of the earth, the past."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from office import Office
from person import Person, text_of
from samples import act
from service import INCIDENT, Caller

CHANNEL, EXERCISE = "nato-china", "nato-china-exercise"
CHART = f"/c/{CHANNEL}/chart"
HERE, THERE = {"lat": 15.0, "lon": 179.5}, {"lat": 15.0, "lon": -179.5}


@pytest.fixture(scope="module")
def made(demo: Office) -> dict[str, Any]:
    """Record an incident with two accounts, an area in force, and two places that are no figures."""
    now = datetime.now(UTC)
    window = {
        "from": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        "to": f"{now + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}",
    }
    circle = {"circle": {"pos": {"lat": 18, "lon": 178}, "radius": {"value": 60, "unit": "nm"}}}
    account = {"act": "counter-account", "facts": "Otherwise.", "place": THERE}

    async def work(nato: Caller) -> dict[str, Any]:
        china = Caller(nato.session, demo, "china/duty_officer")
        incident: Any = (await nato.open({**INCIDENT, "place": HERE}, CHANNEL)).json
        answer = await china.act(incident["exchange"], account, CHANNEL)
        assert answer.status == 201, answer.body
        area = (await china.open(act("danger-area", place=circle, window=window), CHANNEL)).json
        for place in ("East of the shoal", "unknown"):
            await nato.open({**INCIDENT, "place": place}, CHANNEL)
        return {"incident": incident, "account": answer.json, "area": area}

    return demo.api("nato/duty_officer", work)


def mark(thing: Any) -> str:
    return f"{thing['position']}.0"


def marks(person: Person) -> list[str]:
    """Return the marks of the picture."""
    return sorted(str(each) for each in person.xpath("//*[local-name()='svg']//@data-mark"))


def test_both_accounts_are_marks_with_their_range_and_lead_to_the_exchange(
    demo: Office, made: dict[str, Any]
) -> None:
    own, other, area = (mark(made[name]) for name in ("incident", "account", "area"))
    seen = {}
    for side in ("nato", "china"):
        reader = demo.person(f"{side}/officer").open(f"/c/{CHANNEL}/chart")
        assert reader.title == "Chart"
        seen[side] = marks(reader)
        assert {own, other, area} <= {*seen[side]}
        assert sorted(reader.xpath("//tr/@data-place")) == seen[side], "each mark has its row"
        reader.at(f"//tr[@data-place='{own}']").see("NATO", "58 nm · 107 km, 090° true")
        reader.at(f"//tr[@data-place='{other}']").see("270° true")
        reader.at(f"//tr[@data-place='{area}']").see("open")
        undrawn = " ".join(text_of(each) for each in reader.xpath("//*[@data-undrawn]"))
        for said in ("East of the shoal", "in words only", "the place is not known"):
            assert said in undrawn
        (drawn,) = reader.xpath(f"//*[@data-mark='{area}']")
        assert "CHINA · open" in " ".join("".join(drawn.itertext()).split())
        (link,) = reader.xpath(f"//*[local-name()='svg']//a[@data-mark='{own}']")
        assert f"/exchanges/{made['incident']['exchange']}" in str(link.attrib.values())
    assert seen["nato"] == seen["china"]


def test_the_chart_is_moved_and_measured(demo: Office, made: dict[str, Any]) -> None:
    reader = demo.person("china/officer").open(CHART)

    def choose(id: str, option: str) -> None:
        for each in reader.xpath(f"//select[@id='{id}']/option"):
            each.attrib.pop("selected", None)
            if option in (each.get("value"), text_of(each)):
                each.set("selected", "")

    choose("a", mark(made["incident"]))
    choose("b", mark(made["account"]))
    reader.press("Show").at("//*[@data-measured]").see("58 nm · 107 km, 090° true").within("")
    choose("part", "the whole earth")
    reader.press("Show")
    picture = "".join(
        reader.xpath("//*[local-name()='svg'][contains(@class, 'sea')]")[0].itertext()
    )
    assert "60°N" in picture
    reader.open(reader.xpath("//*[@id='move-closer']/@href")[0])
    assert "part=" in reader.path
    (chosen,) = reader.xpath("//select[@id='part']/option[@selected]")
    assert text_of(chosen) == "the part that is shown"
    closer = reader.xpath("//*[local-name()='svg'][contains(@class, 'sea')]")[0]
    assert "".join(closer.itertext()) != picture


def test_a_period_may_begin_with_the_record_that_was_made_just_now(demo: Office) -> None:
    """The log is known up to its newest record, not only until its end was last looked at."""
    reader = demo.person("china/officer").open(CHART)
    report = {**INCIDENT, "place": HERE}
    for _ in range(3):
        made: Any = demo.api("nato/duty_officer", lambda nato: nato.open(report, CHANNEL))
        reader.open(f"{CHART}?from={made.json['time']}")
        assert mark(made.json) in marks(reader)


def test_an_exercise_is_apart_and_the_past_and_a_wrong_period_are_shown(
    demo: Office, made: dict[str, Any]
) -> None:
    body = {**INCIDENT, "place": {"lat": -40, "lon": -20}}
    drill = demo.api("nato/duty_officer", lambda nato: nato.open(body, EXERCISE)).json["exchange"]
    reader = demo.person("china/officer").open(CHART)
    drilled, live = f"/exchanges/{drill}", f"/exchanges/{made['incident']['exchange']}"
    assert (drilled in reader.body.decode(), live in reader.body.decode()) == (False, True)
    reader.open(f"/c/{EXERCISE}/chart")
    assert (drilled in reader.body.decode(), live in reader.body.decode()) == (True, False)
    svg = "//*[local-name()='svg'][contains(@class, 'sea')]"
    assert "EXERCISE EXERCISE EXERCISE" in "".join(reader.xpath(svg)[0].itertext())
    reader.open(f"{CHART}?at={made['incident']['position']}")
    assert mark(made["incident"]) in marks(reader)
    assert mark(made["account"]) not in marks(reader)
    links = reader.xpath("//*[@id='main']//a[starts-with(@href, '/c/nato-china/')]/@href")
    assert links
    assert [link for link in links if "at=" not in link] == [], "a link keeps the past"
    reader.open(f"{CHART}?from=some+day").at("//*[@id='from-fault']")
    assert text_of(reader.xpath("//title")[0]) == "Error: Chart, nato-china, Dragoman"
    assert reader.open(f"{CHART}?part=99,0,1").status == 400

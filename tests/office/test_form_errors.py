"""What a form says of what cannot be read, and what it warns of."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from office import Office
from person import Person, text_of

CHANNEL = "nato-china"
CHECK = "//main//*[@name='do'][@value='check']"


def put(person: Person, **fields: str) -> Person:
    """Type into fields by their ids, with hyphens as underscores."""
    for id, value in fields.items():
        (field,) = person.tree.xpath("//*[@id=$id]", id=f"f-{id.replace('__', '-')}")
        if field.tag == "textarea":
            field.text = value
        else:
            field.set("value", value)
    return person


def checked(person: Person) -> Any:
    person.press_at(CHECK)
    acts = person.xpath("//*[@id='checking']//*[@name='act']/@value")
    assert acts, person.text
    return json.loads(acts[0])


def faults(person: Person) -> list[str]:
    return [text_of(each) for each in person.xpath("//main//*[@role='alert']//li")]


def test_an_end_takes_the_day_of_its_beginning_and_what_was_meant_is_a_button(
    demo: Office,
) -> None:
    nato = demo.person("nato/head_of_office").open(f"/c/{CHANNEL}/compose/visit-invitation")
    begins = datetime.now(UTC).replace(hour=8, minute=0) + timedelta(days=60)
    typed = {
        "f.purpose": "A visit",
        "f.visitors": "3",
        "f.place": "15.12 116.44",
        "f.dates.from": f"{begins:%Y-%m-%d %H:%M}Z",
        "f.dates.to": "10:00",
    }
    for name, value in typed.items():
        field = nato.tree.xpath("//*[@name=$name]", name=name)[0]
        if field.tag == "textarea":
            field.text = value
        field.set("value", value)
    nato.press_at(CHECK)
    assert len(faults(nato)) == 1
    nato.at("//*[@id='f-place-fault']").see("Did you mean 15.12N 116.44E?")
    nato.press_at("//*[@id='f-place-fault']//button")
    assert nato.xpath("//*[@id='f-place']/@value") == ["15.12N 116.44E"]
    act = checked(nato)
    assert act["dates"] == {
        "from": f"{begins:%Y-%m-%dT%H:%M}:00Z",
        "to": f"{begins:%Y-%m-%dT}10:00:00Z",
    }
    assert act["place"] == {"lat": 15.12, "lon": 116.44}


def test_a_period_takes_days_and_months_and_its_errors_say_which_end(demo: Office) -> None:
    nato = demo.person("nato/head_of_office").open(f"/c/{CHANNEL}/compose/roadmap-item")
    nato.xpath("//*[@name='f.area'][@value='general']")[0].set("checked", "")
    put(nato, text__en="Offices in both capitals", deliverable="two offices")
    put(nato, period__from="next spring", period__to="30 Feb 2027").press_at(CHECK)
    assert faults(nato) == [
        "Period (From): This was not read. Write a day like 24 Nov 2026, a month like Jan 2027, or a time like 24 Nov 03:05Z.",
        "Period (To): There is no such day.",
    ]
    assert nato.text.count("There is no such day.") == 2, "in the summary, and beside the field"
    act = checked(put(nato, period__from="Jan 2027", period__to="2027-06-30"))
    assert act["period"] == {"from": "2027-01-01T00:00:00Z", "to": "2027-06-30T23:59:59Z"}


def test_a_limit_takes_a_day_alone_and_lasts_until_it_is_over(demo: Office) -> None:
    nato = demo.person("nato/duty_officer")
    nato.open(f"/c/{CHANNEL}/compose/contact-note?more=reply_wanted_by")
    wanted = datetime.now(UTC).date() + timedelta(days=9)
    nato.xpath("//*[@name='f.form']")[0].set("checked", "")
    put(nato, text__en="When may we call?", reply_wanted_by=f"{wanted:%d %b %Y}")
    assert checked(nato)["reply_wanted_by"] == f"{wanted}T23:59:59Z"
    assert nato.xpath("//*[@data-warning]") == []


@pytest.mark.parametrize(("minutes", "warned"), [(25, True), (-25, False)])
def test_the_check_page_warns_of_what_has_happened_at_a_time_to_come(
    minutes: int, demo: Office, *, warned: bool
) -> None:
    nato = demo.person("nato/duty_officer").open(f"/c/{CHANNEL}/compose/hazardous-incident")
    moment = datetime.now(UTC) + timedelta(minutes=minutes)
    nato.xpath("//*[@name='f.kind'][@value='near_miss']")[0].set("checked", "")
    put(nato, time=f"{moment:%Y-%m-%dT%H:%M:%SZ}", place="15-07N 116-26E")
    checked(put(nato, facts__en="Two ships passed."))
    warnings = [text_of(each) for each in nato.xpath("//*[@data-warning]")]
    assert len(warnings) == warned
    assert all("this is still to come, in 24 min" in each for each in warnings)


def test_a_draft_says_what_is_missing_by_the_labels_of_the_form(demo: Office) -> None:
    body = {"act": {"act": "contact-note", "form": "conversation"}}
    path = f"/v1/channels/{CHANNEL}/drafts"
    draft = demo.api("nato/officer", lambda nato: nato.post(path, body)).json["id"]
    nato = demo.person("nato/officer").open(f"/c/{CHANNEL}/drafts/{draft}")
    (verdict,) = (
        text_of(each)
        for each in nato.xpath("//*[contains(@class, 'verdict')]")
        if "not complete" in text_of(each)
    )
    assert "Text: This must be filled in." in verdict

"""Each error of a form can be acted on: its link leads to a field that is not folded away, with
the same label, and its words are those of an officer.

Every form of the official channel is sent three times: empty; with a word of nonsense in every
field; and filled in, but with a character that no record may hold.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

import beside
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import Who
from dragoman.members import shapes
from dragoman.members.shapes import FieldsKind
from filling import Entry, filled, needed
from office import Office
from person import Person, text_of
from reaching import CHANNEL, Reaching

_BY_SERVICES: Final = {Who.WATCH, Who.COURIER}
_OTHERWISE: Final = {"acknowledgement", "correction", "alternative", "release"}
"""An act by a button; one whose fields are chosen first; and those whose form offers what there is
in a matter.
"""

_OFFICIAL: Final = [form for form in FORMATS.values() if "official" in form.kinds]
ACTS: Final = sorted(
    act
    for act, rule in RULES.items()
    if (act in FORMATS and "official" in FORMATS[act].kinds and act not in _OTHERWISE)
    or (
        rule.family is None
        and rule.who not in _BY_SERVICES
        and act not in _OTHERWISE
        and any(act in form.moves for form in _OFFICIAL)
    )
)
_INHUMAN: Final = re.compile(
    r"[a-z]+_[a-z]+|`|/[a-z]+|[{}]|Expected|Invalid|regex|JSON|UUID|sha|\bid\b|\b[a-z]{2}-[A-Z]|character is a control|GET|POST|0197|"
    + "|".join(re.escape(act) for act in RULES if "-" in act)
)
_BELL: Final = "\N{SYMBOL FOR BELL}"
"""Stands in a page for the bell, which no tree of a page can have."""

FAULT: Final = "//main//*[contains(concat(' ', @class, ' '), ' fault ')]"
WRONG: Final = "*[contains(concat(' ', @class, ' '), ' wrong ')]"
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


@pytest.fixture(scope="module")
def heads(demo: Office) -> dict[str, Person]:
    return {side: demo.person(f"{side}/head_of_office") for side in ("nato", "china")}


def is_shown(element: Any) -> bool:
    folded = "ancestor-or-self::*[@hidden]|ancestor::details[not(@open)]"
    return element.get("type") != "hidden" and not element.xpath(folded)


def spoil(person: Person, how: str, entries: list[Entry]) -> None:
    """Fill the form in with nonsense, or rightly but for a character."""
    form = "//*[@id='writing']"
    for each in person.xpath(f"{form}//input[not(@type)]|{form}//textarea"):
        reads = {"time": "some day", "place": "15.12 116.44"}
        text = reads.get(each.get("data-reads", ""), "nonsense") if how == "nonsense" else ""
        each.set("value", text)
        if each.tag == "textarea":
            each.text = text
    for name, value in entries if how == "characters" else []:
        fields = person.tree.xpath("//*[@id='writing']//*[@name=$name]", name=name)
        if fields[0].get("type") in ("radio", "checkbox"):
            (one, *_) = (
                each
                for each in fields
                if (each.get("value") if value is None else each.get("value") == value)
            )
            for each in fields if one.get("type") == "radio" else []:
                each.attrib.pop("checked", None)
            one.set("checked", "")
        elif fields[0].tag == "select":
            for each in fields[0].xpath(".//option"):
                each.attrib.pop("selected", None)
                if each.get("value") == value:
                    each.set("selected", "")
        else:
            is_read = fields[0].get("data-reads") or fields[0].get("inputmode") == "decimal"
            text = f"{value}" if is_read else f"{value} {_BELL}"
            fields[0].set("value", text)
            if fields[0].tag == "textarea":
                fields[0].text = text


def assert_leads_to_its_field(person: Person, fault: Any, how: str) -> None:
    """Assert that an error's link leads to a field that is shown, with the label that it names."""
    for link in fault.xpath(".//a/@href"):
        (place,) = person.tree.xpath("//*[@id=$id]", id=link[1:])
        assert is_shown(place), (how, link)
        labels = place.xpath("./legend") if place.tag == "fieldset" else []
        labels = labels or person.tree.xpath("//label[@for=$id]", id=link[1:])
        assert labels, (how, link)
        label = re.sub(r" \(.*\)$", "", "".join(labels[0].itertext()).split(",")[0])
        assert " ".join(label.split()) in text_of(fault) or link.count("-") > 1, (how, link, label)


@pytest.mark.parametrize("act", ACTS)
def test_each_error_leads_to_its_field_in_the_words_of_an_officer(
    act: str, heads: dict[str, Person], demo: Office
) -> None:
    side, address = "nato", f"/c/{CHANNEL}/compose/{act}"
    if act in FORMATS:
        demo.api("nato/head_of_office", beside.enter)
    else:
        side, exchange = demo.api("", lambda caller: Reaching(caller.session, demo).for_act(act))
        address = f"/c/{CHANNEL}/exchanges/{exchange}/acts/{act}"
    names, person = needed(act), heads[side]
    entries, _ = filled(act, names)
    required = [
        f"f.{each.name}"
        for each in shapes.members(act)
        if each.required and each.name in names and not isinstance(each.kind, FieldsKind)
    ]
    for how in ("empty", "nonsense", "characters"):
        person.open(address)
        fields = person.xpath("//*[@id='writing']//*[starts-with(@name, 'f.')]")
        offered = {each.get("name") for each in fields if is_shown(each)}
        if how != "empty":
            spoil(person, how, entries)
        (action, *_) = person.xpath("//form[@id='writing']/@action")
        button = person.xpath("//main//*[@name='do'][@value='check']")[0]
        sent = person.sent(person.name_of(button))
        texts = [(name, text.replace(_BELL, "\a")) for name, text in sent if isinstance(text, str)]
        person.post(action, texts)
        if person.status == 200:  # all was filled in by choices alone, or nothing is required
            continue
        assert person.status == 422, person.text
        listed, problem = person.xpath(f"{FAULT}//li"), person.xpath(f"{FAULT}/p")
        assert listed or problem, person.text
        for fault in listed:
            assert_leads_to_its_field(person, fault, how)
        for each in (*listed, *problem, *person.xpath(f"//main//{WRONG}")):
            assert not _INHUMAN.search(text_of(each)), (how, text_of(each))
        if how != "empty":  # what was typed is shown, wherever it was typed
            continue
        assert person.xpath(f"//*[@id='writing']//details[@open][not(.//{WRONG})]") == []
        for name in required:
            assert any(each == name or each.startswith(f"{name}.") for each in offered), (
                f"{name} is in a closed drawer"
            )


def faults(person: Person) -> list[str]:
    return [text_of(each) for each in person.xpath("//main//*[@role='alert']//li")]


def test_an_end_takes_the_day_of_its_beginning_and_what_was_meant_is_a_button(
    demo: Office,
) -> None:
    nato = demo.person("nato/head_of_office").open(f"/c/{CHANNEL}/compose/visit-invitation")
    begins = datetime.now(UTC).replace(hour=8, minute=0) + timedelta(days=60)
    typed = {
        "f.purpose.en": "A visit",
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
    put(nato, text__en="Offices in both capitals", deliverable__en="two offices")
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


def test_the_earliest_date_that_passes_is_one_press_away(demo: Office) -> None:
    """Without scripts: the button comes back with both windows moved, and then they pass."""
    person, now = demo.person("nato/head_of_office"), datetime.now(UTC)

    def day(days: int, hour: int) -> str:
        return f"{now + timedelta(days=days):%Y-%m-%d} {hour:02}:00Z"

    person.open(f"{CHANNEL}/compose/meeting-request")
    put(person, purpose__en="The incident at the shoal")
    put(person, windows__0__from=day(15, 10), windows__0__to=day(15, 12))
    put(person, windows__1__from=day(60, 10), windows__1__to=day(60, 12))
    person.press_at(CHECK)
    assert person.status == 422
    (button,) = person.xpath("//main//*[@name='earliest']")
    assert text_of(button).startswith("Use the earliest that passes: ")
    person.press_at("//main//*[@name='earliest']")
    windows = checked(person)["windows"]
    begins = [datetime.fromisoformat(window["from"]) for window in windows]
    assert 15 < (begins[0] - now).days + 1 < 20 and begins[0].hour == 10
    assert f"{begins[1]:%Y-%m-%d %H:%MZ}" == day(60, 10)

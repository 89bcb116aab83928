"""Every act that an officer can enter, with nothing but its required members: filled in, checked,
sent, and compared with its record.

The acts, their fields and the values come from the shapes, the table and the samples, so a new
format is tested without a line here.
"""

import json
import re
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

import beside
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import OFFICERS, Who
from dragoman.members import shapes
from filling import CHOSEN, Entry, filled, fits, needed
from office import Office
from person import Person
from reaching import CHANNEL, Reaching
from samples import SAMPLES

_BY_SERVICES: Final = {Who.WATCH, Who.COURIER, Who.GATEWAY, Who.DESK, Who.STATION}
_BY_BUTTON: Final = {"acknowledgement"}
"""Acts that have a button and no form."""

_OF_A_MATTER: Final = {"release", "alternative"}
"""Acts whose form offers what there is in a matter: the tests of releases and of the dialogue fill
them in with the least they need.
"""

OPENED: Final = sorted(
    act for act, form in FORMATS.items() if "official" in form.kinds and act not in _OF_A_MATTER
)
CONTINUED: Final = sorted(
    act
    for act, rule in RULES.items()
    if act not in FORMATS
    and rule.family is None
    and rule.who not in _BY_SERVICES
    and not rule.roles.isdisjoint(OFFICERS)
    if act not in _BY_BUTTON | _OF_A_MATTER
    and any(act in form.moves for form in FORMATS.values() if "official" in form.kinds)
)


@pytest.fixture(scope="module")
def people(demo: Office) -> dict[str, Person]:
    """The officers who write."""
    names = ("nato/head_of_office", "nato/officer", "china/head_of_office")
    return {name: demo.person(name) for name in names}


def fill(person: Person, entries: list[Entry]) -> None:
    """Fill in fields by the names that they are sent under."""
    for name, value in entries:
        fields = person.tree.xpath("//*[@name=$name]", name=name)
        choices = [each for each in fields if each.get("type") in ("radio", "checkbox")]
        offered = [
            each
            for each in choices
            if (each.get("value") if value is None else value)
            and (value is None or each.get("value") == value)
        ]
        assert offered or (fields and not choices), f"the form does not ask for {name}: {value}"
        if offered:
            for each in choices:
                if each.get("type") == "radio":
                    each.attrib.pop("checked", None)
            offered[0].set("checked", "")
        elif fields[0].tag == "textarea":
            fields[0].text = value
        elif fields[0].tag == "select":
            for option in fields[0].xpath(".//option"):
                option.attrib.pop("selected", None)
                if option.get("value") == value:
                    option.set("selected", "")
        else:
            fields[0].set("value", value)


def sent(person: Person, address: str, act: str, *presses: str) -> dict[str, Any]:
    """Fill in the required fields, and those that the form then says are needed; press the buttons,
    and return the act that it must be.
    """
    names = needed(act)
    edited: list[Entry] = []
    if filled(act, names)[1].get("fields") is CHOSEN:
        texts = person.open(address).xpath("//*[@data-edit]//textarea[normalize-space(.)]")
        edited = [(texts[0].get("name"), f"{texts[0].text.strip()} Seen again.")]
    while True:
        entries, expected = filled(act, names)
        fill(person.open(address), entries + edited)
        acts: list[str] = []
        for press in presses:
            if person.status != 200:
                break
            button = f"//main//form//*[@name='do'][@value='{press}']"
            acts += person.xpath(f"({button})[1]/ancestor::form[1]//input[@name='act']/@value")
            person.press_at(button)
        faults = [
            href[1:] for href in person.xpath("//*[@role='alert']//a/@href") if href[0] == "#"
        ]
        if not faults:
            break
        asked = [
            each.name
            for each in shapes.members(act)
            if any(f == f"f-{each.name}" or f.startswith(f"f-{each.name}-") for f in faults)
        ]
        assert asked and not set(asked) & set(names), (faults, person.text)
        names = [*names, *asked]
    assert person.status == 200, person.text
    assert all(fits(expected, json.loads(each)) for each in acts), (expected, acts)
    return expected


def recorded(demo: Office, side: str, person: Person) -> Any:
    """Return the act of the record to whose page somebody was led."""
    position = re.search(r"/recorded/([0-9]+)", person.path)
    assert position, (person.path, person.text)
    path = f"/v1/channels/{CHANNEL}/records/{position[1]}"
    return demo.api(f"{side}/head_of_office", lambda caller: caller.get(path)).json["data"]


def reached(demo: Office, act: str) -> tuple[str, str]:
    """Return a side that may do an act, and the exchange."""
    return demo.api("", lambda caller: Reaching(caller.session, demo).for_act(act))


@pytest.mark.parametrize("act", OPENED)
def test_every_format_is_sent_with_its_required_members_only(
    act: str, people: dict[str, Person], demo: Office
) -> None:
    demo.api("nato/head_of_office", beside.enter)
    address, head = f"/c/{CHANNEL}/compose/{act}", people["nato/head_of_office"]
    if not FORMATS[act].rule.two_key:
        expected = sent(head, address, act, "check", "send")
    else:
        drafter = people["nato/officer"]
        expected = sent(drafter, address, act, "check", "draft")
        head.open(urlsplit(drafter.path).path).press_at("//main//*[@name='do'][@value='release']")
    assert fits(expected, recorded(demo, "china", head)), expected


@pytest.mark.parametrize("act", CONTINUED)
def test_every_act_in_an_exchange_is_sent_with_its_required_members_only(
    act: str, people: dict[str, Person], demo: Office
) -> None:
    side, exchange = reached(demo, act)
    person, address = people[f"{side}/head_of_office"], f"/c/{CHANNEL}/exchanges/{exchange}"
    offered = {*person.open(address).xpath("//main//a/@href")}
    if f"{address}/moves" in offered:
        offered |= {*person.open(f"{address}/moves").xpath("//main//a/@href")}
    assert f"{address}/acts/{act}" in offered, f"no button within one press for {act}"
    expected = sent(person, f"{address}/acts/{act}", act, "check", "send")
    assert fits(expected, recorded(demo, side, person)), expected


def test_the_check_page_of_an_amendment_shows_both_texts_and_no_id(
    people: dict[str, Person], demo: Office
) -> None:
    side, exchange = reached(demo, "amendment-agreement")
    person, act = people[f"{side}/head_of_office"], "amendment-agreement"
    sent(person, f"/c/{CHANNEL}/exchanges/{exchange}/acts/{act}", act, "check")
    before, after = (
        SAMPLES["roadmap-item"]["deliverable"],
        SAMPLES["amendment"]["fields"]["deliverable"],
    )
    present, consented = person.at("//main").text.split("The text that you consent to")
    assert re.search(
        rf"The present text, which would be replaced\s*Deliverable\s*{before}", present
    )
    assert after in consented and before not in consented.partition("Your consent names")[0]
    path = f"/v1/channels/{CHANNEL}/exchanges/{exchange}"
    view = demo.api(f"{side}/head_of_office", lambda caller: caller.get(path)).json
    assert view["state"]["acts"]["amendment"][-1]["id"] not in present


def test_a_meeting_that_was_held_offers_what_is_said_afterwards(
    people: dict[str, Person], demo: Office
) -> None:
    side, exchange = reached(demo, "readout-agreement")
    other = "nato" if side == "china" else "china"
    offered = {}
    for each in ("nato", "china"):
        person = people[f"{each}/head_of_office"].open(f"/c/{CHANNEL}/meetings/{exchange}")
        person.see(f"{other.upper()} proposes a joint readout").miss("gives its readout")
        acts = person.xpath(
            f"//a[contains(@class, 'button')][contains(@href, '/exchanges/{exchange}/acts/')]/@href"
        )
        offered[each] = [address.rpartition("/")[2] for address in acts]
    assert offered == {side: ["readout-agreement", "readout"], other: ["readout"]}

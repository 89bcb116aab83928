"""An answer that needs only a text is written on the page of its exchange, without scripts too."""

import json
from typing import Any

import pytest

from dragoman.domain.views.offers import binds
from meeting_requests import CALM, asked
from office import Office
from person import Person
from service import INCIDENT, Caller

ASKED = {"act": "contact-note", "form": "conversation", "text": {"en": "May our boat pass?"}}
PROPOSED = {
    "act": "roadmap-item",
    "text": {"en": "Exchange of points of contact for rescue at sea"},
    "area": "maritime-security",
    "deliverable": {"en": "a list of rescue desks"},
}
EXERCISE = "nato-china-exercise"
SHORT = "//main//*[@id='answer']//form"


def opened(demo: Office, body: dict[str, Any]) -> str:
    async def send(caller: Caller) -> Any:
        return await caller.open(body, CALM)

    answer = demo.api("nato/head_of_office", send)
    assert answer.status == 201, answer.body
    return str(answer.json["id"])


@pytest.fixture(scope="module")
def china(demo: Office) -> Person:
    return demo.person("china/officer")


def at(person: Person, exchange: str) -> Person:
    return person.open(f"/c/{CALM}/exchanges/{exchange}")


def answering(person: Person, exchange: str) -> Person:
    return at(person, exchange).follow("Reply")


def test_a_reply_is_written_where_one_stands_and_checked_as_any_other(
    demo: Office, china: Person
) -> None:
    exchange = opened(demo, ASKED)
    (form,) = answering(china, exchange).xpath(SHORT)
    assert form.get("action") == f"/c/{CALM}/exchanges/{exchange}/acts/reply"
    (text,) = form.xpath(".//textarea[@name='f.text.en']")
    text.text = "It may pass."
    china.press_at(f"{SHORT}//*[@value='check']").see("It may pass.", "The page of NATO")
    acts = china.xpath("//*[@id='checking']//*[@name='act']/@value")
    assert json.loads(acts[0]) == {"act": "reply", "text": {"en": "It may pass."}}
    china.press_at("//*[@id='checking']//*[@name='do'][@value='send']")
    at(demo.person("nato/officer"), exchange).see("It may pass.")


def test_an_empty_answer_comes_back_as_the_whole_form(demo: Office, china: Person) -> None:
    exchange = opened(demo, ASKED)
    answering(china, exchange).press_at(f"{SHORT}//*[@value='check']")
    assert china.status == 422
    china.see("Write an answer, or choose an agreed phrase.")
    (text,) = answering(china, exchange).xpath(f"{SHORT}//textarea[@name='f.text.en']")
    text.text = "It may"
    china.press_at(f"{SHORT}//*[@value='more']").see("Reply")
    assert china.xpath("//textarea[@name='f.text.en']")[0].text.strip() == "It may"


def test_no_answer_that_binds_is_written_there(demo: Office, china: Person) -> None:
    exchange, _ = asked(demo, 3)
    for links in (at(china, exchange), at(china, opened(demo, INCIDENT))):
        acts = [
            address.rpartition("write=")[2]
            for address in links.xpath("//main//*[contains(@href, 'write=')]/@href")
            if not address.endswith("write=hand")
        ]
        assert len(acts) <= 1, "a page has one form, by whose id its scripts find it"
        assert not any(binds(act) for act in acts)
    for address in ("write=acceptance", "write=nonsense"):
        at(china, f"{exchange}?{address}")
        assert china.status == 200
        assert not [act for act in china.xpath(f"{SHORT}/@action") if binds(act.rpartition("/")[2])]


def test_an_agreed_phrase_is_marked_in_what_both_sides_read(own: Office) -> None:
    body = {**ASKED, "text": {"en": "Received. We will answer later."}}

    async def send(caller: Caller) -> Any:
        return await caller.open(body, EXERCISE)

    exchange = own.api("nato/head_of_office", send).json["id"]
    for side in ("nato", "china"):
        page = own.person(f"{side}/officer").open(f"/c/{EXERCISE}/exchanges/{exchange}")
        (mark,) = page.xpath("//main//article//a[@class='agreed']")
        assert mark.text_content() == "We will answer later"
        assert "我方将稍后答复" in mark.get("title")
        page.open(mark.get("href")).see("starter")


def test_the_phrases_of_the_codebook_wait_among_the_further_fields(
    demo: Office, china: Person
) -> None:
    exchange = opened(demo, PROPOSED)
    form = f"/c/{CALM}/exchanges/{exchange}/acts/agreement"
    assert not china.open(form).xpath("//input[@name='f.phrases']")
    china.press("Show more fields")
    assert china.xpath("//section[@id='more']//input[@name='f.phrases']")

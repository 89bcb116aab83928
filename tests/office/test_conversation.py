"""The page of an exchange as a conversation: whose move it is, which moves, and what became of a
text after it was sent.
"""

from typing import Any

import pytest

from meeting_requests import CALM, asked
from office import Office
from person import text_of
from service import INCIDENT, Caller

UNREAD = ("script", "style", "template")
CONTROL = (
    "self::button or self::select or self::textarea or self::summary or self::a[@href]"
    " or self::input[not(@type='hidden')]"
)


def turns(demo: Office, exchange: str) -> dict[str, str]:
    """The turn in the title, as an officer of each side sees it."""
    return {
        side: str(
            demo.person(f"{side}/officer")
            .open(f"/c/{CALM}/exchanges/{exchange}")
            .xpath("//h1//@data-turn")[0]
        )
        for side in ("nato", "china")
    }


def sent(demo: Office, actor: str, exchange: str, body: dict[str, Any]) -> int:
    """Send an act of an exchange, and return its position."""

    async def send(caller: Caller) -> Any:
        where = f"/v1/channels/{CALM}/exchanges/{exchange}"
        view = await caller.get(where)
        terms = {each["act"]: each["sha256"] for each in view.json.get("terms", ())}
        of = {"terms": terms[body["act"]]} if body["act"] in terms else {}
        return await caller.act(exchange, {**body, **of}, CALM, If_Match=view.headers["ETag"])

    answer = demo.api(actor, send)
    assert answer.status == 201, answer.body
    return int(answer.json["position"])


def test_a_request_to_meet_says_whose_move_it_is_and_urges_no_answer(demo: Office) -> None:
    exchange, windows = asked(demo, 1)
    assert turns(demo, exchange) == {"nato": "theirs", "china": "mine"}
    china = demo.person("china/officer").open(f"/c/{CALM}/exchanges/{exchange}")
    day = china.xpath("//h1//*[@data-standing]")[0].text_content()
    assert "proposed by NATO" in day
    assert "CHINA is to" in day or "moves for CHINA" in day
    assert windows[0]["from"][:4] in day
    for place in ("//*[@data-fact='windows']", "//article[contains(@class, 'sheet')]"):
        assert text_of(china.xpath(place)[0]).count("Beijing") == len(windows), "by the own clock"
    moves = china.xpath("//*[@id='moves']//a[contains(@class, 'even')]")
    assert [china.name_of(each) for each in moves] == ["Accept", "Propose other times", "Decline"]
    assert not any("first" in each.get("class") for each in moves), "none of them is filled"
    assert not any(each.get("aria-keyshortcuts") for each in moves), "and none has a key"


def test_an_agreement_on_an_agenda_is_shown_with_the_text_that_it_is_of(demo: Office) -> None:
    exchange, _ = asked(demo, 1)
    page = f"/c/{CALM}/exchanges/{exchange}"
    topics: dict[str, Any] = {"act": "agenda", "topics": ["Contacts at sea", "Next meeting"]}
    first = sent(demo, "china/officer", exchange, topics)
    agreed = sent(demo, "nato/officer", exchange, {"act": "agenda-agreement"})
    for side in ("nato", "china"):
        seen = demo.person(f"{side}/officer").open(page)
        seen.at(f"//*[@id='r{first}']").see("NATO agrees to this text.")
    other = {**topics, "topics": ["Drones near ships", "Next meeting"]}
    newest = sent(demo, "china/officer", exchange, other)
    for side in ("nato", "china"):
        seen = demo.person(f"{side}/officer").open(page)
        seen.at(f"//*[@id='r{newest}']").see("NATO agreed to an earlier text, not to this one.")
        assert "NATO agrees to this text." not in seen.text
        seen.open(page).at(f"//*[@id='r{agreed}']")
        seen.see(f"This is of the agenda in record {first}.")


def test_a_form_about_an_agenda_has_the_agenda_that_there_is(demo: Office) -> None:
    exchange, _ = asked(demo, 1)
    page = f"/c/{CALM}/exchanges/{exchange}/acts"
    china, nato = (demo.person(f"{side}/officer") for side in ("china", "nato"))
    topics, beside = "//*[@name='f.topics']", "//*[@data-beside]"
    assert text_of(china.open(f"{page}/agenda").xpath(topics)[0]) == ""
    sent(demo, "china/officer", exchange, {"act": "agenda", "topics": ["Contacts", "Drones"]})
    for act in ("agenda", "agenda-agreement"):
        nato.open(f"{page}/{act}").at(beside).see("Agenda from CHINA", "Contacts", "Drones")
    for side in (nato, china):
        assert text_of(side.open(f"{page}/agenda").xpath(topics)[0]).split() == [
            "Contacts",
            "Drones",
        ]
    assert china.xpath(beside) == [], "the own agenda is in the field"
    sent(demo, "nato/officer", exchange, {"act": "agenda", "topics": ["Radio"]})
    assert text_of(nato.open(f"{page}/agenda").xpath(topics)[0]).split() == ["Radio"]
    linked = nato.open(f"{page}/agenda?f.topics=Ships").xpath(topics)
    assert text_of(linked[0]).split() == ["Ships"]


def test_an_agenda_of_the_other_side_is_a_first_move_until_it_is_agreed(demo: Office) -> None:
    exchange, _ = asked(demo, 1)
    page = f"/c/{CALM}/exchanges/{exchange}"
    nato = demo.person("nato/officer")

    def first() -> list[str]:
        nato.open(page)
        return [nato.name_of(each) for each in nato.xpath("//*[@id='moves']//a[@class]")]

    assert "Take back a statement" not in first()
    sent(demo, "china/officer", exchange, {"act": "acceptance"})
    assert "Agree on the agenda" not in first()
    sent(demo, "china/officer", exchange, {"act": "agenda", "topics": ["Drones"]})
    assert "Agree on the agenda" in first()
    nato.open(f"{page}/acts/agenda-agreement").press("Check before sending")
    nato.press(next(each for each in nato.buttons() if each.startswith(("Send", "Record"))))
    assert "Agree on the agenda" not in first()


def test_only_what_came_since_an_officer_looked_is_marked_as_new(demo: Office) -> None:
    exchange, _ = asked(demo, 1)
    page, new = f"/c/{CALM}/exchanges/{exchange}", "//li[@class='new']//@data-record"
    china = demo.person("china/officer").open(f"/c/{CALM}/inbox").open(page).open(page)
    assert china.xpath(new) == []
    topics = {"act": "agenda", "topics": ["Contacts at sea"]}
    position = sent(demo, "nato/officer", exchange, topics)
    assert china.open(page).xpath(new) == [str(position)]
    assert china.open(page).xpath(new) == [], "it was read with the page before"


@pytest.mark.parametrize("side", ["nato", "china"])
def test_an_ordinary_matter_has_few_words_and_few_controls(demo: Office, side: str) -> None:
    flash = {**INCIDENT, "precedence": "flash"}
    opened = demo.api("nato/duty_officer", lambda nato: nato.open(flash, CALM)).json["exchange"]
    account = {"act": "counter-account", "facts": "The passage was at more than 50 m."}
    answer = demo.api("china/duty_officer", lambda china: china.act(opened, account, CALM))
    assert answer.status == 201, answer.body
    for exchange in (opened, asked(demo, 1)[0]):
        page = demo.person(f"{side}/officer").open(f"/c/{CALM}/exchanges/{exchange}")
        texts = page.xpath(f"//main//text()[not(ancestor::{' or ancestor::'.join(UNREAD)})]")
        words = " ".join(map(str, texts))
        assert len(words.split()) <= 354
        assert len(page.xpath(f"//main//*[{CONTROL}]")) <= 24, "the frame has 26 more"


def test_each_fact_of_a_sheet_is_of_the_record_that_its_proof_leads_to(demo: Office) -> None:
    exchange, _ = asked(demo, 2)
    sent(demo, "nato/officer", exchange, {"act": "agenda", "topics": ["Contacts at sea"]})
    page = demo.person("china/officer").open(f"/c/{CALM}/exchanges/{exchange}?how=1")
    messages = page.xpath("//*[@class='message']")
    assert len(messages) == 2
    for message in messages:
        (record,) = message.xpath(".//@data-record")
        assert message.xpath("a[@class='proof']/@href") == [f"/c/{CALM}/records/{record}#proof"]
        sources = message.xpath(".//article//@data-source")
        assert sources and {source.split()[1] for source in sources} == {record}
        assert message.xpath("a[@class='proof']/span[not(@class)]/text()") == [f"record {record}"]


def test_no_answer_is_missed_of_a_message_that_asks_for_none(demo: Office) -> None:
    exchange, _ = asked(demo, 1)
    page, rows = (
        f"/c/{CALM}/exchanges/{exchange}",
        "//tr[@data-side='{}']//*[@data-step='answered']",
    )
    nato = demo.person("nato/officer").open(page)
    assert nato.xpath(rows.format("china"))[0].text_content() == "No answer yet"
    accepted = sent(demo, "china/officer", exchange, {"act": "acceptance"})
    china = demo.person("china/officer").open(f"/c/{CALM}/recorded/{accepted}")
    china.at("//*[@id='receipts']").see("Not acknowledged yet").miss("No answer yet")
    for side in ("nato", "china"):
        seen = demo.person(f"{side}/officer").open(page)
        assert seen.xpath(rows.format("china"))[0].text_content().startswith("Answered after")
        assert seen.xpath(rows.format("nato"))[0].text_content() == "–", (
            "an acceptance asks nothing"
        )
        assert seen.xpath(f"//*[@id='r{accepted}']"), "and is a sheet of its own"


@pytest.mark.parametrize("act", ["correction", "update"])
def test_the_takeover_of_a_change_shows_what_was_and_what_is(demo: Office, act: str) -> None:
    opening = {**INCIDENT, "precedence": "flash", "casualties": 0}
    opened = demo.api("nato/duty_officer", lambda nato: nato.open(opening, CALM)).json
    fields = {"casualties": 3}
    words = {"reason" if act == "correction" else "text": "Crew report misread."}
    body = {"act": act, "fields": fields, **words}
    sent(demo, "nato/duty_officer", opened["exchange"], body)
    china = demo.person("china/duty_officer").open(f"/c/{CALM}")
    record = f"/c/{CALM}/records/{opened['position']}"
    takeovers = china.xpath(f"//dialog[.//*[@data-changed]//a[@href='{record}']]")
    assert len(takeovers) == 1, "one flash of them changes anything"
    (change,) = takeovers[0].xpath(".//*[@data-changed]")
    assert change.get("data-changed") == "casualties"
    was, now = change.xpath("dd")
    assert (text_of(was), text_of(now)) == (f"was: 0 record {opened['position']}", "now: 3")
    assert was.xpath(".//a/@href") == [record]
    (reason,) = takeovers[0].xpath(".//blockquote")
    assert text_of(reason) == "Crew report misread."
    shown = [text_of(each) for each in takeovers[0].xpath(".//dl[@class='what']/dd")]
    assert "3" not in shown, "the new value stands once"

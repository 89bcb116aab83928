"""A translation: written beside its original, in the language that is missing, and shown under it
on every page, with whose it is.
"""

from typing import Any

import pytest

from office import Office
from person import Person, text_of
from service import INCIDENT, Caller

CALM = "nato-china"
FACTS = "Two ships met.\n\nNobody was hurt. Please stand by."
CHECK = "//main//*[@name='do'][@value='check']"
SEND = "//main//*[@name='do'][@value='send']"
TRANSLATED = "//*[contains(@class, 'translated')]"


def opened(demo: Office, facts: Any) -> str:
    body = {**INCIDENT, "facts": facts}
    answer = demo.api("nato/duty_officer", lambda nato: nato.open(body, CALM))
    return str(answer.json["exchange"])


def view(demo: Office, exchange: str) -> Any:
    path = f"/v1/channels/{CALM}/exchanges/{exchange}"
    return demo.api("nato/duty_officer", lambda nato: nato.get(path)).json


def texts(person: Person) -> list[Any]:
    return person.xpath("//textarea[@name='f.text']")


def shown(person: Person, within: str = "") -> str:
    return " ".join(text_of(each) for each in person.xpath(f"{within}{TRANSLATED}"))


def test_a_translation_is_written_beside_its_original_and_shown_under_it(demo: Office) -> None:
    exchange = opened(demo, {"en": FACTS, "fr": "Deux navires."})
    page = f"/c/{CALM}/exchanges/{exchange}"
    china = demo.person("china/officer").open(f"{page}/acts/translation")
    quoted = china.xpath("//*[@id='f-text']//blockquote")
    assert [text_of(each) for each in quoted] == FACTS.split("\n\n")
    (agreed,) = china.xpath("//*[@data-agreed][@open]//*[@data-occurs]")
    chinese = agreed.xpath(".//*[starts-with(@lang, 'zh')]")
    assert [text_of(each) for each in chinese] == ["请等候"], "the words that both sides agreed"
    assert china.xpath("//*[@name='f.language'][@checked]/@value") == ["zh"]
    written = ["两船相遇。", "无人受伤。"]
    for box, text in zip(texts(china), written, strict=True):
        box.text = text
    china.press_at(CHECK).press_at("//main//*[@name='do'][@value='change']")
    assert [each.text.strip() for each in texts(china)] == written
    china.press_at(CHECK).press_at(SEND)
    assert china.title.startswith("Recorded")
    for address in (page, f"{page}/form"):
        said = shown(china.open(address))
        assert "CHINA’s translation, not agreed" in said
        assert "两船相遇。 无人受伤。" in said or "两船相遇。无人受伤。" in said
    state = view(demo, exchange)["state"]
    record = f"/c/{CALM}/records/{state['opened']['position']}"
    assert "CHINA’s translation, not agreed" in shown(china.open(record))
    assert shown(china.open(f"{record}?at={state['opened']['position']}")) == ""
    (given,) = state["acts"]["translation"]
    assert given["content"] == {"language": "zh", "text": "两船相遇。\n\n无人受伤。"}
    officer = demo.person("nato/officer").open(f"{page}/acts/translation-agreement")
    officer.press_at(CHECK).press_at(SEND)
    assert officer.title.startswith("Recorded")
    assert "CHINA’s translation, agreed by NATO" in shown(officer.open(page), "//div[@data-below]")
    facts = {"en": "One ship.", "fr": "Un navire."}
    correction = {"act": "correction", "fields": {"facts": facts}, "reason": "Counted wrongly."}

    async def correct(nato: Caller) -> Any:
        tag = (await nato.get(f"/v1/channels/{CALM}/exchanges/{exchange}")).headers["ETag"]
        return await nato.act(exchange, correction, CALM, If_Match=tag)

    assert demo.api("nato/duty_officer", correct).status == 201
    said = shown(officer.open(page), "//div[@data-below]")
    assert "of the text before it was changed" in said and "agreed" not in said


def test_an_own_account_is_translated_and_the_agreement_is_of_its_words(demo: Office) -> None:
    exchange = opened(demo, {"en": FACTS})
    page = f"/c/{CALM}/exchanges/{exchange}"
    account = {
        "act": "counter-account",
        "facts": {"zh": "我船保持航向。"},
        "time": "2026-11-24T03:12Z",
    }
    answer = demo.api("china/duty_officer", lambda china: china.act(exchange, account, CALM))
    assert answer.status == 201, answer.body
    nato = demo.person("nato/officer").open(f"{page}/acts/translation")
    nato.follow("Own account of CHINA")
    quoted = nato.xpath("//*[@id='f-text']//blockquote")
    assert [text_of(each) for each in quoted] == ["我船保持航向。"]
    (box,) = texts(nato)
    box.text = "Our ship kept its course."
    for each in nato.xpath("//*[@name='f.language']"):
        each.attrib.pop("checked", None)
        if each.get("value") == "en":
            each.set("checked", "")
    nato.press_at(CHECK).press_at(SEND)
    assert nato.title.startswith("Recorded")
    assert "Our ship kept its course." in shown(nato.open(page), "//ol")
    (given,) = view(demo, exchange)["state"]["acts"]["translation"]
    agreement = {"act": "translation-agreement", "of": given["id"]}

    async def agree(china: Caller) -> Any:
        tag = (await china.get(f"/v1/channels/{CALM}/exchanges/{exchange}")).headers["ETag"]
        return await china.act(exchange, agreement, CALM, If_Match=tag)

    answer = demo.api("china/duty_officer", agree)
    assert answer.status == 201, answer.body
    assert "agreed by CHINA" in shown(nato.open(page), "//ol")


def test_a_meeting_shows_the_translation_of_a_request_under_it(demo: Office) -> None:
    request = {
        "act": "meeting-request",
        "purpose": "Talks",
        "windows": [{"from": "2092-01-19T08:00:00Z", "to": "2092-01-19T09:00:00Z"}],
        "text": {"en": "Let us talk."},
    }
    exchange = demo.api("nato/officer", lambda nato: nato.open(request)).json["exchange"]
    act = {"act": "translation", "language": "zh", "text": "请会谈。"}
    answer = demo.api("china/officer", lambda china: china.act(exchange, act, CALM))
    assert answer.status == 201, answer.body
    said = shown(demo.person("nato/auditor").open(f"/c/{CALM}/meetings/{exchange}"), "//ol")
    assert "CHINA’s translation, not agreed" in said and "请会谈。" in said


@pytest.mark.parametrize(("language", "chosen"), [("en", []), ("zh", ["zh"])])
def test_no_language_is_chosen_for_a_translator_but_the_readers_own_or_the_last_that_is_left(
    demo: Office, language: str, chosen: list[str]
) -> None:
    exchange = opened(demo, {"en": FACTS})
    china = demo.person("china/officer", language)
    china.open(f"/c/{CALM}/exchanges/{exchange}/acts/translation")
    languages = china.xpath("//*[@name='f.language']")
    assert {each.get("value") for each in languages} == {"fr", "zh"}
    assert [each.get("value") for each in languages if each.get("checked") is not None] == chosen

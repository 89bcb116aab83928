"""Writing in several languages: both texts beside each other, agreed phrases, a preview of the
other side's page, and two texts of one message compared.
"""

import re
from typing import Any

from office import Office
from person import Person, text_of
from service import INCIDENT

CALM = "nato-china"
NOTE = f"/c/{CALM}/compose/contact-note"
PREVIEW = "//*[contains(concat(' ', @class, ' '), ' preview ')]"


def texts(person: Person, tag: str) -> list[str]:
    """The text of each paragraph of one language."""
    return [(each.text or "").strip() for each in person.xpath(f"//*[@name='f.text.{tag}']")]


def do(person: Person, what: str) -> Person:
    return person.press_at(f"//main//*[@name='do'][@value='{what}']")


def test_both_texts_are_checked_beside_each_other_and_sent_as_one(demo: Office) -> None:
    nato = demo.person("nato/officer").open(NOTE)
    assert nato.xpath("//*[@data-phrases]") == [], "no codebook is in force"
    nato.xpath("//*[@name='f.form'][@value='letter']")[0].set("checked", "")
    nato.xpath("//*[@name='f.text.en']")[0].text = "We met.\n\nWe agreed.\n\nThat is all."
    nato.xpath("//*[@name='f.text.zh']")[0].text = "我们会面。\n\n我们商定。"
    do(nato, "level")
    assert texts(nato, "en") == ["We met.", "We agreed.", "That is all."]
    assert texts(nato, "zh") == ["我们会面。", "我们商定。", ""]
    gaps = nato.xpath(
        "//*[contains(@class, 'paragraph')]//*[contains(@class, 'gap')][not(@hidden)]"
    )
    assert [text_of(each) for each in gaps] == ["Missing in 中文"], "nobody has begun a French text"
    do(nato, "check")
    rows = nato.xpath("//*[@data-paragraphs]//*[contains(@class, 'paragraph')]")
    assert [text_of(each) for each in rows[1].xpath(".//blockquote")] == [
        "We agreed.",
        "我们商定。",
    ]
    assert "Missing in 中文" in text_of(rows[2])
    nato.at("//*[@data-paragraphs]").see("English: 3, 中文: 2")
    nato.at(PREVIEW).see("Contact note from NATO")
    (preview,) = nato.xpath(PREVIEW)
    assert preview.get("lang") == "en", "its writer checks it in the writer's language"
    assert preview.xpath(".//a") == []
    before = text_of(nato.xpath("//*[@id='act-bytes']")[0])
    for each in nato.xpath("//*[@name='preview_language']//option"):
        each.attrib.pop("selected", None)
        if each.get("value") == "fr":
            each.set("selected", "")
    do(nato, "preview").at(PREVIEW).see("de NATO")
    assert text_of(nato.xpath("//*[@id='act-bytes']")[0]) == before
    do(nato, "send")
    assert nato.title.startswith("Recorded")
    path = f"/v1/channels/{CALM}/records/{re.sub(r'[^0-9]', '', nato.title)}"
    record: Any = demo.api("china/officer", lambda china: china.get(path)).json
    assert record["data"]["text"] == {
        "en": "We met.\n\nWe agreed.\n\nThat is all.",
        "zh": "我们会面。\n\n我们商定。",
    }
    china = demo.person("china/officer", "zh-CN").open(f"/c/{CALM}/exchanges/{record['subject']}")
    china.at("(//article[contains(@class, 'sheet')])[1]").see("That is all.", "我们商定。")


def test_an_agreed_phrase_is_put_into_every_text(own: Office) -> None:
    act = {"act": "codebook-adoption", "codebook": "starter", "version": 1}
    for side in ("nato", "china"):
        answer = own.api(
            f"{side}/administrator",
            lambda caller: caller.post(f"/v1/channels/{CALM}/channel", act),
        )
        assert answer.status == 201, answer.body
    nato = own.person("nato/officer").open(NOTE)
    nato.xpath("//*[@name='f.text.en']")[0].text = "Seen."
    nato.press_at("//*[@name='phrase'][@value='thank_you']")
    assert texts(nato, "en") == ["Seen.", "thank you for your message"]
    assert texts(nato, "zh") == ["", "感谢贵方来电"]
    nato.open(NOTE)
    nato.xpath("//*[@name='f.form'][@value='letter']")[0].set("checked", "")
    nato.xpath("//*[@name='f.text.en']")[0].text = "We wait. The situation is unclear."
    nato.xpath("//*[@name='f.text.zh']")[0].text = "我方等待。局面复杂。"
    do(nato, "check").see("“the situation is unclear” is an agreed phrase.", "“情况不明”")
    do(nato, "change")
    nato.xpath("//*[@name='f.text.zh']")[0].text = "我方等待。情况不明。"
    assert "is an agreed phrase" not in text_of(do(nato, "check").xpath("//main")[0])


def test_two_texts_of_a_message_in_one_language_are_compared(demo: Office) -> None:
    body = {**INCIDENT, "facts": {"en": "Two ships met.", "zh": "两船相遇。"}}
    sent = demo.api("nato/duty_officer", lambda nato: nato.open(body, CALM)).json["exchange"]

    def translate(text: str) -> None:
        act = {"act": "translation", "language": "zh", "text": text}
        answer = demo.api("china/duty_officer", lambda china: china.act(sent, act, CALM))
        assert answer.status == 201, answer.body

    translate("两船接近。")
    translate("两船靠近。")
    reader = demo.person("nato/officer").open(f"/c/{CALM}/exchanges/{sent}")
    reader.open(reader.xpath("//a[contains(., 'Compare the texts in 中文')]/@href")[0])
    marked = "//*[contains(@class, 'marked')]"
    assert [text_of(each) for each in reader.xpath(f"{marked}//del")] == ["接"]
    assert [text_of(each) for each in reader.xpath(f"{marked}//ins")] == ["靠"]
    for each in reader.xpath("//*[@id='from']//option"):
        each.attrib.pop("selected", None)
        if each.get("value") == "1":
            each.set("selected", "")
    reader.press("Compare")
    assert text_of(reader.xpath(marked)[0]).replace(" ", "") == "两船相遇靠近。"

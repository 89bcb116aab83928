"""Whoever may not send an act is told so before the first field, and hands what they wrote to a
colleague who may, and who sees it at once.
"""

import re
from typing import Any

from office import Office
from person import Person, text_of
from service import Caller

CALM = "nato-china"
IDENTIFIERS = re.compile(r"duty_officer|head_of_office|hazardous-incident|nato/o-1|needs one of")


def written(person: Person) -> Person:
    """Write an incident, and check it."""
    person.open(f"/c/{CALM}/compose/hazardous-incident").choose("near miss")
    for id, value in (("f-time", "now"), ("f-place", "15-07N 116-26E")):
        person.xpath(f"//*[@id='{id}']")[0].set("value", value)
    facts = person.xpath("//textarea[starts-with(@name, 'f.facts')]")[0]
    facts.text = "One aircraft passed close."
    return person.press("Check before sending")


def owed(person: Person) -> list[str]:
    """Return the debts that the check page tells, without their times."""
    items = [text_of(each) for each in person.xpath("//*[@aria-labelledby='then']//li")]
    return [text.partition(", by ")[0] for text in items if " owes: " in text]


def urgency(person: Person) -> str:
    """The precedence in the head of the message."""
    return text_of(person.xpath("//*[contains(@class, 'sheet')]//*[contains(@class, 'zpr')]")[0])


def test_an_officer_is_told_who_may_send_and_hands_it_to_them(demo: Office) -> None:
    officer = demo.person("nato/officer").open(f"/c/{CALM}/compose/hazardous-incident")
    officer.at("//*[@data-told]")
    officer.see("Only the duty officer (d-1) or head of office (h-1) can send this.")
    field = "*[self::input[not(@type='hidden')] or self::textarea or self::select]"
    assert not officer.xpath(f"./preceding::{field}[ancestor::*[@id='writing']]")
    written(officer).at("//main")
    said = officer.text.replace(text_of(officer.xpath("//*[@id='act-bytes']")[0]), "")
    assert not IDENTIFIERS.search(said), said
    assert officer.xpath("//button[@value='send']") == []
    then, how = owed(officer), urgency(officer)
    officer.press("Send to d-1 or h-1 to release").at("//main//*[@data-handed]")
    officer.see("Handed to d-1 or h-1")
    handed = officer.path.partition("?")[0]
    assert officer.within("").xpath("//button[@value='release']") == []
    note = officer.open(f"/c/{CALM}/reports/turn-over.json").json
    waiting = [each for each in note["drafts"] if each["draft"] == handed.rpartition("/")[2]]
    assert [(each["act"], each["author"]) for each in waiting] == [
        ("hazardous-incident", "nato/o-1")
    ], "the next watch is told of it"

    board = "//section[@aria-labelledby='second']//li"
    for reader, waits in (("officer", "for a colleague"), ("head_of_office", "asks you to send")):
        rows = demo.person(f"nato/{reader}").open(f"/c/{CALM}").xpath(board)
        assert [waits in text_of(row) for row in rows] == [True], "the board says a draft once"

    head = demo.person("nato/head_of_office").open(handed)
    assert head.xpath("//*[@data-told]") == []
    assert then and owed(head) == then, "whoever sends it is told what the author was told"
    assert urgency(head) == how
    assert "Send to CHINA (immediate)" in text_of(head.xpath("//button[@value='release']")[0])
    head.press_at("//button[@value='release']")
    assert head.title.startswith("Recorded: record")
    path = f"/v1/channels/{CALM}/records/{re.sub(r'[^0-9]', '', head.title)}"
    record = demo.api("nato/officer", lambda nato: nato.get(path)).json
    assert (record["actor"], record["data"]["kind"]) == ("nato/h-1", "near_miss")
    assert officer.open(handed).title == head.title


def test_what_was_kept_can_be_handed_over_and_is_with_its_author_again_when_they_change_it(
    demo: Office,
) -> None:
    act = {
        "act": "hazardous-incident",
        "kind": "near_miss",
        "time": "2026-01-01T00:00:00Z",
        "place": "Strait",
        "facts": "Close.",
    }
    drafts = f"/v1/channels/{CALM}/drafts"
    id = demo.api("nato/officer", lambda nato: nato.post(drafts, {"act": act})).json["id"]
    officer = demo.person("nato/officer").open(f"/c/{CALM}/drafts/{id}")
    officer.press("Send to d-1 or h-1 to release").at("//main//*[@data-handed]")

    async def changed(nato: Caller) -> Any:
        kept = (await nato.get(f"{drafts}/{id}")).json
        assert kept["handed"]
        body = {"act": {**act, "kind": "other"}}
        return await nato.call("PUT", f"{drafts}/{id}", body, If_Match=kept["etag"])

    assert "handed" not in demo.api("nato/officer", changed).json
    officer.open(f"/c/{CALM}/drafts/{id}").press("Drop this draft")


def test_who_may_send_is_told_nothing(demo: Office) -> None:
    head = demo.person("nato/head_of_office").open(f"/c/{CALM}/compose/hazardous-incident")
    assert head.xpath("//*[@data-told]") == []
    written(head)
    assert len(head.xpath("//button[@value='send']")) == 1
    assert head.xpath("//button[@value='hand']") == []


def test_who_releases_a_consent_reads_its_text_and_is_told_when_it_has_changed(
    demo: Office,
) -> None:
    item = {
        "act": "roadmap-item",
        "area": "maritime-security",
        "text": "A joint exercise of both coast guards.",
        "deliverable": "A handbook.",
    }
    opened = demo.api("nato/officer", lambda nato: nato.open(item, CALM)).json["exchange"]
    path = f"/v1/channels/{CALM}/exchanges/{opened}"

    async def kept(china: Caller) -> Any:
        act = {"act": "agreement", "terms": await china.terms(opened, {"act": "agreement"}, CALM)}
        etag = (await china.get(path)).headers["ETag"].strip('"')
        body = {"act": act, "exchange": opened, "if_match": etag}
        answer = await china.post(f"/v1/channels/{CALM}/drafts", body)
        assert answer.status == 201, answer.body
        return answer.json["id"]

    draft = f"/c/{CALM}/drafts/{demo.api('china/officer', kept)}"
    head = demo.person("china/head_of_office").open(draft).at("//*[@data-consented]")
    head.see("A joint exercise of both coast guards.", "A handbook.")
    assert head.within("").xpath("//main//*[@data-moved]") == []
    corrected = {
        "act": "correction",
        "fields": {"deliverable": "A hotline."},
        "reason": "Meant so.",
    }

    async def correct(nato: Caller) -> Any:
        etag = (await nato.get(path)).headers["ETag"]
        return await nato.act(opened, corrected, CALM, If_Match=etag)

    assert demo.api("nato/officer", correct).status == 201
    head.open(draft)
    assert head.xpath("//main//*[@data-moved]")
    assert head.xpath("//*[@data-consented]") == []

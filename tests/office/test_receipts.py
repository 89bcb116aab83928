"""Pages show the sender of a message who has it, what came of it, and what is still owed."""

import re
from typing import Any

from office import Office
from person import text_of
from service import INCIDENT

EXERCISE = "nato-china-exercise"
PAGES = f"/c/{EXERCISE}"


def opened(demo: Office, body: dict[str, Any]) -> Any:
    return demo.api("nato/duty_officer", lambda nato: nato.open(body, EXERCISE)).json


def carried_on(demo: Office, side: str, exchange: str, act: dict[str, Any]) -> Any:
    path = f"/v1/channels/{EXERCISE}/exchanges/{exchange}/acts"
    answer = demo.api(f"{side}/duty_officer", lambda caller: caller.post(path, act))
    assert answer.status == 201, answer.body
    return answer.json


def test_the_sender_sees_acknowledged_and_answered_with_the_time_it_took(demo: Office) -> None:
    sent = opened(demo, {**INCIDENT, "precedence": "immediate"})
    sender = demo.person("nato/duty_officer")
    pages = (f"recorded/{sent['position']}", f"exchanges/{sent['exchange']}")
    steps: tuple[tuple[dict[str, str] | None, str, str], ...] = (
        (None, "Not acknowledged yet", ""),
        (
            {"act": "acknowledgement"},
            r"Acknowledged by duty officer of CHINA after \d+",
            "No answer yet",
        ),
        ({"act": "reply", "text": "We look into it."}, r"Answered after \d+", ""),
    )
    for act, said, also in steps:
        if act is not None:
            carried_on(demo, "china", sent["exchange"], act)
        for page in pages:
            sender.open(f"{PAGES}/{page}").at("//*[@id='receipts']").see(also)
            assert re.search(said, sender.text), (page, sender.text)


def test_an_answer_without_a_receipt_is_shown_as_what_proves_it(demo: Office) -> None:
    sent = opened(demo, {**INCIDENT, "precedence": "immediate"})
    carried_on(demo, "china", sent["exchange"], {"act": "reply", "text": "We look into it."})
    sender = demo.person("nato/duty_officer").open(f"{PAGES}/exchanges/{sent['exchange']}")
    shown = sender.xpath("//tr[@data-side='china']//*[@data-step='acknowledged']")[0]
    assert re.match(r"Acknowledged by its answer after \d+", text_of(shown))


def test_an_own_account_is_no_silence_on_either_sides_pages(demo: Office) -> None:
    sent = opened(demo, {**INCIDENT, "precedence": "immediate"})
    account = {"act": "counter-account", "facts": "We saw it otherwise."}
    carried_on(demo, "china", sent["exchange"], account)
    exchange = f"{PAGES}/exchanges/{sent['exchange']}"
    for side, pages in (
        ("nato", (f"{PAGES}/recorded/{sent['position']}", exchange)),
        ("china", (exchange,)),
    ):
        reader = demo.person(f"{side}/duty_officer")
        for page in pages:
            answered = reader.open(page).xpath("//*[@id='receipts']//*[@data-step='answered']")
            told = {text_of(each).removeprefix("Answered after ") for each in answered}
            assert "Own account given" in told, (page, told)
            of_china = reader.xpath("//tr[@data-side='china']")
            assert all("No answer yet" not in text_of(row) for row in of_china)
        reader.open(f"{exchange}/form").at("//main").see("own account given")


def test_the_page_says_for_whom_a_flash_was_to_ring(demo: Office) -> None:
    flash = opened(demo, {**INCIDENT, "precedence": "flash"})
    note = opened(demo, {**INCIDENT, "precedence": "immediate"})
    for side, who in (("china", r"duty officer \(d-1\)"), ("nato", "duty officer")):
        reader = demo.person(f"{side}/officer").open(f"{PAGES}/exchanges/{flash['exchange']}")
        reader.at("//*[@data-was-to-ring]")
        assert re.fullmatch(rf"It was to ring for: {who} \d\d:\d\d:\d\dZ.*\.", reader.text)
        told = "The record does not say whether it rang, or who heard it."
        assert reader.within("Who has it").text.count(told) == 1
        reader.open(f"{PAGES}/exchanges/{note['exchange']}").at("//*[@id='receipts']")
        assert reader.xpath("//*[@data-was-to-ring]") == []


def test_what_happens_next_is_of_the_record_and_says_to_ring_only_where_something_is_awaited(
    demo: Office,
) -> None:
    note = {
        "act": "contact-note",
        "form": "letter",
        "text": {"en": "About the drill."},
        "reply_wanted_by": "2030-12-04T12:00Z",
    }
    sent = opened(demo, note)
    exchange = str(sent["exchange"])
    translation = {"act": "translation", "of": exchange, "language": "fr", "text": "De l’exercice."}
    translated = carried_on(demo, "nato", exchange, translation)
    wanted = "A reply is wanted from CHINA by 4 Dec 2030 12:00Z. No clock runs for it"
    reader = demo.person("nato/officer")
    owed = "//*[@id='owed']"
    reader.open(f"{PAGES}/recorded/{sent['position']}").at(owed)
    reader.see(wanted, "CHINA owes: Acknowledgement of receipt", "If nothing comes, ring")
    reader.open(f"{PAGES}/recorded/{translated['position']}").at(owed)
    reader.see("Nothing is owed because of it.").miss("ring")
    reader.open(f"{PAGES}/exchanges/{exchange}").within("Clocks").see(wanted)
    carried_on(demo, "china", exchange, {"act": "reply", "text": {"en": "Noted."}})
    reader.open(f"{PAGES}/recorded/{sent['position']}").at(owed)
    reader.miss("A reply is wanted", "ring")

"""The watch board, as it is read and used without scripts."""

import signal
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from dragoman.i18n.words import words
from office import Office
from patience import PATIENCE_S
from person import Person, text_of
from service import INCIDENT, NOTE, Caller

CALM, EXERCISE = "nato-china", "nato-china-exercise"


def flash(demo: Office) -> str:
    """NATO's duty officer sends China one more flash; its number."""
    body = {**INCIDENT, "precedence": "flash"}
    sent = demo.api("nato/duty_officer", lambda nato: nato.open(body, EXERCISE))
    return str(sent.json["number"])


def waiting(person: Person, number: str) -> Any:
    """The rows of a message on the board."""
    rows = person.xpath("//main//tr[@data-exchange]")
    return [each for each in rows if number in text_of(each)]


def test_the_board_has_what_its_json_has_the_most_urgent_first(demo: Office) -> None:
    demo.api("nato/officer", lambda nato: nato.open(NOTE, EXERCISE))
    flash(demo)
    auditor = demo.person("china/auditor")
    view = auditor.open(f"/c/{EXERCISE}.json").json
    table = auditor.open(f"/c/{EXERCISE}.csv").body.decode()
    auditor.open(f"/c/{EXERCISE}")
    waits = [each["exchange"] for each in view["waiting"]]
    assert auditor.xpath("//section[@aria-labelledby='waiting']//tr/@data-exchange") == waits
    now = datetime.now(UTC)
    ahead = [
        each
        for each in (*view["waiting"], *view["due"])
        if each.get("due") and datetime.fromisoformat(each["due"]) > now
    ]
    soonest = min(ahead, key=lambda each: datetime.fromisoformat(each["due"]))
    lead = text_of(auditor.xpath("//main//*[@class='lead']")[0])
    assert f": {words('en').clock(soonest['clock'])}, by {soonest['owed_by'].upper()}." in lead, (
        "receipts are due as well"
    )
    order = ["critical", "serious", "caution", "standby", "normal", "off"]
    levels = [each["level"] for each in view["waiting"]]
    assert levels == sorted(levels, key=order.index)
    owed = {
        side: sum(each["owed_by"] == side for each in view["waiting"]) for side in ("nato", "china")
    }
    first, *further = [side for side in ("nato", "china") if owed[side]]
    headline = f"{owed[first]} {'waits' if owed[first] == 1 else 'wait'} for {first.upper()}"
    assert auditor.title == ", ".join(
        [headline, *(f"{owed[side]} for {side.upper()}" for side in further)]
    )
    matters = [each["exchange"] for each in view["open_matters"]]
    listed = auditor.xpath("//section[@aria-labelledby='open']//tr/@data-matter")
    assert listed and listed == matters[: len(listed)] and set(waits) <= set(matters)
    rows = sum(len(view[name]) for name in ("waiting", "overdue", "due"))
    assert len(table.strip().splitlines()) == 1 + rows


def test_a_wrong_token_is_refused_in_words_beside_the_field(demo: Office) -> None:
    guest = demo.person().open("/").fill("Token", "drg_wrong").press("Sign in")
    guest.see("This token is not known here.")
    (field,) = guest.xpath("//input[@aria-invalid='true']")
    assert guest.name_of(field) == "Token"
    assert text_of(guest.xpath("//title")[0]).startswith("Error: ")
    assert [*guest.cookies] == []


def test_the_board_works_without_scripts(demo: Office) -> None:
    number = flash(demo)
    china = demo.person("china/duty_officer").open(f"/c/{EXERCISE}")
    china.see("This page does not ring.", "Page as loaded")
    assert any("Acknowledge receipt" in text_of(each) for each in waiting(china, number))
    china.at("//main").press(f"Acknowledge receipt {number}")
    china.see("Receipt acknowledged. This says only that you have it.")
    assert not any("Acknowledge receipt" in text_of(each) for each in waiting(china, number))
    china.press("Sign out").see("You are signed out.")
    assert china.title == "Sign in"


def test_the_watch_is_taken_and_handed_over_on_the_board_with_its_note(own: Office) -> None:
    nato = own.person("nato/duty_officer").open(f"/c/{CALM}")
    nato.press("Take the watch").see("You have the watch.")
    nato.at("//*[@id='cell-watch-nato']").see("NATO manned").within("")
    nato.fill("Hand over to", "h-1").fill("Note for both sides", "All quiet.")
    nato.press("Hand over the watch").see("The watch is handed over.")
    nato.see("head of office h-1", "All quiet.")
    head = own.person("nato/head_of_office").open(f"/c/{CALM}").press("Hand over the watch")
    head.at("//*[@id='cell-watch-nato']").see("NATO not manned")


def test_quiet_is_said_only_once_the_line_was_checked_every_watch_is_manned_and_no_matter_is_open(
    own: Office,
) -> None:
    sides = ["nato", "china"]
    channel = {
        "name": "hotline",
        "kind": "official",
        "sides": sides,
        "languages": ["en"],
        "officers": [
            {"side": side, "officer": "d-1", "office": "hq", "roles": ["duty_officer"]}
            for side in sides
        ],
    }

    async def opened(operator: Caller) -> dict[str, str]:
        assert (await operator.post("/v1/channels", channel)).status == 201
        asked = {side: {"actor": f"{side}/d-1", "channels": ["hotline"]} for side in sides}
        return {
            side: (await operator.post("/v1/tokens", body)).json["token"]
            for side, body in asked.items()
        }

    tokens = own.api("operator", opened)

    def post(side: str, path: str, body: Any) -> Any:
        async def work(caller: Caller) -> Any:
            caller.headers = {"Authorization": f"Bearer {tokens[side]}"}
            answer = await caller.post(f"/v1/channels/hotline/{path}", body)
            assert answer.status == 201, answer.body
            return answer.json

        return own.api("", work)

    china = Person(own.base_url, tokens["china"])

    def headline() -> str:
        return china.open("/c/hotline").title

    assert headline() == "Nothing waits."
    check = {
        "act": "line-check",
        "sequence": 1,
        "challenge": "Quick brown fox 0123456789",
        "circuit": "primary",
    }
    line = post("nato", "contacts", check)["exchange"]
    post("china", f"exchanges/{line}/acts", {"act": "echo", "text": check["challenge"]})
    headline()
    china.at("//*[@id='cell-line']").see("Line in order")
    for side, said in (("nato", "Nothing waits."), ("china", "Quiet.")):
        post(side, "channel", {"act": "watch-assumption"})
        assert headline() == said
    china.miss("Nobody has the watch").within("Open matters").see("No matter is open.")
    near_miss = post("china", "notifications", INCIDENT)["exchange"]
    assert headline() == "1 waits for NATO"
    post("nato", f"exchanges/{near_miss}/acts", {"act": "acknowledgement"})
    assert headline() == "Nothing waits. 1 matter open."
    matter = f"//section[@aria-labelledby='open']//tr[@data-matter='{near_miss}']"
    china.at(matter).see("Near miss", "NATO acknowledged", "Update, owed by CHINA")
    account = {"act": "counter-account", "facts": "At a safe distance."}
    post("nato", f"exchanges/{near_miss}/acts", account)
    assert headline() == "1 waits for you"
    china.at("//section[@aria-labelledby='waiting']//tr[@data-exchange]")
    china.see("Own account from NATO").at(matter).see("NATO has given its own account")


def test_the_board_of_the_past_shows_no_form_and_keeps_its_moment_in_every_link(
    demo: Office,
) -> None:
    flash(demo)
    china = demo.person("china/auditor").open(f"/c/{EXERCISE}?at=21")
    china.see("You are looking at the past.")
    assert china.xpath("//main//form") == []
    links = china.xpath("//main//a/@href|//nav[@aria-label='Pages']//a/@href")
    assert links
    assert [
        link
        for link in links
        if "at=21" not in link and not link.startswith("/c/nato-china") and link != "/board"
    ] == []
    assert all("at=21" in link for link in links if link.startswith(f"/c/{EXERCISE}/"))
    china.follow("Back to now").miss("You are looking at the past.")


def test_an_acknowledgement_that_a_role_may_not_make_is_answered_by_a_page_that_says_so(
    demo: Office,
) -> None:
    number = flash(demo)
    auditor = demo.person("china/auditor").open(f"/c/{EXERCISE}")
    exchange = waiting(auditor, number)[0].get("data-exchange")
    auditor.post(
        f"/c/{EXERCISE}/acknowledge", {"exchange": exchange, "of": exchange, "key": "0" * 32}
    )
    assert (auditor.status, auditor.title) == (403, "You are not allowed to do this")
    auditor.see("You cannot do this as auditor: Acknowledgement of receipt. Only these roles can")
    auditor.follow("Back to the board")
    assert waiting(auditor, number)


def test_the_board_of_an_exercise_is_marked_at_both_ends_and_in_its_title(demo: Office) -> None:
    china = demo.person("china/duty_officer").open(f"/c/{EXERCISE}")
    assert china.text.count("SIDES ONLY") >= 2
    assert text_of(china.xpath("//title")[0]).startswith("EXERCISE "), "by turns"
    drills = china.xpath("//*[@class='drill']")
    assert ["".join(each.itertext()).split() for each in drills] == [["EXERCISE" * 3]] * 2


@pytest.mark.parametrize(
    "path",
    [
        f"/c/{EXERCISE}/acknowledge",
        f"/c/{EXERCISE}/watch",
        "/sign-in",
        "/sign-out",
        "/preferences",
        "/alarm/beat",
    ],
)
def test_a_form_from_another_site_is_refused(path: str, demo: Office) -> None:
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
    ):
        stranger = demo.person()
        stranger.headers = {"Accept": "text/html", **headers}
        stranger.post(path, {"token": demo.token("china/duty_officer")})
        assert stranger.status == 403
        assert "Set-Cookie" not in stranger.answer_headers


def test_a_screen_keeps_its_language_and_its_light(demo: Office) -> None:
    china = demo.person("china/auditor").open(f"/c/{CALM}").press("中文")
    assert china.tree.get("lang") == "zh-Hans"
    china.xpath("//select[@name='theme']/option[@value='night']")[0].set("selected", "")
    china.press_at("//select[@name='theme']/following-sibling::button")
    assert (china.tree.get("data-theme"), china.tree.get("lang")) == ("night", "zh-Hans")
    assert "Board" in " ".join(china.press("English").links())
    assert china.open(f"/c/{CALM}/inbox").tree.get("data-theme") == "night"


def test_a_caution_is_shelved_for_a_reason_and_stands_in_the_turn_over_note(demo: Office) -> None:
    note = {
        "act": "contact-note",
        "form": "conversation",
        "precedence": "priority",
        "text": "Please read by noon.",
    }
    number = demo.api("nato/duty_officer", lambda nato: nato.open(note, CALM)).json["number"]
    guest = demo.person("china/duty_officer").open(f"/c/{CALM}")
    if "Take the watch" in guest.buttons():
        guest.press("Take the watch")
    shelf, shelving = (
        "//section[@aria-labelledby='shelved']",
        "//section[@aria-labelledby='waiting']",
    )
    row = f"//details[summary[contains(., 'Shelve')]][contains(., '{number}')]"
    guest.at(f"{shelving}{row}").fill("Reason", "The translator comes at ten.")
    guest.fill("For", "4").press("Shelve it").see("Shelved.")
    assert not any(number in text_of(each) for each in guest.xpath(shelving))
    guest.at(shelf).see("by d-1: The translator comes at ten.").within("")
    assert guest.title not in ("Quiet.", "Nothing waits.")
    assert "Nothing waits" not in text_of(guest.xpath("//*[@class='lead']")[0])
    assert guest.post("/alarm/silenced", {"channel": CALM}).status == 204
    guest.open(f"/c/{CALM}/reports/turn-over").within("Shelved and silenced")
    guest.see("The translator comes at ten.", "A screen was silenced 1 time.")
    guest.open(f"/c/{CALM}").at(shelf).follow(number)
    clock = (
        "//section[@aria-labelledby='clocks']//li[contains(., 'ACK') or contains(., 'cknowledg')]"
    )
    guest.at(clock).see("by d-1: The translator comes at ten.").press("Take it back")
    guest.see("Taken back from the shelf.")
    guest.at(clock).fill("Reason", "It waits for the night shift.").press("Shelve it")
    guest.at(clock).see("until")
    guest.open(f"/c/{CALM}").at(shelf).see("It waits for the night shift.").press("Take it back")
    assert any(number in text_of(each) for each in guest.xpath(shelving))
    assert guest.xpath(shelf) == []
    report = demo.api(
        "china/duty_officer", lambda china: china.get(f"/v1/channels/{CALM}/reports/turn-over")
    ).json
    assert (report.get("shelved", []), report["silenced"]) == ([], 1)


def test_a_page_is_not_known_while_the_service_does_not_see_the_log(own: Office) -> None:
    china = own.person("china/duty_officer").open(f"/c/{CALM}")
    assert china.title == "1 thing is late"
    own.signal_broker(signal.SIGSTOP)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while china.open(f"/c/{CALM}").title != "Not known.":
            assert time.monotonic() < deadline, china.text
            time.sleep(0.2)
        china.miss("Quiet")
    finally:
        own.signal_broker(signal.SIGCONT)

"""The inbox, what leads somewhere by its name, and the help: lists, counts, filters and searches."""

import re
import sqlite3
from typing import Any
from urllib.parse import quote

import pytest

from dragoman.console.page import static_files
from dragoman.limits import SCREEN_ROWS
from dragoman.projection.queries import lists
from dragoman.projection.view import View
from office import Office
from person import Person, text_of
from service import INCIDENT, NOTE, Caller

CALM, EXERCISE = "nato-china", "nato-china-exercise"
TWO_LANGUAGES = {**NOTE, "text": {"en": "A cyclone warning was passed on.", "zh": "已转达台风预警"}}
ROWS = "//tr[@data-exchange]"


def flash(demo: Office) -> str:
    """NATO's duty officer sends China one more flash; its number."""
    body = {**INCIDENT, "precedence": "flash"}
    sent = demo.api("nato/duty_officer", lambda nato: nato.open(body, EXERCISE))
    return str(sent.json["number"])


def get(demo: Office, who: str, path: str) -> Any:
    return demo.api(who, lambda caller: caller.get(f"/v1/channels/{path}")).json


def listed(person: Person) -> list[str]:
    return [str(each.get("data-exchange")) for each in person.xpath(ROWS)]


@pytest.mark.parametrize("channel", [CALM, EXERCISE])
@pytest.mark.parametrize("side", ["nato", "china"])
def test_what_waits_for_a_side_is_what_the_board_says_that_it_owes(
    demo: Office, channel: str, side: str
) -> None:
    flash(demo)
    officer = demo.person(f"{side}/officer")
    board = officer.open(f"/c/{channel}.json").json
    for waits, ours in (("us", True), ("them", False)):
        owed = {
            row["exchange"]
            for row in board["rows"]
            if row.get("owed_by") and (side in row["owed_by"]) == ours
        }
        owed |= {
            matter["exchange"]
            for matter in board["open_matters"]
            if any((duty["side"] == side) == ours for duty in matter["owed"])
        }
        inbox = officer.open(f"/c/{channel}/inbox.json?waits={waits}").json
        assert {row["id"] for row in inbox["exchanges"]} == owed
        assert owed, "a channel in which nothing is owed shows nothing"
        for row in inbox["exchanges"]:
            assert (row["owed_by"] == side) == ours, "what the list is about stands first"


@pytest.mark.parametrize("channel", [CALM, EXERCISE])
@pytest.mark.parametrize("side", ["nato", "china"])
def test_the_inbox_lists_the_moves_of_the_board_in_the_same_order(
    demo: Office, channel: str, side: str
) -> None:
    flash(demo)
    officer = demo.person(f"{side}/officer")
    for waits, group in (("us", "mine"), ("them", "theirs")):
        path = f"//section[@aria-labelledby='g-{group}']//li/@data-exchange"
        board = officer.open(f"/c/{channel}").xpath(path)
        assert officer.open(f"/c/{channel}/inbox?waits={waits}").xpath(path) == board


@pytest.mark.parametrize(
    "query",
    [
        "",
        "family=notification",
        "act=hazardous-incident",
        "status=open",
        "side=china",
        "unanswered_by=china",
        "overdue=any",
    ],
)
def test_the_inbox_lists_and_counts_what_the_api_does_under_the_same_filter(
    demo: Office, query: str
) -> None:
    flash(demo)
    counted = "" if "overdue" in query else "&facets=true"
    asked = get(demo, "nato/auditor", f"{EXERCISE}/exchanges?{query}{counted}")
    nato = demo.person("nato/auditor").open(f"/c/{EXERCISE}/inbox?{query}")
    assert listed(nato) == [row["id"] for row in asked["exchanges"]]
    number = asked["facets"]["count"] if counted else len(asked["exchanges"])
    assert re.match(rf"{number} exchanges? ", nato.at("//*[@id='count']").text)
    if counted:
        facets = nato.open(f"/c/{EXERCISE}/inbox.json?{query}").json["facets"]
        assert all(
            facets[name] == asked["facets"][name] for name in ("family", "act", "status", "area")
        )


def test_a_facet_leads_to_a_list_of_as_many_as_it_counts(demo: Office) -> None:
    flash(demo)
    nato = demo.person("nato/officer").open(f"/c/{EXERCISE}/inbox?waits=all")
    counts = {
        str(link.get("href")): text_of(link.xpath("./span")[-1])
        for link in nato.xpath("//*[contains(@class, 'facets')]//a")
    }
    assert counts
    for address, count in counts.items():
        nato.open(address)
        assert len(listed(nato)) == int(count)
        assert len(nato.within("What the list is narrowed to").links()) == 1


def test_words_are_found_in_every_script_and_a_list_of_nothing_names_the_word_to_drop(
    demo: Office,
) -> None:
    note = demo.api("china/officer", lambda china: china.open(TWO_LANGUAGES)).json
    nato = demo.person("nato/officer")
    for word in ("cyclone", "台风"):
        nato.open(f"/c/{CALM}/go?q={quote(word)}").follow(f"Search the inbox for “{word}”")
        nato.within("What the list is narrowed to").see(f"Words: {word}").within("")
        assert listed(nato) == [note["exchange"]]
        assert f"q={quote(word)}" in nato.path
    nato.open(f"/c/{CALM}/inbox?family=contact&q=cyclone+nowhere")
    assert listed(nato) == []
    (drop,) = (name for name in nato.links() if name.startswith("Without"))
    assert drop == "Without “Words: cyclone nowhere”"
    nato.follow(drop)
    assert listed(nato)
    assert nato.path == f"/c/{CALM}/inbox?family=contact"
    nato.follow("Kind: contact remove")
    assert nato.xpath("//*[contains(@class, 'filters')]") == []


def test_what_waits_for_us_waits_for_us_and_a_receipt_is_acknowledged_there(demo: Office) -> None:
    number = flash(demo)
    china = demo.person("china/duty_officer").open(f"/c/{EXERCISE}/inbox")
    assert china.path == f"/c/{EXERCISE}/inbox?waits=us", "it opens on what waits"
    china.at(f"//li[@data-exchange][contains(., '{number}')][@data-state='critical']")
    china.see("FLASH", "waiting, ")
    china.press(f"Acknowledge receipt {number}").see("Receipt acknowledged.")
    nato = demo.person("nato/duty_officer").open(f"/c/{EXERCISE}/inbox?waits=them")
    for each in nato.xpath(ROWS):
        assert "CHINA" in text_of(each)
    assert f"Acknowledge receipt {number}" not in nato.buttons()


def test_a_long_list_comes_in_pages_in_which_every_exchange_stands_once_now_and_in_the_past(
    demo: Office,
) -> None:
    async def work(nato: Caller) -> Any:
        for _ in range(SCREEN_ROWS + 3):
            await nato.open(NOTE)
        return (await nato.get(f"/v1/channels/{CALM}/exchanges?act=contact-note")).json

    asked = demo.api("nato/officer", work)
    nato = demo.person("nato/officer")
    for when in ("", f"&at={asked['position']}"):
        nato.open(f"/c/{CALM}/inbox?act=contact-note{when}")
        first = listed(nato)
        assert len(first) == SCREEN_ROWS
        nato.follow("Older").see("Newer exchanges are on the earlier pages.")
        assert [*first, *listed(nato)] == [row["id"] for row in asked["exchanges"]]
        assert "Older" not in nato.links()
        assert when in nato.path


def test_the_list_of_a_past_moment_is_as_it_stood_and_takes_no_forms(demo: Office) -> None:
    number = flash(demo)
    asked = get(demo, "china/duty_officer", f"{EXERCISE}/exchanges?number={number}")
    row = asked["exchanges"][0]
    act = {"act": "reply", "text": "Quagmire reported by our own watch.", "final": True}
    answer = demo.api("china/duty_officer", lambda china: china.act(row["id"], act, EXERCISE))
    later = answer.json["position"]
    china = demo.person("china/duty_officer")
    china.open(f"/c/{EXERCISE}/inbox?number={quote(number)}&at={row['position']}")
    china.at(ROWS).see("Critical", "owed by CHINA").within("")
    china.see("Exchanges of the past are not counted by kind.")
    assert china.xpath("//main//form[@method='post']") == []
    links = china.xpath("//main//a/@href")
    assert links
    assert [link for link in links if f"at={row['position']}" not in link] == []
    china.open(f"/c/{EXERCISE}/inbox?waits=us&number={quote(number)}&at={later}")
    assert listed(china) == []
    for at, count in ((row["position"], 0), (later, 1)):
        assert len(listed(china.open(f"/c/{EXERCISE}/inbox?q=quagmire&at={at}"))) == count
    china.open(f"/c/{EXERCISE}/inbox?at=1").see("No exchange was opened yet.")


def test_an_auditor_searches_and_counts_nothing_as_read(demo: Office) -> None:
    auditor = demo.person("china/auditor").open(f"/c/{CALM}/inbox?q=talks")
    assert listed(auditor)
    assert auditor.xpath("//main//form[@method='post']") == []
    assert auditor.post(f"/c/{CALM}/inbox/read", {"position": "1"}).status == 403


def test_what_one_thing_is_called_leads_there_at_once(demo: Office) -> None:
    note = demo.api("nato/officer", lambda nato: nato.open(NOTE)).json
    exchange = f"/c/{CALM}/exchanges/{note['exchange']}"
    short = note["number"].removeprefix(f"{CALM.upper()}/")
    goals = {
        note["number"]: exchange,
        short.lower(): exchange,
        note["exchange"]: exchange,
        "#4": f"/c/{CALM}/records/4",
        "inbox": f"/c/{CALM}/inbox?waits=us",
        "STATISTICS": f"/c/{CALM}/statistics",
        "report an incident": f"/c/{CALM}/compose/hazardous-incident",
        "contact note": f"/c/{CALM}/compose/contact-note",
        "help": "/help",
        EXERCISE: f"/c/{EXERCISE}",
    }
    nato = demo.person("nato/duty_officer")
    for typed, goal in goals.items():
        nato.open(f"/c/{CALM}/go?q={quote(typed)}")
        assert (nato.status, nato.path) == (200, goal), typed
    assert nato.open(f"/go?q={quote(note['number'])}").path == exchange
    assert nato.open(f"/c/{CALM}/go?q=inbox&at=9").path.startswith(f"/c/{CALM}/inbox?")
    assert "at=9" in nato.path


def test_what_several_are_called_is_listed_and_what_nothing_is_called_says_what_can_be_typed(
    demo: Office,
) -> None:
    nato = demo.person("nato/duty_officer").open(f"/c/{CALM}/go").see("What can be typed")
    assert nato.xpath("//header//input[@type='search']/@name") == ["q"]
    nato.open(f"/c/{CALM}/go?q=meeting").see("results")
    links = [nato.name_of(each) for each in nato.xpath("//main//li//a")]
    assert (links[:2], links[-1]) == (
        ["Meetings", "Meeting request"],
        "Search the inbox for “meeting”",
    )
    assert len(links) > 3, "texts with the word are listed as well"
    nato.open(f"/c/{CALM}/go?q={quote('<no such> thing')}").at("//*[@id='found']")
    assert nato.text == "Nothing here has the name “<no such> thing”."
    nato.within("What can be typed")
    assert nato.open(f"/c/{CALM}/go.json?q=25&at=9").json["goals"] == []


def test_an_address_of_the_earlier_list_leads_to_the_search(demo: Office) -> None:
    nato = demo.person("nato/duty_officer")
    for place, query in (("", "q=meeting"), (f"/c/{CALM}", "q=meeting"), (f"/c/{CALM}", "")):
        nato.open(f"{place}/palette?{query}")
        assert (nato.status, nato.path.rstrip("?")) == (200, f"{place}/go?{query}".rstrip("?"))
    nato.open(f"/c/{CALM}/palette?q=me&at=9")
    assert nato.path == f"/c/{CALM}/go?q=me&at=9"


TYPED = ("host", "m", "re", "report", "log", "16", "0004", "d-1", "nato", "re 0004", "key")


def test_every_goal_leads_to_a_page_that_its_reader_may_open(demo: Office) -> None:
    for actor in ("nato/head_of_office", "china/auditor", "nato/administrator", "operator"):
        reader = demo.person(actor)
        addresses: set[str] = set()
        for place in ("",) if actor == "operator" else ("", f"/c/{CALM}"):
            for text in TYPED:
                goals = reader.open(f"{place}/go.json?q={quote(text)}").json["goals"]
                addresses |= {goal["address"].partition("#")[0] for goal in goals}
        assert len(addresses) > (2 if actor == "operator" else 20), actor
        for address in sorted(addresses):
            assert reader.open(address).status == 200, (actor, address)


def test_who_may_not_write_is_led_to_no_form(demo: Office) -> None:
    auditor = demo.person("china/auditor")
    for typed in ("report an incident", "drafts", "contact-note"):
        goals = auditor.open(f"/c/{CALM}/go.json?q={quote(typed)}").json["goals"]
        assert {goal["kind"] for goal in goals} <= {"text"}, typed
    auditor.open(f"/c/{CALM}/go?q=report+an+incident").see("Only officers can write.")


def test_help_lists_every_key_without_a_button_and_switches_single_letters_off(
    demo: Office,
) -> None:
    nato = demo.person("nato/officer").open(f"/c/{CALM}").follow("Help")
    script = static_files.files()["keys.js"].read_text()
    does = script.partition("const DOES = {")[2].partition("\n};")[0]
    acting = {each.strip('"') for each in re.findall(r'^  ("[^"]+"|\w+): \(\)', does, re.MULTILINE)}
    on_buttons = {*"nchrtxmp?", "End"}
    assert on_buttons < acting
    shown = {" ".join("".join(each.itertext()).split()) for each in nato.xpath("//dt")}
    assert {"A" if each == "a" else each for each in acting - on_buttons} <= shown
    nato.press("Switch single letters off").see("Single letters are switched off on this screen.")
    assert nato.xpath("//body/@data-keys") == ["off"]
    nato.press("Switch single letters on")
    assert nato.xpath("//body/@data-keys") == ["on"]


def test_a_count_that_takes_too_long_is_left_out() -> None:
    view = View(sqlite3.connect(":memory:"), 0, 0)
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    )
    assert lists.in_time(view, endless, ()) is None
    assert lists.in_time(view, "SELECT 1", ()) == [(1,)]
    view.connection.close()

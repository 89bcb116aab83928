"""The audit, the log, a record and the past of a channel, as pages without scripts."""

import csv
import io
import json
import re
import time
from typing import Any

import pytest

from office import Office
from person import Person, text_of
from service import INCIDENT, NOTE, Caller

CALM, EXERCISE, TRACK2 = "nato-china", "nato-china-exercise", "nato-china-track2"
A, API = f"/c/{EXERCISE}", f"/v1/channels/{EXERCISE}"


def get(demo: Office, path: str, who: str = "china/auditor", **headers: str) -> Any:
    return demo.api(who, lambda caller: caller.get(path, **headers))


def positions(person: Person) -> list[str]:
    return [text_of(each) for each in person.xpath("//main//tbody/tr/td[1]")]


# The audit page


def test_the_audit_page_is_the_report_with_links_and_its_json_is_the_same(demo: Office) -> None:
    demo.api("china/auditor", lambda caller: caller.sealed(25, EXERCISE))
    auditor, checkpoint = demo.person("china/auditor"), ""
    while checkpoint != (newest := get(demo, f"{API}/log/checkpoint").body.decode()):
        checkpoint = newest  # the signer may be faster than the reader
        auditor.open(f"{A}/audit?at=25&compare=16")
    assert auditor.title == "State at record 25"
    answers = "//section[@data-part='answer']"
    page = [
        [text_of(each) for each in auditor.xpath(f"{answers}{part}")]
        for part in ("/h3", "//td", "//li")
    ]
    assert len(page[0]) == 5
    linked = auditor.xpath(f"{answers}//a/@href")
    assert linked and all(
        link.startswith(f"{A}/exchanges/") and link.endswith("?at=25") for link in linked
    )
    report = get(demo, f"{API}/reports/audit?at=25").json
    shown = auditor.xpath("//section[@data-part='signed']//pre")
    assert shown[0].text_content() == checkpoint
    auditor.see("This log names no witness.").follow("as a report")
    assert auditor.path == f"{A}/reports/audit?at=25"
    paper = "//section[@class='after block']"
    assert page == [
        [text_of(each) for each in auditor.xpath(f"{paper}{part}")]
        for part in ("/h2", "//td", "//li")
    ]
    auditor.open(f"{A}/audit?at=25").see(report["digest"])


def test_what_changed_is_what_the_difference_says_and_names_the_record_that_set_it(
    demo: Office,
) -> None:
    officer = demo.person("nato/officer")
    difference = get(demo, f"{API}/diff?from=18&to=25", "nato/officer").json
    officer.open(f"{A}/audit?at=25&compare=18")
    numbers = [each["number"] for each in difference["exchanges"] if each.get("number")]
    shown = officer.xpath("//section[@data-part='diff']//th[@scope='rowgroup']//a/@href")
    assert numbers and len(shown) == len(difference["exchanges"])
    officer.at("//section[@data-part='diff']//tr[td[1][contains(., 'Status')]]")
    assert [text_of(each) for each in officer.xpath("./td")] == ["Status", "sent", "echoed", "19"]
    officer.follow("19")
    assert officer.title == "Record 19"
    assert "at=25" in officer.path


def test_a_comparison_that_cannot_be_made_says_why(demo: Office) -> None:
    auditor = demo.person("nato/auditor")
    difference = "//section[@data-part='diff']"
    for compare, said in (
        ("7", "Both are the same record"),
        ("soon", "Records are counted from 1 to"),
    ):
        auditor.open(f"/c/{CALM}/audit?at=7&compare={compare}").at(difference).see(said)
    rows = []
    for query in ("at=7&compare=12", "at=12&compare=7"):
        auditor.open(f"/c/{CALM}/audit?{query}")
        rows.append([text_of(each) for each in auditor.xpath(f"{difference}//tbody")])
    assert rows[0] == rows[1] != [], "either record may be the earlier one"


# Time travel


def test_a_record_is_reached_by_its_number_by_a_time_and_by_buttons(demo: Office) -> None:
    auditor = demo.person("china/auditor").open(f"{A}/audit")
    newest = int(auditor.xpath("//*[@id='travel-slider']/@max")[0])
    for name, position in (
        ("First record", 1),
        ("Record after", 2),
        ("Record before", 1),
        ("Newest record", newest),
    ):
        assert auditor.press(name).title == f"State at record {position}"
    go = "//*[@id='travel']//div//button[not(@name)]"
    auditor.xpath("//*[@id='travel-record']")[0].set("value", "12")
    assert auditor.press_at(go).title == "State at record 12"
    time.sleep(1)  # "now" is a whole second, and the newest record may be of this one
    assert auditor.fill("or time", "now").press_at(go).title == f"State at record {newest}"
    auditor.fill("or time", "yesterday evening").press_at(go)
    (field,) = auditor.xpath("//input[@aria-invalid='true']")
    assert auditor.name_of(field).startswith("or time")
    assert field.get("value") == "yesterday evening"
    title = text_of(auditor.xpath("//title")[0])
    assert title.removeprefix("EXERCISE " * 3).startswith("Error: ")
    assert auditor.press("Back to now").title.startswith("Audit, at record")
    assert "at=" not in auditor.path


def test_every_link_on_a_page_of_the_past_leads_to_the_past_and_no_form_posts(
    demo: Office,
) -> None:
    officer = demo.person("nato/duty_officer")
    for path in (
        "/audit?compare=3&",
        "/log?",
        "/log?side=nato&",
        "/records/12?",
        "/differences?from=3&to=18&",
    ):
        officer.open(f"{A}{path}at=20")
        links = officer.xpath("//main//a/@href|//*[contains(@class, 'mast')]//nav//a/@href")
        assert len(links) > 12, path
        assert [
            link for link in links if link.startswith("/c/") and not re.search(r"[?&]at=\d+", link)
        ] == [], path
        methods = {each.get("method", "get") for each in officer.xpath("//main//form")}
        assert methods <= {"get"}, path


# The log


def test_the_log_is_that_of_the_api_narrowed_as_it_is_asked(demo: Office) -> None:
    answer = get(demo, f"/v1/channels/{CALM}/records", Accept="application/x-ndjson")
    entries = [json.loads(line) for line in answer.body.splitlines()][:18]
    officer = demo.person("nato/officer")
    table = officer.open(f"/c/{CALM}/log.csv?at=18").body.decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(int(row["Record"]), row["Commitment"], row["Actor"]) for row in rows] == [
        (each["position"], each["commit"], each["record"]["actor"]) for each in reversed(entries)
    ]
    officer.open(f"/c/{CALM}/log?at=18").see("This page ends at record 18")
    shown = officer.xpath("//main//tbody/tr")
    assert len(shown) == 18
    assert entries[-1]["commit"][:8] in text_of(shown[0])
    officer.fill("Whose", "china").fill("Act", "officer").press("Show")
    asked = [
        str(each["position"])
        for each in reversed(entries)
        if each["record"]["actor"].startswith("china/")
        and each["record"]["type"].endswith(".officer.v1")
    ]
    assert asked and positions(officer) == asked
    officer.follow("remove: CHINA")
    fields = officer.fields()
    assert (fields["Whose"], fields["Act"]) == ("", "officer")
    officer.fill("Standing", "void").press("Show")
    officer.see("No record matches all of this: Entry of an officer, void.")


def test_a_long_log_is_read_page_by_page(demo: Office) -> None:
    async def work(officer: Caller) -> None:
        for _ in range(55):
            await officer.open(NOTE, TRACK2)

    demo.api("group-a/officer", work)
    reader = demo.person("group-a/officer").open(f"/c/{TRACK2}/log")
    first = positions(reader)
    assert len(first) == 50
    older = positions(reader.follow("older"))
    assert int(older[0]) == int(first[-1]) - 1
    assert positions(reader.follow("newer")) == first


# A record, and its proof


def test_a_record_shows_its_exact_bytes_what_it_changed_and_what_came_of_it(
    demo: Office,
) -> None:
    auditor = demo.person("china/auditor").open(f"{A}/records/20?at=25")
    raw = get(demo, f"{API}/records/20").body.decode()
    (shown,) = auditor.xpath("//section[@aria-labelledby='bytes']//pre")
    assert shown.text_content() == raw
    (mark,) = shown.xpath(".//mark")
    assert mark.text_content() == raw.partition(',"data":')[2][:-1]
    causes = get(demo, f"{API}/records/20/causes").json
    auditor.at("//*[@class='tree']").see(f"record {causes['tree']['position']}")
    auditor.miss("record 26")  # nothing later than the page is shown
    (current,) = auditor.xpath(".//*[@aria-current]/b")
    assert text_of(current) == "Hazardous incident"
    (save,) = auditor.xpath("//a[@download][contains(., 'Save bytes')]")
    assert save.get("download") == f"{EXERCISE}-20.json"
    assert auditor.within("").follow("Show the record after").title == "Record 21"
    assert auditor.open(f"{A}/records/26?at=25").status == 404


def test_the_default_values_of_a_message_stand_behind_its_proof(demo: Office) -> None:
    opened = demo.api("nato/duty_officer", lambda nato: nato.open(INCIDENT, EXERCISE)).json
    state = get(demo, f"{API}/exchanges/{opened['exchange']}").json["state"]
    assert len(state["defaults"]) > 3
    reader = demo.person("china/auditor")
    title = "Default values of what was not said"
    for path in ("/form", ""):
        reader.open(f"{A}/exchanges/{opened['exchange']}{path}")
        assert title not in {text_of(each) for each in reader.xpath("//h2|//summary")}
    reader.open(reader.xpath("//a[@class='proof']/@href")[0])
    assert reader.path.startswith(f"{A}/records/{opened['position']}")
    shown = reader.at("//section[@aria-labelledby='defaults']").xpath(".//dt")
    hidden = {"dtg", "subject"} & state["defaults"].keys()
    assert len(shown) == len(state["defaults"]) - len(hidden)
    reader.open(f"{A}/records/1").miss(title)


def test_the_steps_are_listed_and_the_command_for_another_machine_stands_there(
    demo: Office,
) -> None:
    auditor = demo.person("china/auditor").open(f"/c/{CALM}/records/2")
    steps = [text_of(each) for each in auditor.xpath("//*[@data-said]")]
    assert steps == [""] * 8
    auditor.see(
        "Not checked: scripts are off",
        "dragoman audit check nato-china-2.tlog-proof nato-china-2.json",
    )
    auditor.follow("Save .tlog-proof")
    assert auditor.body.startswith(b"c2sp.org/tlog-proof@v1\nindex 1\n")


@pytest.mark.parametrize(
    "path",
    [
        "/audit",
        "/log",
        "/records/1",
        "/records/1/material",
        "/records/consistency?from=1&to=2",
        "/differences?from=1&to=2",
    ],
)
def test_the_pages_of_a_channel_that_is_not_theirs_are_not_there_for_others(
    path: str, demo: Office
) -> None:
    stranger = demo.person("lithuania/auditor").open(f"/c/{CALM}{path}")
    assert stranger.status == 404

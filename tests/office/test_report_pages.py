"""Statistics, reports, forms and cards, as pages: what they say, in which language, to whom."""

import re
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from dragoman.interop.check_words import check_words
from office import Office
from person import Person, text_of
from samples import act
from service import Caller

CALM, TRACK2, EXERCISE = "nato-china", "nato-china-track2", "nato-china-exercise"
INCIDENT = {
    "act": "hazardous-incident",
    "kind": "collision",
    "time": "2026-03-04T03:05:07+08:00",
    "place": {"lat": 15.1203, "lon": 116.4411},
    "facts": "A boat touched the stern of a tanker.",
    "precedence": "priority",
}


def get(demo: Office, path: str, who: str = "nato/duty_officer", **headers: str) -> Any:
    return demo.api(who, lambda caller: caller.get(f"/v1/channels/{path}", **headers))


def incident(demo: Office, channel: str = CALM) -> Any:
    return demo.api("nato/duty_officer", lambda nato: nato.open(INCIDENT, channel)).json


def acknowledged(demo: Office, exchange: str) -> Any:
    return demo.api(
        "china/duty_officer", lambda china: china.act(exchange, {"act": "acknowledgement"})
    )


def corrected(demo: Office, channel: str = CALM) -> str:
    """An incident of which what happened was corrected; its exchange."""
    fields = {"facts": "A boat touched the bow of a tanker."}
    correction = {"act": "correction", "fields": fields, "reason": "Bow and stern were confused."}

    async def work(nato: Caller) -> str:
        exchange = str((await nato.open(INCIDENT, channel)).json["exchange"])
        tag = (await nato.get(f"/v1/channels/{channel}/exchanges/{exchange}")).headers["ETag"]
        answer = await nato.act(exchange, correction, channel, If_Match=tag)
        assert answer.status == 201, answer.body
        return exchange

    return demo.api("nato/duty_officer", work)


def section_rows(person: Person, title: str) -> dict[str, list[str]]:
    """The rows of a section's table by their first cell."""
    person.at(f"//section[h2[normalize-space()='{title}']]")
    found = {row[0].split()[0]: row for row in person.rows()}
    person.within("")
    return found


def in_error(person: Person) -> bool:
    return text_of(person.xpath("//title")[0]).startswith("Error: ")


# Statistics


def test_the_statistics_are_those_of_the_api_and_of_the_record_of_the_period(demo: Office) -> None:
    for _ in range(2):
        last = acknowledged(demo, incident(demo)["exchange"])
    position = last.headers["Dragoman-Position"]
    asked = get(demo, f"{CALM}/statistics?at={position}").json
    owed = [
        each
        for each in asked["clocks"]
        if each["clock"] == "acknowledgement" and each["side"] == "china"
    ]
    measured = sum(each["took"]["measured"] for each in owed if "took" in each)
    reader = demo.person("nato/auditor").open(f"/c/{CALM}/statistics?at={position}")
    cells = section_rows(reader, "How long each side took to acknowledge")["CHINA"]
    assert int(cells[1]) == sum(map(int, cells[5:])) == measured >= 2
    assert int(cells[5]) >= 2
    urgency = section_rows(reader, "How urgently each side sent what it opened")
    for side in ("nato", "china"):
        count = sum(row["opened"] for row in asked["opened"] if row["side"] == side)
        assert urgency[side.upper()][1] == str(count)
    sections = {text_of(each) for each in reader.xpath("//section/h2")}
    reader.open(f"/c/{CALM}/reports/period?at={position}")
    assert sections - {text_of(each) for each in reader.xpath("//section/h3")} == {
        "How long each side took to acknowledge"
    }
    reader.open(f"/c/{CALM}/statistics?at={position}")
    headings = {text_of(each) for each in reader.xpath("//h2|//h3")}
    assert {
        "Line checks",
        "Corrections and cancellations",
        "Translations",
        "Last words",
        "When a side could not have noticed",
    } <= headings
    lines = reader.open(f"/c/{CALM}/statistics.csv?at={position}").body.decode().splitlines()
    assert lines[0].startswith("section,Side,Opened,")


def test_a_period_is_asked_for_as_officers_write_times_and_what_cannot_be_read_is_said_beside_its_field(
    demo: Office,
) -> None:
    reader = demo.person("nato/officer").open(f"/c/{CALM}/statistics")
    today = f"{datetime.now(UTC):%d %b %Y}"
    reader.fill("From", today).fill("Side", "china").press("Show the period")
    reader.see("00:00:00Z to ")
    assert reader.fields()["From"] == today
    assert {*section_rows(reader, "How urgently each side sent what it opened")} & {
        "NATO",
        "CHINA",
    } == {"CHINA"}
    reader.fill("From", "3/4 03:05").press("Show the period")
    assert in_error(reader)
    reader.see("There is a problem")
    assert reader.fields()["From"] == "3/4 03:05"
    (field,) = reader.xpath("//input[@aria-invalid='true']")
    assert field.get("aria-describedby") == "from-hint from-fault"
    reader.at("//*[@id='from-fault']")
    assert reader.text == "Day or month? Write the month as a word, like 24 Nov."
    for query, sentence in (
        ("from=%2B5+min", "begins when it is over"),
        ("to=1+Jan+1999", "had not been opened then"),
    ):
        reader.open(f"/c/{CALM}/statistics?{query}").at("//main//*[@role='alert']").see(sentence)


def test_a_channel_without_clocks_shows_no_clocks(demo: Office) -> None:
    reader = demo.person("group-a/officer").open(f"/c/{TRACK2}/statistics")
    reader.see("No clock runs in this channel, and no time is owed.").miss("Line checks")


# Reports


def test_what_reports_there_are_is_said_in_a_sentence_each_and_who_may_read_which(
    demo: Office,
) -> None:
    officer, auditor = demo.person("nato/officer"), demo.person("nato/auditor")
    for reader in (officer, auditor):
        reader.open(f"/c/{CALM}").follow("Reports")
        assert reader.title == "Reports"
        assert len(reader.xpath("//main//section")) == 6
    assert "Open the turn-over note" in officer.links()
    assert "Open the turn-over note" not in auditor.links()
    auditor.see("Officers read it; you are signed in as auditor.")
    auditor.open(f"/c/{CALM}/reports/turn-over")
    auditor.see("The turn-over note is for the officers of a side")
    officer.follow("Open the turn-over note")
    assert officer.title.startswith("Turn-over of the watch of NATO")


@pytest.mark.parametrize(
    ("language", "button"), [("en", "English"), ("fr", "Français"), ("zh", "中文")]
)
def test_a_report_is_the_apis_own_in_the_readers_language(
    language: str, button: str, demo: Office
) -> None:
    incident(demo)
    position = get(demo, f"{CALM}/state").json["position"]
    reader = demo.person("nato/officer").open(f"/c/{CALM}/reports")
    if language != "en":  # no button leads to the language that is shown
        reader = reader.press(button)
    for name in ("situation", "turn-over", "period"):
        path = f"/c/{CALM}/reports/{name}"
        shown = reader.open(f"{path}.json?at={position}").json
        again = shown["again"].removeprefix("/v1/channels/")
        answer = get(demo, f"{again}&language={language}", Accept="text/markdown")
        markdown = answer.body.decode()
        assert reader.open(f"{path}?at={position}&as=markdown").body.decode() == markdown
        assert f"`/v1/channels/{again}&language={language}`" in markdown, (
            "a text names the path that gives it again, in its language"
        )
        assert shown == get(demo, again, "nato/duty_officer").json
        reader.open(f"{path}?at={position}")
        assert reader.tree.get("lang") == ("zh-Hans" if language == "zh" else language)
        title = re.sub(r"\\(.)", r"\1", markdown.partition("# ")[2].partition("\n")[0])
        assert reader.title == title.replace("\N{NO-BREAK SPACE}", " ")


def test_the_turn_over_note_says_which_accounts_differ_and_what_was_said_since(
    demo: Office,
) -> None:
    demo.api(
        "nato/duty_officer",
        lambda nato: nato.post(f"/v1/channels/{CALM}/channel", {"act": "watch-assumption"}),
    )
    opened = incident(demo)
    account = {
        **INCIDENT,
        "act": "counter-account",
        "facts": "The boat kept clear of the tanker.",
        "time": "2026-03-04T03:09:00+08:00",
    }
    account.pop("precedence")
    answer = demo.api(
        "china/duty_officer", lambda china: china.act(opened["exchange"], account, CALM)
    )
    assert answer.status == 201
    reader = demo.person("nato/duty_officer").open(f"/c/{CALM}/reports/turn-over")

    def rows(section: str) -> list[list[str]]:
        found = reader.at(f"//main//section[.//h2[normalize-space()='{section}']]").rows()
        return [row for row in found if any(opened["number"] in cell for cell in row)]

    assert any("accounts differ: Time" in cell for row in rows("Mine now") for cell in row)
    said = [row[2] for row in rows("Since the watch was taken over")]
    assert said == ["NATO", "CHINA"], "the answer stands there as well"
    reader.at("//main//section[.//h2[normalize-space()='Watch and line']]")
    reader.see("Line to NATO: no check on record.").miss("0 of 0")


def test_a_chinese_reports_own_words_are_chinese(demo: Office) -> None:
    incident(demo)
    reader = demo.person("nato/officer").open(f"/c/{CALM}").press("中文")
    for name in ("situation", "turn-over", "period"):
        reader.open(f"/c/{CALM}/reports/{name}")
        paper = reader.xpath("//*[contains(concat(' ', @class, ' '), ' paper ')]")[0]
        parts = paper.xpath(
            ".//text()[not(ancestor::code) and not(ancestor::span[@lang]) and not(ancestor::*[contains(concat(' ', @class, ' '), ' said ')"
            " or contains(concat(' ', @class, ' '), ' asked ')])]"
        )
        words = re.sub(
            r"NATO-CHINA\S*|nato-china|/v1/\S+|[0-9a-f]{64}|[0-9a-f-]{36}|NATO|CHINA|(?<=[0-9])Z|NOTAM"
            r"|NAVAREA|SHA-256|[NSEW](?![A-Za-z])|\b(?:nm|kn|ft|km|m)\b|[a-z]+/[a-z]+",
            "",
            "".join(parts),
        )
        assert re.findall(r"[\u4e00-\u9fff]{4,}", words)
        assert re.findall(r"[A-Za-z]{2,}", words) == [], words
        reader.follow("仅正文，供打印")  # noqa: RUF001
        assert reader.tree.get("lang") == "zh-Hans"


def test_an_address_of_a_yearly_review_leads_to_the_record_of_the_year(demo: Office) -> None:
    year = datetime.now(UTC).year
    reader = demo.person("nato/officer").open(f"/c/{CALM}/reports/year")
    assert reader.path == f"/c/{CALM}/reports/period?from=1+Jan+{year}"
    reader.see("Record of the period", "Yearly exchanges", "Undertakings", "Questions left open")
    reader.open(f"/c/{CALM}/reports/year?year={year}&at=9")
    assert reader.path == f"/c/{CALM}/reports/period?from=1+Jan+{year}&at=9"
    answer = get(demo, f"{CALM}/reports/year?year={year}")
    assert answer.json["from"] == f"{year}-01-01T00:00:00.000Z"


def test_a_period_that_cannot_be_reported_is_asked_for_again(demo: Office) -> None:
    reader = demo.person("nato/officer")
    reader.open(f"/c/{CALM}/reports/period?from=yesterday")
    assert in_error(reader)
    (field,) = reader.xpath("//input[@aria-invalid='true']")
    assert reader.name_of(field) == "From"
    reader.fill("From", f"{datetime.now(UTC):%d %b %Y}").press("Show the period")
    assert reader.title.startswith("Record of the period")


def test_each_report_names_who_dissents_from_which_paragraph_of_a_joint_report(
    demo: Office,
) -> None:
    body = act("joint-report", paragraphs=["Told 42 days before.", "Not close to a coast."])
    sent = demo.api("nato/officer", partial(Caller.open, body=body, channel=CALM))
    id = sent.json["exchange"]
    path = f"/v1/channels/{CALM}/exchanges/{id}"
    text = "21 days are enough."
    for said in (
        {"act": "dissent", "paragraph": 1, "text": text},
        {"act": "endorsement", "paragraph": 2},
    ):
        tag = demo.api("china/officer", partial(Caller.get, path=path)).headers["ETag"]
        more = {"exchange": id, "body": said, "channel": CALM}
        assert demo.api("china/officer", partial(Caller.act, **more, If_Match=tag)).status == 201
    assert get(demo, f"{CALM}/exchanges/{id}").json["state"]["status"] == "settled_with_dissent"
    reader = demo.person("nato/auditor")
    for report in ("period", "audit"):
        reader.open(f"/c/{CALM}/reports/{report}")
        reader.see("Dissents", "CHINA", text, "settled with dissent")
        found = get(demo, f"{CALM}/reports/{report}", "nato/auditor").json
        rows = (
            [
                row
                for family in found["families"]
                for exchange in family["exchanges"]
                for row in exchange.get("dissents", ())
            ]
            if report == "period"
            else found["dissents"]
        )
        assert [
            (row["side"], row["paragraph"], row["text"], row["matter"]["status"]) for row in rows
        ] == [("china", 1, text, "settled_with_dissent")]


# What is printed


def test_page_form_and_card_say_which_side_has_confirmed_what_was_said_in_its_name(
    demo: Office,
) -> None:
    line = {key: value for key, value in act("public-line").items() if key != "to"}
    spoken = {**line, "on_behalf_of": ["nato", "china"]}
    exchange = demo.api("nato/head_of_office", partial(Caller.open, body=spoken, channel=CALM))
    id = exchange.json["exchange"]
    reader, path = demo.person("nato/officer"), f"/v1/channels/{CALM}/exchanges/{id}"
    said = "Said in the name of other sides: CHINA"
    for confirmed in (False, True):
        if confirmed:
            tag = demo.api("china/officer", partial(Caller.get, path=path)).headers["ETag"]
            agreement = {"exchange": id, "body": {"act": "agreement"}, "channel": CALM}
            agreeing = partial(Caller.act, **agreement, If_Match=tag)
            assert demo.api("china/head_of_office", agreeing).status == 201
        for page in ("", "/form", "/card"):
            reader.open(f"/c/{CALM}/exchanges/{id}{page}")
            reader.see(f"{said} ({'confirmed' if confirmed else 'not confirmed'})")


def test_a_form_has_every_field_the_correction_beside_the_original_and_the_check_words_at_its_end(
    demo: Office,
) -> None:
    exchange = corrected(demo)
    acknowledged(demo, exchange)
    timeline = get(demo, f"{CALM}/exchanges/{exchange}").json["timeline"]
    form = f"/c/{CALM}/exchanges/{exchange}/form"
    reader = demo.person("nato/duty_officer").open(form).miss("not known yet")
    facts = "//tr[th[normalize-space()='Facts']]"
    sent = reader.within("").at(f"//table[@data-message]{facts}")
    sent.see("A boat touched the stern of a tanker.", "changed since, record ")
    sent.miss("A boat touched the bow of a tanker.")
    reader.within("").at(f"//table[@data-standing]{facts}").see(
        "A boat touched the bow of a tanker.", "corrected by NATO, record "
    )
    reader.within("").see("Bow and stern were confused.")
    reader.at("//*[contains(@class, 'end-mark')]")
    for entry in timeline:
        if entry.get("number"):
            reader.see(entry["number"], " ".join(check_words(entry["commit"])))
    assert re.search(r"Printed at record \d+ at .*Z by duty officer, NATO\.", reader.text)
    for part in ("thead", "tfoot"):
        reader.at(f"//table[contains(@class, 'printed')]/{part}")
        reader.see("SIDES ONLY", timeline[0]["number"])
    reader.open(f"{form}?at={timeline[0]['position']}").at("//*[contains(@class, 'end-mark')]")
    assert len(reader.xpath(".//*[contains(@class, 'check-words')]")) == 1
    assert reader.within("").xpath("//*[@data-since]") == []


def test_what_is_printed_under_the_chatham_house_rule_names_nobody_also_where_an_update_did(
    demo: Office,
) -> None:
    note = {
        "act": "contact-note",
        "form": "conversation",
        "text": "We talked.",
        "attribution": "chatham_house",
    }

    async def work(nato: Caller) -> Any:
        exchange = str((await nato.open(note, CALM)).json["exchange"])
        state = (await nato.get(f"/v1/channels/{CALM}/exchanges/{exchange}")).json["state"]
        speaker = state["opened"]["by"].partition("/")[2]
        fields = {"venue": "At the lake", "acting_for": speaker, "references": [state["number"]]}
        said = await nato.act(exchange, {"act": "update", "fields": fields}, CALM)
        assert said.status == 201, said.json
        return exchange, state["number"], speaker

    exchange, number, speaker = demo.api("nato/duty_officer", work)
    reader = demo.person("china/officer").open(f"/c/{CALM}/exchanges/{exchange}/form")
    reader.at("//table[contains(@class, 'printed')]/tbody").see("At the lake").miss(number, speaker)


def test_a_card_spells_numbers_times_and_places_and_ends_with_what_is_read_back(
    demo: Office,
) -> None:
    exchange = corrected(demo, EXERCISE)
    reader = demo.person("china/officer").open(f"/c/{EXERCISE}/exchanges/{exchange}/card")
    reader.see(
        "stroke November Alfa Tango Oscar",
        "three March two zero two six time one nine zero five zero seven Zulu",
        "one five degrees zero seven minutes one three seconds North",
        "one one six degrees two six minutes two eight seconds East",
        "Read back: the number and the four check words.",
    )
    lines = [text_of(each) for each in reader.xpath("//*[contains(@class, 'card-lines')]//li")]
    sent, now = (
        next(number for number, line in enumerate(lines) if f"A boat touched the {part}" in line)
        for part in ("stern", "bow")
    )
    assert sent < now
    assert "corrected by NATO, record " in lines[now]
    commit = get(demo, f"{EXERCISE}/exchanges/{exchange}").json["timeline"][0]["commit"]
    words = reader.xpath("//*[contains(@class, 'check-words')]")[0]
    assert text_of(words) == " ".join(check_words(commit))
    drill = "EXERCISE EXERCISE EXERCISE"
    assert [text_of(each) for each in reader.xpath("//*[contains(@class, 'card-drill')]")] == [
        drill,
        drill,
    ]
    for part in ("thead", "tfoot"):
        reader.at(f"//table[contains(@class, 'printed')]/{part}").see(drill)


def test_a_flash_takes_over_a_page_that_is_to_be_printed(demo: Office) -> None:
    exchange = incident(demo, EXERCISE)["exchange"]
    flash = {**INCIDENT, "precedence": "flash"}
    number = demo.api("nato/duty_officer", lambda nato: nato.open(flash, EXERCISE)).json["number"]
    reader = demo.person("china/duty_officer")
    for path in (f"exchanges/{exchange}/form", "reports/situation"):
        reader.open(f"/c/{EXERCISE}/{path}").at("//*[@id='bars']").see(number)

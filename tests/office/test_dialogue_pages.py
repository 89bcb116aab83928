"""The dialogue of a channel: roadmap, perceptions, reports, documents, recommendations, programmes."""

from typing import Any

from office import Office
from person import Person, text_of
from service import Caller

CALM, TRACK2 = "nato-china", "nato-china-track2"
PAGE = f"/c/{CALM}/dialogue"


def opened(demo: Office, side: str, body: Any) -> Any:
    """A side's officer opens an exchange."""
    return demo.api(f"{side}/officer", lambda officer: officer.open(body)).json


def carried_on(demo: Office, side: str, exchange: str, body: Any) -> None:
    """Carry an exchange on by an act that rests on the exchange as it stands."""

    async def carry_on(caller: Caller) -> None:
        stands = await caller.get(f"/v1/channels/{CALM}/exchanges/{exchange}")
        answer = await caller.act(exchange, body, CALM, If_Match=stands.headers["ETag"])
        assert answer.status == 201, answer.body

    demo.api(f"{side}/officer", carry_on)


def asked(demo: Office, path: str) -> Any:
    """Return an answer of the API to NATO's officer."""
    return demo.api("nato/officer", lambda nato: nato.get(f"/v1/channels/{CALM}/{path}")).json


def perception(issue: str, own_view: Any) -> dict[str, Any]:
    return {"act": "perception", "issue": issue, "own_view": own_view}


def quoted(reader: Person) -> list[str]:
    """The words of the sides on the part that is looked at."""
    return [text_of(each) for each in reader.xpath(".//blockquote")]


def columns(reader: Person) -> list[str]:
    """The sides of an issue, from left to right."""
    return [text_of(each) for each in reader.xpath(".//h4")]


def test_the_roadmap_shows_what_the_api_has_and_leads_to_all_that_belongs_to_an_item(
    demo: Office,
) -> None:
    item = {
        "act": "roadmap-item",
        "area": "general",
        "text": "Offices in both capitals",
        "deliverable": "two offices",
        "period": {"from": "2092-01-19T00:00:00Z", "to": "2092-01-20T00:00:00Z"},
    }
    made = opened(demo, "nato", item)
    carried_on(demo, "china", made["exchange"], {"act": "agreement"})
    carried_on(demo, "nato", made["exchange"], {"act": "status-change", "status": "scheduled"})
    note = {
        "act": "contact-note",
        "form": "conversation",
        "text": "Rooms were looked at.",
        "references": [made["number"]],
    }
    belongs = opened(demo, "china", note)

    roadmap = asked(demo, "roadmap")
    reader = demo.person("nato/auditor").open(PAGE)
    assert reader.title == "Dialogue and roadmap"
    reader.see("Next: two offices, scheduled for 19 Jan 2092.")
    (chart,) = reader.xpath("//svg[contains(@class, 'chart')]")
    drawn = text_of(chart)
    for text in ("period 19 Jan 2092 to 20 Jan 2092", "scheduled, Jan", "proposed, Mar"):
        assert text in drawn, drawn
    assert chart.xpath(".//rect[contains(@class, 'band')]")
    assert "Propose an item" not in reader.links()
    reader.within("Roadmap table")
    rows = [" ".join(row) for row in reader.rows()]
    for area in roadmap["areas"]:
        for each in area["items"]:
            (row,) = [row for row in rows if each["number"] in row]
            assert each["deliverable"] in row
    assert reader.links()[belongs["number"]] == f"/c/{CALM}/exchanges/{belongs['exchange']}"
    shown = reader.open(f"{PAGE}.json").json
    assert {each["exchange"]: each["status"] for each in shown["roadmap"]} == {
        each["exchange"]: each["status"] for area in roadmap["areas"] for each in area["items"]
    }
    lines = reader.open(f"{PAGE}.csv").body.splitlines()
    assert len(lines) == len(shown["roadmap"]) + 1


def test_each_side_is_read_in_its_own_words_or_through_the_others_eyes(demo: Office) -> None:
    ours = opened(demo, "nato", perception("Exercises", "They keep the peace."))["exchange"]
    theirs = {"zh-Hans": "令邻国不安。", "en": "They make neighbours uneasy."}
    opened(demo, "china", perception("Exercises", theirs))
    first, second = "You hold that drills deter.", "You hold that drills keep the peace."
    carried_on(demo, "china", ours, {"act": "restatement", "text": first})
    carried_on(demo, "nato", ours, {"act": "fairness", "result": "not_our_view"})
    carried_on(demo, "china", ours, {"act": "restatement", "text": second})
    carried_on(demo, "nato", ours, {"act": "fairness", "result": "fair"})

    officer = demo.person("nato/officer").open(PAGE).within("Issue: Exercises")
    said = quoted(officer)
    assert said[0] == "They keep the peace." and "They make neighbours uneasy." in said[1]
    (foreign,) = officer.xpath(".//*[@lang='zh-Hans']")
    assert text_of(foreign) == "令邻国不安。"
    officer.see("A fair account, says NATO.", "1 earlier try")
    assert first not in quoted(officer)
    assert officer.text.count("Restate it in your words") == 1
    officer.within("")
    (eyes,) = [name for name in officer.links() if name.startswith("through the other")]
    officer.follow(eyes).within("Issue: Exercises")
    assert quoted(officer)[0] == second
    assert columns(officer) == ["NATO ours", "CHINA"]
    officer.within("").follow("CHINA").within("Issue: Exercises")
    assert columns(officer) == ["CHINA", "NATO ours"]
    shown = officer.open(f"{PAGE}.json").json
    assert [each["issue"] for each in shown["issues"]] == [
        each["issue"] for each in asked(demo, "perceptions")["issues"]
    ]


def test_who_may_fill_the_empty_column_of_an_issue_is_led_there(demo: Office) -> None:
    made = opened(demo, "china", perception("Offices", "They should be opened."))
    officer, auditor = demo.person("nato/officer"), demo.person("nato/auditor")
    for reader in (officer, auditor):
        reader.open(PAGE).within("Issue: Offices")
        reader.see("No statement.", "Not restated yet.", "Common ground: none yet.")
    restatement = f"/c/{CALM}/exchanges/{made['exchange']}/acts/restatement"
    assert officer.links()["Restate it in your words"] == restatement
    assert "Write your view of it" in officer.links()
    assert "Restate it in your words" not in auditor.links()


def test_common_ground_stands_once_every_side_puts_its_name_to_the_same_text(demo: Office) -> None:
    exchange = opened(demo, "nato", perception("The line", "It is needed."))["exchange"]
    text = "The line is to be tested daily."
    carried_on(demo, "nato", exchange, {"act": "common-ground", "text": text})
    reader = demo.person("china/officer")
    reader.open(PAGE).within("Issue: The line").see("Offered by NATO")
    carried_on(demo, "china", exchange, {"act": "common-ground", "text": text})
    reader.open(PAGE).within("Issue: The line").see("Common ground of every side")
    assert text in quoted(reader)


def test_a_joint_report_shows_paragraph_by_paragraph_who_stands_behind_it(demo: Office) -> None:
    report = {
        "act": "joint-report",
        "title": "What a year taught",
        "paragraphs": ["The line was checked.", "Every flash was answered."],
    }
    made = opened(demo, "nato", report)["exchange"]
    carried_on(demo, "china", made, {"act": "endorsement", "paragraph": 1})
    dissent = {"act": "dissent", "paragraph": 2, "text": "One answer came late."}
    carried_on(demo, "china", made, dissent)
    reader = demo.person("china/officer").open(PAGE)
    reader.see("1 of 2 paragraphs endorsed by every side; 1 dissent")
    reader.follow("What a year taught")
    assert reader.title == "What a year taught"
    page = reader.path
    reader.see("No release of it was proposed.")
    reader.within("Paragraph 1").see("CHINA: endorses it")
    reader.within("Paragraph 2").see("CHINA: sees it otherwise", "One answer came late.")
    (before,) = reader.within("").xpath("//body/@data-position")
    carried_on(demo, "china", made, {"act": "endorsement", "paragraph": 2})
    reader.open(page).within("Paragraph 2")
    reader.see("CHINA: saw it otherwise before")
    reader.open(f"{PAGE}/{made}?at={before}").within("Paragraph 2").see("CHINA: sees it otherwise")


def test_two_sides_write_one_text_with_brackets_and_compare_its_versions(demo: Office) -> None:
    text = "Exercises of more than 9,000 troops are told 42 days before."
    theirs = "Exercises of more than 9,000 troops are told 21 days before."
    report = {
        "act": "joint-report",
        "title": "On notice",
        "authentic": ["en", "zh"],
        "paragraphs": [{"en": text, "zh": "超过9000人的演习提前42天通报。"}],
    }
    made = opened(demo, "nato", report)["exchange"]
    reader = demo.person("china/officer").open(f"{PAGE}/{made}")
    reader.see("Equally authentic: English, 中文")
    reader.follow("Put other words beside it, in brackets")
    assert reader.fields()["Paragraphs 1: Exercises of more than 9,000 troops are told 42 days"]
    reader.fill("Your side’s words for it, English (optional)", theirs)
    reader.press("Check before sending")
    reader.press("Send to NATO").see("Recorded: record")
    reader.open(f"{PAGE}/{made}").see(f"[{theirs}]", "CHINA: has not endorsed it")
    reader.miss("no statement")
    reader.open(f"/c/{CALM}/exchanges/{made}").see("is not agreed")
    assert reader.follow("Joint report").path == f"{PAGE}/{made}"
    both = {"en": theirs, "zh": "超过9000人的演习提前21天通报。"}
    correction = {"act": "correction", "reason": "Taken.", "fields": {"paragraphs": [both]}}
    carried_on(demo, "nato", made, correction)
    reader.open(f"/c/{CALM}/exchanges/{made}").follow("Compare its versions")
    marked = reader.xpath("//*[contains(@class, 'marked')]")
    for each in marked:
        assert [each.xpath("string(.//del)"), each.xpath("string(.//ins)")] == ["42", "21"]
    assert len(marked) == 2
    carried_on(demo, "china", made, {"act": "endorsement", "ad_referendum": True})
    reader.open(f"{PAGE}/{made}").see("Ad referendum: CHINA.")


def test_what_is_no_joint_report_is_shown_as_the_exchange_that_it_is(demo: Office) -> None:
    note = {"act": "contact-note", "form": "conversation", "text": "Talked."}
    exchange = opened(demo, "nato", note)["exchange"]
    reader = demo.person("nato/officer").open(f"{PAGE}/{exchange}")
    assert reader.path == f"/c/{CALM}/exchanges/{exchange}"


def test_documents_recommendations_lessons_and_programmes_stand_with_what_each_side_said_of_them(
    demo: Office,
) -> None:
    document = {
        "act": "reference-document",
        "issuer": "NATO",
        "title": "Concept",
        "date": "2022-06-29",
        "passages": ["It challenges us."],
        "published": "https://example.org/concept",
    }
    held = opened(demo, "nato", document)["exchange"]
    carried_on(demo, "china", held, {"act": "reaction", "text": "It is of the Cold War."})
    for side in ("china", "nato"):
        carried_on(demo, side, held, {"act": "closure"})
    lesson = {"act": "lesson", "text": "Send it before it is published."}
    carried_on(demo, "nato", held, lesson)
    advice = {
        "act": "recommendation",
        "area": "climate-change",
        "addressees": ["nato", "china"],
        "text": "Meet yearly on relief",
    }
    advised = opened(demo, "nato", advice)["exchange"]
    carried_on(demo, "china", advised, {"act": "fate", "result": "taken_up"})
    programme = {
        "act": "people-programme",
        "kind": "students",
        "host": "china",
        "period": {"from": "2027-03-01T00:00:00Z", "to": "2027-06-30T00:00:00Z"},
        "planned": 0,
    }
    opened(demo, "nato", programme)
    reader = demo.person("nato/officer").open(PAGE)
    reader.within("Reference documents, and what").see("It is of the Cold War.")
    reader.within("Lessons").see("Send it before it is published.", "NATO:")
    (became,) = [
        row[-1]
        for row in reader.within("Recommendations").rows()
        if any("Meet yearly on relief" in cell for cell in row)
    ]
    assert became.startswith("taken up") and "recorded by CHINA" in became
    (planned,) = [
        row[-2:]
        for row in reader.within("Contacts between people").rows()
        if any("1 Mar 2027" in cell for cell in row)
    ]
    assert planned == ["0", "no statement"]


def test_a_past_page_shows_what_was_said_by_then_and_asks_for_nothing(demo: Office) -> None:
    made = opened(demo, "china", perception("Visits", "They help."))
    restatement = {"act": "restatement", "text": "You find visits useful."}
    carried_on(demo, "nato", made["exchange"], restatement)
    at = made["position"]
    reader = demo.person("nato/officer").open(f"{PAGE}?at={at}")
    links = reader.xpath(f"//main//a[starts-with(@href, '/c/{CALM}/')]/@href")
    assert links and [link for link in links if f"at={at}" not in link] == []
    reader.within("Issue: Visits").see("Not restated yet.")
    assert "Restate it in your words" not in reader.links()
    reader.open(f"{PAGE}?at={at - 1}").miss("Visits")


def test_a_track_2_dialogue_is_its_own_and_says_what_is_not_there(demo: Office) -> None:
    reader = demo.person("group-a/officer").open(f"/c/{TRACK2}/dialogue")
    reader.see("The roadmap has no item yet.", "No programme was proposed.")
    reader.within("intentions of the other")
    assert len(quoted(reader)) == 2

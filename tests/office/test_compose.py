"""Writing: the four-field incident, every format from its shapes, the check page, drafts and their
release, what happens to what was typed.
"""

import json
import re
import signal
import time
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import fields as fields_of

from dragoman.domain.acts.act_registry import FORMATS
from dragoman.i18n.words import words
from dragoman.members import shapes
from dragoman_schemas.acts import SHAPES
from office import Office
from patience import PATIENCE_S
from person import Person, text_of
from samples import SAMPLES
from service import INCIDENT

CALM, EXERCISE = "nato-china", "nato-china-exercise"
CHECK = "//main//*[@name='do'][@value='check']"
SEND = "//main//*[@name='do'][@value='send']"


def get(demo: Office, path: str, who: str = "nato/officer", **headers: str) -> Any:
    return demo.api(who, lambda caller: caller.get(f"/v1/channels/{CALM}/{path}", **headers))


def act_of(person: Person) -> Any:
    """The act that the check page is about."""
    return json.loads(person.xpath("//*[@id='act-bytes']")[0].text_content())


def at_id(person: Person, id: str) -> Any:
    (field,) = person.tree.xpath("//*[@id=$id]", id=id)
    return field


def incident(person: Person, **fields: str) -> Person:
    """Fill the four fields."""
    person.open(f"/c/{CALM}/compose/hazardous-incident").choose("near miss")
    at_id(person, "f-time").set("value", fields.get("time", "0305"))
    at_id(person, "f-place").set("value", fields.get("place", "15-07N 116-26E"))
    facts = person.xpath("//textarea[starts-with(@name, 'f.facts')]")[0]
    facts.text = "Two aircraft passed close. Rest unknown."
    return person


def recorded(demo: Office, person: Person) -> Any:
    assert person.title.startswith("Recorded: record"), person.text
    return get(demo, f"records/{re.sub(r'[^0-9]', '', person.title)}").json


def test_an_incident_is_reported_in_three_pages_exactly_as_it_was_checked(demo: Office) -> None:
    nato = incident(demo.person("nato/duty_officer")).press("Check before sending")
    assert nato.title == "Check before sending"
    act = act_of(nato)
    assert list(act) == ["act", "kind", "time", "place", "facts"]
    assert act["place"] == {"lat": 15.116667, "lon": 116.433333}
    assert act["time"].endswith("T03:05:00Z")
    shown = "".join(nato.xpath("//main//text()[not(ancestor::pre or ancestor::form)]"))
    assert shown.count("Two aircraft passed close. Rest unknown.") == 1, "the message stands once"
    nato.at("//section[@aria-labelledby='then']").see("CHINA owes: Acknowledgement").within("")
    nato.press("Send to CHINA (immediate)")
    assert recorded(demo, nato)["data"] == act
    assert nato.follow("Open the exchange").title.startswith("Mine now Near miss: 2 moves for NATO")


def test_what_was_typed_stays_after_an_error_and_each_error_leads_to_its_field(
    demo: Office,
) -> None:
    nato = demo.person("nato/duty_officer")
    incident(nato, place="15.1203 116.4411", time="32:99").press("Check before sending")
    assert text_of(nato.xpath("//title")[0]).startswith("Error: ")
    nato.see("Did you mean 15.1203N 116.4411E? Write N or S and E or W.")
    place = at_id(nato, "f-place")
    assert (place.get("aria-invalid"), place.get("value")) == ("true", "15.1203 116.4411")
    assert "Two aircraft passed close. Rest unknown." in nato.fields().values()
    assert "#f-place" in nato.links().values() and "#f-time" in nato.links().values()
    place.set("value", "15.1203N 116.4411E")
    at_id(nato, "f-time").set("value", "240305H NOV 26")
    nato.press_at(CHECK)
    assert act_of(nato)["time"] == "2026-11-23T19:05:00Z"
    nato.press_at("//main//*[@name='do'][@value='change']")
    assert at_id(nato, "f-time").get("value") == "240305H NOV 26"


def test_what_takes_two_keys_is_written_by_one_officer_and_released_by_another(
    demo: Office,
) -> None:
    nato = demo.person("nato/officer").open(f"/c/{CALM}/compose/explanation-request")
    for name, value in (
        ("f.cause", "Unusual activity in the area"),
        ("f.questions", "What is it for?\n\nWhen does it end?"),
    ):
        nato.xpath(f"//textarea[starts-with(@name, '{name}')]")[0].text = value
    nato.xpath("//input[starts-with(@name, 'f.type')]")[0].set("value", "concentration of forces")
    at_id(nato, "f-place").set("value", "Strait")
    nato.press_at(CHECK).see("This takes a second officer")
    act = act_of(nato)
    assert [next(iter(each.values())) for each in act["questions"]] == [
        "What is it for?",
        "When does it end?",
    ]
    nato.press("Keep as draft").see("A colleague of your side releases it.")
    assert not any(each.startswith("Release") for each in nato.buttons())
    address = nato.path.partition("?")[0]
    head = demo.person("nato/head_of_office").open(address).see("released by you")
    assert not any("Record" in each or "Send" in each for each in head.buttons()), "one verb"
    head.press("Release")
    record = recorded(demo, head)
    assert (record["actor"], record["releasedby"], record["data"]) == ("nato/o-1", "nato/h-1", act)
    demo.person("china/head_of_office").open(address).see("Your side has no such draft.")


def test_the_button_that_releases_a_flash_names_it_first(demo: Office) -> None:
    body = {"act": {**SAMPLES["terrorism-warning"], "precedence": "flash"}}
    path = f"/v1/channels/{CALM}/drafts"
    draft = demo.api("nato/officer", lambda nato: nato.post(path, body)).json["id"]
    head = demo.person("nato/head_of_office").open(f"/c/{CALM}/drafts/{draft}")
    assert "Release FLASH to CHINA" in [each.partition(" Ctrl")[0] for each in head.buttons()]


def test_more_options_are_shown_when_asked_and_while_one_of_them_is_filled(demo: Office) -> None:
    def names(person: Person) -> set[str]:
        return set(person.xpath("//main//*[self::input or self::textarea or self::select]/@name"))

    note, nato = f"/c/{CALM}/compose/contact-note", demo.person("nato/duty_officer")
    every = names(nato.open(f"{note}?more=1"))
    few = names(nato.open(note).fill("Text, English", "We spoke.").choose("conversation"))
    assert len(few) < len(every) / 2
    nato.press("Show more fields")
    assert names(nato) == every
    assert nato.fields()["Text, English"] == "We spoke."
    (remarks,) = nato.xpath("//textarea[starts-with(@name, 'f.remarks')]")
    remarks.text = "By telephone."
    nato.press("Check before sending")
    assert act_of(nato)["remarks"] == "By telephone."
    draft = nato.open(note).post(
        note, {"f.remarks": "By telephone.", "f.text.en": "", "key": "0" * 32, "do": "level"}
    )
    assert names(draft) > few, "a text that was typed is never out of sight"
    assert "f.remarks" in names(draft)


@pytest.mark.parametrize("act", sorted(FORMATS))
def test_each_field_is_within_one_press_and_no_required_one_needs_it(
    head: Person, act: str
) -> None:
    path = f"/c/{CALM}/compose/{act}"

    def asked() -> set[str]:
        names = head.xpath("//main//form//@name")
        return {name.split(".")[1] for name in names if name.startswith("f.")}

    more = asked() if head.open(f"{path}?more=1").status == 200 else set()
    first = asked() if head.open(path).status == 200 else set()
    assert {each.name for each in shapes.members(act) if each.required} & more <= first
    if head.xpath("//*[@name='do'][@value='more']"):
        head.press("Show more fields")
    assert asked() == more >= first


@pytest.mark.parametrize(
    ("act", "name"),
    [("meeting-request", "purpose"), ("mechanism", "name"), ("roadmap-item", "deliverable")],
)
def test_a_required_text_of_one_line_is_one_box_until_it_has_two_languages(
    demo: Office, act: str, name: str
) -> None:
    nato = demo.person("nato/head_of_office").open(f"/c/{CALM}/compose/{act}")
    (own,) = nato.xpath(f"//textarea[starts-with(@name,'f.{name}.')][not(ancestor::details)]")
    assert (own.get("name"), own.get("rows")) == (f"f.{name}.en", "1")
    *_, other = nato.xpath(f"//details//textarea[starts-with(@name,'f.{name}.')]")
    assert other.get("name") == f"f.{name}.zh"
    own.text, other.text = "Working group", "工作组"
    nato.press_at(CHECK)
    boxes = nato.xpath(f"//textarea[starts-with(@name,'f.{name}.')][not(ancestor::details)]")
    assert {box.get("name")[-2:]: box.text for box in boxes if box.text} == {
        "en": "Working group",
        "zh": "工作组",
    }


def test_a_meeting_comes_about_by_a_counter_proposal(demo: Office) -> None:
    day = demo.clock.now() + timedelta(days=45)
    nato = demo.person("nato/officer").open(f"/c/{CALM}/compose/meeting-request")
    at_id(nato, "f-purpose-en").text = "Working group on encounters"
    at_id(nato, "f-windows-0-from").set("value", f"{day:%Y-%m-%d} 09:00Z")
    at_id(nato, "f-windows-0-to").set("value", f"{day:%Y-%m-%d} 11:00Z")
    nato.press_at(CHECK).press("Send to CHINA (routine)").follow("Open the exchange")
    address = nato.path
    china = demo.person("china/officer").open(f"{address}/acts/counter-proposal")
    day += timedelta(days=1)
    at_id(china, "f-windows-0-from").set("value", f"{day:%d %b %Y} 07:00Z")
    at_id(china, "f-windows-0-to").set("value", f"{day:%d %b %Y} 09:00Z")
    china.press_at(CHECK).press_at(SEND)
    recorded(demo, china)
    nato.open(f"{address}/acts/acceptance").press_at(CHECK).press_at(SEND)
    recorded(demo, nato)
    view = get(demo, f"exchanges/{address.rpartition('/')[2]}").json
    assert view["state"]["status"] == "accepted"
    nato.open(address).at("//main").see("accepted")


def test_a_correction_shows_what_was_and_why(demo: Office) -> None:
    nato = incident(demo.person("nato/duty_officer")).press_at(CHECK).press_at(SEND)
    nato.follow("Open the exchange")
    address, place = nato.path, "//*[@name='f.fields.place']"
    nato.open(f"{address}/acts/correction")
    (field,) = nato.xpath(place)
    assert field.get("value") == "15.116667N 116.433333E"
    field.set("value", "15-08N 116-27E")
    nato.press_at(CHECK).see("Reason: this must be filled in.")
    (field,) = nato.xpath(place)
    assert field.get("value") == "15-08N 116-27E", "what was typed stays"
    assert nato.xpath("//details[@data-edit='place']/@open") == [""], "and is in sight"
    reason = nato.xpath("//*[@name='f.reason.en']")[0]
    if reason.tag == "textarea":
        reason.text = "Read off the wrong chart"
    reason.set("value", "Read off the wrong chart")
    nato.press_at(CHECK).at("//*[@data-value='place']").see("15°08′00″ N")
    nato.at("//*[@data-was='place']").see("was:")
    nato.press_at(SEND).open(address)
    shown = " ".join(text_of(each) for each in nato.xpath("//*[@class='swap']"))
    for said in ("15°08′00″ N", "was:", "Read off the wrong chart"):
        assert said in shown


@pytest.mark.parametrize(
    "act", sorted(act for act, form in FORMATS.items() if "official" in form.kinds)
)
def test_every_format_has_a_form_that_says_what_is_missing(head: Person, act: str) -> None:
    path = f"/c/{CALM}/compose/{act}"
    assert head.open(path).status == 200
    assert b"style=" not in head.body
    head.post(path, {"key": f"empty-form-of-{act}", "do": "check"}).see("There is a problem")
    assert head.status == 422
    refused = head.body.decode()
    names = set(re.findall(r'href="#(f-[a-z0-9_-]+)"', refused))
    assert len(names) >= sum(each.required for each in fields_of(SHAPES[act])), (
        "all that is missing, at once"
    )
    for name in names:
        assert f'id="{name}"' in refused or f'id="{name}-' in refused, name


@pytest.fixture(scope="module")
def head(demo: Office) -> Person:
    return demo.person("nato/head_of_office")


@pytest.mark.parametrize(
    ("language", "tag", "said"),
    [
        ("en", "en", "201 words; flash and immediate texts"),
        ("fr", "fr", "201 mots"),
        ("zh", "zh-Hans", "201个词"),
    ],
)
def test_what_is_refused_is_said_in_the_language_of_who_asks(
    demo: Office, language: str, tag: str, said: str
) -> None:
    nato = demo.person("nato/duty_officer", language)
    form = {
        "key": f"much-too-long-in-{language}",
        "do": "check",
        "f.kind": "near_miss",
        "f.time": "0305",
        "f.place": "15-07N 116-26E",
        "f.facts.en": "word " * 201,
    }
    nato.post(f"/c/{CALM}/compose/hazardous-incident", form).see(said)
    assert (nato.status, nato.tree.get("lang")) == (422, tag)
    none = words(language).say("There is no such form. The page “Write” lists the forms.")
    nato.open(f"/c/{CALM}/compose/no-such-act").see(" ".join(none.split()))
    assert nato.status == 404
    newest = get(demo, "state").json["position"]
    nato.open(f"/c/{CALM}/records/{newest + 1000}")
    assert nato.status == 404
    assert nato.xpath("//main//*[@lang='en']") == []
    nato.headers["Accept"] = "application/json"
    assert nato.open(f"/c/{CALM}/compose/no-such-act").json["detail"] == none
    api = get(demo, "records/0", Accept_Language=language).problem(404, "not-found")
    assert api["detail"].startswith("Positions are whole numbers from 1 to")


def test_an_auditor_is_told_who_writes(demo: Office) -> None:
    auditor = demo.person("china/auditor").open(f"/c/{EXERCISE}/compose")
    auditor.see("Nothing can be written here: officers write")
    auditor.open(f"/c/{EXERCISE}/compose/contact-note")
    auditor.see("Only officers can write. You are signed in without that role.")


def test_a_reply_and_an_account_ask_for_what_fits_the_incident(demo: Office) -> None:
    opened = demo.api("nato/duty_officer", lambda nato: nato.open(INCIDENT, CALM)).json
    exchange = f"/c/{CALM}/exchanges/{opened['exchange']}"
    china = demo.person("china/duty_officer").open(exchange)
    verbs = {china.name_of(each) for each in china.xpath("//*[@id='moves']//a")}
    assert {"Reply", "Give your own account", "Ask for clarification"} <= verbs

    def names() -> set[str]:
        """The names of all fields of the form, folded ones as well."""
        return {str(each) for each in china.xpath("//*[@id='writing']//@name")}

    china.open(f"{exchange}/acts/reply")
    (label,) = china.xpath("//label[@for='f-text-en']")
    assert "text or an agreed phrase is needed" in text_of(label)
    others = {"f.aims.en", "f.place", "f.ends", "f.formations", "f.equipment", "f.answers.0.q"}
    assert "f.text.en" in names() and names().isdisjoint(others)
    china.open(f"{exchange}/acts/counter-account")
    assert {"f.time", "f.place", "f.kind"} <= names()
    (aside,) = china.xpath("//main//aside")
    assert "The account of NATO" in text_of(aside) and str(INCIDENT["facts"]) in text_of(aside)
    members = {each.split(".")[1] for each in names() if each.startswith("f.")}
    refused = {each.name for each in fields_of(SHAPES["counter-account"])} - {
        each.name for each in fields_of(SHAPES["hazardous-incident"])
    }
    assert members & refused == {"of"} & members


def test_a_form_opens_and_is_checked_while_nothing_can_be_recorded_and_only_sending_waits(
    own: Office,
) -> None:
    waits = "The log cannot be reached: sending waits."
    nato = own.person("nato/duty_officer").open(f"/c/{CALM}/compose/hazardous-incident")
    nato.miss(waits)
    own.signal_broker(signal.SIGSTOP)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while waits not in nato.open(f"/c/{CALM}/compose/hazardous-incident").text:
            assert nato.status == 200, nato.text
            assert time.monotonic() < deadline, nato.text
            time.sleep(0.2)
        nato.at("//nav").see("Report an incident")
        assert nato.open(f"/c/{CALM}/compose").xpath("//main//a[contains(@href, '/compose/')]")
        incident(nato).press("Check before sending").see(waits)
        nato.press_at(SEND).see("Your text is kept. Send again: it cannot be sent twice.")
        nato.see(str(INCIDENT["facts"]))
    finally:
        own.signal_broker(signal.SIGCONT)
    while own.api("", lambda caller: caller.get("/readyz")).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    while "Recorded: record" not in nato.press("Send again").title:
        assert time.monotonic() < deadline, nato.text  # ready a moment before it may write
    recorded(own, nato)


def test_a_text_whose_answer_is_lost_is_kept_and_sent_once(own: Office) -> None:
    nato = incident(own.person("nato/duty_officer")).press("Check before sending")
    own.signal_broker(signal.SIGSTOP)
    try:
        nato.press_at(SEND)
        nato.see("Your text is kept. Send again: it cannot be sent twice.")
    finally:
        own.signal_broker(signal.SIGCONT)
    deadline = time.monotonic() + PATIENCE_S
    while own.api("", lambda caller: caller.get("/readyz")).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    nato.press("Send again")
    recorded(own, nato)
    rows = get(own, "exchanges?act=hazardous-incident").json["exchanges"]
    assert len(rows) == 1


@pytest.mark.parametrize("is_answered", [True, False])
@pytest.mark.parametrize("button", ["Send to CHINA (immediate)", "Keep as draft"])
def test_a_text_that_was_kept_while_it_was_written_is_sent_and_its_draft_goes(
    demo: Office, button: str, is_answered: bool
) -> None:
    def kept() -> Any:
        return get(demo, "drafts", "nato/duty_officer").json["drafts"]

    writer, before = incident(demo.person("nato/duty_officer")), kept()
    (key,) = writer.xpath("//main//input[@name='key']/@value")
    page = demo.person("nato/duty_officer")
    page.post(writer.path, {"do": "autosave", "key": key, "f.kind": "near_miss"})
    (draft,) = (entry for entry in kept() if entry not in before)
    if is_answered:
        form = writer.xpath("//form[@id='writing']")[0]
        for name, value in (("draft", draft["id"]), ("draft_etag", draft["etag"].strip('"'))):
            form.append(form.makeelement("input", type="hidden", name=name, value=value))
    writer.press("Check before sending").press(button)
    if button == "Keep as draft":
        writer.press("Send to CHINA (immediate)")
    assert recorded(demo, writer)["id"] == draft["id"]
    assert kept() == before


def of_colleague(demo: Office, text: str) -> tuple[Person, Person]:
    """An officer's page of a new draft, and a colleague's form of it."""
    author = demo.person("nato/officer").open(f"/c/{CALM}/compose/contact-note")
    author.choose("conversation").xpath("//textarea[starts-with(@name, 'f.text')]")[0].text = text
    author.press("Keep as draft")
    return author, demo.person("nato/duty_officer").open(author.path).follow("Change")


def rewritten(person: Person, text: str) -> Person:
    person.xpath("//textarea[starts-with(@name, 'f.text')]")[0].text = text
    return person


@pytest.mark.parametrize("button", ["Check before sending", "Keep as draft"])
def test_a_text_parts_from_a_draft_that_a_colleague_has_changed(demo: Office, button: str) -> None:
    author, colleague = of_colleague(demo, "First words.")
    rewritten(author.follow("Change"), "The author’s newer words.").press("Keep as draft")
    draft = author.path.partition("?")[0]
    rewritten(colleague, "A colleague’s words.").press(button)
    colleague.see("A colleague has changed the draft since you opened it.", "A colleague’s words.")
    assert colleague.links()["Draft: officer o-1"] == draft

    colleague.press(button).see("A colleague’s words.").miss("There is a problem")
    if button == "Check before sending":
        colleague.press("Send to CHINA (routine)")
        assert recorded(demo, colleague)["data"]["text"] == {"en": "A colleague’s words."}
    author.open(draft).see("The author’s newer words.", "NATO Contact note o-1")
    author.press("Drop this draft")


def test_a_text_parts_from_a_draft_that_is_gone_and_is_not_sent_twice_unseen(demo: Office) -> None:
    author, colleague = of_colleague(demo, "Once.")
    checked = rewritten(colleague, "Twice.").press("Check before sending")
    author.press("Send to CHINA (routine)")
    checked.press("Send to CHINA (routine)")
    checked.see("There is a problem", "The draft is gone", "Twice.")


def test_a_message_carries_its_own_marking_wherever_it_is_shown(demo: Office) -> None:
    officer = demo.person("nato/officer").open(f"/c/{CALM}/compose/contact-note?more=1")
    officer.fill("Text, English", "For heads alone.").choose("conversation")
    officer.fill("Marking (optional)", "HEADS ONLY").press("Check before sending")
    officer.see("HEADS ONLY")
    officer.press("Send").follow("Open the exchange")
    note = officer.path.partition("?")[0]
    for page in (note, f"{note}/form", f"{note}/card"):
        ceilings = officer.open(page).xpath("//p[contains(@class, 'ceiling')]/text()")
        assert ceilings == ["SIDES ONLY, HEADS ONLY"] * 2, page
    assert officer.xpath("//p[@class='printed-marking']/text()") == ["SIDES ONLY, HEADS ONLY"] * 2
    officer.open(f"/c/{CALM}")
    assert officer.xpath("//p[@class='ceiling']/text()") == ["SIDES ONLY"]

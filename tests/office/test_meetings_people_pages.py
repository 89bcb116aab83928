"""Meetings, the calendar, points of contact and the register of people, as pages."""

import re
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from beside import MS_LI, enter, named
from office import Office
from person import Person, text_of
from samples import act
from service import Caller

CHANNEL, EXERCISE = "nato-china", "nato-china-exercise"
C, PAGES = f"/v1/channels/{CHANNEL}", f"/c/{CHANNEL}"

DASH = "\N{EN DASH}"

NOW = datetime.now(UTC)
SOON = (NOW + timedelta(days=20 + (2 - NOW.weekday() - 20) % 7)).replace(
    hour=8, minute=0, second=0, microsecond=0
)
"""A Wednesday, so that the offices work."""

MONTH = f"{SOON:%Y-%m}"
WEEK = ["mon", "tue", "wed", "thu", "fri"]
LI, NUMBER = str(MS_LI["name"]), MS_LI["telephones"][0]
READ_OUT = {
    "nato": ("Search and rescue was discussed.\n\nFrequencies were exchanged.", "en"),
    "china": ("双方讨论了搜救合作。\n\n双方讨论了赔偿问题。\n\n下次会议时间待定。", "zh"),
}


COURIER = {"en": "Embassy courier", "zh": "使馆信使"}


def written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%MZ}"


def window(begins: datetime = SOON, hours: int = 2) -> dict[str, str]:
    return {"from": written(begins), "to": written(begins + timedelta(hours=hours))}


def holiday(side: str) -> str:
    """A working day of that month, another one for each side."""
    days = [SOON.date().replace(day=day) for day in range(1, 28)]
    working = [day for day in days if day.weekday() < 5 and day != SOON.date()]
    return working[0 if side == "nato" else 1].isoformat()


class Liaison:
    """Both sides' officers, with what they have posted: offices, a point of contact, and meetings
    in every state.
    """

    def __init__(self, demo: Office) -> None:
        self.demo = demo
        self.ids: dict[str, str] = {}
        self.person: Any = None
        self.before = 0

    def get(self, who: str, path: str) -> Any:
        return self.demo.api(who, lambda caller: caller.get(f"{C}{path}")).json

    def act(self, who: str, exchange: str, act: dict[str, Any]) -> int:
        answer = self.demo.api(who, lambda caller: caller.get(f"{C}/exchanges/{exchange}"))
        tag = answer.headers["ETag"]
        answer = self.demo.api(who, lambda caller: caller.act(exchange, act, CHANNEL, If_Match=tag))
        assert answer.status == 201, answer.body
        return int(answer.json["position"])

    def open(self, who: str, act: dict[str, Any]) -> str:
        answer = self.demo.api(who, lambda caller: caller.open(act, CHANNEL))
        return str(answer.json["exchange"])

    def seed(self) -> None:
        for side, other, seat, zone, opens in (
            ("nato", "china", "Beijing", "Asia/Shanghai", "09:00"),
            ("china", "nato", "Brussels", "Europe/Brussels", "08:30"),
        ):
            hours = {"days": WEEK, "from": opens, "to": "17:30", "zone": zone}
            office = {
                "act": "liaison-office", "side": side, "seat": seat, "status": "proposed",
                "hours": hours, "holidays": [holiday(side)],
            }  # fmt: skip
            agreed = self.open(f"{side}/head_of_office", office)
            self.act(f"{other}/head_of_office", agreed, {"act": "agreement"})
        self.person = self.demo.api("china/officer", lambda api: enter(api, channel=CHANNEL))
        point = {
            "act": "point-of-contact", "role": "Crisis cell", "person": named(self.person),
            "institution": "Liaison office, Brussels", "languages": ["zh", "en"], "hours": "24x7",
            "channels": ["telephone", "radio", "other"], "channels_text": COURIER, "valid_from": "2026-01-01T00:00Z",
        }  # fmt: skip
        draft = self.demo.api(
            "china/officer", lambda api: api.post(f"{C}/drafts", {"act": point})
        ).json
        released = self.demo.api(
            "china/head_of_office",
            lambda api: api.call(
                "POST", f"{C}/drafts/{draft['id']}/release", If_Match=draft["etag"]
            ),
        )
        self.ids["point"] = released.json["exchange"]
        programme = {
            "act": "people-programme", "kind": "students", "host": "nato", "title": "Naval cadets",
            "period": window(hours=300), "planned": 12, "actual": 9,
        }  # fmt: skip
        self.open("nato/officer", programme)
        asked = {
            "act": "meeting-request", "purpose": "Passage of the strait", "venue": "Geneva",
            "windows": [window(), window(SOON + timedelta(days=1))],
            "agenda": ["The passage", "Radio procedure"],
        }  # fmt: skip
        self.ids["asked"] = self.open("nato/officer", asked)
        agenda = {"act": "agenda", "topics": ["Radio procedure", "Next meeting"]}
        self.act("china/officer", self.ids["asked"], agenda)
        held = {"act": "meeting-request", "purpose": "Search and rescue"}
        self.ids["held"] = self.open("nato/officer", {**held, "windows": [window(SOON, 1)]})
        proposal = {"act": "counter-proposal", "windows": [window(SOON, 3)]}
        self.before = self.act("china/officer", self.ids["held"], proposal)
        self.act("nato/officer", self.ids["held"], {"act": "acceptance", "window": 0})
        took_place = {
            "act": "meeting-held",
            "from": written(NOW - timedelta(days=2)),
            "to": written(NOW - timedelta(days=2, hours=-1)),
        }
        self.act("nato/officer", self.ids["held"], took_place)
        for side, topics in (
            ("nato", ["Search and rescue", "Frequencies"]),
            ("china", ["Search and rescue", "Compensation"]),
        ):
            text, tag = READ_OUT[side]
            readout = {"act": "readout", "kind": "separate", "topics": topics, "text": {tag: text}}
            self.act(f"{side}/officer", self.ids["held"], readout)
        corners = ((15.0, 116.0), (15.5, 116.0), (15.5, 116.5))
        firing = {
            "act": "danger-area", "window": window(SOON, 30), "hazard": "firing",
            "place": {"polygon": [{"lat": lat, "lon": lon} for lat, lon in corners]},
        }  # fmt: skip
        self.ids["area"] = self.open("nato/head_of_office", firing)


@pytest.fixture(scope="module")
def liaison(demo: Office) -> Liaison:
    liaison = Liaison(demo)
    liaison.seed()
    return liaison


def view(person: Person, path: str) -> Any:
    """Return the JSON that the page itself gives."""
    return person.open(f"{PAGES}{path}").json


def at_row(person: Person, exchange: str) -> Person:
    return person.at(f"//tr[@data-exchange='{exchange}']")


# Meetings


def test_the_list_shows_every_meeting_with_what_each_side_has_said_and_owes(
    demo: Office, liaison: Liaison
) -> None:
    nato = demo.person("nato/officer")
    listed = liaison.get("nato/officer", "/exchanges?family=meeting")["exchanges"]
    nato.open(f"{PAGES}/meetings")
    shown = [each["id"] for each in listed if each["act"] != "undertaking"]  # they have a page
    assert sorted(shown) == sorted(nato.xpath("//tr/@data-exchange"))
    clocks = liaison.get("nato/officer", f"/exchanges/{liaison.ids['asked']}")["clocks"]
    (answer,) = (each for each in clocks if each["clock"] == "answer")
    due = datetime.fromisoformat(answer["due"])
    at_row(nato, liaison.ids["asked"]).see(
        "NATO proposed it",
        "CHINA has not answered yet",
        "two versions",
        f"by {due.day} {due:%b} {due:%Y} {due:%H:%M}Z",
    )
    for zone, city in (("Asia/Shanghai", "Beijing"), ("Europe/Brussels", "Brussels")):
        begins, ends = (SOON + timedelta(hours=hours) for hours in (0, 2))
        there = DASH.join(f"{each.astimezone(ZoneInfo(zone)):%H:%M}" for each in (begins, ends))
        nato.see(f"{city} {there}")
    at_row(nato, liaison.ids["held"]).see("they differ")
    (link,) = (href for name, href in nato.links().items() if "N04" in name)
    assert link == f"{PAGES}/exchanges/{liaison.ids['held']}"


def test_a_state_is_chosen_by_a_link_and_what_is_hidden_is_said(
    demo: Office, liaison: Liaison
) -> None:
    china = demo.person("china/auditor").open(f"{PAGES}/meetings")
    china.follow(next(name for name in china.links() if re.fullmatch(r"Held \d+", name)))
    assert china.path == f"{PAGES}/meetings?state=held"
    shown = china.xpath("//tr/@data-exchange")
    assert liaison.ids["held"] in shown and liaison.ids["asked"] not in shown
    china.see("Only one state is shown; the others are hidden.", "you are signed in as auditor")
    assert "Ask for a meeting" not in china.links()
    china.follow("Over").see("Nothing is over yet.")


def test_readouts_stand_abreast_and_what_one_side_alone_names_is_marked(
    demo: Office, liaison: Liaison
) -> None:
    china = demo.person("china/officer").open(f"{PAGES}/meetings/{liaison.ids['held']}")
    china.see("The readouts differ.")
    quotes = china.xpath("//*[contains(@class,'abreast')]//blockquote")
    for text, tag in READ_OUT.values():
        assert [text_of(each) for each in quotes if each.get("lang", "en") == tag] == text.split(
            "\n\n"
        )
    marked = china.xpath("//table[contains(@class,'topics')]//tr[contains(@class,'differs')]")
    assert [[text_of(cell) for cell in each.xpath("./*")] for each in marked] == [
        ["Frequencies", "named", DASH, "differs only NATO names it"],
        ["Compensation", DASH, "named", "differs only CHINA names it"],
    ]
    first = "(//*[contains(@class,'abreast')]//*[contains(@class,'side')])[1]"
    order = text_of(china.xpath(first)[0])
    china.follow("the other order")
    assert {order, text_of(china.xpath(first)[0])} == {"NATO", "CHINA"}


def test_the_life_of_a_meeting_is_told_in_steps_with_their_records(
    demo: Office, liaison: Liaison
) -> None:
    nato = demo.person("nato/officer")
    steps = view(nato, f"/meetings/{liaison.ids['held']}.json")["steps"]
    nato.open(f"{PAGES}/meetings/{liaison.ids['held']}")
    assert [text_of(each) for each in nato.xpath("//*[contains(@class,'steps')]//li//b")] == [
        "NATO asks for a meeting",
        "CHINA proposes other times",
        "NATO accepts",
        "Agreed",
        "NATO records that it was held",
        "NATO gives its readout",
        "CHINA gives its readout",
    ]
    timeline = liaison.get("nato/officer", f"/exchanges/{liaison.ids['held']}")["timeline"]
    assert {each["position"] for each in steps} <= {each["position"] for each in timeline}
    assert nato.links()["Open the exchange"] == f"{PAGES}/exchanges/{liaison.ids['held']}"


@pytest.mark.parametrize("exchange", ["area", "nothing"])
def test_what_is_no_meeting_is_not_found(exchange: str, demo: Office, liaison: Liaison) -> None:
    id = liaison.ids.get(exchange, "0192f3a4-5b6c-7d8e-8f90-a1b2c3d4e5f6")
    nato = demo.person("nato/officer").open(f"{PAGES}/meetings/{id}")
    assert nato.status == 404
    assert "Back to the board" in nato.links()


def test_a_month_shows_an_area_until_further_notice_on_every_day_from_its_beginning(
    demo: Office,
) -> None:
    begins = f"{SOON:%Y-%m-%d}T09:00Z"
    area = act("danger-area") | {
        "hazard": "gas_leak",
        "window": {"from": begins, "to": "until_further_notice"},
    }
    nato, later = demo.person("nato/officer"), f"{SOON.replace(day=1) + timedelta(days=70):%Y-%m}"
    opened = partial(Caller.open, body=area, channel="nato-china")
    id = demo.api("nato/officer", opened).json["exchange"]

    def shown(month: str) -> dict[str, bool]:
        page = f"/meetings/calendar.json?month={month}"
        return {
            day["date"]: id in {event["exchange"] for event in day.get("events", ())}
            for day in view(nato, page)["days"]
        }

    assert all(is_there == (day >= begins[:10]) for day, is_there in shown(MONTH).items())
    assert all(shown(later).values())
    nato.open(f"{PAGES}/meetings/calendar?month={MONTH}")
    nato.see("from 09:00Z, until further notice")
    nato.open(f"{PAGES}/meetings/calendar?month={later}").see("all day, until further notice")
    cleared = {"act": "all-clear", "cleared_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}"}
    more = {"exchange": id, "body": cleared, "channel": "nato-china"}
    assert demo.api("nato/duty_officer", partial(Caller.act, **more)).status == 201
    assert not any(shown(later).values())


def test_a_month_shades_the_days_of_both_sides_alike(demo: Office, liaison: Liaison) -> None:
    nato = demo.person("nato/officer")
    days = {
        each["date"]: each
        for each in view(nato, f"/meetings/calendar.json?month={MONTH}")["days"]
        if each["within"]
    }
    for side in ("nato", "china"):
        states = {
            date.fromisoformat(day): duty["state"]
            for day, each in days.items()
            for duty in each["duties"]
            if duty["side"] == side
        }
        assert states == {
            day: "holiday"
            if day.isoformat() == holiday(side)
            else "off"
            if day.weekday() > 4
            else "duty"
            for day in states
        }
    nato.open(f"{PAGES}/meetings/calendar?month={MONTH}")
    day = f"//td[.//time[@datetime='{SOON:%Y-%m-%d}']][not(contains(@class,'other'))]"
    hours = (
        datetime(
            SOON.year, SOON.month, SOON.day, hour, 30, tzinfo=ZoneInfo("Europe/Brussels")
        ).astimezone(UTC)
        for hour in (8, 17)
    )
    nato.at(day).see(DASH.join(f"{each:%H:%M}Z" for each in hours), "Passage of the strait")
    assert re.search("from 08:00Z, until .* Danger area", nato.text)
    duties = {text_of(each)[:4]: each for each in nato.xpath(".//*[@data-duty]")}
    assert [child.tag for child in duties["NATO"]] == [child.tag for child in duties["CHIN"]]
    nato.within("").follow("Show the month after")
    assert f"{(SOON.replace(day=28) + timedelta(days=5)):month=%Y-%m}" in nato.path
    nato.follow("Show the month before").at(day)
    nato.within("").follow("calendar.ics")
    assert (nato.status, nato.answer_headers.get_content_type()) == (200, "text/calendar")
    nato.open(f"{PAGES}/meetings/calendar?month=2026-13").see("There is no month 2026-13")


def test_pages_of_the_past_show_what_stood_then_and_keep_it_in_every_link(
    demo: Office, liaison: Liaison
) -> None:
    nato = demo.person("nato/head_of_office").open(f"{PAGES}/meetings?at={liaison.before}")
    at_row(nato, liaison.ids["held"]).see("CHINA proposed it", "NATO has not answered yet")
    for path in (
        "/meetings",
        f"/meetings/{liaison.ids['held']}",
        f"/meetings/calendar?month={MONTH}",
        "/people",
    ):
        joint = "&" if "?" in path else "?"
        nato.open(f"{PAGES}{path}{joint}at={liaison.before}").see("You are looking at the past.")
        links = nato.xpath("//main//a[starts-with(@href, '/c/')]/@href")
        assert links
        assert [link for link in links if f"at={liaison.before}" not in link] == []
        assert nato.xpath("//main//form|//main//a[contains(@href, '/compose/')]") == []
    nato.open(f"{PAGES}/people/register?at={liaison.before}").see("keeps no past").miss(LI)


# People


def test_points_of_contact_stand_there_as_the_api_has_them(demo: Office, liaison: Liaison) -> None:
    nato = demo.person("nato/officer")
    points = liaison.get("nato/officer", "/points-of-contact")["points"]
    anchors = [part.get("anchor", "") for part in view(nato, "/people.json")["sections"]]
    assert {f"point-{point['exchange']}" for point in points} == {*filter(None, anchors)}
    nato.open(f"{PAGES}/people").at(f"//*[@id='point-{liaison.ids['point']}']")
    nato.see("Crisis cell", "within its hours", "from 1 Jan 2026 00:00Z")
    assert nato.links()[NUMBER] == "tel:+861055500100"
    nato.within("").see("Beijing", "agreed")
    nato.within("Programmes between people").see("Naval cadets", "12", "9")
    nato.within("Who has it now").see("nobody has the watch")
    rows = nato.open(f"{PAGES}/people.csv").body.decode()
    assert "Crisis cell" in rows
    assert LI not in rows


def test_the_staff_of_an_office_is_shown_from_its_naming_to_its_departure(
    demo: Office, liaison: Liaison
) -> None:
    charter = "The office passes messages on at every hour."
    office = {"act": "liaison-office", "side": "china", "seat": "Geneva", "status": "proposed"}
    liaison.open("china/head_of_office", {**office, "charter": charter})
    named_person = {
        "act": "liaison-staff",
        "person": named(liaison.person),
        "post": "Second liaison officer",
    }
    id = liaison.open("china/head_of_office", named_person)
    nato = demo.person("nato/officer")

    def row() -> list[str]:
        nato.open(f"{PAGES}/people")
        (cells,) = nato.at(f"//tr[@data-exchange='{id}']").rows() or [
            [text_of(cell) for cell in nato.xpath("./th|./td")]
        ]
        return cells

    assert row()[2:5] == ["named", DASH, DASH]
    nato.within("").see(charter, "proposed together with the office")
    liaison.act("nato/head_of_office", id, {"act": "agreement"})
    assert row()[2] == "agreed"
    for act_name, state in (("arrival", "arrived"), ("departure", "left")):
        at = datetime.now(UTC) - timedelta(seconds=2)
        liaison.act("nato/officer", id, {"act": act_name, "at": f"{at:%Y-%m-%dT%H:%M:%SZ}"})
        assert row()[2] == state
    assert LI in row()[1] and DASH not in row()[3:5]
    auditor = demo.person("china/auditor").open(f"{PAGES}/people")
    auditor.see("Second liaison officer")
    assert LI not in auditor.body.decode()
    assert "Second liaison officer" in nato.open(f"{PAGES}/people.csv").body.decode()


def test_an_auditor_sees_no_names_and_is_told_who_does(demo: Office, liaison: Liaison) -> None:
    auditor = demo.person("china/auditor").open(f"{PAGES}/people")
    auditor.see("Crisis cell", "Names and telephone numbers are for the offices.")
    assert auditor.xpath("//main//form") == []
    assert "Open the register of people" not in auditor.links()
    for path in ("/people", "/people.json"):
        text = auditor.open(f"{PAGES}{path}").body.decode()
        assert LI not in text
        assert NUMBER not in text
    assert auditor.open(f"{PAGES}/people/register").status == 403


def test_a_test_of_a_means_is_recorded_and_what_was_typed_stays_after_an_error(
    demo: Office, liaison: Liaison
) -> None:
    nato = demo.person("nato/officer").open(f"{PAGES}/people")
    point = f"//*[@id='point-{liaison.ids['point']}']"
    nato.at(point).fill("Means", "radio").fill("When (optional)", "the other day")
    nato.press("Record the test")
    assert text_of(nato.xpath("//title")[0]).startswith("Error: ")
    assert "Choose the result of the test." in nato.links()
    nato.at(point)
    typed = nato.fields()
    assert (typed["When (optional)"], typed["Means"]) == ("the other day", "radio")
    (invalid,) = nato.xpath(".//input[@aria-invalid='true'][@type='text']")
    assert nato.name_of(invalid) == "When (optional)"
    nato.choose("no answer").fill("When (optional)", "1 h ago").press("Record the test")
    nato.see("Recorded.").at(point)
    assert any(row[0] == "radio" and "no answer" in " ".join(row) for row in nato.rows())
    points = liaison.get("china/officer", "/points-of-contact")["points"]
    (point_now,) = (each for each in points if each["exchange"] == liaison.ids["point"])
    (tested,) = (each for each in point_now["tested"] if each["means"] == "radio")
    assert (tested["side"], tested["outcome"]) == ("nato", "no_answer")
    ago = datetime.now(UTC) - datetime.fromisoformat(tested["time"])
    assert timedelta(minutes=59) < ago < timedelta(minutes=62)


def test_other_means_of_contact_are_shown_and_tested_by_their_words(
    demo: Office, liaison: Liaison
) -> None:
    nato = demo.person("nato/officer").open(f"{PAGES}/people")
    point = f"//*[@id='point-{liaison.ids['point']}']"
    nato.at(point).see("Embassy courier").fill("Means", "other").choose("reached")
    nato.press("Record the test").see("Recorded.").at(point)
    assert any(
        row[0].startswith("Embassy courier") and "reached" in row[2] for row in nato.rows()
    ), nato.rows()
    state = liaison.get("nato/officer", f"/exchanges/{liaison.ids['point']}")["state"]
    (attempt,) = (
        item["content"]
        for item in state["acts"]["call-attempt"]
        if item["content"]["means"] == "other"
    )
    assert attempt["means_text"] == COURIER


def test_somebody_is_entered_changed_and_erased_by_forms(demo: Office, liaison: Liaison) -> None:
    nato = demo.person("nato/administrator").open(f"{PAGES}/people/register/new")
    nato.fill("Telephone numbers", "on request").fill("Note", "Speaks slowly.").press("Enter")
    assert text_of(nato.xpath("//title")[0]).startswith("Error: ")
    problems = nato.xpath("//main//*[@role='alert']//a/@href")
    assert problems == ["#name", "#telephones"]
    assert nato.fields()["Note (optional)"] == "Speaks slowly."
    nato.fill("Name", "Ines Duarte")
    nato.fill("Telephone numbers", "+32 2 707 41 11\n+32 2 707 41 12")
    nato.choose("CHINA h-1").press("Enter")
    assert nato.title == "Ines Duarte"
    id = nato.path.partition("?")[0].rpartition("/")[2]
    kept = liaison.get("nato/officer", f"/people/{id}")
    assert kept["entry"]["telephones"] == ["+32 2 707 41 11", "+32 2 707 41 12"]
    assert kept["entry"]["readers"] == ["china/h-1"]
    nato.see(kept["commitment"]).fill("Post (optional)", "Interpreter")
    nato.press("Keep the change").see("revision 2")
    nato.open(f"{PAGES}/people/register?q=duarte")
    assert any(row[0].startswith("Ines Duarte") and "Interpreter" in row for row in nato.rows())
    china = demo.person("china/officer").open(f"{PAGES}/people/register/{id}")
    china.see("has named the officers who read this entry")
    assert "Duarte" not in china.body.decode()
    nato.follow("Ines Duarte").follow("Erase the entry").see("This cannot be taken back.")
    nato.press("Erase the entry")
    nato.see("The entry is erased. Every revision of it is overwritten.")
    assert liaison.get("nato/officer", f"/people/{id}")["erased"]
    assert nato.open(f"{PAGES}/people/register/{id}").title == "An erased entry"


def test_a_change_over_a_colleagues_change_is_asked_about_and_not_lost(
    demo: Office, liaison: Liaison
) -> None:
    person = demo.api(
        "nato/officer", lambda api: enter(api, {"name": "Paul Meyer"}, channel=CHANNEL)
    )
    nato = demo.person("nato/officer").open(f"{PAGES}/people/register/{person['id']}")
    changed = demo.api(
        "nato/officer",
        lambda api: api.call(
            "PUT",
            f"{C}/people/{person['id']}",
            {"name": "Paul Meyer", "post": "Deputy"},
            If_Match=f'"{person["commitment"]}"',
        ),
    )
    assert changed.status == 200
    nato.fill("Institution (optional)", "Liaison office, Beijing").press("Keep the change")
    nato.see("A colleague has changed or erased the entry since you read it.")
    nato.within("Present content").see("Deputy").within("")
    assert nato.fields()["Institution (optional)"] == "Liaison office, Beijing"
    nato.press("Keep the change").see("Changed.")
    assert liaison.get("nato/officer", f"/people/{person['id']}")["entry"] == {
        "name": "Paul Meyer",
        "institution": "Liaison office, Beijing",
    }


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/meetings", "There is no request."),
        ("/meetings/calendar?month=2031-02", "Nothing is arranged or announced in this month."),
        ("/people", "No office is entered."),
        ("/people/register", "Nobody is entered."),
    ],
)
def test_a_channel_in_which_nothing_is_arranged_says_what_would_stand_there(
    path: str, said: str, demo: Office
) -> None:
    demo.person("china/officer").open(f"/c/{EXERCISE}{path}").see(said)

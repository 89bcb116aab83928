"""The people of an incident, and the request to see them.

Both sides' words are on one page, and the forms ask for the least that they need.
"""

from typing import Any

from office import Office
from person import Person
from service import INCIDENT

CHANNEL = "nato-china"
EXCHANGES = f"/v1/channels/{CHANNEL}/exchanges"


def reported(demo: Office) -> str:
    """Report an incident; the id of its exchange."""
    incident = {**INCIDENT, "precedence": "priority"}
    sent: Any = demo.api("nato/duty_officer", lambda nato: nato.open(incident, CHANNEL)).json
    return str(sent["exchange"])


def test_held_by_one_word_and_rescued_by_the_other_stand_beside_each_other(demo: Office) -> None:
    id = reported(demo)
    page, receipt = f"/c/{CHANNEL}/exchanges/{id}", {"act": "acknowledgement"}
    demo.api("china/duty_officer", lambda china: china.post(f"{EXCHANGES}/{id}/acts", receipt))
    nato, china = demo.person("nato/officer"), demo.person("china/officer")
    group = {"kind": "held", "number": 24, "of": "nato"}
    held = {"act": "people-status", "as_of": "2026-11-24T04:00Z", "groups": [group]}
    nato.open(page).miss("People who are").open(f"{page}/moves").see("Say who is where")
    demo.api("nato/officer", lambda caller: caller.post(f"{EXCHANGES}/{id}/acts", held))
    china.open(page).fill("People who are", "rescued").fill("Number", "24").fill("Of", "NATO")
    china.press("Say who is where").press("Send").see("Recorded: record")
    nato.open(page).within("People").see("Waiting for 24 people.")
    assert len(nato.xpath(".//tr[@class='differs']")) == 2
    rows = {row[0]: row[1:] for row in nato.rows()}
    assert rows["Heldmay not leave"] == [
        "not said",
        "24, of NATO",
        "stated by NATO only; CHINA: rescued",
    ]
    nato.within("").follow("Say it again")
    assert nato.within("1").fields()["Number of people"] == "24"
    assert nato.fields()["NATO"]
    nato.within("2").choose("missing").within("")
    nato.press("Check before sending").press("Send").see("Recorded: record")
    nato.open(page).within("People")
    nato.see("CHINA: waiting for 24 people; NATO: waiting for people, number not known.")
    assert "24, of NATO" in {row[0]: row[1:] for row in nato.rows()}["Heldmay not leave"]


def test_a_request_to_see_people_goes_from_the_panel_to_the_report(demo: Office) -> None:
    id = reported(demo)
    group = {"kind": "held", "number": 24, "of": "nato"}
    held = {"act": "people-status", "as_of": "2026-11-24T04:00Z", "groups": [group]}
    demo.api("nato/officer", lambda nato: nato.post(f"{EXCHANGES}/{id}/acts", held))
    nato, china = demo.person("nato/officer"), demo.person("china/officer")
    nato.open(f"/c/{CHANNEL}/exchanges/{id}").follow("Ask for access")
    assert nato.fields()["consular access"]
    nato.fill("Place", "Airfield on the island").fill("Purpose, English", "See the crew")
    nato.fill("Arrival", "in 3 h").press("Check before sending").press("Send")
    request = nato.follow("Open the exchange").path

    def does(officer: Person, button: str, status: str, field: str = "", text: str = "") -> None:
        officer.open(request)
        if button in officer.buttons():
            officer.press(button)
        else:
            officer.follow(button)
            if field:
                officer.fill(field, text)
            officer.press("Check before sending")
        officer.press("Send").see("Recorded: record").open(request)
        officer.see(f"Visit request from NATO, {status}.")

    does(china, "Decline", "refused")
    does(china, "Grant it", "granted with conditions", "Conditions, English", "Two visitors.")
    does(nato, "Record the arrival", "arrived")
    does(china, "Record the departure", "left")
    does(nato, "Report on the visit", "reported", "Text, English", "All 24 are well.")

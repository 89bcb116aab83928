"""Two sides report the same event: on the pages they say that it is one matter."""

from typing import Any

from office import Office
from service import INCIDENT

CHANNEL = "nato-china"
EXCHANGES = f"/v1/channels/{CHANNEL}/exchanges"


def reported(demo: Office, side: str, other: str) -> str:
    """Report the event as a side, with the receipt of the other; the id of the exchange."""
    body = {**INCIDENT, "precedence": "priority", "subject": f"Collision, says {side}"}
    sent: Any = demo.api(f"{side}/duty_officer", lambda who: who.open(body, CHANNEL)).json
    path, receipt = f"{EXCHANGES}/{sent['exchange']}/acts", {"act": "acknowledgement"}
    demo.api(f"{other}/duty_officer", lambda who: who.post(path, receipt))
    return str(sent["exchange"])


def viewed(demo: Office, id: str) -> Any:
    """Return an exchange as the API answers it."""
    return demo.api("nato/auditor", lambda who: who.get(f"{EXCHANGES}/{id}")).json


def test_two_reports_of_one_event_become_one_matter_on_the_pages_of_both_sides(
    demo: Office,
) -> None:
    ids = [reported(demo, "nato", "china"), reported(demo, "china", "nato")]
    earlier, later = (f"/c/{CHANNEL}/exchanges/{id}" for id in ids)
    nato, china = demo.person("nato/officer"), demo.person("china/officer")
    propose, agree = "Propose that it is one matter", "Agree that it is one matter"

    assert not [link for link in nato.open(f"{earlier}/moves").links() if propose in link]
    nato.open(f"{later}/moves").follow(propose)
    nato.choose("Collision, says nato, reported by NATO")
    nato.press("Check before sending").see("says nato").press("Send")
    nato.see("Recorded: record")
    for person in (nato, china):
        person.open(earlier).see("Proposed as one matter with the report of CHINA")
        person.open(later).see("Proposed as one matter with the report of NATO")
    assert agree not in nato.open(f"{later}/moves").links()

    china.open(f"{later}/moves").follow(agree).press("Check before sending").see("says nato").press(
        "Record:"
    )
    china.see("Recorded: record")
    for person in (nato, china):
        person.open(later).see("One matter with the report of NATO").follow("Collision, says nato")
        assert person.path == earlier
        person.see("One matter with the report of CHINA").follow("Collision, says china")
        assert person.path == later
        person.open(f"/c/{CHANNEL}")
        rows = person.xpath("//main//li[@data-exchange]")
        assert {row.get("data-exchange") for row in rows} & {*ids} == {ids[0]}
        row = next(row for row in rows if row.get("data-exchange") == ids[0])
        assert row.xpath(f".//a[contains(@href, '{ids[1]}')]")

    views = [viewed(demo, id) for id in ids]
    assert [[report["exchange"] for report in view["joined"]] for view in views] == [
        [ids[1]],
        [ids[0]],
    ]
    opened = views[1]["state"]["opened"]["position"]
    nato.open(f"{earlier}?at={opened}").see("Near miss").miss("ne matter with")
    ended = {clock["clock"]: clock.get("ended", "") for clock in views[1]["clocks"]}
    assert ended["update"] and ended["final_report"]
    assert not any(clock.get("ended") for clock in views[0]["clocks"])

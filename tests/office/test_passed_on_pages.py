"""Passing on: the lists of a head of office, and what both sides and a printed page say of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from office import Office
from person import Person
from samples import act

CHANNEL = "nato-china"
POSTS, BEFORE = "Posts", "Minutes before the window opens (optional)"
CHECK = "Check before sending"


def adopt(head: Person, posts: str, before: str = "") -> Person:
    """Fill in the posts for danger areas, and ask for the check page."""
    head.open(f"/c/{CHANNEL}/admin/acts/onward-adoption?format=danger-area").within("1")
    return head.fill(POSTS, posts).fill(BEFORE, before).within("").press(CHECK)


def send(head: Person) -> Person:
    """Send the list that was checked, and look at all lists."""
    return head.press("Record: ").follow("Back to Administration")


def test_both_sides_and_the_printed_page_say_what_the_receiver_has_not_told(demo: Office) -> None:
    send(adopt(demo.person("china/head_of_office"), "Fleet\nAir traffic", "90"))
    begins = datetime.now(UTC) + timedelta(hours=9)
    ends = begins + timedelta(hours=2)
    window = {"from": f"{begins:%Y-%m-%dT%H:%MZ}", "to": f"{ends:%Y-%m-%dT%H:%MZ}"}
    area = act("danger-area", window=window)
    sent: Any = demo.api("nato/duty_officer", lambda nato: nato.open(area, CHANNEL)).json
    acts = f"/v1/channels/{CHANNEL}/exchanges/{sent['exchange']}/acts"
    demo.api("china/duty_officer", lambda china: china.post(acts, {"act": "acknowledgement"}))
    exchange = f"/c/{CHANNEL}/exchanges/{sent['exchange']}"
    reader = demo.person("china/officer").open(exchange)
    reader.fill("Told at", "yesterday at tea").press("Passed on Fleet")
    reader.see("Told at: This time was not read.")
    assert reader.fields()["Fleet"]
    assert reader.xpath("//*[@id='f-at']/@value") == ["yesterday at tea"]
    told_to = reader.press("Show more fields").within("Passed by").fields()
    assert "At" in told_to and "Told at" not in told_to, "another time than that of the act"
    reader.within("").fill("Told at", "now").press("Check before sending").press(
        "Record: Passed on"
    )
    for who, page in (("nato/officer", ""), ("china/auditor", ""), ("nato/auditor", "/form")):
        other = demo.person(who).open(f"{exchange}{page}")
        other.see("has not said that it passed this on to Air traffic", "Fleet")


def test_the_page_of_onward_lists_keeps_what_is_wrong_and_shows_the_lists_before(
    demo: Office,
) -> None:
    head = demo.person("nato/head_of_office")
    adopt(head, "Fleet", "soon").see("is a number, or left empty.")
    head.within("1")
    assert (head.fields()[POSTS], head.fields()[BEFORE]) == ("Fleet", "soon")
    send(adopt(head, "Fleet", "45").see("This replaces the whole list of NATO."))
    send(adopt(head, "Fleet\nAir traffic"))
    head.within("NATO").see("Air traffic", "2 h before it opens, as the profile says")
    head.within("1 list before").see("45 min before it opens").miss("Air traffic").within("")
    head.open(f"/c/{CHANNEL}/admin/onward?format=line-check")
    assert head.path == f"/c/{CHANNEL}/admin/acts/onward-adoption?format=line-check"
    head.within("2").fill(POSTS, "Switchboard").within("").press(CHECK)
    send(head).within("NATO").see("Air traffic", "Switchboard").within("")
    head.follow("Adopt a list")
    for row in ("1", "2"):
        head.within(row).fill("Format", "–").fill(POSTS, "").within("")
    send(head.press(CHECK).see("This ends the list of NATO."))
    head.within("NATO").see("No list is in force").within("")
    adopt(head, "Fleet", "50").press("Keep as draft").see("This replaces the whole list of NATO.")
    head.follow("Change").within("1")
    assert (head.fields()[POSTS], head.fields()[BEFORE]) == ("Fleet", "50")
    officer = demo.person("nato/officer").open(f"/c/{CHANNEL}/admin/onward")
    officer.see("Heads of office adopt the list of their side.")
    assert "Adopt a list" not in officer.links()

"""A matter is proposed for release, agreed to and read by somebody who has no token, on the pages
alone.
"""

from datetime import UTC, datetime, timedelta

from dragoman.domain import release_bundle
from office import Office
from person import Person
from service import Caller

CALM = "nato-china"
NAMES = ("Contact note of NATO", "Reply of CHINA")
SECRET = "Said in confidence."
SAID = "We agree to talk."
TITLE = "What was said about ships"


def released(person: Person, draft: str) -> None:
    """Release a draft, and see that it is recorded."""
    person.open(draft)
    person.press("Release").see("Recorded: record")


def test_one_release_is_of_several_matters(demo: Office) -> None:
    note = {"act": "contact-note", "form": "conversation", "text": SAID, "subject": "A talk"}
    first, second = (demo.api("nato/officer", lambda nato: nato.open(note)).json for _ in range(2))
    officer = demo.person("nato/officer").open(f"/c/{CALM}/exchanges/{first['exchange']}/moves")
    officer.follow("Propose its release")
    officer.fill("Number of a further matter", "NATO-CHINA/NATO/99/0001/N03/O")
    officer.press("Show its records").see("No matter of this channel that you may release")
    officer.fill("Number of a further matter", second["number"]).press("Show its records")
    notes = [name for name in officer.fields() if name.startswith(NAMES)]
    assert len(notes) == 2
    at = datetime.now(UTC) - timedelta(minutes=1)
    officer.fill("Title, English", TITLE).fill("Public from", f"{at:%Y-%m-%d %H:%M}Z")
    for name in notes:
        officer.choose(name)
    officer.press("Check before sending")
    officer.press("Send to d-1")
    duty = demo.person("nato/duty_officer")
    released(duty, officer.path.partition("?")[0])
    id = duty.follow("Open the exchange").path.rpartition("/")[2]
    state = demo.api("nato/officer", lambda nato: nato.get(f"/v1/channels/{CALM}/exchanges/{id}"))
    records = state.json["state"]["content"]["records"]
    assert {each["exchange"] for each in records} == {first["exchange"], second["exchange"]}


def test_two_sides_make_a_matter_public_and_a_stranger_reads_it(demo: Office) -> None:
    note = {"act": "contact-note", "form": "conversation", "text": SECRET, "subject": "A talk"}
    opened = demo.api("nato/officer", lambda nato: nato.open(note)).json
    reply = {"act": "reply", "text": SAID}
    demo.api("china/officer", lambda china: china.act(opened["exchange"], reply))

    # nato's officer proposes it from the page of the matter, without the words of the note
    officer = demo.person("nato/officer").open(f"/c/{CALM}/exchanges/{opened['exchange']}/moves")
    officer.follow("Propose its release")
    of_note, of_reply = [name for name in officer.fields() if name.startswith(NAMES)]
    assert not officer.fields()[of_note] and not officer.fields()[of_reply]
    at = datetime.now(UTC) - timedelta(minutes=1)
    officer.fill("Title, English", TITLE).fill("Public from", f"{at:%Y-%m-%d %H:%M}Z")
    officer.choose(of_note).choose(of_reply)
    officer.within("Leave something out", 1).choose("Text").within("")
    officer.press("Check before sending").see("without: ")
    officer.press("Send to d-1")
    draft = officer.path.partition("?")[0]
    duty = demo.person("nato/duty_officer")
    released(duty, draft)
    id = duty.follow("Open the exchange").path.rpartition("/")[2]

    # china's officer reads what anybody will read, and consents with a colleague
    china = demo.person("china/officer").open(f"/c/{CALM}/exchanges/{id}")
    china.follow("What anybody will read").see(SAID).miss(SECRET)
    stranger = demo.person()
    assert stranger.open(f"/releases/{CALM}/{id}").status == 404
    china.open(f"/c/{CALM}/exchanges/{id}/acts/release-consent").press("Check before sending")
    china.see(TITLE, "This takes two officers")
    china.press("Send to d-1")
    released(demo.person("china/duty_officer"), china.path.partition("?")[0])

    # anybody
    async def sealed(nato: Caller) -> None:
        await nato.sealed((await nato.get(f"/v1/channels/{CALM}")).json["position"])

    demo.api("nato/officer", sealed)
    stranger.open("/releases").follow(TITLE).see(SAID).miss(SECRET)
    stranger.see("Left out, as every side agreed: Text")
    raw = stranger.follow("The bundle")
    assert raw.path == f"/v1/releases/{CALM}/{id}"
    assert release_bundle.verify(raw.body).sides == ("china", "nato")

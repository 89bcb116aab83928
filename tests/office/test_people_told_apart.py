"""People of the register are told apart on every page on which an act names them: by side, post and
number, though they are called alike.
"""

from beside import enter, named
from office import Office
from service import Caller

CHANNEL = "nato-china"
NATO = {"name": "Watch desk", "post": "Maritime desk", "telephones": ["+32 2 555 0134"]}
CHINA = {"name": "Watch desk", "post": "Liaison desk", "telephones": ["+86 10 5550 1190"]}
OURS = "Watch desk, NATO, Maritime desk, +32 2 555 0134"
THEIRS = "Watch desk, CHINA, Liaison desk, +86 10 5550 1190"
NOBODY = "not in the register"
WARNING = "Watch desk is of CHINA, and not of NATO"


def contact(person: object) -> dict[str, object]:
    return {
        "act": "point-of-contact",
        "role": "Duty desk",
        "person": person,
        "institution": "Liaison office",
        "languages": ["en"],
        "hours": "24x7",
        "channels": ["telephone"],
        "valid_from": "2031-01-01T00:00:00Z",
    }


def test_two_who_are_called_alike_are_told_apart_wherever_a_person_is_named(demo: Office) -> None:
    demo.api("nato/officer", lambda nato: enter(nato, NATO))
    theirs = demo.api("china/officer", lambda china: enter(china, CHINA))
    writer, head = demo.person("nato/officer"), demo.person("nato/head_of_office")

    def offered(act: str) -> list[str]:
        fields = writer.open(f"/c/{CHANNEL}/compose/{act}?more=1").fields()
        return [name for name in fields if name.startswith("Watch desk")]

    # a note may be of anybody, an own point of contact is of the own side
    assert offered("contact-note") == [OURS, THEIRS]
    for act in ("point-of-contact", "meeting-request"):
        assert offered(act) == [OURS]

    # the check page says who is meant
    writer.open(f"/c/{CHANNEL}/compose/contact-note?more=1").choose("conversation")
    writer.fill("Text, English", "Spoke with both desks.").choose(OURS).choose(THEIRS)
    writer.press("Check before sending")
    writer.see(OURS, THEIRS).miss(NOBODY)
    assert writer.xpath("//*[@data-warning]") == []

    # whoever writes down somebody of the other side is warned, and so is the head of office who
    # releases it
    draft = {"act": contact(named(theirs))}
    kept = demo.api(
        "nato/officer", lambda nato: nato.post(f"/v1/channels/{CHANNEL}/drafts", draft)
    ).json
    for reader in (writer, head):
        reader.open(f"/c/{CHANNEL}/drafts/{kept['id']}")
        reader.see(THEIRS, WARNING).miss(NOBODY)
    writer.follow("Change")
    assert writer.fields()[THEIRS], "no choice is lost unseen"
    writer.press("Check before sending").see(WARNING).press("Change")
    writer.within("Person").choose(OURS).within("")
    writer.press("Check before sending").see(OURS).miss(WARNING)


def test_two_entries_that_read_alike_are_told_apart_by_the_rest(demo: Office) -> None:
    async def entered(nato: Caller) -> None:
        for institution in ("Office Brussels", "Office Mons"):
            await enter(nato, {"name": "Night desk", "institution": institution})

    demo.api("nato/officer", entered)
    writer = demo.person("nato/officer").open(f"/c/{CHANNEL}/compose/point-of-contact")
    labels = [name for name in writer.fields() if name.startswith("Night desk")]
    assert len(labels) == 2
    assert ["Brussels" in labels[0], "Mons" in labels[1]] == [True, True]

"""A form survives the end of the session: it comes back filled to the officer who sent it, after
signing in again, and to nobody else.
"""

import time
from datetime import UTC, datetime, timedelta

import pytest

from office import Office
from person import Person, text_of

CALM = "nato-china"
NOTE = f"/c/{CALM}/compose/contact-note"
TEXT = "Met the counterpart.\n\nHe proposes talks, 谢谢."
ENDS = timedelta(seconds=6)
TEXTS = "//textarea[starts-with(@name, 'f.text')]"


def sign_in(person: Person, token: str) -> Person:
    """Sign in on the page that asks for it."""
    return person.fill("Token", token).press_at("//form[@action='/sign-in']//button")


def typed(person: Person) -> str:
    return "".join(text_of(each) for each in person.xpath(TEXTS))


@pytest.fixture(scope="module")
def late(demo: Office) -> list[Person]:
    """Notes that nato/o-1 has written in two browsers, whose session has ended meanwhile."""
    ends = (datetime.now(UTC) + ENDS).isoformat()
    body = {"actor": "nato/o-1", "channels": [CALM], "expires": ends}
    token = demo.api("operator", lambda operator: operator.post("/v1/tokens", body)).json["token"]
    guests = [sign_in(demo.person().open(f"/sign-in?next={NOTE}"), token) for _ in range(2)]
    for guest in guests:
        guest.xpath("//*[@id='f-form']//input")[0].set("checked", "")
        guest.xpath(TEXTS)[0].text = TEXT
    while datetime.now(UTC).isoformat() <= ends:
        time.sleep(0.2)
    time.sleep(1)
    return guests


def sent_too_late(guest: Person) -> Person:
    guest.press("Check before sending")
    assert guest.xpath("//*[@data-kept]"), guest.text
    return guest


def test_a_form_comes_back_filled_to_the_officer_who_sent_it_and_to_nobody_else(
    demo: Office, late: list[Person]
) -> None:
    guest = sent_too_late(late[0])
    assert guest.path == f"/sign-in?next={NOTE}"
    assert TEXT.splitlines()[0] not in guest.body.decode()

    sign_in(guest, demo.token("nato/head_of_office"))  # a colleague, at the same browser
    assert typed(guest) == ""
    assert guest.open("/kept").title == "No form is kept"

    sign_in(guest.open(f"/sign-in?next={NOTE}"), demo.token("nato/officer"))
    boxes = guest.xpath("//textarea[@name='f.text.en']")
    assert [text_of(each) for each in boxes] == TEXT.split("\n\n")
    assert guest.xpath("//*[@id='f-form']//input")[0].get("checked") is not None
    guest.press("Check before sending").press_at("//button[@value='send']")
    assert guest.title.startswith("Recorded: record")
    assert typed(guest.open(NOTE)) == ""  # it was sent


def test_signing_out_forgets_a_kept_form(demo: Office, late: list[Person]) -> None:
    guest = sign_in(sent_too_late(late[1]), demo.token("nato/officer"))
    assert typed(guest), "it is shown again"
    guest.press("Sign out").open(f"/sign-in?next={NOTE}")
    assert guest.xpath("//*[@data-kept]") == []
    assert typed(sign_in(guest, demo.token("nato/officer"))) == ""


@pytest.mark.parametrize("path", [NOTE, f"/c/{CALM}/people/tested"])
def test_nothing_of_a_stranger_is_kept(path: str, demo: Office) -> None:
    stranger = demo.person()
    stranger.headers["Cookie"] = "__Host-dragoman=drg_nobody"
    stranger.post(path, {"f.text.en": "x" * 1000})
    back = path if path == NOTE else "/"
    assert stranger.path == f"/sign-in?next={back}&unkept=yes"
    stranger.see("what you wrote could not be kept here")
    assert [*stranger.cookies] == []


def test_what_another_tab_still_has_comes_back_after_its_officer_has_signed_out(
    demo: Office,
) -> None:
    other_tab = demo.person("nato/head_of_office").open(NOTE)
    guest = demo.person().open(f"/sign-in?next={NOTE}")
    sign_in(guest, demo.token("nato/officer"))
    guest.xpath("//*[@id='f-form']//input")[0].set("checked", "")
    guest.xpath(TEXTS)[0].text = TEXT
    written, address = guest.sent("Check before sending"), guest.path
    guest.press("Sign out")
    assert guest.path == "/sign-in?out=yes"
    guest.open(NOTE)
    assert guest.path.startswith("/sign-in"), "the session has ended all the same"
    guest.post(address, [(name, text) for name, text in written if isinstance(text, str)])
    assert guest.path == f"/sign-in?next={NOTE}"
    assert guest.xpath("//*[@data-kept]"), guest.text

    sign_in(guest, demo.token("nato/officer"))
    boxes = guest.xpath("//textarea[@name='f.text.en']")
    assert [text_of(each) for each in boxes] == TEXT.split("\n\n")
    guest.see("What you had written is filled in again.")
    assert typed(other_tab.open(NOTE)) == ""


def test_a_session_that_was_ended_from_another_browser_keeps_nothing(demo: Office) -> None:
    guest = demo.person("nato/officer").open(NOTE)
    sent = guest.sent("Check before sending")
    written = [(name, text) for name, text in sent if isinstance(text, str)]
    demo.person("nato/officer").open("/sessions").press("End all others")
    guest.post(NOTE, written)
    assert guest.path == f"/sign-in?next={NOTE}&unkept=yes"


def test_who_enters_somebody_from_a_form_finds_the_form_again_with_that_person_chosen(
    demo: Office,
) -> None:
    form, role = f"/c/{CALM}/compose/point-of-contact", "//*[@id='f-role']"
    nato = demo.person("nato/officer").open(form)
    nato.xpath(role)[0].set("value", "political adviser")
    nato.press_at("//button[@name='enter'][@value='f.person']")
    nato.xpath("//input[@name='name']")[0].set("value", "Anna Berg")
    nato.press_at("//main//button")
    assert nato.path.startswith(form)
    assert nato.xpath(role)[0].get("value") == "political adviser"
    (chosen,) = nato.xpath("//*[@name='f.person'][@checked]")
    assert "Anna Berg" in nato.name_of(chosen)
    nato.open(f"/c/{CALM}").miss("for a colleague to release")
    nato.open(form)  # whoever went elsewhere finds it as well, and once it is a draft, an empty one
    assert nato.xpath(role)[0].get("value") == "political adviser"
    nato.press("Keep as draft")
    nato.open(f"/c/{CALM}").miss("for a colleague to release")  # it was handed to nobody
    assert nato.open(form).xpath(role)[0].get("value", "") == ""

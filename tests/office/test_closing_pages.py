"""Each side closes a matter for itself, and the pages of both say what is waited for."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from office import Office
from service import INCIDENT

CHANNEL = "nato-china"


@pytest.fixture
def own(tmp_path: Path) -> Office:
    """A demonstration of this test's own, whose clock it sets."""
    return Office(tmp_path / "data", demo=True)


def reported(office: Office) -> str:
    body = {**INCIDENT, "precedence": "priority"}
    sent: Any = office.api("nato/duty_officer", lambda who: who.open(body, CHANNEL)).json
    return str(sent["exchange"])


def offered(person: Any, page: str) -> bool:
    return bool(person.open(f"{page}/moves").xpath("//a[contains(@href, '/acts/closure')]"))


def test_who_says_nothing_has_closed_it_after_the_limit(own: Office) -> None:
    id = reported(own)
    page = f"/c/{CHANNEL}/exchanges/{id}"
    nato, china = own.person("nato/duty_officer"), own.person("china/duty_officer")
    assert offered(nato, page) and offered(china, page)
    nato.open(f"{page}/acts/closure").press("Check before sending").press("Record: Closure")
    nato.see("Recorded: record")
    for person in (nato, china):
        person.open(page).see("being closed by NATO; closed for all at")
        person.see("if nothing comes from CHINA")
    assert not offered(nato, page)
    assert offered(china, page)
    own.set(own.clock.now() + timedelta(hours=73))
    own.settle()
    for person in (nato, china):
        person.open(page).see("objection to the closure")
        assert "if nothing comes from" not in person.text
        assert not offered(person, page)
    state: Any = own.api(
        "china/auditor", lambda who: who.get(f"/v1/channels/{CHANNEL}/exchanges/{id}")
    ).json["state"]
    assert (state["status"], state["closed"]["by"]) == ("closed", "service/watch")


def test_a_word_of_the_other_side_holds_it_open_until_it_closes_too(demo: Office) -> None:
    id = reported(demo)
    page = f"/c/{CHANNEL}/exchanges/{id}"
    nato, china = demo.person("nato/duty_officer"), demo.person("china/duty_officer")
    nato.open(f"{page}/acts/closure").press("Check before sending").press("Record: Closure")
    word = {"act": "reply", "text": "This hides causes."}
    demo.api("china/officer", lambda who: who.act(id, word, CHANNEL))
    for person in (nato, china):
        person.open(page).see("closed by NATO; CHINA has objected and has not closed it")
    china.open(f"{page}/acts/closure").press("Check before sending").press("Record: Closure")
    for person in (nato, china):
        assert "CHINA has objected" not in person.open(page).text
        assert not offered(person, page)

"""Hotline, Talks and Full: what a side's pages show at first, and that nothing is lost by it."""

from typing import Any

import pytest

from dragoman.domain.views.offers import INCIDENT, MENU
from dragoman.domain.views.office_kinds import OFFICE_KINDS, PAGES
from dragoman.i18n.words import words
from office import Office
from person import Person, text_of
from service import INCIDENT as REPORT

CHANNEL = "/c/nato-china"
OWED = ("g-mine", "g-theirs", "g-watching", "shelved", "second", "ring")
"""Blocks of the board that say what is owed, what is in force, and whom to ring."""

_HIDDEN = "ancestor::details"


@pytest.fixture
def china(own: Office) -> Person:
    """The head of office of China, on the board."""
    return own.person("china/head_of_office").open(CHANNEL)


def _choose(person: Person, kind: str) -> Person:
    name = words("en").sentence(OFFICE_KINDS[kind].label)
    return person.open(f"{CHANNEL}/admin").press(f"Use {name}")


def _forms(person: Person, query: str = "") -> set[str]:
    person.open(f"{CHANNEL}/compose{query}")
    return set(person.xpath("//main//@data-form"))


def _pages(person: Person, area: str) -> set[str]:
    return {each.partition("?")[0] for each in person.xpath(f"{area}//a/@href")}


def test_each_kind_shows_what_the_smaller_one_shows_and_an_incident_always() -> None:
    hotline, talks, full = OFFICE_KINDS.values()
    openings = {offer.act for offer in MENU}
    assert {INCIDENT} < hotline.forms < talks.forms < full.forms == openings
    assert hotline.parts < talks.parts < full.parts == {*PAGES}


@pytest.mark.parametrize("kind", OFFICE_KINDS)
def test_all_forms_and_pages_are_one_press_away_and_what_is_owed_is_open(
    kind: str, own: Office, china: Person
) -> None:
    every, pages = _forms(china, "?all=1"), _pages(china, "//header")
    own.api("nato/duty_officer", lambda nato: nato.open(REPORT, "nato-china"))
    _choose(china, kind)
    shown = OFFICE_KINDS[kind]
    first = _forms(china)
    assert INCIDENT in first
    if kind == "full":  # six of many; the search and the list of all forms have the others
        assert first < every and len(first) == 6
    else:
        assert first == every & shown.forms
    assert _forms(china, "?all=1") == every
    assert _pages(china, "//header") == pages
    in_navigation = _pages(china, "//header//nav")
    assert {f"{CHANNEL}/{page}" in in_navigation for page in ("inbox", "people")} == {True}
    assert (f"{CHANNEL}/dialogue" in in_navigation) is shown.shows("dialogue")
    for act in every:
        assert china.open(f"{CHANNEL}/compose/{act}").status == 200, act
    china.open(CHANNEL)
    owed = china.xpath("//main//section[@aria-labelledby]")
    assert "g-mine" in {each.get("aria-labelledby") for each in owed}
    for block in owed:
        if block.get("aria-labelledby") in OWED:
            assert not block.xpath(_HIDDEN), block.get("aria-labelledby")


def test_the_question_is_asked_once_of_those_who_decide_and_of_their_own_side(
    own: Office, china: Person
) -> None:
    question = "Which of these is your side’s office in this channel?"
    assert OFFICE_KINDS["full"].forms >= _forms(china), "unanswered, it is Full"
    own.person("china/officer").open(CHANNEL).miss(question)
    china.open(CHANNEL).see(question).press("Use Hotline").miss(question)
    nato = own.person("nato/head_of_office").open(CHANNEL).see(question)
    assert _forms(nato) != _forms(own.person("china/officer"))
    officer = own.person("china/officer").open(f"{CHANNEL}/admin").see("Your office")
    assert not [name for name in officer.buttons() if name.startswith("Use ")]
    assert officer.post(f"{CHANNEL}/office", {"kind": "full"}).status == 403
    assert china.post(f"{CHANNEL}/office", {"kind": "embassy"}).status == 403


def test_search_finds_a_form_that_the_office_does_not_show_and_programs_see_no_office(
    own: Office, china: Person
) -> None:
    channel = "/v1/channels/nato-china"

    def answers() -> list[object]:
        def get(path: str) -> Any:
            return own.api("china/officer", lambda officer: officer.get(f"{channel}{path}")).json

        matters = get("/exchanges")["exchanges"]
        return [get(""), *(get(f"/exchanges/{each['id']}")["allowed"] for each in matters)]

    for _ in range(5):  # a deadline may fall meanwhile
        _choose(china, "full")
        before = answers()
        _choose(china, "hotline")
        if (after := answers()) == before:
            break
    assert after == before
    assert "joint-report" in _forms(china, "?q=report")
    china.open(f"{CHANNEL}/go?q=joint+report")
    assert any("joint-report" in each for each in [china.path, *china.xpath("//main//a/@href")]), (
        text_of(china.xpath("//main")[0])
    )

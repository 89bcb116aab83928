"""A matter of the list is handed to a colleague of the same side, which no other side sees."""

from typing import Any

import pytest

from meeting_requests import CALM
from office import Office
from person import Person
from service import Caller

ASKED = {"act": "contact-note", "form": "conversation", "text": {"en": "May our boat pass?"}}
LISTS = ("", "/inbox")


@pytest.fixture
def exchange(own: Office) -> str:
    async def send(caller: Caller) -> Any:
        return await caller.open(ASKED, CALM)

    return str(own.api("nato/head_of_office", send).json["id"])


def at(person: Person, exchange: str) -> Person:
    return person.open(f"/c/{CALM}/exchanges/{exchange}")


def moves(person: Person) -> Person:
    """Follow the link to all moves, whatever their number."""
    return person.follow(next(name for name in person.links() if name.startswith("All ")))


def marks(person: Person, exchange: str) -> set[str]:
    """Return the words on the holder of a matter, in each list that a person reads."""
    return {
        " ".join(
            "".join(
                person.open(f"/c/{CALM}{path}").xpath(
                    f"//*[@data-exchange='{exchange}']//*[@data-colleague]//text()"
                )
            ).split()
        )
        for path in LISTS
    }


def handed(own: Office, exchange: str) -> tuple[Person, Person]:
    giver, taker = own.person("china/officer"), own.person("china/duty_officer")
    at(giver, exchange)
    moves(giver).follow("Hand it to a colleague")
    (choice,) = giver.xpath("//select[@name='to']")
    assert "o-1" not in choice.value_options, "nobody hands a matter to themselves"
    choice.value = "d-1"
    giver.fill("Reason", "You know the boat.").press("Hand it to a colleague")
    return giver, taker


def test_each_list_of_the_side_says_who_has_a_matter_and_no_other_side_sees_it(
    own: Office, exchange: str
) -> None:
    giver, taker = handed(own, exchange)
    assert marks(giver, exchange) == {"with d-1"}
    giver.open(f"/c/{CALM}?wall=1").see("with d-1")
    (mark,) = marks(taker, exchange)
    assert mark.startswith("handed to you by o-1, ")
    nato = own.person("nato/head_of_office")
    assert marks(nato, exchange) == {""}
    assert "You know the boat." not in at(nato, exchange).text
    assert "You know the boat." in at(taker, exchange).text
    assert "You know the boat." in taker.open(f"/c/{CALM}/reports/turn-over").text


def test_it_is_given_back_with_a_reason_and_ends_with_the_move(own: Office, exchange: str) -> None:
    _, taker = handed(own, exchange)
    at(taker, exchange).fill("Reason", "I leave at noon.").press("Give it back")
    (mark,) = marks(taker, exchange)
    assert mark.startswith("given back by d-1, ")
    handed(own, exchange)
    at(taker, exchange).press("Acknowledge receipt")
    assert marks(taker, exchange) == {""}
    page = at(taker, exchange)
    assert not page.xpath("//*[@data-colleague]"), page.text

"""The search's goals: how a typed text is read, what is offered to whom, and in which order."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlencode

import pytest
from aiohttp import web

from dragoman.application.read_receipts import READ_RECEIPTS, ReadReceipts
from dragoman.application.service import Service
from dragoman.console.search import exchange_goals, named_goals, search_page
from dragoman.console.search.goals import Goal, group, read
from dragoman.domain.views.offers import allowed
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.responses import ExchangeView
from dragoman_schemas.state import decode_exchange
from served import page_of, served
from world import INCIDENT, NOTE, REQUEST, World

SIDES = ("nato", "china")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A projection file of its own."""
    store = Store(tmp_path / "projection.sqlite")
    yield store
    store.close()


@pytest.mark.parametrize(
    ("typed", "position", "path", "parts", "words"),
    [
        ("16", 16, "", ("0016",), ""),
        ("0016", 0, "", ("0016",), ""),
        ("#16", 16, "", (), ""),
        ("4,488", 4488, "", (), ""),
        ("accept 0016", 0, "", ("0016",), "accept"),
        ("0016 accept", 0, "", ("0016",), "accept"),
        ("accepter 16", 16, "", ("0016",), "accepter"),
        ("接受16", 16, "", ("0016",), "接受"),
        ("接受 \uff10\uff10\uff11\uff16", 0, "", ("0016",), "接受"),
        ("china 16", 0, "", ("CHINA", "0016"), ""),
        ("CHINA N07 16", 0, "", ("CHINA", "N07", "0016"), ""),
        ("26/0042/n07", 0, "26/0042/N07", (), ""),
        ("reply NATO/26/0042", 0, "NATO/26/0042", (), "reply"),
        ("china", 0, "", (), "china"),
        ("fishing vessel", 0, "", (), "fishing vessel"),
        ("and/or", 0, "", (), "and/or"),
        ("", 0, "", (), ""),
    ],
)
def test_a_typed_text_is_a_number_or_words_or_both(
    typed: str, position: int, path: str, parts: Sequence[str], words: str
) -> None:
    text = read(typed, SIDES)
    assert (text.position, text.path, text.parts, text.words) == (position, path, parts, words)
    assert text.is_number == bool(position or path or parts)


def test_goals_are_listed_once_and_the_first_of_an_address_stays_first() -> None:
    first, second = (
        Goal(kind="page", label="a", address="/a"),
        Goal(kind="page", label="b", address="/b"),
    )
    listed = group("pages", [first, second, Goal(kind="page", label="again", address="/a")], 5)
    assert (listed.goals, listed.more) == ((first, second), False)
    assert group("pages", [first, second], 1).more


def a_history() -> tuple[World, dict[str, str]]:
    """Return notes, a meeting that was asked for, and an incident that waits."""
    world = World()
    ids = {
        "note": world.open("nato/o-1", {**NOTE, "text": "A trawler called Aurora was towed."}),
        "meeting": world.open("nato/o-1", REQUEST),
        "incident": world.open("nato/d-1", INCIDENT),
        "later": world.open("china/o-1", {**NOTE, "text": "The Aurora is in port. 船已入港。"}),
    }
    return world, ids


class Opened(ReadReceipts):
    """Read receipts that remember what was opened."""

    exchanges: ClassVar[list[str]] = []

    def opened(self, projection: Projection, view: ExchangeView, grant: Grant) -> None:
        """Remember the exchange."""
        self.exchanges.append(decode_exchange(bytes(view.state)).id)


class Search:
    """The goals over a history, as its readers get them."""

    def __init__(self, app: web.Application, service: Service, projection: Projection) -> None:
        app[READ_RECEIPTS] = Opened(service)
        Opened.exchanges.clear()
        self._at = (app, service, projection)
        self.projection = projection

    async def goals(self, actor: str, typed: str, *, at: int = 0) -> dict[str, list[Goal]]:
        """Return the groups of goals for a typed text."""
        page, _ = await page_of(
            *self._at,
            actor,
            at,
            handler=search_page.search,
            found={"form": ".html"},
            query=urlencode({"q": typed}),
        )
        assert isinstance(page.view, search_page.SearchResult)
        return {found.name: list(found.goals) for found in page.view.groups}


@pytest.fixture(autouse=True)
def writable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the service take posts, which a copy of a history does not."""
    monkeypatch.setattr(Service, "is_writable", lambda *_: True)


@asynccontextmanager
async def over(world: World, store: Store, path: Path) -> AsyncIterator[Search]:
    """The search over a history."""
    async with served(world, store, path) as parts:
        yield Search(*parts)


def ends(goals: Sequence[Goal]) -> list[str]:
    """The last part of each address."""
    return [goal.address.partition("?")[0].rpartition("/")[2].partition("#")[0] for goal in goals]


async def test_a_number_leads_to_its_exchanges_and_then_to_the_record_at_that_position(
    store: Store, tmp_path: Path
) -> None:
    world, ids = a_history()
    async with over(world, store, tmp_path) as search:
        serial = int(world.exchange(ids["meeting"]).number.split("/")[3])
        numbers = (await search.goals("china/o-1", str(serial)))["numbers"]
        assert ids["meeting"] in ends(numbers)
        assert [goal.kind for goal in numbers][-1] == "record"
        (alone,) = (await search.goals("china/o-1", f"nato {serial}"))["numbers"]
        assert (ends([alone]), alone.label) == ([ids["meeting"]], "Incident of 24 November")
        others = (await search.goals("china/o-1", f"china {serial}")).get("numbers", [])
        assert ids["meeting"] not in ends(others)


async def test_words_lead_to_the_exchanges_that_the_inbox_lists_for_them(
    store: Store, tmp_path: Path
) -> None:
    world, ids = a_history()
    async with over(world, store, tmp_path) as search:
        for typed in ("aurora", "AURORA"):
            texts = (await search.goals("china/o-1", typed))["texts"]
            assert ends(texts) == [ids["later"], ids["note"]], typed
            assert texts[0].match.lower() == typed.lower()
        assert ends((await search.goals("china/o-1", "入港"))["texts"]) == [ids["later"]]
        assert ends((await search.goals("china/o-1", "trawler towed"))["texts"]) == [ids["note"]]
        assert "texts" not in await search.goals("china/o-1", "a")
        position = world.exchange(ids["later"]).opened.position
        before = await search.goals("china/o-1", "aurora", at=position - 1)
        assert ends(before["texts"]) == [ids["note"]]
        assert all(f"at={position - 1}" in goal.address for goal in before["texts"])


async def test_an_act_is_offered_to_whom_it_is_allowed_and_leads_to_its_form(
    store: Store, tmp_path: Path
) -> None:
    world, ids = a_history()
    async with over(world, store, tmp_path) as search:
        number = int(world.exchange(ids["meeting"]).number.split("/")[3])
        form = f"/c/{world.name}/exchanges/{ids['meeting']}/acts/acceptance"
        for typed in (f"accept {number:04d}", f"accepter nato {number}", f"接受{number:04d}"):
            acts = (await search.goals("china/o-1", typed))["acts"]
            assert form in [goal.address for goal in acts], typed
        assert "acts" not in await search.goals("china/o-1", "accept")
        for actor in ("nato/o-1", "china/a-1", "nato/a-1"):
            groups = await search.goals(actor, f"accept {number:04d}")
            assert form not in [goal.address for goal in groups.get("acts", [])], actor
        position = world.exchange(ids["later"]).opened.position
        assert "acts" not in await search.goals("china/o-1", f"accept {number:04d}", at=position)
        assert Opened.exchanges == [], "nobody has looked at an exchange"


async def test_every_act_that_is_offered_is_allowed(store: Store, tmp_path: Path) -> None:
    world, ids = a_history()
    async with over(world, store, tmp_path) as search:
        seen = 0
        for actor in ("nato/o-1", "nato/d-1", "nato/h-1", "china/o-1", "china/d-1", "china/h-1"):
            for exchange in ids.values():
                state = search.projection.exchange(exchange)
                assert state is not None
                may = set(allowed(search.projection.registry, state, actor.partition("/")[0]))
                offered = (await search.goals(actor, exchange)).get("acts", [])
                acts = {
                    goal.address.rpartition("/acts/")[2]
                    if "/acts/" in goal.address
                    else "acknowledgement"
                    for goal in offered
                }
                assert acts <= may, (actor, exchange)
                seen += len(acts)
        assert seen > 20


async def test_people_are_officers_for_every_reader(store: Store, tmp_path: Path) -> None:
    world, _ = a_history()
    async with over(world, store, tmp_path) as search:
        for actor in ("china/o-1", "nato/a-1"):
            people = (await search.goals(actor, "nato d-1"))["people"]
            assert [goal.label for goal in people] == ["NATO/d-1"]
        assert "people" not in await search.goals("china/o-1", "nobody")


async def test_the_order_of_the_goals_is_always_the_same(store: Store, tmp_path: Path) -> None:
    world, _ = a_history()
    async with over(world, store, tmp_path) as search:
        for typed in ("me", "re", "aurora", "3", "接", "log"):
            once, again = [await search.goals("nato/o-1", typed) for _ in range(2)]
            assert list(once.items()) == list(again.items())
        pages = (await search.goals("nato/o-1", "log"))["pages"]
        assert pages[0].label == "Log", "an equal name comes first"


def test_names_rank_by_how_they_match() -> None:
    text = named_goals.plain("Réun")
    ranks = [named_goals.rank_of(name, text) for name in ("réun", "Réunions", "Demande de réunion")]
    assert ranks == [0, 1, 2]
    assert named_goals.rank_of("Meetings", text) == named_goals.UNRANKED


def test_the_name_of_any_act_is_known_as_one() -> None:
    assert "acceptance" in exchange_goals._ranks("Accepter")
    assert exchange_goals._ranks("aurora") == exchange_goals._ranks("") == {}

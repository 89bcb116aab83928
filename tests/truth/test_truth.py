"""The truth of all pages: each run that names its source equals it (`support/truth`), on every page
of every scenario and of random histories, at several positions and as each side.

A new page is under it without a line: all routes are walked. So is a page of the past: it is the
page that the log up to then makes, whatever was recorded later.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from copy import copy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html as parser
from msgspec.structs import replace

from dragoman.application.clock import stamp
from dragoman.application.station_port import HostLine
from dragoman.console import dispatch
from dragoman.console.matter import exchange_parts, shown_message
from dragoman.console.page import context as page_context
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.domain.acts import developments
from dragoman.domain.record.codec import parse
from dragoman.domain.record.errors import Refused
from dragoman.domain.views.answers import answers
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.i18n.words import Words
from dragoman.office.pages import ROUTES
from dragoman.projection.queries.records import NoSuchExchange
from dragoman.projection.store import Store
from dragoman.stores.outbox import OutboxEntry
from dragoman_schemas.responses import SideAnswer
from dragoman_schemas.state import Exchange
from histories import FURTHER, WIDE, a_history
from played import played
from samples import act
from served import context_of, served
from truth import Log, faults, squeezed, unsourced
from world import INCIDENT, World

SCENARIOS: Final = (
    "balloon-2023",
    "collision-2001",
    "convoy-2024",
    "explosion-2022",
    "pipelines-2022",
    "rivers-2017",
    "rocket-1995",
    "sailors-2016",
    "talks-2021",
)
_PLACE: Final = re.compile(r"{(\w+)[^{}]*(?:{[^{}]*}[^{}]*)*}")
_BESIDE: Final = (
    "/admin/acts",
    "/admin/endpoints",
    "/admin/links",
    "/key",
    "/roster",
    "/people/register",
    "/drafts",
    "/offline",
)
"""Pages of what lies beside the log, or is asked of the broker."""


def routes() -> Iterator[tuple[PageRoute, str]]:
    """Yield the pages of a channel, with the name that their address needs."""
    for route in ROUTES:
        names = _PLACE.findall(route.path)
        if (
            route.method == "GET"
            and not (route.anywhere or route.streams)
            and names in ([], ["exchange"])
            and not route.path.startswith(_BESIDE)
        ):
            yield route, "".join(names)


async def pages(
    world: World,
    store: Store,
    folder: Path,
    readers: list[str],
    at: int = 0,
    line: HostLine | None = None,
) -> AsyncIterator[tuple[str, str, str, int]]:
    """Yield each page as each reader reads it: reader, address, body, and its position.

    With a line, the pages are those of a station.
    """
    async with served(world, store, folder) as (app, service, projection):
        if line is not None:
            service.station = StationWithLine(line)
            if line.is_cut:
                projection.checked = datetime.fromisoformat(line.last_known)
        records = [parse(raw).envelope for raw in world.raws]
        ids = [record.id for record in records if record.id == record.subject]
        for reader in readers:
            for route, name in routes():
                for found in [{name: id} for id in ids] if name else [{}]:
                    place = {"channel": world.name, **found}
                    context = await context_of(app, service, projection, reader, at, place)
                    text = await _answered(route, context)
                    if text is not None:
                        path = _PLACE.sub(found.get("exchange", "")[:8], route.path)
                        yield reader, path, text, context.position


async def _answered(route: PageRoute, context: PageContext) -> str | None:
    try:
        page = await route.handler(context)
    except (Refused, NoSuchExchange, LogUnreachable):
        return None
    if not isinstance(page, Page):
        return None
    return (await dispatch.answer(context, page)).text


def readers_of(world: World) -> list[str]:
    """Return an officer of the first two sides: what the others read is alike."""
    return [f"{side}/d-1" for side in world.sides[:2]]


def positions(world: World) -> list[int]:
    """Return the moments that are read besides the end."""
    last = len(world.raws)
    return [last // 3, last * 2 // 3]


async def said(
    world: World, folder: Path, readers: list[str], at: int = 0, line: HostLine | None = None
) -> list[str]:
    """Return the faults of all pages of a world, a line for each."""
    log, lines = Log(world.raws), []
    store = Store(folder / f"{at}.sqlite")
    try:
        async for reader, path, text, position in pages(world, store, folder, readers, at, line):
            wrong = faults(text, log, position)
            if unsourced(text):
                wrong.append("words of a side without a source")
            if line is not None and line.is_cut:
                wrong += claims(text)
            lines += [f"{reader} {path} at {position}: {line}" for line in wrong]
    finally:
        store.close()
    return lines


@pytest.mark.parametrize("name", SCENARIOS)
async def test_each_run_of_each_page_equals_its_source(name: str, tmp_path: Path) -> None:
    world, _ = played(name)
    lines = await said(world, tmp_path, readers_of(world))
    for at in positions(world):
        lines += await said(world, tmp_path, readers_of(world)[:1], at)
    assert not lines, "\n".join(lines[:20])


CALM: Final = re.compile(
    r"in order\b|manned(?! since)|Quiet\b|Nothing waits|Everything is|Nothing is late|No matter is open"
    r"|countersigned|not received yet"
)
"""Words that a station cannot say of now while its line is cut."""


def claims(html: str) -> list[str]:
    """Return the claims of a page that its station cannot know, and the lack of a warning."""
    page = parser.fromstring(html)
    for quoted in page.xpath("//*[@data-source or @data-of or contains(@class, 'said')]"):
        quoted.drop_tree()
    words = squeezed(" ".join(page.xpath("//body//text()[not(ancestor::script)]")))
    found = [
        f"claims calm: {words[max(0, m.start() - 40) : m.end() + 40]}" for m in CALM.finditer(words)
    ]
    if "is cut" not in words and "Last known" not in words:
        found.append("the line is cut, and the page does not say so")
    return found


class StationWithLine:
    """A station of which only the line matters: nothing waits in its outbox."""

    def __init__(self, line: HostLine) -> None:
        self._line = line

    def line(self, channel: str) -> HostLine:
        del channel
        return self._line

    def entries(self, channel: str) -> list[OutboxEntry]:
        del channel
        return []

    old_entries = entries

    async def withdraw(self, entry: OutboxEntry) -> bool:
        raise AssertionError(entry)

    async def send_again(self, entry: OutboxEntry) -> None:
        raise AssertionError(entry)

    def heard_voice(self, channel: str, position: int) -> None:
        raise AssertionError((channel, position))

    def kept_keys(self, channel: str) -> dict[str, str]:
        del channel
        return {}


@pytest.mark.parametrize("is_cut", [False, True], ids=["up", "cut"])
async def test_each_page_of_a_station_is_true_and_claims_no_calm_while_its_line_is_cut(
    tmp_path: Path,
    is_cut: bool,  # a parameter of a test
) -> None:
    world = World()
    world.open("nato/d-1", INCIDENT)
    check = world.open("nato/d-1", act("line-check"))
    world.keep("china/d-1", {"act": "echo", "text": act("line-check")["challenge"]}, check)
    for side in world.sides:
        world.keep(f"{side}/d-1", {"act": "watch-assumption"})
    last = stamp(world.clock - timedelta(minutes=1) if is_cut else world.clock)
    line = HostLine(host="https://liaison.example", last_known=last, is_cut=is_cut)
    lines = await said(world, tmp_path, readers_of(world)[:1], line=line)
    assert not lines, "\n".join(lines[:20])


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_each_run_equals_its_source_in_random_histories(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = a_history(data, openings=WIDE, steps=FURTHER, most=12, name="history")
    at = data.draw(st.integers(2, len(world.raws)), label="past")

    async def read() -> list[str]:
        folder = tmp_path_factory.mktemp("history")
        lines = await said(world, folder, ["nato/d-1"])
        return lines + await said(world, folder, ["china/d-1"], at)

    lines = asyncio.run(read())
    assert not lines, "\n".join(lines[:20])


def until(world: World, position: int) -> World:
    """Return a world whose log ends one record after a position, so that the position is past."""
    shorter = copy(world)
    shorter.raws = world.raws[: position + 1]
    shorter.clock = datetime.fromisoformat(parse(shorter.raws[-1]).envelope.time)
    return shorter


def main_words(html: str) -> str:
    """Return the words of the main part of a page, without the stamp of its printing."""
    main = parser.fromstring(html).xpath("//main")
    text = squeezed(main[0].text_content()) if main else ""
    return re.sub(r"Printed at record [0-9,]+ at .{10,30}Z by", "", text)


@pytest.mark.parametrize("name", ["explosion-2022", "collision-2001"])
async def test_a_page_of_the_past_is_the_page_that_the_log_up_to_then_makes(
    name: str, tmp_path: Path
) -> None:
    world, _ = played(name)
    at = len(world.raws) // 2
    words: list[dict[str, str]] = []
    for each, log in enumerate((world, until(world, at))):
        folder = tmp_path / str(each)
        folder.mkdir()
        store = Store(folder / "store.sqlite")
        words.append(
            {
                path: main_words(text)
                async for _, path, text, _ in pages(log, store, folder, readers_of(world)[:1], at)
            }
        )
        store.close()
    whole, then = words
    later = {path for path in whole if path in then and whole[path] != then[path]}
    later.discard("/log")  # its slider leads to all records, the later ones too
    assert not later, {path: _apart(whole[path], then[path]) for path in later}


def _apart(one: str, other: str) -> tuple[str, str]:
    begin = next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    return one[max(0, begin - 60) : begin + 80], other[max(0, begin - 60) : begin + 80]


# Each earlier kind of defect, put back by hand


def an_amended_matter() -> World:
    """A roadmap item that is amended after one side agreed, and that another side refuses."""
    world = World()
    item = world.open("nato/h-1", act("roadmap-item", text="First title"))
    world.keep("china/h-1", {"act": "acknowledgement"}, item)
    fields = {"text": "Second title", "deliverable": "A chart of both sides"}
    world.keep(
        "nato/h-1", {"act": "correction", "reason": "A slip.", "fields": fields}, item, seen=True
    )
    world.keep("china/h-1", {"act": "decline", "reason": "Not in these words."}, item)
    other = world.open("nato/h-1", act("roadmap-item", text="Unanswered"))
    world.keep("china/h-1", {"act": "acknowledgement"}, other)
    launch = world.open("nato/o-1", act("launch-notice"))
    world.keep("china/d-1", {"act": "acknowledgement"}, launch)
    return world


def another_record(patch: pytest.MonkeyPatch) -> None:
    """Show in the frame of a message what stands now."""
    patch.setattr(developments, "opening_as_sent", lambda state: state.content)


def refusal_as_silence(patch: pytest.MonkeyPatch) -> None:
    """Show a side that refused as one that has not answered."""

    def told(state: Exchange) -> dict[str, SideAnswer]:
        return {
            side: SideAnswer(side=side, answer="silent") if it.answer == "refused" else it
            for side, it in answers(state).items()
        }

    for module in (shown_message, exchange_parts):
        patch.setattr(module, "answers", told)


def silence_as_a_word(patch: pytest.MonkeyPatch) -> None:
    """Show a side that said nothing as one that agreed."""

    def told(state: Exchange) -> dict[str, SideAnswer]:
        return {
            side: replace(
                it, answer="agreed", time=state.opened.when, position=state.opened.position
            )
            if it.answer == "silent"
            else it
            for side, it in answers(state).items()
        }

    for module in (shown_message, exchange_parts):
        patch.setattr(module, "answers", told)


def duty_as_an_event(patch: pytest.MonkeyPatch) -> None:
    """Tell of what has to be passed on as of what was not passed on."""
    say = Words.say

    def told(words: Words, message: str, /, **values: object) -> str:
        return say(words, message, **values).replace("must acknowledge", "was not passed on")

    patch.setattr(Words, "say", told)


def another_moment(patch: pytest.MonkeyPatch) -> None:
    """Ask for the present on a page of the past."""
    patch.setattr(PageContext, "past_moment", property(lambda _: None))


def an_older_title(patch: pytest.MonkeyPatch) -> None:
    """Call a matter as its opener called it first."""

    def told(state: Exchange) -> Any:
        return developments.opening_as_sent(state).get("text", state.content.get("text"))

    patch.setattr(page_context, "subject_of", told)
    patch.setattr(page_context, "title_of", lambda _: None)


@pytest.mark.parametrize("at", [0, 4])
async def test_without_a_defect_nothing_is_found(at: int, tmp_path: Path) -> None:
    assert await said(an_amended_matter(), tmp_path, ["nato/d-1"], at) == []


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (another_record, "does not say"),
        (refusal_as_silence, "is told to be silent, and answered"),
        (silence_as_a_word, "is told of record"),
        (duty_as_an_event, "a duty is told as an event"),
        (another_moment, "is not called"),
        (an_older_title, "is not called"),
    ],
)
async def test_each_earlier_kind_of_defect_is_found(
    broken: Callable[[pytest.MonkeyPatch], None],
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken(monkeypatch)
    at = 4 if broken is another_moment else 0
    lines = await said(an_amended_matter(), tmp_path, ["nato/d-1"], at)
    assert any(line in each for each in lines), lines

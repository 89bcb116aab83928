"""A duty is not told as an event, and silence is not told as a word.

Over the scenarios of the package, at many positions and as each side: no page, paper or report says
that something rang, that a side said what no record of it says, or that what was said was right.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import views
from dragoman.application.operations import report_requests
from dragoman.console.incident import in_force_page, knowledge_page
from dragoman.console.pages import board, exchange_page, print_views, reports_page
from dragoman.document.markdown import markdown
from dragoman.i18n import catalogue
from dragoman.projection.queries import duty_watch
from dragoman.projection.queries.snapshot import PeriodQuery, open_snapshot
from dragoman.projection.store import Store
from dragoman.projection.view import View
from dragoman_schemas.state import Exchange
from played import played
from samples import act
from served import Handler, page_of, served, spoken
from world import INCIDENT, World

SCENARIOS = ("silent", "rocket-1995", "convoy-2024", "explosion-2022")
OF_CHANNEL: tuple[Handler, ...] = (
    board.board,
    in_force_page.in_force,
    reports_page.situation,
    reports_page.turn_over,
    reports_page.record_of_the_period,
)
OF_EXCHANGE: tuple[Handler, ...] = (
    exchange_page.exchange,
    knowledge_page.lanes,
    print_views.form,
    print_views.card,
)
RANG = re.compile(
    r"\b(rang|rung|has ringed|is ringing|a sonné|avait sonné|ont sonné)\b|已响铃|响过铃",
    re.IGNORECASE,
)
NOT_SAID_BY_RECORD = (
    "The record does not say whether it rang, or who heard it.",
    "Le journal ne dit pas si cela a sonné, ni qui l’a entendu.",
    "记录未说明是否响铃、何人听到。",
)
QUOTED = ("A notice that was received and not passed on", "was not passed on to the units")
"""The causes that sides established, in their own words."""
NOT_PASSED = re.compile(r"\bnot passed (it )?on\b", re.IGNORECASE)
BY_WORD = {
    "en": re.compile(r"by the word of ([A-Z]+)"),
    "fr": re.compile(r"sur la parole de ([A-Z]+)"),
    "zh": re.compile(r"据\s*([A-Z]+)\s*所述"),
}
SAYS = re.compile(r"([A-Z]+) said that it passed")


def of_events(text: str) -> str:
    """A text without what the service and a side say of events that were not."""
    for sentence in (*NOT_SAID_BY_RECORD, *QUOTED):
        text = text.replace(sentence, "")
    return text


def told_by(state: Exchange | None) -> set[str]:
    """The sides that said of an exchange that they passed something on."""
    return set() if state is None else {told.said.side for told in state.acts.get("passed-on", ())}


def check(text: str, speakers: set[str], language: str = "en") -> None:
    """Check that a text tells no duty as an event, and gives words only to `speakers`."""
    plain = of_events(text)
    assert not RANG.search(plain), RANG.search(plain)
    assert not NOT_PASSED.search(plain), NOT_PASSED.search(plain)
    assert "wrong when it was said" not in plain
    named = {side.lower() for side in BY_WORD[language].findall(plain)}
    named |= {side.lower() for side in SAYS.findall(plain)}
    assert named <= speakers, (named, speakers)


def silent() -> tuple[World, dict[str, str]]:
    """A channel in which nobody said anything of a flash and of a launch, each to be passed on."""
    world = World()
    world.keep(
        "china/h-1",
        {
            "act": "onward-adoption",
            "entries": [
                {"format": name, "posts": ["Early warning", "Air defence"]}
                for name in ("launch-notice", "hazardous-incident")
            ],
        },
    )
    flash = world.open("nato/d-1", {**INCIDENT, "precedence": "flash"})
    launch = world.open("nato/o-1", act("launch-notice"))
    world.keep("china/d-1", {"act": "acknowledgement"}, launch)
    return world, {"FLASH": flash, "LAUNCH": launch}


@pytest.mark.parametrize("name", SCENARIOS)
async def test_no_page_and_no_report_tells_a_duty_as_an_event(name: str, tmp_path: Path) -> None:
    world, named = silent() if name == "silent" else played(name)
    store = Store(tmp_path / "projection.sqlite")
    async with served(world, store, tmp_path) as (app, service, projection):
        newest = projection.flushed

        async def read(handler: Handler, at: int, side: str, id: str, language: str) -> str:
            found = {"channel": world.name, "exchange": id}
            reader = f"{side}/d-1"
            _, text = await page_of(
                app, service, projection, reader, at, handler, found, language=language
            )
            return spoken(text)

        for at in (0, newest * 3 // 4, newest // 2):
            states = [
                state
                for id in named.values()
                if (state := views.found(store, world.name, View.state, id, at=at or newest))
                is not None
            ]
            for side in world.sides[:2]:
                for handler in OF_CHANNEL:
                    check(await read(handler, at, side, "", "en"), all_told(states))
                for state in states:
                    for handler in OF_EXCHANGE:
                        for language in BY_WORD if at == 0 else ("en",):
                            text = await read(handler, at, side, state.id, language)
                            check(text, told_by(state), language)
        for text in reports(store, world):
            check(text, all_told(states))
        view = views.found(store, world.name, duty_watch.watch_view, "china", now=world.clock)
        for alarm in view.alarms:
            check(alarm.detail, set())
    store.close()


def all_told(states: list[Exchange]) -> set[str]:
    """The sides that said of any of some exchanges that they passed something on."""
    return set().union(*map(told_by, states))


def reports(store: Store, world: World) -> Iterator[str]:
    """The reports of a channel as Markdown, in every language."""
    query = PeriodQuery()
    for gather in (
        report_requests.situation_of(query),
        report_requests.turn_over_of(query, world.sides[1]),
        report_requests.period_of(query),
        report_requests.audit_of(query, ()),
    ):
        as_of = f"{world.clock:%Y-%m-%dT%H:%M:%S}.000Z"
        with open_snapshot(store, world.name, query, as_of) as snapshot:
            paper = gather(snapshot, True).paper
            for language in BY_WORD:
                yield markdown(paper(language))


async def test_silence_about_passing_on_is_silence(tmp_path: Path) -> None:
    """The text of every surface on which the reader sees that a side has said nothing."""
    world, named = silent()
    store = Store(tmp_path / "projection.sqlite")
    silence = "has not said that it passed this on to Early warning"
    async with served(world, store, tmp_path) as (app, service, projection):
        for handler in (exchange_page.exchange, print_views.form):
            found = {"channel": world.name, "exchange": named["LAUNCH"]}
            _, text = await page_of(app, service, projection, "nato/d-1", 0, handler, found)
            assert f"CHINA {silence}" in spoken(text)
            assert "by the word of" not in spoken(text)
        world.keep(
            "china/d-1",
            {"act": "passed-on", "to_post": "Air defence", "at": f"{world.clock:%Y-%m-%dT%H:%MZ}"},
            named["LAUNCH"],
        )
    store.close()
    store = Store(tmp_path / "later.sqlite")
    (tmp_path / "later").mkdir()
    async with served(world, store, tmp_path / "later") as (app, service, projection):
        _, text = await page_of(
            app, service, projection, "nato/d-1", 0, exchange_page.exchange, found
        )
        assert f"CHINA {silence}" in spoken(text)
        assert "by the word of CHINA" in spoken(text)
    store.close()


def test_no_text_of_the_catalogues_says_that_something_rang() -> None:
    template = catalogue.untranslated()
    for message in template:
        ids = (message.id,) if isinstance(message.id, str) else message.id
        for id in ids:
            plain = of_events(re.sub(r"%\(\w+\)s|\{\w+\}", "", id))
            assert not re.search(r"\b(rang|had rung|now ringing)\b", plain, re.IGNORECASE), id
            assert not NOT_PASSED.search(plain), id
    for language, rang in (("fr", r"\b(a|avait|ont) sonné"), ("zh", "已响铃|响过铃")):
        for message in catalogue.updated(language, template):
            texts = message.string or ""
            for text in (texts,) if isinstance(texts, str) else texts:
                assert not re.search(rang, of_events(text)), text

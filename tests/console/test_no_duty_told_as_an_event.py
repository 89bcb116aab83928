"""A duty is not told as an event, and silence is not told as a word.

No text of the catalogues says that something rang. Of pages over scenarios, `truth/` holds it.
"""

import re
from pathlib import Path

from dragoman.console.matter import print_views
from dragoman.i18n import catalogue
from dragoman.office.exchanges import exchange_page
from dragoman.projection.store import Store
from samples import act
from served import page_of, served, spoken
from world import INCIDENT, World

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


def of_events(text: str) -> str:
    """A text without what the service and a side say of events that were not."""
    for sentence in (*NOT_SAID_BY_RECORD, *QUOTED):
        text = text.replace(sentence, "")
    return text


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

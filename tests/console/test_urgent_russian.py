"""Urgent messages in Russian: every message that their papers need is there.

Each urgent format is sent in a channel with Russian. Its card and its takeover say in Russian what
they say to their reader, and nothing there is left in English.
"""

import gettext
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from lxml import html as parser

from dragoman.console import dispatch
from dragoman.console.matter import print_views
from dragoman.console.page.rendering import render_template
from dragoman.i18n import catalogue, urgent, vocabulary
from dragoman.i18n.words import LOCALES, words
from dragoman.members import shapes
from dragoman.members.groups import GroupKind, RowsKind
from dragoman.members.kind import Member
from dragoman.office.alarm import alarm
from dragoman.projection.store import Store
from dragoman_schemas.codebook import CODEBOOKS, NOTICES
from samples import act
from served import context_of, served
from world import World

CODED = {"act": "hazardous-incident", "kind": "near_miss", "code_word": "HERON", "designator": 1}


@pytest.fixture
def missing() -> Iterator[set[str]]:
    """The messages that were asked for in Russian and have no translation."""
    asked: set[str] = set()

    class Unknown(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            asked.add(message)
            return message

        def pgettext(self, context: str, message: str) -> str:
            asked.add(f"{context}: {message}")
            return message

    translations = words("ru").translations
    before, translations._fallback = translations._fallback, Unknown()  # type: ignore[attr-defined]
    yield asked
    translations._fallback = before  # type: ignore[attr-defined]


def members_of(members: tuple[Member, ...]) -> Iterator[Member]:
    """Yield members at any depth."""
    for member in members:
        yield member
        match member.kind:
            case GroupKind() as group:
                yield from members_of(tuple(group.members))
            case RowsKind() as rows:
                yield from members_of(tuple(rows.group.members))
            case _:
                pass


def test_each_name_and_choice_of_an_urgent_format_is_there(missing: set[str]) -> None:
    ru = words("ru")
    for name in urgent.FORMATS:
        ru.act(name)
        for member in members_of(tuple(shapes.members(name))):
            ru.field(member.name, name)
        for _, choice in vocabulary.chosen(name):
            ru.value(choice)
    assert missing == set()


def test_codes_phrases_and_notices_are_there_in_each_language() -> None:
    texts = [
        each
        for book in CODEBOOKS.values()
        for each in (*book.texts.values(), *book.phrases.values())
    ]
    for each in (*texts, *NOTICES.values()):
        assert list(each) == ["en", "fr", "zh", "ru"], each
        assert re.search(r"[\u0410-\u044f]", each["ru"]), each


async def papers(name: str, folder: Path, tags: list[str]) -> tuple[str, str]:
    """Return the card of a message and its takeover, as the duty officer of China has them."""
    world = World(languages=tags)
    sent = {**act(name), "precedence": "flash"}
    id = world.open("nato/h-1", sent)
    store = Store(folder / "store.sqlite")
    async with served(world, store, folder) as (app, service, projection):
        place = {"channel": world.name, "exchange": id}
        context = await context_of(app, service, projection, "china/d-1", 0, place)
        card = (await dispatch.answer(context, await print_views.card(context))).text or ""
        alarms = await alarm.alarms_of_log(app, context)
        values: dict[str, Any] = {"alarms": alarms, "settled": [], "now": world.clock}
        takeover = render_template(context, context.words, "alarm.html", **values)
    store.close()
    return card, takeover


def russian(page: str) -> list[str]:
    """Return the texts of a page that are marked as Russian."""
    return [
        re.sub(r"\s+", " ", each.text_content()).strip()
        for each in parser.fromstring(page).xpath("//*[@lang='ru'][not(contains(@class, 'said'))]")
    ]


@pytest.mark.parametrize("name", sorted(urgent.FORMATS))
async def test_the_card_and_the_takeover_say_it_in_russian_too(
    name: str, missing: set[str], tmp_path: Path
) -> None:
    card, takeover = await papers(name, tmp_path, ["en", "ru"])
    ru = words("ru")
    assert any(ru.act(name) in text for text in russian(card))
    assert any("Читайте построчно" in text for text in russian(card))
    assert any("Номер" in text for text in russian(card))
    (beside,) = russian(takeover)
    assert "Номер" in beside and "NATO-CHINA/NATO/" in beside
    assert "СРОЧНО (FLASH): NATO" in beside and "Никакой позиции это не выражает." in beside
    assert missing == set()


async def test_a_channel_without_russian_has_none(tmp_path: Path) -> None:
    card, takeover = await papers("hazardous-incident", tmp_path, ["en", "zh"])
    assert russian(card) == russian(takeover) == []


def test_the_catalogue_has_only_messages_of_the_pages() -> None:
    with (LOCALES / "ru.po").open("rb") as file:
        listed = {(message.context, str(message.id)) for message in read_po(file) if message.id}
    wanted = {(each.context, str(each.id)) for each in catalogue.untranslated() if each.id}
    assert listed <= wanted

"""The preview of a message: what it shows is what the other side's page shows once the same record
is in the log, and no more than its writer may see.
"""

import asyncio
import itertools
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.application.service import Service
from dragoman.console import dispatch
from dragoman.console.compose.preview import MessagePreview, PreviewReader, preview_of
from dragoman.console.compose.writing import Writing
from dragoman.console.page.context import PageContext, Preferences
from dragoman.console.page.rendering import Page
from dragoman.domain.fold import Folded, fold
from dragoman.eventlog.event_log import StoredMessage
from dragoman.i18n.words import words
from dragoman.office.exchanges import exchange_page
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.stores.tokens_and_sessions import Grant
from served import served
from world import INCIDENT, NOTE, World

TAGS = ["en", "fr", "zh"]
SIDES = ("china", "nato", "russia")
_NUMBERS = itertools.count()

TEXTS = st.dictionaries(
    st.sampled_from(TAGS),
    st.lists(
        st.text(st.sampled_from("ab <&'两船。\n"), min_size=1, max_size=20).filter(str.strip),
        min_size=1,
        max_size=3,
    ).map("\n\n".join),
    min_size=1,
)
ACTS = st.one_of(
    TEXTS.map(lambda text: {**NOTE, "text": text}),
    TEXTS.map(lambda text: {**INCIDENT, "facts": text, "subject": {"en": "At the shoal"}}),
    TEXTS.map(lambda text: {"act": "reply", "text": text}),
    TEXTS.map(lambda text: {"act": "correction", "fields": {"facts": text}, "reason": "Wrong."}),
    TEXTS.map(
        lambda text: {"act": "translation", "language": "zh", "text": next(iter(text.values()))}
    ),
    TEXTS.map(
        lambda text: {"act": "counter-account", "facts": text, "time": "2026-11-24T03:07+08:00"}
    ),
)


def context_of(
    app: web.Application,
    service: Service,
    projection: Projection,
    actor: str,
    language: str = "en",
    found: dict[str, str] | None = None,
) -> PageContext:
    """Return the context in which an officer asks for a page."""
    address = f"/c/{projection.name}"
    request = make_mocked_request("GET", address, app=app, match_info=found or {})
    grant = Grant(id="reader", actor=actor, channels=(projection.registry.cid,))
    with warnings.catch_warnings(action="ignore"):
        request["grant"] = grant
        request["session"] = "session"
    context = PageContext(
        request=request,
        service=service,
        words=words(language),
        preferences=Preferences(),
        moment=service.now(),
        grant=grant,
    )
    context.channel = projection
    return context


def spoken(html: str) -> str:
    """Return the words of a part of a page, without the ways to its records."""
    html = re.sub(r'<a class="(how|proof)".*?</a>', "", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


def part(html: str, begins: str, ends: str) -> str:
    """Return the words of a part of a page, from its beginning to its end."""
    found = re.search(rf"{begins}.*?{ends}", html, re.DOTALL)
    assert found is not None, begins
    return spoken(found[0])


async def shown(
    world: World, before: int, folded_id: str, opening: bool, path: Path, reader: PreviewReader
) -> tuple[MessagePreview, str]:
    """Return the preview of the last record of a world, and the page of a side that has it."""
    store = Store(path / f"{next(_NUMBERS)}.sqlite")
    last = world.raws[-1]
    raws, world.raws = world.raws, world.raws[:before]
    try:
        async with served(world, store, path) as (app, service, projection):
            writer = context_of(app, service, projection, "nato/o-1")
            writer.newest = projection.flushed
            folded = fold(projection.state, projection, last)
            assert isinstance(folded, Folded) and folded.valid
            name = "" if folded.record is None else folded.record.name
            exchange = None if opening else projection.exchange(folded_id)
            writing = Writing(context=writer, act=name, exchange=exchange)
            preview = await preview_of(writing, folded, reader)
            assert preview is not None
            projection.take([StoredMessage(position=before + 1, subject="s", raw=last)])
            await projection.in_file()
            there = context_of(
                app,
                service,
                projection,
                f"{preview.reader.side}/o-1",
                preview.reader.language,
                {"exchange": folded_id},
            )
            await dispatch.set_position(there)
            page = await exchange_page.exchange(there)
            assert isinstance(page, Page)
            text = (await dispatch.answer(there, page)).text
            assert text is not None
            return preview, text
    finally:
        world.raws = raws
        store.close()


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    act=ACTS,
    side=st.sampled_from(["china", "russia"]),
    language=st.sampled_from(TAGS),
)
def test_a_preview_is_the_page_that_the_other_side_gets(
    act: dict[str, Any], side: str, language: str, tmp_path: Path
) -> None:
    world = World(sides=SIDES, languages=TAGS)
    opening = act["act"] in ("contact-note", "hazardous-incident")
    exchange = ""
    if not opening:
        opener = "nato/d-1" if act["act"] in ("correction", "translation") else "china/d-1"
        exchange = world.open(opener, {**INCIDENT, "facts": {"en": "Seen.", "zh": "见。"}})
    before = len(world.raws)
    if opening:
        exchange = world.open("nato/d-1", act)
    else:
        folded = world.keep("nato/d-1", act, exchange, seen=True)
        assert isinstance(folded, Folded) and folded.valid, folded
    reader = PreviewReader(side=side, language=language)
    preview, page = asyncio.run(shown(world, before, exchange, opening, tmp_path, reader))
    html = str(preview.markup)
    assert (preview.reader, preview.sides) == (reader, preview.sides)
    sheet = (rf'<div class="message" id="r{before + 1}">', "</article>")
    assert part(html, *sheet) == part(page, *sheet)
    lead = ('<p class="lead">', "</p>")
    assert part(html, *lead) == part(page, *lead)
    assert "<a " not in html, "a link would leave the text that is not sent"
    if "subject" in act:
        assert "At the shoal" in part(html, *sheet), "the check page shows a message only here"


@pytest.mark.parametrize(
    ("languages", "chosen"), [(["en", "zh"], "zh"), (["en", "fr"], "fr"), (["en"], "en")]
)
async def test_a_preview_is_in_the_language_that_the_writer_does_not_read(
    languages: list[str], chosen: str, tmp_path: Path
) -> None:
    world = World(languages=languages)
    before = len(world.raws)
    exchange = world.open("nato/d-1", {**INCIDENT, "facts": {"en": "Seen."}})
    preview, _ = await shown(world, before, exchange, True, tmp_path, PreviewReader(side="nato"))
    assert preview.reader == PreviewReader(side="china", language=chosen)
    assert preview.sides == ("china",), "a side is no reader of its own preview"

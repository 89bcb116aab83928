"""A gateway's pages over a history, without a network: what a reader would see of it."""

import re
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from dragoman.cli.audit import replica
from dragoman.eventlog.event_log import Message
from dragoman.eventlog.memory import MemoryLog
from dragoman.gateway import posting, proofs
from dragoman.gateway.answering import TURNS, Turns
from dragoman.gateway.console import alarm, board, consoles, serving
from dragoman.gateway.console.owed import DUTIES
from dragoman.gateway.console.page import Here, Page, Preferences
from dragoman.gateway.opened import READING, Reading
from dragoman.gateway.service import Service
from dragoman.i18n.words import words
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.stores.tokens_and_sessions import Grant
from world import World

Handler = Callable[[Here], Awaitable[Page | web.StreamResponse]]


@asynccontextmanager
async def served(
    world: World, store: Store, path: Path
) -> AsyncIterator[tuple[web.Application, Service, Projection]]:
    """A gateway's pages over a history, without a network."""
    projection = Projection(MemoryLog(world.name), store)
    projection.take(
        [Message(position=n, subject=f"s.{n}", raw=raw) for n, raw in enumerate(world.raws, 1)]
    )
    await projection.in_file()
    service = replica._service(path, store, projection)
    service.now = lambda: world.clock
    projection.checked = world.clock
    app = web.Application()
    app[posting.SERVICE], app[TURNS], app[READING] = service, Turns(), Reading(service)
    app[DUTIES], app[consoles.ARMED], app[proofs.HEADS] = {}, consoles.Armed(), proofs.Heads()
    app[alarm.BELLS] = alarm.Bells(service)
    yield app, service, projection


async def page_of(
    app: web.Application,
    service: Service,
    projection: Projection,
    actor: str,
    at: int = 0,
    handler: Handler = board.board,
    found: Mapping[str, str] | None = None,
) -> tuple[Page, str]:
    """A page as somebody reads it: what it is made of, and its body. `found` are the names in its address."""
    address = f"/c/{projection.name}" + (f"?at={at}" if at else "")
    request = make_mocked_request("GET", address, app=app, match_info=dict(found or {}))
    grant = Grant(id="reader", actor=actor, channels=(projection.registry.cid,))
    with warnings.catch_warnings(action="ignore"):
        request["grant"] = grant
    here = Here(
        request=request,
        service=service,
        words=words("en"),
        preferences=Preferences(),
        moment=service.now(),
        grant=grant,
    )
    here.channel = projection
    await serving._stand(here)
    shown = await handler(here)
    assert isinstance(shown, Page)
    text = (await serving.answer(here, shown)).text
    assert text is not None
    return shown, text[text.index("<body") :]


def spoken(html: str, tag: str = "main") -> str:
    """The words of a part of a page."""
    part = re.search(rf"<{tag}[ >].*?</{tag.split(' ', maxsplit=1)[0]}>", html, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part[0])) if part else ""

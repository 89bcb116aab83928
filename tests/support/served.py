"""A gateway's pages and answers over a history, without a network and a broker."""

import re
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from dragoman.application.access_refresh import AccessRefresh
from dragoman.application.act_signer import OwnKeySigner
from dragoman.application.channel_openings import ChannelOpenings
from dragoman.application.clock import utc_now
from dragoman.application.command_handler import CommandHandler
from dragoman.application.deadline_cache import DUTIES
from dragoman.application.deliveries import DeliveryTracker
from dragoman.application.disk_space import DiskSpace
from dragoman.application.finality import Coverage
from dragoman.application.host_identity import HostIdentity
from dragoman.application.http import problems
from dragoman.application.http import request as http_request
from dragoman.application.http.body_workers import RENDERING, Workers
from dragoman.application.http.conditional_requests import TURNS, Turns
from dragoman.application.opening_requests import OpeningRequests
from dragoman.application.operations import transparency_log
from dragoman.application.operations.report_requests import WATCH_FLOOR
from dragoman.application.operations.turn_overs import TURN_OVER_SHEETS
from dragoman.application.pushed_cosignatures import PushedCosignatures
from dragoman.application.read_receipts import READ_RECEIPTS, ReadReceipts
from dragoman.application.service import Service
from dragoman.application.trial_signer import TrialSigner
from dragoman.console import dispatch
from dragoman.console.compose.recorded_page import NUDGE
from dragoman.console.first_hour.checklists import FIRST_HOURS
from dragoman.console.matter import panel
from dragoman.console.matter.reading import READ_POSITIONS
from dragoman.console.page import armed_consoles, page_layout
from dragoman.console.page.context import OFFICE_SETTINGS, PageContext, Preferences
from dragoman.console.page.rendering import Page
from dragoman.eventlog.durability_guard import DurabilityGuard
from dragoman.eventlog.event_log import LogUnreachable, StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.i18n.words import words
from dragoman.interop.ssrf_guard import AddressGuard
from dragoman.office import description, pages
from dragoman.office.alarm import alarm, alarm_stream, board
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.projection.tree import Trees
from dragoman.stores import drafts, endpoints, files, opened_exchanges, people, rosters
from dragoman.stores.erasable import Erasable
from dragoman.stores.first_hours import FirstHours
from dragoman.stores.host_key import HostKeyStore
from dragoman.stores.identities import Identities
from dragoman.stores.key_value import Bucket
from dragoman.stores.keystore import Keystore
from dragoman.stores.office_settings import OfficeSettings
from dragoman.stores.parcels import Parcels
from dragoman.stores.read_positions import ReadPositions
from dragoman.stores.signed_heads import SignedHeadStore
from dragoman.stores.tokens_and_sessions import BUCKET, Grant, TokensAndSessions
from dragoman.stores.turn_over_sheets import TurnOverSheets
from dragoman.stores.watch_floor import WatchFloor
from dragoman.text import verbatim
from world import World

Handler = Callable[[PageContext], Awaitable[Page | web.StreamResponse]]


@asynccontextmanager
async def served(
    world: World, store: Store, path: Path
) -> AsyncIterator[tuple[web.Application, Service, Projection]]:
    """A gateway's pages over a history, without a network."""
    projection = Projection(MemoryLog(world.name), store)
    projection.take(
        [
            StoredMessage(position=n, subject=f"s.{n}", raw=raw)
            for n, raw in enumerate(world.raws, 1)
        ]
    )
    await projection.in_file()
    service = without_broker(path, store, projection)
    service.now = lambda: world.clock
    projection.checked = world.clock
    app = web.Application()
    app[http_request.SERVICE], app[TURNS], app[READ_RECEIPTS] = (
        service,
        Turns(),
        ReadReceipts(service),
    )
    app[DUTIES], app[armed_consoles.ARMED], app[transparency_log.HEADS] = (
        {},
        armed_consoles.ArmedConsoles(),
        transparency_log.Heads(),
    )
    app[FIRST_HOURS] = FirstHours(service.access.bucket)
    app[OFFICE_SETTINGS] = OfficeSettings(service.access.bucket)
    app[WATCH_FLOOR] = WatchFloor(service.access.bucket)
    app[READ_POSITIONS] = ReadPositions(service.access.bucket)
    app[TURN_OVER_SHEETS] = TurnOverSheets(service.access.bucket)
    app[RENDERING] = Workers()
    app[alarm_stream.BELLS] = alarm_stream.BrowserNotifier(service)
    app[NUDGE] = app[alarm_stream.BELLS].nudge
    app[page_layout.ALARMS] = alarm.alarms
    app[panel.MATTER_PANELS] = pages.MATTER_PANELS
    app[panel.BOARD_PANELS] = pages.BOARD_PANELS
    yield app, service, projection


def without_broker(folder: Path, store: Store, projection: Projection) -> Service:
    """A gateway's service over one projection. What is kept at the broker is unavailable."""
    bus, custody = NatsConnection("test"), Keystore(folder / "keys")
    access = TokensAndSessions(Bucket(bus, BUCKET))
    guard = DurabilityGuard(bus)
    roster_store = rosters.RosterStore(Erasable(bus, rosters.STREAM, rosters.PREFIX))
    channels = {projection.name: projection}
    identity = HostIdentity(bus, HostKeyStore(bus, bus), [])
    command_handler = CommandHandler({"host": TrialSigner(custody), "sides": OwnKeySigner()})
    pushed = PushedCosignatures(Bucket(bus, drafts.BUCKET))
    return Service(
        command_handler=command_handler,
        access=access,
        access_refresh=AccessRefresh(bus, guard, access, roster_store),
        identities=Identities(access.bucket),
        drafts=drafts.DraftStore(Bucket(bus, drafts.BUCKET)),
        notification_endpoints=endpoints.NotificationEndpoints(Bucket(bus, endpoints.BUCKET)),
        urls=AddressGuard(()),
        people=people.PeopleStore(Erasable(bus, people.STREAM, people.PREFIX)),
        rosters=roster_store,
        opened_exchanges=opened_exchanges.OpenedExchanges(
            Erasable(bus, opened_exchanges.STREAM, opened_exchanges.PREFIX)
        ),
        files=files.FileStore(Erasable(bus, files.STREAM, files.PREFIX)),
        signed_heads=SignedHeadStore(bus),
        coverage=Coverage(SignedHeadStore(bus), pushed),
        pushed=pushed,
        parcels=Parcels(Bucket(bus, drafts.BUCKET)),
        trees=Trees(store),
        store=store,
        bus=bus,
        guard=guard,
        identity=identity,
        openings=ChannelOpenings(
            command_handler=command_handler,
            identity=identity,
            keeper=OpeningRequests(bus),
            custody=custody,
            origin="",
            open_log=_opens_none,
            disks=DiskSpace(),
            channels=channels,
            now=utc_now,
        ),
        deliveries=DeliveryTracker(command_handler, channels),
        channels=channels,
    )


async def _opens_none(channel: str, *, new: bool = False) -> Projection:
    raise LogUnreachable(verbatim("there is no broker here"))


def reads_of(service: Service, grant: Grant) -> web.Application:
    """The reads of a service's API, for one caller."""

    @web.middleware
    async def answered(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        request["grant"] = grant
        try:
            return await handler(request)
        except Exception as error:  # Every error becomes a problem here.  # noqa: BLE001
            return problems.answer(error, "", request.path)

    app = web.Application(middlewares=[answered])
    app[http_request.SERVICE], app[TURNS], app[READ_RECEIPTS] = (
        service,
        Turns(),
        ReadReceipts(service),
    )
    app[WATCH_FLOOR] = WatchFloor(service.access.bucket)
    app[READ_POSITIONS] = ReadPositions(service.access.bucket)
    for route in description.ROUTES:
        if route.method == "GET":
            route.on(app.router)
    return app


async def page_of(
    app: web.Application,
    service: Service,
    projection: Projection,
    actor: str,
    at: int = 0,
    handler: Handler = board.board,
    found: Mapping[str, str] | None = None,
    query: str = "",
    language: str = "en",
) -> tuple[Page, str]:
    """A page as somebody reads it: what it is made of, and its body. `found` are the names in its
    address, and `query` is what follows its path.
    """
    here = await context_of(app, service, projection, actor, at, found, query, language)
    shown = await handler(here)
    assert isinstance(shown, Page)
    text = (await dispatch.answer(here, shown)).text
    assert text is not None
    return shown, text[text.index("<body") :]


async def context_of(
    app: web.Application,
    service: Service,
    projection: Projection,
    actor: str,
    at: int = 0,
    found: Mapping[str, str] | None = None,
    query: str = "",
    language: str = "en",
) -> PageContext:
    """The context of somebody's request for a page."""
    query = "&".join(filter(None, (query, f"at={at}" if at else "")))
    address = f"/c/{projection.name}" + (f"?{query}" if query else "")
    request = make_mocked_request("GET", address, app=app, match_info=dict(found or {}))
    grant = Grant(id="reader", actor=actor, channels=(projection.registry.cid,))
    with warnings.catch_warnings(action="ignore"):
        request["grant"] = grant
        request["session"] = f"session of {actor}"
    here = PageContext(
        request=request,
        service=service,
        words=words(language),
        preferences=Preferences(),
        moment=service.now(),
        grant=grant,
    )
    here.channel = projection
    await dispatch.set_position(here)
    return here


def spoken(html: str, tag: str = "main") -> str:
    """The words of a part of a page."""
    html = re.sub(r'<a class="how".*?</a>', "", html)  # shown to those who ask for it
    part = re.search(rf"<{tag}[ >].*?</{tag.split(' ', maxsplit=1)[0]}>", html, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part[0])) if part else ""

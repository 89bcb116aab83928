"""The monitor of unattended watches: a watch is taken, but nobody responds.

    no armed console for 2 minutes    the notifier tells the deputies
    a watch check unanswered          the notifier tells the deputies at once, and the
                                      head of office 90 s later

Everybody of the side sees it on their pages. It concerns that side alone and is in no
log, because heartbeats are not acts.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import structlog
from aiohttp import web
from msgspec import Struct

from dragoman.application.clock import stamp
from dragoman.application.http import request as http_request
from dragoman.application.read_receipts import READ_RECEIPTS
from dragoman.application.rosters import ladders
from dragoman.console.matter.reading import READ_POSITIONS
from dragoman.console.page import armed_consoles
from dragoman.domain.acts.deadlines import is_timed
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.limits import CHECKED_HEAD_SECONDS, UNARMED_SECONDS, WATCH_LOOK_SECONDS
from dragoman.projection.projection import Projection
from dragoman.stores.endpoints import Step, WatchNoticeItem
from dragoman.stores.read_positions import ReadPositions

log = structlog.get_logger()

_SAME_SECONDS: Final = 60.0
"""The most seconds by which two gateways may date the same silence differently. Each
gateway learns the state of a console only when it looks.
"""


class UnansweredWatchCheck(Struct, frozen=True, kw_only=True):
    """A watch check that nobody answered, with its channel and its start.

    `officer` is the one at whose console the check is unanswered. `reaches` are the
    officers whom the news has reached.
    """

    channel: str
    officer: str
    since: str
    reaches: tuple[str, ...]


def unanswered(
    app: web.Application, projection: Projection, side: str
) -> UnansweredWatchCheck | None:
    """Return the unanswered check of a side's watch.

    Return None if another console of the side is armed.
    """
    now = time.time()
    console = armed_consoles.unanswered(app, projection, side)
    if console is None:
        return None
    steps: tuple[Step, ...] = (
        ("deputy", "head_of_office") if now - console.since >= CHECKED_HEAD_SECONDS else ("deputy",)
    )
    officers = dict.fromkeys(
        officer
        for step in steps
        for officer in ladders.people_of(app[http_request.SERVICE], projection, side, step).officers
    )
    return UnansweredWatchCheck(
        channel=projection.name,
        officer=console.actor,
        since=_written(console.since),
        reaches=tuple(officers),
    )


def notices(app: web.Application, projection: Projection, now: float) -> Iterator[WatchNoticeItem]:
    """Yield the notices about each side's own watch that the notifier must deliver."""
    registry = projection.registry
    for side in registry.watches if is_timed(registry) else ():
        console = armed_consoles.unanswered(app, projection, side)
        if console is not None:
            step: Step = (
                "head_of_office" if now - console.since >= CHECKED_HEAD_SECONDS else "deputy"
            )
            yield WatchNoticeItem(
                cid=registry.cid, side=side, kind="no_answer", step=step, since=console.since
            )
            continue
        silent = armed_consoles.silent_for(app, projection, side)
        if silent >= UNARMED_SECONDS:
            yield WatchNoticeItem(
                cid=registry.cid, side=side, kind="unarmed", step="deputy", since=now - silent
            )


async def _forget_readers(positions: ReadPositions, projection: Projection) -> None:
    """Delete the read positions of officers who are no longer in office."""
    registry = projection.registry
    for actor in positions.all_of(registry.cid):
        officer = registry.officers.get(actor)
        if officer is not None and officer.until is not None:
            await positions.forget(actor, registry.cid)


Nudge = Callable[[Projection, str], None]
"""A function that makes the open pages of a side in a channel reload their alarms."""


async def monitor(app: web.Application, nudge: Nudge) -> None:
    """Monitor the watches of all channels, without end."""
    service = app[http_request.SERVICE]
    absent: dict[tuple[str, str], UnansweredWatchCheck | None] = {}
    handed: dict[tuple[str, str], tuple[str, ...]] = {}
    while True:
        try:
            await app[READ_RECEIPTS].follow()
            await app[READ_RECEIPTS].compare()
            await service.drafts.refresh()
            for projection in list(service.channels.values()):
                if projection.is_channel and projection.caught_up.is_set():
                    await _forget_readers(app[READ_POSITIONS], projection)
                    for side in (
                        side_state.name for side_state in projection.registry.sides
                    ):  # a colleague may hand over a draft through any gateway
                        etags = tuple(
                            draft.etag
                            for draft in service.drafts.handed(projection.registry.cid, side)
                        )
                        if etags != handed.get((projection.name, side), ()):
                            handed[projection.name, side] = etags
                            nudge(projection, side)
                    for side in projection.registry.watches:
                        unanswered_watch_check = unanswered(app, projection, side)
                        if unanswered_watch_check != absent.get((projection.name, side)):
                            absent[projection.name, side] = unanswered_watch_check
                            nudge(projection, side)
                    for notice in notices(app, projection, time.time()):
                        await _tell(app, notice)
        except LogUnreachable as error:
            log.warning("watchkeeping.put_off", reason=str(error))
        except Exception:  # no error may stop the monitor
            log.exception("watchkeeping.failed")
        await asyncio.sleep(WATCH_LOOK_SECONDS)


async def _tell(app: web.Application, notice: WatchNoticeItem) -> None:
    """Queue a notice for the notifier, unless one about the same silence exists.

    Of several gateways, only one queues it. Raises `LogUnreachable`.
    """
    courier = app[http_request.SERVICE].notification_endpoints
    if _is_told(courier.notice(notice.cid, notice.side)[0], notice):
        return
    await courier.refresh()
    watch_notice_item, revision = courier.notice(notice.cid, notice.side)
    if not _is_told(watch_notice_item, notice) and await courier.notify(notice, revision):
        log.warning(
            "watch.nobody_there",
            cid=notice.cid,
            side=notice.side,
            kind=notice.kind,
            step=notice.step,
            since=_written(notice.since),
        )


def _is_told(watch_notice_item: WatchNoticeItem | None, notice: WatchNoticeItem) -> bool:
    return (
        watch_notice_item is not None
        and (watch_notice_item.kind, watch_notice_item.step) == (notice.kind, notice.step)
        and abs(watch_notice_item.since - notice.since) < _SAME_SECONDS
    )


def _written(seconds: float) -> str:
    return stamp(datetime.fromtimestamp(seconds, UTC))

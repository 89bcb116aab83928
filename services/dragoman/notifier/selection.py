"""Which records are for an endpoint, and what is said of them."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import Raw

from dragoman.application.command_handler import stamp
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.families.exchange import precedence_of
from dragoman.domain.record import codec as records
from dragoman.domain.record.codec import NotARecord, Record
from dragoman.domain.views import attribution
from dragoman.limits import NOTICE_SECONDS
from dragoman.notifier.delivery import OutgoingItem
from dragoman.projection.projection import Projection
from dragoman.projection.queries import records as reads
from dragoman.stores.endpoints import NotificationEndpoint, WatchNoticeItem
from dragoman.text import NameValue, Text, sentence
from dragoman_schemas.responses import Entry, Noticed, Unattributed, UnattributedNotice, WatchNotice

PRECEDENCES: Final = ("flash", "immediate", "priority", "routine")
_PAGE: Final = 200


async def following(
    endpoint: NotificationEndpoint, projection: Projection, upto: int, most: int
) -> tuple[list[OutgoingItem], int]:
    """Return the next records that are for an endpoint, at most so many, and the position up to which there are no others."""
    outgoing_items: list[OutgoingItem] = []
    while len(outgoing_items) < most:
        entries = await _entries(projection, upto + 1, _PAGE)
        if not entries:
            break
        for entry in entries:
            upto = entry.position
            item = _item(projection, entry)
            if item is not None and is_for(endpoint, item):
                outgoing_items.append(item)
                if len(outgoing_items) == most:
                    break
    return outgoing_items, upto


async def at(projection: Projection, position: int) -> OutgoingItem | None:
    """Return a record once more; None where it was erased meanwhile."""
    entries = await _entries(projection, position, 1)
    return _item(projection, entries[0]) if entries else None


async def _entries(projection: Projection, first: int, most: int) -> list[Entry]:
    await projection.in_file()
    rows = await asyncio.wrap_future(
        projection.store.in_thread(reads.records, projection.store, projection.name, first, most)
    )
    return [entry for entry, _ in rows]


def is_for(endpoint: NotificationEndpoint, item: OutgoingItem) -> bool:
    """Return whether a record is for an endpoint: no service's own note, as urgent as it asks, and of the acts and families that it names."""
    rule = RULES.get(item.act)
    least = PRECEDENCES.index(endpoint.precedence) if endpoint.precedence else len(PRECEDENCES)
    return (
        rule is not None
        and not rule.silent
        and (endpoint.own or item.side != endpoint.side)
        and (not endpoint.acts or item.act in endpoint.acts)
        and (not endpoint.families or item.family in endpoint.families)
        and PRECEDENCES.index(item.precedence) <= least
    )


def noticed(
    endpoint: NotificationEndpoint, projection: Projection, notice: WatchNoticeItem
) -> OutgoingItem | None:
    """Return what is brought of a notice; None where the endpoint is for some acts or families alone, or the notice is of another hour."""
    is_wanted = not endpoint.acts and (not endpoint.families or "notification" in endpoint.families)
    if not is_wanted or not notice.since > time.time() - NOTICE_SECONDS:
        return None
    since = stamp(datetime.fromtimestamp(notice.since, UTC))
    event = WatchNotice(
        specversion="1.0",
        id=notice.id,
        source="/services/watch",
        type="dragoman.watch-notice.v1",
        time=since,
        datacontenttype="application/json",
        channel=projection.name,
        data=Noticed(side=notice.side, kind=notice.kind, step=notice.step, since=since),
    )
    return OutgoingItem(
        id=notice.id,
        position=0,
        raw=msgspec.json.encode(event),
        act="watch-notice",
        family="notification",
        side="",
        number="",
        precedence="flash",
        channel=projection.name,
        exchange="",
        exercise=projection.registry.kind == "exercise",
        time=since,
        marking=projection.registry.marking,
        notice=_notice(notice),
    )


def _notice(notice: WatchNoticeItem) -> Text:
    side, step = NameValue("side", notice.side), NameValue("value", notice.step)
    if notice.kind == "unarmed":
        return sentence("Watch of %(side)s: no alarm is armed (%(step)s)", side=side, step=step)
    return sentence("Watch of %(side)s: nobody answers (%(step)s)", side=side, step=step)


def _item(projection: Projection, entry: Entry) -> OutgoingItem | None:
    """Return what is brought of an entry; None for what is void, erased or no record."""
    if not entry.valid or not isinstance(entry.record, Raw):
        return None
    try:
        record = records.parse(bytes(entry.record))
    except NotARecord:
        return None
    if not record.act:
        return None
    envelope = record.envelope
    exchange = projection.exchange(envelope.subject)
    message = (
        None
        if exchange is None
        else next((item for item in exchange.messages if item.id == envelope.id), None)
    )
    hidden = exchange is not None and attribution.unattributed(exchange)
    return OutgoingItem(
        id=envelope.id,
        position=entry.position,
        raw=_without_speaker(projection, entry.position, record) if hidden else record.raw,
        act=record.name,
        family=envelope.family,
        side="" if envelope.actor.startswith("service/") else record.side,
        number="" if hidden else entry.number,
        matter="" if hidden or exchange is None or entry.number else exchange.number,
        precedence="routine"
        if exchange is None
        else exchange.precedence
        if message is None
        else precedence_of(exchange, message),
        channel=projection.name,
        exchange="" if exchange is None else exchange.id,
        exercise=projection.registry.kind == "exercise",
        time=envelope.time,
        marking=projection.registry.marking,
        unattributed=hidden,
    )


def _without_speaker(projection: Projection, position: int, record: Record) -> bytes:
    """Return the event that stands for a record under the Chatham House Rule: where it is read, and not whose it is."""
    envelope = record.envelope
    event = UnattributedNotice(
        specversion="1.0",
        id=envelope.id,
        source=f"/channels/{projection.name}",
        type="dragoman.unattributed.v1",
        time=envelope.time,
        datacontenttype="application/json",
        channel=projection.name,
        subject=envelope.subject,
        data=Unattributed(act=record.name, position=position),
    )
    return msgspec.json.encode(event)

"""The records for an endpoint, and the values that are sent about each."""

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.application.clock import stamp
from dragoman.domain.acts import consent
from dragoman.domain.acts.access import may_read
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.families.exchange import precedence_of
from dragoman.domain.record import codec as records
from dragoman.domain.record.codec import NotARecord, Record
from dragoman.domain.views import alarms, attribution
from dragoman.limits import NOTICE_SECONDS
from dragoman.notifier.delivery import OutgoingItem
from dragoman.projection.projection import Projection
from dragoman.projection.queries import matter_names
from dragoman.projection.queries import records as reads
from dragoman.projection.stored_row import StoredRow
from dragoman.projection.view import queried
from dragoman.stores.endpoints import NotificationEndpoint, Step, WatchNoticeItem
from dragoman.text import NameValue, Text, sentence
from dragoman_schemas.responses import Entry, Unattributed, UnattributedNotice
from dragoman_schemas.roster import RosterRung
from dragoman_schemas.state import Exchange, Message
from dragoman_schemas.watch_responses import EndpointTest, EndpointTested, Noticed, WatchNotice

PRECEDENCES: Final = ("flash", "immediate", "priority", "routine")
_PAGE: Final = 200


class RecordReader:
    """A reader of a channel's records for its endpoints.

    Endpoints of a channel mostly read the same new records. So the last page is kept
    until the channel moves on.
    """

    def __init__(self, projection: Projection) -> None:
        """Read the records of the channel."""
        self._projection = projection
        self._page: tuple[tuple[int, int], list[tuple[int, OutgoingItem | None]]] | None = None
        self._reading = asyncio.Lock()

    async def following(
        self, endpoint: NotificationEndpoint, upto: int, most: int
    ) -> tuple[list[OutgoingItem], int]:
        """Return the next records for an endpoint, at most `most`, and a position.

        There are no other records for the endpoint up to that position.
        """
        outgoing_items: list[OutgoingItem] = []
        wanted = filter_of(endpoint)
        while len(outgoing_items) < most:
            page = await self._following(upto + 1)
            if not page:
                break
            for position, item in page:
                upto = position
                if item is not None and wanted.takes(item):
                    outgoing_items.append(item)
                    if len(outgoing_items) == most:
                        break
        return outgoing_items, upto

    async def at(self, position: int) -> OutgoingItem | None:
        """Return a record once more, or None if it was erased meanwhile."""
        entries = await _entries(self._projection, position, 1)
        return _item(self._projection, entries[0]) if entries else None

    async def _following(self, first: int) -> list[tuple[int, OutgoingItem | None]]:
        async with self._reading:
            key = first, self._projection.state.position
            if self._page is None or self._page[0] != key:
                entries = await _entries(self._projection, first, _PAGE)
                page = [(entry.position, _item(self._projection, entry)) for entry in entries]
                if self._projection.state.position != key[1]:
                    return page  # It may be of a newer state than the key says.
                self._page = key, page
            return self._page[1]


async def _entries(projection: Projection, first: int, most: int) -> list[Entry]:
    await projection.in_file()
    rows = await asyncio.wrap_future(
        projection.store.in_thread(
            queried, projection.store, projection.name, reads.records, first, most
        )
    )
    return [entry for entry, _ in rows]


class RecordFacts(Struct, frozen=True, kw_only=True, gc=False):
    """The facts of a record by which an endpoint wants it or not."""

    act: str
    family: str
    side: str
    precedence: str


def facts_of(row: StoredRow) -> RecordFacts | None:
    """Return the facts of a message that was just folded; None for a void one."""
    record, exchange = row.folded.record, row.folded.state
    if record is None or not row.folded.valid or not record.act:
        return None
    return _facts(record, exchange if isinstance(exchange, Exchange) else None)


def _facts(record: Record, exchange: Exchange | None) -> RecordFacts:
    envelope = record.envelope
    message = _message(exchange, envelope.id)
    return RecordFacts(
        act=record.name,
        family=envelope.family,
        side="" if envelope.actor.startswith("service/") else record.side,
        precedence="routine"
        if exchange is None
        else exchange.precedence
        if message is None
        else precedence_of(exchange, message),
    )


def _message(exchange: Exchange | None, id: str) -> Message | None:
    """Return a message of an exchange, looked for from the newest one back."""
    messages = () if exchange is None else exchange.messages
    return next((message for message in reversed(messages) if message.id == id), None)


class RecordFilter(Struct, frozen=True, kw_only=True):
    """The filter of an endpoint for records; many endpoints have the same one."""

    side: str
    acts: tuple[str, ...]
    families: tuple[str, ...]
    precedence: str
    own: bool

    def takes(self, item: OutgoingItem | RecordFacts) -> bool:
        """Return whether a record is for the endpoints with this filter.

        It must not be a service's own note, must be as urgent as the endpoint asks, and
        must be of its acts and families.
        """
        rule = RULES.get(item.act)
        least = PRECEDENCES.index(self.precedence) if self.precedence else len(PRECEDENCES)
        return (
            rule is not None
            and not rule.silent
            and (self.own or item.side != self.side)
            and (not self.acts or item.act in self.acts)
            and (not self.families or item.family in self.families)
            and PRECEDENCES.index(item.precedence) <= least
        )


def filter_of(endpoint: NotificationEndpoint) -> RecordFilter:
    """Return the filter of an endpoint."""
    return RecordFilter(
        side=endpoint.side,
        acts=endpoint.acts,
        families=endpoint.families,
        precedence=endpoint.precedence,
        own=endpoint.own and not endpoint.called,
    )


def may_receive(endpoint: NotificationEndpoint, projection: Projection) -> bool:
    """Return whether the author of the endpoint may still read the channel.

    An endpoint of an officer who has left must not receive records.
    """
    return may_read(projection.registry, endpoint.created_by) is None


Ladder = Callable[[Projection, str, RosterRung], Sequence[str]]
"""A function that returns the officers of a rung of a side, in their order."""


def ladder_of_log(projection: Projection, side: str, rung: RosterRung) -> Sequence[str]:
    """Return the officers of a rung by the log alone."""
    return alarms.reached(projection.registry, side, rung)


def called_at(
    endpoint: NotificationEndpoint,
    projection: Projection,
    item: OutgoingItem,
    ladder: Ladder = ladder_of_log,
) -> float | None:
    """Return the time at which the ladder brings a message to the endpoint's officer.

    The time is in Unix seconds. Return None if the ladder does not bring it, or if the
    side has acknowledged it.

    A flash reaches the officer with the officer's rung. Any other message reaches the
    duty officer at once.
    """
    registry, exchange = projection.registry, projection.exchange(item.exchange)
    message = _message(exchange, item.id)
    if exchange is None or message is None or endpoint.side not in message.to:
        return None
    if endpoint.side in message.acknowledged:
        return None
    rungs = alarms.RUNGS if alarms.rings(registry, exchange, message) else alarms.RUNGS[:1]
    since = datetime.fromisoformat(message.said.time).timestamp()
    for seconds, rung in rungs:
        if endpoint.officer in ladder(projection, endpoint.side, rung):
            return since + seconds
    return None


def is_noticed(
    endpoint: NotificationEndpoint,
    projection: Projection,
    step: Step,
    ladder: Ladder = ladder_of_log,
) -> bool:
    """Return whether a notice about the watch is for an endpoint."""
    return not endpoint.officer or endpoint.officer in ladder(projection, endpoint.side, step)


def told(
    endpoint: NotificationEndpoint, projection: Projection, id: str, text: Text
) -> OutgoingItem:
    """Return the item to send for a sentence to an officer, such as a reminder."""
    moment = stamp(datetime.now(UTC))
    return OutgoingItem(
        id=f"{id}.{endpoint.id}",
        position=0,
        raw=b"",
        act="watch-notice",
        family="notification",
        side="",
        number="",
        precedence="priority",
        channel=projection.name,
        exchange="",
        exercise=projection.registry.kind == "exercise",
        time=moment,
        marking=projection.registry.marking,
        notice=text,
    )


def tested(
    endpoint: NotificationEndpoint, projection: Projection, id: str, code: str
) -> OutgoingItem:
    """Return the item to send as a test of an endpoint."""
    time_now = stamp(datetime.now(UTC))
    event = EndpointTest(
        specversion="1.0",
        id=id,
        source="/services/courier",
        type="dragoman.endpoint-test.v1",
        time=time_now,
        datacontenttype="application/json",
        channel=projection.name,
        data=EndpointTested(endpoint=endpoint.id, side=endpoint.side),
    )
    return OutgoingItem(
        id=id,
        position=0,
        raw=msgspec.json.encode(event),
        act="endpoint-test",
        family="channel",
        side="",
        number="",
        precedence="routine",
        channel=projection.name,
        exchange="",
        exercise=projection.registry.kind == "exercise",
        time=time_now,
        marking=projection.registry.marking,
        test=code,
    )


def summary(projection: Projection, item: OutgoingItem) -> OutgoingItem:
    """Return the message that replaces further ones for the rest of the hour."""
    text = sentence(
        "You have had many messages within an hour. Further ones are held back until the hour is "
        "over, except flashes. All of them are on the board."
    )
    return replace(
        item,
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"dragoman-summary {item.id}")),
        position=0,
        side="",
        number="",
        matter="",
        notice=text,
        marking=projection.registry.marking,
    )


def noticed(
    endpoint: NotificationEndpoint, projection: Projection, notice: WatchNoticeItem
) -> OutgoingItem | None:
    """Return the item to send for a notice.

    Return None if the endpoint is only for some acts or families, or if the notice is
    too old.
    """
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
    """Return the item to send for an entry; None for a void, erased or junk entry."""
    if not entry.valid or not isinstance(entry.record, Raw):
        return None
    try:
        record = records.parse_stored(bytes(entry.record))
    except NotARecord:
        return None
    if not record.act:
        return None
    envelope = record.envelope
    exchange = projection.exchange(envelope.subject)
    facts = _facts(record, exchange)
    hidden = exchange is not None and attribution.unattributed(exchange)
    markings = (projection.registry.marking, getattr(record.data, "marking", ""))
    withheld = hidden or attribution.refers(
        msgspec.json.decode(record.act, type=dict[str, Raw]), matter_names.hides(projection)
    )
    return OutgoingItem(
        id=envelope.id,
        position=entry.position,
        raw=_without_speaker(projection, entry.position, record) if withheld else record.raw,
        act=facts.act,
        family=facts.family,
        side=facts.side,
        number="" if hidden else entry.number,
        matter="" if hidden or exchange is None or entry.number else exchange.number,
        precedence=facts.precedence,
        channel=projection.name,
        exchange="" if exchange is None else exchange.id,
        exercise=projection.registry.kind == "exercise",
        time=envelope.time,
        marking=", ".join(dict.fromkeys(text for text in markings if isinstance(text, str))),
        unattributed=hidden,
        represented=()
        if hidden or exchange is None or facts.side != exchange.side
        else tuple(consent.represented(exchange).items()),
    )


def _without_speaker(projection: Projection, position: int, record: Record) -> bytes:
    """Return the event that stands for a record under the Chatham House Rule.

    It says where to read the record, and not who wrote it. It also stands for a record
    that refers to a matter under the rule: the number there names the speaker's side,
    and the bytes of a record cannot be changed.
    """
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

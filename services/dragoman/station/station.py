"""A station at work: its links, copies, outbox and what keeps them going.

station = Station(data, joined)          before the service: the copies are opened
await station.begin(service, …)          with it: lines, followers and submitters
"""

import asyncio
import base64
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from dragoman.application.clock import stamp
from dragoman.application.service import Service
from dragoman.application.station_port import HostLine
from dragoman.data_directory import PlaceGuard
from dragoman.eventlog import durable
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.settled_copy import SettledCopy
from dragoman.projection.projection import Projection
from dragoman.station import joined_channels
from dragoman.station.command_handler import StationCommandHandler
from dragoman.station.copy_erasures import CopyErasures
from dragoman.station.copy_log import CopyLog
from dragoman.station.cosigner import Cosigner
from dragoman.station.file_carrier import FileCarrier
from dragoman.station.follower import CopyFollower
from dragoman.station.joined_channels import JoinedChannel, JoinedHosts
from dragoman.station.kept_key_signer import STATION_KEY, WITNESS_KEY
from dragoman.station.line_duties import LineDuties
from dragoman.station.link import HEARTBEAT_SECONDS, SILENT_SECONDS, HostLink
from dragoman.station.own_records import OwnRecords
from dragoman.station.parcel_carrier import ParcelCarrier
from dragoman.station.submitter import Submitter
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.keystore import Keystore
from dragoman.stores.outbox import ON_THE_WAY, Outbox, OutboxEntry
from dragoman.stores.signed_heads import SignedHeadStore
from dragoman.supervision import StartTask
from dragoman.text import Text, sentence

log = structlog.get_logger()

_UNSHOWN_SECONDS: Final = 2 * HEARTBEAT_SECONDS
"""Seconds after which a record that the host has named must be within its log's end.

A slow line may bring an answer before an older word of the end.
"""


def keys_of(data: Path) -> Keystore:
    """Return the keystore of a station: its own key, and those of its officers."""
    return Keystore(data / "keys" / "station")


class Station:
    """The station of one data directory."""

    def __init__(self, data: Path, joined: JoinedHosts) -> None:
        """Open the copies of all joined channels.

        Raises `CopyOfAnotherChannel`, and the errors of an archive.
        """
        self._data = data
        self.joined = joined
        self.channels: Mapping[str, JoinedChannel] = joined.channels()
        self.keys = keys_of(data)
        self._links: dict[str, HostLink] = {}
        self.copies: dict[str, CopyLog] = {}
        for name, channel in self.channels.items():
            folder = joined_channels.copy_folder(data, name)
            copy = CopyLog(
                name, SettledCopy(folder, channel.pinned), folder.with_name(f"{name}.staged")
            )
            self.copies[name] = copy
        self._erasures: dict[str, CopyErasures] = {}
        self._followers: dict[str, CopyFollower] = {}
        self._cosigners: dict[str, Cosigner] = {}
        self._own_records: dict[str, OwnRecords] = {}
        self._parcels: dict[str, ParcelCarrier] = {}
        self._accusations: dict[str, Text] = {}
        self._service: Service | None = None
        self._heads: SignedHeadStore | None = None
        self._handler: StationCommandHandler | None = None
        self._outbox: Outbox | None = None
        self._permit: PlaceGuard | None = None

    @property
    def names(self) -> frozenset[str]:
        """The names of the joined channels."""
        return frozenset(self.channels)

    # The fold

    def opened(self, projection: Projection) -> None:
        """Note the fold of a channel, before it follows its copy."""
        name = projection.name
        copy = self.copies[name]
        copy.on_taken_back = partial(self._taken_back, projection)
        if projection.state.position > copy.size or self._refold_file(name).exists():
            self._taken_back(projection)

    def _refold_file(self, name: str) -> Path:
        """Return the file that lasts from a taking back until all is folded anew."""
        return joined_channels.copy_folder(self._data, name).with_name(f"{name}.refold")

    def _taken_back(self, projection: Projection) -> None:
        """Have a channel folded anew from what is settled."""
        self.copies[projection.name].is_refolding = True
        durable.write(self._refold_file(projection.name), b"")
        projection.store.report_difference(
            projection.name, "records that had rung here are under no signed head"
        )

    def refolded(self) -> None:
        """Note that everything was folded anew."""
        for name, copy in self.copies.items():
            self._refold_file(name).unlink(missing_ok=True)
            copy.is_refolding = False
        for erasures in self._erasures.values():
            erasures.settled()

    # The lines

    async def begin(
        self,
        service: Service,
        handler: StationCommandHandler,
        outbox: Outbox,
        heads: SignedHeadStore,
        start: StartTask,
        permit: PlaceGuard,
    ) -> None:
        """Begin to follow the hosts, and to send what waits.

        Data that were moved, copied or restored send nothing before they are taken
        over.
        """
        self._permit = permit
        self._service, self._handler, self._outbox, self._heads = service, handler, outbox, heads
        seed = self.keys.seed(*STATION_KEY)
        for host in self.joined.hosts:
            if not host.channels:
                continue
            cids = [channel.cid for channel in host.channels]
            link = HostLink(host.url, seed, host.channels[0].actor, cids)
            for channel in host.channels:
                self._links[channel.name] = link
                self._begin_channel(channel, service.channels[channel.name], link, start)

    def _begin_channel(
        self, channel: JoinedChannel, projection: Projection, link: HostLink, start: StartTask
    ) -> None:
        assert self._service is not None
        assert self._handler is not None
        assert self._outbox is not None
        name, copy = channel.name, self.copies[channel.name]
        is_new = copy.size == 0
        erasures = self._erasures[name] = CopyErasures(projection, copy)
        projection.listeners.add(erasures.folded)
        start(self._service.keep(f"erasures of {name}", erasures.run))
        follower = self._followers[name] = CopyFollower(
            link,
            copy,
            head_taken=partial(self._head_taken, name),
            expect=projection.expect,
            convicted=partial(self._convicted, name),
        )
        parcels = self._parcels[name] = ParcelCarrier(
            link,
            projection,
            self._service.people,
            self.keys.seed(*STATION_KEY),
            channel.actor,
            self._data / "station" / f"people-{name}.json",
        )
        projection.listeners.add(parcels.folded)
        start(self._service.keep(f"parcels of {name}", parcels.run))
        files = FileCarrier(
            link,
            self._service.files,
            name,
            channel.cid,
            channel.side,
            self._data / "station" / f"files-{name}.json",
        )
        projection.listeners.add(files.folded)
        start(self._service.keep(f"files of {name}", files.run))
        submitter = Submitter(
            link,
            self._outbox,
            projection,
            channel.cid,
            channel.actor,
            sign=partial(self._handler.sign_entry, projection),
            bring=files.bring,
            final=partial(self._final, projection),
            accuse=partial(self._accuse, name),
            is_in_doubt=lambda: (self._hindrance(name) or self._held(name)) is not None,
            is_held=lambda: self._held(name) is not None,
            copy=copy,
        )
        self._handler.submitters[name] = submitter
        answers = joined_channels.copy_folder(self._data, name).parent.glob(f"{name}.answer-*.json")
        for path in sorted(answers)[:1]:
            self._contradicted(name, path.stem.rpartition("answer-")[2], path)
        duties = LineDuties(projection, channel.actor, self._handler, submitter)
        start(self._sending(f"duties of {name}", duties.run))
        if channel.witness:
            seed = self.keys.seed(*WITNESS_KEY)
            cosigner = self._cosigners[name] = Cosigner(link, copy, channel.witness, seed)
            start(self._sending(f"witness of {name}", cosigner.run))
        own_records = self._own_records[name] = OwnRecords(
            projection,
            channel.actor,
            self._data / "station" / f"voices-{name}.json",
            was_sent=partial(self._was_sent, channel.cid),
            is_history=lambda: is_new and copy.end.seen() is None,
            coverage=self._service.coverage.of,
        )
        projection.listeners.add(own_records.folded)
        start(self._service.keep(f"records of {name}", own_records.run))
        start(self._service.keep(f"line of {name}", follower.run))
        start(self._sending(f"outbox of {name}", submitter.run))

    def _sending(
        self, task: str, run: Callable[[], Coroutine[Any, Any, None]]
    ) -> Coroutine[Any, Any, None]:
        """Return a task that sends to the host, once these data may be written."""
        assert self._service is not None
        assert self._permit is not None
        return self._service.keep(task, partial(self._permit.when_allowed, run))

    def _was_sent(self, cid: str, id: str) -> bool:
        assert self._outbox is not None
        return self._outbox.find(cid, id) is not None

    async def aclose(self) -> None:
        """Close all lines and copies."""
        for link in set(self._links.values()):
            await link.aclose()
        for copy in self.copies.values():
            copy.close()

    async def _head_taken(self, name: str, note: bytes) -> None:
        """Keep a head of the host for readers here."""
        assert self._heads is not None
        self._erasures[name].settled()
        if name in self._cosigners:
            self._cosigners[name].take(note)
        with suppress(LogUnreachable, WriteConflict):
            newest = await self._heads.newest(name)
            if newest is None or newest.note != note:
                await self._heads.put(name, note, newest)

    async def _final(self, projection: Projection) -> int:
        """Return the position of the last record that is final, or settled."""
        assert self._service is not None
        if not projection.is_channel or not projection.registry.policy:
            return self.copies[projection.name].settled_size
        return (await self._service.coverage.of(projection)).final

    def _convicted(self, name: str, fault: Text) -> None:
        assert self._handler is not None
        del fault
        self._handler.submitters[name].is_stopped = True

    def _accuse(self, name: str, entry: OutboxEntry, answer: bytes) -> None:
        """Keep a host's answer that its own log contradicts."""
        path = joined_channels.copy_folder(self._data, name).with_name(
            f"{name}.answer-{entry.id}.json"
        )
        durable.write(path, answer)
        self._contradicted(name, entry.id, path)
        log.critical(
            "station.answer_contradicted",
            channel=name,
            id=entry.id,
            evidence=path.name,
            do="the host said that it recorded this, and its log has something else: nothing is "
            "sent until an operator has looked; tell the other sides by telephone",
        )

    def _contradicted(self, name: str, id: str, path: Path) -> None:
        """Stop sending until an operator has put an answer of the host away."""
        assert self._handler is not None
        self._handler.submitters[name].is_stopped = True
        self._accusations[name] = sentence(
            "nothing is sent, tell the other sides by telephone: the host said that it recorded the "
            "act %(id)s, and its log has something else at that position. Keep %(evidence)s",
            id=id,
            evidence=str(path),
        )

    # What the pages ask

    def line(self, channel: str) -> HostLine | None:
        """Return the line of a channel; None for a channel of this machine alone."""
        link = self._links.get(channel)
        if link is None or self._service is None:
            return None
        projection = self._service.channels[channel]
        now = asyncio.get_running_loop().time()
        return HostLine(
            host=link.url,
            last_known="" if projection.checked is None else stamp(projection.checked),
            is_cut=now - link.heard > SILENT_SECONDS,
            silent_s=now - max(link.heard, link.begun),
            clock_ahead_s=(
                self._service.now().timestamp() - link.clock.now() if link.clock.is_set else 0.0
            ),
            unanswered_s=self._parcels[channel].unanswered_s,
            hindrance=self._hindrance(channel),
            held=self._held(channel),
            voices=tuple(self._own_records[channel].voices),
            unreceived=self._own_records[channel].unreceived,
        )

    def _hindrance(self, channel: str) -> Text | None:
        """Return the reason to doubt a channel's host; None if all is well."""
        return (
            self.copies[channel].fault
            or self._accusations.get(channel)
            or self._followers[channel].hindrance
            or self._held_back(channel)
        )

    def _held(self, channel: str) -> Text | None:
        """Return the reason why nothing leaves for a channel's host; None if it may."""
        if joined_channels.paused_file(self._data, channel).exists():
            return sentence(
                "Telephone what cannot wait: the operator has paused this station, and what you write "
                "waits here."
            )
        handover = self.copies[channel].settled.cut_ahead
        if handover is None:
            return None
        return sentence(
            "Telephone what cannot wait: your side has signed that another host goes on after "
            "record %(position)s, and what you write waits here until it does.",
            position=handover.first - 1,
        )

    def _held_back(self, channel: str) -> Text | None:
        """Return the doubt about a host that shows less than it said it has recorded.

        None if it shows all.
        """
        assert self._handler is not None
        unshown, end = self._handler.submitters[channel].unshown, self._followers[channel].end
        if unshown is None or end is None:
            return None
        (position, answered_at), (size, ended_at) = unshown, end
        if size >= position or self.copies[channel].size >= position:
            return None
        if ended_at - answered_at < _UNSHOWN_SECONDS:
            return None
        return sentence(
            "the host said that it recorded an act of this side at position %(position)s, and shows "
            "%(size)s records: it keeps records back. Telephone what cannot wait",
            position=position,
            size=size,
        )

    def heard_voice(self, channel: str, position: int) -> None:
        """Note that somebody has looked at a record that this station did not send."""
        self._own_records[channel].heard(position)

    def entries(self, channel: str) -> list[OutboxEntry]:
        """Return the entries of officers for a channel, the oldest first."""
        if self._outbox is None or channel not in self.channels:
            return []
        joined = self.channels[channel]
        entries = self._outbox.entries(joined.cid)
        return [entry for entry in entries if entry.actor != joined.actor]

    def old_entries(self, channel: str) -> list[OutboxEntry]:
        """Return the entries at which somebody should look, the oldest first."""
        assert self._handler is not None
        submitter = self._handler.submitters.get(channel)
        entries = self.entries(channel)
        return [] if submitter is None else [entry for entry in entries if submitter.is_old(entry)]

    async def withdraw(self, entry: OutboxEntry) -> bool:
        """Withdraw an entry that never left, or that came back.

        Return whether it could be withdrawn: it may be leaving at this moment. Raises
        `LogUnreachable`.
        """
        assert self._outbox is not None
        assert self._handler is not None
        newest = self._outbox.find(entry.cid, entry.id)
        if newest is None:
            return False
        if not newest.may_be_withdrawn:
            return False
        if self._handler.submitters[newest.channel].is_trying(newest):
            return False
        await self._outbox.drop(newest)
        return True

    async def send_again(self, entry: OutboxEntry) -> None:
        """Send an entry on that had ended, on the word of its officer.

        Its age counts from now on. Raises `LogUnreachable`.
        """
        assert self._outbox is not None
        assert self._handler is not None
        newest = self._outbox.find(entry.cid, entry.id)
        if newest is None or newest.state not in ("ended", *ON_THE_WAY):
            return
        state = "unanswered" if newest.left else "waiting"
        if not newest.signatures:
            state = "unsigned"
        link = self._links[newest.channel]
        moment = stamp(_moment(link))
        await self._outbox.change(newest, state=state, kept=moment, held=False)
        self._handler.submitters[newest.channel].wake()

    def kept_keys(self, channel: str) -> Mapping[str, str]:
        """Return the public keys in base64 that are kept here, by officer."""
        assert self._service is not None
        registry = self._service.channels[channel].registry
        keys = {
            owner: self.keys.public(channel, owner)
            for owner in registry.officers
            if self.keys.holds(channel, owner)
        }
        return {
            owner: base64.b64encode(key).decode() for owner, key in keys.items() if key is not None
        }


def _moment(link: HostLink) -> datetime:
    return datetime.fromtimestamp(link.clock.now(), UTC)

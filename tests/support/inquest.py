"""The inquest after a fault: the whole log, read from the broker itself, held against what posters were answered.

Every acknowledged post stands once, at its position, with the bytes that were posted; nothing stands twice; positions have
no hole; a refused post is not there, and the rules refuse it still; and an auditor's replay comes to the gateway's digest.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import aiohttp

from dragoman.audit.replay import Replay
from dragoman.domain import ids
from dragoman.domain import record as records
from dragoman.domain.decide import Post, decide
from dragoman.domain.record import NotARecord, Record, parse
from dragoman.domain.refusal import Refusal
from dragoman.limits import READ_RECORDS
from dragoman.log.connection import connected
from dragoman.log.stream import stream_of, subjects_of
from service import Service
from traffic import Posting, Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What an inquest came to; empty lists and equal digests where all is well."""

    position: int
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    holes: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    digests: tuple[str, str] = ("", "")

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not (self.lost or self.doubled or self.holes or self.wrong) and self.digests[0] == self.digests[1]


class Inquest:
    """Reads one channel's log as the auditor, all of it each time."""

    def __init__(self, nats_url: str, keys: Path, channel: str = "nato-china") -> None:
        self.nats_url = nats_url
        self.channel = channel
        self._keys = keys
        self._begin()

    def _begin(self) -> None:
        self.replay = Replay()
        self._stood: dict[str, list[tuple[int, Record]]] = {}
        self.stored: list[tuple[Record, datetime]] = []
        self._holes: list[int] = []
        self._last = 0

    async def held(self, traffic: Traffic) -> Finding:
        """Read the log from its first record to its last, and compare."""
        self._begin()
        await self._read()
        void = {*self.replay.void}
        return Finding(
            position=self._last,
            lost=[posting.key for posting in traffic.acknowledged if not self._stands(posting, void)],
            doubled=[id for id, places in self._stood.items() if len(places) > 1],
            holes=self._holes,
            wrong=[posting.key for posting in traffic.postings if posting.refusal and not self._rightly_refused(posting, void)],
            digests=(self.replay.standing.digest, await self.digest_at(traffic.session, traffic.service)),
        )

    async def _read(self) -> None:
        async with connected(self.nats_url, "auditor", self._keys / "nats-auditor.nk") as bus:
            stream = stream_of(self.channel)
            while found := await bus.fetch(stream, subjects_of(self.channel), self._last + 1, READ_RECORDS):
                for message in found:
                    headers = message.headers or {}
                    self._take(int(headers["Nats-Sequence"]), headers["Nats-Time-Stamp"], message.data)
            state = (await bus.api(f"STREAM.INFO.{stream}"))["state"]
        if (state["first_seq"], state["last_seq"], state["messages"]) != (1, self._last, self._last) or state.get("num_deleted"):
            self._holes.append(state["last_seq"])

    def _take(self, position: int, stored: str, raw: bytes) -> None:
        self._holes += range(self._last + 1, position)
        self._last = position
        self.replay.take([raw])
        try:
            record = parse(raw)
        except NotARecord:
            self._holes.append(position)
        else:
            self._stood.setdefault(record.envelope.id, []).append((position, record))
            self.stored.append((record, datetime.fromisoformat(stored)))

    def _stands(self, posting: Posting, void: set[int]) -> bool:
        recorded = posting.recorded
        assert recorded is not None
        if recorded.id != ids.from_key(self.channel, posting.actor, posting.key):
            return False
        position, record = next(iter(self._stood.get(recorded.id, ())), (0, None))
        if record is None or position in void:
            return False
        told = (recorded.position, posting.actor, posting.act, recorded.commit, recorded.time)
        return told == (position, record.envelope.actor, record.act, record.commit, record.envelope.time) and self._numbered(posting)

    def _numbered(self, posting: Posting) -> bool:
        recorded = posting.recorded
        if posting.exchange or recorded is None:
            return True
        exchange = self.replay.exchange(recorded.exchange)
        return exchange is not None and exchange.number == recorded.number

    def _rightly_refused(self, posting: Posting, void: set[int]) -> bool:
        id = ids.from_key(self.channel, posting.actor, posting.key)
        if posting.refusal == "void":
            return [position for position, _ in self._stood.get(id, ()) if position in void] != []
        act, data = records.read_act(posting.act, cut=True)
        post = Post(actor=posting.actor, act=act, data=data, id=id, exchange=posting.exchange, if_match=posting.etag.strip('"') or None)
        now = decide(self.replay.standing.state, self.replay, post, time=self.replay.standing.state.time, salt=secrets.token_hex(32))
        return id not in self._stood and isinstance(now, Refusal)

    async def digest_at(self, session: aiohttp.ClientSession, service: Service) -> str:
        """What a gateway says is the digest at the last position that was read here."""
        headers = {"Authorization": f"Bearer {service.token('nato/auditor')}", "Dragoman-Min-Position": str(self._last)}
        url = f"{service.base_url}/v1/channels/{self.channel}/state"
        async with session.get(url, params={"at": str(self._last)}, headers=headers) as response:
            body = await response.json()
            assert response.status == 200, body
            return str(body["digest"])

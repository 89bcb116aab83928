"""The inquest after a fault: the whole log, read from the broker itself, held against what posters
were answered.

Every acknowledged post stands once, at its position, with the bytes that were posted; nothing
stands twice; positions have no hole; a refused post is not there, and the rules refuse it still;
and an auditor's replay comes to the gateway's digest. Random exchanges, a page of the list and a
search are what the replay makes, and the gateway has not used more memory than it may.
"""

import asyncio
import json
import random
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from dragoman.audit.replay import Replay
from dragoman.domain.decide import Submission, decide
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import NotARecord, Record, parse
from dragoman.domain.record.errors import Refusal
from dragoman.eventlog.nats_connection import connected
from dragoman.eventlog.stream_config import stream_of, subjects_of
from dragoman.limits import LIST_PAGE, READ_RECORDS
from dragoman.projection.queries.lists import row_of
from service import Gateway, Service
from traffic import Posting, Traffic

MOST_MB = 500
"""More than any gateway of these tests may ever have used."""

_TRIES = 20
_RARE = range(61, 1_000)
"""Smaller numbers also stand in dates and times, larger ones in the numbers of exchanges."""

_BACK_S = 30.0
"""In which a service that found its own copy damaged answers again."""
_WORD = re.compile(r"Report (\d+)")


def memory_mb(pid: int) -> int:
    """Return the most memory that a process has had, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of an inquest. The lists are empty and the digests equal if all is well."""

    position: int
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    holes: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    digests: tuple[str, str] = ("", "")
    served: list[str] = field(default_factory=list)
    memory_mb: int = 0

    @property
    def clean(self) -> bool:
        """Return whether the inquest found no fault."""
        nothing = not (self.lost or self.doubled or self.holes or self.wrong or self.served)
        return nothing and self.digests[0] == self.digests[1] and self.memory_mb < MOST_MB


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
        self._said: dict[str, list[tuple[int, Record]]] = {}
        self._holes: list[int] = []
        self._last = 0

    async def held(self, traffic: Traffic) -> Finding:
        """Read the log from its first record to its last, and compare."""
        self._begin()
        await self._read()
        void = {*self.replay.void}
        digests = (
            self.replay.standing.digest,
            await self.digest_at(traffic.session, traffic.service, self._last),
        )
        return Finding(
            position=self._last,
            lost=[
                posting.key for posting in traffic.acknowledged if not self._stands(posting, void)
            ],
            doubled=[id for id, places in self._stood.items() if len(places) > 1],
            holes=self._holes,
            wrong=[
                posting.key
                for posting in traffic.postings
                if posting.refusal and not self._rightly_refused(posting, void)
            ],
            digests=digests,
            served=await self.differing(traffic.session, traffic.service),
            memory_mb=memory_mb(traffic.service.process.pid),
        )

    async def served(self, session: aiohttp.ClientSession, service: Service) -> None:
        """Read the log so far, and assert that a gateway serves what it makes, within its memory.

        It is for rounds whose posters keep no account of their own.
        """
        await self._read()
        assert await self.differing(session, service) == []
        assert memory_mb(service.process.pid) < MOST_MB

    async def differing(
        self, session: aiohttp.ClientSession, service: Gateway, most: int = 5
    ) -> list[str]:
        """Return differences between a gateway and the replay: in some exchanges, a page of the
        list, a search.
        """
        dice = random.Random(self._last)
        states = {
            id: raw
            for id, raw in self.replay.encoded.items()
            if (exchange := self.replay.exchange(id)) and exchange.id == id
        }
        found: list[str] = []
        for id in dice.sample(sorted(states), min(most, len(states))):
            view = await self._asked(session, service, f"exchanges/{id}", {"at": str(self._last)})
            named = {each.position: each.commit for each in self.replay.records_of(id)}
            if (
                view["state"] != json.loads(states[id])
                or {each["position"]: each["commit"] for each in view["timeline"]} != named
            ):
                found.append(f"exchange {id} is not what its records make")
        found += await self._differing_list(session, service, {}, lambda _: True)
        texts = [(id, word) for id in states for word in self._words(id) if int(word) in _RARE]
        if texts:
            _, word = dice.choice(texts)
            found += await self._differing_list(
                session,
                service,
                {"q": f"Report {word}"},
                lambda exchange: word in self._words(exchange),
            )
        return found

    async def _differing_list(
        self,
        session: aiohttp.ClientSession,
        service: Gateway,
        query: dict[str, str],
        wanted: Callable[[str], bool],
    ) -> list[str]:
        """Compare one page; a service that goes on recording is read again until both have come
        equally far.
        """
        for _ in range(_TRIES):
            page = await self._asked(session, service, "exchanges", query)
            await self._read()
            if page["position"] == self._last:
                break
        else:
            return []
        made = sorted(
            (each for each in self.replay.exchanges() if wanted(each.id)),
            key=lambda each: -each.opened.position,
        )
        rows = json.loads(msgspec.json.encode([row_of(each) for each in made[:LIST_PAGE]]))
        return (
            [] if page["exchanges"] == rows else [f"the list {query} is not what the records make"]
        )

    def _words(self, id: str) -> set[str]:
        """Return the numbers of reports that an exchange's valid records name: words that few
        others have.
        """
        return {
            word
            for _, record in self._said.get(id, ())
            for word in _WORD.findall(record.act.decode())
        }

    async def _asked(
        self, session: aiohttp.ClientSession, service: Gateway, path: str, query: dict[str, str]
    ) -> Any:
        """Ask a gateway, which may say for a while that it is building another copy."""
        headers = {
            "Authorization": f"Bearer {service.token('nato/auditor')}",
            "Dragoman-Min-Position": str(self._last),
        }
        ends = asyncio.get_running_loop().time() + _BACK_S
        while True:
            async with session.get(
                f"{service.base_url}/v1/channels/{self.channel}/{path}",
                params=query,
                headers=headers,
            ) as response:
                body = await response.json()
            if response.status != 503 or asyncio.get_running_loop().time() > ends:
                assert response.status == 200, body
                return body
            await asyncio.sleep(0.2)

    async def _read(self) -> None:
        async with connected(self.nats_url, "auditor", self._keys / "nats-auditor.nk") as bus:
            stream = stream_of(self.channel)
            while found := await bus.fetch(
                stream, subjects_of(self.channel), self._last + 1, READ_RECORDS
            ):
                for message in found:
                    headers = message.headers or {}
                    self._take(
                        int(headers["Nats-Sequence"]), headers["Nats-Time-Stamp"], message.data
                    )
            state = (await bus.api(f"STREAM.INFO.{stream}"))["state"]
        if (state["first_seq"], state["last_seq"], state["messages"]) != (
            1,
            self._last,
            self._last,
        ) or state.get("num_deleted"):
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
            if position not in self.replay.void:
                self._said.setdefault(record.envelope.subject, []).append((position, record))
            self.stored.append((record, datetime.fromisoformat(stored)))

    def _stands(self, posting: Posting, void: set[int]) -> bool:
        recorded = posting.recorded
        assert recorded is not None
        if recorded.id != ids.from_key(self.channel, posting.actor, posting.key):
            return False
        position, record = next(iter(self._stood.get(recorded.id, ())), (0, None))
        if record is None or position in void:
            return False
        told = (
            recorded.position,
            posting.actor,
            _signed_form(posting.act, record.act),
            recorded.commit,
            recorded.time,
        )
        return told == (
            position,
            record.envelope.actor,
            record.act,
            record.commit,
            record.envelope.time,
        ) and self._numbered(posting)

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
        post = Submission(
            actor=posting.actor,
            act=act,
            data=data,
            id=id,
            exchange=posting.exchange,
            if_match=posting.etag.strip('"') or None,
        )
        now = decide(
            self.replay.standing.state,
            self.replay,
            post,
            time=self.replay.standing.state.time,
            salt=secrets.token_hex(32),
        )
        return id not in self._stood and isinstance(now, Refusal)

    async def digest_at(
        self, session: aiohttp.ClientSession, service: Gateway, position: int
    ) -> str:
        """Return a gateway's digest at a position that was read here."""
        return str((await self._asked(session, service, "state", {"at": str(position)}))["digest"])


def _signed_form(posted: bytes, recorded: bytes) -> bytes:
    """Return the recorded bytes if they are those that were posted, then signed at a station."""
    return recorded if recorded.startswith(posted[:-1] + b',"signed":') else posted

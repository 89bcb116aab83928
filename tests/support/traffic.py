"""Mixed traffic on one channel: officers of both sides who post all the time, and what each post
was answered.

An officer whose post has no known outcome sends it again with its key, as a person would, until it
is answered or the traffic ends. What is still open then is settled afterwards: every post has an
outcome in the end, or the test fails.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import aiohttp
import msgspec

from dragoman.client import new_key
from dragoman.domain.acts import consent
from dragoman_schemas.responses import Recorded
from patience import PATIENCE_S
from service import Service, still_to_come
from service import new_key as other_key
from world import INCIDENT, NOTE, OFFICERS, REQUEST, compact

WRITERS: Final = ("officer", "duty_officer", "head_of_office")
_DOUBTFUL: Final = frozenset({"unavailable", "unknown-outcome", "read-only", "behind", "busy"})
_SETTLE_SECONDS: Final = PATIENCE_S
_TIMEOUT: Final = aiohttp.ClientTimeout(total=20)


@dataclass(slots=True)
class Posting:
    """One post with its key, and what it was answered so far: a record, a refusal, or nothing that
    is known.

    `detail` is that of the last problem. `least` is the position that its author has read, and
    `kept` says that a station has promised to send it.
    """

    key: str
    role: str
    path: str
    act: bytes
    exchange: str = ""
    etag: str = ""
    least: int = 0
    kept: bool = False
    answer: bytes = b""
    refusal: str = ""
    detail: str = ""
    doubted: bool = False

    @property
    def actor(self) -> str:
        """The name of the officer who posts, as in the record."""
        side, _, role = self.role.partition("/")
        return f"{side}/{OFFICERS[role]}"

    @property
    def open(self) -> bool:
        """Return whether no outcome is known."""
        return not (self.answer or self.refusal)

    @property
    def recorded(self) -> Recorded | None:
        """The record that the post became, if it was acknowledged."""
        return msgspec.json.decode(self.answer, type=Recorded) if self.answer else None


@dataclass(slots=True)
class Matter:
    """An exchange as the officers know it."""

    id: str
    act: str
    side: str
    etag: str
    opening: bytes
    position: int = 0

    @property
    def terms(self) -> str:
        """The digest of the text with which it was opened, which is another one once it was
        corrected.
        """
        members = msgspec.json.decode(self.opening, type=dict[str, msgspec.Raw])
        text = {
            name: value
            for name, value in members.items()
            if name != "act" and name not in consent.BESIDE
        }
        return consent.digest(self.id, "text", text)


@dataclass
class Traffic:
    """Officers of two sides at one gateway. The dice decide what they post, so that a seed repeats
    a mixture.
    """

    session: aiohttp.ClientSession
    service: Service
    dice: random.Random
    channel: str = "nato-china"
    officers: int = 12
    burst: int = 40
    postings: list[Posting] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)
    _tokens: dict[str, str] = field(default_factory=dict)
    _matters: list[Matter] = field(default_factory=list)
    _flowing: bool = False
    _serial: int = 0

    @property
    def acknowledged(self) -> list[Posting]:
        """The posts that were answered 201."""
        return [posting for posting in self.postings if posting.answer]

    @property
    def doubted(self) -> int:
        """The number of posts that once had no known outcome."""
        return sum(posting.doubted for posting in self.postings)

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Traffic for as long as the context lasts."""
        self._flowing = True
        async with asyncio.TaskGroup() as group:
            for _ in range(self.officers):
                group.create_task(self._officer())
            group.create_task(self._bursts())
            try:
                yield
            finally:
                self._flowing = False

    def so_far(self) -> "Traffic":
        """The traffic as it stands now, which goes no further: what is on its way has no known
        outcome.
        """
        postings = [
            replace(posting, doubted=posting.doubted or posting.open) for posting in self.postings
        ]
        return replace(self, postings=postings, problems=Counter(), _flowing=False)

    async def flow(self, seconds: float) -> None:
        """Traffic for some time."""
        async with self.flowing():
            await asyncio.sleep(seconds)

    async def _officer(self) -> None:
        while self._flowing:
            posting = self._next()
            if self.dice.random() < 0.05:
                await asyncio.gather(self.send(posting), self.send(posting))
            await self._insist(posting)

    async def _bursts(self) -> None:
        while self._flowing:
            await asyncio.sleep(self.dice.uniform(0.05, 0.4))
            await asyncio.gather(*(self._insist(self._opening()) for _ in range(self.burst)))

    async def _insist(self, posting: Posting) -> None:
        while posting.open:
            await self.send(posting)
            if not posting.open:
                return
            if not self._flowing:
                return
            await asyncio.sleep(0.05)

    async def post(self, posting: Posting) -> Posting:
        """Send one post of the test's own once."""
        self.postings.append(posting)
        await self.send(posting)
        return posting

    def note(self, text: str = "Met.", role: str = "nato/officer") -> Posting:
        """A contact note that has not been sent yet."""
        return Posting(new_key(), role, "contacts", compact({**NOTE, "text": text}))

    def _next(self) -> Posting:
        return (
            self._opening() if not self._matters or self.dice.random() < 0.4 else self._carrying()
        )

    def _kept(self, posting: Posting) -> Posting:
        self.postings.append(posting)
        return posting

    def _role(self, side: str = "") -> str:
        return f"{side or self.dice.choice(('nato', 'china'))}/{self.dice.choice(WRITERS)}"

    def _key(self) -> str:
        return self.dice.choice((new_key, other_key))()

    def _opening(self) -> Posting:
        self._serial += 1
        path, act = self.dice.choice(
            (
                ("contacts", {**NOTE, "text": f"Report {self._serial} of what was said."}),
                ("notifications", {**INCIDENT, "facts": f"Report {self._serial}. Rest unknown."}),
                ("meetings", still_to_come({**REQUEST, "purpose": f"Report {self._serial}"})),
            )
        )
        return self._kept(Posting(self._key(), self._role(), path, compact(act)))

    def _carrying(self) -> Posting:
        matter = self.dice.choice(self._matters[-60:])
        other = "china" if matter.side == "nato" else "nato"
        opener, addressee, anybody = self._role(matter.side), self._role(other), self._role()
        name = {
            "contact-note": "text",
            "hazardous-incident": "facts",
            "meeting-request": "purpose",
        }[matter.act]
        correction: dict[str, Any] = {
            "act": "correction",
            "fields": {name: f"Corrected, {self._serial}."},
            "reason": "A slip.",
        }
        role, act = self.dice.choice(
            (
                (addressee, {"act": "acknowledgement"}),
                (addressee, {"act": "acknowledgement"}),
                (addressee, {"act": "reply", "text": "Seen; we look into it."}),
                (addressee, {"act": "interim-reply", "next_word_by": "2026-11-25T12:00Z"}),
                (
                    addressee,
                    {"act": "acceptance", "window": self.dice.randrange(2), "terms": matter.terms},
                ),
                (anybody, {"act": "decline"}),
                (opener, correction),
                (opener, correction),
                (anybody, {"act": "cancellation", "reason": "No longer needed."}),
                (anybody, {"act": "closure"}),
            )
        )
        path = f"exchanges/{matter.id}/acts"
        return self._kept(
            Posting(
                self._key(),
                role,
                path,
                compact(act),
                exchange=matter.id,
                etag=matter.etag,
                least=matter.position,
            )
        )

    def _service(self, posting: Posting) -> Service:
        """Return the gateway to which a post goes."""
        del posting
        return self.service

    def _token(self, posting: Posting) -> str:
        service = self._service(posting)
        place = f"{service.port} {posting.role}"
        if place not in self._tokens:
            self._tokens[place] = service.token(posting.role)
        return self._tokens[place]

    async def send(self, posting: Posting) -> bool:
        """Send a post, and keep what is answered; whether the answer said that it had been given
        before.
        """
        headers = {
            "Authorization": f"Bearer {self._token(posting)}",
            "Idempotency-Key": posting.key,
            "Content-Type": "application/json",
        }
        if posting.etag:
            headers["If-Match"] = posting.etag
        if posting.least:
            headers["Dragoman-Min-Position"] = str(posting.least)
        url = f"{self._service(posting).base_url}/v1/channels/{self.channel}/{posting.path}"
        try:
            async with self.session.post(
                url, data=posting.act, headers=headers, timeout=_TIMEOUT
            ) as response:
                status, body, media = response.status, await response.read(), response.content_type
                replayed, retry_after = (
                    "Idempotent-Replayed" in response.headers,
                    response.headers.get("Retry-After"),
                )
        except aiohttp.ClientConnectorError:
            return False  # nothing was sent
        except (aiohttp.ClientError, TimeoutError) as error:
            self.problems[type(error).__name__] += 1
            posting.doubted = True
            return False
        if status == 201:
            self._acknowledge(posting, body)
            return replayed
        if status == 202:
            self._note_kept(posting, json.loads(body))
            return False
        assert media == "application/problem+json", (status, body)
        problem = json.loads(body)
        kind, posting.detail = problem["type"].rpartition("/")[2], problem["detail"]
        self.problems[kind] += 1
        if kind in _DOUBTFUL:
            assert retry_after, body
            posting.doubted = True
        else:
            assert 400 <= status < 500 and status not in (400, 401), (
                status,
                body,
                self._said_of(posting, problem["request_id"]),
            )
            assert not posting.kept, (posting, body)
            assert not posting.answer, (posting, body)
            posting.refusal = kind
        return False

    def _said_of(self, posting: Posting, request_id: str) -> list[str]:
        """Return the lines that the gateway logged about a request."""
        log = self._service(posting).log
        return [line for line in log.read_text().splitlines() if request_id in line]

    def _note_kept(self, posting: Posting, entry: dict[str, Any]) -> None:
        """Note the entry of a station's outbox that a post has become."""
        assert not posting.answer, (posting, entry)
        posting.kept = posting.doubted = True
        self.problems[entry["state"]] += 1
        if entry["state"] == "returned":
            problem = entry["problem"]
            posting.refusal, posting.detail = problem["type"].rpartition("/")[2], problem["detail"]

    def _acknowledge(self, posting: Posting, body: bytes) -> None:
        assert not posting.refusal, (posting, body)
        assert posting.answer in (b"", body), (posting, body)
        if posting.answer:
            return
        posting.answer = body
        recorded = msgspec.json.decode(body, type=Recorded)
        if not posting.exchange:
            side = posting.actor.partition("/")[0]
            self._matters.append(
                Matter(
                    recorded.exchange,
                    recorded.act,
                    side,
                    recorded.etag,
                    posting.act,
                    recorded.position,
                )
            )
            return
        for matter in self._matters[-60:]:
            if matter.id == recorded.exchange:
                matter.etag, matter.position = recorded.etag, recorded.position

    async def settle(self) -> None:
        """Send again what has no known outcome, until it has one."""
        deadline = asyncio.get_running_loop().time() + _SETTLE_SECONDS
        while unknown := [posting for posting in self.postings if posting.open]:
            assert asyncio.get_running_loop().time() < deadline, (
                len(unknown),
                unknown[0],
                self.problems,
            )
            await asyncio.gather(*(self.send(posting) for posting in unknown[:64]))
            if any(posting.open for posting in unknown[:64]):
                await asyncio.sleep(0.05)

    async def ask_again(self, number: int) -> None:
        """Send some acknowledged posts again: each gets its first answer, said to be a repetition."""
        known = self.acknowledged
        for posting in self.dice.sample(known, min(number, len(known))):
            assert await self.send(posting), posting

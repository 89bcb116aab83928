"""Where a side wants to be told, and how far it has been: endpoints, each with what is still to be brought to it.

An endpoint and its progress are two values of one bucket. Whoever brings holds the
progress for a while (`until`), and writes it over what was read: of two couriers one
wins, and what it wrote is all that was done. The progress is bounded. Where nothing
more fits in it, an endpoint stands still at its position until somebody has looked, and
nothing is lost.
"""

import uuid
from typing import Final, Literal

import msgspec
from msgspec import Struct

from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.key_value import Bucket
from dragoman_schemas.responses import Means, PageLanguage

BUCKET: Final = "DRAGOMAN_COURIER"
BYTES: Final = 262_144
PENDING: Final = 200
"""Deliveries that wait for another try, beyond which no further record is tried."""

PARKED: Final = 500
"""Deliveries that were given up and wait for somebody to look, beyond which no further
record is tried.
"""

Step = Literal["deputy", "head_of_office"]


class NotificationEndpoint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A URL or an address of a side, and which records of a channel are for it. `secret` signs what goes there; mails are in `language`."""

    id: str
    cid: str
    side: str
    means: Means
    target: str
    secret: str = ""
    public_key: str = ""
    acts: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    precedence: str = ""
    own: bool = False
    language: PageLanguage = "en"
    created: str = ""
    created_by: str = ""


class Waiting(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A delivery that did not succeed yet: which record, how often it was tried, when again, and what was answered last, a sentence as `packed`."""

    position: int
    tries: int = 0
    again: float = 0.0
    answer: str = ""


class OutcomeToRecord(Struct, frozen=True, kw_only=True):
    """An outcome that is to be recorded: of which record, what, and when."""

    position: int
    outcome: Literal["delivered", "failed"]
    at: str


class WatchNoticeItem(Struct, frozen=True, kw_only=True):
    """What a side's endpoints are told of its own watch, which is in no log: what is wrong, whom it is for, and since when, in Unix seconds."""

    cid: str
    side: str
    kind: Literal["unarmed", "no_answer"]
    step: Step
    since: float

    @property
    def id(self) -> str:
        """Its id, by which a receiver knows it again."""
        return str(
            uuid.uuid5(
                uuid.NAMESPACE_URL,
                f"dragoman-notice {self.cid} {self.side} {self.kind} {self.step} {self.since:.0f}",
            )
        )


class Progress(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far an endpoint has been told: everything up to `upto`, but what waits or was given up.

    `going` is what was being sent when this was written, where it must not be sent
    twice. Nothing more is sent where its receiver is `gone`. `noticed` is the notice
    that was brought last.
    """

    upto: int
    waiting: tuple[Waiting, ...] = ()
    parked: tuple[Waiting, ...] = ()
    told: tuple[OutcomeToRecord, ...] = ()
    going: int = 0
    holder: str = ""
    until: float = 0.0
    delivered: int = 0
    gone: bool = False
    noticed: str = ""


_endpoint = msgspec.json.Decoder(NotificationEndpoint).decode
_progress = msgspec.json.Decoder(Progress).decode
_notice = msgspec.json.Decoder(WatchNoticeItem).decode


class NotificationEndpoints:
    """The endpoints of all sides."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket

    async def refresh(self) -> None:
        """Bring what others wrote. Raises `LogUnreachable`."""
        await self._bucket.refresh()

    def endpoints(self) -> list[NotificationEndpoint]:
        """Return all endpoints, as far as this process knows, in the order of their ids."""
        return [
            _endpoint(value)
            for key, value in sorted(self._bucket.values.items())
            if key.startswith("endpoint.")
        ]

    def find(self, id: str) -> NotificationEndpoint | None:
        """Return an endpoint by its id, as far as this process knows."""
        value = self._bucket.values.get(f"endpoint.{id}")
        return None if value is None else _endpoint(value)

    async def add(self, endpoint: NotificationEndpoint, upto: int) -> None:
        """Add an endpoint, which is told of what comes after that position. Raises `LogUnreachable`."""
        await self._bucket.put(f"progress.{endpoint.id}", Progress(upto=upto))
        await self._bucket.put(f"endpoint.{endpoint.id}", endpoint)

    async def remove(self, id: str) -> None:
        """Forget an endpoint, its secret and its progress. Raises `LogUnreachable`."""
        await self._bucket.put(f"endpoint.{id}", None)
        await self._bucket.put(f"progress.{id}", None)

    def progress(self, id: str) -> tuple[Progress, int]:
        """Return how far an endpoint has been told, and the revision of that, as far as this process knows."""
        value = self._bucket.values.get(f"progress.{id}")
        return (
            Progress(upto=0) if value is None else _progress(value)
        ), self._bucket.revisions.get(f"progress.{id}", 0)

    async def keep(self, id: str, progress: Progress, revision: int) -> int | None:
        """Write an endpoint's progress over a revision of it; the new revision, or None where somebody else was faster. Raises `LogUnreachable`."""
        try:
            await self._bucket.put(f"progress.{id}", progress, revision)
        except WriteConflict:
            return None
        return self._bucket.revisions[f"progress.{id}"]

    def notice(self, cid: str, side: str) -> tuple[WatchNoticeItem | None, int]:
        """Return the newest notice for a side in a channel, and its revision, as far as this process knows."""
        key = f"notice.{cid}.{side}"
        value = self._bucket.values.get(key)
        return None if value is None else _notice(value), self._bucket.revisions.get(key, 0)

    async def notify(self, notice: WatchNoticeItem, revision: int) -> bool:
        """Leave a notice in place of the one of that revision; False where somebody else was faster. Raises `LogUnreachable`."""
        try:
            await self._bucket.put(f"notice.{notice.cid}.{notice.side}", notice, revision)
        except WriteConflict:
            return False
        return True

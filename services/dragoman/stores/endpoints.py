"""Endpoints at which a side is notified, each with its progress.

An endpoint and its progress are two values of one bucket. A notifier reserves the
progress until the time `until`, and writes it over the one that it read. Of two
notifiers one wins, and its writes are the only work that was done. The progress is
bounded. If it is full, the endpoint stays at its position until somebody has looked,
and no notification is lost.
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
"""The most deliveries that wait for another try.

With more, no further record is tried.
"""

PARKED: Final = 500
"""The most deliveries that were given up and wait for somebody to look.

With more, no further record is tried.
"""

Step = Literal["deputy", "head_of_office"]


class NotificationEndpoint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A URL or an address of a side, and the records that it is notified of.

    `secret` signs the notifications. Mails are in `language`.
    """

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
    """A delivery that has not succeeded yet.

    It has the record's position and the number of tries. `since` is the time of the
    first try and `again` that of the next, in Unix seconds. `answer` is the last
    answer, a sentence as `packed`.
    """

    position: int
    tries: int = 0
    again: float = 0.0
    answer: str = ""
    since: float = 0.0


class OutcomeToRecord(Struct, frozen=True, kw_only=True):
    """A delivery's outcome that is to be recorded, with its record and time."""

    position: int
    outcome: Literal["delivered", "failed"]
    at: str


class WatchNoticeItem(Struct, frozen=True, kw_only=True):
    """A notification to a side about its own watch, which is not in the log.

    It says what is wrong, for whom it is, and since when, in Unix seconds.
    """

    cid: str
    side: str
    kind: Literal["unarmed", "no_answer"]
    step: Step
    since: float

    @property
    def id(self) -> str:
        """The id of the notification, by which a receiver recognises it."""
        return str(
            uuid.uuid5(
                uuid.NAMESPACE_URL,
                f"dragoman-notice {self.cid} {self.side} {self.kind} {self.step} {self.since:.0f}",
            )
        )


class Progress(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The progress of an endpoint.

    Every record up to `upto` was sent, except those that wait or were given up. `going`
    is the record that was being sent when this was written, if it must not be sent
    twice. If the receiver is `gone`, nothing more is sent. `noticed` is the newest
    notice that was sent.
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
        """Read the changes of other processes. Raises `LogUnreachable`."""
        await self._bucket.refresh()

    def endpoints(self) -> list[NotificationEndpoint]:
        """Return all endpoints, by id. This process's copy may lag."""
        return [
            _endpoint(value)
            for key, value in sorted(self._bucket.values.items())
            if key.startswith("endpoint.")
        ]

    def find(self, id: str) -> NotificationEndpoint | None:
        """Return an endpoint by its id. This process's copy may lag."""
        value = self._bucket.values.get(f"endpoint.{id}")
        return None if value is None else _endpoint(value)

    async def add(self, endpoint: NotificationEndpoint, upto: int) -> None:
        """Add an endpoint, which is notified of the records after a position.

        Raises `LogUnreachable`.
        """
        await self._bucket.put(f"progress.{endpoint.id}", Progress(upto=upto))
        await self._bucket.put(f"endpoint.{endpoint.id}", endpoint)

    async def remove(self, id: str) -> None:
        """Delete an endpoint, its secret and its progress. Raises `LogUnreachable`."""
        await self._bucket.put(f"endpoint.{id}", None)
        await self._bucket.put(f"progress.{id}", None)

    def progress(self, id: str) -> tuple[Progress, int]:
        """Return an endpoint's progress and its revision.

        This process's copy may lag.
        """
        value = self._bucket.values.get(f"progress.{id}")
        return (
            Progress(upto=0) if value is None else _progress(value)
        ), self._bucket.revisions.get(f"progress.{id}", 0)

    async def keep(self, id: str, progress: Progress, revision: int) -> int | None:
        """Write an endpoint's progress over a revision of it.

        Returns the new revision, or None if another process was faster. Raises
        `LogUnreachable`.
        """
        try:
            await self._bucket.put(f"progress.{id}", progress, revision)
        except WriteConflict:
            return None
        return self._bucket.revisions[f"progress.{id}"]

    def notice(self, cid: str, side: str) -> tuple[WatchNoticeItem | None, int]:
        """Return the newest notice for a side in a channel, and its revision.

        This process's copy may lag.
        """
        key = f"notice.{cid}.{side}"
        value = self._bucket.values.get(key)
        return None if value is None else _notice(value), self._bucket.revisions.get(key, 0)

    async def notify(self, notice: WatchNoticeItem, revision: int) -> bool:
        """Replace the notice of that revision by another one.

        Returns False if another process was faster. Raises `LogUnreachable`.
        """
        try:
            await self._bucket.put(f"notice.{notice.cid}.{notice.side}", notice, revision)
        except WriteConflict:
            return False
        return True

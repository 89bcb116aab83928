"""Endpoints at which a side is notified, each with its progress.

An endpoint and its progress are two values of one bucket. A notifier reserves the
progress until the time `until`, and writes it over the one that it read. Of two
notifiers one wins, and its writes are the only work that was done. The progress is
bounded. If it is full, the endpoint stays at its position until somebody has looked,
and no notification is lost.
"""

import base64
import hashlib
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal, TypeVar

import msgspec
from msgspec import Struct

from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.key_value import Bucket
from dragoman_schemas.responses import Means, PageLanguage

BUCKET: Final = "DRAGOMAN_COURIER"
BYTES: Final = 262_144
MARK: Final = "mark."
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
    """A URL or an address of a side or an officer, and the records that it receives.

    `secret` signs the notifications. Mails and messages are in `language`. `sealed` has
    the secret, and the target of a message; `target` is then only what is shown. An
    endpoint of the `officer` is for that officer alone. One that is `called` receives
    only what the ladder brings to that officer. A message goes by the operator's `way`.
    With `details` it names the sender, the act and the number.
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
    sealed: str = ""
    officer: str = ""
    called: bool = False
    way: str = ""
    label: str = ""
    details: bool = False


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
    notice that was sent. `held` counts the messages that were held back by a limit, and
    `held_at` is the time of the last one, in Unix seconds.
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
    held: int = 0
    held_at: float = 0.0


class RecordsMark(Struct, frozen=True, kw_only=True):
    """A position of a channel up to which its endpoints have no record to send.

    It replaces a write to the progress of each endpoint that wants none of the records.
    It holds for the endpoints whose newest version has at most this revision, but those
    that are `behind`, by their ids.
    """

    position: int
    revision: int
    behind: tuple[str, ...] = ()


class ReachProof(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The test of an endpoint: asked for, sent, and confirmed by its receiver.

    Times are in Unix seconds. `asked` has the id of the test that is to be sent, until
    it was sent. `code` is the digest of the code that confirms the test. `answer` is
    the answer of a failed try, as `packed`. `proven` is the time of the newest test
    that arrived.
    """

    asked: str = ""
    asked_at: float = 0.0
    asked_by: str = ""
    sent_at: float = 0.0
    code: str = ""
    ok: bool = False
    answer: str = ""
    arrived_at: float = 0.0
    proven: float = 0.0


class Allowance(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The messages to an officer in the last hour, and those that were held back.

    Times are in Unix seconds. `told_at` is the time of the last summary.
    """

    times: tuple[float, ...] = ()
    held: int = 0
    held_at: float = 0.0
    told_at: float = 0.0


class WaySpending(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The cost of a way's messages in a month, and the number that was held back.

    One is of a side in a channel, and another one is of all sides together.
    """

    spent: float = 0.0
    messages: int = 0
    held: int = 0


class ReminderClaim(Struct, frozen=True, kw_only=True):
    """The claim of the notifier that sends a reminder; the time is in Unix seconds."""

    at: float


class _SealingKey(Struct, frozen=True):
    public: str


class _NotifierRun(Struct, frozen=True):
    run: str


_endpoint = msgspec.json.Decoder(NotificationEndpoint).decode
_progress = msgspec.json.Decoder(Progress).decode
_mark = msgspec.json.Decoder(RecordsMark).decode
_notice = msgspec.json.Decoder(WatchNoticeItem).decode
_proof = msgspec.json.Decoder(ReachProof).decode
_allowance = msgspec.json.Decoder(Allowance).decode
_spending = msgspec.json.Decoder(WaySpending).decode
_claim = msgspec.json.Decoder(ReminderClaim).decode
_CLAIM_SECONDS: Final = 3 * 86_400.0
_sealing_key = msgspec.json.Decoder(_SealingKey).decode
_notifier_run = msgspec.json.Decoder(_NotifierRun).decode
_SEALING_KEY: Final = "sealing_key"
_SPENT: Final = "spent"
T = TypeVar("T", Allowance, WaySpending, ReachProof)
V = TypeVar("V")


class NotificationEndpoints:
    """The endpoints of all sides."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket
        self._endpoints: dict[str, NotificationEndpoint] = {}
        self._of_channel: dict[str, dict[str, NotificationEndpoint]] = {}
        self._marks: dict[str, RecordsMark] = {}
        self.changes: dict[str, int] = {}
        """The number of changes to the endpoints of each channel, by cid."""
        self.changed: set[str] = set()
        """Ids of endpoints that have changed, or whose progress or test has.

        A notice changes its `cid side`. The reader of this set empties it.
        """
        bucket.listeners.append(self._take)

    def _take(self, key: str) -> None:
        """Take a change of the bucket over into the index of endpoints."""
        kind, _, name = key.partition(".")
        if key.startswith("endpoint."):
            former = self._endpoints.pop(name, None)
            if former is not None:
                del self._of_channel[former.cid][name]
                self._count_change(former.cid)
            value = self._bucket.values.get(key)
            # A later release may have endpoints of another kind, which it serves itself.
            with suppress(msgspec.ValidationError):
                if value is not None:
                    endpoint = self._endpoints[name] = _endpoint(value)
                    self._of_channel.setdefault(endpoint.cid, {})[name] = endpoint
                    self._count_change(endpoint.cid)
        elif key.startswith(MARK):
            value = self._bucket.values.get(key)
            if value is not None:
                self._marks[name] = _mark(value)
        if kind in ("endpoint", "progress", "proof"):
            self.changed.add(name)
        elif kind == "notice":
            self.changed.add(name.replace(".", " "))

    def _count_change(self, cid: str) -> None:
        self.changes[cid] = self.changes.get(cid, 0) + 1

    async def refresh(self) -> None:
        """Read the changes of other processes. Raises `LogUnreachable`."""
        await self._bucket.refresh()

    def endpoints(self) -> list[NotificationEndpoint]:
        """Return all endpoints, by id. This process's copy may lag."""
        return [self._endpoints[id] for id in sorted(self._endpoints)]

    @property
    def count(self) -> int:
        """The number of endpoints. This process's copy may lag."""
        return len(self._endpoints)

    def of_channel(self, cid: str) -> list[NotificationEndpoint]:
        """Return the endpoints of a channel, by id. This process's copy may lag."""
        endpoints = self._of_channel.get(cid, {})
        return [endpoints[id] for id in sorted(endpoints)]

    def has_endpoints(self, cid: str) -> bool:
        """Return whether a channel has endpoints. This process's copy may lag."""
        return bool(self._of_channel.get(cid))

    def find(self, id: str) -> NotificationEndpoint | None:
        """Return an endpoint by its id. This process's copy may lag."""
        return self._endpoints.get(id)

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
        if f"proof.{id}" in self._bucket.values:
            await self._bucket.put(f"proof.{id}", None)

    async def replace(self, endpoint: NotificationEndpoint) -> bool:
        """Write another value of an endpoint that exists.

        Returns False if another process was faster. Raises `LogUnreachable`.
        """
        key = f"endpoint.{endpoint.id}"
        try:
            await self._bucket.put(key, endpoint, self._bucket.revisions.get(key, 0))
        except WriteConflict:
            return False
        return True

    @property
    def sealing_key(self) -> bytes | None:
        """The public key that seals secrets; None until a notifier has published it."""
        value = self._bucket.values.get(_SEALING_KEY)
        if value is None:
            return None
        return base64.b64decode(_sealing_key(value).public)

    async def publish_sealing_key(self, public: bytes) -> None:
        """Publish the public key if none is there yet. Raises `LogUnreachable`."""
        with suppress(WriteConflict):
            await self._bucket.put(_SEALING_KEY, _SealingKey(base64.b64encode(public).decode()), 0)

    def run_of(self, notifier: str) -> str:
        """Return the newest run of a notifier. This process's copy may lag."""
        value = self._bucket.values.get(f"notifier.{notifier}")
        return "" if value is None else _notifier_run(value).run

    async def write_run(self, notifier: str, run: str) -> None:
        """Write down a run of a notifier as its newest. Raises `LogUnreachable`."""
        await self._bucket.put(f"notifier.{notifier}", _NotifierRun(run))

    def proof(self, id: str) -> ReachProof:
        """Return the test of an endpoint. This process's copy may lag."""
        value = self._bucket.values.get(f"proof.{id}")
        return ReachProof() if value is None else _proof(value)

    async def update_proof(
        self, id: str, change: Callable[[ReachProof], tuple[ReachProof, V]]
    ) -> V:
        """Change the test of an endpoint, and return the result of the change.

        The change may be called again, for a value that another process wrote. Raises
        `LogUnreachable`.
        """
        return await self._update(f"proof.{id}", _proof, ReachProof(), change)

    async def claim_reminder(self, id: str) -> bool:
        """Return whether this process is the first that asks to send a reminder.

        Claims of earlier days are deleted. Raises `LogUnreachable`.
        """
        now, prefix = time.time(), "reminder."
        for key, value in list(self._bucket.values.items()):
            if key.startswith(prefix) and now - _claim(value).at > _CLAIM_SECONDS:
                await self._bucket.put(key, None)
        key = f"{prefix}{id}"
        if key in self._bucket.values:
            return False
        try:
            await self._bucket.put(key, ReminderClaim(at=now), self._bucket.revisions.get(key, 0))
        except WriteConflict:
            return False
        return True

    def allowance(self, cid: str, officer: str) -> Allowance:
        """Return the allowance of an officer in a channel.

        This process's copy may lag.
        """
        value = self._bucket.values.get(_allowance_key(cid, officer))
        return Allowance() if value is None else _allowance(value)

    async def update_allowance(
        self, cid: str, officer: str, change: Callable[[Allowance], tuple[Allowance, V]]
    ) -> V:
        """Change the allowance of an officer in a channel, like `update_proof`."""
        return await self._update(_allowance_key(cid, officer), _allowance, Allowance(), change)

    def spending(self, way: str, month: str, cid: str = "", side: str = "") -> WaySpending:
        """Return the spending of a way in a month by a side in a channel.

        Without a side it is that of all sides. This process's copy may lag.
        """
        value = self._bucket.values.get(_spending_key(way, month, cid, side))
        return WaySpending() if value is None else _spending(value)

    async def update_spending(
        self,
        way: str,
        month: str,
        change: Callable[[WaySpending], tuple[WaySpending, V]],
        *,
        cid: str = "",
        side: str = "",
    ) -> V:
        """Change the spending of a way in a month, like `update_proof`.

        The first spending of a month deletes those of earlier months.
        """
        key = _spending_key(way, month, cid, side)
        if key not in self._bucket.values:
            for former in list(self._bucket.values):
                kind, _, rest = former.partition(".")
                if kind == _SPENT and rest.split(".")[1] < month:
                    await self._bucket.put(former, None)
        return await self._update(key, _spending, WaySpending(), change)

    async def _update(
        self,
        key: str,
        decode: Callable[[bytes], T],
        first: T,
        change: Callable[[T], tuple[T, V]],
    ) -> V:
        while True:
            value = self._bucket.values.get(key)
            before = first if value is None else decode(value)
            after, result = change(before)
            if after == before:
                return result
            try:
                await self._bucket.put(key, after, self._bucket.revisions.get(key, 0))
            except WriteConflict:
                await self._bucket.refresh()
                continue
            return result

    def progress(self, id: str) -> tuple[Progress, int]:
        """Return an endpoint's progress and its revision.

        Its position is that of its channel's mark, if the mark is further on. This
        process's copy may lag.
        """
        value = self._bucket.values.get(f"progress.{id}")
        progress = Progress(upto=0) if value is None else _progress(value)
        endpoint = self._endpoints.get(id)
        mark = None if endpoint is None else self._marks.get(endpoint.cid)
        if (
            mark is not None
            and mark.position > progress.upto
            and id not in mark.behind
            and self._bucket.revisions.get(f"endpoint.{id}", 0) <= mark.revision
        ):
            progress = msgspec.structs.replace(progress, upto=mark.position)
        return progress, self._bucket.revisions.get(f"progress.{id}", 0)

    def mark(self, cid: str) -> RecordsMark:
        """Return the mark of a channel. This process's copy may lag."""
        return self._marks.get(cid, RecordsMark(position=0, revision=0))

    @property
    def revision(self) -> int:
        """The highest revision that this process's copy has of an endpoint."""
        return max(
            (self._bucket.revisions.get(f"endpoint.{id}", 0) for id in self._endpoints), default=0
        )

    async def move_mark(self, cid: str, mark: RecordsMark) -> bool:
        """Write a further mark of a channel.

        Returns False if another process was faster. Raises `LogUnreachable`.
        """
        key = f"{MARK}{cid}"
        try:
            await self._bucket.put(key, mark, self._bucket.revisions.get(key, 0))
        except WriteConflict:
            return False
        return True

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


def _spending_key(way: str, month: str, cid: str, side: str) -> str:
    return f"{_SPENT}.{way}.{month}.{cid}.{side}" if side else f"{_SPENT}.{way}.{month}"


def _allowance_key(cid: str, officer: str) -> str:
    """Return the key of an officer's allowance in a channel.

    Another channel may have an officer of the same name, who is a stranger.
    """
    return f"sent.{hashlib.sha256(f'{cid} {officer}'.encode()).hexdigest()[:32]}"

"""The command handler: it decides posts and appends their records to the log.

    posted before?      the same post gets its first answer again;
                        another post with the same key is refused
    decide              by the rules alone, on the projection as it is now
    append              against the last position of the exchange's subject
    conflict            wait until the projection has the faster record,
                        and begin again, at most three times
    wait                201 only if the fold found the record valid at its own position

Nothing else writes to a log. The steps that need no state of the handler are in modules
of their own: `post_checks`, `post_result` and `channel_genesis`. What a channel's acts
are signed with is behind the port `act_signer`.
"""

import asyncio
import dataclasses
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog
from msgspec.structs import replace

from dragoman.application import post_checks
from dragoman.application.act_signer import SignedSubmission, Signers
from dragoman.application.clock import stamp, utc_now
from dragoman.application.post_result import (
    PostResult,
    result_at,
    unknown_outcome,
    wait_until_folded,
)
from dragoman.domain.decide import Submission, decide
from dragoman.domain.fold import Folded, folded
from dragoman.domain.history_port import DecisionBasis, RecordingHistory
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import NotARecord, Record
from dragoman.domain.record.errors import Refusal, Refused, refuse
from dragoman.eventlog.event_log import (
    AlreadyAppended,
    Appended,
    Conflict,
    EntryToAppend,
    KeyReused,
    LogUnreachable,
    Unavailable,
    Unknown,
    subject_of,
)
from dragoman.limits import APPEND_ATTEMPTS, APPEND_SECONDS
from dragoman.projection.projection import Projection
from dragoman.text import Text
from dragoman_schemas.act_frame import Act
from dragoman_schemas.state import ChannelState

log = structlog.get_logger()


Precondition = Callable[[], Awaitable[None]]
"""A check before a post is decided, such as of a quota. Raises `Refused`."""


class CommandHandler:
    """The only writer of records, for all channels of a gateway.

    Its only state is the queues of posts that wait for their turn.
    """

    def __init__(
        self,
        signers: Signers,
        *,
        now: Callable[[], datetime] = utc_now,
        is_clock_set: Callable[[], bool] = lambda: False,
        read_only_reason: Callable[[], Text | None] = lambda: None,
    ) -> None:
        """Have acts signed as the custody of their channel wants it.

        Nothing is recorded while `read_only_reason` returns a reason. While the clock
        is set to a past event, it is not compared with the broker's.
        """
        self._signers = signers
        self._read_only_reason = read_only_reason
        self._now = now
        self._is_clock_set = is_clock_set
        self._logged_ids: set[tuple[str, str]] = set()
        self._queues: dict[tuple[str, str], deque[asyncio.Future[None]]] = {}

    async def post(
        self,
        projection: Projection,
        submission: Submission,
        trace: tuple[str, str] = ("", ""),
        preconditions: Sequence[Precondition] = (),
    ) -> PostResult:
        """Record a post, once. Raises `Refused`.

        Posts to one exchange take turns. Otherwise they would only conflict, and would
        have to be decided again. Preconditions are checked in order, unless the post
        was recorded before: it then gets its first answer again.
        """
        queue_key = projection.name, submission.exchange or submission.id
        if queue_key in self._queues:
            await self._wait_for_turn(queue_key)
        else:
            self._queues[queue_key] = deque()
        try:
            return await self._post(projection, submission, trace, preconditions)
        finally:
            self._end_turn(queue_key)

    async def post_of_service(
        self,
        projection: Projection,
        actor: str,
        key: str,
        act: bytes,
        *,
        exchange: str = "",
        family: str = "",
        caused_by: str = "",
    ) -> PostResult:
        """Record an act of a service, once. Raises `Refused`.

        Its id follows from the service and the key.
        """
        id = self._own_id(projection, actor, key)
        submission = Submission(
            actor=actor,
            act=act,
            data=records.decode_act(act),
            id=id,
            exchange=exchange,
            family=family,
            caused_by=caused_by,
        )
        return await self.post(projection, submission)

    def _own_id(self, projection: Projection, actor: str, key: str) -> str:
        """Return the id under which a service records something, by its key.

        If the service has recorded it already, this is the id of that record, so that
        posting it again finds it. An id that another actor has taken is logged once.
        Empty if others have taken all nine ids of the key.
        """
        first = ids.from_key(projection.name, actor, key)
        for id in ids.every(projection.name, actor, key):
            position = projection.posted(id)
            if position is None or self._is_own(projection, actor, position):
                return id
            if (projection.name, first) not in self._logged_ids:
                self._logged_ids.add((projection.name, first))
                log.error(
                    "record.id_taken",
                    channel=projection.name,
                    actor=actor,
                    id=id,
                    position=position,
                    do="the service records under the next of its ids; "
                    "see who wrote that position past the gateways, and tell the sides",
                )
        return ""

    def _is_own(self, projection: Projection, actor: str, position: int) -> bool:
        record = projection.record_at(position)
        return (
            record is not None
            and record.envelope.actor == actor
            and projection.refusal_at(position) is None
        )

    def dry_run(self, projection: Projection, submission: Submission) -> Folded:
        """Return the result of a post if it were recorded now; nothing is recorded.

        The author's signature is not required. Raises `Refused` as posting it would.
        """
        self._refuse_if_unavailable(projection)
        state, recording_history = projection.state, RecordingHistory(projection)
        assert state.registry is not None
        state = replace(state, registry=replace(state.registry, required_signatures=()))
        signed = self._signers[projection.registry.custody].sign(projection, submission)
        candidate = self._decide(state, projection, signed, recording_history, self._now())
        return folded(state, projection, candidate)

    async def _wait_for_turn(self, queue_key: tuple[str, str]) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._queues[queue_key].append(turn)
        try:
            async with asyncio.timeout(APPEND_SECONDS):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if not turn.cancelled():
                # The turn came while this post was giving up: the next post gets it.
                self._end_turn(queue_key)
            if isinstance(error, asyncio.CancelledError):
                raise
            raise refuse(
                "unavailable",
                "Nothing was recorded: earlier posts to this exchange are still waiting for the "
                "log. Try again with the same Idempotency-Key.",
            ) from None

    def _end_turn(self, queue_key: tuple[str, str]) -> None:
        """Give the turn to the next post that still waits for it."""
        queue = self._queues[queue_key]
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._queues[queue_key]

    async def _post(
        self,
        projection: Projection,
        submission: Submission,
        trace: tuple[str, str],
        preconditions: Sequence[Precondition],
    ) -> PostResult:
        for attempt in range(1 + APPEND_ATTEMPTS):
            posted_at = projection.posted(submission.id)
            if posted_at is not None:
                earlier = await result_at(projection, posted_at, submission)
                return replace(earlier, replayed=True)
            for precondition in preconditions if attempt == 0 else ():
                await precondition()
            self._refuse_if_unavailable(projection, submission.data)
            if submission.if_match is not None:
                await self._refresh_for_if_match(projection, submission, submission.if_match)
            entry, grounds = self._decided_entry(
                projection, submission, trace, is_first=attempt == 0
            )
            assert projection.event_log is not None  # a copy has a handler of its own
            outcome = await projection.event_log.append([entry])
            match outcome:
                case Appended(position):
                    projection.appended(entry, position, grounds)
                    return await result_at(projection, position)
                case Conflict(position):
                    await wait_until_folded(projection, position, is_other_post=True)
                case AlreadyAppended(position) | KeyReused(position):
                    await wait_until_folded(projection, position)
                case Unavailable(detail):
                    raise refuse(
                        "unavailable",
                        "Nothing was recorded: %(error)s. Try again with the same Idempotency-Key.",
                        error=detail,
                    )
                case Unknown(detail):
                    raise Refused(Refusal(kind="unknown-outcome", detail=unknown_outcome(detail)))
        raise refuse(
            "busy",
            "Other posts to this exchange were faster. Read it, and post again with the same "
            "Idempotency-Key.",
        )

    def _decided_entry(
        self,
        projection: Projection,
        submission: Submission,
        trace: tuple[str, str],
        *,
        is_first: bool,
    ) -> tuple[EntryToAppend, DecisionBasis | None]:
        """Return the record of a post for the log, and the grounds of its legality.

        Raises `Refused`.
        """
        signer = self._signers[projection.registry.custody]
        signed = signer.sign(projection, submission)
        recording_history = RecordingHistory(projection)
        ticked, moment = time.monotonic(), self._now()
        candidate = self._decide(projection.state, projection, signed, recording_history, moment)
        signer.store_keys(projection.name, signed)
        # The subject of a new exchange is empty, unless somebody wrote to it in bad faith.
        # The second attempt therefore asks for its last position.
        is_new = is_first and candidate.envelope.subject == candidate.envelope.id
        entry = EntryToAppend(
            record=candidate,
            expected=0 if is_new else projection.last_on(subject_of(candidate)),
            trace=trace,
            ahead=None if self._is_clock_set() else moment.timestamp() - ticked,
        )
        return entry, recording_history.grounds(projection.registry, candidate)

    @property
    def read_only_reason(self) -> Text | None:
        """The reason why this process records nothing at all; None if it may record."""
        return self._read_only_reason()

    def reaches(self, projection: Projection) -> bool:
        """Return whether what is posted to a channel can get into its log now."""
        del projection
        return True

    def refuse_if_read_only(self) -> None:
        """Raise `Refused` if this process may write nothing."""
        if (reason := self.read_only_reason) is not None:
            raise refuse("read-only", "Nothing was recorded: %(error)s.", error=reason)

    def _refuse_if_unavailable(self, projection: Projection, data: Act | None = None) -> None:
        self.refuse_if_read_only()
        post_checks.refuse_if_unavailable(projection, data)

    async def _refresh_for_if_match(
        self, projection: Projection, submission: Submission, etag: str
    ) -> None:
        """Read the log to its end if the exchange has never had the ETag of If-Match.

        The poster may have read the ETag at another gateway, which is ahead of this
        one. Raises `Refused` if the log cannot be reached.
        """
        exchange = projection.exchange(submission.exchange)
        if exchange is None or etag == exchange.etag or projection.holds(submission.exchange, etag):
            return
        try:
            await projection.bring()
        except LogUnreachable as error:
            raise refuse(
                "unavailable",
                "Nothing was recorded: the exchange cannot be looked up now: %(error)s. Try "
                "again with the same Idempotency-Key.",
                error=error.said,
            ) from None

    async def kept_at(self, projection: Projection, position: int) -> PostResult:
        """Return the answer to the post whose record is at a position, as it was then.

        Raises `Refused` as it was raised then.
        """
        return replace(await result_at(projection, position), replayed=True)

    def _decide(
        self,
        state: ChannelState,
        projection: Projection,
        signed: SignedSubmission,
        recording_history: RecordingHistory,
        moment: datetime,
    ) -> Record:
        """Return the record that a post becomes. Raises `Refused`."""
        submission, signatures = signed.submission, signed.signatures
        decision = decide(
            state,
            recording_history,
            submission,
            time=stamp(moment),
            salt=secrets.token_hex(32),
            signatures=signatures,
        )
        if isinstance(decision, Refusal):
            # The kind "void" means that a record is in the log, and none is.
            raise Refused(
                dataclasses.replace(decision, kind="invalid")
                if decision.kind == "void"
                else decision
            )
        post_checks.refuse_if_too_soon(state, projection, decision)
        post_checks.refuse_if_not_joinable(projection, decision)
        post_checks.refuse_if_extract_differs(projection, decision)
        post_checks.refuse_if_no_time_chosen(projection, decision)
        try:
            if signatures:
                # A signed record is parsed again, as a verifier will parse it.
                decision = records.parse(decision.raw)
            else:
                records.check_built(decision)
        except NotARecord as error:
            raise refuse(
                "invalid",
                "Nothing was recorded, because the record would not be valid: %(error)s. Tell "
                "the operator.",
                error=error.said,
            ) from None
        post_checks.refuse_if_full(projection, decision)
        return decision

"""The command handler of a station: posts to shared channels go to their hosts.

    posted before?    in the copy: the first answer again; in the outbox: as it stands
    decide            by the rules, on the copy; a refusal keeps nothing
    sign              with a kept key, unless the officer has signed
    keep              in the outbox, durably; from here on nothing is lost
    send              and wait a moment: recorded in the copy here, or `KeptForHost`

A channel of this machine alone is written as at a host.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Raw

from dragoman.application.act_signer import Signers
from dragoman.application.command_handler import CommandHandler, Precondition
from dragoman.application.post_result import PostResult, result_at
from dragoman.application.station_port import KeptForHost
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.decide import Submission
from dragoman.domain.history_port import RecordingHistory
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.errors import refuse
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.projection.projection import Projection
from dragoman.station.kept_key_signer import KeptKeySigner
from dragoman.station.submitter import Submitter
from dragoman.stores.outbox import ON_THE_WAY, URGENT, Outbox, OutboxEntry
from dragoman.text import Text
from dragoman_schemas.act_frame import OpeningAct

_WAIT_SECONDS: Final = 3.0
"""The time for which a post waits for its host."""

_URGENT_WAIT_SECONDS: Final = 1.5


class StationCommandHandler(CommandHandler):
    """The handler of posts at a station."""

    def __init__(
        self,
        signers: Signers,
        kept_keys: KeptKeySigner,
        outbox: Outbox,
        *,
        now: Callable[[], datetime],
        is_clock_set: Callable[[], bool],
        read_only_reason: Callable[[], Text | None],
    ) -> None:
        """Write channels of this machine as a host does, and keep others' posts."""
        super().__init__(
            signers, now=now, is_clock_set=is_clock_set, read_only_reason=read_only_reason
        )
        self._kept_keys = kept_keys
        self._outbox = outbox
        self.submitters: dict[str, Submitter] = {}

    def reaches(self, projection: Projection) -> bool:
        """Return whether the line to a channel's host is up, if it has one."""
        submitter = self.submitters.get(projection.name)
        return submitter is None or not submitter.sends_nothing

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
        """Record an act of a service, once; in a shared channel as the station's own.

        The station speaks there as an officer entry with a key. Raises `Refused`, and
        `KeptForHost`.
        """
        if projection.event_log is not None:
            return await super().post_of_service(
                projection,
                actor,
                key,
                act,
                exchange=exchange,
                family=family,
                caused_by=caused_by,
            )
        own_actor = self._kept_keys.actors[projection.name]
        submission = Submission(
            actor=own_actor,
            act=act,
            data=records.decode_act(act),
            id=ids.from_key(projection.name, own_actor, key),
            exchange=exchange,
            family=family,
        )
        return await self.post(projection, submission)

    async def _post(
        self,
        projection: Projection,
        submission: Submission,
        trace: tuple[str, str],
        preconditions: Sequence[Precondition],
    ) -> PostResult:
        if projection.event_log is not None:
            return await super()._post(projection, submission, trace, preconditions)
        posted_at = projection.posted(submission.id)
        if posted_at is not None:
            earlier = await result_at(projection, posted_at, submission)
            return msgspec.structs.replace(earlier, replayed=True)
        entry = self._outbox.find(projection.registry.cid, submission.id)
        if entry is not None:
            _refuse_other_act(entry, submission)
        else:
            for precondition in preconditions:
                await precondition()
            entry = await self._keep(self._entry(projection, submission))
        if entry.state == "unsigned" or self._is_waiting_behind(entry):
            self.submitters[projection.name].wake()
            raise KeptForHost(entry)
        return await self._sent(projection, entry)

    async def _sent(self, projection: Projection, entry: OutboxEntry) -> PostResult:
        """Return the result of an entry, or raise `KeptForHost`."""
        submitter = self.submitters[projection.name]
        if entry.state in ON_THE_WAY and submitter.sends_nothing:
            submitter.wake()
            raise KeptForHost(entry)
        seconds = _URGENT_WAIT_SECONDS if entry.precedence in URGENT else _WAIT_SECONDS
        entry = await submitter.outcome(entry, seconds)
        if entry.state != "recorded":
            raise KeptForHost(entry)
        return await result_at(projection, entry.position)

    def _is_waiting_behind(self, entry: OutboxEntry) -> bool:
        """Return whether an earlier act of the same exchange is still on its way."""
        return any(
            other.queue == entry.queue
            and (not entry.serial or other.serial < entry.serial)
            and other.state in ON_THE_WAY
            for other in self._outbox.entries(entry.cid)
        )

    async def _keep(self, entry: OutboxEntry) -> OutboxEntry:
        try:
            return await self._outbox.put(entry)
        except LogUnreachable as error:
            raise refuse(
                "unavailable",
                "Nothing was kept here, and nothing was sent: %(error)s. If it cannot wait, "
                "telephone.",
                error=error.said,
            ) from None

    def _entry(self, projection: Projection, submission: Submission) -> OutboxEntry:
        """Return the entry of a post, decided on the copy and signed.

        A post that continues what is still on its way cannot be signed yet. Raises
        `Refused`.
        """
        self._refuse_if_unavailable(projection)
        cid, exchange = projection.registry.cid, submission.exchange
        follows = [
            other
            for other in self._outbox.entries(cid)
            if exchange and other.queue == exchange and other.state in ON_THE_WAY
        ]
        precedence = self._precedence(projection, submission)
        entry = OutboxEntry(
            id=submission.id,
            channel=projection.name,
            cid=cid,
            actor=submission.actor,
            act=Raw(submission.act),
            name=str(submission.data.__struct_config__.tag),
            precedence=precedence,
            kept=self.submitters[projection.name].now(),
            exchange=exchange,
            family=submission.family,
            if_match=submission.if_match or "",
            released_by=submission.released_by,
        )
        if follows and not submission.signatures:
            return msgspec.structs.replace(entry, state="unsigned")
        return self._signed(projection, submission, entry)

    def _signed(
        self, projection: Projection, submission: Submission, entry: OutboxEntry
    ) -> OutboxEntry:
        signed = self._kept_keys.sign(projection, submission)
        submitter = self.submitters[projection.name]
        moment = submitter.moment()
        self._decide(projection.state, projection, signed, RecordingHistory(projection), moment)
        # It is written down before it leaves that it may have left.
        leaves = not (submitter.sends_nothing or self._is_waiting_behind(entry))
        return msgspec.structs.replace(
            entry,
            state="unanswered" if leaves else "waiting",
            left=submitter.now() if leaves else "",
            act=Raw(signed.submission.act),
            signatures=signed.signatures,
        )

    def sign_entry(self, projection: Projection, entry: OutboxEntry) -> OutboxEntry:
        """Return an entry that had to wait, signed now. Raises `Refused`."""
        act = bytes(entry.act)
        exchange = projection.exchange(entry.exchange) if entry.exchange else None
        submission = Submission(
            actor=entry.actor,
            act=act,
            data=records.decode_act(act),
            id=entry.id,
            exchange=entry.exchange,
            family=entry.family,
            if_match=entry.if_match or (None if exchange is None else exchange.etag),
            released_by=entry.released_by,
        )
        return self._signed(projection, submission, entry)

    def _precedence(self, projection: Projection, submission: Submission) -> str:
        if submission.exchange:
            exchange = projection.exchange(submission.exchange)
            waiting = self._outbox.find(projection.registry.cid, submission.exchange)
            return (
                exchange.precedence
                if exchange is not None
                else "routine"
                if waiting is None
                else waiting.precedence
            )
        data = submission.data
        if not isinstance(data, OpeningAct):
            return "routine"
        if isinstance(data.precedence, str):
            return data.precedence
        form = FORMATS[str(data.__struct_config__.tag)]
        return form.precedence(data, self.submitters[projection.name].now())


def _refuse_other_act(entry: OutboxEntry, submission: Submission) -> None:
    """Raise `Refused` if an entry was kept for another act."""
    if not entry.is_of(submission.actor, submission.act):
        raise refuse(
            "key-reused",
            "This Idempotency-Key was used before. Use a new key for something new.",
        )

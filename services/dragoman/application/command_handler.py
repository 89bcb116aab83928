"""The desk, the shell around the rules: look up, decide, append, and wait until the fold has passed the record.

    posted before?      the same post gets its first answer again; another one with the same key is refused
    decide              pure, on the projection as it stands
    append              against the last position of the exchange's subject
    conflict            wait until the projection has what was faster, and begin again, at most three times
    wait                201 only if the fold found the record valid at its own position

What makes a post the desk's and nobody else's: nothing else writes to a log.
"""

import asyncio
import base64
import dataclasses
import secrets
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog
from msgspec import UNSET, Struct
from msgspec.structs import replace

from dragoman.domain.acts import short_notice, two_keys
from dragoman.domain.acts.access import ROOT, SERVICE
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import Who
from dragoman.domain.acts.deadlines import calendar_of
from dragoman.domain.acts.erasure import consenting, hash_of
from dragoman.domain.acts.families import channel as channels
from dragoman.domain.acts.families import meeting, release
from dragoman.domain.decide import Post, decide
from dragoman.domain.fold import Folded, folded
from dragoman.domain.history_port import RecordingHistory
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import NotARecord, Record
from dragoman.domain.record.errors import Refusal, Refused, invalid, refuse
from dragoman.eventlog.event_log import (
    AlreadyAppended,
    Appended,
    Conflict,
    EntryToAppend,
    EventLog,
    KeyReused,
    LogUnreachable,
    Unavailable,
    Unknown,
    subject_of,
)
from dragoman.limits import (
    APPEND_ATTEMPTS,
    APPEND_SECONDS,
    EXCHANGE_BYTES,
    EXCHANGE_SPARE_BYTES,
    SIGNATURES,
)
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.stores.keystore import Custody
from dragoman.text import Text, sentence
from dragoman.tlog import dsse
from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts.office.channel import Erasure, Officer
from dragoman_schemas.host_responses import NewChannel
from dragoman_schemas.responses import Recorded
from dragoman_schemas.state import ChannelState, Exchange

log = structlog.get_logger()


class PostResult(Struct, frozen=True, kw_only=True):
    """A post's answer, and whether it had been given before."""

    recorded: Recorded
    replayed: bool


def _unknown(error: object) -> Text:
    return sentence(
        "It may or may not be recorded: %(error)s. Send it again with the same Idempotency-Key; it cannot be recorded twice.",
        error=error,
    )


def utc_now() -> datetime:
    """Return the clock that the desk is given by default."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Return a time as records carry it, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


class CommandHandler:
    """Takes posts in, for all channels of a gateway. Owns no state but the keys that it keeps for trials."""

    def __init__(
        self,
        custody: Custody,
        *,
        now: Callable[[], datetime] = utc_now,
        read_only_reason: Callable[[], Text | None] = lambda: None,
    ) -> None:
        """Sign for trial channels with the keys in custody. Nothing is recorded while `read_only_reason` gives a reason."""
        self._custody = custody
        self._read_only_reason = read_only_reason
        self._now = now
        self._taken: set[tuple[str, str]] = set()
        self._queues: dict[tuple[str, str], deque[asyncio.Future[None]]] = {}

    async def post(
        self, projection: Projection, post: Post, trace: tuple[str, str] = ("", "")
    ) -> PostResult:
        """Record a post, once. Raises `Refused`.

        Posts to one exchange take turns: they would only meet in a conflict, and be
        decided again.
        """
        place = projection.name, post.exchange or post.id
        if place in self._queues:
            await self._turn(place)
        else:
            self._queues[place] = deque()
        try:
            return await self._post(projection, post, trace)
        finally:
            self._pass_on(place)

    def own_id(self, projection: Projection, actor: str, key: str) -> str:
        """Return the id under which a service records something, by its key; empty where all nine are taken by somebody else.

        Where the service has recorded it, the id of that record, so that posting it
        again finds it. What somebody else has taken is logged once.
        """
        first = ids.from_key(projection.name, actor, key)
        for id in ids.every(projection.name, actor, key):
            position = projection.posted(id)
            if position is None or self._is_own(projection, actor, position):
                return id
            if (projection.name, first) not in self._taken:
                self._taken.add((projection.name, first))
                log.error(
                    "record.id_taken",
                    channel=projection.name,
                    actor=actor,
                    id=id,
                    position=position,
                    do="the service records under the next of its ids; see who wrote that position past the gateways, and tell the sides",
                )
        return ""

    def _is_own(self, projection: Projection, actor: str, position: int) -> bool:
        record = projection.record_at(position)
        return (
            record is not None
            and record.envelope.actor == actor
            and projection.refusal_at(position) is None
        )

    def rehearse(self, projection: Projection, post: Post) -> Folded:
        """Return what a post would become if it were recorded now, its author's signature apart: nothing is. Raises `Refused` as posting it would."""
        self._refuse_if_broken(projection)
        state, recording_history = projection.state, RecordingHistory(projection)
        assert state.registry is not None
        state = replace(state, registry=replace(state.registry, required_signatures=()))
        return folded(
            state, projection, self._decide(state, projection, post, recording_history, self._now())
        )

    async def _turn(self, place: tuple[str, str]) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._queues[place].append(turn)
        try:
            async with asyncio.timeout(APPEND_SECONDS):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if not turn.cancelled():
                self._pass_on(place)  # it came while its poster was giving up
            if isinstance(error, asyncio.CancelledError):
                raise
            raise refuse(
                "unavailable",
                "Nothing was recorded: earlier posts to this exchange are still waiting for the log. Try again with the same Idempotency-Key.",
            ) from None

    def _pass_on(self, place: tuple[str, str]) -> None:
        queue = self._queues[place]
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._queues[place]

    async def _post(self, projection: Projection, post: Post, trace: tuple[str, str]) -> PostResult:
        for attempt in range(1 + APPEND_ATTEMPTS):
            earlier = await self._posted_before(projection, post)
            if earlier is not None:
                return earlier
            self._refuse_if_broken(projection)
            if post.if_match is not None:
                await self._know_what_it_rests_on(projection, post, post.if_match)
            recording_history = RecordingHistory(projection)
            ticked, moment = time.monotonic(), self._now()
            candidate = self._decide(projection.state, projection, post, recording_history, moment)
            grounds = recording_history.grounds(projection.registry, candidate)
            new = (
                attempt == 0 and candidate.envelope.subject == candidate.envelope.id
            )  # nothing stands there but by malice
            entry = EntryToAppend(
                record=candidate,
                expected=0 if new else projection.last_on(subject_of(candidate)),
                trace=trace,
                ahead=moment.timestamp() - ticked,
            )
            outcome = await projection.log.append([entry])
            match outcome:
                case Appended(position):
                    projection.appended(entry, position, grounds)
                    return await self._outcome(projection, position)
                case Conflict(position):
                    await self._reached(projection, position, nothing=True)
                case AlreadyAppended(position) | KeyReused(position):
                    await self._reached(projection, position)
                case Unavailable(detail):
                    raise refuse(
                        "unavailable",
                        "Nothing was recorded: %(error)s. Try again with the same Idempotency-Key.",
                        error=detail,
                    )
                case Unknown(detail):
                    raise Refused(Refusal(kind="unknown-outcome", detail=_unknown(detail)))
        raise refuse(
            "busy",
            "Others write to this exchange faster. Read it, and post again with the same Idempotency-Key.",
        )

    @property
    def read_only_reason(self) -> Text | None:
        """The reason why this process records nothing at all; None where it may."""
        return self._read_only_reason()

    def refuse_if_read_only(self) -> None:
        """Raise `Refused` where this process may write nothing."""
        if (reason := self.read_only_reason) is not None:
            raise refuse("read-only", "Nothing was recorded: %(error)s.", error=reason)

    def _refuse_if_broken(self, projection: Projection) -> None:
        self.refuse_if_read_only()
        if projection.broken is not None:
            if projection.is_retried:
                detail = sentence(
                    "%(error)s. Nothing was recorded: try again with the same Idempotency-Key.",
                    error=projection.broken,
                )
            else:
                detail = sentence(
                    "%(error)s. Nothing is recorded until an operator has looked.",
                    error=projection.broken,
                )
            raise Refused(Refusal(kind="read-only", detail=detail))
        if projection.doubt:
            raise refuse(
                "unavailable",
                "Nothing was recorded: %(error)s. Try again with the same Idempotency-Key.",
                error=projection.doubt,
            )
        if projection.crowded:
            raise refuse(
                "unavailable",
                "Nothing was recorded: this gateway cannot write its own copy of the log, and has no room for more. "
                "Try again in a moment with the same Idempotency-Key.",
            )

    async def _know_what_it_rests_on(self, projection: Projection, post: Post, etag: str) -> None:
        """An ETag that is none of the exchange's may be newer than this gateway's fold: it is brought to the log's end first."""
        exchange = projection.exchange(post.exchange)
        if exchange is None or etag == exchange.etag or projection.holds(post.exchange, etag):
            return
        try:
            await projection.bring()
        except LogUnreachable as error:
            raise refuse(
                "unavailable",
                "Nothing was recorded: the exchange cannot be looked up now: %(error)s. Try again with the same Idempotency-Key.",
                error=error.said,
            ) from None

    async def _reached(
        self, projection: Projection, position: int, *, nothing: bool = False
    ) -> None:
        """Wait until a position is folded. Raises `Refused`: nothing was recorded, or it is not known."""
        try:
            await projection.reached(position)
        except NotYetApplied as error:
            if nothing:
                raise refuse(
                    "unavailable",
                    "Nothing was recorded: %(error)s. Send it again with the same Idempotency-Key; it cannot be recorded twice.",
                    error=error.said,
                ) from None
            raise Refused(Refusal(kind="unknown-outcome", detail=_unknown(error.said))) from None

    async def _posted_before(self, projection: Projection, post: Post) -> PostResult | None:
        position = projection.posted(post.id)
        if position is None:
            return None
        return replace(await self._outcome(projection, position, post), replayed=True)

    async def kept_at(self, projection: Projection, position: int) -> PostResult:
        """Return the answer that the post at a position was given. Raises `Refused` as it was then."""
        return replace(await self._outcome(projection, position), replayed=True)

    async def _outcome(
        self, projection: Projection, position: int, post: Post | None = None
    ) -> PostResult:
        await self._reached(projection, position)
        row = projection.row(position)
        record: Record | None
        if row is not None:
            result: Folded = row.folded
            if result.record is None:
                raise Refused(
                    Refusal(
                        kind="void",
                        detail=sentence(
                            "What stands at position %(position)s is no record.", position=position
                        ),
                        position=position,
                    )
                )
            record, number, void = result.record, result.number, result.refusal
        else:
            record, number, void = projection.stored(position)
        if record is None or not record.act:
            raise refuse(
                "erased",
                "What stood at position %(position)s was erased by the consent of every side.",
                position=position,
            )
        if post is not None and not _is_same(record, post):
            raise refuse(
                "key-reused",
                "This Idempotency-Key was used for another post. Take a new key for a new post.",
            )
        if void is not None:
            detail = sentence(
                "The record stands at position %(position)s and has no effect: %(reason)s Take a new Idempotency-Key to try again.",
                position=position,
                reason=void.detail,
            )
            raise Refused(
                Refusal(kind="void", detail=detail, position=position, allowed=void.allowed)
            )
        exchange = projection.exchange(record.envelope.subject)
        alone = exchange is not None and two_keys.sent(exchange, record.envelope.id) is not None
        return PostResult(
            recorded=_recorded(record, number, position, one_key=alone), replayed=False
        )

    def _decide(
        self,
        state: ChannelState,
        projection: Projection,
        post: Post,
        recording_history: RecordingHistory,
        moment: datetime,
    ) -> Record:
        signatures = post.signatures
        if RULES[
            str(post.data.__struct_config__.tag)
        ].who is Who.KEEPERS and not post.actor.startswith("service/"):
            post, signatures = (
                self._signed(projection, post)
                if not signatures
                else (post, self._completed(projection, post))
            )
        decided = decide(
            state,
            recording_history,
            post,
            time=stamp(moment),
            salt=secrets.token_hex(32),
            signatures=signatures,
        )
        if isinstance(
            decided, Refusal
        ):  # "void" would say that the record is in the log, and nothing is
            raise Refused(
                dataclasses.replace(decided, kind="invalid") if decided.kind == "void" else decided
            )
        self._refuse_if_too_soon(state, projection, decided)
        _refuse_if_untrue(projection, decided)
        _refuse_if_unchosen(projection, decided)
        try:
            if signatures:
                decided = records.parse(
                    decided.raw
                )  # what is signed is read again as a verifier will
            else:
                records.check_built(decided)
        except NotARecord as error:
            raise refuse(
                "invalid",
                "What would be recorded is no record: %(error)s. Nothing was recorded; tell the operator.",
                error=error.said,
            ) from None
        _refuse_if_full(projection, decided)
        return decided

    def _refuse_if_too_soon(
        self, state: ChannelState, projection: Projection, record: Record
    ) -> None:
        """Raise `Refused` where an officer's act names dates that nobody can keep."""
        if record.envelope.actor.startswith("service/") or not short_notice.names_dates(record):
            return
        after = folded(state, projection, record).state
        if isinstance(after, Exchange):
            calendars = {
                side: calendar_of(projection.office(side)) for side in (after.side, *after.to)
            }
            refusal = short_notice.check(projection.registry, after, record, calendars)
            if refusal is not None:
                raise Refused(refusal)

    # Trials, whose keys the host keeps

    def _signed(self, projection: Projection, post: Post) -> tuple[Post, str]:
        """Return the act with `signed`, and the signatures, made for the actor by the keys in custody."""
        registry = projection.registry
        if registry.custody != "host" or not self._custody.holds(registry.name, post.actor):
            raise refuse(
                "not-permitted",
                "This act must be signed, and no key of %(actor)s is kept here. An administrator entered with that role can.",
                actor=post.actor,
            )
        act, owners = post.act, [post.actor]
        side = post.actor.partition("/")[0]
        owners += self._consented(projection, post)
        if (
            isinstance(post.data, Officer)
            and "administrator" in post.data.roles
            and post.data.keys is UNSET
        ):
            owner = f"{side}/{post.data.officer}"
            if not any(key.owner == owner and key.until is None for key in registry.keys.values()):
                added = base64.b64encode(self._custody.make(registry.name, owner)).decode()
                act = act[:-1] + b',"keys":["%s"]}' % added.encode()
                owners.append(owner)
        size = projection.state.position
        signed = {
            "channel": registry.cid,
            "type": records.type_of(str(post.data.__struct_config__.tag), 1),
            "exchange": registry.id,
            "id": post.id,
            "author": post.actor,
            "after": registry.etag,
            "seen": {"size": size, "root": dsse.encode_base64(projection.root(size))},
        }
        act = act[:-1] + b',"signed":' + msgspec.json.encode(signed) + b"}"
        return replace(post, act=act, data=records.decode_act(act)), self._custody.sign(
            registry.name, owners, act
        )

    def _completed(self, projection: Projection, post: Post) -> str:
        """Return the signatures that came with a post and, in a trial, the one of its actor by the key in custody."""
        registry, actor = projection.registry, post.actor
        signatures = dsse.read_signatures(post.signatures, SIGNATURES) or {}
        signed = any(
            keyid in signatures
            for keyid, key in registry.keys.items()
            if key.owner == actor and key.until is None
        )
        owners = [
            *([] if signed or not self._custody.holds(registry.name, actor) else [actor]),
            *self._consented(projection, post),
        ]
        if registry.custody != "host" or not owners:
            return post.signatures
        own = (
            dsse.read_signatures(self._custody.sign(registry.name, owners, post.act), SIGNATURES)
            or {}
        )
        return dsse.write_signatures(signatures | own)

    def _consented(self, projection: Projection, post: Post) -> list[str]:
        """Return in whose name the host signs an erasure in a trial: the roots of the other sides that have consented to just that, as far as it keeps them."""
        if not isinstance(post.data, Erasure) or projection.registry.custody != "host":
            return []
        sides = consenting(projection.registry, hash_of(post.data)).keys() - {
            post.actor.partition("/")[0]
        }
        roots = [f"{side}/{ROOT}" for side in sorted(sides)]
        return [root for root in roots if self._custody.holds(projection.name, root)]

    def genesis(
        self, new: NewChannel, *, exercise_of: tuple[str, str] | None, log_key: bytes, origin: str
    ) -> Record:
        """Return the signed genesis of a trial channel. Makes the root keys of all sides, which stay here."""
        roots = {side: self._custody.make(new.name, f"{side}/root") for side in new.sides}
        act: dict[str, object] = {
            "act": "channel-opening",
            "type": "dragoman.channel-opening.v1",
            "name": new.name,
            "kind": new.kind,
            "sides": [
                {"name": side, "roots": [dsse.encode_base64(root)], "threshold": 1}
                for side, root in roots.items()
            ],
            "log_key": dsse.encode_base64(log_key),
            "origin": origin,
            "languages": list(new.languages),
        }
        if new.marking is not UNSET:
            act["marking"] = new.marking
        if exercise_of is not None:
            act["exercise_of"] = {"name": exercise_of[0], "cid": exercise_of[1]}
        act |= {"rules": 1, "custody": "host", "nonce": secrets.token_hex(32)}
        raw, data = records.read_act(msgspec.json.encode(act), cut=False)
        return self.opening(
            new.name,
            raw,
            data,
            self._custody.sign(new.name, [f"{side}/root" for side in new.sides], raw),
        )

    def opening(self, name: str, raw: bytes, data: Act, signatures: str) -> Record:
        """Return the genesis that an opening becomes which the root keys of all sides signed. Raises `Refused`."""
        moment = self._now()
        id = ids.v7(int(moment.timestamp() * 1000), secrets.token_bytes(10))
        envelope = records.envelope(
            id=id,
            source="/services/desk",
            name="channel-opening",
            version=1,
            subject=id,
            time=stamp(moment),
            channel=name,
            family="channel",
            actor="service/desk",
            decided=0,
            salt=secrets.token_hex(32),
            signatures=signatures,
        )
        record = records.of(envelope, raw, data)
        refusal = channels.check_genesis(record)
        if refusal is not None:
            raise Refused(refusal)
        return record

    async def open(self, event_log: EventLog, genesis: Record) -> None:
        """Append a genesis to an empty log. Raises `Refused`."""
        self.refuse_if_read_only()
        outcome = await event_log.append([EntryToAppend(record=genesis, expected=0, first=True)])
        match outcome:
            case Appended(1):
                log.info(
                    "channel.opened", channel=event_log.channel, cid=channels.cid_of(genesis.act)
                )
            case Unavailable(detail) | Unknown(detail):
                raise refuse(
                    "unavailable", "The channel is not opened: %(error)s. Try again.", error=detail
                )
            case _:
                raise refuse(
                    "exists",
                    "There is a channel %(channel)s already; choose another name.",
                    channel=event_log.channel,
                )


SETTLING: Final = frozenset(
    {"acknowledgement", "correction", "cancellation", "closure", "second-key"}
)
"""Acts for which every exchange has room left."""


def _refuse_if_untrue(projection: Projection, record: Record) -> None:
    """Raise `Refused` where a release names an extract that is not what is left of its record: nothing of it would ever be published.

    The log's readers cannot refuse it: what was erased since is not there for all of
    them.
    """
    exchange = projection.exchange(record.envelope.subject)
    if record.name != "release" and (exchange is None or exchange.act != "release"):
        return
    items, pointer = release.named(record.data)
    for index, item in enumerate(items):
        if item.extract is UNSET:
            continue
        position = projection.posted(item.record)
        named = None if position is None else projection.record_at(position)
        if named is None or not named.act:
            raise Refused(
                invalid(
                    f"{pointer}/{index}/record",
                    sentence(
                        "this record was erased by every side; nothing of it can be published"
                    ),
                )
            )
        if not release.fits(item, named):
            detail = sentence(
                "this is not the digest of what is left of the record; take it over the act's bytes without those members"
            )
            raise Refused(invalid(f"{pointer}/{index}/extract", detail))


def _refuse_if_unchosen(projection: Projection, record: Record) -> None:
    """Raise `Refused` where an officer accepts a meeting without saying which of several times."""
    exchange = projection.exchange(record.envelope.subject) if record.name == "acceptance" else None
    refusal = None if exchange is None else meeting.check_choice(exchange, record)
    if refusal is not None:
        raise Refused(refusal)


def _refuse_if_full(projection: Projection, record: Record) -> None:
    """Raise `Refused` where an exchange has taken all that it takes from a side. The rules do not know of it: older logs stay valid."""
    envelope = record.envelope
    if record.side == SERVICE or envelope.family == "channel":
        return
    most = EXCHANGE_BYTES - (0 if record.name in SETTLING else EXCHANGE_SPARE_BYTES)
    if (
        envelope.subject == envelope.id
        or projection.said_by(envelope.subject, record.side) + len(record.raw) <= most
    ):
        return
    raise refuse(
        "no-room",
        "Nothing was recorded: %(side)s has used its room in this exchange, %(n)s KiB. "
        "Open a new exchange and name this one among its references.",
        side=record.side,
        n=EXCHANGE_BYTES // 1024,
    )


def _is_same(record: Record, post: Post) -> bool:
    """Return whether a record is what the post became: the same act, or the act as the desk completed and signed it for a trial."""
    name = str(post.data.__struct_config__.tag)
    e = record.envelope
    subject = (
        e.id if name in FORMATS else e.subject if RULES[name].family == "channel" else post.exchange
    )
    if (e.actor, record.name, e.subject) != (post.actor, name, subject):
        return False
    if record.act == post.act:
        return True
    completed = RULES[name].who is Who.KEEPERS and post.data.signed is UNSET
    return completed and record.act.startswith(
        (post.act[:-1] + b',"signed":', post.act[:-1] + b',"keys":')
    )


def _recorded(record: Record, number: str, position: int, *, one_key: bool) -> Recorded:
    e = record.envelope
    return Recorded(
        channel=e.channel,
        position=position,
        id=e.id,
        exchange=e.subject,
        act=record.name,
        family=e.family,
        number=number,
        time=e.time,
        commit=record.commit,
        etag=f'"{record.commit}"',
        one_key=one_key,
    )

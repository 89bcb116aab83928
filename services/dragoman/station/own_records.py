"""The own side's records at a station: who sent them, and who has received them.

    own voice      a record in this side's name that this station did not send: somebody
                   else has a key, or the host writes in the side's name
    not received   an urgent message of this side that the witness of an addressee has
                   not cosigned within ten seconds: telephone

Both stay until somebody has looked, or the message is received or acknowledged.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from dragoman import metrics
from dragoman.application.station_port import UnreceivedMessage
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.access import stations_of
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.act_rules import Who
from dragoman.eventlog import durable
from dragoman.projection.projection import Projection
from dragoman.projection.stored_row import StoredRow
from dragoman.stores.outbox import URGENT
from dragoman_schemas.responses import Covered
from dragoman_schemas.state import Exchange

log = structlog.get_logger()

RECEIVED_SECONDS: Final = 10.0
"""Seconds after which an urgent message that nobody has received is said to be so."""

_LOOK_SECONDS: Final = 1.0
_MOST_VOICES: Final = 99
"""Records of an own voice that are remembered beside the newest one."""


class _Urgent(Struct, frozen=True, kw_only=True):
    """An urgent message of this side, until its addressees have it."""

    exchange: str
    message: str
    number: str
    position: int
    to: tuple[str, ...]
    since: float


class OwnRecords:
    """The watch over one channel's records in the name of a side."""

    def __init__(
        self,
        projection: Projection,
        actor: str,
        file: Path,
        *,
        was_sent: Callable[[str], bool],
        is_history: Callable[[], bool],
        coverage: Callable[[Projection], Awaitable[Covered]],
    ) -> None:
        """Watch for the station `actor`, whose findings are kept in a file.

        `was_sent` says whether this station sent an act with an id. `is_history` says
        whether a new copy is still being filled with what was recorded before it.
        """
        self._projection, self._actor, self._file = projection, actor, file
        self._was_sent, self._is_history, self._coverage = was_sent, is_history, coverage
        self._is_written = True
        self._urgent: dict[str, _Urgent] = {}
        self.unreceived: tuple[UnreceivedMessage, ...] = ()
        self.voices: list[int] = (
            msgspec.json.decode(file.read_bytes(), type=list[int]) if file.exists() else []
        )

    @property
    def _side(self) -> str:
        return self._actor.partition("/")[0]

    def folded(self, row: StoredRow) -> None:
        """Look at a record that was folded."""
        folded, record = row.folded, row.folded.record
        if record is None or not folded.valid or record.side != self._side:
            return
        station = self._projection.registry.officers.get(self._actor)
        if station is None or station.until is not None or folded.position <= station.since:
            return  # the station does not speak for its side yet
        if self._is_history():
            return
        is_of_keepers = RULES[record.name].who is Who.KEEPERS  # their own keys signed it
        if not is_of_keepers and not self._was_sent(record.envelope.id):
            self._note_voice(folded.position, record.envelope.actor)
        state = folded.state
        if isinstance(state, Exchange):
            self._note_urgent(state, folded.position)

    def _note_voice(self, position: int, actor: str) -> None:
        if len(stations_of(self._projection.registry, self._side)) > 1:
            return  # another station of the side may have sent it
        self.voices = [*self.voices[-_MOST_VOICES:], position]
        self._is_written = False
        metrics.STATION_OWN_VOICE.inc()
        log.critical(
            "station.own_voice",
            channel=self._projection.name,
            position=position,
            actor=actor,
            do="ask that officer whether they sent it elsewhere; if not, revoke the key, and tell "
            "the other sides",
        )

    def heard(self, position: int) -> None:
        """Note that somebody has looked at a record that this station did not send."""
        self.voices = [voice for voice in self.voices if voice != position]
        durable.write(self._file, msgspec.json.encode(self.voices))

    def _note_urgent(self, state: Exchange, position: int) -> None:
        for message in state.messages:
            precedence = message.precedence or state.precedence
            is_own = (
                message.said.by.partition("/")[0] == self._side
                and message.said.position == position
            )
            if is_own and precedence in URGENT:
                self._urgent[message.id] = _Urgent(
                    exchange=state.id,
                    message=message.id,
                    number=state.number,
                    position=position,
                    to=message.to,
                    since=time.monotonic(),
                )
            elif message.id in self._urgent:
                waiting = tuple(side for side in message.to if side not in message.acknowledged)
                if not waiting:
                    del self._urgent[message.id]

    async def run(self) -> None:
        """Look every second who has received what, for ever."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if not self._is_written:
                self._is_written = True
                durable.write(self._file, msgspec.json.encode(self.voices))
            if not self._urgent or log_policy.in_force(self._projection.registry) is None:
                self.unreceived = ()
                continue
            covered = await self._coverage(self._projection)
            now = time.monotonic()
            late: list[UnreceivedMessage] = []
            for urgent in list(self._urgent.values()):
                sides = tuple(
                    side for side in urgent.to if covered.sides.get(side, 0) < urgent.position
                )
                if not sides:
                    del self._urgent[urgent.message]
                elif now - urgent.since >= RECEIVED_SECONDS:
                    late.append(
                        UnreceivedMessage(
                            exchange=urgent.exchange,
                            number=urgent.number,
                            sides=sides,
                            seconds=int(now - urgent.since),
                        )
                    )
            self.unreceived = tuple(late)

"""What an auditor asks of a log that was replayed: what was owed and not done, and which exceptions were made, on every side alike.

    owed          every limit that passed before what was owed had come, or that is open at the log's own time
    exceptions    one_key     sent by one officer where two are asked for; whether the second followed
                  by_voice    said otherwise before it was written down, by its sender's word
                  acting      done by a deputy for an office holder
                  later       entered for the record
                  late        a report, a change or a notice that came later than it is owed
                  corrected   an opening that was corrected, or cancelled
                  void        a record without effect, and why

Nothing of it is taken from a gateway: all follows from the records.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from msgspec import UNSET, Struct

from dragoman.audit.replay import Replay
from dragoman.domain import clocks
from dragoman.domain.flags import flags
from dragoman.domain.record import NotARecord, Record, parse
from dragoman_schemas.frame import Continuing, Opening
from dragoman_schemas.state import Exchange, Registry

_LATE = ("late_report", "late_question", "short_notice")


class Owed(Struct, frozen=True, kw_only=True):
    """A limit: who owed what under which matter until when; when it came, if it did, and whether it bound."""

    side: str
    clock: str
    number: str
    exchange: str
    due: str
    came: str = ""
    courtesy: bool = False
    open: bool = False


class Exceptional(Struct, frozen=True, kw_only=True):
    """One exception: of which kind, by which side, at which position, under which matter, and what it was."""

    kind: str
    position: int
    side: str
    number: str = ""
    detail: str


def owed(replay: Replay) -> list[Owed]:
    """Every limit that passed, and every one that is open, as of the log's own time; the first limit first."""
    state = replay.standing.state
    if state.registry is None or not state.time:
        return []
    now = datetime.fromisoformat(state.time).astimezone(UTC)
    found = [each for exchange in replay.exchanges() for each in _owed(replay, state.registry, exchange, now)]
    return sorted(found, key=lambda each: (each.due, each.number, each.side, each.clock))


def _owed(replay: Replay, registry: Registry, exchange: Exchange, now: datetime) -> Iterator[Owed]:
    calendars = {side: clocks.calendar_of(replay.office(side)) for side in (exchange.side, *exchange.to)}
    for clock in clocks.running(registry, exchange, calendars):
        if clock.open or clock.late(now):
            yield Owed(
                side=clock.side,
                clock=clock.clock,
                number=exchange.number,
                exchange=exchange.id,
                due=clocks.written(clock.due),
                came="" if clock.met is None else clock.met.when,
                courtesy=not clock.binding,
                open=clock.open,
            )


def exceptions(replay: Replay, messages: Iterable[bytes]) -> list[Exceptional]:
    """Every exception of a log, in the order of its positions."""
    found = [Exceptional(kind="void", position=void.position, side="", detail=void.reason) for void in replay.void]
    for position, raw in enumerate(messages, 1):
        try:
            found += _said_so(position, parse(raw))
        except NotARecord:
            continue
    registry = replay.standing.state.registry
    if registry is not None:
        areas = [exchange for exchange in replay.exchanges() if exchange.act == "danger-area" and exchange.status == "announced"]
        for exchange in replay.exchanges():
            found += _of(registry, exchange, areas)
    return sorted(found, key=lambda each: (each.position, each.kind))


def _said_so(position: int, record: Record) -> Iterator[Exceptional]:
    """What a record says of itself."""
    data = record.data
    if not isinstance(data, Opening | Continuing):
        return
    if data.acting_for is not UNSET:
        yield Exceptional(kind="acting", position=position, side=record.side, detail=f"{record.name} for {data.acting_for}")
    if not isinstance(data.passed_by, type(UNSET)):
        said = f"{record.name}, said by {data.passed_by.means} to {data.passed_by.to_post} at {data.passed_by.at}"
        yield Exceptional(kind="by_voice", position=position, side=record.side, detail=said)
    if data.for_the_record is True:
        yield Exceptional(kind="later", position=position, side=record.side, detail=f"{record.name}, entered for the record")


def _of(registry: Registry, exchange: Exchange, areas: list[Exchange]) -> Iterator[Exceptional]:
    position, side, number = exchange.opened.position, exchange.side, exchange.number
    if exchange.one_key:
        second = exchange.second_key
        followed = "the second key is still due" if second is None else f"{second.by} turned the second key at {second.time}"
        yield Exceptional(kind="one_key", position=position, side=side, number=number, detail=f"{exchange.opened.by} alone; {followed}")
    for correction in exchange.corrections:
        names = ", ".join(correction.fields)
        at = correction.corrected.position
        yield Exceptional(kind="corrected", position=at, side=side, number=number, detail=f"{names}: {correction.reason}")
    if exchange.cancellation is not None:
        cancelled = exchange.cancellation
        yield Exceptional(
            kind="corrected", position=cancelled.cancelled.position, side=side, number=number, detail=f"cancelled: {cancelled.reason}"
        )
    for flag in flags(registry, exchange, areas):
        if flag.flag in _LATE:
            yield Exceptional(
                kind="late", position=position, side=side, number=number, detail=f"{flag.flag.replace('_', ' ')}: {flag.detail}"
            )

"""The exceptions that a log shows, on every side alike: what an auditor asks for first.

one_key     sent by one officer where two are asked for; whether the second followed
by_voice    said otherwise before it was written down, by its sender's word
acting      done by a deputy for an office holder
later       entered for the record
late        a report, a change or a notice that came later than it is owed
corrected   an opening that was corrected, or cancelled
erased      exchanges that every side took out of the record
void        a record without effect, and why
"""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET, UnsetType

from dragoman.domain.erasure import exchanges_of
from dragoman.domain.flags import flags
from dragoman.domain.record import Record
from dragoman_schemas.acts.channel import Erasure
from dragoman_schemas.frame import Continuing, Opening
from dragoman_schemas.reports import Exceptional
from dragoman_schemas.state import Exchange, Registry

_LATE: Final = ("late_report", "late_question", "short_notice")
MEMBERS: Final = ("acting_for", "passed_by", "for_the_record")
"""Where a record says of itself that it is an exception."""


def of_record(position: int, record: Record, number: str) -> Iterator[Exceptional]:
    """What a valid record says of itself; `number` is that of its exchange."""
    data, side = record.data, record.side
    if isinstance(data, Erasure):
        said = f"{len(data.records)} records of {len(exchanges_of(data))} exchanges, by the consent of every side"
        yield Exceptional(kind="erased", position=position, side=side, detail=said)
    if not isinstance(data, Opening | Continuing):
        return
    if data.acting_for is not UNSET:
        yield Exceptional(kind="acting", position=position, side=side, number=number, detail=f"{record.name} for {data.acting_for}")
    if not isinstance(data.passed_by, UnsetType):
        said = f"{record.name}, said by {data.passed_by.means} to {data.passed_by.to_post} at {data.passed_by.at}"
        yield Exceptional(kind="by_voice", position=position, side=side, number=number, detail=said)
    if data.for_the_record is True:
        yield Exceptional(kind="later", position=position, side=side, number=number, detail=f"{record.name}, entered for the record")


def of_void(position: int, reason: str) -> Exceptional:
    """A record without effect."""
    return Exceptional(kind="void", position=position, side="", detail=reason)


def of_exchange(registry: Registry, exchange: Exchange, areas: list[Exchange]) -> Iterator[Exceptional]:
    """What an exchange shows as it stands; `areas` are the danger areas that are announced."""
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
            detail = f"{flag.flag.replace('_', ' ')}: {flag.detail}"
            yield Exceptional(kind="late", position=position, side=side, number=number, detail=detail)

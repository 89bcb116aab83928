"""Checks that a gateway makes before it appends a record.

`domain.decide` judges a post by the rules, and the fold judges the record in the same
way afterwards. The checks of this module are the gateway's alone: the fold does not
repeat them, so older logs stay valid. Each function raises `Refused`, or returns
nothing.
"""

from dataclasses import replace
from typing import Final

from msgspec import UNSET

from dragoman.domain.acts import earliest_date, short_notice
from dragoman.domain.acts.access import SERVICE
from dragoman.domain.acts.deadline_builder import timestamp
from dragoman.domain.acts.duty_calendar import calendar_of
from dragoman.domain.acts.families import joining, meeting, release
from dragoman.domain.fold import folded
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, Refused, invalid, refuse
from dragoman.limits import EXCHANGE_BYTES, EXCHANGE_LAST_BYTES, EXCHANGE_SPARE_BYTES
from dragoman.projection.projection import Projection
from dragoman.text import sentence
from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts.notification.joinder import Joinder, JoinderAgreement
from dragoman_schemas.acts.office.channel import LogHandover
from dragoman_schemas.state import ChannelState, Exchange

SETTLING_ACTS: Final = frozenset(
    {"acknowledgement", "correction", "cancellation", "closure", "second-key"}
)
"""Acts that may use the spare bytes of an exchange, so that it can be settled."""


def refuse_if_unavailable(projection: Projection, data: Act | None = None) -> None:
    """Raise `Refused` if this gateway's copy of the channel cannot take a record now.

    The channel may be broken, or its state in doubt. Or the gateway cannot write its
    copy of the log, and has no room for more. Where nobody has the log's key, `data`
    may still be a handover to a key that is here.
    """
    if projection.broken is not None:
        if projection.is_retried:
            detail = sentence(
                "Nothing was recorded: %(error)s. Try again with the same Idempotency-Key.",
                error=projection.broken,
            )
        elif projection.newer is not None:
            detail = sentence("Nothing was recorded: %(error)s.", error=projection.broken)
        else:
            detail = sentence(
                "%(error)s. Nothing is recorded until an operator has checked this.",
                error=projection.broken,
            )
        raise Refused(Refusal(kind="read-only", detail=detail))
    if projection.doubt:
        raise refuse(
            "unavailable",
            "Nothing was recorded: %(error)s. Try again with the same Idempotency-Key.",
            error=projection.doubt,
        )
    is_heir = isinstance(data, LogHandover) and data.key in projection.heirs
    if projection.unsigned is not None and not is_heir:
        detail = sentence("Nothing was recorded: %(error)s.", error=projection.unsigned)
        raise Refused(Refusal(kind="read-only", detail=detail))
    if projection.crowded:
        raise refuse(
            "unavailable",
            "Nothing was recorded: this gateway cannot write its own copy of the log, and has no "
            "room for more. Try again in a moment with the same Idempotency-Key.",
        )


def refuse_if_too_soon(state: ChannelState, projection: Projection, record: Record) -> None:
    """Raise `Refused` if an officer's act names dates that nobody can meet.

    The refusal names the earliest dates that pass, if there are any.
    """
    if record.envelope.actor.startswith("service/") or not short_notice.names_dates(record):
        return
    refusal = _short_notice(state, projection, record)
    if refusal is None:
        return
    earliest = earliest_date.earliest(
        record,
        projection.registry.rules,
        lambda moved: _short_notice(state, projection, moved) is not None,
    )
    if earliest is not None:
        faults = (replace(fault, earliest=timestamp(earliest)) for fault in refusal.faults)
        refusal = replace(refusal, faults=tuple(faults))
    raise Refused(refusal)


def _short_notice(state: ChannelState, projection: Projection, record: Record) -> Refusal | None:
    """Return the refusal of dates that are over or too soon.

    The act is applied to `state` first, because the check needs the exchange with it.
    """
    result = folded(state, projection, record)
    if result.refusal is not None or not isinstance(result.state, Exchange):
        return result.refusal
    after = result.state
    calendars = {side: calendar_of(projection.office(side)) for side in (after.side, *after.to)}
    return short_notice.check(projection.registry, after, record, calendars)


def refuse_if_not_joinable(projection: Projection, record: Record) -> None:
    """Raise `Refused` if a joinder names what cannot be one matter with its report.

    The fold cannot refuse it: the other report may be erased alone.
    """
    if not isinstance(record.data, Joinder | JoinderAgreement):
        return  # the file is not asked for the exchange of every other act
    exchange = projection.exchange(record.envelope.subject)
    if exchange is not None:
        side = record.side
        refusal = joining.check_earlier(projection.exchange, exchange, side, record.data)
        if refusal is not None:
            raise Refused(refusal)


def refuse_if_extract_differs(projection: Projection, record: Record) -> None:
    """Raise `Refused` if a release names an extract that does not match its record.

    Such a release could never be published. The fold cannot refuse it: not every reader
    of the log still has the content that was erased since.
    """
    if record.name != "release":
        if record.envelope.subject == record.envelope.id:
            return  # it opens an exchange: the file is not asked for what cannot be there
        exchange = projection.exchange(record.envelope.subject)
        if exchange is None or exchange.act != "release":
            return
    items, pointer = release.released_records(record.data)
    for index, item in enumerate(items):
        if item.extract is UNSET:
            continue
        position = projection.posted(item.record)
        released_record = None if position is None else projection.record_at(position)
        if released_record is None or not released_record.act:
            raise Refused(
                invalid(
                    f"{pointer}/{index}/record",
                    sentence(
                        "this record was erased by every side; nothing of it can be published"
                    ),
                )
            )
        if not release.fits(item, released_record):
            detail = sentence(
                "this digest does not match what is left of the record; compute it over the "
                "act's bytes without those members"
            )
            raise Refused(invalid(f"{pointer}/{index}/extract", detail))


def refuse_if_no_time_chosen(projection: Projection, record: Record) -> None:
    """Raise `Refused` if an officer accepts a meeting without choosing a time.

    The choice is needed if the meeting was proposed with several times.
    """
    exchange = projection.exchange(record.envelope.subject) if record.name == "acceptance" else None
    refusal = None if exchange is None else meeting.check_choice(exchange, record)
    if refusal is not None:
        raise Refused(refusal)


def refuse_if_full(projection: Projection, record: Record) -> None:
    """Raise `Refused` if a side has used all the bytes that it has in an exchange.

    The side's limit is `EXCHANGE_BYTES`; only acts in `SETTLING_ACTS` may use the last
    `EXCHANGE_SPARE_BYTES` of it. Its last bytes are for short acts that settle
    something, so that a long correction leaves room for an acknowledgement. Openings,
    acts of the channel and services have no limit.
    """
    envelope = record.envelope
    if record.side == SERVICE or envelope.family == "channel":
        return
    limit = EXCHANGE_BYTES
    if record.name not in SETTLING_ACTS:
        limit -= EXCHANGE_SPARE_BYTES
    elif record.name == "correction" or len(record.raw) > EXCHANGE_LAST_BYTES // 2:
        limit -= EXCHANGE_LAST_BYTES
    if (
        envelope.subject == envelope.id
        or projection.said_by(envelope.subject, record.side) + len(record.raw) <= limit
    ):
        return
    raise refuse(
        "no-room",
        "Nothing was recorded: %(side)s has used its room in this exchange, %(n)s KiB. "
        "Open a new exchange and name this one among its references.",
        side=record.side,
        n=EXCHANGE_BYTES // 1024,
    )

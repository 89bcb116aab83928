"""One exchange with its timeline."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

import msgspec
from msgspec import Raw, Struct

from dragoman.domain.acts import consent, deadlines, si_units
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.families.notification import coded_text
from dragoman.domain.views import open_questions
from dragoman.domain.views.answers import answers
from dragoman.domain.views.flags import AREAS, flags
from dragoman.domain.views.offers import OfferReader, offered
from dragoman.domain.views.phase import phase_of
from dragoman.domain.views.receipts import AddresseeReceipts, NewestFact, by_side, receipts_of
from dragoman.domain.views.stated import differences, stated_values
from dragoman.domain.views.titles import subject_of
from dragoman.limits import TIMELINE_BYTES, TIMELINE_PAGE
from dragoman.projection.queries.dialogue import joined_reports, linked, live_reports_before
from dragoman.projection.queries.duty_watch import clock_view, next_calls
from dragoman.projection.queries.record_entries import entry_of
from dragoman.projection.queries.records import (
    ENTRY,
    ErasedExchange,
    NoSuchExchange,
    entry_of_columns,
)
from dragoman.projection.row_keys import channel_number, position_of, row_key
from dragoman.projection.stored_row import StoredRow as Stored
from dragoman.projection.stored_state import States
from dragoman.projection.view import View
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.responses import (
    Entry,
    ExchangeView,
    Fact,
    FlagView,
    PassedOnTo,
    ReceiptTime,
    Si,
    SideReceipt,
    Terms,
    Unanswered,
)
from dragoman_schemas.state import Exchange, Message, Stamp, decode_exchange


def _reader(view: View, actor: str) -> OfferReader:
    """Return the reader to whom acts are offered, by the actor's name or the side's."""

    def earlier(report: Exchange) -> Iterator[Exchange]:
        for id in live_reports_before(view, report):
            yield view.known(id)

    return OfferReader(side=actor.partition("/")[0], actor=actor, earlier=earlier)


def exchange_view(
    view: View,
    exchange: str,
    as_of: str,
    reader: str,
    unwritten: Sequence[Stored] = (),
    cursor: int = 0,
    most: int = TIMELINE_PAGE,
) -> ExchangeView:
    """Return an exchange with everything that its page shows.

    `unwritten` are its messages up to the position that the file does not have yet. Its
    timeline has at most `most` records of `TIMELINE_BYTES` together: the newest ones,
    or those before the position `cursor`. 0 is no limit. Raises `NoSuchExchange` or
    `ErasedExchange`.
    """
    at, registry, now = view.position, view.opened, view.moment
    later = [row for row in unwritten if view.newest < row.folded.position <= at]
    states = chain(
        _states(view, exchange),
        ((row.folded.position, row.step.encoded) for row in later if row.step.encoded is not None),
    )
    if registry is not None and exchange in registry.erased:
        raise ErasedExchange(registry.erased[exchange].position)
    if registry is None or exchange == registry.id:
        raise NoSuchExchange(exchange)
    blame, encoded = _blame(states)
    if not blame:
        raise NoSuchExchange(exchange)
    timeline, earlier = _timeline(view, exchange, later, cursor, most)
    phrases = _phrases_of(chain(_phrasing(view, exchange), (row.folded.raw for row in later)))
    state = decode_exchange(encoded)
    received = receipts(view, state)
    calendars = view.calendars_of((state.side, *state.to))
    areas = view.open_areas() if state.act in AREAS else []
    signatories = consent.parties(state)
    is_signed = len(signatories) > 1 and bool(
        FORMATS[state.act].moves.keys() & set(consent.BINDING)
    )
    return ExchangeView(
        position=at,
        as_of=as_of,
        state=Raw(encoded),
        subject=subject_of(state),
        facts=tuple(facts_of(received)),
        receipts=tuple(rows_of(received)),
        timeline=tuple(timeline),
        blame=blame,
        allowed=offered(state, registry, _reader(view, reader)),
        terms=tuple(
            Terms(act=act, of=of, side=side, sha256=terms)
            for act, of, side, terms in consent.every_terms(state)
            if act in FORMATS[state.act].moves and state.status in FORMATS[state.act].moves[act]
        ),
        amendment="" if (amendment := consent.open_amendment(state)) is None else amendment.id,
        answers=tuple(answers(state).values()),
        stated=stated_values(state),
        differences=differences(state),
        signatories=tuple(sorted(signatories)) if is_signed else (),
        represented=consent.represented(state),
        clocks=tuple(
            clock_view(clock, now) for clock in deadlines.deadlines_of(registry, state, calendars)
        ),
        flags=tuple(
            FlagView(flag=flag.flag, detail=str(flag.detail))
            for flag in flags(registry, state, areas, now)
        ),
        linked=linked(view, state),
        joined=joined_reports(view, state),
        stage=phase_of(registry, state, now),
        next_calls=next_calls(view, state),
        coded=coded_text(state),
        unanswered=tuple(
            Unanswered(
                message=question.message,
                asked_by=question.asked_by,
                side=question.side,
                time=question.time,
                numbers=question.numbers,
            )
            for question in open_questions.unanswered(state)
        ),
        si={
            pointer: Si(value=value, unit="m" if unit == "m" else "m/s")
            for name, raw in state.content.items()
            if b'"unit"' in bytes(raw)
            for pointer, value, unit in si_units.quantities(msgspec.json.decode(raw), f"/{name}")
        },
        notice=dict(FORMATS[state.act].notice),
        phrases=phrases,
        earlier=earlier,
    )


def _states(view: View, exchange: str) -> Iterator[tuple[int, bytes]]:
    """Yield the stored states of an exchange up to a position, with their positions."""
    cursor = view.connection.execute(
        "SELECT key, state FROM records WHERE exchange = ? AND key BETWEEN ? AND ? "
        "AND state IS NOT NULL ORDER BY key",
        (exchange, view.base, view.key),
    )
    for key, state in cursor:
        yield position_of(key), state


def _timeline(
    view: View, exchange: str, later: Sequence[Stored], cursor: int, most: int
) -> tuple[list[Entry], int]:
    """Return the newest records of an exchange, and the cursor of the earlier ones.

    The records are up to a position, or before a cursor. The cursor is 0 if there are
    no earlier ones. `later` are records that the file does not have yet. A page has at
    least one record, and at most `TIMELINE_BYTES` of them. 0 for `most` is no limit.
    """
    last = min(view.position, cursor - 1) if cursor else view.position
    rows = view.connection.execute(
        f"SELECT {ENTRY} FROM records WHERE exchange = ? AND key BETWEEN ? AND ? "  # fixed words  # noqa: S608
        "ORDER BY key DESC",
        (exchange, view.base, row_key(view.base, last)),
    )
    newest_first = chain(
        (entry_of(row) for row in reversed(later) if row.folded.position <= last),
        (entry_of_columns(values) for values in rows),
    )
    timeline: list[Entry] = []
    room = TIMELINE_BYTES
    for entry in newest_first:
        room -= len(bytes(entry.record)) if isinstance(entry.record, Raw) else 0
        if most and timeline and (len(timeline) == most or room < 0):
            return timeline[::-1], timeline[-1].position
        timeline.append(entry)
    return timeline[::-1], 0


def _phrasing(view: View, exchange: str) -> Iterator[bytes]:
    """Return the records of an exchange that may name agreed phrases."""
    cursor = view.connection.execute(
        "SELECT raw FROM records WHERE exchange = ? AND key BETWEEN ? AND ? AND instr(raw, ?)",
        (exchange, view.base, view.key, _NAMES_PHRASES),
    )
    return (raw for (raw,) in cursor)


_NAMES_PHRASES: Final = b'"phrases":['


class _Phrased(Struct):
    phrases: tuple[str, ...] = ()


class _RowTexts(Struct):
    data: _Phrased


_saying = msgspec.json.Decoder(_RowTexts).decode


def _phrases_of(raws: Iterable[bytes]) -> dict[str, dict[str, str]]:
    """Return the agreed phrases that records name, in every language."""
    keys = {key for raw in raws if _NAMES_PHRASES in raw for key in _saying(raw).data.phrases}
    return {
        key: texts
        for book in CODEBOOKS.values()
        for key, texts in book.phrases.items()
        if key in keys
    }


def attached(view: View, digests: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the sides whose acts name each of these files, by its SHA-256."""
    sides_by_digest: dict[str, frozenset[str]] = {}
    for digest in digests:
        rows = view.connection.execute(
            "SELECT DISTINCT side FROM attached WHERE channel = ? AND sha256 = ?",
            (channel_number(view.base), digest),
        )
        sides_by_digest[digest] = frozenset(side for (side,) in rows)
    return sides_by_digest


def receipts(view: View, state: Exchange) -> list[tuple[Message, str, AddresseeReceipts]]:
    """Return the receipts of every addressee of every message of an exchange."""
    return [
        (
            message,
            side,
            receipts_of(view.registry, state, message, side, view.delivered(side, message)),
        )
        for message in state.messages
        for side in (*message.to, *message.info)
    ]


def facts_of(received: Iterable[tuple[Message, str, AddresseeReceipts]]) -> Iterator[Fact]:
    """Yield the facts of every addressee about every message of an exchange."""
    for message, side, receipts in received:
        yield Fact(
            message=message.id,
            side=side,
            owes=receipts.owes,
            delivered=receipts.delivered,
            acknowledged=_time_of(receipts.acknowledged),
            answered=_time_of(receipts.answered),
            account=_time_of(receipts.account),
            passed_on=tuple(
                PassedOnTo(
                    post=post.post,
                    at=post.at,
                    confirmed_at=post.confirmed_at,
                    said=post.said.time,
                )
                for post in receipts.told
            ),
            not_passed_on=receipts.not_told,
        )


def rows_of(received: Iterable[tuple[Message, str, AddresseeReceipts]]) -> Iterator[SideReceipt]:
    """Yield one row of receipts for each side that was addressed."""
    for row in by_side(received):
        yield SideReceipt(
            side=row.side,
            seen=_receipt_time(row.seen),
            acknowledged=_receipt_time(row.acknowledged),
            passed_on=_receipt_time(row.passed_on),
            answered=_receipt_time(row.answered),
            waiting=len(row.waiting),
        )


def _receipt_time(fact: NewestFact | None) -> ReceiptTime | None:
    if fact is None:
        return None
    return ReceiptTime(message=fact.message.id, act=fact.message.act, time=fact.time)


def _time_of(stamp: Stamp | None) -> str:
    return "" if stamp is None else stamp.time


def _blame(stored: Iterable[tuple[int, bytes]]) -> tuple[dict[str, int], bytes]:
    """Return the position that set each member of the newest state, and that state.

    Fields of the content count as members.
    """
    states = States()
    blame: dict[str, int] = {}
    for position, column in stored:
        blame |= dict.fromkeys(states.take(column), position)
    return ({name: blame[name] for name in states.names()} if blame else {}), states.encoded

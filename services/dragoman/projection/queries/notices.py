"""The row of one channel in the table of a notice to many channels."""

from dragoman.projection.queries.as_of import newest_position, registry_at, state_at
from dragoman.projection.queries.exchange_view import facts_of, receipts_at
from dragoman.projection.store import Store
from dragoman_schemas.notice_responses import NoticeEntry


def notice_receipts(store: Store, channel: str, exchange: str, status: int) -> NoticeEntry:
    """Return the record of a notice in a channel, with the receipts of its opening."""
    base = store.base(channel)
    with store.snapshot() as connection:
        newest = newest_position(connection, channel)
        registry, state = (
            registry_at(connection, base, newest),
            state_at(connection, base, newest, exchange),
        )
        assert registry is not None
        facts = tuple(
            fact
            for fact in facts_of(receipts_at(connection, base, newest, registry, state))
            if fact.message == exchange
        )
    return NoticeEntry(
        channel=channel,
        status=status,
        exchange=state.id,
        number=state.number,
        position=state.opened.position,
        time=state.opened.time,
        facts=facts,
    )

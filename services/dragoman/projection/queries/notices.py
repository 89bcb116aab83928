"""The row of one channel in the table of a notice to many channels."""

from dragoman.projection.queries.exchange_view import facts_of, receipts
from dragoman.projection.view import View
from dragoman_schemas.notice_responses import NoticeEntry


def notice_receipts(view: View, exchange: str, status: int) -> NoticeEntry:
    """Return the record of a notice in a channel, with the receipts of its opening."""
    state = view.known(exchange)
    return NoticeEntry(
        channel=view.registry.name,
        status=status,
        exchange=state.id,
        number=state.number,
        position=state.opened.position,
        time=state.opened.time,
        facts=tuple(fact for fact in facts_of(receipts(view, state)) if fact.message == exchange),
    )

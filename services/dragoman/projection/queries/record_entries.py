"""Records of a log in the form in which readers get them."""

from msgspec import UNSET, Raw

from dragoman.projection.stored_row import StoredRow
from dragoman_schemas import responses


def entry_of(row: StoredRow) -> responses.Entry:
    """Return a folded message in the form in which readers get it."""
    folded = row.folded
    return entry(
        folded.position,
        folded.raw,
        valid=folded.valid,
        reason="" if folded.refusal is None else str(folded.refusal.why),
        exchange="" if folded.record is None else folded.record.envelope.subject,
        number=folded.number,
        commit=row.commit,
        junk=folded.record is None or not folded.raw.startswith(b"{"),
    )


def entry(
    position: int,
    raw: bytes,
    *,
    valid: bool,
    reason: str,
    exchange: str,
    number: str,
    commit: str,
    junk: bool,
) -> responses.Entry:
    """Return an entry from its parts. Of junk it has the bytes in hex."""
    return responses.Entry(
        position=position,
        valid=valid,
        reason=reason,
        exchange=exchange,
        number=number,
        commit=commit,
        record=UNSET if junk else Raw(raw),
        junk=raw.hex() if junk else "",
    )

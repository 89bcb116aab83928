"""Tallies: how many exchanges have each status, and how many each side owes.

A tally is brought up to date with each change, and saved every so many positions. So
neither the present nor a past position needs a count of all exchanges.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from dragoman.domain.acts.families.exchange import owes_acknowledgement, owes_answer
from dragoman_schemas.state import Exchange

UNACKNOWLEDGED: Final = "unacknowledged"
UNANSWERED: Final = "unanswered"

Tally = Counter[tuple[str, str]]
"""Counts by (family, status), (`unacknowledged`, side) and (`unanswered`, side)."""

_decode = msgspec.json.Decoder(list[tuple[str, str, int]]).decode


def of(state: Exchange) -> Tally:
    """Return the counts of one exchange."""
    return of_parts(state.family, state.status, owes_acknowledgement(state), owes_answer(state))


def of_parts(
    family: str, status: str, unacknowledged: Iterable[str], unanswered: Iterable[str]
) -> Tally:
    """Return the counts of one exchange from its columns."""
    keys = [
        (family, status),
        *((UNACKNOWLEDGED, side) for side in unacknowledged),
        *((UNANSWERED, side) for side in unanswered),
    ]
    return Counter(keys)


def encode(tally: Tally) -> bytes:
    """Return a tally in its saved form."""
    return msgspec.json.encode(
        [(what, of, count) for (what, of), count in sorted(tally.items()) if count]
    )


def decode(saved: bytes) -> Tally:
    """Return a tally from its saved form."""
    return Counter({(what, of): count for what, of, count in _decode(saved)})

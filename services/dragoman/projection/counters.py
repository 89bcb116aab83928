"""A tally: how many exchanges of each family have each status, and how many of them each side owes something.

Kept up to date at the price of what changes, and saved every so many positions, so that
neither now nor any past position has to be counted out.
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
"""By (family, status), (`unacknowledged`, side) and (`unanswered`, side)."""

_decode = msgspec.json.Decoder(list[tuple[str, str, int]]).decode


def of(state: Exchange) -> Tally:
    """Return what one exchange counts for."""
    return of_parts(state.family, state.status, owes_acknowledgement(state), owes_answer(state))


def of_parts(
    family: str, status: str, unacknowledged: Iterable[str], unanswered: Iterable[str]
) -> Tally:
    """Return the same from its columns."""
    keys = [
        (family, status),
        *((UNACKNOWLEDGED, side) for side in unacknowledged),
        *((UNANSWERED, side) for side in unanswered),
    ]
    return Counter(keys)


def encode(tally: Tally) -> bytes:
    """Return a tally as it is saved."""
    return msgspec.json.encode(
        [(what, of, count) for (what, of), count in sorted(tally.items()) if count]
    )


def decode(saved: bytes) -> Tally:
    """Return a saved tally."""
    return Counter({(what, of): count for what, of, count in _decode(saved)})

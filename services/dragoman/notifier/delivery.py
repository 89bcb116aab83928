"""What a courier is given to bring, and what came of it: the same for every means."""

from typing import Final, Protocol

import structlog
from msgspec import Struct

from dragoman.stores.endpoints import NotificationEndpoint
from dragoman.text import Text, sentence

log = structlog.get_logger()

SECONDS: Final = 15.0
"""Time for one try: a receiver answers first and works afterwards."""

SHOWN: Final = 200
"""Characters of an answer that are kept."""


class OutgoingItem(Struct, frozen=True, kw_only=True):
    """One record for one endpoint: its bytes, and what is said of it where the bytes are not shown.

    One that is `unattributed` is under the Chatham House Rule: its bytes are a notice
    without a speaker, and its `side` is not shown. `number` is the record's own,
    `matter` that of its exchange where the record has none of its own. A `notice` is no
    record and has no position: it says in a sentence what is wrong with the side's own
    watch.
    """

    id: str
    position: int
    raw: bytes
    act: str
    family: str
    side: str
    number: str
    matter: str = ""
    precedence: str
    channel: str
    exchange: str
    exercise: bool
    time: str
    marking: str
    notice: Text | None = None
    unattributed: bool = False


class DeliveryResult(Struct, frozen=True, kw_only=True):
    """What came of one try. One that is not `ok` is tried again, after `wait` seconds at least; never more, if `gone`."""

    ok: bool
    answered: Text | None = None
    wait: float = 0.0
    gone: bool = False


class Transport(Protocol):
    """One means of contact."""

    async def __call__(self, endpoint: NotificationEndpoint, item: OutgoingItem) -> DeliveryResult:
        """Try once. Raises nothing that a receiver may cause."""


NOT_REACHED: Final = sentence("not reached")
"""All that a side is told of a try that nobody answered. Whether a port refused, was
silent or spoke otherwise would map the host's network.
"""


def unreachable(endpoint: NotificationEndpoint, error: Exception | Text) -> Text:
    """Return what is kept of a try that nobody answered; the reason is for the operator's log."""
    reason = str(error) if isinstance(error, Text) else f"{type(error).__name__}: {error}"
    log.info("courier.not_reached", endpoint=endpoint.id, reason=reason[:SHOWN])
    return NOT_REACHED

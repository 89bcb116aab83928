"""A delivery to an endpoint and its result, the same for every means of contact."""

from typing import Final, Protocol

import structlog
from msgspec import Struct

from dragoman.stores.endpoints import NotificationEndpoint
from dragoman.text import Text, sentence

log = structlog.get_logger()

SECONDS: Final = 15.0
"""The time limit of one try; a receiver should answer first and work afterwards."""

SHOWN: Final = 200
"""The characters of an answer that are kept."""


class OutgoingItem(Struct, frozen=True, kw_only=True):
    """One record for one endpoint: its bytes, and the values for a text about it.

    An item that is `unattributed` is under the Chatham House Rule: its bytes are a
    notice without a speaker, and its `side` is not shown. `number` is the record's own
    number. `matter` is the number of its exchange, if the record has none. A `notice`
    is no record and has no position: it is a sentence about the side's own watch, or
    about the messages to its receiver. A `test` is no record either. It has the code
    that confirms the test. `represented` are the sides in whose name its sender spoke,
    and whether each has confirmed it by now.
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
    test: str = ""
    unattributed: bool = False
    represented: tuple[tuple[str, bool], ...] = ()


class DeliveryResult(Struct, frozen=True, kw_only=True):
    """The result of one try.

    A try that is not `ok` is repeated after at least `wait` seconds. If the endpoint is
    `gone`, it is never repeated. Nor is one that was `held` back by a limit.
    """

    ok: bool
    answered: Text | None = None
    wait: float = 0.0
    gone: bool = False
    held: bool = False


class Transport(Protocol):
    """One means of contact."""

    async def __call__(self, endpoint: NotificationEndpoint, item: OutgoingItem) -> DeliveryResult:
        """Try once. Raises no exception that a receiver could cause."""


NOT_REACHED: Final = sentence("not reached")
"""The only answer that a side sees for a try that nobody answered.

A difference between a refusing, a silent and a foreign port would map the host's
network.
"""


def unreachable(endpoint: NotificationEndpoint, error: Exception | Text) -> Text:
    """Return the answer to keep for a try that nobody answered.

    The reason goes to the operator's log only.
    """
    reason = str(error) if isinstance(error, Text) else f"{type(error).__name__}: {error}"
    log.info("courier.not_reached", endpoint=endpoint.id, reason=reason[:SHOWN])
    return NOT_REACHED

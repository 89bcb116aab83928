"""What a courier is given to bring, and what came of it: the same for every means."""

from typing import Final, Protocol

from msgspec import Struct

from dragoman.stores.courier import Endpoint

SECONDS: Final = 15.0
"""Time for one try: a receiver answers first and works afterwards."""


class Item(Struct, frozen=True, kw_only=True):
    """One record for one endpoint: its bytes, and what is said of it where the bytes are not shown.

    A `notice` is no record and has no position: it says in a sentence what is wrong with the side's own watch.
    """

    id: str
    position: int
    raw: bytes
    act: str
    family: str
    side: str
    number: str
    precedence: str
    channel: str
    exchange: str
    exercise: bool
    time: str
    marking: str
    notice: str = ""


class Brought(Struct, frozen=True, kw_only=True):
    """What came of one try. One that is not `ok` is tried again, after `wait` seconds at least; never more, if `gone`."""

    ok: bool
    answered: str = ""
    wait: float = 0.0
    gone: bool = False


class Bringing(Protocol):
    """One means of contact."""

    async def __call__(self, endpoint: Endpoint, item: Item) -> Brought:
        """Try once. Raises nothing that a receiver may cause."""

"""The outbox of a station: signed acts on their way to a host, until they are final.

    waiting      kept here, and never left: may be withdrawn
    unanswered   left without an answer: the host may have recorded it
    unsigned     continues an act that still waits: signed once that is recorded
    returned     refused by the host or by the copy here: back to its officer
    ended        grew too old: back to its officer, who may have telephoned
    recorded     in the copy here; kept until it is final

The entries are beside the drafts of the officers, in the same bucket.
"""

from typing import Final, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import replace

from dragoman.eventlog.event_log import LogUnreachable
from dragoman.stores.key_value import Bucket

OutboxState = Literal["waiting", "unanswered", "unsigned", "returned", "ended", "recorded"]

ON_THE_WAY: Final = frozenset({"waiting", "unanswered", "unsigned"})
"""The states of an entry that the station goes on with by itself."""

BACK: Final = frozenset({"returned", "ended"})
"""The states of an entry that its officer decides on."""

URGENT: Final = frozenset({"flash", "immediate"})
"""The precedences of acts that cannot wait."""

_PREFIX: Final = "outbox."


class OutboxEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An act of an officer here, for the log of a shared channel.

    `act` has the bytes that were signed; while it is `unsigned`, those that the officer
    wrote. `serial` counts the entries in the order in which they came; clocks may go
    back. `kept` is the time at which it came here, `left` the time of its first try.
    `problem` is the problem for which it was returned, and `why` its reason as a packed
    text if it was found here. `came_back` is the time at which
    it was returned or ended. An entry is `held` if it was on its way in data that were
    restored, moved or copied. `position` is that of its record.
    """

    id: str
    channel: str
    cid: str
    actor: str
    act: Raw
    name: str
    precedence: str
    kept: str
    serial: int = 0
    state: OutboxState = "waiting"
    exchange: str = ""
    family: str = ""
    if_match: str = ""
    signatures: str = ""
    released_by: str = ""
    left: str = ""
    came_back: str = ""
    held: bool = False
    position: int = 0
    problem: Raw | UnsetType = UNSET
    why: str = ""

    @property
    def side(self) -> str:
        """The side whose act it is."""
        return self.actor.partition("/")[0]

    @property
    def is_urgent(self) -> bool:
        """Return whether the act cannot wait."""
        return self.precedence in URGENT

    def is_of(self, actor: str, act: bytes) -> bool:
        """Return whether an officer's act says what this one says, signatures apart.

        Each station of a side signs what it sees, so their bytes differ.
        """
        return self.actor == actor and self.unsigned == _unsigned(act)

    @property
    def unsigned(self) -> bytes:
        """The act without `signed`, as its officer wrote it."""
        return _unsigned(bytes(self.act))

    @property
    def may_be_withdrawn(self) -> bool:
        """Return whether nothing of it can be recorded any more, once it is dropped."""
        return self.state in ("waiting", "unsigned", "returned") or (
            self.state == "ended" and not self.left
        )

    @property
    def queue(self) -> str:
        """The exchange whose acts leave one after the other."""
        return self.exchange or self.id


_SIGNED: Final = b',"signed":{'


def _unsigned(act: bytes) -> bytes:
    """Return an act without its last member, if that is `signed`."""
    rest, signed, _ = act.rpartition(_SIGNED)
    return rest + b"}" if signed else act


_decode = msgspec.json.Decoder(OutboxEntry).decode


class Outbox:
    """All entries of a station. One process at a time writes them."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket of the drafts."""
        self._bucket = bucket
        self._entries: dict[tuple[str, str], OutboxEntry] = {}

    async def begin(self) -> None:
        """Read all entries. Raises `LogUnreachable`."""
        await self._bucket.refresh()
        for key, value in self._bucket.values.items():
            if key.startswith(_PREFIX):
                entry = _decode(value)
                self._entries[entry.cid, entry.id] = entry

    async def hold(self, moment: str) -> int:
        """End all entries that are on their way, until their officers decide.

        Return the number of entries that are held. Raises `LogUnreachable`.
        """
        for entry in list(self._entries.values()):
            if entry.state in ON_THE_WAY:
                await self.change(entry, state="ended", held=True, came_back=moment)
        return sum(entry.held for entry in self._entries.values())

    def entries(self, cid: str) -> list[OutboxEntry]:
        """Return the entries of a channel, the oldest first."""
        chosen = (entry for (of, _), entry in self._entries.items() if of == cid)
        return sorted(chosen, key=lambda entry: entry.serial)

    def find(self, cid: str, id: str) -> OutboxEntry | None:
        """Return an entry by the id of its act."""
        return self._entries.get((cid, id))

    async def put(self, entry: OutboxEntry) -> OutboxEntry:
        """Keep an entry durably, and return it. Raises `LogUnreachable`."""
        if not entry.serial:
            serial = 1 + max((other.serial for other in self._entries.values()), default=0)
            entry = replace(entry, serial=serial)
        await self._bucket.put(f"{_PREFIX}{entry.cid}.{entry.id}", entry)
        self._entries[entry.cid, entry.id] = entry
        return entry

    async def change(self, entry: OutboxEntry, **members: object) -> OutboxEntry:
        """Keep a changed entry. Raises `LogUnreachable`."""
        return await self.put(replace(entry, **members))

    async def drop(self, entry: OutboxEntry) -> None:
        """Remove an entry, which nobody sends from now on. Raises `LogUnreachable`."""
        self._entries.pop((entry.cid, entry.id), None)
        try:
            await self._bucket.put(f"{_PREFIX}{entry.cid}.{entry.id}", None)
        except LogUnreachable:
            self._entries[entry.cid, entry.id] = entry
            raise

"""The register of people: who is meant by the ids that acts name. It stands beside the log, and what is erased is gone.

One subject an entry, `dragoman.people.<cid>.<id>`. A revision is written over the one
that was read and overwrites it; erasing writes a marker without any personal data, and
without the random bytes behind the commitment.
"""

import secrets
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman.domain.acts.references import commitment
from dragoman.limits import PERSON_BYTES
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.erasable import Erasable
from dragoman_schemas.responses import PersonEntry

STREAM: Final = "DRAGOMAN_PEOPLE"
PREFIX: Final = "dragoman.people."
SUBJECTS: Final = (f"{PREFIX}>",)
BYTES: Final = PERSON_BYTES + 4_096
_RANDOM_BYTES: Final = 32


class StoredPerson(Struct, frozen=True, kw_only=True):
    """One revision of an entry, with the random bytes in hex; without both once it is erased."""

    id: str
    side: str
    revision: int
    created: str
    updated: str
    random: str = ""
    entry: Raw | UnsetType = UNSET

    @property
    def erased(self) -> bool:
        """Return whether nothing personal is left of it."""
        return self.entry is UNSET

    @property
    def person(self) -> PersonEntry | UnsetType:
        """Return what the register says of them."""
        return UNSET if isinstance(self.entry, UnsetType) else _person(bytes(self.entry))

    def open_to(self, actor: str) -> bool:
        """Return whether an officer of the channel reads it: everybody, or where readers are named these and the own side."""
        readers = UNSET if isinstance(self.person, UnsetType) else self.person.readers
        return (
            isinstance(readers, UnsetType)
            or actor in readers
            or actor.partition("/")[0] == self.side
        )

    @property
    def commitment(self) -> str:
        """Return what acts name, beside the id; empty once it is erased."""
        return (
            ""
            if isinstance(self.entry, UnsetType)
            else commitment(bytes.fromhex(self.random), bytes(self.entry))
        )


_decode = msgspec.json.Decoder(StoredPerson).decode
_person = msgspec.json.Decoder(PersonEntry).decode


def entered(id: str, side: str, entry: bytes, at: str) -> StoredPerson:
    """Return the first revision of an entry."""
    return StoredPerson(
        id=id,
        side=side,
        revision=1,
        created=at,
        updated=at,
        random=secrets.token_hex(_RANDOM_BYTES),
        entry=Raw(entry),
    )


def changed(stored_person: StoredPerson, entry: bytes, at: str) -> StoredPerson:
    """Return the next revision of an entry, with other random bytes."""
    return msgspec.structs.replace(
        stored_person,
        revision=stored_person.revision + 1,
        updated=at,
        random=secrets.token_hex(_RANDOM_BYTES),
        entry=Raw(entry),
    )


def erased(stored_person: StoredPerson, at: str) -> StoredPerson:
    """Return what is left of an entry that is erased."""
    return msgspec.structs.replace(
        stored_person, revision=stored_person.revision + 1, updated=at, random="", entry=UNSET
    )


class PeopleStore:
    """The registers of all channels. Every question is put to the broker: what was erased elsewhere is not shown here."""

    def __init__(self, entries: Erasable) -> None:
        """Keep the entries there."""
        self._entries = entries

    async def listed(self, cid: str) -> list[StoredPerson]:
        """Return a channel's entries that are not erased, by id. Raises `LogUnreachable`."""
        await self._entries.refresh()
        stored_persons = [
            _decode(value)
            for key, value in self._entries.values.items()
            if key.startswith(f"{cid}.")
        ]
        return sorted(
            (person for person in stored_persons if not person.erased),
            key=lambda stored_person: stored_person.id,
        )

    async def find(self, cid: str, id: str) -> StoredPerson | None:
        """Return an entry, or what is left of it. Raises `LogUnreachable`."""
        return (await self.found(cid, (id,))).get(id)

    async def found(self, cid: str, ids: tuple[str, ...]) -> dict[str, StoredPerson]:
        """Return those of the entries that there are, or were. Raises `LogUnreachable`."""
        await self._entries.refresh()
        return self.known(cid, ids)

    def known(self, cid: str, ids: tuple[str, ...]) -> dict[str, StoredPerson]:
        """Return those of the entries that this process read last, without asking the broker."""
        values = {id: self._entries.values.get(f"{cid}.{id}") for id in ids}
        return {id: _decode(value) for id, value in values.items() if value is not None}

    async def keep(self, cid: str, stored_person: StoredPerson, over: StoredPerson | None) -> bool:
        """Write a revision over the one that was read, or a new entry; False where somebody else was faster.

        When it returns, what stood there before is overwritten. Raises
        `LogUnreachable`.
        """
        key = f"{cid}.{stored_person.id}"
        data = self._entries.values.get(key)
        if (None if data is None else _decode(data)) != over:
            return False
        try:
            await self._entries.put(
                key, msgspec.json.encode(stored_person), self._entries.revisions.get(key, 0)
            )
        except WriteConflict:
            return False
        return True

    async def sweep(self) -> None:
        """Finish what another gateway began to erase. Raises `LogUnreachable`."""
        await self._entries.refresh()
        await self._entries.sweep()

"""The register of people: the persons behind the ids that acts name.

It is beside the log, so that an erased entry is gone. Each entry has one subject,
`dragoman.people.<cid>.<id>`. A revision is written over the one that was read, whose
message is then overwritten. Erasing writes a marker without any personal data, and
without the random bytes of the commitment.
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
    """One revision of an entry, with the random bytes in hex.

    An erased entry has neither content nor random bytes.
    """

    id: str
    side: str
    revision: int
    created: str
    updated: str
    random: str = ""
    entry: Raw | UnsetType = UNSET

    @property
    def erased(self) -> bool:
        """Return whether all personal data is erased."""
        return self.entry is UNSET

    @property
    def person(self) -> PersonEntry | UnsetType:
        """The entry's content, or UNSET once it is erased."""
        return UNSET if isinstance(self.entry, UnsetType) else _person(bytes(self.entry))

    def open_to(self, actor: str) -> bool:
        """Return whether an officer of the channel may read the entry.

        If the entry names readers, these and the own side may, else everybody.
        """
        readers = UNSET if isinstance(self.person, UnsetType) else self.person.readers
        return (
            isinstance(readers, UnsetType)
            or actor in readers
            or actor.partition("/")[0] == self.side
        )

    @property
    def commitment(self) -> str:
        """The commitment that acts name beside the id; empty once erased."""
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
    """Return the marker of an erased entry."""
    return msgspec.structs.replace(
        stored_person, revision=stored_person.revision + 1, updated=at, random="", entry=UNSET
    )


class PeopleStore:
    """The registers of all channels.

    The broker is asked every time, so that an entry erased elsewhere is not shown.
    """

    def __init__(self, entries: Erasable) -> None:
        """Store the entries in `entries`."""
        self._entries = entries

    async def listed(self, cid: str) -> list[StoredPerson]:
        """Return a channel's entries that are not erased, by id.

        Raises `LogUnreachable`.
        """
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
        """Return an entry, or the marker of an erased one. Raises `LogUnreachable`."""
        return (await self.found(cid, (id,))).get(id)

    async def found(self, cid: str, ids: tuple[str, ...]) -> dict[str, StoredPerson]:
        """Return the entries with these ids that exist, or existed, by id.

        Raises `LogUnreachable`.
        """
        await self._entries.refresh()
        return self.known(cid, ids)

    def known(self, cid: str, ids: tuple[str, ...]) -> dict[str, StoredPerson]:
        """Return the entries with these ids, by id, without asking the broker.

        This process's copy may lag.
        """
        values = {id: self._entries.values.get(f"{cid}.{id}") for id in ids}
        return {id: _decode(value) for id, value in values.items() if value is not None}

    async def keep(self, cid: str, stored_person: StoredPerson, over: StoredPerson | None) -> bool:
        """Write a revision over the one that was read, or a new entry.

        Returns False if another writer was faster. When it returns True, the older
        revision is overwritten. Raises `LogUnreachable`.
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
        """Finish erasing that other gateways began. Raises `LogUnreachable`."""
        await self._entries.refresh()
        await self._entries.sweep()

"""People between stations: entries of the register in sealed parcels.

An entry stays at the station of its side. One that a valid act of the side names is
owed to each other side with a station. It is sealed to the key of that station, and the
host reads no name. The other station opens it and answers with a signed receipt. Pages
compare it with the commitment in the record. An entry that was erased is followed by
its erasure.
"""

import asyncio
import hashlib
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct
from nacl import bindings, exceptions
from nacl.public import PrivateKey, PublicKey, SealedBox

from dragoman.application import parcel_receipts
from dragoman.client import Garbled, ProblemResponse, Unreachable
from dragoman.domain.acts import references
from dragoman.domain.acts.access import stations_of
from dragoman.domain.record import nesting
from dragoman.eventlog import durable
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.projection.projection import Projection
from dragoman.projection.stored_row import StoredRow
from dragoman.station.link import HostLink
from dragoman.stores.people import PeopleStore, StoredPerson
from dragoman.tlog import dsse
from dragoman_schemas.parcel_responses import ParcelList, ParcelReceipt, ParcelView

log = structlog.get_logger()

_LOOK_SECONDS: Final = 10.0
_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64


class OwedPerson(Struct, frozen=True, kw_only=True):
    """An entry that a side is owed, and how far it is.

    `revision` is the newest revision that was handed in, `received` the newest one with
    a receipt. `handed_in` is the time at which the oldest one without a receipt was
    handed in, in seconds since 1970.
    """

    person: str
    to: str
    revision: int = 0
    received: int = 0
    handed_in: float = 0.0

    @property
    def is_unanswered(self) -> bool:
        """Return whether an entry was handed in and has no receipt."""
        return self.received < self.revision


class ParcelCarrier:
    """The carrier of one channel's parcels."""

    def __init__(
        self,
        link: HostLink,
        projection: Projection,
        people: PeopleStore,
        seed: bytes,
        actor: str,
        ledger: Path,
    ) -> None:
        """Carry parcels with a station's key, and remember in a file what is owed."""
        self._link, self._projection, self._people = link, projection, people
        self._seed, self._actor, self._ledger = seed, actor, ledger
        self._owed: dict[str, OwedPerson] = (
            msgspec.json.decode(ledger.read_bytes(), type=dict[str, OwedPerson])
            if ledger.exists()
            else {}
        )
        self._is_written = True
        self._changed = asyncio.Event()

    @property
    def _side(self) -> str:
        return self._actor.partition("/")[0]

    @property
    def unanswered_s(self) -> float:
        """The seconds since the oldest entry without a receipt was handed in."""
        now = self._link.clock.now()
        waits = (now - owed.handed_in for owed in self._owed.values() if owed.is_unanswered)
        return max(waits, default=0.0)

    def folded(self, row: StoredRow) -> None:
        """Note whom a valid record names."""
        record = row.folded.record
        if record is None or not row.folded.valid or not references.may_name(record.act):
            return
        people = list(references.people(msgspec.json.decode(record.act)))
        if not people:
            return
        if record.side == self._side:
            for side in (side.name for side in self._projection.registry.sides):
                for _, id, _ in people if side != self._side else ():
                    self._owed.setdefault(f"{id} {side}", OwedPerson(person=id, to=side))
                    self._is_written = False
        self._changed.set()

    async def run(self) -> None:
        """Send what is owed, and take what came, for ever."""
        while True:
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            if not self._projection.is_channel:
                continue
            try:
                await self._send_owed()
                await self._take_all()
            except (Unreachable, Garbled, ProblemResponse, LogUnreachable) as error:
                log.debug("station.parcels_wait", reason=str(error))
            if not self._is_written:
                self._is_written = True
                durable.write(self._ledger, msgspec.json.encode(self._owed))

    # Out

    async def _send_owed(self) -> None:
        cid = self._projection.registry.cid
        people = await self._people.found(cid, tuple({o.person for o in self._owed.values()}))
        for key, owed in list(self._owed.items()):
            person = people.get(owed.person)
            if person is None or person.revision <= owed.revision:
                continue
            is_news = owed.revision == 0 or person.erased
            if not is_news or (person.erased and owed.revision == 0):
                continue
            public = self._key_of(owed.to)
            if public is None:
                continue  # the side has no station: its officers do not see the name
            await self._hand_in(owed, person, public)
            self._owed[key] = msgspec.structs.replace(
                owed,
                revision=person.revision,
                handed_in=owed.handed_in if owed.is_unanswered else self._link.clock.now(),
            )
            self._is_written = False

    async def _hand_in(self, owed: OwedPerson, person: StoredPerson, public: bytes) -> None:
        sealed = SealedBox(
            PublicKey(bindings.crypto_sign_ed25519_pk_to_curve25519(public))
        ).encrypt(msgspec.json.encode(person))
        await self._link.client.call(
            "PUT",
            f"{self._path()}/{self._id(owed.person, owed.to, person.revision)}?to={owed.to}",
            sealed,
            {"Content-Type": "application/octet-stream"},
        )

    def _id(self, person: str, to: str, revision: int) -> str:
        text = f"{self._projection.registry.cid}\n{to}\n{person}\n{revision}"
        return hashlib.sha256(text.encode()).hexdigest()

    def _key_of(self, side: str) -> bytes | None:
        """Return the public key of a side's station."""
        registry = self._projection.registry
        stations = stations_of(registry, side)
        keys = (
            key for key in registry.keys.values() if key.owner in stations and key.until is None
        )
        newest = max(keys, key=lambda key: key.since, default=None)
        return None if newest is None else dsse.decode_base64(newest.public, _KEY_BYTES)

    # In

    async def _take_all(self) -> None:
        answer = await self._link.client.call("GET", self._path())
        for parcel in answer.of("list of parcels", ParcelList).parcels:
            if isinstance(parcel.receipt, ParcelReceipt):
                self._note_receipt(parcel, parcel.receipt)
            elif parcel.to == self._side:
                await self._take(parcel)

    def _note_receipt(self, parcel: ParcelView, receipt: ParcelReceipt) -> None:
        registry = self._projection.registry
        key = registry.keys.get(receipt.key)
        signature = dsse.decode_base64(receipt.signature, _SIGNATURE_BYTES)
        public = None if key is None else dsse.decode_base64(key.public, _KEY_BYTES)
        if public is None or signature is None or key is None:
            return
        if key.owner.partition("/")[0] != parcel.to or not parcel_receipts.is_signed(
            public, signature, registry.cid, parcel.id, parcel.to
        ):
            return
        for name, owed in self._owed.items():
            if self._id(owed.person, owed.to, owed.revision) == parcel.id:
                if owed.is_unanswered:
                    self._owed[name] = msgspec.structs.replace(owed, received=owed.revision)
                    self._is_written = False
                return

    async def _take(self, parcel: ParcelView) -> None:
        """Open a parcel, keep the entry in it if it is as its record says, and sign."""
        sealed = (await self._link.client.call("GET", f"{self._path()}/{parcel.id}")).body
        private = PrivateKey(
            bindings.crypto_sign_ed25519_sk_to_curve25519(
                bindings.crypto_sign_seed_keypair(self._seed)[1]
            )
        )
        try:
            person = nesting.decode(SealedBox(private).decrypt(sealed), StoredPerson)
        except (exceptions.CryptoError, msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning(
                "station.parcel_refused",
                channel=self._projection.name,
                sender=parcel.sender,
                reason=str(error) or type(error).__name__,
            )
            return
        cid = self._projection.registry.cid
        before = await self._people.find(cid, person.id)
        is_theirs = person.side == parcel.sender and (
            before is None or before.side == parcel.sender
        )
        if not is_theirs:
            log.warning(
                "station.parcel_refused",
                channel=self._projection.name,
                sender=parcel.sender,
                reason="the entry is of another side than its sender",
            )
            return
        is_newer = before is None or before.revision < person.revision
        if not is_newer or await self._people.keep(cid, person, before):
            await self._sign(parcel)

    async def _sign(self, parcel: ParcelView) -> None:
        cid = self._projection.registry.cid
        receipt = ParcelReceipt(
            key=dsse.key_id(dsse.public_of(self._seed)),
            signature=dsse.encode_base64(
                parcel_receipts.sign(self._seed, cid, parcel.id, self._side)
            ),
        )
        await self._link.client.call(
            "POST", f"{self._path()}/{parcel.id}/receipt", msgspec.json.encode(receipt)
        )

    def _path(self) -> str:
        return f"/v1/channels/{self._projection.name}/parcels"

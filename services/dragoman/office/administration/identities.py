"""Operations on the identities of sides: who may see one, and who may change one.

A pair of a channel and a side enters an identity by a signature. The signer is that
side's root in that channel, or an administrator. Whoever changes an identity also signs
with a key of a pair that is in it already. So no stranger can join an identity, and no
stranger can have a side in its own. In a trial channel the host keeps the keys, so the
operator's token takes the place of the signature.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import structlog

from dragoman.application.clock import stamp
from dragoman.application.http.request import ApiRequest
from dragoman.application.service import Service
from dragoman.domain.acts import membership
from dragoman.domain.record import nesting
from dragoman.domain.record.errors import refuse
from dragoman.domain.record.validation_errors import faults_of
from dragoman.limits import SIGNATURES
from dragoman.projection.projection import Projection
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.identities import Identity, Pair, canonical, packed
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.tlog import dsse
from dragoman_schemas.identity_responses import (
    IdentityChannel,
    IdentityEntry,
    IdentityLine,
    IdentityList,
    IdentityView,
    NewIdentity,
)
from dragoman_schemas.state import Registry

log = structlog.get_logger()


def may_see(service: Service, grant: Grant, identity: Identity) -> bool:
    """Return whether a caller may see an identity.

    The operator sees all. An officer sees those with a channel of their own side.
    """
    if grant.is_operator or grant.identity == identity.name:
        return True
    return any(
        service.access.covers(grant, cid) for cid in identity.cids.get(grant.side, frozenset())
    )


async def identities(call: ApiRequest[Any]) -> IdentityList:
    """Return the identities that the caller may see, by name."""
    service = call.service
    await service.identities.refresh()
    return IdentityList(
        identities=tuple(
            IdentityLine(
                identity=identity.name,
                version=identity.version,
                sides=tuple(identity.sides),
                channels=len(identity.pairs),
                changed=identity.changed,
            )
            for identity in service.identities.listed()
            if may_see(service, call.grant, identity)
        )
    )


async def identity(call: ApiRequest[Any], name: str) -> IdentityView:
    """Return an identity. Raises `Refused` if the caller may see no such identity."""
    service = call.service
    await service.identities.refresh()
    stored = service.identities.find(name)
    if stored is None or not may_see(service, call.grant, stored):
        raise refuse(
            "not-found",
            "There is no identity %(identity)s for this token; GET /v1/identities lists those "
            "there are.",
            identity=name[:63],
        )
    return view_of(call, stored)


def view_of(call: ApiRequest[Any], identity: Identity) -> IdentityView:
    """Return the view of an identity, with the names of the caller's channels."""
    service, grant = call.service, call.grant
    visible = {
        channel.registry.cid: channel.name
        for cid, _ in identity.pairs
        if (channel := service.channel_with(cid)) is not None
        and (grant.is_operator or service.may_see(grant, channel))
    }
    return IdentityView(
        identity=identity.name,
        version=identity.version,
        pairs=tuple(
            IdentityChannel(channel=cid, side=side, name=visible.get(cid, ""))
            for cid, side in sorted(identity.pairs)
        ),
        changed=identity.changed,
        signatures=identity.signatures,
    )


async def enter(call: ApiRequest[Any], name: str, new: NewIdentity) -> IdentityView:
    """Make or change an identity. Raises `Refused`.

    The same entry sent again changes nothing.
    """
    service = call.service
    raw = bytes(new.entry)
    entry = _entry(name, raw)
    signatures = _signatures(new)
    await service.identities.refresh()
    stored = service.identities.find(name)
    pairs = frozenset((pair.channel, pair.side) for pair in entry.pairs)
    if (
        stored is not None
        and stored.version == entry.version
        and (stored.pairs, stored.signatures) == (pairs, tuple(sorted(signatures)))
    ):
        return view_of(call, stored)
    _check_version(name, stored, entry.version)
    before = frozenset[Pair]() if stored is None else stored.pairs
    _check_pairs(service, name, pairs - before)
    signers = _Signers(service, raw, signatures, is_operator=call.grant.is_operator)
    signers.check_owner(stored)
    signers.check_added(pairs - before)
    changed = Identity(
        name=name,
        version=entry.version,
        sides=packed(pairs),
        changed=stamp(service.now()),
        signatures=tuple(sorted(signatures)),
    )
    try:
        await service.identities.put(changed)
    except WriteConflict:
        stored = service.identities.find(name)
        _check_version(name, stored, entry.version)
        raise
    log.info(
        "identity.changed",
        identity=name,
        version=entry.version,
        channels=len(pairs),
        keys=[text.partition(":")[0] for text in changed.signatures],
        actor=call.grant.actor,
    )
    return view_of(call, changed)


def _entry(name: str, raw: bytes) -> IdentityEntry:
    """Return the entry that some bytes have. Raises `Refused`, `Malformed`."""
    try:
        entry = nesting.decode(raw, IdentityEntry)
    except msgspec.ValidationError as error:
        raise faults_of(error, raw, IdentityEntry) from None
    pairs = [(pair.channel, pair.side) for pair in entry.pairs]
    if raw != canonical(entry.identity, entry.version, pairs):
        raise refuse(
            "invalid",
            "These are not the canonical bytes of the entry: identity, pairs, version; pairs "
            "sorted and named once; no spaces. `dragoman identity draft` writes them.",
        )
    if entry.identity != name:
        raise refuse(
            "invalid",
            "The entry is of %(identity)s, and the path of %(path)s; send it to its own path.",
            identity=entry.identity,
            path=name[:63],
        )
    return entry


def _signatures(new: NewIdentity) -> dict[str, bytes]:
    """Return signatures by their text. Raises `Refused` for one that cannot be read."""
    signatures: dict[str, bytes] = {}
    for text in (part for line in new.signatures for part in line.split()):
        read = dsse.read_signatures(text, SIGNATURES)
        if read is None:
            raise refuse(
                "invalid",
                "A signature is not KEYID:BASE64; `dragoman identity sign` writes it.",
            )
        signatures[text] = next(iter(read.values()))
    if len(signatures) > SIGNATURES:
        raise refuse(
            "invalid",
            "At most %(n)s signatures are read at once; enter the channels in several changes.",
            n=SIGNATURES,
        )
    return signatures


def _check_version(name: str, stored: Identity | None, version: int) -> None:
    newest = 0 if stored is None else stored.version
    if version != newest + 1:
        raise refuse(
            "moved",
            "%(identity)s is at version %(version)s, so the next entry has version %(next)s. Read "
            "it again, and sign that one.",
            identity=name,
            version=newest,
            next=newest + 1,
        )


def _check_pairs(service: Service, name: str, added: Iterable[Pair]) -> None:
    """Refuse a pair that this host does not have, or that another identity has."""
    for cid, side in sorted(added):
        registry = _registry(service, cid)
        if registry is None or side not in {state.name for state in registry.sides}:
            raise refuse(
                "invalid",
                "There is no side %(side)s in a channel %(cid)s on this host; GET /v1/channels "
                "gives each channel's cid and sides.",
                side=side,
                cid=cid,
            )
        other = service.identities.name_of((cid, side))
        if other not in ("", name):
            raise refuse(
                "exists",
                "%(side)s in %(channel)s is of the identity %(identity)s; take it out there first.",
                side=side,
                channel=registry.name,
                identity=other,
            )


def _registry(service: Service, cid: str) -> Registry | None:
    channel: Projection | None = service.channel_with(cid)
    return None if channel is None else channel.registry


class _Signers:
    """The signatures of a change, and the sides for which they speak."""

    def __init__(
        self, service: Service, raw: bytes, signatures: dict[str, bytes], *, is_operator: bool
    ) -> None:
        self._service = service
        self._raw = raw
        self._signatures = {
            text.partition(":")[0]: signature for text, signature in signatures.items()
        }
        self._is_operator = is_operator
        self._valid: dict[str, bool] = {}

    def check_owner(self, stored: Identity | None) -> None:
        """Refuse a change by somebody who has no part in the identity."""
        if stored is None:
            return
        if not stored.pairs:
            if not self._is_operator:
                raise refuse(
                    "not-permitted",
                    "%(identity)s is dissolved. Only the operator can take it up again; "
                    "choose another name.",
                    identity=stored.name,
                )
            return
        if not any(self._speaks_for(pair) for pair in self._owners(stored)):
            raise refuse(
                "not-permitted",
                "Only root or an administrator of its side can change %(identity)s, in a "
                "channel that it has already.",
                identity=stored.name,
            )

    def _owners(self, stored: Identity) -> Iterator[Pair]:
        """Yield the pairs whose keys may change an identity.

        The operator alone changes an identity of trial channels only.
        """
        own_keys = [pair for pair in stored.pairs if not self._is_trial(pair[0])]
        yield from own_keys or stored.pairs

    def check_added(self, added: Iterable[Pair]) -> None:
        """Refuse a pair that no key of that side has signed."""
        for pair in sorted(added):
            if self._speaks_for(pair):
                continue
            registry = _registry(self._service, pair[0])
            assert registry is not None
            if registry.custody == "host":
                raise refuse(
                    "not-permitted",
                    "%(channel)s is a trial, whose keys the host keeps: the operator enters it.",
                    channel=registry.name,
                )
            raise refuse(
                "not-permitted",
                "No root and no administrator in office of %(side)s in %(channel)s has signed "
                "these bytes; sign them with such a key: dragoman identity sign.",
                side=pair[1],
                channel=registry.name,
            )

    def _is_trial(self, cid: str) -> bool:
        registry = _registry(self._service, cid)
        return registry is not None and registry.custody == "host"

    def _speaks_for(self, pair: Pair) -> bool:
        """Return whether the signatures are a side's in a channel."""
        registry = _registry(self._service, pair[0])
        if registry is None:
            return False
        if registry.custody == "host":
            return self._is_operator
        side = next((state for state in registry.sides if state.name == pair[1]), None)
        keys = {
            keyid: key
            for keyid in self._signatures
            if (key := registry.keys.get(keyid)) is not None
            and key.until is None
            and key.owner.partition("/")[0] == pair[1]
            and self._is_valid(keyid, key.public)
        }
        return side is not None and membership.consents(
            registry, side, {*keys}, {key.owner for key in keys.values()}
        )

    def _is_valid(self, keyid: str, public: str) -> bool:
        """Return whether a key's signature is valid; each is verified once."""
        if keyid not in self._valid:
            key = membership.public_of(public)
            self._valid[keyid] = dsse.key_id(key) == keyid and dsse.verify(
                key, self._raw, self._signatures[keyid], payload_type=dsse.IDENTITY_TYPE
            )
        return self._valid[keyid]

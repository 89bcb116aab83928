"""The members of a channel: its officers and keys, and the valid signatures of an act.

Root and administrators enter and revoke officers and keys. See docs/spec/record.md §10
and §13.
"""

import hashlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import log_policy
from dragoman.domain.acts.access import ROOT, SERVICE, full_sides, stations_of
from dragoman.domain.acts.act_rules import Folding
from dragoman.domain.acts.erasure import consenting, hash_of, not_consented
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid, make_refusal
from dragoman.limits import SIDES, SIGNATURES
from dragoman.text import sentence
from dragoman.tlog import dsse
from dragoman_schemas.act_frame import Signed
from dragoman_schemas.acts.office import channel as acts
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import Handover, Key, OfficerState, Registry, SideState

MEMBERSHIP: Final = (
    acts.Officer,
    acts.OfficerRevocation,
    acts.KeyAddition,
    acts.KeyRevocation,
    acts.RootRotation,
    acts.SideAdmission,
    acts.LogHandover,
)
"""The acts that change the keys of a channel: of its members and of its log."""

OF_EVERY_SIDE: Final = acts.SideAdmission | acts.Erasure | acts.LogHandover | acts.ChannelEnd
"""The acts that root or an administrator of every side signs."""


# Signatures


@lru_cache(maxsize=4_096)
def public_of(encoded: str) -> bytes:
    """Return the public key that an act names.

    If the text is not a key, the bytes are not a sound key either.
    """
    public = dsse.decode_base64(encoded, 32)
    return public if public is not None else bytes(32)


def valid_signers(record: Record, public_key_of: Callable[[str], bytes | None]) -> set[str] | None:
    """Return the ids of the keys that signed the act; None if a signature is not valid.

    A signature is not valid either if `public_key_of` does not find its key.
    """
    text = record.envelope.signatures
    if not isinstance(text, str):
        return None
    if len(record.verified) == text.count(" ") + 1:
        # Each signature was valid when the record was read.
        return (
            {keyid for keyid, _ in record.verified}
            if all(public_key_of(keyid) == public for keyid, public in record.verified)
            else None
        )
    signatures = dsse.read_signatures(text, SIGNATURES)
    if signatures is None:
        return None
    for keyid, signature in signatures.items():
        public = public_key_of(keyid)
        if public is None or not dsse.verify(public, record.act, signature):
            return None
    return set(signatures)


def has_signed(registry: Registry, actor: str, act: bytes, signatures: str) -> bool:
    """Return whether one of an actor's present keys has validly signed an act."""
    return any(
        key.owner == actor
        and key.until is None
        and dsse.verify(public_of(key.public), act, signature)
        for keyid, signature in (dsse.read_signatures(signatures, SIGNATURES) or {}).items()
        if (key := registry.keys.get(keyid)) is not None
    )


def check_signed(registry: Registry, record: Record, position: int) -> Refusal | None:
    """Refuse a signed act with a missing, wrong or superfluous signature.

    Every signature must be valid under a key that is valid at the position. One key
    must be the actor's. A key of another side may sign only an act that every side
    consents to.
    """
    added, number = _adds(record)

    def valid_key(keyid: str) -> Key | None:
        key = registry.keys.get(keyid)
        return (
            key
            if key is not None
            and key.since < position
            and (key.until is None or key.until >= position)
            else None
        )

    def public_key_of(keyid: str) -> bytes | None:
        key = valid_key(keyid)
        return (
            public_of(added[keyid])
            if keyid in added
            else None
            if key is None
            else public_of(key.public)
        )

    signers = valid_signers(record, public_key_of)
    if signers is None or len(signers & added.keys()) < number:
        return make_refusal(
            "not-permitted", "A signature is missing or not valid, or its key is not valid here."
        )
    owners = {key.owner for keyid in signers if (key := valid_key(keyid)) is not None}
    actor = record.envelope.actor
    if isinstance(record.data, OF_EVERY_SIDE):
        silent = [
            side.name
            for side in registry.sides
            if not side.observer and not consents(registry, side, signers, owners)
        ]
        if silent and registry.custody == "host" and isinstance(record.data, acts.Erasure):
            stamps = consenting(registry, hash_of(record.data))
            unasked = [side for side in silent if side not in stamps]
            if unasked:
                return not_consented(unasked)
        if silent:
            return make_refusal(
                "not-permitted",
                "Root or an administrator of %(sides)s has not signed; every side must consent.",
                sides=", ".join(silent),
            )
    elif any(owner.partition("/")[0] != record.side for owner in owners):
        return make_refusal(
            "not-permitted", "A key of another side signed this act, which does not need it."
        )
    second = record.envelope.releasedby
    if not isinstance(second, UnsetType) and second not in owners:
        return make_refusal(
            "not-permitted",
            "This act needs two officers, but no valid key of %(officer)s signed it.",
            officer=second,
        )
    if actor == f"{record.side}/{ROOT}":
        side = next(side for side in registry.sides if side.name == record.side)
        is_signed = len(signers.intersection(side.roots)) >= side.threshold
        return (
            None
            if is_signed
            else make_refusal(
                "not-permitted",
                "Root of %(side)s must sign with %(n)s of its keys.",
                side=side.name,
                n=side.threshold,
            )
        )
    return (
        None
        if actor in owners
        else make_refusal("not-permitted", "No valid key of %(actor)s signed the act.", actor=actor)
    )


def _adds(record: Record) -> tuple[dict[str, str], int]:
    """Return the keys that an act enters, and how many of them must sign.

    The keys are given by their ids.
    """
    match record.data:
        case acts.Officer(keys=tuple() as keys) | acts.KeyAddition(keys=keys):
            wanted = len(keys)
        case (
            acts.RootRotation(roots=keys, threshold=wanted)
            | acts.SideAdmission(side=acts.GenesisSide(roots=keys, threshold=wanted))
        ):
            pass
        case _:
            return {}, 0
    return {dsse.key_id(public_of(key)): key for key in keys}, wanted


def consents(registry: Registry, side: SideState, signers: set[str], owners: set[str]) -> bool:
    """Return whether a side has signed, by the ids of valid keys and their owners.

    Its root must have signed, or one of its administrators in office.
    """
    if len(signers.intersection(side.roots)) >= side.threshold:
        return True
    officers = (
        registry.officers.get(owner) for owner in owners if owner.partition("/")[0] == side.name
    )
    return any(
        officer is not None and officer.until is None and "administrator" in officer.roles
        for officer in officers
    )


# Entering and revoking members


def check(registry: Registry, record: Record, position: int) -> Refusal | None:
    """Refuse a change of members under a wrong name or by a wrong actor."""
    match record.data:
        case acts.Officer() as data:
            return _check_officer(registry, record.side, data)
        case acts.OfficerRevocation() as data:
            return _check_revocation(registry, record.side, data)
        case acts.KeyAddition() as data:
            return _check_addition(registry, record.side, data)
        case acts.KeyRevocation() as data:
            return _check_key_revocation(registry, record, data, position)
        case acts.RootRotation() as data:
            return _check_rotation(registry, record, data)
        case acts.SideAdmission() as data:
            return _check_admission(registry, data)
        case acts.LogHandover() as data:
            return _check_handover(registry, record, data, position)
        case _:
            return None


def _check_revocation(
    registry: Registry, side: str, data: acts.OfficerRevocation
) -> Refusal | None:
    officer = registry.officers.get(f"{side}/{data.officer}")
    return (
        invalid(
            "/officer",
            sentence("%(side)s/%(officer)s is not in office", side=side, officer=data.officer),
        )
        if officer is None or officer.until is not None
        else None
    )


def _check_officer(registry: Registry, side: str, data: acts.Officer) -> Refusal | None:
    if data.officer == ROOT:
        return invalid("/officer", sentence("an officer cannot be called %(name)s", name=ROOT))
    officer = registry.officers.get(f"{side}/{data.officer}")
    if officer is not None and officer.until is not None:
        return invalid(
            "/officer",
            sentence(
                "%(side)s/%(officer)s was revoked; a revoked name does not return, choose another",
                side=side,
                officer=data.officer,
            ),
        )
    if "station" in data.roles and (data.roles != ("station",) or data.keys is UNSET):
        return invalid(
            "/roles",
            sentence("a station is a program: give it only this role, and a key of its own"),
        )
    if officer is not None and ("station" in data.roles) != ("station" in officer.roles):
        return invalid(
            "/officer",
            sentence("a station and an officer cannot have the same name; choose another name"),
        )
    return _check_kept_by(registry, side, data) or _check_keys(registry, or_default(data.keys, ()))


def _check_kept_by(
    registry: Registry, side: str, data: acts.Officer | acts.KeyAddition
) -> Refusal | None:
    """Refuse a key that a station keeps, if the side has none in office."""
    if data.kept_by is UNSET or (data.keys is not UNSET and stations_of(registry, side)):
        return None
    return invalid(
        "/kept_by",
        sentence(
            "%(side)s has no station in office that could keep a key; enter the station first",
            side=side,
        ),
    )


def _check_addition(registry: Registry, side: str, data: acts.KeyAddition) -> Refusal | None:
    officer = registry.officers.get(f"{side}/{data.officer}")
    if officer is None or officer.until is not None:
        return invalid(
            "/officer",
            sentence(
                "%(side)s/%(officer)s is not in office; enter the officer first",
                side=side,
                officer=data.officer,
            ),
        )
    return _check_kept_by(registry, side, data) or _check_keys(registry, data.keys)


def _check_key_revocation(
    registry: Registry, record: Record, data: acts.KeyRevocation, position: int
) -> Refusal | None:
    """Refuse to revoke a key without permission, or a key that is not valid here.

    Root and administrators may revoke the keys of their side's officers. Whoever signs
    with a key may revoke that key. A key that has already ended may be revoked again,
    to name the position from which it is suspected. A further revocation may name an
    earlier position.
    """
    key, actor = registry.keys.get(data.key), record.envelope.actor
    if (
        key is None
        or key.owner.partition("/")[0] != record.side
        or (key.until is not None and not _suspects_earlier(key, data))
    ):
        return invalid(
            "/key",
            sentence("%(key)s is not a valid key of %(side)s here", key=data.key, side=record.side),
        )
    if key.until is None and key.owner == f"{record.side}/{ROOT}":
        return invalid(
            "/key",
            sentence("a single root key cannot be revoked; replace all root keys of the side"),
        )
    officer = registry.officers.get(actor)
    keeps = actor == f"{record.side}/{ROOT}" or (
        officer is not None and "administrator" in officer.roles
    )
    if not keeps and (key.owner != actor or data.key not in signer_ids(record)):
        return make_refusal(
            "not-permitted",
            "Root or an administrator of its side must revoke the key, "
            "or the key must sign its own revocation.",
        )
    ended = position if key.until is None else key.until
    if isinstance(data.suspect_from, int) and not key.since < data.suspect_from < ended:
        return invalid(
            "/suspect_from",
            sentence(
                "the key could sign from position %(first)s to %(last)s; "
                "give one of these, or leave it out",
                first=key.since + 1,
                last=ended - 1,
            ),
        )
    return None


def _suspects_earlier(key: Key, data: acts.KeyRevocation) -> bool:
    return isinstance(data.suspect_from, int) and (
        key.suspect_from is None or data.suspect_from < key.suspect_from
    )


def _check_rotation(registry: Registry, record: Record, data: acts.RootRotation) -> Refusal | None:
    """Refuse new roots that serve another purpose, or fewer than must sign.

    They must be the announced ones if the side has announced its next roots.
    """
    if record.envelope.actor != f"{record.side}/{ROOT}":
        return make_refusal("not-permitted", "Only root can replace root keys.")
    if len(set(data.roots)) < len(data.roots) or data.threshold > len(data.roots):
        return invalid(
            "/roots",
            sentence("name each key once, and set the threshold to at most the number of keys"),
        )
    side = next(side for side in registry.sides if side.name == record.side)
    if side.next_roots and side.next_roots != roots_hash(data.threshold, data.roots):
        return invalid(
            "/roots", sentence("these are not the roots that the side announced as its next")
        )
    refusal = _check_keys(registry, data.roots)
    return None if refusal is None else invalid("/roots", refusal.faults[0].detail)


def _check_admission(registry: Registry, data: acts.SideAdmission) -> Refusal | None:
    """Refuse a new side whose name is in use, or whose roots serve another purpose."""
    side = data.side
    if side.name == SERVICE or side.name in {side_state.name for side_state in registry.sides}:
        return invalid(
            "/side/name",
            sentence(
                "%(side)s is already a side or a reserved name; choose another name",
                side=side.name,
            ),
        )
    if len(registry.sides) == SIDES:
        return invalid("/side", sentence("a channel has at most %(limit)s sides", limit=SIDES))
    if len(set(side.roots)) < len(side.roots) or side.threshold > len(side.roots):
        return invalid(
            "/side/roots",
            sentence("name each key once, and set the threshold to at most the number of keys"),
        )
    refusal = _check_keys(registry, side.roots)
    return None if refusal is None else invalid("/side/roots", refusal.faults[0].detail)


def _check_handover(
    registry: Registry, record: Record, data: acts.LogHandover, position: int
) -> Refusal | None:
    """Refuse a handover to a used key, or at another place than its sides have signed.

    It is decided on the record before it. So whoever signs heads, and folds nothing,
    knows that the host has judged it at its very position.
    """
    if record.envelope.decided != str(position - 1):
        return Refusal(
            kind="void", detail=sentence("Another record came before this handover of the log.")
        )
    if data.epoch != len(registry.handovers) + 1:
        return invalid(
            "/epoch",
            sentence(
                "this channel's next handover has the number %(number)s",
                number=len(registry.handovers) + 1,
            ),
        )
    wanting = log_policy.dispensable(registry, full_sides(registry))
    if wanting:
        return invalid(
            "/act",
            sentence(
                "a log is handed over only under a policy that asks a witness of every side; "
                "it asks none of %(sides)s: adopt such a policy first",
                sides=", ".join(wanting),
            ),
        )
    size = data.signed.seen.size if isinstance(data.signed, Signed) else 0
    if data.cut is True and size != position - 1:
        return invalid(
            "/cut",
            sentence(
                "the sides have signed that it follows record %(seen)s, and %(position)s come "
                "before it here",
                seen=size,
                position=position - 1,
            ),
        )
    refusal = _check_keys(registry, (data.key,))
    return None if refusal is None else invalid("/key", refusal.faults[0].detail)


def roots_hash(threshold: int, roots: Iterable[str]) -> str:
    """Return the hash that announces root keys before they are named.

    It covers their ids and the number of them that must sign.
    """
    ids_of = "".join(
        f"{keyid}\n" for keyid in sorted(dsse.key_id(public_of(root)) for root in roots)
    )
    return hashlib.sha256(f"dragoman-roots/v1\n{threshold}\n{ids_of}".encode()).hexdigest()


def disputed(registry: Registry, record: Record, position: int) -> list[str]:
    """Return the ids of suspected keys that signed a valid record.

    A key is suspected if it is held for stolen from a position before the record. The
    record stays valid.
    """
    return [
        keyid
        for keyid in sorted(signer_ids(record))
        if (key := registry.keys.get(keyid)) is not None and is_suspect(key, position)
    ]


def is_suspect(key: Key, position: int) -> bool:
    """Return whether a key's signature at a position may be somebody else's.

    The key's own revocation says so.
    """
    return (
        key.suspect_from is not None
        and key.until is not None
        and key.suspect_from <= position < key.until
    )


def signer_ids(record: Record) -> set[str]:
    """Return the ids of the keys of the signatures in a record, valid or not."""
    return _keyids(or_default(record.envelope.signatures, ""))


def _keyids(signatures: str) -> set[str]:
    return set(dsse.read_signatures(signatures, SIGNATURES) or ()) if signatures else set()


def signed_for(registry: Registry, signatures: str, officers: Iterable[str]) -> tuple[str, ...]:
    """Return the officers in whose name their side's station signed a valid record.

    All their keys under the record's `signatures` are kept by the station. `officers`
    are the actor and the officer who released the record. A later registry gives the
    same answer, since a key is entered once.
    """
    keys = [key for keyid in _keyids(signatures) if (key := registry.keys.get(keyid)) is not None]
    return tuple(
        officer
        for officer in officers
        if (keepers := [key.kept_by for key in keys if key.owner == officer]) and all(keepers)
    )


def _check_keys(registry: Registry, keys: tuple[str, ...]) -> Refusal | None:
    """Refuse a key that is not sound, or that is or was in use here."""
    for index, key in enumerate(keys):
        public = dsse.decode_base64(key, 32)
        if (
            public is None
            or not dsse.is_sound(public)
            or dsse.key_id(public) in registry.keys
            or public in log_policy.keys_of(registry)
        ):
            return invalid(
                f"/keys/{index}",
                sentence("the key is not sound, or is or was in use here; make another one"),
            )
    return None


def evolve(registry: Registry, folding: Folding) -> Registry:
    """Return the registry after an act that changes members."""
    position, side = folding.stamp.position, folding.record.side
    match folding.record.data:
        case acts.Officer() as data:
            name = f"{side}/{data.officer}"
            keys = or_default(data.keys, ())
            added = {
                dsse.key_id(public_of(key)): Key(
                    public=key,
                    owner=name,
                    since=position,
                    kept_by=or_default(data.kept_by, ""),
                )
                for key in keys
            }
            officer = OfficerState(office=data.office, roles=data.roles, since=position)
            return replace(
                registry,
                officers={**registry.officers, name: officer},
                keys={**registry.keys, **added},
            )
        case acts.OfficerRevocation() as data:
            name = f"{side}/{data.officer}"
            keys_after = {
                keyid: replace(key, until=position)
                if key.owner == name and key.until is None
                else key
                for keyid, key in registry.keys.items()
            }
            revoked = replace(registry.officers[name], until=position)
            return replace(registry, officers={**registry.officers, name: revoked}, keys=keys_after)
        case acts.KeyAddition() as data:
            added = {
                dsse.key_id(public_of(key)): Key(
                    public=key,
                    owner=f"{side}/{data.officer}",
                    since=position,
                    kept_by=or_default(data.kept_by, ""),
                )
                for key in data.keys
            }
            return replace(registry, keys={**registry.keys, **added})
        case acts.RootRotation() as data:
            return _rotated(registry, side, data, position)
        case acts.SideAdmission() as data:
            return _admitted(registry, data.side, position)
        case acts.LogHandover() as data:
            handover = Handover(
                key=data.key,
                since=position,
                cut=data.cut is True,
                host_url=or_default(data.host_url, ""),
            )
            return replace(registry, handovers=(*registry.handovers, handover))
        case acts.KeyRevocation() as data:
            key = registry.keys[data.key]
            suspect_from = or_default(data.suspect_from, None)
            ended = replace(
                key, until=position if key.until is None else key.until, suspect_from=suspect_from
            )
            return replace(registry, keys={**registry.keys, data.key: ended})
        case _:
            return registry


def rooted(side: acts.GenesisSide) -> SideState:
    """Return the state of a side with its root keys."""
    return SideState(
        name=side.name,
        roots=tuple(dsse.key_id(public_of(root)) for root in side.roots),
        threshold=side.threshold,
        next_roots=or_default(side.next_roots, ""),
        observer=side.observer is True,
    )


def root_keys(side: acts.GenesisSide, since: int) -> dict[str, Key]:
    """Return a side's root keys, valid from a position on."""
    return {
        dsse.key_id(public_of(root)): Key(public=root, owner=f"{side.name}/{ROOT}", since=since)
        for root in side.roots
    }


def _admitted(registry: Registry, side: acts.GenesisSide, position: int) -> Registry:
    return replace(
        registry,
        sides=(*registry.sides, rooted(side)),
        keys={**registry.keys, **root_keys(side, position)},
    )


def _rotated(registry: Registry, side: str, data: acts.RootRotation, position: int) -> Registry:
    """Return the registry in which a side has other roots.

    The old roots can sign nothing more.
    """
    owner = f"{side}/{ROOT}"
    keys = {
        keyid: replace(key, until=position) if key.owner == owner and key.until is None else key
        for keyid, key in registry.keys.items()
    }
    fresh = acts.GenesisSide(
        name=side, roots=data.roots, threshold=data.threshold, next_roots=data.next_roots
    )
    sides = tuple(
        rooted(fresh) if side_state.name == side else side_state for side_state in registry.sides
    )
    return replace(registry, keys={**keys, **root_keys(fresh, position)}, sides=sides)

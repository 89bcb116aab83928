"""The opening of a channel: checks of position 1, and the registry that it creates."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Struct

from dragoman.domain.acts import log_policy, membership
from dragoman.domain.acts.access import SERVICE
from dragoman.domain.acts.families.channel import OPENING
from dragoman.domain.record.codec import Record, type_of
from dragoman.domain.record.errors import Refusal, invalid, make_refusal
from dragoman.text import sentence
from dragoman.tlog import dsse
from dragoman.tlog.note import ED25519, Verifier
from dragoman_schemas.act_frame import Signed
from dragoman_schemas.acts.office import channel as acts
from dragoman_schemas.acts.rules_versions import ACTS, NEWEST
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import (
    Registry,
    Stamp,
)

FORBIDDEN_SIDE: Final = SERVICE


EXERCISE_SUFFIX: Final = "-exercise"


class _NamedOpening(Struct):
    act: str
    name: str
    rules: int


class _NamedGenesis(Struct):
    data: _NamedOpening


_decode_named = msgspec.json.Decoder(_NamedGenesis).decode


def rules_named(raw: bytes) -> tuple[str, int] | None:
    """Return the name and the version of the rules that an opening at position 1 names.

    None if the message is no opening. Nothing else of it is read, because a newer
    version may have other members.
    """
    try:
        opening = _decode_named(raw).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if opening.act != OPENING.act or opening.rules < 1:
        return None
    return opening.name, opening.rules


def cid_of(act: bytes) -> str:
    """Return the channel's id: the digest of the genesis act that every side signed.

    Auditors keep it.
    """
    return hashlib.sha256(b"dragoman-channel/v1\n" + act).hexdigest()


def check_genesis(record: Record) -> Refusal | None:
    """Refuse a record that cannot be position 1.

    Its sides and keys must be sound, and each side's threshold of root keys must have
    signed its act bytes.
    """
    data, envelope = record.data, record.envelope
    if not isinstance(data, acts.ChannelOpening):
        return make_refusal("invalid-act", "Position 1 must be the channel's opening.")
    derived = (
        type_of(OPENING.act, OPENING.version),
        f"urn:dragoman:schema:{OPENING.act}:{OPENING.version}",
        "channel",
        UNSET,
        UNSET,
    )
    if derived != (
        envelope.type,
        envelope.dataschema,
        envelope.family,
        envelope.releasedby,
        envelope.causationid,
    ):
        return invalid("", sentence("a derived member has a wrong value"))
    if data.signed is not UNSET or (envelope.actor, envelope.source, envelope.decided) != (
        "service/desk",
        "/services/desk",
        "0",
    ):
        return invalid(
            "/act",
            sentence(
                "an opening is recorded by service/desk, decided on position 0, without `signed`"
            ),
        )
    if (
        data.name != envelope.channel
        or envelope.subject != envelope.id
        or envelope.attestation != "author"
    ):
        return invalid(
            "/name", sentence("the opening's name, exchange and attestation must be the record's")
        )
    return check_opening(data) or _check_root_signatures(data, record)


def check_opening(data: acts.ChannelOpening) -> Refusal | None:
    """Refuse an opening that the sides may not sign.

    Its sides, keys, kind and policy must be sound.
    """
    log = Verifier(data.origin, ED25519, membership.public_of(data.log_key))
    return (
        _check_rules(data)
        or _check_sides(data)
        or _check_kind(data)
        or log_policy.check_opening(log, data)
    )


def _check_rules(data: acts.ChannelOpening) -> Refusal | None:
    if data.rules in ACTS:
        return None
    return invalid(
        "/rules",
        sentence(
            "this program has rules 1 to %(newest)s; name one of these, or install a newer release",
            newest=NEWEST,
        ),
    )


def _check_sides(data: acts.ChannelOpening) -> Refusal | None:
    names = [side.name for side in data.sides]
    if len(set(names)) < len(names) or FORBIDDEN_SIDE in names:
        return invalid(
            "/sides",
            sentence("each side is named once, and none is called %(name)s", name=FORBIDDEN_SIDE),
        )
    roots = [root for side in data.sides for root in side.roots]
    if len({*roots, data.log_key}) < len(roots) + 1:
        return invalid("/sides", sentence("a key is used twice; make another one"))
    for root in (*roots, data.log_key):
        public = dsse.decode_base64(root, 32)
        if public is None or not dsse.is_sound(public):
            return invalid(
                "/sides",
                sentence("%(key)s is not a sound Ed25519 public key; make another one", key=root),
            )
    if any(side.threshold > len(side.roots) for side in data.sides):
        return invalid("/sides", sentence("a threshold asks for more keys than the side has"))
    return None


def _check_kind(data: acts.ChannelOpening) -> Refusal | None:
    if (data.kind == "exercise") != (data.exercise_of is not UNSET) or (
        data.kind == "exercise"
    ) != data.name.endswith(EXERCISE_SUFFIX):
        return invalid(
            "/kind",
            sentence(
                "only an exercise names a live channel, and only its name ends in %(suffix)s; it "
                "must do both",
                suffix=EXERCISE_SUFFIX,
            ),
        )
    return None


def _check_root_signatures(data: acts.ChannelOpening, record: Record) -> Refusal | None:
    return _wanting(data.sides, record)


def _wanting(sides: Sequence[acts.GenesisSide], record: Record) -> Refusal | None:
    """Refuse a record that the roots of not all of these sides have signed."""
    signers = membership.valid_signers(
        record,
        {
            dsse.key_id(membership.public_of(root)): membership.public_of(root)
            for side in sides
            for root in side.roots
        }.get,
    )
    if signers is None:
        return invalid("", sentence("a signature is not valid, or its key is not a root key"))
    for side in sides:
        signed = sum(dsse.key_id(membership.public_of(root)) in signers for root in side.roots)
        if signed < side.threshold:
            return invalid(
                "",
                sentence(
                    "%(side)s has %(signed)s of %(threshold)s root signatures",
                    side=side.name,
                    signed=signed,
                    threshold=side.threshold,
                ),
            )
    return None


def handed_over(
    log: Verifier, cid: str, sides: Iterable[acts.GenesisSide], position: int, record: Record
) -> Verifier:
    """Return a log's key after a proved record: with its handover, if it is one.

    Only the roots of all `sides` count, as they were at the opening or the admission.
    So whoever has no replay follows a handover that these have signed, and no other.
    They may have signed one of another channel with the same keys.
    """
    data, full = record.data, [side for side in sides if side.observer is not True]
    if (
        not isinstance(data, acts.LogHandover)
        or not isinstance(data.signed, Signed)
        or data.signed.channel != cid
        or data.epoch != len(log.later) + 1
        or _wanting(full, record) is not None
    ):
        return log
    later = (*log.later, (position, membership.public_of(data.key)))
    return Verifier(log.name, log.type, log.public, later)


def registry_of(record: Record[acts.ChannelOpening], stamp: Stamp) -> Registry:
    """Return the registry that a valid genesis creates."""
    data = record.data
    keys = {
        keyid: key for side in data.sides for keyid, key in membership.root_keys(side, 0).items()
    }
    return Registry(
        id=record.envelope.id,
        cid=cid_of(record.act),
        name=data.name,
        kind=data.kind,
        custody="host" if data.custody == "host" else "sides",
        sides=tuple(membership.rooted(side) for side in data.sides),
        languages=data.languages,
        marking=or_default(data.marking, "SIDES ONLY"),
        exercise_of=or_default(data.exercise_of, None),
        required_signatures=or_default(data.required_signatures, ()),
        file_types=or_default(data.file_types, None),
        origin=data.origin,
        log_key=data.log_key,
        policy=or_default(data.policy, ""),
        rules=data.rules,
        opened=stamp,
        keys=keys,
        etag=record.commit,
    )

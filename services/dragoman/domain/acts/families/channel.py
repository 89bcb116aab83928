"""The channel's own family, which folds to the registry: sides, officers, keys, and what was delivered to whom.

    channel-opening      the desk, at position 1 alone, signed by the root threshold of every side
    officer              root or an administrator; signed, and by every key that it adds
    officer-revocation   root or an administrator; signed
    key-addition         root or an administrator, and the new keys themselves: further keys of an officer
    side-admission       root or an administrator, the new side's roots, and root or an administrator of every other side
    erasure-consent      root or an administrator: what the side consents to take out of the record, or does no more
    erasure              root or an administrator, and root or an administrator of every other side: whole exchanges (`erasure.py`)
    root-rotation        root: other root keys, signed by thresholds of the old and of the new; matching the hash of the next ones, if announced
    key-revocation       root, an administrator, or the officer with that key: it signs nothing more, and does not return
    delivery             the gateway, silent: a watermark per side that only rises
    broker-outage        the gateway, silent: from when to when it had no broker
    profile-adoption     root or an administrator; signed. Limits bind when every side has adopted the same profile
    codebook-adoption    root or an administrator; signed. A coded message is of a version that every side has adopted
    policy-adoption      root or an administrator; signed. It is in force once every side has adopted the same
    channel-status       head of office, two keys, numbered N21: in force, degraded, suspended, resumed. Blocks nothing
    watch-assumption     a duty officer, who has the watch of the side from then on
    watch-relief         the duty officer who has it, or who takes it over: with a note, to another one or to nobody

All continue the genesis exchange (record.md §3, §5).
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import erasure, field_checks, log_policy, membership
from dragoman.domain.acts.access import ROOT, SERVICE, officer_side
from dragoman.domain.acts.act_rules import DUTY, HEADS, NOBODY, OFFICERS, STAFF, Folding, Rule, Who
from dragoman.domain.record.codec import Record, type_of
from dragoman.domain.record.errors import Refusal, invalid, make_refusal
from dragoman.limits import CLOCK_SKEW_SECONDS
from dragoman.text import sentence
from dragoman.tlog import dsse
from dragoman.tlog.note import ED25519, Verifier
from dragoman_schemas.acts.office import channel as acts
from dragoman_schemas.acts.office.channel import Role
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.fields import Window, or_default
from dragoman_schemas.state import (
    Adopted,
    AdoptedCodebook,
    AdoptedPolicy,
    Delivered,
    Outage,
    Registry,
    Stamp,
    Status,
    WatchState,
)

_members = msgspec.json.Decoder(dict[str, Raw]).decode

ADMINISTRATORS: Final[frozenset[Role]] = frozenset({"administrator"})
FORBIDDEN_SIDE: Final = SERVICE
FORBIDDEN_OFFICER: Final = ROOT
EXERCISE_SUFFIX: Final = "-exercise"

OPENING: Final = Rule(
    act="channel-opening", shape=acts.ChannelOpening, family="channel", who=Who.DESK
)
RULES: Final = (
    OPENING,
    Rule(
        act="officer", shape=acts.Officer, family="channel", who=Who.KEEPERS, roles=ADMINISTRATORS
    ),
    Rule(
        act="officer-revocation",
        shape=acts.OfficerRevocation,
        family="channel",
        who=Who.KEEPERS,
        roles=ADMINISTRATORS,
    ),
    Rule(
        act="key-addition",
        shape=acts.KeyAddition,
        family="channel",
        who=Who.KEEPERS,
        roles=ADMINISTRATORS,
    ),
    Rule(
        act="key-revocation",
        shape=acts.KeyRevocation,
        family="channel",
        who=Who.KEEPERS,
        roles=STAFF,
    ),
    Rule(
        act="side-admission",
        shape=acts.SideAdmission,
        family="channel",
        who=Who.KEEPERS,
        roles=ADMINISTRATORS,
    ),
    Rule(
        act="erasure", shape=acts.Erasure, family="channel", who=Who.KEEPERS, roles=ADMINISTRATORS
    ),
    Rule(
        act="erasure-consent",
        shape=acts.ErasureConsent,
        family="channel",
        who=Who.KEEPERS,
        roles=ADMINISTRATORS,
        consenting=True,
    ),
    Rule(
        act="root-rotation",
        shape=acts.RootRotation,
        family="channel",
        who=Who.KEEPERS,
        roles=NOBODY,
    ),
    Rule(
        act="profile-adoption",
        shape=acts.ProfileAdoption,
        family="channel",
        who=Who.KEEPERS,
        roles=ADMINISTRATORS,
    ),
    Rule(
        act="codebook-adoption",
        shape=acts.CodebookAdoption,
        family="channel",
        who=Who.KEEPERS,
        roles=ADMINISTRATORS,
    ),
    Rule(
        act="policy-adoption",
        shape=acts.PolicyAdoption,
        family="channel",
        who=Who.KEEPERS,
        roles=ADMINISTRATORS,
    ),
    Rule(
        act="channel-status",
        shape=acts.ChannelStatus,
        family="channel",
        who=Who.ANY,
        roles=HEADS,
        two_key=True,
        numbered="O",
        code="N21",
    ),
    Rule(
        act="watch-assumption",
        shape=acts.WatchAssumption,
        family="channel",
        who=Who.ANY,
        roles=DUTY,
    ),
    Rule(act="watch-relief", shape=acts.WatchRelief, family="channel", who=Who.ANY, roles=DUTY),
    Rule(
        act="delivery",
        shape=acts.Delivery,
        family="channel",
        who=Who.GATEWAY,
        roles=OFFICERS,
        silent=True,
    ),
    Rule(
        act="broker-outage",
        shape=acts.BrokerOutage,
        family="channel",
        who=Who.GATEWAY,
        roles=OFFICERS,
        silent=True,
    ),
)


def cid_of(act: bytes) -> str:
    """Return the channel's id: what auditors keep, made from the genesis act that every side signed."""
    return hashlib.sha256(b"dragoman-channel/v1\n" + act).hexdigest()


def delivery_key(side: str, upto: int) -> str:
    """Return the key from which the id of a `delivery` is made."""
    return f"delivery\n{side}\n{upto}"


def delivery_act(side: str, upto: int) -> bytes:
    """Return the bytes of a `delivery`, the same from every gateway."""
    return b'{"act":"delivery","side":"%s","upto":%d}' % (side.encode(), upto)


def outage_key(since: str, until: str) -> str:
    """Return the key from which the id of a `broker-outage` is made."""
    return f"broker-outage\n{since}\n{until}"


def outage_act(since: str, until: str, cause: str) -> bytes:
    """Return the bytes of a `broker-outage`."""
    return b'{"act":"broker-outage","from":"%s","to":"%s","cause":"%s"}' % (
        since.encode(),
        until.encode(),
        cause.encode(),
    )


# Genesis


def check_genesis(record: Record) -> Refusal | None:
    """Return whether a record may be position 1: its sides and keys are sound, and each side's threshold signed these act bytes."""
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
        return invalid("", sentence("a derived member is not what it must be"))
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
    """Return whether the sides may sign an opening: its sides, keys, kind and policy are sound."""
    log = Verifier(data.origin, ED25519, membership.public_of(data.log_key))
    return _check_sides(data) or _check_kind(data) or log_policy.check_opening(log, data)


def _check_sides(data: acts.ChannelOpening) -> Refusal | None:
    names = [side.name for side in data.sides]
    if len(set(names)) < len(names) or FORBIDDEN_SIDE in names:
        return invalid(
            "/sides",
            sentence("each side is named once, and none is called %(name)s", name=FORBIDDEN_SIDE),
        )
    roots = [root for side in data.sides for root in side.roots]
    if len({*roots, data.log_key}) < len(roots) + 1:
        return invalid("/sides", sentence("a key may serve once; make another one"))
    for root in (*roots, data.log_key):
        public = dsse.decode_base64(root, 32)
        if public is None or not dsse.is_sound(public):
            return invalid(
                "/sides",
                sentence("%(key)s is no sound Ed25519 public key; make another one", key=root),
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
                "an exercise, and nothing else, names its live channel and ends in %(suffix)s",
                suffix=EXERCISE_SUFFIX,
            ),
        )
    return None


def _check_root_signatures(data: acts.ChannelOpening, record: Record) -> Refusal | None:
    signers = membership.valid_signers(
        record,
        {
            dsse.key_id(membership.public_of(root)): membership.public_of(root)
            for side in data.sides
            for root in side.roots
        }.get,
    )
    if signers is None:
        return invalid("", sentence("a signature does not hold, or is of no root key"))
    for side in data.sides:
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


def registry_of(record: Record, stamp: Stamp) -> Registry:
    """Return the registry that a valid genesis opens."""
    data = record.data
    assert isinstance(data, acts.ChannelOpening)
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
        origin=data.origin,
        log_key=data.log_key,
        policy=or_default(data.policy, ""),
        rules=data.rules,
        opened=stamp,
        keys=keys,
        etag=record.commit,
    )


# What continues the genesis


def check(
    registry: Registry, record: Record, position: int, actor_at: Callable[[int], str | None]
) -> Refusal | None:
    """Return an officer or a key is entered or revoked under a name that holds; a watermark rises onto another side's act; and so on."""
    data = record.data
    if isinstance(data, membership.MEMBERSHIP):
        return membership.check(registry, record, position)
    match data:
        case acts.ProfileAdoption():
            return _check_adoption(registry, data)
        case acts.CodebookAdoption():
            return _check_codebook(data)
        case acts.PolicyAdoption():
            return log_policy.check(
                log_policy.log_of(registry),
                [side.name for side in registry.sides],
                registry.keys,
                data.policy,
            )
        case acts.Delivery():
            return _check_delivery(registry, record, data, position, actor_at)
        case acts.BrokerOutage():
            return _check_outage(registry, record, data)
        case _:
            return _check_standing(registry, record)


def _check_standing(registry: Registry, record: Record) -> Refusal | None:
    """Return what an officer says of the channel as a whole, or of the watch."""
    match record.data:
        case acts.ChannelStatus() as data if data.status == "suspended" and data.reason is UNSET:
            return invalid("/reason", sentence("a suspension says in writing why; give the reason"))
        case acts.WatchAssumption():
            watch = registry.watches.get(record.side)
            mine = watch is not None and watch.since.by == record.envelope.actor
            return invalid("/act", sentence("you have the watch already")) if mine else None
        case acts.WatchRelief() as data:
            return _check_relief(registry, record, data)
        case _:
            return None


def _check_codebook(data: acts.CodebookAdoption) -> Refusal | None:
    codebook = CODEBOOKS.get(data.codebook)
    there = codebook is not None and codebook.version >= data.version
    return (
        None
        if there
        else invalid(
            "/codebook",
            sentence(
                "there is no %(codebook)s %(version)s; there is %(codebooks)s",
                codebook=data.codebook,
                version=data.version,
                codebooks=", ".join(CODEBOOKS),
            ),
        )
    )


def _check_adoption(registry: Registry, data: acts.ProfileAdoption) -> Refusal | None:
    checked = data.line_check
    if isinstance(checked, UnsetType):
        return None
    return (
        field_checks.zone("/line_check/zone", checked.zone)
        or field_checks.times(**{"line_check/from": checked.from_})
        or field_checks.side(
            registry,
            "/line_check/sent_by",
            UNSET if checked.sent_by == "alternating" else checked.sent_by,
        )
    )


def _check_relief(registry: Registry, record: Record, data: acts.WatchRelief) -> Refusal | None:
    if record.side not in registry.watches:
        return invalid(
            "/act",
            sentence(
                "nobody has the watch of %(side)s; take it with watch-assumption", side=record.side
            ),
        )
    if isinstance(data.to, UnsetType):
        return None
    taker = registry.officers.get(f"{record.side}/{data.to}")
    if taker is None or taker.until is not None or DUTY.isdisjoint(taker.roles):
        return invalid(
            "/to",
            sentence(
                "%(officer)s is no duty officer of %(side)s; name the officer who takes the watch",
                officer=data.to,
                side=record.side,
            ),
        )
    if registry.watches[record.side].since.by == f"{record.side}/{data.to}":
        return invalid(
            "/to",
            sentence(
                "%(officer)s has the watch already; name the officer who takes it, or leave it out to end it",
                officer=data.to,
            ),
        )
    return None


def _check_delivery(
    registry: Registry,
    record: Record,
    data: acts.Delivery,
    position: int,
    actor_at: Callable[[int], str | None],
) -> Refusal | None:
    before = registry.delivered.get(data.side)
    actor = actor_at(data.upto) if data.upto < position else None
    if (
        data.side not in {side.name for side in registry.sides}
        or actor is None
        or officer_side(actor) in ("", data.side)
    ):
        return invalid("/upto", sentence("a delivery ends on an act of another side's officer"))
    if before is not None and data.upto <= before.upto:
        return invalid("/upto", sentence("a delivery only rises"))
    if record.act != delivery_act(data.side, data.upto):
        return invalid("", sentence("a delivery's bytes are determined"))
    return None


def _check_outage(registry: Registry, record: Record, data: acts.BrokerOutage) -> Refusal | None:
    """It has ended, and not before it began, and lies within none that is on record; its bytes are determined."""
    if record.act != outage_act(data.from_, data.to, data.cause):
        return invalid("", sentence("an outage's bytes are determined"))
    outage = registry.outage
    if (
        outage is not None
        and _instant(outage.from_) <= _instant(data.from_)
        and _instant(data.to) <= _instant(outage.to)
    ):
        return invalid("/to", sentence("this outage lies within the one that is on record"))
    refusal = field_checks.window("/to", Window(from_=data.from_, to=data.to))
    if (
        refusal is None
        and datetime.fromisoformat(data.to) > datetime.fromisoformat(record.envelope.time) + _SKEW
    ):
        return invalid("/to", sentence("an outage is told when it is over"))
    return refusal


_SKEW: Final = timedelta(seconds=CLOCK_SKEW_SECONDS)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def evolve(registry: Registry, folding: Folding) -> Registry:
    """Return the registry after an act of the channel's family."""
    side = folding.record.side
    if isinstance(folding.record.data, membership.MEMBERSHIP):
        return membership.evolve(registry, folding)
    match folding.record.data:
        case acts.BrokerOutage() as data:
            return replace(registry, outage=Outage(from_=data.from_, to=data.to, cause=data.cause))
        case acts.ProfileAdoption() as data:
            schedule = _member(folding.record, "line_check")
            adopted = Adopted(adopted=folding.stamp, profile=data.profile, line_check=schedule)
            return replace(registry, profiles={**registry.profiles, side: adopted})
        case acts.CodebookAdoption() as data:
            book = AdoptedCodebook(
                adopted=folding.stamp, codebook=data.codebook, version=data.version
            )
            return replace(registry, codebooks={**registry.codebooks, side: book})
        case acts.PolicyAdoption() as data:
            policies = {
                **registry.policies,
                side: AdoptedPolicy(adopted=folding.stamp, policy=data.policy),
            }
            return replace(
                registry,
                policies=policies,
                policy=log_policy.agreed(
                    policies, [side_state.name for side_state in registry.sides], registry.policy
                ),
            )
        case acts.ChannelStatus() as data:
            return replace(
                registry,
                status=Status(
                    said=folding.stamp, status=data.status, reason=_member(folding.record, "reason")
                ),
            )
        case acts.WatchAssumption():
            return replace(
                registry, watches={**registry.watches, side: WatchState(since=folding.stamp)}
            )
        case acts.WatchRelief() as data:
            return replace(registry, watches=_relieved(registry, folding, data))
        case acts.Erasure() as data:
            gone = dict.fromkeys(erasure.exchanges_of(data), folding.stamp)
            return replace(
                registry,
                erased={**registry.erased, **gone},
                consents=erasure.consents_without(registry, gone),
            )
        case acts.ErasureConsent() as data:
            return replace(
                registry, consents=erasure.consents_after(registry, data, side, folding.stamp)
            )
        case acts.Delivery() as data:
            mark = Delivered(upto=data.upto, recorded=folding.stamp)
            return replace(registry, delivered={**registry.delivered, data.side: mark})
        case _:
            return registry


def _member(record: Record, name: str) -> Raw | UnsetType:
    """Return a member of an act as its bytes stand in the log."""
    return _members(record.newest).get(name, UNSET)


def _relieved(
    registry: Registry, folding: Folding, data: acts.WatchRelief
) -> dict[str, WatchState]:
    """Return the watches after one was handed over, or ended."""
    side = folding.record.side
    if isinstance(data.to, UnsetType):
        return {name: watch for name, watch in registry.watches.items() if name != side}
    stamp = replace(folding.stamp, by=f"{side}/{data.to}")
    return {**registry.watches, side: WatchState(since=stamp, note=_member(folding.record, "note"))}

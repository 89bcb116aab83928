"""The channel's own family, which folds to the registry of sides, officers and keys.

    channel-opening     service/desk, at position 1; signed by every side's root keys
    officer             keepers; signed, and by every key that it adds
    officer-revocation  keepers; signed
    key-addition        keepers, and the new keys: further keys of an officer
    key-revocation      keepers, or the officer with that key: it signs nothing more
    side-admission      keepers of every other side, and the new side's roots
    log-handover        keepers of every side: another key signs the log's heads
    channel-end         keepers of every side: nothing is said or owed any more
    erasure-consent     keepers: the side's consent to an erasure, or its withdrawal
    erasure             keepers of every side: whole exchanges (`erasure.py`)
    root-rotation       root: other root keys, signed by the old and the new ones
    profile-adoption    keepers; signed
    codebook-adoption   keepers; signed
    policy-adoption     keepers; signed
    rules-adoption      keepers; signed (`versions/adoption.py`)
    onward-adoption     head of office: whom the side tells of which messages
    channel-status      head of office, two keys, numbered N21
    watch-assumption    a duty officer, who has the watch of the side from then on
    watch-relief        the duty officer who has the watch, or who takes it over
    delivery            the gateway, silent: a watermark of each side that only rises;
                        of a side with a station its station says it
    broker-outage       the gateway, silent: a time in which it did not see the log
    line-outage         a station, silent: a time in which it had no line to the host

Keepers are root and the administrators of a side. Where root keys sign, a threshold of
them signs. A revoked key does not return. Rotated root keys match the hash of the next
ones, if the side announced it. Limits bind once every side has adopted the same
profile, and a policy is in force once every side has adopted it. A coded message is of
a codebook version that every side has adopted. A channel status is in_force, degraded,
suspended or resumed, and blocks nothing. A watch relief may have a note, and goes to
another officer or to nobody.

All acts continue the genesis exchange (`docs/spec/record.md`, section 14).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import erasure, field_checks, log_policy, membership
from dragoman.domain.acts.access import (
    ROOT,
    SERVICE,
    full_sides,
    officer_side,
    stations_of,
)
from dragoman.domain.acts.act_rules import (
    DUTY,
    HEADS,
    NOBODY,
    OFFICERS,
    STAFF,
    STATION,
    Folding,
    Rule,
    Who,
)
from dragoman.domain.acts.versions import adoption
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.limits import CLOCK_SKEW_SECONDS
from dragoman.text import sentence
from dragoman_schemas.act_frame import OpeningAct
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.acts.office import channel as acts
from dragoman_schemas.acts.office.channel import Role
from dragoman_schemas.acts.rules_versions import ACTS
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.fields import Window, or_default
from dragoman_schemas.state import (
    Adopted,
    AdoptedCodebook,
    AdoptedOnward,
    AdoptedPolicy,
    Delivered,
    EndOfChannel,
    OnwardList,
    Outage,
    Registry,
    Status,
    WatchState,
)

_members = msgspec.json.Decoder(dict[str, Raw]).decode

ADMINISTRATORS: Final[frozenset[Role]] = frozenset({"administrator"})
FORBIDDEN_OFFICER: Final = ROOT

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
        act="log-handover",
        shape=acts.LogHandover,
        family="channel",
        who=Who.KEEPERS,
        roles=ADMINISTRATORS,
    ),
    Rule(
        act="channel-end",
        shape=acts.ChannelEnd,
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
        act="rules-adoption",
        shape=acts.RulesAdoption,
        family="channel",
        who=Who.KEEPERS,
        roles=ADMINISTRATORS,
    ),
    Rule(
        act="onward-adoption",
        shape=acts.OnwardAdoption,
        family="channel",
        who=Who.ANY,
        roles=HEADS,
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
        station=True,
    ),
    Rule(
        act="broker-outage",
        shape=acts.BrokerOutage,
        family="channel",
        who=Who.GATEWAY,
        roles=OFFICERS,
        silent=True,
    ),
    Rule(
        act="line-outage",
        shape=acts.LineOutage,
        family="channel",
        who=Who.STATION,
        roles=STATION,
        station=True,
        silent=True,
    ),
)


AFTER_THE_END: Final = frozenset(
    {
        *("erasure-consent", "erasure", "officer", "officer-revocation"),
        *("key-addition", "key-revocation", "root-rotation", "log-handover"),
    }
)
"""The acts that are still possible once all sides have ended the channel.

The sides may still erase what they said. Officers come and go, who read the log, and a
stolen key must not sign an erasure. The host may be lost, and another keeps the log.
"""


def check_ended(registry: Registry, act: str) -> Refusal | None:
    """Refuse an act in a channel that all sides have ended."""
    if registry.ended is None or act in AFTER_THE_END:
        return None
    successor = registry.ended.successor
    refused = (
        sentence("All sides ended the channel; nothing more can be said in it.")
        if successor is None
        else sentence(
            "All sides ended the channel; go on in %(successor)s.", successor=successor.name
        )
    )
    return Refusal(kind="not-allowed-in-state", detail=refused)


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


# Acts that continue the genesis


def check(
    registry: Registry, record: Record, position: int, actor_at: Callable[[int], str | None]
) -> Refusal | None:
    """Refuse an act of the channel's family that breaks its rules.

    For example, a name of an officer or a key is not valid, or a watermark does not
    rise onto an act of another side.
    """
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
                full_sides(registry),
                registry.keys,
                data.policy,
            )
        case acts.RulesAdoption():
            return adoption.check(registry, record.side, data)
        case acts.ChannelEnd(successor=acts.Successor(cid=registry.cid)):
            return invalid("/successor/cid", sentence("a channel cannot be its own successor"))
        case acts.Delivery():
            return _check_delivery(registry, record, data, position, actor_at)
        case acts.BrokerOutage():
            if record.act != outage_act(data.from_, data.to, data.cause):
                return invalid("", sentence("an outage's bytes are determined"))
            return _check_outage(registry.outage, record, data)
        case acts.LineOutage():
            return _check_outage(registry.line_outages.get(record.side), record, data)
        case _:
            return _check_standing(registry, record)


def _check_standing(registry: Registry, record: Record) -> Refusal | None:
    """Refuse an invalid act of an officer on the channel's status or the watch."""
    match record.data:
        case acts.OnwardAdoption() as data:
            return _check_onward(registry, data)
        case acts.ChannelStatus() as data if data.status == "suspended" and data.reason is UNSET:
            return invalid(
                "/reason", sentence("a suspension needs a written reason; give it in `reason`")
            )
        case acts.WatchAssumption():
            watch = registry.watches.get(record.side)
            mine = watch is not None and watch.since.by == record.envelope.actor
            return invalid("/act", sentence("you have the watch already")) if mine else None
        case acts.WatchRelief() as data:
            return _check_relief(registry, record, data)
        case _:
            return None


def _check_onward(registry: Registry, data: acts.OnwardAdoption) -> Refusal | None:
    """Refuse an unknown format, and a format or a post that is named twice."""
    formats = [entry.format for entry in data.entries]
    for index, entry in enumerate(data.entries):
        shape = SHAPES.get(entry.format, object) if entry.format in ACTS[registry.rules] else object
        if not issubclass(shape, OpeningAct):
            return invalid(
                f"/entries/{index}/format",
                sentence(
                    "%(format)s is not a format; name one as its opening act is called",
                    format=entry.format,
                ),
            )
        if entry.format in formats[:index]:
            return invalid(
                f"/entries/{index}/format",
                sentence("%(name)s is named twice; name it once", name=entry.format),
            )
        for place, post in enumerate(entry.posts):
            if post in entry.posts[:place]:
                return invalid(
                    f"/entries/{index}/posts/{place}",
                    sentence("%(name)s is named twice; name it once", name=post),
                )
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
                "%(officer)s is not a duty officer of %(side)s; name the officer who takes "
                "the watch",
                officer=data.to,
                side=record.side,
            ),
        )
    if registry.watches[record.side].since.by == f"{record.side}/{data.to}":
        return invalid(
            "/to",
            sentence(
                "%(officer)s has the watch already; name the officer who takes it, or leave it out "
                "to end it",
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
    if record.side == SERVICE:
        if stations_of(registry, data.side):
            return Refusal(
                kind="void",
                detail=sentence(
                    "%(side)s has a station, and only the station says what was delivered there.",
                    side=data.side,
                ),
            )
    elif record.side != data.side:
        return invalid("/side", sentence("a station says what was delivered to its own side"))
    before = registry.delivered.get(data.side)
    actor = actor_at(data.upto) if data.upto < position else None
    if (
        data.side not in {side.name for side in registry.sides}
        or actor is None
        or officer_side(actor) in ("", data.side)
    ):
        return invalid("/upto", sentence("a delivery ends on an act of another side's officer"))
    if before is not None and data.upto <= before.upto:
        return invalid("/upto", sentence("a delivery must end after the delivery before it"))
    if record.side == SERVICE and record.act != delivery_act(data.side, data.upto):
        return invalid("", sentence("a delivery's bytes are determined"))
    return None


def _check_outage(
    outage: Outage | None, record: Record, data: acts.BrokerOutage | acts.LineOutage
) -> Refusal | None:
    """Refuse an outage that has not ended, or that is within the one on record.

    Its end must not be before its beginning. `outage` is the newest one of its kind.
    """
    refusal = field_checks.window("/to", Window(from_=data.from_, to=data.to))
    if refusal is not None:
        return refusal
    if (
        outage is not None
        and _instant(outage.from_) <= _instant(data.from_)
        and _instant(data.to) <= _instant(outage.to)
    ):
        return invalid("/to", sentence("this outage lies within the one that is on record"))
    if datetime.fromisoformat(data.to) > datetime.fromisoformat(record.envelope.time) + _SKEW:
        return invalid("/to", sentence("an outage is recorded only after its end"))
    return None


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
        case acts.LineOutage() as data:
            cut = Outage(from_=data.from_, to=data.to, cause="line")
            return replace(registry, line_outages={**registry.line_outages, side: cut})
        case (
            acts.ProfileAdoption()
            | acts.CodebookAdoption()
            | acts.PolicyAdoption()
            | acts.OnwardAdoption()
        ):
            return _adopted(registry, folding)
        case acts.RulesAdoption():
            return adoption.evolve(registry, folding)
        case acts.ChannelStatus() as data:
            return replace(
                registry,
                status=Status(
                    said=folding.stamp, status=data.status, reason=_member(folding.record, "reason")
                ),
            )
        case acts.ChannelEnd() as data:
            return replace(registry, ended=_ended(folding, data))
        case acts.WatchAssumption() | acts.WatchRelief() as data:
            return replace(registry, watches=_watches(registry, folding, data))
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


def _adopted(registry: Registry, folding: Folding) -> Registry:
    """Return the registry after a side has adopted something."""
    side = folding.record.side
    match folding.record.data:
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
                policy=log_policy.policy_after(policies, full_sides(registry), registry.policy),
            )
        case acts.OnwardAdoption() as data:
            lists = tuple(
                OnwardList(
                    format=entry.format,
                    posts=entry.posts,
                    before_min=or_default(entry.before_min, None),
                )
                for entry in data.entries
            )
            onward = AdoptedOnward(adopted=folding.stamp, lists=lists)
            return replace(
                registry,
                onward={**registry.onward, side: (*registry.onward.get(side, ()), onward)},
            )
        case _:
            return registry


def _member(record: Record, name: str) -> Raw | UnsetType:
    """Return a member of an act with its bytes from the log."""
    return _members(record.newest).get(name, UNSET)


def _ended(folding: Folding, data: acts.ChannelEnd) -> EndOfChannel:
    return EndOfChannel(
        said=folding.stamp,
        reason=_members(folding.record.newest)["reason"],
        successor=or_default(data.successor, None),
    )


def _watches(
    registry: Registry, folding: Folding, data: acts.WatchAssumption | acts.WatchRelief
) -> dict[str, WatchState]:
    """Return the watches after one was taken, was handed over, or ended."""
    side = folding.record.side
    if isinstance(data, acts.WatchAssumption):
        return {**registry.watches, side: WatchState(since=folding.stamp)}
    if isinstance(data.to, UnsetType):
        return {name: watch for name, watch in registry.watches.items() if name != side}
    stamp = replace(folding.stamp, by=f"{side}/{data.to}")
    return {**registry.watches, side: WatchState(since=stamp, note=_member(folding.record, "note"))}

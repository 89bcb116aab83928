"""Access: whether an actor may do an act on an object.

Pages, streams, lists, posts and audits all ask here.
"""

from collections.abc import Iterable
from typing import Final

from dragoman.domain.acts import consent
from dragoman.domain.acts.act_rules import DUTY, OFFICERS, Rule, Who
from dragoman.domain.record.errors import Refusal, make_refusal
from dragoman.text import NameValue, Text, sentence
from dragoman_schemas.state import Exchange, OfficerState, Registry

ROOT: Final = "root"
SERVICE: Final = "service"
_SERVICES: Final = {
    Who.GATEWAY: "gateway",
    Who.DESK: "desk",
    Who.WATCH: "watch",
    Who.COURIER: "courier",
}


def officer_side(actor: str) -> str:
    """Return the side for which an officer acted; empty for services and root keys."""
    side, _, name = actor.partition("/")
    return "" if side == SERVICE or name == ROOT else side


def officer_at(registry: Registry, actor: str, position: int) -> OfficerState | None:
    """Return the officer `side/name`, if in office at a position."""
    officer = registry.officers.get(actor)
    if officer is None or officer.since >= position:
        return None
    return officer if officer.until is None or officer.until >= position else None


def is_station(registry: Registry, actor: str) -> bool:
    """Return whether an actor is a station in office."""
    officer = registry.officers.get(actor)
    return officer is not None and officer.until is None and "station" in officer.roles


def is_station_key(registry: Registry, actor: str, keyid: str) -> bool:
    """Return whether a key is in force, and that of a station in office."""
    key = registry.keys.get(keyid)
    return (
        key is not None and key.until is None and key.owner == actor and is_station(registry, actor)
    )


def stations_of(registry: Registry, side: str) -> tuple[str, ...]:
    """Return the stations of a side that are in office."""
    return tuple(
        actor
        for actor in registry.officers
        if actor.startswith(f"{side}/") and is_station(registry, actor)
    )


def full_sides(registry: Registry) -> tuple[str, ...]:
    """Return the sides of a channel that owe and consent: all but its observers."""
    return tuple(side.name for side in registry.sides if not side.observer)


def observers(registry: Registry) -> frozenset[str]:
    """Return the sides that owe nothing and consent to nothing."""
    return frozenset(side.name for side in registry.sides if side.observer)


CONSENTING: Final = frozenset(
    {
        *("agreement", "endorsement", "acceptance", "accounts-agreement", "translation-agreement"),
        "adoption",
        *(
            "release-consent",
            "joinder-agreement",
            "agenda-agreement",
            "readout-agreement",
            "amendment-agreement",
        ),
        *("common-ground", "erasure-consent", "profile-adoption", "policy-adoption"),
        *("mechanism-suspension", "mechanism-end", "mechanism-resumption", "grant"),
        *("amendment", "amendment-refusal", "status-change"),
    }
)
"""Acts by which a side binds itself, takes that back, or decides what others agreed to.

They are not for observers.
"""


def may_read(registry: Registry, actor: str) -> Refusal | None:
    """Return the refusal to let an actor read the log, or None.

    Officers of the sides, auditors included, read all of the log. So do root keys that
    the sides keep themselves: they enter the first officers.
    """
    if registry.custody == "sides" and actor in {f"{side.name}/{ROOT}" for side in registry.sides}:
        return None
    officer = registry.officers.get(actor)
    if officer is None or officer.until is not None:
        return make_refusal(
            "not-permitted",
            "%(actor)s is not an officer of %(channel)s; an administrator of the side enters "
            "officers.",
            actor=actor,
            channel=registry.name,
        )
    return None


def may_act(
    registry: Registry,
    exchange: Exchange | None,
    rule: Rule,
    actor: str,
    position: int,
    second: str = "",
) -> Refusal | None:
    """Return the refusal of an act in an exchange, for a record at a position, or None.

    The actor's side and roles must permit it. Of an act that takes two officers, either
    the actor or the `second`, who releases it, must have the role. For some acts a duty
    officer may send it alone.
    """
    side, _, name = actor.partition("/")
    if side == SERVICE:
        # No service records an act of officers, and every service has a name.
        service = _SERVICES.get(rule.who, rule.service)
        return (
            None
            if name and service == name
            else _denied(
                sentence(
                    "the service %(service)s does not record %(act)s.", service=name, act=rule.act
                )
            )
        )
    if is_station(registry, actor):
        return (
            None
            if rule.station
            else _denied(
                sentence(
                    "%(actor)s is a station, and %(act)s is an officer's: sign it as that officer.",
                    actor=actor,
                    act=rule.act,
                )
            )
        )
    if rule.who in _SERVICES or rule.who is Who.STATION:
        return _denied(
            sentence(
                "%(act)s is recorded only by the service; nothing needs to be posted.",
                act=rule.act,
            )
            if rule.who in _SERVICES
            else sentence(
                "%(act)s is recorded only by a station; nothing needs to be posted.",
                act=rule.act,
            )
        )
    if not _is_side(registry, side):
        return _denied(
            sentence("%(side)s is not a side of %(channel)s.", side=side, channel=registry.name)
        )
    if rule.act in CONSENTING and side in observers(registry):
        return _denied(
            sentence(
                "%(side)s observes this channel: it owes nothing and consents to nothing.",
                side=side,
            )
        )
    if name == ROOT:
        return (
            None
            if rule.who is Who.KEEPERS
            else _denied(
                sentence("root keys change sides, officers and keys, and say nothing else.")
            )
        )
    officer = officer_at(registry, actor, position)
    if officer is None:
        return _denied(
            sentence(
                "%(actor)s is not in office in %(channel)s; an administrator of the side enters officers.",
                actor=actor,
                channel=registry.name,
            )
        )
    other = officer_at(registry, second, position) if second else None
    names = officer.roles if other is None else (*officer.roles, *other.roles)
    if second and OFFICERS.isdisjoint(officer.roles):
        return _denied(
            sentence(
                "%(act)s must be drafted by an officer, and another officer may release it; "
                "%(actor)s has %(held)s.",
                act=rule.act,
                actor=actor,
                held=", ".join(officer.roles),
            )
        )
    alone = rule.two_key and not second and not DUTY.isdisjoint(officer.roles)
    if rule.roles.isdisjoint(names) and not alone:
        roles = _names(sorted(rule.roles)) or sentence("none: it is root's")
        return _denied(
            sentence(
                "Only these roles can send %(act)s: %(roles)s. %(actor)s has %(held)s.",
                act=rule.act,
                roles=roles,
                actor=actor,
                held=_names(officer.roles),
            )
        )
    return (
        None
        if exchange is None or stands(exchange, rule, side)
        else _denied(
            sentence(
                "%(act)s is for %(who)s, which %(side)s is not here.",
                act=rule.act,
                who=Text(rule.who.wording, {}),
                side=side,
            )
        )
    )


def _names(roles: Iterable[str]) -> tuple[NameValue, ...]:
    return tuple(NameValue("value", role) for role in roles)


def _is_side(registry: Registry, side: str) -> bool:
    for member in registry.sides:  # a generator costs more than all it looks at, at each record  # noqa: SIM110
        if member.name == side:
            return True
    return False


def stands(exchange: Exchange, rule: Rule, side: str) -> bool:
    """Return whether a side stands in the exchange where the act asks it to."""
    if exchange.act == "undertaking" and _may_speak_of(exchange, rule.act, side):
        return True
    match rule.who:
        case Who.OPENER:
            return side == exchange.side
        case Who.OTHER:
            return side != exchange.side
        case Who.SIGNATORY:
            return consent.may_sign(exchange, side)
        case Who.OTHER_SIGNATORY:
            return side != exchange.side and consent.may_sign(exchange, side)
        case Who.CONVENER:
            return side == exchange.side or (exchange.meeting is not None and side in exchange.to)
        case Who.PARTY:
            return side == exchange.side or side in exchange.to
        case Who.ADDRESSEE:
            meeting = exchange.meeting
            if meeting is None or meeting.proposed_by == exchange.side:
                return side in exchange.to
            return side != meeting.proposed_by and (side == exchange.side or side in exchange.to)
        case Who.ADDRESSED:
            return any(side in message.to or side in message.info for message in exchange.messages)
        case Who.WATCH | Who.COURIER | Who.GATEWAY | Who.DESK | Who.STATION:
            return False
        case _:
            return True


def _may_speak_of(exchange: Exchange, act: str, side: str) -> bool:
    """Return whether a side may report on an undertaking, or ask how far it is.

    The side that undertook it reports, also where another side wrote it down. Every
    party asks, also the opener to whom nothing was said yet.
    """
    match act:
        case "update":
            return bytes(exchange.content["by"]) == f'"{side}"'.encode()
        case "clarification-request":
            return side == exchange.side or side in exchange.to
        case _:
            return False


def _denied(detail: Text) -> Refusal:
    return Refusal(kind="not-permitted", detail=detail)

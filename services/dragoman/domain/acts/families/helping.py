"""Help and people in an incident: requests, offers, and who is where.

Any side may ask for help, offer it, accept it and give it, in every incident. Only in
an emergency must another side need help before it is offered. Each side says what it
knows of the people in it. A group of people is of one kind, so nobody is held and
rescued at once.
"""

from typing import Final

from msgspec import UNSET

from dragoman.domain.acts import field_checks
from dragoman.domain.acts.act_rules import Check, Moves, Rule, Who
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import sentence
from dragoman_schemas.acts.notification import emergency_notification as emergency
from dragoman_schemas.acts.notification.people_status import PeopleStatus
from dragoman_schemas.fields import UNNAMED
from dragoman_schemas.state import Exchange, Registry

_ACTS: Final = ("help-request", "help-offer", "help-acceptance", "help-delivery", "people-status")
_WANTING: Final = ("help", "assistance")
"""Members in which a report says whether help is wanted."""


def helping(*statuses: str) -> Moves:
    """Return the moves of help and of people, which change no status."""
    return {act: {status: status for status in statuses} for act in _ACTS}


def in_need(exchange: Exchange) -> set[str]:
    """Return the sides that need help.

    They are the sides that have asked for it. The side that reported the incident is
    one of them too, unless its report says that it wants none.
    """
    raw = next((exchange.content[name] for name in _WANTING if name in exchange.content), None)
    reported = (
        set() if raw is not None and bytes(raw) in (b'"none"', b'"offered"') else {exchange.side}
    )
    return reported | {request.said.side for request in exchange.acts.get("help-request", ())}


def may_offer(exchange: Exchange, side: str) -> bool:
    """Return whether a side may offer help.

    In an emergency another side must need it. In other incidents the people of several
    sides may be in danger, so any side may offer help unasked.
    """
    return exchange.act != "emergency-notification" or not in_need(exchange) <= {side}


def _check_version(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    """Refuse help of version 1 outside of an emergency, where it had no effect."""
    assert exchange is not None
    is_first = record.envelope.dataschema.endswith(":1")
    if is_first and exchange.act != "emergency-notification":
        return invalid(
            "/act", sentence("version 1 of this act is for emergencies; post its newest version")
        )
    return None


def _of_this_version(check: Check) -> Check:
    """Return a check of help that refuses version 1 where it had no effect."""

    def both(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
        return _check_version(registry, exchange, record) or check(registry, exchange, record)

    return both


def _check_offer(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    """Refuse an offer of help where no other side needs help."""
    assert exchange is not None
    if not may_offer(exchange, record.side):
        return invalid(
            "/act", sentence("no other side needs help here; a side cannot offer help to itself")
        )
    return None


def _check_help_taken(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    """Refuse to accept help that no other side has offered."""
    assert exchange is not None
    if all(offer.said.side == record.side for offer in exchange.acts.get("help-offer", ())):
        return invalid("/act", sentence("no other side has offered help yet"))
    return None


def _check_delivered(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    """Refuse to record the delivery of help that nobody has offered."""
    assert exchange is not None
    if not exchange.acts.get("help-offer"):
        return invalid("/act", sentence("nobody has offered help yet"))
    return None


def _check_people(
    registry: Registry, exchange: Exchange | None, record: Record[PeopleStatus]
) -> Refusal | None:
    """Refuse a group with a side, a place or a time that is not valid."""
    data = record.data
    recorded = record.envelope.time
    refusal = field_checks.happened(recorded, as_of=data.as_of)
    for index, group in enumerate(data.groups):
        at = f"/groups/{index}"
        whose = UNSET if group.of in UNNAMED else group.of
        refusal = (
            refusal
            or field_checks.in_words(group, at)
            or field_checks.side(registry, f"{at}/of", whose)
            or field_checks.place(f"{at}/place", group.place)
            or field_checks.happened(
                recorded,
                **{
                    f"groups/{index}/{name}": getattr(group, name)
                    for name in ("access_asked", "access_given", "handed_over")
                },
            )
        )
        if refusal is None and group.kind != "held" and group.access_given is not UNSET:
            refusal = invalid(
                f"{at}/access_given",
                sentence(
                    "access is given to people who are held; say that they are held, "
                    "or leave it out"
                ),
            )
    return refusal


RULES: Final = (
    Rule(
        act="help-request",
        version=2,
        shape=emergency.HelpRequest,
        who=Who.ANY,
        message=True,
        kept=True,
        check=_check_version,
    ),
    Rule(
        act="help-offer",
        version=2,
        shape=emergency.HelpOffer,
        who=Who.ANY,
        acknowledges=True,
        message=True,
        kept=True,
        check=_of_this_version(_check_offer),
    ),
    Rule(
        act="help-acceptance",
        version=2,
        shape=emergency.HelpAcceptance,
        who=Who.ANY,
        acknowledges=True,
        message=True,
        kept=True,
        check=_of_this_version(_check_help_taken),
    ),
    Rule(
        act="help-delivery",
        version=2,
        shape=emergency.HelpDelivery,
        who=Who.ANY,
        acknowledges=True,
        message=True,
        kept=True,
        check=_of_this_version(_check_delivered),
    ),
    Rule(
        act="people-status",
        shape=PeopleStatus,
        who=Who.ANY,
        message=True,
        kept=True,
        check=_check_people,
    ),
)

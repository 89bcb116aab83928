"""Mechanisms and working groups: what talks, and what does not.

    proposed ──every agreement──▶ in_force
    in_force ──mechanism-suspension──▶ suspended
    suspended ──mechanism-resumption of every side that suspended──▶ in_force
    in_force, suspended ──mechanism-end──▶ ended
    ended ──every mechanism-resumption──▶ in_force

One member alone can suspend or end a mechanism, each with a reason. No status of a
mechanism has an effect on a line check, an incident, a coded message or an emergency:
they are sent whatever is suspended.
"""

from typing import Final

from dragoman.domain.acts import consent, field_checks
from dragoman.domain.acts.act_rules import HEADS, Format, Rule, Who, opening
from dragoman.domain.acts.families.exchange import moves_of_format
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import Text, sentence, verbatim
from dragoman_schemas.acts.contact.mechanism import (
    Mechanism,
    MechanismEnd,
    MechanismResumption,
    MechanismSuspension,
)
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import Exchange, Registry

_ASKED: Final = ("proposed", "refused")
_LIVE: Final = (*_ASKED, "in_force", "suspended", "ended")


def _check(
    registry: Registry, exchange: Exchange | None, record: Record[Mechanism]
) -> Refusal | None:
    for name in or_default(record.data.chairs, ()):
        refusal = field_checks.side(registry, f"/chairs/{name}", name)
        if refusal is not None:
            return refusal
    return None


def _check_member(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    """Refuse the word of a side that the mechanism does not name."""
    assert exchange is not None
    members = consent.parties(exchange)
    if record.side in members:
        return None
    return invalid(
        "/act",
        sentence(
            "%(side)s is not a member of this mechanism; its members are %(sides)s",
            side=record.side,
            sides=", ".join(sorted(members)),
        ),
    )


def _title(data: Mechanism) -> Text:
    return verbatim(data.name)


def _begun(data: Mechanism) -> str:
    return "in_force" if data.for_the_record is True else "proposed"


def suspended_by(exchange: Exchange) -> set[str]:
    """Return the sides whose suspension of a mechanism stands."""
    newest: dict[str, tuple[int, bool]] = {}
    for act, suspends in (("mechanism-suspension", True), ("mechanism-resumption", False)):
        for item in exchange.acts.get(act, ()):
            before, _ = newest.get(item.said.side, (0, False))
            if item.said.position > before:
                newest[item.said.side] = (item.said.position, suspends)
    return {side for side, (_, suspends) in newest.items() if suspends}


def resumed_by(exchange: Exchange) -> set[str]:
    """Return the sides that have said since its end that a mechanism shall resume."""
    ends = exchange.acts.get("mechanism-end", ())
    since = ends[-1].said.position if ends else 0
    return {
        item.said.side
        for item in exchange.acts.get("mechanism-resumption", ())
        if item.said.position > since
    }


def _resumed(exchange: Exchange, status: str) -> str:
    """Return the status after a resumption, once every side that must has said it."""
    if exchange.status == "ended":
        return status if resumed_by(exchange) >= consent.parties(exchange) else "ended"
    return "suspended" if suspended_by(exchange) else status


MECHANISM: Final = Format(
    rule=opening("mechanism", Mechanism, "contact", roles=HEADS, check=_check),
    code="MECH",
    start="proposed",
    begun=_begun,
    moves=moves_of_format(
        _LIVE,
        {
            "agreement": dict.fromkeys(_ASKED, "in_force"),
            "mechanism-suspension": dict.fromkeys(("in_force", "suspended"), "suspended"),
            "mechanism-end": dict.fromkeys(("in_force", "suspended"), "ended"),
            "mechanism-resumption": dict.fromkeys(("suspended", "ended"), "in_force"),
        },
        cancellable=_ASKED,
        declinable=_ASKED,
    ),
    holds=consent.refused_or("proposed"),
    title=_title,
)

FORMATS: Final = (MECHANISM,)

RULES: Final = (
    Rule(
        act="mechanism-suspension",
        shape=MechanismSuspension,
        who=Who.ANY,
        roles=HEADS,
        message=True,
        kept=True,
        check=_check_member,
    ),
    Rule(
        act="mechanism-end",
        shape=MechanismEnd,
        who=Who.ANY,
        roles=HEADS,
        message=True,
        kept=True,
        check=_check_member,
    ),
    Rule(
        act="mechanism-resumption",
        shape=MechanismResumption,
        who=Who.ANY,
        roles=HEADS,
        acknowledges=True,
        message=True,
        kept=True,
        check=_check_member,
        settle=_resumed,
    ),
)

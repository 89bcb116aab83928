"""Joinder: two sides have reported the same event, and say that it is one matter.

    joinder            in the later report, names the earlier one
    joinder-agreement  in the later report, by the opener that did not propose it

Both reports stay, with all their messages. From the agreement on, only the earlier one
owes updates and a final report. The fold sees one exchange at a time, so the later
report alone keeps what was said; the earlier one is found from it.
"""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from dragoman.domain.acts.act_rules import Folding, Moves, Rule, Who
from dragoman.domain.acts.families.exchange import ENDED
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import sentence
from dragoman_schemas.acts.notification.joinder import Joinder, JoinderAgreement
from dragoman_schemas.state import Exchange, Joined, Stamp

INCIDENTS: Final = frozenset({"hazardous-incident", "encounter-report", "emergency-notification"})
"""Formats that report an event which another side may have reported too."""

_ACTS: Final = ("joinder", "joinder-agreement")


def joining(*statuses: str) -> Moves:
    """Return the moves of a joinder, which changes no status."""
    return {act: {status: status for status in statuses} for act in _ACTS}


def joined_at(exchange: Exchange) -> Stamp | None:
    """Return the agreement since which an exchange is joined to an earlier one."""
    return None if exchange.joined is None else exchange.joined.agreed


def openers(exchange: Exchange) -> set[str]:
    """Return the two sides whose reports are one matter; empty before they agree."""
    joined = exchange.joined
    if joined is None or joined.agreed is None:
        return set()
    return {joined.proposed.side, joined.agreed.side}


def may_propose(exchange: Exchange, earlier: Exchange, side: str) -> bool:
    """Return whether a side may propose to join an exchange to an earlier one."""
    return (
        joined_at(exchange) is None
        and side in (exchange.side, earlier.side)
        and _is_joinable(exchange, earlier)
    )


def may_agree(exchange: Exchange, earlier: Exchange, side: str) -> bool:
    """Return whether a side may agree to the joinder that was proposed last."""
    return (
        exchange.joined is not None
        and side != exchange.joined.proposed.side
        and may_propose(exchange, earlier, side)
    )


def _is_joinable(exchange: Exchange, earlier: Exchange) -> bool:
    """Return whether an exchange can be joined to an earlier one at all.

    Both are live reports, of two sides, and the earlier one is joined to none.
    """
    return (
        earlier.act in INCIDENTS
        and earlier.opened.position < exchange.opened.position
        and earlier.side != exchange.side
        and earlier.status not in ENDED
        and joined_at(earlier) is None
    )


def check(exchange: Exchange, record: Record) -> Refusal | None:
    """Refuse a joinder, or an agreement to one, that its own exchange rules out.

    Nothing is read of the other report: it may be erased alone, and each reader of the
    log must come to the same result.
    """
    data, joined = record.data, exchange.joined
    if not isinstance(data, Joinder | JoinderAgreement):
        return None
    if joined_at(exchange) is not None:
        return invalid("/act", sentence("this report is joined to another one already"))
    if isinstance(data, Joinder):
        return _not_earlier(data.of) if data.of == exchange.id else None
    if joined is None or joined.id != data.of:
        return invalid("/of", sentence("%(id)s is not the newest joinder here", id=data.of))
    sides = {joined.proposed.side, record.side}
    if len(sides) < 2 or exchange.side not in sides:
        return _not_both()
    return None


def check_earlier(
    exchange_by_id: Callable[[str], Exchange | None],
    exchange: Exchange,
    side: str,
    data: Joinder | JoinderAgreement,
) -> Refusal | None:
    """Refuse a joinder of what cannot be one matter, or one that a side cannot say.

    A gateway checks it before it records; the fold does not.
    """
    joined = exchange.joined
    of = data.of if joined is None or isinstance(data, Joinder) else joined.of
    earlier = exchange_by_id(of)
    if earlier is None or not _is_joinable(exchange, earlier):
        return _not_earlier(of)
    may_say = may_propose if isinstance(data, Joinder) else may_agree
    return None if may_say(exchange, earlier, side) else _not_both()


def _not_earlier(of: str) -> Refusal:
    return invalid(
        "/of",
        sentence(
            "%(id)s is not an earlier report of an incident by another side that is still "
            "open and is joined to none",
            id=of,
        ),
    )


def _not_both() -> Refusal:
    return invalid(
        "/act",
        sentence(
            "one of the two sides that reported proposes that it is one matter, and the other "
            "agrees"
        ),
    )


def _propose(exchange: Exchange, folding: Folding[Joinder]) -> Exchange:
    record = folding.record
    return replace(
        exchange,
        joined=Joined(of=record.data.of, id=record.envelope.id, proposed=folding.stamp),
    )


def _agree(exchange: Exchange, folding: Folding[JoinderAgreement]) -> Exchange:
    assert exchange.joined is not None
    return replace(exchange, joined=replace(exchange.joined, agreed=folding.stamp))


RULES: Final = (
    Rule(
        act="joinder",
        shape=Joinder,
        who=Who.ANY,
        acknowledges=True,
        message=True,
        kept=True,
        evolve=_propose,
    ),
    Rule(
        act="joinder-agreement",
        shape=JoinderAgreement,
        who=Who.ANY,
        acknowledges=True,
        kept=True,
        evolve=_agree,
    ),
)

"""The progress of an announced event: commenced, holding, completed.

    before ──commenced──▶ under_way ──holding──▶ holding ──commenced──▶ under_way
    before ──holding──▶ holding              a hold before it begins
    under_way, holding, before ──completed──▶ completed

The side that announced the event says so. A `completed` is owed an hour after the
window ends, since others keep clear until then. A site has no course of events: it is
withdrawn.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec import UnsetType

from dragoman.domain.acts import event_windows, field_checks
from dragoman.domain.acts.act_rules import Moves, Rule, Who
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.limits import CLOCK_SKEW_SECONDS
from dragoman.text import sentence
from dragoman_schemas.acts.notification.event_progress import Commenced, Completed, Holding
from dragoman_schemas.state import Exchange, Registry

RUNNING: Final = ("under_way", "holding", "completed")
"""The statuses of an event that has begun, or that is held back."""

_SKEW: Final = timedelta(seconds=CLOCK_SKEW_SECONDS)


def progress(*before: str) -> Moves:
    """Return the moves of an event whose statuses before it begins are given."""
    return {
        "commenced": dict.fromkeys((*before, "holding"), "under_way"),
        "holding": dict.fromkeys((*before, "under_way", "holding"), "holding"),
        "completed": dict.fromkeys((*before, "under_way", "holding"), "completed"),
    }


def _check(
    registry: Registry, exchange: Exchange | None, record: Record[Commenced | Holding | Completed]
) -> Refusal | None:
    """Refuse a time that is still to come: a plan is an update, and no fact."""
    data = record.data
    if exchange is not None and event_windows.is_site(exchange):
        return invalid(
            "/act", sentence("a site does not begin or end; withdraw it once it is not used")
        )
    until: str | UnsetType = getattr(data, "until", field_checks.UNKNOWN)
    refusal = field_checks.times(at=data.at, until=until)
    if refusal is not None:
        return refusal
    if datetime.fromisoformat(data.at) > datetime.fromisoformat(record.envelope.time) + _SKEW:
        return invalid(
            "/at",
            sentence(
                "%(time)s is still to come; say it once it is so, or announce it with an update",
                time=data.at,
            ),
        )
    return None


RULES: Final = (
    Rule(act="commenced", shape=Commenced, who=Who.OPENER, message=True, kept=True, check=_check),
    Rule(act="holding", shape=Holding, who=Who.OPENER, message=True, kept=True, check=_check),
    Rule(act="completed", shape=Completed, who=Who.OPENER, message=True, kept=True, check=_check),
)

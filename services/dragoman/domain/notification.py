"""The notification family: N07, the hazardous incident.

open ──▶ closed · cancelled          the other side's account stands beside the first report
"""

from typing import Final

from msgspec.structs import replace

from dragoman.domain import checks
from dragoman.domain.exchange import content_of, life
from dragoman.domain.record import Record
from dragoman.domain.refusal import Refusal
from dragoman.domain.rule import DUTY, Folding, Format, Rule, Who
from dragoman_schemas.acts.hazardous_incident import CounterAccount, HazardousIncident
from dragoman_schemas.fields import About, Place
from dragoman_schemas.frame import Act, Precedence
from dragoman_schemas.state import Account, Exchange, Registry

_FLASH: Final = frozenset({"collision", "lost_drone_or_missile", "fire_or_explosion", "unauthorised_launch"})


def _check_incident(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert isinstance(data, HazardousIncident)
    return checks.times(time=data.time, known_at=data.known_at, next_update=data.next_update) or checks.place("/place", data.place)


def _check_account(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert isinstance(data, CounterAccount)
    return checks.times(time=data.time) or checks.place("/place", data.place)


def _account(exchange: Exchange, folding: Folding) -> Exchange:
    content = content_of(folding.record.act)
    content.pop("of", None)
    side = folding.record.side
    given = (*exchange.accounts.get(side, ()), Account(given=folding.stamp, content=content))
    return replace(exchange, accounts={**exchange.accounts, side: given})


def _precedence(data: Act) -> Precedence:
    assert isinstance(data, HazardousIncident)
    return "flash" if data.kind in _FLASH else "immediate"


def _title(data: Act) -> str:
    assert isinstance(data, HazardousIncident)
    time = f"about {data.time.about}" if isinstance(data.time, About) else data.time
    return f"{data.kind.replace('_', ' ').capitalize()}, {_where(data)}, {time}"


def _where(data: HazardousIncident) -> str:
    place = data.place
    if not isinstance(place, Place):
        return place
    if isinstance(place.lat, float) and isinstance(place.lon, float):
        return f"{place.lat:g} {place.lon:g}"
    return place.name if isinstance(place.name, str) else "area as given"


HAZARDOUS_INCIDENT: Final = Format(
    rule=Rule(
        act="hazardous-incident",
        shape=HazardousIncident,
        family="notification",
        who=Who.ANY,
        roles=DUTY,
        message=True,
        numbered="O",
        check=_check_incident,
    ),
    code="N07",
    start="open",
    moves=life(("open",), {"counter-account": {"open": "open"}}),
    area="military-transparency-and-risk-reduction",
    defaults={
        "whose_forces": '"unknown"',
        "casualties": '"unknown"',
        "damage": '"unknown"',
        "cause_assumed": '"unknown"',
        "cause_established": '"unknown"',
        "continuing": '"unknown"',
        "assistance": '"unknown"',
    },
    precedence=_precedence,
    title=_title,
)

RULES: Final = (
    Rule(
        act="counter-account",
        shape=CounterAccount,
        who=Who.OTHER,
        acknowledges=True,
        message=True,
        check=_check_account,
        evolve=_account,
    ),
)

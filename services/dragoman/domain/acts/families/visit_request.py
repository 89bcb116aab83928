"""The request to come and see, which is N18 the other way round.

    requested ──grant──▶ granted, or granted_with_conditions
    requested ──decline──▶ refused ──grant──▶ granted
    granted, granted_with_conditions ──arrival──▶ arrived ──departure──▶ left
    arrived, left ──visit-report──▶ reported

The side that is asked grants or declines. Where several sides are asked, no grant of
one takes back the refusal of another. Either side records the arrival and the
departure. The visitors report.
"""

from typing import Final

import msgspec
from msgspec import UnsetType

from dragoman.domain.acts import field_checks
from dragoman.domain.acts.act_rules import Format, Rule, Who
from dragoman.domain.acts.families.exchange import moves_of_format
from dragoman.domain.acts.families.notification_words import TRANSPARENCY, chosen_text, place_text
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import Text, sentence
from dragoman_schemas.act_frame import Precedence
from dragoman_schemas.acts.meeting import visit_request as acts
from dragoman_schemas.state import Exchange, Registry, Said

GRANTED: Final = ("granted", "granted_with_conditions")
_LIVE: Final = ("requested", *GRANTED, "refused", "arrived", "left", "reported")
_COMING: Final = ("requested", *GRANTED, "refused")

INSPECTIONS: Final = frozenset({"inspection", "evaluation"})
"""Kinds of visits that are announced a day and a half to five days ahead."""


def _check_request(
    registry: Registry, exchange: Exchange | None, record: Record[acts.VisitRequest]
) -> Refusal | None:
    data = record.data
    if not isinstance(data.stay, UnsetType):
        refusal = field_checks.window("/stay", data.stay)
        if refusal is not None:
            return refusal
    return field_checks.place("/place", data.place) or field_checks.times(arrival=data.arrival)


def _check_grant(
    registry: Registry, exchange: Exchange | None, record: Record[acts.VisitGrant]
) -> Refusal | None:
    return field_checks.times(arrival=record.data.arrival)


def _check_at(
    registry: Registry, exchange: Exchange | None, record: Record[acts.Arrival | acts.Departure]
) -> Refusal | None:
    return field_checks.happened(record.envelope.time, at=record.data.at)


def _check_departure(
    registry: Registry, exchange: Exchange | None, record: Record[acts.Departure]
) -> Refusal | None:
    """Refuse a departure before the arrival."""
    refusal = _check_at(registry, exchange, record)
    assert exchange is not None
    arrived = exchange.acts.get("arrival", ())[-1:]
    if refusal is not None or not arrived:
        return refusal
    came = field_checks.moment(msgspec.json.decode(arrived[0].content["at"]))
    went = field_checks.moment(record.data.at)
    if came is not None and went is not None and went < came:
        return invalid("/at", sentence("they left before they arrived; correct the time"))
    return None


def _title(data: acts.VisitRequest) -> Text:
    return sentence(
        "Request: %(kind)s, %(place)s",
        kind=chosen_text(data, "kind"),
        place=place_text(data.place),
    )


def _precedence(data: acts.VisitRequest, time: str) -> Precedence:
    if data.kind == "consular_access":
        return "immediate"
    return "priority" if data.kind in INSPECTIONS else "routine"


def answers_of(exchange: Exchange) -> dict[str, tuple[str, Said]]:
    """Return each side's newest answer: `grant` or `decline`, and its record."""
    answers = [(act, item) for act in ("grant", "decline") for item in exchange.acts.get(act, ())]
    answers.sort(key=lambda answer: answer[1].said.position)
    return {item.said.side: (act, item) for act, item in answers}


def _granted(exchange: Exchange, status: str) -> str:
    """Return the status after a grant: refused while another side refuses.

    It is with conditions if any side has some.
    """
    answers = answers_of(exchange).values()
    if any(act == "decline" for act, _ in answers):
        return "refused"
    has_conditions = any("conditions" in item.content for _, item in answers)
    return "granted_with_conditions" if has_conditions else status


VISIT_REQUEST: Final = Format(
    rule=Rule(
        act="visit-request",
        shape=acts.VisitRequest,
        family="meeting",
        who=Who.ANY,
        message=True,
        numbered="O",
        check=_check_request,
    ),
    code="N18R",
    start="requested",
    moves=moves_of_format(
        _LIVE,
        {
            "grant": dict.fromkeys(_COMING, "granted"),
            "decline": dict.fromkeys(("requested", *GRANTED), "refused"),
            "arrival": dict.fromkeys(GRANTED, "arrived"),
            "departure": {"arrived": "left"},
            "visit-report": dict.fromkeys(("arrived", "left", "reported"), "reported"),
        },
        cancellable=_COMING,
    ),
    area=TRANSPARENCY,
    precedence=_precedence,
    title=_title,
)

FORMATS: Final = (VISIT_REQUEST,)

RULES: Final = (
    Rule(
        act="grant",
        shape=acts.VisitGrant,
        who=Who.ADDRESSEE,
        acknowledges=True,
        answers=True,
        message=True,
        kept=True,
        check=_check_grant,
        settle=_granted,
    ),
    Rule(
        act="arrival", shape=acts.Arrival, who=Who.PARTY, message=True, kept=True, check=_check_at
    ),
    Rule(
        act="departure",
        shape=acts.Departure,
        who=Who.PARTY,
        message=True,
        kept=True,
        check=_check_departure,
    ),
    Rule(act="visit-report", shape=acts.VisitReport, who=Who.OPENER, message=True, kept=True),
)

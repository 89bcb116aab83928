"""Series of figures: one value in each interval of a period, or a lapse.

    proposed ──every agreement──▶ running ──data-values for the last one──▶ complete
    proposed ──decline──▶ refused ──every agreement──▶ running

The intervals are those of `recurrence`. Values may come late, and another value may
take the place of an earlier one: the newest counts.
"""

from typing import Final

import msgspec

from dragoman.domain.acts import consent, field_checks
from dragoman.domain.acts.access import observers
from dragoman.domain.acts.act_rules import Format, Rule, Who, opening
from dragoman.domain.acts.families import recurrence
from dragoman.domain.acts.families.exchange import moves_of_format
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import NameValue, Text, sentence, verbatim
from dragoman_schemas.acts.notification.data_series import DataSeries, DataValue, DataValues
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import Exchange, Registry, Said

_LIVE: Final = ("proposed", "refused", "running", "complete")


def _check(
    registry: Registry, exchange: Exchange | None, record: Record[DataSeries]
) -> Refusal | None:
    data = record.data
    refusal = (
        field_checks.side(registry, "/by", data.by)
        or field_checks.place("/place", data.place)
        or field_checks.window("/period", data.period)
    )
    if refusal is not None:
        return refusal
    is_party = data.by == record.side or (
        data.by in or_default(data.to, (data.by,)) and data.by not in or_default(data.info, ())
    )
    if data.by in observers(registry) or not is_party:
        return invalid(
            "/by", sentence("%(side)s gives the values and must agree; address it", side=data.by)
        )
    begins, ends = field_checks.moment(data.period.from_), field_checks.moment(data.period.to)
    assert begins is not None and ends is not None
    if (ends - begins).total_seconds() > recurrence.MOST * data.every_hours * 3600:
        return invalid(
            "/every_hours", sentence("a period has at most %(n)s intervals", n=recurrence.MOST)
        )
    return None


def _check_values(
    registry: Registry, exchange: Exchange | None, record: Record[DataValues]
) -> Refusal | None:
    """Refuse values of another side, or of a time outside the period or to come."""
    assert exchange is not None
    giver, recurs = giver_of(exchange), recurrence.recurrence_of(exchange)
    assert recurs is not None
    if record.side != giver:
        return invalid("/act", sentence("%(side)s gives the values of this series", side=giver))
    for index, value in enumerate(record.data.values):
        pointer = f"/values/{index}/at"
        refusal = field_checks.time(pointer, value.at)
        if refusal is not None or field_checks.happened(record.envelope.time, at=value.at):
            return refusal or invalid(pointer, sentence("this time has not come yet"))
        moment = field_checks.moment(value.at)
        if moment is None or recurs.of(moment) is None:
            return invalid(pointer, sentence("this is outside the period of the series"))
    return None


def giver_of(exchange: Exchange) -> str:
    """Return the side that gives the values."""
    return str(msgspec.json.decode(exchange.content["by"]))


def values_of(exchange: Exchange) -> dict[int, tuple[DataValue, Said]]:
    """Return the newest value of each interval that was given, with its record."""
    recurs = recurrence.recurrence_of(exchange)
    assert recurs is not None
    values: dict[int, tuple[DataValue, Said]] = {}
    for item in exchange.acts.get("data-values", ()):
        for value in msgspec.json.decode(item.content["values"], type=tuple[DataValue, ...]):
            moment = field_checks.moment(value.at)
            interval = None if moment is None else recurs.of(moment)
            if interval is not None:
                values[interval] = (value, item)
    return values


def _complete(exchange: Exchange, status: str) -> str:
    """Return the status after values: complete once no interval is without one."""
    return exchange.status if recurrence.said_done(exchange) is None else status


def _title(data: DataSeries) -> Text:
    return sentence(
        "Data of %(side)s: %(what)s", side=NameValue("side", data.by), what=verbatim(data.what)
    )


DATA_SERIES: Final = Format(
    rule=opening("data-series", DataSeries, "notification", check=_check),
    code="DATA",
    start="proposed",
    moves=moves_of_format(
        _LIVE,
        {
            "agreement": dict.fromkeys(("proposed", "refused"), "running"),
            "data-values": {"running": "complete", "complete": "complete"},
        },
        cancellable=("proposed", "refused"),
        declinable=("proposed", "refused"),
    ),
    holds=consent.refused_or("proposed"),
    title=_title,
)

FORMATS: Final = (DATA_SERIES,)

RULES: Final = (
    Rule(
        act="data-values",
        shape=DataValues,
        who=Who.PARTY,
        message=True,
        kept=True,
        check=_check_values,
        settle=_complete,
    ),
)

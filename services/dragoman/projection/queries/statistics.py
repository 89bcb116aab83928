"""The statistics of a channel over a period.

At the newest position they are read from the tally that is kept. For a position of the
past the exchanges of the period are counted, and those that are open from before it.
"""

from typing import NamedTuple, get_args

from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.deadlines import UNTIMED, profile_of, timestamp
from dragoman.domain.record.errors import refuse
from dragoman.domain.views import statistics as counting
from dragoman.domain.views.outages import OutageSpan
from dragoman.domain.views.statistics import Measure
from dragoman.limits import STATISTICS_EXCHANGES
from dragoman.projection.moments import instant
from dragoman.projection.queries.snapshot import PeriodQuery, Snapshot, snapshot_of
from dragoman.projection.queries.tallies import kept_tally, tally_of
from dragoman.projection.view import View
from dragoman_schemas.act_frame import Area
from dragoman_schemas.statistics_figures import Area as AreaRow
from dragoman_schemas.statistics_figures import Statistics


class StatisticsResult(NamedTuple):
    """The statistics, and the seconds that each acknowledgement took, by side.

    A page shows the latter too.
    """

    statistics: Statistics
    receipts: dict[str, tuple[float, ...]]


def statistics(
    view: View, period_query: PeriodQuery, end_seen: str, side: str = "", format: str = ""
) -> Statistics:
    """Return the statistics of a period, of one side and format or of all.

    Raises `Refused`.
    """
    return counted(view, period_query, end_seen, side, format).statistics


def counted(
    view: View, period_query: PeriodQuery, end_seen: str, side: str = "", format: str = ""
) -> StatisticsResult:
    """Return the statistics of a period, and the time of each acknowledgement.

    Raises `Refused`.
    """
    snapshot = snapshot_of(view, period_query, end_seen)
    span = snapshot.span(
        None if period_query.from_ is None else instant("from", period_query.from_)
    )
    return _counted(snapshot, span, side, format)


def statistics_of(
    snapshot: Snapshot, span: OutageSpan, side: str = "", format: str = ""
) -> Statistics:
    """Return the statistics of a span that ends at a snapshot. Raises `Refused`."""
    return _counted(snapshot, span, side, format).statistics


def _counted(snapshot: Snapshot, span: OutageSpan, side: str, format: str) -> StatisticsResult:
    registry = snapshot.registry
    if side not in ("", *snapshot.sides):
        raise refuse(
            "bad-request",
            "There is no side %(side)s; there are %(sides)s.",
            side=side[:63],
            sides=", ".join(snapshot.sides),
        )
    if format not in ("", *FORMATS):
        raise refuse(
            "bad-request",
            "There is no format %(format)s; name the act that opens it.",
            format=format[:63],
        )
    first = snapshot.first(span)
    with kept_tally(snapshot) as tally:
        if tally is not None:
            measure = Measure(tally, span, format)
            checks, words = tally.line_checks(first), tally.last_words()
        else:
            snapshot.expect(first, STATISTICS_EXCHANGES)
            tally_of_period = tally_of(snapshot, snapshot.exchanges(first, format))
            measure = Measure(tally_of_period, span, format)
            checks, words = snapshot.line_checks(first), snapshot.last_words()
    sides = snapshot.sides if not side else (side,)
    measured = measure.measured(sides)
    opened = snapshot.span(None)
    rows, blind = counting.blind(
        registry,
        sides,
        checks,
        snapshot.turns(first),
        snapshot.manned(first),
        snapshot.outages(first),
        span.cut(opened) or span,
    )
    profile, since = profile_of(registry)
    result = Statistics(
        channel=registry.name,
        cid=registry.cid,
        kind=registry.kind,
        position=snapshot.position,
        from_=timestamp(span.begins),
        to=timestamp(span.ends),
        profile=profile.name,
        binding=since is not None and registry.kind not in UNTIMED,
        exchanges=measured.exchanges,
        opened=measured.opened,
        clocks=measured.clocks,
        notices=measured.notices,
        changes=measured.changes,
        meetings=measured.meetings,
        translations=measured.translations,
        flashes=measured.flashes,
        line=counting.lines(sides, checks, span),
        areas=tuple(_area(area, words.get(area, ""), span) for area in get_args(Area)),
        blindness=rows,
        blind=blind,
    )
    seconds = measure.taken("acknowledgement")
    return StatisticsResult(result, {name: seconds.get(name, ()) for name in sides})


def _area(area: str, last: str, span: OutageSpan) -> AreaRow:
    return AreaRow(
        area=area,
        last_word=last,
        days_since_last_word=counting.days(last, span.ends) if last else None,
    )

"""The state of the dialogue: perceptions side by side, the roadmap, all links."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, get_args

import msgspec
from msgspec import UNSET, Raw

from dragoman.domain.acts import consent
from dragoman.domain.acts.families import dialogue as domain
from dragoman.domain.acts.families.exchange import ENDED
from dragoman.domain.acts.families.joining import INCIDENTS
from dragoman.domain.views.titles import subject_of
from dragoman.limits import LIST_PAGE
from dragoman.projection.row_keys import (
    POSITION_BITS,
    channel_number,
    position_of,
    row_key,
)
from dragoman.projection.view import View
from dragoman_schemas.act_frame import Area
from dragoman_schemas.dialogue_responses import (
    EarlierView,
    Issue,
    IssueColumn,
    Perceptions,
    Roadmap,
    RoadmapArea,
    RoadmapLine,
)
from dragoman_schemas.responses import ChannelLink, JoinedReport, Link
from dragoman_schemas.state import Exchange, Joined, Said

_LESSONS_LOOKED: Final = 100_000
"""The number of records that are searched for lessons, which takes about 50 ms.

Earlier lessons are in the records of their periods.
"""


class Dialogue(NamedTuple):
    """Everything that the sides think, advise, plan and write together, at a position.

    Exchanges are in their order of opening; meetings and lessons are the newest first.
    """

    perceptions: tuple[Exchange, ...]
    items: tuple[tuple[Exchange, tuple[Link, ...]], ...]
    recommendations: tuple[Exchange, ...]
    reports: tuple[Exchange, ...]
    documents: tuple[Exchange, ...]
    programmes: tuple[Exchange, ...]
    releases: tuple[Exchange, ...]
    lines: tuple[Exchange, ...]
    meetings: tuple[Exchange, ...]
    lessons: tuple[tuple[Exchange, Said], ...]
    undertakings: tuple[Exchange, ...]


def dialogue(view: View) -> Dialogue:
    """Return the dialogue of a channel."""

    def every(format: str) -> tuple[Exchange, ...]:
        return tuple(view.states(format))

    return Dialogue(
        perceptions=every("perception"),
        items=_items(view),
        recommendations=every("recommendation"),
        reports=every("joint-report"),
        documents=every("reference-document"),
        programmes=every("people-programme"),
        releases=every("release"),
        lines=every("public-line"),
        meetings=tuple(view.newest_states("meeting-request")),
        lessons=tuple(_lessons(view)),
        undertakings=every("undertaking"),
    )


def _items(view: View) -> tuple[tuple[Exchange, tuple[Link, ...]], ...]:
    """Return the items of the roadmap with their links, as they were proposed."""
    return tuple((state, linked(view, state)) for state in view.states("roadmap-item"))


def _lessons(view: View) -> Iterable[tuple[Exchange, Said]]:
    """Yield a page of the newest lessons, each with the exchange that taught it."""
    first = row_key(view.base, max(1, view.position - _LESSONS_LOOKED))
    rows = view.connection.execute(
        "SELECT key, exchange FROM records WHERE key BETWEEN ? AND ? AND act = 'lesson' "
        "AND valid AND exchange IS NOT NULL "
        "ORDER BY key DESC LIMIT ?",
        (first, view.key, LIST_PAGE),
    ).fetchall()
    for key, id in rows:
        state = view.known(id)
        yield from (
            (state, act)
            for act in state.acts.get("lesson", ())
            if act.said.position == position_of(key)
        )


def linked(view: View, state: Exchange) -> tuple[Link, ...]:
    """Return the exchanges that refer to an exchange by its id or number, in order."""
    return tuple(
        Link(
            exchange=exchange.id,
            number=exchange.number,
            act=exchange.act,
            status=exchange.status,
            kind=str(msgspec.json.decode(exchange.content["kind"]))
            if "kind" in exchange.content
            else "",
        )
        for exchange in view.referring(state)
    )


def joined_reports(view: View, state: Exchange) -> tuple[JoinedReport, ...]:
    """Return the other reports of the event of a report, agreed or proposed.

    A later report names the earlier one in its state; the earlier one is found by the
    joinders that name it.
    """
    rows = view.connection.execute(
        "SELECT DISTINCT e.id FROM links l JOIN records r ON r.key = l.key "
        "JOIN exchanges e ON e.id = r.exchange AND e.key >> ? = l.channel "
        "WHERE l.channel = ? AND l.target = ? AND l.key <= ? AND r.act = 'joinder' "
        "ORDER BY e.key",
        (POSITION_BITS, channel_number(view.base), state.id, view.key),
    ).fetchall()
    later = [view.known(id) for (id,) in rows]
    reports = [
        _joined_report(report, report.joined)
        for report in later
        if report.joined is not None and report.joined.of == state.id
    ]
    of = None if state.joined is None else view.state(state.joined.of)
    if of is not None and state.joined is not None:
        reports.insert(0, _joined_report(of, state.joined))
    return tuple(reports)


def live_reports_before(view: View, state: Exchange) -> list[str]:
    """Return the newest live incidents that other sides reported before a report."""
    acts, ended = (", ".join(f"'{name}'" for name in sorted(names)) for names in (INCIDENTS, ENDED))
    rows = view.connection.execute(
        f"SELECT id FROM exchanges WHERE act IN ({acts}) AND status NOT IN ({ended}) "  # fixed words  # noqa: S608
        "AND side != ? AND key >= ? AND key < ? ORDER BY key DESC LIMIT ?",
        (state.side, view.base, row_key(view.base, state.opened.position), LIST_PAGE),
    )
    return [id for (id,) in rows]


def _joined_report(report: Exchange, joined: Joined) -> JoinedReport:
    return JoinedReport(
        exchange=report.id,
        number=report.number,
        act=report.act,
        side=report.side,
        status=report.status,
        subject=subject_of(report),
        proposed_by=joined.proposed.side,
        agreed="" if joined.agreed is None else joined.agreed.time,
    )


def referring(view: View, targets: tuple[str, str]) -> list[ChannelLink]:
    """Return the exchanges that refer to one of another channel by its id or number."""
    return _links(
        view,
        "JOIN links l ON l.key = e.key "
        "WHERE l.channel = ? AND l.target IN (?, ?) ORDER BY e.key LIMIT ?",
        targets,
    )


def named(view: View, target: str) -> list[ChannelLink]:
    """Return the exchange that has an id or a number."""
    return _links(
        view,
        f"WHERE e.key >> {POSITION_BITS} = ? AND (e.id = ? OR e.number = ?) ORDER BY e.key LIMIT ?",
        (target, target),
    )


def _links(view: View, where: str, targets: tuple[str, str]) -> list[ChannelLink]:
    rows = view.connection.execute(
        f"SELECT e.id, e.number, e.act, e.status FROM exchanges e {where}",  # fixed words  # noqa: S608
        (channel_number(view.base), *targets, LIST_PAGE),
    )
    return [
        ChannelLink(channel=view.registry.name, exchange=id, number=number, act=act, status=status)
        for id, number, act, status in rows
    ]


def perceptions(view: View) -> Perceptions:
    """Return every issue, with each side's view of it.

    Of several texts of a side the newest counts.
    """
    return Perceptions(issues=issues_of(view.states("perception"), view.sides))


def issues_of(stated: Iterable[Exchange], sides: Sequence[str]) -> tuple[Issue, ...]:
    """Return the issues of perceptions, each with every side's column."""
    return tuple(
        Issue(
            exchange=issue.id,
            issue=issue.title,
            views=tuple(_view(views) for side in sides if (views := issue.of(side))),
            no_statement=tuple(side for side in sides if not issue.of(side)),
            common_ground=issue.common_ground(sides),
        )
        for issue in domain.issues(stated)
    )


def _view(views: Sequence[Exchange]) -> IssueColumn:
    """Return a side's column: its newest view, and the earlier ones."""
    state, *_ = views
    fairness = [*consent.counting(state, ("fairness",), consent.view(state))]
    return IssueColumn(
        side=state.side,
        exchange=state.id,
        number=state.number,
        time=state.opened.when,
        own_view=state.content["own_view"],
        your_view=state.content.get("your_view", UNSET),
        wanted_outcome=state.content.get("wanted_outcome", UNSET),
        restated_by=tuple(
            sorted({act.said.by.partition("/")[0] for act in state.acts.get("restatement", ())})
        ),
        fairness=str(msgspec.json.decode(fairness[-1].content["result"])) if fairness else "",
        status=state.status,
        earlier=tuple(
            EarlierView(exchange=exchange.id, time=value.told.when, own_view=value.value)
            for exchange, value in domain.said_before(views)
        ),
    )


def roadmap(view: View) -> Roadmap:
    """Return the roadmap's items by area, each with its links.

    Items are in the order in which they were proposed.
    """
    return Roadmap(areas=areas_of(_items(view)))


def _decoded(state: Exchange, name: str, default: Any) -> Any:
    raw = state.content.get(name)
    return default if raw is None else msgspec.json.decode(raw)


def areas_of(items: Sequence[tuple[Exchange, tuple[Link, ...]]]) -> tuple[RoadmapArea, ...]:
    """Return the items of the roadmap, each with its links, by area."""
    return tuple(
        RoadmapArea(
            area=area,
            items=tuple(_line(state, links) for state, links in items if state.area == area),
        )
        for area in get_args(Area)
    )


def _line(state: Exchange, links: tuple[Link, ...]) -> RoadmapLine:
    period = _decoded(state, "period", {})
    return RoadmapLine(
        exchange=state.id,
        number=state.number,
        side=state.side,
        status=state.status,
        text=Raw(state.content["text"]),
        deliverable=msgspec.json.decode(state.content["deliverable"]),
        begins=period.get("from", ""),
        ends=period.get("to", ""),
        host=_decoded(state, "host", ""),
        owners=_decoded(state, "owners", {}),
        linked=links,
    )

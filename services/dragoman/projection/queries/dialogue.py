"""The state of the dialogue: perceptions side by side, the roadmap, all links."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, get_args

import msgspec
from msgspec import UNSET, Raw

from dragoman.domain.acts import consent
from dragoman.domain.acts.families import dialogue as domain
from dragoman.domain.acts.families.exchange import ENDED
from dragoman.domain.acts.families.joining import INCIDENTS
from dragoman.domain.views.titles import subject_of
from dragoman.limits import LIST_PAGE
from dragoman.projection.queries.as_of import state_at
from dragoman.projection.row_keys import (
    LAST_POSITION,
    NEWEST_RECORD,
    POSITION_BITS,
    channel_number,
    channel_range,
    position_of,
    row_key,
)
from dragoman.projection.store import Store
from dragoman.projection.stored_state import whole
from dragoman_schemas.act_frame import Area
from dragoman_schemas.dialogue_responses import (
    EarlierView,
    Issue,
    Perceptions,
    Roadmap,
    RoadmapArea,
    RoadmapLine,
    View,
)
from dragoman_schemas.responses import ChannelLink, JoinedReport, Link
from dragoman_schemas.state import Exchange, Joined, Registry, Said, decode_exchange

_MOST: Final = 2_000
"""The most items that are shown of one kind.

It suffices for the roadmap and the issues of two sides that talk for decades.
"""

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


def dialogue(store: Store, channel: str, at: int) -> Dialogue:
    """Return the dialogue of a channel at a position."""
    base = store.base(channel)
    with store.snapshot() as connection:

        def every(
            act: str, family: str = "dialogue", *, newest: bool = False
        ) -> tuple[Exchange, ...]:
            return tuple(of_format(connection, base, act, at, family, newest=newest))

        return Dialogue(
            perceptions=every("perception"),
            items=tuple(
                (state, linked(connection, base, at, state)) for state in every("roadmap-item")
            ),
            recommendations=every("recommendation"),
            reports=every("joint-report"),
            documents=every("reference-document"),
            programmes=every("people-programme", "contact"),
            releases=every("release"),
            lines=every("public-line"),
            meetings=every("meeting-request", "meeting", newest=True),
            lessons=tuple(_lessons(connection, base, at)),
            undertakings=every("undertaking", "meeting"),
        )


def _lessons(connection: sqlite3.Connection, base: int, at: int) -> Iterable[tuple[Exchange, Said]]:
    """Yield a page of the newest lessons, each with the exchange that taught it."""
    rows = connection.execute(
        "SELECT key, exchange FROM records WHERE key BETWEEN ? AND ? AND act = 'lesson' "
        "AND valid AND exchange IS NOT NULL "
        "ORDER BY key DESC LIMIT ?",
        (row_key(base, max(1, at - _LESSONS_LOOKED)), row_key(base, at), LIST_PAGE),
    ).fetchall()
    for key, id in rows:
        state = state_at(connection, base, at, id)
        yield from (
            (state, act)
            for act in state.acts.get("lesson", ())
            if act.said.position == position_of(key)
        )


def releases(store: Store, channel: str) -> list[Exchange]:
    """Return the releases of a channel now, public or not."""
    with store.snapshot() as connection:
        return of_format(connection, store.base(channel), "release", LAST_POSITION)


def linked(connection: sqlite3.Connection, base: int, at: int, state: Exchange) -> tuple[Link, ...]:
    """Return the exchanges that refer to an exchange, at a position, in order.

    They refer to it by its id or its number.
    """
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
        for exchange in referring_states(connection, base, at, state)
    )


def referring_states(
    connection: sqlite3.Connection, base: int, at: int, state: Exchange
) -> Iterator[Exchange]:
    """Yield the exchanges that refer to an exchange, in their state at a position."""
    rows = connection.execute(
        "SELECT e.id, CASE WHEN e.position <= ? THEN r.state END "  # fixed words  # noqa: S608
        f"FROM links l JOIN exchanges e ON e.key = l.key JOIN records r ON {NEWEST_RECORD} "
        "WHERE l.channel = ? AND l.target IN (?, ?) AND l.key <= ? ORDER BY l.key",
        (at, channel_number(base), state.id, state.number, row_key(base, at)),
    ).fetchall()
    for id, encoded in rows:
        yield (
            state_at(connection, base, at, id)
            if encoded is None
            else decode_exchange(whole(connection, base, id, encoded))
        )


def joined_reports(
    connection: sqlite3.Connection, base: int, at: int, state: Exchange
) -> tuple[JoinedReport, ...]:
    """Return the other reports of the event of a report, agreed or proposed.

    A later report names the earlier one in its state; the earlier one is found by the
    joinders that name it.
    """
    rows = connection.execute(
        "SELECT DISTINCT e.id FROM links l JOIN records r ON r.key = l.key "
        "JOIN exchanges e ON e.id = r.exchange AND e.key >> ? = l.channel "
        "WHERE l.channel = ? AND l.target = ? AND l.key <= ? AND r.act = 'joinder' "
        "ORDER BY e.key",
        (POSITION_BITS, channel_number(base), state.id, row_key(base, at)),
    ).fetchall()
    later = [state_at(connection, base, at, id) for (id,) in rows]
    reports = [
        _joined_report(report, report.joined)
        for report in later
        if report.joined is not None and report.joined.of == state.id
    ]
    earlier = (
        None
        if state.joined is None
        else connection.execute(
            "SELECT id FROM exchanges WHERE id = ? AND key BETWEEN ? AND ?",
            (state.joined.of, *channel_range(base)),
        ).fetchone()
    )
    if earlier is not None and state.joined is not None:
        of = state_at(connection, base, at, earlier[0])
        reports.insert(0, _joined_report(of, state.joined))
    return tuple(reports)


def live_reports_before(connection: sqlite3.Connection, base: int, state: Exchange) -> list[str]:
    """Return the newest live incidents that other sides reported before a report."""
    acts, ended = (", ".join(f"'{name}'" for name in sorted(names)) for names in (INCIDENTS, ENDED))
    rows = connection.execute(
        f"SELECT id FROM exchanges WHERE act IN ({acts}) AND status NOT IN ({ended}) "  # fixed words  # noqa: S608
        "AND side != ? AND key >= ? AND key < ? ORDER BY key DESC LIMIT ?",
        (state.side, base, row_key(base, state.opened.position), LIST_PAGE),
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


def referring(
    store: Store, channels: Iterable[str], targets: tuple[str, str]
) -> tuple[ChannelLink, ...]:
    """Return the exchanges of some channels that refer to one of another channel.

    They refer to it by its id or its number.
    """
    return _elsewhere(
        store,
        channels,
        "JOIN links l ON l.key = e.key "
        "WHERE l.channel = ? AND l.target IN (?, ?) ORDER BY e.key LIMIT ?",
        targets,
    )


def named(store: Store, channels: Iterable[str], target: str) -> tuple[ChannelLink, ...]:
    """Return the exchange of some channels that has an id or a number."""
    return _elsewhere(
        store,
        channels,
        f"WHERE e.key >> {POSITION_BITS} = ? AND (e.id = ? OR e.number = ?) ORDER BY e.key LIMIT ?",
        (target, target),
    )


def _elsewhere(
    store: Store, channels: Iterable[str], where: str, targets: tuple[str, str]
) -> tuple[ChannelLink, ...]:
    channel_links: list[ChannelLink] = []
    with store.snapshot() as connection:
        for channel in channels:
            rows = connection.execute(
                f"SELECT e.id, e.number, e.act, e.status FROM exchanges e {where}",  # fixed words  # noqa: S608
                (channel_number(store.base(channel)), *targets, LIST_PAGE),
            )
            channel_links += [
                ChannelLink(channel=channel, exchange=id, number=number, act=act, status=status)
                for id, number, act, status in rows
            ]
    return tuple(channel_links)


def of_format(
    connection: sqlite3.Connection,
    base: int,
    act: str,
    at: int,
    family: str = "dialogue",
    *,
    newest: bool = False,
) -> list[Exchange]:
    """Return the exchanges of a format that had been opened by a position.

    They are in their state at that position.
    """
    rows = connection.execute(
        "SELECT e.id, CASE WHEN e.position <= ? THEN r.state END "  # fixed words  # noqa: S608
        f"FROM exchanges e JOIN records r ON {NEWEST_RECORD} "
        "WHERE e.family = ? AND e.act = ? AND e.key BETWEEN ? AND ? "
        f"ORDER BY e.key {'DESC' if newest else 'ASC'} LIMIT ?",
        (at, family, act, base, row_key(base, at), LIST_PAGE if newest else _MOST),
    ).fetchall()
    return [
        state_at(connection, base, at, id)
        if state is None
        else decode_exchange(whole(connection, base, id, state))
        for id, state in rows
    ]


def perceptions(
    store: Store, channel: str, registry: Registry, at: int | None = None
) -> Perceptions:
    """Return every issue, with each side's view of it, at a position or now.

    Of several texts of a side the newest counts.
    """
    with store.snapshot() as connection:
        stated = of_format(
            connection, store.base(channel), "perception", LAST_POSITION if at is None else at
        )
    return Perceptions(issues=issues_of(stated, [side.name for side in registry.sides]))


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


def _view(views: Sequence[Exchange]) -> View:
    """Return a side's column: its newest view, and the earlier ones."""
    state, *_ = views
    fairness = [*consent.counting(state, ("fairness",), consent.view(state))]
    return View(
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


def roadmap(store: Store, channel: str, at: int | None = None) -> Roadmap:
    """Return the roadmap's items by area, each with its links, at a position or now.

    Items are in the order in which they were proposed.
    """
    base, at = store.base(channel), LAST_POSITION if at is None else at
    with store.snapshot() as connection:
        items = [
            (state, linked(connection, base, at, state))
            for state in of_format(connection, base, "roadmap-item", at)
        ]
    return Roadmap(areas=areas_of(items))


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

"""What the dialogue comes to: perceptions side by side, the roadmap over the areas, and what belongs to what."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final, get_args

import msgspec
from msgspec import UNSET, Raw

from dragoman.limits import LIST_PAGE
from dragoman.projection.store import Store
from dragoman_schemas.answers import ChannelLink, Issue, Link, Perceptions, Roadmap, RoadmapArea, RoadmapLine, View
from dragoman_schemas.frame import Area
from dragoman_schemas.state import Exchange, Registry, decode_exchange

_MASK: Final = (1 << 40) - 1
_MOST: Final = 2_000
"""Items that are shown at most: the roadmap and the issues of two sides that talk for decades."""


def linked(connection: sqlite3.Connection, base: int, at: int, state: Exchange) -> tuple[Link, ...]:
    """The exchanges that refer to one, by its id or its number, in their order."""
    found = connection.execute(
        "SELECT e.id, e.number, e.act, e.status, r.state FROM links l JOIN exchanges e ON e.key = l.key "
        "JOIN records r ON r.key = (e.key >> 40 << 40) | e.position "
        "WHERE l.channel = ? >> 40 AND l.target IN (?, ?) AND l.key <= ? ORDER BY l.key",
        (base, state.id, state.number, base | at),
    )
    return tuple(
        Link(exchange=id, number=number, act=act, status=status, kind=_kind(encoded)) for id, number, act, status, encoded in found
    )


def referring(store: Store, channels: Iterable[str], targets: tuple[str, str]) -> tuple[ChannelLink, ...]:
    """The exchanges of some channels that refer to one of another channel, by its id or its number."""
    return _elsewhere(
        store, channels, "JOIN links l ON l.key = e.key WHERE l.channel = ? >> 40 AND l.target IN (?, ?) ORDER BY e.key LIMIT ?", targets
    )


def named(store: Store, channels: Iterable[str], target: str) -> tuple[ChannelLink, ...]:
    """The exchange of some channels that has an id or a number."""
    return _elsewhere(
        store, channels, "WHERE e.key >> 40 = ? >> 40 AND (e.id = ? OR e.number = ?) ORDER BY e.key LIMIT ?", (target, target)
    )


def _elsewhere(store: Store, channels: Iterable[str], where: str, targets: tuple[str, str]) -> tuple[ChannelLink, ...]:
    found: list[ChannelLink] = []
    with store.snapshot() as connection:
        for channel in channels:
            rows = connection.execute(
                f"SELECT e.id, e.number, e.act, e.status FROM exchanges e {where}",  # noqa: S608  # fixed words
                (store.base(channel), *targets, LIST_PAGE),
            )
            found += [ChannelLink(channel=channel, exchange=id, number=number, act=act, status=status) for id, number, act, status in rows]
    return tuple(found)


def _kind(encoded: bytes) -> str:
    kind = decode_exchange(encoded).content.get("kind")
    return "" if kind is None else str(msgspec.json.decode(kind))


def _all(connection: sqlite3.Connection, base: int, act: str) -> list[Exchange]:
    found = connection.execute(
        "SELECT r.state FROM exchanges e JOIN records r ON r.key = (e.key >> 40 << 40) | e.position "
        "WHERE e.family = 'dialogue' AND e.act = ? AND e.key BETWEEN ? AND ? ORDER BY e.key LIMIT ?",
        (act, base, base | _MASK, _MOST),
    )
    return [decode_exchange(state) for (state,) in found]


def perceptions(store: Store, channel: str, registry: Registry) -> Perceptions:
    """Every issue that a side has written of, and what each side wrote; of several texts of a side the newest."""
    with store.snapshot() as connection:
        stated = _all(connection, store.base(channel), "perception")
    return Perceptions(issues=issues_of(stated, [side.name for side in registry.sides]))


def issues_of(stated: Iterable[Exchange], sides: Sequence[str]) -> tuple[Issue, ...]:
    """The issues of perceptions, each with every side's column."""
    issues: dict[str, dict[str, Exchange]] = {}
    for state in stated:
        if state.status != "cancelled":
            issues.setdefault(str(msgspec.json.decode(state.content["issue"])), {})[state.side] = state
    return tuple(
        Issue(
            issue=issue,
            views=tuple(_view(columns[side]) for side in sides if side in columns),
            no_statement=tuple(side for side in sides if side not in columns),
            common_ground=next(
                (s.acts["common-ground"][-1].content["text"] for s in columns.values() if s.status == "common_ground"), UNSET
            ),
        )
        for issue, columns in issues.items()
    )


def _view(state: Exchange) -> View:
    fairness = state.acts.get("fairness", ())
    return View(
        side=state.side,
        exchange=state.id,
        number=state.number,
        own_view=state.content["own_view"],
        your_view=state.content.get("your_view", UNSET),
        wanted_outcome=state.content.get("wanted_outcome", UNSET),
        restated_by=tuple(sorted({said.said.by.partition("/")[0] for said in state.acts.get("restatement", ())})),
        fairness=str(msgspec.json.decode(fairness[-1].content["result"])) if fairness else "",
        status=state.status,
    )


def roadmap(store: Store, channel: str) -> Roadmap:
    """The items of every area, in the order in which they were proposed, each with what belongs to it."""
    base = store.base(channel)
    with store.snapshot() as connection:
        items = [(state, linked(connection, base, _MASK, state)) for state in _all(connection, base, "roadmap-item")]
    return Roadmap(areas=areas_of(items))


def areas_of(items: Sequence[tuple[Exchange, tuple[Link, ...]]]) -> tuple[RoadmapArea, ...]:
    """Items of the roadmap, each with what belongs to it, over all areas."""
    return tuple(
        RoadmapArea(area=area, items=tuple(_line(state, links) for state, links in items if state.area == area)) for area in get_args(Area)
    )


def _line(state: Exchange, links: tuple[Link, ...]) -> RoadmapLine:
    return RoadmapLine(
        exchange=state.id,
        number=state.number,
        side=state.side,
        status=state.status,
        text=Raw(state.content["text"]),
        deliverable=str(msgspec.json.decode(state.content["deliverable"])),
        linked=links,
    )

"""The points of a turn-over note, one for each thing that the relief takes over.

    points_of(note)      the points of a `TurnOver`, in the order of the note
    point_text(point, w) one point as a sentence in a reader's language

A point has no words of its own. So a sheet that was signed in one language reads in
another, and an auditor derives the same points from the log.
"""

import hashlib
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import UNSET

from dragoman.i18n.words import Words
from dragoman_schemas.report_shapes import Ahead, Due, Matter, TurnOver, Urgent
from dragoman_schemas.statistics_figures import Line
from dragoman_schemas.watch_responses import TurnOverPoint

_STATE_DIGITS: Final = 16
_encode = msgspec.json.Encoder(order="deterministic").encode


def points_of(note: TurnOver) -> tuple[TurnOverPoint, ...]:
    """Return the points of a turn-over note."""
    points = (
        *map(_receipt, note.unacknowledged),
        *(
            _of_matter("matter", f"matter/{item.exchange}", item, _state(item))
            for item in note.stands
        ),
        *(_due("owed", due) for due in note.owed),
        *(_due("awaited", due) for due in note.awaited),
        *map(_window, note.in_force),
        *map(_line, note.line),
        *_beside(note),
    )
    return tuple({point.key: point for point in points}.values())


def log_points(note: TurnOver) -> tuple[TurnOverPoint, ...]:
    """Return the points of a note that follow from the log."""
    return tuple(point for point in points_of(note) if point.in_log)


def _beside(note: TurnOver) -> Iterator[TurnOverPoint]:
    """Yield the last points: the note of the hand-over, and what is beside the log."""
    if note.note is not UNSET:
        yield TurnOverPoint(key="note", kind="note", state=_state(note.note))
    if note.left_off:
        yield TurnOverPoint(
            key="left_off", kind="left_off", state=str(note.left_off), count=note.left_off
        )
    for aside in note.shelved:
        yield TurnOverPoint(
            key=f"shelved/{aside.exchange}/{aside.clock}",
            kind="shelved",
            state=_state(aside),
            side=aside.owed_by,
            clock=aside.clock,
            exchange=aside.exchange,
            number=aside.number,
            time=aside.until,
            text=aside.reason,
            in_log=False,
        )
    if note.silenced:
        yield TurnOverPoint(
            key="silenced",
            kind="silenced",
            state=str(note.silenced),
            time=note.silenced_last,
            count=note.silenced,
            in_log=False,
        )
    for draft in note.drafts:
        yield TurnOverPoint(
            key=f"draft/{draft.draft}",
            kind="draft",
            state=_state(draft),
            act=draft.act,
            time=draft.since,
            text=draft.author.partition("/")[2],
            in_log=False,
        )


def _receipt(urgent: Urgent) -> TurnOverPoint:
    return TurnOverPoint(
        key=f"receipt/{urgent.matter.exchange}/{urgent.time}",
        kind="receipt",
        state=_state((urgent.act, urgent.side, urgent.time)),
        side=urgent.side,
        act=urgent.act,
        exchange=urgent.matter.exchange,
        number=urgent.matter.number,
        time=urgent.time,
    )


def _of_matter(kind: str, key: str, matter: Matter, state: str) -> TurnOverPoint:
    return msgspec.convert(
        {
            "key": key,
            "kind": kind,
            "state": state,
            "side": matter.side,
            "act": matter.format,
            "exchange": matter.exchange,
            "number": matter.number,
            "time": matter.opened,
        },
        TurnOverPoint,
    )


def _due(kind: str, due: Due) -> TurnOverPoint:
    point = _of_matter(
        kind,
        f"{kind}/{due.matter.exchange}/{due.clock}/{due.side}/{due.begins}",
        due.matter,
        _state((due.side, due.clock, due.begins, due.due, due.overdue)),
    )
    return msgspec.structs.replace(point, side=due.side, clock=due.clock, time=due.due)


def _window(ahead: Ahead) -> TurnOverPoint:
    point = _of_matter(
        "window", f"window/{ahead.matter.exchange}/{ahead.from_}", ahead.matter, _state(ahead)
    )
    return msgspec.structs.replace(point, time=ahead.to or ahead.from_)


def _line(line: Line) -> TurnOverPoint:
    return TurnOverPoint(
        key=f"line/{line.side}",
        kind="line",
        state=_state((line.last_result, line.missed_run)),
        side=line.side,
        time=line.last_checked,
        count=line.missed_run,
        text=line.last_result,
    )


def _state(facts: object) -> str:
    return hashlib.sha256(_encode(facts)).hexdigest()[:_STATE_DIGITS]


def point_text(point: TurnOverPoint, w: Words) -> str:
    """Return a point as a sentence."""
    side = point.side.upper() or w.say("a participant")
    time = w.written(point.time, "minute") if point.time else ""
    match point.kind:
        case "receipt":
            return w.say(
                "Not acknowledged by us: %(act)s from %(side)s, %(t)s.",
                act=w.act(point.act),
                side=side,
                t=time,
            )
        case "matter":
            return w.say(
                "Open matter: %(act)s, opened by %(side)s.", act=w.act(point.act), side=side
            )
        case "owed" | "awaited":
            return _limit(point, w, side, time)
        case "window":
            return w.say(
                "In force or ahead: %(act)s of %(side)s, until %(t)s.",
                act=w.act(point.act),
                side=side,
                t=time,
            )
        case "line":
            return _line_text(point, w, side, time)
        case "note":
            return w.say("A note was handed over with the watch.")
        case "shelved":
            return w.say(
                "Set aside until %(t)s: %(what)s, owed by %(side)s. The reason: %(reason)s",
                t=time,
                what=w.clock(point.clock),
                side=side,
                reason=point.text,
            )
        case "silenced":
            return w.count(
                "A screen was silenced %(n)s time.",
                "Screens were silenced %(n)s times.",
                point.count,
            )
        case "draft":
            return w.say(
                "A draft of %(who)s waits for a second officer: %(act)s.",
                who=point.text,
                act=w.act(point.act),
            )
        case "left_off":
            return w.count(
                "%(n)s more row is in the lists of the channel.",
                "%(n)s more rows are in the lists of the channel.",
                point.count,
            )


def _limit(point: TurnOverPoint, w: Words, side: str, time: str) -> str:
    what, act = w.clock(point.clock), w.act(point.act)
    if not time:
        return w.say(
            "%(what)s, owed by %(side)s without a limit: %(act)s.", what=what, side=side, act=act
        )
    return w.say(
        "%(what)s, owed by %(side)s until %(t)s: %(act)s.", what=what, side=side, t=time, act=act
    )


def _line_text(point: TurnOverPoint, w: Words, side: str, time: str) -> str:
    if not time:
        return w.say("Line to %(side)s: no check since the watch was taken.", side=side)
    if point.count:
        return w.count(
            "Line to %(side)s: %(n)s check missed in a row, the last at %(t)s.",
            "Line to %(side)s: %(n)s checks missed in a row, the last at %(t)s.",
            point.count,
            side=side,
            t=time,
        )
    return w.say("Line to %(side)s: the last check, at %(t)s, came back.", side=side, t=time)

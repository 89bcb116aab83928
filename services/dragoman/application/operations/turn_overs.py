"""The turn-over of a watch, signed point by point by the officer who takes it.

    sheet_for(...)         the sheet: the points, and the officer's answers
    current(...)           the sheet of the present watch, with what was said since
    file_for(...)          the sheet of a watch as a file, for an auditor's program

The act that takes the watch has no member for the answers, and the other side reads
every member. So the sheet is kept beside the log. The key of the act is made from the
sheet's SHA-256, and the record's id is made from the key. Whoever has the sheet can
show that the record commits to it (`reports.turn_over_sheet`).
"""

from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple

import msgspec
from aiohttp import web
from msgspec import UNSET

from dragoman.application.http.conditional_requests import in_view
from dragoman.application.http.request import ApiRequest
from dragoman.application.operations import report_requests
from dragoman.domain.acts.act_rules import DUTY, STAFF
from dragoman.domain.record.errors import refuse
from dragoman.projection.projection import Projection
from dragoman.projection.queries import records as reads
from dragoman.projection.queries.snapshot import PeriodQuery
from dragoman.reports import turn_over_points, turn_over_sheet
from dragoman.reports.turn_over_sheet import id_of_sheet
from dragoman.stores.turn_over_sheets import TurnOverSheets
from dragoman_schemas.report_shapes import TurnOver
from dragoman_schemas.watch_responses import (
    KeptSheet,
    PointAnswer,
    TurnOverAnswers,
    TurnOverFollowUp,
    TurnOverPoint,
    TurnOverSheet,
)

TURN_OVER_SHEETS: Final = web.AppKey("turn_over_sheets", TurnOverSheets)
_MOST: Final = 200
"""The most later words on the points of one sheet; the newest count."""


class _RecordId(msgspec.Struct):
    id: str


_record = msgspec.json.Decoder(_RecordId).decode


class TurnOverList(NamedTuple):
    """The points of a turn-over, with the position and the time of the list."""

    position: int
    time: str
    points: tuple[TurnOverPoint, ...]


class CurrentTurnOver(NamedTuple):
    """The sheet of the present watch, and the id of the record that took the watch.

    `committed` says that the record's id follows from the sheet.
    """

    id: str
    position: int
    stored: KeptSheet | None
    committed: bool


def may_sign(projection: Projection, actor: str) -> bool:
    """Return whether an officer may take the watch, and so sign its points."""
    officer = projection.registry.officers.get(actor)
    return officer is not None and officer.until is None and not DUTY.isdisjoint(officer.roles)


def readable(points: Iterable[TurnOverPoint], roles: Iterable[str]) -> list[TurnOverPoint]:
    """Return the points that a reader with some roles may read.

    Drafts are for those who work with them, and not for auditors.
    """
    is_staff = not STAFF.isdisjoint(roles)
    return [point for point in points if is_staff or point.kind != "draft"]


async def list_now(call: ApiRequest[Any], projection: Projection, side: str) -> TurnOverList:
    """Return the points of a side's turn-over now. Raises `Refused`."""
    note = await _note(call, projection, side, PeriodQuery())
    return TurnOverList(note.position, note.to, turn_over_points.points_of(note))


async def list_at(
    call: ApiRequest[Any], projection: Projection, side: str, position: int, time: str
) -> TurnOverList:
    """Return the points that follow from the log at a position and a time.

    Raises `Refused` if the log was not at that position then.
    """
    note = await _note(call, projection, side, PeriodQuery(at=position, to=time))
    return TurnOverList(note.position, note.to, turn_over_points.log_points(note))


async def _note(
    call: ApiRequest[Any], projection: Projection, side: str, period_query: PeriodQuery
) -> TurnOver:
    await projection.in_file()  # a list must have what was recorded a moment ago
    floor = report_requests.floor_of(call.request.app, projection, side)
    drafts = report_requests.handed_over(call.service, projection, side)
    handed = report_requests.matters_handed(call.request.app, projection, side)
    gather = report_requests.turn_over_of(period_query, side, floor, drafts, handed)
    report = (await report_requests.gathered(call, projection, period_query, gather)).report
    assert isinstance(report, TurnOver)
    return report


async def sheet_for(
    call: ApiRequest[Any], projection: Projection, answers: TurnOverAnswers
) -> TurnOverSheet:
    """Return the sheet of the caller's answers to a list that was made before.

    The points that follow from the log are derived again, for the position and the time
    of that list. Those beside the log are those of now. Raises `Refused`.
    """
    side, registry = call.grant.side, projection.registry
    now = await list_now(call, projection, side)
    point_list = (
        await list_at(call, projection, side, answers.position, answers.time)
        if answers.position and answers.time
        else now._replace(points=tuple(point for point in now.points if point.in_log))
    )
    points = (*point_list.points, *(point for point in now.points if not point.in_log))
    watch = registry.watches.get(side)
    keys = {point.key for point in points}
    return TurnOverSheet(
        channel=projection.name,
        cid=registry.cid,
        side=side,
        officer=call.grant.actor,
        relieved="" if watch is None else watch.since.by,
        position=point_list.position,
        time=point_list.time,
        salt=answers.salt,
        points=points,
        answers=tuple(
            {answer.key: answer for answer in answers.answers if answer.key in keys}.values()
        ),
    )


async def keep(
    call: ApiRequest[Any], projection: Projection, answers: TurnOverAnswers
) -> TurnOverSheet:
    """Keep the caller's answers before the watch is taken, and return their sheet.

    The sheet is kept before the record, so that no record commits to a lost sheet.
    Raises `Refused` or `LogUnreachable`.
    """
    if not may_sign(projection, call.grant.actor):
        raise refuse(
            "not-permitted",
            "The points of a turn-over are signed by duty officers and heads of office.",
        )
    sheet = await sheet_for(call, projection, answers)
    await call.request.app[TURN_OVER_SHEETS].put(id_of_sheet(sheet), KeptSheet(sheet=sheet))
    return sheet


async def current(
    call: ApiRequest[Any], projection: Projection, side: str
) -> CurrentTurnOver | None:
    """Return the turn-over of a side's present watch; None if nobody has the watch."""
    watch = projection.registry.watches.get(side)
    if watch is None:
        return None
    position = watch.since.position
    await projection.in_file(position)
    entries, _ = await in_view(call, projection, None, None, reads.records, position, 1)
    raw = entries[0][0].record if entries else UNSET
    id = "" if raw is UNSET else _record(raw).id
    stored = call.request.app[TURN_OVER_SHEETS].find(projection.registry.cid, side, id)
    return CurrentTurnOver(
        id, position, stored, stored is not None and turn_over_sheet.commits(id, stored.sheet)
    )


def file_for(call: ApiRequest[Any], projection: Projection, id: str, roles: Iterable[str]) -> bytes:
    """Return the sheet of a record as a file, as some roles of its side read it.

    Raises `Refused`.
    """
    side = call.grant.side
    stored = call.request.app[TURN_OVER_SHEETS].find(projection.registry.cid, side, id)
    if stored is None:
        raise refuse("not-found", "Your side has no sheet of a turn-over for this record.")
    sheet = stored.sheet
    if STAFF.isdisjoint(roles):
        sheet = turn_over_sheet.sealed(sheet)
        if not turn_over_sheet.commits(id, sheet) and turn_over_sheet.commits(id, stored.sheet):
            raise refuse(
                "not-permitted",
                "This sheet was signed by an earlier version, and shows drafts. Ask an officer of "
                "your side for the file.",
            )
    return turn_over_sheet.file_of(id, sheet)


async def follow_up(
    call: ApiRequest[Any], projection: Projection, words: Iterable[TurnOverFollowUp]
) -> None:
    """Store what officers say about points after the watch was taken.

    Where the watch came without a sheet, the list of now becomes its sheet. Raises
    `Refused` or `LogUnreachable`.
    """
    side = call.grant.side
    turn_over = await current(call, projection, side)
    if turn_over is None or not may_sign(projection, call.grant.actor):
        raise refuse(
            "not-permitted",
            "Points of a turn-over are signed and explained by duty officers and heads of "
            "office, while their side’s watch is taken.",
        )
    first = turn_over.stored or KeptSheet(sheet=await _late_sheet(call, projection, turn_over))
    keys = {point.key for point in first.sheet.points}
    valid_words = tuple(word for word in words if word.key in keys)

    def with_words(stored: KeptSheet | None) -> KeptSheet:
        before = stored or first
        return msgspec.structs.replace(
            before, follow_ups=(*before.follow_ups, *valid_words)[-_MOST:]
        )

    await call.request.app[TURN_OVER_SHEETS].change(
        projection.registry.cid, side, turn_over.id, with_words
    )


async def _late_sheet(
    call: ApiRequest[Any], projection: Projection, turn_over: CurrentTurnOver
) -> TurnOverSheet:
    point_list = await list_now(call, projection, call.grant.side)
    return TurnOverSheet(
        channel=projection.name,
        cid=projection.registry.cid,
        side=call.grant.side,
        officer=projection.registry.watches[call.grant.side].since.by,
        relieved="",
        position=point_list.position,
        time=point_list.time,
        salt="",
        points=point_list.points,
        answers=(),
    )


AnswerState = Literal["", "taken_over", "not_clear", "explained"]


class PointState(NamedTuple):
    """A point, the last answer to it, and who gave it.

    The answer is empty, taken_over, not_clear or explained.
    """

    point: TurnOverPoint
    answer: AnswerState
    reason: str
    by: str
    at: str
    explanation: str = ""


def states_of(stored: KeptSheet, roles: Iterable[str]) -> list[PointState]:
    """Return the points of a sheet, each with what was said about it last.

    They are those that a reader with some roles may read.
    """
    answers: dict[str, PointAnswer] = {answer.key: answer for answer in stored.sheet.answers}
    states = []
    for point in readable(stored.sheet.points, roles):
        answer = answers.get(point.key)
        state = PointState(
            point,
            "" if answer is None else answer.answer,
            "" if answer is None else answer.reason,
            "" if answer is None else stored.sheet.officer,
            "" if answer is None else stored.sheet.time,
        )
        for word in stored.follow_ups:
            if word.key == point.key:
                state = _after(state, word)
        states.append(state)
    return states


def _after(state: PointState, word: TurnOverFollowUp) -> PointState:
    """Return the state of a point after a later word on it."""
    match word.kind:
        case "explained":
            return state._replace(answer="explained", explanation=word.text)
        case "not_clear":
            return PointState(state.point, "not_clear", word.text, word.by, word.at)
        case _:
            return PointState(state.point, "taken_over", "", word.by, word.at)

"""Routes of the turn-over of the caller's side, point by point."""

from typing import Any, Final

from dragoman.api import examples
from dragoman.api.routing import CHANNEL, May, Route
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.operations import turn_overs
from dragoman.i18n.words import words
from dragoman.reports.turn_over_points import point_text
from dragoman_schemas.turn_over import (
    TurnOverAnswers,
    TurnOverKey,
    TurnOverPointView,
    TurnOverView,
)

_ENGLISH: Final = words("en")
_ALONE: Final = {"Cache-Control": "no-store"}


async def show_turn_over_points(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the turn-over of the caller's side, point by point."""
    projection, side = call.channel, call.grant.side
    officer = projection.registry.officers.get(call.grant.actor)
    roles = () if officer is None else officer.roles
    point_list = await turn_overs.list_now(call, projection, side)
    present = await turn_overs.current(call, projection, side)
    stored = None if present is None else present.stored
    return ApiReply(
        body=TurnOverView(
            position=point_list.position,
            time=point_list.time,
            points=tuple(
                TurnOverPointView(
                    key=point.key,
                    kind=point.kind,
                    text=point_text(point, _ENGLISH),
                    exchange=point.exchange,
                    number=point.number,
                    in_log=point.in_log,
                )
                for point in turn_overs.readable(point_list.points, roles)
            ),
            has_sheet=stored is not None,
            committed=present is not None and present.committed,
            signed_position=0 if stored is None else stored.sheet.position,
            signed=()
            if stored is None
            else tuple(_signed(state) for state in turn_overs.states_of(stored, roles)),
        ),
        headers=_ALONE,
    )


def _signed(state: turn_overs.PointState) -> TurnOverPointView:
    return TurnOverPointView(
        key=state.point.key,
        kind=state.point.kind,
        text=point_text(state.point, _ENGLISH),
        exchange=state.point.exchange,
        number=state.point.number,
        in_log=state.point.in_log,
        answer=state.answer,
        reason=state.reason,
    )


async def answer_turn_over_points(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Keep the caller's answers, and return the key with which the watch is taken."""
    answers = await call.decoded(TurnOverAnswers)
    sheet = await turn_overs.keep(call, call.channel, answers)
    signed = {answer.key for answer in sheet.answers}
    return ApiReply(
        body=TurnOverKey(
            key=turn_overs.key_of_sheet(sheet),
            id=turn_overs.id_of_sheet(sheet),
            unsigned=tuple(point.key for point in sheet.points if point.key not in signed),
        ),
        headers=_ALONE,
    )


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/watch/turn-over",
        show_turn_over_points,
        "The turn-over of the caller's side, point by point",
        NoBody,
        {200: TurnOverView},
        may=May.MEMBER,
    ),
    Route(
        "PUT",
        f"{CHANNEL}/watch/turn-over",
        answer_turn_over_points,
        "Answer the points of a turn-over before taking the watch",
        NoBody,
        {200: TurnOverKey},
        takes=TurnOverAnswers,
        example=examples.TURN_OVER_ANSWERS,
        may=May.OWN_DUTY,
    ),
)

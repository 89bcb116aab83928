"""The page on which an officer takes the watch, point by point.

    GET  /c/{channel}/watch/turn-over    the points, each with its two answers
    POST /c/{channel}/watch/turn-over    take the watch, sign later, explain, or clear
    GET  /c/{channel}/watch/turn-over/sheets/{record}    a signed sheet, as a file

The watch is taken by the same act as on the board. Its key commits to the answers. The
page asks again if a point has no answer, or if the list changed since it was shown. The
second button takes the watch in any case, and the board says what is unsigned.
"""

import secrets
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman.application.operations import turn_overs
from dragoman.application.operations.turn_overs import TurnOverList
from dragoman.console.forms import browser_signatures
from dragoman.console.page.context import PageContext
from dragoman.console.page.form_body import Form
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.console.page.sessions import form_of, redirect, said
from dragoman.domain.acts.act_rules import STAFF
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.domain.record.errors import Refused
from dragoman.office.duty.turn_over_rows import (
    REST,
    Change,
    PointRow,
    asked_rows,
    first_due,
    groups_of,
    point_row,
)
from dragoman.reports import turn_over_sheet
from dragoman.reports.turn_over_points import point_text
from dragoman.text import sentence
from dragoman_schemas.watch_responses import (
    PointAnswer,
    TurnOverAnswers,
    TurnOverFollowUp,
    TurnOverPoint,
)

_ACT: Final = b'{"act":"watch-assumption"}'
_POINTS: Final = 400
_EARLIER: Final = 10
_REASON: Final = 300
"""Characters of a reason or an explanation."""

_PATH: Final = "/watch/turn-over"


class EarlierTurnOver(Struct, frozen=True, kw_only=True):
    """An earlier sheet: who signed it, when, and how many of its points."""

    officer: str
    time: str
    position: int
    total: int
    signed: int
    unclear: int
    record: int
    id: str
    committed: bool


class TurnOverPage(Struct, frozen=True, kw_only=True):
    """The turn-over of the reader's side.

    `fault` says why nothing was signed: "unanswered", "changed" or "reason".
    """

    position: int
    time: str
    points: tuple[PointRow, ...]
    earlier: tuple[EarlierTurnOver, ...]
    fault: str = ""


class TurnOverQuery(Struct, frozen=True, kw_only=True):
    """The form of the list: with or without a row for each later point."""

    later: bool = False


async def turn_over(
    context: PageContext, form: Form | None = None, *, fault: str = "", status: int = 200
) -> Page:
    """Return the points of the reader's turn-over, with the answers of a form."""
    if context.past or context.registry.kind in UNTIMED:
        raise refused(
            "not-found",
            sentence("The points of a turn-over are those of now. Go back to now to see them."),
        )
    projection, side, words = context.projection, context.side, context.words
    current = await turn_overs.current(context.call, projection, side)
    watch = projection.registry.watches.get(side)
    is_own = watch is not None and watch.since.by == context.grant.actor
    signs = turn_overs.may_sign(projection, context.grant.actor)
    point_list = await turn_overs.list_now(context.call, projection, side)
    points = tuple(turn_overs.readable(point_list.points, context.roles))
    states = (
        ()
        if current is None or current.stored is None
        else tuple(turn_overs.states_of(current.stored, context.roles))
    )
    later = context.asked(TurnOverQuery).later if form is None else bool(said(form, "later"))
    is_stored = is_own and current is not None and current.stored is not None
    asked_points = tuple(state.point for state in states if not state.answer)
    rows = await asked_rows(
        context, _rows(context, asked_points if is_stored else points, form), later=later
    )
    view = TurnOverPage(
        position=point_list.position,
        time=point_list.time,
        points=tuple(_rows(context, points, form)),
        earlier=tuple(_earlier(context)),
        fault=fault,
    )
    return Page(
        template="turn_over.html",
        view=view,
        rows=view.points,
        status=status,
        values={
            "signs": signs and context.may_post,
            "is_own": is_own,
            "watch": watch,
            "present": current,
            "states": states,
            "asked": rows,
            "numbers": {
                point.key: number
                for number, point in enumerate(point for row in rows for point in row.points)
            },
            "groups": tuple(groups_of(context, rows)),
            "rest": REST,
            "first_due": first_due,
            "later": later,
            "salt": said(form, "salt") if form is not None else secrets.token_hex(16),
            "point_text": lambda point: point_text(point, words),
            "reason_length": _REASON,
            "said": context.said,
        },
    )


def _rows(
    context: PageContext, points: Iterable[TurnOverPoint], form: Form | None
) -> Iterator[PointRow]:
    """Yield the points, with the answers that a form had for them."""
    shown = _shown(form)
    answers = {} if form is None else {answer.key: answer for answer in _answers(form)}
    for point in points:
        answer = answers.get(point.key)
        change: Change = ""
        if form is not None and point.key not in shown:
            change = "new"
        elif form is not None and shown[point.key] != point.state:
            change = "changed"
        yield point_row(
            point,
            point_text(point, context.words),
            answer="" if answer is None else answer.answer,
            reason="" if answer is None else answer.reason,
            change=change,
        )


def _earlier(context: PageContext) -> Iterator[EarlierTurnOver]:
    """Yield the last sheets of the reader's side whose record is in the log.

    An auditor, who downloads them, sees all.
    """
    sheets = context.request.app[turn_overs.TURN_OVER_SHEETS].of_side(
        context.registry.cid, context.side
    )
    most = len(sheets) if STAFF.isdisjoint(context.roles) else _EARLIER
    for id, stored in list(sheets.items())[:most]:
        record = context.projection.posted(id)
        if record is None:
            continue
        states = turn_overs.states_of(stored, context.roles)
        yield EarlierTurnOver(
            officer=stored.sheet.officer,
            time=stored.sheet.time,
            position=stored.sheet.position,
            total=len(states),
            signed=sum(state.answer == "taken_over" for state in states),
            unclear=sum(state.answer in ("not_clear", "explained") for state in states),
            record=record,
            id=id,
            committed=turn_over_sheet.commits(id, stored.sheet),
        )


async def download(context: PageContext) -> web.Response:
    """Return a signed sheet of the reader's side as a file. Raises `Refused`."""
    id = context.request.match_info["record"]
    raw = turn_overs.file_for(context.call, context.projection, id, context.roles)
    return web.Response(
        body=raw,
        content_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="turn-over-{id}.json"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )


def _shown(form: Form | None) -> dict[str, str]:
    """Return the points that a form showed: the digest of their facts, by key."""
    if form is None:
        return {}
    return {
        said(form, f"key.{number}"): said(form, f"state.{number}")
        for number in range(_POINTS)
        if f"key.{number}" in form
    }


def _row(form: Form, number: int) -> str:
    """Return the name of the row in which a form showed a point."""
    return said(form, f"row.{number}") or str(number)


def _answers(form: Form) -> Iterator[PointAnswer]:
    """Yield the answers in a form, without the unknown ones."""
    for number in range(_POINTS):
        row = _row(form, number)
        key, answer = said(form, f"key.{number}"), said(form, f"answer.{row}")
        reason = said(form, f"reason.{row}")[:_REASON]
        if key and answer == "taken_over":
            yield PointAnswer(key=key, answer="taken_over")
        elif key and answer == "not_clear":
            yield PointAnswer(key=key, answer="not_clear", reason=reason)


def _may_say_why(form: Form) -> bool:
    """Return whether a row is not clear whose reason the form did not ask for yet."""
    rows = {_row(form, number) for number in range(_POINTS) if f"key.{number}" in form}
    return any(
        said(form, f"answer.{row}") == "not_clear" and f"reason.{row}" not in form for row in rows
    )


async def answer(context: PageContext) -> Page | web.StreamResponse:
    """Take the watch with the answers of the form, or store a later word on a point."""
    form = await form_of(context.request)
    context.newest = context.projection.flushed
    match said(form, "do"):
        case "take" | "now":
            return await _take(context, form, in_any_case=said(form, "do") == "now")
        case "sign" if _may_say_why(form):
            return await turn_over(context, form, fault="reason", status=409)
        case "sign":
            kinds = {answer.key: answer for answer in _answers(form)}
            await _store(
                context, [(key, answer.answer, answer.reason) for key, answer in kinds.items()]
            )
            return redirect(context.link(_PATH, said="signed"))
        case "explain" if said(form, "text"):
            text = said(form, "text")[:_REASON]
            await _store(context, [(key, "explained", text) for key in _keys(form)])
            return redirect(context.link(said="explained"))
        case "clear":
            await _store(context, [(key, "clear", "") for key in _keys(form)])
            return redirect(context.link(said="cleared"))
        case _:
            raise refused(
                "bad-request",
                sentence(
                    "This is not an action on a turn-over, or its text is empty. Open the board "
                    "again."
                ),
            )


def _keys(form: Form) -> list[str]:
    """Return the points that a form of the board is about."""
    return [str(key) for key in form.getall("point", [])]


async def _store(context: PageContext, words: list[tuple[str, str, str]]) -> None:
    now = context.words.stamp(context.service.now())
    await turn_overs.follow_up(
        context.call,
        context.projection,
        [
            msgspec.convert(
                {"key": key, "kind": kind, "by": context.grant.actor, "at": now, "text": text},
                TurnOverFollowUp,
            )
            for key, kind, text in words
        ],
    )


async def _take(
    context: PageContext, form: Form, *, in_any_case: bool
) -> Page | web.StreamResponse:
    """Take the watch. In any case means: with points unsigned, and a list of before."""
    answers = tuple(_answers(form))
    if not in_any_case:
        point_list = await turn_overs.list_now(context.call, context.projection, context.side)
        fault = _fault(context, point_list, form, answers)
        if fault:
            return await turn_over(context, form, fault=fault, status=409)
    key = said(form, "key")
    try:
        sheet = await turn_overs.keep(
            context.call,
            context.projection,
            TurnOverAnswers(
                position=int(said(form, "position") or 0),
                time=said(form, "time") or None,
                salt=said(form, "salt"),
                answers=answers,
            ),
        )
        key = turn_over_sheet.key_of_sheet(sheet)
    except (Refused, ValueError):
        if not in_any_case:
            raise
    reply = await browser_signatures.record(context, _ACT, family="channel", key=key)
    assert isinstance(reply.headers, dict)
    return redirect(context.link(said="take", after=reply.headers["Dragoman-Position"]))


def _fault(
    context: PageContext, point_list: TurnOverList, form: Form, answers: tuple[PointAnswer, ...]
) -> str:
    """Return the reason for asking once more; empty if the watch can be taken."""
    shown = _shown(form)
    points = turn_overs.readable(point_list.points, context.roles)
    if any(shown.get(point.key) != point.state for point in points):
        return "changed"
    signed = {answer.key for answer in answers}
    if any(point.key not in signed for point in points):
        return "unanswered"
    return "reason" if _may_say_why(form) else ""


ROUTES: Final = (
    PageRoute(path=_PATH, handler=turn_over),
    PageRoute(path=_PATH, handler=answer, method="POST"),
    PageRoute(path=f"{_PATH}/sheets/{{record}}", handler=download),
)

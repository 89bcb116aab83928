"""The answers of a replayed channel, by the path that the gateway is asked for.

    question = ReplayQuestion.of("/state?at=7", projection, "china", now, as_of)
    answer_of(question)

Each path has the query that the gateway's handler asks (`projection/queries`). The body
is the same bytes, and an answer that the gateway tags has the same ETag. What handlers
add from beside the log is missing, and `answer_comparison` does not compare it.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.application.http.problems import refusal_of
from dragoman.domain.record.errors import Refused, refuse
from dragoman.limits import LIST_PAGE
from dragoman.projection.projection import Projection
from dragoman.projection.queries import (
    causation,
    dialogue,
    duty_watch,
    exchange_view,
    in_force,
    liaison_state,
    lists,
    mechanisms,
    statistics,
    undertakings,
)
from dragoman.projection.queries.records import ErasedExchange, NoSuchExchange
from dragoman.projection.queries.snapshot import PeriodQuery, Snapshot, snapshot_of
from dragoman.projection.view import View, open_view
from dragoman.reports import period_record, situation_report, watch_handover
from dragoman_schemas.problems import BASE, TYPES
from dragoman_schemas.responses import Rows


class Response(Struct, frozen=True, kw_only=True):
    """An answer of either party.

    `refused` is the status and the type of a problem; it is empty for a success.
    `seconds` is the duration until the answer.
    """

    refused: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    seconds: float = 0.0


class ReplayQuestion(Struct, frozen=True, kw_only=True):
    """A path of the channel, and everything that its answer depends on.

    `route` has `{}` in place of the `id` in the path.
    """

    route: str
    id: str
    query: Mapping[str, str]
    projection: Projection
    side: str
    now: datetime
    as_of: str

    @classmethod
    def of(
        cls, path: str, projection: Projection, side: str, now: datetime, as_of: str
    ) -> "ReplayQuestion":
        """Return a path that a side asks at a time."""
        plain, _, query = path.partition("?")
        match = _NAMED.match(plain)
        return cls(
            route=plain if match is None else f"{match[1]}{{}}{plain[match.end() :]}",
            id="" if match is None else match[2],
            query=dict(parse_qsl(query)),
            projection=projection,
            side=side,
            now=now,
            as_of=as_of,
        )


_NAMED: Final = re.compile(r"(/exchanges/|/records/)([^/]+)")


def answer_of(question: ReplayQuestion) -> Response:
    """Return the answer to a path; a refusal is an answer too."""
    try:
        with open_view(question.projection.store, question.projection.name, question.now) as newest:
            past = newest.past_moment(question.query.get("at", ""), question.as_of)
            view = newest if past is None else View(newest.connection, newest.base, *past)
            answer = ANSWERS[question.route](view, question)
    except (Refused, NoSuchExchange, ErasedExchange) as error:
        refusal, _ = refusal_of(error)
        status, _ = TYPES[refusal.kind]
        return Response(refused=f"{status} {BASE}{refusal.kind}")
    if isinstance(answer, Response):
        return answer
    return Response(body=msgspec.json.encode(answer))


def _tagged(body: Struct, etag: str) -> Response:
    return Response(headers={"ETag": etag}, body=msgspec.json.encode(body))


def _exchange(view: View, question: ReplayQuestion) -> Response | Struct:
    shown = exchange_view.exchange_view(view, question.id, question.as_of, question.side)
    if question.query.get("at"):
        return shown
    return _tagged(shown, f'"{msgspec.json.decode(bytes(shown.state))["etag"]}"')


def _exchanges(view: View, question: ReplayQuestion) -> Response | Struct:
    query = {**question.query}
    limit, facets = int(query.pop("limit", LIST_PAGE)), query.pop("facets", "")
    wanted = lists.Filter(**query)
    rows = lists.listed(view, wanted, limit)
    if facets:
        rows = replace(rows, facets=lists.facets(view, wanted))
    return rows if wanted.overdue else _tagged(rows, f'W/"{rows.position}"')


def _inbox(view: View, question: ReplayQuestion) -> Struct:
    rows = lists.inbox(view, question.side, None)
    return Rows(exchanges=tuple(rows), position=view.position)


def _record(view: View, question: ReplayQuestion) -> Response:
    raw, commit, digest, valid = question.projection.bytes_at(int(question.id))
    return Response(
        headers={
            "ETag": f'"{commit}"',
            "Dragoman-Commit": commit,
            "Dragoman-Digest": digest,
            "Dragoman-Void": "false" if valid else "true",
        },
        body=raw,
    )


def _causes(view: View, question: ReplayQuestion) -> Struct:
    result = causation.causes(view, int(question.id))
    if result is None:
        raise refuse("not-found", "There is no valid record of an exchange at that position.")
    return result


def _state(view: View, question: ReplayQuestion) -> Response:
    state = liaison_state.liaison_state(view, question.as_of, live=True)
    return _tagged(state, f'W/"{state.digest}"')


def _difference(view: View, question: ReplayQuestion) -> Struct:
    first, last = int(question.query["from"]), int(question.query["to"])
    return liaison_state.difference(view.at(last), first)


def _watch(view: View, question: ReplayQuestion) -> Struct:
    return duty_watch.watch_view(view, question.side)


def _statistics(view: View, question: ReplayQuestion) -> Struct:
    return statistics.statistics(view, _period(question), question.as_of)


def _of(query: Callable[[View], Struct]) -> "Answering":
    """Return the function that answers with a query of the view alone."""
    return lambda view, question: query(view)


def _period(question: ReplayQuestion) -> PeriodQuery:
    return PeriodQuery(at=int(question.query["at"]))


def _situation(snapshot: Snapshot, side: str) -> Struct:
    span = snapshot.span(situation_report.begins(snapshot.ends))
    return situation_report.situation(snapshot, span, live=True)


def _turn_over(snapshot: Snapshot, side: str) -> Struct:
    span = snapshot.span(watch_handover.begins(snapshot, side))
    return watch_handover.turn_over(snapshot, span, side, live=True)


def _record_of_period(snapshot: Snapshot, side: str) -> Struct:
    record, _ = period_record.record_of_the_period(snapshot, snapshot.span(None), live=True)
    return record


def _report(make: Callable[[Snapshot, str], Struct]) -> "Answering":
    """Return the function that makes a report of the position that is asked for."""

    def report(view: View, question: ReplayQuestion) -> Struct:
        return make(snapshot_of(view, _period(question), question.as_of), question.side)

    return report


Answering = Callable[[View, ReplayQuestion], Response | Struct]
"""A function that answers a question by a view of the replayed channel."""

ANSWERS: Final[Mapping[str, Answering]] = {
    "/exchanges": _exchanges,
    "/exchanges/{}": _exchange,
    "/inbox": _inbox,
    "/records/{}": _record,
    "/records/{}/causes": _causes,
    "/state": _state,
    "/diff": _difference,
    "/watch": _watch,
    "/in-force": _of(in_force.in_force),
    "/undertakings": _of(undertakings.undertakings),
    "/mechanisms": _of(mechanisms.mechanisms),
    "/points-of-contact": _of(duty_watch.points_of_contact),
    "/perceptions": _of(dialogue.perceptions),
    "/roadmap": _of(dialogue.roadmap),
    "/statistics": _statistics,
    "/reports/situation": _report(_situation),
    "/reports/turn-over": _report(_turn_over),
    "/reports/period": _report(_record_of_period),
}
"""The answer to each path that is compared."""

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
from dragoman.projection.queries.as_of import PastMoment, past_moment
from dragoman.projection.queries.records import ErasedExchange, NoSuchExchange
from dragoman.projection.queries.snapshot import PeriodQuery, Snapshot, open_snapshot
from dragoman.projection.store import Store
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

    @property
    def store(self) -> Store:
        """The file of the projection."""
        return self.projection.store

    @property
    def channel(self) -> str:
        """The channel's name."""
        return self.projection.name

    @property
    def position(self) -> int:
        """The newest position."""
        return self.projection.flushed

    @property
    def past(self) -> PastMoment | None:
        """The past moment that is asked for; None for now."""
        at = self.query.get("at", "")
        return past_moment(self.store, self.channel, self.position, self.as_of, at)

    @property
    def moment(self) -> PastMoment:
        """The position and the clock that are asked for."""
        return self.past or PastMoment(self.position, self.now)


_NAMED: Final = re.compile(r"(/exchanges/|/records/)([^/]+)")


def answer_of(question: ReplayQuestion) -> Response:
    """Return the answer to a path; a refusal is an answer too."""
    try:
        answer = ANSWERS[question.route](question)
    except (Refused, NoSuchExchange, ErasedExchange) as error:
        refusal, _ = refusal_of(error)
        status, _ = TYPES[refusal.kind]
        return Response(refused=f"{status} {BASE}{refusal.kind}")
    if isinstance(answer, Response):
        return answer
    return Response(body=msgspec.json.encode(answer))


def _found(result: Struct | None) -> Struct:
    if result is None:
        raise refuse("not-found", "The channel was not open at that position.")
    return result


def _tagged(body: Struct, etag: str) -> Response:
    return Response(headers={"ETag": etag}, body=msgspec.json.encode(body))


def _exchange(question: ReplayQuestion) -> Response | Struct:
    at, now = question.moment
    view = exchange_view.exchange_view(
        question.store, question.channel, question.id, at, question.as_of, question.side, now
    )
    if question.past is not None:
        return view
    return _tagged(view, f'"{msgspec.json.decode(bytes(view.state))["etag"]}"')


def _exchanges(question: ReplayQuestion) -> Response | Struct:
    query = {**question.query}
    limit, facets = int(query.pop("limit", LIST_PAGE)), query.pop("facets", "")
    wanted = lists.Filter(**query)
    rows = lists.listed(question.store, question.channel, wanted, limit, question.now)
    if facets:
        rows = replace(rows, facets=lists.facets(question.store, question.channel, wanted))
    return rows if wanted.overdue else _tagged(rows, f'W/"{rows.position}"')


def _inbox(question: ReplayQuestion) -> Struct:
    rows = lists.inbox(question.store, question.channel, question.side, None)
    return Rows(exchanges=tuple(rows), position=question.position)


def _record(question: ReplayQuestion) -> Response:
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


def _causes(question: ReplayQuestion) -> Struct:
    return _found(causation.causes(question.store, question.channel, int(question.id)))


def _state(question: ReplayQuestion) -> Response:
    past = question.past
    state = liaison_state.liaison_state(
        question.store,
        question.channel,
        None if past is None else past.position,
        question.as_of,
        live=True,
    )
    if state is None:
        raise refuse("not-found", "The channel was not open at that position.")
    return _tagged(state, f'W/"{state.digest}"')


def _difference(question: ReplayQuestion) -> Struct:
    first, last = int(question.query["from"]), int(question.query["to"])
    return liaison_state.difference(question.store, question.channel, first, last)


def _watch(question: ReplayQuestion) -> Struct:
    at, now = question.moment
    return _found(duty_watch.watch_view(question.store, question.channel, question.side, now, at))


def _in_force(question: ReplayQuestion) -> Struct:
    at, now = question.moment
    return _found(in_force.in_force(question.store, question.channel, now, at, members=True))


def _undertakings(question: ReplayQuestion) -> Struct:
    return undertakings.undertakings(question.store, question.channel, *question.moment)


def _mechanisms(question: ReplayQuestion) -> Struct:
    return mechanisms.mechanisms(question.store, question.channel, *question.moment)


def _points(question: ReplayQuestion) -> Struct:
    return duty_watch.points_of_contact(
        question.store, question.channel, question.now, members=True
    )


def _perceptions(question: ReplayQuestion) -> Struct:
    return dialogue.perceptions(question.store, question.channel, question.projection.registry)


def _roadmap(question: ReplayQuestion) -> Struct:
    return dialogue.roadmap(question.store, question.channel)


def _statistics(question: ReplayQuestion) -> Struct:
    return statistics.statistics(
        question.store, question.channel, _period(question), question.as_of
    )


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


def _report(make: Callable[[Snapshot, str], Struct]) -> Callable[[ReplayQuestion], Struct]:
    """Return the function that makes a report of the position that is asked for."""

    def report(question: ReplayQuestion) -> Struct:
        with open_snapshot(
            question.store, question.channel, _period(question), question.as_of
        ) as snapshot:
            return make(snapshot, question.side)

    return report


ANSWERS: Final[Mapping[str, Callable[[ReplayQuestion], Response | Struct]]] = {
    "/exchanges": _exchanges,
    "/exchanges/{}": _exchange,
    "/inbox": _inbox,
    "/records/{}": _record,
    "/records/{}/causes": _causes,
    "/state": _state,
    "/diff": _difference,
    "/watch": _watch,
    "/in-force": _in_force,
    "/undertakings": _undertakings,
    "/mechanisms": _mechanisms,
    "/points-of-contact": _points,
    "/perceptions": _perceptions,
    "/roadmap": _roadmap,
    "/statistics": _statistics,
    "/reports/situation": _report(_situation),
    "/reports/turn-over": _report(_turn_over),
    "/reports/period": _report(_record_of_period),
}
"""The answer to each path that is compared."""

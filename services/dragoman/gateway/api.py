"""The HTTP API: every route with its shapes, and the handlers."""

import asyncio
import csv
import io
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman import __version__
from dragoman.desk import stamp
from dragoman.domain.channel import log_of
from dragoman.domain.refusal import Refusal, Refused
from dragoman.domain.table import PATHS
from dragoman.gateway import beside, drafts, files, live, pages, people, proofs
from dragoman.gateway.posting import grant_of, in_thread, projection_of, record, service_of, wanted_position, whole
from dragoman.gateway.service import Service
from dragoman.gateway.typed import JSON, Answered, Call, Nothing, Reply, Route, openapi
from dragoman.limits import LIST_PAGE
from dragoman.projection import dialogue, reads, watching
from dragoman.projection.live import Projection
from dragoman.projection.moment import Asked, Moment, instant, moment
from dragoman.projection.statistics import statistics
from dragoman.reports import period, situation, turn_over
from dragoman.reports import year as year_review
from dragoman.reports.markdown import markdown
from dragoman.reports.paper import Paper
from dragoman.stores.access import Grant
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.answers import (
    Channels,
    ChannelView,
    Check,
    CodebookView,
    Coded,
    Drafts,
    DraftView,
    Entry,
    ExchangeView,
    Files,
    FileView,
    Health,
    IssuedToken,
    LiaisonState,
    Me,
    NewChannel,
    NewDraft,
    NewToken,
    Perceptions,
    PersonEntry,
    PersonView,
    PointsOfContact,
    Recorded,
    Register,
    Roadmap,
    Row,
    Rows,
    Tokens,
    TokenView,
    WatchView,
)
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.fields import Language, Year
from dragoman_schemas.reports import PeriodRecord, Report, Situation, TurnOver, YearReview
from dragoman_schemas.statistics import Statistics

TAILS: Final = web.AppKey("tails", dict[str, live.Tail])
TURN: Final = web.AppKey("turn", asyncio.Lock)
"""Whose turn it is to read many exchanges: one at a time, so that a reader stays free for lists and boards."""

CSV: Final = "text/csv"
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"


class At(Struct, frozen=True, kw_only=True):
    """A past position; 0 is now."""

    at: int = 0


class FromPosition(Struct, frozen=True, kw_only=True):
    """Where records begin: `from` a position, or `after` one."""

    from_: int = msgspec.field(name="from", default=0)
    after: int | None = None


class ListQuery(reads.Filter, frozen=True, kw_only=True):
    """What a list is narrowed to, and how many rows a page has."""

    limit: int = LIST_PAGE


class ReportQuery(Asked, frozen=True, kw_only=True):
    """Which period, and in which language the sides' texts are read where they are given in several."""

    language: Language | None = None


class YearQuery(ReportQuery, frozen=True, kw_only=True):
    """Which year; by default this one."""

    year: Year | None = None


class Gathered(NamedTuple):
    """A report, and how it is laid out in a language."""

    report: Report
    paper: Callable[[str], Paper]


class StatisticsQuery(Asked, frozen=True, kw_only=True):
    """Which period, and of which side and format alone."""

    side: str = ""
    format: str = ""


def _operator(call: Call[Any]) -> Service:
    if not grant_of(call.request).is_operator:
        raise Refused(Refusal(kind="not-permitted", detail="Only the operator opens channels and issues tokens."))
    return service_of(call)


async def _standing(call: Call[Any]) -> tuple[Projection, int]:
    """The channel, and the position in the file that the answer will be of; waits for the one that the caller asks for.

    A broken channel is answered as far as its file goes, which is said to be stale.
    """
    projection, wanted = projection_of(call), wanted_position(call.request)
    if wanted > projection.state.position or (projection.broken and wanted > projection.flushed):
        await projection.in_file(wanted)
    await projection.in_file()
    return projection, projection.flushed


def _headers(call: Call[Any], projection: Projection, position: int) -> dict[str, str]:
    service = service_of(call)
    headers = {"Dragoman-Position": str(position), "Dragoman-As-Of": service.as_of(projection), "Cache-Control": "no-store"}
    if not service.is_live(projection):
        headers["Dragoman-Stale"] = "true"
    return headers


# Who and where


async def me(call: Call[Nothing]) -> Answered:
    grant, service = grant_of(call.request), service_of(call)
    visible = service.visible(grant)
    roles = {
        projection.name: projection.registry.officers[grant.actor].roles
        for projection in visible
        if grant.actor in projection.registry.officers
    }
    return Reply(
        body=Me(actor=grant.actor, roles={name: tuple(held) for name, held in roles.items()}, channels=tuple(p.name for p in visible))
    )


def _view(projection: Projection) -> ChannelView:
    registry = projection.registry
    return ChannelView(
        name=registry.name,
        cid=registry.cid,
        kind=registry.kind,
        custody=registry.custody,
        sides=tuple(side.name for side in registry.sides),
        languages=registry.languages,
        marking=registry.marking,
        position=projection.state.position,
        time=projection.state.time,
        opened=registry.opened.time,
        exercise_of=registry.exercise_of.name if registry.exercise_of is not None else "",
        log=str(log_of(registry)),
    )


async def list_channels(call: Call[Nothing]) -> Answered:
    visible = service_of(call).visible(grant_of(call.request))
    return Reply(body=Channels(channels=tuple(_view(projection) for projection in visible)))


async def show_channel(call: Call[Nothing]) -> Answered:
    service, grant, name = service_of(call), grant_of(call.request), call.path("channel")
    projection = service.channels.get(name) if grant.is_operator else service.channel(grant, name)
    if projection is None or not projection.is_channel:
        raise Refused(Refusal(kind="not-found", detail=f"There is no channel {name[:63]}."))
    return Reply(body=_view(projection), headers=_headers(call, projection, projection.state.position))


async def new_channel(call: Call[Nothing]) -> Answered:
    service = _operator(call)
    projection = await service.open_channel(await call.decoded(NewChannel))
    return Reply(body=_view(projection), status=201, headers={"Location": f"/v1/channels/{projection.name}"})


# Posting


async def post_opening(call: Call[Nothing]) -> Answered:
    projection = projection_of(call)
    family = PATHS.get(call.path("family"))
    if family is None:
        raise web.HTTPNotFound
    return await record(call, projection, await call.body(), family=family)


async def post_act(call: Call[Nothing]) -> Answered:
    projection = projection_of(call)
    return await record(call, projection, await call.body(), exchange=call.path("exchange"))


# Reading


def _at(projection: Projection, at: int, position: int) -> int:
    if at < 0 or at > position:
        raise Refused(Refusal(kind="bad-request", detail=f"at is a position from 1 to {position}, or left out for now."))
    return at or position


async def list_exchanges(call: Call[ListQuery]) -> Answered:
    projection, _ = await _standing(call)
    query = call.query
    wanted = reads.Filter(**{name: getattr(query, name) for name in reads.Filter.__struct_fields__})
    most = max(1, min(query.limit, LIST_PAGE))
    rows: Rows = await in_thread(call, reads.listed, service_of(call).store, projection.name, wanted, most, service_of(call).now())
    headers = _headers(call, projection, rows.position)
    if rows.next:
        headers["Link"] = f'<{call.request.rel_url.update_query(cursor=rows.next)}>; rel="next"'
    match _wanted_media(call.request, (JSON, live.NDJSON, CSV)):
        case live.NDJSON:
            body = b"".join(msgspec.json.encode(row) + b"\n" for row in rows.exchanges)
            return web.Response(body=body, headers=headers, content_type=live.NDJSON)
        case "text/csv":
            return web.Response(text=_csv(rows), headers=headers, content_type=CSV)
        case _:
            return Reply(body=rows, headers=headers)


def _csv(rows: Rows) -> str:
    output = io.StringIO()
    writer = csv.writer(output)
    names = Row.__struct_fields__
    writer.writerow(names)
    for row in rows.exchanges:
        values = msgspec.json.decode(msgspec.json.encode(row))
        writer.writerow([_cell(values.get(name, "")) for name in names])
    return output.getvalue()


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = (
        " ".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else msgspec.json.encode(value).decode()
    )
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _wanted_media(request: web.Request, offered: tuple[str, ...]) -> str:
    accepted = [part.partition(";")[0].strip() for part in request.headers.get("Accept", "*/*").split(",")]
    for kind in accepted:
        if kind in offered:
            return kind
        if kind in ("*/*", "application/*", ""):
            return offered[0]
    raise Refused(Refusal(kind="not-acceptable", detail=f"This is given as {', '.join(offered)}; change Accept."))


async def show_exchange(call: Call[At]) -> Answered:
    projection, position = await _standing(call)
    at = _at(projection, call.query.at, position)
    service, side = service_of(call), grant_of(call.request).side
    view: ExchangeView = await in_thread(
        call,
        reads.exchange_view,
        service.store,
        projection.name,
        call.path("exchange"),
        at,
        service.as_of(projection),
        side,
        None if call.query.at else service.now(),
    )
    view = await beside.seen(service, projection, grant_of(call.request), view)
    headers = _headers(call, projection, at)
    if not call.query.at:
        headers["ETag"] = f'"{msgspec.json.decode(bytes(view.state))["etag"]}"'
    return Reply(body=view, headers=headers)


async def show_watch(call: Call[At]) -> Answered:
    projection, position = await _standing(call)
    service, side = service_of(call), grant_of(call.request).side
    at = _at(projection, call.query.at, position) if call.query.at else None
    view = await in_thread(call, watching.watch_view, service.store, projection.name, side, service.now(), at)
    if view is None:
        raise Refused(Refusal(kind="not-found", detail="The channel had not been opened there."))
    return Reply(body=view, headers=_headers(call, projection, view.position))


async def show_points(call: Call[Nothing]) -> Answered:
    projection, position = await _standing(call)
    service = service_of(call)
    body = await in_thread(call, watching.points_of_contact, service.store, projection.name, service.now())
    return Reply(body=body, headers=_headers(call, projection, position))


async def show_perceptions(call: Call[Nothing]) -> Answered:
    projection, position = await _standing(call)
    body = await in_thread(call, dialogue.perceptions, service_of(call).store, projection.name, projection.registry)
    return Reply(body=body, headers=_headers(call, projection, position))


async def show_roadmap(call: Call[Nothing]) -> Answered:
    projection, position = await _standing(call)
    body = await in_thread(call, dialogue.roadmap, service_of(call).store, projection.name)
    return Reply(body=body, headers=_headers(call, projection, position))


async def show_codebook(call: Call[Nothing]) -> Answered:
    """The codebook that every side has adopted; the one that is offered, while they have not."""
    projection, position = await _standing(call)
    adopted = {(book.codebook, book.version) for book in projection.registry.codebooks.values()}
    agreed = len(adopted) == 1 and len(projection.registry.codebooks) == len(projection.registry.sides)
    book = CODEBOOKS[adopted.pop()[0]] if agreed else next(iter(CODEBOOKS.values()))
    messages = tuple(Coded(code_word=book.code_word, designator=number, texts=texts) for number, texts in book.texts.items())
    body = CodebookView(codebook=book.name, version=book.version, in_force=agreed, messages=messages, phrases=book.phrases)
    return Reply(body=body, headers=_headers(call, projection, position))


async def show_state(call: Call[At]) -> Answered:
    projection, position = await _standing(call)
    service = service_of(call)
    at = _at(projection, call.query.at, position) if call.query.at else None
    state: LiaisonState | None = await in_thread(
        call, lambda: reads.liaison_state(service.store, projection.name, at, service.as_of(projection), live=service.is_live(projection))
    )
    if state is None:
        raise Refused(Refusal(kind="not-found", detail="The channel had not been opened there."))
    return Reply(body=state, headers=_headers(call, projection, state.position))


async def show_statistics(call: Call[StatisticsQuery]) -> Answered:
    projection, _ = await _standing(call)
    service, query = service_of(call), call.query
    as_of = service.as_of(projection)
    async with call.request.app[TURN]:
        body: Statistics = await in_thread(call, statistics, service.store, projection.name, query, as_of, query.side, query.format)
    return Reply(body=body, headers=_headers(call, projection, body.position))


async def stream_records(call: Call[FromPosition]) -> Answered:
    projection = projection_of(call)
    service, grant = service_of(call), grant_of(call.request)
    media = _wanted_media(call.request, (live.NDJSON, live.EVENT_STREAM))
    resumed = whole(call.request.headers.get("Last-Event-ID", ""))
    after = call.query.after if resumed is None else resumed
    if call.query.from_ < 0 or (after is not None and after < 0):
        raise Refused(Refusal(kind="bad-request", detail="Records are counted from 1: from is 1 or more, after 0 or more."))
    if media == live.EVENT_STREAM:
        first = after + 1 if after is not None else call.query.from_ or projection.state.position + 1
        tails = call.request.app[TAILS]
        if projection.name not in tails:
            tail = tails[projection.name] = live.Tail(projection, service.now)
            await tail.begin(service.store)
        still: Callable[[], bool] = call.request.get("still", lambda: service.access.holds(grant))
        return await live.stream(call.request, service, projection, tails[projection.name], grant, first, still)
    first = after + 1 if after is not None else call.query.from_ or 1
    return await live.lines(call.request, service, projection, service.station(grant, projection), first, projection.state.position)


async def show_record(call: Call[Nothing]) -> Answered:
    projection, position = await _standing(call)
    wanted = whole(call.path("position"))
    if wanted is None or not 1 <= wanted <= position:
        raise Refused(Refusal(kind="not-found", detail=f"Positions are whole numbers from 1 to {position}."))
    raw, commit, digest, valid = projection.bytes_at(wanted)
    headers = {
        "Dragoman-Position": str(wanted),
        "Dragoman-Commit": commit,
        "Dragoman-Digest": digest,
        "Dragoman-Void": "false" if valid else "true",
        "ETag": f'"{commit}"',
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(
        body=raw, headers=headers, content_type="application/cloudevents+json" if raw[:1] == b"{" else "application/octet-stream"
    )


# Reports


async def _report(call: Call[Any], asked: Asked, gather: Callable[[Moment, bool], Gathered]) -> Answered:
    """A report in the form that is asked for: its shape, a page, or Markdown. What is asked for of the past is no less live."""
    projection, _ = await _standing(call)
    service = service_of(call)
    media = _wanted_media(call.request, (JSON, HTML, MARKDOWN))
    live_or_past = asked.at > 0 or asked.to is not None or service.is_live(projection)

    def gathered() -> Gathered:
        with moment(service.store, projection.name, asked, service.as_of(projection)) as then:
            return gather(then, live_or_past)

    async with call.request.app[TURN]:
        found: Gathered = await in_thread(call, gathered)
    headers = _headers(call, projection, found.report.position)
    language = call.query.language or found.report.of.languages[0]
    match media:
        case "text/html":
            page: web.Response = await in_thread(call, lambda: pages.report(found.paper(language), headers))
            return page
        case "text/markdown":
            text: str = await in_thread(call, lambda: markdown(found.paper(language)))
            return web.Response(text=text, headers=headers, content_type=MARKDOWN)
        case _:
            return Reply(body=found.report, headers=headers)


def _begins(query: Asked, default: datetime | None) -> datetime | None:
    return default if query.from_ is None else instant("from", query.from_)


async def show_situation(call: Call[ReportQuery]) -> Answered:
    def gather(then: Moment, live: bool) -> Gathered:  # noqa: FBT001
        found = situation.situation(then, then.span(_begins(call.query, situation.begins(then.ends))), live=live)
        return Gathered(found, lambda language: situation.paper(found, language))

    return await _report(call, call.query, gather)


async def show_turn_over(call: Call[ReportQuery]) -> Answered:
    side = grant_of(call.request).side

    def gather(then: Moment, live: bool) -> Gathered:  # noqa: FBT001
        found = turn_over.turn_over(then, then.span(_begins(call.query, turn_over.begins(then, side))), side, live=live)
        return Gathered(found, lambda language: turn_over.paper(found, language))

    return await _report(call, call.query, gather)


async def show_period(call: Call[ReportQuery]) -> Answered:
    def gather(then: Moment, live: bool) -> Gathered:  # noqa: FBT001
        found = period.record_of_the_period(then, then.span(_begins(call.query, None)), live=live)
        return Gathered(found, lambda language: period.paper(found, language))

    return await _report(call, call.query, gather)


async def show_year(call: Call[YearQuery]) -> Answered:
    """The review of a year: all of it once it is over, else as far as it has come."""
    projection, query = projection_of(call), call.query
    now = service_of(call).as_of(projection) or projection.state.time
    year = query.year or int(now[:4])
    over = f"{year + 1:04}-01-01T00:00:00.000Z"
    asked = Asked(at=query.at, from_=query.from_, to=query.to or (over if not query.at and over <= now else None))

    def gather(then: Moment, live: bool) -> Gathered:  # noqa: FBT001
        found = year_review.year_review(then, then.span(_begins(query, year_review.begins(year))), year, live=live)
        return Gathered(found, lambda language: year_review.paper(found, language))

    return await _report(call, asked, gather)


# Tokens


async def list_tokens(call: Call[Nothing]) -> Answered:
    service = _operator(call)
    names = {p.registry.cid: p.name for p in service.channels.values() if p.is_channel}
    return Reply(body=Tokens(tokens=tuple(_token_view(grant, names) for grant in await service.access.listed())))


def _token_view(grant: Grant, names: dict[str, str]) -> TokenView:
    channels = tuple(names.get(cid, cid) for cid in grant.channels)
    return TokenView(id=grant.id, actor=grant.actor, channels=channels, issued=grant.issued, label=grant.label)


async def issue_token(call: Call[Nothing]) -> Answered:
    service = _operator(call)
    new = await call.decoded(NewToken)
    where = {p.name: p.registry for p in service.channels.values() if p.is_channel and new.actor in p.registry.officers}
    wanted = new.channels or tuple(where)
    missing = [name for name in wanted if name not in where]
    if missing or not wanted:
        known = ", ".join(sorted(where)) or "no channel"
        raise Refused(
            Refusal(kind="invalid", detail=f"{new.actor} is an officer in {known}; an administrator of the side enters officers.")
        )
    cids = tuple(where[name].cid for name in wanted)
    label = new.label if isinstance(new.label, str) else ""
    token, grant = await service.access.issue(new.actor, cids, issued=stamp(service.now()), label=label)
    view = IssuedToken(id=grant.id, actor=grant.actor, channels=tuple(wanted), issued=grant.issued, label=label, token=token)
    return Reply(body=view, status=201, headers={"Location": f"/v1/tokens/{grant.id}", "Cache-Control": "no-store"})


async def revoke_token(call: Call[Nothing]) -> Answered:
    service = _operator(call)
    if not await service.access.revoke(call.path("token")):
        raise Refused(Refusal(kind="not-found", detail="There is no token of that id; GET /v1/tokens lists them."))
    return web.Response(status=204)


# Health, and the API about itself


async def livez(call: Call[Nothing]) -> Answered:
    return Reply(body=Health(status="ok"))


async def readyz(call: Call[Nothing]) -> Answered:
    service = service_of(call)
    checks = [
        Check(name="broker connected", ok=service.bus.up),
        Check(name="broker syncs every write", ok=service.guard.proven, detail=service.guard.reason),
    ]
    # Names of channels are their members' business.
    late = sum(not service.is_live(projection) for projection in service.channels.values())
    broken = sum(bool(projection.broken) for projection in service.channels.values())
    detail = f"{late} of {len(service.channels)} are not read live, {broken} of them broken; the log says which" if late else ""
    checks.append(Check(name="channels are read live", ok=not late, detail=detail))
    ready = all(check.ok for check in checks)
    return Reply(body=Health(status="ok" if ready else "not ready", checks=tuple(checks)), status=200 if ready else 503)


async def show_openapi(call: Call[Nothing]) -> Answered:
    return web.json_response(document())


def document() -> dict[str, Any]:
    """The OpenAPI document of this API."""
    union: Any = None
    for shape in SHAPES.values():
        union = shape if union is None else union | shape
    return openapi(list(ROUTES), union, __version__)


_POST = ("Idempotency-Key", "If-Match", "Dragoman-Min-Position")
_READ = ("Dragoman-Min-Position",)
_REPORT = (JSON, HTML, MARKDOWN)
_C = "/v1/channels/{channel}"

ROUTES: Final[tuple[Route[Any], ...]] = (
    Route("GET", "/v1/me", me, "Who the token speaks for", Nothing, {200: Me}),
    Route("GET", "/v1/channels", list_channels, "The channels that the caller may see", Nothing, {200: Channels}),
    Route("POST", "/v1/channels", new_channel, "Open a trial channel", Nothing, {201: ChannelView}, takes=NewChannel),
    Route("GET", _C, show_channel, "A channel", Nothing, {200: ChannelView}),
    Route("GET", f"{_C}/state", show_state, "The liaison state and its digest", At, {200: LiaisonState}, headers=_READ),
    Route(
        "GET",
        f"{_C}/exchanges",
        list_exchanges,
        "Exchanges, the newest first",
        ListQuery,
        {200: Rows},
        media=(JSON, live.NDJSON, CSV),
        headers=_READ,
    ),
    Route("GET", f"{_C}/exchanges/{{exchange}}", show_exchange, "One exchange", At, {200: ExchangeView}, headers=_READ),
    Route(
        "POST", f"{_C}/exchanges/{{exchange}}/acts", post_act, "Carry an exchange on", Nothing, {201: Recorded}, takes="act", headers=_POST
    ),
    Route(
        "GET",
        f"{_C}/records",
        stream_records,
        "The records, to now or live",
        FromPosition,
        {200: Entry},
        media=(live.NDJSON, live.EVENT_STREAM),
        headers=("Last-Event-ID",),
    ),
    Route("GET", f"{_C}/records/{{position}}", show_record, "The exact bytes of a record", Nothing, {200: None}, headers=_READ),
    Route(
        "GET",
        f"{_C}/records/{{position}}/proof",
        proofs.show_proof,
        "The proof that a record stands in the log",
        Nothing,
        {200: None},
        media=(proofs.TEXT,),
    ),
    Route(
        "GET",
        f"{_C}/log/checkpoint",
        proofs.show_checkpoint,
        "The newest signed head of the log",
        Nothing,
        {200: None},
        media=(proofs.TEXT,),
    ),
    Route(
        "GET",
        f"{_C}/log/tile/{{tile:.+}}",
        proofs.show_tile,
        "A tile of the tree, or its entries",
        Nothing,
        {200: None},
        media=(proofs.BYTES,),
    ),
    Route(
        "POST",
        f"{_C}/{{family:{'|'.join(PATHS)}}}",
        post_opening,
        "Open an exchange",
        Nothing,
        {201: Recorded},
        takes="act",
        headers=_POST,
    ),
    Route(
        "GET",
        f"{_C}/perceptions",
        show_perceptions,
        "Each side's perceptions next to the other's",
        Nothing,
        {200: Perceptions},
        headers=_READ,
    ),
    Route("GET", f"{_C}/watch", show_watch, "Who has the watch, the line, and what must not wait", At, {200: WatchView}, headers=_READ),
    Route(
        "GET",
        f"{_C}/points-of-contact",
        show_points,
        "Who is reached for what, when and how",
        Nothing,
        {200: PointsOfContact},
        headers=_READ,
    ),
    Route("GET", f"{_C}/roadmap", show_roadmap, "The joint roadmap over the areas", Nothing, {200: Roadmap}, headers=_READ),
    Route(
        "GET",
        f"{_C}/statistics",
        show_statistics,
        "What each side owed and did in a period, in numbers",
        StatisticsQuery,
        {200: Statistics},
        headers=_READ,
    ),
    Route(
        "GET",
        f"{_C}/reports/situation",
        show_situation,
        "The situation report: since 06:00Z, on one page",
        ReportQuery,
        {200: Situation},
        media=_REPORT,
        headers=_READ,
    ),
    Route(
        "GET",
        f"{_C}/reports/turn-over",
        show_turn_over,
        "The turn-over note of the watch of the caller's side",
        ReportQuery,
        {200: TurnOver},
        media=_REPORT,
        headers=_READ,
    ),
    Route(
        "GET",
        f"{_C}/reports/period",
        show_period,
        "The record of the period: everything that was said",
        ReportQuery,
        {200: PeriodRecord},
        media=_REPORT,
        headers=_READ,
    ),
    Route(
        "GET",
        f"{_C}/reports/year",
        show_year,
        "The pack for the yearly review",
        YearQuery,
        {200: YearReview},
        media=_REPORT,
        headers=_READ,
    ),
    Route("GET", f"{_C}/codebook", show_codebook, "The coded messages in full", Nothing, {200: CodebookView}, headers=_READ),
    Route("GET", f"{_C}/drafts", drafts.list_drafts, "The drafts of the caller's side", Nothing, {200: Drafts}),
    Route(
        "POST",
        f"{_C}/drafts",
        drafts.new_draft,
        "Draft an act",
        Nothing,
        {201: DraftView},
        takes=NewDraft,
        headers=("Idempotency-Key",),
    ),
    Route("GET", f"{_C}/drafts/{{draft}}", drafts.show_draft, "A draft", Nothing, {200: DraftView}),
    Route(
        "PUT",
        f"{_C}/drafts/{{draft}}",
        drafts.change_draft,
        "Change a draft",
        Nothing,
        {200: DraftView},
        takes=NewDraft,
        headers=("If-Match",),
    ),
    Route("DELETE", f"{_C}/drafts/{{draft}}", drafts.drop_draft, "Throw a draft away", Nothing, {204: None}, headers=("If-Match",)),
    Route(
        "POST",
        f"{_C}/drafts/{{draft}}/release",
        drafts.release_draft,
        "Release a draft",
        Nothing,
        {201: Recorded},
        headers=("If-Match", "Dragoman-Min-Position"),
    ),
    Route("GET", f"{_C}/people", people.list_people, "The register of people", people.PeopleQuery, {200: Register}),
    Route(
        "POST",
        f"{_C}/people",
        people.new_person,
        "Enter somebody",
        Nothing,
        {201: PersonView},
        takes=PersonEntry,
        headers=("Idempotency-Key",),
    ),
    Route("GET", f"{_C}/people/{{person}}", people.show_person, "Somebody, or that they are erased", Nothing, {200: PersonView}),
    Route(
        "PUT",
        f"{_C}/people/{{person}}",
        people.change_person,
        "Change an entry",
        Nothing,
        {200: PersonView},
        takes=PersonEntry,
        headers=("If-Match",),
    ),
    Route("DELETE", f"{_C}/people/{{person}}", people.erase_person, "Erase an entry", Nothing, {200: PersonView}, headers=("If-Match",)),
    Route("GET", f"{_C}/files", files.list_files, "The files that the caller's side has put here", Nothing, {200: Files}),
    Route("PUT", f"{_C}/files/{{sha256}}", files.put_file, "Put a file", Nothing, {200: FileView, 201: FileView}, takes="file"),
    Route("GET", f"{_C}/files/{{sha256}}", files.fetch_file, "A file's bytes", Nothing, {200: None}, headers=("If-None-Match",)),
    Route("DELETE", f"{_C}/files/{{sha256}}", files.erase_file, "Erase a file of the caller's side", Nothing, {200: FileView}),
    Route("GET", "/v1/tokens", list_tokens, "The tokens in force", Nothing, {200: Tokens}),
    Route("POST", "/v1/tokens", issue_token, "Issue a token", Nothing, {201: IssuedToken}, takes=NewToken),
    Route("DELETE", "/v1/tokens/{token}", revoke_token, "Revoke a token", Nothing, {204: None}),
    Route("GET", "/v1/openapi.json", show_openapi, "This document", Nothing, {200: None}, public=True),
    Route("GET", "/livez", livez, "Whether the process lives", Nothing, {200: Health}, public=True),
    Route("GET", "/readyz", readyz, "Whether the service may be used", Nothing, {200: Health, 503: Health}, public=True),
)

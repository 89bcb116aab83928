"""Reading over HTTP: lists, one exchange, the watch, what the dialogue comes to, the state, statistics, the records themselves."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, get_args

import msgspec
from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from dragoman.domain.acts.act_registry import FORMATS, PATHS
from dragoman.domain.record.errors import Refusal, Refused
from dragoman.gateway import beside, coverage, desks, live
from dragoman.gateway.answering import At, headers_of, past, standing, turn, unchanged, wanted_media
from dragoman.gateway.budgets import BUDGETS
from dragoman.gateway.opened import READING
from dragoman.gateway.posting import (
    grant_of,
    in_thread,
    projection_of,
    service_of,
    wanted_position,
    whole,
)
from dragoman.gateway.readers import Line
from dragoman.gateway.typed import JSON, Answered, Call, Nothing, Reply
from dragoman.interop import cap, spreadsheet
from dragoman.limits import LIST_PAGE, TIMELINE_PAGE
from dragoman.projection import dialogue, duty_watch, reads
from dragoman.projection.causation import causes
from dragoman.projection.projection import Projection
from dragoman.projection.snapshot import Asked
from dragoman.projection.statistics import statistics
from dragoman.projection.store import Row as Stored
from dragoman.text import sentence
from dragoman_schemas.act_frame import Area
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.responses import (
    Causes,
    CodebookView,
    Coded,
    ExchangeView,
    LiaisonState,
    Row,
    Rows,
)
from dragoman_schemas.state import Exchange, decode_exchange
from dragoman_schemas.statistics_figures import Statistics

TAILS: Final = web.AppKey("tails", dict[tuple[str, str], live.Tail])

CSV: Final = "text/csv"
ICALENDAR: Final = "text/calendar"
_CHOICES: Final[dict[str, Sequence[str]]] = {
    "family": sorted({*PATHS.values()} - {"channel"}),
    "act": [*FORMATS],
    "status": sorted(
        {
            status
            for form in FORMATS.values()
            for moves in form.moves.values()
            for each in moves.items()
            for status in each
        }
    ),
    "area": get_args(Area),
}
"""What a list may be narrowed to, by filter."""

CLOUDEVENT: Final = "application/cloudevents+json"


class TimelineQuery(At, frozen=True, kw_only=True):
    """A past position, and the cursor of a page of the timeline; empty for the newest page."""

    cursor: str = ""


class Between(Struct, frozen=True, kw_only=True):
    """After which position, up to which; 0 is now."""

    from_: int = msgspec.field(name="from", default=0)
    to: int = 0


class FromPosition(Struct, frozen=True, kw_only=True):
    """Where records begin: `from` a position, or `after` one."""

    from_: int = msgspec.field(name="from", default=0)
    after: int | None = None


class After(Struct, frozen=True, kw_only=True):
    """After which position an inbox goes on; left out, it begins with all that waits."""

    after: int | None = None


class ListQuery(reads.Filter, frozen=True, kw_only=True):
    """What a list is narrowed to, and how many rows a page has."""

    limit: int = LIST_PAGE
    facets: bool = False


class StatisticsQuery(Asked, frozen=True, kw_only=True):
    """Which period, and of which side and format alone."""

    side: str = ""
    format: str = ""


def _check_filter(projection: Projection, query: ListQuery) -> None:
    """A filter that can leave nothing is a slip of the pen. Raises `Refused`."""
    sides = [side.name for side in projection.registry.sides]
    known: dict[str, Sequence[str]] = {
        **_CHOICES,
        **dict.fromkeys(("side", "unacknowledged_by", "unanswered_by"), sides),
        "overdue": ["any", *sides],
    }
    for name, choices in known.items():
        value = getattr(query, name)
        if value and value not in choices:
            raise Refused(
                Refusal(
                    kind="bad-request",
                    detail=sentence(
                        "There is no %(name)s %(value)s; choose one of %(choices)s.",
                        name=name,
                        value=value[:63],
                        choices=", ".join(choices),
                    ),
                )
            )
    if (query.cursor and whole(query.cursor) is None) or query.limit < 1:
        detail = sentence(
            "cursor is as `Link: rel=next` gave it, and limit 1 or more; leave out what you do not need."
        )
        raise Refused(Refusal(kind="bad-request", detail=detail))


async def list_exchanges(call: Call[ListQuery]) -> Answered:
    projection, _ = await standing(call)
    query = call.query
    wanted = reads.Filter(**{name: getattr(query, name) for name in reads.Filter.__struct_fields__})
    _check_filter(projection, query)
    most = min(query.limit, LIST_PAGE)
    rows: Rows = await in_thread(
        call,
        reads.listed,
        service_of(call).store,
        projection.name,
        wanted,
        most,
        service_of(call).now(),
    )
    if query.facets:
        if query.overdue:
            raise Refused(
                Refusal(
                    kind="bad-request",
                    detail=sentence(
                        "What is overdue is not counted by kinds; leave facets or overdue out."
                    ),
                )
            )
        async with turn(call.request, projection):
            rows = replace(
                rows,
                facets=await in_thread(
                    call, reads.facets, service_of(call).store, projection.name, wanted
                ),
            )
    headers = headers_of(call, projection, rows.position)
    media = wanted_media(call.request, (JSON, live.NDJSON, CSV))
    if not query.overdue:  # which depends on the time as well
        headers |= {"ETag": f'W/"{rows.position}"', "Vary": "Accept"}
        if unchanged(call, headers["ETag"]):
            return web.Response(status=304, headers=headers)
    if rows.next:
        headers["Link"] = f'<{call.request.rel_url.update_query(cursor=rows.next)}>; rel="next"'
    match media:
        case live.NDJSON:
            body = b"".join(msgspec.json.encode(row) + b"\n" for row in rows.exchanges)
            return web.Response(body=body, headers=headers, content_type=live.NDJSON)
        case "text/csv":
            return web.Response(text=_csv(rows), headers=headers, content_type=CSV)
        case _:
            return Reply(body=rows, headers=headers)


def _csv(rows: Rows) -> str:
    names = Row.__struct_fields__
    given = (msgspec.json.decode(msgspec.json.encode(row)) for row in rows.exchanges)
    return spreadsheet.table(names, ([each.get(name, "") for name in names] for each in given))


async def viewed(
    call: Call[Any],
    projection: Projection,
    exchange: str,
    at: int | None,
    position: int,
    cursor: int = 0,
    most: int = TIMELINE_PAGE,
) -> ExchangeView:
    """An exchange as its reader sees it, at a past position or now: with the people and files that it names, and what the own desk has of it.

    Its timeline has at most so many records, 0 for all; the newest, or those before a cursor.
    """
    service, grant = service_of(call), grant_of(call.request)
    unwritten: list[Stored] = []
    if service.store.stalled and not at:
        unwritten, position = projection.unwritten(exchange), projection.state.position
        if exchange in projection.registry.erased:
            raise reads.ErasedExchange(projection.registry.erased[exchange].position)
    view: ExchangeView = await in_thread(
        call,
        reads.exchange_view,
        service.store,
        projection.name,
        exchange,
        at or position,
        service.as_of(projection),
        grant.side,
        None if at else service.now(),
        unwritten,
        cursor,
        most,
    )
    if not at and call.request.method != "HEAD":  # nobody reads what is not sent
        call.request.app[READING].opened(projection, exchange, grant)
    view = await desks.joined(call, projection, await beside.seen(service, projection, grant, view))
    newest = max([*view.blame.values(), *(entry.position for entry in view.timeline)])
    return replace(view, standing=coverage.standing(await service.coverage.of(projection), newest))


async def show_exchange(call: Call[TimelineQuery]) -> Answered:
    media = wanted_media(call.request, (JSON, cap.MEDIA, ICALENDAR))
    projection, position = await standing(call)
    at = await past(call, projection, position)
    if call.query.cursor and not whole(call.query.cursor):
        raise Refused(
            Refusal(
                kind="bad-request",
                detail=sentence(
                    "cursor is as `Link: rel=next` gave it; leave it out for the newest."
                ),
            )
        )
    view = await viewed(
        call, projection, call.path("exchange"), at, position, whole(call.query.cursor) or 0
    )
    headers = headers_of(call, projection, view.position)
    if view.earlier:
        headers["Link"] = (
            f'<{call.request.rel_url.update_query(cursor=str(view.earlier))}>; rel="next"'
        )
    if media != JSON:
        return _spoken(
            projection,
            decode_exchange(bytes(view.state)),
            media,
            headers,
            service_of(call).public_url,
        )
    if at is None:
        headers["ETag"] = f'"{msgspec.json.decode(bytes(view.state))["etag"]}"'
        if unchanged(call, headers["ETag"]):
            return web.Response(status=304, headers=headers)
    return Reply(body=view, headers=headers)


def _spoken(
    projection: Projection, state: Exchange, media: str, headers: dict[str, str], base_url: str
) -> web.Response:
    """An exchange as other people's tools read it: an alert, or a message about a meeting. Raises `Refused` where it is none."""
    if media == cap.MEDIA:
        if state.act not in cap.EVENTS:
            raise Refused(
                Refusal(
                    kind="not-acceptable",
                    detail=sentence(
                        "A %(act)s is no alert; these are: %(acts)s.",
                        act=state.act,
                        acts=", ".join(cap.EVENTS),
                    ),
                )
            )
        return web.Response(
            body=cap.alert(projection.registry, state),
            headers=headers,
            content_type=cap.MEDIA,
            charset="utf-8",
        )
    from dragoman.interop import itip  # a fifth of a second, for who wants a calendar

    raw = itip.message(projection.registry, state, base_url) if state.family == "meeting" else None
    if raw is None:
        raise Refused(
            Refusal(
                kind="not-acceptable",
                detail=sentence("This is no meeting, call or visit at a time; take it as JSON."),
            )
        )
    return web.Response(body=raw, headers={**headers, "Content-Type": itip.media(raw)})


async def show_watch(call: Call[At]) -> Answered:
    projection, position = await standing(call)
    service, side = service_of(call), grant_of(call.request).side
    at = await past(call, projection, position)
    view = await in_thread(
        call, duty_watch.watch_view, service.store, projection.name, side, service.now(), at
    )
    if view is None:
        raise Refused(
            Refusal(kind="not-found", detail=sentence("The channel had not been opened there."))
        )
    return Reply(body=view, headers=headers_of(call, projection, view.position))


async def show_perceptions(call: Call[Nothing]) -> Answered:
    projection, position = await standing(call)
    body = await in_thread(
        call, dialogue.perceptions, service_of(call).store, projection.name, projection.registry
    )
    return Reply(body=body, headers=headers_of(call, projection, position))


async def show_roadmap(call: Call[Nothing]) -> Answered:
    projection, position = await standing(call)
    body = await in_thread(call, dialogue.roadmap, service_of(call).store, projection.name)
    return Reply(body=body, headers=headers_of(call, projection, position))


async def show_codebook(call: Call[Nothing]) -> Answered:
    """The codebook that every side has adopted; the one that is offered, while they have not."""
    projection, position = await standing(call)
    adopted = {(book.codebook, book.version) for book in projection.registry.codebooks.values()}
    agreed = len(adopted) == 1 and len(projection.registry.codebooks) == len(
        projection.registry.sides
    )
    book = CODEBOOKS[adopted.pop()[0]] if agreed else next(iter(CODEBOOKS.values()))
    messages = tuple(
        Coded(code_word=book.code_word, designator=number, texts=texts)
        for number, texts in book.texts.items()
    )
    body = CodebookView(
        codebook=book.name,
        version=book.version,
        in_force=agreed,
        messages=messages,
        phrases=book.phrases,
    )
    return Reply(body=body, headers=headers_of(call, projection, position))


async def show_state(call: Call[At]) -> Answered:
    projection, position = await standing(call)
    service = service_of(call)
    at = await past(call, projection, position)
    state: LiaisonState | None = await in_thread(
        call,
        lambda: reads.liaison_state(
            service.store,
            projection.name,
            at,
            service.as_of(projection),
            live=service.is_live(projection),
        ),
    )
    if state is None:
        raise Refused(
            Refusal(kind="not-found", detail=sentence("The channel had not been opened there."))
        )
    headers = {**headers_of(call, projection, state.position), "ETag": f'W/"{state.digest}"'}
    return (
        web.Response(status=304, headers=headers)
        if unchanged(call, headers["ETag"])
        else Reply(body=state, headers=headers)
    )


async def show_difference(call: Call[Between]) -> Answered:
    projection, position = await standing(call)
    first, last = call.query.from_, call.query.to or position
    if not 0 <= first < last <= position:
        raise Refused(
            Refusal(
                kind="bad-request",
                detail=sentence(
                    "from and to are positions, from 0 and up to %(newest)s, the first below the second.",
                    newest=position,
                ),
            )
        )
    async with turn(call.request, projection):
        body = await in_thread(
            call, reads.difference, service_of(call).store, projection.name, first, last
        )
    return Reply(body=body, headers=headers_of(call, projection, last))


async def show_statistics(call: Call[StatisticsQuery]) -> Answered:
    projection, _ = await standing(call)
    service, query = service_of(call), call.query
    as_of = service.as_of(projection)
    async with turn(call.request, projection):
        body: Statistics = await in_thread(
            call, statistics, service.store, projection.name, query, as_of, query.side, query.format
        )
    return Reply(body=body, headers=headers_of(call, projection, body.position))


def _resumed(call: Call[Any], after: int | None) -> int | None:
    """The position after which a stream goes on. Raises `Refused`."""
    newest = call.request.headers.get("Last-Event-ID", "")
    resumed = whole(newest)
    if newest and resumed is None:
        raise Refused(
            Refusal(
                kind="bad-request",
                detail=sentence(
                    "Last-Event-ID is the position of the record that came last; leave it out to begin."
                ),
            )
        )
    return after if resumed is None else resumed


async def _streamed(
    call: Call[Any],
    projection: Projection,
    line: Callable[[Stored], Line | None],
    missed: live.Missed,
    first: int,
) -> web.StreamResponse:
    """A live stream, one of the officer's few. Raises `Refused`; there is none for HEAD, which has no end to wait for."""
    if call.request.method == "HEAD":
        raise web.HTTPMethodNotAllowed("HEAD", ["GET"])
    service, grant, tails, budgets = (
        service_of(call),
        grant_of(call.request),
        call.request.app[TAILS],
        call.request.app[BUDGETS],
    )
    kind = projection.name, line.__name__
    if kind not in tails:
        tail = tails[kind] = live.Tail(
            projection, service.now, line, live.told(service, projection)
        )
        await tail.begin(service.store)
    still: Callable[[], bool] = call.request.get(
        "still", lambda: service.access.holds(grant, time.time())
    )
    account = budgets.open_stream(grant, projection.registry.cid)
    try:
        return await live.stream(
            call.request, service, projection, tails[kind], grant, live.Begins(first, missed, still)
        )
    finally:
        budgets.close_stream(account)


async def show_inbox(call: Call[After]) -> Answered:
    """What concerns the caller's side: all that waits for it as a list, or live."""
    media = wanted_media(call.request, (JSON, live.EVENT_STREAM))
    service, side = service_of(call), grant_of(call.request).side
    if media == live.EVENT_STREAM:
        projection, after = projection_of(call), _resumed(call, call.query.after)
        if after is not None and after < 0:
            raise Refused(
                Refusal(kind="bad-request", detail=sentence("after is a position, 0 or more."))
            )
        return await _streamed(
            call,
            projection,
            live.changed,
            live.inbox(service, projection, side, after),
            (after or 0) + 1,
        )
    projection, position = await standing(call)
    rows: list[Row] = await in_thread(call, reads.inbox, service.store, projection.name, side, None)
    return Reply(
        body=Rows(exchanges=tuple(rows), position=position),
        headers=headers_of(call, projection, position),
    )


async def stream_records(call: Call[FromPosition]) -> Answered:
    projection = projection_of(call)
    service, grant = service_of(call), grant_of(call.request)
    media = wanted_media(call.request, (live.NDJSON, live.EVENT_STREAM, live.CLOUDEVENTS))
    after = _resumed(call, call.query.after)
    if call.query.from_ < 0 or (after is not None and after < 0):
        raise Refused(
            Refusal(
                kind="bad-request",
                detail=sentence("Records are counted from 1: from is 1 or more, after 0 or more."),
            )
        )
    if media == live.EVENT_STREAM:
        first = (
            after + 1 if after is not None else call.query.from_ or projection.state.position + 1
        )
        return await _streamed(
            call,
            projection,
            live.recorded,
            lambda since, last: live.missed(service, projection, since, last),
            first,
        )
    first = after + 1 if after is not None else call.query.from_ or 1
    await projection.reached(wanted_position(call.request))
    if media == live.CLOUDEVENTS:
        await projection.in_file()
        return await live.batch(
            service, projection, service.station(grant, projection), first, call.request.path
        )
    return await live.lines(
        call.request,
        service,
        projection,
        service.station(grant, projection),
        first,
        projection.state.position,
    )


async def show_causes(call: Call[Nothing]) -> Answered:
    projection, position = await standing(call)
    wanted = whole(call.path("position"))
    found: Causes | None = None
    if wanted is not None and 1 <= wanted <= position:
        async with turn(call.request, projection):
            found = await in_thread(call, causes, service_of(call).store, projection.name, wanted)
    if found is None:
        raise Refused(
            Refusal(
                kind="not-found",
                detail=sentence("No valid record of an exchange stands at that position."),
            )
        )
    return Reply(body=found, headers=headers_of(call, projection, position))


async def show_record(call: Call[Nothing]) -> Answered:
    projection, position = await standing(call)
    wanted = whole(call.path("position"))
    if wanted is None or not 1 <= wanted <= position:
        raise Refused(
            Refusal(
                kind="not-found",
                detail=sentence(
                    "Positions are whole numbers from 1 to %(newest)s.", newest=position
                ),
            )
        )
    raw, commit, digest, valid = projection.bytes_at(wanted)
    stands = coverage.standing(await service_of(call).coverage.of(projection), wanted)
    headers = {
        "Dragoman-Position": str(wanted),
        "Dragoman-Commit": commit,
        "Dragoman-Digest": digest,
        "Dragoman-Void": "false" if valid else "true",
        "ETag": f'"{commit}"',
        "Dragoman-Proof": stands.proof,
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(
        body=raw,
        headers=headers,
        content_type=CLOUDEVENT if raw[:1] == b"{" else "application/octet-stream",
    )

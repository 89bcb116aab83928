"""Routes of exchanges."""

from collections.abc import Sequence
from typing import Any, Final, get_args

import msgspec
from aiohttp import web
from msgspec.structs import replace

from dragoman.api import sse
from dragoman.api.routing import CACHE_HEADERS, CHANNEL, READ_HEADERS, May, Route
from dragoman.application.http.conditional_requests import (
    At,
    ask,
    headers_of,
    in_view,
    past,
    standing,
    turn,
    unchanged,
    wanted_media,
)
from dragoman.application.http.request import JSON, ApiAnswer, ApiReply, ApiRequest
from dragoman.application.http.submission import whole
from dragoman.application.operations.exchange_view import viewed
from dragoman.domain.acts.act_registry import FORMATS, PATHS
from dragoman.domain.record.errors import refuse
from dragoman.domain.views import attribution
from dragoman.interop import cap, spreadsheet
from dragoman.limits import LIST_PAGE
from dragoman.projection.projection import Projection
from dragoman.projection.queries import lists, matter_names
from dragoman_schemas.act_frame import Area
from dragoman_schemas.responses import (
    ExchangeView,
    Row,
    Rows,
)
from dragoman_schemas.state import Exchange, decode_exchange

CSV: Final = "text/csv"


class TimelineQuery(At, frozen=True, kw_only=True):
    """A past position, and the cursor of a page of the timeline.

    An empty cursor means the newest page.
    """

    cursor: str = ""


class ExchangeListQuery(lists.Filter, frozen=True, kw_only=True):
    """The filters of a list, and the number of rows of a page."""

    limit: int = LIST_PAGE
    facets: bool = False


ICALENDAR: Final = "text/calendar"


_CHOICES: Final[dict[str, Sequence[str]]] = {
    "family": sorted({*PATHS.values()} - {"channel"}),
    "act": [*FORMATS],
    "status": sorted(
        {
            status
            for form in FORMATS.values()
            for moves in form.moves.values()
            for move in moves.items()
            for status in move
        }
    ),
    "area": get_args(Area),
}
"""The possible values of filters."""


def _check_filter(projection: Projection, query: ExchangeListQuery) -> None:
    """Raise `Refused` if a filter can match nothing, because it is a mistake then."""
    sides = [side.name for side in projection.registry.sides]
    texts: dict[str, Sequence[str]] = {
        **_CHOICES,
        **dict.fromkeys(("side", "unacknowledged_by", "unanswered_by"), sides),
        "overdue": ["any", *sides],
    }
    for name, choices in texts.items():
        value = getattr(query, name)
        if value and value not in choices:
            raise refuse(
                "bad-request",
                "There is no %(name)s %(value)s; choose one of %(choices)s.",
                name=name,
                value=value[:63],
                choices=", ".join(choices),
            )
    if (query.cursor and whole(query.cursor) is None) or query.limit < 1:
        raise refuse(
            "bad-request",
            "cursor is as `Link: rel=next` gave it, and limit 1 or more; leave out what you do "
            "not need.",
        )


async def list_exchanges(call: ApiRequest[ExchangeListQuery]) -> ApiAnswer:
    """Return the exchanges that match a query, as JSON, lines of JSON or CSV."""
    projection, query = call.channel, call.query
    filter = lists.Filter(**{name: getattr(query, name) for name in lists.Filter.__struct_fields__})
    _check_filter(projection, query)
    limit, media = min(query.limit, LIST_PAGE), wanted_media(call.request, (JSON, sse.NDJSON, CSV))
    # What is overdue depends on the time as well.
    if not query.overdue:
        _, position = await standing(call)
        if unchanged(call, f'W/"{position}"'):
            return _not_modified(headers_of(call, projection, position), f'W/"{position}"')
    answer = await ask(call, lists.listed, filter, limit)
    rows, headers = answer.body, answer.headers
    if query.facets:
        if query.overdue:
            raise refuse(
                "bad-request",
                "Overdue exchanges are not counted by kind; leave out facets or overdue.",
            )
        async with turn(call.request, projection):
            facets, _ = await in_view(call, projection, None, None, lists.facets, filter)
            rows = replace(rows, facets=facets)
    if not query.overdue:
        headers |= {"ETag": f'W/"{rows.position}"', "Vary": "Accept"}
        if unchanged(call, headers["ETag"]):
            return web.Response(status=304, headers=headers)
    if rows.next:
        headers["Link"] = f'<{call.request.rel_url.update_query(cursor=rows.next)}>; rel="next"'
    match media:
        case sse.NDJSON:
            body = b"".join(msgspec.json.encode(row) + b"\n" for row in rows.exchanges)
            return web.Response(body=body, headers=headers, content_type=sse.NDJSON)
        case "text/csv":
            return web.Response(text=_csv(rows), headers=headers, content_type=CSV)
        case _:
            return ApiReply(body=rows, headers=headers)


def _not_modified(headers: dict[str, str], etag: str) -> web.Response:
    """Return the answer to a caller who has the newest one already."""
    return web.Response(status=304, headers={**headers, "ETag": etag, "Vary": "Accept"})


def _csv(rows: Rows) -> str:
    names = Row.__struct_fields__
    records = (msgspec.json.decode(msgspec.json.encode(row)) for row in rows.exchanges)
    return spreadsheet.table(names, ([item.get(name, "") for name in names] for item in records))


async def show_exchange(call: ApiRequest[TimelineQuery]) -> ApiAnswer:
    """Return an exchange, now or at a past position."""
    media = wanted_media(call.request, (JSON, cap.MEDIA, ICALENDAR))
    projection, position = await standing(call)
    now = (
        projection.exchange(call.path("exchange")) if media == JSON and not call.query.at else None
    )
    if now is not None and unchanged(call, f'"{now.etag}"'):
        return _not_modified(headers_of(call, projection, position), f'"{now.etag}"')
    moment = await past(call, projection, call.query.at)
    if call.query.cursor and not whole(call.query.cursor):
        raise refuse(
            "bad-request", "cursor is as `Link: rel=next` gave it; leave it out for the newest."
        )
    view = await viewed(
        call, projection, call.path("exchange"), moment, position, whole(call.query.cursor) or 0
    )
    headers = headers_of(call, projection, view.position, moment)
    if view.earlier:
        headers["Link"] = (
            f'<{call.request.rel_url.update_query(cursor=str(view.earlier))}>; rel="next"'
        )
    if media != JSON:
        return _as_tool_format(
            projection,
            decode_exchange(bytes(view.state)),
            media,
            headers,
            call.service.public_url,
        )
    if moment is None:
        headers["ETag"] = f'"{msgspec.json.decode(bytes(view.state))["etag"]}"'
        if unchanged(call, headers["ETag"]):
            return web.Response(status=304, headers=headers)
    return ApiReply(body=view, headers=headers)


def _as_tool_format(
    projection: Projection, state: Exchange, media: str, headers: dict[str, str], base_url: str
) -> web.Response:
    """Return an exchange in a format of other tools: an alert or a meeting message.

    Raises `Refused` if the exchange cannot be given in that format.
    """
    if media == cap.MEDIA:
        if state.act not in cap.ALERTS:
            raise refuse(
                "not-acceptable",
                "A %(act)s cannot be given as an alert; these can: %(acts)s.",
                act=state.act,
                acts=", ".join(cap.ALERTS),
            )
        return web.Response(
            body=cap.alert(
                projection.registry,
                attribution.referring_exchange(state, matter_names.hides(projection)),
            ),
            headers=headers,
            content_type=cap.MEDIA,
            charset="utf-8",
        )
    from dragoman.interop import itip  # The import takes a fifth of a second.

    is_meeting = state.meeting is not None
    raw = itip.message(projection.registry, state, base_url) if is_meeting else None
    if raw is None:
        raise refuse(
            "not-acceptable",
            "This is not a meeting, call or visit with a time; request it as JSON.",
        )
    return web.Response(body=raw, headers={**headers, "Content-Type": itip.media(raw)})


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/exchanges",
        list_exchanges,
        "Exchanges, newest first",
        ExchangeListQuery,
        {200: Rows, 304: None},
        media=(JSON, sse.NDJSON, CSV),
        headers=(*READ_HEADERS, *CACHE_HEADERS),
        may=May.MEMBER,
        answer_headers=("Link",),
    ),
    Route(
        "GET",
        f"{CHANNEL}/exchanges/{{exchange}}",
        show_exchange,
        "One exchange",
        TimelineQuery,
        {200: ExchangeView, 304: None},
        media=(JSON, cap.MEDIA, ICALENDAR),
        headers=(*READ_HEADERS, *CACHE_HEADERS),
        may=May.MEMBER,
        answer_headers=("Link",),
    ),
)

"""Routes over all channels of the caller: the inbox, and one live stream."""

import time
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from dragoman.api import host_stream, sse
from dragoman.api.live_tails import TAILS
from dragoman.api.routing import May, Route
from dragoman.application.http.conditional_requests import wanted_media
from dragoman.application.http.rate_limits import RATE_LIMITS
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest
from dragoman.domain.record.errors import refuse
from dragoman.office.alarm.host_inbox import InboxQuery, host_inbox
from dragoman_schemas.identity_responses import HostInbox


class CursorQuery(Struct, frozen=True, kw_only=True):
    """The cursor after which a stream goes on; left out, it begins now."""

    cursor: str = ""


async def show_host_inbox(call: ApiRequest[InboxQuery]) -> ApiAnswer:
    """Return the open deadlines of the caller's side, over all channels."""
    inbox = await host_inbox(call, call.query)
    headers = (
        {"Link": f'<{call.request.rel_url.update_query(cursor=inbox.next)}>; rel="next"'}
        if inbox.next
        else {}
    )
    return ApiReply(body=inbox, headers=headers)


async def stream_all(call: ApiRequest[CursorQuery]) -> ApiAnswer:
    """Return one live stream over all channels. Raises `Refused`."""
    wanted_media(call.request, (sse.EVENT_STREAM,))
    service, grant, app = call.service, call.grant, call.request.app
    if not grant.is_operator and not service.visible(grant):
        raise refuse(
            "not-found",
            "%(actor)s is in office in no channel of this token. Ask an administrator of the side.",
            actor=grant.actor,
        )
    if grant.is_operator:
        raise refuse("not-found", "The operator sees no records; use an officer's token.")
    still: Callable[[], bool] = call.request.get(
        "still", lambda: service.access.holds(grant, time.time())
    )
    cursor = call.request.headers.get("Last-Event-ID", "") or call.query.cursor
    account = app[RATE_LIMITS].open_stream(grant)
    stream = host_stream.HostStream(call.request, service, grant, app[TAILS], still)
    try:
        await stream.run(await stream.begin(cursor))
    finally:
        stream.leave()
        app[RATE_LIMITS].close_stream(account)
    return stream.response


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        "/v1/inbox",
        show_host_inbox,
        "What rings and what is owed, over all channels",
        InboxQuery,
        {200: HostInbox},
        may=May.ANY_MEMBER,
        answer_headers=("Link",),
    ),
    Route(
        "GET",
        "/v1/stream",
        stream_all,
        "One live stream over all channels",
        CursorQuery,
        {200: None},
        media=(sse.EVENT_STREAM,),
        headers=("Last-Event-ID",),
        may=May.ANY_MEMBER,
        streams=True,
    ),
)

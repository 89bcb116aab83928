"""The view of one exchange for its readers."""

from typing import Any

from aiohttp import web
from msgspec.structs import replace

from dragoman.application import attachment_checks, finality
from dragoman.application.http.conditional_requests import in_view
from dragoman.application.http.request import ApiRequest
from dragoman.application.operations import linked_channels
from dragoman.application.read_receipts import READ_RECEIPTS
from dragoman.limits import TIMELINE_PAGE
from dragoman.projection.moments import PastMoment
from dragoman.projection.projection import Projection
from dragoman.projection.queries import exchange_view, records
from dragoman.projection.stored_row import StoredRow as Stored
from dragoman_schemas.responses import (
    ExchangeView,
)


async def viewed(
    call: ApiRequest[Any],
    projection: Projection,
    exchange: str,
    moment: PastMoment | None,
    position: int,
    cursor: int = 0,
    limit: int = TIMELINE_PAGE,
    *,
    opens: bool = True,
) -> ExchangeView:
    """Return an exchange as its reader sees it, now or at a past moment.

    It includes the people and files that it names, and what the reader's own desk has
    about it. The timeline has at most `limit` records, or all if that is 0. They are
    the newest, or those before a cursor. Its side has opened the exchange by that. It
    has not if `opens` is false, or if a page asks without its reader.
    """
    service, grant = call.service, call.grant
    unwritten: list[Stored] = []
    at = moment or PastMoment(position, service.now())
    if service.store.stalled and moment is None:
        unwritten, at = (
            projection.unwritten(exchange),
            PastMoment(projection.state.position, at.clock),
        )
        if exchange in projection.registry.erased:
            raise records.ErasedExchange(projection.registry.erased[exchange].position)
    view, _ = await in_view(
        call,
        projection,
        None,
        at,
        exchange_view.exchange_view,
        exchange,
        service.as_of(projection),
        grant.actor,
        unwritten,
        cursor,
        limit,
    )
    if opens and moment is None and not cursor and _is_looked_at(call.request):
        call.request.app[READ_RECEIPTS].opened(projection, view, grant)
    view = await linked_channels.joined(
        call, projection, await attachment_checks.seen(service, projection, grant, view)
    )
    newest = max([*view.blame.values(), *(entry.position for entry in view.timeline)])
    return replace(view, standing=finality.standing(await service.coverage.of(projection), newest))


def _is_looked_at(request: web.Request) -> bool:
    """Return whether somebody looks at the answer to a request.

    HEAD shows nothing. A page that a script or the browser fetches on its own account
    is not looked at. A caller with a token asks on purpose, whatever the client is.
    """
    headers = request.headers
    if request.method == "HEAD" or "prefetch" in headers.get("Sec-Purpose", ""):
        return False
    return "Authorization" in headers or headers.get("Sec-Fetch-Mode", "navigate") == "navigate"

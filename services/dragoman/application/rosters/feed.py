"""The calendar of a roster, as it is sent to calendar programs."""

from typing import Any, Final

from aiohttp import web

from dragoman.application.http.request import ApiRequest
from dragoman.domain.acts.act_rules import STAFF
from dragoman.domain.record.errors import refuse
from dragoman.projection.projection import Projection
from dragoman.stores.rosters import StoredRoster
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.roster import RosterChange

_MEDIA: Final = "text/calendar"


def feed_response(
    call: ApiRequest[Any], projection: Projection, roster: StoredRoster
) -> web.Response:
    """Return the calendar of a roster."""
    from dragoman.interop import roster_feed as feeds  # The import takes a fifth of a second.

    body = feeds.feed(
        projection.name,
        roster.cid,
        roster.side,
        roster.duty,
        roster.read or call.service.now(),
        {change.id: _note(change) for change in roster.changes if change.to},
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'inline; filename="{projection.name}-roster.ics"',
    }
    return web.Response(body=body, headers=headers, content_type=_MEDIA, charset="utf-8")


def roster_feed(call: ApiRequest[Any], projection: Projection, grant: Grant) -> web.Response:
    """Return the roster behind a secret link. Raises `Refused`.

    The officer who made the link must still be one who may read it.
    """
    officer = projection.registry.officers.get(grant.actor)
    if officer is None or officer.until is not None or STAFF.isdisjoint(officer.roles):
        raise refuse(
            "not-found", "This link is not valid, or not any more; make a new one in your office."
        )
    return feed_response(
        call, projection, call.service.rosters.known(projection.registry.cid, grant.side)
    )


def _note(change: RosterChange) -> str:
    """Return a line about a cover or a taken offer, in English as all feeds are."""
    if change.kind == "offer":
        return f"{change.to} took this shift of {change.of}."
    of = f" for {change.of}" if change.of else ""
    return f"Cover{of}, set by {change.by}."

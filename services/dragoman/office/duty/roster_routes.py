"""Routes of the duty roster of the caller's side."""

from typing import Any, Final

from aiohttp import web

from dragoman.api import examples
from dragoman.api.routing import CHANNEL, May, Route
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.http.submission import key_of
from dragoman.application.rosters import operations, views
from dragoman.application.rosters.feed import feed_response
from dragoman.domain.record.errors import refuse
from dragoman.stores.rosters import StoredRoster
from dragoman_schemas.roster import (
    NewCover,
    RosterSettings,
    RosterSubscription,
    RosterView,
    ShiftChange,
)

_CALENDAR: Final = "text/calendar"


def _reply(call: ApiRequest[Any], roster: StoredRoster) -> ApiReply:
    return ApiReply(
        body=views.view(call.channel, roster, call.service.now()),
        headers={"Cache-Control": "no-store"},
    )


async def show_roster(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the roster of the caller's side."""
    return _reply(call, await operations.own_roster(call, call.channel))


async def show_roster_calendar(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the roster of the caller's side as a calendar."""
    return feed_response(call, call.channel, await operations.own_roster(call, call.channel))


async def put_roster(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Put a calendar as the roster of the caller's side."""
    if call.request.content_type != _CALENDAR:
        raise refuse(
            "media-type",
            "Send Content-Type: %(media_type)s; the request has %(given)s.",
            media_type=_CALENDAR,
            given=call.request.content_type,
        )
    return _reply(call, await operations.put_calendar(call, call.channel, await call.arrived()))


async def put_roster_subscription(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Have a calendar at a URL read as the roster of the caller's side."""
    wanted = await call.decoded(RosterSubscription)
    return _reply(call, await operations.subscribe(call, call.channel, wanted.url))


async def put_roster_settings(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Change when the roster warns and reminds."""
    wanted = await call.decoded(RosterSettings)
    return _reply(call, await operations.settle(call, call.channel, wanted))


async def remove_roster(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Remove the roster of the caller's side."""
    await operations.remove(call, call.channel)
    return web.Response(status=204)


async def erase_roster_officer(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Erase an officer from the roster of the caller's side."""
    return _reply(call, await operations.erase_officer(call, call.channel, call.path("officer")))


async def post_shift_change(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Offer a shift, take one, or withdraw an offer or a cover."""
    wanted = await call.decoded(ShiftChange)
    key = key_of(call.request.headers.get("Idempotency-Key"))
    return _reply(call, await operations.change_shift(call, call.channel, wanted, key))


async def set_cover(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Set a cover."""
    wanted = await call.decoded(NewCover)
    key = key_of(call.request.headers.get("Idempotency-Key"))
    return _reply(call, await operations.cover(call, call.channel, wanted, key))


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/roster",
        show_roster,
        "The duty roster of the caller's side",
        NoBody,
        {200: RosterView},
        may=May.OWN_OFFICE,
    ),
    Route(
        "PUT",
        f"{CHANNEL}/roster",
        put_roster,
        "Put a calendar as the roster of the caller's side",
        NoBody,
        {200: RosterView},
        takes=(_CALENDAR,),
        example={_CALENDAR: examples.ROSTER},
        may=May.OWN_HEADS,
        refusals=("no-room", "moved"),
    ),
    Route(
        "DELETE",
        f"{CHANNEL}/roster",
        remove_roster,
        "Remove the roster of the caller's side",
        NoBody,
        {204: None},
        may=May.OWN_HEADS,
        refusals=("moved",),
    ),
    Route(
        "PUT",
        f"{CHANNEL}/roster/subscription",
        put_roster_subscription,
        "Have a calendar at a URL read as the roster of the caller's side",
        NoBody,
        {200: RosterView},
        takes=RosterSubscription,
        example=examples.ROSTER_SUBSCRIPTION,
        may=May.OWN_HEADS,
        refusals=("moved",),
    ),
    Route(
        "PUT",
        f"{CHANNEL}/roster/settings",
        put_roster_settings,
        "Choose how early the roster warns and reminds",
        NoBody,
        {200: RosterView},
        takes=RosterSettings,
        example=examples.ROSTER_SETTINGS,
        may=May.OWN_HEADS,
        refusals=("moved",),
    ),
    Route(
        "POST",
        f"{CHANNEL}/roster/changes",
        post_shift_change,
        "Offer a shift of one's own, take one, or withdraw",
        NoBody,
        {200: RosterView},
        takes=ShiftChange,
        headers=("Idempotency-Key",),
        example=examples.SHIFT_CHANGE,
        may=May.OWN_OFFICERS,
        refusals=("no-room", "moved"),
    ),
    Route(
        "POST",
        f"{CHANNEL}/roster/covers",
        set_cover,
        "Set a cover, as a head of office",
        NoBody,
        {200: RosterView},
        takes=NewCover,
        headers=("Idempotency-Key",),
        example=examples.COVER,
        may=May.OWN_HEAD,
        refusals=("no-room", "moved"),
    ),
    Route(
        "DELETE",
        f"{CHANNEL}/roster/officers/{{officer}}",
        erase_roster_officer,
        "Erase an officer from the roster of the caller's side",
        NoBody,
        {200: RosterView},
        may=May.OWN_HEADS,
        refusals=("moved",),
    ),
    Route(
        "GET",
        f"{CHANNEL}/roster.ics",
        show_roster_calendar,
        "The duty roster of the caller's side, as a calendar",
        NoBody,
        {200: None},
        media=(_CALENDAR,),
        may=May.OWN_OFFICE,
    ),
)

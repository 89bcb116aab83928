"""Formats of other people's tools, over HTTP.

They are a channel's calendar, the cards of its points of contact, and imports of
alerts. A calendar is subscribed to by a secret link, because
calendar programs send no token. Whoever knows the link reads the calendar, as the
officer who made it. It ends when the link, the token that made it, or the officer is
revoked.
"""

import time
from datetime import timedelta
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman.api import examples
from dragoman.api.routing import CHANNEL, READ_HEADERS, May, Route
from dragoman.application.attachment_checks import is_staff
from dragoman.application.http import body_workers
from dragoman.application.http.conditional_requests import (
    ask,
    headers_of,
    in_view,
    standing,
    wanted_media,
)
from dragoman.application.http.rate_limits import RATE_LIMITS
from dragoman.application.http.request import (
    JSON,
    ApiAnswer,
    ApiReply,
    ApiRequest,
    NoBody,
)
from dragoman.application.operations import (
    drafts,
)
from dragoman.application.operations.calendar_links import (
    end_link,
    links_of,
    make_link,
    subject_of_link,
)
from dragoman.application.rosters.feed import roster_feed
from dragoman.application.rosters.operations import own_roster
from dragoman.application.service import Service
from dragoman.domain.acts.event_windows import DATED
from dragoman.domain.record.errors import refuse
from dragoman.interop import NotUnderstood
from dragoman.limits import ACT_BYTES
from dragoman.projection.projection import Projection
from dragoman.projection.queries import duty_watch
from dragoman.projection.view import View
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.text import sentence
from dragoman_schemas.host_responses import CalendarLink, CalendarLinks, LinkOf
from dragoman_schemas.responses import DraftView, NewDraft, PersonEntry, PointsOfContact

CALENDAR: Final = "text/calendar"
VCARD: Final = "text/vcard"
ALERTS: Final = (
    "application/cap+xml",
    "application/EmergencyCallData.cap+xml",
    "application/xml",
    "text/xml",
)

_KEPT: Final = timedelta(days=366)
"""The time for which a past event stays in a calendar."""

# Exports


async def show_calendar(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the calendar of a channel."""
    projection, position = await standing(call)
    return await _feed(call, projection, headers_of(call, projection, position))


async def _feed(
    call: ApiRequest[Any], projection: Projection, headers: dict[str, str]
) -> web.Response:
    service = call.service
    body, _ = await in_view(call, projection, service.now(), None, _calendar, service.public_url)
    headers = {**headers, "Content-Disposition": f'inline; filename="{projection.name}.ics"'}
    return web.Response(body=body, headers=headers, content_type=CALENDAR, charset="utf-8")


def _calendar(view: View, base_url: str) -> bytes:
    from dragoman.interop import icalendar  # The import takes a fifth of a second.

    states = view.every(*sorted(DATED))
    return icalendar.feed(view.registry, states, view.moment - _KEPT, base_url)


async def show_points(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the points of contact, as JSON or as cards.

    Cards have the names and numbers that the reader may see.
    """
    media = wanted_media(call.request, (JSON, VCARD))
    answer = await ask(call, duty_watch.points_of_contact, members=media == JSON)
    service, projection, points, headers = call.service, call.channel, answer.body, answer.headers
    if media == JSON:
        return ApiReply(body=points, headers=headers)
    from dragoman.interop import vcard

    standing_ones = [point for point in points.points if point.stage in ("announced", "in_force")]
    names = tuple(
        {id for point_view in standing_ones for id in (point_view.person, point_view.deputy) if id}
    )
    people = await _people(service, projection, call.grant, names)
    body = vcard.cards(
        projection.registry,
        standing_ones,
        people,
        source=f"{service.public_url}/v1/channels/{projection.name}/points-of-contact",
    )
    return web.Response(body=body, headers=headers, content_type=VCARD, charset="utf-8")


async def _people(
    service: Service, projection: Projection, grant: Grant, ids: tuple[str, ...]
) -> dict[str, PersonEntry]:
    """Return the people with these ids, as far as the caller may see them."""
    if not ids or not is_staff(projection, grant.actor):
        return {}
    stored_persons = await service.people.found(projection.registry.cid, ids)
    open_ones = {
        id: stored_person.person
        for id, stored_person in stored_persons.items()
        if stored_person.open_to(grant.actor)
    }
    return {id: person for id, person in open_ones.items() if isinstance(person, PersonEntry)}


# Secret links to a calendar


class LinkQuery(Struct, frozen=True, kw_only=True):
    """The calendar of a new link: the channel's, or the caller's roster."""

    of: LinkOf = "calendar"


async def new_link(call: ApiRequest[LinkQuery]) -> ApiAnswer:
    """Make a secret link to the calendar, or to the roster of the caller's side."""
    if call.query.of == "roster":
        await own_roster(call, call.channel)
    link = await make_link(call, call.channel, of=call.query.of)
    return ApiReply(
        body=link, status=201, headers={"Location": link.path, "Cache-Control": "no-store"}
    )


async def list_links(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the caller's secret links."""
    return ApiReply(body=CalendarLinks(links=await links_of(call, call.channel)))


async def revoke_link(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Revoke a secret link."""
    await end_link(call, call.channel, call.path("link"))
    return web.Response(status=204)


async def show_linked(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the calendar of a secret link, to anybody who has the link."""
    service, secret = call.service, call.path("secret")
    grant = service.access.find(secret, time.time(), "link")
    if grant is None and await service.access_refresh.look_again():
        grant = service.access.find(secret, time.time(), "link")
    channels = [
        channel
        for channel in service.channels.values()
        if grant is not None and service.may_see(grant, channel)
    ]
    if not channels:
        call.request.app[RATE_LIMITS].stranger(call.request["address"])
        raise refuse(
            "not-found",
            "This link is not valid, or not any more; make a new one in your office.",
        )
    assert grant is not None
    if subject_of_link(grant) == "roster":
        return roster_feed(call, channels[0], grant)
    await channels[0].in_file()
    return await _feed(call, channels[0], {"Cache-Control": "no-store"})


# Imports


async def take_import(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Import an alert as a draft."""
    media = call.request.content_type
    if media not in {text.lower() for text in ALERTS}:
        raise refuse(
            "media-type",
            "%(media_type)s cannot be imported; send one of %(types)s.",
            media_type=media,
            types=", ".join(ALERTS),
        )
    projection = call.channel
    raw = await call.arrived()
    if len(raw) > ACT_BYTES:
        raise refuse("too-large", "An import has at most 240 KiB, like an act; send less at once.")
    from dragoman.interop import cap_reader

    try:
        alert = await body_workers.read(call.request, len(raw), cap_reader.read, raw)
    except NotUnderstood as error:
        raise refuse("invalid", "Nothing was imported: %(error)s.", error=error.said) from None
    if (alert.status == "Actual") == (projection.registry.kind == "exercise"):
        where = (
            sentence("the live channel")
            if projection.registry.kind == "exercise"
            else sentence("an exercise's channel")
        )
        raise refuse(
            "invalid",
            "The alert's status is %(status)s, so it belongs in %(where)s.",
            status=alert.status,
            where=where,
        )
    return await drafts.keep_new(
        call, NewDraft(act=msgspec.Raw(msgspec.json.encode(alert.act))), 202
    )


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/points-of-contact",
        show_points,
        "The points of contact: who is reached for what, when and how",
        NoBody,
        {200: PointsOfContact},
        media=(JSON, VCARD),
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/calendar.ics",
        show_calendar,
        "Meetings, calls, visits and announced windows, as a calendar",
        NoBody,
        {200: None},
        media=(CALENDAR,),
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/calendar-links",
        list_links,
        "The caller's secret links to the calendar",
        NoBody,
        {200: CalendarLinks},
        may=May.SELF,
    ),
    Route(
        "POST",
        f"{CHANNEL}/calendar-links",
        new_link,
        "Make a secret link to the calendar, or to the roster of one's side",
        LinkQuery,
        {201: CalendarLink},
        may=May.SELF,
        refusals=("no-room",),
    ),
    Route(
        "DELETE",
        f"{CHANNEL}/calendar-links/{{link}}",
        revoke_link,
        "Revoke a secret link",
        NoBody,
        {204: None},
        may=May.SELF,
    ),
    Route(
        "GET",
        "/v1/calendars/{secret}",
        show_linked,
        "The calendar behind a secret link",
        NoBody,
        {200: None},
        media=(CALENDAR,),
        may=May.ANYBODY,
    ),
    Route(
        "POST",
        f"{CHANNEL}/imports",
        take_import,
        "Import an alert as a draft",
        NoBody,
        {202: DraftView},
        takes=ALERTS,
        headers=("Idempotency-Key",),
        example=dict.fromkeys(ALERTS, examples.ALERT),
        may=May.OWN_OFFICERS,
        refusals=("no-room",),
    ),
)

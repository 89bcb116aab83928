"""Other people's tools over HTTP: a channel's calendar, the cards of its points of contact, and what calendars and warning systems send in.

A calendar is subscribed to by a secret link, since no calendar program sends a token: whoever knows the link reads it, as its officer, until
it is revoked, or the token is with which it was made, or the officer is.
"""

import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec
import structlog
from aiohttp import web

from dragoman.desk import stamp
from dragoman.domain.record import ids
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import Refusal, Refused
from dragoman.gateway import drafts, posting, workers
from dragoman.gateway.answering import headers_of, standing, wanted_media
from dragoman.gateway.beside import is_staff
from dragoman.gateway.budgets import BUDGETS
from dragoman.gateway.posting import grant_of, in_thread, projection_of, service_of
from dragoman.gateway.service import Service
from dragoman.gateway.typed import JSON, Answered, Call, Nothing, Reply
from dragoman.interop import NotUnderstood
from dragoman.limits import ACT_BYTES, LINKS
from dragoman.projection import duty_watch
from dragoman.projection.projection import Projection
from dragoman.projection.snapshot import Asked, moment
from dragoman.projection.store import Store
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.text import sentence
from dragoman_schemas.responses import (
    CalendarLink,
    CalendarLinks,
    LinkView,
    NewDraft,
    PersonEntry,
    PointsOfContact,
)

log = structlog.get_logger()

CALENDAR: Final = "text/calendar"
VCARD: Final = "text/vcard"
ALERTS: Final = (
    "application/cap+xml",
    "application/EmergencyCallData.cap+xml",
    "application/xml",
    "text/xml",
)
IMPORTED: Final = (*ALERTS, CALENDAR)

_DATED: Final = {
    "meeting": ("meeting-request", "call-request", "visit-invitation"),
    "notification": ("danger-area", "launch-notice", "military-activity", "terrorism-warning"),
}
_KEPT: Final = timedelta(days=366)
"""How long what is over stays in a calendar."""

# Going out


async def show_calendar(call: Call[Nothing]) -> Answered:
    projection, position = await standing(call)
    return await _feed(call, projection, headers_of(call, projection, position))


async def _feed(call: Call[Any], projection: Projection, headers: dict[str, str]) -> web.Response:
    service = service_of(call)
    body: bytes = await in_thread(
        call,
        _calendar,
        service.store,
        projection.name,
        service.as_of(projection),
        service.now(),
        service.public_url,
    )
    headers = {**headers, "Content-Disposition": f'inline; filename="{projection.name}.ics"'}
    return web.Response(body=body, headers=headers, content_type=CALENDAR, charset="utf-8")


def _calendar(store: Store, channel: str, as_of: str, now: datetime, base_url: str) -> bytes:
    from dragoman.interop import icalendar  # a fifth of a second, for who wants a calendar

    with moment(store, channel, Asked(), as_of) as then:
        found = [state for family, acts in _DATED.items() for state in then.of(family, *acts)]
        return icalendar.feed(then.registry, found, now - _KEPT, base_url)


async def show_points(call: Call[Nothing]) -> Answered:
    """The points of contact; as cards, with the names and numbers that the reader may see; and the hours alone, as a calendar."""
    media = wanted_media(call.request, (JSON, VCARD, CALENDAR))
    projection, position = await standing(call)
    service = service_of(call)
    read = partial(duty_watch.points_of_contact, members=media == JSON)
    points: PointsOfContact = await in_thread(
        call, read, service.store, projection.name, service.now()
    )
    headers = headers_of(call, projection, position)
    if media == JSON:
        return Reply(body=points, headers=headers)
    from dragoman.interop import vcard

    standing_ones = [each for each in points.points if each.stage in ("announced", "in_force")]
    if media == CALENDAR:
        return web.Response(
            body=vcard.availability(projection.registry, standing_ones),
            headers=headers,
            content_type=CALENDAR,
            charset="utf-8",
        )
    named = tuple({id for each in standing_ones for id in (each.person, each.deputy) if id})
    people = await _people(service, projection, grant_of(call.request), named)
    body = vcard.cards(
        projection.registry,
        standing_ones,
        people,
        calendar=f"{service.public_url}/v1/channels/{projection.name}/points-of-contact",
    )
    return web.Response(body=body, headers=headers, content_type=VCARD, charset="utf-8")


async def _people(
    service: Service, projection: Projection, grant: Grant, named: tuple[str, ...]
) -> dict[str, PersonEntry]:
    """Who is meant by these ids, as far as the caller may know."""
    if not named or not is_staff(projection, grant.actor):
        return {}
    found = await service.people.found(projection.registry.cid, named)
    open_ones = {id: kept.person for id, kept in found.items() if kept.open_to(grant.actor)}
    return {id: person for id, person in open_ones.items() if isinstance(person, PersonEntry)}


# A calendar's secret links


async def new_link(call: Call[Nothing]) -> Answered:
    made = await make_link(call, projection_of(call))
    return Reply(
        body=made, status=201, headers={"Location": made.path, "Cache-Control": "no-store"}
    )


async def make_link(call: Call[Any], projection: Projection, key: str = "") -> CalendarLink:
    """A new secret link of the caller's. Of a form that was sent before, by its key, the link itself is not known any more. Raises `Refused`."""
    grant, service = grant_of(call.request), service_of(call)
    links = await _links(call, projection)
    known = [each for each in links if key and each.key == key]
    if known:
        return CalendarLink(id=known[0].id, issued=known[0].issued, path="")
    if len(links) >= LINKS:
        raise Refused(
            Refusal(
                kind="no-room",
                detail=sentence(
                    "You have %(n)s links to this calendar; revoke those that are not used.",
                    n=LINKS,
                ),
            )
        )
    secret, made = await service.access.issue(
        grant.actor,
        (projection.registry.cid,),
        issued=stamp(service.now()),
        scope="read",
        expires=grant.expires,
        made_with=grant.id,
        key=key,
        kind="link",
    )
    log.info("link.made", actor=grant.actor, channel=projection.name, link_id=made.id)
    path = f"/v1/calendars/{secret}"
    return CalendarLink(
        id=made.id,
        issued=made.issued,
        path=path,
        url=service.public_url + path if service.public_url else "",
    )


async def _links(call: Call[Any], projection: Projection) -> list[Grant]:
    actor, cid = grant_of(call.request).actor, projection.registry.cid
    return [
        each
        for each in await service_of(call).access.listed("link")
        if each.actor == actor and cid in each.channels
    ]


async def list_links(call: Call[Nothing]) -> Answered:
    return Reply(body=CalendarLinks(links=await links_of(call, projection_of(call))))


async def links_of(call: Call[Any], projection: Projection) -> tuple[LinkView, ...]:
    """The caller's links to a channel's calendar, the oldest first."""
    return tuple(
        LinkView(id=each.id, issued=each.issued) for each in await _links(call, projection)
    )


async def revoke_link(call: Call[Nothing]) -> Answered:
    await end_link(call, projection_of(call), call.path("link"))
    return web.Response(status=204)


async def end_link(call: Call[Any], projection: Projection, id: str) -> None:
    """Revoke a link of the caller's. Raises `Refused`."""
    if id not in {each.id for each in await _links(call, projection)}:
        raise Refused(
            Refusal(
                kind="not-found",
                detail=sentence(
                    "You have no link of that id to this calendar; GET …/calendar-links lists them."
                ),
            )
        )
    await service_of(call).access.revoke(id, "link")
    log.info("link.revoked", channel=projection.name, link_id=id)


async def show_linked(call: Call[Nothing]) -> Answered:
    """The calendar behind a secret link, to whoever has the link."""
    service, secret = service_of(call), call.path("secret")
    grant = service.access.find(secret, time.time(), "link")
    if grant is None and await service.look_again():
        grant = service.access.find(secret, time.time(), "link")
    seen = [
        each
        for each in service.channels.values()
        if grant is not None and service.may_see(grant, each)
    ]
    if not seen:
        call.request.app[BUDGETS].stranger(call.request["address"])
        raise Refused(
            Refusal(
                kind="not-found",
                detail=sentence(
                    "This link leads nowhere, or does not any more; make a new one in your office."
                ),
            )
        )
    await seen[0].in_file()
    return await _feed(call, seen[0], {"Cache-Control": "no-store"})


# Coming in


async def take_import(call: Call[Nothing]) -> Answered:
    """An alert becomes a draft; what a calendar program answers to a meeting is posted, and a new invitation is drafted."""
    media = call.request.content_type
    known = {each.lower(): each for each in IMPORTED}
    if media not in known:
        raise Refused(
            Refusal(
                kind="media-type",
                detail=sentence(
                    "%(media_type)s is not taken in here; send one of %(types)s.",
                    media_type=media,
                    types=", ".join(IMPORTED),
                ),
            )
        )
    projection = projection_of(call)
    raw = await call.arrived()
    if len(raw) > ACT_BYTES:
        raise Refused(
            Refusal(
                kind="too-large",
                detail=sentence("What is taken in has at most 240 KiB, as an act."),
            )
        )
    return await (
        _take_message(call, projection, raw)
        if media == CALENDAR
        else _take_alert(call, projection, raw)
    )


async def _take_alert(call: Call[Any], projection: Projection, raw: bytes) -> Reply:
    from dragoman.interop import cap_reader

    try:
        alert = await workers.read(call.request, len(raw), cap_reader.read, raw)
    except NotUnderstood as error:
        raise Refused(
            Refusal(kind="invalid", detail=sentence("Not taken in: %(error)s.", error=error.said))
        ) from None
    if (alert.status == "Actual") == (projection.registry.kind == "exercise"):
        where = (
            sentence("the live channel")
            if projection.registry.kind == "exercise"
            else sentence("an exercise's channel")
        )
        raise Refused(
            Refusal(
                kind="invalid",
                detail=sentence(
                    "The alert's status is %(status)s: it belongs into %(where)s.",
                    status=alert.status,
                    where=where,
                ),
            )
        )
    return await drafts.keep_new(
        call, NewDraft(act=msgspec.Raw(msgspec.json.encode(alert.act))), 202
    )


async def _take_message(call: Call[Any], projection: Projection, raw: bytes) -> Reply:
    from dragoman.interop import itip

    grant = grant_of(call.request)
    try:
        answered = await workers.read(call.request, len(raw), itip.read, raw)
        if answered.side not in ("", grant.side):
            raise Refused(
                Refusal(
                    kind="not-permitted",
                    detail=sentence(
                        "The message answers for %(side)s, and you are of %(own)s.",
                        side=answered.side,
                        own=grant.side,
                    ),
                )
            )
        if not answered.exchange:
            return await drafts.keep_new(
                call, NewDraft(act=msgspec.Raw(msgspec.json.encode(answered.act))), 202
            )
        exchange = projection.exchange(answered.exchange)
        if exchange is None:
            raise Refused(
                Refusal(
                    kind="not-found",
                    detail=sentence("The message is about a meeting that is not of this channel."),
                )
            )
        body = msgspec.json.encode(itip.fitted(answered, exchange))
    except NotUnderstood as error:
        raise Refused(
            Refusal(kind="invalid", detail=sentence("Not taken in: %(error)s.", error=error.said))
        ) from None
    act, data = await workers.read(call.request, len(body), read_act, body, cut=True)
    key = posting.key_of(call.request.headers.get("Idempotency-Key"))
    return await posting.take_in(
        call,
        projection,
        actor=grant.actor,
        act=act,
        data=data,
        id=ids.from_key(projection.name, grant.actor, key),
        exchange=exchange.id,
        if_match=exchange.revision,  # what it answers is what stands there now: `fitted` has looked
    )

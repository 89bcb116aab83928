"""Secret links to the calendar of a channel, or to the roster of the caller's side."""

from typing import Any

import structlog

from dragoman.application.clock import stamp
from dragoman.application.http.request import ApiRequest
from dragoman.domain.record.errors import refuse
from dragoman.limits import LINKS
from dragoman.projection.projection import Projection
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.host_responses import CalendarLink, LinkOf, LinkView

log = structlog.get_logger()


async def make_link(
    call: ApiRequest[Any], projection: Projection, key: str = "", of: LinkOf = "calendar"
) -> CalendarLink:
    """Make a secret link of the caller, and return it. Raises `Refused`.

    If a form with the same key was sent before, the path is empty, because the link
    itself is not stored.
    """
    grant, service = call.grant, call.service
    links = await _links(call, projection)
    grants = [link for link in links if key and link.key == key]
    if grants:
        return CalendarLink(
            id=grants[0].id, issued=grants[0].issued, of=subject_of_link(grants[0]), path=""
        )
    if len(links) >= LINKS:
        raise refuse(
            "no-room",
            "You have %(n)s links to this calendar; revoke those that are not used.",
            n=LINKS,
        )
    secret, link = await service.access.issue(
        Grant(
            actor=grant.actor,
            channels=(projection.registry.cid,),
            issued=stamp(service.now()),
            scope="read",
            expires=grant.expires,
            made_with=grant.id,
            key=key,
            label=of if of != "calendar" else "",
        ),
        kind="link",
    )
    log.info("link.made", actor=grant.actor, channel=projection.name, link_id=link.id)
    path = f"/v1/calendars/{secret}"
    return CalendarLink(
        id=link.id,
        issued=link.issued,
        of=of,
        path=path,
        url=service.public_url + path if service.public_url else "",
    )


def subject_of_link(grant: Grant) -> LinkOf:
    """Return the calendar of a link: the channel's, or the roster of a side."""
    return "roster" if grant.label == "roster" else "calendar"


async def _links(call: ApiRequest[Any], projection: Projection) -> list[Grant]:
    actor, cid = call.grant.actor, projection.registry.cid
    return [
        grant
        for grant in await call.service.access.listed("link")
        if grant.actor == actor and cid in grant.channels
    ]


async def links_of(call: ApiRequest[Any], projection: Projection) -> tuple[LinkView, ...]:
    """Return the caller's links to a channel's calendar, oldest first."""
    return tuple(
        LinkView(id=link.id, issued=link.issued, of=subject_of_link(link))
        for link in await _links(call, projection)
    )


async def end_link(call: ApiRequest[Any], projection: Projection, id: str) -> None:
    """Revoke a link of the caller. Raises `Refused`."""
    if id not in {link.id for link in await _links(call, projection)}:
        raise refuse(
            "not-found",
            "You have no link of that id to this calendar; GET …/calendar-links lists them.",
        )
    await call.service.access.revoke(id, "link")
    log.info("link.revoked", channel=projection.name, link_id=id)

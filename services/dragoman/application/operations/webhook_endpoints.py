"""Where a side wants to be told, over HTTP: entered, looked at and removed by its heads of office and administrators, seen by its officers."""

import secrets
import time
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from msgspec.structs import replace

from dragoman.application.command_handler import stamp
from dragoman.application.http.request import ApiRequest
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.act_rules import STAFF
from dragoman.domain.record import ids
from dragoman.domain.record.errors import Refusal, Refused, refuse
from dragoman.interop import webhook_signatures
from dragoman.limits import ENDPOINTS
from dragoman.projection.projection import Projection
from dragoman.stores.endpoints import NotificationEndpoint, Progress, Waiting
from dragoman.text import Text, sentence, unpacked
from dragoman_schemas.acts.office.channel import Role
from dragoman_schemas.fields import or_default
from dragoman_schemas.host_responses import AddedEndpoint, DeliveryView, EndpointView, NewEndpoint

log = structlog.get_logger()

ENTERING: Final[frozenset[Role]] = frozenset({"head_of_office", "administrator"})
"""The roles that say where their side is told."""

_GONE: Final = sentence(
    "There is no such endpoint of your side; GET /v1/webhooks lists those there are."
)


async def endpoints_of(call: ApiRequest[Any]) -> tuple[EndpointView, ...]:
    """Return the endpoints of the caller's side, in all channels in which the caller is in office."""
    service = call.service
    await service.courier.refresh()
    endpoints = [
        (endpoint, projection)
        for endpoint in service.courier.endpoints()
        if (projection := _seen(call, endpoint)) is not None
    ]
    return tuple(
        _view(call, notification_endpoint, projection)
        for notification_endpoint, projection in endpoints
    )


def _seen(call: ApiRequest[Any], endpoint: NotificationEndpoint) -> Projection | None:
    """Return the channel of an endpoint that the caller may know of: one of the own side, in a channel where the caller is in office."""
    service, grant = call.service, call.grant
    for projection in service.visible(grant):
        officer = projection.registry.officers.get(grant.actor)
        if (
            projection.registry.cid == endpoint.cid
            and officer is not None
            and not STAFF.isdisjoint(officer.roles)
        ):
            return projection if endpoint.side == grant.side else None
    return None


def _view(
    call: ApiRequest[Any], endpoint: NotificationEndpoint, projection: Projection
) -> EndpointView:
    progress, _ = call.service.courier.progress(endpoint.id)
    return EndpointView(
        id=endpoint.id,
        channel=projection.name,
        side=endpoint.side,
        means=endpoint.means,
        target=endpoint.target,
        acts=endpoint.acts,
        families=endpoint.families,
        precedence=endpoint.precedence,
        own=endpoint.own,
        language=endpoint.language,
        public_key=endpoint.public_key,
        created=endpoint.created,
        created_by=endpoint.created_by,
        position=progress.upto,
        delivered=progress.delivered,
        waiting=len(progress.waiting),
        parked=len(progress.parked),
        stopped=str(GONE) if progress.gone else "",
    )


def _entering(call: ApiRequest[Any], projection: Projection) -> None:
    officer = projection.registry.officers.get(call.grant.actor)
    if officer is None or ENTERING.isdisjoint(officer.roles):
        raise refuse(
            "not-permitted",
            "Heads of office and administrators of a side say where it is told; ask one of them.",
        )


async def add(call: ApiRequest[Any], new: NewEndpoint, key: str) -> AddedEndpoint:
    """Return an endpoint, told of what comes from now on. The same key again is the same endpoint; its secret is shown once all the same.

    Raises `Refused`.
    """
    service, grant = call.service, call.grant
    projection = service.channel(grant, new.channel)
    _entering(call, projection)
    unknown = [act for act in new.acts if act not in RULES]
    if unknown:
        raise refuse(
            "invalid",
            "There is no act %(act)s; docs/formats.md lists those there are.",
            act=repr(unknown[0][:60]),
        )
    id = ids.from_key(projection.name, grant.actor, f"endpoint/{key}")
    await service.courier.refresh()
    notification_endpoint = service.courier.find(id)
    if notification_endpoint is None:
        endpoints = [
            endpoint
            for endpoint in service.courier.endpoints()
            if (endpoint.cid, endpoint.side) == (projection.registry.cid, grant.side)
        ]
        if len(endpoints) >= ENDPOINTS:
            raise refuse(
                "no-room",
                "A side has at most %(limit)s endpoints in a channel; remove one first.",
                limit=ENDPOINTS,
            )
        notification_endpoint = _made(call, new, projection, id)
        await service.courier.add(notification_endpoint, projection.state.position)
        log.info(
            "endpoint.added",
            endpoint=id,
            channel=projection.name,
            side=grant.side,
            by=grant.actor,
            means=notification_endpoint.means,
        )
    view = _view(call, notification_endpoint, projection)
    shared = (
        notification_endpoint.secret
        if notification_endpoint.secret.startswith(webhook_signatures.SHARED)
        else ""
    )
    return AddedEndpoint(
        secret=shared, **{name: getattr(view, name) for name in view.__struct_fields__}
    )


def _made(
    call: ApiRequest[Any], new: NewEndpoint, projection: Projection, id: str
) -> NotificationEndpoint:
    service, grant = call.service, call.grant
    notification_endpoint = NotificationEndpoint(
        id=id,
        cid=projection.registry.cid,
        side=grant.side,
        means="webhook",
        target="",
        acts=new.acts,
        families=new.families,
        precedence=or_default(new.precedence, ""),
        own=new.own,
        created=stamp(service.now()),
        created_by=grant.actor,
    )
    if isinstance(new.url, str) == isinstance(new.address, str):
        raise refuse("invalid", "Name a url, or an address for e-mail, and not both.")
    if isinstance(new.address, str):
        return replace(
            notification_endpoint, means="e-mail", target=new.address, language=new.language
        )
    assert isinstance(new.url, str)
    if wrong := service.urls.check(new.url):
        raise refuse("invalid", "This URL is not called: %(wrong)s.", wrong=wrong)
    if new.signature == "hmac":
        return replace(
            notification_endpoint,
            target=new.url,
            secret=webhook_signatures.shared_secret(secrets.token_bytes(32)),
        )
    private, public = webhook_signatures.key_pair(secrets.token_bytes(32))
    return replace(notification_endpoint, target=new.url, secret=private, public_key=public)


async def _found(call: ApiRequest[Any], id: str) -> tuple[NotificationEndpoint, Projection]:
    service = call.service
    await service.courier.refresh()
    endpoint = service.courier.find(id)
    projection = None if endpoint is None else _seen(call, endpoint)
    if endpoint is None or projection is None:
        raise Refused(Refusal(kind="not-found", detail=_GONE))
    return endpoint, projection


async def remove(call: ApiRequest[Any], id: str) -> None:
    """Remove an endpoint: nothing more is brought there. Raises `Refused`."""
    endpoint, projection = await _found(call, id)
    _entering(call, projection)
    await call.service.courier.remove(endpoint.id)
    log.info(
        "endpoint.removed",
        endpoint=endpoint.id,
        channel=projection.name,
        by=call.grant.actor,
    )


GONE: Final = sentence("its receiver answers that it is gone; remove it, or enter it anew")


async def deliveries_of(call: ApiRequest[Any], id: str) -> tuple[DeliveryView, ...]:
    """Return what an endpoint was not told of yet, in the order of the log. Raises `Refused`."""
    endpoint, _ = await _found(call, id)
    progress, _ = call.service.courier.progress(endpoint.id)
    views = [
        *(_delivery(item, parked=True) for item in progress.parked),
        *(_delivery(item, parked=False) for item in progress.waiting),
    ]
    return tuple(sorted(views, key=lambda view: view.position))


def answers_of(call: ApiRequest[Any], id: str) -> dict[int, Text]:
    """Return what was answered last, of each delivery of an endpoint that did not succeed yet, by its record."""
    progress, _ = call.service.courier.progress(id)
    texts = {item.position: answer_of(item) for item in (*progress.parked, *progress.waiting)}
    return {position: text for position, text in texts.items() if text is not None}


def answer_of(waiting: Waiting) -> Text | None:
    """Return what was answered last, if anything was."""
    return unpacked(waiting.answer) if waiting.answer else None


def _delivery(waiting: Waiting, *, parked: bool) -> DeliveryView:
    again = "" if parked else stamp(datetime.fromtimestamp(waiting.again, UTC))
    return DeliveryView(
        position=waiting.position,
        tries=waiting.tries,
        answered=str(answer_of(waiting) or ""),
        again=again,
        parked=parked,
    )


async def send_again(call: ApiRequest[Any], id: str, position: int | None) -> DeliveryView:
    """Let what was given up, or waits, be tried again at once; and an endpoint that stood still go on. Raises `Refused`."""
    endpoint, projection = await _found(call, id)
    _entering(call, projection)
    service = call.service
    progress, revision = service.courier.progress(endpoint.id)
    wanted = next(
        (item for item in (*progress.parked, *progress.waiting) if item.position == position), None
    )
    if wanted is None:
        raise refuse(
            "not-found", "No such delivery waits or was given up; GET …/deliveries lists those."
        )
    if await service.courier.keep(endpoint.id, _resent(progress, wanted), revision) is None:
        raise refuse("moved", "The courier was at it just now; look again.")
    log.info("endpoint.resent", endpoint=endpoint.id, position=position, by=call.grant.actor)
    return _delivery(replace(wanted, again=time.time()), parked=False)


def _resent(progress: Progress, wanted: Waiting) -> Progress:
    once_more = replace(wanted, tries=0, again=0.0)
    return replace(
        progress,
        parked=tuple(item for item in progress.parked if item != wanted),
        waiting=(*(item for item in progress.waiting if item != wanted), once_more),
        gone=False,
    )

"""Notification endpoints of a side, over HTTP: webhooks and e-mail addresses.

Heads of office and administrators of a side enter and remove them. Officers of the side
see them.
"""

import secrets
import time
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from msgspec.structs import replace

from dragoman.application.clock import stamp
from dragoman.application.http.request import ApiRequest
from dragoman.application.operations.endpoint_tests import (
    NO_SEALING_KEY,
    ask_test,
    recipient_of,
    written,
)
from dragoman.application.service import Service
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.act_rules import STAFF
from dragoman.domain.record import ids
from dragoman.domain.record.errors import Refusal, Refused, refuse
from dragoman.interop import webhook_signatures
from dragoman.limits import ENDPOINTS
from dragoman.projection.projection import Projection
from dragoman.stores.endpoint_secrets import seal
from dragoman.stores.endpoints import NotificationEndpoint, Progress, Waiting
from dragoman.text import Text, sentence, unpacked
from dragoman_schemas.acts.office.channel import Role
from dragoman_schemas.fields import or_default
from dragoman_schemas.host_responses import AddedEndpoint, DeliveryView, EndpointView, NewEndpoint

log = structlog.get_logger()

ENTERING: Final[frozenset[Role]] = frozenset({"head_of_office", "administrator"})
"""The roles that enter and remove the endpoints of their side."""

_GONE: Final = sentence(
    "There is no such endpoint of your side; GET /v1/webhooks lists those there are."
)


async def endpoints_of(call: ApiRequest[Any]) -> tuple[EndpointView, ...]:
    """Return the endpoints of the caller's side, in all channels of the caller.

    They are the channels in which the caller is in office.
    """
    service = call.service
    await service.notification_endpoints.refresh()
    endpoints = [
        (endpoint, projection)
        for endpoint in service.notification_endpoints.endpoints()
        if not endpoint.officer and (projection := _channel_of(call, endpoint)) is not None
    ]
    return tuple(
        endpoint_view(call, notification_endpoint, projection)
        for notification_endpoint, projection in endpoints
    )


def _channel_of(call: ApiRequest[Any], endpoint: NotificationEndpoint) -> Projection | None:
    """Return the channel of an endpoint if the caller may see the endpoint; else None.

    The endpoint must be of the caller's own side, in a channel in which the caller is
    in office.
    """
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


def endpoint_view(
    call: ApiRequest[Any], endpoint: NotificationEndpoint, projection: Projection
) -> EndpointView:
    """Return the view of an endpoint, with the progress of its deliveries."""
    store = call.service.notification_endpoints
    progress, _ = store.progress(endpoint.id)
    proof = store.proof(endpoint.id)
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
        way=endpoint.way,
        label=endpoint.label,
        details=endpoint.details,
        public_key=endpoint.public_key,
        created=endpoint.created,
        created_by=endpoint.created_by,
        position=progress.upto,
        delivered=progress.delivered,
        waiting=len(progress.waiting),
        parked=len(progress.parked),
        stopped=str(GONE) if progress.gone else "",
        held=progress.held,
        tested=written(proof.sent_at),
        arrived=written(proof.arrived_at),
        test_answer=str(unpacked(proof.answer) or "") if proof.answer else "",
    )


def _check_may_enter(call: ApiRequest[Any], projection: Projection) -> None:
    officer = projection.registry.officers.get(call.grant.actor)
    if officer is None or ENTERING.isdisjoint(officer.roles):
        raise refuse(
            "not-permitted",
            "Only heads of office and administrators change where their side is notified; ask "
            "one of them.",
        )


async def add(call: ApiRequest[Any], new: NewEndpoint, key: str) -> AddedEndpoint:
    """Add an endpoint, and return it. It gets notices of records from now on.

    The same key again returns the same endpoint. A shared secret is shown only in the
    first answer, because it is sealed afterwards. Raises `Refused`.
    """
    service, grant = call.service, call.grant
    projection = service.channel(grant, new.channel)
    _check_may_enter(call, projection)
    unknown = [act for act in new.acts if act not in RULES]
    if unknown:
        raise refuse(
            "invalid",
            "There is no act %(act)s; docs/formats.md lists those there are.",
            act=repr(unknown[0][:60]),
        )
    id = ids.from_key(projection.name, grant.actor, f"endpoint/{key}")
    await service.notification_endpoints.refresh()
    notification_endpoint, shared = service.notification_endpoints.find(id), ""
    if notification_endpoint is None:
        endpoints = [
            endpoint
            for endpoint in service.notification_endpoints.endpoints()
            if (endpoint.cid, endpoint.side, endpoint.officer)
            == (projection.registry.cid, grant.side, "")
        ]
        if len(endpoints) >= ENDPOINTS:
            raise refuse(
                "no-room",
                "A side has at most %(limit)s endpoints in a channel; remove one first.",
                limit=ENDPOINTS,
            )
        notification_endpoint = _new_endpoint(call, new, projection, id)
        shared = _shared_secret(notification_endpoint)
        notification_endpoint = _sealed(service, notification_endpoint)
        await service.notification_endpoints.add(notification_endpoint, projection.state.position)
        log.info(
            "endpoint.added",
            endpoint=id,
            channel=projection.name,
            side=grant.side,
            by=grant.actor,
            means=notification_endpoint.means,
        )
    view = endpoint_view(call, notification_endpoint, projection)
    return AddedEndpoint(
        secret=shared, **{name: getattr(view, name) for name in view.__struct_fields__}
    )


def _new_endpoint(
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
    if sum(isinstance(place, str) for place in (new.url, new.address, new.way)) != 1:
        raise refuse("invalid", "Name a url, an address for e-mail, or a way; and only one.")
    if isinstance(new.way, str):
        recipient, way = recipient_of(service, new.way, or_default(new.to, ""))
        return replace(
            notification_endpoint,
            means="message" if way else "e-mail",
            target=recipient.shown,
            secret=recipient.to,
            language=new.language,
            way=way,
            label=new.label.strip(),
            details=new.details,
        )
    if isinstance(new.address, str):
        return replace(
            notification_endpoint, means="e-mail", target=new.address, language=new.language
        )
    assert isinstance(new.url, str)
    if wrong := service.urls.check(new.url):
        raise refuse("invalid", "This URL cannot be used: %(wrong)s.", wrong=wrong)
    if new.signature == "hmac":
        return replace(
            notification_endpoint,
            target=new.url,
            secret=webhook_signatures.shared_secret(secrets.token_bytes(32)),
        )
    private, public = webhook_signatures.key_pair(secrets.token_bytes(32))
    return replace(notification_endpoint, target=new.url, secret=private, public_key=public)


def _shared_secret(endpoint: NotificationEndpoint) -> str:
    """Return the secret that a new webhook shares with its receiver; empty for none."""
    shares = endpoint.secret.startswith(webhook_signatures.SHARED)
    return endpoint.secret if endpoint.means == "webhook" and shares else ""


def _sealed(service: Service, endpoint: NotificationEndpoint) -> NotificationEndpoint:
    """Return a new endpoint with its secret sealed. Raises `Refused`.

    The secret of a message is its recipient.
    """
    if not endpoint.secret:
        return endpoint
    public = service.notification_endpoints.sealing_key
    if public is None:
        raise Refused(Refusal(kind="unavailable", detail=NO_SEALING_KEY))
    if endpoint.means == "webhook":
        return seal(public, endpoint, "")
    return seal(public, replace(endpoint, secret=""), endpoint.secret)


async def send_test(call: ApiRequest[Any], id: str) -> EndpointView:
    """Send a test to an endpoint of the caller's side. Raises `Refused`."""
    endpoint, projection = await find_endpoint(call, id)
    _check_may_enter(call, projection)
    if not await ask_test(call.service, endpoint, call.grant.actor):
        raise refuse("moved", "A test was sent within the last minute; read its result first.")
    return endpoint_view(call, endpoint, projection)


async def find_endpoint(call: ApiRequest[Any], id: str) -> tuple[NotificationEndpoint, Projection]:
    """Return an endpoint that the caller may see, and its channel. Raises `Refused`."""
    service = call.service
    await service.notification_endpoints.refresh()
    endpoint = service.notification_endpoints.find(id)
    projection = None if endpoint is None or endpoint.officer else _channel_of(call, endpoint)
    if endpoint is None or projection is None:
        raise Refused(Refusal(kind="not-found", detail=_GONE))
    return endpoint, projection


async def remove(call: ApiRequest[Any], id: str) -> None:
    """Remove an endpoint: nothing more is sent there. Raises `Refused`."""
    endpoint, projection = await find_endpoint(call, id)
    _check_may_enter(call, projection)
    await call.service.notification_endpoints.remove(endpoint.id)
    log.info(
        "endpoint.removed",
        endpoint=endpoint.id,
        channel=projection.name,
        by=call.grant.actor,
    )


GONE: Final = sentence("its receiver answers that it is gone; remove it, or add it again")


async def deliveries_of(call: ApiRequest[Any], id: str) -> tuple[DeliveryView, ...]:
    """Return the deliveries to an endpoint that did not succeed yet, in log order.

    Raises `Refused`.
    """
    endpoint, _ = await find_endpoint(call, id)
    progress, _ = call.service.notification_endpoints.progress(endpoint.id)
    views = [
        *(_delivery(item, parked=True) for item in progress.parked),
        *(_delivery(item, parked=False) for item in progress.waiting),
    ]
    return tuple(sorted(views, key=lambda view: view.position))


def answers_of(call: ApiRequest[Any], id: str) -> dict[int, Text]:
    """Return the last answer to each unfinished delivery, by position."""
    progress, _ = call.service.notification_endpoints.progress(id)
    texts = {item.position: answer_of(item) for item in (*progress.parked, *progress.waiting)}
    return {position: text for position, text in texts.items() if text is not None}


def answer_of(waiting: Waiting) -> Text | None:
    """Return the last answer to a delivery; None if there was none."""
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
    """Make a delivery due at once, whether it was given up or waits.

    An endpoint that was stopped goes on. Raises `Refused`.
    """
    endpoint, projection = await find_endpoint(call, id)
    _check_may_enter(call, projection)
    service = call.service
    progress, revision = service.notification_endpoints.progress(endpoint.id)
    delivery = next(
        (item for item in (*progress.parked, *progress.waiting) if item.position == position), None
    )
    if delivery is None:
        raise refuse(
            "not-found",
            "There is no such delivery that waits or was given up; GET …/deliveries lists them.",
        )
    if (
        await service.notification_endpoints.keep(
            endpoint.id, _resent(progress, delivery), revision
        )
        is None
    ):
        raise refuse("moved", "It has changed just now; read it, and try again.")
    log.info("endpoint.resent", endpoint=endpoint.id, position=position, by=call.grant.actor)
    return _delivery(replace(delivery, again=time.time()), parked=False)


def _resent(progress: Progress, delivery: Waiting) -> Progress:
    once_more = replace(delivery, tries=0, again=0.0)
    return replace(
        progress,
        parked=tuple(item for item in progress.parked if item != delivery),
        waiting=(*(item for item in progress.waiting if item != delivery), once_more),
        gone=False,
    )

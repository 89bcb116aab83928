"""Ways to reach an officer away from the pages, with their tests and proofs.

Endpoints of an officer are that officer's own. Heads of office and administrators see
only how many ways each officer of their side has, and how many of them are proven.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from dragoman.application.clock import stamp
from dragoman.application.http.request import ApiRequest
from dragoman.application.operations.endpoint_tests import (
    E_MAIL,
    NO_SEALING_KEY,
    ask_test,
    recipient_of,
    written,
)
from dragoman.application.operations.webhook_endpoints import ENTERING
from dragoman.application.service import Service
from dragoman.domain.acts.access import may_read
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.domain.record import ids
from dragoman.domain.record.errors import Refusal, Refused, refuse
from dragoman.limits import ENDPOINTS
from dragoman.projection.projection import Projection
from dragoman.stores import reach_proofs
from dragoman.stores.endpoint_secrets import seal
from dragoman.stores.endpoints import NotificationEndpoint, ReachProof
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.text import unpacked
from dragoman_schemas.acts.office.channel import Role
from dragoman_schemas.fields import or_default
from dragoman_schemas.reach_responses import (
    NewReach,
    OfferedWay,
    OfficerReach,
    Reach,
    ReachEndpoint,
    ReachState,
)

log = structlog.get_logger()

ON_CALL: Final[frozenset[Role]] = frozenset({"duty_officer", "head_of_office"})
"""The roles that the ladder of a flash reaches."""

_HOUR: Final = 3_600.0
_DAY: Final = 86_400.0


def held_by(service: Service, way: str, cid: str, side: str) -> int:
    """Return a side's messages in a channel that the money of the month held back."""
    month = datetime.now(UTC).strftime("%Y-%m")
    return service.notification_endpoints.spending(way, month, cid, side).held


def ways_of(service: Service, grant: Grant) -> tuple[OfferedWay, ...]:
    """Return the ways that the operator offers, e-mail first."""
    cids = [projection.registry.cid for projection in service.visible(grant)]
    return (
        OfferedWay(name=E_MAIL, title="", to="address"),
        *(
            OfferedWay(
                name=way.name,
                title=way.title or way.name,
                to=way.to,
                services=way.services,
                spent=any(held_by(service, way.name, cid, grant.side) for cid in cids),
            )
            for way in service.ways
        ),
    )


async def reach_of(call: ApiRequest[Any]) -> Reach:
    """Return the ways of the caller, in all channels of the caller."""
    service, grant = call.service, call.grant
    store = service.notification_endpoints
    await store.refresh()
    now = time.time()
    allowances = [
        store.allowance(projection.registry.cid, grant.actor)
        for projection in service.visible(grant)
    ]
    return Reach(
        ways=ways_of(service, grant),
        endpoints=tuple(
            endpoint_view(service, endpoint, projection, now)
            for endpoint, projection in _own(service, grant.actor, service.visible(grant))
        ),
        messages=sum(
            now - moment < _HOUR for allowance in allowances for moment in allowance.times
        ),
        held=sum(allowance.held for allowance in allowances if now - allowance.held_at < _HOUR),
        days_between_tests=service.proof_days,
        days_of_proof=reach_proofs.days_counted(service.proof_days),
        officers=tuple(
            officer
            for projection in service.visible(grant)
            for officer in officers_of(service, projection, grant.actor, now)
        ),
    )


def _own(
    service: Service, actor: str, projections: list[Projection]
) -> Iterator[tuple[NotificationEndpoint, Projection]]:
    """Yield an officer's endpoints in these channels."""
    for projection in projections:
        for endpoint in service.notification_endpoints.of_channel(projection.registry.cid):
            if endpoint.officer == actor:
                yield endpoint, projection


def officers_of(
    service: Service, projection: Projection, actor: str, now: float
) -> Iterator[OfficerReach]:
    """Yield the reach of each officer of the side whom the ladder of a flash has.

    Yields nothing if the actor may not see it.
    """
    registry = projection.registry
    reader = registry.officers.get(actor)
    if reader is None or ENTERING.isdisjoint(reader.roles) or registry.kind in UNTIMED:
        return
    side = actor.partition("/")[0]
    for name, officer in sorted(registry.officers.items()):
        in_office = name.startswith(f"{side}/") and officer.until is None
        if in_office and not ON_CALL.isdisjoint(officer.roles):
            ways, proven = counts_of(service, projection, name, now)
            yield OfficerReach(officer=name, channel=projection.name, ways=ways, proven=proven)


def counts_of(
    service: Service, projection: Projection, officer: str, now: float
) -> tuple[int, int]:
    """Return the number of an officer's ways in a channel, and of the proven ones."""
    store = service.notification_endpoints
    states = [
        state_of(store.proof(endpoint.id), now, service.proof_days)
        for endpoint in store.of_channel(projection.registry.cid)
        if endpoint.officer == officer
    ]
    return len(states), states.count("proven")


def state_of(proof: ReachProof, now: float, proof_days: int) -> ReachState:
    """Return the state of the proof of a way that is tested every `proof_days` days."""
    if proof.asked:
        return "asked"
    if proof.sent_at and not proof.ok:
        return "failed"
    if proof.proven and now - proof.proven < reach_proofs.days_counted(proof_days) * _DAY:
        return "proven"
    if proof.sent_at and not proof.arrived_at:
        return "sent"
    return "expired" if proof.proven else "never"


def endpoint_view(
    service: Service, endpoint: NotificationEndpoint, projection: Projection, now: float
) -> ReachEndpoint:
    """Return the view of an endpoint of an officer, with its proof."""
    proof = service.notification_endpoints.proof(endpoint.id)
    progress, _ = service.notification_endpoints.progress(endpoint.id)
    way = service.ways.find(endpoint.way)
    return ReachEndpoint(
        id=endpoint.id,
        channel=projection.name,
        way=endpoint.way or E_MAIL,
        title="" if way is None else way.title or way.name,
        shown=endpoint.target,
        label=endpoint.label,
        called=endpoint.called,
        precedence=endpoint.precedence,
        language=endpoint.language,
        details=endpoint.details,
        created=endpoint.created,
        state=state_of(proof, now, service.proof_days),
        tested=written(proof.sent_at),
        answered=str(unpacked(proof.answer) or "") if proof.answer else "",
        arrived=written(proof.arrived_at),
        proven=written(proof.proven),
        delivered=progress.delivered,
        waiting=len(progress.waiting),
        parked=len(progress.parked),
        held=progress.held,
    )


async def add(call: ApiRequest[Any], new: NewReach, key: str) -> ReachEndpoint:
    """Add a way to reach the caller. The same key again adds none. Raises `Refused`."""
    service, grant = call.service, call.grant
    projection = service.channel(grant, new.channel)
    if (refusal := may_read(projection.registry, grant.actor)) is not None:
        raise Refused(refusal)
    store = service.notification_endpoints
    await store.refresh()
    id = ids.from_key(projection.name, grant.actor, f"reach/{key}")
    endpoint = store.find(id)
    if endpoint is None:
        if sum(1 for _ in _own(service, grant.actor, [projection])) >= ENDPOINTS:
            raise refuse(
                "no-room",
                "An officer has at most %(limit)s ways in a channel; remove one first.",
                limit=ENDPOINTS,
            )
        endpoint = _new_endpoint(call, new, projection, id)
        await store.add(endpoint, projection.state.position)
        log.info(
            "endpoint.added",
            endpoint=id,
            channel=projection.name,
            side=grant.side,
            by=grant.actor,
            means=endpoint.means,
        )
    return endpoint_view(service, endpoint, projection, time.time())


def _new_endpoint(
    call: ApiRequest[Any], new: NewReach, projection: Projection, id: str
) -> NotificationEndpoint:
    service, grant = call.service, call.grant
    recipient, way = recipient_of(service, new.way, new.to)
    public = service.notification_endpoints.sealing_key
    if public is None:
        raise Refused(Refusal(kind="unavailable", detail=NO_SEALING_KEY))
    endpoint = NotificationEndpoint(
        id=id,
        cid=projection.registry.cid,
        side=grant.side,
        means="message" if way else "e-mail",
        target=recipient.shown,
        precedence=or_default(new.precedence, ""),
        language=new.language,
        created=stamp(service.now()),
        created_by=grant.actor,
        officer=grant.actor,
        called=new.called,
        way=way,
        label=new.label.strip(),
        details=new.details,
    )
    return seal(public, endpoint, recipient.to)


def find(call: ApiRequest[Any], id: str) -> tuple[NotificationEndpoint, Projection]:
    """Return a way of the caller. Raises `Refused`."""
    service, grant = call.service, call.grant
    for endpoint, projection in _own(service, grant.actor, service.visible(grant)):
        if endpoint.id == id:
            return endpoint, projection
    raise refuse("not-found", "You have no such way; GET /v1/reach lists those that you have.")


async def remove(call: ApiRequest[Any], id: str) -> None:
    """Remove a way of the caller: nothing more is sent there. Raises `Refused`."""
    await call.service.notification_endpoints.refresh()
    endpoint, projection = find(call, id)
    await call.service.notification_endpoints.remove(endpoint.id)
    log.info("endpoint.removed", endpoint=endpoint.id, channel=projection.name, by=call.grant.actor)


async def test_way(call: ApiRequest[Any], id: str) -> bool:
    """Ask for a test of a way of the caller; return whether one is sent now.

    Raises `Refused`.
    """
    endpoint, _ = find(call, id)
    return await ask_test(call.service, endpoint, call.grant.actor)


async def test_all(call: ApiRequest[Any]) -> tuple[str, ...]:
    """Ask for a test of each way of the caller; return the ids of the ways.

    A way that was tested within the last minute is not tested again.
    """
    service, grant = call.service, call.grant
    await service.notification_endpoints.refresh()
    tested = []
    for endpoint, _ in _own(service, grant.actor, service.visible(grant)):
        if await ask_test(service, endpoint, grant.actor):
            tested.append(endpoint.id)
    return tuple(tested)

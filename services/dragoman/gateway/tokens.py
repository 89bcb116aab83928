"""Tokens over HTTP: the operator issues, lists and revokes them."""

from typing import Any

from aiohttp import web

from dragoman.desk import stamp
from dragoman.domain import access as rules
from dragoman.domain.refusal import Refusal, Refused
from dragoman.gateway.posting import grant_of, service_of
from dragoman.gateway.service import Service
from dragoman.gateway.typed import Answered, Call, Nothing, Reply
from dragoman.stores.access import Grant
from dragoman_schemas.answers import (
    IssuedToken,
    NewToken,
    Tokens,
    TokenView,
)
from dragoman_schemas.state import Registry


def operator(call: Call[Any]) -> Service:
    """The service, for its operator alone. Raises `Refused`."""
    if not grant_of(call.request).is_operator:
        raise Refused(Refusal(kind="not-permitted", detail="Only the operator opens channels and issues tokens."))
    return service_of(call)


async def list_tokens(call: Call[Nothing]) -> Answered:
    service = operator(call)
    names = {p.registry.cid: p.name for p in service.channels.values() if p.is_channel}
    return Reply(body=Tokens(tokens=tuple(_token_view(grant, names) for grant in await service.access.listed())))


def _token_view(grant: Grant, names: dict[str, str]) -> TokenView:
    channels = tuple(names.get(cid, cid) for cid in grant.channels)
    return TokenView(id=grant.id, actor=grant.actor, channels=channels, issued=grant.issued, label=grant.label)


async def issue_token(call: Call[Nothing]) -> Answered:
    service = operator(call)
    new = await call.decoded(NewToken)
    where = {p.name: p.registry for p in service.channels.values() if p.is_channel and _is_known(p.registry, new.actor)}
    wanted = new.channels or tuple(where)
    missing = [name for name in wanted if name not in where]
    if missing or not wanted:
        known = ", ".join(sorted(where)) or "no channel"
        raise Refused(
            Refusal(kind="invalid", detail=f"{new.actor} is an officer in {known}; an administrator of the side enters officers.")
        )
    cids = tuple(where[name].cid for name in wanted)
    label = new.label if isinstance(new.label, str) else ""
    token, grant = await service.access.issue(new.actor, cids, issued=stamp(service.now()), label=label)
    view = IssuedToken(id=grant.id, actor=grant.actor, channels=tuple(wanted), issued=grant.issued, label=label, token=token)
    return Reply(body=view, status=201, headers={"Location": f"/v1/tokens/{grant.id}", "Cache-Control": "no-store"})


def _is_known(registry: Registry, actor: str) -> bool:
    """Whether an actor is, or was, an officer there; or the root of a side that keeps its own keys."""
    return actor in registry.officers or rules.may_read(registry, actor) is None


async def revoke_token(call: Call[Nothing]) -> Answered:
    service = operator(call)
    if not await service.access.revoke(call.path("token")):
        raise Refused(Refusal(kind="not-found", detail="There is no token of that id; GET /v1/tokens lists them."))
    return web.Response(status=204)

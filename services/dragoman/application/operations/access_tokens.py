"""Who may call, over HTTP: the operator issues, lists and revokes tokens, and maps the subjects of an OIDC provider to officers."""

import time
from datetime import UTC, datetime
from typing import Any

import structlog
from msgspec import UnsetType

from dragoman.application.command_handler import stamp
from dragoman.application.http.request import ApiRequest
from dragoman.application.service import Service
from dragoman.domain.acts import access as rules
from dragoman.domain.record.errors import FieldFault, Refusal, Refused, refuse
from dragoman.projection.queries.snapshot import instant
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.text import sentence
from dragoman_schemas.fields import or_default
from dragoman_schemas.host_responses import (
    IssuedToken,
    NewSubject,
    NewToken,
    SubjectView,
    TokenView,
)
from dragoman_schemas.state import Registry

log = structlog.get_logger()


def operator(call: ApiRequest[Any]) -> Service:
    """Return the service, for its operator alone. Raises `Refused`."""
    if not call.grant.is_operator:
        raise refuse("not-permitted", "Only the operator opens channels and issues tokens.")
    return call.service


async def tokens_of(service: Service) -> tuple[TokenView, ...]:
    """Return the tokens in force, the oldest first."""
    names = _names(service)
    return tuple(_token_view(grant, names) for grant in await service.access.listed())


def _names(service: Service) -> dict[str, str]:
    return {p.registry.cid: p.name for p in service.channels.values() if p.is_channel}


def _token_view(grant: Grant, names: dict[str, str]) -> TokenView:
    return TokenView(
        id=grant.id,
        actor=grant.actor,
        channels=tuple(names.get(cid, cid) for cid in grant.channels),
        issued=grant.issued,
        label=grant.label,
        scope=grant.scope,
        expires=stamp(datetime.fromtimestamp(grant.expires, UTC)) if grant.expires else "",
    )


async def issue(service: Service, new: NewToken, key: str = "") -> IssuedToken:
    """Return a new token. Of a form that was sent before, by its key, the token itself is not known any more, and empty. Raises `Refused`."""
    grants = [grant for grant in await service.access.listed() if key and grant.key == key]
    if grants:
        return _issued("", grants[0], _names(service))
    channels = _channels(service, new.actor, new.channels)
    label = or_default(new.label, "")
    expires = (
        0.0 if isinstance(new.expires, UnsetType) else instant("expires", new.expires).timestamp()
    )
    if expires and expires <= time.time():
        raise refuse("invalid", "`expires` is over already; name a time to come, or leave it out.")
    issued = stamp(service.now())
    token, grant = await service.access.issue(
        new.actor,
        tuple(channels.values()),
        issued=issued,
        label=label,
        scope=new.scope,
        expires=expires,
        key=key,
    )
    log.info(
        "token.issued",
        token_id=grant.id,
        actor=grant.actor,
        channels=[*channels],
        scope=grant.scope,
    )
    return _issued(token, grant, {cid: name for name, cid in channels.items()})


def _issued(token: str, grant: Grant, names: dict[str, str]) -> IssuedToken:
    view = _token_view(grant, names)
    return IssuedToken(
        token=token, **{name: getattr(view, name) for name in view.__struct_fields__}
    )


def _channels(service: Service, actor: str, texts: tuple[str, ...]) -> dict[str, str]:
    """Return the channels in which an officer gets a grant, by name, with their cids; the only one where none is named. Raises `Refused`.

    An officer of the same name in another channel may be somebody else, even in one
    that was opened as an exercise of this one: the operator says which are meant.
    """
    where = {
        p.name: p.registry.cid
        for p in service.channels.values()
        if p.is_channel and _is_known(p.registry, actor)
    }
    if not where or any(name not in where for name in texts):
        known = ", ".join(sorted(where)) or sentence("no channel")
        raise refuse(
            "invalid",
            "%(actor)s is an officer in %(channels)s; an administrator of the side enters officers.",
            actor=actor,
            channels=known,
        )
    if not texts and len(where) > 1:
        detail = sentence(
            "%(actor)s is an officer in several channels, perhaps not the same person: %(channels)s. Name those that are meant.",
            actor=actor,
            channels=", ".join(sorted(where)),
        )
        raise Refused(
            Refusal(
                kind="invalid",
                detail=detail,
                faults=(FieldFault(pointer="/channels", detail=detail),),
            )
        )
    return {name: where[name] for name in texts or where}


def _is_known(registry: Registry, actor: str) -> bool:
    """Return whether an actor is, or was, an officer there; or the root of a side that keeps its own keys."""
    return actor in registry.officers or rules.may_read(registry, actor) is None


async def revoke(service: Service, id: str) -> bool:
    """Revoke a token; False where there is none of that id."""
    if not await service.access.revoke(id):
        return False
    log.info("token.revoked", token_id=id)
    return True


# The subjects of an OIDC provider


async def subjects_of(service: Service) -> tuple[SubjectView, ...]:
    """Return the subjects that are mapped to officers, the oldest first."""
    names = _names(service)
    return tuple(_subject_view(grant, names) for grant in await service.access.listed("subject"))


def _subject_view(grant: Grant, names: dict[str, str]) -> SubjectView:
    return SubjectView(
        id=grant.id,
        subject=grant.subject,
        actor=grant.actor,
        channels=tuple(names.get(cid, cid) for cid in grant.channels),
        issued=grant.issued,
        scope=grant.scope,
    )


async def map_new(service: Service, new: NewSubject) -> SubjectView:
    """Map a subject to an officer, in place of whom it was mapped to before. Raises `Refused`."""
    channels = _channels(service, new.actor, new.channels)
    if not service.issuer:
        raise refuse(
            "invalid", "No OIDC provider is set here: name it in the settings, as oidc.issuer."
        )
    grant = await service.access.map(
        service.issuer,
        new.subject,
        new.actor,
        tuple(channels.values()),
        issued=stamp(service.now()),
        scope=new.scope,
    )
    log.info(
        "subject.mapped",
        subject_id=grant.id,
        actor=grant.actor,
        channels=[*channels],
        scope=grant.scope,
    )
    return _subject_view(grant, {cid: name for name, cid in channels.items()})


async def forget(service: Service, id: str) -> bool:
    """Forget a subject; False where there is none of that id."""
    if not await service.access.revoke(id, "subject"):
        return False
    log.info("subject.forgotten", subject_id=id)
    return True

"""Tokens, and subjects of an OIDC provider, over HTTP.

The operator issues, lists and revokes tokens. The operator also maps the subjects of an
OIDC provider to officers.
"""

import time
from datetime import UTC, datetime
from typing import Any

import structlog
from msgspec import UnsetType

from dragoman.application.clock import stamp
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
    """Return the service, if the caller is its operator. Raises `Refused`."""
    if not call.grant.is_operator:
        raise refuse("not-permitted", "Only the operator opens channels and issues tokens.")
    return call.service


async def tokens_of(service: Service) -> tuple[TokenView, ...]:
    """Return the tokens in force, oldest first."""
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
    """Issue a new token, and return it. Raises `Refused`.

    If a form with the same key was sent before, the token itself is empty, because it
    is not stored.
    """
    grants = [grant for grant in await service.access.listed() if key and grant.key == key]
    if grants:
        return _issued("", grants[0], _names(service))
    channels = _channels(service, new.actor, new.channels)
    label = or_default(new.label, "")
    expires = (
        0.0 if isinstance(new.expires, UnsetType) else instant("expires", new.expires).timestamp()
    )
    if expires and expires <= time.time():
        raise refuse("invalid", "`expires` is in the past; give a future time, or leave it out.")
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


def _channels(service: Service, actor: str, names: tuple[str, ...]) -> dict[str, str]:
    """Return the channels in which an officer gets a grant: cids by name.

    Without names it is the only channel of that officer. Raises `Refused`.

    In another channel an officer of the same name may be another person. That is so
    even in an exercise of this channel. The operator therefore says which channels are
    meant.
    """
    cids = {
        p.name: p.registry.cid
        for p in service.channels.values()
        if p.is_channel and _is_known(p.registry, actor)
    }
    if not cids or any(name not in cids for name in names):
        channels = ", ".join(sorted(cids)) or sentence("no channel")
        raise refuse(
            "invalid",
            "%(actor)s is an officer in %(channels)s; an administrator of the side enters "
            "officers.",
            actor=actor,
            channels=channels,
        )
    if not names and len(cids) > 1:
        detail = sentence(
            "%(actor)s is an officer in several channels, perhaps not the same person: "
            "%(channels)s. Name those that are meant.",
            actor=actor,
            channels=", ".join(sorted(cids)),
        )
        raise Refused(
            Refusal(
                kind="invalid",
                detail=detail,
                faults=(FieldFault(pointer="/channels", detail=detail),),
            )
        )
    return {name: cids[name] for name in names or cids}


def _is_known(registry: Registry, actor: str) -> bool:
    """Return whether an actor is or was an officer of a channel, or is its root.

    A root may read a channel whose sides keep their own keys.
    """
    return actor in registry.officers or rules.may_read(registry, actor) is None


async def revoke(service: Service, id: str) -> bool:
    """Revoke a token. Return False if there is no token with that id."""
    if not await service.access.revoke(id):
        return False
    log.info("token.revoked", token_id=id)
    return True


# The subjects of an OIDC provider


async def subjects_of(service: Service) -> tuple[SubjectView, ...]:
    """Return the subjects that are mapped to officers, oldest first."""
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
    """Map a subject to an officer, and replace its earlier mapping.

    Raises `Refused`.
    """
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
    """Delete the mapping of a subject. Return False if the id has no mapping."""
    if not await service.access.revoke(id, "subject"):
        return False
    log.info("subject.forgotten", subject_id=id)
    return True

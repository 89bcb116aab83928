"""Tokens, and subjects of an OIDC provider, over HTTP.

The operator issues, lists and revokes tokens. The operator also maps the subjects of an
OIDC provider to officers.
"""

import time
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from msgspec import UnsetType

from dragoman.application.clock import stamp
from dragoman.application.http.request import ApiRequest
from dragoman.application.operations.grant_scope import scope_of
from dragoman.application.service import Service
from dragoman.domain.record.errors import refuse
from dragoman.projection.moments import instant
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.fields import or_default
from dragoman_schemas.host_responses import (
    IssuedToken,
    NewSubject,
    NewToken,
    SubjectView,
    TokenView,
)

log = structlog.get_logger()

WARNED_DAYS: Final = 14
"""Days before the end of a token in which its owner is warned."""

_DAY_SECONDS: Final = 86_400


def operator(call: ApiRequest[Any]) -> Service:
    """Return the service, if the caller is its operator. Raises `Refused`."""
    if not call.grant.is_operator:
        raise refuse("not-permitted", "Only the operator opens channels and issues tokens.")
    return call.service


async def tokens_of(service: Service) -> tuple[TokenView, ...]:
    """Return the tokens in force, oldest first."""
    names, now = _names(service), time.time()
    return tuple(
        _token_view(grant, names)
        for grant in await service.access.listed()
        if not grant.expires or grant.expires > now
    )


def end_of(grant: Grant) -> str:
    """Return the time at which a grant ends; empty if it never ends."""
    return stamp(datetime.fromtimestamp(grant.expires, UTC)) if grant.expires else ""


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
        expires=end_of(grant),
        identity=grant.identity,
    )


async def issue(service: Service, new: NewToken, key: str = "") -> IssuedToken:
    """Issue a new token, and return it. Raises `Refused`.

    If a form with the same key was sent before, the token itself is empty, because it
    is not stored.
    """
    grants = [grant for grant in await service.access.listed() if key and grant.key == key]
    if grants:
        return _issued("", grants[0], _names(service))
    scope = scope_of(service, new.actor, new.channels, new.identity, wherever=new.wherever)
    label = or_default(new.label, "")
    expires = _expiry(service, new.expires)
    issued = stamp(service.now())
    token, grant = await service.access.issue(
        Grant(
            actor=new.actor,
            channels=tuple(scope.channels.values()),
            identity=scope.identity,
            issued=issued,
            label=label,
            scope=new.scope,
            expires=expires,
            key=key,
        )
    )
    log.info(
        "token.issued",
        token_id=grant.id,
        actor=grant.actor,
        channels=[*scope.channels],
        identity=scope.identity,
        scope=grant.scope,
    )
    return _issued(token, grant, {cid: name for name, cid in scope.channels.items()})


def _expiry(service: Service, expires: str | UnsetType) -> float:
    """Return the end of a new token in Unix seconds; 0 if it never ends.

    Raises `Refused` if the request names another end than the settings allow.
    """
    now, life = time.time(), service.token_life
    latest = now + life.longest_days * _DAY_SECONDS
    if isinstance(expires, UnsetType):
        ends = now + life.default_days * _DAY_SECONDS if life.default_days else 0.0
        return min(ends or latest, latest) if life.longest_days else ends
    ends = instant("expires", expires).timestamp()
    if ends <= now:
        raise refuse("invalid", "`expires` is in the past; give a future time, or leave it out.")
    if life.longest_days and ends > latest:
        raise refuse(
            "invalid",
            "`expires` is too late; a token ends after %(days)s days at most on this host.",
            days=life.longest_days,
        )
    return ends


def ends_soon(expires: float, now: float) -> bool:
    """Return whether a token ends within `WARNED_DAYS`; 0 means that it never ends."""
    return now < expires < now + WARNED_DAYS * _DAY_SECONDS


def is_ending(token: TokenView) -> bool:
    """Return whether a token in a list ends soon."""
    ends = datetime.fromisoformat(token.expires).timestamp() if token.expires else 0.0
    return ends_soon(ends, time.time())


def _issued(token: str, grant: Grant, names: dict[str, str]) -> IssuedToken:
    view = _token_view(grant, names)
    return IssuedToken(
        token=token, **{name: getattr(view, name) for name in view.__struct_fields__}
    )


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
        identity=grant.identity,
    )


async def map_new(service: Service, new: NewSubject) -> SubjectView:
    """Map a subject to an officer, and replace its earlier mapping.

    Raises `Refused`.
    """
    scope = scope_of(service, new.actor, new.channels, new.identity, wherever=new.wherever)
    if not service.issuer:
        raise refuse(
            "invalid", "No OIDC provider is set here: name it in the settings, as oidc.issuer."
        )
    grant = await service.access.map(
        service.issuer,
        Grant(
            subject=new.subject,
            actor=new.actor,
            channels=tuple(scope.channels.values()),
            identity=scope.identity,
            issued=stamp(service.now()),
            scope=new.scope,
        ),
    )
    log.info(
        "subject.mapped",
        subject_id=grant.id,
        actor=grant.actor,
        channels=[*scope.channels],
        identity=scope.identity,
        scope=grant.scope,
    )
    return _subject_view(grant, {cid: name for name, cid in scope.channels.items()})


async def forget(service: Service, id: str) -> bool:
    """Delete the mapping of a subject. Return False if the id has no mapping."""
    if not await service.access.revoke(id, "subject"):
        return False
    log.info("subject.forgotten", subject_id=id)
    return True

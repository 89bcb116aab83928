"""An officer's own sessions and tokens: list them, and end sessions.

Sessions end on every gateway within a second, with their streams. A token goes on, and
opens other sessions, until the operator revokes it.
"""

import time
from collections.abc import Collection
from datetime import UTC, datetime

import structlog

from dragoman.application.clock import stamp
from dragoman.application.operations.access_tokens import end_of, ends_soon
from dragoman.application.service import Service
from dragoman.stores.tokens_and_sessions import Grant, PageSession
from dragoman_schemas.host_responses import OwnSession, OwnSessions, OwnToken

log = structlog.get_logger()


async def own_sessions(service: Service, grant: Grant, current: str = "") -> OwnSessions:
    """Return an officer's sessions and tokens in force, the newest first.

    `current` is the id of the session that asks, if a session does.
    """
    access, now = service.access, time.time()
    tokens = await access.own_tokens(grant, now)
    return OwnSessions(
        actor=grant.actor,
        sessions=tuple(
            _session_view(id, session, granted, current=id == current)
            for id, session, granted in access.own_sessions(grant, now)
        ),
        tokens=tuple(
            OwnToken(
                id=token.id,
                label=token.label,
                scope=token.scope,
                issued=token.issued,
                expires=end_of(token),
                ends_soon=ends_soon(token.expires, now),
            )
            for token in tokens
        ),
    )


def _session_view(id: str, session: PageSession, grant: Grant, *, current: bool) -> OwnSession:
    return OwnSession(
        id=id,
        current=current,
        began=_written(session.begun),
        used=_written(session.used),
        ends=_written(min(session.expires, grant.expires or session.expires)),
        browser=session.browser,
        system=session.system,
        by="provider" if session.subject else "token",
        grant=grant.id,
        label=grant.label,
    )


def _written(seconds: float) -> str:
    return stamp(datetime.fromtimestamp(seconds, UTC)) if seconds else ""


async def end_sessions(service: Service, grant: Grant, ids: Collection[str]) -> int:
    """End an officer's own sessions by their ids; return how many ended."""
    count = await service.access.end_sessions(grant, ids, time.time())
    if count:
        log.info("session.ended", actor=grant.actor, token_id=grant.id, count=count)
    return count

"""Routes of tokens, of subjects of an OIDC provider, and of own sessions."""

from typing import Any, Final

from aiohttp import web

from dragoman.api import examples
from dragoman.api.routing import May, Route
from dragoman.application.http.paging import PageQuery, page
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.operations.access_tokens import (
    forget,
    issue,
    map_new,
    operator,
    revoke,
    subjects_of,
    tokens_of,
)
from dragoman.application.operations.own_sessions import end_sessions, own_sessions
from dragoman.domain.record.errors import refuse
from dragoman.stores.tokens_and_sessions import session_id
from dragoman_schemas.host_responses import (
    IssuedToken,
    NewSubject,
    NewToken,
    OwnSessions,
    Subjects,
    SubjectView,
    Tokens,
)


async def list_tokens(call: ApiRequest[PageQuery]) -> ApiAnswer:
    """Return the tokens in force, oldest first."""
    tokens, following, headers = page(
        call,
        call.query,
        await tokens_of(operator(call)),
        lambda token: f"{token.issued} {token.id}",
    )
    return ApiReply(body=Tokens(tokens=tokens, next=following), headers=headers)


async def issue_token(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Issue a token."""
    service = operator(call)
    issued = await issue(service, await call.decoded(NewToken))
    return ApiReply(
        body=issued,
        status=201,
        headers={"Location": f"/v1/tokens/{issued.id}", "Cache-Control": "no-store"},
    )


async def revoke_token(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Revoke a token."""
    if not await revoke(operator(call), call.path("id")):
        raise refuse("not-found", "There is no token of that id; GET /v1/tokens lists them.")
    return web.Response(status=204)


async def list_subjects(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the OIDC subjects that are mapped to officers."""
    return ApiReply(body=Subjects(subjects=await subjects_of(operator(call))))


async def map_subject(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Map an OIDC subject to an officer."""
    mapped = await map_new(operator(call), await call.decoded(NewSubject))
    return ApiReply(body=mapped, status=201, headers={"Location": f"/v1/subjects/{mapped.id}"})


async def forget_subject(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Delete the mapping of an OIDC subject."""
    if not await forget(operator(call), call.path("subject")):
        raise refuse("not-found", "There is no subject of that id; GET /v1/subjects lists them.")
    return web.Response(status=204)


async def list_sessions(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the caller's own sessions of the pages, and tokens."""
    session = call.request.get("session", "")
    current = session_id(session) if session else ""
    return ApiReply(body=await own_sessions(call.service, call.grant, current))


async def end_all_sessions(call: ApiRequest[NoBody]) -> ApiAnswer:
    """End all of the caller's own sessions of the pages."""
    view = await own_sessions(call.service, call.grant)
    await end_sessions(call.service, call.grant, {session.id for session in view.sessions})
    return web.Response(status=204)


async def end_session(call: ApiRequest[NoBody]) -> ApiAnswer:
    """End one of the caller's own sessions; one that has ended is no error."""
    await end_sessions(call.service, call.grant, {call.path("session")})
    return web.Response(status=204)


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        "/v1/me/sessions",
        list_sessions,
        "The caller's own sessions of the pages, and tokens",
        NoBody,
        {200: OwnSessions},
        may=May.CALLER,
    ),
    Route(
        "DELETE",
        "/v1/me/sessions",
        end_all_sessions,
        "End all of the caller's own sessions of the pages",
        NoBody,
        {204: None},
        may=May.CALLER,
    ),
    Route(
        "DELETE",
        "/v1/me/sessions/{session}",
        end_session,
        "End one of the caller's own sessions of the pages",
        NoBody,
        {204: None},
        may=May.CALLER,
    ),
    Route(
        "GET",
        "/v1/tokens",
        list_tokens,
        "The tokens in force",
        PageQuery,
        {200: Tokens},
        may=May.OPERATOR,
        answer_headers=("Link",),
    ),
    Route(
        "POST",
        "/v1/tokens",
        issue_token,
        "Issue a token",
        NoBody,
        {201: IssuedToken},
        takes=NewToken,
        example=examples.TOKEN,
        may=May.OPERATOR,
    ),
    Route(
        "DELETE",
        "/v1/tokens/{id}",
        revoke_token,
        "Revoke a token",
        NoBody,
        {204: None},
        may=May.OPERATOR,
    ),
    Route(
        "GET",
        "/v1/subjects",
        list_subjects,
        "The OIDC subjects that are mapped to officers",
        NoBody,
        {200: Subjects},
        may=May.OPERATOR,
    ),
    Route(
        "POST",
        "/v1/subjects",
        map_subject,
        "Map an OIDC subject to an officer",
        NoBody,
        {201: SubjectView},
        takes=NewSubject,
        example=examples.SUBJECT,
        may=May.OPERATOR,
    ),
    Route(
        "DELETE",
        "/v1/subjects/{subject}",
        forget_subject,
        "Delete the mapping of an OIDC subject",
        NoBody,
        {204: None},
        may=May.OPERATOR,
    ),
)

"""Routes of drafts."""

from typing import Any, Final

from aiohttp import web

from dragoman.api import examples
from dragoman.api.routing import CHANNEL, May, Route
from dragoman.application.http import submission
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.operations.drafts import (
    NO_SUCH_DRAFT,
    change,
    check_draft,
    draft_reply,
    drafting_officer,
    drop,
    keep_new,
    listed,
    release,
)
from dragoman.domain.record.errors import Refusal, Refused
from dragoman.stores.drafts import Draft
from dragoman_schemas.responses import (
    Drafts,
    DraftView,
    NewDraft,
    Recorded,
)


async def found(call: ApiRequest[Any]) -> Draft:
    """Return the draft in the path, which must be of the caller's own side.

    Raises `Refused`.
    """
    projection, actor = drafting_officer(call)
    draft = await call.service.drafts.find(
        projection.registry.cid, actor.partition("/")[0], call.path("draft")
    )
    if draft is None:
        raise Refused(Refusal(kind="not-found", detail=NO_SUCH_DRAFT))
    return draft


async def list_drafts(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the drafts of the caller's side."""
    return ApiReply(body=await listed(call), headers={"Cache-Control": "no-store"})


async def new_draft(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Keep a new draft."""
    return await keep_new(call, await call.decoded(NewDraft), 201)


async def show_draft(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return a draft."""
    projection, _ = drafting_officer(call)
    return draft_reply(projection, await found(call))


async def change_draft(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Change a draft."""
    drafting_officer(call)
    # An invalid draft is refused before If-Match is compared (RFC 9110 §13.2.1).
    new = await call.decoded(NewDraft)
    check_draft(new.act)
    return await change(call, new, await found(call), submission.if_match(call.request))


async def drop_draft(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Delete a draft."""
    await drop(call, await found(call), submission.if_match(call.request))
    return web.Response(status=204)


async def release_draft(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Release a draft."""
    return await release(call, submission.if_match(call.request))


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/drafts",
        list_drafts,
        "The drafts of the caller's side",
        NoBody,
        {200: Drafts},
        may=May.OWN_OFFICERS,
    ),
    Route(
        "POST",
        f"{CHANNEL}/drafts",
        new_draft,
        "Draft an act",
        NoBody,
        {201: DraftView},
        takes=NewDraft,
        example=examples.DRAFT,
        headers=("Idempotency-Key",),
        may=May.OWN_OFFICERS,
        refusals=("no-room",),
    ),
    Route(
        "GET",
        f"{CHANNEL}/drafts/{{draft}}",
        show_draft,
        "A draft",
        NoBody,
        {200: DraftView},
        may=May.OWN_OFFICERS,
    ),
    Route(
        "PUT",
        f"{CHANNEL}/drafts/{{draft}}",
        change_draft,
        "Change a draft",
        NoBody,
        {200: DraftView},
        takes=NewDraft,
        example=examples.DRAFT,
        headers=("If-Match",),
        may=May.OWN_OFFICERS,
    ),
    Route(
        "DELETE",
        f"{CHANNEL}/drafts/{{draft}}",
        drop_draft,
        "Delete a draft",
        NoBody,
        {204: None},
        headers=("If-Match",),
        may=May.OWN_OFFICERS,
    ),
    Route(
        "POST",
        f"{CHANNEL}/drafts/{{draft}}/release",
        release_draft,
        "Release a draft",
        NoBody,
        {201: Recorded},
        headers=("If-Match", "Dragoman-Min-Position", "Prefer"),
        may=May.OWN_OFFICERS,
    ),
)

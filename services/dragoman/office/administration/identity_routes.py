"""Routes of the identities of sides on this host."""

from typing import Any, Final

from dragoman.api import examples
from dragoman.api.routing import May, Route
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.office.administration import identities
from dragoman_schemas.identity_responses import IdentityList, IdentityView, NewIdentity


async def list_identities(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the identities that the caller may see."""
    return ApiReply(body=await identities.identities(call))


async def show_identity(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return an identity with its channels."""
    return ApiReply(body=await identities.identity(call, call.path("identity")))


async def enter_identity(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Make or change an identity."""
    new = await call.decoded(NewIdentity)
    return ApiReply(body=await identities.enter(call, call.path("identity"), new))


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        "/v1/identities",
        list_identities,
        "The identities of sides on this host",
        NoBody,
        {200: IdentityList},
        may=May.CALLER,
    ),
    Route(
        "GET",
        "/v1/identities/{identity}",
        show_identity,
        "An identity with its channels",
        NoBody,
        {200: IdentityView},
        may=May.CALLER,
    ),
    Route(
        "PUT",
        "/v1/identities/{identity}",
        enter_identity,
        "Make or change an identity",
        NoBody,
        {200: IdentityView},
        takes=NewIdentity,
        example=examples.IDENTITY,
        may=May.CALLER,
    ),
)

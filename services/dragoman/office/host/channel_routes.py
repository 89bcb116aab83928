"""Routes of the caller and of channels."""

from typing import Any, Final

from dragoman.api import examples
from dragoman.api.routing import CHANNEL, POST_HEADERS, May, Route
from dragoman.application.http.conditional_requests import headers_of
from dragoman.application.http.paging import PageQuery, page
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.http.submission import act_of, reply_of, signatures_of
from dragoman.application.operations import (
    access_tokens,
)
from dragoman.domain.decide import Submission
from dragoman.domain.record.errors import refuse
from dragoman.office.host.channel_view import view_of
from dragoman_schemas.act_frame import Signed
from dragoman_schemas.acts.office.channel import LogHandover
from dragoman_schemas.host_responses import (
    Channels,
    ChannelView,
    Me,
    NewChannel,
    Opening,
    OpeningTerms,
)
from dragoman_schemas.responses import Recorded


async def me(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the officer of the caller's token, with roles and channels."""
    grant, service = call.grant, call.service
    visible = service.visible(grant)
    roles = {
        projection.name: projection.registry.officers[grant.actor].roles
        for projection in visible
        if grant.actor in projection.registry.officers
    }
    return ApiReply(
        body=Me(
            actor=grant.actor,
            roles={name: tuple(role) for name, role in roles.items()},
            channels=tuple(p.name for p in visible),
            expires=access_tokens.end_of(grant),
        )
    )


async def list_channels(call: ApiRequest[PageQuery]) -> ApiAnswer:
    """Return the channels that the caller may see, by name."""
    shown, following, headers = page(
        call, call.query, call.service.visible(call.grant), lambda projection: projection.name
    )
    channels = tuple(view_of(projection) for projection in shown)
    return ApiReply(body=Channels(channels=channels, next=following), headers=headers)


async def show_channel(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return a channel."""
    service, grant, name = call.service, call.grant, call.path("channel")
    projection = service.channels.get(name) if grant.is_operator else service.channel(grant, name)
    if projection is None or not projection.is_channel:
        raise refuse("not-found", "There is no channel %(channel)s.", channel=name[:63])
    return ApiReply(
        body=view_of(projection), headers=headers_of(call, projection, projection.state.position)
    )


async def new_channel(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Open a trial channel."""
    service = access_tokens.operator(call)
    projection = await service.openings.open_trial(await call.decoded(NewChannel))
    return ApiReply(
        body=view_of(projection),
        status=201,
        headers={"Location": f"/v1/channels/{projection.name}"},
    )


async def show_terms(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the values that this host puts into an opening."""
    return ApiReply(body=await access_tokens.operator(call).openings.terms(call.path("channel")))


async def open_channel(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Open a channel whose sides keep their own keys."""
    service = access_tokens.operator(call)
    projection = await service.openings.open_signed(await call.decoded(Opening))
    return ApiReply(
        body=view_of(projection),
        status=201,
        headers={"Location": f"/v1/channels/{projection.name}"},
    )


async def hand_over(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Record a handover of the log at its new host, which every side has signed."""
    service, name = access_tokens.operator(call), call.path("channel")
    projection = service.channels.get(name)
    if projection is None or not projection.is_channel:
        raise refuse("not-found", "There is no channel %(channel)s.", channel=name[:63])
    signatures = signatures_of(call.request)
    act, data = await act_of(call, projection, await call.body(), signatures)
    if not isinstance(data, LogHandover) or not isinstance(data.signed, Signed):
        raise refuse("invalid", "Only a signed handover of the log is recorded here.")
    signed = data.signed
    submission = Submission(
        actor=signed.author,
        act=act,
        data=data,
        signatures=signatures,
        id=signed.id,
        family="channel",
    )
    return await reply_of(
        call, projection, await service.command_handler.post(projection, submission)
    )


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        "/v1/me",
        me,
        "The officer of the token, with roles and channels",
        NoBody,
        {200: Me},
        may=May.CALLER,
    ),
    Route(
        "GET",
        "/v1/channels",
        list_channels,
        "The channels that the caller may see",
        PageQuery,
        {200: Channels},
        may=May.CALLER,
        answer_headers=("Link",),
    ),
    Route(
        "POST",
        "/v1/channels",
        new_channel,
        "Open a trial channel",
        NoBody,
        {201: ChannelView},
        takes=NewChannel,
        example=examples.CHANNEL,
        may=May.OPERATOR,
    ),
    Route(
        "POST",
        "/v1/openings",
        open_channel,
        "Open a channel whose sides keep their own keys",
        NoBody,
        {201: ChannelView},
        takes=Opening,
        example=examples.OPENING,
        may=May.OPERATOR,
    ),
    Route(
        "POST",
        f"{CHANNEL}/handovers",
        hand_over,
        "Record a handover of the log at its new host",
        NoBody,
        {201: Recorded},
        takes="act",
        headers=POST_HEADERS,
        example=examples.HANDOVER,
        may=May.OPERATOR,
    ),
    Route(
        "GET",
        "/v1/openings/{channel}",
        show_terms,
        "The values that this host puts into an opening",
        NoBody,
        {200: OpeningTerms},
        may=May.OPERATOR,
    ),
    Route(
        "GET",
        CHANNEL,
        show_channel,
        "A channel",
        NoBody,
        {200: ChannelView},
        may=May.MEMBER_OR_OPERATOR,
        answer_headers=("Dragoman-Position",),
    ),
)

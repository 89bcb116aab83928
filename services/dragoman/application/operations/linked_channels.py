"""Links between a shared channel and the internal channel of a side (its desk).

Only that side sees them.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from dragoman.application.http.request import ApiRequest
from dragoman.application.http.submission import in_thread
from dragoman.application.service import Service
from dragoman.projection.projection import Projection
from dragoman.projection.queries import dialogue
from dragoman.projection.store import Store
from dragoman.projection.view import queried
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.responses import ChannelLink, ExchangeView
from dragoman_schemas.state import decode_exchange


async def joined(call: ApiRequest[Any], projection: Projection, view: ExchangeView) -> ExchangeView:
    """Return an exchange's view with links to or from the desk of the reader's side.

    An exchange of a shared channel gets the desk's exchanges about it. An exchange of a
    desk gets the exchange that it is about.
    """
    service, grant = call.service, call.grant
    channels = _others(service, grant, projection)
    if not channels:
        return view
    state = decode_exchange(bytes(view.state))
    if projection.registry.kind != "desk":
        targets = (state.id, state.number)
        return replace(
            view, desk=await in_thread(call, _referring, service.store, channels, targets)
        )
    if "about" not in state.content:
        return view
    target = str(msgspec.json.decode(state.content["about"]))
    return replace(view, about=await in_thread(call, _named, service.store, channels, target))


def _others(service: Service, grant: Grant, projection: Projection) -> tuple[str, ...]:
    """Return the desks of the reader's side, or from a desk the other channels."""
    is_desk = projection.registry.kind == "desk"
    return tuple(
        other.name for other in service.visible(grant) if (other.registry.kind == "desk") != is_desk
    )


def _referring(
    store: Store, channels: tuple[str, ...], targets: tuple[str, str]
) -> tuple[ChannelLink, ...]:
    return tuple(
        link
        for channel in channels
        for link in queried(store, channel, dialogue.referring, targets)
    )


def _named(store: Store, channels: tuple[str, ...], target: str) -> ChannelLink | None:
    every = (
        link for channel in channels for link in queried(store, channel, dialogue.named, target)
    )
    return next(every, None)

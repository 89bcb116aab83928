"""What a side's own desk has to do with a matter of a shared channel, and the other way round: seen by that side alone."""

from typing import Any

import msgspec
from msgspec.structs import replace

from dragoman.application.http.request import ApiRequest
from dragoman.application.http.submission import in_thread
from dragoman.application.service import Service
from dragoman.projection.projection import Projection
from dragoman.projection.queries import dialogue
from dragoman.projection.store import Store
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.responses import ChannelLink, ExchangeView
from dragoman_schemas.state import decode_exchange


async def joined(call: ApiRequest[Any], projection: Projection, view: ExchangeView) -> ExchangeView:
    """Return an exchange's view with what the reader's desk has about it; of a desk's exchange, with what it is about."""
    service, grant = call.service, call.grant
    names = _others(service, grant, projection)
    if not names:
        return view
    state = decode_exchange(bytes(view.state))
    if projection.registry.kind != "desk":
        result = await in_thread(
            call, dialogue.referring, service.store, names, (state.id, state.number)
        )
        return replace(view, desk=result)
    if "about" not in state.content:
        return view
    target = str(msgspec.json.decode(state.content["about"]))
    return replace(view, about=await in_thread(call, _named, service.store, names, target))


def _others(service: Service, grant: Grant, projection: Projection) -> tuple[str, ...]:
    """Return the desks of the reader's side, or from a desk the channels that are none."""
    desk = projection.registry.kind == "desk"
    return tuple(
        other.name for other in service.visible(grant) if (other.registry.kind == "desk") != desk
    )


def _named(store: Store, channels: tuple[str, ...], target: str) -> ChannelLink | None:
    return next(iter(dialogue.named(store, channels, target)), None)

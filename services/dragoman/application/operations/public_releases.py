"""What the sides have made public together, given to anybody: the list of releases, and each as a bundle that proves itself.

    GET /v1/releases                        every release that is public on this host
    GET /v1/releases/{channel}/{exchange}   its bundle (schemas/dragoman_schemas/release_bundle.py)

A release that is not public yet, or that there is not, is the same 404: nobody learns
from here what the sides are about to say. Nor is one given out of which an extract is
not what is left of its record: the sides agreed to words that there are not.
"""

import time
from datetime import datetime
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import UNSET

from dragoman.application.http.request import ApiRequest
from dragoman.application.http.submission import in_thread
from dragoman.application.service import Service
from dragoman.domain.acts.families import release
from dragoman.domain.record.errors import refuse
from dragoman.projection.projection import Projection
from dragoman.projection.queries import dialogue
from dragoman_schemas.acts.dialogue.release import ReleasedRecord
from dragoman_schemas.release_bundle import Bundle, Published
from dragoman_schemas.state import Exchange

_KEPT_SECONDS: Final = 30.0
"""How long a bundle is given out as it was made: making one costs a proof for each
record, and anybody may ask.
"""


KEPT: Final = web.AppKey("bundles", dict[tuple[str, str], tuple[float, Bundle]])
"""Bundles that were made lately, by channel and release, with the moment until which
they are given out.
"""

LIST: Final = web.AppKey(
    "releases", dict[str, tuple[float, tuple[int, ...], tuple[Published, ...]]]
)
"""The list of releases as it was made lately: until which moment it is given out, at
which positions of the channels, and its rows.
"""


async def listed(call: ApiRequest[Any]) -> tuple[Published, ...]:
    """Return the releases that are public on this host, newest first. One whose time has come may be missing for half a minute."""
    service, kept, now = call.service, call.request.app[LIST], time.monotonic()
    positions = tuple(channel.flushed for channel in service.channels.values())
    until, as_of, rows = kept.get("", (0.0, (), ()))
    if until < now or as_of != positions:
        result = await in_thread(call, public_on, service)
        rows = tuple(
            sorted(
                (_published(value, state) for value, state in result),
                key=lambda item: item.published,
                reverse=True,
            )
        )
        kept[""] = now + _KEPT_SECONDS, positions, rows
    return rows


def public_on(service: Service) -> list[tuple[Projection, Exchange]]:
    """Return the releases that are public in every channel of a service."""
    live = [channel for channel in service.channels.values() if channel.is_channel]
    every = (
        (projection, state)
        for projection in live
        for state in dialogue.releases(service.store, projection.name)
    )
    return [
        (projection, state)
        for projection, state in every
        if _is_given(projection, state, service.now())
    ]


def _is_given(projection: Projection, state: Exchange, now: datetime) -> bool:
    return release.is_public(state, now) and all(
        fits(projection, item) for item in release.records_of(state)
    )


def fits(projection: Projection, item: ReleasedRecord) -> bool:
    """Return whether what a release says of a record is so; of one that every side has erased since, nothing is said."""
    if item.extract is UNSET:
        return True  # the fold has held its commitment against the log
    position = projection.posted(item.record)
    record = None if position is None else projection.record_at(position)
    return record is None or not record.act or release.fits(item, record)


def _published(projection: Projection, state: Exchange) -> Published:
    where = f"{projection.name}/{state.id}"
    return Published(
        channel=projection.name,
        release=state.id,
        number=state.number,
        sides=tuple(side.name for side in projection.registry.sides),
        title=msgspec.json.decode(state.content["title"]),
        published=f"{release.publish_at(state):%Y-%m-%dT%H:%M:%SZ}",
        bundle=f"/v1/releases/{where}",
        page=f"/releases/{where}",
    )


async def found(call: ApiRequest[Any]) -> tuple[Projection, Exchange]:
    """Return the channel and the release that a path names. Raises `Refused` where it is not public."""
    service = call.service
    projection = service.channels.get(call.path("channel"))
    state = (
        None
        if projection is None or not projection.is_channel
        else projection.exchange(call.path("exchange"))
    )
    if (
        projection is None
        or state is None
        or not await in_thread(call, _is_given, projection, state, service.now())
    ):
        raise refuse("not-found", "Nothing is published here. GET /v1/releases lists what is.")
    return projection, state

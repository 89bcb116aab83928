"""Releases that the sides have published together, for anybody to read.

    GET /v1/releases                        every release that is public on this host
    GET /v1/releases/{channel}/{exchange}   its bundle, which proves itself
                                            (schemas/dragoman_schemas/release_bundle.py)

    GET /v1/channels/{channel}/releases/{exchange}/bundle
                                            the bundle of a release that is out, also
                                            for the members alone; only a member gets it

A release that is not public yet and one that does not exist give the same 404. Nobody
learns from here what the sides are about to say. A release with an extract that does
not match its record is not given out either: the sides agreed to words that are not
there.
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
from dragoman.projection.view import View, queried
from dragoman_schemas.acts.dialogue.release import ReleasedRecord
from dragoman_schemas.release_bundle import Bundle, Published
from dragoman_schemas.state import Exchange

BUNDLE_SECONDS: Final = 30.0
"""The time for which a bundle is given out again as it was made.

Making one costs a proof for each record, and anybody may ask.
"""


KEPT: Final = web.AppKey("bundles", dict[tuple[str, str], tuple[float, Bundle]])
"""Bundles that were made lately, by channel and release.

Each comes with the moment until which it is given out.
"""

LIST: Final = web.AppKey(
    "releases", dict[str, tuple[float, tuple[int, ...], tuple[Published, ...]]]
)
"""The list of releases as it was made lately.

It comes with the moment until which it is given out, and the positions of the channels.
"""


async def listed(call: ApiRequest[Any]) -> tuple[Published, ...]:
    """Return the releases that are public on this host, newest first.

    A release whose time has come may be missing for half a minute.
    """
    service, cache, now = call.service, call.request.app[LIST], time.monotonic()
    positions = tuple(channel.flushed for channel in service.channels.values())
    until, as_of, rows = cache.get("", (0.0, (), ()))
    if until < now or as_of != positions:
        result = await in_thread(call, public_on, service)
        rows = tuple(
            sorted(
                (_published(value, state) for value, state in result),
                key=lambda item: item.published,
                reverse=True,
            )
        )
        cache[""] = now + BUNDLE_SECONDS, positions, rows
    return rows


def public_on(service: Service) -> list[tuple[Projection, Exchange]]:
    """Return the releases that are public in every channel of a service."""
    live = [channel for channel in service.channels.values() if channel.is_channel]
    every = (
        (projection, state)
        for projection in live
        for state in queried(service.store, projection.name, View.states, "release")
    )
    return [
        (projection, state)
        for projection, state in every
        if _is_given(projection, state, service.now())
    ]


def _is_given(projection: Projection, state: Exchange, now: datetime) -> bool:
    return release.is_public(state, now) and _fits(projection, state)


def _is_given_to_members(projection: Projection, state: Exchange, now: datetime) -> bool:
    return release.is_out(state, now) and _fits(projection, state)


def _fits(projection: Projection, state: Exchange) -> bool:
    return all(fits(projection, item) for item in release.records_of(state))


def fits(projection: Projection, item: ReleasedRecord) -> bool:
    """Return whether a release describes a record correctly.

    Of a record that every side has erased since, nothing can be said: the answer is
    True.
    """
    if item.extract is UNSET:
        return True  # The fold has compared its commitment with the log.
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
    """Return the channel and the release in a path.

    Raises `Refused` if it is not public.
    """
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
        raise refuse(
            "not-found", "Nothing is published here. GET /v1/releases lists the published releases."
        )
    return projection, state


async def found_by_member(call: ApiRequest[Any]) -> tuple[Projection, Exchange]:
    """Return the channel and the release in a path, for a member of the channel.

    Raises `Refused` if the caller is no member, or if the release is not out.
    """
    projection = call.channel
    state = projection.exchange(call.path("exchange"))
    if state is None or not await in_thread(
        call, _is_given_to_members, projection, state, call.service.now()
    ):
        raise refuse(
            "not-found",
            "No release with that id is out. It is out once every side has consented and its "
            "time has come.",
        )
    return projection, state

"""What the sides have made public together, given to anybody: the list of releases, and each as a bundle that proves itself.

    GET /v1/releases                        every release that is public on this host
    GET /v1/releases/{channel}/{exchange}   its bundle (schemas/dragoman_schemas/release_bundle.py)

A release that is not public yet, or that there is not, is the same 404: nobody learns from here what the sides are about to say. Nor is
one given out of which an extract is not what is left of its record: the sides agreed to words that there are not.
"""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import UNSET

from dragoman.domain.acts import consent
from dragoman.domain.acts.families import release
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.record.codec import parse
from dragoman.domain.record.errors import Refusal, Refused
from dragoman.gateway import proofs
from dragoman.gateway.posting import in_thread, service_of
from dragoman.gateway.service import Service
from dragoman.gateway.typed import Answered, Call, Nothing, Reply
from dragoman.projection import dialogue
from dragoman.projection.projection import Projection
from dragoman.text import sentence
from dragoman.tlog import merkle
from dragoman.tlog.proof import Proof
from dragoman_schemas.acts.release import ReleasedRecord
from dragoman_schemas.release_bundle import Bundle, BundledRecord, Published, Releases
from dragoman_schemas.state import Exchange

_KEPT_SECONDS: Final = 30.0
"""How long a bundle is given out as it was made: making one costs a proof for each record, and anybody may ask."""

_MOST_KEPT: Final = 64
_OPENING: Final = frozenset({"channel-opening", "side-admission"})

KEPT: Final = web.AppKey("bundles", dict[tuple[str, str], tuple[float, Bundle]])
"""Bundles that were made lately, by channel and release, with the moment until which they are given out."""

LIST: Final = web.AppKey(
    "releases", dict[str, tuple[float, tuple[int, ...], tuple[Published, ...]]]
)
"""The list of releases as it was made lately: until which moment it is given out, at which positions of the channels, and its rows."""


async def list_releases(call: Call[Nothing]) -> Answered:
    """Answer with the releases that are public on this host."""
    return Reply(
        body=Releases(releases=await listed(call)), headers={"Cache-Control": "public, max-age=30"}
    )


async def listed(call: Call[Any]) -> tuple[Published, ...]:
    """Return the releases that are public on this host, newest first. One whose time has come may be missing for half a minute."""
    service, kept, now = service_of(call), call.request.app[LIST], time.monotonic()
    positions = tuple(each.flushed for each in service.channels.values())
    until, as_of, rows = kept.get("", (0.0, (), ()))
    if until < now or as_of != positions:
        found = await in_thread(call, public_on, service)
        rows = tuple(
            sorted(
                (_published(each, state) for each, state in found),
                key=lambda each: each.published,
                reverse=True,
            )
        )
        kept[""] = now + _KEPT_SECONDS, positions, rows
    return rows


def public_on(service: Service) -> list[tuple[Projection, Exchange]]:
    """Return the releases that are public in every channel of a service."""
    live = [each for each in service.channels.values() if each.is_channel]
    every = (
        (each, state) for each in live for state in dialogue.releases(service.store, each.name)
    )
    return [(each, state) for each, state in every if _is_given(each, state, service.now())]


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


async def show_release(call: Call[Nothing]) -> Answered:
    """Answer with a bundle."""
    body = msgspec.json.encode(await bundle(call))
    headers = {
        "Cache-Control": "public, max-age=30",
        "X-Content-Type-Options": "nosniff",
        "Access-Control-Allow-Origin": "*",
    }
    return web.Response(body=body, content_type="application/json", headers=headers)


async def found(call: Call[Any]) -> tuple[Projection, Exchange]:
    """Return the channel and the release that a path names. Raises `Refused` where it is not public."""
    service = service_of(call)
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
        raise Refused(
            Refusal(
                kind="not-found",
                detail=sentence("Nothing is published here. GET /v1/releases lists what is."),
            )
        )
    return projection, state


async def bundle(call: Call[Any]) -> Bundle:
    """Return the bundle of the release that a path names. Raises `Refused`."""
    projection, state = await found(call)
    kept, now = call.request.app[KEPT], time.monotonic()
    until, made = kept.get((projection.name, state.id), (0.0, None))
    if made is None or until < now:
        made = await _made(call, projection, state)
        kept.pop((projection.name, state.id), None)
        if len(kept) >= _MOST_KEPT:
            del kept[next(iter(kept))]
        kept[projection.name, state.id] = now + _KEPT_SECONDS, made
    return made


async def _made(call: Call[Any], projection: Projection, state: Exchange) -> Bundle:
    head, note = await proofs.signed_head(call, projection)
    nodes = service_of(call).trees.nodes(projection.name)
    opening, consents = {1, *_admissions(projection)}, release.proving(state)
    named = release.records_of(state)
    places = {
        each.record: position
        for each in named
        if (position := projection.posted(each.record)) is not None
    }
    if not all(position <= head.size for position in (*opening, *consents, *places.values())):
        raise Refused(
            Refusal(
                kind="unavailable",
                detail=sentence("The newest records are not signed yet; ask again in a moment."),
            )
        )

    def proof(position: int) -> str:
        return bytes(
            Proof(position - 1, tuple(merkle.inclusion(nodes, position - 1, head.size)), note)
        ).decode()

    def whole(position: int) -> BundledRecord:
        raw, commit, _, _ = projection.bytes_at(position)
        text = raw.decode() if raw.startswith(b"{") else ""
        return BundledRecord(
            position=position, proof=proof(position), record=text, commit="" if text else commit
        )

    def published(each: ReleasedRecord) -> BundledRecord:
        position = places[each.record]
        raw, commit, _, _ = projection.bytes_at(position)
        if each.without is UNSET or not raw.startswith(b"{"):
            return whole(position)
        extract = release.extract(parse(raw).act, each.without).decode()
        return BundledRecord(
            position=position, proof=proof(position), extract=extract, commit=commit
        )

    def made() -> Bundle:
        text = consent.bytes_of(consent.text_of(state))
        return Bundle(
            channel=projection.name,
            cid=projection.registry.cid,
            log=str(log_of(projection.registry)),
            sides=tuple(sorted(consent.parties(state))),
            release=state.id,
            terms=consent.whole(state),
            text=text.decode(),
            publish_at=f"{release.publish_at(state):%Y-%m-%dT%H:%M:%SZ}",
            opening=tuple(map(whole, sorted(opening))),
            consents=tuple(map(whole, sorted(consents))),
            records=tuple(published(each) for each in named),
        )

    result: Bundle = await in_thread(call, made)
    return result


def _admissions(projection: Projection) -> Iterator[int]:
    for each in projection.records_of(projection.registry.id):
        if each.type.split(".")[1] in _OPENING and not each.void:
            yield each.position

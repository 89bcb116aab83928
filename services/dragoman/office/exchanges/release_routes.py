"""Routes of releases: those that are public, and the bundles for the members."""

import time
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import UNSET

from dragoman.api.routing import CHANNEL, May, Route
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.http.submission import in_thread
from dragoman.application.operations import (
    transparency_log,
)
from dragoman.domain.acts import consent
from dragoman.domain.acts.families import release
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.record.codec import parse_stored
from dragoman.domain.record.errors import refuse
from dragoman.office.exchanges.public_releases import (
    BUNDLE_SECONDS,
    KEPT,
    found,
    found_by_member,
    listed,
)
from dragoman.projection.projection import Projection
from dragoman.tlog import merkle
from dragoman.tlog.proof import Proof
from dragoman_schemas.acts.dialogue.release import ReleasedRecord
from dragoman_schemas.release_bundle import Bundle, BundledRecord, Releases
from dragoman_schemas.state import Exchange

_MOST_KEPT: Final = 64


_OPENING: Final = frozenset({"channel-opening", "side-admission", "log-handover"})


async def list_releases(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the releases that are public on this host."""
    return ApiReply(
        body=Releases(releases=await listed(call)), headers={"Cache-Control": "public, max-age=30"}
    )


async def show_release(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the bundle of a release."""
    body = msgspec.json.encode(await bundle(call, *await found(call)))
    headers = {
        "Cache-Control": "public, max-age=30",
        "X-Content-Type-Options": "nosniff",
        "Access-Control-Allow-Origin": "*",
    }
    return web.Response(body=body, content_type="application/json", headers=headers)


async def show_members_bundle(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the bundle of a release that is out, public or for the members alone."""
    projection, state = await found_by_member(call)
    body = msgspec.json.encode(await bundle(call, projection, state))
    headers = {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f'attachment; filename="{projection.name}-{state.id[:8]}.json"',
    }
    return web.Response(body=body, content_type="application/json", headers=headers)


async def bundle(call: ApiRequest[Any], projection: Projection, state: Exchange) -> Bundle:
    """Return the bundle of a release, as it was made lately. Raises `Refused`."""
    bundles, now = call.request.app[KEPT], time.monotonic()
    until, bundle_made = bundles.get((projection.name, state.id), (0.0, None))
    if bundle_made is None or until < now:
        bundle_made = await _new_bundle(call, projection, state)
        bundles.pop((projection.name, state.id), None)
        if len(bundles) >= _MOST_KEPT:
            del bundles[next(iter(bundles))]
        bundles[projection.name, state.id] = now + BUNDLE_SECONDS, bundle_made
    return bundle_made


async def _new_bundle(call: ApiRequest[Any], projection: Projection, state: Exchange) -> Bundle:
    head, note = await transparency_log.signed_head(call, projection)
    nodes = call.service.trees.nodes(projection.name)
    opening, consents = {1, *_admissions(projection)}, release.proving(state)
    records = release.records_of(state)
    places = {
        record.record: position
        for record in records
        if (position := projection.posted(record.record)) is not None
    }
    if not all(position <= head.size for position in (*opening, *consents, *places.values())):
        raise refuse("unavailable", "The newest records are not signed yet; ask again in a moment.")

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

    def published(released_record: ReleasedRecord) -> BundledRecord:
        position = places[released_record.record]
        raw, commit, _, _ = projection.bytes_at(position)
        if released_record.without is UNSET or not raw.startswith(b"{"):
            return whole(position)
        extract = release.extract(parse_stored(raw).act, released_record.without).decode()
        return BundledRecord(
            position=position, proof=proof(position), extract=extract, commit=commit
        )

    def build() -> Bundle:
        text = consent.bytes_of(consent.text_of(state))
        return Bundle(
            channel=projection.name,
            cid=projection.registry.cid,
            log=str(log_of(projection.registry)),
            sides=tuple(sorted(consent.parties(state))),
            release=state.id,
            terms=consent.text_terms(state),
            text=text.decode(),
            publish_at=f"{release.publish_at(state):%Y-%m-%dT%H:%M:%SZ}",
            opening=tuple(map(whole, sorted(opening))),
            consents=tuple(map(whole, sorted(consents))),
            records=tuple(published(released_record) for released_record in records),
        )

    result: Bundle = await in_thread(call, build)
    return result


def _admissions(projection: Projection) -> Iterator[int]:
    for record in projection.records_of(projection.registry.id):
        if record.type.split(".")[1] in _OPENING and not record.void:
            yield record.position


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        "/v1/releases",
        list_releases,
        "What the sides have made public",
        NoBody,
        {200: Releases},
        may=May.ANYBODY,
    ),
    Route(
        "GET",
        "/v1/releases/{channel}/{exchange}",
        show_release,
        "A release and its proof",
        NoBody,
        {200: Bundle},
        may=May.ANYBODY,
    ),
    Route(
        "GET",
        f"{CHANNEL}/releases/{{exchange}}/bundle",
        show_members_bundle,
        "The bundle of a release that is out, also one that is only for the members",
        NoBody,
        {200: Bundle},
        may=May.MEMBER,
    ),
)

"""Routes of sealed parcels between stations.

    GET  …/parcels                   those for the caller's side, and the receipts of
                                     its own
    PUT  …/parcels/{parcel}?to=SIDE  hand one in
    GET  …/parcels/{parcel}          its sealed bytes
    POST …/parcels/{parcel}/receipt  say with a signature that it came

Only stations use them. The host keeps a parcel until its receipt comes, and reads none.
"""

import base64
import re
from typing import Any, Final

from aiohttp import web
from msgspec import UNSET, Struct

from dragoman.api import examples
from dragoman.api.routing import CHANNEL, May, Route
from dragoman.application import parcel_receipts
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.domain.acts.access import is_station, stations_of
from dragoman.domain.record.errors import Refused, refuse
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.stores import parcels
from dragoman.stores.parcels import Parcel
from dragoman.tlog import dsse
from dragoman_schemas.parcel_responses import ParcelList, ParcelReceipt, ParcelView

_BYTES: Final = "application/octet-stream"
_ID: Final = re.compile(r"[0-9a-f]{64}")
_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64


class Addressee(Struct, frozen=True, kw_only=True):
    """The side to which a parcel goes."""

    to: str = ""


def _side(call: ApiRequest[Any]) -> str:
    """Return the side of the station that calls. Raises `Refused`."""
    actor = call.grant.actor
    if not is_station(call.channel.registry, actor):
        raise refuse(
            "not-permitted", "Parcels go from station to station; officers see what is in them."
        )
    return actor.partition("/")[0]


def _id(call: ApiRequest[Any]) -> str:
    id = call.path("parcel")
    if _ID.fullmatch(id) is None:
        raise refuse("bad-request", "A parcel is named by 64 lower-case hexadecimal digits.")
    return id


def _unreachable(error: LogUnreachable) -> Refused:
    return refuse(
        "unavailable", "Parcels cannot be read or kept now: %(error)s. Try again.", error=error.said
    )


async def list_parcels(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the parcels that wait for the caller's side, and its receipts."""
    side = _side(call)
    try:
        parcels_of_side = await call.service.parcels.listed(call.channel.registry.cid, side)
    except LogUnreachable as error:
        raise _unreachable(error) from None
    views = tuple(
        ParcelView(
            id=parcel.id,
            sender=parcel.sender,
            to=parcel.to,
            receipt=ParcelReceipt(key=parcel.key, signature=parcel.signature)
            if parcel.key
            else UNSET,
        )
        for parcel in parcels_of_side
    )
    return ApiReply(body=ParcelList(parcels=views), headers={"Cache-Control": "no-store"})


async def put_parcel(call: ApiRequest[Addressee]) -> ApiAnswer:
    """Keep a parcel until the addressee's station has it."""
    side, id, registry = _side(call), _id(call), call.channel.registry
    store, to = call.service.parcels, call.query.to
    if to == side or not stations_of(registry, to):
        raise refuse(
            "invalid", "%(side)s has no station in office in this channel.", side=to or "nobody"
        )
    content = await call.arrived()
    if not 0 < len(content) <= parcels.BYTES:
        raise refuse(
            "too-large", "A parcel has at most %(n)s KiB; send less.", n=parcels.BYTES // 1024
        )
    try:
        waiting = await store.waiting(registry.cid, side)
        existing = store.find(registry.cid, id)
        if existing is not None and existing.sender != side:
            raise refuse("exists", "Another side has sent a parcel under this id.")
        if not store.is_received(registry.cid, id):
            if existing is None and waiting >= parcels.MOST:
                raise refuse(
                    "no-room",
                    "%(n)s parcels of your side wait for their addressees; send more once they "
                    "are received.",
                    n=waiting,
                )
            sealed = base64.b64encode(content).decode()
            await store.keep(registry.cid, Parcel(id=id, sender=side, to=to, sealed=sealed))
    except LogUnreachable as error:
        raise _unreachable(error) from None
    return web.Response(status=204)


async def _addressed(call: ApiRequest[Any], side: str) -> Parcel:
    """Return a parcel to a side, by the path. Raises `Refused`."""
    try:
        await call.service.parcels.listed(call.channel.registry.cid, side)
    except LogUnreachable as error:
        raise _unreachable(error) from None
    parcel = call.service.parcels.find(call.channel.registry.cid, _id(call))
    if parcel is None or parcel.to != side:
        raise refuse("not-found", "No parcel of that id waits for your side.")
    return parcel


async def fetch_parcel(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the sealed bytes of a parcel for the caller's side."""
    parcel = await _addressed(call, _side(call))
    return web.Response(
        body=parcel.content, content_type=_BYTES, headers={"Cache-Control": "no-store"}
    )


async def take_receipt(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Keep the signed receipt of a parcel, and forget the parcel."""
    side = _side(call)
    parcel = await _addressed(call, side)
    receipt = await call.decoded(ParcelReceipt)
    registry = call.channel.registry
    key = registry.keys.get(receipt.key)
    signature = dsse.decode_base64(receipt.signature, _SIGNATURE_BYTES)
    public = None if key is None else dsse.decode_base64(key.public, _KEY_BYTES)
    if (
        key is None
        or key.until is not None
        or key.owner != call.grant.actor
        or signature is None
        or public is None
        or not parcel_receipts.is_signed(public, signature, registry.cid, parcel.id, side)
    ):
        raise refuse("invalid", "The receipt is not signed by a key in force of this station.")
    try:
        await call.service.parcels.receive(registry.cid, parcel, receipt.key, receipt.signature)
    except LogUnreachable as error:
        raise _unreachable(error) from None
    return web.Response(status=204)


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/parcels",
        list_parcels,
        "What waits for a side's station, and the receipts of what it sent",
        NoBody,
        {200: ParcelList},
        may=May.STATION,
    ),
    Route(
        "PUT",
        f"{CHANNEL}/parcels/{{parcel}}",
        put_parcel,
        "Hand a sealed parcel in",
        Addressee,
        {204: None},
        takes=(_BYTES,),
        example=examples.SEALED,
        may=May.STATION,
        refusals=("no-room", "exists"),
        stations=True,
    ),
    Route(
        "GET",
        f"{CHANNEL}/parcels/{{parcel}}",
        fetch_parcel,
        "The sealed bytes of a parcel",
        NoBody,
        {200: None},
        media=(_BYTES,),
        may=May.STATION,
    ),
    Route(
        "POST",
        f"{CHANNEL}/parcels/{{parcel}}/receipt",
        take_receipt,
        "Say with a signature that a parcel came",
        NoBody,
        {204: None},
        takes=ParcelReceipt,
        example=examples.PARCEL_RECEIPT,
        may=May.STATION,
        stations=True,
    ),
)

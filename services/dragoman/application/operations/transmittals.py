"""Transmittals: the answers of the sides, and the check of what was handed over.

The file is read beside the log and checked by its digest. A bundle is verified as
`dragoman audit release` verifies it. Any other file is a file with its digest. The
answers follow from the log alone.
"""

import hashlib
from datetime import datetime
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.application import attachment_checks
from dragoman.application.http.conditional_requests import in_view
from dragoman.application.http.request import ApiRequest
from dragoman.application.http.submission import in_thread
from dragoman.domain import release_bundle
from dragoman.domain.record import nesting
from dragoman.domain.record.errors import refuse
from dragoman.domain.views import transmittals
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.projection.moments import PastMoment
from dragoman.projection.projection import Projection
from dragoman.projection.view import View
from dragoman.text import Text, sentence
from dragoman_schemas.acts.dialogue.transmittal import BundleSource
from dragoman_schemas.agreement_responses import (
    AnsweredRecommendation,
    BundleCheck,
    TransmittalView,
)
from dragoman_schemas.fields import Attachment
from dragoman_schemas.release_bundle import Bundle
from dragoman_schemas.state import Exchange

_MOST_KEPT: Final = 64

CHECKED: Final = web.AppKey(
    "checked bundles", dict[tuple[str, str], tuple[release_bundle.Proved | None, Text | None]]
)
"""Files that were verified lately, by channel and digest.

Each comes with its proven content, or with the reason why it has none. A file is named
by its digest, so its result never changes.
"""


class BundleResult(Struct, frozen=True, kw_only=True):
    """The check of a file: its view, its proven content, and why it has none."""

    view: BundleCheck
    proved: release_bundle.Proved | None = None
    why: Text | None = None


async def view_of(
    call: ApiRequest[Any], projection: Projection, exchange: Exchange, moment: datetime
) -> tuple[TransmittalView, BundleResult]:
    """Return a transmittal with each side's answers, and the check of its file."""
    content = exchange.content
    attachment = msgspec.json.decode(content["bundle"], type=Attachment)
    source = (
        msgspec.json.decode(content["source"], type=BundleSource) if "source" in content else None
    )
    result = await checked(call, projection, attachment, source)
    sides = [side.name for side in projection.registry.sides]
    recommendations = transmittals.recommendations(exchange, sides, moment)
    view = TransmittalView(
        exchange=exchange.id,
        number=exchange.number,
        status=exchange.status,
        title=Raw(content["title"]),
        group=str(msgspec.json.decode(content["group"])),
        handed_over_by=exchange.side,
        handed_over=exchange.opened.when,
        due=transmittals.due(projection.registry, exchange),
        bundle=result.view,
        recommendations=tuple(_with_origin(item, result.proved) for item in recommendations),
    )
    return view, result


def _with_origin(
    item: AnsweredRecommendation, proved: release_bundle.Proved | None
) -> AnsweredRecommendation:
    """Return a recommendation with what the bundle says of its record."""
    if proved is None or not item.record:
        return item
    act = proved.acts.get(item.record)
    if act is None:
        return replace(item, in_bundle="missing")
    is_same = msgspec.json.decode(act).get("text") == msgspec.json.decode(bytes(item.text))
    return replace(item, in_bundle="same" if is_same else "differs")


async def checked(
    call: ApiRequest[Any],
    projection: Projection,
    attachment: Attachment,
    source: BundleSource | None = None,
) -> BundleResult:
    """Return the check of a file that may be a bundle.

    `source` is the release to which it is said to belong.
    """
    plain = BundleCheck(
        sha256=attachment.sha256, title=attachment.title, bytes=attachment.bytes, state="file"
    )
    result = await _kept(call, projection, attachment.sha256)
    if result is None:
        return BundleResult(view=replace(plain, state="absent"))
    if isinstance(result, Text):
        return BundleResult(view=replace(plain, state="held", why=str(result)), why=result)
    proved, why = result
    if proved is None:
        why = sentence("it is not a bundle") if why is None and source is not None else why
        return _refuted(plain, why) if why is not None else BundleResult(view=plain)
    shown = replace(
        plain,
        state="proved",
        channel=proved.channel,
        log=proved.log,
        sides=proved.sides,
        head=proved.head,
        extracts=proved.extracts,
        whole=proved.whole,
        withheld=proved.withheld,
    )
    origin = (proved.cid, proved.release, proved.terms)
    if source is not None and origin != (source.cid, source.release, source.terms):
        return _refuted(shown, sentence("it is of another release than the transmittal says"))
    return BundleResult(view=shown, proved=proved)


def _refuted(check: BundleCheck, why: Text) -> BundleResult:
    return BundleResult(view=replace(check, state="refuted", why=str(why)), why=why)


async def _kept(
    call: ApiRequest[Any], projection: Projection, digest: str
) -> tuple[release_bundle.Proved | None, Text | None] | Text | None:
    """Return the proven content of a file, or why it has none; None without the file.

    Both are None where the file is no bundle. A text says why the file is held back.
    """
    service, cid = call.service, projection.registry.cid
    try:
        copies = await attachment_checks.copies(service, projection, call.grant, digest)
        file = next((copy for copy in copies if copy.kept), None)
        if file is None:
            return None
        verdict = await attachment_checks.holding(service, projection, call.grant, copies)
        if verdict is not None:
            return attachment_checks.refuse_held(verdict).refusal.detail
        results = call.request.app[CHECKED]
        if (cid, digest) not in results:
            raw = b"".join([piece async for piece in service.files.read(cid, file)])
            if hashlib.sha256(raw).hexdigest() != digest:
                return None
            if len(results) >= _MOST_KEPT:
                del results[next(iter(results))]
            results[cid, digest] = await in_thread(call, _verified, raw)
        return results[cid, digest]
    except LogUnreachable:
        return None


def _verified(raw: bytes) -> tuple[release_bundle.Proved | None, Text | None]:
    try:
        nesting.decode(raw, Bundle)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None, None
    try:
        return release_bundle.verify(raw), None
    except release_bundle.NotProved as error:
        return None, error.said


async def found(
    call: ApiRequest[Any], projection: Projection, moment: PastMoment | None
) -> Exchange:
    """Return the transmittal in the path, at a moment. Raises `Refused`."""
    id = call.path("exchange")
    state = projection.exchange(id)
    if state is not None and state.act == "transmittal" and moment is not None:
        state, _ = await in_view(call, projection, None, moment, View.state, id)
    if state is None or state.act != "transmittal":
        raise refuse(
            "not-found",
            "No transmittal in this channel has that id; GET /exchanges lists the exchanges.",
        )
    return state

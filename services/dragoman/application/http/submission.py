"""The way of a post from an HTTP request to the command handler.

The API, drafts and pages all post through `submit`. `record` reads a body first. The
other functions read single headers of a request: Idempotency-Key, If-Match, signatures.
"""

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec.structs import replace

from dragoman.application import attachment_checks
from dragoman.application.command_handler import Precondition
from dragoman.application.http import body_workers
from dragoman.application.http.rate_limits import RATE_LIMITS
from dragoman.application.http.request import ApiReply, ApiRequest
from dragoman.application.http.work_meter import counted
from dragoman.application.post_result import PostResult
from dragoman.application.quotas import QUOTAS, is_urgent
from dragoman.application.station_port import KeptForHost
from dragoman.domain.acts import access, membership
from dragoman.domain.acts.act_registry import in_force
from dragoman.domain.decide import Submission
from dragoman.domain.record import ids
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import refuse
from dragoman.projection.projection import Projection
from dragoman.stores.outbox import OutboxEntry
from dragoman.tlog import dsse
from dragoman_schemas.act_frame import Act
from dragoman_schemas.problems import Problem
from dragoman_schemas.responses import OutboxEntryView

TRACE: Final = "trace"

_ETAG: Final = re.compile(r'"([0-9a-f]{64})"')
_PREFERS: Final = re.compile(r"(?:^|[,; ])wait *= *\"?([0-9]{1,6})\"?(?=$|[,; ])", re.IGNORECASE)
_MINIMAL: Final = re.compile(r"(?:^|[,; ])return *= *\"?minimal\"?(?=$|[,; ])", re.IGNORECASE)
_WHOLE: Final = re.compile(r"[0-9]{1,15}")


def whole(text: str) -> int | None:
    """Return the whole number that a header or a path holds; None if it is not one.

    Only 1 to 15 decimal digits are accepted.
    """
    return int(text) if _WHOLE.fullmatch(text) else None


def staff_of(call: ApiRequest[Any]) -> tuple[Projection, str]:
    """Return the channel and the caller, who must be an officer of an office there.

    Raises `Refused` if the caller is an auditor, or no officer.
    """
    projection, actor = call.channel, call.grant.actor
    if not attachment_checks.is_staff(projection, actor):
        raise refuse(
            "not-permitted", "People and files are for the offices; auditors read the log."
        )
    return projection, actor


def wanted_position(request: web.Request) -> int:
    """Return the position that the caller asks to wait for; 0 if none.

    It is the header Dragoman-Min-Position. Raises `Refused` if that is not a whole
    number.
    """
    header = request.headers.get("Dragoman-Min-Position")
    number = 0 if header is None else whole(header)
    if number is None:
        raise refuse("bad-request", "Dragoman-Min-Position is a position, a whole number.")
    return number


def key_of(text: str | None) -> str:
    """Return a valid idempotency key.

    A repeated post has the same key and is recorded once.

    Raises `Refused` if the key is missing or not valid.
    """
    key = ids.read_key(text) if text is not None else None
    if key is None:
        raise refuse(
            "idempotency-key",
            "Send Idempotency-Key: a new UUIDv7, or 16 to 128 printable characters, the same at "
            "every retry of this post and never for another.",
        )
    return key


def if_match(request: web.Request) -> str | None:
    """Return the ETag in If-Match; None without the header, or if it is `*`.

    Raises `Refused` if it is not one ETag of this service.
    """
    text = request.headers.get("If-Match", "*").strip()
    return None if text == "*" else etag_of(text)


def etag_of(text: str) -> str:
    """Return the digits of an ETag of this service. Raises `Refused`."""
    tag = _ETAG.fullmatch(text)
    if tag is None:
        raise refuse(
            "bad-request",
            "Send If-Match with one ETag as you read it: 64 hexadecimal digits in double quotes.",
        )
    return tag.group(1)


async def in_thread(call: ApiRequest[Any], work: Callable[..., Any], *arguments: Any) -> Any:
    """Run a query that may take long in a reader's thread, and return its result."""
    timed = counted(call.request, work)
    return await asyncio.wrap_future(call.service.store.in_thread(timed, *arguments))


async def record(
    call: ApiRequest[Any],
    projection: Projection,
    body: bytes,
    *,
    exchange: str = "",
    family: str = "",
    key: str = "",
    etag: str = "",
    signatures: str = "",
) -> ApiReply:
    """Read a body as an act, and submit it as the caller's post.

    A page's form passes its key itself, the ETag that its officer has read, and
    signatures. Its draft has the same key. Raises `Refused`, `Malformed`.
    """
    request, grant = call.request, call.grant
    if access.is_station(projection.registry, grant.actor):
        raise refuse(
            "not-permitted", "A station hands in the acts of officers at /acts, each one signed."
        )
    signatures = signatures or signatures_of(request)
    act, data = await act_of(call, projection, body, signatures)
    submission = Submission(
        actor=grant.actor,
        act=act,
        data=data,
        signatures=signatures,
        id=id_of(projection, grant.actor, data, key or request.headers.get("Idempotency-Key")),
        exchange=exchange,
        family=family,
        if_match=etag or if_match(request),
    )
    return await submit(call, projection, submission, is_form=bool(key))


async def act_of(
    call: ApiRequest[Any], projection: Projection, body: bytes, signatures: str
) -> tuple[bytes, Act]:
    """Read a body as an act; return its bytes and its shape.

    Raises `Malformed`, or `Refused` if it is signed without signatures or the reverse.
    """
    act, data = await body_workers.read(
        call.request,
        len(body),
        read_act,
        body,
        cut=not signatures,
        rules=in_force(projection.registry).number,
    )
    _check_signature_headers(data, signatures)
    return act, data


def signatures_of(request: web.Request) -> str:
    """Return the signatures of an act in a request's headers, in the format of records.

    They are in Dragoman-Key-Id and Dragoman-Signature. Empty if there are none. Raises
    `Refused` if the two headers do not match, or a value is not valid.
    """
    return read_signatures(
        *(request.headers.get(name, "") for name in ("Dragoman-Key-Id", "Dragoman-Signature"))
    )


def read_signatures(keyids_text: str, signatures_text: str) -> str:
    """Return the signatures of an act in the format of records, from two texts.

    Each text has its values between spaces. Raises `Refused`.
    """
    keyids, names = keyids_text.split(), signatures_text.split()
    if not keyids and not names:
        return ""
    signatures = {
        keyid: dsse.decode_base64(name, 64) for keyid, name in zip(keyids, names, strict=False)
    }
    sound = all(
        signature is not None and _KEY_ID.fullmatch(keyid)
        for keyid, signature in signatures.items()
    )
    if len(keyids) != len(names) or len(signatures) != len(keyids) or not sound:
        raise refuse(
            "bad-request",
            "Send Dragoman-Key-Id and Dragoman-Signature with as many values, in the same order: "
            "key ids in hex, signatures in base64.",
        )
    return dsse.write_signatures(
        {keyid: signature for keyid, signature in signatures.items() if signature is not None}
    )


def _check_signature_headers(data: Act, signatures: str) -> None:
    """Raise `Refused` if an act has `signed` without signatures, or the reverse."""
    if (data.signed is msgspec.UNSET) != (not signatures):
        raise refuse(
            "invalid",
            "A signed act carries `signed`, and comes with Dragoman-Key-Id and "
            "Dragoman-Signature; leave out or send all three.",
        )


_KEY_ID: Final = re.compile(r"[0-9a-f]{64}")


def id_of(projection: Projection, actor: str, data: Act, text: str | None) -> str:
    """Return the id of the record that a post becomes.

    The id comes from the idempotency key, or from the member `signed` of the act; if
    both are there, they must be the same. Raises `Refused`.

    The ids of a service's own records are UUIDv5 that anybody can compute. An author
    who could choose such an id would use it up. The service could then never record its
    reminder, lapse or delivery. A key gives a UUIDv5 of its own actor, and no other.
    """
    if isinstance(data.signed, msgspec.UnsetType):
        return ids.from_key(projection.name, actor, key_of(text))
    if text is None and not ids.is_v7(data.signed.id):
        raise refuse(
            "idempotency-key",
            "`signed.id` must be a new UUIDv7, or the id that the Idempotency-Key gives; sign "
            "the act again with a new id.",
        )
    if text is not None and ids.from_key(projection.name, actor, key_of(text)) != data.signed.id:
        raise refuse(
            "idempotency-key",
            "Idempotency-Key and `signed.id` differ; send one of them, or the same.",
        )
    return data.signed.id


async def _refuse_id_of_draft(
    call: ApiRequest[Any], projection: Projection, submission: Submission, *, is_form: bool
) -> None:
    """Raise `Refused` if the id is that of a draft of the side.

    The release of the draft records under this id, and would be refused for ever. A
    form may send the draft that its own author kept in it, and deletes it afterwards.
    """
    side = submission.actor.partition("/")[0]
    draft = await call.service.drafts.held(projection.registry.cid, side, submission.id)
    if draft is not None and not (is_form and draft.author == submission.actor):
        raise refuse(
            "key-reused",
            "A draft of your side has this id. Release or delete the draft, or post with a new "
            "Idempotency-Key or a new `signed.id`.",
        )


async def _refuse_unless_author_signed(projection: Projection, submission: Submission) -> None:
    """Raise `Refused` if a station hands in an act that its author has not signed.

    In a trial the host would complete the signatures in the author's name. Another
    gateway may have recorded the author's key just now. Raises `LogUnreachable`.
    """
    actor, act, signatures = submission.actor, submission.act, submission.signatures
    if not membership.has_signed(projection.registry, actor, act, signatures):
        await projection.bring()
        if not membership.has_signed(projection.registry, actor, act, signatures):
            raise refuse("not-permitted", "No valid key of %(actor)s signed the act.", actor=actor)


async def submit(
    call: ApiRequest[Any],
    projection: Projection,
    submission: Submission,
    *,
    is_release: bool = False,
    is_form: bool = False,
) -> ApiReply:
    """Record a submission, and return its place in the log. Raises `Refused`.

    At a station it may be kept instead: then the reply is 202 with its entry in the
    outbox, or a form raises `KeptForHost`.

    A record has the id of a draft only if it is the draft's release. The other way is
    that the author of the draft sends its form.
    """
    try:
        result = await posted(call, projection, submission, is_release=is_release, is_form=is_form)
    except KeptForHost as kept:
        if is_form:
            raise  # the page leads to the outbox
        return ApiReply(body=outbox_view(kept.entry), status=202)
    return await reply_of(call, projection, result)


def outbox_view(entry: OutboxEntry) -> OutboxEntryView:
    """Return an entry of the outbox as callers see it."""
    return OutboxEntryView(
        channel=entry.channel,
        id=entry.id,
        exchange=entry.exchange,
        act=entry.name,
        actor=entry.actor,
        precedence=entry.precedence,
        state=entry.state,
        kept=entry.kept,
        left=entry.left,
        position=entry.position,
        problem=msgspec.UNSET
        if isinstance(entry.problem, msgspec.UnsetType)
        else msgspec.json.decode(entry.problem, type=Problem),
    )


async def posted(
    call: ApiRequest[Any],
    projection: Projection,
    submission: Submission,
    *,
    is_release: bool = False,
    is_form: bool = False,
    is_handed_in: bool = False,
) -> PostResult:
    """Record a submission, once, and return its result. Raises `Refused`.

    A station has handed it in for its author: then the people that it names, and the
    drafts, are at the station.
    """
    _check_signature_headers(submission.data, submission.signatures)
    _admit_if_urgent(call, projection, submission)
    position = wanted_position(call.request)
    if position > projection.state.position:
        await projection.reached(position)
    preconditions: list[Precondition] = [
        partial(call.request.app[QUOTAS].check, call.service, projection, submission)
    ]
    if is_handed_in:
        preconditions.insert(0, partial(_refuse_unless_author_signed, projection, submission))
    else:
        preconditions.append(
            partial(attachment_checks.check, call.service, projection, call.grant, submission)
        )
    if not is_release and not is_handed_in:
        preconditions.append(
            partial(_refuse_id_of_draft, call, projection, submission, is_form=is_form)
        )
    return await call.service.command_handler.post(
        projection, submission, call.request.get(TRACE, ("", "")), preconditions
    )


def _admit_if_urgent(call: ApiRequest[Any], projection: Projection, submission: Submission) -> None:
    """Let an urgent act through where another budget is used up.

    Raises `RateLimitExceeded` for any other act then.
    """
    request = call.request
    over = request.get("over")
    if over is None:
        return
    if not is_urgent(call.service, projection, submission):
        raise over
    request.app[RATE_LIMITS].urgent(request["payer"])
    request["urgent"] = True


async def reply_of(
    call: ApiRequest[Any], projection: Projection, post_result: PostResult
) -> ApiReply:
    """Return the reply to a post, as the caller prefers it (RFC 7240).

    With `return=minimal` it has no body. With `wait` it is sent once the record is
    final, or after that many seconds.
    """
    recorded = post_result.recorded
    prefer = call.request.headers.get("Prefer")
    wait = None if prefer is None else _PREFERS.search(prefer)
    if wait is not None:
        standing = await call.service.coverage.reached(
            projection, recorded.position, float(wait.group(1))
        )
        recorded = replace(recorded, standing=standing)
    headers = {
        "Location": f"/v1/channels/{projection.name}/exchanges/{recorded.exchange}",
        "ETag": recorded.etag,
        "Dragoman-Position": str(recorded.position),
    }
    if post_result.replayed:
        headers["Idempotent-Replayed"] = "true"
    minimal = prefer is not None and _MINIMAL.search(prefer) is not None
    applied = [
        *(["return=minimal"] if minimal else []),
        *([f"wait={wait.group(1)}"] if wait is not None else []),
    ]
    if applied:
        headers["Preference-Applied"] = ", ".join(applied)
    call.request["recorded"] = recorded
    call.request["replayed"] = post_result.replayed
    return ApiReply(body=None if minimal else recorded, status=201, headers=headers)

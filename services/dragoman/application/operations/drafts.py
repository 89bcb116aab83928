"""Drafts and their release: two officers of a side write and release one act together.

`keep_new`, `change`, `hand_over` and `drop` work on the draft. `release` posts it.
"""

from typing import Any, Final

import msgspec

from dragoman.application.clock import stamp
from dragoman.application.http import body_workers, submission
from dragoman.application.http.request import ApiReply, ApiRequest
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.act_rules import OFFICERS
from dragoman.domain.decide import Submission
from dragoman.domain.judge import takes_two
from dragoman.domain.record import ids, strict_json
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import Malformed, Refusal, Refused, make_refusal, refuse
from dragoman.domain.record.validation_errors import fault_of
from dragoman.limits import DRAFTS
from dragoman.projection.projection import Projection
from dragoman.stores.drafts import Draft
from dragoman.text import sentence
from dragoman_schemas.act_frame import Act
from dragoman_schemas.responses import Drafts, DraftView, NewDraft

NO_SUCH_DRAFT: Final = sentence(
    "There is no such draft of your side; GET /drafts lists those there are."
)


class _NamedDraft(msgspec.Struct):
    act: str


_named = msgspec.json.Decoder(_NamedDraft).decode


def drafting_officer(call: ApiRequest[Any]) -> tuple[Projection, str]:
    """Return the channel and the caller, who must be an officer of a side in it.

    Raises `Refused`.
    """
    projection, actor = call.channel, call.grant.actor
    if not _may_draft(projection, actor):
        raise refuse(
            "not-permitted", "Drafts are for the officers of a side; auditors read the log."
        )
    return projection, actor


def _may_draft(projection: Projection, actor: str) -> bool:
    officer = projection.registry.officers.get(actor)
    return officer is not None and officer.until is None and not OFFICERS.isdisjoint(officer.roles)


def name_of(act: msgspec.Raw) -> str:
    """Return the name of the act in a draft. Raises `Malformed`."""
    try:
        name = _named(act).act
    except msgspec.ValidationError as error:
        raise Malformed(
            "/act" + fault_of(error).fault.pointer, fault_of(error).fault.detail
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed("/act", sentence("%(error)s; send valid JSON", error=str(error))) from None
    if name not in RULES:
        raise Malformed("/act/act", sentence("there is no act %(act)s", act=repr(name[:63])))
    return name


def check_draft(act: msgspec.Raw) -> None:
    """Raise `Malformed` if a draft is not JSON as an act may hold it.

    A draft may lack members. It may not hold a number of many digits, for example,
    because later readers could not read it.
    """
    try:
        strict_json.read(bytes(act), cut=True)
    except Malformed as error:
        raise Malformed("/act" + error.faults[0].pointer, error.faults[0].detail) from None
    name_of(act)
    try:
        msgspec.json.decode(act)  # Readers of the drafts will read all of it.
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed("/act", sentence("%(error)s; send valid JSON", error=str(error))) from None


def _takes_two(projection: Projection, draft: Draft) -> bool:
    """Return whether a draft's act needs two officers.

    If the draft still lacks members, the name of the act decides.
    """
    rule = RULES[name_of(draft.act)]
    exchange = projection.exchange(draft.exchange)
    return takes_two(projection.registry, projection, exchange, rule, Act())


def _view(projection: Projection, draft: Draft) -> DraftView:
    return DraftView(
        id=draft.id,
        author=draft.author,
        act=draft.act,
        exchange=draft.exchange,
        if_match=draft.if_match,
        created=draft.created,
        updated=draft.updated,
        two_key=_takes_two(projection, draft),
        handed=draft.handed,
        etag=f'"{draft.etag}"',
    )


def draft_reply(
    projection: Projection, draft: Draft, status: int = 200, **headers: str
) -> ApiReply:
    """Return the reply that contains a draft and its ETag."""
    return ApiReply(
        body=_view(projection, draft),
        status=status,
        headers={"ETag": f'"{draft.etag}"', "Cache-Control": "no-store", **headers},
    )


def _check_if_match(text: str | None, draft: Draft) -> None:
    """Raise `Refused` if the caller did not read the present version of a draft.

    A caller who changes or releases a draft must send the ETag of the version that was
    read.
    """
    if text is None:
        raise refuse(
            "precondition-required", "Send If-Match with the draft's ETag, as you read it."
        )
    if text != draft.etag:
        raise _moved()


def _moved() -> Refused:
    return Refused(
        make_refusal("moved", "A colleague has changed the draft since you read it; read it again.")
    )


async def listed(call: ApiRequest[Any]) -> Drafts:
    """Return the drafts of the caller's own side. Raises `Refused`."""
    projection, actor = drafting_officer(call)
    drafts = await call.service.drafts.listed(projection.registry.cid, actor.partition("/")[0])
    return Drafts(drafts=tuple(_view(projection, draft) for draft in drafts))


async def keep_new(
    call: ApiRequest[Any],
    new: NewDraft,
    status: int,
    key: str = "",
    signatures: str = "",
    *,
    handed: bool = False,
) -> ApiReply:
    """Keep a new draft of the caller, or return it again if it was sent before.

    A page's form passes its key and signatures itself. Raises `Refused`, `Malformed`.
    """
    projection, actor = drafting_officer(call)
    check_draft(new.act)
    service = call.service
    signatures, data = await _signed(call, new, signatures)
    now = stamp(service.now())
    draft = Draft(
        id=submission.id_of(
            projection, actor, data, key or call.request.headers.get("Idempotency-Key")
        ),
        signatures=signatures,
        cid=projection.registry.cid,
        author=actor,
        act=new.act.copy(),
        exchange=new.exchange,
        if_match=new.if_match,
        created=now,
        updated=now,
        handed=now if handed else "",
    )
    existing = await service.drafts.find(draft.cid, draft.side, draft.id)
    if existing is None and projection.used(draft.id):
        raise refuse(
            "key-reused",
            "This Idempotency-Key was used before. Use a new key for something new.",
        )
    if existing is None and len(await service.drafts.listed(draft.cid, draft.side)) >= DRAFTS:
        raise refuse(
            "no-room",
            "A side has at most %(limit)s drafts in a channel; release or drop some first.",
            limit=DRAFTS,
        )
    if existing is None and await service.drafts.keep(draft, None):
        return draft_reply(
            projection, draft, status, Location=f"/v1/channels/{projection.name}/drafts/{draft.id}"
        )
    existing = existing or await service.drafts.find(draft.cid, draft.side, draft.id)
    if existing is None or (existing.author, bytes(existing.act), existing.exchange) != (
        actor,
        bytes(draft.act),
        draft.exchange,
    ):
        raise refuse(
            "key-reused",
            "This Idempotency-Key was used before. Use a new key for something new.",
        )
    return draft_reply(
        projection,
        existing,
        status,
        Location=f"/v1/channels/{projection.name}/drafts/{existing.id}",
        **{"Idempotent-Replayed": "true"},
    )


async def _signed(call: ApiRequest[Any], new: NewDraft, signatures: str) -> tuple[str, Act]:
    """Return the drafter's signatures, and the draft as an act.

    Without signatures the draft need not be a complete act, and has no `signed`. Raises
    `Refused`, `Malformed`.
    """
    signatures = signatures or submission.signatures_of(call.request)
    if not signatures:
        return "", Act()
    act, data = await body_workers.read(
        call.request, len(bytes(new.act)), read_act, bytes(new.act), cut=False
    )
    if data.signed is msgspec.UNSET or act != bytes(new.act):
        raise refuse(
            "invalid",
            "A signed draft carries `signed`, and is compact: it is recorded as it was signed.",
        )
    return signatures, data


async def change(
    call: ApiRequest[Any],
    new: NewDraft,
    draft: Draft,
    etag: str | None,
    signatures: str = "",
    *,
    handed: bool = False,
) -> ApiReply:
    """Change a draft, and make the caller its author. Raises `Refused`, `Malformed`.

    The author changes because two officers are responsible for what is released, and
    not three. A draft that was handed over is with its author again, unless `handed` is
    true.
    """
    projection, actor = drafting_officer(call)
    _check_if_match(etag, draft)
    service = call.service
    signatures, data = await _signed(call, new, signatures)
    if not isinstance(data.signed, msgspec.UnsetType) and data.signed.id != draft.id:
        raise Malformed(
            "/act/signed/id", sentence("it must be the draft's id: %(id)s", id=draft.id)
        )
    changed = msgspec.structs.replace(
        draft,
        author=actor,
        act=new.act.copy(),
        exchange=new.exchange,
        if_match=new.if_match,
        updated=stamp(service.now()),
        signatures=signatures,
        handed=stamp(service.now()) if handed else "",
    )
    if not await service.drafts.keep(changed, draft):
        raise _moved()
    return draft_reply(projection, changed)


async def hand_over(call: ApiRequest[Any], draft: Draft, etag: str | None) -> None:
    """Hand a draft over to the colleagues who may send it; its author stays.

    The caller must have read its present version. Raises `Refused`.
    """
    _check_if_match(etag, draft)
    service = call.service
    if not await service.drafts.keep(
        msgspec.structs.replace(draft, handed=stamp(service.now())), draft
    ):
        raise _moved()


async def drop(call: ApiRequest[Any], draft: Draft, etag: str | None) -> None:
    """Delete a draft in the version that was read. Raises `Refused`."""
    _check_if_match(etag, draft)
    if not await call.service.drafts.drop(draft):
        raise _moved()


async def release(call: ApiRequest[Any], etag: str | None, signatures: str = "") -> ApiReply:
    """Post a draft as its author's, released by the caller, or as the caller's own.

    It is posted as its author's if the act needs two keys. Raises `Refused`,
    `Malformed`.
    """
    projection, actor = drafting_officer(call)
    service = call.service
    id = call.path("draft")
    draft = await service.drafts.find(projection.registry.cid, actor.partition("/")[0], id)
    if draft is None:
        return await _released_before(call, projection, actor, id)
    _check_if_match(etag, draft)
    act, data = await body_workers.read(
        call.request, len(bytes(draft.act)), read_act, bytes(draft.act), cut=not draft.signatures
    )
    two_key = takes_two(
        projection.registry,
        projection,
        projection.exchange(draft.exchange),
        RULES[name_of(draft.act)],
        data,
    )
    if two_key and actor == draft.author:
        raise refuse(
            "second-key-required", "You wrote this draft; a colleague of your side releases it."
        )
    if two_key and not _may_draft(projection, draft.author):
        raise refuse(
            "not-permitted",
            "%(officer)s is not an officer any more. Change the draft to become its author; a "
            "colleague then releases it.",
            officer=draft.author,
        )
    post = Submission(
        actor=draft.author if two_key else actor,
        act=act,
        data=data,
        id=draft.id,
        exchange=draft.exchange,
        if_match=draft.if_match or None,
        released_by=actor if two_key else "",
        signatures=_both(draft.signatures, signatures or submission.signatures_of(call.request)),
    )
    reply = await submission.submit(call, projection, post, is_release=True)
    await service.drafts.drop(draft)  # its act is in the log, or in the outbox of a station
    return reply


def _both(drafter: str, releaser: str) -> str:
    """Return the signatures of both officers over the same bytes."""
    return " ".join(sorted({*drafter.split(), *releaser.split()}))


async def _released_before(
    call: ApiRequest[Any], projection: Projection, actor: str, id: str
) -> ApiReply:
    """Return the reply to a draft that was released before, again.

    Only an officer of the draft's side gets it. Nobody else learns that there was a
    draft.
    """
    position = projection.posted(id) if ids.is_id(id) else None
    record = None if position is None else projection.record_at(position)
    if position is None or record is None or record.side != actor.partition("/")[0]:
        raise Refused(Refusal(kind="not-found", detail=NO_SUCH_DRAFT))
    return await submission.reply_of(
        call, projection, await call.service.command_handler.kept_at(projection, position)
    )

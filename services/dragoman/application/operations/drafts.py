"""Drafts and their release: where two officers of a side put one act together."""

from typing import Any, Final

import msgspec

from dragoman.application.command_handler import stamp
from dragoman.application.http import body_workers, submission
from dragoman.application.http.request import ApiReply, ApiRequest
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.act_rules import OFFICERS
from dragoman.domain.fold import takes_two
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

_GONE: Final = sentence("There is no such draft of your side; GET /drafts lists those there are.")


class _NamedDraft(msgspec.Struct):
    act: str


_named = msgspec.json.Decoder(_NamedDraft).decode


def _desk(call: ApiRequest[Any]) -> tuple[Projection, str]:
    """Return the channel and the caller, who must be an officer of a side in it."""
    projection, actor = call.channel, call.grant.actor
    if not _drafts(projection, actor):
        raise refuse(
            "not-permitted", "Drafts are for the officers of a side; auditors read the log."
        )
    return projection, actor


def _drafts(projection: Projection, actor: str) -> bool:
    officer = projection.registry.officers.get(actor)
    return officer is not None and officer.until is None and not OFFICERS.isdisjoint(officer.roles)


def name_of(act: msgspec.Raw) -> str:
    """Return the name of the act that a draft is of. Raises `Malformed`."""
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


def _check(act: msgspec.Raw) -> None:
    """A draft may want members, and is JSON as an act may hold it: no number of many digits, which later readers could not read. Raises `Malformed`."""
    try:
        strict_json.read(bytes(act), cut=True)
    except Malformed as error:
        raise Malformed("/act" + error.faults[0].pointer, error.faults[0].detail) from None
    name_of(act)
    try:
        msgspec.json.decode(act)  # whoever reads the drafts reads all of it
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed("/act", sentence("%(error)s; send valid JSON", error=str(error))) from None


def _takes_two(projection: Projection, draft: Draft) -> bool:
    """Return whether two officers put a draft's act together. Of one that wants members yet, by its name."""
    rule = RULES[name_of(draft.act)]
    return takes_two(projection, projection.exchange(draft.exchange), rule, Act())


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


def _reply(projection: Projection, draft: Draft, status: int = 200, **headers: str) -> ApiReply:
    return ApiReply(
        body=_view(projection, draft),
        status=status,
        headers={"ETag": f'"{draft.etag}"', "Cache-Control": "no-store", **headers},
    )


def _as_read(text: str | None, draft: Draft) -> None:
    """Who changes or releases a draft says which version was read."""
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
    projection, actor = _desk(call)
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
    """Keep a new draft of the caller's, or answer with it again; a page's form brings its key and signatures. Raises `Refused`, `Malformed`."""
    projection, actor = _desk(call)
    _check(new.act)
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
    known = await service.drafts.find(draft.cid, draft.side, draft.id)
    if known is None and projection.used(draft.id):
        raise refuse(
            "key-reused",
            "This Idempotency-Key was used for a post. Take a new key for a new draft.",
        )
    if known is None and len(await service.drafts.listed(draft.cid, draft.side)) >= DRAFTS:
        raise refuse(
            "no-room",
            "A side has at most %(limit)s drafts in a channel; release or drop some first.",
            limit=DRAFTS,
        )
    if known is None and await service.drafts.keep(draft, None):
        return _reply(
            projection, draft, status, Location=f"/v1/channels/{projection.name}/drafts/{draft.id}"
        )
    known = known or await service.drafts.find(draft.cid, draft.side, draft.id)
    if known is None or (known.author, bytes(known.act), known.exchange) != (
        actor,
        bytes(draft.act),
        draft.exchange,
    ):
        raise refuse(
            "key-reused",
            "This Idempotency-Key was used for another draft. Take a new key for a new draft.",
        )
    return _reply(
        projection,
        known,
        status,
        Location=f"/v1/channels/{projection.name}/drafts/{known.id}",
        **{"Idempotent-Replayed": "true"},
    )


async def _signed(call: ApiRequest[Any], new: NewDraft, signatures: str) -> tuple[str, Act]:
    """Return the drafter's signatures, and the draft as an act; one that is no whole act yet carries no `signed`. Raises `Refused`, `Malformed`."""
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
    """Whoever changes a draft becomes its author: two officers stand behind what is released, not three. Raises `Refused`, `Malformed`.

    What was handed over is with its author again, unless it is handed over as it is
    now.
    """
    projection, actor = _desk(call)
    _as_read(etag, draft)
    service = call.service
    signatures, data = await _signed(call, new, signatures)
    if not isinstance(data.signed, msgspec.UnsetType) and data.signed.id != draft.id:
        raise Malformed("/act/signed/id", sentence("it is the draft's: %(id)s", id=draft.id))
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
    return _reply(projection, changed)


async def hand_over(call: ApiRequest[Any], draft: Draft, etag: str | None) -> None:
    """Hand a draft to the colleagues who may send it, as it was read; its author stays. Raises `Refused`."""
    _as_read(etag, draft)
    service = call.service
    if not await service.drafts.keep(
        msgspec.structs.replace(draft, handed=stamp(service.now())), draft
    ):
        raise _moved()


async def drop(call: ApiRequest[Any], draft: Draft, etag: str | None) -> None:
    """Drop a draft as it was read. Raises `Refused`."""
    _as_read(etag, draft)
    if not await call.service.drafts.drop(draft):
        raise _moved()


async def release(call: ApiRequest[Any], etag: str | None, signatures: str = "") -> ApiReply:
    """Post a draft: of two keys, as its author's, released by the caller; else as the caller's own. Raises `Refused`, `Malformed`."""
    projection, actor = _desk(call)
    service = call.service
    id = call.path("draft")
    draft = await service.drafts.find(projection.registry.cid, actor.partition("/")[0], id)
    if draft is None:
        return await _released_before(call, projection, actor, id)
    _as_read(etag, draft)
    act, data = await body_workers.read(
        call.request, len(bytes(draft.act)), read_act, bytes(draft.act), cut=not draft.signatures
    )
    two_key = takes_two(
        projection, projection.exchange(draft.exchange), RULES[name_of(draft.act)], data
    )
    if two_key and actor == draft.author:
        raise refuse(
            "second-key-required", "You wrote this draft; a colleague of your side releases it."
        )
    if two_key and not _drafts(projection, draft.author):
        raise refuse(
            "not-permitted",
            "%(officer)s is no officer any more; change the draft, and it is yours, for a colleague to release.",
            officer=draft.author,
        )
    reply = await submission.take_in(
        call,
        projection,
        actor=draft.author if two_key else actor,
        act=act,
        data=data,
        id=draft.id,
        exchange=draft.exchange,
        if_match=draft.if_match or None,
        released_by=actor if two_key else "",
        signatures=_both(draft.signatures, signatures or submission.signatures_of(call.request)),
    )
    await service.drafts.drop(draft)
    return reply


def _both(drafter: str, releaser: str) -> str:
    """Return the signatures of both officers over the same bytes."""
    return " ".join(sorted({*drafter.split(), *releaser.split()}))


async def _released_before(
    call: ApiRequest[Any], projection: Projection, actor: str, id: str
) -> ApiReply:
    """Return the answer again, to an officer of the side whose draft it was; nobody else learns that there was one."""
    position = projection.posted(id) if ids.is_id(id) else None
    record = None if position is None else projection.record_at(position)
    if position is None or record is None or record.side != actor.partition("/")[0]:
        raise Refused(Refusal(kind="not-found", detail=_GONE))
    return await submission.reply_of(
        call, projection, await call.service.desk.kept_at(projection, position)
    )

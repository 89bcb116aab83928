"""Handlers of a submitted form, and the routes of all pages on which an act is written.

    form ─ check ─▶ check page ─ send ─▶ recorded
      ▲              │   └───── keep ──▶ draft ─ release ─▶ recorded
      └──── change ──┘

The form of every act is made from its shape. A draft may be released by a second
officer. No typed text is lost: it goes from page to page in the form itself, and stays
in its field after an error.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web
from msgspec import Raw
from multidict import MultiDict

from dragoman.application.http import body_workers, submission
from dragoman.application.operations import drafts, files
from dragoman.application.station_port import KeptForHost
from dragoman.console.compose import (
    agreed_phrases,
    agreement_form,
    release_preview,
    replaced_members,
)
from dragoman.console.compose.check_page import check
from dragoman.console.compose.draft_pages import draft_list, draft_page, draft_sent
from dragoman.console.compose.earliest_dates import with_earliest_dates
from dragoman.console.compose.form_page import form, render_form, render_refusal, writing_of
from dragoman.console.compose.live_hints import reading
from dragoman.console.compose.live_preview import live_preview, without_preview
from dragoman.console.compose.menu import menu
from dragoman.console.compose.notice_page import other_channels, send_to_all
from dragoman.console.compose.preview import PreviewReader, take_reader
from dragoman.console.compose.recorded_page import notify_open_pages, recorded, recorded_at
from dragoman.console.compose.writing import (
    OF_SIGNING,
    Writing,
    field_errors,
    find_draft,
)
from dragoman.console.forms import browser_signatures
from dragoman.console.forms.form_errors import plain
from dragoman.console.page.context import PageContext
from dragoman.console.page.form_body import Form, Upload
from dragoman.console.page.rendering import HEADERS, Page, PageRoute
from dragoman.console.page.sessions import forget_kept, form_of, keep_form, redirect, said
from dragoman.domain.acts import consent
from dragoman.domain.acts.families import release
from dragoman.domain.judge import takes_two
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import Malformed, Refusal, Refused
from dragoman.members.kind import FieldError
from dragoman.stores.drafts import Draft
from dragoman_schemas.act_frame import Act
from dragoman_schemas.responses import DraftView, NewDraft

_AGAIN: Final = frozenset({"unknown-outcome", "unavailable", "busy"})
"""Kinds of refusals after which the same form can be sent again as it is."""


async def submit_form(context: PageContext) -> web.StreamResponse | Page:
    """Handle a submitted form.

    Its button says what to do: check the act, send it, keep it as a draft, or change
    it.
    """
    context.newest = context.projection.flushed
    writing = writing_of(context)
    form = await form_of(context.request, files=True)
    fields, upload_fault = await _uploaded(writing, form)
    do = said(form, "do") or "check"
    checked, reader = fields.popall("act", [""])[-1], take_reader(fields)
    for name in OF_SIGNING:
        fields.popall(name, None)
    emptied = replaced_members.keep_changed(writing, fields)
    entering = fields.popall("enter", [""])[-1]
    if entering:
        return await _enter_somebody(writing, fields, entering)
    rewritten = await _rewritten(writing, fields, do, upload_fault)
    if rewritten is not None:
        return rewritten
    parted = await _parted_from_draft(writing, fields, do)
    if parted is not None:
        return parted
    others = fields.popall("also", [])
    if do == "send" and checked and others:
        return await _send_to_all(writing, fields, checked.encode(), others)
    if do == "send" and checked:
        # The checked bytes are sent as they are: reading "now" again would give another time.
        return await _send(writing, fields, checked.encode())
    if do == "preview" and checked:
        return await check(writing, fields, checked.encode(), reader=reader)
    if do in ("draft", "hand") and checked:
        return await _keep_checked(writing, fields, checked.encode(), handed=do == "hand")
    typed = writing.typed(fields)
    members = writing.members(tuple(fields.getall("fields", [])))
    act = {"act": writing.act, **typed.read(members)}
    if do == "autosave":
        return await _autosave(writing, fields, act)
    faults = replaced_members.told_plainly(writing, emptied, typed.faults)
    faults += [upload_fault] if upload_fault else []
    if do == "draft":
        return await _keep_typed(writing, fields, act, faults)
    if faults and do == "preview":
        return without_preview(context, faults)
    if faults:
        return await render_form(writing, fields, faults, status=422)
    return await _check_typed(writing, fields, act, do, reader)


async def _parted_from_draft(
    writing: Writing, fields: MultiDict[str], do: str
) -> Page | web.StreamResponse | None:
    """Return the form again where a colleague has changed, sent or dropped its draft.

    The text of the form is then a text of its own, and the draft stays as it is. None
    where the form may go on.
    """
    context, id, key = writing.context, str(fields.get("draft", "")), str(fields.get("key", ""))
    if not id or do not in ("check", "send", "draft", "hand"):
        return None
    draft = await context.service.drafts.find(context.registry.cid, context.side, id)
    if draft is not None:
        # An own change may be an autosave whose answer came after the form was sent.
        if draft.author == context.grant.actor or draft.etag == fields.get("draft_etag", ""):
            return None
        problem = context.words.say(
            "A colleague has changed the draft since you opened it. Below is your text: keep or "
            "send it as a text of its own."
        )
    else:
        sent = submission.id_of(context.projection, context.grant.actor, Act(), key)
        if _has_recorded(context, sent) or _has_recorded(context, id):
            return None  # The answer was lost, and the form is sent once more.
        problem = context.words.say(
            "The draft is gone: a colleague has sent or dropped it. Below is your text: keep or "
            "send it as a text of its own."
        )
    for name in ("draft", "draft_etag"):
        fields.popall(name, None)
    fields["key"] = secrets.token_hex(16)
    return await render_form(writing, fields, [], problem=problem, status=409, parted=draft)


def _has_recorded(context: PageContext, id: str) -> bool:
    """Return whether the reader has recorded an act under an id."""
    position = context.projection.posted(id)
    record = None if position is None else context.projection.record_at(position)
    return record is not None and record.envelope.actor == context.grant.actor


async def _check_typed(
    writing: Writing, fields: MultiDict[str], act: dict[str, Any], do: str, reader: PreviewReader
) -> web.StreamResponse | Page:
    """Return the check page or the preview of an act that was read without faults."""
    try:
        body = _compact(_with_terms(writing, fields, _with_full_names(writing, act)))
    except Malformed as error:
        return await render_form(writing, fields, field_errors(writing, error.faults), status=422)
    if do == "preview":
        return await live_preview(writing, fields, body, reader)
    return await check(writing, fields, body, reader=reader)


async def _rewritten(
    writing: Writing, fields: MultiDict[str], do: str, upload_fault: FieldError | None
) -> Page | None:
    """Return the form again where its button only changes what it says, else None."""
    suggestion, carried = fields.popall("use", [""])[-1], fields.popall("carry", [])
    if phrase := fields.popall("phrase", [""])[-1]:
        return await render_form(writing, agreed_phrases.with_phrase(writing, fields, phrase), [])
    if earliest := fields.popall("earliest", [""])[-1]:
        return await render_form(writing, with_earliest_dates(writing, fields, earliest), [])
    if suggestion:
        name, _, text = suggestion.partition("=")
        fields[name] = text
        return await render_form(writing, fields, [])
    if carried:
        fields = await agreement_form.with_topics(writing, fields, carried)
        return await render_form(writing, fields, [])
    if do == "bundle" and upload_fault is None:
        fields, problem = await agreement_form.with_bundle(writing, fields)
        return await render_form(writing, fields, [], problem=problem)
    if do == "matter":
        fields, problem = release_preview.with_further(writing.context, fields)
        return await render_form(writing, fields, [], problem=problem)
    if do == "more":
        fields["more"] = "1"
    if do in ("bundle", "change", "level", "more"):
        return await render_form(writing, fields, [upload_fault] if upload_fault else [])
    return None


def _with_full_names(writing: Writing, act: dict[str, Any]) -> dict[str, Any]:
    """Return an act with the names that its form abbreviates written in full.

    An act of the channel is completed with what no officer types.
    A release names its records in full. An alternative wording names the part of the
    text that it is for. Any other act is returned as it is.
    """
    if writing.of_channel is not None:
        return writing.of_channel.complete(writing.context, act)
    if writing.act == "alternative" and "field" in act:
        field, _, number = act["field"].partition("/")
        return {
            **act,
            "field": field,
            **({"item": int(number)} if number.isdecimal() and int(number) else {}),
        }
    if writing.act == release.RELEASE.rule.act and "records" in act:
        for_members = act.get("audience") == "members"
        return {
            **act,
            "records": release_preview.completed(
                writing.context, act["records"], for_members=for_members
            ),
        }
    if (
        writing.exchange is not None
        and writing.exchange.act == release.RELEASE.rule.act
        and "records" in act.get("fields", {})
    ):
        return {
            **act,
            "fields": {
                **act["fields"],
                "records": release_preview.completed(
                    writing.context,
                    act["fields"]["records"],
                    for_members=release.is_for_members(writing.exchange),
                ),
            },
        }
    return act


def _with_terms(writing: Writing, fields: MultiDict[str], act: dict[str, Any]) -> dict[str, Any]:
    """Return an act of consent with the digest of the text that its check page shows.

    Any other act is returned as it is.
    """
    if writing.act not in consent.ACTS or writing.exchange is None:
        return act
    fields["etag"] = writing.exchange.revision  # the text is read on the check page, as it is now
    return {
        **act,
        "terms": consent.of_act(writing.exchange, writing.context.side, writing.act, act)
        or "0" * 64,
    }


async def _enter_somebody(
    writing: Writing, fields: MultiDict[str], name: str
) -> web.StreamResponse | Page:
    """Redirect to the people register to enter somebody, and keep the typed form.

    The typed text is in the form again afterwards. A form that is too long to be kept
    is shown again with a problem.
    """
    context = writing.context
    to = context.link("/people/register/new", in_=name)
    response = keep_form(context.request, context.grant, fields, to)
    if response is None:
        return await render_form(
            writing,
            fields,
            [],
            problem=context.words.say(
                "This form is too long to be kept meanwhile. Keep it as a draft first."
            ),
        )
    return response


async def _uploaded(writing: Writing, form: Form) -> tuple[MultiDict[str], FieldError | None]:
    """Return the form's fields, and a fault where the uploaded file is not accepted.

    A file that came with the form is stored beside the log, and the fields name it.
    """
    fields: MultiDict[str] = MultiDict(
        (name, value) for name, value in form.items() if isinstance(value, str)
    )
    upload = form.get("upload")
    if not isinstance(upload, Upload) or not upload.filename:
        return fields, None
    content = bytearray(upload.content)
    digest = hashlib.sha256(content).hexdigest()
    label = writing.context.words.field("attachments")
    if upload.media_type not in files.TYPES:
        text = writing.context.words.say(
            "A file is one of %(types)s.", types=writing.context.words.listed(files.TYPES)
        )
        return fields, FieldError(field="upload", label=label, sentence=text)
    await files.keep(
        writing.context.call,
        writing.context.projection,
        writing.context.side,
        digest,
        upload.media_type,
        content,
    )
    title = upload.filename[:120]
    field = agreement_form.upload_field(writing)
    if field == agreement_form.BUNDLE:
        fields.popall(field, None)
    fields.add(
        field,
        json.dumps(
            {
                "sha256": digest,
                "media_type": upload.media_type,
                "bytes": len(content),
                "title": title,
            }
        ),
    )
    return fields, None


async def _send(writing: Writing, fields: MultiDict[str], body: bytes) -> web.StreamResponse | Page:
    """Record an act and redirect to its record, or return the form with its faults."""
    context = writing.context
    try:
        reply = await browser_signatures.record(
            context,
            body,
            exchange=writing.at,
            family=""
            if writing.exchange is not None or writing.rule.family is None
            else writing.rule.family,
            key=str(fields.get("key", "")),
            etag=str(fields.get("etag", "")) if writing.rule.consenting else "",
        )
    except KeptForHost as kept:
        await _drop(context, fields)
        response = redirect(context.outbox_link(kept.entry.id))
        forget_kept(context.request, response)
        return response
    except Malformed as error:
        return await render_form(writing, fields, field_errors(writing, error.faults), status=422)
    except Refused as error:
        return await _refused(writing, fields, body, error.refusal)
    await _drop(context, fields)
    response = recorded_at(context, reply)
    forget_kept(context.request, response)
    return response


async def _send_to_all(
    writing: Writing, fields: MultiDict[str], body: bytes, others: list[str]
) -> web.StreamResponse | Page:
    """Record an act in several channels and redirect to the table of who has it."""
    allowed = other_channels(writing, second=False)
    try:
        response = await send_to_all(
            writing, fields, body, [name for name in dict.fromkeys(others) if name in allowed]
        )
    except Malformed as error:
        return await render_form(writing, fields, field_errors(writing, error.faults), status=422)
    except Refused as error:
        return await _refused(writing, fields, body, error.refusal)
    await _drop(writing.context, fields)
    forget_kept(writing.context.request, response)
    return response


async def _refused(
    writing: Writing, fields: MultiDict[str], body: bytes, refusal: Refusal
) -> Page | web.StreamResponse:
    """Return a page that keeps the text of an act that was not, or maybe not, recorded.

    It can be sent again from there.
    """
    words = writing.context.words
    if refusal.kind in _AGAIN:
        problem = words.say(
            "No answer from the log. Your text is kept. Send again: it cannot be sent twice. "
            "(%(why)s)",
            why=words.sentence(plain(refusal.detail)),
        )
        return await check(writing, fields, body, problem=problem, status=503)
    if refusal.kind == "second-key-required":
        return await check(
            writing,
            fields,
            body,
            problem=words.say("This takes a second officer: a colleague of your side releases it."),
            status=422,
        )
    return await render_refusal(writing, fields, refusal)


async def _drop(context: PageContext, fields: Mapping[str, Any]) -> None:
    """Delete the draft once its act is recorded."""
    draft = await _draft_of(context, fields)
    if draft is not None:
        await context.service.drafts.drop(draft)


async def _draft_of(context: PageContext, fields: Mapping[str, Any]) -> Draft | None:
    """Return the draft of a form: the one that it names, or the one of its key.

    A form does not name its draft yet if the answer to the saving came after the form
    was sent.
    """
    drafts, cid = context.service.drafts, context.registry.cid
    if id := str(fields.get("draft", "")):
        return await drafts.find(cid, context.side, id)
    key = str(fields.get("key", ""))
    id = submission.id_of(context.projection, context.grant.actor, Act(), key)
    draft = await drafts.held(cid, context.side, id)
    return None if draft is None or draft.author != context.grant.actor else draft


async def _keep_typed(
    writing: Writing, fields: MultiDict[str], act: dict[str, Any], faults: Sequence[FieldError]
) -> web.StreamResponse | Page:
    """Keep the typed text as a draft.

    Text that cannot be read yet is kept as it was typed.
    """
    context = writing.context
    try:
        draft = await _store_draft(writing, fields, _compact(_with_typed(act, fields, faults)))
    except Refused as error:
        return await render_form(
            writing,
            fields,
            [],
            problem=context.words.sentence(plain(error.refusal.detail)),
            status=422,
        )
    return _to_draft(context, draft, "kept")


async def _keep_checked(
    writing: Writing, fields: MultiDict[str], body: bytes, *, handed: bool
) -> web.StreamResponse | Page:
    """Keep exactly the act that was checked, as a draft.

    Where two officers sign, its author signs it now. Colleagues see at once a draft
    that is handed over.
    """
    context, signatures = writing.context, ""
    try:
        act, data = await body_workers.read(context.request, len(body), read_act, body, cut=True)
        if takes_two(context.registry, context.projection, writing.exchange, writing.rule, data):
            act, signatures = await browser_signatures.signed_by(
                context, act, data, exchange=writing.at, key=str(fields.get("key", ""))
            )
        draft = await _store_draft(
            writing,
            fields,
            act if signatures else browser_signatures.without_signed(act),
            signatures,
            handed=handed,
        )
    except Malformed as error:
        return await render_form(writing, fields, field_errors(writing, error.faults), status=422)
    except Refused as error:
        return await _refused(writing, fields, body, error.refusal)
    if handed:
        notify_open_pages(context)
    return _to_draft(context, draft, "handed" if handed else "kept")


def _to_draft(context: PageContext, draft: str, outcome: str) -> web.Response:
    """Redirect to the page of a draft, and forget the form that the session kept."""
    response = redirect(context.link(f"/drafts/{draft}", said=outcome))
    forget_kept(context.request, response)
    return response


def _compact(act: dict[str, Any]) -> bytes:
    """Return an act as JSON without white space."""
    return json.dumps(act, ensure_ascii=False, separators=(",", ":")).encode()


async def _store_draft(
    writing: Writing,
    fields: MultiDict[str],
    act: bytes,
    signatures: str = "",
    *,
    handed: bool = False,
) -> str:
    """Store a new draft, or change the one that the form names. Return its id."""
    context, id = writing.context, str(fields.get("draft", ""))
    new = NewDraft(
        act=Raw(act),
        exchange=writing.at,
        if_match=writing.exchange.revision
        if writing.exchange is not None and writing.rule.consenting
        else "",
    )
    draft = await find_draft(context, id) if id else await _draft_of(context, fields)
    if draft is not None:
        await drafts.change(
            context.call,
            new,
            draft,
            str(fields.get("draft_etag", "")) or draft.etag,
            signatures,
            handed=handed,
        )
        return draft.id
    reply = await drafts.keep_new(
        context.call, new, 201, str(fields.get("key", "")), signatures, handed=handed
    )
    assert isinstance(reply.body, DraftView)
    return reply.body.id


def _with_typed(
    act: dict[str, Any], fields: Mapping[str, Any], faults: Sequence[FieldError]
) -> dict[str, Any]:
    """Return an act with the raw text of the fields that could not be read.

    Its officer finds that text in the draft and can correct it.
    """
    typed = {fault.field.removeprefix("f."): str(fields.get(fault.field, "")) for fault in faults}
    return {**act, **{name: text for name, text in typed.items() if text and "." not in name}}


async def _autosave(writing: Writing, fields: MultiDict[str], act: dict[str, Any]) -> web.Response:
    """Keep a draft while somebody writes, and answer with the time of saving."""
    typed = writing.typed(fields)
    typed.read(writing.members(tuple(fields.getall("fields", []))))
    id = await _store_draft(writing, fields, _compact(_with_typed(act, fields, typed.faults)))
    draft = await find_draft(writing.context, id)
    body = {
        "draft": id,
        "etag": draft.etag,
        "time": writing.context.words.written(writing.context.service.now(), "clock"),
    }
    return web.json_response(body, headers=HEADERS)


ROUTES: Final = (
    PageRoute(path="/compose", handler=menu),
    PageRoute(path="/compose/read", handler=reading),
    PageRoute(path="/compose/{act:[a-z-]+}", handler=form),
    PageRoute(path="/compose/{act:[a-z-]+}", handler=submit_form, method="POST"),
    PageRoute(path="/exchanges/{exchange:[0-9a-f-]{36}}/acts/{act:[a-z-]+}", handler=form),
    PageRoute(
        path="/exchanges/{exchange:[0-9a-f-]{36}}/acts/{act:[a-z-]+}",
        handler=submit_form,
        method="POST",
    ),
    PageRoute(path="/admin/acts/{act:[a-z-]+}", handler=form),
    PageRoute(path="/admin/acts/{act:[a-z-]+}", handler=submit_form, method="POST"),
    PageRoute(path="/recorded/{position:[0-9]+}", handler=recorded),
    PageRoute(path="/drafts", handler=draft_list),
    PageRoute(path="/drafts/{draft:[0-9a-f-]{36}}", handler=draft_page),
    PageRoute(path="/drafts/{draft:[0-9a-f-]{36}}", handler=draft_sent, method="POST"),
)

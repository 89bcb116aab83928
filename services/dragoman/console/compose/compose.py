"""Writing: a form for every act from its shape, a check page with exactly what will be recorded, drafts, and their release by a second officer.

    form ─ check ─▶ check page ─ send ─▶ recorded
      ▲              │   └───── keep ──▶ draft ─ release ─▶ recorded
      └──── change ──┘

Nothing that was typed is ever lost: it goes from page to page in the form itself, and
after an error stands where it stood.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web
from msgspec import Raw
from multidict import MultiDict

from dragoman.application.http import body_workers
from dragoman.application.operations import drafts, files
from dragoman.console.compose.check_page import check
from dragoman.console.compose.draft_pages import draft_list, draft_page, draft_sent
from dragoman.console.compose.form_page import _form, _writing, form
from dragoman.console.compose.live_hints import reading
from dragoman.console.compose.menu import menu
from dragoman.console.compose.recorded_page import recorded, recorded_at, tell
from dragoman.console.compose.writing import (
    OF_SIGNING,
    Writing,
    _draft,
    _faults,
)
from dragoman.console.forms import (
    browser_signatures,
    field_types,
    form_writer,
)
from dragoman.console.forms.form_errors import FieldError, plain
from dragoman.console.forms.form_reader import Form, Upload
from dragoman.console.pages import release_preview
from dragoman.console.rendering import HEADERS, Page, PageContext, PageRoute
from dragoman.console.sessions import forget_kept, form_of, keep_form, said, see
from dragoman.domain.acts import consent
from dragoman.domain.acts.families import release
from dragoman.domain.fold import takes_two
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import Malformed, Refusal, Refused
from dragoman_schemas.responses import DraftView, NewDraft

_AGAIN: Final = frozenset({"unknown-outcome", "unavailable", "busy"})


# What to write


# The form


# What was sent


async def sent(context: PageContext) -> web.StreamResponse | Page:
    """Return the form came back: to be checked, sent, kept as a draft, or changed once more."""
    context.newest = context.projection.flushed
    writing = _writing(context)
    form = await form_of(context.request, files=True)
    fields, upload_fault = await _uploaded(writing, form)
    do = said(form, "do") or "check"
    checked = fields.popall("act", [""])[-1]
    for name in OF_SIGNING:
        fields.popall(name, None)
    entering = fields.popall("enter", [""])[-1]
    if entering:
        return await _enter_somebody(writing, fields, entering)
    suggestion = fields.popall("use", [""])[-1]
    if suggestion:
        name, _, text = suggestion.partition("=")
        fields[name] = text
        return await _form(writing, fields, [])
    if do == "change":
        return await _form(writing, fields, [])
    if do == "fields" or (do == "check" and _unshown(writing, fields)):
        return await _form(writing, _with_chosen(writing, fields), [])
    if do == "send" and checked:  # exactly what was checked, byte for byte: "now" is not read again
        return await _send(writing, fields, checked.encode())
    if do in ("draft", "hand") and checked:
        return await _keep_checked(writing, fields, checked.encode(), handed=do == "hand")
    typed = writing.typed(fields)
    members = writing.members(tuple(fields.getall("fields", [])))
    act = {"act": writing.act, **typed.read(members)}
    if do == "autosave":
        return await _autosave(writing, fields, act)
    faults = [*typed.faults, *([upload_fault] if upload_fault else [])]
    if do == "draft":
        return await _keep(writing, fields, act, faults)
    if faults:
        return await _form(writing, fields, faults, status=422)
    return await check(
        writing, fields, _compact(_consenting(writing, fields, _naming(writing, act)))
    )


def _naming(writing: Writing, act: dict[str, Any]) -> dict[str, Any]:
    """Return a release with its records named in full, and other words with the part that they are for; any other act as it is."""
    if writing.act == "alternative" and "field" in act:
        field, _, item = act["field"].partition("/")
        return {
            **act,
            "field": field,
            **({"item": int(item)} if item.isdecimal() and int(item) else {}),
        }
    if writing.act == release.RELEASE.rule.act and "records" in act:
        return {**act, "records": release_preview.completed(writing.here, act["records"])}
    if (
        writing.exchange is not None
        and writing.exchange.act == release.RELEASE.rule.act
        and "records" in act.get("fields", {})
    ):
        return {
            **act,
            "fields": {
                **act["fields"],
                "records": release_preview.completed(writing.here, act["fields"]["records"]),
            },
        }
    return act


def _consenting(writing: Writing, fields: MultiDict[str], act: dict[str, Any]) -> dict[str, Any]:
    """Return an act of consent with the digest of the text that its check page shows; any other act as it is."""
    if writing.act not in consent.ACTS or writing.exchange is None:
        return act
    fields["etag"] = writing.exchange.revision  # the text is read on the check page, as it is now
    return {
        **act,
        "terms": consent.of_act(writing.exchange, writing.here.side, writing.act, act) or "0" * 64,
    }


async def _enter_somebody(
    writing: Writing, fields: MultiDict[str], name: str
) -> web.StreamResponse | Page:
    """Go to the register to enter somebody; what was typed is kept, and is there again afterwards."""
    context = writing.here
    to = context.link("/people/register/new", in_=name)
    response = keep_form(context.request, context.grant.actor, fields, to)
    if response is None:
        return await _form(
            writing,
            fields,
            [],
            problem=context.words.say(
                "This form is too long to be kept meanwhile. Keep it as a draft first."
            ),
        )
    return response


def _unshown(writing: Writing, fields: MultiDict[str]) -> list[str]:
    """Return the members that were chosen to be replaced and do not stand on the form yet."""
    getall = fields.getall("shown", [])
    return [text for text in fields.getall("fields", []) if text not in getall]


def _with_chosen(writing: Writing, fields: MultiDict[str]) -> MultiDict[str]:
    """Return the form's fields, with those that were chosen to be replaced as they stand now; what was typed stays."""
    if writing.exchange is not None:
        new = _unshown(writing, fields)
        members = [
            member for member in field_types.members(writing.exchange.act) if member.name in new
        ]
        fields.extend(
            form_writer.typed(
                writing.here.words,
                writing.here.registry.languages,
                members,
                writing.exchange.content,
                "f.fields",
            )
        )
    return fields


async def _uploaded(writing: Writing, form: Form) -> tuple[MultiDict[str], FieldError | None]:
    """Return the form's fields; a file that came with it is put beside the log, and named."""
    fields: MultiDict[str] = MultiDict(
        (name, value) for name, value in form.items() if isinstance(value, str)
    )
    upload = form.get("upload")
    if not isinstance(upload, Upload) or not upload.filename:
        return fields, None
    content = bytearray(upload.content)
    digest = hashlib.sha256(content).hexdigest()
    label = writing.here.words.field("attachments")
    if upload.media_type not in files.TYPES:
        text = writing.here.words.say(
            "A file is one of %(types)s.", types=writing.here.words.listed(files.TYPES)
        )
        return fields, FieldError(field="upload", label=label, sentence=text)
    await files.keep(
        writing.here.call,
        writing.here.projection,
        writing.here.side,
        digest,
        upload.media_type,
        content,
    )
    title = upload.filename[:120]
    fields.add(
        "f.attachments",
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


# The check page


# Sending


async def _send(writing: Writing, fields: MultiDict[str], body: bytes) -> web.StreamResponse | Page:
    context = writing.here
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
    except Malformed as error:
        return await _form(writing, fields, _faults(writing, error.faults), status=422)
    except Refused as error:
        return await _refused(writing, fields, body, error.refusal)
    await _drop(context, fields)
    response = recorded_at(context, reply)
    forget_kept(context.request, response)
    return response


async def _refused(
    writing: Writing, fields: MultiDict[str], body: bytes, refusal: Refusal
) -> Page | web.StreamResponse:
    """Return nothing was recorded, or it is not known: what was written stays, and can be sent again."""
    words = writing.here.words
    if refusal.kind in _AGAIN:
        problem = words.say(
            "No answer from the log. Your text is kept. Send again: it cannot be sent twice. (%(why)s)",
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
    faults = _faults(writing, refusal.faults)
    return await _form(
        writing,
        fields,
        faults,
        problem="" if faults else writing.here.words.sentence(plain(refusal.detail)),
        status=422,
    )


async def _drop(context: PageContext, fields: Mapping[str, Any]) -> None:
    """A draft that was sent is one no more."""
    id = str(fields.get("draft", ""))
    draft = (
        await context.service.drafts.find(context.registry.cid, context.side, id) if id else None
    )
    if draft is not None:
        await context.service.drafts.drop(draft)


# Drafts


async def _keep(
    writing: Writing, fields: MultiDict[str], act: dict[str, Any], faults: Sequence[FieldError]
) -> web.StreamResponse | Page:
    """Keep what was typed as a draft; what cannot be read yet is kept as it was typed."""
    context = writing.here
    try:
        draft = await _kept(writing, fields, _compact(_with_typed(act, fields, faults)))
    except Refused as error:
        return await _form(
            writing,
            fields,
            [],
            problem=context.words.sentence(plain(error.refusal.detail)),
            status=422,
        )
    return _kept_as(context, draft, "kept")


async def _keep_checked(
    writing: Writing, fields: MultiDict[str], body: bytes, *, handed: bool
) -> web.StreamResponse | Page:
    """Keep exactly what was checked; where two officers sign, signed by its author. What is handed over, colleagues see at once."""
    context, signatures = writing.here, ""
    try:
        act, data = await body_workers.read(context.request, len(body), read_act, body, cut=True)
        if takes_two(context.projection, writing.exchange, writing.rule, data):
            act, signatures = await browser_signatures.signed_by(
                context, act, data, exchange=writing.at, key=str(fields.get("key", ""))
            )
        draft = await _kept(
            writing,
            fields,
            act if signatures else browser_signatures.bare(act),
            signatures,
            handed=handed,
        )
    except Malformed as error:
        return await _form(writing, fields, _faults(writing, error.faults), status=422)
    except Refused as error:
        return await _refused(writing, fields, body, error.refusal)
    if handed:
        tell(context)
    return _kept_as(context, draft, "handed" if handed else "kept")


def _kept_as(context: PageContext, draft: str, text: str) -> web.Response:
    """Go on at the page of a draft, which has now what was typed."""
    response = see(context.link(f"/drafts/{draft}", said=text))
    forget_kept(context.request, response)
    return response


def _compact(act: dict[str, Any]) -> bytes:
    return json.dumps(act, ensure_ascii=False, separators=(",", ":")).encode()


async def _kept(
    writing: Writing,
    fields: MultiDict[str],
    act: bytes,
    signatures: str = "",
    *,
    handed: bool = False,
) -> str:
    context, id = writing.here, str(fields.get("draft", ""))
    new = NewDraft(
        act=Raw(act),
        exchange=writing.at,
        if_match=writing.exchange.revision
        if writing.exchange is not None and writing.rule.consenting
        else "",
    )
    if id:
        draft = await _draft(context, id)
        await drafts.change(
            context.call,
            new,
            draft,
            str(fields.get("draft_etag", "")) or draft.etag,
            signatures,
            handed=handed,
        )
        return id
    reply = await drafts.keep_new(
        context.call, new, 201, str(fields.get("key", "")), signatures, handed=handed
    )
    assert isinstance(reply.body, DraftView)
    return reply.body.id


def _with_typed(
    act: dict[str, Any], fields: Mapping[str, Any], faults: Sequence[FieldError]
) -> dict[str, Any]:
    """Return an act with what was not read as it was typed, so that it is there to be mended."""
    typed = {fault.field.removeprefix("f."): str(fields.get(fault.field, "")) for fault in faults}
    return {**act, **{name: text for name, text in typed.items() if text and "." not in name}}


async def _autosave(writing: Writing, fields: MultiDict[str], act: dict[str, Any]) -> web.Response:
    """Keep a draft while somebody writes; the page says when."""
    typed = writing.typed(fields)
    typed.read(writing.members(tuple(fields.getall("fields", []))))
    id = await _kept(writing, fields, _compact(_with_typed(act, fields, typed.faults)))
    draft = await _draft(writing.here, id)
    body = {
        "draft": id,
        "etag": draft.etag,
        "time": writing.here.words.written(writing.here.service.now(), "clock"),
    }
    return web.json_response(body, headers=HEADERS)


# Reading what is being typed


SHEETS: Final = (
    PageRoute(path="/compose", handler=menu),
    PageRoute(path="/compose/read", handler=reading),
    PageRoute(path="/compose/{act:[a-z-]+}", handler=form),
    PageRoute(path="/compose/{act:[a-z-]+}", handler=sent, method="POST"),
    PageRoute(path="/exchanges/{exchange:[0-9a-f-]{36}}/acts/{act:[a-z-]+}", handler=form),
    PageRoute(
        path="/exchanges/{exchange:[0-9a-f-]{36}}/acts/{act:[a-z-]+}", handler=sent, method="POST"
    ),
    PageRoute(path="/recorded/{position:[0-9]+}", handler=recorded),
    PageRoute(path="/drafts", handler=draft_list),
    PageRoute(path="/drafts/{draft:[0-9a-f-]{36}}", handler=draft_page),
    PageRoute(path="/drafts/{draft:[0-9a-f-]{36}}", handler=draft_sent, method="POST"),
)

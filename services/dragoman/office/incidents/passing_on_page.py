"""The form by which a receiver says that it has told a post, with one press.

    POST /c/{channel}/exchanges/{exchange}/passed-on

A time that cannot be read leads to the whole form of the act, with the typed text in
it.
"""

from datetime import datetime
from typing import Final

import msgspec
from aiohttp import web
from multidict import MultiDict

from dragoman.console.compose.form_page import render_form
from dragoman.console.compose.writing import Writing, field_errors
from dragoman.console.forms import browser_signatures
from dragoman.console.forms.form_errors import plain
from dragoman.console.page.context import PageContext
from dragoman.console.page.form_body import Form
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.console.page.sessions import form_of, redirect, said
from dragoman.domain.record.errors import Malformed, Refused
from dragoman.i18n.words import as_moment
from dragoman.office.incidents.passing_on_panel import clock
from dragoman.text import sentence

ACT: Final = "passed-on"
_CORRECTABLE: Final = frozenset({"invalid", "invalid-act", "moved", "void"})


async def pass_on(context: PageContext) -> web.StreamResponse | Page:
    """Record that the reader's side has told a post, or that the post confirmed it."""
    form = await form_of(context.request)
    context.newest = context.projection.flushed
    state = context.projection.exchange(context.request.match_info["exchange"])
    if state is None:
        raise refused("not-found", sentence("There is no such exchange in this channel."))
    if not context.may_post:
        raise refused("not-permitted", sentence("Only officers say to whom a message went on."))
    writing = Writing(context=context, act=ACT, exchange=state)
    fields = fields_of(form, context.service.now())
    typed = writing.typed(fields)
    act = {"act": ACT, **typed.read(writing.members())}
    if typed.faults:
        return await render_form(writing, fields, typed.faults, status=422)
    try:
        reply = await browser_signatures.record(
            context, msgspec.json.encode(act), exchange=state.id, key=said(form, "key")
        )
    except Malformed as error:
        return await render_form(writing, fields, field_errors(writing, error.faults), status=422)
    except Refused as error:
        if error.refusal.kind not in _CORRECTABLE:
            raise
        faults = field_errors(writing, error.refusal.faults)
        problem = "" if faults else context.words.sentence(plain(error.refusal.detail))
        return await render_form(writing, fields, faults, problem=problem, status=422)
    assert isinstance(reply.headers, dict)
    position = reply.headers["Dragoman-Position"]
    path = context.link(f"/exchanges/{state.id}", said="recorded", after=position)
    return redirect(f"{path}#passing")


def fields_of(form: Form, now: datetime) -> MultiDict[str]:
    """Return the fields of the act that a press means.

    A time that nobody has changed since the page was loaded is that of the press.
    """
    fields: MultiDict[str] = MultiDict(key=said(form, "key"))
    confirmed, post = said(form, "confirmed"), said(form, "confirm")
    if post:
        first = said(form, f"told {post}")
        minute = now.replace(second=0, microsecond=0)
        is_earlier = bool(first) and minute < as_moment(first)
        fields["f.to_post"], fields["f.at"] = post, first
        fields["f.confirmed_at"] = confirmed or (first if is_earlier else clock(now))
        return fields
    at = said(form, "at")
    fields["f.to_post"] = said(form, "post")
    fields["f.at"] = clock(now) if at == said(form, "shown") else at
    if confirmed:
        fields["f.confirmed_at"] = confirmed
    return fields


ROUTES: Final = (
    PageRoute(path="/exchanges/{exchange:[0-9a-f-]{36}}/passed-on", handler=pass_on, method="POST"),
)

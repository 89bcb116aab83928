"""The preview beside a form, which the form's script asks for while somebody writes.

Half a form is no error while somebody types it: the answer is 200, and says what the
form still lacks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from dragoman.console.compose.check_page import rehearsed
from dragoman.console.compose.preview import MessagePreview, PreviewReader, preview_of
from dragoman.console.compose.writing import Writing, field_errors, sending_of
from dragoman.console.display import authorised_senders
from dragoman.console.forms.form_errors import plain
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import html, render_template
from dragoman.domain.record.errors import Malformed, Refused
from dragoman.members.kind import FieldError


async def live_preview(
    writing: Writing, fields: Mapping[str, Any], body: bytes, reader: PreviewReader
) -> web.Response:
    """Return the preview of a form as it is typed, or a sentence on what it lacks."""
    context = writing.context
    sending = sending_of(context, writing.rule)
    if sending.hands_over and not sending.colleagues:
        return _answer(context, None, authorised_senders.senders_text(context.words, sending))
    try:
        folded, _ = rehearsed(writing, body, str(fields.get("key", "")))
    except Malformed as error:
        return without_preview(context, field_errors(writing, error.faults))
    except Refused as error:
        faults = field_errors(writing, error.refusal.faults)
        detail = context.words.sentence(plain(error.refusal.detail))
        return without_preview(context, faults) if faults else _answer(context, None, detail)
    return _answer(context, await preview_of(writing, folded, reader), "")


def without_preview(context: PageContext, faults: Sequence[FieldError]) -> web.Response:
    """Return the answer for a form with faults: the first of them in a sentence."""
    fault = faults[0]
    text = fault.sentence
    if fault.label and fault.label not in text:
        text = context.words.say("%(what)s: %(detail)s", what=fault.label, detail=text)
    if fault.earliest:
        time = context.words.written(fault.earliest, "minute")
        text += " " + context.words.say("The earliest that passes begins at %(t)s.", t=time)
    return _answer(context, None, text)


def _answer(context: PageContext, preview: MessagePreview | None, lacks: str) -> web.Response:
    return html(
        render_template(context, context.words, "live_preview.html", preview=preview, lacks=lacks)
    )

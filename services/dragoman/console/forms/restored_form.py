"""The page of a form that was sent after its session had ended.

It is shown to the officer who sent the form, who sends it again or leaves it.
"""

from typing import Final
from urllib.parse import parse_qsl

from msgspec import Struct

from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import kept_form

_OWN: Final = frozenset({"key", "etag", "next", "signed", "sign", "signatures"})
"""Fields of the page itself, which nobody has typed."""


class RestoredForm(Struct, frozen=True, kw_only=True):
    """The form, as data: the path to which it was sent; empty for none."""

    path: str = ""


async def kept(context: PageContext) -> Page:
    """Return the page of the form that was kept for the reader."""
    form = kept_form(context.request, context.grant)
    fields = [] if form is None else parse_qsl(form.body.decode(), keep_blank_values=True)
    return Page(
        template="kept.html",
        view=RestoredForm(path="" if form is None else form.path),
        values={
            "kept": form,
            "fields": fields,
            "shown": [field for field in fields if field[0] not in _OWN and field[1]],
        },
    )


ROUTES: Final = (PageRoute(path="/kept", handler=kept, anywhere=True),)

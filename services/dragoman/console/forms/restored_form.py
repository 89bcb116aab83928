"""The page of a form that was sent after its session had ended.

It is shown to the officer who sent the form, who sends it again or leaves it.
"""

from typing import Final
from urllib.parse import parse_qsl

from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import kept_form
from dragoman.document.blocks import Facts, Form, PageDocument, section
from dragoman.members.runs import PageLink, QuotedText

_OWN: Final = frozenset({"key", "etag", "next", "signed", "sign", "signatures"})
"""Fields of the page itself, which nobody has typed."""


async def kept(context: PageContext) -> Page:
    """Return the page of the form that was kept for the reader."""
    form = kept_form(context.request, context.grant)
    say = context.words.say
    if form is None:
        kept_for = say(
            "A form is kept for an hour, for the officer who wrote it, until they sign out."
        )
        back = PageLink(say("Back to the board"), "//")
        document = PageDocument(
            title=say("Your form is kept"),
            heading=(say("No form is kept"),),
            lead=(kept_for, " ", back),
        )
        return Page(view=document)
    fields = parse_qsl(form.body.decode(), keep_blank_values=True)
    again = Form(
        to=f"/{form.path}",
        parts=(),
        button=say("Send it now"),
        key=dict(fields).get("key", ""),
        again=tuple(field for field in fields if field[0] != "key"),
        beside=(PageLink(say("Leave it"), "//", "button"),),
    )
    typed = (field for field in fields if field[0] not in _OWN and field[1])
    document = PageDocument(
        title=say("Your form is kept"),
        lead=say(
            "Your session had ended when you sent it. Nothing was recorded. Send it again, or "
            "leave it."
        ),
        sections=(
            section("", Facts(tuple((name, QuotedText(value)) for name, value in typed)), again),
        ),
    )
    return Page(view=document)


ROUTES: Final = (PageRoute(path="/kept", handler=kept, anywhere=True),)

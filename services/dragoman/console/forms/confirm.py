"""A page that asks for confirmation before something is ended.

It names the thing, lists the consequences, and has one button that does it.
"""

from collections.abc import Mapping, Sequence

from dragoman.console.forms.form_state import FormState
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page
from dragoman.document.blocks import Form, PageDocument, Points, section
from dragoman.members.runs import PageLink


def ask(
    context: PageContext,
    *,
    question: str,
    follows: Sequence[str],
    button: str,
    back: tuple[str, str],
    area: str,
    filled: FormState | None = None,
    hidden: Mapping[str, str] | None = None,
) -> Page:
    """Return the page that asks for confirmation.

    `back` is the address and the text of the way back. `hidden` fields go with the
    form.
    """
    state, (way, name) = filled or FormState(), back
    form = Form(
        to=f"/{context.request.path}",
        parts=(),
        button=button,
        values=dict(hidden or {}),
        key=state.key,
        beside=(PageLink(name, f"/{way}"),),
    )
    document = PageDocument(
        title=question,
        area=area,
        faults=state.faults_in(context.words),
        lead=context.words.say("This question comes once. The consequences:"),
        sections=(section("", Points(tuple((text,) for text in follows)), form),),
    )
    return Page(view=document, status=state.status)

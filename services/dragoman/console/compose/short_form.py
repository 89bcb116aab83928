"""The form of an answer on the page of its exchange, for an act that needs only a text.

It is the form of that act in its short mode: it has the text alone, and posts to the
address of the whole form. So the check page, drafts and kept forms are those of that
form.
"""

import secrets
from collections.abc import Iterable
from typing import Final

from markupsafe import Markup
from multidict import MultiDict

from dragoman.console.compose.form_page import is_own_member, text_values
from dragoman.console.compose.writing import Writing, sending_of
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import compile_template, render_template
from dragoman.domain.views.offers import binds
from dragoman.members.choices import FlagKind
from dragoman.members.kind import Member
from dragoman_schemas.state import Exchange

_TEMPLATE: Final = "short_form.html"


def short_act(context: PageContext, state: Exchange, acts: Iterable[str]) -> Writing | None:
    """Return the first act that needs only a text; None if none does."""
    writings = (Writing(context=context, act=act, exchange=state) for act in acts)
    return next((writing for writing in writings if _text_of(writing) is not None), None)


def _text_of(writing: Writing) -> Member | None:
    """Return the text of an act that asks for nothing else but marks; else None.

    An act that binds a side has its own page, and so has one that a colleague sends.
    """
    if (
        binds(writing.act)
        or writing.rule.consenting
        or writing.rule.two_key
        or sending_of(writing.context, writing.rule).hands_over
    ):
        return None
    members = [
        member
        for member in writing.members()
        if is_own_member(writing.act, member)
        and (member.required or not isinstance(member.kind, FlagKind))
    ]
    return members[0] if [member.name for member in members] == ["text"] else None


async def form_below(writing: Writing) -> Markup:
    """Return the short form of an act that needs only a text."""
    context, state = writing.context, writing.exchange
    assert state is not None
    await compile_template(context.words, _TEMPLATE)
    text = render_template(
        context,
        context.words,
        _TEMPLATE,
        writing=writing,
        member=_text_of(writing),
        kept=[("key", secrets.token_hex(16)), ("etag", state.revision)],
        **{**text_values(writing, MultiDict(), []), "main_texts": ()},
    )
    return Markup(text)  # noqa: S704  # a template escaped it

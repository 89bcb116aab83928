"""A page that asks for confirmation before something is ended.

It names the thing, lists the consequences, and has one button that does it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from dragoman.console.context import PageContext
from dragoman.console.forms.form_state import FormState
from dragoman.console.rendering import Page


class EndingPage(Struct, frozen=True, kw_only=True):
    """The thing that is about to be ended, as data."""

    act: str
    of: str


def ask(
    context: PageContext,
    asking: EndingPage,
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
    form = filled or FormState()
    values: dict[str, Any] = {
        "question": question,
        "follows": follows,
        "button": button,
        "back": back,
        "area": area,
        "filled": form,
        "hidden": hidden or {},
        "rows": False,
    }
    return Page(template="asked.html", view=asking, values=values, status=form.status)

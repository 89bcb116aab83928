"""A page that asks once before something is ended: what it is, what follows from it, and the one button that does it."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from dragoman.console.forms.form_state import Filled
from dragoman.console.rendering import Page, PageContext


class Asking(Struct, frozen=True, kw_only=True):
    """What is about to be ended."""

    act: str
    of: str


def ask(
    context: PageContext,
    asking: Asking,
    *,
    question: str,
    follows: Sequence[str],
    button: str,
    back: tuple[str, str],
    area: str,
    filled: Filled | None = None,
    hidden: Mapping[str, str] | None = None,
    reason: bool = False,
    suspects: bool = False,
    signs: bool = False,
) -> Page:
    """Return the page. `back` is where else to go, address and words; `hidden` goes with the form; `reason` offers a field for one.

    `suspects` offers one for the record from which on it is not sure who signed. What
    is recorded for it the page `signs`, where that is asked.
    """
    form = filled or Filled()
    values: dict[str, Any] = {
        "question": question,
        "follows": follows,
        "button": button,
        "back": back,
        "area": area,
        "filled": form,
        "hidden": hidden or {},
        "reason": reason,
        "suspects": suspects,
        "rows": False,
        "signs": signs,
    }
    return Page(template="asked.html", view=asking, values=values, status=form.status)

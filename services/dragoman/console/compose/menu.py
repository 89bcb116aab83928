"""The menu of acts that may be written."""

from typing import Final

from msgspec import Struct

from dragoman.console.compose.writing import INCIDENT, may_write, sending_of
from dragoman.console.context import PageContext
from dragoman.console.rendering import Page
from dragoman.domain.acts.act_registry import FORMATS, in_force

_FIRST: Final = (
    "line-check",
    "point-of-contact",
    "contact-note",
    "meeting-request",
    "call-record",
    "perception",
)
"""The acts that are written most; the other formats are under *more*."""


class Menu(Struct, frozen=True, kw_only=True):
    """The formats that may be opened in the channel."""

    acts: tuple[str, ...]


async def menu(context: PageContext) -> Page:
    """Return the page that lists the acts that the reader may write."""
    acts = [
        act
        for act, form in in_force(context.registry).formats.items()
        if context.registry.kind in form.kinds and may_write(context, form.rule)
    ]
    first = [act for act in _FIRST if act in acts]
    return Page(
        template="compose_menu.html",
        view=Menu(acts=tuple(acts)),
        values={
            "incident": INCIDENT in acts,
            "first": first,
            "more": [act for act in acts if act not in (*first, INCIDENT)],
            "codes": {act: form.code for act, form in FORMATS.items()},
            "hands_over": {
                act for act in acts if sending_of(context, FORMATS[act].rule).hands_over
            },
        },
    )

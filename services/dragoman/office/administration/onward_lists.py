"""The onward lists: to which posts each side passes on which messages.

    /c/{channel}/admin/onward     the lists, and their history

A head of office adopts the list of the side, by an act of the channel.
"""

from typing import Final

from aiohttp import web
from msgspec import Struct

from dragoman.console.forms.admin_forms import colleagues, hindrance
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import redirect
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.act_rules import HEADS
from dragoman.domain.acts.deadlines import profile_of
from dragoman.domain.acts.window_notices import ANNOUNCED
from dragoman_schemas.state import AdoptedOnward, OnwardList

_WINDOWED: Final = ANNOUNCED | {"terrorism-warning"}
"""Formats that have a window, before which their messages are passed on."""


class OnwardPage(Struct, frozen=True, kw_only=True):
    """Every side's adoptions of onward lists, the newest last, and the default limits.

    `before_s` is the time before a window opens, and `soon_s` the time after a message
    without a window.
    """

    channel: str
    position: int
    adopted: dict[str, tuple[AdoptedOnward, ...]]
    before_s: int
    soon_s: int


class OnwardQuery(Struct, frozen=True, kw_only=True):
    """The format whose form an earlier address had."""

    format: str = ""


async def onward(context: PageContext) -> Page | web.StreamResponse:
    """Return the page of the onward lists.

    The address of the earlier form for one format leads to the form of now.
    """
    if wanted := context.asked(OnwardQuery).format:
        return redirect(context.link("/admin/acts/onward-adoption", format=wanted))
    limits, _ = profile_of(context.registry)
    return Page(
        template="onward.html",
        view=OnwardPage(
            channel=context.name,
            position=context.position,
            adopted=context.registry.onward,
            before_s=limits.passed_on_before,
            soon_s=limits.passed_on,
        ),
        values={
            "hindrance": hindrance(context, HEADS, flag=False),
            "who": colleagues(context, HEADS),
            "codes": {act: form.code for act, form in FORMATS.items()},
            "windowed": _WINDOWED,
            "in_force": {side: _in_force(context, side) for side in context.sides},
        },
    )


def _in_force(context: PageContext, side: str) -> tuple[OnwardList, ...]:
    adoptions = context.registry.onward.get(side, ())
    return adoptions[-1].lists if adoptions else ()


ROUTES: Final = (PageRoute(path="/admin/onward", handler=onward),)

"""The page of a reader's checklists for the first hour.

GET  /first-hour                the page of the reader's first channel
GET  /c/{channel}/first-hour    the checklists of the reader's roles
POST /c/{channel}/first-hour    take them off the board, or put them back
"""

from typing import Any, Final

from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from dragoman.console.context import PageContext
from dragoman.console.first_hour import checklists
from dragoman.console.first_hour.checklists import RoleChecklist
from dragoman.console.rendering import Page, PageRoute
from dragoman.console.sessions import form_of, redirect, said
from dragoman.stores.first_hours import FirstHour


class FirstHourView(Struct, frozen=True, kw_only=True):
    """The checklists of a reader's roles, and whether the board shows them."""

    checklists: tuple[RoleChecklist, ...]
    on_board: bool


async def first_hour(context: PageContext) -> Page:
    """Return the checklists of the reader's roles."""
    lists = tuple(await checklists.lists_of(context))
    on_board = not checklists.hour_of(context).dismissed
    return Page(
        template="first_hour.html",
        view=FirstHourView(checklists=lists, on_board=on_board),
        values={"may_drill": checklists.may_drill(context), "said": ""},
    )


async def choose(context: PageContext) -> web.StreamResponse:
    """Take the reader's checklists off the board, or put them back."""
    form = await form_of(context.request)
    dismissed = said(form, "do") != "show"

    def changed(hour: FirstHour) -> FirstHour:
        return replace(hour, dismissed=dismissed)

    await context.request.app[checklists.FIRST_HOURS].change(checklists.actor_of(context), changed)
    return redirect(context.link() if dismissed else context.link("/first-hour"))


async def first_channel(context: PageContext) -> Any:
    """Redirect to the checklists of the reader's first channel."""
    if context.grant.is_operator:
        return redirect("/host")
    visible = context.service.visible(context.grant)
    official = [channel for channel in visible if channel.registry.kind == "official"]
    first = next(iter((*official, *visible)), None)
    return redirect("/" if first is None else f"/c/{first.name}/first-hour")


ROUTES: Final = (
    PageRoute(path="/first-hour", handler=first_channel, anywhere=True),
    PageRoute(path="/first-hour", handler=first_hour),
    PageRoute(path="/first-hour", handler=choose, method="POST"),
)

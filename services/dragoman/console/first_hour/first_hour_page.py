"""The page of a reader's checklists for the first hour.

GET  /first-hour                the page of the reader's first channel
GET  /c/{channel}/first-hour    the checklists of the reader's roles
POST /c/{channel}/first-hour    take them off the board, or put them back
"""

from typing import Any, Final

from aiohttp import web
from msgspec.structs import replace

from dragoman.console.first_hour import checklists
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import form_of, redirect, said
from dragoman.document.blocks import Buttons, Empty, PageDocument, Paragraph, Section, section
from dragoman.members.runs import PageLink, PressButton
from dragoman.stores.first_hours import FirstHour


async def first_hour(context: PageContext) -> Page:
    """Return the checklists of the reader's roles."""
    words = context.words
    say, lists = words.say, await checklists.lists_of(context)
    lead = say(
        "Each step leads to its page. Nobody ticks a step: it is done once the channel’s state "
        "says so, or once you have opened its page."
    )
    none = Empty(say("You have no role with a checklist in this channel."))
    document = PageDocument(
        title=say("Your first hour"),
        area="board",
        crumbs=(PageLink(say("Board"), ""),),
        lead=lead,
        sections=tuple(
            checklists.in_section(words, checklist, words.value(checklist.role).capitalize())
            for checklist in lists
        )
        or (section("", none),),
        beside=(*_drill(context), _on_board(context)),
    )
    return Page(view=document)


def _drill(context: PageContext) -> tuple[Section, ...]:
    say = context.words.say
    if not checklists.may_drill(context):
        return ()
    text = say(
        "An exercise flash comes to this screen, and to nobody else. You acknowledge, read and "
        "answer it, and see your times. Nothing is recorded."
    )
    link = PageLink(say("Go to the drill"), "/drill", "button first")
    return (section(say("The five-minute drill"), Paragraph(text), Buttons((link,))),)


def _on_board(context: PageContext) -> Section:
    """Return whether the board shows the lists, and the button that changes it."""
    say = context.words.say
    if checklists.hour_of(context).dismissed:
        state = say("You took these lists off your board.")
        label, value = say("Put these lists on my board"), "show"
    else:
        state = say("The board shows these lists until they are complete.")
        label, value = say("Take these lists off my board"), "dismiss"
    may_change = not context.past and context.grant.scope != "read"
    button = PressButton(label, "/first-hour", {"do": value})
    buttons = Buttons((button,)) if may_change else None
    return section(say("On your board"), Paragraph(state), buttons)


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

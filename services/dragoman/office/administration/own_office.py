"""The kind of a side's own office: a question on the board, and a setting.

GET  /admin     has the setting, with what each kind shows at first
POST /office    choose the kind, for the whole side
"""

from typing import Final

from aiohttp import web

from dragoman.application.operations.webhook_endpoints import ENTERING
from dragoman.console.matter.panel import Panel, ShownPanel
from dragoman.console.page.context import OFFICE_SETTINGS, PageContext
from dragoman.console.page.rendering import PageRoute, refused
from dragoman.console.page.sessions import form_of, redirect, said
from dragoman.document.blocks import Paragraph, Points, Remark, Section, section
from dragoman.domain.views.office_kinds import OFFICE_KINDS
from dragoman.members.runs import Mark, PressButton, Runs
from dragoman.stores.office_settings import OfficeSetting
from dragoman.text import sentence


def may_choose(context: PageContext) -> bool:
    """Return whether the reader may choose the kind of their side's office."""
    may_write = not context.past and context.grant.scope != "read"
    return may_write and not ENTERING.isdisjoint(context.roles)


def setting(context: PageContext) -> Section:
    """Return the kinds of office, each with its purpose and a way to choose it."""
    w, say, current = context.words, context.words.say, context.office_kind
    points: list[Runs] = []
    for name, kind in OFFICE_KINDS.items():
        label = w.sentence(kind.label)
        use = PressButton(say("Use %(office)s", office=label), "/office", {"kind": name})
        title = Mark("strong", label) if kind is current else label
        button = (use,) if may_choose(context) and name != context.office_setting.kind else ()
        points.append((title, w.colon, w.sentence(kind.purpose), " ", *button))
    note = say(
        "It decides what pages show at first, for all of your side. Rules, records and programs "
        "are the same. Search finds everything, and the menu has every page."
    )
    return section(
        say("Your office"),
        Points(tuple(points)),
        Remark((note,)),
        aside=say("only of %(side)s; in no log", side=context.side.upper()),
        anchor="office",
    )


async def question(context: PageContext) -> ShownPanel | None:
    """Return the question for the kind of office, until the side has chosen one."""
    if context.office_setting.kind or not may_choose(context):
        return None
    say = context.words.say
    lead = Paragraph((say("Which of these is your side’s office in this channel?"),))
    chosen = setting(context)
    block = section(say("Your office"), lead, *chosen.blocks, aside=chosen.aside, anchor="office")
    return ShownPanel(template="section_panel.html", value=block)


async def choose(context: PageContext) -> web.StreamResponse:
    """Store the kind of the office of the reader's side."""
    kind = said(await form_of(context.request), "kind")
    if not may_choose(context) or kind not in OFFICE_KINDS:
        raise refused(
            "not-permitted",
            sentence("Heads of office and administrators of a side choose the kind of its office."),
        )
    await context.request.app[OFFICE_SETTINGS].choose(
        context.registry.cid, context.side, OfficeSetting(kind=kind, by=context.grant.actor)
    )
    return redirect(context.link(said="recorded"))


ROUTES: Final = (PageRoute(path="/office", handler=choose, method="POST"),)

BOARD_PANELS: Final = (Panel(place="question", of=question),)

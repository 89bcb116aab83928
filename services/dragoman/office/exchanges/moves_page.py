"""The page of all moves of an officer in a matter.

/exchanges/{exchange}/moves    answers that bind, and all others

The page of the matter has the next three. This page has every act that is offered.
"""

from typing import Final

from dragoman.application.operations import exchange_view
from dragoman.console.compose import release_preview
from dragoman.console.matter import handing, shown_message
from dragoman.console.matter.turn import turn_of
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page_words import PageWords
from dragoman.document.blocks import Empty, PageDocument, Points, section
from dragoman.domain.views.offers import binds
from dragoman.members.runs import PageLink
from dragoman_schemas.state import decode_exchange


async def moves(context: PageContext) -> Page:
    """Return the page of what the reader may do in a matter."""
    id = context.request.match_info["exchange"]
    view = await exchange_view.viewed(
        context.call, context.projection, id, context.past_moment, context.newest, 0
    )
    state = decode_exchange(bytes(view.state))
    words = PageWords(context)
    say = words.w.say
    few, more = shown_message.acts_of(context, view.allowed, state)
    acts = [*few, *more] if context.may_post else []
    links = {
        act: PageLink((words.w.verb(act),), f"/exchanges/{id}/acts/{act}", "button") for act in acts
    }
    binding = [(links[act],) for act in acts if binds(act)]
    others = [(links[act],) for act in acts if not binds(act)]
    if context.may_post and release_preview.may_release(context, state):
        name = (say("Propose its release"),)
        others.append((PageLink(name, "/compose/release", "button", {"of_matter": id}),))
    if handing.colleagues(context, state, await turn_of(context, state)):
        name = (say("Hand it to a colleague"),)
        others.append((PageLink(name, f"/exchanges/{id}", "button", {"write": "hand"}),))
    groups = ((say("Answers that bind"), binding), (say("Other moves"), others))
    sections = tuple(
        section(heading, Points(tuple(group), layout="forms")) for heading, group in groups if group
    )
    nothing = Empty(say("An officer has moves here, and only on a page of now."))
    return Page(
        view=PageDocument(
            title=say("All moves"),
            area="inbox",
            crumbs=(PageLink((words.title(state),), f"/exchanges/{id}"),),
            sections=sections or (section("", nothing),),
        )
    )


ROUTES: Final = (PageRoute(path="/exchanges/{exchange:[0-9a-f-]{36}}/moves", handler=moves),)

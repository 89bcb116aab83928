"""The panel on which a receiver says to which posts it has passed a message on.

    Early warning     [Passed on]      one press a post; the time is that of the press
    Air defence       passed on 03:20Z, not confirmed      [Confirmed]

The posts are those of the side's own onward list for the format.
"""

from datetime import datetime

from msgspec import Struct

from dragoman.console.matter.panel import ShownMatter, ShownPanel
from dragoman.console.matter.receipt_rows import posts_of
from dragoman.console.matter.window_rows import limit_of
from dragoman.console.page.context import PageContext
from dragoman.domain.acts import event_windows, passing_on
from dragoman.domain.acts.act_rules import HEADS
from dragoman.i18n.words import as_moment
from dragoman_schemas.responses import PassedOnTo
from dragoman_schemas.state import Exchange


class PassingOn(Struct, frozen=True, kw_only=True):
    """The posts of the reader's side for one message: missing ones, and told ones.

    `limit` is the time by which all must be told. `desk` is the side's own desk, empty
    where the reader has none. `may_adopt` says that the reader's side has no list for
    the format, and that the reader may adopt one.
    """

    missing: tuple[str, ...]
    told: tuple[PassedOnTo, ...]
    limit: str
    is_late: bool
    desk: str
    now: str
    may_adopt: bool = False


async def shown(matter: ShownMatter) -> ShownPanel | None:
    """Return the panel of the reader's side; None where nothing is passed on."""
    value = panel(matter.context, matter.state)
    return None if value is None else ShownPanel(template="passing_on_panel.html", value=value)


def panel(context: PageContext, state: Exchange) -> PassingOn | None:
    """Return the posts of the reader's side; None where nothing is passed on."""
    message = event_windows.naming_message(state)
    if not context.may_post or context.side not in message.to or message.for_the_record:
        return None
    onward = passing_on.list_of(context.registry, context.side, state.act, message.said.position)
    if onward is None:
        may_adopt = event_windows.window_of(state) is not None and not HEADS.isdisjoint(
            context.roles
        )
        return _empty(context) if may_adopt else None
    told_posts = passing_on.told_posts(state, context.side, message)
    limit = limit_of(context.registry, state, context.side)
    return PassingOn(
        missing=passing_on.posts_to_tell(context.registry, state, context.side, message),
        told=posts_of(
            PassedOnTo(
                post=post.post, at=post.at, confirmed_at=post.confirmed_at, said=post.said.time
            )
            for post in told_posts
        ),
        limit=limit,
        is_late=context.moment > as_moment(limit),
        desk=_desk(context),
        now=clock(context.service.now()),
    )


def _empty(context: PageContext) -> PassingOn:
    return PassingOn(
        missing=(),
        told=(),
        limit="",
        is_late=False,
        desk="",
        now=clock(context.service.now()),
        may_adopt=True,
    )


def _desk(context: PageContext) -> str:
    """Return the name of the reader's own desk channel; empty for none."""
    return next(
        (
            projection.name
            for projection in context.service.visible(context.grant)
            if projection.registry.kind == "desk"
        ),
        "",
    )


def clock(moment: datetime) -> str:
    """Return a time as the form has it: to the minute, in UTC."""
    return f"{moment:%H:%M}Z"

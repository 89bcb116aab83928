"""The onward lists: to which posts each side passes on which messages.

    /c/{channel}/admin/onward     the lists, and their history

A head of office adopts the list of the side, by an act of the channel.
"""

from functools import partial
from typing import Final

from aiohttp import web
from msgspec import Struct

from dragoman.console.admin_words import AdminWords
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import redirect
from dragoman.document.blocks import (
    Block,
    Empty,
    Fold,
    Paragraph,
    Remark,
    Section,
    columns,
    section,
)
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.act_rules import HEADS
from dragoman.domain.acts.deadlines import profile_of
from dragoman.domain.acts.window_notices import ANNOUNCED
from dragoman.members.runs import Aside, Break, Cell, QuotedText, listed
from dragoman_schemas.state import AdoptedOnward, OnwardList

_WINDOWED: Final = ANNOUNCED | {"terrorism-warning"}
"""Formats that have a window, before which their messages are passed on."""


class OnwardQuery(Struct, frozen=True, kw_only=True):
    """The format whose form an earlier address had."""

    format: str = ""


async def onward(context: PageContext) -> Page | web.StreamResponse:
    """Return the page of the onward lists.

    The address of the earlier form for one format leads to the form of now.
    """
    if wanted := context.asked(OnwardQuery).format:
        return redirect(context.link("/admin/acts/onward-adoption", format=wanted))
    words = AdminWords(context)
    say = words.w.say
    return words.page(
        "/admin/onward",
        say("Onward lists"),
        say(
            "Each side says to which of its own posts it passes on which messages. From then on "
            "both sides see whether it did, and a limit runs."
        ),
        sections=tuple(_of_side(words, side) for side in context.sides),
        beside=(
            words.change(
                say("Adopt for %(side)s", side=context.side.upper()),
                "onward-adoption",
                say("Adopt a list"),
                say("Heads of office adopt the list of their side."),
                roles=HEADS,
                flag=False,
            ),
        ),
    )


def _of_side(words: AdminWords, side: str) -> Section:
    """Return the list that a side has in force, and those before."""
    say, adopted = words.w.say, words.context.registry.onward.get(side, ())
    none = Empty(
        say("No list is in force: nothing says whom this side tells."),
        say("Its head of office enters the posts here."),
    )
    if not adopted:
        return section(words.side(side), none)
    label, at = say("Posts of %(side)s", side=side.upper()), adopted[-1].adopted
    before = tuple(
        block for adoption in adopted[-2::-1] for block in _earlier(words, adoption, label)
    )
    count = words.w.count("%(n)s list before", "%(n)s lists before", len(adopted) - 1)
    note = Remark(say("A message follows the list that was in force when it was sent."))
    return section(
        words.side(side),
        _posts(words, adopted[-1], label) or none,
        Fold(count, (*before, note)) if before else None,
        aside=words.since(at.position, at.time),
    )


def _earlier(words: AdminWords, adoption: AdoptedOnward, label: str) -> tuple[Block, ...]:
    since = Paragraph(words.since(adoption.adopted.position, adoption.adopted.time))
    return since, _posts(words, adoption, label) or Paragraph(words.w.say("an empty list"))


def _posts(words: AdminWords, adoption: AdoptedOnward, label: str) -> Block | None:
    say, position = words.w.say, adoption.adopted.position
    of = partial(words.of_record, position=position)
    return columns(
        label,
        adoption.lists,
        (say("Format"), lambda item: of(_format(words, item.format))),
        (
            say("Posts"),
            lambda item: of(listed(map(QuotedText, item.posts), Break(words.w.comma))),
        ),
        (say("Limit"), lambda item: _limit(words, item)),
    )


def _format(words: AdminWords, name: str) -> Cell:
    form = FORMATS.get(name)
    return name if form is None else (words.w.act(name), " ", Aside(form.code))


def _limit(words: AdminWords, item: OnwardList) -> str:
    """Return the time in which a message is passed on, or before its window opens."""
    say, span = words.w.say, words.w.span
    limits, _ = profile_of(words.context.registry)
    if item.format not in _WINDOWED:
        return say("within %(d)s", d=span(limits.passed_on))
    if item.before_min:
        return say("%(d)s before it opens", d=span(item.before_min * 60))
    before = span(limits.passed_on_before)
    return say("%(d)s before it opens, as the profile says", d=before)


ROUTES: Final = (PageRoute(path="/admin/onward", handler=onward),)

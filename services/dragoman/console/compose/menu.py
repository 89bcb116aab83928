"""The menu of acts that may be written: each form, and when to use it.

/compose               every form, in groups, incidents first
/compose?q=fishing     the forms whose name, purpose or code has this word
"""

from typing import Final

from msgspec import Struct

from dragoman.console.compose.writing import may_write, sending_of
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page
from dragoman.domain.acts.act_registry import FORMATS, in_force
from dragoman.domain.views.offers import GROUPS, INCIDENT, MENU
from dragoman.i18n.words import Words
from dragoman.text import Text

MOST: Final = 60
"""The number of characters of a search that are read."""


class Menu(Struct, frozen=True, kw_only=True):
    """The formats that may be opened in the channel."""

    acts: tuple[str, ...]


class MenuEntry(Struct, frozen=True, kw_only=True):
    """A form of the menu."""

    act: str
    name: str
    purpose: str
    code: str
    hands_over: bool


class MenuQuery(Struct, frozen=True, kw_only=True):
    """The words of an act, as they were typed."""

    q: str = ""


async def menu(context: PageContext) -> Page:
    """Return the page that lists the acts that the reader may write."""
    writable = [
        act
        for act, form in in_force(context.registry).formats.items()
        if context.registry.kind in form.kinds and may_write(context, form.rule)
    ]
    typed = context.asked(MenuQuery).q[:MOST].rstrip()
    groups = [
        (context.words.sentence(heading), entries)
        for heading in GROUPS
        if (
            entries := [
                _entry(context, offer.act, offer.purpose)
                for offer in MENU
                if offer.group is heading
                and offer.purpose is not None
                and offer.act in writable
                and _matches(context.words, offer.act, offer.purpose, typed)
            ]
        )
    ]
    return Page(
        template="compose_menu.html",
        view=Menu(acts=tuple(entry.act for _, entries in groups for entry in entries)),
        values={
            "incident": INCIDENT if INCIDENT in writable and not typed else "",
            "groups": groups,
            "writable": len(writable),
            "typed": typed,
            "most": MOST,
        },
    )


def _entry(context: PageContext, act: str, purpose: Text) -> MenuEntry:
    return MenuEntry(
        act=act,
        name=context.words.act(act),
        purpose=context.words.sentence(purpose),
        code=FORMATS[act].code,
        hands_over=sending_of(context, FORMATS[act].rule).hands_over,
    )


def _matches(words: Words, act: str, purpose: Text, typed: str) -> bool:
    """Return whether a form has every word that was typed, in any place and case."""
    text = " ".join((words.act(act), words.sentence(purpose), FORMATS[act].code)).casefold()
    return all(part in text for part in typed.casefold().split())

"""The page `/help`: symbols, steps without a line, and keys without a button."""

from collections.abc import Iterator
from typing import Final

from dragoman.console.display.deadline_rows import LEVELS, Level
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.document.blocks import (
    Buttons,
    Definitions,
    PageDocument,
    Paragraph,
    Points,
    Section,
    section,
)
from dragoman.i18n.words import Words
from dragoman.members.runs import Aside, Mark, PageLink, PressButton, Runs
from dragoman_schemas.act_frame import Precedence
from dragoman_schemas.profiles import PROFILES


async def help(context: PageContext) -> Page:
    """Return the help page."""
    words = context.words
    say = words.say
    precedences = section(
        say("Precedence"),
        Points(tuple(_urgencies(words))),
        aside=say("limits unless a channel has adopted others"),
    )
    document = PageDocument(
        title=say("Help"),
        actions=(
            PageLink(say("Your first hour"), "//first-hour"),
            PageLink(say("Glossary"), "//glossary"),
        ),
        sections=(_keyboard(context),),
        beside=(
            section(say("When the line is lost"), Points(tuple(_lost(words)), steps=True)),
            precedences,
            section(say("What the symbols mean"), Points(tuple(_meanings(words)))),
        ),
    )
    return Page(view=document)


def _keyboard(context: PageContext) -> Section:
    """Return the keys without a button, and the switch of single letters."""
    words, letters = context.words, context.preferences.keys
    say = words.say
    values = {"next": "/help", "keys": "off" if letters else "on"}
    label = say("Switch single letters off") if letters else say("Switch single letters on")
    state = (
        say("Single letters act.")
        if letters
        else say("Single letters are switched off on this screen.")
    )
    return section(
        words.name("heading", "keyboard"),
        Paragraph(say("A button shows its own key. These keys have no button.")),
        Definitions(tuple(("", Mark("key", key), does) for key, does in _keys(words))),
        Paragraph(state),
        Buttons((PressButton(label, "//preferences", values),)),
        aside=say("never in a field, never while a character is being composed"),
    )


def level_words(words: Words) -> dict[Level, str]:
    """Return the word of each level."""
    return {
        "critical": words.say("Critical"),
        "serious": words.say("Serious"),
        "caution": words.say("Caution"),
        "standby": words.say("Standby"),
        "normal": words.say("Normal"),
        "off": words.say("Off"),
    }


def _keys(words: Words) -> tuple[tuple[str, str], ...]:
    """Return the keys that no button shows, each with its effect."""
    say = words.say
    return (
        (
            "A",
            say(
                "acknowledge receipt: in the flash, of the open exchange, or of the row that has the focus"
            ),
        ),
        ("j", say("next row")),
        ("k", say("previous row")),
        ("Enter", say("open the row")),
        ("/", say("to the search field")),
        ("w", say("when: to the field for a position or a time")),
        ("l", say("next language, where several are shown side by side")),
    )


def _meanings(words: Words) -> Iterator[Runs]:
    means: dict[Level, str] = {
        "critical": words.say(
            "A person is needed now: a flash is not acknowledged, the connection is lost, nobody "
            "is on watch."
        ),
        "serious": words.say(
            "A limit has passed, an immediate message waits, the alarm is not armed, the line is "
            "degraded."
        ),
        "caution": words.say(
            "Half of a limit is spent, a priority message waits, one line check was missed."
        ),
        "standby": words.say("Something waits for someone, within its limit; or nothing binds."),
        "normal": words.say("In order, and inside every limit."),
        "off": words.say("Closed, cancelled, not in force, or not known. Off is not an emergency."),
    }
    level_names = level_words(words)
    for level in LEVELS:
        yield (Mark("state", level_names[level], level), Aside(means[level]))


def _urgencies(words: Words) -> Iterator[Runs]:
    does: dict[Precedence, str] = {
        "flash": words.say(
            "Takes every page of the duty officer it is addressed to, and rings until a person "
            "acknowledges."
        ),
        "immediate": words.say(
            "Rings every %(a)s for %(b)s, then every %(c)s.",
            a=words.span(30),
            b=words.span(300),
            c=words.span(60),
        ),
        "priority": words.say(
            "Sounds once when it comes, at half and at nine tenths of its limit."
        ),
        "routine": words.say("Silent. Counted in the duty days of the side that owes it."),
    }
    limits = PROFILES["default"].acknowledgement
    for precedence, effect in does.items():
        limit = words.span(limits[precedence])
        name = Mark("precedence", words.value(precedence).upper(), precedence)
        yield (name, " ", words.say("to be acknowledged within %(d)s", d=limit), Aside(effect))


def _lost(words: Words) -> Iterator[Runs]:
    yield (
        words.say(
            "Use the telephone. The board lists the people to ring under “If you must ring”, with "
            "their hours."
        ),
    )
    yield (words.say("The page shows the state at its own time. That may have changed since."),)
    yield (
        words.say(
            "Leave the page open: what you typed is kept. Send it again later: it cannot be sent twice."
        ),
    )
    yield (
        words.say(
            "Afterwards, record what you said by telephone, with the time of the call. Then it is not "
            "late."
        ),
    )


ROUTES: Final[tuple[PageRoute, ...]] = (PageRoute(path="/help", handler=help, anywhere=True),)

"""The page `/help`: symbols, steps without a line, and keys without a button."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from dragoman.console.context import PageContext
from dragoman.console.display.deadline_rows import LEVELS, Level
from dragoman.console.rendering import Page, PageRoute
from dragoman.i18n.words import Words
from dragoman_schemas.act_frame import Precedence
from dragoman_schemas.profiles import PROFILES


class Shortcut(Struct, frozen=True, kw_only=True):
    """A key and its effect."""

    key: str
    does: str


class Meaning(Struct, frozen=True, kw_only=True):
    """A level of urgency, with its word and its meaning."""

    level: Level
    word: str
    means: str


class Urgency(Struct, frozen=True, kw_only=True):
    """A precedence and its effect.

    `seconds` is the time within which a message must be acknowledged.
    """

    precedence: Precedence
    seconds: int
    does: str


class Help(Struct, frozen=True, kw_only=True):
    """The help page: keys, the meaning of the symbols, and offline steps.

    `precedences` says what each precedence does. `letters` says whether single letters
    act as shortcuts. `lost` are the steps when the connection is lost.
    """

    letters: bool
    keys: tuple[Shortcut, ...]
    levels: tuple[Meaning, ...]
    precedences: tuple[Urgency, ...]
    lost: tuple[str, ...]


async def help(context: PageContext) -> Page:
    """Return the help page."""
    view = Help(
        letters=context.preferences.keys,
        keys=tuple(_keys(context.words)),
        levels=tuple(_meanings(context.words)),
        precedences=tuple(_urgencies(context.words)),
        lost=tuple(_lost(context.words)),
    )
    return Page(
        template="help.html",
        view=view,
        rows=view.keys,
        values={"said": context.request.query.get("said", "")},
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


def _keys(words: Words) -> Iterator[Shortcut]:
    """Yield the keys that no button shows. A button or a link shows its own key."""
    say = words.say
    for key, does in (
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
    ):
        yield Shortcut(key=key, does=does)


def _meanings(words: Words) -> Iterator[Meaning]:
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
        yield Meaning(level=level, word=level_names[level], means=means[level])


def _urgencies(words: Words) -> Iterator[Urgency]:
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
        yield Urgency(precedence=precedence, seconds=limits[precedence], does=effect)


def _lost(words: Words) -> Iterator[str]:
    yield words.say(
        "Use the telephone. The board lists the people to ring under “If you must ring”, with "
        "their hours."
    )
    yield words.say("The page shows the state at its own time. That may have changed since.")
    yield words.say(
        "Leave the page open: what you typed is kept. Send it again later: it cannot be sent twice."
    )
    yield words.say(
        "Afterwards, record what you said by telephone, with the time of the call. Then it is not "
        "late."
    )


ROUTES: Final[tuple[PageRoute, ...]] = (PageRoute(path="/help", handler=help, anywhere=True),)

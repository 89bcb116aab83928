"""The menu of acts that may be written: each form, and when to use it.

/compose               every form, in groups, incidents first
/compose?q=fishing     the forms whose name, purpose or code has this word
"""

from typing import Final

from msgspec import Struct

from dragoman.console.compose.writing import INCIDENT, may_write, sending_of
from dragoman.console.context import PageContext
from dragoman.console.rendering import Page
from dragoman.domain.acts.act_registry import FORMATS, in_force
from dragoman.i18n.words import Words
from dragoman.text import Text, sentence

MOST: Final = 60
"""The number of characters of a search that are read."""

GROUPS: Final = (
    (
        sentence("Incidents and emergencies"),
        (
            (
                INCIDENT,
                sentence(
                    "Something dangerous has just happened, such as a near miss or a collision."
                ),
            ),
            (
                "immediate-notification",
                sentence(
                    "Say it at once with a code word and a number. The plain words can follow."
                ),
            ),
            (
                "emergency-notification",
                sentence(
                    "An emergency that may reach the other side, such as a fire or radiation."
                ),
            ),
            ("terrorism-warning", sentence("The other side is threatened, or can stop a threat.")),
            (
                "humanitarian-notification",
                sentence("A hospital, a convoy or another site or movement that must not be hit."),
            ),
            (
                "encounter-report",
                sentence("Ships or aircraft of the sides have met, at sea or in the air."),
            ),
        ),
    ),
    (
        sentence("Contact"),
        (
            ("contact-note", sentence("Keep what was said in a conversation or a letter.")),
            ("call-record", sentence("Keep what was said in a telephone call.")),
            ("point-of-contact", sentence("Announce whom the other side can ring, and when.")),
            ("line-check", sentence("Test the line: the other side sends your text back.")),
            (
                "liaison-office",
                sentence("Propose a liaison office, or enter one that exists already."),
            ),
            (
                "people-programme",
                sentence("Propose a programme between people, such as students or artists."),
            ),
        ),
    ),
    (
        sentence("Meetings and visits"),
        (
            ("meeting-request", sentence("Ask the other side to meet, with possible times.")),
            ("call-request", sentence("Ask for a call with a post of the other side.")),
            ("visit-request", sentence("Ask to see a place, an activity, wreckage or people.")),
            ("visit-invitation", sentence("Invite the other side to a place of yours.")),
            ("undertaking", sentence("Write down what a side will do, and by when.")),
        ),
    ),
    (
        sentence("Activities and dangers ahead"),
        (
            (
                "military-activity",
                sentence("Announce an exercise, a movement of forces or another activity."),
            ),
            (
                "danger-area",
                sentence("Announce a dangerous area and the time in which it is dangerous."),
            ),
            (
                "launch-notice",
                sentence("Announce the launch of a missile or a space rocket, or report it."),
            ),
            (
                "explanation-request",
                sentence("Ask the other side to explain an activity that you see."),
            ),
            ("ict-inquiry", sentence("Ask about an event in computers or networks.")),
            ("annual-exchange", sentence("Give the yearly data, or say that there are none.")),
        ),
    ),
    (
        sentence("Dialogue and texts"),
        (
            (
                "perception",
                sentence(
                    "Say how your side sees an issue, and how you think the other side sees it."
                ),
            ),
            ("roadmap-item", sentence("Propose a plan in one area, and what it shall produce.")),
            ("recommendation", sentence("Recommend something to the governments.")),
            ("joint-report", sentence("Negotiate a report, paragraph by paragraph.")),
            (
                "reference-document",
                sentence("Name a document and the passages to which you will refer."),
            ),
            (
                "mechanism",
                sentence("Enter a body in which the sides meet: its level, its chairs, its areas."),
            ),
            (
                "transmittal",
                sentence("Hand over the recommendations of a group, with their proofs."),
            ),
            ("release", sentence("Propose that exactly these records are made public.")),
            (
                "public-line",
                sentence("Tell the other side what yours will say in public, and when."),
            ),
        ),
    ),
    (
        sentence("Inside your side"),
        (
            ("tasking", sentence("Give officers of your side a task.")),
            ("instruction-request", sentence("Ask your capital for instructions.")),
        ),
    ),
)
"""The groups of the menu: a heading, and acts with their purpose."""


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


async def menu(context: PageContext) -> Page:
    """Return the page that lists the acts that the reader may write."""
    writable = [
        act
        for act, form in in_force(context.registry).formats.items()
        if context.registry.kind in form.kinds and may_write(context, form.rule)
    ]
    typed = " ".join(context.request.query.get("q", "")[:MOST].split())
    groups = [
        (context.words.sentence(heading), entries)
        for heading, forms in GROUPS
        if (
            entries := [
                _entry(context, act, purpose)
                for act, purpose in forms
                if act in writable and _matches(context.words, act, purpose, typed)
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

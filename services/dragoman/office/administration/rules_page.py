"""The versions of the rules: which is in force, and which the sides have adopted.

    /c/{channel}/admin/rules      the versions, and the adoptions

A later version brings acts, members and rules. It is in force once every side has
adopted it, by an act of an administrator. A program that lacks it reads the channel up
to there and records nothing more.
"""

from typing import Final

from dragoman.console.admin_words import AdminWords
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.document.blocks import Paragraph, Points, Remark, Section, section
from dragoman.domain.acts.access import full_sides
from dragoman.domain.acts.versions import adoption
from dragoman.members.runs import Cell, Mark
from dragoman_schemas.acts import rules_versions
from dragoman_schemas.state import AdoptedRules


async def rules(context: PageContext) -> Page:
    """Return the page with the versions of the rules, and the sides' adoptions."""
    words = AdminWords(context)
    say = words.w.say
    since = Mark("state", say("since the opening"), "off")
    return words.page(
        "/admin/rules",
        say("Rules %(n)s", n=context.registry.rules),
        _lead(words),
        sections=_versions(words),
        beside=(
            words.adoptions(context.registry.rules_adopted, lambda it: _named(words, it), since),
            _adopt(words),
        ),
    )


def _lead(words: AdminWords) -> str:
    """Return the sentence on adoptions that wait, or on later versions."""
    say, w, registry = words.w.say, words.w, words.context.registry
    if registry.rules > rules_versions.NEWEST:
        return say(
            "This program has no rules after %(n)s. The channel can be read up to the record that "
            "put newer ones in force, and nothing is recorded here.",
            n=rules_versions.NEWEST,
        )
    if waiting := adoption.pending(registry):
        full = full_sides(registry)
        return w.sentences(
            say(
                "Rules %(n)s are adopted by %(sides)s, and wait for %(missing)s.",
                n=number,
                sides=w.listed(map(str.upper, sides)),
                missing=w.listed(side.upper() for side in full if side not in sides),
            )
            for number, sides in waiting.items()
        )
    if _later(words):
        return say("They are in force. This program has later ones, which every side may adopt.")
    return say("They are in force, and are the newest ones that this program has.")


def _later(words: AdminWords) -> dict[int, list[str]]:
    """Return the acts that each later version adds or changes."""
    rules = words.context.registry.rules
    changes = rules_versions.CHANGES.items()
    return {number: sorted(acts) for number, acts in changes if number > rules}


def _versions(words: AdminWords) -> tuple[Section, ...]:
    say = words.w.say
    about = say(
        "The rules say which acts there are, who may do them, and what follows. A version never "
        "changes. A later one is in force in a channel once every side has adopted it; records "
        "before that are judged as they were."
    )
    note = say(
        "Before a side adopts a later version, every program that reads the channel should have it: "
        "gateways, mirrors and witnesses of all sides. One that lacks it stops there and says so."
    )
    later = (
        section(
            say("New or changed in rules %(n)s", n=number),
            Points(tuple((words.w.act(act),) for act in acts)),
            level=3,
        )
        for number, acts in _later(words).items()
    )
    return (section(say("Versions of the rules"), Paragraph(about), Remark(note)), *later)


def _named(words: AdminWords, entry: AdoptedRules) -> Cell:
    say = words.w.say
    release = say("(release %(release)s)", release=entry.release)
    name = Mark("strong", say("Rules %(n)s", n=entry.rules))
    return (name, " ", release) if entry.release else name


def _adopt(words: AdminWords) -> Section:
    say, context = words.w.say, words.context
    adoptable = adoption.adoptable(context.registry, context.side)
    if not adoptable:
        title = say("Adopt for %(side)s", side=context.side.upper())
        return section(title, Remark(say("There is nothing to adopt.")))
    return words.adopt(
        "rules-adoption",
        say("Adopt rules"),
        say("Administrators of a side adopt rules for it."),
        f"dragoman adopt rules {adoptable[-1]} {words.where} --sign YOUR-KEY.pem",
    )


ROUTES: Final[tuple[PageRoute, ...]] = (PageRoute(path="/admin/rules", handler=rules),)

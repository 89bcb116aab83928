"""The page `/glossary`: the terms of the pages, in the language of the reader.

The English explanations are those of `docs/glossary.md`, and a test compares them.
"""

from typing import Final

from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.document.blocks import Definitions, PageDocument, section
from dragoman.i18n.words import Words
from dragoman.members.runs import PageLink


def terms_of(words: Words) -> tuple[tuple[str, str, str], ...]:
    """Return the terms in the order of the page: anchor, name and meaning."""
    say = words.say
    return (
        (
            "exchange",
            say("exchange"),
            say("All records about one matter, begun by an opening."),
        ),
        (
            "precedence",
            say("precedence"),
            say("How urgent a message is: routine, priority, immediate or flash."),
        ),
        (
            "addressee",
            say("addressee"),
            say(
                "A side that must acknowledge a message, and answer it. A side that is only informed owes nothing."
            ),
        ),
        (
            "receipt",
            say("receipt"),
            say("Delivered, acknowledged, answered, passed on: four facts, kept apart."),
        ),
        ("open-matter", say("open matter"), say("An exchange that is not settled.")),
        (
            "window",
            say("window"),
            say("The time of an announced event, from its beginning to its end."),
        ),
        (
            "line-check",
            say("line check"),
            say("A scheduled test that the other side is there."),
        ),
        (
            "turn-over",
            say("turn-over"),
            say(
                "What a watch hands over to the next one: what is open, owed, awaited and shelved."
            ),
        ),
        (
            "second-officer",
            say("second officer"),
            say("The confirmation of an act by a second officer of the same side."),
        ),
        (
            "point-of-contact",
            say("point of contact"),
            say("Who is reached for a matter, when and how."),
        ),
        (
            "check-words",
            say("check words"),
            say(
                "Four words from the digest of a message. Two officers read them aloud to compare what they have."
            ),
        ),
        ("head", say("signed head"), say("Size and root of the tree, signed.")),
        (
            "witness",
            say("witness"),
            say(
                "A side's own service. It signs a head only if the head extends the one that it signed before."
            ),
        ),
        (
            "cosignature",
            say("cosignature"),
            say("The signature of a witness on a head that the log has signed."),
        ),
        (
            "chatham-house-rule",
            say("Chatham House Rule"),
            say("What was said may be used, not who said it."),
        ),
    )


async def glossary(context: PageContext) -> Page:
    """Return the glossary in the reader's language."""
    say = context.words.say
    document = PageDocument(
        title=say("Glossary"),
        crumbs=(PageLink(say("Help"), "//help"),),
        sections=(section("", Definitions(terms_of(context.words))),),
    )
    return Page(view=document)


ROUTES: Final = (PageRoute(path="/glossary", handler=glossary, anywhere=True),)

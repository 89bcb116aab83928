"""The glossary of the pages: the first occurrence of a term on a page explains it.

    marked(document, words)    the page with a link on the first occurrence of each term

The link leads to the glossary page. With scripts its explanation appears beside the
page on hover, focus and tap. The English explanations are those of `docs/glossary.md`,
and a test compares them.
"""

import re
from functools import cache
from typing import Final

from aiohttp import web
from markupsafe import escape
from msgspec import Struct

from dragoman.console.context import PageContext
from dragoman.console.rendering import Page, PageRoute
from dragoman.i18n import words as languages
from dragoman.i18n.words import Words

_TAG: Final = re.compile(r'(<(?:[^<>"]|"[^"]*")*>)')
_NAME: Final = re.compile(r"</?([a-z0-9]+)")
_UNMARKED: Final = frozenset(
    {"a", "button", "code", "dialog", "form", "h1", "h2", "h3", "kbd", "label", "legend"}
    | {"option", "pre", "script", "select", "summary", "svg", "table", "template", "textarea"}
    | {"title"}
)
"""Elements whose words are no prose, or act when they are pressed.

The links in the cells of a table lie too close for further ones.
"""

_VOID: Final = frozenset({"br", "hr", "img", "input", "wbr", "use", "rect", "path"})


_READ: Final = 40_000
"""Characters of a page in which terms are marked, so that a long list costs no time."""


class GlossaryTerm(Struct, frozen=True, kw_only=True):
    """A term: its name in addresses, its forms in a language, and its meaning."""

    key: str
    forms: tuple[str, ...]
    meaning: str


class GlossaryView(Struct, frozen=True, kw_only=True):
    """The glossary in the reader's language."""

    terms: tuple[GlossaryTerm, ...]


def terms_of(words: Words) -> tuple[GlossaryTerm, ...]:
    """Return the terms in a language, in the order of the page."""
    say = words.say
    entries = (
        (
            "exchange",
            say("exchange, exchanges"),
            say("All records about one matter, begun by an opening."),
        ),
        (
            "precedence",
            say("precedence"),
            say("How urgent a message is: routine, priority, immediate or flash."),
        ),
        (
            "addressee",
            say("addressee, addressees"),
            say(
                "A side that must acknowledge a message, and answer it. A side that is only informed owes nothing."
            ),
        ),
        (
            "receipt",
            say("receipt, receipts"),
            say("Delivered, acknowledged, answered, passed on: four facts, kept apart."),
        ),
        ("open-matter", say("open matter, open matters"), say("An exchange that is not settled.")),
        (
            "window",
            say("window, windows"),
            say("The time of an announced event, from its beginning to its end."),
        ),
        (
            "line-check",
            say("line check, line checks"),
            say("A scheduled test that the other side is there."),
        ),
        (
            "turn-over",
            say("turn-over, turn-overs"),
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
            say("point of contact, points of contact"),
            say("Who is reached for a matter, when and how."),
        ),
        (
            "check-words",
            say("check words"),
            say(
                "Four words from the digest of a message. Two officers read them aloud to compare what they have."
            ),
        ),
        ("head", say("signed head, signed heads"), say("Size and root of the tree, signed.")),
        (
            "witness",
            say("witness, witnesses"),
            say(
                "A side's own service. It signs a head only if the head extends the one that it signed before."
            ),
        ),
        (
            "cosignature",
            say("cosignature, cosignatures"),
            say("The signature of a witness on a head that the log has signed."),
        ),
        (
            "chatham-house-rule",
            say("Chatham House Rule"),
            say("What was said may be used, not who said it."),
        ),
    )
    return tuple(
        GlossaryTerm(
            key=key,
            forms=tuple(form.strip() for form in re.split("[,\uff0c]", forms)),
            meaning=meaning,
        )
        for key, forms, meaning in entries
    )


@cache
def _patterns(language: str) -> tuple[re.Pattern[str], dict[str, GlossaryTerm]]:
    """Return the pattern of a language's terms, and the term of each form."""
    terms = terms_of(languages.words(language))
    forms = {form.lower(): term for term in terms for form in term.forms}
    longest_first = sorted(forms, key=len, reverse=True)
    edge = "" if language == "zh" else r"\b"
    pattern = f"{edge}(?:{'|'.join(map(re.escape, longest_first))}){edge}"
    return re.compile(pattern, re.IGNORECASE), forms


def marked(document: str, words: Words) -> str:
    """Return a page with the first occurrence of each term marked.

    Texts of the sides, headings, and everything that can be pressed stay as they are.
    """
    begins, ends = document.find('<main id="main"'), document.rfind("</main>")
    pattern, forms = _patterns(words.language)
    if begins < 0 or ends < 0 or pattern.search(document, begins, ends) is None:
        return document
    terms: dict[str, GlossaryTerm] = {}
    part = min(ends, max(begins + 1, document.rfind("<", begins, begins + _READ)))
    tokens = _TAG.split(document[begins:part])
    skipped, depth = "", 0
    for place, token in enumerate(tokens):
        if place % 2 == 0:
            if not skipped and pattern.search(token):
                tokens[place] = _linked(token, pattern, forms, terms)
            continue
        match = _NAME.match(token)
        name = "" if match is None else match[1]
        if skipped:
            if name == skipped:
                depth += -1 if token[1] == "/" else 1
                skipped = skipped if depth else ""
        elif token[1] != "/" and name not in _VOID and _is_unmarked(name, token):
            skipped, depth = name, 1
    if not terms:
        return document
    notes = "".join(_note(term, words) for term in terms.values())
    after = ends + len("</main>")
    return f"{document[:begins]}{''.join(tokens)}{document[part:after]}{notes}{document[after:]}"


def _is_unmarked(name: str, tag: str) -> bool:
    return name in _UNMARKED or " lang=" in tag or "said" in tag or 'class="mark"' in tag


def _linked(
    text: str,
    pattern: re.Pattern[str],
    forms: dict[str, GlossaryTerm],
    terms: dict[str, GlossaryTerm],
) -> str:
    """Return a text with links on the terms that the page has not had before."""

    def link(match: re.Match[str]) -> str:
        term = forms[match[0].lower()]
        if term.key in terms:
            return match[0]
        terms[term.key] = term
        return f'<a class="term" href="/glossary#{term.key}" data-term="{term.key}">{match[0]}</a>'

    return pattern.sub(link, text)


def _note(term: GlossaryTerm, words: Words) -> str:
    return (
        f'<div class="gloss" id="term-{term.key}" popover role="note"><p><b>{escape(term.forms[0])}'
        f"</b>{words.colon}{escape(term.meaning)} "
        f'<a href="/glossary#{term.key}">{escape(words.say("Glossary"))}</a></p></div>'
    )


async def glossary(context: PageContext) -> Page:
    """Return the glossary in the reader's language."""
    view = GlossaryView(terms=terms_of(context.words))
    return Page(template="glossary.html", view=view, rows=view.terms)


def is_marked(request: web.Request, page: Page) -> bool:
    """Return whether terms are marked on a page.

    They are not on a wall, in the glossary, and on a page of the past, whose links all
    keep its moment.
    """
    return page.template not in ("glossary.html", "wall.html") and not (
        {"thin", "at"} & request.query.keys()
    )


ROUTES: Final = (PageRoute(path="/glossary", handler=glossary, anywhere=True),)

"""Two texts of one message in one language, with their differences marked.

/exchanges/{exchange}/translations?of=ID&language=zh&from=1&to=2

Sides may translate a message several times, and its author may have written that
language too. All these texts are by officers. The service translates nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from msgspec import Raw, Struct, field
from msgspec.structs import replace

from dragoman.application.http.queries import Whole
from dragoman.console.display import translations
from dragoman.console.matter.text_versions import chooser, marked, what_differs
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.console.page_words import PageWords
from dragoman.document.blocks import Empty, PageDocument, Paragraph, Remark, choice, section
from dragoman.domain.acts import consent
from dragoman.i18n.words import Words
from dragoman.members import shapes
from dragoman.members.runs import MarkedText, StandingSource, sourced
from dragoman.members.texts import language as language_name
from dragoman.projection.view import View
from dragoman.text import sentence
from dragoman_schemas.state import Exchange


class LanguageText(Struct, frozen=True, kw_only=True):
    """A text of a message in one language: its number, side, time and words.

    It `is_original` where the author of the message wrote it.
    """

    number: int
    side: str
    time: str
    text: str
    is_original: bool


class ComparisonQuery(Struct, frozen=True, kw_only=True):
    """The message, the language, and the numbers of the two texts to compare."""

    of: str = ""
    language: str = ""
    from_: Whole = field(name="from", default=0)
    to: Whole = 0


def texts_of(state: Exchange, message: str, language: str) -> list[LanguageText]:
    """Return the texts of a message in a language, the author's first."""
    by_author = list(_by_author(state, message, language))
    author = next((item for item in state.messages if item.id == message), None)
    side, time = (
        (state.side, state.opened.time) if author is None else (author.said.side, author.said.time)
    )
    texts = [(side, time, "\n\n".join(by_author), True)] if by_author else []
    texts += [
        (item.side, item.time, item.text, False)
        for item in translations.of_message(state, message)
        if item.language == language
    ]
    return [
        LanguageText(number=number, side=side, time=time, text=text, is_original=original)
        for number, (side, time, text, original) in enumerate(texts, 1)
    ]


def compared_languages(state: Exchange, message: str) -> tuple[str, ...]:
    """Return the languages in which a message has two texts or more."""
    tags = dict.fromkeys(item.language for item in translations.of_message(state, message))
    return tuple(tag for tag in tags if len(texts_of(state, message, tag)) > 1)


def _by_author(state: Exchange, message: str, language: str) -> Iterator[str]:
    """Yield the words of a message that its author wrote in a language."""
    of_opening = message == state.id
    content: Mapping[str, Raw] = (
        state.content if of_opening else consent.content_of_message(state, message) or {}
    )
    act = (
        state.act
        if of_opening
        else next((item.act for item in state.messages if item.id == message), "")
    )
    for member in shapes.members(act) if act else ():
        if member.name not in content or member.name == "subject":
            continue
        if member.kind.is_prose:
            value = msgspec.json.decode(bytes(content[member.name]))
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict) and language in item:
                    yield str(item[language])


async def compare(context: PageContext) -> Page:
    """Return the page with two texts of a message in one language, marked."""
    query = context.asked(ComparisonQuery)
    state = await context.ask(View.state, context.request.match_info["exchange"])
    if state is None:
        raise refused("not-found", sentence("There is no exchange of that id here."))
    of = query.of or state.id
    offered = compared_languages(state, of)
    language = query.language or next(iter(offered), "")
    if language not in offered:
        raise refused(
            "not-found",
            sentence("No language has two texts of this message, so there is nothing to compare."),
        )
    texts = texts_of(state, of, language)
    numbers = {text.number: text for text in texts}
    one = numbers.get(query.from_, texts[-2])
    other = numbers.get(query.to, texts[-1])
    rows = await context.in_thread(marked, one.text, other.text)
    say, words, same = context.words.say, PageWords(context), one.text == other.text
    names = tuple((str(text.number), _called(context.words, text)) for text in texts)
    tags = tuple((tag, language_name(tag)) for tag in offered)
    tag = choice("language", say("Language"), language, tags)
    form = chooser(
        context,
        f"/exchanges/{state.id}/translations",
        str(one.number),
        str(other.number),
        names,
        *((tag,) if len(offered) > 1 else ()),
    )
    of_form = {"of": of} if len(offered) > 1 else {"of": of, "language": language}
    compared = f"{_called(context.words, one)} → {_called(context.words, other)}"
    shown = sourced(MarkedText(rows, language), StandingSource("translations", state.id))
    document = PageDocument(
        title=say("Two texts in one language"),
        area="inbox",
        crumbs=(words.exchange(state.id, state.number),),
        lead=(say("Officers wrote these texts. The service translates nothing."),),
        sections=(
            section("", replace(form, values=of_form)),
            what_differs(
                context,
                *(
                    (Empty(say("Nothing: they say the same.")),)
                    if same
                    else (Remark((compared,)), Paragraph((shown,)))
                ),
            ),
        ),
    )
    return Page(view=document)


def _called(words: Words, text: LanguageText) -> str:
    side, t = text.side.upper(), words.written(text.time, "minute")
    name = (
        words.say("the author’s own text, %(side)s, %(t)s", side=side, t=t)
        if text.is_original
        else words.say("translation of %(side)s, %(t)s", side=side, t=t)
    )
    return f"{words.number(text.number)}. {name}"


ROUTES: Final = (
    PageRoute(path="/exchanges/{exchange:[0-9a-f-]{36}}/translations", handler=compare),
)

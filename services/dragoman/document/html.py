"""Documents and runs as HTML, for pages and for papers that are shown as pages.

markup((Mark("side", "NATO"), ", ", QuotedText("Hello", "en")))
<span class="side">NATO</span>, <span class="said break" …>Hello</span>
"""

from collections.abc import Callable, Iterable
from typing import Final

from markupsafe import Markup, escape

from dragoman.document.blocks import Block, Paragraph, Points, Quote, Section, Table
from dragoman.document.invisible_characters import marked
from dragoman.i18n.words import Words
from dragoman.members.runs import Aside, Break, Cell, Mark, QuotedText, Run

_BREAK: Final = Markup("<br>")


def markup(cell: Cell, link: Callable[..., str] | None = None) -> Markup:
    """Return runs as HTML.

    `link` makes an address from a path of the channel. Without it, nothing is linked.
    """
    runs = cell if isinstance(cell, tuple) else (cell,)
    return Markup("").join(_run(run, link) for run in runs)


def sections(
    items: Iterable[Section], words: Words, link: Callable[..., str] | None = None
) -> Markup:
    """Return the sections of a document as HTML."""
    return Markup("").join(_section(item, words, link) for item in items)


def _section(item: Section, words: Words, link: Callable[..., str] | None) -> Markup:
    kind = "after block" if item.level == 2 else "after"
    heading = Markup("<h{0}>{1}</h{0}>").format(item.level, markup(item.title, link))
    blocks = Markup("").join(block(part, words, link) for part in item.blocks)
    return Markup('<section class="{}">{}{}</section>').format(kind, heading, blocks)


def block(item: Block, words: Words, link: Callable[..., str] | None = None) -> Markup:
    """Return a block as HTML."""
    match item:
        case Paragraph():
            return Markup("<p>{}</p>").format(markup(item.runs, link))
        case Points():
            points = (Markup("<li>{}</li>").format(markup(point, link)) for point in item.points)
            return Markup('<ul class="list">{}</ul>').format(Markup("").join(points))
        case Quote():
            note = Markup("<p><small>{}{}</small></p>").format(item.label, item.quotation.note)
            tag = item.quotation.language
            lang = Markup(' lang="{}"').format(tag) if tag else ""
            line = Markup('<p class="said break" dir="auto"{}>{}</p>')
            lines = (line.format(lang, marked(text)) for text in item.quotation.text.splitlines())
            return Markup('<div class="told">{}{}</div>').format(note, Markup("").join(lines))
        case Table():
            return _table(item, words, link)


def _table(item: Table, words: Words, link: Callable[..., str] | None) -> Markup:
    """Return a table.

    Each cell names its column: a narrow screen shows rows as cards.
    """
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(name) for name in item.head)
    cell = Markup('<td data-of="{}">{}</td>')
    rows = (
        Markup("").join(
            cell.format(name, markup(content, link))
            for name, content in zip(item.head, row, strict=True)
        )
        for row in item.rows
    )
    body = Markup("").join(Markup("<tr>{}</tr>").format(row) for row in rows)
    return Markup(
        '<div class="wide-scroll" tabindex="0" role="group" aria-label="{}">'
        '<table class="log cards roomy"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(words.listed(filter(None, item.head)), head, body)


def own_words(text: str, language: str = "") -> Markup:
    """Return a side's own words, marked with their language."""
    tag = Markup(' lang="{}"').format(language) if language else Markup("")
    lines = _BREAK.join(marked(line) for line in text.splitlines())
    return Markup('<span class="said break" dir="auto"{}>{}</span>').format(tag, lines)


def number(text: str) -> Markup:
    """Return a number that breaks only after its slashes."""
    return Markup('<span class="num">{}</span>').format(_breaking(text))


def dialling(number: str) -> str:
    """Return a telephone number in the form in which a link dials it."""
    return number[:1] * number.startswith("+") + "".join(
        character for character in number if character.isdigit()
    )


def _breaking(text: str) -> Markup:
    return Markup("/<wbr>").join(escape(part) for part in text.split("/"))


def _run(run: Run, link: Callable[..., str] | None) -> Markup:
    match run:
        case str():
            return _breaking(run)
        case QuotedText():
            note = Markup("<small>{}</small>").format(marked(run.note)) if run.note else ""
            return own_words(run.text, run.language) + note
        case Aside():
            return Markup("<small>{}</small>").format(markup(run.runs, link))
        case Break():
            return _BREAK
        case Mark():
            return _mark(run, link)


_DRAWN: Final = {
    "code": '<code class="break">{0}</code>',
    "digest": '<code title="{1}">{0}</code>',
    "figure": '<b class="num">{0}</b>',
    "label": "<small>{0}</small>",
    "language": '<span lang="{1}">{0}</span>',
    "phrase": '<q class="said">{0}</q>',
    "side": '<span class="side">{0}</span>',
    "time": '<time datetime="{1}">{0}</time>',
}
"""The elements of marks that lead nowhere. They have places for text and value."""


def _mark(run: Mark, link: Callable[..., str] | None) -> Markup:
    """Return a mark as HTML; one that names something leads there."""
    text = escape(run.text)
    match run.role:
        case "telephone":
            return Markup('<a href="tel:{}">{}</a>').format(dialling(run.text), text)
        case "person" if not run.value:
            return Markup('<b class="said">{}</b>').format(marked(run.text))
        case "person":
            return _linked(text, link and link(f"/people/register/{run.value}"))
        case "reference":
            return _linked(number(run.text), link and link("/go", q=run.value))
        case "record":
            shown = text if run.value else Markup("<code>{}</code>").format(text)
            return _linked(shown, link and run.value and link(run.value))
        case "file":
            channel = str(link("", at="")).removeprefix("/c/") if link else ""
            path = f"/v1/channels/{channel}/files/{run.value}"
            anchor = Markup('<a href="{}" download>{}</a>')
            return anchor.format(path, own_words(run.text)) if link else own_words(run.text)
        case _:
            return Markup(_DRAWN[run.role]).format(text, run.value)  # noqa: S704  # literals


def _linked(shown: Markup, address: str | None) -> Markup:
    return Markup('<a href="{}">{}</a>').format(address, shown) if address else shown

"""Documents and runs as HTML, for pages and for papers that are shown as pages.

markup((Mark("side", "NATO"), ", ", QuotedText("Hello", "en")))
<span class="side">NATO</span>, <span class="said break" …>Hello</span>
"""

from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlencode

from markupsafe import Markup, escape

from dragoman.document import form_html
from dragoman.document.blocks import (
    Block,
    Buttons,
    Checklist,
    Definitions,
    Drawing,
    Empty,
    Facts,
    Fold,
    Form,
    Listing,
    ListingRow,
    Paragraph,
    Points,
    Quote,
    Remark,
    Section,
    Table,
    Verbatim,
)
from dragoman.document.invisible_characters import marked
from dragoman.i18n.words import Words
from dragoman.members.runs import (
    Aside,
    Break,
    Cell,
    Mark,
    MarkedText,
    MessageSource,
    PageLink,
    PressButton,
    QuotedText,
    Run,
    Source,
    Sourced,
    TextChange,
    runs_of,
)

_BREAK: Final = Markup("<br>")
_NUMBER_PARTS: Final = 6
"""Channel, side, year, serial, format and kind of a number."""

Linker = Callable[..., str]
"""A function that makes an address from a path of the channel and a query."""


def markup(cell: Cell, link: Linker | None = None) -> Markup:
    """Return runs as HTML.

    `link` makes an address from a path of the channel. Without it, nothing is linked.
    """
    return Markup("").join(_run(run, link) for run in runs_of(cell))


def sections(items: Iterable[Section], words: Words, link: Linker | None = None) -> Markup:
    """Return the sections of a document as HTML."""
    return Markup("").join(_section(item, words, link) for item in items)


def _section(item: Section, words: Words, link: Linker | None) -> Markup:
    kind = "after block" if item.level == 2 and item.title else "after"
    title = markup(item.title, link)
    heading = Markup("<h{0}>{1}</h{0}>").format(item.level, title) if title else Markup("")
    if item.aside:
        aside = Markup("<small>{}</small>").format(markup(item.aside, link))
        heading = Markup("<header>{}{}</header>").format(heading, aside)
    blocks = Markup("").join(block(part, words, link) for part in item.blocks)
    anchor = Markup(' id="{}"').format(item.anchor) if item.anchor else ""
    frame = Markup('<section class="{}"{}{}>{}{}</section>')
    return frame.format(kind, anchor, _names(item.names), heading, blocks)


def _names(names: dict[str, str]) -> Markup:
    attribute = Markup(' data-{}="{}"')
    pairs = ((name.replace("_", "-"), value) for name, value in names.items())
    return Markup("").join(attribute.format(*pair) for pair in pairs)


def _quote(item: Quote, link: Linker | None) -> Markup:
    note = Markup("<p><small>{}{}</small></p>").format(item.label, item.quotation.note)
    tag = item.quotation.language
    lang = Markup(' lang="{}"').format(tag) if tag else ""
    line = Markup('<p class="said break" dir="auto"{}>{}</p>')
    lines = (line.format(lang, marked(text)) for text in item.quotation.text.splitlines())
    quoted = Markup("").join(lines)
    if item.source is None:
        return Markup('<div class="told">{}{}</div>').format(note, quoted)
    ways = Markup("").join(way(*page, link) for page in ways_to(item.source) if link)
    return Markup('<div class="told" data-source="{}">{}{}{}</div>').format(
        named(item.source), note, quoted, ways
    )


def block(item: Block, words: Words, link: Linker | None = None) -> Markup:
    """Return a block as HTML."""
    match item:
        case Paragraph() | Remark():
            small = Markup(' class="note"') if isinstance(item, Remark) else ""
            return Markup("<p{}>{}</p>").format(small, markup(item.runs, link))
        case Points():
            names = item.names or ({},) * len(item.points)
            points = (
                Markup("<li{}>{}</li>").format(_names(name), markup(point, link))
                for point, name in zip(item.points, names, strict=True)
            )
            frame = Markup('<{0} class="{1}">{2}</{0}>')
            style = f"list {item.layout}".rstrip()
            return frame.format("ol" if item.steps else "ul", style, Markup("").join(points))
        case Quote():
            return _quote(item, link)
        case Verbatim():
            return Markup('<pre class="bytes">{}</pre>').format(item.text)
        case Table():
            return _table(item, words, link)
        case Listing():
            return _listing(item, link)
        case Facts():
            fact = Markup("<div><dt>{}</dt><dd>{}</dd></div>")
            facts = (fact.format(name, markup(value, link)) for name, value in item.facts)
            return Markup('<dl class="cells">{}</dl>').format(Markup("").join(facts))
        case Definitions():
            term = Markup("<div{}><dt>{}</dt><dd>{}</dd></div>")
            anchor = Markup(' id="{}"')
            terms = (
                term.format(
                    anchor.format(id) if id else "", markup(name, link), markup(meaning, link)
                )
                for id, name, meaning in item.terms
            )
            return Markup('<dl class="letters">{}</dl>').format(Markup("").join(terms))
        case Drawing():
            figure = Markup(
                '<figure class="map">{}<figcaption><small>{}</small></figcaption></figure>'
            )
            drawn = Markup(item.svg)  # noqa: S704  # our own
            return figure.format(drawn, markup(item.caption, link))
        case Empty():
            space = words.space if item.why else ""
            text = Markup('<p class="empty">{} <span>{}{}{}</span></p>')
            return text.format(icon("off"), item.what, space, item.why)
        case _:
            return _used(item, words, link)


def _used(item: Buttons | Form | Checklist | Fold, words: Words, link: Linker | None) -> Markup:
    """Return a block that a reader uses, and does not only read, as HTML."""
    match item:
        case Buttons():
            links = Markup(" ").join(markup(button, link) for button in item.links)
            return Markup('<div class="row acts">{}</div>').format(links)
        case Form():
            address = addressed(item.to, link) if link else ""
            return form_html.form(item, address, lambda cell: markup(cell, link))
        case Checklist():
            return _checklist(item, words, link)
        case Fold():
            blocks = Markup("").join(block(part, words, link) for part in item.blocks)
            return form_html.fold(item.label, blocks, is_open=False)


def _checklist(item: Checklist, words: Words, link: Linker | None) -> Markup:
    """Return steps, each with its mark; nobody ticks them."""
    line = Markup(
        '<li data-done="{}"><span class="mark" data-state="{}">{}<span class="hide">{}</span>'
        "</span> {}</li>"
    )
    steps = (
        line.format("yes", "normal", icon("normal"), words.say("done:"), markup(step, link))
        if done
        else line.format("no", "standby", icon("off"), words.say("to do:"), markup(step, link))
        for done, step in item.steps
    )
    return Markup('<ol class="list checklist" data-role="{}">{}</ol>').format(
        item.role, Markup("").join(steps)
    )


def _table(item: Table, words: Words, link: Linker | None) -> Markup:
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
        '<div class="wide-scroll" tabindex="0" role="group" aria-label="{0}">'
        '<table class="log cards roomy" aria-label="{0}"><thead><tr>{1}</tr></thead>'
        "<tbody>{2}</tbody></table></div>"
    ).format(words.listed(filter(None, item.head)), head, body)


def _listing(item: Listing, link: Linker | None) -> Markup:
    """Return a listing: a body for each group, with the group's heading above it."""
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(name) for name in item.head)
    bodies = Markup("").join(
        Markup("<tbody{}>{}{}</tbody>").format(
            _names(group.names),
            Markup('<tr><th scope="rowgroup" colspan="{}">{}</th></tr>').format(
                len(item.head), markup(group.heading, link)
            )
            if group.heading
            else "",
            Markup("").join(_listed(row, item, link) for row in group.rows),
        )
        for group in item.groups
    )
    if item.layout:
        strips = Markup('<table class="strips every {}" aria-label="{}">{}{}</table>')
        thead = Markup("<thead><tr>{}</tr></thead>").format(head)
        return strips.format(item.layout, item.label, thead, bodies)
    return Markup(
        '<div class="wide-scroll" tabindex="0" role="group" aria-label="{0}">'
        '<table class="log cards roomy" aria-label="{0}"><thead><tr>{1}</tr></thead>{2}</table>'
        "</div>"
    ).format(item.label, head, bodies)


def _listed(row: ListingRow, item: Listing, link: Linker | None) -> Markup:
    """Return a row. Cells of strips, and of acts, do not name their columns."""
    cells = Markup("")
    for at, (name, content) in enumerate(zip(item.head, row.cells, strict=True)):
        shown = markup(content, link)
        if item.layout:
            cells += Markup("<td{}>{}</td>").format(
                Markup(' class="due"') if at == 0 else "", shown
            )
        elif item.headed and at == 0:
            cells += Markup('<th scope="row" data-of="{}">{}</th>').format(name, shown)
        elif all(
            isinstance(run, PressButton | PageLink) and run.spoken for run in runs_of(content)
        ):
            cells += Markup('<td class="do">{}</td>').format(shown)
        else:
            cells += Markup('<td data-of="{}">{}</td>').format(name, shown)
    return Markup("<tr{}>{}</tr>").format(_names(row.names), cells)


def icon(name: str) -> Markup:
    """Return a symbol of the page."""
    return Markup('<svg class="i" aria-hidden="true"><use href="#i-{}"/></svg>').format(name)


def own_words(text: str, language: str = "") -> Markup:
    """Return a side's own words, marked with their language."""
    tag = Markup(' lang="{}"').format(language) if language else Markup("")
    lines = _BREAK.join(marked(line) for line in text.splitlines())
    return Markup('<span class="said break" dir="auto"{}>{}</span>').format(tag, lines)


def number(text: str) -> Markup:
    """Return a number in whole, which breaks only after its slashes."""
    return Markup('<span class="num">{}</span>').format(_breaking(text))


def short_number(text: str) -> Markup:
    """Return a number as year and serial, `26/0042`, in one line.

    The other parts are there for screen readers, for copying and on paper. A pointer
    sees them as the title.
    """
    parts = text.split("/")
    if len(parts) != _NUMBER_PARTS:
        return number(text)
    hidden = Markup('<span class="hide">{}</span>')
    return Markup('<span class="num brief" title="{}">{}{}{}</span>').format(
        text,
        hidden.format("/".join(parts[:2]) + "/"),
        "/".join(parts[2:4]),
        hidden.format("/" + "/".join(parts[4:])),
    )


def dialling(number: str) -> str:
    """Return a telephone number in the form in which a link dials it."""
    return number[:1] * number.startswith("+") + "".join(
        character for character in number if character.isdigit()
    )


def _breaking(text: str) -> Markup:
    return Markup("/<wbr>").join(escape(part) for part in text.split("/"))


def _run(run: Run, link: Linker | None) -> Markup:
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
        case TextChange():
            tag = "del" if run.how == "out" else "ins"
            return Markup("<{0}>{1}</{0}>").format(tag, markup(run.runs, link))
        case MarkedText():
            return _marked_text(run)
        case PageLink():
            return _link(run, link)
        case PressButton():
            return _press(run, link) if link else Markup("")
        case Sourced():
            return _sourced(run, link)


def _marked_text(run: MarkedText) -> Markup:
    """Return two versions of a side's words as one text."""
    lang = Markup(' lang="{}"').format(run.language) if run.language else ""
    frame = Markup('<span class="said marked break" dir="auto"{}>{}</span>')
    return frame.format(lang, Markup("").join(_plain_part(part) for part in run.parts))


def _plain_part(part: str | TextChange) -> Markup:
    return escape(part) if isinstance(part, str) else _run(part, None)


def addressed(path: str, link: Linker, query: dict[str, str] | None = None) -> str:
    """Return the address of a path of the channel, or of one that begins with `//`."""
    if not path.startswith("//"):
        return link(path, **(query or {}))
    return f"{path[1:]}?{urlencode(query)}" if query else path[1:]


def _press(run: PressButton, link: Linker) -> Markup:
    form = Markup('<form method="post" action="{}">{}<button>{}{}</button></form>')
    spoken = Markup('<span class="hide"> {}</span>').format(run.spoken) if run.spoken else ""
    values = form_html.hidden(run.values)
    return form.format(addressed(run.path, link), values, run.label, spoken)


def _link(run: PageLink, link: Linker | None) -> Markup:
    """Return a link; without addresses, its runs alone, and nothing of a button."""
    shown = markup(run.runs)
    if link is None:
        return Markup("") if run.style == "button" else shown
    address = addressed(run.path, link, run.query)
    style = Markup(' class="{}"').format(run.style) if run.style else ""
    if run.style == "current":
        style = Markup(' aria-current="page"')
    elif run.style == "download":
        style = Markup(" download")
    spoken = Markup('<span class="hide"> {}</span>').format(run.spoken) if run.spoken else ""
    return Markup('<a{} href="{}">{}{}</a>').format(style, address, shown, spoken)


def _sourced(run: Sourced, link: Linker | None) -> Markup:
    """Return runs with the way to their source beside them.

    The style sheet shows it where the reader asks how something is known.
    """
    pages = ways_to(run.source) if link else ()
    ways = Markup("").join(way(path, number, link) for path, number in pages if link)
    return of_source(markup(run.runs, link) + ways, run.source)


def of_source(shown: Markup, source: Source) -> Markup:
    """Return the HTML of a fact, marked with its source."""
    return Markup('<span data-source="{}">{}</span>').format(named(source), shown)


def way(path: str, number: str, link: Linker) -> Markup:
    """Return the way to the record from which a fact comes."""
    return Markup('<a class="how" href="{}">{}</a>').format(link(path), number)


def ways_to(source: Source) -> tuple[tuple[str, str], ...]:
    """Return the pages that prove what has a source, each with its name."""
    if isinstance(source, MessageSource):
        return ((f"/records/{source.record}", str(source.record)),)
    if source.records:
        return tuple((f"/records/{record}", str(record)) for record in source.records)
    return ((f"/exchanges/{source.exchange}#line", "…"),) if source.exchange else ()


def named(source: Source) -> str:
    """Return a source as an attribute: `record 17 what`, `follows answers 17 21`."""
    if isinstance(source, MessageSource):
        return f"record {source.record} {source.member}".rstrip()
    kind = "duty" if source.duty else "follows"
    rest = map(str, source.records) if source.records else [source.exchange]
    return " ".join([kind, source.function, *rest]).rstrip()


_DRAWN: Final = {
    "code": '<code class="break">{0}</code>',
    "command": '<pre class="bytes command">{0}</pre>',
    "digest": '<code title="{1}">{0}</code>',
    "email": '<a class="break mail" href="mailto:{0}">{0}</a>',
    "exercise": '<span class="tag-drill">{0}</span>',
    "figure": '<b class="num">{0}</b>',
    "id": "<code>{0}</code>",
    "key": "<kbd>{0}</kbd>",
    "label": "<small>{0}</small>",
    "language": '<span lang="{1}">{0}</span>',
    "phrase": '<q class="said">{0}</q>',
    "secret": '<code class="break" id="{1}">{0}</code>',
    "side": '<span class="side">{0}</span>',
    "strong": "<b>{0}</b>",
    "tag": '<b class="tag">{0}</b>',
    "time": '<time datetime="{1}">{0}</time>',
}
"""The elements of marks that lead nowhere. They have places for text and value."""


def _mark(run: Mark, link: Linker | None) -> Markup:
    """Return a mark as HTML; one that names something leads there."""
    text = escape(run.text)
    match run.role:
        case "precedence":
            letter = {"flash": "z", "immediate": "o", "priority": "p", "routine": "r"}[run.value]
            frame = Markup('<span class="zpr {}">{} {}</span>')
            return frame.format(letter, letter.upper(), text)
        case "telephone":
            return Markup('<a href="tel:{}">{}</a>').format(dialling(run.text), text)
        case "state":
            mark = Markup('<span class="mark" data-state="{}">{} <b>{}</b></span>')
            return mark.format(run.value, icon(run.value), text)
        case "icon":
            spoken = Markup('<span class="hide">{}</span>').format(text) if run.text else ""
            return icon(run.value) + spoken
        case "person" if not run.value:
            return Markup('<b class="said">{}</b>').format(marked(run.text))
        case "person":
            return _linked(text, link and link(f"/people/register/{run.value}"))
        case "number":
            return short_number(run.text)
        case "reference":
            return _linked(number(run.text), link and run.value and link("/go", q=run.value))
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

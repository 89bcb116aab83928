"""Reports as Markdown (CommonMark, with the tables of GitHub).

`markdown` takes a document and returns text. Nothing that a side wrote is ever markup.
It opens no tag, code or heading, and no link under other words. It leaves no cell and
no quotation, and reverses no letters. Escaped text reads the same once it is shown.
"""

import re
from typing import Final

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
    Paragraph,
    Points,
    Quote,
    Remark,
    ReportDocument,
    Section,
    Table,
    Verbatim,
)
from dragoman.i18n.words import Words, words
from dragoman.members.runs import (
    Aside,
    Break,
    Cell,
    MarkedText,
    PageLink,
    PressButton,
    QuotedText,
    Run,
    Sourced,
    TextChange,
    plain,
    runs_of,
)
from dragoman.printable import with_marks

_SPECIAL: Final = re.compile(r"[\\`*_\[\]|~$#]")
_START: Final = re.compile(r"^([+=:-]|[0-9]{1,9}(?=[.)]))")
_INDENT: Final = re.compile(r"^[ \t]+")
_CONTROLS: Final = dict.fromkeys((*range(0x09), *range(0x0B, 0x20), 0x7F))

_EXERCISE: Final = "EXERCISE EXERCISE EXERCISE"


def escaped(text: str) -> str:
    """Return a text as one line that Markdown shows unchanged.

    Line ends become spaces.
    """
    line = " ".join(part for part in _lines(text) if part)
    return _start(_inline(line))


def quoted(text: str) -> list[str]:
    """Return a text as the lines of a quotation, with its line ends."""
    lines = [_start(_inline(line)) for line in _lines(text)]
    return [
        f"> {line}\\"
        if line and index + 1 < len(lines) and lines[index + 1]
        else f"> {line}".rstrip()
        for index, line in enumerate(lines)
    ]


def _lines(text: str) -> list[str]:
    return [
        _INDENT.sub(lambda indent: "\N{NO-BREAK SPACE}" * len(indent.group()), line).rstrip()
        for line in _seen(text).splitlines()
    ] or [""]


def _seen(text: str) -> str:
    """Return a text without controls, and with invisible characters by their numbers.

    So no text reverses the reading direction, and two that look alike differ.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return with_marks(lines.translate(_CONTROLS), _numbers)


def _numbers(run: str) -> str:
    return "".join(f"[U+{ord(character):04X}]" for character in run)


def _inline(line: str) -> str:
    text = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(lambda value: "\\" + value.group(), text)


def _start(line: str) -> str:
    result = _START.match(line)
    if result is None:
        return line
    marker = result.group()
    return f"\\{line}" if not marker.isdigit() else f"{marker}\\{line[len(marker) :]}"


def markdown(paper: ReportDocument) -> str:
    """Return a document as Markdown."""
    w = words(paper.language)
    exercise = [f"**{_EXERCISE}**", ""] if paper.of.kind == "exercise" else []
    marking = [f"**{escaped(paper.of.marking)}**", ""]
    lines = [*exercise, *marking, f"# {escaped(paper.title)}", ""]
    if paper.of.custody == "host":
        lines += [w.say("Trial: this host keeps the keys of all sides."), ""]
    if paper.alarm:
        lines += [f"**{escaped(paper.alarm)}**", ""]
    for sentence in paper.lead:
        lines += [escaped(sentence), ""]
    for section in paper.sections:
        lines += _section(section, w)
    lines += [
        "---",
        "",
        *(line for sentence in paper.foot for line in (escaped(sentence), "")),
        f"{w.say('Again, the same:')}{w.space}`{paper.again}`",
        "",
        *marking,
        *exercise,
    ]
    return "\n".join(lines).rstrip() + "\n"


def _section(section: Section, w: Words) -> list[str]:
    lines = [f"{'#' * section.level} {_runs(section.title)}", ""]
    for block in section.blocks:
        lines += [*block_lines(block, w), ""]
    return lines


def block_lines(block: Block, w: Words) -> list[str]:
    """Return the lines of a block."""
    match block:
        case Paragraph() | Remark():
            return [_runs(block.runs)]
        case Points():
            return [f"- {_runs(point)}" for point in block.points]
        case Quote():
            return [
                escaped(w.say("%(what)s:", what=f"{block.label}{block.quotation.note}")),
                "",
                *quoted(block.quotation.text),
            ]
        case Verbatim():
            return [f"    {line}" for line in _lines(block.text)]
        case Table():
            return _table_lines(block.head, block.rows)
        case Listing():
            return [
                line
                for group in block.groups
                for line in (
                    *((f"**{_runs(group.heading)}**", "") if group.heading else ()),
                    *_table_lines(block.head, tuple(row.cells for row in group.rows)),
                    "",
                )
            ]
        case Facts():
            return [f"- {_inline(name)}: {_cell(value)}" for name, value in block.facts]
        case Buttons() | Drawing() | Form():
            return []
        case Checklist():
            return [f"- [{'x' if done else ' '}] {_runs(step.runs)}" for done, step in block.steps]
        case Definitions():
            return [f"- {_cell(name)}: {_cell(meaning)}" for _, name, meaning in block.terms]
        case Fold():
            inner = (line for part in block.blocks for line in (*block_lines(part, w), ""))
            return [f"**{_inline(block.label)}**", "", *inner]
        case Empty():
            return [escaped(w.sentences(filter(None, (block.what, block.why))))]


def _table_lines(head: tuple[str, ...], rows: tuple[tuple[Cell, ...], ...]) -> list[str]:
    names = [_inline(name) for name in head]
    lines = [names, ["---" for _ in names], *([_cell(cell) for cell in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def _cell(cell: Cell) -> str:
    return _start("".join(_run(run, "<br>") for run in runs_of(cell)))


def _runs(cell: Cell) -> str:
    return _start("".join(_run(run) for run in runs_of(cell)))


def _run(run: Run, between: str = " ") -> str:
    match run:
        case QuotedText():
            lines = between.join(_inline(line) for line in _lines(run.text) if line)
            return lines + _inline(_seen(run.note))
        case Aside():
            return f"({''.join(_run(part, between) for part in runs_of(run.runs))})"
        case Break():
            return _inline(run.between)
        case TextChange() | MarkedText():
            return _inline(_seen(plain(run)))
        case PageLink(style="button") | PressButton():
            return ""
        case PageLink() | Sourced():
            return "".join(_run(part, between) for part in runs_of(run.runs))
        case _:
            text = run if isinstance(run, str) else run.text
            return _inline(_seen(text).replace("\n", " "))

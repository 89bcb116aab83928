"""Tables that a narrow screen shows as cards: each cell names its column.

    <td>officer</td>    below <th>Roles</th> becomes    <td data-of="Roles">officer</td>

The style sheet prints the name before the cell, so that no column has to be narrow. In
a table of figures, the name is on the left of a line and the figure on the right.
"""

import re
from typing import Final

from markupsafe import Markup, escape

_LISTS: Final = tuple(f'<table class="log{kind}">' for kind in ("", " roomy", " roomy figures"))
"""The tables of rows; those of other classes are laid out by rules of their own."""

_TABLE: Final = re.compile(r"<table\b.*?</table>", re.DOTALL)
_HEAD: Final = re.compile(r"<thead>.*?</thead>", re.DOTALL)
_NAME: Final = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL)
_TAG: Final = re.compile(r"<[^<>]+>")
_ROW: Final = re.compile(r"<tr\b.*?</tr>", re.DOTALL)
_CELL: Final = re.compile(r"<(?:td|th)\b[^>]*")
_SPAN: Final = re.compile(r"colspan=")


def cards(html: Markup) -> Markup:
    """Return the HTML of tables in which each cell has the name of its column."""
    return Markup(_TABLE.sub(lambda table: _table(table[0]), str(html)))  # noqa: S704


def _table(table: str) -> str:
    head = _HEAD.search(table)
    if (
        head is None
        or not table.startswith(_LISTS)
        or _SPAN.search(table)
        or table.count("<table") > 1
    ):
        return table
    names = [_plain(name) for name in _NAME.findall(head[0])]
    body = _ROW.sub(lambda row: _row(row[0], names), table[head.end() :])
    return table[: head.end()].replace('<table class="log', '<table class="log cards', 1) + body


def _row(row: str, names: list[str]) -> str:
    remaining = iter(names)

    def cell(match: re.Match[str]) -> str:
        name = next(remaining, "")
        if not name or " data-of=" in match[0]:  # a template may name it otherwise
            return match[0]
        return f'{match[0]} data-of="{name}"'

    return _CELL.sub(cell, row)


def _plain(html: str) -> str:
    return str(escape(Markup(_TAG.sub("", html)).unescape().strip()))  # noqa: S704

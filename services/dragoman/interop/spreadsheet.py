"""Tables as CSV (RFC 4180), safe for programs that evaluate cells as formulas.

    cell("=1+1")     "'=1+1"
    cell("north")    "north"

All CSV of the service is written here, so that one rule protects all of it.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from dragoman.printable import INVISIBLE

_FORMULA: Final = frozenset("=+-@\N{MINUS SIGN}")
_INVISIBLE: Final = re.compile(f"[{INVISIBLE}]")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
"""Categories of characters that a spreadsheet may drop before it finds a formula.

They are blanks, controls and invisible characters.
"""


def table(names: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table with one row of names, and the rows."""
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow(names)
    writer.writerows([cell(value) for value in row] for row in rows)
    return output.getvalue()


def cell(value: object) -> str:
    """Return a value as a cell that no spreadsheet takes for a formula.

    An apostrophe before the value makes it a text.
    """
    text = _text(value)
    return "'" + text if is_formula(text) else text


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet might take a text for a formula.

    Blanks or invisible characters may precede the formula.
    """
    if text[:1] in ("\t", "\r", "\n"):
        return True
    first = next(
        (
            character
            for character in text
            if unicodedata.category(character) not in _UNSEEN and not _INVISIBLE.match(character)
        ),
        "",
    )
    return unicodedata.normalize("NFKC", first)[:1] in _FORMULA


def _text(value: object) -> str:
    if isinstance(value, msgspec.Raw):
        raw = bytes(value)
        try:
            value = msgspec.json.decode(raw)
        except ValueError:  # A number has too many digits.
            return raw.decode(errors="replace")
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return " ".join(value)
    return msgspec.json.encode(value).decode()

"""The rows of tables and windows that a form shows: filled rows, and spare rows."""

from collections.abc import Mapping
from typing import Any, Final

from dragoman.members.kind import Kind, indexes
from dragoman.members.times import SpanKind

_WINDOWS: Final = 2
_SPARE_ROWS: Final = 2


def rows(
    form: Mapping[str, Any], name: str, kind: Kind, *, spare: int = _SPARE_ROWS, least: int = 0
) -> range:
    """Return the rows that a form shows under a name; each has a value of a kind."""
    used = [index + 1 for index in indexes(form, name) if kind.is_filled(form, f"{name}.{index}")]
    return range(max(least, max(used, default=0) + spare))


def windows(form: Mapping[str, Any], name: str) -> range:
    """Return the windows that a form shows under a name."""
    return rows(form, name, SpanKind(), spare=1, least=_WINDOWS)


def filled_of(form: Mapping[str, Any], prefix: str) -> set[str]:
    """Return the members of a group in which a form holds a text, by its prefix.

    Units that the form chose itself do not count.
    """
    return {
        name.removeprefix(prefix).partition(".")[0]
        for name, text in form.items()
        if name.startswith(prefix) and str(text).strip() and not name.endswith(".unit")
    }

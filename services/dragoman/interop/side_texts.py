"""The sides' texts in one language, for formats that have one language at a time."""

from typing import Any


def in_language(value: Any, language: str = "") -> str:
    """Return a text in a language, or in the first language that it has."""
    if isinstance(value, dict):
        return str(value.get(language) or next(iter(value.values()), ""))
    return str(value)

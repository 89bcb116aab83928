"""The texts of the sides, as formats have them that know one language at a time."""

from typing import Any


def in_language(value: Any, language: str = "") -> str:
    """Return a text in a language, or in the first one that it is given in."""
    if isinstance(value, dict):
        return str(value.get(language) or next(iter(value.values())))
    return str(value)

"""Punctuation between two parts of a line of a template, as the reader's language has it.

A template is written with the marks of English. Between two parts of which neither is written there, they become those of the language:

    {{ side }}, {{ _('nobody has the watch') }}      NATO, nobody has the watch      NATO，无人值班
    <b>{{ side }}</b>: {{ act }}                     NATO: Reply                     NATO：答复
"""  # the marks of Chinese are what it is about  # noqa: RUF002

import re
from typing import Final

from jinja2.ext import Extension

_COMMA: Final = re.compile(r"(\}\}|%\}|>), (?=\{\{|\{%|<)")
_COMMA_UNLESS_LAST: Final = re.compile(r"\{\{ ', ' if not loop\.last \}\}")
_COLON: Final = re.compile(r"(\}\}|%\}|</\w+>): (?=\{\{|\{%|<)")


class Punctuation(Extension):
    """Replace commas and colons between the parts of a line by those of the environment's language."""

    def preprocess(
        self,
        source: str,
        name: str | None,
        filename: str | None = None,
    ) -> str:  # the extension's signature
        """Return the source of a template with the marks of the language."""
        source = _COMMA_UNLESS_LAST.sub("{{ w.pause if not loop.last }}", source)
        source = _COMMA.sub(r"\1{{ w.pause }}", source)
        return _COLON.sub(r"\1{{ w.colon }}", source)

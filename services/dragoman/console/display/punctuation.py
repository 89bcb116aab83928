"""Punctuation between two parts of a template's line, in the reader's language.

A template is written with the marks of English. Between two parts that the template
does not spell out, they become the marks of the language:

    {{ side }}, {{ _('nobody has the watch') }}    NATO, nobody …    NATO，无人值班
    <b>{{ side }}</b>: {{ act }}                   NATO: Reply       NATO：答复
"""  # The module is about the marks of Chinese.  # noqa: RUF002

import re
from typing import Final

from jinja2.ext import Extension

_COMMA: Final = re.compile(r"(\}\}|%\}|>), (?=\{\{|\{%|<)")
_COMMA_UNLESS_LAST: Final = re.compile(r"\{\{ ', ' if not loop\.last \}\}")
_COLON: Final = re.compile(r"(\}\}|%\}|</\w+>): (?=\{\{|\{%|<)")


class Punctuation(Extension):
    """A Jinja extension that writes commas and colons in the environment's language.

    It changes those between two parts of a line.
    """

    def preprocess(
        self,
        source: str,
        name: str | None,
        filename: str | None = None,
    ) -> str:  # Jinja prescribes this signature.
        """Return the source of a template with the marks of the language."""
        source = _COMMA_UNLESS_LAST.sub("{{ w.pause if not loop.last }}", source)
        source = _COMMA.sub(r"\1{{ w.pause }}", source)
        return _COLON.sub(r"\1{{ w.colon }}", source)

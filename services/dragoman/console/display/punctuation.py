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
_COLON_WITHIN: Final = re.compile(r"(\}\}):(</\w+>) (?=\{\{|\{%|<)")
_SEMICOLON: Final = re.compile(r"(\}\}|%\}|</\w+>); (?=\{\{|\{%|<)")
_STOP: Final = re.compile(r"(\}\}|%\}|</\w+>)\.(?=</|\{%|\s*$)", re.MULTILINE)
_STOP_BEFORE: Final = re.compile(r"(\}\}|%\}|</\w+>)\. (?=\{\{|\{%|<)")


class Punctuation(Extension):
    """A Jinja extension that writes marks in the environment's language.

    It changes those between two parts of a line, and stops at the end of one.
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
        source = _COLON.sub(r"\1{{ w.colon }}", source)
        source = _COLON_WITHIN.sub(r"\1{{ w.colon }}\2", source)
        source = _SEMICOLON.sub(r"\1{{ w.semicolon }}", source)
        source = _STOP.sub(r"\1{{ w.stop }}", source)
        return _STOP_BEFORE.sub(r"\1{{ w.stop }}{{ w.space }}", source)

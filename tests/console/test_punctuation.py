"""Marks between the parts of a line are those of the reader's language, and a text keeps its own."""

import jinja2
import pytest

from dragoman.console.display.punctuation import Punctuation
from dragoman.i18n.words import words

LINES = {
    "{{ a }}, {{ b }}": "A{c}B",
    "<b>{{ a }}</b>, <span>{{ b }}</span>": "<b>A</b>{c}<span>B</span>",
    "<b>{{ a }}</b>: {{ b }}": "<b>A</b>{s}B",
    "{% if a %}{{ a }}{% endif %}: {% if b %}{{ b }}{% endif %}": "A{s}B",
    "{% for each in (a, b) %}{{ each }}{{ ', ' if not loop.last }}{% endfor %}": "A{c}B",
    "<b>{{ a }}:</b> {{ b }}": "<b>A{s}</b>B",
    "{{ a }}; {{ b }}": "A{h}B",
    "{{ a }}. <i>{{ b }}.</i>": "A{e}<i>B{p}</i>",
    "{{ a }}.{{ b }}": "A.B",
    "{{ a }}, written out: {{ b }}": "A, written out: B",
    "{{ '{0}, {1}'.format(a, b) }}": "A, B",
}


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize(
    ("language", "marks"),
    [
        ("en", {"c": ", ", "s": ": ", "h": "; ", "e": ". ", "p": "."}),
        (
            "fr",
            {
                "c": ", ",
                "s": "\N{NO-BREAK SPACE}: ",
                "h": "\N{NARROW NO-BREAK SPACE}; ",
                "e": ". ",
                "p": ".",
            },
        ),
        ("zh", {"c": "，", "s": "：", "h": "；", "e": "。", "p": "。"}),  # noqa: RUF001
    ],
)
def test_a_mark_between_two_parts_is_that_of_the_language(
    line: str, language: str, marks: dict[str, str]
) -> None:
    environment = jinja2.Environment(extensions=[Punctuation], autoescape=True)
    environment.globals["w"] = words(language)
    shown = environment.from_string(line).render(a="A", b="B")
    assert shown == LINES[line].format(**marks)

"""The rendering of a page: as HTML in the reader's language, as JSON, or as CSV.

    Page(template, view, ...)                  the result of a handler
    PageRoute(path="/inbox", handler=inbox)    /c/{channel}/inbox, with .json and .csv

A page shows the content of its view, and `.json` gives the same view. A reader who
mistrusts a page can compare the two. Some texts of the view are the service's own and
in English, such as the reason for which a record is void. The page shows these texts in
the reader's language.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any, Final
from zoneinfo import ZoneInfo

import jinja2
import msgspec
from aiohttp import web
from jinja2.bccache import Bucket
from markupsafe import Markup
from msgspec import Struct

from dragoman.console.charts.charts import clock
from dragoman.console.display import translations
from dragoman.console.display.act_display import language_names
from dragoman.console.display.card_tables import cards
from dragoman.console.display.office_clocks import place_of
from dragoman.console.display.punctuation import Punctuation
from dragoman.console.page import static_files
from dragoman.console.page.context import PageContext
from dragoman.document.blocks import PageDocument
from dragoman.document.form_html import fault_summary, new_key
from dragoman.document.form_html import field as field_html
from dragoman.document.html import block, markup, number, sections, short_number
from dragoman.document.invisible_characters import marked
from dragoman.document.tables import csv
from dragoman.domain.record import nesting
from dragoman.domain.record.errors import Refusal, Refused
from dragoman.i18n import words as languages
from dragoman.i18n.words import Words
from dragoman.interop import spreadsheet
from dragoman.limits import SEARCH_CHARACTERS, SUBJECT_LENGTH
from dragoman.reports.answer_words import represented_text
from dragoman.reports.recurrence_words import progress_text
from dragoman.text import Text, capitalized

_CONSOLE: Final = Path(__file__).parents[1]
_TEMPLATES: Final = (
    _CONSOLE / "templates",
    *sorted(_CONSOLE.parent.glob("office/*/templates")),
)
"""The folders of templates: that of the frame, and one in each room."""

_LOADER: Final = jinja2.FileSystemLoader(_TEMPLATES)

HTML: Final = "text/html"

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self';"
    " img-src 'self' data:; connect-src 'self'; manifest-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types dragoman"
)
PAPER_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none';"
    " base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}


@dataclass(kw_only=True)
class Page:
    """The result of a handler: a document, or a template and its view.

    `.csv` gives the `rows`, or the tables of a document. `values` are what the template
    needs besides the view.
    """

    template: str = "document.html"
    view: Struct
    rows: Sequence[Struct] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[PageContext], Awaitable[Page | web.StreamResponse]]


@dataclass(frozen=True, kw_only=True)
class PageRoute:
    """One route of a page: a path below a channel, or a path of its own.

    A page with `anywhere` needs no channel. A response with `streams` has no end. A
    reader whose token only reads may send a form with `any_scope`.
    """

    path: str
    handler: Handler
    method: str = "GET"
    anywhere: bool = False
    name: str = ""
    streams: bool = False
    any_scope: bool = False


def refused(kind: str, detail: Text) -> Refused:
    """Return a refusal of a kind, with its reason."""
    return Refused(Refusal(kind=kind, detail=detail))


# Rendering


class _CompiledTemplates(jinja2.BytecodeCache):
    """The compiled templates of this process: one compilation serves every language."""

    def __init__(self) -> None:
        """Start without any template."""
        self._codes: dict[str, tuple[str, CodeType]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take the compiled template into the bucket, unless its source has changed."""
        checksum, code = self._codes.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the compiled template of the bucket."""
        if bucket.code is not None:
            self._codes[bucket.key] = bucket.checksum, bucket.code


_COMPILED: Final = _CompiledTemplates()


@cache
def environment(language: str) -> jinja2.Environment:
    """Return the template environment for a language."""
    words = languages.words(language)
    templates = jinja2.Environment(
        loader=_LOADER,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", Punctuation],
        bytecode_cache=_COMPILED,
    )
    templates.install_gettext_translations(words.translations, newstyle=True)  # type: ignore[attr-defined]  # the extension's
    templates.filters["capital"] = capitalized
    templates.globals |= {
        "w": words,
        "languages": languages.LANGUAGES,
        "urgent_languages": languages.URGENT_LANGUAGES,
        "tags": languages.TAGS,
        "static": static_files.address,
        "search_characters": SEARCH_CHARACTERS,
        "new_key": new_key,
        "outside": lambda path, **_: path,
        "zone": ZoneInfo,
        "place_of": lambda office: place_of(office, words),
        "roles_of": lambda roles: [words.value(role) for role in roles],
        "told": lambda value: _told(words, value),
        "clock_bar": clock,
        "counted": words.count,
        "represented_text": lambda sides: words.sentence(represented_text(sides)),
        "progress_text": lambda view: progress_text(words, view),
        "as_translated": lambda value: translations.shown(words, value),
    }
    templates.filters["cards"] = cards
    templates.filters["markup"] = markup
    templates.filters["number"] = number
    templates.filters["short_number"] = short_number
    templates.filters["sections"] = lambda items, link=None: sections(items, words, link)
    templates.filters["block"] = lambda item, link=None: block(item, words, link)
    templates.filters["field"] = lambda item: field_html(item, markup)
    templates.filters["faults"] = lambda faults: fault_summary(faults, words)
    templates.filters["seen"] = lambda text: (
        text
        if isinstance(text, Markup)
        else marked(words.text(text)[1] if isinstance(text, Mapping) else str(text))
    )
    templates.filters["string_of"] = lambda raw: bytes(raw).decode()
    templates.filters["fromjson"] = _from_json
    templates.filters["as_dict"] = msgspec.structs.asdict
    templates.filters["language_names"] = lambda tags: language_names(words, tags)
    templates.filters["field_name"] = words.field
    templates.filters["value_name"] = words.value
    templates.tests["raw"] = lambda value: isinstance(value, msgspec.Raw)
    templates.filters["json"] = lambda value: json.dumps(
        value, ensure_ascii=False, separators=(",", ":")
    )
    templates.filters["raw"] = languages.values_of
    templates.filters["moment"] = languages.as_moment
    return templates


def _told(words: Words, text: str) -> str:
    """Return the sentence for the result of a form; empty for an unknown result."""
    say = words.say
    return {
        "acknowledged": say("Receipt acknowledged. This says only that you have it."),
        "before": say("A colleague had acknowledged it before you. It is recorded once."),
        "take": say("You have the watch."),
        "relieve": say("The watch is handed over."),
        "shelved": say(
            "Set aside. It comes back with its time, with the next watch, or when it is serious."
        ),
        "unshelved": say("It is back on the list."),
        "recorded": say("Recorded."),
        "kept": say("Kept."),
        "outbox": say("Kept here, and not sent yet."),
        "withdrawn": say("Withdrawn. It was never sent."),
        "handed": say("Handed over. Your colleagues see it at once, on whatever page they are."),
        "dropped": say("Dropped."),
    }.get(text, "")


def render_template(context: PageContext | None, words: Words, template: str, **values: Any) -> str:
    """Return the text of a template with its values."""
    return environment(words.language).get_template(template).render(context=context, **values)


_READY: Final[set[tuple[str, str]]] = set()
"""The templates that are compiled with all that they refer to, by language."""


async def compile_template(words: Words, template: str) -> None:
    """Compile a template and all that it refers to, once, away from the event loop.

    Compiling the templates of a page takes half a second.
    """
    if (words.language, template) not in _READY:
        await asyncio.to_thread(_compile, words.language, template)
        _READY.add((words.language, template))


def _compile(language: str, template: str) -> None:
    templates, names = environment(language), [template]
    for name in names:
        templates.get_template(name)
        source, _, _ = _LOADER.get_source(templates, name)
        names += [other for other in _REFERRED.findall(source) if other not in names]


_REFERRED: Final = re.compile(r"""\{%-? *(?:extends|include|import|from) *["']([a-z_./]+)["']""")


def html(text: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a page as an HTTP response."""
    return web.Response(
        text=text, status=status, headers={**HEADERS, **(headers or {})}, content_type=HTML
    )


def as_json(view: Struct, headers: Mapping[str, str]) -> web.Response:
    """Return the view of a page as a JSON response."""
    return web.Response(
        body=msgspec.json.encode(view),
        headers={**HEADERS, **headers},
        content_type="application/json",
    )


def csv_of(page: Page) -> str | None:
    """Return the tables of a page as CSV; None if it has none."""
    if isinstance(page.view, PageDocument):
        return csv(page.view)
    return None if page.rows is None else _csv(page.rows)


def as_csv(text: str, headers: Mapping[str, str]) -> web.Response:
    """Return a table as a CSV response."""
    return web.Response(
        text=text, headers={**HEADERS, **headers}, content_type="text/csv", charset="utf-8"
    )


def _csv(rows: Sequence[Struct]) -> str:
    """Return rows as CSV, one column a member."""
    names = rows[0].__struct_fields__ if rows else ()
    records = (msgspec.to_builtins(row, builtin_types=(msgspec.Raw,)) for row in rows)
    lines = ([record.get(name, "") for name in names] for record in records)
    return spreadsheet.table(names, lines) if rows else ""


def _from_json(text: str) -> dict[str, Any]:
    """Return a choice that a form offered before.

    If the text is not such a choice, its title is the text itself.
    """
    raw = text.encode(errors="replace")
    try:
        nesting.check(raw)
        choice = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        choice = None
    return {"title": text[:SUBJECT_LENGTH], **(choice if isinstance(choice, dict) else {})}


def now() -> datetime:
    """Return the time of this host."""
    return datetime.now(UTC)

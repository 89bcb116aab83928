"""The catalogues, brought up to date with the texts in the code: `make catalogues`.

A test fails if they are not up to date. Messages keep their translations. New messages
come without one, and the tests name them. The English catalogue gets every name of the
vocabulary, made from the name itself; a person improves them.
"""

import ast
import io
import sys
from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any, Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir, extract_from_file
from babel.messages.pofile import read_po, write_po

from dragoman.domain.acts.act_rules import Who
from dragoman.i18n import vocabulary
from dragoman.i18n.words import LANGUAGES, LOCALES
from dragoman_schemas.fields import FORMS

_HERE: Final = Path(__file__).parent
_PAGE_FOLDERS: Final = (_HERE.parent / "console", _HERE.parent / "reports")
"""Folders with words of the pages and reports."""

_SENTENCE_FOLDERS: Final = (_HERE.parent,)
"""Folders in which sentences are made that are shown elsewhere, such as refusals."""

_TABLE_TEXTS: Final = (*FORMS.values(), *(who.wording for who in Who))
"""Parts of such sentences that are in tables."""

_EXTRACTOR: Final = "dragoman.i18n.catalogue:extract"
_METHODS: Final = [("**.py", _EXTRACTOR), ("**/templates/**.html", "jinja2.ext:babel_extract")]
_OPTIONS: Final = {
    "**/templates/**.html": {
        "trim_blocks": "true",
        "lstrip_blocks": "true",
        "silent": "false",
        "extensions": "jinja2.ext.do",
    }
}
_USELESS_LINES: Final = tuple(
    f'"{name}'.encode()
    for name in (
        "POT-Creation",
        "PO-Revision",
        "Report-Msgid",
        "Last-Translator",
        "Language-Team",
        "Project-Id",
    )
)
"""Lines in the head of a catalogue that contain nothing useful."""

_KEYWORDS: Final = {
    "_": None,
    "say": None,
    "gettext": None,
    "N_": None,
    "count": (1, 2),
    "counted": (1, 2),
    "ngettext": (1, 2),
    "sentence": None,
}
_SENTENCES: Final = {
    "sentence": None,
    "refuse": (2,),
    "make_refusal": (2,),
    "Route": (4,),
    "ApiTopic": (1,),
}
"""Functions that make sentences, and the positions of their texts.

Of a route and of a topic of the API, these are the texts that the page about it shows.
"""


def extract(
    file: IO[bytes], keywords: Collection[str], _: object, **__: object
) -> Iterator[tuple[int, str, tuple[Any, ...], list[str]]]:
    """Yield the calls in a module that contain texts, in the form that Babel expects.

    Babel's own reader skips what follows a variable that is named like such a call.
    """
    for node in ast.walk(ast.parse(file.read())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in keywords:
                yield (
                    node.lineno,
                    name,
                    tuple(
                        arg.value if isinstance(arg, ast.Constant) else None for arg in node.args
                    ),
                    [],
                )


def untranslated() -> Catalog:
    """Return the catalogue of everything that is to be translated."""
    catalog = Catalog(project="Dragoman", fuzzy=False)
    for folder in _PAGE_FOLDERS:
        messages = extract_from_dir(folder, _METHODS, _OPTIONS, _KEYWORDS, strip_comment_tags=True)
        for _, _, message, _, _ in sorted(messages, key=lambda rows: (rows[0], rows[1])):
            catalog.add(message, flags=("python-format",) if "%(" in str(message) else ())
    for path in chain.from_iterable(
        sorted(item.rglob("*.py")) if item.is_dir() else (item,) for item in _SENTENCE_FOLDERS
    ):
        for _, message, _, _ in sorted(
            extract_from_file(_EXTRACTOR, path, _SENTENCES, strip_comment_tags=True)
        ):
            catalog.add(message, flags=("python-format",) if "%(" in str(message) else ())
    for text in _TABLE_TEXTS:
        catalog.add(text)
    for context, name in vocabulary.names():
        catalog.add(name, context=context)
    return catalog


def updated(language: str) -> Catalog:
    """Return a language's catalogue with exactly the texts to be translated now."""
    path = LOCALES / f"{language}.po"
    catalog = Catalog(locale=language, project="Dragoman", fuzzy=False)
    if path.exists():
        with path.open("rb") as file:
            catalog = read_po(file, locale=language)
    catalog.update(untranslated(), no_fuzzy_matching=True, update_header_comment=False)
    name = catalog.locale.english_name if catalog.locale else language
    catalog.header_comment = f"# What pages and reports say, in {name}."
    catalog.obsolete.clear()
    if language == "en":
        for message in list(catalog):
            if message.id and (
                not any(message.string or ()) or message.string == _default(message)
            ):
                catalog.delete(message.id, message.context)
    return catalog


def _default(message: Message) -> str | tuple[str, ...]:
    """Return the English text of a message that the English catalogue lacks."""
    if message.context:
        return vocabulary.derived(message.context, str(message.id))
    return tuple(message.id) if isinstance(message.id, list | tuple) else message.id


def written(catalogue: Catalog) -> bytes:
    """Return a catalogue in the format of its file."""
    output = io.BytesIO()
    write_po(
        output,
        catalogue,
        width=140,
        no_location=True,
        omit_header=False,
        sort_output=True,
        ignore_obsolete=True,
    )
    return b"".join(
        line
        for line in output.getvalue().splitlines(keepends=True)
        if not line.startswith(_USELESS_LINES)
    )


if __name__ == "__main__":
    for language in LANGUAGES:
        (LOCALES / f"{language}.po").write_bytes(written(updated(language)))
    missing = {
        text: [
            str(message.id)
            for message in updated(text)
            if message.id and not any(message.string or ())
        ]
        for text in LANGUAGES
        if text != "en"  # holds only what differs from the text in the code
    }
    for language, messages in missing.items():
        sys.stdout.write(f"{language}: {len(messages)} to be translated\n")

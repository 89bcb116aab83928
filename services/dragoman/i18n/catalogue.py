"""Brings the catalogues up to date with what is said to people, and with the vocabulary: `make catalogues`. A test fails where they are not.

Messages keep their translations; new ones come without, and the tests name them. The
English catalogue gets every name of the vocabulary made from itself, to be bettered by
hand.
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
_SAYING: Final = (_HERE.parent / "console", _HERE.parent / "reports")
"""Folders with words of the pages and reports."""

_MAKING: Final = (_HERE.parent,)
"""Where sentences are made that are said elsewhere, such as refusals."""

_TOLD: Final = (*FORMS.values(), *(who.value for who in Who))
"""Parts of such sentences that stand in tables."""

_SPOKEN: Final = "dragoman.i18n.catalogue:spoken"
_METHODS: Final = [("**.py", _SPOKEN), ("**/templates/**.html", "jinja2.ext:babel_extract")]
_OPTIONS: Final = {
    "**/templates/**.html": {
        "trim_blocks": "true",
        "lstrip_blocks": "true",
        "silent": "false",
        "extensions": "jinja2.ext.do",
    }
}
_OF_NOBODY: Final = tuple(
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
"""Lines of a catalogue's head that say nothing here."""

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
"""Of a route of the API and of a topic, what the page about it shows."""


def spoken(
    file: IO[bytes], keywords: Collection[str], _: object, **__: object
) -> Iterator[tuple[int, str, tuple[Any, ...], list[str]]]:
    """Yield the calls in a module that say something, as Babel takes them: its own reader passes over what follows a variable named like such a call."""
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


def template() -> Catalog:
    """Everything that is to be translated."""
    catalog = Catalog(project="Dragoman", fuzzy=False)
    for folder in _SAYING:
        said = extract_from_dir(folder, _METHODS, _OPTIONS, _KEYWORDS, strip_comment_tags=True)
        for _, _, message, _, _ in sorted(said, key=lambda rows: (rows[0], rows[1])):
            catalog.add(message, flags=("python-format",) if "%(" in str(message) else ())
    for path in chain.from_iterable(
        sorted(item.rglob("*.py")) if item.is_dir() else (item,) for item in _MAKING
    ):
        for _, message, _, _ in sorted(
            extract_from_file(_SPOKEN, path, _SENTENCES, strip_comment_tags=True)
        ):
            catalog.add(message, flags=("python-format",) if "%(" in str(message) else ())
    for text in _TOLD:
        catalog.add(text)
    for context, name in vocabulary.names():
        catalog.add(name, context=context)
    return catalog


def updated(language: str) -> Catalog:
    """Return a language's catalogue with what is to be translated now, and nothing else."""
    path = LOCALES / f"{language}.po"
    catalog = Catalog(locale=language, project="Dragoman", fuzzy=False)
    if path.exists():
        with path.open("rb") as file:
            catalog = read_po(file, locale=language)
    catalog.update(template(), no_fuzzy_matching=True, update_header_comment=False)
    catalog.header_comment = f"# What pages and reports say, in {catalog.locale.english_name if catalog.locale else language}."
    catalog.obsolete.clear()
    if language == "en":
        for message in list(catalog):
            if message.id and (
                not any(message.string or ()) or message.string == _default(message)
            ):
                catalog.delete(message.id, message.context)
    return catalog


def _default(message: Message) -> str | tuple[str, ...]:
    """Return the English text of a message that the English catalogue does not hold."""
    if message.context:
        return vocabulary.derived(message.context, str(message.id))
    return tuple(message.id) if isinstance(message.id, list | tuple) else message.id


def written(catalogue: Catalog) -> bytes:
    """Return a catalogue as its file."""
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
        if not line.startswith(_OF_NOBODY)
    )


if __name__ == "__main__":
    for each in LANGUAGES:
        (LOCALES / f"{each}.po").write_bytes(written(updated(each)))
    missing = {
        text: [
            str(message.id)
            for message in updated(text)
            if message.id and not any(message.string or ())
        ]
        for text in LANGUAGES
        if text != "en"  # holds only what differs from the text in the code
    }
    for each, messages in missing.items():
        sys.stdout.write(f"{each}: {len(messages)} to be translated\n")

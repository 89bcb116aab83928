"""The catalogues, brought up to date with the texts in the code: `make catalogues`.

A test fails if they are not up to date. Messages keep their translations. New messages
come without one. `make catalogues` lists these, and translations in which English words
are left. It reads only files that have changed: `build/catalogues.json` has the texts
of the others. The English catalogue gets every name of the vocabulary, made from the
name itself; a person improves them.
"""

import ast
import hashlib
import io
import json
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract as babel_extract
from babel.messages.pofile import read_po, write_po

from dragoman.domain.acts.act_rules import Who
from dragoman.i18n import vocabulary
from dragoman.i18n.words import LANGUAGES, LOCALES, URGENT_LANGUAGES
from dragoman_schemas.fields import FORMS

_HERE: Final = Path(__file__).parent
_PAGE_FOLDERS: Final = tuple(
    _HERE.parent / name for name in ("console", "document", "members", "office", "reports")
)
"""Folders with words of the pages and reports."""

_SENTENCE_FOLDERS: Final = (_HERE.parent,)
"""Folders in which sentences are made that are shown elsewhere, such as refusals."""

_TABLE_TEXTS: Final = (*FORMS.values(), *(who.wording for who in Who))
"""Parts of such sentences that are in tables."""

_EXTRACTOR: Final = "dragoman.i18n.catalogue:extract"
_OF_TEMPLATES: Final = "jinja2.ext:babel_extract"
_OPTIONS: Final = {
    "trim_blocks": "true",
    "lstrip_blocks": "true",
    "silent": "false",
    "extensions": "jinja2.ext.do",
}
_KNOWN: Final = Path("build/catalogues.json")

_WORDS: Final = (
    "the this that these those there what which who your you its of and is are was not nothing "
    "nobody with by before until must only each every ask choose give keep leave look open press "
    "put read remove say send show sign take tell use wait write check make"
)
_ENGLISH: Final = frozenset(_WORDS.split())
"""English words, most of them verbs, that no French or Chinese text has."""

_CODE: Final = re.compile(
    r"`[^`]{0,200}`|%\(\w+\)s|\{[^}]{0,80}\}|\b[A-Z]+\b|\b(?:dragoman|make|npm)(?: [a-z-]+)+"
    r"|(?<![\w.-])[\w.-]{0,80}[/_=@:.-]\w[\w./=@:-]*|[“«\"][^”»\"]{0,200}[”»\"]"
)
"""Parts of a text that are no words of its language."""

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


@dataclass
class Texts:
    """The texts of files. `known` has those of earlier contents, by digest."""

    known: Mapping[str, list[Any]] = field(default_factory=dict)
    used: dict[str, list[Any]] = field(default_factory=dict)

    def of(self, path: Path, keywords: Mapping[str, Any]) -> Iterator[str | tuple[str, ...]]:
        """Yield the texts of a module or a template."""
        method, options = (_OF_TEMPLATES, _OPTIONS) if path.suffix == ".html" else (_EXTRACTOR, {})
        content = path.read_bytes()
        how = repr((method, options, [*keywords.items()])).encode()
        digest = hashlib.sha256(_own_digest() + how + content).hexdigest()
        texts = self.known.get(digest)
        if texts is None:
            rows = babel_extract(
                method, io.BytesIO(content), keywords, options=options, strip_comment_tags=True
            )
            texts = [message for _, message, _, _ in sorted(rows, key=lambda row: row[0])]
        self.used[digest] = texts
        yield from (tuple(text) if isinstance(text, list) else text for text in texts)


@cache
def _own_digest() -> bytes:
    return hashlib.sha256(Path(__file__).read_bytes()).digest()


def _files() -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield each file with texts, and the calls that have them."""
    for folder in _PAGE_FOLDERS:
        templates = [path for path in folder.rglob("*.html") if "templates" in path.parts]
        yield from ((path, _KEYWORDS) for path in sorted([*folder.rglob("*.py"), *templates]))
    for folder in _SENTENCE_FOLDERS:
        yield from ((path, _SENTENCES) for path in sorted(folder.rglob("*.py")))


def untranslated(texts: Texts | None = None) -> Catalog:
    """Return the catalogue of everything that is to be translated."""
    catalog = Catalog(project="Dragoman", fuzzy=False)
    texts = texts or Texts()
    for path, keywords in _files():
        for message in texts.of(path, keywords):
            catalog.add(message, flags=("python-format",) if "%(" in str(message) else ())
    for text in _TABLE_TEXTS:
        catalog.add(text)
    for context, name in vocabulary.names():
        catalog.add(name, context=context)
    return catalog


def updated(language: str, template: Catalog) -> Catalog:
    """Return a language's catalogue with exactly the texts to be translated now."""
    path = LOCALES / f"{language}.po"
    catalog = Catalog(locale=language, project="Dragoman", fuzzy=False)
    if path.exists():
        with path.open("rb") as file:
            catalog = read_po(file, locale=language)
    catalog.update(template, no_fuzzy_matching=True, update_header_comment=False)
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


def shared(language: str, template: Catalog) -> Catalog:
    """Return the messages of the template that are in a language's catalogue already.

    A catalogue of urgent papers has only those; see `urgent`.
    """
    with (LOCALES / f"{language}.po").open("rb") as file:
        present = read_po(file, locale=language)
    catalog = Catalog(locale=language, project="Dragoman", fuzzy=False)
    for message in template:
        if message.id and present.get(_key(message), message.context) is not None:
            catalog.add(message.id, context=message.context, flags=message.flags)
    return catalog


def _key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


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


def to_be_translated(messages: Iterable[Message]) -> Iterator[str]:
    """Yield each text that has no translation, or an English word in it."""
    for message in messages:
        sources = message.id if isinstance(message.id, tuple) else (str(message.id),)
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.id and not all(texts):
            yield f"no translation: {sources[0]}"
        elif message.id and message.context is None:
            english, translated = (
                {word.lower() for text in several for word in _words(str(text))}
                for several in (sources, texts)
            )
            if words := sorted(_ENGLISH & english & translated):
                yield f"still English ({', '.join(words)}): {texts[0]}"


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", _CODE.sub(" ", text))


def main() -> None:
    """Write the catalogues, and list what is to be translated."""
    texts = Texts(json.loads(_KNOWN.read_bytes()) if _KNOWN.exists() else {})
    template = untranslated(texts)
    _KNOWN.parent.mkdir(exist_ok=True)
    _KNOWN.write_text(json.dumps(texts.used))
    for language in LANGUAGES:
        catalogue = updated(language, template)
        (LOCALES / f"{language}.po").write_bytes(written(catalogue))
        if language != "en":  # holds only what differs from the text in the code
            lines = [*to_be_translated(catalogue)]
            sys.stdout.writelines(f"{language}: {line}\n" for line in lines)
            sys.stdout.write(f"{language}: {len(lines)} to be translated\n")
    for language in URGENT_LANGUAGES:
        catalogue = updated(language, shared(language, template))
        (LOCALES / f"{language}.po").write_bytes(written(catalogue))


if __name__ == "__main__":
    main()

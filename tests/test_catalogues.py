"""The three catalogues: every string of pages and reports is in each, with its placeholders, in the
typography of its language.
"""

import re
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

import plain_words
from dragoman.console import dispatch
from dragoman.i18n import catalogue, vocabulary
from dragoman.i18n.words import LANGUAGES, LOCALES, preferred, words

_PLACE = re.compile(r"%\((\w+)\)s|\{(\w+)\}")
_FORBIDDEN = re.compile(
    r"\b(please|sorry|oops|approved|violation|s’il vous plaît|désolé|approuvé)\b|请您|抱歉|对不起|批准",
    re.IGNORECASE,
)


def read(language: str) -> Catalog:
    with (LOCALES / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def texts(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def places(text: str) -> set[str]:
    return {match[1] or match[2] for match in _PLACE.finditer(text)}


CATALOGUES = {language: read(language) for language in LANGUAGES}
MESSAGES = {
    language: [message for message in found if message.id] for language, found in CATALOGUES.items()
}


@cache
def on_pages() -> list[tuple[str | None, Any]]:
    """All that the pages say. It takes seconds, so no test waits for it that does not need it."""
    return [(message.context, message.id) for message in catalogue.untranslated() if message.id]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_what_the_pages_say_and_nothing_else(language: str) -> None:
    listed = {(message.context, str(message.id)) for message in MESSAGES[language]}
    wanted = {(context, str(name)) for context, name in on_pages()}
    assert listed <= wanted if language == "en" else listed == wanted


def test_the_english_catalogue_holds_only_what_differs_from_the_code() -> None:
    for message in MESSAGES["en"]:
        name = str(message.id)
        default = vocabulary.derived(message.context, name) if message.context else message.id
        assert message.string != default, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_untranslated(language: str) -> None:
    assert [
        message.id
        for message in MESSAGES[language]
        if not all(texts(message)) or not message.string
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_translation_has_the_placeholders_of_its_sentence(language: str) -> None:
    for message in MESSAGES[language]:
        if message.context is None:
            wanted = places(message.id if isinstance(message.id, str) else message.id[1])
            assert [
                text
                for text in texts(message)
                if places(text) != wanted
                and not (isinstance(message.id, tuple) and places(text) <= wanted)
            ] == [], message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_is_used_that_the_rules_forbid(language: str) -> None:
    said = [text for message in MESSAGES[language] for text in texts(message)]
    assert [text for text in said if _FORBIDDEN.search(text) or "!" in text.replace("!=", "")] == []


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (Message("Send it again."), "no translation: Send it again."),
        (Message("Send it again.", "Send it again."), "still English (send): Send it again."),
        (Message("%(n)s acts. Read the log.", "%(n)s actes. Read le journal."),
         "still English (read): %(n)s actes. Read le journal."),
        (Message(("%(n)s is late", "%(n)s are late"), ("%(n)s en retard", "")), "no translation: %(n)s is late"),
        (Message("Sign by `dragoman sign`.", "Signez par `dragoman sign`, dragoman sign ou READ."), ""),
        (Message("Contacts", "Contacts"), ""),
        (Message("open", "open", context="status"), ""),  # a name has its own tests
    ],
)  # fmt: skip
def test_what_a_translator_still_has_to_do_is_listed(message: Message, told: str) -> None:
    assert "".join(catalogue.to_be_translated([message])) == told


def test_only_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('sentence("One.")\nsay("Two.", count("a", "b"))\n')
    keywords = {"sentence": None, "count": (1, 2)}
    first = catalogue.Texts()
    assert [*first.of(module, keywords)] == ["One.", ("a", "b")]
    (digest,) = first.used
    again = catalogue.Texts({digest: ["Known.", ["c", "d"]]})
    assert [*again.of(module, keywords)] == ["Known.", ("c", "d")]
    assert [*again.of(module, {"say": None})] == ["Two."]
    module.write_text('sentence("Three.")\n')
    assert [*again.of(module, keywords)] == ["Three."]


def test_no_english_text_reads_like_a_translation() -> None:
    """Texts of templates are checked here; `plain_words` also checks the strings of the code."""
    said = {(message.context, message.id): texts(message) for message in MESSAGES["en"]}
    for context, name in on_pages():
        for text in said.get((context, name)) or english(context, name):
            assert plain_words.of_text(text) == ("", ""), text


def english(context: str | None, name: object) -> tuple[str, ...]:
    if context is not None:
        return (vocabulary.derived(context, str(name)),)
    return tuple(map(str, name)) if isinstance(name, tuple) else (str(name),)


def test_french_has_its_spaces_and_its_apostrophe() -> None:
    for text in chain.from_iterable(map(texts, MESSAGES["fr"])):
        bare = re.sub(
            r"`[^`]*`|\{[^}]*\}|%\(\w+\)s|https?:\S+|/\S+|Authorization: Bearer", "x", text
        )
        assert "'" not in bare, text
        assert not re.search(r"[^\u202f\s(][;?!]", bare), text
        assert not re.search(r"(?<![\u00a0\d*])[:](?=\s|$)", bare), text


def test_chinese_has_its_own_punctuation_and_no_spaces_between_its_characters() -> None:
    for text in chain.from_iterable(map(texts, MESSAGES["zh"])):
        assert not re.search(r"[\u4e00-\u9fff][,;:?!](?!\d)", text), text
        assert not re.search(r"[\u4e00-\u9fff] +[\u4e00-\u9fff]", text), text
        assert "…" not in text.replace("……", "").replace("…/", ""), text


def test_every_name_of_the_log_has_a_word_in_every_language() -> None:
    for language in LANGUAGES:
        said = words(language)
        assert [name for context, name in vocabulary.names() if not said.name(context, name)] == []
        assert said.act("hazardous-incident") != "hazardous-incident"


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "en"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("de,zh-CN;q=0.5,en;q=0.4", "zh"),
        ("*", "en"),
        ("en;q=0.1,zh", "zh"),
        ("x" * 10_000, "en"),
    ],
)
def test_the_readers_language_is_the_first_that_there_is(accept: str, language: str) -> None:
    assert preferred(accept) == language


def test_what_is_given_to_scripts_is_said_by_one_and_what_they_say_is_given() -> None:
    console = Path(dispatch.__file__).parent
    given = set(
        re.findall(
            r"^ *'(\w+)':", (console / "templates" / "scripted.html").read_text(), re.MULTILINE
        )
    )
    code = "".join(path.read_text() for path in sorted((console / "static").glob("*.js")))
    made = set(re.findall(r"words\(`(\w+)\$\{", code))
    assert [
        name
        for name in given
        if not re.search(rf"[\"'`.]{name}\b", code) and not name.startswith(tuple(made))
    ] == []
    assert set(re.findall(r"\bwords\(\"(\w+)\"", code)) - given == set()

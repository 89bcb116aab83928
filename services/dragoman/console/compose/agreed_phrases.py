"""Agreed phrases of the codebook in force: offered, inserted, and compared."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Raw, Struct
from multidict import MultiDict

from dragoman.console.compose.writing import Writing
from dragoman.console.display import agreed_words, translations
from dragoman.console.display.act_display import Display
from dragoman.console.display.message_view import TEXTS
from dragoman.members import text_rows
from dragoman.members.kind import PREFIX
from dragoman.members.texts import TextKind

AgreedPhrase = tuple[str, tuple[tuple[str, str], ...]]
"""A key of a codebook, and its phrase by the language tags of the channel."""


class PhraseDeparture(Struct, frozen=True, kw_only=True):
    """An agreed phrase `of` a text, with the `agreed` words that `tag` has not."""

    of: str
    tag: str
    agreed: str


def offered(writing: Writing) -> list[AgreedPhrase]:
    """Return the phrases that are offered in a form; none without a main text."""
    registry = writing.context.registry
    codebook = agreed_words.in_force(registry)
    if codebook is None or not (_main_text(writing) or writing.act == translations.ACT):
        return []
    return [
        (
            key,
            tuple(
                (tag, texts[short])
                for tag in sorted(registry.languages)
                if (short := tag.partition("-")[0]) in texts
            ),
        )
        for key, texts in codebook.phrases.items()
    ]


def departures(writing: Writing, content: Mapping[str, Raw]) -> Iterator[PhraseDeparture]:
    """Yield the agreed phrases from which one language of a text departs.

    The phrase occurs in one language, or in the original of a translation. The text in
    the other language has other words than the sides agreed on.
    """
    phrases = agreed_words.phrases_of(writing.context.registry)
    for by_tag in _side_by_side(writing, content):
        for texts in phrases:
            agreed = {
                tag: phrase for tag in by_tag if (phrase := texts.get(tag.partition("-")[0], ""))
            }
            has = [tag for tag in agreed if any(agreed_words.find([texts], by_tag[tag], tag))]
            yield from (
                PhraseDeparture(of=agreed[has[0]], tag=tag, agreed=phrase)
                for tag, phrase in agreed.items()
                if has and tag not in has
            )


def _side_by_side(writing: Writing, content: Mapping[str, Raw]) -> Iterator[dict[str, str]]:
    """Yield each text that stands in several languages, by tag."""
    values = {name: msgspec.json.decode(bytes(raw)) for name, raw in content.items()}
    if writing.act == translations.ACT and writing.exchange is not None:
        display = Display(writing.context.words)
        originals = translations.originals(display, writing.exchange, values.get("of", ""))
        tag, text = values.get("language", ""), str(values.get("text", ""))
        for original in originals:
            yield {original.language: "\n".join(original.paragraphs), tag: text}
        return
    for value in values.values():
        for item in value if isinstance(value, list) else [value]:
            if (
                isinstance(item, dict)
                and len(item) > 1
                and {*item} <= {*writing.context.registry.languages}
            ):
                yield {tag: str(text) for tag, text in item.items()}


def with_phrase(writing: Writing, fields: MultiDict[str], key: str) -> MultiDict[str]:
    """Return a form's fields with a phrase as the last paragraph of its main text.

    It stands at the same paragraph in the languages that have a text, and in all where
    at most one has. The fields are returned as they are for a phrase that is not
    offered.
    """
    texts = dict(dict(offered(writing)).get(key, ()))
    name = f"{PREFIX}.{_main_text(writing)}"
    languages = writing.context.registry.languages
    columns = {tag: text_rows.column(fields, f"{name}.{tag}") for tag in languages}
    begun = {tag for tag, paragraphs in columns.items() if paragraphs}
    if len(begun) > 1:
        columns = {tag: columns[tag] for tag in begun}
    length = max(map(len, columns.values()), default=0)
    if not texts or not _main_text(writing) or length >= text_rows.most_rows(languages):
        return fields
    result = fields.copy()
    for tag, paragraphs in columns.items():
        result.popall(f"{name}.{tag}", None)
        padded = [*paragraphs, *[""] * (length - len(paragraphs)), texts.get(tag, "")]
        result.extend((f"{name}.{tag}", text) for text in padded)
    return result


def _main_text(writing: Writing) -> str:
    """Return the name of the member that holds the main text; empty for none."""
    members = [
        member.name
        for member in writing.members()
        if isinstance(member.kind, TextKind) and member.kind.languages
    ]
    return next((name for name in TEXTS if name in members), "")

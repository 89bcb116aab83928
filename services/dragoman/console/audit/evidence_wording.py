"""The reader's words for codes in the records of an evidence file.

    wording_of(words, acts, "hazardous-incident")
    {"hazardous-incident": {"kind": {"near_miss": "near miss"}}}

Each word is under its act, its member and its code. The member of a group is under both
names: `units/kind`. No record has these words, and no signature covers them. A page
shows them beside the codes, and the verification of a file reads none of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from dragoman.console.display.act_display import language
from dragoman.console.forms import field_types
from dragoman.domain.acts.field_checks import UNKNOWN
from dragoman.i18n.words import Words
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.codebook import CODEBOOKS

Wording = dict[str, dict[str, dict[str, str]]]
"""Words by act, member and code."""

_OWN_WORDS: Final = (
    field_types.TextsField,
    field_types.LinesField,
    field_types.DatesField,
    field_types.WhoseField,
)
"""Types of fields whose lists have words of a side, or names of sides, and no codes."""


def wording_of(words: Words, acts: Iterable[Mapping[str, Any]], opener: str) -> Wording:
    """Return the words for the codes in some acts.

    `opener` is the act that opened the exchange. Corrections name its members. A code
    that is its own word has none.
    """
    result: Wording = {}
    for act in acts:
        name = act["act"]
        for path, code, word in _of_act(words, act, name, opener):
            if word != code:
                result.setdefault(name, {}).setdefault(path, {})[code] = word
    return result


def _of_act(
    words: Words, act: Mapping[str, Any], name: str, opener: str
) -> Iterator[tuple[str, str, str]]:
    if name not in SHAPES:
        return
    for member in field_types.members(name):
        if member.name not in act:
            continue
        value = act[member.name]
        if not isinstance(member.kind, field_types.FieldsField):
            yield from _of_value(words, member.kind, value, member.name)
        elif isinstance(value, Mapping) and opener in SHAPES:
            group = field_types.GroupField(field_types.members(opener))
            yield from _of_value(words, group, value, member.name)


def _of_value(
    words: Words, kind: field_types.Kind, value: Any, path: str
) -> Iterator[tuple[str, str, str]]:
    """Yield the codes in a value, with their members and words."""
    if isinstance(kind, field_types.RowsField):
        kind = kind.group
    if isinstance(value, list):
        for item in () if isinstance(kind, _OWN_WORDS) else value:
            yield from _of_value(words, kind, item, path)
    elif isinstance(value, Mapping):
        yield from _of_members(words, kind, value, path)
    elif isinstance(value, bool):
        code = "true" if value else "false"
        yield path, code, words.value(code)
    elif isinstance(value, str):
        word = _word(words, kind, value)
        if word:
            yield path, value, word


def _of_members(
    words: Words, kind: field_types.Kind, value: Mapping[str, Any], path: str
) -> Iterator[tuple[str, str, str]]:
    match kind:
        case field_types.GroupField():
            for member in kind.members:
                if member.name in value:
                    inner = f"{path}/{member.name}"
                    yield from _of_value(words, member.kind, value[member.name], inner)
        case field_types.HoursField():
            for day in value.get("days", ()):
                yield f"{path}/days", day, words.value(day)
        case field_types.ReleasedField():
            for name in value.get("without", ()):
                yield f"{path}/without", name, words.field(name)
        case _:
            return


def _word(words: Words, kind: field_types.Kind, code: str) -> str:
    """Return the word for a code; empty for any other value."""
    match kind:
        case _ if code == UNKNOWN:
            return words.value(code)
        case field_types.ChoiceField():
            return words.name(kind.context, code) if code.islower() else ""
        case field_types.ChoicesField():
            return words.value(code) if code.islower() else ""
        case field_types.SpanField() if code == kind.instead:
            return words.value(code)
        case field_types.WhoseField() if code.islower():
            return words.value(code)
        case field_types.PartField():
            return words.field(code)
        case field_types.HoursField():
            return words.say("at all hours")
        case field_types.LanguageField():
            return language(code)
        case field_types.PhrasesField():
            return _phrase(words, code)
        case _:
            return ""


def _phrase(words: Words, key: str) -> str:
    texts = next((book.phrases[key] for book in CODEBOOKS.values() if key in book.phrases), {})
    return texts.get(words.language) or texts.get("en", "")

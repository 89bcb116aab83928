"""Texts of an act in several languages, level by paragraphs, for the check page."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from dragoman.console.compose.writing import Writing
from dragoman.console.display.act_display import Display
from dragoman.console.display.translations import paragraphs
from dragoman.members import shapes, text_rows
from dragoman.members.kind import PREFIX, Member
from dragoman.members.text_rows import TextRow
from dragoman.members.texts import TextKind, TextsKind, language


class LevelledText(Struct, frozen=True, kw_only=True):
    """A text of an act: its label, its languages, and its rows of paragraphs.

    `original` is the language of its original. `counts` are the paragraphs by language.
    In `moved` languages an empty box was left before a written one. What follows it
    has moved up.
    """

    label: str
    original: str
    names: dict[str, str]
    rows: tuple[TextRow, ...]
    counts: dict[str, int]
    moved: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Return whether the languages have different numbers of paragraphs."""
        return len(set(self.counts.values())) > 1


def levelled_texts(
    display: Display,
    writing: Writing,
    content: Mapping[str, Raw],
    typed: Mapping[str, Any] | None = None,
) -> list[LevelledText]:
    """Return the texts of an act that have several languages.

    For a correction these are the texts that it puts in the place of others. `typed`
    are the fields of the form, which may have empty boxes.
    """
    texts = _of_members(display, shapes.members(writing.act), content, typed or {}, PREFIX)
    if writing.exchange is not None and "fields" in content:
        fields = msgspec.json.decode(bytes(content["fields"]), type=dict[str, Raw])
        members = shapes.members(writing.exchange.act)
        texts += _of_members(display, members, fields, typed or {}, f"{PREFIX}.fields")
    return texts


def _of_members(
    display: Display,
    members: tuple[Member, ...],
    content: Mapping[str, Raw],
    typed: Mapping[str, Any],
    prefix: str,
) -> list[LevelledText]:
    texts = []
    for member in members:
        if member.name not in content:
            continue
        value = msgspec.json.decode(bytes(content[member.name]))
        if isinstance(member.kind, TextKind) and isinstance(value, dict):
            columns = {tag: paragraphs(text) for tag, text in value.items()}
            moved = [tag for tag in columns if _has_gap(typed, f"{prefix}.{member.name}.{tag}")]
        elif isinstance(member.kind, TextsKind) and isinstance(value, list):
            items = [item for item in value if isinstance(item, dict)]
            tags = dict.fromkeys(tag for item in items for tag in item)
            columns, moved = {tag: [item.get(tag, "") for item in items] for tag in tags}, []
        else:
            continue
        if len(columns) > 1:
            texts.append(_levelled(display.words.field(member.name, member.act), columns, moved))
    return texts


def _has_gap(typed: Mapping[str, Any], name: str) -> bool:
    """Return whether a form has an empty box before a written one of the same name."""
    return "" in [text.strip() for text in text_rows.column(typed, name)]


def _levelled(label: str, columns: dict[str, list[str]], moved: Iterable[str]) -> LevelledText:
    ordered = {tag: columns[tag] for tag in sorted(columns)}
    return LevelledText(
        label=label,
        original=next(iter(columns)),
        names={tag: language(tag) for tag in ordered},
        rows=tuple(text_rows.level(ordered)),
        counts={tag: sum(bool(text) for text in texts) for tag, texts in ordered.items()},
        moved=tuple(sorted(moved)),
    )

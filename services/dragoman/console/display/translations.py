"""Translations of the messages of an exchange: whose they are, and whether the other sides agree, so that each is shown under its original.

    of_message(state, state.id)     (Translated(language="zh", side="china", agreed=(), disputed=()),)
    missing(languages, "zh", …)     "zh"

A translation is one side's reading of a message. It is never shown without its
original, nor without saying whose it is.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from dragoman.console.display.act_display import Display, DisplayedMember, language
from dragoman.console.forms import field_types
from dragoman.domain.acts import consent, developments
from dragoman.i18n.words import Words
from dragoman_schemas.state import Exchange, Said

ACT: Final = "translation"
_BETWEEN: Final = re.compile(r"\n[ \t]*\n\s*")


class Disputed(Struct, frozen=True, kw_only=True):
    """A side reads the original otherwise, and says how."""

    side: str
    reason: str


class Translated(Struct, frozen=True, kw_only=True):
    """One translation of a message: by which side, and which sides agree to it or dispute it.

    `changed` is when the words that it is of were changed since: then it is of words
    that stand no more, and no side's agreement to it holds.
    """

    id: str
    language: str
    text: str
    side: str
    time: str
    changed: str = ""
    agreed: tuple[str, ...] = ()
    disputed: tuple[Disputed, ...] = ()


def of_message(state: Exchange, message: str) -> tuple[Translated, ...]:
    """Return the translations of a message, the oldest first."""
    return tuple(
        _translated(state, item)
        for item in state.acts.get(ACT, ())
        if _value(item, "of", state.id) == message
    )


def by_record(state: Exchange) -> dict[int, tuple[Translated, ...]]:
    """Return the translations of each message of an exchange that has some, by the position of its record."""
    records = {state.opened.position: state.id}
    records |= {item.said.position: item.id for act in state.acts.values() for item in act}
    records |= {message.said.position: message.id for message in state.messages}
    return {
        position: result for position, id in records.items() if (result := of_message(state, id))
    }


def _changed(state: Exchange, said: Said) -> str:
    """Return when the words that a translation is of were changed after it; empty where they were not."""
    if _value(said, "of", state.id) != state.id:
        return ""
    later = [
        developments.stamp_of(change).time
        for change in developments.changes(state)
        if developments.stamp_of(change).position > said.said.position
        and any(
            (member := field_types.member(state.act, name))
            and isinstance(member.kind, field_types.TextField | field_types.TextsField)
            for name in change.fields
        )
    ]
    return later[-1] if later else ""


def _translated(state: Exchange, said: Said) -> Translated:
    return Translated(
        id=said.id,
        language=_value(said, "language"),
        text=_value(said, "text"),
        side=said.said.side,
        time=said.said.time,
        changed=_changed(state, said),
        agreed=tuple(
            dict.fromkeys(
                item.said.side
                for item in consent.counting(
                    state, ("translation-agreement",), consent.reading(state, said)
                )
            )
        ),
        disputed=tuple(
            Disputed(side=item.said.side, reason=_value(item, "reason"))
            for item in state.acts.get("translation-dispute", ())
            if _value(item, "of") == said.id
        ),
    )


def _value(said: Said, name: str, default: str = "") -> str:
    return str(msgspec.json.decode(bytes(said.content[name]))) if name in said.content else default


def mark(words: Words, translated: Translated, *, attributed: bool = True) -> str:
    """Say whose a translation is, and whether the other sides agree to it."""

    def named(sides: Iterable[str]) -> str:
        return (
            words.listed(dict.fromkeys(side.upper() for side in sides))
            if attributed
            else words.say("a participant")
        )

    side = named([translated.side])
    if translated.changed:
        changed = words.written(translated.changed, "minute")
        return words.say(
            "%(side)s’s translation of the text before it was changed, %(t)s", side=side, t=changed
        )
    if translated.disputed:
        return words.say(
            "%(side)s’s translation, disputed by %(sides)s",
            side=side,
            sides=named(item.side for item in translated.disputed),
        )
    if translated.agreed:
        return words.say(
            "%(side)s’s translation, agreed by %(sides)s", side=side, sides=named(translated.agreed)
        )
    return words.say("%(side)s’s translation, not agreed", side=side)


def shown(
    words: Words, translations: Iterable[Translated], *, attributed: bool = True
) -> list[dict[str, Any]]:
    """Return translations as a page shows them; under the Chatham House Rule without the names of sides."""
    return [
        {
            "mark": mark(words, translation, attributed=attributed),
            "tag": translation.language,
            "language": language(translation.language),
            "lines": translation.text.splitlines(),
            "disputed": [
                (one.side.upper() if attributed else "", one.reason) for one in translation.disputed
            ],
        }
        for translation in translations
    ]


# What is to be translated


class Original(Struct, frozen=True, kw_only=True):
    """One text of a message: what it is called, its language, its paragraphs, and every language in which it is given."""

    label: str
    language: str
    languages: tuple[str, ...]
    paragraphs: tuple[str, ...]


def originals(display: Display, state: Exchange, message: str = "") -> list[Original]:
    """Return the texts of a message, the opening if none is named, each in the language in which it was written first."""
    if message in ("", state.id):
        return list(_texts(display, display.facts(state.act, state.content), state.content))
    said = next((item for item in state.messages if item.id == message), None)
    if said is None:
        return []
    act, content = said.act, consent.said_in(state, message)
    return list(_texts(display, display.facts(act, content), content)) if content else []


def _texts(
    display: Display, facts: Sequence[DisplayedMember], content: Mapping[str, Raw]
) -> Iterator[Original]:
    for fact in facts:
        if not fact.said or fact.name == "subject":
            continue
        value = msgspec.json.decode(bytes(content[fact.name]))
        for item in value if isinstance(value, list) else [value]:
            tag, text = next(iter(item.items())) if isinstance(item, dict) else ("", str(item))
            rows = tuple(item) if isinstance(item, dict) else ()
            yield Original(
                label=fact.label, language=tag, languages=rows, paragraphs=tuple(paragraphs(text))
            )


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a text: an empty line stands between one and the next."""
    return [part.strip() for part in _BETWEEN.split(text) if part.strip()]


def written_in(texts: Sequence[Original]) -> frozenset[str]:
    """Return the languages in which all texts of a message are written by their author."""
    return (
        frozenset(set.intersection(*({*text.languages} for text in texts)))
        if texts
        else frozenset()
    )


def missing(
    languages: Sequence[str], text: str, originals_: Sequence[Original], given: Sequence[Translated]
) -> str:
    """Return the language into which a message is most likely translated: the reader's own, or the only one that is left; empty for none.

    Where several others are left, nobody knows which is meant, and whoever translates
    chooses.
    """
    if any(not original.language for original in originals_):
        return ""  # who wrote it did not say in which language
    names = written_in(originals_) | {item.language for item in given}
    tags = [tag for tag in languages if tag not in names]
    mine = [tag for tag in tags if tag.partition("-")[0] == text]
    return mine[0] if mine else tags[0] if len(tags) == 1 else ""

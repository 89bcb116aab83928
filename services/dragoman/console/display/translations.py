"""Translations of the messages of an exchange, with their authors and the agreement.

    of_message(state, state.id)    (Translated(language="zh", side="china", …),)
    missing(languages, "zh", …)    "zh"

A translation is one side's reading of a message. A page shows it only under its
original, and always says whose it is and whether the other sides agree.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.domain.acts import consent, developments
from dragoman.i18n.words import Words
from dragoman.members import shapes
from dragoman.members.texts import language
from dragoman_schemas.fields import Words as Reason
from dragoman_schemas.state import Exchange, Said

ACT: Final = "translation"
"""The act that carries a translation."""
_BETWEEN: Final = re.compile(r"\n[ \t]*\n\s*")


class Disputed(Struct, frozen=True, kw_only=True):
    """A side's dispute of a translation, and its reason."""

    side: str
    reason: Reason


class Translated(Struct, frozen=True, kw_only=True):
    """One translation of a message, and the sides that agree to it or dispute it.

    `changed` is the time when the original text was changed since. Such a translation
    is of outdated words, and no side's agreement to it is valid.
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
    """Return the translations of a message, oldest first."""
    return tuple(
        _translated(state, item)
        for item in state.acts.get(ACT, ())
        if _value(item, "of", state.id) == message
    )


def by_record(state: Exchange) -> dict[int, tuple[Translated, ...]]:
    """Return the translations of each message of an exchange, by the record's position.

    Messages without a translation are left out.
    """
    records = {state.opened.position: state.id}
    records |= {item.said.position: item.id for act in state.acts.values() for item in act}
    records |= {message.said.position: message.id for message in state.messages}
    return {
        position: result for position, id in records.items() if (result := of_message(state, id))
    }


def _changed_at(state: Exchange, translation: Said) -> str:
    """Return the time when the translated text was changed after the translation.

    Empty where it was not changed.
    """
    if _value(translation, "of", state.id) != state.id:
        return ""
    later = [
        developments.stamp_of(change).time
        for change in developments.changes(state)
        if developments.stamp_of(change).position > translation.said.position
        and any(
            (member := shapes.member(state.act, name)) and member.kind.is_prose
            for name in change.fields
        )
    ]
    return later[-1] if later else ""


def _translated(state: Exchange, translation: Said) -> Translated:
    return Translated(
        id=translation.id,
        language=_value(translation, "language"),
        text=_value(translation, "text"),
        side=translation.said.side,
        time=translation.said.time,
        changed=_changed_at(state, translation),
        agreed=tuple(
            dict.fromkeys(
                item.said.side
                for item in consent.counting(
                    state, ("translation-agreement",), consent.reading(state, translation)
                )
            )
        ),
        disputed=tuple(
            Disputed(side=item.said.side, reason=_value(item, "reason"))
            for item in state.acts.get("translation-dispute", ())
            if _value(item, "of") == translation.id
        ),
    )


def _value(act_record: Said, name: str, default: str = "") -> str:
    return (
        str(msgspec.json.decode(bytes(act_record.content[name])))
        if name in act_record.content
        else default
    )


def mark(words: Words, translated: Translated, *, attributed: bool = True) -> str:
    """Return a sentence on whose a translation is, and which sides agree to it."""

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
    """Return translations as a page shows them.

    Under the Chatham House Rule, sides are not named.
    """
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


# Originals


class Original(Struct, frozen=True, kw_only=True):
    """One text of a message: its label, its language, its paragraphs and its languages.

    `languages` are all languages in which its author gave it.
    """

    label: str
    language: str
    languages: tuple[str, ...]
    paragraphs: tuple[str, ...]


def originals(display: Display, state: Exchange, message: str = "") -> list[Original]:
    """Return the texts of a message, each in its original language.

    Without a `message`, these are the texts of the opening.
    """
    if message in ("", state.id):
        return list(_texts(display, display.facts(state.act, state.content), state.content))
    answer = next((item for item in state.messages if item.id == message), None)
    if answer is None:
        return []
    act, content = answer.act, consent.content_of_message(state, message)
    return list(_texts(display, display.facts(act, content), content)) if content else []


def _texts(
    display: Display, facts: Sequence[DisplayedMember], content: Mapping[str, Raw]
) -> Iterator[Original]:
    for fact in facts:
        if not fact.is_own_text or fact.name == "subject":
            continue
        value = msgspec.json.decode(bytes(content[fact.name]))
        for item in value if isinstance(value, list) else [value]:
            tag, text = next(iter(item.items())) if isinstance(item, dict) else ("", str(item))
            languages = tuple(item) if isinstance(item, dict) else ()
            yield Original(
                label=fact.label,
                language=tag,
                languages=languages,
                paragraphs=tuple(paragraphs(text)),
            )


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a text, which empty lines separate."""
    return [part.strip() for part in _BETWEEN.split(text) if part.strip()]


def written_in(texts: Sequence[Original]) -> frozenset[str]:
    """Return the languages in which the author wrote all texts of a message."""
    return (
        frozenset(set.intersection(*({*text.languages} for text in texts)))
        if texts
        else frozenset()
    )


def missing(
    languages: Sequence[str],
    text: str,
    originals_: Sequence[Original],
    translations: Sequence[Translated],
) -> str:
    """Return the language into which a message is most likely translated.

    It is the reader's own language, or the only one that is left; empty for none. Where
    several others are left, nobody knows which is meant, and the translator chooses.
    """
    if any(not original.language for original in originals_):
        return ""  # The author did not say in which language it is written.
    names = written_in(originals_) | {item.language for item in translations}
    tags = [tag for tag in languages if tag not in names]
    mine = [tag for tag in tags if tag.partition("-")[0] == text]
    return mine[0] if mine else tags[0] if len(tags) == 1 else ""

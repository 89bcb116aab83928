"""The lines of the inbox: one line for each exchange, with its subject and its news.

Near miss, 15°07′N 116°26′E, 08:38Z      a format whose kind says what it is about
The launch has moved to the south …      the first words of a text without subject
... towed to [Sansha] by a tug ...       a hit of the search, in its context
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from dragoman.console.matter.first_words import first_words
from dragoman.console.matter.matter_list import is_unread
from dragoman.console.matter.reading import READ_POSITIONS
from dragoman.console.page.context import PageContext
from dragoman.domain.acts.families.exchange import own_markings
from dragoman.domain.views.titles import title_of
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.i18n.words import Words, as_moment
from dragoman.stores.read_positions import ReadPosition
from dragoman.text import VERBATIM
from dragoman_schemas.responses import Row
from dragoman_schemas.state import Exchange, encode

_BESIDE: Final = 40
"""Characters of the context on each side of a hit."""

_SPOKEN: Final = ("content", "developments", "acts", "accounts", "corrections", "cancellation")
"""The members of an exchange that have words of the sides."""


class Hit(Struct, frozen=True, kw_only=True):
    """A hit of the search, with the text before and after it."""

    before: str
    hit: str
    after: str


class InboxLine(Struct, frozen=True, kw_only=True):
    """The subject of an exchange, whether it has news, and the hit of the search.

    `is_own_text` says that a side wrote the subject. `marking` has the markings of its
    messages beside the channel's.
    """

    language: str
    subject: str
    is_own_text: bool
    is_unread: bool
    marking: str = ""
    hit: Hit | None = None


async def reading_of(context: PageContext) -> ReadPosition | None:
    """Return the reader's own read position; None for a reader who is no officer.

    With the first visit everything counts as read: news are what comes afterwards.
    """
    if not context.is_officer or context.past:
        return None
    positions, cid = context.request.app[READ_POSITIONS], context.registry.cid
    reading = positions.of(context.grant.actor, cid)
    if reading is None and context.request.method == "GET":
        with suppress(LogUnreachable):
            await positions.read_all(context.grant.actor, cid, context.position)
    return reading


def lines(
    context: PageContext, rows: Iterable[Row], reading: ReadPosition | None, query: str
) -> dict[str, InboxLine]:
    """Return the lines of some exchanges by their id."""
    result: dict[str, InboxLine] = {}
    for row in rows:
        state = context.state_of(row.id)
        if state is None:
            continue
        language, subject, is_own_text = subject_of(context, state)
        result[row.id] = InboxLine(
            language=language,
            subject=subject,
            is_own_text=is_own_text,
            is_unread=is_unread(context, reading, row.id),
            marking=own_markings(state),
            hit=hit_in(state, query.split()) if query else None,
        )
    return result


def subject_of(context: PageContext, state: Exchange) -> tuple[str, str, bool]:
    """Return the language tag and the text of a subject, and whether a side wrote it.

    Without a subject of its opener, it is the kind with place and time, or the first
    words of the text.
    """
    words, content = context.words, state.present
    if "subject" in content:
        return (*context.subject(state), True)
    built = [
        *(words.value(kind).capitalize() for kind in (_string(content, "kind"),) if kind),
        *(place for place in (place_of(content.get("place")),) if place),
        *(_times(words, context, content)),
    ]
    if "kind" in content and len(built) > 1:
        return "", words.listed(built), False
    if "text" in content:
        language, text = words.text(content["text"])
        return language, first_words(text), True
    title = title_of(state)
    return (*context.subject(state), title is None or title.message == VERBATIM)


def _string(content: Mapping[str, Raw], name: str) -> str:
    value = msgspec.json.decode(content[name]) if name in content else ""
    return value if isinstance(value, str) else ""


def place_of(raw: Raw | None) -> str:
    """Return a place in degrees and minutes; empty if the text names no coordinates."""
    value = None if raw is None else msgspec.json.decode(raw)
    if not isinstance(value, dict) or not {"lat", "lon"} <= value.keys():
        return ""
    return f"{_minutes(value['lat'], 'NS')} {_minutes(value['lon'], 'EW')}"


def _minutes(degrees: float, letters: str) -> str:
    whole, minutes = divmod(round(abs(degrees) * 60), 60)
    return f"{whole:02}°{minutes:02}′{letters[degrees < 0]}"


def _times(words: Words, context: PageContext, content: Mapping[str, Raw]) -> Iterator[str]:
    with suppress(ValueError):  # the time may be a word, such as unknown
        moment = as_moment(_string(content, "time"))
        today = moment.date() == context.moment.date()
        yield words.written(moment, "hour" if today else "minute")


def hit_in(state: Exchange, query: Sequence[str]) -> Hit | None:
    """Return the first place in the words of an exchange where a word is found."""
    value = msgspec.json.decode(encode(state))
    wanted = [folded(word) for word in query if word]
    for text in _texts(value[name] for name in _SPOKEN if name in value):
        line = " ".join(text.split())
        plain = folded(line)
        starts = [(plain.find(word), word) for word in wanted if word in plain]
        if starts:
            start, word = min(starts)
            end = start + len(word)
            before = line[max(0, start - _BESIDE) : start]
            if start > _BESIDE:  # the context begins with a whole word
                before = f"… {before.partition(' ')[2] or before}"
            return Hit(
                before=before,
                hit=line[start:end],
                after=line[end : end + _BESIDE] + (" …" if len(line) > end + _BESIDE else ""),
            )
    return None


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from _texts(value.values())
        elif isinstance(value, list):
            yield from _texts(value)


def folded(text: str) -> str:
    """Return a text without case and accents, with as many characters as before."""
    if text.isascii():
        return text.lower()
    return "".join(
        (unicodedata.normalize("NFD", character)[:1].casefold()[:1] or character)
        for character in text
    )

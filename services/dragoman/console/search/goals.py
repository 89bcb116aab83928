"""The goals of a search, in groups, and the text that leads to them."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from msgspec import Struct

from dragoman.console.page.context import PageContext
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.projection.projection import Projection


class Goal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A goal of a search, with its name and its address.

    Its `kind` is `exchange`, `record`, `act`, `page`, `action`, `channel`, `person`,
    `officer` or `text`. `language` is the tag of the label's language. `detail` says
    more of it. A match of words has the matching word in `match`, with its context.
    """

    kind: str
    label: str
    address: str
    channel: str = ""
    number: str = ""
    language: str = ""
    detail: str = ""
    before: str = ""
    match: str = ""
    after: str = ""


class GoalGroup(Struct, frozen=True, kw_only=True):
    """The goals of one kind; `more` says that there are more than these."""

    name: str
    goals: tuple[Goal, ...]
    more: bool = False


def group(name: str, goals: Iterable[Goal], most: int) -> GoalGroup:
    """Return a group of at most so many different goals."""
    by_address: dict[str, Goal] = {}
    for goal in goals:
        by_address.setdefault(goal.address, goal)
    distinct = tuple(by_address.values())
    return GoalGroup(name=name, goals=distinct[:most], more=len(distinct) > most)


# The typed text

_HAN: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_SEAMS: Final = re.compile(rf"(?<=[{_HAN}])(?=[0-9A-Za-z#])|(?<=[0-9A-Za-z])(?=[{_HAN}])")
_POSITION: Final = re.compile(r"#?\s*[0-9][0-9,.]{0,18}")
_SERIAL: Final = re.compile(r"[0-9]{1,8}")
_PATH: Final = re.compile(r"[A-Z0-9-]*(?:/[A-Z0-9-]+)+/?")
_ID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_CODES: Final = frozenset(form.code for form in FORMATS.values())
_SERIAL_DIGITS: Final = 4


class TypedText(Struct, frozen=True, kw_only=True):
    """A typed text, read as a number, as words, or as both.

    `text` is the text in its plain form. `position` is that of a record, or 0.
    `path` is an id or a number as it is written, such as `26/0042/N07`. `parts` are
    the parts of a number that stand apart, with a full serial number at the end.
    `words` are all other words.
    """

    text: str
    position: int = 0
    path: str = ""
    parts: tuple[str, ...] = ()
    words: str = ""

    @property
    def is_number(self) -> bool:
        """Return whether the text names an exchange or a record by its number."""
        return bool(self.position or self.path or self.parts)


def read(typed: str, sides: Iterable[str]) -> TypedText:
    """Read a typed text. A side's name before a serial number is a part of the number.

    `accept 0016`, `accept0016` and `接受16` are words with a number. Letters and digits
    of full width, which Chinese input methods write, count as the usual ones.
    """
    text = " ".join(_SEAMS.sub(" ", unicodedata.normalize("NFKC", typed)).split())
    side_names = {side.upper() for side in sides}
    position = path = serial = ""
    before: list[str] = []
    words: list[str] = []
    for word in re.sub(r"#\s+", "#", text).split():
        upper = word.upper()
        if not (path or serial) and _ID.fullmatch(word.lower()):
            path = word.lower()
        elif not (path or serial) and _PATH.fullmatch(upper) and re.search(r"[0-9]", upper):
            path = upper
        elif not (path or serial or position) and _POSITION.fullmatch(word):
            position = re.sub(r"\D", "", word)
            serial = word if _SERIAL.fullmatch(word) else ""
        elif upper in side_names or upper in _CODES:
            before.append(word)
        else:
            words.append(word)
    if not serial:
        words = [word for word in text.split() if word in (*before, *words)]
        before = []
    return TypedText(
        text=text,
        position=int(position) if position and not (serial.startswith("0") or before) else 0,
        path=path,
        parts=(*(word.upper() for word in before), serial.zfill(_SERIAL_DIGITS)) if serial else (),
        words=" ".join(words),
    )


# The channels of a reader


def channels_of(context: PageContext) -> list[Projection]:
    """Return the channel of the page, or else all channels of the reader."""
    if context.channel is not None:
        return [context.projection]
    return [] if context.grant.is_operator else context.service.visible(context.grant)


def within(context: PageContext, channel: Projection) -> PageContext:
    """Return the context of a page of a channel."""
    if context.channel is channel:
        return context
    return replace(context, channel=channel, newest=channel.flushed)


def upto(context: PageContext, channel: Projection) -> int:
    """Return the last position of a channel that a search covers."""
    return context.position if context.channel is not None else channel.flushed

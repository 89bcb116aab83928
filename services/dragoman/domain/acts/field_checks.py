"""Checks of members that a schema cannot make: times, windows, places, words.

For example, a time must exist, and a window must end after it begins.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from msgspec import UNSET, Struct, UnsetType

from dragoman.domain.acts.si_units import FACTORS
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.limits import CLOCK_SKEW_SECONDS, FLASH_WORDS
from dragoman.text import sentence
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.fields import (
    OTHER,
    UNTIL_FURTHER_NOTICE,
    About,
    Attended,
    Date,
    Hours,
    OpenWindow,
    Place,
    When,
    Where,
    Window,
    Words,
    or_default,
    words_members,
)
from dragoman_schemas.state import Registry

UNKNOWN: Final = "unknown"

_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


_YEARS: Final = range(1000, 9001)
"""Years that a time may have.

A deadline may add to a time or subtract from it, in whatever zone. The result is still
a time that Python can compute with.
"""


def moment(text: str) -> datetime | None:
    """Return the instant of a timestamp; None if it does not exist.

    It does not exist if its day, hour or offset does not, or if its year is outside
    `_YEARS`.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.year in _YEARS else None


_FARTHEST_M: Final = 5_000_000
_SKEW: Final = timedelta(seconds=CLOCK_SKEW_SECONDS)


def times(**fields: When | UnsetType) -> Refusal | None:
    """Refuse a time that does not exist."""
    for name, value in fields.items():
        if value is UNSET:
            continue
        refusal = time(f"/{name}", value)
        if refusal is not None:
            return refusal
    return None


def happened(recorded: str, **fields: When | UnsetType) -> Refusal | None:
    """Refuse a time that does not exist, or that is still to come.

    `recorded` is the time of the record. A rough time is not compared with it.
    """
    now = datetime.fromisoformat(recorded) + _SKEW
    for name, value in fields.items():
        refusal = times(**{name: value})
        if refusal is not None:
            return refusal
        instant = moment(value) if isinstance(value, str) else None
        if instant is not None and instant > now:
            return invalid(
                f"/{name}",
                sentence("%(time)s is still to come; give the time at which it was", time=value),
            )
    return None


def time(pointer: str, value: When | UnsetType) -> Refusal | None:
    """Refuse a time that does not exist."""
    text = value.about if isinstance(value, About) else str(value)
    if text != UNKNOWN and moment(text) is None:
        return invalid(
            pointer,
            sentence(
                "%(time)s is not a valid time; write it like 2026-11-24T03:05+08:00, in the "
                "years 1000 to 9000",
                time=text,
            ),
        )
    return None


def day(pointer: str, value: Date | UnsetType) -> Refusal | None:
    """Refuse a day that does not exist."""
    if value is not UNSET and moment(f"{value}T00:00Z") is None:
        return invalid(
            pointer,
            sentence("%(day)s is not a day of the calendar; write it like 2026-11-24", day=value),
        )
    return None


def zone(pointer: str, value: str) -> Refusal | None:
    """Refuse a time zone that does not exist."""
    if value in _zones():
        return None
    return invalid(
        pointer,
        sentence(
            "%(zone)s is not a time zone; name one like Europe/Brussels or Asia/Shanghai",
            zone=value,
        ),
    )


def hours(pointer: str, value: Attended | UnsetType) -> Refusal | None:
    """Refuse hours with a day that is named twice, or with an unknown zone."""
    if not isinstance(value, Hours):
        return None
    if len(set(value.days)) < len(value.days):
        return invalid(f"{pointer}/days", sentence("this is named twice; name it once"))
    return zone(f"{pointer}/zone", value.zone)


@cache
def _zones() -> frozenset[str]:
    """Return the zones that mean the same on every machine."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def imminent(begins: str, recorded: str, *, flag: bool | None) -> bool:
    """Return whether a threat is imminent.

    `flag` decides if it is given. Otherwise the threat must be able to begin within a
    day of the record.
    """
    if flag is not None:
        return flag
    starts = moment(begins)
    return starts is not None and starts <= datetime.fromisoformat(recorded) + _IMMINENT


_IMMINENT: Final = timedelta(days=1)


def in_words(data: Struct, at: str = "") -> Refusal | None:
    """Refuse a choice of `other` that no words explain."""
    for member, words in words_members(type(data)).items():
        choice = getattr(data, member)
        is_other = OTHER in choice if isinstance(choice, tuple) else choice == OTHER
        if is_other and getattr(data, words) is UNSET:
            return invalid(
                f"{at}/{words}",
                sentence(
                    "%(member)s is other; say in %(words)s what it is", member=member, words=words
                ),
            )
    return None


def places(pointer: str, values: tuple[Where, ...] | UnsetType) -> Refusal | None:
    """Refuse the first place that is not valid."""
    for index, value in enumerate(or_default(values, ())):
        refusal = place(f"{pointer}/{index}", value)
        if refusal is not None:
            return refusal
    return None


def side(registry: Registry, pointer: str, value: str | UnsetType) -> Refusal | None:
    """Refuse a name that is not a side of the channel."""
    names = [member.name for member in registry.sides]
    if value is UNSET or value in names:
        return None
    return invalid(
        pointer,
        sentence(
            "%(side)s is not a side of %(channel)s; its sides are %(sides)s",
            side=value,
            channel=registry.name,
            sides=", ".join(sorted(names)),
        ),
    )


def sides(
    registry: Registry, pointer: str, values: tuple[str, ...] | str | UnsetType
) -> Refusal | None:
    """Refuse a side that the channel does not have, or that is named twice.

    A word instead of sides is accepted, and so is a missing value.
    """
    if isinstance(values, str | UnsetType):
        return None
    for index, value in enumerate(values):
        refusal = side(registry, f"{pointer}/{index}", value)
        if refusal is not None:
            return refusal
        if value in values[:index]:
            return invalid(
                f"{pointer}/{index}", sentence("%(name)s is named twice; name it once", name=value)
            )
    return None


def window(pointer: str, value: Window | OpenWindow) -> Refusal | None:
    """Refuse a window whose ends do not exist or are in the wrong order."""
    begins = moment(value.from_)
    ends = begins if value.to == UNTIL_FURTHER_NOTICE else moment(value.to)
    if begins is None or ends is None:
        return invalid(
            pointer,
            sentence(
                "one end is not a valid time; write it like 2026-11-26T08:00Z, in the years "
                "1000 to 9000"
            ),
        )
    if ends < begins:
        return invalid(pointer, sentence("the time ends before it begins; check its end"))
    return None


def place(pointer: str, value: Where | UnsetType) -> Refusal | None:
    """Refuse a place that is half a point, or several things, or nothing."""
    if value is UNSET or not isinstance(value, Place):
        return None
    if (value.lat is UNSET) != (value.lon is UNSET):
        return invalid(
            pointer, sentence("a point has both lat and lon; give the other one as well")
        )
    kinds = (value.lat is not UNSET) + (value.polygon is not UNSET) + (value.circle is not UNSET)
    if kinds > 1:
        return invalid(pointer, sentence("a place is a point, a polygon or a circle; give one"))
    if (
        not isinstance(value.circle, UnsetType)
        and value.circle.radius.value * FACTORS[value.circle.radius.unit][0] > _FARTHEST_M
    ):
        return invalid(
            f"{pointer}/circle/radius",
            sentence("a circle reaches at most 5,000 km from its centre"),
        )
    if kinds == 0 and value.name is value.names is value.text is UNSET:
        return invalid(
            pointer,
            sentence("the place is empty; give lat and lon, a polygon, a circle, a name or text"),
        )
    return None


def phrases(keys: tuple[str, ...] | UnsetType) -> Refusal | None:
    """Refuse a phrase that is in no codebook."""
    for index, key in enumerate(or_default(keys, ())):
        if not any(key in book.phrases for book in CODEBOOKS.values()):
            return invalid(
                f"/phrases/{index}",
                sentence(
                    "there is no agreed phrase %(phrase)s; GET /codebook lists them", phrase=key
                ),
            )
    return None


def words(text: Words | UnsetType) -> int:
    """Return the number of words of the longest version of a text.

    A Latin word counts one, a Han character half a word.
    """
    if isinstance(text, UnsetType):
        return 0
    return max((_count(version) for version in _versions(text)), default=0)


def brief(**fields: Words | UnsetType) -> Refusal | None:
    """Refuse a flash or immediate text that is too long to be read out."""
    for name, value in fields.items():
        if isinstance(value, str) and len(value) < 2 * FLASH_WORDS:
            continue  # It is too short to have that many words.
        counted = words(value)
        if counted > FLASH_WORDS:
            return invalid(
                f"/{name}",
                sentence(
                    "%(n)s words; flash and immediate texts have at most %(limit)s: "
                    "shorten it, the rest can follow in a reply",
                    n=counted,
                    limit=FLASH_WORDS,
                ),
            )
    return None


def original(text: Words | UnsetType, language: str | UnsetType) -> Refusal | None:
    """Refuse an `original` that names no version of the text."""
    if language is UNSET:
        return None
    if not isinstance(text, dict) or language not in text:
        return invalid(
            "/original",
            sentence("original names one of the languages of text; give text by language"),
        )
    return None


def authentic(
    pointer: str, texts: Iterable[Words], languages: tuple[str, ...] | UnsetType
) -> Refusal | None:
    """Refuse a text that lacks one of the languages in which it is to be authentic."""
    if isinstance(languages, UnsetType):
        return None
    for index, text in enumerate(texts):
        missing = [
            language for language in languages if not isinstance(text, dict) or language not in text
        ]
        if missing:
            detail = sentence(
                "text %(n)s is not in %(languages)s, which is authentic; give it in each",
                n=index + 1,
                languages=", ".join(missing),
            )
            return invalid(pointer, detail)
    return None


def _versions(text: Words) -> Iterable[str]:
    return text.values() if isinstance(text, dict) else (text,)


def _count(text: str) -> int:
    han = len(_HAN.findall(text))
    return len(_HAN.sub(" ", text).split()) + (han + 1) // 2

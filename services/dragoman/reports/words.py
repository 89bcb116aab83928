"""How a report says things: times, spans, roles, and a side's own words in the reader's language."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, UnsetType

from dragoman.domain.units import in_si

_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_ROLES: Final = ("duty_officer", "head_of_office", "officer", "administrator", "auditor")
_SPACE: Final = "\N{NO-BREAK SPACE}"


class Said(Struct, frozen=True):
    """Words that are not the service's own: the text, its language where one is said, and which text prevails."""

    text: str
    language: str = ""
    note: str = ""


def utc(time: str) -> str:
    """A time as it is read: `24 Nov 2026 19:05:12Z`."""
    return f"{datetime.fromisoformat(time):%-d %b %Y %H:%M:%S}Z" if time else "never"


def span(seconds: float) -> str:
    """A span as it is read: `41 s`, `9 min 05 s`, `31 h 05 min`, `3 d 4 h`."""
    whole = round(abs(seconds))
    parts: tuple[str, ...]
    if whole < _MINUTE:
        parts = (f"{whole}{_SPACE}s",)
    elif whole < _HOUR:
        parts = (f"{whole // _MINUTE}{_SPACE}min", f"{whole % _MINUTE:02}{_SPACE}s")
    elif whole < 2 * _DAY:
        parts = (f"{whole // _HOUR}{_SPACE}h", f"{whole % _HOUR // _MINUTE:02}{_SPACE}min")
    else:
        parts = (f"{whole // _DAY}{_SPACE}d", f"{whole % _DAY // _HOUR}{_SPACE}h")
    return ("\N{MINUS SIGN}" if seconds < 0 and whole else "") + _SPACE.join(parts)


def between(first: str, then: str) -> float:
    """The seconds from a time to another."""
    return (datetime.fromisoformat(then) - datetime.fromisoformat(first)).total_seconds()


def role(roles: Collection[str]) -> str:
    """The role in which an officer acted, the most particular to a watch first; never a name."""
    return next((name.replace("_", " ") for name in _ROLES if name in roles), "officer")


def plain(word: str) -> str:
    """A word of the log as it is read."""
    return word.replace("_", " ").replace("-", " ")


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things: `1 message`, `2 messages`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def said(raw: Raw | UnsetType, language: str, original: str = "") -> Said:
    """A text of a side: the only one, or that in the reader's language; it says whether another one prevails."""
    if isinstance(raw, UnsetType):
        return Said("no statement")
    return _picked(msgspec.json.decode(raw), language, original)


def _picked(value: str | dict[str, str], language: str, original: str) -> Said:
    if isinstance(value, str):
        return Said(value, original)
    wanted = (language, language.partition("-")[0], original)
    chosen = next((tag for each in wanted for tag in value if each and (tag == each or tag.startswith(each + "-"))), next(iter(value)))
    if not original or len(value) == 1:
        return Said(value[chosen], chosen)
    return Said(value[chosen], chosen, "the original" if chosen == original else f"the original is in {original}")


def told(raw: Raw, language: str, original: str = "", sides: Collection[str] = ()) -> Said:
    """Any member of an act as it is read: texts by the reader's language, what is structured as its names and values."""
    value = msgspec.json.decode(raw)
    if isinstance(value, str):
        return Said(value)
    if _in_languages(value, sides):
        return _picked(value, language, original)
    return Said(_flat(value, language, sides))


def _in_languages(value: Any, sides: Collection[str]) -> bool:
    """Whether something is a text in several languages, and not what each side calls a place, or who speaks for it."""
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(text, str) and _LANGUAGE.fullmatch(name) for name, text in value.items())
        and not value.keys() <= {*sides}
    )


def _flat(value: Any, language: str, sides: Collection[str]) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "none"
        case {"commitment": str()}:
            return "a person of the register"
        case {"value": float() | int() as number, "unit": str(unit)} if (si := in_si(value)) is not None:
            return f"{number:g} {unit}" + ("" if unit == si[1] else f" ({si[0]:,g} {si[1]})")
        case dict() if _in_languages(value, sides):
            return _picked(value, language, "").text
        case dict():
            return ", ".join(f"{plain(name)} {_flat(inner, language, sides)}" for name, inner in value.items())
        case list():
            return "; ".join(_flat(inner, language, sides) for inner in value)
        case _:
            return str(value)

"""The lines and components of a calendar that strangers wrote (RFC 5545).

    text = unfolded(raw)            the lines, each in one piece
    whole = components_of(text)     the VCALENDAR, with its components and properties
    zone_named("Romance Standard Time")    Europe/Paris

The library icalendar reads lines and values here, but no components: it would remember
a calendar's zones and components for all later calendars. A zone is the one that IANA
knows by its name, whatever a VTIMEZONE says of it.
"""

import re
from typing import Final

from icalendar import Component, vText
from icalendar.parser import Contentline, Contentlines
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from dragoman.domain.acts import field_checks
from dragoman.interop import NotUnderstood
from dragoman.text import sentence

_FOLD: Final = re.compile(rb"\r?\n[ \t]")

_DEEPEST: Final = 8
"""The most components within each other; an alarm is in an event in a calendar."""


def unfolded(raw: bytes) -> str:
    """Return a calendar as text, its folded lines in one piece.

    Raises `NotUnderstood`.
    """
    try:
        # Unfold the bytes before decoding, because a fold may be within a character.
        return _FOLD.sub(b"", raw).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotUnderstood(sentence("it is not valid UTF-8; send it as UTF-8")) from None


def components_of(text: str) -> Component:
    """Return the calendar with its components.

    Each component has its properties, repeated ones too, as text. Raises
    `NotUnderstood`.
    """
    lines: list[Contentline] = Contentlines.from_ical(text)  # type: ignore[no-untyped-call]
    stack = [around := Component()]
    for line in filter(str.strip, lines):
        try:
            name, parameters, value = line.parts()
        except ValueError:
            raise NotUnderstood(
                sentence("%(line)s is not a property; write NAME:value", line=repr(line[:40]))
            ) from None
        name, value = name.upper(), value.strip()
        if name == "BEGIN":
            if len(stack) > _DEEPEST:
                raise NotUnderstood(
                    sentence("its components are too deep within each other; flatten them")
                )
            part = Component()
            part.name = value.upper()  # type: ignore[misc]  # The library does the same.
            stack[-1].subcomponents.append(part)
            stack.append(part)
        elif name == "END":
            if stack.pop().name != value.upper() or not stack:
                raise NotUnderstood(
                    sentence(
                        "END:%(part)s ends what did not begin; send the calendar whole",
                        part=value[:40],
                    )
                )
        else:
            stack[-1].setdefault(name, []).append(vText(value, params=parameters))
    if (
        len(stack) > 1
        or len(around)
        or [part.name for part in around.subcomponents] != ["VCALENDAR"]
    ):
        raise NotUnderstood(
            sentence("it is not one calendar; send one VCALENDAR, from its BEGIN to its END")
        )
    return around.subcomponents[0]


def zone_named(text: str) -> str | None:
    """Return the IANA name of a zone; None if nobody knows it.

    It is named by its IANA name, by its Windows name, or by a program's own name that
    ends in the IANA name.
    """
    steps = text.split("/")
    for item in (WINDOWS_TO_OLSON.get(text, text), "/".join(steps[-3:]), "/".join(steps[-2:])):
        if field_checks.zone("", item) is None:
            return item
    return None

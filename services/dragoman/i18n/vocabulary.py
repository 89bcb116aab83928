"""The vocabulary of the log: every name that a record or a state may have in it.

The pages show each name in the reader's language. A name is looked up with its context,
because one name may be several words: `officer` is an act and a role. The English
catalogue has words for some names. The English for the others is made from the name.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, get_args

from msgspec import inspect

from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import OFFICERS, Who
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.acts.office.watch import ClockName
from dragoman_schemas.problems import TYPES
from dragoman_schemas.responses import PersonEntry
from dragoman_schemas.watch_responses import Alarm

FLAGS: Final = (
    *(
        "short_notice",
        "below_aim",
        "early_notice",
        "late_report",
        "late_change",
        "late_question",
        "accounts_differ",
        "own_account",
        "not_adopted",
        "default_venue",
        "near_threshold",
    ),
    *("figures_differ", "overlap", "not_covered", "one_key", "suspended", "passed_by", "corrected"),
    *("closing", "objection", "silence"),
)
STAGES: Final = ("announced", "in_force", "active", "superseded", "ended", "validity_ended")
ALARMS: Final = (
    "flash_unacknowledged",
    "undelivered",
    "line_degraded",
    "watch_unmanned",
    "not_passed_on",
)
LINES: Final = ("good", "degraded", "unknown", "missed", "echoed", "echoed_with_errors", "awaited")
"""States of a circuit, or of one check of it."""

MEASURED: Final = ("first_report",)
"""Names of what is measured against a limit, without a running deadline."""

RUNGS: Final = ("deputy",)
"""Recipients of an alarm that are no role of anybody."""

READOUTS: Final = ("proposed_jointly",)
"""The status of a readout until every side has agreed to it."""

CHANNELS: Final = ("ended",)
"""The status of a channel that all sides ended, which no member says."""

HEADINGS: Final = ("sender", "addressee", "means", "open_matter", "keyboard", "token_subject")
"""Headings whose English word means two things: From, To, By, Open, Keys, Subject."""

_BY_BUTTON: Final = tuple(
    act
    for act, rule in RULES.items()
    if act not in FORMATS
    and rule.family is None
    and not rule.roles.isdisjoint(OFFICERS)
    and rule.who not in (Who.WATCH, Who.COURIER)
)
"""Acts that officers do by a button of an exchange.

The button names the act to do, and the act's name says what was done.
"""

OWN_LABELS: Final = frozenset(
    {
        "channel-opening.marking",
        "counter-account.release",
        "emergency-notification.release",
        "fulfilment.at",
        "onward-adoption.posts",
        "passed-on.at",
        "people-status.names",
        "people-status.number",
        "people-status.of",
        "people-status.of_text",
        "point-of-contact.key",
        "profile-adoption.at",
        "recommendation-answer.q",
        "rules-adoption.release",
        "transmittal.source",
        "undertaking.by",
        "undertaking.of",
        "visit-invitation.terms",
    }
)
"""Members that mean something else in one act than in the others, with that act."""

CITIES: Final = (
    "Beijing",
    "Brussels",
    "Geneva",
    "The Hague",
    "Washington",
    "Ottawa",
    "Canberra",
    "New Delhi",
    "Ankara",
    "Islamabad",
    "Hanoi",
    "Bern",
)
"""Seats of offices whose names are translated here.

The names of other seats are in CLDR, by their time zones.
"""

_WORD: Final = re.compile(r"(?:[a-z]{2,}|[a-z]-[a-z]+)(?:[-_][a-z0-9]+)*")
"""The pattern of a word: no letter, number or media type matches."""


def names() -> Iterator[tuple[str, str]]:
    """Yield every name, with its context."""
    fields, values = _of_shapes()
    yield from (("act", act) for act in RULES)
    yield from (("verb", act) for act in _BY_BUTTON)
    yield from (("status", status) for status in _statuses())
    yield from (("field", name) for name in (*fields, *sorted(OWN_LABELS)))
    yield from (
        ("value", name)
        for name in dict.fromkeys((*values, "true", "false", *LINES, *RUNGS, *READOUTS, *CHANNELS))
        if _WORD.fullmatch(name)
    )
    yield from (("clock", clock) for clock in (*get_args(ClockName), *MEASURED))
    yield from (("duty", clock) for clock in get_args(ClockName))
    yield from (("flag", flag) for flag in FLAGS)
    yield from (("stage", stage) for stage in STAGES)
    yield from (("alarm", alarm) for alarm in ALARMS)
    yield from (("heading", heading) for heading in HEADINGS)
    yield from (("city", city) for city in CITIES)
    yield from (("problem", kind) for kind in TYPES)


@cache
def known() -> frozenset[tuple[str, str]]:
    """Return every name with its context, for look-ups."""
    return frozenset(names())


_HYPHENATED: Final = frozenset({"counter-terrorism", "e-mail"})


def derived(context: str, name: str) -> str:
    """Return English for a name, made from the name itself."""
    if context == "problem":
        return TYPES[name][1] if name in TYPES else name
    words = name if name in _HYPHENATED else name.replace("_", " ").replace("-", " ")
    return (
        words if context in ("value", "status", "stage", "flag") else words[:1].upper() + words[1:]
    )


def _statuses() -> list[str]:
    result: dict[str, None] = {}
    for form in FORMATS.values():
        result[form.start] = None
        for moves in form.moves.values():
            result.update(dict.fromkeys((*moves, *moves.values())))
        for before, after in form.changes.items():
            result.update(dict.fromkeys((before, *after)))
    return sorted(result)


@cache
def chosen(act: str) -> frozenset[tuple[str, str]]:
    """Return the members of an act that have fixed choices, each with a choice.

    Members at any depth are included.
    """
    return (
        frozenset((name, word) for name, word in _members(SHAPES[act]) if _WORD.fullmatch(word))
        if act in SHAPES
        else frozenset()
    )


@cache
def _of_shapes() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the members of all acts, and their possible words, each once."""
    rows = [
        member for shape in (*SHAPES.values(), Alarm, PersonEntry) for member in _members(shape)
    ]
    return tuple(dict.fromkeys(name for name, word in rows if not word)), tuple(
        dict.fromkeys(word for _, word in rows if word)
    )


def _members(shape: Any) -> Iterator[tuple[str, str]]:
    """Yield the members of a shape, at any depth, and their possible words.

    Each member comes first with an empty word.
    """
    visited: set[type] = set()

    def walk(name: str, kind: Any) -> Iterator[tuple[str, str]]:
        match kind:
            case inspect.StructType() if kind.cls not in visited:
                visited.add(kind.cls)
                for member in kind.fields:
                    yield member.encode_name, ""
                    yield from walk(member.encode_name, member.type)
            case inspect.UnionType():
                for item in kind.types:
                    yield from walk(name, item)
            case inspect.VarTupleType():
                yield from walk(name, kind.item_type)
            case inspect.DictType():
                yield from walk(name, kind.value_type)
            case inspect.LiteralType():
                yield from ((name, str(value)) for value in kind.values)
            case inspect.Metadata():
                yield from walk(name, kind.type)
            case _:
                pass

    yield from walk("", inspect.type_info(shape))

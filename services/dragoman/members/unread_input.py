"""Explanations of times and places that were typed and could not be read.

    explanation(words, error)    "There is no such day."

Each explanation says what is wrong, then what to type.
"""

from typing import Final

from dragoman.i18n.words import Words
from dragoman.members.input.not_understood import Code, NeedsHemisphere, NotUnderstoodInput
from dragoman.members.input.places import lettered

_OF_PLACES: Final[frozenset[Code]] = frozenset(
    {
        "latitude_range",
        "longitude_range",
        "minutes_range",
        "same_axis",
        "bad_mgrs",
        "polar_mgrs",
        "sign_and_letter",
        "digit_count",
    }
)
"""Codes of places that have no "place" in their names."""


def explanation(words: Words, error: NotUnderstoodInput, *, days: bool = False) -> str:
    """Return a sentence on why a time or a place was not read, and what to do.

    `days` is true where a day or a month alone is read as well.
    """
    if isinstance(error, NeedsHemisphere):
        return words.say(
            "Did you mean %(place)s? Write N or S and E or W.", place=lettered(error.suggestion)
        )
    if error.code in _OF_PLACES or "place" in error.code:
        return _of_place(words, error.code)
    return _of_time(words, error.code, days=days)


def _of_place(words: Words, code: Code) -> str:
    match code:
        case "latitude_range":
            return words.say("A latitude is at most 90. Check the order: latitude first.")
        case "longitude_range":
            return words.say("A longitude is at most 180.")
        case "minutes_range":
            return words.say("Minutes and seconds are below 60.")
        case "same_axis":
            return words.say("A latitude and a longitude are needed: N or S, and E or W.")
        case "bad_mgrs" | "polar_mgrs":
            return words.say("There is no such square of the grid.")
        case _:
            return words.say("This place was not read. Write it like 15-07N 116-26E.")


def _of_time(words: Words, code: Code, *, days: bool) -> str:
    match code:
        case "in_future":
            return words.say("This time is still to come. Check the day.")
        case "day_only":
            return words.say("The time of day is missing. Write it like 24 Nov 03:05Z.")
        case "no_such_day":
            return words.say("There is no such day.")
        case "no_such_time":
            return words.say("There is no such time.")
        case "ambiguous_order":
            return words.say("Day or month? Write the month as a word, like 24 Nov.")
        case "ambiguous_time" | "ambiguous_zone":
            return words.say(
                "This can be read in two ways. Write the time like 03:05Z or 03:05+08."
            )
        case "too_long":
            return words.say("This is too long to be read.")
        case _ if days:
            return words.say(
                "This was not read. Write a day like 24 Nov 2026, a month like Jan 2027, or "
                "a time like 24 Nov 03:05Z."
            )
        case _:
            return words.say("This time was not read. Write it like 24 Nov 03:05Z.")

"""Words and fields that notifications share."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, UnsetType

from dragoman.domain.acts import field_checks
from dragoman.text import MomentValue, NameValue, PlaceValue, Text, sentence, verbatim
from dragoman_schemas.act_frame import Area
from dragoman_schemas.fields import OTHER, About, Place, When, Where, words_members

TRANSPARENCY: Final[Area] = "military-transparency-and-risk-reduction"


UNKNOWN: Final = '"unknown"'


def chosen_text(data: Struct, member: str, *, first: bool = False) -> NameValue | Text:
    """Return the choice of a member, or the side's own words where it is `other`.

    With `first` the name of a choice begins with a capital letter.
    """
    choice, words = getattr(data, member), getattr(data, words_members(type(data))[member])
    if choice == OTHER and isinstance(words, str | Mapping):
        return verbatim(words)
    return NameValue("value", choice, first=first)


def time_text(when: When) -> MomentValue | Text:
    """Return a time in words, with `about` where it is known only roughly."""
    return (
        sentence("about %(time)s", time=MomentValue(when.about))
        if isinstance(when, About)
        else MomentValue(when)
    )


def places_text(place: Where, places: tuple[Where, ...] | UnsetType) -> object:
    """Return the first place of an event in words, and the number of further places."""
    first = place_text(place)
    if isinstance(places, UnsetType):
        return first
    if len(places) == 1:
        return sentence("%(place)s and 1 further place", place=first)
    return sentence("%(place)s and %(n)s further places", place=first, n=len(places))


def place_text(place: Where) -> str | Text | NameValue | PlaceValue:
    """Return a place in words: its point, its name or its text."""
    if not isinstance(place, Place):
        return NameValue("value", place) if place == field_checks.UNKNOWN else place
    if isinstance(place.lat, float) and isinstance(place.lon, float):
        return PlaceValue(place.lat, place.lon)
    return next(
        (text for text in (place.name, place.text) if isinstance(text, str)),
        sentence("area as given"),
    )

"""Words and fields that notifications share."""

from typing import Final

from dragoman.domain.acts import field_checks
from dragoman.text import MomentValue, NameValue, PlaceValue, Text, sentence
from dragoman_schemas.act_frame import Area
from dragoman_schemas.fields import About, Place, When, Where

TRANSPARENCY: Final[Area] = "military-transparency-and-risk-reduction"


UNKNOWN: Final = '"unknown"'


def time_text(when: When) -> MomentValue | Text:
    """Return a time in words, with `about` where it is known only roughly."""
    return (
        sentence("about %(time)s", time=MomentValue(when.about))
        if isinstance(when, About)
        else MomentValue(when)
    )


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

"""`people-status`: the people of an incident, first of all.

Each group is one kind of people: for example held or rescued, and never both.
"""

from typing import Annotated, Literal, get_args

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Continuing
from dragoman_schemas.fields import (
    Count,
    Lines,
    People,
    Shape,
    Side,
    Timestamp,
    Titles,
    When,
    Where,
    with_facts,
    words_of,
)

PeopleKind = Literal["rescued", "held", "missing", "injured", "dead", "safe", "other"]


class PeopleGroup(Shape, frozen=True, kw_only=True):
    """People of one kind: their number, side, place and condition.

    `held` means that they may not leave; `rescued` means that they were saved and may
    leave. `of` is the side whose people they are, or `other` for people of nobody here.
    `of_text` then names their state or company. `access_asked` and `access_given` are
    the times at which that side asked to see them, and could. `handed_over` is the time
    at which they were handed over to their side.
    """

    kind: Annotated[PeopleKind, with_facts(values=get_args(PeopleKind))]
    number: Count
    kind_text: Annotated[Titles, words_of("kind")] | UnsetType = UNSET
    of: Side | Literal["unknown", "other"] | UnsetType = UNSET
    of_text: Annotated[Titles, words_of("of")] | UnsetType = UNSET
    place: Where | UnsetType = UNSET
    condition: Lines | UnsetType = UNSET
    access_asked: Timestamp | UnsetType = UNSET
    access_given: Timestamp | UnsetType = UNSET
    handed_over: Timestamp | UnsetType = UNSET
    names: People | UnsetType = UNSET


class PeopleStatus(Continuing, frozen=True, kw_only=True, tag="people-status"):
    """One side's knowledge of the people in an incident, as of a time.

    It replaces what the same side said before. Names are in the register of people.
    """

    as_of: When
    groups: Annotated[tuple[PeopleGroup, ...], Meta(min_length=1, max_length=50)]

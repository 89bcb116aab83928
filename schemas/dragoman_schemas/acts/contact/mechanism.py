"""`mechanism`: a standing arrangement or working group, and whether it works today."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Answering, Area, Continuing, SignedText
from dragoman_schemas.fields import Line, Side, Titles, Words


class Mechanism(SignedText, frozen=True, kw_only=True, tag="mechanism"):
    """A mechanism: its name, its level, its chairs, its areas, and how often it meets.

    `period_months` is the longest time from one meeting to the next. `instrument` is
    the agreement on which it rests. Entered for the record, it is in force at once.
    """

    name: Titles
    level: Literal["heads", "ministers", "senior_officials", "commanders", "officers", "experts"]
    chairs: dict[Side, Line] | UnsetType = UNSET
    areas: Annotated[tuple[Area, ...], Meta(min_length=1, max_length=6)] | UnsetType = UNSET
    period_months: Annotated[int, Meta(ge=1, le=120)] | UnsetType = UNSET
    instrument: Line | UnsetType = UNSET


class MechanismSuspension(Continuing, frozen=True, kw_only=True, tag="mechanism-suspension"):
    """A side suspends the mechanism, and says why."""

    reason: Words


class MechanismEnd(Continuing, frozen=True, kw_only=True, tag="mechanism-end"):
    """A side ends the mechanism, and says why."""

    reason: Words


class MechanismResumption(Answering, frozen=True, kw_only=True, tag="mechanism-resumption"):
    """A side takes its suspension back, or wants an ended mechanism to resume."""

    reason: Words | UnsetType = UNSET

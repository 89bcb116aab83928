"""N06 `explanation-request`: the first rung of the ladder.

It is about an unusual military activity.
"""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import OpeningAct, Sides
from dragoman_schemas.fields import Line, Timestamp, Where, Words


class ExplanationRequest(OpeningAct, frozen=True, kw_only=True, tag="explanation-request"):
    """A request to explain an activity: the cause, the type, the place, the questions.

    The questions are numbered from 1.
    """

    cause: Words
    type: Line
    place: Where
    questions: Annotated[tuple[Words, ...], Meta(min_length=1, max_length=50)]
    since: Timestamp | UnsetType = UNSET
    observed: Words | UnsetType = UNSET
    evidence: Words | UnsetType = UNSET
    bring_in: Sides | UnsetType = UNSET
    urgent: bool | UnsetType = UNSET

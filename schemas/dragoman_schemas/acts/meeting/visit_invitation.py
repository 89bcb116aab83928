"""N18 `visit-invitation`: an invitation to come and see."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import OpeningAct
from dragoman_schemas.fields import (
    SPAN_OF_DAYS,
    Languages,
    Line,
    Lines,
    Titles,
    Where,
    Window,
    Words,
    words_of,
)


class VisitInvitation(OpeningAct, frozen=True, kw_only=True, tag="visit-invitation"):
    """An invitation to a place: its purpose, its dates and the number of visitors."""

    place: Where
    purpose: Lines
    dates: Annotated[Window, SPAN_OF_DAYS]
    visitors: Annotated[int, Meta(ge=1, le=10_000)]
    kind: (
        Literal["observation", "evaluation", "inspection", "visit_of_concern", "other"] | UnsetType
    ) = UNSET
    kind_text: Annotated[Titles, words_of("kind")] | UnsetType = UNSET
    costs: Line | UnsetType = UNSET
    terms: Words | UnsetType = UNSET
    languages: Languages | UnsetType = UNSET

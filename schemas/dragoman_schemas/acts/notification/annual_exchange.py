"""N16 `annual-exchange`: information that the sides give each other every year.

A side that has nothing to report says so too.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import OpeningAct
from dragoman_schemas.fields import (
    Attachment,
    Date,
    Line,
    Number,
    Timestamp,
    Titles,
    Year,
    words_of,
)


class AnnualExchange(OpeningAct, frozen=True, kw_only=True, tag="annual-exchange"):
    """A yearly exchange, of one year, as of a day: a file with totals, or a nil return.

    `budget_on` is the day of the budget that a defence planning rests on.
    `half_year_to` is the last day of the period of half-yearly data.
    """

    kind: Literal[
        "force_information",
        "annual_calendar",
        "defence_planning",
        "missile_declaration",
        "policy_paper",
        "hydrological_data",
        "other",
    ]
    year: Year
    as_of: Date
    kind_text: Annotated[Titles, words_of("kind")] | UnsetType = UNSET
    file: Attachment | UnsetType = UNSET
    totals: Annotated[dict[Line, Number], Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    nil_return: bool | UnsetType = UNSET
    changed_at: Timestamp | UnsetType = UNSET
    budget_on: Date | UnsetType = UNSET
    half_year_to: Date | UnsetType = UNSET

"""N14 `terrorism-warning`: one side's information, so that the other may act on it."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Answering, OpeningAct
from dragoman_schemas.fields import (
    FUTURE,
    Attachment,
    Line,
    People,
    Timestamp,
    Titles,
    Where,
    Window,
    Words,
    words_of,
)


class TerrorismWarning(OpeningAct, frozen=True, kw_only=True, tag="terrorism-warning"):
    """A threat: its kind, its target, place and time, and the action that is wanted.

    `identifiers` are entries of the register of people, whose `readers` name the
    officers who may read them.
    """

    threat: Literal[
        "attack", "hijacking", "hostage_taking", "smuggling", "travel", "cyber", "other"
    ]
    target: Literal[
        "people",
        "aviation",
        "shipping",
        "diplomatic",
        "military",
        "infrastructure",
        "event",
        "other",
        "unknown",
    ]
    place: Where
    window: Annotated[Window | Literal["ongoing"], FUTURE]
    action_wanted: Words
    threat_text: Annotated[Titles, words_of("threat")] | UnsetType = UNSET
    target_text: Annotated[Titles, words_of("target")] | UnsetType = UNSET
    imminent: bool | UnsetType = UNSET
    reliability: Literal["A", "B", "C", "D", "E", "F"] | UnsetType = UNSET
    credibility: Annotated[int, Meta(ge=1, le=6)] | UnsetType = UNSET
    sealed: Annotated[tuple[Attachment, ...], Meta(max_length=20)] | UnsetType = UNSET
    identifiers: People | UnsetType = UNSET
    caveats: Words | UnsetType = UNSET
    source: Line | UnsetType = UNSET


class WarningOutcome(Answering, frozen=True, kw_only=True, tag="warning-outcome"):
    """One addressee's word on what came of a warning, as of a time.

    `used` means that the side acted on it. A later outcome of a side replaces its
    earlier one. Thanks, and all else, are in `text`.
    """

    result: Literal[
        "used", "arrests", "prevented", "attack", "no_event", "wrong", "not_used", "other"
    ]
    result_text: Annotated[Titles, words_of("result")] | UnsetType = UNSET
    as_of: Timestamp | UnsetType = UNSET

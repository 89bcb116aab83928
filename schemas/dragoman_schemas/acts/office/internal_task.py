"""One side's own desk: tasks, who has read a matter, instructions, and drafts."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Continuing, OpeningAct
from dragoman_schemas.fields import DUE, Line, Officer, Reference, Timestamp, Words

Officers = Annotated[tuple[Officer, ...], Meta(min_length=1, max_length=50)]


class Tasking(OpeningAct, frozen=True, kw_only=True, tag="tasking"):
    """A task for officers, about a message of a shared channel where there is one."""

    text: Words
    officers: Officers
    about: Reference | UnsetType = UNSET
    due: Annotated[Timestamp, DUE] | UnsetType = UNSET


class InstructionRequest(OpeningAct, frozen=True, kw_only=True, tag="instruction-request"):
    """The office asks its capital what to say."""

    text: Words
    about: Reference | UnsetType = UNSET
    wanted_by: Annotated[Timestamp, DUE] | UnsetType = UNSET
    proposal: Words | UnsetType = UNSET


class SilenceProcedure(OpeningAct, frozen=True, kw_only=True, tag="silence-procedure"):
    """A draft that goes round among officers: whoever is silent until then agrees.

    `about` is a message of a shared channel for which the draft is meant.
    """

    draft: Words
    officers: Officers
    until: Annotated[Timestamp, DUE]
    about: Reference | UnsetType = UNSET


class SilenceBreak(Continuing, frozen=True, kw_only=True, tag="silence-break"):
    """An officer does not agree to the draft, and says why.

    `for_office` is the office for which the officer speaks.
    """

    reason: Words
    for_office: Line | UnsetType = UNSET


class SeenBy(Continuing, frozen=True, kw_only=True, tag="seen-by"):
    """These officers have read it."""

    officers: Officers


class Instruction(Continuing, frozen=True, kw_only=True, tag="instruction"):
    """The instruction of the capital."""

    text: Words
    from_post: Line | UnsetType = UNSET

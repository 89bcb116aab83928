"""N01 `line-check`, and the `echo` that answers it.

It tests whether the line works, in every script.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Answering, OpeningAct
from dragoman_schemas.fields import Line, Side, Text

Designator = Annotated[int, Meta(ge=1, le=99)]


class LineCheck(OpeningAct, frozen=True, kw_only=True, tag="line-check"):
    """A neutral text to send back exactly, by one circuit.

    The service also sends checks by schedule, for a side.
    """

    sequence: Annotated[int, Meta(ge=1, le=10_000_000)]
    challenge: Annotated[str, Meta(min_length=1, max_length=200)]
    circuit: Literal["primary", "backup"]
    side: Side | UnsetType = UNSET


class Echo(Answering, frozen=True, kw_only=True, tag="echo"):
    """A line check's text or a coded message's designator, sent back as it came."""

    text: Text | UnsetType = UNSET
    designator: Designator | UnsetType = UNSET
    remark: Line | UnsetType = UNSET

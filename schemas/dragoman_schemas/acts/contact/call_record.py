"""`call-record`: a telephone call, written down by one side.

The other side's gist is shown beside it.
"""

from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from dragoman_schemas.act_frame import OpeningAct
from dragoman_schemas.fields import Language, Line, Side, Timestamp, Words, with_facts

Direction = Literal["outgoing", "incoming"]


class CallRecord(OpeningAct, frozen=True, kw_only=True, tag="call-record"):
    """A call: its direction, its times, the posts that spoke, and the gist."""

    direction: Direction
    began: Timestamp
    ended: Annotated[Timestamp, with_facts(begins="began")]
    posts: dict[Side, Line]
    gist: Words
    read_back: bool | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    interpreter: bool | UnsetType = UNSET

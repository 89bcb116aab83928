"""N11 `call-request`: a call between two posts, asked for in writing."""

from typing import Literal

from msgspec import UNSET, UnsetType

from dragoman_schemas.act_frame import OpeningAct
from dragoman_schemas.acts.meeting.meeting_request import Windows
from dragoman_schemas.fields import Language, Line, Lines, Titles


class CallRequest(OpeningAct, frozen=True, kw_only=True, tag="call-request"):
    """A request to call a post of the other side, with the subject."""

    counterpart: Lines
    subject: Titles
    windows: Windows | UnsetType = UNSET
    means: Literal["voice", "video", "text"] | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    interpreter: bool | UnsetType = UNSET
    fallback: Line | UnsetType = UNSET

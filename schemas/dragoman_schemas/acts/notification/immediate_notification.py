"""N12 `immediate-notification`: a coded message.

Its full text is in the codebook that both sides adopted.
"""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Continuing, OpeningAct
from dragoman_schemas.acts.contact.line_check import Designator
from dragoman_schemas.fields import CodeWord, Position, When, Words


class ImmediateNotification(OpeningAct, frozen=True, kw_only=True, tag="immediate-notification"):
    """A code word and a number, understood in every language at once."""

    code_word: CodeWord
    designator: Designator
    codebook_version: Annotated[int, Meta(ge=1, le=1_000_000)]
    time: When | UnsetType = UNSET
    pos: Position | UnsetType = UNSET


class Amplification(Continuing, frozen=True, kw_only=True, tag="amplification"):
    """The subject of the coded message, in plain words."""

    text: Words

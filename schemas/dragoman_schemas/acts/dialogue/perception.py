"""N19 `perception`: one side's view of an issue, written down next to the other's."""

from typing import Literal

from msgspec import UNSET, UnsetType

from dragoman_schemas.act_frame import Answering, Continuing, OpeningAct
from dragoman_schemas.fields import Hex32, Id, Titles, Words


class Perception(OpeningAct, frozen=True, kw_only=True, tag="perception"):
    """The issue, as this side calls it, and the own view. Sides that write of the same issue stand in one table.

    `under` is the exchange that opened the issue: whoever names it writes of that
    issue, whatever they call it. Without it an issue is the same where it is called the
    same in any language. A later view of a side is its newest; the earlier ones stay,
    with their dates.
    """

    issue: Titles
    under: Id | UnsetType = UNSET
    own_view: Words
    your_view: Words | UnsetType = UNSET
    wanted_outcome: Words | UnsetType = UNSET


class Restatement(Answering, frozen=True, kw_only=True, tag="restatement"):
    """Your view in my words."""

    text: Words


class Fairness(Continuing, frozen=True, kw_only=True, tag="fairness"):
    """A verdict on the newest restatement, whether it is what this side means; `terms` is the digest of the view and of that restatement."""

    terms: Hex32
    result: Literal["fair", "not_our_view"]


class CommonGround(Answering, frozen=True, kw_only=True, tag="common-ground"):
    """A text that this side holds to be common ground. It is, only where every side puts its name to the same text."""

    text: Words

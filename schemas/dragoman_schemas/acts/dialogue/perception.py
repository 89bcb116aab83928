"""N19 `perception`: one side's view of an issue, written down next to the other's."""

from typing import Literal

from msgspec import UNSET, UnsetType

from dragoman_schemas.act_frame import Answering, Continuing, OpeningAct
from dragoman_schemas.fields import Hex32, Issue, Titles, Words


class Perception(OpeningAct, frozen=True, kw_only=True, tag="perception"):
    """The issue, as this side calls it, and the side's own view.

    Views of the same issue are shown in one table. `under` is the exchange that opened
    the issue. A perception that names it is about that issue, whatever its author calls
    it. Without it, issues are the same where they have the same name in any language. A
    later view of a side is its newest. The earlier ones stay, with their dates.
    """

    issue: Titles
    under: Issue | UnsetType = UNSET
    own_view: Words
    your_view: Words | UnsetType = UNSET
    wanted_outcome: Words | UnsetType = UNSET


class Restatement(Answering, frozen=True, kw_only=True, tag="restatement"):
    """The other side's view in the words of this side."""

    text: Words


class Fairness(Continuing, frozen=True, kw_only=True, tag="fairness"):
    """A verdict on the newest restatement: whether it is what this side means.

    `terms` is the digest of the view and of that restatement.
    """

    terms: Hex32
    result: Literal["fair", "not_our_view"]


class CommonGround(Answering, frozen=True, kw_only=True, tag="common-ground"):
    """A text that this side considers common ground.

    It is common ground only once every side puts its name to the same text.
    """

    text: Words

"""Bodies of the API for the windows that are open or near: what is in force now."""

from typing import Literal

from msgspec import UNSET, Raw, UnsetType, field

from dragoman_schemas.responses import ResponseBody

Stage = Literal["near", "open", "holding", "not_ended"]


class InForceWindow(ResponseBody, frozen=True, kw_only=True):
    """A window that is open or near, with its places and its receipts.

    `kind` is the hazard, the type of the activity, the phase of the launch, or the kind
    of movement or visit. `kind_text` has the words for a kind of `other`. `closes` is
    left out where the end is not known, or is until further notice. `places` are the
    members of the opening that say where it is. `named_by` is the message that
    named the window last. `commenced` is when it last began to run, and `arrived` when
    the visitors came. `holding` and `holding_until` are there while it is held.

    `not_passed_on` has the posts that each addressee has not said it told.
    `unacknowledged_by` are the sides that owe a receipt of the message that named it.
    """

    exchange: str
    number: str = ""
    act: str
    kind: str = ""
    kind_text: Raw | UnsetType = UNSET
    side: str = ""
    to: tuple[str, ...] = ()
    status: str
    stage: Stage
    subject: Raw
    opens: str
    closes: str = ""
    until_further_notice: bool = False
    places: dict[str, Raw] = field(default_factory=dict)
    floor: Raw | UnsetType = UNSET
    ceiling: Raw | UnsetType = UNSET
    marking: str = ""
    notam: tuple[str, ...] = ()
    navarea: tuple[str, ...] = ()
    commenced: str = ""
    holding: str = ""
    holding_until: str = ""
    arrived: str = ""
    named_by: str
    not_passed_on: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unacknowledged_by: tuple[str, ...] = ()


class InForce(ResponseBody, frozen=True, kw_only=True):
    """The windows of a channel that are open or near at a moment, by their opening.

    `notice` says, by language, that the list replaces neither a NOTAM nor a NAVAREA
    warning. `not_read` is the number of older announcements that were not looked at.
    """

    channel: str
    exercise: bool = False
    marking: str
    position: int
    moment: str
    notice: dict[str, str]
    windows: tuple[InForceWindow, ...]
    not_read: int = 0

"""Shapes of `/v1/reach`: the ways to reach an officer away from the pages."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Precedence
from dragoman_schemas.fields import Name, Shape
from dragoman_schemas.responses import PageLanguage, ResponseBody

ReachState = Literal["never", "asked", "sent", "failed", "proven", "expired"]
"""The state of the proof of a way.

never      it was never tested
asked      a test is on its way
sent       the test was sent, and nobody has confirmed it
failed     the test could not be sent
proven     a test arrived, and its proof still counts
expired    a test arrived, too long ago
"""


class NewReach(Shape, frozen=True, kw_only=True):
    """A way to reach the caller in a channel.

    `way` is `e-mail`, or the name of a way that `GET /v1/reach` offers. `to` is the
    address, the number or the name that this way takes. It is sealed, and never shown
    again. `label` is the caller's own name for it.

    With `called` it gets only what the ladder brings to the caller: messages while the
    caller has the watch, and a flash that nobody acknowledges. Without it, it gets
    every record of `precedence` or a more urgent one. A message names the sender, the
    act and the number only with `details`.
    """

    channel: Name
    way: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$(?!\n)")]
    to: Annotated[str, Meta(min_length=1, max_length=1_000)]
    label: Annotated[str, Meta(max_length=60)] = ""
    called: bool = True
    precedence: Precedence | UnsetType = UNSET
    language: PageLanguage = "en"
    details: bool = False


class OfferedWay(ResponseBody, frozen=True, kw_only=True):
    """A way that the operator offers, and what an officer enters for it.

    `spent` says that the money of the caller's side for this month is spent.
    """

    name: str
    title: str
    to: Literal["phone", "matrix", "topic", "url", "address"]
    services: tuple[str, ...] = ()
    spent: bool = False


class ReachEndpoint(ResponseBody, frozen=True, kw_only=True):
    """A way to reach an officer, and the proof that it works.

    `shown` is what is left of the sealed recipient. Of the newest test, `tested` is the
    time at which it was sent and `arrived` that of its confirmation. `answered` says
    why it could not be sent. `proven` is the time of the newest test that arrived.
    `held` counts the messages that a limit has held back.
    """

    id: str
    channel: str
    way: str
    title: str
    shown: str
    label: str = ""
    called: bool = False
    precedence: str = ""
    language: PageLanguage = "en"
    details: bool = False
    created: str
    state: ReachState
    tested: str = ""
    answered: str = ""
    arrived: str = ""
    proven: str = ""
    delivered: int = 0
    waiting: int = 0
    parked: int = 0
    held: int = 0


class OfficerReach(ResponseBody, frozen=True, kw_only=True):
    """The number of an officer's ways in a channel, and of those that are proven."""

    officer: str
    channel: str
    ways: int
    proven: int


class Reach(ResponseBody, frozen=True, kw_only=True):
    """The ways to reach the caller, and the ways that the operator offers.

    `messages` counts those of the last hour, and `held` those that were held back after
    it was full. Each way is tested every `days_between_tests` days; 0 is only by hand.
    A proof counts for `days_of_proof` days. Heads of office and administrators also see
    how many ways each officer of their side has.
    """

    ways: tuple[OfferedWay, ...]
    endpoints: tuple[ReachEndpoint, ...]
    messages: int = 0
    held: int = 0
    days_between_tests: int = 0
    days_of_proof: int
    officers: tuple[OfficerReach, ...] = ()


class ReachTested(ResponseBody, frozen=True, kw_only=True):
    """The ways to which a test is sent now."""

    endpoints: tuple[str, ...]


class ReachCode(Shape, frozen=True, kw_only=True):
    """The code of a test that arrived."""

    code: Annotated[str, Meta(min_length=8, max_length=64)]


class ReachConfirmed(ResponseBody, frozen=True, kw_only=True):
    """The way whose test has arrived, and when that was confirmed."""

    endpoint: str
    arrived: str

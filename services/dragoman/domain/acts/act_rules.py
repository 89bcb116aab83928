"""The types of the act registry: the rule of an act, and the format of an exchange.

A rule says who may do an act, in which exchanges, and how it changes the state. The
rules of a format are data of these types, in the module of its family. `act_registry`
joins them, and `fold` reads them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic

from msgspec import Struct

from dragoman.domain.record.codec import ActT_co, Record
from dragoman.domain.record.errors import Refusal
from dragoman.text import Text
from dragoman_schemas.act_frame import Act, Area, Precedence
from dragoman_schemas.acts.office.channel import Family, Role
from dragoman_schemas.state import Exchange, Registry, Stamp

OFFICERS: Final[frozenset[Role]] = frozenset({"officer", "duty_officer", "head_of_office"})
"""The roles that may do what officers may: duty officers and heads of office too."""

STAFF: Final[frozenset[Role]] = OFFICERS | {"administrator"}
"""The roles that work with the people and files beside the log.

They are all roles of an office except its auditors.
"""

DUTY: Final[frozenset[Role]] = frozenset({"duty_officer", "head_of_office"})
HEADS: Final[frozenset[Role]] = frozenset({"head_of_office"})
STATION: Final[frozenset[Role]] = frozenset({"station"})
"""The role of a program on a side's own premises, which has a key of its own."""

NOBODY: Final[frozenset[Role]] = frozenset()


OneKey = Callable[[Act, str], bool]
"""A test of whether a duty officer may send an act alone.

Its arguments are the act and the time of its record.
"""


def always(precedence: Precedence) -> Callable[[Act, str], Precedence]:
    """Return a default precedence that is the same for all messages of a format."""
    return lambda data, time: precedence


def _never(data: Act, time: str) -> bool:
    return False


NEVER: Final[OneKey] = _never
"""The `one_key` of an act that a duty officer may not send alone."""


class Who(Enum):
    """The sides, or the service, that may do an act in an exchange."""

    ANY = "any side"
    OPENER = "the side that opened the exchange"
    OTHER = "a side other than the one that opened it"
    SIGNATORY = "a signatory of the text, or a side for which its opener spoke"
    OTHER_SIGNATORY = "a signatory other than the opener, or a side for which the opener spoke"
    PARTY = "the side that opened the exchange or an action addressee"
    CONVENER = "the side that opened the exchange, or of a meeting any party"
    ADDRESSEE = "an action addressee of the opening, or of the windows that stand"
    ADDRESSED = "a side to which something was said in the exchange"
    KEEPERS = "root or an administrator of a side"
    GATEWAY = "the gateway"
    WATCH = "the watch"
    COURIER = "the courier"
    DESK = "the desk"
    STATION = "a station of the side"

    @property
    def wording(self) -> str:
        """Return the text for people. The value is frozen with the rules."""
        return self.value.replace("windows that stand", "windows that are announced now")


class Folding(Struct, Generic[ActT_co], frozen=True, kw_only=True):
    """The input of an evolution: the record, its stamp, and its number.

    The fold has counted the number for the record.
    """

    record: Record[ActT_co]
    stamp: Stamp
    number: str
    registry: Registry


if TYPE_CHECKING:
    from typing_extensions import TypeVar

    RuleActT = TypeVar("RuleActT", bound=Act, default=Any)
else:
    from typing import TypeVar

    RuleActT = TypeVar("RuleActT")

Check = Callable[[Registry, Exchange | None, Record[RuleActT]], Refusal | None]
Evolve = Callable[[Exchange, Folding[RuleActT]], Exchange]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[RuleActT]):
    """One act: its shape, its family, its actors, and its other registry columns.

    `code` is shown in the number of an act that opens no exchange. An act with
    `two_key` is drafted by one officer and released by another of the same side.
    `one_key` says when a duty officer may send it alone, with the second key due. A
    `service` may do the act as well, and a station those with `station` alone.

    An act with `kept` is listed among the exchange's acts with its content. `check`
    checks the members of an act against each other and against the exchange. `evolve`
    is the act's effect on the exchange, besides moving its status. `settle` may delay a
    move until all sides have spoken.
    """

    act: str
    shape: type[RuleActT]
    who: Who
    version: int = 1
    family: Family | None = None
    roles: frozenset[Role] = OFFICERS
    two_key: bool = False
    one_key: OneKey = NEVER
    service: str = ""
    station: bool = False
    silent: bool = False
    consenting: bool = False
    numbered: str = ""
    code: str = ""
    message: bool = False
    acknowledges: bool = False
    answers: bool = False
    kept: bool = False
    check: Check[RuleActT] = lambda registry, exchange, record: None
    evolve: Evolve[RuleActT] = lambda exchange, folding: exchange
    settle: Callable[[Exchange, str], str] = lambda exchange, status: status


def opening(
    act: str,
    shape: type[RuleActT],
    family: Family,
    *,
    roles: frozenset[Role] = OFFICERS,
    two_key: bool = False,
    one_key: OneKey = NEVER,
    service: str = "",
    station: bool = False,
    check: Check[RuleActT] = lambda registry, exchange, record: None,
) -> Rule[RuleActT]:
    """Return the rule of an act that opens an exchange.

    Any side may do it, and it is a numbered message.
    """
    return Rule(
        act=act,
        shape=shape,
        family=family,
        who=Who.ANY,
        roles=roles,
        two_key=two_key,
        one_key=one_key,
        service=service,
        station=station,
        message=True,
        numbered="O",
        check=check,
    )


Moves = Mapping[str, Mapping[str, str]]
"""A map: act → status in which the act is allowed → status that follows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Format(Generic[RuleActT]):
    """A format: its opening act, its number, its defaults, and its exchanges' life.

    An exchange starts with status `start`, or with the status that `begun` reads from
    the act. `changes` are the statuses to which a `status-change` may lead, by the
    status before. `kinds` are the channels in which it may be opened.

    `title` names an exchange whose opener gives it no subject. `precedence` is the
    default for an act that is recorded at a time. An exchange that is `copied_to_all`
    goes for information to every side that is not asked. `notice` is a text on the face
    of such a message, by language.
    """

    rule: Rule[RuleActT]
    code: str
    start: str
    moves: Moves
    title: Callable[[RuleActT], Text]
    area: Area = "general"
    defaults: Mapping[str, str] = field(default_factory=dict)
    precedence: Callable[[RuleActT, str], Precedence] = lambda data, time: "routine"
    begun: Callable[[RuleActT], str] | None = None
    holds: Callable[[Exchange, str], str] = lambda exchange, status: status
    changes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset({"official", "track2", "exercise"})
    copied_to_all: bool = False
    notice: Mapping[str, str] = field(default_factory=dict)

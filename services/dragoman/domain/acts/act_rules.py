"""What a line of the table is: one act, who may do it, where, and what it does to the state.

The rules of a format are data of these types, in the module of its family; `table`
joins them, `fold` reads them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from msgspec import Struct

from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal
from dragoman.text import Text
from dragoman_schemas.act_frame import Act, Area, Precedence
from dragoman_schemas.acts.office.channel import Family, Role
from dragoman_schemas.state import Exchange, Registry, Stamp

OFFICERS: Final[frozenset[Role]] = frozenset({"officer", "duty_officer", "head_of_office"})
"""Duty officers and heads of office may do what officers may."""

STAFF: Final[frozenset[Role]] = OFFICERS | {"administrator"}
"""Who works with the people and files beside the log: all of an office but its
auditors.
"""

DUTY: Final[frozenset[Role]] = frozenset({"duty_officer", "head_of_office"})
HEADS: Final[frozenset[Role]] = frozenset({"head_of_office"})
NOBODY: Final[frozenset[Role]] = frozenset()


OneKey = Callable[[Act, str], bool]
"""Whether a duty officer may send an act alone, as it is recorded at a time."""


def always(precedence: Precedence) -> Callable[[Act, str], Precedence]:
    """Return the default of a format whose messages are all as urgent."""
    return lambda data, time: precedence


def _never(data: Act, time: str) -> bool:
    return False


NEVER: Final[OneKey] = _never
"""The `one_key` of what a duty officer may not send alone."""


class Who(Enum):
    """Which sides may do an act in an exchange."""

    ANY = "any side"
    OPENER = "the side that opened the exchange"
    OTHER = "a side other than the one that opened it"
    PARTY = "the side that opened the exchange or an action addressee"
    CONVENER = "the side that opened the exchange, or of a meeting any party"
    ADDRESSEE = "an action addressee of the opening, or of the windows that stand"
    ADDRESSED = "a side to which something was said in the exchange"
    KEEPERS = "root or an administrator of a side"
    GATEWAY = "the gateway"
    WATCH = "the watch"
    COURIER = "the courier"
    DESK = "the desk"


class Folding(Struct, frozen=True, kw_only=True):
    """What an evolution is given: the record, its stamp, and the number that the fold counted for it."""

    record: Record
    stamp: Stamp
    number: str
    registry: Registry


Check = Callable[[Registry, Exchange | None, Record], Refusal | None]
Evolve = Callable[[Exchange, Folding], Exchange]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One act: its shape, its family, who does it, and its columns of the table.

    `code` is shown in the number of what opens no exchange. What is `two_key` is
    drafted by one officer and released by another of the side; a duty officer alone may
    send it on `one_key` where that says so, with the second due. A `service` may do it
    as well. What is `kept` stands among the exchange's acts with its content. `check`
    holds the members of an act against each other and against the exchange; `evolve` is
    what the act does to the exchange besides moving its status; `settle` may hold a
    move back until all have spoken.
    """

    act: str
    shape: type[Act]
    who: Who
    version: int = 1
    family: Family | None = None
    roles: frozenset[Role] = OFFICERS
    two_key: bool = False
    one_key: OneKey = NEVER
    service: str = ""
    silent: bool = False
    consenting: bool = False
    numbered: str = ""
    code: str = ""
    message: bool = False
    acknowledges: bool = False
    answers: bool = False
    kept: bool = False
    check: Check = lambda registry, exchange, record: None
    evolve: Evolve = lambda exchange, folding: exchange
    settle: Callable[[Exchange, str], str] = lambda exchange, status: status


def opening(
    act: str,
    shape: type[Act],
    family: Family,
    *,
    roles: frozenset[Role] = OFFICERS,
    two_key: bool = False,
    one_key: OneKey = NEVER,
    service: str = "",
    check: Check = lambda registry, exchange, record: None,
) -> Rule:
    """Return the rule of an act that opens an exchange: any side may, and it is a numbered message."""
    return Rule(
        act=act,
        shape=shape,
        family=family,
        who=Who.ANY,
        roles=roles,
        two_key=two_key,
        one_key=one_key,
        service=service,
        message=True,
        numbered="O",
        check=check,
    )


Moves = Mapping[str, Mapping[str, str]]
"""Act → status in which it is allowed → status that follows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Format:
    """A format: its opening act, its number, its defaults, and the life of the exchanges that it opens.

    An exchange starts as `start`, or where the act itself says how far the matter is,
    as `begun` says. `changes` are the statuses to which a `status-change` may lead, by
    the status before. `kinds` are the channels in which it may be opened. `title` is
    what an exchange is called whose opener gives it no subject. `precedence` is the
    default for an act that is recorded at a time. What is `copied_to_all` goes for
    information to every side that is not asked. `notice` is what such a message says on
    its face, by language.
    """

    rule: Rule
    code: str
    start: str
    moves: Moves
    title: Callable[[Act], Text]
    area: Area = "general"
    defaults: Mapping[str, str] = field(default_factory=dict)
    precedence: Callable[[Act, str], Precedence] = lambda data, time: "routine"
    begun: Callable[[Act], str] | None = None
    holds: Callable[[Exchange, str], str] = lambda exchange, status: status
    changes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset({"official", "track2", "exercise"})
    copied_to_all: bool = False
    notice: Mapping[str, str] = field(default_factory=dict)

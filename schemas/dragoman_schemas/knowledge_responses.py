"""Shapes of the answer to the question who knew what when."""

from typing import Literal

from dragoman_schemas.responses import ResponseBody

KnowledgeKind = Literal[
    "sent", "delivered", "was_to_ring", "opened", "acknowledged", "passed_on", "answered"
]
GapKind = Literal["watch", "line", "broker"]


class FirstOpening(ResponseBody, frozen=True, kw_only=True):
    """The first opening of an exchange by a side after a record of another side.

    `after` is the position of that record, and `position` that of the exchange's newest
    record then. `by` is the officer who opened it. No record of the log says so.
    """

    after: int
    position: int
    at: str
    by: str


class KnowledgeMark(ResponseBody, frozen=True, kw_only=True):
    """A moment at which a side came to know something, or said it.

    `side` is the side whose lane has it, and `of` the side that sent the message.
    `position` is the record that says so; 0 where none does. No record says that a side
    has `opened` the exchange: the position is then that of its newest record. `rung` is
    the officer for whom a flash was to ring: no record says that it rang. `posts` are
    those to which the side says it passed the message on.
    """

    kind: KnowledgeKind
    side: str
    at: str
    position: int = 0
    message: str
    act: str
    number: str = ""
    of: str
    by: str = ""
    rung: str = ""
    posts: tuple[str, ...] = ()


class KnowledgeGap(ResponseBody, frozen=True, kw_only=True):
    """A span in which a side could not have noticed a message.

    Nobody had the watch, the line was down, or a gateway had no broker. A `line` of one
    side is that of its station to the host. `ends` is empty while it goes on.
    """

    kind: GapKind
    sides: tuple[str, ...]
    begins: str
    ends: str = ""


class MessageKnown(ResponseBody, frozen=True, kw_only=True):
    """The knowledge that one side had of one message at a moment.

    Each member is the time at which it came to be so; empty where it was not so yet.
    Only readers of the side get `opened`: no record of the log says it.
    """

    message: str
    act: str
    number: str = ""
    of: str
    side: str
    sent: str
    delivered: str = ""
    opened: str = ""
    acknowledged: str = ""
    passed_on: str = ""
    answered: str = ""


class Knowledge(ResponseBody, frozen=True, kw_only=True):
    """The knowledge of all sides about one exchange: marks and gaps, in order of time.

    `moment` is the moment that was asked for, and `known` what each side knew then.
    """

    channel: str
    exchange: str
    number: str
    sides: tuple[str, ...]
    begins: str
    ends: str
    marks: tuple[KnowledgeMark, ...]
    gaps: tuple[KnowledgeGap, ...]
    moment: str = ""
    known: tuple[MessageKnown, ...] = ()

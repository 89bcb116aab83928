"""An entry of the tables of log events."""

from typing import NamedTuple


class LogEvent(NamedTuple):
    """A log event in words: its meaning, and what an operator does.

    `members` names the members of the line that no call in the code shows, because they
    come from a variable.
    """

    meaning: str
    action: str = "Nothing."
    members: tuple[str, ...] = ()

"""Bodies of the API about the liaison state: open matters and changes."""

from typing import Literal

from msgspec import UNSET, Raw, UnsetType, field

from dragoman_schemas.act_frame import Precedence
from dragoman_schemas.responses import JoinedReport, ResponseBody, Row


class Count(ResponseBody, frozen=True, kw_only=True):
    """The number of exchanges of a family that have a status."""

    family: str
    status: str
    exchanges: int


class Owed(ResponseBody, frozen=True, kw_only=True):
    """The open matters of a side: unacknowledged messages, and unanswered exchanges."""

    side: str
    unacknowledged: int
    unanswered: int
    delivered: int = 0


class Owing(ResponseBody, frozen=True, kw_only=True):
    """A duty of a side in an exchange, and the record that started it.

    `due` is left out where there is no limit.
    """

    clock: str
    side: str
    due: str = ""
    begins: str = ""
    started_by: str
    binding: bool = False

    @property
    def key(self) -> str:
        """Return the deadline and the id of its start as one text."""
        return f"{self.clock} {self.started_by}"


class OpenMatter(ResponseBody, frozen=True, kw_only=True):
    """An exchange that is not settled: its kind, place, age, accounts and open duties.

    `owed` lists the duties, the next one first. `acknowledged` has the time at which
    each side acknowledged the newest message to it. A side in `unacknowledged_by` must
    still do so.

    `accounts` is left out where only one side has given its account. It is `beside`
    where others have too, and no point that can be compared differs. It is `differ`
    where the points in `differing` do. It is `agreed` once the sides have agreed on the
    facts.

    `joined_to` is the earlier report with which this one is one matter. It is then
    listed in `joined` of that one. It has a row of its own only while something is owed
    in it.
    """

    exchange: str
    number: str
    act: str
    family: str
    status: str
    side: str
    to: tuple[str, ...]
    precedence: Precedence
    subject: Raw
    kind: str = ""
    place: Raw | UnsetType = UNSET
    opened: str
    newest_act: str
    newest_side: str
    newest_time: str
    acknowledged: dict[str, str] = field(default_factory=dict)
    unacknowledged_by: tuple[str, ...] = ()
    accounts: Literal["", "beside", "differ", "agreed"] = ""
    accounts_by: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    owed: tuple[Owing, ...] = ()
    joined_to: str = ""
    joined: tuple[JoinedReport, ...] = ()


class LiaisonState(ResponseBody, frozen=True, kw_only=True):
    """The liaison state of a channel at a position, and the digest of all of it.

    `open_matters` begins with the most urgent. `open_matters_left_off` is how many more
    exchanges may be open, where the list is not complete.
    """

    channel: str
    cid: str
    kind: str
    custody: str
    position: int
    time: str
    as_of: str
    live: bool
    digest: str
    registry: Raw
    counts: tuple[Count, ...]
    owed: tuple[Owed, ...]
    unacknowledged: tuple[Row, ...]
    open_matters: tuple[OpenMatter, ...]
    open_matters_left_off: int = 0


class Change(ResponseBody, frozen=True, kw_only=True):
    """A member that has changed, by a JSON pointer into the state.

    `was` is left out where the member is new, `now` where it is gone.
    """

    pointer: str
    was: Raw | UnsetType = UNSET
    now: Raw | UnsetType = UNSET


class Changed(ResponseBody, frozen=True, kw_only=True):
    """An exchange that was opened or carried on between two positions.

    It has the positions of the records, the status before and now, and the changes.
    """

    exchange: str
    number: str
    act: str
    status: str
    was: str = ""
    positions: tuple[int, ...]
    changes: tuple[Change, ...] = ()


class Difference(ResponseBody, frozen=True, kw_only=True):
    """The changes after one position, up to another.

    It has the exchanges, in the order of their openings, and the channel itself.
    """

    from_: int = field(name="from")
    to: int
    exchanges: tuple[Changed, ...]
    channel: tuple[Change, ...] = ()

"""The views of the alarm, as the templates and the scripts show them.

`Alarms` is the whole; the other classes are its messages, groups and notices.
"""

from datetime import datetime
from typing import Any, Final

from markupsafe import Markup
from msgspec import Raw, Struct

from dragoman.console.display import translations as translated
from dragoman.console.display.act_display import DisplayedMember
from dragoman.console.display.deadline_rows import Level
from dragoman.console.display.office_clocks import Office
from dragoman.console.page import duty_numbers
from dragoman.limits import (
    FLOOD_ALARMS,
)

DRILL: Final = "drill-"
"""The beginning of the id of a drill, which is no id of an exchange."""


class Ring(Struct, frozen=True, kw_only=True):
    """One message that waits for an acknowledgement by the reader's side.

    `reaches_s` is the time in seconds after which the message reaches the reader. It is
    0 for at once, and None for never. Other officers of the side see the message and
    are not called.

    `position` is that of the exchange. A greater value means that the exchange has
    changed. `record` is the message's own position.

    `name` is the name of the message in a line. `matter` names a message that did not
    open its exchange. `within` names that matter alone, with its kind.

    The acknowledgement is `signed` if the channel demands that. A message has `joined`
    if many of its sender's messages waited already. Such a message has no sound of its
    own.
    """

    key: str
    channel: str
    exercise: bool
    exchange: str
    number: str
    act: str
    kind: str
    heading: str
    name: str
    matter: str
    within: str
    marking: str
    sender: str
    by: str
    to: tuple[str, ...]
    precedence: str
    level: Level
    since: str
    due: str
    limit_s: int
    position: int
    record: int
    reaches_s: int | None
    cancelled: bool
    corrected: str
    subject: Raw
    signed: bool
    joined: bool = False

    @property
    def address(self) -> str:
        """The address of the message's exchange, or of the page of a drill."""
        page = "drill" if self.is_drill else f"exchanges/{self.exchange}"
        return f"/c/{self.channel}/{page}"

    @property
    def is_drill(self) -> bool:
        """True for the message of a drill, which is in no log."""
        return self.exchange.startswith(DRILL)


class CorrectedValue(Struct, frozen=True, kw_only=True):
    """A value that a flash corrects or updates: what it was by its record, and is now.

    `was` is empty, and `position` 0, where no record gave it before.
    """

    name: str
    label: str
    was: Markup
    position: int
    now: Markup


class AlarmGroup(Struct, frozen=True, kw_only=True):
    """The waiting flashes of one side in one channel.

    It has their count, the newest flash, and the oldest of the others. The inbox
    lists the `more` remaining ones, page by page.
    """

    channel: str
    exercise: bool
    sender: str
    count: int
    newest: Ring
    earlier: tuple[Ring, ...] = ()
    more: int = 0


class Rung(Struct, frozen=True, kw_only=True):
    """A step of the escalation ladder: its delay in seconds, and its officers.

    Those `by_roster` come first, and then the other `officers` by the log.
    On a step that `adds_nobody`, the flash has reached all its officers before.
    """

    seconds: int
    rung: str
    officers: tuple[str, ...]
    adds_nobody: bool
    by_roster: tuple[str, ...] = ()


class DetailBeside(Struct, frozen=True, kw_only=True):
    """The words of a takeover in a language of the channel in which no page is."""

    tag: str
    title: str
    sender: str
    heading: str
    facts: tuple[DisplayedMember, ...]
    number_label: str
    waiting: str
    receipt: str


class Detail(Struct, frozen=True, kw_only=True):
    """The content of one message in the takeover of a page.

    `is_live` says that the page sees the log. `receipt_waits` says that a receipt of
    the reader's side is in the outbox of its station.
    """

    ring: Ring
    facts: tuple[DisplayedMember, ...]
    changes: tuple[CorrectedValue, ...]
    text: DisplayedMember | None
    offices: tuple[Office, ...]
    rungs: tuple["Rung", ...]
    ringing: tuple[duty_numbers.NumberToRing, ...] = ()
    translations: tuple[translated.Translated, ...] = ()
    beside: tuple[DetailBeside, ...] = ()
    is_live: bool = True
    receipt_waits: bool = False


class UnpassedNotice(Struct, frozen=True, kw_only=True):
    """A message of the reader's side that rings from the time `since` on.

    It rings until the time `until`; an empty text means no end. `reaches_s` is the time
    in seconds after which it reaches the reader, None for never. `is_late` is true
    where it rings now.
    """

    key: str
    channel: str
    exercise: bool
    exchange: str
    number: str
    posts: str
    since: str
    opens: str
    until: str
    reaches_s: int | None
    is_late: bool

    def level(self, now: datetime) -> Level:
        """Return the level of the notice: the worst once its window has opened."""
        is_open = self.opens and datetime.fromisoformat(self.opens) <= now
        return "critical" if is_open else "serious"


class UnopenedFlash(Struct, frozen=True, kw_only=True):
    """A flash that the reader's side has acknowledged and nobody there has opened.

    The page says so once it `is_late`.
    """

    key: str
    channel: str
    exchange: str
    number: str
    since: str
    is_late: bool


class ChangedFlashView(Struct, frozen=True, kw_only=True):
    """A flash that its sender changed after the reader's side acknowledged it.

    It names the act that changed the flash, with its position and time.
    """

    channel: str
    exchange: str
    number: str
    act: str
    position: int
    time: str


class MissedWatchCheck(Struct, frozen=True, kw_only=True):
    """A watch check of the reader's side that nobody answers.

    It names the officer at whose console, and the time since when. `reaches` says
    whether the check reaches the reader.
    """

    channel: str
    officer: str
    since: str
    reaches: bool


class HandedDraft(Struct, frozen=True, kw_only=True):
    """A draft that a colleague has handed to the reader for sending.

    It names the channel, the author, the act, and the time since when.
    """

    id: str
    channel: str
    author: str
    act: str
    since: str


class Alarms(Struct, frozen=True, kw_only=True):
    """The alarms of the reader's side, the most urgent first.

    `recent` counts the flashes of the last ten minutes. Of one sender's messages the
    oldest ring, and the newest. `groups` count all flashes, so that no flash hides
    another side's.

    An exercise rings only on the pages of its own channel. `elsewhere` is what rings in
    the exercise for which the browser is armed, while it shows another channel's page.
    These messages sound, but that page neither shows nor counts them.
    """

    rings: tuple[Ring, ...]
    details: tuple[Detail, ...]
    recent: int
    officer: bool
    elsewhere: tuple[Ring, ...] = ()
    groups: tuple[AlarmGroup, ...] = ()
    more: int = 0
    unopened: tuple[UnopenedFlash, ...] = ()
    absent: tuple[MissedWatchCheck, ...] = ()
    later: tuple[ChangedFlashView, ...] = ()
    handed: tuple[HandedDraft, ...] = ()
    unpassed: tuple[UnpassedNotice, ...] = ()

    @property
    def flashes(self) -> list[Ring]:
        """The flashes, which take a page over, in order of time.

        They include flashes that do not reach the reader.
        """
        return [ring for ring in self.rings if ring.precedence == "flash"]

    @property
    def waiting(self) -> int:
        """The number of flashes that wait."""
        return sum(group.count for group in self.groups)

    @property
    def flood(self) -> bool:
        """Return whether more flashes wait than a person can read one by one."""
        return self.waiting > FLOOD_ALARMS

    def levels(self, now: datetime) -> list[Level]:
        """Return the level of each line that a page without scripts has of them."""
        levels: list[Level] = ["critical"] * (len(self.groups) + len(self.absent))
        levels += [notice.level(now) for notice in self.unpassed if notice.is_late]
        levels += ["caution"] * len(self.handed)
        levels += ["caution" for flash in self.unopened if flash.is_late]
        return levels

    @property
    def scripted(self) -> list[dict[str, Any]]:
        """The alarms in the form that the scripts use."""
        return [
            {
                "key": ring.key,
                "exchange": ring.exchange,
                "channel": ring.channel,
                "exercise": ring.channel if ring.exercise else "",
                "precedence": ring.precedence,
                "sender": ring.sender.upper(),
                "name": ring.name,
                "number": ring.number,
                "since": ring.since,
                "due": ring.due,
                "limit": ring.limit_s,
                "position": ring.position,
                "record": ring.record,
                "act": ring.act,
                "reaches": ring.reaches_s,
                "cancelled": ring.cancelled,
                "corrected": ring.corrected,
                "joined": ring.joined,
                "elsewhere": elsewhere,
            }
            for rings, elsewhere in ((self.rings, False), (self.elsewhere, True))
            for ring in rings
        ]

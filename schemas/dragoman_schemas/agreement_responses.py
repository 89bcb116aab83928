"""Bodies of the API about undertakings, mechanisms and transmittals."""

from typing import Literal

from msgspec import UNSET, Raw, UnsetType, field

from dragoman_schemas.fields import Words
from dragoman_schemas.responses import Link, ResponseBody, SideAnswer

UndertakingStanding = Literal["late", "due", "said", "refused", "done", "confirmed", "ended"]
"""The standing of an undertaking, in the order of lists.

`said` is not agreed to by every addressed side. `refused` is refused by one of them.
`done` is the word of the side that undertook it. `ended` is cancelled, or closed
without a confirmation.
"""


class UndertakingDispute(ResponseBody, frozen=True, kw_only=True):
    """A side's word that something is not done, and what is missing."""

    side: str
    since: str
    reason: Words


class UndertakingView(ResponseBody, frozen=True, kw_only=True):
    """An undertaking: its side, its words, its date, and how far it is.

    `said_by` recorded it at `said_at`. `answers` say of every other side whether it
    agrees that it was undertaken. `done_at` is the time
    that the side itself gives, `done_said` the time of its record. `confirmed_by` and
    `disputes` have the newest verdict of each other side. `late` is true where the date
    has passed without it, or where it was done after its date.

    A recurring one has `intervals`, of `every_hours` each. So many were `given`, and so
    many `missed`; it is late where one was missed. `next_due` is the end of the next
    interval that is owed, and `last_given` the time of the newest word.
    """

    exchange: str
    number: str
    by: str
    what: Raw
    by_when: str
    of: str = ""
    standing: UndertakingStanding
    status: str
    late: bool = False
    said_by: str
    said_at: str
    answers: tuple[SideAnswer, ...] = ()
    done_at: str = ""
    done_said: str = ""
    confirmed_by: tuple[str, ...] = ()
    disputes: tuple[UndertakingDispute, ...] = ()
    every_hours: int = 0
    intervals: int = 0
    given: int = 0
    missed: int = 0
    last_given: str = ""
    next_due: str = ""


class SidesUndertakings(ResponseBody, frozen=True, kw_only=True):
    """The undertakings of one side, in the order of their dates."""

    side: str
    undertakings: tuple[UndertakingView, ...]


class Undertakings(ResponseBody, frozen=True, kw_only=True):
    """The undertakings of each side, by side and due date.

    Every side has an entry, with or without undertakings.
    """

    sides: tuple[SidesUndertakings, ...]


class MechanismWord(ResponseBody, frozen=True, kw_only=True):
    """A side's word that a mechanism is suspended or ended, with its reason."""

    side: str
    since: str
    position: int
    reason: Raw


class MechanismView(ResponseBody, frozen=True, kw_only=True):
    """A mechanism: whether it works, since when, and what waits for it.

    `since` is the time of its present status. `answers` say of every asked side whether
    it agrees to the text. `suspended_by` has each side whose
    suspension is not taken back, and `ended_by` the end. `resuming` are the sides that
    want an ended mechanism to resume. `last_held` is the beginning of its last meeting.
    `next_due` is the last day for the next one, and `overdue` says that it has passed.
    Both are left out unless the mechanism is in force and has a period. `meetings` are
    requested or agreed ones. `undertakings` came out of its meetings and are not
    confirmed. `papers` are the documents that refer to it.
    """

    exchange: str
    number: str
    name: Raw
    level: str
    status: str
    since: str
    answers: tuple[SideAnswer, ...] = ()
    overdue: bool = False
    chairs: dict[str, str] = field(default_factory=dict)
    areas: tuple[str, ...] = ()
    instrument: str = ""
    period_months: int | UnsetType = UNSET
    suspended_by: tuple[MechanismWord, ...] = ()
    ended_by: MechanismWord | UnsetType = UNSET
    resuming: tuple[str, ...] = ()
    last_held: str = ""
    next_due: str = ""
    meetings: tuple[Link, ...] = ()
    undertakings: tuple[UndertakingView, ...] = ()
    papers: tuple[Link, ...] = ()


class Mechanisms(ResponseBody, frozen=True, kw_only=True):
    """Every mechanism of a channel, in the order of their records."""

    mechanisms: tuple[MechanismView, ...]


class SidesAnswer(ResponseBody, frozen=True, kw_only=True):
    """An addressed side's newest answer to a recommendation.

    Without an answer, `answer` is empty, and `silent_days` counts the days since the
    transmittal.
    """

    side: str
    answer: str = ""
    taken_up_as: str = ""
    time: str = ""
    position: int = 0
    silent_days: int = 0


class AnsweredRecommendation(ResponseBody, frozen=True, kw_only=True):
    """A recommendation as it was handed over, and each addressed side's answer.

    `q` is its number. `record` is its record in the channel of the group. `in_bundle`
    says whether the bundle has that record with the same words; it is left out where
    no bundle is proved, or no record is named.
    """

    q: int
    text: Raw
    area: str = ""
    record: str = ""
    in_bundle: Literal["", "same", "differs", "missing"] = ""
    answers: tuple[SidesAnswer, ...]


class BundleCheck(ResponseBody, frozen=True, kw_only=True):
    """The check of a file that was handed over, by this host.

    `proved` means that the file is a bundle that proves itself. `file` means that it is
    no bundle: it is a file with its digest. `refuted` means that it is a bundle that
    does not prove its content, or that it is of another release than the transmittal
    says. `absent` means that the file is not here. `held` means that the scanner here
    has not passed it. `why` says more. `sides` are the sides of the group's channel
    that agreed to the release. `head` is the number of records under the signed head.
    `extracts` are the positions of the records.
    """

    sha256: str
    title: str
    bytes: int
    state: Literal["proved", "file", "refuted", "absent", "held"]
    why: str = ""
    channel: str = ""
    log: str = ""
    sides: tuple[str, ...] = ()
    head: int = 0
    extracts: tuple[int, ...] = ()
    whole: tuple[int, ...] = ()
    withheld: tuple[int, ...] = ()


class TransmittalView(ResponseBody, frozen=True, kw_only=True):
    """A group's recommendations in the official channel, and the answers to each.

    They are attributed to the `group`, and to no speaker. `due` is the last day for an
    answer, where the channel has limits.
    """

    exchange: str
    number: str
    status: str
    title: Raw
    group: str
    handed_over_by: str
    handed_over: str
    due: str = ""
    bundle: BundleCheck
    recommendations: tuple[AnsweredRecommendation, ...]


class UndertakingCount(ResponseBody, frozen=True, kw_only=True):
    """The undertakings of a side in a year, in numbers.

    `made` were recorded in the year, and `confirmed` were confirmed in it. `late` were
    done after their date in the year, or are past it at its end. `open` are not
    confirmed at its end.
    """

    side: str
    made: int
    confirmed: int
    late: int
    open: int

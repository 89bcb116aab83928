"""Shapes of the reports, which are generated from the log up to a position.

A report of the same position is the same for every reader, each time. Texts of the
sides keep their bytes from the log, in every language in which the sides gave them. A
page or a Markdown text shows one of the languages. No person is named: an officer is a
side and a role.
"""

from typing import Literal

from msgspec import UNSET, Raw, UnsetType, field

from dragoman_schemas.agreement_responses import UndertakingCount, UndertakingView
from dragoman_schemas.dialogue_responses import Issue
from dragoman_schemas.responses import (
    AccountsDifference,
    FlagView,
    JoinedReport,
    ResponseBody,
    StatedValue,
    Unanswered,
)
from dragoman_schemas.state_responses import Owing
from dragoman_schemas.statistics_figures import (
    Blind,
    Blindness,
    LimitCounts,
    Line,
    Spread,
    Statistics,
)


class ReportedChannel(ResponseBody, frozen=True, kw_only=True):
    """The channel of a report, with the texts that every page of it must show."""

    name: str
    cid: str
    kind: str
    custody: str
    marking: str
    sides: tuple[str, ...]
    languages: tuple[str, ...]
    exercise_of: str = ""


class Report(ResponseBody, frozen=True, kw_only=True):
    """A report of a period, made from the log up to the end of the period.

    `again` is the path that gives the same report again, byte for byte. The report is
    not `live` where the gateway had not just seen the end of the log. Later records are
    not in it.
    """

    of: ReportedChannel
    position: int
    digest: str
    from_: str = field(name="from")
    to: str
    again: str
    live: bool = True


class Matter(ResponseBody, frozen=True, kw_only=True):
    """An exchange in a report.

    Under the Chatham House Rule it has no side and no number. `titles`, by language,
    are its names where its opener gave it no subject; `subject` is then the English
    one. In a row about the past they are those of then. `now` and `now_titles` are the
    present ones, where they are others. `marking` has the markings of its messages
    beside the channel's.
    """

    exchange: str
    number: str
    format: str
    family: str
    area: str
    side: str
    to: tuple[str, ...]
    info: tuple[str, ...] = ()
    releasability: str = "auditors"
    marking: str = ""
    precedence: str
    subject: Raw
    titles: dict[str, str] = field(default_factory=dict)
    original: str = ""
    status: str
    opened: str
    for_the_record: bool = False
    now: Raw | UnsetType = UNSET
    now_titles: dict[str, str] = field(default_factory=dict)


class ReportedMatter(Matter, frozen=True, kw_only=True):
    """An open matter in a report: its place, the accounts, and the open duties.

    `owed` lists the duties, the next one first. The members are those of the channel's
    state (`OpenMatter`). Under the Chatham House Rule it names no side.
    """

    places: tuple[Raw, ...] = ()
    acknowledged: dict[str, str] = field(default_factory=dict)
    unacknowledged_by: tuple[str, ...] = ()
    accounts: Literal["", "beside", "differ", "agreed"] = ""
    accounts_by: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    owed: tuple[Owing, ...] = ()
    joined: tuple[JoinedReport, ...] = ()


class Due(ResponseBody, frozen=True, kw_only=True):
    """A duty of a side in a matter, with its beginning and its limit.

    It is a `courtesy` where limits do not bind yet.
    """

    side: str
    clock: str
    begins: str
    due: str
    overdue: bool
    courtesy: bool = False
    matter: Matter


class PassedOnReceipt(ResponseBody, frozen=True, kw_only=True):
    """A post to which a side says it passed a message on, with the times it gives."""

    post: str
    at: str
    confirmed_at: str = ""


class Receipt(ResponseBody, frozen=True, kw_only=True):
    """The facts of an addressee about a message.

    `delivered` is the time at which it reached a station. `acknowledged_by` is the role
    of the officer who acknowledged it, `acknowledged_after_s` how long after it was
    sent. `account` is the time of the side's own account. `rang` has the officers for
    whom a flash was to ring before it was acknowledged: duty_officer, deputy,
    head_of_office. The log has no ringing. `passed_on` has the posts that the side says
    it told, and `not_passed_on` the posts of its onward list of which it has not said
    so.
    """

    side: str
    owes: bool
    delivered: str = ""
    acknowledged: str = ""
    acknowledged_by: str = ""
    acknowledged_after_s: float | None = None
    answered: str = ""
    account: str = ""
    passed_on: tuple[PassedOnReceipt, ...] = ()
    not_passed_on: tuple[str, ...] = ()
    was_to_ring: tuple[str, ...] = field(name="rang", default=())


class Urgent(ResponseBody, frozen=True, kw_only=True):
    """A flash or immediate message, with the receipts of each addressee."""

    matter: Matter
    act: str
    side: str
    time: str
    receipts: tuple[Receipt, ...]


class ReportsStanding(ResponseBody, frozen=True, kw_only=True):
    """The state of a side: its watch, and the deliveries to its stations.

    `manned_since` is the beginning of its watch. `delivered_upto` is the last record
    that has reached its stations, `delivered_at` the time.
    """

    side: str
    manned_since: str = ""
    delivered_upto: int
    delivered_at: str = ""
    unacknowledged: int
    messages: int


class Unnamed(ResponseBody, frozen=True, kw_only=True):
    """The number of messages under the Chatham House Rule; they count for no side.

    `unacknowledged` is how many of them are not acknowledged.
    """

    messages: int = 0
    unacknowledged: int = 0


class Ahead(ResponseBody, frozen=True, kw_only=True):
    """A matter that is agreed, asked for or in force, with its beginning and end.

    `stage` is set where its window is open or near: near, open, holding or not_ended.
    `not_passed_on` has the posts that each addressee has not said it told.
    """

    matter: Matter
    from_: str = field(name="from")
    to: str
    places: tuple[Raw, ...] = ()
    stage: str = ""
    not_passed_on: dict[str, tuple[str, ...]] = field(default_factory=dict)


class ReportedStatements(ResponseBody, frozen=True, kw_only=True):
    """The statements of the sides of one matter, and the differences of accounts.

    Only members with several statements are listed.
    """

    matter: Matter
    statements: tuple[StatedValue, ...]
    differences: tuple[AccountsDifference, ...] = ()


class ReportedDissent(ResponseBody, frozen=True, kw_only=True):
    """A dissent that stands: the side, the paragraph of the joint report, and its text.

    The status of the report is in `matter`, as *settled, with dissent*.
    """

    matter: Matter
    side: str
    paragraph: int
    time: str
    position: int
    text: Raw


class ReportedPeople(ResponseBody, frozen=True, kw_only=True):
    """A group of people in a matter, by the newest word of a side.

    `sides` say it, as of a time; several if they say the same. `of` is the side whose
    people they are. Where it is `other`, `of_text` names the state or company that is
    no side. `number` is "unknown" where the side does not know it. `waited_for` says
    that they are not back: they are held, rescued or missing, and were not handed over.
    """

    matter: Matter
    sides: tuple[str, ...]
    as_of: str
    kind: str
    number: int | Literal["unknown"]
    of: str = ""
    of_text: Raw | UnsetType = UNSET
    places: tuple[Raw, ...] = ()
    conditions: tuple[Raw, ...] = ()
    access_asked: str = ""
    access_given: str = ""
    handed_over: str = ""
    waited_for: bool = False


class ReportedVisit(ResponseBody, frozen=True, kw_only=True):
    """A request to come and see: its kind, and what came of it, when.

    `granted` and `refused` are the times of the last grant and of the last refusal, and
    `by` is the side that gave it. `arrived` and `left` are the times that the sides
    gave. `reported` is the time of the visitors' report.
    """

    matter: Matter
    kind: str
    places: tuple[Raw, ...] = ()
    asked: str
    planned: str
    by: str = ""
    granted: str = ""
    conditions: Raw | UnsetType = UNSET
    refused: str = ""
    arrived: str = ""
    left: str = ""
    reported: str = ""


class ChannelStanding(ResponseBody, frozen=True, kw_only=True):
    """The status of the channel, the time since when, and the reason."""

    status: str
    since: str = ""
    reason: Raw | UnsetType = UNSET
    profile: str
    binding: bool


class Situation(Report, frozen=True, kw_only=True):
    """The situation report: open matters, watches, the line, and all that is owed.

    `stands` are the open matters, the most urgent first, and `open_matters` is their
    number. `quiet` means all of the following. Nothing was sent, everything is
    acknowledged, nothing is overdue, and no matter is open. Every watch is manned, and
    the last check of the line in the period came back.
    """

    quiet: bool
    overdue: int
    channel: ChannelStanding
    standing: tuple[ReportsStanding, ...]
    unnamed: Unnamed = field(default_factory=Unnamed)
    line: tuple[Line, ...]
    urgent: tuple[Urgent, ...]
    owed: tuple[Due, ...]
    open_matters: int
    stands: tuple[ReportedMatter, ...]
    meetings: tuple[Ahead, ...]
    in_force: tuple[Ahead, ...]
    people: tuple[ReportedPeople, ...] = ()
    visits: tuple[ReportedVisit, ...] = ()
    left_off: int = 0


class PutAside(ResponseBody, frozen=True, kw_only=True):
    """A caution that the watch has shelved.

    It has the exchange, the deadline, the reason, the officer, and the time at which
    the shelving ends at the latest.
    """

    exchange: str
    number: str
    clock: str
    owed_by: str
    reason: str
    by: str
    until: str


class HandedTo(ResponseBody, frozen=True, kw_only=True):
    """A matter that an officer has handed to a colleague, while it waits for a move.

    `duties` are those of the side at that time: the deadline, and the id of its start.
    """

    exchange: str
    number: str
    duties: tuple[str, ...]
    to: str
    by: str
    at: str
    reason: str


class HandedOver(ResponseBody, frozen=True, kw_only=True):
    """A draft that an officer has handed over to colleagues.

    A second officer must send or release it.
    """

    draft: str
    act: str
    author: str
    since: str


class TurnOver(Report, frozen=True, kw_only=True):
    """The note for the next watch of a side.

    It has what came since the watch was taken over, what is owed and awaited, and what
    is due next. `stands` are the open matters, the most urgent first, each with the
    state of its accounts. `said` are the messages of the period, oldest first. `drafts`
    wait for a second officer; only a note of the present moment has them. The lists are
    cut off; the totals count all of what is owed and awaited.
    """

    side: str
    watch: Literal["manned", "nobody"]
    note: Raw | UnsetType = UNSET
    standing: tuple[ReportsStanding, ...]
    unnamed: Unnamed = field(default_factory=Unnamed)
    line: tuple[Line, ...]
    unacknowledged: tuple[Urgent, ...]
    owed: tuple[Due, ...]
    awaited: tuple[Due, ...]
    unacknowledged_total: int = 0
    owed_total: int = 0
    awaited_total: int = 0
    since: tuple[Matter, ...]
    in_force: tuple[Ahead, ...]
    shelved: tuple[PutAside, ...] = ()
    handed: tuple[HandedTo, ...] = ()
    silenced: int = 0
    silenced_last: str = ""
    stands: tuple[ReportedMatter, ...] = ()
    said: tuple[Urgent, ...] = ()
    drafts: tuple[HandedOver, ...] = ()
    people: tuple[ReportedPeople, ...] = ()
    visits: tuple[ReportedVisit, ...] = ()
    left_off: int = 0


class Saying(ResponseBody, frozen=True, kw_only=True):
    """One act of an exchange: its author, its time, its content and its receipts."""

    act: str
    side: str
    by: str
    time: str
    position: int
    content: dict[str, Raw]
    receipts: tuple[Receipt, ...] = ()


class Lapsed(ResponseBody, frozen=True, kw_only=True):
    """A limit that has passed.

    It has the side, the duty and the limit. `came` is the time at which the side did it
    after all.
    """

    side: str
    clock: str
    due: str
    came: str = ""
    courtesy: bool = False
    matter: Matter


class ReadOut(ResponseBody, frozen=True, kw_only=True):
    """A readout of a meeting, of one side or of all sides."""

    side: str
    kind: str
    time: str
    topics: tuple[str, ...]
    text: Raw


class Met(ResponseBody, frozen=True, kw_only=True):
    """A meeting: when it was held, who did not attend, and the readouts side by side.

    `differing_topics` are the topics that not all readouts have.
    """

    held: tuple[tuple[str, str], ...] = ()
    not_attended: tuple[str, ...] = ()
    readouts: tuple[ReadOut, ...] = ()
    no_readout: tuple[str, ...] = ()
    differ: bool = False
    differing_topics: tuple[str, ...] = ()


class RecordedExchange(ResponseBody, frozen=True, kw_only=True):
    """An exchange, with everything that was said in it in the period."""

    matter: Matter
    said: tuple[Saying, ...]
    met: Met | None = None
    unanswered: tuple[Unanswered, ...] = ()
    notice: dict[str, str] = field(default_factory=dict)
    flags: tuple[FlagView, ...] = ()
    stated: ReportedStatements | None = None
    dissents: tuple[ReportedDissent, ...] = ()


class FamilyRecord(ResponseBody, frozen=True, kw_only=True):
    """The exchanges of a family, in the order in which they were opened."""

    family: str
    exchanges: tuple[RecordedExchange, ...]


class ChannelAct(ResponseBody, frozen=True, kw_only=True):
    """An act of the channel's own family."""

    position: int
    time: str
    side: str
    act: str
    number: str = ""
    content: dict[str, Raw]


class ReportsLesson(ResponseBody, frozen=True, kw_only=True):
    """A side's view of what should be done better next time."""

    side: str
    time: str
    text: Raw
    matter: Matter


class Annual(ResponseBody, frozen=True, kw_only=True):
    """One of the yearly exchanges of one side, a nil return included.

    `given` is the time at which the side gave it, `due` its last day, where one is set.
    """

    side: str
    kind: str
    of_year: int
    due: str = ""
    given: str = ""
    nil_return: bool = False
    late_days: float | None = None
    matter: Matter | None = None


class ReportedUndertaking(ResponseBody, frozen=True, kw_only=True):
    """An undertaking in the record of a period.

    Under the Chatham House Rule no side is named.
    """

    matter: Matter
    undertaking: UndertakingView


class Question(ResponseBody, frozen=True, kw_only=True):
    """The questions of a message that a side has not answered: numbers and words."""

    asked_by: str
    side: str
    time: str
    numbers: tuple[int, ...]
    questions: tuple[Raw, ...]
    matter: Matter


class PeriodRecord(Report, frozen=True, kw_only=True):
    """The record of the period: everything that each side said, by family."""

    families: tuple[FamilyRecord, ...]
    channel: tuple[ChannelAct, ...]
    perceptions: tuple[Issue, ...]
    lapses: tuple[Lapsed, ...]
    lessons: tuple[ReportsLesson, ...]
    people: tuple[ReportedPeople, ...] = ()
    visits: tuple[ReportedVisit, ...] = ()
    undertakings: tuple[ReportedUndertaking, ...]
    undertakings_by_side: tuple[UndertakingCount, ...]
    annual: tuple[Annual, ...]
    questions: tuple[Question, ...]
    statistics: Statistics


class Exceptional(ResponseBody, frozen=True, kw_only=True):
    """One audit finding: its kind, the side, the position, the matter, and a text."""

    kind: str
    position: int
    side: str
    number: str = ""
    detail: str


class Checked(ResponseBody, frozen=True, kw_only=True):
    """One check of the log: the result, and the party on whose word it rests."""

    check: str
    found: str
    word: str


class Receiving(ResponseBody, frozen=True, kw_only=True):
    """The messages to a side, and its acknowledgements.

    `took` is the time that the acknowledgements took. `not_yet` counts the messages
    that the side has not acknowledged. `not_passed_on` counts the acknowledged ones of
    which it has not told every post of its onward list.
    """

    side: str
    messages: int
    acknowledged: int
    not_yet: int
    not_passed_on: int = 0
    took: Spread | None = None


class Authority(ResponseBody, frozen=True, kw_only=True):
    """An officer, with the office, the roles, and the number of valid keys.

    `since` is the position of the entry, `entered_by` its author. `until` is the
    position of the revocation, if there was one.
    """

    officer: str
    office: str
    roles: tuple[str, ...]
    since: int
    entered_by: str
    keys: int
    until: int | None = None


class FiveAnswers(Report, frozen=True, kw_only=True):
    """The five questions that an auditor asks first, on one page, as of a position.

    `whole`: whether the log is complete and unaltered, until when, and on whose word.
    `receiving` and `messages`: who knew what, and when. `stated`: what each side stated
    of an event, and what changed it. `dissents`: who dissents from which paragraph of a
    joint report. `lapses`, `owed`, `blind`: what was owed and not done, on all sides,
    and when nobody could notice. The lists are cut off; `limits`, `waiting` and
    `waiting_flash` count all of them. `standing`, `stands`: what is before the watch,
    and who has it. `authorities`, `exceptions`: who may authorise what, and which
    exceptions were made.
    """

    whole: tuple[Checked, ...]
    lie: str = ""
    receiving: tuple[Receiving, ...]
    messages: tuple[Urgent, ...]
    lapses: tuple[Lapsed, ...]
    owed: tuple[Due, ...]
    limits: tuple[LimitCounts, ...] = ()
    blindness: tuple[Blindness, ...]
    blind: tuple[Blind, ...]
    standing: tuple[ReportsStanding, ...]
    unnamed: Unnamed = field(default_factory=Unnamed)
    on_watch: dict[str, str] = field(default_factory=dict)
    unacknowledged: tuple[Urgent, ...]
    waiting: int = 0
    waiting_flash: int = 0
    open_matters: int
    stands: tuple[ReportedMatter, ...]
    people: tuple[ReportedPeople, ...] = ()
    visits: tuple[ReportedVisit, ...] = ()
    stated: tuple[ReportedStatements, ...] = ()
    dissents: tuple[ReportedDissent, ...] = ()
    authorities: tuple[Authority, ...]
    kinds: dict[str, int]
    exceptions: tuple[Exceptional, ...]
    left_off: int = 0

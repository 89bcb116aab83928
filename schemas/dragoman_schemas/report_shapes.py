"""What the reports are made of: generated from the log as it stood at a position, alike for whoever asks, and again.

Texts of the sides stand as their bytes do in the log, in every language in which they
were given; a page or a Markdown text shows one of them. Nobody is named: an officer is
a side and a role.
"""

from typing import Literal

from msgspec import UNSET, Raw, UnsetType, field

from dragoman_schemas.dialogue_responses import Issue, RoadmapArea
from dragoman_schemas.responses import FlagView, Owing, ResponseBody, Unanswered
from dragoman_schemas.statistics_figures import Blind, Blindness, Line, Spread, Statistics


class ReportedChannel(ResponseBody, frozen=True, kw_only=True):
    """The channel that a report is of, and what must stand on every page of it."""

    name: str
    cid: str
    kind: str
    custody: str
    marking: str
    sides: tuple[str, ...]
    languages: tuple[str, ...]
    exercise_of: str = ""


class Report(ResponseBody, frozen=True, kw_only=True):
    """A report of a period as the log stood at its end. `again` is the path that gives it again, byte for byte.

    It is not `live` where the end of the log had not been seen just then; what came
    since is not in it.
    """

    of: ReportedChannel
    position: int
    digest: str
    from_: str = field(name="from")
    to: str
    again: str
    live: bool = True


class Matter(ResponseBody, frozen=True, kw_only=True):
    """An exchange, as reports name it. Under the Chatham House Rule it has no side and no number.

    `titles`, by language, are what it is called where its opener gave it no subject;
    `subject` is the English one then.
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
    precedence: str
    subject: Raw
    titles: dict[str, str] = field(default_factory=dict)
    original: str = ""
    status: str
    opened: str
    for_the_record: bool = False


class ReportedMatter(Matter, frozen=True, kw_only=True):
    """An open matter: where, who has it, how the accounts stand, and what is owed, the next first.

    The members are those of the channel's state (`OpenMatter`). Under the Chatham House
    Rule it names no side.
    """

    place: str = ""
    acknowledged: dict[str, str] = field(default_factory=dict)
    unacknowledged_by: tuple[str, ...] = ()
    accounts: Literal["", "beside", "differ", "agreed"] = ""
    accounts_by: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    owed: tuple[Owing, ...] = ()


class Due(ResponseBody, frozen=True, kw_only=True):
    """What a side owes under a matter, since when, until when. It is a courtesy where limits do not bind yet."""

    side: str
    clock: str
    begins: str
    due: str
    overdue: bool
    courtesy: bool = False
    matter: Matter


class Receipt(ResponseBody, frozen=True, kw_only=True):
    """The facts of an addressee about a message: when it reached a station, who had it when, how long after it was sent, and its own account.

    `rang` is for whom a flash rang before it was acknowledged, as far as the record
    goes: duty_officer, deputy, head_of_office.
    """

    side: str
    owes: bool
    delivered: str = ""
    acknowledged: str = ""
    acknowledged_by: str = ""
    acknowledged_after_s: float | None = None
    answered: str = ""
    account: str = ""
    rang: tuple[str, ...] = ()


class Urgent(ResponseBody, frozen=True, kw_only=True):
    """A flash or an immediate message, and what each addressee did with it."""

    matter: Matter
    act: str
    side: str
    time: str
    receipts: tuple[Receipt, ...]


class ReportsStanding(ResponseBody, frozen=True, kw_only=True):
    """How a side stands: since when its watch is manned, and up to which record its stations have been reached, by when."""

    side: str
    manned_since: str = ""
    delivered_upto: int
    delivered_at: str = ""
    unacknowledged: int
    messages: int


class Unnamed(ResponseBody, frozen=True, kw_only=True):
    """What was said under the Chatham House Rule, which is counted for no side, and what is not acknowledged of it."""

    messages: int = 0
    unacknowledged: int = 0


class Ahead(ResponseBody, frozen=True, kw_only=True):
    """What is agreed, asked for or in force, from and to when."""

    matter: Matter
    from_: str = field(name="from")
    to: str
    place: str = ""


class ChannelStanding(ResponseBody, frozen=True, kw_only=True):
    """How the channel stands, in writing, since when and why."""

    status: str
    since: str = ""
    reason: Raw | UnsetType = UNSET
    profile: str
    binding: bool


class Situation(Report, frozen=True, kw_only=True):
    """The situation report: what stands, who has the watch, whether the line is there, what is owed by whom until when.

    `stands` are the open matters, the most urgent first, and `open_matters` how many
    there are. `quiet` says that nothing was sent, everything is acknowledged, nothing
    is overdue, no matter is open, every watch is manned, and the last check of the
    line, in the period, came back.
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
    left_off: int = 0


class PutAside(ResponseBody, frozen=True, kw_only=True):
    """A caution that the watch has shelved: which clock, in which exchange, why, by whom, and until when at the latest."""

    exchange: str
    number: str
    clock: str
    owed_by: str
    reason: str
    by: str
    until: str


class HandedOver(ResponseBody, frozen=True, kw_only=True):
    """A draft that an officer of the side has handed over: a second officer is to send or release it."""

    draft: str
    act: str
    author: str
    since: str


class TurnOver(Report, frozen=True, kw_only=True):
    """The note for the next watch of a side: what came since it was taken over, what is owed and awaited, and what is due next.

    `stands` are the open matters, the most urgent first, each with how the accounts of
    it stand. `said` are the messages of the period, oldest first. `drafts` wait for a
    second officer; they are told of the present moment only.
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
    since: tuple[Matter, ...]
    in_force: tuple[Ahead, ...]
    shelved: tuple[PutAside, ...] = ()
    silenced: int = 0
    silenced_last: str = ""
    stands: tuple[ReportedMatter, ...] = ()
    said: tuple[Urgent, ...] = ()
    drafts: tuple[HandedOver, ...] = ()
    left_off: int = 0


class Saying(ResponseBody, frozen=True, kw_only=True):
    """One act of an exchange: who said it when, what it says, and what each addressee did with it."""

    act: str
    side: str
    by: str
    time: str
    position: int
    content: dict[str, Raw]
    receipts: tuple[Receipt, ...] = ()


class Lapsed(ResponseBody, frozen=True, kw_only=True):
    """A limit that passed: who owed what until when, and when it came, if it did."""

    side: str
    clock: str
    due: str
    came: str = ""
    courtesy: bool = False
    matter: Matter


class ReadOut(ResponseBody, frozen=True, kw_only=True):
    """What a side, or all, said that a meeting was about."""

    side: str
    kind: str
    time: str
    topics: tuple[str, ...]
    text: Raw


class Met(ResponseBody, frozen=True, kw_only=True):
    """A meeting: when it was held, who was not there, and the readouts side by side, with the topics that not all have."""

    held: tuple[tuple[str, str], ...] = ()
    not_attended: tuple[str, ...] = ()
    readouts: tuple[ReadOut, ...] = ()
    no_readout: tuple[str, ...] = ()
    differ: bool = False
    differing_topics: tuple[str, ...] = ()


class RecordedExchange(ResponseBody, frozen=True, kw_only=True):
    """An exchange with everything that was said in it in the period."""

    matter: Matter
    said: tuple[Saying, ...]
    met: Met | None = None
    unanswered: tuple[Unanswered, ...] = ()
    notice: dict[str, str] = field(default_factory=dict)
    flags: tuple[FlagView, ...] = ()


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
    """What a side thinks should be done better next time."""

    side: str
    time: str
    text: Raw
    matter: Matter


class PeriodRecord(Report, frozen=True, kw_only=True):
    """The record of the period: everything that was said, by family, as each side said it."""

    families: tuple[FamilyRecord, ...]
    channel: tuple[ChannelAct, ...]
    perceptions: tuple[Issue, ...]
    lapses: tuple[Lapsed, ...]
    lessons: tuple[ReportsLesson, ...]
    statistics: Statistics


class Annual(ResponseBody, frozen=True, kw_only=True):
    """One of the yearly exchanges of one side: when it was given and until when it is owed, where a day is set; nil returns too."""

    side: str
    kind: str
    of_year: int
    due: str = ""
    given: str = ""
    nil_return: bool = False
    late_days: float | None = None
    matter: Matter | None = None


class Advised(ResponseBody, frozen=True, kw_only=True):
    """A recommendation, who stands behind it, and what became of it."""

    matter: Matter
    addressees: tuple[str, ...]
    text: Raw
    endorsed_by: tuple[str, ...]
    fate: str = ""


class Question(ResponseBody, frozen=True, kw_only=True):
    """The questions of a message that a side has not answered yet: their numbers, and their words."""

    asked_by: str
    side: str
    time: str
    numbers: tuple[int, ...]
    questions: tuple[Raw, ...]
    matter: Matter


class YearReview(Report, frozen=True, kw_only=True):
    """The pack for the yearly review: what was owed and given, what stays open, and how far plans and advice have come."""

    year: int
    statistics: Statistics
    annual: tuple[Annual, ...]
    encounters: tuple[Matter, ...]
    lapses: tuple[Lapsed, ...]
    roadmap: tuple[RoadmapArea, ...]
    recommendations: tuple[Advised, ...]
    perceptions: tuple[Issue, ...]
    lessons: tuple[ReportsLesson, ...]
    questions: tuple[Question, ...]
    left_off: int = 0


class Exceptional(ResponseBody, frozen=True, kw_only=True):
    """One exception: of which kind, by which side, at which position, under which matter, and what it was."""

    kind: str
    position: int
    side: str
    number: str = ""
    detail: str


class Checked(ResponseBody, frozen=True, kw_only=True):
    """One thing that was checked: what was found, and on whose word that rests."""

    check: str
    found: str
    word: str


class Receiving(ResponseBody, frozen=True, kw_only=True):
    """What was said to a side: how many messages, how many it has acknowledged, after how long, and how many it has not."""

    side: str
    messages: int
    acknowledged: int
    not_yet: int
    took: Spread | None = None


class Authority(ResponseBody, frozen=True, kw_only=True):
    """An officer: by office and roles, entered at which position by whom, with how many valid keys; until when, if revoked."""

    officer: str
    office: str
    roles: tuple[str, ...]
    since: int
    entered_by: str
    keys: int
    until: int | None = None


class FiveAnswers(Report, frozen=True, kw_only=True):
    """What an auditor asks first, on one page, as of a position.

    `whole`: is it whole, unaltered, until when, on whose word. `receiving` and
    `messages`: who knew what, when. `lapses`, `owed`, `blind`: what was owed and not
    done, on all sides, and when could nobody notice. `standing`, `stands`: what stands
    before the watch, and who has it. `authorities`, `exceptions`: who may authorise
    what, and which exceptions were made.
    """

    whole: tuple[Checked, ...]
    lie: str = ""
    receiving: tuple[Receiving, ...]
    messages: tuple[Urgent, ...]
    lapses: tuple[Lapsed, ...]
    owed: tuple[Due, ...]
    blindness: tuple[Blindness, ...]
    blind: tuple[Blind, ...]
    standing: tuple[ReportsStanding, ...]
    unnamed: Unnamed = field(default_factory=Unnamed)
    on_watch: dict[str, str] = field(default_factory=dict)
    unacknowledged: tuple[Urgent, ...]
    open_matters: int
    stands: tuple[ReportedMatter, ...]
    authorities: tuple[Authority, ...]
    kinds: dict[str, int]
    exceptions: tuple[Exceptional, ...]
    left_off: int = 0

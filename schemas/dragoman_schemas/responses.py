"""Bodies of the HTTP API, in both directions, except the acts themselves.

The service sends a `ResponseBody`. A client sends a `Shape`.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from dragoman_schemas.fields import Actor, Languages, Shape
from dragoman_schemas.problems import Problem

PersonLine = Annotated[str, Meta(min_length=1, max_length=200)]
Telephone = Annotated[str, Meta(pattern=r"^[0-9+()/. -]{2,40}$(?!\n)")]

Email = Annotated[str, Meta(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$(?!\n)")]


class ResponseBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A body that the service sends."""


class Standing(ResponseBody, frozen=True, kw_only=True):
    """The proof that a record has under the signed heads.

    `recorded`: it is in the log. `countersigned`: the witnesses of some sides have
    cosigned a head that covers it. `final`: the quorum of the policy has.
    """

    proof: Literal["recorded", "countersigned", "final"]
    countersigned_by: tuple[str, ...] = ()


class Recorded(ResponseBody, frozen=True, kw_only=True):
    """The result of a post: the record's place in the log, and its exchange.

    `exchange` is the one that the act opened or carried on. `one_key` says that one
    officer sent an act that takes two: a colleague's `second-key` is asked for.
    `standing` is the record's proof under the signed heads. It is present where the
    caller has waited for that proof.
    """

    channel: str
    position: int
    id: str
    exchange: str
    act: str
    family: str
    number: str = ""
    time: str
    commit: str
    etag: str
    one_key: bool = False
    standing: Standing | UnsetType = UNSET


class ActLine(Shape, frozen=True, kw_only=True):
    """One act of a request with many acts.

    With `exchange`, an id, the act carries that exchange on; otherwise it opens one. A
    signed act comes with the values of Dragoman-Key-Id and Dragoman-Signature in
    `key_id` and `signature`. A station names the officer who released it in
    `released_by`.
    """

    act: Raw
    key: str = ""
    exchange: str = ""
    if_match: str = ""
    key_id: str = ""
    signature: str = ""
    released_by: str = ""


class ActOutcome(ResponseBody, frozen=True, kw_only=True):
    """The outcome of one act of a request with many acts.

    `line` is its number in the request, from 1. It has `recorded` or `problem`, as the
    status says that a request with this act alone would have had. At a station it may
    have `kept` instead: the act waits for the host.
    """

    line: int
    status: int
    recorded: Recorded | UnsetType = UNSET
    replayed: bool = False
    problem: Problem | UnsetType = UNSET
    kept: "OutboxEntryView | UnsetType" = UNSET


class OutboxEntryView(ResponseBody, frozen=True, kw_only=True):
    """An act in the outbox of a station, on its way to the channel's host.

    `state` is `waiting`: it never left, and may be withdrawn. `unanswered`: it left,
    and may be recorded. `unsigned`: it continues an act that still waits. `returned`:
    it was refused, and `problem` says why. `ended`: it grew too old to be sent.
    `recorded`: it is in the log here, at `position`. `kept` is the time at which it
    came to the station, `left` the time of its first try.
    """

    channel: str
    id: str
    exchange: str
    act: str
    actor: str
    precedence: str
    state: str
    kept: str
    left: str = ""
    position: int = 0
    problem: Problem | UnsetType = UNSET


class OutboxView(ResponseBody, frozen=True, kw_only=True):
    """The outbox of a station for a channel, the oldest entry first.

    `cut` says that the host is not heard now. `last_known` is the time at which the
    copy here was last all that the host had. `doubt` says why nothing that the host
    shows is taken.
    """

    entries: tuple[OutboxEntryView, ...]
    host: str
    cut: bool
    last_known: str = ""
    doubt: str = ""


class Covered(ResponseBody, frozen=True, kw_only=True):
    """The positions up to which a log is countersigned.

    `sides` has the position that each side's witnesses have reached. `final` is the
    position up to which the log is final.
    """

    final: int = 0
    sides: dict[str, int] = {}


class Entry(ResponseBody, frozen=True, kw_only=True):
    """A record of the log as readers get it.

    A record that is not `valid` is void and has no effect; `reason` says why. `record`
    is the exact JSON of the log. `junk` has the bytes, in hex, of a message that is not
    a record.
    """

    position: int
    valid: bool
    reason: str = ""
    exchange: str = ""
    number: str = ""
    commit: str
    record: Raw | UnsetType = UNSET
    junk: str = ""


class Row(ResponseBody, frozen=True, kw_only=True):
    """One exchange in a list."""

    id: str
    number: str
    act: str
    family: str
    status: str
    side: str
    to: tuple[str, ...]
    precedence: str
    area: str
    subject: Raw
    opened: str
    updated: str
    position: int
    unacknowledged_by: tuple[str, ...] = ()
    unanswered_by: tuple[str, ...] = ()


class Facets(ResponseBody, frozen=True, kw_only=True):
    """The number of exchanges in a list, and in each group that a filter can select."""

    count: int
    family: dict[str, int]
    act: dict[str, int]
    status: dict[str, int]
    side: dict[str, int]
    area: dict[str, int]


class Rows(ResponseBody, frozen=True, kw_only=True):
    """A page of a list of exchanges.

    `next` is the cursor of the following page. `facets` are present where the request
    asked for them.
    """

    exchanges: tuple[Row, ...]
    position: int
    next: str = ""
    facets: Facets | None = None


class Cause(ResponseBody, frozen=True, kw_only=True):
    """A record, and the records of which it is the cause."""

    position: int
    id: str
    exchange: str
    act: str
    by: str
    time: str
    number: str = ""
    caused: tuple["Cause", ...] = ()


class Causes(ResponseBody, frozen=True, kw_only=True):
    """The tree of causes that contains a record, from the record that began it.

    `more` says that the tree is not complete.
    """

    position: int
    tree: Cause
    more: bool = False


class PassedOnTo(ResponseBody, frozen=True, kw_only=True):
    """A post to which a side says it passed a message on.

    `at` and `confirmed_at` are times by the side's own word; `said` is the time of the
    record that says so.
    """

    post: str
    at: str
    confirmed_at: str = ""
    said: str


class Fact(ResponseBody, frozen=True, kw_only=True):
    """The facts of one addressee about one message: delivered, acknowledged, answered.

    The three facts are kept apart. `delivered` is never later than `acknowledged`,
    since whoever acknowledges a message has it. `account` is the time at which the side
    gave its own account of the event that the message reports. By the rules such an
    account is not an answer, but the side has not been silent either. `passed_on` are
    the posts that the side says it told. `not_passed_on` are the posts of its onward
    list that it has not told: the message is acknowledged perhaps, and not passed on.
    """

    message: str
    side: str
    owes: bool
    delivered: str = ""
    acknowledged: str = ""
    answered: str = ""
    account: str = ""
    passed_on: tuple[PassedOnTo, ...] = ()
    not_passed_on: tuple[str, ...] = ()


class ReceiptTime(ResponseBody, frozen=True, kw_only=True):
    """The newest message of which a fact of receipt is known, and the fact's time."""

    message: str
    act: str
    time: str


class SideReceipt(ResponseBody, frozen=True, kw_only=True):
    """One side's receipts of every message of an exchange, in one row.

    `seen`, `acknowledged`, `passed_on` and `answered` are of the newest message for
    which the fact is known. An own account of an event counts as its answer. `waiting`
    counts the messages whose receipt the side still owes.
    """

    side: str
    seen: ReceiptTime | None = None
    acknowledged: ReceiptTime | None = None
    passed_on: ReceiptTime | None = None
    answered: ReceiptTime | None = None
    waiting: int = 0


class ClockView(ResponseBody, frozen=True, kw_only=True):
    """A deadline: the side that owes, the record that started it, and the times.

    `due` is the limit. `met` is the time at which the side met it. `ended` is the time
    at which the matter ended without that. An act that was said by other means before
    it was recorded met the deadline when it was said. A deadline is `binding` once
    every side has adopted the profile. Before that it is courtesy, and nothing lapses.
    `late` means that it was met after the limit, or that it is past the limit and not
    met.
    """

    clock: str
    side: str
    started_by: str
    begins: str
    due: str
    met: str = ""
    ended: str = ""
    binding: bool = False
    late: bool = False


class FlagView(ResponseBody, frozen=True, kw_only=True):
    """A point about an exchange that deserves attention, derived and never stored."""

    flag: str
    detail: str


AnswerKind = Literal[
    "agreed",
    "agreed_in_part",
    "agreed_earlier",
    "refused",
    "withdrew",
    "proposed_otherwise",
    "proposed",
    "ad_referendum",
    "second_key_due",
    "silent",
]
"""The kinds of answers to a text, to windows or to a request to come."""


class SideAnswer(ResponseBody, frozen=True, kw_only=True):
    """A side's newest answer to what it was asked, with its record.

    A `silent` side has no record. `reason` is that of a refusal or a withdrawal, where
    the side gave one.
    """

    side: str
    answer: AnswerKind
    time: str = ""
    position: int = 0
    reason: Raw | UnsetType = UNSET


class StatedValue(ResponseBody, frozen=True, kw_only=True):
    """One statement of a side on a member of an event, with its record.

    `change` says how it came: by the opening, an update, a correction, an amendment, an
    account, a final report or a retraction. `reason` and `known_since` are those of a
    correction or a retraction.
    """

    member: str
    side: str
    change: str
    value: Raw
    time: str
    position: int
    reason: Raw | UnsetType = UNSET
    known_since: str = ""


class AccountsDifference(ResponseBody, frozen=True, kw_only=True):
    """A member on which accounts differed: since which record, and until which one.

    `ended_by` is the side whose record ended it. A difference that stands has no end.
    """

    member: str
    sides: tuple[str, ...]
    begins: str
    begins_at: int
    ends: str = ""
    ends_at: int = 0
    ended_by: str = ""


class Link(ResponseBody, frozen=True, kw_only=True):
    """An exchange that refers to another."""

    exchange: str
    number: str
    act: str
    status: str
    kind: str = ""


class JoinedReport(ResponseBody, frozen=True, kw_only=True):
    """Another report of the same event, which is one matter with this one.

    `proposed_by` is the side that said so first. `agreed` is the time of the agreement,
    and is left out while nobody has agreed. An open matter names agreed ones alone, and
    has neither.
    """

    exchange: str
    number: str
    act: str
    side: str
    status: str
    subject: Raw
    proposed_by: str = ""
    agreed: str = ""


class ChannelLink(ResponseBody, frozen=True, kw_only=True):
    """An exchange of another channel that the reader's side is in.

    It is in the reader's own desk, or in the channel that the desk works on.
    """

    channel: str
    exchange: str
    number: str
    act: str
    status: str


class MeansTested(ResponseBody, frozen=True, kw_only=True):
    """The newest test of one means of a point of contact.

    It has the time, the side that tested, and the outcome.
    """

    means: str
    time: str
    side: str
    outcome: str


class PointView(ResponseBody, frozen=True, kw_only=True):
    """A point of contact: its role, and the means and hours by which it is reached.

    `person` and `deputy` are ids of the register of people. `stage` is announced,
    in_force, superseded or ended. `there_now` says whether somebody is there now, by
    the hours that were announced. `confirmed` is the time of the last confirmation.
    `means_text` has the words for means that are `other`.
    """

    side: str
    exchange: str
    number: str
    role: str
    institution: str
    person: str
    deputy: str = ""
    languages: tuple[str, ...]
    means: tuple[str, ...]
    means_text: Raw | UnsetType = UNSET
    hours: Raw
    stage: str
    acknowledged: bool = False
    there_now: bool = False
    opens: str = ""
    valid_from: str = ""
    valid_to: str = ""
    confirmed: str
    tested: tuple[MeansTested, ...] = ()


class PointsOfContact(ResponseBody, frozen=True, kw_only=True):
    """The points of contact of all sides, in the order in which they were announced."""

    points: tuple[PointView, ...]


class NextCall(ResponseBody, frozen=True, kw_only=True):
    """The next post to ring about an unacknowledged message.

    `tried` counts the calls so far.
    """

    point: PointView
    tried: int = 0


class Unattributed(ResponseBody, frozen=True, kw_only=True):
    """The name and the log position of an act under the Chatham House Rule."""

    act: str
    position: int


class UnattributedNotice(ResponseBody, frozen=True, kw_only=True):
    """A CloudEvent in place of a record under the Chatham House Rule.

    It has the record's id and exchange, and does not say who spoke.
    """

    specversion: Literal["1.0"]
    id: str
    source: str
    type: Literal["dragoman.unattributed.v1"]
    time: str
    datacontenttype: Literal["application/json"]
    channel: str
    subject: str
    data: Unattributed


class PersonEntry(Shape, frozen=True, kw_only=True):
    """A person, and the means to reach that person.

    The entry is in the register of people and nowhere else, and it can be erased. Where
    it names `readers` (`side/name`), only these officers of the other sides may read
    it.
    """

    name: PersonLine
    post: PersonLine | UnsetType = UNSET
    institution: PersonLine | UnsetType = UNSET
    telephones: Annotated[tuple[Telephone, ...], Meta(min_length=1, max_length=10)] | UnsetType = (
        UNSET
    )
    emails: Annotated[tuple[Email, ...], Meta(min_length=1, max_length=10)] | UnsetType = UNSET
    languages: Languages | UnsetType = UNSET
    note: Annotated[str, Meta(min_length=1, max_length=1_000)] | UnsetType = UNSET
    readers: Annotated[tuple[Actor, ...], Meta(min_length=1, max_length=100)] | UnsetType = UNSET


class PersonView(ResponseBody, frozen=True, kw_only=True):
    """An entry of the register of people.

    Acts name its id and its `commitment`, which is also its ETag. `random` has the 32
    bytes behind the commitment, in hex; only the response for a single entry has them.
    Of an erased entry only its id, its side and the times are left. A `sealed` entry is
    for officers whom the entering side has named, and the reader is not one of them.
    """

    id: str
    side: str
    revision: int
    commitment: str = ""
    entry: PersonEntry | UnsetType = UNSET
    random: str = ""
    created: str
    updated: str
    erased: bool = False
    sealed: bool = False


class Register(ResponseBody, frozen=True, kw_only=True):
    """A page of the register of people, without erased entries.

    `next` is the cursor of the following page.
    """

    people: tuple[PersonView, ...]
    next: str = ""


class FileView(ResponseBody, frozen=True, kw_only=True):
    """A file beside the log.

    `named` says that a valid act of the file's side names it. From then on every side
    may fetch it.
    """

    sha256: str
    side: str
    media_type: str = ""
    bytes: int = 0
    at: str
    named: bool = False
    arriving: bool = False
    erased: bool = False


class Files(ResponseBody, frozen=True, kw_only=True):
    """The files that the caller's side has stored here.

    `spare_bytes` is the size of those that no act names.
    """

    files: tuple[FileView, ...]
    spare_bytes: int


class PersonSeen(ResponseBody, frozen=True, kw_only=True):
    """A person whom an exchange names, as the register has them now.

    `entry` is the entry itself. `changed` says that the act names an earlier revision.
    `sealed` says that the entry is for officers who are named, and the reader is not
    one of them. `unavailable` says that the register cannot be read at present.
    """

    side: str = ""
    entry: PersonEntry | UnsetType = UNSET
    changed: bool = False
    sealed: bool = False
    erased: bool = False
    absent: bool = False
    unavailable: bool = False


class FileSeen(ResponseBody, frozen=True, kw_only=True):
    """A file that an exchange names: ready to fetch, erased, or never stored here.

    A file of another side may also be held while it is `scanning`, or for good where
    the scanner has `refused` it. `scanner` is the first line that the scanner wrote, or
    the reason for which the last scan failed.
    """

    there: bool = False
    scanning: bool = False
    refused: bool = False
    scanner: str = ""
    erased: bool = False
    absent: bool = False
    unavailable: bool = False


class Unanswered(ResponseBody, frozen=True, kw_only=True):
    """The numbers of a message's questions that a side has not answered."""

    message: str
    asked_by: str
    side: str
    time: str
    numbers: tuple[int, ...]


class Si(ResponseBody, frozen=True, kw_only=True):
    """A quantity in SI: metres, or metres a second."""

    value: float
    unit: Literal["m", "m/s"]


class Terms(ResponseBody, frozen=True, kw_only=True):
    """A text that a side may consent to.

    `act` is the act of consent, and `sha256` the digest that it must name as `terms`.
    `of` is the id of the translation or amendment, `side` the side whose agenda or
    readout it is.
    """

    act: str
    sha256: str
    of: str = ""
    side: str = ""


class ExchangeView(ResponseBody, frozen=True, kw_only=True):
    """An exchange at a position, with the facts of each addressee and its history.

    `receipts` has one row for each side that was addressed; `facts` has every fact.
    `blame` has, for each member, the record that set it. `subject` is the one that the
    opener gave, or an English sentence in its place. `stage` is the phase of the matter
    by its dates. `next_calls` are the posts to ring about a flash that is not
    acknowledged. `coded` is a coded message in full, by language. `phrases` are the
    ones that its records name, by key and language.

    `desk` lists the exchanges of the reader's own desk about this one. `about` is the
    exchange that a desk's exchange is about. Nobody else sees either. `si` has each
    quantity of the content in SI. Its keys are pointers to the quantity in the unit in
    which it was entered.

    `unanswered` are questions that nobody has answered yet. `notice` is the text that
    every message of the format shows, by language. `standing` is the proof of all of it
    under the signed heads. `people` and `files` say, by id and by SHA-256, what is
    there now of what the exchange names beside the log.

    `terms` are the digests that acts of consent must name. `amendment` is the id of the
    amendment that waits for an answer. `stated` and `differences` have what each side
    stated of an event, and where their accounts differed. `answers` say what each side
    answered to the text as it is. `signatories` are the sides that must consent to it.
    `represented` are the sides for which the opener spoke, and whether each has
    confirmed it. `joined` are the reports of other sides of the same event, agreed or
    proposed. `timeline` has the newest records, in the order of the log. Where
    there are earlier ones, `earlier` is the cursor of their page.
    """

    position: int
    as_of: str
    state: Raw
    subject: Raw
    facts: tuple[Fact, ...]
    receipts: tuple[SideReceipt, ...] = ()
    timeline: tuple[Entry, ...]
    blame: dict[str, int]
    allowed: tuple[str, ...]
    terms: tuple[Terms, ...] = ()
    amendment: str = ""
    answers: tuple[SideAnswer, ...] = ()
    stated: tuple[StatedValue, ...] = ()
    differences: tuple[AccountsDifference, ...] = ()
    signatories: tuple[str, ...] = ()
    represented: dict[str, bool] = {}
    clocks: tuple[ClockView, ...] = ()
    flags: tuple[FlagView, ...] = ()
    linked: tuple[Link, ...] = ()
    joined: tuple[JoinedReport, ...] = ()
    stage: str = ""
    next_calls: tuple[NextCall, ...] = ()
    coded: dict[str, str] = {}
    desk: tuple[ChannelLink, ...] = ()
    about: ChannelLink | None = None
    unanswered: tuple[Unanswered, ...] = ()
    si: dict[str, Si] = {}
    notice: dict[str, str] = {}
    phrases: dict[str, dict[str, str]] = {}
    people: dict[str, PersonSeen] = {}
    files: dict[str, FileSeen] = {}
    standing: Standing = Standing(proof="recorded")
    earlier: int = 0


class NewDraft(Shape, frozen=True, kw_only=True):
    """An act that is not released yet.

    `exchange` is the one that it carries on, `if_match` the ETag on which it rests.
    """

    act: Raw
    exchange: Annotated[str, Meta(pattern=r"^([0-9a-f-]{36})?$(?!\n)")] = ""
    if_match: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$(?!\n)")] = ""


class DraftView(ResponseBody, frozen=True, kw_only=True):
    """A draft of the caller's own side: its act, its author, and the officers it takes.

    `two_key` says that it takes two officers. `handed` is the time at which the author
    handed it to the colleagues who may send it.
    """

    id: str
    author: str
    act: Raw
    exchange: str = ""
    if_match: str = ""
    created: str
    updated: str
    two_key: bool = False
    handed: str = ""
    etag: str


class Drafts(ResponseBody, frozen=True, kw_only=True):
    """The drafts of the caller's own side, newest first."""

    drafts: tuple[DraftView, ...]


Means = Literal["webhook", "e-mail", "message"]
PageLanguage = Literal["en", "fr", "zh"]
"""The languages of the service's own texts."""

"""What the HTTP API answers and takes, beside the acts themselves."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from dragoman_schemas.act_frame import Precedence
from dragoman_schemas.fields import Actor, Languages, Shape

PersonLine = Annotated[str, Meta(min_length=1, max_length=200)]
Telephone = Annotated[str, Meta(pattern=r"^[0-9+()/. -]{2,40}$(?!\n)")]

Email = Annotated[str, Meta(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$(?!\n)")]


class ResponseBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A body that the service sends."""


class Standing(ResponseBody, frozen=True, kw_only=True):
    """How a record stands under the signed heads: recorded, countersigned by some sides' witnesses, or final by the policy's quorum."""

    proof: Literal["recorded", "countersigned", "final"]
    countersigned_by: tuple[str, ...] = ()


class Recorded(ResponseBody, frozen=True, kw_only=True):
    """What a post became: the record's place in the log, and the exchange that it opened or carried on.

    `one_key` says that one officer sent what takes two: a colleague's `second-key` is
    asked for. `standing` is how the record stands under the signed heads, where the
    caller has waited for that.
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


class Covered(ResponseBody, frozen=True, kw_only=True):
    """How far a log is countersigned: up to which position by each side's witnesses, and up to where it is final."""

    final: int = 0
    sides: dict[str, int] = {}


class Entry(ResponseBody, frozen=True, kw_only=True):
    """A record of the log as readers get it; what is not valid is void and has no effect.

    `record` is the exact JSON of the log, `junk` the bytes in hex of a message that is
    no record.
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
    """How many exchanges a list has in all, and of each kind that it could be narrowed to further."""

    count: int
    family: dict[str, int]
    act: dict[str, int]
    status: dict[str, int]
    side: dict[str, int]
    area: dict[str, int]


class Rows(ResponseBody, frozen=True, kw_only=True):
    """A page of a list; `next` is the cursor of the following page. With `facets`, where they are asked for."""

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
    """The tree of causes in which a record stands, from the matter with which it all began; `more` where it does not hold all."""

    position: int
    tree: Cause
    more: bool = False


class Fact(ResponseBody, frozen=True, kw_only=True):
    """The facts of one addressee about one message, kept apart: delivered, acknowledged, answered.

    `delivered` is never later than `acknowledged`, which proves it. `account` is when
    the side gave its own account of the event after a message that tells of it: no
    answer by the rules, and not silence either.
    """

    message: str
    side: str
    owes: bool
    delivered: str = ""
    acknowledged: str = ""
    answered: str = ""
    account: str = ""


class ClockView(ResponseBody, frozen=True, kw_only=True):
    """A time limit: who owes it, since which record, until when, and when it was met; or `ended` with the matter, not met.

    What was said otherwise before was met when it was said. `binding` where every side
    has adopted the profile; else it is courtesy, and nothing lapses. `late` is met
    after the limit, or not met and past it.
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
    """Something about an exchange that is worth a look, derived and never stored."""

    flag: str
    detail: str


class Link(ResponseBody, frozen=True, kw_only=True):
    """An exchange that refers to another."""

    exchange: str
    number: str
    act: str
    status: str
    kind: str = ""


class ChannelLink(ResponseBody, frozen=True, kw_only=True):
    """An exchange of another channel that the reader's side is in: of its desk, or of the channel that a desk works on."""

    channel: str
    exchange: str
    number: str
    act: str
    status: str


class MeansTested(ResponseBody, frozen=True, kw_only=True):
    """The newest test of one means of a point of contact: when, by which side, and what came of it."""

    means: str
    time: str
    side: str
    outcome: str


class PointView(ResponseBody, frozen=True, kw_only=True):
    """A point of contact: for what, when and how it is reached, whether somebody is there now, and when it was confirmed last.

    `person` and `deputy` are ids of the register of people. `stage` is announced,
    in_force, superseded or ended. `there_now` follows from the hours that were
    announced.
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
    """Whom to ring next about what is not acknowledged, and how often that was tried already."""

    point: PointView
    tried: int = 0


class SideWatch(ResponseBody, frozen=True, kw_only=True):
    """A side's watch: manned since when. Who has it, and where the turn-over note is read, is shown to the own side alone.

    A `note` that was recorded with the relief stands in the log, which both sides read.
    """

    side: str
    manned_since: str = ""
    officer: str = ""
    turn_over: str = ""
    note: Raw | UnsetType = UNSET


class LineView(ResponseBody, frozen=True, kw_only=True):
    """The state of a circuit by its newest checks: when it was echoed last, in how many seconds, and how many checks running.

    `with_errors` is whether that echo was not what had been sent.
    """

    circuit: str
    state: str
    checked: str = ""
    latency_s: float | None = None
    echoed_running: int = 0
    missed_running: int = 0
    with_errors: bool = False


class Noticed(ResponseBody, frozen=True, kw_only=True):
    """What is wrong with a side's own watch, since when, and whom the notice is for: first the deputies, then the head of office."""

    side: str
    kind: Literal["unarmed", "no_answer"]
    step: Literal["deputy", "head_of_office"]
    since: str


class WatchNotice(ResponseBody, frozen=True, kw_only=True):
    """A CloudEvent by which a side hears of its own watch: no alarm armed for two minutes, or no answer to a watch check. It is in no log."""

    specversion: Literal["1.0"]
    id: str
    source: Literal["/services/watch"]
    type: Literal["dragoman.watch-notice.v1"]
    time: str
    datacontenttype: Literal["application/json"]
    channel: str
    data: Noticed


class Unattributed(ResponseBody, frozen=True, kw_only=True):
    """Which act was recorded under the Chatham House Rule, and at which position the log has it."""

    act: str
    position: int


class UnattributedNotice(ResponseBody, frozen=True, kw_only=True):
    """A CloudEvent that stands for a record under the Chatham House Rule: it has the record's id and exchange, and does not say who spoke."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: Literal["dragoman.unattributed.v1"]
    time: str
    datacontenttype: Literal["application/json"]
    channel: str
    subject: str
    data: Unattributed


class Alarm(ResponseBody, frozen=True, kw_only=True):
    """What must be seen at once: `flash_unacknowledged`, `undelivered`, `line_degraded`, `watch_unmanned`.

    `side` is the one from which something is awaited. A flash is repeated every minute,
    and `reaches` further officers with time. `message`, `record`, `act` and `by` are of
    the message that is awaited, which need not be the one that opened the exchange, and
    `said` are the members of that record.
    """

    alarm: str
    side: str = ""
    exchange: str = ""
    number: str = ""
    message: str = ""
    record: int = 0
    act: str = ""
    by: str = ""
    said: dict[str, Raw] = {}
    since: str = ""
    repeats: int = 0
    reaches: tuple[str, ...] = ()
    detail: str


class DueClock(ResponseBody, frozen=True, kw_only=True):
    """A clock of an exchange that has not been met."""

    exchange: str
    number: str
    clock: ClockView


class WatchView(ResponseBody, frozen=True, kw_only=True):
    """What a watch looks at: who has it, the line, what must not wait, and what is due next on any side."""

    position: int
    sides: tuple[SideWatch, ...]
    lines: tuple[LineView, ...]
    alarms: tuple[Alarm, ...]
    due: tuple[DueClock, ...]


class PersonEntry(Shape, frozen=True, kw_only=True):
    """Somebody, and how to reach them. It stands in the register of people and nowhere else, and can be erased.

    Where `readers` are named, of the other sides nobody reads it but these officers
    (`side/name`).
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
    """An entry of the register of people. What acts name is its id and its `commitment`, which is also its ETag.

    `random` are the 32 bytes behind the commitment, in hex, given with a single entry
    alone. Of an erased entry nothing is left but its id, its side and the times. One
    that is `sealed` is for officers whom the entering side has named, and not for the
    reader.
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
    """A page of the register of people, without those erased; `next` is the cursor of the following page."""

    people: tuple[PersonView, ...]
    next: str = ""


class FileView(ResponseBody, frozen=True, kw_only=True):
    """A file beside the log. `named` once a valid act of its side names it: from then on every side may fetch it."""

    sha256: str
    side: str
    media_type: str = ""
    bytes: int = 0
    at: str
    named: bool = False
    arriving: bool = False
    erased: bool = False


class Files(ResponseBody, frozen=True, kw_only=True):
    """The files that the caller's side has put here, and how many bytes of them no act names."""

    files: tuple[FileView, ...]
    spare_bytes: int


class PersonSeen(ResponseBody, frozen=True, kw_only=True):
    """Somebody whom an exchange names, as the register has them now: the entry, or what became of it.

    `changed` where an act names an earlier revision; `sealed` where it is for named
    officers, and not for the reader. `unavailable` where the register cannot be asked
    at present.
    """

    side: str = ""
    entry: PersonEntry | UnsetType = UNSET
    changed: bool = False
    sealed: bool = False
    erased: bool = False
    absent: bool = False
    unavailable: bool = False


class FileSeen(ResponseBody, frozen=True, kw_only=True):
    """A file that an exchange names: there to be fetched, erased, or never put here."""

    there: bool = False
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
    """A text that may be consented to: the act, the translation or amendment `of` which it is, whose agenda, and the digest to name as `terms`."""

    act: str
    sha256: str
    of: str = ""
    side: str = ""


class ExchangeView(ResponseBody, frozen=True, kw_only=True):
    """An exchange at a position: its state, what each addressee has done, how it came about, and which record set what.

    `subject` is the one that its opener gave, or the sentence in English that stands
    for one. `stage` is where it stands in time by its dates. `next_calls` is whom to
    ring about a flash that is not acknowledged. `coded` is a coded message in full, by
    language, and `phrases` are those that its records name, by key and language. `desk`
    is what the reader's own desk has about it, and `about` what a desk's exchange is
    about; nobody else sees either. `si` has each quantity of the content in SI, by a
    pointer to where it stands in the unit in which it was entered. `unanswered` are
    questions that nobody answered yet, and `notice` is what such a message says on its
    face, by language. `standing` is how all of it stands under the signed heads.
    `people` and `files` say of whom and of what it names beside the log what is there
    now, by id and by SHA-256. `terms` are the digests that acts of consent have to
    name, `amendment` the id of the one that waits for an answer, and `behind` are the
    sides that have consented to the text as it is. `timeline` has the newest records,
    the oldest of them first; where there are earlier ones, `earlier` is the cursor of
    their page.
    """

    position: int
    as_of: str
    state: Raw
    subject: Raw
    facts: tuple[Fact, ...]
    timeline: tuple[Entry, ...]
    blame: dict[str, int]
    allowed: tuple[str, ...]
    terms: tuple[Terms, ...] = ()
    amendment: str = ""
    behind: tuple[str, ...] = ()
    clocks: tuple[ClockView, ...] = ()
    flags: tuple[FlagView, ...] = ()
    linked: tuple[Link, ...] = ()
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


class Count(ResponseBody, frozen=True, kw_only=True):
    """How many exchanges of a family have a status."""

    family: str
    status: str
    exchanges: int


class Owed(ResponseBody, frozen=True, kw_only=True):
    """What a side has open: messages that it has not acknowledged, exchanges that it has not answered."""

    side: str
    unacknowledged: int
    unanswered: int
    delivered: int = 0


class Owing(ResponseBody, frozen=True, kw_only=True):
    """Something that a side owes in an exchange, and the record that asks for it; `due` is left out where there is no limit."""

    clock: str
    side: str
    due: str = ""
    begins: str = ""
    started_by: str
    binding: bool = False


class OpenMatter(ResponseBody, frozen=True, kw_only=True):
    """An exchange that is not settled: what, where, since when, who has it, how the accounts stand, and what is owed, the next first.

    `acknowledged` is when each side acknowledged the newest that was said to it; a side
    in `unacknowledged_by` must still do so. `accounts` is left out where only one side
    has given its account; `beside`, where others have and no point differs that can be
    compared; `differ`, on the points in `differing`; `agreed`, once the sides have
    agreed on the facts.
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
    acknowledged: dict[str, str] = {}
    unacknowledged_by: tuple[str, ...] = ()
    accounts: Literal["", "beside", "differ", "agreed"] = ""
    accounts_by: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    owed: tuple[Owing, ...] = ()


class LiaisonState(ResponseBody, frozen=True, kw_only=True):
    """The liaison state of a channel at a position, and the digest of all of it.

    `open_matters` are the most urgent first. `open_matters_left_off` is how many
    exchanges more may be open, where the list has not all.
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
    """A member that is not what it was, by a JSON pointer into the state; `was` or `now` is left out where there was, or is, none."""

    pointer: str
    was: Raw | UnsetType = UNSET
    now: Raw | UnsetType = UNSET


class Changed(ResponseBody, frozen=True, kw_only=True):
    """An exchange that was opened or carried on: by the records at which positions, its status before and now, and what changed."""

    exchange: str
    number: str
    act: str
    status: str
    was: str = ""
    positions: tuple[int, ...]
    changes: tuple[Change, ...] = ()


class Difference(ResponseBody, frozen=True, kw_only=True):
    """What changed after a position, up to another: the exchanges in the order of their openings, and the channel itself."""

    from_: int = field(name="from")
    to: int
    exchanges: tuple[Changed, ...]
    channel: tuple[Change, ...] = ()


class NewDraft(Shape, frozen=True, kw_only=True):
    """An act that is not released yet; `exchange` is the one that it carries on, `if_match` the ETag on which it rests."""

    act: Raw
    exchange: Annotated[str, Meta(pattern=r"^([0-9a-f-]{36})?$(?!\n)")] = ""
    if_match: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$(?!\n)")] = ""


class DraftView(ResponseBody, frozen=True, kw_only=True):
    """A draft of the caller's own side: what it would say, who wrote it, and how many officers it takes.

    `handed` is when its author handed it to the colleagues who may send it.
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
    """The drafts of the caller's own side, the newest first."""

    drafts: tuple[DraftView, ...]


Means = Literal["webhook", "e-mail"]
PageLanguage = Literal["en", "fr", "zh"]
"""The languages in which the service speaks."""

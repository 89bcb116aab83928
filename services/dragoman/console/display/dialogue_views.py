"""Views of the dialogue between the sides, as values read from exchanges.

They add no word of the service's own. A time is the sender's own date, or else the time
when it was communicated or recorded.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import consent
from dragoman.domain.acts.families import dialogue, release
from dragoman.domain.acts.families.exchange import JOINT
from dragoman.domain.views.answers import answers
from dragoman.domain.views.attribution import unattributed
from dragoman.domain.views.titles import subject_of
from dragoman.i18n.words import as_moment
from dragoman_schemas.fields import Words as Deliverable
from dragoman_schemas.responses import Link, SideAnswer
from dragoman_schemas.state import Exchange, Said, Stamp


class SaidBy(Struct, frozen=True, kw_only=True):
    """The author of a statement: side, time and position of the record."""

    side: str
    time: str
    position: int


class SideText(SaidBy, frozen=True, kw_only=True):
    """A side's statement in its own words."""

    text: Raw


class RoadmapStep(Struct, frozen=True, kw_only=True):
    """A status of an item of the roadmap: its time, and the position of its record.

    `ahead` is the time of a scheduled event that is still to come.
    """

    status: str
    time: str
    position: int
    ahead: str = ""


class RoadItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An item of the roadmap: its status, its history, its period and its exchanges.

    `answers` are those of the sides while not every side agrees to it.
    """

    area: str
    exchange: str
    number: str
    side: str
    status: str
    since: str
    proposed: str
    text: Raw
    deliverable: Deliverable
    track: str = ""
    host: str = ""
    owners: dict[str, str] = {}
    topics: tuple[str, ...] = ()
    begins: str = ""
    ends: str = ""
    steps: tuple[RoadmapStep, ...]
    linked: tuple[Link, ...] = ()
    answers: tuple[SideAnswer, ...] = ()


class Restated(SideText, frozen=True, kw_only=True, omit_defaults=True):
    """A side's view in another side's words, and that side's verdict on its fairness.

    The verdict is of the side that holds the view.
    """

    verdict: str = ""
    judged: SaidBy | UnsetType = UNSET


class Column(SaidBy, frozen=True, kw_only=True, omit_defaults=True):
    """One side's view of an issue, and the other sides' restatements of it.

    Only the newest restatement of each side is included. `before` are the side's
    earlier views.
    """

    exchange: str
    number: str
    status: str
    own_view: Raw
    your_view: Raw | UnsetType = UNSET
    wanted_outcome: Raw | UnsetType = UNSET
    restated: tuple[Restated, ...] = ()
    earlier: int = 0
    before: tuple[SideText, ...] = ()


class IssueView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An issue as each side sees it.

    `offered` are the texts that some sides, but not all, call common ground.
    """

    exchange: str
    issue: Raw
    columns: tuple[Column, ...]
    no_statement: tuple[str, ...]
    common_ground: Raw | UnsetType = UNSET
    offered: tuple[SideText, ...] = ()


class FateLine(SaidBy, frozen=True, kw_only=True, omit_defaults=True):
    """The fate of a recommendation at one official side, by the word of a side here.

    `official` is the official side, which need not be a side of the channel. It is
    empty for a fate of the matter as a whole. `side` recorded it.
    """

    official: str = ""
    result: str
    taken_up_as: str = ""


class Advice(SaidBy, frozen=True, kw_only=True, omit_defaults=True):
    """A recommendation, the sides that endorse it, and its fate by official side."""

    exchange: str
    number: str
    status: str
    area: str
    addressees: tuple[str, ...]
    text: Raw
    arguments: Raw | UnsetType = UNSET
    endorsed: tuple[str, ...] = ()
    fates: tuple[FateLine, ...] = ()


class ReleaseLine(SaidBy, frozen=True, kw_only=True):
    """A release in a list: its time of publication, and what each side answered.

    `public` is true where it is public now, `for_members` where it never will be. `out`
    is true where its bundle is given out.
    """

    exchange: str
    number: str
    status: str
    title: Raw
    records: int
    publish_at: str
    public: bool
    for_members: bool
    out: bool
    answers: tuple[SideAnswer, ...]


class PublicLineView(SaidBy, frozen=True, kw_only=True):
    """A public line in a list: a statement that a side will make.

    The side makes it by itself or only if asked, and not before a time.
    """

    exchange: str
    number: str
    status: str
    line: Raw
    use: str
    not_before: str


class Document(SaidBy, frozen=True, kw_only=True):
    """A document that the sides discuss, and each side's statement on it."""

    exchange: str
    number: str
    issuer: str
    title: str
    date: str
    passages: tuple[Raw, ...]
    reactions: tuple[SideText, ...]


class Learnt(Struct, frozen=True, kw_only=True):
    """A lesson, and the exchange from which it was learnt.

    Under the Chatham House Rule it has no side.
    """

    side: str
    time: str
    position: int
    text: Raw
    exchange: str
    number: str
    subject: Raw


class ProgrammeView(SaidBy, frozen=True, kw_only=True, omit_defaults=True):
    """Contacts between people of the sides: kind, period and numbers of people."""

    exchange: str
    number: str
    status: str
    kind: str
    host: str
    title: str = ""
    from_: str = msgspec.field(name="from", default="")
    to: str = ""
    planned: int | None = None
    actual: int | None = None


class MeetingOnLine(Struct, frozen=True, kw_only=True):
    """A meeting on the line of years."""

    exchange: str
    number: str
    kind: str
    status: str
    time: str
    venue: str


# Reading exchanges


def time_of(stamp: Stamp, content: dict[str, Raw]) -> str:
    """Return the time of a statement.

    It is the sender's own date, or else the time when it was communicated or recorded.
    """
    return read(content, "dtg") or stamp.when


def read(content: dict[str, Raw], name: str, default: Any = "") -> Any:
    """Return a member of an act, or the default where the act does not have it."""
    return msgspec.json.decode(bytes(content[name])) if name in content else default


def author_of(statement: Said) -> dict[str, Any]:
    """Return the author, the time and the position of a statement."""
    return {
        "side": statement.said.side,
        "time": time_of(statement.said, statement.content),
        "position": statement.said.position,
    }


def exchange_facts(state: Exchange) -> dict[str, Any]:
    """Return the facts of an exchange that every part of the dialogue shows."""
    return {
        "exchange": state.id,
        "number": state.number,
        "side": state.side,
        "time": time_of(state.opened, state.content),
        "position": state.opened.position,
    }


def roadmap_item(state: Exchange, links: tuple[Link, ...], now: datetime) -> RoadItem:
    """Return an item of the roadmap."""
    steps = tuple(_steps(state, now))
    period = read(state.content, "period", {})
    return RoadItem(
        area=state.area,
        exchange=state.id,
        number=state.number,
        side=state.side,
        status=state.status,
        since=steps[-1].time,
        proposed=steps[0].time,
        text=state.content["text"],
        deliverable=read(state.content, "deliverable"),
        track=read(state.content, "track"),
        host=read(state.content, "host"),
        owners=read(state.content, "owners", {}),
        topics=tuple(read(state.content, "topics", ())),
        begins=period.get("from", ""),
        ends=period.get("to", ""),
        steps=steps,
        linked=links,
        answers=tuple(answers(state).values()) if state.status in ("proposed", "refused") else (),
    )


def _steps(state: Exchange, now: datetime) -> Iterator[RoadmapStep]:
    """Yield the statuses of an item, in their order."""
    yield RoadmapStep(
        status="proposed", time=time_of(state.opened, state.content), position=state.opened.position
    )
    agreed: set[str] = set()
    names, back = consent.parties(state) - {state.side}, consent.withdrawn(state)
    adoptions = state.acts.get("adoption", ()) if state.status == "adopted" else ()
    changes = [
        *state.acts.get("agreement", ()),
        *state.acts.get("status-change", ()),
        *(replace(item, content={"status": _ADOPTED}) for item in adoptions[-1:]),
    ]
    # A joint step, and the sides that have said it so far, one after the other.
    saying: tuple[str, frozenset[str]] = ("", frozenset())
    for change in sorted(changes, key=lambda entry: entry.said.position):
        status = read(change.content, "status", "agreed")
        if status == "agreed":
            before = agreed >= names
            agreed |= {change.said.side} if change.id not in back else set()
            if before or not agreed >= names:
                continue
        else:
            saying = (
                status,
                (saying[1] if saying[0] == status else frozenset()) | {change.said.side},
            )
            if status in JOINT and not saying[1] >= consent.parties(state):
                continue
        yield (
            _scheduled(state, change, now)
            if status == "scheduled"
            else _step(status, change.said, change.content)
        )
    if state.cancellation is not None:
        yield _step("cancelled", state.cancellation.cancelled, {})
    elif state.closed is not None:
        yield _step("closed", state.closed, {})


_ADOPTED: Final = Raw(b'"adopted"')


def _step(status: str, stamp: Stamp, content: dict[str, Raw]) -> RoadmapStep:
    return RoadmapStep(status=status, time=time_of(stamp, content), position=stamp.position)


def _scheduled(state: Exchange, change: Said, now: datetime) -> RoadmapStep:
    """Return the step `scheduled`, with the time of an event that is still to come."""
    begins = read(state.content, "period", {}).get("from", "")
    if begins and state.status == "scheduled" and as_moment(begins) > now:
        return RoadmapStep(
            status="scheduled",
            time=time_of(change.said, change.content),
            position=change.said.position,
            ahead=begins,
        )
    return _step("scheduled", change.said, change.content)


def meeting_on_line(state: Exchange) -> MeetingOnLine:
    """Return a meeting on the line of years."""
    meeting = state.meeting
    text = meeting.held[-1].from_ if meeting is not None and meeting.held else ""
    windows = read(state.present, "windows", [])
    accepted = (
        next((entry.terms for entry in meeting.accepted.values()), None)
        if meeting is not None
        else None
    )
    terms = msgspec.json.decode(bytes(accepted)) if accepted is not None else None
    first = terms if isinstance(terms, dict) else windows[0] if windows else {}
    return MeetingOnLine(
        exchange=state.id,
        number=state.number,
        kind=read(state.content, "kind"),
        status="held" if text else state.status,
        time=text or first.get("from", "") or state.opened.when,
        venue=read(state.present, "venue"),
    )


def issues(stated: Iterable[Exchange], sides: Sequence[str]) -> Iterator[IssueView]:
    """Yield the issues in order of their first exchange, with every side's views.

    Each side has its newest view, and the views before it.
    """
    for issue in dialogue.issues(stated):
        views = {side: exchanges for side in sides if (exchanges := issue.of(side))}
        newest_views = [view[0] for view in views.values()]
        grounds = [
            element for state in newest_views for element in state.acts.get("common-ground", ())
        ]
        common = issue.common_ground(sides)
        newest = {
            ground.said.side: ground
            for ground in sorted(grounds, key=lambda entry: entry.said.position)
        }
        yield IssueView(
            exchange=issue.id,
            issue=issue.title,
            columns=tuple(_column(views[side]) for side in sides if side in views),
            no_statement=tuple(side for side in sides if side not in views),
            common_ground=common,
            offered=()
            if common is not UNSET
            else tuple(_text(element) for element in newest.values()),
        )


def _text(statement: Said) -> SideText:
    return SideText(**author_of(statement), text=statement.content["text"])


def _column(views: Sequence[Exchange]) -> Column:
    """Return a side's column: its newest view, restatements and earlier views."""
    state, *_ = views
    restatements = state.acts.get("restatement", ())
    newest = {restatement.said.side: restatement for restatement in restatements}
    return Column(
        **exchange_facts(state),
        status=state.status,
        own_view=state.content["own_view"],
        your_view=state.content.get("your_view", UNSET),
        wanted_outcome=state.content.get("wanted_outcome", UNSET),
        restated=tuple(_restated(state, entry, restatements) for entry in newest.values()),
        earlier=len(restatements) - len(newest),
        before=tuple(
            SideText(
                side=state.side,
                time=value.told.when,
                position=value.told.position,
                text=value.value,
            )
            for _, value in dialogue.said_before(views)
        ),
    )


def _restated(state: Exchange, restatement_of_side: Said, restatements: Sequence[Said]) -> Restated:
    """Return a restatement with the verdict on it.

    A verdict counts for the last restatement before it, and for the view as it is now.
    """
    verdicts = consent.counting(state, ("fairness",), consent.view(state, restatement_of_side))
    following = min(
        (
            restatement.said.position
            for restatement in restatements
            if restatement.said.position > restatement_of_side.said.position
        ),
        default=None,
    )
    judged = [
        entry
        for entry in verdicts
        if entry.said.position > restatement_of_side.said.position
        and (following is None or entry.said.position < following)
    ]
    verdict = judged[-1] if judged else None
    return Restated(
        **author_of(restatement_of_side),
        text=restatement_of_side.content["text"],
        verdict="" if verdict is None else read(verdict.content, "result"),
        judged=UNSET if verdict is None else SaidBy(**author_of(verdict)),
    )


def advice(state: Exchange) -> Advice:
    """Return a recommendation."""
    endorsed = [state.side, *sorted(consent.agreed(state) - {state.side})]
    return Advice(
        **exchange_facts(state),
        status=state.status,
        area=state.area,
        addressees=tuple(read(state.content, "addressees")),
        text=state.content["text"],
        arguments=state.content.get("arguments", UNSET),
        endorsed=tuple(dict.fromkeys(endorsed)),
        fates=tuple(fates(state)),
    )


def fates(state: Exchange) -> Iterator[FateLine]:
    """Yield the newest fate of a recommendation at each official side."""
    for official, item in dialogue.newest_fates(state).items():
        yield FateLine(
            **author_of(item),
            official=official,
            result=read(item.content, "result"),
            taken_up_as=read(item.content, "taken_up_as"),
        )


def release_line(state: Exchange, now: datetime) -> ReleaseLine:
    """Return a release as a line of a list."""
    return ReleaseLine(
        **exchange_facts(state),
        status=state.status,
        title=state.content["title"],
        records=len(release.records_of(state)),
        publish_at=read(state.content, "publish_at"),
        public=release.is_public(state, now),
        for_members=release.is_for_members(state),
        out=release.is_out(state, now),
        answers=tuple(answers(state).values()),
    )


def public_line(state: Exchange) -> PublicLineView:
    """Return a public line, as a line of a list."""
    return PublicLineView(
        **exchange_facts(state),
        status=state.status,
        line=state.content["line"],
        use=read(state.content, "use"),
        not_before=read(state.content, "not_before"),
    )


def document(state: Exchange) -> Document:
    """Return a reference document."""
    content = state.content
    return Document(
        **exchange_facts(state),
        issuer=read(content, "issuer"),
        title=read(content, "title"),
        date=read(content, "date"),
        passages=tuple(msgspec.json.decode(bytes(content["passages"]), type=list[Raw])),
        reactions=tuple(_text(entry) for entry in state.acts.get("reaction", ())),
    )


def lesson(state: Exchange, lesson: Said) -> Learnt:
    """Return a lesson."""
    unnamed = unattributed(state)
    return Learnt(
        side="" if unnamed else lesson.said.side,
        time=time_of(lesson.said, lesson.content),
        position=lesson.said.position,
        text=lesson.content["text"],
        exchange=state.id,
        number="" if unnamed else state.number,
        subject=subject_of(state),
    )


def programme(state: Exchange) -> ProgrammeView:
    """Return a programme of contacts between people."""
    content = state.content
    period = read(content, "period", {})
    return ProgrammeView(
        **exchange_facts(state),
        status=state.status,
        kind=read(content, "kind"),
        host=read(content, "host"),
        title=read(content, "title"),
        from_=period.get("from", ""),
        to=period.get("to", ""),
        planned=read(content, "planned", None),
        actual=read(content, "actual", None),
    )

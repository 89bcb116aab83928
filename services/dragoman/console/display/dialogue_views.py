"""What the sides said to each other in the dialogue, as values: read from exchanges as they stood, without a word of our own.

A time is the one by which the sender dates what is said, else when it was told or
recorded.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman.domain.acts import consent, developments
from dragoman.domain.acts.families import dialogue, release
from dragoman.domain.acts.families.exchange import JOINT
from dragoman.domain.views.attribution import unattributed
from dragoman.domain.views.titles import subject_of
from dragoman.i18n.words import as_moment
from dragoman_schemas.responses import Link
from dragoman_schemas.state import Exchange, Said, Stamp


class SaidBy(Struct, frozen=True, kw_only=True):
    """Who said so, when, in which record."""

    side: str
    time: str
    position: int


class SideText(SaidBy, frozen=True, kw_only=True):
    """What a side said, in its own words."""

    text: Raw


class RoadmapStep(Struct, frozen=True, kw_only=True):
    """A status of an item of the roadmap, since when, by which record; `ahead` is when what is scheduled is to be."""

    status: str
    time: str
    position: int
    ahead: str = ""


class RoadItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An item of the roadmap: how far it is, how it came there, its period, and every exchange that belongs to it."""

    area: str
    exchange: str
    number: str
    side: str
    status: str
    since: str
    proposed: str
    text: Raw
    deliverable: str
    track: str = ""
    host: str = ""
    topics: tuple[str, ...] = ()
    begins: str = ""
    ends: str = ""
    steps: tuple[RoadmapStep, ...]
    linked: tuple[Link, ...] = ()


class Restated(SideText, frozen=True, kw_only=True, omit_defaults=True):
    """A side's view in another side's words, and whether the one whose view it is calls that fair."""

    verdict: str = ""
    judged: SaidBy | UnsetType = UNSET


class Column(SaidBy, frozen=True, kw_only=True, omit_defaults=True):
    """One side's view of an issue, and how the others restate it; of several restatements of a side the newest. `before` are its earlier views."""

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
    """An issue as each side sees it. `offered` are the texts that a side holds to be common ground, while not all do."""

    exchange: str
    issue: Raw
    columns: tuple[Column, ...]
    no_statement: tuple[str, ...]
    common_ground: Raw | UnsetType = UNSET
    offered: tuple[SideText, ...] = ()


class Advice(SaidBy, frozen=True, kw_only=True, omit_defaults=True):
    """A recommendation, who stands behind it, and what became of it as each side says."""

    exchange: str
    number: str
    status: str
    area: str
    addressees: tuple[str, ...]
    text: Raw
    arguments: Raw | UnsetType = UNSET
    endorsed: tuple[str, ...] = ()
    fates: dict[str, str] = {}


class ReportLine(SaidBy, frozen=True, kw_only=True):
    """A joint report in a list."""

    exchange: str
    number: str
    status: str
    title: str
    paragraphs: int
    endorsed: int
    dissents: int


class ReleaseLine(SaidBy, frozen=True, kw_only=True):
    """A release in a list: from when it is public, whether it is now, and the sides that have not consented."""

    exchange: str
    number: str
    status: str
    title: Raw
    records: int
    publish_at: str
    public: bool
    missing: tuple[str, ...]


class PublicLineView(SaidBy, frozen=True, kw_only=True):
    """A public line in a list: what a side will say, by itself or only if asked, and not before a time."""

    exchange: str
    number: str
    status: str
    line: Raw
    use: str
    not_before: str


class Document(SaidBy, frozen=True, kw_only=True):
    """A document that the sides speak about, and what each said to it."""

    exchange: str
    number: str
    issuer: str
    title: str
    date: str
    passages: tuple[Raw, ...]
    reactions: tuple[SideText, ...]


class Learnt(Struct, frozen=True, kw_only=True):
    """A lesson, and the exchange from which it was learnt. Under the Chatham House Rule it has no side."""

    side: str
    time: str
    position: int
    text: Raw
    exchange: str
    number: str
    subject: Raw


class ProgrammeView(SaidBy, frozen=True, kw_only=True, omit_defaults=True):
    """Contacts between people of the sides: which, when, how many."""

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


class Dissented(SideText, frozen=True, kw_only=True):
    """How a side sees a paragraph; it `stands` unless the side endorsed the paragraph since."""

    stands: bool


class Endorsed(SaidBy, frozen=True, kw_only=True):
    """A side stands behind a paragraph; `before` where its text was changed since."""

    before: bool


class ParagraphView(Struct, frozen=True, kw_only=True):
    """A paragraph, its number from 1, who stands behind it, who sees it otherwise and how, and who has said nothing of it."""

    number: int
    text: Raw
    endorsed: tuple[Endorsed, ...]
    dissents: tuple[Dissented, ...]
    silent: tuple[str, ...]


# From exchanges


def when(stamp: Stamp, content: dict[str, Raw]) -> str:
    """Return when something was said as its sender dates it, else as it was told or recorded."""
    return read(content, "dtg") or stamp.when


def read(content: dict[str, Raw], name: str, default: Any = "") -> Any:
    """Return a member of an act; the default where it is not there."""
    return msgspec.json.decode(bytes(content[name])) if name in content else default


def told(said: Said) -> dict[str, Any]:
    """Return who said something, when, in which record."""
    return {
        "side": said.said.side,
        "time": when(said.said, said.content),
        "position": said.said.position,
    }


def opened(state: Exchange) -> dict[str, Any]:
    """Return what every part of the dialogue says of its exchange."""
    return {
        "exchange": state.id,
        "number": state.number,
        "side": state.side,
        "time": when(state.opened, state.content),
        "position": state.opened.position,
    }


def item(state: Exchange, links: tuple[Link, ...], now: datetime) -> RoadItem:
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
        topics=tuple(read(state.content, "topics", ())),
        begins=period.get("from", ""),
        ends=period.get("to", ""),
        steps=steps,
        linked=links,
    )


def _steps(state: Exchange, now: datetime) -> Iterator[RoadmapStep]:
    """Yield the statuses that an item came to, in their order."""
    yield RoadmapStep(
        status="proposed", time=when(state.opened, state.content), position=state.opened.position
    )
    agreed: set[str] = set()
    names, back = {*state.to, *state.info}, consent.withdrawn(state)
    changes = [*state.acts.get("agreement", ()), *state.acts.get("status-change", ())]
    saying: tuple[str, frozenset[str]] = (
        "",
        frozenset(),
    )  # a joint step, and who has said it so far, one after the other
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
    elif state.status == "closed":
        yield _step("closed", max(state.closures.values(), key=lambda stamp: stamp.position), {})


def _step(status: str, stamp: Stamp, content: dict[str, Raw]) -> RoadmapStep:
    return RoadmapStep(status=status, time=when(stamp, content), position=stamp.position)


def _scheduled(state: Exchange, said: Said, now: datetime) -> RoadmapStep:
    """Scheduled says for when, as long as that is to come and nothing came of it yet."""
    begins = read(state.content, "period", {}).get("from", "")
    if begins and state.status == "scheduled" and as_moment(begins) > now:
        return RoadmapStep(
            status="scheduled",
            time=when(said.said, said.content),
            position=said.said.position,
            ahead=begins,
        )
    return _step("scheduled", said.said, said.content)


def met(state: Exchange) -> MeetingOnLine:
    """Return a meeting."""
    meeting = state.meeting
    text = meeting.held[-1].from_ if meeting is not None and meeting.held else ""
    windows = read(state.content, "windows", [])
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
        venue=read(state.content, "venue"),
    )


def issues(stated: Iterable[Exchange], sides: Sequence[str]) -> Iterator[IssueView]:
    """Yield the issues in the order in which they were first written of, each with the newest view of every side, and those before it."""
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


def _text(said: Said) -> SideText:
    return SideText(**told(said), text=said.content["text"])


def _column(views: Sequence[Exchange]) -> Column:
    """Return a side's column: its newest view, how the others restate that, and the views that it had before."""
    state, *_ = views
    restatements = state.acts.get("restatement", ())
    newest = {restatement.said.side: restatement for restatement in restatements}
    return Column(
        **opened(state),
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


def _restated(state: Exchange, said: Said, restatements: Sequence[Said]) -> Restated:
    """Return a restatement with the verdict on it: of the restatement that came last before it, and of the view as it still stands."""
    verdicts = consent.counting(state, ("fairness",), consent.view(state, said))
    following = min(
        (
            restatement.said.position
            for restatement in restatements
            if restatement.said.position > said.said.position
        ),
        default=None,
    )
    judged = [
        entry
        for entry in verdicts
        if entry.said.position > said.said.position
        and (following is None or entry.said.position < following)
    ]
    verdict = judged[-1] if judged else None
    return Restated(
        **told(said),
        text=said.content["text"],
        verdict="" if verdict is None else read(verdict.content, "result"),
        judged=UNSET if verdict is None else SaidBy(**told(verdict)),
    )


def advice(state: Exchange) -> Advice:
    """Return a recommendation."""
    endorsed = [state.side, *sorted(consent.agreed(state) - {state.side})]
    return Advice(
        **opened(state),
        status=state.status,
        area=state.area,
        addressees=tuple(read(state.content, "addressees")),
        text=state.content["text"],
        arguments=state.content.get("arguments", UNSET),
        endorsed=tuple(dict.fromkeys(endorsed)),
        fates={
            entry.said.side: read(entry.content, "result") for entry in state.acts.get("fate", ())
        },
    )


def report_line(state: Exchange) -> ReportLine:
    """Return a joint report as a line of a list."""
    text = list(paragraphs(state))
    return ReportLine(
        **opened(state),
        status=state.status,
        title=read(state.content, "title"),
        paragraphs=len(text),
        endorsed=sum(
            not paragraph_view.silent and not any(one.stands for one in paragraph_view.dissents)
            for paragraph_view in text
        ),
        dissents=sum(one.stands for paragraph_view in text for one in paragraph_view.dissents),
    )


def release_line(state: Exchange, now: datetime) -> ReleaseLine:
    """Return a release as a line of a list."""
    agreed = consent.agreed(state)
    return ReleaseLine(
        **opened(state),
        status=state.status,
        title=state.content["title"],
        records=len(release.records_of(state)),
        publish_at=read(state.content, "publish_at"),
        public=release.is_public(state, now),
        missing=tuple(side for side in (state.side, *state.to, *state.info) if side not in agreed),
    )


def line_told(state: Exchange) -> PublicLineView:
    """Return a public line, as a line of a list."""
    return PublicLineView(
        **opened(state),
        status=state.status,
        line=state.content["line"],
        use=read(state.content, "use"),
        not_before=read(state.content, "not_before"),
    )


def document(state: Exchange) -> Document:
    """Return a reference document."""
    content = state.content
    return Document(
        **opened(state),
        issuer=read(content, "issuer"),
        title=read(content, "title"),
        date=read(content, "date"),
        passages=tuple(msgspec.json.decode(bytes(content["passages"]), type=list[Raw])),
        reactions=tuple(_text(entry) for entry in state.acts.get("reaction", ())),
    )


def learnt(state: Exchange, said: Said) -> Learnt:
    """Return a lesson."""
    nobodys = unattributed(state)
    return Learnt(
        side="" if nobodys else said.said.side,
        time=when(said.said, said.content),
        position=said.said.position,
        text=said.content["text"],
        exchange=state.id,
        number="" if nobodys else state.number,
        subject=subject_of(state),
    )


def programme(state: Exchange) -> ProgrammeView:
    """Return a programme of contacts between people."""
    content = state.content
    period = read(content, "period", {})
    return ProgrammeView(
        **opened(state),
        status=state.status,
        kind=read(content, "kind"),
        host=read(content, "host"),
        title=read(content, "title"),
        from_=period.get("from", ""),
        to=period.get("to", ""),
        planned=read(content, "planned", None),
        actual=read(content, "actual", None),
    )


def paragraphs(state: Exchange) -> Iterator[ParagraphView]:
    """Yield the paragraphs; that its author stands behind the text goes without saying."""
    endorsements = sorted(
        consent.counting(
            state, ("endorsement", "amendment", "amendment-agreement"), consent.whole(state)
        ),
        key=lambda entry: entry.said.position,
    )
    dissents = state.acts.get("dissent", ())
    changed = max(
        (
            developments.stamp_of(change).position
            for change in developments.changes(state)
            if "paragraphs" in change.fields
        ),
        default=0,
    )
    for number, text in enumerate(
        msgspec.json.decode(bytes(state.content["paragraphs"]), type=list[Raw]), 1
    ):
        against = [dissent for dissent in dissents if read(dissent.content, "paragraph") == number]
        behind = {
            endorsement.said.side: endorsement
            for endorsement in endorsements
            if read(endorsement.content, "paragraph", number) == number
        }
        spoken = {*behind, *(element.said.side for element in against)}
        for entry in against:
            if (
                entry.said.side in behind
                and behind[entry.said.side].said.position < entry.said.position
            ):
                del behind[entry.said.side]
        yield ParagraphView(
            number=number,
            text=text,
            endorsed=tuple(
                Endorsed(**told(element), before=element.said.position < changed)
                for element in behind.values()
            ),
            dissents=tuple(
                Dissented(
                    **told(said), text=said.content["text"], stands=said.said.side not in behind
                )
                for said in against
            ),
            silent=tuple(side for side in (*state.to, *state.info) if side not in spoken),
        )

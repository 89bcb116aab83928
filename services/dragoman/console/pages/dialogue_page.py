"""What the dialogue comes to: the roadmap over time, perceptions beside each other, what was advised and written together, and what was learnt.

    /dialogue               all of it; `eyes=other` puts under each side the other's restatement of it first
    /dialogue/{exchange}    a joint report, paragraph by paragraph: who stands behind it, who sees it otherwise, what is missing until it is public

Nothing is judged: what a side has not said is *no statement*, in the same words for every side.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, get_args

from aiohttp import web
from babel.dates import format_date
from markupsafe import Markup
from msgspec import Struct

from dragoman.application.operations import exchange_view
from dragoman.console.charts import charts
from dragoman.console.display import dialogue_views
from dragoman.console.display.act_display import Display, language
from dragoman.console.display.dialogue_views import (
    Advice,
    Document,
    IssueView,
    Learnt,
    MeetingOnLine,
    ParagraphView,
    ProgrammeView,
    PublicLineView,
    ReleaseLine,
    ReportLine,
    RoadItem,
    RoadmapStep,
    SaidBy,
)
from dragoman.console.display.office_clocks import office_of
from dragoman.console.pages import release_preview
from dragoman.console.rendering import Page, PageContext, PageRoute, refused
from dragoman.console.sessions import see
from dragoman.domain.acts import consent, developments
from dragoman.domain.acts.families import release
from dragoman.i18n.words import Words, as_moment
from dragoman.limits import SCREEN_ROWS
from dragoman.projection import dialogue as projected
from dragoman.text import sentence
from dragoman_schemas.act_frame import Area
from dragoman_schemas.state import decode_exchange

_ISSUES: Final = 20
_MEETINGS: Final = 12
"""Meetings on the line of years: more would not be told apart."""

_BESIDE: Final = 4
"""Sides that stand beside each other; more stand below each other, each named."""

_OVER: Final = frozenset({"adopted", "dropped", "deferred", "cancelled", "closed"})


class DialogueView(Struct, frozen=True, kw_only=True):
    """The dialogue of a channel as it stood at a position."""

    channel: str
    position: int
    sides: tuple[str, ...]
    roadmap: tuple[RoadItem, ...]
    meetings: tuple[MeetingOnLine, ...]
    issues: tuple[IssueView, ...]
    recommendations: tuple[Advice, ...]
    reports: tuple[ReportLine, ...]
    documents: tuple[Document, ...]
    lessons: tuple[Learnt, ...]
    programmes: tuple[ProgrammeView, ...]
    releases: tuple[ReleaseLine, ...]
    lines: tuple[PublicLineView, ...]


async def dialogue(here: PageContext) -> Page:
    """The dialogue of a channel."""
    found: projected.Dialogue = await here.in_thread(
        projected.dialogue, here.service.store, here.name, here.position
    )
    view = DialogueView(
        channel=here.name,
        position=here.position,
        sides=here.sides,
        roadmap=tuple(
            dialogue_views.item(state, links, here.moment) for state, links in found.items
        ),
        meetings=tuple(
            dialogue_views.met(each)
            for each in found.meetings
            if each.status in ("requested", "accepted", "held", "closed")
        ),
        issues=tuple(dialogue_views.issues(found.perceptions, here.sides)),
        recommendations=tuple(
            dialogue_views.advice(each) for each in reversed(found.recommendations)
        ),
        reports=tuple(dialogue_views.report_line(each) for each in reversed(found.reports)),
        documents=tuple(dialogue_views.document(each) for each in reversed(found.documents)),
        lessons=tuple(dialogue_views.learnt(*each) for each in found.lessons),
        programmes=tuple(dialogue_views.programme(each) for each in reversed(found.programmes)),
        releases=tuple(
            dialogue_views.release_line(each, here.moment) for each in reversed(found.releases)
        ),
        lines=tuple(dialogue_views.line_told(each) for each in reversed(found.lines)),
    )
    sides = _in_order(here)
    return Page(
        template="dialogue.html",
        view=view,
        rows=view.roadmap,
        values={
            "display": _display(here),
            "sides": sides,
            "beside": len(sides) if len(sides) <= _BESIDE else 1,
            "other_eyes": here.request.query.get("eyes") == "other",
            "areas": get_args(Area),
            "by_area": {
                area: [each for each in view.roadmap if each.area == area]
                for area in get_args(Area)
            },
            "by_status": Counter(each.status for each in view.roadmap),
            "chart": _chart(here.words, view, here.moment, past=here.past),
            "years": _years(view, here.moment),
            "next": _next(view, here.moment),
            "named": lambda name: _named(here.words, name),
            "issues": _page_of(here, view.issues),
            "issue_of": {
                column.exchange: issue.exchange for issue in view.issues for column in issue.columns
            },
            "rows": SCREEN_ROWS,
            "apart": _apart(here),
        },
    )


def _display(here: PageContext) -> Display:
    return Display(
        here.words,
        [office_of(side, here.projection.office(side)) for side in here.sides],
        link=here.link,
    )


def _in_order(here: PageContext) -> tuple[str, ...]:
    """The sides in the order of the opening, or first the one that the reader wants first."""
    first = here.request.query.get("first", "")
    return (
        here.sides
        if first not in here.sides
        else (first, *(side for side in here.sides if side != first))
    )


def _page_of(
    here: PageContext, issues: Sequence[IssueView]
) -> tuple[Sequence[IssueView], int, int]:
    """The issues of the page that is asked for, the newest first, from which on, and where the next page begins; 0 for none."""
    asked = here.request.query.get("from", "")
    begins = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0
    newest = list(reversed(issues))
    following = begins + _ISSUES
    return newest[begins:following], begins, following if following < len(newest) else 0


def _apart(here: PageContext) -> list[tuple[str, str]]:
    """The reader's other channels in which there is a dialogue on another track: linked to, and never mixed in."""
    kind = here.registry.kind
    wanted = {"official": ("track2",), "track2": ("official",)}.get(kind, ())
    return [
        (each.name, each.registry.kind)
        for each in here.service.visible(here.grant)
        if each.registry.kind in wanted
    ]


# The roadmap drawn


def _named(words: Words, name: str) -> str:
    """A word of the log as it begins a line."""
    said = words.value(name)
    return said[:1].upper() + said[1:]


def _years(view: DialogueView, now: datetime) -> tuple[int, int]:
    """The years that the roadmap shows: from the one before its first item, or before this, to one to come."""
    years = [
        as_moment(step.ahead or step.time).year for item in view.roadmap for step in item.steps
    ]
    years += [
        as_moment(each).year for item in view.roadmap for each in (item.begins, item.ends) if each
    ]
    return min([*years, now.year]) - 1, max(
        [*years, *(as_moment(each.time).year for each in view.meetings[:_MEETINGS]), now.year + 1]
    )


def _chart(words: Words, view: DialogueView, now: datetime, *, past: bool) -> Markup:
    """The roadmap as a picture; it says nothing that the table does not say."""
    first, last = _years(view, now)
    met = [each for each in view.meetings[:_MEETINGS] if as_moment(each.time).year >= first]
    lanes = (
        [charts.AreaLane(words.say("Meetings of the sides"), [_meetings_drawn(words, met)])]
        if met
        else []
    )
    told = []
    for area in get_args(Area):
        items = [each for each in view.roadmap if each.area == area]
        lanes.append(
            charts.AreaLane(
                _named(words, area), [_drawn(words, each) for each in items] or [_nothing(words)]
            )
        )
        told += [
            words.say("%(area)s: %(what)s", area=_named(words, area), what=_told(words, each))
            for each in items
        ]
    described = words.say(
        "%(what)s. The table says the same.", what="; ".join(told) or words.say("No item yet")
    )
    title = words.say("Roadmap from %(a)s to %(b)s", a=first, b=last)
    return charts.roadmap(
        "roadmap",
        title,
        described,
        first,
        last,
        now.date(),
        lanes,
        words.say("then") if past else words.say("today"),
    )


def _nothing(words: Words) -> charts.RoadmapItemMark:
    return charts.RoadmapItemMark(words.say("No item yet"), ())


def _drawn(words: Words, item: RoadItem) -> charts.RoadmapItemMark:
    _, text = words.text(item.text)
    steps = [
        charts.RoadmapStepMark(
            as_moment(each.ahead or each.time).date(),
            each.status,
            _step_label(words, each, "month"),
        )
        for each in item.steps
    ]
    aim = words.say("aim: %(what)s", what=item.deliverable)
    period = (
        (as_moment(item.begins).date(), as_moment(item.ends).date())
        if item.begins and item.ends
        else None
    )
    return charts.RoadmapItemMark(
        text, steps, going=item.status not in _OVER, aim=aim, period=period
    )


def _told(words: Words, item: RoadItem) -> str:
    """Return how far an item is, and its period where it has one."""
    label = _step_label(words, item.steps[-1], "day")
    if not item.begins or not item.ends:
        return label
    begins, ends = (words.day(as_moment(each)) for each in (item.begins, item.ends))
    return words.listed([label, words.say("period %(a)s to %(b)s", a=begins, b=ends)])


def _step_label(words: Words, step: RoadmapStep, form: str) -> str:
    """A status and its day, or its month where the year stands above."""
    day = as_moment(step.ahead or step.time)
    told = words.day(day) if form == "day" else _month(words, day.date())
    return words.say("%(status)s, %(t)s", status=words.status(step.status), t=told)


def _month(words: Words, day: date) -> str:
    return format_date(day, "LLL", locale="zh_Hans" if words.language == "zh" else words.language)


def _meetings_drawn(words: Words, meetings: Sequence[MeetingOnLine]) -> charts.RoadmapItemMark:
    """Meetings: held, agreed to, or asked for."""
    shapes = {"held": "held", "closed": "held", "accepted": "scheduled"}
    steps = [
        charts.RoadmapStepMark(
            as_moment(each.time).date(),
            shapes.get(each.status, "proposed"),
            _meeting_label(words, each),
        )
        for each in meetings
    ]
    return charts.RoadmapItemMark("", steps, joined=False)


def _meeting_label(words: Words, met: MeetingOnLine) -> str:
    called = words.value(met.kind) if met.kind else words.act("meeting-request")
    said = words.say("%(what)s, %(where)s", what=called, where=met.venue) if met.venue else called
    return (
        said
        if met.status in ("held", "closed")
        else words.say("%(what)s (%(status)s)", what=said, status=words.status(met.status))
    )


def _next(view: DialogueView, now: datetime) -> RoadItem | MeetingOnLine | None:
    """What comes next: an item that is scheduled, or a meeting that was agreed to."""
    ahead: list[tuple[datetime, RoadItem | MeetingOnLine]] = [
        (as_moment(each.steps[-1].ahead), each) for each in view.roadmap if each.steps[-1].ahead
    ]
    ahead += [
        (as_moment(each.time), each)
        for each in view.meetings
        if each.status == "accepted" and as_moment(each.time) > now
    ]
    return min(ahead, key=lambda each: each[0])[1] if ahead else None


# A joint report


class JointReportView(SaidBy, frozen=True, kw_only=True):
    """A text that the sides negotiate; `releases` are those that publish records of it."""

    exchange: str
    number: str
    status: str
    title: str
    at: int
    paragraphs: tuple[ParagraphView, ...]
    releases: tuple[ReleaseLine, ...]
    changed: tuple[SaidBy, ...]
    allowed: tuple[str, ...]


async def joint_report(here: PageContext) -> Page | web.StreamResponse:
    """A joint report, paragraph by paragraph; of any other exchange, its own page."""
    id = here.request.match_info["exchange"]
    shown = await exchange_view.viewed(here.call, here.projection, id, here.at or None, here.newest)
    state = decode_exchange(bytes(shown.state))
    if state.act != "joint-report":
        if here.request.match_info.get("form", ""):
            raise refused(
                "not-found", sentence("This exchange is no joint report; take it under /exchanges.")
            )
        return see(here.link(f"/exchanges/{state.id}"))
    found: projected.Dialogue = await here.in_thread(
        projected.dialogue, here.service.store, here.name, here.position
    )
    naming = [
        each
        for each in found.releases
        if id in {named.exchange for named in release.records_of(each)}
    ]
    view = JointReportView(
        **dialogue_views.opened(state),
        status=state.status,
        title=dialogue_views.read(state.content, "title"),
        at=here.position,
        paragraphs=tuple(dialogue_views.paragraphs(state)),
        releases=tuple(dialogue_views.release_line(each, here.moment) for each in naming),
        changed=tuple(
            SaidBy(side=stamp.side, time=stamp.when, position=stamp.position)
            for stamp in map(developments.stamp_of, developments.changes(state))
        ),
        allowed=shown.allowed,
    )
    return Page(
        template="joint_report.html",
        view=view,
        rows=view.paragraphs,
        values={
            "display": _display(here),
            "may_release": release_preview.may_release(here, state),
            "bracketed": {
                item: sides
                for (field, item), sides in consent.alternatives(state).items()
                if field == "paragraphs"
            },
            "ad_referendum": sorted(consent.ad_referendum(state)),
            "authentic": [
                language(each) for each in dialogue_views.read(state.content, "authentic", [])
            ],
        },
    )


SHEETS: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/dialogue", handler=dialogue),
    PageRoute(path="/dialogue/{exchange:[0-9a-f-]{36}}", handler=joint_report),
)

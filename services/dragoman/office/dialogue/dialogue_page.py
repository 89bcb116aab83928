"""The dialogue of a channel: roadmap, perceptions, advice, joint texts, and lessons.

    /dialogue    all of it; `eyes=other` puts the other side's restatement first under
                 each side

The page judges nothing. If a side has not spoken, the page says *no statement*, in the
same words for every side.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final, Literal, get_args

from babel.dates import format_date
from markupsafe import Markup
from msgspec import Struct, field

from dragoman.application.http.queries import Whole
from dragoman.console.charts import roadmap_chart
from dragoman.console.display import dialogue_views, report_views
from dragoman.console.display.act_display import Display
from dragoman.console.display.dialogue_views import (
    Advice,
    Document,
    IssueView,
    Learnt,
    MeetingOnLine,
    ProgrammeView,
    PublicLineView,
    ReleaseLine,
    RoadItem,
    RoadmapStep,
)
from dragoman.console.display.office_clocks import office_of
from dragoman.console.display.report_views import ReportLine
from dragoman.console.matter.agreement_words import AgreementWords
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.domain.acts.families.exchange import own_markings
from dragoman.domain.views.undertakings import in_order, undertaking_view
from dragoman.i18n.words import Words, as_moment
from dragoman.limits import SCREEN_ROWS
from dragoman.office.dialogue import joint_report_page, undertaking_lane
from dragoman.projection.queries import dialogue as projected
from dragoman.text import capitalized
from dragoman_schemas.act_frame import Area
from dragoman_schemas.agreement_responses import UndertakingView
from dragoman_schemas.state import Exchange

_ISSUES: Final = 20
_MEETINGS: Final = 12
"""The most meetings on the line of years. More could not be told apart."""

_BESIDE: Final = 4
"""The most sides beside each other. More sides appear below each other, each with its
name.
"""

_OVER: Final = frozenset({"adopted", "dropped", "deferred", "cancelled", "closed"})


class DialogueView(Struct, frozen=True, kw_only=True):
    """The dialogue of a channel at a position."""

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
    undertakings: tuple[UndertakingView, ...]


class DialogueQuery(Struct, frozen=True, kw_only=True):
    """The eyes for the perceptions, the side in front, and the first issue."""

    eyes: Literal["", "other"] = ""
    first: str = ""
    begins: Whole = field(name="from", default=0)


async def dialogue(context: PageContext) -> Page:
    """Return the page of a channel's dialogue."""
    result = await context.ask(projected.dialogue)
    view = DialogueView(
        channel=context.name,
        position=context.position,
        sides=context.sides,
        roadmap=tuple(
            dialogue_views.roadmap_item(state, links, context.moment)
            for state, links in result.items
        ),
        meetings=tuple(
            dialogue_views.meeting_on_line(meeting)
            for meeting in result.meetings
            if meeting.status in ("requested", "accepted", "held", "closed")
        ),
        issues=tuple(dialogue_views.issues(result.perceptions, context.sides)),
        recommendations=tuple(
            dialogue_views.advice(exchange) for exchange in reversed(result.recommendations)
        ),
        reports=tuple(report_views.report_line(report) for report in reversed(result.reports)),
        documents=tuple(
            dialogue_views.document(exchange) for exchange in reversed(result.documents)
        ),
        lessons=tuple(dialogue_views.lesson(*lesson) for lesson in result.lessons),
        programmes=tuple(
            dialogue_views.programme(programme) for programme in reversed(result.programmes)
        ),
        releases=tuple(
            dialogue_views.release_line(state, context.moment)
            for state in reversed(result.releases)
        ),
        lines=tuple(dialogue_views.public_line(line) for line in reversed(result.lines)),
        undertakings=tuple(
            in_order(
                undertaking_view(state, context.sides, context.moment)
                for state in result.undertakings
                if state.status != "cancelled"
            )
        ),
    )
    sides = _in_order(context)
    return Page(
        template="dialogue.html",
        view=view,
        rows=view.roadmap,
        values={
            "display": _display(context),
            "sides": sides,
            "beside": len(sides) if len(sides) <= _BESIDE else 1,
            "other_eyes": context.asked(DialogueQuery).eyes == "other",
            "areas": get_args(Area),
            "by_area": {
                area: [road_item for road_item in view.roadmap if road_item.area == area]
                for area in get_args(Area)
            },
            "by_status": Counter(road_item.status for road_item in view.roadmap),
            "chart": _chart(context.words, view, context.moment, past=context.past),
            "years": _years(view, context.moment),
            "next": _next(view, context.moment),
            "agreements": AgreementWords(context),
            "promised": undertaking_lane.shown(view.undertakings),
            "own_markings": {state.id: own_markings(state) for state in _states(result)},
            "named": lambda name: _named(context.words, name),
            "issues": _page_of(context, view.issues),
            "issue_of": {
                column.exchange: issue.exchange for issue in view.issues for column in issue.columns
            },
            "rows": SCREEN_ROWS,
            "apart": _apart(context),
        },
    )


def _states(dialogue: projected.Dialogue) -> Iterator[Exchange]:
    """Yield every exchange that the page names, and some of them again."""
    for group in dialogue:
        yield from (item[0] if isinstance(item, tuple) else item for item in group)


def _display(context: PageContext) -> Display:
    return Display(
        context.words,
        [office_of(side, context.projection.office(side)) for side in context.sides],
        link=context.link,
    )


def _in_order(context: PageContext) -> tuple[str, ...]:
    """Return the sides in the order of the opening, or the reader's choice first."""
    first = context.asked(DialogueQuery).first
    return (
        context.sides
        if first not in context.sides
        else (first, *(side for side in context.sides if side != first))
    )


def _page_of(
    context: PageContext, issues: Sequence[IssueView]
) -> tuple[Sequence[IssueView], int, int]:
    """Return one page of issues, newest first, with its start and the next start.

    The next start is 0 on the last page.
    """
    begins = context.asked(DialogueQuery).begins
    newest = list(reversed(issues))
    following = begins + _ISSUES
    return newest[begins:following], begins, following if following < len(newest) else 0


def _apart(context: PageContext) -> list[tuple[str, str]]:
    """Return the reader's other channels with a dialogue on another track.

    The page links to them and never mixes them in.
    """
    kind = context.registry.kind
    wanted = {"official": ("track2",), "track2": ("official",)}.get(kind, ())
    return [
        (projection.name, projection.registry.kind)
        for projection in context.service.visible(context.grant)
        if projection.registry.kind in wanted
    ]


# The drawing of the roadmap


def _named(words: Words, name: str) -> str:
    """Return a word of the log with a capital letter, for the start of a line."""
    return capitalized(words.value(name))


def _years(view: DialogueView, now: datetime) -> tuple[int, int]:
    """Return the first and the last year that the roadmap shows.

    The first is the year before the first item, or before now. The last is at least the
    next year.
    """
    years = [
        as_moment(step.ahead or step.time).year for item in view.roadmap for step in item.steps
    ]
    years += [
        as_moment(text).year for item in view.roadmap for text in (item.begins, item.ends) if text
    ]
    years += [
        as_moment(undertaking.by_when).year
        for undertaking in undertaking_lane.shown(view.undertakings)
    ]
    return min([*years, now.year]) - 1, max(
        [
            *years,
            *(as_moment(meeting.time).year for meeting in view.meetings[:_MEETINGS]),
            now.year + 1,
        ]
    )


def _chart(words: Words, view: DialogueView, now: datetime, *, past: bool) -> Markup:
    """Return the roadmap as a picture, with no fact that the table lacks."""
    first, last = _years(view, now)
    met = [
        meeting for meeting in view.meetings[:_MEETINGS] if as_moment(meeting.time).year >= first
    ]
    lanes = (
        [roadmap_chart.AreaLane(words.say("Meetings of the sides"), [_meetings_drawn(words, met)])]
        if met
        else []
    )
    names = []
    promised = undertaking_lane.shown(view.undertakings)
    if promised:
        name = words.say("Undertakings")
        rows = [undertaking_lane.drawn(words, undertaking) for undertaking in promised]
        lanes.append(roadmap_chart.AreaLane(name, rows))
        names.append(
            words.say(
                "%(area)s: %(what)s",
                area=name,
                what=words.listed(
                    undertaking_lane.described(words, undertaking) for undertaking in promised
                ),
            )
        )
    for area in get_args(Area):
        items = [road_item for road_item in view.roadmap if road_item.area == area]
        lanes.append(
            roadmap_chart.AreaLane(
                _named(words, area),
                [_drawn(words, road_item) for road_item in items] or [_nothing(words)],
            )
        )
        names += [
            words.say("%(area)s: %(what)s", area=_named(words, area), what=_told(words, road_item))
            for road_item in items
        ]
    described = words.say(
        "%(what)s. The table says the same.", what="; ".join(names) or words.say("No item yet")
    )
    title = words.say("Roadmap from %(a)s to %(b)s", a=first, b=last)
    return roadmap_chart.roadmap(
        "roadmap",
        title,
        described,
        first,
        last,
        now.date(),
        lanes,
        words.say("then") if past else words.say("today"),
    )


def _nothing(words: Words) -> roadmap_chart.RoadmapItemMark:
    return roadmap_chart.RoadmapItemMark(words.say("No item yet"), ())


def _drawn(words: Words, item: RoadItem) -> roadmap_chart.RoadmapItemMark:
    _, text = words.text(item.text)
    steps = [
        roadmap_chart.RoadmapStepMark(
            as_moment(step.ahead or step.time).date(),
            step.status,
            _step_label(words, step, "month"),
        )
        for step in item.steps
    ]
    aim = words.say("aim: %(what)s", what=words.text(item.deliverable)[1])
    period = (
        (as_moment(item.begins).date(), as_moment(item.ends).date())
        if item.begins and item.ends
        else None
    )
    return roadmap_chart.RoadmapItemMark(
        text, steps, going=item.status not in _OVER, aim=aim, period=period
    )


def _told(words: Words, item: RoadItem) -> str:
    """Return the newest step of an item, and its period if it has one."""
    label = _step_label(words, item.steps[-1], "day")
    if not item.begins or not item.ends:
        return label
    begins, ends = (words.day(as_moment(text)) for text in (item.begins, item.ends))
    return words.listed([label, words.say("period %(a)s to %(b)s", a=begins, b=ends)])


def _step_label(words: Words, step: RoadmapStep, form: str) -> str:
    """Return a status and its day.

    `form` other than `day` gives the month, for places where the year is above.
    """
    day = as_moment(step.ahead or step.time)
    text = words.day(day) if form == "day" else _month(words, day.date())
    return words.say("%(status)s, %(t)s", status=words.status(step.status), t=text)


def _month(words: Words, day: date) -> str:
    return format_date(day, "LLL", locale="zh_Hans" if words.language == "zh" else words.language)


def _meetings_drawn(
    words: Words, meetings: Sequence[MeetingOnLine]
) -> roadmap_chart.RoadmapItemMark:
    """Return the mark of meetings: held, agreed to, or requested."""
    shapes = {"held": "held", "closed": "held", "accepted": "scheduled"}
    steps = [
        roadmap_chart.RoadmapStepMark(
            as_moment(meeting.time).date(),
            shapes.get(meeting.status, "proposed"),
            _meeting_label(words, meeting),
        )
        for meeting in meetings
    ]
    return roadmap_chart.RoadmapItemMark("", steps, joined=False)


def _meeting_label(words: Words, met: MeetingOnLine) -> str:
    text = words.value(met.kind) if met.kind else words.act("meeting-request")
    label = words.say("%(what)s, %(where)s", what=text, where=met.venue) if met.venue else text
    return (
        label
        if met.status in ("held", "closed")
        else words.say("%(what)s (%(status)s)", what=label, status=words.status(met.status))
    )


def _next(view: DialogueView, now: datetime) -> RoadItem | MeetingOnLine | None:
    """Return the next scheduled item or the next agreed meeting.

    Return None if neither lies ahead.
    """
    ahead: list[tuple[datetime, RoadItem | MeetingOnLine]] = [
        (as_moment(road_item.steps[-1].ahead), road_item)
        for road_item in view.roadmap
        if road_item.steps[-1].ahead
    ]
    ahead += [
        (as_moment(meeting.time), meeting)
        for meeting in view.meetings
        if meeting.status == "accepted" and as_moment(meeting.time) > now
    ]
    return min(ahead, key=lambda item: item[0])[1] if ahead else None


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/dialogue", handler=dialogue),
    *joint_report_page.ROUTES,
)

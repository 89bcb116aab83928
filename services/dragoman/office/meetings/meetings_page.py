"""The list of meetings, calls and visits: requested, agreed, held, and over."""

from collections import Counter
from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Raw, Struct

from dragoman.console.display.act_display import Display
from dragoman.console.display.meeting_summary import (
    MOST,
    STATES,
    MeetingSummary,
    State,
    answer_of,
    channel_meetings,
    local_window,
    other_deadlines,
)
from dragoman.console.page.context import ListQuery, PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.domain.acts.act_rules import DUTY
from dragoman.office.meetings import meeting_page, month_view

_ROWS: Final = 50
_FEW: Final = 10
"""Rows of held and of past meetings, until the reader asks for all of them."""


class MeetingsSection(Struct, frozen=True, kw_only=True):
    """The meetings of one state: those on the page, and the count of all."""

    state: str
    meetings: tuple[MeetingSummary, ...]
    count: int


class MeetingsView(Struct, frozen=True, kw_only=True):
    """A channel's meetings.

    `more` says that older meetings exist which the query did not read.
    """

    channel: str
    position: int
    sections: tuple[MeetingsSection, ...]
    counts: dict[str, int]
    more: bool = False


class MeetingWindowRow(Struct, frozen=True, kw_only=True):
    """One window of a meeting, as a row of a table."""

    exchange: str
    number: str
    act: str
    state: str
    status: str
    side: str
    subject: Raw
    begins: str
    ends: str
    owed_by: tuple[str, ...]


class MeetingsQuery(ListQuery, frozen=True, kw_only=True):
    """The only state of the meetings, and the page of its list."""

    state: State | Literal[""] = ""


async def meetings(context: PageContext) -> Page:
    """Return the list: a few meetings of each state, or all of one state."""
    query = context.asked(MeetingsQuery)
    state, page = query.state, query.page
    meetings_of_channel = await context.ask(channel_meetings)
    counts: Counter[str] = Counter(meeting.state for meeting in meetings_of_channel.meetings)
    skipped = (page - 1) * _ROWS if state else 0
    names = (state,) if state else STATES
    view = MeetingsView(
        channel=context.name,
        position=context.position,
        sections=tuple(
            MeetingsSection(
                state=name,
                meetings=tuple(
                    _ordered(meetings_of_channel.meetings, name)[
                        skipped : skipped + _most(name, alone=bool(state))
                    ]
                ),
                count=counts[name],
            )
            for name in names
        ),
        counts={text: counts[text] for text in STATES},
        more=meetings_of_channel.more,
    )
    return Page(
        template="meetings.html",
        view=view,
        rows=[
            line
            for section in view.sections
            for summary in section.meetings
            for line in _lines(summary)
        ],
        values={
            "state": state,
            "page": page,
            "skipped": skipped,
            "rows_of_page": _ROWS,
            "most": MOST,
            "offices": meetings_of_channel.offices,
            "there": lambda window: local_window(
                window, meetings_of_channel.offices, context.words
            ),
            "display": Display(context.words, link=context.link),
            "besides": other_deadlines,
            "answer_of": answer_of,
            "may_call": context.may_post and not DUTY.isdisjoint(context.roles),
        },
    )


def _most(state: str, *, alone: bool) -> int:
    return _ROWS if alone or state in ("asked", "agreed") else _FEW


def _ordered(meeting_summaries: list[MeetingSummary], state: str) -> list[MeetingSummary]:
    """Return the meetings of a state in their order.

    Requests come in the order in which answers are due, agreed meetings by their start.
    All others come with the newest first.
    """
    of_state = [summary for summary in meeting_summaries if summary.state == state]
    match state:
        case "asked":
            return sorted(
                of_state, key=lambda meeting_summary: (meeting_summary.due, meeting_summary.begins)
            )
        case "agreed":
            return sorted(of_state, key=lambda meeting_summary: meeting_summary.begins)
        case "held":
            return sorted(
                of_state,
                key=lambda meeting_summary: (bool(meeting_summary.owed), meeting_summary.begins),
                reverse=True,
            )
        case _:
            return sorted(
                of_state, key=lambda meeting_summary: meeting_summary.updated, reverse=True
            )


def _lines(meeting_summary: MeetingSummary) -> Iterator[MeetingWindowRow]:
    for window in meeting_summary.windows or (None,):
        yield MeetingWindowRow(
            exchange=meeting_summary.exchange,
            number=meeting_summary.number,
            act=meeting_summary.act,
            state=meeting_summary.state,
            status=meeting_summary.status,
            side=meeting_summary.side,
            subject=meeting_summary.subject,
            begins="" if window is None else window.begins,
            ends="" if window is None else window.ends,
            owed_by=tuple(dict.fromkeys(owed.side for owed in meeting_summary.owed)),
        )


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/meetings", handler=meetings),
    *month_view.ROUTES,
    *meeting_page.ROUTES,
)

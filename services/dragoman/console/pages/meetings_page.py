"""Meetings, calls and visits as a list: what is asked for, what is agreed, what was held, what is over."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from msgspec import Raw, Struct

from dragoman.application.http.submission import whole
from dragoman.console.display.act_display import Display
from dragoman.console.display.meeting_summary import (
    MOST,
    STATES,
    ChannelMeetings,
    MeetingSummary,
    answer_of,
    besides,
    standing,
    there,
)
from dragoman.console.pages import meeting_page, month_view
from dragoman.console.rendering import Page, PageContext, PageRoute, refused
from dragoman.domain.acts.act_rules import DUTY
from dragoman.text import sentence

_ROWS: Final = 50
_FEW: Final = 10
"""Rows of what was held, and of what is over, before somebody asks for all of it."""


class MeetingsSection(Struct, frozen=True, kw_only=True):
    """The meetings of one state: as many of them as are shown, and how many there are."""

    state: str
    meetings: tuple[MeetingSummary, ...]
    count: int


class MeetingsView(Struct, frozen=True, kw_only=True):
    """A channel's meetings. `more` where older ones were not looked at."""

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
    accepted_by: tuple[str, ...]
    declined_by: tuple[str, ...]
    owed_by: tuple[str, ...]
    readouts_by: tuple[str, ...]


async def meetings(context: PageContext) -> Page:
    """Return the list: a few of each state, or all of one."""
    state = context.request.query.get("state", "")
    page = whole(context.request.query.get("page", "1")) or 1
    if state not in ("", *STATES):
        raise refused(
            "bad-request",
            sentence(
                "There is no state %(state)s; choose one of %(choices)s.",
                state=state[:63],
                choices=", ".join(STATES),
            ),
        )
    channel_meetings: ChannelMeetings = await context.in_thread(
        standing, context.service.store, context.name, context.position, context.moment
    )
    counts: Counter[str] = Counter(meeting.state for meeting in channel_meetings.meetings)
    skipped = (page - 1) * _ROWS if state else 0
    names = (state,) if state else STATES
    view = MeetingsView(
        channel=context.name,
        position=context.position,
        sections=tuple(
            MeetingsSection(
                state=name,
                meetings=tuple(
                    _ordered(channel_meetings.meetings, name)[
                        skipped : skipped + _most(name, alone=bool(state))
                    ]
                ),
                count=counts[name],
            )
            for name in names
        ),
        counts={text: counts[text] for text in STATES},
        more=channel_meetings.more,
    )
    return Page(
        template="meetings.html",
        view=view,
        rows=[
            line for section in view.sections for each in section.meetings for line in _lines(each)
        ],
        values={
            "state": state,
            "page": page,
            "skipped": skipped,
            "rows_of_page": _ROWS,
            "most": MOST,
            "offices": channel_meetings.offices,
            "there": lambda window: there(window, channel_meetings.offices, context.words),
            "display": Display(context.words, link=context.link),
            "besides": besides,
            "answer_of": answer_of,
            "may_call": context.may_post and not DUTY.isdisjoint(context.roles),
        },
    )


def _most(state: str, *, alone: bool) -> int:
    return _ROWS if alone or state in ("asked", "agreed") else _FEW


def _ordered(meeting_summaries: list[MeetingSummary], state: str) -> list[MeetingSummary]:
    """Return what is asked for by when an answer is owed, what is agreed by when it begins; the rest with the newest first."""
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
            accepted_by=tuple(
                party.side for party in meeting_summary.parties if party.word == "accepted"
            ),
            declined_by=tuple(
                party.side for party in meeting_summary.parties if party.word == "declined"
            ),
            owed_by=tuple(dict.fromkeys(owed.side for owed in meeting_summary.owed)),
            readouts_by=tuple(readout.side for readout in meeting_summary.readouts),
        )


SHEETS: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/meetings", handler=meetings),
    *month_view.SHEETS,
    *meeting_page.SHEETS,
)

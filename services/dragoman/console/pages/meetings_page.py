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


async def meetings(here: PageContext) -> Page:
    """The list: a few of each state, or all of one."""
    state = here.request.query.get("state", "")
    page = whole(here.request.query.get("page", "1")) or 1
    if state not in ("", *STATES):
        raise refused(
            "bad-request",
            sentence(
                "There is no state %(state)s; choose one of %(choices)s.",
                state=state[:63],
                choices=", ".join(STATES),
            ),
        )
    found: ChannelMeetings = await here.in_thread(
        standing, here.service.store, here.name, here.position, here.moment
    )
    counts: Counter[str] = Counter(each.state for each in found.meetings)
    skipped = (page - 1) * _ROWS if state else 0
    shown = (state,) if state else STATES
    view = MeetingsView(
        channel=here.name,
        position=here.position,
        sections=tuple(
            MeetingsSection(
                state=each,
                meetings=tuple(
                    _ordered(found.meetings, each)[
                        skipped : skipped + _most(each, alone=bool(state))
                    ]
                ),
                count=counts[each],
            )
            for each in shown
        ),
        counts={each: counts[each] for each in STATES},
        more=found.more,
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
            "offices": found.offices,
            "there": lambda window: there(window, found.offices, here.words),
            "display": Display(here.words, link=here.link),
            "besides": besides,
            "answer_of": answer_of,
            "may_call": here.may_post and not DUTY.isdisjoint(here.roles),
        },
    )


def _most(state: str, *, alone: bool) -> int:
    return _ROWS if alone or state in ("asked", "agreed") else _FEW


def _ordered(found: list[MeetingSummary], state: str) -> list[MeetingSummary]:
    """What is asked for by when an answer is owed, what is agreed by when it begins; the rest with the newest first."""
    of_state = [each for each in found if each.state == state]
    match state:
        case "asked":
            return sorted(of_state, key=lambda each: (each.due, each.begins))
        case "agreed":
            return sorted(of_state, key=lambda each: each.begins)
        case "held":
            return sorted(of_state, key=lambda each: (bool(each.owed), each.begins), reverse=True)
        case _:
            return sorted(of_state, key=lambda each: each.updated, reverse=True)


def _lines(each: MeetingSummary) -> Iterator[MeetingWindowRow]:
    for window in each.windows or (None,):
        yield MeetingWindowRow(
            exchange=each.exchange,
            number=each.number,
            act=each.act,
            state=each.state,
            status=each.status,
            side=each.side,
            subject=each.subject,
            begins="" if window is None else window.begins,
            ends="" if window is None else window.ends,
            accepted_by=tuple(party.side for party in each.parties if party.word == "accepted"),
            declined_by=tuple(party.side for party in each.parties if party.word == "declined"),
            owed_by=tuple(dict.fromkeys(owed.side for owed in each.owed)),
            readouts_by=tuple(given.side for given in each.readouts),
        )


SHEETS: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/meetings", handler=meetings),
    *month_view.SHEETS,
    *meeting_page.SHEETS,
)

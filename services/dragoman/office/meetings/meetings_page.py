"""The list of meetings, calls and visits: requested, agreed, held, and over."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from dragoman.console.display.meeting_summary import (
    MOST,
    STATES,
    ChannelMeetings,
    MeetingSummary,
    State,
    channel_meetings,
)
from dragoman.console.page.context import ListQuery, PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.document.blocks import Empty, Group, Listing, PageDocument, Remark, Section, section
from dragoman.domain.acts.act_rules import DUTY
from dragoman.limits import SCREEN_ROWS
from dragoman.members.runs import PageLink, listed
from dragoman.office.meetings import meeting_page, month_view
from dragoman.office.meetings.meeting_words import MeetingWords
from dragoman.text import capitalized

_FEW: Final = 10
"""Rows of held and of past meetings, until the reader asks for all of them."""


class MeetingsQuery(ListQuery, frozen=True, kw_only=True):
    """The only state of the meetings, and the page of its list."""

    state: State | Literal[""] = ""


async def meetings(context: PageContext) -> Page:
    """Return the list: a few meetings of each state, or all of one state."""
    result = await context.ask(channel_meetings)
    words = MeetingWords(context, result.offices)
    return Page(view=laid_out(words, result, context.asked(MeetingsQuery)))


def laid_out(words: MeetingWords, result: ChannelMeetings, query: MeetingsQuery) -> PageDocument:
    """Return the meetings of a channel as a document."""
    w, say = words.w, words.w.say
    counts = Counter(meeting.state for meeting in result.meetings)
    states = [(say("all"), "")]
    states += [(f"{_heading(words, name)} {w.number(counts[name])}", name) for name in STATES]
    lead = (
        w.count("%(n)s is asked for.", "%(n)s are asked for.", counts["asked"]),
        w.count("%(n)s is agreed.", "%(n)s are agreed.", counts["agreed"]),
        w.count("%(n)s was held and is open.", "%(n)s were held and are open.", counts["held"]),
    )
    return PageDocument(
        title=say("Meetings, calls and visits"),
        area="meetings",
        lead=(w.sentences(lead),),
        note=listed(_notes(words, result, query), w.space),
        actions=tuple(_actions(words)),
        places=(
            *(
                PageLink((name,), "/meetings", "current" * (state == query.state), {"state": state})
                for name, state in states
            ),
            PageLink((say("Show the calendar"),), "/meetings/calendar"),
            PageLink((say("Show undertakings"),), "/undertakings"),
            PageLink((say("Show what talks and what does not"),), "/mechanisms"),
        ),
        sections=tuple(
            _section(words, state, _ordered(result.meetings, state), query)
            for state in ((query.state,) if query.state else STATES)
        ),
    )


def _heading(words: MeetingWords, state: str) -> str:
    say = words.w.say
    match state:
        case "asked":
            return capitalized(say("asked for"))
        case "agreed":
            return capitalized(say("agreed"))
        case "held":
            return say("Held")
        case _:
            return capitalized(say("over"))


def _notes(words: MeetingWords, result: ChannelMeetings, query: MeetingsQuery) -> Iterator[str]:
    """Yield the reason why the reader cannot ask, and each limit of the list."""
    context, w, say = words.context, words.w, words.w.say
    if not context.may_post and not context.past and context.is_officer:
        yield say("Nothing can be recorded at this moment.")
    elif not context.may_post and not context.past:
        roles = w.listed(map(w.value, context.roles))
        yield say(
            "Officers ask for meetings and answer; you are signed in as %(roles)s.", roles=roles
        )
    if query.state:
        yield say("Only one state is shown; the others are hidden.")
    if result.more:
        yield say("Only the newest %(n)s meetings were looked at.", n=w.number(MOST))
    if not any(office.is_known for office in result.offices):
        yield say("The offices have entered no hours and no zone: times are only in UTC.")


def _actions(words: MeetingWords) -> Iterator[PageLink]:
    context, say = words.context, words.w.say
    if not context.may_post:
        return
    yield PageLink((say("Ask for a meeting"),), "/compose/meeting-request", "button first")
    if not DUTY.isdisjoint(context.roles):
        yield PageLink((say("Ask for a call"),), "/compose/call-request", "button")
    yield PageLink((say("Invite to a visit"),), "/compose/visit-invitation", "button")


def _section(
    words: MeetingWords, state: State, every: Sequence[MeetingSummary], query: MeetingsQuery
) -> Section:
    """Return the meetings of a state: one page of them, or the first few."""
    w, say, heading = words.w, words.w.say, _heading(words, state)
    first = (query.page - 1) * SCREEN_ROWS if query.state else 0
    most = SCREEN_ROWS if query.state or state in ("asked", "agreed") else _FEW
    shown = every[first : first + most]
    last = say("Readouts") if state in ("held", "over") else say("Agenda")
    head = (say("When"), say("Opened by"), say("What"), say("Present state"), last)
    rest = None
    if query.state and first + most < len(every):
        following = words.context.again(page=query.page + 1)
        rest = words.following(len(shown), len(every), following)
    elif len(shown) < len(every):
        name = say("all %(n)s", n=w.number(len(every)))
        count = say("Shown %(a)s of %(b)s.", a=w.number(len(shown)), b=w.number(len(every)))
        rest = Remark((count, " ", PageLink((name,), "/meetings", query={"state": state})))
    return section(
        heading,
        Listing(heading, head, (Group(tuple(map(words.row, shown))),), layout="gather")
        if shown
        else _nothing(words, state, is_beyond=bool(every)),
        rest,
        aside=w.number(len(every)) if every else say("none"),
    )


def _nothing(words: MeetingWords, state: State, *, is_beyond: bool) -> Empty:
    say = words.w.say
    if is_beyond:
        return Empty(say("This page is beyond the last one."))
    match state:
        case "asked":
            return Empty(
                say(
                    "There is no request. A request to meet, for a call or for a visit appears "
                    "here until everybody who is asked has answered."
                )
            )
        case "agreed":
            return Empty(
                say(
                    "Nothing is agreed. Meetings that everybody has accepted appear here until "
                    "they are held."
                )
            )
        case "held":
            return Empty(
                say(
                    "No held meeting is still open. Held meetings appear here with the readouts "
                    "that are given or owed."
                )
            )
        case "over":
            return Empty(
                say("Nothing is over yet."),
                say("Meetings appear here once nothing more is owed about them."),
            )


def _ordered(meetings: Sequence[MeetingSummary], state: str) -> list[MeetingSummary]:
    """Return the meetings of a state in their order.

    Requests come in the order in which answers are due, agreed meetings by their start.
    All others come with the newest first.
    """
    of_state = [meeting for meeting in meetings if meeting.state == state]
    match state:
        case "asked":
            return sorted(of_state, key=lambda meeting: (meeting.due, meeting.begins))
        case "agreed":
            return sorted(of_state, key=lambda meeting: meeting.begins)
        case "held":
            return sorted(
                of_state, key=lambda meeting: (bool(meeting.owed), meeting.begins), reverse=True
            )
        case _:
            return sorted(of_state, key=lambda meeting: meeting.updated, reverse=True)


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/meetings", handler=meetings),
    *month_view.ROUTES,
    *meeting_page.ROUTES,
)

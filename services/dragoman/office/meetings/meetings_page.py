"""The list of meetings, calls and visits: requested, agreed, held, and over."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal

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
from dragoman.document.blocks import Empty, Group, Listing, PageDocument, Section, section
from dragoman.domain.acts.act_rules import DUTY
from dragoman.members.runs import PageLink, listed
from dragoman.office.meetings import meeting_page, month_view
from dragoman.office.meetings.meeting_words import MeetingWords
from dragoman.text import capitalized

_ORDERS: Final[dict[State, Callable[[MeetingSummary], Any]]] = {
    "asked": lambda meeting: (meeting.due, meeting.begins),
    "agreed": lambda meeting: meeting.begins,
    "held": lambda meeting: (bool(meeting.owed), meeting.begins),
    "over": lambda meeting: meeting.updated,
}
"""The order of each state; `held` and `over` have the newest first."""


class MeetingsQuery(ListQuery, frozen=True, kw_only=True):
    """The only state of the meetings, and the page of its list."""

    state: State | Literal[""] = ""


async def meetings(context: PageContext) -> Page:
    """Return the list: the meetings of each state, or those of one state."""
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
        lead=w.sentences(lead),
        note=listed(_notes(words, result, query), w.space),
        actions=tuple(_actions(words)),
        places=(
            *(
                PageLink(name, "/meetings", "current" * (state == query.state), {"state": state})
                for name, state in states
            ),
            PageLink(say("Show the calendar"), "/meetings/calendar"),
            PageLink(say("Show undertakings"), "/undertakings"),
            PageLink(say("Show what talks and what does not"), "/mechanisms"),
        ),
        sections=tuple(
            _section(words, state, _ordered(result.meetings, state))
            for state in ((query.state,) if query.state else STATES)
        ),
    )


def _heading(words: MeetingWords, state: State) -> str:
    say = words.w.say
    headings = {
        "asked": say("asked for"),
        "agreed": say("agreed"),
        "held": say("Held"),
        "over": say("over"),
    }
    return capitalized(headings[state])


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
    yield PageLink(say("Ask for a meeting"), "/compose/meeting-request", "button first")
    if not DUTY.isdisjoint(context.roles):
        yield PageLink(say("Ask for a call"), "/compose/call-request", "button")
    yield PageLink(say("Invite to a visit"), "/compose/visit-invitation", "button")


def _section(words: MeetingWords, state: State, every: Sequence[MeetingSummary]) -> Section:
    """Return a page of the meetings of a state."""
    say, heading = words.w.say, _heading(words, state)
    shown, rest = words.paged(every, state=state)
    last = say("Readouts") if state in ("held", "over") else say("Agenda")
    head = (say("When"), say("Opened by"), say("What"), say("Present state"), last)
    return section(
        heading,
        Listing(heading, head, (Group(tuple(map(words.row, shown))),), layout="gather")
        if shown
        else _nothing(words, state, is_beyond=bool(every)),
        rest,
        aside=words.w.number(len(every)) if every else say("none"),
    )


def _nothing(words: MeetingWords, state: State, *, is_beyond: bool) -> Empty:
    say = words.w.say
    nothing = {
        "asked": say(
            "There is no request. A request to meet, for a call or for a visit appears here "
            "until everybody who is asked has answered."
        ),
        "agreed": say(
            "Nothing is agreed. Meetings that everybody has accepted appear here until they are "
            "held."
        ),
        "held": say(
            "No held meeting is still open. Held meetings appear here with the readouts that are "
            "given or owed."
        ),
        "over": say(
            "Nothing is over yet. Meetings appear here once nothing more is owed about them."
        ),
    }
    return Empty(say("This page is beyond the last one.") if is_beyond else nothing[state])


def _ordered(meetings: Sequence[MeetingSummary], state: State) -> list[MeetingSummary]:
    of_state = [meeting for meeting in meetings if meeting.state == state]
    return sorted(of_state, key=_ORDERS[state], reverse=state in ("held", "over"))


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/meetings", handler=meetings),
    *month_view.ROUTES,
    *meeting_page.ROUTES,
)

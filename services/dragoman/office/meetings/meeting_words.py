"""The words for meetings, calls and visits, as their list and their own pages say them.

words = MeetingWords(context, offices)
words.when(window)       the window in UTC, and by the offices' clocks
words.party(meeting, x)  the answer of a side, or until when it is awaited
"""

from collections.abc import Iterator, Sequence

from dragoman.console.display.meeting_summary import (
    MeetingParty,
    MeetingSummary,
    PartyDeadline,
    SharedDeadline,
    TimeWindow,
    answer_of,
    local_window,
    other_deadlines,
)
from dragoman.console.display.office_clocks import Office
from dragoman.console.page.context import PageContext
from dragoman.console.page_words import PageWords
from dragoman.document.blocks import ListingRow
from dragoman.i18n.words import values_of
from dragoman.members.kind import Say
from dragoman.members.places import PlaceKind
from dragoman.members.runs import (
    Aside,
    Break,
    Cell,
    Mark,
    PageLink,
    QuotedText,
    Run,
    Runs,
    StandingSource,
    filled,
    joined,
    listed,
    sourced,
)
from dragoman.members.times import SpanKind

_ICONS = {"proposed": "sent", "accepted": "same", "declined": "none", "informed": "off"}


class MeetingWords(PageWords):
    """The words for meetings, for one page."""

    def __init__(self, context: PageContext, offices: Sequence[Office]) -> None:
        """Say them for the reader of a page, with the clocks of offices."""
        super().__init__(context)
        self.offices = offices

    def row(self, meeting: MeetingSummary) -> ListingRow:
        """Return the row of a meeting."""
        source = StandingSource("meetings", meeting.exchange)
        name = QuotedText(*reversed(self.context.subject(meeting)))
        title = sourced(name, StandingSource("title", meeting.exchange))
        what: list[Cell] = [
            PageLink(title, f"/meetings/{meeting.exchange}"),
            *self.marked(meeting.marking),
            Aside(self.about(meeting)),
            Aside(self.venue(meeting)),
            Aside(self.exchange(meeting.exchange, meeting.number)),
        ]
        if meeting.invokes:
            ladder = self.w.say("on the ladder of a request for explanation")
            what.append(Aside(PageLink(ladder, f"/exchanges/{meeting.invokes}")))
        if meeting.for_the_record:
            what.append(Aside(self.w.say("entered for the record")))
        is_over = meeting.state in ("held", "over")
        cells = (
            (Mark("icon", "", meeting.level), " ", *self.times(meeting)),
            self.side(meeting.side),
            joined(what),
            listed(self._standing(meeting), Break("; ")),
            listed(self._readouts(meeting) if is_over else self._agendas(meeting), Break("; "))
            or self.w.say("none given"),
        )
        names = {"state": meeting.level, "exchange": meeting.exchange, "row": ""}
        return ListingRow(tuple(sourced(cell, source) for cell in cells), names)

    def times(self, meeting: MeetingSummary) -> Runs:
        """Return the windows of a meeting."""
        windows = map(self.when, meeting.windows)
        return listed(windows, Break("; ")) or (self.w.say("at any time"),)

    def when(self, window: TimeWindow) -> Runs:
        """Return a window in UTC, and by the offices' clocks."""
        there = local_window(window, self.offices, self.w)
        shown = (self.time(window.begins),) if window.begins == window.ends else self._span(window)
        return (*shown, " ", Aside(there)) if there else shown

    def _span(self, window: TimeWindow) -> Runs:
        return SpanKind().runs({"from": window.begins, "to": window.ends}, Say(words=self.w))

    def about(self, meeting: MeetingSummary) -> Runs:
        """Return the kind of meeting, its means, its track, and its level."""
        w, lines = self.w, meeting.lines
        parts: list[Cell] = [w.act(meeting.act)]
        parts += [w.value(lines[name]) for name in ("kind", "means") if name in lines]
        if "track" in lines:
            parts.append(w.say("track %(n)s", n=lines["track"]))
        parts += [QuotedText(lines[name]) for name in ("level", "counterpart") if name in lines]
        return listed(parts, w.comma)

    def venue(self, meeting: MeetingSummary) -> Runs:
        """Return the place of a meeting, or that none is named."""
        if place := values_of(meeting.place):
            return PlaceKind().runs(place, Say(words=self.w))
        if meeting.default_venue:
            return (self.w.say("no venue agreed in time: the default venue applies"),)
        return (self.w.say("no venue named"),)

    # Answers and deadlines

    def _standing(self, meeting: MeetingSummary) -> Iterator[Cell]:
        """Yield the answer of each side, and what else is owed."""
        if meeting.state == "over":
            yield (self.w.status(meeting.status), Aside(self.time(meeting.updated)))
            return
        if meeting.status == "postponed":
            yield self.w.say("postponed: other times are to be named")
        yield from (self.party(meeting, party) for party in meeting.parties)
        yield from map(self.owed, other_deadlines(meeting))

    def party(self, meeting: MeetingSummary, party: MeetingParty) -> Runs:
        """Return the answer of a side to the current windows, or its deadline."""
        w = self.w
        due = answer_of(meeting, party.side) if party.word == "asked" else None
        icon = due.level if due else "due" if meeting.state == "asked" else "off"
        text = filled(self._answer(meeting, party), side=Mark("side", party.side.upper()))
        parts: list[Cell] = [Mark("icon", "", _ICONS.get(party.word, icon)), " ", text]
        if party.absent:
            parts.append(Aside(w.say("%(side)s was not there", side=party.side.upper())))
        if due:
            parts.append(self._until(due))
        remarks: list[Cell] = []
        if party.window and len(meeting.windows) > 1:
            remarks.append(self._span(party.window))
        if party.since:
            remarks.append(w.say("said on %(t)s", t=w.written(party.since, "minute")))
        if remarks:
            parts.append(Aside(listed(remarks, w.comma)))
        return joined(parts)

    def _answer(self, meeting: MeetingSummary, party: MeetingParty) -> str:
        say = self.w.say
        match party.word:
            case "proposed":
                return say("%(side)s proposed it")
            case "accepted":
                return say("%(side)s accepts")
            case "declined":
                return say("%(side)s declines")
            case "informed":
                return say("%(side)s has it for information")
            case "asked" if meeting.state == "asked":
                return say("%(side)s has not answered yet")
            case "asked":
                return say("%(side)s: no answer is recorded")

    def owed(self, shared: SharedDeadline) -> Runs:
        """Return a duty of some sides, and its limit."""
        owed, sides = shared
        name = Mark("state", self.w.clock(owed.clock), owed.level)
        return (name, self.w.comma, self.w.listed(sides).upper(), self._until(owed))

    def _until(self, owed: PartyDeadline) -> Aside:
        w, moment = self.w, self.context.moment
        values = {"t": w.written(owed.due, "minute"), "d": w.until(owed.due, moment)}
        text = (
            w.say("limit was %(t)s, late by %(d)s", **values)
            if owed.late
            else w.say("by %(t)s, in %(d)s", **values)
        )
        return Aside(text if owed.binding else w.listed([text, w.say("as a courtesy")]))

    # Texts

    def _readouts(self, meeting: MeetingSummary) -> Iterator[Cell]:
        for readout in meeting.readouts:
            kind = self.w.value(readout.kind)
            author = (Mark("side", readout.side.upper()), self.w.comma, kind)
            yield (*author, " ", Aside(self.time(readout.time)))
        if len(meeting.readouts) > 1:
            yield self._compared(
                meeting.readouts_differ,
                self.w.say("they differ"),
                self.w.say("they are the same"),
            )

    def _agendas(self, meeting: MeetingSummary) -> Iterator[Cell]:
        agendas, agreed = meeting.agendas, meeting.agenda_agreed
        for agenda in agendas[:1] if agreed else agendas:
            side = Mark("side", agenda.side.upper())
            yield self._compared(False, "", self.w.say("agreed")) if agreed else side
            yield from map(QuotedText, agenda.topics)
        if not agreed and len(agendas) > 1:
            few, many = self.w.say("two versions"), self.w.say("several versions")
            yield self._compared(True, few if len(agendas) == 2 else many, "")

    @staticmethod
    def _compared(differs: bool, word: str, same: str) -> Run:
        return Mark("state", word, "differs") if differs else Mark("state", same, "same")

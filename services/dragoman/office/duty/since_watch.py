"""The page *What changed since my last watch*, matter by matter.

    /c/{channel}/since               since the reader's last watch ended
    /c/{channel}/since?from=60       since record 60
    /c/{channel}/since?from=27 Nov 22:00Z

With `?at=`, the page compares two moments: the one in `from`, and its own.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from dragoman.application.http import submission
from dragoman.application.http.conditional_requests import past_by
from dragoman.console.matter.first_words import beginnings, repeats
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page_words import PageWords
from dragoman.document.blocks import (
    Empty,
    Form,
    PageDocument,
    Paragraph,
    Points,
    Remark,
    Section,
    line,
    section,
)
from dragoman.domain.acts.duty_calendar import calendar_of
from dragoman.domain.acts.families.exchange import own_markings
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.record.errors import Refused
from dragoman.domain.views import attribution, open_matters
from dragoman.members import unread_input
from dragoman.members.input import times
from dragoman.members.input.not_understood import NotUnderstoodInput
from dragoman.members.runs import (
    Aside,
    Break,
    Mark,
    MessageSource,
    PageLink,
    Run,
    Runs,
    StandingSource,
    listed,
    plain,
    sourced,
)
from dragoman.office.duty import since
from dragoman.office.duty.since import RecordSince
from dragoman.projection.view import View
from dragoman_schemas.state import Exchange

_RECORDS: Final = 1_000
_MATTERS: Final = 100
_ROUTINE: Final = ("line-check", "echoed")
"""The format and status of a line check that went well, which is left out."""

Reason = Literal["watch", "chosen", "opening"]


class MatterSince(Struct, frozen=True, kw_only=True):
    """A matter in which something was recorded, and its status at the earlier moment.

    `before` is empty if it had not been opened. `waits` says that it waits for the
    reader's side now.
    """

    state: Exchange
    before: str
    waits: bool
    records: tuple[RecordSince, ...]


class SinceQuery(Struct, frozen=True, kw_only=True):
    """The moment or the record since which something changed, as it was typed."""

    from_: str = field(name="from", default="")


async def since_watch(context: PageContext) -> Page:
    """Return the page of what changed since a moment."""
    typed, fault = context.asked(SinceQuery).from_, ""
    reason: Reason = "chosen"
    after = 0
    if typed:
        after, fault = await _chosen(context, typed)
    if not after:
        ended = await context.ask(since.last_watch, context.grant.actor)
        reason, after = ("opening", 1) if ended is None else ("watch", ended.position)
    records, is_cut = await context.ask(since.records_since, after, _RECORDS)
    matters = await context.ask(_matters, context, records, after)
    shown = matters[:_MATTERS]
    words = _Words(context)
    texts = await context.ask(words.texts, shown)
    after_time = await context.ask(lambda view: view.at(after).time)
    lead = [*words.lead(reason, after, context.words.written(after_time), shown)]
    of_channel = [record for record in records if record.exchange == context.registry.id]
    is_cut = is_cut or len(matters) > _MATTERS
    sections = await context.in_thread(words.sections, shown, texts, of_channel, is_cut)
    say = context.words.say
    view = PageDocument(
        title=say("What changed since my last watch") if reason == "watch" else say("What changed"),
        area="board",
        lead=tuple(lead),
        sections=(*sections, words.other(typed, fault, after)),
    )
    return Page(view=view)


class _Words(PageWords):
    def lead(
        self, reason: Reason, after: int, after_time: str, matters: list[MatterSince]
    ) -> Iterator[str]:
        """Yield the moments that are compared, and how much is new."""
        w, context = self.w, self.context
        match reason:
            case "watch":
                yield w.say("Your last watch ended at %(t)s.", t=after_time)
            case "opening":
                yield w.say(
                    "You have had no watch here that ended. So this begins with the opening of the "
                    "channel."
                )
            case _:
                yield w.say("Since %(t)s, record %(n)s.", t=after_time, n=w.number(after))
        if context.past:
            until = w.written(context.moment)
            yield w.space + w.say("Up to %(t)s, record %(n)s.", t=until, n=w.number(context.at))
        yield w.space + w.count(
            "%(n)s matter has something new.", "%(n)s matters have something new.", len(matters)
        )
        opened = sum(not matter.before for matter in matters)
        if opened:
            yield w.space + w.count(
                "%(n)s of them was opened.", "%(n)s of them were opened.", opened
            )

    def texts(self, view: View, matters: list[MatterSince]) -> dict[int, Runs]:
        """Return the first words of the messages of matters, by position.

        A message is said to the other sides. The words are those of its own record, and
        not what a correction has made of them.
        """
        messages = {
            item.said.position: item.act for matter in matters for item in matter.state.messages
        }
        positions = [
            record.position
            for matter in matters
            for record in matter.records
            if record.position in messages
        ]
        subjects = {
            matter.state.messages[0].said.position: plain(self.subject(matter.state))
            for matter in matters
        }
        texts: dict[int, Runs] = {}
        for position, act in since.acts_of(view, positions).items():
            member, quotations = beginnings(messages[position], content_of(act))
            # The heading of a matter has its subject. An opening does not repeat it.
            if any(repeats(text, subjects.get(position, "\0")) for text in quotations):
                continue
            source = MessageSource(position, member)
            runs = listed((sourced(text, source) for text in quotations), Break(" "))
            texts[position] = (" ", *runs) if runs else ()
        return texts

    def sections(
        self,
        matters: list[MatterSince],
        texts: dict[int, Runs],
        of_channel: list[RecordSince],
        is_cut: bool,
    ) -> tuple[Section, ...]:
        """Return the matters, and what was recorded of the channel itself."""
        nothing = self.w.say(
            "Nothing was said since. Each matter in which a side does something appears here."
        )
        shown = [self._matter(matter, texts) for matter in matters]
        return (*(shown or [section("", Empty(nothing))]), self._channel(of_channel, is_cut))

    def _matter(self, matter: MatterSince, texts: dict[int, Runs]) -> Section:
        """Return the records of a matter, and its status then and now."""
        w, state = self.w, matter.state
        marked = self.marked(own_markings(state))
        title = (self.exchange(state.id, state.number), " ", self.title(state), *marked)
        points = tuple(
            (*self.line(record), *texts.get(record.position, ())) for record in matter.records
        )
        statuses = Paragraph(self._statuses(matter))
        return section(title, statuses, Points(points), aside=(w.act(state.act),), matter=state.id)

    def _statuses(self, matter: MatterSince) -> Runs:
        w, id = self.w, matter.state.id
        status, before = w.status(matter.state.status), w.status(matter.before)
        now = w.say("Now: %(status)s.", status=status)
        if self.context.past:
            now = w.say("At that time: %(status)s.", status=status)
        if matter.before == matter.state.status:
            text = w.say("Still: %(status)s.", status=status)
        else:
            earlier = w.say("Then: %(status)s.", status=before)
            text = w.sentences((earlier if matter.before else w.say("Opened since."), now))
        runs: list[Run] = [sourced(text, StandingSource("status", id))]
        if matter.waits:
            word = Mark("strong", w.say("It waits for your side."))
            runs += [w.space, sourced(word, StandingSource("owed", id, duty=True))]
        return tuple(runs)

    def line(self, record: RecordSince) -> Runs:
        """Return a record: whose it is, which act, and when."""
        deed = (self.actor(record.actor), self.w.colon, self.w.act(record.act))
        where = Aside(self.record(record.position, record.time))
        return (sourced(deed, MessageSource(record.position)), " ", where)

    def _channel(self, records: Iterable[RecordSince], is_cut: bool) -> Section:
        """Return the records of the channel itself."""
        say = self.w.say
        lines = tuple(map(self.line, records))
        more = (
            say(
                "There is more than this page can show. The newest is here; the log has all of it."
            ),
            self.w.space,
            PageLink(say("the log"), "/log"),
        )
        return section(
            say("The channel itself"),
            Points(lines) if lines else Empty(say("Nothing changed.")),
            Remark(more) if is_cut else None,
            aside=(say("watches, officers, keys, outages"),),
        )

    def other(self, typed: str, fault: str, after: int) -> Section:
        """Return the form for another moment."""
        say, position = self.w.say, self.context.position
        name = (say("Member by member"),)
        ends = {"from": str(after), "to": str(position)}
        by_member = (
            PageLink(name, "/differences", "button", ends)
            if after < position
            else PageLink(name, "/log", "button")
        )
        hint = say("A time like 24 Nov 03:12Z, or a record like 60. Empty: since your last watch.")
        field = line("from", say("Since"), typed, hint, fault)
        form = Form(
            to="/since",
            parts=(field,),
            button=say("Show what changed"),
            gets=True,
            label=say("Another moment"),
            beside=(by_member,),
        )
        note = say(
            "To compare with an earlier moment instead of now, open Past in the line of states "
            "above."
        )
        return section(say("Another moment"), form, Remark(note))


async def _chosen(context: PageContext, typed: str) -> tuple[int, str]:
    """Return the position that the reader chose, and the error in the text.

    The position is 0 if there is an error.
    """
    number = submission.whole("".join(typed.replace(",", "").split()))
    if number is not None:
        if 1 <= number <= context.position:
            return number, ""
        return 0, context.words.say(
            "Records are counted from 1 to %(n)s.", n=context.words.number(context.position)
        )
    try:
        moment = times.read_time(typed, context.moment, context.zone)
    except NotUnderstoodInput as unread:
        return 0, unread_input.explanation(context.words, unread)
    try:
        return min(
            (await past_by(context.call, context.projection, moment)).position, context.position
        ), ""
    except Refused as refusal:
        return 0, context.words.sentence(refusal.refusal.detail)


def _matters(
    view: View, context: PageContext, records: list[RecordSince], after: int
) -> list[MatterSince]:
    """Return the matters with their newest state.

    Those that wait for the reader's side come first.
    """
    by_exchange: dict[str, list[RecordSince]] = {}
    for record in records:
        if record.exchange != context.registry.id:
            by_exchange.setdefault(record.exchange, []).append(record)
    matters = []
    calendars = {side: calendar_of(context.projection.office(side)) for side in context.sides}
    for id, items in by_exchange.items():
        state = view.state(id)
        if state is None or (state.act, state.status) == _ROUTINE:
            continue
        before = view.at(after).state(id)
        hides = attribution.unattributed(state)
        duties = open_matters.owing(context.registry, state, calendars)
        matter = MatterSince(
            state=state,
            before="" if before is None else before.status,
            waits=any(duty.side == context.side for duty in duties),
            records=tuple(replace(record, actor="") if hides else record for record in items),
        )
        matters.append(matter)
    return sorted(matters, key=lambda matter: (not matter.waits, -matter.records[-1].position))


ROUTES: Final = (PageRoute(path="/since", handler=since_watch),)

"""The turn-over note of a side's watch: what the next duty officer must know.

It is generated from the log.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import UNSET
from msgspec.structs import replace

from dragoman.document.blocks import (
    Block,
    Paragraph,
    Quote,
    ReportDocument,
    Section,
    Table,
    section,
    table,
)
from dragoman.domain.acts.line_checks import is_line_check
from dragoman.domain.views import attribution
from dragoman.domain.views.open_matters import owing
from dragoman.domain.views.outages import OutageSpan
from dragoman.domain.views.receipts import awaited_from
from dragoman.domain.views.statistics import lines
from dragoman.i18n.words import Words, as_moment
from dragoman.limits import SITUATION_EXCHANGES
from dragoman.members.runs import Cell, QuotedText, filled, listed
from dragoman.members.texts import quoted_in
from dragoman.projection.queries.snapshot import Snapshot
from dragoman.reports import (
    handover_rows,
    layout,
    people_and_visits,
    report_facts,
    situation_report,
)
from dragoman.reports.handover_rows import HandoverList
from dragoman_schemas.report_shapes import HandedOver, HandedTo, PutAside, TurnOver, Urgent
from dragoman_schemas.state import Exchange


def begins(snapshot: Snapshot, side: str) -> datetime:
    """Return the default beginning of the period: when the watch was taken.

    If nobody has the watch, it is that of a situation report.
    """
    watch = snapshot.registry.watches.get(side)
    return (
        situation_report.begins(snapshot.ends)
        if watch is None
        else datetime.fromisoformat(watch.since.time)
    )


def turn_over(
    snapshot: Snapshot,
    span: OutageSpan,
    side: str,
    *,
    live: bool,
    shelved: Sequence[PutAside] = (),
    silenced: int = 0,
    silenced_last: str = "",
    drafts: Sequence[HandedOver] = (),
    handed: Sequence[HandedTo] = (),
) -> TurnOver:
    """Return the turn-over note of a side at a moment.

    It has what is open, owed and awaited, what came since the span began, and what the
    watch did to its own alarms.
    """
    first = snapshot.first(span)
    snapshot.expect(first, SITUATION_EXCHANGES)
    exchanges = list(snapshot.exchanges(first))
    watch = snapshot.registry.watches.get(side)
    dues = report_facts.by_due(
        due for exchange in exchanges for due in report_facts.due(snapshot, exchange)
    )
    owed, awaited = ([due for due in dues if (due.side == side) == ours] for ours in (True, False))
    waits = [item for exchange in exchanges for item in _unacknowledged(snapshot, exchange, side)]
    since = [
        report_facts.matter(exchange)
        for exchange in exchanges
        if exchange.updated.position >= first and not is_line_check(exchange)
    ]
    stands = report_facts.open_matters(snapshot, exchanges)
    messages = sorted(_said(snapshot, exchanges, span), key=lambda urgent: urgent.time)
    in_force = report_facts.by_time(
        report_facts.in_force(snapshot, exchange) or report_facts.next_meeting(snapshot, exchange)
        for exchange in exchanges
    )
    people = people_and_visits.people_waited_for(exchanges, span)
    visits = people_and_visits.open_visits(exchanges, span)
    return TurnOver(
        **report_facts.heading(snapshot, span, "turn-over", live=live),
        side=side,
        watch="nobody" if watch is None else "manned",
        note=UNSET if watch is None else watch.note,
        standing=report_facts.standing(snapshot, exchanges, span),
        unnamed=report_facts.unnamed(snapshot.registry, exchanges, span),
        line=lines(snapshot.sides, snapshot.line_checks(first), span),
        unacknowledged=tuple(waits[: report_facts.MOST]),
        owed=tuple(owed[: report_facts.MOST]),
        awaited=tuple(awaited[: report_facts.MOST]),
        unacknowledged_total=len(waits),
        owed_total=len(owed),
        awaited_total=len(awaited),
        since=tuple(since[-report_facts.MOST :]),
        in_force=tuple(in_force[: report_facts.MOST]),
        shelved=tuple(
            _put_aside(put_aside, {exchange.id: exchange for exchange in exchanges})
            for put_aside in shelved
        ),
        handed=tuple(_still_handed(snapshot, exchanges, side, handed)),
        silenced=silenced,
        silenced_last=silenced_last,
        stands=tuple(stands[: report_facts.MOST]),
        said=tuple(messages[-report_facts.MOST :]),
        drafts=tuple(drafts),
        people=tuple(people[: report_facts.MOST]),
        visits=tuple(visits[: report_facts.MOST]),
        left_off=sum(
            max(0, len(lists) - report_facts.MOST)
            for lists in (waits, owed, awaited, since, stands, messages, in_force, people, visits)
        ),
    )


def _still_handed(
    snapshot: Snapshot, exchanges: Sequence[Exchange], side: str, handed: Sequence[HandedTo]
) -> Iterator[HandedTo]:
    """Yield the matters in which the side still owes what a colleague took over."""
    by_id = {exchange.id: exchange for exchange in exchanges}
    for matter in handed:
        exchange = by_id.get(matter.exchange)
        duties = () if exchange is None else owing(snapshot.registry, exchange, snapshot.calendars)
        if exchange is not None and any(
            duty.side == side and duty.key in matter.duties for duty in duties
        ):
            yield replace(matter, number=attribution.number(exchange))


def _put_aside(shelved: PutAside, exchanges: Mapping[str, Exchange]) -> PutAside:
    """Return a matter that was set aside.

    Under the Chatham House Rule it has neither side nor number.
    """
    exchange = exchanges.get(shelved.exchange)
    if exchange is None:
        return shelved
    return replace(
        shelved,
        number=attribution.number(exchange),
        owed_by=attribution.side(exchange, shelved.owed_by),
    )


def _unacknowledged(snapshot: Snapshot, exchange: Exchange, side: str) -> Iterator[Urgent]:
    """Yield the messages that the side has not acknowledged."""
    for message in exchange.messages:
        if side in awaited_from(snapshot.registry, exchange, message):
            yield report_facts.urgent(snapshot, exchange, message)


def _said(snapshot: Snapshot, exchanges: Sequence[Exchange], span: OutageSpan) -> Iterator[Urgent]:
    """Yield the messages of a span, without line checks."""
    for exchange in exchanges:
        for message in exchange.messages if not is_line_check(exchange) else ():
            if span.holds(message.said.time):
                yield report_facts.urgent(snapshot, exchange, message)


def paper(over: TurnOver, w: Words, language: str) -> ReportDocument:
    """Return the note laid out."""
    side = layout.side(over.side)
    counts = {
        "n": w.number(over.unacknowledged_total),
        "m": w.number(over.owed_total),
        "k": w.number(over.awaited_total),
    }
    watch = (
        w.say("The watch of %(side)s is manned since %(t)s.", side=side, t=w.written(over.from_))
        if over.watch == "manned"
        else w.say("Nobody has the watch of %(side)s on record.", side=side)
    )
    return ReportDocument(
        of=over.of,
        language=w.language,
        title=w.say("Turn-over of the watch of %(side)s, %(t)s", side=side, t=w.written(over.to)),
        lead=(
            watch,
            w.say("Not acknowledged by us: %(n)s. Owed by us: %(m)s. Awaited: %(k)s.", **counts),
        ),
        sections=tuple(_sections(over, w, language)),
        foot=layout.foot(over, w),
        again=layout.again(over, language),
        alarm=layout.alarm(over, w),
    )


def _sections(over: TurnOver, w: Words, language: str) -> Iterator[Section]:
    if over.note:
        yield section(
            w.say("Handed over with the watch"),
            Quote(w.say("Note"), quoted_in(over.note, w, language)),
        )
    handover_list = handover_rows.list_of(over)
    yield from handover_rows.sections(over, handover_list, w, language)
    if over.drafts:
        drafts: list[tuple[Cell, ...]] = [
            (w.act(draft.act), draft.author.partition("/")[2], w.written(draft.since, "minute"))
            for draft in over.drafts
        ]
        yield section(
            w.say("Needs a second hand"),
            table((w.say("What"), w.say("Written by"), w.say("Handed over")), drafts),
        )
    if over.shelved or over.silenced:
        yield section(w.say("Set aside and silenced"), *_set_aside(over, w))
    if over.handed:
        yield section(w.say("Handed to a colleague"), _handed_table(over.handed, w))
    yield from people_and_visits.sections(over.people, over.visits, w, language)
    yield from _since(over, handover_list, w, language)
    yield section(
        w.say("Watch and line"),
        layout.watch_points(over.standing, w),
        layout.line_points(over.line, w),
        layout.left_off(over.left_off, w),
    )


def _set_aside(over: TurnOver, w: Words) -> Iterator[Block | None]:
    """Yield the matters that were set aside, and how often a screen was silenced."""
    shelved: list[tuple[Cell, ...]] = [
        (
            w.clock(put_aside.clock),
            layout.party(put_aside.owed_by, w),
            put_aside.number,
            QuotedText(put_aside.reason),
            put_aside.by.partition("/")[2],
            w.written(put_aside.until, "minute"),
        )
        for put_aside in over.shelved
    ]
    head = (
        w.say("What is owed"),
        w.say("Owed by"),
        w.say("Number"),
        w.say("Reason"),
        w.say("By"),
        w.say("Until"),
    )
    yield table(head, shelved)
    if over.silenced:
        silenced = w.count(
            "A screen was silenced %(n)s time.",
            "Screens were silenced %(n)s times.",
            over.silenced,
        )
        sentences = [silenced]
        if over.silenced_last:
            sentences.append(w.say("Last at %(t)s.", t=w.written(over.silenced_last)))
        yield Paragraph(w.sentences(sentences))


def _since(
    over: TurnOver, handover_list: HandoverList, w: Words, language: str
) -> Iterator[Section]:
    """Yield the messages since the watch was taken over, and changed matters."""
    messages: list[tuple[Cell, ...]] = [
        (
            w.near(urgent.time, as_moment(over.to)),
            w.value(urgent.matter.precedence).upper(),
            layout.party(urgent.side, w),
            listed(_message(urgent, handover_list, w, language), w.space),
        )
        for urgent in over.said
    ]
    head = w.say("Sent"), w.say("Precedence"), w.say("Sender"), w.say("What")
    yield section(
        w.say("Since the watch was taken over"),
        table(head, messages),
        empty=w.say("Nothing was said."),
    )
    shown = handover_list.exchanges | {urgent.matter.exchange for urgent in over.said}
    changed = [matter for matter in over.since if matter.exchange not in shown]
    if changed:
        yield section(
            w.say("Changed since, without a new message"),
            layout.matter_table(changed, w, language),
        )


def _message(
    urgent: Urgent, handover_list: HandoverList, w: Words, language: str
) -> Iterator[Cell]:
    """Yield a message with the posts that were not told of it.

    The number alone names a matter of the list.
    """
    matter = urgent.matter
    if matter.number and matter.exchange in handover_list.exchanges:
        what, number = w.act(urgent.act), layout.numbered(matter)
        yield filled(w.say("%(what)s (%(number)s)"), what=what, number=number)
    else:
        yield layout.of_an_act(urgent.act, matter, w, language)
    for receipt in urgent.receipts:
        for sentence in layout.not_passed_on(receipt, w):
            yield layout.of_matter(sentence, matter)


def _handed_table(handed: Sequence[HandedTo], w: Words) -> Table | None:
    """Return the matters that colleagues have taken over, with the reasons."""
    head = (w.say("Number"), w.say("To"), w.say("By"), w.say("Time"), w.say("Reason"))
    rows: list[tuple[Cell, ...]] = [
        (
            matter.number,
            matter.to.partition("/")[2],
            matter.by.partition("/")[2],
            w.written(matter.at, "minute"),
            QuotedText(matter.reason),
        )
        for matter in handed
    ]
    return table(head, rows)

"""The record of the period: everything that was said, by family, as each side said it.

It is generated from the log. It is not a joint report.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, get_args

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.document.blocks import (
    Block,
    Paragraph,
    Points,
    Quote,
    ReportDocument,
    Section,
    Table,
    section,
    table,
)
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.line_checks import is_line_check
from dragoman.domain.views import attribution
from dragoman.domain.views.flags import AREAS, RaisedFlag, flags, is_open_area
from dragoman.domain.views.outages import OutageSpan
from dragoman.i18n.words import Words
from dragoman.limits import REPORT_EXCHANGES
from dragoman.members import shapes
from dragoman.members.kind import Say
from dragoman.members.runs import (
    MessageSource,
    QuotedText,
    Run,
    StandingSource,
    filled,
    listed,
)
from dragoman.members.texts import quoted_in as words_of
from dragoman.projection.queries.dialogue import issues_of
from dragoman.projection.queries.snapshot import Snapshot
from dragoman.projection.queries.statistics import statistics_of
from dragoman.reports import (
    dialogue_layout,
    dissents,
    layout,
    people_and_visits,
    report_facts,
    stated_values,
    statistics_layout,
    unanswered_questions,
    undertaken,
    yearly_exchanges,
)
from dragoman_schemas.acts.office.channel import Family
from dragoman_schemas.report_shapes import (
    ChannelAct,
    FamilyRecord,
    Matter,
    Met,
    PeriodRecord,
    ReadOut,
    RecordedExchange,
    Saying,
)
from dragoman_schemas.responses import FlagView, Unanswered
from dragoman_schemas.state import Exchange, Meeting, Stamp

_HEADED: Final = frozenset({"subject", "to", "info", "precedence", "area", "original", "of"})
"""Members that are in a matter's heading, or mean nothing by themselves."""

Flagged = Mapping[str, Sequence[RaisedFlag]]
"""The flags of exchanges, by their ids."""

_SERVICES: Final = frozenset({"reminder", "lapse", "line-check-missed"})


def record_of_the_period(
    snapshot: Snapshot, span: OutageSpan, *, live: bool
) -> tuple[PeriodRecord, Flagged]:
    """Return everything that was said in a span, and the flags of each exchange.

    Raises `Refused` if that is too much for one record.
    """
    first = snapshot.first(span)
    snapshot.expect(first, REPORT_EXCHANGES)
    exchanges = list(snapshot.touched(first))
    areas = [area for act in AREAS for area in snapshot.every(act) if is_open_area(area)]
    flagged = {
        exchange.id: _flags(snapshot, exchange, areas)
        for exchange in exchanges
        if not is_line_check(exchange)
    }
    period_record = PeriodRecord(
        **report_facts.heading(snapshot, span, "period", live=live),
        families=tuple(
            FamilyRecord(
                family=family,
                exchanges=tuple(
                    _recorded(snapshot, exchange, span, flagged[exchange.id])
                    for exchange in period_record
                ),
            )
            for family in get_args(Family)
            if (
                period_record := [
                    exchange
                    for exchange in exchanges
                    if exchange.family == family and not is_line_check(exchange)
                ]
            )
        ),
        channel=tuple(snapshot.channel_acts(first)),
        perceptions=issues_of(snapshot.every("perception"), snapshot.sides),
        lapses=tuple(
            lapse
            for exchange in snapshot.exchanges(first)
            for lapse in report_facts.lapses(snapshot, exchange, span)
        ),
        lessons=tuple(
            lesson for exchange in exchanges for lesson in report_facts.lessons(exchange, span)
        ),
        people=tuple(people_and_visits.people_of(exchanges)),
        visits=tuple(people_and_visits.visits_of(exchanges)),
        undertakings=tuple(undertaken.reported(snapshot, span)),
        undertakings_by_side=undertaken.counts(snapshot, span),
        annual=tuple(yearly_exchanges.of_period(snapshot, span)),
        questions=tuple(
            question
            for exchange in snapshot.exchanges(first)
            for question in unanswered_questions.of_exchange(exchange)
        ),
        statistics=statistics_of(snapshot, span),
    )
    return period_record, flagged


def _flags(snapshot: Snapshot, exchange: Exchange, areas: Sequence[Exchange]) -> list[RaisedFlag]:
    """Return the flags of an exchange.

    Under the Chatham House Rule no flag names its side.
    """
    raised_flags = flags(snapshot.registry, exchange, areas, snapshot.ends)
    return [
        replace(
            raised_flag, detail=attribution.spoken(exchange, raised_flag.detail, snapshot.sides)
        )
        for raised_flag in raised_flags
    ]


def _recorded(
    snapshot: Snapshot, exchange: Exchange, span: OutageSpan, flagged: Sequence[RaisedFlag]
) -> RecordedExchange:
    sayings = tuple(saying for saying in _sayings(snapshot, exchange) if span.holds(saying.time))
    met = None if exchange.meeting is None else _met(exchange, exchange.meeting)
    if attribution.unattributed(exchange):
        sayings, met = (
            tuple(_of_nobody(saying, snapshot.sides) for saying in sayings),
            _of_somebody(met),
        )
    return RecordedExchange(
        matter=report_facts.matter(exchange),
        said=sayings,
        met=met,
        unanswered=()
        if exchange.cancellation is not None
        else tuple(report_facts.unanswered(exchange)),
        notice=dict(FORMATS[exchange.act].notice),
        stated=stated_values.of_exchange(exchange),
        dissents=dissents.of_exchange(exchange),
        flags=tuple(
            FlagView(flag=raised_flag.flag, detail=str(raised_flag.detail))
            for raised_flag in flagged
        ),
    )


def _of_nobody(saying: Saying, sides: Sequence[str]) -> Saying:
    """Return a saying without its speaker and without its receipts."""
    return replace(
        saying,
        side="",
        by="a participant",
        content=attribution.content(saying.content, sides),
        receipts=(),
    )


def _of_somebody(met: Met | None) -> Met | None:
    """Return a meeting whose readouts do not name their sides, in the order of time."""
    if met is None:
        return None
    read_outs = sorted(met.readouts, key=lambda read_out: read_out.time)
    readouts = tuple(replace(out, side=f"participant {n}") for n, out in enumerate(read_outs, 1))
    return replace(
        met, readouts=readouts, no_readout=(), not_attended=("",) * len(met.not_attended)
    )


def _sayings(snapshot: Snapshot, exchange: Exchange) -> Iterator[Saying]:
    """Yield every act of an exchange that says something, in the order of the log."""
    messages = {message.said.position: message for message in exchange.messages}
    for position, (act, stamp, content) in sorted(_acts(snapshot, exchange).items()):
        message = messages.get(position)
        yield Saying(
            act=act,
            side=stamp.by.partition("/")[0],
            by=report_facts.role_of(snapshot, stamp),
            time=stamp.time,
            position=position,
            content=attribution.referring(content, snapshot.hides),
            receipts=()
            if message is None or message.for_the_record
            else tuple(report_facts.receipts(snapshot, exchange, message)),
        )


SpokenAct = tuple[str, Stamp, dict[str, Raw]]


def _acts(snapshot: Snapshot, exchange: Exchange) -> dict[int, SpokenAct]:
    result: dict[int, SpokenAct] = {
        message.said.position: (message.act, message.said, {}) for message in exchange.messages
    }
    result[exchange.opened.position] = exchange.act, exchange.opened, snapshot.opening(exchange)
    for act, value in exchange.acts.items():
        if act not in _SERVICES:
            result |= {item.said.position: (act, item.said, item.content) for item in value}
    for accounts in exchange.accounts.values():
        result |= {
            account.given.position: ("counter-account", account.given, account.content)
            for account in accounts
        }
    for correction in exchange.corrections:
        content = {**correction.fields, "reason": _raw(correction.reason)}
        result[correction.corrected.position] = "correction", correction.corrected, content
    for retraction in exchange.retractions:
        content = {**retraction.fields, "reason": retraction.reason}
        result[retraction.retracted.position] = "retraction", retraction.retracted, content
    if exchange.cancellation is not None:
        content = {"reason": _raw(exchange.cancellation.reason)}
        result[exchange.cancellation.cancelled.position] = (
            "cancellation",
            exchange.cancellation.cancelled,
            content,
        )
    for accepted in () if exchange.meeting is None else exchange.meeting.accepted.values():
        result[accepted.accepted.position] = (
            "acceptance",
            accepted.accepted,
            {"window": accepted.terms},
        )
    return result


def _raw(text: object) -> Raw:
    return Raw(msgspec.json.encode(text))


def _met(exchange: Exchange, meeting: Meeting) -> Met | None:
    if not (meeting.held or meeting.absent or meeting.readouts):
        return None
    newest = {side: readout[-1] for side, readout in meeting.readouts.items() if readout}
    topics = [set(readout.topics) for readout in newest.values()]
    shared = set.intersection(*topics) if topics else set()
    return Met(
        held=tuple((item.from_, item.to) for item in meeting.held),
        not_attended=tuple(sorted(meeting.absent)),
        readouts=tuple(
            ReadOut(
                side=side,
                kind=state_readout.kind,
                time=state_readout.given.time,
                topics=state_readout.topics,
                text=state_readout.text,
            )
            for side, state_readout in sorted(newest.items())
        ),
        no_readout=tuple(
            side for side in (exchange.side, *exchange.to) if meeting.held and side not in newest
        ),
        differ=meeting.readouts_differ,
        differing_topics=tuple(
            dict.fromkeys(
                topic
                for state_readout in newest.values()
                for topic in state_readout.topics
                if topic not in shared
            )
        ),
    )


# Laid out


def paper(period_record: PeriodRecord, flagged: Flagged, w: Words, language: str) -> ReportDocument:
    """Return the record laid out, with the translatable flags of its exchanges."""
    exchanges = sum(len(family.exchanges) for family in period_record.families)
    carried_on = w.count(
        "%(n)s exchange was carried on.", "%(n)s exchanges were carried on.", exchanges
    )
    return ReportDocument(
        of=period_record.of,
        language=w.language,
        title=w.say("Record of the period, %(channel)s", channel=period_record.of.name),
        lead=(
            w.sentences(
                (w.say("From %(a)s to %(b)s.", **layout.period(period_record, w)), carried_on)
            ),
            w.say(
                "This record is generated from the log and agreed by nobody: it gives what each "
                "side said, and when."
            ),
        ),
        sections=tuple(_sections(period_record, flagged, w, language)),
        foot=layout.foot(period_record, w),
        again=layout.again(period_record, language),
        alarm=layout.alarm(period_record, w),
    )


def _sections(
    period_record: PeriodRecord, flagged: Flagged, w: Words, language: str
) -> Iterator[Section]:
    for family in period_record.families:
        name, number = _family(family.family, w), len(family.exchanges)
        yield section(
            w.count(
                "%(family)s, %(n)s exchange", "%(family)s, %(n)s exchanges", number, family=name
            )
        )
        for exchange in family.exchanges:
            yield from _exchange(
                period_record, exchange, flagged.get(exchange.matter.exchange, ()), w, language
            )
    yield from people_and_visits.sections(period_record.people, period_record.visits, w, language)
    if not period_record.families:
        yield section(w.say("Exchanges"), Paragraph(w.say("Nothing was said in this time.")))
    yield section(
        w.say("The channel"), _channel(period_record, w, language), empty=w.say("Nothing changed.")
    )
    yield section(
        w.say("Perceptions side by side"),
        empty="" if period_record.perceptions else w.say("No side has written of any issue."),
    )
    yield from dialogue_layout.issue_sections(period_record.perceptions, w, language, 3)
    yield section(
        w.say("Limits that passed"),
        layout.lapse_table(period_record.lapses, w, language),
        empty=w.say("No limit passed in this period."),
    )
    yield section(
        w.say("Lessons"),
        *dialogue_layout.lesson_blocks(period_record.lessons, w, language),
        empty=w.say("None were entered."),
    )
    yield section(
        w.say("Undertakings"),
        undertaken.count_table(period_record.undertakings_by_side, w),
        undertaken.table_of(period_record.undertakings, w, language),
        empty=w.say("None were made."),
    )
    yield section(
        w.say("Yearly exchanges"),
        yearly_exchanges.table_of(period_record.annual, w),
        empty=w.say("No yearly exchange was owed or given."),
    )
    yield section(
        w.say("Questions left open"),
        unanswered_questions.table_of(period_record.questions, w, language),
        empty=w.say("No question is open."),
    )
    yield section(w.say("Statistics"))
    yield from statistics_layout.statistics_sections(period_record.statistics, w, 3)


def _family(family: str, w: Words) -> str:
    return {
        "contact": w.say("Contacts"),
        "meeting": w.say("Meetings"),
        "notification": w.say("Notifications"),
        "dialogue": w.say("Dialogue"),
        "channel": w.say("Channel"),
        "desk": w.say("The side’s own desk"),
    }[family]


def _exchange(
    period_record: PeriodRecord,
    exchange: RecordedExchange,
    flagged: Sequence[RaisedFlag],
    w: Words,
    language: str,
) -> Iterator[Section]:
    matter = exchange.matter
    face = exchange.notice.get(w.language) or exchange.notice.get("en", "")
    rows = tuple(
        (
            w.say(
                "%(what)s: %(detail)s",
                what=w.name("flag", raised_flag.flag),
                detail=w.sentence(raised_flag.detail),
            ),
        )
        for raised_flag in flagged
    )
    unanswered = tuple((_open(item, w),) for item in exchange.unanswered)
    yield section(
        (
            *filled(
                w.say("%(what)s: %(subject)s"),
                what=w.act(matter.format),
                subject=layout.subject(matter, w, language),
            ),
            *layout.marked(matter),
        ),
        Paragraph(w.sentences(_head(matter, w))),
        Paragraph(face) if face else None,
        Points(rows) if rows else None,
        Points(unanswered) if unanswered else None,
        *(
            block
            for saying in exchange.said
            for block in _saying(period_record, matter, saying, w, language)
        ),
        *(_meeting(exchange.met, matter, w, language) if exchange.met is not None else ()),
        *(() if exchange.stated is None else stated_values.blocks([exchange.stated], w, language)),
        dissents.table_of(exchange.dissents, w, language),
        level=3,
    )


def _head(matter: Matter, w: Words) -> Iterator[str]:
    """Yield sentences about the sides, the status and the readers of a matter."""
    values = {
        "number": matter.number,
        "precedence": w.value(matter.precedence),
        "status": w.status(matter.status),
        "t": w.written(matter.opened),
    }
    if matter.side:
        parties = {"side": layout.side(matter.side), "to": layout.sides(matter.to, w)}
        yield w.say(
            "%(number)s: %(precedence)s, %(status)s. From %(side)s to %(to)s, opened %(t)s.",
            **values,
            **parties,
        )
    else:
        values.pop("number")
        yield w.say("%(precedence)s, %(status)s. Opened %(t)s.", **values)
    if matter.info:
        yield w.say("For information: %(sides)s.", sides=layout.sides(matter.info, w))
    if matter.for_the_record:
        yield w.say("Entered for the record.")
    if not matter.side:
        yield w.say("Not attributed, by the Chatham House Rule.")
    match matter.releasability:
        case "sides_only":
            yield w.say("Only for the sides.")
        case "joint_release":
            yield w.say("For joint release.")
        case _:
            pass


def _open(unanswered: Unanswered, w: Words) -> str:
    return w.count(
        "%(side)s has not answered %(n)s question of %(asker)s: %(list)s.",
        "%(side)s has not answered %(n)s questions of %(asker)s: %(list)s.",
        len(unanswered.numbers),
        side=layout.party(unanswered.side, w),
        asker=layout.party(unanswered.asked_by, w),
        list=w.listed(map(str, unanswered.numbers)),
    )


def _saying(
    period_record: PeriodRecord, matter: Matter, saying: Saying, w: Words, language: str
) -> Iterator[Block]:
    values = {
        "t": w.written(saying.time),
        "who": layout.role(saying.by, w),
        "act": w.act(saying.act),
    }
    label = (
        w.say("%(t)s, %(side)s, %(who)s: %(act)s.", **values, side=layout.side(saying.side))
        if saying.side
        else w.say("%(t)s, %(who)s: %(act)s.", **values)
    )
    receipts = (
        layout.of_matter(layout.receipt(receipt, period_record.to, saying.time, w), matter)
        for receipt in saying.receipts
    )
    yield Paragraph(listed((label, *receipts), w.space))
    original = matter.original if saying.act == matter.format else ""
    say = Say(words=w, language=language, original=original, opening=matter.format)
    points: list[tuple[Run, ...]] = []
    source = MessageSource(saying.position) if saying.side else StandingSource("report")
    for name, value in saying.content.items():
        if name not in _HEADED:
            runs = shapes.said(saying.act, name, value, say)
            if name in _TEXTS and len(runs) == 1 and isinstance(runs[0], QuotedText):
                yield Quote(w.field(name, saying.act), runs[0], source)
            else:
                cell = layout.of_matter(runs, matter)
                points.append(
                    filled(w.say("%(what)s: %(value)s"), what=w.field(name, saying.act), value=cell)
                )
    if points:
        yield Points(tuple(points))


_TEXTS: Final = frozenset(
    {"text", "facts", "description", "gist", "reason", "own_view", "your_view"}
)
"""Members that are given in full as a side's own words."""


def _meeting(met: Met, matter: Matter, w: Words, language: str) -> Iterator[Block]:
    for begins, ends in met.held:
        yield Paragraph(w.say("Held from %(a)s to %(b)s.", a=w.written(begins), b=w.written(ends)))
    if met.not_attended:
        yield Paragraph(
            w.say(
                "Did not attend: %(sides)s.",
                sides=w.listed(layout.party(text, w) for text in met.not_attended),
            )
        )
    if met.readouts or met.no_readout:
        names = {readout.side: layout.side(readout.side) for readout in met.readouts} | {
            side: layout.side(side) for side in met.no_readout
        }
        if not matter.side:
            names = {
                name: w.say("Participant %(n)s", n=w.number(number))
                for number, name in enumerate(names, 1)
            }
        kinds = {
            readout.side: w.say(
                "%(kind)s, %(t)s", kind=w.value(readout.kind), t=w.written(readout.time)
            )
            for readout in met.readouts
        }
        yield layout.beside(
            names,
            [
                (w.say("Readout"), kinds or dict.fromkeys(met.no_readout, w.say("none"))),
                (
                    w.say("Topics"),
                    {
                        readout.side: layout.of_matter(
                            listed(map(QuotedText, readout.topics), w.semicolon), matter
                        )
                        for readout in met.readouts
                    },
                ),
                (
                    w.say("Text"),
                    {
                        readout.side: layout.of_matter(words_of(readout.text, w, language), matter)
                        for readout in met.readouts
                    },
                ),
            ],
            w,
        )
    if met.differ and met.differing_topics:
        topics = layout.of_matter(
            listed(map(QuotedText, met.differing_topics), w.semicolon), matter
        )
        yield Paragraph(
            filled(
                w.say("The readouts differ; topics that not all of them have: %(topics)s."),
                topics=topics,
            )
        )
    elif met.differ:
        yield Paragraph(w.say("The readouts differ, but only in their words."))


def _channel(period_record: PeriodRecord, w: Words, language: str) -> Table | None:
    def content(act: ChannelAct) -> tuple[Run, ...]:
        say = Say(words=w, language=language)
        pairs = act.content.items()
        return listed(
            (
                filled(
                    w.say("%(what)s: %(value)s"),
                    what=w.field(name, act.act),
                    value=shapes.said(act.act, name, raw, say),
                )
                for name, raw in pairs
            ),
            w.semicolon,
        )

    return table(
        (w.say("Time"), w.say("Side"), w.say("Act"), w.say("What")),
        [
            (
                w.written(act.time),
                layout.side(act.side) if act.side in period_record.of.sides else w.say("services"),
                w.act(act.act),
                content(act),
            )
            for act in period_record.channel
        ],
    )

"""The record of the period: everything that was said, by family, as each side said it. It is generated, and no joint report."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, get_args

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.views import attribution
from dragoman.domain.views.flags import AREAS, RaisedFlag, flags, is_open_area
from dragoman.domain.views.outages import OutageSpan
from dragoman.i18n.vocabulary import chosen
from dragoman.i18n.words import Words
from dragoman.limits import REPORT_EXCHANGES
from dragoman.projection.dialogue import issues_of
from dragoman.projection.snapshot import Snapshot
from dragoman.projection.statistics import statistics_of
from dragoman.reports import layout, report_facts
from dragoman.reports.document import (
    Block,
    DocumentList,
    DocumentParagraph,
    DocumentQuote,
    DocumentSection,
    DocumentTable,
    ReportDocument,
    section,
    table,
)
from dragoman.reports.member_texts import Members, QuotedText, Run, filled, listed
from dragoman.reports.member_texts import said as words_of
from dragoman_schemas.acts.channel import Family
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
"""Members that stand in a matter's heading, or say nothing by themselves."""

Flagged = Mapping[str, Sequence[RaisedFlag]]
"""The flags of exchanges, by their ids."""

_SERVICES: Final = frozenset({"reminder", "lapse", "line-check-missed"})


def record_of_the_period(
    then: Snapshot, span: OutageSpan, *, live: bool
) -> tuple[PeriodRecord, Flagged]:
    """Everything that was said in a span, and the flags of each exchange. Raises `Refused` where that is too much for one record."""
    first = then.first(span)
    then.expect(first, REPORT_EXCHANGES)
    exchanges = list(then.touched(first))
    areas = [area for act in AREAS for area in then.of("notification", act) if is_open_area(area)]
    flagged = {each.id: _flags(then, each, areas) for each in exchanges if each.act != "line-check"}
    found = PeriodRecord(
        **report_facts.heading(then, span, "period", live=live),
        families=tuple(
            FamilyRecord(
                family=family,
                exchanges=tuple(
                    _recorded(then, exchange, span, flagged[exchange.id]) for exchange in found
                ),
            )
            for family in get_args(Family)
            if (
                found := [
                    exchange
                    for exchange in exchanges
                    if exchange.family == family and exchange.act != "line-check"
                ]
            )
        ),
        channel=tuple(then.channel_acts(first)),
        perceptions=issues_of(then.of("dialogue", "perception"), then.sides),
        lapses=tuple(
            each
            for exchange in then.exchanges(first)
            for each in report_facts.lapses(then, exchange, span)
        ),
        lessons=tuple(
            each for exchange in exchanges for each in report_facts.lessons(exchange, span)
        ),
        statistics=statistics_of(then, span),
    )
    return found, flagged


def _flags(then: Snapshot, exchange: Exchange, areas: Sequence[Exchange]) -> list[RaisedFlag]:
    """The flags of an exchange; under the Chatham House Rule none says which side it is of."""
    found = flags(then.registry, exchange, areas, then.ends)
    return [
        replace(each, detail=attribution.spoken(exchange, each.detail, then.sides))
        for each in found
    ]


def _recorded(
    then: Snapshot, exchange: Exchange, span: OutageSpan, flagged: Sequence[RaisedFlag]
) -> RecordedExchange:
    said = tuple(saying for saying in _sayings(then, exchange) if span.holds(saying.time))
    met = None if exchange.meeting is None else _met(exchange, exchange.meeting)
    if attribution.unattributed(exchange):
        said, met = tuple(_of_nobody(saying, then.sides) for saying in said), _of_somebody(met)
    return RecordedExchange(
        matter=report_facts.matter(exchange),
        said=said,
        met=met,
        unanswered=()
        if exchange.cancellation is not None
        else tuple(report_facts.unanswered(exchange)),
        notice=dict(FORMATS[exchange.act].notice),
        flags=tuple(FlagView(flag=each.flag, detail=str(each.detail)) for each in flagged),
    )


def _of_nobody(saying: Saying, sides: Sequence[str]) -> Saying:
    """What was said, without who said it, and to whom it came."""
    return replace(
        saying,
        side="",
        by="a participant",
        content=attribution.content(saying.content, sides),
        receipts=(),
    )


def _of_somebody(met: Met | None) -> Met | None:
    """Readouts without whose they are, the first given first."""
    if met is None:
        return None
    given = sorted(met.readouts, key=lambda each: each.time)
    readouts = tuple(replace(each, side=f"participant {n}") for n, each in enumerate(given, 1))
    return replace(
        met, readouts=readouts, no_readout=(), not_attended=("",) * len(met.not_attended)
    )


def _sayings(then: Snapshot, exchange: Exchange) -> Iterator[Saying]:
    """Every act of an exchange that says something, in the order of the log."""
    messages = {message.said.position: message for message in exchange.messages}
    for position, (act, stamp, content) in sorted(_acts(then, exchange).items()):
        message = messages.get(position)
        yield Saying(
            act=act,
            side=stamp.by.partition("/")[0],
            by=report_facts.role_of(then, stamp),
            time=stamp.time,
            position=position,
            content=content,
            receipts=()
            if message is None or message.for_the_record
            else tuple(report_facts.receipts(then, exchange, message)),
        )


Told = tuple[str, Stamp, dict[str, Raw]]


def _acts(then: Snapshot, exchange: Exchange) -> dict[int, Told]:
    found: dict[int, Told] = {
        message.said.position: (message.act, message.said, {}) for message in exchange.messages
    }
    found[exchange.opened.position] = exchange.act, exchange.opened, then.opening(exchange)
    for act, given in exchange.acts.items():
        if act not in _SERVICES:
            found |= {each.said.position: (act, each.said, each.content) for each in given}
    for accounts in exchange.accounts.values():
        found |= {
            each.given.position: ("counter-account", each.given, each.content) for each in accounts
        }
    for correction in exchange.corrections:
        content = {**correction.fields, "reason": _raw(correction.reason)}
        found[correction.corrected.position] = "correction", correction.corrected, content
    if exchange.cancellation is not None:
        content = {"reason": _raw(exchange.cancellation.reason)}
        found[exchange.cancellation.cancelled.position] = (
            "cancellation",
            exchange.cancellation.cancelled,
            content,
        )
    for stamp in exchange.closures.values():
        found[stamp.position] = "closure", stamp, {}
    for accepted in () if exchange.meeting is None else exchange.meeting.accepted.values():
        found[accepted.accepted.position] = (
            "acceptance",
            accepted.accepted,
            {"window": accepted.terms},
        )
    return found


def _raw(text: str) -> Raw:
    return Raw(msgspec.json.encode(text))


def _met(exchange: Exchange, meeting: Meeting) -> Met | None:
    if not (meeting.held or meeting.absent or meeting.readouts):
        return None
    newest = {side: given[-1] for side, given in meeting.readouts.items() if given}
    topics = [set(readout.topics) for readout in newest.values()]
    shared = set.intersection(*topics) if topics else set()
    return Met(
        held=tuple((held.from_, held.to) for held in meeting.held),
        not_attended=tuple(sorted(meeting.absent)),
        readouts=tuple(
            ReadOut(
                side=side, kind=each.kind, time=each.given.time, topics=each.topics, text=each.text
            )
            for side, each in sorted(newest.items())
        ),
        no_readout=tuple(
            side for side in (exchange.side, *exchange.to) if meeting.held and side not in newest
        ),
        differ=meeting.readouts_differ,
        differing_topics=tuple(
            dict.fromkeys(
                topic for each in newest.values() for topic in each.topics if topic not in shared
            )
        ),
    )


# Laid out


def paper(found: PeriodRecord, flagged: Flagged, w: Words, language: str) -> ReportDocument:
    """The record laid out, with the flags of its exchanges as they can be said in any language."""
    exchanges = sum(len(family.exchanges) for family in found.families)
    carried_on = w.count(
        "%(n)s exchange was carried on.", "%(n)s exchanges were carried on.", exchanges
    )
    return ReportDocument(
        of=found.of,
        language=w.language,
        title=w.say("Record of the period, %(channel)s", channel=found.of.name),
        lead=(
            w.sentences((w.say("From %(a)s to %(b)s.", **layout.period(found, w)), carried_on)),
            w.say(
                "This record is generated from the log and agreed by nobody: it gives what each side said, and when."
            ),
        ),
        sections=tuple(_sections(found, flagged, w, language)),
        foot=layout.foot(found, w),
        again=layout.again(found, language),
        alarm=layout.alarm(found, w),
    )


def _sections(
    found: PeriodRecord, flagged: Flagged, w: Words, language: str
) -> Iterator[DocumentSection]:
    for family in found.families:
        name, number = _family(family.family, w), len(family.exchanges)
        yield section(
            w.count(
                "%(family)s, %(n)s exchange", "%(family)s, %(n)s exchanges", number, family=name
            )
        )
        for exchange in family.exchanges:
            yield from _exchange(
                found, exchange, flagged.get(exchange.matter.exchange, ()), w, language
            )
    if not found.families:
        yield section(
            w.say("Exchanges"), DocumentParagraph((w.say("Nothing was said in this time."),))
        )
    yield section(
        w.say("The channel"), _channel(found, w, language), empty=w.say("Nothing changed.")
    )
    yield section(
        w.say("Perceptions side by side"),
        empty="" if found.perceptions else w.say("No side has written of any issue."),
    )
    yield from layout.issue_sections(found.perceptions, w, language, 3)
    yield section(
        w.say("Limits that passed"),
        layout.lapse_table(found.lapses, w, language),
        empty=w.say("None."),
    )
    yield section(
        w.say("Lessons"),
        *layout.lesson_blocks(found.lessons, w, language),
        empty=w.say("None were entered."),
    )
    yield section(w.say("Statistics"))
    yield from layout.statistics_sections(found.statistics, w, 3)


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
    found: PeriodRecord,
    exchange: RecordedExchange,
    flagged: Sequence[RaisedFlag],
    w: Words,
    language: str,
) -> Iterator[DocumentSection]:
    matter = exchange.matter
    face = exchange.notice.get(w.language) or exchange.notice.get("en", "")
    shown = tuple(
        (
            w.say(
                "%(what)s: %(detail)s",
                what=w.name("flag", each.flag),
                detail=w.sentence(each.detail),
            ),
        )
        for each in flagged
    )
    unanswered = tuple((_open(each, w),) for each in exchange.unanswered)
    yield section(
        filled(
            w.say("%(what)s: %(subject)s"),
            what=w.act(matter.format),
            subject=layout.subject(matter, w, language),
        ),
        DocumentParagraph((w.sentences(_head(matter, w)),)),
        DocumentParagraph((face,)) if face else None,
        DocumentList(shown) if shown else None,
        DocumentList(unanswered) if unanswered else None,
        *(
            block
            for saying in exchange.said
            for block in _saying(found, matter, saying, w, language)
        ),
        *(_meeting(exchange.met, matter, w, language) if exchange.met is not None else ()),
        level=3,
    )


def _head(matter: Matter, w: Words) -> Iterator[str]:
    """Whose a matter is, how far it is, and who may see it, a sentence each."""
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
            yield w.say("For the sides alone.")
        case "joint_release":
            yield w.say("For joint release.")
        case _:
            pass


def _open(each: Unanswered, w: Words) -> str:
    return w.count(
        "%(side)s has not answered %(n)s question of %(asker)s: %(list)s.",
        "%(side)s has not answered %(n)s questions of %(asker)s: %(list)s.",
        len(each.numbers),
        side=layout.party(each.side, w),
        asker=layout.party(each.asked_by, w),
        list=w.listed(map(str, each.numbers)),
    )


def _saying(
    found: PeriodRecord, matter: Matter, saying: Saying, w: Words, language: str
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
    yield DocumentParagraph(
        (
            w.sentences(
                (
                    label,
                    *(layout.receipt(each, found.to, saying.time, w) for each in saying.receipts),
                )
            ),
        )
    )
    members = Members(w, language, found.of.sides, chosen(saying.act) | chosen(matter.format))
    points: list[tuple[Run, ...]] = []
    for name, value in saying.content.items():
        if name not in _HEADED:
            runs = members.told(name, value, matter.original if saying.act == matter.format else "")
            if name in _TEXTS and len(runs) == 1 and isinstance(runs[0], QuotedText):
                yield DocumentQuote(w.field(name), runs[0])
            else:
                points.append(filled(w.say("%(what)s: %(value)s"), what=w.field(name), value=runs))
    if points:
        yield DocumentList(tuple(points))


_TEXTS: Final = frozenset(
    {"text", "facts", "description", "gist", "reason", "own_view", "your_view"}
)
"""Members that are given in full as a side's own words."""


def _meeting(met: Met, matter: Matter, w: Words, language: str) -> Iterator[Block]:
    for begins, ends in met.held:
        yield DocumentParagraph(
            (w.say("Held from %(a)s to %(b)s.", a=w.written(begins), b=w.written(ends)),)
        )
    if met.not_attended:
        yield DocumentParagraph(
            (
                w.say(
                    "Did not attend: %(sides)s.",
                    sides=w.listed(layout.party(each, w) for each in met.not_attended),
                ),
            )
        )
    if met.readouts or met.no_readout:
        names = {each.side: layout.side(each.side) for each in met.readouts} | {
            side: layout.side(side) for side in met.no_readout
        }
        if not matter.side:
            names = {
                name: w.say("Participant %(n)s", n=w.number(number))
                for number, name in enumerate(names, 1)
            }
        given = {
            each.side: w.say("%(kind)s, %(t)s", kind=w.value(each.kind), t=w.written(each.time))
            for each in met.readouts
        }
        yield layout.beside(
            names,
            [
                (w.say("Readout"), given or dict.fromkeys(met.no_readout, w.say("none"))),
                (
                    w.say("Topics"),
                    {
                        each.side: listed(map(QuotedText, each.topics), w.semicolon)
                        for each in met.readouts
                    },
                ),
                (
                    w.say("Text"),
                    {each.side: words_of(each.text, w, language) for each in met.readouts},
                ),
            ],
            w,
        )
    if met.differ and met.differing_topics:
        topics = listed(map(QuotedText, met.differing_topics), w.semicolon)
        yield DocumentParagraph(
            filled(
                w.say("The readouts differ; topics that not all of them have: %(topics)s."),
                topics=topics,
            )
        )
    elif met.differ:
        yield DocumentParagraph((w.say("The readouts differ, in their words alone."),))


def _channel(found: PeriodRecord, w: Words, language: str) -> DocumentTable | None:
    def told(act: ChannelAct) -> tuple[Run, ...]:
        members = Members(w, language, found.of.sides, chosen(act.act))
        pairs = act.content.items()
        return listed(
            (
                filled(
                    w.say("%(what)s: %(value)s"), what=w.field(name), value=members.told(name, raw)
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
                layout.side(act.side) if act.side in found.of.sides else w.say("services"),
                w.act(act.act),
                told(act),
            )
            for act in found.channel
        ],
    )

"""The record of the period: everything that was said, by family, as each side said it. It is generated, and no joint report."""

import re
from collections.abc import Iterator
from typing import Final, get_args

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.domain.blindness import Span
from dragoman.domain.flags import flags
from dragoman.domain.table import FORMATS
from dragoman.limits import REPORT_EXCHANGES
from dragoman.projection.dialogue import issues_of
from dragoman.projection.moment import Moment
from dragoman.projection.statistics import statistics_of
from dragoman.reports import gather, layout
from dragoman.reports.paper import Block, Paper, Points, Quote, Run, Section, Table, Words, section, table
from dragoman.reports.words import Said, counted, plain, told, utc
from dragoman.reports.words import said as words_of
from dragoman_schemas.acts.channel import Family
from dragoman_schemas.answers import FlagView, Unanswered
from dragoman_schemas.reports import (
    ChannelAct,
    FamilyRecord,
    Matter,
    Met,
    PeriodRecord,
    ReadOut,
    RecordedExchange,
    Saying,
)
from dragoman_schemas.state import Exchange, Meeting, Stamp

_HEADED: Final = frozenset({"subject", "to", "info", "precedence", "area", "original", "of"})
"""Members that stand in a matter's heading, or say nothing by themselves."""

_SERVICES: Final = frozenset({"reminder", "lapse", "line-check-missed"})


def record_of_the_period(then: Moment, span: Span, *, live: bool) -> PeriodRecord:
    """Everything that was said in a span. Raises `Refused` where that is too much for one record."""
    first = then.first(span)
    then.expect(first, REPORT_EXCHANGES)
    exchanges = list(then.touched(first))
    areas = [area for area in then.of("notification", "danger-area") if area.status == "announced"]
    return PeriodRecord(
        **gather.heading(then, span, "period", live=live),
        families=tuple(
            FamilyRecord(family=family, exchanges=tuple(_recorded(then, exchange, span, areas) for exchange in found))
            for family in get_args(Family)
            if (found := [exchange for exchange in exchanges if exchange.family == family and exchange.act != "line-check"])
        ),
        channel=tuple(then.channel_acts(first)),
        perceptions=issues_of(then.of("dialogue", "perception"), then.sides),
        lapses=tuple(each for exchange in then.exchanges(first) for each in gather.lapses(then, exchange, span)),
        lessons=tuple(each for exchange in exchanges for each in gather.lessons(exchange, span)),
        statistics=statistics_of(then, span),
    )


def _recorded(then: Moment, exchange: Exchange, span: Span, areas: list[Exchange]) -> RecordedExchange:
    said = tuple(saying for saying in _sayings(then, exchange) if span.holds(saying.time))
    met = None if exchange.meeting is None else _met(exchange, exchange.meeting)
    if gather.unattributed(exchange):
        said, met = tuple(_of_nobody(saying) for saying in said), _of_somebody(met)
    return RecordedExchange(
        matter=gather.matter(exchange),
        said=said,
        met=met,
        unanswered=() if exchange.cancellation is not None else tuple(gather.unanswered(exchange)),
        notice=dict(FORMATS[exchange.act].notice),
        flags=tuple(FlagView(flag=each.flag, detail=each.detail) for each in flags(then.registry, exchange, areas, then.ends)),
    )


def _of_nobody(saying: Saying) -> Saying:
    """What was said, without who said it, and to whom it came."""
    return replace(saying, side="", by="a participant", receipts=())


def _of_somebody(met: Met | None) -> Met | None:
    """Readouts without whose they are, the first given first."""
    if met is None:
        return None
    given = sorted(met.readouts, key=lambda each: each.time)
    return replace(met, readouts=tuple(replace(each, side=f"participant {n}") for n, each in enumerate(given, 1)), no_readout=())


def _sayings(then: Moment, exchange: Exchange) -> Iterator[Saying]:
    """Every act of an exchange that says something, in the order of the log."""
    messages = {message.said.position: message for message in exchange.messages}
    for position, (act, stamp, content) in sorted(_acts(then, exchange).items()):
        message = messages.get(position)
        yield Saying(
            act=act,
            side=stamp.by.partition("/")[0],
            by=gather.role_of(then, stamp),
            time=stamp.time,
            position=position,
            content=content,
            receipts=() if message is None or message.for_the_record else tuple(gather.receipts(then, message)),
        )


Told = tuple[str, Stamp, dict[str, Raw]]


def _acts(then: Moment, exchange: Exchange) -> dict[int, Told]:
    found: dict[int, Told] = {message.said.position: (message.act, message.said, {}) for message in exchange.messages}
    found[exchange.opened.position] = exchange.act, exchange.opened, then.opening(exchange)
    for act, given in exchange.acts.items():
        if act not in _SERVICES:
            found |= {each.said.position: (act, each.said, each.content) for each in given}
    for accounts in exchange.accounts.values():
        found |= {each.given.position: ("counter-account", each.given, each.content) for each in accounts}
    for correction in exchange.corrections:
        content = {**correction.fields, "reason": _raw(correction.reason)}
        if correction.changed_at:
            content["changed_at"] = _raw(correction.changed_at)
        found[correction.corrected.position] = "correction", correction.corrected, content
    if exchange.cancellation is not None:
        content = {"reason": _raw(exchange.cancellation.reason)}
        found[exchange.cancellation.cancelled.position] = "cancellation", exchange.cancellation.cancelled, content
    for stamp in exchange.closures.values():
        found[stamp.position] = "closure", stamp, {}
    for accepted in () if exchange.meeting is None else exchange.meeting.accepted.values():
        found[accepted.accepted.position] = "acceptance", accepted.accepted, {"window": accepted.terms}
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
            ReadOut(side=side, kind=each.kind, time=each.given.time, topics=each.topics, text=each.text)
            for side, each in sorted(newest.items())
        ),
        no_readout=tuple(side for side in (exchange.side, *exchange.to) if meeting.held and side not in newest),
        differ=meeting.readouts_differ,
        differing_topics=tuple(dict.fromkeys(topic for each in newest.values() for topic in each.topics if topic not in shared)),
    )


# Laid out


def paper(found: PeriodRecord, language: str) -> Paper:
    """The record laid out."""
    exchanges = sum(len(family.exchanges) for family in found.families)
    return Paper(
        of=found.of,
        title=f"Record of the period, {found.of.name}",
        lead=(
            f"{layout.period(found)}. {counted(exchanges, 'exchange')} carried on.",
            "This record is generated from the log and agreed by nobody: it gives what each side said, and when.",
        ),
        sections=tuple(_sections(found, language)),
        foot=layout.foot(found),
        again=found.again,
        alarm=layout.alarm(found),
    )


def _sections(found: PeriodRecord, language: str) -> Iterator[Section]:
    for family in found.families:
        yield section(f"{_FAMILIES[family.family]}, {counted(len(family.exchanges), 'exchange')}")
        for exchange in family.exchanges:
            yield from _exchange(found, exchange, language)
    if not found.families:
        yield section("Exchanges", Words(("Nothing was said in this time.",)))
    yield section("The channel", _channel(found, language), empty="Nothing changed.")
    yield section("Perceptions side by side", empty="" if found.perceptions else "No side has written of any issue.")
    yield from layout.issue_sections(found.perceptions, language, 3)
    yield section("Limits that passed", layout.lapse_table(found.lapses, language), empty="None.")
    yield section("Lessons", *layout.lesson_blocks(found.lessons, language), empty="None were entered.")
    yield section("Statistics")
    yield from layout.statistics_sections(found.statistics, 3)


_FAMILIES: Final = {
    "contact": "Contacts",
    "meeting": "Meetings",
    "notification": "Notifications",
    "dialogue": "Dialogue",
    "channel": "Channel",
    "desk": "Desk",
}


def _exchange(found: PeriodRecord, exchange: RecordedExchange, language: str) -> Iterator[Section]:
    matter = exchange.matter
    face = exchange.notice.get(language) or exchange.notice.get("en", "")
    to = layout.sides(matter.to) + (f", for information {layout.sides(matter.info)}" if matter.info else "")
    head = (
        f"{matter.number}: {matter.precedence}, {plain(matter.status)}; from {layout.side(matter.side)} to {to}; opened {utc(matter.opened)}"
        + ("; entered for the record" if matter.for_the_record else "")
        + ("; not attributed, by the Chatham House Rule" if not matter.side else "")
        + _RELEASED.get(matter.releasability, "")
    )
    notes = Points(tuple((f"{plain(flag.flag)}: ", Said(flag.detail)) for flag in exchange.flags)) if exchange.flags else None
    yield section(
        (f"{plain(matter.format).capitalize()}: ", layout.subject(matter, language)),
        Words((head + ".",)),
        Words((face,)) if face else None,
        notes,
        Points(tuple((_open(each),) for each in exchange.unanswered)) if exchange.unanswered else None,
        *(block for saying in exchange.said for block in _saying(found, matter, saying, language)),
        *(_meeting(exchange.met, language) if exchange.met is not None else ()),
        level=3,
    )


def _open(each: Unanswered) -> str:
    asked = f"{counted(len(each.numbers), 'question')} of {layout.side(each.asked_by)}: {', '.join(map(str, each.numbers))}"
    return f"{layout.side(each.side)} has not answered {asked}"


_RELEASED: Final = {"sides_only": "; for the sides alone", "joint_release": "; for joint release"}


def _saying(found: PeriodRecord, matter: Matter, saying: Saying, language: str) -> Iterator[Block]:
    receipts = "; ".join(layout.receipt(each, found.to, saying.time) for each in saying.receipts)
    label = f"{utc(saying.time)}, {f'{layout.side(saying.side)}, ' if saying.side else ''}{saying.by}: {plain(saying.act)}"
    yield Words((f"{label}." + (f" {receipts}." if receipts else ""),))
    points: list[tuple[Run, ...]] = []
    for name, value in saying.content.items():
        if name not in _HEADED:
            text = told(value, language, matter.original if saying.act == matter.format else "", found.of.sides)
            if name in _TEXTS:
                yield Quote(plain(name).capitalize(), text)
            else:
                points.append((f"{plain(name)}: ", plain(text.text) if _CHOSEN.fullmatch(text.text) else text))
    if points:
        yield Points(tuple(points))


_CHOSEN: Final = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")
"""A value that was chosen among several, not written."""

_TEXTS: Final = frozenset({"text", "facts", "description", "gist", "reason", "own_view", "your_view"})
"""Members that are given in full as a side's own words."""


def _meeting(met: Met, language: str) -> Iterator[Block]:
    for begins, ends in met.held:
        yield Words((f"Held from {utc(begins)} to {utc(ends)}.",))
    if met.not_attended:
        yield Words((f"Did not attend: {layout.sides(met.not_attended)}.",))
    if met.readouts or met.no_readout:
        yield layout.beside(
            (*(readout.side for readout in met.readouts), *met.no_readout),
            [
                (
                    "Readout",
                    {each.side: f"{each.kind}, {utc(each.time)}" for each in met.readouts} or dict.fromkeys(met.no_readout, "none"),
                ),
                ("Topics", {each.side: tuple(_listed(each.topics)) for each in met.readouts}),
                ("Text", {each.side: words_of(each.text, language) for each in met.readouts}),
            ],
        )
    if met.differ:
        yield Words(
            ("The readouts differ; topics that not all of them have: ", *_listed(met.differing_topics or ("none, the words differ",)))
        )


def _listed(topics: tuple[str, ...]) -> Iterator[Run]:
    for index, topic in enumerate(topics):
        yield Said(topic)
        yield "." if index + 1 == len(topics) else "; "


def _channel(found: PeriodRecord, language: str) -> Table | None:
    def words(act: ChannelAct) -> tuple[Run, ...]:
        runs: list[Run] = []
        for name, value in act.content.items():
            runs += ["; " if runs else "", f"{plain(name)}: ", told(value, language, "", found.of.sides)]
        return tuple(runs) or ("",)

    return table(
        ("Time", "Side", "Act", "What"),
        [(utc(act.time), layout.side(act.side) or "service", plain(act.act), words(act)) for act in found.channel],
    )

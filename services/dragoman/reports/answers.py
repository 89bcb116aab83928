"""The auditor's first hour on one page: the five questions (catalogue §7), answered from a log as it stood at a position.

    1  is it whole, unaltered, until when, on whose word        4  what stands before the watch, and who has it
    2  who knew what, when                                      5  who authorised what, and which exceptions were made
    3  what was owed and not done, and when were we blind

The first answer is given by whoever asks: an auditor's verification, or the gateway, whose word it then is. The others follow from
the records, from a gateway's projection as from a replay.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from dragoman.domain.blindness import Check, Span, Turn
from dragoman.domain.exceptions import of_exchange
from dragoman.domain.exchange import ENDED
from dragoman.domain.statistics import blind, spread
from dragoman.reports import gather, layout
from dragoman.reports.paper import Paper, Points, Section, Words, section, table
from dragoman.reports.words import Said, counted, plain, span, utc
from dragoman_schemas.reports import Authority, Checked, Exceptional, FiveAnswers, Receiving, Urgent
from dragoman_schemas.state import Exchange

_KINDS: Final = {
    "one_key": "sent by one officer where two are asked for",
    "by_voice": "said by voice before they were written down",
    "acting": "done by a deputy",
    "later": "entered for the record",
    "late": "late",
    "corrected": "corrected or cancelled",
    "erased": "taken out of the record",
    "void": "records without effect",
}


class Then(gather.Then, Protocol):
    """A moment with all that an audit asks of it. `first` is the first position of the period that is asked about."""

    def exchanges(self, first: int) -> Iterator[Exchange]:
        """What was opened or carried on since a position, and all in which something may be owed."""

    def turns(self, first: int) -> list[Turn]:
        """When watches became somebody's or nobody's since a position."""

    def manned(self, first: int) -> frozenset[str]:
        """The sides whose watch was somebody's before a position."""

    def outages(self, first: int) -> list[Span]:
        """When gateways had no broker, as they said since a position."""

    def line_checks(self, first: int) -> list[Check]:
        """The line checks since a position, and as many before it as tell how the line stood then."""

    def exceptional(self, first: int) -> Iterator[Exceptional]:
        """What records since a position say of themselves, and which of them are without effect."""

    def actor(self, position: int) -> str | None:
        """Whose valid record stands at a position."""


def answers(then: Then, period: Span, first: int, whole: Sequence[Checked], *, lie: str = "", live: bool = True) -> FiveAnswers:
    """The five answers about a period that ends at a moment, given the first of them."""
    exchanges = list(then.exchanges(first))
    areas = [exchange for exchange in exchanges if exchange.act == "danger-area" and exchange.status == "announced"]
    messages = [gather.urgent(then, exchange, each) for exchange in exchanges for each in exchange.messages if period.holds(each.said.time)]
    messages.sort(key=lambda each: each.time)
    waiting = [gather.urgent(then, exchange, each) for exchange in exchanges for each in exchange.messages if gather.unacknowledged(each)]
    lapses = sorted((each for exchange in exchanges for each in gather.lapses(then, exchange, period)), key=lambda each: each.due)
    owed = gather.by_due(due for exchange in exchanges for due in gather.due(then, exchange))
    stands = [gather.matter(exchange) for exchange in exchanges if exchange.status not in ENDED and gather.stands(exchange)]
    found = [*then.exceptional(first), *(each for exchange in exchanges for each in of_exchange(then.registry, exchange, areas))]
    found = sorted((each for each in found if each.position >= first), key=lambda each: (each.position, each.kind))
    rows, spans = blind(
        then.registry, then.sides, then.line_checks(first), then.turns(first), then.manned(first), then.outages(first), period
    )
    lists = (messages, waiting, lapses, owed, stands, found, spans)
    return FiveAnswers(
        **gather.heading(then, period, "audit", live=live),
        whole=tuple(whole),
        lie=lie,
        receiving=tuple(_receiving(side, messages) for side in then.sides),
        messages=tuple(messages[-gather.MOST :]),
        lapses=tuple(lapses[-gather.MOST :]),
        owed=tuple(owed[: gather.MOST]),
        blindness=rows,
        blind=spans[-gather.MOST :],
        standing=gather.standing(then, exchanges, period),
        on_watch={side: watch.since.by for side, watch in then.registry.watches.items()},
        unacknowledged=tuple(waiting[-gather.MOST :]),
        stands=tuple(stands[-gather.MOST :]),
        authorities=tuple(_authorities(then)),
        kinds=dict(sorted(Counter(each.kind for each in found).items())),
        exceptions=tuple(found[-gather.MOST :]),
        left_off=sum(max(0, len(each) - gather.MOST) for each in lists),
    )


def _receiving(side: str, messages: Sequence[Urgent]) -> Receiving:
    owed = [each for message in messages for each in message.receipts if each.side == side and each.owes]
    took = [each.acknowledged_after_s for each in owed if each.acknowledged_after_s is not None]
    return Receiving(side=side, messages=len(owed), acknowledged=len(took), not_yet=len(owed) - len(took), took=spread(took))


def _authorities(then: Then) -> Iterator[Authority]:
    for name, officer in sorted(then.registry.officers.items()):
        yield Authority(
            officer=name,
            office=officer.office,
            roles=tuple(officer.roles),
            since=officer.since,
            until=officer.until,
            entered_by=then.actor(officer.since) or "",
            keys=sum(key.owner == name and key.until is None for key in then.registry.keys.values()),
        )


# Laid out


def paper(found: FiveAnswers, language: str) -> Paper:
    """The five answers laid out."""
    return Paper(
        of=found.of,
        title=f"Five answers, {found.of.name}, record {found.position}",
        lead=_lead(found),
        sections=tuple(_sections(found, language)),
        foot=layout.foot(found),
        again=found.again,
        alarm=found.lie or layout.alarm(found),
    )


def _lead(found: FiveAnswers) -> tuple[str, ...]:
    limits = f"{counted(len(found.lapses), 'limit')} passed, {len(found.owed)} open"
    waits = f"{counted(len(found.unacknowledged), 'message waits', 'messages wait')} for an acknowledgement"
    return f"From {layout.period(found)}.", f"{limits}; {counted(sum(found.kinds.values()), 'exception')}; {waits}."


def _sections(found: FiveAnswers, language: str) -> Iterator[Section]:
    checks = table(("Checked", "Found", "On whose word"), [(each.check, each.found, each.word) for each in found.whole])
    yield section("1: Is it whole, unaltered, until when, on whose word", checks, empty="Nothing was checked.")
    knew = layout.urgent_table(found.messages, found.to, language)
    yield section("2: Who knew what, when", Points(tuple((_received(each),) for each in found.receiving)), knew)
    yield section(
        "3: What was owed and not done, and when nobody could have noticed",
        layout.lapse_table(found.lapses, language) or Words(("No limit passed.",)),
        layout.due_table(found.owed, found.to, language) or Words(("Nothing is open under a limit.",)),
        table(
            ("Blind", "Who", "From", "To"),
            [(plain(each.what), layout.sides(each.sides), utc(each.from_), utc(each.to)) for each in found.blind],
        )
        or Words(("No time is on record in which nobody could have noticed.",)),
    )
    yield section(
        "4: What stands before the watch, and who has it",
        Points(tuple((_watch(side, found.on_watch.get(side, "")),) for side in found.of.sides)),
        layout.urgent_table(found.unacknowledged, found.to, language) or Words(("Every message is acknowledged.",)),
        layout.matter_table(found.stands, language) or Words(("No matter stands open.",)),
    )
    yield section(
        "5: Who may authorise what, and which exceptions were made",
        table(("Officer", "Office", "Roles", "Entered", "Keys"), [_authority(each) for each in found.authorities]),
        Words((f"Exceptions: {', '.join(f'{number} {_KINDS[kind]}' for kind, number in found.kinds.items()) or 'none'}.",)),
        table(
            ("Record", "What", "By", "Under", "Detail"),
            [
                (str(each.position), plain(each.kind), layout.side(each.side) or "nobody", each.number, Said(each.detail))
                for each in found.exceptions
            ],
        ),
        layout.left_off(found.left_off),
    )


def _received(each: Receiving) -> str:
    took = "" if each.took is None else f", median {span(each.took.median_s)}, the slowest {span(each.took.worst_s)}"
    return f"{layout.side(each.side)}: {counted(each.messages, 'message')} to it; {each.acknowledged} acknowledged{took}; {each.not_yet} not yet"


def _watch(side: str, officer: str) -> str:
    return f"{layout.side(side)}: {f'{officer} has the watch' if officer else 'nobody has the watch on record'}"


def _authority(each: Authority) -> tuple[str, ...]:
    ended = "" if each.until is None else f", revoked at {each.until}"
    roles = ", ".join(plain(role) for role in each.roles)
    return each.officer, each.office, roles, f"{each.since} by {each.entered_by}{ended}", str(each.keys)

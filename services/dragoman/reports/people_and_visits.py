"""People of incidents, and requests to come and see, in reports.

    people    each side's newest word on each group: held, rescued, missing and so on
    visits    asked, granted or refused, arrived, left, reported

They stand in the order in which the matters were opened. Under the Chatham House Rule
no row names a side.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from dragoman.document.blocks import Block, Section, Table, section, table
from dragoman.domain.acts.event_windows import asks_to_visit
from dragoman.domain.acts.field_checks import UNKNOWN
from dragoman.domain.views import attribution, people
from dragoman.domain.views.outages import OutageSpan
from dragoman.i18n.words import Words
from dragoman.members.runs import Break, Cell, listed
from dragoman.members.texts import quoted_in
from dragoman.reports import layout, report_facts
from dragoman_schemas.fields import OTHER, UNNAMED
from dragoman_schemas.report_shapes import ReportedPeople, ReportedVisit
from dragoman_schemas.state import Exchange, Said

_OPEN_VISITS = frozenset({"requested", "granted", "granted_with_conditions", "arrived", "left"})


def people_of(exchanges: Iterable[Exchange]) -> list[ReportedPeople]:
    """Return the people of exchanges, by each side's newest word.

    The same people by the word of several sides are one row.
    """
    return [row for exchange in _in_order(exchanges) for row in _rows(exchange)]


def people_waited_for(exchanges: Iterable[Exchange], span: OutageSpan) -> list[ReportedPeople]:
    """Return the people of matters in which somebody is not back.

    Matters in which a side spoke of people in a span count as well. The words of all
    sides stand side by side.
    """
    return people_of(
        exchange
        for exchange in exchanges
        if any(
            span.holds(status.said.time) or status.waited_for != 0
            for status in people.people_of(exchange)
        )
    )


def _rows(exchange: Exchange) -> list[ReportedPeople]:
    statuses = people.people_of(exchange)
    alike = people.stated_alike(statuses)
    rows: list[ReportedPeople] = []
    merged: dict[str, int] = {}
    for status in statuses:
        for group, row in zip(status.groups, _groups(exchange, status), strict=True):
            kind = people.present_kind(group)
            joined = _together(rows[merged[kind]], row) if kind in merged else None
            if joined is not None:
                rows[merged[kind]] = replace(joined, kind=kind)
                continue
            if kind in alike and kind not in merged:
                merged[kind] = len(rows)
            rows.append(row)
    return rows


def _together(one: ReportedPeople, other: ReportedPeople) -> ReportedPeople | None:
    """Return two sides' rows on the same people as one; None where they differ.

    Each side describes place and condition in its own words, which are both kept.
    """
    facts = {
        name: {getattr(one, name), getattr(other, name)} - {"", UNKNOWN}
        for name in ("of", "access_asked", "access_given", "handed_over")
    }
    if one.number != other.number or any(len(values) > 1 for values in facts.values()):
        return None
    return replace(
        one,
        sides=tuple(dict.fromkeys((*one.sides, *other.sides))),
        as_of=max(one.as_of, other.as_of),
        places=_both(one.places, other.places),
        conditions=_both(one.conditions, other.conditions),
        **{name: next(iter(values), "") for name, values in facts.items()},
    )


def _both(one: tuple[Raw, ...], other: tuple[Raw, ...]) -> tuple[Raw, ...]:
    """Return the words of two sides, each once."""
    return (*one, *(raw for raw in other if bytes(raw) not in map(bytes, one)))


def _groups(exchange: Exchange, status: people.SidesPeople) -> Iterator[ReportedPeople]:
    as_of = status.as_of["about"] if isinstance(status.as_of, dict) else status.as_of
    for group in status.groups:
        yield ReportedPeople(
            matter=report_facts.matter(exchange),
            sides=attribution.sides(exchange, (status.side,)),
            as_of=str(as_of),
            kind=group["kind"],
            number=group["number"],
            of=_whose(exchange, group),
            of_text=_raw(group, "of_text"),
            places=report_facts.places_of(exchange, group.get("place")),
            conditions=_raws(group, "condition"),
            access_asked=group.get("access_asked", ""),
            access_given=group.get("access_given", ""),
            handed_over=group.get("handed_over", ""),
            waited_for=people.is_waited_for(group),
        )


def _raws(group: dict[str, Any], name: str) -> tuple[Raw, ...]:
    return (Raw(msgspec.json.encode(group[name])),) if name in group else ()


def _raw(group: dict[str, Any], name: str) -> Raw | UnsetType:
    return Raw(msgspec.json.encode(group[name])) if name in group else UNSET


def _whose(exchange: Exchange, group: dict[str, Any]) -> str:
    """Return the side whose people a group are; `other` and `unknown` name no side."""
    of: str = group.get("of", "")
    return of if of in UNNAMED else attribution.side(exchange, of)


def visits_of(exchanges: Iterable[Exchange]) -> list[ReportedVisit]:
    """Return the requests to come and see, and what came of each."""
    return [_visit(exchange) for exchange in _in_order(exchanges) if asks_to_visit(exchange)]


def open_visits(exchanges: Iterable[Exchange], span: OutageSpan) -> list[ReportedVisit]:
    """Return the requests that are not done, and those that changed in a span."""
    return visits_of(
        exchange
        for exchange in exchanges
        if exchange.status in _OPEN_VISITS or span.holds(exchange.updated.time)
    )


def _in_order(exchanges: Iterable[Exchange]) -> list[Exchange]:
    return sorted(exchanges, key=lambda exchange: exchange.opened.position)


def _visit(exchange: Exchange) -> ReportedVisit:
    grant, refusal = _newest(exchange, "grant"), _newest(exchange, "decline")
    spoken = max(
        (item for item in (grant, refusal) if item is not None),
        key=lambda item: item.said.position,
        default=None,
    )
    planned = None if grant is None else grant.content.get("arrival")
    return ReportedVisit(
        matter=report_facts.matter(exchange),
        kind=str(_member(exchange.content, "kind")),
        places=report_facts.places_of(exchange, _member(exchange.content, "place")),
        asked=exchange.opened.time,
        planned=str(
            _member(exchange.content, "arrival")
            if planned is None
            else msgspec.json.decode(planned)
        ),
        by="" if spoken is None else attribution.side(exchange, spoken.said.side),
        granted="" if grant is None else grant.said.time,
        conditions=UNSET if grant is None else grant.content.get("conditions", UNSET),
        refused="" if refusal is None else refusal.said.time,
        arrived=_time(exchange, "arrival"),
        left=_time(exchange, "departure"),
        reported="" if (report := _newest(exchange, "visit-report")) is None else report.said.time,
    )


def _newest(exchange: Exchange, act: str) -> Said | None:
    return next(reversed(exchange.acts.get(act, ())), None)


def _member(content: dict[str, Raw], name: str) -> Any:
    return msgspec.json.decode(content[name]) if name in content else ""


def _time(exchange: Exchange, act: str) -> str:
    """Return the time that the newest act of a name gives."""
    item = _newest(exchange, act)
    return "" if item is None else str(_member(item.content, "at"))


# Laid out


def sections(
    rows: Iterable[ReportedPeople],
    visits: Iterable[ReportedVisit],
    w: Words,
    language: str,
    level: int = 2,
) -> Iterator[Section]:
    """Yield the sections on people and on visits that have something to say."""
    if (block := people_table(rows, w, language)) is not None:
        yield section(w.say("People"), block, level=level)
    if (block := visit_table(visits, w, language)) is not None:
        yield section(w.say("Visits asked for"), block, level=level)


def blocks(
    rows: Iterable[ReportedPeople], visits: Iterable[ReportedVisit], w: Words, language: str
) -> Iterator[Block]:
    """Yield the tables of people and of visits that have rows."""
    for block in (people_table(rows, w, language), visit_table(visits, w, language)):
        if block is not None:
            yield block


def people_table(rows: Iterable[ReportedPeople], w: Words, language: str) -> Table | None:
    """Return the table of people, with the sides on whose word each row rests."""
    head = (w.say("People"), w.say("Whose"), w.say("Where"), w.say("Condition"))
    return table(
        (*head, w.say("Access"), w.say("Handed over"), w.say("By whose word"), w.say("Matter")),
        [
            (
                w.say("%(kind)s: %(n)s", kind=w.value(row.kind), n=_number(row, w)),
                _whose_people(row, w, language),
                layout.places(row.places, row.matter, w),
                _health(row, w, language),
                _access(row, w),
                w.written(row.handed_over, "minute") if row.handed_over else _not_back(row, w),
                w.say(
                    "%(side)s, as of %(t)s",
                    side=_stated_by(row, w),
                    t=w.written(row.as_of, "minute"),
                ),
                layout.matter_name(row.matter, w, language),
            )
            for row in rows
        ],
    )


def _health(row: ReportedPeople, w: Words, language: str) -> Cell:
    """Return the condition of people in the words of each side that states it."""
    texts = [quoted_in(raw, w, language) for raw in row.conditions]
    if not texts:
        return w.say("not said")
    return layout.of_matter(listed(texts, Break(" / ")), row.matter)


def _stated_by(row: ReportedPeople, w: Words) -> str:
    """Return the sides that say a row, in words."""
    if len(row.sides) == len({row.matter.side, *row.matter.to}) == 2:
        return w.say("stated by both")
    return w.listed(layout.party(side, w) for side in row.sides) or layout.party("", w)


def _whose_people(row: ReportedPeople, w: Words, language: str) -> Cell:
    if row.of == OTHER and not isinstance(row.of_text, UnsetType):
        return layout.of_matter(quoted_in(row.of_text, w, language), row.matter)
    if row.of == UNKNOWN:
        return w.say("not known yet")
    return layout.side(row.of) if row.of else w.say("not said")


def _number(row: ReportedPeople, w: Words) -> str:
    return w.value(row.number) if isinstance(row.number, str) else w.number(row.number)


def _access(row: ReportedPeople, w: Words) -> str:
    times = [
        w.say("asked %(t)s", t=w.written(row.access_asked, "minute")) if row.access_asked else "",
        w.say("given %(t)s", t=w.written(row.access_given, "minute")) if row.access_given else "",
    ]
    if row.access_asked and not row.access_given:
        times.append(w.say("not given"))
    return w.listed(filter(None, times)) or "–"


def _not_back(row: ReportedPeople, w: Words) -> str:
    return w.say("waited for") if row.waited_for else "–"


def visit_table(visits: Iterable[ReportedVisit], w: Words, language: str) -> Table | None:
    """Return the table of requests to come and see, and of what came of them."""
    head = (w.say("Asked"), w.say("By"), w.say("What"), w.say("Where"), w.say("Answer"))
    return table(
        (*head, w.say("Conditions"), w.say("There"), w.say("Status")),
        [
            (
                w.written(visit.asked, "minute"),
                layout.party(visit.matter.side, w),
                w.value(visit.kind),
                layout.places(visit.places, visit.matter, w),
                _answer(visit, w),
                _conditions(visit, w, language),
                _there(visit, w),
                w.status(visit.matter.status),
            )
            for visit in visits
        ],
    )


def _answer(visit: ReportedVisit, w: Words) -> str:
    if not visit.granted and not visit.refused:
        return w.say("no answer yet")
    by = layout.party(visit.by, w)
    if visit.refused > visit.granted:
        return w.say("refused by %(side)s, %(t)s", side=by, t=w.written(visit.refused, "minute"))
    return w.say("granted by %(side)s, %(t)s", side=by, t=w.written(visit.granted, "minute"))


def _conditions(visit: ReportedVisit, w: Words, language: str) -> Cell:
    return (
        "–"
        if isinstance(visit.conditions, msgspec.UnsetType)
        else layout.of_matter(quoted_in(visit.conditions, w, language), visit.matter)
    )


def _there(visit: ReportedVisit, w: Words) -> str:
    if not visit.arrived:
        return w.say("planned for %(t)s", t=w.written(visit.planned, "minute"))
    times = [w.say("arrived %(t)s", t=w.written(visit.arrived, "minute"))]
    if visit.left:
        times.append(w.say("left %(t)s", t=w.written(visit.left, "minute")))
    if visit.reported:
        times.append(w.say("reported %(t)s", t=w.written(visit.reported, "minute")))
    return w.listed(times)

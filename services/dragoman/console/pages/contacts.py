"""Whom to reach, and where: points of contact with their tests, the sides' offices, programmes between people, and who has the watch now."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman.application import attachment_checks
from dragoman.console.admin.admin_forms import at_the_end
from dragoman.console.display.act_display import Display, dialling
from dragoman.console.display.meeting_summary import TimeWindow, known, offices_of
from dragoman.console.display.office_clocks import Office, office_state, place_of
from dragoman.console.forms import browser_signatures, field_types, people_choices
from dragoman.console.forms.form_state import Filled
from dragoman.console.pages import people_register_pages
from dragoman.console.rendering import Page, PageContext, PageRoute, refused
from dragoman.console.sessions import see
from dragoman.domain import notation
from dragoman.domain.acts import references
from dragoman.domain.acts.act_rules import HEADS
from dragoman.domain.acts.deadlines import WEEK
from dragoman.domain.views import points_of_contact
from dragoman.domain.views.titles import subject_of
from dragoman.i18n.words import Words
from dragoman.projection.queries import duty_watch
from dragoman.projection.queries.snapshot import PeriodQuery, Snapshot, moment
from dragoman.text import sentence
from dragoman_schemas.fields import Hours
from dragoman_schemas.responses import PersonSeen, PointView, SideWatch
from dragoman_schemas.state import Exchange

_POINT: Final = "point-of-contact"
_STAGES: Final = ("in_force", "announced", "superseded", "ended", "")
"""Points of contact of a side in this order; the last is for stages that dates say
nothing of.
"""

_OUTCOMES: Final = ("reached", "no_answer", "busy", "line_dead")
"""What may come of a test, the best first."""


class OfficeEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The entry of a side's liaison office: where it is, how far, and what was agreed of it."""

    exchange: str
    number: str
    side: str
    seat: str
    status: str
    updated: str
    hours: Raw | UnsetType = UNSET
    holidays: tuple[str, ...] = ()
    staff_posts: Raw | UnsetType = UNSET
    privileges: Raw | UnsetType = UNSET


class OfficeShown(Struct, frozen=True, kw_only=True):
    """An entry of an office as the page has it: its place, and in words how it stands; of one that is open, whether it works at this time."""

    entry: OfficeEntry
    place: str
    standing: str
    level: str


class ProgrammeRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An exchange of people: of what kind, who is host, when, and how many were planned and came."""

    exchange: str
    number: str
    status: str
    side: str
    host: str
    kind: str
    subject: Raw
    period: TimeWindow | None = None
    planned: Raw | UnsetType = UNSET
    actual: Raw | UnsetType = UNSET


class ContactsView(Struct, frozen=True, kw_only=True):
    """Whom to reach in a channel. `people` are those whom the points of contact name, by id, as the reader may see them."""

    channel: str
    position: int
    points: tuple[PointView, ...]
    offices: tuple[OfficeEntry, ...]
    programmes: tuple[ProgrammeRow, ...]
    watches: tuple[SideWatch, ...]
    people: dict[str, PersonSeen]


class ContactRow(Struct, frozen=True, kw_only=True):
    """A point of contact as a row of a table: nobody's name or number."""

    side: str
    role: str
    institution: str
    stage: str
    there_now: bool
    opens: str
    hours: Raw
    languages: tuple[str, ...]
    means: tuple[str, ...]
    confirmed: str
    exchange: str
    number: str


class _Contacts(NamedTuple):
    points: list[PointView]
    mentioned: dict[str, set[str]]
    offices: list[OfficeEntry]
    programmes: list[ProgrammeRow]
    clocks: tuple[Office, ...]


async def people(context: PageContext) -> Page:
    """Return the page."""
    return await _page(context, Filled())


async def _page(context: PageContext, filled: Filled) -> Page:
    contacts: _Contacts = await context.in_thread(_read, context)
    order = {side: place for place, side in enumerate(context.sides)}
    view = ContactsView(
        channel=context.name,
        position=context.position,
        points=tuple(contacts.points),
        offices=tuple(
            sorted(
                contacts.offices,
                key=lambda office_entry: (
                    order.get(office_entry.side, 0),
                    office_entry.status == "closed",
                ),
            )
        ),
        programmes=tuple(contacts.programmes),
        watches=tuple(_watch(context, side) for side in context.sides),
        people=await _seen(context, contacts.mentioned),
    )
    return Page(
        template="people.html",
        view=view,
        rows=[_line(point) for point in view.points],
        status=filled.status,
        values={
            "of_side": {
                side: sorted(
                    (point for point in view.points if point.side == side),
                    key=lambda item: _STAGES.index(item.stage),
                )
                for side in context.sides
            },
            "staff": attachment_checks.is_staff(context.projection, context.grant.actor),
            "display": Display(context.words, contacts.clocks, link=context.link),
            "languages_kind": field_types.LanguageField(many=True),
            "number_of": lambda raw: _number(raw, context.words),
            "date": date.fromisoformat,
            "heads": not HEADS.isdisjoint(context.roles),
            "utc": lambda hours, side: _in_utc(
                hours, context.moment, _holidays(contacts.clocks, side)
            ),
            "offices_shown": [
                shown(office, contacts.clocks, context.words, context.moment)
                for office in view.offices
            ],
            "dialled": dialling,
            "outcomes": _OUTCOMES,
            "named": lambda words: [(word, context.words.value(word)) for word in words],
            "filled": filled,
            "blank": Filled(),
            "said": context.request.query.get("said", ""),
        },
    )


def _read(context: PageContext) -> _Contacts:
    with moment(
        context.service.store, context.name, PeriodQuery(at=context.position), ""
    ) as snapshot:
        entries = list(snapshot.of("contact", _POINT))
        points = points_of_contact.points(
            snapshot.registry, entries, snapshot.calendars, context.moment
        )
        return _Contacts(
            [duty_watch.point_view(point) for point in points],
            _mentioned(entries),
            [
                _office(state)
                for state in snapshot.of("contact", "liaison-office")
                if state.status != "cancelled"
            ],
            list(_programmes(snapshot)),
            offices_of(snapshot),
        )


def _mentioned(entries: list[Exchange]) -> dict[str, set[str]]:
    """Return whom the points of contact name as they stand, each with the commitments by which they do."""
    texts: dict[str, set[str]] = {}
    for entry in entries:
        members = {
            name: msgspec.json.decode(entry.content[name])
            for name in ("person", "deputy")
            if name in entry.content
        }
        for _, id, commitment in references.people(members):
            texts.setdefault(id, set()).add(commitment)
    return texts


async def _seen(context: PageContext, mentioned: dict[str, set[str]]) -> dict[str, PersonSeen]:
    """Return who is meant, as the register has them now: on a page of the past as well, since what is erased is gone."""
    return await people_choices.seen(context, mentioned)


def _office(state: Exchange) -> OfficeEntry:
    content = state.content
    return OfficeEntry(
        exchange=state.id,
        number=state.number,
        side=str(msgspec.json.decode(content["side"])),
        seat=str(msgspec.json.decode(content["seat"])),
        status=state.status,
        updated=state.updated.time,
        hours=content.get("hours", UNSET),
        holidays=tuple(sorted(msgspec.json.decode(content["holidays"])))
        if "holidays" in content
        else (),
        staff_posts=content.get("staff_posts", UNSET),
        privileges=content.get("privileges", UNSET),
    )


def shown(
    entry: OfficeEntry, offices: Iterable[Office], words: Words, now: datetime
) -> OfficeShown:
    """Return an entry of an office as it stands at a time: an open office outside its hours is closed now, and says when it opens."""
    office = next(
        (item for item in offices if item.exchange == entry.exchange),
        Office(side=entry.side, seat=entry.seat),
    )
    place, doing = place_of(office, words), office.state(now)
    if entry.status != "open" or not doing:
        level = {"open": "normal", "closed": "off"}.get(entry.status, "standby")
        return OfficeShown(
            entry=entry, place=place, standing=words.status(entry.status), level=level
        )
    if doing == "office_hours":
        return OfficeShown(entry=entry, place=place, standing=words.status("open"), level="normal")
    assert isinstance(entry.hours, Raw)
    _, opens = points_of_contact.attended(
        msgspec.json.decode(bytes(entry.hours), type=Hours), frozenset(entry.holidays), now
    )
    why = words.say("closed now, %(why)s", why=office_state(doing, words))
    when = [words.say("opens %(t)s", t=words.written(opens, "minute"))] if opens else []
    return OfficeShown(entry=entry, place=place, standing=words.listed([why, *when]), level="off")


def _holidays(offices: Iterable[Office], side: str) -> frozenset[str]:
    return frozenset(day for office in offices if office.side == side for day in office.holidays)


def _programmes(snapshot: Snapshot) -> Iterator[ProgrammeRow]:
    for state in snapshot.of("contact", "people-programme"):
        if state.status != "cancelled":
            yield ProgrammeRow(
                exchange=state.id,
                number=state.number,
                status=state.status,
                side=state.side,
                host=str(msgspec.json.decode(state.content["host"])),
                kind=str(msgspec.json.decode(state.content["kind"])),
                subject=subject_of(state),
                period=next(known([msgspec.json.decode(state.content["period"])]), None),
                planned=state.content.get("planned", UNSET),
                actual=state.content.get("actual", UNSET),
            )


def _watch(context: PageContext, side: str) -> SideWatch:
    watch = context.registry.watches.get(side)
    if watch is None:
        return SideWatch(side=side)
    return SideWatch(
        side=side,
        manned_since=watch.since.time,
        officer=watch.since.by if side == context.side else "",
    )


def _line(point: PointView) -> ContactRow:
    return ContactRow(**{name: getattr(point, name) for name in ContactRow.__struct_fields__})


def _in_utc(hours: Raw, now: datetime, holidays: frozenset[str]) -> tuple[str, str]:
    """Return from when to when hours are in UTC, on this day at the office; empty for those that are always, and on days without."""
    if bytes(hours) == b'"24x7"':
        return "", ""
    read = msgspec.json.decode(bytes(hours), type=Hours)
    zone = ZoneInfo(read.zone)
    day = now.astimezone(zone).date()
    if WEEK[day.weekday()] not in read.days or day.isoformat() in holidays:
        return "", ""
    opens, closes = (
        datetime.combine(day, time.fromisoformat(end), zone).astimezone(UTC)
        for end in (read.from_, read.to)
    )
    return f"{opens:%H:%M}Z", f"{closes:%H:%M}Z"


def _number(raw: Raw | UnsetType, words: Words) -> str:
    """Return a number as it is shown, where it is given and known."""
    value = "unknown" if isinstance(raw, UnsetType) else msgspec.json.decode(bytes(raw))
    return words.value(value) if isinstance(value, str) else words.number(value)


# A test is recorded


async def tested(context: PageContext) -> Page | web.StreamResponse:
    """Record that a means of a point of contact was tested. The fields of each point's form have its exchange in their names."""
    filled = await Filled.of(context.request)
    await at_the_end(context)
    contacts: _Contacts = await context.in_thread(_read, context)
    point = next(
        (point_view for point_view in contacts.points if point_view.exchange == filled["exchange"]),
        None,
    )
    if point is None:
        raise refused(
            "not-found",
            sentence("This point of contact is not there any more. Open the page again."),
        )
    means, outcome, at = (f"{name}-{point.exchange}" for name in ("means", "outcome", "at"))
    act: dict[str, Any] = {
        "act": "call-attempt",
        "side": point.side,
        "post": point.role,
        "means": filled[means],
        "outcome": filled[outcome],
        "at": _at(filled, at, context.service.now(), _own_zone(context, contacts), context.words),
    }
    if act["means"] not in point.means:
        filled.wrong(means, context.words.say("Choose the means that was tested."))
    if act["outcome"] not in _OUTCOMES:
        filled.wrong(outcome, context.words.say("Choose what came of it."))
    if not filled.faults:
        with filled.trying(means, **{outcome: "/outcome", at: "/at"}):
            reply = await browser_signatures.record(
                context, msgspec.json.encode(act), exchange=point.exchange, key=filled.key
            )
            position = reply.headers["Dragoman-Position"]
            return see(
                context.link("/people", said="recorded", after=position)
                + f"#point-{point.exchange}"
            )
    return await _page(context, filled)


def _own_zone(context: PageContext, contacts: _Contacts) -> ZoneInfo:
    return ZoneInfo(
        next((clock.zone for clock in contacts.clocks if clock.side == context.side), "UTC")
    )


def _at(filled: Filled, field: str, now: datetime, zone: ZoneInfo, words: Words) -> str:
    """Return when it was tested, now by default; or what is wrong with what is written."""
    try:
        return notation.read_time(filled[field] or "now", now, zone).strftime("%Y-%m-%dT%H:%M:%SZ")
    except notation.NotUnderstoodInput as error:
        if error.code == "in_future":
            filled.wrong(
                field,
                words.say(
                    "This time is still to come. Write when it was tested, or leave it empty for now."
                ),
            )
        else:
            filled.wrong(
                field,
                words.say(
                    "This time cannot be read. Write one like 0305Z or 24 Nov 03:05, or leave it empty for now."
                ),
            )
        return ""


SHEETS: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/people", handler=people),
    PageRoute(path="/people/tested", handler=tested, method="POST"),
    *people_register_pages.SHEETS,
)

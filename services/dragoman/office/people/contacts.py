"""The page of contacts: points of contact with their tests, offices, and programmes.

It also says who has the watch now.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman.application import attachment_checks
from dragoman.console.display.act_display import Display
from dragoman.console.display.meeting_summary import TimeWindow, known_windows, offices_of
from dragoman.console.display.office_clocks import Office, office_state, place_of
from dragoman.console.forms import browser_signatures, people_choices
from dragoman.console.forms.admin_forms import at_the_end
from dragoman.console.forms.form_state import FormState
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.console.page.sessions import redirect
from dragoman.document.html import dialling
from dragoman.domain.acts import references
from dragoman.domain.acts.act_rules import HEADS
from dragoman.domain.acts.duty_calendar import WEEK
from dragoman.domain.views import points_of_contact
from dragoman.domain.views.titles import subject_of
from dragoman.i18n.words import Words
from dragoman.members.input import not_understood, times
from dragoman.members.texts import LanguageKind
from dragoman.office.people import people_register_pages
from dragoman.projection.queries import duty_watch
from dragoman.projection.view import View
from dragoman.text import sentence
from dragoman_schemas.fields import OTHER, Hours
from dragoman_schemas.responses import PersonSeen, PointView
from dragoman_schemas.state import Exchange
from dragoman_schemas.watch_responses import SideWatch

_POINT: Final = "point-of-contact"
_STAGES: Final = ("in_force", "announced", "superseded", "ended", "")
"""The order of a side's points of contact by stage. The last entry is for points whose
dates say nothing.
"""

_OUTCOMES: Final = ("reached", "no_answer", "busy", "line_dead")
"""The possible results of a test, the best first."""


class OfficeEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The entry of a side's liaison office: its place, hours and agreed terms."""

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
    """An office entry as the page shows it: its place, and its state in words.

    For an open office, the state says whether it works at this time.
    """

    entry: OfficeEntry
    place: str
    standing: str
    level: str


class ProgrammeRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An exchange of people: its kind, host and period.

    `planned` and `actual` are the numbers of people.
    """

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
    """The contacts of a channel.

    `people` are the persons whom the points of contact name, by id, as the reader may
    see them.
    """

    channel: str
    position: int
    points: tuple[PointView, ...]
    offices: tuple[OfficeEntry, ...]
    programmes: tuple[ProgrammeRow, ...]
    watches: tuple[SideWatch, ...]
    people: dict[str, PersonSeen]


class ContactRow(Struct, frozen=True, kw_only=True):
    """A point of contact as a row of a table, without names and numbers."""

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
    """Return the page of contacts."""
    return await _page(context, FormState())


async def _page(context: PageContext, filled: FormState) -> Page:
    contacts = await context.ask(_read)
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
            "languages_kind": LanguageKind(many=True),
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
            "blank": FormState(),
            "said": context.said,
        },
    )


def _read(view: View) -> _Contacts:
    entries = list(view.every(_POINT))
    points = points_of_contact.points(view.registry, entries, view.calendars, view.moment)
    return _Contacts(
        [duty_watch.point_view(point) for point in points],
        _mentioned(entries),
        [_office(state) for state in view.offices() if state.status != "cancelled"],
        list(_programmes(view)),
        offices_of(view),
    )


def _mentioned(entries: list[Exchange]) -> dict[str, set[str]]:
    """Return the persons whom the points of contact name now.

    Each has the commitments by which the points name it.
    """
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
    """Return the named persons as the register has them now.

    A page of the past shows them as they are now too, because erased data is gone.
    """
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
    """Return an office entry with its state at a time.

    An open office outside its hours is closed now, and the text says when it opens.
    """
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


def _programmes(view: View) -> Iterator[ProgrammeRow]:
    for state in view.every("people-programme"):
        if state.status != "cancelled":
            yield ProgrammeRow(
                exchange=state.id,
                number=state.number,
                status=state.status,
                side=state.side,
                host=str(msgspec.json.decode(state.content["host"])),
                kind=str(msgspec.json.decode(state.content["kind"])),
                subject=subject_of(state),
                period=next(known_windows([msgspec.json.decode(state.content["period"])]), None),
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
    """Return the start and the end of hours in UTC, on the office's current day.

    Both are empty for hours that never end, and for days without hours.
    """
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
    """Return a number in words or figures; it may be missing or unknown."""
    value = "unknown" if isinstance(raw, UnsetType) else msgspec.json.decode(bytes(raw))
    return words.value(value) if isinstance(value, str) else words.number(value)


# The record of a test


async def tested(context: PageContext) -> Page | web.StreamResponse:
    """Record a test of one means of a point of contact.

    The fields of each point's form have the exchange's id in their names.
    """
    filled = await FormState.of(context.request)
    await at_the_end(context)
    contacts = await context.ask(_read)
    point = next(
        (point_view for point_view in contacts.points if point_view.exchange == filled["exchange"]),
        None,
    )
    if point is None:
        raise refused(
            "not-found",
            sentence("This point of contact no longer exists. Open the page again."),
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
    if act["means"] == OTHER and point.means_text is not UNSET:
        act["means_text"] = msgspec.json.decode(point.means_text)
    if act["means"] not in point.means:
        filled.wrong(means, context.words.say("Choose the means that was tested."))
    if act["outcome"] not in _OUTCOMES:
        filled.wrong(outcome, context.words.say("Choose the result of the test."))
    if not filled.faults:
        with filled.trying(means, **{outcome: "/outcome", at: "/at"}):
            reply = await browser_signatures.record(
                context, msgspec.json.encode(act), exchange=point.exchange, key=filled.key
            )
            position = reply.headers["Dragoman-Position"]
            return redirect(
                context.link("/people", said="recorded", after=position)
                + f"#point-{point.exchange}"
            )
    return await _page(context, filled)


def _own_zone(context: PageContext, contacts: _Contacts) -> ZoneInfo:
    return ZoneInfo(
        next((clock.zone for clock in contacts.clocks if clock.side == context.side), "UTC")
    )


def _at(filled: FormState, field: str, now: datetime, zone: ZoneInfo, words: Words) -> str:
    """Return the time of the test, now by default.

    If the text is no valid time, mark the field as wrong and return an empty text.
    """
    try:
        return times.read_time(filled[field] or "now", now, zone).strftime("%Y-%m-%dT%H:%M:%SZ")
    except not_understood.NotUnderstoodInput as error:
        if error.code == "in_future":
            filled.wrong(
                field,
                words.say(
                    "This time is still to come. Write when it was tested, or leave it empty for "
                    "now."
                ),
            )
        else:
            filled.wrong(
                field,
                words.say(
                    "This time cannot be read. Write one like 0305Z or 24 Nov 03:05, or leave it "
                    "empty for now."
                ),
            )
        return ""


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/people", handler=people),
    PageRoute(path="/people/tested", handler=tested, method="POST"),
    *people_register_pages.ROUTES,
)

"""The page of contacts: points of contact with their tests, offices, and programmes.

It also says who has the watch now, and who works in each liaison office.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from msgspec import UNSET, Raw

from dragoman.application import attachment_checks
from dragoman.console.display.meeting_summary import known_windows, offices_of
from dragoman.console.display.office_clocks import Office, office_of, office_state, place_of, places
from dragoman.console.forms import browser_signatures, people_choices
from dragoman.console.forms.admin_forms import at_the_end
from dragoman.console.forms.form_state import FormState
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.console.page.sessions import redirect
from dragoman.console.page_words import PageWords
from dragoman.document.blocks import (
    Block,
    Empty,
    Facts,
    Fold,
    Form,
    Listing,
    PageDocument,
    Points,
    Quote,
    Section,
    buttons,
    columns,
    section,
)
from dragoman.domain.acts import references
from dragoman.domain.acts.act_rules import HEADS
from dragoman.domain.acts.duty_calendar import WEEK
from dragoman.domain.acts.families.exchange import own_markings
from dragoman.domain.views import points_of_contact
from dragoman.i18n.words import Words
from dragoman.members.input import not_understood, times
from dragoman.members.kind import Say
from dragoman.members.runs import (
    Aside,
    Break,
    Cell,
    Mark,
    PageLink,
    QuotedText,
    Run,
    Runs,
    Sourced,
    StandingSource,
    joined,
    sourced,
)
from dragoman.members.sides import person_of_register
from dragoman.members.texts import LanguageKind
from dragoman.members.times import HoursKind
from dragoman.office.people import people_register_pages
from dragoman.projection.queries import duty_watch
from dragoman.projection.view import View
from dragoman.text import sentence
from dragoman_schemas.fields import OTHER, Hours, or_default
from dragoman_schemas.responses import MeansTested, PersonSeen, PointView
from dragoman_schemas.state import Exchange

_STAGES: Final = ("in_force", "announced", "superseded", "ended", "")
"""The order of a side's points of contact by stage. The last entry is for points whose
dates say nothing.
"""

_TESTED: Final = ("in_force", "announced", "")
"""The stages of points of contact whose means may be tested."""

_AHEAD: Final = timedelta(days=15)
"""The time ahead in which the next opening of an office is looked for."""

_OUTCOMES: Final = ("reached", "no_answer", "busy", "line_dead")
"""The possible results of a test, the best first."""


class _Contacts(NamedTuple):
    points: list[PointView]
    offices: list[Exchange]
    staff: list[Exchange]
    programmes: list[Exchange]
    mentioned: dict[str, set[str]]
    clocks: tuple[Office, ...]


async def people(context: PageContext) -> Page:
    """Return the page of contacts."""
    return await _page(context, FormState())


async def _page(context: PageContext, filled: FormState) -> Page:
    contacts = await context.ask(_read)
    persons = await people_choices.seen(context, contacts.mentioned)
    words = _ContactWords(context, contacts, persons)
    return Page(view=laid_out(words, contacts, filled), status=filled.status)


def _read(view: View) -> _Contacts:
    entries = list(view.every("point-of-contact"))
    points = points_of_contact.points(view.registry, entries, view.calendars, view.moment)
    offices, staff, programmes = (
        [state for state in view.every(format) if state.status != "cancelled"]
        for format in ("liaison-office", "liaison-staff", "people-programme")
    )
    return _Contacts(
        [duty_watch.point_view(point) for point in points],
        offices,
        staff,
        programmes,
        _mentioned([*entries, *staff]),
        offices_of(view),
    )


def _mentioned(entries: Iterable[Exchange]) -> dict[str, set[str]]:
    """Return the persons whom points of contact and offices name now.

    Each has the commitments by which they are named.
    """
    texts: dict[str, set[str]] = {}
    for entry in entries:
        members = {name: _value(entry, name) for name in ("person", "deputy")}
        for _, id, commitment in references.people(members):
            texts.setdefault(id, set()).add(commitment)
    return texts


def _value(state: Exchange, name: str) -> Any:
    """Return the present value of a member; None if it is not stated."""
    return msgspec.json.decode(state.content[name]) if name in state.content else None


class _ContactWords(PageWords):
    """The words of the page of contacts."""

    def __init__(
        self, context: PageContext, contacts: _Contacts, persons: dict[str, PersonSeen]
    ) -> None:
        super().__init__(context)
        self.clocks = contacts.clocks
        self.values = Say(words=self.w, zones=places(contacts.clocks, self.w), people=persons)

    def person(self, id: str, post: str = "") -> Runs:
        """Return a person by name and post, with every number and address.

        A `post` that stands beside the person is not said again.
        """
        person = self.values.people.get(id)
        entry = None if person is None else or_default(person.entry, None)
        if person is None or entry is None:
            return person_of_register(id, self.values)
        parts: list[Cell] = [PageLink((QuotedText(entry.name),), f"/people/register/{id}")]
        if isinstance(entry.post, str) and entry.post != post:
            parts += [", ", QuotedText(entry.post)]
        for number in or_default(entry.telephones, ()):
            parts += [Break(", "), Mark("telephone", number)]
        for address in or_default(entry.emails, ()):
            parts += [Break(", "), Mark("email", address)]
        if person.changed:
            changed = self.w.say("The entry was changed since this was announced.")
            parts += [Break(", "), Aside((changed,))]
        return joined(parts)

    def hours(self, raw: Raw, side: str) -> Runs:
        """Return the hours of a side, and when they are today in UTC."""
        holidays = frozenset(
            day for clock in self.clocks if clock.side == side for day in clock.holidays
        )
        opens, closes = _in_utc(raw, self.context.moment, holidays)
        today = (Aside((self.w.say("today %(a)s to %(b)s", a=opens, b=closes),)),) if opens else ()
        return joined([HoursKind().runs(msgspec.json.decode(raw), self.values), " ", *today])

    def number_of(self, value: int | str | None) -> str:
        """Return a number in words or figures; it may be missing or unknown."""
        if isinstance(value, int):
            return self.w.number(value)
        return self.w.value(value or "unknown")


def laid_out(words: _ContactWords, contacts: _Contacts, filled: FormState) -> PageDocument:
    """Return the contacts of a channel as a document."""
    context, w, say = words.context, words.w, words.w.say
    in_force = sum(point.stage == "in_force" for point in contacts.points)
    there = sum(point.there_now for point in contacts.points)
    lead = (
        w.count(
            "%(n)s point of contact is in force.", "%(n)s points of contact are in force.", in_force
        ),
        w.space,
        w.count(
            "%(n)s of them is within its hours now.",
            "%(n)s of them are within their hours now.",
            there,
        ),
    )
    is_staff = attachment_checks.is_staff(context.projection, context.grant.actor)
    announce = PageLink(
        (say("Announce a point of contact"),), "/compose/point-of-contact", "button"
    )
    register = PageLink((say("Open the register of people"),), "/people/register", "button")
    return PageDocument(
        title=say("People"),
        area="people",
        faults=filled.faults_in(w),
        lead=lead,
        note=_note(context, is_staff=is_staff),
        actions=(
            *((announce,) if context.may_post else ()),
            *((register,) if is_staff and not context.past else ()),
        ),
        sections=(
            _watches(words),
            *_points(words, contacts.points, filled),
            *_offices(words, contacts),
            _programmes(words, contacts.programmes),
        ),
    )


def _note(context: PageContext, *, is_staff: bool) -> Runs:
    """Return the sentence on what this reader sees, and may do."""
    w = context.words
    roles = w.listed(w.value(role) for role in context.roles)
    if not is_staff:
        text = w.say(
            "Names and telephone numbers are for the offices. You are signed in as %(roles)s and "
            "see that somebody is entered, not who.",
            roles=roles,
        )
    elif context.past:
        text = w.say("Names and numbers are as the register has them now: it keeps no past.")
    elif not context.is_officer:
        text = w.say("Officers record tests; you are signed in as %(roles)s.", roles=roles)
    else:
        return ()
    return (text,)


# The watches


def _watches(words: PageWords) -> Section:
    """Return the watch of each side: the officer, and since when."""
    points: list[Runs] = []
    say = words.w.say
    for side in words.context.sides:
        watch = words.context.registry.watches.get(side)
        mark = Mark("state", side.upper(), "serious" if watch is None else "normal")
        if watch is None:
            points.append((mark, ", ", say("nobody has the watch")))
            continue
        text = say("manned since %(t)s", t=words.w.written(watch.since.time, "minute"))
        line: list[Cell] = [mark, ", ", words.of_record(text, watch.since.position)]
        if side == words.context.side:
            line += [" ", Aside((words.context.titled(watch.since.by),))]
        points.append(joined(line))
    return section(say("Who has it now"), Points(tuple(points)))


# The points of contact


def _points(words: _ContactWords, points: list[PointView], filled: FormState) -> Iterator[Section]:
    """Yield the points of contact, side by side, those in force first."""
    say, sides = words.w.say, words.context.sides
    missing = (
        say(
            "%(side)s has announced no point of contact. Its duty officers can be reached only by "
            "this channel.",
            side=side.upper(),
        )
        for side in sides
        if all(point.side != side for point in points)
    )
    yield section(
        say("Points of contact"),
        *map(Empty, missing),
        aside=say("each side announces its own; the other side tests them"),
    )
    for point in sorted(
        points, key=lambda point: (sides.index(point.side), _STAGES.index(point.stage))
    ):
        yield section(
            (
                *words.side(point.side),
                " ",
                sourced(QuotedText(point.role), _source(point.exchange)),
            ),
            _facts(words, point),
            _means(words, point),
            _test(words, point, filled),
            level=3,
            anchor=f"point-{point.exchange}",
        )


def _source(exchange: str) -> StandingSource:
    return StandingSource("contacts", exchange)


def _facts(words: _ContactWords, point: PointView) -> Facts:
    """Return the facts of a point of contact."""
    say, written = words.w.say, words.w.written
    valid = [say("from %(t)s", t=written(point.valid_from, "minute"))]
    if point.valid_to:
        valid.append(say("to %(t)s", t=written(point.valid_to, "minute")))
    receipt = say("receipt acknowledged") if point.acknowledged else ""
    confirmed = say("announced or confirmed %(t)s", t=written(point.confirmed, "minute"))
    about: list[tuple[str, Cell]] = [
        (say("State"), _state(words, point)),
        (say("Institution"), QuotedText(point.institution)),
        (say("Person"), words.person(point.person)),
        (say("Deputy"), words.person(point.deputy) if point.deputy else ""),
        (say("Languages"), LanguageKind(many=True).runs([*point.languages], words.values)),
        (say("Hours"), words.hours(point.hours, point.side)),
        (say("Valid"), words.w.space.join(valid)),
        (
            say("Announced"),
            (
                words.exchange(point.exchange, point.number),
                Break(", "),
                Aside((receipt or say("receipt not acknowledged yet"),)),
                Break(", "),
                Aside((confirmed,)),
            ),
        ),
    ]
    return Facts(
        tuple((name, sourced(cell, _source(point.exchange))) for name, cell in about if cell)
    )


def _state(words: PageWords, point: PointView) -> Cell:
    """Return whether a point of contact is within its hours, or its stage."""
    w = words.w
    if point.stage != "in_force":
        return Mark("state", w.name("stage", point.stage or "proposed"), "off")
    if point.there_now:
        return Mark("state", w.say("within its hours"), "normal")
    mark = Mark("state", w.say("outside its hours"), "off")
    opens = w.say("opens %(t)s", t=w.written(point.opens, "minute")) if point.opens else ""
    return (mark, ", ", opens) if opens else mark


def _means(words: _ContactWords, point: PointView) -> Listing | Empty | None:
    """Return the means of a point of contact, each with its last test."""
    say = words.w.say
    tests: dict[str, MeansTested] = {}
    for test in point.tested:
        tests.setdefault(test.means, test)
    source = _source(point.exchange)

    def tested(means: str) -> Cell:
        test = tests.get(means)
        if test is None:
            return say("never tested")
        by = Aside((say("by %(side)s", side=test.side.upper()),))
        return sourced((words.time(test.time), " ", by), source)

    def outcome(means: str) -> Cell:
        if means not in tests:
            return "–"
        result = tests[means].outcome
        level = "normal" if result == "reached" else "serious"
        return sourced(Mark("state", words.w.value(result), level), source)

    return columns(
        say("Means, and when each was tested last"),
        point.means,
        (say("Means"), lambda means: sourced(_means_text(words, point, means), source)),
        (say("Last test"), tested),
        (say("Outcome"), outcome),
    )


def _means_text(words: PageWords, point: PointView, means: str) -> Run:
    """Return a means in words; other means have those of the side."""
    if means == OTHER and point.means_text is not UNSET:
        return words.own(point.means_text)
    return words.w.value(means)


def _test(words: PageWords, point: PointView, filled: FormState) -> Form | None:
    """Return the form that records a test, where there is somebody to test."""
    context, w, say = words.context, words.w, words.w.say
    if not context.may_post or point.stage not in _TESTED:
        return None
    form = filled if filled["exchange"] == point.exchange else FormState()
    means = [(name, w.value(name)) for name in point.means]
    outcomes = [(name, w.value(name)) for name in _OUTCOMES]
    hint = say("Like 0305Z or 24 Nov 03:05. Left empty, it is now.")
    return Form(
        to="/people/tested",
        parts=(
            form.field(w, "select", f"means-{point.exchange}", say("Means"), "", means),
            form.field(
                w, "radios", f"outcome-{point.exchange}", say("Result of the test"), "", outcomes
            ),
            form.field(w, "line", f"at-{point.exchange}", say("When (optional)"), hint),
        ),
        button=say("Record the test"),
        values={"exchange": point.exchange},
        key=form.key,
        fold=say("Record a test"),
        signs="call-attempt" if context.asks_signature("contact") else "",
    )


# The liaison offices


def _offices(words: _ContactWords, contacts: _Contacts) -> Iterator[Section]:
    """Yield the liaison offices of the sides, each with its charter and its staff."""
    context, say = words.context, words.w.say
    none = say("No office is entered. An office is proposed by its side, and agreed by the other.")
    propose: Block | None = None
    if context.may_post and HEADS.isdisjoint(context.roles):
        propose = Points(((say("Heads of office propose offices, and name their staff."),),))
    elif context.may_post:
        propose = buttons(
            (
                PageLink((say("Propose an office"),), "/compose/liaison-office", "button"),
                PageLink((say("Name a member of the staff"),), "/compose/liaison-staff", "button"),
            )
        )
    are_any = bool(contacts.offices or contacts.staff)
    yield section(say("Liaison offices"), None if are_any else Empty(none), propose)
    for side in context.sides:
        offices = [state for state in contacts.offices if _value(state, "side") == side]
        offices.sort(key=lambda state: state.status == "closed")
        blocks = [block for state in offices for block in _office(words, state)]
        staff = _staff(words, [state for state in contacts.staff if state.side == side])
        if blocks or staff:
            yield section(words.side(side), *blocks, staff, level=3)


def _office(words: _ContactWords, state: Exchange) -> Iterator[Block]:
    """Yield the facts of an office, and its charter."""
    w, say, field = words.w, words.w.say, words.w.field
    side = str(_value(state, "side"))
    source = StandingSource("offices", state.id)
    office = next(
        (clock for clock in words.clocks if clock.exchange == state.id), office_of(side, state)
    )
    standing, level = standing_of(state.status, office, w, words.context.moment)
    hours = state.content.get("hours")
    days = [w.day(date.fromisoformat(day)) for day in sorted(_value(state, "holidays") or ())]
    privileges = state.content.get("privileges")
    about: list[tuple[str, Cell]] = [
        (field("seat"), place_of(office, w)),
        (say("State"), Mark("state", standing, level)),
        (field("hours"), words.hours(hours, side) if hours else say("no hours entered")),
        (field("holidays"), w.listed(days)),
        (field("staff_posts"), words.number_of(_value(state, "staff_posts"))),
        (field("privileges"), words.own(privileges) if privileges else ""),
        (say("Number"), words.exchange(state.id, state.number)),
    ]
    yield Facts(tuple((name, sourced(cell, source)) for name, cell in about if cell))
    if charter := state.content.get("charter"):
        label = say("agreed to together with the office")
        if state.status in ("proposed", "refused"):
            label = say("proposed together with the office")
        yield Fold(field("charter"), (Quote(label, words.own(charter), source),))


def standing_of(status: str, office: Office, words: Words, now: datetime) -> tuple[str, str]:
    """Return the state of an office at a time in words, and its level.

    An open office outside its hours is closed now, and the text says when it opens.
    """
    doing = office.state(now)
    if status != "open" or not doing:
        level = {"open": "normal", "closed": "off"}.get(status, "standby")
        return words.status(status), level
    if doing == "office_hours":
        return words.status("open"), "normal"
    days = office.bands(now, now + _AHEAD)
    opens = next((begins for begins, _ in days if begins > now), None)
    why = words.say("closed now, %(why)s", why=office_state(doing, words))
    when = [words.say("opens %(t)s", t=words.written(opens, "minute"))] if opens else []
    return words.listed([why, *when]), "off"


_STAFF_LEVELS: Final = {"named": "standby", "agreed": "standby", "arrived": "normal"}
"""The levels of the states of a member of the staff; any other is off."""


def _staff(words: _ContactWords, states: list[Exchange]) -> Listing | Empty | None:
    """Return the staff of a side's office: named, agreed to, arrived and left."""
    w, say = words.w, words.w.say

    def status(state: Exchange) -> Cell:
        level = _STAFF_LEVELS.get(state.status, "off")
        mark = Mark("state", w.status(state.status), level)
        return sourced(mark, StandingSource("staff", state.id))

    return columns(
        w.act("liaison-staff"),
        sorted(states, key=lambda state: state.status in ("left", "refused", "closed")),
        (
            w.field("post"),
            lambda state: words.of_record(
                QuotedText(_value(state, "post")), state.opened.position, "post"
            ),
        ),
        (
            say("Person"),
            lambda state: sourced(
                words.person(_value(state, "person")["id"], _value(state, "post")),
                StandingSource("staff", state.id),
            ),
        ),
        (say("State"), status),
        (w.field("arrival"), lambda state: _came(words, state)),
        (w.act("departure"), lambda state: _moment(words, state, "departure") or "–"),
        (say("Number"), lambda state: words.exchange(state.id, state.number)),
        names=lambda state: {"exchange": state.id},
    )


def _came(words: PageWords, state: Exchange) -> Cell:
    """Return the time of an arrival, or the time for which it is planned."""
    planned = _value(state, "arrival")
    arrived = _moment(words, state, "arrival")
    if arrived is not None or planned is None or state.status not in ("named", "agreed"):
        return arrived or "–"
    text = words.w.say("planned for %(t)s", t=words.w.written(planned, "minute"))
    return sourced(text, StandingSource("staff", state.id))


def _moment(words: PageWords, state: Exchange, act: str) -> Sourced | None:
    """Return the time that the newest act of a name gives; None without any."""
    newest = next(iter(state.acts.get(act, ())[-1:]), None)
    if newest is None:
        return None
    at = words.time(msgspec.json.decode(newest.content["at"]))
    return words.of_record(at, newest.said.position, "at")


# The programmes


def _programmes(words: _ContactWords, states: list[Exchange]) -> Section:
    """Return the programmes between people."""
    w, say = words.w, words.w.say
    none = say(
        "No programme is proposed. Exchanges of students, experts, officers and units appear here."
    )

    def follows(cell: Cell, state: Exchange) -> Sourced:
        return sourced(cell, StandingSource("programmes", state.id))

    def period(state: Exchange) -> Cell:
        window = next(known_windows([_value(state, "period")]), None)
        if window is None:
            return "–"
        return f"{w.written(window.begins, 'day')} – {w.written(window.ends, 'day')}"

    table = columns(
        say("Programmes between people"),
        states,
        (
            w.act("people-programme"),
            lambda state: (words.title(state), *words.marked(own_markings(state))),
        ),
        (w.field("kind"), lambda state: follows(w.value(_value(state, "kind")), state)),
        (say("Status"), lambda state: follows(w.status(state.status), state)),
        (w.field("host"), lambda state: follows(words.side(_value(state, "host")), state)),
        (w.field("period"), lambda state: follows(period(state), state)),
        (
            w.field("planned"),
            lambda state: follows(words.number_of(_value(state, "planned")), state),
        ),
        (
            w.field("actual"),
            lambda state: follows(words.number_of(_value(state, "actual")), state),
        ),
        (say("Number"), lambda state: words.exchange(state.id, state.number)),
        names=lambda state: {"exchange": state.id},
        empty=Empty(none),
    )
    propose = PageLink((say("Propose a programme"),), "/compose/people-programme", "button")
    return section(
        say("Programmes between people"),
        table,
        buttons((propose,)) if words.context.may_post else None,
    )


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

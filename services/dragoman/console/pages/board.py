"""The watch board: what waits, the open matters, what is late, what comes due, who has the watch, whom to ring, and what came since it was taken.

Quiet is said positively, and only while no matter is open, every side's watch is manned, and all that it rests on is known.
"""

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from aiohttp import web
from markupsafe import Markup, escape
from msgspec import Struct

from dragoman.application.operations import report_requests
from dragoman.console.charts import charts
from dragoman.console.deadline_cache import duties
from dragoman.console.display.deadline_rows import Strip, by_urgency, is_receipt, strip
from dragoman.console.display.log_rows import LogLine, lines_of
from dragoman.console.display.office_clocks import Office, office_of, office_state, place_of
from dragoman.console.forms import browser_signatures
from dragoman.console.pages import alarm, alarm_shelving, duty_numbers
from dragoman.console.pages.alarm import Handed, handed_in
from dragoman.console.pages.open_matter_rows import rows, unlimited
from dragoman.console.rendering import Page, PageContext, refused
from dragoman.console.sessions import following, form_of, said, see
from dragoman.domain.acts.act_rules import DUTY
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.i18n.words import Words, as_moment
from dragoman.projection import duty_watch, reads
from dragoman.projection.open_deadlines import OpenDeadline, duties_at
from dragoman.stores.watch_floor import ShelvedAlarm
from dragoman.text import sentence
from dragoman_schemas.responses import LineView, OpenMatter, PointView, SideWatch

_MATTERS = 40
_OVERDUE = 10
_DUE = 10
_SINCE = 10
_RICH = 40
"""Rows that are laid out in full; of more than anybody looks through the rest is short, so that the board stays quick."""

_AHEAD = timedelta(hours=24)


class Calm(Struct, frozen=True, kw_only=True):
    """The facts on which a board may say that all is calm: how much waits for each side, and what must be so for *Quiet*.

    `live` is whether the end of the log was seen, `known` whether all was looked at besides. `aside` counts receipts that the watch has put aside.
    """

    live: bool
    known: bool
    waiting: dict[str, int]
    aside: int
    late: int
    matters: int
    unmanned: tuple[str, ...]
    is_up: bool
    is_writable: bool
    is_in_force: bool
    is_shelved: bool

    @property
    def is_nothing_waiting(self) -> bool:
        """Return whether it is known that no side owes a receipt."""
        return self.known and not self.aside and not any(self.waiting.values())

    @property
    def is_quiet(self) -> bool:
        """Return whether *Quiet* may be said."""
        return (
            self.is_nothing_waiting
            and not (self.late or self.matters or self.unmanned or self.is_shelved)
            and self.is_up
            and self.is_writable
            and self.is_in_force
        )


def headline(words: Words, calm: Calm, *, reader: str) -> str:
    """Return the headline of a board; `reader` is the side for which an officer reads it, empty for others."""
    if not calm.live:
        return words.say("Not known.")
    if waiting := list(_waiting(words, calm, reader)):
        return words.listed(waiting)
    if not calm.known:
        return words.say("Not known.")
    if calm.aside:
        return words.count(
            "%(n)s message is put aside.", "%(n)s messages are put aside.", calm.aside
        )
    if calm.late:
        return words.count("%(n)s thing is late", "%(n)s things are late", calm.late)
    if calm.matters:
        return words.count(
            "Nothing waits. %(n)s matter open.", "Nothing waits. %(n)s matters open.", calm.matters
        )
    return words.say("Quiet.") if calm.is_quiet else words.say("Nothing waits.")


def _waiting(words: Words, calm: Calm, reader: str) -> Iterator[str]:
    """Yield how much waits for whom, the reader's side first."""
    found = {
        side: count
        for side, count in sorted(calm.waiting.items(), key=lambda each: each[0] != reader)
        if count
    }
    for place, (side, count) in enumerate(found.items()):
        if side == reader:
            yield words.count("%(n)s waits for you", "%(n)s wait for you", count)
        elif place:
            yield words.say("%(n)s for %(side)s", n=words.number(count), side=side.upper())
        else:
            yield words.count(
                "%(n)s waits for %(side)s", "%(n)s wait for %(side)s", count, side=side.upper()
            )


class Board(Struct, frozen=True, kw_only=True):
    """A channel as its watch looks at it. `live` is whether the end of the log was just seen."""

    channel: str
    position: int
    as_of: str
    live: bool
    waiting: tuple[Strip, ...]
    open_matters: tuple[OpenMatter, ...]
    overdue: tuple[Strip, ...]
    due: tuple[Strip, ...]
    watches: tuple[SideWatch, ...]
    lines: tuple[LineView, ...]
    since: tuple[LogLine, ...]
    ring: tuple[PointView, ...]
    drafts: int = 0
    one_key: tuple[Strip, ...] = ()
    more: bool = False
    shelved: tuple[ShelvedAlarm, ...] = ()
    handed: tuple[Handed, ...] = ()


async def board(here: PageContext) -> Page:
    """The board of a channel."""
    owed, matters, lines, more = await _owed(here)
    now = here.moment
    waiting = [
        *by_urgency(strip(duty, now) for duty in owed if is_receipt(duty)),
        *unlimited(here, matters),
    ]
    rest = [duty for duty in owed if not is_receipt(duty)]
    late = [strip(duty, now) for duty in rest if now > duty.clock.due and duty.clock.binding]
    due = [strip(duty, now) for duty in rest if now <= duty.clock.due or not duty.clock.binding]
    timed = here.registry.kind not in UNTIMED
    floor = report_requests.floor_of(here.service, here.projection, here.side)
    shelved = (
        {} if here.past or floor is None else alarm_shelving.in_force(floor, here.service.now())
    )
    aside = len(waiting)
    waiting, due = alarm_shelving.standing(waiting, shelved), alarm_shelving.standing(due, shelved)
    aside -= len(waiting)
    alarm.note_read(here, here.projection)
    view = Board(
        channel=here.name,
        position=here.position,
        as_of=here.service.as_of(here.projection),
        live=here.past or here.service.is_live(here.projection),
        waiting=tuple(waiting),
        open_matters=tuple(matters),
        overdue=tuple(sorted(late, key=lambda each: each.due)),
        due=tuple(due),
        watches=tuple(_watch(here, side) for side in here.sides),
        lines=tuple(lines),
        since=await _since(here),
        ring=await _to_ring(here),
        drafts=await _drafts(here),
        handed=() if here.past else tuple(handed_in(here, here.projection)),
        one_key=tuple(each for each in (*late, *due) if each.clock == "second_key"),
        more=more,
        shelved=tuple(shelved.values()),
    )
    offices = tuple(office_of(side, here.projection.office(side)) for side in here.sides)
    unmanned = tuple(side for side in here.sides if timed and side not in here.registry.watches)
    calm = Calm(
        live=view.live,
        known=view.live and not here.projection.broken and not view.more,
        waiting={side: sum(each.owed_by == side for each in view.waiting) for side in here.sides},
        aside=aside,
        late=len(view.overdue)
        + sum(each.late and each.binding for each in (*view.waiting, *view.due)),
        matters=len(view.open_matters),
        unmanned=unmanned,
        is_up=not timed
        or (lines[0].state == "up" and not lines[0].missed_running and not lines[0].with_errors),
        is_writable=here.past or here.service.desk.read_only_reason is None,
        is_in_force=here.registry.status is None or here.registry.status.status != "suspended",
        is_shelved=bool(view.shelved),
    )
    return Page(
        template="board.html",
        view=view,
        rows=[*view.waiting, *view.overdue, *view.due],
        values={
            "offices": offices,
            "office_state": office_state,
            "chart": _day(here, offices, view.due)
            if timed and any(each.known for each in offices)
            else "",
            "to_ring": await duty_numbers.ringing(here, here.projection, view.ring),
            "headline": headline(here.words, calm, reader=here.side if here.is_officer else ""),
            "calm": calm,
            "matters": rows(here, view.open_matters[:_MATTERS], offices),
            "timed": timed,
            "late": {
                side: [each for each in view.overdue if each.owed_by == side] for side in here.sides
            },
            "coming": view.due[:_DUE],
            "next_due": _next(view, here.moment),
            "owed": {side: sum(each.owed_by == side for each in view.due) for side in here.sides},
            "first": view.waiting[:_RICH],
            "further": plain_rows(here, view.waiting[_RICH:]),
            "overdue_rows": _OVERDUE,
            "may_shelve": alarm_shelving.may_shelve(here),
            "shelf_hours": alarm_shelving.HOURS,
            "held": here.registry.watches.get(here.side),
            "may_watch": here.may_post and timed and not DUTY.isdisjoint(here.roles),
            "relief": [
                name.partition("/")[2]
                for name, officer in here.registry.officers.items()
                if name.startswith(f"{here.side}/")
                and officer.until is None
                and not DUTY.isdisjoint(officer.roles)
            ],
            "said": here.request.query.get("said", ""),
            "thin": "thin" in here.request.query,
            "wall": "wall" in here.request.query,
            "reload": "reload" in here.request.query,
            "clock_bar": charts.clock,
        },
    )


async def _owed(
    here: PageContext,
) -> tuple[list[OpenDeadline], list[OpenMatter], list[LineView], bool]:
    """Return what is owed, the open matters, how the line stands, and whether there was more than could be looked at."""
    if here.past:
        then = await here.in_thread(duties_at, here.service.store, here.name, here.at)
        return then.duties, then.matters, then.lines, then.more
    known = await duties(here.request.app, here.projection)
    return known.listed(), known.matters(), known.lines(), False


def message_of(words: Words, each: Strip) -> str:
    """Return the name of the message that asks for something, and whose it is."""
    return words.say(
        "%(act)s from %(side)s",
        act=words.act(each.message_act),
        side=each.by.partition("/")[0].upper(),
    )


def plain_rows(here: PageContext, strips: Sequence[Strip]) -> Markup:
    """The rows of what waits besides the first, in the same columns: what it is, and the button."""
    words, side = here.words, here.side if here.may_post else ""
    waiting, receipt, again = (
        escape(words.say("waiting")),
        escape(words.say("Acknowledge receipt")),
        escape(here.again()),
    )
    clocks = {clock: escape(words.clock(clock)) for clock in {each.clock for each in strips}}
    levels = {
        each: escape(words.value(each).upper()) for each in {each.precedence for each in strips}
    }
    signs = ' data-signs="acknowledgement"' if here.registry.required_signatures else ""
    found: list[str] = []
    for each in strips:
        tag, text = here.subject(each)
        lang = f' lang="{escape(tag)}"' if tag else ""
        said = f'<span class="said break" dir="auto"{lang}>{escape(text)}</span>'
        if each.message_act != each.act:
            said = f"<b>{escape(message_of(words, each))}</b><small>{said}</small>"
        button = (
            f'<form method="post" action="/c/{here.name}/acknowledge" data-receipt><input type="hidden" name="exchange" value="{each.exchange}">'
            f'<input type="hidden" name="of" value="{each.started_by}"><input type="hidden" name="next" value="{again}">'
            f'<input type="hidden" name="key" value="{secrets.token_hex(16)}"><button{signs}>{receipt}<span class="hide"> {escape(each.number)}</span></button></form>'
            if each.owed_by == side and each.clock == "acknowledgement"
            else ""
        )
        found.append(
            f'<tr data-state="{each.level}" data-exchange="{each.exchange}" data-row><td class="due"><span class="mark"><svg class="i" aria-hidden="true">'
            f'<use href="#i-{each.level}"/></svg> <b>{words.span(each.waited_s)}</b></span><small>{waiting}</small></td>'
            f'<td><span class="side">{each.owed_by.upper()}</span></td><td>{levels[each.precedence]} {clocks[each.clock]}</td>'
            f'<td>{said}<small><a href="{escape(here.link(f"/exchanges/{each.exchange}"))}">'
            f"{escape(each.number)}</a></small></td><td>{button}</td></tr>"
        )
    return Markup("\n").join(map(Markup, found))


def _watch(here: PageContext, side: str) -> SideWatch:
    held = here.registry.watches.get(side)
    if held is None:
        return SideWatch(side=side)
    return SideWatch(
        side=side,
        manned_since=held.since.time,
        officer=held.since.by if side == here.side else "",
        note=held.note,
    )


async def _since(here: PageContext) -> tuple[LogLine, ...]:
    """What officers and the watch recorded last: since the reader's side took the watch, ten at most."""
    held = here.registry.watches.get(here.side)
    first = max(held.since.position if held is not None else 1, here.position - 60, 1)
    found = await here.in_thread(
        reads.records, here.service.store, here.name, first, here.position - first + 1
    )
    return tuple(
        each for each in lines_of(found) if each.act not in ("delivery", "line-check", "echo")
    )[:_SINCE]


def _next(view: Board, now: datetime) -> Strip | None:
    """Return what is due next of all that is owed, receipts too; None where nothing is."""
    ahead = [each for each in (*view.waiting, *view.due) if each.due and as_moment(each.due) > now]
    return min(ahead, key=lambda each: as_moment(each.due), default=None)


async def _to_ring(here: PageContext) -> tuple[PointView, ...]:
    """Whom to ring: points of contact in force, those first where somebody is there."""
    found = await here.in_thread(
        duty_watch.points_of_contact, here.service.store, here.name, here.moment, here.at or None
    )
    there = [point for point in found.points if point.stage == "in_force"]
    return tuple(
        sorted(there, key=lambda point: (point.side == here.side, not point.there_now))[:4]
    )


async def _drafts(here: PageContext) -> int:
    """Return how many drafts of the reader's side were handed to a colleague; what somebody is still writing asks nobody for anything."""
    if not here.is_officer or here.past or not here.service.is_live(here.projection):
        return 0
    try:
        return sum(
            draft.handed != ""
            for draft in await here.service.drafts.listed(here.registry.cid, here.side)
        )
    except LogUnreachable:
        return 0


def _day(here: PageContext, offices: tuple[Office, ...], due: tuple[Strip, ...]) -> Any:
    """The day ahead, from midnight to midnight UTC."""
    words, now = here.words, here.moment
    begins = now.replace(hour=0, minute=0, second=0, microsecond=0)
    ends = begins + _AHEAD
    lanes = [
        charts.Lane(place_of(each, words), bands=tuple(_bands(each, begins, ends, words)))
        for each in offices
        if each.known
    ]
    soon = [each for each in due if datetime.fromisoformat(each.due) < ends][:_DUE]
    marks = tuple(
        charts.DueMark(
            datetime.fromisoformat(each.due),
            words.say(
                "%(t)s %(what)s, %(side)s",
                t=each.due[11:16],
                what=words.clock(each.clock),
                side=each.owed_by.upper(),
            ),
        )
        for each in soon
    )
    described = words.listed(mark.label for mark in marks)
    return charts.day_ahead(
        "day",
        words.say("The day ahead, from midnight to midnight UTC"),
        words.say(
            "Due: %(what)s. The list below says the same.", what=described or words.say("nothing")
        ),
        begins,
        now,
        [*lanes, charts.Lane(words.say("Due"), marks=marks)],
        charts.DayLabels(
            "UTC",
            words.say("then %(t)s", t=f"{now:%H:%M}")
            if here.past
            else words.say("now %(t)s", t=f"{now:%H:%M}"),
        ),
    )


def _bands(office: Office, begins: datetime, ends: datetime, words: Words) -> Iterator[Any]:
    for opens, closes in office.bands(begins, ends):
        label = (
            words.say("office hours %(a)s–%(b)s", a=office.opens, b=office.closes)
            if office.opens
            else words.say("at all hours")
        )
        yield charts.Band(opens, closes, label)


# The watch changes hands


async def take_watch(here: PageContext) -> web.StreamResponse:
    """Take the watch of the side, or hand it over, or end it."""
    form = await form_of(here.request)
    match said(form, "do"):
        case "take":
            act: dict[str, Any] = {"act": "watch-assumption"}
        case "relieve":
            act = {"act": "watch-relief"}
            if said(form, "to"):
                act["to"] = said(form, "to")
            if said(form, "note"):
                act["note"] = said(form, "note")
        case _:
            raise refused(
                "bad-request",
                sentence("The watch is taken, handed over or ended. Open the board again."),
            )
    reply = await browser_signatures.record(
        here, msgspec.json.encode(act), family="channel", key=said(form, "key")
    )
    assert isinstance(reply.headers, dict)
    position = reply.headers["Dragoman-Position"]
    return see(
        f"{following(said(form, 'next') or here.link())}?said={said(form, 'do')}&after={position}"
    )

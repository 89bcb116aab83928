"""The page of the duty roster of the reader's side, which no other side sees.

    /c/{channel}/roster    now and next, fourteen days, faults, offers and covers

Heads of office and administrators put a calendar here, or have one read from a URL.
Officers offer their shifts and take those of colleagues.
"""

from collections.abc import Awaitable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web
from msgspec import UNSET, Struct

from dragoman.application.http import submission
from dragoman.application.operations import calendar_links
from dragoman.application.rosters import operations, reminders, views
from dragoman.console.forms.admin_forms import address, colleagues, hindrance
from dragoman.console.forms.confirm import ask
from dragoman.console.forms.form_state import FormState
from dragoman.console.page.context import PageContext
from dragoman.console.page.form_body import Upload
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import form_of, redirect
from dragoman.domain.acts.act_rules import DUTY, HEADS, OFFICERS
from dragoman.domain.views import duty_roster
from dragoman.limits import BODY_BYTES
from dragoman.members.input.not_understood import NotUnderstoodInput
from dragoman.members.times import read_moment, zulu
from dragoman.office.duty.roster_lines import may_read
from dragoman.stores.rosters import StoredRoster
from dragoman.text import sentence
from dragoman_schemas.host_responses import CalendarLink
from dragoman_schemas.roster import (
    ROSTER_RUNGS,
    NewCover,
    RosterRung,
    RosterSettings,
    RosterView,
    ShiftChange,
)

_UTC: Final = ZoneInfo("UTC")


class ShiftCell(Struct, frozen=True, kw_only=True):
    """A shift in a day, or a gap: its times in that day, and its officer.

    `is_own` says that the shift is the reader's.
    """

    begins: str
    ends: str
    officer: str = ""
    changed: bool = False
    is_own: bool = False


class RosterDay(Struct, frozen=True, kw_only=True):
    """A day of the roster: the shifts and gaps of each rung."""

    day: date
    rungs: dict[str, tuple[ShiftCell, ...]]


async def roster(
    context: PageContext,
    filled: FormState | None = None,
    *,
    link: CalendarLink | None = None,
) -> Page:
    """Return the roster of the reader's side as it is now."""
    sees = may_read(context)
    now = context.moment
    stored = (
        await operations.own_roster(context.call, context.projection)
        if sees
        else StoredRoster(cid=context.registry.cid, side=context.side)
    )
    form = filled or FormState(
        {
            "warn_days": [str(stored.warn_days)],
            "reminders": [", ".join(map(str, stored.reminders))],
            "rung": ["duty_officer"],
        }
    )
    officer = context.grant.actor.partition("/")[2]
    faults = views.faults_of(context.projection, stored, now)
    fault = views.fault_text(stored)
    view: RosterView = views.view(context.projection, stored, now)
    values: dict[str, Any] = {
        "sees": sees,
        "filled": form,
        "officer": officer,
        "rungs": ROSTER_RUNGS,
        "days": list(_days(stored, officer, now)) if stored.source else [],
        "own": [
            shift
            for shift in view.shifts
            if shift.officer == officer and not OFFICERS.isdisjoint(context.roles)
        ],
        "faults": [(item, context.words.sentence(item.text)) for item in faults],
        "fault": "" if fault is None else context.words.sentence(fault),
        "reminders": [
            context.words.sentence(reminders.reminder_text(item))
            for item in reminders.own_reminders(stored, officer, now)
        ],
        "heads_hindrance": hindrance(context, HEADS, flag=False),
        "enter_hindrance": hindrance(context, operations.ENTERING, flag=False),
        "officer_hindrance": hindrance(context, OFFICERS, flag=False),
        "who": colleagues(context, operations.ENTERING),
        "servers": [(name, name) for name in colleagues(context, DUTY)],
        "serves": {
            rung: not operations.roles_for(rung).isdisjoint(context.roles) for rung in ROSTER_RUNGS
        },
        "rung_options": [(rung, context.words.value(rung)) for rung in ROSTER_RUNGS],
        "link": link,
        "server": address(context),
        "said": context.said,
    }
    return Page(
        template="roster.html", view=view, rows=view.shifts, values=values, status=form.status
    )


def _days(stored: StoredRoster, officer: str, now: datetime) -> Iterator[RosterDay]:
    """Yield the days that are shown, each with the shifts and gaps of its rungs."""
    first = now.date()
    rostered = {event.rung for event in stored.events}
    for number in range(views.SHOWN.days):
        day = first + timedelta(days=number)
        begins = max(datetime.combine(day, time(), tzinfo=now.tzinfo), now)
        ends = datetime.combine(day + timedelta(days=1), time(), tzinfo=now.tzinfo)
        yield RosterDay(
            day=day,
            rungs={
                rung: tuple(_cells(stored, rung, officer, begins, ends, gaps=rung in rostered))
                for rung in ROSTER_RUNGS
            },
        )


def _cells(
    stored: StoredRoster,
    rung: RosterRung,
    officer: str,
    begins: datetime,
    ends: datetime,
    *,
    gaps: bool,
) -> Iterator[ShiftCell]:
    cells = [
        (
            max(shift.begins, begins),
            shift.order,
            min(shift.ends, ends),
            shift.officer,
            bool(shift.change),
        )
        for shift in stored.duty
        if shift.rung == rung and shift.begins < ends and begins < shift.ends
    ]
    if gaps:
        cells += [
            (gap.begins, 0, gap.ends, "", False)
            for gap in duty_roster.gaps(stored.duty, rung, begins, ends)
        ]
    joined: list[tuple[datetime, datetime, str, bool]] = []
    for start, _, end, name, changed in sorted(cells):
        if joined and (joined[-1][1], *joined[-1][2:]) == (start, name, changed):
            joined[-1] = (joined[-1][0], end, name, changed)
        else:
            joined.append((start, end, name, changed))
    for start, end, name, changed in joined:
        yield ShiftCell(
            begins=f"{start:%H:%M}",
            ends="24:00" if end == ends else f"{end:%H:%M}",
            officer=name,
            changed=changed,
            is_own=name == officer and bool(name),
        )


# Entering a calendar


async def _done(
    context: PageContext, filled: FormState, field: str, work: Awaitable[Any], outcome: str
) -> Page | web.StreamResponse:
    """Await a change; return the page with its fault, or redirect to the new roster."""
    done = False
    with filled.trying(field):
        await work
        done = True
    if not done:
        return await roster(context, filled)
    return redirect(context.link("/roster", said=outcome))


async def upload(context: PageContext) -> Page | web.StreamResponse:
    """Put the calendar of a file, or of a text."""
    form = await form_of(context.request, limit=BODY_BYTES, files=True)
    filled = await FormState.of(context.request)
    file = form.get("file")
    raw = file.content if isinstance(file, Upload) else b""
    if not raw.strip():
        filled.wrong("file", sentence("Choose the file of the calendar, whose name ends in .ics."))
        return await roster(context, filled)
    return await _done(
        context,
        filled,
        "file",
        operations.put_calendar(context.call, context.projection, raw),
        "put",
    )


async def subscribe(context: PageContext) -> Page | web.StreamResponse:
    """Have a calendar at a URL read from now on."""
    filled = await FormState.of(context.request)
    if not filled["url"]:
        filled.wrong("url", sentence("Give the https address of the calendar."))
        return await roster(context, filled)
    return await _done(
        context,
        filled,
        "url",
        operations.subscribe(context.call, context.projection, filled["url"]),
        "subscribed",
    )


async def settle(context: PageContext) -> Page | web.StreamResponse:
    """Change when the roster warns and reminds."""
    filled = await FormState.of(context.request)
    days = submission.whole(filled["warn_days"])
    leads = [submission.whole(text.strip()) for text in filled["reminders"].split(",")]
    minutes = tuple(lead for lead in leads if lead is not None and 1 <= lead <= 1440)
    if days is None or not 1 <= days <= 14:
        filled.wrong("warn_days", sentence("Give a number of days from 1 to 14."))
    if not 1 <= len(minutes) <= 4 or len(minutes) != len(leads):
        filled.wrong(
            "reminders",
            sentence("Give one to four numbers of minutes, with commas between, like 60, 15."),
        )
    if filled.faults or days is None:
        return await roster(context, filled)
    settings = RosterSettings(warn_days=days, reminders=minutes)
    return await _done(
        context,
        filled,
        "warn_days",
        operations.settle(context.call, context.projection, settings),
        "settled",
    )


async def ask_removal(context: PageContext) -> Page | web.StreamResponse:
    """Ask once before the roster is removed."""
    say = context.words.say
    if not may_read(context) or hindrance(context, operations.ENTERING, flag=False):
        return redirect(context.link("/roster"))
    return ask(
        context,
        question=say("Remove the roster of your side?"),
        follows=[
            say("Its shifts, offers and covers are deleted, and cannot be restored."),
            say("A flash then reaches the people whom the log names, and nobody else."),
        ],
        button=say("Remove it"),
        back=(context.link("/roster"), say("Keep it")),
        area="board",
    )


async def remove(context: PageContext) -> web.StreamResponse:
    """Remove the roster."""
    await operations.remove(context.call, context.projection)
    return redirect(context.link("/roster", said="removed"))


# Offers, covers, and the link


async def offer(context: PageContext) -> Page | web.StreamResponse:
    """Offer a shift, or a part of it."""
    filled = await FormState.of(context.request)
    begins, ends = (_moment(context, filled, name) for name in ("from", "to"))
    if filled.faults:
        return await roster(context, filled)
    change = ShiftChange(do="offer", begins=begins, ends=ends, rung=_rung(filled))
    return await _change(context, filled, change, "from", "offered")


async def take(context: PageContext) -> Page | web.StreamResponse:
    """Take a shift that a colleague offers."""
    filled = await FormState.of(context.request)
    return await _change(
        context, filled, ShiftChange(do="take", change=filled["change"]), "changes", "taken"
    )


async def withdraw(context: PageContext) -> Page | web.StreamResponse:
    """Withdraw an offer or a cover."""
    filled = await FormState.of(context.request)
    return await _change(
        context,
        filled,
        ShiftChange(do="withdraw", change=filled["change"]),
        "changes",
        "withdrawn",
    )


async def _change(
    context: PageContext, filled: FormState, change: ShiftChange, field: str, outcome: str
) -> Page | web.StreamResponse:
    key = submission.key_of(filled.key)
    work = operations.change_shift(context.call, context.projection, change, key)
    return await _done(context, filled, field, work, outcome)


async def cover(context: PageContext) -> Page | web.StreamResponse:
    """Set a cover, as a head of office."""
    filled = await FormState.of(context.request)
    begins, ends = (_moment(context, filled, name) for name in ("cover_from", "cover_to"))
    if not filled["officer"]:
        filled.wrong("officer", sentence("Choose the officer who covers."))
    if filled.faults:
        return await roster(context, filled)
    wanted = NewCover(
        officer=filled["officer"],
        begins=begins,
        ends=ends,
        rung=_rung(filled),
        of=filled["of"] or UNSET,
    )
    work = operations.cover(context.call, context.projection, wanted, submission.key_of(filled.key))
    return await _done(context, filled, "officer", work, "covered")


async def make_link(context: PageContext) -> Page | web.StreamResponse:
    """Make a secret link to the roster, and show it once."""
    filled = await FormState.of(context.request)
    link = None
    with filled.trying("make"):
        await operations.own_roster(context.call, context.projection)
        link = await calendar_links.make_link(
            context.call, context.projection, submission.key_of(filled.key), of="roster"
        )
    return await roster(context, filled if link is None else None, link=link)


def _rung(filled: FormState) -> RosterRung:
    return next((rung for rung in ROSTER_RUNGS if rung == filled["rung"]), "duty_officer")


def _moment(context: PageContext, filled: FormState, name: str) -> str:
    """Return a time that was typed, as the API takes it; a fault goes to its field."""
    if not filled[name]:
        filled.wrong(name, sentence("Give the day and the time, like 2026-11-29 18:00Z."))
        return ""
    try:
        moment = read_moment(filled[name], context.service.now(), _UTC, ahead=True)
    except NotUnderstoodInput:
        filled.wrong(
            name, sentence("This time is not understood; write it like 2026-11-29 18:00Z.")
        )
        return ""
    return zulu(moment)


ROUTES: Final = (
    PageRoute(path="/roster", handler=roster),
    PageRoute(path="/roster", handler=upload, method="POST"),
    PageRoute(path="/roster/subscription", handler=subscribe, method="POST"),
    PageRoute(path="/roster/settings", handler=settle, method="POST"),
    PageRoute(path="/roster/remove", handler=ask_removal),
    PageRoute(path="/roster/remove", handler=remove, method="POST"),
    PageRoute(path="/roster/offer", handler=offer, method="POST"),
    PageRoute(path="/roster/take", handler=take, method="POST"),
    PageRoute(path="/roster/withdraw", handler=withdraw, method="POST"),
    PageRoute(path="/roster/cover", handler=cover, method="POST"),
    PageRoute(path="/roster/link", handler=make_link, method="POST"),
)

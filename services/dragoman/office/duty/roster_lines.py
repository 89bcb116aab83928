"""The lines of the duty roster on the board: its own side's alone."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from dragoman.application.rosters import reminders, views
from dragoman.console.matter.panel import Panel, ShownPanel
from dragoman.console.page.context import PageContext
from dragoman.domain.acts.act_rules import STAFF
from dragoman.domain.views import duty_roster
from dragoman_schemas.roster import RosterStatus

_WARNINGS = 3


class RosterLines(Struct, frozen=True, kw_only=True):
    """The roster of the reader's side, as the board shows it.

    `on_watch` are the officers who have the watch by the roster, until `until`.
    `coming` take it at `coming_at`. `differs` says that another officer has the watch
    in the log. `offered` counts the shifts that colleagues offer.
    """

    status: RosterStatus
    read: datetime | None
    on_watch: tuple[str, ...]
    until: datetime | None
    coming: tuple[str, ...]
    coming_at: datetime | None
    differs: bool
    reminders: tuple[str, ...]
    warnings: tuple[str, ...]
    more: int
    offered: int


def may_read(context: PageContext) -> bool:
    """Return whether the page shows the roster: now, to an officer of its side."""
    return not context.past and not STAFF.isdisjoint(context.roles)


def lines_of(context: PageContext) -> RosterLines | None:
    """Return the lines of the board, or None if the reader's side has no roster."""
    if not may_read(context):
        return None
    roster = context.service.rosters.known(context.registry.cid, context.side)
    if not roster.source:
        return None
    now, words = context.moment, context.words
    shifts = roster.in_force(now)
    current = duty_roster.on_duty(shifts, "duty_officer", now)
    following = duty_roster.coming(shifts, "duty_officer", now)
    names = tuple(shift.officer for shift in current)
    joined = [
        shift
        for shift in duty_roster.merged(shifts, "duty_officer")
        if shift.begins <= now < shift.ends
    ]
    watch = context.registry.watches.get(context.side)
    officer = context.grant.actor.partition("/")[2]
    faults = views.faults_of(context.projection, roster, now)
    return RosterLines(
        status=roster.status(now),
        read=roster.read,
        on_watch=names,
        until=min((shift.ends for shift in joined), default=None),
        coming=tuple(shift.officer for shift in following),
        coming_at=following[0].begins if following else None,
        differs=bool(names) and watch is not None and watch.since.by.partition("/")[2] not in names,
        reminders=tuple(
            words.sentence(reminders.reminder_text(reminder))
            for reminder in reminders.own_reminders(roster, officer, now)
        ),
        warnings=tuple(
            words.say(
                "%(rung)s, from %(t)s: %(text)s",
                rung=words.value(fault.rung),
                t=words.written(fault.begins, "minute"),
                text=words.sentence(fault.text),
            )
            for fault in faults[:_WARNINGS]
        ),
        more=len(faults[_WARNINGS:]),
        offered=sum(
            change.kind == "offer" and not change.to and change.of != officer and change.ends > now
            for change in roster.changes
        ),
    )


async def shown(context: PageContext) -> ShownPanel | None:
    """Return the lines as a panel of the board."""
    lines = lines_of(context)
    return None if lines is None else ShownPanel(template="roster_panel.html", value=lines)


async def shown_link(context: PageContext) -> ShownPanel | None:
    """Return the link to the roster, for those who may read it."""
    return ShownPanel(template="roster_link.html") if may_read(context) else None


BOARD_PANELS: Final = (
    Panel(place="watch_links", of=shown_link),
    Panel(place="watch", of=shown),
)

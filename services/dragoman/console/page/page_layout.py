"""The layout around every page: marking, status strip, clocks, links, and warnings.

A page of the past shows the strip of its moment, and says so. An alarm of now appears
there too.
"""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from dragoman.application.deadline_cache import open_deadlines_of
from dragoman.application.operations import access_tokens, transparency_log
from dragoman.application.operations.report_requests import WATCH_FLOOR
from dragoman.application.station_port import HostLine
from dragoman.console.display.deadline_rows import LEVELS, Level
from dragoman.console.display.office_clocks import Office, office_of
from dragoman.console.page import armed_consoles, duty_numbers, point_in_time
from dragoman.console.page.alarm_views import Alarms
from dragoman.console.page.context import PageContext
from dragoman.domain.acts.act_rules import DUTY
from dragoman.domain.acts.deadlines import is_timed
from dragoman.domain.record.errors import Refused
from dragoman.i18n.words import Words
from dragoman.limits import CHECK_SECONDS, CHECK_STEP_SECONDS, DISARMED_SECONDS
from dragoman.projection.projection import Projection
from dragoman.projection.queries import duty_watch
from dragoman.stores.outbox import BACK, ON_THE_WAY, OutboxEntry
from dragoman.tlog.note import NotANote
from dragoman_schemas.state import EndOfChannel
from dragoman_schemas.watch_responses import LineView

_WANTING: Final = ("critical", "serious", "caution")
"""Levels of states that the strip says in words: somebody has to do something."""

_SIDES: Final = 4
"""The most sides with a cell of their own in the strip. With more sides, one cell
counts them.
"""


ALARMS: Final[web.AppKey[Callable[[web.Application, PageContext], Awaitable[Alarms]]]] = web.AppKey(
    "alarms"
)
"""The function that gives the alarms of a reader."""


class Cell(Struct, frozen=True, kw_only=True):
    """One state of the strip: a shape, a word, and the reason for it."""

    key: str
    level: Level
    word: str
    detail: str = ""
    icon: str = ""


class Bar(Struct, frozen=True, kw_only=True):
    """A warning of the strip: the situation, and what to do.

    With `ring`, the telephone numbers appear beside it. `way` leads to a page about it.
    """

    level: Level
    word: str
    detail: str = ""
    ring: bool = False
    way: tuple[str, str] = ("", "")


class Frame(Struct, kw_only=True):
    """The layout values around a page."""

    cells: tuple[Cell, ...] = ()
    bars: tuple[Bar, ...] = ()
    offices: tuple[Office, ...] = ()
    channels: tuple[tuple[str, str], ...] = ()
    alarms: Alarms | None = None
    ringing: tuple[duty_numbers.NumberToRing, ...] = ()
    operator: bool = False
    travel: Any = None
    check_s: int = 0
    check_step_s: int = CHECK_STEP_SECONDS
    unknown: dict[str, str] = {}
    marking: str = ""

    def stated(self, now: datetime) -> list[Level]:
        """Return the level of each thing that the strip says, the worst first.

        The strip shows the first of the worst ones. The rest unfold.
        """
        levels = [bar.level for bar in self.bars]
        levels += [cell.level for cell in self.cells if cell.level in _WANTING]
        if self.alarms is not None:
            levels += self.alarms.levels(now)
        return sorted(levels, key=LEVELS.index)


async def of(context: PageContext) -> Frame:
    """Return the frame of a page."""
    channels = (
        ()
        if context.grant.is_operator
        else tuple(
            (projection.name, projection.registry.kind)
            for projection in context.service.visible(context.grant)
        )
    )
    app = context.request.app
    ringing = None if context.grant.is_operator else await app[ALARMS](app, context)
    ending = tuple(_ending(context))
    if context.channel is None:
        return Frame(
            channels=channels,
            bars=(*_cut_lines(context), *ending),
            operator=context.grant.is_operator,
            alarms=ringing,
            cells=tuple(_over_all(context)) if context.over_all else (),
            marking=", ".join(_markings(context)) if context.over_all else "",
        )
    registry = context.projection.registry
    cells = await _then(context) if context.past else await _now(context)
    claims = (
        ()
        if context.past
        else tuple(cell.key for cell in cells if cell.key not in ("alarm", "page"))
    )
    return Frame(
        cells=tuple(cells),
        bars=(*_bars(context), *ending),
        offices=tuple(
            office_of(side.name, context.projection.office(side.name)) for side in registry.sides
        ),
        channels=channels,
        alarms=ringing,
        ringing=await duty_numbers.of_channel(
            context,
            context.projection,
            next((side for side in context.sides if side != context.side), ""),
        ),
        travel=await point_in_time.control(context),
        unknown={key: _unknown(context.words, key) for key in claims},
        check_s=CHECK_SECONDS if _is_checked(context) else 0,
    )


def _ending(context: PageContext) -> Iterator[Bar]:
    """Yield a warning in the last two weeks of the token of the reader's session."""
    words, expires = context.words, context.grant.expires
    if access_tokens.ends_soon(expires, time.time()):
        yield Bar(
            level="standby",
            word=words.say(
                "Your token ends %(t)s.",
                t=words.written(datetime.fromtimestamp(expires, UTC), "minute"),
            ),
            detail=words.say("Ask the operator for another one."),
        )


def _over_all(context: PageContext) -> Iterator[Cell]:
    """Yield the strip of a page over all channels: the alarm, and the page itself."""
    yield _alarm(context, timed=True)
    yield _page(context)


def _markings(context: PageContext) -> list[str]:
    """Return the markings of all the reader's channels, each once."""
    return sorted({channel.registry.marking for channel in context.service.visible(context.grant)})


def _page(context: PageContext) -> Cell:
    return Cell(
        key="page",
        level="off",
        word=context.words.say("Page as loaded"),
        detail=context.words.say("reload to see what came since"),
    )


def _unknown(words: Words, key: str) -> str:
    """Return the word of a cell while a page receives no updates."""
    if key == "line":
        return words.say("Line not known")
    if key == "proof":
        return words.say("Record not known")
    side = key.partition("-")[2]
    return (
        words.say("%(side)s not known", side=side.upper())
        if side
        else words.say("Watches not known")
    )


async def _now(context: PageContext) -> list[Cell]:
    """Return the strip of a page that shows now."""
    owed = await open_deadlines_of(context.request.app, context.projection)
    timed = is_timed(context.registry)
    states = [_line(context.words, owed.lines()[0]), *_watches(context)] if timed else []
    if not context.service.is_live(context.projection):
        # An own watch without an armed alarm is known here, and stays.
        states = [
            Cell(key=cell.key, level="off", word=_unknown(context.words, cell.key))
            if cell.key == "line" or cell.level in ("normal", "serious")
            else cell
            for cell in states
        ]
    return [
        *states,
        await _proof(context),
        _alarm(context, timed=timed),
        _page(context),
    ]


async def _then(context: PageContext) -> list[Cell]:
    """Return the strip of a page of the past: its line and its watches at that moment.

    The first cell says that the strip shows the past.
    """
    words = context.words
    record, time = words.number(context.at), words.written(context.past_time or context.record_time)
    detail = (
        words.say(
            "%(t)s; newest record then: %(n)s, of %(r)s",
            t=time,
            n=record,
            r=words.written(context.record_time),
        )
        if context.past_time
        else words.say("record %(n)s, %(t)s", n=record, t=time)
    )
    cells = [
        Cell(key="moment", level="standby", word=words.say("State at that time"), detail=detail)
    ]
    if is_timed(context.registry):
        lines = await context.ask(duty_watch.lines_of)
        cells += [_line(words, lines[0]), *_watches(context)]
    return [replace(cell, key=f"then-{cell.key}") for cell in cells]


def _is_checked(context: PageContext) -> bool:
    """Return whether the reader's office has checks of a quiet watch."""
    officer = context.projection.registry.officers.get(context.grant.actor)
    if (
        officer is None
        or DUTY.isdisjoint(officer.roles)
        or not is_timed(context.projection.registry)
    ):
        return False
    return (
        officer.office
        in context.request.app[WATCH_FLOOR]
        .checked(context.projection.registry.cid, context.side)
        .offices
    )


def _line(words: Words, view: LineView) -> Cell:
    at = words.written(view.checked, "minute") if view.checked else ""
    if view.state == "degraded":
        missed = words.count(
            "%(n)s check missed running", "%(n)s checks missed running", view.missed_running
        )
        return Cell(key="line", level="serious", word=words.say("Line degraded"), detail=missed)
    if view.missed_running:
        return Cell(
            key="line",
            level="caution",
            word=words.say("One line check missed"),
            detail=words.say("in order at %(t)s", t=at) if at else "",
        )
    if view.state == "up" and view.with_errors:
        detail = words.say("checked %(t)s", t=at)
        return Cell(
            key="line", level="caution", word=words.say("Line echoed with errors"), detail=detail
        )
    if view.state == "up" and at:
        return Cell(
            key="line",
            level="normal",
            word=words.say("Line in order"),
            detail=words.say("echoed exactly, %(t)s", t=at),
        )
    return Cell(
        key="line",
        level="off",
        word=words.say("Line not checked"),
        detail=words.say("no check was answered yet"),
    )


def _watches(context: PageContext) -> Iterator[Cell]:
    words, registry = context.words, context.registry
    if len(registry.sides) > _SIDES:
        unmanned = [side.name for side in registry.sides if side.name not in registry.watches]
        word = (
            words.count("%(n)s side not manned", "%(n)s sides not manned", len(unmanned))
            if unmanned
            else words.say("All sides manned")
        )
        yield Cell(
            key="watch",
            level="serious" if unmanned else "normal",
            word=word,
            detail=words.listed(name.upper() for name in unmanned[:6]),
        )
        return
    for side in registry.sides:
        watch = registry.watches.get(side.name)
        if watch is None:
            word, detail = (
                words.say("%(side)s not manned", side=side.name.upper()),
                words.say("nobody has taken the watch"),
            )
            yield Cell(key=f"watch-{side.name}", level="serious", word=word, detail=detail)
            continue
        since = words.say("since %(t)s", t=words.written(watch.since.time, "minute"))
        silent = (
            armed_consoles.silent_for(context.request.app, context.projection, side.name)
            if side.name == context.side and not context.past
            else 0.0
        )
        if silent >= DISARMED_SECONDS:
            level: Level = "critical" if silent >= 2 * DISARMED_SECONDS else "caution"
            word, detail = _unarmed(words, side.name, silent, exercise=registry.kind == "exercise")
            yield Cell(key=f"watch-{side.name}", level=level, word=word, detail=detail)
            continue
        yield Cell(
            key=f"watch-{side.name}",
            level="normal",
            word=words.say("%(side)s manned", side=side.name.upper()),
            detail=since,
        )


def _unarmed(words: Words, side: str, silent: float, *, exercise: bool) -> tuple[str, str]:
    """Return the word and the detail of a watch whose side has no armed alarm.

    A console that is armed for the live channels does not ring for an exercise.
    """
    manned, span = words.say("%(side)s manned", side=side.upper()), words.span(silent)
    if exercise:
        word = words.say("%(side)s: not armed here", side=side.upper())
        detail = words.say(
            "in this exercise no alarm armed for %(d)s; arm one on a page of it", d=span
        )
    else:
        word, detail = (
            words.say("%(side)s: no alarm armed", side=side.upper()),
            words.say("no alarm armed for %(d)s", d=span),
        )
    return word, words.listed([manned, detail])


async def _proof(context: PageContext) -> Cell:
    """Return the cell that says how far the log is signed and countersigned.

    If the broker does not respond, the cell says that this is not known.
    """
    words, projection = context.words, context.projection
    if not context.service.is_live(projection):
        return Cell(key="proof", level="off", word=words.say("Record not known"), icon="seal")
    try:
        late = await context.request.app[transparency_log.HEADS].is_late(context.call, projection)
    except (Refused, NotANote):
        late = True
    if late:
        return Cell(
            key="proof",
            level="serious",
            word=words.say("Record not signed"),
            detail=words.say("the signer does not respond"),
            icon="seal",
        )
    if not projection.registry.policy:
        return Cell(
            key="proof",
            level="off",
            word=words.say("Record signed by the host"),
            detail=words.say("no witness is named"),
            icon="seal",
        )
    covered = await context.service.coverage.of(projection)
    behind = max(0, projection.state.position - covered.final)
    if not behind:
        detail = words.say("by the witnesses, to record %(n)s", n=words.number(covered.final))
        return Cell(
            key="proof", level="normal", word=words.say("Record countersigned"), detail=detail
        )
    detail = words.count(
        "%(n)s record waits for the witnesses", "%(n)s records wait for the witnesses", behind
    )
    return Cell(key="proof", level="standby", word=words.say("Record signed"), detail=detail)


def _alarm(context: PageContext, *, timed: bool) -> Cell:
    words = context.words
    if not timed:
        return Cell(
            key="alarm",
            level="off",
            word=words.say("No alarm here"),
            detail=words.say("the channel has ended")
            if context.is_ended
            else words.say("no clocks by rule"),
        )
    if not context.is_officer:
        return Cell(
            key="alarm",
            level="off",
            word=words.say("No alarm here"),
            detail=words.say("officers are alarmed"),
        )
    return Cell(
        key="alarm",
        level="off",
        word=words.say("Alarm not armed"),
        detail=words.say("this page makes no sound"),
    )


def _cut_lines(context: PageContext) -> Iterator[Bar]:
    """Yield a warning for each of the reader's channels whose line is cut."""
    station = context.service.station
    if station is None or context.grant.is_operator:
        return
    for projection in context.service.visible(context.grant):
        line = station.line(projection.name)
        if line is not None:
            yield from _standing(context, projection, line)


def _standing(context: PageContext, projection: Projection, line: HostLine) -> Iterator[Bar]:
    """Yield a warning if a line is cut or held, or its host in doubt."""
    words, is_here = context.words, context.channel is not None
    at = words.written(line.last_known) if line.last_known else ""
    if line.hindrance is not None:
        yield Bar(
            level="critical",
            word=words.say("%(channel)s: the host is in doubt.", channel=projection.name),
            detail=words.sentence(line.hindrance),
            ring=is_here,
        )
    elif line.held is not None:
        yield Bar(
            level="critical",
            word=words.say("%(channel)s: nothing leaves this station.", channel=projection.name),
            detail=words.sentence(line.held),
            ring=is_here,
        )
    elif line.is_cut or not context.service.is_live(projection):
        yield Bar(
            level="critical",
            word=words.say("%(channel)s: the line to the host is cut.", channel=projection.name),
            detail=words.say(
                "Last known %(t)s. What you write waits here; the other side does not know it. "
                "If it cannot wait, telephone.",
                t=at,
            )
            if at
            else words.say("Nothing was ever heard from the host. If it cannot wait, telephone."),
            ring=is_here,
        )
    if line.do_clocks_differ:
        yield Bar(
            level="caution",
            word=words.say(
                "%(channel)s: the clocks here and at the host differ by %(d)s.",
                channel=projection.name,
                d=words.span(abs(line.clock_ahead_s)),
            ),
            detail=words.say(
                "Records have the time of the host. Tell the operator, who compares both with a "
                "third clock."
            ),
        )


def _line_bars(context: PageContext, line: HostLine) -> Iterator[Bar]:
    """Yield the state of the line to the channel's host, and of the outbox."""
    words, service, projection = context.words, context.service, context.projection
    station = service.station
    assert station is not None
    entries = (
        [entry for entry in station.entries(projection.name) if entry.side == context.side]
        if context.may_write
        else []
    )
    is_urgent = any(entry.is_urgent and entry.state != "recorded" for entry in entries)
    if is_urgent:  # this asks for more than the line does, so it comes first
        yield from _outbox_bars(context, line, entries)
    yield from _standing(context, projection, line)
    if not context.may_write:
        return
    for message in line.unreceived:
        yield Bar(
            level="critical",
            word=words.say(
                "%(number)s: not received by %(sides)s for %(n)s s. Telephone.",
                number=message.number,
                sides=words.listed([side.upper() for side in message.sides]),
                n=message.seconds,
            ),
            ring=True,
            way=(context.link(f"/exchanges/{message.exchange}"), words.say("Open")),
        )
    for position in line.voices:
        yield Bar(
            level="critical",
            word=words.say("A record in your side's name was not sent from this station."),
            detail=words.say("Ask its officer. If nobody sent it, have the key revoked."),
            way=(context.link(f"/records/{position}"), words.say("Record %(n)s", n=position)),
        )
    if restored := sum(entry.held and entry.state == "ended" for entry in entries):
        yield Bar(
            level="serious",
            word=words.count(
                "This station was restored: %(n)s act is held until its officer decides.",
                "This station was restored: %(n)s acts are held until their officers decide.",
                restored,
            ),
            way=(context.link("/outbox"), words.say("Outbox")),
        )
    if not is_urgent:
        yield from _outbox_bars(context, line, entries)


def _outbox_bars(
    context: PageContext, line: HostLine, entries: Sequence[OutboxEntry]
) -> Iterator[Bar]:
    """Yield a warning if acts wait in the outbox, or came back."""
    words = context.words
    urgent = sum(entry.is_urgent for entry in entries if entry.state != "recorded")
    back = sum(entry.state in BACK for entry in entries)
    waiting = sum(entry.state in ON_THE_WAY for entry in entries)
    if not (urgent or back or waiting):
        return
    details = []
    if urgent and line.is_cut:
        at = words.written(line.last_known) if line.last_known else "–"
        details.append(words.say("The line is cut; last known %(t)s.", t=at))
    returned = words.count(
        "%(n)s act came back to its officer.", "%(n)s acts came back to their officers.", back
    )
    if back and (urgent or waiting):
        details.append(returned)
    yield Bar(
        level="critical" if urgent else "serious",
        word=words.say("An urgent message is not recorded: telephone.")
        if urgent
        else words.count(
            "%(n)s act waits in the outbox.", "%(n)s acts wait in the outbox.", waiting
        )
        if waiting
        else returned,
        detail=" ".join(details),
        ring=bool(urgent),
        way=(context.link("/outbox"), words.say("Outbox")),
    )


def _onward(words: Words, ended: EndOfChannel) -> str:
    """Return the way to the successor of an ended channel; empty if it has none."""
    if ended.successor is None:
        return ""
    return words.say("Go on in %(channel)s.", channel=ended.successor.name)


def _bars(context: PageContext) -> Iterator[Bar]:
    words, service, projection = context.words, context.service, context.projection
    if (reason := service.command_handler.read_only_reason) is not None:
        yield Bar(
            level="critical",
            word=words.say("This host cannot record anything."),
            detail=words.say(
                "You can still read. The reason: %(error)s.", error=words.sentence(reason)
            ),
        )
    line = None if service.station is None else service.station.line(projection.name)
    if line is not None:
        yield from _line_bars(context, line)
    elif not service.is_live(projection):
        as_of = service.as_of(projection)
        detail = (
            words.say(
                "The page below shows the state of %(t)s. Use the telephone.",
                t=words.written(as_of),
            )
            if as_of
            else ""
        )
        yield Bar(
            level="critical",
            word=words.say("%(channel)s: this host does not see the log.", channel=projection.name),
            detail=detail,
            ring=True,
        )
    if service.is_live(projection) and reason is None and not context.writable:
        yield Bar(
            level="serious",
            word=words.say("%(channel)s: nothing can be recorded now.", channel=projection.name),
            detail=words.say("You can still read. Ask the operator to check the host.")
            if projection.unsigned is None
            else words.say(
                "You can still read. The reason: %(error)s.",
                error=words.sentence(projection.unsigned),
            ),
        )
    status, ended = projection.registry.status, projection.registry.ended
    if ended is not None:
        yield Bar(
            level="caution",
            word=words.say(
                "Ended by all sides on %(t)s.", t=words.written(ended.said.time, "minute")
            ),
            detail=_onward(words, ended),
            way=(context.link("/admin"), words.say("The channel")),
        )
    elif status is not None and status.status == "suspended":
        detail = words.say(
            "Said on %(t)s. Messages are still taken and delivered.",
            t=words.written(status.said.time, "minute"),
        )
        yield Bar(
            level="caution",
            word=words.say("%(channel)s is suspended.", channel=projection.name),
            detail=detail,
        )

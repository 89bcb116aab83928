"""What stands around every page: the marking, the strip of states, the clocks, the channels, the pages, and what must not be overlooked.

On a page of the past the strip is as it stood then, and says so; an alarm of now breaks through.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dragoman.application.operations import transparency_log
from dragoman.console import armed_consoles
from dragoman.console.deadline_cache import duties
from dragoman.console.display.deadline_rows import Level
from dragoman.console.display.office_clocks import Office, office_of
from dragoman.console.pages import alarm, duty_numbers
from dragoman.console.rendering import PageContext
from dragoman.domain.acts.act_rules import DUTY
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.domain.record.errors import Refused
from dragoman.i18n.words import Words
from dragoman.limits import CHECK_SECONDS, CHECK_STEP_SECONDS, DISARMED_SECONDS
from dragoman.projection import duty_watch
from dragoman.tlog.note import NotANote
from dragoman_schemas.responses import LineView

_SIDES: Final = 4
"""Sides with a cell of their own in the strip; of more, one cell counts."""


class Cell(Struct, frozen=True, kw_only=True):
    """One state of the strip: a shape, a word, and what it rests on."""

    key: str
    level: Level
    word: str
    detail: str = ""
    icon: str = ""


class Bar(Struct, frozen=True, kw_only=True):
    """What must not be overlooked, above everything: what is so, and what to do. Where it is to `ring`, the numbers stand beside it."""

    level: Level
    word: str
    detail: str = ""
    ring: bool = False


class Frame(Struct, kw_only=True):
    """Everything around a page."""

    cells: tuple[Cell, ...] = ()
    bars: tuple[Bar, ...] = ()
    offices: tuple[Office, ...] = ()
    channels: tuple[tuple[str, str], ...] = ()
    alarms: alarm.Alarms | None = None
    ringing: tuple[duty_numbers.NumberToRing, ...] = ()
    operator: bool = False
    check_s: int = 0
    check_step_s: int = CHECK_STEP_SECONDS
    unknown: dict[str, str] = {}


async def of(here: PageContext) -> Frame:
    """The frame of a page."""
    channels = (
        ()
        if here.grant.is_operator
        else tuple((each.name, each.registry.kind) for each in here.service.visible(here.grant))
    )
    ringing = None if here.grant.is_operator else await alarm.alarms(here.request.app, here)
    if here.channel is None:
        return Frame(channels=channels, operator=here.grant.is_operator, alarms=ringing)
    registry = here.projection.registry
    cells = await _then(here) if here.past else await _now(here)
    claims = (
        () if here.past else tuple(cell.key for cell in cells if cell.key not in ("alarm", "page"))
    )
    return Frame(
        cells=tuple(cells),
        bars=tuple(_bars(here)),
        offices=tuple(
            office_of(side.name, here.projection.office(side.name)) for side in registry.sides
        ),
        channels=channels,
        alarms=ringing,
        ringing=await duty_numbers.of_channel(
            here, here.projection, next((each for each in here.sides if each != here.side), "")
        ),
        unknown={key: _unknown(here.words, key) for key in claims},
        check_s=CHECK_SECONDS if _is_checked(here) else 0,
    )


def _unknown(words: Words, key: str) -> str:
    """Return the word of a cell while a page hears nothing."""
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


async def _now(here: PageContext) -> list[Cell]:
    """Return the strip of a page of now."""
    owed = await duties(here.request.app, here.projection)
    timed = here.registry.kind not in UNTIMED
    return [
        *([_line(here.words, owed.lines()[0])] if timed else []),
        *(_watches(here) if timed else []),
        await _proof(here),
        _alarm(here, timed=timed),
        Cell(
            key="page",
            level="off",
            word=here.words.say("Page as loaded"),
            detail=here.words.say("reload to see what came since"),
        ),
    ]


async def _then(here: PageContext) -> list[Cell]:
    """Return the strip of a page of the past: the line and the watches as they stood, under a cell that says so."""
    words = here.words
    detail = words.say("record %(n)s, %(t)s", n=words.number(here.at), t=words.written(here.moment))
    cells = [Cell(key="moment", level="standby", word=words.say("As it stood then"), detail=detail)]
    if here.registry.kind not in UNTIMED:
        lines: list[LineView] = await here.in_thread(
            duty_watch.lines_then, here.service.store, here.name, here.at
        )
        cells += [_line(words, lines[0]), *_watches(here)]
    return [replace(each, key=f"then-{each.key}") for each in cells]


def _is_checked(here: PageContext) -> bool:
    """Whether a quiet watch is checked in the reader's office."""
    officer = here.projection.registry.officers.get(here.grant.actor)
    if (
        officer is None
        or DUTY.isdisjoint(officer.roles)
        or here.projection.registry.kind in UNTIMED
    ):
        return False
    return (
        officer.office
        in here.service.access.watching.checked(here.projection.registry.cid, here.side).offices
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


def _watches(here: PageContext) -> Iterator[Cell]:
    words, registry = here.words, here.registry
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
        held = registry.watches.get(side.name)
        if held is None:
            word, detail = (
                words.say("%(side)s not manned", side=side.name.upper()),
                words.say("nobody has taken the watch"),
            )
            yield Cell(key=f"watch-{side.name}", level="serious", word=word, detail=detail)
            continue
        since = words.say("since %(t)s", t=words.written(held.since.time, "minute"))
        silent = (
            armed_consoles.silent_for(here.request.app, here.projection, side.name)
            if side.name == here.side and not here.past
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
    """Return the word and the detail of a watch whose side arms no alarm; a console that is armed for the live channels hears no exercise."""
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


async def _proof(here: PageContext) -> Cell:
    """How far the log is signed and countersigned; nothing is asked of a broker that does not answer."""
    words, projection = here.words, here.projection
    if not here.service.is_live(projection):
        return Cell(key="proof", level="off", word=words.say("Record not known"), icon="seal")
    try:
        late = await here.request.app[transparency_log.HEADS].is_late(here.call, projection)
    except (Refused, NotANote):
        late = True
    if late:
        return Cell(
            key="proof",
            level="serious",
            word=words.say("Record not signed"),
            detail=words.say("the registrar is silent"),
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
    covered = await here.service.coverage.of(projection)
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


def _alarm(here: PageContext, *, timed: bool) -> Cell:
    words = here.words
    if not timed:
        return Cell(
            key="alarm",
            level="off",
            word=words.say("No alarm here"),
            detail=words.say("no clocks by rule"),
        )
    if not here.is_officer:
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


def _bars(here: PageContext) -> Iterator[Bar]:
    words, service, projection = here.words, here.service, here.projection
    if (reason := service.desk.read_only_reason) is not None:
        yield Bar(
            level="critical",
            word=words.say("This host may record nothing."),
            detail=words.say(
                "Reading goes on. The reason: %(error)s.", error=words.sentence(reason)
            ),
        )
    if not service.is_live(projection):
        known = service.as_of(projection)
        detail = (
            words.say(
                "What stands below is as of %(t)s. Use the telephone.", t=words.written(known)
            )
            if known
            else ""
        )
        yield Bar(
            level="critical",
            word=words.say("%(channel)s: this host does not see the log.", channel=projection.name),
            detail=detail,
            ring=True,
        )
    elif reason is None and not here.writable:
        yield Bar(
            level="serious",
            word=words.say("%(channel)s: nothing can be recorded now.", channel=projection.name),
            detail=words.say("Reading goes on. The operator is to look."),
        )
    status = projection.registry.status
    if status is not None and status.status == "suspended":
        detail = words.say(
            "Said on %(t)s. Messages are still taken and delivered.",
            t=words.written(status.said.time, "minute"),
        )
        yield Bar(
            level="caution",
            word=words.say("%(channel)s is suspended.", channel=projection.name),
            detail=detail,
        )

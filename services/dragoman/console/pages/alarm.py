"""The alarm: what waits for an acknowledgement by whoever sits at a page, in all their channels, and the one stream by which a browser hears of it.

    GET  /alarm?in=…&armed=…         what rings for the reader now, as a fragment: the takeover, and what the scripts go by; `in` is the page's
                                     channel, `armed` the exercise for which the browser is armed
    GET  /alarm/events               server-sent events: hello, change, ping every ten seconds
    POST /alarm/beat                 how this browser's alarm stands
    POST /c/{channel}/acknowledge    receipt of one message; whoever of the side was first, it is recorded once

An event says only that something has changed; what is shown is always asked for anew,
so that a page with scripts and one without say the same.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from aiohttp import web
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.application.operations import drafts, report_requests
from dragoman.application.read_receipts import READING
from dragoman.console import watch_monitor
from dragoman.console.deadline_cache import duties
from dragoman.console.display import message_view
from dragoman.console.display import translations as translated
from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.console.display.deadline_rows import Level, level_of
from dragoman.console.display.office_clocks import Office, office_of
from dragoman.console.forms import authorised_senders
from dragoman.console.pages import alarm_shelving, duty_numbers
from dragoman.console.pages.acknowledging import note_read
from dragoman.console.rendering import PageContext, html, rendered
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.act_rules import OFFICERS
from dragoman.domain.acts.deadlines import written
from dragoman.domain.record.errors import Malformed
from dragoman.domain.views import alarms as rungs
from dragoman.domain.views.titles import subject_of
from dragoman.i18n.words import Words
from dragoman.limits import (
    ALARMS_SHOWN,
    FLOOD_ALARMS,
    FLOOD_SECONDS,
    GROUP_ALARMS,
)
from dragoman.projection.open_deadlines import OpenDeadline
from dragoman.projection.projection import Projection

log = structlog.get_logger()

RINGING: Final = ("flash", "immediate", "priority")
_OPENED_WITHIN: Final = timedelta(minutes=5)


class Ring(Struct, frozen=True, kw_only=True):
    """One message that waits for an acknowledgement by the reader's side.

    `reaches_s` is after how many seconds it reaches the reader: 0 at once, None never;
    others of the side see it and are not called. `position` is that of the exchange,
    which has changed since where it moves; `record` is the message's own. `name` is
    what the message is called in a line; `matter` names a message that did not open its
    exchange, `within` that matter alone, with its kind. Its acknowledgement is `signed`
    where the channel asks that. One that has `joined` came when many of its sender's
    waited already, and has no sound of its own.
    """

    key: str
    channel: str
    exercise: bool
    exchange: str
    number: str
    act: str
    kind: str
    heading: str
    name: str
    matter: str
    within: str
    marking: str
    sender: str
    by: str
    to: tuple[str, ...]
    precedence: str
    level: Level
    since: str
    due: str
    limit_s: int
    position: int
    record: int
    reaches_s: int | None
    cancelled: bool
    corrected: str
    subject: Raw
    signed: bool
    joined: bool = False


class AlarmGroup(Struct, frozen=True, kw_only=True):
    """The flashes of one side in one channel that wait: how many, the newest, and the oldest of the others; `more` are on the board alone."""

    channel: str
    exercise: bool
    sender: str
    count: int
    newest: Ring
    earlier: tuple[Ring, ...] = ()
    more: int = 0


class Rung(Struct, frozen=True, kw_only=True):
    """A step of the ladder: after how many seconds a flash reaches whom. On a step that `adds_nobody` all are reached already."""

    seconds: int
    rung: str
    officers: tuple[str, ...]
    adds_nobody: bool


class Detail(Struct, frozen=True, kw_only=True):
    """What a takeover says of one message."""

    ring: Ring
    facts: tuple[DisplayedMember, ...]
    text: DisplayedMember | None
    offices: tuple[Office, ...]
    rungs: tuple["Rung", ...]
    ringing: tuple[duty_numbers.NumberToRing, ...] = ()
    translations: tuple[translated.Translated, ...] = ()


class Left(Struct, frozen=True, kw_only=True):
    """A flash that the reader's side has acknowledged and nobody of it has opened; once it `is_late`, that is said."""

    key: str
    channel: str
    exchange: str
    number: str
    since: str
    is_late: bool


class Later(Struct, frozen=True, kw_only=True):
    """What its sender has changed of a flash that the reader's side had acknowledged."""

    channel: str
    exchange: str
    number: str
    act: str
    position: int
    time: str


class Absent(Struct, frozen=True, kw_only=True):
    """A watch check of the reader's side that nobody answers: at whose console, since when, and whether that reaches the reader."""

    channel: str
    officer: str
    since: str
    reaches: bool


class Handed(Struct, frozen=True, kw_only=True):
    """A draft that a colleague has handed to the reader to send: in which channel, whose, of which act, and since when."""

    id: str
    channel: str
    author: str
    act: str
    since: str


class Alarms(Struct, frozen=True, kw_only=True):
    """What waits for the reader's side, the most urgent first; `recent` is how many came within ten minutes.

    Of one sender's messages the oldest ring, and the newest; `groups` count all
    flashes, so that none hides those of another side. Exercises are on their own
    channels' pages alone. `elsewhere` is what rings in the exercise for which the
    browser is armed while another channel's page is asked: it sounds, and is neither
    shown nor counted there.
    """

    rings: tuple[Ring, ...]
    details: tuple[Detail, ...]
    recent: int
    officer: bool
    elsewhere: tuple[Ring, ...] = ()
    groups: tuple[AlarmGroup, ...] = ()
    more: int = 0
    left: tuple[Left, ...] = ()
    absent: tuple[Absent, ...] = ()
    later: tuple[Later, ...] = ()
    handed: tuple[Handed, ...] = ()

    @property
    def flashes(self) -> list[Ring]:
        """Those that take a page over, in time, of whomever they reach."""
        return [ring for ring in self.rings if ring.precedence == "flash"]

    @property
    def waiting(self) -> int:
        """Return how many flashes wait."""
        return sum(group.count for group in self.groups)

    @property
    def flood(self) -> bool:
        """Return whether more flashes wait than anybody takes in one by one."""
        return self.waiting > FLOOD_ALARMS

    @property
    def scripted(self) -> list[dict[str, Any]]:
        """Return what the scripts go by."""
        return [
            {
                "key": ring.key,
                "exchange": ring.exchange,
                "channel": ring.channel,
                "exercise": ring.channel if ring.exercise else "",
                "precedence": ring.precedence,
                "sender": ring.sender.upper(),
                "name": ring.name,
                "number": ring.number,
                "since": ring.since,
                "due": ring.due,
                "limit": ring.limit_s,
                "position": ring.position,
                "record": ring.record,
                "act": ring.act,
                "reaches": ring.reaches_s,
                "cancelled": ring.cancelled,
                "corrected": ring.corrected,
                "joined": ring.joined,
                "elsewhere": elsewhere,
            }
            for rings, elsewhere in ((self.rings, False), (self.elsewhere, True))
            for ring in rings
        ]


async def alarms(app: web.Application, context: PageContext) -> Alarms:
    """Return what rings for the reader now, in all channels in which they are in office."""
    if context.grant.is_operator:
        return Alarms(rings=(), details=(), recent=0, officer=False)
    await app[READING].follow()
    now, waiting, officer = (
        context.service.now(),
        list[tuple[Projection, OpenDeadline, bool]](),
        False,
    )
    shown_here, armed = _channels(context), context.request.query.get("armed", "")
    for projection in context.service.visible(context.grant):
        officer_state = projection.registry.officers.get(context.grant.actor)
        is_officer = officer_state is not None and not OFFICERS.isdisjoint(officer_state.roles)
        officer = officer or is_officer
        if projection not in shown_here and projection.name != armed:
            continue
        owed = await duties(app, projection)
        shelved = _shelved(context, projection, now)
        waiting += [
            (projection, open_deadline, is_officer)
            for open_deadline in owed.listed()
            if _rings(open_deadline, context.side) and not _is_aside(open_deadline, shelved, now)
        ]
    waiting.sort(
        key=lambda item: (
            RINGING.index(item[1].precedence),
            item[0].registry.kind == "exercise",
            item[1].clock.begins,
        )
    )
    elsewhere, _ = grouped(
        [entry for entry in waiting if entry[0] not in shown_here],
        context.grant.actor,
        context.words,
        now,
    )
    waiting = [entry for entry in waiting if entry[0] in shown_here]
    shown, groups = grouped(waiting, context.grant.actor, context.words, now)
    flashes = [ring for ring in shown if ring.precedence == "flash"]
    detailed = (
        flashes if sum(alarm_group.count for alarm_group in groups) <= FLOOD_ALARMS else flashes[:1]
    )
    since = now - timedelta(seconds=FLOOD_SECONDS)
    return Alarms(
        rings=tuple(shown),
        details=tuple([await _detail(context, ring) for ring in detailed]),
        recent=sum(
            each.precedence == "flash" and each.clock.begins >= since for _, each, _ in waiting
        ),
        officer=officer,
        elsewhere=tuple(elsewhere),
        groups=tuple(groups),
        more=len(waiting) - len(shown),
        left=tuple(_left(app, context, now)),
        absent=tuple(_absent(app, context)),
        later=tuple(_later(app, context)),
        handed=tuple(_handed(context)),
    )


def _channels(context: PageContext) -> list[Projection]:
    """Return the channels of which the reader's page tells: all but exercises, and the page's own channel."""
    page = context.request.query.get("in", "") if context.channel is None else context.name
    return [
        projection
        for projection in context.service.visible(context.grant)
        if projection.registry.kind != "exercise" or projection.name == page
    ]


def grouped(
    waiting: Sequence[tuple[Projection, OpenDeadline, bool]],
    actor: str,
    words: Words,
    now: datetime,
) -> tuple[list[Ring], list[AlarmGroup]]:
    """Return what rings: of each sender, channel and precedence the oldest messages and the newest, in the order of all; and the flashes by sender."""
    places: dict[tuple[str, str, str], list[int]] = {}
    for place, (projection, open_deadline, _) in enumerate(waiting):
        places.setdefault(
            (open_deadline.precedence, projection.name, open_deadline.by.partition("/")[0]), []
        ).append(place)
    rings: dict[int, Ring] = {}
    groups = []
    for (precedence, channel, sender), rows in places.items():
        for number, place in enumerate(rows):
            if number < GROUP_ALARMS or place == rows[-1]:
                projection, open_deadline, officer = waiting[place]
                rings[place] = replace(
                    _ring(projection, open_deadline, actor, words, now, officer=officer),
                    joined=number >= GROUP_ALARMS,
                )
        if precedence == "flash":
            earlier = [rings[place] for place in rows[:-1] if place in rings]
            newest, count = rings[rows[-1]], len(rows)
            group = AlarmGroup(
                channel=channel,
                exercise=newest.exercise,
                sender=sender,
                count=count,
                newest=newest,
                earlier=tuple(earlier),
                more=count - 1 - len(earlier),
            )
            groups.append(group)
    return [rings[place] for place in sorted(rings)], groups


def _left(app: web.Application, context: PageContext, now: datetime) -> Iterator[Left]:
    for projection in _channels(context):
        for item in (
            app[READING].unopened(projection, context.side)
            if context.service.station(context.grant, projection)
            else ()
        ):
            yield Left(
                key=item.message,
                channel=projection.name,
                exchange=item.exchange,
                number=item.number,
                since=item.acknowledged,
                is_late=now - datetime.fromisoformat(item.acknowledged) >= _OPENED_WITHIN,
            )


def _later(app: web.Application, context: PageContext) -> Iterator[Later]:
    for projection in _channels(context):
        for changed_flash in (
            app[READING].changed(projection, context.side)
            if context.service.station(context.grant, projection)
            else ()
        ):
            act = context.words.act(changed_flash.act)
            time = context.words.written(changed_flash.time, "clock")
            yield Later(
                channel=projection.name,
                exchange=changed_flash.exchange,
                number=changed_flash.number,
                act=act,
                position=changed_flash.position,
                time=time,
            )


def _handed(context: PageContext) -> Iterator[Handed]:
    """Yield what colleagues have handed over that the reader may send, in every channel of which the page tells."""
    for projection in _channels(context):
        yield from handed_in(context, projection)


def handed_in(context: PageContext, projection: Projection) -> Iterator[Handed]:
    """Yield what colleagues have handed over in a channel that the reader may send."""
    actor = context.grant.actor
    if context.grant.scope == "read":
        return
    for draft in context.service.drafts.handed(projection.registry.cid, context.side):
        try:
            rule = RULES[drafts.name_of(draft.act)]
        except Malformed:  # kept by another version of this service
            continue
        if draft.author == actor:
            continue
        if actor.partition("/")[2] in {
            colleague.name
            for colleague in authorised_senders.of(
                projection.registry, draft.author, rule
            ).colleagues
        }:
            yield Handed(
                id=draft.id,
                channel=projection.name,
                author=draft.author.partition("/")[2],
                act=context.words.act(rule.act),
                since=draft.handed,
            )


def _absent(app: web.Application, context: PageContext) -> Iterator[Absent]:
    for projection in _channels(context):
        unanswered_watch_check = (
            watch_monitor.unanswered(app, projection, context.side)
            if context.service.station(context.grant, projection)
            else None
        )
        if unanswered_watch_check is not None:
            reaches = (
                context.grant.actor in unanswered_watch_check.reaches
                and context.grant.actor != unanswered_watch_check.officer
            )
            yield Absent(
                channel=unanswered_watch_check.channel,
                officer=unanswered_watch_check.officer.partition("/")[2],
                since=unanswered_watch_check.since,
                reaches=reaches,
            )


def _shelved(
    context: PageContext, projection: Projection, now: datetime
) -> set[tuple[str, str, str]]:
    """Return the cautions that the reader's watch has put aside."""
    floor = report_requests.floor_of(context.service, projection, context.side)
    return set() if floor is None else {*alarm_shelving.in_force(floor, now)}


def _is_aside(duty: OpenDeadline, shelved: set[tuple[str, str, str]], now: datetime) -> bool:
    key = duty.exchange, duty.clock.clock, duty.clock.started_by
    return bool(shelved) and key in shelved and level_of(duty, now) == "caution"


def _rings(duty: OpenDeadline, side: str) -> bool:
    return (
        duty.clock.clock == "acknowledgement"
        and duty.clock.side == side
        and duty.precedence in RINGING
    )


def _ring(
    projection: Projection,
    duty: OpenDeadline,
    actor: str,
    words: Words,
    now: datetime,
    *,
    officer: bool,
) -> Ring:
    exchange = projection.exchange(duty.exchange)
    assert exchange is not None
    message = message_view.message_of(exchange, duty.clock.started_by)
    is_opening = message_view.is_opening(exchange, message)
    kind, heading = (
        message_view.kind_of(message_view.content(projection, exchange, message)),
        message_view.heading(words, message),
    )
    text = words.value(kind) if kind and is_opening else heading
    return Ring(
        key=duty.clock.started_by,
        channel=projection.name,
        exercise=projection.registry.kind == "exercise",
        exchange=duty.exchange,
        number=duty.number,
        act=message.act,
        kind=kind,
        heading=heading,
        name=text[:1].upper() + text[1:],
        matter=message_view.matter(words, exchange, message, duty.clock.side),
        within=message_view.within(words, exchange, message, duty.clock.side),
        marking=projection.registry.marking,
        sender=message.said.side,
        by=message.said.by,
        to=message.to,
        precedence=duty.precedence,
        level=level_of(duty, now),
        since=written(duty.clock.begins),
        due=written(duty.clock.due),
        limit_s=int((duty.clock.due - duty.clock.begins).total_seconds()),
        position=exchange.updated.position,
        record=message.said.position,
        reaches_s=_reaches(projection, duty, actor) if officer else None,
        cancelled=exchange.cancellation is not None,
        corrected=exchange.corrections[-1].corrected.time
        if exchange.corrections and is_opening
        else "",
        subject=subject_of(exchange),
        signed=exchange.family in projection.registry.required_signatures,
    )


def _reaches(projection: Projection, duty: OpenDeadline, actor: str) -> int | None:
    """After how many seconds a message reaches an officer of the addressed side."""
    side = duty.clock.side
    for seconds, rung in rungs.RUNGS:
        if actor in rungs.reached(projection.registry, side, rung):
            return seconds
    return None


async def _detail(context: PageContext, ring: Ring) -> Detail:
    projection = context.service.channels[ring.channel]
    exchange = projection.exchange(ring.exchange)
    assert exchange is not None
    offices = tuple(
        office_of(side.name, projection.office(side.name)) for side in projection.registry.sides
    )
    display = Display(context.words, offices)
    message = message_view.message_of(exchange, ring.key)
    content = message_view.content(projection, exchange, message)
    facts = message_view.facts(display, exchange, message, content)
    text = message_view.text(display, exchange, message, content)
    # The headline or the line below it names the kind already; an answer that states another kind than its matter says so itself.
    names = (
        {"request", "kind"}
        if not ring.within or ring.kind == message_view.kind_of(exchange.content)
        else {"request"}
    )
    facts = tuple(fact for fact in facts if fact.name not in names)
    ladder = tuple(_ladder(projection, context.side, context.words))
    ringing = await duty_numbers.of_channel(context, projection, ring.sender)
    translations = translated.of_message(exchange, ring.key)
    return Detail(
        ring=ring,
        facts=facts,
        text=text,
        offices=offices,
        rungs=ladder,
        ringing=ringing,
        translations=translations,
    )


def _ladder(projection: Projection, side: str, words: Words) -> Iterator[Rung]:
    """Yield the rungs that a flash reaches as time goes by; a deputy who is the duty officer is no further person."""
    before: set[str] = set()
    for seconds, rung in rungs.RUNGS:
        officers = rungs.reached(projection.registry, side, rung)
        names = tuple(
            authorised_senders.titled(words, projection.registry, officer) for officer in officers
        )
        yield Rung(
            seconds=seconds,
            rung=rung,
            officers=names,
            adds_nobody=bool(officers) and before.issuperset(officers),
        )
        before.update(officers)


async def fragment(context: PageContext) -> web.Response:
    """Return what rings now, for the scripts of an open page; and of what the page `known` as ringing, who has acknowledged it since."""
    result = await alarms(context.request.app, context)
    for ring in (*result.rings, *result.elsewhere):
        note_read(context, context.service.channels[ring.channel])
    settled = [
        item
        for text in context.request.query.getall("known", [])[:ALARMS_SHOWN]
        for item in _settled(context, text)
    ]
    return html(
        rendered(
            context,
            context.words,
            "alarm.html",
            alarms=result,
            settled=settled,
            now=context.service.now(),
        )
    )


def _settled(context: PageContext, text: str) -> Iterator[dict[str, str]]:
    """Yield who has acknowledged a message, in a sentence."""
    name, _, rest = text.partition(" ")
    exchange, _, key = rest.partition(" ")
    projection = context.service.channels.get(name)
    if projection is None or not context.service.may_see(context.grant, projection):
        return
    state = projection.exchange(exchange)
    message = (
        None if state is None else next((item for item in state.messages if item.id == key), None)
    )
    done = None if message is None else message.acknowledged.get(context.side)
    if message is None or done is None:
        return
    seconds = (
        datetime.fromisoformat(done.time) - datetime.fromisoformat(message.said.time)
    ).total_seconds()
    who = authorised_senders.titled(context.words, projection.registry, done.by)
    yield {
        "key": key,
        "text": context.words.say(
            "Acknowledged by %(who)s, %(d)s", who=who, d=context.words.span(seconds)
        ),
    }


# Acknowledging


# The stream

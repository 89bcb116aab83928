"""The alarm: messages that wait for an acknowledgement by the reader's side.

    GET  /alarm?in=…&armed=…         what rings for the reader now, as an HTML fragment
                                     for the scripts; `in` is the channel of the page,
                                     `armed` the exercise of the armed browser
    GET  /alarm/events               server-sent events: hello, change, ping every 10 s
    POST /alarm/beat                 the alarm state of this browser
    POST /c/{channel}/acknowledge    the receipt of one message

The alarm covers all of the reader's channels. A message is acknowledged once: the first
officer of the side is recorded. One event stream tells a browser only that something
has changed. The scripts then load the content anew, so a page with scripts and a page
without show the same.
"""

from collections.abc import AsyncIterator, Callable, Container, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from aiohttp import web
from msgspec import Struct, field
from msgspec.structs import replace

from dragoman.application.deadline_cache import open_deadlines_of
from dragoman.application.operations import drafts
from dragoman.application.read_receipts import READ_RECEIPTS
from dragoman.application.rosters import ladders
from dragoman.console.display import authorised_senders, message_view
from dragoman.console.display import translations as translated
from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.console.display.deadline_rows import level_of
from dragoman.console.display.office_clocks import office_of
from dragoman.console.matter import conversation
from dragoman.console.matter.reading import note_read
from dragoman.console.page import duty_numbers
from dragoman.console.page.alarm_views import (
    AlarmGroup,
    Alarms,
    ChangedFlashView,
    CorrectedValue,
    Detail,
    DetailBeside,
    HandedDraft,
    MissedWatchCheck,
    Ring,
    Rung,
    UnopenedFlash,
    UnpassedNotice,
)
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import html, render_template
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.act_rules import OFFICERS
from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.acts.families.exchange import markings
from dragoman.domain.record.errors import Malformed
from dragoman.domain.views import alarms as rungs
from dragoman.i18n import urgent
from dragoman.i18n.words import Words
from dragoman.limits import (
    ALARMS_SHOWN,
    FLOOD_ALARMS,
    FLOOD_SECONDS,
    GROUP_ALARMS,
)
from dragoman.office.alarm import drills, unpassed_messages, watch_monitor
from dragoman.projection.open_deadlines import RINGING, OpenDeadline
from dragoman.projection.projection import Projection
from dragoman.text import capitalized
from dragoman_schemas.state import Exchange, Message

log = structlog.get_logger()

Reach = Callable[[Projection, str], int | None]
"""A function of the seconds after which an alarm of a side reaches the reader.

It returns None for an alarm that never does.
"""

_OPENED_WITHIN: Final = timedelta(minutes=5)


class AlarmsQuery(Struct, frozen=True, kw_only=True):
    """The state of a page that asks what rings.

    `in` is its channel, `armed` an exercise whose alarms it rings, and `known` the
    alarms that it shows already.
    """

    in_: str = field(name="in", default="")
    armed: str = ""
    known: tuple[str, ...] = ()


async def alarms(app: web.Application, context: PageContext) -> Alarms:
    """Return the alarms of the reader now, with the message of a running drill."""
    return await drills.added(context, await alarms_of_log(app, context))


async def alarms_of_log(app: web.Application, context: PageContext) -> Alarms:
    """Return the alarms of the reader now, in all channels where they are in office."""
    if context.grant.is_operator:
        return Alarms(rings=(), details=(), recent=0, officer=False)
    await app[READ_RECEIPTS].follow()
    now, waiting, officer = (
        context.service.now(),
        list[tuple[Projection, OpenDeadline, bool]](),
        False,
    )
    shown_here, armed = _channels(context), context.asked(AlarmsQuery).armed
    for projection in context.service.visible(context.grant):
        officer_state = projection.registry.officers.get(context.grant.actor)
        is_officer = officer_state is not None and not OFFICERS.isdisjoint(officer_state.roles)
        officer = officer or is_officer
        if projection not in shown_here and projection.name != armed:
            continue
        owed = await open_deadlines_of(app, projection)
        waiting += [
            (projection, open_deadline, is_officer)
            for open_deadline in owed.listed()
            if _rings(open_deadline, context.side)
        ]
    waiting.sort(
        key=lambda alarm: (
            RINGING.index(alarm[1].precedence),
            alarm[0].registry.kind == "exercise",
            alarm[1].clock.begins,
        )
    )
    reach = partial(ladders.reaches_s, context.service, actor=context.grant.actor)
    elsewhere, _ = grouped(
        [entry for entry in waiting if entry[0] not in shown_here],
        reach,
        context.words,
        now,
    )
    waiting = [entry for entry in waiting if entry[0] in shown_here]
    shown, groups = grouped(waiting, reach, context.words, now)
    flashes = [ring for ring in shown if ring.precedence == "flash"]
    detailed = (
        flashes if sum(alarm_group.count for alarm_group in groups) <= FLOOD_ALARMS else flashes[:1]
    )
    since = now - timedelta(seconds=FLOOD_SECONDS)
    return Alarms(
        rings=tuple(shown),
        details=tuple([await _detail(context, ring) for ring in detailed]),
        recent=sum(
            deadline.precedence == "flash" and deadline.clock.begins >= since
            for _, deadline, _ in waiting
        ),
        officer=officer,
        elsewhere=tuple(elsewhere),
        groups=tuple(groups),
        more=len(waiting) - len(shown),
        unopened=tuple(_unopened(app, context, now)),
        absent=tuple(_absent(app, context)),
        later=tuple(_later(app, context)),
        handed=tuple(_handed(context)),
        unpassed=tuple([notice async for notice in _unpassed(app, context, now)]),
    )


def _channels(context: PageContext) -> list[Projection]:
    """Return the channels whose alarms the reader's page shows.

    These are all channels but exercises, and the page's own channel.
    """
    page = context.asked(AlarmsQuery).in_ if context.channel is None else context.name
    return [
        projection
        for projection in context.service.visible(context.grant)
        if projection.registry.kind != "exercise" or projection.name == page
    ]


def grouped(
    waiting: Sequence[tuple[Projection, OpenDeadline, bool]],
    reach: Reach,
    words: Words,
    now: datetime,
) -> tuple[list[Ring], list[AlarmGroup]]:
    """Return the messages that ring, and the groups of waiting flashes by sender.

    Of each sender, channel and precedence, the oldest messages ring, and the newest.
    They keep the order of `waiting`.
    """
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
                    _ring(projection, open_deadline, reach, words, now, officer=officer),
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


def _unopened(app: web.Application, context: PageContext, now: datetime) -> Iterator[UnopenedFlash]:
    for projection in _channels(context):
        for flash in (
            app[READ_RECEIPTS].unopened(projection, context.side)
            if context.service.receiving_side(context.grant, projection)
            else ()
        ):
            yield UnopenedFlash(
                key=flash.message,
                channel=projection.name,
                exchange=flash.exchange,
                number=flash.number,
                since=flash.acknowledged,
                is_late=now - datetime.fromisoformat(flash.acknowledged) >= _OPENED_WITHIN,
            )


def _later(app: web.Application, context: PageContext) -> Iterator[ChangedFlashView]:
    for projection in _channels(context):
        for changed_flash in (
            app[READ_RECEIPTS].changed(projection, context.side)
            if context.service.receiving_side(context.grant, projection)
            else ()
        ):
            act = context.words.act(changed_flash.act)
            time = context.words.written(changed_flash.time, "clock")
            yield ChangedFlashView(
                channel=projection.name,
                exchange=changed_flash.exchange,
                number=changed_flash.number,
                act=act,
                position=changed_flash.position,
                time=time,
            )


async def _unpassed(
    app: web.Application, context: PageContext, now: datetime
) -> AsyncIterator[UnpassedNotice]:
    """Yield the messages that the reader's side has not passed on by their limits.

    They are those of the page's channels.
    """
    for projection in _channels(context):
        if projection.registry.onward and context.service.receiving_side(context.grant, projection):
            owed = await open_deadlines_of(app, projection)
            for notice in unpassed_messages.notices(context, projection, owed.listed(), now):
                yield notice


def _handed(context: PageContext) -> Iterator[HandedDraft]:
    """Yield the drafts handed over that the reader may send, in the page's channels."""
    for projection in _channels(context):
        yield from handed_in(context, projection)


def handed_in(context: PageContext, projection: Projection) -> Iterator[HandedDraft]:
    """Yield a channel's drafts that colleagues handed over and the reader may send."""
    actor = context.grant.actor
    if context.grant.scope == "read":
        return
    for draft in context.service.drafts.handed(projection.registry.cid, context.side):
        try:
            rule = RULES[drafts.name_of(draft.act)]
        except Malformed:  # another version of this service has stored the draft
            continue
        if draft.author == actor:
            continue
        if actor.partition("/")[2] in {
            colleague.name
            for colleague in authorised_senders.senders_of(
                projection.registry, draft.author, rule
            ).colleagues
        }:
            yield HandedDraft(
                id=draft.id,
                channel=projection.name,
                author=draft.author.partition("/")[2],
                act=context.words.act(rule.act),
                since=draft.handed,
            )


def _absent(app: web.Application, context: PageContext) -> Iterator[MissedWatchCheck]:
    for projection in _channels(context):
        unanswered_watch_check = (
            watch_monitor.unanswered(app, projection, context.side)
            if context.service.receiving_side(context.grant, projection)
            else None
        )
        if unanswered_watch_check is not None:
            reaches = (
                context.grant.actor in unanswered_watch_check.reaches
                and context.grant.actor != unanswered_watch_check.officer
            )
            yield MissedWatchCheck(
                channel=unanswered_watch_check.channel,
                officer=unanswered_watch_check.officer.partition("/")[2],
                since=unanswered_watch_check.since,
                reaches=reaches,
            )


def _rings(duty: OpenDeadline, side: str) -> bool:
    return duty.clock.side == side and duty.rings


def _ring(
    projection: Projection,
    duty: OpenDeadline,
    reach: Reach,
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
    name = words.value(kind) if kind and is_opening else heading
    return Ring(
        key=duty.clock.started_by,
        channel=projection.name,
        exercise=projection.registry.kind == "exercise",
        exchange=duty.exchange,
        number=duty.number,
        act=message.act,
        kind=kind,
        heading=heading,
        name=capitalized(name),
        matter=message_view.matter(words, exchange, message, duty.clock.side),
        within=message_view.within(words, exchange, message, duty.clock.side),
        marking=markings(projection.registry, exchange),
        sender=message.said.side,
        by=message.said.by,
        to=message.to,
        precedence=duty.precedence,
        level=level_of(duty, now),
        since=timestamp(duty.clock.begins),
        due=timestamp(duty.clock.due),
        limit_s=int((duty.clock.due - duty.clock.begins).total_seconds()),
        position=exchange.updated.position,
        record=message.said.position,
        reaches_s=reach(projection, duty.clock.side) if officer else None,
        cancelled=exchange.cancellation is not None,
        corrected=exchange.corrections[-1].corrected.time
        if exchange.corrections and is_opening
        else "",
        subject=duty.subject,
        signed=exchange.family in projection.registry.required_signatures,
    )


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
    opening = (exchange, message, content)
    facts = message_view.facts(display, *opening)
    text = message_view.text(display, exchange, message, content)
    # The headline or the line below it names the kind already. An answer with another kind than
    # its matter must show that kind itself.
    names = (
        {"request", "kind"}
        if not ring.within or ring.kind == message_view.kind_of(exchange.content)
        else {"request"}
    )
    changes = tuple(_changes(display, exchange, message, facts))
    ladder = tuple(_ladder(context, projection))
    ringing = await duty_numbers.of_channel(context, projection, ring.sender)
    translations = translated.of_message(exchange, ring.key)
    return Detail(
        ring=ring,
        facts=tuple(
            fact for fact in facts if fact.name not in {*names, *(item.name for item in changes)}
        ),
        changes=changes,
        text=text,
        offices=offices,
        rungs=ladder,
        ringing=ringing,
        translations=translations,
        beside=tuple(
            _beside(ring, words, message_view.facts(display.in_words(words), *opening), names)
            for words in urgent.beside(projection.registry.languages)
        )
        if ring.act in urgent.FORMATS
        else (),
        is_live=context.service.is_live(projection),
        receipt_waits=_receipt_waits(context, ring),
    )


def _receipt_waits(context: PageContext, ring: Ring) -> bool:
    """Return whether a receipt of the reader's side for a message is in the outbox."""
    station = context.service.station
    return station is not None and any(
        entry.name == "acknowledgement"
        and entry.exchange == ring.exchange
        and entry.side == context.side
        and entry.state != "recorded"
        for entry in station.entries(ring.channel)
    )


def _changes(
    display: Display, exchange: Exchange, message: Message, facts: Iterable[DisplayedMember]
) -> Iterator[CorrectedValue]:
    """Yield the values that a message corrects or updates, each beside what it was."""
    now = {fact.name: fact.shown for fact in facts}
    position = message.said.position
    for item in (
        *conversation.replaced(display, exchange, position),
        *conversation.updated(display, exchange, position),
    ):
        if item.name in now:
            yield CorrectedValue(
                name=item.name,
                label=item.label,
                was=item.was,
                position=item.position,
                now=now[item.name],
            )


def _beside(
    ring: Ring, words: Words, facts: Iterable[DisplayedMember], names: Container[str]
) -> DetailBeside:
    """Return the words of a takeover in a language of the channel."""
    say, sender = words.say, ring.sender.upper()
    limit, due = words.span(ring.limit_s), words.written(ring.due, "clock")
    return DetailBeside(
        tag=words.tag,
        title=words.sentences(
            (
                *(("EXERCISE EXERCISE EXERCISE",) if ring.exercise else ()),
                say("FLASH from %(side)s, cancelled by its sender", side=sender)
                if ring.cancelled
                else say("FLASH from %(side)s", side=sender),
            )
        ),
        sender=say(
            "From %(side)s, %(name)s, to %(to)s",
            side=sender,
            name=ring.by.partition("/")[2],
            to=words.listed(ring.to).upper(),
        ),
        heading=words.value(ring.kind).capitalize() if ring.kind else words.act(ring.act),
        facts=tuple(fact for fact in facts if fact.name not in names),
        number_label=say("Number"),
        waiting=f"{say('Waiting')}: {say('of %(limit)s, until %(t)s', limit=limit, t=due)}",
        receipt=words.sentences(
            (
                f"{say('Acknowledge receipt')}.",
                say("This says only that you have it. It states no view."),
            )
        ),
    )


def _ladder(context: PageContext, projection: Projection) -> Iterator[Rung]:
    """Yield the rungs that a flash to the reader's side reaches as time passes.

    People by the roster come first, then those by the log. A deputy who is also the
    duty officer adds no person to a rung.
    """
    before: set[str] = set()
    for seconds, rung in rungs.RUNGS:
        people = ladders.people_of(context.service, projection, context.side, rung)
        officers = people.officers
        by_roster, by_log = (
            tuple(
                authorised_senders.role_and_name(context.words, projection.registry, officer)
                for officer in part
            )
            for part in (people.by_roster, people.by_log)
        )
        yield Rung(
            seconds=seconds,
            rung=rung,
            officers=by_log,
            by_roster=by_roster,
            adds_nobody=bool(officers) and before.issuperset(officers),
        )
        before.update(officers)


async def fragment(context: PageContext) -> web.Response:
    """Return the alarms that ring now, for the scripts of an open page.

    The page names the messages that it has as ringing in `known`. The fragment says who
    has acknowledged any of these since.
    """
    current = await alarms(context.request.app, context)
    for ring in (*current.rings, *current.elsewhere):
        note_read(context, context.service.channels[ring.channel])
    settled = [
        acknowledgement
        for text in context.asked(AlarmsQuery).known[:ALARMS_SHOWN]
        for acknowledgement in _settled(context, text)
    ]
    return html(
        render_template(
            context,
            context.words,
            "alarm.html",
            alarms=current,
            settled=settled,
            now=context.service.now(),
        )
    )


def _settled(context: PageContext, text: str) -> Iterator[dict[str, str]]:
    """Yield a sentence that says who has acknowledged a message, if anybody has."""
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
    who = authorised_senders.role_and_name(context.words, projection.registry, done.by)
    yield {
        "key": key,
        "text": context.words.say(
            "Acknowledged by %(who)s, %(d)s", who=who, d=context.words.span(seconds)
        ),
    }

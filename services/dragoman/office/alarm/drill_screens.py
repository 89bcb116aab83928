"""The message of the drill, as the true code of the console shows it.

The message is a recorded one, of an exercise of two invented sides. Its states are data
of this program: when it was sent, acknowledged and answered. The drill puts its own
times into them.
"""

from functools import cache
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.console.display import authorised_senders, message_view
from dragoman.console.display.act_display import Display
from dragoman.console.display.office_clocks import office_of
from dragoman.console.matter import receipt_rows
from dragoman.console.page.alarm_views import AlarmGroup, Alarms, Detail, Ring, Rung
from dragoman.console.page.context import PageContext
from dragoman.domain.views import alarms as ladder
from dragoman.domain.views.receipts import receipts_of
from dragoman.i18n.words import as_moment
from dragoman.stores.first_hours import Drill
from dragoman.text import capitalized
from dragoman_schemas.responses import Fact
from dragoman_schemas.state import (
    Exchange,
    Message,
    Registry,
    Stamp,
    decode_exchange,
    decode_registry,
)

READER: Final = "south"
"""The side of the reader in the recorded exercise."""

_LIMIT_S: Final = 600


class _Recorded(Struct, frozen=True, kw_only=True):
    registry: Raw
    sent: Raw
    acknowledged: Raw
    answered: Raw


class DrillScreen(Struct, frozen=True, kw_only=True):
    """The screens of others at one step: the receipts that the other side reads.

    `settled` is the line in which a colleague's takeover closes, once it does.
    """

    step: str
    time: str
    received: tuple[receipt_rows.Received, ...]
    settled: str = ""


@cache
def _recorded() -> tuple[Registry, dict[str, Exchange]]:
    raw = (Path(__file__).parent / "drill.json").read_bytes()
    data = msgspec.json.decode(raw, type=_Recorded)
    states = {
        "sent": decode_exchange(bytes(data.sent)),
        "acknowledged": decode_exchange(bytes(data.acknowledged)),
        "answered": decode_exchange(bytes(data.answered)),
    }
    return decode_registry(bytes(data.registry)), states


def exchange_of(drill: Drill, step: str) -> Exchange:
    """Return the exchange at a step, with the times of the drill."""
    _, states = _recorded()
    state = states[step]
    first, *others = state.messages
    message = replace(
        first,
        id=drill.id,
        said=replace(first.said, time=drill.sent),
        acknowledged=_at(first.acknowledged, drill.acknowledged),
        answered=_at(first.answered, drill.answered),
    )
    return replace(
        state, opened=replace(state.opened, time=drill.sent), messages=(message, *others)
    )


def _at(stamps: dict[str, Stamp], time: str) -> dict[str, Stamp]:
    return {side: replace(stamp, time=time) for side, stamp in stamps.items()} if time else {}


def detail_of(context: PageContext, drill: Drill) -> Detail:
    """Return the message as the takeover of a page shows it."""
    registry, _ = _recorded()
    exchange = exchange_of(drill, "sent")
    message = exchange.messages[0]
    words = context.words
    offices = tuple(
        office_of(side.name, context.projection.office(side.name))
        for side in context.registry.sides
    )
    display = Display(words, offices)
    facts = message_view.facts(display, exchange, message, exchange.content)
    return Detail(
        ring=_ring(context, drill, exchange, message),
        facts=tuple(fact for fact in facts if fact.name not in {"request", "kind"}),
        changes=(),
        text=message_view.text(display, exchange, message, exchange.content),
        offices=offices,
        rungs=tuple(
            Rung(
                seconds=seconds,
                rung=rung,
                officers=tuple(
                    authorised_senders.role_and_name(words, registry, officer)
                    for officer in _officers(registry, rung)
                ),
                adds_nobody=False,
            )
            for seconds, rung in ladder.RUNGS
        ),
    )


def _officers(registry: Registry, rung: str) -> list[str]:
    role = "head_of_office" if rung == "head_of_office" else "duty_officer"
    return [
        actor
        for actor, officer in registry.officers.items()
        if actor.startswith(f"{READER}/") and role in officer.roles
    ]


def _ring(context: PageContext, drill: Drill, exchange: Exchange, message: Message) -> Ring:
    words = context.words
    kind = message_view.kind_of(exchange.content)
    name = words.value(kind)
    due = as_moment(drill.sent).timestamp() + _LIMIT_S
    return Ring(
        key=drill.id,
        channel=drill.channel,
        exercise=True,
        exchange=drill.id,
        number=exchange.number,
        act=message.act,
        kind=kind,
        heading=message_view.heading(words, message),
        name=capitalized(name),
        matter="",
        within="",
        marking=context.registry.marking,
        sender=message.said.side,
        by=message.said.by,
        to=message.to,
        precedence="flash",
        level="critical",
        since=drill.sent,
        due=words.stamp(as_moment(drill.sent).fromtimestamp(due, as_moment(drill.sent).tzinfo)),
        limit_s=_LIMIT_S,
        position=1,
        record=1,
        reaches_s=0,
        cancelled=False,
        corrected="",
        subject=exchange.content["facts"],
        signed=False,
    )


def with_drill(alarms: Alarms, detail: Detail) -> Alarms:
    """Return the alarms of a page, with the message of the drill."""
    ring = detail.ring
    group = AlarmGroup(
        channel=ring.channel, exercise=True, sender=ring.sender, count=1, newest=ring
    )
    return replace(
        alarms,
        rings=(*alarms.rings, ring),
        details=(*alarms.details, detail),
        groups=(*alarms.groups, group),
    )


def screens_of(context: PageContext, drill: Drill) -> list[DrillScreen]:
    """Return the screens of others at each step of a drill that is over."""
    words = context.words
    settled = (
        words.say(
            "Acknowledged by %(who)s, %(d)s",
            who=authorised_senders.role_and_name(
                words, context.projection.registry, context.grant.actor
            ),
            d=words.span(seconds_between(drill.sent, drill.acknowledged)),
        )
        if drill.acknowledged
        else ""
    )
    steps = (
        ("sent", drill.sent, ""),
        ("acknowledged", drill.acknowledged, settled),
        ("answered", drill.answered, settled),
    )
    return [
        DrillScreen(
            step=step,
            time=time,
            received=tuple(_received(context, drill, step)),
            settled=line,
        )
        for step, time, line in steps
        if time
    ]


def _received(context: PageContext, drill: Drill, step: str) -> list[receipt_rows.Received]:
    registry, _ = _recorded()
    seen_as = drill if step != "sent" else replace(drill, acknowledged="", answered="")
    if step == "acknowledged":
        seen_as = replace(drill, answered="")
    exchange = exchange_of(seen_as, step)
    message = exchange.messages[0]
    receipts = receipts_of(registry, exchange, message, READER, drill.seen or drill.sent)
    fact = Fact(
        message=message.id,
        side=READER,
        owes=receipts.owes,
        delivered=receipts.delivered,
        acknowledged="" if receipts.acknowledged is None else receipts.acknowledged.time,
        answered="" if receipts.answered is None else receipts.answered.time,
    )
    return receipt_rows.of(context, exchange, [fact], message=message.id, answerers=(READER,))


def seconds_between(first: str, last: str) -> float:
    """Return the seconds from one time to another."""
    return (as_moment(last) - as_moment(first)).total_seconds()

"""Whatever acts are in a log, in whatever order, it folds, and everything can be derived from it.

A gateway that keeps no rule writes acts of every shape, with far times, escaped letters and members
that were never meant together. A record may be void. It must never stop a fold, or a page.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from dragoman.domain.acts import (
    access,
    consent,
    deadline_acts,
    deadlines,
    event_windows,
    passing_on,
    window_notices,
)
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.families import (
    dialogue,
    helping,
    mechanism,
    release,
    transmittal,
    undertaking,
)
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.views import (
    alarms,
    audit_findings,
    flags,
    in_force,
    mechanisms,
    open_matters,
    people,
    phase,
    receipts,
    transmittals,
    undertakings,
)
from dragoman.domain.views.offers import allowed
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.fields import FORMS
from dragoman_schemas.state import Exchange
from owing import Observed, bound, of_service
from samples import SAMPLES, act
from world import SALT, World

NEW = (
    *("passed-on", "commenced", "holding", "completed", "people-status", "visit-request", "grant"),
    *("arrival", "departure", "visit-report", "undertaking", "fulfilment", "fate", "mechanism"),
    *("fulfilment-confirmation", "fulfilment-dispute", "mechanism-suspension", "mechanism-end"),
    *("mechanism-resumption", "transmittal", "recommendation-answer", "recommendation"),
    *("help-request", "help-offer", "help-acceptance", "help-delivery", "danger-area"),
    *("launch-notice", "military-activity", "humanitarian-notification", "hazardous-incident"),
    *("update", "correction", "postponement", "cancellation", "closure", "decline", "reply"),
    *("clarification-request", "visit-invitation", "counter-proposal", "acceptance", "agreement"),
    *("second-key", "acknowledgement", "withdrawal", "reconfirmation", "all-clear", "release"),
)
"""The acts of the rules on announced events, people, promises, mechanisms and addressees."""

ENDING = ("cancellation", "closure", "withdrawal", "completed", "mechanism-end", "decline")
SIDES = ("nato", "china")

TIMES = (
    *("2026-11-24T03:00Z", "2026-11-24T12:00Z", "2026-11-25T08:00+08:00", "2026-12-05T00:00Z"),
    *("2026-11-26T03:00:30.5Z", "2026-12-09T00:00Z", "2026-12-20T00:00-05:00"),
    *("1000-01-01T00:00+14:00", "9000-12-31T23:59-14:00", "0001-01-01T00:00Z"),
    *("9999-12-31T23:59:59.999999-23:59", "2026-02-30T00:00Z"),
)
_FORM = {form: pattern for pattern, form in FORMS.items()}


class Maker:
    """A maker of acts of every shape, by chance and the same for the same seed."""

    def __init__(self, seed: int) -> None:
        """Make acts by the chances of a seed."""
        self.chance = Random(seed)
        self.ids = ["0192f3a4-5b6c-7d8e-8f90-00000000aaaa"]

    def act(self, name: str, **more: Any) -> bytes:
        """Return the bytes of an act: its sample with some members made anew, and more."""
        info = inspect.type_info(SHAPES[name])
        assert isinstance(info, inspect.StructType)
        body = dict(act(name))
        fields = [field for field in info.fields if field.encode_name not in ("signed", "terms")]
        for field in self.chance.sample(fields, min(self.chance.choice([0, 0, 1, 2]), len(fields))):
            body[field.encode_name] = self.value(field.type)
        if "fields" in body:
            body["fields"] = self.changes()
        return self.escaped(msgspec.json.encode(body | more))

    def changes(self) -> dict[str, Any]:
        """Return fields for an update or a correction, of whatever format."""
        source = SAMPLES[self.chance.choice([name for name in NEW if name in FORMATS])]
        names = [name for name in source if name not in ("act", "to", "info")] or ["subject"]
        chosen = self.chance.sample(names, min(2, len(names)))
        fields: dict[str, Any] = {name: source[name] for name in chosen}
        if self.chance.random() < 0.5:
            one, two = sorted(self.chance.choices(TIMES, k=2))
            fields |= {"window": {"from": one, "to": two}}
        return fields

    def escaped(self, body: bytes) -> bytes:
        """Return an act with some letters of its values escaped."""
        if self.chance.random() < 0.7:
            return body

        def escape(match: re.Match[bytes]) -> bytes:
            letter = match.group(2)
            return match.group(1) + b"\\u%04x" % letter[0]

        return re.sub(rb'([:\[,]")([a-z0-9])(?=[^"\\]*"[,\]}])', escape, body, count=3)

    def value(self, info: inspect.Type) -> Any:
        """Return a value of a type; mostly one that fits."""
        match info:
            case inspect.Metadata():
                return self.value(info.type)
            case inspect.UnionType(types=types):
                return self.value(self.chance.choice(types))
            case inspect.StructType(fields=fields):
                return {
                    field.encode_name: self.value(field.type)
                    for field in fields
                    if field.required or self.chance.random() < 0.4
                }
            case inspect.VarTupleType(item_type=item, min_length=least):
                return [self.value(item) for _ in range(self.chance.randint(least or 0, 3))]
            case inspect.LiteralType(values=values):
                return self.chance.choice(values)
            case inspect.StrType(pattern=pattern):
                return self.text(pattern)
            case inspect.IntType(ge=least):
                return self.chance.choice([least or 0, (least or 0) + 1, 7, 9_999])
            case inspect.FloatType():
                return self.chance.choice([0.5, 1.0, 60.0])
            case inspect.BoolType():
                return self.chance.random() < 0.5
            case inspect.DictType(key_type=key, value_type=value):
                return {self.value(key): self.value(value)}
            case _:
                return "unknown"

    def text(self, pattern: str | None) -> str:
        """Return a text of a pattern."""
        form = FORMS.get(pattern or "", "")
        if form.startswith("a time with"):
            return self.chance.choice(TIMES)
        if form.startswith("an id"):
            return self.chance.choice(self.ids)
        if form.startswith("a name"):
            return self.chance.choice(["nato", "china", "osce", "launch-notice", "unknown"])
        if form.startswith("64"):
            return "ab" * 32
        if form.startswith("a language"):
            return "en"
        return self.chance.choice(["Early warning", "unknown", "x", "Both agree."])


def derive(world: World, exchange: Exchange) -> None:
    """Derive everything that pages, lists and services derive from an exchange."""
    registry = world.registry
    msgspec.json.encode(exchange)
    for moment in (world.clock, world.clock + timedelta(days=9)):
        in_force.windows_in_force(registry, [exchange], moment)
        window_notices.reached_notice(registry, exchange, moment)
        list(alarms.unpassed(registry, exchange, moment))
        list(alarms.escalations(registry, exchange, moment))
        phase.phase_of(registry, exchange, moment)
    list(window_notices.due_notices(registry, exchange))
    window = event_windows.window_of(exchange)
    assert window is None or window.ends is None or window.begins <= window.ends
    event_windows.known_since(exchange)
    assert event_windows.naming_message(exchange) in exchange.messages
    for clock in deadlines.deadlines_of(registry, exchange, {}):
        assert clock.begins <= clock.due, clock
        assert clock.side in {exchange.side, *exchange.to, *exchange.info}
        assert records.read_act(deadline_acts.act_of(clock, 100), cut=False)
    for message in exchange.messages:
        assert not {*message.to} & {*message.info}
        for side in world.sides:
            receipts.receipts_of(registry, exchange, message, side, "")
            posts = passing_on.posts_to_tell(registry, exchange, side, message)
            if not posts and passing_on.is_to_tell(exchange) and side in message.to:
                onward = passing_on.list_of(registry, side, exchange.act, message.said.position)
                stamp = passing_on.all_told(registry, exchange, side, message)
                assert onward is None or message.for_the_record or stamp is not None
    for waited_for in people.people_of(exchange):
        assert waited_for.waited_for is None or waited_for.waited_for >= 0
    helping.in_need(exchange)
    list(flags.flags(registry, exchange, []))
    list(audit_findings.of_exchange(registry, exchange, []))
    open_matters.may_be_open(exchange)
    assert {*allowed(registry, exchange, "nato")} <= RULES.keys()
    consent.agreed(exchange)
    derive_by_format(world, exchange)


def derive_by_format(world: World, exchange: Exchange) -> None:
    """Derive what only one format has."""
    match exchange.act:
        case "undertaking":
            assert undertaking.undertaker(exchange) in world.sides
            undertakings.undertaking_view(exchange, world.sides, world.clock)
        case "mechanism":
            mechanism.resumed_by(exchange)
            suspended = mechanism.suspended_by(exchange)
            assert (exchange.status != "suspended") or suspended
            matters = mechanisms.MechanismMatters(mechanism=exchange)
            mechanisms.mechanism_view(matters, world.sides, world.clock)
        case "transmittal":
            transmittals.recommendations(exchange, world.sides, world.clock)
            transmittals.due(world.registry, exchange)
            every = all(transmittal.all_answered(exchange, side) for side in exchange.to)
            assert (exchange.status != "answered") or every
        case "recommendation":
            dialogue.fates(exchange)
        case "release":
            assert not (
                release.is_for_members(exchange) and release.is_public(exchange, world.clock)
            )


def channel(seed: int) -> World:
    """Return a channel of two or three sides, or with an observer, in which limits bind."""
    worlds: tuple[Callable[[], World], ...] = (
        World,
        lambda: World(sides=("nato", "china", "osce")),
        Observed,
    )
    world = bound(worlds[seed % 3]())
    entries = [{"format": name, "posts": ["Early warning", "x"]} for name in NEW if name in FORMATS]
    for side in world.sides:
        assert isinstance(
            world.keep(f"{side}/h-1", {"act": "onward-adoption", "entries": entries}), Folded
        )
    return world


def consented(exchange: Exchange, side: str, name: str) -> dict[str, str]:
    """Return the terms of an act of consent; empty for any other act."""
    terms = consent.of_act(exchange, side, name, {}) if name in consent.ACTS else ""
    return {"terms": terms} if terms else {}


def following(chance: Random, world: World, exchanges: list[str]) -> tuple[str, str, str]:
    """Return an act, the exchange that it carries on, and a side; mostly one that fits."""
    if not exchanges or chance.random() < 0.15:
        return chance.choice([name for name in NEW if name in FORMATS]), "", chance.choice(SIDES)
    id = chance.choice(exchanges[-10:])
    exchange = world.exchange(id)
    if chance.random() < 0.15:
        return chance.choice([name for name in NEW if name not in FORMATS]), id, "china"
    moves = FORMATS[exchange.act].moves
    names = [name for name in NEW if exchange.status in moves.get(name, {})]
    names = [name for name in names if name not in ENDING or chance.random() < 0.1] or ["update"]
    name = chance.choice(names)
    sides = [side for side in world.sides if access.stands(exchange, RULES[name], side)]
    return name, id, chance.choice(sides or SIDES)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_written_into_a_log_folds_and_can_be_derived(seed: int) -> None:
    world, maker = channel(seed), Maker(seed)
    chance = maker.chance
    exchanges: list[str] = []
    valid = 0
    for number in range(220):
        name, subject, side = following(chance, world, exchanges)
        id = f"0192f3a4-5b6c-7d8e-8f90-{number + 1:012x}"
        state = world.exchange(subject) if subject else None
        rule = RULES[name]
        world.clock += timedelta(minutes=chance.choice([0, 1, 50, 600]))
        envelope = records.envelope(
            id=id,
            source=f"/sides/{side}/offices/hq",
            name=name,
            version=chance.randint(1, rule.version),
            subject=subject or id,
            time=world.tick(),
            channel=world.name,
            family=rule.family or (state.family if state is not None else ""),
            actor=f"{side}/{officer(chance, name)}",
            decided=world.position,
            salt=SALT,
            released_by=f"{side}/o-1" if chance.random() < (0.9 if rule.two_key else 0.1) else "",
        )
        terms = {} if state is None else consented(state, side, name)
        folded = world.take(records.build(envelope, maker.act(name, **terms)))
        if folded.valid:
            valid += 1
            maker.ids.append(id)
            exchanges += [] if subject else [id]
        for exchange in {*exchanges[-2:], *({subject} & {*exchanges})}:
            derive(world, world.exchange(exchange))
    assert valid > 60, "much of it has an effect, or nothing was tried"


@pytest.mark.parametrize("seed", range(6))
def test_whatever_officers_post_is_kept_or_refused_and_the_watch_goes_on(seed: int) -> None:
    world, maker = channel(seed), Maker(seed + 100)
    chance = maker.chance
    exchanges: list[str] = []
    recorded = 0
    for _ in range(250):
        name, subject, side = following(chance, world, exchanges)
        actor = f"{side}/{officer(chance, name)}"
        body = msgspec.json.decode(maker.act(name)) if chance.random() < 0.3 else act(name)
        world.clock += timedelta(minutes=chance.choice([0, 1, 50, 600]))
        released = world.second(actor, body) if not subject else None
        outcome = world.keep(actor, body, subject, seen=bool(subject), released_by=released)
        if isinstance(outcome, Folded) and outcome.record is not None:
            assert outcome.valid
            maker.ids.append(outcome.record.envelope.id)
            exchanges += [] if subject else [outcome.record.envelope.id]
        for id in {*exchanges[-2:], *({subject} & {*exchanges})}:
            derive(world, world.exchange(id))
            recorded += watched(world, id)
    assert len(exchanges) > 20
    assert recorded > 20


def officer(chance: Random, name: str) -> str:
    """Return an officer who has one of the roles for an act."""
    roles = {"officer": "o-1", "duty_officer": "d-1", "head_of_office": "h-1"}
    names = [officer for role, officer in roles.items() if role in RULES[name].roles]
    return chance.choice(names or ["o-1"])


def watched(world: World, id: str) -> int:
    """Record the step that a deadline of an exchange has reached, and return how many."""
    exchange = world.exchange(id)
    for clock in deadlines.open_deadlines(world.registry, exchange, {}):
        step = deadline_acts.reached_step(clock, world.clock + timedelta(seconds=1))
        if step > deadline_acts.recorded_step(exchange, clock):
            body = deadline_acts.act_of(clock, step)
            outcome = of_service(world, id, body, clock.started_by)
            assert isinstance(outcome, Folded) and outcome.valid, outcome
            return 1
    return 0

"""Long random histories over all formats and acts, of three to six sides, in which sides refuse, take
back, amend, propose otherwise and close: what is derived from them is what the records say.

A run plays 200 histories, `--long` 5,000.
"""

import random
import sys
from typing import Any

import msgspec
import pytest

from dragoman.domain.acts import accounts, consent, developments, statements
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.duty_calendar import calendar_of
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import parse
from dragoman.domain.views.answers import answers
from dragoman.domain.views.offers import allowed
from dragoman.domain.views.open_matters import owing
from dragoman.domain.views.stated import differences, stated_values
from dragoman.domain.views.titles import subject_of
from dragoman_schemas.state import Exchange
from owing import silence
from samples import SAMPLES, act
from world import World

SIDES = ("nato", "china", "osce", "asean", "norway", "russia")
SEEDS, BATCHES = range(200), 20
OPENED = [name for name, form in FORMATS.items() if "official" in form.kinds]
TURNING = (
    "decline",
    "retraction",
    "agreement",
    "counter-account",
    "update",
    "correction",
    "closure",
)
"""Acts that are tried more often than others."""

ENDED_BY_ONE = ("cancelled", "withdrawn")

BODIES: dict[str, list[dict[str, Any]]] = {
    "retraction": [
        {"fields": {"whose": whose}, "reason": "It was not so."}
        for whose in (["nato"], ["china"], "unknown", "nobody_here")
    ],
    "update": [{"fields": {"whose": ["china"]}}, {"fields": {"casualties": 3}}, {"text": "More."}],
    "counter-account": [
        {"facts": "It was hit.", "whose": ["china"]},
        {"facts": "It fell.", "whose": "nobody_here", "casualties": 2},
    ],
    "correction": [{"fields": {"casualties": 7}, "reason": "A slip."}],
}


class History:
    """A channel with random officers, and what was seen of its matters after each record."""

    def __init__(self, seed: int) -> None:
        self.lots = random.Random(seed)
        count = self.lots.randint(3, 6)
        self.world = World(sides=SIDES[:count], name=f"turns-{count}")
        if self.lots.random() < 0.5:
            for side in self.world.sides:
                self.world.keep(f"{side}/root", {"act": "profile-adoption", "profile": "default"})
        self.opened: list[str] = []
        self.names: dict[str, dict[int, bytes]] = {}
        self.differed: dict[str, set[str]] = {}
        for _ in range(self.lots.randint(20, 60)):
            self.step()

    def step(self) -> None:
        """Open a matter, or have some side do something that its state allows."""
        lots, world = self.lots, self.world
        side = lots.choice(world.sides)
        actor = f"{side}/{lots.choice(('h-1', 'h-1', 'd-1', 'o-1'))}"
        if len(self.opened) < 3 or lots.random() < 0.1:
            body = act(lots.choice((*OPENED, "hazardous-incident", "mechanism", "meeting-request")))
            folded = world.keep(actor, body, released_by=world.second(actor, body))
            if isinstance(folded, Folded) and folded.valid and folded.record is not None:
                self.opened.append(folded.record.envelope.id)
        else:
            id = lots.choice(self.opened)
            possible = [*allowed(world.registry, world.exchange(id), side)]
            turning = [name for name in possible if name in TURNING]
            name = lots.choice(turning if turning and lots.random() < 0.6 else possible)
            own = [
                item.id
                for items in world.exchange(id).acts.values()
                for item in items
                if item.said.side == side
            ]
            body = {**SAMPLES[name], "act": name}
            if name in BODIES:
                body = {"act": name, **lots.choice(BODIES[name])}
            elif "of" in body and own:
                body["of"] = lots.choice(own)
            world.keep(actor, body, id, seen=True)
            if lots.random() < 0.1:
                silence(world, id)
        self.look()

    def look(self) -> None:
        """Remember the name of each matter, and the members on which its accounts differ."""
        for id in self.opened:
            state = self.world.exchange(id)
            self.names.setdefault(id, {})[self.world.position] = bytes(subject_of(state))
            now = {name for names in accounts.differing(state).values() for name in names}
            self.differed.setdefault(id, set()).update(now)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_what_is_derived_is_what_the_records_say(
    batch: int, request: pytest.FixtureRequest
) -> None:
    many = 25 if request.config.getoption("--long") else 1
    seeds = range(batch, len(SEEDS) * many, BATCHES)
    for seed in seeds:
        history = History(seed)
        for id in history.opened:
            state = history.world.exchange(id)
            try:
                _assert_answers(state)
                _assert_owed(history.world, state)
                _assert_stated(state, history.differed[id])
                _assert_as_sent(history.world, state)
                _assert_closed(state)
                for position, name in history.names[id].items():
                    assert bytes(subject_of(state, position)) == name
            except AssertionError as error:
                raise AssertionError(f"seed {seed}, {state.act} {id}") from error


def _assert_answers(state: Exchange) -> None:
    """Hold each answer against the newest act of its side."""
    given = answers(state)
    assert not given.keys() & {*state.observers}
    for side, answer in given.items():
        said = [
            item
            for kind in ("decline", "grant", *consent.BINDING, "amendment-agreement")
            for item in state.acts.get(kind, ())
            if item.said.side == side
        ]
        if answer.answer == "refused":
            (record,) = [item for item in said if item.said.position == answer.position]
            assert record in state.acts["decline"]
        newest = max(said, key=lambda item: item.said.position, default=None)
        if newest is not None and state.meeting is None:
            is_no = newest in state.acts.get("decline", ())
            assert answer.answer != "silent"
            assert not is_no or answer.answer in ("refused", "proposed_otherwise")
    if state.meeting is None and state.act != "visit-request" and given:
        behind = {side for side, answer in given.items() if answer.answer == "agreed"}
        assert behind == (consent.agreed(state) - {state.side}) & given.keys()
    if "refused" in FORMATS[state.act].moves.get("agreement", {}):
        refusing = consent.refusals(state).keys() & consent.parties(state)
        assert (state.status == "refused") <= bool(refusing)


def _assert_owed(world: World, state: Exchange) -> None:
    """Hold what is owed against the sides of the matter, and against refusals."""
    calendars = {side: calendar_of(world.ledger.office(side)) for side in world.sides}
    refusing = {side for side, each in answers(state).items() if each.answer == "refused"}
    for duty in owing(world.registry, state, calendars):
        assert duty.side in {state.side, *state.to, *state.info}
        assert duty.side not in state.observers
        assert not (duty.clock == "answer" and duty.side in refusing), duty


def _assert_stated(state: Exchange, ever: set[str]) -> None:
    """Hold the table of statements, and that only a retraction or a slip turned one."""
    compared = {"kind", "nature", "time", "place", "whose", "casualties"}
    kept = {item.member for item in differences(state)}
    if state.accounts:
        assert ever & compared <= kept, (ever, kept)
    if not consent.is_facts_agreed(state):
        standing = {name for names in accounts.differing(state).values() for name in names}
        open_now = {item.member for item in differences(state) if not item.ends}
        assert standing & compared == open_now & compared
    listed = stated_values(state)
    for name in statements.GUARDED:
        last: dict[str, statements.Statement] = {}
        for statement in statements.statements(state, name):
            before = last.get(statement.side)
            if (
                before is not None
                and statement.change in ("update", "account", "final_report")
                and statements.is_definite(before.value)
                and statements.is_definite(statement.value)
            ):
                assert statements.is_same(before.value, statement.value), (name, statement)
            last[statement.side] = statement
            assert not listed or any(
                (value.member, value.position) == (name, statement.told.position)
                for value in listed
            )


def _assert_as_sent(world: World, state: Exchange) -> None:
    """Hold the words of the opening against the bytes of its record."""
    sent = content_of(parse(world.raws[state.opened.position - 1]).newest)
    for name in {*sent, *state.content}:
        raw = developments.as_sent(state, name)
        value = None if raw is None else msgspec.json.decode(bytes(raw))
        assert value == (None if name not in sent else msgspec.json.decode(bytes(sent[name]))), name
    for proposed in state.proposed.values():
        bytes_of_record = world.raws[proposed.said.position - 1]
        assert bytes(proposed.value) in bytes_of_record


def _assert_closed(state: Exchange) -> None:
    """Hold the end of a matter against the closures, the words and the silence of its sides."""
    if state.act == "liaison-office" or state.for_the_record or state.status in ENDED_BY_ONE:
        return
    end = sys.maxsize if state.closed is None else state.closed.position
    on_one_key = {key.id: key.second for key in state.one_key}
    counted = [
        (item.said.side, on_one_key.get(item.id, item.said))
        for item in state.acts.get("closure", ())
    ]

    def newest(side: str) -> tuple[int, int]:
        closings = [at.position for by, at in counted if by == side and at is not None]
        words = [item.said.position for item in state.messages if item.said.side == side]
        return (
            max((position for position in closings if position <= end), default=0),
            max((position for position in words if position <= end), default=0),
        )

    closing, word = newest(state.side)
    has_closed = closing > word
    agreeing = set()
    for side in {*state.to} - {*state.observers}:
        own, spoken = newest(side)
        was_silent = any(
            msgspec.json.decode(item.content["clock"]) == "objection"
            and msgspec.json.decode(item.content["side"]) == side
            and closing < item.said.position <= end
            for item in state.acts.get("lapse", ())
        )
        if own > spoken or (was_silent and spoken < closing):
            agreeing.add(side)
    is_agreed = has_closed and agreeing >= {*state.to} - {*state.observers}
    objecting = {side for side, fields in accounts.differing(state).items() if fields}
    assert is_agreed or state.closed is None
    assert not is_agreed or state.closed is not None or objecting - state.closures.keys()

"""No act of an allowed form holds the event loop: each format at its largest, in Chinese and
without a space, read by everything that reads it on the loop.
"""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import msgspec.inspect
import pytest

from dragoman.application.http.work_meter import WorkMeter
from dragoman.console.matter import print_views
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import Refusal
from dragoman.interop import cap, icalendar
from dragoman.limits import ACT_BYTES
from dragoman.notifier import selection
from dragoman.office.alarm import board
from dragoman.office.auditing import reports_page
from dragoman.office.exchanges import exchange_page
from dragoman.office.incidents import knowledge_page
from dragoman.projection.store import Store
from dragoman_schemas.acts import SHAPES
from lives import LIVES
from samples import SAMPLES
from served import Handler, page_of, served
from world import World

HELD_SECONDS = 0.05
SLACK = 1.5
"""A busy machine takes more processor time for the same work."""

HAN = "海" * 60_000
ROOM = ACT_BYTES - 24 * 1024
"""Bytes that the long texts share; the rest is for short members and the envelope."""

PAGES: tuple[Handler, ...] = (
    board.board,
    exchange_page.exchange,
    knowledge_page.lanes,
    print_views.form,
    print_views.card,
    reports_page.situation,
    reports_page.record_of_the_period,
)

OPENERS = {
    step if isinstance(step, str) else step["act"]: actor
    for actor, step, _ in (life[0] for life in LIVES.values())
}


def longest(shape: msgspec.inspect.Type) -> int:
    """Return the characters of the longest free text that a member takes; 0 if it takes none."""
    match shape:
        case msgspec.inspect.Metadata():
            return longest(shape.type)
        case msgspec.inspect.StrType(pattern=None, max_length=int(most)):
            return most
        case msgspec.inspect.UnionType():
            return max(longest(part) for part in shape.types)
        case _:
            return 0


def largest(act: str) -> dict[str, Any]:
    """Return the sample of a format, with every free text of its own as long as it may be."""
    shape = msgspec.inspect.type_info(SHAPES[act])
    assert isinstance(shape, msgspec.inspect.StructType)
    limits = {
        field.encode_name: longest(field.type)
        for field in shape.fields
        if field.encode_name not in ("references", "matter", "calendar", "about", "of", "signed")
    }
    body, room = dict(SAMPLES[act]), ROOM
    body.pop("original", None)  # the long text is in one language
    for member, limit in sorted(limits.items(), key=lambda item: -item[1]):
        most = min(limit, room // 3)
        if most >= 500 and (isinstance(body.get(member), str) or limit >= 2_000):
            body[member] = HAN[:most]
            room -= most * 3
    return body


def allowed(world: World, actor: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the body with those members as they were in the sample that are too long in it.

    A flash has at most two hundred words.
    """
    for _ in range(3):
        decided = world.decide(actor, body, released_by=world.second(actor, body))
        for fault in decided.faults if isinstance(decided, Refusal) else ():
            name = fault.pointer.removeprefix("/")
            body = {member: value for member, value in body.items() if member != name}
            if name in SAMPLES[body["act"]]:
                body[name] = HAN[:300] if name in ("text", "facts") else SAMPLES[body["act"]][name]
    return body


async def longest_step(work: Awaitable[Any]) -> float:
    """Return the processor seconds of the longest step of some work on the event loop."""
    meter = StepMeter()
    await meter.measured(work)
    return meter.longest


class StepMeter(WorkMeter):
    """A meter that remembers the longest step."""

    __slots__ = ("_sum", "longest")

    def __init__(self) -> None:
        self.longest, self._sum = 0.0, 0.0

    @property
    def seconds(self) -> float:
        """The sum of all steps."""
        return self._sum

    @seconds.setter
    def seconds(self, value: float) -> None:
        self.longest = max(self.longest, value - self._sum)
        self._sum = value


def taken(work: Callable[[], object]) -> float:
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


@pytest.mark.parametrize("act", sorted(set(FORMATS) & set(OPENERS)))
async def test_the_largest_act_of_a_format_holds_nothing(act: str, tmp_path: Path) -> None:
    actor, world = OPENERS[act], World()
    body = allowed(world, actor, largest(act))
    raw = msgspec.json.encode(body)
    held = {"the body": taken(lambda: read_act(raw, cut=True, rules=1))}
    id = world.open(actor, body)
    store = Store(tmp_path / "projection.sqlite")
    try:
        async with served(world, store, tmp_path) as (app, service, projection):
            other = "china" if actor.startswith("nato") else "nato"
            for handler in PAGES:
                for _ in range(2):  # the first page of a process loads modules
                    page = page_of(
                        app, service, projection, f"{other}/d-1", 0, handler, {"exchange": id}
                    )
                    held[handler.__name__] = await longest_step(page)
                    if held[handler.__name__] <= SLACK * HELD_SECONDS:
                        break
            state, registry = world.exchange(id), projection.registry
            position = projection.state.position
            reader_of_records = selection.RecordReader(projection)
            held["the notifier"] = await longest_step(reader_of_records.at(position))
            held["the calendar"] = taken(
                lambda: icalendar.feed(registry, [state], service.now(), "https://office.example")
            )
            if act in cap.ALERTS:
                held["CAP"] = taken(lambda: cap.alert(registry, state))
    finally:
        store.close()
    assert {name: s for name, s in held.items() if s > SLACK * HELD_SECONDS} == {}

"""Line checks: checks of the communication line, by schedule or by hand.

A check is echoed or missed. Two consecutive misses degrade the line, and the next echo
restores it.

The schedule is part of the profile of each side. It applies once all sides have adopted
the same one. The scheduler sends the check of a slot within the time limit of its echo.
If a slot was missed altogether, nothing is sent for it later. The scheduler's check
follows from the slot alone, so any number of schedulers send one check.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts.access import SERVICE, full_sides, stations_of
from dragoman.domain.acts.deadlines import ACTOR, is_timed, profile_of, timestamp
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, make_refusal
from dragoman_schemas.acts.contact.line_check import LineCheck
from dragoman_schemas.acts.office.channel import LineChecks
from dragoman_schemas.state import Exchange, Registry

ECHOED: Final = ("echoed", "echoed_with_errors")
MISSES: Final = 2
"""Consecutive misses that degrade a line."""

_NEUTRAL: Final = (
    "Quick brown fox",
    "Five boxing wizards jump quickly",
    "Lazy river over the wide plain",
    "Bright vixens jump, dozy fowl quack",
    "Six big juicy steaks sizzled",
)
"""Phrases about nothing in particular, so that no word is misread as a message."""

_HAN: Final = ("联络官", "海上平安", "线路检查", "收到请复", "天气晴朗")
_CYRILLIC: Final = ("Проверка связи", "Съешь же ещё этих мягких булок")

_read = msgspec.json.Decoder(LineChecks).decode
_read_check = msgspec.json.Decoder(LineCheck).decode


def is_line_check(exchange: Exchange) -> bool:
    """Return whether an exchange is a line check, in which no side says anything."""
    return exchange.act == "line-check"


class Slot(Struct, frozen=True, kw_only=True):
    """One check of the schedule: its time, its sender, and its running number."""

    due: datetime
    side: str
    sequence: int


class Schedule(Struct, frozen=True, kw_only=True):
    """The checks that every side has adopted, and their start."""

    checks: LineChecks
    sides: tuple[str, ...]
    start: datetime

    def last(self, moment: datetime) -> Slot | None:
        """Return the newest slot at or before a moment."""
        today = moment.astimezone(self._zone).date()
        before = [
            slot
            for day in (today - timedelta(days=1), today)
            for slot in self._slots(day)
            if slot.due <= moment
        ]
        return before[-1] if before else None

    def next(self, moment: datetime) -> Slot:
        """Return the first slot after a moment."""
        day = max(moment, self.start).astimezone(self._zone).date()
        for _ in range(3):
            for slot in self._slots(day):
                if slot.due > moment:
                    return slot
            day += timedelta(days=1)
        raise AssertionError("every day has a slot")

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.checks.zone)

    def _slots(self, day: date) -> list[Slot]:
        """Return a day's slots in the order of time.

        On a day on which clocks change, the zone's hours are not in the order of time.
        """
        return sorted(self._each(day), key=lambda slot: slot.due)

    def _each(self, day: date) -> Iterator[Slot]:
        times = sorted(set(self.checks.at))
        first = self.start.astimezone(self._zone).date()
        for index, at in enumerate(times):
            due = datetime.combine(day, time.fromisoformat(at), self._zone).astimezone(UTC)
            if due >= self.start:
                sender = (
                    self.sides[index % len(self.sides)]
                    if self.checks.sent_by == "alternating"
                    else self.checks.sent_by
                )
                yield Slot(
                    due=due, side=sender, sequence=(day - first).days * len(times) + index + 1
                )


def schedule_of(registry: Registry) -> Schedule | None:
    """Return the schedule that binds, or None.

    Every side must have adopted the same profile with the same checks.
    """
    if not is_timed(registry) or len(full_sides(registry)) < 2:  # A line has two ends.
        return None
    _, since = profile_of(registry)
    adoptions = (
        [registry.profiles[side] for side in full_sides(registry)] if since is not None else []
    )
    schedules = [
        None if isinstance(adoption.line_check, UnsetType) else _read(adoption.line_check)
        for adoption in adoptions
    ]
    if (
        not schedules
        or schedules[0] is None
        or any(schedule != schedules[0] for schedule in schedules)
    ):
        return None
    start = datetime.fromisoformat(max(adoption.adopted.time for adoption in adoptions))
    if isinstance(schedules[0].from_, str):
        start = max(start, datetime.fromisoformat(schedules[0].from_))
    return Schedule(
        checks=schedules[0],
        sides=full_sides(registry),
        start=start.astimezone(UTC),
    )


def act_of(registry: Registry, slot: Slot) -> bytes:
    """Return the bytes of the check of a slot, the same from every scheduler.

    The check has a phrase in each script that the channel uses.
    """
    words = [_NEUTRAL[slot.sequence % len(_NEUTRAL)], f"{slot.due:%d%H%M}Z"]
    for prefix, phrases in (("zh", _HAN), ("ru", _CYRILLIC)):
        if any(language.partition("-")[0] == prefix for language in registry.languages):
            words.append(phrases[slot.sequence % len(phrases)])
    return (
        b'{"act":"line-check","sequence":%d,"challenge":"%s","circuit":"primary","side":"%s"}'
        % (
            slot.sequence,
            " ".join(words).encode(),
            slot.side.encode(),
        )
    )


def key_of(slot: Slot) -> str:
    """Return the idempotency key of a slot's check.

    It is the same from every scheduler.
    """
    return f"line-check\n{slot.side}\n{timestamp(slot.due)}"


def ids_of(registry: Registry, slot: Slot) -> Iterator[str]:
    """Yield the ids under which the check of a slot may be on record.

    The scheduler's are made for itself, and those of stations for their side. So all
    stations of a side send one check. A slot has one check, whoever sent it.
    """
    for owner in (ACTOR, slot.side):
        yield from ids.every(registry.name, owner, key_of(slot))


def due(registry: Registry, moment: datetime) -> Slot | None:
    """Return the slot whose check must be sent at a moment, or None.

    The time limit of the slot's echo must not have passed.
    """
    schedule = schedule_of(registry)
    slot = None if schedule is None else schedule.last(moment)
    limits, _ = profile_of(registry)
    return slot if slot is not None and moment - slot.due < timedelta(seconds=limits.echo) else None


def check(registry: Registry, record: Record) -> Refusal | None:
    """Refuse a scheduled check that is not the one of the present slot.

    Its bytes must be those that every scheduler would send. A side with a station sends
    its checks itself: a station signs them, and their members must be those.
    """
    slot = due(registry, datetime.fromisoformat(record.envelope.time))
    if slot is None:
        return make_refusal("void", "No line check is due by schedule.")
    if record.side == SERVICE:
        if stations_of(registry, slot.side):
            return make_refusal(
                "void",
                "%(side)s has a station, and only the station sends its line checks.",
                side=slot.side,
            )
        is_same = record.act == act_of(registry, slot)
    else:
        if record.side != slot.side:
            return make_refusal(
                "void", "A station sends the line checks of its own side, and no others."
            )
        is_same = replace(record.data, signed=UNSET) == _read_check(act_of(registry, slot))
    return (
        None
        if is_same
        else make_refusal("void", "The bytes are not those of the scheduled line check.")
    )


class LineState(Struct, frozen=True, kw_only=True):
    """The state of a circuit by its newest checks.

    `checked` is the time of the last echo, and `latency_s` its delay in seconds.
    `echoed_running` and `missed_running` count the consecutive checks with that result.
    `with_errors` says whether the last echo differed from the text that was sent.
    """

    state: Literal["up", "degraded", "not_checked"]
    checked: str = ""
    latency_s: float | None = None
    echoed_running: int = 0
    missed_running: int = 0
    with_errors: bool = False


def standing(checks: Iterable[Exchange]) -> LineState:
    """Return the state of a circuit by its checks, which are given newest first.

    A check that waits for its echo does not count yet.
    """
    settled = [(check, result) for check in checks if (result := result_of(check))]
    missed = len(list(takewhile(lambda item: item[1] == "missed", settled)))
    echoed = len(list(takewhile(lambda item: item[1] in ECHOED, settled)))
    last, last_result = next(
        ((check, result) for check, result in settled if result in ECHOED), (None, "")
    )
    state: Literal["up", "degraded", "not_checked"] = (
        "not_checked" if not settled else "degraded" if missed >= MISSES else "up"
    )
    return LineState(
        state=state,
        checked="" if last is None else last.acts["echo"][-1].said.time,
        latency_s=None if last is None else latency(last),
        echoed_running=echoed,
        missed_running=missed,
        with_errors=last_result == "echoed_with_errors",
    )


def result_of(check: Exchange) -> str:
    """Return the result of a line check; empty while its echo is awaited.

    The result stays after the check was closed: closing a check does not repair a line.
    """
    if check.status in (*ECHOED, "missed"):
        return check.status
    if check.cancellation is not None:
        return ""
    if "line-check-missed" in check.acts:
        return "missed"
    echoes = check.acts.get("echo", ())
    if not echoes:
        return ""
    exact = msgspec.json.decode(echoes[-1].content["text"]) == msgspec.json.decode(
        check.content["challenge"]
    )
    return "echoed" if exact else "echoed_with_errors"


def latency(check: Exchange) -> float | None:
    """Return the seconds from a check's record to that of its first echo, or None."""
    echoes = check.acts.get("echo", ())
    if not echoes:
        return None
    return (
        datetime.fromisoformat(echoes[0].said.time) - datetime.fromisoformat(check.opened.time)
    ).total_seconds()

"""The line: what is sent by schedule, and how a circuit stands."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dragoman.domain.acts import line_checks
from dragoman.domain.acts.line_checks import LineState
from dragoman.domain.decide import Submission, decide
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal
from dragoman_schemas.state import Exchange
from samples import act
from services_ids import slot_id
from world import SALT, World, compact

ND, C, CD = "nato/d-1", "china/o-1", "china/d-1"
TWICE = {"at": ["06:00", "18:00"], "zone": "UTC", "sent_by": "nato"}


def scheduled(languages: tuple[str, ...] = ("en", "zh"), start: str = "", **changes: Any) -> World:
    """A channel whose sides adopted a schedule at 12:00Z on 24 November 2026."""
    changes |= {"from": start} if start else {}
    world = World(languages=list(languages))
    for side in world.sides:
        world.keep(
            f"{side}/root",
            {"act": "profile-adoption", "profile": "default", "line_check": {**TWICE, **changes}},
        )
    return world


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def slots(world: World, count: int) -> list[tuple[str, str, int]]:
    schedule = line_checks.schedule_of(world.registry)
    assert schedule is not None
    found, moment = [], at("2026-11-24T12:01Z")
    for _ in range(count):
        slot = schedule.next(moment)
        moment = slot.due
        found.append((f"{slot.due.astimezone(UTC):%d %H:%M}", slot.side, slot.sequence))
    return found


def sent(world: World, moment: str, **changes: Any) -> Folded | Refusal:
    """The check that the watch would send at a moment, folded."""
    slot = line_checks.due(world.registry, at(moment))
    assert slot is not None
    raw, data = records.read_act(line_checks.act_of(world.registry, slot), cut=False)
    id = changes.get("id", slot_id(world.registry, slot))
    raw = changes.get("act", raw)
    post = Submission(
        actor="service/watch",
        act=raw,
        data=records.decode_act(raw) if "act" in changes else data,
        id=id,
        family="contact",
    )
    decided = decide(
        world.ledger.standing.state,
        world.ledger,
        post,
        time=f"{at(moment):%Y-%m-%dT%H:%M:%S}.000Z",
        salt=SALT,
    )
    return world.take(decided) if isinstance(decided, Record) else decided


def test_twice_a_day_one_side_sends() -> None:
    assert slots(scheduled(), 4) == [
        ("24 18:00", "nato", 2),
        ("25 06:00", "nato", 3),
        ("25 18:00", "nato", 4),
        ("26 06:00", "nato", 5),
    ]


def test_every_hour_the_sides_take_turns() -> None:
    world = scheduled(at=[f"{hour:02}:00" for hour in range(24)], sent_by="alternating")
    assert slots(world, 3) == [
        ("24 13:00", "china", 14),
        ("24 14:00", "nato", 15),
        ("24 15:00", "china", 16),
    ]


def test_a_schedule_is_of_its_own_zone_and_begins_when_it_says() -> None:
    world = scheduled(at=["09:30"], zone="Asia/Shanghai", start="2026-11-26T00:00Z")
    assert slots(world, 2) == [("26 01:30", "nato", 1), ("27 01:30", "nato", 2)]


def test_a_schedule_binds_when_every_side_has_adopted_the_same() -> None:
    world = scheduled()
    assert line_checks.schedule_of(world.registry) is not None
    world.keep(
        "china/root",
        {
            "act": "profile-adoption",
            "profile": "default",
            "line_check": {**TWICE, "sent_by": "china"},
        },
    )
    assert line_checks.schedule_of(world.registry) is None
    world.keep("china/root", {"act": "profile-adoption", "profile": "default"})
    assert line_checks.schedule_of(world.registry) is None


def test_a_check_is_sent_until_its_echo_would_be_due() -> None:
    registry = scheduled().registry
    assert line_checks.due(registry, at("2026-11-24T17:59:59Z")) is None
    first = line_checks.due(registry, at("2026-11-24T18:00Z"))
    assert first is not None and first == line_checks.due(registry, at("2026-11-24T18:09:59Z"))
    assert line_checks.due(registry, at("2026-11-24T18:10Z")) is None


def test_a_check_by_schedule_counts_for_the_side_that_it_names() -> None:
    world = scheduled()
    folded = sent(world, "2026-11-24T18:00:01Z")
    assert isinstance(folded, Folded) and folded.record is not None and folded.valid
    exchange = world.exchange(folded.record.envelope.id)
    assert (exchange.side, exchange.to, exchange.number) == (
        "nato",
        ("china",),
        "NATO-CHINA/NATO/26/0001/N01/O",
    )
    assert (exchange.opened.by, exchange.status) == ("service/watch", "sent")
    world.clock = at("2026-11-24T18:02Z")
    challenge = records.decode_act(folded.record.act)
    echoed = world.keep(C, {"act": "echo", "text": challenge.challenge}, exchange.id)  # type: ignore[attr-defined]
    assert isinstance(echoed, Folded) and echoed.valid
    assert world.exchange(exchange.id).status == "echoed"


def test_each_script_in_use_is_sent() -> None:
    for languages, has, has_not in (
        (("en",), "Z", "线"),
        (("en", "zh-Hans"), "Z", "к"),
        (("fr", "ru"), "к", "线"),
    ):
        world = scheduled(languages)
        texts = [
            line_checks.act_of(
                world.registry,
                line_checks.Slot(due=at("2026-11-25T06:00Z"), side="nato", sequence=n),
            ).decode()
            for n in range(10)
        ]
        assert any(has in text for text in texts)
        assert not any(has_not in text for text in texts)


@pytest.mark.parametrize("change", ["another id", "another text", "another side", "twice"])
def test_what_the_watch_sends_is_determined(change: str) -> None:
    world = scheduled()
    slot = line_checks.due(world.registry, at("2026-11-24T18:00:01Z"))
    assert slot is not None
    raw = line_checks.act_of(world.registry, slot)
    match change:
        case "another id":
            outcome = sent(
                world,
                "2026-11-24T18:00:01Z",
                id=ids.from_key("nato-china", "service/watch", "another-key-16-long"),
            )
        case "another text":
            outcome = sent(
                world, "2026-11-24T18:00:01Z", act=raw.replace(b'challenge":"', b'challenge":"!')
            )
        case "another side":
            outcome = sent(
                world, "2026-11-24T18:00:01Z", act=raw.replace(b'"side":"nato"', b'"side":"china"')
            )
        case _:
            sent(world, "2026-11-24T18:00:01Z")
            outcome = sent(world, "2026-11-24T18:00:02Z")
    assert isinstance(outcome, Refusal)


def test_no_officer_sends_in_the_name_of_the_schedule() -> None:
    refusal = scheduled().decide(ND, act("line-check", side="nato"))
    assert isinstance(refusal, Refusal)
    assert refusal.faults[0].pointer == "/side"


def lines(history: str) -> LineState:
    """Return the state of a circuit after a series of checks, the newest last. Each check was
    echoed `e`, echoed with errors `w`, missed `m`, or still waits `s`.
    """
    world = scheduled()
    found: list[Exchange] = []
    for one in history:
        id = world.open(ND, act("line-check", sequence=len(found) + 1))
        if one in "ew":
            text = act("line-check")["challenge"] if one == "e" else "something else"
            world.clock += timedelta(seconds=19)
            world.keep(CD, {"act": "echo", "text": text}, id)
        elif one == "m":
            world.clock += timedelta(minutes=11)
            missed(world, id)
        found.append(world.exchange(id))
    return line_checks.standing(reversed(found))


def missed(world: World, id: str) -> Folded | Refusal:
    """Record a check that was not echoed, as the scheduler does. Return the folded record or the
    refusal.
    """
    due = at(world.exchange(id).opened.time) + timedelta(minutes=10)
    body = {
        "act": "line-check-missed",
        "clock": "echo",
        "side": "china",
        "started_by": id,
        "step": 100,
        "due": f"{due:%Y-%m-%dT%H:%M:%S}.000Z",
    }
    raw, data = records.read_act(compact(body), cut=False)
    key = f"line-check-missed\n{id}\necho\nchina\n{id}\n100"
    post = Submission(
        actor="service/watch",
        act=raw,
        data=data,
        id=ids.from_key("nato-china", "service/watch", key),
        exchange=id,
        caused_by=id,
    )
    decided = decide(world.ledger.standing.state, world.ledger, post, time=world.tick(), salt=SALT)
    return world.take(decided) if isinstance(decided, Record) else decided


@pytest.mark.parametrize(
    ("history", "state", "echoed", "missed_running"),
    [
        ("", "not_checked", 0, 0),
        ("s", "not_checked", 0, 0),
        ("e", "up", 1, 0),
        ("em", "up", 0, 1),
        ("emm", "degraded", 0, 2),
        ("mm", "degraded", 0, 2),
        ("mms", "degraded", 0, 2),
        ("mme", "up", 1, 0),
        ("mmew", "up", 2, 0),
    ],
)
def test_two_misses_running_degrade_a_line_and_an_echo_restores_it(
    history: str, state: str, echoed: int, missed_running: int
) -> None:
    stands = lines(history)
    assert (stands.state, stands.echoed_running, stands.missed_running) == (
        state,
        echoed,
        missed_running,
    )


def test_the_latency_of_the_last_echo_is_kept() -> None:
    assert lines("em").latency_s == 20
    assert lines("mm").latency_s is None


def test_a_check_is_missed_after_its_limit_alone_and_a_late_echo_is_recorded_as_late() -> None:
    world = scheduled()
    id = world.open(ND, act("line-check"))
    world.clock += timedelta(minutes=9)
    assert isinstance(missed(world, id), Refusal)
    world.clock += timedelta(minutes=2)
    folded = missed(world, id)
    assert isinstance(folded, Folded) and folded.valid
    assert world.exchange(id).status == "missed"
    late = world.keep(CD, {"act": "echo", "text": act("line-check")["challenge"]}, id)
    assert isinstance(late, Folded) and late.valid
    assert (world.exchange(id).status, len(world.exchange(id).acts["echo"])) == ("missed", 1)
    garbled = world.keep(CD, {"act": "echo", "text": "Something else"}, id)
    assert isinstance(garbled, Folded) and garbled.valid
    assert world.exchange(id).status == "missed", "however it came back, it came late"


def test_where_clocks_are_changed_slots_stay_in_the_order_of_time() -> None:
    world = scheduled(at=["02:15", "03:05", "02:45"], zone="Europe/Brussels")
    schedule = line_checks.schedule_of(world.registry)
    assert schedule is not None
    moment, dues = at("2027-03-27T12:00Z"), []
    for _ in range(9):
        slot = schedule.next(moment)
        dues.append(slot.due)
        last = schedule.last(slot.due)
        assert last is not None
        assert last.due == slot.due
        moment = slot.due
    assert dues == sorted(set(dues))
    assert [f"{due:%d %H:%M}" for due in dues[:3]] == ["28 01:05", "28 01:15", "28 01:45"], (
        "what does not exist is an hour later"
    )


@pytest.mark.parametrize(("kind", "sides"), [("track2", ("nato", "china")), ("desk", ("nato",))])
def test_a_channel_without_clocks_has_no_schedule(kind: str, sides: tuple[str, ...]) -> None:
    world = World(kind=kind, sides=sides, name="nato-desk" if kind == "desk" else "talks")
    for side in sides:
        world.keep(
            f"{side}/root", {"act": "profile-adoption", "profile": "default", "line_check": TWICE}
        )
    assert line_checks.schedule_of(world.registry) is None


@pytest.mark.parametrize("came", ["missed", "echoed", "garbled"])
def test_closing_its_checks_mends_no_line(came: str) -> None:
    world = scheduled()
    id = world.open(ND, act("line-check"))
    if came == "missed":
        world.clock += timedelta(minutes=11)
        missed(world, id)
    else:
        text = act("line-check")["challenge"] if came == "echoed" else "something else"
        world.keep(CD, {"act": "echo", "text": text}, id)
    before = line_checks.standing([world.exchange(id)])
    assert (before.missed_running, before.with_errors) == (int(came == "missed"), came == "garbled")
    world.close(id)
    assert line_checks.standing([world.exchange(id)]) == before

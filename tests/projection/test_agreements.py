"""Undertakings and mechanisms as the service reads them, by position and moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

from dragoman.domain.fold import Folded
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.projection.projection import Projection
from dragoman.projection.queries.dialogue import dialogue
from dragoman.projection.queries.mechanisms import mechanisms
from dragoman.projection.queries.snapshot import PeriodQuery, open_snapshot
from dragoman.projection.queries.undertakings import undertakings, unfinished
from dragoman.projection.store import Store
from dragoman.reports import undertaken, yearly_exchanges
from dragoman_schemas.agreement_responses import MechanismView
from owing import CH, NH, C, N, post
from samples import act
from views import found, past_moment
from world import REQUEST, World

NOW = datetime(2026, 12, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HELD = {"act": "meeting-held", "from": "2026-11-26T08:00Z", "to": "2026-11-26T10:00Z"}


async def folded(world: World, store: Store) -> None:
    """Fold a world into a file."""
    projection = Projection(MemoryLog(world.name), store)
    projection.take(
        [
            StoredMessage(position=n, subject=f"s.{n}", raw=raw)
            for n, raw in enumerate(world.raws, 1)
        ]
    )
    await projection.in_file()


def undertaking(world: World, actor: str, by: str, by_when: str, **more: Any) -> str:
    body = {"act": "undertaking", "by": by, "what": f"Due {by_when}.", "by_when": by_when}
    return world.open(actor, body | more)


def agreed(world: World, actor: str, id: str) -> None:
    post(world, actor, {"act": "agreement"}, id, seen=True)


def standings(store: Store, world: World, at: int | None = None) -> dict[str, list[str]]:
    moment = past_moment(store, world.name, str(at or 0))
    position, now = moment or (None, NOW)
    return {
        each.side: [undertaking.standing for undertaking in each.undertakings]
        for each in found(store, world.name, undertakings, at=position, now=now).sides
    }


async def test_undertakings_are_by_side_and_due_date_with_a_row_for_every_side(
    world: World, store: Store
) -> None:
    later = undertaking(world, N, "china", "2027-03-01T12:00Z")
    sooner = undertaking(world, N, "china", "2026-12-01T12:00Z")
    own = undertaking(world, C, "china", "2027-01-01T12:00Z")
    agreed(world, C, sooner)
    agreed(world, N, own)
    await folded(world, store)
    shown = found(store, world.name, undertakings, now=NOW)
    assert [each.side for each in shown.sides] == ["nato", "china"]
    assert shown.sides[0].undertakings == ()
    assert [each.exchange for each in shown.sides[1].undertakings] == [sooner, own, later]
    assert standings(store, world)["china"] == ["late", "due", "said"]
    said = shown.sides[1].undertakings[2]
    assert said.said_by == "nato"
    assert [(each.side, each.answer) for each in said.answers] == [("china", "silent")]


async def test_a_past_position_has_its_own_moment_and_knows_nothing_later(
    world: World, store: Store
) -> None:
    id = undertaking(world, N, "china", "2026-12-01T12:00Z")
    opened = world.position
    agreed(world, C, id)
    bound = world.position
    world.clock = NOW
    post(world, C, {"act": "fulfilment", "at": "2026-12-19T12:00Z"}, id)
    await folded(world, store)
    assert standings(store, world, opened - 1)["china"] == []
    assert standings(store, world, opened)["china"] == ["said"]
    assert standings(store, world, bound)["china"] == ["due"], "its date was still to come then"
    assert standings(store, world)["china"] == ["done"]
    (view,) = found(store, world.name, undertakings, now=NOW).sides[1].undertakings
    assert (view.late, view.done_at) == (True, "2026-12-19T12:00Z")


async def test_what_is_not_confirmed_is_carried_over_and_what_is_confirmed_is_not(
    world: World, store: Store
) -> None:
    kept = undertaking(world, N, "china", "2026-12-01T12:00Z")
    over = undertaking(world, N, "china", "2026-12-02T12:00Z")
    back = undertaking(world, N, "china", "2026-12-03T12:00Z")
    agreed(world, C, over)
    post(world, N, {"act": "cancellation", "reason": "Misheard."}, back, seen=True)
    world.clock = NOW
    post(world, C, {"act": "fulfilment", "at": "2026-11-25T12:00Z"}, over)
    post(world, N, {"act": "fulfilment-confirmation"}, over)
    await folded(world, store)
    open_ones = found(store, world.name, unfinished, now=NOW)
    assert [each.exchange for each in open_ones] == [kept]
    shown = found(store, world.name, dialogue)
    assert [each.id for each in shown.undertakings] == [kept, over, back]


async def test_the_record_of_a_year_counts_what_was_made_confirmed_late_and_open(
    world: World, store: Store
) -> None:
    late = undertaking(world, N, "china", "2026-12-01T12:00Z")
    agreed(world, C, late)
    done = undertaking(world, N, "nato", "2026-12-31T12:00Z")
    agreed(world, C, done)
    world.clock = NOW
    post(world, N, {"act": "fulfilment", "at": "2026-12-19T12:00Z"}, done)
    post(world, C, {"act": "fulfilment-confirmation"}, done)
    back = undertaking(world, N, "china", "2026-12-03T12:00Z")
    post(world, N, {"act": "cancellation", "reason": "Misheard."}, back, seen=True)
    await folded(world, store)
    as_of = f"{NOW + DAY:%Y-%m-%dT%H:%M:%SZ}"
    with open_snapshot(store, world.name, PeriodQuery(), as_of) as snapshot:
        span = snapshot.span(datetime(2026, 1, 1, tzinfo=UTC))
        counts = undertaken.counts(snapshot, span)
        reported = [*undertaken.reported(snapshot, span)]
    figures = {each.side: (each.made, each.confirmed, each.late, each.open) for each in counts}
    assert figures == {"nato": (1, 1, 0, 0), "china": (1, 0, 1, 1)}
    assert [each.undertaking.exchange for each in reported] == [late, done]


async def test_a_period_has_the_yearly_exchanges_that_were_owed_or_given_in_it(
    world: World, store: Store
) -> None:
    body = act("annual-exchange")
    given = world.keep(NH, body, released_by=world.second(NH, body))
    await folded(world, store)
    with open_snapshot(store, world.name, PeriodQuery(), f"{NOW:%Y-%m-%dT%H:%M:%SZ}") as snapshot:
        rows = {}
        for name, begins in (("year", datetime(2026, 1, 1, tzinfo=UTC)), ("weeks", NOW - 5 * DAY)):
            span = snapshot.span(begins)
            rows[name] = [*yearly_exchanges.of_period(snapshot, span)]
    assert isinstance(given, Folded) and given.record is not None
    calendar = {row.side: row for row in rows["year"] if row.kind == "annual_calendar"}
    assert calendar.keys() == {"nato", "china"}
    assert (calendar["nato"].of_year, calendar["nato"].due) == (2027, "2026-11-15")
    assert calendar["nato"].matter is not None
    assert calendar["nato"].matter.exchange == given.record.envelope.id
    assert calendar["china"].given == "", "nothing came, and it was owed"
    assert {row.kind for row in rows["weeks"]} == {"force_information"}


async def test_an_answer_to_a_group_stays_owed_in_the_reports_of_later_periods(
    world: World, store: Store
) -> None:
    id = world.open(N, act("transmittal"))
    post(world, C, {"act": "acknowledgement"}, id)
    await folded(world, store)
    with open_snapshot(store, world.name, PeriodQuery(at=world.position), "") as snapshot:
        assert [each.id for each in snapshot.exchanges(world.position + 1)] == [id]


# Mechanisms


def mechanism(world: World, actor: str = NH, name: str = "Staff talks", **more: Any) -> str:
    return world.open(actor, {"act": "mechanism", "name": name, "level": "officers"} | more)


def views(store: Store, world: World, at: int | None = None) -> dict[str, MechanismView]:
    shown = found(store, world.name, mechanisms, at=at, now=NOW)
    return {each.exchange: each for each in shown.mechanisms}


async def test_a_mechanism_has_its_meetings_the_next_date_and_what_waits(
    world: World, store: Store
) -> None:
    id = mechanism(world, period_months=12, for_the_record=True, dtg="2020-01-31T00:00Z")
    number = world.exchange(id).number
    met = world.open(N, REQUEST | {"mechanism": id})
    post(world, C, {"act": "acceptance", "window": 0}, met, seen=True)
    asked = world.open(C, REQUEST | {"mechanism": number})
    world.open(C, REQUEST)
    promised = undertaking(world, N, "china", "2027-03-01T12:00Z", of=world.exchange(met).number)
    paper = world.open(
        N,
        {
            "act": "reference-document",
            "issuer": "NATO",
            "title": "Rules at sea",
            "date": "2026-01-01",
            "published": "https://example.org/rules",
            "passages": ["Keep apart."],
            "references": [number],
        },
    )
    before = world.position
    world.clock = NOW
    post(world, N, HELD, met)
    await folded(world, store)
    view = views(store, world)[id]
    assert (view.status, view.since, view.overdue) == ("in_force", "2020-01-31T00:00:00Z", False)
    assert (view.last_held, view.next_due) == ("2026-11-26T08:00:00Z", "2027-11-26T08:00:00Z")
    assert [each.exchange for each in view.meetings] == [asked]
    assert [each.exchange for each in view.undertakings] == [promised]
    assert [each.exchange for each in view.papers] == [paper]
    then = views(store, world, before)[id]
    assert (then.last_held, then.next_due, then.overdue) == ("", "2021-01-31T00:00:00Z", True)
    assert [each.exchange for each in then.meetings] == [met, asked]


async def test_a_suspension_says_who_since_when_and_why_until_it_is_taken_back(
    world: World, store: Store
) -> None:
    id = mechanism(world, for_the_record=True)
    post(world, CH, {"act": "mechanism-suspension", "reason": "After the visit."}, id)
    suspended = world.position
    post(world, NH, {"act": "mechanism-suspension", "reason": "In answer."}, id)
    post(world, CH, {"act": "mechanism-resumption"}, id)
    half = world.position
    post(world, NH, {"act": "mechanism-resumption"}, id)
    await folded(world, store)
    first, second, now = (views(store, world, at)[id] for at in (suspended, half, None))
    assert [(each.side, bytes(each.reason)) for each in first.suspended_by] == [
        ("china", b'"After the visit."')
    ]
    assert [each.side for each in second.suspended_by] == ["nato"]
    assert (now.status, now.suspended_by) == ("in_force", ())
    assert now.since == world.exchange(id).updated.time.replace(".000Z", "Z")


async def test_an_end_stands_with_its_reason_and_with_the_sides_that_want_it_back(
    world: World, store: Store
) -> None:
    id = mechanism(world, period_months=1, for_the_record=True, dtg="2020-01-01T00:00Z")
    post(world, CH, {"act": "mechanism-end", "reason": "It is over."}, id)
    post(world, NH, {"act": "mechanism-resumption", "reason": "Let us meet."}, id)
    await folded(world, store)
    view = views(store, world)[id]
    assert (view.status, view.resuming, view.next_due, view.overdue) == (
        "ended",
        ("nato",),
        "",
        False,
    )
    assert view.ended_by and view.ended_by.side == "china"


async def test_what_is_proposed_is_not_in_force_and_what_was_taken_back_is_not_listed(
    world: World, store: Store
) -> None:
    id, back = mechanism(world, period_months=6), mechanism(world, name="Other talks")
    proposed = world.position
    post(world, C, {"act": "agreement"}, id, seen=True)
    post(world, NH, {"act": "cancellation", "reason": "Not yet."}, back, seen=True)
    await folded(world, store)
    then = views(store, world, proposed)
    assert [each.status for each in then.values()] == ["proposed", "proposed"]
    assert {each.next_due for each in then.values()} == {""}
    assert [(key, each.status) for key, each in views(store, world).items()] == [(id, "in_force")]
    assert views(store, world)[id].next_due.startswith("2027-05-24")

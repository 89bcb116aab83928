"""Random histories of a channel, for hypothesis: matters are opened and carried on, limits are met
or pass, time goes by.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from dragoman.domain.acts import deadline_acts, deadlines
from dragoman.domain.decide import Submission, decide
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import decode_act
from dragoman.domain.record.errors import Refusal
from dragoman_schemas.profiles import PROFILES
from samples import act
from services_ids import clock_id
from world import INCIDENT, NOTE, SALT, World

N, C, ND, CD = "nato/o-1", "china/o-1", "nato/d-1", "china/d-1"

OPENINGS = (
    (N, NOTE),
    (C, NOTE),
    (N, act("ict-inquiry")),
    (C, act("ict-inquiry")),
    (ND, {**INCIDENT, "precedence": "flash"}),
    (CD, {**INCIDENT, "precedence": "routine"}),
    (ND, act("line-check")),
)
STEPS = (
    "acknowledgement",
    "reply",
    "closure",
    "final-report",
    "echo",
    "cancellation",
    "wait",
    "wait",
    "limit",
    "limit",
    "lapse",
)
_SPANS = (0.0, 0.001, 60.0, 600.0, 900.0, 3_600.0, 86_400.0, 3 * 86_400.0, 40 * 86_400.0)
_CONSENTING = {
    "closure",
    "cancellation",
    "acceptance",
    "accounts-agreement",
    "correction",
    "agreement",
}
_BODIES = {"reply": {"act": "reply", "text": "We have looked into it."}}

WIDE = (
    *OPENINGS,
    *(
        ("nato/h-1", act(name))
        for name in (
            "encounter-report",
            "meeting-request",
            "call-record",
            "liaison-office",
            "recommendation",
        )
    ),
    *(
        ("china/h-1", act(name))
        for name in (
            "danger-area",
            "launch-notice",
            "emergency-notification",
            "annual-exchange",
            "visit-invitation",
        )
    ),
    *(
        ("nato/h-1", act(name))
        for name in (
            "explanation-request",
            "military-activity",
            "terrorism-warning",
            "call-request",
        )
    ),
    *(
        ("china/h-1", act(name))
        for name in ("point-of-contact", "immediate-notification", "humanitarian-notification")
    ),
    *(("nato/h-1", act(name)) for name in ("visit-request", "undertaking", "transmittal")),
    ("china/h-1", act("mechanism")),
    ("china/h-1", act("visit-request", kind="consular_access", arrival="2026-11-25T12:00Z")),
    (ND, {**INCIDENT, "for_the_record": True}),
    (
        CD,
        {
            **INCIDENT,
            "precedence": "flash",
            "passed_by": {"means": "telephone", "at": "2026-11-24T11:00Z"},
        },
    ),
)
"""Openings of every family."""

FURTHER = (
    *STEPS,
    *(
        "acknowledgement",
        "counter-account",
        "accounts-agreement",
        "clarification-request",
        "assessment",
        "acceptance",
        "meeting-held",
    ),
    *(
        "readout",
        "interim-reply",
        "after-activity-report",
        "amplification",
        "call-attempt",
        "withdrawal",
        "decline",
        "contained",
        "ended",
    ),
    *("correction", "take", "leave", "agreement", "passed-on", "people-status"),
    *("commenced", "holding", "completed", "all-clear", "postponement"),
    *("grant", "arrival", "departure", "visit-report", "recommendation-answer"),
    *("fulfilment", "fulfilment-confirmation", "fulfilment-dispute"),
    *("mechanism-suspension", "mechanism-end", "mechanism-resumption"),
)
"""Steps of every family; `take` and `leave` are of a side's watch."""

_SATURDAYS = {"days": ["sat"], "zone": "Asia/Shanghai", "from": "09:00", "to": "17:00"}
TERMS = ("rules", "profile", "office")
"""Steps after which every open deadline may be another one: `later_rules` must be in use."""

Opening = tuple[str, dict[str, Any]]


def a_history(
    data: st.DataObject,
    *,
    openings: Sequence[Opening] = OPENINGS,
    steps: Sequence[str] = STEPS,
    most: int = 12,
    kind: str = "official",
    name: str = "nato-china",
) -> World:
    """A history in which limits lapse, are met late or in time, or end with their matter; at times
    exactly at a limit.
    """
    world = World(kind=kind, name=name)
    if data.draw(st.booleans(), label="adopted"):
        for side in world.sides:
            world.keep(f"{side}/root", {"act": "profile-adoption", "profile": "default"})
    opened: list[str] = []
    for _ in range(data.draw(st.integers(1, most), label="steps")):
        if not opened or data.draw(st.booleans()):
            by, body = data.draw(st.sampled_from(openings))
            kept = world.keep(by, body, released_by=world.second(by, body))
            opened += (
                [kept.record.envelope.id]
                if isinstance(kept, Folded) and kept.record is not None
                else []
            )
        step = data.draw(st.sampled_from(steps))
        if step == "wait":
            world.clock += timedelta(seconds=data.draw(st.sampled_from(_SPANS)))
        elif step in ("limit", "lapse") and opened:
            at_the_limit(world, data.draw(st.sampled_from(opened)), lapse=step == "lapse")
        elif step in ("take", "leave"):
            watch = "watch-assumption" if step == "take" else "watch-relief"
            world.keep(data.draw(st.sampled_from((ND, CD))), {"act": watch})
        elif step in TERMS:
            change_terms(data, world, step)
        elif opened:
            by = data.draw(st.sampled_from((N, C, ND, CD)))
            world.keep(
                by,
                _BODIES.get(step) or act(step),
                data.draw(st.sampled_from(opened)),
                seen=step in _CONSENTING,
            )
    return world


def change_terms(data: st.DataObject, world: World, step: str) -> None:
    """Have sides adopt rules or a profile, or agree on the hours of an office."""
    if step == "office":
        hours = data.draw(st.sampled_from(("24x7", _SATURDAYS)))
        office = act("liaison-office", side=data.draw(st.sampled_from(world.sides)), hours=hours)
        id = world.open("nato/h-1", office)
        world.keep("china/h-1", act("agreement"), id, seen=True)
        return
    adopted: dict[str, Any] = (
        {"act": "rules-adoption", "rules": 2}
        if step == "rules"
        else {"act": "profile-adoption", "profile": data.draw(st.sampled_from(sorted(PROFILES)))}
    )
    for side in data.draw(st.sampled_from((world.sides, *((side,) for side in world.sides)))):
        world.keep(f"{side}/root", adopted)


def at_the_limit(world: World, id: str, *, lapse: bool) -> None:
    """Wait until what comes next comes exactly at a limit, or have the watch record there that it
    passed.
    """
    exchange = world.exchange(id)
    running = [
        clock
        for clock in deadlines.deadlines_of(world.registry, exchange, {})
        if clock.open and clock.due > world.clock
    ]
    if not running:
        return
    clock = min(running, key=lambda each: each.due)
    world.clock = clock.due - timedelta(seconds=0 if lapse else 1)
    if lapse:
        raw, given = (
            deadline_acts.act_of(clock, deadlines.LAPSE),
            clock_id(world.name, id, clock, deadlines.LAPSE),
        )
        post = Submission(
            actor=deadlines.ACTOR,
            act=raw,
            data=decode_act(raw),
            id=given,
            exchange=id,
            caused_by=clock.started_by,
        )
        decided = decide(
            world.ledger.standing.state, world.ledger, post, time=world.tick(), salt=SALT
        )
        if not isinstance(decided, Refusal):
            world.take(decided)

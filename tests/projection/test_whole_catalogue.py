"""Everything that anybody could try, by any act and any role: what takes effect is what the
catalogue allows, and every fold agrees.

    post      as an officer would, by the rules' own decision
    forge     past that decision, as a hostile gateway would write it into the log
    land      what was decided before others moved on
    watch     whatever is due by the clock, as often as it is looked at

After each record: what the catalogue does not allow has no effect; numbers have no gap; no clock
fires twice. At the end the projection has the same digest at every position as the fold from the
first record, and so has its file.
"""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from catalogue import (
    AT_ANY_TIME,
    BY_OTHERS,
    BY_TWO,
    CHANGES,
    CHANNEL,
    CONTINUING,
    LIVES,
    OFFICER,
    ON_ONE_KEY,
    OPENINGS,
    ROLES,
    life_of,
)
from dragoman.audit.replay import Replay
from dragoman.domain.acts import (
    deadline_acts,
    deadlines,
    duty_calendar,
    line_checks,
    window_notices,
)
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.act_rules import Who
from dragoman.domain.decide import Submission, decide
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal
from dragoman.domain.record_checks import source_of
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman_schemas.acts.office.watch import WindowNotice
from dragoman_schemas.state import Exchange, Registry
from samples import SAMPLES
from services_ids import clock_id, slot_id
from world import SALT, World, compact

SHORT = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=12,
    stateful_step_count=16,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
LONG = settings(
    SHORT,
    derandomize=False,
    max_examples=300,
    stateful_step_count=40,
    phases=[Phase.generate, Phase.shrink],
)
TRIES = 40
"""Tries in one stretch."""

FATES = ("taken_up", "declined", "no_response", "noted")
POSTS = tuple(SAMPLES["onward-adoption"]["entries"][0]["posts"])
WINDOWED = ("danger-area", "launch-notice", "military-activity")
"""Formats whose window is made to begin soon, so that the watch tells of it."""

KEEPERS = (
    "officer",
    "officer-revocation",
    "profile-adoption",
    "codebook-adoption",
    "policy-adoption",
)
SERVICES = {Who.WATCH: "service/watch", Who.GATEWAY: "service/gateway", Who.DESK: "service/desk"}
SEEDS = st.integers(0, 2**32)
STATUSES = sorted(
    {
        status
        for changes in CHANGES.values()
        for after in changes.values()
        for status in after.split()
    }
)
SETTLED = {
    "retraction",
    "acceptance",
    "decline",
    "reply",
    "agreement",
    "endorsement",
    "release-consent",
    "common-ground",
    "accounts-agreement",
    "acknowledgement",
    "closure",
    "amendment-agreement",
    "mechanism-resumption",
    "fulfilment-confirmation",
    "recommendation-answer",
}
"""Acts that may leave the status of an exchange until all sides have spoken."""


def held_in(before: Exchange) -> set[str]:
    """The statuses in which a format may hold an exchange after any act."""
    life = LIVES[before.act]
    if "refused" in life.live.split() and before.status in (life.start, "refused"):
        return {life.start, "refused"}
    if before.act == "joint-report" and before.status in life.live.split():
        return {"negotiating", "settled", "settled_with_dissent"}
    return {"accounts_differ", life.start} if before.status == "agreed_facts" else set()


class Anybody(RuleBasedStateMachine):
    """A channel with officers of all kinds of roles, and whoever writes into its log."""

    def __init__(self, runner: asyncio.Runner, tried: Counter[tuple[str, bool]]) -> None:
        super().__init__()
        self.runner = runner
        self.tried = tried
        self.world = World()
        self.digests: list[str] = []
        self.held: list[Record] = []
        self.lots = random.Random()
        self.fired: set[tuple[str, str, str, str, int]] = set()
        self.noticed: set[tuple[str, str, int]] = set()
        self.serials: dict[str, int] = {}

    @initialize(
        kind=st.sampled_from(["official", "official", "track2", "desk"]),
        three=st.booleans(),
        roles=st.lists(
            st.lists(
                st.sampled_from(
                    ["officer", "duty_officer", "head_of_office", "auditor", "administrator"]
                ),
                min_size=1,
                max_size=2,
                unique=True,
            ),
            min_size=2,
            max_size=4,
        ),
        profile=st.sampled_from(["", "default", "vienna", "shanghai"]),
    )
    def open_the_channel(
        self, kind: str, roles: list[list[str]], profile: str, *, three: bool
    ) -> None:
        sides = (
            ("nato",)
            if kind == "desk"
            else ("nato", "china", "osce")
            if three
            else ("nato", "china")
        )
        self.world = World(sides=sides, kind=kind)
        for side in sides:
            for number, held in enumerate(roles):
                self.world.keep(
                    f"{side}/root",
                    {"act": "officer", "officer": f"r-{number}", "office": "hq", "roles": held},
                )
            if profile:
                schedule = {"at": ["00:00", "12:00"], "zone": "UTC", "sent_by": "alternating"}
                self.world.keep(
                    f"{side}/root",
                    {"act": "profile-adoption", "profile": profile, "line_check": schedule},
                )
        self.digests = self._digests_of(self.world.raws)

    def _digests_of(self, raws: list[bytes]) -> list[str]:
        fold, found = Replay(), []
        for raw in raws:
            fold.take([raw])
            found.append(fold.standing.digest)
        return found

    # What is tried

    @rule(
        seed=SEEDS,
        ticks=st.sampled_from([0, 1, 60, 601, 3_600, 43_200, 86_400, 604_800, 2_592_000]),
    )
    def go_on(self, seed: int, ticks: int) -> None:
        """A stretch of time in which much is tried, each thing drawn by lot."""
        lots = self.lots = random.Random(seed)
        self.world.clock += timedelta(seconds=ticks)
        tries = (
            self.post,
            self.forge,
            self.decide_and_wait,
            self.land,
            self.write_again,
            self.write_damaged,
            self.watch,
            self.revoke,
        )
        for attempt in lots.choices(tries, weights=(40, 10, 4, 4, 1, 2, 4, 0.2), k=TRIES):
            attempt()

    def post(self) -> None:
        decided = self.decided()
        if isinstance(decided, Record):
            self.take(decided.raw)

    def decide_and_wait(self) -> None:
        decided = self.decided()
        if isinstance(decided, Record):
            self.held.append(decided)

    def land(self) -> None:
        if self.held:
            self.take(self.held.pop(self.lots.randrange(len(self.held))).raw)

    def decided(self) -> Record | Refusal:
        act, exchange = self.act()
        while act == "release" and not self.world._releasable():
            act, exchange = self.act()  # the world would post a record of its own first
        actor = self.actor(act, exchange)
        etag = exchange.etag if exchange is not None and self.lots.random() < 0.8 else None
        released = self.second(act, actor)
        return self.world.decide(
            actor,
            self.body(act, exchange),
            "" if exchange is None else exchange.id,
            etag,
            released_by=released,
        )

    def forge(self) -> None:
        act, exchange = self.act()
        self.take(self.forged(act, exchange))

    def write_again(self) -> None:
        raw = self.lots.choice(self.world.raws)
        assert not self.take(raw).valid, "an id is used up once"

    def write_damaged(self) -> None:
        raw = bytearray(self.lots.choice(self.world.raws))
        raw[self.lots.randrange(len(raw))] ^= 1 << self.lots.randrange(7)
        self.take(bytes(raw))

    def watch(self) -> None:
        for record in [*self.due()]:
            self.take(record)
        assert [*self.due()] == [], "what is on record is not due again"

    def revoke(self) -> None:
        side, _, name = self.lots.choice(
            [name for name in self.registry.officers if "/r-" in name]
        ).partition("/")
        decided = self.world.decide(f"{side}/root", {"act": "officer-revocation", "officer": name})
        if isinstance(decided, Record):
            self.take(decided.raw)

    # How it is put together

    @property
    def registry(self) -> Registry:
        return self.world.registry

    def act(self) -> tuple[str, Exchange | None]:
        """Some act, and the exchange that it carries on; most of what carries on is allowed in the
        state.
        """
        lots, there = self.lots, self.exchanges()
        if not there or lots.random() < 0.3:
            return lots.choice([*OPENINGS, *(CHANNEL.keys() - {"channel-opening"})]), None
        exchange = lots.choice(there)
        if lots.random() < 0.85:
            acts = sorted(
                act for act, moves in life_of(exchange.act).items() if exchange.status in moves
            )
            own = [act for act in acts if act not in (*AT_ANY_TIME, "closure", "cancellation")]
            return lots.choice(own if own and lots.random() < 0.6 else acts), exchange
        return lots.choice([*CONTINUING]), exchange

    def exchanges(self) -> list[Exchange]:
        """The few that moved last."""
        found = [self.world.ledger.exchange(id) for id in self.world.ledger._encoded]
        return sorted(
            (each for each in found if each is not None), key=lambda each: -each.updated.position
        )[:8]

    def actor(self, act: str, exchange: Exchange | None) -> str:
        """Anybody: mostly an officer who has the role, at times any other, a root key or a service."""
        lots, officers = self.lots, self.registry.officers
        if act in KEEPERS and lots.random() < 0.7:
            return f"{lots.choice(self.registry.sides).name}/root"
        if lots.random() < 0.05:
            return lots.choice([*SERVICES.values()])
        if lots.random() < 0.8:
            who = (
                OPENINGS[act].who
                if act in OPENINGS
                else CHANNEL[act][1]
                if act in CHANNEL
                else BY_OTHERS.get(act, "the duty officer")
            )
            side = "" if exchange is None else self.standing(act, exchange)
            able = [
                name
                for name, held in officers.items()
                if ROLES[who] & {*held.roles} and name.startswith(side)
            ]
            return lots.choice(able or [*officers])
        return lots.choice([*officers])

    def standing(self, act: str, exchange: Exchange) -> str:
        """The beginning of the names of those who stand where the act asks it; empty for all."""
        match CONTINUING.get(act, (Who.ANY,))[0]:
            case Who.OPENER:
                return f"{exchange.side}/"
            case Who.OTHER | Who.OTHER_SIGNATORY | Who.ADDRESSEE | Who.ADDRESSED:
                return f"{self.lots.choice(exchange.to or (exchange.side,))}/"
            case _:
                return ""

    def second(self, act: str, actor: str) -> str:
        """Return the officer who releases the act. A colleague releases most acts that take two
        officers, and hardly any others.
        """
        two = (
            (act in OPENINGS and OPENINGS[act].keys == 2)
            or (act in CHANNEL and CHANNEL[act][2] == 2)
            or act == "meeting-request"
        )
        two = two or act in BY_TWO
        if self.lots.random() > (0.8 if two else 0.03):
            return ""
        return self.lots.choice(
            [
                name
                for name in self.registry.officers
                if name.partition("/")[0] == actor.partition("/")[0]
            ]
            or [actor]
        )

    def body(self, act: str, exchange: Exchange | None) -> dict[str, Any]:
        """A sample, with what it refers to made to fit."""
        body, lots = dict(SAMPLES[act]), self.lots
        if act == "status-change" and exchange is not None:
            after = CHANGES.get(exchange.act, {}).get(exchange.status, "").split()
            body["status"] = lots.choice(after if after and lots.random() < 0.9 else STATUSES)
        if exchange is not None and "of" in body:
            of = (
                [said.id for said in exchange.acts.get("translation", ())]
                if act.startswith("translation-")
                else []
            )
            body["of"] = lots.choice(of or [message.id for message in exchange.messages])
        if act == "second-key" and exchange is not None and exchange.one_key:
            body["of"] = lots.choice(exchange.one_key).id
        if act in ("dissent", "endorsement"):
            body["paragraph"] = lots.choice((1, 2, 3))
        if act == "endorsement" and exchange is not None and exchange.act != "joint-report":
            body.pop("paragraph")
        if act == "echo" and exchange is not None and exchange.act == "immediate-notification":
            body = {
                "act": "echo",
                "designator": lots.choice((msgspec.json.decode(exchange.content["designator"]), 6)),
            }
        if act == "echo" and lots.random() < 0.3:
            body["text" if "text" in body else "remark"] = "Something else."
        if act in OPENINGS and lots.random() < 0.05 and act != "line-check":
            body["passed_by"] = {
                "means": "voice",
                "at": "2026-11-24T03:05Z",
                "to_post": "Duty officer",
            }
        if act in ON_ONE_KEY and lots.random() < 0.5:
            body |= ON_ONE_KEY[act]
        self.vary(act, body)
        if act in ("officer", "officer-revocation"):
            body["officer"] = f"r-{lots.randrange(6)}"
        if (
            act in OPENINGS
            and exchange is None
            and lots.random() < 0.2
            and (there := self.exchanges())
        ):
            body["references"] = [lots.choice(there).id]
        return body

    def vary(self, act: str, body: dict[str, Any]) -> None:
        """Change an answer, or the window of an event, in one of several ways."""
        lots = self.lots
        if act == "fate":
            body["result"] = lots.choice(FATES)
            if lots.random() < 0.7:
                body["answered_by"] = lots.choice(("nato", "china", "A ministry"))
        if act == "grant":
            if lots.random() < 0.5:
                body.pop("conditions")
            if lots.random() < 0.3:
                body["arrival"] = "2027-01-12T08:00Z"
        if act == "recommendation-answer":
            body["q"] = lots.choice((1, 2, 3))
            body["answer"] = lots.choice(("noted", "taken_up", "declined"))
            if body["answer"] != "taken_up":
                body.pop("taken_up_as")
        if act == "passed-on":
            body["to_post"] = lots.choice((*POSTS, "A unit"))
        if act == "undertaking":
            body["by"] = lots.choice(("nato", "china"))
        if act in WINDOWED and lots.random() < 0.5:
            begins = self.world.clock + timedelta(minutes=lots.choice((5, 30, 90, 3_000)))
            window = {"from": begins, "to": begins + timedelta(hours=2)}
            body["window"] = {end: f"{moment:%Y-%m-%dT%H:%MZ}" for end, moment in window.items()}

    def forged(self, act: str, exchange: Exchange | None) -> bytes:
        """The record as a decision would build it that refuses nothing."""
        rule_, actor = RULES[act], self.actor(act, exchange)
        id = f"0192f3a4-5b6c-7d8e-8f90-{len(self.world.raws):012x}"
        subject = self.registry.id if act in CHANNEL else id if exchange is None else exchange.id
        family = (
            "channel"
            if act in CHANNEL
            else OPENINGS[act].family
            if act in OPENINGS
            else ""
            if exchange is None
            else exchange.family
        )
        released = self.second(act, actor)
        envelope = records.envelope(
            id=id,
            source=source_of(self.registry, actor),
            name=act,
            version=rule_.version,
            subject=subject,
            time=self.world.tick(),
            channel=self.registry.name,
            family=family,
            actor=actor,
            decided=self.world.position,
            salt=SALT,
            released_by=released,
            caused_by=subject if rule_.who is Who.WATCH else "",
        )
        return records.build(envelope, compact(self.body(act, exchange)))

    def due(self) -> Iterator[bytes]:
        """Yield the records that the watch would post now."""
        now = self.world.clock + timedelta(seconds=1)
        posts: list[Submission] = []
        for exchange in [
            each
            for id in self.world.ledger._encoded
            if (each := self.world.ledger.exchange(id)) is not None
        ]:
            sides = {
                side: duty_calendar.calendar_of(self.world.ledger.office(side))
                for side in (exchange.side, *exchange.to)
            }
            for clock in deadlines.open_deadlines(self.registry, exchange, sides):
                step = deadline_acts.reached_step(clock, now)
                if step > deadline_acts.recorded_step(exchange, clock):
                    raw = deadline_acts.act_of(clock, step)
                    id = clock_id(self.registry.name, exchange.id, clock, step)
                    data = records.decode_act(raw)
                    posts.append(
                        Submission(
                            actor="service/watch",
                            act=raw,
                            data=data,
                            id=id,
                            exchange=exchange.id,
                            caused_by=clock.started_by,
                        )
                    )
            notice = window_notices.reached_notice(self.registry, exchange, now)
            if notice is not None:
                raw = window_notices.act_of(notice)
                data = records.decode_act(raw)
                assert isinstance(data, WindowNotice)
                key = window_notices.key_of(exchange.id, data)
                posts.append(
                    Submission(
                        actor="service/watch",
                        act=raw,
                        data=data,
                        id=ids.from_key(self.registry.name, "service/watch", key),
                        exchange=exchange.id,
                        caused_by=notice.started_by,
                    )
                )
        slot = line_checks.due(self.registry, now) if self.registry.kind == "official" else None
        if slot is not None and not self.world.ledger.used(slot_id(self.registry, slot)):
            raw = line_checks.act_of(self.registry, slot)
            posts.append(
                Submission(
                    actor="service/watch",
                    act=raw,
                    data=records.decode_act(raw),
                    id=slot_id(self.registry, slot),
                    family="contact",
                )
            )
        for post in posts:
            decided = decide(
                self.world.ledger.standing.state,
                self.world.ledger,
                post,
                time=deadlines.timestamp(now),
                salt=SALT,
            )
            assert isinstance(decided, Record), decided
            yield decided.raw

    # What holds

    def take(self, raw: bytes) -> Folded:
        """Fold a message, and hold what came of it against the catalogue."""
        registry, total = self.registry, self.world.ledger.standing.total
        try:
            subject = records.parse(raw).envelope.subject
        except records.NotARecord:
            subject = ""
        before = self.world.ledger.exchange(subject) if subject else None
        folded = self.world.take(raw)
        self.digests.append(self.world.ledger.standing.digest)
        self.tried["junk" if folded.record is None else folded.record.name, folded.valid] += 1
        if not folded.valid:
            assert (self.world.ledger.standing.total, folded.state, folded.number) == (
                total,
                None,
                "",
            )
            return folded
        record = folded.record
        assert record is not None
        self.allowed(registry, before, folded, record)
        self.number(folded, record)
        if record.name in ("reminder", "lapse", "line-check-missed"):
            data: Any = record.data
            fired = (record.envelope.subject, data.clock, data.side, data.started_by, data.step)
            assert fired not in self.fired, "a clock fires once"
            self.fired.add(fired)
        if isinstance(record.data, WindowNotice):
            noticed = (record.envelope.subject, record.data.started_by, record.data.step)
            assert noticed not in self.noticed, "a window is noticed once"
            self.noticed.add(noticed)
        return folded

    def allowed(
        self, registry: Registry, before: Exchange | None, folded: Folded, record: Record
    ) -> None:
        """The catalogue allows this act to this actor here."""
        name, actor = record.name, record.envelope.actor
        if record.side == "service":
            who = CONTINUING.get(name, CHANNEL.get(name, ("",)))[0]
            assert (
                SERVICES.get(who) == actor
                if isinstance(who, Who)
                else (name, actor) == ("line-check", "service/watch")
            ), (name, actor)
        elif actor.endswith("/root"):
            assert name in KEEPERS
        else:
            self.in_office(registry, name, record)
        if name in CONTINUING:
            assert before is not None and isinstance(folded.state, Exchange)
            self.stands(before, name, record.side)
            self.keys(before, folded.state, record)
            moved = life_of(before.act)[name][before.status]
            after = (
                {moved}
                | ({before.status} if name in SETTLED else set())
                | ({"echoed_with_errors"} if name == "echo" else set())
            )
            if name == "second-key":
                sent = next(
                    each.act for each in before.one_key if each.id == getattr(record.data, "of", "")
                )
                after |= {life_of(before.act).get(sent, {}).get(before.status, before.status)}
            if name == "status-change":
                after = set(CHANGES[before.act][before.status].split())
            if name == "fate":
                after = {*FATES, "mixed"}
            if name == "grant":
                after |= {"granted_with_conditions", "refused"}
            if name == "postponement":
                after |= {LIVES[before.act].start}
            if name == "decline":
                after |= {"accepted"}
            if name == "lapse" and getattr(record.data, "clock", "") == "objection":
                after |= {"closed"}
            after |= held_in(before)
            assert folded.state.status in after, (name, before.status, folded.state.status)

    def in_office(self, registry: Registry, name: str, record: Record) -> None:
        officer = registry.officers[record.envelope.actor]
        assert officer.until is None
        second = record.envelope.releasedby
        held = set(officer.roles)
        if isinstance(second, str):
            releaser = registry.officers[second]
            assert (
                releaser.until,
                second != record.envelope.actor,
                second.startswith(f"{record.side}/"),
            ) == (None, True, True)
            held |= set(releaser.roles)
        if name in OPENINGS:
            wanted, keys = ROLES[OPENINGS[name].who], OPENINGS[name].keys
        elif name in CONTINUING:
            wanted, keys = (
                ROLES[BY_OTHERS.get(name, OFFICER)],
                1 + (name in BY_TWO),
            )
        else:
            wanted, keys = ROLES[CHANNEL[name][1]], CHANNEL[name][2]
        data = msgspec.json.decode(record.act)
        ladder = name == "meeting-request" and isinstance(second, str)
        alone = keys == 2 and second is msgspec.UNSET and name not in CONTINUING
        if alone:
            assert ON_ONE_KEY[name].items() <= data.items()
            assert held & {"duty_officer", "head_of_office"}
        else:
            assert held & wanted, (name, held)
            assert keys == 2 or second is msgspec.UNSET or ladder

    def keys(self, before: Exchange, after: Exchange, record: Record) -> None:
        """Assert that certain acts have two officers, or wait for the second. These acts bind a
        side, or change an act that took two officers.
        """
        name, actor, of = record.name, record.envelope.actor, getattr(record.data, "of", "")
        alone = record.envelope.releasedby is msgspec.UNSET
        waits = record.envelope.id in {each.id for each in after.one_key}
        if name in ("agreement", "endorsement", "accounts-agreement", "release-consent"):
            assert waits == alone
        if name in ("correction", "cancellation") and OPENINGS[before.act].keys == 2:
            assert waits == alone
            assert not alone or {"duty_officer", "head_of_office"} & {
                *self.registry.officers[actor].roles
            }
        if name == "second-key":
            (sent,) = [each for each in before.one_key if each.id == of]
            assert (sent.second, sent.sent.side, sent.sent.by != actor) == (None, record.side, True)
        assert waits <= (alone and name in BY_TWO)

    def stands(self, before: Exchange, name: str, side: str) -> None:
        parties = {before.side, *before.to}
        if side == "service":
            return
        if before.act == "undertaking" and name in ("update", "clarification-request"):
            undertaker = msgspec.json.decode(bytes(before.content["by"]))
            assert side in (
                parties if name == "clarification-request" else {undertaker, before.side}
            )
            return
        match CONTINUING[name][0]:
            case Who.OPENER:
                assert side == before.side
            case Who.OTHER:
                assert side != before.side
            case Who.SIGNATORY:
                assert side in self.signing(before)
            case Who.OTHER_SIGNATORY:
                assert side in self.signing(before) - {before.side}
            case Who.PARTY:
                assert side in parties
            case Who.CONVENER:
                assert side == before.side or (before.meeting is not None and side in parties)
            case Who.ADDRESSED:
                assert any(side in (*message.to, *message.info) for message in before.messages)
            case Who.ADDRESSEE:
                proposer = before.side if before.meeting is None else before.meeting.proposed_by
                assert side in parties - {proposer}
            case _:
                pass

    def signing(self, before: Exchange) -> set[str]:
        """The opener, its signatories or else whom it asks, and those for whom it spoke."""
        named = msgspec.json.decode(bytes(before.content.get("signatories", b"[]")))
        spoken = msgspec.json.decode(bytes(before.content.get("on_behalf_of", b"[]")))
        everyone = {"release": (*before.to, *before.info), "reference-document": ()}
        return {before.side, *(named or everyone.get(before.act, before.to)), *spoken}

    def number(self, folded: Folded, record: Record) -> None:
        """The next of its series, for what is numbered."""
        code = {"correction": "C", "cancellation": "X"}.get(record.name, "O")
        numbered = record.envelope.family != "desk" and record.name in OPENINGS.keys() | {
            "correction",
            "cancellation",
            "channel-status",
        }
        assert bool(folded.number) == numbered
        if numbered:
            side = (
                getattr(record.data, "side", record.side)
                if record.side == "service"
                else record.side
            )
            series = f"{side}/{record.envelope.time[:4]}"
            self.serials[series] = self.serials.get(series, 0) + 1
            channel, of, year, serial, _, kind = folded.number.split("/")
            expected = (
                self.registry.name.upper(),
                side.upper(),
                record.envelope.time[2:4],
                f"{self.serials[series]:04d}",
                code,
            )
            assert (channel, of, year, serial, kind) == expected

    def teardown(self) -> None:
        """The live projection, and its file, have come to the same at every position."""
        with tempfile.TemporaryDirectory() as folder:
            self.runner.run(self.followed(Path(folder)))

    async def followed(self, folder: Path) -> None:
        store = Store(folder / "projection.sqlite")
        try:
            projection = Projection(MemoryLog(self.registry.name), store)
            subject = f"dragoman.v1.{self.registry.name}.x"
            for position, raw in enumerate(self.world.raws, 1):
                projection.take([StoredMessage(position=position, subject=subject, raw=raw)])
                assert projection.standing.digest == self.digests[position - 1]
            await projection.in_file()
            assert store.standing(self.registry.name) == self.world.ledger.standing
            assert [
                projection.bytes_at(position)[2] for position in range(1, len(self.digests) + 1)
            ] == self.digests
        finally:
            store.close()


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.mark.timeout(3600)
def test_whatever_anybody_tries_only_what_the_catalogue_allows_takes_effect(
    runner: asyncio.Runner, request: pytest.FixtureRequest
) -> None:
    profile = LONG if request.config.getoption("--long") else SHORT
    tried: Counter[tuple[str, bool]] = Counter()
    run_state_machine_as_test(lambda: Anybody(runner, tried), settings=profile)  # type: ignore[arg-type]
    kept, refused = ({name for name, valid in tried if valid == wanted} for wanted in (True, False))
    assert len(SAMPLES.keys() & kept) > len(SAMPLES) * 7 / 10, sorted(SAMPLES.keys() - kept)
    assert len(SAMPLES.keys() & refused) > len(SAMPLES) / 2, sorted(SAMPLES.keys() - refused)

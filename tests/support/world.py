"""A channel without a service: posts are decided and folded at once, in memory, with a clock that
ticks by itself.
"""

import json
from collections import deque
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from dragoman.application.clock import stamp
from dragoman.audit.replay import Replay
from dragoman.domain.acts import consent
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import Who
from dragoman.domain.acts.families.exchange import is_unattributed
from dragoman.domain.decide import Submission, decide
from dragoman.domain.fold import Folded, fold
from dragoman.domain.history_port import DecisionBasis, RecordingHistory
from dragoman.domain.judge import judge, takes_two
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Malformed, Refusal
from dragoman.text import packed, unpacked, verbatim
from dragoman.tlog import dsse
from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts import rules_versions
from dragoman_schemas.acts.office.channel import ErasedRecord
from dragoman_schemas.state import Exchange, Registry, decode_exchange, decode_registry, encode

SALT = "ab" * 32
SAMPLE_TERMS = "0" * 64
SAMPLE_RECORDS = [
    dict.fromkeys(("record", "exchange"), "0192f3a4-5b6c-7d8e-8f90-00000000aaaa")
    | {"commit": "ab" * 32}
]
"""Of samples: what is posted here instead are the terms that stand."""
INCIDENT: dict[str, Any] = {
    "act": "hazardous-incident",
    "kind": "near_miss",
    "time": "2026-11-24T03:05+08:00",
    "place": {"lat": 15.12, "lon": 116.44},
    "facts": "Two aircraft passed close. Rest unknown.",
}
NOTE: dict[str, Any] = {
    "act": "contact-note",
    "form": "conversation",
    "text": "Met the counterpart at the reception.",
}
REQUEST: dict[str, Any] = {
    "act": "meeting-request",
    "purpose": "Incident of 24 November",
    "windows": [
        {"from": "2026-11-26T08:00Z", "to": "2026-11-26T10:00Z"},
        {"from": "2026-11-27T08:00Z", "to": "2026-11-27T10:00Z"},
    ],
}
OFFICERS = {
    "officer": "o-1",
    "duty_officer": "d-1",
    "head_of_office": "h-1",
    "auditor": "a-1",
    "administrator": "adm-1",
}


def seed_of(owner: str) -> bytes:
    """A key's seed, made from its owner's name."""
    return owner.encode().ljust(32, b".")[:32]


def public_of(owner: str) -> str:
    """A public key in base64."""
    return dsse.encode_base64(dsse.public_of(seed_of(owner)))


def compact(act: dict[str, Any]) -> bytes:
    """An act's bytes."""
    return json.dumps(act, separators=(",", ":"), ensure_ascii=False).encode()


def signatures(owners: list[str], act: bytes) -> str:
    """The record's member `signatures`."""
    return dsse.write_signatures(
        {dsse.key_id(dsse.public_of(seed_of(o))): dsse.sign(seed_of(o), act) for o in owners}
    )


_BEGUN: dict[tuple[object, ...], tuple[datetime, Replay, tuple[bytes, ...], int]] = {}
"""Channels with their officers entered, by the arguments that made them."""


def _copied(ledger: Replay) -> Replay:
    """A replay that goes on by itself. What it holds is never changed in place but containers, of
    at most two levels.
    """
    other = Replay()
    for name, value in vars(ledger).items():
        kept = copy(value)
        if isinstance(kept, dict):
            kept.update(
                {key: copy(each) for key, each in kept.items() if isinstance(each, set | list)}
            )
        setattr(other, name, kept)
    return other


@dataclass
class World:
    """A channel between sides, with one officer a role on each."""

    sides: tuple[str, ...] = ("nato", "china")
    name: str = "nato-china"
    kind: str = "official"
    custody: str | None = None
    languages: list[str] = field(default_factory=lambda: ["en"])
    clock: datetime = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    rules: int = rules_versions.NEWEST
    ledger: Replay = field(default_factory=Replay)
    raws: list[bytes] = field(default_factory=list)
    serial: int = 0
    legal: deque[tuple[Record, DecisionBasis]] = field(default_factory=lambda: deque(maxlen=20))

    def __post_init__(self) -> None:
        """Open the channel and enter the officers; a channel like an earlier one begins as a copy
        of it.
        """
        like = (
            self.sides,
            self.name,
            self.kind,
            self.custody,
            tuple(self.languages),
            self.clock,
            self.rules,
        )
        if like not in _BEGUN:
            self._begin()
            _BEGUN[like] = (self.clock, _copied(self.ledger), tuple(self.raws), self.serial)
        clock, ledger, raws, serial = _BEGUN[like]
        self.clock, self.ledger, self.raws, self.serial = clock, _copied(ledger), list(raws), serial

    def _begin(self) -> None:
        assert self.take(self.genesis()).valid
        for side in self.sides:
            for role, name in OFFICERS.items():
                folded = self.keep(
                    f"{side}/root",
                    {"act": "officer", "officer": name, "office": "hq", "roles": [role]},
                )
                assert isinstance(folded, Folded) and folded.valid, folded

    # What stands

    @property
    def registry(self) -> Registry:
        """The registry now."""
        registry = self.ledger.standing.state.registry
        assert registry is not None
        return registry

    @property
    def position(self) -> int:
        """The position now."""
        return self.ledger.standing.state.position

    def exchange(self, id: str) -> Exchange:
        """An exchange now."""
        exchange = self.ledger.exchange(id)
        assert exchange is not None
        return exchange

    # What is posted

    def genesis(self, **changes: Any) -> Record:
        """A genesis, with members changed or, where None, left out."""
        act: dict[str, Any] = {
            "act": "channel-opening",
            "type": "dragoman.channel-opening.v1",
            "name": self.name,
            "kind": self.kind,
            "exercise_of": {"name": self.name.removesuffix("-exercise"), "cid": "00" * 32}
            if self.kind == "exercise"
            else None,
            "sides": [
                {"name": side, "roots": [public_of(f"{side}/root")], "threshold": 1}
                for side in self.sides
            ],
            "log_key": public_of("log"),
            "origin": "example.org/nato-china",
            "languages": self.languages,
            "rules": self.rules,
            "custody": self.custody,
            "nonce": "00" * 32,
        }
        signers = changes.pop("signers", [f"{side}/root" for side in self.sides])
        act |= changes
        raw, data = records.read_act(
            compact({name: value for name, value in act.items() if value is not None}), cut=False
        )
        id = ids.from_key(self.name, "service/desk", "genesis-genesis-genesis")
        envelope = records.envelope(
            id=id,
            source="/services/desk",
            name="channel-opening",
            version=1,
            subject=id,
            time=self.tick(),
            channel=self.name,
            family="channel",
            actor="service/desk",
            decided=0,
            salt=SALT,
            signatures=signatures(signers, raw),
        )
        return records.assemble(envelope, raw, data)

    def tick(self) -> str:
        """The time, a second later each time."""
        self.clock += timedelta(seconds=1)
        return stamp(self.clock)

    def decide(
        self,
        actor: str,
        act: dict[str, Any],
        exchange: str = "",
        if_match: str | None = None,
        key: str = "",
        released_by: str = "",
    ) -> Record | Refusal:
        """Return the record that a post would become, or its refusal."""
        act = self.released(actor, act)
        self.serial += 1
        known = self.ledger.exchange(exchange) if exchange else None
        if (
            act["act"] in consent.ACTS
            and act.get("terms", SAMPLE_TERMS) == SAMPLE_TERMS
            and known is not None
        ):
            act = {
                **act,
                "terms": consent.of_act(known, actor.partition("/")[0], act["act"], act)
                or SAMPLE_TERMS,
            }
        try:
            raw, data = records.read_act(compact(act), cut=True)
        except Malformed as error:
            return Refusal(kind="invalid-act", detail=verbatim(""), faults=(error.fault,))
        id = ids.from_key(self.name, actor, key or f"test-key-{self.serial:08d}")
        signed = ""
        if RULES[act["act"]].who is Who.KEEPERS and not actor.startswith("service/"):
            raw, signed = self.sign(actor, act, id)
            data = records.decode_act(raw)
        post = Submission(
            actor=actor,
            act=raw,
            data=data,
            id=id,
            exchange=exchange,
            if_match=if_match,
            released_by=released_by,
        )
        asked = RecordingHistory(self.ledger)
        decided = decide(
            self.ledger.standing.state, asked, post, time=self.tick(), salt=SALT, signatures=signed
        )
        grounds = None if isinstance(decided, Refusal) else asked.grounds(self.registry, decided)
        if grounds is not None and not isinstance(decided, Refusal):
            self.legal.append((decided, grounds))
        return decided

    def released(self, actor: str, act: dict[str, Any]) -> dict[str, Any]:
        """A release with a record that there is in place of the sample's; any other act as it is."""
        if act["act"] != "release" or act["records"] != SAMPLE_RECORDS:
            return act
        if not self._releasable() and self.kind != "desk":
            self.keep(
                f"{actor.partition('/')[0]}/{OFFICERS['officer']}",
                {
                    "act": "recommendation",
                    "text": "Talk more often.",
                    "area": "maritime-security",
                    "addressees": ["nato"],
                },
            )
        there = self._releasable()
        return {
            **act,
            "records": [
                {"record": each.id, "exchange": each.subject, "commit": each.commit}
                for each in there[:1]
            ],
        }

    def _releasable(self) -> list[ErasedRecord]:
        known = (
            (self.ledger.exchange(id), self.ledger.records_of(id)) for id in self.ledger._encoded
        )
        open_to_release = [
            records
            for exchange, records in known
            if exchange is not None and not is_unattributed(exchange)
        ]
        return [record for records in open_to_release for record in records if not record.void]

    def sign(
        self,
        actor: str,
        act: dict[str, Any],
        id: str,
        owners: list[str] | None = None,
        /,
        **changes: Any,
    ) -> tuple[bytes, str]:
        """A signed act of the channel's family, and its signatures."""
        size = self.position
        signed = {
            "channel": self.registry.cid,
            "type": f"dragoman.{act['act']}.v1",
            "exchange": self.registry.id,
            "id": id,
            "author": actor,
            "after": self.registry.etag,
            "seen": {"size": size, "root": dsse.encode_base64(self.ledger.root(size))},
        } | changes
        raw = compact({**act, "signed": signed})
        return raw, signatures(owners or [actor], raw)

    def attested(
        self,
        body: dict[str, Any],
        *owners: str,
        actor: str = "nato/root",
        decided: int | None = None,
        **changes: Any,
    ) -> Folded:
        """An act of the channel's own family, as it is folded when these keys have signed it."""
        id = ids.from_key(self.name, actor, f"attested-{self.position:012d}")
        raw, signed = self.sign(actor, body, id, [*owners], **changes)
        side, _, name = actor.partition("/")
        envelope = records.envelope(
            id=id, source=f"/sides/{side}" if name == "root" else f"/sides/{side}/offices/hq", name=body["act"], version=1,
            subject=self.registry.id, time=self.tick(), channel=self.name, family="channel", actor=actor,
            decided=self.position if decided is None else decided, salt=SALT, signatures=signed,
        )  # fmt: skip
        return self.take(records.build(envelope, raw))

    def enter_station(self, side: str, name: str = "st-1") -> str:
        """Enter a station of a side, whose key is made from its name; its actor."""
        actor = f"{side}/{name}"
        entry = {"act": "officer", "officer": name, "office": "hq", "roles": ["station"]}
        owners = [f"{side}/root", actor]
        entered = self.attested(
            {**entry, "keys": [public_of(actor)]}, *owners, actor=f"{side}/root"
        )
        assert entered.valid, entered.refusal
        return actor

    def hand_in(
        self,
        actor: str,
        act: dict[str, Any],
        exchange: str = "",
        *owners: str,
        id: str = "",
        signed: bool = True,
    ) -> Folded | Refusal:
        """Decide an act that its author signed with these keys, and fold what it became.

        Without keys it is the author's own. `id` is drawn where none is given.
        """
        self.serial += 1
        id, rule = id or ids.v7(self.serial, bytes(10)), RULES[act["act"]]
        raw, data = records.read_act(compact(act), cut=True)
        signatures_of = ""
        if signed:
            members: dict[str, Any] = {"type": f"dragoman.{rule.act}.v{rule.version}"}
            if rule.act in FORMATS:
                members |= {"exchange": "", "after": ""}
            elif exchange:
                members |= {"exchange": exchange, "after": self.exchange(exchange).revision}
            raw, signatures_of = self.sign(actor, act, id, [*owners], **members)
            data = records.decode_act(raw)
        decided = decide(
            self.ledger.standing.state,
            self.ledger,
            Submission(actor=actor, act=raw, data=data, id=id, exchange=exchange),
            time=self.tick(),
            salt=SALT,
            signatures=signatures_of,
        )
        return decided if isinstance(decided, Refusal) else self.take(decided)

    def unsigned(self, actor: str, act: dict[str, Any]) -> Record:
        """A record of the channel's own family that nobody signed: what its rules say of its
        content alone.
        """
        raw, data = records.read_act(compact(act), cut=False)
        envelope = records.envelope(
            id=ids.v7(1, bytes(10)), source=f"/sides/{actor.partition('/')[0]}", name=act["act"], version=1, subject=self.registry.id,
            time=self.tick(), channel=self.name, family="channel", actor=actor, decided=self.position, salt=SALT,
        )  # fmt: skip
        return records.assemble(envelope, raw, data)

    def keep(
        self,
        actor: str,
        act: dict[str, Any],
        exchange: str = "",
        *,
        seen: bool = False,
        key: str = "",
        released_by: str | None = None,
    ) -> Folded | Refusal:
        """Decide a post and fold what it became; `seen` relies on the exchange as it stands.

        Where an act that carries an exchange on takes two officers, a colleague releases it, unless
        `released_by` says otherwise.
        """
        etag = self.exchange(exchange).etag if seen else None
        if released_by is None:
            released_by = self.releaser(actor, act, exchange)
        decided = self.decide(actor, act, exchange, etag, key, released_by)
        return decided if isinstance(decided, Refusal) else self.take(decided)

    def close(self, id: str, of: str = "head_of_office") -> None:
        """Close an exchange by each of its sides, the opener last; by officers of a role."""
        exchange = self.exchange(id)
        for side in (*exchange.to, exchange.side):
            if side not in exchange.closures:
                actor = f"{side}/{OFFICERS[of]}"
                folded = self.keep(actor, {"act": "closure"}, id, seen=True)
                assert isinstance(folded, Folded) and folded.valid, folded
        assert self.exchange(id).status == "closed"

    def open(self, actor: str, act: dict[str, Any]) -> str:
        """Open an exchange, with a colleague's second key where two are needed; its id."""
        folded = self.keep(actor, act, released_by=self.second(actor, act))
        assert isinstance(folded, Folded) and folded.record is not None, folded
        return folded.record.envelope.id

    def releaser(self, actor: str, act: dict[str, Any], exchange: str) -> str:
        """A colleague of an officer who releases what carries an exchange on, where that takes two;
        empty where one will do.
        """
        rule, known = RULES[act["act"]], self.ledger.exchange(exchange) if exchange else None
        side, _, name = actor.partition("/")
        if (
            known is None
            or side == "service"
            or not takes_two(self.registry, self.ledger, known, rule, Act())
        ):
            return ""
        return (
            f"{side}/{OFFICERS['duty_officer' if name != OFFICERS['duty_officer'] else 'officer']}"
        )

    def second(self, actor: str, act: dict[str, Any]) -> str:
        """A colleague of an officer who can release an act of two keys; empty where one will do."""
        colleague = f"{actor.partition('/')[0]}/{OFFICERS['duty_officer']}"
        return colleague if RULES[act["act"]].two_key and colleague != actor else ""

    def take(self, record: Record | bytes) -> Folded:
        """Fold bytes as they stand in the log."""
        raw = record if isinstance(record, bytes) else record.raw
        folded = fold(self.ledger.standing.state, self.ledger, raw)
        self.ledger.take([raw])
        self.raws.append(raw)
        if folded.state is not None:
            encoded = encode(folded.state)
            read = (
                decode_exchange(encoded)
                if isinstance(folded.state, Exchange)
                else decode_registry(encoded)
            )
            assert encode(read) == encoded, "a state is read from a file as it was folded"
        state = self.ledger.standing.state
        for legal, grounds in self.legal:
            if grounds.stand(state, self.ledger, legal):
                assert judge(state, self.ledger, legal) is None, (
                    "what was legal is so as long as its grounds stand"
                )
        return folded


def refused(outcome: Folded | Record | Refusal) -> Refusal:
    """The refusal that an outcome is, or that a void record has."""
    if isinstance(outcome, Folded):
        assert outcome.refusal is not None, outcome.state
        return refused(outcome.refusal)
    assert isinstance(outcome, Refusal), outcome
    assert unpacked(packed(outcome.detail)) == outcome.detail, "a void record keeps its reason"
    for each in outcome.faults:
        assert unpacked(packed(each.detail)) == each.detail, "a void record keeps its reason"
    return outcome

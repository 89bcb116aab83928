"""The proof that a page works out, in Node: what our own Python makes holds in it, and of
everything else it says which step differs.
"""

import json
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

import frames
from dragoman.audit.replay import Replay
from dragoman.domain.acts import erasure
from dragoman.domain.acts.families.channel import delivery_act, delivery_key
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids, strict_json
from dragoman.domain.record.errors import Malformed
from dragoman.tlog import dsse, merkle, note
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.note import COSIGNATURE, Verifier
from dragoman.tlog.proof import Proof
from patience import PATIENCE_S
from samples import act
from trees import nodes_over
from world import INCIDENT, NOTE, SALT, World, public_of, seed_of

ROOT: Final = Path(__file__).parents[2]
MODULE: Final = ROOT / "services" / "dragoman" / "console" / "static" / "proof.js"
TESTS: Final = Path(__file__).parent / "js" / "proof.test.mjs"

SIDES: Final = ("nato", "china")
SIGNER, SECOND = "nato/signer", "nato/second"
COSIGNED: Final = 1_764_072_000
ANOTHER: Final = "0192f0c1-2f3a-7c4d-8e5f-112233445566"
DISAGREEING: Final[dict[str, Any]] = {
    "channel": "00" * 32,
    "type": "dragoman.reply.v1",
    "exchange": ANOTHER,
    "id": ANOTHER,
    "author": "nato/o-1",
    "after": "00" * 32,
    "seen": {"size": 1_000, "root": dsse.encode_base64(merkle.EMPTY)},
}
"""Values of `signed` that contradict the record, its channel or its position."""

_SPOILT: Final = 1_500
_PIECES: Final = (
    *(
        b"\n",
        b" ",
        b"+",
        b"0",
        b"-",
        b"-0",
        b".",
        b"1e5",
        b"9007199254740992",
        b"123456789.123456789",
        b'"',
        b"\\",
        b"\\u0000",
        b"\\u000a",
    ),
    *(
        b"\\u202e",
        b"\\ud800",
        b"\\ud83d\\ude00",
        b"\\/",
        b"\\b",
        b"\x00",
        b"\x7f",
        b"\xc2\x85",
        b"\xe2\x80\xae",
        b"\xff",
        b"{",
        b"}",
        b"[",
    ),
    *(
        b"]",
        b",",
        b":",
        b"null",
        b"true",
        b'"a":1',
        b',"a":1,"a":2',
        b"[" * 40 + b"]" * 40,
        b'"' + b"k" * 41 + b'":1',
    ),
)


@pytest.fixture(scope="module")
def node() -> str:
    """Node's path; without it the tests are skipped, unless they are required."""
    found = shutil.which("node")
    if found is None and os.environ.get("DRAGOMAN_REQUIRE_BROWSER") == "1":
        pytest.fail("DRAGOMAN_REQUIRE_BROWSER=1, and there is no node")
    if found is None:
        pytest.skip("there is no node: install Node to run these")
    return found


# A channel, of which some records are proved


class Told:
    """A channel in which something of every kind was recorded, and where."""

    def __init__(self) -> None:
        """Tell it."""
        self.world = World()
        self.at: dict[str, int] = {"opening": 1}
        for side in SIDES:
            assert (
                isinstance(
                    kept := self.world.keep(
                        f"{side}/root", {"act": "policy-adoption", "policy": POLICY}
                    ),
                    Folded,
                )
                and kept.valid
            )
        for owner in (SIGNER, SECOND):
            name = owner.partition("/")[2]
            entry = {
                "act": "officer",
                "officer": name,
                "office": "hq",
                "roles": ["officer"],
                "keys": [public_of(owner)],
            }
            self._mark("officer", self.world.attested(entry, "nato/root", owner))
        self._mark("signed", self._signed(NOTE, "contact", SIGNER))
        self._mark(
            "two_keys", self._signed(act("military-activity"), "notification", SIGNER, SECOND)
        )
        incident = self.world.open("nato/d-1", INCIDENT)
        self.at["host"] = self.world.position
        self.world.keep("china/d-1", {"act": "acknowledgement"}, incident)
        self._mark("service", self._delivered())
        self.world.take(b"\x00junk\n")
        self.at["junk"] = self.world.position
        withheld = self.world.open("china/o-1", NOTE)
        self.at["withheld"] = self.world.position
        named = [msgspec.to_builtins(each) for each in self.world.ledger.records_of(withheld)]
        self._mark(
            "erasure",
            self.world.attested({"act": "erasure", "records": named}, "nato/root", "china/root"),
        )
        roots = {
            "act": "root-rotation",
            "roots": [public_of("nato/root-2"), public_of("nato/root-3")],
            "threshold": 2,
        }
        self._mark(
            "rotation", self.world.attested(roots, "nato/root", "nato/root-2", "nato/root-3")
        )
        revoked = {"act": "officer-revocation", "officer": "signer"}
        self._mark("revocation", self.world.attested(revoked, "nato/root-2", "nato/root-3"))
        self._mark_void("revoked", NOTE, SIGNER)
        for member, value in DISAGREEING.items():
            self._mark_void(f"disagrees_{member}", NOTE, SECOND, **{member: value})

    def _mark(self, name: str, folded: Folded) -> None:
        assert folded.valid, folded.refusal
        self.at[name] = folded.position

    def _mark_void(self, name: str, body: dict[str, Any], author: str, /, **changes: Any) -> None:
        assert not self._signed(body, "contact", author, **changes).valid
        self.at[name] = self.world.position

    def _signed(
        self, body: dict[str, Any], family: str, author: str, second: str = "", /, **changes: Any
    ) -> Folded:
        world = self.world
        id = ids.from_key(world.name, author, f"signed-by-its-author-{world.position:06d}")
        raw, signed = world.sign(
            author,
            body,
            id,
            [author, second] if second else None,
            **{"exchange": "", "after": ""} | changes,
        )
        envelope = records.envelope(
            id=id, source="/sides/nato/offices/hq", name=body["act"], version=1, subject=id, time=world.tick(), channel=world.name,
            family=family, actor=author, decided=world.position, salt=SALT, signatures=signed, released_by=second,
        )  # fmt: skip
        return world.take(records.build(envelope, raw))

    def _delivered(self) -> Folded:
        world, actor = self.world, "service/gateway"
        upto = self.at["host"]
        envelope = records.envelope(
            id=ids.from_key(world.name, actor, delivery_key("china", upto)), source="/services/gateway", name="delivery", version=1,
            subject=world.registry.id, time=world.tick(), channel=world.name, family="channel", actor=actor, decided=world.position,
            salt=SALT,
        )  # fmt: skip
        return world.take(records.build(envelope, delivery_act("china", upto)))


def with_policy() -> World:
    """A channel whose genesis names its witnesses, and nothing more."""
    world = World()
    world.ledger, world.raws = Replay(), []
    assert world.take(
        world.genesis(policy=POLICY, witnesses=[str(witness_of(side)) for side in SIDES])
    ).valid
    return world


def handed_over() -> dict[str, Any]:
    """The material of a handover of the log, and the key that signs the heads from it on."""
    world = World()
    for side in SIDES:
        world.keep(f"{side}/root", {"act": "policy-adoption", "policy": POLICY})
    handover = {"act": "log-handover", "epoch": 1, "key": public_of("heir")}
    assert (folded := world.attested(handover, "nato/root", "china/root")).valid, folded.refusal
    since = world.position
    world.open("nato/o-1", NOTE)
    later = [{"since": since, "log": str(log_of(world.registry).at(since))}]
    return {**Prover(world, {"handover": since}).material("handover", seen=3), "later": later}


def witness_of(side: str) -> Verifier:
    return Verifier(f"{side}.example/witness", COSIGNATURE, dsse.public_of(seed_of(f"{side}/w")))


POLICY: Final = (
    "".join(
        f"witness {side}-1 {witness_of(side)} https://{side}.example/   # of its own\ngroup {side} any {side}-1\n"
        for side in SIDES
    )
    + "group both all nato china\nquorum both\n"
)


class Prover:
    """The data that a server hands over about a channel."""

    def __init__(self, world: World, at: dict[str, int]) -> None:
        """Put entries in the places of erased records, as a log has them once their bytes are gone."""
        self._world, self._at = world, at
        self._messages = list(world.raws)
        for position, left in world.ledger.erased.items():
            self._messages[position - 1] = erasure.entry_of(left)
        named = erasure.named_in(enumerate(self._messages, 1))
        self._entries = [
            erasure.leaf_entry(position, raw, named)
            for position, raw in enumerate(self._messages, 1)
        ]
        self._nodes = nodes_over(self._entries)

    def head(self, size: int, cosigned_by: tuple[str, ...] = SIDES, origin: str = "") -> bytes:
        """The signed head of that size, if so asked under an origin that is not the log's."""
        name = self._world.registry.origin
        head = Checkpoint(origin or name, size, merkle.root_of(self._nodes, size))
        log = log_of(self._world.registry)
        owner = "log" if log.at(size) == log.first else "heir"
        lines = [
            note.sign(name, seed_of(owner), head.text),
            note.sign("grease.example", bytes(range(32)), head.text),
        ]
        cosigned = [
            note.cosign(witness_of(side).name, seed_of(f"{side}/w"), head.text, COSIGNED)
            for side in cosigned_by
        ]
        return note.encode(head.text, [*lines, *cosigned])

    def material(
        self, name: str, *, size: int = 0, seen: int = 0, cosigned_by: tuple[str, ...] = SIDES
    ) -> dict[str, Any]:
        """All that a proof needs of one record; bytes in base64."""
        position, registry, size = self._at[name], self._world.registry, size or len(self._messages)
        checkpoint = self.head(size, cosigned_by)
        proof = Proof(
            position - 1, tuple(merkle.inclusion(self._nodes, position - 1, size)), checkpoint
        )
        material = {
            "position": position,
            "record": dsse.encode_base64(self._messages[position - 1]),
            "proof": bytes(proof).decode(),
            "checkpoint": checkpoint.decode(),
            "log": str(log_of(registry)),
            "cid": registry.cid,
            "keys": msgspec.to_builtins(registry.keys),
            "sides": self._sides(position),
            "custody": registry.custody,
            "policy": registry.policy,
            "witnesses": [
                {"side": side, "name": f"{side}-1", "key": str(witness_of(side))} for side in SIDES
            ],
            "entry": self._entries[position - 1].decode(),
            "genesis": dsse.encode_base64(self._messages[0]),
            "seen": None,
            "consistency": None,
        }
        if name == "withheld":
            erased = self._at["erasure"]
            material["erasure"] = {
                "position": erased,
                "record": dsse.encode_base64(self._messages[erased - 1]),
            }
        return material | (self._seen(seen, size) if seen else {})

    def _sides(self, position: int) -> list[dict[str, Any]]:
        """The sides before a position, and how many root keys of each must sign there."""
        before = Replay()
        before.take(self._world.raws[: max(1, position - 1)])
        registry = before.standing.state.registry
        assert registry is not None
        return [{"name": side.name, "threshold": side.threshold} for side in registry.sides]

    def _seen(self, seen: int, size: int) -> dict[str, Any]:
        root = dsse.encode_base64(merkle.root_of(self._nodes, seen))
        hashes = [dsse.encode_base64(each) for each in merkle.consistency(self._nodes, seen, size)]
        return {
            "seen": {"size": seen, "root": root, "note": self.head(seen).decode()},
            "consistency": hashes,
        }


# Records whose acts are spoilt, and what Python's strict reader says of each


def spoilt() -> list[dict[str, Any]]:
    lots = random.Random(1954)
    sound = [
        records.parse(path.read_bytes())
        for path in sorted((ROOT / "schemas" / "samples" / "records").glob("*.v1.json"))
    ]
    found, strictly = [], 0
    for _ in range(_SPOILT):
        record = lots.choice(sound)
        act = bytearray(record.act)
        for _ in range(lots.randint(0, 2)):
            at = lots.randrange(len(act) + 1)
            act[at : at + lots.choice((0, 0, 1, 3))] = lots.choice((b"", *_PIECES))
        is_act = is_strict(bytes(act))
        strictly += is_act
        found.append(
            {
                "record": dsse.encode_base64(records.build(record.envelope, bytes(act))),
                "strict": is_act,
            }
        )
    assert 200 < strictly < _SPOILT - 200, "some are acts still, and others are not"
    return found


def is_strict(act: bytes) -> bool:
    try:
        strict_json.read(act, cut=False)
        return isinstance(msgspec.json.decode(act), dict)
    except (Malformed, msgspec.DecodeError):
        return False


def given() -> dict[str, Any]:
    """Everything that the tests in JavaScript are about."""
    told = Told()
    prover = Prover(told.world, told.at)
    materials = {name: prover.material(name, seen=3) for name in told.at}
    materials["first"] = prover.material("signed")
    materials["same"] = prover.material("signed", seen=len(told.world.raws))
    materials["one"] = prover.material("opening", size=1)
    materials["open"] = prover.material("signed", seen=5, cosigned_by=("nato",))
    materials["strange"] = prover.material("signed", seen=3)
    materials["strange"]["seen"]["note"] = prover.head(3, origin="example.org/other").decode()
    materials["agreed"] = Prover(with_policy(), {"opening": 1}).material("opening")
    materials["handed"] = handed_over()
    framed = [
        {"record": dsse.encode_base64(raw), "reads": frames.is_record(raw)}
        for raw in frames.corpus()
    ]
    return {"materials": materials, "spoilt": spoilt(), "framed": framed}


def test_the_module_is_javascript_as_node_reads_it(node: str) -> None:
    subprocess.run([node, "--check", MODULE], check=True, capture_output=True, timeout=PATIENCE_S)


def test_what_our_python_makes_holds_in_the_module_and_what_is_changed_differs(
    node: str, tmp_path: Path
) -> None:
    (material := tmp_path / "material.json").write_text(json.dumps(given()))
    environment = {**os.environ, "PROOF_MATERIAL": str(material), "NODE_NO_WARNINGS": "1"}
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", TESTS],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n# fail 0\n" in done.stdout and "\n# pass 0\n" not in done.stdout

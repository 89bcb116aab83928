"""The bundle of a release from a log that was handed over, in Python and in JavaScript."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from dragoman.console.page.static_files import FOLDER
from dragoman.domain import release_bundle
from dragoman.domain.acts import consent
from dragoman.domain.acts.families import release
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.fold import Folded
from dragoman.domain.release_bundle import NotProved
from dragoman.tlog import dsse, leaf, merkle, note
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.note import COSIGNATURE, Verifier
from dragoman.tlog.proof import Proof
from dragoman_schemas.release_bundle import Bundle, BundledRecord
from patience import PATIENCE_S
from trees import nodes_over
from world import NOTE, World, public_of, seed_of

BOTH: Final = ("nato/root", "china/root")
HANDOVER: Final = {"act": "log-handover", "epoch": 1, "key": public_of("heir")}

_PROVE: Final = """
import { readFileSync } from "node:fs";
import { prove } from "./release.js";
const told = {};
for (const [name, bundle] of Object.entries(JSON.parse(readFileSync(process.argv[2], "utf8")))) {
  told[name] = await prove(bundle).catch(({ message }) => message);
}
console.log(JSON.stringify(told));
"""


def witness_of(side: str) -> Verifier:
    return Verifier(f"{side}.example/w", COSIGNATURE, dsse.public_of(seed_of(f"{side}/w")))


@pytest.fixture
def world() -> World:
    """A channel whose witnesses are those of both sides."""
    world = World()
    lines = "".join(f"witness {side} {witness_of(side)}\n" for side in world.sides)
    policy = f"{lines}group both all nato china\nquorum both\n"
    for root in BOTH:
        kept = world.keep(root, {"act": "policy-adoption", "policy": policy})
        assert isinstance(kept, Folded) and kept.valid
    return world


def handed_over(world: World, *owners: str, **changes: Any) -> int:
    """Hand the log over by these keys; the position."""
    actor = changes.pop("actor", "nato/root")
    folded = world.attested(HANDOVER, *owners, actor=actor, **changes)
    assert folded.valid == (owners != BOTH[:1] and not changes), folded.refusal
    return world.position


def released(world: World) -> str:
    """Release a note; the id of the release."""
    noted = world.open("nato/o-1", NOTE)
    (record,) = world.ledger.records_of(noted)
    item = {"record": record.id, "exchange": noted, "commit": record.commit}
    body = {"act": "release", "title": "A note", "records": [item]}
    at = {"publish_at": "2026-12-01T09:00Z"}
    kept: Any = world.keep("nato/o-1", body | at, released_by="nato/d-1")
    id: str = kept.record.envelope.id
    world.keep("china/o-1", {"act": "release-consent"}, id, seen=True)
    return id


def bundle(world: World, id: str, *opening: int, log: str = "heir") -> dict[str, Any]:
    """The bundle of a release, under a head that a key signed."""
    state, registry, size = world.exchange(id), world.registry, len(world.raws)
    nodes = nodes_over(
        [leaf.entry(index, leaf.commit(raw)) for index, raw in enumerate(world.raws)]
    )
    head = Checkpoint(registry.origin, size, merkle.root_of(nodes, size))
    signed = note.encode(head.text, [note.sign(registry.origin, seed_of(log), head.text)])
    ids = [json.loads(raw)["id"] for raw in world.raws]

    def bundled(position: int) -> BundledRecord:
        proof = Proof(position - 1, tuple(merkle.inclusion(nodes, position - 1, size)), signed)
        record = world.raws[position - 1].decode()
        return BundledRecord(position=position, proof=bytes(proof).decode(), record=record)

    return dict(
        msgspec.to_builtins(
            Bundle(
                channel=world.name,
                cid=registry.cid,
                log=str(log_of(registry)),
                sides=tuple(sorted(consent.parties(state))),
                release=id,
                terms=consent.text_terms(state),
                text=consent.bytes_of(consent.text_of(state)).decode(),
                publish_at=f"{release.publish_at(state):%Y-%m-%dT%H:%M:%SZ}",
                opening=tuple(map(bundled, (1, *opening))),
                consents=tuple(map(bundled, sorted(release.proving(state)))),
                records=tuple(
                    bundled(ids.index(item.record) + 1) for item in release.records_of(state)
                ),
            )
        )
    )


def in_python(body: dict[str, Any], cid: str = "", log: Verifier | None = None) -> bool:
    try:
        release_bundle.verify(json.dumps(body).encode(), cid=cid, log=log)
    except NotProved:
        return False
    return True


def in_javascript(cases: dict[str, dict[str, Any]], folder: Path) -> dict[str, Any]:
    node = shutil.which("node")
    if node is None and os.environ.get("DRAGOMAN_REQUIRE_BROWSER") == "1":
        pytest.fail("DRAGOMAN_REQUIRE_BROWSER=1, and there is no node")
    if node is None:
        pytest.skip("there is no node: install Node to run these")
    for name in ("proof.js", "release.js"):
        shutil.copy(FOLDER / name, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "prove.js").write_text(_PROVE)
    (folder / "cases.json").write_text(json.dumps(cases))
    done = subprocess.run(
        [node, folder / "prove.js", folder / "cases.json"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_bundle_follows_a_handover_that_the_roots_of_every_side_signed(
    tmp_path: Path, world: World
) -> None:
    id = released(world)
    before = bundle(world, id, log="log")
    elsewhere = handed_over(world, *BOTH, channel="ab" * 32)
    of_one = handed_over(world, *BOTH[:1])
    since, cid = handed_over(world, *BOTH), world.registry.cid
    good = bundle(world, id, since)
    cases = {
        "before": before,
        "good": good,
        "not in it": bundle(world, id),
        "of the key before": bundle(world, id, since, log="log"),
        "of another channel": bundle(world, id, elsewhere),
        "of one side": bundle(world, id, of_one),
        "of another opening": {**good, "cid": "ab" * 32},
    }
    there = in_javascript(cases, tmp_path)
    proved = {name: isinstance(found, dict) for name, found in there.items()}
    assert proved == {name: name in ("before", "good") for name in cases}, there
    assert proved == {name: in_python(body) for name, body in cases.items()}
    assert (there["before"]["since"], there["good"]["since"]) == (0, since)
    first = log_of(world.registry).first
    assert in_python(good, cid) and in_python(before, log=first) and not in_python(good, log=first)


def test_one_that_administrators_signed_is_left_to_a_replay(tmp_path: Path, world: World) -> None:
    id, keeper = released(world), "nato/keeper"
    entry = {"act": "officer", "officer": "keeper", "office": "hq", "roles": ["administrator"]}
    keys = {"keys": [public_of(keeper)]}
    assert world.attested({**entry, **keys}, "nato/root", keeper).valid
    body = bundle(world, id, handed_over(world, keeper, "china/root", actor=keeper))
    assert not in_python(body) and in_javascript({"it": body}, tmp_path) == {"it": "head"}

"""The golden record of every act that has none yet, made from its sample.

    python tests/support/golden_records.py     a part of `make schemas`

A golden record is written once, when its act or version is new, and is never written again: whatever
changes, it is read as it was meant.
"""

import json
import sys
from pathlib import Path
from typing import Final

from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import Rule, Who
from dragoman.domain.record import codec, ids
from dragoman_schemas.acts import SHAPES
from samples import SAMPLES
from world import SALT, World, compact

RECORDS: Final = Path(__file__).parents[2] / "schemas" / "samples" / "records"
_EXCHANGE: Final = "0192f3a4-5b6c-7d8e-8f90-00000000aaaa"
_TIME: Final = "2026-11-24T12:00:00.000Z"
_SERVICES: Final = {
    Who.GATEWAY: "gateway",
    Who.WATCH: "watch",
    Who.COURIER: "courier",
    Who.DESK: "desk",
}


def write_missing(folder: Path) -> list[str]:
    """Write the records that a folder lacks, with their commitments, and return their names."""
    file = folder / "commits.json"
    commits: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    world, written = World(), []
    for name in SHAPES:
        golden = f"{name}.v{RULES[name].version}"
        if golden not in commits and not (folder / f"{golden}.json").exists():
            raw = _record(world, RULES[name])
            (folder / f"{golden}.json").write_bytes(raw)
            commits[golden] = codec.parse(raw).commit
            written.append(golden)
    if written:
        file.write_text(json.dumps(commits, indent=1) + "\n")
    return written


def _record(world: World, rule: Rule) -> bytes:
    name, service = rule.act, _SERVICES.get(rule.who)
    if name == "channel-opening":
        return world.genesis().raw
    signers = {Who.KEEPERS: "nato/root", Who.STATION: "nato/st-1"}
    is_signed = rule.who in signers
    actor = f"service/{service}" if service else signers.get(rule.who, "nato/d-1")
    id = ids.from_key(world.name, actor, f"golden-{name}.v{rule.version}")
    act, signatures = compact(SAMPLES[name]), ""
    subject = id if name in FORMATS else _EXCHANGE
    if is_signed:
        sample = {key: value for key, value in SAMPLES[name].items() if key != "signed"}
        act, signatures = world.sign(actor, sample, id)
        subject = world.registry.id
    source = "/sides/nato" if rule.who is Who.KEEPERS else "/sides/nato/offices/hq"
    envelope = codec.envelope(
        id=id,
        source=f"/services/{service}" if service else source,
        name=name,
        version=rule.version,
        subject=subject,
        time=_TIME,
        channel=world.name,
        family=rule.family or "notification",
        actor=actor,
        decided=world.position,
        salt=SALT,
        signatures=signatures,
    )
    return codec.build(envelope, act)


if __name__ == "__main__":
    for golden in write_missing(RECORDS):
        sys.stdout.write(f"{golden}: a new golden record\n")

"""Makes a golden store: logs, exports and a data directory as one version of the program wrote
them, for every later version to read.

    PYTHONPATH=tests/support:tests/projection python tests/golden/make.py FOLDER

    logs/NAME.xz     one log a file: a line a position, with its digest, validity, number and bytes as that version knew them
    data.tar.xz      a host's data directory, stopped: those logs on its broker, and a channel whose sides keep their own keys,
                     in which an exchange was erased and a third side admitted
    before.zip, after.zip    exports of that channel before the erasure and after it
    about.json       the channel's cid and verifier key, and of every channel the digest at each position

A store is named after its version, or between versions after the day. It is made once, from the
program that is to be remembered: run this with the interpreter of a checkout of that version.
"""

import asyncio
import base64
import hashlib
import json
import lzma
import random
import shutil
import sqlite3
import sys
import tarfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from dragoman.audit.replay import Replay
from dragoman.domain.acts import window_notices
from dragoman.domain.acts.families import channel, delivery_outcomes
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.eventlog import stream_config
from dragoman.eventlog.broker import write_secret
from dragoman.eventlog.nats_connection import connected
from dragoman.tlog import dsse
from dragoman.tlog.note import COSIGNATURE, Verifier
from dragoman_schemas.acts import SHAPES
from host import Host
from lives import LIVES
from owing import notify, post
from samples import SAMPLES, act
from service import Caller
from services_ids import outcome_id
from world import INCIDENT, NOTE, SALT, World, compact, public_of, seed_of

BEGIN = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
STRETCHES = 16
PAUSES = (0, 1, 60, 601, 3_600, 43_200, 86_400, 604_800, 1_209_600)
OF_LATER_RULES = {"rules-adoption"}
"""Acts that have no effect as long as there are only rules 1."""

ROLES = ["officer"], ["duty_officer"], ["head_of_office"], ["administrator"]
KINDS = {
    "golden-three": ("official", True, "vienna"),
    "golden-shanghai": ("official", False, "shanghai"),
    "golden-talks": ("track2", True, ""),
    "golden-desk": ("desk", False, ""),
    "golden-two": ("official", False, "default"),
}
DESK = "golden-desk"
BOTH = ("nato/root", "china/root")
SECRET = "zanzibar"


def drawn(name: str, runner: asyncio.Runner, tried: Counter[tuple[str, bool]]) -> list[bytes]:
    """Return a log in which anybody tried anything, void records among it."""
    kind, three, profile = KINDS[name]
    machine, lots = (
        import_module("test_whole_catalogue").Anybody(runner, tried),
        random.Random(name),
    )
    world = World.__init__

    def begun(self: World, *positional: Any, **named: Any) -> None:
        world(self, *positional, **{**named, "name": name, "clock": BEGIN})

    World.__init__ = begun  # type: ignore[method-assign]
    try:
        machine.open_the_channel(kind=kind, roles=[*ROLES], profile=profile, three=three)
    finally:
        World.__init__ = world  # type: ignore[method-assign]
    for _ in range(STRETCHES):
        machine.go_on(seed=lots.randrange(2**32), ticks=lots.choice(PAUSES))
    if name == DESK:
        desk_work(machine.world)
    raws: list[bytes] = machine.world.raws
    return raws


def desk_work(world: World) -> None:
    """Append each act of a desk: few draws name officers that it has."""
    until = f"{world.clock + timedelta(hours=6):%Y-%m-%dT%H:%MZ}"
    named = {"officers": ["h-1"]}
    for opening, answer in (
        ({"act": "tasking", "text": "Draft a reply.", **named}, {"act": "seen-by", **named}),
        (SAMPLES["instruction-request"], SAMPLES["instruction"]),
        (
            {"act": "silence-procedure", "draft": "We agree.", "until": until, **named},
            SAMPLES["silence-break"],
        ),
    ):
        post(world, "nato/h-1", answer, post(world, "nato/o-1", opening))


def seldom_drawn(world: World) -> None:
    """Append what few draws reach: words about a text, calls, and a notice of a window."""
    report = post(world, "nato/o-1", SAMPLES["joint-report"])
    words = {"act": "alternative", "field": "paragraphs", "item": 1, "text": "Otherwise."}
    post(world, "china/o-1", words, report)
    title = {"act": "correction", "fields": {"title": "Another title"}, "reason": "A slip."}
    post(world, "nato/o-1", title, report, seen=True)
    note = post(world, "nato/o-1", NOTE)
    post(world, "china/o-1", SAMPLES["repeat-request"], note)
    post(world, "nato/o-1", SAMPLES["call-attempt"], note)
    opens = world.clock + timedelta(hours=3)
    ends = {"from": opens, "to": opens + timedelta(hours=2)}
    window = {end: f"{moment:%Y-%m-%dT%H:%MZ}" for end, moment in ends.items()}
    area = post(world, "nato/o-1", {**SAMPLES["danger-area"], "window": window})
    world.clock = opens - timedelta(minutes=30)
    notice = window_notices.reached_notice(world.registry, world.exchange(area), world.clock)
    assert notice is not None
    kept = notify(world, area, notice)
    assert isinstance(kept, Folded) and kept.valid, kept


def served(
    world: World,
    name: str,
    service: str,
    id: str,
    act: bytes,
    subject: str,
    family: str,
    caused_by: str = "",
) -> None:
    """Append a record of a service."""
    envelope = records.envelope(
        id=id,
        source=f"/services/{service}",
        name=name,
        version=1,
        subject=subject,
        time=world.tick(),
        channel=world.name,
        family=family,
        actor=f"service/{service}",
        decided=world.position,
        salt=SALT,
        caused_by=caused_by,
    )
    assert world.take(records.build(envelope, act)).valid, name


def erasure(world: World, *exchanges: str) -> dict[str, Any]:
    """Return the act that names every record of these exchanges."""
    found = sorted(
        (each for id in exchanges for each in world.ledger.records_of(id)),
        key=lambda each: each.position,
    )
    return {"act": "erasure", "records": [msgspec.to_builtins(each) for each in found]}


def kept_by_sides() -> list[bytes]:
    """Return a log with every act that keys sign, and those of services that the drawn logs lack."""
    world = World(name="golden-keys", sides=("nato", "china", "osce"), custody="host", clock=BEGIN)
    everybody = ("nato/root", "china/root", "osce/root")
    assert world.attested({"act": "side-admission", "side": {"name": "third", "roots": [public_of("third/root")], "threshold": 1}}, *everybody, "third/root").valid  # fmt: skip
    assert world.attested(
        {"act": "key-addition", "officer": "o-1", "keys": [public_of("nato/o-1")]},
        "nato/root",
        "nato/o-1",
    ).valid
    world.open("nato/o-1", NOTE)
    keyid = dsse.key_id(dsse.public_of(seed_of("nato/o-1")))
    revoked = world.attested(
        {"act": "key-revocation", "key": keyid, "suspect_from": world.position}, "nato/root"
    )
    assert revoked.valid, revoked.refusal
    rotated = {
        "act": "root-rotation",
        "roots": [public_of("nato/root-2"), public_of("nato/root-3")],
        "threshold": 2,
    }
    assert world.attested(rotated, "nato/root", "nato/root-2", "nato/root-3").valid
    assert not world.attested(
        {"act": "officer", "officer": "o-9", "office": "hq", "roles": ["officer"]}, "nato/root"
    ).valid
    meeting = world.open("nato/o-1", SAMPLES["meeting-request"])
    world.keep("china/o-1", {"act": "agenda", "topics": ["Radio procedure"]}, meeting)
    world.keep("nato/o-1", {"act": "agenda-agreement"}, meeting, seen=True)
    urgent = world.open("nato/d-1", {**SAMPLES["launch-notice"], "phase": "deviation"})
    world.keep("nato/h-1", {"act": "second-key", "of": urgent}, urgent)
    id = world.open("nato/d-1", INCIDENT)
    opened = world.exchange(id)
    served(world, "delivery", "gateway", ids.from_key(world.name, "service/gateway", channel.delivery_key("china", world.position)), channel.delivery_act("china", world.position), world.registry.id, "channel")  # fmt: skip
    world.clock += timedelta(hours=2)
    since, until = "2024-06-01T13:00:00.000Z", "2024-06-01T13:02:00.000Z"
    served(world, "broker-outage", "gateway", ids.from_key(world.name, "service/gateway", channel.outage_key(since, until)), channel.outage_act(since, until, "broker"), world.registry.id, "channel")  # fmt: skip
    data, act = courier_outcome(opened.messages[0].id)
    served(
        world, "courier-outcome", "courier", outcome_id(world.name, data), act, id, opened.family
    )
    world.keep("china/d-1", {"act": "acknowledgement"}, id)
    consents(world)
    seldom_drawn(world)
    other = world.open("china/o-1", NOTE)
    handover(world, "nato/root-2", "nato/root-3", "china/root", "osce/root", "third/root")
    named = erasure(world, id)
    signers = {
        "nato": ("nato/root-2", "nato/root-3"),
        "china": ("china/root",),
        "osce": ("osce/root",),
        "third": ("third/root",),
    }
    for side, roots in signers.items():
        assert world.attested(
            {**named, "act": "erasure-consent"}, *roots, actor=f"{side}/root"
        ).valid, side
    assert world.attested(
        named, *(root for roots in signers.values() for root in roots)
    ).removed == (id,)
    world.keep("nato/o-1", {"act": "acknowledgement"}, other)
    station = world.enter_station("china")
    outage = {
        "act": "line-outage",
        "from": "2024-06-01T13:30:00.000Z",
        "to": "2024-06-01T13:31:00.000Z",
    }
    told = world.hand_in(station, outage)
    assert isinstance(told, Folded) and told.valid, told
    end = {
        "act": "channel-end",
        "reason": "The office moves.",
        "successor": {"name": "golden-next"},
    }
    ended = world.attested(
        end, *(root for roots in signers.values() for root in roots), actor="china/root"
    )
    assert ended.valid, ended.refusal
    world.take(b"junk that belongs to nobody")
    return world.raws


def witness_of(side: str) -> str:
    """Return the verifier key of a side's witness."""
    public = dsse.public_of(seed_of(f"witness/{side}"))
    return str(Verifier(f"{side}.example/witness", COSIGNATURE, public))


def handover(world: World, *roots: str) -> None:
    """Have the sides adopt a policy, and hand the log over to another key."""
    sides = [side.name for side in world.registry.sides]
    lines = [f"witness {side} {witness_of(side)}" for side in sides]
    policy = "\n".join([*lines, f"group every all {' '.join(sides)}", "quorum every"])
    for side in sides:
        signers = [root for root in roots if root.startswith(f"{side}/")]
        adopted = world.attested(
            {"act": "policy-adoption", "policy": policy}, *signers, actor=f"{side}/root"
        )
        assert adopted.valid, adopted.refusal
    act = {"act": "log-handover", "epoch": 1, "key": public_of("heir"), "cut": True}
    handed = world.attested({**act, "host_url": "https://heir.example"}, *roots)
    assert handed.valid, handed.refusal


def consents(world: World) -> None:
    """Append what the sides consent to, amend, take back and dispute."""

    def said(actor: str, act: dict[str, Any], id: str) -> str:
        folded = world.keep(actor, act, id, seen=True)
        assert isinstance(folded, Folded) and folded.valid and folded.record is not None, folded
        return folded.record.envelope.id

    item = world.open("nato/h-1", {**SAMPLES["roadmap-item"], "to": ["china", "osce"]})
    consent = said("china/h-1", {"act": "agreement"}, item)
    said(
        "china/h-1",
        {
            "act": "consent-withdrawal",
            "of": consent,
            "reason": "Our capital asks for another word.",
        },
        item,
    )
    for side in ("china", "osce"):
        said(f"{side}/h-1", {"act": "agreement"}, item)
    wider = said(
        "china/h-1",
        {
            "act": "amendment",
            "fields": {"deliverable": "A hotline with video"},
            "reason": "As spoken of.",
        },
        item,
    )
    said(
        "nato/h-1",
        {"act": "amendment-refusal", "of": wider, "reason": "Not before the budget."},
        item,
    )
    smaller = said(
        "china/h-1",
        {
            "act": "amendment",
            "fields": {"deliverable": "A hotline by telephone"},
            "reason": "As spoken of.",
        },
        item,
    )
    for side in ("nato", "osce"):
        said(f"{side}/h-1", {"act": "amendment-agreement", "of": smaller}, item)
    view = world.open("nato/h-1", SAMPLES["perception"])
    said("china/h-1", SAMPLES["restatement"], view)
    said("nato/h-1", SAMPLES["fairness"], view)
    call = world.open("nato/h-1", {**SAMPLES["call-request"], "to": ["china"]})
    said("china/h-1", {"act": "acceptance"}, call)
    said("nato/h-1", SAMPLES["meeting-held"], call)
    said("china/h-1", SAMPLES["readout"], call)
    said("nato/h-1", {"act": "readout-agreement"}, call)
    note = world.open("nato/o-1", NOTE)
    translation = said(
        "nato/o-1", {"act": "translation", "of": note, "language": "zh", "text": "天气很好。"}, note
    )
    said("osce/o-1", {"act": "translation-agreement", "of": translation}, note)
    said("china/o-1", {**SAMPLES["translation-dispute"], "of": translation}, note)
    activity = world.open("nato/h-1", {**SAMPLES["military-activity"], "to": ["china", "osce"]})
    said("nato/h-1", SAMPLES["after-activity-report"], activity)
    earlier = world.open("nato/d-1", {**INCIDENT, "whose": ["china"]})
    said("nato/d-1", SAMPLES["retraction"] | {"fields": {"whose": "unknown"}}, earlier)
    later = world.open("china/d-1", INCIDENT)
    joined = said("china/d-1", {"act": "joinder", "of": earlier}, later)
    said("nato/d-1", {"act": "joinder-agreement", "of": joined}, later)


def lived() -> list[bytes]:
    """Return a log with one life of every format."""
    world = World(name="golden-lives")  # its clock is that of the samples
    for (opener, opening, _), *steps in LIVES.values():
        id = world.open(opener, act(opening) if isinstance(opening, str) else opening)
        for actor, step, _ in steps:
            folded = world.keep(actor, act(step) if isinstance(step, str) else step, id, seen=True)
            assert isinstance(folded, Folded) and folded.valid, (step, folded)
    return world.raws


def courier_outcome(of: str) -> tuple[Any, bytes]:
    """Return the outcome of a courier's try, as a value and as its bytes."""
    sample = {**SAMPLES["courier-outcome"], "of": of}
    data: Any = records.decode_act(compact(sample))
    return data, delivery_outcomes.act_of(data)


def lines_of(raws: list[bytes]) -> list[dict[str, str]]:
    """Return of each position what this version knows of it."""
    replay, found = Replay(), []
    for raw in raws:
        replay.take([raw])
        standing = replay.standing
        position = standing.state.position
        found.append({
            "digest": standing.digest,
            "root": base64.b64encode(standing.frontier.root()).decode(),
            "void": str(replay.void[position]) if position in replay.void else "",
            "tally": hashlib.sha256(msgspec.json.encode(standing.state.tally, order="sorted")).hexdigest()[:16],
            "raw": base64.b64encode(raw).decode(),
        })  # fmt: skip
    return found


def acts_with_effect(logs: dict[str, list[bytes]]) -> set[str]:
    """Return the acts that have a record with effect in any of the logs."""
    found: set[str] = set()
    for raws in logs.values():
        replay = Replay()
        replay.take(raws)
        found |= {
            records.parse(raw).name
            for position, raw in enumerate(raws, 1)
            if position not in replay.void
        }
    return found


async def put(host: Host, name: str, raws: list[bytes]) -> None:
    """Put a log on the host's broker, as its own gateway would."""
    endpoint = host.service.endpoint
    async with connected(endpoint.url, "steward", endpoint.seed("steward")) as steward:
        await stream_config.create(steward, name)
    async with connected(endpoint.url, "gateway", endpoint.seed("gateway")) as bus:
        jetstream = bus.client.jetstream()
        for raw in raws:
            try:
                envelope = records.parse(raw).envelope
                subject = f"dragoman.v1.{name}.{envelope.family or 'contact'}.{envelope.subject}"
            except records.NotARecord:
                subject = f"dragoman.v1.{name}.contact.x"
            await jetstream.publish(subject, raw)


async def host_of(folder: Path, logs: dict[str, list[bytes]]) -> dict[str, Any]:
    """Make the data directory and the exports, and return what is known of them."""
    work = folder / "work"
    (work / "data" / "keys" / "log" / "log" / "log").mkdir(parents=True)
    write_secret(work / "data" / "keys" / "log" / "log" / "log.seed", seed_of("log"))
    host = Host(work)
    about = host.opened()
    pins = ("--cid", str(about["cid"]), "--log", str(about["log"]))
    to = ("--channel", "nato-china", "--token-file", "china-a-1.token")
    administrator = ("--token-file", "nato-adm-1.token")
    async with aiohttp.ClientSession() as session:
        nato, china = host.caller(session, "nato/o-1"), host.caller(session, "china/o-1")
        host.token("china/a-1")
        secret = {**NOTE, "subject": f"About {SECRET}", "text": f"What was said of {SECRET}."}
        exchange = (await nato.open(secret)).json["exchange"]
        await nato.open(
            {
                "act": "contact-note",
                "form": "conversation",
                "text": "The weather was spoken of. 天气很好。",
            }
        )
        await china.act(exchange, {"act": "reply", "text": "We take note."})
        host.key("nato-o")
        host.run(
            "keys",
            "enrol",
            "nato-o.pem",
            "--officer",
            "o-1",
            "--sign",
            "nato-adm.pem",
            *administrator,
        )
        (host.folder / "note.json").write_text(json.dumps(NOTE))
        host.run("post", "note.json", "--sign", "nato-o.pem", "--token-file", "nato-o-1.token")
        await china.sealed((await china.get("/v1/channels/nato-china")).json["position"])
        host.run("audit", "export", "--to", "before.zip", *to)
        host.run("channel", "consent", exchange, "--sign", "nato-adm.pem", *administrator)
        host.run(
            "channel",
            "erase",
            exchange,
            "--to",
            "erasure.json",
            "--reason",
            "Agreed by all",
            *administrator,
        )
        for name in ("nato-adm", "china-root"):
            line, _ = host.run("channel", "sign", "erasure.json", "--key", f"{name}.pem")
            (host.folder / f"{name}.sig").write_text(line + "\n")
        host.run(
            "channel", "post", "erasure.json", "nato-adm.sig", "china-root.sig", *administrator
        )
        await admit(host, session)
        await put(host, "nato-china", [b"junk that belongs to nobody"])
        for name, raws in logs.items():
            await put(host, name, raws)
        await nato.open(NOTE)
        await china.sealed((await china.get("/v1/channels/nato-china")).json["position"])
        host.run("audit", "export", "--to", "after.zip", *to)
    host.run("audit", "verify", "before.zip", *pins)
    host.run("audit", "verify", "after.zip", *pins)
    await asyncio.to_thread(all_folded, host.service.data, logs)
    host.service.stop()
    for name in ("before.zip", "after.zip"):
        shutil.copy(work / name, folder / name)
    digests = digests_of(host.service.data)
    with tarfile.open(folder / "data.tar.xz", "w:xz") as archive:
        for each in sorted(host.service.data.iterdir()):
            if (
                each.name != "place.json"
            ):  # else whoever unpacks it elsewhere has to take the place over
                archive.add(each, each.name)
    shutil.copy(work / "china-a-1.token", folder / "auditor.token")
    shutil.copy(work / "nato-o-1.token", folder / "officer.token")
    shutil.rmtree(work)
    return {
        "cid": about["cid"],
        "log": about["log"],
        "erased": exchange,
        "digests": digests,
    }


async def admit(host: Host, session: aiohttp.ClientSession) -> None:
    """Admit a third side by the consent of all, and have it speak."""
    root = host.key("third-root")
    administrator = ("--token-file", "nato-adm-1.token")
    host.run("channel", "admit", "third", "--root", root, "--to", "admission.json", *administrator)
    for name in ("nato-adm", "china-root", "third-root"):
        line, _ = host.run("channel", "sign", "admission.json", "--key", f"{name}.pem")
        (host.folder / f"{name}.sig").write_text(line + "\n")
    host.run(
        "channel",
        "post",
        "admission.json",
        "nato-adm.sig",
        "china-root.sig",
        "third-root.sig",
        *administrator,
    )
    late = [
        "third/o-1",
        "--office",
        "hq",
        "--role",
        "officer",
        "--sign",
        "third-root.pem",
        "--token-file",
        host.token("third/root"),
    ]
    host.run("officer", "add", *late)
    third: Caller = host.caller(session, "third/o-1")
    await third.open(NOTE)


def all_folded(data: Path, logs: dict[str, list[bytes]]) -> None:
    """Wait until the gateway's file has every log whole."""
    while True:
        found = {name: len(digests) for name, digests in digests_of(data).items()}
        if all(found.get(name, 0) >= len(raws) for name, raws in logs.items()):
            return
        time.sleep(0.5)


def digests_of(data: Path) -> dict[str, list[str]]:
    """Return the digest at each position of every channel, as the gateway's file has them; empty
    where an erasure took it.
    """
    file = data / "projection" / "gateway.sqlite"
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    found: dict[str, list[str]] = {}
    for number, name in connection.execute(
        "SELECT number, name FROM channels ORDER BY name"
    ).fetchall():
        rows = connection.execute("SELECT digest FROM records WHERE key BETWEEN ? AND ? ORDER BY key", (number << 40, (number << 40) | (1 << 40) - 1))  # fmt: skip
        found[name] = [digest for (digest,) in rows]
    connection.close()
    return found


def main(folder: Path) -> None:
    """Make the store."""
    assert not folder.exists(), f"{folder} is there already: a golden store is made once"
    (folder / "logs").mkdir(parents=True)
    tried: Counter[tuple[str, bool]] = Counter()
    with asyncio.Runner() as runner:
        logs = {"golden-keys": kept_by_sides(), "golden-lives": lived()}
        logs |= {name: drawn(name, runner, tried) for name in KINDS}
        missing = set(SHAPES) - acts_with_effect(logs) - OF_LATER_RULES
        assert not missing, (
            f"write these acts into a log, since they stand nowhere with effect: {sorted(missing)}"
        )
        for name, raws in logs.items():
            lines = "".join(json.dumps(line) + "\n" for line in lines_of(raws))
            (folder / "logs" / f"{name}.xz").write_bytes(lzma.compress(lines.encode(), preset=9))
        about = runner.run(host_of(folder, logs))
    (folder / "about.json").write_text(json.dumps(about, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())

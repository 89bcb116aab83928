"""Records that are not legal where they stand (rows 9, 10, 12 to 15, 17, 18, 23, 24, 26 of
`log-format.md` §3), on a host that takes everything.

All are written into one log, one after the other, with what is legal between them: that is not
void, so what an attack is void for is what it says, and nothing else that the forger forgot.
"""

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import aiohttp
import msgspec
import pytest
from msgspec import Struct

from dragoman.tlog import dsse
from forging import CHANNEL, WEAK, Auditor, Given, Hostile, append, public_of, signer, weakly
from host import Host
from read_files import HOST
from service import Caller, Service
from witnesses import until

C = f"/v1/channels/{CHANNEL}"
Make = Callable[[Given], bytes]

NOTE = {"act": "contact-note", "form": "conversation", "text": "Never said."}
INCIDENT = {
    "act": "hazardous-incident", "kind": "near_miss", "time": "2026-11-24T03:05+08:00", "place": {"lat": 15.125, "lon": 116.44}, "facts": "None.",
}  # fmt: skip
POLICY = {"act": "policy-adoption", "policy": "quorum none\n"}
LIMITS = {"act": "profile-adoption", "profile": "default"}
SPY = {"act": "officer", "officer": "spy", "office": "brussels", "roles": ["head_of_office"]}
STRANGERS, OWN = b"a stranger's key".ljust(32, b"."), b"an officer's own key".ljust(32, b".")
TAKEN = "0192f0c1-2f3a-7c4d-8e5f-112233445566"


def note(
    given: Given, seed: bytes = OWN, *, signed: Mapping[str, object] | None = None, **changes: str
) -> bytes:
    """A note that an officer signs."""
    return given.record("nato/o-1", NOTE, signer(seed), signed=signed, **changes)


def written(body: Mapping[str, object], this: bytes, so: bytes) -> Make:
    """An act of a duty officer's, written so that lax readers take it for the same act, or for
    another one.
    """
    return lambda given: given.record("nato/d-1", body).replace(this, so)


LEGAL = ""
UNSIGNED = "A signature is missing or not valid, or its key is not valid here."
USED_UP = "An earlier record has already used its id."
DISAGREES = "`signed` does not agree with the record."
DERIVED = "A derived member has a wrong value."
NO_HEAD = "`seen` is not a head of this log."

HISTORY: dict[str, tuple[Make, str]] = {
    "18 an act under a key that is entered afterwards": (note, UNSIGNED),
    "an officer's key, entered by root": (
        lambda given: given.record(
            "nato/root",
            {"act": "key-addition", "officer": "o-1", "keys": [public_of(OWN)]},
            signer(given.seed("nato/root")),
            signer(OWN),
        ),
        LEGAL,
    ),
    "an act under that key": (note, LEGAL),
    "9 an act under a stranger's key": (lambda given: note(given, STRANGERS), UNSIGNED),
    "9 an act under another officer's key": (
        lambda given: given.record("nato/d-1", NOTE, signer(OWN)),
        "No valid key of nato/d-1 signed the act.",
    ),
    "10 another actor over a signature": (lambda given: note(given, actor="nato/d-1"), DISAGREES),
    "10 another type over a signature": (
        lambda given: note(given, signed={"type": "dragoman.meeting-request.v1"}),
        DISAGREES,
    ),
    "10 another exchange over a signature": (
        lambda given: note(given, signed={"exchange": TAKEN}),
        DISAGREES,
    ),
    "10 another family": (lambda given: note(given, family="meeting"), DERIVED),
    "12 a role that nobody signed": (
        lambda given: given.record("nato/root", SPY),
        "officer must be signed by its author in this channel.",
    ),
    "12 a role that a stranger signed": (
        lambda given: given.record("nato/root", SPY, signer(STRANGERS)),
        UNSIGNED,
    ),
    "12 a role that an officer signed": (
        lambda given: given.record("nato/root", SPY, signer(OWN)),
        "Root of nato must sign with 1 of its keys.",
    ),
    "12 a policy of witnesses that nobody signed": (
        lambda given: given.record("nato/root", POLICY),
        "policy-adoption must be signed by its author in this channel.",
    ),
    "12 a policy of witnesses that an officer signed": (
        lambda given: given.record("nato/root", POLICY, signer(OWN)),
        "Root of nato must sign with 1 of its keys.",
    ),
    "12 limits that a stranger has set": (
        lambda given: given.record("nato/root", LIMITS, signer(STRANGERS)),
        UNSIGNED,
    ),
    "13 a weak key that has signed": (
        lambda given: given.record(
            "nato/root",
            {"act": "key-addition", "officer": "o-1", "keys": [WEAK]},
            signer(given.seed("nato/root")),
            weakly,
        ),
        UNSIGNED,
    ),
    "13 a weak key among roots that need not sign": (
        lambda given: given.record(
            "china/root",
            {"act": "root-rotation", "roots": [public_of(STRANGERS), WEAK]},
            signer(given.seed("china/root")),
            signer(STRANGERS),
        ),
        "/roots: the key is not sound, or is or was in use here; make another one.",
    ),
    "14 the same act again": (lambda given: given.records[-1].raw, USED_UP),
    "a record of the other side": (lambda given: given.record("china/o-1", NOTE, id=TAKEN), LEGAL),
    "14 an act whose id the other side has taken": (lambda given: note(given, id=TAKEN), USED_UP),
    "15 a record of another channel": (
        lambda given: note(given, channel=f"{CHANNEL}-exercise"),
        DERIVED,
    ),
    "15 an act signed for another channel": (
        lambda given: note(given, signed={"channel": "ab" * 32}),
        DISAGREES,
    ),
    "17 a head that never was": (
        lambda given: note(
            given, signed={"seen": {**given.seen, "root": dsse.encode_base64(bytes(32))}}
        ),
        NO_HEAD,
    ),
    "17 a head that is still to come": (
        lambda given: note(given, signed={"seen": {**given.seen, "size": 10**6}}),
        NO_HEAD,
    ),
    "18 an officer who is not in office": (
        lambda given: given.record("nato/nobody", NOTE, source="/sides/nato"),
        f"nato/nobody is not in office in {CHANNEL}; an administrator of the side enters officers.",
    ),
    "23 a member twice": (
        written(NOTE, b'"text":', b'"text":"Said.","text":'),
        "The message is not a valid record: the act is not valid: "
        "/: the key text is there twice; keep one.",
    ),
    "23 the name of a member in escapes": (
        written(NOTE, b'"text":', rb'"te\u0078t":'),
        "The message is not a valid record: the act is not valid: "
        "/: a key must be 1 to 40 of A-Z a-z 0-9 _ -, without escapes.",
    ),
    "23 a number with an exponent": (
        written(INCIDENT, b"15.125", b"15125e-3"),
        "The message is not a valid record: the act is not valid: "
        "/place/lat: 15125e-3 is not a valid value; numbers are written plainly, "
        "without exponent or leading zeros.",
    ),
    "that number, plainly": (lambda given: given.record("nato/d-1", INCIDENT), LEGAL),
    "24 an act signed as a head is": (
        lambda given: given.record("nato/o-1", NOTE, signer(OWN, lambda act: act)),
        UNSIGNED,
    ),
    "24 an act signed as a head is cosigned": (
        lambda given: given.record(
            "nato/o-1", NOTE, signer(OWN, lambda act: b"cosignature/v1\ntime 1700000000\n" + act)
        ),
        UNSIGNED,
    ),
    "24 an act signed as a statement of another type": (
        lambda given: given.record(
            "nato/o-1", NOTE, signer(OWN, lambda act: dsse.pae("application/vnd.in-toto+json", act))
        ),
        UNSIGNED,
    ),
    "24 an act that the log's key has signed": (
        lambda given: note(given, given.seed("log/log")),
        UNSIGNED,
    ),
    "that the key was stolen, by root": (
        lambda given: given.record(
            "nato/root",
            {"act": "key-revocation", "key": dsse.key_id(dsse.public_of(OWN))},
            signer(given.seed("nato/root")),
        ),
        LEGAL,
    ),
    "18 an act under a key that was revoked, dated before": (
        lambda given: note(given, time=given.genesis.envelope.time),
        UNSIGNED,
    ),
    "26 junk": (
        lambda given: b'{"specversion":"1.0","id":"junk"}',
        "The message is not a valid record: the envelope is not valid: "
        "Object missing required field `source`.",
    ),
}
"""The messages written into the log, in order, each with the reason why it is void."""


class Audited(Struct, frozen=True, kw_only=True):
    """The position of each record, and the positions that the host shows as valid. The auditor adds
    the void records, each with its reason, and the result of the replay.
    """

    positions: dict[str, int]
    valid: set[int]
    void: dict[int, str]
    replayed: str
    gone_on: dict[int, str]
    replayed_on: str


def _void(told: str) -> dict[int, str]:
    """Return the void records that a verification lists, each with its reason."""
    return {int(at): why for at, why in re.findall(r"^void at ([0-9]+): (.*)$", told, re.MULTILINE)}


async def _written(host: Service, given: Given) -> tuple[dict[str, int], set[int]]:
    positions = {name: await append(host, make(given)) for name, (make, _) in HISTORY.items()}
    last = max(positions.values())
    async with aiohttp.ClientSession() as session:
        reader = Caller(session, host, "china/auditor")

        async def is_folded() -> bool:
            return bool((await reader.get(C)).json["position"] >= last)

        await until(is_folded)
        lines = (await reader.get(f"{C}/records", Accept="application/x-ndjson")).body.splitlines()
    return positions, {at for at, line in enumerate(lines, 1) if msgspec.json.decode(line)["valid"]}


@pytest.fixture(scope="module")
def audited(
    honest: Service, given: Given, auditor: Auditor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Audited]:
    """A host that takes everything, with all of it in its log, as it is audited."""
    data = tmp_path_factory.mktemp("taken") / "data"
    shutil.copytree(honest.data, data, ignore=shutil.ignore_patterns("place.json"))
    host = Hostile(data, "accepts,lax")
    try:
        positions, valid = asyncio.run(_written(host, given))
        folder = tmp_path_factory.mktemp("kept")
        told = auditor.ask(host, "verify", *auditor.pins)
        again = auditor.ask(host, "verify", *auditor.pins, *auditor.state("verify", folder))
        assert "kept audit" in again.stdout and "from the first record" not in again.stderr
        yield Audited(
            positions=positions,
            valid=valid,
            void=_void(told.stdout),
            replayed=auditor.ask(host, "replay", check=7).stderr,
            gone_on=_void(again.stdout),
            replayed_on=auditor.ask(
                host, "replay", "--sample", "0", *auditor.state("replay", folder), check=7
            ).stderr,
        )
    finally:
        host.stop()


@pytest.mark.parametrize("name", HISTORY)
def test_rows_9_to_18_23_24_and_26_what_a_host_takes_that_is_not_legal_is_void_to_every_auditor(
    name: str, audited: Audited
) -> None:
    position = audited.positions[name]
    assert (position in audited.valid) == (name != "26 junk"), (
        "the host takes it, but for what is no record to anybody"
    )
    assert audited.void.get(position, LEGAL) == HISTORY[name][1]


def test_rows_9_to_18_what_a_host_takes_that_is_not_legal_makes_its_state_another_one(
    audited: Audited,
) -> None:
    assert (
        f"at position {max(audited.positions.values())} the replay gives" in audited.replayed
        and "the gateway says" in audited.replayed
    )


def test_rows_9_to_26_an_audit_that_goes_on_finds_what_one_from_the_first_record_finds(
    audited: Audited,
) -> None:
    assert audited.gone_on == audited.void
    assert "the gateway says" in audited.replayed_on


@pytest.mark.reads(*HOST)
async def test_row_12_a_channel_that_asks_for_signatures_has_no_unsigned_act(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    host = Host(tmp_path, partial(Hostile, tricks="accepts"))
    try:
        about = host.opened(required_signatures=["contact"])
        posted = await host.caller(session, "nato/o-1").open(NOTE)
        to = (
            "--cid",
            str(about["cid"]),
            "--log",
            str(about["log"]),
            "--channel",
            CHANNEL,
            "--token-file",
            host.token("china/a-1"),
        )
        told, _ = host.run("audit", "verify", *to)
        assert (
            f"void at {posted.json['position']}: contact-note must be signed by its author in this channel."
            in told
        )
    finally:
        host.service.stop()

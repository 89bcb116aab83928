"""The proof, timed without the start of an interpreter, and the logs that are proved.

    prove.py seed [--signed] FILE RECORDS     an export of that many records, each signed by its author if so asked
    prove.py verify FILE                      what `dragoman audit verify FILE` does with it
    prove.py limit RECORDS                    Ed25519 alone: as many signatures of such acts, on all processors

Prints one JSON object. A head is signed every 50 records, and whoever signs next has seen it.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, Final

import msgspec

from dragoman.application.clock import stamp
from dragoman.audit import export
from dragoman.audit.checks import check_export
from dragoman.audit.export import Export
from dragoman.audit.verification import Verification
from dragoman.domain.acts.families import genesis
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.tlog import checkpoint, dsse, leaf, merkle, note
from dragoman.tlog.note import ED25519, Verifier

_HEAD: Final = 50
_SIDES: Final = ("nato", "china")
_TEXT: Final = (
    "Met the counterpart at the reception, and spoke about the procedure for unplanned encounters, matter %07d. "
    * 3
)
_ORIGIN: Final = "bench.invalid/nato-china"


def seed_of(owner: str) -> bytes:
    """A key's seed, made from its owner's name."""
    return owner.encode().ljust(32, b".")[:32]


def public_of(owner: str) -> bytes:
    """Its public part."""
    return dsse.public_of(seed_of(owner))


class Log:
    """A log that is made up record by record, as two offices with keys of their own would have
    written it.
    """

    def __init__(self) -> None:
        """Open the channel, and enter an officer of each side with a key."""
        self.messages: list[bytes] = []
        self._frontier = merkle.Frontier()
        self._time = datetime(2026, 1, 1, tzinfo=UTC)
        self._head: tuple[int, bytes] = (0, merkle.EMPTY)
        self._etag = ""
        opening: dict[str, Any] = {
            "act": "channel-opening", "type": "dragoman.channel-opening.v1", "name": "nato-china", "kind": "official",
            "sides": [{"name": side, "roots": [dsse.encode_base64(public_of(f"{side}/root"))], "threshold": 1} for side in _SIDES],
            "log_key": dsse.encode_base64(public_of("log")), "origin": _ORIGIN, "languages": ["en"], "rules": 1, "nonce": "ab" * 32,
        }  # fmt: skip
        act = msgspec.json.encode(opening)
        self.cid, self._genesis = genesis.cid_of(act), self._id()
        self._add(
            act,
            "channel-opening",
            "channel",
            "service/desk",
            "/services/desk",
            [f"{side}/root" for side in _SIDES],
            self._genesis,
        )
        for side in _SIDES:
            body = {
                "act": "officer",
                "officer": "o-1",
                "office": "hq",
                "roles": ["officer"],
                "keys": [dsse.encode_base64(public_of(f"{side}/o-1"))],
            }
            id = self._id()
            signed = self._signed(body, id, f"{side}/root", self._genesis, self._etag)
            self._add(
                signed,
                "officer",
                "channel",
                f"{side}/root",
                f"/sides/{side}",
                [f"{side}/root", f"{side}/o-1"],
                self._genesis,
                id,
            )

    def say(self, *, signed: bool) -> None:
        """One side's note."""
        side = _SIDES[len(self.messages) % 2]
        body = {
            "act": "contact-note",
            "form": "conversation",
            "text": _TEXT % ((len(self.messages),) * 3),
        }
        id = self._id()
        act = self._signed(body, id, f"{side}/o-1", "", "") if signed else msgspec.json.encode(body)
        self._add(
            act,
            "contact-note",
            "contact",
            f"{side}/o-1",
            f"/sides/{side}/offices/hq",
            [f"{side}/o-1"] if signed else [],
            id,
            id,
        )

    def _id(self) -> str:
        return ids.v7(int(self._time.timestamp() * 1000), len(self.messages).to_bytes(10))

    def _signed(
        self, body: dict[str, Any], id: str, author: str, exchange: str, after: str
    ) -> bytes:
        size, root = self._head
        signed = {
            "channel": self.cid, "type": records.type_of(body["act"], 1), "exchange": exchange, "id": id, "author": author, "after": after,
            "seen": {"size": size, "root": dsse.encode_base64(root)},
        }  # fmt: skip
        return msgspec.json.encode(body)[:-1] + b',"signed":' + msgspec.json.encode(signed) + b"}"

    def _add(
        self,
        act: bytes,
        name: str,
        family: str,
        actor: str,
        source: str,
        owners: list[str],
        subject: str,
        id: str = "",
    ) -> None:
        self._time += timedelta(milliseconds=20)
        envelope = records.envelope(
            id=id or subject, source=source, name=name, version=1, subject=subject, time=stamp(self._time), channel="nato-china",
            family=family, actor=actor, decided=max(0, len(self.messages)), salt="ab" * 32,
            signatures=dsse.write_signatures({dsse.key_id(public_of(each)): dsse.sign(seed_of(each), act) for each in owners}) if owners else "",
        )  # fmt: skip
        raw = records.build(envelope, act)
        commit = leaf.commit(raw)
        if family == "channel":
            self._etag = commit
        self._frontier = self._frontier.add(
            merkle.leaf_hash(leaf.entry(len(self.messages), commit))
        )
        self.messages.append(raw)
        if len(self.messages) % _HEAD == 1:
            self._head = self._frontier.size, self._frontier.root()

    def root_at(self, size: int) -> bytes:
        """The root of the tree at a size."""
        frontier = merkle.Frontier()
        for index, raw in enumerate(self.messages[:size]):
            frontier = frontier.add(merkle.leaf_hash(leaf.entry(index, leaf.commit(raw))))
        return frontier.root()

    def write(self, path: Path) -> None:
        """Export it under a signed head."""
        size = len(self.messages)
        head = checkpoint.Checkpoint(_ORIGIN, size, self._frontier.root())
        signed = note.encode(head.text, [note.sign(_ORIGIN, seed_of("log"), head.text)])
        log = str(Verifier(_ORIGIN, ED25519, public_of("log")))
        about = {
            "name": "nato-china",
            "cid": self.cid,
            "kind": "official",
            "custody": "sides",
            "sides": list(_SIDES),
            "log": log,
            "records": size,
        }
        export.write(path, self.messages, about, signed, size)


def verified(path: Path) -> dict[str, Any]:
    """Verify an export by the cid and log key that are its own, as an auditor who has written them
    down.
    """
    begin = time.perf_counter()
    with Export(path) as opened:
        log = note.read_verifier(opened.about["log"])
        verification = Verification(cid=opened.about["cid"], log=log)
        check_export(verification, opened)
    result = verification.result()
    seconds = time.perf_counter() - begin
    lie = (
        None
        if result.lie is None
        else f"{result.lie.check} at {result.lie.position}: {result.lie.what}"
    )
    return {
        "records": result.position,
        "seconds": seconds,
        "per_second": result.position / seconds,
        "lie": lie,
        "void": len(result.void),
    }


def _alone(barrier: Barrier, number: int, act: bytes) -> None:
    seed = seed_of("nato/o-1")
    public, signature = dsse.public_of(seed), dsse.sign(seed, act)
    barrier.wait()
    for _ in range(number):
        assert dsse.verify(public, act, signature)
    barrier.wait()


def limit(number: int) -> dict[str, Any]:
    """So many signatures verified, shared among all processors."""
    log = Log()
    log.say(signed=True)
    act = records.parse(log.messages[-1]).act
    processors = os.cpu_count() or 1
    barrier = multiprocessing.Barrier(processors + 1)
    processes = [
        multiprocessing.Process(target=_alone, args=(barrier, number // processors, act))
        for _ in range(processors)
    ]
    for process in processes:
        process.start()
    barrier.wait()
    begin = time.perf_counter()
    barrier.wait()
    seconds = time.perf_counter() - begin
    for process in processes:
        process.join()
    return {"records": number, "seconds": seconds, "per_second": number / seconds}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["seed", "verify", "limit"])
    parser.add_argument("arguments", nargs="*")
    parser.add_argument("--signed", action="store_true")
    given = parser.parse_intermixed_args()
    found: dict[str, Any]
    if given.what == "seed":
        path, number = Path(given.arguments[0]), int(given.arguments[1])
        log = Log()
        while len(log.messages) < number:
            log.say(signed=given.signed)
        log.write(path)
        found = {
            "records": len(log.messages),
            "bytes": sum(map(len, log.messages)) / len(log.messages),
        }
    else:
        found = (
            verified(Path(given.arguments[0]))
            if given.what == "verify"
            else limit(int(given.arguments[0]))
        )
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()

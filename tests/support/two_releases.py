"""A log that crosses an adoption of rules, folded by whichever release runs this.

    python two_releases.py make          the next release writes the log, one line a message
    python two_releases.py fold < LOG    any release folds it, one line a message; also `fold-parsed`

Each line of `make` has the label of the message and its bytes. Each line of `fold` has the digest and
the root after it, whether it was valid, the deadlines of its exchange, and how many ids are used up. The last line of a release that
lacks the rules names them.
"""

import base64
import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from dragoman.audit.replay import Replay
from dragoman.domain.acts.deadlines import deadlines_of
from dragoman.domain.fold import NewerRules
from dragoman.domain.record import codec, ids
from world import SALT, World, compact

N, C = "nato/o-1", "china/o-1"
NOTE: dict[str, Any] = {"act": "contact-note", "form": "conversation", "text": "Talked."}


class _Writer:
    """A world, and the labels of what is written into its log."""

    def __init__(self) -> None:
        self.world = World(rules=1)
        self.labels = ["before"] * len(self.world.raws)

    def keep(self, label: str, actor: str, act: dict[str, Any], exchange: str = "") -> str:
        """Post an act, and return the exchange that it opened or went to."""
        folded = self.world.keep(actor, act, exchange)
        self.labels.append(label)
        return str(folded.record.envelope.subject)  # type: ignore[union-attr]

    def raw(
        self,
        label: str,
        type_: str,
        actor: str,
        act: dict[str, Any],
        subject: str = "",
        family: str = "contact",
    ) -> None:
        """Write a record as nobody's gateway would: with this type, whatever the rules say."""
        id = ids.from_key("nato-china", actor, f"raw-{len(self.labels):012d}")
        name, version = type_.rsplit(".v", 1)
        side, _, _ = actor.partition("/")
        envelope = codec.envelope(
            id=id, source=f"/sides/{side}/offices/hq", name=name, version=int(version), subject=subject or id,
            time=self.world.tick(), channel="nato-china", family=family, actor=actor,
            decided=self.world.position, salt=SALT,
        )  # fmt: skip
        self.world.take(codec.build(envelope, compact(act)))
        self.labels.append(label)

    def all_kinds(self, phase: str, note: str) -> None:
        """Write a record of each kind on which two releases could differ."""
        mood = {**NOTE, "mood": "calm"}
        courtesy = {"act": "courtesy", "text": "Good morning."}
        for type_ in ("contact-note.v1", "contact-note.v2", "contact-note.v3"):
            self.raw(f"{phase}: {type_}", type_, N, NOTE)
            self.raw(f"{phase}: {type_} with a mood", type_, N, mood)
        for type_ in ("courtesy.v1", "courtesy.v2", "contact-note.v1", "reply.v1", "lesson.v1"):
            self.raw(f"{phase}: courtesy as {type_}", type_, C, courtesy, note)
        for type_ in ("reply.v1", "reply.v2", "reply.v3", "courtesy.v1", "contact-note.v1"):
            self.raw(f"{phase}: reply as {type_}", type_, C, {"act": "reply", "text": "Yes."}, note)
        call = {
            "act": "call-record", "direction": "outgoing", "gist": "Spoke.",
            "began": "2026-11-24T10:00Z", "ended": "2026-11-24T10:10Z",
            "posts": {"nato": "Duty officer", "china": "Duty officer"}, "read_back": True,
        }  # fmt: skip
        self.raw(f"{phase}: call-record by an officer", "call-record.v1", N, call)
        weather = {"act": "weather-inquiry", "text": "Is it foggy?"}
        self.raw(
            f"{phase}: weather-inquiry", "weather-inquiry.v1", N, weather, family="notification"
        )
        correction = {"act": "correction", "fields": {"mood": "calm"}, "reason": "It was calm."}
        self.raw(f"{phase}: correction of a mood", "correction.v1", N, correction, note)


def _adoption(rules: int) -> dict[str, Any]:
    return {"act": "rules-adoption", "rules": rules, "release": "0.2.0"}


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")


def make() -> None:
    """Write the log, as the next release has it."""
    writer = _Writer()
    note = writer.keep("note", N, NOTE)
    writer.all_kinds("rules 1", note)
    writer.keep("nato adopts", "nato/root", _adoption(2))
    writer.all_kinds("one side", note)
    writer.keep("nato takes back", "nato/root", _adoption(1))
    writer.keep("china adopts", "china/root", _adoption(2))
    writer.all_kinds("the other side", note)
    writer.keep("in force", "nato/root", _adoption(2))
    writer.all_kinds("rules 2", note)
    writer.keep("after", C, {"act": "acknowledgement"}, note)
    for label, raw in zip(writer.labels, writer.world.raws, strict=True):
        _say({"label": label, "raw": base64.b64encode(raw).decode()})


def fold(*, parsed: bool = False) -> None:
    """Fold a log from standard input, of records that were `parsed` before if it is said."""
    replay, seen = Replay(), set[str]()
    for line in sys.stdin:
        raw = base64.b64decode(json.loads(line)["raw"])
        seen.add(json.loads(raw)["id"])
        try:
            replay.take([_parsed(raw) if parsed else raw])
        except NewerRules as error:
            stop = {"rules": error.rules, "release": error.release, "position": error.position}
            _say(stop)
            return
        position = replay.standing.state.position
        registry, exchange = (
            replay.standing.state.registry,
            replay.exchange(json.loads(raw)["subject"]),
        )
        after = {
            "deadlines": []
            if registry is None or exchange is None
            else [
                f"{deadline.clock} {deadline.side} {deadline.due}"
                for deadline in deadlines_of(registry, exchange, {})
            ],
            "digest": replay.standing.digest,
            "root": replay.standing.frontier.root().hex(),
            "valid": position not in replay.void,
            "used": sum(replay.used(id) for id in seen),
        }
        _say(after)


def _parsed(raw: bytes) -> codec.Record | bytes:
    """A message as a process for strict reading gives it, which knows of no rules in force."""
    try:
        return codec.parse(raw)
    except codec.NotARecord:
        return raw


if __name__ == "__main__":
    commands: dict[str, Callable[[], None]] = {
        "make": make,
        "fold": fold,
        "fold-parsed": partial(fold, parsed=True),
    }
    commands[sys.argv[1]]()

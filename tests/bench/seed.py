"""A log of any length: fills a channel of a stopped service with what two offices could have said
to each other.

    seed.py DATA CHANNEL RECORDS               on a broker of its own, until the log has that many records
    seed.py --running DATA CHANNEL RECORDS     on the broker of the service that runs on these data
    seed.py --waiting DATA CHANNEL RECORDS     incidents alone, which nobody acknowledges

The records are built here by the domain's own code and appended in atomic batches, as the gateway
would append them. A fixed number of matters is under way at any time, so that a log ten times as
long has no more open matters, but for the few notes that nobody ever closes. Prints one JSON
object.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Raw

from dragoman import bootstrap, telemetry
from dragoman.application.clock import stamp, utc_now
from dragoman.audit.replay import replay
from dragoman.domain.acts import consent
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record_checks import source_of
from dragoman.eventlog import broker
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.durability_guard import DurabilityGuard
from dragoman.eventlog.event_log import Appended, EntryToAppend, Unavailable, Unknown
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import connected
from dragoman.limits import BATCH_RECORDS
from dragoman_schemas.state import Registry

_UNDER_WAY: Final = 60
_SEED: Final = 1954
_TRIES: Final = 5

Act = dict[str, Any]
Step = tuple[str, str, Act]
"""A step: `own` or `other` as seen from the opener, the officer, and the act."""

_AREAS: Final = (
    "maritime-security",
    "climate-change",
    "regional-security",
    "military-transparency-and-risk-reduction",
    "general",
)
_KINDS: Final = (
    "near_miss",
    "near_miss",
    "near_miss",
    "fire_control_radar",
    "laser",
    "jamming",
    "unannounced_entry",
    "collision",
)
_FORMS: Final = (
    "note_verbale",
    "aide_memoire",
    "non_paper",
    "demarche_record",
    "letter",
    "conversation",
    "proposal",
)
_WHAT: Final = (
    "A patrol aircraft",
    "A survey vessel",
    "A frigate",
    "A helicopter",
    "A coastguard cutter",
    "An unmanned aircraft",
)
_DID: Final = (
    "passed close to",
    "followed",
    "crossed ahead of",
    "illuminated",
    "hailed",
    "turned towards",
)
_WHOM: Final = (
    "a supply ship",
    "a fishing fleet",
    "a tanker",
    "a surveillance aircraft",
    "a destroyer",
    "a research vessel",
)
_AFTER: Final = (
    "Both kept to the procedure for unplanned encounters; nobody was hurt.",
    "The crews spoke on the agreed frequency and parted. 双方按照约定频率联系后离开。",
    "It lasted eleven minutes; the distance was never below three hundred metres.",
    "No damage is known; the recordings are being examined.",
)


def _closed(officer: str, **members: str) -> Iterator[Step]:
    """Yield the closure of each side."""
    for side in ("other", "own"):
        yield side, officer, {"act": "closure", **members}


class Story:
    """The messages of one matter, drawn by lot."""

    def __init__(self, lots: random.Random, serial: int) -> None:
        """Draw the matter of that number."""
        self._lots = lots
        self._serial = serial

    def opening(self) -> Iterator[Step]:
        """An incident of which nothing more is said."""
        yield next(self._incident())

    def steps(self) -> Iterator[Step]:
        """The matter from its opening to its end."""
        tellings = (
            self._incident,
            self._note,
            self._meeting,
            self._encounter,
            self._area,
            self._view,
            self._check,
        )
        (telling,) = self._lots.choices(tellings, weights=(8, 6, 4, 3, 2, 2, 3))
        yield from telling()

    def _incident(self) -> Iterator[Step]:
        lots = self._lots
        opening = {
            "act": "hazardous-incident",
            "kind": lots.choice(_KINDS),
            "time": self._minute(),
            "place": self._place(),
        }
        yield "own", "d-1", {**opening, "facts": self._facts(), "area": lots.choice(_AREAS)}
        yield "other", "d-1", {"act": "acknowledgement"}
        if lots.random() < 0.5:
            yield (
                "other",
                "d-1",
                {"act": "counter-account", "facts": self._facts(), "casualties": 0},
            )
            yield "own", "d-1", {"act": "acknowledgement"}
        if lots.random() < 0.3:
            correction = {
                "act": "correction",
                "fields": {"facts": self._facts()},
                "reason": "The recordings have been examined.",
            }
            yield "own", "h-1", correction
            yield "other", "d-1", {"act": "acknowledgement"}
        if lots.random() < 0.4:
            yield (
                "other",
                "o-1",
                {
                    "act": "reply",
                    "text": f"We take note of report {self._serial}. {lots.choice(_AFTER)}",
                },
            )
            yield "own", "o-1", {"act": "acknowledgement"}
        yield from _closed("h-1", reason="Nothing is left to be said.")

    def _note(self) -> Iterator[Step]:
        lots = self._lots
        subject = f"Matter {self._serial}"
        yield (
            "own",
            "o-1",
            {
                "act": "contact-note",
                "form": lots.choice(_FORMS),
                "subject": subject,
                "text": self._facts(),
            },
        )
        if lots.random() < 0.1:
            yield "own", "o-1", {"act": "cancellation", "reason": "Sent in error."}
            yield "other", "o-1", {"act": "acknowledgement"}
            return
        yield "other", "o-1", {"act": "acknowledgement"}
        if lots.random() < 0.6:
            yield (
                "other",
                "o-1",
                {"act": "reply", "text": f"With thanks for the note. {lots.choice(_AFTER)}"},
            )
            yield "own", "o-1", {"act": "acknowledgement"}
        if lots.random() < 0.9:
            yield from _closed("o-1")

    def _meeting(self) -> Iterator[Step]:
        lots = self._lots
        windows = [
            {"from": f"2027-0{month}-15T08:00Z", "to": f"2027-0{month}-15T17:00Z"}
            for month in (1, 2)
        ]
        purpose = f"Review of matter {self._serial}"
        yield (
            "own",
            "o-1",
            {
                "act": "meeting-request",
                "purpose": purpose,
                "windows": windows,
                "area": lots.choice(_AREAS),
            },
        )
        if lots.random() < 0.4:
            yield "other", "o-1", {"act": "interim-reply", "next_word_by": "2026-12-24T12:00Z"}
            yield "own", "o-1", {"act": "acknowledgement"}
        if lots.random() < 0.2:
            yield "other", "o-1", {"act": "decline", "reason": "Not at this time."}
            yield "own", "o-1", {"act": "acknowledgement"}
        else:
            yield "other", "o-1", {"act": "acceptance", "window": lots.randrange(2)}
            yield "own", "o-1", {"act": "acknowledgement"}
            yield (
                "own",
                "o-1",
                {"act": "meeting-held", "from": "2027-01-15T09:00Z", "to": "2027-01-15T11:30Z"},
            )
            yield (
                "other",
                "o-1",
                {"act": "readout", "kind": "separate", "topics": [purpose], "text": self._facts()},
            )
        yield from _closed("o-1")

    def _encounter(self) -> Iterator[Step]:
        opening = {
            "act": "encounter-report",
            "time": self._minute(),
            "place": self._place(),
            "domain": self._lots.choice(("sea", "air")),
        }
        yield "own", "o-1", {**opening, "description": self._facts()}
        yield "other", "o-1", {"act": "counter-account", "facts": self._facts()}
        yield "own", "o-1", {"act": "acknowledgement"}
        yield from _closed("o-1")

    def _area(self) -> Iterator[Step]:
        window = {"from": "2027-03-01T06:00Z", "to": "2027-03-02T06:00Z"}
        yield (
            "own",
            "o-1",
            {"act": "danger-area", "place": self._place(), "window": window, "hazard": "firing"},
        )
        yield "other", "d-1", {"act": "acknowledgement"}
        yield "own", "d-1", {"act": "all-clear", "cleared_at": self._minute()}
        yield "other", "d-1", {"act": "acknowledgement"}
        yield from _closed("o-1")

    def _view(self) -> Iterator[Step]:
        yield (
            "own",
            "o-1",
            {"act": "perception", "issue": f"Matter {self._serial}", "own_view": self._facts()},
        )
        yield "other", "o-1", {"act": "restatement", "text": self._facts()}
        yield (
            "own",
            "o-1",
            {"act": "fairness", "result": self._lots.choice(("fair", "not_our_view"))},
        )
        yield "other", "o-1", {"act": "acknowledgement"}
        yield from _closed("o-1")

    def _check(self) -> Iterator[Step]:
        challenge = f"Quick brown fox {self._serial} 联络官"
        yield (
            "own",
            "d-1",
            {
                "act": "line-check",
                "sequence": self._serial,
                "challenge": challenge,
                "circuit": "primary",
            },
        )
        yield "other", "d-1", {"act": "echo", "text": challenge}
        yield from _closed("o-1")

    def _place(self) -> Act:
        return {
            "lat": round(self._lots.uniform(5, 60), 3),
            "lon": round(self._lots.uniform(1, 140), 3),
        }

    def _facts(self) -> str:
        lots = self._lots
        return f"{lots.choice(_WHAT)} {lots.choice(_DID)} {lots.choice(_WHOM)}, report {lots.randrange(10**9):09d}. {lots.choice(_AFTER)}"

    def _minute(self) -> str:
        lots = self._lots
        return f"2026-{lots.randrange(1, 11):02d}-{lots.randrange(1, 29):02d}T{lots.randrange(24):02d}:{lots.randrange(60):02d}Z"


_BESIDE_THE_TEXT: Final = consent.BESIDE | {"act"}


class Matter:
    """One exchange under way: who opened it, where its last record stands, what is still to be
    said.
    """

    def __init__(self, steps: Iterator[Step], sides: tuple[str, str]) -> None:
        """Begin a matter in which nothing has been said yet. `sides` are the opener and the other
        side.
        """
        self._side = dict(zip(("own", "other"), sides, strict=True))
        self._steps = list(steps)
        self.id = ""
        self.family = ""
        self.last = 0
        self._restated = Raw(b"null")
        self._text = {
            name: Raw(msgspec.json.encode(value))
            for name, value in self._steps[0][2].items()
            if name not in _BESIDE_THE_TEXT
        }

    @property
    def ended(self) -> bool:
        """Return whether nothing is left to be said."""
        return not self._steps

    def next(self) -> tuple[str, Act]:
        """The next actor and act."""
        whose, officer, act = self._steps.pop(0)
        if act["act"] == "restatement":
            self._restated = Raw(msgspec.json.encode(act["text"]))
        if act["act"] == "acceptance":
            proposal = {"record": self.id, "text": self._text}
            act = {**act, "terms": consent.digest(self.id, "proposal", proposal)}
        elif act["act"] == "fairness":
            view = {"opening": self._text, "restatement": self._restated}
            act = {**act, "terms": consent.digest(self.id, "view", view)}
        return f"{self._side[whose]}/{officer}", act


class Scribe:
    """Writes what is said as records that follow each other in one log, from a position on."""

    def __init__(self, registry: Registry, position: int, *, waiting: bool) -> None:
        """Go on after that position, with incidents that wait alone if so asked."""
        self._registry = registry
        self._waiting = waiting
        self._lots = random.Random(_SEED + position)
        self._sides = tuple(side.name for side in registry.sides)
        self._matters: list[Matter] = []
        self._serial = position
        self.position = position
        self.acts: Counter[str] = Counter()

    def entries(self, number: int) -> list[EntryToAppend]:
        """The next records, as they are appended together."""
        return [self._entry() for _ in range(number)]

    def _entry(self) -> EntryToAppend:
        matter = self._matter()
        actor, act = matter.next()
        raw, data = records.read_act(msgspec.json.encode(act), cut=True)
        rule = RULES[act["act"]]
        id = ids.v7(time.time_ns() // 1_000_000, self._lots.randbytes(10))
        if act["act"] in FORMATS:
            assert rule.family is not None
            matter.id, matter.family = id, rule.family
        envelope = records.envelope(
            id=id,
            source=source_of(self._registry, actor),
            name=act["act"],
            version=rule.version,
            subject=matter.id,
            time=stamp(utc_now()),
            channel=self._registry.name,
            family=matter.family,
            actor=actor,
            decided=self.position,
            salt=self._lots.randbytes(32).hex(),
        )
        self.acts[act["act"]] += 1
        entry = EntryToAppend(record=records.assemble(envelope, raw, data), expected=matter.last)
        self.position += 1
        matter.last = self.position
        return entry

    def _matter(self) -> Matter:
        """One of those under way, or a new one in the place of one that has ended."""
        if len(self._matters) < _UNDER_WAY:
            self._matters.append(self._opened())
            return self._matters[-1]
        index = self._lots.randrange(_UNDER_WAY)
        if self._matters[index].ended:
            self._matters[index] = self._opened()
        return self._matters[index]

    def _opened(self) -> Matter:
        self._serial += 1
        own, other = self._lots.sample(self._sides, 2)
        story = Story(self._lots, self._serial)
        return Matter(story.opening() if self._waiting else story.steps(), (own, other))


@asynccontextmanager
async def _broker(data: Path, *, running: bool) -> AsyncIterator[BrokerEndpoint]:
    if running:
        known = json.loads((data / "server.json").read_text())
        yield BrokerEndpoint(known["nats_url"], "", data / "keys")
        return
    async with broker.supervised(data, broker.find()) as endpoint:
        yield endpoint


async def seed(
    data: Path, channel: str, wanted: int, *, running: bool, waiting: bool
) -> dict[str, object]:
    """Append until the log has that many records; what was appended."""
    async with _broker(data, running=running) as endpoint:
        fold = await replay(lambda: bootstrap.messages_of(endpoint, channel))
        registry, first = fold.standing.state.registry, fold.standing.state.position
        assert registry is not None, f"{channel} has not been opened"
        scribe = Scribe(registry, first, waiting=waiting)
        begin = time.perf_counter()
        async with (
            connected(endpoint.url, "warden", endpoint.seed("warden")) as warden,
            connected(endpoint.url, "gateway", endpoint.seed("gateway")) as gateway,
        ):
            guard = DurabilityGuard(warden)
            await guard.prove()
            log = JetStreamLog(channel, gateway, guard)
            while scribe.position < wanted:
                await _append(
                    log,
                    scribe.entries(min(BATCH_RECORDS, wanted - scribe.position)),
                    scribe.position,
                )
    seconds = time.perf_counter() - begin
    return {
        "position": scribe.position,
        "appended": scribe.position - first,
        "seconds": round(seconds, 1),
        "acts": dict(scribe.acts),
    }


async def _append(log: JetStreamLog, entries: list[EntryToAppend], last: int) -> None:
    """Append one batch, again and again while a busy broker does not say whether it has."""
    for _ in range(_TRIES):
        outcome = await log.append(entries)
        if not isinstance(outcome, Unknown | Unavailable):
            break
        sys.stderr.write(f"seed: {outcome}\n")
        await asyncio.sleep(1.0)
    assert outcome == Appended(last), outcome


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("channel")
    parser.add_argument("records", type=int)
    parser.add_argument("--running", action="store_true", help="the service runs: use its broker")
    parser.add_argument(
        "--waiting", action="store_true", help="incidents alone, which nobody acknowledges"
    )
    given = parser.parse_args()
    telemetry.configure("json")
    sys.stdout.write(
        json.dumps(
            asyncio.run(
                seed(
                    given.data,
                    given.channel,
                    given.records,
                    running=given.running,
                    waiting=given.waiting,
                )
            )
        )
        + "\n"
    )


if __name__ == "__main__":
    main()

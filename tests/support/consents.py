"""One exchange for each kind of terms: the worked examples of docs/spec/terms.md.

python tests/support/consents.py        prints section 4 of that page
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

from msgspec import Struct

from dragoman.domain.acts import consent
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import Record, parse_stored
from world import REQUEST, World

N, C, NH, CH = "nato/o-1", "china/o-1", "nato/h-1", "china/h-1"
Step = tuple[str, dict[str, Any]]

ITEM: Final = {
    "act": "roadmap-item",
    "text": "Safe conduct at sea",
    "area": "maritime-security",
    "deliverable": "A contact procedure",
    "precedence": "priority",
}
MEETING: Final = {**REQUEST, "windows": REQUEST["windows"][:1], "agenda": ["Radio", "下次会议"]}
HELD: Final = {"act": "meeting-held", "from": "2026-11-26T08:05Z", "to": "2026-11-26T09:50Z"}
READOUT: Final = {
    "act": "readout",
    "kind": "joint",
    "topics": ["Radio"],
    "text": {"en": "A frank exchange.", "zh": "坦率的交流。"},
}
ENCOUNTER: Final = {
    "act": "encounter-report",
    "time": "2026-11-20T04:10Z",
    "place": {"lat": 15.12, "lon": 116.44},
    "domain": "sea",
    "description": "Two ships met.",
}
PERCEPTION: Final = {
    "act": "perception",
    "issue": "Intentions",
    "own_view": "We see ships nearer.",
    "your_view": "You see your own waters.",
    "wanted_outcome": "A procedure.",
}

LAST: Final = "the newest record of the exchange that has the act"
"""The prefix of a member that names an act in place of its id."""

STORIES: Final[dict[str, list[Step]]] = {
    "text": [
        (NH, ITEM),
        (NH, {"act": "correction", "reason": "A slip.", "fields": {"deliverable": 'A "chart"'}}),
        (CH, {"act": "agreement"}),
    ],
    "text, if so amended": [
        (NH, ITEM),
        (CH, {"act": "agreement"}),
        (CH, {"act": "amendment", "reason": "Both need it.", "fields": {"host": "china"}}),
        (NH, {"act": "amendment-agreement", "of": f"{LAST} amendment"}),
    ],
    "proposal": [
        (N, MEETING),
        (C, {"act": "counter-proposal", "windows": REQUEST["windows"][1:], "venue": "日内瓦"}),
        (N, {"act": "acceptance"}),
    ],
    "accounts": [
        (N, ENCOUNTER),
        (C, {"act": "counter-account", "facts": "They passed at 700 m.\n安全距离。"}),
        (C, {"act": "accounts-agreement", "facts": "Two ships met."}),
    ],
    "reading": [
        (N, PERCEPTION),
        (C, {"act": "reply", "text": "We read it."}),
        (N, {"act": "translation", "language": "zh", "text": "我们读了。", "of": f"{LAST} reply"}),
        (C, {"act": "translation-agreement", "of": f"{LAST} translation"}),
    ],
    "view": [
        (N, PERCEPTION),
        (C, {"act": "restatement", "text": "You see ships nearer, and wonder why."}),
        (N, {"act": "fairness", "result": "fair"}),
    ],
    "agenda": [
        (N, MEETING),
        (C, {"act": "agenda-agreement"}),
    ],
    "readout": [
        (N, MEETING),
        (N, HELD),
        (N, READOUT),
        (C, {"act": "readout-agreement"}),
    ],
    "draft": [
        (NH, ITEM),
        (CH, {"act": "agreement"}),
        (NH, {"act": "status-change", "status": "scheduled"}),
        (NH, {"act": "status-change", "status": "held"}),
        (CH, {"act": "status-change", "status": "held"}),
        (
            CH,
            {
                "act": "status-change",
                "status": "deliverable_tabled",
                "text": "Keep 500 m. 保持距离。",
            },
        ),
        (NH, {"act": "adoption"}),
    ],
}
"""The records of each example. The last act is the consent; its terms are computed."""


class Hashed(Struct, frozen=True):
    """A consent, the bytes that its terms are the digest of, and all its records."""

    act: str
    hashed: bytes
    terms: str
    records: tuple[Record, ...]


@contextmanager
def _hashed() -> Iterator[list[bytes]]:
    """The bytes that the rules hash while they work terms out, the newest last."""
    hashed: list[bytes] = []
    digest = consent.digest

    def noting(exchange: str, what: str, text: Any) -> str:
        head = f"dragoman-terms/v1\n{exchange}\n{what}\n".encode()
        hashed.append(head + consent.bytes_of(text))
        return digest(exchange, what, text)

    with patch.object(consent, "digest", noting):
        yield hashed


def _newest(records: list[Record], text: str) -> str:
    """The id of the newest record of the act that a member names."""
    act = text.removeprefix(LAST).strip()
    return next(str(record.envelope.id) for record in reversed(records) if record.name == act)


def told(world: World, story: list[Step]) -> list[Record]:
    """Keep the records of an exchange, each valid, with the terms that stand."""
    (opener, opening), *steps = story
    id = world.open(opener, opening)
    records = [parse_stored(world.raws[world.exchange(id).opened.position - 1])]
    for actor, members in steps:
        body = {
            name: _newest(records, value) if str(value).startswith(LAST) else value
            for name, value in members.items()
        }
        outcome = world.keep(actor, body, id, seen=True)
        assert isinstance(outcome, Folded) and outcome.valid and outcome.record, (body, outcome)
        records.append(outcome.record)
    return records


def examples() -> tuple[World, dict[str, Hashed]]:
    """A channel with all examples, and what each consents to."""
    world, result = World(), {}
    for what, story in STORIES.items():
        *before, (actor, last) = story
        with _hashed() as texts:
            records = told(world, [*before, (actor, last)])
            terms = records[-1].data.terms
            hashed = next(raw for raw in texts if hashlib.sha256(raw).hexdigest() == terms)
        result[what] = Hashed(records[-1].name, hashed, terms, tuple(records))
    return world, result


def page() -> str:
    """Return section 4 of the page."""
    parts = []
    for number, (what, example) in enumerate(examples()[1].items(), 1):
        lines = [
            f"{record.envelope.id} {record.side}\n{record.act.decode()}"
            for record in example.records
        ]
        parts.append(
            f"### 4.{number} {what.capitalize()}: `{example.act}`\n\n"
            "The valid records of the exchange, each with its id, its side and its act:\n\n"
            "```text\n" + "\n".join(lines) + "\n```\n\n"
            "The bytes to hash, without a line end after the last one:\n\n"
            f"```text\n{example.hashed.decode()}\n```\n\n"
            f"`terms` is `{example.terms}`.\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    print(page())  # noqa: T201

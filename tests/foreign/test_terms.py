"""The terms of consents, by docs/spec/terms.md: the page has the bytes that the rules hash, and the
verifier that was written from the page computes what the rules compute.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

import consents
from consents import CH, LAST, MEETING, NH, C, N, Step
from dragoman.domain.acts import consent
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import Record, parse_stored
from lives import LIVES
from read_files import AUDIT
from samples import act
from tampering import members_of, written
from world import INCIDENT, World

PAGE: Final = Path(__file__).parents[2] / "docs" / "spec" / "terms.md"
VERIFIER: Final = Path(__file__).parent / "verify_from_spec.mjs"
NODE: Final = shutil.which("node")
OSCE: Final = "osce/h-1"
PERCEPTION: Final = consents.PERCEPTION


def test_the_page_has_the_bytes_and_the_digest_of_each_example() -> None:
    _, mark, examples = PAGE.read_text().partition("## 4. Worked examples\n\n")
    assert mark and examples == consents.page(), "call tests/support/consents.py"


def test_the_page_has_a_row_and_an_example_for_each_act_that_names_its_terms() -> None:
    text = PAGE.read_text()
    rows, examples = text.partition("## 2. ")[2].partition("## 4. ")[::2]
    for name in consent.ACTS:
        assert f"`{name}`" in rows.partition("- **The opening**")[0], name
    for kind in ("text", "proposal", "accounts", "reading", "view", "agenda", "readout", "draft"):
        assert f"\n{kind}\n" in examples, kind


def correction(**fields: Any) -> dict[str, Any]:
    return {"act": "correction", "reason": "A slip.", "fields": fields}


def update(as_of: str, **fields: Any) -> dict[str, Any]:
    return {"act": "update", "as_of": as_of, "fields": fields}


def amendment(**fields: Any) -> dict[str, Any]:
    return {"act": "amendment", "reason": "It serves both.", "fields": fields}


BESIDE: Final = {
    "precedence": "routine",
    "area": "maritime-security",
    "dtg": "2026-11-24T11:00Z",
    "passed_by": {"means": "voice", "at": "2026-11-24T10:00Z", "to_post": "Watch"},
    "acting_for": "d-1",
}
TAKES: Final = {"act": "amendment-agreement", "of": f"{LAST} amendment"}
TRANSLATES: Final = {"act": "translation", "language": "zh", "text": "译文"}
READS: Final = {"act": "translation-agreement", "of": f"{LAST} translation"}
AGREES: Final = {"act": "accounts-agreement", "facts": "Two ships met."}
ENCOUNTER: Final = consents.ENCOUNTER
WINDOWS: Final = [
    {"from": "2026-12-03T08:00Z", "to": "2026-12-03T10:00Z"},
    {"from": "2026-12-04T08:00Z", "to": "2026-12-04T10:00Z"},
]

STORIES: Final[dict[str, list[Step]]] = {
    **consents.STORIES,
    "updates, older and newer, and a correction of the newest": [
        (N, ENCOUNTER),
        (N, update("2026-11-20T05:00Z", weather="Rain", emissions=["none"])),
        (C, AGREES),
        (N, update("2026-11-20T04:30Z", weather="Fog", assessment="Safe.")),
        (C, AGREES),
        (N, correction(weather="Hail")),
        (N, update("2026-11-20T04:59Z", weather="Snow")),
        (C, AGREES),
        (N, update("2026-11-20T05:01Z", weather="Clear")),
        (C, AGREES),
    ],
    "an event of which much was unknown at first": [
        (NH, {**INCIDENT, "time": {"about": "2026-11-20T04:10Z"}, "casualties": "unknown"}),
        (N, update("2026-11-19T05:00Z", damage="None.", casualties=0)),
        (N, TRANSLATES),
        (C, READS),
        (N, correction(time={"about": "2026-11-21T04:10Z"}, casualties=1)),
        (N, update("2026-11-19T04:00Z", facts="Otherwise.", casualties=7)),
        (N, correction(request="Keep clear.")),
        (N, update("2026-11-18T05:00Z", request="Come nearer.")),
        (N, update("2026-11-22T05:00Z", facts="Three aircraft.")),
        (N, update("2026-11-20T05:00Z", damage="A wing.", casualties=2)),
        (N, update("2026-11-18T05:00Z", damage="A tyre.")),
        (N, TRANSLATES),
        (C, READS),
    ],
    "accounts of both sides, the newest of each": [
        (N, ENCOUNTER),
        (C, {"act": "counter-account", "facts": "At 700 m.", "of": f"{LAST} encounter-report"}),
        (C, AGREES),
        (C, {"act": "counter-account", "facts": "At 800 m.", "weather": "Clear"}),
        (N, AGREES),
    ],
    "an agreement before and after amendments, one of them refused": [
        (NH, {**consents.ITEM, **BESIDE}),
        (NH, correction(host="nato", precedence="priority")),
        (CH, {"act": "agreement"}),
        (NH, amendment(host="china", deliverable='A list \\ of "words"')),
        (CH, TAKES),
        (NH, amendment(topics=["信号"])),
        (CH, {"act": "amendment-refusal", "of": f"{LAST} amendment"}),
        (CH, amendment(topics=["语言"])),
        (NH, TAKES),
    ],
    "new windows": [
        (N, {**MEETING, "venue": "Brussels"}),
        (C, {"act": "counter-proposal", "windows": WINDOWS, "venue": "Vienna"}),
        (N, {"act": "acceptance", "window": 1}),
        (C, {**TRANSLATES, "of": f"{LAST} acceptance"}),
        (N, READS),
        (N, {"act": "postponement", "windows": WINDOWS[:1]}),
        (C, {"act": "acceptance", "window": 0}),
    ],
    "new dates": [
        (N, act("visit-invitation")),
        (C, {"act": "counter-proposal", "windows": WINDOWS}),
        (N, {"act": "acceptance"}),
    ],
    "translations of an opening, an account and a correction": [
        (N, ENCOUNTER),
        (N, correction(description="Two ships met, 两船相遇.")),
        (N, TRANSLATES),
        (C, READS),
        (C, {"act": "counter-account", "facts": "At 700 m.", "of": f"{LAST} encounter-report"}),
        (C, {**TRANSLATES, "of": f"{LAST} counter-account"}),
        (N, READS),
        (N, {**TRANSLATES, "of": f"{LAST} correction", "acting_for": "d-1"}),
        (C, READS),
    ],
    "two restatements": [
        (N, {**PERCEPTION, "precedence": "priority", "basis": "goodwill"}),
        (C, {"act": "restatement", "text": "You see ships."}),
        (N, {"act": "fairness", "result": "not_our_view"}),
        (C, {"act": "restatement", "text": {"en": "You see ships nearer.", "zh": "更近。"}}),
        (N, {"act": "fairness", "result": "fair"}),
    ],
    "an agenda of the other side": [
        (N, {**MEETING, "agenda": ["Radio"]}),
        (C, {"act": "agenda", "topics": ["Radio", "Next"]}),
        (N, {"act": "agenda-agreement"}),
        (N, {"act": "agenda", "topics": ["Next"]}),
        (C, {"act": "agenda-agreement", "side": "nato"}),
    ],
    "an agenda that was taken, and that its side corrects in vain": [
        (N, {**MEETING, "agenda": ["Radio"]}),
        (C, {"act": "agenda-agreement"}),
        (N, correction(agenda=["Silence"])),
        (C, {"act": "agenda", "topics": ["Next"]}),
        (C, {"act": "agenda-agreement", "side": "nato"}),
    ],
}

OF_THREE: Final[dict[str, list[Step]]] = {
    "an amendment that three sides take": [
        (NH, {**consents.ITEM, "signatories": ["osce", "china"]}),
        (CH, {"act": "agreement"}),
        (OSCE, {"act": "agreement"}),
        (CH, amendment(host="china")),
        (NH, TAKES),
        (NH, TRANSLATES),
        (CH, READS),
        (OSCE, TAKES),
        (NH, TRANSLATES),
        (CH, READS),
    ],
    "agreements that were withdrawn": [
        (NH, {**consents.ITEM, "to": ["china", "osce"]}),
        (CH, {"act": "agreement"}),
        (CH, {"act": "consent-withdrawal", "of": f"{LAST} agreement"}),
        (NH, correction(host="nato")),
        (CH, {"act": "agreement"}),
        (NH, amendment(host="china")),
        (CH, TAKES),
        (CH, {"act": "consent-withdrawal", "of": f"{LAST} amendment-agreement"}),
        (OSCE, TAKES),
        (OSCE, {"act": "agreement"}),
        (CH, TAKES),
        (NH, TRANSLATES),
        (CH, READS),
    ],
    "an amendment that only those who are named take": [
        (NH, {**consents.ITEM, "to": ["china"]}),
        (CH, {"act": "agreement"}),
        (CH, amendment(host="china")),
        (NH, TAKES),
        (NH, TRANSLATES),
        (CH, READS),
    ],
    "an amendment that its own side took back": [
        (NH, {**consents.ITEM, "to": ["china", "osce"]}),
        (CH, {"act": "agreement"}),
        (OSCE, {"act": "agreement"}),
        (CH, amendment(host="china")),
        (NH, TAKES),
        (CH, {"act": "consent-withdrawal", "of": f"{LAST} amendment"}),
        (CH, amendment(topics=["语言"])),
        (NH, TAKES),
        (OSCE, TAKES),
        (NH, TRANSLATES),
        (CH, READS),
    ],
    "an amendment that recipients do not take": [
        (NH, {**consents.ITEM, "info": ["osce"]}),
        (CH, {"act": "agreement"}),
        (CH, amendment(host="china")),
        (NH, TAKES),
        (NH, TRANSLATES),
        (CH, READS),
    ],
    "an amendment that the signatories alone take": [
        (NH, {**consents.ITEM, "signatories": ["china"]}),
        (CH, {"act": "agreement"}),
        (CH, amendment(host="china")),
        (NH, TAKES),
        (NH, TRANSLATES),
        (CH, READS),
    ],
    "a release, which goes to every side": [
        (NH, act("release", to=["china"])),
        (CH, {"act": "release-consent"}),
        (NH, amendment(title="Another title")),
        (CH, TAKES),
        (NH, TRANSLATES),
        (CH, READS),
        (OSCE, TAKES),
        (NH, TRANSLATES),
        (CH, READS),
    ],
    "accounts that are taken back": [
        (N, act("encounter-report")),
        (C, {"act": "counter-account", "facts": "They passed at 700 m."}),
        (N, {"act": "accounts-agreement", "facts": "They passed."}),
        (C, {"act": "retraction", "fields": {"facts": "At 300 m."}, "reason": "No."}),
        (C, {"act": "reply", "text": "We look into it."}),
        (C, {"act": "retraction", "fields": {"text": "We looked."}, "reason": "No."}),
        (N, {"act": "retraction", "fields": {"description": "Two ships."}, "reason": "No."}),
        (N, {"act": "accounts-agreement", "facts": "They passed."}),
        (C, {"act": "counter-account", "facts": "At 250 m."}),
        (N, {"act": "accounts-agreement", "facts": "They passed."}),
    ],
    "agendas and readouts of three": [
        (N, {**MEETING, "agenda": ["Radio"]}),
        (C, {"act": "agenda", "topics": ["Next"]}),
        ("osce/o-1", {"act": "agenda-agreement", "side": "china"}),
        (N, {"act": "agenda-agreement", "side": "osce"}),
        (N, consents.HELD),
        (N, consents.READOUT),
        (C, {"act": "readout-agreement"}),
        ("osce/o-1", {"act": "readout-agreement", "side": "china"}),
    ],
}


def read(world: World, id: str) -> None:
    """Keep an agreement to a translation of the opening as it is now."""
    world.keep(N, TRANSLATES, id, seen=True)
    of = world.exchange(id).acts["translation"][-1].id
    kept = world.keep(C, {"act": "translation-agreement", "of": of}, id, seen=True)
    assert isinstance(kept, Folded) and kept.valid, kept


def spelt_otherwise(world: World) -> None:
    """Keep a readout whose author escaped characters that need no escape."""
    id = world.open(N, MEETING)
    world.keep(N, consents.HELD, id, seen=True)
    decided = world.decide(N, {**consents.READOUT, "topics": ["a/b", '"c"', "你\\"]}, id)
    assert isinstance(decided, Record)
    raw = decided.raw.replace(b"a/b", rb"\u0061\/b").replace("坦".encode(), rb"\u5766")
    assert raw != decided.raw and world.take(raw).valid
    kept = world.keep(C, {"act": "readout-agreement"}, id, seen=True)
    assert isinstance(kept, Folded) and kept.valid


def stale(world: World) -> None:
    """Keep a consent that names the terms of an earlier text, and is void."""
    id = world.open(NH, consents.ITEM)
    terms = consent.text_terms(world.exchange(id))
    etag = world.exchange(id).etag
    agreed = world.decide(CH, {"act": "agreement", "terms": terms}, id, etag, released_by=C)
    assert isinstance(agreed, Record)
    world.keep(NH, correction(host="china"), id, seen=True)
    assert not world.take(agreed).valid
    world.keep(CH, {"act": "agreement"}, id, seen=True)


def on_one_key(world: World) -> None:
    """Keep an amendment that is taken only with the second keys of both sides."""
    id = world.open(NH, consents.ITEM)
    world.keep(CH, {"act": "agreement"}, id, seen=True)
    waiting: list[tuple[str, str]] = []
    for actor, colleague, body in ((NH, N, amendment(host="china")), (CH, C, TAKES)):
        of = {"of": waiting[0][1]} if waiting else {}
        sent = world.keep(actor, {**body, **of}, id, seen=True, released_by="")
        assert isinstance(sent, Folded) and sent.valid and sent.record is not None, sent
        waiting.append((colleague, sent.record.envelope.id))
        read(world, id)
    for colleague, sent_id in reversed(waiting):
        kept = world.keep(colleague, {"act": "second-key", "of": sent_id}, id)
        assert isinstance(kept, Folded) and kept.valid, kept
        read(world, id)
    assert "host" in world.exchange(id).content


def worlds() -> dict[str, World]:
    """Return the channels whose consents are computed."""
    result = {f"the life of {name}": World() for name in LIVES}
    for name, life in LIVES.items():
        (opener, opening, _), *steps = life
        world = result[f"the life of {name}"]
        id = world.open(opener, act(opening) if isinstance(opening, str) else opening)
        for actor, step, _ in steps:
            world.keep(actor, act(step) if isinstance(step, str) else step, id, seen=True)
    for sides, stories in ((("nato", "china"), STORIES), (("nato", "china", "osce"), OF_THREE)):
        for name, story in stories.items():
            result[name] = World(sides=sides)
            consents.told(result[name], story)
    for tell in (spelt_otherwise, stale, on_one_key):
        result[tell.__name__] = World()
        tell(result[tell.__name__])
    return result


@pytest.mark.reads(*AUDIT, "docs/spec/**", "tests/foreign/*.mjs")
@pytest.mark.skipif(NODE is None, reason="node, which runs the verifier, is missing")
def test_the_verifier_from_the_page_computes_the_terms_of_every_consent(tmp_path: Path) -> None:
    assert NODE
    told = worlds()
    for name, world in told.items():
        written(tmp_path / f"{name}.zip", members_of(world, world.raws))
    ran = subprocess.run(
        [NODE, str(VERIFIER), "--batch"],
        input="\n".join(json.dumps({"path": str(tmp_path / f"{name}.zip")}) for name in told),
        capture_output=True,
        check=True,
        text=True,
    )
    named: set[str] = set()
    for (name, world), line in zip(told.items(), ran.stdout.splitlines(), strict=True):
        answer = msgspec.json.decode(line)
        assert answer["verdict"] == "verified", (name, answer["finding"])
        expected = {
            position: position not in world.ledger.void
            for position, raw in enumerate(world.raws, 1)
            if (record := parse_stored(raw)).name in consent.ACTS
            and record.envelope.subject != record.envelope.id
        }
        computed = {
            each["position"]: each["terms"] == each["computed"] for each in answer["consents"]
        }
        assert computed == expected, (name, answer["consents"])
        named |= {each["act"] for each in answer["consents"]}
    assert named == consent.ACTS

"""An evidence file: what our own log makes holds in Python and in JavaScript, and of every lie both
say at which record it is.
"""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

import commands
import views
from dragoman.domain.acts.families.channel import delivery_act, delivery_key
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.evidence import EvidenceRefuted, ProvedEvidence, verify
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.i18n.words import words
from dragoman.office.auditing import evidence_page
from dragoman.office.auditing.evidence_wording import wording_of
from dragoman.projection.projection import Projection
from dragoman.projection.queries.evidence_rows import evidence_records
from dragoman.projection.store import Store
from dragoman.reports import evidence_file
from dragoman.tlog import dsse, leaf, merkle, note
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.note import COSIGNATURE, Verifier, read_verifier
from dragoman_schemas.evidence import EvidenceFile, EvidenceRecord
from patience import PATIENCE_S
from trees import nodes_over
from world import NOTE, SALT, World, public_of, seed_of

SIDES: Final = ("nato", "china")
SIGNER, SECOND, KEEPER = "nato/signer", "nato/second", "nato/keeper"
KEPT: Final = "nato/second-kept"
HERE: Final = Path(__file__).parent


def witness_of(side: str) -> Verifier:
    return Verifier(f"{side}.example/witness", COSIGNATURE, dsse.public_of(seed_of(f"{side}/w")))


POLICY: Final = (
    "".join(f"witness {side}-1 {witness_of(side)}\ngroup {side} any {side}-1\n" for side in SIDES)
    + "group both all nato china\nquorum both\n"
)


class Log:
    """A log in which an exchange was signed, answered, and one of its keys reported as stolen."""

    def __init__(self, kind: str = "official", name: str = "nato-china") -> None:
        self.world = World(kind=kind, name=name)
        self.at: dict[str, int] = {}
        for side in SIDES:
            kept = self.world.keep(f"{side}/root", {"act": "policy-adoption", "policy": POLICY})
            self._valid(f"policy_{side}", kept)
        self._enter(KEEPER, ["administrator"])
        for owner in (SIGNER, SECOND):
            self._enter(owner, ["officer"])
        self.exchange = self._signed("opening", NOTE, SIGNER)
        reply = {"act": "reply", "text": "Read, and 你好."}
        self._valid("reply", self.world.keep("china/o-1", reply, self.exchange))
        self._signed("other", NOTE, SECOND)
        self._valid("delivery", self._delivered("china", self.at["opening"]))
        added = {"act": "key-addition", "officer": "signer", "keys": [public_of("nato/signer-2")]}
        self._valid("added", self.world.attested(added, KEEPER, "nato/signer-2", actor=KEEPER))
        self.second = self._signed("by another key", NOTE, SIGNER, "nato/signer-2")
        revoked = {
            "act": "key-revocation",
            "key": dsse.key_id(dsse.public_of(seed_of(SIGNER))),
            "suspect_from": self.at["opening"],
        }
        self._valid("revoked", self.world.attested(revoked, "nato/root"))
        roots = {
            "act": "root-rotation",
            "roots": [public_of("nato/root-2"), public_of("nato/root-3")],
            "threshold": 2,
        }
        self._valid(
            "rotation", self.world.attested(roots, "nato/root", "nato/root-2", "nato/root-3")
        )
        station = self._entry("nato/station", ["station"])
        roots_2 = ("nato/root-2", "nato/root-3")
        self._valid("station", self.world.attested(station, *roots_2, "nato/station"))
        by_station = {**added, "officer": "second", "keys": [public_of(KEPT)], "kept_by": "station"}
        self._valid("kept", self.world.attested(by_station, *roots_2, KEPT))
        self._signed("by the station", NOTE, SECOND, KEPT)
        self._void("late", self._record(NOTE, SIGNER))
        entry = self._entry("nato/false", ["administrator"])
        self._void("usurper", self.world.attested(entry, SECOND, "nato/false", actor=SECOND))

    def _entry(self, owner: str, roles: list[str]) -> dict[str, Any]:
        name = owner.partition("/")[2]
        return {
            "act": "officer",
            "officer": name,
            "office": "hq",
            "roles": roles,
            "keys": [public_of(owner)],
        }

    def _enter(self, owner: str, roles: list[str]) -> None:
        entry = self.world.attested(self._entry(owner, roles), "nato/root", owner)
        self._valid(owner, entry)

    def _valid(self, name: str, outcome: object) -> None:
        assert isinstance(outcome, Folded) and outcome.valid, outcome
        self.at[name] = outcome.position

    def _void(self, name: str, outcome: object) -> None:
        assert isinstance(outcome, Folded) and not outcome.valid, outcome
        self.at[name] = outcome.position

    def _signed(self, name: str, body: dict[str, Any], author: str, key: str = "") -> str:
        folded = self._record(body, author, key)
        self._valid(name, folded)
        assert folded.record is not None
        return folded.record.envelope.id

    def _record(self, body: dict[str, Any], author: str, key: str = "") -> Folded:
        world = self.world
        id = ids.from_key(world.name, author, f"signed-by-its-author-{world.position:06d}")
        raw, signed = world.sign(author, body, id, [key or author], exchange="", after="")
        envelope = records.envelope(
            id=id, source="/sides/nato/offices/hq", name=body["act"], version=1, subject=id, time=world.tick(), channel=world.name,
            family="contact", actor=author, decided=world.position, salt=SALT, signatures=signed,
        )  # fmt: skip
        return world.take(records.build(envelope, raw))

    def _delivered(self, side: str, upto: int) -> Folded:
        world, actor = self.world, "service/gateway"
        envelope = records.envelope(
            id=ids.from_key(world.name, actor, delivery_key(side, upto)), source="/services/gateway", name="delivery", version=1,
            subject=world.registry.id, time=world.tick(), channel=world.name, family="channel", actor=actor, decided=world.position,
            salt=SALT,
        )  # fmt: skip
        return world.take(records.build(envelope, delivery_act(side, upto)))

    def evidence(
        self,
        *names: str,
        cosigned_by: tuple[str, ...] = SIDES,
        positions: Iterable[int] = (),
        log: str = "log",
    ) -> EvidenceFile:
        """The evidence of the exchange, and more records if they are named; or these positions."""
        entries = [leaf.entry(index, leaf.commit(raw)) for index, raw in enumerate(self.world.raws)]
        nodes, registry = nodes_over(entries), self.world.registry
        head = Checkpoint(registry.origin, len(entries), merkle.root_of(nodes, len(entries)))
        lines = [note.sign(registry.origin, seed_of(log), head.text)]
        lines += [
            note.cosign(witness_of(side).name, seed_of(f"{side}/w"), head.text, 1_764_072_000)
            for side in cosigned_by
        ]
        chosen = {*positions} or {1, *(self.at[name] for name in (*OF_IT, *names))}
        return EvidenceFile(
            exchange=self.exchange,
            number="NATO-CN-0001",
            checkpoint=note.encode(head.text, lines).decode(),
            records=tuple(
                EvidenceRecord(
                    position=position,
                    record=self.world.raws[position - 1].decode(),
                    hashes=tuple(
                        dsse.encode_base64(data)
                        for data in merkle.inclusion(nodes, position - 1, len(entries))
                    ),
                )
                for position in sorted(chosen)
            ),
        )


OF_IT: Final = ("policy_nato", "policy_china", KEEPER, SIGNER, "opening", "reply", "revoked")
LOG: Final = Log()
Plain = dict[str, Any]


def plain(evidence: EvidenceFile) -> Plain:
    found: Plain = json.loads(msgspec.json.encode(evidence))
    return found


def at(body: Plain, name: str) -> Plain:
    """The record of a file that was recorded under a name."""
    position = 1 if name == "genesis" else LOG.at[name]
    record: Plain = next(each for each in body["records"] if each["position"] == position)
    return record


def without(name: str) -> Callable[[Plain], None]:
    return lambda body: body["records"].remove(at(body, name))


def spelt(name: str, old: str, new: str) -> Callable[[Plain], None]:
    def change(body: Plain) -> None:
        record = at(body, name)
        assert old in record["record"]
        record["record"] = record["record"].replace(old, new)

    return change


def head(old: str, new: str) -> Callable[[Plain], None]:
    def change(body: Plain) -> None:
        assert old in body["checkpoint"]
        body["checkpoint"] = body["checkpoint"].replace(old, new, 1)

    return change


def line(body: Plain, start: str) -> str:
    checkpoint: str = body["checkpoint"]
    return next(each for each in checkpoint.split("\n") if each.startswith(start))


def forged_head(body: Plain) -> None:
    """Sign a head of these records alone by another key."""
    origin = LOG.world.registry.origin
    text = body["checkpoint"].rpartition("\n\n")[0] + "\n"
    body["checkpoint"] = note.encode(text, [note.sign(origin, seed_of("liar"), text)]).decode()


def spoilt(start: str) -> Callable[[Plain], None]:
    """Flip a bit of a signature of the head."""

    def change(body: Plain) -> None:
        signed = line(body, start)
        name, encoded = signed.rsplit(" ", 1)
        raw = bytearray(base64.b64decode(encoded))
        raw[-5] ^= 1
        body["checkpoint"] = body["checkpoint"].replace(
            signed, f"{name} {dsse.encode_base64(bytes(raw))}"
        )

    return change


def swapped(body: Plain) -> None:
    one, other = at(body, "opening"), at(body, "reply")
    one["hashes"], other["hashes"] = other["hashes"], one["hashes"]


def added(*names: str) -> Callable[[Plain], None]:
    """Put in records that are in the log, and may be void."""

    def change(body: Plain) -> None:
        body["records"] = plain(LOG.evidence(*names))["records"]

    return change


def other_signature(body: Plain) -> None:
    record = at(body, "opening")
    text = record["record"]
    mark = '"signatures":"'
    begin = text.index(mark) + len(mark) + 65
    flipped = "B" if text[begin] != "B" else "C"
    record["record"] = text[:begin] + flipped + text[begin + 1 :]


ORIGIN: Final = LOG.world.registry.origin
LIES: Final[dict[str, tuple[str, Callable[[Plain], Any]]]] = {
    # where both must say it is, and the lie
    "a word of a message is another": ("opening", spelt("opening", "Met the", "Not the")),
    "a word of an unsigned answer is another": ("reply", spelt("reply", "Read", "Seen")),
    "a date is another": ("reply", spelt("reply", "2026-11-24T12", "2026-11-24T13")),
    "a signature is another": ("opening", other_signature),
    "the key of the author is entered nowhere": ("opening", without(SIGNER)),
    "the administrator is entered nowhere": ("added", lambda body: (added("added")(body), without(KEEPER)(body))),
    "an officer without the right enters an administrator": ("usurper", added("usurper", SECOND)),
    "a revoked key signed a note": ("late", added("late")),
    "two proofs changed places": ("opening", swapped),
    "a hash is missing": ("reply", lambda body: at(body, "reply")["hashes"].pop()),
    "a hash is no hash": ("reply", lambda body: at(body, "reply")["hashes"].append("%")),
    "a record stands at another position": ("", lambda body: at(body, "reply").update(position=LOG.at["reply"] + 1)),
    "the opening is missing": ("", without("genesis")),
    "the records are out of order": ("", lambda body: body["records"].reverse()),
    "a record comes twice": ("", lambda body: body["records"].append(body["records"][-1])),
    "there is no record": ("", lambda body: body["records"].clear()),
    "no record is of the exchange": ("", lambda body: body.update(exchange="0192f0c1-2f3a-7c4d-8e5f-112233445566")),
    "the head is of fewer records": ("", head(f"\n{LOG.world.position}\n", "\n3\n")),
    "the head is of another log": ("", head(ORIGIN, "example.org/other")),
    "the log did not sign the head": ("", lambda body: head(line(body, f"— {ORIGIN}") + "\n", "")(body)),
    "another key signed the head": ("", forged_head),
    "the signature of the log is spoilt": ("", spoilt(f"— {ORIGIN}")),
    "a cosignature is spoilt": ("", spoilt("— china.example/witness")),
    "the head is no note": ("", lambda body: body.update(checkpoint="head")),
    "a lone surrogate stands in a record": ("", spelt("opening", "Met the", "\ud800")),
    "the opening names another log key": ("genesis", spelt("genesis", '"log_key":"', '"log_key":"A')),
    "a side is left out of the opening": ("genesis", spelt("genesis", '"name":"china"', '"name":"chino"')),
    "the text is of another channel": ("", spelt("genesis", '"name":"nato-china"', '"name":"nato-chino"')),
}  # fmt: skip


def truths() -> dict[str, EvidenceFile]:
    exercise = Log("exercise", "nato-china-exercise")
    return {
        "all": LOG.evidence(),
        "more": LOG.evidence("other", SECOND, "added", "rotation"),
        "kept": LOG.evidence("other", SECOND, "rotation", "station", "kept", "by the station"),
        "half": LOG.evidence(cosigned_by=("nato",)),
        "none": LOG.evidence(cosigned_by=()),
        "exercise": exercise.evidence(),
    }


def in_javascript(cases: dict[str, Plain], tmp_path: Path) -> dict[str, Any]:
    node = shutil.which("node")
    if node is None and os.environ.get("DRAGOMAN_REQUIRE_BROWSER") == "1":
        pytest.fail("DRAGOMAN_REQUIRE_BROWSER=1, and there is no node")
    if node is None:
        pytest.skip("there is no node: install Node to run these")
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    module = evidence_page.script(("proof.js", "evidence.js"))
    (tmp_path / "verify.mjs").write_text(module + (HERE / "told.js").read_text())
    done = subprocess.run(
        [node, tmp_path / "verify.mjs", tmp_path / "cases.json"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={**os.environ, "NODE_NO_WARNINGS": "1"},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def told(proved: ProvedEvidence) -> Plain:
    """The statement of both languages about a file."""
    found = msgspec.to_builtins(proved)
    return {
        **{name: found[name] for name in ("channel", "cid", "log", "size", "root")},
        "sides": [*proved.sides],
        "exercise": proved.is_exercise,
        "witnesses": [*proved.witnesses],
        "cosigned": [*proved.cosigned_by],
        "final": proved.is_final,
        "records": [
            [each.position, each.word, each.act, each.actor, each.time, [*each.signers], [*each.signed_for], each.belongs, each.is_disputed]
            for each in proved.records
        ],
    }  # fmt: skip


def noted(log: World = LOG.world) -> Plain:
    return {"cid": log.registry.cid, "log": str(log_of(log.registry))}


def test_what_our_log_makes_holds_in_both_languages_alike(tmp_path: Path) -> None:
    found = truths()
    cases = {
        name: {"evidence": plain(evidence), "noted": {} if name == "exercise" else noted()}
        for name, evidence in found.items()
    }
    there = in_javascript(cases, tmp_path)
    for name, evidence in found.items():
        mine = {} if name == "exercise" else noted()
        log = read_verifier(mine["log"]) if mine else None
        proved = verify(evidence, cid=mine.get("cid", ""), log=log)
        assert there[name] == told(proved), name
    proved = verify(found["all"])
    words = {each.position: each for each in proved.records}
    assert words[LOG.at["opening"]].word == "author" and words[LOG.at["opening"]].signers == (
        SIGNER,
    )
    assert words[LOG.at["reply"]].word == "host" and words[LOG.at["reply"]].belongs
    assert [each.position for each in proved.records if each.is_disputed] == [LOG.at["opening"]]
    kept = {each.position: each.signed_for for each in verify(found["kept"]).records}
    assert kept[LOG.at["by the station"]] == (SECOND,)
    assert [who for position, who in kept.items() if position != LOG.at["by the station"]] == [
        ()
    ] * (len(kept) - 1)
    assert proved.is_final and not verify(found["half"]).is_final
    assert verify(found["half"]).cosigned_by == ("nato-1",)
    assert verify(found["exercise"]).is_exercise


HANDOVER: Final[Plain] = {"act": "log-handover", "epoch": 1, "key": public_of("heir")}
BOTH: Final = ("nato/root-2", "nato/root-3", "china/root")
WRONG: Final[dict[str, tuple[Plain, tuple[str, ...], Plain]]] = {
    # a handover without effect, and what is wrong with it
    "too few roots of a side": ({}, BOTH[1:], {"actor": "china/root"}),
    "an officer for a side": ({}, (SECOND, "china/root"), {"actor": "china/root"}),
    "another number": ({"epoch": 2}, BOTH, {}),
    "a key of an officer": ({"key": public_of(SECOND)}, BOTH, {}),
    "a key of a witness": ({"key": public_of("china/w")}, BOTH, {}),
    "the key before": ({"key": public_of("log")}, BOTH, {}),
    "a record too late": ({}, BOTH, {"decided": 5}),
    "a cut elsewhere": ({"cut": True}, BOTH, {"seen": {"size": 3, "root": "A" * 43 + "="}}),
}


def handed_over() -> Log:
    """A log with handovers that have no effect, and one by a root and an administrator."""
    log = Log()
    for name, (changes, owners, others) in WRONG.items():
        log._void(name, log.world.attested({**HANDOVER, **changes}, *owners, **others))
    log._valid("handover", log.world.attested(HANDOVER, KEEPER, "china/root", actor=KEEPER))
    return log


def test_a_head_after_a_handover_is_of_its_key_in_both_languages(tmp_path: Path) -> None:
    log = handed_over()
    mine = noted(log.world)
    good = log.evidence("handover", KEEPER, log="heir")
    since, key = log.at["handover"], log_of(log.world.registry).keys[1]
    lies = {
        "its record is missing": (0, log.evidence(log="heir")),
        "the head is of the key before": (0, log.evidence("handover")),
        **{name: (log.at[name], log.evidence("rotation", SECOND, name)) for name in WRONG},
    }
    cases: dict[str, Plain] = {
        name: {"evidence": plain(file), "noted": mine}
        for name, (_, file) in {"good": (0, good), **lies}.items()
    }
    cases["no cid"] = {**cases["good"], "noted": {"log": mine["log"]}}
    cases["proved"] = {**cases["good"], "handovers": True}
    cases["not proved"] = {**cases["its record is missing"], "handovers": True}
    there = in_javascript(cases, tmp_path)
    assert there["good"] == told(verify(good, cid=mine["cid"], log=read_verifier(mine["log"])))
    assert (there["proved"], there["not proved"]) == ([{"since": since, "log": str(key)}], [])
    assert there["no cid"]["code"] == "cid_wanted"
    assert refuted(plain(good), {"cid": "", "log": mine["log"]}) is not None
    for name, (position, file) in lies.items():
        place, _ = refuted(plain(file), mine) or (None, "")
        assert (name, place, there[name].get("position")) == (name, position, position)


def test_a_handover_needs_a_policy_that_asks_a_witness_of_every_side(tmp_path: Path) -> None:
    log = handed_over()
    body = plain(log.evidence("handover", KEEPER, log="heir"))
    body["records"] = [
        item for item in body["records"] if item["position"] != log.at["policy_china"]
    ]
    there = in_javascript({"lie": {"evidence": body, "noted": noted(log.world)}}, tmp_path)
    assert refuted(body, noted(log.world)) is not None
    assert (there["lie"]["code"], there["lie"]["position"]) == ("handover", log.at["handover"])


def test_every_lie_is_found_in_both_languages_at_the_same_record(tmp_path: Path) -> None:
    cases: dict[str, Plain] = {}
    for what, (_, lie) in LIES.items():
        body = plain(LOG.evidence())
        lie(body)
        cases[what] = {"evidence": body, "noted": noted()}
    there = in_javascript(cases, tmp_path)
    for what, (where, _) in LIES.items():
        expected = 1 if where == "genesis" else LOG.at.get(where, 0)
        assert refuted(cases[what]["evidence"]) is not None, what
        position, why = refuted(cases[what]["evidence"]) or (0, "")
        assert there[what].get("code"), f"JavaScript takes it: {what}"
        if where:
            assert (position, there[what]["position"]) == (expected, expected), (
                what,
                why,
                there[what],
            )


def refuted(body: Plain, mine: Plain | None = None) -> tuple[int, str] | None:
    """The place of a lie that Python finds, and its words; None if it finds none."""
    mine = noted() if mine is None else mine
    page = b'<script type="application/json" id="evidence">' + json.dumps(body).encode()
    try:
        evidence = evidence_file.read(page + b"</script></html>")
        verify(evidence, cid=mine["cid"], log=read_verifier(mine["log"]))
    except EvidenceRefuted as error:
        return error.position, str(error)
    except evidence_file.NotEvidence as error:
        return 0, str(error)
    return None


def test_a_file_of_another_channel_is_told_by_what_the_reader_wrote_down(tmp_path: Path) -> None:
    body = plain(LOG.evidence())
    other = str(Verifier("log.example/other", note.ED25519, dsse.public_of(seed_of("other"))))
    wrong = {
        "cid": {**noted(), "cid": "ab" * 32},
        "log": {**noted(), "log": other},
    }
    there = in_javascript(
        {name: {"evidence": body, "noted": mine} for name, mine in wrong.items()}, tmp_path
    )
    assert {name: told["code"] for name, told in there.items()} == {
        "cid": "other_cid",
        "log": "other_key",
    }
    assert all(refuted(body, mine) is not None for mine in wrong.values())


def test_a_page_has_what_it_verifies_and_nothing_that_a_text_can_put_there() -> None:
    evidence = LOG.evidence()
    nasty = '</script><script>alert("x")</script><!-- <script '
    changed = msgspec.structs.replace(evidence, number=nasty)
    for language in ("en", "fr", "zh-Hans", "de"):
        page = evidence_page.page(changed, language)
        assert evidence_file.read(page) == changed
        assert page.count(b"<script") == 3 and page.count(b"</script>") == 3
        assert b"http:" not in page and b"src=" not in page
    assert evidence_file.read(evidence_page.page(evidence, "en")) == evidence


CODED: Final[tuple[Plain, ...]] = (
    {
        "act": "hazardous-incident",
        "kind": "near_miss",
        "time": "unknown",
        "whose": ["nato", "china"],
        "facts": "near_miss",
        "on_scene_frequency": "near_miss",
        "continuing": True,
    },
    {"act": "correction", "fields": {"kind": "collision"}, "reason": "near_miss"},
    {"act": "officer", "officer": "duty_officer", "roles": ["duty_officer"]},
    {"act": "an-act-of-later", "kind": "near_miss"},
)


def test_a_code_has_a_word_in_each_language_and_a_side_s_own_words_have_none() -> None:
    english = wording_of(words("en"), CODED, "hazardous-incident")
    assert english == {
        "hazardous-incident": {
            "kind": {"near_miss": "near miss"},
            "time": {"unknown": "not known yet"},
            "continuing": {"true": "yes"},
        },
        "officer": {"roles": {"duty_officer": "duty officer"}},
    }
    french = wording_of(words("fr"), CODED, "hazardous-incident")
    assert french["hazardous-incident"]["kind"] == {"near_miss": "quasi-collision"}
    chinese = wording_of(words("zh"), CODED, "hazardous-incident")
    assert chinese["correction"] == {"fields/kind": {"collision": "相撞"}}
    assert "correction" not in wording_of(words("zh"), CODED, "")


def test_the_outcome_of_a_file_rests_on_none_of_its_words() -> None:
    page = evidence_page.page(LOG.evidence(), "fr")
    begin = page.index(b'id="words">') + len(b'id="words">')
    end = page.index(b"</script>", begin)
    assert b'"codes"' in page[begin:end] and b'"codes"' not in page[end:]
    for other in (b"{}", page[begin:end].upper(), b"<no JSON"):
        assert evidence_file.read(page[:begin] + other + page[end:]) == LOG.evidence()


def test_a_file_without_one_block_of_evidence_is_not_read() -> None:
    page = evidence_page.page(LOG.evidence(), "en")
    begin = page.index(b'<script type="application/json" id="evidence">')
    end = page.index(b"</script>", begin) + 9
    for wrong in (
        page[:begin] + page[end:],
        page[:begin] + page[begin:end] * 2 + page[end:],
        page.replace(b'"records":', b'"record":'),
    ):
        with pytest.raises(evidence_file.NotEvidence) as refusal:
            evidence_file.read(wrong)
        assert not isinstance(refusal.value, evidence_file.EvidenceCut)


def said_of(page: bytes, folder: Path) -> tuple[int, str]:
    """The exit code and the message of `dragoman audit verify`."""
    (path := folder / "evidence.html").write_bytes(page)
    done = commands.run(["audit", "verify", str(path)], environment=os.environ)
    return done.returncode, done.stderr


def test_a_page_that_was_cut_anywhere_is_said_to_be_incomplete_and_not_to_lie(
    tmp_path: Path,
) -> None:
    page = evidence_page.page(LOG.evidence(), "en")
    data = page.index(b'<script type="application/json" id="evidence">')
    for at in {*range(0, len(page) - 8, 97), data, *range(len(page) - 300, len(page))}:
        with pytest.raises(evidence_file.EvidenceCut):
            evidence_file.read(page[:at])
        assert evidence_page._WHOLE.encode() not in page[:at] or at > page.rindex(b"</script>")
    for at in (data - 1, data + 1000, len(page) - 1):
        code, told = said_of(page[:at], tmp_path)
        assert code == 7 and "is incomplete: a part of it is missing" in told
        assert "VERIFICATION FAILED" not in told


def test_data_that_end_too_early_are_cut_and_other_data_are_unreadable(tmp_path: Path) -> None:
    page = evidence_page.page(LOG.evidence(), "en")
    begin = page.index(b'id="evidence">') + len(b'id="evidence">')
    end = page.index(b"</script>", begin)
    data = page[begin:end]
    cuts = [data[:at] for at in range(0, len(data), 61)]
    others = [data.replace(b'"records":', b'"records"'), data + b"}", b"no JSON", data[1:]]
    texts = {str(number): text.decode(errors="ignore") for number, text in enumerate(cuts + others)}
    there = in_javascript({name: {"text": text} for name, text in texts.items()}, tmp_path)
    for name, text in texts.items():
        is_cut = int(name) < len(cuts)
        assert there[name]["code"] == ("cut" if is_cut else "format"), text[-40:]
        with pytest.raises(evidence_file.NotEvidence) as refusal:
            evidence_file.read(page[:begin] + text.encode() + page[end:])
        assert isinstance(refusal.value, evidence_file.EvidenceCut) == is_cut, text[-40:]


def test_a_wrong_proof_accuses_neither_the_log_nor_its_head(tmp_path: Path) -> None:
    body = plain(LOG.evidence())
    swapped(body)
    page = evidence_page.page(msgspec.convert(body, EvidenceFile), "en")
    code, told = said_of(page, tmp_path)
    assert code == 7
    assert f"record {LOG.at['opening']}: this record and its proof do not lead to" in told
    assert "nothing follows about the log" in told and "this accuses nobody" in told
    for lie in (swapped, LIES["a hash is missing"][1], LIES["a hash is no hash"][1]):
        body = plain(LOG.evidence())
        lie(body)
        _, why = refuted(body) or (0, "")
        assert "nothing follows about the log" in why
    for language, nobody in (
        ("en", "accuses nobody"), ("fr", "n’accuse personne"), ("zh", "并不指控任何人"),
    ):  # fmt: skip
        spoken = evidence_page._spoken(words(language), LOG.evidence())
        assert nobody in spoken["fails"] and nobody in spoken["fails_at"]


async def stored(world: World, folder: Path) -> Store:
    """The records of a world in a projection's file."""
    store = Store(folder / "projection.sqlite")
    projection = Projection(MemoryLog(world.name), store)
    projection.take(
        [
            StoredMessage(position=position, subject=f"s.{position}", raw=raw)
            for position, raw in enumerate(world.raws, 1)
        ]
    )
    await projection.in_file()
    return store


async def test_a_file_after_a_handover_has_what_proves_it(tmp_path: Path) -> None:
    log = handed_over()
    world = log.world
    store = await stored(world, tmp_path)
    found = views.found(store, world.name, evidence_records, world.registry, log.exchange, 100)
    assert {log.at["handover"], log.at[KEEPER]} < {*found}
    assert verify(log.evidence(positions=found, log="heir")).size == world.position
    of_none = views.found(store, world.name, evidence_records, world.registry, "", 100)
    needed = ("policy_nato", "policy_china", KEEPER, "rotation", "handover")
    assert {*of_none} == {1, *(log.at[name] for name in needed)}
    store.close()


async def test_a_file_has_the_exchange_and_what_its_proof_needs_and_nothing_else(
    tmp_path: Path,
) -> None:
    world = LOG.world
    store = await stored(world, tmp_path)

    def positions(exchange: str, size: int, most: int = 100) -> set[int]:
        found = views.found(
            store, world.name, evidence_records, world.registry, exchange, most, at=size
        )
        assert list(found) == sorted(found)
        assert all(raw == world.raws[position - 1] for position, raw in found.items())
        return {*found}

    expected = {1, *(LOG.at[name] for name in (*OF_IT, "delivery"))} - {LOG.at[KEEPER]}
    # the rotation ended the root key that entered the signer
    assert positions(LOG.exchange, world.position) == expected | {LOG.at["rotation"]}
    assert positions(LOG.exchange, LOG.at["reply"]) == {
        position for position in expected if position <= LOG.at["reply"]
    }
    of_another_key = positions(LOG.second, world.position)
    assert {LOG.at[name] for name in ("by another key", "added", KEEPER, SIGNER)} < of_another_key
    assert len(positions(LOG.exchange, world.position, 3)) == 4
    for size in (LOG.at["reply"], world.position):
        proved = verify(LOG.evidence(positions=positions(LOG.exchange, size)))
        assert proved.is_final
    store.close()

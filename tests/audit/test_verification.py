"""An auditor finds nothing in an export where nobody lied. The auditor finds each lie, its
position, the evidence and the party that it convicts.
"""

import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from dragoman.audit import export
from dragoman.audit.checks import check_export
from dragoman.audit.export import Export, NotAnExport
from dragoman.audit.verification import Verification
from dragoman.audit.verification_result import CosigningTime, Verified
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.erasure import named_in
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.record.codec import parse
from dragoman.tlog import dsse, leaf, note, policy
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.merkle import Frontier, leaf_hash
from prove import Log
from samples import act
from world import INCIDENT, NOTE, World, seed_of

Change = Callable[[list[bytes]], None]


def head_over(
    messages: list[bytes], origin: str = "example.org/nato-china", owner: str = "log"
) -> bytes:
    """The signed head of some messages."""
    frontier = Frontier()
    for index, raw in enumerate(messages):
        frontier = frontier.add(leaf_hash(leaf.entry(index, leaf.commit(raw))))
    head = Checkpoint(origin, frontier.size, frontier.root())
    return note.encode(head.text, [note.sign(origin, seed_of(owner), head.text)])


@pytest.fixture
def told(world: World) -> World:
    """A channel in which something happened."""
    incident = world.open("nato/d-1", INCIDENT)
    world.keep("china/d-1", act("acknowledgement"), incident)
    world.take(b"\x00junk\n")
    world.open("china/o-1", NOTE)
    world.keep("nato/root", {"act": "officer-revocation", "officer": "o-1"})
    return world


def exported(
    world: World, path: Path, change: Change | None = None, signed: bytes | None = None
) -> Path:
    """An export of a channel, whose host changed something after it signed the head, if so asked."""
    messages = list(world.raws)
    head = head_over(messages) if signed is None else signed
    if change is not None:
        change(messages)
    export.write(path, messages, about_of(world, len(messages)), head, len(messages))
    return path


def about_of(world: World, records: int) -> dict[str, object]:
    """Return the description of itself that an export of a channel holds."""
    registry = world.registry
    return {
        "name": registry.name, "cid": registry.cid, "kind": registry.kind, "custody": registry.custody,
        "sides": [side.name for side in registry.sides], "log": str(log_of(registry)), "records": records,
    }  # fmt: skip


def verified(path: Path, world: World, cid: str | None = None) -> Verified:
    verification = Verification(
        cid=world.registry.cid if cid is None else cid, log=log_of(world.registry)
    )
    with Export(path) as opened:
        check_export(verification, opened)
    return verification.result()


def test_nothing_is_found_where_nobody_lied(told: World, tmp_path: Path) -> None:
    result = verified(exported(told, tmp_path / "log.zip"), told)
    assert result.lie is None
    assert result.digest == told.ledger.standing.digest
    assert [finding.check for finding in result.findings] == [
        "opening",
        "records",
        "signatures",
        "numbers",
        "times",
        "seen",
        "head",
        "tiles",
    ]
    assert [void.partition(":")[0] for void in result.void] == ["14"]


def test_an_export_of_the_same_records_is_the_same_bytes(told: World, tmp_path: Path) -> None:
    one, other = (exported(told, tmp_path / name).read_bytes() for name in ("one.zip", "one.zip"))
    assert one == other


def test_every_message_is_exported_as_it_stands(told: World, tmp_path: Path) -> None:
    with Export(exported(told, tmp_path / "log.zip")) as opened:
        assert list(opened.messages()) == told.raws


def rewrite(messages: list[bytes]) -> None:
    messages[11] = messages[11].replace(b"passed close", b"passed far")


def drop(messages: list[bytes]) -> None:
    del messages[12]


def reorder(messages: list[bytes]) -> None:
    messages[11], messages[14] = messages[14], messages[11]


def cut(messages: list[bytes]) -> None:
    del messages[-1]


def junk(messages: list[bytes]) -> None:
    messages[11] = b"junk"


def headless(messages: list[bytes]) -> None:
    del messages[0]


LIES: dict[str, Change] = {
    "rewritten": rewrite, "dropped": drop, "reordered": reorder, "cut off": cut, "made junk": junk, "headless": headless,
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_an_export_that_was_made_anew_around_a_change_is_found_and_convicts_nobody(
    lie: str, told: World, tmp_path: Path
) -> None:
    found = verified(exported(told, tmp_path / "log.zip", LIES[lie]), told).lie
    assert found is not None
    assert (found.check, found.position) == ("records", 0), (
        "its tiles were made to fit, and lead nowhere"
    )
    assert (
        f"of the records from 1 to {len(told.raws)} at least one is not the one that was signed, or is missing"
        in found.what
    )
    assert "its carrier may have changed it, so that it convicts nobody" in found.evidence


def test_another_channel_under_the_same_name_is_found_by_its_cid(
    told: World, tmp_path: Path
) -> None:
    found = verified(exported(told, tmp_path / "log.zip"), told, cid="0" * 64).lie
    assert found is not None
    assert (found.check, found.position) == ("opening", 1)


def test_a_head_of_another_key_is_no_head_of_this_log(told: World, tmp_path: Path) -> None:
    path = exported(told, tmp_path / "log.zip", signed=head_over(told.raws, owner="another"))
    found = verified(path, told).lie
    assert found is not None
    assert (found.check, "none of this log" in found.what) == ("head", True)


@pytest.mark.parametrize("cosigned_by", ["witness", "another", ""])
def test_who_names_a_witness_wants_its_cosignature(cosigned_by: str, told: World) -> None:
    witness = note.Verifier(
        "nato.example/witness", note.COSIGNATURE, dsse.public_of(seed_of("witness"))
    )
    found = note.read(head_over(told.raws))
    lines = (
        [note.cosign(witness.name, seed_of(cosigned_by), found.text, 1_795_608_000)]
        if cosigned_by
        else []
    )
    verification = Verification(
        cid=told.registry.cid, log=log_of(told.registry), witnesses=[witness]
    )
    verification.take(told.raws)
    verification.head(note.encode(found.text, [*found.signatures, *lines]))
    assert (verification.lie is None) == (cosigned_by == "witness")
    if verification.lie is not None:
        assert "nato.example/witness cosigned no head" in verification.lie.what
    else:
        assert "cosigned by nato.example/witness" in verification.result().findings[-2].word


@pytest.mark.parametrize(
    ("by", "says"),
    [
        ((), "not countersigned"),
        (("nato",), "countersigned by nato, not final"),
        (("nato", "china"), "final"),
    ],
)
def test_it_is_said_how_far_the_policy_of_the_sides_is_satisfied(
    by: tuple[str, ...], says: str, told: World
) -> None:
    keys = {
        name: note.Verifier(
            f"{name}.example/w", note.COSIGNATURE, dsse.public_of(seed_of(f"{name}/w"))
        )
        for name in ("nato", "china")
    }
    text = (
        "".join(f"witness {name} {key}\n" for name, key in keys.items())
        + "group both all nato china\nquorum both\n"
    )
    for side in keys:
        told.keep(f"{side}/root", {"act": "policy-adoption", "policy": text})
    found = note.read(head_over(told.raws))
    lines = [
        note.cosign(keys[name].name, seed_of(f"{name}/w"), found.text, 1_795_608_000) for name in by
    ]
    signed = note.encode(found.text, [*found.signatures, *lines])
    verification = Verification(cid=told.registry.cid, log=log_of(told.registry))
    verification.take(told.raws)
    verification.head(signed)
    assert verification.result().findings[-1].found == says
    strict = Verification(log=log_of(told.registry), policy=log_policy.in_force(told.registry))
    strict.take(told.raws)
    strict.head(signed)
    assert (strict.lie is None) == (says == "final")


def test_an_old_cosignature_is_no_answer_where_a_new_one_is_asked_for(told: World) -> None:
    witness = note.Verifier("nato.example/w", note.COSIGNATURE, dsse.public_of(seed_of("nato/w")))
    found = note.read(head_over(told.raws))
    signed = note.encode(
        found.text,
        [
            *found.signatures,
            note.cosign(witness.name, seed_of("nato/w"), found.text, 1_795_608_000),
        ],
    )
    for not_before in (0, 1_795_608_000, 1_795_608_001):
        verification = Verification(
            log=log_of(told.registry), witnesses=[witness], not_before=not_before
        )
        verification.take(told.raws)
        verification.head(signed)
        stale = not_before > 1_795_608_000
        assert (None if verification.lie is None else verification.lie.check) == (
            "freshness" if stale else None
        )
        if not stale:
            assert "cosigned at 2026-11-25T12:00:00Z" in str(verification.result().findings[-1])


COSIGNED = 1_795_608_000
KEYS = {
    name: note.Verifier(f"{name}.example/w", note.COSIGNATURE, dsse.public_of(seed_of(f"{name}/w")))
    for name in ("nato", "china")
}
BOTH = (
    "".join(f"witness {name} {key}\n" for name, key in KEYS.items())
    + "group both all nato china\nquorum both\n"
)


def cosigned(told: World, **times: int) -> bytes:
    """The head of a log, cosigned by these witnesses at these times."""
    found = note.read(head_over(told.raws))
    lines = [
        note.cosign(KEYS[name].name, seed_of(f"{name}/w"), found.text, time)
        for name, time in times.items()
    ]
    return note.encode(found.text, [*found.signatures, *lines])


@pytest.mark.parametrize("asked", ["witnesses", "policy"])
def test_every_witness_that_is_asked_for_is_to_be_fresh_and_not_just_one_of_them(
    asked: str, told: World
) -> None:
    log = log_of(told.registry)
    given = policy.read(log_policy.policy_file(log, BOTH)) if asked == "policy" else None
    for nato in (COSIGNED, COSIGNED + 60):
        verification = Verification(
            log=log, witnesses=() if given else tuple(KEYS.values()), policy=given, not_before=COSIGNED + 30
        )  # fmt: skip
        verification.take(told.raws)
        verification.head(cosigned(told, nato=nato, china=COSIGNED + 60))
        if nato == COSIGNED:
            assert verification.lie is not None
            named = "nato.example/w" if asked == "witnesses" else "the quorum of the policy given"
            assert (verification.lie.check, named in verification.lie.what) == ("freshness", True)
        else:
            assert verification.lie is None


@pytest.mark.parametrize("asked", ["witnesses", "policy", "log"])
def test_who_asks_for_anything_under_a_head_asks_for_a_head(asked: str, told: World) -> None:
    log = log_of(told.registry)
    verification = Verification(
        cid=told.registry.cid,
        log=log if asked == "log" else None,
        witnesses=tuple(KEYS.values()) if asked == "witnesses" else (),
        policy=policy.read(log_policy.policy_file(log, BOTH)) if asked == "policy" else None,
    )
    verification.take(told.raws)
    verification.head(None)
    assert verification.lie is not None
    assert "no signed head is here" in verification.lie.what


def test_a_policy_of_another_log_is_not_satisfied_by_this_one(told: World) -> None:
    other = note.Verifier(
        "example.org/nato-china", note.ED25519, dsse.public_of(seed_of("another"))
    )
    verification = Verification(policy=policy.read(log_policy.policy_file(other, "quorum none\n")))
    verification.take(told.raws)
    assert verification.lie is not None
    assert (verification.lie.check, "than the policy" in verification.lie.what) == ("opening", True)


def test_records_at_the_end_that_nobody_signed_are_told(told: World) -> None:
    for whole in (True, False):
        verification = Verification(cid=told.registry.cid, log=log_of(told.registry))
        verification.take(told.raws)
        verification.head(head_over(told.raws[:-2]), whole=whole)
        if whole:
            assert verification.lie is not None
            assert (
                verification.lie.position,
                verification.lie.what.startswith("2 records at the end"),
            ) == (len(told.raws) - 1, True)
        else:
            assert verification.lie is None
            assert "2 came after it, under no signed head yet" in str(
                verification.result().findings[-1]
            )


def test_a_record_that_is_dated_past_its_cosignature_is_dated_ahead(told: World) -> None:
    now = int(datetime.fromisoformat(told.ledger.standing.state.time).timestamp())
    for time, holds in ((now, True), (now - 9, True), (now - 12, False)):
        verification = Verification(log=log_of(told.registry), witnesses=[KEYS["nato"]])
        verification.take(told.raws)
        verification.head(cosigned(told, nato=time))
        assert (verification.lie is None) == holds
        if verification.lie is not None:
            assert (
                verification.lie.check,
                "nato.example/w cosigned a head that has it" in verification.lie.what,
            ) == ("times", True)


@pytest.mark.parametrize(("shift", "says"), [(0, ""), (30, "dated back"), (-30, "dated ahead")])
def test_a_record_is_dated_between_the_two_cosignatures_of_ones_own_witness_between_which_it_came(
    shift: int, says: str, told: World
) -> None:
    kept = [
        CosigningTime(
            size=position,
            time=int(datetime.fromisoformat(parse(raw).envelope.time).timestamp()) + shift,
        )
        for position, raw in enumerate(told.raws, 1)
        if position % 2 and not raw.startswith(b"\x00")
    ]
    verification = Verification(log=log_of(told.registry), cosigned=kept)
    verification.take(told.raws)
    assert (verification.lie is None) == (not says)
    if verification.lie is not None:
        assert (verification.lie.check, says in verification.lie.what) == ("times", True)


def test_a_log_without_its_genesis_is_no_channel(told: World, tmp_path: Path) -> None:
    path = exported(told, tmp_path / "log.zip", headless)
    verification = Verification()
    with Export(path) as opened:
        check_export(verification, opened)
    found = verification.lie
    assert found is not None, "nothing says whose head it is, where no key is given"
    assert (found.check, "not a channel" in found.what) == ("opening", True)


def changed(path: Path, name: str, body: bytes | None) -> Path:
    """The archive with another content of one member, or without it."""
    members: dict[str, bytes | None] = {
        each: zipfile.ZipFile(path).read(each) for each in zipfile.ZipFile(path).namelist()
    }
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in {**members, name: body}.items():
            if content is not None:
                archive.writestr(each, content)
    return path


def test_no_records_are_no_log(told: World, tmp_path: Path) -> None:
    for body in (None, head_over(told.raws)):
        path = changed(
            exported(told, tmp_path / "log.zip", lambda messages: messages.clear()),
            "checkpoint",
            body,
        )
        found = verified(path, told).lie
        assert found is not None
        assert (found.check, found.position) == ("opening", 0)


def test_who_knows_the_logs_key_wants_a_head(told: World, tmp_path: Path) -> None:
    path = changed(exported(told, tmp_path / "log.zip", cut), "checkpoint", None)
    found = verified(path, told).lie
    assert found is not None
    assert (found.check, "no signed head" in found.what) == ("head", True)


def test_every_tile_of_the_head_is_wanted(told: World, tmp_path: Path) -> None:
    path = exported(told, tmp_path / "log.zip")
    name = next(
        each for each in zipfile.ZipFile(path).namelist() if each.startswith("tile/entries/")
    )
    found = verified(changed(path, name, None), told).lie
    assert found is not None
    assert (found.check, found.what) == ("tiles", f"{name} is not here")


@pytest.mark.parametrize(
    ("name", "value"),
    [("name", "other"), ("cid", "0" * 64), ("log", "example.org+00000000+AA=="), ("records", 5)],
)
def test_what_an_export_says_of_itself_is_what_its_records_say(
    name: str, value: object, told: World, tmp_path: Path
) -> None:
    path = exported(told, tmp_path / "log.zip")
    about = {**json.loads(zipfile.ZipFile(path).read("channel.json")), name: value}
    found = verified(changed(path, "channel.json", json.dumps(about).encode()), told).lie
    assert found is not None
    assert (found.check, name in found.what) == ("description", True)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("channel.json", b"[]"),
        ("channel.json", b"[" * 100_000),
        ("channel.json", None),
        ("records2.ndjson", b"{}"),
        ("../../evil", b"x"),
        ("checkpoint", b"x" * 2_000_000),
        ("records.ndjson", b"[" * 100_000 + b"\n"),
        ("records.ndjson", b"x" * 5_000_000),
    ],
)
def test_a_hostile_archive_is_no_export(
    name: str, body: bytes | None, told: World, tmp_path: Path
) -> None:
    path = changed(exported(told, tmp_path / "log.zip"), name, body)
    with pytest.raises(NotAnExport):
        verified(path, told)


def test_a_member_is_there_once(told: World, tmp_path: Path) -> None:
    path = exported(told, tmp_path / "log.zip")
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("records.ndjson", b"")
    with pytest.raises(NotAnExport, match="twice"):
        Export(path)


def test_a_damaged_member_is_said(told: World, tmp_path: Path) -> None:
    path = exported(told, tmp_path / "log.zip")
    at = zipfile.ZipFile(path).getinfo("checkpoint").header_offset + 60
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)
    with pytest.raises(NotAnExport, match="checkpoint cannot be read"):
        verified(path, told)


def test_a_tile_that_the_records_do_not_make_is_found(told: World, tmp_path: Path) -> None:
    path = exported(told, tmp_path / "log.zip")
    name = next(each for each in zipfile.ZipFile(path).namelist() if each.startswith("tile/0/"))
    raw = bytearray(zipfile.ZipFile(path).read(name))
    raw[5] ^= 1
    found = verified(changed(path, name, bytes(raw)), told).lie
    assert found is not None
    assert (found.check, name in found.what) == ("tiles", True)


def test_a_signature_that_does_not_hold_makes_a_void_record_that_is_listed(
    told: World, tmp_path: Path
) -> None:
    messages = list(told.raws)
    messages[-1] = messages[-1].replace(b'"officer":"o-1"', b'"officer":"d-1"')
    export.write(
        tmp_path / "log.zip",
        messages,
        about_of(told, len(messages)),
        head_over(messages),
        len(messages),
    )
    result = verified(tmp_path / "log.zip", told)
    assert result.lie is None, (
        "whoever signs such a head has signed a void record, which has no effect"
    )
    assert any(void.startswith(f"{len(messages)}:") for void in result.void)


@pytest.mark.parametrize("body", [b"", b"no zip", b"PK\x03\x04"])
def test_what_is_no_export_is_refused(body: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.zip"
    path.write_bytes(body)
    with pytest.raises(NotAnExport):
        Export(path)


def test_words_that_lead_an_auditor_elsewhere_are_a_lie(told: World, tmp_path: Path) -> None:
    path = exported(told, tmp_path / "log.zip")
    with Export(path) as opened:
        readme = opened.readme
    assert readme is not None
    found = verified(changed(path, "README.md", readme.replace(b"--cid", b"--no-cid")), told).lie
    assert found is not None
    assert (found.check, "README.md" in found.what) == ("description", True)


def test_an_export_that_cannot_be_written_leaves_nothing_behind(
    told: World, tmp_path: Path
) -> None:
    about = about_of(told, len(told.raws))
    with pytest.raises(OSError, match="No such file"):
        export.write(tmp_path / "nowhere" / "log.zip", told.raws, about, None, 0)
    (tmp_path / "log.zip").mkdir()
    with pytest.raises(OSError, match="directory"):
        export.write(tmp_path / "log.zip", told.raws, about, None, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["log.zip"]


def test_a_line_that_is_neither_a_record_nor_junk_is_refused(told: World, tmp_path: Path) -> None:
    path = changed(exported(told, tmp_path / "log.zip"), "records.ndjson", b"hello\n")
    with pytest.raises(NotAnExport, match="neither a record nor junk"), Export(path) as opened:
        list(opened.messages())


def test_the_readme_of_an_export_says_how_to_do_without_us(told: World, tmp_path: Path) -> None:
    archive = zipfile.ZipFile(exported(told, tmp_path / "log.zip"))
    readme = archive.read("README.md").decode()
    assert told.registry.cid in readme
    assert readme == export.readme_of(
        "nato-china", told.registry.cid, str(log_of(told.registry)), len(told.raws)
    )
    assert json.loads(archive.read("channel.json"))["records"] == len(told.raws)


def test_acts_over_a_head_long_past_or_older_than_before_are_listed() -> None:
    log = Log()
    while len(log.messages) < 2_300:
        log.say(signed=True)
        if len(log.messages) == 1_200:
            newest, log._head = log._head, (3, log.root_at(3))
            log.say(signed=True)
            log._head = newest
    verification = Verification(cid=log.cid)
    verification.take(log.messages)
    (seen,) = (each for each in verification.result().findings if each.check == "seen")
    assert (
        seen.found.startswith("1 acts signed over an older head")
        and "1201 was signed over a head of 3 records, after one of" in seen.found
    )
    late = Log()
    while len(late.messages) < 1_200:
        late.say(signed=False)
    late._head = (3, late.root_at(3))
    late.say(signed=True)
    verification = Verification(cid=late.cid)
    verification.take(late.messages)
    (seen,) = (each for each in verification.result().findings if each.check == "seen")
    assert "1201 was signed over a head of 3 records" in seen.found


# Erasures


def erased(told: World, *owners: str) -> tuple[World, int]:
    """A log in which one note was to be erased, by these keys, and its entry stands in its place;
    and its position.
    """
    id = told.open("nato/o-1", NOTE)
    at = told.exchange(id).opened.position
    act = {
        "act": "erasure",
        "records": [msgspec.to_builtins(each) for each in told.ledger.records_of(id)],
    }
    told.attested(act, *owners)
    told.raws[at - 1] = leaf.entry(at - 1, leaf.commit(told.raws[at - 1]))
    return told, at


def looked_at(raws: list[bytes]) -> Verification:
    verification = Verification(cid="")
    verification.erasures = lambda: named_in(enumerate(raws, 1))
    verification.take(raws)
    return verification


def test_what_every_side_has_erased_is_no_lie() -> None:
    told, _ = erased(World(), "nato/root", "china/root")
    verification = looked_at(told.raws)
    assert verification.lie is None
    assert "1 erased by the consent of every side" in next(
        each.found for each in verification.result().findings if each.check == "records"
    )


@pytest.mark.parametrize("ending", ["it never comes", "another record comes"])
def test_what_an_erasure_names_that_is_shown_and_not_in_the_log_is_withheld(ending: str) -> None:
    told, at = erased(World(), "nato/root", "china/root")
    for _ in range(3):
        told.open("nato/o-1", NOTE)
    by = next(iter({each.by for each in named_in(enumerate(told.raws, 1)).values()}))
    raws = (
        told.raws[: by - 1]
        if ending == "it never comes"
        else [*told.raws[: by - 1], *told.raws[by:]]
    )
    verification = Verification(cid="")
    verification.erasures = lambda: named_in(enumerate(told.raws, 1))
    verification.take(raws)
    verification.head(None)
    lie = verification.lie
    assert lie is not None and (lie.check, lie.position) == ("erasure", at)
    assert ("did not come" if ending == "it never comes" else "is not an erasure of it") in lie.what


def test_what_one_side_alone_has_erased_is_withheld() -> None:
    told, at = erased(World(), "nato/root")
    lie = looked_at(told.raws).lie
    assert lie is not None and (lie.check, lie.position) == ("erasure", at)
    assert "is without effect: Root or an administrator of china has not signed" in lie.what


# Who is accused, and of what


def dated(world: World, *, signed: bytes | None) -> str:
    """Return the finding about a log. Its last record is dated an hour before the head that lacked
    the record was cosigned.
    """
    last = int(datetime.fromisoformat(parse(world.raws[-1]).envelope.time).timestamp())
    verification = Verification(
        log=log_of(world.registry) if signed else None,
        cosigned=[CosigningTime(size=len(world.raws) - 1, time=last + 3_600)],
    )
    verification.take(world.raws)
    verification.head(signed, whole=False)
    assert verification.lie is not None
    return f"{verification.lie.check}: {verification.lie.evidence}"


def test_the_host_is_accused_of_a_date_only_where_its_key_has_signed_the_record(
    told: World,
) -> None:
    assert (
        "times" in (said := dated(told, signed=head_over(told.raws)))
        and "they convict the host" in said
    )
    for signed in (head_over(told.raws[:-1]), None):
        assert "times" in (said := dated(told, signed=signed)) and "convict the host" not in said
    other = [*told.raws[:-1], b"junk"]
    assert (
        "records" in (said := dated(told, signed=head_over(other)))
        and "convict the host" not in said
    )


def test_what_is_said_of_an_erasure_that_no_head_covers_rests_on_these_bytes() -> None:
    told, at = erased(World(), "nato/root")
    verification = looked_at(told.raws)
    verification.head(None)
    assert verification.lie is not None
    assert (
        verification.lie.position == at
        and "no signed head shows that these are the bytes that were signed"
        in verification.lie.evidence
    )

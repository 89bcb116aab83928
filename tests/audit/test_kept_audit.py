"""An audit that goes on from a kept one comes to what an audit from the first record comes to,
wherever the kept one ended, and whatever was changed before or behind its end.
"""

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from msgspec import Struct

from dragoman.audit import kept_audit
from dragoman.audit.export import NotAnExport, message_of
from dragoman.audit.kept_audit import KeptAudit, KeptAuditUnusable
from dragoman.audit.verification import Verification
from dragoman.audit.verification_result import CheckResult
from dragoman.cli.audit.verify import verify_command
from dragoman.cli.common import Target, UsageError
from dragoman.domain.acts.erasure import leaf_entry, named_in
from dragoman.eventlog.archive import Archive
from dragoman.tlog import leaf
from tampering import LOG, Tampered, honest, kinds, members_of, root_of, signed, written
from world import NOTE, World

WHOLE = honest(erasure=False)
WITH_ERASURE = honest(erasure=True)
SHOWN = Target(json=True)


def messages_of(log: object) -> list[bytes]:
    return [message_of(line) for line in log.lines]  # type: ignore[attr-defined]


def head_of(messages: list[bytes]) -> bytes:
    named = named_in(enumerate(messages, 1))
    entries = [leaf_entry(at, raw, named) for at, raw in enumerate(messages, 1)]
    return signed(len(messages), root_of(entries))


def verification_of(
    messages: list[bytes], size: int, cid: str, base: KeptAudit | None = None
) -> Verification:
    """Return the verification of the first messages, after those of a kept audit."""
    verification = Verification(cid=cid, log=LOG, base=base)
    verification.erasures = lambda: named_in(enumerate(messages, 1))
    verification.take(messages[verification.begins_after : size])
    verification.head(head_of(messages[:size]))
    return verification


def keep(folder: Path, messages: list[bytes], size: int, cid: str) -> Path:
    """Keep an audit of the first messages."""
    assert verification_of(messages, size, cid).keep(folder) == ""
    return folder


def judged(verification: Verification) -> list[CheckResult]:
    return [each for each in verification.result().findings if each.check != "kept audit"]


@pytest.mark.parametrize("log", [WHOLE, WITH_ERASURE], ids=["whole", "with an erasure"])
def test_a_chain_of_audits_comes_to_what_one_audit_comes_to(log: object, tmp_path: Path) -> None:
    messages, cid = messages_of(log), log.cid  # type: ignore[attr-defined]
    begin = max(1, getattr(log, "erasure", 0))
    folder = tmp_path / "state"
    for size in [*range(begin, len(messages) + 1), len(messages)]:
        base = kept_audit.kept_in(folder)
        going, anew = (verification_of(messages, size, cid, base) for base in (base, None))
        assert going.lie is None and judged(going) == judged(anew)
        one, other = going.result(), anew.result()
        assert (one.digest, one.void, one.disputed) == (other.digest, other.void, other.disputed)
        assert going.replay.result() == anew.replay.result()
        assert going.replay.encoded == anew.replay.encoded
        for ask in questions(anew, messages, size):
            assert ask(going) == ask(anew)
        assert going.keep(folder) == ""
        if base is not None:
            base.close()
    assert len(list(folder.glob("*.sqlite"))) < 8


def questions(
    anew: Verification, messages: list[bytes], size: int
) -> Iterator[Callable[[Verification], object]]:
    """Yield all questions that a fold asks about the records before."""
    replay = anew.replay
    for at in range(1, size + 1):
        yield lambda of, at=at: (of.replay.root(at), of.replay.actor(at))  # type: ignore[misc]
        yield lambda of, at=at: of.replay.commit_at(at - 1)  # type: ignore[misc]
    for level in range(size.bit_length()):
        for index in range(size >> level):
            yield lambda of, level=level, index=index: of.replay.nodes(level, index)  # type: ignore[misc]
    for id, encoded in replay.encoded.items():
        yield lambda of, id=id: (of.replay.exchange(id), of.replay.used(id))  # type: ignore[misc]
        yield lambda of, id=id: list(of.replay.records_of(id))  # type: ignore[misc]
        number = json.loads(encoded).get("number", "")
        yield lambda of, number=number: of.replay.numbered(number)  # type: ignore[misc]
    for side in ("nato", "china"):
        yield lambda of, side=side: of.replay.office(side)  # type: ignore[misc]


class Outcome(Struct, frozen=True):
    """The exit code of a command and the first fault that it names."""

    code: int
    fault: str


def command(path: Path, cid: str, capsys: pytest.CaptureFixture[str], **options: object) -> Outcome:
    """Run `audit verify` on a file."""
    capsys.readouterr()
    try:
        code = asyncio.run(
            verify_command(path, cid=cid, log=str(LOG), target=SHOWN, **options)  # type: ignore[arg-type]
        )
    except NotAnExport as error:
        return Outcome(7, str(error))
    return Outcome(code, str(json.loads(capsys.readouterr().out)["lie"]))


LOGS = {"whole": (WHOLE, 12), "with an erasure": (WITH_ERASURE, WITH_ERASURE.erasure)}
"""Logs, and where their audits were kept: there are changes before and behind it."""
CASES = {
    f"{name}: {each.name}": (name, log, each)
    for name, (log, _) in LOGS.items()
    for each in kinds(log)
}


@pytest.fixture(scope="module")
def audits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Audits that were kept before anything was changed, by the names of their logs."""
    return {
        name: keep(tmp_path_factory.mktemp("kept") / "state", messages_of(log), cut, log.cid)
        for name, (log, cut) in LOGS.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_a_tampered_export_is_found_as_from_the_first_record(
    name: str, audits: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, log, tampered = CASES[name]
    state = Path(shutil.copytree(audits[whole], tmp_path / "state"))
    before = {path.name: path.read_bytes() for path in state.iterdir()}
    path = made(tmp_path / "log.zip", tampered)
    anew = command(path, log.cid, capsys)
    # A file whose opening was changed is refused as the log of another channel.
    with suppress(UsageError) if anew.code == 7 else nullcontext():
        assert command(path, log.cid, capsys, state=state) == anew
    if anew.code:
        assert {path.name: path.read_bytes() for path in state.iterdir()} == before


def made(path: Path, tampered: Tampered) -> Path:
    written(path, tampered.members)
    if tampered.raw is not None:
        path.write_bytes(tampered.raw(path.read_bytes()))
    return path


@pytest.fixture
def talk() -> World:
    """A channel in which each side spoke a few times."""
    world = World()
    for number in range(12):
        world.open(("nato/o-1", "china/o-1")[number % 2], NOTE)
    return world


def test_every_byte_of_a_kept_audit_is_checked(talk: World, tmp_path: Path) -> None:
    messages, cid = talk.raws, talk.registry.cid
    state = keep(tmp_path / "state", messages, len(messages), cid)
    for path in sorted(state.iterdir()):
        whole = path.read_bytes()
        step = max(1, len(whole) // 40)
        for at in range(0, len(whole), step):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(KeptAuditUnusable, match="damaged"):
                kept_audit.kept_in(state)
        for change in (whole[:-1], whole + b"x"):
            path.write_bytes(change)
            with pytest.raises(KeptAuditUnusable, match="damaged"):
                kept_audit.kept_in(state)
        path.unlink()
        with pytest.raises(KeptAuditUnusable, match="damaged"):
            kept_audit.kept_in(state)
        path.write_bytes(whole)
    audit = kept_audit.kept_in(state)
    assert audit is not None and audit.size == len(messages)
    audit.close()


def test_a_damaged_audit_is_set_aside_by_from_start_alone(
    talk: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    messages, cid = talk.raws, talk.registry.cid
    state = keep(tmp_path / "state", messages, len(messages), cid)
    path = written(tmp_path / "log.zip", members_of(talk, messages))
    (state / "audit.json").write_bytes(b"{}")
    with pytest.raises(KeptAuditUnusable, match="accuses nobody"):
        command(path, cid, capsys, state=state)
    assert command(path, cid, capsys, state=state, from_start=True) == Outcome(0, "None")
    assert (tmp_path / "state.aside-1" / "audit.json").read_bytes() == b"{}"
    assert command(path, cid, capsys, state=state) == Outcome(0, "None")


@pytest.mark.parametrize("from_start", [False, True])
def test_a_log_that_went_back_is_told_with_both_heads(
    from_start: bool, talk: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    messages, cid = talk.raws, talk.registry.cid
    state = keep(tmp_path / "state", messages, len(messages), cid)
    older = written(tmp_path / "log.zip", members_of(talk, messages[:-3]))
    went_back = command(older, cid, capsys, state=state, from_start=from_start)
    assert went_back.code == 7 and "goes back behind" in went_back.fault
    assert (state / "head.note").read_bytes() == head_of(messages)
    size = len(messages) - 3
    assert (state / f"contradiction-{size}.note").read_bytes() == head_of(messages[:-3])
    newer = written(tmp_path / "new.zip", members_of(talk, messages))
    assert command(newer, cid, capsys, state=state).code == 0


def test_a_forked_log_is_told_with_both_heads(
    talk: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cid = talk.registry.cid
    branch = list(talk.raws)
    talk.open("nato/o-1", NOTE)
    state = keep(tmp_path / "state", talk.raws, talk.position, cid)
    other = World()
    for number in range(14):
        other.open("china/o-1" if number > 11 else ("nato/o-1", "china/o-1")[number % 2], NOTE)
    if other.registry.cid != cid or other.raws[: len(branch)] != branch:
        branch = [*branch, b"another record", b"and one more"]
    else:
        branch = list(other.raws)
    forked = written(tmp_path / "log.zip", members_of(talk, branch))
    assert command(forked, cid, capsys).code == 0
    told = command(forked, cid, capsys, state=state)
    assert told.code == 7 and "was forked" in told.fault and "contradiction-" in told.fault


def test_an_erasure_after_the_kept_audit_is_no_fault(
    talk: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cid = talk.registry.cid
    exchange = talk.open("nato/o-1", NOTE)
    at = talk.exchange(exchange).opened.position
    talk.open("china/o-1", NOTE)
    state = keep(tmp_path / "state", talk.raws, talk.position, cid)
    records = [
        {"position": each.position, "commit": each.commit, "id": each.id, "type": each.type,
         "subject": each.subject, "time": each.time, "actor": each.actor}
        for each in talk.ledger.records_of(exchange)
    ]  # fmt: skip
    assert talk.attested({"act": "erasure", "records": records}, "nato/root", "china/root").valid
    messages = list(talk.raws)
    messages[at - 1] = leaf.entry(at - 1, leaf.commit(messages[at - 1]))
    path = written(tmp_path / "log.zip", members_of(talk, messages))
    assert command(path, cid, capsys, state=state) == Outcome(0, "None")
    assert command(path, cid, capsys, state=state) == Outcome(0, "None")
    audit = kept_audit.kept_in(state)
    assert audit is not None and audit.size == len(messages)
    audit.close()


def test_the_audit_of_another_channel_or_another_command_is_refused(
    talk: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = World(languages=["zh"])
    state = keep(tmp_path / "state", other.raws, other.position, other.registry.cid)
    path = written(tmp_path / "log.zip", members_of(talk, talk.raws))
    for cid in ("", talk.registry.cid):
        with pytest.raises(UsageError, match="another"):
            command(path, cid, capsys, state=state)
    replay = verification_of(talk.raws, talk.position, "").replay
    kept_audit.keep(tmp_path / "replay", replay, head_of(talk.raws), before=None)
    with pytest.raises(UsageError, match="kept by `audit replay`"):
        command(path, "", capsys, state=tmp_path / "replay")
    with pytest.raises(UsageError, match="needs --state"):
        command(path, "", capsys, from_start=True)


def test_another_program_begins_from_the_first_record_and_says_so(
    talk: World,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cid = talk.registry.cid
    state = keep(tmp_path / "state", talk.raws, talk.position, cid)
    path = written(tmp_path / "log.zip", members_of(talk, talk.raws))
    monkeypatch.setattr(kept_audit, "audit_program", lambda: "another")
    asyncio.run(verify_command(path, cid=cid, log=str(LOG), state=state, target=SHOWN))
    said = capsys.readouterr()
    assert "another program judged the" in said.err and "from the first record" in said.err
    assert all(row["check"] != "kept audit" for row in json.loads(said.out)["findings"])
    asyncio.run(verify_command(path, cid=cid, log=str(LOG), state=state, target=SHOWN))
    assert "another program" not in capsys.readouterr().err


def test_damage_to_a_mirror_is_found_before_and_behind_the_kept_audit(
    talk: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    messages, cid, folder = talk.raws, talk.registry.cid, tmp_path / "mirror"
    archive = Archive(folder)
    archive.add(messages[:15])
    archive.keep_sealed(head_of(messages[:15]))
    (folder / "pinned.json").write_text(json.dumps({"cid": cid, "log": str(LOG)}))
    archive.close()
    state = tmp_path / "state"
    assert command(folder, cid, capsys, state=state).code == 0
    archive = Archive(folder)
    archive.add(messages[15:])
    archive.keep_sealed(head_of(messages))
    archive.close()
    whole = (folder / "records").read_bytes()
    for at in range(0, len(whole), len(whole) // 60):
        (folder / "records").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        errors = []
        for options in ({}, {"state": state}):
            with pytest.raises(Exception, match="this copy is damaged") as caught:
                command(folder, cid, capsys, **options)
            errors.append(str(caught.value))
        assert errors[0] == errors[1]
    (folder / "records").write_bytes(whole)
    assert command(folder, cid, capsys, state=state) == Outcome(0, "None")
    audit = kept_audit.kept_in(state)
    assert audit is not None and audit.size == len(messages)
    audit.close()

"""Every kind of tampering with an export, with an erasure and without: found, at its place, and
nobody is accused of what somebody else may have done.
"""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.audit.checks import check_export
from dragoman.audit.export import Export, NotAnExport
from dragoman.audit.verification import Verification
from dragoman.tlog.note import Verifier
from tampering import (
    LOG,
    WITNESS,
    Log,
    Members,
    Tampered,
    honest,
    in_each_record,
    in_erasures,
    in_tiles,
    kinds,
    written,
)

TRIAL = "a trial with an erasure that all consented to"
LOGS = {
    "a log": honest(erasure=False),
    "a log with an erasure that all signed": honest(erasure=True),
    TRIAL: honest(erasure=True, custody="host"),
}
CASES = {
    f"{name}: {each.name}": (log, each)
    for name, log in LOGS.items()
    for each in (
        in_erasures(log) if name == TRIAL else kinds(log)
    )  # what has to do with consents is all that is other in a trial
}


def found(
    path: Path, cid: str, log: Verifier | None = LOG, witnesses: tuple[Verifier, ...] = (WITNESS,)
) -> tuple[str, int]:
    """Return an audit's finding and its position, or an empty string and 0 if there is none."""
    verification = Verification(cid=cid, log=log, witnesses=witnesses)
    try:
        with Export(path) as opened:
            check_export(verification, opened)
    except NotAnExport as error:
        return str(error), error.position
    lie = verification.lie
    return ("", 0) if lie is None else (f"{lie.check}: {lie.what}: {lie.evidence}", lie.position)


def made(path: Path, tampered: Tampered) -> Path:
    written(path, tampered.members)
    if tampered.raw is not None:
        path.write_bytes(tampered.raw(path.read_bytes()))
    return path


def is_fair(said: str) -> bool:
    """Return whether an audit accuses nobody and says nothing of consents. The carrier of the file
    made all these changes.
    """
    accused = re.search(r"the host|convicts? (?!nobody)", said)
    return accused is None and "consent" not in said


def test_there_are_as_many_kinds_as_an_auditor_was_shown() -> None:
    assert min(sum(1 for _ in kinds(log)) for log in LOGS.values()) > 65


@pytest.mark.parametrize("name", LOGS)
def test_an_honest_export_is_found_to_be_one(name: str, tmp_path: Path) -> None:
    log = LOGS[name]
    path = written(tmp_path / "log.zip", log.members)
    assert found(path, log.cid) == ("", 0)
    assert found(path, "", None, ()) == ("", 0)


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_tampering_is_found_at_its_place_and_accuses_nobody(
    name: str, tmp_path: Path
) -> None:
    log, tampered = CASES[name]
    said, position = found(made(tmp_path / "log.zip", tampered), log.cid)
    assert said, "it is found"
    assert is_fair(said), said
    assert position == tampered.position, said


@pytest.mark.parametrize("name", LOGS)
def test_a_byte_of_any_record_is_found_at_that_record(name: str, tmp_path: Path) -> None:
    log = LOGS[name]
    for tampered in in_each_record(log):
        said, position = found(written(tmp_path / "log.zip", tampered.members), log.cid)
        assert said and is_fair(said) and position == tampered.position, (tampered.name, said)


def test_tiles_of_every_level_are_held_against_the_records(tmp_path: Path) -> None:
    log = honest(erasure=True, records=300)
    assert {path.split("/")[1] for path in log.members if path.startswith("tile/")} == {
        "entries",
        "0",
        "1",
    }
    for tampered in in_tiles(log):
        said, position = found(written(tmp_path / "log.zip", tampered.members), log.cid)
        assert said and is_fair(said) and position == tampered.position, (tampered.name, said)


@pytest.mark.parametrize(
    ("custody", "why"),
    [
        (None, "Root or an administrator of china has not signed"),
        ("host", "china has not consented to the erasure of just these records"),
    ],
)
def test_that_a_side_did_not_consent_is_said_where_it_is_so(
    custody: str | None, why: str, tmp_path: Path
) -> None:
    log = honest(erasure=True, custody=custody, lawful=False)
    said, position = found(written(tmp_path / "log.zip", log.members), log.cid)
    assert position == log.erased[0], said
    assert f"the erasure at {log.erasure} that names it is without effect: {why}" in said
    assert "convict" not in said, (
        "anybody who carried the file can put an entry in the place of a record"
    )


# What an auditor without a cid, a key or a witness finds

NOT_FOUND = re.compile(r"cosignature|no signature of the log$")
"""Faults that only a reader who names a witness finds."""


@pytest.mark.parametrize("name", CASES)
def test_who_knows_no_key_is_told_nothing_false(name: str, tmp_path: Path) -> None:
    _, tampered = CASES[name]
    said, position = found(made(tmp_path / "log.zip", tampered), "", None, ())
    assert bool(said) or NOT_FOUND.search(name), "it is found"
    assert not said or is_fair(said) or "no signed head" in said, said
    assert position in (0, tampered.position), said


# Two kinds at once


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tampering") / "log.zip"


def both(one: Members, other: Members, log: Log) -> Members:
    """Return the members with both changes, which must not touch the same member."""
    return {**one, **{name: body for name, body in other.items() if body != log.members.get(name)}}


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_two_kinds_at_once_are_found_and_accuse_nobody(data: st.DataObject, file: Path) -> None:
    log = LOGS[data.draw(st.sampled_from(sorted(LOGS)))]
    cases = [each for each in kinds(log) if each.raw is None]
    one, other = (cases[data.draw(st.integers(0, len(cases) - 1))] for _ in range(2))
    said, _ = found(written(file, both(one.members, other.members, log)), log.cid)
    assert said and is_fair(said), (one.name, other.name, said)

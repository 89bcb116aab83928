"""Strict reading and signatures in processes of their own: the same verification, and none that
dies takes a record with it.
"""

import os
import signal
import time
import zipfile
from pathlib import Path

import pytest

from dragoman.audit import parallel_parse
from dragoman.audit.checks import check_export
from dragoman.audit.export import Export
from dragoman.audit.parallel_parse import read_strictly
from dragoman.audit.verification import Verification
from dragoman.domain.record.codec import Record
from prove import Log

RECORDS = 3_000


@pytest.fixture(scope="module")
def log() -> Log:
    """A log long enough for others to read it, every note signed, with junk in it."""
    log = Log()
    while len(log.messages) < RECORDS:
        log.say(signed=True)
    return log


def children() -> set[int]:
    """Our readers that run."""
    return {
        int(pid) for each in Path("/proc/self/task").glob("*/children") for pid in each.read_text().split()
        if b"dragoman.audit.parallel_parse" in Path(f"/proc/{pid}/cmdline").read_bytes()
    }  # fmt: skip


def verified(messages: list[bytes], *, apart: bool) -> Verification:
    verification = Verification(cid="")
    verification.take(read_strictly(messages, verification.keys) if apart else messages)
    return verification


def test_a_log_that_others_read_comes_to_what_it_comes_to_alone(log: Log) -> None:
    messages = [*log.messages, b"junk", *log.messages[-3:]]
    apart, alone = verified(messages, apart=True), verified(messages, apart=False)
    assert apart.result() == alone.result()
    assert apart.replay.standing.digest == alone.replay.standing.digest
    assert not children(), "they are let go"


def test_a_signature_that_does_not_hold_is_none_whoever_looks_at_it(log: Log) -> None:
    changed = [*log.messages]
    at = 2_500
    changed[at] = changed[at].replace(b"Met the counterpart", b"Met the Counterpart", 1)
    apart, alone = verified(changed, apart=True), verified(changed, apart=False)
    assert [*apart.replay.void] == [*alone.replay.void]
    assert next(iter(apart.replay.void)) == at + 1
    assert "signature" in str(apart.replay.void[at + 1])


def test_what_cannot_be_read_on_hides_nothing_that_came_before_it(log: Log, tmp_path: Path) -> None:
    log.write(path := tmp_path / "log.zip")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    lines = members["records.ndjson"].split(b"\n")
    lines[2_499] = lines[2_499].replace(b",", b",\n", 1)
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in {**members, "records.ndjson": b"\n".join(lines)}.items():
            archive.writestr(name, body)
    verification = Verification(cid=log.cid)
    with Export(path) as opened:
        check_export(verification, opened)
    assert verification.lie is not None
    assert (verification.lie.check, verification.lie.position) == ("records", 2_500), (
        "its second half is a line that no export has"
    )


def test_most_are_read_and_verified_by_others(log: Log) -> None:
    verification = Verification(cid="")
    found: list[bytes | Record] = []
    for message in read_strictly(log.messages, verification.keys):
        found.append(message)
        verification.take([message])
    assert all(
        isinstance(each, Record) and each.verified
        for each in found[2_000 + 2 * 3 * 200 * (os.cpu_count() or 1) :]
    )
    assert [each.raw if isinstance(each, Record) else each for each in found] == log.messages


def test_a_reader_that_dies_takes_nothing_with_it(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel_parse, "_ALONE", 100)
    verification = Verification(cid="")
    read: list[bytes] = []
    for number, message in enumerate(read_strictly(log.messages, verification.keys)):
        read.append(message.raw if isinstance(message, Record) else message)
        verification.take([message])
        if number == 900:
            for pid in children():
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)
    assert read == log.messages
    assert verification.lie is None and not verification.replay.void

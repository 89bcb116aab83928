"""Log lines: soon or at once, whole and in order, and counted where they cannot be written."""

import asyncio
import errno
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from dragoman import telemetry


class Disk(io.StringIO):
    """A stream that counts how often it is written. One that gets full takes half of a line."""

    full = False
    flushes = 0

    def write(self, text: str) -> int:
        if self.full:
            super().write(text[: len(text) // 2])
            raise OSError(errno.ENOSPC, "no space left")
        return super().write(text)

    def flush(self) -> None:
        self.flushes += 1

    @property
    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.getvalue().splitlines()]


class Shared(io.RawIOBase):
    """A file that several processes write: each write of this one."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.writes.append(bytes(data))
        return len(data)


async def test_no_line_is_torn_between_two_writes() -> None:
    shared = Shared()
    stream = io.TextIOWrapper(io.BufferedWriter(shared), "utf-8", line_buffering=True)
    before = structlog.get_config()
    try:
        telemetry.configure("json", "info", stream)
        for number in range(40):
            structlog.get_logger().info("one.line", text="\u2028é" * (25 * number))
        await asyncio.sleep(2 * telemetry.GATHER_SECONDS)
        structlog.get_logger().info("long.line", text="x" * 20_000)
        await asyncio.sleep(2 * telemetry.GATHER_SECONDS)
    finally:
        telemetry.configure("console")
        structlog.configure(**before)
    whole = [each for each in shared.writes if len(each) <= 4096]
    assert all(each.endswith(b"\n") for each in whole) and 1 < len(whole) < 40
    lines = b"".join(shared.writes).splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["one.line"] * 40 + ["long.line"]


@pytest.fixture
def disk() -> Iterator[Disk]:
    before = structlog.get_config()
    disk = Disk()
    telemetry.configure("json", "info", disk)
    yield disk
    telemetry.configure("console")
    structlog.configure(**before)


TOKEN = f"drg_{'aB3_-' * 8}xyz"


@given(st.text(max_size=9), st.text(max_size=9))
def test_no_line_has_a_token(before: str, after: str) -> None:
    for format in ("json", "console"):
        stream, kept = io.StringIO(), structlog.get_config()
        text = f"{before}.{TOKEN}.{after}"
        try:
            telemetry.configure(format, "info", stream)
            log = structlog.get_logger()
            log.info("event", text=text, nested={"path": [text]})
            logging.getLogger("library").warning("told %s", text)
            try:
                raise ValueError(text)
            except ValueError:
                log.exception("failed")
            telemetry.request_done({"path": f"/c/{TOKEN}"})
        finally:
            telemetry.configure("console")
            structlog.configure(**kept)
        assert TOKEN[4:] not in stream.getvalue()
        assert "drg_***" in stream.getvalue()


@pytest.mark.parametrize("id", [TOKEN, f"a.{TOKEN}", "drg_short", "a b", "x" * 65, ""])
def test_an_id_of_a_request_that_is_no_plain_one_is_not_taken(id: str) -> None:
    assert telemetry.caused_by(id, None).request not in (id, "")
    assert telemetry.caused_by("8a1f-77.b_2", None).request == "8a1f-77.b_2"


async def test_everyday_lines_gather_while_a_loop_runs_and_are_written_together(disk: Disk) -> None:
    log = structlog.get_logger()
    for _ in range(3):
        log.info("posted")
    assert disk.events == []
    await asyncio.sleep(2 * telemetry.GATHER_SECONDS)
    assert (disk.events, disk.flushes) == (["posted"] * 3, 1)
    log.info("posted again")
    await asyncio.sleep(2 * telemetry.GATHER_SECONDS)
    assert disk.events[-1] == "posted again"


async def test_a_line_that_is_more_than_everyday_is_written_at_once_behind_those_before_it(
    disk: Disk,
) -> None:
    log = structlog.get_logger()
    log.info("posted")
    log.critical("log.broken")
    assert disk.events == ["posted", "log.broken"]


def test_without_a_loop_a_line_is_written_at_once(disk: Disk) -> None:
    structlog.get_logger().info("begun")
    assert disk.events == ["begun"]


def test_lines_that_found_no_space_are_counted_and_nobody_fails(disk: Disk) -> None:
    log = structlog.get_logger()
    disk.full = True
    log.info("one")
    log.error("two")
    disk.full = False
    log.info("three")
    counted, after = disk.getvalue().splitlines()[-2:]
    assert json.loads(counted) == {"event": "log.lines_lost", "lines": 2, "level": "error"}
    assert json.loads(after)["event"] == "three"


def test_a_request_has_one_line_with_its_ids_level_and_time_whichever_way_it_is_written(
    disk: Disk,
) -> None:
    cause = telemetry.caused_by("mine", f"00-{'a' * 32}-{'b' * 16}-01")
    telemetry.request_done({"method": "GET", "token": "drg_x"})
    structlog.get_logger().info("request", method="GET", token="drg_x")
    one, other = (json.loads(line) for line in disk.getvalue().splitlines())
    assert one.pop("timestamp") <= other.pop("timestamp")
    assert (
        one
        == other
        == {
            "method": "GET",
            "token": "***",
            "event": "request",
            "request_id": "mine",
            "trace_id": "a" * 32,
            "level": "info",
        }
    )
    assert cause.parent.startswith(f"00-{'a' * 32}-")


def test_ids_that_are_none_are_not_taken_over(disk: Disk) -> None:
    cause = telemetry.caused_by("not one\n", "00-zz")
    assert len(cause.request) == 16
    assert cause.parent == f"00-{cause.trace}-{cause.parent[36:52]}-01"
    assert cause != telemetry.caused_by(None, None)


def test_where_requests_are_not_wanted_none_are_written(disk: Disk) -> None:
    telemetry.configure("json", "warning", disk)
    telemetry.request_done({"method": "GET"})
    assert disk.events == []

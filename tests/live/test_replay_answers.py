"""`dragoman audit replay` beside a real gateway: an honest one agrees while it is posted to, and
one whose answers are changed is found out.
"""

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from between import Bend, between, serving
from dragoman import client as clients
from dragoman.client import Garbled, client
from service import INCIDENT, NOTE, Caller, Gateway, Service

CHANNEL = "nato-china-exercise"  # which is short
Who = Callable[[str], Caller]


@pytest.fixture
def token(demo: Gateway, tmp_path: Path) -> Path:
    """An auditor's token, in a file."""
    path = tmp_path / "auditor.token"
    path.write_text(demo.token("china/auditor"))
    return path


async def replayed(
    demo: Gateway, token: Path, *arguments: str, server: str = "", check: int | None = 0
) -> subprocess.CompletedProcess[str]:
    """`dragoman audit replay`, beside what the test does meanwhile."""
    where = ("--server", server) if server else ()
    command = (
        "audit",
        "replay",
        "--channel",
        CHANNEL,
        "--token-file",
        str(token),
        *where,
        *arguments,
    )
    return await asyncio.to_thread(lambda: demo.run(*command, check=check))


async def test_all_answers_of_an_honest_gateway_are_those_of_the_replay(
    demo: Service, token: Path
) -> None:
    whole = await replayed(demo, token, "--all")
    assert "all of them" in whole.stdout and "agree" in whole.stderr


async def test_a_first_look_compares_ten_answers(demo: Service, token: Path) -> None:
    quick = await replayed(demo, token, "--quick", "--json")
    assert sum(json.loads(quick.stdout)["compared"]["answers"].values()) == 10
    both = await replayed(demo, token, "--quick", "--all", check=None)
    assert "give one of them" in both.stderr


async def test_a_state_that_is_served_otherwise_is_told_with_its_exchange_and_both_values(
    demo: Gateway, who: Who, token: Path
) -> None:
    opened = (
        await who("nato/officer").open({**NOTE, "text": "What was said at the reception."}, CHANNEL)
    ).json

    def bend(request: web.Request, status: int, body: bytes) -> tuple[int, bytes]:
        if opened["exchange"] in request.path and b'"state"' in body:
            return status, body.replace(
                b"What was said at the reception.", b"What was never said anywhere.", 1
            )
        return status, body

    async with between(demo.base_url, bend) as server:
        done = await replayed(demo, token, "--sample", "100000", "--json", server=server, check=7)
    line = next(line for line in done.stderr.splitlines() if "VERIFICATION FAILED" in line)
    assert f"exchange {opened['number']} ({opened['exchange']}), /" in line
    assert "What was never said anywhere." in line and "What was said at the reception." in line
    assert "agree at position" not in done.stderr
    mismatches = json.loads(done.stdout)["compared"]["mismatches"]
    assert {each["exchange"] for each in mismatches} == {opened["exchange"]}
    assert all(
        "never said" in each["gateway"] and "never said" not in each["replay"]
        for each in mismatches
    )


async def test_an_own_copy_is_held_against_the_gateway_which_has_gone_on_since(
    demo: Gateway, who: Who, token: Path, tmp_path: Path
) -> None:
    export, mirror = tmp_path / "log.zip", tmp_path / "mirror"
    to = ("--channel", CHANNEL, "--token-file", str(token))
    about = json.loads(
        (await asyncio.to_thread(lambda: demo.run("channel", "show", CHANNEL, *to))).stdout
    )
    await asyncio.to_thread(lambda: demo.run("audit", "export", "--to", str(export), *to))
    await asyncio.to_thread(
        lambda: demo.run(
            "audit",
            "mirror",
            str(mirror),
            "--once",
            "--cid",
            about["cid"],
            "--log",
            about["log"],
            *to,
        )
    )
    await who("nato/officer").open({**NOTE, "text": "Said since."}, CHANNEL)
    for copy in (export, mirror):
        done = await replayed(demo, token, str(copy), "--json", "--sample", "5")
        compared = json.loads(done.stdout)["compared"]
        assert compared["first"] < compared["last"] and "agree" in done.stderr

    def shorter(request: web.Request, status: int, body: bytes) -> tuple[int, bytes]:
        return (
            (status, json.dumps({**json.loads(body), "position": 3}).encode())
            if request.path.endswith(CHANNEL)
            else (status, body)
        )

    async with between(demo.base_url, shorter) as server:
        done = await replayed(demo, token, str(export), server=server, check=7)
    assert "and the gateway's log ends at 3" in done.stderr


@pytest.mark.process
async def test_an_honest_gateway_agrees_while_officers_go_on(
    process: Service, who: Who, token: Path
) -> None:
    token.write_text(process.token("china/auditor"))
    nato, china = who("nato/duty_officer"), who("china/duty_officer")
    over = asyncio.Event()

    async def office() -> None:
        while not over.is_set():
            opened = (
                await nato.open(
                    {**INCIDENT, "facts": "Two aircraft near the strait, 两架飞机接近。"}, CHANNEL
                )
            ).json["exchange"]
            await china.act(opened, {"act": "acknowledgement"}, CHANNEL)
            await china.act(opened, {"act": "reply", "text": "Ours; recalled. 已召回。"}, CHANNEL)
            await nato.open(NOTE, CHANNEL)
            await asyncio.sleep(0.5)

    working = asyncio.create_task(office())
    moved = 0
    try:
        for arguments in (
            ("--json", "--sample", "10"),
            ("--json", "--seed", "7", "--sample", "5"),
            ("--json", "--sample", "3", "--from-log"),
        ):
            done = await replayed(process, token, *arguments)
            compared = json.loads(done.stdout)["compared"]
            assert (
                not compared["mismatches"] and not compared["unanswered"] and "agree" in done.stderr
            )
            assert compared["answers"].keys() == {
                "exchanges",
                "lists",
                "records",
                "reports",
                "searches",
                "states",
            }
            moved += compared["last"] > compared["first"]
    finally:
        over.set()
        await working
    assert moved, "the log grew while answers were compared"


def _lists(request: web.Request, status: int, body: bytes) -> tuple[int, bytes]:
    return (
        (status, body.replace(b'"status":"open"', b'"status":"closed"'))
        if "exchanges" in request.path
        else (status, body)
    )


def _hides(request: web.Request, status: int, body: bytes) -> tuple[int, bytes]:
    return (
        (404, b'{"type":"/problems/not-found","title":"","status":200,"detail":"."}')
        if "/exchanges/" in request.path
        else (status, body)
    )


def _searches(request: web.Request, status: int, body: bytes) -> tuple[int, bytes]:
    if "q" not in request.query:
        return status, body
    rows = json.loads(body)
    return status, json.dumps(
        {**rows, "exchanges": rows["exchanges"][1:]}, separators=(",", ":"), ensure_ascii=False
    ).encode()


def _digests(request: web.Request, status: int, body: bytes) -> tuple[int, bytes]:
    return (
        (status, body.replace(b'"digest":"', b'"digest":"0'))
        if "/state" in request.path
        else (status, body)
    )


def _settles(request: web.Request, status: int, body: bytes) -> tuple[int, bytes]:
    if "/state" not in request.path:
        return status, body
    state = json.loads(body)
    assert state["open_matters"], "the demonstration has an incident that is not closed"
    return status, json.dumps(
        {**state, "open_matters": []}, separators=(",", ":"), ensure_ascii=False
    ).encode()


@pytest.mark.parametrize("bend", [_lists, _hides, _searches, _digests, _settles])
async def test_lists_searches_states_and_what_is_hidden_are_held_against_the_replay(
    demo: Gateway, token: Path, bend: Bend
) -> None:
    async with between(demo.base_url, bend) as server:
        done = await replayed(demo, token, "--json", "--sample", "5", server=server, check=7)
    assert json.loads(done.stdout)["compared"]["mismatches"]


async def test_a_gateway_that_answers_some_questions_with_an_error_is_neither_agreed_with_nor_accused(
    demo: Gateway, token: Path
) -> None:
    def fails(request: web.Request, status: int, body: bytes) -> tuple[int, bytes]:
        return (500, b"{}") if request.path.endswith("/roadmap") else (status, body)

    async with between(demo.base_url, fails) as server:
        done = await replayed(demo, token, "--sample", "3", server=server, check=6)
    assert "not answered: /roadmap: 500" in done.stderr
    assert "1 questions were not answered: nothing is known of these answers" in done.stderr
    assert "agree at position" not in done.stderr


CALLS: dict[str, tuple[str, int]] = {
    "the list of channels": (r"/v1/channels", 500),
    "the description": (rf"/v1/channels/{CHANNEL}", 502),
    "the signed head": (r".*/log/checkpoint", 503),
    "the records": (r".*/records", 504),
    "one record": (r".*/records/[0-9]+", 507),
    "who asks": (r"/v1/me", 599),
}
"""The calls of a replay besides its questions, by their paths, and a failure for each."""


@pytest.mark.parametrize("call", CALLS)
async def test_a_gateway_that_fails_at_any_call_has_not_answered(
    demo: Gateway, token: Path, call: str
) -> None:
    path, failure = CALLS[call]

    def fails(request: web.Request, status: int, body: bytes) -> tuple[int, bytes]:
        return (failure, b"down") if re.fullmatch(path, request.path) else (status, body)

    async with between(demo.base_url, fails) as server:
        to = () if call == "the list of channels" else ("--channel", CHANNEL)
        done = await asyncio.to_thread(
            lambda: demo.run(
                *("audit", "replay", "--sample", "1", "--token-file", str(token)),
                *("--server", server, *to),
                check=None,
            )
        )
    assert done.returncode == 6, done.stderr
    assert f"not answered: {failure}: down" in done.stderr
    assert "VERIFICATION FAILED" not in done.stderr and "agree at" not in done.stderr


async def test_a_head_that_is_not_given_at_the_end_leaves_its_records_unanswered(
    demo: Gateway, who: Who, token: Path
) -> None:
    comparing = asyncio.Event()

    def fails(request: web.Request, status: int, body: bytes) -> tuple[int, bytes]:
        if request.path == "/v1/me":
            comparing.set()
        if comparing.is_set() and request.path.endswith("/log/checkpoint"):
            return 502, b"down"
        return status, body

    async def goes_on() -> None:
        await comparing.wait()
        await who("nato/officer").open({**NOTE, "text": "Said meanwhile."}, CHANNEL)

    posting = asyncio.create_task(goes_on())
    async with between(demo.base_url, fails) as server:
        done = await replayed(demo, token, "--sample", "5", server=server, check=6)
    await posting
    assert "not answered: the newest signed head and its records: down" in done.stderr
    assert "VERIFICATION FAILED" not in done.stderr and "agree at" not in done.stderr


async def test_an_officer_who_audits_opens_nothing(demo: Gateway, who: Who, tmp_path: Path) -> None:
    token = tmp_path / "officer.token"
    token.write_text(demo.token("china/duty_officer"))
    asked: list[str] = []

    def note(request: web.Request, status: int, body: bytes) -> tuple[int, bytes]:
        asked.append(request.path_qs)
        return status, body

    async with between(demo.base_url, note) as server:
        await replayed(demo, token, "--sample", "5", server=server)
    exchanges = [path for path in asked if "/exchanges/" in path]
    assert exchanges and all("?at=" in path for path in exchanges), (
        "what is read as it was is not opened"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--sample", "-1"), "--sample is a number of answers, 0 or more"),
        (("--at", "1", "--all"), "answers are compared at the end of the log"),
        (("log.zip", "--from-log"), "the log is read from FILE or by --from-log"),
        (("there-is-none.zip",), "there is no such file or folder"),
        (("--at", "1", "--seed", "1"), "answers are compared at the end of the log"),
    ],
)
async def test_what_cannot_be_compared_is_told(
    demo: Gateway, token: Path, arguments: tuple[str, ...], told: str
) -> None:
    assert told in (await replayed(demo, token, *arguments, check=2)).stderr


async def test_nothing_is_compared_where_that_is_asked_for(demo: Gateway, token: Path) -> None:
    assert "compared" not in (await replayed(demo, token, "--sample", "0")).stdout


# Answers without an end


@pytest.fixture
async def endless() -> AsyncIterator[str]:
    """The address of a host whose answers do not end."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"1" * 65536)

    runner, address = await serving(handler)
    yield address
    await runner.cleanup()


async def test_an_answer_without_an_end_is_not_read_to_it(
    endless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "ANSWER_BYTES", 1_000_000)
    monkeypatch.setattr(clients, "LINE_BYTES", 1_000_000)
    async with client(endless, "token") as caller:
        with pytest.raises(Garbled, match="there is more of it"):
            await caller.call("GET", "/v1/channels")

        async def read() -> None:
            pages: AsyncGenerator[object, None] = caller.records(CHANNEL)  # type: ignore[assignment]
            async for _ in pages:
                pass

        with pytest.raises(Garbled, match="the line is longer"):
            await read()

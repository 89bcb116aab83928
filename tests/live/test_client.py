"""The client, as a program of an office uses it; and the commands over it that bring records
elsewhere.
"""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from dragoman.api.examples import ALERT
from dragoman.client import Client, ProblemResponse, Unreachable, client
from dragoman.domain.record.errors import Malformed
from dragoman_schemas.acts.continuing import Acknowledgement
from dragoman_schemas.responses import Recorded
from dragoman_schemas.watch_responses import Alarm
from office import Office
from patience import PATIENCE_S
from receiver import Receiver, receiving
from service import DRAGOMAN, INCIDENT, NOTE, Gateway


@pytest.fixture
async def office(demo: Gateway) -> AsyncIterator[Client]:
    async with client(demo.base_url, demo.token("nato/duty_officer")) as office:
        yield office


async def test_an_office_posts_acts_and_reads(office: Client) -> None:
    opened = await office.post("nato-china", INCIDENT)
    assert (opened.replayed, opened.recorded.act) == (False, "hazardous-incident")
    again = await office.post("nato-china", INCIDENT, key=opened.recorded.id)
    assert (again.replayed, again.recorded) == (True, opened.recorded)
    await office.act(
        "nato-china", opened.recorded.number, {"act": "update", "text": "No injuries."}
    )
    view = await office.exchange("nato-china", opened.recorded.number)
    assert [message["act"] for message in json.loads(bytes(view.state))["messages"]] == [
        "hazardous-incident",
        "update",
    ]
    state = await office.state("nato-china")
    assert state.position >= opened.recorded.position
    assert (await office.state("nato-china", at=1)).position == 1
    others = [(await office.post("nato-china", INCIDENT)).recorded.exchange for _ in range(3)]
    found = [
        row.id async for row in office.exchanges("nato-china", act="hazardous-incident", limit=2)
    ]
    assert {opened.recorded.exchange, *others} <= {*found} and len(found) == len(set(found))


async def test_a_shape_is_an_act_as_well(office: Client, demo: Gateway) -> None:
    opened = await office.post("nato-china", INCIDENT)
    async with client(demo.base_url, demo.token("china/officer")) as other:
        posted = await other.act("nato-china", opened.recorded.exchange, Acknowledgement())
    assert posted.recorded.act == "acknowledgement"


async def test_what_is_refused_says_what_to_do(office: Client) -> None:
    with pytest.raises(ProblemResponse) as refused:
        await office.act("nato-china", "NATO/26/9999/N07/O", {"act": "acknowledgement"})
    assert refused.value.problem.status == 404
    with pytest.raises(Malformed) as malformed:  # before anybody is asked
        await office.post("nato-china", {**INCIDENT, "kind": "wonder"})
    assert malformed.value.fault.pointer == "/kind"


@pytest.mark.process
async def test_a_stream_goes_on_over_a_restart_without_a_gap(own: Gateway) -> None:
    own.port = int(own.base_url.rpartition(":")[2])
    async with (
        client(own.base_url, own.token("china/officer")) as other,
        client(own.base_url, own.token("nato/officer")) as office,
    ):
        begun = (await office.post("nato-china", NOTE)).recorded.position
        heard: list[int] = []

        async def listening() -> None:
            nonlocal heard
            async for entry in other.follow("nato-china", after=begun):
                heard += [] if isinstance(entry, Alarm) else [entry.position]

        task = asyncio.create_task(listening())
        await office.post("nato-china", NOTE)
        await asyncio.to_thread(own.restart, signal.SIGKILL)
        last = (await office.post("nato-china", NOTE)).recorded.position
        async with asyncio.timeout(PATIENCE_S):
            while not heard or heard[-1] < last:
                await asyncio.sleep(0.05)
        task.cancel()
    assert heard == list(range(begun + 1, heard[-1] + 1))


async def test_a_post_is_tried_again_while_its_outcome_is_unknown_and_while_it_is_to_wait() -> None:
    answers = [(503, {}), (429, {"Retry-After": "1"}), (201, {"Idempotent-Replayed": "true"})]
    keys: set[str] = set()

    async def answer(request: web.Request) -> web.Response:
        keys.add(request.headers["Idempotency-Key"])
        status, headers = answers.pop(0)
        body = (
            kept
            if status == 201
            else {"type": "/problems/x", "title": "", "status": status, "detail": ""}
        )
        return web.json_response(body, status=status, headers=headers)

    kept = {**dict.fromkeys(Recorded.__struct_fields__, ""), "position": 7}
    del kept["standing"], kept["one_key"]

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with client(f"http://127.0.0.1:{runner.addresses[0][1]}", "t") as office:
        begun = asyncio.get_running_loop().time()
        posted = await office.post("c", NOTE)
        waited = asyncio.get_running_loop().time() - begun
    await runner.cleanup()
    assert (posted.recorded.position, posted.replayed, len(keys)) == (7, True, 1)
    assert waited >= 1.5
    async with client("http://127.0.0.1:9", "t") as office:
        with pytest.raises(Unreachable, match="does not answer"):
            await office.state("c")


# The commands


async def test_a_developer_listens_at_home(demo: Gateway, office: Client, tmp_path: Path) -> None:
    async with receiving() as receiver:
        token = tmp_path / "token"
        token.write_text(demo.token("china/officer"))
        command: list[str | Path] = [
            DRAGOMAN,
            "listen",
            "--forward-to",
            receiver.url,
            "--server",
            demo.base_url,
            "--token-file",
            token,
            "--channel",
            "nato-china",
        ]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert process.stderr is not None and process.stdout is not None
        lines = [await asyncio.to_thread(process.stderr.readline) for _ in range(2)]
        receiver.secret = lines[1].split()[-1]
        assert receiver.secret.startswith("whsec_")
        opened: list[int] = []
        async with asyncio.timeout(PATIENCE_S):
            while (
                not receiver.taken
            ):  # whoever listens hears what is recorded from then on, and is connected in a moment
                opened.append((await office.post("nato-china", INCIDENT)).recorded.position)
                await asyncio.sleep(0.5)
        position, *told = (await asyncio.to_thread(process.stdout.readline)).split()
        assert (int(position) in opened, told) == (True, ["hazardous-incident", "204"])
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, PATIENCE_S) == 130
        process.stdout.close()
        process.stderr.close()


async def test_an_endpoint_is_entered_looked_at_and_removed_on_the_command_line(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    settings = {
        "DRAGOMAN_COURIER__PRIVATE_NETWORKS": '["127.0.0.0/8"]',
        "DRAGOMAN_COURIER__RETRIES_S": "[0.2]",
    }
    service = Office(tmp_path / "data", demo=True, environment=settings)
    try:
        async with receiving() as receiver:
            await entered_by_hand(service, receiver, tmp_path)
    finally:
        service.stop()


async def entered_by_hand(service: Gateway, receiver: Receiver, folder: Path) -> None:
    token = folder / "head"
    token.write_text(service.token("china/head_of_office"))
    as_head = ("--token-file", str(token), "--channel", "nato-china")

    async def run(*arguments: str, check: int = 0) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(service.run, "webhook", *arguments, *as_head, check=check)

    added = await run("add", receiver.url, "--precedence", "immediate")
    endpoint, key = added.stdout.strip(), added.stderr.split()[-1]
    assert key.startswith("whpk_")
    receiver.secret, receiver.answers = key, lambda tries: 500
    async with client(service.base_url, service.token("nato/duty_officer")) as office:
        position = (await office.post("nato-china", INCIDENT)).recorded.position
    async with asyncio.timeout(PATIENCE_S):
        while "parked" not in (shown := (await run("show", endpoint)).stdout):
            await asyncio.sleep(0.1)
    assert f"{position}" in shown and "500 not now" in shown
    assert receiver.url in (await run("list")).stdout
    assert "was not taken: 500" in (await run("resend", endpoint, str(position), check=1)).stderr
    while "parked" not in (await run("show", endpoint)).stdout:
        await asyncio.sleep(0.1)
    receiver.answers = lambda tries: 204
    assert f"position {position} was taken" in (await run("resend", endpoint, str(position))).stderr
    assert "is removed" in (await run("remove", endpoint)).stderr
    assert "no such endpoint" in (await run("show", endpoint, check=3)).stderr
    assert "not an https URL" in (await run("add", "http://example.org", check=1)).stderr


async def test_an_alert_is_taken_in_from_a_file(demo: Gateway, tmp_path: Path) -> None:
    token, alert = tmp_path / "token", tmp_path / "alert.xml"
    token.write_text(demo.token("nato/officer"))
    alert.write_text(ALERT)
    done = await asyncio.to_thread(
        demo.run, "import", str(alert), "--channel", "nato-china", "--token-file", str(token)
    )
    assert "drafted as emergency-notification" in done.stderr and len(done.stdout.strip()) == 36
    alert.write_text(ALERT.replace("Actual", "Exercise"))
    refused = await asyncio.to_thread(
        demo.run,
        "import",
        str(alert),
        "--channel",
        "nato-china",
        "--token-file",
        str(token),
        check=1,
    )
    assert "belongs in an exercise" in refused.stderr

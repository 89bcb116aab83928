"""Two gateways side by side on one broker: each sees what the other recorded, and neither records
it again.
"""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from cable import (
    Cable,
    Which,
    acknowledgement,
    acknowledgement_of_a_batch,
    in_a_batch_after,
    laid_to,
    told_by_the_log,
    told_by_the_log_or_at_its_end,
)
from dragoman.eventlog import stream_config
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.nats_connection import Read, connected
from dragoman.limits import READ_RECORDS
from patience import PATIENCE_S
from read_files import SIDE_BY_SIDE
from service import NOTE, Caller, Second, Service, new_key

pytestmark = [pytest.mark.process, pytest.mark.reads(*SIDE_BY_SIDE)]

C = "/v1/channels/nato-china"


@pytest.fixture
def second(own: Service, tmp_path: Path) -> Iterator[Service]:
    service = Second(own, tmp_path / "second")
    yield service
    service.stop()


@pytest.fixture
async def cable(own: Service) -> AsyncIterator[Cable]:
    """A cable to the broker."""
    async with laid_to(own.nats_url) as laid:
        yield laid


@pytest.fixture
async def remote(own: Service, cable: Cable, tmp_path: Path) -> AsyncIterator[Service]:
    """A second gateway, at the other end of the cable."""
    service = await asyncio.to_thread(Second, own, tmp_path / "remote", cable.url)
    yield service
    cable.release()
    await asyncio.to_thread(service.stop)


async def test_what_one_recorded_is_read_at_the_other_from_its_position_on(
    own: Service, second: Service, session: aiohttp.ClientSession
) -> None:
    for here, there in ((own, second), (second, own)) * 3:
        posted = (await Caller(session, here, "nato/officer").open(NOTE)).json
        seen = await Caller(session, there, "china/officer").get(
            f"{C}/exchanges/{posted['exchange']}", Dragoman_Min_Position=str(posted["position"])
        )
        assert seen.status == 200, seen.body
    digests = [
        (
            await Caller(session, s, "nato/officer").get(
                f"{C}/state", Dragoman_Min_Position=str(posted["position"])
            )
        ).json["digest"]
        for s in (own, second)
    ]
    assert digests[0] == digests[1]


async def test_one_key_at_two_gateways_is_one_record(
    own: Service, second: Service, session: aiohttp.ClientSession
) -> None:
    key = new_key()
    answers = await asyncio.gather(
        *(
            Caller(session, service, "nato/officer").post(f"{C}/contacts", NOTE, key=key)
            for service in (own, second) * 5
        )
    )
    assert {201} == {answer.status for answer in answers}
    assert len({answer.body for answer in answers}) == 1


async def test_racing_gateways_decide_again(
    own: Service, second: Service, session: aiohttp.ClientSession
) -> None:
    opened = (await Caller(session, own, "nato/officer").open(NOTE)).json
    exchange = opened["exchange"]
    await Caller(session, second, "nato/officer").get(
        f"{C}/exchanges/{exchange}", Dragoman_Min_Position=str(opened["position"])
    )
    racing = [
        Caller(session, service, "china/officer").act(exchange, {"act": "acknowledgement"})
        for service in (own, second) * 3
    ]
    statuses = [answer.status for answer in await asyncio.gather(*racing)]
    assert {201} == set(statuses)


async def test_a_token_revoked_at_one_is_gone_at_the_other(
    own: Service, second: Service, session: aiohttp.ClientSession, dice: random.Random
) -> None:
    own, second = dice.sample((own, second), 2)
    operator = Caller(session, own, "operator")
    issued = (
        await operator.call("POST", "/v1/tokens", {"actor": "nato/o-1", "channels": ["nato-china"]})
    ).json
    theirs = {"Authorization": f"Bearer {issued['token']}"}
    assert (await Caller(session, second).get("/v1/me", **theirs)).status == 200
    await operator.call("DELETE", f"/v1/tokens/{issued['id']}")
    async with asyncio.timeout(PATIENCE_S):
        while (await Caller(session, second).get("/v1/me", **theirs)).status != 401:
            await asyncio.sleep(0.1)


async def test_a_channel_opened_at_one_is_found_by_the_other(
    own: Service, second: Service, session: aiohttp.ClientSession, dice: random.Random
) -> None:
    own, second = dice.sample((own, second), 2)
    body = {
        "name": "new-one",
        "sides": ["nato", "mars"],
        "officers": [{"side": "nato", "officer": "o-1", "office": "hq", "roles": ["officer"]}],
    }
    assert (await Caller(session, own, "operator").call("POST", "/v1/channels", body)).status == 201
    issued = (
        await Caller(session, own, "operator").call(
            "POST", "/v1/tokens", {"actor": "nato/o-1", "channels": ["new-one"]}
        )
    ).json
    token = {"Authorization": f"Bearer {issued['token']}"}
    async with asyncio.timeout(PATIENCE_S):
        while (
            await Caller(session, second).get("/v1/channels/new-one/state", **token)
        ).status != 200:
            await asyncio.sleep(0.1)


# One that lags


async def test_a_gateway_that_lags_lets_the_fold_decide(
    own: Service, remote: Service, cable: Cable, session: aiohttp.ClientSession
) -> None:
    cable.withhold(told_by_the_log)
    admin = Caller(session, own, "china/administrator")
    revoked = await admin.post(f"{C}/channel", {"act": "officer-revocation", "officer": "o-1"})
    assert revoked.status == 201
    appended = cable.saw(acknowledgement)
    key = new_key()
    posting = asyncio.create_task(
        Caller(session, remote, "china/officer").post(f"{C}/contacts", NOTE, key=key)
    )
    await asyncio.wait_for(appended.wait(), PATIENCE_S)
    cable.release()
    position = (await posting).problem(409, "void")["position"]
    assert position == revoked.json["position"] + 1
    for service in (own, remote):
        auditor = Caller(session, service, "nato/auditor")
        record = await auditor.get(f"{C}/records/{position}", Dragoman_Min_Position=str(position))
        assert record.headers["Dragoman-Void"] == "true"
        assert (
            await Caller(session, service, "china/officer").post(f"{C}/contacts", NOTE, key=key)
        ).status == 404
    assert await digest_at(session, own, position) == await digest_at(session, remote, position)


async def digest_at(session: aiohttp.ClientSession, service: Service, position: int) -> str:
    state = await Caller(session, service, "nato/auditor").get(
        f"{C}/state?at={position}", Dragoman_Min_Position=str(position)
    )
    return str(state.json["digest"])


async def test_a_gateway_that_lags_decides_again_on_what_was_faster(
    own: Service, remote: Service, cable: Cable, session: aiohttp.ClientSession
) -> None:
    opened = (await Caller(session, own, "nato/officer").open(NOTE)).json
    officer = Caller(session, remote, "china/officer")
    await officer.get(
        f"{C}/exchanges/{opened['exchange']}", Dragoman_Min_Position=str(opened["position"])
    )
    cable.withhold(told_by_the_log)
    closed = await Caller(session, own, "nato/officer").act(
        opened["exchange"],
        {"act": "cancellation", "reason": "Sent in error."},
        If_Match=opened["etag"],
    )
    assert closed.status == 201
    refused = cable.saw(acknowledgement)
    posting = asyncio.create_task(
        officer.act(opened["exchange"], {"act": "clarification-request", "questions": ["Where?"]})
    )
    await asyncio.wait_for(refused.wait(), PATIENCE_S)
    cable.release()
    (await posting).problem(409, "not-allowed-in-state")
    assert await officer.said_after(closed.json["position"]) == []


async def test_an_etag_that_a_lagging_gateway_has_not_seen_is_looked_up_before_it_is_refused(
    own: Service, remote: Service, cable: Cable, session: aiohttp.ClientSession
) -> None:
    opened = (await Caller(session, own, "nato/officer").open(NOTE)).json
    officer = Caller(session, remote, "nato/officer")
    await officer.get(
        f"{C}/exchanges/{opened['exchange']}", Dragoman_Min_Position=str(opened["position"])
    )
    cable.withhold(told_by_the_log_or_at_its_end)
    reply = await Caller(session, own, "china/officer").act(
        opened["exchange"], {"act": "reply", "text": "We have it."}
    )
    posting = asyncio.create_task(
        officer.act(
            opened["exchange"],
            {"act": "cancellation", "reason": "Sent in error."},
            If_Match=reply.headers["ETag"],
        )
    )
    done, _ = await asyncio.wait([posting], timeout=0.5)
    assert not done, posting.result().body
    cable.release()
    assert (await posting).status == 201
    again = officer.act(
        opened["exchange"],
        {"act": "correction", "reason": "A slip.", "fields": {"text": "Met."}},
        If_Match=f'"{"0" * 64}"',
    )
    (await again).problem(409, "not-allowed-in-state")


async def test_a_post_waits_for_the_position_that_it_names(
    own: Service, remote: Service, cable: Cable, session: aiohttp.ClientSession
) -> None:
    cable.withhold(told_by_the_log)
    opened = (await Caller(session, own, "nato/officer").open(NOTE)).json
    officer = Caller(session, remote, "china/officer")
    (await officer.act(opened["exchange"], {"act": "acknowledgement"})).problem(404, "not-found")
    posting = asyncio.create_task(
        officer.act(
            opened["exchange"],
            {"act": "acknowledgement"},
            Dragoman_Min_Position=str(opened["position"]),
        )
    )
    await asyncio.sleep(0.2)
    cable.release()
    assert (await posting).status == 201


async def test_a_read_waits_for_its_position_at_a_gateway_that_lags(
    own: Service, remote: Service, cable: Cable, session: aiohttp.ClientSession
) -> None:
    cable.withhold(told_by_the_log)
    opened = (await Caller(session, own, "nato/officer").open(NOTE)).json
    officer, path = Caller(session, remote, "china/officer"), f"{C}/exchanges/{opened['exchange']}"
    assert (await officer.get(path)).status == 404
    reading = asyncio.create_task(officer.get(path, Dragoman_Min_Position=str(opened["position"])))
    done, _ = await asyncio.wait([reading], timeout=0.5)
    assert not done
    cable.release()
    assert (await reading).status == 200


# One that dies while it commits openings together

OPENINGS = 60


@pytest.mark.parametrize(
    ("withheld", "kept"),
    [
        (in_a_batch_after(1), False),
        (in_a_batch_after(20), False),
        (acknowledgement_of_a_batch, True),
    ],
    ids=["after the first of its records", "in the middle", "before it was told"],
)
async def test_a_batch_of_a_gateway_that_was_killed_is_whole_or_absent(
    own: Service,
    remote: Service,
    cable: Cable,
    session: aiohttp.ClientSession,
    withheld: Which,
    *,
    kept: bool,
) -> None:
    auditor = Caller(session, own, "nato/auditor")
    before = await auditor.positions()
    reached = cable.saw(withheld)
    cable.withhold(withheld)
    keys = [new_key() for _ in range(OPENINGS)]
    posting = [asyncio.create_task(open_note(session, remote, key)) for key in keys]
    await asyncio.wait_for(reached.wait(), PATIENCE_S)
    broken_off = {
        frame.batch for frame in cable.held
    }  # the gateway may have sent several, one behind the other
    await asyncio.to_thread(remote.stop, signal.SIGKILL)
    acknowledged = {key: position for key, position in await asyncio.gather(*posting) if position}
    batches = await batches_of(own)
    assert broken_off & batches.keys() == (broken_off if kept else set())
    for batch in batches.values():
        assert [str(number) for number in range(1, len(batch) + 1)] == [
            header(message, "Nats-Batch-Sequence") for message in batch
        ]
        assert [header(message, "Nats-Batch-Commit") for message in batch] == [""] * (
            len(batch) - 1
        ) + ["1"]
    assert (await Caller(session, own, "china/officer").open(NOTE)).status == 201
    again = dict(await asyncio.gather(*(open_note(session, own, key) for key in keys)))
    assert acknowledged.items() <= again.items()
    assert len(set(again.values())) == OPENINGS
    stood = await auditor.positions()
    assert all(len(positions) == 1 for positions in stood.values())
    assert len(stood) == len(before) + OPENINGS + 1


async def open_note(session: aiohttp.ClientSession, service: Service, key: str) -> tuple[str, int]:
    """Open a contact; its key and its position, or 0 where there was no answer."""
    try:
        answer = await Caller(session, service, "nato/officer").post(
            f"{C}/contacts", {**NOTE, "text": key}, key=key
        )
    except aiohttp.ClientError:
        return key, 0
    assert answer.status == 201, answer.body
    return key, answer.json["position"]


async def batches_of(service: Service) -> dict[str, list[Read]]:
    """The messages of the log that came in atomic batches, as the broker keeps them, by the batch."""
    endpoint = BrokerEndpoint(service.nats_url, "", service.data / "keys")
    async with connected(endpoint.url, "auditor", endpoint.seed("auditor")) as bus:
        messages = await bus.fetch(
            stream_config.stream_of("nato-china"),
            stream_config.subjects_of("nato-china"),
            1,
            READ_RECORDS,
        )
    found: dict[str, list[Read]] = {}
    for message in messages:
        if header(message, "Nats-Batch-Id"):
            found.setdefault(header(message, "Nats-Batch-Id"), []).append(message)
    return found


def header(message: Read, name: str) -> str:
    return message.header(name.encode())


async def test_who_watches_a_gateway_is_told_that_nobody_signs_the_heads(
    own: Service, second: Service, session: aiohttp.ClientSession
) -> None:
    async def signed() -> bool:
        health = await Caller(session, second).get("/readyz")
        assert health.status == 200, "posts are taken all the same"
        (check,) = (check for check in health.json["checks"] if check["name"] == "heads are signed")
        assert check["ok"] or "check that the signer runs" in check["detail"]
        return bool(check["ok"])

    async def until(*, ok: bool) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await signed() is not ok:
                await asyncio.sleep(0.5)

    await until(ok=True)
    own.process.send_signal(signal.SIGSTOP)  # and with it the registrar; the broker goes on
    try:
        assert (await Caller(session, second, "nato/officer").open(NOTE)).status == 201
        assert await signed(), "half a second is no delay"
        await until(ok=False)
    finally:
        own.process.send_signal(signal.SIGCONT)
    await until(ok=True)

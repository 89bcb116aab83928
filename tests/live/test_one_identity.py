"""Several gateways are one host: each opens channels that are signed, and administers those that
another opened. A gateway with another log key opens none, and the operator is told of what it
opened before.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dragoman import bootstrap
from patience import PATIENCE_S
from service import NOTE, Answer, Caller, Second, Service, new_key

C = "/v1/channels/nato-china"
NEW: dict[str, Any] = {
    "name": "new-one",
    "sides": ["nato", "mars"],
    "officers": [
        {"side": side, "officer": name, "office": "hq", "roles": [role]}
        for side in ("nato", "mars")
        for name, role in (("o-1", "officer"), ("adm", "administrator"))
    ],
}
ENTRY = {"act": "officer", "officer": "o-7", "office": "hq", "roles": ["officer"]}


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Service]:
    """An empty host: `dragoman up`, which makes the keys."""
    service = Service(tmp_path / "first")
    yield service
    service.stop()


@pytest.fixture
def begin(tmp_path: Path, first: Service) -> Iterator[Callable[[str], Second]]:
    """Begins a further gateway on a data directory of that name."""
    running: list[Second] = []

    def started(name: str) -> Second:
        running.append(Second(first, tmp_path / name))
        return running[-1]

    yield started
    for service in running:
        service.stop()


@pytest.fixture
def second(begin: Callable[[str], Second]) -> Second:
    """A second gateway, whose data directory was empty."""
    return begin("second")


def foreign(begin: Callable[[str], Second], folder: Path) -> Second:
    """A gateway with a log key of its own, as `serve` made one before there was one identity."""
    bootstrap.initialise(folder / "foreign")
    return begin("foreign")


async def opened(session: aiohttp.ClientSession, service: Service, **changes: Any) -> Answer:
    return await Caller(session, service, "operator").call(
        "POST", "/v1/channels", {**NEW, **changes}
    )


async def caller(
    session: aiohttp.ClientSession, service: Service, actor: str, channel: str = "new-one"
) -> Caller:
    """A caller with a new token, once the gateway shows the channel."""
    operator, caller = Caller(session, service, "operator"), Caller(session, service)
    await shows(operator, channel)
    issued = await operator.call("POST", "/v1/tokens", {"actor": actor, "channels": [channel]})
    assert issued.status == 201, issued.body
    caller.headers = {"Authorization": f"Bearer {issued.json['token']}"}
    return caller


async def shows(caller: Caller, channel: str = "new-one", least: int = 1) -> None:
    """Wait until the gateway shows the channel up to a position."""
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await caller.get(f"/v1/channels/{channel}")).status != 200 or answer.json[
            "position"
        ] < least:
            await asyncio.sleep(0.05)


async def test_a_channel_opened_at_the_second_gateway_is_signed(
    second: Second, session: aiohttp.ClientSession
) -> None:
    answer = await opened(session, second)
    assert answer.status == 201, answer.body
    officer = await caller(session, second, "nato/o-1")
    assert await officer.sealed(1, "new-one")
    assert not (second.data / "keys").exists(), "serve makes no key"


async def test_an_officer_is_entered_through_the_gateway_that_has_no_keys(
    own: Service, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    second = Second(own, tmp_path / "second")
    try:
        entered = await Caller(session, second, "china/administrator").post(f"{C}/channel", ENTRY)
        assert entered.status == 201, entered.body
        assert not (second.data / "keys").exists()
    finally:
        second.stop()


async def test_any_gateway_opens_administers_and_erases(
    first: Service,
    begin: Callable[[str], Second],
    session: aiohttp.ClientSession,
    tmp_path: Path,
    dice: random.Random,
) -> None:
    gateways = [first, begin("second"), begin("third")]
    for number in range(3):
        name = f"channel-{number}"
        assert (await opened(session, dice.choice(gateways), name=name)).status == 201
        path = f"/v1/channels/{name}"

        async def anyone(actor: str, name: str = name) -> Caller:
            return await caller(session, dice.choice(gateways), actor, name)

        # an administrator whose key the keeper makes, and who then administers elsewhere
        entry = {**ENTRY, "officer": "adm-2", "roles": ["administrator"]}
        key = new_key()
        entered = await (await anyone("nato/adm")).post(f"{path}/channel", entry, key=key)
        assert entered.status == 201, entered.body
        replayed = await (await anyone("nato/adm")).post(f"{path}/channel", entry, key=key)
        assert (replayed.status, replayed.json) == (201, entered.json)
        position = entered.json["position"]
        newer = await anyone("nato/o-1")
        await shows(newer, name, position)
        adm = await caller(session, newer.service, "nato/adm-2", name)
        again = await adm.post(f"{path}/channel", ENTRY, Dragoman_Min_Position=str(position))
        assert again.status == 201, again.body

        # an exchange that both sides take out of the record
        note = (await (await anyone("nato/o-1")).open(NOTE, name)).json
        erased = await erase(
            await anyone("nato/adm"), await anyone("mars/adm"), name, note, tmp_path
        )
        for gateway in gateways:
            officer = await caller(session, gateway, "mars/o-1", name)
            await shows(officer, name, erased)
            (await officer.get(f"{path}/exchanges/{note['exchange']}")).problem(410, "erased")
            assert await officer.sealed(erased, name)


async def erase(one: Caller, other: Caller, name: str, note: dict[str, Any], folder: Path) -> int:
    """Erase an exchange by the commands, each at its gateway: the other side consents first. The
    position of the erasure.
    """
    seen = note["position"]
    for caller, arguments in (
        (other, ("channel", "consent", note["exchange"])),
        (one, ("channel", "erase", note["exchange"], "--yes")),
    ):
        await shows(caller, name, seen)
        token = folder / "token"
        token.write_text(caller.headers["Authorization"].removeprefix("Bearer "))
        token.chmod(0o600)
        await asyncio.to_thread(
            caller.service.run, *arguments, "--channel", name, "--token-file", str(token)
        )
        seen = (await caller.get(f"/v1/channels/{name}")).json["position"]
    return int(seen)

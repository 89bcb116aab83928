"""The board over all channels: what rings anywhere rings on it, and both sides read the same."""

from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import expect

from browsing import Visit, Visiting
from identified import entered
from office import Office
from service import INCIDENT, Caller, Gateway

NAMES = ("north", "south", "west")
FLASH = {**INCIDENT, "precedence": "flash"}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A service without a demonstration."""
    service = Office(tmp_path_factory.mktemp("board") / "data")
    yield service
    service.stop()


@pytest.fixture(scope="module")
def tokens() -> dict[str, str]:
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def sides(
    session: aiohttp.ClientSession, office: Gateway, tokens: dict[str, str]
) -> dict[str, Caller]:
    """A duty officer of each side, in office in three channels and an exercise."""
    operator = Caller(session, office, "operator")
    if not tokens:
        officers = [
            {"side": side, "officer": "d-1", "office": "hq", "roles": ["officer", "duty_officer"]}
            for side in ("alpha", "beta")
        ]
        for name in (*NAMES, "north-exercise"):
            body: dict[str, Any] = {"name": name, "sides": ["alpha", "beta"], "officers": officers}
            if name.endswith("exercise"):
                body |= {"kind": "exercise", "exercise_of": "north"}
            assert (await operator.call("POST", "/v1/channels", body)).status == 201
        for side in ("alpha", "beta"):
            pairs = [(name, side) for name in (*NAMES, "north-exercise")]
            assert (await entered(operator, side, 1, pairs)).status == 200
            issued = await operator.post("/v1/tokens", {"actor": f"{side}/d-1", "identity": side})
            tokens[side] = issued.json["token"]
    callers = {}
    for side, token in tokens.items():
        callers[side] = Caller(session, office)
        callers[side].headers = {"Authorization": f"Bearer {token}"}
    return callers


async def come(visit: Visit, token: str) -> None:
    """Sign in at the first page, from which a reader with several channels is led on."""
    await visit.enter_with(token, "/")
    await visit.page.wait_for_url("**/board")


async def quiet(sides: dict[str, Caller]) -> None:
    """Acknowledge everything that waits."""
    for side in sides.values():
        for item in (await side.get("/v1/inbox")).json["items"]:
            if item["clock"] == "acknowledgement":
                where = f"/v1/channels/{item['channel']}/exchanges/{item['exchange']}"
                state = await side.get(where)
                act = {"act": "acknowledgement", "of": item["message"]}
                await side.post(f"{where}/acts", act, If_Match=state.headers["ETag"])


async def test_a_flash_in_any_channel_rings_on_the_board_and_is_acknowledged_there(
    visit: Visiting, office: Gateway, sides: dict[str, Caller], tokens: dict[str, str]
) -> None:
    await quiet(sides)
    alpha = await visit(office)
    await come(alpha, tokens["alpha"])
    page = alpha.page
    await expect(page.locator("#cell-alarm")).to_be_visible()
    await expect(page.locator("[data-channel-line]")).to_have_count(4)
    await sides["beta"].open(FLASH, "west")
    dialog = page.locator("dialog[open]")
    await expect(dialog).to_contain_text("BETA")
    await page.wait_for_timeout(900)
    await dialog.locator("button.ack").first.click()
    await expect(dialog).to_have_count(0)
    await expect(page.locator("#headline")).not_to_contain_text("wait for you")
    assert not (await sides["alpha"].get("/v1/inbox")).json["ringing"]
    assert not alpha.complaints
